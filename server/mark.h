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

#endif
