/* sim_draw.h - numbers that look random and are a pure function of what they are for.
 *
 * In:     a draw (seed, shop, number …) and the name of the thing decided.
 * Out:    always the same 64 bits for the same input, on every machine.
 * Why so: an order is rendered again and again, in any order and for any revision, so no generator state may
 * be involved: each field asks for its own number by its own name. */
#ifndef SIM_DRAW_H
#define SIM_DRAW_H

#include <stdbool.h>
#include <stdint.h>

struct draw {
    uint64_t base; /* digest of everything the thing depends on */
};

struct draw draw_of(uint64_t seed, uint64_t a, uint64_t b, uint64_t c);
uint64_t draw_bits(struct draw d, const char *what);
uint64_t draw_below(struct draw d, const char *what, uint64_t n); /* 0 … n-1, n > 0 */
bool draw_chance(struct draw d, const char *what, unsigned percent);

/* A stream of numbers, for decisions that are counted rather than named. */
uint64_t draw_next(uint64_t *state);

#endif
