/* product_tiktok.h - worker, stage 5: TikTok Shop's products -> struct product (recipe.h). */
#ifndef SHOPSTREAM_WORKER_DTO_PRODUCT_TIKTOK_H
#define SHOPSTREAM_WORKER_DTO_PRODUCT_TIKTOK_H

#include "worker/dto/product.h"

extern const struct mapping product_tiktok_mapping;

#endif
