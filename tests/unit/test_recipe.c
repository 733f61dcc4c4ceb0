/* test_recipe.c - every recipe's tables agree with their structs; which recipe a kind has; words. */
#include "worker/dto/recipe.h"

#include <stdio.h>
#include <string.h>

#include "common/metrics.h"
#include "tests/harness.h"

static void check_entity(const struct entity *entity)
{
    for (size_t i = 0; i < entity->count; i++) {
        const struct field *f = &entity->fields[i];
        bool last = i == entity->count - 1;

        CHECK_INT(f->at, i * FIELD_SIZE);
        CHECK_INT(f->name_length, strlen(f->name));
        CHECK_INT(f->nested != NULL, f->type == FIELD_OBJECT || f->type == FIELD_LIST);
        CHECK_INT(f->type == FIELD_EXTRA || f->type == FIELD_AMOUNTS, last);
    }
    CHECK_TEXT(entity->fields[entity->count - 1].name, "extra");
    CHECK(entity->count <= FIELD_MOST);
}

/* --- mappings -------------------------------------------------------------------------------------- */

/* A part that rows reach into is read by no row as a whole: of a key sent twice only the first counts. */
static void check_into(const struct mapping *m, const struct mapping_row *row, const struct field *outer)
{
    CHECK_INT(outer->type, FIELD_OBJECT);
    CHECK(row->nested == NULL);
    CHECK(row->inner % FIELD_SIZE == 0 && row->inner / FIELD_SIZE < outer->nested->count);
    check_entity(outer->nested);
    for (size_t i = 0; i < m->count; i++)
        CHECK(m->rows[i].way != MAPPING_MEMBER || m->rows[i].at != row->at);
}

static void check_mapping(const struct mapping *m)
{
    check_entity(m->entity);
    for (size_t i = 0; i < m->count; i++) {
        const struct mapping_row *row = &m->rows[i];
        const struct field *f = &m->entity->fields[row->at / FIELD_SIZE];

        CHECK_INT(row->key_length, strlen(row->key));
        CHECK(i == 0 || strcmp(m->rows[i - 1].key, row->key) < 0);
        CHECK(row->at % FIELD_SIZE == 0 && row->at / FIELD_SIZE < m->entity->count - 1);
        if (row->way == MAPPING_INTO)
            check_into(m, row, f);
        else if (row->way == MAPPING_FLAT)
            CHECK(row->nested->entity == m->entity);
        else
            CHECK(f->nested == (row->nested ? row->nested->entity : NULL));
        if (row->nested)
            check_mapping(row->nested);
    }
}

TEST(mappings_are_sorted_and_fit_their_entities)
{
    for (size_t i = 0; recipe_at(i); i++) {
        printf("# %s of %s\n", recipe_at(i)->mapping->entity->name, recipe_at(i)->platform);
        check_mapping(recipe_at(i)->mapping);
    }
}

TEST(tables_follow_their_structs)
{
    for (size_t i = 0; recipe_at(i); i++)
        CHECK_INT(recipe_at(i)->mapping->entity->count * FIELD_SIZE, recipe_at(i)->size);
}

/* Names that document.c writes itself. */
TEST(no_entity_has_a_field_of_the_bookkeepings_name)
{
    static const char *const names[] = {
        "_id",    "platform",   "shop_id",           "channel_id", "is_valid",
        "raw",    "version",    "validation_errors", "fetched_ms", "content_hash",
        "source", "synced_at",  "idempotency_key",   "trace",      "details_fetched_at",
        "behind", "deleted_at", "missing_at_ms",     "first_seen", "transactions_fetched_ms"};

    for (size_t i = 0; recipe_at(i); i++) {
        const struct entity *entity = recipe_at(i)->mapping->entity;

        for (size_t n = 0; n < entity->count * (sizeof names / sizeof *names); n++)
            CHECK(strcmp(entity->fields[n % entity->count].name, names[n / entity->count]) != 0);
    }
}

static bool requires(const struct entity *entity, const char *name)
{
    for (size_t i = 0; i < entity->count; i++) {
        if (strcmp(entity->fields[i].name, name) == 0)
            return (entity->fields[i].flags & FIELD_REQUIRED) != 0;
    }
    return false;
}

TEST(orders_returns_and_products_miss_their_status_and_time)
{
    for (size_t i = 0; recipe_at(i); i++) {
        const struct recipe *r = recipe_at(i);

        if (r->kind != ENTRY_ORDER && r->kind != ENTRY_RETURN && r->kind != ENTRY_PRODUCT)
            continue;
        CHECK(requires(r->mapping->entity, "status"));
        CHECK(requires(r->mapping->entity, "update_time"));
    }
}

/* --- which recipe ---------------------------------------------------------------------------------- */

static const struct recipe *find(const char *platform, enum entry_kind kind, const char *return_kind)
{
    return recipe_find(platform, strlen(platform), kind, return_kind);
}

TEST(finds_the_recipe_of_a_platform_and_kind)
{
    CHECK(find("tiktok", ENTRY_ORDER, NULL) == &recipe_order_tiktok);
    CHECK(find("shopee", ENTRY_ORDER, NULL) == &recipe_order_shopee);
    CHECK(find("tiktok", ENTRY_PRODUCT, "") == &recipe_product_tiktok);
    CHECK(find("shopee", ENTRY_PRODUCT, NULL) == &recipe_product_shopee);
    CHECK(find("tiktokk", ENTRY_ORDER, NULL) == NULL);
    CHECK(find("tikto", ENTRY_ORDER, NULL) == NULL);
    CHECK(find("tiktok", ENTRY_OTHER, NULL) == NULL);
}

TEST(tells_a_return_from_a_cancellation_only_where_the_platform_does)
{
    CHECK(find("tiktok", ENTRY_RETURN, NULL) == &recipe_return_tiktok);
    CHECK(find("tiktok", ENTRY_RETURN, "") == &recipe_return_tiktok);
    CHECK(find("tiktok", ENTRY_RETURN, "return") == &recipe_return_tiktok);
    CHECK(find("tiktok", ENTRY_RETURN, "cancellation") == &recipe_cancellation_tiktok);
    CHECK(find("shopee", ENTRY_RETURN, NULL) == &recipe_return_shopee);
    CHECK(find("shopee", ENTRY_RETURN, "cancellation") == &recipe_return_shopee);
}

/* --- versions -------------------------------------------------------------------------------------- */

/* How often a source without a usable update time is counted when this is made a document. */
static int64_t count_of(const struct recipe *recipe, const char *text)
{
    const struct dto_context context = {.platform = recipe->platform,
                                        .shop = "1",
                                        .channel_id = "",
                                        .id = "42",
                                        .doc_id = "tiktok:1:42",
                                        .fetched_ms = INT64_C(1767705000000),
                                        .now_ms = INT64_C(1767705000000)};
    int64_t before = metric_get(METRIC_WORKER_VERSION_UNUSABLE);
    yyjson_doc *json = yyjson_read(text, strlen(text), YYJSON_READ_NUMBER_AS_RAW);
    struct arena *arena = arena_new(4096, 1 << 20);
    struct document *d = recipe_document(recipe, yyjson_doc_get_root(json), &context, arena, NULL);

    CHECK(d != NULL);
    document_free(d);
    arena_free(arena);
    yyjson_doc_free(json);
    return metric_get(METRIC_WORKER_VERSION_UNUSABLE) - before;
}

TEST(counts_a_source_without_a_usable_update_time_where_there_should_be_one)
{
    CHECK_INT(
        count_of(&recipe_order_tiktok, "{\"id\":\"42\",\"status\":\"UNPAID\",\"update_time\":1767704400}"),
        0);
    CHECK_INT(
        count_of(&recipe_order_tiktok, "{\"id\":\"42\",\"status\":\"UNPAID\",\"update_time\":1767804400}"),
        1);
    CHECK_INT(count_of(&recipe_order_tiktok, "{\"id\":\"42\",\"status\":\"UNPAID\",\"update_time\":0}"), 1);
    CHECK_INT(count_of(&recipe_order_tiktok, "{\"id\":\"42\",\"status\":\"UNPAID\"}"), 1);
    CHECK_INT(count_of(&recipe_transaction_tiktok, "{\"order_id\":\"42\"}"), 0);
}

/* --- words ----------------------------------------------------------------------------------------- */

TEST(counts_a_word_that_no_row_knows)
{
    static const struct recipe_state rows[] = {{"NEW", "fresh"}};
    struct field_text status = {FIELD_HELD, 3, "NEW"}, state = {FIELD_ABSENT, 0, NULL};
    int64_t before = metric_get(METRIC_WORKER_STATE_UNKNOWN);
    struct strbuf metrics = STRBUF_INIT;

    recipe_set_state(&state, &status, rows, 1);
    CHECK_TEXT(state.data, "fresh");
    CHECK_INT(metric_get(METRIC_WORKER_STATE_UNKNOWN) - before, 0);
    status.length = 2;
    recipe_set_state(&state, &status, rows, 1);
    CHECK_TEXT(state.data, "unknown");
    status.state = FIELD_ABSENT;
    recipe_set_state(&state, &status, rows, 1);
    CHECK_TEXT(state.data, "unknown");
    CHECK_INT(metric_get(METRIC_WORKER_STATE_UNKNOWN) - before, 2);
    metrics_render(&metrics, "worker");
    CHECK(strstr(metrics.data, "_words_total{word=\"NE\"} 1\n") && !strstr(metrics.data, "{word=\"NEW\"}"));
    strbuf_deinit(&metrics);
}

TEST(compares_words_whole_and_only_held_ones)
{
    struct field_text text = {FIELD_HELD, 2, "ABC"};

    CHECK(recipe_is_word(&text, "AB"));
    CHECK(!recipe_is_word(&text, "ABC") && !recipe_is_word(&text, "A"));
    text.state = FIELD_ABSENT;
    CHECK(!recipe_is_word(&text, "AB"));
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(mappings_are_sorted_and_fit_their_entities),
                        CASE(tables_follow_their_structs),
                        CASE(no_entity_has_a_field_of_the_bookkeepings_name),
                        CASE(orders_returns_and_products_miss_their_status_and_time),
                        CASE(finds_the_recipe_of_a_platform_and_kind),
                        CASE(tells_a_return_from_a_cancellation_only_where_the_platform_does),
                        CASE(counts_a_source_without_a_usable_update_time_where_there_should_be_one),
                        CASE(counts_a_word_that_no_row_knows), CASE(compares_words_whole_and_only_held_ones));
}
