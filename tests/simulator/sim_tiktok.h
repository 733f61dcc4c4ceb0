/* sim_tiktok.h - the platform's routes: gateway checks in a fixed order, then the endpoint.
 *
 * In:     a request taken apart. Out: the envelope the platform would answer, with its HTTP status and code.
 * Fails:  never; what is wrong with a request becomes an answer.
 * Why so: faults are looked at only after every check has passed, so that a client that signs wrongly or asks
 * for too many ids always hears about it, also in the middle of an outage. */
#ifndef SIM_TIKTOK_H
#define SIM_TIKTOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim_buf.h"
#include "sim_count.h"
#include "sim_entity.h"
#include "sim_filter.h"

struct answer;
struct call;
struct sim;

void tiktok_token_answer(struct sim *sim, const struct call *call, struct answer *answer);

/* What the gateway found out about a call. */
struct caller {
    uint32_t auth;      /* whose token */
    int64_t shop;       /* index of the cipher's shop, -1 on endpoints without one */
    char id[ENTITY_ID]; /* what stands in the path where the route has {}; cut off when longer */
};

/* What is to become of one entity of an answer. */
enum serve { SERVE_IT, SERVE_LEAVE_OUT, SERVE_ERROR };

/* The faults about this entity: sets how the answer is delivered, and *revision to the one to show (0: the
 * entity did not exist yet, which is SERVE_LEAVE_OUT). SERVE_ERROR: the answer is finished. */
enum serve tiktok_entity_faults(struct sim *sim, enum api api, const struct entity *entity,
                                struct answer *answer, uint32_t *revision);
/* The same, and then the entity itself: counted as read, written as an element of an array (key NULL) or as a
 * member. False: the answer is finished. */
bool tiktok_write_entity(struct sim *sim, enum api api, struct entity *entity, const char *key,
                         struct json_out *out, struct answer *answer);
/* The body of a search as an object, checked against the filters (rules: until name NULL); owned. NULL: the
 * answer is finished. */
json_t *tiktok_filters(struct sim *sim, const struct call *call, const struct filter_rule *rules,
                       struct answer *answer);

/* An error envelope; what was written to the answer before is dropped. message: static text. */
void tiktok_error(struct sim *sim, struct answer *answer, int status, int code, const char *message);
/* A success envelope around exactly one member "data" that the caller writes in between. */
void tiktok_open(struct answer *answer, struct json_out *out);
void tiktok_close(struct sim *sim, struct json_out *out, const char *message);

/* Applies the faults that concern a whole call. True: the answer is finished, do not compute one. Otherwise
 * the delivery (delay, hold, cut) may have been set and the answer is still to be written. */
bool tiktok_faults(struct sim *sim, enum api api, int64_t shop, struct answer *answer);

#endif
