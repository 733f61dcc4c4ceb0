/* plain_reply.h - server, stage 4 of 5: a reply of Redis as a kind and a text, in memory that is kept.
 *
 * In:      what hiredis' reader has recognised, one value at a time.
 * Out:     the kind of the outermost value, and its text.
 * Fails:   never; what is no text, nil or error is STREAM_REPLY_OTHER, with whatever is in it.
 * Thread:  the reader's.
 * Why so:  hiredis makes an object of each value, which are two allocations for an id of 15 bytes. Its reader asks for them
 *          through a table of functions; ours has one object for all replies, because one is looked at at a time. The text
 *          is copied, because the reader moves its buffer before it tells that a reply is complete. */
#ifndef SHOPSTREAM_SERVER_PLAIN_REPLY_H
#define SHOPSTREAM_SERVER_PLAIN_REPLY_H

#include <hiredis/hiredis.h>

#include "common/strbuf.h"
#include "server/stream.h"

struct plain_reply {
    enum stream_reply kind;
    struct strbuf text; /* of a text or an error */
};

/* From now on reader fills r, and gives its address when a reply is complete. r is borrowed and must outlive it. */
void plain_reply_init(struct plain_reply *r, redisReader *reader);

/* Accepts a zeroed one. */
void plain_reply_deinit(struct plain_reply *r);

#endif
