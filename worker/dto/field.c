/* field.c - worker, stage 5: the generic reader and writer behind every DTO.
 *
 * In:      a JSON object and a mapping; a filled DTO and its entity table.
 * Out:     the DTO with its problems; BSON in the order of the table, so equal states give equal bytes.
 * Fails:   only for want of memory or size. A field that cannot be converted is left out and noted.
 * Thread:  any. Pure but for the arena.
 * Why so:  the source's members are walked in their own order, once. Live answers are sorted by key and so are the
 *          mappings, so the row wanted is nearly always the next one; other orders cost a binary search. Looking every
 *          field up by name instead would scan the object from its start each time.
 *          What no mapping knows is chained up by pointer and converted when it is written, so an answer without
 *          unknown members pays nothing for the possibility. Its depth is judged while reading, where the path is
 *          known; the writer then may recurse. */
#include "worker/dto/field.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>
#include <xxhash.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/number.h"
#include "worker/dto/decimal.h"

static_assert(sizeof(struct field_text) == FIELD_SIZE, "all fields have one size");
static_assert(sizeof(struct field_money) == FIELD_SIZE, "all fields have one size");
static_assert(sizeof(struct field_time) == FIELD_SIZE, "all fields have one size");
static_assert(sizeof(struct field_flag) == FIELD_SIZE, "all fields have one size");
static_assert(sizeof(struct field_count) == FIELD_SIZE, "all fields have one size");
static_assert(sizeof(struct field_object) == FIELD_SIZE, "all fields have one size");
static_assert(sizeof(struct field_list) == FIELD_SIZE, "all fields have one size");
static_assert(sizeof(struct field_any) == FIELD_SIZE, "all fields have one size");
static_assert(sizeof(struct field_extra) == FIELD_SIZE, "all fields have one size");

/* --- problems -------------------------------------------------------------------------------------- */

const char *field_fault_name(enum field_fault fault)
{
    switch (fault) {
    case FIELD_WRONG_TYPE:
        return "wrong_type";
    case FIELD_NOT_A_NUMBER:
        return "not_a_number";
    case FIELD_OUT_OF_RANGE:
        return "out_of_range";
    case FIELD_BAD_TIME:
        return "bad_time";
    case FIELD_TOO_DEEP:
        return "too_deep";
    case FIELD_MISSING:
        return "missing";
    }
    return "unknown";
}

/* Length of s, at most `most`, that does not end inside a UTF-8 character. */
static size_t field_cut(const char *s, size_t n, size_t most)
{
    if (n <= most)
        return n;
    while (most > 0 && ((unsigned char)s[most] & 0xC0) == 0x80)
        most--;
    return most;
}

void field_problem_add(struct field_problems *problems, struct arena *arena, enum field_fault fault,
                       const char *path, size_t path_length, const char *text, size_t text_length)
{
    struct field_problem *p = &problems->items[problems->count];

    problems->total++;
    if (problems->count == FIELD_PROBLEMS_MAX)
        return;
    *p = (struct field_problem){.fault = fault, .path_length = field_cut(path, path_length, FIELD_PATH_MAX)};
    p->path = arena_copy(arena, path, p->path_length);
    if (text) {
        p->text_length = field_cut(text, text_length, FIELD_PROBLEM_TEXT_MAX);
        p->text = arena_copy(arena, text, p->text_length);
    }
    if (p->path) /* a full arena makes the reading fail anyway */
        problems->count++;
}

/* --- reading: where we are ------------------------------------------------------------------------- */

/* One step from the entity down; lives on the stack of the reader. */
struct field_path {
    const struct field_path *up; /* NULL at the entity itself */
    const char *key;             /* member that was entered */
    size_t key_length;           /* bytes */
    size_t index;                /* element entered; FIELD_NO_INDEX for an object */
    size_t level;                /* containers around, this one counted: 1 at the entity */
};

#define FIELD_NO_INDEX SIZE_MAX

struct field_reader {
    struct arena *arena;
    struct field_problems *problems;
    bool full; /* the arena gave out */
};

/* Text under construction, cut at the capacity. */
struct field_line {
    char data[2 * FIELD_PATH_MAX]; /* longer than a path may be, so that cutting at a character is possible */
    size_t length;
};

static void field_line_add(struct field_line *to, const char *s, size_t n)
{
    if (n > sizeof to->data - to->length)
        n = sizeof to->data - to->length;
    memcpy(to->data + to->length, s, n);
    to->length += n;
}

static void field_line_step(struct field_line *to, const char *key, size_t n, size_t index)
{
    char digits[24];

    if (to->length > 0)
        field_line_add(to, ".", 1);
    field_line_add(to, key, n);
    if (index == FIELD_NO_INDEX)
        return;
    field_line_add(to, "[", 1);
    field_line_add(to, digits, number_format_i64(digits, (int64_t)index));
    field_line_add(to, "]", 1);
}

/* The depth of this recursion is that of the mappings. */
static void field_line_path(struct field_line *to, const struct field_path *path)
{
    if (!path->up)
        return;
    field_line_path(to, path->up);
    field_line_step(to, path->key, path->key_length, path->index);
}

/* The offending value as text. A container shows as what it is, not with what is in it: that stands in raw. */
static struct json_text field_value_text(yyjson_val *value)
{
    struct json_text text;

    if (json_scalar_text(value, &text))
        return text;
    if (yyjson_is_bool(value))
        return yyjson_get_bool(value) ? (struct json_text){"true", 4} : (struct json_text){"false", 5};
    if (yyjson_is_arr(value))
        return (struct json_text){"[...]", 5};
    if (yyjson_is_obj(value))
        return (struct json_text){"{...}", 5};
    return (struct json_text){"null", 4};
}

/* value NULL: there is none. */
static void field_refuse(struct field_reader *r, const struct field_path *up, const char *key,
                         size_t key_length, size_t index, enum field_fault fault, yyjson_val *value)
{
    struct json_text text = {NULL, 0};
    struct field_line line;

    line.length = 0;
    field_line_path(&line, up);
    field_line_step(&line, key, key_length, index);
    if (value)
        text = field_value_text(value);
    field_problem_add(r->problems, r->arena, fault, line.data, line.length, text.data, text.length);
}

/* --- reading: values ------------------------------------------------------------------------------- */

/* What came of one value. */
struct field_result {
    enum field_state state;
    enum field_fault fault; /* FIELD_REFUSED only */
};

static const struct field_result field_held = {FIELD_HELD, FIELD_WRONG_TYPE};
static const struct field_result field_absent = {FIELD_ABSENT, FIELD_WRONG_TYPE};

static struct field_result field_refused(enum field_fault fault)
{
    return (struct field_result){FIELD_REFUSED, fault};
}

static bool field_is_integer(const char *s, size_t n)
{
    for (size_t i = s[0] == '-'; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
    }
    return n > 0 && s[n - 1] != '-';
}

static struct field_result field_read_text(yyjson_val *value, struct field_text *to)
{
    if (!yyjson_is_str(value))
        return field_refused(FIELD_WRONG_TYPE);
    to->data = unsafe_yyjson_get_str(value);
    to->length = unsafe_yyjson_get_len(value);
    return field_held;
}

/* A number with a fraction or an exponent has lost digits on its way: no id any more. */
static struct field_result field_read_id(yyjson_val *value, bool zero_is_none, struct field_text *to)
{
    struct json_text text;

    if (!json_scalar_text(value, &text) ||
        (yyjson_is_raw(value) && !field_is_integer(text.data, text.length)))
        return field_refused(FIELD_WRONG_TYPE);
    if (zero_is_none && text.length == 1 && text.data[0] == '0')
        return field_absent;
    to->data = text.data;
    to->length = text.length;
    return field_held;
}

static struct field_result field_read_money(yyjson_val *value, struct field_money *to)
{
    struct json_text text;

    if (!json_scalar_text(value, &text))
        return field_refused(FIELD_WRONG_TYPE);
    switch (decimal_parse(text.data, text.length, &to->value)) {
    case DECIMAL_GOT:
        return field_held;
    case DECIMAL_NOT_A_NUMBER:
        return field_refused(FIELD_NOT_A_NUMBER);
    case DECIMAL_OUT_OF_RANGE:
        break;
    }
    return field_refused(FIELD_OUT_OF_RANGE);
}

/* Shared by counts and times. A JSON number that is no integer has the wrong type; a text that is none is no number. */
static struct field_result field_read_i64(yyjson_val *value, int64_t *to)
{
    struct json_text text;

    if (!json_scalar_text(value, &text))
        return field_refused(FIELD_WRONG_TYPE);
    if (number_i64(text.data, text.length, to))
        return field_held;
    if (field_is_integer(text.data, text.length))
        return field_refused(FIELD_OUT_OF_RANGE);
    return field_refused(yyjson_is_raw(value) ? FIELD_WRONG_TYPE : FIELD_NOT_A_NUMBER);
}

/* unit: milliseconds in one of the source's. */
static struct field_result field_read_time(yyjson_val *value, int64_t unit, struct field_time *to)
{
    int64_t units, ms;
    struct field_result result = field_read_i64(value, &units);

    if (result.state == FIELD_REFUSED && result.fault == FIELD_OUT_OF_RANGE)
        return field_refused(FIELD_BAD_TIME);
    if (result.state != FIELD_HELD)
        return result;
    if (units == 0)
        return field_absent;
    if (__builtin_mul_overflow(units, unit, &ms) || !clock_plausible_ms(ms))
        return field_refused(FIELD_BAD_TIME);
    to->ms = ms;
    return field_held;
}

static struct field_result field_read_flag(yyjson_val *value, struct field_flag *to)
{
    if (!yyjson_is_bool(value))
        return field_refused(FIELD_WRONG_TYPE);
    to->value = yyjson_get_bool(value);
    return field_held;
}

static bool field_is_word(yyjson_val *value, const char *lower, const char *upper)
{
    return yyjson_equals_str(value, lower) || yyjson_equals_str(value, upper);
}

static struct field_result field_read_flag_word(yyjson_val *value, struct field_flag *to)
{
    if (!field_is_word(value, "true", "TRUE") && !field_is_word(value, "false", "FALSE"))
        return field_read_flag(value, to);
    to->value = field_is_word(value, "true", "TRUE");
    return field_held;
}

/* --- reading: containers --------------------------------------------------------------------------- */

static size_t field_read_members(struct field_reader *r, const struct mapping *mapping, yyjson_val *object,
                                 char *to, const struct field_path *path);

static size_t entity_size(const struct entity *entity)
{
    return entity->count * FIELD_SIZE;
}

static void *field_take(struct field_reader *r, size_t n, size_t size)
{
    void *p = arena_take_array(r->arena, n, size);

    if (!p)
        r->full = true;
    return p;
}

/* A part of which nothing is left is absent. */
static struct field_result field_read_object(struct field_reader *r, const struct mapping_row *row,
                                             yyjson_val *value, struct field_object *to,
                                             const struct field_path *up)
{
    struct field_path path = {up, row->key, row->key_length, FIELD_NO_INDEX, up->level + 1};

    if (!yyjson_is_obj(value))
        return field_refused(FIELD_WRONG_TYPE);
    to->part = field_take(r, 1, entity_size(row->nested->entity));
    if (!to->part || field_read_members(r, row->nested, value, to->part, &path) == 0)
        return field_absent;
    return field_held;
}

static struct field_result field_read_list(struct field_reader *r, const struct mapping_row *row,
                                           yyjson_val *value, struct field_list *to,
                                           const struct field_path *up)
{
    struct field_path path = {up, row->key, row->key_length, 0, up->level + 2};
    size_t size = entity_size(row->nested->entity), index = 0;
    yyjson_arr_iter elements;
    yyjson_val *element;

    if (!yyjson_arr_iter_init(value, &elements))
        return field_refused(FIELD_WRONG_TYPE);
    to->items = field_take(r, unsafe_yyjson_get_len(value), size);
    if (!to->items)
        return field_absent;
    for (; !r->full && (element = yyjson_arr_iter_next(&elements)); index++) {
        path.index = index;
        if (yyjson_is_obj(element))
            field_read_members(r, row->nested, element, (char *)to->items + to->count++ * size, &path);
        else if (!yyjson_is_null(element))
            field_refuse(r, up, row->key, row->key_length, index, FIELD_WRONG_TYPE, element);
    }
    return to->count > 0 ? field_held : field_absent;
}

/* null, "" and [] stand for "nothing" whatever the field. */
static bool field_is_nothing(yyjson_val *value)
{
    return yyjson_is_null(value) ||
           ((yyjson_is_str(value) || yyjson_is_arr(value)) && unsafe_yyjson_get_len(value) == 0);
}

/* One element of a list of texts or counts. */
static struct field_result field_read_scalar(yyjson_val *value, enum field_type type, void *to)
{
    struct field_result result = field_absent;

    if (field_is_nothing(value))
        return field_absent;
    if (type == FIELD_TEXTS)
        result = field_read_id(value, false, to);
    else
        result = field_read_i64(value, &((struct field_count *)to)->value);
    *(enum field_state *)to = result.state;
    return result;
}

static void field_read_elements(struct field_reader *r, const struct mapping_row *row, enum field_type type,
                                yyjson_val *array, struct field_list *to, const struct field_path *up)
{
    char *items = to->items;
    yyjson_arr_iter elements;
    yyjson_val *element;

    yyjson_arr_iter_init(array, &elements);
    for (size_t index = 0; (element = yyjson_arr_iter_next(&elements)); index++) {
        struct field_result result = field_read_scalar(element, type, items + to->count * FIELD_SIZE);

        if (result.state == FIELD_HELD)
            to->count++;
        else if (result.state == FIELD_REFUSED)
            field_refuse(r, up, row->key, row->key_length, index, result.fault, element);
    }
}

/* A value alone counts as a list of one: a platform's pages and its answers differ in that. */
static struct field_result field_read_scalars(struct field_reader *r, const struct mapping_row *row,
                                              enum field_type type, yyjson_val *value, struct field_list *to,
                                              const struct field_path *up)
{
    struct field_result result;

    to->items = field_take(r, yyjson_is_arr(value) ? unsafe_yyjson_get_len(value) : 1, FIELD_SIZE);
    if (!to->items)
        return field_absent;
    if (yyjson_is_arr(value)) {
        field_read_elements(r, row, type, value, to, up);
        return to->count > 0 ? field_held : field_absent;
    }
    result = field_read_scalar(value, type, to->items);
    to->count = result.state == FIELD_HELD;
    return result;
}

/* How many levels a value may have that lies in the container at path. */
static size_t field_room(const struct field_path *path)
{
    return path->level < JSON_MAX_DEPTH ? JSON_MAX_DEPTH - path->level : 0;
}

static bool field_is_too_deep(yyjson_val *value, const struct field_path *path)
{
    size_t room = field_room(path);

    return yyjson_is_ctn(value) && json_depth(value, room) > room;
}

static struct field_result field_read_any(yyjson_val *value, struct field_any *to,
                                          const struct field_path *up)
{
    if (field_is_too_deep(value, up))
        return field_refused(FIELD_TOO_DEEP);
    to->value = value;
    return field_held;
}

static struct field_result field_read_value(struct field_reader *r, const struct mapping_row *row,
                                            enum field_type type, yyjson_val *value, char *at,
                                            const struct field_path *path)
{
    if (field_is_nothing(value))
        return field_absent;
    switch (type) {
    case FIELD_TEXT:
        return field_read_text(value, (struct field_text *)(void *)at);
    case FIELD_ID:
    case FIELD_ID_OR_ZERO:
        return field_read_id(value, type == FIELD_ID_OR_ZERO, (struct field_text *)(void *)at);
    case FIELD_MONEY:
        return field_read_money(value, (struct field_money *)(void *)at);
    case FIELD_TIME:
        return field_read_time(value, row->way == MAPPING_MILLIS ? 1 : 1000, (struct field_time *)(void *)at);
    case FIELD_FLAG:
        return field_read_flag(value, (struct field_flag *)(void *)at);
    case FIELD_FLAG_WORD:
        return field_read_flag_word(value, (struct field_flag *)(void *)at);
    case FIELD_COUNT:
        return field_read_i64(value, &((struct field_count *)(void *)at)->value);
    case FIELD_OBJECT:
        return field_read_object(r, row, value, (struct field_object *)(void *)at, path);
    case FIELD_LIST:
        return field_read_list(r, row, value, (struct field_list *)(void *)at, path);
    case FIELD_TEXTS:
    case FIELD_COUNTS:
        return field_read_scalars(r, row, type, value, (struct field_list *)(void *)at, path);
    case FIELD_ANY:
        return field_read_any(value, (struct field_any *)(void *)at, path);
    case FIELD_EXTRA:
    case FIELD_AMOUNTS:
        break;
    }
    return field_refused(FIELD_WRONG_TYPE);
}

/* State stands first in every field struct. */
static enum field_state field_state_at(const void *at)
{
    return *(const enum field_state *)at;
}

/* --- reading: members ------------------------------------------------------------------------------ */

static int mapping_compare(const struct mapping_row *row, const char *key, size_t n)
{
    int order = memcmp(row->key, key, row->key_length < n ? row->key_length : n);

    if (order != 0)
        return order;
    return row->key_length < n ? -1 : row->key_length > n;
}

static const struct mapping_row *mapping_search(const struct mapping *m, const char *key, size_t n)
{
    size_t low = 0, high = m->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = mapping_compare(&m->rows[middle], key, n);

        if (order == 0)
            return &m->rows[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* *next: the row behind the last one found, where a sorted source goes on. */
static const struct mapping_row *mapping_find(const struct mapping *m, size_t *next, const char *key,
                                              size_t n)
{
    enum { STEPS = 6 }; /* fields a source may leave out in a row before a search is cheaper */
    const struct mapping_row *row;

    for (size_t i = *next; i < m->count && i < *next + STEPS; i++) {
        row = &m->rows[i];
        if (row->key[0] == key[0] && row->key_length == n && memcmp(row->key, key, n) == 0) {
            *next = i + 1;
            return row;
        }
    }
    row = mapping_search(m, key, n);
    if (row)
        *next = (size_t)(row - m->rows) + 1;
    return row;
}

/* False: too deep, so it was left out; or the arena is full. */
static bool field_keep_unknown(struct field_reader *r, yyjson_val *key, yyjson_val *value,
                               struct field_extra *extra, const struct field_path *path)
{
    struct field_unknown *unknown;

    if (field_is_too_deep(value, path)) {
        field_refuse(r, path, unsafe_yyjson_get_str(key), unsafe_yyjson_get_len(key), FIELD_NO_INDEX,
                     FIELD_TOO_DEEP, value);
        return false;
    }
    unknown = field_take(r, 1, sizeof *unknown);
    if (!unknown)
        return false;
    unknown->key = key;
    unknown->value = value;
    if (extra->last)
        extra->last->next = unknown;
    else
        extra->first = unknown;
    extra->last = unknown;
    extra->count++;
    extra->state = FIELD_HELD;
    return true;
}

/* True: the field is now held. Of a key sent twice the first that says something counts. */
static bool field_read_member(struct field_reader *r, const struct field *field,
                              const struct mapping_row *row, yyjson_val *value, char *at,
                              const struct field_path *path)
{
    struct field_result result;

    if (field_state_at(at) != FIELD_ABSENT)
        return false;
    result = field_read_value(r, row, field->type, value, at, path);
    *(enum field_state *)(void *)at = result.state;
    if (result.state == FIELD_REFUSED)
        field_refuse(r, path, row->key, row->key_length, FIELD_NO_INDEX, result.fault, value);
    return result.state == FIELD_HELD;
}

/* Into a part of which the source knows nothing. */
static bool field_read_into(struct field_reader *r, const struct field *outer, const struct mapping_row *row,
                            yyjson_val *value, struct field_object *object, const struct field_path *path)
{
    const struct field *field = &outer->nested->fields[row->inner / FIELD_SIZE];

    if (!object->part)
        object->part = field_take(r, 1, entity_size(outer->nested));
    if (!object->part || !field_read_member(r, field, row, value, (char *)object->part + row->inner, path))
        return false;
    object->state = FIELD_HELD;
    return true;
}

/* Out of an object of which the document knows nothing. */
static bool field_read_flat(struct field_reader *r, const struct mapping_row *row, yyjson_val *value,
                            char *to, const struct field_path *up)
{
    struct field_path path = {up, row->key, row->key_length, FIELD_NO_INDEX, up->level + 1};

    if (yyjson_is_obj(value))
        return field_read_members(r, row->nested, value, to, &path) > 0;
    if (!field_is_nothing(value))
        field_refuse(r, up, row->key, row->key_length, FIELD_NO_INDEX, FIELD_WRONG_TYPE, value);
    return false;
}

static bool field_read_row(struct field_reader *r, const struct mapping *mapping,
                           const struct mapping_row *row, yyjson_val *value, char *to,
                           const struct field_path *path)
{
    const struct field *field = &mapping->entity->fields[row->at / FIELD_SIZE];

    switch (row->way) {
    case MAPPING_MEMBER:
    case MAPPING_MILLIS:
        break;
    case MAPPING_INTO:
        return field_read_into(r, field, row, value, (struct field_object *)(void *)(to + row->at), path);
    case MAPPING_FLAT:
        return field_read_flat(r, row, value, to, path);
    }
    return field_read_member(r, field, row, value, to + row->at, path);
}

/* Returns how many fields are held. */
static size_t field_read_members(struct field_reader *r, const struct mapping *mapping, yyjson_val *object,
                                 char *to, const struct field_path *path)
{
    struct field_extra *extra =
        (struct field_extra *)(void *)(to + (mapping->entity->count - 1) * FIELD_SIZE);
    size_t held = 0, next = 0;
    yyjson_obj_iter members;
    yyjson_val *key;

    yyjson_obj_iter_init(object, &members);
    while (!r->full && (key = yyjson_obj_iter_next(&members))) {
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        const struct mapping_row *row =
            mapping_find(mapping, &next, unsafe_yyjson_get_str(key), unsafe_yyjson_get_len(key));

        if (row)
            held += field_read_row(r, mapping, row, value, to, path);
        else
            held += field_keep_unknown(r, key, value, extra, path);
    }
    return held;
}

static void field_read_required(struct field_reader *r, const struct mapping *mapping, const char *to,
                                const struct field_path *root)
{
    for (size_t i = 0; i < mapping->count; i++) {
        const struct mapping_row *row = &mapping->rows[i];

        if (row->way != MAPPING_INTO && row->way != MAPPING_FLAT &&
            (mapping->entity->fields[row->at / FIELD_SIZE].flags & FIELD_REQUIRED) &&
            field_state_at(to + row->at) == FIELD_ABSENT)
            field_refuse(r, root, row->key, row->key_length, FIELD_NO_INDEX, FIELD_MISSING, NULL);
    }
}

bool field_read(const struct mapping *mapping, yyjson_val *object, void *to, struct arena *arena,
                struct field_problems *problems)
{
    const struct field_path root = {NULL, NULL, 0, FIELD_NO_INDEX, 1};
    struct field_reader r = {arena, problems, false};

    if (yyjson_is_obj(object))
        field_read_members(&r, mapping, object, to, &root);
    field_read_required(&r, mapping, to, &root);
    return !r.full;
}

/* --- writing: members no mapping knows ------------------------------------------------------------- */

struct field_writer {
    struct encode *to;
    struct arena *arena;
    int offset_minutes; /* of times */
    bool amounts;       /* of members no mapping knows: they are an open list of amounts */
};

static void field_write_unknown(struct field_writer *w, const char *key, size_t key_length,
                                yyjson_val *value);

static bool field_key_is_plain(const char *key, size_t n)
{
    return (n == 0 || key[0] != '$') && !memchr(key, '.', n) && !memchr(key, '\0', n);
}

/* The key as MongoDB can hold it; borrowed from the document or the arena. NULL: the arena is full. */
static const char *field_key_rewrite(struct field_writer *w, const char *key, size_t n)
{
    char *copy;

    if (field_key_is_plain(key, n))
        return key;
    copy = arena_copy(w->arena, key, n);
    if (!copy)
        return NULL;
    if (copy[0] == '$')
        copy[0] = '_';
    for (size_t i = 0; i < n; i++) {
        if (copy[i] == '.' || copy[i] == '\0')
            copy[i] = '_';
    }
    return copy;
}

/* A member under the name it will have. */
struct field_named {
    const char *name;  /* borrowed from the document or the arena */
    size_t length;     /* bytes */
    yyjson_val *value; /* borrowed */
};

/* The members of one object, each name once: what a key that stands there twice means, every reader of BSON answers for
 * itself. A key may have been sent twice, two may be one after rewriting, and a dissolved object may bring one that its
 * parent has too. Of the values of one name the first that says something stays. */
struct field_members {
    struct field_named *items; /* in the order of the source; in the arena */
    size_t count;
    uint32_t *slots; /* hash table by name: place in items, counted from 1; 0 is free; in the arena */
    size_t mask;     /* slots less one; a power of two less one, at least twice the items */
};

/* Room for n members. */
static void field_members_init(struct field_writer *w, struct field_members *m, size_t n)
{
    size_t size = 4;

    while (size < 2 * n)
        size *= 2;
    *m = (struct field_members){.items = arena_take_array(w->arena, n, sizeof *m->items),
                                .slots = arena_take_array(w->arena, size, sizeof *m->slots),
                                .mask = size - 1};
    if (!m->items || !m->slots)
        w->to->failed = true;
}

/* The member of this name, or a new one without a value. */
static struct field_named *field_members_find(struct field_members *m, const char *name, size_t n)
{
    size_t slot = XXH3_64bits(name, n) & m->mask;

    for (; m->slots[slot] > 0; slot = (slot + 1) & m->mask) {
        struct field_named *item = &m->items[m->slots[slot] - 1];

        if (item->length == n && memcmp(item->name, name, n) == 0)
            return item;
    }
    m->items[m->count] = (struct field_named){name, n, NULL};
    m->slots[slot] = (uint32_t)++m->count;
    return &m->items[m->count - 1];
}

static void field_members_add(struct field_writer *w, struct field_members *m, yyjson_val *key,
                              yyjson_val *value)
{
    size_t n = unsafe_yyjson_get_len(key);
    const char *name = field_key_rewrite(w, unsafe_yyjson_get_str(key), n);
    struct field_named *item;

    if (!name) {
        w->to->failed = true;
        return;
    }
    encode_key(w->to, name, n);
    item = field_members_find(m, name, n);
    if (!item->value || (field_is_nothing(item->value) && !field_is_nothing(value)))
        item->value = value;
}

static void field_write_names(struct field_writer *w, const struct field_members *m)
{
    for (size_t i = 0; i < m->count && !w->to->failed; i++)
        field_write_unknown(w, m->items[i].name, m->items[i].length, m->items[i].value);
}

static void field_write_unknown_object(struct field_writer *w, const char *key, size_t key_length,
                                       yyjson_val *object)
{
    size_t opened = encode_open_object(w->to, key, key_length);
    struct field_members names;
    yyjson_obj_iter members;
    yyjson_val *name;

    field_members_init(w, &names, yyjson_obj_size(object));
    yyjson_obj_iter_init(object, &members);
    while (!w->to->failed && (name = yyjson_obj_iter_next(&members)))
        field_members_add(w, &names, name, yyjson_obj_iter_get_val(name));
    field_write_names(w, &names);
    encode_close(w->to, opened);
}

static void field_write_unknown_array(struct field_writer *w, const char *key, size_t key_length,
                                      yyjson_val *array)
{
    size_t opened = encode_open_array(w->to, key, key_length), index = 0;
    yyjson_arr_iter elements;
    yyjson_val *element;
    char name[ENCODE_INDEX_MAX];

    yyjson_arr_iter_init(array, &elements);
    while (!w->to->failed && (element = yyjson_arr_iter_next(&elements)))
        field_write_unknown(w, name, encode_index(name, index++), element);
    encode_close(w->to, opened);
}

/* As Decimal128 where it is a number that fits, else as it is. */
static void field_write_amount(struct encode *to, const char *key, size_t key_length, const char *s, size_t n)
{
    bson_decimal128_t decimal;

    if (decimal_parse(s, n, &decimal) == DECIMAL_GOT)
        encode_decimal(to, key, key_length, &decimal);
    else
        encode_text(to, key, key_length, s, n);
}

/* Integers of 64 bits as int64, other numbers exact, and what no number type can hold as its text. */
static void field_write_unknown_number(struct field_writer *w, const char *key, size_t key_length,
                                       const char *s, size_t n)
{
    int64_t integer;

    if (!w->amounts && number_i64(s, n, &integer))
        encode_i64(w->to, key, key_length, integer);
    else
        field_write_amount(w->to, key, key_length, s, n);
}

static bool field_ends_in(const char *s, size_t n, const char *end)
{
    size_t length = strlen(end);

    return n >= length && memcmp(s + n - length, end, length) == 0;
}

/* In an open list of amounts every number is money, and so is a text under a name like these. */
static bool field_is_amount(const char *key, size_t n)
{
    return field_ends_in(key, n, "_amount") || field_ends_in(key, n, "_fee");
}

static void field_write_unknown_text(struct field_writer *w, const char *key, size_t key_length,
                                     const char *s, size_t n)
{
    if (w->amounts && field_is_amount(key, key_length))
        field_write_amount(w->to, key, key_length, s, n);
    else
        encode_text(w->to, key, key_length, s, n);
}

/* Recursion: the reader let nothing in that is nested deeper than JSON_MAX_DEPTH. */
static void field_write_unknown(struct field_writer *w, const char *key, size_t key_length, yyjson_val *value)
{
    if (yyjson_is_str(value))
        field_write_unknown_text(w, key, key_length, yyjson_get_str(value), yyjson_get_len(value));
    else if (yyjson_is_raw(value))
        field_write_unknown_number(w, key, key_length, yyjson_get_raw(value), yyjson_get_len(value));
    else if (yyjson_is_bool(value))
        encode_bool(w->to, key, key_length, yyjson_get_bool(value));
    else if (yyjson_is_obj(value))
        field_write_unknown_object(w, key, key_length, value);
    else if (yyjson_is_arr(value))
        field_write_unknown_array(w, key, key_length, value);
    else
        encode_null(w->to, key, key_length);
}

static void field_write_extra(struct field_writer *w, const struct field *f, const struct field_extra *extra)
{
    size_t opened = encode_open_object(w->to, f->name, f->name_length);
    struct field_members names;

    w->amounts = f->type == FIELD_AMOUNTS;
    field_members_init(w, &names, extra->count);
    for (const struct field_unknown *u = extra->first; u && !w->to->failed; u = u->next)
        field_members_add(w, &names, u->key, u->value);
    field_write_names(w, &names);
    encode_close(w->to, opened);
}

/* --- writing: known fields ------------------------------------------------------------------------- */

static void field_write_members(struct field_writer *w, const struct entity *entity, const char *from,
                                unsigned flags);

static void field_write_text(struct field_writer *w, const struct field *f, const struct field_text *text)
{
    encode_text(w->to, f->name, f->name_length, text->data, text->length);
}

static void field_write_time(struct field_writer *w, const struct field *f, const struct field_time *time)
{
    char text[CLOCK_TEXT_MAX];
    size_t n = clock_format_offset(text, time->ms, w->offset_minutes);

    encode_text(w->to, f->name, f->name_length, text, n);
}

static void field_write_object(struct field_writer *w, const struct field *f,
                               const struct field_object *object)
{
    size_t opened = encode_open_object(w->to, f->name, f->name_length);

    field_write_members(w, f->nested, object->part, 0);
    encode_close(w->to, opened);
}

static void field_write_list(struct field_writer *w, const struct field *f, const struct field_list *list)
{
    size_t array = encode_open_array(w->to, f->name, f->name_length), size = entity_size(f->nested), element;
    const char *items = list->items;
    char name[ENCODE_INDEX_MAX];

    for (size_t i = 0; i < list->count && !w->to->failed; i++) {
        element = encode_open_object(w->to, name, encode_index(name, i));
        field_write_members(w, f->nested, items + i * size, 0);
        encode_close(w->to, element);
    }
    encode_close(w->to, array);
}

static void field_write_texts(struct field_writer *w, const struct field *f, const struct field_list *list)
{
    size_t array = encode_open_array(w->to, f->name, f->name_length);
    const struct field_text *texts = list->items;
    char name[ENCODE_INDEX_MAX];

    for (size_t i = 0; i < list->count && !w->to->failed; i++)
        encode_text(w->to, name, encode_index(name, i), texts[i].data, texts[i].length);
    encode_close(w->to, array);
}

static void field_write_counts(struct field_writer *w, const struct field *f, const struct field_list *list)
{
    size_t array = encode_open_array(w->to, f->name, f->name_length);
    const struct field_count *counts = list->items;
    char name[ENCODE_INDEX_MAX];

    for (size_t i = 0; i < list->count && !w->to->failed; i++)
        encode_i64(w->to, name, encode_index(name, i), counts[i].value);
    encode_close(w->to, array);
}

static void field_write_field(struct field_writer *w, const struct field *f, const void *at)
{
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_ID:
    case FIELD_ID_OR_ZERO:
        field_write_text(w, f, at);
        break;
    case FIELD_MONEY:
        encode_decimal(w->to, f->name, f->name_length, &((const struct field_money *)at)->value);
        break;
    case FIELD_TIME:
        field_write_time(w, f, at);
        break;
    case FIELD_FLAG:
    case FIELD_FLAG_WORD:
        encode_bool(w->to, f->name, f->name_length, ((const struct field_flag *)at)->value);
        break;
    case FIELD_COUNT:
        encode_i64(w->to, f->name, f->name_length, ((const struct field_count *)at)->value);
        break;
    case FIELD_OBJECT:
        field_write_object(w, f, at);
        break;
    case FIELD_LIST:
        field_write_list(w, f, at);
        break;
    case FIELD_TEXTS:
        field_write_texts(w, f, at);
        break;
    case FIELD_COUNTS:
        field_write_counts(w, f, at);
        break;
    case FIELD_ANY:
        w->amounts = false;
        field_write_unknown(w, f->name, f->name_length, ((const struct field_any *)at)->value);
        break;
    case FIELD_EXTRA:
    case FIELD_AMOUNTS:
        field_write_extra(w, f, at);
        break;
    }
}

static bool field_is_written(const struct field *f, const char *from, unsigned flags)
{
    return field_state_at(from + f->at) == FIELD_HELD && (f->flags & flags) == flags;
}

static void field_write_members(struct field_writer *w, const struct entity *entity, const char *from,
                                unsigned flags)
{
    for (size_t i = 0; i < entity->count; i++) {
        const struct field *f = &entity->fields[i];

        if (field_is_written(f, from, flags))
            field_write_field(w, f, from + f->at);
    }
}

void field_write(const struct entity *entity, const void *from, unsigned flags, int offset_minutes,
                 struct arena *arena, struct encode *to)
{
    struct field_writer w = {to, arena, offset_minutes, false};

    field_write_members(&w, entity, from, flags);
}

/* --- writing: what is not there -------------------------------------------------------------------- */

/* Fields of one entity, by place. */
struct field_set {
    uint64_t bits[FIELD_MOST / 64];
};

static void field_set_add_rows(struct field_set *set, const struct mapping *m)
{
    for (size_t i = 0; i < m->count; i++) {
        size_t place = m->rows[i].at / FIELD_SIZE;

        if (m->rows[i].way == MAPPING_FLAT)
            field_set_add_rows(set, m->rows[i].nested);
        else
            set->bits[place / 64] |= UINT64_C(1) << place % 64;
    }
}

static bool field_set_has(const struct field_set *set, const struct entity *entity, size_t place)
{
    return place == entity->count - 1 || (entity->fields[place].flags & FIELD_MADE) ||
           (set->bits[place / 64] >> place % 64 & 1);
}

bool field_may_hold(const struct mapping *mapping, size_t place)
{
    struct field_set mapped = {{0}};

    field_set_add_rows(&mapped, mapping);
    return field_set_has(&mapped, mapping->entity, place);
}

/* Half of an entity's fields are of another platform, and no document of this one ever had them. */
void field_write_absent(const struct mapping *mapping, const void *from, unsigned flags, struct encode *to)
{
    const struct entity *entity = mapping->entity;
    struct field_set mapped = {{0}};

    field_set_add_rows(&mapped, mapping);
    for (size_t i = 0; i < entity->count; i++) {
        const struct field *f = &entity->fields[i];

        if (!field_is_written(f, from, flags) && field_set_has(&mapped, entity, i))
            encode_text(to, f->name, f->name_length, "", 0);
    }
}

/* --- writing: problems ----------------------------------------------------------------------------- */

static void field_write_problem(const struct field_problem *p, struct encode *to)
{
    const char *fault = field_fault_name(p->fault);

    encode_text(to, "path", 4, p->path, p->path_length);
    encode_text(to, "problem", 7, fault, strlen(fault));
    if (p->text)
        encode_text(to, "text", 4, p->text, p->text_length);
}

void field_write_problems(const struct field_problems *problems, struct encode *to)
{
    size_t array = encode_open_array(to, "validation_errors", 17), element;
    char name[ENCODE_INDEX_MAX];

    for (size_t i = 0; i < problems->count; i++) {
        element = encode_open_object(to, name, encode_index(name, i));
        field_write_problem(&problems->items[i], to);
        encode_close(to, element);
    }
    encode_close(to, array);
}
