/* mark.h - server, stage 4 of 5: the commands around a dedupe mark, and what proves that an entry is stored.
 *
 * In:      the mark's key, an entry's id.
 * Out:     commands in wire form.
 * Fails:   never.
 * Thread:  any. Pure.
 * Why so:  two store entries, the loops (pending.c) and the journal's drain (drain.c), and both must do it alike. */
#ifndef SHOPSTREAM_SERVER_MARK_H
#define SHOPSTREAM_SERVER_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"

/* Appends GET key: the id of the entry that is there already, or nil. */
void mark_add_get(struct strbuf *to, const char *key, size_t key_length);

/* Appends SET key id PX life_ms. */
void mark_add_set(struct strbuf *to, const char *key, size_t key_length, const char *id, size_t id_length,
                  int64_t life_ms);

/* The id of an entry, "1767704400123-0": the only thing that proves it is stored. */
bool mark_is_id(const char *text, size_t n);

/* The same in parts; zero is no entry's id. */
struct mark_id {
    uint64_t ms, sequence;
};

enum { MARK_ID_MAX = 48 }; /* bytes of an id as text, NUL included */

/* False: it is none, *out untouched. */
bool mark_read_id(const char *text, size_t n, struct mark_id *out) __attribute__((warn_unused_result));
size_t mark_write_id(char to[MARK_ID_MAX], struct mark_id id); /* its length */
bool mark_later(struct mark_id a, struct mark_id b);           /* a comes after b */

/* What an XADD command of ours consists of. */
struct mark_xadd {
    const char *stream; /* borrowed, as the next */
    size_t stream_length;
    const char *fields; /* the arguments after the id, as they stand in the command */
    size_t fields_length;
    size_t field_count; /* of these arguments */
};

/* Takes a complete XADD in wire form apart. False: it is none. */
bool mark_read_xadd(const char *command, size_t n, struct mark_xadd *out) __attribute__((warn_unused_result));

#endif
