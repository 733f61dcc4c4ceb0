/* fuzz_redis_url.c - tests: any text as REDIS_URL.
 *
 * Checks:  no sanitizer report; a refusal has a sentence and leaves the output alone; what is accepted has either a host
 *          with a port or a path, every text inside its array, and a label without the credentials' marks. */
#include <stdlib.h>
#include <string.h>

#include "common/redis_url.h"
#include "common/strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void check_url(const struct redis_url *url)
{
    char label[300];

    demand(strnlen(url->host, sizeof url->host) < sizeof url->host);
    demand(strnlen(url->path, sizeof url->path) < sizeof url->path);
    demand(strnlen(url->user, sizeof url->user) < sizeof url->user);
    demand(strnlen(url->password, sizeof url->password) < sizeof url->password);
    demand(!url->host[0] != !url->path[0]);
    demand(url->host[0] ? url->port >= 1 && url->port <= 65535 : url->port == 0);
    demand(url->db >= 0 && url->db <= 65535);
    demand(!url->user[0] || url->password[0]);
    demand(redis_url_label(url, label, sizeof label) == label);
    demand(url->path[0] || !strchr(label, '@'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xstrndup((const char *)data, size);
    struct redis_url url = {.port = -7};
    struct err err = {0};

    if (redis_url_parse(text, &url, &err))
        check_url(&url);
    else
        demand(err.domain == ERR_CONFIG && err.text[0] && url.port == -7);
    free(text);
    return 0;
}
