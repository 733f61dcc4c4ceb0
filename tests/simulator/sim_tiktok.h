/* sim_tiktok.h - the platform's routes: gateway checks in a fixed order, then the endpoint.
 *
 * In:     a request taken apart. Out: the envelope the platform would answer, with its HTTP status and code.
 * Fails:  never; what is wrong with a request becomes an answer.
 * Why so: faults are looked at only after every check has passed, so that a client that signs wrongly or asks
 * for too many ids always hears about it, also in the middle of an outage. */
#ifndef SIM_TIKTOK_H
#define SIM_TIKTOK_H

#include <stdbool.h>
#include <stdint.h>

#include "sim_buf.h"
#include "sim_count.h"

struct answer;
struct call;
struct sim;

void tiktok_token_answer(struct sim *sim, const struct call *call, struct answer *answer);

/* An error envelope; what was written to the answer before is dropped. message: static text. */
void tiktok_error(struct sim *sim, struct answer *answer, int status, int code, const char *message);
/* A success envelope around exactly one member "data" that the caller writes in between. */
void tiktok_open(struct answer *answer, struct json_out *out);
void tiktok_close(struct sim *sim, struct json_out *out, const char *message);

/* Applies the faults that concern a whole call. True: the answer is finished, do not compute one. Otherwise
 * the delivery (delay, hold, cut) may have been set and the answer is still to be written. */
bool tiktok_faults(struct sim *sim, enum api api, int64_t shop, struct answer *answer);

#endif
