/* topics_shopee.h - server, stage 3 of 5: Shopee's push codes. Contract: map.h. */
#ifndef SHOPSTREAM_SERVER_TOPICS_SHOPEE_H
#define SHOPSTREAM_SERVER_TOPICS_SHOPEE_H

#include "server/map.h"

/* Fills the draft from its parsed body. False: the draft is dead. */
bool topics_shopee_map(struct map_draft *d);

#endif
