/* test_map.c - what all platforms share: parsing, dead letters, keys, partitions, many entities. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/keys.h"
#include "common/strbuf.h"
#include "server/map.h"
#include "tests/harness.h"

static char app_key[] = "abcdef";
static const struct config config = {.tiktok_app_key = app_key};

static struct push push_of(const char *body, size_t n)
{
    return (struct push){.platform = PLATFORM_TIKTOK,
                         .body = {body, n},
                         .trace = {"t", 1},
                         .recv_ms = 1767704407123,
                         .partitions = 1};
}

static bool text_is(struct entry_text t, const char *wanted)
{
    return t.length == strlen(wanted) && memcmp(t.data, wanted, t.length) == 0;
}

/* What is not an object is a dead letter with the body kept. */
TEST(what_is_no_json_object_is_a_dead_letter)
{
    static const char *const bodies[] = {
        "x", "", " ", "[]", "1", "null", "\"a\"", "{", "{}x", "{\"type\":1,}", "\xff"};
    struct mapper *m = mapper_new(&config);

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct push push = push_of(bodies[i], strlen(bodies[i]));
        struct mapped out;

        map_push(m, &push, &out);
        CHECK(out.dead);
        CHECK(strncmp(out.why, "the body is not", 15) == 0);
        CHECK_INT(out.count, 1);
        CHECK(text_is(out.entries[0].platform, "tiktok"));
        CHECK(text_is(out.entries[0].shop, ""));
        CHECK_BYTES(out.entries[0].body.data, out.entries[0].body.length, bodies[i], strlen(bodies[i]));
        map_release(m);
    }
    mapper_free(m);
}

TEST(nesting_beyond_the_limit_is_a_dead_letter)
{
    struct mapper *m = mapper_new(&config);
    struct strbuf b = STRBUF_INIT;
    struct mapped out;
    struct push push;

    strbuf_add_text(&b, "{\"type\":13,\"data\":");
    for (int i = 0; i < 100000; i++)
        strbuf_add_char(&b, '[');
    for (int i = 0; i < 100000; i++)
        strbuf_add_char(&b, ']');
    strbuf_add_char(&b, '}');
    push = push_of(b.data, b.length);
    map_push(m, &push, &out);
    CHECK(out.dead);
    strbuf_deinit(&b);
    mapper_free(m);
}

TEST(a_body_too_large_for_the_pool_is_mapped_like_a_small_one)
{
    struct mapper *m = mapper_new(&config);
    struct strbuf b = STRBUF_INIT;
    struct mapped out;
    struct push push;

    strbuf_add_text(
        &b,
        "{\"type\":1,\"shop_id\":\"7\",\"tts_notification_id\":\"9\",\"data\":{\"order_id\":\"5\"},\"x\":[0");
    for (int i = 0; i < 200000; i++)
        strbuf_add_text(&b, ",1");
    strbuf_add_text(&b, "]}");
    push = push_of(b.data, b.length);
    for (int round = 0; round < 3; round++) {
        map_push(m, &push, &out);
        CHECK(!out.dead);
        CHECK(text_is(out.entries[0].id, "5"));
    }
    strbuf_deinit(&b);
    mapper_free(m);
}

TEST(an_entry_carries_what_every_push_has)
{
    static const char body[] =
        "{\"type\":1,\"shop_id\":\"77\",\"tts_notification_id\":\"9\",\"data\":{\"order_id\":\"5\"}}";
    struct mapper *m = mapper_new(&config);
    struct push push = push_of(body, sizeof(body) - 1);
    struct mapped out;
    const struct entry *e;

    map_push(m, &push, &out);
    e = &out.entries[0];
    CHECK(!out.dead && out.count == 1 && out.partitions[0] == 0 && !out.unknown);
    CHECK(text_is(e->platform, "tiktok") && text_is(e->shop, "77") && text_is(e->topic, "1"));
    CHECK(text_is(e->src, "webhook") && text_is(e->trace, "t") && text_is(e->key, "abcdef:9"));
    CHECK_INT(e->recv_ms, 1767704407123);
    CHECK_BYTES(e->body.data, e->body.length, body, sizeof(body) - 1);
    mapper_free(m);
}

TEST(the_partition_is_the_shops_also_of_dead_letters)
{
    struct mapper *m = mapper_new(&config);

    for (int shop = 0; shop < 50; shop++) {
        char body[200], name[16];
        struct mapped out;
        struct push push;

        snprintf(name, sizeof(name), "%d", shop);
        for (int good = 0; good < 2; good++) {
            snprintf(body, sizeof(body), "{\"type\":1,\"shop_id\":\"%s\",\"data\":{%s}}", name,
                     good ? "\"order_id\":\"1\"" : "");
            push = push_of(body, strlen(body));
            push.partitions = 16;
            map_push(m, &push, &out);
            CHECK_INT(out.dead, !good);
            CHECK_INT(out.partitions[0], keys_partition("tiktok", 6, name, strlen(name), 16));
        }
    }
    mapper_free(m);
}

/* Shopee's stock push names several shops: each entry goes to its own shop's partition, under its own key. */
TEST(entries_of_several_shops_go_to_several_partitions)
{
    const struct config shopee = {.shopee_partner_id = app_key};
    struct mapper *m = mapper_new(&shopee);
    struct strbuf b = STRBUF_INIT;
    bool used[16] = {false};
    struct mapped out;
    struct push push;
    size_t partitions = 0;

    strbuf_add_text(&b, "{\"code\":36,\"timestamp\":1,\"data\":{\"list\":[");
    for (int i = 0; i < 200; i++)
        strbuf_add_format(&b, "%s{\"shop_id\":%d}", i ? "," : "", 1 + i / 2);
    strbuf_add_text(&b, "]}}");
    push = push_of(b.data, b.length);
    push.platform = PLATFORM_SHOPEE;
    push.partitions = 16;
    map_push(m, &push, &out);
    CHECK(!out.dead);
    CHECK_INT(out.count, 100);
    for (size_t i = 0; i < out.count; i++) {
        const struct entry *e = &out.entries[i];
        char begin[40];
        int n = snprintf(begin, sizeof(begin), "abcdef:%zu:36::1:", i + 1);

        CHECK_INT(out.partitions[i], keys_partition("shopee", 6, e->shop.data, e->shop.length, 16));
        CHECK_INT(e->key.length, n + 64);
        CHECK(memcmp(e->key.data, begin, (size_t)n) == 0);
        CHECK(e->kind == ENTRY_OTHER && e->id.length == 0);
        partitions += !used[out.partitions[i]];
        used[out.partitions[i]] = true;
    }
    CHECK(partitions > 4);
    strbuf_deinit(&b);
    mapper_free(m);
}

/* A push of count different orders, each given twice: an order and a tracking entry for each. */
static void build_packages(struct strbuf *b, int count)
{
    strbuf_reset(b);
    strbuf_add_text(b,
                    "{\"type\":4,\"shop_id\":\"7\",\"tts_notification_id\":\"9\",\"data\":{\"package_list\":["
                    "{\"order_id_list\":[");
    for (int i = 0; i < count * 2; i++)
        strbuf_add_format(b, "%s\"%d\"", i ? "," : "", i / 2);
    strbuf_add_text(b, "]}]}}");
}

TEST(up_to_the_limit_every_entity_is_an_entry_beyond_it_the_push_is_a_dead_letter)
{
    struct mapper *m = mapper_new(&config);
    struct strbuf b = STRBUF_INIT;
    struct mapped out;
    struct push push;

    build_packages(&b, MAP_ENTRIES_MAX / 2);
    push = push_of(b.data, b.length);
    map_push(m, &push, &out);
    CHECK(!out.dead);
    CHECK_INT(out.count, MAP_ENTRIES_MAX);
    CHECK(text_is(out.entries[MAP_ENTRIES_MAX - 1].id, "999"));
    build_packages(&b, MAP_ENTRIES_MAX / 2 + 1);
    push = push_of(b.data, b.length);
    map_push(m, &push, &out);
    CHECK(out.dead);
    CHECK_INT(out.count, 1);
    strbuf_deinit(&b);
    mapper_free(m);
}

/* Each entry carries the whole body: few ids in a large body would cost a thousand times its size. */
TEST(a_large_body_is_not_multiplied_without_bounds)
{
    struct mapper *m = mapper_new(&config);
    struct strbuf b = STRBUF_INIT;
    struct mapped out;
    struct push push;

    for (int round = 0; round < 2; round++) {
        build_packages(&b, 17);
        b.length--;
        strbuf_add_text(&b, ",\"x\":\"");
        while (b.length < (round ? 1048576 - 2 : 900000))
            strbuf_add_char(&b, 'x');
        strbuf_add_text(&b, "\"}");
        push = push_of(b.data, b.length);
        map_push(m, &push, &out);
        CHECK_INT(out.dead, round);
        CHECK_INT(out.count, round ? 1 : 34);
    }
    strbuf_deinit(&b);
    mapper_free(m);
}

TEST(a_key_of_any_length_stays_short)
{
    struct mapper *m = mapper_new(&config);
    struct strbuf b = STRBUF_INIT;
    struct mapped out;
    struct push push;
    char first[200];

    for (int round = 0; round < 2; round++) {
        strbuf_reset(&b);
        strbuf_add_text(&b, "{\"type\":1,\"shop_id\":\"7\",\"data\":{\"order_id\":\"5\","
                            "\"update_time\":\"");
        for (int i = 0; i < 5000; i++)
            strbuf_add_char(&b, 'x');
        strbuf_add_text(&b, round ? "a\"}}" : "b\"}}");
        push = push_of(b.data, b.length);
        map_push(m, &push, &out);
        CHECK_INT(out.entries[0].key.length, 6 + 1 + 64);
        if (round == 0)
            memcpy(first, out.entries[0].key.data, 71);
    }
    CHECK(memcmp(first, out.entries[0].key.data, 71) != 0);
    strbuf_deinit(&b);
    mapper_free(m);
    mapper_free(NULL);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(what_is_no_json_object_is_a_dead_letter),
        CASE(nesting_beyond_the_limit_is_a_dead_letter),
        CASE(a_body_too_large_for_the_pool_is_mapped_like_a_small_one),
        CASE(an_entry_carries_what_every_push_has), CASE(the_partition_is_the_shops_also_of_dead_letters),
        CASE(entries_of_several_shops_go_to_several_partitions),
        CASE(up_to_the_limit_every_entity_is_an_entry_beyond_it_the_push_is_a_dead_letter),
        CASE(a_large_body_is_not_multiplied_without_bounds), CASE(a_key_of_any_length_stays_short));
}
