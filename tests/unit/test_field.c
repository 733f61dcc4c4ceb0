/* test_field.c - the generic reader and writer on a small entity of its own. */
#include "worker/dto/field.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/strbuf.h"
#include "tests/harness.h"

/* --- an entity ------------------------------------------------------------------------------------- */

struct wheel {
    struct field_count size;
    struct field_extra extra;
};

struct engine {
    struct field_text maker;
    struct field_extra extra;
};

struct costs {
    struct field_money road_tax;
    struct field_extra extra;
};

struct car {
    struct field_text car_id;
    struct field_text owner_id;
    struct field_text name;
    struct field_money price;
    struct field_time built;
    struct field_flag sold;
    struct field_count doors;
    struct field_object engine;
    struct field_list wheels;
    struct field_time serviced;
    struct field_object costs;
    struct field_list colours;
    struct field_list gears;
    struct field_flag insured;
    struct field_any papers;
    struct field_extra extra;
};

static const struct field wheel_fields[] = {
    FIELD(wheel, size, COUNT, 0, NULL),
    FIELD(wheel, extra, EXTRA, 0, NULL),
};
static const struct entity wheel_entity = {"wheel", wheel_fields, 2};

static const struct field engine_fields[] = {
    FIELD(engine, maker, TEXT, 0, NULL),
    FIELD(engine, extra, EXTRA, 0, NULL),
};
static const struct entity engine_entity = {"engine", engine_fields, 2};

static const struct field costs_fields[] = {
    FIELD(costs, road_tax, MONEY, 0, NULL),
    FIELD(costs, extra, AMOUNTS, 0, NULL),
};
static const struct entity costs_entity = {"costs", costs_fields, 2};

static const struct field car_fields[] = {
    FIELD(car, car_id, ID, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(car, owner_id, ID_OR_ZERO, 0, NULL),
    FIELD(car, name, TEXT, 0, NULL),
    FIELD(car, price, MONEY, 0, NULL),
    FIELD(car, built, TIME, 0, NULL),
    FIELD(car, sold, FLAG, 0, NULL),
    FIELD(car, doors, COUNT, 0, NULL),
    FIELD(car, engine, OBJECT, 0, &engine_entity),
    FIELD(car, wheels, LIST, 0, &wheel_entity),
    FIELD(car, serviced, TIME, 0, NULL),
    FIELD(car, costs, OBJECT, 0, &costs_entity),
    FIELD(car, colours, TEXTS, 0, NULL),
    FIELD(car, gears, COUNTS, 0, NULL),
    FIELD(car, insured, FLAG_WORD, 0, NULL),
    FIELD(car, papers, ANY, 0, NULL),
    FIELD(car, extra, EXTRA, 0, NULL),
};
static const struct entity car_entity = {"car", car_fields, sizeof car_fields / sizeof *car_fields};

static const struct mapping_row wheel_rows[] = {MAP(wheel, "inches", size, NULL)};
static const struct mapping wheel_mapping = {&wheel_entity, wheel_rows, 1};
static const struct mapping_row engine_rows[] = {MAP(engine, "maker", maker, NULL)};
static const struct mapping engine_mapping = {&engine_entity, engine_rows, 1};

static const struct mapping_row costs_rows[] = {MAP(costs, "road_tax", road_tax, NULL)};
static const struct mapping costs_mapping = {&costs_entity, costs_rows, 1};

static const struct mapping_row insurance_rows[] = {MAP(car, "yes", insured, NULL)};
static const struct mapping insurance_mapping = {&car_entity, insurance_rows, 1};

static const struct mapping_row car_rows[] = {
    MAP(car, "built_at", built, NULL),
    MAP(car, "colours", colours, NULL),
    MAP(car, "costs", costs, &costs_mapping),
    MAP(car, "doors", doors, NULL),
    MAP(car, "engine", engine, &engine_mapping),
    MAP(car, "gears", gears, NULL),
    MAP(car, "id", car_id, NULL),
    MAP_FLAT("insurance", &insurance_mapping),
    MAP(car, "insured", insured, NULL),
    MAP(car, "name", name, NULL),
    MAP(car, "owner", owner_id, NULL),
    MAP(car, "owner2", sold, NULL),
    MAP(car, "papers", papers, NULL),
    MAP(car, "price", price, NULL),
    MAP_MILLIS(car, "serviced_millis", serviced),
    MAP(car, "wheels", wheels, &wheel_mapping),
};
static const struct mapping car_mapping = {&car_entity, car_rows, sizeof car_rows / sizeof *car_rows};

/* A source whose cars have no engine, only a maker of it. */
static const struct mapping_row lifted_rows[] = {
    MAP(car, "id", car_id, NULL),
    MAP_INTO(car, "maker", engine, engine, maker),
};
static const struct mapping lifted_mapping = {&car_entity, lifted_rows,
                                              sizeof lifted_rows / sizeof *lifted_rows};

/* --- one reading ----------------------------------------------------------------------------------- */

struct reading {
    yyjson_doc *json;
    struct arena *arena;
    struct car car;
    struct field_problems problems;
    bool ok;
};

static void read_with(struct reading *r, const struct mapping *mapping, const char *text, size_t n)
{
    *r = (struct reading){.arena = arena_new(4096, 1 << 24)};
    r->json = yyjson_read(text, n, YYJSON_READ_NUMBER_AS_RAW);
    CHECK(r->json != NULL);
    r->ok = field_read(mapping, yyjson_doc_get_root(r->json), &r->car, r->arena, &r->problems);
}

static void read_text(struct reading *r, const char *text, size_t n)
{
    read_with(r, &car_mapping, text, n);
}

static void read_car(struct reading *r, const char *text)
{
    read_text(r, text, strlen(text));
}

static void reading_deinit(struct reading *r)
{
    arena_free(r->arena);
    yyjson_doc_free(r->json);
}

/* What is written, as canonical extended JSON. */
static void check_written(const struct reading *r, unsigned flags, const char *expected)
{
    struct encode e;
    bson_t *b;
    char *json;

    encode_init(&e, 1 << 20);
    field_write(&car_entity, &r->car, flags, 420, r->arena, &e);
    b = encode_document(&e);
    CHECK(b != NULL);
    json = bson_as_canonical_extended_json(b, NULL);
    CHECK_TEXT(json, expected);
    bson_free(json);
    bson_destroy(b);
    encode_deinit(&e);
}

static void check_problem(const struct reading *r, size_t i, const char *path, const char *problem,
                          const char *text)
{
    const struct field_problem *p = &r->problems.items[i];

    CHECK(i < r->problems.count);
    CHECK_TEXT(p->path, path);
    CHECK_TEXT(field_fault_name(p->fault), problem);
    CHECK_INT(p->text != NULL, text != NULL);
    if (text)
        CHECK_BYTES(p->text, p->text_length, text, strlen(text));
}

/* --- cases ----------------------------------------------------------------------------------------- */

TEST(reads_every_type_and_writes_it_in_the_order_of_the_table)
{
    struct reading r;

    read_car(
        &r,
        "{\"wheels\":[{\"inches\":\"15\"}],\"price\":1.50,\"owner\":\"7\",\"owner2\":true,\"name\":\"n\","
        "\"id\":12345678901234567890123,\"engine\":{\"maker\":\"m\"},\"doors\":5,\"built_at\":1732851000}");
    CHECK(r.ok);
    CHECK_INT(r.problems.total, 0);
    check_written(
        &r, 0,
        "{ \"car_id\" : \"12345678901234567890123\", \"owner_id\" : \"7\", \"name\" : \"n\", "
        "\"price\" : { \"$numberDecimal\" : \"1.50\" }, \"built\" : \"2024-11-29T10:30:00+07:00\", "
        "\"sold\" : true, \"doors\" : { \"$numberLong\" : \"5\" }, \"engine\" : { \"maker\" : \"m\" }, "
        "\"wheels\" : [ { \"size\" : { \"$numberLong\" : \"15\" } } ] }");
    check_written(&r, FIELD_KEY, "{ \"car_id\" : \"12345678901234567890123\" }");
    reading_deinit(&r);
}

TEST(gives_the_same_whatever_the_order_of_the_source)
{
    const char *expected = "{ \"car_id\" : \"1\", \"owner_id\" : \"2\", \"name\" : \"n\", \"sold\" : false }";
    struct reading r;

    read_car(&r, "{\"owner2\":false,\"owner\":\"2\",\"name\":\"n\",\"id\":\"1\"}");
    check_written(&r, 0, expected);
    reading_deinit(&r);
    read_car(&r, "{\"id\":\"1\",\"name\":\"n\",\"owner\":\"2\",\"owner2\":false}");
    check_written(&r, 0, expected);
    reading_deinit(&r);
}

TEST(takes_no_prefix_of_a_key_for_the_key)
{
    struct reading r;

    read_car(&r, "{\"id\":\"1\",\"own\":1,\"owner\\u0000\":2,\"owner22\":3,\"\":4,\"zz\":5,\"a\":6}");
    check_written(&r, 0,
                  "{ \"car_id\" : \"1\", \"extra\" : { \"own\" : { \"$numberLong\" : \"1\" }, "
                  "\"owner_\" : { \"$numberLong\" : \"2\" }, \"owner22\" : { \"$numberLong\" : \"3\" }, "
                  "\"\" : { \"$numberLong\" : \"4\" }, \"zz\" : { \"$numberLong\" : \"5\" }, "
                  "\"a\" : { \"$numberLong\" : \"6\" } } }");
    reading_deinit(&r);
}

TEST(leaves_out_what_says_nothing)
{
    struct reading r;

    read_car(&r, "{\"id\":\"1\",\"owner\":0,\"name\":\"\",\"price\":null,\"built_at\":\"0\",\"doors\":\"\","
                 "\"engine\":{\"maker\":\"\"},\"wheels\":[null]}");
    CHECK_INT(r.problems.total, 0);
    check_written(&r, 0, "{ \"car_id\" : \"1\" }");
    reading_deinit(&r);
}

TEST(keeps_the_milliseconds_of_a_time_out_of_its_text)
{
    struct reading r;

    read_car(&r, "{\"id\":\"1\",\"serviced_millis\":1732851000999}");
    CHECK_INT(r.car.serviced.ms, INT64_C(1732851000999));
    check_written(&r, 0, "{ \"car_id\" : \"1\", \"serviced\" : \"2024-11-29T10:30:00+07:00\" }");
    reading_deinit(&r);
    read_car(&r, "{\"id\":\"1\",\"serviced_millis\":1732851000}");
    check_problem(&r, 0, "serviced_millis", "bad_time", "1732851000");
    reading_deinit(&r);
}

TEST(makes_money_of_the_unknown_in_an_open_list_of_amounts)
{
    struct reading r;

    read_car(&r, "{\"id\":\"1\",\"costs\":{\"road_tax\":\"1\",\"x_amount\":\"-2.50\",\"x_fee\":\"3\","
                 "\"rate\":\"4\",\"any\":5,"
                 "\"y_fee\":\"\",\"z_fee\":\"free\",\"part\":{\"a_fee\":\"6\",\"list_fee\":[\"7\",8]}},"
                 "\"other_fee\":\"9\"}");
    CHECK_INT(r.problems.total, 0);
    check_written(
        &r, 0,
        "{ \"car_id\" : \"1\", \"costs\" : { \"road_tax\" : { \"$numberDecimal\" : \"1\" }, \"extra\" : { "
        "\"x_amount\" : { \"$numberDecimal\" : \"-2.50\" }, \"x_fee\" : { \"$numberDecimal\" : \"3\" }, "
        "\"rate\" : \"4\", \"any\" : { \"$numberDecimal\" : \"5\" }, \"y_fee\" : \"\", \"z_fee\" : \"free\", "
        "\"part\" : { \"a_fee\" : { \"$numberDecimal\" : \"6\" }, "
        "\"list_fee\" : [ \"7\", { \"$numberDecimal\" : \"8\" } ] } } }, "
        "\"extra\" : { \"other_fee\" : \"9\" } }");
    reading_deinit(&r);
}

TEST(ends_an_open_list_of_amounts_where_it_ends)
{
    struct reading r;

    read_car(&r, "{\"id\":\"1\",\"costs\":{\"x_fee\":\"3\"},\"papers\":{\"y_fee\":\"4\",\"n\":5}}");
    check_written(
        &r, 0,
        "{ \"car_id\" : \"1\", \"costs\" : { \"extra\" : { \"x_fee\" : { \"$numberDecimal\" : \"3\" } } }, "
        "\"papers\" : { \"y_fee\" : \"4\", \"n\" : { \"$numberLong\" : \"5\" } } }");
    reading_deinit(&r);
}

TEST(names_the_place_of_every_problem)
{
    struct reading r;

    read_car(&r, "{\"engine\":{\"maker\":1},\"wheels\":[{\"inches\":\"1\"},null,{\"inches\":\"x\"},2],"
                 "\"price\":\"1,5\","
                 "\"built_at\":5,\"doors\":99999999999999999999}");
    CHECK_INT(r.problems.count, 7);
    check_problem(&r, 0, "engine.maker", "wrong_type", "1");
    check_problem(&r, 1, "wheels[2].inches", "not_a_number", "x");
    check_problem(&r, 2, "wheels[3]", "wrong_type", "2");
    check_problem(&r, 3, "price", "not_a_number", "1,5");
    check_problem(&r, 4, "built_at", "bad_time", "5");
    check_problem(&r, 5, "doors", "out_of_range", "99999999999999999999");
    check_problem(&r, 6, "id", "missing", NULL);
    reading_deinit(&r);
}

TEST(does_not_call_missing_what_was_sent_wrong)
{
    struct reading r;

    read_car(&r, "{\"id\":1.5}");
    CHECK_INT(r.problems.count, 1);
    check_problem(&r, 0, "id", "wrong_type", "1.5");
    reading_deinit(&r);
}

TEST(cuts_texts_and_paths_between_characters)
{
    struct strbuf text = STRBUF_INIT;
    struct reading r;

    strbuf_add_text(&text, "{\"id\":\"1\",\"price\":\"x");
    for (int i = 0; i < 50; i++)
        strbuf_add_text(&text, "🙏");
    strbuf_add_text(&text, "\"}");
    read_text(&r, text.data, text.length);
    CHECK_INT(r.problems.items[0].text_length, 97); /* 1 + 24 * 4 */
    CHECK(bson_utf8_validate(r.problems.items[0].text, 97, false));
    reading_deinit(&r);

    strbuf_reset(&text);
    strbuf_add_text(&text, "{\"id\":\"1\",\"y");
    for (int i = 0; i < 300; i++)
        strbuf_add_text(&text, "é");
    strbuf_add_text(&text, "\":");
    for (int i = 0; i < 70; i++)
        strbuf_add_char(&text, '[');
    for (int i = 0; i < 70; i++)
        strbuf_add_char(&text, ']');
    strbuf_add_char(&text, '}');
    read_text(&r, text.data, text.length);
    CHECK_TEXT(field_fault_name(r.problems.items[0].fault), "too_deep");
    CHECK_INT(r.problems.items[0].path_length, 199); /* 1 + 99 * 2 */
    CHECK(bson_utf8_validate(r.problems.items[0].path, 199, false));
    reading_deinit(&r);
    strbuf_deinit(&text);
}

TEST(keeps_fifty_problems_and_counts_the_others)
{
    struct strbuf text = STRBUF_INIT;
    struct reading r;

    strbuf_add_text(&text, "{\"id\":\"1\",\"wheels\":[1");
    for (int i = 0; i < 99; i++)
        strbuf_add_text(&text, ",1");
    strbuf_add_text(&text, "]}");
    read_text(&r, text.data, text.length);
    CHECK_INT(r.problems.count, FIELD_PROBLEMS_MAX);
    CHECK_INT(r.problems.total, 100);
    reading_deinit(&r);
    strbuf_deinit(&text);
}

TEST(writes_problems_as_documented)
{
    struct encode e;
    struct reading r;
    bson_t *b;
    char *json;

    read_car(&r, "{\"name\":true}");
    encode_init(&e, 1 << 20);
    field_write_problems(&r.problems, &e);
    b = encode_document(&e);
    json = bson_as_canonical_extended_json(b, NULL);
    CHECK_TEXT(json,
               "{ \"validation_errors\" : [ { \"path\" : \"name\", \"problem\" : \"wrong_type\", \"text\" : "
               "\"true\" }, { \"path\" : \"id\", \"problem\" : \"missing\" } ] }");
    bson_free(json);
    bson_destroy(b);
    encode_deinit(&e);
    reading_deinit(&r);
}

TEST(reads_lists_of_texts_and_of_counts)
{
    struct reading r;

    read_car(&r, "{\"id\":\"1\",\"colours\":[\"red\",18446744073709551615,null,\"\",\"0\"],\"gears\":[1,\"-"
                 "2\",0,[]]}");
    CHECK_INT(r.problems.total, 0);
    check_written(
        &r, 0,
        "{ \"car_id\" : \"1\", \"colours\" : [ \"red\", \"18446744073709551615\", \"0\" ], "
        "\"gears\" : [ { \"$numberLong\" : \"1\" }, { \"$numberLong\" : \"-2\" }, { \"$numberLong\" : "
        "\"0\" } ] }");
    reading_deinit(&r);
    read_car(&r, "{\"id\":\"1\",\"colours\":\"red\",\"gears\":5}");
    CHECK_INT(r.problems.total, 0);
    check_written(
        &r, 0,
        "{ \"car_id\" : \"1\", \"colours\" : [ \"red\" ], \"gears\" : [ { \"$numberLong\" : \"5\" } ] }");
    reading_deinit(&r);
}

TEST(names_the_element_of_a_list_that_cannot_be_read)
{
    struct reading r;

    read_car(&r, "{\"id\":\"1\",\"colours\":[1.5,\"red\",{}],\"gears\":[\"x\",[1]]}");
    CHECK_INT(r.problems.count, 4);
    check_problem(&r, 0, "colours[0]", "wrong_type", "1.5");
    check_problem(&r, 1, "colours[2]", "wrong_type", "{...}");
    check_problem(&r, 2, "gears[0]", "not_a_number", "x");
    check_problem(&r, 3, "gears[1]", "wrong_type", "[...]");
    check_written(&r, 0, "{ \"car_id\" : \"1\", \"colours\" : [ \"red\" ] }");
    reading_deinit(&r);
    read_car(&r, "{\"id\":\"1\",\"colours\":true,\"gears\":{}}");
    CHECK_INT(r.problems.count, 2);
    check_problem(&r, 0, "colours", "wrong_type", "true");
    check_problem(&r, 1, "gears", "wrong_type", "{...}");
    check_written(&r, 0, "{ \"car_id\" : \"1\" }");
    reading_deinit(&r);
}

TEST(keeps_as_it_came_what_has_no_type)
{
    struct strbuf text = STRBUF_INIT;
    struct reading r;

    read_car(&r, "{\"id\":\"1\",\"papers\":{\"a\":[1,1.0,\"\",null,{}],\"$b.c\":true}}");
    CHECK_INT(r.problems.total, 0);
    check_written(&r, 0,
                  "{ \"car_id\" : \"1\", \"papers\" : { \"a\" : [ { \"$numberLong\" : \"1\" }, { "
                  "\"$numberDecimal\" : \"1.0\" "
                  "}, \"\", null, {  } ], \"_b_c\" : true } }");
    reading_deinit(&r);
    read_car(&r, "{\"id\":\"1\",\"papers\":[]}");
    check_written(&r, 0, "{ \"car_id\" : \"1\" }");
    reading_deinit(&r);

    strbuf_add_text(&text, "{\"id\":\"1\",\"papers\":");
    for (int i = 0; i < JSON_MAX_DEPTH; i++)
        strbuf_add_char(&text, '[');
    for (int i = 0; i < JSON_MAX_DEPTH; i++)
        strbuf_add_char(&text, ']');
    strbuf_add_char(&text, '}');
    read_text(&r, text.data, text.length);
    check_problem(&r, 0, "papers", "too_deep", "[...]");
    check_written(&r, 0, "{ \"car_id\" : \"1\" }");
    reading_deinit(&r);
    strbuf_deinit(&text);
}

TEST(takes_the_words_true_and_false_where_they_are_announced)
{
    static const char *const words[][2] = {{"true", "true"},
                                           {"\"true\"", "true"},
                                           {"\"TRUE\"", "true"},
                                           {"\"false\"", "false"},
                                           {"\"FALSE\"", "false"}};
    struct reading r;
    char text[100];

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(text, sizeof text, "{\"id\":\"1\",\"insured\":%s}", words[i][0]);
        read_car(&r, text);
        snprintf(text, sizeof text, "{ \"car_id\" : \"1\", \"insured\" : %s }", words[i][1]);
        check_written(&r, 0, text);
        reading_deinit(&r);
    }
    read_car(&r, "{\"id\":\"1\",\"insured\":\"yes\",\"owner2\":\"true\"}");
    CHECK_INT(r.problems.count, 2);
    check_problem(&r, 0, "insured", "wrong_type", "yes");
    check_problem(&r, 1, "owner2", "wrong_type", "true");
    reading_deinit(&r);
}

TEST(reads_members_into_a_part_the_source_does_not_have)
{
    struct reading r;

    read_with(&r, &lifted_mapping, "{\"id\":\"1\",\"maker\":\"m\",\"maker\":\"n\"}",
              strlen("{\"id\":\"1\",\"maker\":\"m\",\"maker\":\"n\"}"));
    check_written(&r, 0, "{ \"car_id\" : \"1\", \"engine\" : { \"maker\" : \"m\" } }");
    reading_deinit(&r);
    read_with(&r, &lifted_mapping, "{\"id\":\"1\",\"maker\":null}", strlen("{\"id\":\"1\",\"maker\":null}"));
    check_written(&r, 0, "{ \"car_id\" : \"1\" }");
    reading_deinit(&r);
    read_with(&r, &lifted_mapping, "{\"id\":\"1\",\"maker\":7}", strlen("{\"id\":\"1\",\"maker\":7}"));
    check_problem(&r, 0, "maker", "wrong_type", "7");
    check_written(&r, 0, "{ \"car_id\" : \"1\" }");
    reading_deinit(&r);
}

TEST(reads_the_members_of_an_object_the_document_does_not_have)
{
    struct reading r;

    read_car(&r, "{\"id\":\"1\",\"insurance\":{\"yes\":true,\"since\":1}}");
    check_written(&r, 0,
                  "{ \"car_id\" : \"1\", \"insured\" : true, \"extra\" : { \"since\" : { \"$numberLong\" : "
                  "\"1\" } } }");
    reading_deinit(&r);
    read_car(&r, "{\"id\":\"1\",\"insurance\":null,\"insured\":false}");
    CHECK_INT(r.problems.count, 0);
    check_written(&r, 0, "{ \"car_id\" : \"1\", \"insured\" : false }");
    reading_deinit(&r);
    read_car(&r, "{\"id\":\"1\",\"insurance\":{\"yes\":1}}");
    check_problem(&r, 0, "insurance.yes", "wrong_type", "1");
    reading_deinit(&r);
    read_car(&r, "{\"id\":\"1\",\"insurance\":\"none\"}");
    check_problem(&r, 0, "insurance", "wrong_type", "none");
    reading_deinit(&r);
}

TEST(keeps_a_name_once_whoever_brings_it)
{
    struct reading r;

    read_car(&r,
             "{\"id\":\"1\",\"since\":null,\"a\":1,\"a\":2,\"insurance\":{\"since\":3,\"a\":4},\"since\":5}");
    check_written(&r, 0,
                  "{ \"car_id\" : \"1\", \"extra\" : { \"since\" : { \"$numberLong\" : \"3\" }, "
                  "\"a\" : { \"$numberLong\" : \"1\" } } }");
    reading_deinit(&r);
    read_car(&r, "{\"id\":\"1\",\"$b\":\"\",\"_b\":[],\"x\":{\"c.d\":null,\"c_d\":null},\"papers\":{\"e\":1,"
                 "\"e\":2}}");
    check_written(&r, 0,
                  "{ \"car_id\" : \"1\", \"papers\" : { \"e\" : { \"$numberLong\" : \"1\" } }, "
                  "\"extra\" : { \"_b\" : \"\", \"x\" : { \"c_d\" : null } } }");
    reading_deinit(&r);
}

/* So many that comparing each with each would show. */
TEST(keeps_many_names_apart)
{
    enum { NAMES = 50000 };
    struct strbuf text = STRBUF_INIT;
    struct reading r;
    struct encode e;
    bson_t *b;
    bson_iter_t at;
    uint32_t count = 0;

    strbuf_add_text(&text, "{\"id\":\"1\"");
    for (int i = 0; i < 2 * NAMES; i++)
        strbuf_add_format(&text, ",\"name%d\":%d", i % NAMES, i);
    strbuf_add_char(&text, '}');
    read_text(&r, text.data, text.length);
    encode_init(&e, 1 << 24);
    field_write(&car_entity, &r.car, 0, 420, r.arena, &e);
    b = encode_document(&e);
    CHECK(b && bson_iter_init_find(&at, b, "extra") && bson_iter_recurse(&at, &at));
    while (bson_iter_next(&at))
        CHECK_INT(bson_iter_as_int64(&at), count++);
    CHECK_INT(count, NAMES);
    bson_destroy(b);
    encode_deinit(&e);
    reading_deinit(&r);
    strbuf_deinit(&text);
}

TEST(says_when_the_arena_is_full)
{
    struct reading r = {.arena = arena_new(256, 256)};
    const char *text = "{\"wheels\":[{},{},{},{},{},{},{},{},{},{},{},{}]}";

    r.json = yyjson_read(text, strlen(text), YYJSON_READ_NUMBER_AS_RAW);
    CHECK(!field_read(&car_mapping, yyjson_doc_get_root(r.json), &r.car, r.arena, &r.problems));
    reading_deinit(&r);
}

TEST(reads_what_is_no_object_as_nothing)
{
    struct reading r;

    read_car(&r, "[1,2]");
    CHECK(r.ok);
    CHECK_INT(r.problems.count, 1);
    check_problem(&r, 0, "id", "missing", NULL);
    reading_deinit(&r);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(reads_every_type_and_writes_it_in_the_order_of_the_table),
        CASE(gives_the_same_whatever_the_order_of_the_source), CASE(takes_no_prefix_of_a_key_for_the_key),
        CASE(leaves_out_what_says_nothing), CASE(keeps_the_milliseconds_of_a_time_out_of_its_text),
        CASE(makes_money_of_the_unknown_in_an_open_list_of_amounts),
        CASE(ends_an_open_list_of_amounts_where_it_ends), CASE(names_the_place_of_every_problem),
        CASE(does_not_call_missing_what_was_sent_wrong), CASE(cuts_texts_and_paths_between_characters),
        CASE(keeps_fifty_problems_and_counts_the_others), CASE(writes_problems_as_documented),
        CASE(reads_lists_of_texts_and_of_counts), CASE(names_the_element_of_a_list_that_cannot_be_read),
        CASE(keeps_as_it_came_what_has_no_type),
        CASE(takes_the_words_true_and_false_where_they_are_announced),
        CASE(reads_members_into_a_part_the_source_does_not_have),
        CASE(reads_the_members_of_an_object_the_document_does_not_have),
        CASE(keeps_a_name_once_whoever_brings_it), CASE(keeps_many_names_apart),
        CASE(says_when_the_arena_is_full), CASE(reads_what_is_no_object_as_nothing));
}
