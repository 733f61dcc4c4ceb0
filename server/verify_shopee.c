/* verify_shopee.c - server, stage 2 of 5: Shopee's signature, and its test message.
 *
 * The message is the callback URL as it stands in the console, a bar, and the body bytes. Which key signs is not settled:
 * the guide says the partner key, consoles show a push key of its own; so both are tried, each with its predecessor while
 * it is being replaced, over every URL configured. No time takes part: dedupe is the only guard against replays.
 *
 * Saving a callback URL makes Shopee send a test message whose signature was seen not to fit, and demand a 2xx. So this one
 * shape is told apart before the verdict counts. It is parsed unverified, therefore only when it is small, and nothing of it
 * is kept: whoever forges one gets an empty 200. */
#include "server/verify_shopee.h"

#include "common/json.h"

enum { TEST_MAX = 2048 }; /* bytes; those seen have about a hundred */

enum verdict verify_shopee(const struct push_signer *signer, const struct push *push,
                           struct push_sign_match *match)
{
    return verify_hex(signer, push->authorization, push->body, match);
}

bool verify_shopee_is_test(struct entry_text body)
{
    yyjson_doc *doc =
        body.length > 0 && body.length <= TEST_MAX ? json_parse(body.data, body.length, NULL, NULL) : NULL;
    int64_t code = -1;
    bool zero = doc && json_get_i64(yyjson_doc_get_root(doc), "code", &code) == JSON_GOT && code == 0;

    yyjson_doc_free(doc);
    return zero || body.length == 0;
}
