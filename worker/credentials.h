/* credentials.h - worker: tokens at rest. AES-256-GCM under CREDENTIALS_KEY (64 hex digits; "current,previous" during a
 * rotation). Sealed text: "1:<key id>:<base64 nonce+ciphertext+tag>", key id = first 8 hex digits of SHA-256 of the key.
 * The associated data (the authorization's _id and the field's name) binds a sealed text to its place. Pure but for
 * randomness; any thread. */
#ifndef SHOPSTREAM_WORKER_CREDENTIALS_H
#define SHOPSTREAM_WORKER_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/strbuf.h"

struct credentials; /* opaque: the prepared keys */

/* keys: CREDENTIALS_KEY as configured. NULL: err names CREDENTIALS_KEY and what is wrong. Owned. */
struct credentials *credentials_new(const char *keys, struct err *err) __attribute__((warn_unused_result));
void credentials_free(struct credentials *c); /* wipes; accepts NULL */

/* Appends the place of a field: "<authorization's _id>/<field>". */
void credentials_place(struct strbuf *to, const char *authorization, const char *field);

/* Is sealed (NUL-terminated) a text sealed under the current key? It is not opened. */
bool credentials_is_current(const struct credentials *c, const char *sealed);

/* Appends the sealed text. False: err (randomness, OpenSSL). */
bool credentials_seal(const struct credentials *c, const char *place, const void *plain, size_t n,
                      struct strbuf *to, struct err *err) __attribute__((warn_unused_result));

/* Appends the plain bytes. False: err says malformed, unknown key id, or tampered; never the content. */
bool credentials_unseal(const struct credentials *c, const char *place, const char *sealed, size_t n,
                        struct strbuf *to, struct err *err) __attribute__((warn_unused_result));

#endif
