/* push_guess.c - shopstreamctl verify: keys, heads and bodies, right and wrong, in every combination. Contract: push_guess.h.
 *
 * Every form of a key, of what stands in front of the body, and of the body itself has its set of deviations; the combination
 * that fits with the fewest wins, so that a plain match is never explained away. Forms equal to the saved one are left
 * out. Large bodies are tried as they are: hashing a megabyte some thousand times would take longer than a person waits. */
#include "worker/ctl/push_guess.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"

enum {
    FORMS_MAX = 256,              /* of one thing */
    FORM_BODY_LARGE = 256 * 1024, /* bytes from which a body is not rewritten */
    KEY_PREFIX = 4,               /* "shpk" */
};

/* One form of a thing. */
struct form {
    struct strbuf text;              /* owned */
    struct strbuf url;               /* heads: for people; owned */
    const struct push_sign_key *key; /* keys: which; borrowed */
    unsigned wrong;                  /* deviations */
};

struct forms {
    struct form at[FORMS_MAX];
    size_t count;
};

static void forms_free(struct forms *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->count; i++) {
        if (f->at[i].text.data)
            explicit_bzero(f->at[i].text.data, f->at[i].text.capacity); /* may be a key */
        strbuf_deinit(&f->at[i].text);
        strbuf_deinit(&f->at[i].url);
    }
    free(f);
}

static bool same(const struct strbuf *b, const char *text, size_t n)
{
    return b->length == n && (n == 0 || memcmp(b->data, text, n) == 0);
}

/* NULL: there is one like it already, with no more deviations than this would have. */
static struct form *add(struct forms *f, const char *text, size_t n, unsigned wrong)
{
    struct form *form;

    for (size_t i = 0; i < f->count; i++)
        if (same(&f->at[i].text, text, n) && __builtin_popcount(f->at[i].wrong) <= __builtin_popcount(wrong))
            return NULL;
    if (f->count == FORMS_MAX)
        return NULL;
    form = &f->at[f->count++];
    *form = (struct form){.wrong = wrong};
    strbuf_add(&form->text, text, n);
    return form;
}

/* --- keys ----------------------------------------------------------------------------------------------------- */

static void add_key(struct forms *f, const struct push_sign_key *key, const char *text, size_t n,
                    unsigned wrong)
{
    struct form *form = add(f, text, n, wrong);

    if (form)
        form->key = key;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes a key of hex digits stands for. False: it is none. */
static bool unhex(const char *text, size_t n, struct strbuf *to)
{
    for (size_t i = 0; i + 1 < n; i += 2) {
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

        if (high < 0 || low < 0)
            return false;
        strbuf_add_char(to, (char)(high << 4 | low));
    }
    return n > 0 && n % 2 == 0;
}

static void key_forms(struct forms *f, const struct push_signer *s)
{
    for (size_t i = 0; i < s->key_count; i++)
        add_key(f, &s->keys[i], s->keys[i].text, s->keys[i].length, 0);
    for (size_t i = 0; i < s->key_count; i++) {
        const struct push_sign_key *key = &s->keys[i];
        const bool prefixed = key->length > KEY_PREFIX && memcmp(key->text, "shpk", KEY_PREFIX) == 0;
        const size_t cut = prefixed ? KEY_PREFIX : 0;
        struct strbuf bytes = STRBUF_INIT;

        if (prefixed)
            add_key(f, key, key->text + cut, key->length - cut, PUSH_WRONG_KEY_PREFIX);
        if (unhex(key->text + cut, key->length - cut, &bytes))
            add_key(f, key, bytes.data, bytes.length,
                    PUSH_WRONG_KEY_HEX | (prefixed ? (unsigned)PUSH_WRONG_KEY_PREFIX : 0));
        if (bytes.data)
            explicit_bzero(bytes.data, bytes.capacity);
        strbuf_deinit(&bytes);
    }
}

/* --- heads ---------------------------------------------------------------------------------------------------- */

static void add_head(struct forms *f, const struct strbuf *url, const char *bar, unsigned wrong)
{
    struct strbuf text = STRBUF_INIT;
    struct form *form;

    strbuf_add(&text, strbuf_text(url), url->length);
    strbuf_add_text(&text, bar);
    form = add(f, strbuf_text(&text), text.length, wrong);
    if (form)
        strbuf_add(&form->url, strbuf_text(url), url->length);
    strbuf_deinit(&text);
}

/* Into to: the URL with the other scheme. False: it has neither. */
static bool other_scheme(const char *url, size_t n, struct strbuf *to)
{
    const bool https = n > 8 && memcmp(url, "https://", 8) == 0;
    const size_t cut = https ? 8 : 7;

    if (!https && !(n > 7 && memcmp(url, "http://", 7) == 0))
        return false;
    strbuf_add_text(to, https ? "http://" : "https://");
    strbuf_add(to, url + cut, n - cut);
    return true;
}

/* The URL as it is, with and without a slash, without its query, with and without a bar. */
static void add_tails(struct forms *f, const char *url, size_t n, const char *bar, unsigned wrong)
{
    const char *query = memchr(url, '?', n);
    const size_t path = query ? (size_t)(query - url) : n;
    struct strbuf b = STRBUF_INIT;

    strbuf_add(&b, url, n);
    add_head(f, &b, bar, wrong);
    add_head(f, &b, "", wrong | PUSH_WRONG_NO_BAR);
    strbuf_reset(&b);
    strbuf_add(&b, url, path);
    if (query)
        add_head(f, &b, bar, wrong | PUSH_WRONG_QUERY);
    if (path > 0 && url[path - 1] == '/')
        b.data[--b.length] = '\0';
    else
        strbuf_add_char(&b, '/');
    if (query)
        add_head(f, &b, bar, wrong | PUSH_WRONG_QUERY | PUSH_WRONG_SLASH);
    strbuf_add(&b, url + path, n - path);
    add_head(f, &b, bar, wrong | PUSH_WRONG_SLASH);
    strbuf_deinit(&b);
}

static void add_url(struct forms *f, const char *url, size_t n, const char *bar, unsigned wrong)
{
    struct strbuf swapped = STRBUF_INIT;

    add_tails(f, url, n, bar, wrong);
    if (other_scheme(url, n, &swapped))
        add_tails(f, swapped.data, swapped.length, bar, wrong | PUSH_WRONG_SCHEME);
    strbuf_deinit(&swapped);
}

/* Configured ones first: of two equal heads the first stands. */
static void head_forms(struct forms *f, const struct push_signer *s, const struct push_guess_input *in)
{
    struct strbuf head = STRBUF_INIT;

    for (size_t i = 0; i < s->head_count; i++) {
        strbuf_reset(&head);
        strbuf_add(&head, s->heads[i].text, s->heads[i].length);
        add_head(f, &head, s->bar, 0);
    }
    strbuf_deinit(&head);
    add_head(f, &head, "", PUSH_WRONG_BODY_ONLY);
    if (!in->urls)
        return;
    add_head(f, &head, s->bar, PUSH_WRONG_BODY_ONLY);
    if (in->given)
        add_url(f, in->given, strlen(in->given), s->bar, PUSH_WRONG_GIVEN);
    for (size_t i = 0; i < s->head_count; i++)
        add_url(f, s->heads[i].text, s->heads[i].length, s->bar, 0);
    for (size_t i = 0; i < sizeof(in->request) / sizeof(in->request[0]); i++)
        if (in->request[i])
            add_tails(f, in->request[i], strlen(in->request[i]), s->bar, PUSH_WRONG_REQUEST);
}

/* --- bodies --------------------------------------------------------------------------------------------------- */

/* A space after each comma and colon outside of strings, as some writers put it. */
static void spaced(const char *json, size_t n, struct strbuf *to)
{
    bool inside = false;

    for (size_t i = 0; i < n; i++) {
        strbuf_add_char(to, json[i]);
        if (inside && json[i] == '\\' && i + 1 < n)
            strbuf_add_char(to, json[++i]);
        else if (json[i] == '"')
            inside = !inside;
        else if (!inside && (json[i] == ',' || json[i] == ':'))
            strbuf_add_char(to, ' ');
    }
}

/* The body as other programs would write the same JSON. */
static void add_rewritten(struct forms *f, yyjson_val *root)
{
    static const struct {
        yyjson_write_flag flags;
        unsigned wrong;
    } writers[] = {
        {0, 0},
        {YYJSON_WRITE_ESCAPE_UNICODE, PUSH_WRONG_ESCAPED},
        {YYJSON_WRITE_ESCAPE_SLASHES, PUSH_WRONG_SOLIDUS},
        {YYJSON_WRITE_ESCAPE_UNICODE | YYJSON_WRITE_ESCAPE_SLASHES, PUSH_WRONG_ESCAPED | PUSH_WRONG_SOLIDUS},
    };

    for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
        struct strbuf wide = STRBUF_INIT;
        size_t n;
        char *compact = yyjson_val_write(root, writers[i].flags, &n);

        if (!compact)
            continue;
        (void)add(f, compact, n, writers[i].wrong | PUSH_WRONG_COMPACT);
        spaced(compact, n, &wide);
        (void)add(f, wide.data, wide.length, writers[i].wrong | PUSH_WRONG_SPACED);
        strbuf_deinit(&wide);
        free(compact);
    }
}

static void add_line_breaks(struct forms *f, const char *body, size_t n)
{
    struct strbuf b = STRBUF_INIT;
    size_t cut = n;

    while (cut > 0 && (body[cut - 1] == '\n' || body[cut - 1] == '\r'))
        cut--;
    if (cut < n)
        (void)add(f, body, cut, PUSH_WRONG_NEWLINE);
    strbuf_add(&b, body, n);
    strbuf_add_char(&b, '\n');
    (void)add(f, b.data, b.length, PUSH_WRONG_NEWLINE);
    strbuf_reset(&b);
    for (size_t i = 0; i < n; i++)
        if (body[i] != '\r' || i + 1 == n || body[i + 1] != '\n')
            strbuf_add_char(&b, body[i]);
    (void)add(f, strbuf_text(&b), b.length, PUSH_WRONG_CRLF);
    strbuf_deinit(&b);
}

static void body_forms(struct forms *f, const char *body, size_t n)
{
    yyjson_doc *doc;

    (void)add(f, body, n, 0);
    add_line_breaks(f, body, n);
    if (n > FORM_BODY_LARGE)
        return;
    doc = json_parse(body, n, NULL, NULL);
    if (doc)
        add_rewritten(f, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
}

/* --- all of it ------------------------------------------------------------------------------------------------ */

static int deviations(unsigned wrong)
{
    return __builtin_popcount(wrong);
}

static bool fits(struct hmac_key *key, const struct form *head, const struct form *body,
                 const char sent[HMAC_HEX_LENGTH])
{
    const struct hmac_part parts[] = {{head->text.data, head->text.length},
                                      {body->text.data, body->text.length}};
    char hex[HMAC_HEX_LENGTH + 1];

    return hmac_sha256_hex(key, parts, 2, hex) && hmac_equal(hex, HMAC_HEX_LENGTH, sent, HMAC_HEX_LENGTH);
}

/* Nothing has fewer deviations than none. */
static bool plain(const struct push_guess *g)
{
    return g->found && g->wrong == 0;
}

static void try_key(const struct form *key, const struct forms *heads, const struct forms *bodies,
                    const char sent[HMAC_HEX_LENGTH], struct push_guess *out)
{
    struct hmac_key *hmac = hmac_key_new(key->text.data, key->text.length);

    for (size_t h = 0; h < heads->count && !plain(out); h++) {
        for (size_t b = 0; b < bodies->count && !plain(out); b++) {
            const unsigned wrong = key->wrong | heads->at[h].wrong | bodies->at[b].wrong;

            if ((out->found && deviations(wrong) >= deviations(out->wrong)) ||
                !fits(hmac, &heads->at[h], &bodies->at[b], sent))
                continue;
            out->found = true;
            out->wrong = wrong;
            out->key = key->key;
            strbuf_reset(&out->url);
            strbuf_add(&out->url, strbuf_text(&heads->at[h].url), heads->at[h].url.length);
        }
    }
    hmac_key_free(hmac);
}

void push_guess(const struct push_signer *s, const struct push_guess_input *in,
                const char sent[HMAC_HEX_LENGTH], struct push_guess *out)
{
    struct forms *keys = xcalloc(1, sizeof(*keys)), *heads = xcalloc(1, sizeof(*heads)),
                 *bodies = xcalloc(1, sizeof(*bodies));

    *out = (struct push_guess){.found = false};
    key_forms(keys, s);
    head_forms(heads, s, in);
    body_forms(bodies, in->body, in->length);
    for (size_t i = 0; i < keys->count && !plain(out); i++)
        try_key(&keys->at[i], heads, bodies, sent, out);
    forms_free(keys);
    forms_free(heads);
    forms_free(bodies);
}

void push_guess_deinit(struct push_guess *g)
{
    strbuf_deinit(&g->url);
    *g = (struct push_guess){.found = false};
}

bool push_guess_exact(const struct push_guess *g)
{
    return g->found && (g->wrong & ~(unsigned)PUSH_WRONG_GIVEN) == 0;
}

const char *push_wrong_text(unsigned flag)
{
    switch (flag) {
    case PUSH_WRONG_GIVEN:
        return "the URL stands in no setting: the server refuses it until SHOPEE_CALLBACK_URL names it";
    case PUSH_WRONG_REQUEST:
        return "it was signed for the URL the request names: add that URL to SHOPEE_CALLBACK_URL";
    case PUSH_WRONG_SCHEME:
        return "it was signed for the other of http:// and https://: set the URL as it stands in the console";
    case PUSH_WRONG_SLASH:
        return "it was signed for a URL with a slash more or less at its end: set the URL as it stands in "
               "the console";
    case PUSH_WRONG_QUERY:
        return "it was signed for the URL without its query string";
    case PUSH_WRONG_NO_BAR:
        return "it was signed without the bar between URL and body";
    case PUSH_WRONG_BODY_ONLY:
        return "it was signed over the body alone, with nothing in front";
    case PUSH_WRONG_NEWLINE:
        return "the saved body has gained or lost a line break at its end";
    case PUSH_WRONG_CRLF:
        return "the saved body has CR LF where LF was signed";
    case PUSH_WRONG_COMPACT:
        return "the body is not as it was signed: that was compact JSON; something in between has written it "
               "anew";
    case PUSH_WRONG_SPACED:
        return "the body is not as it was signed: that had a space after each comma and colon; something in "
               "between "
               "has written it anew";
    case PUSH_WRONG_ESCAPED:
        return "it was signed with other letters than ASCII as \\u escapes";
    case PUSH_WRONG_SOLIDUS:
        return "it was signed with slashes escaped";
    case PUSH_WRONG_KEY_PREFIX:
        return "it was signed with the key less its leading shpk";
    case PUSH_WRONG_KEY_HEX:
        return "it was signed with the bytes the key's hex digits stand for, not with its text";
    default:
        return "";
    }
}
