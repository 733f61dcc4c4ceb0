/* writer.c - worker, stage 6: sends one batch's bulks while the lane prepares the next batch.
 *
 * In:      needs in state BUILT with their documents.
 * Out:     the same needs, JUDGED or NEW; no batch is sent before the one ahead of it has been collected.
 * Fails:   as upsert_flush: nothing is judged for what is unknown.
 * Thread:  one of its own beside each lane, with a client of its own. The functions here are the lane's.
 *
 * Who may touch what is told by `state` alone, which the lock guards: IDLE, everything here is the lane's; BUSY, everything
 * is the thread's but `messages` and `bytes`, which are the lane's always. There is no third party, so nothing else is locked,
 * and the stage itself (upsert.c) does not know that it has a thread.
 *
 * Why it is safe:
 *   acks      A message is acked only when it came back JUDGED, by the lane, as ever. While it is here the keeper refreshes it,
 *             because only ack.c takes it off the keeper's list, and after a crash it is pending, because nobody acked it.
 *   order     Batches are written one after the other. An event of an entity that is under way finds no need to join in the
 *             lane's pool and gets one of its own: looked up beside the write, read once more if need be, written by the next
 *             batch under the guard, whichever is newer. The same as if another worker were writing; no rule rests on the
 *             lookup. A need that comes back NEW meets the one that came meanwhile in pool_fold.
 *   bounds    At most two batches: one here and one being prepared. The lane counts what is here against its room, and sends
 *             nothing more after a failure (worker.c), so while MongoDB is away it holds what it held.
 *   stopping  The lane collects before it hands back: as long as a bulk may take, which is what a turn took before. */
#include "worker/writer.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "common/thread.h"
#include "worker/upsert.h"

enum writer_state {
    WRITER_IDLE, /* nothing to do, or done and not collected */
    WRITER_BUSY, /* a batch is being written */
    WRITER_STOP, /* the thread ends */
};

struct writer {
    const struct config *config; /* borrowed */
    struct store *store;         /* owned; the thread's */
    pthread_t thread;
    bool running;           /* the thread has been started */
    pthread_mutex_t lock;   /* guards state */
    pthread_cond_t changed; /* state is another */
    enum writer_state state;

    struct pool *pool;           /* owned; the needs under way */
    struct freshness f;          /* of their batch */
    struct message_list settled; /* messages judged apart from their need */
    struct err err;              /* when !ok */
    bool ok;                     /* what upsert_flush said */

    bool under_way;  /* handed over, not collected; the lane's alone */
    size_t messages; /* that many */
    size_t bytes;    /* their bytes */
};

static void enter(struct writer *w, enum writer_state next)
{
    pthread_mutex_lock(&w->lock);
    w->state = next;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* Returns the state that is not `now` any more. */
static enum writer_state wait_while(struct writer *w, enum writer_state now)
{
    enum writer_state state;

    pthread_mutex_lock(&w->lock);
    while (w->state == now)
        pthread_cond_wait(&w->changed, &w->lock);
    state = w->state;
    pthread_mutex_unlock(&w->lock);
    return state;
}

static void *writer_run(void *arg)
{
    struct writer *w = arg;

    while (wait_while(w, WRITER_IDLE) == WRITER_BUSY) {
        w->ok = upsert_flush(w->pool, w->store, w->config, &w->f, &w->settled, &w->err);
        enter(w, WRITER_IDLE);
    }
    return NULL;
}

struct writer *writer_start(const struct config *config, struct store_pool *stores, struct err *err)
{
    struct writer *w = xcalloc(1, sizeof(*w));

    w->config = config;
    w->pool = pool_new();
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    w->store = store_open(stores, err);
    w->running = w->store && thread_start(&w->thread, writer_run, w, err);
    if (w->running)
        return w;
    writer_stop(w);
    return NULL;
}

void writer_stop(struct writer *w)
{
    if (!w)
        return;
    if (w->running) {
        wait_while(w, WRITER_BUSY);
        enter(w, WRITER_STOP);
        pthread_join(w->thread, NULL);
    }
    message_list_deinit(&w->settled);
    pool_free(w->pool);
    store_close(w->store);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* Pools that needs move between. */
struct transfer {
    struct pool *from;
    struct pool *to;
};

static void move_built(void *context, struct need *n)
{
    const struct transfer *t = context;

    if (n->state == NEED_BUILT)
        pool_move(t->from, n, t->to);
}

static void move_back(void *context, struct need *n)
{
    const struct transfer *t = context;

    if (n->state != NEED_JUDGED && n->state != NEED_NEW)
        fatalx("writer: a need was left over", LOG_S("id", n->doc_id), LOG_I("state", n->state));
    pool_move(t->from, n, t->to);
}

void writer_send(struct writer *w, struct pool *pool, const struct freshness *f)
{
    struct transfer t = {pool, w->pool};

    if (w->under_way)
        fatalx("writer: a batch is under way");
    if (pool_count(pool, NEED_BUILT) == 0)
        return;
    pool_each(pool, move_built, &t);
    w->f = *f;
    w->err = (struct err){0};
    w->under_way = true;
    w->messages = pool_messages(w->pool);
    w->bytes = pool_bytes(w->pool);
    enter(w, WRITER_BUSY);
}

bool writer_collect(struct writer *w, struct pool *pool, struct message_list *settled, struct err *err)
{
    struct transfer t = {w->pool, pool};

    if (!w->under_way)
        return true;
    wait_while(w, WRITER_BUSY);
    pool_each(w->pool, move_back, &t);
    message_splice(settled, &w->settled);
    w->under_way = false;
    w->messages = w->bytes = 0;
    if (!w->ok)
        *err = w->err;
    return w->ok;
}

bool writer_busy(const struct writer *w)
{
    return w->under_way;
}

size_t writer_messages(const struct writer *w)
{
    return w->messages;
}

size_t writer_bytes(const struct writer *w)
{
    return w->bytes;
}
