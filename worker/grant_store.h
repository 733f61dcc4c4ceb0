/* grant_store.h - worker: authorizations in MongoDB as the refresher sees them. Tokens are replaced by compare-and-set on the
 * hash of the refresh token they came from, never by time or fence number: the answer to the used token is the only
 * valid one, however late it is stored.
 *
 * Fields of `authorizations` beside those of shop.h: access_issued_at, refresh_at (when the access token is to be refreshed
 * or tried again), refresh_failures, intent {by at until lost}, state ("refused" or absent), alarm {since reason error
 * access_until}. One thread and one store. */
#ifndef SHOPSTREAM_WORKER_GRANT_STORE_H
#define SHOPSTREAM_WORKER_GRANT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/hmac.h"
#include "common/strbuf.h"
#include "worker/credentials.h"
#include "worker/store.h"

/* A pair of tokens as an answer brought it. Texts owned. */
struct pair {
    char from[HMAC_HEX_LENGTH + 1]; /* SHA-256 of the refresh token it was given for */
    struct strbuf access_token;
    struct strbuf refresh_token;
    struct strbuf open_id;      /* "" = not told */
    int64_t issued_ms;          /* when the answer came, UTC epoch ms */
    int64_t access_expires_ms;  /* never 0 */
    int64_t refresh_expires_ms; /* 0 = not told */
};

void pair_deinit(struct pair *p); /* wipes; accepts a zeroed one */

/* A call whose end is not known: it may be under way, or its answer was lost. */
struct intent {
    bool open;        /* there is one */
    bool lost;        /* its answer did not come: whether the refresh token was used is not known */
    char by[136];     /* who called */
    int64_t until_ms; /* its caller may still store an answer until then, UTC epoch ms */
};

/* One authorization. Texts owned. */
struct grant {
    char *id;                               /* "<platform>:<name>" */
    char *shop_id;                          /* Shopee: whom the token call names; else "" */
    struct strbuf access_token;             /* plain */
    struct strbuf refresh_token;            /* plain */
    char refresh_hash[HMAC_HEX_LENGTH + 1]; /* as stored: what a write compares with */
    int64_t access_expires_ms;
    int64_t refresh_at_ms; /* when it is due; 0 = not stored */
    int64_t issued_ms;     /* of the access token; a person's record: when it was put */
    int64_t failures;      /* tries in a row that brought nothing */
    bool refused;          /* the platform takes its refresh token no more */
    bool alarmed;          /* an alarm stands */
    struct intent intent;
    struct err unreadable; /* domain ERR_NONE: fine; else why its tokens cannot be unsealed */
};

void grant_deinit(struct grant *g); /* wipes; accepts a zeroed one */

/* _ids of the authorizations of a platform that are due at now_ms, the access token that ends first first; at most most of
 * them. A list of texts, each owned; ids_free. False: err. */
struct ids {
    char **at;
    size_t count;
};
void ids_free(struct ids *ids);
bool grants_due(struct store *s, const char *platform, int64_t now_ms, size_t most, struct ids *ids,
                struct err *err) __attribute__((warn_unused_result));

/* Reads one. *found false: there is none of that name. False: MongoDB does not answer, err. */
bool grant_read(struct store *s, const struct credentials *c, const char *id, struct grant *g, bool *found,
                struct err *err) __attribute__((warn_unused_result));

/* What a compare-and-set did. */
enum grant_set {
    GRANT_SET,        /* written */
    GRANT_SUPERSEDED, /* another pair is stored, or none any more */
    GRANT_UNKNOWN,    /* MongoDB did not answer: it may have been written */
};

/* Stores a new pair, ends intent, alarm and refusal; shops that were revoked because of a refusal work again. Also SET when
 * this very pair is stored already. */
enum grant_set grant_store_pair(struct store *s, const struct credentials *c, const char *id,
                                const struct pair *p, struct err *err) __attribute__((warn_unused_result));

/* Writes down that a refresh is about to be sent. */
enum grant_set grant_intend(struct store *s, const struct grant *g, const char *by, int64_t now_ms,
                            int64_t until_ms, struct err *err) __attribute__((warn_unused_result));

/* A try brought nothing: again at retry_at_ms. lost: the answer did not come, so the intent stays. alarm: reason of an alarm
 * to raise, NULL for none; why: a sentence without secrets. */
enum grant_set grant_failed(struct store *s, const struct grant *g, int64_t retry_at_ms, bool lost,
                            const char *alarm, const char *why, struct err *err)
    __attribute__((warn_unused_result));

/* The platform takes the refresh token no more. reason: "refused", or "answer_lost" (then the access token's shops go on until
 * it ends). */
enum grant_set grant_refuse(struct store *s, const struct grant *g, const char *reason, const char *why,
                            struct err *err) __attribute__((warn_unused_result));

/* When a grant without refresh_at is due: half of its life. */
enum grant_set grant_schedule(struct store *s, const struct grant *g, struct err *err)
    __attribute__((warn_unused_result));

/* Half of an access token's life. */
int64_t grant_half_life_ms(int64_t issued_ms, int64_t expires_ms);

/* _ids of the refused ones of a platform; ids_free. False: err. */
bool grants_refused(struct store *s, const char *platform, struct ids *ids, struct err *err)
    __attribute__((warn_unused_result));

/* Revokes the active shops of refused authorizations of a platform (those whose answer was lost: from the end of the access
 * token on). *changed: shops. False: err. */
bool grants_settle_refused(struct store *s, const char *platform, int64_t now_ms, int64_t *changed,
                           struct err *err) __attribute__((warn_unused_result));

/* An authorization lives (again): so do the shops its refusal has revoked. States set by a person are left alone. */
bool grant_shops_back(struct store *s, const char *id, struct err *err) __attribute__((warn_unused_result));

/* Revokes one active shop of a grant that lives on: it comes back by shop put only. False: err. */
bool grant_revoke_shop(struct store *s, const char *shop_doc_id, int64_t now_ms, struct err *err)
    __attribute__((warn_unused_result));

/* How many have an alarm, and the shortest remaining life of an access token that is still refreshed, ms (-1: none). Of all
 * platforms. False: err. */
bool grants_measure(struct store *s, int64_t now_ms, int64_t *alarmed, int64_t *shortest_ms, struct err *err)
    __attribute__((warn_unused_result));

#endif
