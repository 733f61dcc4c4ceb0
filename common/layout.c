/* layout.c - common: webhooks:layout, the record of how many partitions the shops are spread over. Contract: layout.h.
 *
 * The script answers "<in_use> <most> <in_use before> <most before>" or "unreadable: <why>". Writing is tried and not
 * insisted on unless a change was asked for: a full or read-only Redis must not keep a program from knowing the layout, and
 * each question tries again. */
#include "common/layout.h"

#include <stdint.h>
#include <string.h>

#include "common/keys.h"
#include "common/number.h"

static const char script[] =
    "local was = redis.pcall('GET', KEYS[1])\n"
    "if type(was) == 'table' then\n"
    "  if string.find(was.err, 'WRONGTYPE') then return 'unreadable: it is no text' end\n"
    "  return was\n"
    "end\n"
    "local n, m, n0, m0 = tonumber(ARGV[1]), 0, 0, 0\n"
    "if was then\n"
    "  local a, b = string.match(was, '^in_use=([1-9]%d?%d?) most=([1-9]%d?%d?)$')\n"
    "  n0, m0 = tonumber(a), tonumber(b)\n"
    "  if not n0 or n0 > 256 or m0 > 256 then return 'unreadable: " LAYOUT_SHAPE "' end\n"
    "  n, m = n0, m0\n"
    "end\n"
    "local change = tonumber(ARGV[3])\n"
    "if change > 0 then n = change end\n"
    "m = math.max(m, n, tonumber(ARGV[2]))\n"
    "if n ~= n0 or m ~= m0 then\n"
    "  local r = redis.pcall('SET', KEYS[1], string.format('in_use=%d most=%d', n, m))\n"
    "  if r.err and change > 0 then return r end\n"
    "end\n"
    "return string.format('%d %d %d %d', n, m, n0, m0)\n";

_Static_assert(KEYS_PARTITIONS_MAX == 256, "the script's own bound");

void layout_ask(struct layout_question *q, const struct layout *known, int change)
{
    number_format_i64(q->numbers[0], known->in_use);
    number_format_i64(q->numbers[1], known->most);
    number_format_i64(q->numbers[2], change);
    q->argv[0] = "EVAL";
    q->argv[1] = script;
    q->argv[2] = "1";
    q->argv[3] = KEYS_LAYOUT;
    for (size_t i = 0; i < 3; i++)
        q->argv[4 + i] = q->numbers[i];
}

/* A number as the script writes and takes it: digits, no zero before others. least: the smallest that will do. */
static bool read_number(const char *text, size_t n, int least, int *out)
{
    int64_t value;

    if (!number_i64(text, n, &value) || value < least || value > KEYS_PARTITIONS_MAX ||
        (text[0] == '0' && n > 1))
        return false;
    *out = (int)value;
    return true;
}

/* The next word of a text, which a single space ends, or, of the last one, the text's own end. */
static bool take_number(const char **at, const char *end, bool last, int least, int *out)
{
    const char *space = memchr(*at, ' ', (size_t)(end - *at));
    const char *word = *at;

    if (last != !space || !read_number(word, (size_t)((space ? space : end) - word), least, out))
        return false;
    *at = space ? space + 1 : end;
    return true;
}

bool layout_read(const char *answer, size_t n, struct layout *now, struct layout *before)
{
    const char *at = answer, *end = answer + n;
    struct layout is, was;

    if (!take_number(&at, end, false, 1, &is.in_use) || !take_number(&at, end, false, is.in_use, &is.most) ||
        !take_number(&at, end, false, 0, &was.in_use) || !take_number(&at, end, true, 0, &was.most))
        return false;
    *now = is;
    if (before)
        *before = was;
    return true;
}

const char *layout_why(const char *answer)
{
    static const char head[] = "unreadable: ";

    return strncmp(answer, head, sizeof(head) - 1) == 0 ? answer + sizeof(head) - 1 : LAYOUT_SHAPE;
}

/* "<name>=<number>" up to end. */
static bool read_pair(const char *text, const char *end, const char *name, int *out)
{
    const size_t n = strlen(name);

    return (size_t)(end - text) > n && memcmp(text, name, n) == 0 &&
           read_number(text + n, (size_t)(end - text) - n, 1, out);
}

bool layout_read_record(const char *record, size_t n, struct layout *out)
{
    const char *space = memchr(record, ' ', n), *end = record + n;
    struct layout found;

    if (!space || !read_pair(record, space, "in_use=", &found.in_use) ||
        !read_pair(space + 1, end, "most=", &found.most))
        return false;
    if (found.most < found.in_use) /* set by hand: the next program that asks mends it */
        found.most = found.in_use;
    *out = found;
    return true;
}

bool layout_follow(struct layout *known, const struct layout *read)
{
    const struct layout was = *known;

    known->in_use = read->in_use;
    if (read->most > known->most)
        known->most = read->most;
    return known->in_use != was.in_use || known->most != was.most;
}
