/* test_documents.c - golden files of documents: a platform's JSON beside the write made of it.
 *
 *   SET/NAME.json           one object, as the recipe of the set takes it
 *   SET/NAME.expected.json  {set, unset, on_insert} as canonical extended JSON, so that types show
 *   SET/fields.txt          every field the platform documents, in the source's names; `-> NAME` where the document's
 *                           name is another, `=> NAME` where finishing moves it to
 *   SET/full*.json          together: every documented field with a value that says something
 *
 * After a change that is meant to show: GOLDEN_WRITE=1 writes what came out into the expected files; read the diff. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/number.h"
#include "common/strbuf.h"
#include "tests/harness.h"
#include "tests/unit/mongo_fixture.h"
#include "worker/dto.h"
#include "worker/dto/recipe.h"
#include "worker/upsert_internal.h"

enum { NAMES_MAX = 100, FIELDS_MAX = 600, PATH_MAX_BYTES = 200, ID_MAX_BYTES = 200, MANY = 5000 };

/* One folder of goldens. */
struct set {
    const char *folder;
    const struct recipe *recipe;
    const char *id;      /* the entity's, in all of them */
    size_t least;        /* goldens there must be */
    const char *list;    /* of the source, to be made very long; NULL: it has none */
    const char *list_to; /* of the document */
    bool sorts_events;   /* finishing does: which of them comes first is the goldens' business */
};

static const struct set sets[] = {
    {"order_tiktok", &recipe_order_tiktok, "578912340011223344", 15, "line_items", "line_items", false},
    {"order_shopee", &recipe_order_shopee, "260518A7K2M9QX", 8, "item_list", "line_items", false},
    {"return_tiktok", &recipe_return_tiktok, "4036100200300400701", 8, "return_line_items", "line_items",
     false},
    {"cancellation_tiktok", &recipe_cancellation_tiktok, "4036100200300400501", 6, "cancel_line_items",
     "line_items", false},
    {"return_shopee", &recipe_return_shopee, "2605140C7H1QV9D", 8, "item", "line_items", false},
    {"product_tiktok", &recipe_product_tiktok, "1731200300400500601", 6, "skus", "skus", false},
    {"product_shopee", &recipe_product_shopee, "26384017255", 10, "model", "skus", false},
    {"tracking_tiktok", &recipe_tracking_tiktok, "578912340011223344", 7, "packages", "packages", true},
    {"tracking_shopee", &recipe_tracking_shopee, "260518A7K2M9QX", 7, "package_list", "packages", true},
    {"transaction_tiktok", &recipe_transaction_tiktok, "578912340011223344", 7, "sku_transactions",
     "sku_transactions", false},
    {"statement_transaction_tiktok", &recipe_statement_transaction_tiktok, "7592104410093160801", 4, NULL,
     NULL, false},
    {"statement_tiktok", &recipe_statement_tiktok, "7592104410093160802", 4, NULL, NULL, false},
    {"settlement_tiktok", &recipe_settlement_tiktok, "7592104410093160802", 4, NULL, NULL, false},
    {"payment_tiktok", &recipe_payment_tiktok, "7592104410093160803", 4, NULL, NULL, false},
    {"withdrawal_tiktok", &recipe_withdrawal_tiktok, "7592104410093160804", 4, NULL, NULL, false},
    {"transaction_shopee", &recipe_transaction_shopee, "260518A7K2M9QX", 7, NULL, NULL, false},
    {"payout_shopee", &recipe_payout_shopee, "260518A7K2M9QX", 4, NULL, NULL, false},
    {"wallet_shopee", &recipe_wallet_shopee,
     "1767604000:ESCROW_VERIFIED_ADD:260518A7K2M9QX:171500.50:2343000", 4, NULL, NULL, false},
    {"income_shopee", &recipe_income_shopee, "260518A7K2M9QX", 4, NULL, NULL, false},
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

static void golden_build(struct golden *g, const struct set *set)
{
    struct dto_context context = context_of(set, g->doc_id);
    struct err err = {0};

    g->arena = arena_new(4096, 1 << 24);
    g->document = recipe_document(set->recipe, yyjson_doc_get_root(g->json), &context, g->arena, &err);
    CHECK_TEXT(err.text, "");
    CHECK(g->document != NULL);
}

static void golden_open(struct golden *g, const struct set *set, const char *name)
{
    char path[PATH_MAX_BYTES];
    size_t n;

    snprintf(path, sizeof path, "golden/%s/%s.json", set->folder, name);
    g->text = harness_read(path, &n);
    g->json = yyjson_read(g->text, n, YYJSON_READ_NUMBER_AS_RAW); /* json_parse would refuse depth_65 */
    CHECK(g->json != NULL);
    golden_build(g, set);
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
    bool moved; /* to document, not by the mapping */
};

struct fields {
    struct field_names names[FIELDS_MAX];
    size_t count;
};

static void fields_add(struct fields *f, const char *source, const char *document, bool moved)
{
    struct field_names *names = &f->names[f->count++];

    CHECK(f->count <= FIELDS_MAX);
    names->moved = moved;
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
        char *arrow = strstr(line, "> ");

        if (arrow)
            arrow[-2] = '\0';
        if (*line)
            fields_add(f, line, arrow ? arrow + 2 : line, arrow && arrow[-1] == '=');
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
            fields_add(f, names.source, names.document, false);
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
    const struct field_names outer = {"", "", false};

    f->count = 0;
    fields_of_mapping(f, set->recipe->mapping, &outer);
    fields_sort(f);
}

/* The value at a path, in the first element of every list; a value alone is a list of one. */
static yyjson_val *source_at(yyjson_val *value, const char *path)
{
    char copy[PATH_MAX_BYTES], *rest = copy;

    snprintf(copy, sizeof copy, "%s", path);
    for (char *key = strsep(&rest, "."); key && value; key = strsep(&rest, ".")) {
        char *list = strstr(key, "[]");

        if (list)
            *list = '\0';
        value = yyjson_obj_get(value, key);
        if (list && yyjson_is_arr(value))
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

static bool document_at(const bson_t *set, const char *path, bson_iter_t *found)
{
    char dotted[2 * PATH_MAX_BYTES];
    size_t n = 0;
    bson_iter_t iter;

    for (; *path; path++) {
        if (*path != '[' && *path != ']')
            dotted[n++] = *path;
        else if (*path == '[')
            n += (size_t)snprintf(dotted + n, sizeof dotted - n, ".0");
    }
    dotted[n] = '\0';
    return bson_iter_init(&iter, set) && bson_iter_find_descendant(&iter, dotted, found);
}

/* Seconds or milliseconds as the document writes them; "" when it is neither. */
static void time_text(char to[CLOCK_TEXT_MAX + 1], yyjson_val *value)
{
    struct json_text text;
    int64_t at;

    to[0] = '\0';
    if (!json_scalar_text(value, &text) || !number_i64(text.data, text.length, &at))
        return;
    at = at < INT64_C(100000000000) ? at * 1000 : at;
    if (clock_plausible_ms(at))
        to[clock_format_offset(to, at, 420)] = '\0';
}

/* Whether a value of the document is the source's: containers only of which sort, all others exactly. */
static void check_value(yyjson_val *value, const bson_iter_t *found)
{
    char text[200] = "", time[CLOCK_TEXT_MAX + 1];
    struct json_text expected;
    bson_decimal128_t decimal;

    CHECK_INT(BSON_ITER_HOLDS_DOCUMENT(found), yyjson_is_obj(value));
    CHECK_INT(BSON_ITER_HOLDS_ARRAY(found), yyjson_is_arr(value));
    CHECK_INT(BSON_ITER_HOLDS_BOOL(found), yyjson_is_bool(value));
    if (!json_scalar_text(value, &expected))
        return;
    if (BSON_ITER_HOLDS_UTF8(found))
        snprintf(text, sizeof text, "%s", bson_iter_utf8(found, NULL));
    else if (BSON_ITER_HOLDS_INT64(found))
        snprintf(text, sizeof text, "%lld", (long long)bson_iter_int64(found));
    else if (bson_iter_decimal128(found, &decimal))
        bson_decimal128_to_string(&decimal, text);
    time_text(time, value);
    if (!*time || strcmp(text, time) != 0)
        CHECK_BYTES(text, strlen(text), expected.data, expected.length);
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

static void check_bson(const struct document *d)
{
    CHECK(bson_validate(d->set, BSON_VALIDATE_UTF8 | BSON_VALIDATE_UTF8_ALLOW_NULL, NULL));
    CHECK(bson_validate(d->unset, BSON_VALIDATE_UTF8 | BSON_VALIDATE_DOT_KEYS, NULL));
    CHECK(bson_validate(d->on_insert, BSON_VALIDATE_UTF8 | BSON_VALIDATE_DOT_KEYS, NULL));
}

/* What a document of this platform may hold is either there or taken away; what it can never have had is neither. */
static void check_named(const struct document *d, const struct mapping *m)
{
    for (size_t i = 0; i < m->entity->count; i++) {
        const char *field = m->entity->fields[i].name;

        if (bson_has_field(d->set, field) + bson_has_field(d->unset, field) != field_may_hold(m, i))
            CHECK_TEXT(field, "(stands in set or in unset, if the mapping knows it)");
    }
}

static void check_wellformed(const struct set *set, const char *name)
{
    struct golden g;

    golden_open(&g, set, name);
    check_bson(g.document);
    check_named(g.document, set->recipe->mapping);
    golden_close(&g);
}

TEST(every_document_is_wellformed_and_complete)
{
    struct names names;

    for (size_t i = 0; i < SETS; i++) {
        names_read(&names, &sets[i]);
        for (size_t n = 0; n < names.count; n++)
            check_wellformed(&sets[i], names.name[n]);
        names_free(&names);
    }
}

/* What stands in the collection once the document is written in that way. Owned. */
static bson_t *stored_by(struct world *w, struct document *d, enum upsert_lane lane, const char *collection)
{
    struct upsert_flush fl = {.store = w->store, .config = &w->config, .f = &w->f, .err = &w->err};
    struct upsert_op op = {
        .doc = d, .now = d, .lane = lane, .guard = GUARD_ORDINARY, .bytes = d->set->len + d->on_insert->len};
    struct upsert_op *ops[] = {&op};
    size_t n = 1;
    struct upsert_sent sent;
    bson_t *stored;

    d->collection = collection;
    sent = upsert_send(&fl, ops, &n, true);
    CHECK(sent.known && sent.errors == 0);
    stored = mongo_mock_get(w->mock, collection, d->doc_id);
    CHECK(stored != NULL);
    return stored;
}

/* A dotted name is a path to $set, and a plain name to an insert. */
static void check_no_path(const bson_t *stored)
{
    bson_iter_t it;

    CHECK(bson_validate(stored, BSON_VALIDATE_UTF8 | BSON_VALIDATE_UTF8_ALLOW_NULL, NULL) &&
          bson_iter_init(&it, stored));
    while (bson_iter_next(&it))
        CHECK(strpbrk(bson_iter_key(&it), ".$") == NULL);
}

TEST(an_insert_makes_of_every_golden_what_the_guarded_upsert_makes)
{
    struct world w;
    struct names names;
    struct golden g;

    world_start(&w);
    for (size_t i = 0; i < SETS; i++) {
        names_read(&names, &sets[i]);
        for (size_t k = 0; k < names.count; k++) {
            char id[PATH_MAX_BYTES];
            bson_t *upserted, *inserted;

            golden_open(&g, &sets[i], names.name[k]);
            snprintf(id, sizeof id, "%s/%s", sets[i].folder, names.name[k]);
            g.document->doc_id = id;
            upserted = stored_by(&w, g.document, LANE_WRITE, "upserted");
            inserted = stored_by(&w, g.document, LANE_INSERT, "inserted");
            if (!bson_equal(upserted, inserted))
                printf("%s\n", id);
            CHECK(bson_equal(upserted, inserted));
            check_no_path(inserted);
            bson_destroy(upserted);
            bson_destroy(inserted);
            golden_close(&g);
        }
        names_free(&names);
    }
    CHECK_INT(mongo_mock_count(w.mock, "update"), mongo_mock_count(w.mock, "insert"));
    world_stop(&w);
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
            if (!documented.names[n].moved)
                CHECK_TEXT(mapped.names[n].document, documented.names[n].document);
        }
        CHECK_INT(mapped.count, documented.count);
    }
}

/* Marks the fields that this golden shows in the document. */
static void see_fields(const struct set *set, const char *name, const struct fields *f, bool *seen)
{
    struct golden g;
    bson_iter_t found;

    golden_open(&g, set, name);
    CHECK(g.document->valid);
    CHECK(!document_at(g.document->set, "extra", &found));
    for (size_t n = 0; n < f->count; n++) {
        yyjson_val *value = source_at(yyjson_doc_get_root(g.json), f->names[n].source);

        if (!says_something(value) || !document_at(g.document->set, f->names[n].document, &found))
            continue;
        printf("# %s: %s\n", set->folder, f->names[n].source);
        if (!set->sorts_events || !strstr(f->names[n].document, "events[]"))
            check_value(value, &found);
        seen[n] = true;
    }
    golden_close(&g);
}

static void see_full(const struct set *set, const struct fields *f, bool *seen)
{
    struct names names;

    names_read(&names, set);
    for (size_t i = 0; i < names.count; i++) {
        if (strncmp(names.name[i], "full", 4) == 0)
            see_fields(set, names.name[i], f, seen);
    }
    names_free(&names);
}

TEST(every_documented_field_of_a_full_source_stands_in_its_document)
{
    static struct fields documented;

    for (size_t i = 0; i < SETS; i++) {
        bool seen[FIELDS_MAX] = {false};

        fields_read(&documented, &sets[i]);
        see_full(&sets[i], &documented, seen);
        for (size_t n = 0; n < documented.count; n++) {
            if (!seen[n])
                CHECK_TEXT(documented.names[n].source, "(has a value, and stands in the document)");
        }
    }
}

TEST(every_recipe_has_goldens)
{
    for (size_t i = 0; recipe_at(i); i++) {
        bool found = false;

        for (size_t n = 0; n < SETS; n++)
            found = found || sets[n].recipe == recipe_at(i);
        printf("# %s of %s\n", recipe_at(i)->mapping->entity->name, recipe_at(i)->platform);
        CHECK(found);
    }
}

/* --- very large ------------------------------------------------------------------------------------ */

/* The full source with MANY times the first element of its list. */
static void golden_large(struct golden *large, const struct golden *g, const struct set *set)
{
    yyjson_mut_doc *to = yyjson_doc_mut_copy(g->json, NULL);
    yyjson_mut_val *array = yyjson_mut_obj_get(yyjson_mut_doc_get_root(to), set->list);
    yyjson_val *first = yyjson_arr_get_first(yyjson_obj_get(yyjson_doc_get_root(g->json), set->list));

    CHECK(array && first);
    while (yyjson_mut_arr_size(array) < MANY)
        CHECK(yyjson_mut_arr_append(array, yyjson_val_mut_copy(to, first)));
    large->text = yyjson_mut_write(to, YYJSON_WRITE_NOFLAG, NULL);
    large->json = yyjson_read(large->text, strlen(large->text), YYJSON_READ_NUMBER_AS_RAW);
    golden_build(large, set);
    yyjson_mut_doc_free(to);
}

static const bson_value_t *element(const struct document *d, const char *list, int index, bson_iter_t *at)
{
    char path[PATH_MAX_BYTES];

    snprintf(path, sizeof path, "%s.%d", list, index);
    return document_at(d->set, path, at) ? bson_iter_value(at) : NULL;
}

static void check_large(const struct document *d, const char *list)
{
    bson_iter_t first_at, last_at, behind_at;
    const bson_value_t *first = element(d, list, 0, &first_at), *last = element(d, list, MANY - 1, &last_at);

    CHECK(d->valid);
    check_bson(d);
    CHECK(first && last && first->value.v_doc.data_len > 100);
    CHECK_BYTES(last->value.v_doc.data, last->value.v_doc.data_len, first->value.v_doc.data,
                first->value.v_doc.data_len);
    CHECK(!element(d, list, MANY, &behind_at));
}

TEST(stores_thousands_of_lines)
{
    for (size_t i = 0; i < SETS; i++) {
        struct golden g, large;

        if (!sets[i].list)
            continue;
        printf("# %s\n", sets[i].folder);
        golden_open(&g, &sets[i], "full");
        golden_large(&large, &g, &sets[i]);
        check_large(large.document, sets[i].list_to);
        golden_close(&large);
        golden_close(&g);
    }
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(every_golden_source_becomes_the_document_beside_it),
                        CASE(every_document_is_wellformed_and_complete),
                        CASE(an_insert_makes_of_every_golden_what_the_guarded_upsert_makes),
                        CASE(the_mappings_cover_exactly_the_documented_fields),
                        CASE(every_documented_field_of_a_full_source_stands_in_its_document),
                        CASE(every_recipe_has_goldens), CASE(stores_thousands_of_lines));
}
