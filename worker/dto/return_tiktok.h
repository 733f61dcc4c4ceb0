/* return_tiktok.h - worker, stage 5: TikTok Shop's returns and cancellations -> struct return_case (recipe.h). */
#ifndef SHOPSTREAM_WORKER_DTO_RETURN_TIKTOK_H
#define SHOPSTREAM_WORKER_DTO_RETURN_TIKTOK_H

#include "worker/dto/return.h"

extern const struct mapping return_tiktok_mapping;
extern const struct mapping cancellation_tiktok_mapping;

#endif
