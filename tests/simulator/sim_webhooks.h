/* sim_webhooks.h - TikTok's registration of push addresses: GET, PUT, DELETE /event/202309/webhooks.
 *
 * In:     event_type and address per shop. Out: what was registered.
 * Why so: registered addresses are only remembered, never pushed to: pushes are sent by webhook-sender. */
#ifndef SIM_WEBHOOKS_H
#define SIM_WEBHOOKS_H

#include "sim_tiktok.h"

struct webhooks;

void webhooks_free(struct webhooks *w); /* accepts NULL */
void webhooks_get(struct sim *sim, const struct call *call, const struct caller *who, struct answer *answer);
void webhooks_put(struct sim *sim, const struct call *call, const struct caller *who, struct answer *answer);
void webhooks_delete(struct sim *sim, const struct call *call, const struct caller *who,
                     struct answer *answer);

#endif
