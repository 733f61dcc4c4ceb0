/* order_tiktok.h - worker, stage 5: TikTok Shop's order object -> struct order. The recipe of the same name (recipe.h) makes the document. */
#ifndef SHOPSTREAM_WORKER_DTO_ORDER_TIKTOK_H
#define SHOPSTREAM_WORKER_DTO_ORDER_TIKTOK_H

#include "worker/dto/order.h"

extern const struct mapping order_tiktok_mapping;

/* The common word of an order's status; of its tracking too. */
void order_tiktok_set_state(struct field_text *state, const struct field_text *status);

#endif
