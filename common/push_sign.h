/* push_sign.h - common: with which keys, and over which bytes, a marketplace signs its pushes.
 *
 * In:      the configuration, a platform's name; then bodies and signatures.
 * Out:     which key and which head of the message a signature was made with.
 * Fails:   a platform that is not configured has no pair to try.
 * Thread:  a signer belongs to one thread (its prepared keys are scratch space). Pure: no clock, no I/O, no logging.
 * Why so:  all platforms sign <head> <body> with HMAC-SHA256, and only the head differs:
 *
 *            tiktok   <app key>          <body>      keys: TIKTOK_APP_SECRET
 *            shopee   <callback URL> |   <body>      keys: SHOPEE_PUSH_KEY, then SHOPEE_PARTNER_KEY
 *
 *          Shared, because shopstreamctl verify must judge a saved push exactly as the server does. */
#ifndef SHOPSTREAM_COMMON_PUSH_SIGN_H
#define SHOPSTREAM_COMMON_PUSH_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"
#include "common/hmac.h"

enum { PUSH_SIGN_KEYS_MAX = 4 }; /* current and previous of two settings */

struct push_sign_key {
    const char *setting;   /* "SHOPEE_PUSH_KEY"; literal */
    size_t position, of;   /* 1st of 2 */
    const char *text;      /* borrowed from the configuration, not NUL-terminated; a secret */
    size_t length;         /* bytes of text */
    struct hmac_key *hmac; /* owned */
};

/* What stands in front of the body. */
struct push_sign_head {
    const char *text; /* borrowed from the configuration, not NUL-terminated */
    size_t length;    /* bytes of text */
};

struct push_signer {
    struct push_sign_key keys[PUSH_SIGN_KEYS_MAX]; /* in use: key_count; in the order they are tried */
    size_t key_count;
    struct push_sign_head *heads; /* owned; in use: head_count */
    size_t head_count;
    const char *bar; /* between head and body; literal */
};

struct push_sign_match {
    size_t key, head; /* indices; the first pair that fits */
};

/* Borrows c, which must outlive *s. False: no such platform, *s is untouched. */
bool push_signer_init(struct push_signer *s, const struct config *c, const char *platform)
    __attribute__((warn_unused_result));
void push_signer_deinit(struct push_signer *s); /* accepts a zeroed one */

/* There is at least one pair to try. */
bool push_signer_ready(const struct push_signer *s);

/* Trims blanks and lowers the case. False: what is left are not 64 hex digits. */
bool push_sign_normal(const char *sent, size_t n, char to[HMAC_HEX_LENGTH])
    __attribute__((warn_unused_result));

enum push_sign_result { PUSH_SIGN_FITS, PUSH_SIGN_DIFFERS, PUSH_SIGN_FAILED };

/* Compares a normal signature with the one of body under every pair, always all of them, in constant time. *match is set when
 * one fits. PUSH_SIGN_FAILED: OpenSSL has no memory. */
enum push_sign_result push_sign_check(const struct push_signer *s, const char sent[HMAC_HEX_LENGTH],
                                      const void *body, size_t n, struct push_sign_match *match)
    __attribute__((warn_unused_result));

#endif
