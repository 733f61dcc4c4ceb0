/* watch.h - server, stage 4 of 5: has Redis lost something? The question, and what its answer means.
 *
 * In:      the ids of entries as they are stored, by stream ("slot"); what Redis answers to the questions built here.
 * Out:     commands; verdicts.
 * Fails:   only by verdict: an answer that is none of ours counts as a loss, because sending again harms nobody.
 * Thread:  its owner's only. Pure: no I/O, no clock.
 * Why so:  three signs. Another run_id: Redis was started anew or is another one, and may lack its newest seconds. An entry we
 *          know is gone: the stream was flushed, deleted or restored. entries-added fell: the same, seen when we have no entry
 *          to ask for. Asked for is the newest entry of the question before, not the newest of now: what was stored
 *          after a flush says nothing about it. Finished entries are trimmed much later than anything is asked for here.
 *          One answer also tells what older.h has to know of the same instant. */
#ifndef SHOPSTREAM_SERVER_WATCH_H
#define SHOPSTREAM_SERVER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/keys.h"
#include "common/strbuf.h"
#include "server/mark.h"

/* A stream a server adds to: live or dead letters of a partition. */
enum { WATCH_SLOTS = 2 * KEYS_PARTITIONS_MAX };
static inline uint16_t watch_slot_of(int partition, bool dead)
{
    return (uint16_t)(2 * partition + dead);
}
static inline int watch_partition_of(uint16_t slot)
{
    return slot / 2;
}
size_t watch_key(char to[KEYS_STREAM_MAX], uint16_t slot); /* its stream's key */

/* The slot of a stream's key. False: it is none of ours. */
bool watch_find(const char *key, size_t n, uint16_t *slot) __attribute__((warn_unused_result));

enum watch_verdict {
    WATCH_FINE,
    WATCH_GONE, /* the entry asked for is not there */
    WATCH_FELL, /* entries-added is less than it was */
};

/* What is known of one stream. Zeroed: nothing. */
struct watch_slot {
    struct mark_id probe;    /* entry to ask for; zero: none */
    struct mark_id asked;    /* the one the question out is about; zero: none, or forgotten meanwhile */
    struct mark_id newest;   /* of those noted; zero: none */
    struct mark_id next;     /* newest when the question was built */
    bool known;              /* the next three are set, by the last answer */
    int64_t added;           /* entries-added */
    int64_t length;          /* entries in the stream */
    struct mark_id last;     /* last id generated */
    struct mark_id survivor; /* the newest entry up to the one that had left; zero: none */
    struct mark_id floor; /* every group has acknowledged what is before it; zero: not known, or no group */
};

/* An entry was stored, or was seen to be there. */
void watch_note(struct watch_slot *w, struct mark_id id);

/* Its entries are lost or nobody's concern any more: nothing to ask for until the next one. The counters stay. */
void watch_forget(struct watch_slot *w);

/* Appends the question about a slot, one command whose answer is a text. left: the newest entry nobody keeps (older.h). */
void watch_add_question(struct watch_slot *w, uint16_t slot, struct mark_id left, struct strbuf *to);

/* Reads the answer; the counters are those of the answer afterwards, unless it is not readable (WATCH_GONE). */
enum watch_verdict watch_judge(struct watch_slot *w, uint16_t slot, const char *text, size_t n);

/* How many of a stream's first entries are not lost for sure, by the last answer: those trimmed. Letters are taken out one by one,
 * so among them all that are counted. */
int64_t watch_safe(const struct watch_slot *w, uint16_t slot);

enum { WATCH_RUN_MAX = 48 };

/* The server's run_id from what INFO server says; "" when it is not there. */
void watch_read_run(const char *info, size_t n, char to[WATCH_RUN_MAX]);

#endif
