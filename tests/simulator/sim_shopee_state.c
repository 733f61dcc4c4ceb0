/* sim_shopee_state.c - see sim_shopee_state.h. */
#include "sim_shopee_state.h"

#include <stdio.h>
#include <string.h>

#include "sim_num.h"
#include "sim_state.h"

#define SN_SPACE   2821109907456u /* 36^8 = 2^16 3^16 */
#define SN_FACTOR  1000000007u    /* neither 2 nor 3 divides it, so it has an inverse modulo 36^8 */
#define SN_NUMBERS (SIM_NUMBER_MAX + 1u)

static const char *const order_words[SHOPEE_ORDER_STATUSES] = {
    [SHOPEE_UNPAID] = "UNPAID",
    [SHOPEE_PENDING] = "PENDING",
    [SHOPEE_READY_TO_SHIP] = "READY_TO_SHIP",
    [SHOPEE_PROCESSED] = "PROCESSED",
    [SHOPEE_RETRY_SHIP] = "RETRY_SHIP",
    [SHOPEE_SHIPPED] = "SHIPPED",
    [SHOPEE_TO_CONFIRM_RECEIVE] = "TO_CONFIRM_RECEIVE",
    [SHOPEE_TO_RETURN] = "TO_RETURN",
    [SHOPEE_COMPLETED] = "COMPLETED",
    [SHOPEE_IN_CANCEL] = "IN_CANCEL",
    [SHOPEE_CANCELLED] = "CANCELLED",
};
static const char *const return_words[SHOPEE_RETURN_STATUSES] = {
    [SHOPEE_REQUESTED] = "REQUESTED", [SHOPEE_PROCESSING] = "PROCESSING",
    [SHOPEE_JUDGING] = "JUDGING",     [SHOPEE_SELLER_DISPUTE] = "SELLER_DISPUTE",
    [SHOPEE_ACCEPTED] = "ACCEPTED",   [SHOPEE_RETURN_CANCELLED] = "CANCELLED",
    [SHOPEE_CLOSED] = "CLOSED",
};
static const char *const item_words[SHOPEE_ITEM_STATUSES] = {
    [SHOPEE_NORMAL] = "NORMAL",
    [SHOPEE_BANNED] = "BANNED",
    [SHOPEE_UNLIST] = "UNLIST",
    [SHOPEE_REVIEWING] = "REVIEWING",
    [SHOPEE_SELLER_DELETE] = "SELLER_DELETE",
    [SHOPEE_SHOPEE_DELETE] = "SHOPEE_DELETE",
};

const char *shopee_status_word(enum kind kind, unsigned status)
{
    return kind == KIND_PRODUCT  ? item_words[status]
           : kind == KIND_RETURN ? return_words[status]
                                 : order_words[status];
}

int shopee_status_parse(enum kind kind, const char *text)
{
    int count = kind == KIND_PRODUCT  ? SHOPEE_ITEM_STATUSES
                : kind == KIND_RETURN ? SHOPEE_RETURN_STATUSES
                                      : SHOPEE_ORDER_STATUSES;

    for (int i = 0; i < count; i++) {
        if (strcmp(shopee_status_word(kind, (unsigned)i), text) == 0)
            return i;
    }
    return -1;
}

const char *shopee_status(const struct entity *entity)
{
    return shopee_status_word((enum kind)entity->kind, entity_last(entity)->status);
}

/* --- ids ---------------------------------------------------------------------------------------------- */

void shopee_shop_init(uint64_t seed, uint32_t index, struct shop *shop)
{
    snprintf(shop->id, sizeof shop->id, "4%05u%03u", index,
             (unsigned)draw_below(draw_of(seed, 101, index, 0), "shop_id", 1000));
    shop->cipher[0] = '\0';
}

static uint64_t sn_shift(uint64_t seed)
{
    return draw_below(draw_of(seed, 102, 0, 0), "shift", SN_SPACE);
}

/* a b modulo 36^8 for a, b < 36^8: in two halves, because the product does not fit into 64 bits. */
static uint64_t sn_multiply(uint64_t a, uint64_t b)
{
    uint64_t high = (b >> 21) * a % SN_SPACE; /* a < 2^42, so each step stays below 2^63 */

    return (high * (1u << 21) + (b & 0x1fffff) * a) % SN_SPACE;
}

/* The group of numbers with an inverse has 2^15 2 3^15 members; a power one short of that is the inverse. */
static uint64_t sn_inverse(void)
{
    uint64_t result = 1, square = SN_FACTOR;

    for (uint64_t power = 65536ull * 14348907ull - 1; power; power >>= 1) {
        if (power & 1)
            result = sn_multiply(result, square);
        square = sn_multiply(square, square);
    }
    return result;
}

static void sn_write(const struct sim *sim, const struct entity *e, bool is_return, char out[ENTITY_ID])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    uint64_t place = (uint64_t)e->shop * SN_NUMBERS + e->number;
    uint64_t v = (sn_multiply(SN_FACTOR, place) + sn_shift(sim->opt.seed)) % SN_SPACE;
    struct draw d = draw_of(sim->opt.seed, 103, e->shop, e->number);
    int at = snprintf(out, ENTITY_ID, "26%02u%02u%s", 1 + (unsigned)draw_below(d, "month", 9),
                      1 + (unsigned)draw_below(d, "day", 28), is_return ? "0" : "");

    for (int i = 7; i >= 0; i--, v /= 36)
        out[at + i] = digits[v % 36];
    out[at + 8] = '\0';
}

/* False: cannot be one of ours. */
static bool sn_read(const struct sim *sim, const char *text, uint32_t *shop, uint32_t *number)
{
    uint64_t v = 0;

    for (; *text; text++) {
        if (!((*text >= '0' && *text <= '9') || (*text >= 'A' && *text <= 'Z')))
            return false;
        v = v * 36 + (uint64_t)(*text <= '9' ? *text - '0' : *text - 'A' + 10);
    }
    v = sn_multiply(sn_inverse(), (v + SN_SPACE - sn_shift(sim->opt.seed)) % SN_SPACE);
    *shop = (uint32_t)(v / SN_NUMBERS);
    *number = (uint32_t)(v % SN_NUMBERS);
    return v / SN_NUMBERS < sim->opt.shops;
}

int64_t shopee_item_id(const struct sim *sim, uint32_t shop, uint32_t number)
{
    struct draw d = draw_of(sim->opt.seed, 104, shop, number);

    return ((200000 + (int64_t)shop) * SN_NUMBERS + number) * 10 + (int64_t)draw_below(d, "check", 10);
}

void shopee_package_number(const struct entity *order, unsigned package, char out[SHOPEE_PACKAGE_NUMBER])
{
    snprintf(out, SHOPEE_PACKAGE_NUMBER, "OFG%05u%07u%u%02u", order->shop, order->number, package + 1,
             (unsigned)draw_below(order->draw, "package", 100));
}

static bool item_read(const char *id, uint32_t *shop, uint32_t *number)
{
    int64_t s, n;

    if (strlen(id) != 14 || !num_i64(id + 1, 5, 0, SIM_SHOPS_MAX, &s) ||
        !num_i64(id + 6, 7, 0, SIM_NUMBER_MAX, &n))
        return false;
    *shop = (uint32_t)s;
    *number = (uint32_t)n;
    return true;
}

struct entity *shopee_by_id(const struct sim *sim, enum kind kind, const char *id)
{
    size_t prefix = kind == KIND_RETURN ? 7 : 6;
    uint32_t shop, number;
    struct entity *e;

    if (kind == KIND_PRODUCT ? !item_read(id, &shop, &number)
                             : strlen(id) != prefix + 8 || !sn_read(sim, id + prefix, &shop, &number))
        return NULL;
    e = entity_get(sim, kind, shop, number);
    return e && strcmp(e->id, id) == 0 ? e : NULL;
}

struct entity *shopee_by_package(const struct sim *sim, const char *number, unsigned *package)
{
    int64_t shop, order;
    struct entity *e;
    char expected[SHOPEE_PACKAGE_NUMBER];

    if (strlen(number) != 18 || !num_i64(number + 3, 5, 0, SIM_SHOPS_MAX, &shop) ||
        !num_i64(number + 8, 7, 0, SIM_NUMBER_MAX, &order) || number[15] < '1' || number[15] > '9')
        return NULL;
    e = entity_get(sim, KIND_ORDER, (uint32_t)shop, (uint32_t)order);
    *package = (unsigned)(number[15] - '1');
    if (!e || *package >= shopee_packages(e, e->revisions))
        return NULL;
    shopee_package_number(e, *package, expected);
    return strcmp(expected, number) == 0 ? e : NULL;
}

/* --- how it moves --------------------------------------------------------------------------------------- */

static unsigned order_first(struct draw d)
{
    if (!draw_chance(d, "cod", 40))
        return SHOPEE_UNPAID;
    return draw_chance(d, "pending", 20) ? SHOPEE_PENDING : SHOPEE_READY_TO_SHIP;
}

static unsigned order_next(struct draw d, unsigned now)
{
    if (now <= SHOPEE_RETRY_SHIP && draw_chance(d, "cancelled", 14) &&
        now >= (unsigned)draw_below(d, "cancelled_from", 4))
        return draw_chance(d, "asked_first", 50) ? SHOPEE_IN_CANCEL : SHOPEE_CANCELLED;
    switch (now) {
    case SHOPEE_UNPAID:
        return draw_chance(d, "pending", 20) ? SHOPEE_PENDING : SHOPEE_READY_TO_SHIP;
    case SHOPEE_PROCESSED:
        return draw_chance(d, "retry", 15) ? SHOPEE_RETRY_SHIP : SHOPEE_SHIPPED;
    case SHOPEE_TO_CONFIRM_RECEIVE:
        return draw_chance(d, "returned", 15) ? SHOPEE_TO_RETURN : SHOPEE_COMPLETED;
    case SHOPEE_IN_CANCEL:
    case SHOPEE_CANCELLED:
        return SHOPEE_CANCELLED;
    case SHOPEE_COMPLETED:
        return SHOPEE_COMPLETED;
    default:
        return now + 1;
    }
}

/* Which way an order goes is decided apart from the rest of it, so that it is known before the order is there. */
static struct draw order_way(const struct sim *sim, uint32_t shop, uint32_t number)
{
    return draw_of(sim->opt.seed, 105, shop, number);
}

/* Will it, or did it, end in COMPLETED? */
static bool order_completes(const struct entity *order, struct draw d)
{
    unsigned status = order ? entity_last(order)->status : order_first(d);

    while (status != SHOPEE_COMPLETED && status != SHOPEE_CANCELLED)
        status = order_next(d, status);
    return status == SHOPEE_COMPLETED;
}

static unsigned return_next(struct draw d, unsigned now)
{
    uint64_t way = draw_below(d, "way", 10);

    switch (now) {
    case SHOPEE_REQUESTED:
        return way == 0 ? SHOPEE_RETURN_CANCELLED : way < 4 ? SHOPEE_JUDGING : SHOPEE_PROCESSING;
    case SHOPEE_PROCESSING:
        return way == 9 ? SHOPEE_SELLER_DISPUTE : SHOPEE_ACCEPTED;
    case SHOPEE_JUDGING:
    case SHOPEE_SELLER_DISPUTE:
        return way & 1 ? SHOPEE_CLOSED : SHOPEE_ACCEPTED;
    case SHOPEE_ACCEPTED:
        return SHOPEE_CLOSED;
    default:
        return now;
    }
}

/* Products become restricted and come back. */
static unsigned item_next(struct draw d, unsigned now)
{
    return now == SHOPEE_NORMAL ? 1 + (unsigned)draw_below(d, "restricted", SHOPEE_ITEM_STATUSES - 1)
                                : SHOPEE_NORMAL;
}

/* Appends a revision. The time is taken first: it depends on the revisions there were. */
static struct rev *step(struct sim *sim, struct entity *e, enum shopee_step what, const struct change *change)
{
    int64_t at = entity_change_time(sim, e, change);
    struct rev *rev = entity_append(sim, e);

    rev->update_time = at;
    rev->what = (uint8_t)what;
    return rev;
}

static struct entity *entity_first(struct sim *sim, enum kind kind, uint32_t shop, uint32_t number,
                                   const struct change *change)
{
    struct entity *e = entity_new(sim, kind, shop, number);

    if (kind == KIND_PRODUCT)
        snprintf(e->id, sizeof e->id, "%lld", (long long)shopee_item_id(sim, shop, number));
    else
        sn_write(sim, e, kind == KIND_RETURN, e->id);
    step(sim, e, SHOPEE_STEP_STATUS, change);
    if (kind == KIND_ORDER)
        e->revs[0].status = (uint8_t)order_first(order_way(sim, shop, number));
    return e;
}

static void order_step(struct sim *sim, struct entity *e, const struct change *change)
{
    struct draw way = order_way(sim, e->shop, e->number);
    unsigned now = entity_last(e)->status, next = change->address ? now : order_next(way, now);
    struct rev *rev = step(sim, e,
                           change->address ? SHOPEE_STEP_ADDRESS
                           : next == now   ? SHOPEE_STEP_NOTE
                                           : SHOPEE_STEP_STATUS,
                           change);

    rev->status = (uint8_t)next;
    rev->address = (uint16_t)(rev->address + change->address);
    rev->note = (uint16_t)(rev->note + (rev->what == SHOPEE_STEP_NOTE));
}

static void return_step(struct sim *sim, struct entity *e, const struct change *change)
{
    static const enum shopee_step others[] = {SHOPEE_STEP_LOGISTICS, SHOPEE_STEP_PROOF, SHOPEE_STEP_SOLUTION};
    struct draw d = draw_of(e->draw.base, e->revisions, 0, 4);
    unsigned now = entity_last(e)->status, next = return_next(d, now);
    bool moves = next != now && draw_chance(d, "moves", 60);
    struct rev *rev = step(sim, e, moves ? SHOPEE_STEP_STATUS : others[draw_below(d, "other", 3)], change);

    if (moves)
        rev->status = (uint8_t)next;
}

/* By turns: price, promotion, stock, status. */
static void product_step(struct sim *sim, struct entity *e, const struct change *change)
{
    static const enum shopee_step turns[] = {SHOPEE_STEP_STATUS, SHOPEE_STEP_PRICE, SHOPEE_STEP_PROMOTION,
                                             SHOPEE_STEP_STOCK};
    struct draw d = draw_of(e->draw.base, e->revisions, 0, 5);
    struct rev *rev = step(sim, e, turns[e->revisions % 4], change);

    if (rev->what == SHOPEE_STEP_STATUS)
        rev->status = (uint8_t)item_next(d, rev->status);
}

static struct entity *order_needed(struct sim *sim, uint32_t shop, uint32_t number,
                                   const struct change *change)
{
    struct entity *e = entity_get(sim, KIND_ORDER, shop, number);

    return e ? e : entity_first(sim, KIND_ORDER, shop, number, change);
}

/* When the packages move although their order's update time does not. Called with the order's new revision. */
static int64_t package_next(const struct sim *sim, const struct entity *order, const struct change *change)
{
    struct draw d = draw_of(order->draw.base, order->revisions, 0, 7);
    int64_t at =
        shopee_package_time(sim, order, order->revisions - 1) + 1 + (int64_t)draw_below(d, "step", 60);

    if (change->at >= 0)
        return change->at;
    return at > sim_now_s(sim) ? sim_now_s(sim) : at;
}

/* The packages move, and with them the order's update time unless the change says otherwise. */
static struct entity *tracking_step(struct sim *sim, uint32_t shop, uint32_t number,
                                    const struct change *change)
{
    struct entity *order = order_needed(sim, shop, number, change);
    struct entity *e = entity_get(sim, KIND_TRACKING, shop, number);
    struct change moves = *change;
    struct rev *rev;

    while (shopee_packages(order, order->revisions) == 0)
        order_step(sim, order, change);
    if (!e) {
        e = entity_new(sim, KIND_TRACKING, shop, number);
        memcpy(e->id, order->id, sizeof e->id);
    }
    step(sim, order, SHOPEE_STEP_TRACK, change);
    moves.keep_update_time = false;
    moves.at = change->keep_update_time ? package_next(sim, order, change) : entity_last(order)->update_time;
    rev = step(sim, e, SHOPEE_STEP_TRACK, &moves);
    rev->status = entity_last(order)->status;
    return e;
}

static struct entity *transaction_step(struct sim *sim, uint32_t shop, uint32_t number,
                                       const struct change *change)
{
    struct entity *order = order_needed(sim, shop, number, change);
    struct entity *e = entity_get(sim, KIND_TRANSACTION, shop, number);

    while (entity_last(order)->status != SHOPEE_COMPLETED)
        order_step(sim, order, change);
    if (!e) {
        e = entity_new(sim, KIND_TRANSACTION, shop, number);
        memcpy(e->id, order->id, sizeof e->id);
    }
    step(sim, e, SHOPEE_STEP_STATUS, change)->status = SHOPEE_COMPLETED;
    return e;
}

static const char *change_problem(const struct sim *sim, enum kind kind, uint32_t shop, uint32_t number,
                                  const struct change *change)
{
    const struct entity *e = entity_ever(sim, kind, shop, number);
    const struct entity *order = entity_ever(sim, KIND_ORDER, shop, number);

    if (e && e->deleted)
        return "it was deleted";
    if (kind != KIND_PRODUCT && order && order->deleted)
        return "its order was deleted";
    if (change->address && (!e || kind != KIND_ORDER))
        return "address: the order does not exist yet";
    if (kind == KIND_TRANSACTION && !order_completes(order, order_way(sim, shop, number)))
        return "the order is cancelled before it is settled";
    return NULL;
}

const char *shopee_change(struct sim *sim, enum kind kind, uint32_t shop, uint32_t number,
                          const struct change *change, struct entity **out)
{
    const char *problem = change_problem(sim, kind, shop, number, change);
    struct entity *e = entity_get(sim, kind, shop, number);

    if (problem)
        return problem;
    if (kind == KIND_RETURN)
        order_needed(sim, shop, number, change);
    if (kind == KIND_TRACKING)
        e = tracking_step(sim, shop, number, change);
    else if (kind == KIND_TRANSACTION)
        e = transaction_step(sim, shop, number, change);
    else if (!e)
        e = entity_first(sim, kind, shop, number, change);
    else if (kind == KIND_ORDER)
        order_step(sim, e, change);
    else if (kind == KIND_RETURN)
        return_step(sim, e, change);
    else
        product_step(sim, e, change);
    *out = e;
    return NULL;
}

/* --- derived ---------------------------------------------------------------------------------------------- */

uint32_t shopee_steps(const struct entity *entity, uint32_t revision, enum shopee_step what)
{
    uint32_t n = 0;

    for (uint32_t i = 1; i < revision; i++)
        n += entity->revs[i].what == what;
    return n;
}

unsigned shopee_packages(const struct entity *order, uint32_t revision)
{
    uint64_t dice = draw_below(order->draw, "packages", 10);

    /* An order that was cancelled unpaid has a package, too; the platform shows it as LOGISTICS_INVALID. */
    return order->revs[revision - 1].status == SHOPEE_UNPAID ? 0 : dice < 7 ? 1 : dice < 9 ? 2 : 3;
}

unsigned shopee_track_package(const struct entity *order, uint32_t nth)
{
    uint64_t dice = draw_below(draw_of(order->draw.base, nth, 0, 6), "package", 6);

    return (unsigned)(dice % shopee_packages(order, order->revisions));
}

int64_t shopee_package_time(const struct sim *sim, const struct entity *order, uint32_t revision)
{
    const struct entity *tracking = entity_ever(sim, KIND_TRACKING, order->shop, order->number);
    uint32_t changes = shopee_steps(order, revision, SHOPEE_STEP_TRACK);
    int64_t own = tracking && changes ? tracking->revs[changes - 1].update_time : 0;
    int64_t newest = 0;

    /* The order's status moves its packages as well; a note or an address does not. */
    for (uint32_t i = 0; i < revision; i++) {
        if (order->revs[i].what == SHOPEE_STEP_STATUS && order->revs[i].update_time > newest)
            newest = order->revs[i].update_time;
    }
    return own > newest ? own : newest;
}

int64_t shopee_release_time(const struct entity *order, uint32_t revision)
{
    int64_t completed = entity_time_of(order, revision, SHOPEE_COMPLETED);

    return completed ? completed + (int64_t)draw_below(order->draw, "release", 60) : 0;
}

const char *shopee_region(uint32_t shop)
{
    static const char *const regions[] = {"VN", "SG", "VN", "BR", "VN", "MY"};

    return regions[shop % 6];
}

const char *shopee_currency(uint32_t shop)
{
    static const char *const currencies[] = {"VND", "SGD", "VND", "BRL", "VND", "MYR"};

    return currencies[shop % 6];
}
