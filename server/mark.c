/* mark.c - server, stage 4 of 5: the commands around a dedupe mark. Contract: mark.h. */
#include "server/mark.h"

#include <string.h>

#include "common/entry.h"
#include "common/number.h"

void mark_add_get(struct strbuf *to, const char *key, size_t key_length)
{
    resp_add_array(to, 2);
    resp_add_bulk(to, "GET", 3);
    resp_add_bulk(to, key, key_length);
}

void mark_add_set(struct strbuf *to, const char *key, size_t key_length, const char *id, size_t id_length,
                  int64_t life_ms)
{
    char ttl[24];

    resp_add_array(to, 5);
    resp_add_bulk(to, "SET", 3);
    resp_add_bulk(to, key, key_length);
    resp_add_bulk(to, id, id_length);
    resp_add_bulk(to, "PX", 2);
    resp_add_bulk(to, ttl, number_format_i64(ttl, life_ms));
}

bool mark_is_id(const char *text, size_t n)
{
    const char *dash = memchr(text, '-', n);
    const size_t head = dash ? (size_t)(dash - text) : 0;
    uint64_t ms, sequence;

    return dash && number_u64(text, head, &ms) && number_u64(dash + 1, n - head - 1, &sequence);
}
