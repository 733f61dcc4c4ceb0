/* test_entity_diff.c - every field that a write would change is told once, with its path, and nothing else is. */
#include <stdlib.h>
#include <string.h>

#include "tests/harness.h"
#include "worker/ctl/entity_diff.h"

/* NULL: no document. */
static bson_t *bson_of(const char *json)
{
    bson_error_t error;

    return json ? bson_new_from_json((const uint8_t *)json, -1, &error) : NULL;
}

static void check_diff(const char *stored, const char *set, const char *unset, const char *wanted)
{
    bson_t *a = bson_of(stored), *b = bson_of(set), *c = bson_of(unset);
    json_t *changes = entity_diff(a, b, c);
    char *text = json_dumps(changes, JSON_COMPACT | JSON_SORT_KEYS);

    CHECK_TEXT(text, wanted);
    free(text);
    json_decref(changes);
    bson_destroy(a);
    bson_destroy(b);
    bson_destroy(c);
}

TEST(equal_documents_have_no_changes_whatever_the_order_of_their_keys)
{
    check_diff("{\"a\": 1, \"b\": {\"x\": 1, \"y\": [1, 2]}}", "{\"b\": {\"y\": [1, 2], \"x\": 1}, \"a\": 1}",
               "{\"gone\": 1}", "[]");
    check_diff("{\"m\": {\"$numberDecimal\": \"1.00\"}}", "{\"m\": {\"$numberDecimal\": \"1.00\"}}", NULL,
               "[]");
}

TEST(changed_new_and_taken_away_fields_are_told_apart)
{
    check_diff(
        "{\"a\": 1, \"c\": 3, \"theirs\": 9}", "{\"a\": 2, \"b\": \"x\"}", "{\"c\": 1, \"d\": 1}",
        "[{\"new\":2,\"old\":1,\"path\":\"a\"},{\"new\":\"x\",\"path\":\"b\"},{\"old\":3,\"path\":\"c\"}]");
}

TEST(parts_are_compared_field_by_field_and_lists_element_by_element)
{
    check_diff("{\"p\": {\"x\": 1, \"y\": 2}}", "{\"p\": {\"x\": 1, \"z\": 3}}", NULL,
               "[{\"old\":2,\"path\":\"p.y\"},{\"new\":3,\"path\":\"p.z\"}]");
    check_diff("{\"l\": [{\"a\": 1}, {\"a\": 2}, {\"a\": 3}]}", "{\"l\": [{\"a\": 1}, {\"a\": 5}]}", NULL,
               "[{\"new\":5,\"old\":2,\"path\":\"l[1].a\"},{\"old\":{\"a\":3},\"path\":\"l[2]\"}]");
    check_diff("{\"l\": []}", "{\"l\": [[1], 2]}", NULL,
               "[{\"new\":[1],\"path\":\"l[0]\"},{\"new\":2,\"path\":\"l[1]\"}]");
    check_diff("{\"l\": {\"a\": 1}}", "{\"l\": [1]}", NULL,
               "[{\"new\":[1],\"old\":{\"a\":1},\"path\":\"l\"}]");
}

TEST(a_value_of_another_type_differs_and_names_both_types)
{
    check_diff("{\"n\": {\"$numberInt\": \"5\"}}", "{\"n\": {\"$numberLong\": \"5\"}}", NULL,
               "[{\"new\":5,\"new_type\":\"int64\",\"old\":5,\"old_type\":\"int32\",\"path\":\"n\"}]");
    check_diff("{\"n\": \"5\"}", "{\"n\": {\"$numberDecimal\": \"5\"}}", NULL,
               "[{\"new\":{\"$numberDecimal\":\"5\"},\"old\":\"5\",\"path\":\"n\"}]");
}

TEST(a_document_that_is_not_stored_is_all_new)
{
    check_diff(NULL, "{\"a\": 1, \"synced_at\": \"now\"}", "{\"b\": 1}", "[{\"new\":1,\"path\":\"a\"}]");
}

TEST(when_and_how_it_was_written_is_no_change)
{
    check_diff("{\"fetched_ms\": 1, \"synced_at\": \"a\", \"trace\": \"t\", \"content_hash\": \"h\", "
               "\"behind\": true}",
               "{\"fetched_ms\": 2, \"synced_at\": \"b\", \"source\": \"s\"}",
               "{\"behind\": 1, \"missing_at_ms\": 1}", "[]");
    check_diff("{\"p\": {\"trace\": 1}}", "{\"p\": {\"trace\": 2}}", NULL,
               "[{\"new\":2,\"old\":1,\"path\":\"p.trace\"}]");
}

static void check_text(const char *json, const char *wanted)
{
    json_t *value = json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
    struct strbuf text = STRBUF_INIT;

    entity_diff_text(&text, value);
    CHECK_TEXT(strbuf_text(&text), wanted);
    strbuf_deinit(&text);
    json_decref(value);
}

TEST(values_are_shown_as_a_person_reads_them)
{
    check_text(NULL, "(absent)");
    check_text("\"a\\u0007b\"", "\"a\\u0007b\"");
    check_text("{\"$numberDecimal\": \"1.00\"}", "1.00");
    check_text("true", "true");
    check_text("[1,{\"a\":null}]", "[1,{\"a\":null}]");
}

TEST(a_long_value_is_cut_between_two_characters)
{
    struct strbuf json = STRBUF_INIT, text = STRBUF_INIT;
    json_t *value;

    strbuf_add_text(&json, "\"a");
    for (int i = 0; i < 200; i++)
        strbuf_add_text(&json, "\xC3\xA9");
    strbuf_add_char(&json, '"');
    value = json_loads(strbuf_text(&json), JSON_DECODE_ANY, NULL);
    entity_diff_text(&text, value);
    CHECK(text.length < 230);
    CHECK(bson_utf8_validate(text.data, text.length, false));
    CHECK(strstr(strbuf_text(&text), "... (403 bytes)") != NULL);
    json_decref(value);
    strbuf_deinit(&text);
    strbuf_deinit(&json);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(equal_documents_have_no_changes_whatever_the_order_of_their_keys),
        CASE(changed_new_and_taken_away_fields_are_told_apart),
        CASE(parts_are_compared_field_by_field_and_lists_element_by_element),
        CASE(a_value_of_another_type_differs_and_names_both_types),
        CASE(a_document_that_is_not_stored_is_all_new), CASE(when_and_how_it_was_written_is_no_change),
        CASE(values_are_shown_as_a_person_reads_them), CASE(a_long_value_is_cut_between_two_characters));
}
