/* segment.h - server, journal: the bytes of one segment file.
 *
 * All numbers are little-endian. A file is the header twice (a damaged one costs nothing), then records end to end:
 *
 *   header, 64 bytes:  0 "SHOPJRNL" | 8 u32 version 1 | 12 u32 zero | 16 u64 number, as in the file's name |
 *                     24 u64 seed, random | 32 24 bytes zero | 56 u64 XXH3-64 of bytes 0..55
 *   record, 32 bytes and the body:
 *                      0 B7 4A 52 0A | 4 u32 length of the body | 8 i64 received, UTC epoch ms |
 *                     16 u32 length of the mark | 20 u32 zero | 24 u64 sum | 32 body: the key of the dedupe mark
 *                     (nothing without one), then the complete XADD command in wire form
 *   sum:              XXH3-64 of the body, seeded by XXH3-64 of bytes 0..23, seeded by the file's seed + the record's offset
 *
 * A new meaning of any byte is a new version; a reader refuses versions it does not know.
 *
 * In:      memory. Out: records that point into it.
 * Fails:   what is not whole and unharmed is no record. Never reads outside of what it was given.
 * Thread:  any. Pure.
 * Why so:  seed and offset are part of the sum, so bytes of another file, of another place, or bytes a sender has put into
 *          his body are never taken for a record when the reader has to find its way past a damaged one. */
#ifndef SHOPSTREAM_SERVER_SEGMENT_H
#define SHOPSTREAM_SERVER_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/strbuf.h"

enum {
    SEGMENT_VERSION = 1,
    SEGMENT_HEAD = 128,           /* bytes of both headers: where records begin */
    SEGMENT_RECORD_HEAD = 32,     /* bytes before a record's body */
    SEGMENT_BODY_MAX = 256 << 20, /* bytes of a body; more is damage */
};

struct segment_record {
    const char *body;   /* borrowed: mark, then XADD */
    size_t length;      /* of both */
    size_t mark_length; /* of the mark; 0: none */
    int64_t recv_ms;    /* when the event came, UTC epoch ms */
};

/* Appends both headers. */
void segment_add_head(struct strbuf *to, uint64_t number, uint64_t seed);

/* Reads the headers of file number from its first n bytes. False: err says why, with ERR_CONFIG when a newer version has
 * written it and ERR_DATA when neither header is whole; *seed untouched. */
bool segment_read_head(const char *data, size_t n, uint64_t number, uint64_t *seed, struct err *err)
    __attribute__((warn_unused_result));

/* Appends r as a record that will stand at offset at of its file. */
void segment_add(struct strbuf *to, uint64_t seed, int64_t at, const struct segment_record *r);

enum segment_found {
    SEGMENT_RECORD,  /* *out is one; it takes SEGMENT_RECORD_HEAD + length bytes */
    SEGMENT_MORE,    /* it may be one that goes on after these bytes */
    SEGMENT_DAMAGED, /* it is none, whatever comes after */
};

/* What stands at the beginning of data, which is at offset at of its file. */
enum segment_found segment_next(uint64_t seed, int64_t at, const char *data, size_t n,
                                struct segment_record *out);

/* How many bytes on from data the next whole record begins, at least 1; n when there is none. */
size_t segment_resync(uint64_t seed, int64_t at, const char *data, size_t n);

#endif
