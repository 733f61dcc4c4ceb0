/* test_topics_shopee.c - Shopee's push codes: entities, shops, times, keys; and what makes a dead letter. A signed sample of
 * every code stands in golden/webhooks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/map_text.h"

static char partner_id[] = "2001887";
static const struct config config = {.shopee_partner_id = partner_id};

static char *map_text(const char *body)
{
    return map_text_with(&config, PLATFORM_SHOPEE, body, strlen(body));
}

/* What came out, without the hash at its end. free() it. */
static char *map_short(const char *body)
{
    char *text = map_text(body);
    size_t n = strlen(text);

    if (strncmp(text, "dead", 4) != 0 && n > 64)
        text[n - 64] = '\0';
    return text;
}

#define ENVELOPE(code, data) "{\"data\":{" data "},\"shop_id\":7,\"code\":" code ",\"timestamp\":1779091202}"
#define SAMPLE(code, data, wanted)                                                                           \
    {                                                                                                        \
        ENVELOPE(code, data), wanted                                                                         \
    }

TEST(the_order_id_is_read_under_both_its_names)
{
    static const struct map_sample samples[] = {
        SAMPLE("3", "\"ordersn\":\"A\",\"update_time\":1779091201",
               "order:A @1779091201000 moves 2001887:7:3:A:1779091201:"),
        SAMPLE("3", "\"order_sn\":\"A\",\"update_time\":1779091201",
               "order:A @1779091201000 moves 2001887:7:3:A:1779091201:"),
        SAMPLE("3", "\"ordersn\":\"\",\"order_sn\":\"A\"", "order:A moves 2001887:7:3:A:1779091202:"),
        SAMPLE("15", "\"order_sn\":\"A\",\"status\":\"READY\"", "order:A 2001887:7:15:A:1779091202:"),
        SAMPLE("15", "\"ordersn\":\"A\",\"status\":\"READY\"", "order:A 2001887:7:15:A:1779091202:"),
        SAMPLE("4", "\"order_sn\":\"A\",\"package_number\":\"P\"",
               "order:A tracking:A 2001887:7:4:A:1779091202:"),
        SAMPLE("30", "\"order_sn\":\"A\",\"update_time\":1779091201",
               "order:A tracking:A @1779091201000 2001887:7:30:A:1779091201:"),
        SAMPLE("47", "\"ordersn\":\"A\",\"update_time\":1779091201",
               "order:A tracking:A @1779091201000 2001887:7:47:A:1779091201:"),
        SAMPLE("29", "\"ordersn\":\"A\",\"return_sn\":\"R\"", "return:R order:A 2001887:7:29:R:1779091202:"),
    };

    MAP_CHECK_SAMPLES(map_short, samples);
}

TEST(a_time_belongs_to_the_entity_whose_it_is)
{
    static const struct map_sample samples[] = {
        /* the largest of a return's changes is the return's, not the order's */
        SAMPLE("29",
               "\"order_sn\":\"A\",\"return_sn\":\"R\",\"updated_values\":[{\"update_time\":1778912345},"
               "{\"update_time\":1778912347},{\"update_time\":1778912346}]",
               "return:R @1778912347000 order:A 2001887:7:29:R:1778912347:"),
        /* a promotion's or a violation's is no item's */
        SAMPLE("7", "\"item_id\":5,\"update_time\":1778912345", "product:5 2001887:7:7:5:1778912345:"),
        SAMPLE("8", "\"item_id\":5,\"update_time\":\"1778912345\"", "product:5 2001887:7:8:5:1778912345:"),
        SAMPLE("9", "\"item_id\":5", "product:5 2001887:7:9:5:1779091202:"),
        SAMPLE("16",
               "\"item_id\":5,\"item_status_details\":[{\"update_time\":1778912345}],\"deboosted_details\":["
               "{\"update_time\":1778912349}]",
               "product:5 2001887:7:16:5:1778912349:"),
        SAMPLE("16", "\"item_id\":5,\"deboost_details\":[{\"update_time\":1778912348},7,null]",
               "product:5 2001887:7:16:5:1778912348:"),
        SAMPLE("22", "\"item_id\":5,\"update_time\":1778912345",
               "product:5 @1778912345000 2001887:7:22:5:1778912345:"),
        /* what is no time is none, and the envelope's never becomes the event's */
        SAMPLE("3", "\"ordersn\":\"A\",\"update_time\":0", "order:A moves 2001887:7:3:A:1779091202:"),
        SAMPLE("3", "\"ordersn\":\"A\",\"update_time\":1779091201000",
               "order:A moves 2001887:7:3:A:1779091202:"),
        SAMPLE("4", "\"ordersn\":\"A\",\"update_time\":1779091201",
               "order:A tracking:A 2001887:7:4:A:1779091202:"),
    };

    MAP_CHECK_SAMPLES(map_short, samples);
}

TEST(data_may_be_a_text_that_holds_it)
{
    static const struct map_sample samples[] = {
        {"{\"data\":\"{\\\"ordersn\\\":\\\"A\\\",\\\"update_time\\\":1779091201}\",\"shop_id\":7,\"code\":3}",
         "order:A @1779091201000 moves 2001887:7:3:A:1779091201:"},
        {"{\"data\":\"{\\\"shop_id_list\\\":[8,9]}\",\"code\":1,\"timestamp\":1}",
         "shop:8 #8 shop:9 #9 2001887::1::1:"},
        {"{\"data\":\"no JSON\",\"shop_id\":7,\"code\":3}", "dead: data is missing or no object"},
        {"{\"data\":\"[]\",\"shop_id\":7,\"code\":3}", "dead: data is missing or no object"},
        {"{\"data\":\"no JSON\",\"shop_id\":7,\"code\":10,\"timestamp\":1}", "other: 2001887:7:10::1:"},
    };

    MAP_CHECK_SAMPLES(map_short, samples);
}

TEST(pushes_about_shops_are_one_entry_a_shop_or_one_of_none)
{
    static const struct map_sample samples[] = {
        {"{\"data\":{\"shop_id\":8},\"code\":1,\"partner_id\":1,\"timestamp\":1}", "shop:8 2001887::1::1:"},
        {"{\"data\":{\"shop_id\":8,\"shop_id_list\":[9,8,\"10\",9]},\"code\":1,\"timestamp\":1}",
         "shop:8 #8 shop:9 #9 shop:10 #10 2001887::1::1:"},
        {"{\"data\":[{\"shop_id\":8},{\"shop_id\":9},7],\"code\":2,\"timestamp\":1}",
         "shop:8 #8 shop:9 #9 2001887::2::1:"},
        {"{\"data\":{\"shopid\":8},\"code\":2,\"timestamp\":1}", "shop:8 2001887::2::1:"},
        {"{\"data\":{\"merchant_id\":8,\"extra\":\"shop id 9\"},\"code\":2,\"timestamp\":1}",
         "shop: 2001887::2::1:"},
        {"{\"data\":{\"shop_id\":0,\"shop_id_list\":[0,-1,null,1.5,\"x\"]},\"code\":2,\"timestamp\":1}",
         "shop: 2001887::2::1:"},
        {"{\"shop_id\":8,\"data\":{\"extra\":\"\"},\"code\":2,\"timestamp\":1}", "shop:8 2001887::2::1:"},
        {"{\"shop_id\":8,\"data\":{\"shop_id_list\":[9]},\"code\":1,\"timestamp\":1}",
         "shop:8 #8 shop:9 #9 2001887::1::1:"},
        {"{\"data\":{\"shop_expire_soon\":[8,9,8],\"merchant_expire_soon\":[5],\"user_expire_soon\":[6],"
         "\"expire_before\":1780000000,\"page_no\":1,\"total_page\":1},\"code\":12,\"timestamp\":1}",
         "shop:8 #8 shop:9 #9 2001887::12::1:"},
        {"{\"data\":{\"shop_expire_soon\":[]},\"code\":12,\"timestamp\":1}", "shop: 2001887::12::1:"},
    };

    MAP_CHECK_SAMPLES(map_short, samples);
    map_check_samples(map_short, &(struct map_sample){"{\"code\":1}", "shop: 2001887:"}, 1);
}

TEST(a_list_of_several_shops_is_one_entry_a_shop)
{
    static const struct map_sample samples[] = {
        SAMPLE("36", "\"list\":[{\"shop_id\":8},{\"shop_id\":9},{\"shop_id\":8}]",
               "other: #8 other: #9 2001887:8:36::1779091202:"),
        SAMPLE("36", "\"list\":[{\"mt_sku_id\":\"1\"},{\"shop_id\":9}]",
               "other: #7 other: #9 2001887:7:36::1779091202:"),
        SAMPLE("36", "\"list\":[]", "other: 2001887:7:36::1779091202:"),
        SAMPLE("36", "\"list\":{}", "other: 2001887:7:36::1779091202:"),
        SAMPLE("36", "\"list\":[{\"shop_id\":\"x\"}]", "dead: data.list[].shop_id is unusable"),
    };

    MAP_CHECK_SAMPLES(map_short, samples);
}

TEST(ids_are_text_of_up_to_64_bits)
{
    static const struct map_sample samples[] = {
        SAMPLE("7", "\"item_id\":18446744073709551615",
               "product:18446744073709551615 "
               "2001887:7:7:18446744073709551615:1779091202:"),
        SAMPLE("7", "\"item_id\":9007199254740993",
               "product:9007199254740993 2001887:7:7:9007199254740993:"
               "1779091202:"),
        SAMPLE("7", "\"item_id\":\"5\"", "product:5 2001887:7:7:5:1779091202:"),
        SAMPLE("7", "\"item_id\":5.5e17", "dead: data.item_id is missing or unusable"),
        {"{\"shop_id\":18446744073709551615,\"code\":10,\"timestamp\":1,\"data\":{}}",
         "other: 2001887:18446744073709551615:10::1:"},
        {"{\"shop_id\":18446744073709551616,\"code\":10,\"timestamp\":1,\"data\":{}}",
         "dead: shop_id is missing or unusable"},
        {"{\"shop_id\":-7,\"code\":10,\"timestamp\":1,\"data\":{}}", "dead: shop_id is missing or unusable"},
        {"{\"shop_id\":[],\"code\":10,\"timestamp\":1,\"data\":{}}", "dead: shop_id is missing or unusable"},
        {"{\"shop_id\":0,\"code\":10,\"timestamp\":1,\"data\":{}}", "other: 2001887:"},
        {"{\"shop_id\":null,\"code\":4711,\"timestamp\":1,\"data\":{}}", "other: unknown 2001887:"},
    };

    MAP_CHECK_SAMPLES(map_short, samples);
}

TEST(an_item_push_may_have_its_shop_inside)
{
    static const struct map_sample samples[] = {
        {"{\"data\":{\"shop_id\":8,\"item_id\":5},\"code\":27,\"timestamp\":1}",
         "product:5 2001887:8:27:5:1:"},
        {"{\"data\":{\"shop_id\":8,\"item_id\":5},\"shop_id\":9,\"code\":9,\"timestamp\":1}",
         "product:5 2001887:9:9:5:1:"},
        {"{\"data\":{\"shop_id\":\"x\",\"item_id\":5},\"code\":9,\"timestamp\":1}",
         "dead: shop_id is missing or unusable"},
    };

    MAP_CHECK_SAMPLES(map_short, samples);
}

TEST(what_a_row_needs_and_does_not_find_is_a_dead_letter)
{
    static const struct map_sample samples[] = {
        {"{}", "dead: code is missing or no integer"},
        {"{\"code\":\"x\"}", "dead: code is missing or no integer"},
        {"{\"code\":3.0,\"shop_id\":7}", "dead: code is missing or no integer"},
        {"{\"code\":9223372036854775808}", "dead: code is missing or no integer"},
        {"{\"code\":3,\"data\":{\"ordersn\":\"A\"}}", "dead: shop_id is missing or unusable"},
        {"{\"code\":29,\"data\":{}}", "dead: shop_id is missing or unusable"},
        {"{\"code\":3,\"shop_id\":7}", "dead: data is missing or no object"},
        {"{\"code\":3,\"shop_id\":7,\"data\":[]}", "dead: data is missing or no object"},
        SAMPLE("3", "", "dead: data.ordersn and data.order_sn are missing or unusable"),
        SAMPLE("4", "\"ordersn\":{}", "dead: data.ordersn and data.order_sn are missing or unusable"),
        SAMPLE("29", "\"order_sn\":\"A\"", "dead: data.return_sn is missing or unusable"),
        SAMPLE("29", "\"return_sn\":\"R\"", "dead: data.ordersn and data.order_sn are missing or unusable"),
        SAMPLE("22", "\"model_id\":0", "dead: data.item_id is missing or unusable"),
    };

    MAP_CHECK_SAMPLES(map_text, samples);
}

/* Same entity, code and second: a key they shared would swallow the second of each. */
TEST(two_changes_of_one_second_have_two_keys)
{
#define UPDATED ",\"update_time\":1779091201"
    static const char *const pairs[][2] = {
        {ENVELOPE("3", "\"ordersn\":\"A\",\"status\":\"X\"" UPDATED),
         ENVELOPE("3", "\"ordersn\":\"A\",\"status\":\"Y\"" UPDATED)},
        {ENVELOPE("3", "\"ordersn\":\"A\",\"completed_scenario\":null" UPDATED),
         ENVELOPE("3", "\"ordersn\":\"A\",\"completed_scenario\":\"RRAOC\"" UPDATED)},
        {ENVELOPE("4", "\"ordersn\":\"A\",\"tracking_no\":\"X\""),
         ENVELOPE("4", "\"ordersn\":\"A\",\"tracking_no\":\"Y\"")},
        {ENVELOPE("29", "\"order_sn\":\"A\",\"return_sn\":\"R\",\"updated_values\":[{\"new_value\":\"X\""
                        ",\"update_time\":1779091201}]"),
         ENVELOPE("29", "\"order_sn\":\"A\",\"return_sn\":\"R\",\"updated_values\":[{\"new_value\":\"Y\""
                        ",\"update_time\":1779091201}]")},
        {ENVELOPE("30", "\"ordersn\":\"A\",\"package_number\":\"1\"" UPDATED),
         ENVELOPE("30", "\"ordersn\":\"A\",\"package_number\":\"2\"" UPDATED)},
        /* Suppliers without a shop. */
        {"{\"code\":18,\"supplier_id\":1,\"timestamp\":1,\"data\":{}}",
         "{\"code\":18,\"supplier_id\":2,\"timestamp\":1,\"data\":{}}"},
        {ENVELOPE("22", "\"item_id\":5,\"model_id\":1" UPDATED),
         ENVELOPE("22", "\"item_id\":5,\"model_id\":2" UPDATED)},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char *one = map_text(pairs[i][0]), *two = map_text(pairs[i][1]);

        CHECK(strncmp(one, "dead", 4) != 0 && strncmp(two, "dead", 4) != 0);
        CHECK(strcmp(one, two) != 0);
        free(one);
        free(two);
    }
}

TEST(a_repeat_has_the_same_key_whatever_its_envelope)
{
#define SENT(id, time)                                                                                       \
    "{\"msg_id\":\"" id "\",\"data\":{\"ordersn\":\"A\",\"status\":\"X\"" UPDATED                            \
    "},\"shop_id\":7,\"code\":3,\"timestamp\":" time "}"
    char *one = map_text(SENT("1", "1779091202")), *again = map_text(SENT("2", "1779091502"));

    CHECK_TEXT(again, one);
    free(one);
    free(again);
}

/* A tracking number taken away and given back says the same twice, and nothing but the time of sending differs. */
TEST(without_a_time_of_its_own_the_time_of_sending_tells_changes_apart)
{
#define UNTIMED(time)                                                                                        \
    "{\"data\":{\"ordersn\":\"A\",\"tracking_no\":\"X\"},\"shop_id\":7,\"code\":4,\"timestamp\":" time "}"
    char *one = map_text(UNTIMED("1779091202")), *two = map_text(UNTIMED("1779091203"));
    char *same = map_text(UNTIMED("1779091202"));

    CHECK(strcmp(one, two) != 0);
    CHECK_TEXT(same, one);
    free(one);
    free(two);
    free(same);
}

TEST(without_a_partner_id_keys_still_name_the_platform)
{
    static char empty[] = "";
    const struct config bare = {.shopee_partner_id = empty};
    const char body[] = ENVELOPE("10", "");
    char *text = map_text_with(&bare, PLATFORM_SHOPEE, body, strlen(body));

    CHECK(strncmp(text, "other: shopee:7:10::1779091202:", 31) == 0);
    free(text);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(the_order_id_is_read_under_both_its_names),
        CASE(a_time_belongs_to_the_entity_whose_it_is), CASE(data_may_be_a_text_that_holds_it),
        CASE(pushes_about_shops_are_one_entry_a_shop_or_one_of_none),
        CASE(a_list_of_several_shops_is_one_entry_a_shop), CASE(ids_are_text_of_up_to_64_bits),
        CASE(an_item_push_may_have_its_shop_inside),
        CASE(what_a_row_needs_and_does_not_find_is_a_dead_letter),
        CASE(two_changes_of_one_second_have_two_keys), CASE(a_repeat_has_the_same_key_whatever_its_envelope),
        CASE(without_a_time_of_its_own_the_time_of_sending_tells_changes_apart),
        CASE(without_a_partner_id_keys_still_name_the_platform));
}
