/* recipe.c - worker, stage 5: which recipe a kind has, and what all recipes share.
 *
 * In:      the object a platform served.
 * Out:     its document.
 * Fails:   when not even the raw text can be stored, or the turn's memory is used up.
 * Thread:  any. Pure but for memory and counters.
 * Why so:  the memory of one entity's structs is taken from an arena of its own: it is needed until the BSON stands, and
 *          used again for the next entity it stays in the processor's cache, where a turn's arena would grow by 10 KB an
 *          order. */
#include "worker/dto/recipe.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/metrics.h"
#include "worker/dto/document.h"

enum { SCRATCH_FIRST = 48 * 1024, SCRATCH_LIMIT = 128 * 1024 * 1024 };

static const struct recipe *const recipes[] = {
    &recipe_order_tiktok,
    &recipe_order_shopee,
    &recipe_return_tiktok,
    &recipe_cancellation_tiktok,
    &recipe_return_shopee,
    &recipe_product_tiktok,
    &recipe_product_shopee,
    &recipe_tracking_tiktok,
    &recipe_tracking_shopee,
    &recipe_transaction_tiktok,
    &recipe_statement_transaction_tiktok,
    &recipe_statement_tiktok,
    &recipe_settlement_tiktok,
    &recipe_payment_tiktok,
    &recipe_withdrawal_tiktok,
    &recipe_transaction_shopee,
    &recipe_payout_shopee,
    &recipe_wallet_shopee,
    &recipe_income_shopee,
};

static const char state_unknown[] = "unknown";

static bool text_is(const char *text, const char *s, size_t n)
{
    return strlen(text) == n && memcmp(text, s, n) == 0;
}

static bool return_kind_fits(const struct recipe *r, const char *return_kind)
{
    return !r->return_kind ||
           strcmp(r->return_kind, return_kind && *return_kind ? return_kind : "return") == 0;
}

const struct recipe *recipe_find(const char *platform, size_t platform_length, enum entry_kind kind,
                                 const char *return_kind)
{
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        const struct recipe *r = recipes[i];

        if (!r->topic && r->kind == kind && text_is(r->platform, platform, platform_length) &&
            return_kind_fits(r, return_kind))
            return r;
    }
    return NULL;
}

const struct recipe *recipe_find_record(const char *platform, size_t platform_length, const char *topic,
                                        size_t topic_length)
{
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        const struct recipe *r = recipes[i];

        if (r->topic && text_is(r->topic, topic, topic_length) &&
            text_is(r->platform, platform, platform_length))
            return r;
    }
    return NULL;
}

const struct recipe *recipe_at(size_t i)
{
    return i < sizeof recipes / sizeof *recipes ? recipes[i] : NULL;
}

int64_t recipe_seconds_ms(yyjson_val *json, const char *key)
{
    int64_t seconds, ms;

    if (json_get_i64(json, key, &seconds) != JSON_GOT || __builtin_mul_overflow(seconds, 1000, &ms) ||
        !clock_plausible_ms(ms))
        return 0;
    return ms;
}

int64_t recipe_version(const struct recipe *recipe, yyjson_val *json, int64_t stored_version, int64_t now_ms)
{
    return document_version(recipe->update_ms(json), stored_version, now_ms);
}

void recipe_set_state(struct field_text *state, const struct field_text *status,
                      const struct recipe_state *rows, size_t count)
{
    const char *word = state_unknown;

    for (size_t i = 0; i < count && status->state == FIELD_HELD; i++) {
        if (strlen(rows[i].word) == status->length && memcmp(rows[i].word, status->data, status->length) == 0)
            word = rows[i].state;
    }
    if (word == state_unknown)
        metric_add(METRIC_WORKER_STATE_UNKNOWN, 1);
    if (word == state_unknown && status->state == FIELD_HELD)
        metric_add_unknown_word(status->data, status->length);
    recipe_set_word(state, word);
}

void recipe_set_word(struct field_text *text, const char *word)
{
    *text = (struct field_text){FIELD_HELD, strlen(word), word};
}

bool recipe_is_word(const struct field_text *text, const char *word)
{
    return text->state == FIELD_HELD && text_is(word, text->data, text->length);
}

void recipe_set_id(struct field_text *id, const struct dto_context *context)
{
    if (id->state != FIELD_HELD)
        *id = (struct field_text){FIELD_HELD, strlen(context->id), context->id};
}

void recipe_set_entity_id(struct field_text *id, const struct dto_context *context)
{
    const char *text = document_entity_id(context);

    *id = (struct field_text){FIELD_HELD, strlen(text), text};
}

/* Money has no update time: what it lacks there is nobody's fault. */
static int64_t recipe_counted_version(const struct recipe *recipe, yyjson_val *json,
                                      const struct dto_context *context)
{
    int64_t update_ms = recipe->update_ms(json);
    int64_t version = document_version(update_ms, context->stored_version, context->now_ms);

    if (recipe->kind != ENTRY_TRANSACTION && (update_ms == 0 || version != update_ms))
        metric_add(METRIC_WORKER_VERSION_UNUSABLE, 1);
    return version;
}

static struct document *recipe_build(const struct recipe *recipe, yyjson_val *json, void *dto,
                                     const struct dto_context *context, struct arena *scratch,
                                     struct arena *arena, struct err *err)
{
    struct field_problems problems;
    struct document_draft draft = {
        .collection = recipe->collection,
        .kind = recipe->kind,
        .mapping = recipe->mapping,
        .dto = dto,
        .problems = &problems,
        .source = json,
        .version = recipe_counted_version(recipe, json, context),
        .scratch = scratch,
    };

    problems.count = problems.total = 0;
    draft.complete = field_read(recipe->mapping, json, dto, scratch, &problems);
    recipe->finish(dto, json, context, scratch, &problems);
    return document_full(&draft, context, arena, err);
}

struct document *recipe_document(const struct recipe *recipe, yyjson_val *json,
                                 const struct dto_context *context, struct arena *arena, struct err *err)
{
    struct arena *scratch = arena_new(SCRATCH_FIRST, SCRATCH_LIMIT);
    void *dto = arena_take(scratch, recipe->size);
    struct document *d = NULL;

    if (dto)
        d = recipe_build(recipe, json, dto, context, scratch, arena, err);
    else
        err_set(err, ERR_SYSTEM, ENOMEM, "%s: no memory", recipe->mapping->entity->name);
    arena_free(scratch);
    return d;
}
