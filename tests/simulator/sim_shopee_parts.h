/* sim_shopee_parts.h - what the documents of Shopee have in common: a view of one revision, fields that may be
 * missing, amounts, addresses.
 *
 * In:     an entity and a revision. Out: members of the JSON object that is being written.
 * Thread: any; pure apart from the buffer.
 * Why so: each optional field decides by its own name whether it is there, null or empty, so that a document
 * looks the same in every answer; and each kind's file then is a list of fields in the platform's order. */
#ifndef SIM_SHOPEE_PARTS_H
#define SIM_SHOPEE_PARTS_H

#include "sim_buf.h"
#include "sim_shopee_state.h"

/* One document while it is written. */
struct view {
    const struct sim *sim;
    const struct entity *entity; /* borrowed */
    const struct rev *rev;       /* the revision shown */
    uint32_t revision;
    struct draw d;        /* decides what stays the same over all revisions */
    struct json_out out;  /* where it goes */
    const char *currency; /* of the shop */
    const char *region;   /* of the shop */
    unsigned decimals;    /* of the currency */
};

#define PICK(d, what, list) ((list)[draw_below((d), (what), sizeof(list) / sizeof *(list))])

void view_init(struct view *v, const struct sim *sim, const struct entity *entity, uint32_t revision,
               struct buf *to);

/* Documented fields that may be left out: mostly there, sometimes empty (or 0), null, or missing. */
void part_text(struct view *v, struct draw d, const char *key, const char *value);
void part_int(struct view *v, struct draw d, const char *key, int64_t value);
void part_flag(struct view *v, struct draw d, const char *key, bool value);
/* Documented as text or null. NULL: null. */
void part_text_or_null(struct view *v, const char *key, const char *value);
/* Shows at all, for fields that are objects or lists. */
bool part_shows(struct draw d, const char *key);

/* Smallest units as a JSON number in major units: 119000, 4.92, 4.9, 5, -0.35. key NULL: an element. */
void part_money(struct view *v, const char *key, int64_t amount);
/* The same of a shop, outside of a view. */
void part_shop_money(struct json_out *out, uint32_t shop, const char *key, int64_t amount);
/* Between low and high in thousands of VND, or the like of it in another currency's cents. */
int64_t part_amount(const struct view *v, struct draw d, const char *what, int64_t low, int64_t high);

/* nth thing sold in a line of an order or return: the same for both. */
struct part_line {
    int64_t item_id, model_id; /* model_id 0: the item has none */
    const char *item, *model;  /* names; model "" without one */
    const char *sku;           /* of the item */
    int64_t quantity;
    int64_t original, discounted; /* price of one, smallest units */
    int64_t gram;                 /* weight of one */
    int64_t order_item_id, line_item_id;
    const char *promotion; /* type */
    int64_t promotion_id;
};
#define PART_LINES_MAX 5
unsigned part_lines(const struct entity *order);
void part_line(const struct view *v, const struct entity *order, unsigned nth, struct part_line *out);

/* recipient_address and the like; changed: how often it was changed so far. */
void part_address(struct view *v, const char *key, const struct entity *order, unsigned changed);
/* Masked. */
void part_buyer(const struct entity *order, char out[32]);

#endif
