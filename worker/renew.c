/* renew.c - worker: the refresh of one authorization.
 *
 * In:      an authorization and why it is to be refreshed.
 * Does:    under the lease lock:{<authorization>}:token
 *            0  finish what a predecessor left in token:{<authorization>}
 *            1  write the intent to MongoDB: who calls, and until when an answer may still be stored
 *            2  call; an answer that does not come: once more, at once
 *            3  the new pair, sealed, with the hash of the token it came from, to token:{<authorization>}
 *            4  store it in MongoDB by compare-and-set on that hash
 *            5  remove the copy
 * Fails:   by result; what became of the refresh token stands in MongoDB whatever happens here.
 * Thread:  one of its own; a call is waited for.
 * Why so:  Shopee's refresh token can be used once. Between 2 and 3 the pair exists in this process alone: that is the one
 *          moment in which its end loses a grant, and the intent that stays open tells so. From 3 on anybody can finish.
 *          The lease lives longer than everything here may take, and its holder looks at what is left of it before the
 *          call: one that was frozen meanwhile does not send. An answer is stored however late: it is the only valid one. */
#include "worker/renew.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "worker/grant_store.h"
#include "worker/lease.h"
#include "worker/market_call.h"
#include "worker/token_copy.h"

enum {
    CALL_LONGEST_MS = 30000,  /* a token call that takes longer has failed; REQUEST_TIMEOUT may be shorter */
    STORE_LONGEST_MS = 65000, /* worst case of one write to MongoDB (storage rules) */
    LEASE_SPARE_MS = 10000,   /* reads and Redis */
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_LONGEST_MS = 300000,
    UNUSABLE_AGAIN_MS = 300000, /* what only a person can mend is looked at again after it */
    ALARM_FAILURES = 5,         /* tries in vain until somebody is told */
    TOLD_NOT_MS = 4 * 3600000,  /* life of an access token whose end is not told */
    STORE_AGAIN_MS = 500,
    STORE_LAST_TRIES = 5, /* when the process is to end and the pair is kept nowhere */
};

/* One refresh under way. */
struct renewal {
    const struct renewer *r;
    const char *id;
    enum renew_why why;
    uint64_t print;
    struct lease lease;
    struct grant grant; /* as read under the lease */
    bool lost;          /* an answer to a call with this refresh token may have been lost */
    bool finished;      /* a predecessor's copy was stored */
};

static int64_t call_ms(const struct renewer *r)
{
    int64_t ms = r->config->request_timeout_ms;

    return ms > 0 && ms < CALL_LONGEST_MS ? ms : CALL_LONGEST_MS;
}

static bool is_open(const struct intent *intent, int64_t now_ms)
{
    return intent->open && intent->until_ms > now_ms;
}

/* --- putting off ---------------------------------------------------------------------------------------------- */

static int64_t backoff_ms(int64_t failures)
{
    int64_t ms = BACKOFF_FIRST_MS << (failures < 9 ? failures : 9);
    unsigned seed = (unsigned)clock_mono_us();

    ms = ms > BACKOFF_LONGEST_MS ? BACKOFF_LONGEST_MS : ms;
    return ms + rand_r(&seed) % (ms / 4);
}

static int64_t life_left_s(const struct grant *g)
{
    int64_t left = g->access_expires_ms - clock_now_ms();

    return left > 0 ? left / 1000 : 0;
}

/* Says why and tries again later. unusable: a person has to do something first. */
static enum renew_result put_off(struct renewal *w, int64_t in_ms, bool unusable, const char *why,
                                 struct err *err)
{
    const struct grant *g = &w->grant;
    bool alarm = !g->alarmed && (unusable || g->failures + 1 >= ALARM_FAILURES);
    enum grant_set set =
        grant_failed(w->r->store, g, clock_now_ms() + in_ms, w->lost, alarm ? "failing" : NULL, why, err);

    metric_add(METRIC_WORKER_REFRESH_FAILED, 1);
    if (set == GRANT_UNKNOWN)
        return RENEW_AWAY;
    if (set == GRANT_SUPERSEDED)
        return RENEW_NEEDLESS;
    if (alarm)
        log_error("refresh keeps failing", LOG_S("authorization", w->id), LOG_S("why", why),
                  LOG_I("access_seconds_left", life_left_s(g)), LOG_I("again_ms", in_ms));
    else
        log_warn("refresh put off", LOG_S("authorization", w->id), LOG_S("why", why),
                 LOG_I("access_seconds_left", life_left_s(g)), LOG_I("again_ms", in_ms));
    return RENEW_LATER;
}

/* --- step 0: what a predecessor left -------------------------------------------------------------------------- */

/* Stores the copy found. False: it must stay, *result says what that means. */
static bool finish(struct renewal *w, const struct pair *p, const struct strbuf *sealed,
                   enum renew_result *result, struct err *err)
{
    enum grant_set set = grant_store_pair(w->r->store, w->r->credentials, w->id, p, err);

    if (set == GRANT_UNKNOWN) {
        *result = RENEW_AWAY;
        return false;
    }
    w->finished = set == GRANT_SET;
    metric_add(set == GRANT_SET ? METRIC_WORKER_REFRESH_FINISHED : METRIC_WORKER_REFRESH_DROPPED, 1);
    log_info(set == GRANT_SET ? "another's refresh finished"
                              : "another's refresh dropped, a newer grant is stored",
             LOG_S("authorization", w->id));
    if (!token_copy_drop(w->r->link, w->id, sealed, err)) {
        *result = RENEW_AWAY;
        return false;
    }
    return true;
}

/* It is in the way of nothing but the refresh it came from: while that one's intent is open it may hold the only valid pair,
 * and a call would spend what is stored for nothing. Without one, a newer grant is stored. False: *result. */
static bool pass_unreadable(struct renewal *w, enum renew_result *result, struct err *err)
{
    static const char why[] =
        "a refreshed pair in Redis cannot be read: is CREDENTIALS_KEY the one it was sealed under?";
    struct grant now = {0};
    bool found;

    if (!grant_read(w->r->store, w->r->credentials, w->id, &now, &found, err)) {
        *result = RENEW_AWAY;
        return false;
    }
    if (found && !now.refused && now.intent.open) {
        grant_deinit(&w->grant);
        w->grant = now;
        w->lost = true;
        *result = put_off(w, UNUSABLE_AGAIN_MS, true, why, err);
        return false;
    }
    grant_deinit(&now);
    log_warn("a pair in Redis that cannot be read is passed over: it belongs to no refresh that is open",
             LOG_S("authorization", w->id));
    return true;
}

/* True: no copy is left that matters. */
static bool finish_copy(struct renewal *w, enum renew_result *result, struct err *err)
{
    struct strbuf sealed = STRBUF_INIT;
    struct pair p = {0};
    bool ok = false;

    switch (token_copy_find(w->r->link, w->r->credentials, w->id, &p, &sealed, err)) {
    case TOKEN_COPY_NONE:
        ok = true;
        break;
    case TOKEN_COPY_FOUND:
        ok = finish(w, &p, &sealed, result, err);
        break;
    case TOKEN_COPY_UNREADABLE:
        ok = pass_unreadable(w, result, err);
        break;
    case TOKEN_COPY_UNKNOWN:
        *result = RENEW_AWAY;
        break;
    }
    pair_deinit(&p);
    strbuf_deinit(&sealed);
    return ok;
}

/* --- step 1: is it due, and the intent ------------------------------------------------------------------------ */

static bool is_due(const struct renewal *w, int64_t now_ms)
{
    const struct grant *g = &w->grant;
    int64_t at = g->refresh_at_ms ? g->refresh_at_ms : grant_half_life_ms(g->issued_ms, g->access_expires_ms);

    if (at <= now_ms)
        return true;
    if (g->failures > 0) /* it was tried lately: whoever asks waits for the back-off, too */
        return false;
    if (w->why == RENEW_ASKED)
        return XXH3_64bits(g->access_token.data, g->access_token.length) == w->print;
    return w->why == RENEW_DOUBTED && !w->finished;
}

/* Reads the grant and decides. False: *result. */
static bool may_call(struct renewal *w, enum renew_result *result, struct err *err)
{
    struct grant *g = &w->grant;
    int64_t now_ms = clock_now_ms();
    bool found;

    if (!grant_read(w->r->store, w->r->credentials, w->id, g, &found, err)) {
        *result = RENEW_AWAY;
        return false;
    }
    *result = w->finished ? RENEW_DONE : RENEW_NEEDLESS;
    if (!found || g->refused)
        return false;
    if (g->unreadable.domain != ERR_NONE) {
        w->lost = g->intent.open;
        *result = put_off(w, UNUSABLE_AGAIN_MS, true, g->unreadable.text, err);
        return false;
    }
    if (!is_due(w, now_ms)) {
        if (g->refresh_at_ms == 0 && grant_schedule(w->r->store, g, err) == GRANT_UNKNOWN)
            *result = RENEW_AWAY;
        return false;
    }
    if (is_open(&g->intent, now_ms) && strcmp(g->intent.by, w->r->by) != 0) {
        *result = RENEW_ELSEWHERE;
        return false;
    }
    w->lost =
        g->intent
            .open; /* somebody, or this process before MongoDB went away, called and never told the end */
    return true;
}

/* False: *result. */
static bool intend(struct renewal *w, enum renew_result *result, struct err *err)
{
    int64_t now_ms = clock_now_ms(), until_ms = now_ms + lease_left_ms(&w->lease);
    enum grant_set set = grant_intend(w->r->store, &w->grant, w->r->by, now_ms, until_ms, err);

    if (set != GRANT_SET) {
        *result = set == GRANT_UNKNOWN ? RENEW_AWAY : RENEW_NEEDLESS;
        return false;
    }
    if (lease_left_ms(&w->lease) >= 2 * call_ms(w->r))
        return true;
    /* frozen, or MongoDB was that slow: another worker may be at it soon, so this one does not send */
    *result = put_off(w, BACKOFF_FIRST_MS, false, "its lease has nearly run out before the call", err);
    return false;
}

/* --- step 2: the call ----------------------------------------------------------------------------------------- */

/* One token call. False: it could not even be built or sent, err. */
static bool call_once(struct renewal *w, struct platform_grant *answer, struct err *err)
{
    const struct renewer *r = w->r;
    const struct shop_identity who = {.shop_id = w->grant.shop_id};
    struct platform_request request = {0};
    struct market_call call = {0};
    bool ok = r->platform->token_request(r->config, strbuf_text(&w->grant.refresh_token), &who,
                                         clock_now_ms() / 1000, &request, err) &&
              market_call(r->http, &request, call_ms(r), &call, err);

    if (ok)
        r->platform->token_answer(&call.answer, answer);
    market_call_deinit(&call);
    platform_request_deinit(&request);
    return ok;
}

/* With a second try when the answer did not come; not when it was frozen for so long that another may be at it. False: as
 * above. */
static bool call(struct renewal *w, struct platform_grant *answer, struct err *err)
{
    if (!call_once(w, answer, err))
        return false;
    if (answer->class != CALL_RETRY)
        return true;
    w->lost = true;
    if (lease_left_ms(&w->lease) < call_ms(w->r))
        return true;
    log_warn("no usable answer to a refresh, trying once more", LOG_S("authorization", w->id),
             LOG_S("why", answer->error));
    platform_grant_deinit(answer);
    *answer = (struct platform_grant){0};
    return call_once(w, answer, err);
}

/* --- steps 3 to 5: the pair ----------------------------------------------------------------------------------- */

/* Takes the texts out of the answer. */
static void pair_take(struct pair *p, struct platform_grant *answer, const struct grant *from)
{
    *p = (struct pair){.access_token = answer->access_token,
                       .refresh_token = answer->refresh_token,
                       .open_id = answer->open_id,
                       .issued_ms = clock_now_ms(),
                       .refresh_expires_ms = answer->refresh_expires_ms};
    p->access_expires_ms = answer->access_expires_ms ? answer->access_expires_ms : p->issued_ms + TOLD_NOT_MS;
    answer->access_token = answer->refresh_token = answer->open_id = STRBUF_INIT;
    memcpy(p->from, from->refresh_hash, sizeof(p->from));
}

/* Kept in Redis, or in this process alone until MongoDB has it. */
struct keeping {
    struct strbuf sealed;
    enum token_copy_kept kept;
};

static void keep(struct renewal *w, const struct pair *p, struct keeping *k)
{
    struct err err = {0};

    k->kept = token_copy_keep(w->r->link, w->r->credentials, w->id, p, &k->sealed, &err);
    if (k->kept == TOKEN_COPY_REFUSED)
        log_warn("a refreshed pair is not kept in Redis", LOG_S("authorization", w->id),
                 LOG_S("err", err.text));
}

/* Until the pair is somewhere: as long as it lives in this process alone, nothing else matters. */
static enum grant_set store(struct renewal *w, const struct pair *p, struct keeping *k, struct err *err)
{
    int last = 0;

    for (;;) {
        enum grant_set set = grant_store_pair(w->r->store, w->r->credentials, w->id, p, err);

        if (set != GRANT_UNKNOWN || k->kept == TOKEN_COPY_KEPT)
            return set;
        if (!w->r->wait(w->r->context, STORE_AGAIN_MS) && ++last > STORE_LAST_TRIES) {
            log_error("a refreshed pair could be kept nowhere: its authorization is lost",
                      LOG_S("authorization", w->id), LOG_I("access_seconds_left", life_left_s(&w->grant)),
                      LOG_S("err", err->text));
            return GRANT_UNKNOWN;
        }
        keep(w, p, k);
    }
}

static enum renew_result bring_home(struct renewal *w, const struct pair *p, struct err *err)
{
    struct keeping k = {0};
    enum grant_set set;
    struct err ignored = {0};

    keep(w, p, &k);             /* step 3 */
    set = store(w, p, &k, err); /* step 4 */
    if (set != GRANT_UNKNOWN && k.kept == TOKEN_COPY_KEPT &&
        !token_copy_drop(w->r->link, w->id, &k.sealed, &ignored)) /* step 5 */
        log_debug("copy of a pair not removed, it will be found again", LOG_S("authorization", w->id));
    strbuf_deinit(&k.sealed);
    if (set == GRANT_UNKNOWN)
        return RENEW_AWAY;
    metric_add(set == GRANT_SET ? METRIC_WORKER_REFRESH_DONE : METRIC_WORKER_REFRESH_DROPPED, 1);
    if (set == GRANT_SUPERSEDED) {
        log_warn("a refreshed pair dropped, a newer grant is stored", LOG_S("authorization", w->id));
        return RENEW_NEEDLESS;
    }
    log_info("tokens refreshed", LOG_S("authorization", w->id),
             LOG_I("access_seconds", (p->access_expires_ms - p->issued_ms) / 1000));
    return RENEW_DONE;
}

/* --- refused -------------------------------------------------------------------------------------------------- */

/* Is what was refused still what is stored? False: *result. */
static bool still_stored(struct renewal *w, enum renew_result *result, struct err *err)
{
    struct grant now = {0};
    bool found, same;

    if (!finish_copy(w, result, err))
        return false;
    if (!grant_read(w->r->store, w->r->credentials, w->id, &now, &found, err)) {
        *result = RENEW_AWAY;
        return false;
    }
    same = found && strcmp(now.refresh_hash, w->grant.refresh_hash) == 0;
    grant_deinit(&now);
    *result = w->finished ? RENEW_DONE : RENEW_NEEDLESS;
    return same;
}

static enum renew_result refused(struct renewal *w, const char *why, struct err *err)
{
    const char *reason = w->lost ? "answer_lost" : "refused";
    struct strbuf command = STRBUF_INIT;
    enum renew_result result;
    enum grant_set set;

    if (!still_stored(w, &result, err))
        return result;
    set = grant_refuse(w->r->store, &w->grant, reason, why, err);
    if (set != GRANT_SET)
        return set == GRANT_UNKNOWN ? RENEW_AWAY : RENEW_NEEDLESS;
    metric_add(w->lost ? METRIC_WORKER_REFRESH_LOST : METRIC_WORKER_REFRESH_REFUSED, 1);
    strbuf_add_format(&command, "shopstreamctl shop authorize %s", w->r->platform->name);
    log_error(w->lost ? "the answer to a refresh was lost: a person must authorise again"
                      : "refresh token refused: a person must authorise again",
              LOG_S("authorization", w->id), LOG_S("reason", reason), LOG_S("why", why),
              LOG_I("access_seconds_left", life_left_s(&w->grant)), LOG_S("do", strbuf_text(&command)));
    strbuf_deinit(&command);
    return RENEW_REFUSED;
}

/* --- all of it ------------------------------------------------------------------------------------------------ */

static enum renew_result judge(struct renewal *w, struct platform_grant *answer, struct err *err)
{
    int64_t wait_ms = backoff_ms(w->grant.failures);
    enum renew_result result;
    struct pair p;

    switch (answer->class) {
    case CALL_OK:
        pair_take(&p, answer, &w->grant);
        result = bring_home(w, &p, err);
        pair_deinit(&p);
        return result;
    case CALL_RETRY:
        return put_off(w, wait_ms, false, answer->error, err);
    case CALL_LIMIT:
        return put_off(w, answer->retry_after_ms > wait_ms ? answer->retry_after_ms : wait_ms, false,
                       answer->error, err);
    case CALL_TOKEN:
    case CALL_AUTH:
        return refused(w, answer->error, err);
    default: /* our own keys, clock or request: says nothing about the token */
        return put_off(w, UNUSABLE_AGAIN_MS, true, answer->error, err);
    }
}

static enum renew_result under_lease(struct renewal *w, struct err *err)
{
    struct platform_grant answer = {0};
    enum renew_result result = RENEW_NEEDLESS;

    if (!finish_copy(w, &result, err) || !may_call(w, &result, err) || !intend(w, &result, err))
        return result;
    if (call(w, &answer, err))
        result = judge(w, &answer, err);
    else
        result = put_off(w, UNUSABLE_AGAIN_MS, true, err->text, err);
    platform_grant_deinit(&answer);
    return result;
}

enum renew_result renew(const struct renewer *r, const char *id, enum renew_why why, uint64_t print,
                        struct err *err)
{
    struct renewal w = {.r = r, .id = id, .why = why, .print = print};
    enum renew_result result;

    if (!lease_init(&w.lease, id, "token", 2 * call_ms(r) + STORE_LONGEST_MS + LEASE_SPARE_MS)) {
        err_set(err, ERR_DATA, 0, "the authorization's name is too long");
        return RENEW_NEEDLESS;
    }
    switch (lease_take(&w.lease, r->link, err)) {
    case LEASE_ELSEWHERE:
        return RENEW_ELSEWHERE;
    case LEASE_UNKNOWN:
        return RENEW_AWAY;
    case LEASE_TAKEN:
        break;
    }
    result = under_lease(&w, err);
    lease_release(&w.lease, r->link);
    grant_deinit(&w.grant);
    return result;
}
