/* micro_input.h - bench: what the stages are given. Fixed to the byte, and of the size and shape of real traffic.
 *
 * Webhooks are order updates filled up to 1 KiB, as bench/run sends them. Orders are what the simulator renders
 * (order_<platform>.json, one of three items, 4.3 KB), under as many ids as are wanted. Entities of the other kinds are the
 * full goldens. */
#ifndef SHOPSTREAM_BENCH_MICRO_INPUT_H
#define SHOPSTREAM_BENCH_MICRO_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/strbuf.h"

enum { MICRO_WEBHOOK_BYTES = 1024 };

/* Instants are fixed, too: what is counted must not depend on the number of a date's digits. */
#define MICRO_NOW_MS INT64_C(1795240000000)

enum micro_market { MICRO_TIKTOK, MICRO_SHOPEE, MICRO_MARKETS };

/* The settings of a program, all others their defaults. You own it (config_deinit and free). */
struct config *micro_config(enum config_program program);

const char *micro_platform(enum micro_market market); /* "tiktok" */
const char *micro_shop(enum micro_market market);     /* its shop in every input */

/* The id of the i-th order; to is appended to. */
void micro_order_id(struct strbuf *to, enum micro_market market, size_t i);

/* The marketplace's answer with count orders; appended. */
void micro_add_answer(struct strbuf *to, enum micro_market market, size_t count);

/* A file of ours; ends the program when it cannot be read. */
void micro_read(struct strbuf *to, const char *path);

#endif
