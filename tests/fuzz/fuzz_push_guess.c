/* fuzz_push_guess.c - tests: any bytes as a request saved by a proxy, for both platforms, as `shopstreamctl verify` reads it.
 *
 * Input:   the request. A signature that fits nothing costs a thousand hashes, the same whatever it is: one that begins
 *          with 0 to 3 is looked for, any other only read.
 * Checks:  no sanitizer report; the body lies inside the file; a signature made with a configured key over the body as it
 *          is saved is found, with no deviation; any other one that is found has only deviations with a sentence. */
#include <stdlib.h>
#include <string.h>

#include "worker/ctl/push_guess.h"
#include "worker/ctl/saved_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char app_key[] = "abcdef", app_secret[] = "123,456", partner_id[] = "2001887", push_key[] = "shpk6162",
            partner_key[] = "p1,p2", urls[] = "https://a.example/shopee,https://b.example/s?app=1";
static const struct config config = {.tiktok_app_key = app_key,
                                     .tiktok_app_secret = app_secret,
                                     .shopee_partner_id = partner_id,
                                     .shopee_push_key = push_key,
                                     .shopee_partner_key = partner_key,
                                     .shopee_callback_url = urls};

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void check_guess(const struct push_signer *s, const struct push_guess_input *in,
                        const char sent[HMAC_HEX_LENGTH], bool ours)
{
    struct push_guess guess;

    push_guess(s, in, sent, &guess);
    demand(guess.found || !ours);
    demand(!ours || guess.wrong == 0);
    if (guess.found)
        demand(guess.key != NULL);
    for (unsigned flag = 1; flag && flag <= guess.wrong; flag <<= 1)
        if (guess.wrong & flag)
            demand(push_wrong_text(flag) != NULL);
    push_guess_deinit(&guess);
}

/* Made once: a key is worked in for longer than a request takes. */
static const struct push_signer *signer(bool shopee)
{
    static struct push_signer made[2];
    struct push_signer *s = &made[shopee];

    if (!s->key_count)
        demand(push_signer_init(s, &config, shopee ? "shopee" : "tiktok") && push_signer_ready(s));
    return s;
}

static void check_platform(bool shopee, const struct saved_request *r, const char *body, size_t n)
{
    const struct push_signer *s = signer(shopee);
    const struct push_guess_input in = {
        .body = body,
        .length = n,
        .request = {r->target.length ? r->target.data : NULL, r->host.length ? r->host.data : NULL},
        .urls = shopee};
    char sent[HMAC_HEX_LENGTH + 1];
    struct hmac_part parts[3];

    if (push_sign_normal(strbuf_text(&r->sent), r->sent.length, sent) && sent[0] < '4')
        check_guess(s, &in, sent, false);
    parts[0] = (struct hmac_part){s->heads[0].text, s->heads[0].length};
    parts[1] = (struct hmac_part){s->bar, strlen(s->bar)};
    parts[2] = (struct hmac_part){body, n};
    demand(hmac_sha256_hex(s->keys[0].hmac, parts, 3, sent));
    check_guess(s, &in, sent, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size ? size : 1);
    struct saved_request r = {.body = 0};

    demand(exact != NULL);
    memcpy(exact, data, size);
    if (saved_request_parse(&r, exact, size)) {
        demand(r.body <= size);
        check_platform(false, &r, exact + r.body, size - r.body);
        check_platform(true, &r, exact + r.body, size - r.body);
    }
    saved_request_deinit(&r);
    free(exact);
    return 0;
}
