/* ctl_authorize.c - shopstreamctl shop authorize: how a seller's grant comes in.
 *
 * In:      a platform; then the code that the platform's redirect has brought (on standard input with --code -).
 * Out:     the link for the seller; or the shops the grant covers, stored as `shop put` does.
 * Fails:   2 for arguments and settings, 3 when the platform or MongoDB does not answer, 1 when the code is refused.
 * Thread:  the tool's.
 * Why so:  a code can be used once, so nothing that could be checked before is checked after: MongoDB is asked first. A shop
 *          that has no channel yet gets its own id for one instead of losing the grant. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/clock.h"
#include "worker/ctl/ctl.h"
#include "worker/ctl/ctl_shop.h"
#include "worker/http_client.h"
#include "worker/market_call.h"
#include "worker/platforms/platform.h"

enum { LIST_TRIES = 3, PAGES_MAX = 200, CODE_MAX = 4096, STATE_BYTES = 16, DEFAULT_LIFE_MS = 4 * 3600000 };

static const int64_t refresh_life_ms = INT64_C(30) * 86400000; /* where the platform does not tell */

/* What was asked for; all borrowed, NULL = not given. */
struct wish {
    const struct platform *platform;
    const char *redirect;
    const char *code;
    const char *shop_id;
    const char *main_account;
    const char *channel;
};

/* --- the link ------------------------------------------------------------------------------------------------- */

static void add_parameter(struct strbuf *url, const char *name, const char *value)
{
    strbuf_add_char(url, strchr(strbuf_text(url), '?') ? '&' : '?');
    strbuf_add_text(url, name);
    strbuf_add_char(url, '=');
    strbuf_add_urlencoded(url, value, strlen(value));
}

/* So that the redirect can be told from one that nobody asked for. */
static bool add_state(struct strbuf *url)
{
    unsigned char random[STATE_BYTES];
    char state[2 * STATE_BYTES + 1] = "";

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return false;
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(state + 2 * i, 3, "%02x", random[i]);
    add_parameter(url, "state", state);
    return true;
}

/* NULL, or what is missing for the link. */
static const char *link_build(const struct config *config, const struct wish *w, struct strbuf *url)
{
    if (strcmp(w->platform->name, "tiktok") == 0) {
        if (!*config->tiktok_service_id)
            return "TIKTOK_SERVICE_ID is not set";
        strbuf_add_text(url, config->tiktok_consent_url);
        add_parameter(url, "service_id", config->tiktok_service_id);
    } else {
        if (!*config->shopee_partner_id)
            return "SHOPEE_PARTNER_ID is not set";
        if (!w->redirect)
            return "shopee needs --redirect URL, the address its page sends the seller back to";
        strbuf_add_text(url, config->shopee_consent_url);
        add_parameter(url, "partner_id", config->shopee_partner_id);
        add_parameter(url, "auth_type", "seller");
        add_parameter(url, "redirect_uri", w->redirect);
        add_parameter(url, "response_type", "code");
    }
    return add_state(url) ? NULL : "no random bytes";
}

static int print_link(struct ctl *c, const struct wish *w)
{
    struct strbuf url = STRBUF_INIT;
    const char *problem = link_build(c->config, w, &url);
    int code = CTL_DONE;

    if (problem)
        code = ctl_fail(CTL_USAGE, "shop authorize: %s", problem);
    else if (c->json)
        printf("{\"link\": \"%s\"}\n", strbuf_text(&url)); /* percent-encoded: nothing to escape */
    else
        printf("%s\n\nThe seller opens this link; the page it ends on has code=... in its address. Within "
               "half an hour:\n"
               "  shopstreamctl shop authorize %s --code -%s\n",
               strbuf_text(&url), w->platform->name,
               strcmp(w->platform->name, "shopee") == 0 ? " --shop-id N (or --main-account N)" : "");
    strbuf_deinit(&url);
    return code;
}

/* --- the exchange --------------------------------------------------------------------------------------------- */

/* One exchange under way. */
struct exchange {
    struct ctl *ctl;
    const struct wish *wish;
    struct store *store;             /* borrowed */
    struct credentials *credentials; /* owned */
    struct http_client *http;        /* owned */
    struct platform_grant grant;
    struct platform_shops shops;
    struct shop_records records;
};

static void exchange_deinit(struct exchange *x)
{
    shop_records_deinit(&x->records);
    platform_shops_deinit(&x->shops);
    platform_grant_deinit(&x->grant);
    http_client_free(x->http);
    credentials_free(x->credentials);
}

static char *copy(const char *text)
{
    return xstrndup(text, strlen(text));
}

/* The code for the grant. Returns an enum ctl_exit. */
static int exchange_code(struct exchange *x, const char *code)
{
    const struct config *config = x->ctl->config;
    const struct platform *p = x->wish->platform;
    const struct shop_identity who = {.shop_id = x->wish->shop_id, .main_account_id = x->wish->main_account};
    struct platform_request request = {0};
    struct market_call call = {0};
    struct err err = {0};
    bool ok = p->code_request(config, code, &who, clock_now_ms() / 1000, &request, &err) &&
              market_call(x->http, &request, config->request_timeout_ms, &call, &err);

    if (ok)
        p->token_answer(&call.answer, &x->grant);
    market_call_deinit(&call);
    platform_request_deinit(&request);
    if (!ok)
        return ctl_fail(CTL_USAGE, "shop authorize: %s", err.text);
    if (x->grant.class == CALL_OK)
        return CTL_DONE;
    return ctl_fail(x->grant.class == CALL_RETRY || x->grant.class == CALL_LIMIT ? CTL_UNREACHABLE
                                                                                 : CTL_FINDING,
                    "shop authorize: %s", x->grant.error);
}

/* Appends the shops of page to all; page is empty afterwards. */
static void shops_append(struct platform_shops *all, struct platform_shops *page)
{
    all->at = xrealloc(all->at, (all->count + page->count + 1) * sizeof(*all->at));
    for (size_t i = 0; i < page->count; i++)
        all->at[all->count++] = page->at[i];
    page->count = 0;
}

/* One page, with a few tries: the grant is here and nowhere else. False: told. */
static bool list_page(struct exchange *x, int page, bool *more)
{
    const struct platform *p = x->wish->platform;
    const struct timespec pause = {.tv_sec = 1};

    for (int attempt = 1;; attempt++) {
        struct platform_request request = {0};
        struct platform_shops shops = {0};
        struct market_call call = {0};
        struct err err = {0};
        bool ok = p->shops_request(x->ctl->config, strbuf_text(&x->grant.access_token), page,
                                   clock_now_ms() / 1000, &request, &err) &&
                  market_call(x->http, &request, x->ctl->config->request_timeout_ms, &call, &err);

        if (ok)
            p->shops_answer(&call.answer, &shops);
        ok = ok && shops.class == CALL_OK;
        if (ok) {
            *more = shops.more;
            shops_append(&x->shops, &shops);
        } else if (attempt == LIST_TRIES) {
            ctl_fail(CTL_UNREACHABLE, "shop authorize: the authorised shops cannot be listed: %s",
                     shops.error[0] ? shops.error : err.text);
        }
        platform_shops_deinit(&shops);
        market_call_deinit(&call);
        platform_request_deinit(&request);
        if (ok || attempt == LIST_TRIES)
            return ok;
        nanosleep(&pause, NULL);
    }
}

static bool list_shops(struct exchange *x)
{
    bool more = true, ok = true;

    for (int page = 0; ok && more && page < PAGES_MAX; page++)
        ok = list_page(x, page, &more);
    return ok;
}

/* --- records -------------------------------------------------------------------------------------------------- */

/* The shop's channel: as asked for, else as it is, else its own id. Owned; NULL: told. */
static char *channel_of(struct exchange *x, const char *shop_id)
{
    struct strbuf id = STRBUF_INIT;
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t error = {0};
    bson_t *filter;
    bson_iter_t it;
    char *channel = NULL;

    if (x->wish->channel)
        return copy(x->wish->channel);
    strbuf_add_format(&id, "%s:%s", x->wish->platform->name, shop_id);
    filter = BCON_NEW("_id", BCON_UTF8(strbuf_text(&id)));
    cursor = mongoc_collection_find_with_opts(store_collection(x->store, "shops"), filter, NULL, NULL);
    if (mongoc_cursor_next(cursor, &doc) && bson_iter_init_find(&it, doc, "channel_id") &&
        BSON_ITER_HOLDS_UTF8(&it))
        channel = copy(bson_iter_utf8(&it, NULL));
    if (mongoc_cursor_error(cursor, &error))
        ctl_fail(CTL_UNREACHABLE, "MongoDB: %s", error.message);
    else if (!channel)
        channel = copy(shop_id);
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    strbuf_deinit(&id);
    return channel;
}

/* Appends the record of one shop. shop may be known by its id alone. False: told. */
static bool record_add(struct exchange *x, const char *shop_id, const struct platform_shop *shop)
{
    const struct platform_grant *g = &x->grant;
    int64_t now_ms = clock_now_ms();
    struct shop_record *r;
    char *channel = channel_of(x, shop_id);

    if (!channel)
        return false;
    x->records.at = xrealloc(x->records.at, (x->records.count + 1) * sizeof(*x->records.at));
    r = &x->records.at[x->records.count++];
    *r = (struct shop_record){
        .platform = copy(x->wish->platform->name),
        .shop_id = copy(shop_id),
        .channel_id = channel,
        .region = copy(shop && *shop->region ? shop->region : strbuf_text(&g->region)),
        .access_token = copy(strbuf_text(&g->access_token)),
        .refresh_token = copy(strbuf_text(&g->refresh_token)),
        .access_expires_ms = g->access_expires_ms ? g->access_expires_ms : now_ms + DEFAULT_LIFE_MS,
        .refresh_expires_ms = g->refresh_expires_ms ? g->refresh_expires_ms : now_ms + refresh_life_ms,
        .line = x->records.count,
    };
    if (g->open_id.length > 0)
        r->account = copy(strbuf_text(&g->open_id));
    if (shop && *shop->cipher)
        r->shop_cipher = copy(shop->cipher);
    return true;
}

static const struct platform_shop *listed(const struct exchange *x, const char *shop_id)
{
    for (size_t i = 0; i < x->shops.count; i++)
        if (strcmp(x->shops.at[i].shop_id, shop_id) == 0)
            return &x->shops.at[i];
    return NULL;
}

/* TikTok: every shop the token opens. Shopee: the shop named, or those the grant of a main account names: the list there is
 * of the whole app and only tells their region. */
static bool records_make(struct exchange *x)
{
    char *rest, *ids, *save = NULL;
    bool ok = true;

    if (strcmp(x->wish->platform->name, "shopee") != 0) {
        for (size_t i = 0; i < x->shops.count && ok; i++)
            ok = record_add(x, x->shops.at[i].shop_id, &x->shops.at[i]);
        return ok;
    }
    ids = copy(x->wish->shop_id ? x->wish->shop_id : strbuf_text(&x->grant.shop_ids));
    rest = ids;
    for (char *id; ok && (id = strtok_r(rest, "\n", &save)) != NULL; rest = NULL)
        ok = record_add(x, id, listed(x, id));
    free(ids);
    return ok;
}

static int exchange_run(struct exchange *x, const char *code)
{
    struct err err = {0};
    int status;

    x->credentials = credentials_new(x->ctl->config->credentials_key, &err);
    if (!x->credentials || !(x->http = http_client_new(x->ctl->config, &err)))
        return ctl_fail(CTL_USAGE, "shop authorize: %s", err.text);
    x->store = ctl_store(x->ctl, &err);
    if (!x->store || !store_ping(x->store, &err))
        return ctl_fail(err.domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "%s", err.text);
    status = exchange_code(x, code);
    if (status != CTL_DONE)
        return status;
    if (!list_shops(x) || !records_make(x))
        return CTL_UNREACHABLE;
    if (x->records.count == 0)
        return ctl_fail(CTL_FINDING, "shop authorize: the grant covers no shop");
    return ctl_put_records(x->ctl, x->store, x->credentials, &x->records);
}

/* The code without the line's end. NULL: told. Owned. */
static char *code_read(const char *code)
{
    struct strbuf input = STRBUF_INIT;
    struct err err = {0};
    size_t n;

    if (strcmp(code, "-") != 0)
        return copy(code);
    if (!ctl_read_stdin(&input, &err)) {
        ctl_fail(CTL_USAGE, "shop authorize: %s", err.text);
        strbuf_deinit(&input);
        return NULL;
    }
    n = strcspn(strbuf_text(&input), "\r\n");
    return n < input.length ? (input.data[n] = '\0', strbuf_detach(&input)) : strbuf_detach(&input);
}

static int exchange(struct ctl *c, const struct wish *w)
{
    struct exchange x = {.ctl = c, .wish = w};
    char *code = code_read(w->code);
    int status;

    if (!code)
        return CTL_USAGE;
    if (strlen(code) > CODE_MAX || !platform_text_is_clean(code))
        status = ctl_fail(CTL_USAGE, "shop authorize: the code is empty or has spaces in it");
    else
        status = exchange_run(&x, code);
    explicit_bzero(code, strlen(code));
    free(code);
    exchange_deinit(&x);
    return status;
}

/* --- the command ---------------------------------------------------------------------------------------------- */

/* Takes "--name value" pairs. False: something else stands there. */
static bool wish_read(struct wish *w, int argc, char **argv)
{
    const struct {
        const char *name;
        const char **value;
    } options[] = {{"--redirect", &w->redirect},
                   {"--code", &w->code},
                   {"--shop-id", &w->shop_id},
                   {"--main-account", &w->main_account},
                   {"--channel", &w->channel}};
    size_t count = sizeof(options) / sizeof(options[0]), k;

    for (int i = 1; i < argc; i += 2) {
        for (k = 0; k < count && strcmp(options[k].name, argv[i]) != 0; k++)
            ;
        if (k == count || i + 1 == argc || *options[k].value)
            return false;
        *options[k].value = argv[i + 1];
    }
    return true;
}

int ctl_shop_authorize(struct ctl *c, int argc, char **argv)
{
    struct wish w = {.platform = platform_find(argv[0])};
    bool shopee;

    if (!w.platform)
        return ctl_fail(CTL_USAGE, "no such platform: %.60s", argv[0]);
    if (!wish_read(&w, argc, argv))
        return ctl_fail(CTL_USAGE,
                        "shop authorize takes PLATFORM [--redirect URL], then PLATFORM --code CODE|- "
                        "[--shop-id N|--main-account N] [--channel ID]");
    shopee = strcmp(w.platform->name, "shopee") == 0;
    if (!w.code)
        return print_link(c, &w);
    if (shopee ? !w.shop_id == !w.main_account : w.shop_id || w.main_account)
        return ctl_fail(CTL_USAGE,
                        shopee ? "shopee's redirect brings shop_id or main_account_id: give --shop-id N or "
                                 "--main-account N"
                               : "tiktok's codes belong to a seller: no --shop-id, no --main-account");
    return exchange(c, &w);
}
