/* hmac.c - common: HMAC-SHA256 with the key worked in once.
 *
 * In:      a secret, then messages in parts.
 * Out:     64 lower-case hex digits; a comparison that does not tell where two texts differ.
 * Fails:   when OpenSSL has no memory or refuses SHA-256; false, never a wrong digest.
 * Thread:  a prepared key holds work space, so it belongs to one thread at a time.
 * Why so:  HMAC(k, m) = H((k ^ opad) . H((k ^ ipad) . m)). Both hashes start with a block that depends on the key alone,
 *          so two contexts that have already eaten it are kept, and a message copies them into a work context: no
 *          allocation and two blocks less per message. OpenSSL's own HMAC interfaces fetch and allocate each time. */
#include "common/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"

enum { HMAC_BLOCK = 64, HMAC_DIGEST = 32 };

struct hmac_key {
    EVP_MD_CTX *inner; /* owned; has eaten key ^ ipad */
    EVP_MD_CTX *outer; /* owned; has eaten key ^ opad */
    EVP_MD_CTX *work;  /* owned; overwritten by each message */
};

/* A context that has eaten the block key ^ pad. */
static EVP_MD_CTX *hmac_prepare(const unsigned char key[HMAC_BLOCK], unsigned char pad)
{
    unsigned char block[HMAC_BLOCK];
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    for (size_t i = 0; i < HMAC_BLOCK; i++)
        block[i] = key[i] ^ pad;
    if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL) ||
        !EVP_DigestUpdate(context, block, sizeof block))
        fatalx("OpenSSL cannot prepare SHA-256");
    OPENSSL_cleanse(block, sizeof block);
    return context;
}

struct hmac_key *hmac_key_new(const void *secret, size_t n)
{
    struct hmac_key *key = xcalloc(1, sizeof *key);
    unsigned char block[HMAC_BLOCK] = {0};

    /* RFC 2104: a key longer than a block is hashed first, a shorter one is filled with zeros. */
    if (n > HMAC_BLOCK) {
        if (!EVP_Digest(secret, n, block, NULL, EVP_sha256(), NULL))
            fatalx("OpenSSL cannot hash a key");
    } else if (n > 0) {
        memcpy(block, secret, n);
    }
    key->inner = hmac_prepare(block, 0x36);
    key->outer = hmac_prepare(block, 0x5c);
    key->work = EVP_MD_CTX_new();
    if (!key->work)
        fatalx("out of memory");
    OPENSSL_cleanse(block, sizeof block);
    return key;
}

void hmac_key_free(struct hmac_key *key)
{
    if (!key)
        return;
    /* Freeing a digest context wipes its state. */
    EVP_MD_CTX_free(key->work);
    EVP_MD_CTX_free(key->outer);
    EVP_MD_CTX_free(key->inner);
    free(key);
}

static void hmac_hex(const unsigned char digest[HMAC_DIGEST], char hex[HMAC_HEX_LENGTH + 1])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < HMAC_DIGEST; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[HMAC_HEX_LENGTH] = '\0';
}

bool hmac_sha256_hex(struct hmac_key *key, const struct hmac_part *parts, size_t count,
                     char hex[HMAC_HEX_LENGTH + 1])
{
    unsigned char digest[HMAC_DIGEST];

    if (!EVP_MD_CTX_copy_ex(key->work, key->inner))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].length > 0 && !EVP_DigestUpdate(key->work, parts[i].data, parts[i].length))
            return false;
    }
    if (!EVP_DigestFinal_ex(key->work, digest, NULL) || !EVP_MD_CTX_copy_ex(key->work, key->outer) ||
        !EVP_DigestUpdate(key->work, digest, sizeof digest) || !EVP_DigestFinal_ex(key->work, digest, NULL))
        return false;
    hmac_hex(digest, hex);
    return true;
}

bool hmac_equal(const char *a, size_t a_length, const char *b, size_t b_length)
{
    return a_length == b_length && (a_length == 0 || CRYPTO_memcmp(a, b, a_length) == 0);
}

struct sha256 {
    EVP_MD_CTX *fresh; /* owned; has eaten nothing */
    EVP_MD_CTX *work;  /* owned; overwritten by each message */
};

struct sha256 *sha256_new(void)
{
    struct sha256 *s = xcalloc(1, sizeof(*s));

    s->fresh = EVP_MD_CTX_new();
    s->work = EVP_MD_CTX_new();
    if (!s->fresh || !s->work || !EVP_DigestInit_ex(s->fresh, EVP_sha256(), NULL))
        fatalx("sha256: out of memory");
    return s;
}

void sha256_free(struct sha256 *s)
{
    if (!s)
        return;
    EVP_MD_CTX_free(s->work);
    EVP_MD_CTX_free(s->fresh);
    free(s);
}

bool sha256_run(struct sha256 *s, const void *data, size_t n, char hex[HMAC_HEX_LENGTH + 1])
{
    unsigned char digest[HMAC_DIGEST];

    if (!EVP_MD_CTX_copy_ex(s->work, s->fresh) || (n > 0 && !EVP_DigestUpdate(s->work, data, n)) ||
        !EVP_DigestFinal_ex(s->work, digest, NULL))
        return false;
    hmac_hex(digest, hex);
    return true;
}

bool sha256_hex(const void *data, size_t n, char hex[HMAC_HEX_LENGTH + 1])
{
    unsigned char digest[HMAC_DIGEST];

    if (!EVP_Digest(n > 0 ? data : "", n, digest, NULL, EVP_sha256(), NULL))
        return false;
    hmac_hex(digest, hex);
    return true;
}
