/* sim_finance.c - see sim_finance.h. */
#include "sim_finance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_fault.h"
#include "sim_field.h"
#include "sim_http.h"
#include "sim_num.h"
#include "sim_orders.h"
#include "sim_page.h"
#include "sim_platform.h"
#include "sim_render.h"
#include "sim_state.h"

#define DAY 86400

/* One amount of a breakdown. */
struct part {
    const char *name;
    int per_mille;   /* of the price; negative: deducted */
    unsigned chance; /* per cent of the rows that have it; the others "0" or nothing */
};

/* Each list in alphabetical order. Names beyond the documented ones stand for those that will come. */
static const struct part revenue_parts[] = {
    {"seller_discount_refund_amount", 5, 20},
};
static const struct part shipping_parts[] = {{"actual_shipping_fee_amount", -60, 90},
                                             {"customer_paid_shipping_fee_amount", 30, 80},
                                             {"exchange_shipping_fee_amount", -5, 8},
                                             {"failed_delivery_subsidy_amount", 4, 6},
                                             {"fbt_shipping_fee_amount", -7, 9},
                                             {"promo_shipping_incentive_amount", 9, 15},
                                             {"return_shipping_fee_amount", -20, 15},
                                             {"shipping_fee_discount_amount", 12, 40},
                                             {"shipping_insurance_fee_amount", -3, 12},
                                             {"signature_confirmation_fee_amount", -2, 5},
                                             {"supplementary_shipping_fee_trial_amount", 1, 5}};
static const struct part fee_parts[] = {{"affiliate_ads_commission_amount", -11, 15},
                                        {"affiliate_commission_amount", -50, 30},
                                        {"affiliate_partner_commission_amount", -15, 12},
                                        {"bonus_cashback_service_fee_amount", -8, 15},
                                        {"cofunded_creator_bonus_amount", -6, 9},
                                        {"credit_card_handling_fee_amount", -7, 12},
                                        {"dynamic_commission_amount", -13, 20},
                                        {"external_affiliate_marketing_fee_amount", -4, 8},
                                        {"fee_of_another_year_amount", -2, 10},
                                        {"flash_sales_service_fee_amount", -9, 18},
                                        {"live_specials_fee_amount", -5, 9},
                                        {"platform_commission_amount", -40, 100},
                                        {"pre_order_service_fee_amount", -3, 6},
                                        {"referral_fee_amount", -21, 12},
                                        {"refund_administration_fee_amount", -2, 9},
                                        {"sfp_service_fee_amount", -25, 35},
                                        {"transaction_fee_amount", -30, 100},
                                        {"vn_fix_infrastructure_fee", -6, 60},
                                        {"voucher_xtra_service_fee_amount", -17, 25}};
static const struct part tax_parts[] = {{"import_vat_amount", -9, 6},
                                        {"pit_amount", -5, 50},
                                        {"sales_tax_amount", -8, 10},
                                        {"vat_amount", -10, 60}};
static const struct part supplement_parts[] = {{"customer_payment_amount", 1030, 90},
                                               {"platform_cofunded_discount_amount", 12, 20},
                                               {"platform_discount_amount", 40, 60},
                                               {"retail_delivery_fee_amount", 1, 8},
                                               {"seller_cofunded_discount_amount", 15, 20}};

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* The money of one line of an order, in the currency's smallest unit. */
struct money {
    int64_t before_discount, discount, refund;
    int64_t revenue, shipping, fee, tax, settlement;
};

/* Everything the parts of one document share while it is written. */
struct view {
    struct sim *sim;
    const struct entity *order;
    struct draw d;
    struct order_facts facts;
    struct money line[LINES_MAX];
    struct money sum;
    int64_t completed;    /* second */
    uint32_t corrections; /* how often the transactions were changed */
    char statement[24];
    struct json_out out;
};

/* --- facts --------------------------------------------------------------------------------------------------------- */

static int64_t completed_time(const struct entity *order)
{
    return entity_time_of(order, order->revisions, ORDER_COMPLETED);
}

static unsigned currency_digit(const char *currency)
{
    static const char *const known[] = {"VND", "USD", "SGD", "KWD"};

    for (unsigned i = 0; i < COUNT(known); i++) {
        if (strcmp(known[i], currency) == 0)
            return i;
    }
    return 9;
}

static void statement_id(uint32_t shop, int64_t day, unsigned currency, char out[24])
{
    snprintf(out, 24, "3458%05u%05u%u%04u", shop, (unsigned)(day % 100000), currency % 10,
             (unsigned)draw_below(draw_of(shop, (uint64_t)day, currency, 60), "check", 10000));
}

static int64_t part_amount(const struct part *part, struct draw d, int64_t price)
{
    return draw_chance(d, part->name, part->chance) ? price * part->per_mille / 1000 : 0;
}

static int64_t parts_sum(const struct part *parts, size_t count, struct draw d, int64_t price)
{
    int64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += part_amount(&parts[i], d, price);
    return sum;
}

static struct draw line_draw(const struct view *v, unsigned index)
{
    return draw_of(v->d.base, 61, index, 0);
}

/* Each correction refunds another twentieth of the price. */
static void line_money(const struct view *v, unsigned index, struct money *m)
{
    const struct order_line *line = &v->facts.line[index];
    struct draw d = line_draw(v, index);
    uint32_t refunds = v->corrections > 20 ? 20 : v->corrections;

    m->before_discount = line->original;
    m->discount = -line->seller_discount;
    m->refund = -line->original * (int64_t)refunds / 20;
    m->revenue = m->before_discount + m->discount + m->refund +
                 parts_sum(revenue_parts, COUNT(revenue_parts), d, line->original);
    m->shipping = parts_sum(shipping_parts, COUNT(shipping_parts), d, line->original);
    m->fee = parts_sum(fee_parts, COUNT(fee_parts), d, line->original);
    m->tax = parts_sum(tax_parts, COUNT(tax_parts), d, line->original);
    m->settlement = m->revenue + m->shipping + m->fee + m->tax;
}

static void money_add(struct money *sum, const struct money *m)
{
    sum->before_discount += m->before_discount;
    sum->discount += m->discount;
    sum->refund += m->refund;
    sum->revenue += m->revenue;
    sum->shipping += m->shipping;
    sum->fee += m->fee;
    sum->tax += m->tax;
    sum->settlement += m->settlement;
}

/* False: the order has no rows (yet). */
static bool view_init(struct view *v, struct sim *sim, const struct entity *order, struct buf *to)
{
    const struct entity *own = entity_get(sim, KIND_TRANSACTION, order->shop, order->number);

    *v = (struct view){.sim = sim, .order = order, .d = order->draw};
    v->out = (struct json_out){.b = to, .ascii = draw_chance(v->d, "ascii_money", 7)};
    v->completed = completed_time(order);
    v->corrections = own ? own->revisions : 0;
    render_facts(sim, order, &v->facts);
    for (unsigned i = 0; i < v->facts.lines; i++) {
        line_money(v, i, &v->line[i]);
        money_add(&v->sum, &v->line[i]);
    }
    statement_id(order->shop, v->completed / DAY, currency_digit(v->facts.currency), v->statement);
    return v->completed > 0;
}

const char *finance_change(struct sim *sim, uint32_t shop, uint32_t number, const struct change *change,
                           struct entity **out)
{
    struct entity *order = entity_ever(sim, KIND_ORDER, shop, number);
    struct entity *own = entity_ever(sim, KIND_TRANSACTION, shop, number);
    int64_t at;

    if (!order || !completed_time(order))
        return "transaction: the order is not completed";
    if (!own) {
        own = entity_new(sim, KIND_TRANSACTION, shop, number);
        memcpy(own->id, order->id, sizeof own->id);
    }
    at = entity_change_time(sim, own, change);
    entity_append(sim, own)->update_time = at;
    *out = own;
    return NULL;
}

/* --- parts, keys in alphabetical order -------------------------------------------------------------------------------- */

static void write_money(struct view *v, const char *key, int64_t amount)
{
    field_money(&v->out, key, amount, v->facts.decimals);
}

static void write_parts(struct view *v, const struct part *parts, size_t count, struct draw d, int64_t price)
{
    for (size_t i = 0; i < count; i++) {
        int64_t amount = part_amount(&parts[i], d, price);

        if (amount || draw_chance(d, parts[i].name, 70))
            write_money(v, parts[i].name, amount);
    }
}

static void write_fee_tax(struct view *v, struct draw d, int64_t price)
{
    json_out_open(&v->out, "fee_tax_breakdown", '{');
    json_out_open(&v->out, "fee", '{');
    write_parts(v, fee_parts, COUNT(fee_parts), d, price);
    json_out_close(&v->out, '}');
    json_out_open(&v->out, "tax", '{');
    write_parts(v, tax_parts, COUNT(tax_parts), d, price);
    json_out_close(&v->out, '}');
    json_out_close(&v->out, '}');
}

static void write_revenue(struct view *v, struct draw d, const struct money *m)
{
    json_out_open(&v->out, "revenue_breakdown", '{');
    write_money(v, "refund_subtotal_before_discount_amount", m->refund);
    write_money(v, "seller_discount_amount", m->discount);
    write_parts(v, revenue_parts, COUNT(revenue_parts), d, m->before_discount);
    write_money(v, "subtotal_before_discount_amount", m->before_discount);
    json_out_close(&v->out, '}');
}

static void write_breakdown(struct view *v, const char *key, const struct part *parts, size_t count,
                            struct draw d, int64_t price)
{
    json_out_open(&v->out, key, '{');
    write_parts(v, parts, count, d, price);
    json_out_close(&v->out, '}');
}

/* --- transactions of an order ---------------------------------------------------------------------------------------------- */

/* Units of one SKU make one row; the first line of them stands for all. */
static bool line_leads(const struct view *v, unsigned index)
{
    for (unsigned i = 0; i < index; i++) {
        if (strcmp(v->facts.line[i].sku_id, v->facts.line[index].sku_id) == 0)
            return false;
    }
    return true;
}

static unsigned sku_sum(const struct view *v, unsigned index, struct money *sum)
{
    unsigned units = 0;

    *sum = (struct money){0};
    for (unsigned i = index; i < v->facts.lines; i++) {
        if (strcmp(v->facts.line[i].sku_id, v->facts.line[index].sku_id) != 0)
            continue;
        money_add(sum, &v->line[i]);
        units++;
    }
    return units;
}

static void write_sku_row(struct view *v, unsigned index)
{
    const struct order_line *line = &v->facts.line[index];
    struct money sum, *m = &sum;
    struct draw d = line_draw(v, index);
    char quantity[12];

    snprintf(quantity, sizeof quantity, "%u", sku_sum(v, index, m));
    json_out_open(&v->out, NULL, '{');
    write_money(v, "fee_tax_amount", m->fee + m->tax);
    write_fee_tax(v, d, m->before_discount);
    field_text(&v->out, d, "product_name", line->product_name);
    json_out_text(&v->out, "quantity", quantity);
    write_money(v, "revenue_amount", m->revenue);
    write_revenue(v, d, m);
    write_money(v, "settlement_amount", m->settlement);
    write_money(v, "shipping_cost_amount", m->shipping);
    write_breakdown(v, "shipping_cost_breakdown", shipping_parts, COUNT(shipping_parts), d,
                    m->before_discount);
    json_out_text(&v->out, "sku_id", line->sku_id);
    field_text(&v->out, d, "sku_name", line->sku_name);
    json_out_text(&v->out, "statement_id", v->statement);
    if (draw_chance(d, "supplement", 70))
        write_breakdown(v, "supplementary_component", supplement_parts, COUNT(supplement_parts), d,
                        m->before_discount);
    json_out_close(&v->out, '}');
}

static void write_order_rows(struct view *v)
{
    int64_t rows = 0;

    json_out_open(&v->out, NULL, '{');
    json_out_text(&v->out, "currency", v->facts.currency);
    write_money(v, "fee_and_tax_amount", v->sum.fee + v->sum.tax);
    json_out_int(&v->out, "order_create_time", v->order->revs[0].update_time);
    json_out_text(&v->out, "order_id", v->order->id);
    write_money(v, "revenue_amount", v->sum.revenue);
    write_money(v, "settlement_amount", v->sum.settlement);
    write_money(v, "shipping_cost_amount", v->sum.shipping);
    json_out_open(&v->out, "sku_transactions", '[');
    for (unsigned i = 0; i < v->facts.lines; i++) {
        if (!line_leads(v, i))
            continue;
        write_sku_row(v, i);
        rows++;
    }
    json_out_close(&v->out, ']');
    json_out_int(&v->out, "total_count", rows);
    json_out_close(&v->out, '}');
}

bool finance_truth(struct sim *sim, uint32_t shop, uint32_t number, struct truth *out)
{
    struct entity *order = entity_get(sim, KIND_ORDER, shop, number);
    struct view v;

    if (!order || !completed_time(order) || !view_init(&v, sim, order, out->body))
        return false;
    memcpy(out->id, order->id, sizeof out->id);
    out->revision = 1 + v.corrections;
    write_order_rows(&v);
    return true;
}

void finance_order(struct sim *sim, const struct call *call, const struct caller *who, struct answer *answer)
{
    struct entity *order = orders_by_id(sim, who->id);
    struct json_out out;
    enum serve serve;
    uint32_t revision;
    struct view v;

    count_about(sim, call->number, who->shop, 1, who->id);
    if (tiktok_faults(sim, API_FINANCE, who->shop, answer))
        return;
    if (!order || order->shop != who->shop) {
        tiktok_error(sim, answer, (int)sim->sw.business_error_status, 21011028, "The order is unknown");
        return;
    }
    serve = tiktok_entity_faults(sim, API_FINANCE, order, answer, &revision);
    if (serve == SERVE_ERROR)
        return;
    tiktok_open(answer, &out);
    json_out_raw(&out, "data", "");
    if (serve == SERVE_IT && view_init(&v, sim, order, &answer->body)) {
        write_order_rows(&v);
    } else {
        buf_printf(&answer->body, "{\"order_id\":\"%s\",\"sku_transactions\":[],\"total_count\":0}",
                   order->id);
    }
    tiktok_close(sim, &out, "Success");
}

/* --- statements ---------------------------------------------------------------------------------------------------------------- */

/* All rows of one shop, day and currency. */
struct statement {
    int64_t day;
    unsigned currency;
    const char *currency_name;
    unsigned decimals;
    struct money sum;
    uint64_t orders;
};

struct statements {
    struct statement *row; /* owned */
    size_t count;
};

static struct statement *statement_take(struct statements *s, int64_t day, const struct order_facts *facts)
{
    unsigned currency = currency_digit(facts->currency);

    for (size_t i = 0; i < s->count; i++) {
        if (s->row[i].day == day && s->row[i].currency == currency)
            return &s->row[i];
    }
    s->row = buf_grow(s->row, (s->count + 1) * sizeof *s->row);
    s->row[s->count] = (struct statement){
        .day = day, .currency = currency, .currency_name = facts->currency, .decimals = facts->decimals};
    return &s->row[s->count++];
}

/* Cut at midnight (UTC) after the day, listed from then on. */
static int64_t statement_time(const struct statement *s)
{
    return (s->day + 1) * DAY;
}

static struct statements statements_of(struct sim *sim, uint32_t shop)
{
    const struct store *store = &sim->shops[shop].of[KIND_ORDER];
    struct statements s = {0};
    struct view v;

    for (uint32_t n = 0; n < store->slots; n++) {
        const struct entity *order = entity_get(sim, KIND_ORDER, shop, n);
        struct statement *row;

        if (!order || !completed_time(order) || !view_init(&v, sim, order, NULL) ||
            (v.completed / DAY + 1) * DAY > sim_now_s(sim))
            continue;
        row = statement_take(&s, v.completed / DAY, &v.facts);
        money_add(&row->sum, &v.sum);
        row->orders++;
    }
    return s;
}

static struct draw statement_draw(uint32_t shop, const struct statement *s)
{
    return draw_of(shop, (uint64_t)s->day, s->currency, 62);
}

/* Being paid takes a day; one in twelve fails. */
static const char *payment_status(const struct sim *sim, uint32_t shop, const struct statement *s)
{
    if (sim_now_s(sim) < statement_time(s) + DAY)
        return "PROCESSING";
    return draw_chance(statement_draw(shop, s), "failed", 8) ? "FAILED" : "PAID";
}

static void payment_id(uint32_t shop, const struct statement *s, char out[24])
{
    statement_id(shop, s->day, s->currency, out);
    out[3] = '9';
}

static void write_statement(struct sim *sim, uint32_t shop, const struct statement *s, struct json_out *out)
{
    const char *status = payment_status(sim, shop, s);
    struct draw d = statement_draw(shop, s);
    int64_t adjustment = draw_chance(d, "adjusted", 50) ? -1500 : 0;
    char id[24];

    json_out_open(out, NULL, '{');
    field_money(out, "adjustment_amount", adjustment, s->decimals);
    json_out_text(out, "currency", s->currency_name);
    field_money(out, "fee_amount", s->sum.fee + s->sum.tax + s->sum.shipping, s->decimals);
    statement_id(shop, s->day, s->currency, id);
    json_out_text(out, "id", id);
    field_money(out, "net_sales_amount", s->sum.before_discount, s->decimals);
    payment_id(shop, s, id);
    field_id(out, d, "payment_id", id);
    json_out_text(out, "payment_status", status);
    if (strcmp(status, "PAID") == 0)
        json_out_int(out, "payment_time", statement_time(s) + DAY);
    field_money(out, "revenue_amount", s->sum.revenue, s->decimals);
    field_money(out, "settlement_amount", s->sum.settlement + adjustment, s->decimals);
    field_money(out, "shipping_cost_amount", s->sum.shipping, s->decimals);
    json_out_int(out, "statement_time", statement_time(s));
    json_out_close(out, '}');
}

static void write_value(struct json_out *out, const char *key, const struct statement *s, int64_t amount)
{
    json_out_open(out, key, '{');
    json_out_text(out, "currency", s->currency_name);
    field_money(out, "value", amount, s->decimals);
    json_out_close(out, '}');
}

static void write_payment(struct sim *sim, uint32_t shop, const struct statement *s, struct json_out *out)
{
    const char *status = payment_status(sim, shop, s);
    struct draw d = statement_draw(shop, s);
    int64_t reserve = draw_chance(d, "reserve", 50) ? -s->sum.settlement / 10 : 0;
    char id[24];

    json_out_open(out, NULL, '{');
    write_value(out, "amount", s, s->sum.settlement + reserve);
    field_text(out, d, "bank_account", "VCB ****7890");
    json_out_int(out, "create_time", statement_time(s) + 3600);
    field_text(out, d, "exchange_rate", "1.0000");
    payment_id(shop, s, id);
    json_out_text(out, "id", id);
    if (strcmp(status, "PAID") == 0)
        json_out_int(out, "paid_time", statement_time(s) + DAY);
    write_value(out, "payment_amount_before_exchange", s, s->sum.settlement + reserve);
    write_value(out, "reserve_amount", s, reserve);
    write_value(out, "settlement_amount", s, s->sum.settlement);
    json_out_text(out, "status", status);
    json_out_close(out, '}');
}

/* A bound of the query in seconds; false: malformed. */
static bool bound_take(const struct call *call, const char *name, int64_t *out)
{
    const char *text = call_param(call, name);

    return !text || num_i64(text, strlen(text), 0, INT64_MAX / 4, out);
}

/* What the two lists differ in. */
struct listing {
    struct page_rules rules;
    const char *ge, *lt, *status, *array;
    int64_t delay; /* seconds from the statement's time to the time the list goes by */
    void (*write)(struct sim *sim, uint32_t shop, const struct statement *s, struct json_out *out);
};

static void list_page(struct sim *sim, uint32_t shop, const struct listing *list, const struct page *page,
                      struct page_hit *hits, size_t count, struct answer *answer)
{
    struct json_out out;
    size_t at, to;

    page_cut(page, hits, count, &at, &to);
    tiktok_open(answer, &out);
    json_out_open(&out, "data", '{');
    page_token(sim, page, hits, count, to, &out);
    json_out_open(&out, list->array, '[');
    for (; at < to; at++)
        list->write(sim, shop, hits[at].item, &out);
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    tiktok_close(sim, &out, "Success");
}

static void list_answer(struct sim *sim, const struct call *call, const struct caller *who,
                        const struct listing *list, struct answer *answer)
{
    const char *status = list->status ? call_param(call, list->status) : NULL;
    struct page page;
    const char *bad = page_query(sim, call, &list->rules, &page);
    int64_t ge = 0, lt = INT64_MAX;
    struct statements s;
    struct page_hit *hits;
    size_t count = 0;

    count_about(sim, call->number, who->shop, 0, "");
    if (!bad && (!bound_take(call, list->ge, &ge) || !bound_take(call, list->lt, &lt)))
        bad = "Invalid parameter: time";
    if (!bad && status && strcmp(status, "PAID") != 0 && strcmp(status, "FAILED") != 0 &&
        strcmp(status, "PROCESSING") != 0)
        bad = "Invalid parameter: payment_status";
    if (bad) {
        tiktok_error(sim, answer, 400, 36009004, bad);
        return;
    }
    if (tiktok_faults(sim, API_FINANCE, who->shop, answer))
        return;
    s = statements_of(sim, (uint32_t)who->shop);
    hits = buf_alloc((s.count + 1) * sizeof *hits);
    for (size_t i = 0; i < s.count; i++) {
        int64_t time = statement_time(&s.row[i]) + list->delay;

        if (time >= ge && time < lt &&
            (!status || strcmp(status, payment_status(sim, (uint32_t)who->shop, &s.row[i])) == 0))
            hits[count++] = (struct page_hit){time, s.row[i].currency, &s.row[i]};
    }
    list_page(sim, (uint32_t)who->shop, list, &page, hits, count, answer);
    free(hits);
    free(s.row);
}

void finance_statements(struct sim *sim, const struct call *call, const struct caller *who,
                        struct answer *answer)
{
    static const struct listing list = {
        .rules = {.low = 1, .high = 100, .fallback = 20, .sorts = {"statement_time"}, .sort_needed = true},
        .ge = "statement_time_ge",
        .lt = "statement_time_lt",
        .status = "payment_status",
        .array = "statements",
        .write = write_statement};

    list_answer(sim, call, who, &list, answer);
}

void finance_payments(struct sim *sim, const struct call *call, const struct caller *who,
                      struct answer *answer)
{
    static const struct listing list = {
        .rules = {.low = 1, .high = 100, .fallback = 20, .sorts = {"create_time"}, .sort_needed = true},
        .ge = "create_time_ge",
        .lt = "create_time_lt",
        .array = "payments",
        .delay = 3600,
        .write = write_payment};

    list_answer(sim, call, who, &list, answer);
}

/* --- transactions of a statement ---------------------------------------------------------------------------------------------------- */

/* A row of a statement is one of these, all of the same order. */
enum row { ROW_ORDER, ROW_ADJUSTMENT, ROW_RESERVE, ROWS };

static void row_id(const struct entity *order, enum row row, char out[24])
{
    snprintf(out, 24, "3460%05u%07u%d%02u", order->shop, order->number, row,
             (unsigned)draw_below(order->draw, "row_check", 100));
}

static bool row_exists(const struct entity *order, enum row row)
{
    return row == ROW_ORDER || draw_chance(order->draw, row == ROW_ADJUSTMENT ? "adjusted" : "reserved", 15);
}

static void write_order_row(struct view *v, const char *id)
{
    struct draw d = line_draw(v, 0);
    int64_t price = v->sum.before_discount;

    write_money(v, "fee_tax_amount", v->sum.fee + v->sum.tax);
    write_fee_tax(v, d, price);
    json_out_text(&v->out, "id", id);
    json_out_int(&v->out, "order_create_time", v->order->revs[0].update_time);
    json_out_text(&v->out, "order_id", v->order->id);
    write_money(v, "revenue_amount", v->sum.revenue);
    write_revenue(v, d, &v->sum);
    write_money(v, "settlement_amount", v->sum.settlement);
    write_money(v, "shipping_cost_amount", v->sum.shipping);
    write_breakdown(v, "shipping_cost_breakdown", shipping_parts, COUNT(shipping_parts), d, price);
    write_breakdown(v, "supplementary_component", supplement_parts, COUNT(supplement_parts), d, price);
    json_out_text(&v->out, "type", "ORDER");
}

static void write_adjustment_row(struct view *v, const char *id)
{
    static const char *const types[] = {"CHARGE_BACK",
                                        "PLATFORM_PENALTY",
                                        "PLATFORM_COMPENSATION",
                                        "PLATFORM_REIMBURSEMENT",
                                        "PROMOTION_ADJUSTMENT",
                                        "REBATE",
                                        "GMV_PAYMENT_FOR_ADS",
                                        "LOGISTICS_REIMBURSEMENT",
                                        "SHIPPING_FEE_ADJUSTMENT",
                                        "ADJUSTMENT_OF_ANOTHER_YEAR"};

    write_money(v, "adjustment_amount", -v->sum.before_discount / 25);
    json_out_text(&v->out, "adjustment_id", id);
    json_out_text(&v->out, "adjustment_order_id", v->order->id);
    json_out_text(&v->out, "id", id);
    json_out_int(&v->out, "order_create_time", v->order->revs[0].update_time);
    write_money(v, "settlement_amount", -v->sum.before_discount / 25);
    json_out_text(&v->out, "type", FIELD_PICK(v->d, "adjustment", types));
}

static void write_reserve_row(struct view *v, const char *id)
{
    char text[24];

    json_out_text(&v->out, "associated_order_id", v->order->id);
    snprintf(text, sizeof text, "%lld", (long long)(v->completed + 15 * DAY));
    json_out_text(&v->out, "estimated_release_time", text);
    json_out_text(&v->out, "id", id);
    json_out_int(&v->out, "order_create_time", v->order->revs[0].update_time);
    write_money(v, "reserve_amount", -v->sum.before_discount / 10);
    json_out_text(&v->out, "reserve_id", id);
    json_out_text(&v->out, "reserve_status", draw_chance(v->d, "released", 40) ? "RELEASED" : "COLLECTED");
    json_out_text(&v->out, "type", "RESERVE");
}

static void write_row(struct sim *sim, const struct page_hit *hit, struct json_out *out)
{
    enum row row = (enum row)(hit->key % ROWS);
    struct view v;
    char id[24];

    if (!view_init(&v, sim, hit->item, out->b))
        return;
    v.out.comma = out->comma;
    row_id(hit->item, row, id);
    json_out_open(&v.out, NULL, '{');
    if (row == ROW_ORDER)
        write_order_row(&v, id);
    else if (row == ROW_ADJUSTMENT)
        write_adjustment_row(&v, id);
    else
        write_reserve_row(&v, id);
    json_out_close(&v.out, '}');
    out->comma = true;
}

static void write_statement_page(struct sim *sim, const struct statement *s, const char *id,
                                 const struct page *page, struct page_hit *hits, size_t count,
                                 struct answer *answer)
{
    struct json_out out;
    size_t at, to;

    page_cut(page, hits, count, &at, &to);
    tiktok_open(answer, &out);
    json_out_open(&out, "data", '{');
    json_out_int(&out, "create_time", statement_time(s));
    json_out_text(&out, "currency", s->currency_name);
    json_out_text(&out, "id", id);
    page_token(sim, page, hits, count, to, &out);
    field_money(&out, "payable_amount", s->sum.settlement, s->decimals);
    json_out_text(&out, "status", "SETTLED");
    json_out_int(&out, "total_count", (int64_t)count);
    field_money(&out, "total_reserve_amount", -s->sum.settlement / 10, s->decimals);
    field_money(&out, "total_settlement_amount", s->sum.settlement, s->decimals);
    json_out_open(&out, "total_settlement_breakdown", '{');
    field_money(&out, "total_adjustment_amount", -1500, s->decimals);
    field_money(&out, "total_fee_tax_amount", s->sum.fee + s->sum.tax, s->decimals);
    field_money(&out, "total_revenue_amount", s->sum.revenue, s->decimals);
    field_money(&out, "total_shipping_cost_amount", s->sum.shipping, s->decimals);
    json_out_close(&out, '}');
    json_out_open(&out, "transactions", '[');
    for (; at < to; at++)
        write_row(sim, &hits[at], &out);
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    tiktok_close(sim, &out, "Success");
}

/* The rows of a statement; hits has room for ROWS per order of the shop. */
static size_t rows_find(struct sim *sim, uint32_t shop, const struct statement *s, struct page_hit *hits)
{
    const struct store *store = &sim->shops[shop].of[KIND_ORDER];
    size_t count = 0;
    struct order_facts facts;

    for (uint32_t n = 0; n < store->slots; n++) {
        struct entity *order = entity_get(sim, KIND_ORDER, shop, n);

        if (!order || completed_time(order) / DAY != s->day || !completed_time(order))
            continue;
        render_facts(sim, order, &facts);
        for (int row = 0; currency_digit(facts.currency) == s->currency && row < ROWS; row++) {
            if (row_exists(order, (enum row)row))
                hits[count++] = (struct page_hit){order->revs[0].update_time, (int64_t)n * ROWS + row, order};
        }
    }
    return count;
}

void finance_statement(struct sim *sim, const struct call *call, const struct caller *who,
                       struct answer *answer)
{
    static const struct page_rules rules = {
        .low = 1, .high = 100, .fallback = 20, .sorts = {"order_create_time"}, .sort_needed = true};
    uint32_t shop = (uint32_t)who->shop;
    struct page page;
    const char *bad = page_query(sim, call, &rules, &page);
    struct statements s;
    char id[24] = "";
    size_t at = 0;

    count_about(sim, call->number, who->shop, 1, who->id);
    if (bad) {
        tiktok_error(sim, answer, 400, 36009004, bad);
        return;
    }
    if (tiktok_faults(sim, API_FINANCE, who->shop, answer))
        return;
    s = statements_of(sim, shop);
    for (; at < s.count; at++) {
        statement_id(shop, s.row[at].day, s.row[at].currency, id);
        if (strcmp(id, who->id) == 0)
            break;
    }
    if (at == s.count) {
        tiktok_error(sim, answer, (int)sim->sw.business_error_status, 36009004, "The statement is unknown");
    } else {
        struct page_hit *hits =
            buf_alloc(((size_t)sim->shops[shop].of[KIND_ORDER].count * ROWS + 1) * sizeof *hits);

        write_statement_page(sim, &s.row[at], id, &page, hits, rows_find(sim, shop, &s.row[at], hits),
                             answer);
        free(hits);
    }
    free(s.row);
}
