/* token_copy.c - worker: a refreshed pair on its way to MongoDB.
 *
 * In:      a pair, or the name of an authorization.
 * Out:     one sealed text in Redis: JSON {from access refresh open_id issued access_expires refresh_expires}.
 * Fails:   by a word and a sentence without secrets.
 * Thread:  one.
 * Why so:  the copy lives as long as the longest refresh token may: it is the only one there is. Its place is bound to the
 *          authorization as a stored token's is. It never replaces another copy, which may be the only valid pair; and it is
 *          removed by its value, because a worker that was frozen must not remove its successor's. */
#include "worker/token_copy.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "worker/scripts.h"

enum { COPY_KEY_MAX = 400 };

#define COPY_TTL_MS "31536000000" /* a year */

static void copy_key(char *to, const char *authorization)
{
    snprintf(to, COPY_KEY_MAX, "token:{%s}", authorization);
}

static void wipe(struct strbuf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->capacity);
    strbuf_deinit(b);
}

/* --- text ----------------------------------------------------------------------------------------------------- */

/* jansson frees without wiping. */
static void wipe_member(json_t *object, const char *name)
{
    json_t *text = json_object_get(object, name);

    if (text)
        explicit_bzero((void *)(uintptr_t)json_string_value(text), json_string_length(text));
}

static bool copy_write(const struct pair *p, struct strbuf *plain)
{
    json_t *copy = json_pack(
        "{s:s, s:s%, s:s%, s:s, s:I, s:I, s:I}", "from", p->from, "access", strbuf_text(&p->access_token),
        p->access_token.length, "refresh", strbuf_text(&p->refresh_token), p->refresh_token.length, "open_id",
        strbuf_text(&p->open_id), "issued", (json_int_t)p->issued_ms, "access_expires",
        (json_int_t)p->access_expires_ms, "refresh_expires", (json_int_t)p->refresh_expires_ms);
    char *text = copy ? json_dumps(copy, JSON_COMPACT) : NULL;

    if (text) {
        strbuf_add_text(plain, text);
        explicit_bzero(text, strlen(text));
        free(text);
    }
    wipe_member(copy, "access");
    wipe_member(copy, "refresh");
    json_decref(copy);
    return text != NULL;
}

static bool copy_text(yyjson_val *root, const char *name, struct strbuf *to)
{
    struct json_text text;

    if (json_get_text(root, name, &text) != JSON_GOT || memchr(text.data, '\0', text.length))
        return false;
    strbuf_add(to, text.data, text.length);
    return true;
}

static bool copy_fields(yyjson_val *root, struct pair *p)
{
    struct json_text from;

    if (json_get_text(root, "from", &from) != JSON_GOT || from.length != HMAC_HEX_LENGTH)
        return false;
    memcpy(p->from, from.data, from.length);
    return copy_text(root, "access", &p->access_token) && copy_text(root, "refresh", &p->refresh_token) &&
           copy_text(root, "open_id", &p->open_id) && p->access_token.length > 0 &&
           p->refresh_token.length > 0 && json_get_i64(root, "issued", &p->issued_ms) == JSON_GOT &&
           json_get_i64(root, "access_expires", &p->access_expires_ms) == JSON_GOT &&
           json_get_i64(root, "refresh_expires", &p->refresh_expires_ms) == JSON_GOT;
}

static bool copy_read(const struct strbuf *plain, struct pair *p, struct err *err)
{
    struct pair read = {0};
    yyjson_doc *doc = json_parse(plain->data, plain->length, NULL, NULL);
    bool ok = doc && copy_fields(yyjson_doc_get_root(doc), &read);

    yyjson_doc_free(doc);
    if (ok) {
        *p = read;
    } else {
        pair_deinit(&read);
        err_set(err, ERR_DATA, 0, "the copy of a token pair is malformed");
    }
    return ok;
}

/* --- Redis ---------------------------------------------------------------------------------------------------- */

static bool copy_seal(const struct credentials *c, const char *authorization, const struct pair *p,
                      struct strbuf *sealed, struct err *err)
{
    struct strbuf place = STRBUF_INIT, plain = STRBUF_INIT;
    bool ok = copy_write(p, &plain);

    if (!ok)
        err_set(err, ERR_DATA, 0, "the copy of a token pair cannot be written: a token is no UTF-8");
    credentials_place(&place, authorization, "token_copy");
    ok = ok && credentials_seal(c, strbuf_text(&place), plain.data, plain.length, sealed, err);
    wipe(&plain);
    strbuf_deinit(&place);
    return ok;
}

enum token_copy_kept token_copy_keep(struct link *link, const struct credentials *c,
                                     const char *authorization, const struct pair *p, struct strbuf *sealed,
                                     struct err *err)
{
    enum token_copy_kept kept = TOKEN_COPY_REFUSED;
    char key[COPY_KEY_MAX];
    redisReply *r;

    copy_key(key, authorization);
    if (sealed->length == 0 && !copy_seal(c, authorization, p, sealed, err))
        return TOKEN_COPY_REFUSED;
    r = script_run(link, SCRIPT_SET_FREE, 1, 3, (const char *[]){key, strbuf_text(sealed), COPY_TTL_MS}, NULL,
                   err);
    if (r && r->type == REDIS_REPLY_INTEGER)
        kept = r->integer == 1 ? TOKEN_COPY_KEPT : TOKEN_COPY_OTHER;
    else if (r)
        link_refused(link, r, "keeping a token pair", err);
    freeReplyObject(r);
    return kept;
}

static enum token_copy_found copy_open(const struct credentials *c, const char *authorization, struct pair *p,
                                       const struct strbuf *sealed, struct err *err)
{
    struct strbuf place = STRBUF_INIT, plain = STRBUF_INIT;
    bool ok;

    credentials_place(&place, authorization, "token_copy");
    ok = credentials_unseal(c, strbuf_text(&place), sealed->data, sealed->length, &plain, err) &&
         copy_read(&plain, p, err);
    wipe(&plain);
    strbuf_deinit(&place);
    return ok ? TOKEN_COPY_FOUND : TOKEN_COPY_UNREADABLE;
}

enum token_copy_found token_copy_find(struct link *link, const struct credentials *c,
                                      const char *authorization, struct pair *p, struct strbuf *sealed,
                                      struct err *err)
{
    enum token_copy_found found = TOKEN_COPY_UNKNOWN;
    char key[COPY_KEY_MAX];
    redisReply *r;

    copy_key(key, authorization);
    r = link_call(link, 2, (const char *[]){"GET", key}, NULL, err);
    if (r && r->type == REDIS_REPLY_NIL) {
        found = TOKEN_COPY_NONE;
    } else if (r && r->type == REDIS_REPLY_STRING) {
        strbuf_add(sealed, r->str, r->len);
        found = copy_open(c, authorization, p, sealed, err);
    } else if (r) {
        link_refused(link, r, "reading a token pair", err);
    }
    freeReplyObject(r);
    return found;
}

bool token_copy_waits(struct link *link, const char *authorization, bool *waits, struct err *err)
{
    char key[COPY_KEY_MAX];
    redisReply *r;
    bool ok;

    copy_key(key, authorization);
    r = link_call(link, 2, (const char *[]){"EXISTS", key}, NULL, err);
    ok = r && r->type == REDIS_REPLY_INTEGER;
    if (ok)
        *waits = r->integer > 0;
    else if (r)
        link_refused(link, r, "looking for a token pair", err);
    freeReplyObject(r);
    return ok;
}

bool token_copy_drop(struct link *link, const char *authorization, const struct strbuf *sealed,
                     struct err *err)
{
    char key[COPY_KEY_MAX];
    redisReply *r;
    bool ok;

    copy_key(key, authorization);
    r = script_run(link, SCRIPT_DELETE_SAME, 1, 2, (const char *[]){key, strbuf_text(sealed)}, NULL, err);
    ok = r && r->type == REDIS_REPLY_INTEGER;
    if (r && !ok)
        link_refused(link, r, "removing a token pair", err);
    freeReplyObject(r);
    return ok;
}
