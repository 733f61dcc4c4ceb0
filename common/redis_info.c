/* redis_info.c - common: what Redis says about itself. Contract: redis_info.h. */
#include "common/redis_info.h"

#include <string.h>

#include "common/number.h"

bool redis_info_number(const char *info, size_t n, const char *name, int64_t *out)
{
    const size_t length = strlen(name);
    const char *line = info, *end = info + n;

    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t size = (size_t)((stop ? stop : end) - line);

        if (size > 0 && line[size - 1] == '\r')
            size--;
        if (size > length && memcmp(line, name, length) == 0 && line[length] == ':')
            return number_i64(line + length + 1, size - length - 1, out);
        line = stop ? stop + 1 : end;
    }
    return false;
}

int64_t redis_info_used_percent(const char *info, size_t n, int64_t max_bytes)
{
    int64_t used = 0, most = 0;

    if (!redis_info_number(info, n, "used_memory", &used) || used < 0)
        return -1;
    if (max_bytes > 0)
        most = max_bytes;
    else if (!redis_info_number(info, n, "maxmemory", &most))
        return -1;
    if (most <= 0)
        return -1;
    return most >= 100 ? used / (most / 100) : 100;
}
