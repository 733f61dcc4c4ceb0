/* test_order_tiktok.c - golden files of orders: TikTok Shop's JSON beside the write made of it.
 *
 *   order_tiktok/NAME.json           one order object, as an element of data.orders
 *   order_tiktok/NAME.expected.json  {set, unset, on_insert} as canonical extended JSON, so that types show
 *   order_tiktok/fields.txt          every field the platform documents, in the source's names
 *
 * After a change that is meant to show: GOLDEN_WRITE=1 writes what came out into the expected files; read the diff. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/json.h"
#include "common/strbuf.h"
#include "tests/harness.h"
#include "worker/dto.h"
#include "worker/dto/order_tiktok.h"
#include "worker/dto/recipe.h"

#define FOLDER "golden/order_tiktok"

enum { NAMES_MAX = 100, FIELDS_MAX = 400, PATH_MAX_BYTES = 200 };

static const struct dto_context context = {
    .platform = "tiktok",
    .shop = "7495540735365777507",
    .channel_id = "main",
    .id = "578912340011223344",
    .doc_id = "tiktok:7495540735365777507:578912340011223344",
    .fetched_ms = INT64_C(1767705000123),
    .now_ms = INT64_C(1767705000456),
    .stored_version = INT64_C(1767000000000),
    .offset_minutes = 420,
    .source = "webhook",
    .trace = "0123456789abcdef",
};

/* One golden input, read and built. */
struct golden {
    char *text;       /* the file; owned */
    yyjson_doc *json; /* owned */
    struct arena *arena;
    struct document *document;
};

static void golden_open(struct golden *g, const char *name)
{
    char path[PATH_MAX_BYTES];
    struct err err = {0};
    size_t n;

    snprintf(path, sizeof path, FOLDER "/%s.json", name);
    g->text = harness_read(path, &n);
    g->json = yyjson_read(g->text, n, YYJSON_READ_NUMBER_AS_RAW); /* json_parse would refuse depth_65 */
    CHECK(g->json != NULL);
    g->arena = arena_new(4096, 1 << 24);
    g->document =
        recipe_document(&recipe_order_tiktok, yyjson_doc_get_root(g->json), &context, g->arena, &err);
    CHECK_TEXT(err.text, "");
    CHECK(g->document != NULL);
}

static void golden_close(struct golden *g)
{
    document_free(g->document);
    arena_free(g->arena);
    yyjson_doc_free(g->json);
    free(g->text);
}

/* --- documents as text ----------------------------------------------------------------------------- */

/* Takes the white space outside strings away. */
static char *compact(const char *s)
{
    char *to = malloc(strlen(s) + 1);
    size_t n = 0;
    bool in_string = false;

    for (; *s; s++) {
        if (!in_string && strchr(" \n\r\t", *s))
            continue;
        if (*s == '"')
            in_string = !in_string;
        to[n++] = *s;
        if (*s == '\\' && in_string)
            to[n++] = *++s;
    }
    to[n] = '\0';
    return to;
}

/* Compact JSON, one member a line; {"$number...": "..."} stays together. */
static void spread(FILE *to, const char *s)
{
    int depth = 0, flat = 0;
    bool in_string = false;

    for (; *s; s++) {
        bool opens = !in_string && (*s == '{' || *s == '['), closes = !in_string && (*s == '}' || *s == ']');

        if (closes && flat > 0) {
            flat--;
            closes = false;
        } else if (closes) {
            fprintf(to, "\n%*s", --depth, "");
        }
        fputc(*s, to);
        if (*s == '"')
            in_string = !in_string;
        if (*s == '\\' && in_string)
            fputc(*++s, to);
        if (opens && (flat > 0 || strncmp(s, "{\"$n", 4) == 0 || s[1] == '}' || s[1] == ']'))
            flat++;
        else if (opens)
            fprintf(to, "\n%*s", ++depth, "");
        else if (!in_string && *s == ',' && flat == 0)
            fprintf(to, "\n%*s", depth, "");
        else if (!in_string && (*s == ':' || *s == ','))
            fputc(' ', to);
    }
    fputc('\n', to);
}

static char *document_text(const struct document *d)
{
    bson_t *all = bson_new();
    char *json, *text;

    CHECK(BSON_APPEND_DOCUMENT(all, "set", d->set));
    CHECK(BSON_APPEND_DOCUMENT(all, "unset", d->unset));
    CHECK(BSON_APPEND_DOCUMENT(all, "on_insert", d->on_insert));
    json = bson_as_canonical_extended_json(all, NULL);
    CHECK(json != NULL);
    text = compact(json);
    bson_free(json);
    bson_destroy(all);
    return text;
}

static void write_expected(const char *name, const char *text)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/" FOLDER "/%s.expected.json", TESTS_DIR, name);
    f = fopen(path, "we");
    CHECK(f != NULL);
    spread(f, text);
    CHECK_INT(fclose(f), 0);
}

static void compare(const char *name, const char *actual)
{
    char path[PATH_MAX_BYTES], *file, *expected;
    size_t n;

    snprintf(path, sizeof path, FOLDER "/%s.expected.json", name);
    file = harness_read(path, &n);
    expected = compact(file);
    printf("# %s\n", name);
    CHECK_TEXT(actual, expected);
    free(expected);
    free(file);
}

/* --- names of the goldens -------------------------------------------------------------------------- */

struct names {
    char *name[NAMES_MAX]; /* owned */
    size_t count;
};

static bool is_input(const char *file)
{
    size_t n = strlen(file);

    return n > 5 && strcmp(file + n - 5, ".json") == 0 && !strstr(file, ".expected.");
}

static void names_read(struct names *names)
{
    DIR *d = opendir(TESTS_DIR "/" FOLDER);
    const struct dirent *entry;

    CHECK(d != NULL);
    names->count = 0;
    while ((entry = readdir(d))) {
        if (!is_input(entry->d_name))
            continue;
        CHECK(names->count < NAMES_MAX);
        names->name[names->count++] = strndup(entry->d_name, strlen(entry->d_name) - 5);
    }
    closedir(d);
}

static void names_free(struct names *names)
{
    while (names->count > 0)
        free(names->name[--names->count]);
}

/* --- documented fields ----------------------------------------------------------------------------- */

struct fields {
    char path[FIELDS_MAX][PATH_MAX_BYTES];
    size_t count;
};

static void fields_add(struct fields *f, const char *path)
{
    CHECK(f->count < FIELDS_MAX);
    snprintf(f->path[f->count++], PATH_MAX_BYTES, "%s", path);
}

static void fields_read(struct fields *f)
{
    size_t n;
    char *text = harness_read(FOLDER "/fields.txt", &n), *rest = text;

    f->count = 0;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        if (*line)
            fields_add(f, line);
    }
    free(text);
}

static void fields_of_mapping(struct fields *f, const struct mapping *m, const char *prefix)
{
    char path[PATH_MAX_BYTES];

    for (size_t i = 0; i < m->count; i++) {
        const struct mapping_row *row = &m->rows[i];
        bool list = m->entity->fields[row->at / FIELD_SIZE].type == FIELD_LIST;

        snprintf(path, sizeof path, "%s%s%s%s", prefix, row->key, list ? "[]" : "", row->nested ? "." : "");
        if (row->nested)
            fields_of_mapping(f, row->nested, path);
        else
            fields_add(f, path);
    }
}

static int by_path(const void *a, const void *b)
{
    return strcmp(a, b);
}

static struct fields *fields_sorted(struct fields *f)
{
    qsort(f->path, f->count, sizeof f->path[0], by_path);
    return f;
}

/* The document's name of a source's path. */
static void renamed(char *to, const char *path)
{
    static const char *const names[][2] = {
        {"id", "order_id"},
        {"packages[].id", "packages[].package_id"},
        {"line_items[].id", "line_items[].line_item_id"},
        {"line_items[].sub_item_info[].id", "line_items[].sub_item_info[].line_item_id"},
    };

    snprintf(to, PATH_MAX_BYTES, "%s", path);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(path, names[i][0]) == 0)
            snprintf(to, PATH_MAX_BYTES, "%s", names[i][1]);
    }
}

/* The value at a path, in the first element of every list. */
static yyjson_val *source_at(yyjson_val *value, const char *path)
{
    char copy[PATH_MAX_BYTES], *rest = copy;

    snprintf(copy, sizeof copy, "%s", path);
    for (char *key = strsep(&rest, "."); key && value; key = strsep(&rest, ".")) {
        char *list = strstr(key, "[]");

        if (list)
            *list = '\0';
        value = yyjson_obj_get(value, key);
        if (list)
            value = yyjson_arr_get_first(value);
    }
    return value;
}

static bool says_something(yyjson_val *value)
{
    struct json_text text;

    if (yyjson_is_bool(value))
        return yyjson_get_bool(value);
    return json_scalar_text(value, &text) && text.length > 0 && !(text.length == 1 && text.data[0] == '0');
}

static bool document_has(const bson_t *set, const char *path)
{
    char dotted[PATH_MAX_BYTES];
    size_t n = 0;
    bson_iter_t iter, found;

    for (; *path; path++) {
        if (*path != '[' && *path != ']')
            dotted[n++] = *path;
        else if (*path == '[')
            n += (size_t)snprintf(dotted + n, sizeof dotted - n, ".0");
    }
    dotted[n] = '\0';
    return bson_iter_init(&iter, set) && bson_iter_find_descendant(&iter, dotted, &found);
}

/* --- cases ----------------------------------------------------------------------------------------- */

TEST(every_golden_order_becomes_the_document_beside_it)
{
    struct names names;
    const char *mode = getenv("GOLDEN_WRITE");

    names_read(&names);
    CHECK(names.count >= 15);
    for (size_t i = 0; i < names.count; i++) {
        struct golden g;
        char *text;

        golden_open(&g, names.name[i]);
        text = document_text(g.document);
        if (mode && strcmp(mode, "1") == 0)
            write_expected(names.name[i], text);
        compare(names.name[i], text);
        free(text);
        golden_close(&g);
    }
    names_free(&names);
}

TEST(every_document_is_wellformed_bson)
{
    struct names names;

    names_read(&names);
    for (size_t i = 0; i < names.count; i++) {
        struct golden g;

        golden_open(&g, names.name[i]);
        CHECK(bson_validate(g.document->set, BSON_VALIDATE_UTF8 | BSON_VALIDATE_UTF8_ALLOW_NULL, NULL));
        CHECK(bson_validate(g.document->unset, BSON_VALIDATE_UTF8 | BSON_VALIDATE_DOT_KEYS, NULL));
        CHECK(bson_validate(g.document->on_insert, BSON_VALIDATE_UTF8 | BSON_VALIDATE_DOT_KEYS, NULL));
        golden_close(&g);
    }
    names_free(&names);
}

TEST(the_mapping_covers_exactly_the_documented_fields)
{
    static struct fields documented, mapped;

    fields_read(&documented);
    fields_of_mapping(&mapped, &order_tiktok_mapping, "");
    CHECK(documented.count > 150);
    fields_sorted(&documented);
    fields_sorted(&mapped);
    for (size_t i = 0; i < documented.count && i < mapped.count; i++)
        CHECK_TEXT(mapped.path[i], documented.path[i]);
    CHECK_INT(mapped.count, documented.count);
}

TEST(every_documented_field_has_a_value_in_the_full_order)
{
    static struct fields documented;
    struct golden g;

    fields_read(&documented);
    golden_open(&g, "full");
    for (size_t i = 0; i < documented.count; i++) {
        if (!says_something(source_at(yyjson_doc_get_root(g.json), documented.path[i])))
            CHECK_TEXT(documented.path[i], "(has a value)");
    }
    CHECK(g.document->valid);
    golden_close(&g);
}

TEST(every_documented_field_stands_in_the_document_of_the_full_order)
{
    static struct fields documented;
    struct golden g;

    fields_read(&documented);
    golden_open(&g, "full");
    for (size_t i = 0; i < documented.count; i++) {
        char name[PATH_MAX_BYTES];

        renamed(name, documented.path[i]);
        if (!document_has(g.document->set, name))
            CHECK_TEXT(name, "(stands in the document)");
    }
    CHECK(!document_has(g.document->set, "extra"));
    golden_close(&g);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(every_golden_order_becomes_the_document_beside_it),
                        CASE(every_document_is_wellformed_bson),
                        CASE(the_mapping_covers_exactly_the_documented_fields),
                        CASE(every_documented_field_has_a_value_in_the_full_order),
                        CASE(every_documented_field_stands_in_the_document_of_the_full_order));
}
