/* sim_render.h - the body of an order: every field the platform documents, compact, keys in alphabetical order.
 *
 * In:     an order and a revision of it (1 … revisions). Out: its JSON, appended to a buffer.
 * Fails:  never. Pure: the same (seed, shop, number, revision, times) give the same bytes.
 *
 * Package id, 19 or 21 digits: 1154 SSSSS NNNNNNN P CC [73] - shop index, number of the order, place, check digits.
 *
 * Why so: written with a plain writer, not a JSON library: this is what decides how fast the simulator is, and
 * the key order of the source lines is the key order of the document. Each optional field decides by its own
 * name whether it is there, empty, null or missing. */
#ifndef SIM_RENDER_H
#define SIM_RENDER_H

#include "sim_orders.h"

struct buf;
struct sim;

#define LINES_MAX    10
#define PACKAGES_MAX 3

/* What returns, packages and transactions repeat of their order. Amounts in the currency's smallest unit. */
struct order_line {
    char id[24], sku_id[24];
    const char *product_name, *sku_name, *seller_sku;
    int64_t original, seller_discount, sale;
    unsigned package; /* index */
};

struct order_facts {
    const char *currency;
    unsigned decimals, lines, packages;
    struct order_line line[LINES_MAX];
    struct {
        char id[24], tracking[32];
    } package[PACKAGES_MAX];
    char carrier_id[24];
    const char *carrier;
    int64_t paid; /* seconds, 0: not yet */
};

void render_order(const struct sim *sim, const struct entity *order, uint32_t revision, struct buf *to);

/* What search filters look at, without rendering. */
const char *render_shipping_type(const struct entity *order);
void render_user_id(const struct entity *order, char out[24]);
void render_warehouse_id(const struct entity *order, char out[24]);
bool render_cancel_requested(const struct entity *order, uint32_t revision);

/* As of the newest revision. */
void render_facts(const struct sim *sim, const struct entity *order, struct order_facts *out);
/* package_status of packages and lines while the order has this status. */
const char *render_package_status(enum order_status status);

#endif
