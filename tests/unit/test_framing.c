/* test_framing.c - what two programs could read differently is refused; what only the body shows ends the connection. */
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdint.h>
#include <sys/queue.h>

#include "server/framing.h"
#include "tests/harness.h"

enum { HEADERS_MAX = 3 };

struct sample {
    const char *headers[HEADERS_MAX][2]; /* name and value; NULL: no more */
    enum framing post, other;            /* for POST and for any other method */
};

static enum framing judge(const struct sample *sample, bool post, bool chunks)
{
    struct evkeyval at[HEADERS_MAX + 1];
    struct evkeyvalq headers;

    TAILQ_INIT(&headers);
    for (size_t i = 0; i < HEADERS_MAX && sample->headers[i][0]; i++) {
        /* Not evhttp_add_header: it would refuse some of what evhttp's own parser lets through. */
        at[i].key = (char *)(uintptr_t)sample->headers[i][0];
        at[i].value = (char *)(uintptr_t)sample->headers[i][1];
        TAILQ_INSERT_TAIL(&headers, &at[i], next);
    }
    return framing_of(&headers, post, chunks);
}

TEST(one_length_in_one_spelling_is_sound)
{
    static const struct sample samples[] = {
        {{{"Content-Length", "0"}}, FRAMING_SOUND, FRAMING_LAST},
        {{{"Host", "x"}, {"content-length", "230"}, {"X-A_b.c", "a b"}}, FRAMING_SOUND, FRAMING_LAST},
        {{{"Content-Length", "18446744073709551615"}}, FRAMING_SOUND, FRAMING_LAST},
    };

    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        CHECK_INT(judge(&samples[i], true, true), samples[i].post);
        CHECK_INT(judge(&samples[i], true, false), samples[i].post);
        CHECK_INT(judge(&samples[i], false, true), samples[i].other);
    }
}

TEST(chunks_and_a_missing_length_end_the_connection)
{
    static const struct sample samples[] = {
        {{{"Transfer-Encoding", "chunked"}}, FRAMING_LAST, FRAMING_LAST},
        {{{"transfer-encoding", "ChunkeD"}}, FRAMING_LAST, FRAMING_LAST},
        {{{"Host", "x"}}, FRAMING_LAST, FRAMING_SOUND},
        {{{NULL, NULL}}, FRAMING_LAST, FRAMING_SOUND},
    };

    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        CHECK_INT(judge(&samples[i], true, true), samples[i].post);
        CHECK_INT(judge(&samples[i], false, true), samples[i].other);
    }
    CHECK_INT(judge(&samples[0], true, false), FRAMING_AMBIGUOUS); /* HTTP/1.0 has no chunks */
}

TEST(what_could_be_read_in_two_ways_is_ambiguous)
{
    static const struct sample samples[] = {
        {.headers = {{"Content-Length", "5"}, {"Content-Length", "6"}}},
        {.headers = {{"Content-Length", "5"}, {"CONTENT-LENGTH", "5"}}},
        {.headers = {{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}}},
        {.headers = {{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}},
        {.headers = {{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "identity"}}},
        {.headers = {{"Transfer-Encoding", "gzip, chunked"}}},
        {.headers = {{"Transfer-Encoding", "identity"}}},
        {.headers = {{"Transfer-Encoding", "\vchunked"}}},
        {.headers = {{"Transfer-Encoding", " chunked"}}}, /* as a folded line leaves it */
        {.headers = {{"Transfer-Encoding", ""}}},
        {.headers = {{"Content-Length", "+5"}}},
        {.headers = {{"Content-Length", " 5"}}}, /* folded */
        {.headers = {{"Content-Length", "5, 5"}}},
        {.headers = {{"Content-Length", ""}}},
        {.headers = {{"Content-Length", "-1"}}},
        {.headers = {{"Content-Length", "0x5"}}},
        {.headers = {{"Content-Length", "18446744073709551616"}}},
        {.headers = {{"Content-Length ", "5"}}},
        {.headers = {{"Transfer-Encoding\t", "chunked"}, {"Content-Length", "5"}}},
        {.headers = {{"", "x"}, {"Content-Length", "5"}}},
        {.headers = {{"X\x01", "x"}, {"Content-Length", "5"}}},
        {.headers = {{"X\xc3\xa9", "x"}, {"Content-Length", "5"}}},
        {.headers = {{"X(y)", "x"}, {"Content-Length", "5"}}},
    };

    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        CHECK_INT(judge(&samples[i], true, true), FRAMING_AMBIGUOUS);
        CHECK_INT(judge(&samples[i], false, true), FRAMING_AMBIGUOUS);
    }
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(one_length_in_one_spelling_is_sound),
                        CASE(chunks_and_a_missing_length_end_the_connection),
                        CASE(what_could_be_read_in_two_ways_is_ambiguous));
}
