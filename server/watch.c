/* watch.c - server, stage 4 of 5: has Redis lost something? Contract and reasons: watch.h.
 *
 * The script answers "<1|0: the entry is there> <last id> <entries-added> <length> <survivor> <floor>". No stream is one with
 * nothing in it. What a narrow ACL refuses (XREVRANGE, XINFO GROUPS, XPENDING) is not known, which makes a loss look larger. */
#include "server/watch.h"

#include <stdio.h>
#include <string.h>

#include "common/entry.h"
#include "common/number.h"

static const char question[] =
    "local s = redis.pcall('XINFO', 'STREAM', KEYS[1])\n"
    "if s.err then return '0 0-0 0 0 0-0 0-0' end\n"
    "local function map(list)\n"
    "  local m = {}\n"
    "  for i = 1, #list, 2 do m[list[i]] = list[i + 1] end\n"
    "  return m\n"
    "end\n"
    "local function there(id) return #redis.call('XRANGE', KEYS[1], id, id) > 0 end\n"
    "local m, survivor, ms, seq = map(s), ARGV[2], nil, nil\n"
    "if not there(survivor) then\n"
    "  local e = redis.pcall('XREVRANGE', KEYS[1], survivor, '-', 'COUNT', 1)\n"
    "  survivor = e[1] and e[1][1] or '0-0'\n"
    "end\n"
    "for _, g in ipairs(redis.pcall('XINFO', 'GROUPS', KEYS[1])) do\n"
    "  g = map(g)\n"
    "  local id, behind = g['last-delivered-id'], 1\n"
    "  if g['pending'] > 0 then\n"
    "    id, behind = redis.pcall('XPENDING', KEYS[1], g['name'])[2] or '0-0', 0\n"
    "  end\n"
    "  local a, b = string.match(id, '^(%d+)-(%d+)$')\n"
    "  a, b = tonumber(a), tonumber(b) + behind\n"
    "  if b > 9e15 then a, b = a + 1, 0 end\n"
    "  if not ms or a < ms or (a == ms and b < seq) then ms, seq = a, b end\n"
    "end\n"
    "return string.format('%d %s %.0f %.0f %s %.0f-%.0f', there(ARGV[1]) and 1 or 0, "
    "m['last-generated-id'],\n"
    "  m['entries-added'], m['length'], survivor, ms or 0, seq or 0)\n";

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
    w->probe = w->asked = w->newest = w->next = (struct mark_id){0};
}

void watch_add_question(struct watch_slot *w, uint16_t slot, struct mark_id left, struct strbuf *to)
{
    char key[KEYS_STREAM_MAX], id[MARK_ID_MAX], left_id[MARK_ID_MAX];
    const size_t key_length = watch_key(key, slot), id_length = mark_write_id(id, w->probe),
                 left_length = mark_write_id(left_id, left);

    w->asked = w->probe;
    w->next = w->newest;
    resp_add_array(to, 6);
    resp_add_bulk(to, "EVAL", 4);
    resp_add_bulk(to, question, sizeof(question) - 1);
    resp_add_bulk(to, "1", 1);
    resp_add_bulk(to, key, key_length);
    resp_add_bulk(to, id, id_length);
    resp_add_bulk(to, left_id, left_length);
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

/* The next word of a text, an id. */
static bool take_id(const char **at, const char *end, struct mark_id *id)
{
    const char *word;
    size_t n;

    return take_word(at, end, &word, &n) && mark_read_id(word, n, id);
}

static bool take_i64(const char **at, const char *end, int64_t *value)
{
    const char *word;
    size_t n;

    return take_word(at, end, &word, &n) && number_i64(word, n, value);
}

enum watch_verdict watch_judge(struct watch_slot *w, uint16_t slot, const char *text, size_t n)
{
    const char *at = text, *end = text + n, *there;
    const bool dead = slot % 2; /* letters are taken out one by one: that one is not there says nothing */
    const struct watch_slot was = *w;
    struct watch_slot read = was;
    size_t there_length;

    if (!take_word(&at, end, &there, &there_length) || !take_id(&at, end, &read.last) ||
        !take_i64(&at, end, &read.added) || !take_i64(&at, end, &read.length) ||
        !take_id(&at, end, &read.survivor) || !take_id(&at, end, &read.floor) || at != end) {
        w->survivor = (struct mark_id){0};
        return WATCH_GONE;
    }
    read.known = true;
    *w = read;
    if (!is_none(w->asked) && (dead ? mark_later(w->asked, w->last) : *there != '1'))
        return WATCH_GONE;
    if (was.known && w->added < was.added)
        return WATCH_FELL;
    if (!is_none(w->next))
        w->probe = w->next;
    return WATCH_FINE;
}

int64_t watch_safe(const struct watch_slot *w, uint16_t slot)
{
    return slot % 2 ? w->added : w->added - w->length;
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
