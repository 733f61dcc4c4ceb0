/* hints.h - worker: what shop events only hint at (deauthorised, authorised, authorisation ends), confirmed by asking the
 * platform: a push may come 15 h late, or be replayed after the seller has authorised again.
 *
 * `shops` fields: hint_topic (text), hint_ms (int64: the event's time; what a confirmation compares with), hint_expires_ms
 * (int64, optional: the end of the authorisation as the push tells it), written before the event is acked. Confirmed:
 * authorization_expires_at (date). */
#ifndef SHOPSTREAM_WORKER_HINTS_H
#define SHOPSTREAM_WORKER_HINTS_H

#include <stdbool.h>

#include "common/err.h"
#include "worker/renew.h"

/* Looks at all hints of the platform of r. What the platform does not tell now stays for the next time. False: MongoDB or
 * Redis is away, err. */
bool hints_confirm(const struct renewer *r, struct err *err) __attribute__((warn_unused_result));

#endif
