/* sim_push.h - signed pushes, as the platform would send them.
 *
 * In:     an entity after a change, or any topic and data. Out: TikTok's bodies, and for every platform the JSON
 *         object {"signature","path","body"}.
 * Why so: the body travels as a JSON string, so that the sender posts exactly the bytes that were signed. */
#ifndef SIM_PUSH_H
#define SIM_PUSH_H

#include <stddef.h>
#include <stdint.h>

#include "sim_buf.h"

struct sim;
struct entity;

/* Body of a status push (type 1) or an address push (type 3) for the order's newest revision. */
void push_order_body(struct sim *sim, const struct entity *order, int type, struct buf *to);
/* A body about the newest revision up to the brace of "data", and the rest of it. */
void push_open(struct sim *sim, struct json_out *out, int type, const struct entity *entity);
void push_close(struct json_out *out);
/* Body of any topic; shop: index, -1: an envelope without shop_id; data: a JSON text. */
void push_topic_body(struct sim *sim, int64_t type, int64_t shop, const char *data, struct buf *to);
/* {"signature":…,"path":…,"body":…} for exactly these bytes; key NULL: an element, else a member of an object. */
void push_write(struct sim *sim, struct json_out *out, const char *key, const char *body, size_t len);

#endif
