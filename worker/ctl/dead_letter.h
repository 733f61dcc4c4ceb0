/* dead_letter.h - shopstreamctl: dead letters as its commands find them: a filter, and a walk over all partitions. */
#ifndef SHOPSTREAM_WORKER_CTL_DEAD_LETTER_H
#define SHOPSTREAM_WORKER_CTL_DEAD_LETTER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "worker/link.h"

/* Which letters. All texts are borrowed from the arguments; NULL = any. */
struct dead_filter {
    const char *dead_id;  /* of one letter: the stream id `dead list` prints */
    const char *class;    /* "not_found" */
    const char *platform; /* "tiktok" */
    const char *shop;     /* shop id */
    const char *topic;    /* the platform's own word */
    const char *kind;     /* "order" */
    const char *id;       /* entity id */
    int64_t since_ms;     /* buried at or after; 0 = any. Redis' clock */
    int64_t until_ms;     /* buried before; 0 = any */
    bool all;             /* --all: no condition wanted */
};

/* One letter. Borrowed, until the walk goes on. */
struct dead_letter {
    int partition;
    const char *dead_id;
    int64_t dead_ms;          /* ms part of it */
    const redisReply *fields; /* field, value, ... */
};

/* Value of a field; NULL when the letter has none. */
const redisReply *dead_field(const redisReply *fields, const char *name);

/* Takes one option at argv[*at] and its value, when it is one of the filter's: --class C --platform P --shop S --topic T
 * --kind K --id I --since T --until T --all, or a DEAD ID. T: 2024-11-29T10:30:00Z, or 90m, 6h, 2d ago. 1: taken (*at moved
 * on); 0: not ours; -1: err says what is wrong. now_ms: for ages. */
int dead_filter_option(struct dead_filter *f, int argc, char **argv, int *at, int64_t now_ms,
                       struct err *err);

/* Something is asked for: at least one condition, or --all. */
bool dead_filter_given(const struct dead_filter *f);

/* Calls visit for every letter that fits, of all partitions, oldest first within each (newest_first: the other way).
 * visit false ends the walk of that partition; letters may be deleted while walking. False: err (Redis away). */
typedef bool (*dead_visit)(void *context, const struct dead_letter *letter);
bool dead_walk(struct link *l, int partitions, const struct dead_filter *f, bool newest_first,
               dead_visit visit, void *context, struct err *err) __attribute__((warn_unused_result));

#endif
