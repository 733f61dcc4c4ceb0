/* high_water.c - worker: is Redis nearly full? Contract and reasons: high_water.h. */
#include "worker/high_water.h"

#include "common/redis_info.h"

bool high_water_look(struct high_water *h, struct link *link, struct err *err)
{
    redisReply *r = link_call(link, 2, (const char *[]){"INFO", "memory"}, NULL, err);
    int64_t percent;

    if (!r)
        return false;
    if (r->type == REDIS_REPLY_STRING) {
        percent = redis_info_used_percent(r->str, r->len, h->config->redis_max_bytes);
        h->above = percent >= (h->above ? h->config->redis_low_water : h->config->redis_high_water);
    }
    freeReplyObject(r);
    return true;
}
