/* ctl_verify.c - shopstreamctl verify: with which configured key, and for which URL, was a saved push signed?
 *
 * In:      a body on standard input and its signature, or a file with request line, headers, an empty line and the body, as
 *          proxies save requests.
 * Out:     the key by the name of its setting and its place there, the URL; or what went wrong. Never a key.
 * Fails:   1 when nothing fits as it should, 2 for arguments, input or settings.
 * Thread:  the tool's.
 * Why so:  it judges with the server's own code (common/push_sign), and only what the server refuses is guessed about. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/push_sign.h"
#include "common/strbuf.h"
#include "worker/ctl/ctl.h"
#include "worker/ctl/push_guess.h"
#include "worker/ctl/saved_request.h"

enum { VERIFY_INPUT_MAX = 64 * 1024 * 1024 };

struct verify {
    const char *platform;         /* argument */
    const char *url;              /* --url; NULL = none */
    const char *signature;        /* --signature; NULL = none */
    const char *file;             /* --request; NULL = none */
    struct strbuf input;          /* body, or the whole request */
    struct saved_request request; /* taken apart; with a body alone just its signature */
};

static void verify_deinit(struct verify *v)
{
    strbuf_deinit(&v->input);
    saved_request_deinit(&v->request);
}

/* --- input ---------------------------------------------------------------------------------------------------- */

static bool read_all(int fd, const char *name, struct strbuf *to, struct err *err)
{
    ssize_t n;

    do {
        strbuf_reserve(to, 65536);
        n = read(fd, to->data + to->length, 65536);
        if (n > 0) {
            to->length += (size_t)n;
            to->data[to->length] = '\0';
        }
    } while ((n > 0 && to->length <= VERIFY_INPUT_MAX) || (n < 0 && errno == EINTR));
    if (n < 0)
        err_errno(err, "read", name);
    else if (n > 0)
        err_set(err, ERR_CONFIG, 0, "%s is longer than %d MiB", name, VERIFY_INPUT_MAX / 1024 / 1024);
    return n == 0;
}

static bool read_input(struct verify *v, struct err *err)
{
    int fd;
    bool ok;

    if (!v->file)
        return read_all(STDIN_FILENO, "standard input", &v->input, err);
    fd = open(v->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_errno(err, "open", v->file);
        return false;
    }
    ok = read_all(fd, v->file, &v->input, err);
    close(fd);
    return ok;
}

/* False: there is no empty line. */
static bool split_request(struct verify *v, struct err *err)
{
    if (saved_request_parse(&v->request, strbuf_text(&v->input), v->input.length))
        return true;
    err_set(err, ERR_CONFIG, 0, "%s has no empty line between headers and body", v->file);
    return false;
}

/* --- output --------------------------------------------------------------------------------------------------- */

static const char *ordinal(size_t n)
{
    static const char *const words[] = {"1st", "2nd", "3rd", "4th"};

    return n >= 1 && n <= sizeof(words) / sizeof(words[0]) ? words[n - 1] : "?";
}

static void print_text(const struct push_guess *g, const char *url)
{
    if (!g->found) {
        puts("no configured key fits, as it should or with any usual mistake: another key, another URL, or "
             "the body "
             "is not what was sent");
        return;
    }
    printf("%s with %s, %s of %zu%s%s\n", push_guess_exact(g) ? "signed" : "refused, but explained: signed",
           g->key->setting, ordinal(g->key->position), g->key->of, *url ? ", for " : "", url);
    for (unsigned flag = 1; flag <= g->wrong; flag <<= 1)
        if (g->wrong & flag)
            printf("  %s\n", push_wrong_text(flag));
}

/* Deviations after which the URL is none of the configured ones. */
#define OTHER_URL                                                                                            \
    ((unsigned)(PUSH_WRONG_GIVEN | PUSH_WRONG_REQUEST | PUSH_WRONG_SCHEME | PUSH_WRONG_SLASH |               \
                PUSH_WRONG_QUERY | PUSH_WRONG_BODY_ONLY))

static void print_json(const struct verify *v, const struct push_guess *g, const char *url)
{
    json_t *hints = json_array();
    json_t *value = json_pack("{s:s, s:b}", "platform", v->platform, "match", push_guess_exact(g));

    if (g->found) {
        json_object_set_new(value, "key",
                            json_pack("{s:s, s:I, s:I}", "setting", g->key->setting, "position",
                                      (json_int_t)g->key->position, "of", (json_int_t)g->key->of));
        json_object_set_new(value, "url", *url ? json_string(url) : json_null());
        json_object_set_new(value, "configured", json_boolean((g->wrong & OTHER_URL) == 0));
    }
    for (unsigned flag = 1; g->found && flag <= g->wrong; flag <<= 1)
        if (g->wrong & flag)
            json_array_append_new(hints, json_string(push_wrong_text(flag)));
    json_object_set_new(value, "hints", hints);
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
}

/* --- the command ---------------------------------------------------------------------------------------------- */

/* The URLs a saved request names, or empty. */
static void request_urls(const struct verify *v, struct strbuf urls[2])
{
    static const char *const schemes[2] = {"https://", "http://"};

    for (size_t i = 0; i < 2; i++) {
        if (v->request.target.length == 0 || v->request.host.length == 0 || v->request.target.data[0] != '/')
            continue;
        strbuf_add_text(&urls[i], schemes[i]);
        strbuf_add(&urls[i], v->request.host.data, v->request.host.length);
        strbuf_add(&urls[i], v->request.target.data, v->request.target.length);
    }
}

static int judge(const struct ctl *c, const struct verify *v, const struct push_signer *s,
                 const char sent[HMAC_HEX_LENGTH])
{
    struct strbuf urls[2] = {STRBUF_INIT, STRBUF_INIT}, plain = STRBUF_INIT;
    struct push_guess_input in = {.body = strbuf_text(&v->input) + v->request.body,
                                  .length = v->input.length - v->request.body,
                                  .given = v->url,
                                  .urls = strcmp(v->platform, "shopee") == 0};
    struct push_guess guess;
    const char *url;
    int code;

    request_urls(v, urls);
    for (size_t i = 0; i < 2; i++)
        in.request[i] = urls[i].length > 0 ? urls[i].data : NULL;
    push_guess(s, &in, sent, &guess);
    url = in.urls ? ctl_plain(&plain, strbuf_text(&guess.url), guess.url.length) : "";
    if (c->json)
        print_json(v, &guess, url);
    else
        print_text(&guess, url);
    code = push_guess_exact(&guess) ? CTL_DONE : CTL_FINDING;
    push_guess_deinit(&guess);
    for (size_t i = 0; i < 2; i++)
        strbuf_deinit(&urls[i]);
    strbuf_deinit(&plain);
    return code;
}

/* 0: there is something to try. */
static int check_settings(const struct verify *v, const struct push_signer *s)
{
    const bool shopee = strcmp(v->platform, "shopee") == 0;

    if (s->key_count == 0)
        return ctl_fail(CTL_USAGE, shopee ? "neither SHOPEE_PUSH_KEY nor SHOPEE_PARTNER_KEY is set"
                                          : "TIKTOK_APP_SECRET is not set");
    if (s->head_count == 0 && shopee && !v->url)
        return ctl_fail(CTL_USAGE, "SHOPEE_CALLBACK_URL is not set: set it or give --url");
    if (s->head_count == 0 && !shopee)
        return ctl_fail(CTL_USAGE, "TIKTOK_APP_KEY is not set");
    return CTL_DONE;
}

static int malformed(const struct ctl *c, const struct verify *v)
{
    const char *what = v->request.sent.length == 0 ? "the request has no Authorization header"
                                                   : "the signature is not 64 hex digits and nothing else";

    if (v->signature)
        return ctl_fail(CTL_USAGE, "--signature takes 64 hex digits");
    if (c->json)
        printf("{\n  \"platform\": \"%s\",\n  \"match\": false,\n  \"hints\": [\"%s\"]\n}\n", v->platform,
               what);
    else
        puts(what);
    return CTL_FINDING;
}

static int run(const struct ctl *c, struct verify *v)
{
    struct push_signer signer = {0};
    char sent[HMAC_HEX_LENGTH];
    struct err err = {0};
    int code;

    if (!push_signer_init(&signer, c->config, v->platform))
        return ctl_fail(CTL_USAGE, "no such platform: %.60s", v->platform);
    code = check_settings(v, &signer);
    if (code == CTL_DONE && (!read_input(v, &err) || (v->file && !split_request(v, &err))))
        code = ctl_fail(CTL_USAGE, "%s", err.text);
    if (v->signature) {
        strbuf_reset(&v->request.sent);
        strbuf_add_text(&v->request.sent, v->signature);
    }
    if (code == CTL_DONE)
        code = push_sign_normal(strbuf_text(&v->request.sent), v->request.sent.length, sent)
                   ? judge(c, v, &signer, sent)
                   : malformed(c, v);
    push_signer_deinit(&signer);
    return code;
}

static bool take_options(struct verify *v, int argc, char **argv)
{
    for (int i = 2; i < argc; i += 2) {
        if (i + 1 == argc)
            return false;
        if (strcmp(argv[i], "--url") == 0)
            v->url = argv[i + 1];
        else if (strcmp(argv[i], "--signature") == 0)
            v->signature = argv[i + 1];
        else if (strcmp(argv[i], "--request") == 0)
            v->file = argv[i + 1];
        else
            return false;
    }
    return v->signature || v->file;
}

int ctl_verify(struct ctl *c, int argc, char **argv)
{
    struct verify v = {.platform = argc > 1 ? argv[1] : ""};
    int code;

    if (argc < 2 || !take_options(&v, argc, argv))
        return ctl_fail(CTL_USAGE,
                        "verify takes PLATFORM [--url URL] and --signature HEX with the body on standard "
                        "input, or --request FILE");
    code = run(c, &v);
    verify_deinit(&v);
    return code;
}
