/* platform.h - worker: what a marketplace must be able to do; one file a platform fills this table (platforms/tiktok.c).
 * A new platform is a new table; nothing else changes. Pure: builds requests and judges answers, sends nothing.
 *
 * An entity is asked for endpoint by endpoint: next_ask says what comes next, given the parts answered so far. Most kinds
 * take one ask and their answer is the entity; compound ones take several and are composed of their parts (parts.h). */
#ifndef SHOPSTREAM_WORKER_PLATFORMS_PLATFORM_H
#define SHOPSTREAM_WORKER_PLATFORMS_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#include "common/config.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/strbuf.h"
#include "worker/parts.h"
#include "worker/shop.h"

enum {
    PLATFORM_HEADERS_MAX = 4,
    PLATFORM_PARAMS_MAX = 12,    /* query parameters of a request, those for signing not counted */
    PLATFORM_ENDPOINTS_MAX = 16, /* endpoint numbers are below it */
};

/* Endpoints every platform has; its own numbers follow. */
enum {
    PLATFORM_PROBE,         /* the probe: asks for nothing */
    PLATFORM_CALL,          /* any call made with call_request */
    PLATFORM_ENDPOINT_FIRST /* first number of the platform's own */
};

/* --- requests ------------------------------------------------------------------------------------------------- */

/* One HTTP request, ready to send. Everything owned; reset by platform_request_deinit. */
struct platform_request {
    const char *method;                          /* "GET" "POST" "PUT" "DELETE"; literal */
    struct strbuf url;                           /* complete, signed; never logged */
    struct strbuf body;                          /* empty for none */
    struct strbuf headers[PLATFORM_HEADERS_MAX]; /* "name: value"; never logged */
    size_t header_count;
};

void platform_request_deinit(struct platform_request *r); /* wipes; accepts a zeroed one */

/* One query parameter; the value is not yet percent-encoded. Both borrowed, NUL-terminated. */
struct platform_param {
    const char *key;
    const char *value;
};

/* What to ask for next. */
struct platform_ask {
    int endpoint;          /* the platform's number */
    struct strbuf subject; /* id to ask that endpoint for, in the platform's own spelling; owned; empty: the
                              entity's id */
};

/* Whom a grant is for, as Shopee's token calls name it. Texts borrowed, NUL-terminated; NULL or "" = not given. At most
 * one is given: TikTok names nobody. main_account_id: only with code_request. */
struct shop_identity {
    const char *shop_id;
    const char *merchant_id;
    const char *main_account_id;
};

/* --- answers -------------------------------------------------------------------------------------------------- */

/* Fate of a call, from HTTP status, the platform's code and libcurl. */
enum call_class {
    CALL_OK,    /* a good answer; per-id results inside */
    CALL_RETRY, /* 5xx, timeout, reset, unparsable: bisect, or the shop's circuit */
    CALL_LIMIT, /* too many requests: slow this shop down (result.app: everything of the app) */
    CALL_TOKEN, /* access token expired or unknown: refresh, then once more */
    CALL_AUTH,  /* grant or address refused: the shop is unavailable (result.app: the app is) */
    CALL_SCOPE, /* the grant does not reach this endpoint: only its needs wait */
    CALL_PERM,  /* this request can never succeed: split, then the event's own fault */
    CALL_DENIED, /* this id is refused for good (another seller's): its own fault at once; several ids: split */
    CALL_GONE,   /* this id no longer exists; several ids: split */
    CALL_ABSENT, /* this id is not (yet) to be seen: as if left out; several ids: split */
    CALL_EMPTY, /* it says that there is nothing of this id (yet), and there rightly is not; several ids: split */
};

enum { CALL_CLASSES = CALL_EMPTY + 1 };

/* What an answer says. */
struct platform_result {
    enum call_class class;
    bool app;      /* LIMIT, AUTH: it concerns the whole app, not this shop alone */
    bool unknown;  /* the code stands in no table of ours: to be counted and told */
    int64_t code;  /* the platform's number; 0 on success or where codes are words; -1: no parsable body */
    char word[64]; /* the code as text; "" on success or without one */
    int64_t retry_after_ms; /* from Retry-After, or until a daily cap ends; 0 = not given */
    yyjson_val
        *entities; /* OK: an array of elements (entity() reads them), or one object: the entity of the only id
                               asked for; NULL: nothing of it. Borrowed from the document */
    char error[200]; /* one sentence, no secrets; names the code */
};

/* What a token call has brought. Everything owned; platform_grant_deinit. */
struct platform_grant {
    enum call_class class
        ;            /* OK; RETRY (no or no readable answer: what became of the refresh token is unknown),
                                    LIMIT; AUTH (this code or refresh token is refused); PERM (our own keys or clock:
                                    says nothing about the token) */
    char error[200]; /* one sentence, no secrets */
    int64_t retry_after_ms;      /* LIMIT: 0 = not given */
    struct strbuf access_token;  /* OK: never empty */
    struct strbuf refresh_token; /* OK: never empty */
    int64_t access_expires_ms;   /* UTC epoch ms; 0 = not told */
    int64_t refresh_expires_ms;  /* the same */
    struct strbuf open_id;       /* TikTok: names the seller; else empty */
    struct strbuf account;       /* seller's name; may be empty */
    struct strbuf region;        /* "VN"; may be empty */
    struct strbuf shop_ids;      /* Shopee, code of a main account: shops it covers, one a line */
    struct strbuf merchant_ids;  /* the same for merchants */
};

void platform_grant_deinit(struct platform_grant *g); /* wipes; accepts a zeroed one */

/* One shop the app has been authorised for. Texts owned, NUL-terminated, "" when absent. */
struct platform_shop {
    char *shop_id;
    char *name;
    char *region;
    char *cipher;       /* TikTok */
    int64_t expires_ms; /* end of the authorisation, UTC epoch ms; 0 = not told */
};

struct platform_shops {
    enum call_class class; /* as judged; the rest is set when OK */
    char error[200];
    struct platform_shop *at; /* owned */
    size_t count;
    bool more; /* ask for the next page */
};

void platform_shops_deinit(struct platform_shops *s); /* accepts a zeroed one */

/* How a call has ended, as every answer's judge takes it. */
struct platform_answer {
    long http_status;            /* 0: no answer at all (transport failure, transport_error says which) */
    yyjson_val *root;            /* parsed body; NULL when it is not JSON; borrowed */
    const char *transport_error; /* "" or NULL = none */
    const char *retry_after;     /* header; "" or NULL = none */
    int64_t now_ms;              /* UTC epoch ms */
};

/* --- the table ------------------------------------------------------------------------------------------------ */

struct platform {
    const char *name; /* "tiktok" */

    /* Is an entity of this kind composed of several answers? */
    bool (*compound)(enum entry_kind kind);

    /* Which endpoint, and for which id, comes next for this entity. parts NULL: nothing has been asked yet. return_kind:
     * "return" "cancellation" or "". ask: initialised by the caller, its subject is set or emptied. False: nothing
     * more is to be asked; with parts NULL: this kind cannot be fetched. */
    bool (*next_ask)(const struct config *config, enum entry_kind kind, const char *return_kind,
                     const char *id, const struct parts *parts, struct platform_ask *ask);

    /* Ids that go into one call. */
    size_t (*batch_size)(const struct config *config, int endpoint);

    /* Builds the signed request for subjects of one shop. at_s: UTC seconds to sign with. False: err. */
    bool (*detail_request)(const struct config *config, const struct shop *shop, int endpoint,
                           const char *const *subjects, size_t count, int64_t at_s,
                           struct platform_request *out, struct err *err);

    /* The cheapest call that shows whether the shop's grant works (probe). */
    bool (*probe_request)(const struct config *config, const struct shop *shop, int64_t at_s,
                          struct platform_request *out, struct err *err);

    /* Any other signed call: of a shop, or (shop NULL) of the app alone. path begins with '/'; body may be NULL. */
    bool (*call_request)(const struct config *config, const struct shop *shop, const char *method,
                         const char *path, const struct platform_param *params, size_t count,
                         const char *body, int64_t at_s, struct platform_request *out, struct err *err);

    /* Judges an answer of that endpoint. PLATFORM_CALL: entities is the answer's payload (an object or NULL). */
    void (*judge)(int endpoint, const struct platform_answer *answer, struct platform_result *out);

    /* The entity in one element of an answer's array, and the subject it answers (borrowed). NULL: it has no id. */
    yyjson_val *(*entity)(int endpoint, yyjson_val *element, struct entry_text *subject);

    /* Compound kinds, when next_ask has nothing more: the one object, in the form the head of the platform's file gives.
     * You own it. NULL: the first part was left out. */
    yyjson_doc *(*compose)(enum entry_kind kind, const char *return_kind, const char *id,
                           const struct parts *parts);

    /* Tokens. token_request: a new pair for a refresh token. code_request: the first pair for an authorisation code. Both
     * are answered by token_answer. The requests carry secrets in URL or body: never logged. */
    bool (*token_request)(const struct config *config, const char *refresh_token,
                          const struct shop_identity *who, int64_t at_s, struct platform_request *out,
                          struct err *err);
    bool (*code_request)(const struct config *config, const char *code, const struct shop_identity *who,
                         int64_t at_s, struct platform_request *out, struct err *err);
    void (*token_answer)(const struct platform_answer *answer, struct platform_grant *out);

    /* Shops the app is authorised for: TikTok those of one access token, Shopee all of the app (access_token unused). page:
     * 0 first. */
    bool (*shops_request)(const struct config *config, const char *access_token, int page, int64_t at_s,
                          struct platform_request *out, struct err *err);
    void (*shops_answer)(const struct platform_answer *answer, struct platform_shops *out);
};

extern const struct platform platform_tiktok;
extern const struct platform platform_shopee;

/* By name; NULL when unknown. */
const struct platform *platform_find(const char *name);

/* "current" of a secret given as "current,previous": its length. */
size_t platform_secret_length(const char *secret);

/* A token or id without spaces and control characters, at least one byte long: one with a line break would smuggle a
 * header of its own into a request. */
bool platform_text_is_clean(const char *text);

#endif
