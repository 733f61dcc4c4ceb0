/* sender_report.c - the summary on standard output and the ledger. See sender.h.
 *
 * Why so: the ledger names every event with what each try was answered, so that a test can hold each accepted
 * event against the database, and each lost one against the server's log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sender.h"
#include "sim_buf.h"

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Text of "key":"text" in the body, or empty; only for notes, so no parser is asked. */
static void body_text(const struct request *q, const char *key, char out[64])
{
    char mark[64];
    int len = snprintf(mark, sizeof mark, "\"%s\":\"", key);
    const char *body = q->bytes + q->body_at, *end = q->bytes + q->len;
    const char *at = memmem(body, (size_t)(end - body), mark, (size_t)len);
    size_t n = 0;

    if (at) {
        for (at += len; at + n < end && at[n] != '"' && n < 63; n++)
            out[n] = at[n];
    }
    out[n] = '\0';
}

static bool ledger_write(const struct plan *plan, const struct list *list, const struct outcome *out)
{
    FILE *f = fopen(plan->ledger, "we");

    if (!f) {
        perror(plan->ledger);
        return false;
    }
    for (size_t i = 0; i < out->events; i++) {
        const struct request *q = &list->request[i % list->count];
        const struct event_state *e = &out->event[i];
        struct buf line = {0};
        struct json_out json = {.b = &line};
        char text[64];

        json_out_open(&json, NULL, '{');
        body_text(q, "tts_notification_id", text);
        json_out_text(&json, "notification_id", text);
        body_text(q, "order_id", text);
        json_out_text(&json, "order_id", text);
        body_text(q, "shop_id", text);
        json_out_text(&json, "shop_id", text);
        json_out_bool(&json, "accepted", e->accepted);
        json_out_open(&json, "statuses", '[');
        for (unsigned a = 0; a < e->attempts; a++) {
            uint16_t status = out->status[i * (size_t)(plan->retries + 1) + a];

            if (status >= 100)
                json_out_int(&json, NULL, status);
            else
                json_out_text(&json, NULL, status == STATUS_TIMEOUT ? "timeout" : "connection");
        }
        json_out_close(&json, ']');
        json_out_int(&json, "latency_us", e->latency_us);
        json_out_close(&json, '}');
        buf_putc(&line, '\n');
        fwrite(line.p, 1, line.n, f);
        buf_deinit(&line);
    }
    return fclose(f) == 0;
}

static uint32_t share_of(const struct outcome *out, double share)
{
    size_t at = (size_t)(share * (double)out->latencies);

    if (!out->latencies)
        return 0;
    return out->latency[at < out->latencies ? at : out->latencies - 1];
}

static void write_statuses(struct json_out *json, const struct plan *plan, const struct outcome *out)
{
    uint64_t count[600] = {0};
    char name[8];

    for (size_t i = 0; i < out->events; i++) {
        for (unsigned a = 0; a < out->event[i].attempts; a++)
            count[out->status[i * (size_t)(plan->retries + 1) + a]]++;
    }
    json_out_open(json, "by_status", '{');
    for (unsigned s = 100; s < 600; s++) {
        snprintf(name, sizeof name, "%u", s);
        if (count[s])
            json_out_int(json, name, (int64_t)count[s]);
    }
    json_out_close(json, '}');
    json_out_open(json, "failures", '{');
    json_out_int(json, "connection", (int64_t)count[STATUS_CONNECTION]);
    json_out_int(json, "timeout", (int64_t)count[STATUS_TIMEOUT]);
    json_out_close(json, '}');
}

bool report_all(const struct plan *plan, const struct list *list, struct outcome *out)
{
    struct buf b = {0};
    struct json_out json = {.b = &b};
    uint64_t lost = 0;
    char text[32];

    for (size_t i = 0; i < out->events; i++)
        lost += !out->event[i].accepted;
    if (out->latencies)
        qsort(out->latency, out->latencies, sizeof *out->latency, by_value);
    json_out_open(&json, NULL, '{');
    json_out_int(&json, "events", (int64_t)out->events);
    json_out_int(&json, "sent", (int64_t)out->sent);
    json_out_int(&json, "accepted", (int64_t)(out->events - lost));
    json_out_int(&json, "never_accepted", (int64_t)lost);
    json_out_int(&json, "retries", (int64_t)out->retries);
    write_statuses(&json, plan, out);
    snprintf(text, sizeof text, "%.3f", out->seconds);
    json_out_raw(&json, "duration_s", text);
    snprintf(text, sizeof text, "%.1f", out->seconds > 0 ? (double)out->sent / out->seconds : 0);
    json_out_raw(&json, "requests_per_s", text);
    json_out_open(&json, "latency_us", '{');
    json_out_int(&json, "p50", share_of(out, 0.5));
    json_out_int(&json, "p99", share_of(out, 0.99));
    json_out_int(&json, "p99.9", share_of(out, 0.999));
    json_out_int(&json, "max", share_of(out, 1));
    json_out_close(&json, '}');
    json_out_close(&json, '}');
    buf_putc(&b, '\n');
    fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
    return (!plan->ledger || ledger_write(plan, list, out)) && lost == 0;
}

void outcome_deinit(struct outcome *out)
{
    free(out->event);
    free(out->status);
    free(out->latency);
    *out = (struct outcome){0};
}
