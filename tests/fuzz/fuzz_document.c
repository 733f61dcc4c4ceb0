/* fuzz_order.c - tests: any JSON object as an order of TikTok Shop.
 *
 * Input:   JSON text; the golden inputs are the seeds.
 * Checks:  no sanitizer report; a document always comes out, as well-formed BSON; every field of the entity stands
 *          either in set or in unset; the same input gives the same hash; raw only when not valid. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/json.h"
#include "worker/dto.h"
#include "worker/dto/order_tiktok.h"
#include "worker/dto/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dto_context context = {
    .platform = "tiktok",
    .shop = "1",
    .channel_id = "c",
    .id = "42",
    .doc_id = "tiktok:1:42",
    .fetched_ms = INT64_C(1767705000000),
    .now_ms = INT64_C(1767705000000),
    .stored_version = 1,
    .offset_minutes = 420,
    .source = "webhook",
    .trace = "t",
};

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void check_document(const struct document *d)
{
    demand(bson_validate(d->set, BSON_VALIDATE_UTF8 | BSON_VALIDATE_UTF8_ALLOW_NULL, NULL));
    demand(bson_validate(d->unset, BSON_VALIDATE_UTF8 | BSON_VALIDATE_DOT_KEYS, NULL));
    demand(bson_has_field(d->set, "order_id") && bson_has_field(d->set, "state"));
    demand(bson_has_field(d->set, "raw") == !d->valid);
    demand(bson_has_field(d->set, "validation_errors") == !d->valid);
    demand(d->version > 0 && strlen(d->hash) == CONTENT_HASH_LENGTH);
    for (size_t i = 0; i < order_entity.count; i++) {
        const char *name = order_entity.fields[i].name;

        demand(bson_has_field(d->set, name) != bson_has_field(d->unset, name));
    }
}

static void check_order(yyjson_val *order, struct arena *arena)
{
    struct document *first = recipe_document(&recipe_order_tiktok, order, &context, arena, NULL);
    struct document *second = recipe_document(&recipe_order_tiktok, order, &context, arena, NULL);

    demand(first && second);
    check_document(first);
    demand(strcmp(first->hash, second->hash) == 0 && bson_equal(first->set, second->set));
    demand(recipe_version(&recipe_order_tiktok, order, 1, context.now_ms) > 0);
    document_free(first);
    document_free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Not json_parse: deeper objects than it lets through must be safe here too. */
    yyjson_doc *json = yyjson_read((const char *)data, size, YYJSON_READ_NUMBER_AS_RAW);
    struct arena *arena;

    if (!json)
        return 0;
    arena = arena_new(4096, 1 << 16);
    check_order(yyjson_doc_get_root(json), arena);
    arena_free(arena);
    yyjson_doc_free(json);
    return 0;
}
