/* test_arena.c - memory of one turn: alignment, zeroes, limits, reuse. */
#include "common/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <string.h>

#include "common/log.h"
#include "tests/harness.h"
#include "tests/unit/no_memory.h"

static bool all_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

TEST(hands_out_zeroed_and_aligned_memory)
{
    struct arena *a = arena_new(4096, 1 << 20);

    for (int turn = 0; turn < 3; turn++) {
        for (size_t n = 0; n < 200; n++) {
            unsigned char *p = arena_take(a, n);

            CHECK(p != NULL);
            CHECK_INT((uintptr_t)p % alignof(max_align_t), 0);
            CHECK(all_zero(p, n));
            memset(p, 0xff, n);
        }
        arena_reset(a);
        CHECK_INT(arena_used(a), 0);
    }
    arena_free(a);
}

TEST(gives_nothing_beyond_the_limit)
{
    struct arena *a = arena_new(64, 256);

    CHECK(arena_take(a, 257) == NULL);
    CHECK(arena_take(a, SIZE_MAX) == NULL);
    CHECK(arena_take(a, SIZE_MAX - 8) == NULL);
    CHECK(arena_take_array(a, SIZE_MAX / 2, 3) == NULL);
    for (int i = 0; i < 4; i++)
        CHECK(arena_take(a, 64) != NULL);
    CHECK(arena_take(a, 1) == NULL);
    CHECK_INT(arena_used(a), 256);
    arena_reset(a);
    CHECK(arena_take(a, 64) != NULL);
    arena_free(a);
}

TEST(uses_the_same_chunks_again)
{
    struct arena *a = arena_new(64, 4096);
    void *first = arena_take(a, 48), *second = arena_take(a, 48);

    CHECK(first != NULL && second != NULL);
    arena_reset(a);
    CHECK(arena_take(a, 48) == first);
    CHECK(arena_take(a, 48) == second);
    arena_free(a);
}

TEST(a_turn_that_ran_dry_does_not_spoil_the_next)
{
    struct arena *a = arena_new(64, 1024);
    int taken = 0;

    while (arena_take(a, 64))
        taken++;
    CHECK_INT(taken, 16);
    CHECK(arena_take(a, 960) == NULL);
    arena_reset(a);
    /* Needs a chunk of its own, for which the chunks of the turn before would leave no room. */
    CHECK(arena_take(a, 960) != NULL);
    arena_free(a);
}

TEST(copies_bytes_and_adds_a_terminator)
{
    struct arena *a = arena_new(64, 128);

    CHECK_BYTES(arena_copy(a, "a\0b", 3), 4, "a\0b\0", 4);
    CHECK_TEXT(arena_copy(a, NULL, 0), "");
    CHECK(arena_copy(a, "", SIZE_MAX) == NULL);
    CHECK(arena_take_array(a, 0, 16) != NULL);
    arena_free(a);
    arena_free(NULL);
}

TEST(empty_requests_have_different_addresses)
{
    struct arena *a = arena_new(64, 64);
    void *one = arena_take(a, 0), *two = arena_take(a, 0);

    CHECK(one != NULL && two != NULL && one != two);
    arena_free(a);
}

static void want_too_much(void *arena)
{
    no_memory_from_here();
    (void)arena_take(arena, (size_t)(NO_MEMORY_MB + 1) << 20);
}

/* The limit is the turn's affair, a machine without memory nobody's: a turn must not do less for it and go on. */
TEST(a_chunk_the_machine_has_no_memory_for_ends_the_process)
{
    struct arena *a = arena_new(4096, (size_t)1 << 30);
    char said[4096];
    int status;

    log_setup("test", LOG_ERROR, false);
    status = no_memory_run(want_too_much, a, said, sizeof said);
    CHECK(no_memory_ended(status, said));
    CHECK(strstr(said, "bytes=68157"));
    arena_free(a);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(hands_out_zeroed_and_aligned_memory), CASE(gives_nothing_beyond_the_limit),
        CASE(uses_the_same_chunks_again), CASE(a_turn_that_ran_dry_does_not_spoil_the_next),
        CASE(copies_bytes_and_adds_a_terminator), CASE(empty_requests_have_different_addresses),
        CASE(a_chunk_the_machine_has_no_memory_for_ends_the_process));
}
