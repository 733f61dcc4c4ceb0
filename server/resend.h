/* resend.h - server, stage 4 of 5: the command that stores an entry again unless it is there.
 *
 * In:      an entry's XADD, the key of its mark, the id it had.
 * Out:     a command in wire form; its answer is a text: RESEND_THERE, RESEND_THERE and the id of another copy, or the id of
 *          the entry stored anew. A refusal is an error reply as of XADD.
 * Fails:   never.
 * Thread:  any. Pure.
 * Why so:  looking and adding must not be torn apart, or two loops and a sender's retry could each add a copy, so it is a script. A
 *          mark counts only when the entry it names is there: marks and entries are lost independently (a deleted
 *          stream keeps its marks). By digest, because a ring is thousands of them. */
#ifndef SHOPSTREAM_SERVER_RESEND_H
#define SHOPSTREAM_SERVER_RESEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"
#include "server/mark.h"

#define RESEND_THERE "there"

/* Appends the command. whole: with the script's text, after a NOSCRIPT. life_ms: of the mark. False: xadd is no XADD of ours. */
bool resend_add(struct strbuf *to, const char *mark, size_t mark_length, const char *xadd, size_t xadd_length,
                struct mark_id id, int64_t life_ms, bool whole) __attribute__((warn_unused_result));

#endif
