/* push_sign.c - common: keys and heads of a platform's push signatures. Contract: push_sign.h.
 *
 * The settings become prepared keys once, so that a push costs two hashes a pair. Key texts are used as they are printed by
 * the consoles: nothing is stripped or hex-decoded. URLs are literal too: one rebuilt from a request behind a proxy would be
 * another one. */
#include "common/push_sign.h"

#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"

/* "current,previous" -> prepared keys; empty pieces are skipped. */
static void add_keys(struct push_signer *s, const char *setting, const char *list)
{
    size_t first = s->key_count, position = 0;

    while (list && *list && s->key_count < PUSH_SIGN_KEYS_MAX) {
        size_t n = strcspn(list, ",");

        if (n > 0)
            s->keys[s->key_count++] =
                (struct push_sign_key){setting, ++position, 0, list, n, hmac_key_new(list, n)};
        list += n + (list[n] == ',');
    }
    for (size_t i = first; i < s->key_count; i++)
        s->keys[i].of = position;
}

static void add_head(struct push_signer *s, const char *text, size_t n)
{
    s->heads = xrealloc(s->heads, (s->head_count + 1) * sizeof(s->heads[0]));
    s->heads[s->head_count++] = (struct push_sign_head){text, n};
}

static void init_tiktok(struct push_signer *s, const struct config *c)
{
    const char *app_key = c->tiktok_app_key;

    s->bar = "";
    add_keys(s, "TIKTOK_APP_SECRET", c->tiktok_app_secret);
    if (app_key && *app_key)
        add_head(s, app_key, strlen(app_key));
}

static void init_shopee(struct push_signer *s, const struct config *c)
{
    const char *list = c->shopee_callback_url;

    s->bar = "|";
    add_keys(s, "SHOPEE_PUSH_KEY", c->shopee_push_key);
    add_keys(s, "SHOPEE_PARTNER_KEY", c->shopee_partner_key);
    while (list && *list) {
        size_t n = strcspn(list, ",");

        if (n > 0)
            add_head(s, list, n);
        list += n + (list[n] == ',');
    }
}

static const struct {
    const char *platform;
    void (*init)(struct push_signer *s, const struct config *c);
} signers[] = {
    {"tiktok", init_tiktok},
    {"shopee", init_shopee},
};

bool push_signer_init(struct push_signer *s, const struct config *c, const char *platform)
{
    for (size_t i = 0; i < sizeof(signers) / sizeof(signers[0]); i++) {
        if (strcmp(signers[i].platform, platform) != 0)
            continue;
        *s = (struct push_signer){.key_count = 0};
        signers[i].init(s, c);
        return true;
    }
    return false;
}

void push_signer_deinit(struct push_signer *s)
{
    for (size_t i = 0; i < s->key_count; i++)
        hmac_key_free(s->keys[i].hmac);
    free(s->heads);
    *s = (struct push_signer){.key_count = 0};
}

bool push_signer_ready(const struct push_signer *s)
{
    return s->key_count > 0 && s->head_count > 0;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Of each byte, the lower-case hex digit it stands for; 0: none. A signature's digits are random, so a processor could not
 * guess which way a comparison goes. */
static const char hex_digit[256] = {
    ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7',
    ['8'] = '8', ['9'] = '9', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f',
    ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f',
};

bool push_sign_normal(const char *sent, size_t n, char to[HMAC_HEX_LENGTH])
{
    size_t digits = 0;

    while (n > 0 && blank(sent[0])) {
        sent++;
        n--;
    }
    while (n > 0 && blank(sent[n - 1]))
        n--;
    if (n != HMAC_HEX_LENGTH)
        return false;
    for (size_t i = 0; i < HMAC_HEX_LENGTH; i++) {
        to[i] = hex_digit[(unsigned char)sent[i]];
        digits += to[i] != '\0';
    }
    return digits == HMAC_HEX_LENGTH;
}

enum push_sign_result push_sign_check(const struct push_signer *s, const char sent[HMAC_HEX_LENGTH],
                                      const void *body, size_t n, struct push_sign_match *match)
{
    const size_t bar = strlen(s->bar), pairs = s->key_count * s->head_count;
    char wanted[HMAC_HEX_LENGTH + 1];
    size_t found = 0; /* 1 + the first pair that fits; 0: none does */

    for (size_t i = 0; i < pairs; i++) {
        const struct push_sign_head *head = &s->heads[i % s->head_count];
        const struct hmac_part parts[] = {{head->text, head->length}, {s->bar, bar}, {body, n}};

        if (!hmac_sha256_hex(s->keys[i / s->head_count].hmac, parts, 3, wanted))
            return PUSH_SIGN_FAILED;
        found += (size_t)hmac_equal(wanted, HMAC_HEX_LENGTH, sent, HMAC_HEX_LENGTH) * (found == 0) * (i + 1);
    }
    if (found == 0)
        return PUSH_SIGN_DIFFERS;
    *match = (struct push_sign_match){(found - 1) / s->head_count, (found - 1) % s->head_count};
    return PUSH_SIGN_FITS;
}
