/* sim_shopee_config.h - what the platform knows about pushing to this app: its callback, what is switched on, and
 * the pushes it gave up.
 *
 * In:     calls of the push APIs, and of the control API. Out: their answers; the callback URL for signatures.
 * Thread: the one loop; the probe of a callback is a request on it.
 * Why so: pushes travel through webhook-sender, so the simulator cannot know which were lost: a test says so. The
 * queue then behaves as documented: the oldest 100, for three days, and only a confirmation moves it on. */
#ifndef SIM_SHOPEE_CONFIG_H
#define SIM_SHOPEE_CONFIG_H

#include <stdbool.h>

struct answer;
struct call;
struct shopee;
struct shopee_ask;
struct sim;

struct shopee *shopee_config_new(struct sim *sim);
void shopee_config_free(struct shopee *shopee); /* accepts NULL; before the event base ends */
const char *shopee_callback_url(const struct sim *sim);

void shopee_config_get(struct shopee_ask *ask);
void shopee_config_set(struct shopee_ask *ask);
void shopee_lost_get(struct shopee_ask *ask);
void shopee_lost_confirm(struct shopee_ask *ask);

/* sim_platform.control: POST lost, GET lost, POST push_status. */
bool shopee_control(struct sim *sim, const struct call *call, struct answer *answer);

#endif
