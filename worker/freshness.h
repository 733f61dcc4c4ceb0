/* freshness.h - worker: is this event already reflected by that state? The rule behind lookup, write and ack.
 *
 * A state is (version, fetched_ms). An event is reflected when
 *   first sort (event_ms given and its topic moves the update time): version > event_ms; or version == event_ms and
 *   settled (fetched_ms >= version + 1 s + skew: every change of that second was in the answer); or version >= event_ms
 *   and fetched_ms > entry_ms;
 *   second sort (all others): fetched_ms > entry_ms;
 *   parked (src parked, with event_ms): both of them. It stands for all events of its need, and the times at which the
 *   second sort among them was stored are lost; its own, at which it came back, is later than all of those.
 *   tracking, of the first sort otherwise: both of them, too. Its version is the newest of several update times, so a
 *   version may be later than a change it does not show.
 * Comparisons with entry_ms are strict, because clocks step. An entry from the future (entry_ms > now_ms) is always read.
 * An entry of another partition than its shop's current one was stored by another node's clock: nothing proves it but a read.
 * A tombstone with fetched_ms > entry_ms reflects both sorts. Pure. */
#ifndef SHOPSTREAM_WORKER_FRESHNESS_H
#define SHOPSTREAM_WORKER_FRESHNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "worker/message.h"
#include "worker/need.h"

struct freshness {
    int64_t now_ms;      /* Redis' clock, asked just before */
    int64_t skew_ms;     /* CLOCK_SKEW_MS */
    bool settled_counts; /* marketplace's and Redis' clocks agree within skew: "settled" may be used */
    int partitions;      /* over how many the shops are spread now; 0 = not looked at */
};

/* fetched_ms as it may be used: 0 when it lies more than skew in the future. */
int64_t freshness_fetched(const struct freshness *f, int64_t fetched_ms);

/* Does a state (version, fetched_ms; deleted: it is a tombstone) reflect this message? */
bool freshness_reflects(const struct freshness *f, int64_t version, int64_t fetched_ms, bool deleted,
                        const struct message *m);

/* It lies in another partition than its shop's events are put into now. */
bool freshness_is_foreign(const struct freshness *f, const struct message *m);

/* The stored state reflects every message of the need. False when nothing is stored. */
bool freshness_need_reflected(const struct freshness *f, const struct need *n);

/* Can a version prove that this event is reflected? Not for money: an order's update time does not tell of it. */
bool freshness_first_sort(const struct message *m);

/* First sort and the answer is older than announced: the marketplace announced before it could serve. */
bool freshness_behind(const struct message *m, int64_t version);

/* The attempt from which on a first-sort event that is still not served is given up: MAX_STALE_READS, but no later than the
 * last attempt there is, or the event would be buried although its document is stored. */
int64_t freshness_stale_limit(const struct config *config);

#endif
