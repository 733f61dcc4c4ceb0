/* map_text.h - tests: what a push was mapped to, as one line:
 *
 *   order:5 @1000 moves tracking:5 return:6 @2000 cancellation <key>      the key is entry 0's
 *   shop:7 #7 shop:8 #8 <key>                                             #: the shop, where entries are of several
 *   dead: why */
#ifndef SHOPSTREAM_TESTS_MAP_TEXT_H
#define SHOPSTREAM_TESTS_MAP_TEXT_H

#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "server/map.h"
#include "tests/harness.h"

static inline void map_text_entry(struct strbuf *b, const struct entry *e, bool shops)
{
    strbuf_add_format(b, "%s:%.*s ", entry_kind_name(e->kind), (int)e->id.length, e->id.data);
    if (shops)
        strbuf_add_format(b, "#%.*s ", (int)e->shop.length, e->shop.data);
    if (e->event_ms)
        strbuf_add_format(b, "@%lld ", (long long)e->event_ms);
    if (e->moves)
        strbuf_add_text(b, "moves ");
    if (e->return_kind.data)
        strbuf_add_format(b, "%.*s ", (int)e->return_kind.length, e->return_kind.data);
}

/* Maps body with config; free() the result. */
static inline char *map_text_with(const struct config *config, enum platform platform, const char *body,
                                  size_t length)
{
    struct mapper *m = mapper_new(config);
    struct push push = {
        .platform = platform, .body = {body, length}, .trace = {"t", 1}, .recv_ms = 1, .partitions = 1};
    struct strbuf b = STRBUF_INIT;
    struct mapped out;
    bool shops = false;

    map_push(m, &push, &out);
    if (out.dead)
        strbuf_add_format(&b, "dead: %s", out.why);
    for (size_t i = 0; i < out.count && !out.dead; i++)
        shops = shops || out.entries[i].shop.length != out.entries[0].shop.length ||
                memcmp(out.entries[i].shop.data, out.entries[0].shop.data, out.entries[i].shop.length) != 0;
    for (size_t i = 0; i < out.count && !out.dead; i++)
        map_text_entry(&b, &out.entries[i], shops);
    if (!out.dead)
        strbuf_add_format(&b, "%s%.*s", out.unknown ? "unknown " : "", (int)out.entries[0].key.length,
                          out.entries[0].key.data);
    mapper_free(m);
    return strbuf_detach(&b);
}

struct map_sample {
    const char *body, *wanted;
};

static inline void map_check_samples(char *(*map)(const char *body), const struct map_sample *samples,
                                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *got = map(samples[i].body);

        CHECK_TEXT(got, samples[i].wanted);
        free(got);
    }
}

#define MAP_CHECK_SAMPLES(map, samples)                                                                      \
    map_check_samples((map), (samples), sizeof(samples) / sizeof((samples)[0]))

#endif
