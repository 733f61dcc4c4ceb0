/* verify.h - server, stage 2 of 5: did this marketplace really send these bytes?
 *
 * In:      a push: the body exactly as received, and what the sender put into its headers.
 * Out:     a verdict. Nothing is parsed here: parsing comes after trust (stage 3, map).
 * Fails:   only by verdict; http.c turns a verdict into an answer.
 * Thread:  a verifier belongs to one loop (its prepared keys are scratch space). Pure: no clock, no I/O, no logging.
 * Why so:  during a key rotation several secrets are valid; all are always tried, so timing tells nothing. */
#ifndef SHOPSTREAM_SERVER_VERIFY_H
#define SHOPSTREAM_SERVER_VERIFY_H

#include <stddef.h>

#include "common/config.h"
#include "common/hmac.h"
#include "server/push.h"

enum verdict {
    VERDICT_GENUINE,   /* signed with one of our secrets */
    VERDICT_MISSING,   /* no signature */
    VERDICT_MALFORMED, /* a signature of the wrong shape */
    VERDICT_MISMATCH,  /* computed, and it differs */
    VERDICT_UNABLE,    /* we could not compute one: no secret, or no memory */
};

enum { VERIFY_SECRETS_MAX = 4 };

/* What one platform signs with. */
struct verify_secrets {
    struct hmac_key *keys[VERIFY_SECRETS_MAX]; /* owned; current first */
    size_t count;                              /* in use; 0: this platform is not configured */
    struct entry_text app_key;                 /* borrowed from the configuration */
};

struct verifier; /* opaque */

/* c is borrowed and must outlive the verifier. You own the result (verify_free). */
struct verifier *verify_new(const struct config *c);
void verify_free(struct verifier *v); /* accepts NULL */

enum verdict verify_push(const struct verifier *v, const struct push *push)
    __attribute__((warn_unused_result));

/* For the platforms: compares sent (hex digits, any case, blanks around them) with the HMAC-SHA256 of parts under
 * every secret, in constant time. Borrows all arguments. */
enum verdict verify_hex(const struct verify_secrets *secrets, const struct hmac_part *parts, size_t count,
                        struct entry_text sent) __attribute__((warn_unused_result));

#endif
