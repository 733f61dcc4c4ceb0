/* topics_tiktok.h - server, stage 3 of 5: TikTok Shop's topics. Contract: map.h. */
#ifndef SHOPSTREAM_SERVER_TOPICS_TIKTOK_H
#define SHOPSTREAM_SERVER_TOPICS_TIKTOK_H

#include "server/map.h"

/* Fills the draft from its parsed body. False: the draft is dead. */
bool topics_tiktok_map(struct map_draft *d);

#endif
