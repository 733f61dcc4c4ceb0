/* test_documents.c - golden files of documents: a platform's JSON beside the write made of it.
 *
 *   SET/NAME.json           one object, as the recipe of the set takes it
 *   SET/NAME.expected.json  {set, unset, on_insert} as canonical extended JSON, so that types show
 *   SET/fields.txt          every field the platform documents, in the source's names; `-> NAME` where the document's
 *                           name is another
 *
 * Each set has a full.json that gives every documented field a value that says something.
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
#include "worker/dto/recipe.h"

enum { NAMES_MAX = 100, FIELDS_MAX = 600, PATH_MAX_BYTES = 200, ID_MAX_BYTES = 200 };

/* One folder of goldens. */
struct set {
    const char *folder;
    const struct recipe *recipe;
    const char *id; /* the entity's, in all of them */
    size_t least;   /* goldens there must be */
};

static const struct set sets[] = {
    {"order_tiktok", &recipe_order_tiktok, "578912340011223344", 15},
    {"tracking_tiktok", &recipe_tracking_tiktok, "578912340011223344", 7},
    {"tracking_shopee", &recipe_tracking_shopee, "260518A7K2M9QX", 7},
    {"transaction_tiktok", &recipe_transaction_tiktok, "578912340011223344", 7},
    {"statement_transaction_tiktok", &recipe_statement_transaction_tiktok, "7592104410093160801", 4},
    {"statement_tiktok", &recipe_statement_tiktok, "7592104410093160802", 4},
    {"settlement_tiktok", &recipe_settlement_tiktok, "7592104410093160802", 4},
    {"payment_tiktok", &recipe_payment_tiktok, "7592104410093160803", 4},
    {"withdrawal_tiktok", &recipe_withdrawal_tiktok, "7592104410093160804", 4},
    {"transaction_shopee", &recipe_transaction_shopee, "260518A7K2M9QX", 7},
    {"payout_shopee", &recipe_payout_shopee, "260518A7K2M9QX", 4},
    {"wallet_shopee", &recipe_wallet_shopee,
     "1767604000:ESCROW_VERIFIED_ADD:260518A7K2M9QX:171500.50:2343000", 4},
    {"income_shopee", &recipe_income_shopee, "260518A7K2M9QX", 4},
};

enum { SETS = sizeof sets / sizeof *sets };

static struct dto_context context_of(const struct set *set, char doc_id[ID_MAX_BYTES])
{
    struct dto_context context = {
        .platform = set->recipe->platform,
        .shop = strcmp(set->recipe->platform, "tiktok") == 0 ? "7495540735365777507" : "412887301",
        .channel_id = "main",
        .id = set->id,
        .doc_id = doc_id,
        .fetched_ms = INT64_C(1767705000123),
        .now_ms = INT64_C(1767705000456),
        .stored_version = INT64_C(1767000000000),
        .offset_minutes = 420,
        .source = "webhook",
        .trace = "0123456789abcdef",
    };

    snprintf(doc_id, ID_MAX_BYTES, "%s:%s:%s%s", context.platform, context.shop, set->recipe->id_prefix,
             set->id);
    return context;
}

/* One golden input, read and built. */
struct golden {
    char doc_id[ID_MAX_BYTES];
    char *text;       /* the file; owned */
    yyjson_doc *json; /* owned */
    struct arena *arena;
    struct document *document;
};

static void golden_open(struct golden *g, const struct set *set, const char *name)
{
    struct dto_context context = context_of(set, g->doc_id);
    char path[PATH_MAX_BYTES];
    struct err err = {0};
    size_t n;

    snprintf(path, sizeof path, "golden/%s/%s.json", set->folder, name);
    g->text = harness_read(path, &n);
    g->json = yyjson_read(g->text, n, YYJSON_READ_NUMBER_AS_RAW); /* json_parse would refuse depth_65 */
    CHECK(g->json != NULL);
    g->arena = arena_new(4096, 1 << 24);
    g->document = recipe_document(set->recipe, yyjson_doc_get_root(g->json), &context, g->arena, &err);
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

static void write_expected(const struct set *set, const char *name, const char *text)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/golden/%s/%s.expected.json", TESTS_DIR, set->folder, name);
    f = fopen(path, "we");
    CHECK(f != NULL);
    spread(f, text);
    CHECK_INT(fclose(f), 0);
}

static void compare(const struct set *set, const char *name, const char *actual)
{
    char path[PATH_MAX_BYTES], *file, *expected;
    size_t n;

    snprintf(path, sizeof path, "golden/%s/%s.expected.json", set->folder, name);
    file = harness_read(path, &n);
    expected = compact(file);
    printf("# %s/%s\n", set->folder, name);
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

static void names_read(struct names *names, const struct set *set)
{
    char path[4096];
    const struct dirent *entry;
    DIR *d;

    snprintf(path, sizeof path, "%s/golden/%s", TESTS_DIR, set->folder);
    d = opendir(path);
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

/* A field by its two names; lists show as name[]. */
struct field_names {
    char source[PATH_MAX_BYTES];
    char document[PATH_MAX_BYTES];
};

struct fields {
    struct field_names names[FIELDS_MAX];
    size_t count;
};

static void fields_add(struct fields *f, const char *source, const char *document)
{
    struct field_names *names = &f->names[f->count++];

    CHECK(f->count <= FIELDS_MAX);
    snprintf(names->source, PATH_MAX_BYTES, "%s", source);
    snprintf(names->document, PATH_MAX_BYTES, "%s", document);
}

static void fields_read(struct fields *f, const struct set *set)
{
    char path[PATH_MAX_BYTES], *text, *rest;
    size_t n;

    snprintf(path, sizeof path, "golden/%s/fields.txt", set->folder);
    text = rest = harness_read(path, &n);
    f->count = 0;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        char *arrow = strstr(line, " -> ");

        if (arrow)
            *arrow = '\0';
        if (*line)
            fields_add(f, line, arrow ? arrow + 4 : line);
    }
    free(text);
}

static const char *list_mark(const struct field *field)
{
    return field->type == FIELD_LIST || field->type == FIELD_TEXTS || field->type == FIELD_COUNTS ? "[]" : "";
}

/* A part of which no member is documented counts as one field. */
static void fields_of_mapping(struct fields *f, const struct mapping *m, const struct field_names *outer)
{
    const char *dot = *outer->source ? "." : "", *document_dot = *outer->document ? "." : "";

    for (size_t i = 0; i < m->count; i++) {
        const struct mapping_row *row = &m->rows[i];
        const struct field *field = &m->entity->fields[row->at / FIELD_SIZE];
        struct field_names names = *outer;
        const char *inner = "";

        if (row->way == MAPPING_INTO)
            inner = field->nested->fields[row->inner / FIELD_SIZE].name;
        CHECK(snprintf(names.source, PATH_MAX_BYTES, "%s%s%s%s", outer->source, dot, row->key,
                       row->way == MAPPING_FLAT ? "" : list_mark(field)) < PATH_MAX_BYTES);
        if (row->way != MAPPING_FLAT)
            CHECK(snprintf(names.document, PATH_MAX_BYTES, "%s%s%s%s%s%s", outer->document, document_dot,
                           field->name, list_mark(field), *inner ? "." : "", inner) < PATH_MAX_BYTES);
        if (row->nested && row->nested->count > 0)
            fields_of_mapping(f, row->nested, &names);
        else
            fields_add(f, names.source, names.document);
    }
}

static int by_source(const void *a, const void *b)
{
    return strcmp(((const struct field_names *)a)->source, ((const struct field_names *)b)->source);
}

static void fields_sort(struct fields *f)
{
    qsort(f->names, f->count, sizeof f->names[0], by_source);
}

static void fields_mapped(struct fields *f, const struct set *set)
{
    const struct field_names outer = {"", ""};

    f->count = 0;
    fields_of_mapping(f, set->recipe->mapping, &outer);
    fields_sort(f);
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
    if (yyjson_is_ctn(value))
        return unsafe_yyjson_get_len(value) > 0;
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

static void check_goldens(const struct set *set, const struct names *names)
{
    const char *mode = getenv("GOLDEN_WRITE");

    for (size_t i = 0; i < names->count; i++) {
        struct golden g;
        char *text;

        golden_open(&g, set, names->name[i]);
        text = document_text(g.document);
        if (mode && strcmp(mode, "1") == 0)
            write_expected(set, names->name[i], text);
        compare(set, names->name[i], text);
        free(text);
        golden_close(&g);
    }
}

TEST(every_golden_source_becomes_the_document_beside_it)
{
    struct names names;

    for (size_t i = 0; i < SETS; i++) {
        names_read(&names, &sets[i]);
        CHECK(names.count >= sets[i].least);
        check_goldens(&sets[i], &names);
        names_free(&names);
    }
}

static void check_wellformed(const struct set *set, const char *name)
{
    struct golden g;

    golden_open(&g, set, name);
    CHECK(bson_validate(g.document->set, BSON_VALIDATE_UTF8 | BSON_VALIDATE_UTF8_ALLOW_NULL, NULL));
    CHECK(bson_validate(g.document->unset, BSON_VALIDATE_UTF8 | BSON_VALIDATE_DOT_KEYS, NULL));
    CHECK(bson_validate(g.document->on_insert, BSON_VALIDATE_UTF8 | BSON_VALIDATE_DOT_KEYS, NULL));
    golden_close(&g);
}

TEST(every_document_is_wellformed_bson)
{
    struct names names;

    for (size_t i = 0; i < SETS; i++) {
        names_read(&names, &sets[i]);
        for (size_t n = 0; n < names.count; n++)
            check_wellformed(&sets[i], names.name[n]);
        names_free(&names);
    }
}

TEST(the_mappings_cover_exactly_the_documented_fields)
{
    static struct fields documented, mapped;

    for (size_t i = 0; i < SETS; i++) {
        fields_read(&documented, &sets[i]);
        fields_sort(&documented);
        fields_mapped(&mapped, &sets[i]);
        printf("# %s\n", sets[i].folder);
        for (size_t n = 0; n < documented.count && n < mapped.count; n++) {
            CHECK_TEXT(mapped.names[n].source, documented.names[n].source);
            CHECK_TEXT(mapped.names[n].document, documented.names[n].document);
        }
        CHECK_INT(mapped.count, documented.count);
    }
}

TEST(every_documented_field_has_a_value_in_the_full_source)
{
    static struct fields documented;
    struct golden g;

    for (size_t i = 0; i < SETS; i++) {
        fields_read(&documented, &sets[i]);
        golden_open(&g, &sets[i], "full");
        printf("# %s\n", sets[i].folder);
        for (size_t n = 0; n < documented.count; n++) {
            if (!says_something(source_at(yyjson_doc_get_root(g.json), documented.names[n].source)))
                CHECK_TEXT(documented.names[n].source, "(has a value)");
        }
        CHECK(g.document->valid);
        golden_close(&g);
    }
}

TEST(every_documented_field_stands_in_the_document_of_the_full_source)
{
    static struct fields documented;
    struct golden g;

    for (size_t i = 0; i < SETS; i++) {
        fields_read(&documented, &sets[i]);
        golden_open(&g, &sets[i], "full");
        printf("# %s\n", sets[i].folder);
        for (size_t n = 0; n < documented.count; n++) {
            if (!document_has(g.document->set, documented.names[n].document))
                CHECK_TEXT(documented.names[n].document, "(stands in the document)");
        }
        CHECK(!document_has(g.document->set, "extra"));
        golden_close(&g);
    }
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(every_golden_source_becomes_the_document_beside_it),
                        CASE(every_document_is_wellformed_bson),
                        CASE(the_mappings_cover_exactly_the_documented_fields),
                        CASE(every_documented_field_has_a_value_in_the_full_source),
                        CASE(every_documented_field_stands_in_the_document_of_the_full_source));
}
