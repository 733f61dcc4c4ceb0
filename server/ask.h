/* ask.h - server: one question to Redis by a thread that may wait.
 *
 * In:      a command. Out: its reply.
 * Fails:   when Redis does not answer within ASK_MS, or refuses our credentials: NULL, err says why.
 * Thread:  any that runs no loop.
 * Why so:  before the loops run (--check) and after they have ended there is nobody else to ask. A connection a question. */
#ifndef SHOPSTREAM_SERVER_ASK_H
#define SHOPSTREAM_SERVER_ASK_H

#include "common/err.h"
#include "common/redis_url.h"

enum { ASK_MS = 1000 }; /* for connecting, and for each reply */

struct redisReply;

/* host: numeric address (NULL: the url's). Texts end with NUL. The reply is yours (freeReplyObject), an error reply too. */
struct redisReply *ask_redis(const struct redis_url *url, const char *host, int argc, const char **argv,
                             struct err *err) __attribute__((warn_unused_result));

#endif
