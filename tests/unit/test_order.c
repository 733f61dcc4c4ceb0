/* test_order.c - the states of an order, and what finishing it adds to its lines. */
#include "worker/dto/order.h"

#include <string.h>

#include "tests/harness.h"
#include "worker/dto/recipe.h"

struct word {
    const char *status, *state;
};

static void check_words(const struct recipe *recipe, const struct word *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct order order = {.status = {*words[i].status ? FIELD_HELD : FIELD_ABSENT,
                                         strlen(words[i].status), words[i].status}};
        struct dto_context context = {.id = "1"};

        recipe->finish(&order, NULL, &context, NULL, NULL);
        CHECK_TEXT(order.state.data, words[i].state);
        CHECK_TEXT(order.order_id.data, "1");
    }
}

TEST(knows_the_common_word_of_every_status_of_tiktok)
{
    static const struct word words[] = {
        {"UNPAID", "unpaid"},
        {"ON_HOLD", "on_hold"},
        {"AWAITING_SHIPMENT", "ready_to_ship"},
        {"PARTIALLY_SHIPPING", "ready_to_ship"},
        {"AWAITING_COLLECTION", "awaiting_collection"},
        {"IN_TRANSIT", "shipped"},
        {"DELIVERED", "delivered"},
        {"COMPLETED", "completed"},
        {"CANCELLED", "cancelled"},
        {"CANCEL", "cancelled"},
        {"CANCELLE", "unknown"},
        {"unpaid", "unknown"},
        {"", "unknown"},
    };

    check_words(&recipe_order_tiktok, words, sizeof words / sizeof *words);
}

TEST(knows_the_common_word_of_every_status_of_shopee)
{
    static const struct word words[] = {
        {"UNPAID", "unpaid"},
        {"PENDING", "on_hold"},
        {"INVOICE_PENDING", "on_hold"},
        {"READY_TO_SHIP", "ready_to_ship"},
        {"RETRY_SHIP", "ready_to_ship"},
        {"PROCESSED", "awaiting_collection"},
        {"SHIPPED", "shipped"},
        {"TO_CONFIRM_RECEIVE", "delivered"},
        {"COMPLETED", "completed"},
        {"IN_CANCEL", "cancelling"},
        {"CANCELLED", "cancelled"},
        {"TO_RETURN", "returning"},
        {"CANCEL", "unknown"},
        {"", "unknown"},
    };

    check_words(&recipe_order_shopee, words, sizeof words / sizeof *words);
}

static const struct field_text vnd = {FIELD_HELD, 3, "VND"}, none = {FIELD_ABSENT, 0, NULL};
static const struct field_text of_item = {FIELD_HELD, 3, "TEE"}, of_model = {FIELD_HELD, 5, "BLACK"};

static void finish_shopee(struct order *order, struct order_line *lines, size_t count)
{
    struct dto_context context = {.id = "1"};

    order->line_items = (struct field_list){FIELD_HELD, count, lines};
    recipe_order_shopee.finish(order, NULL, &context, NULL, NULL);
}

TEST(gives_every_line_of_shopee_the_currency_of_the_order)
{
    struct order_payment payment = {.currency = vnd};
    struct order_line lines[2] = {{.item_sku = of_item}};
    struct order order = {.payment = {FIELD_HELD, &payment, 0}};

    finish_shopee(&order, lines, 2);
    CHECK_TEXT(lines[0].currency.data, "VND");
    CHECK_TEXT(lines[1].currency.data, "VND");
    payment.currency = none;
    lines[0].currency = none;
    finish_shopee(&order, lines, 1);
    CHECK_INT(lines[0].currency.state, FIELD_ABSENT);
}

TEST(takes_the_code_of_the_item_for_a_line_without_model)
{
    struct field_text id = {FIELD_HELD, 1, "7"}, refused = {FIELD_REFUSED, 0, NULL};
    struct order_line lines[] = {
        {.item_sku = of_item},
        {.item_sku = of_item, .seller_sku = of_model},
        {.item_sku = of_item, .sku_id = id},
        {.item_sku = of_item, .seller_sku = refused},
    };
    struct order order = {.state = none};

    finish_shopee(&order, lines, 4);
    CHECK_TEXT(lines[0].seller_sku.data, "TEE");
    CHECK_TEXT(lines[1].seller_sku.data, "BLACK");
    CHECK_INT(lines[2].seller_sku.state, FIELD_ABSENT);
    CHECK_INT(lines[3].seller_sku.state, FIELD_REFUSED);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(knows_the_common_word_of_every_status_of_tiktok),
                        CASE(knows_the_common_word_of_every_status_of_shopee),
                        CASE(gives_every_line_of_shopee_the_currency_of_the_order),
                        CASE(takes_the_code_of_the_item_for_a_line_without_model));
}
