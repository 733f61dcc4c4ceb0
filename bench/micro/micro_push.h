/* micro_push.h - bench: a webhook as the server's first stage hands it on. Apart from micro_input.h, because the worker knows
 * no push. */
#ifndef SHOPSTREAM_BENCH_MICRO_PUSH_H
#define SHOPSTREAM_BENCH_MICRO_PUSH_H

#include "bench/micro/micro_input.h"
#include "server/push.h"

/* A push about one order, signed as configured. Its texts live as long as the process. */
struct push micro_push(enum micro_market market);

#endif
