/* test_strbuf.c - the byte string: growth, NUL bytes, ownership, files. */
#include "common/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness.h"

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");

    CHECK(f != NULL);
    CHECK(fwrite(bytes, 1, n, f) == n);
    CHECK(fclose(f) == 0);
}

TEST(an_empty_one_reads_as_an_empty_text)
{
    struct strbuf b = STRBUF_INIT;

    CHECK_TEXT(strbuf_text(&b), "");
    strbuf_add(&b, NULL, 0);
    CHECK(b.data == NULL);
    strbuf_reset(&b);
    strbuf_deinit(&b);
    strbuf_deinit(&b);
}

TEST(keeps_nul_bytes_and_a_terminator)
{
    struct strbuf b;

    strbuf_init(&b);
    strbuf_add(&b, "a\0b", 3);
    strbuf_add_char(&b, '\0');
    CHECK_BYTES(b.data, b.length + 1, "a\0b\0", 5);
    strbuf_deinit(&b);
}

TEST(grows_byte_by_byte)
{
    struct strbuf b = STRBUF_INIT;

    for (int i = 0; i < 100000; i++)
        strbuf_add_char(&b, (char)('a' + i % 26));
    CHECK_INT(b.length, 100000);
    CHECK_INT(b.data[99999], 'a' + 99999 % 26);
    CHECK_INT(b.data[100000], 0);
    CHECK(b.capacity > b.length);
    strbuf_deinit(&b);
}

TEST(reset_keeps_the_storage)
{
    struct strbuf b = STRBUF_INIT;
    char *before;

    strbuf_reserve(&b, 1000);
    before = b.data;
    CHECK_TEXT(before, "");
    strbuf_add_text(&b, "something");
    strbuf_reset(&b);
    CHECK_INT(b.length, 0);
    CHECK_TEXT(strbuf_text(&b), "");
    strbuf_add_text(&b, "else");
    CHECK(b.data == before);
    strbuf_deinit(&b);
}

TEST(formats_and_counts)
{
    struct strbuf b = STRBUF_INIT;

    strbuf_add_format(&b, "%s-%d", "x", 5);
    strbuf_add_i64(&b, INT64_MIN);
    strbuf_add_format(&b, "%s", "");
    strbuf_add_format(&b, "%0500d", 1);
    CHECK_INT(b.length, 3 + 20 + 500);
    CHECK(strncmp(b.data, "x-5-9223372036854775808000", 26) == 0);
    CHECK_INT(b.data[b.length], 0);
    strbuf_deinit(&b);
}

TEST(percent_encodes_all_but_unreserved_characters)
{
    struct strbuf b = STRBUF_INIT;

    strbuf_add_urlencoded(&b, "AZaz09-._~ /?=&%+\n\0\xc3\xa9", 21);
    CHECK_TEXT(strbuf_text(&b), "AZaz09-._~%20%2F%3F%3D%26%25%2B%0A%00%C3%A9");
    strbuf_deinit(&b);
}

TEST(detach_gives_the_storage_away)
{
    struct strbuf b = STRBUF_INIT;
    char *text;

    text = strbuf_detach(&b);
    CHECK_TEXT(text, "");
    free(text);
    strbuf_add_text(&b, "mine");
    text = strbuf_detach(&b);
    CHECK_TEXT(text, "mine");
    CHECK(b.data == NULL && b.length == 0 && b.capacity == 0);
    free(text);
}

TEST(appends_a_file_up_to_the_limit)
{
    struct strbuf b = STRBUF_INIT;
    struct err err = {0};

    write_file("five",
               "12\0"
               "45",
               5);
    strbuf_add_text(&b, "x");
    CHECK(strbuf_read_file(&b, "five", 5, &err));
    CHECK_BYTES(b.data, b.length + 1, "x12\00045\0", 7);
    CHECK(!strbuf_read_file(&b, "five", 4, &err));
    CHECK_TEXT(err.text, "read five: larger than 4 bytes");
    CHECK_BYTES(b.data, b.length + 1, "x12\00045\0", 7);
    write_file("empty", "", 0);
    CHECK(strbuf_read_file(&b, "empty", 0, &err));
    CHECK_INT(b.length, 6);
    strbuf_deinit(&b);
}

TEST(reads_files_larger_than_a_block)
{
    struct strbuf b = STRBUF_INIT;
    struct err err = {0};
    char *big = xmalloc(300000);

    memset(big, 'q', 300000);
    write_file("big", big, 300000);
    CHECK(strbuf_read_file(&b, "big", 300000, &err));
    CHECK_BYTES(b.data, b.length, big, 300000);
    strbuf_reset(&b);
    CHECK(!strbuf_read_file(&b, "big", 299999, &err));
    CHECK_INT(b.length, 0);
    free(big);
    strbuf_deinit(&b);
}

TEST(says_why_a_file_cannot_be_read)
{
    struct strbuf b = STRBUF_INIT;
    struct err err = {0};

    CHECK(!strbuf_read_file(&b, "missing", 10, &err));
    CHECK_TEXT(err.text, "open missing: No such file or directory");
    CHECK(!strbuf_read_file(&b, ".", 10, &err));
    CHECK_TEXT(err.text, "read .: Is a directory");
    CHECK_INT(b.length, 0);
    strbuf_deinit(&b);
}

TEST(copies_text_with_a_length)
{
    char *copy = xstrndup("abcdef", 3);

    CHECK_TEXT(copy, "abc");
    free(copy);
    copy = xstrndup(NULL, 0);
    CHECK_TEXT(copy, "");
    free(copy);
    free(xcalloc(0, 0));
    free(xmalloc(0));
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(an_empty_one_reads_as_an_empty_text), CASE(keeps_nul_bytes_and_a_terminator),
        CASE(grows_byte_by_byte), CASE(reset_keeps_the_storage), CASE(formats_and_counts),
        CASE(percent_encodes_all_but_unreserved_characters), CASE(detach_gives_the_storage_away),
        CASE(appends_a_file_up_to_the_limit), CASE(reads_files_larger_than_a_block),
        CASE(says_why_a_file_cannot_be_read), CASE(copies_text_with_a_length));
}
