/* sim_shopee_render.h - the documents Shopee serves, each as a function of an entity and a revision.
 *
 * In:     an entity and a revision of it (1 … revisions). Out: one JSON object, appended to a buffer.
 * Fails:  never. Pure: the same (seed, shop, number, revision, times) give the same bytes.
 * Why so: what a call serves and what GET truth prints come from the same function, so they cannot differ; how a
 * client asks for them (which optional fields, which page) stays with the calls. */
#ifndef SIM_SHOPEE_RENDER_H
#define SIM_SHOPEE_RENDER_H

#include "sim_shopee_state.h"

struct buf;

/* Bits of the names response_optional_fields may hold. */
uint64_t shopee_all_order_fields(void);
/* Would an order with these fields look the same as with all? */
bool shopee_all_shown(uint64_t fields);
/* False: there is no such field. */
bool shopee_order_field(const char *name, size_t length, uint64_t *bit);

/* As get_order_detail lists it. pending: the caller knows the status PENDING. */
void shopee_render_order(const struct sim *sim, const struct entity *order, uint32_t revision,
                         uint64_t fields, bool pending, struct buf *to);
/* As get_package_detail lists it. */
void shopee_render_package(const struct sim *sim, const struct entity *order, uint32_t revision,
                           unsigned package, struct buf *to);
/* The response of get_tracking_info. */
void shopee_render_tracking(const struct sim *sim, const struct entity *order, uint32_t revision,
                            unsigned package, struct buf *to);
/* "" until the carrier has given one. */
void shopee_tracking_number(const struct entity *order, uint32_t revision, unsigned package, char out[32]);
/* LOGISTICS_… of a package. */
const char *shopee_logistics_status(const struct entity *order, uint32_t revision, unsigned package);
int64_t shopee_ship_by(const struct entity *order, uint32_t revision, unsigned package);
int64_t shopee_channel(const struct entity *order, unsigned package);
/* Orders by time: what lists look at. */
int64_t shopee_created(const struct entity *entity);

/* detail: the response of get_return_detail; else an element of get_return_list. */
void shopee_render_return(const struct sim *sim, const struct entity *ret, uint32_t revision, bool detail,
                          struct buf *to);
/* The status words a return list can be filtered by. */
const char *shopee_negotiation_status(const struct entity *ret, uint32_t revision);
const char *shopee_proof_status(const struct entity *ret, uint32_t revision);
const char *shopee_compensation_status(const struct entity *ret, uint32_t revision);
const char *shopee_reverse_status(const struct entity *ret, uint32_t revision);
const char *shopee_solution(const struct entity *ret, uint32_t revision);

/* As get_item_base_info lists it; tax and complaint add what the caller asked for. */
void shopee_render_item(const struct sim *sim, const struct entity *item, uint32_t revision, bool tax,
                        bool complaint, struct buf *to);
/* The response of get_model_list. */
void shopee_render_models(const struct sim *sim, const struct entity *item, uint32_t revision,
                          struct buf *to);
bool shopee_has_models(const struct entity *item);
/* 0: the item has no models. */
int64_t shopee_model_id(const struct entity *item);
/* Smallest units. */
int64_t shopee_item_price(const struct sim *sim, const struct entity *item, uint32_t revision);
uint64_t shopee_promotion_id(const struct entity *item, uint32_t revision);
int64_t shopee_reserved(const struct entity *item, uint32_t revision);
bool shopee_deboost(const struct entity *item, uint32_t revision);

/* The response of get_escrow_detail, for an order that is COMPLETED; changes: revisions of the settlement. */
void shopee_render_escrow(const struct sim *sim, const struct entity *order, uint32_t changes,
                          struct buf *to);
/* What the seller gets, smallest units. */
int64_t shopee_escrow_amount(const struct sim *sim, const struct entity *order, uint32_t changes);
/* Rows of the wallet that belong to a completed order, and one of them (element of transaction_list). */
unsigned shopee_wallet_rows(const struct entity *order, uint32_t changes);
int64_t shopee_wallet_time(const struct sim *sim, const struct entity *order, unsigned row);
const char *shopee_wallet_type(const struct sim *sim, const struct entity *order, unsigned row);
const char *shopee_wallet_flow(const struct sim *sim, const struct entity *order, unsigned row);
void shopee_render_wallet(const struct sim *sim, const struct entity *order, unsigned row, struct buf *to);

#endif
