/* test_message.c - one stream entry as the lane holds it, and lists of them. */
#include "worker/message.h"

#include <string.h>

#include "tests/harness.h"

#define T(s) ((struct entry_text){(s), sizeof(s) - 1})

static const struct entry_text good[] = {
    T("v"),        T("1"),
    T("platform"), T("tiktok"),
    T("shop"),     T("749"),
    T("topic"),    T("1"),
    T("kind"),     T("other"),
    T("id"),       T("576"),
    T("recv_ms"),  T("1718305585123"),
    T("key"),      T("k1"),
    T("src"),      T("webhook"),
    T("trace"),    T("t1"),
    T("body"),     T("{\"a\":\"\0\"}"),
};

enum { GOOD = sizeof(good) / sizeof(good[0]) };

static bool keep_all(const struct entry *e)
{
    (void)e;
    return true;
}

static bool keep_none(const struct entry *e)
{
    (void)e;
    return false;
}

TEST(copies_every_text_out_of_the_reply)
{
    char value[] = "749";
    struct entry_text fields[GOOD];
    struct message *m;

    memcpy(fields, good, sizeof(good));
    fields[5] = (struct entry_text){value, 3};
    m = message_new(3, "1718305585123-7", fields, GOOD, keep_all);
    memset(value, 'x', 3);
    CHECK(m->readable);
    CHECK_INT(m->stream, 3);
    CHECK_TEXT(m->stream_id, "1718305585123-7");
    CHECK_INT(m->entry_ms, INT64_C(1718305585123));
    CHECK_INT(m->deliveries, 1);
    CHECK_INT(m->outcome, OUTCOME_RETRY);
    CHECK_TEXT(m->entry.shop.data, "749");
    CHECK_TEXT(m->entry.trace.data, "t1");
    CHECK_BYTES(m->entry.body.data, m->entry.body.length, "{\"a\":\"\0\"}", 9);
    CHECK(m->bytes > sizeof(*m) && m->bytes < sizeof(*m) + 100);
    message_free(m);
}

TEST(keeps_the_kind_of_a_return_after_the_reply_is_gone)
{
    char value[] = "cancellation";
    struct entry_text fields[GOOD + 2];
    struct message *m;

    memcpy(fields, good, sizeof(good));
    fields[GOOD] = T("return_kind");
    fields[GOOD + 1] = (struct entry_text){value, sizeof(value) - 1};
    m = message_new(0, "5-1", fields, GOOD + 2, keep_all);
    memset(value, 'x', sizeof(value) - 1);
    CHECK(m->readable);
    CHECK_TEXT(m->entry.return_kind.data, "cancellation");
    message_free(m);
}

TEST(attempts_of_earlier_lives_count)
{
    struct entry_text fields[GOOD + 2];
    struct message *m;

    memcpy(fields, good, sizeof(good));
    fields[GOOD] = T("attempts");
    fields[GOOD + 1] = T("3");
    m = message_new(0, "5-1", fields, GOOD + 2, keep_all);
    CHECK_INT(m->deliveries, 1);
    CHECK_INT(message_attempt(m), 4);
    m->deliveries = 3;
    CHECK_INT(message_attempt(m), 6);
    message_free(m);
}

TEST(drops_the_body_when_the_caller_says_so)
{
    struct message *m = message_new(0, "1-0", good, GOOD, keep_none);

    CHECK(m->readable);
    CHECK(m->entry.body.data == NULL);
    CHECK_INT(m->entry.body.length, 0);
    message_free(m);
}

TEST(an_entry_that_cannot_be_read_comes_judged)
{
    struct entry_text fields[GOOD];
    struct message *m = message_new(0, "5-1", good, GOOD - 1, keep_all);

    CHECK(!m->readable);
    CHECK_INT(m->outcome, OUTCOME_POISON);
    CHECK_INT(m->dead_class, DEAD_BAD_PAYLOAD);
    CHECK(m->error[0] != '\0');
    CHECK_INT(m->entry_ms, 5);
    message_free(m);
    m = message_new(0, "5-1", NULL, 0, keep_all);
    CHECK(!m->readable);
    message_free(m);
    memcpy(fields, good, sizeof(good));
    fields[4] = T("s\0hop");
    m = message_new(0, "5-1", fields, GOOD, keep_all);
    CHECK(!m->readable);
    CHECK(strstr(m->error, "shop") != NULL);
    message_free(m);
}

TEST(an_id_that_is_none_has_no_time)
{
    struct message *m = message_new(0, "nonsense", good, GOOD, keep_all);

    CHECK_INT(m->entry_ms, 0);
    message_free(m);
    m = message_new(0, "123456789012345678901234567890123456789012345678901234567890-0", good, GOOD,
                    keep_all);
    CHECK_INT(m->entry_ms, 0);
    CHECK_INT(strlen(m->stream_id), STREAM_ID_MAX - 1);
    message_free(m);
}

static struct message *numbered(const char *id)
{
    return message_new(0, id, good, GOOD, keep_all);
}

TEST(lists_keep_order_and_sums)
{
    struct message_list a = {0}, b = {0};
    struct message *m;

    CHECK(message_pop(&a) == NULL);
    message_splice(&a, &b);
    CHECK_INT(a.count, 0);
    message_append(&a, numbered("1-0"));
    message_append(&b, numbered("2-0"));
    message_append(&b, numbered("3-0"));
    message_splice(&a, &b);
    CHECK_INT(a.count, 3);
    CHECK_INT(b.count, 0);
    CHECK(b.first == NULL && b.last == NULL);
    message_splice(&b, &a);
    CHECK_INT(b.count, 3);
    m = message_pop(&b);
    CHECK_TEXT(m->stream_id, "1-0");
    CHECK(m->next == NULL);
    CHECK_INT(b.bytes, 2 * m->bytes);
    message_free(m);
    message_list_deinit(&b);
    CHECK_INT(b.count, 0);
    CHECK_INT(b.bytes, 0);
    CHECK(b.last == NULL);
}

TEST(a_verdict_replaces_the_one_before)
{
    struct message_list list = {0};
    char longer[600];

    memset(longer, 'e', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    memcpy(longer + 198, "\xC3\xA4", 2); /* the cut falls into a character */
    message_append(&list, numbered("1-0"));
    message_defer_list(&list, 7000, "shop is slow");
    CHECK_INT(list.first->outcome, OUTCOME_RETRY);
    CHECK(list.first->free_retry);
    CHECK_INT(list.first->retry_in_ms, 7000);
    CHECK_TEXT(list.first->error, "shop is slow");
    message_judge_list(&list, OUTCOME_POISON, DEAD_REJECTED, longer);
    CHECK_INT(list.first->dead_class, DEAD_REJECTED);
    CHECK(!list.first->free_retry);
    CHECK_INT(list.first->retry_in_ms, 0);
    CHECK_INT(strlen(list.first->error), 198);
    message_judge(list.first, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    CHECK_TEXT(list.first->error, "");
    message_list_deinit(&list);
}

TEST(names_of_dead_letter_classes_are_fixed)
{
    CHECK_TEXT(dead_class_name(DEAD_UNKNOWN), "unknown");
    CHECK_TEXT(dead_class_name(DEAD_BAD_PAYLOAD), "bad_payload");
    CHECK_TEXT(dead_class_name(DEAD_NOT_FOUND), "not_found");
    CHECK_TEXT(dead_class_name(DEAD_REJECTED), "rejected");
    CHECK_TEXT(dead_class_name(DEAD_MONGO_WRITE), "mongo_write");
    CHECK_TEXT(dead_class_name(DEAD_CRASH), "crash");
    CHECK_TEXT(dead_class_name(DEAD_LOST), "lost");
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(copies_every_text_out_of_the_reply),
                        CASE(keeps_the_kind_of_a_return_after_the_reply_is_gone),
                        CASE(attempts_of_earlier_lives_count), CASE(drops_the_body_when_the_caller_says_so),
                        CASE(an_entry_that_cannot_be_read_comes_judged), CASE(an_id_that_is_none_has_no_time),
                        CASE(lists_keep_order_and_sums), CASE(a_verdict_replaces_the_one_before),
                        CASE(names_of_dead_letter_classes_are_fixed));
}
