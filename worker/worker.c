/* worker.c - worker: the loop. One turn is seven calls, top to bottom; everything else here is starting, pausing and
 * stopping.
 *
 * What waits longer than a turn (a slow shop, MongoDB away) stays in the lane's pool and owns its memory; what belongs
 * to one turn lies in the arena and is gone after arena_reset. A dependency that is away pauses the lane with back-off
 * and jitter: nothing is judged for what it could not do, no attempt is counted, and the keeper goes on refreshing what
 * the lane holds, so no other worker takes it over meanwhile. */
#include "worker/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/redis_url.h"
#include "worker/ack.h"
#include "worker/batch.h"
#include "worker/credentials.h"
#include "worker/dto.h"
#include "worker/fetch.h"
#include "worker/freshness.h"
#include "worker/group.h"
#include "worker/keeper.h"
#include "worker/limit.h"
#include "worker/link.h"
#include "worker/lookup.h"
#include "worker/refresh.h"
#include "worker/shop.h"
#include "worker/store.h"
#include "worker/streams.h"
#include "worker/sweep.h"
#include "worker/trim.h"
#include "worker/upsert.h"
#include "worker/writer.h"

enum {
    ARENA_FIRST = 1 << 20,  /* bytes; one turn of 1,000 documents fits */
    ARENA_LIMIT = 64 << 20, /* bytes; then a turn does less */
    PAUSE_FIRST_MS = 200,   /* first pause after a dependency went away */
    PAUSE_LAST_MS = 10000,  /* longest pause */
    CARRIED_BLOCK_MS = 50,  /* longest block while calls are carried over */
    SHOP_KEEP_MS = 5000,    /* how long a shop read from MongoDB is believed */
    LINK_MARGIN_MS = 5000,  /* reply time-out beyond BLOCK */
    NAME_MAX_LENGTH = 128,  /* consumer name of a lane, with its NUL */
};

/* Back-off of one dependency of a lane. */
struct pause {
    const char *what;   /* "mongo" or "redis"; literal */
    enum metric metric; /* counts the pauses */
    atomic_bool away;   /* read by worker_ready */
    int64_t wait_ms;    /* length of the next pause; 0 = it answers */
    int64_t since_mono; /* when it went away */
};

struct lane {
    struct worker *worker;
    size_t number;
    char name[NAME_MAX_LENGTH]; /* consumer name */
    pthread_t thread;
    bool started; /* thread must be joined */
    struct pause redis;
    struct pause mongo;
    struct link *reads;
    struct link *acks;
    struct store *store;
    struct shop_cache *shops;
    struct batch_reader *reader;
    struct limiter *limiter;
    struct fetcher *fetcher;
    struct acker *acker;
    struct trim *trim; /* lane 0 only */
    struct pool *pool;
    struct writer *writer; /* stage 6, on a thread beside the lane's */
    struct arena *arena;   /* this turn's */
    struct arena *spare;   /* the next one's; holds the documents under way while the writer is busy */
    struct redis_time time;
    bool progressed;        /* the last turn settled something, or is about to: look again at once */
    int64_t probed_mono_ms; /* when MongoDB was last asked, monotonic */
    size_t held;            /* messages last added to the gauge */
    unsigned random;        /* state of rand_r, for jitter */
};

struct worker {
    const struct config *config;
    struct redis_url redis;
    struct streams streams;
    struct credentials *credentials;
    struct store_pool *stores;
    struct keeper *_Atomic keeper; /* set by worker_start while worker_ready may look */
    struct refresher *refresher;   /* set by worker_start before the lanes */
    struct sweep *_Atomic sweep;   /* set by worker_start while worker_stop may look */
    struct lane *lanes;
    size_t lane_count;
    atomic_bool stopping;
    atomic_size_t running;  /* lanes that have not ended */
    pthread_mutex_t lock;   /* guards nothing but the condition */
    pthread_cond_t changed; /* stopping was set, or a lane has ended */
};

/* --- waiting --------------------------------------------------------------------------------------- */

static struct timespec mono_in(int64_t ms)
{
    int64_t at = clock_mono_ms() + ms;

    return (struct timespec){.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000};
}

/* Returns after ms or as soon as the worker is to stop. */
static void wait_or_stop(struct worker *w, int64_t ms)
{
    struct timespec until = mono_in(ms);

    pthread_mutex_lock(&w->lock);
    while (!atomic_load(&w->stopping))
        if (pthread_cond_timedwait(&w->changed, &w->lock, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&w->lock);
}

static void pause_init(struct pause *p, const char *what, enum metric metric)
{
    p->what = what;
    p->metric = metric;
    atomic_init(&p->away, false);
}

/* The dependency failed: remember it and make the next turn wait. */
static void pause_begin(struct pause *p, struct lane *l, const struct err *err)
{
    if (!atomic_exchange(&p->away, true)) {
        p->since_mono = clock_mono_ms();
        log_warn("dependency away, pausing", LOG_S("lane", l->name), LOG_S("dependency", p->what),
                 LOG_S("err", err->text));
    }
    metric_add(p->metric, 1);
    p->wait_ms = p->wait_ms == 0 ? PAUSE_FIRST_MS : p->wait_ms * 2;
    if (p->wait_ms > PAUSE_LAST_MS)
        p->wait_ms = PAUSE_LAST_MS;
}

static void pause_end(struct pause *p, struct lane *l)
{
    if (atomic_exchange(&p->away, false))
        log_info("dependency back", LOG_S("lane", l->name), LOG_S("dependency", p->what),
                 LOG_I("away_ms", clock_mono_ms() - p->since_mono));
    p->wait_ms = 0;
}

/* Waits out the longer of the two pauses, with jitter of a fifth either way. */
static void pause_wait(struct lane *l)
{
    int64_t ms = l->redis.wait_ms > l->mongo.wait_ms ? l->redis.wait_ms : l->mongo.wait_ms;

    if (ms > 0)
        wait_or_stop(l->worker, ms - ms / 5 + rand_r(&l->random) % (ms * 2 / 5 + 1));
}

/* --- one turn -------------------------------------------------------------------------------------- */

/* How long stage 1 may wait for work: not at all while there is some, shortly while calls are under way. */
static int64_t turn_block_ms(const struct lane *l)
{
    if (writer_busy(l->writer))
        return 0;
    if (pool_needs(l->pool) == 0)
        return l->worker->config->block_ms;
    return l->progressed && fetch_carried(l->fetcher) == 0 ? 0 : CARRIED_BLOCK_MS;
}

/* Stage 7. A lost link is a pause; what was not confirmed is repeated by the next turn. */
static void turn_ack(struct lane *l, struct message_list *settled)
{
    struct err err = {0};

    if (settled->count == 0 && ack_unconfirmed(l->acker) == 0)
        return;
    if (!ack_settle(l->acker, settled, &err))
        pause_begin(&l->redis, l, &err);
}

/* Stage 1 with its room: what the lane holds counts against its bounds. Nothing new while MongoDB is away, nor while acks
 * are owed: what is owed is in no bound, and its own entries would be taken again. */
static void turn_read(struct lane *l, struct message_list *fresh)
{
    const struct config *c = l->worker->config;
    size_t room = (size_t)c->read_max_entries, room_bytes = (size_t)c->read_max_bytes;
    size_t held = pool_messages(l->pool) + writer_messages(l->writer);
    size_t held_bytes = pool_bytes(l->pool) + writer_bytes(l->writer);
    struct message_list none = {0};
    struct err err = {0};
    bool full, ok;

    turn_ack(l, &none);
    if (ack_unconfirmed(l->acker) > 0 || atomic_load(&l->mongo.away))
        return; /* both have a pause of their own */
    full = held >= room || held_bytes >= room_bytes;
    if (full && !l->progressed) /* calls are under way, or its shops wait for a rate limit */
        wait_or_stop(l->worker, CARRIED_BLOCK_MS);
    /* Nothing is held before Redis' clock is known: by our own, which may be wrong, a read would seem later than it is. */
    ok = l->time.at_ms != 0 || redis_time_sync(&l->time, l->reads, &err);
    ok = ok &&
         (full || batch_read(l->reader, room - held, room_bytes - held_bytes, turn_block_ms(l), fresh, &err));
    if (ok && redis_time_sync(&l->time, l->reads, &err))
        pause_end(&l->redis, l);
    else
        pause_begin(&l->redis, l, &err);
}

static struct freshness turn_freshness(const struct lane *l)
{
    return (struct freshness){
        .now_ms = redis_time_now_ms(&l->time),
        .skew_ms = l->worker->config->clock_skew_ms,
        .settled_counts = fetch_clocks_agree(l->fetcher),
        .partitions = streams_in_use(&l->worker->streams),
    };
}

/* Stage 6, one batch behind: what the turn before has built comes back first, then what this one has built goes out. The
 * lane waits for that at once, unless there is more to prepare meanwhile; also while MongoDB is away, because only a write
 * that has succeeded ends the pause. */
static bool turn_write(struct lane *l, bool up, struct message_list *settled, struct err *err)
{
    struct freshness f;

    up = writer_collect(l->writer, l->pool, settled, err) && up;
    if (!up) {
        upsert_put_back(l->pool);
        return false;
    }
    f = turn_freshness(l);
    writer_send(l->writer, l->pool, &f);
    if (pool_count(l->pool, NEED_WAITING) > 0 && !atomic_load(&l->mongo.away))
        return true;
    return writer_collect(l->writer, l->pool, settled, err);
}

static void take_if_judged(void *list, struct need *n)
{
    struct need_list *judged = list;

    if (n->state != NEED_JUDGED)
        return;
    n->next = judged->first;
    judged->first = n;
    judged->count++;
}

/* What a shop's event hints at stands on the shop now: a token call has to confirm it. */
static void turn_tell(const struct lane *l, const struct need *n)
{
    if (n->kind == ENTRY_SHOP && n->messages.first && n->messages.first->outcome == OUTCOME_DONE)
        refresher_wake(l->worker->refresher);
}

/* Moves the messages of judged needs to settled; the needs end here. */
static void turn_collect(struct lane *l, struct message_list *settled)
{
    struct need_list judged = {0};
    struct need *n;

    pool_each(l->pool, take_if_judged, &judged);
    while ((n = judged.first) != NULL) {
        judged.first = n->next;
        turn_tell(l, n);
        message_splice(settled, &n->messages);
        pool_remove(l->pool, n);
    }
}

/* A lane without work asks now and then whether MongoDB is there: readiness must not wait for the next event, and a pause
 * must not end unproven. */
static bool idle_probe(struct lane *l, struct err *err)
{
    int64_t now = clock_mono_ms();

    if (pool_needs(l->pool) > 0 || l->progressed) {
        l->probed_mono_ms = now; /* its work has just asked */
        return true;
    }
    if (now - l->probed_mono_ms < l->worker->config->heartbeat_ms && !atomic_load(&l->mongo.away))
        return true;
    l->probed_mono_ms = now;
    return store_ping(l->store, err);
}

static void turn_end(struct lane *l, bool mongo_up, struct err *err)
{
    size_t held = pool_messages(l->pool) + writer_messages(l->writer) + ack_unconfirmed(l->acker);

    metric_add(METRIC_WORKER_HELD, (int64_t)held - (int64_t)l->held);
    l->held = held;
    fetch_release(l->fetcher);
    if (writer_busy(l->writer)) {
        /* Its documents lie in this turn's arena; those of the batch before have come back. */
        struct arena *under_way = l->arena;

        l->arena = l->spare;
        l->spare = under_way;
    }
    arena_reset(l->arena);
    if (mongo_up && idle_probe(l, err))
        pause_end(&l->mongo, l);
    else
        pause_begin(&l->mongo, l, err);
}

/* One turn, top to bottom. `up` falls when MongoDB is away: the stages behind it are skipped, and what was not judged
 * stays in the pool and starts again at the lookup. */
static void lane_turn(struct lane *l)
{
    const struct config *c = l->worker->config;
    struct message_list fresh = {0}, settled = {0};
    struct err err = {0};
    struct freshness f;
    bool up;

    turn_read(l, &fresh);                                   /* stage 1: batch */
    group_fold(l->pool, &fresh, &settled, clock_mono_ms()); /* stage 2: group */
    f = turn_freshness(l);
    up = lookup_fill(l->pool, l->store, c, &f, l->arena, &err);              /* stage 3: lookup */
    up = up && fetch_missing(l->fetcher, l->pool, &l->time, l->arena, &err); /* stage 4: fetch */
    f = turn_freshness(l);
    if (up)
        dto_build(l->pool, c, &f, l->arena, shop_channel, l->shops); /* stage 5: dto */
    up = turn_write(l, up, &settled, &err);                          /* stage 6: upsert */
    turn_collect(l, &settled);
    l->progressed = settled.count > 0 || writer_busy(l->writer);
    turn_ack(l, &settled); /* stage 7: ack */
    turn_end(l, up, &err);
}

/* --- a lane's life --------------------------------------------------------------------------------- */

static void lane_trim(struct lane *l)
{
    struct err err = {0};

    if (l->trim && !atomic_load(&l->redis.away) && !trim_step(l->trim, redis_time_now_ms(&l->time), &err))
        pause_begin(&l->redis, l, &err);
}

static void take_messages(void *list, struct need *n)
{
    message_splice(list, &n->messages);
}

/* Graceful stop: what is judged is acked, the rest is handed back, due at once for any peer. */
static void lane_finish(struct lane *l)
{
    struct message_list settled = {0}, rest = {0};
    struct err err = {0};
    size_t left;

    fetch_abort(l->fetcher, l->pool);
    if (!writer_collect(l->writer, l->pool, &settled, &err))
        log_warn("writes under way came to nothing", LOG_S("lane", l->name), LOG_S("err", err.text));
    turn_collect(l, &settled);
    turn_ack(l, &settled);
    pool_each(l->pool, take_messages, &rest);
    left = rest.count;
    if (!ack_hand_back(l->acker, &rest, &err))
        log_warn("entries not handed back; others take them over later", LOG_S("lane", l->name),
                 LOG_I("entries", left), LOG_S("err", err.text));
    metric_add(METRIC_WORKER_HELD, -(int64_t)l->held);
    log_info("lane ended", LOG_S("lane", l->name), LOG_I("handed_back", left));
}

static void *lane_run(void *arg)
{
    struct lane *l = arg;
    struct worker *w = l->worker;

    while (!atomic_load(&w->stopping)) {
        pause_wait(l);
        if (atomic_load(&w->stopping))
            break;
        lane_turn(l);
        lane_trim(l);
    }
    lane_finish(l);
    pthread_mutex_lock(&w->lock);
    atomic_fetch_sub(&w->running, 1);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void lane_deinit(struct lane *l)
{
    writer_stop(l->writer);
    acker_free(l->acker);
    fetcher_free(l->fetcher);
    limiter_free(l->limiter);
    batch_reader_free(l->reader);
    trim_free(l->trim);
    pool_free(l->pool);
    shop_cache_free(l->shops);
    store_close(l->store);
    link_free(l->acks);
    link_free(l->reads);
    arena_free(l->arena);
    arena_free(l->spare);
}

/* Everything a lane needs; the keeper runs already. */
static bool lane_init(struct lane *l, struct err *err)
{
    struct worker *w = l->worker;
    const struct config *c = w->config;

    l->store = store_open(w->stores, err);
    if (!l->store)
        return false;
    l->shops = shop_cache_new(l->store, w->credentials, SHOP_KEEP_MS);
    l->reads = link_new(&w->redis, l->name, c->block_ms + LINK_MARGIN_MS);
    l->acks = link_new(&w->redis, l->name, LINK_MARGIN_MS);
    l->limiter = limiter_new(c, l->acks);
    l->fetcher = fetcher_new(c, l->shops, l->limiter, w->refresher, &w->streams, err);
    if (!l->fetcher)
        return false;
    l->reader = batch_reader_new(c, &w->streams, l->reads, w->keeper, l->number, l->name);
    l->acker = acker_new(c, &w->streams, l->acks, w->keeper, l->number, l->name);
    if (l->number == 0)
        l->trim = trim_new(c, &w->streams, l->acks);
    l->pool = pool_new();
    l->arena = arena_new(ARENA_FIRST, ARENA_LIMIT);
    l->spare = arena_new(ARENA_FIRST, ARENA_LIMIT);
    l->writer = writer_start(c, w->stores, err);
    return l->writer != NULL;
}

/* --- the process's life ----------------------------------------------------------------------------- */

static void name_lanes(struct worker *w)
{
    char host[64] = "worker";

    if (w->config->worker_name[0] == '\0' && gethostname(host, sizeof(host) - 1) != 0)
        log_warn_errno("no host name; set WORKER_NAME");
    for (size_t i = 0; i < w->lane_count; i++) {
        struct lane *l = &w->lanes[i];

        l->worker = w;
        l->number = i;
        l->random = (unsigned)clock_mono_us() + (unsigned)i;
        pause_init(&l->redis, "redis", METRIC_WORKER_REDIS_PAUSES);
        pause_init(&l->mongo, "mongo", METRIC_WORKER_MONGO_PAUSES);
        snprintf(l->name, sizeof(l->name), "%.100s-%zu",
                 w->config->worker_name[0] ? w->config->worker_name : host, i);
    }
}

static void monotonic_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* waits must not jump with the wall clock */
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct worker *worker_new(const struct config *config, struct err *err)
{
    struct worker *w = xcalloc(1, sizeof(*w));

    w->config = config;
    atomic_init(&w->stopping, false);
    atomic_init(&w->running, 0);
    atomic_init(&w->keeper, NULL);
    atomic_init(&w->sweep, NULL);
    pthread_mutex_init(&w->lock, NULL);
    monotonic_condition(&w->changed);
    w->lane_count = (size_t)config->worker_threads;
    w->lanes = xcalloc(w->lane_count, sizeof(*w->lanes));
    name_lanes(w);
    if (!redis_url_parse(config->redis_url, &w->redis, err) ||
        !streams_init(&w->streams, (int)config->stream_partitions))
        goto fail;
    w->credentials = credentials_new(config->credentials_key, err);
    if (!w->credentials)
        goto fail;
    w->stores = store_pool_new(config, "shopstream-worker", err);
    if (!w->stores)
        goto fail;
    return w;
fail:
    worker_free(w);
    return NULL;
}

/* Collections, indexes and the self-check; waits for MongoDB as long as it is away. False: stopped, or err. */
static bool prepare_store(struct worker *w, struct err *err)
{
    struct store *s = store_open(w->stores, err);
    int64_t wait_ms = PAUSE_FIRST_MS;
    struct err away = {0};

    if (!s)
        return false;
    while (!atomic_load(&w->stopping) && !store_ping(s, &away)) {
        log_warn("waiting for MongoDB", LOG_S("err", away.text));
        wait_or_stop(w, wait_ms);
        wait_ms = wait_ms * 2 > PAUSE_LAST_MS ? PAUSE_LAST_MS : wait_ms * 2;
    }
    if (atomic_load(&w->stopping) || !store_prepare(s, w->config, err) || !store_self_check(s, err)) {
        store_close(s);
        return false;
    }
    store_close(s);
    return true;
}

/* The keeper needs Redis once, to take the names; waits for it as long as it is away. False: stopped, or err. */
static bool start_keeper(struct worker *w, struct err *err)
{
    const char **names = xcalloc(w->lane_count, sizeof(*names));
    struct link *probe = link_new(&w->redis, "start", LINK_MARGIN_MS);
    int64_t wait_ms = PAUSE_FIRST_MS;
    struct err away = {0};

    for (size_t i = 0; i < w->lane_count; i++)
        names[i] = w->lanes[i].name;
    while (!atomic_load(&w->stopping) && !link_open(probe, &away)) {
        log_warn("waiting for Redis", LOG_S("err", away.text));
        wait_or_stop(w, wait_ms);
        wait_ms = wait_ms * 2 > PAUSE_LAST_MS ? PAUSE_LAST_MS : wait_ms * 2;
    }
    link_free(probe);
    if (!atomic_load(&w->stopping))
        atomic_store(&w->keeper, keeper_start(w->config, &w->redis, &w->streams, names, w->lane_count, err));
    free(names);
    return atomic_load(&w->keeper) != NULL;
}

static void token_refused(void *refresher, const char *authorization, uint64_t token_print)
{
    refresher_ask(refresher, authorization, token_print);
}

/* Ends at once when worker_stop has come before it could be seen. */
static bool start_sweep(struct worker *w, struct err *err)
{
    const struct sweep_setup setup = {.config = w->config,
                                      .redis = &w->redis,
                                      .stores = w->stores,
                                      .credentials = w->credentials,
                                      .streams = &w->streams,
                                      .refused = token_refused,
                                      .context = w->refresher};

    atomic_store(&w->sweep, sweep_start(&setup, err));
    if (atomic_load(&w->stopping))
        sweep_stop(atomic_load(&w->sweep));
    return atomic_load(&w->sweep) != NULL;
}

bool worker_start(struct worker *w, struct err *err)
{
    if (!prepare_store(w, err) || !start_keeper(w, err))
        return false;
    w->refresher = refresher_start(w->config, &w->redis, w->stores, w->credentials, err);
    if (!w->refresher)
        return false;
    for (size_t i = 0; i < w->lane_count; i++)
        if (!lane_init(&w->lanes[i], err))
            return false;
    for (size_t i = 0; i < w->lane_count; i++) {
        struct lane *l = &w->lanes[i];

        atomic_fetch_add(&w->running, 1);
        if (pthread_create(&l->thread, NULL, lane_run, l) != 0)
            fatal(3, "cannot start a thread", LOG_S("lane", l->name));
        l->started = true;
    }
    return start_sweep(w, err);
}

void worker_stop(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    atomic_store(&w->stopping, true);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    sweep_stop(atomic_load(&w->sweep));
}

bool worker_join(struct worker *w, int64_t deadline_ms)
{
    struct timespec until = mono_in(deadline_ms);
    int64_t end_ms = clock_mono_ms() + deadline_ms;
    bool ended;

    pthread_mutex_lock(&w->lock);
    while (atomic_load(&w->running) > 0)
        if (pthread_cond_timedwait(&w->changed, &w->lock, &until) == ETIMEDOUT)
            break;
    ended = atomic_load(&w->running) == 0;
    pthread_mutex_unlock(&w->lock);
    refresher_drain(w->refresher); /* a refresh whose request is out is stored first, whatever the lanes do */
    if (!ended)
        return false;
    for (size_t i = 0; i < w->lane_count; i++)
        if (w->lanes[i].started)
            pthread_join(w->lanes[i].thread, NULL);
    if (!sweep_join(atomic_load(&w->sweep), end_ms - clock_mono_ms()))
        return false;
    atomic_store(&w->sweep, NULL);
    return true;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->lane_count; i++)
        lane_deinit(&w->lanes[i]);
    refresher_stop(w->refresher);
    keeper_stop(w->keeper);
    free(w->lanes);
    store_pool_free(w->stores);
    credentials_free(w->credentials);
    streams_deinit(&w->streams);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    explicit_bzero(&w->redis, sizeof(w->redis)); /* a password */
    free(w);
}

bool worker_ready(void *context, struct strbuf *why)
{
    struct worker *w = context;
    const struct keeper *keeper = atomic_load(&w->keeper);
    bool redis = keeper && keeper_silence_ms(keeper) < 3 * w->config->heartbeat_ms;
    bool mongo = atomic_load(&w->running) > 0;

    for (size_t i = 0; i < w->lane_count; i++) {
        redis = redis && !atomic_load(&w->lanes[i].redis.away);
        mongo = mongo && !atomic_load(&w->lanes[i].mongo.away);
    }
    strbuf_add_format(why, "redis: %s\nmongo: %s\nstopping: %s\n", redis ? "up" : "away",
                      mongo ? "up" : "away", atomic_load(&w->stopping) ? "yes" : "no");
    return redis && mongo && !atomic_load(&w->stopping);
}
