/* ctl_fetch.c - shopstreamctl fetch: one entity from the marketplace now, and what would change in MongoDB.
 *
 * In:      PLATFORM SHOP KIND ID [--return-kind cancellation] [--apply] [--raw].
 * Out:     "equal", or each field old -> new; with --raw what the platform answered, composed; with --apply it is written as a
 *          worker would.
 * Fails:   1 differs, gone, refused; 2 arguments and settings; 3 Redis, MongoDB or the marketplace does not answer.
 * Thread:  the tool's.
 * Why so:  personal data is shown only where it changes, and where --raw asks for it; tokens never. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "worker/ctl/ctl.h"
#include "worker/ctl/entity_check.h"

enum { ID_MAX = 64 }; /* bytes; the longest id of a platform has 32 */

struct fetch {
    struct entity_name name;
    bool apply;
    bool raw;
};

/* --- what is printed ------------------------------------------------------------------------------------------- */

static const char *sentence(const struct check *k)
{
    switch (k->end) {
    case CHECK_EQUAL:
        return "equal";
    case CHECK_DIFFERS:
        return "differs";
    case CHECK_ABSENT:
        return k->applied ? "created" : "would be created";
    case CHECK_GONE:
        return k->applied ? "is gone at the marketplace: marked deleted" : "is gone at the marketplace";
    case CHECK_MISSING:
        return "is left out of the marketplace's answer; gone only when it is left out again a minute later";
    case CHECK_NEWER:
        return "what is stored is newer than what the marketplace serves: nothing is written";
    case CHECK_NOWHERE:
        return "is neither at the marketplace nor in MongoDB";
    case CHECK_UNSTORED:
    case CHECK_REFUSED:
    case CHECK_AWAY:
        break;
    }
    return "was not read";
}

/* Outside text of several lines; each as a terminal may see it. */
static void print_plain(const char *text)
{
    struct strbuf plain = STRBUF_INIT;

    for (const char *end = text; *text; text = *end ? end + 1 : end) {
        end = text + strcspn(text, "\n");
        puts(ctl_plain(&plain, text, (size_t)(end - text)));
    }
    strbuf_deinit(&plain);
}

static char *raw_text(const struct check *k, yyjson_write_flag flags)
{
    return k->read.json ? yyjson_write(k->read.json, flags, NULL) : NULL;
}

static void print_text(const struct fetch *f, const struct check *k)
{
    char *raw = f->raw ? raw_text(k, YYJSON_WRITE_PRETTY_TWO_SPACES) : NULL;

    if (raw)
        print_plain(raw);
    printf("%s %s: %s\n", k->collection, k->doc_id, sentence(k));
    if (k->end != CHECK_ABSENT || !f->apply)
        check_print_changes(k->changes);
    if (f->apply && k->applied && k->end == CHECK_DIFFERS)
        puts("written");
    free(raw);
}

/* The platform's own text goes in as it is: no number loses a digit. */
static void print_json(const struct fetch *f, const struct check *k, const struct err *err)
{
    json_t *out = json_pack(
        "{s:s, s:s, s:s, s:s, s:s*, s:s*, s:s, s:b, s:I, s:I, s:s*, s:O}", "platform", f->name.platform->name,
        "shop", f->name.shop, "kind", entry_kind_name(f->name.kind), "id", f->name.id, "collection",
        k->collection, "document", k->doc_id, "result", check_end_name(k->end), "applied", k->applied,
        "stored_version", (json_int_t)k->stored_version, "served_version", (json_int_t)k->served_version,
        "error", *err->text ? err->text : NULL, "changes", k->changes);
    char *text = json_dumps(out, JSON_INDENT(2)), *raw = f->raw ? raw_text(k, YYJSON_WRITE_NOFLAG) : NULL;

    if (text && raw)
        printf("%.*s,\n  \"raw\": %s\n}\n", (int)(strlen(text) - 2), text, raw);
    else
        puts(text ? text : "{}");
    free(raw);
    free(text);
    json_decref(out);
}

/* --- the command ----------------------------------------------------------------------------------------------- */

static int exit_of(const struct check *k, const struct err *err)
{
    if (k->end == CHECK_AWAY)
        return CTL_UNREACHABLE;
    if (k->end == CHECK_REFUSED && err->domain == ERR_CONFIG)
        return CTL_USAGE;
    if (k->end == CHECK_MISSING) /* noted, but nothing is settled */
        return CTL_FINDING;
    return k->end == CHECK_EQUAL || k->applied ? CTL_DONE : CTL_FINDING;
}

static int fetch(struct ctl *c, const struct fetch *f)
{
    struct err err = {0};
    struct entity_checker *checker = entity_checker_new(c, false, &err);
    struct check k = {0};
    int code;

    if (!checker)
        return ctl_fail(err.domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "%s", err.text);
    entity_check(checker, &f->name, f->apply, &k, &err);
    code = exit_of(&k, &err);
    if (k.end == CHECK_REFUSED || k.end == CHECK_AWAY || k.end == CHECK_UNSTORED)
        ctl_fail(code, "%s", err.text);
    else if (!c->json)
        print_text(f, &k);
    if (c->json)
        print_json(f, &k, &err);
    check_deinit(&k);
    entity_checker_free(checker);
    return code;
}

/* Every id of every platform is made of these; a comma would ask for two, a slash for another path. */
static bool is_id(const char *text)
{
    size_t n = strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-");

    return n > 0 && n <= ID_MAX && text[n] == '\0';
}

static bool take_options(struct fetch *f, int argc, char **argv)
{
    for (int i = 5; i < argc; i++) {
        if (strcmp(argv[i], "--apply") == 0)
            f->apply = true;
        else if (strcmp(argv[i], "--raw") == 0)
            f->raw = true;
        else if (strcmp(argv[i], "--return-kind") == 0 && i + 1 < argc)
            f->name.return_kind = argv[++i];
        else
            return false;
    }
    return true;
}

/* CTL_DONE, or told. */
static int take_name(struct entity_name *name, char **argv)
{
    const char *kind = name->return_kind;

    name->platform = platform_find(argv[1]);
    if (!name->platform)
        return ctl_fail(CTL_USAGE, "no such platform: %.60s", argv[1]);
    if (!entry_kind_parse(argv[3], strlen(argv[3]), &name->kind) || name->kind > ENTRY_TRACKING)
        return ctl_fail(CTL_USAGE, "KIND is order, return, product, transaction or tracking");
    if (!is_id(argv[2]) || !is_id(argv[4]))
        return ctl_fail(CTL_USAGE, "SHOP and ID are digits, letters, - and _");
    if (*kind &&
        (name->kind != ENTRY_RETURN || (strcmp(kind, "return") != 0 && strcmp(kind, "cancellation") != 0)))
        return ctl_fail(CTL_USAGE, "--return-kind is return or cancellation, and only for KIND return");
    name->shop = argv[2];
    name->id = argv[4];
    return CTL_DONE;
}

int ctl_fetch(struct ctl *c, int argc, char **argv)
{
    struct fetch f = {.name = {.return_kind = ""}};
    int code;

    if (argc < 5 || !take_options(&f, argc, argv))
        return ctl_fail(CTL_USAGE,
                        "fetch takes PLATFORM SHOP KIND ID [--return-kind cancellation] [--apply] [--raw]");
    code = take_name(&f.name, argv);
    return code == CTL_DONE ? fetch(c, &f) : code;
}
