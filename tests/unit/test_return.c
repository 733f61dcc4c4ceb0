/* test_return.c - kinds and states of returns, refunds and cancellations; currencies of Shopee's lines. */
#include "worker/dto/return.h"

#include <string.h>

#include "tests/harness.h"
#include "worker/dto/recipe.h"

static struct field_text text(const char *s)
{
    return (struct field_text){*s ? FIELD_HELD : FIELD_ABSENT, strlen(s), *s ? s : NULL};
}

static void finish(const struct recipe *recipe, struct return_case *c)
{
    struct dto_context context = {.id = "1"};

    recipe->finish(c, NULL, &context, NULL, NULL);
}

struct word {
    const char *status, *state;
};

static void check_words(const struct recipe *recipe, const struct word *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct return_case c = {.status = text(words[i].status)};

        finish(recipe, &c);
        CHECK_TEXT(c.state.data, words[i].state);
        CHECK_TEXT(c.return_id.data, "1");
    }
}

/* --- states ---------------------------------------------------------------------------------------- */

TEST(knows_the_common_word_of_every_status_of_tiktok)
{
    static const struct word words[] = {
        {"RETURN_OR_REFUND_REQUEST_PENDING", "requested"},
        {"REPLACEMENT_REQUEST_PENDING", "requested"},
        {"AWAITING_BUYER_RESPONSE", "requested"},
        {"AWAITING_BUYER_SHIP", "approved"},
        {"RETURN_OR_REFUND_REQUEST_SUCCESS", "approved"},
        {"REPLACEMENT_REQUEST_REFUND_SUCCESS", "approved"},
        {"BUYER_SHIPPED_ITEM", "in_transit"},
        {"REFUND_OR_RETURN_REQUEST_REJECT", "rejected"},
        {"REPLACEMENT_REQUEST_REJECT", "rejected"},
        {"REJECT_RECEIVE_PACKAGE", "rejected"},
        {"RETURN_OR_REFUND_REQUEST_CANCEL", "cancelled"},
        {"RETURN_OR_REFUND__REQUEST_CANCELLED", "cancelled"},
        {"REPLACEMENT_REQUEST_CANCEL", "cancelled"},
        {"RETURN_OR_REFUND_REQUEST_COMPLETE", "completed"},
        {"REPLACEMENT_REQUEST_COMPLETE", "completed"},
        {"BUYER_SHIPPED", "unknown"},
        {"", "unknown"},
    };

    check_words(&recipe_return_tiktok, words, sizeof words / sizeof *words);
}

TEST(knows_the_common_word_of_every_status_of_a_cancellation)
{
    static const struct word words[] = {
        {"CANCELLATION_REQUEST_PENDING", "requested"},
        {"CANCELLATION_REQUEST_SUCCESS", "approved"},
        {"CANCELLATION_REQUEST_COMPLETE", "completed"},
        {"CANCELLATION_REQUEST_CANCEL", "cancelled"},
        {"CANCELLATION_REQUEST_CANCELLED", "cancelled"},
        {"CANCELLATION_REQUEST_REJECT", "rejected"},
        {"CANCELLED", "unknown"},
    };

    check_words(&recipe_cancellation_tiktok, words, sizeof words / sizeof *words);
}

TEST(knows_the_common_word_of_every_status_of_shopee)
{
    static const struct word words[] = {
        {"REQUESTED", "requested"},     {"ACCEPTED", "approved"},   {"PROCESSING", "approved"},
        {"JUDGING", "disputed"},        {"CANCELLED", "cancelled"}, {"CLOSED", "completed"},
        {"SELLER_DISPUTE", "disputed"}, {"requested", "unknown"},   {"", "unknown"},
    };

    check_words(&recipe_return_shopee, words, sizeof words / sizeof *words);
}

TEST(calls_disputed_what_lies_before_the_judges_whatever_its_status)
{
    static const struct word words[] = {
        {"IN_PROGRESS", "disputed"}, {"SUPPORT_BUYER", "rejected"}, {"CLOSED", "rejected"}, {"", "rejected"}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct return_case c = {.status = text("REJECT_RECEIVE_PACKAGE"),
                                .arbitration_status = text(words[i].status)};

        finish(&recipe_return_tiktok, &c);
        CHECK_TEXT(c.state.data, words[i].state);
    }
}

/* --- kinds ----------------------------------------------------------------------------------------- */

TEST(calls_a_return_without_goods_a_refund)
{
    static const struct word tiktok[] = {
        {"REFUND", "refund"}, {"RETURN_AND_REFUND", "return"}, {"REPLACEMENT", "return"}, {"", "return"}};
    static const struct word shopee[] = {
        {"0", "return"}, {"1", "refund"}, {"REFUND", "refund"}, {"RETURN_REFUND", "return"}, {"", "return"}};

    for (size_t i = 0; i < sizeof tiktok / sizeof *tiktok; i++) {
        struct return_case c = {.return_type = text(tiktok[i].status)};

        finish(&recipe_return_tiktok, &c);
        CHECK_TEXT(c.return_kind.data, tiktok[i].state);
    }
    for (size_t i = 0; i < sizeof shopee / sizeof *shopee; i++) {
        struct return_case c = {.return_solution = text(shopee[i].status)};

        finish(&recipe_return_shopee, &c);
        CHECK_TEXT(c.return_kind.data, shopee[i].state);
    }
}

TEST(calls_a_cancellation_a_cancellation)
{
    struct return_case c = {.return_type = text("REFUND")};

    finish(&recipe_cancellation_tiktok, &c);
    CHECK_TEXT(c.return_kind.data, "cancellation");
}

/* --- lines of Shopee ------------------------------------------------------------------------------- */

TEST(gives_every_line_of_shopee_the_currency_of_the_case)
{
    struct return_amount total = {.currency = text("VND")}, amount = {.currency = text("")};
    struct return_line lines[2] = {{.refund_amount = {FIELD_HELD, &amount, 0}, .item_sku = text("TEE")}};
    struct return_case c = {.refund_amount = {FIELD_HELD, &total, 0}, .line_items = {FIELD_HELD, 2, lines}};

    finish(&recipe_return_shopee, &c);
    CHECK_TEXT(lines[0].currency.data, "VND");
    CHECK_TEXT(amount.currency.data, "VND");
    CHECK_TEXT(lines[0].seller_sku.data, "TEE");
    CHECK_TEXT(lines[1].currency.data, "VND");
    CHECK_INT(lines[1].refund_amount.state, FIELD_ABSENT);
}

TEST(leaves_lines_without_currency_where_the_case_has_none)
{
    struct return_amount amount = {.currency = text("")};
    struct return_line lines[1] = {
        {.refund_amount = {FIELD_HELD, &amount, 0}, .sku_id = text("5"), .item_sku = text("TEE")}};
    struct return_case c = {.line_items = {FIELD_HELD, 1, lines}};

    finish(&recipe_return_shopee, &c);
    CHECK_INT(lines[0].currency.state, FIELD_ABSENT);
    CHECK_INT(amount.currency.state, FIELD_ABSENT);
    CHECK_INT(lines[0].seller_sku.state, FIELD_ABSENT);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(knows_the_common_word_of_every_status_of_tiktok),
                        CASE(knows_the_common_word_of_every_status_of_a_cancellation),
                        CASE(knows_the_common_word_of_every_status_of_shopee),
                        CASE(calls_disputed_what_lies_before_the_judges_whatever_its_status),
                        CASE(calls_a_return_without_goods_a_refund),
                        CASE(calls_a_cancellation_a_cancellation),
                        CASE(gives_every_line_of_shopee_the_currency_of_the_case),
                        CASE(leaves_lines_without_currency_where_the_case_has_none));
}
