/* sim_package.h - TikTok's packages and their tracking.
 *
 * In:     an order that was packed (AWAITING_COLLECTION or later), and the changes of its tracking.
 * Out:    package details, package lists, tracking events.
 * Why so: a package is no entity of its own: it follows its order, and what moves besides (another event of the
 * carrier, a split) is the entity of KIND_TRACKING with the order's number. */
#ifndef SIM_PACKAGE_H
#define SIM_PACKAGE_H

#include "sim_entity.h"
#include "sim_tiktok.h"

struct truth;

/* Packs the order first if need be. Returns NULL, or why not (it was cancelled before). */
const char *package_change(struct sim *sim, uint32_t shop, uint32_t number, const struct change *change,
                           struct entity **out);
const char *package_status_name(const struct entity *tracking);
void package_push(struct sim *sim, const struct entity *tracking, struct buf *to);
/* {"order","packages","tracking"}; false: the order has no packages. */
bool package_truth(struct sim *sim, uint32_t shop, uint32_t number, struct truth *out);

void package_detail(struct sim *sim, const struct call *call, const struct caller *who,
                    struct answer *answer);
void package_search(struct sim *sim, const struct call *call, const struct caller *who,
                    struct answer *answer);
void package_tracking(struct sim *sim, const struct call *call, const struct caller *who,
                      struct answer *answer);

#endif
