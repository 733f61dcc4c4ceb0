/* sim_return.h - TikTok's returns and cancellations: their life, their texts, and the two searches.
 *
 * In:     changes; each belongs to the order of its number. Out: entities of KIND_RETURN, KIND_CANCELLATION.
 *
 * Return id, 19 digits:       4035 SSSSS NNNNNNN CCC - shop index, number, check digits of the seed.
 * Cancellation id, 19 digits: 4036 SSSSS NNNNNNN CCC */
#ifndef SIM_RETURN_H
#define SIM_RETURN_H

#include "sim_entity.h"
#include "sim_tiktok.h"

/* kind: KIND_RETURN or KIND_CANCELLATION. The order must exist. */
struct entity *return_change(struct sim *sim, enum kind kind, uint32_t shop, uint32_t number,
                             const struct change *change);
const char *return_status_name(const struct entity *entity);
void return_render(const struct sim *sim, const struct entity *entity, uint32_t revision, struct buf *to);
void return_push(struct sim *sim, const struct entity *entity, struct buf *to);

void return_search(struct sim *sim, const struct call *call, const struct caller *who, struct answer *answer);
void cancellation_search(struct sim *sim, const struct call *call, const struct caller *who,
                         struct answer *answer);

#endif
