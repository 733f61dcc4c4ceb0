/* product_shopee.h - worker, stage 5: Shopee's items and models -> struct product (recipe.h). */
#ifndef SHOPSTREAM_WORKER_DTO_PRODUCT_SHOPEE_H
#define SHOPSTREAM_WORKER_DTO_PRODUCT_SHOPEE_H

#include "worker/dto/product.h"

extern const struct mapping product_shopee_mapping;

#endif
