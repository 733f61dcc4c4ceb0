/* micro_document.c - bench: JSON of an entity becomes a DTO, and that a document.
 *
 * `dto` and `bson` are the two halves for orders; `document` is the whole for every kind that is fetched, as stage 5
 * calls it. */
#include <stdlib.h>
#include <string.h>

#include "bench/micro/micro.h"
#include "bench/micro/micro_input.h"
#include "common/arena.h"
#include "common/json.h"
#include "worker/dto/document.h"
#include "worker/dto/recipe.h"

enum {
    EVENTS = 50,
    ARENA_FIRST = 1 << 20,
    ARENA_LIMIT = 64 << 20,
};

/* Where an entity comes from. */
struct source {
    const struct recipe *recipe;
    const char *path, *id;
};

/* The same entity over and over; each time a DTO of its own. */
struct built {
    const struct source *source;
    yyjson_doc *json;
    struct dto_context context;
    struct strbuf doc_id;
    struct arena *scratch, *arena;
    struct field_problems problems[EVENTS];
    void *dto[EVENTS];
    struct document *documents[EVENTS];
    size_t good; /* of the run */
};

static void *open_entity(const struct micro_stage *stage, size_t *bytes)
{
    const struct source *source = stage->what;
    const char *platform = source->recipe->platform;
    struct built *b = xcalloc(1, sizeof *b);
    struct strbuf text = STRBUF_INIT;
    struct err err = {0};

    micro_read(&text, source->path);
    b->json = json_parse(text.data, text.length, NULL, &err);
    MICRO_CHECK(b->json != NULL);
    *bytes = stage->events * text.length;
    strbuf_deinit(&text);
    b->source = source;
    b->context = (struct dto_context){
        .platform = platform,
        .shop = micro_shop(strcmp(platform, "tiktok") == 0 ? MICRO_TIKTOK : MICRO_SHOPEE),
        .channel_id = "main",
        .id = source->id,
        .fetched_ms = MICRO_NOW_MS - 333,
        .now_ms = MICRO_NOW_MS,
        .offset_minutes = 420,
        .source = "webhook",
        .trace = "0123456789abcdef0123456789abcdef",
    };
    strbuf_add_format(&b->doc_id, "%s:%s:%s%s", platform, b->context.shop, source->recipe->id_prefix,
                      source->id);
    b->context.doc_id = strbuf_text(&b->doc_id);
    b->scratch = arena_new(ARENA_FIRST, ARENA_LIMIT);
    b->arena = arena_new(ARENA_FIRST, ARENA_LIMIT);
    return b;
}

static void prepare_entity(void *context)
{
    struct built *b = context;

    arena_reset(b->scratch);
    arena_reset(b->arena);
    b->good = 0;
    memset(b->problems, 0, sizeof b->problems);
    memset(b->documents, 0, sizeof b->documents);
}

static void close_entity(void *context)
{
    struct built *b = context;

    arena_free(b->scratch);
    arena_free(b->arena);
    yyjson_doc_free(b->json);
    strbuf_deinit(&b->doc_id);
    free(b);
}

/* --- dto ---------------------------------------------------------------------------------------------- */

static void run_dto(void *context)
{
    struct built *b = context;
    const struct recipe *r = b->source->recipe;
    yyjson_val *json = yyjson_doc_get_root(b->json);

    for (size_t i = 0; i < EVENTS; i++) {
        b->dto[i] = arena_take(b->scratch, r->size);
        b->good += field_read(r->mapping, json, b->dto[i], b->scratch, &b->problems[i]);
        r->finish(b->dto[i], json, &b->context, b->scratch, &b->problems[i]);
    }
}

static void check_dto(void *context)
{
    struct built *b = context;

    MICRO_CHECK(b->good == EVENTS && b->problems[0].total == 0 && b->problems[EVENTS - 1].total == 0);
    for (size_t i = 1; i < EVENTS; i++)
        MICRO_CHECK(b->dto[i] != b->dto[0]);
}

/* --- documents ---------------------------------------------------------------------------------------- */

static void check_documents(void *context)
{
    struct built *b = context;

    for (size_t i = 0; i < EVENTS; i++) {
        const struct document *d = b->documents[i];
        bson_iter_t it;

        MICRO_CHECK(d && d->valid && d->op == DOCUMENT_FULL && strcmp(d->hash, b->documents[0]->hash) == 0);
        MICRO_CHECK(bson_iter_init_find(&it, d->set, "fetched_ms"));
        MICRO_CHECK(bson_iter_as_int64(&it) == b->context.fetched_ms);
        MICRO_CHECK(bson_validate(d->set, BSON_VALIDATE_NONE, NULL) && bson_count_keys(d->set) > 8);
    }
    for (size_t i = 0; i < EVENTS; i++)
        document_free(b->documents[i]);
}

static void prepare_bson(void *context)
{
    prepare_entity(context);
    run_dto(context);
}

static void run_bson(void *context)
{
    struct built *b = context;
    const struct recipe *r = b->source->recipe;
    yyjson_val *json = yyjson_doc_get_root(b->json);
    struct err err = {0};

    for (size_t i = 0; i < EVENTS; i++) {
        const struct document_draft draft = {
            .collection = r->collection,
            .kind = r->kind,
            .mapping = r->mapping,
            .dto = b->dto[i],
            .complete = true,
            .problems = &b->problems[i],
            .source = json,
            .version = recipe_version(r, json, 0, MICRO_NOW_MS),
            .scratch = b->scratch,
        };

        b->documents[i] = document_full(&draft, &b->context, b->arena, &err);
    }
}

static void run_document(void *context)
{
    struct built *b = context;
    yyjson_val *json = yyjson_doc_get_root(b->json);
    struct err err = {0};

    for (size_t i = 0; i < EVENTS; i++)
        b->documents[i] = recipe_document(b->source->recipe, json, &b->context, b->arena, &err);
}

static const struct source order_tiktok = {&recipe_order_tiktok, MICRO_DIR "/order_tiktok.json",
                                           "570000000000015562"};
static const struct source order_shopee = {&recipe_order_shopee, MICRO_DIR "/order_shopee.json",
                                           "260523ZF7PIEF4"};
static const struct source return_tiktok = {&recipe_return_tiktok, GOLDEN_DIR "/return_tiktok/full.json",
                                            "4036100200300400701"};
static const struct source return_shopee = {&recipe_return_shopee, GOLDEN_DIR "/return_shopee/full.json",
                                            "2605140C7H1QV9D"};
static const struct source product_tiktok = {&recipe_product_tiktok, GOLDEN_DIR "/product_tiktok/full.json",
                                             "1731200300400500601"};
static const struct source product_shopee = {&recipe_product_shopee, GOLDEN_DIR "/product_shopee/full.json",
                                             "26384017255"};
static const struct source tracking_tiktok = {&recipe_tracking_tiktok,
                                              GOLDEN_DIR "/tracking_tiktok/full.json", "578912340011223344"};
static const struct source tracking_shopee = {&recipe_tracking_shopee,
                                              GOLDEN_DIR "/tracking_shopee/full.json", "260518A7K2M9QX"};
static const struct source money_tiktok = {&recipe_transaction_tiktok,
                                           GOLDEN_DIR "/transaction_tiktok/full.json", "578912340011223344"};
static const struct source money_shopee = {&recipe_transaction_shopee,
                                           GOLDEN_DIR "/transaction_shopee/full.json", "260518A7K2M9QX"};

#define HALVES(name, source)                                                                                 \
    {"dto " name, EVENTS, open_entity, prepare_entity, run_dto, check_dto, close_entity, source, 1},         \
    {                                                                                                        \
        "bson " name, EVENTS, open_entity, prepare_bson, run_bson, check_documents, close_entity, source, 1  \
    }
#define WHOLE(name, source)                                                                                  \
    {                                                                                                        \
        "document " name, EVENTS, open_entity, prepare_entity, run_document, check_documents, close_entity,  \
            source, 1                                                                                        \
    }

const struct micro_stage micro_document_stages[] = {
    HALVES("order tiktok", &order_tiktok),
    HALVES("order shopee", &order_shopee),
    WHOLE("order tiktok", &order_tiktok),
    WHOLE("order shopee", &order_shopee),
    WHOLE("return tiktok", &return_tiktok),
    WHOLE("return shopee", &return_shopee),
    WHOLE("product tiktok", &product_tiktok),
    WHOLE("product shopee", &product_shopee),
    WHOLE("tracking tiktok", &tracking_tiktok),
    WHOLE("tracking shopee", &tracking_shopee),
    WHOLE("transaction tiktok", &money_tiktok),
    WHOLE("transaction shopee", &money_shopee),
    {0},
};
