/* sim_shopee_push.h - Shopee's pushes: bodies, signature, configuration, and the queue of lost ones.
 *
 * In:     an entity after a change, or any code and data. Out: bodies as the platform writes them.
 * Why so: the platform is not consistent (ordersn or order_sn, msg_id or none, null or ""), so each push decides
 * such things by a draw of its entity and revision: a test sees them all, and the same ones each time. */
#ifndef SIM_SHOPEE_PUSH_H
#define SIM_SHOPEE_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_entity.h"
#include "sim_sign.h"

struct buf;
struct shopee_ask;

#define SHOPEE_CALLBACK "https://hooks.example.test/webhooks/shopee"

/* sim_platform.push, .topic and .sign. The signature covers callback URL, '|' and body. */
bool shopee_push(struct sim *sim, const struct entity *entity, const struct change *change, struct buf *body);
void shopee_topic(struct sim *sim, int64_t code, int64_t shop, const char *data, struct buf *body);
void shopee_sign(const struct sim *sim, const char *body, size_t len, char out[SIGN_HEX]);

#endif
