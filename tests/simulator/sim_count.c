/* sim_count.c - see sim_count.h. */
#include "sim_count.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_http.h"
#include "sim_orders.h"
#include "sim_state.h"

#define CALLS_KEPT 8192u
#define CODES_MAX  64

/* One API call as it is remembered. */
struct call_note {
    uint64_t number; /* from 1; 0: slot unused */
    int64_t at_ms;
    int64_t answered_ms; /* 0: not yet */
    int64_t shop;        /* index, -1: none */
    uint32_t ids;
    enum api api;
    int status;
    int code;
    char error[48]; /* "": the code is a number, or none */
    const char *fault;
    char first_id[24];
};

struct counts {
    uint64_t calls[API_KINDS];
    uint64_t detail_ids;
    uint64_t sign_failures;
    uint64_t connections;
    uint64_t numbered; /* calls ever, never reset */
    uint64_t pending;  /* calls without an answer now */
    uint64_t max_pending;
    char code[CODES_MAX][48]; /* digits or a word */
    uint64_t code_count[CODES_MAX];
    int codes;
    struct call_note ring[CALLS_KEPT];
};

static const char *const api_names[API_KINDS] = {"none",    "detail",   "search",       "shops",
                                                 "token",   "return",   "cancellation", "product",
                                                 "package", "tracking", "finance",      "events"};

const char *count_api_name(enum api api)
{
    return api_names[api];
}

struct counts *count_new(void)
{
    return buf_alloc(sizeof(struct counts));
}

void count_free(struct counts *c)
{
    free(c);
}

void count_reset(struct sim *sim)
{
    struct counts *c = sim->counts;
    uint64_t numbered = c->numbered, pending = c->pending;

    memset(c, 0, sizeof *c);
    c->numbered = numbered;
    c->pending = c->max_pending = pending;
    for (uint32_t i = 0; i < sim->opt.shops; i++) {
        sim->shops[i].detail_calls = sim->shops[i].detail_ids = 0;
        for (uint32_t n = 0; n < sim->shops[i].of[KIND_ORDER].slots; n++) {
            if (sim->shops[i].of[KIND_ORDER].item[n])
                sim->shops[i].of[KIND_ORDER].item[n]->reads = 0;
        }
    }
}

static struct call_note *note_of(struct counts *c, uint64_t call)
{
    struct call_note *note = &c->ring[call % CALLS_KEPT];

    return note->number == call ? note : NULL;
}

uint64_t count_begin(struct sim *sim, enum api api)
{
    struct counts *c = sim->counts;
    struct call_note *note = &c->ring[++c->numbered % CALLS_KEPT];

    c->calls[api]++;
    if (++c->pending > c->max_pending)
        c->max_pending = c->pending;
    *note = (struct call_note){.number = c->numbered, .at_ms = sim_now_ms(sim), .shop = -1, .api = api};
    return c->numbered;
}

void count_about(struct sim *sim, uint64_t call, int64_t shop, uint32_t ids, const char *first_id)
{
    struct call_note *note = note_of(sim->counts, call);

    if (shop >= 0 && ids && note && note->api == API_DETAIL) {
        sim->shops[shop].detail_calls++;
        sim->shops[shop].detail_ids += ids;
        sim->counts->detail_ids += ids;
    }
    if (!note)
        return;
    note->shop = shop;
    note->ids = ids;
    snprintf(note->first_id, sizeof note->first_id, "%.*s", (int)strcspn(first_id, ","), first_id);
}

/* One more answer with this code. */
static void count_code(struct counts *c, const char *code)
{
    int i = 0;

    while (i < c->codes && strcmp(c->code[i], code) != 0)
        i++;
    if (i == CODES_MAX)
        return;
    snprintf(c->code[i], sizeof c->code[i], "%s", code);
    c->code_count[i]++;
    c->codes += i == c->codes;
}

void count_end(struct sim *sim, uint64_t call, int status, int code, const char *error, const char *fault)
{
    struct counts *c = sim->counts;
    struct call_note *note = note_of(c, call);
    char number[16];

    c->pending--;
    c->sign_failures += code == 106001 || strcmp(error, "error_sign") == 0;
    snprintf(number, sizeof number, "%d", code);
    if (*error || code)
        count_code(c, *error ? error : number);
    if (!note)
        return;
    note->answered_ms = sim_now_ms(sim);
    note->status = status;
    note->code = code;
    snprintf(note->error, sizeof note->error, "%s", error);
    note->fault = fault;
}

void count_connection(struct sim *sim)
{
    sim->counts->connections++;
}

static void write_shops(struct sim *sim, struct json_out *out)
{
    json_out_open(out, "by_shop", '{');
    for (uint32_t i = 0; i < sim->opt.shops; i++) {
        if (!sim->shops[i].detail_calls)
            continue;
        json_out_open(out, sim->shops[i].id, '{');
        json_out_int(out, "detail_calls", (int64_t)sim->shops[i].detail_calls);
        json_out_int(out, "detail_ids", (int64_t)sim->shops[i].detail_ids);
        json_out_close(out, '}');
    }
    json_out_close(out, '}');
}

static void write_reads(struct sim *sim, struct json_out *out)
{
    json_out_open(out, "reads", '{');
    for (uint32_t i = 0; i < sim->opt.shops; i++) {
        for (uint32_t n = 0; n < sim->shops[i].of[KIND_ORDER].slots; n++) {
            struct entity *order = sim->shops[i].of[KIND_ORDER].item[n];

            if (order && order->reads)
                json_out_int(out, order->id, (int64_t)order->reads);
        }
    }
    json_out_close(out, '}');
}

void count_write(struct sim *sim, bool reads, struct buf *to)
{
    struct counts *c = sim->counts;
    struct json_out out = {.b = to};
    char code[24];

    json_out_open(&out, NULL, '{');
    json_out_int(&out, "detail_calls", (int64_t)c->calls[API_DETAIL]);
    json_out_int(&out, "detail_ids", (int64_t)c->detail_ids);
    json_out_int(&out, "search_calls", (int64_t)c->calls[API_SEARCH]);
    json_out_int(&out, "token_calls", (int64_t)c->calls[API_TOKEN]);
    json_out_int(&out, "shops_calls", (int64_t)c->calls[API_SHOPS]);
    for (int api = API_TOKEN + 1; api < API_KINDS; api++) {
        snprintf(code, sizeof code, "%.13s_calls", api_names[api]);
        json_out_int(&out, code, (int64_t)c->calls[api]);
    }
    json_out_int(&out, "other_calls", (int64_t)c->calls[API_NONE]);
    json_out_int(&out, "sign_failures", (int64_t)c->sign_failures);
    json_out_int(&out, "pending", (int64_t)c->pending);
    json_out_int(&out, "held", (int64_t)http_held(sim));
    json_out_int(&out, "max_concurrent", (int64_t)c->max_pending);
    json_out_int(&out, "connections_opened", (int64_t)c->connections);
    json_out_open(&out, "errors_by_code", '{');
    for (int i = 0; i < c->codes; i++) {
        json_out_int(&out, c->code[i], (int64_t)c->code_count[i]);
    }
    json_out_close(&out, '}');
    write_shops(sim, &out);
    if (reads)
        write_reads(sim, &out);
    json_out_close(&out, '}');
    buf_putc(to, '\n');
}

void count_write_calls(struct sim *sim, uint64_t last, struct buf *to)
{
    struct counts *c = sim->counts;
    uint64_t from = c->numbered > last ? c->numbered - last + 1 : 1;

    for (uint64_t call = from; call <= c->numbered; call++) {
        struct call_note *note = note_of(c, call);
        struct json_out out = {.b = to};

        if (!note)
            continue;
        json_out_open(&out, NULL, '{');
        json_out_int(&out, "call", (int64_t)note->number);
        json_out_text(&out, "api", api_names[note->api]);
        json_out_int(&out, "at_ms", note->at_ms);
        json_out_int(&out, "answered_ms", note->answered_ms);
        json_out_text(&out, "shop_id", note->shop < 0 ? "" : sim->shops[note->shop].id);
        json_out_int(&out, "ids", note->ids);
        json_out_text(&out, "first_id", note->first_id);
        json_out_int(&out, "status", note->status);
        json_out_int(&out, "code", note->code);
        if (*note->error)
            json_out_text(&out, "error", note->error);
        json_out_text(&out, "fault", note->fault ? note->fault : "");
        json_out_close(&out, '}');
        buf_putc(to, '\n');
    }
}
