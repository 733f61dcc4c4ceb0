/* test_reply.c - replies built in an arena are what hiredis would have built. */
#include "worker/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "tests/harness.h"

/* All of a reply as text, so that two of them can be compared. */
static void spell(struct strbuf *to, const redisReply *r)
{
    strbuf_add_format(to, "(%d %lld %zu", r->type, r->integer, r->len);
    if (r->str) {
        strbuf_add_char(to, ' ');
        strbuf_add(to, r->str, r->len + 1); /* the NUL behind it too */
    }
    for (size_t i = 0; i < r->elements; i++)
        spell(to, r->element[i]);
    strbuf_add_char(to, ')');
}

/* Feeds bytes in two pieces cut at `cut`; NULL: no reply (yet). */
static void *read_in_pieces(redisReader *reader, const char *bytes, size_t n, size_t cut)
{
    void *reply = NULL;

    CHECK(redisReaderFeed(reader, bytes, cut) == REDIS_OK);
    if (redisReaderGetReply(reader, &reply) != REDIS_OK || reply)
        return reply;
    CHECK(redisReaderFeed(reader, bytes + cut, n - cut) == REDIS_OK);
    return redisReaderGetReply(reader, &reply) == REDIS_OK ? reply : NULL;
}

static const char everything[] = "*7\r\n$2\r\nab\r\n:-7\r\n$-1\r\n*0\r\n+OK\r\n-ERR no\r\n"
                                 "*2\r\n*2\r\n$5\r\na\0b\r\n\r\n$0\r\n\r\n*-1\r\n";

TEST(every_kind_of_reply_is_as_hiredis_makes_it_wherever_it_is_cut)
{
    size_t n = sizeof(everything) - 1;
    struct arena *arena = arena_new(64, 1 << 20);

    for (size_t cut = 1; cut < n; cut++) {
        redisReader *theirs = redisReaderCreate(), *ours = redisReaderCreate();
        struct strbuf expected = STRBUF_INIT, got = STRBUF_INIT;
        redisReply *reply = read_in_pieces(theirs, everything, n, cut), *mine;

        CHECK(reply != NULL);
        spell(&expected, reply);
        freeReplyObject(reply);
        reply_in_arena(ours, arena);
        mine = read_in_pieces(ours, everything, n, cut);
        CHECK(mine != NULL);
        spell(&got, mine);
        CHECK_BYTES(got.data, got.length, expected.data, expected.length);
        arena_reset(arena);
        strbuf_deinit(&expected);
        strbuf_deinit(&got);
        redisReaderFree(theirs);
        redisReaderFree(ours);
    }
    arena_free(arena);
}

TEST(a_reply_that_never_ends_is_given_up_without_being_freed)
{
    redisReader *reader = redisReaderCreate();
    struct arena *arena = arena_new(64, 1 << 20);
    void *reply = NULL;

    reply_in_arena(reader, arena);
    CHECK(redisReaderFeed(reader, everything, 20) == REDIS_OK);
    CHECK(redisReaderGetReply(reader, &reply) == REDIS_OK && !reply);
    redisReaderFree(reader); /* as when the connection is lost */
    arena_free(arena);
}

TEST(a_full_arena_is_a_failure_of_the_reader)
{
    redisReader *reader = redisReaderCreate();
    struct arena *arena = arena_new(64, 256);
    void *reply = NULL;

    reply_in_arena(reader, arena);
    CHECK(redisReaderFeed(reader, everything, sizeof(everything) - 1) == REDIS_OK);
    CHECK(redisReaderGetReply(reader, &reply) == REDIS_ERR);
    CHECK(reader->err == REDIS_ERR_OOM);
    redisReaderFree(reader);
    arena_free(arena);
}

/* An error of the reader, which keeps nothing of the reply. */
static void check_refused(struct arena *arena, const char *bytes)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    reply_in_arena(reader, arena);
    CHECK(redisReaderFeed(reader, bytes, strlen(bytes)) == REDIS_OK);
    CHECK(redisReaderGetReply(reader, &reply) == REDIS_ERR);
    CHECK(!reply && !reader->reply);
    redisReaderFree(reader);
}

TEST(lengths_that_are_lies_are_refused_without_touching_memory)
{
    struct arena *arena = arena_new(64, SIZE_MAX);

    check_refused(arena, "*1048577\r\n");
    check_refused(arena, "*2147483647\r\n");
    check_refused(arena, "*2\r\n*2147483647\r\n");
    check_refused(arena, "*99999999999\r\n");
    check_refused(arena, "$-7\r\n");
    CHECK(arena_used(arena) < 4096);
    arena_free(arena);
}

TEST(types_nobody_asked_for_are_refused)
{
    static const char *const replies[] = {",1.5\r\n",        "#t\r\n",       "%1\r\n+a\r\n+b\r\n",
                                          "~1\r\n+a\r\n",    ">1\r\n+a\r\n", "(123\r\n",
                                          "=5\r\ntxt:a\r\n", "*1\r\n#f\r\n", "*2\r\n>1\r\n+a\r\n"};
    struct arena *arena = arena_new(64, 1 << 20);

    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
        check_refused(arena, replies[i]);
    arena_free(arena);
}

TEST(a_body_larger_than_every_chunk_arrives_whole)
{
    redisReader *reader = redisReaderCreate();
    struct arena *arena = arena_new(64, 1 << 24);
    struct strbuf bytes = STRBUF_INIT;
    const redisReply *reply;

    strbuf_add_format(&bytes, "*2\r\n$3000000\r\n");
    for (size_t i = 0; i < 3000000; i++)
        strbuf_add_char(&bytes, "0123456789abcdef"[i % 16]);
    strbuf_add_format(&bytes, "\r\n$1\r\nz\r\n");
    reply_in_arena(reader, arena);
    reply = read_in_pieces(reader, bytes.data, bytes.length, 16384);
    CHECK(reply && reply->elements == 2);
    CHECK_BYTES(reply->element[0]->str, reply->element[0]->len, bytes.data + 14, 3000000);
    CHECK_TEXT(reply->element[1]->str, "z");
    redisReaderFree(reader);
    strbuf_deinit(&bytes);
    arena_free(arena);
}

TEST(set_back_the_reader_makes_replies_that_are_freed_again)
{
    redisReader *reader = redisReaderCreate();
    struct arena *arena = arena_new(64, 1 << 20);
    redisReplyObjectFunctions *before = reply_in_arena(reader, arena);
    redisReply *reply;

    CHECK(read_in_pieces(reader, "+OK\r\n", 5, 2) != NULL);
    reply_as_before(reader, before);
    arena_reset(arena);
    reply = read_in_pieces(reader, "+OK\r\n", 5, 2);
    CHECK(reply && strcmp(reply->str, "OK") == 0);
    freeReplyObject(reply);
    redisReaderFree(reader);
    arena_free(arena);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(every_kind_of_reply_is_as_hiredis_makes_it_wherever_it_is_cut),
                        CASE(a_reply_that_never_ends_is_given_up_without_being_freed),
                        CASE(a_full_arena_is_a_failure_of_the_reader),
                        CASE(lengths_that_are_lies_are_refused_without_touching_memory),
                        CASE(types_nobody_asked_for_are_refused),
                        CASE(a_body_larger_than_every_chunk_arrives_whole),
                        CASE(set_back_the_reader_makes_replies_that_are_freed_again));
}
