/* resend.c - server, stage 4 of 5: the command that stores an entry again unless it is there. Contract: resend.h. */
#include "server/resend.h"

#include <string.h>

#include "common/entry.h"
#include "common/number.h"

/* KEYS stream, mark (the stream again when there is none); ARGV life of the mark in ms (0: no mark), the id it had (0-0: not
 * known), then the fields. The trace tells whether an entry of that id is the same one: a stream made anew may give an
 * id again when the clock has stepped back. */
static const char script[] = "local function trace(f, from)\n"
                             "  for i = from, #f, 2 do if f[i] == 'trace' then return f[i + 1] end end\n"
                             "end\n"
                             "local e = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])\n"
                             "if e[1] and trace(e[1][2], 1) == trace(ARGV, 3) then return 'there' end\n"
                             "if ARGV[1] ~= '0' then\n"
                             "  local id = redis.pcall('GET', KEYS[2])\n"
                             "  if type(id) == 'string' then\n"
                             "    e = redis.pcall('XRANGE', KEYS[1], id, id)\n"
                             "    if not e.err and e[1] then return 'there ' .. id end\n"
                             "  end\n"
                             "end\n"
                             "local r = redis.pcall('XADD', KEYS[1], '*', unpack(ARGV, 3))\n"
                             "if type(r) == 'table' and r.err then return r end\n"
                             "if ARGV[1] ~= '0' then redis.call('SET', KEYS[2], r, 'PX', ARGV[1]) end\n"
                             "return r\n";

/* Its SHA1, by which Redis knows it; a test compares the two. */
static const char script_digest[] = "acb94dd5f8268a5f7316846b87e79b162e2c87bf";

bool resend_add(struct strbuf *to, const char *mark, size_t mark_length, const char *xadd, size_t xadd_length,
                struct mark_id id, int64_t life_ms, bool whole)
{
    const bool marked = mark_length > 0 && life_ms > 0;
    struct mark_xadd x;
    char text[MARK_ID_MAX];

    if (!mark_read_xadd(xadd, xadd_length, &x))
        return false;
    resp_add_array(to, 7 + x.field_count);
    resp_add_bulk(to, whole ? "EVAL" : "EVALSHA", whole ? 4 : 7);
    if (whole)
        resp_add_bulk(to, script, sizeof(script) - 1);
    else
        resp_add_bulk(to, script_digest, sizeof(script_digest) - 1);
    resp_add_bulk(to, "2", 1);
    resp_add_bulk(to, x.stream, x.stream_length);
    resp_add_bulk(to, marked ? mark : x.stream, marked ? mark_length : x.stream_length);
    resp_add_bulk(to, text, number_format_i64(text, marked ? life_ms : 0));
    resp_add_bulk(to, text, mark_write_id(text, id));
    strbuf_add(to, x.fields, x.fields_length);
    return true;
}
