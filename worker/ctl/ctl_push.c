/* ctl_push.c - shopstreamctl push: what the platform itself says about its pushes to us, and setting it.
 *
 * In:      show PLATFORM [--shop ID]; register PLATFORM [--shop ID] --url URL [--dry-run].
 * Out:     TikTok Shop: address of each topic of each shop; register PUTs the wanted ones that are missing or lead elsewhere.
 *          Shopee: the app's one configuration: URL, state, what is switched off; register sets URL and wanted codes.
 * Fails:   1 for what needs somebody (Warning, Suspended, missing topics, a refusal), 2 for arguments and settings, 3 when
 *          MongoDB or the platform does not answer.
 * Thread:  the tool's; calls block.
 * Why so:  a suspended subscription looks from our side like a quiet day: only the platform's own word tells it. */
#include <jansson.h>
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/strbuf.h"
#include "worker/credentials.h"
#include "worker/ctl/ctl.h"
#include "worker/http_client.h"
#include "worker/market_call.h"
#include "worker/platforms/platform.h"
#include "worker/shop.h"

#define TIKTOK_PUSH_PATH "/event/202309/webhooks"
#define SHOPEE_GET_PATH  "/api/v2/push/get_app_push_config"
#define SHOPEE_SET_PATH  "/api/v2/push/set_app_push_config"

enum {
    SHOP_KEEP_MS = 600000,      /* one run of the tool reads a shop once */
    TIKTOK_URL_MAX = 255,       /* bytes, the platform's own limit */
    SHOPEE_SETTABLE_MAX = 13,   /* codes above are switched on in the console only */
    SHOPEE_MESSAGE_SHOWN = 300, /* bytes of the platform's message */
};

/* The topics the server maps to entities and shops, by the names this interface takes. */
static const char *const tiktok_wanted[] = {
    "ORDER_STATUS_CHANGE",        "RECIPIENT_ADDRESS_UPDATE", "PACKAGE_UPDATE",
    "PRODUCT_STATUS_CHANGE",      "SELLER_DEAUTHORIZATION",   "UPCOMING_AUTHORIZATION_EXPIRATION",
    "CANCELLATION_STATUS_CHANGE", "RETURN_STATUS_CHANGE",     "PRODUCT_INFORMATION_CHANGE",
    "PRODUCT_CREATION",           "PRODUCT_CATEGORY_CHANGE",  "PRODUCT_AUDIT_STATUS_CHANGE",
};

/* Codes the server maps to entities and shops. Which of them an app may have is up to its type: one that is neither on nor
 * off is not missed. */
static const int64_t shopee_wanted[] = {1, 2, 3, 4, 7, 8, 9, 12, 15, 16, 22, 27, 29, 30, 47};

enum { TIKTOK_WANTED = sizeof(tiktok_wanted) / sizeof(tiktok_wanted[0]) };

struct push_run {
    struct ctl *ctl;
    const struct platform *platform;
    struct http_client *http;        /* owned */
    struct credentials *credentials; /* owned; NULL: no shop is asked */
    struct shop_cache *shops;        /* owned; same */
    const char *shop;                /* --shop; NULL = all */
    const char *url;                 /* --url; NULL = none */
    bool registering, dry;
    int code;                  /* worst so far */
    json_t *rows;              /* --json: what is printed at the end; owned */
    struct market_call latest; /* the latest call; owned */
};

static void worse(struct push_run *r, int code)
{
    if (code > r->code)
        r->code = code;
}

/* --- calls ---------------------------------------------------------------------------------------------------- */

/* One call; its payload, borrowed until the next call, is result->entities. Anything but CALL_OK has a sentence in
 * result->error. False: no request could be made, err. */
static bool call(struct push_run *r, const struct shop *shop, const char *method, const char *path,
                 const char *body, struct platform_result *result, struct err *err)
{
    struct platform_request request = {0};
    bool ok = r->platform->call_request(r->ctl->config, shop, method, path, NULL, 0, body,
                                        clock_now_ms() / 1000, &request, err);

    market_call_deinit(&r->latest);
    ok = ok && market_call(r->http, &request, r->ctl->config->request_timeout_ms, &r->latest, err);
    if (ok)
        r->platform->judge(PLATFORM_CALL, &r->latest.answer, result);
    platform_request_deinit(&request);
    return ok;
}

static int code_of(enum call_class class)
{
    return class == CALL_RETRY || class == CALL_LIMIT ? CTL_UNREACHABLE : CTL_FINDING;
}

/* The platform's own words on a refused call: about our URL, in answer to what we sent. */
static void print_message(const struct push_run *r)
{
    struct strbuf plain = STRBUF_INIT;
    struct json_text message;

    if (json_get_text(r->latest.answer.root, "message", &message) == JSON_GOT && message.length > 0)
        fprintf(stderr, "shopstreamctl: it says: %s\n",
                ctl_plain(&plain, message.data,
                          message.length > SHOPEE_MESSAGE_SHOWN ? SHOPEE_MESSAGE_SHOWN : message.length));
    strbuf_deinit(&plain);
}

/* Makes a call that must succeed; false: it was told, and r->code is set. about: a shop's id, or the app. */
static bool must_call(struct push_run *r, const struct shop *shop, const char *method, const char *path,
                      const char *body, struct platform_result *result)
{
    const char *about = shop ? shop->shop_id : "the app";
    struct err err = {0};

    if (!call(r, shop, method, path, body, result, &err)) {
        worse(r, ctl_fail(CTL_USAGE, "%s: %s", about, err.text));
        return false;
    }
    if (result->class == CALL_OK)
        return true;
    worse(r, ctl_fail(code_of(result->class), "%s: %s", about, result->error));
    if (body)
        print_message(r);
    return false;
}

/* --- TikTok Shop ---------------------------------------------------------------------------------------------- */

static json_t *text_value(struct json_text t)
{
    struct strbuf plain = STRBUF_INIT;
    json_t *value = json_string(ctl_plain(&plain, t.data, t.length));

    strbuf_deinit(&plain);
    return value;
}

/* {event_type: address} of the answer. Owned. */
static json_t *registered(yyjson_val *data)
{
    yyjson_val *list = yyjson_obj_get(data, "webhooks"), *row;
    json_t *found = json_object();
    size_t i, n;

    if (!yyjson_is_arr(list))
        return found;
    yyjson_arr_foreach(list, i, n, row)
    {
        struct json_text type, address = {"", 0};

        if (json_get_text(row, "event_type", &type) != JSON_GOT)
            continue;
        (void)json_get_text(row, "address", &address);
        json_object_setn_new(found, type.data, type.length, text_value(address));
    }
    return found;
}

static const char *address_of(const json_t *found, const char *type)
{
    const char *address = json_string_value(json_object_get(found, type));

    return address ? address : "";
}

/* Topics without an address, or, when registering, with another one than wanted. Owned. */
static json_t *missing_of(const struct push_run *r, const json_t *found)
{
    json_t *missing = json_array();

    for (size_t i = 0; i < TIKTOK_WANTED; i++) {
        const char *address = address_of(found, tiktok_wanted[i]);

        if (r->registering ? strcmp(address, r->url) != 0 : *address == '\0')
            json_array_append_new(missing, json_string(tiktok_wanted[i]));
    }
    return missing;
}

static bool tiktok_put(struct push_run *r, const struct shop *shop, const char *type)
{
    json_t *value = json_pack("{s:s, s:s}", "address", r->url, "event_type", type);
    char *body = json_dumps(value, JSON_COMPACT);
    struct platform_result result;
    bool ok = body && must_call(r, shop, "PUT", TIKTOK_PUSH_PATH, body, &result);

    free(body);
    json_decref(value);
    return ok;
}

/* How many of missing were set; stops at the first refusal, because the others would be refused alike. */
static size_t tiktok_set(struct push_run *r, const struct shop *shop, const json_t *missing)
{
    size_t done = 0;

    while (!r->dry && done < json_array_size(missing) &&
           tiktok_put(r, shop, json_string_value(json_array_get(missing, done))))
        done++;
    return done;
}

static void tiktok_print(const struct push_run *r, const struct shop *shop, json_t *found,
                         const json_t *missing, size_t set)
{
    const char *verb = !r->registering ? "missing" : r->dry ? "would set" : "set";
    const char *type;
    json_t *address;

    if (r->ctl->json) {
        json_array_append_new(r->rows, json_pack("{s:s, s:O, s:O, s:I}", "shop", shop->shop_id, "webhooks",
                                                 found, "missing", missing, "set", (json_int_t)set));
        return;
    }
    printf("%s\n", shop->shop_id);
    json_object_foreach(found, type, address)
    {
        struct strbuf plain = STRBUF_INIT;

        printf("  %-34s %s\n", ctl_plain(&plain, type, strlen(type)), json_string_value(address));
        strbuf_deinit(&plain);
    }
    for (size_t i = 0; i < (r->registering && !r->dry ? set : json_array_size(missing)); i++)
        printf("  %-34s %s %s\n", json_string_value(json_array_get(missing, i)), verb,
               r->registering ? r->url : "");
}

static void tiktok_shop(struct push_run *r, const struct shop *shop)
{
    struct platform_result result;
    json_t *found, *missing;
    size_t set = 0;

    if (!must_call(r, shop, "GET", TIKTOK_PUSH_PATH, NULL, &result))
        return;
    found = registered(result.entities);
    missing = missing_of(r, found);
    if (r->registering)
        set = tiktok_set(r, shop, missing);
    else if (json_array_size(missing) > 0)
        worse(r, CTL_FINDING);
    tiktok_print(r, shop, found, missing, set);
    json_decref(missing);
    json_decref(found);
}

/* The platform takes https, a domain name, no port, no query. */
static const char *tiktok_bad_url(const char *url)
{
    const char *host = url + strlen("https://");
    size_t n;

    if (strncmp(url, "https://", strlen("https://")) != 0)
        return "must begin with https://";
    if (strlen(url) > TIKTOK_URL_MAX)
        return "must not be longer than 255 bytes";
    n = strcspn(host, "/?");
    if (n == 0 || memchr(host, ':', n))
        return "must name a host, and no port";
    return strchr(url, '?') ? "must have no query" : NULL;
}

/* Ids of the active shops, or the one asked for; you own them and the array. False: told. */
static bool shop_ids(struct push_run *r, char ***ids, size_t *count)
{
    bson_t *filter = BCON_NEW("platform", BCON_UTF8(r->platform->name));
    bson_t *opts =
        BCON_NEW("projection", "{", "shop_id", BCON_INT32(1), "}", "sort", "{", "_id", BCON_INT32(1), "}");
    mongoc_cursor_t *cursor;
    bson_error_t error;
    const bson_t *doc;
    bson_iter_t it;
    bool failed;

    if (r->shop)
        BSON_APPEND_UTF8(filter, "shop_id", r->shop);
    else
        BSON_APPEND_UTF8(filter, "state", "active");
    cursor = mongoc_collection_find_with_opts(store_collection(r->ctl->store, "shops"), filter, opts, NULL);
    while (mongoc_cursor_next(cursor, &doc)) {
        if (!bson_iter_init_find(&it, doc, "shop_id") || !BSON_ITER_HOLDS_UTF8(&it))
            continue;
        *ids = xrealloc(*ids, (*count + 1) * sizeof(**ids));
        (*ids)[(*count)++] = xstrndup(bson_iter_utf8(&it, NULL), strlen(bson_iter_utf8(&it, NULL)));
    }
    failed = mongoc_cursor_error(cursor, &error);
    if (failed)
        worse(r, ctl_fail(CTL_UNREACHABLE, "MongoDB: %s", error.message));
    mongoc_cursor_destroy(cursor);
    bson_destroy(opts);
    bson_destroy(filter);
    return !failed;
}

static void tiktok_one(struct push_run *r, const char *id)
{
    struct err err = {0};
    const struct shop *shop = shop_cache_get(r->shops, r->platform->name, id, &err);

    if (!shop)
        worse(r, ctl_fail(CTL_UNREACHABLE, "MongoDB: %s", err.text));
    else if (shop->state != SHOP_ACTIVE || *shop->problem)
        worse(r, ctl_fail(CTL_FINDING, "%.120s: %s", id,
                          *shop->problem ? shop->problem : shop_state_name(shop->state)));
    else
        tiktok_shop(r, shop);
}

static bool open_shops(struct push_run *r)
{
    struct err err = {0};

    r->credentials = credentials_new(r->ctl->config->credentials_key, &err);
    if (!r->credentials) {
        worse(r, ctl_fail(CTL_USAGE, "%s", err.text));
        return false;
    }
    if (!ctl_store(r->ctl, &err)) {
        worse(r, ctl_fail(err.domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "MongoDB: %s", err.text));
        return false;
    }
    r->shops = shop_cache_new(r->ctl->store, r->credentials, SHOP_KEEP_MS);
    return true;
}

static void tiktok_run(struct push_run *r)
{
    const char *bad = r->url ? tiktok_bad_url(r->url) : NULL;
    char **ids = NULL;
    size_t count = 0;

    if (bad) {
        worse(r, ctl_fail(CTL_USAGE, "--url %s", bad));
        return;
    }
    if (!open_shops(r))
        return;
    if (shop_ids(r, &ids, &count) && count == 0)
        worse(r,
              ctl_fail(CTL_FINDING, r->shop ? "no shop tiktok:%.120s" : "no active shop of tiktok", r->shop));
    for (size_t i = 0; i < count; i++) {
        tiktok_one(r, ids[i]);
        free(ids[i]);
    }
    free(ids);
}

/* --- Shopee --------------------------------------------------------------------------------------------------- */

static bool holds(yyjson_val *list, int64_t code)
{
    yyjson_val *element;
    struct json_text t;
    char digits[24];
    size_t i, n;

    snprintf(digits, sizeof(digits), "%lld", (long long)code);
    if (!yyjson_is_arr(list))
        return false;
    yyjson_arr_foreach(list, i, n, element)
    {
        if (json_scalar_text(element, &t) && t.length == strlen(digits) &&
            memcmp(t.data, digits, t.length) == 0)
            return true;
    }
    return false;
}

/* Wanted codes that are switched off; settable: only those the interface can switch on. Owned. */
static json_t *switched_off(yyjson_val *config, bool settable)
{
    yyjson_val *off = yyjson_obj_get(config, "push_config_off_list");
    json_t *codes = json_array();

    for (size_t i = 0; i < sizeof(shopee_wanted) / sizeof(shopee_wanted[0]); i++)
        if (holds(off, shopee_wanted[i]) && (!settable || shopee_wanted[i] <= SHOPEE_SETTABLE_MAX))
            json_array_append_new(codes, json_integer(shopee_wanted[i]));
    return codes;
}

/* A list of integers as JSON; what is none is left out. Owned. */
static json_t *integers(yyjson_val *object, const char *key)
{
    yyjson_val *list = yyjson_obj_get(object, key), *element;
    json_t *out = json_array();
    struct json_text t;
    size_t i, n;

    if (!yyjson_is_arr(list))
        return out;
    yyjson_arr_foreach(list, i, n, element)
    {
        json_t *value =
            json_scalar_text(element, &t) ? json_loadb(t.data, t.length, JSON_DECODE_ANY, NULL) : NULL;

        if (json_is_integer(value))
            json_array_append(out, value);
        json_decref(value);
    }
    return out;
}

static struct json_text text_of(yyjson_val *object, const char *key)
{
    struct json_text t = {"", 0};

    (void)json_get_text(object, key, &t);
    return t;
}

static bool word_is(struct json_text t, const char *word)
{
    return t.length == strlen(word) && strncasecmp(t.data, word, t.length) == 0;
}

/* The URL stands in SHOPEE_CALLBACK_URL, byte by byte: otherwise the server answers its pushes 401. */
static bool is_configured(const struct config *c, const char *url, size_t length)
{
    for (const char *at = c->shopee_callback_url; *at;) {
        size_t n = strcspn(at, ",");

        if (n == length && memcmp(at, url, n) == 0)
            return true;
        at += n + (at[n] == ',');
    }
    return false;
}

static json_t *suspended_at(yyjson_val *config)
{
    char text[CLOCK_TEXT_MAX];
    int64_t s;

    if (json_get_i64(config, "suspended_time", &s) != JSON_GOT || s <= 0 || !clock_plausible_ms(s * 1000))
        return json_null();
    clock_format_utc(text, s * 1000);
    return json_string(text);
}

/* Sentences for what needs somebody. Owned. */
static json_t *shopee_findings(const struct push_run *r, yyjson_val *config, const json_t *off)
{
    const struct json_text url = text_of(config, "callback_url"),
                           status = text_of(config, "live_push_status");
    json_t *all = json_array();

    if (word_is(status, "Suspended"))
        json_array_append_new(
            all, json_string("SUSPENDED: nothing is pushed, and what happens now is not pushed later; "
                             "subscribe again in the console, then backfill the gap"));
    else if (word_is(status, "Warning"))
        json_array_append_new(
            all, json_string("WARNING: fewer than 70 % of the pushes of 6 hours were answered well; "
                             "below 30 % they are suspended"));
    else if (!word_is(status, "Normal"))
        json_array_append_new(all, json_string("the state of the pushes is a word we do not know"));
    if (url.length == 0)
        json_array_append_new(
            all, json_string("no callback URL is set: shopstreamctl push register shopee --url URL"));
    else if (!is_configured(r->ctl->config, url.data, url.length))
        json_array_append_new(
            all, json_string("the callback URL does not stand in SHOPEE_CALLBACK_URL: the server "
                             "refuses its pushes with 401"));
    if (json_array_size(off) > 0)
        json_array_append_new(all, json_string("pushes we act on are switched off"));
    return all;
}

static void print_codes(const char *name, const json_t *codes)
{
    printf("%-16s", name);
    for (size_t i = 0; i < json_array_size(codes); i++)
        printf(" %lld", (long long)json_integer_value(json_array_get(codes, i)));
    puts(json_array_size(codes) > 0 ? "" : " -");
}

static void shopee_print(const json_t *row)
{
    static const char *const texts[] = {"callback_url", "live_push_status", "suspended_time"};
    static const char *const lists[] = {"on", "off", "wanted_but_off", "blocked_shops"};
    const json_t *findings = json_object_get(row, "findings");

    for (size_t i = 0; i < json_array_size(findings); i++)
        printf("!!! %s\n", json_string_value(json_array_get(findings, i)));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *text = json_string_value(json_object_get(row, texts[i]));

        printf("%-16s %s\n", texts[i], text && *text ? text : "-");
    }
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        print_codes(lists[i], json_object_get(row, lists[i]));
}

static void shopee_show(struct push_run *r, yyjson_val *config)
{
    json_t *off = switched_off(config, false), *findings = shopee_findings(r, config, off);
    json_t *row = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "platform", "shopee",
                            "callback_url", text_value(text_of(config, "callback_url")), "live_push_status",
                            text_value(text_of(config, "live_push_status")), "suspended_time",
                            suspended_at(config), "on", integers(config, "push_config_on_list"), "off",
                            integers(config, "push_config_off_list"), "wanted_but_off", off, "blocked_shops",
                            integers(config, "blocked_shop_id"), "findings", findings);

    if (json_array_size(findings) > 0)
        worse(r, CTL_FINDING);
    if (r->ctl->json)
        json_array_append(r->rows, row);
    else
        shopee_print(row);
    json_decref(row);
}

static void shopee_register(struct push_run *r, yyjson_val *config)
{
    json_t *on = switched_off(config, true);
    json_t *value = json_pack("{s:s}", "callback_url", r->url);
    struct platform_result result;
    char *body;

    if (json_array_size(on) > 0)
        json_object_set(value, "set_push_config_on", on);
    body = json_dumps(value, JSON_COMPACT);
    if (!is_configured(r->ctl->config, r->url, strlen(r->url)))
        fprintf(stderr,
                "shopstreamctl: %s does not stand in SHOPEE_CALLBACK_URL: until it does, the server refuses "
                "its pushes with 401\n",
                r->url);
    if (body && !r->dry && must_call(r, NULL, "POST", SHOPEE_SET_PATH, body, &result) &&
        !word_is(text_of(result.entities, "result"), "success"))
        worse(r, ctl_fail(CTL_FINDING, "the app: the answer does not say success"));
    else if (r->ctl->json)
        json_array_append_new(r->rows, json_pack("{s:s, s:b, s:O}", "platform", "shopee", "done",
                                                 !r->dry && r->code == CTL_DONE, "request", value));
    else if (r->dry || r->code == CTL_DONE)
        printf("%s %s\n", r->dry ? "would set" : "set", body ? body : "");
    free(body);
    json_decref(value);
    json_decref(on);
}

static void shopee_run(struct push_run *r)
{
    struct platform_result result;

    if (r->shop) {
        worse(r,
              ctl_fail(CTL_USAGE, "Shopee's pushes are configured for the whole app: --shop has no meaning"));
        return;
    }
    if (!must_call(r, NULL, "GET", SHOPEE_GET_PATH, NULL, &result))
        return;
    if (!yyjson_is_obj(result.entities))
        worse(r, ctl_fail(CTL_UNREACHABLE, "the app: success without a response"));
    else if (r->registering)
        shopee_register(r, result.entities);
    else
        shopee_show(r, result.entities);
}

/* --- the command ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *platform;
    void (*run)(struct push_run *r);
} runs[] = {
    {"tiktok", tiktok_run},
    {"shopee", shopee_run},
};

static bool take_options(struct push_run *r, int argc, char **argv)
{
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "--dry-run") == 0 && r->registering)
            r->dry = true;
        else if (strcmp(argv[i], "--shop") == 0 && i + 1 < argc)
            r->shop = argv[++i];
        else if (strcmp(argv[i], "--url") == 0 && i + 1 < argc && r->registering)
            r->url = argv[++i];
        else
            return false;
    }
    return !r->registering || (r->url && *r->url);
}

static void run_on(struct push_run *r, void (*run)(struct push_run *))
{
    struct err err = {0};

    r->http = http_client_new(r->ctl->config, &err);
    r->rows = json_array();
    if (r->http)
        run(r);
    else
        worse(r, ctl_fail(CTL_USAGE, "%s", err.text));
    if (r->ctl->json) {
        json_dumpf(r->rows, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(r->rows);
    market_call_deinit(&r->latest);
    shop_cache_free(r->shops);
    credentials_free(r->credentials);
    http_client_free(r->http);
}

int ctl_push(struct ctl *c, int argc, char **argv)
{
    struct push_run r = {.ctl = c, .code = CTL_DONE};
    const char *what = argc > 1 ? argv[1] : "";

    r.registering = strcmp(what, "register") == 0;
    if (argc < 3 || (!r.registering && strcmp(what, "show") != 0) || !take_options(&r, argc, argv))
        return ctl_fail(CTL_USAGE,
                        "push takes show PLATFORM [--shop ID], or register PLATFORM [--shop ID] --url URL "
                        "[--dry-run]");
    r.platform = platform_find(argv[2]);
    for (size_t i = 0; r.platform && i < sizeof(runs) / sizeof(runs[0]); i++) {
        if (strcmp(runs[i].platform, argv[2]) != 0)
            continue;
        run_on(&r, runs[i].run);
        return r.code;
    }
    return ctl_fail(CTL_USAGE, "no such platform: %.60s", argv[2]);
}
