/* sim_sign.c - see sim_sign.h. */
#include "sim_sign.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_buf.h"

static void hmac_hex(const char *secret, const struct buf *message, char out[SIGN_HEX])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)message->p, message->n, mac,
              &len) ||
        len != 32) {
        fputs("HMAC-SHA256 failed\n", stderr);
        abort();
    }
    for (size_t i = 0; i < 32; i++) {
        out[2 * i] = hex[mac[i] >> 4];
        out[2 * i + 1] = hex[mac[i] & 15];
    }
    out[64] = '\0';
}

void sign_push(const char *app_key, const char *secret, const void *body, size_t body_len, char out[SIGN_HEX])
{
    struct buf message = {0};

    buf_puts(&message, app_key);
    buf_add(&message, body, body_len);
    hmac_hex(secret, &message, out);
    buf_deinit(&message);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct sign_param *)a)->name, ((const struct sign_param *)b)->name);
}

void sign_request(const char *secret, const char *path, struct sign_param *params, size_t count,
                  const void *body, size_t body_len, char out[SIGN_HEX])
{
    struct buf message = {0};

    if (count)
        qsort(params, count, sizeof *params, by_name);
    buf_puts(&message, secret);
    buf_puts(&message, path);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(params[i].name, "sign") == 0 || strcmp(params[i].name, "access_token") == 0)
            continue;
        buf_puts(&message, params[i].name);
        buf_puts(&message, params[i].value);
    }
    buf_add(&message, body, body_len);
    buf_puts(&message, secret);
    hmac_hex(secret, &message, out);
    buf_deinit(&message);
}

bool sign_equal(const char expected[SIGN_HEX], const char *sent)
{
    return strlen(sent) == 64 && CRYPTO_memcmp(expected, sent, 64) == 0;
}
