/* order_tiktok.h - worker, stage 5: TikTok Shop's order object -> struct order. dto.h has the document made of it. */
#ifndef SHOPSTREAM_WORKER_DTO_ORDER_TIKTOK_H
#define SHOPSTREAM_WORKER_DTO_ORDER_TIKTOK_H

#include <stdint.h>
#include <yyjson.h>

#include "worker/dto/order.h"

extern const struct mapping order_tiktok_mapping;

/* Fills a zeroed order; texts borrow from the JSON document, parts lie in the arena. False: the arena is full. */
bool order_tiktok_read(yyjson_val *json, struct order *to, struct arena *arena,
                       struct field_problems *problems) __attribute__((warn_unused_result));

/* The common word for a status; "unknown" for one that no row knows. Literal. */
const char *order_tiktok_state(const char *status, size_t n);

/* The version of the document that dto_order_tiktok would build from this object, without building it. */
int64_t order_tiktok_version(yyjson_val *json, int64_t stored_version, int64_t now_ms);

#endif
