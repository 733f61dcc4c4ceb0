/* keys.c - common: the spelling of every Redis key.
 *
 * In:      a partition number, a worker's name; platform and shop for the partition.
 * Out:     key text; a partition.
 * Fails:   never; callers give buffers of KEYS_STREAM_MAX, partitions are below KEYS_PARTITIONS_MAX.
 * Thread:  any. Pure.
 * Why so:  the hash is written out here instead of taken from a library, because it decides where a shop's events lie:
 *          it must give the same number on every build for ever. FNV-1a is small, old and fixed. The zero byte between
 *          the two texts keeps "ab" + "c" apart from "a" + "bc". */
#include "common/keys.h"

#include <stdint.h>
#include <stdio.h>

static uint64_t keys_fnv1a(uint64_t hash, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hash ^= (unsigned char)s[i];
        hash *= UINT64_C(0x100000001b3);
    }
    return hash;
}

int keys_partition(const char *platform, size_t platform_length, const char *shop, size_t shop_length,
                   int partitions)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    if (partitions <= 1)
        return 0;
    hash = keys_fnv1a(hash, platform, platform_length);
    hash = keys_fnv1a(hash, "", 1);
    hash = keys_fnv1a(hash, shop, shop_length);
    return (int)(hash % (uint64_t)partitions);
}

static size_t keys_stream(char *to, int partition, const char *tail)
{
    int n = snprintf(to, KEYS_STREAM_MAX, "webhooks:{%d}%s", partition, tail);

    return n > 0 && n < KEYS_STREAM_MAX ? (size_t)n : 0;
}

size_t keys_live(char *to, int partition)
{
    return keys_stream(to, partition, "");
}

size_t keys_bulk(char *to, int partition)
{
    return keys_stream(to, partition, ":bulk");
}

size_t keys_dead(char *to, int partition)
{
    return keys_stream(to, partition, ":dead");
}

size_t keys_trimmed(char *to, const char *stream)
{
    int n = snprintf(to, KEYS_STREAM_MAX, "%s:trimmed", stream);

    return n > 0 ? (size_t)n : 0;
}

size_t keys_discarded(char *to, int partition)
{
    return keys_stream(to, partition, ":discarded");
}

size_t keys_worker(char *to, size_t size, int partition, const char *name)
{
    int n = snprintf(to, size, "webhooks:{%d}:worker:%s", partition, name);

    return n > 0 ? (size_t)n : 0;
}
