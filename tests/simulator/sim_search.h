/* sim_search.h - POST /order/202309/orders/search.
 *
 * In:     page_size, page_token, sort_field, sort_order in the query, filters in the body. Out: one page.
 * Fails:  36009004 for anything undocumented: better a test that fails than a filter silently ignored. */
#ifndef SIM_SEARCH_H
#define SIM_SEARCH_H

#include <stdint.h>

struct answer;
struct call;
struct sim;

void search_answer(struct sim *sim, const struct call *call, uint32_t shop, struct answer *answer);

#endif
