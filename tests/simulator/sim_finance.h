/* sim_finance.h - TikTok's money: transactions of an order, statements, payments.
 *
 * In:     completed orders, and corrections of their transactions (KIND_TRANSACTION). Out: the four calls.
 * Why so: nothing here has a life of its own: rows appear when an order is completed, a statement is all rows
 * of one shop, day (UTC) and currency, listed from the next midnight on.
 *
 * Statement id, 19 digits: 3458 SSSSS DDDDD U CCCC - shop index, day since 1970, currency, check digits.
 * Row id, 19 digits:       3460 SSSSS NNNNNNN T CC - shop index, number of the order, which row, check digits. */
#ifndef SIM_FINANCE_H
#define SIM_FINANCE_H

#include "sim_entity.h"
#include "sim_tiktok.h"

struct truth;

/* One more correction of the order's amounts. Returns NULL, or why not (the order is not completed). */
const char *finance_change(struct sim *sim, uint32_t shop, uint32_t number, const struct change *change,
                           struct entity **out);
bool finance_truth(struct sim *sim, uint32_t shop, uint32_t number, struct truth *out);

void finance_order(struct sim *sim, const struct call *call, const struct caller *who, struct answer *answer);
void finance_statement(struct sim *sim, const struct call *call, const struct caller *who,
                       struct answer *answer);
void finance_statements(struct sim *sim, const struct call *call, const struct caller *who,
                        struct answer *answer);
void finance_payments(struct sim *sim, const struct call *call, const struct caller *who,
                      struct answer *answer);

#endif
