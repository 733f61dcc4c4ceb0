/* push_guess.h - shopstreamctl verify: which key and URL was a push signed with, and if none as it should be, which of the usual
 * mistakes explains the signature?
 *
 * In:      a signer, the body as saved, the signature; a URL or two that stand in no setting.
 * Out:     the pair that fits with the fewest deviations, and those as a set of flags.
 * Fails:   never; nothing may fit.
 * Thread:  any. Pure.
 * Why so:  a refused push shows nothing but 401. Each deviation here was seen in somebody's code or proxy; a few thousand
 *          hashes tell which, without anybody having to look at a key. */
#ifndef SHOPSTREAM_WORKER_CTL_PUSH_GUESS_H
#define SHOPSTREAM_WORKER_CTL_PUSH_GUESS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/push_sign.h"
#include "common/strbuf.h"

/* Deviations from how it should be signed. */
enum push_wrong {
    PUSH_WRONG_GIVEN =
        1 << 0, /* a URL that was given by hand and stands in no setting; no mistake by itself */
    PUSH_WRONG_REQUEST = 1 << 1,   /* the URL as the request names it, which stands in no setting */
    PUSH_WRONG_SCHEME = 1 << 2,    /* http:// for https://, or the other way round */
    PUSH_WRONG_SLASH = 1 << 3,     /* a slash at the end too many or too few */
    PUSH_WRONG_QUERY = 1 << 4,     /* without the query string */
    PUSH_WRONG_NO_BAR = 1 << 5,    /* no bar between URL and body */
    PUSH_WRONG_BODY_ONLY = 1 << 6, /* nothing in front of the body */
    PUSH_WRONG_NEWLINE =
        1 << 7, /* the saved body has a line break at its end that was not signed, or lacks one */
    PUSH_WRONG_CRLF = 1 << 8,        /* the saved body has CR LF where LF was signed */
    PUSH_WRONG_COMPACT = 1 << 9,     /* the body was signed as compact JSON */
    PUSH_WRONG_SPACED = 1 << 10,     /* the body was signed with a space after each comma and colon */
    PUSH_WRONG_ESCAPED = 1 << 11,    /* the body was signed with \u escapes */
    PUSH_WRONG_SOLIDUS = 1 << 12,    /* the body was signed with slashes escaped */
    PUSH_WRONG_KEY_PREFIX = 1 << 13, /* the key without its leading "shpk" */
    PUSH_WRONG_KEY_HEX = 1 << 14,    /* the key hex-decoded */
};

struct push_guess {
    bool found;                      /* the rest is set */
    unsigned wrong;                  /* set of enum push_wrong; 0: as it should be */
    const struct push_sign_key *key; /* borrowed from the signer */
    struct strbuf url;               /* what was signed in front of the body, bar not counted; owned */
};

/* A body as saved, and URLs that are tried besides the configured ones. All borrowed, NUL-terminated; NULL = none. */
struct push_guess_input {
    const char *body;
    size_t length;
    const char *given;      /* by hand */
    const char *request[2]; /* as the request names it, by https and http */
    bool urls;              /* heads are URLs (Shopee) */
};

/* Sets *out; push_guess_deinit. */
void push_guess(const struct push_signer *s, const struct push_guess_input *in,
                const char sent[HMAC_HEX_LENGTH], struct push_guess *out);
void push_guess_deinit(struct push_guess *g); /* accepts a zeroed one */

/* As it should be, or for a URL given by hand. */
bool push_guess_exact(const struct push_guess *g);

/* One sentence for a single flag; literal. */
const char *push_wrong_text(unsigned flag);

#endif
