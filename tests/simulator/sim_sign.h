/* sim_sign.h - the marketplace's two signatures, written from its public description only.
 *
 * In:     key, secret and the exact bytes. Out: 64 lowercase hex characters and a NUL.
 * Fails:  never (an OpenSSL failure ends the process).
 * Thread: any; pure. Why so: written independently of the product, so that both cannot be wrong alike. */
#ifndef SIM_SIGN_H
#define SIM_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#define SIGN_HEX 65 /* bytes of a signature with its NUL */

/* One decoded query parameter; name and value are NUL-terminated and borrowed. */
struct sign_param {
    const char *name;
    const char *value;
};

/* A push: HMAC-SHA256(secret, app_key || body). */
void sign_push(const char *app_key, const char *secret, const void *body, size_t body_len,
               char out[SIGN_HEX]);

/* An API call: HMAC-SHA256(secret, secret || path || name value … || body || secret) with the parameters
 * sorted by name, `sign` and `access_token` left out. Sorts params in place. body may be NULL with length 0. */
void sign_request(const char *secret, const char *path, struct sign_param *params, size_t count,
                  const void *body, size_t body_len, char out[SIGN_HEX]);

/* Constant time; sent may have any length. */
bool sign_equal(const char expected[SIGN_HEX], const char *sent);

#endif
