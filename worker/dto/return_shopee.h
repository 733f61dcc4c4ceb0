/* return_shopee.h - worker, stage 5: Shopee's returns -> struct return_case (recipe.h). */
#ifndef SHOPSTREAM_WORKER_DTO_RETURN_SHOPEE_H
#define SHOPSTREAM_WORKER_DTO_RETURN_SHOPEE_H

#include "worker/dto/return.h"

extern const struct mapping return_shopee_mapping;

#endif
