/* order_shopee.h - worker, stage 5: Shopee's order object -> struct order (recipe.h). */
#ifndef SHOPSTREAM_WORKER_DTO_ORDER_SHOPEE_H
#define SHOPSTREAM_WORKER_DTO_ORDER_SHOPEE_H

#include "worker/dto/order.h"

extern const struct mapping order_shopee_mapping;

/* The common word of an order's status; of its tracking too. */
void order_shopee_set_state(struct field_text *state, const struct field_text *status);

#endif
