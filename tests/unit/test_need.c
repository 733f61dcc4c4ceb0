/* test_need.c - folding, the join table, counters, states. */
#include "worker/need.h"

#include "tests/unit/mongo_fixture.h"

static struct message *numbered(int i)
{
    char id[32];

    snprintf(id, sizeof(id), "%d", i);
    return event(id, 1000 + i, 0, false);
}

static void drop(struct pool *p, struct need *n)
{
    message_list_deinit(&n->messages);
    pool_remove(p, n);
}

TEST(events_of_one_entity_fold_into_one_need)
{
    struct pool *p = pool_new();
    struct need *n = pool_add(p, event("1", 10, 0, false), false);

    CHECK(pool_add(p, event("1", 11, 0, false), false) == n);
    CHECK(pool_add(p, event("2", 12, 0, false), false) != n);
    CHECK_TEXT(n->platform, "tiktok");
    CHECK_TEXT(n->shop, "749");
    CHECK_TEXT(n->id, "1");
    CHECK_TEXT(n->doc_id, "tiktok:749:1");
    CHECK_INT(n->messages.count, 2);
    CHECK_INT(pool_needs(p), 2);
    CHECK_INT(pool_messages(p), 3);
    pool_free(p);
}

TEST(one_id_of_two_kinds_is_two_entities)
{
    struct pool *p = pool_new();
    struct need *n = pool_add(p, event("1", 10, 0, false), false);
    struct message *m = event("1", 11, 0, false);

    m->entry.kind = ENTRY_RETURN;
    CHECK(pool_add(p, m, false) != n);
    pool_free(p);
}

TEST(raw_messages_never_fold)
{
    struct pool *p = pool_new();
    struct need *n = pool_add(p, event("1", 10, 0, false), true);

    CHECK(n->raw);
    CHECK(pool_add(p, event("1", 11, 0, false), true) != n);
    CHECK(pool_add(p, event("1", 11, 0, false), false) != n);
    CHECK_INT(pool_needs(p), 3);
    pool_free(p);
}

TEST(nothing_joins_a_need_whose_call_was_sent)
{
    struct pool *p = pool_new();
    struct need *n = pool_add(p, event("1", 10, 0, false), false), *later;

    need_enter(p, n, NEED_WAITING);
    CHECK(pool_add(p, event("1", 11, 0, false), false) == n);
    need_enter(p, n, NEED_CALLING);
    later = pool_add(p, event("1", 12, 0, false), false);
    CHECK(later != n);
    CHECK(pool_is_calling(p, later));
    CHECK(!pool_is_calling(p, n)); /* not by another one */
    need_enter(p, n, NEED_ANSWERED);
    CHECK(!pool_is_calling(p, later));
    CHECK(pool_add(p, event("1", 13, 0, false), false) == later);
    pool_free(p);
}

TEST(needs_of_one_entity_meet_again_at_the_lookup)
{
    struct pool *p = pool_new();
    struct need *old = pool_add(p, event("1", 10, 0, false), false), *later;

    need_enter(p, old, NEED_WAITING);
    need_enter(p, old, NEED_CALLING);
    later = pool_add(p, event("1", 12, 0, false), false);
    later->alone = true;
    old->since_mono_ms = 7;
    pool_add(p, event("2", 13, 0, false), false);
    pool_fold(p); /* the call is under way: still apart */
    CHECK_INT(pool_needs(p), 3);
    need_enter(p, old, NEED_WAITING);
    pool_fold(p);
    CHECK_INT(pool_needs(p), 2);
    CHECK_INT(old->messages.count, 2);
    CHECK_INT(pool_messages(p), 3);
    CHECK(old->alone);
    CHECK_INT(old->since_mono_ms, 7);
    CHECK(pool_add(p, event("1", 14, 0, false), false) == old);
    pool_free(p);
}

TEST(the_sums_follow_the_messages)
{
    struct pool *p = pool_new();
    struct message_list out = {0};
    size_t bytes = 0;

    for (int i = 0; i < 5000; i++) { /* grows the table */
        struct message *m = numbered(i % 2500);

        bytes += m->bytes;
        pool_add(p, m, false);
    }
    CHECK_INT(pool_needs(p), 2500);
    CHECK_INT(pool_messages(p), 5000);
    CHECK_INT(pool_bytes(p), bytes);
    for (int i = 0; i < 2500; i++) {
        struct need *n = pool_add(p, numbered(i), false);

        message_splice(&out, &n->messages);
        pool_remove(p, n);
    }
    CHECK_INT(pool_needs(p), 0);
    CHECK_INT(pool_messages(p), 0);
    CHECK_INT(pool_bytes(p), 0);
    CHECK_INT(out.count, 7500);
    message_list_deinit(&out);
    pool_free(p);
}

TEST(a_need_moves_to_another_pool_with_its_messages)
{
    struct pool *p = pool_new(), *other = pool_new();
    struct need *n = pool_add(p, event("1", 10, 0, false), false), *later;

    pool_add(p, event("1", 11, 0, false), false);
    pool_add(p, event("2", 12, 0, false), false);
    need_enter(p, n, NEED_WAITING);
    need_enter(p, n, NEED_CALLING);
    need_enter(p, n, NEED_ANSWERED);
    pool_move(p, n, other);
    CHECK_INT(pool_needs(p), 1);
    CHECK_INT(pool_messages(p), 1);
    CHECK_INT(pool_messages(other), 2);
    CHECK_INT(pool_bytes(other), n->messages.bytes);
    CHECK_INT(pool_count(p, NEED_ANSWERED), 0);
    CHECK_INT(pool_count(other, NEED_ANSWERED), 1);
    later = pool_add(p, event("1", 13, 0, false), false);
    CHECK(later != n);
    need_enter(other, n, NEED_NEW);
    pool_move(other, n, p); /* beside the one that came meanwhile, until they are folded */
    CHECK_INT(pool_needs(other), 0);
    CHECK_INT(pool_messages(other), 0);
    CHECK_INT(pool_bytes(other), 0);
    CHECK_INT(pool_needs(p), 3);
    pool_fold(p);
    CHECK_INT(pool_needs(p), 2);
    CHECK_INT(later->messages.count, 3);
    pool_free(p);
    pool_free(other);
}

static bool even_entry(void *context, struct message *m)
{
    (void)context;
    return m->entry_ms % 2 == 0;
}

TEST(some_messages_leave_and_the_others_stay)
{
    struct pool *p = pool_new();
    struct message_list out = {0};
    struct need *n = NULL;

    for (int i = 10; i < 15; i++)
        n = pool_add(p, event("1", i, 0, false), false);
    need_take(p, n, even_entry, NULL, &out);
    CHECK_INT(out.count, 3);
    CHECK_INT(out.first->entry_ms, 10);
    CHECK_INT(out.last->entry_ms, 14);
    CHECK_INT(n->messages.count, 2);
    CHECK_INT(n->messages.first->entry_ms, 11);
    CHECK_INT(pool_messages(p), 2);
    CHECK_INT(pool_bytes(p), n->messages.bytes);
    message_list_deinit(&out);
    pool_free(p);
}

TEST(needs_are_collected_by_state_in_order_of_arrival)
{
    struct pool *p = pool_new();
    struct arena *a = arena_new(4096, 1 << 20);
    struct need *all[5], **found;
    size_t count;

    for (int i = 0; i < 5; i++)
        all[i] = pool_add(p, numbered(i), false);
    need_enter(p, all[3], NEED_WAITING);
    need_enter(p, all[1], NEED_WAITING);
    found = pool_collect(p, NEED_WAITING, a, &count);
    CHECK_INT(count, 2);
    CHECK(found[0] == all[1] && found[1] == all[3]);
    CHECK(pool_collect(p, NEED_JUDGED, a, &count) == NULL);
    CHECK_INT(count, 0);
    drop(p, all[1]);
    found = pool_collect(p, NEED_WAITING, a, &count);
    CHECK_INT(count, 1);
    CHECK(found[0] == all[3]);
    arena_free(a);
    pool_free(p);
}

TEST(a_full_arena_gives_no_needs_instead_of_half_of_them)
{
    struct pool *p = pool_new();
    struct arena *a = arena_new(64, 64);
    size_t count = 1;

    for (int i = 0; i < 100; i++)
        pool_add(p, numbered(i), false);
    CHECK(pool_collect(p, NEED_NEW, a, &count) == NULL);
    CHECK_INT(count, 0);
    arena_free(a);
    pool_free(p);
}

TEST(judging_a_need_judges_every_message)
{
    struct pool *p = pool_new();
    struct need *n = pool_add(p, event("1", 10, 0, false), false);

    pool_add(p, event("1", 11, 0, false), false);
    need_judge(p, n, OUTCOME_POISON, DEAD_MONGO_WRITE, "no");
    CHECK_INT(n->state, NEED_JUDGED);
    CHECK_INT(n->messages.last->outcome, OUTCOME_POISON);
    CHECK_TEXT(n->messages.first->error, "no");
    n = pool_add(p, event("2", 10, 0, false), false);
    need_defer(p, n, 4000, "later");
    CHECK_INT(n->messages.first->outcome, OUTCOME_RETRY);
    CHECK(n->messages.first->free_retry);
    CHECK_INT(n->messages.first->retry_in_ms, 4000);
    pool_free(p);
}

struct walk {
    struct pool *pool;
    int seen;
};

static void drop_each(void *context, struct need *n)
{
    struct walk *walk = context;

    walk->seen++;
    drop(walk->pool, n);
}

TEST(a_visitor_may_remove_what_it_visits)
{
    struct walk walk = {pool_new(), 0};

    for (int i = 0; i < 10; i++)
        pool_add(walk.pool, numbered(i), false);
    pool_each(walk.pool, drop_each, &walk);
    CHECK_INT(walk.seen, 10);
    CHECK_INT(pool_needs(walk.pool), 0);
    pool_free(walk.pool);
    pool_free(NULL);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(events_of_one_entity_fold_into_one_need), CASE(one_id_of_two_kinds_is_two_entities),
        CASE(raw_messages_never_fold), CASE(nothing_joins_a_need_whose_call_was_sent),
        CASE(needs_of_one_entity_meet_again_at_the_lookup), CASE(the_sums_follow_the_messages),
        CASE(a_need_moves_to_another_pool_with_its_messages), CASE(some_messages_leave_and_the_others_stay),
        CASE(needs_are_collected_by_state_in_order_of_arrival),
        CASE(a_full_arena_gives_no_needs_instead_of_half_of_them), CASE(judging_a_need_judges_every_message),
        CASE(a_visitor_may_remove_what_it_visits));
}
