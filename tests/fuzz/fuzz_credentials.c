/* fuzz_credentials.c - tests: any bytes as a sealed token, and sealed tokens changed anywhere.
 *
 * Input:   0 and then a sealed text as it might lie in MongoDB; or else two bytes of a place, one to change it by, and a
 *          token, which is sealed, opened, changed and opened again.
 * Checks:  no sanitizer report; what was sealed opens to the same bytes, and only in its place; a changed one is refused, or
 *          opens to the same bytes (the spare bits at the end of base64 say nothing); nothing else ever opens; a refusal has a
 *          sentence and gives no bytes. */
#include <stdlib.h>
#include <string.h>

#include "worker/credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static struct credentials *keys(void)
{
    static const char text[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff,"
                               "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";
    static struct credentials *made;
    struct err err = {0};

    if (!made)
        made = credentials_new(text, &err);
    demand(made != NULL);
    return made;
}

static void check_refused(const char *place, const char *sealed, size_t n)
{
    struct strbuf plain = STRBUF_INIT;
    struct err err = {0};

    demand(!credentials_unseal(keys(), place, sealed, n, &plain, &err));
    demand(err.text[0] && plain.length == 0);
    strbuf_deinit(&plain);
}

static void check_changed(const struct strbuf *sealed, const char *token, size_t n)
{
    struct strbuf plain = STRBUF_INIT;
    struct err err = {0};

    if (credentials_unseal(keys(), "a/b", sealed->data, sealed->length, &plain, &err))
        demand(plain.length == n && (n == 0 || memcmp(plain.data, token, n) == 0));
    else
        demand(err.text[0] && plain.length == 0);
    strbuf_deinit(&plain);
}

static void check_sealed(size_t at, uint8_t change, const char *token, size_t n)
{
    struct strbuf sealed = STRBUF_INIT, plain = STRBUF_INIT;
    struct err err = {0};

    demand(credentials_seal(keys(), "a/b", token, n, &sealed, &err));
    demand(credentials_is_current(keys(), sealed.data));
    demand(credentials_unseal(keys(), "a/b", sealed.data, sealed.length, &plain, &err));
    demand(plain.length == n && (n == 0 || memcmp(plain.data, token, n) == 0));
    check_refused("a/c", sealed.data, sealed.length);
    check_refused("a/b", sealed.data, at % sealed.length);
    sealed.data[at % sealed.length] ^= (char)change;
    check_changed(&sealed, token, n);
    strbuf_deinit(&sealed);
    strbuf_deinit(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact;

    if (size == 0)
        return 0;
    if (data[0] != 0) {
        if (size >= 4 && size < 4096)
            check_sealed((size_t)data[1] << 8 | data[2], data[3], (const char *)data + 4, size - 4);
        return 0;
    }
    exact = malloc(size); /* one more than is used, but no NUL */
    demand(exact != NULL);
    memcpy(exact, data + 1, size - 1);
    check_refused("a/b", exact, size - 1);
    free(exact);
    return 0;
}
