/* test_group.c - which events become needs, which are kept raw, and which can never be served. */
#include "worker/group.h"

#include "tests/unit/mongo_fixture.h"

/* An order's event with this id, which may have any bytes. */
static struct message *with_id(const char *id, size_t length)
{
    struct message *m = event("1", 10, 0, false);

    m->entry.id = (struct entry_text){id, length};
    return m;
}

/* Folds one message; what it became is left in pool and settled. */
static void fold(struct pool *p, struct message *m, struct message_list *settled)
{
    struct message_list incoming = {0};

    message_append(&incoming, m);
    group_fold(p, &incoming, settled, 7);
    CHECK_INT(incoming.count, 0);
}

TEST(an_order_waits_for_its_lookup)
{
    struct message_list settled = {0};
    struct pool *p = pool_new();

    fold(p, event("1", 10, 0, false), &settled);
    fold(p, event("1", 11, 0, false), &settled);
    CHECK_INT(pool_needs(p), 1);
    CHECK_INT(pool_messages(p), 2);
    CHECK_INT(settled.count, 0);
    pool_free(p);
}

TEST(a_kind_without_a_document_is_kept_raw)
{
    struct message_list settled = {0};
    struct message *m = event("1", 10, 0, false);
    struct pool *p = pool_new();

    m->entry.kind = ENTRY_OTHER;
    m->entry.id = (struct entry_text){"", 0}; /* nothing is asked of it */
    fold(p, m, &settled);
    CHECK_INT(pool_needs(p), 1);
    CHECK_INT(settled.count, 0);
    pool_free(p);
}

TEST(an_id_that_is_no_short_word_is_a_dead_letter_and_not_its_shops_trouble)
{
    static char long_id[129];
    const struct entry_text bad[] = {{"", 0},          {"5\0x", 3},    {"\xff\xfe", 2}, {"5 7", 3},
                                     {"5\r\nx: y", 7}, {long_id, 129}, {"\xc3\xa4", 2}, {"\x7f", 1}};

    memset(long_id, '7', sizeof(long_id));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct message_list settled = {0};
        struct message *m = with_id(bad[i].data, bad[i].length);
        struct pool *p = pool_new();

        if (i % 2 == 1) { /* the same holds for the shop */
            m->entry.shop = m->entry.id;
            m->entry.id = (struct entry_text){"1", 1};
        }
        fold(p, m, &settled);
        CHECK_INT(pool_needs(p), 0);
        CHECK_INT(settled.count, 1);
        CHECK_INT(m->outcome, OUTCOME_POISON);
        CHECK_INT(m->dead_class, DEAD_BAD_PAYLOAD);
        message_list_deinit(&settled);
        pool_free(p);
    }
}

TEST(the_longest_id_is_served)
{
    static char id[128];
    struct message_list settled = {0};
    struct pool *p = pool_new();

    memset(id, '7', sizeof(id));
    fold(p, with_id(id, sizeof(id)), &settled);
    CHECK_INT(pool_needs(p), 1);
    pool_free(p);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(an_order_waits_for_its_lookup),
                        CASE(a_kind_without_a_document_is_kept_raw),
                        CASE(an_id_that_is_no_short_word_is_a_dead_letter_and_not_its_shops_trouble),
                        CASE(the_longest_id_is_served));
}
