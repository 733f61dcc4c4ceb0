/* sim_selftest.h - what the simulator can prove about itself without a network.
 *
 * Out: true when the published signature examples, page tokens, the order of keys and the payment formulas
 * hold and every documented order field occurs; each failure is one line on standard error. */
#ifndef SIM_SELFTEST_H
#define SIM_SELFTEST_H

#include <stdbool.h>

bool selftest_run(void);

#endif
