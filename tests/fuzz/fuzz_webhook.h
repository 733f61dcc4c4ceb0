/* fuzz_webhook.h - arbitrary bytes as a webhook: verified, then mapped as if the signature had been good, then encoded.
 *
 * Input: the signature header up to the first newline, then the body; without a newline all of it is the body. Verifier and
 * mapper see one push after the other, as a thread's do: what one leaves behind would show in the next. */
#ifndef SHOPSTREAM_TESTS_FUZZ_WEBHOOK_H
#define SHOPSTREAM_TESTS_FUZZ_WEBHOOK_H

#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "server/map.h"
#include "server/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok)
{
    if (!ok)
        abort();
}

static void check_mapped(const struct push *push, const struct mapped *out)
{
    static struct strbuf b;

    expect(out->count >= 1 && out->count <= MAP_ENTRIES_MAX);
    expect(out->dead ? out->why != NULL && out->count == 1 : out->why == NULL);
    for (size_t i = 0; i < out->count; i++) {
        const struct entry *e = &out->entries[i];

        expect(out->partitions[i] >= 0 && out->partitions[i] < 7);
        expect(e->id.length <= MAP_ID_MAX && e->shop.length <= MAP_ID_MAX);
        expect(e->body.data == push->body.data && e->body.length == push->body.length);
        expect(out->dead || (e->key.length > 0 && e->key.length < 400));
        strbuf_reset(&b);
        if (!out->dead)
            entry_add_xadd(&b, "s", 1, e);
    }
}

static void fuzz_webhook(const struct config *config, enum platform platform, const uint8_t *data,
                         size_t size)
{
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    size_t head = newline ? (size_t)(newline - data) + 1 : 0;
    /* Copies of exact size: a byte read too far is seen. */
    char *authorization = xstrndup((const char *)data, head ? head - 1 : 0), *body = malloc(size - head + 1);
    static struct verifier *v;
    static struct mapper *m;
    struct push push = {.platform = platform, .trace = {"t", 1}, .recv_ms = 1, .partitions = 7};
    struct push_sign_match match = {0};
    struct mapped out;

    expect(body != NULL);
    if (!v) {
        v = verify_new(config);
        m = mapper_new(config);
    }
    memcpy(body, data + head, size - head);
    body = realloc(body, size - head ? size - head : 1);
    push.body = (struct entry_text){body, size - head};
    push.authorization = (struct entry_text){head ? authorization : NULL, head ? head - 1 : 0};
    if (verify_push(v, &push, &match) == VERDICT_GENUINE)
        expect(push.authorization.length >= 64);
    map_push(m, &push, &out);
    check_mapped(&push, &out);
    map_release(m);
    free(authorization);
    free(body);
}

#endif
