/* sim_render.h - the body of an order: every field the platform documents, compact, keys in alphabetical order.
 *
 * In:     an order and a revision of it (1 … revisions). Out: its JSON, appended to a buffer.
 * Fails:  never. Pure: the same (seed, shop, number, revision, times) give the same bytes.
 * Why so: written with a plain writer, not a JSON library: this is what decides how fast the simulator is, and
 * the key order of the source lines is the key order of the document. Each optional field decides by its own
 * name whether it is there, empty, null or missing. */
#ifndef SIM_RENDER_H
#define SIM_RENDER_H

#include "sim_state.h"

struct buf;

void render_order(const struct sim *sim, const struct entity *order, uint32_t revision, struct buf *to);

/* What search filters look at, without rendering. */
const char *render_shipping_type(const struct entity *order);
void render_user_id(const struct entity *order, char out[24]);
void render_warehouse_id(const struct entity *order, char out[24]);
bool render_cancel_requested(const struct entity *order, uint32_t revision);

#endif
