/* xinfo.h - worker and tool: what XINFO answers.
 *
 * In:      a stream's key. Out: members of its flat [name, value ...] rows; how much of it our group has not read, and not
 *          finished.
 * Fails:   xinfo_group, when Redis is gone or refuses. No stream, or no group of ours, is an answer.
 * Thread:  the link's.
 * Why so:  `lag` is nil when Redis cannot tell, and on 7.0 too large for good after Redis has died: there it does not write
 *          down how many entries a group has read. So where Redis claims that some are unread, or cannot tell, the first ones
 *          behind the group's place are counted. Only of more than that its own figure is taken. */
#ifndef SHOPSTREAM_WORKER_XINFO_H
#define SHOPSTREAM_WORKER_XINFO_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "worker/link.h"

enum { XINFO_COUNTED = 100 }; /* unread entries up to which the figure is never wrong */

/* Of the group "workers" of one stream. */
struct xinfo_group {
    bool there;      /* else all is 0 */
    int64_t unread;  /* -1 = nobody can tell */
    int64_t pending; /* read and not finished */
};

/* False: the link was lost or Redis refused, err; *out is untouched. */
bool xinfo_group(struct link *l, const char *key, struct xinfo_group *out, struct err *err)
    __attribute__((warn_unused_result));

/* Value of a name in a flat reply; NULL when it is not there, or nil. Borrowed from the reply. */
const redisReply *xinfo_member(const redisReply *flat, const char *name);

/* An integer of a flat reply; absent when it is none. */
int64_t xinfo_number(const redisReply *flat, const char *name, int64_t absent);

/* Our group's row of XINFO GROUPS, borrowed from it; NULL: there is none. */
const redisReply *xinfo_our_group(const redisReply *groups);

#endif
