/* verify.c - server, stage 2 of 5: the judgement all platforms share.
 *
 * Where the signature stands is the platform's business (verify_<platform>.c), which bytes are signed and with what is
 * common/push_sign.c's, because the operator's tool must judge alike. The loop over keys and addresses never leaves
 * early on a match, and the comparison itself is constant time, so neither the position of a wrong digit nor which of
 * two secrets fitted can be told from outside. Shape errors (length, a letter that is no hex digit) may answer early:
 * they depend on what the sender sent only. */
#include "server/verify.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "server/verify_shopee.h"
#include "server/verify_tiktok.h"

struct verifier {
    struct push_signer signers[PLATFORMS]; /* by platform */
};

static const struct {
    const char *name;
    enum verdict (*verify)(const struct push_signer *signer, const struct push *push,
                           struct push_sign_match *match);
} platforms[PLATFORMS] = {
    [PLATFORM_TIKTOK] = {"tiktok", verify_tiktok},
    [PLATFORM_SHOPEE] = {"shopee", verify_shopee},
};

struct verifier *verify_new(const struct config *c)
{
    struct verifier *v = xcalloc(1, sizeof(*v));

    for (size_t p = 0; p < PLATFORMS; p++)
        if (!push_signer_init(&v->signers[p], c, platforms[p].name))
            fatalx("verify: nobody knows how a platform signs", LOG_S("platform", platforms[p].name));
    return v;
}

void verify_free(struct verifier *v)
{
    if (!v)
        return;
    for (size_t p = 0; p < PLATFORMS; p++)
        push_signer_deinit(&v->signers[p]);
    free(v);
}

enum verdict verify_push(const struct verifier *v, const struct push *push, struct push_sign_match *match)
{
    return platforms[push->platform].verify(&v->signers[push->platform], push, match);
}

size_t verify_keys(const struct verifier *v, enum platform platform)
{
    return v->signers[platform].key_count;
}

const struct push_sign_key *verify_key(const struct verifier *v, enum platform platform, size_t key)
{
    return &v->signers[platform].keys[key];
}

enum verdict verify_hex(const struct push_signer *signer, struct entry_text sent, struct entry_text body,
                        struct push_sign_match *match)
{
    char normal[HMAC_HEX_LENGTH];

    if (!push_signer_ready(signer))
        return VERDICT_UNABLE;
    if (!sent.data)
        return VERDICT_MISSING;
    if (!push_sign_normal(sent.data, sent.length, normal))
        return VERDICT_MALFORMED;
    switch (push_sign_check(signer, normal, body.data, body.length, match)) {
    case PUSH_SIGN_FITS:
        return VERDICT_GENUINE;
    case PUSH_SIGN_DIFFERS:
        return VERDICT_MISMATCH;
    case PUSH_SIGN_FAILED:
        break;
    }
    return VERDICT_UNABLE;
}
