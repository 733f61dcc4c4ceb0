/* scripts.h - worker: the Lua scripts, each with its shape, and EVALSHA with EVAL in the same request on NOSCRIPT.
 * All keys of a script carry one hash tag. Run on Redis 7.0. */
#ifndef SHOPSTREAM_WORKER_SCRIPTS_H
#define SHOPSTREAM_WORKER_SCRIPTS_H

#include "worker/link.h"

enum script {
    SCRIPT_SAFE_TRIM,       /* KEYS stream, its count of what was trimmed; ARGV limit, keep-from id
                             -> {trimmed, oldest id held, by group} */
    SCRIPT_DELETE_CONSUMER, /* KEYS stream; ARGV group, consumer -> -1 | 0 */
    SCRIPT_DEAD_LETTER, /* KEYS stream, dead; ARGV group, consumer, id, _field value ... -> {1, dead id} | {0, ''} */
    SCRIPT_CLAIM, /* KEYS stream; ARGV group, consumer, min-idle, cursor, count, deliveries that make one suspect that is
                     not parked, most deliveries, 1 = the first suspect alone instead of all that are none, danger to take
                     (reclaim.c) -> {cursor, {{id, fields, deliveries}}, {lost ids}, first id passed over as being of the
                     other sort, danger left, 1 when it was too little}; fields "": beyond the most, so not read */
    SCRIPT_COUNT_BEHIND, /* KEYS stream; ARGV id, most -> how many entries stand behind the id, no more than most are counted */
    SCRIPT_CREATE_GROUP, /* KEYS stream; ARGV group -> OK | BUSYGROUP; works when Redis is full (7.0+) */
    SCRIPT_REPLAY,  /* KEYS dead, live; ARGV dead id -> {1, new id} | {0, ''} gone | {-1, ''} has no body */
    SCRIPT_DISCARD, /* KEYS dead, discarded; ARGV dead id, _field value ... -> {1, audit id} | {0, ''} gone */
    SCRIPT_SET_FREE, /* KEYS any string key; ARGV value, ttl ms -> 1 it holds the value | 0 it holds another; works when
                              Redis is full */
    SCRIPT_RENEW_SAME, /* KEYS any string key; ARGV value, ttl ms -> 1 it lives on | 0 it is not there or another one */
    SCRIPT_DELETE_SAME, /* KEYS any string key; ARGV value -> 1 deleted | 0 it is not there or another one */
    SCRIPT_LIMIT_TAKE, /* KEYS app bucket, shop bucket; ARGV step and slack of both (us, 0 = no limit), background 0|1,
                              share % -> ms to wait, 0 = taken; works when Redis is full */
    SCRIPT_LIMIT_PAUSE, /* KEYS bucket; ARGV pause us -> 1; works when Redis is full */
    SCRIPT_COUNT
};

/* keys: how many of argv are keys (argv = keys then arguments). Same results as link_call. */
redisReply *script_run(struct link *l, enum script s, int keys, int argc, const char **argv,
                       const size_t *lengths, struct err *err) __attribute__((warn_unused_result));

#endif
