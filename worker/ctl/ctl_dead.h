/* ctl_dead.h - shopstreamctl dead: its four verbs. argv begins behind the verb. Each returns an enum ctl_exit. */
#ifndef SHOPSTREAM_WORKER_CTL_CTL_DEAD_H
#define SHOPSTREAM_WORKER_CTL_CTL_DEAD_H

#include "worker/ctl/ctl.h"

int ctl_dead_replay(struct ctl *c, struct link *l, int argc, char **argv);
int ctl_dead_discard(struct ctl *c, struct link *l, int argc, char **argv);

int ctl_dead_redis_fail(const struct err *err); /* says that Redis cannot be asked, and why */

#endif
