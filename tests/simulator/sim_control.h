/* sim_control.h - the tests' own API under /_sim/: not signed, this machine only. Reference: README.md here.
 *
 * In:     small JSON objects. Out: JSON, or NDJSON where a list is asked for.
 * Fails:  400 with {"error": a sentence} for anything unknown, also for a misspelled key. */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

struct sim;
struct call;
struct answer;

void control_answer(struct sim *sim, const struct call *call, struct answer *answer);

#endif
