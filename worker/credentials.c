/* credentials.c - worker: tokens at rest, sealed with AES-256-GCM.
 *
 * In:      CREDENTIALS_KEY (current, or current and previous); a place and the plain or sealed bytes.
 * Out:     "1:<key id>:<base64 of nonce, ciphertext, tag>", or the plain bytes.
 * Fails:   by a sentence that names the key id or the damage, never the content.
 * Thread:  any; the keys are read-only once prepared.
 * Why so:  the key id in clear lets a rotation tell "sealed under an old key" from "tampered"; the place as associated
 *          data makes a sealed token worthless in another document or field. A nonce is random: a few thousand seals a
 *          day per key stay far below GCM's limit of 2^32. */
#include "worker/credentials.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "common/hmac.h"

enum {
    KEY_BYTES = 32,
    KEY_DIGITS = 64,   /* the same in hex */
    KEY_ID_DIGITS = 8, /* first digits of SHA-256 of the key: names it without telling it */
    KEYS_MAX = 2,      /* current, previous */
    NONCE_BYTES = 12,
    TAG_BYTES = 16,
    SEALED_MAX = 65536, /* bytes of a sealed text we look at; tokens are a few hundred */
};

struct key {
    unsigned char bytes[KEY_BYTES];
    char id[KEY_ID_DIGITS + 1]; /* hex */
};

struct credentials {
    struct key keys[KEYS_MAX]; /* [0] seals; all unseal */
    size_t count;              /* 1 or 2 */
};

/* --- keys ----------------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool key_parse(struct key *key, const char *text, size_t length, const char *which, struct err *err)
{
    char digest[HMAC_HEX_LENGTH + 1];

    if (length != KEY_DIGITS) {
        err_set(err, ERR_CONFIG, 0,
                "CREDENTIALS_KEY: the %s key must have %d hex digits, it has %zu characters", which,
                KEY_DIGITS, length);
        return false;
    }
    for (size_t i = 0; i < KEY_BYTES; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

        if (high < 0 || low < 0) {
            err_set(err, ERR_CONFIG, 0, "CREDENTIALS_KEY: the %s key has a character that is no hex digit",
                    which);
            return false;
        }
        key->bytes[i] = (unsigned char)(high << 4 | low);
    }
    if (!sha256_hex(key->bytes, KEY_BYTES, digest)) {
        err_set(err, ERR_SYSTEM, 0, "CREDENTIALS_KEY: OpenSSL failed");
        return false;
    }
    memcpy(key->id, digest, KEY_ID_DIGITS);
    return true;
}

struct credentials *credentials_new(const char *keys, struct err *err)
{
    struct credentials *c;
    const char *comma = keys ? strchr(keys, ',') : NULL;

    if (!keys || !*keys) {
        err_set(err, ERR_CONFIG, 0,
                "CREDENTIALS_KEY is not set: 64 hex digits, for example of `openssl rand -hex 32`");
        return NULL;
    }
    c = xcalloc(1, sizeof *c);
    c->count = comma ? 2 : 1;
    if (!key_parse(&c->keys[0], keys, comma ? (size_t)(comma - keys) : strlen(keys), "current", err) ||
        (comma && !key_parse(&c->keys[1], comma + 1, strlen(comma + 1), "previous", err))) {
        credentials_free(c);
        return NULL;
    }
    return c;
}

void credentials_free(struct credentials *c)
{
    if (!c)
        return;
    explicit_bzero(c, sizeof *c);
    free(c);
}

void credentials_place(struct strbuf *to, const char *authorization, const char *field)
{
    strbuf_add_text(to, authorization);
    strbuf_add_char(to, '/');
    strbuf_add_text(to, field);
}

/* --- sealing -------------------------------------------------------------------------------------------------- */

/* box = nonce, ciphertext, tag; n bytes of plain text. */
static bool gcm_seal(const struct key *key, const char *place, const void *plain, int n, unsigned char *box)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char *text = box + NONCE_BYTES;
    int got = 0, tail = 0;
    bool ok = ctx && RAND_bytes(box, NONCE_BYTES) == 1 &&
              EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, box) == 1 &&
              EVP_EncryptUpdate(ctx, NULL, &got, (const unsigned char *)place, (int)strlen(place)) == 1 &&
              EVP_EncryptUpdate(ctx, text, &got, plain, n) == 1 &&
              EVP_EncryptFinal_ex(ctx, text + got, &tail) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, text + n) == 1;

    EVP_CIPHER_CTX_free(ctx);
    return ok && got + tail == n;
}

/* n: bytes of ciphertext = of plain text. */
static bool gcm_open(const struct key *key, const char *place, unsigned char *box, int n,
                     unsigned char *plain)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char *text = box + NONCE_BYTES;
    int got = 0, tail = 0;
    bool ok = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, box) == 1 &&
              EVP_DecryptUpdate(ctx, NULL, &got, (const unsigned char *)place, (int)strlen(place)) == 1 &&
              EVP_DecryptUpdate(ctx, plain, &got, text, n) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, text + n) == 1 &&
              EVP_DecryptFinal_ex(ctx, plain + got, &tail) == 1;

    EVP_CIPHER_CTX_free(ctx);
    return ok && got + tail == n;
}

bool credentials_seal(const struct credentials *c, const char *place, const void *plain, size_t n,
                      struct strbuf *to, struct err *err)
{
    size_t box_size = NONCE_BYTES + n + TAG_BYTES;
    unsigned char *box, *encoded;
    int length;

    if (n > SEALED_MAX / 2) {
        err_set(err, ERR_DATA, 0, "a token of %zu bytes is too long to seal", n);
        return false;
    }
    box = xmalloc(box_size);
    if (!gcm_seal(&c->keys[0], place, plain, (int)n, box)) {
        free(box);
        err_set(err, ERR_SYSTEM, 0, "cannot seal a token: OpenSSL failed");
        return false;
    }
    encoded = xmalloc((box_size + 2) / 3 * 4 + 1);
    length = EVP_EncodeBlock(encoded, box, (int)box_size);
    strbuf_add_text(to, "1:");
    strbuf_add_text(to, c->keys[0].id);
    strbuf_add_char(to, ':');
    strbuf_add(to, encoded, (size_t)length);
    free(encoded);
    free(box);
    return true;
}

bool credentials_is_current(const struct credentials *c, const char *sealed)
{
    return strncmp(sealed, "1:", 2) == 0 && strncmp(sealed + 2, c->keys[0].id, KEY_ID_DIGITS) == 0 &&
           sealed[2 + KEY_ID_DIGITS] == ':';
}

static const struct key *key_by_id(const struct credentials *c, const char *id)
{
    for (size_t i = 0; i < c->count; i++)
        if (memcmp(c->keys[i].id, id, KEY_ID_DIGITS) == 0)
            return &c->keys[i];
    return NULL;
}

/* Decodes base64 with its padding into box; returns the bytes, 0 when malformed. */
static size_t base64_decode(const char *text, size_t n, unsigned char *box)
{
    size_t padding = n >= 2 ? (size_t)(text[n - 1] == '=') + (size_t)(text[n - 2] == '=') : 0;
    int got = n == 0 || n % 4 != 0 ? -1 : EVP_DecodeBlock(box, (const unsigned char *)text, (int)n);

    return got < (int)padding ? 0 : (size_t)got - padding;
}

/* The parts of "1:<key id>:<base64>". False: not of that form. */
static bool sealed_split(const char *sealed, size_t n, const char **id, const char **text, size_t *length)
{
    size_t head = 2 + KEY_ID_DIGITS + 1;

    if (n <= head || n > SEALED_MAX || memcmp(sealed, "1:", 2) != 0 || sealed[head - 1] != ':')
        return false;
    *id = sealed + 2;
    *text = sealed + head;
    *length = n - head;
    return true;
}

static bool box_open(const struct key *key, const char *place, unsigned char *box, size_t size,
                     struct strbuf *to, struct err *err)
{
    size_t n = size - NONCE_BYTES - TAG_BYTES;
    unsigned char *plain = xmalloc(n + 1);
    bool ok = gcm_open(key, place, box, (int)n, plain);

    if (ok)
        strbuf_add(to, plain, n);
    else
        err_set(err, ERR_DATA, 0, "sealed token was tampered with or belongs elsewhere");
    explicit_bzero(plain, n + 1);
    free(plain);
    return ok;
}

bool credentials_unseal(const struct credentials *c, const char *place, const char *sealed, size_t n,
                        struct strbuf *to, struct err *err)
{
    const char *id, *text;
    const struct key *key;
    unsigned char *box;
    size_t length, size;
    bool ok = false;

    if (!sealed_split(sealed, n, &id, &text, &length)) {
        err_set(err, ERR_DATA, 0, "sealed token is malformed");
        return false;
    }
    key = key_by_id(c, id);
    if (!key) {
        err_set(err, ERR_DATA, 0, "sealed token needs a key that CREDENTIALS_KEY does not hold");
        return false;
    }
    box = xmalloc(length);
    size = base64_decode(text, length, box);
    if (size < NONCE_BYTES + TAG_BYTES)
        err_set(err, ERR_DATA, 0, "sealed token is malformed");
    else
        ok = box_open(key, place, box, size, to, err);
    free(box);
    return ok;
}
