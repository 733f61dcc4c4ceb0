/* test_raw_event.c - what a webhook that is no entity looks like in webhook_events. */
#include "worker/raw_event.h"

#include "common/strbuf.h"
#include "tests/unit/mongo_fixture.h"

enum { RECEIVED_S = 1718305585 };
#define RECEIVED_MS ((int64_t)RECEIVED_S * 1000 + 123)

static struct message *raw_message(const char *shop, const char *id, const char *body, size_t body_length)
{
    const char *texts[] = {
        "v", "1",       "platform",      "tiktok", "shop", shop,  "topic",   "99",    "kind", "other", "id",
        id,  "recv_ms", "1718305585123", "key",    "k1",   "src", "webhook", "trace", "t1",   "moves", "0"};
    struct entry_text fields[sizeof(texts) / sizeof(texts[0]) + 2];
    size_t count = sizeof(texts) / sizeof(texts[0]);

    for (size_t i = 0; i < count; i++)
        fields[i] = (struct entry_text){texts[i], strlen(texts[i])};
    fields[count] = (struct entry_text){"body", 4};
    fields[count + 1] = (struct entry_text){body, body_length};
    return message_new(0, "1718305585124-7", fields, body ? count + 2 : count, keep_all);
}

struct built {
    struct config config;
    struct pool *pool;
    struct arena *arena;
    struct document *document;
    struct err err;
};

static void build(struct built *b, struct message *m, int64_t now_ms)
{
    *b = (struct built){0};
    b->config.webhook_events_keep_days = 30;
    b->config.timezone_offset_minutes = 420;
    b->pool = pool_new();
    b->arena = arena_new(4096, 1 << 20);
    if (!m->readable)
        printf("%s\n", m->error);
    CHECK(m->readable);
    b->document = raw_event_build(pool_add(b->pool, m, true), &b->config, now_ms, b->arena, &b->err);
}

static void done(struct built *b)
{
    document_free(b->document);
    arena_free(b->arena);
    pool_free(b->pool);
}

static const char *text_of(const struct built *b, const char *field)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, b->document->on_insert, field) && BSON_ITER_HOLDS_UTF8(&it)
               ? bson_iter_utf8(&it, NULL)
               : "(none)";
}

TEST(everything_stands_under_set_on_insert)
{
    struct built b;
    bson_iter_t it;

    build(&b, raw_message("749", "55", "{\"a\":1}", 7), NOW);
    CHECK(b.document != NULL);
    CHECK_INT(b.document->op, DOCUMENT_RAW);
    CHECK_TEXT(b.document->collection, "webhook_events");
    CHECK_TEXT(b.document->doc_id, "tiktok:749:k1:other:55");
    CHECK(b.document->set == NULL && b.document->unset == NULL);
    CHECK_TEXT(text_of(&b, "platform"), "tiktok");
    CHECK_TEXT(text_of(&b, "shop_id"), "749");
    CHECK_TEXT(text_of(&b, "topic"), "99");
    CHECK_TEXT(text_of(&b, "kind"), "other");
    CHECK_TEXT(text_of(&b, "entity_id"), "55");
    CHECK_TEXT(text_of(&b, "received_at"), "2024-06-14T02:06:25+07:00");
    CHECK_TEXT(text_of(&b, "event_key"), "k1");
    CHECK_TEXT(text_of(&b, "source"), "webhook");
    CHECK_TEXT(text_of(&b, "trace"), "t1");
    CHECK_TEXT(text_of(&b, "stream_id"), "1718305585124-7");
    CHECK_TEXT(text_of(&b, "body"), "{\"a\":1}");
    CHECK(bson_iter_init_find(&it, b.document->on_insert, "recv_ms") && BSON_ITER_HOLDS_INT64(&it));
    CHECK_INT(bson_iter_int64(&it), RECEIVED_MS);
    CHECK(bson_iter_init_find(&it, b.document->on_insert, "expires_at") && BSON_ITER_HOLDS_DATE_TIME(&it));
    CHECK_INT(bson_iter_date_time(&it), RECEIVED_MS + 30LL * 86400000);
    done(&b);
}

TEST(what_is_empty_is_absent)
{
    struct built b;

    build(&b, raw_message("749", "", NULL, 0), NOW);
    CHECK(b.document != NULL);
    CHECK_TEXT(b.document->doc_id, "tiktok:749:k1:other:");
    CHECK(!bson_has_field(b.document->on_insert, "entity_id"));
    CHECK(!bson_has_field(b.document->on_insert, "body"));
    done(&b);
}

TEST(a_body_that_is_no_text_is_kept_as_binary)
{
    struct built b;
    bson_iter_t it;
    bson_subtype_t subtype;
    const uint8_t *data;
    uint32_t length;

    build(&b, raw_message("749", "1", "\xff\x00\xfe", 3), NOW);
    CHECK(b.document != NULL);
    CHECK(bson_iter_init_find(&it, b.document->on_insert, "body") && BSON_ITER_HOLDS_BINARY(&it));
    bson_iter_binary(&it, &subtype, &length, &data);
    CHECK_BYTES(data, length, "\xff\x00\xfe", 3);
    done(&b);
}

TEST(an_id_that_is_no_text_cannot_be_stored)
{
    struct built b;

    build(&b, raw_message("74\xff", "1", NULL, 0), NOW);
    CHECK(b.document == NULL);
    CHECK_INT(b.err.domain, ERR_DATA);
    done(&b);
}

TEST(an_implausible_receive_time_becomes_now)
{
    struct built b;
    struct message *m = raw_message("749", "1", NULL, 0);

    m->entry.recv_ms = 5;
    build(&b, m, RECEIVED_MS);
    CHECK_TEXT(text_of(&b, "received_at"), "2024-06-14T02:06:25+07:00");
    done(&b);
}

TEST(a_full_arena_is_said_to_be_one)
{
    struct built b = {0};
    struct need *n;

    b.pool = pool_new();
    b.arena = arena_new(16, 16);
    n = pool_add(b.pool, raw_message("749", "1", NULL, 0), true);
    CHECK(raw_event_build(n, &b.config, NOW, b.arena, &b.err) == NULL);
    CHECK_INT(b.err.domain, ERR_SYSTEM);
    done(&b);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(everything_stands_under_set_on_insert),
                        CASE(what_is_empty_is_absent), CASE(a_body_that_is_no_text_is_kept_as_binary),
                        CASE(an_id_that_is_no_text_cannot_be_stored),
                        CASE(an_implausible_receive_time_becomes_now), CASE(a_full_arena_is_said_to_be_one));
}
