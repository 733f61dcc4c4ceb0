/* sim_selftest.h - what the simulator can prove about itself without a network.
 *
 * Out: true when the published signature examples, the order of keys, the payment formulas and the counting of
 * limits hold and every documented field of every kind occurs; each failure is one line on standard error. */
#ifndef SIM_SELFTEST_H
#define SIM_SELFTEST_H

#include <stdbool.h>

bool selftest_run(void);

#endif
