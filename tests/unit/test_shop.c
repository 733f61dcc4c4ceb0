/* test_shop.c - the cache of shops: what is believed, for how long, and what a shop that cannot be used looks like. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "tests/unit/mongo_fixture.h"
#include "worker/shop_internal.h"

static int loads, asked;
static bool away;

/* Knows every shop but those whose id begins with 'x'. */
static bool load(void *context, struct shop_cache *c, const char *platform, const char *const *ids,
                 size_t count, struct err *err)
{
    (void)context;
    loads++;
    asked += (int)count;
    for (size_t i = 0; i < count; i++) {
        struct shop shop = {.platform = platform,
                            .shop_id = ids[i],
                            .channel_id = "c",
                            .access_token = "t",
                            .state = SHOP_ACTIVE};

        if (strcmp(ids[i], "old") == 0)
            shop.access_expires_ms = clock_now_ms() + 50;
        if (*ids[i] != 'x')
            shop_cache_put(c, &shop);
    }
    if (away)
        err_set(err, ERR_MONGO, 0, "away");
    return !away;
}

static struct shop_cache *cache(int64_t keep_ms)
{
    struct shop_cache *c = shop_cache_new(NULL, NULL, keep_ms);

    shop_cache_set_load(c, load, NULL);
    return c;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
}

TEST(reads_a_shop_once_while_it_is_believed)
{
    struct shop_cache *c = cache(60000);
    const struct shop *a = shop_cache_get(c, "tiktok", "a", NULL);

    CHECK_INT(a->state, SHOP_ACTIVE);
    CHECK_TEXT(a->access_token, "t");
    CHECK_TEXT(a->cipher, "");
    CHECK_TEXT(a->problem, "");
    CHECK(shop_cache_get(c, "tiktok", "a", NULL) == a);
    CHECK_INT(loads, 1);
    CHECK(shop_cache_get(c, "shopee", "a", NULL) != a);
    CHECK_INT(loads, 2);
    shop_cache_free(c);
}

TEST(reads_again_after_its_time_and_when_told_to_forget)
{
    struct shop_cache *c = cache(20);

    CHECK(shop_cache_get(c, "tiktok", "a", NULL));
    pause_ms(30);
    CHECK(shop_cache_get(c, "tiktok", "a", NULL));
    CHECK_INT(loads, 2);
    shop_cache_forget(c, "tiktok", "a");
    CHECK(shop_cache_get(c, "tiktok", "a", NULL));
    CHECK_INT(loads, 3);
    shop_cache_forget(c, "tiktok", "never seen");
    shop_cache_free(c);
}

TEST(remembers_that_a_shop_is_unknown)
{
    struct shop_cache *c = cache(60000);

    CHECK_INT(shop_cache_get(c, "tiktok", "x1", NULL)->state, SHOP_UNKNOWN);
    CHECK_TEXT(shop_cache_get(c, "tiktok", "x1", NULL)->access_token, "");
    CHECK_INT(loads, 1);
    shop_cache_free(c);
}

TEST(reads_many_at_once_and_only_those_it_does_not_know)
{
    const char *first[] = {"a", "b", "x1"}, *second[] = {"a", "b", "x1", "d"};
    struct shop_cache *c = cache(60000);

    CHECK(shop_cache_load(c, "tiktok", first, 3, NULL));
    CHECK(shop_cache_load(c, "tiktok", second, 4, NULL));
    CHECK_INT(loads, 2);
    CHECK_INT(asked, 4);
    CHECK(shop_cache_load(c, "tiktok", NULL, 0, NULL));
    CHECK_INT(loads, 2);
    shop_cache_free(c);
}

TEST(believes_nothing_of_a_reading_that_failed)
{
    struct shop_cache *c = cache(60000);
    struct err err = {0};

    away = true;
    CHECK(shop_cache_get(c, "tiktok", "a", &err) == NULL);
    CHECK_TEXT(err.text, "away");
    CHECK_TEXT(shop_channel(c, "tiktok", "a"),
               "c"); /* that row was read; its channel is no matter of trust */
    away = false;
    CHECK_INT(shop_cache_get(c, "tiktok", "x", NULL)->state, SHOP_UNKNOWN);
    CHECK_TEXT(shop_channel(c, "tiktok", "a"), "c");
    shop_cache_free(c);
}

TEST(knows_a_channel_after_its_time_and_never_invents_one)
{
    struct shop_cache *c = cache(1);

    CHECK(shop_cache_get(c, "tiktok", "a", NULL));
    pause_ms(10);
    away = true;
    CHECK_TEXT(shop_channel(c, "tiktok", "a"), "c");
    CHECK(shop_channel(c, "tiktok", "b") == NULL);
    away = false;
    CHECK_TEXT(shop_channel(c, "tiktok", "b"), "c");
    CHECK(shop_channel(c, "tiktok", "x1") == NULL);
    shop_cache_free(c);
}

TEST(a_token_runs_out_while_it_lies_in_the_cache)
{
    struct shop_cache *c = cache(60000);

    CHECK_INT(shop_cache_get(c, "tiktok", "old", NULL)->state, SHOP_ACTIVE);
    pause_ms(80);
    CHECK_INT(shop_cache_get(c, "tiktok", "old", NULL)->state, SHOP_EXPIRED);
    CHECK_INT(loads, 1);
    shop_cache_free(c);
}

TEST(a_thousand_shops)
{
    struct shop_cache *c = cache(60000);
    char id[16];

    for (int i = 0; i < 3000; i++) {
        snprintf(id, sizeof id, "%d", i);
        CHECK(shop_cache_get(c, "tiktok", id, NULL));
    }
    CHECK_TEXT(shop_cache_get(c, "tiktok", "17", NULL)->shop_id, "17");
    CHECK_INT(loads, 3000);
    shop_cache_free(c);
}

TEST(states_have_names)
{
    CHECK_TEXT(shop_state_name(SHOP_ACTIVE), "active");
    CHECK_TEXT(shop_state_name(SHOP_UNKNOWN), "unknown");
    for (int s = SHOP_ACTIVE; s <= SHOP_DISABLED; s++)
        CHECK_INT(shop_state_parse(shop_state_name((enum shop_state)s)), s);
    CHECK_INT(shop_state_parse("unknown"), SHOP_UNKNOWN);
    CHECK_INT(shop_state_parse("Active"), SHOP_UNKNOWN);
}

/* --- read from MongoDB ------------------------------------------------------------------------------ */

static void put_shop(struct world *w, const char *id, const char *authorization)
{
    char json[256];

    snprintf(json, sizeof json,
             "{\"_id\":\"tiktok:%s\",\"shop_id\":\"%s\",\"state\":\"active\",\"authorization\":\"%s\"}", id,
             id, authorization);
    mongo_mock_put(w->mock, "shops", json);
}

static void put_authorization(struct world *w, const struct credentials *c, const char *id, const char *token)
{
    struct strbuf place = STRBUF_INIT, sealed = STRBUF_INIT, json = STRBUF_INIT;
    struct err err = {0};

    credentials_place(&place, id, "access_token");
    CHECK(credentials_seal(c, strbuf_text(&place), token, strlen(token), &sealed, &err));
    strbuf_add_format(&json, "{\"_id\":\"%s\",\"access_token\":\"%s\"}", id, strbuf_text(&sealed));
    mongo_mock_put(w->mock, "authorizations", strbuf_text(&json));
    strbuf_deinit(&json);
    strbuf_deinit(&sealed);
    strbuf_deinit(&place);
}

TEST(every_shop_gets_the_token_of_its_own_authorization)
{
    static const struct {
        const char *id, *token, *problem;
    } rows[] = {{"1", "token-b", ""},
                {"2", "token-a", ""},
                {"3", "token-b", ""},
                {"5", "token-a", ""},
                {"4", "", "its authorization is not stored"}};
    const char *ids[] = {"1", "2", "3", "4", "5", "6"};
    struct err err = {0};
    struct world w;
    struct credentials *c =
        credentials_new("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", &err);
    struct shop_cache *cache;

    CHECK(c != NULL);
    world_start(&w);
    put_shop(&w, "1", "tiktok:b");
    put_shop(&w, "2", "tiktok:a");
    put_shop(&w, "3", "tiktok:b");
    put_shop(&w, "4", "tiktok:nobody");
    put_shop(&w, "5", "tiktok:a");
    put_authorization(&w, c, "tiktok:a", "token-a");
    put_authorization(&w, c, "tiktok:b", "token-b");
    cache = shop_cache_new(w.store, c, 60000);
    CHECK(shop_cache_load(cache, "tiktok", ids, 6, &err));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct shop *shop = shop_cache_get(cache, "tiktok", rows[i].id, &err);

        CHECK_TEXT(shop->access_token, rows[i].token);
        CHECK_TEXT(shop->problem, rows[i].problem);
    }
    CHECK_INT(shop_cache_get(cache, "tiktok", "6", &err)->state, SHOP_UNKNOWN);
    CHECK_INT(mongo_mock_count(w.mock, "find"), 2);
    shop_cache_free(cache);
    credentials_free(c);
    world_stop(&w);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(reads_a_shop_once_while_it_is_believed),
                        CASE(reads_again_after_its_time_and_when_told_to_forget),
                        CASE(remembers_that_a_shop_is_unknown),
                        CASE(reads_many_at_once_and_only_those_it_does_not_know),
                        CASE(believes_nothing_of_a_reading_that_failed),
                        CASE(knows_a_channel_after_its_time_and_never_invents_one),
                        CASE(a_token_runs_out_while_it_lies_in_the_cache), CASE(a_thousand_shops),
                        CASE(states_have_names), CASE(every_shop_gets_the_token_of_its_own_authorization));
}
