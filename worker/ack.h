/* ack.h - worker, stage 7 of 7: the only place where a verdict becomes an action.
 *
 * In:      messages with their outcomes.
 * Does:    DONE, PARKED: one XACK per stream for all of them. RETRY: XCLAIM to the consumer "parked", next try encoded in
 *          the idle time (T - delay), RETRYCOUNT n or n-1. RETRY without attempts left, POISON: dead letter and XACK in
 *          one script; refused (OOM): parked a minute without an attempt. DISCONNECTED: handed back to the caller.
 * Fails:   false: the link was lost. What was not confirmed is kept inside and sent again by the next call first
 *          (an XACK, XCLAIM or dead letter repeated is harmless), so a lost ack is never forgotten.
 * Thread:  the lane's. Every message leaves the keeper's list before anything is sent. */
#ifndef SHOPSTREAM_WORKER_ACK_H
#define SHOPSTREAM_WORKER_ACK_H

#include "common/config.h"
#include "common/err.h"
#include "worker/keeper.h"
#include "worker/link.h"
#include "worker/message.h"
#include "worker/streams.h"

struct acker; /* opaque */

struct acker *acker_new(const struct config *config, const struct streams *streams, struct link *acks,
                        struct keeper *keeper, size_t lane, const char *consumer);
void acker_free(struct acker *a); /* accepts NULL; what is unconfirmed stays pending in Redis */

/* Takes every message of settled (empty afterwards), acts, frees it. DISCONNECTED ones must not be in it. */
bool ack_settle(struct acker *a, struct message_list *settled, struct err *err)
    __attribute__((warn_unused_result));

/* Graceful stop: hands back unprocessed messages, due at once for any peer, without an attempt. Takes them. */
bool ack_hand_back(struct acker *a, struct message_list *unprocessed, struct err *err)
    __attribute__((warn_unused_result));

size_t ack_unconfirmed(const struct acker *a); /* messages whose action has not been confirmed yet */

#endif
