/* sim_shopee_state.h - how Shopee's orders, returns and products are named and how they move.
 *
 * In:     changes. Out: entities (sim_entity.h) by number or by the platform's id.
 * Thread: the one loop.
 * Why so: tracking and escrow are two more faces of an order, not things of their own. Their entities only hold
 * the times of their changes; a change of tracking is a revision of the order, too, because the order's body
 * shows its packages.
 *
 * shop_id         4 SSSSS DDD             index, digits of the seed
 * order_sn        YYMMDD XXXXXXXX         date drawn, then shop and number in base 36, shuffled by the seed
 * return_sn       YYMMDD 0XXXXXXXX        the same with a zero in between
 * package_number  OFG SSSSS NNNNNNN P CC  shop, number of the order, package from 1, check digits
 * item_id         2 SSSSS NNNNNNN C       shop, number, check digit
 * model_id        item_id, then one digit */
#ifndef SIM_SHOPEE_STATE_H
#define SIM_SHOPEE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim_entity.h"

struct shop;

#define SHOPEE_PACKAGE_NUMBER 24 /* bytes of a package_number with its NUL, and some */

enum shopee_order_status {
    SHOPEE_UNPAID,
    SHOPEE_PENDING,
    SHOPEE_READY_TO_SHIP,
    SHOPEE_PROCESSED,
    SHOPEE_RETRY_SHIP,
    SHOPEE_SHIPPED,
    SHOPEE_TO_CONFIRM_RECEIVE,
    SHOPEE_TO_RETURN,
    SHOPEE_COMPLETED,
    SHOPEE_IN_CANCEL,
    SHOPEE_CANCELLED,
    SHOPEE_ORDER_STATUSES
};

enum shopee_return_status {
    SHOPEE_REQUESTED,
    SHOPEE_PROCESSING,
    SHOPEE_JUDGING,
    SHOPEE_SELLER_DISPUTE,
    SHOPEE_ACCEPTED,
    SHOPEE_RETURN_CANCELLED,
    SHOPEE_CLOSED,
    SHOPEE_RETURN_STATUSES
};

enum shopee_item_status {
    SHOPEE_NORMAL,
    SHOPEE_BANNED,
    SHOPEE_UNLIST,
    SHOPEE_REVIEWING,
    SHOPEE_SELLER_DELETE,
    SHOPEE_SHOPEE_DELETE,
    SHOPEE_ITEM_STATUSES
};

/* rev.what: what a revision did. */
enum shopee_step {
    SHOPEE_STEP_STATUS,    /* every kind; the first revision, too */
    SHOPEE_STEP_NOTE,      /* order */
    SHOPEE_STEP_ADDRESS,   /* order */
    SHOPEE_STEP_TRACK,     /* order: its packages moved */
    SHOPEE_STEP_LOGISTICS, /* return: the parcel on its way back */
    SHOPEE_STEP_PROOF,     /* return: the seller's evidence */
    SHOPEE_STEP_SOLUTION,  /* return */
    SHOPEE_STEP_PRICE,     /* product */
    SHOPEE_STEP_PROMOTION, /* product */
    SHOPEE_STEP_STOCK,     /* product */
};

void shopee_shop_init(uint64_t seed, uint32_t index, struct shop *shop);

/* Word for a status of this kind (orders also for tracking and transactions). */
const char *shopee_status_word(enum kind kind, unsigned status);
/* -1 when the text is no status of the kind. */
int shopee_status_parse(enum kind kind, const char *text);
const char *shopee_status(const struct entity *entity);

/* By the platform's id, of any shop; NULL when malformed, not ours, not existing yet or deleted. */
struct entity *shopee_by_id(const struct sim *sim, enum kind kind, const char *id);
/* The order a package_number belongs to; *package counts from 0. NULL as above or when it has no such package. */
struct entity *shopee_by_package(const struct sim *sim, const char *number, unsigned *package);

/* sim_platform.change */
const char *shopee_change(struct sim *sim, enum kind kind, uint32_t shop, uint32_t number,
                          const struct change *change, struct entity **out);

/* How often a step has happened up to a revision. */
uint32_t shopee_steps(const struct entity *entity, uint32_t revision, enum shopee_step step);
/* Packages the order has in this revision: 0 until it is paid, then 1 to 3. */
unsigned shopee_packages(const struct entity *order, uint32_t revision);
/* What the nth change of tracking (from 1) was about. */
unsigned shopee_track_package(const struct entity *order, uint32_t nth);
/* Second of the newest change of the packages up to an order's revision. */
int64_t shopee_package_time(const struct sim *sim, const struct entity *order, uint32_t revision);
void shopee_package_number(const struct entity *order, unsigned package, char out[SHOPEE_PACKAGE_NUMBER]);
/* When the money of a completed order was released, seconds; 0: not yet. */
int64_t shopee_release_time(const struct entity *order, uint32_t revision);
int64_t shopee_item_id(const struct sim *sim, uint32_t shop, uint32_t number);
/* Where a shop sells: VN and SG by turns, then BR and MY. */
const char *shopee_region(uint32_t shop);
const char *shopee_currency(uint32_t shop);

#endif
