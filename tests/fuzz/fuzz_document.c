/* fuzz_document.c - tests: any JSON value as anything that becomes a document.
 *
 * Input:   one byte that picks the recipe (its place in recipe.c, counted from 'A'), then JSON text; the golden inputs
 *          are the seeds.
 * Checks:  no sanitizer report; a document always comes out, as well-formed BSON without a name twice; every field of
 *          the entity that the mapping knows stands either in set or in unset, no other does; the same input gives the
 *          same hash; raw only when not valid; the id of a listing's row, if it has one, is the same twice. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/json.h"
#include "common/strbuf.h"
#include "worker/dto.h"
#include "worker/dto/recipe.h"

enum { RECIPES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static const struct recipe *pick(uint8_t byte)
{
    size_t count = 0;

    while (recipe_at(count))
        count++;
    return recipe_at((size_t)(byte + 256 - 'A') % 256 % count);
}

static bool same_key(const bson_iter_t *at, const char *name, size_t length)
{
    return bson_iter_key_len(at) == length && memcmp(bson_iter_key(at), name, length) == 0;
}

/* Names of one document, and of those in it. The names of an array are its indexes, and must be counted up. */
static void check_names(bson_iter_t at, bool array)
{
    char index[24];

    for (size_t n = 0; bson_iter_next(&at); n++) {
        bson_iter_t later = at, inner;

        if (array)
            demand(same_key(&at, index, (size_t)snprintf(index, sizeof index, "%zu", n)));
        while (!array && bson_iter_next(&later))
            demand(!same_key(&later, bson_iter_key(&at), bson_iter_key_len(&at)));
        if (bson_iter_recurse(&at, &inner))
            check_names(inner, BSON_ITER_HOLDS_ARRAY(&at));
    }
}

/* What a mapping may hold never changes. */
static const bool *may_hold(const struct recipe *recipe)
{
    static bool may[RECIPES_MAX][FIELD_MOST];
    static bool known[RECIPES_MAX];
    size_t place = 0;

    while (recipe_at(place) != recipe)
        place++;
    demand(place < RECIPES_MAX);
    for (size_t i = 0; !known[place] && i < recipe->mapping->entity->count; i++)
        may[place][i] = field_may_hold(recipe->mapping, i);
    known[place] = true;
    return may[place];
}

/* Counts which of the entity's fields stand there. Most come in the table's order, so that is where the next is looked for
 * first. */
static void count_fields(const struct entity *entity, const bson_t *document, uint8_t *counts)
{
    bson_iter_t at;
    size_t next = 0;

    demand(bson_iter_init(&at, document));
    while (bson_iter_next(&at)) {
        for (size_t i = 0; i < entity->count; i++) {
            const size_t place = next + i < entity->count ? next + i : next + i - entity->count;
            const struct field *f = &entity->fields[place];

            if (same_key(&at, f->name, f->name_length)) {
                counts[place]++;
                next = place + 1;
                break;
            }
        }
    }
}

static void check_document(const struct recipe *recipe, const struct document *d)
{
    const struct entity *entity = recipe->mapping->entity;
    const bool *may = may_hold(recipe);
    uint8_t counts[FIELD_MOST] = {0};
    bson_iter_t names;

    demand(bson_iter_init(&names, d->set));
    check_names(names, false);
    demand(bson_validate(d->set, BSON_VALIDATE_UTF8 | BSON_VALIDATE_UTF8_ALLOW_NULL, NULL));
    demand(bson_validate(d->unset, BSON_VALIDATE_UTF8 | BSON_VALIDATE_DOT_KEYS, NULL));
    demand(bson_has_field(d->set, "raw") == !d->valid);
    demand(bson_has_field(d->set, "validation_errors") == !d->valid);
    demand(d->version > 0 && strlen(d->hash) == CONTENT_HASH_LENGTH);
    count_fields(entity, d->set, counts);
    count_fields(entity, d->unset, counts);
    for (size_t i = 0; i < entity->count; i++)
        demand(counts[i] == may[i]);
    if (recipe->kind == ENTRY_ORDER || recipe->kind == ENTRY_RETURN || recipe->kind == ENTRY_PRODUCT)
        demand(bson_has_field(d->set, "state"));
}

static void check_row(const struct recipe *recipe, yyjson_val *row)
{
    struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
    bool has = recipe->record_id && recipe->record_id(row, &first);

    if (has) {
        demand(recipe->record_id(row, &second));
        demand(first.length > 0 && !memchr(first.data, '\0', first.length));
        demand(first.length == second.length && memcmp(first.data, second.data, first.length) == 0);
    } else {
        demand(first.length == 0);
    }
    strbuf_deinit(&first);
    strbuf_deinit(&second);
}

static void check_source(const struct recipe *recipe, yyjson_val *source, struct arena *arena)
{
    struct strbuf doc_id = STRBUF_INIT;
    struct dto_context context = {
        .platform = recipe->platform,
        .shop = "1",
        .channel_id = "c",
        .id = "42",
        .fetched_ms = INT64_C(1767705000000),
        .now_ms = INT64_C(1767705000000),
        .stored_version = 1,
        .offset_minutes = 420,
        .source = "webhook",
        .trace = "t",
    };
    struct document *first, *second;

    strbuf_add_format(&doc_id, "%s:1:%s42", recipe->platform, recipe->id_prefix);
    context.doc_id = doc_id.data;
    first = recipe_document(recipe, source, &context, arena, NULL);
    second = recipe_document(recipe, source, &context, arena, NULL);
    demand(first && second);
    check_document(recipe, first);
    demand(strcmp(first->hash, second->hash) == 0 && bson_equal(first->set, second->set));
    demand(recipe_version(recipe, source, 1, context.now_ms) > 0);
    document_free(first);
    document_free(second);
    strbuf_deinit(&doc_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Not json_parse: deeper objects than it lets through must be safe here too. */
    yyjson_doc *json =
        size > 0 ? yyjson_read((const char *)data + 1, size - 1, YYJSON_READ_NUMBER_AS_RAW) : NULL;
    const struct recipe *recipe;
    struct arena *arena;

    if (!json)
        return 0;
    recipe = pick(data[0]);
    arena = arena_new(4096, 1 << 16);
    check_source(recipe, yyjson_doc_get_root(json), arena);
    check_row(recipe, yyjson_doc_get_root(json));
    if (recipe->is_empty)
        (void)recipe->is_empty(yyjson_doc_get_root(json));
    arena_free(arena);
    yyjson_doc_free(json);
    return 0;
}
