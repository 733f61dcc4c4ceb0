/* verify.c - server, stage 2 of 5: secrets, and the comparison all platforms share.
 *
 * Which bytes are signed and where the signature stands is the platform's business (verify_<platform>.c). Here: a
 * comma-separated setting becomes prepared keys, and a hex signature is compared with each of them. The loop never
 * leaves early on a match, and the comparison itself is constant time, so neither the position of a wrong digit nor
 * which of two secrets fitted can be told from outside. Shape errors (length, a letter that is no hex digit) may
 * answer early: they depend on what the sender sent only. */
#include "server/verify.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "server/verify_tiktok.h"

struct verifier {
    struct verify_secrets secrets[PLATFORMS]; /* by platform */
};

/* "current,previous" -> prepared keys; empty pieces are skipped. */
static void secrets_init(struct verify_secrets *to, const char *app_key, const char *list)
{
    to->app_key = (struct entry_text){app_key, strlen(app_key)};
    while (to->app_key.length > 0 && *list && to->count < VERIFY_SECRETS_MAX) {
        size_t n = strcspn(list, ",");

        if (n > 0)
            to->keys[to->count++] = hmac_key_new(list, n);
        list += n + (list[n] == ',');
    }
}

struct verifier *verify_new(const struct config *c)
{
    struct verifier *v = xcalloc(1, sizeof(*v));

    secrets_init(&v->secrets[PLATFORM_TIKTOK], c->tiktok_app_key, c->tiktok_app_secret);
    return v;
}

void verify_free(struct verifier *v)
{
    if (!v)
        return;
    for (size_t p = 0; p < PLATFORMS; p++)
        for (size_t i = 0; i < v->secrets[p].count; i++)
            hmac_key_free(v->secrets[p].keys[i]);
    free(v);
}

enum verdict verify_push(const struct verifier *v, const struct push *push)
{
    switch (push->platform) {
    case PLATFORM_TIKTOK:
        return verify_tiktok(&v->secrets[PLATFORM_TIKTOK], push);
    case PLATFORMS:
        break;
    }
    return VERDICT_UNABLE;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Trimmed and in lower case into to. False: not 64 hex digits. */
static bool hex_normal(struct entry_text sent, char to[HMAC_HEX_LENGTH])
{
    while (sent.length > 0 && blank(sent.data[0])) {
        sent.data++;
        sent.length--;
    }
    while (sent.length > 0 && blank(sent.data[sent.length - 1]))
        sent.length--;
    if (sent.length != HMAC_HEX_LENGTH)
        return false;
    for (size_t i = 0; i < HMAC_HEX_LENGTH; i++) {
        char c = sent.data[i];

        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        to[i] = c;
    }
    return true;
}

enum verdict verify_hex(const struct verify_secrets *secrets, const struct hmac_part *parts, size_t count,
                        struct entry_text sent)
{
    char wanted[HMAC_HEX_LENGTH + 1], got[HMAC_HEX_LENGTH];
    unsigned matches = 0;

    if (secrets->count == 0)
        return VERDICT_UNABLE;
    if (!sent.data)
        return VERDICT_MISSING;
    if (!hex_normal(sent, got))
        return VERDICT_MALFORMED;
    for (size_t i = 0; i < secrets->count; i++) {
        if (!hmac_sha256_hex(secrets->keys[i], parts, count, wanted))
            return VERDICT_UNABLE;
        matches |= (unsigned)hmac_equal(wanted, HMAC_HEX_LENGTH, got, HMAC_HEX_LENGTH);
    }
    return matches ? VERDICT_GENUINE : VERDICT_MISMATCH;
}
