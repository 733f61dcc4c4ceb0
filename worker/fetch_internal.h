/* fetch_internal.h - worker: what the files of stage 4 share. fetch.c: the turn; fetch_shop.c: may a shop be called, and
 * what becomes of its needs when not; fetch_call.c: calls, from needs to the wire; fetch_answer.c: answers, bisection, parts
 * of compound entities. */
#ifndef SHOPSTREAM_WORKER_FETCH_INTERNAL_H
#define SHOPSTREAM_WORKER_FETCH_INTERNAL_H

#include "worker/circuit.h"
#include "worker/fetch.h"
#include "worker/http_client.h"
#include "worker/market_clock.h"
#include "worker/parts.h"
#include "worker/platforms/platform.h"

enum {
    FETCH_BUCKETS = 4096,           /* of the shop table */
    FETCH_SUSPECTS = 3,             /* ids of an endpoint that other calls' success alone may condemn */
    FETCH_UNAVAILABLE_MS = 30000,   /* until a refused token or scope is tried again */
    FETCH_DEFER_LONGEST_MS = 60000, /* longest deferral of a need */
    FETCH_SHORT_WAIT_MS = 5000,     /* pauses up to this are sat out in the pool */
    FETCH_CROWD_MS = 5000,          /* deferral of what a held-up shop may not keep in the pool */
    FETCH_PROBE_TIMEOUT_MS = 10000, /* of a probe */
    FETCH_SHOP_IDLE_MS = 900000,    /* a shop nobody asked about is forgotten after it */
    FETCH_CARRIED_FACTOR = 4,  /* all calls under way, carried ones included: so many times FETCH_MAX_CALLS */
    FETCH_PATIENCE_MS = 100,   /* a turn waits at least so long for a call */
    FETCH_PATIENCE_FACTOR = 4, /* and so many times what its marketplace usually takes */
    FETCH_CLOCK_WRONG_MS =
        10000, /* our clock and a marketplace's differ by more: requests are signed with its */
    FETCH_CARRIED_POLL_MS = 5,    /* look at carried calls that long when there is nothing else to wait for */
    FETCH_LOG_EVERY_MS = 1000,    /* the same trouble of many shops: one line a second */
    FETCH_PLATFORMS = 4,          /* marketplaces there can be */
    FETCH_LIMIT_SHOPS = 3,        /* so many shops refused in a row: it is the app's limit that binds */
    FETCH_LIMIT_RECENT_MS = 5000, /* so long a limit that was met counts as binding */
    FETCH_FORGIVE_MS = 1000,      /* needs that come back clear their shop at most so often */
    FETCH_TOKEN_LOOK_MS = 200,    /* a shop whose token is awaited is read again so often, spread by a half */
    FETCH_TOKEN_ASK_MS = 30000,   /* the refresher is reminded so often */
    FETCH_TOLD_CODES = 16,        /* unlisted codes remembered, so that each is logged once */
};

/* Why a shop cannot be called at all; logged when it changes. */
enum grant {
    GRANT_FINE,
    GRANT_UNKNOWN,  /* not registered */
    GRANT_STATE,    /* revoked, disabled, expired without a refresher */
    GRANT_UNUSABLE, /* token unreadable, request cannot be built */
    GRANT_REFUSED,  /* the platform refuses it */
    GRANT_TOKEN,    /* a new access token is awaited */
};

/* One id a call asks for. */
struct item {
    struct need *need; /* borrowed, CALLING until answered, so nobody frees it; dead once answered */
    char *subject;     /* later steps: what is asked for; owned; NULL: the need's id */
    yyjson_val *found; /* answered: its entity in the call's document; NULL: left out */
};

/* One request to the marketplace and what hangs on it. Owned by the list it stands in. */
struct call {
    struct call *next;       /* running, a shop's queue or suspects, answered */
    struct call *before;     /* running list only */
    struct fetch_shop *shop; /* borrowed; a shop with calls is never freed */
    int endpoint;            /* the platform's number */
    bool probe;              /* asks for nothing, has no needs */
    bool step;               /* a later step of compound entities: its needs have parts already */
    bool mixed;              /* needs of more than one kind */
    bool background;         /* no need of it has a live message */
    bool carried;            /* not waited for */
    bool kept;               /* answered: a need still points into the document */
    uint64_t token;          /* fingerprint of the access token it was sent with */
    int64_t first_mono_ms;   /* when the first request for these ids was sent; 0 = not yet */
    int64_t sent_mono_ms;    /* when it was sent last */
    int64_t since_mono_ms;   /* suspect: another success since then is evidence against it */
    int64_t fetched_ms;      /* first_mono_ms on Redis' clock */
    bool outage;             /* suspect: it failed as an endpoint fails that is down */
    char error[200];         /* suspect: what the platform said */
    yyjson_doc *doc;         /* answered: owned */
    struct strbuf text;      /* answered: owned; borrowed by doc */
    size_t room;             /* items there is memory for */
    size_t count;            /* items */
    size_t distinct;         /* different ids among them: needs of two kinds may share one */
    struct item items[];
};

struct call_list {
    struct call *first;
};

/* One need of this turn and what has to be asked for it first. */
struct waiting {
    struct need *need;
    int endpoint;
    bool background; /* all its messages come from bulk streams */
};

/* A marketplace's limit for the whole app, as far as this lane knows. Index of the arrays: 0 live, 1 background. */
struct pace {
    const struct platform *platform; /* NULL: free */
    int64_t until_mono_ms[2];        /* nothing is sent before */
    int64_t least_ms[2];             /* shortest wait of the refusals in a row */
    int refused[2];                  /* refusals in a row, of different shops */
    int64_t bound_mono_ms;           /* when the app's limit was last met; 0 = never */
    size_t kept;                     /* messages of its waiting needs, this turn */
    int64_t date_ms;                 /* Date of its last answer; 0 = none yet */
    int64_t date_mono_ms;            /* when that came */
    int64_t usual_ms;                /* what an answer usually takes; single slow ones hardly move it */
    bool app_told;                   /* a refusal of the whole app has been logged */
};

/* Of one endpoint of a shop: it may be down while the others work. */
struct endpoint_health {
    int64_t ok_mono_ms;                 /* when a call of it last succeeded; 0 = none */
    int64_t rest_mono_ms;               /* it fails, and others do not: not asked before */
    uint64_t condemned[FETCH_SUSPECTS]; /* ids (hash) that were blamed since it last succeeded */
    size_t condemned_count;
};

/* What a lane knows of one shop. */
struct fetch_shop {
    struct fetch_shop *chain; /* of the bucket */
    struct fetch_shop *all;   /* next of all shops */
    const struct platform *platform;
    struct pace *pace; /* its marketplace's; borrowed */
    char *shop_id;     /* owned */
    struct circuit circuit;
    enum grant told;          /* last logged */
    uint64_t refused_token;   /* fingerprint of the token the platform refused */
    int64_t refused_mono_ms;  /* not tried with that token before; 0 = none refused */
    int64_t forgiven_ms;      /* Redis' clock: until then needs that came back have cleared it; 0 = never */
    bool awaiting;            /* refused_token has expired: the refresher was asked for a new one */
    int64_t look_mono_ms;     /* awaiting: when the registry is read again */
    int64_t asked_mono_ms;    /* awaiting: when the refresher was last asked */
    int64_t paced_mono_ms[2]; /* rate limit: nothing is sent before; 0 live, 1 background */
    int64_t scope_mono_ms[PLATFORM_ENDPOINTS_MAX]; /* endpoint out of the grant's scope: not asked before */
    int64_t served_mono_ms;                        /* when its last call was sent */
    bool slow;                                     /* its last call took long: not waited for */
    bool probing;                                  /* a probe is under way */
    bool probe_due;                                /* must be probed before anything else */
    size_t running;                                /* calls under way, probe included */
    size_t carried;                                /* those of them nobody waits for */
    struct call_list queue;    /* calls to be sent: halves, next steps, and what has to be repeated */
    struct call_list suspects; /* single ids that failed, until somebody else succeeds */
    struct endpoint_health health[PLATFORM_ENDPOINTS_MAX];
    int64_t used_mono_ms; /* last turn it had something to do */

    /* this turn */
    struct waiting *waiting; /* in the turn's arena: batches are taken from here; NULL = nothing */
    size_t waiting_count;
    size_t next;            /* first that has not been taken */
    int64_t oldest_mono_ms; /* arrival of the oldest */
    unsigned group;         /* sort key of the first */
    bool mixed;             /* not all of one group */
    bool live;              /* one of them is not background */
};

struct fetcher {
    const struct config *config;   /* borrowed */
    struct shop_cache *shops;      /* borrowed */
    struct limiter *limiter;       /* borrowed; NULL: no limits */
    struct refresher *refresher;   /* borrowed; NULL: nobody refreshes tokens */
    const struct streams *streams; /* borrowed; NULL: everything is live */
    struct http_client *http;
    struct pace paces[FETCH_PLATFORMS];
    struct fetch_shop *buckets[FETCH_BUCKETS];
    struct fetch_shop *all;    /* every shop, newest first */
    struct call *running;      /* calls under way */
    struct call_list answered; /* calls whose documents needs point into */
    size_t waited;             /* calls under way that this turn waits for */
    struct market_clock clock;
    uint64_t random;                       /* state of the jitter's generator, never 0 */
    int64_t log_mono_ms;                   /* last line about an open circuit */
    int64_t log_skipped;                   /* lines not written since */
    uint64_t told_codes[FETCH_TOLD_CODES]; /* hashes of unlisted codes that were logged */
    size_t told_count;                     /* of them, also those overwritten since */

    /* this turn */
    struct pool *pool;             /* borrowed */
    const struct redis_time *time; /* borrowed */
    struct arena *arena;           /* borrowed */
    struct fetch_shop **plan;      /* shops with something to do, most urgent first; in the arena */
    size_t plan_count;
    size_t ids;                /* asked for in new calls */
    bool away;                 /* MongoDB did not answer */
    bool limiter_away;         /* Redis did not answer: nothing more is sent */
    int64_t pace_next_mono_ms; /* earliest moment a limit may allow what it refused; INT64_MAX = none did */
    struct err away_err;
};

uint32_t fetch_random(struct fetcher *f);
uint64_t fetch_token_print(const char *token);

/* All its messages come from bulk streams. */
bool fetch_is_background(const struct fetcher *f, const struct need *n);

/* --- fetch_shop.c --------------------------------------------------------------------------------------------- */

/* The shop's entry, made when there is none. */
struct fetch_shop *fetch_shop_find(struct fetcher *f, const struct platform *platform, const char *shop_id);
void fetch_shop_free(struct fetcher *f,
                     struct fetch_shop *s); /* takes it out of the table, not out of f->all */
bool fetch_shop_is_busy(const struct fetch_shop *s);

/* Forgets shops nobody asked about for long: a deauthorised one must not stand in the metrics for ever. */
void fetch_shops_expire(struct fetcher *f, int64_t now);

/* The shop when it may be called now; NULL: its needs were parked or wait, or MongoDB is away (f->away). */
const struct shop *fetch_shop_usable(struct fetcher *f, struct fetch_shop *s);

/* May the shop be called this turn? Defers or parks what cannot wait in the pool. */
void fetch_shop_gate(struct fetcher *f, struct fetch_shop *s);

/* The shop cannot be called: tells it when that is news, and parks everything that is not on the wire. */
void fetch_shop_unavailable(struct fetcher *f, struct fetch_shop *s, enum grant grant, const char *why,
                            const char *reason);
void fetch_shop_available(struct fetch_shop *s);

/* The platform refuses the grant (token: only this access token). Takes c: it is sent again when another token is stored. */
void fetch_shop_refused(struct fetcher *f, struct fetch_shop *s, struct call *c, const char *error, bool app,
                        bool token);

/* Too many requests. Takes c, the call refused. */
void fetch_shop_limited(struct fetcher *f, struct fetch_shop *s, struct call *c,
                        const struct platform_result *result);

/* Opens the circuit. */
void fetch_shop_trip(struct fetcher *f, struct fetch_shop *s, const char *error);
void fetch_shop_closed(const struct fetch_shop *s);

/* Neither the shop nor its marketplace is known to be at its limit. */
bool fetch_shop_in_pace(struct fetcher *f, const struct fetch_shop *s, bool background);

/* Takes the right to send one call. False: not now. */
bool fetch_shop_take(struct fetcher *f, struct fetch_shop *s, bool background);

/* Was the app's limit met just now? */
bool fetch_pace_binds(const struct pace *p, int64_t now);

/* One need whose shop fails: back to the stream without an attempt, or parked when it has waited long enough. Its parts end. */
void fetch_need_hold_up(struct fetcher *f, struct need *n, int64_t delay_ms, const char *why,
                        const char *reason);
void fetch_need_park(struct fetcher *f, struct need *n, const char *reason);

/* --- fetch_call.c --------------------------------------------------------------------------------------------- */

void call_list_push(struct call_list *list, struct call *c);
struct call *call_list_pop(struct call_list *list);
struct call *call_new(struct fetch_shop *shop, int endpoint, size_t room); /* owned */
const char *call_subject(const struct item *item);

/* Adds an item. Takes subject (NULL: the need's id). */
void call_add(struct call *c, struct need *n, char *subject, bool background);
void call_drop_answer(struct call *c); /* its document and text */
void call_free(struct call *c);
void calls_free(struct call *c); /* and all behind it */

/* Its needs wait again, as if never asked for. Takes c. */
void call_undo(struct pool *pool, struct call *c);
/* Its needs' shop fails, as fetch_need_hold_up. Takes c. */
void call_hold_up(struct fetcher *f, struct call *c, int64_t delay_ms, const char *why, const char *reason);
void call_park(struct fetcher *f, struct call *c, const char *reason);

/* Its endpoint is down: its needs wait until it may be asked again. Takes c. */
void call_rest(struct fetcher *f, struct call *c, const char *why);

/* Sends whatever may be sent now. */
void call_send_all(struct fetcher *f);

/* Calls still under way are nobody's to wait for any more. */
void call_carry(struct fetcher *f);
void call_running_remove(struct fetcher *f, struct call *c);

/* --- fetch_answer.c ------------------------------------------------------------------------------------------- */

/* Takes one answer, waiting up to wait_ms. False: none came. */
bool call_take_answer(struct fetcher *f, int64_t wait_ms);

#endif
