/* sim_product.h - TikTok's products: their life, their texts and stock, and the three calls about them.
 *
 * Product id, 19 digits: 1729 SSSSS NNNNNNN CCC - shop index, number, check digits of the seed.
 * SKU id, 19 digits:     1730 SSSSS NNNNNNN III - shop index, number of the product, place from 001.
 * Why so: the first revision is the creation (push 16); the later ones change by turns the texts (15), the
 * stock (27), the status (5) and the audit (37), so that every push has a change of its own behind it. */
#ifndef SIM_PRODUCT_H
#define SIM_PRODUCT_H

#include "sim_entity.h"
#include "sim_tiktok.h"

struct entity *product_change(struct sim *sim, uint32_t shop, uint32_t number, const struct change *change);
const char *product_status_name(const struct entity *product);
void product_render(const struct sim *sim, const struct entity *product, uint32_t revision, struct buf *to);
/* Appends the push's body for the newest revision. */
void product_push(struct sim *sim, const struct entity *product, struct buf *to);

void product_detail(struct sim *sim, const struct call *call, const struct caller *who,
                    struct answer *answer);
void product_search(struct sim *sim, const struct call *call, const struct caller *who,
                    struct answer *answer);
void product_inventory(struct sim *sim, const struct call *call, const struct caller *who,
                       struct answer *answer);

#endif
