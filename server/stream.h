/* stream.h - server, stage 4 of 5, lower half: one loop's connection to Redis.
 *
 * In:      complete commands in wire form.
 * Out:     one reply a command, in the order they were sent, by the command's own callback. What a reply means is
 *          judged by pending.c.
 * Fails:   every command accepted gets exactly one event; when the connection dies that event is STREAM_REPLY_LOST
 *          (all that are open get it then), which says nothing about whether Redis ran it.
 * Thread:  its loop's only. Never blocks.
 * Why so:  nothing tells that a Redis is frozen, and it would keep every command for ever. So a PING goes out every second,
 *          and a connection silent for STREAM_SILENCE_MS is dropped and made anew. */
#ifndef SHOPSTREAM_SERVER_STREAM_H
#define SHOPSTREAM_SERVER_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/redis_url.h"

enum {
    STREAM_PING_MS = 1000,    /* between PINGs */
    STREAM_SILENCE_MS = 5000, /* without any reply, also while connecting: the connection is given up */
};

enum stream_reply {
    STREAM_REPLY_TEXT,  /* a string or a status; text is set */
    STREAM_REPLY_NIL,   /* nothing there */
    STREAM_REPLY_ERROR, /* Redis refused; text is set */
    STREAM_REPLY_OTHER, /* a number or an array: not what any command of ours asks for */
    STREAM_REPLY_LOST,  /* no reply will come; it may have run or not */
};

/* What waits for one reply; embedded in the waiting object. */
struct stream_call {
    /* text borrows from the reply, good during the call only. */
    void (*done)(struct stream_call *call, enum stream_reply reply, const char *text, size_t length);
};

struct stream; /* opaque */
struct event_base;
struct resolver;

/* Starts connecting as soon as the loop runs. url and resolver (NULL: the host is numeric or a socket) are borrowed and
 * must outlive it. You own it (stream_free). */
struct stream *stream_new(struct event_base *base, const struct redis_url *url, struct resolver *resolver);

/* Drops the connection (callbacks of open commands get STREAM_REPLY_LOST now) and never makes another. */
void stream_stop(struct stream *s);

/* Stops when still running. Accepts NULL. */
void stream_free(struct stream *s);

/* Sends a complete command (copied). call NULL: the reply does not matter. False: not connected, call is still yours. */
bool stream_send(struct stream *s, const void *command, size_t n, struct stream_call *call)
    __attribute__((warn_unused_result));

/* Redis gave an id: what it refused before counts as over. */
void stream_accepted(struct stream *s);

/* Connected, authenticated and answered, and not refused for our credentials lately. Any thread. */
bool stream_ready(const struct stream *s);

/* How many times it has been connected: another number, another connection. */
uint64_t stream_generation(const struct stream *s);

/* From the loop's timer, with the monotonic time: PING, silence, reconnect. */
void stream_tick(struct stream *s, int64_t mono_ms);

#endif
