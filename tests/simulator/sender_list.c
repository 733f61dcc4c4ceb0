/* sender_list.c - the requests to send, finished to the byte before the first one leaves. See sender.h.
 *
 * In:  NDJSON lines {"signature","path","body"}, or the wish for N signed order pushes of a given size. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sender.h"
#include "sim_buf.h"
#include "sim_sign.h"

static void list_add(struct list *list, const struct plan *plan, const char *method, const char *path,
                     const char *signature, const char *body, size_t body_len)
{
    struct buf b = {0};

    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 1024;
        list->request = buf_grow(list->request, list->cap * sizeof *list->request);
    }
    buf_printf(&b, "%s %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\n", method, path,
               plan->host, plan->port);
    if (plan->close)
        buf_printf(&b, "Connection: close\r\n");
    if (signature)
        buf_printf(&b, "Authorization: %s\r\n", signature);
    buf_printf(&b, "Content-Length: %zu\r\n\r\n", body_len);
    list->request[list->count].body_at = (uint32_t)b.n;
    buf_add(&b, body, body_len);
    list->request[list->count].bytes = buf_grow(b.p, b.n);
    list->request[list->count].len = (uint32_t)b.n;
    list->count++;
}

/* A line without "signature" is sent without the header. */
static bool line_add(struct list *list, const struct plan *plan, const char *line, size_t len)
{
    json_t *doc = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
    json_t *body = json_object_get(doc, "body");
    const char *path = json_string_value(json_object_get(doc, "path"));
    const char *sign = json_string_value(json_object_get(doc, "signature"));
    bool ok = json_is_string(body) && path && path[0] == '/' && !strpbrk(path, " \r\n") &&
              (!sign || !strpbrk(sign, "\r\n"));

    if (ok)
        list_add(list, plan, "POST", path, sign, json_string_value(body), json_string_length(body));
    json_decref(doc);
    return ok;
}

bool list_read(const struct plan *plan, struct list *list)
{
    FILE *in = plan->file ? fopen(plan->file, "re") : stdin;
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    bool ok = true;

    if (!in) {
        perror(plan->file);
        return false;
    }
    while (ok && (len = getline(&line, &cap, in)) >= 0) {
        if (strspn(line, " \r\n") == (size_t)len)
            continue;
        ok = line_add(list, plan, line, (size_t)len);
        if (!ok)
            fprintf(stderr, "webhook-sender: line %zu is not {\"signature\",\"path\",\"body\"}\n",
                    list->count + 1);
    }
    free(line);
    if (in != stdin)
        fclose(in);
    return ok;
}

/* An order push, filled up to the wished size with a member no receiver knows. */
static void load_body(const struct plan *plan, uint64_t n, int64_t start_s, struct buf *b)
{
    /* States that concern the order alone, so that a push is an entry. */
    static const char *const status[] = {"UNPAID", "ON_HOLD", "AWAITING_SHIPMENT"};

    b->n = 0;
    buf_printf(
        b,
        "{\"type\":1,\"tts_notification_id\":\"%llu\",\"shop_id\":\"7496%05llu%010u\",\"timestamp\":%lld,"
        "\"data\":{\"is_on_hold_order\":false,\"order_id\":\"57%016llu\",\"order_status\":\"%s\",\"pad\":\"",
        (unsigned long long)(7000000000000000000u + (uint64_t)start_s % 1000000000u * 1000000000u + n),
        (unsigned long long)(n % (uint64_t)plan->load_shops), 1234567890u, (long long)start_s,
        (unsigned long long)n, status[n % 3]);
    while (b->n + 28 < (size_t)plan->load_size) /* the rest has 28 */
        buf_putc(b, (char)('a' + (int)(b->n % 26)));
    buf_printf(b, "\",\"update_time\":%lld}}", (long long)start_s);
}

void list_make(const struct plan *plan, struct list *list)
{
    struct timespec now;
    struct buf body = {0};
    char signature[SIGN_HEX];

    clock_gettime(CLOCK_REALTIME, &now);
    for (uint64_t n = 0; n < (uint64_t)plan->load_count; n++) {
        load_body(plan, (uint64_t)plan->load_first + n, now.tv_sec, &body);
        sign_push(plan->app_key, plan->app_secret, body.p, body.n, signature);
        list_add(list, plan, plan->load_method, plan->load_path, signature, body.p, body.n);
    }
    buf_deinit(&body);
}

void list_deinit(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->request[i].bytes);
    free(list->request);
    *list = (struct list){0};
}
