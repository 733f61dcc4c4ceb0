/* test_product.c - states of products; the SKU made of an item without models; what happens when memory ends. */
#include "worker/dto/product.h"

#include <string.h>

#include "common/arena.h"
#include "tests/harness.h"
#include "worker/dto/recipe.h"

static struct field_text text(const char *s)
{
    return (struct field_text){*s ? FIELD_HELD : FIELD_ABSENT, strlen(s), *s ? s : NULL};
}

static struct field_count count(int64_t v)
{
    return (struct field_count){FIELD_HELD, v, 0};
}

static void finish(const struct recipe *recipe, struct product *product, struct arena *arena,
                   struct field_problems *problems)
{
    struct dto_context context = {.id = "1"};

    recipe->finish(product, NULL, &context, arena, problems);
}

struct word {
    const char *status, *state;
};

static void check_words(const struct recipe *recipe, const struct word *words, size_t n)
{
    struct arena *arena = arena_new(4096, 1 << 16);
    struct field_problems problems = {.count = 0};

    for (size_t i = 0; i < n; i++) {
        struct product product = {.status = text(words[i].status)};

        finish(recipe, &product, arena, &problems);
        CHECK_TEXT(product.state.data, words[i].state);
        CHECK_TEXT(product.product_id.data, "1");
    }
    CHECK_INT(problems.total, 0);
    arena_free(arena);
}

TEST(knows_the_common_word_of_every_status_of_tiktok)
{
    static const struct word words[] = {
        {"ACTIVATE", "active"},
        {"DRAFT", "draft"},
        {"PENDING", "reviewing"},
        {"FAILED", "rejected"},
        {"SELLER_DEACTIVATED", "inactive"},
        {"PLATFORM_DEACTIVATED", "banned"},
        {"FREEZE", "banned"},
        {"DELETED", "deleted"},
        {"ALL", "unknown"},
        {"", "unknown"},
    };

    check_words(&recipe_product_tiktok, words, sizeof words / sizeof *words);
}

TEST(knows_the_common_word_of_every_status_of_shopee)
{
    static const struct word words[] = {
        {"NORMAL", "active"},         {"REVIEWING", "reviewing"},
        {"UNLIST", "inactive"},       {"BANNED", "banned"},
        {"SELLER_DELETE", "deleted"}, {"SHOPEE_DELETE", "deleted"},
        {"DELETED", "unknown"},       {"", "unknown"},
    };

    check_words(&recipe_product_shopee, words, sizeof words / sizeof *words);
}

/* --- TikTok ---------------------------------------------------------------------------------------- */

TEST(takes_the_leaf_of_the_chain_for_the_category)
{
    struct product_category chain[] = {
        {.category_id = text("1"), .is_leaf = {FIELD_HELD, false, {0}}},
        {.category_id = text("2"), .is_leaf = {FIELD_HELD, true, {0}}},
        {.category_id = text("3")},
    };
    struct product product = {.category_chains = {FIELD_HELD, 3, chain}};

    finish(&recipe_product_tiktok, &product, NULL, NULL);
    CHECK_TEXT(product.category_id.data, "2");
    product = (struct product){.category_chains = {FIELD_HELD, 1, chain}};
    finish(&recipe_product_tiktok, &product, NULL, NULL);
    CHECK_INT(product.category_id.state, FIELD_ABSENT);
}

/* --- Shopee ---------------------------------------------------------------------------------------- */

static struct product item_without_models(struct product_price *price)
{
    return (struct product){
        .item_sku = text("TEE"), .price_info = {FIELD_HELD, 1, price}, .total_available_stock = count(7)};
}

TEST(makes_a_sku_of_an_item_without_models)
{
    struct arena *arena = arena_new(4096, 1 << 16);
    struct field_problems problems = {.count = 0};
    struct product_price price = {.currency = text("VND")};
    struct product product = item_without_models(&price);
    const struct product_sku *sku;

    finish(&recipe_product_shopee, &product, arena, &problems);
    CHECK_INT(product.skus.count, 1);
    sku = product.skus.items;
    CHECK_INT(sku->sku_id.state, FIELD_ABSENT);
    CHECK_TEXT(sku->seller_sku.data, "TEE");
    CHECK(sku->price.state == FIELD_HELD && sku->price.part == &price);
    CHECK_INT(sku->total_available_stock.value, 7);
    CHECK_INT(product.price.state, FIELD_ABSENT);
    CHECK_INT(product.price_info.state, FIELD_ABSENT);
    CHECK_INT(product.total_available_stock.state, FIELD_ABSENT);
    CHECK_TEXT(product.item_sku.data, "TEE");
    arena_free(arena);
}

TEST(leaves_price_and_stock_with_an_item_that_has_models)
{
    struct arena *arena = arena_new(4096, 1 << 16);
    struct field_problems problems = {.count = 0};
    struct product_price price = {.currency = text("VND")};
    struct product_sku model = {.sku_id = text("5")};
    struct product with = item_without_models(&price), without = item_without_models(&price);

    with.skus = (struct field_list){FIELD_HELD, 1, &model};
    finish(&recipe_product_shopee, &with, arena, &problems);
    CHECK_INT(with.skus.count, 1);
    CHECK_INT(with.total_available_stock.value, 7);
    CHECK_INT(model.seller_sku.state, FIELD_ABSENT);
    without.has_model = (struct field_flag){FIELD_HELD, true, {0}};
    finish(&recipe_product_shopee, &without, arena, &problems);
    CHECK_INT(without.skus.state, FIELD_ABSENT);
    CHECK_INT(without.total_available_stock.state, FIELD_HELD);
    arena_free(arena);
}

TEST(makes_no_sku_of_nothing)
{
    struct arena *arena = arena_new(4096, 1 << 16);
    struct field_problems problems = {.count = 0};
    struct product product = {.title = text("x")};

    finish(&recipe_product_shopee, &product, arena, &problems);
    CHECK_INT(product.skus.state, FIELD_ABSENT);
    arena_free(arena);
}

/* What could not be moved stays where it was, and the document is marked, so that the raw text is kept. */
TEST(loses_nothing_when_memory_ends)
{
    struct arena *arena = arena_new(64, 64);
    struct field_problems problems = {.count = 0};
    struct product_price price = {.currency = text("VND")};
    struct field_text url = text("u");
    struct product_image_lists lists = {.image_url_list = {FIELD_HELD, 1, &url}};
    struct product product = item_without_models(&price);

    product.image = (struct field_object){FIELD_HELD, &lists, 0};
    finish(&recipe_product_shopee, &product, arena, &problems);
    CHECK(problems.total > 0);
    CHECK_INT(product.skus.state, FIELD_ABSENT);
    CHECK_INT(product.total_available_stock.state, FIELD_HELD);
    CHECK_INT(product.main_images.state, FIELD_ABSENT);
    CHECK(product.image.state == FIELD_HELD && lists.image_url_list.state == FIELD_HELD);
    arena_free(arena);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(knows_the_common_word_of_every_status_of_tiktok),
                        CASE(knows_the_common_word_of_every_status_of_shopee),
                        CASE(takes_the_leaf_of_the_chain_for_the_category),
                        CASE(makes_a_sku_of_an_item_without_models),
                        CASE(leaves_price_and_stock_with_an_item_that_has_models),
                        CASE(makes_no_sku_of_nothing), CASE(loses_nothing_when_memory_ends));
}
