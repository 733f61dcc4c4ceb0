/* test_json.c - outside JSON: numbers of any size, depth, odd strings, absent against wrong. */
#include "common/json.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "tests/harness.h"
#include "tests/unit/no_memory.h"

static yyjson_doc *parse(const char *text)
{
    struct err err = {0};
    yyjson_doc *doc = json_parse(text, strlen(text), NULL, &err);

    CHECK_TEXT(err.text, "");
    CHECK(doc != NULL);
    return doc;
}

static void check_refused(const void *bytes, size_t n, const char *part)
{
    struct err err = {0};

    CHECK(json_parse(bytes, n, NULL, &err) == NULL);
    CHECK_INT(err.domain, ERR_DATA);
    CHECK(strncmp(err.text, "json: ", 6) == 0);
    CHECK(strstr(err.text, part) != NULL);
    CHECK(json_parse(bytes, n, NULL, NULL) == NULL);
}

static void check_id(const char *value, enum json_got got, const char *expected)
{
    struct strbuf b = STRBUF_INIT;
    struct json_text text = {"untouched", 9};
    yyjson_doc *doc;

    strbuf_add_format(&b, "{\"a\":%s}", value);
    doc = parse(b.data);
    CHECK_INT(json_get_id(yyjson_doc_get_root(doc), "a", &text), got);
    CHECK_BYTES(text.data, text.length, expected, strlen(expected));
    yyjson_doc_free(doc);
    strbuf_deinit(&b);
}

static void check_i64(const char *value, enum json_got got, int64_t expected)
{
    struct strbuf b = STRBUF_INIT;
    yyjson_doc *doc;
    int64_t v = 42;

    strbuf_add_format(&b, "{\"a\":%s}", value);
    doc = parse(b.data);
    CHECK_INT(json_get_i64(yyjson_doc_get_root(doc), "a", &v), got);
    CHECK_INT(v, expected);
    yyjson_doc_free(doc);
    strbuf_deinit(&b);
}

TEST(keeps_ids_of_any_size)
{
    check_id("9007199254740993", JSON_GOT, "9007199254740993"); /* 2^53 + 1 */
    check_id("9223372036854775808", JSON_GOT, "9223372036854775808");
    check_id("123456789012345678901234567890", JSON_GOT, "123456789012345678901234567890");
    check_id("\"576653688135258178\"", JSON_GOT, "576653688135258178");
    check_id("\"A-1\"", JSON_GOT, "A-1");
    check_id("0", JSON_GOT, "0");
}

TEST(tells_an_absent_id_from_a_wrong_one)
{
    check_id("null", JSON_ABSENT, "untouched");
    check_id("\"\"", JSON_ABSENT, "untouched");
    check_id("1e3", JSON_WRONG, "untouched");
    check_id("1.0", JSON_WRONG, "untouched");
    check_id("1E3", JSON_WRONG, "untouched");
    check_id("true", JSON_WRONG, "untouched");
    check_id("[]", JSON_WRONG, "untouched");
    check_id("{}", JSON_WRONG, "untouched");
}

TEST(reads_integers_only_where_they_fit)
{
    check_i64("9007199254740993", JSON_GOT, INT64_C(9007199254740993));
    check_i64("9223372036854775807", JSON_GOT, INT64_MAX);
    check_i64("-9223372036854775808", JSON_GOT, INT64_MIN);
    check_i64("\"1718305585\"", JSON_GOT, 1718305585);
    check_i64("-0", JSON_GOT, 0);
    check_i64("9223372036854775808", JSON_WRONG, 42);
    check_i64("1e3", JSON_WRONG, 42);
    check_i64("1.0", JSON_WRONG, 42);
    check_i64("\"1e3\"", JSON_WRONG, 42);
    check_i64("\" 1\"", JSON_WRONG, 42);
    check_i64("\"\"", JSON_WRONG, 42);
    check_i64("true", JSON_WRONG, 42);
    check_i64("null", JSON_ABSENT, 42);
}

TEST(keeps_the_text_of_money)
{
    static const char *const numbers[] = {"0.10", "12345678901234567.89", "-0", "-0.0", "1e3", "1E+400", "0"};
    yyjson_doc *doc;
    struct json_text text;

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        doc = parse(numbers[i]);
        CHECK(json_scalar_text(yyjson_doc_get_root(doc), &text));
        CHECK_BYTES(text.data, text.length, numbers[i], strlen(numbers[i]));
        yyjson_doc_free(doc);
    }
    doc = parse("\"0.10\"");
    CHECK(json_scalar_text(yyjson_doc_get_root(doc), &text));
    CHECK_BYTES(text.data, text.length, "0.10", 4);
    yyjson_doc_free(doc);
    doc = parse("[null,true,[],{}]");
    for (size_t i = 0; i < 4; i++)
        CHECK(!json_scalar_text(yyjson_arr_get(yyjson_doc_get_root(doc), i), &text));
    CHECK(!json_scalar_text(NULL, &text));
    yyjson_doc_free(doc);
}

TEST(tells_absent_text_and_flags_from_wrong_ones)
{
    yyjson_doc *doc = parse("{\"t\":\"\",\"n\":null,\"i\":5,\"b\":false}");
    yyjson_val *root = yyjson_doc_get_root(doc);
    struct json_text text = {NULL, 9};
    bool flag = true;

    CHECK_INT(json_get_text(root, "t", &text), JSON_GOT);
    CHECK_INT(text.length, 0);
    CHECK_INT(json_get_text(root, "n", &text), JSON_ABSENT);
    CHECK_INT(json_get_text(root, "missing", &text), JSON_ABSENT);
    CHECK_INT(json_get_text(root, "i", &text), JSON_WRONG);
    CHECK_INT(json_get_bool(root, "b", &flag), JSON_GOT);
    CHECK(!flag);
    CHECK_INT(json_get_bool(root, "i", &flag), JSON_WRONG);
    CHECK_INT(json_get_bool(root, "n", &flag), JSON_ABSENT);
    CHECK_INT(json_get_text(NULL, "t", &text), JSON_ABSENT);
    yyjson_doc_free(doc);
}

TEST(limits_the_depth_at_64_levels)
{
    char text[131];

    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    text[128] = '\0';
    yyjson_doc_free(parse(text));
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    check_refused(text, 130, "nested deeper than 64 levels");
}

TEST(measures_depth_across_siblings)
{
    yyjson_doc *doc = parse("{\"a\":[[],[1,2],[[3]]],\"b\":{},\"c\":[{\"d\":[{}]}],\"e\":1}");
    yyjson_val *root = yyjson_doc_get_root(doc);

    CHECK_INT(json_depth(root, 64), 5);
    CHECK_INT(json_depth(root, 5), 5);
    CHECK_INT(json_depth(root, 4), 5);
    CHECK_INT(json_depth(root, 1), 2);
    CHECK_INT(json_depth(root, 0), 1);
    CHECK_INT(json_depth(yyjson_obj_get(root, "a"), 64), 3);
    CHECK_INT(json_depth(yyjson_obj_get(root, "b"), 64), 1);
    CHECK_INT(json_depth(yyjson_obj_get(root, "e"), 64), 0);
    CHECK_INT(json_depth(NULL, 64), 0);
    yyjson_doc_free(doc);
}

TEST(survives_a_million_nested_arrays)
{
    const size_t n = 1000000;
    char *text = xmalloc(2 * n);

    memset(text, '[', n);
    check_refused(text, n, "at byte");
    memset(text + n, ']', n);
    check_refused(text, 2 * n, "nested deeper");
    for (size_t i = 0; i + 5 <= n; i += 5)
        memcpy(text + i, "{\"\":", 4), text[i + 4] = ' ';
    check_refused(text, n, "at byte");
    free(text);
}

TEST(keeps_nul_characters_inside_strings)
{
    yyjson_doc *doc = parse("{\"a\":\"x\\u0000y\"}");
    struct json_text text;

    CHECK_INT(json_get_text(yyjson_doc_get_root(doc), "a", &text), JSON_GOT);
    CHECK_BYTES(text.data, text.length, "x\0y", 3);
    yyjson_doc_free(doc);
}

TEST(the_first_of_duplicate_keys_counts)
{
    yyjson_doc *doc = parse("{\"a\":1,\"a\":2}");
    int64_t v;

    CHECK_INT(json_get_i64(yyjson_doc_get_root(doc), "a", &v), JSON_GOT);
    CHECK_INT(v, 1);
    yyjson_doc_free(doc);
}

TEST(refuses_what_is_not_json)
{
    static const char *const wrong[] = {"{",   "}",      "[1,]",  "{\"a\":1,}", "{'a':1}",  "01",
                                        "+1",  ".5",     "1.",    "NaN",        "Infinity", "-",
                                        "tru", "\"\t\"", "/**/1", "[1 2]",      " ",        "\"\\ud800\""};
    struct err err = {0};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        check_refused(wrong[i], strlen(wrong[i]), "json: ");
    check_refused("", 0, "empty");
    check_refused("{} x", 4, "at byte 3");
    check_refused("{}{}", 4, "at byte 2");
    check_refused("\xef\xbb\xbf{}", 5, "byte order mark");
    check_refused("\"\xff\"", 3, "UTF-8");
    check_refused("\"\xc0\x80\"", 4, "UTF-8");
    check_refused("\"\xed\xa0\x80\"", 5, "UTF-8");
    check_refused("{}\0", 3, "at byte 2");
    CHECK(json_parse("{\"secret\":oops}", 15, NULL, &err) == NULL);
    CHECK(!strstr(err.text, "secret") && !strstr(err.text, "oops"));
}

TEST(reads_from_memory_that_is_not_terminated)
{
    char *exact = xmalloc(2); /* the sanitizer sees a read behind it */
    struct err err = {0};
    yyjson_doc *doc;

    memcpy(exact, "12", 2);
    doc = json_parse(exact, 2, NULL, &err);
    CHECK(doc != NULL);
    yyjson_doc_free(doc);
    doc = json_parse("12345", 2, NULL, &err);
    CHECK(doc != NULL);
    CHECK_INT(yyjson_get_len(yyjson_doc_get_root(doc)), 2);
    yyjson_doc_free(doc);
    free(exact);
}

static void parse_without_memory(void *text)
{
    struct err err = {0};

    no_memory_from_here();
    if (!json_parse(text, strlen(text), NULL, &err))
        fprintf(stderr, "judged: %s\n", err.text);
}

/* Nothing is wrong with the text: were it judged, a good event would end as a dead letter. */
TEST(a_text_there_is_no_memory_for_ends_the_process_and_is_not_judged)
{
    enum { LENGTH = 40 << 20 };
    char *text = malloc(LENGTH + 1), said[4096];
    int status;

    CHECK(text);
    memset(text, ' ', LENGTH);
    for (size_t i = 1; i + 2 < LENGTH; i += 2)
        memcpy(text + i, "1,", 2);
    text[0] = '[';
    memcpy(text + LENGTH - 3, "1] ", 4);
    log_setup("test", LOG_ERROR, false);
    status = no_memory_run(parse_without_memory, text, said, sizeof said);
    CHECK(no_memory_ended(status, said));
    CHECK(!strstr(said, "judged"));
    free(text);
}

TEST(in_place_the_document_borrows_the_text)
{
    struct strbuf text = STRBUF_INIT;
    struct err err = {0};
    yyjson_doc *doc;
    yyjson_val *value;

    strbuf_add_text(&text, "{\"a\":\"tab\\tend\",\"n\":12345678901234567890}");
    doc = json_parse_in_place(&text, &err);
    CHECK(doc != NULL);
    value = yyjson_obj_get(yyjson_doc_get_root(doc), "a");
    CHECK_TEXT(yyjson_get_str(value), "tab\tend");
    CHECK(yyjson_get_str(value) > text.data && yyjson_get_str(value) < text.data + text.length);
    value = yyjson_obj_get(yyjson_doc_get_root(doc), "n");
    CHECK_INT(yyjson_get_len(value), 20);
    CHECK(memcmp(yyjson_get_raw(value), "12345678901234567890", 20) == 0);
    yyjson_doc_free(doc);
    strbuf_deinit(&text);
}

TEST(in_place_the_same_is_refused)
{
    static const char *const refused[] = {"", "{\"a\":", "[1]x", "{\"a\":oops}", "\xef\xbb\xbf[]"};
    struct strbuf text = STRBUF_INIT;
    struct err err = {0};

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        strbuf_reset(&text);
        strbuf_add_text(&text, refused[i]);
        CHECK(json_parse_in_place(&text, &err) == NULL);
        CHECK(err.domain == ERR_DATA);
    }
    strbuf_reset(&text);
    for (int i = 0; i <= JSON_MAX_DEPTH; i++)
        strbuf_add_char(&text, '[');
    for (int i = 0; i <= JSON_MAX_DEPTH; i++)
        strbuf_add_char(&text, ']');
    CHECK(json_parse_in_place(&text, &err) == NULL);
    CHECK_TEXT(err.text, "json: nested deeper than 64 levels");
    strbuf_deinit(&text);
}

TEST(in_place_nothing_moves_when_there_is_room)
{
    struct strbuf text = STRBUF_INIT;
    char *before;
    yyjson_doc *doc;

    strbuf_reserve(&text, 1000 + JSON_ROOM);
    strbuf_add_char(&text, '"');
    while (text.length < 999)
        strbuf_add_char(&text, 'x');
    strbuf_add_char(&text, '"');
    before = text.data;
    doc = json_parse_in_place(&text, NULL);
    CHECK(doc != NULL);
    CHECK(text.data == before);
    yyjson_doc_free(doc);
    strbuf_deinit(&text);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(keeps_ids_of_any_size), CASE(tells_an_absent_id_from_a_wrong_one),
                        CASE(reads_integers_only_where_they_fit), CASE(keeps_the_text_of_money),
                        CASE(tells_absent_text_and_flags_from_wrong_ones),
                        CASE(limits_the_depth_at_64_levels), CASE(measures_depth_across_siblings),
                        CASE(survives_a_million_nested_arrays), CASE(keeps_nul_characters_inside_strings),
                        CASE(the_first_of_duplicate_keys_counts), CASE(refuses_what_is_not_json),
                        CASE(reads_from_memory_that_is_not_terminated),
                        CASE(a_text_there_is_no_memory_for_ends_the_process_and_is_not_judged),
                        CASE(in_place_the_document_borrows_the_text), CASE(in_place_the_same_is_refused),
                        CASE(in_place_nothing_moves_when_there_is_room));
}
