/* test_transaction.c - what tables cannot say about money: heads, ids of rows, versions, empty answers; very long ones. */
#include "worker/dto/transaction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/json.h"
#include "common/metrics.h"
#include "tests/harness.h"
#include "worker/dto/recipe.h"

static const struct recipe *const kinds[] = {
    &recipe_transaction_tiktok, &recipe_statement_transaction_tiktok,
    &recipe_statement_tiktok,   &recipe_settlement_tiktok,
    &recipe_payment_tiktok,     &recipe_withdrawal_tiktok,
    &recipe_transaction_shopee, &recipe_payout_shopee,
    &recipe_wallet_shopee,      &recipe_income_shopee,
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static yyjson_doc *parse(const char *text)
{
    struct err err = {0};
    yyjson_doc *json = json_parse(text, strlen(text), NULL, &err);

    CHECK_TEXT(err.text, "");
    CHECK(json != NULL);
    return json;
}

/* --- which recipe ---------------------------------------------------------------------------------- */

static const struct recipe *find(const char *platform, const char *topic)
{
    return recipe_find_record(platform, strlen(platform), topic, strlen(topic));
}

TEST(finds_rows_by_their_topic_and_entities_by_their_kind)
{
    for (size_t i = 0; i < KINDS; i++) {
        const struct recipe *r = kinds[i];

        if (r->topic)
            CHECK(find(r->platform, r->topic) == r);
        else
            CHECK(recipe_find(r->platform, strlen(r->platform), ENTRY_TRANSACTION, NULL) == r);
        CHECK_INT(r->record_id != NULL, r->topic != NULL);
    }
    CHECK(find("tiktok", "wallet") == NULL);
    CHECK(find("shopee", "statement") == NULL);
    CHECK(find("shopee", "walle") == NULL);
    CHECK(find("shopee", "") == NULL);
    CHECK(find("lazada", "wallet") == NULL);
    CHECK(recipe_find("shopee", 6, ENTRY_RECORD, NULL) == NULL);
}

TEST(gives_every_kind_a_space_of_ids_of_its_own)
{
    for (size_t i = 0; i < KINDS; i++) {
        CHECK_TEXT(kinds[i]->collection, "transactions");
        for (size_t j = 0; j < i; j++)
            CHECK(strcmp(kinds[i]->platform, kinds[j]->platform) != 0 ||
                  strcmp(kinds[i]->id_prefix, kinds[j]->id_prefix) != 0);
    }
}

/* --- heads ----------------------------------------------------------------------------------------- */

TEST(begins_every_kind_with_a_head)
{
    static const char *const names[] = {"transaction_id", "transaction_kind", "status", "state"};

    for (size_t i = 0; i < KINDS; i++) {
        for (size_t n = 0; n < sizeof names / sizeof *names; n++)
            CHECK_TEXT(kinds[i]->mapping->entity->fields[n].name, names[n]);
    }
}

static const struct dto_context context = {
    .platform = "shopee",
    .shop = "412887301",
    .id = "42",
    .doc_id = "shopee:412887301:wallet:42",
};

TEST(knows_the_common_word_of_every_status)
{
    static const char *const words[][2] = {
        {"PAID", "paid"},          {"FAILED", "failed"},     {"PROCESSING", "processing"},
        {"SETTLED", "settled"},    {"SUCCESS", "paid"},      {"PENDING", "pending"},
        {"INITIAL", "pending"},    {"COMPLETED", "settled"}, {"RELEASED", "paid"},
        {"TO_RELEASE", "pending"}, {"paid", "unknown"},      {"PAI", "unknown"},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct transaction_wallet row = {.status = {FIELD_HELD, strlen(words[i][0]), words[i][0]}};

        transaction_finish(&row, "wallet", &context);
        CHECK_TEXT(row.state.data, words[i][1]);
        CHECK_TEXT(row.transaction_kind.data, "wallet");
        CHECK_TEXT(row.transaction_id.data, "wallet:42");
    }
}

TEST(has_no_state_without_a_status_and_counts_nothing)
{
    int64_t before = metric_get(METRIC_WORKER_STATE_UNKNOWN);
    struct transaction_wallet row = {.status = {FIELD_ABSENT, 0, NULL}};

    transaction_finish(&row, "wallet", &context);
    CHECK_INT(row.state.state, FIELD_ABSENT);
    CHECK_INT(metric_get(METRIC_WORKER_STATE_UNKNOWN) - before, 0);
}

/* --- ids of rows ----------------------------------------------------------------------------------- */

/* expected NULL: none. */
static void check_id(const struct recipe *recipe, const char *row, const char *expected)
{
    struct strbuf id = STRBUF_INIT;
    yyjson_doc *json = parse(row);
    bool got;

    strbuf_add_text(&id, "before|");
    got = recipe->record_id(yyjson_doc_get_root(json), &id);
    printf("# %s\n", row);
    CHECK_INT(got, expected != NULL);
    CHECK_TEXT(strncmp(id.data, "before|", 7) == 0 ? id.data + 7 : "(overwritten)", expected ? expected : "");
    strbuf_deinit(&id);
    yyjson_doc_free(json);
}

TEST(takes_the_rows_own_id_where_it_has_one)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (!kinds[i]->topic || strcmp(kinds[i]->platform, "tiktok") != 0)
            continue;
        check_id(kinds[i], "{\"id\":\"7592104410093160801\"}", "7592104410093160801");
        check_id(kinds[i], "{\"id\":759210441009316080199999}", "759210441009316080199999");
        check_id(kinds[i], "{\"id\":\"\"}", NULL);
        check_id(kinds[i], "{\"id\":null}", NULL);
        check_id(kinds[i], "{\"id\":5.76e17}", NULL);
        check_id(kinds[i], "{\"id\":[\"1\"]}", NULL);
        check_id(kinds[i], "{\"id\":\"1\\u00002\"}", NULL);
        check_id(kinds[i], "{}", NULL);
        check_id(kinds[i], "[\"id\"]", NULL);
    }
}

TEST(names_payouts_and_income_by_their_order)
{
    check_id(&recipe_payout_shopee, "{\"order_sn\":\"260518A7K2M9QX\"}", "260518A7K2M9QX");
    check_id(&recipe_income_shopee, "{\"order_sn\":\"260518A7K2M9QX\"}", "260518A7K2M9QX");
    check_id(&recipe_payout_shopee, "{\"order_sn\":\"\"}", NULL);
    check_id(&recipe_income_shopee, "{}", NULL);
}

#define WALLET(members) "{\"create_time\":1779264000,\"transaction_type\":\"T\"," members "}"

TEST(makes_a_wallet_rows_id_of_its_own_texts)
{
    const struct recipe *wallet = &recipe_wallet_shopee;

    check_id(wallet,
             WALLET("\"order_sn\":\"O\",\"refund_sn\":\"R\",\"withdrawal_id\":7,\"amount\":171500.50,"
                    "\"current_balance\":-0.10"),
             "1779264000:T:O:171500.50:-0.10");
    check_id(wallet,
             WALLET("\"order_sn\":\"\",\"refund_sn\":\"R\",\"withdrawal_id\":7,\"amount\":1e3,"
                    "\"current_balance\":\"12\""),
             "1779264000:T:R:1e3:12");
    check_id(wallet,
             WALLET("\"order_sn\":null,\"withdrawal_id\":12345678901234567890123,\"amount\":1,"
                    "\"current_balance\":0"),
             "1779264000:T:12345678901234567890123:1:0");
}

TEST(leaves_a_part_empty_that_a_wallet_row_lacks)
{
    const struct recipe *wallet = &recipe_wallet_shopee;

    check_id(wallet, WALLET("\"amount\":1,\"current_balance\":2"), "1779264000:T::1:2");
    check_id(wallet, WALLET("\"withdrawal_id\":0,\"amount\":1"), "1779264000:T::1:");
    check_id(wallet, WALLET("\"withdrawal_id\":\"0\",\"amount\":[1],\"current_balance\":null"),
             "1779264000:T:::");
    check_id(wallet, WALLET("\"order_sn\":\"a\\u0000b\",\"amount\":true"), "1779264000:T:::");
    check_id(wallet, WALLET("\"order_sn\":1.5,\"refund_sn\":\"R\",\"amount\":1.5"), "1779264000:T:R:1.5:");
    check_id(wallet, "{\"order_sn\":\"O\"}", "::O::");
    check_id(wallet, "{\"current_balance\":5}", "::::5");
    check_id(wallet, "{\"buyer_name\":\"x\",\"withdrawal_id\":0}", NULL);
    check_id(wallet, "{}", NULL);
    check_id(wallet, "[]", NULL);
}

/* --- versions -------------------------------------------------------------------------------------- */

TEST(takes_the_release_for_the_version_where_it_is_told_and_nothing_otherwise)
{
    yyjson_doc *json = parse("{\"escrow_release_time\":1767704400,\"create_time\":1767704401,"
                             "\"update_time\":1767704402,\"actual_payout_time\":1767704403}");

    for (size_t i = 0; i < KINDS; i++) {
        bool released = kinds[i] == &recipe_transaction_shopee || kinds[i] == &recipe_payout_shopee;

        CHECK_INT(kinds[i]->update_ms(yyjson_doc_get_root(json)), released ? INT64_C(1767704400000) : 0);
        CHECK_INT(kinds[i]->update_ms(NULL), 0);
    }
    yyjson_doc_free(json);
}

/* --- empty answers --------------------------------------------------------------------------------- */

TEST(calls_an_order_empty_only_when_it_counts_no_rows)
{
    static const struct {
        const char *text;
        bool empty;
    } cases[] = {
        {"{\"sku_transactions\":[],\"total_count\":0}", true},
        {"{\"sku_transactions\":null,\"total_count\":\"0\"}", true},
        {"{\"total_count\":0,\"order_id\":\"1\"}", true},
        {"{}", true},
        {"{\"sku_transactions\":[{}],\"total_count\":0}", false},
        {"{\"sku_transactions\":[],\"total_count\":1}", false},
        {"{\"total_count\":2}", false},
        {"{\"sku_transactions\":[],\"total_count\":\"none\"}", false},
        {"[]", false},
        {"null", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        yyjson_doc *json = parse(cases[i].text);

        printf("# %s\n", cases[i].text);
        CHECK_INT(recipe_transaction_tiktok.is_empty(yyjson_doc_get_root(json)), cases[i].empty);
        yyjson_doc_free(json);
    }
}

/* --- very long ones -------------------------------------------------------------------------------- */

static void check_long(const struct recipe *recipe, const struct strbuf *text, const char *last)
{
    const struct dto_context c = {.platform = recipe->platform,
                                  .shop = "1",
                                  .channel_id = "",
                                  .id = "42",
                                  .doc_id = "tiktok:1:order:42",
                                  .fetched_ms = INT64_C(1767705000000),
                                  .now_ms = INT64_C(1767705000000)};
    struct err err = {0};
    struct arena *arena = arena_new(4096, 1 << 20);
    yyjson_doc *json = json_parse(text->data, text->length, NULL, &err);
    struct document *d;
    bson_iter_t iter, found;

    CHECK(json != NULL);
    d = recipe_document(recipe, yyjson_doc_get_root(json), &c, arena, &err);
    CHECK(d && d->valid);
    CHECK(bson_validate(d->set, BSON_VALIDATE_UTF8, NULL));
    CHECK(bson_iter_init(&iter, d->set) && bson_iter_find_descendant(&iter, last, &found));
    CHECK(BSON_ITER_HOLDS_DECIMAL128(&found));
    document_free(d);
    yyjson_doc_free(json);
    arena_free(arena);
}

TEST(keeps_ten_thousand_rows_of_an_order)
{
    struct strbuf text = STRBUF_INIT;

    strbuf_add_text(&text, "{\"order_id\":\"42\",\"sku_transactions\":[");
    for (size_t i = 0; i < 10000; i++)
        strbuf_add_format(
            &text,
            "%s{\"sku_id\":\"%zu\",\"settlement_amount\":\"-1.50\",\"fee_tax_breakdown\":{\"fee\":{"
            "\"platform_commission_amount\":\"-1\",\"another_fee\":\"-0.50\"}}}",
            i ? "," : "", i);
    strbuf_add_text(&text, "]}");
    check_long(&recipe_transaction_tiktok, &text,
               "sku_transactions.9999.fee_tax_breakdown.fee.extra.another_fee");
    strbuf_deinit(&text);
}

TEST(keeps_ten_thousand_names_of_an_escrow)
{
    struct strbuf text = STRBUF_INIT;

    strbuf_add_text(&text, "{\"order_sn\":\"42\",\"order_income\":{\"escrow_amount\":1");
    for (size_t i = 0; i < 10000; i++)
        strbuf_add_format(&text, ",\"name_%zu_pri\":%zu.5", i, i);
    strbuf_add_text(&text, "}}");
    check_long(&recipe_transaction_shopee, &text, "order_income.extra.name_9999_pri");
    strbuf_deinit(&text);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(finds_rows_by_their_topic_and_entities_by_their_kind),
        CASE(gives_every_kind_a_space_of_ids_of_its_own), CASE(begins_every_kind_with_a_head),
        CASE(knows_the_common_word_of_every_status), CASE(has_no_state_without_a_status_and_counts_nothing),
        CASE(takes_the_rows_own_id_where_it_has_one), CASE(names_payouts_and_income_by_their_order),
        CASE(makes_a_wallet_rows_id_of_its_own_texts), CASE(leaves_a_part_empty_that_a_wallet_row_lacks),
        CASE(takes_the_release_for_the_version_where_it_is_told_and_nothing_otherwise),
        CASE(calls_an_order_empty_only_when_it_counts_no_rows), CASE(keeps_ten_thousand_rows_of_an_order),
        CASE(keeps_ten_thousand_names_of_an_escrow));
}
