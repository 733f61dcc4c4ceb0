/* test_topics_tiktok.c - each of TikTok Shop's topics: entity, event time, key; and what makes a dead letter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/map_text.h"

static char app_key[] = "abcdef";
static const struct config config = {.tiktok_app_key = app_key};

static char *map_text(const char *body)
{
    return map_text_with(&config, PLATFORM_TIKTOK, body, strlen(body));
}

#define ENVELOPE(type, data)                                                                                 \
    "{\"type\":" type                                                                                        \
    ",\"tts_notification_id\":\"9\",\"shop_id\":\"7\",\"timestamp\":1767704407,\"data\":{" data "}}"

#define CHECK_SAMPLES(samples) MAP_CHECK_SAMPLES(map_text, (samples))

TEST(maps_every_topic_of_the_table)
{
    static const struct map_sample samples[] = {
        {ENVELOPE("1", "\"order_id\":\"57\",\"order_status\":\"UNPAID\",\"update_time\":1767704400"),
         "order:57 @1767704400000 moves abcdef:9"},
        {ENVELOPE("2", "\"order_id\":\"57\",\"reverse_order_id\":\"8\",\"update_time\":1767704400"),
         "order:57 abcdef:9"},
        {ENVELOPE("3", "\"order_id\":\"57\",\"update_time\":1767704400"), "order:57 @1767704400000 abcdef:9"},
        {ENVELOPE("4",
                  "\"sc_type\":\"SPLIT\",\"package_list\":[{\"package_id\":\"1\",\"order_id_list\":[\"57\","
                  "\"58\"]},"
                  "{\"package_id\":\"2\",\"order_id_list\":[\"58\",\"59\"]}],\"update_time\":1767690300"),
         "order:57 tracking:57 @1767690300000 order:58 tracking:58 @1767690300000 "
         "order:59 tracking:59 @1767690300000 abcdef:9"},
        {ENVELOPE("5", "\"product_id\":1731200300400500601,\"status\":\"X\",\"update_time\":1767701000"),
         "product:1731200300400500601 @1767701000000 abcdef:9"},
        {ENVELOPE("6", "\"message\":\"gone\""), "shop:7 abcdef:9"},
        {ENVELOPE("7", "\"message\":\"soon\",\"expiration_time\":\"1770336000\""), "shop:7 abcdef:9"},
        {ENVELOPE(
             "11",
             "\"order_id\":\"57\",\"cancel_id\":\"40\",\"cancel_status\":\"X\",\"create_time\":1767680120"),
         "order:57 return:40 cancellation abcdef:9"},
        {ENVELOPE("11", "\"order_id\":\"57\",\"cancel_id\":\"40\",\"update_time\":1767680121"),
         "order:57 return:40 @1767680121000 cancellation abcdef:9"},
        {ENVELOPE("12",
                  "\"order_id\":\"57\",\"return_id\":\"41\",\"create_time\":1,\"update_time\":1768045200"),
         "order:57 return:41 @1768045200000 return abcdef:9"},
        {ENVELOPE("15", "\"product_id\":\"5\",\"changed_fields\":[\"title\"],\"update_time\":1767701000"),
         "product:5 @1767701000000 abcdef:9"},
        {ENVELOPE("16", "\"product_id\":5,\"product_types\":[]"), "product:5 abcdef:9"},
        {ENVELOPE("18", "\"product_id\":\"5\",\"current_category_id\":\"1\""), "product:5 abcdef:9"},
        {ENVELOPE("27", "\"product_id\":\"5\",\"sku_id\":\"6\""), "product:5 abcdef:9"},
        {ENVELOPE("37", "\"product_id\":5,\"audit\":{\"status\":\"X\"}"), "product:5 abcdef:9"},
    };

    CHECK_SAMPLES(samples);
}

TEST(an_order_state_in_which_a_parcel_moves_or_rests_refreshes_the_tracking)
{
    static const struct {
        const char *status;
        bool tracked;
    } states[] = {{"UNPAID", false},
                  {"ON_HOLD", false},
                  {"AWAITING_SHIPMENT", false},
                  {"PARTIALLY_SHIPPING", true},
                  {"AWAITING_COLLECTION", true},
                  {"IN_TRANSIT", true},
                  {"DELIVERED", true},
                  {"COMPLETED", true},
                  {"CANCEL", true},
                  {"CANCELLED", true},
                  {"COMPLETED_", false},
                  {"", false}};
    char body[300];

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        snprintf(body, sizeof(body),
                 ENVELOPE("1", "\"order_id\":\"57\",\"order_status\":\"%s\",\"update_time\":1767704400"),
                 states[i].status);
        map_check_samples(map_text,
                          &(struct map_sample){
                              body, states[i].tracked ? "order:57 @1767704400000 moves tracking:57 abcdef:9"
                                                      : "order:57 @1767704400000 moves abcdef:9"},
                          1);
    }
    /* No other topic's order_status is believed. */
    map_check_samples(
        map_text,
        &(struct map_sample){ENVELOPE("3", "\"order_id\":\"57\",\"order_status\":\"DELIVERED\""),
                             "order:57 abcdef:9"},
        1);
}

TEST(a_finished_refund_refreshes_the_orders_it_names_and_is_kept_when_it_names_none)
{
    static const struct map_sample samples[] = {
        {ENVELOPE("67", "\"rma_id\":\"1\",\"line_items\":[{\"main_order_id\":\"57\"},{\"sku_id\":\"1\"},"
                        "{\"main_order_id\":\"57\"},{\"main_order_id\":58}]"),
         "order:57 order:58 abcdef:9"},
        {ENVELOPE("67", "\"line_items\":[]"), "other: abcdef:9"},
        {ENVELOPE("67", "\"line_items\":[{\"main_order_id\":5.7e17},7,null]"), "other: abcdef:9"},
        {ENVELOPE("67", "\"line_items\":{}"), "other: abcdef:9"},
        {"{\"type\":67,\"tts_notification_id\":\"9\",\"data\":{\"line_items\":[{\"main_order_id\":\"57\"}]}}",
         "other: abcdef:9"},
    };

    CHECK_SAMPLES(samples);
}

TEST(topics_only_kept_and_unknown_ones_are_other)
{
    static const char *const kept[] = {"13", "14", "17", "19", "20", "21", "22", "23", "24",
                                       "25", "33", "35", "36", "39", "42", "46", "51", "52",
                                       "55", "56", "63", "64", "65", "66", "67"};
    static const char *const unknown[] = {"0", "-1", "8", "9", "10", "26", "28", "68", "9223372036854775807"};
    char body[200];

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        snprintf(body, sizeof(body), "{\"type\":%s,\"tts_notification_id\":\"9\",\"shop_id\":\"7\"}",
                 kept[i]);
        map_check_samples(map_text, &(struct map_sample){body, "other: abcdef:9"}, 1);
        snprintf(body, sizeof(body), "{\"type\":%s,\"tts_notification_id\":\"9\",\"seller_open_id\":\"7\"}",
                 kept[i]);
        map_check_samples(map_text, &(struct map_sample){body, "other: abcdef:9"}, 1);
    }
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        snprintf(body, sizeof(body), "{\"type\":%s,\"tts_notification_id\":\"9\",\"data\":[]}", unknown[i]);
        map_check_samples(map_text, &(struct map_sample){body, "other: unknown abcdef:9"}, 1);
    }
}

TEST(what_a_row_needs_and_does_not_find_is_a_dead_letter)
{
    static const struct map_sample samples[] = {
        {"{}", "dead: type is missing or no integer"},
        {"{\"type\":null}", "dead: type is missing or no integer"},
        {"{\"type\":1.0}", "dead: type is missing or no integer"},
        {"{\"type\":\"x\"}", "dead: type is missing or no integer"},
        {"{\"type\":9223372036854775808}", "dead: type is missing or no integer"},
        {"{\"type\":1,\"data\":{\"order_id\":\"5\"}}", "dead: shop_id is missing or unusable"},
        {"{\"type\":6,\"data\":{}}", "dead: shop_id is missing or unusable"},
        {"{\"type\":13,\"shop_id\":[]}", "dead: shop_id is missing or unusable"},
        {"{\"type\":1,\"shop_id\":\"7\"}", "dead: data is missing or no object"},
        {"{\"type\":4,\"shop_id\":\"7\",\"data\":[]}", "dead: data is missing or no object"},
        {ENVELOPE("1", ""), "dead: data.order_id is missing or unusable"},
        {ENVELOPE("1", "\"order_id\":\"\""), "dead: data.order_id is missing or unusable"},
        {ENVELOPE("1", "\"order_id\":{}"), "dead: data.order_id is missing or unusable"},
        {ENVELOPE("11", "\"order_id\":\"5\""), "dead: data.cancel_id is missing or unusable"},
        {ENVELOPE("12", "\"order_id\":\"5\""), "dead: data.return_id is missing or unusable"},
        {ENVELOPE("4", ""), "dead: data.package_list is missing"},
        {ENVELOPE("4", "\"package_list\":[]"), "dead: data.package_list names no order"},
        {ENVELOPE("4", "\"package_list\":[1]"), "dead: data.package_list[].order_id_list is missing"},
        {ENVELOPE("4", "\"package_list\":[{\"order_id_list\":[5.7e17]}]"),
         "dead: an id in data.package_list[].order_id_list is unusable"},
        {ENVELOPE("4", "\"package_list\":[{\"order_id_list\":[null]}]"),
         "dead: an id in data.package_list[].order_id_list is unusable"},
        {ENVELOPE("5", ""), "dead: data.product_id is missing or unusable"},
        {ENVELOPE("5", "\"product_id\":5.76e17"), "dead: data.product_id is missing or unusable"},
        {ENVELOPE("5", "\"product_id\":5.0"), "dead: data.product_id is missing or unusable"},
        {ENVELOPE("16", "\"product_id\":true"), "dead: data.product_id is missing or unusable"},
    };

    CHECK_SAMPLES(samples);
}

TEST(ids_of_any_size_keep_their_digits)
{
    static const struct map_sample samples[] = {
        {ENVELOPE("5", "\"product_id\":9007199254740993"), "product:9007199254740993 abcdef:9"},
        {ENVELOPE("5", "\"product_id\":123456789012345678901"), "product:123456789012345678901 abcdef:9"},
        {ENVELOPE("1", "\"order_id\":576653688135258178"), "order:576653688135258178 moves abcdef:9"},
        {"{\"type\":1,\"tts_notification_id\":7380066284010030890,\"shop_id\":18446744073709551616,"
         "\"data\":{\"order_id\":\"5\"}}",
         "order:5 moves abcdef:7380066284010030890"},
    };

    CHECK_SAMPLES(samples);
}

TEST(an_implausible_event_time_is_absent_and_the_envelopes_never_stands_in)
{
    static const struct map_sample samples[] = {
        {ENVELOPE("1", "\"order_id\":\"5\""), "order:5 moves abcdef:9"},
        {ENVELOPE("1", "\"order_id\":\"5\",\"update_time\":0"), "order:5 moves abcdef:9"},
        {ENVELOPE("1", "\"order_id\":\"5\",\"update_time\":1767704400123"), "order:5 moves abcdef:9"},
        {ENVELOPE("1", "\"order_id\":\"5\",\"update_time\":9223372036854775807"), "order:5 moves abcdef:9"},
        {ENVELOPE("1", "\"order_id\":\"5\",\"update_time\":-1"), "order:5 moves abcdef:9"},
        {ENVELOPE("1", "\"order_id\":\"5\",\"update_time\":{}"), "order:5 moves abcdef:9"},
        {ENVELOPE("1", "\"order_id\":\"5\",\"update_time\":\"1767704400\""),
         "order:5 @1767704400000 moves abcdef:9"},
    };

    CHECK_SAMPLES(samples);
}

#define WITHOUT_ID(type, data, rest) "{\"type\":" type ",\"shop_id\":\"7\",\"data\":{" data "}" rest "}"

TEST(without_a_notification_id_the_key_is_made_of_what_tells_events_apart)
{
    static const char order[] = "order:5 @1767704400000 moves abcdef:1:7:5:1767704400:";
    static const char data[] = "\"order_id\":\"5\",\"order_status\":\"PAID\",\"update_time\":1767704400";
    char body[300], *one, *again;

    snprintf(body, sizeof(body), WITHOUT_ID("1", "%s", ",\"timestamp\":1"), data);
    one = map_text(body);
    CHECK(strncmp(one, order, strlen(order)) == 0);
    CHECK_INT(strlen(one), strlen(order) + 64);
    snprintf(body, sizeof(body), WITHOUT_ID("1", "%s", ",\"timestamp\":2"), data);
    again = map_text(body);
    CHECK_TEXT(again, one); /* sent again: only the time of sending differs */
    free(one);
    free(again);
    one = map_text("{\"type\":13}");
    again = map_text("{\"type\":13 }");
    CHECK_INT(strlen(one), strlen("other: abcdef:") + 64);
    CHECK(strcmp(one, again) != 0);
    free(one);
    free(again);
}

/* Pairs of one entity, topic and second: a key they shared would swallow the second of each. */
TEST(without_a_notification_id_two_changes_of_one_second_have_two_keys)
{
#define SECOND ",\"update_time\":1767704400"
    static const char *const pairs[][2] = {
        {WITHOUT_ID("1", "\"order_id\":\"5\",\"order_status\":\"A\",\"is_on_hold_order\":true" SECOND, ""),
         WITHOUT_ID("1", "\"order_id\":\"5\",\"order_status\":\"A\",\"is_on_hold_order\":false" SECOND, "")},
        {WITHOUT_ID("2", "\"order_id\":\"5\",\"reverse_order_id\":\"6\",\"reverse_order_status\":1" SECOND,
                    ""),
         WITHOUT_ID("2", "\"order_id\":\"5\",\"reverse_order_id\":\"7\",\"reverse_order_status\":1" SECOND,
                    "")},
        {WITHOUT_ID("11", "\"order_id\":\"5\",\"cancel_id\":\"6\",\"cancel_status\":\"A\"" SECOND, ""),
         WITHOUT_ID("11", "\"order_id\":\"5\",\"cancel_id\":\"7\",\"cancel_status\":\"A\"" SECOND, "")},
        {WITHOUT_ID("12", "\"order_id\":\"5\",\"return_id\":\"6\",\"return_status\":\"A\"" SECOND, ""),
         WITHOUT_ID("12", "\"order_id\":\"5\",\"return_id\":\"7\",\"return_status\":\"A\"" SECOND, "")},
        {WITHOUT_ID("15", "\"product_id\":\"5\",\"changed_fields\":[\"title\"]" SECOND, ""),
         WITHOUT_ID("15", "\"product_id\":\"5\",\"changed_fields\":[\"price\"]" SECOND, "")},
        {WITHOUT_ID("27", "\"product_id\":\"5\",\"sku_id\":\"6\",\"current_inventory_status\":\"A\"" SECOND,
                    ""),
         WITHOUT_ID("27", "\"product_id\":\"5\",\"sku_id\":\"6\",\"current_inventory_status\":\"B\"" SECOND,
                    "")},
        {WITHOUT_ID("37", "\"product_id\":5,\"audit\":{\"status\":\"A\"}" SECOND, ""),
         WITHOUT_ID("37", "\"product_id\":5,\"audit\":{\"status\":\"B\"}" SECOND, "")},
        /* Sellers without a shop. */
        {"{\"type\":21,\"seller_open_id\":\"a\",\"data\":{\"update_time\":1767704400}}",
         "{\"type\":21,\"seller_open_id\":\"b\",\"data\":{\"update_time\":1767704400}}"},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char *one = map_text(pairs[i][0]), *two = map_text(pairs[i][1]);

        CHECK(strncmp(one, "dead", 4) != 0 && strncmp(two, "dead", 4) != 0);
        CHECK(strcmp(strrchr(one, ' '), strrchr(two, ' ')) != 0);
        free(one);
        free(two);
    }
}

/* Two changes without any time of their own are two events: only their bytes tell them apart. */
TEST(without_id_and_time_the_bytes_are_the_key)
{
    char *one = map_text("{\"type\":3,\"shop_id\":\"7\",\"timestamp\":1,\"data\":{\"order_id\":\"5\"}}");
    char *two = map_text("{\"type\":3,\"shop_id\":\"7\",\"timestamp\":2,\"data\":{\"order_id\":\"5\"}}");

    CHECK(strncmp(one, "order:5 abcdef:", 15) == 0 && strlen(one) == 15 + 64);
    CHECK(strcmp(one, two) != 0);
    free(one);
    free(two);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(maps_every_topic_of_the_table),
                        CASE(an_order_state_in_which_a_parcel_moves_or_rests_refreshes_the_tracking),
                        CASE(a_finished_refund_refreshes_the_orders_it_names_and_is_kept_when_it_names_none),
                        CASE(topics_only_kept_and_unknown_ones_are_other),
                        CASE(what_a_row_needs_and_does_not_find_is_a_dead_letter),
                        CASE(ids_of_any_size_keep_their_digits),
                        CASE(an_implausible_event_time_is_absent_and_the_envelopes_never_stands_in),
                        CASE(without_a_notification_id_the_key_is_made_of_what_tells_events_apart),
                        CASE(without_a_notification_id_two_changes_of_one_second_have_two_keys),
                        CASE(without_id_and_time_the_bytes_are_the_key));
}
