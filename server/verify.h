/* verify.h - server, stage 2 of 5: did this marketplace really send these bytes?
 *
 * In:      a push: the body exactly as received, and what the sender put into its headers.
 * Out:     a verdict, and with which key and address a genuine one was signed. Nothing is parsed here: parsing comes
 *          after trust (stage 3, map).
 * Fails:   only by verdict; http.c turns a verdict into an answer.
 * Thread:  a verifier belongs to one loop (its prepared keys are scratch space). Pure: no clock, no I/O, no logging.
 * Why so:  during a key rotation several secrets are valid; all are always tried, so timing tells nothing. */
#ifndef SHOPSTREAM_SERVER_VERIFY_H
#define SHOPSTREAM_SERVER_VERIFY_H

#include <stddef.h>

#include "common/config.h"
#include "common/push_sign.h"
#include "server/push.h"

enum verdict {
    VERDICT_GENUINE,   /* signed with one of our secrets */
    VERDICT_MISSING,   /* no signature */
    VERDICT_MALFORMED, /* a signature of the wrong shape */
    VERDICT_MISMATCH,  /* computed, and it differs */
    VERDICT_UNABLE,    /* we could not compute one: no secret, no address, or no memory */
};

struct verifier; /* opaque */

/* c is borrowed and must outlive the verifier. You own the result (verify_free). */
struct verifier *verify_new(const struct config *c);
void verify_free(struct verifier *v); /* accepts NULL */

/* *match is set when the push is genuine. */
enum verdict verify_push(const struct verifier *v, const struct push *push, struct push_sign_match *match)
    __attribute__((warn_unused_result));

/* For counters and logs: how many keys a platform has, and the one of a match. Borrowed from the verifier. */
size_t verify_keys(const struct verifier *v, enum platform platform);
const struct push_sign_key *verify_key(const struct verifier *v, enum platform platform, size_t key);

/* For the platforms: judges sent (hex digits, any case, blanks around them; data NULL: none). Borrows all arguments. */
enum verdict verify_hex(const struct push_signer *signer, struct entry_text sent, struct entry_text body,
                        struct push_sign_match *match) __attribute__((warn_unused_result));

#endif
