/* micro_redis.h - bench: the other end of a connection to Redis, in this same process, on a Unix socket.
 *
 * What it replies is written while nothing is counted, before the stage reads it: so no second thread or process moves
 * anything, and every run is the same. */
#ifndef SHOPSTREAM_BENCH_MICRO_REDIS_H
#define SHOPSTREAM_BENCH_MICRO_REDIS_H

#include "common/redis_url.h"
#include "common/strbuf.h"

struct micro_redis {
    struct redis_url url; /* where to connect */
    int listener;         /* closed by micro_redis_accept */
    int peer;             /* the one connection */
    struct strbuf heard;  /* what has come since the last look */
    size_t stored;        /* XADDs so far: their ids */
};

/* Sets *r up to be connected to, once. */
void micro_redis_listen(struct micro_redis *r);
void micro_redis_accept(struct micro_redis *r);
void micro_redis_close(struct micro_redis *r);

/* Adds to heard what the other side has sent. */
void micro_redis_hear(struct micro_redis *r);

void micro_redis_say(struct micro_redis *r, const char *bytes, size_t n);

/* Replies to every whole command in heard, in order, as an empty Redis: no such key, an id, OK. Returns how many. */
size_t micro_redis_answer(struct micro_redis *r);

#endif
