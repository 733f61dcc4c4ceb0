/* recipe.h - worker, stage 5: how one platform's answer for one kind of entity becomes a document.
 *
 * A recipe is a row: mapping, size of the DTO, and the two things tables cannot say (finish, update_ms). The rest is the
 * same for every entity and platform and stands in recipe.c. A kind without a recipe is kept raw.
 *
 * Rows that exist only in a listing have recipes too. Nothing can be fetched by their id, so they travel in an entry of
 * kind record: its topic finds the recipe, its body is the row, its id is what record_id made of the row. */
#ifndef SHOPSTREAM_WORKER_DTO_RECIPE_H
#define SHOPSTREAM_WORKER_DTO_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#include "common/entry.h"
#include "common/strbuf.h"
#include "worker/dto.h"
#include "worker/dto/field.h"

struct recipe {
    const char *platform; /* "tiktok" */
    enum entry_kind kind; /* of the entity: stands in the idempotency key */
    const char *topic;    /* of the entries that carry such rows: "wallet"; NULL: an entity, fetched by id */
    const char *return_kind; /* kind return: "return" or "cancellation"; NULL: whatever the event says */
    const char *collection;  /* literal */
    const char *id_prefix;   /* stands in the _id before the entity's id: "escrow:"; "" for none; literal */
    const struct mapping *mapping; /* of the answer's object; its entity is the DTO */
    size_t size;                   /* bytes of the DTO */

    /* After the reading: fills `state` and what the mapping cannot say (names an anonymous entity after context->id, moves
     * members where they belong). Texts it makes lie in scratch. problems may grow. */
    void (*finish)(void *dto, yyjson_val *json, const struct dto_context *context, struct arena *scratch,
                   struct field_problems *problems);

    /* The source's update time, UTC epoch ms; 0: none, or implausible. From the JSON, without building the DTO. */
    int64_t (*update_ms)(yyjson_val *json);

    /* Nothing to store although the answer is good (transactions of an order that has none). NULL: never. */
    bool (*is_empty)(yyjson_val *json);

    /* Rows only: appends the id of the row's entry, made of the row's own texts; id_prefix is not part of it. False: the
     * row lacks all that could tell it from others, or it holds a NUL byte; `to` is unchanged. NULL: an entity. */
    bool (*record_id)(yyjson_val *row, struct strbuf *to);
};

/* The recipe of a kind; return_kind may be NULL or "". NULL: this kind is kept raw. */
const struct recipe *recipe_find(const char *platform, size_t platform_length, enum entry_kind kind,
                                 const char *return_kind);

/* The recipe of rows that travel under this topic. NULL: none. */
const struct recipe *recipe_find_record(const char *platform, size_t platform_length, const char *topic,
                                        size_t topic_length);

/* The version of the document recipe_document would build, without building it. */
int64_t recipe_version(const struct recipe *recipe, yyjson_val *json, int64_t stored_version, int64_t now_ms);

/* Builds the document. NULL: not even the raw text can be stored (err ERR_DATA), or no memory in this turn (ERR_SYSTEM).
 * The struct lies in the arena; free its BSON with document_free. */
struct document *recipe_document(const struct recipe *recipe, yyjson_val *json,
                                 const struct dto_context *context, struct arena *arena, struct err *err)
    __attribute__((warn_unused_result));

/* Plausible seconds under key, as ms; else 0. What most update_ms are made of. */
int64_t recipe_seconds_ms(yyjson_val *json, const char *key);

/* A word and the common one it stands for. */
struct recipe_state {
    const char *word;
    const char *state;
};

/* Sets *state by status; "unknown" (counted) for a word no row knows or a status that is not held. */
void recipe_set_state(struct field_text *state, const struct field_text *status,
                      const struct recipe_state *rows, size_t count);

/* Gives an entity that hides its id the one it was asked for by. */
void recipe_set_id(struct field_text *id, const struct dto_context *context);

/* Gives a document its own id, the part of its _id that document_entity_id tells. */
void recipe_set_entity_id(struct field_text *id, const struct dto_context *context);

/* Sets a text to a word of ours; literal. */
void recipe_set_word(struct field_text *text, const char *word);

/* Whether the text is held and is this word. */
bool recipe_is_word(const struct field_text *text, const char *word);

/* The i-th recipe; NULL behind the last. For whoever looks at all of them. */
const struct recipe *recipe_at(size_t i);

/* One row of the table in recipe.c each. */
extern const struct recipe recipe_order_tiktok;
extern const struct recipe recipe_order_shopee;
extern const struct recipe recipe_return_tiktok;
extern const struct recipe recipe_cancellation_tiktok;
extern const struct recipe recipe_return_shopee;
extern const struct recipe recipe_product_tiktok;
extern const struct recipe recipe_product_shopee;
extern const struct recipe recipe_tracking_tiktok;
extern const struct recipe recipe_tracking_shopee;
extern const struct recipe recipe_transaction_tiktok;
extern const struct recipe recipe_statement_transaction_tiktok;
extern const struct recipe recipe_statement_tiktok;
extern const struct recipe recipe_settlement_tiktok;
extern const struct recipe recipe_payment_tiktok;
extern const struct recipe recipe_withdrawal_tiktok;
extern const struct recipe recipe_transaction_shopee;
extern const struct recipe recipe_payout_shopee;
extern const struct recipe recipe_wallet_shopee;
extern const struct recipe recipe_income_shopee;

#endif
