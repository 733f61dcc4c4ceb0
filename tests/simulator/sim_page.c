/* sim_page.c - see sim_page.h. */
#include "sim_page.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_http.h"
#include "sim_num.h"
#include "sim_state.h"

#define TOKEN_BYTES 256

/* Base64 of fb ff bf ("+/+/"), the place in text, and spaces up to a length that ends in "==". */
static void token_make(const struct page *page, const struct page_hit *last, char out[TOKEN_BYTES * 2])
{
    unsigned char raw[TOKEN_BYTES] = {0xfb, 0xff, 0xbf};
    size_t n;

    n = 3 + (size_t)snprintf((char *)raw + 3, sizeof raw - 3, "%016llx %lld %lld",
                             (unsigned long long)page->digest, (long long)last->time, (long long)last->key);
    while (n % 3 != 1)
        raw[n++] = ' ';
    EVP_EncodeBlock((unsigned char *)out, raw, (int)n);
}

/* False: not a token of ours, or one of another search. */
static bool token_read(const struct sim *sim, struct page *page, const char *text)
{
    unsigned char raw[TOKEN_BYTES + 8] = {0};
    size_t len = strlen(text);
    unsigned long long digest;
    long long time, key;

    if (len == 0)
        return true; /* an empty token means the first page */
    if (len > TOKEN_BYTES || len % 4 || EVP_DecodeBlock(raw, (const unsigned char *)text, (int)len) < 8 ||
        memcmp(raw, "\xfb\xff\xbf", 3) != 0 ||
        sscanf((const char *)raw + 3, "%16llx %lld %lld", &digest, &time, &key) != 3)
        return false;
    page->after = true;
    page->after_time = time;
    page->after_key = key;
    return digest == page->digest || !sim->sw.page_token_strict;
}

/* Everything but where the page is and what changes with every call. */
static bool digested(const char *name)
{
    static const char *const left_out[] = {"page_token", "sign",        "timestamp",
                                           "app_key",    "shop_cipher", "access_token"};

    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++) {
        if (strcmp(left_out[i], name) == 0)
            return false;
    }
    return true;
}

static uint64_t digest_of(const struct call *call)
{
    struct buf same = {0};
    uint64_t digest;

    buf_add(&same, call->body, call->body_len);
    for (size_t i = 0; i < call->param_count; i++) { /* sorted since the signature was checked */
        if (digested(call->params[i].name))
            buf_printf(&same, "|%s=%s", call->params[i].name, call->params[i].value);
    }
    buf_puts(&same, call->path);
    buf_putc(&same, '\0');
    digest = draw_bits((struct draw){0}, same.p);
    buf_deinit(&same);
    return digest;
}

static int sort_index(const struct page_rules *rules, const char *field)
{
    for (int i = 0; i < 4 && rules->sorts[i]; i++) {
        if (strcmp(rules->sorts[i], field) == 0)
            return i;
    }
    return -1;
}

const char *page_query(struct sim *sim, const struct call *call, const struct page_rules *rules,
                       struct page *page)
{
    const char *size = call_param(call, "page_size");
    const char *field = call_param(call, "sort_field");
    const char *order = call_param(call, "sort_order");
    const char *token = call_param(call, "page_token");

    *page = (struct page){.size = rules->fallback, .descending = rules->descending};
    if (size ? !num_i64(size, strlen(size), rules->low, rules->high, &page->size) : rules->fallback == 0)
        return "Invalid parameter: page_size";
    if (field)
        page->sort = sort_index(rules, field);
    if (page->sort < 0 || (!field && rules->sort_needed))
        return "Invalid parameter: sort_field";
    if (order && rules->sorts[0])
        page->descending = strcmp(order, "DESC") == 0;
    if (order && (!rules->sorts[0] || (!page->descending && strcmp(order, "ASC") != 0)))
        return "Invalid parameter: sort_order";
    page->digest = digest_of(call);
    return token && !token_read(sim, page, token) ? "Invalid parameter: page_token" : NULL;
}

static int by_place(const void *a, const void *b)
{
    const struct page_hit *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

/* Is this hit beyond the place the page token names, in the direction of the search? */
static bool hit_follows(const struct page *page, const struct page_hit *hit)
{
    int64_t time = hit->time - page->after_time, key = hit->key - page->after_key;

    if (!page->after)
        return true;
    if (page->descending)
        return time < 0 || (time == 0 && key < 0);
    return time > 0 || (time == 0 && key > 0);
}

void page_cut(const struct page *page, struct page_hit *hits, size_t count, size_t *from, size_t *to)
{
    size_t at = 0;

    if (count)
        qsort(hits, count, sizeof *hits, by_place);
    for (size_t i = 0; page->descending && i < count / 2; i++) {
        struct page_hit swap = hits[i];

        hits[i] = hits[count - 1 - i];
        hits[count - 1 - i] = swap;
    }
    while (at < count && !hit_follows(page, &hits[at]))
        at++;
    *from = at;
    *to = count - at > (size_t)page->size ? at + (size_t)page->size : count;
}

void page_token(struct sim *sim, const struct page *page, const struct page_hit *hits, size_t count,
                size_t to, struct json_out *out)
{
    char token[TOKEN_BYTES * 2] = "";

    if (to < count)
        token_make(page, &hits[to - 1], token);
    if (token[0] || !sim->sw.last_page_token_missing)
        json_out_text(out, "next_page_token", token);
}
