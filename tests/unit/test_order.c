/* test_order.c - the tables of an order agree with its structs; states. */
#include "worker/dto/order.h"

#include <string.h>

#include "tests/harness.h"
#include "worker/dto/order_tiktok.h"
#include "worker/dto/recipe.h"

static void check_entity(const struct entity *entity, size_t size)
{
    CHECK_INT(entity->count * FIELD_SIZE, size);
    for (size_t i = 0; i < entity->count; i++) {
        const struct field *f = &entity->fields[i];

        CHECK_INT(f->at, i * FIELD_SIZE);
        CHECK_INT(f->name_length, strlen(f->name));
        CHECK_INT(f->nested != NULL, f->type == FIELD_OBJECT || f->type == FIELD_LIST);
        CHECK_INT(f->type == FIELD_EXTRA, i == entity->count - 1);
    }
}

TEST(tables_follow_their_structs)
{
    check_entity(&order_entity, sizeof(struct order));
    check_entity(&order_line_entity, sizeof(struct order_line));
    check_entity(&order_tax_entity, sizeof(struct order_tax));
    check_entity(&order_combined_sku_entity, sizeof(struct order_combined_sku));
    check_entity(&order_package_entity, sizeof(struct order_package));
    check_entity(&order_handling_entity, sizeof(struct order_handling));
    check_entity(&order_payment_entity, sizeof(struct order_payment));
    check_entity(&order_address_entity, sizeof(struct order_address));
    check_entity(&order_district_entity, sizeof(struct order_district));
    check_entity(&order_delivery_preferences_entity, sizeof(struct order_delivery_preferences));
}

static void check_mapping(const struct mapping *m)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct mapping_row *row = &m->rows[i];
        const struct field *f = &m->entity->fields[row->at / FIELD_SIZE];

        CHECK_INT(row->key_length, strlen(row->key));
        CHECK(i == 0 || strcmp(m->rows[i - 1].key, row->key) < 0);
        CHECK(f->nested == (row->nested ? row->nested->entity : NULL));
        if (row->nested)
            check_mapping(row->nested);
    }
}

TEST(mappings_are_sorted_and_fit_their_entities)
{
    check_mapping(&order_tiktok_mapping);
}

TEST(knows_the_common_word_of_every_status)
{
    static const char *const words[][2] = {
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

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct order order = {
            .status = {*words[i][0] ? FIELD_HELD : FIELD_ABSENT, strlen(words[i][0]), words[i][0]}};
        struct dto_context context = {.id = "1"};

        recipe_order_tiktok.finish(&order, NULL, &context, NULL, NULL);
        CHECK_TEXT(order.state.data, words[i][1]);
    }
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(tables_follow_their_structs),
                        CASE(mappings_are_sorted_and_fit_their_entities),
                        CASE(knows_the_common_word_of_every_status));
}
