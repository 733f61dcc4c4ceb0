/* test_entry.c - the stream entry: its bytes, and everything a reader may meet. */
#include "common/entry.h"

#include <stdlib.h>
#include <string.h>

#include "tests/harness.h"

#define T(s) ((struct entry_text){(s), sizeof(s) - 1})

static struct entry example(void)
{
    return (struct entry){
        .platform = T("tiktok"),
        .shop = T("7495540735365777507"),
        .topic = T("1"),
        .kind = ENTRY_ORDER,
        .id = T("576653688135258178"),
        .event_ms = INT64_C(1718305585000),
        .recv_ms = INT64_C(1718305585123),
        .key = T("7380066284010030890"),
        .src = T("webhook"),
        .trace = T("0f3c"),
        .moves = true,
        .body = T("{\"a\":\"x\0y\r\n\"}"),
    };
}

/* The example as Redis would deliver it; the tests below change one thing each. */
enum { EXAMPLE_STRINGS = 26 };

static void example_fields(struct entry_text to[EXAMPLE_STRINGS])
{
    const struct entry_text fields[EXAMPLE_STRINGS] = {
        T("v"),        T("1"),
        T("platform"), T("tiktok"),
        T("shop"),     T("7495540735365777507"),
        T("topic"),    T("1"),
        T("kind"),     T("order"),
        T("id"),       T("576653688135258178"),
        T("event_ms"), T("1718305585000"),
        T("recv_ms"),  T("1718305585123"),
        T("key"),      T("7380066284010030890"),
        T("src"),      T("webhook"),
        T("trace"),    T("0f3c"),
        T("moves"),    T("1"),
        T("body"),     T("{\"a\":\"x\0y\r\n\"}"),
    };

    memcpy(to, fields, sizeof fields);
}

static void check_text(struct entry_text actual, struct entry_text expected)
{
    CHECK_BYTES(actual.data, actual.length, expected.data, expected.length);
    CHECK_INT(actual.data == NULL, expected.data == NULL);
}

static void check_same(const struct entry *a, const struct entry *b)
{
    check_text(a->platform, b->platform);
    check_text(a->shop, b->shop);
    check_text(a->topic, b->topic);
    CHECK_INT(a->kind, b->kind);
    check_text(a->id, b->id);
    CHECK_INT(a->event_ms, b->event_ms);
    CHECK_INT(a->recv_ms, b->recv_ms);
    check_text(a->key, b->key);
    check_text(a->src, b->src);
    check_text(a->trace, b->trace);
    CHECK_INT(a->moves, b->moves);
    check_text(a->body, b->body);
}

static void check_refused(const struct entry_text *fields, size_t count, const char *expected)
{
    struct entry e = {.recv_ms = 42};
    struct err err = {0};

    CHECK(!entry_decode(fields, count, &e, &err));
    CHECK_TEXT(err.text, expected);
    CHECK_INT(err.domain, ERR_DATA);
    CHECK_INT(e.recv_ms, 42);
    CHECK(!entry_decode(fields, count, &e, NULL));
}

TEST(writes_the_golden_bytes)
{
    struct entry e = example();
    struct strbuf b = STRBUF_INIT;
    size_t n;
    char *golden = harness_read("golden/entry_v1.resp", &n);

    entry_add_xadd(&b, "webhooks:{0}", 12, &e);
    CHECK_BYTES(b.data, b.length, golden, n);
    CHECK_INT(b.data[b.length], 0);
    free(golden);
    strbuf_deinit(&b);
}

TEST(leaves_absent_fields_out)
{
    struct entry e = {.platform = T("tiktok"),
                      .shop = T(""),
                      .topic = T("row"),
                      .kind = ENTRY_RECORD,
                      .id = T(""),
                      .recv_ms = 5,
                      .key = T("k"),
                      .src = T("backfill"),
                      .trace = T("t")};
    static const char expected[] = "before*23\r\n$4\r\nXADD\r\n$17\r\nwebhooks:{3}:bulk\r\n$1\r\n*\r\n$"
                                   "1\r\nv\r\n$1\r\n1\r\n$8\r\nplatform\r\n$6\r\n"
                                   "tiktok\r\n$4\r\nshop\r\n$0\r\n\r\n$5\r\ntopic\r\n$3\r\nrow\r\n$"
                                   "4\r\nkind\r\n$6\r\nrecord\r\n$2\r\nid\r\n$0\r\n"
                                   "\r\n$7\r\nrecv_ms\r\n$1\r\n5\r\n$3\r\nkey\r\n$1\r\nk\r\n$3\r\nsrc\r\n$"
                                   "8\r\nbackfill\r\n$5\r\ntrace\r\n$1\r\nt\r\n";
    struct strbuf b = STRBUF_INIT;

    strbuf_add_text(&b, "before");
    entry_add_xadd(&b, "webhooks:{3}:bulk", 17, &e);
    CHECK_BYTES(b.data, b.length, expected, sizeof expected - 1);
    e.body = T("");
    strbuf_reset(&b);
    entry_add_xadd(&b, "s", 1, &e);
    CHECK(strncmp(b.data, "*25\r\n", 5) == 0);
    CHECK_BYTES(b.data + b.length - 16, 16, "$4\r\nbody\r\n$0\r\n\r\n", 16);
    strbuf_deinit(&b);
}

TEST(writes_large_bodies_and_extreme_numbers)
{
    struct entry e = example();
    struct strbuf b = STRBUF_INIT, body = STRBUF_INIT;

    for (int i = 0; i < 100000; i++)
        strbuf_add_char(&body, (char)i);
    e.body = (struct entry_text){body.data, body.length};
    e.event_ms = INT64_MIN;
    e.recv_ms = INT64_MIN;
    entry_add_xadd(&b, "webhooks:{0}", 12, &e);
    CHECK(b.length < b.capacity);
    CHECK_BYTES(b.data + b.length - 100002, 100000, body.data, body.length);
    strbuf_deinit(&b);
    strbuf_deinit(&body);
}

TEST(writes_other_commands)
{
    struct strbuf b = STRBUF_INIT;

    resp_add_array(&b, 2);
    resp_add_bulk(&b, "a\0b", 3);
    resp_add_bulk(&b, NULL, 0);
    resp_add_array(&b, 0);
    CHECK_BYTES(b.data, b.length, "*2\r\n$3\r\na\0b\r\n$0\r\n\r\n*0\r\n", 23);
    strbuf_deinit(&b);
}

TEST(reads_what_it_writes)
{
    struct entry_text fields[EXAMPLE_STRINGS];
    struct entry e, expected = example();
    struct err err = {0};

    example_fields(fields);
    CHECK(entry_decode(fields, EXAMPLE_STRINGS, &e, &err));
    check_same(&e, &expected);
    CHECK(e.body.data == fields[25].data); /* borrowed, not copied */
}

TEST(reads_fields_in_any_order)
{
    struct entry_text fields[EXAMPLE_STRINGS], reversed[EXAMPLE_STRINGS];
    struct entry e, expected = example();
    struct err err = {0};

    example_fields(fields);
    for (size_t i = 0; i < EXAMPLE_STRINGS; i += 2) {
        reversed[i] = fields[EXAMPLE_STRINGS - 2 - i];
        reversed[i + 1] = fields[EXAMPLE_STRINGS - 1 - i];
    }
    CHECK(entry_decode(reversed, EXAMPLE_STRINGS, &e, &err));
    check_same(&e, &expected);
}

TEST(names_each_missing_field)
{
    struct entry_text fields[EXAMPLE_STRINGS], fewer[EXAMPLE_STRINGS];
    struct entry e;
    struct err err;

    example_fields(fields);
    for (size_t i = 0; i < EXAMPLE_STRINGS; i += 2) {
        char expected[64] = "entry: field ";
        bool optional = i == 12 || i >= 22; /* event_ms, moves, body */

        memcpy(fewer, fields, i * sizeof fields[0]);
        memcpy(fewer + i, fields + i + 2, (EXAMPLE_STRINGS - 2 - i) * sizeof fields[0]);
        strcat(expected, fields[i].data);
        strcat(expected, " is missing");
        if (optional)
            CHECK(entry_decode(fewer, EXAMPLE_STRINGS - 2, &e, &err));
        else
            check_refused(fewer, EXAMPLE_STRINGS - 2, expected);
    }
    check_refused(fields, 0, "entry: field v is missing");
}

TEST(absent_optional_fields_read_as_nothing)
{
    struct entry_text fields[EXAMPLE_STRINGS];
    struct entry e;
    struct err err = {0};

    example_fields(fields);
    memmove(fields + 12, fields + 14, 8 * sizeof fields[0]);
    CHECK(entry_decode(fields, 20, &e, &err));
    CHECK_INT(e.event_ms, 0);
    CHECK(!e.moves);
    CHECK(e.body.data == NULL);
    CHECK_INT(e.body.length, 0);
}

TEST(refuses_values_it_cannot_trust)
{
    static const struct {
        size_t at;
        const char *value;
        const char *reason;
    } rows[] = {
        {1, "2", "entry: field v is not 1: written by a version this one cannot read"},
        {1, "", "entry: field v is not 1: written by a version this one cannot read"},
        {1, "01", "entry: field v is not 1: written by a version this one cannot read"},
        {3, "", "entry: field platform is empty"},
        {9, "orders", "entry: field kind is no kind this version knows"},
        {9, "Order", "entry: field kind is no kind this version knows"},
        {9, "", "entry: field kind is no kind this version knows"},
        {13, "", "entry: field event_ms is no time in milliseconds"},
        {13, "0", "entry: field event_ms is no time in milliseconds"},
        {13, "1718305585", "entry: field event_ms is no time in milliseconds"},
        {13, "1718305585000 ", "entry: field event_ms is no time in milliseconds"},
        {13, "9223372036854775808", "entry: field event_ms is no time in milliseconds"},
        {15, "-1", "entry: field recv_ms is no time in milliseconds"},
        {15, "0", "entry: field recv_ms is no time in milliseconds"},
        {15, "1e3", "entry: field recv_ms is no time in milliseconds"},
        {23, "2", "entry: field moves is neither 0 nor 1"},
        {23, "", "entry: field moves is neither 0 nor 1"},
        {23, "true", "entry: field moves is neither 0 nor 1"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct entry_text fields[EXAMPLE_STRINGS];

        example_fields(fields);
        fields[rows[i].at] = (struct entry_text){rows[i].value, strlen(rows[i].value)};
        check_refused(fields, EXAMPLE_STRINGS, rows[i].reason);
    }
}

TEST(refuses_a_field_given_twice)
{
    struct entry_text fields[EXAMPLE_STRINGS + 2];

    example_fields(fields);
    fields[26] = T("shop");
    fields[27] = T("another");
    check_refused(fields, 28, "entry: field shop is given twice");
    check_refused(fields, 27, "entry: 27 strings are no pairs of name and value");
}

TEST(ignores_names_it_does_not_know_and_names_kept_apart)
{
    struct entry_text fields[EXAMPLE_STRINGS + 8];
    struct entry e, expected = example();
    struct err err = {0};

    memset(fields, 0, sizeof fields);
    example_fields(fields + 2);
    fields[0] = T("newer");
    fields[1] = T("x");
    fields[28] = T("_replay");
    fields[29] = T("2");
    fields[30] = T("_replay"); /* twice is nobody's business here */
    fields[31] = T("3");
    /* 32 and 33: no data at all */
    CHECK(entry_decode(fields, 34, &e, &err));
    check_same(&e, &expected);
}

TEST(a_field_s_name_is_compared_with_its_length)
{
    struct entry_text fields[EXAMPLE_STRINGS];

    example_fields(fields);
    fields[4] = T("shop_id");
    check_refused(fields, EXAMPLE_STRINGS, "entry: field shop is missing");
    fields[4] = T("sho");
    check_refused(fields, EXAMPLE_STRINGS, "entry: field shop is missing");
    fields[4] = T("shop\0");
    check_refused(fields, EXAMPLE_STRINGS, "entry: field shop is missing");
}

TEST(kinds_have_names_both_ways)
{
    enum entry_kind kind;

    for (int i = 0; i < ENTRY_KINDS; i++) {
        const char *name = entry_kind_name((enum entry_kind)i);

        CHECK(entry_kind_parse(name, strlen(name), &kind));
        CHECK_INT(kind, i);
    }
    CHECK_TEXT(entry_kind_name(ENTRY_ORDER), "order");
    CHECK_TEXT(entry_kind_name(ENTRY_OTHER), "other");
    CHECK_TEXT(entry_kind_name(ENTRY_KINDS), "unknown");
    CHECK(!entry_kind_parse("order\0", 6, &kind));
    CHECK(!entry_kind_parse("", 0, &kind));
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(writes_the_golden_bytes), CASE(leaves_absent_fields_out),
                        CASE(writes_large_bodies_and_extreme_numbers), CASE(writes_other_commands),
                        CASE(reads_what_it_writes), CASE(reads_fields_in_any_order),
                        CASE(names_each_missing_field), CASE(absent_optional_fields_read_as_nothing),
                        CASE(refuses_values_it_cannot_trust), CASE(refuses_a_field_given_twice),
                        CASE(ignores_names_it_does_not_know_and_names_kept_apart),
                        CASE(a_field_s_name_is_compared_with_its_length), CASE(kinds_have_names_both_ways));
}
