/* micro_event.h - bench: messages for the stages that begin with some. */
#ifndef SHOPSTREAM_BENCH_MICRO_EVENT_H
#define SHOPSTREAM_BENCH_MICRO_EVENT_H

#include <stddef.h>

#include "bench/micro/micro_input.h"
#include "worker/message.h"

/* The i-th entry of a stream, about that order. You own it (message_free). */
struct message *micro_message(enum micro_market market, size_t i, size_t order);

#endif
