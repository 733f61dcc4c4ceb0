/* sim_burst.c - see sim_burst.h. */
#include "sim_burst.h"

#include <stdlib.h>

#include "sim_buf.h"
#include "sim_draw.h"
#include "sim_platform.h"
#include "sim_push.h"
#include "sim_state.h"

#define NEAR 64 /* places a reordered line may move */

/* One rendered line inside the common buffer. */
struct line {
    size_t from, len;
};

static bool chance(uint64_t *dice, double share)
{
    return share > 0 && (double)(draw_next(dice) >> 11) * 0x1p-53 < share;
}

static const char *burst_problem(const struct sim *sim, const struct burst *b)
{
    double sum = 0;

    if (b->shops < 1 || b->first_shop < 0 || b->first_shop + b->shops > (int64_t)sim->opt.shops)
        return "shops: more than this simulator has (--shops)";
    if (b->orders < 1 || b->events < b->orders || b->events > 5000000)
        return "events: every order needs at least one";
    if (b->first_number < 0 || b->first_number + b->orders > SIM_NUMBER_MAX)
        return "first_number: out of range";
    for (int kind = 0; kind < KINDS; kind++) {
        sum += b->kinds[kind];
        if (b->kinds[kind] > 0 && (!sim->platform->kinds[kind] || kind == KIND_TRANSACTION))
            return "kinds: one that this platform does not have, or that has no push";
    }
    return sum > 0 ? NULL : "kinds: no share above 0";
}

/* One kind, with a chance in proportion to its weight. The dice are left alone where there is no choice. */
static enum kind kind_pick(const double weight[KINDS], uint64_t *dice)
{
    double sum = 0, at;
    int last = KIND_ORDER, choices = 0;

    for (int kind = 0; kind < KINDS; kind++) {
        sum += weight[kind];
        choices += weight[kind] > 0;
        last = weight[kind] > 0 ? kind : last;
    }
    if (choices < 2)
        return (enum kind)last;
    at = (double)(draw_next(dice) >> 11) * 0x1p-53 * sum;
    for (int kind = 0; kind < last; kind++) {
        at -= weight[kind];
        if (weight[kind] > 0 && at < 0)
            return (enum kind)kind;
    }
    return (enum kind)last;
}

/* Number i of the burst belongs to shop i mod shops. What cannot change that way (and what is not pushed)
 * changes as an order. */
static void burst_change(struct sim *sim, const struct burst *b, enum kind kind, uint64_t i, uint64_t *dice,
                         bool may_address, struct buf *lines, struct line *line)
{
    uint32_t shop = (uint32_t)(b->first_shop + (int64_t)(i % (uint64_t)b->shops));
    uint32_t number = (uint32_t)(b->first_number + (int64_t)(i / (uint64_t)b->shops));
    struct change change = {.at = b->at};
    struct json_out out = {.b = lines};
    struct buf body = {0};
    struct entity *entity = NULL;

    change.address = kind == KIND_ORDER && may_address && chance(dice, b->address);
    change.same_second = may_address && chance(dice, b->same_second);
    if (change.address && !entity_ever(sim, KIND_ORDER, shop, number))
        change.address = false;
    if (sim->platform->change(sim, kind, shop, number, &change, &entity) ||
        !sim->platform->push(sim, entity, &change, &body)) {
        body.n = 0;
        if (!sim->platform->change(sim, KIND_ORDER, shop, number, &change, &entity))
            sim->platform->push(sim, entity, &change, &body);
    }
    line->from = lines->n;
    push_write(sim, &out, NULL, body.p, body.n);
    buf_putc(lines, '\n');
    line->len = lines->n - line->from;
    buf_deinit(&body);
}

static void swap(struct line *a, struct line *b)
{
    struct line c = *a;

    *a = *b;
    *b = c;
}

static void burst_shuffle(struct line *line, uint64_t n, double reorder, uint64_t *dice)
{
    for (uint64_t i = 0; i < n; i++) {
        if (reorder >= 1)
            swap(&line[i], &line[i + draw_next(dice) % (n - i)]);
        else if (chance(dice, reorder))
            swap(&line[i], &line[i + draw_next(dice) % (n - i < NEAR ? n - i : NEAR)]);
    }
}

bool burst_make(struct sim *sim, const struct burst *b, struct buf *to, const char **problem)
{
    uint64_t dice = b->seed ^ 0xb0057, events, orders, single, n = 0;
    struct line *line;
    struct buf lines = {0};
    double weight[KINDS], sum = 0;
    enum kind first;

    *problem = burst_problem(sim, b);
    if (*problem)
        return false;
    events = (uint64_t)b->events;
    orders = (uint64_t)b->orders;
    single = events - (uint64_t)((double)events * b->duplicates);
    if (single < orders)
        single = orders;
    line = buf_alloc(events * sizeof *line);
    for (int kind = 0; kind < KINDS; kind++) {
        weight[kind] = b->kinds[kind] * (double)single;
        sum += b->kinds[kind];
    }
    first = b->kinds[KIND_ORDER] > 0 ? KIND_ORDER : KINDS;
    for (; n < orders; n++)
        burst_change(sim, b, first == KINDS ? kind_pick(weight, &dice) : first, n, &dice, false, &lines,
                     &line[n]);
    /* The first changes were orders already; the rest of them is what is left of the orders' share. */
    weight[KIND_ORDER] -= (double)orders * sum;
    if (weight[KIND_ORDER] < 0)
        weight[KIND_ORDER] = 0;
    for (; n < single; n++) {
        enum kind kind = kind_pick(weight, &dice);

        burst_change(sim, b, kind, draw_next(&dice) % orders, &dice, true, &lines, &line[n]);
    }
    for (; n < events; n++)
        line[n] = line[draw_next(&dice) % single];
    /* First changes of all orders come first above: real traffic is mixed, so duplicates and late first
     * events are spread by one full shuffle of the tail unless order was asked for. */
    burst_shuffle(line + single, events - single, 1, &dice);
    burst_shuffle(line, events, b->reorder, &dice);
    buf_reserve(to, lines.n * events / single + 4096);
    for (uint64_t i = 0; i < events; i++)
        buf_add(to, lines.p + line[i].from, line[i].len);
    buf_deinit(&lines);
    free(line);
    return true;
}
