/* ctl_shop.c - shopstreamctl shop: which shops are served, and with which grant.
 *
 * In:      `put`: JSON on standard input, so that no secret stands in a process list. Others: platform and shop id.
 * Out:     what is stored or changed, as text or with --json; tokens never, or masked to their last four characters.
 * Fails:   2 for arguments and input, 3 when MongoDB does not answer, 1 when there is no such shop.
 * Thread:  the tool's.
 * Why so:  a worker believes a shop for some seconds, so every change here is in force soon without telling anybody. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/strbuf.h"
#include "worker/credentials.h"
#include "worker/ctl/ctl.h"
#include "worker/ctl/ctl_shop.h"
#include "worker/ctl/shop_put.h"
#include "worker/shop.h"
#include "worker/shop_record.h"

enum { PUT_INPUT_MAX = 64 * 1024 * 1024, MASK_SHOWN = 4, MASK_FROM = 16 };

static int fail_store(const struct err *err)
{
    return ctl_fail(err->domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "MongoDB: %s", err->text);
}

static void print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
}

/* --- put ------------------------------------------------------------------------------------------------------ */

bool ctl_read_stdin(struct strbuf *to, struct err *err)
{
    ssize_t n;

    do {
        strbuf_reserve(to, 65536);
        n = read(STDIN_FILENO, to->data + to->length, 65536);
        if (n > 0) {
            to->length += (size_t)n;
            to->data[to->length] = '\0';
        }
    } while ((n > 0 && to->length <= PUT_INPUT_MAX) || (n < 0 && errno == EINTR));
    if (n < 0)
        err_errno(err, "read", "standard input");
    else if (n > 0)
        err_set(err, ERR_CONFIG, 0, "standard input is longer than %d MiB", PUT_INPUT_MAX / 1024 / 1024);
    return n == 0;
}

/* "...abcd" for a long token, "..." for a short one, whose end would be too much of it. */
static const char *mask(const char *token, char to[8])
{
    size_t n = strlen(token);

    snprintf(to, 8, "...%s", n < MASK_FROM ? "" : token + n - MASK_SHOWN);
    return to;
}

static void print_put(const struct shop_record *r, const struct shop_put_result *done, bool json,
                      json_t *rows)
{
    const char *authorization = strbuf_text(&done->authorization);
    char access[8], refresh[8];

    mask(r->access_token, access);
    mask(r->refresh_token, refresh);
    if (json)
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "platform",
                                              r->platform, "shop_id", r->shop_id, "shop", done->shop, "state",
                                              done->state, "authorization", authorization, "joined_by",
                                              done->joined, "tokens", done->tokens, "access_token", access,
                                              "refresh_token", refresh));
    else
        printf("%s:%s %s, %s; authorization %s (%s): tokens %s, access %s, refresh %s\n", r->platform,
               r->shop_id, done->shop, done->state, authorization, done->joined, done->tokens, access,
               refresh);
}

int ctl_put_records(struct ctl *c, struct store *store, const struct credentials *credentials,
                    const struct shop_records *records)
{
    json_t *rows = json_array();
    int code = CTL_DONE;

    for (size_t i = 0; i < records->count && code == CTL_DONE; i++) {
        const struct shop_record *r = &records->at[i];
        struct shop_put_result done = {0};
        struct err err = {0};

        if (shop_put(store, credentials, r, &done, &err))
            print_put(r, &done, c->json, rows);
        else
            code = ctl_fail(err.domain == ERR_MONGO ? CTL_UNREACHABLE : CTL_USAGE, "line %zu: %s", r->line,
                            err.text);
        strbuf_deinit(&done.authorization);
    }
    if (c->json)
        print_json(rows);
    else
        json_decref(rows);
    return code;
}

static void wipe(struct strbuf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->capacity);
    strbuf_deinit(b);
}

static int put(struct ctl *c)
{
    struct credentials *credentials = NULL;
    struct shop_records records = {0};
    struct strbuf input = STRBUF_INIT;
    struct store *store;
    struct err err = {0};
    int code = CTL_USAGE;

    credentials = credentials_new(c->config->credentials_key, &err);
    if (!credentials || !ctl_read_stdin(&input, &err) ||
        !shop_records_parse(strbuf_text(&input), input.length, &records, &err)) {
        ctl_fail(code, "shop put: %s", err.text);
        goto out;
    }
    store = ctl_store(c, &err);
    if (!store)
        code = fail_store(&err);
    else
        code = ctl_put_records(c, store, credentials, &records);
out:
    shop_records_deinit(&records);
    wipe(&input);
    credentials_free(credentials);
    return code;
}

/* --- list, show ----------------------------------------------------------------------------------------------- */

static const char *text_of(const bson_t *doc, const char *name)
{
    bson_iter_t it;

    return doc && bson_iter_init_find(&it, doc, name) && BSON_ITER_HOLDS_UTF8(&it) ? bson_iter_utf8(&it, NULL)
                                                                                   : "";
}

static const char *instant_of(const bson_t *doc, const char *name, char to[CLOCK_TEXT_MAX])
{
    bson_iter_t it;

    to[0] = '\0';
    if (doc && bson_iter_init_find(&it, doc, name) && BSON_ITER_HOLDS_DATE_TIME(&it))
        clock_format_utc(to, bson_iter_date_time(&it));
    return to;
}

static json_t *text_value(const char *s)
{
    json_t *text = json_string(s);

    return text ? text : json_string("(not UTF-8)");
}

/* Everything about a shop that is no secret. authorization may be NULL. Owned by the caller. */
static json_t *shop_row(const bson_t *shop, const bson_t *authorization)
{
    static const char *const names[] = {"platform", "shop_id", "channel_id",
                                        "region",   "state",   "authorization"};
    char time[CLOCK_TEXT_MAX];
    json_t *row = json_object();

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_object_set_new(row, names[i], text_value(text_of(shop, names[i])));
    json_object_set_new(row, "account", text_value(text_of(authorization, "account")));
    json_object_set_new(row, "access_expires_at",
                        text_value(instant_of(authorization, "access_expires_at", time)));
    json_object_set_new(row, "refresh_expires_at",
                        text_value(instant_of(authorization, "refresh_expires_at", time)));
    json_object_set_new(row, "updated_at", text_value(instant_of(shop, "updated_at", time)));
    json_object_set_new(row, "tokens_updated_at", text_value(instant_of(authorization, "updated_at", time)));
    return row;
}

/* Appends every document that matches to docs (owned copies). False: err. */
struct docs {
    bson_t **at;
    size_t count;
};

static void docs_free(struct docs *docs)
{
    for (size_t i = 0; i < docs->count; i++)
        bson_destroy(docs->at[i]);
    free(docs->at);
}

static bool find_all(struct store *store, const char *collection, const bson_t *filter, struct docs *docs,
                     struct err *err)
{
    bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}");
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(store_collection(store, collection), filter, opts, NULL);
    const bson_t *doc;
    bson_error_t error;
    bool failed;

    while (mongoc_cursor_next(cursor, &doc)) {
        docs->at = xrealloc(docs->at, (docs->count + 1) * sizeof *docs->at);
        docs->at[docs->count++] = bson_copy(doc);
    }
    failed = mongoc_cursor_error(cursor, &error);
    if (failed)
        err_set(err, ERR_MONGO, (int)error.code, "cannot read %s: %s", collection, error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(opts);
    return !failed;
}

static int compare_id(const void *key, const void *doc)
{
    return strcmp(key, text_of(*(const bson_t *const *)doc, "_id"));
}

static const bson_t *find_id(const struct docs *docs, const char *id)
{
    bson_t **found =
        docs->count > 0 ? bsearch(id, docs->at, docs->count, sizeof *docs->at, compare_id) : NULL;

    return found ? *found : NULL;
}

/* Shops that match with their authorizations, as rows. NULL: err. */
static json_t *shop_rows(struct store *store, const bson_t *filter, struct err *err)
{
    struct docs shops = {0}, authorizations = {0};
    bson_t everything = BSON_INITIALIZER;
    json_t *rows = NULL;

    if (find_all(store, "shops", filter, &shops, err) &&
        find_all(store, "authorizations", &everything, &authorizations, err)) {
        rows = json_array();
        for (size_t i = 0; i < shops.count; i++)
            json_array_append_new(
                rows, shop_row(shops.at[i], find_id(&authorizations, text_of(shops.at[i], "authorization"))));
    }
    docs_free(&authorizations);
    docs_free(&shops);
    bson_destroy(&everything);
    return rows;
}

/* What somebody has written into MongoDB must not drive the terminal. Borrowed from plain. */
static const char *cell(struct strbuf *plain, const json_t *row, const char *name)
{
    const json_t *text = json_object_get(row, name);

    return json_string_length(text) > 0 ? ctl_plain(plain, json_string_value(text), json_string_length(text))
                                        : "-";
}

static void print_table(const json_t *rows)
{
    static const struct {
        const char *title;
        const char *member;
        int width;
    } columns[] = {{"PLATFORM", "platform", 8},
                   {"SHOP", "shop_id", 22},
                   {"CHANNEL", "channel_id", 16},
                   {"REGION", "region", 6},
                   {"STATE", "state", 9},
                   {"ACCESS UNTIL", "access_expires_at", 26},
                   {"AUTHORIZATION", "authorization", 0}};
    enum { COLUMNS = sizeof columns / sizeof columns[0] };
    struct strbuf plain = STRBUF_INIT;

    for (size_t c = 0; c < COLUMNS; c++)
        printf("%-*s%s", columns[c].width, columns[c].title, c + 1 < COLUMNS ? " " : "\n");
    for (size_t i = 0; i < json_array_size(rows); i++)
        for (size_t c = 0; c < COLUMNS; c++)
            printf("%-*s%s", columns[c].width, cell(&plain, json_array_get(rows, i), columns[c].member),
                   c + 1 < COLUMNS ? " " : "\n");
    strbuf_deinit(&plain);
}

static int list(struct ctl *c, struct store *store)
{
    bson_t everything = BSON_INITIALIZER;
    struct err err = {0};
    json_t *rows = shop_rows(store, &everything, &err);

    bson_destroy(&everything);
    if (!rows)
        return fail_store(&err);
    if (c->json) {
        print_json(rows);
        return CTL_DONE;
    }
    print_table(rows);
    json_decref(rows);
    return CTL_DONE;
}

static int no_such_shop(const char *id)
{
    return ctl_fail(CTL_FINDING, "no shop %.120s", id);
}

static int show(struct ctl *c, struct store *store, const char *id)
{
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(id));
    struct err err = {0};
    json_t *rows = shop_rows(store, filter, &err);
    struct strbuf plain = STRBUF_INIT;
    const char *name;
    json_t *value;
    int code = CTL_DONE;

    bson_destroy(filter);
    if (!rows)
        return fail_store(&err);
    if (json_array_size(rows) == 0)
        code = no_such_shop(id);
    else if (c->json)
        print_json(json_incref(json_array_get(rows, 0)));
    else
        json_object_foreach(json_array_get(rows, 0), name, value)
        {
            printf("%-18s %s\n", name, cell(&plain, json_array_get(rows, 0), name));
        }
    strbuf_deinit(&plain);
    json_decref(rows);
    return code;
}

/* --- disable, enable, remove ---------------------------------------------------------------------------------- */

static void print_done(const struct ctl *c, const char *id, const char *done)
{
    if (c->json)
        print_json(json_pack("{s:s, s:s}", "shop", id, "done", done));
    else
        printf("%s %s\n", id, done);
}

static int set_state(struct ctl *c, struct store *store, const char *id, enum shop_state state)
{
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(id)), reply;
    bson_t *update = BCON_NEW("$set", "{", "state", BCON_UTF8(shop_state_name(state)), "updated_at",
                              BCON_DATE_TIME(clock_now_ms()), "}");
    bson_error_t error;
    bool ok =
        mongoc_collection_update_one(store_collection(store, "shops"), filter, update, NULL, &reply, &error);
    bson_iter_t it;
    int code = CTL_DONE;

    if (!ok)
        code = ctl_fail(CTL_UNREACHABLE, "MongoDB: %s", error.message);
    else if (!bson_iter_init_find(&it, &reply, "matchedCount") || bson_iter_as_int64(&it) == 0)
        code = no_such_shop(id);
    else
        print_done(c, id, state == SHOP_ACTIVE ? "enabled" : "disabled");
    bson_destroy(&reply);
    bson_destroy(update);
    bson_destroy(filter);
    return code;
}

/* Deletes one document. *deleted: it was there. False: err. */
static bool delete_one(struct store *store, const char *collection, const char *id, bool *deleted,
                       struct err *err)
{
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(id)), reply;
    bson_error_t error;
    bool ok = mongoc_collection_delete_one(store_collection(store, collection), filter, NULL, &reply, &error);
    bson_iter_t it;

    *deleted = ok && bson_iter_init_find(&it, &reply, "deletedCount") && bson_iter_as_int64(&it) > 0;
    if (!ok)
        err_set(err, ERR_MONGO, (int)error.code, "cannot delete from %s: %s", collection, error.message);
    bson_destroy(&reply);
    bson_destroy(filter);
    return ok;
}

/* The shop goes first: an authorization without shops is harmless, a shop without one is not. */
static bool remove_with_grant(struct store *store, const bson_t *shop, bool *grant_too, struct err *err)
{
    const char *authorization = text_of(shop, "authorization");
    bson_t *filter = BCON_NEW("authorization", BCON_UTF8(authorization));
    struct docs others = {0};
    bool deleted, ok;

    *grant_too = false;
    ok = delete_one(store, "shops", text_of(shop, "_id"), &deleted, err) &&
         find_all(store, "shops", filter, &others, err);
    if (ok && others.count == 0 && *authorization)
        ok = delete_one(store, "authorizations", authorization, grant_too, err);
    docs_free(&others);
    bson_destroy(filter);
    return ok;
}

static int remove_shop(struct ctl *c, struct store *store, const char *id)
{
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(id));
    struct docs shops = {0};
    struct err err = {0};
    bool grant_too;
    int code = CTL_DONE;

    if (!find_all(store, "shops", filter, &shops, &err))
        code = fail_store(&err);
    else if (shops.count == 0)
        code = no_such_shop(id);
    else if (!remove_with_grant(store, shops.at[0], &grant_too, &err))
        code = fail_store(&err);
    else
        print_done(c, id,
                   grant_too ? "removed with its authorization" : "removed, its authorization serves others");
    docs_free(&shops);
    bson_destroy(filter);
    return code;
}

/* --- the command ---------------------------------------------------------------------------------------------- */

static int run_on_shop(struct ctl *c, struct store *store, const char *what, const char *id)
{
    if (strcmp(what, "show") == 0)
        return show(c, store, id);
    if (strcmp(what, "disable") == 0)
        return set_state(c, store, id, SHOP_DISABLED);
    if (strcmp(what, "enable") == 0)
        return set_state(c, store, id, SHOP_ACTIVE);
    return remove_shop(c, store, id);
}

static bool is_one_of_shop(const char *what)
{
    return strcmp(what, "show") == 0 || strcmp(what, "disable") == 0 || strcmp(what, "enable") == 0 ||
           strcmp(what, "remove") == 0;
}

int ctl_shop(struct ctl *c, int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    bool one = is_one_of_shop(what) && argc == 4, all = strcmp(what, "list") == 0 && argc == 2;
    struct strbuf id = STRBUF_INIT;
    struct err err = {0};
    struct store *store;
    int code;

    if (strcmp(what, "put") == 0 && argc == 2)
        return put(c);
    if (strcmp(what, "authorize") == 0 && argc > 2)
        return ctl_shop_authorize(c, argc - 2, argv + 2);
    if (strcmp(what, "rekey") == 0 && argc == 2)
        return ctl_shop_rekey(c);
    if (!one && !all)
        return ctl_fail(CTL_USAGE,
                        "shop takes put (JSON on standard input), list, rekey, authorize PLATFORM, or "
                        "show|disable|enable|remove PLATFORM SHOP");
    store = ctl_store(c, &err);
    if (!store)
        return fail_store(&err);
    if (all)
        return list(c, store);
    strbuf_add_format(&id, "%s:%s", argv[2], argv[3]);
    code = run_on_shop(c, store, what, strbuf_text(&id));
    strbuf_deinit(&id);
    return code;
}
