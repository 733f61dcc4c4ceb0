/* field.h - worker, stage 5: typed fields, read from JSON and written as BSON by tables.
 *
 * A DTO is a struct made of nothing but the field structs below, in the order in which its document is written. Three
 * tables know about it:
 *
 *   entity   one per DTO: document name and type of each field, in the order of the struct     (order.c)
 *   mapping  one per platform and DTO: source key -> field of the struct, sorted by key        (order_tiktok.c)
 *   neither of them repeats what the other says, so a platform more is a mapping more.
 *
 * Every field struct has the same size, so the offset of a member is also its place in the entity's table: a mapping
 * names a member with offsetof and the compiler checks that it exists. */
#ifndef SHOPSTREAM_WORKER_DTO_FIELD_H
#define SHOPSTREAM_WORKER_DTO_FIELD_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#include "common/arena.h"
#include "worker/dto/encode.h"

enum field_type {
    FIELD_TEXT,       /* struct field_text: free text or a word, from a JSON string */
    FIELD_ID,         /* struct field_text: from a string or an integer of any length */
    FIELD_ID_OR_ZERO, /* the same; "0" means none */
    FIELD_MONEY,      /* struct field_money: amounts and rates, from a string or a number */
    FIELD_TIME,       /* struct field_time: from seconds, as a number or its text; 0 means none */
    FIELD_FLAG,       /* struct field_flag: true or false */
    FIELD_FLAG_WORD,  /* the same; these words as texts too, in capitals or not */
    FIELD_COUNT,      /* struct field_count: from an integer or its text */
    FIELD_OBJECT,     /* struct field_object: a nested DTO */
    FIELD_LIST,       /* struct field_list: an array of nested DTOs */
    FIELD_TEXTS,   /* struct field_list: an array of struct field_text, each read as an id is; or just one */
    FIELD_COUNTS,  /* struct field_list: an array of struct field_count; or just one */
    FIELD_ANY,     /* struct field_any: kept as it came */
    FIELD_EXTRA,   /* struct field_extra: members no mapping knows; the last member of every DTO */
    FIELD_AMOUNTS, /* the same in an open list of amounts: field_is_amount says which become money */
};

/* What is known about a field. Zero is "absent", so a zeroed DTO is an empty one. */
enum field_state {
    FIELD_ABSENT,  /* not sent, sent as null or empty, or "none" */
    FIELD_HELD,    /* has a value */
    FIELD_REFUSED, /* sent, but not convertible: it stands among the problems */
};

/* spare keeps all of them at FIELD_SIZE bytes. */
struct field_text {
    enum field_state state; /* FIELD_HELD: the members below count */
    size_t length;          /* bytes, never 0 when held; NUL bytes are legal inside */
    const char *data;       /* borrowed from the JSON document, or a literal */
};

struct field_money {
    enum field_state state;
    bson_decimal128_t value; /* exact, scale as sent */
};

struct field_time {
    enum field_state state;
    int64_t ms; /* UTC epoch, milliseconds, plausible (clock.h) */
    int64_t spare;
};

struct field_flag {
    enum field_state state;
    bool value;
    int64_t spare[2];
};

struct field_count {
    enum field_state state;
    int64_t value;
    int64_t spare;
};

struct field_object {
    enum field_state state;
    void *part; /* the nested DTO, in the arena */
    int64_t spare;
};

struct field_list {
    enum field_state state;
    size_t count; /* elements, never 0 when held */
    void *items;  /* array of the nested DTO, of field_text or of field_count, in the arena */
};

struct field_any {
    enum field_state state;
    yyjson_val *value; /* borrowed; nested no deeper than JSON_MAX_DEPTH below the entity */
    int64_t spare;
};

/* One member no mapping knows. */
struct field_unknown {
    struct field_unknown *next; /* in the order of the source */
    yyjson_val *key;            /* borrowed from the document */
    yyjson_val *value;          /* borrowed; nested no deeper than JSON_MAX_DEPTH below the entity */
};

struct field_extra {
    enum field_state state;
    uint32_t count; /* of the chain */
    struct field_unknown *first;
    struct field_unknown *last;
};

enum { FIELD_SIZE = 24, FIELD_MOST = 256 /* fields of one entity */ };

enum {
    FIELD_REQUIRED = 1, /* its absence is a problem */
    FIELD_KEY = 2,      /* still written when nothing but the raw text can be stored */
    FIELD_MADE = 4,     /* some platform's finishing fills it, so it may be held whatever the mapping */
};

struct entity;

struct field {
    const char *name;            /* in the document */
    size_t name_length;          /* bytes */
    size_t at;                   /* offset in the DTO: FIELD_SIZE times the place in the table */
    enum field_type type;        /* says which struct lies there */
    unsigned flags;              /* FIELD_REQUIRED, FIELD_KEY, FIELD_MADE */
    const struct entity *nested; /* OBJECT and LIST: of what; NULL otherwise */
};

struct entity {
    const char *name;           /* for people: "order" */
    const struct field *fields; /* count of them, in document order; the last is extra */
    size_t count;
};

struct mapping;

/* Where a row's value goes. Platforms cut their objects differently; the document has one cut. */
enum mapping_way {
    MAPPING_MEMBER, /* to a member of this DTO */
    MAPPING_MILLIS, /* the same; TIME: the source counts milliseconds */
    MAPPING_INTO,   /* one level down: to a member of a part of this DTO, which comes into being with it */
    MAPPING_FLAT, /* one level up: an object of the source (nested is of the same entity) whose members are this DTO's */
};

struct mapping_row {
    const char *key;              /* in the source */
    size_t key_length;            /* bytes */
    size_t at;                    /* offset of the member it fills; FLAT: 0 */
    const struct mapping *nested; /* OBJECT, LIST, FLAT: how to read the part; NULL otherwise */
    enum mapping_way way;
    size_t inner; /* INTO: offset in the part at `at`, which no other row of the mapping reads whole */
};

struct mapping {
    const struct entity *entity;
    const struct mapping_row *rows; /* count of them, sorted by the bytes of the key, a shorter one first */
    size_t count;
};

/* Rows of the two tables. */
#define FIELD(dto, member, type, flags, nested)                                                              \
    {                                                                                                        \
#member, sizeof #member - 1, offsetof(struct dto, member), FIELD_##type, flags, nested               \
    }
/* The table of a DTO, made of dto_fields. A member without a row does not compile. */
#define ENTITY_TABLE(dto)                                                                                    \
    _Static_assert(sizeof dto##_fields / sizeof *dto##_fields == sizeof(struct dto) / FIELD_SIZE,            \
                   #dto ": a member without a row");                                                         \
    const struct entity dto##_entity = {#dto, dto##_fields, sizeof dto##_fields / sizeof *dto##_fields}

#define MAP(dto, key, member, nested)                                                                        \
    {                                                                                                        \
        key, sizeof key - 1, offsetof(struct dto, member), nested, MAPPING_MEMBER, 0                         \
    }
#define MAP_MILLIS(dto, key, member)                                                                         \
    {                                                                                                        \
        key, sizeof key - 1, offsetof(struct dto, member), NULL, MAPPING_MILLIS, 0                           \
    }
#define MAP_INTO(dto, key, member, part, inner)                                                              \
    {                                                                                                        \
        key, sizeof key - 1, offsetof(struct dto, member), NULL, MAPPING_INTO, offsetof(struct part, inner)  \
    }
#define MAP_FLAT(key, nested)                                                                                \
    {                                                                                                        \
        key, sizeof key - 1, 0, nested, MAPPING_FLAT, 0                                                      \
    }

/* A mapping of a part, made of name_rows. */
#define MAPPING_TABLE(name, dto)                                                                             \
    static const struct mapping name = {&dto##_entity, name##_rows, sizeof name##_rows / sizeof *name##_rows}

enum field_fault {
    FIELD_WRONG_TYPE,
    FIELD_NOT_A_NUMBER,
    FIELD_OUT_OF_RANGE,
    FIELD_BAD_TIME,
    FIELD_TOO_DEEP,
    FIELD_MISSING
};

enum {
    FIELD_PROBLEMS_MAX = 50,      /* kept of one entity */
    FIELD_PROBLEM_TEXT_MAX = 100, /* bytes of the offending value, cut at a character */
    FIELD_PATH_MAX = 200,         /* bytes of a path, cut at a character */
};

/* One field that could not be converted. */
struct field_problem {
    enum field_fault fault;
    const char *path;   /* in the source's names: "line_items[1].sale_price"; in the arena */
    size_t path_length; /* bytes */
    const char *text;   /* the offending value; NULL when there is none (missing); in the arena */
    size_t text_length; /* bytes */
};

struct field_problems {
    size_t count; /* elements in use */
    size_t total; /* found, those beyond FIELD_PROBLEMS_MAX counted too */
    struct field_problem items[FIELD_PROBLEMS_MAX];
};

const char *field_fault_name(enum field_fault fault); /* the word in validation_errors; literal */

/* Appends a problem; the texts are copied to the arena and cut. text NULL: none. */
void field_problem_add(struct field_problems *problems, struct arena *arena, enum field_fault fault,
                       const char *path, size_t path_length, const char *text, size_t text_length);

/* Fills the zeroed DTO at `to` from a JSON object. Texts borrow from the JSON document, parts lie in the arena. What
 * cannot be converted goes to problems, never stops the reading. False: the arena is full (the DTO is incomplete). */
bool field_read(const struct mapping *mapping, yyjson_val *object, void *to, struct arena *arena,
                struct field_problems *problems) __attribute__((warn_unused_result));

/* Appends every held field that has all of `flags` (0: every one), in the order of the table. The arena takes keys that
 * had to be rewritten. What does not fit, or finds the arena full, fails `to`. */
void field_write(const struct entity *entity, const void *from, unsigned flags, int offset_minutes,
                 struct arena *arena, struct encode *to);

/* Appends name: "" for every field that an object of this mapping may hold, and that is not held or lacks one of flags. */
void field_write_absent(const struct mapping *mapping, const void *from, unsigned flags, struct encode *to);

/* Whether an object of this mapping may hold the field of the entity at this place. */
bool field_may_hold(const struct mapping *mapping, size_t place);

/* Appends the problems as an array of {path, problem, text} under `validation_errors`. */
void field_write_problems(const struct field_problems *problems, struct encode *to);

#endif
