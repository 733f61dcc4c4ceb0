/* sim_shopee.h - Shopee's open platform: gateway checks in the documented order, then the endpoint.
 *
 * In:     a request taken apart. Out: the envelope the platform would answer.
 * Fails:  never; what is wrong with a request becomes an answer.
 * Why so: as with TikTok, faults are looked at only after every check has passed, so that a client that signs
 * wrongly or asks for too much always hears about it, also in the middle of an outage. Query parameters that the
 * documentation does not know are refused: better a test that fails than a misspelling silently ignored. */
#ifndef SIM_SHOPEE_H
#define SIM_SHOPEE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim_buf.h"
#include "sim_count.h"
#include "sim_entity.h"
#include "sim_fault.h"

struct answer;
struct call;
struct sim;

#define SHOPEE_IDS_MAX 50
#define SHOPEE_ID_TEXT 32
#define SHOPEE_DAY     86400

/* One call that has passed the gateway. */
struct shopee_ask {
    struct sim *sim;
    const struct call *call;
    struct answer *answer;
    enum api api;
    int64_t shop; /* index; -1: a public call */
    json_t *body; /* owned object; empty for GET */
};

/* --- answers: sim_shopee.c --- */

/* {"error":…,"message":…} without response; what was written before is dropped. Texts are static. */
void shopee_error(struct shopee_ask *ask, const char *error, const char *message);
/* The same with an HTTP status of its own. */
void shopee_error_status(struct shopee_ask *ask, int status, const char *error, const char *message);
/* A success envelope; the caller writes members into it, flat or with shopee_open_response. */
void shopee_open(struct shopee_ask *ask, struct json_out *out);
/* warning NULL: "". */
void shopee_open_response(struct shopee_ask *ask, struct json_out *out, const char *warning);
void shopee_close(struct shopee_ask *ask, struct json_out *out);

/* Applies the faults that concern a whole call. True: the answer is finished, do not compute one. */
bool shopee_faults(struct shopee_ask *ask);

enum shopee_served { SHOPEE_SERVED, SHOPEE_MISSING, SHOPEE_POISONED };
/* Which revision of an entity this call shows; applies poison, missing, stale and hold. entity may be NULL or of
 * another shop: MISSING. On POISONED the answer is finished. */
enum shopee_served shopee_serve(struct shopee_ask *ask, struct entity *entity, uint32_t *revision);

/* Is the word one of these, which are separated by single spaces? */
bool shopee_word_in(const char *word, const char *words);

/* --- parameters: sim_shopee_param.c. Each answers false after an error_param answer of its own --- */

/* optional: *out stays as it is when the parameter is absent. */
bool shopee_int(struct shopee_ask *ask, const char *name, bool optional, int64_t low, int64_t high,
                int64_t *out);
bool shopee_text(struct shopee_ask *ask, const char *name, const char **out);
/* "true" or "false"; absent: false. */
bool shopee_flag(struct shopee_ask *ask, const char *name, bool *out);
/* An id of a batch has nothing to show. True: it is left out with a warning; false: the whole call has failed. */
bool shopee_left_out(struct shopee_ask *ask, uint32_t count, const char *error, const char *message);
/* A pair of times in seconds; -1 where absent. Both or none; at most max seconds apart (0: any). wrong: what to
 * answer when they are not. */
bool shopee_window(struct shopee_ask *ask, const char *from_name, const char *to_name, int64_t max,
                   int64_t *from, int64_t *to, const char *wrong);
/* 1 to 50 texts, from a comma-joined parameter. */
bool shopee_ids(struct shopee_ask *ask, const char *name, char out[SHOPEE_IDS_MAX][SHOPEE_ID_TEXT],
                uint32_t *count);

/* --- the families of endpoints --- */

void shopee_order_list(struct shopee_ask *ask); /* sim_shopee_orders.c */
void shopee_order_detail(struct shopee_ask *ask);
void shopee_package_detail(struct shopee_ask *ask);
void shopee_tracking_info(struct shopee_ask *ask);
void shopee_tracking_get(struct shopee_ask *ask);
void shopee_tracking_mass(struct shopee_ask *ask);

void shopee_return_list(struct shopee_ask *ask); /* sim_shopee_returns.c */
void shopee_return_detail(struct shopee_ask *ask);

void shopee_item_list(struct shopee_ask *ask); /* sim_shopee_products.c */
void shopee_item_base(struct shopee_ask *ask);
void shopee_model_list(struct shopee_ask *ask);

void shopee_escrow_list(struct shopee_ask *ask); /* sim_shopee_finance.c */
void shopee_escrow_detail(struct shopee_ask *ask);
void shopee_escrow_batch(struct shopee_ask *ask);
void shopee_wallet_list(struct shopee_ask *ask);
void shopee_income_detail(struct shopee_ask *ask);

void shopee_token_get(struct shopee_ask *ask); /* sim_shopee_token.c */
void shopee_token_refresh(struct shopee_ask *ask);
void shopee_shops(struct shopee_ask *ask);

/* sim_shopee_selftest.c */
bool shopee_selftest(void);

#endif
