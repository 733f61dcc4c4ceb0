/* verify_tiktok.c - server, stage 2 of 5: TikTok Shop's signature.
 *
 * The message is the app key followed directly by the body bytes; URL, time and other headers are not signed, and no
 * window of acceptance exists: a legal retry may be 15 h 32 min old, so a freshness limit would refuse it. */
#include "server/verify_tiktok.h"

enum verdict verify_tiktok(const struct push_signer *signer, const struct push *push,
                           struct push_sign_match *match)
{
    return verify_hex(signer, push->authorization, push->body, match);
}
