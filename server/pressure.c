/* pressure.c - server: how full is Redis? Contract and reasons: pressure.h. */
#include "server/pressure.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/metrics.h"
#include "common/redis_info.h"
#include "common/strbuf.h"

enum { POLL_MS = 1000 };

struct pressure {
    struct stream_call call; /* first */
    const struct config *config;
    int64_t due_ms; /* monotonic: next question */
    bool asked;     /* one is out */
    bool warned;    /* a person knows that there is no limit */
    bool evicts;    /* a person knows that keys are thrown away */
    atomic_bool high;
};

struct pressure *pressure_new(const struct config *c)
{
    struct pressure *p = xcalloc(1, sizeof(*p));

    p->config = c;
    metric_set(METRIC_SERVER_REDIS_USED, -1);
    return p;
}

void pressure_free(struct pressure *p)
{
    free(p);
}

bool pressure_high(const struct pressure *p)
{
    return atomic_load_explicit(&p->high, memory_order_relaxed);
}

static void judge(struct pressure *p, int64_t percent)
{
    const bool was = pressure_high(p);
    bool high;

    if (percent < 0 && !p->warned)
        log_warn("redis has no maxmemory: set it, or REDIS_MAX_BYTES, or it grows until the system ends it");
    p->warned = percent < 0;
    metric_set(METRIC_SERVER_REDIS_USED, percent);
    high = percent >= (was ? p->config->redis_low_water : p->config->redis_high_water);
    if (high == was)
        return;
    atomic_store(&p->high, high);
    metric_set(METRIC_SERVER_HIGH_WATER, high);
    if (high)
        log_error(p->config->journal_dir[0] ? "redis is nearly full, events go to the journal"
                                            : "redis is nearly full, and there is no JOURNAL_DIR",
                  LOG_I("percent", percent));
    else
        log_info("redis has room again", LOG_I("percent", percent));
}

static void judge_policy(struct pressure *p, bool evicts)
{
    if (evicts && !p->evicts)
        log_warn(REDIS_INFO_EVICTS);
    p->evicts = evicts;
}

static void on_info(struct stream_call *call, enum stream_reply reply, const char *text, size_t n)
{
    struct pressure *p = (struct pressure *)call;

    p->asked = false;
    if (reply != STREAM_REPLY_TEXT)
        return;
    judge(p, redis_info_used_percent(text, n, p->config->redis_max_bytes));
    judge_policy(p, redis_info_evicts(text, n));
}

void pressure_tick(struct pressure *p, struct stream *s, int64_t mono_ms)
{
    static const char info[] = "*2\r\n$4\r\nINFO\r\n$6\r\nmemory\r\n";

    if (p->asked || mono_ms < p->due_ms)
        return;
    p->call.done = on_info;
    if (!stream_send(s, info, sizeof(info) - 1, &p->call))
        return;
    p->asked = true;
    p->due_ms = mono_ms + POLL_MS;
}
