/* sim_field.h - optional fields of documents, and ids of the shapes a marketplace uses.
 *
 * In:     what the field depends on (a draw) and its name. Out: the field in a document: full, empty, "0", null
 *         or not there at all - always the same for the same entity.
 * Why so: each field decides by its own name, so a new one changes no other. */
#ifndef SIM_FIELD_H
#define SIM_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "sim_buf.h"
#include "sim_draw.h"

enum shape { SHAPE_FULL, SHAPE_EMPTY, SHAPE_ZERO, SHAPE_NULL, SHAPE_MISSING };

#define FIELD_PICK(d, what, list) ((list)[draw_below((d), (what), sizeof(list) / sizeof *(list))])

enum shape field_shape(struct draw d, const char *key);
void field_text(struct json_out *out, struct draw d, const char *key, const char *value);
/* An id that does not exist may also stand there as "0". */
void field_id(struct json_out *out, struct draw d, const char *key, const char *value);
void field_flag(struct json_out *out, struct draw d, const char *key, bool value);
/* A number: there (mostly), null or missing. */
void field_int(struct json_out *out, struct draw d, const char *key, int64_t value);
/* An amount in the smallest unit of a currency with so many decimals, as text. */
void field_money(struct json_out *out, const char *key, int64_t amount, unsigned decimals);
void field_money_text(int64_t amount, unsigned decimals, char out[32]);

/* prefix and as many digits as make 19. */
void field_digits(struct draw d, const char *what, const char *prefix, char out[24]);
/* The same, but one in sixteen has 21 digits, which is more than 64 bits. */
void field_long_id(struct draw d, const char *what, const char *prefix, char out[24]);

#endif
