/* micro_input.c - bench: what the stages are given. Contract: micro_input.h. */
#include "bench/micro/micro_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/micro.h"
#include "bench/micro/micro_push.h"
#include "common/hmac.h"

static const struct input_market {
    const char *name, *shop;
    const char *id_in_file;         /* of the order in order_<name>.json */
    const char *head, *signed_with; /* of a push's signature: what stands before the body, and the key */
    const char *begin, *end;        /* of a push, around the filling */
    const char *answer_begin, *answer_end;
} markets[MICRO_MARKETS] = {
    [MICRO_TIKTOK] =
        {"tiktok", "7495540735365777507", "570000000000015562", "bench-key",
         "bench-secret-of-32-bytes-0123456",
         "{\"type\":1,\"tts_notification_id\":\"7327112393057371910\",\"shop_id\":"
         "\"7495540735365777507\",\"timestamp\":1795228311,\"data\":{\"is_on_hold_order\":"
         "false,\"order_id\":\"570000000000015562\",\"order_status\":\"AWAITING_SHIPMENT\",\"pad\":\"",
         "\",\"update_time\":1795228223}}", "{\"code\":0,\"data\":{\"orders\":[",
         "]},\"message\":\"Success\",\"request_id\":\"202611212031270102C4A5D9F1B2E3A4\"}"},
    [MICRO_SHOPEE] =
        {"shopee", "400000309", "260523ZF7PIEF4", "https://hooks.example.com/webhooks/shopee|",
         "bench-push-key-0123456789abcdef",
         "{\"msg_id\":\"be3f90b209674eec0000000000000000\",\"data\":{\"items\":[],\"ordersn\":"
         "\"260523ZF7PIEF4\",\"status\":\"UNPAID\",\"completed_scenario\":\"\",\"pad\":\"",
         "\",\"update_time\":1795228223},\"shop_id\":400000309,\"code\":3,\"timestamp\":1795228234}",
         "{\"error\":\"\",\"message\":\"\",\"response\":{\"order_list\":[",
         "]},\"request_id\":\"be3f90b209674eecbe3f90b209674eec\"}"},
};

struct config *micro_config(enum config_program program)
{
    static char *const environment[] = {
        "REDIS_URL=redis://127.0.0.1:6379",
        "MONGO_URI=mongodb://127.0.0.1:27017/",
        "CREDENTIALS_KEY=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "WORKER_NAME=bench",
        "SERVER_NAME=bench",
        "TIKTOK_APP_KEY=bench-key",
        "TIKTOK_APP_SECRET=bench-secret-of-32-bytes-0123456",
        "SHOPEE_PARTNER_ID=2001887",
        "SHOPEE_PUSH_KEY=bench-push-key-0123456789abcdef",
        "SHOPEE_PARTNER_KEY=bench-push-key-0123456789abcdef",
        "SHOPEE_CALLBACK_URL=https://hooks.example.com/webhooks/shopee",
        NULL,
    };
    struct config *c = xcalloc(1, sizeof *c);
    struct err err = {0};

    if (!config_load(c, program, environment, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return c;
}

const char *micro_platform(enum micro_market market)
{
    return markets[market].name;
}

const char *micro_shop(enum micro_market market)
{
    return markets[market].shop;
}

static struct entry_text owned(struct strbuf *text)
{
    struct entry_text out = {.length = text->length};

    out.data = strbuf_detach(text);
    return out;
}

static struct entry_text webhook(const struct input_market *m)
{
    struct strbuf body = STRBUF_INIT;

    strbuf_add_text(&body, m->begin);
    while (body.length + strlen(m->end) < MICRO_WEBHOOK_BYTES)
        strbuf_add_char(&body, (char)('a' + (int)(body.length % 26)));
    strbuf_add_text(&body, m->end);
    return owned(&body);
}

struct push micro_push(enum micro_market market)
{
    const struct input_market *m = &markets[market];
    struct push push = {.platform = market == MICRO_TIKTOK ? PLATFORM_TIKTOK : PLATFORM_SHOPEE,
                        .body = webhook(m),
                        .recv_ms = MICRO_NOW_MS,
                        .partitions = 1};
    const struct hmac_part parts[] = {{m->head, strlen(m->head)}, {push.body.data, push.body.length}};
    struct hmac_key *key = hmac_key_new(m->signed_with, strlen(m->signed_with));
    char hex[HMAC_HEX_LENGTH + 1];

    MICRO_CHECK(hmac_sha256_hex(key, parts, 2, hex));
    hmac_key_free(key);
    push.authorization = (struct entry_text){xstrndup(hex, HMAC_HEX_LENGTH), HMAC_HEX_LENGTH};
    push.partitions = 1;
    push.trace = (struct entry_text){"0123456789abcdef0123456789abcdef", 32};
    return push;
}

void micro_order_id(struct strbuf *to, enum micro_market market, size_t i)
{
    strbuf_add_format(to, market == MICRO_TIKTOK ? "5700000000001%05zu" : "260523ZF%06zu", i);
}

void micro_read(struct strbuf *to, const char *path)
{
    struct err err = {0};

    if (!strbuf_read_file(to, path, 1 << 20, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

/* The order of the file under another id. */
static void add_order(struct strbuf *to, const struct input_market *m, enum micro_market market,
                      const struct strbuf *order, size_t i)
{
    const char *id = memmem(order->data, order->length, m->id_in_file, strlen(m->id_in_file));
    size_t before, length = strlen(m->id_in_file);

    MICRO_CHECK(id != NULL);
    before = (size_t)(id - order->data);
    strbuf_add(to, order->data, before);
    micro_order_id(to, market, i);
    strbuf_add(to, id + length, order->length - before - length - 1); /* no newline */
}

void micro_add_answer(struct strbuf *to, enum micro_market market, size_t count)
{
    const struct input_market *m = &markets[market];
    struct strbuf order = STRBUF_INIT, path = STRBUF_INIT;

    strbuf_add_format(&path, MICRO_DIR "/order_%s.json", m->name);
    micro_read(&order, strbuf_text(&path));
    strbuf_add_text(to, m->answer_begin);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_add_char(to, ',');
        add_order(to, m, market, &order, i);
    }
    strbuf_add_text(to, m->answer_end);
    strbuf_deinit(&path);
    strbuf_deinit(&order);
}
