/* test_saved_request.c - requests as proxies save them. */
#include <string.h>

#include "tests/harness.h"
#include "worker/ctl/saved_request.h"

static bool parse(struct saved_request *r, const char *text)
{
    *r = (struct saved_request){.body = 0};
    return saved_request_parse(r, text, strlen(text));
}

static void check_parts(const char *text, const char *target, const char *host, const char *sent,
                        const char *body)
{
    struct saved_request r;

    CHECK(parse(&r, text));
    CHECK_TEXT(strbuf_text(&r.target), target);
    CHECK_TEXT(strbuf_text(&r.host), host);
    CHECK_TEXT(strbuf_text(&r.sent), sent);
    CHECK_TEXT(text + r.body, body);
    saved_request_deinit(&r);
}

TEST(parts_are_found_with_either_line_end)
{
    check_parts("POST /w?a=1 HTTP/1.1\r\nHost: h:1\r\nauthorization:  ab\r\n\r\n{}\r\n\r\n", "/w?a=1", "h:1",
                "ab", "{}\r\n\r\n");
    check_parts("POST /w HTTP/1.1\nHOST:h\nAuthorization:\tab\n\n", "/w", "h", "ab", "");
}

TEST(the_first_header_of_a_name_counts_and_no_other_name)
{
    check_parts("POST /w HTTP/1.1\nHost: a\nHost: b\nX-Host: c\nHostess: d\nAuthorization : e\n\nx", "/w",
                "a", "", "x");
}

TEST(what_is_no_request_line_gives_no_target)
{
    check_parts("Host: a\n\nx", "", "a", "", "x");
    check_parts("POST\n\nx", "", "", "", "x");
    check_parts("\n\nx", "", "", "", "\nx");
}

TEST(without_an_empty_line_it_is_refused)
{
    struct saved_request r;

    CHECK(!parse(&r, ""));
    saved_request_deinit(&r);
    CHECK(!parse(&r, "POST /w HTTP/1.1\nHost: a\n"));
    saved_request_deinit(&r);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(parts_are_found_with_either_line_end),
                        CASE(the_first_header_of_a_name_counts_and_no_other_name),
                        CASE(what_is_no_request_line_gives_no_target),
                        CASE(without_an_empty_line_it_is_refused));
}
