/* test_document.c - content, bookkeeping, hash; what is unset; documents too large to be whole. */
#include "worker/dto/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/json.h"
#include "common/strbuf.h"
#include "tests/harness.h"
#include "worker/dto/order_tiktok.h"
#include "worker/dto/recipe.h"

static const struct dto_context context = {
    .platform = "tiktok",
    .shop = "1",
    .channel_id = "",
    .id = "42",
    .doc_id = "tiktok:1:42",
    .fetched_ms = INT64_C(1767705000000),
    .now_ms = INT64_C(1767705000000),
    .source = "webhook",
    .trace = "t",
};

TEST(takes_the_stored_version_when_the_sources_is_unusable)
{
    const int64_t now = INT64_C(1767705000000), day = 86400000;

    CHECK_INT(document_version(now, 5, now), now);
    CHECK_INT(document_version(now + day, 5, now), now + day);
    CHECK_INT(document_version(now + day + 1, 5, now), 5);
    CHECK_INT(document_version(0, 5, now), 5);
    CHECK_INT(document_version(0, 0, now), 0);
    CHECK_INT(document_version(0, -3, now), 0);
}

/* One order, read and built; NULL in document when even its raw text could not be stored. */
struct built {
    struct err err;
    yyjson_doc *json; /* owned */
    struct arena *arena;
    struct document *document;
};

static void build_with(struct built *b, const char *text, size_t n, const struct dto_context *c)
{
    *b = (struct built){.arena = arena_new(4096, 1 << 20)};
    b->json = json_parse(text, n, NULL, &b->err);
    CHECK(b->json != NULL);
    b->document = recipe_document(&recipe_order_tiktok, yyjson_doc_get_root(b->json), c, b->arena, &b->err);
}

static void build(struct built *b, const char *text)
{
    build_with(b, text, strlen(text), &context);
}

static void built_deinit(struct built *b)
{
    document_free(b->document);
    arena_free(b->arena);
    yyjson_doc_free(b->json);
}

static bool has(const bson_t *b, const char *key)
{
    return bson_has_field(b, key);
}

#define ORDER "\"id\":\"42\",\"status\":\"UNPAID\",\"update_time\":1767704400"

TEST(names_every_field_of_the_platform_either_in_set_or_in_unset)
{
    static const char *const others[] = {"channel_id", "deleted_at", "missing_at_ms",     "behind",
                                         "raw",        "source",     "validation_errors", "trace"};
    struct built b;

    build(&b, "{" ORDER ",\"user_id\":\"7\",\"payment\":{\"currency\":\"VND\"},\"is_cod\":\"bad\"}");
    for (size_t i = 0; i < order_entity.count; i++) {
        const char *name = order_entity.fields[i].name;

        CHECK_INT(has(b.document->set, name) + has(b.document->unset, name),
                  field_may_hold(&order_tiktok_mapping, i));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK_INT(has(b.document->set, others[i]) + has(b.document->unset, others[i]), 1);
    CHECK(has(b.document->unset, "channel_id"));
    CHECK(has(b.document->set, "raw"));
    CHECK(has(b.document->unset, "warehouse_id") && has(b.document->unset, "extra"));
    CHECK(!has(b.document->unset, "booking_sn") && !has(b.document->unset, "invoice_data"));
    built_deinit(&b);
}

TEST(leaves_alone_what_other_stages_note_on_a_document)
{
    static const char *const notes[] = {"_id", "transactions_fetched_ms", "first_seen"};
    struct built b;

    build(&b, "{" ORDER ",\"transactions_fetched_ms\":1}");
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        CHECK(!has(b.document->set, notes[i]) && !has(b.document->unset, notes[i]));
    built_deinit(&b);
}

static void hash_of(char *to, const char *text, const struct dto_context *c)
{
    struct built b;

    build_with(&b, text, strlen(text), c);
    CHECK_INT(strlen(b.document->hash), CONTENT_HASH_LENGTH);
    memcpy(to, b.document->hash, CONTENT_HASH_LENGTH + 1);
    built_deinit(&b);
}

TEST(hashes_content_and_not_the_reading_of_it)
{
    struct dto_context later = context;
    char first[CONTENT_HASH_LENGTH + 1], second[CONTENT_HASH_LENGTH + 1];

    later.fetched_ms += 5000;
    later.now_ms += 6000;
    later.source = "reconcile";
    later.trace = "other";
    later.behind = true;
    later.stored_version = 9;
    hash_of(first, "{" ORDER ",\"user_id\":\"7\"}", &context);
    hash_of(second, "{\"user_id\":\"7\", " ORDER "}", &later);
    CHECK_TEXT(second, first);
    hash_of(second, "{" ORDER ",\"user_id\":\"8\"}", &context);
    CHECK(strcmp(first, second) != 0);
    later.channel_id = "c";
    hash_of(second, "{" ORDER ",\"user_id\":\"7\"}", &later);
    CHECK(strcmp(first, second) != 0);
}

TEST(marks_a_document_behind_only_when_told)
{
    struct dto_context behind = context;
    struct built b;

    build(&b, "{" ORDER "}");
    CHECK(has(b.document->unset, "behind") && !has(b.document->set, "behind"));
    built_deinit(&b);
    behind.behind = true;
    build_with(&b, "{" ORDER "}", strlen("{" ORDER "}"), &behind);
    CHECK(has(b.document->set, "behind") && !has(b.document->unset, "behind"));
    built_deinit(&b);
}

TEST(keeps_apart_in_the_idempotency_key_what_shares_an_id)
{
    struct dto_context prefixed = context;
    bson_iter_t iter;
    struct built b;

    prefixed.doc_id = "tiktok:1:order:42";
    CHECK_TEXT(document_entity_id(&context), "42");
    CHECK_TEXT(document_entity_id(&prefixed), "order:42");
    build_with(&b, "{" ORDER "}", strlen("{" ORDER "}"), &prefixed);
    CHECK(bson_iter_init_find(&iter, b.document->set, "idempotency_key"));
    CHECK_TEXT(bson_iter_utf8(&iter, NULL), "tiktok:1::order:order:42");
    built_deinit(&b);
}

TEST(leaves_out_a_trace_that_is_no_text)
{
    struct dto_context odd = context;
    struct built b;

    odd.trace = "\xff\xfe";
    build_with(&b, "{" ORDER "}", strlen("{" ORDER "}"), &odd);
    CHECK(has(b.document->unset, "trace") && !has(b.document->set, "trace"));
    built_deinit(&b);
}

TEST(tells_the_same_version_with_and_without_building)
{
    static const char *const times[] = {"1767704400", "\"1767704400\"", "0",   "null", "\"\"",
                                        "-1",         "1767704400000",  "1e9", "true", "[]",
                                        "1767791401", "1767791400"};

    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct dto_context stored = context;
        char text[100];
        struct built b;

        stored.stored_version = 77;
        snprintf(text, sizeof text, "{\"id\":\"42\",\"status\":\"UNPAID\",\"update_time\":%s}", times[i]);
        build_with(&b, text, strlen(text), &stored);
        CHECK_INT(recipe_version(&recipe_order_tiktok, yyjson_doc_get_root(b.json), 77, context.now_ms),
                  b.document->version);
        built_deinit(&b);
    }
}

/* --- large documents ------------------------------------------------------------------------------- */

/* An order with count times element in line_items. */
static void large(struct strbuf *to, const char *element, size_t count)
{
    strbuf_add_text(to, "{" ORDER ",\"line_items\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_add_char(to, ',');
        strbuf_add_text(to, element);
    }
    strbuf_add_text(to, "]}");
}

static void build_large(struct built *b, const char *element, size_t count)
{
    struct strbuf text = STRBUF_INIT;

    large(&text, element, count);
    build_with(b, text.data, text.length, &context);
    strbuf_deinit(&text);
}

TEST(stores_a_thousand_lines)
{
    struct built b;
    bson_iter_t iter, found;

    build_large(
        &b,
        "{\"id\":\"1\",\"sale_price\":\"10\",\"product_name\":\"Áo thun\",\"item_tax\":[{\"tax_rate\":0.1}]}",
        1000);
    CHECK(b.document && b.document->valid);
    CHECK(bson_iter_init(&iter, b.document->set));
    CHECK(bson_iter_find_descendant(&iter, "line_items.999.sale_price", &found));
    CHECK(BSON_ITER_HOLDS_DECIMAL128(&found));
    CHECK(bson_validate(b.document->set, BSON_VALIDATE_UTF8, NULL));
    built_deinit(&b);
}

static void check_raw_only(const struct built *b)
{
    CHECK(b->document != NULL);
    CHECK(!b->document->valid);
    CHECK(has(b->document->set, "raw") && has(b->document->set, "validation_errors"));
    CHECK(has(b->document->set, "order_id") && has(b->document->set, "status") &&
          has(b->document->set, "state"));
    CHECK(has(b->document->unset, "line_items") && has(b->document->unset, "update_time"));
    CHECK_INT(b->document->version, INT64_C(1767704400000));
    CHECK_INT(strlen(b->document->hash), CONTENT_HASH_LENGTH);
}

/* 76 bytes of JSON, 138 of BSON, 1224 of struct. */
TEST(falls_back_to_the_raw_text_when_the_whole_is_too_large)
{
    struct built b;

    build_large(&b, "{\"sale_price\":1,\"original_price\":1,\"seller_discount\":1,\"platform_discount\":1}",
                120000);
    check_raw_only(&b);
    built_deinit(&b);
}

TEST(falls_back_to_the_raw_text_when_the_structs_take_too_much_memory)
{
    struct built b;

    build_large(&b, "{}", 500000);
    check_raw_only(&b);
    built_deinit(&b);
}

TEST(refuses_only_what_is_too_large_even_raw)
{
    struct strbuf text = STRBUF_INIT, note = STRBUF_INIT;
    struct built b;

    for (size_t i = 0; i < 16 * 1024 * 1024; i++)
        strbuf_add_char(&note, 'x');
    strbuf_add_format(&text, "{" ORDER ",\"seller_note\":\"%s\"}", note.data);
    build_with(&b, text.data, text.length, &context);
    CHECK(b.document == NULL);
    CHECK_INT(b.err.domain, ERR_DATA);
    built_deinit(&b);
    strbuf_deinit(&text);
    strbuf_deinit(&note);
}

TEST(says_when_the_turns_memory_is_used_up)
{
    struct arena *arena = arena_new(64, 64);
    struct err err = {0};
    yyjson_doc *json = json_parse("{" ORDER "}", strlen("{" ORDER "}"), NULL, &err);

    CHECK(recipe_document(&recipe_order_tiktok, yyjson_doc_get_root(json), &context, arena, &err) == NULL);
    CHECK_INT(err.domain, ERR_SYSTEM);
    yyjson_doc_free(json);
    arena_free(arena);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(takes_the_stored_version_when_the_sources_is_unusable),
        CASE(names_every_field_of_the_platform_either_in_set_or_in_unset),
        CASE(leaves_alone_what_other_stages_note_on_a_document),
        CASE(hashes_content_and_not_the_reading_of_it), CASE(marks_a_document_behind_only_when_told),
        CASE(keeps_apart_in_the_idempotency_key_what_shares_an_id), CASE(leaves_out_a_trace_that_is_no_text),
        CASE(tells_the_same_version_with_and_without_building), CASE(stores_a_thousand_lines),
        CASE(falls_back_to_the_raw_text_when_the_whole_is_too_large),
        CASE(falls_back_to_the_raw_text_when_the_structs_take_too_much_memory),
        CASE(refuses_only_what_is_too_large_even_raw), CASE(says_when_the_turns_memory_is_used_up));
}
