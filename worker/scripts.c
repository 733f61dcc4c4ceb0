/* scripts.c - worker: the Lua scripts and how they are called.
 *
 * In:      which script, its keys, its arguments.
 * Out:     the script's reply. EVALSHA first; when the server's script cache is empty (restart, failover, SCRIPT FLUSH)
 *          EVAL follows at once in the same request, which also fills the cache again.
 * Fails:   like link_call.
 * Thread:  any, each with its own link. No state: the digest is computed per call (2 us against a round trip).
 * Why so:  these steps look and then act; two workers doing the same on the same stream must not interleave, and what a
 *          script was refused (OOM) must have changed nothing. */
#include "worker/scripts.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/number.h"
#include "common/strbuf.h"

static const char *const script_sources[SCRIPT_COUNT] = {
    [SCRIPT_SAFE_TRIM] =
        "local function lt(a, b)\n"
        "  local am, as = string.match(a, '^(%d+)-(%d+)$')\n"
        "  local bm, bs = string.match(b, '^(%d+)-(%d+)$')\n"
        "  am, as, bm, bs = tonumber(am), tonumber(as), tonumber(bm), tonumber(bs)\n"
        "  return am < bm or (am == bm and as < bs)\n"
        "end\n"
        "if redis.call('EXISTS', KEYS[1]) == 0 then return {-2, '', ''} end\n"
        "local gs = redis.call('XINFO', 'GROUPS', KEYS[1])\n"
        /* nothing is known to be consumed, so nothing is trimmed */
        "if #gs == 0 then return {-1, '', ''} end\n"
        "local min, held, who = nil, '', ''\n"
        "for _, g in ipairs(gs) do\n"
        "  local m = {}\n"
        "  for i = 1, #g, 2 do m[g[i]] = g[i + 1] end\n"
        "  local c, oldest = m['last-delivered-id'], nil\n"
        "  if m['pending'] > 0 then\n"
        "    c = redis.call('XPENDING', KEYS[1], m['name'])[2]\n"
        "    oldest = c\n"
        "  else\n"
        /* what it has not read; one that has read everything holds nothing, however long ago that was */
        "    local unread = redis.call('XRANGE', KEYS[1], '(' .. c, '+', 'COUNT', 1)[1]\n"
        "    oldest = unread and unread[1]\n"
        "  end\n"
        "  if not min or lt(c, min) then min = c end\n"
        "  if oldest and (held == '' or lt(oldest, held)) then held, who = oldest, m['name'] end\n"
        "end\n"
        "if ARGV[2] ~= '' and lt(ARGV[2], min) then min = ARGV[2] end\n"
        "local n = redis.call('XTRIM', KEYS[1], 'MINID', '~', min, 'LIMIT', ARGV[1])\n"
        /* What is gone beyond this count was removed by somebody else. A stream made anew counts from 0. A full Redis takes
         * SET, too, once the script has trimmed something. */
        "if n > 0 then\n"
        "  local info, added = redis.call('XINFO', 'STREAM', KEYS[1]), 0\n"
        "  for i = 1, #info, 2 do if info[i] == 'entries-added' then added = info[i + 1] end end\n"
        "  local c, at = string.match(redis.call('GET', KEYS[2]) or '', '^(%d+) (%d+)$')\n"
        "  if not c or added < tonumber(at) then c = 0 end\n"
        "  redis.call('SET', KEYS[2], string.format('%.0f %.0f', c + n, added))\n"
        "end\n"
        "return {n, held, who}\n",

    [SCRIPT_DELETE_CONSUMER] =
        "if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', '1', ARGV[2]) > 0 then return -1 end\n"
        "return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])\n",

    [SCRIPT_DEAD_LETTER] =
        "local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])\n"
        "if #p == 0 then return {0, ''} end\n"
        "local e = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])\n"
        "local f = {}\n"
        "if e[1] then for _, v in ipairs(e[1][2]) do f[#f + 1] = v end end\n"
        "local t = {'_id', ARGV[3], '_stream', KEYS[1], '_group', ARGV[1], '_by', ARGV[2],\n"
        "           '_tries', tostring(p[1][4]), '_body', e[1] and '1' or '0'}\n"
        "for _, v in ipairs(t) do f[#f + 1] = v end\n"
        "for i = 4, #ARGV do f[#f + 1] = ARGV[i] end\n"
        "local r = redis.pcall('XADD', KEYS[2], '*', unpack(f))\n"
        /* refused, e.g. OOM: the entry stays pending */
        "if type(r) == 'table' and r.err then return r end\n"
        "redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])\n"
        "return {1, r}\n",

    [SCRIPT_REPLAY] =
        "local e = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])\n"
        "if not e[1] then return {0, ''} end\n"
        "local b, f, n, origin = e[1][2], {}, 0, nil\n"
        "for i = 1, #b, 2 do\n"
        "  local k, v = b[i], b[i + 1]\n"
        "  if k == '_body' and v == '0' then return {-1, ''} end\n"
        "  if k == '_replay' then n = tonumber(v) or 0 end\n"
        "  if k == 'src' then v = 'replay' end\n"
        /* the first life's id is what a proof looks for, however often it is replayed */
        "  if k == '_origin' or (k == '_id' and not origin) then origin = v end\n"
        /* a new life has all its attempts */
        "  if string.sub(k, 1, 1) ~= '_' and k ~= 'attempts' then f[#f + 1] = k; f[#f + 1] = v end\n"
        "end\n"
        "f[#f + 1] = '_replay'; f[#f + 1] = tostring(n + 1)\n"
        "f[#f + 1] = '_origin'; f[#f + 1] = origin or ARGV[1]\n"
        "local r = redis.pcall('XADD', KEYS[2], '*', unpack(f))\n"
        "if type(r) == 'table' and r.err then return r end\n"
        "redis.call('XDEL', KEYS[1], ARGV[1])\n"
        "return {1, r}\n",

    [SCRIPT_DISCARD] = "local e = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])\n"
                       "if not e[1] then return {0, ''} end\n"
                       "local f = e[1][2]\n"
                       "for i = 2, #ARGV do f[#f + 1] = ARGV[i] end\n"
                       "local r = redis.pcall('XADD', KEYS[2], '*', unpack(f))\n"
                       "if type(r) == 'table' and r.err then return r end\n"
                       "redis.call('XDEL', KEYS[1], ARGV[1])\n"
                       "return {1, r}\n",

    [SCRIPT_CLAIM] =
        "local window, suspected, alone = ARGV[5] * 10, tonumber(ARGV[6]), ARGV[8] == '1'\n"
        "local n, danger = alone and 1 or tonumber(ARGV[5]), tonumber(ARGV[9])\n"
        "local rows = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[4], '+', window)\n"
        "local ids, tries, cursor, waits, full = {}, {}, ARGV[4], '', 0\n"
        "for _, p in ipairs(rows) do\n"
        "  if p[3] >= tonumber(ARGV[3]) then\n"
        /* what waits for its retry was given back by a worker that lived */
        "    local parked, weight = p[2] == 'parked', 0\n"
        "    if (not parked and p[4] >= suspected) ~= alone then\n"
        "      if waits == '' then waits = p[1] end\n"
        "    else\n"
        "      if not alone and not parked then weight = math.floor(65536 / 16 ^ (suspected - p[4])) end\n"
        "      if weight > danger then full = 1 break end\n"
        "      danger = danger - weight\n"
        "      ids[#ids + 1], tries[#ids + 1] = p[1], p[4] + 1\n"
        "    end\n"
        "  end\n"
        "  cursor = '(' .. p[1]\n"
        "  if #ids == n then break end\n"
        "end\n"
        "if #rows < window and #ids < n and full == 0 then cursor = '0-0' end\n"
        "if full == 1 and cursor == '0-0' then cursor = '-' end\n"
        "if #ids == 0 then return {cursor, {}, {}, waits, danger, full} end\n"
        "local a = {'XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3]}\n"
        "for _, id in ipairs(ids) do a[#a + 1] = id end\n"
        "if alone and tries[1] > tonumber(ARGV[7]) then\n"
        "  for _, v in ipairs({'RETRYCOUNT', tries[1], 'JUSTID'}) do a[#a + 1] = v end\n"
        "end\n"
        "local got, out, lost, at = redis.call(unpack(a)), {}, {}, 1\n"
        "for i, id in ipairs(ids) do\n"
        "  local e = got[at]\n"
        "  if e == id then e = {id, ''} end\n"
        "  if e and e[1] == id then\n"
        "    out[#out + 1] = {id, e[2], tries[i]}\n"
        "  else lost[#lost + 1] = id end\n"
        /* before 7.0 a body that is gone comes as nil, later it is left out */
        "  if e == false or (e and e[1] == id) then at = at + 1 end\n"
        "end\n"
        "return {cursor, out, lost, waits, danger, full}\n",

    /* their bodies need not travel */
    [SCRIPT_COUNT_BEHIND] = "return #redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])\n",

    [SCRIPT_CREATE_GROUP] = "#!lua flags=allow-oom\n"
                            "return redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')\n",

    [SCRIPT_SET_FREE] = "#!lua flags=allow-oom\n"
                        "local v = redis.call('GET', KEYS[1])\n"
                        "if v and v ~= ARGV[1] then return 0 end\n"
                        "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
                        "return 1\n",

    [SCRIPT_RENEW_SAME] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
                          "return redis.call('PEXPIRE', KEYS[1], ARGV[2])\n",

    [SCRIPT_DELETE_SAME] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
                           "return redis.call('DEL', KEYS[1])\n",

    /* A bucket is a hash of instants (us of Redis' clock): tat = when it would be empty, share = the same for background
     * work, paused = nobody before, waiting = live work waits until then, live = last live call. Every instant is judged
     * against a bound, so that a clock that jumped back blocks nobody for longer than a bucket can hold. */
    [SCRIPT_LIMIT_TAKE] =
        "#!lua flags=allow-oom\n"
        "local t = redis.call('TIME')\n"
        "local now = t[1] * 1000000 + t[2]\n"
        "local background, part = ARGV[5] == '1', ARGV[6] / 100\n"
        "local wait, b = 0, {}\n"
        "for i = 1, 2 do\n"
        "  local h = redis.call('HMGET', KEYS[i], 'tat', 'share', 'paused', 'waiting', 'live')\n"
        "  local x = {step = tonumber(ARGV[2 * i - 1]), slack = tonumber(ARGV[2 * i]), wait = 0}\n"
        "  x.tat, x.share, x.paused = tonumber(h[1] or 0), tonumber(h[2] or 0), tonumber(h[3] or 0)\n"
        "  x.waiting, x.live = tonumber(h[4] or 0), tonumber(h[5] or 0)\n"
        "  if x.paused > now + 86400000000 then x.paused = 0 end\n"
        "  if x.paused > now then x.wait = x.paused - now end\n"
        "  if x.step > 0 then\n"
        "    local since = now - x.paused\n"
        "    local most = now + x.slack + 2 * x.step\n"
        "    if since < 0 then since = 0 end\n"
        "    if since < 60000000 then x.step = x.step / (0.5 + since / 120000000) end\n"
        "    x.tat = math.min(x.tat, most)\n"
        "    x.wait = math.max(x.wait, x.tat - x.slack - now)\n"
        "    if background then\n"
        "      if x.waiting > now and x.waiting < now + 86410000000 then\n"
        "        x.wait = math.max(x.wait, x.waiting - now)\n"
        "      end\n"
        "      if x.live <= now and x.live > now - 5000000 then\n"
        "        x.shared = true\n"
        "        x.share = math.min(x.share, now + x.slack + 2 * x.step / part)\n"
        "        x.wait = math.max(x.wait, x.share - x.slack - now)\n"
        "      end\n"
        "    end\n"
        "  end\n"
        "  if x.wait > wait then wait = x.wait end\n"
        "  b[i] = x\n"
        "end\n"
        "local function keep(i, life, ...)\n"
        "  redis.call('HSET', KEYS[i], ...)\n"
        "  life = math.ceil(math.max(life, b[i].paused - now, 0) / 1000) + 120000\n"
        "  redis.call('PEXPIRE', KEYS[i], string.format('%.0f', life))\n"
        "end\n"
        "local function text(v) return string.format('%.0f', v) end\n"
        "for i = 1, 2 do\n"
        "  local x = b[i]\n"
        "  if wait > 0 and not background and x.wait > 0 then\n"
        "    local mark = now + wait + math.max(2 * x.step, 250000)\n"
        "    keep(i, mark - now, 'waiting', text(math.min(mark, now + 86400000000)))\n"
        "  elseif wait == 0 and x.step > 0 then\n"
        "    x.tat = math.max(x.tat, now) + x.step\n"
        "    if background and x.shared then\n"
        "      x.share = math.max(x.share, now) + x.step / part\n"
        "      keep(i, x.share - now, 'tat', text(x.tat), 'share', text(x.share))\n"
        "    elseif background then\n"
        "      keep(i, x.tat - now, 'tat', text(x.tat))\n"
        "    else\n"
        "      keep(i, x.tat - now, 'tat', text(x.tat), 'live', text(now))\n"
        "    end\n"
        "  end\n"
        "end\n"
        "return math.ceil(wait / 1000)\n",

    [SCRIPT_LIMIT_PAUSE] =
        "#!lua flags=allow-oom\n"
        "local t = redis.call('TIME')\n"
        "local now = t[1] * 1000000 + t[2]\n"
        "local old = tonumber(redis.call('HGET', KEYS[1], 'paused') or 0)\n"
        "local new = now + math.min(tonumber(ARGV[1]), 86400000000)\n"
        "if old > new and old <= now + 86400000000 then new = old end\n"
        "redis.call('HSET', KEYS[1], 'paused', string.format('%.0f', new))\n"
        "redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((new - now) / 1000) + 120000))\n"
        "return 1\n",
};

enum { SHA1_BYTES = 20, SHA1_HEX = 2 * SHA1_BYTES };

/* What EVALSHA calls the script. */
static void script_digest(const char *source, char hex[SHA1_HEX + 1])
{
    unsigned char sha[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (EVP_Digest(source, strlen(source), sha, &n, EVP_sha1(), NULL) != 1 || n != SHA1_BYTES)
        fatalx("scripts: no SHA-1");
    for (size_t i = 0; i < SHA1_BYTES; i++) {
        hex[2 * i] = "0123456789abcdef"[sha[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[sha[i] & 15];
    }
    hex[SHA1_HEX] = '\0';
}

/* EVALSHA or EVAL; lengths of the two leading words are filled in here. */
static redisReply *evaluate(struct link *l, const char *how, const char *what, int keys, int argc,
                            const char **argv, const size_t *lengths, struct err *err)
{
    size_t total = (size_t)argc + 3;
    const char **all = xcalloc(total, sizeof(*all));
    size_t *sizes = xcalloc(total, sizeof(*sizes));
    char numkeys[24];
    redisReply *r;

    number_format_i64(numkeys, keys);
    all[0] = how;
    all[1] = what;
    all[2] = numkeys;
    for (size_t i = 0; i < (size_t)argc; i++)
        all[3 + i] = argv[i];
    for (size_t i = 0; i < total; i++)
        sizes[i] = lengths && i >= 3 ? lengths[i - 3] : strlen(all[i]);
    r = link_call(l, (int)total, all, sizes, err);
    free(sizes);
    free(all);
    return r;
}

redisReply *script_run(struct link *l, enum script s, int keys, int argc, const char **argv,
                       const size_t *lengths, struct err *err)
{
    char sha[SHA1_HEX + 1];
    redisReply *r;

    script_digest(script_sources[s], sha);
    r = evaluate(l, "EVALSHA", sha, keys, argc, argv, lengths, err);
    if (!r || !link_error_is(r, "NOSCRIPT"))
        return r;
    freeReplyObject(r);
    return evaluate(l, "EVAL", script_sources[s], keys, argc, argv, lengths, err);
}
