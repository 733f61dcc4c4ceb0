/* ask.c - server: one question to Redis by a thread that may wait. Contract: ask.h. */
#include "server/ask.h"

#include <hiredis/hiredis.h>

#include "common/log.h"
#include "common/number.h"

/* A command whose answer must be no error. False: err. */
static bool told(redisContext *c, int argc, const char **argv, struct err *err)
{
    redisReply *r = redisCommandArgv(c, argc, argv, NULL);
    const bool ok = r && r->type != REDIS_REPLY_ERROR;

    if (!ok)
        err_set(err, ERR_REDIS, 0, "redis: %s", r ? r->str : c->errstr);
    freeReplyObject(r);
    return ok;
}

static bool greeted(redisContext *c, const struct redis_url *url, struct err *err)
{
    char db[24];

    number_format_i64(db, url->db);
    if (url->user[0] && !told(c, 3, (const char *[]){"AUTH", url->user, url->password}, err))
        return false;
    if (!url->user[0] && url->password[0] && !told(c, 2, (const char *[]){"AUTH", url->password}, err))
        return false;
    return url->db == 0 || told(c, 2, (const char *[]){"SELECT", db}, err);
}

redisReply *ask_redis(const struct redis_url *url, const char *host, int argc, const char **argv,
                      struct err *err)
{
    const struct timeval wait = {.tv_sec = ASK_MS / 1000, .tv_usec = ASK_MS % 1000 * 1000};
    redisContext *c = url->path[0] ? redisConnectUnixWithTimeout(url->path, wait)
                                   : redisConnectWithTimeout(host ? host : url->host, url->port, wait);
    redisReply *r = NULL;

    if (!c)
        fatalx("ask: no memory for a connection");
    if (c->err || redisSetTimeout(c, wait) != REDIS_OK) {
        err_set(err, ERR_REDIS, 0, "redis: %s", c->errstr);
    } else if (greeted(c, url, err)) {
        r = redisCommandArgv(c, argc, argv, NULL);
        if (!r)
            err_set(err, ERR_REDIS, 0, "redis: %s", c->errstr);
    }
    redisFree(c);
    return r;
}
