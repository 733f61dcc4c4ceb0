/* watch.c - server, stage 4 of 5: has Redis lost something? Contract and reasons: watch.h.
 *
 * The script answers "<1|0: the entry is there> <last id> <entries-added> <length>". No stream is one with nothing in it. */
#include "server/watch.h"

#include <stdio.h>
#include <string.h>

#include "common/entry.h"
#include "common/number.h"

static const char question[] = "local s = redis.pcall('XINFO', 'STREAM', KEYS[1])\n"
                               "if s.err then return '0 0-0 0 0' end\n"
                               "local m = {}\n"
                               "for i = 1, #s, 2 do m[s[i]] = s[i + 1] end\n"
                               "local there = #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) > 0\n"
                               "return (there and '1 ' or '0 ') .. m['last-generated-id'] .. ' ' .. "
                               "string.format('%.0f %.0f', m['entries-added'], m['length'])\n";

size_t watch_key(char to[KEYS_STREAM_MAX], uint16_t slot)
{
    return slot % 2 ? keys_dead(to, slot / 2) : keys_live(to, slot / 2);
}

bool watch_find(const char *key, size_t n, uint16_t *slot)
{
    static const char head[] = "webhooks:{";
    const size_t h = sizeof(head) - 1;
    const char *end = n > h ? memchr(key + h, '}', n - h) : NULL;
    char again[KEYS_STREAM_MAX];
    int64_t partition;
    uint16_t found;

    if (!end || memcmp(key, head, h) != 0 || !number_i64(key + h, (size_t)(end - key) - h, &partition) ||
        partition < 0 || partition >= KEYS_PARTITIONS_MAX)
        return false;
    found = watch_slot_of((int)partition, end + 1 < key + n);
    if (watch_key(again, found) != n || memcmp(again, key, n) != 0)
        return false;
    *slot = found;
    return true;
}

static bool is_none(struct mark_id id)
{
    return id.ms == 0 && id.sequence == 0;
}

void watch_note(struct watch_slot *w, struct mark_id id)
{
    if (is_none(w->probe))
        w->probe = id;
    if (mark_later(id, w->newest))
        w->newest = id;
}

void watch_forget(struct watch_slot *w)
{
    w->probe = w->newest = w->next = (struct mark_id){0};
}

void watch_add_question(struct watch_slot *w, uint16_t slot, struct strbuf *to)
{
    char key[KEYS_STREAM_MAX], id[MARK_ID_MAX];
    const size_t key_length = watch_key(key, slot), id_length = mark_write_id(id, w->probe);

    w->next = w->newest;
    resp_add_array(to, 5);
    resp_add_bulk(to, "EVAL", 4);
    resp_add_bulk(to, question, sizeof(question) - 1);
    resp_add_bulk(to, "1", 1);
    resp_add_bulk(to, key, key_length);
    resp_add_bulk(to, id, id_length);
}

/* The next word of a text. */
static bool take_word(const char **at, const char *end, const char **word, size_t *n)
{
    const char *space = memchr(*at, ' ', (size_t)(end - *at));

    *word = *at;
    *n = (size_t)((space ? space : end) - *at);
    *at = space ? space + 1 : end;
    return *n > 0;
}

enum watch_verdict watch_judge(struct watch_slot *w, uint16_t slot, const char *text, size_t n)
{
    const char *at = text, *end = text + n, *there, *last, *added, *length;
    const bool dead = slot % 2; /* letters are taken out one by one: that one is not there says nothing */
    size_t sizes[4];
    int64_t was = w->known ? w->added : 0;
    struct mark_id last_id;

    if (!take_word(&at, end, &there, &sizes[0]) || !take_word(&at, end, &last, &sizes[1]) ||
        !take_word(&at, end, &added, &sizes[2]) || !take_word(&at, end, &length, &sizes[3]) ||
        !mark_read_id(last, sizes[1], &last_id) || !number_i64(added, sizes[2], &w->added) ||
        !number_i64(length, sizes[3], &w->length))
        return WATCH_GONE;
    w->last = last_id;
    w->known = true;
    if (!is_none(w->probe) && (dead ? mark_later(w->probe, last_id) : *there != '1'))
        return WATCH_GONE;
    if (w->added < was)
        return WATCH_FELL;
    w->probe = w->next;
    return WATCH_FINE;
}

void watch_read_run(const char *info, size_t n, char to[WATCH_RUN_MAX])
{
    static const char name[] = "run_id:";
    const char *at = memmem(info, n, name, sizeof(name) - 1);
    size_t length = 0;

    for (at = at ? at + sizeof(name) - 1 : info + n;
         at + length < info + n && at[length] > ' ' && length < WATCH_RUN_MAX - 1; length++)
        to[length] = at[length];
    to[length] = '\0';
}
