/* sim_burst.c - see sim_burst.h. */
#include "sim_burst.h"

#include <stdlib.h>

#include "sim_buf.h"
#include "sim_draw.h"
#include "sim_orders.h"
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
    if (b->shops < 1 || b->first_shop < 0 || b->first_shop + b->shops > (int64_t)sim->opt.shops)
        return "shops: more than this simulator has (--shops)";
    if (b->orders < 1 || b->events < b->orders || b->events > 5000000)
        return "events: every order needs at least one";
    if (b->first_number < 0 || b->first_number + b->orders > SIM_NUMBER_MAX)
        return "first_number: out of range";
    return NULL;
}

/* Order i of the burst belongs to shop i mod shops. */
static struct order *burst_change(struct sim *sim, const struct burst *b, uint64_t i, uint64_t *dice,
                                  bool may_address, struct buf *lines, struct line *line)
{
    struct change change = {.at = b->at};
    struct json_out out = {.b = lines};
    struct buf body = {0};
    struct order *order;

    change.address = may_address && chance(dice, b->address);
    change.same_second = may_address && chance(dice, b->same_second);
    order = orders_change(sim, (uint32_t)(b->first_shop + (int64_t)(i % (uint64_t)b->shops)),
                          (uint32_t)(b->first_number + (int64_t)(i / (uint64_t)b->shops)), &change);
    push_order_body(sim, order, change.address ? 3 : 1, &body);
    line->from = lines->n;
    push_write(sim, &out, NULL, body.p, body.n);
    buf_putc(lines, '\n');
    line->len = lines->n - line->from;
    buf_deinit(&body);
    return order;
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

    *problem = burst_problem(sim, b);
    if (*problem)
        return false;
    events = (uint64_t)b->events;
    orders = (uint64_t)b->orders;
    single = events - (uint64_t)((double)events * b->duplicates);
    if (single < orders)
        single = orders;
    line = buf_alloc(events * sizeof *line);
    for (; n < orders; n++)
        burst_change(sim, b, n, &dice, false, &lines, &line[n]);
    for (; n < single; n++)
        burst_change(sim, b, draw_next(&dice) % orders, &dice, true, &lines, &line[n]);
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
