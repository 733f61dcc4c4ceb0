/* redis_info.c - common: what Redis says about itself. Contract: redis_info.h. */
#include "common/redis_info.h"

#include <string.h>

#include "common/number.h"

/* What stands behind "name:". NULL: there is no such line. */
static const char *line_value(const char *info, size_t n, const char *name, size_t *size_out)
{
    const size_t length = strlen(name);
    const char *line = info, *end = info + n;

    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t size = (size_t)((stop ? stop : end) - line);

        if (size > 0 && line[size - 1] == '\r')
            size--;
        if (size > length && memcmp(line, name, length) == 0 && line[length] == ':') {
            *size_out = size - length - 1;
            return line + length + 1;
        }
        line = stop ? stop + 1 : end;
    }
    return NULL;
}

bool redis_info_number(const char *info, size_t n, const char *name, int64_t *out)
{
    size_t size = 0;
    const char *value = line_value(info, n, name, &size);

    return value && number_i64(value, size, out);
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

bool redis_info_evicts(const char *info, size_t n)
{
    static const char refuses[] = "noeviction";
    size_t size = 0;
    const char *policy = line_value(info, n, "maxmemory_policy", &size);

    return policy && (size != sizeof refuses - 1 || memcmp(policy, refuses, size) != 0);
}
