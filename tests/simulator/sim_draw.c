/* sim_draw.c - see sim_draw.h. The mixing steps are those of splitmix64 and FNV-1a, both public domain. */
#include "sim_draw.h"

static uint64_t mix(uint64_t v)
{
    v ^= v >> 30;
    v *= 0xbf58476d1ce4e5b9u;
    v ^= v >> 27;
    v *= 0x94d049bb133111ebu;
    v ^= v >> 31;
    return v;
}

uint64_t draw_next(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    return mix(*state);
}

struct draw draw_of(uint64_t seed, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t state = seed;

    state = draw_next(&state) ^ a;
    state = draw_next(&state) ^ b;
    state = draw_next(&state) ^ c;
    return (struct draw){draw_next(&state)};
}

uint64_t draw_bits(struct draw d, const char *what)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (; *what; what++)
        h = (h ^ (uint64_t)(unsigned char)*what) * 0x100000001b3u;
    return mix(d.base ^ mix(h));
}

uint64_t draw_below(struct draw d, const char *what, uint64_t n)
{
    return draw_bits(d, what) % n;
}

bool draw_chance(struct draw d, const char *what, unsigned percent)
{
    return draw_below(d, what, 100) < percent;
}
