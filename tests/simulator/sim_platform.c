/* sim_platform.c - see sim_platform.h. */
#include "sim_platform.h"

#include <string.h>

static const struct sim_platform *const platform_list[] = {
    &platform_tiktok,
    &platform_shopee,
};

const struct sim_platform *platform_at(size_t index)
{
    return index < sizeof platform_list / sizeof *platform_list ? platform_list[index] : NULL;
}

const struct sim_platform *platform_by_name(const char *name)
{
    const struct sim_platform *p;

    for (size_t i = 0; (p = platform_at(i)); i++) {
        if (strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}
