/* test_upsert.c - what is sent, what every answer and every silence of MongoDB leads to; against the mock. */
#include "worker/upsert.h"

#include "common/keys.h"
#include "common/metrics.h"
#include "tests/unit/mongo_fixture.h"
#include "worker/raw_event.h"

/* A waiting need with one event stored at entry_ms. */
static struct need *wanted(struct world *w, const char *id, int64_t entry_ms)
{
    struct need *n = add(w, event(id, entry_ms, 0, false));

    CHECK(look_up(w));
    CHECK_INT(n->state, NEED_WAITING);
    return n;
}

/* Three fresh orders 1, 2, 3, served at version 10, fetched 100. */
static void three(struct world *w)
{
    struct need *n[3];
    static const char *const ids[] = {"3", "1", "2"};

    for (int i = 0; i < 3; i++)
        n[i] = add(w, event(ids[i], 50, 0, false));
    CHECK(look_up(w));
    for (int i = 0; i < 3; i++)
        serve(w, n[i], 10, 100, "a");
}

/* The same three are stored, in an older state. */
static void stored_three(struct world *w)
{
    mongo_mock_put(w->mock, "orders", "{\"_id\":\"tiktok:749:1\",\"version\":1,\"fetched_ms\":5}");
    mongo_mock_put(w->mock, "orders", "{\"_id\":\"tiktok:749:2\",\"version\":1,\"fetched_ms\":5}");
    mongo_mock_put(w->mock, "orders", "{\"_id\":\"tiktok:749:3\",\"version\":1,\"fetched_ms\":5}");
}

static struct need *need_of(struct world *w, const char *id)
{
    struct need *n = add(w, event(id, 1, 0, false)); /* joins when it is NEW or WAITING */

    return n;
}

static const struct message *settled_of(const struct world *w, const char *id)
{
    for (const struct message *m = w->settled.first; m; m = m->next) {
        if (strcmp(m->entry.id.data, id) == 0)
            return m;
    }
    return NULL;
}

static enum outcome outcome_of(const struct world *w, const char *id)
{
    const struct message *m = settled_of(w, id);

    CHECK(m != NULL);
    return m ? m->outcome : OUTCOME_DISCONNECTED;
}

/* Field `name` of op `op` of the i-th update command. */
static bool op_field(struct world *w, size_t i, int op, const char *name, bson_iter_t *out)
{
    char path[128];
    bson_iter_t root;
    const bson_t *sent = mongo_mock_sent(w->mock, "update", i);

    snprintf(path, sizeof(path), "updates.%d.%s", op, name);
    return sent && bson_iter_init(&root, sent) && bson_iter_find_descendant(&root, path, out);
}

static const char *op_text(struct world *w, size_t i, int op, const char *name)
{
    bson_iter_t it;

    return op_field(w, i, op, name, &it) && BSON_ITER_HOLDS_UTF8(&it) ? bson_iter_utf8(&it, NULL) : "(none)";
}

static bool op_has(struct world *w, size_t i, int op, const char *name)
{
    bson_iter_t it;

    return op_field(w, i, op, name, &it);
}

static bool op_upsert(struct world *w, size_t i, int op)
{
    bson_iter_t it;

    return op_field(w, i, op, "upsert", &it) && bson_iter_as_bool(&it);
}

/* Text `name` of document `row` of the i-th insert command. */
static const char *insert_text(struct world *w, size_t i, int row, const char *name)
{
    char path[128];
    bson_iter_t root, it;
    const bson_t *sent = mongo_mock_sent(w->mock, "insert", i);

    snprintf(path, sizeof(path), "documents.%d.%s", row, name);
    return sent && bson_iter_init(&root, sent) && bson_iter_find_descendant(&root, path, &it) &&
                   BSON_ITER_HOLDS_UTF8(&it)
               ? bson_iter_utf8(&it, NULL)
               : "(none)";
}

static int insert_count(struct world *w, size_t i)
{
    int n = 0;

    while (strcmp(insert_text(w, i, n, "_id"), "(none)") != 0)
        n++;
    return n;
}

static int op_count(struct world *w, size_t i)
{
    int n = 0;

    while (op_has(w, i, n, "q"))
        n++;
    return n;
}

/* Nothing was judged and everything starts again. */
static void check_given_back(struct world *w, size_t needs)
{
    size_t count;
    struct need **n = pool_collect(w->pool, NEED_NEW, w->arena, &count);

    CHECK_INT(count, needs);
    for (size_t i = 0; i < count; i++) {
        CHECK(n[i]->document == NULL);
        CHECK_INT(n[i]->answer.kind, ANSWER_NONE);
        CHECK(n[i]->messages.first->repeat);
    }
    CHECK_INT(w->settled.count, 0);
}

/* --- plain writes ---------------------------------------------------------------------------------- */

TEST(new_orders_are_one_unordered_insert_sorted_by_id)
{
    struct world w;
    bson_iter_t it;

    world_start(&w);
    three(&w);
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_count(w.mock, "update"), 0);
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 1);
    CHECK(bson_iter_init_find(&it, mongo_mock_sent(w.mock, "insert", 0), "ordered") && !bson_iter_bool(&it));
    CHECK_INT(insert_count(&w, 0), 3);
    CHECK_TEXT(insert_text(&w, 0, 0, "_id"), "tiktok:749:1");
    CHECK_TEXT(insert_text(&w, 0, 1, "_id"), "tiktok:749:2");
    CHECK_TEXT(insert_text(&w, 0, 2, "_id"), "tiktok:749:3");
    CHECK_INT(w.settled.count, 3);
    CHECK_INT(outcome_of(&w, "2"), OUTCOME_DONE);
    CHECK_INT(stored_int(&w, "1", "version"), 10);
    CHECK_INT(stored_int(&w, "1", "first_seen"), 100);
    CHECK(!stored_has(&w, "1", "deleted_at")); /* there is nothing to take away */
    CHECK_INT(pool_needs(w.pool), 0);
    world_stop(&w);
}

TEST(changed_orders_are_one_unordered_command_sorted_by_id_with_upsert_and_guard)
{
    struct world w;
    bson_iter_t it;

    world_start(&w);
    stored_three(&w);
    three(&w);
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 0);
    CHECK_INT(mongo_mock_count(w.mock, "update"), 1);
    CHECK(bson_iter_init_find(&it, mongo_mock_sent(w.mock, "update", 0), "ordered") && !bson_iter_bool(&it));
    CHECK_INT(op_count(&w, 0), 3);
    CHECK_TEXT(op_text(&w, 0, 0, "q._id"), "tiktok:749:1");
    CHECK_TEXT(op_text(&w, 0, 1, "q._id"), "tiktok:749:2");
    CHECK_TEXT(op_text(&w, 0, 2, "q._id"), "tiktok:749:3");
    CHECK(op_upsert(&w, 0, 0));
    CHECK(op_has(&w, 0, 0, "q.version.$not.$gt"));
    CHECK(op_has(&w, 0, 0, "u.$setOnInsert.first_seen"));
    CHECK_INT(w.settled.count, 3);
    CHECK_INT(outcome_of(&w, "2"), OUTCOME_DONE);
    CHECK_INT(stored_int(&w, "1", "version"), 10);
    CHECK(!stored_has(&w, "1", "first_seen"));
    CHECK_INT(pool_needs(w.pool), 0);
    world_stop(&w);
}

/* The driver's own verdict would be success. */
TEST(updates_whose_reply_does_not_account_for_every_op_are_unknown)
{
    struct world w;

    world_start(&w);
    stored_three(&w);
    three(&w);
    mongo_mock_rule(w.mock,
                    &(struct mock_rule){.command = "update", .reply = "{\"ok\":1,\"n\":2,\"nModified\":2}"});
    CHECK(!flush(&w));
    check_given_back(&w, 3);
    world_stop(&w);
}

/* What vanished after the lookup is made by the upsert, what appeared is changed after the insert was refused. */
TEST(new_and_changed_orders_of_one_turn_survive_that_they_change_places)
{
    struct world w;

    world_start(&w);
    mongo_mock_put(w.mock, "orders", "{\"_id\":\"tiktok:749:2\",\"version\":1,\"fetched_ms\":5}");
    three(&w);
    mongo_mock_rule(
        w.mock,
        &(struct mock_rule){.command = "update", .put_collection = "orders", .remove_id = "tiktok:749:2"});
    mongo_mock_rule(
        w.mock, &(struct mock_rule){.command = "insert",
                                    .put_collection = "orders",
                                    .put = "{\"_id\":\"tiktok:749:3\",\"version\":9,\"fetched_ms\":300}"});
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(w.settled.count, 3);
    for (int i = 1; i <= 3; i++) {
        char id[16];

        snprintf(id, sizeof id, "%d", i);
        CHECK_INT(outcome_of(&w, id), OUTCOME_DONE);
        CHECK_INT(stored_int(&w, id, "version"), 10);
        CHECK_TEXT(stored_content(&w, id), "a");
    }
    world_stop(&w);
}

TEST(a_full_state_takes_away_what_it_does_not_set)
{
    struct world w;
    struct document *d;

    world_start(&w);
    mongo_mock_put(
        w.mock, "orders",
        "{\"_id\":\"tiktok:749:1\",\"version\":1,\"missing_at_ms\":5,\"behind\":true,\"raw\":\"r\","
        "\"validation_errors\":1,\"gone\":1,\"foreign\":1,\"first_seen\":7}");
    d = serve(&w, wanted(&w, "1", 50), 10, 100, "a");
    BSON_APPEND_INT32(d->unset, "gone", 1);
    BSON_APPEND_INT32(d->unset, "raw", 1);
    BSON_APPEND_INT32(d->set, "validation_errors", 2);
    CHECK(flush(&w));
    CHECK(!stored_has(&w, "1", "missing_at_ms"));
    CHECK(!stored_has(&w, "1", "behind"));
    CHECK(!stored_has(&w, "1", "raw"));
    CHECK(!stored_has(&w, "1", "gone"));
    CHECK_INT(stored_int(&w, "1", "validation_errors"), 2);
    CHECK_INT(stored_int(&w, "1", "foreign"), 1); /* not ours: stays */
    CHECK_INT(stored_int(&w, "1", "first_seen"), 7);
    world_stop(&w);
}

TEST(a_replay_leaves_identical_documents)
{
    struct world w;
    bson_t *first, *again;

    world_start(&w);
    w.config.fetch_policy = CONFIG_FETCH_ALWAYS;
    CHECK(whole_turn(&w, "1", 10, 100, "a"));
    first = mongo_mock_get(w.mock, "orders", doc_id("1"));
    for (int i = 0; i < 3; i++)
        CHECK(whole_turn(&w, "1", 10, 100, "a"));
    again = mongo_mock_get(w.mock, "orders", doc_id("1"));
    CHECK(bson_equal(first, again));
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 1); /* the others were seen to be stored */
    bson_destroy(first);
    bson_destroy(again);
    world_stop(&w);
}

TEST(bulks_are_cut_by_ops_and_by_bytes)
{
    struct world w;
    char id[16];
    char *big = malloc(3 << 20);

    world_start(&w);
    w.config.sync_batch_size_orders = 4;
    for (int i = 0; i < 10; i++) {
        snprintf(id, sizeof(id), "%d", i);
        serve(&w, wanted(&w, id, 50), 10, 100, "a");
    }
    CHECK(flush(&w));
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 3);
    CHECK_INT(insert_count(&w, 0), 4);
    CHECK_INT(insert_count(&w, 2), 2);
    collect(&w);
    mongo_mock_forget(w.mock);
    memset(big, 'x', 3 << 20);
    for (int i = 0; i < 3; i++) {
        snprintf(id, sizeof(id), "b%d", i);
        bson_append_utf8(serve(&w, wanted(&w, id, 50), 10, 100, "a")->set, "big", 3, big, 3 << 20);
    }
    CHECK(flush(&w));
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 2);
    CHECK_INT(insert_count(&w, 0), 2);
    collect(&w);
    CHECK_INT(w.settled.count, 13);
    free(big);
    world_stop(&w);
}

TEST(two_answers_of_one_entity_never_share_a_bulk)
{
    struct world w;
    struct need *old, *late;

    world_start(&w);
    old = wanted(&w, "1", 50);
    need_enter(w.pool, old, NEED_CALLING);
    late = wanted(&w, "1", 60);
    CHECK(late != old);
    serve(&w, late, 20, 110, "b");
    serve(&w, old, 10, 100, "a");
    CHECK(flush(&w));
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 2); /* the second is refused ... */
    CHECK_INT(mongo_mock_count(w.mock, "update"), 1); /* ... and goes on under the guard */
    CHECK_INT(stored_int(&w, "1", "version"), 20);
    collect(&w);
    CHECK_INT(w.settled.count, 2);
    CHECK_INT(w.settled.first->outcome, OUTCOME_DONE);
    CHECK_INT(w.settled.last->outcome, OUTCOME_DONE);
    world_stop(&w);
}

TEST(a_later_read_of_the_same_version_wins)
{
    struct world w;

    world_start(&w);
    CHECK(whole_turn(&w, "1", 10, 100, "a"));
    CHECK(whole_turn(&w, "1", 10, 200, "b"));
    CHECK_TEXT(stored_content(&w, "1"), "b");
    w.config.fetch_policy = CONFIG_FETCH_ALWAYS;
    CHECK(whole_turn(&w, "1", 10, 150, "late"));
    CHECK_TEXT(stored_content(&w, "1"), "b");
    world_stop(&w);
}

TEST(a_read_stamped_in_the_future_does_not_lock_the_document)
{
    struct world w;

    world_start(&w);
    CHECK(whole_turn(&w, "1", 10, NOW + SKEW + 5000, "future"));
    CHECK(whole_turn(&w, "1", 10, NOW - 5, "now"));
    CHECK_TEXT(stored_content(&w, "1"), "now");
    world_stop(&w);
}

TEST(documents_without_a_version_or_with_another_type_heal)
{
    struct world w;

    world_start(&w);
    mongo_mock_put(w.mock, "orders", "{\"_id\":\"tiktok:749:1\"}");
    mongo_mock_put(w.mock, "orders", "{\"_id\":\"tiktok:749:2\",\"version\":\"nine\",\"fetched_ms\":\"x\"}");
    CHECK(whole_turn(&w, "1", 10, 100, "a"));
    CHECK(whole_turn(&w, "2", 10, 100, "a"));
    CHECK_INT(stored_int(&w, "1", "version"), 10);
    CHECK_INT(stored_int(&w, "2", "version"), 10);
    world_stop(&w);
}

/* --- unchanged content ----------------------------------------------------------------------------- */

TEST(an_unchanged_document_moves_to_the_newer_version_so_that_a_late_older_one_is_refused)
{
    struct world w;
    int64_t touched = metric_get(METRIC_WORKER_DOCUMENTS_TOUCHED);

    world_start(&w);
    CHECK(whole_turn(&w, "1", 10, 100, "same"));
    mongo_mock_forget(w.mock);
    CHECK(whole_turn(&w, "1", 30, 300, "same"));
    CHECK_INT(mongo_mock_count(w.mock, "update"), 1);
    CHECK(!op_upsert(&w, 0, 0));
    CHECK_TEXT(op_text(&w, 0, 0, "q.content_hash"), "same");
    CHECK(!op_has(&w, 0, 0, "u.$set.content"));
    CHECK_INT(stored_int(&w, "1", "version"), 30);
    CHECK_INT(stored_int(&w, "1", "fetched_ms"), 300);
    CHECK_INT(metric_get(METRIC_WORKER_DOCUMENTS_TOUCHED), touched + 1);
    w.config.fetch_policy = CONFIG_FETCH_ALWAYS;
    CHECK(whole_turn(&w, "1", 20, 200, "late"));
    CHECK_TEXT(stored_content(&w, "1"), "same");
    CHECK_INT(stored_int(&w, "1", "version"), 30);
    world_stop(&w);
}

TEST(marks_outside_the_content_follow_an_unchanged_read)
{
    struct world w;
    struct need *n;

    world_start(&w);
    CHECK(whole_turn(&w, "1", 10, 100, "same"));
    n = wanted(&w, "1", 150);
    serve_missing(&w, n, 160);
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(stored_int(&w, "1", "missing_at_ms"), 160);
    n = wanted(&w, "1", 190);
    n->behind = true;
    serve(&w, n, 10, 200, "same");
    CHECK(flush(&w));
    collect(&w);
    CHECK(!stored_has(&w, "1", "missing_at_ms"));
    CHECK(stored_has(&w, "1", "behind"));
    CHECK(whole_turn(&w, "1", 11, 300, "same"));
    CHECK(!stored_has(&w, "1", "behind"));
    world_stop(&w);
}

TEST(a_document_that_changed_in_between_is_sent_whole)
{
    struct world w;

    world_start(&w);
    CHECK(whole_turn(&w, "1", 10, 100, "same"));
    CHECK(whole_turn(&w, "2", 10, 100, "same"));
    mongo_mock_forget(w.mock);
    serve(&w, wanted(&w, "1", 250), 30, 300, "same");
    serve(&w, wanted(&w, "2", 250), 30, 300, "same");
    mongo_mock_rule(w.mock,
                    &(struct mock_rule){.command = "update",
                                        .put_collection = "orders",
                                        .put = "{\"_id\":\"tiktok:749:1\",\"version\":20,\"fetched_ms\":200,"
                                               "\"content_hash\":\"other\",\"content\":\"other\"}"});
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_count(w.mock, "update"), 2);
    CHECK_INT(op_count(&w, 1), 1); /* only the one that did not match */
    CHECK(op_upsert(&w, 1, 0));
    CHECK_TEXT(stored_content(&w, "1"), "same");
    CHECK_INT(stored_int(&w, "2", "version"), 30);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    world_stop(&w);
}

TEST(a_document_that_vanished_in_between_is_made_again)
{
    struct world w;

    world_start(&w);
    CHECK(whole_turn(&w, "1", 10, 100, "same"));
    serve(&w, wanted(&w, "1", 250), 30, 300, "same");
    mongo_mock_rule(
        w.mock,
        &(struct mock_rule){.command = "update", .put_collection = "orders", .remove_id = "tiktok:749:1"});
    CHECK(flush(&w));
    CHECK_INT(stored_int(&w, "1", "version"), 30);
    CHECK_TEXT(stored_content(&w, "1"), "same");
    world_stop(&w);
}

/* --- races ----------------------------------------------------------------------------------------- */

static const struct mock_rule lost_race = {
    .command = "insert", .op_errors = {{0, 11000, "{\"_id\":1}"}}, .op_error_count = 1};

/* Order 1 at (20, 200) loses an insert race against `winner`; the rule acts on its first command. */
static void race(struct world *w, const char *winner, const char *key_pattern)
{
    struct mock_rule rule = lost_race;

    world_start(w);
    serve(w, wanted(w, "1", 150), 20, 200, "mine");
    rule.op_errors[0].key_pattern = key_pattern;
    rule.put_collection = "orders";
    rule.put = winner;
    mongo_mock_rule(w->mock, &rule);
}

#define OLDER  "{\"_id\":\"tiktok:749:1\",\"version\":10,\"fetched_ms\":100,\"content\":\"theirs\"}"
#define NEWER  "{\"_id\":\"tiktok:749:1\",\"version\":30,\"fetched_ms\":190,\"content\":\"theirs\"}"
#define EQUAL  "{\"_id\":\"tiktok:749:1\",\"version\":20,\"fetched_ms\":200,\"content\":\"mine\"}"
#define BURIED "{\"_id\":\"tiktok:749:1\",\"version\":10,\"fetched_ms\":300,\"deleted_at\":\"x\"}"

TEST(the_newer_loser_of_an_insert_race_is_written_by_the_second_pass)
{
    struct world w;

    race(&w, OLDER, "{\"_id\":1}");
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 1);
    CHECK_INT(mongo_mock_count(w.mock, "update"), 1);
    CHECK(!op_upsert(&w, 0, 0));
    CHECK(op_has(&w, 0, 0, "q.version.$not.$gt"));
    CHECK_TEXT(stored_content(&w, "1"), "mine");
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    world_stop(&w);
}

TEST(a_duplicate_key_without_a_key_pattern_counts_as_ours)
{
    struct world w;

    race(&w, OLDER, NULL);
    CHECK(flush(&w));
    CHECK_TEXT(stored_content(&w, "1"), "mine");
    world_stop(&w);
}

TEST(the_older_loser_is_stale_and_done_because_the_stored_state_reflects_it)
{
    struct world w;
    int64_t stale = metric_get(METRIC_WORKER_DOCUMENTS_STALE);

    race(&w, NEWER, "{\"_id\":1}");
    CHECK(flush(&w));
    collect(&w);
    CHECK_TEXT(stored_content(&w, "1"), "theirs");
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    CHECK_INT(metric_get(METRIC_WORKER_DOCUMENTS_STALE), stale + 1);
    world_stop(&w);
}

TEST(our_own_earlier_write_is_done)
{
    struct world w;

    race(&w, EQUAL, "{\"_id\":1}");
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    world_stop(&w);
}

TEST(a_tombstone_of_a_later_read_beats_a_higher_version)
{
    struct world w;

    race(&w, BURIED, "{\"_id\":1}");
    CHECK(flush(&w));
    collect(&w);
    CHECK(stored_has(&w, "1", "deleted_at"));
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    world_stop(&w);
}

TEST(a_document_that_is_still_older_after_the_second_pass_is_written_at_once)
{
    struct world w;

    race(&w, NULL, "{\"_id\":1}");
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "update",
                                                .put_collection = "orders",
                                                .put = OLDER,
                                                .reply = "{\"ok\":1,\"n\":0,\"nModified\":0}"});
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    CHECK_TEXT(stored_content(&w, "1"), "mine");
    world_stop(&w);
}

TEST(races_lost_again_and_again_wait_without_an_attempt)
{
    struct world w;

    world_start(&w);
    mongo_mock_put(w.mock, "orders",
                   "{\"_id\":\"tiktok:749:1\",\"version\":1,\"fetched_ms\":50,\"deleted_at\":\"x\"}");
    serve(&w, wanted(&w, "1", 150), 20, 200, "mine");
    mongo_mock_rule(
        w.mock,
        &(struct mock_rule){.command = "update", .times = -1, .reply = "{\"ok\":1,\"n\":0,\"nModified\":0}"});
    CHECK(flush(&w));
    collect(&w);
    CHECK(mongo_mock_count(w.mock, "update") < 10);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_RETRY);
    CHECK(settled_of(&w, "1")->free_retry);
    world_stop(&w);
}

TEST(a_duplicate_key_without_a_document_gets_one_more_insert)
{
    struct world w;

    race(&w, NULL, "{\"_id\":1}");
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 2);
    CHECK_INT(mongo_mock_count(w.mock, "update"), 1);
    CHECK(!op_upsert(&w, 0, 0));
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    CHECK_TEXT(stored_content(&w, "1"), "mine");
    world_stop(&w);
}

TEST(a_second_duplicate_key_without_a_document_is_a_data_conflict)
{
    struct world w;
    struct mock_rule again = lost_race;

    race(&w, NULL, NULL);
    again.op_errors[0].key_pattern = NULL;
    mongo_mock_rule(w.mock, &again);
    serve(&w, wanted(&w, "2", 150), 20, 200, "b");
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_POISON);
    CHECK_INT(settled_of(&w, "1")->dead_class, DEAD_MONGO_WRITE);
    CHECK_INT(outcome_of(&w, "2"), OUTCOME_DONE);
    world_stop(&w);
}

TEST(a_duplicate_key_of_another_index_is_a_data_conflict_at_once)
{
    struct world w;

    race(&w, NULL, "{\"sku\":1}");
    serve(&w, wanted(&w, "2", 150), 20, 200, "b");
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 1);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_POISON);
    CHECK_INT(outcome_of(&w, "2"), OUTCOME_DONE);
    world_stop(&w);
}

TEST(a_unique_shard_key_counts_as_ours)
{
    struct world w;

    race(&w, OLDER, "{\"shop_id\":1,\"entity_id\":1}");
    CHECK(flush(&w));
    CHECK_TEXT(stored_content(&w, "1"), "mine");
    world_stop(&w);
}

TEST(a_document_deleted_by_an_earlier_read_while_it_was_written_is_revived)
{
    struct world w;

    /* the tombstone appears between lookup and write */
    race(&w, "{\"_id\":\"tiktok:749:1\",\"version\":10,\"fetched_ms\":100,\"deleted_at\":\"x\"}",
         "{\"_id\":1}");
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    CHECK_TEXT(stored_content(&w, "1"), "mine");
    CHECK(!stored_has(&w, "1", "deleted_at"));
    world_stop(&w);
}

/* --- deletions ------------------------------------------------------------------------------------- */

TEST(a_gone_document_becomes_a_tombstone_and_reflects_its_events)
{
    struct world w;
    struct need *n;

    world_start(&w);
    CHECK(whole_turn(&w, "1", 10, 100, "a"));
    forget_settled(&w);
    n = add(&w, event("1", 150, 50, true)); /* announces more than will ever be served */
    CHECK(look_up(&w));
    serve_gone(&w, n, 200);
    CHECK(flush(&w));
    collect(&w);
    CHECK(stored_has(&w, "1", "deleted_at"));
    CHECK_INT(stored_int(&w, "1", "fetched_ms"), 200);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    world_stop(&w);
}

TEST(a_later_read_revives_and_an_earlier_one_does_not)
{
    struct world w;
    struct need *n;

    world_start(&w);
    w.config.fetch_policy = CONFIG_FETCH_ALWAYS;
    CHECK(whole_turn(&w, "1", 10, 100, "a"));
    n = wanted(&w, "1", 150);
    serve_gone(&w, n, 200);
    CHECK(flush(&w));
    collect(&w);
    CHECK(whole_turn(&w, "1", 99, 180, "slow read"));
    CHECK(stored_has(&w, "1", "deleted_at"));
    mongo_mock_forget(w.mock);
    CHECK(whole_turn(&w, "1", 10, 300, "a"));
    CHECK(!stored_has(&w, "1", "deleted_at"));
    CHECK(!op_upsert(&w, 0, 0));
    CHECK_TEXT(stored_content(&w, "1"), "a");
    world_stop(&w);
}

TEST(revives_that_did_not_match_are_judged_by_what_is_stored)
{
    struct world w;

    world_start(&w);
    mongo_mock_put(w.mock, "orders",
                   "{\"_id\":\"tiktok:749:1\",\"version\":1,\"fetched_ms\":50,\"deleted_at\":\"x\"}");
    mongo_mock_put(w.mock, "orders",
                   "{\"_id\":\"tiktok:749:2\",\"version\":1,\"fetched_ms\":50,\"deleted_at\":\"x\"}");
    serve(&w, wanted(&w, "1", 150), 20, 200, "mine");
    serve(&w, wanted(&w, "2", 150), 20, 200, "mine");
    mongo_mock_rule(w.mock,
                    &(struct mock_rule){.command = "update", .put_collection = "orders", .put = NEWER});
    CHECK(flush(&w));
    collect(&w);
    CHECK_TEXT(stored_content(&w, "1"), "theirs");
    CHECK_TEXT(stored_content(&w, "2"), "mine");
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    CHECK_INT(outcome_of(&w, "2"), OUTCOME_DONE);
    world_stop(&w);
}

TEST(a_tombstone_for_a_newer_read_is_not_written)
{
    struct world w;
    struct need *n;

    world_start(&w);
    mongo_mock_put(w.mock, "orders", OLDER);
    n = wanted(&w, "1", 150);
    serve_gone(&w, n, 200);
    mongo_mock_rule(
        w.mock, &(struct mock_rule){.command = "update",
                                    .put_collection = "orders",
                                    .put = "{\"_id\":\"tiktok:749:1\",\"version\":10,\"fetched_ms\":250}"});
    CHECK(flush(&w));
    collect(&w);
    CHECK(!stored_has(&w, "1", "deleted_at"));
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE); /* the newer read reflects the event */
    world_stop(&w);
}

TEST(a_tombstone_for_nothing_is_done)
{
    struct world w;

    world_start(&w);
    mongo_mock_put(w.mock, "orders", OLDER);
    serve_gone(&w, wanted(&w, "1", 150), 200);
    mongo_mock_rule(
        w.mock,
        &(struct mock_rule){.command = "update", .put_collection = "orders", .remove_id = "tiktok:749:1"});
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_size(w.mock, "orders"), 0);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    world_stop(&w);
}

TEST(an_id_left_out_is_marked_once_and_asked_for_again_after_a_minute)
{
    struct world w;

    world_start(&w);
    mongo_mock_put(w.mock, "orders", OLDER);
    serve_missing(&w, wanted(&w, "1", 150), 200);
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(stored_int(&w, "1", "missing_at_ms"), 200);
    CHECK_INT(stored_int(&w, "1", "fetched_ms"), 100);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_RETRY);
    CHECK(settled_of(&w, "1")->free_retry);
    CHECK(settled_of(&w, "1")->retry_in_ms >= 60000);
    forget_settled(&w);
    serve_missing(&w, wanted(&w, "1", 150), 300);
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(stored_int(&w, "1", "missing_at_ms"), 200); /* the first mark counts */
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_RETRY);
    world_stop(&w);
}

TEST(a_delay_stays_below_the_claim_threshold)
{
    struct world w;

    world_start(&w);
    w.config.reclaim_idle_ms = 1000;
    mongo_mock_put(w.mock, "orders", OLDER);
    serve_missing(&w, wanted(&w, "1", 150), 200);
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(settled_of(&w, "1")->retry_in_ms, 800);
    world_stop(&w);
}

/* --- lost replies, outages -------------------------------------------------------------------------- */

TEST(a_connection_lost_once_is_the_drivers_to_retry)
{
    static const enum mock_close when[] = {MOCK_CLOSE_BEFORE, MOCK_CLOSE_AFTER};

    for (int i = 0; i < 2; i++) {
        struct world w;

        world_start(&w);
        three(&w);
        mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert", .close = when[i]});
        CHECK(flush(&w));
        collect(&w);
        CHECK_INT(mongo_mock_count(w.mock, "insert"), 2);
        CHECK_INT(w.settled.count, 3);
        CHECK_INT(outcome_of(&w, "3"), OUTCOME_DONE);
        world_stop(&w);
    }
}

TEST(a_connection_lost_twice_is_an_unknown_outcome_and_the_lookup_finds_what_landed)
{
    static const enum mock_close when[] = {MOCK_CLOSE_BEFORE, MOCK_CLOSE_AFTER};

    for (int i = 0; i < 2; i++) {
        struct world w;
        int64_t unknown = metric_get(METRIC_WORKER_UNKNOWN_OUTCOMES);

        world_start(&w);
        three(&w);
        mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert", .close = when[i], .times = 2});
        CHECK(!flush(&w));
        CHECK_INT(w.err.domain, ERR_MONGO);
        check_given_back(&w, 3);
        CHECK_INT(metric_get(METRIC_WORKER_UNKNOWN_OUTCOMES), unknown + 3);
        CHECK_INT(mongo_mock_size(w.mock, "orders"), when[i] == MOCK_CLOSE_AFTER ? 3 : 0);
        CHECK(look_up(&w));
        collect(&w);
        CHECK_INT(w.settled.count, when[i] == MOCK_CLOSE_AFTER ? 3 : 0);
        world_stop(&w);
    }
}

TEST(on_a_standalone_one_lost_reply_is_unknown)
{
    struct world w;

    world_start_with(&w, MOCK_STANDALONE, "");
    three(&w);
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert", .close = MOCK_CLOSE_AFTER});
    CHECK(!flush(&w));
    check_given_back(&w, 3);
    CHECK(look_up(&w));
    collect(&w);
    CHECK_INT(w.settled.count, 3);
    world_stop(&w);
}

TEST(a_stall_once_is_retried_and_twice_is_unknown)
{
    struct world w;

    world_start_with(&w, MOCK_REPLICA_SET, "&socketTimeoutMS=300");
    three(&w);
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert", .stall_ms = 900});
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(w.settled.count, 3);
    forget_settled(&w);
    serve(&w, wanted(&w, "9", 50), 10, 100, "a");
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert", .stall_ms = 900, .times = 2});
    CHECK(!flush(&w));
    check_given_back(&w, 1);
    world_stop(&w);
}

TEST(a_command_refused_as_a_whole_is_infrastructure)
{
    static const struct mock_rule rules[] = {
        {.command = "insert", .refuse_code = 1},
        {.command = "insert", .refuse_code = 11000}, /* even with a code that means something for one op */
        {.command = "insert", .refuse_code = 189, .refuse_label = "RetryableWriteError", .times = 2},
        {.command = "insert", .refuse_code = 462, .refuse_label = "SystemOverloadedError"},
    };

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct world w;

        world_start(&w);
        three(&w);
        mongo_mock_rule(w.mock, &rules[i]);
        CHECK(!flush(&w));
        check_given_back(&w, 3);
        world_stop(&w);
    }
}

TEST(a_write_concern_error_never_acks)
{
    struct world w;

    world_start(&w);
    three(&w);
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert", .concern_code = 64});
    CHECK(!flush(&w));
    CHECK_INT(w.err.code, 64);
    check_given_back(&w, 3);
    world_stop(&w);
}

TEST(poison_is_certain_even_when_the_rest_is_unknown)
{
    struct world w;

    world_start(&w);
    three(&w);
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert",
                                                .concern_code = 64,
                                                .op_errors = {{0, 121, NULL}, {1, 11000, "{\"_id\":1}"}},
                                                .op_error_count = 2});
    CHECK(!flush(&w));
    collect(&w);
    CHECK_INT(w.settled.count, 1);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_POISON);
    CHECK_INT(pool_needs(w.pool), 2);
    world_stop(&w);
}

TEST(a_reply_that_does_not_account_for_every_op_is_unknown)
{
    struct world w;

    world_start(&w);
    three(&w);
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert", .reply = "{\"ok\":1,\"n\":2}"});
    CHECK(!flush(&w));
    check_given_back(&w, 3);
    world_stop(&w);
}

TEST(a_bulk_that_the_server_makes_the_driver_split_hides_no_failure)
{
    struct world w;
    char id[16];

    world_start(&w);
    mongo_mock_stop(w.mock);
    store_close(w.store);
    store_pool_free(w.stores);
    free(w.config.mongo_uri);
    free(w.config.mongo_dbname);
    pool_free(w.pool);
    arena_free(w.arena);
    w = (struct world){.mock = mongo_mock_start(MOCK_REPLICA_SET, 2)};
    world_open(&w, mongo_mock_uri(w.mock));
    for (int i = 0; i < 6; i++) {
        snprintf(id, sizeof(id), "%d", i);
        serve(&w, wanted(&w, id, 50), 10, 100, "a");
    }
    /* the first of three commands is refused; the driver reports no error at all */
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert", .refuse_code = 1});
    CHECK(!flush(&w));
    check_given_back(&w, 6);
    world_stop(&w);
}

TEST(needs_written_before_an_outage_stay_judged)
{
    struct world w;
    char id[16];

    world_start(&w);
    w.config.sync_batch_size_orders = 2;
    for (int i = 0; i < 6; i++) {
        snprintf(id, sizeof(id), "%d", i);
        serve(&w, wanted(&w, id, 50), 10, 100, "a");
    }
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert", .skip = 1, .refuse_code = 1});
    CHECK(!flush(&w));
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 2); /* the third bulk is not tried */
    collect(&w);
    CHECK_INT(w.settled.count, 2);
    CHECK_INT(pool_needs(w.pool), 4);
    world_stop(&w);
}

TEST(an_outage_during_the_second_pass_or_the_read_back_gives_back)
{
    struct world w;

    race(&w, NEWER, "{\"_id\":1}");
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "find", .times = 2, .refuse_code = 1});
    CHECK(!flush(&w));
    check_given_back(&w, 1);
    world_stop(&w);
    race(&w, NEWER, "{\"_id\":1}");
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "update", .refuse_code = 1});
    CHECK(!flush(&w));
    check_given_back(&w, 1);
    world_stop(&w);
}

TEST(nobody_there)
{
    struct world w;

    world_start_with(&w, MOCK_REPLICA_SET, "&serverSelectionTimeoutMS=300");
    three(&w);
    mongo_mock_stop(w.mock);
    w.mock = NULL;
    CHECK(!flush(&w));
    check_given_back(&w, 3);
    world_stop(&w);
}

TEST(refused_credentials_halt)
{
    static const struct mock_rule rules[] = {
        {.command = "insert", .refuse_code = 13},
        {.command = "insert", .op_errors = {{0, 13, NULL}}, .op_error_count = 1},
    };

    for (size_t i = 0; i < 2; i++) {
        struct world w;

        world_start(&w);
        serve(&w, wanted(&w, "1", 50), 10, 100, "a");
        mongo_mock_rule(w.mock, &rules[i]);
        CHECK(!flush(&w));
        CHECK_INT(w.err.code, 13);
        CHECK(strncmp(w.err.text, "halt: ", 6) == 0);
        check_given_back(&w, 1);
        world_stop(&w);
    }
}

/* --- errors of one op ------------------------------------------------------------------------------- */

TEST(one_poison_op_is_dead_lettered_alone)
{
    static const int codes[] = {121, 2, 52, 17419, 302776349};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct world w;

        world_start(&w);
        three(&w);
        mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert",
                                                    .op_errors = {{1, codes[i], NULL}},
                                                    .op_error_count = 1});
        CHECK(flush(&w));
        collect(&w);
        CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
        CHECK_INT(outcome_of(&w, "2"), OUTCOME_POISON);
        CHECK_INT(settled_of(&w, "2")->dead_class, DEAD_MONGO_WRITE);
        CHECK(settled_of(&w, "2")->error[0] != '\0');
        CHECK_INT(outcome_of(&w, "3"), OUTCOME_DONE);
        world_stop(&w);
    }
}

TEST(a_write_conflict_is_redone_at_once)
{
    static const int codes[] = {112, 16908292};

    for (size_t i = 0; i < 2; i++) {
        struct world w;

        world_start(&w);
        three(&w);
        mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert",
                                                    .op_errors = {{0, codes[i], NULL}, {2, codes[i], NULL}},
                                                    .op_error_count = 2});
        CHECK(flush(&w));
        collect(&w);
        CHECK_INT(mongo_mock_count(w.mock, "insert"), 2);
        CHECK_INT(insert_count(&w, 1), 2);
        CHECK_INT(w.settled.count, 3);
        CHECK_INT(outcome_of(&w, "3"), OUTCOME_DONE);
        world_stop(&w);
    }
}

TEST(endless_write_conflicts_wait_without_an_attempt)
{
    struct world w;

    world_start(&w);
    serve(&w, wanted(&w, "1", 50), 10, 100, "a");
    mongo_mock_rule(
        w.mock, &(struct mock_rule){
                    .command = "insert", .times = -1, .op_errors = {{0, 112, NULL}}, .op_error_count = 1});
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 6);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_RETRY);
    CHECK(settled_of(&w, "1")->free_retry);
    CHECK(settled_of(&w, "1")->retry_in_ms > 0);
    world_stop(&w);
}

TEST(an_unknown_code_of_one_op_counts_attempts)
{
    struct world w;

    world_start(&w);
    three(&w);
    mongo_mock_rule(w.mock, &(struct mock_rule){
                                .command = "insert", .op_errors = {{0, 7777, NULL}}, .op_error_count = 1});
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_RETRY);
    CHECK(!settled_of(&w, "1")->free_retry);
    CHECK_INT(settled_of(&w, "1")->dead_class, DEAD_MONGO_WRITE);
    CHECK_INT(outcome_of(&w, "2"), OUTCOME_DONE);
    world_stop(&w);
}

TEST(a_server_without_a_primary_pauses)
{
    struct world w;

    world_start(&w);
    three(&w);
    mongo_mock_rule(w.mock, &(struct mock_rule){
                                .command = "insert", .op_errors = {{0, 10107, NULL}}, .op_error_count = 1});
    CHECK(!flush(&w));
    collect(&w);
    CHECK_INT(w.settled.count, 2); /* the others were written */
    CHECK_INT(pool_needs(w.pool), 1);
    world_stop(&w);
}

TEST(an_oversize_document_does_not_take_its_bulk_along)
{
    struct world w;
    struct document *d;
    char *big = malloc(17 << 20);

    world_start(&w);
    memset(big, 'x', 17 << 20);
    serve(&w, wanted(&w, "1", 50), 10, 100, "a");
    d = serve(&w, wanted(&w, "2", 50), 10, 100, "a");
    serve(&w, wanted(&w, "3", 50), 10, 100, "a");
    bson_append_utf8(d->set, "big", 3, big, 17 << 20);
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 1);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    CHECK_INT(outcome_of(&w, "2"), OUTCOME_POISON);
    CHECK(strstr(settled_of(&w, "2")->error, "too large") != NULL);
    CHECK_INT(outcome_of(&w, "3"), OUTCOME_DONE);
    free(big);
    world_stop(&w);
}

TEST(collections_have_bulks_of_their_own_size)
{
    struct world w;
    static const char *const collections[] = {"returns", "products", "transactions", "order_tracking_status"};
    char id[32];

    world_start(&w);
    w.config.sync_batch_size_orders = 100;
    w.config.sync_batch_size_returns = 1;
    w.config.sync_batch_size_products = 2;
    w.config.sync_batch_size_transactions = 3;
    w.config.sync_batch_size_tracking = 4;
    for (int i = 0; i < 4; i++) {
        mongo_mock_forget(w.mock);
        for (int n = 0; n < 12; n++) {
            snprintf(id, sizeof(id), "%d-%d", i, n);
            serve(&w, wanted(&w, id, 50), 10, 100, "a")->collection = collections[i];
        }
        CHECK(flush(&w));
        collect(&w);
        CHECK_INT(mongo_mock_count(w.mock, "insert"), 12 / (i + 1));
    }
    CHECK_INT(w.settled.count, 48);
    world_stop(&w);
}

/* --- companions -------------------------------------------------------------------------------------- */

static struct document *companion(struct world *w, enum document_op op, const char *collection,
                                  const char *id, const char *key, int64_t ms)
{
    struct document *d = arena_take(w->arena, sizeof(*d));

    d->op = op;
    d->collection = collection;
    d->doc_id = id;
    d->fetched_ms = ms;
    d->valid = true;
    d->raises = METRIC_WORKER_TRANSACTIONS_RAISED;
    d->max = bson_new();
    bson_append_int64(d->max, key, -1, ms);
    return d;
}

#define RAISED "transaction:tiktok:749:1"

/* Order 1 served, money has moved. */
static struct need *serve_paid(struct world *w, int64_t version, int64_t fetched_ms, const char *content)
{
    struct need *n = wanted(w, "1", fetched_ms - 1);

    serve(w, n, version, fetched_ms, content)->before =
        companion(w, DOCUMENT_NEED, "needs", RAISED, "entry_ms", fetched_ms);
    return n;
}

TEST(the_need_for_an_orders_transactions_is_stored_before_the_order)
{
    struct world w;
    int64_t raised = metric_get(METRIC_WORKER_TRANSACTIONS_RAISED);

    world_start(&w);
    serve(&w, wanted(&w, "2", 50), 10, 100, "other");
    serve_paid(&w, 10, 100, "a");
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_count(w.mock, "update"), 1);
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 2);
    CHECK_TEXT(op_text(&w, 0, 0, "q._id"), RAISED);
    CHECK(op_upsert(&w, 0, 0));
    CHECK(op_has(&w, 0, 0, "u.$inc.rev"));
    CHECK_TEXT(insert_text(&w, 0, 0, "_id"), "tiktok:749:2"); /* whom nothing goes before waits for nobody */
    CHECK_TEXT(insert_text(&w, 1, 0, "_id"), "tiktok:749:1");
    CHECK_INT(mongo_mock_int(w.mock, "needs", RAISED, "entry_ms", -1), 100);
    CHECK_INT(stored_int(&w, "1", "version"), 10);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    CHECK_INT(metric_get(METRIC_WORKER_TRANSACTIONS_RAISED), raised + 1);
    world_stop(&w);
}

TEST(an_order_that_has_not_changed_raises_nothing)
{
    struct world w;

    world_start(&w);
    CHECK(whole_turn(&w, "1", 10, 100, "same"));
    serve_paid(&w, 30, 300, "same");
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(stored_int(&w, "1", "version"), 30);
    CHECK_INT(mongo_mock_size(w.mock, "needs"), 0);
    w.config.fetch_policy = CONFIG_FETCH_ALWAYS;
    serve_paid(&w, 20, 200, "late"); /* nothing to write */
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_size(w.mock, "needs"), 0);
    CHECK_TEXT(stored_content(&w, "1"), "same");
    CHECK_INT(w.settled.count, 3);
    world_stop(&w);
}

/* Or the second ask that brings the same half would be the last. */
TEST(a_need_for_the_rest_of_an_answer_is_stored_although_nothing_has_changed)
{
    struct world w;

    world_start(&w);
    CHECK(whole_turn(&w, "1", 10, 100, "half"));
    serve_paid(&w, 10, 300, "half")->document->before_touch = true;
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_int(w.mock, "needs", RAISED, "entry_ms", -1), 300);
    CHECK_INT(stored_int(&w, "1", "fetched_ms"), 300);
    w.config.fetch_policy = CONFIG_FETCH_ALWAYS;
    serve_paid(&w, 10, 200, "late")->document->before_touch =
        true; /* nothing to write: somebody has read it since */
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_int(w.mock, "needs", RAISED, "rev", -1), 1);
    CHECK_INT(w.settled.count, 3);
    world_stop(&w);
}

TEST(what_is_asked_again_is_stored_before_the_order_is_told_that_it_was_read)
{
    struct world w;
    struct need *n;

    world_start(&w);
    mongo_mock_put(w.mock, "orders", "{\"_id\":\"tiktok:749:1\",\"transactions_fetched_ms\":70}");
    n = wanted(&w, "1", 50);
    n->document = companion(&w, DOCUMENT_MARK, "orders", n->doc_id, "transactions_fetched_ms", 100);
    n->document->before = companion(&w, DOCUMENT_NEED, "needs", RAISED, "entry_ms", 100);
    to_built(&w, n, n->document);
    CHECK(flush(&w));
    collect(&w);
    CHECK_TEXT(op_text(&w, 0, 0, "q._id"), RAISED);
    CHECK(op_upsert(&w, 0, 0));
    CHECK_TEXT(op_text(&w, 1, 0, "q._id"), "tiktok:749:1");
    CHECK(!op_upsert(&w, 1, 0));
    CHECK_INT(stored_int(&w, "1", "transactions_fetched_ms"), 100);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    world_stop(&w);
}

TEST(a_crash_between_the_need_and_its_order_repeats_both)
{
    struct world w;

    world_start_with(&w, MOCK_STANDALONE, "");
    serve_paid(&w, 10, 100, "a");
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert", .times = 1, .close = MOCK_CLOSE_BEFORE});
    CHECK(!flush(&w));
    CHECK_INT(mongo_mock_size(w.mock, "needs"), 1);
    CHECK_INT(mongo_mock_size(w.mock, "orders"), 0);
    check_given_back(&w, 1);
    mongo_mock_rules_clear(w.mock);
    CHECK(look_up(&w));
    {
        struct need *n = need_of(&w, "1");

        serve(&w, n, 10, 110, "a")->before = companion(&w, DOCUMENT_NEED, "needs", RAISED, "entry_ms", 110);
    }
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_int(w.mock, "needs", RAISED, "rev", -1), 2);
    CHECK_INT(mongo_mock_int(w.mock, "needs", RAISED, "entry_ms", -1), 110);
    CHECK_INT(stored_int(&w, "1", "version"), 10);
    world_stop(&w);
}

TEST(the_order_is_told_after_its_transactions_are_stored)
{
    struct world w;
    struct need *n;

    world_start(&w);
    mongo_mock_put(w.mock, "orders", "{\"_id\":\"tiktok:749:1\",\"version\":7,\"content_hash\":\"h\"}");
    n = wanted(&w, "1", 50);
    serve(&w, n, 10, 100, "money")->collection = "transactions";
    n->stored = (struct stored){0};
    n->document->after =
        companion(&w, DOCUMENT_MARK, "orders", "tiktok:749:1", "transactions_fetched_ms", 100);
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 1);
    CHECK_INT(mongo_mock_count(w.mock, "update"), 1);
    CHECK_INT(mongo_mock_int(w.mock, "transactions", "tiktok:749:1", "version", -1), 10);
    CHECK(!op_upsert(&w, 0, 0));
    CHECK(!op_has(&w, 0, 0, "u.$set"));
    CHECK_INT(stored_int(&w, "1", "transactions_fetched_ms"), 100);
    CHECK_INT(stored_int(&w, "1", "version"), 7); /* and of nothing else */
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    world_stop(&w);
}

TEST(no_money_yet_is_noted_on_the_order_or_nowhere)
{
    struct world w;
    struct need *n;

    world_start(&w);
    mongo_mock_put(w.mock, "orders", "{\"_id\":\"tiktok:749:1\",\"transactions_fetched_ms\":70}");
    for (int i = 1; i <= 2; i++) { /* order 2 is not stored */
        char id[16];

        snprintf(id, sizeof(id), "%d", i);
        n = wanted(&w, id, 50);
        n->document = companion(&w, DOCUMENT_MARK, "orders", n->doc_id, "transactions_fetched_ms", 100);
        to_built(&w, n, n->document);
    }
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(stored_int(&w, "1", "transactions_fetched_ms"), 100);
    CHECK_INT(mongo_mock_size(w.mock, "orders"), 1);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    CHECK_INT(outcome_of(&w, "2"), OUTCOME_DONE);
    CHECK_INT(pool_needs(w.pool), 0);
    world_stop(&w);
}

TEST(an_event_that_came_while_the_transactions_were_read_goes_round_again)
{
    struct world w;
    struct need *n;

    world_start(&w);
    n = wanted(&w, "1", 50);
    add(&w, event("1", 150, 0, false));
    n->document = companion(&w, DOCUMENT_MARK, "orders", n->doc_id, "transactions_fetched_ms", 100);
    to_built(&w, n, n->document);
    CHECK(flush(&w));
    CHECK_INT(n->state, NEED_NEW);
    CHECK_INT(n->messages.count, 1);
    CHECK_INT(w.settled.count, 1);
    CHECK_INT(w.settled.first->outcome, OUTCOME_DONE);
    world_stop(&w);
}

/* --- raw events -------------------------------------------------------------------------------------- */

static bool store_raw(struct world *w, int64_t entry_ms)
{
    struct need *n = pool_add(w->pool, event("55", entry_ms, 0, false), true);
    bool ok;

    w->config.webhook_events_keep_days = 30;
    need_enter(w->pool, n, NEED_ANSWERED);
    to_built(w, n, raw_event_build(n, &w->config, NOW, w->arena, &w->err));
    ok = flush(w);
    collect(w);
    return ok;
}

TEST(a_raw_event_is_stored_once_and_never_changed)
{
    struct world w;
    bson_t *first, *again;

    world_start(&w);
    CHECK(store_raw(&w, 10));
    CHECK_INT(w.settled.first->outcome, OUTCOME_DONE);
    first = mongo_mock_get(w.mock, "webhook_events", "tiktok:749:k:order:55");
    CHECK(first != NULL);
    CHECK(store_raw(&w, 20)); /* another stream id, the same event */
    again = mongo_mock_get(w.mock, "webhook_events", "tiktok:749:k:order:55");
    CHECK(bson_equal(first, again));
    CHECK(!op_has(&w, 1, 0, "u.$set"));
    CHECK_INT(w.settled.last->outcome, OUTCOME_DONE);
    bson_destroy(first);
    bson_destroy(again);
    world_stop(&w);
}

TEST(copies_of_raw_events_do_not_cut_the_bulks)
{
    static const char *const ids[] = {"1", "2", "3", "1", "2", "3", "1"};
    struct world w;

    world_start(&w);
    w.config.webhook_events_keep_days = 30;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct need *n = pool_add(w.pool, event(ids[i], 10 + (int64_t)i, 0, false), true);

        need_enter(w.pool, n, NEED_ANSWERED);
        to_built(&w, n, raw_event_build(n, &w.config, NOW, w.arena, &w.err));
    }
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(mongo_mock_count(w.mock, "update"), 3); /* first, second and third copies */
    CHECK_INT(mongo_mock_size(w.mock, "webhook_events"), 3);
    CHECK_INT(w.settled.count, 7);
    for (const struct message *m = w.settled.first; m; m = m->next)
        CHECK_INT(m->outcome, OUTCOME_DONE);
    world_stop(&w);
}

TEST(a_raw_event_survives_a_race_and_an_outage)
{
    struct world w;
    struct mock_rule rule = lost_race;

    world_start(&w);
    rule.command = "update";
    rule.put_collection = "webhook_events";
    rule.put = "{\"_id\":\"tiktok:749:k:order:55\",\"a\":1}";
    mongo_mock_rule(w.mock, &rule);
    CHECK(store_raw(&w, 10));
    CHECK_INT(w.settled.last->outcome, OUTCOME_DONE);
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "update", .refuse_code = 1});
    CHECK(!store_raw(&w, 20));
    CHECK_INT(pool_needs(w.pool), 1);
    CHECK(look_up(&w)); /* back to ANSWERED without a lookup */
    CHECK_INT(mongo_mock_count(w.mock, "find"), 0);
    world_stop(&w);
}

/* --- which events the answer covers ----------------------------------------------------------------- */

TEST(an_event_stored_after_the_read_was_sent_goes_round_again)
{
    struct world w;
    struct need *n;

    world_start(&w);
    n = add(&w, event("1", 50, 0, false));
    add(&w, event("1", 100, 0, false)); /* in the very millisecond of the read: no order */
    CHECK(look_up(&w));
    serve(&w, n, 10, 100, "a");
    CHECK(flush(&w));
    CHECK_INT(w.settled.count, 1);
    CHECK_INT(w.settled.first->entry_ms, 50);
    CHECK_INT(w.settled.first->outcome, OUTCOME_DONE);
    CHECK_INT(n->state, NEED_NEW);
    CHECK_INT(n->messages.count, 1);
    CHECK(n->messages.first->repeat);
    CHECK(n->document == NULL);
    CHECK_INT(pool_messages(w.pool), 1);
    collect(&w);
    CHECK(look_up(&w));
    CHECK_INT(n->state, NEED_WAITING);
    serve(&w, n, 10, 101, "a");
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(w.settled.count, 2);
    CHECK_INT(pool_needs(w.pool), 0);
    world_stop(&w);
}

TEST(what_was_announced_but_is_not_served_yet_is_tried_again_with_an_attempt)
{
    struct world w;
    struct need *n;

    world_start(&w);
    n = add(&w, event("1", 50, 30, true));
    add(&w, event("1", 51, 10, true));
    CHECK(look_up(&w));
    serve(&w, n, 10, 5000, "a"); /* settled, so version 10 is covered */
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(w.settled.count, 2);
    CHECK_INT(w.settled.first->outcome, OUTCOME_RETRY);
    CHECK(!w.settled.first->free_retry);
    CHECK_INT(w.settled.first->retry_in_ms, 0);
    CHECK_TEXT(w.settled.first->error, "the marketplace serves 10, announced 30");
    CHECK_INT(w.settled.last->outcome, OUTCOME_DONE);
    CHECK_INT(stored_int(&w, "1", "version"), 10); /* stored all the same */
    world_stop(&w);
}

TEST(after_enough_stale_reads_the_document_is_marked_and_the_event_done)
{
    struct world w;
    struct need *n;
    struct message *tired = event("1", 50, 30, true), *fresh = event("1", 51, 30, true);

    world_start(&w);
    tired->deliveries = 5;
    n = add(&w, tired);
    add(&w, fresh);
    CHECK(look_up(&w));
    n->behind = true;
    serve(&w, n, 10, 5000, "a");
    CHECK(flush(&w));
    collect(&w);
    CHECK(stored_has(&w, "1", "behind"));
    CHECK_INT(w.settled.first->outcome, OUTCOME_DONE);
    CHECK_INT(w.settled.last->outcome, OUTCOME_RETRY); /* it has tries left */
    world_stop(&w);
}

TEST(an_announcement_is_judged_by_the_newer_of_answer_and_database)
{
    struct world w;
    struct need *n;

    world_start(&w);
    mongo_mock_put(w.mock, "orders", NEWER); /* (30, 190) */
    n = add(&w, event("1", 500, 25, true));
    add(&w, event("1", 500, 40, true));
    w.config.fetch_policy = CONFIG_FETCH_ALWAYS;
    CHECK(look_up(&w));
    serve(&w, n, 20, 600, "lagging");
    CHECK(flush(&w));
    collect(&w);
    CHECK_TEXT(stored_content(&w, "1"), "theirs");
    CHECK_INT(w.settled.first->outcome, OUTCOME_DONE);
    CHECK_INT(w.settled.last->outcome, OUTCOME_RETRY);
    CHECK_TEXT(w.settled.last->error, "the marketplace serves 30, announced 40");
    world_stop(&w);
}

TEST(an_entry_of_the_future_is_shown_by_the_read_it_asked_for)
{
    struct world w;
    struct need *n;

    world_start(&w);
    n = add(&w, event("1", NOW + 700, 0, false));
    add(&w, event("1", NOW + 7000000, 0, false));
    add(&w, event("1", NOW + 700, 40, true)); /* announced, and not served */
    CHECK(look_up(&w));
    serve(&w, n, 10, NOW, "a");
    n->answer.kind = ANSWER_FOUND;
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(w.settled.first->outcome, OUTCOME_DONE);
    CHECK_INT(w.settled.first->next->outcome, OUTCOME_DONE);
    CHECK_INT(w.settled.last->outcome, OUTCOME_RETRY);
    world_stop(&w);
}

TEST(an_entry_of_the_future_that_nobody_read_for_waits_for_the_clock)
{
    struct world w;
    struct need *n;

    world_start(&w);
    n = add(&w, event("1", NOW + 700, 0, false));
    add(&w, event("1", NOW + 7000000, 0, false));
    CHECK(look_up(&w));
    serve(&w, n, 10, NOW, "a");
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(w.settled.first->outcome, OUTCOME_RETRY);
    CHECK(w.settled.first->free_retry);
    CHECK_INT(w.settled.first->retry_in_ms, 700);
    CHECK_INT(w.settled.last->retry_in_ms, 60000);
    world_stop(&w);
}

TEST(an_entry_of_the_future_whose_read_was_refused_waits_for_the_clock)
{
    struct world w;
    struct need *n;
    char ahead[128];

    world_start(&w);
    /* read before the change, by a clock that has stepped back since */
    snprintf(ahead, sizeof ahead,
             "{\"_id\":\"tiktok:749:1\",\"version\":10,\"fetched_ms\":%lld,\"content\":\"theirs\"}",
             (long long)NOW + 500);
    mongo_mock_put(w.mock, "orders", ahead);
    n = add(&w, event("1", NOW + 700, 0, false));
    CHECK(look_up(&w));
    serve(&w, n, 10, NOW, "changed");
    n->answer.kind = ANSWER_FOUND;
    CHECK(flush(&w));
    collect(&w);
    CHECK_TEXT(stored_content(&w, "1"), "theirs");
    CHECK_INT(w.settled.first->outcome, OUTCOME_RETRY);
    CHECK(w.settled.first->free_retry);
    CHECK_INT(w.settled.first->retry_in_ms, 700);
    world_stop(&w);
}

/* --- an entry of another partition than its shop's --------------------------------------------------- */

/* From now on the shop of event() is not in partition 0, where its entries lie. */
static void move_the_shop(struct world *w)
{
    for (w->f.partitions = 2; keys_partition("tiktok", 6, "749", 3, w->f.partitions) == 0;)
        w->f.partitions++;
}

TEST(an_entry_of_another_partition_is_read_once_whatever_is_stored)
{
    struct world w;
    struct need *n;

    world_start(&w);
    CHECK(whole_turn(&w, "1", 50, 900, "a"));
    forget_settled(&w);
    n = add(&w, event("1", 150, 40, true));
    CHECK(look_up(&w));
    CHECK_INT(n->state, NEED_JUDGED); /* at home it is reflected */
    collect(&w);
    forget_settled(&w);
    move_the_shop(&w);
    n = wanted(&w, "1", 150);
    add(&w, event("1", 160, 40, true));
    serve(&w, n, 50, 1000, "a");
    n->answer.kind = ANSWER_FOUND;
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(w.settled.count, 2);
    CHECK_INT(w.settled.first->outcome, OUTCOME_DONE);
    CHECK_INT(w.settled.last->outcome, OUTCOME_DONE);
    world_stop(&w);
}

TEST(an_entry_of_another_partition_that_is_not_served_yet_is_tried_again)
{
    struct world w;
    struct need *n;

    world_start(&w);
    move_the_shop(&w);
    n = add(&w, event("1", 150, 40, true));
    CHECK(look_up(&w));
    serve(&w, n, 30, 200, "a");
    n->answer.kind = ANSWER_FOUND;
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_RETRY);
    world_stop(&w);
}

/* Another lane's read came between: which of the two is the later one its clock cannot tell. */
TEST(an_entry_of_another_partition_whose_read_was_refused_is_read_again)
{
    struct world w;
    struct need *n;

    world_start(&w);
    move_the_shop(&w);
    mongo_mock_put(w.mock, "orders",
                   "{\"_id\":\"tiktok:749:1\",\"version\":10,\"fetched_ms\":500,\"content\":\"theirs\"}");
    n = wanted(&w, "1", 150);
    serve(&w, n, 10, 400, "changed");
    n->answer.kind = ANSWER_FOUND;
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(w.settled.count, 0);
    CHECK_INT(n->state, NEED_NEW);
    CHECK_INT(n->messages.count, 1);
    CHECK(look_up(&w));
    serve(&w, n, 10, 600, "changed");
    n->answer.kind = ANSWER_FOUND;
    CHECK(flush(&w));
    collect(&w);
    CHECK_TEXT(stored_content(&w, "1"), "changed");
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    world_stop(&w);
}

/* Money that is not there yet: nothing is stored but that it was looked for. */
TEST(an_entry_of_another_partition_whose_transactions_were_none_is_read_once)
{
    struct world w;
    struct need *n;

    world_start(&w);
    move_the_shop(&w);
    mongo_mock_put(w.mock, "orders", "{\"_id\":\"tiktok:749:1\"}");
    n = wanted(&w, "1", 50);
    n->kind = ENTRY_TRANSACTION;
    n->document = companion(&w, DOCUMENT_MARK, "orders", n->doc_id, "transactions_fetched_ms", 100);
    to_built(&w, n, n->document);
    n->answer.kind = ANSWER_MISSING;
    CHECK(flush(&w));
    collect(&w);
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    world_stop(&w);
}

TEST(a_tombstone_ends_an_entry_of_another_partition)
{
    struct world w;
    struct need *n;

    world_start(&w);
    CHECK(whole_turn(&w, "1", 10, 100, "a"));
    forget_settled(&w);
    move_the_shop(&w);
    n = wanted(&w, "1", 150);
    serve_gone(&w, n, 200);
    n->answer.kind = ANSWER_MISSING; /* left out twice, a minute apart */
    CHECK(flush(&w));
    collect(&w);
    CHECK(stored_has(&w, "1", "deleted_at"));
    CHECK_INT(outcome_of(&w, "1"), OUTCOME_DONE);
    world_stop(&w);
}

/* --- convergence ------------------------------------------------------------------------------------ */

/* One state of one entity, as some worker read it. */
struct state_read {
    int64_t version;
    int64_t fetched_ms;
    bool gone;
    const char *content;
};

static bool later(const struct state_read *a, const struct state_read *b, bool by_read)
{
    if (by_read || a->version == b->version)
        return a->fetched_ms > b->fetched_ms;
    return a->version > b->version;
}

/* Lost connections are rare, because the driver waits half a second before it connects again. */
static void random_fault(struct world *w, unsigned *seed)
{
    static const struct mock_rule faults[] = {
        {.command = "update", .close = MOCK_CLOSE_BEFORE},
        {.command = "update", .close = MOCK_CLOSE_AFTER},
        {.command = "update", .skip = 1, .close = MOCK_CLOSE_AFTER},
        {.command = "insert", .close = MOCK_CLOSE_BEFORE},
        {.command = "insert", .close = MOCK_CLOSE_AFTER},
        {.command = "update", .refuse_code = 1},
        {.command = "update", .concern_code = 64},
        {.command = "update", .op_errors = {{0, 11000, NULL}}, .op_error_count = 1},
        {.command = "update", .op_errors = {{0, 112, NULL}}, .op_error_count = 1},
        {.command = "insert", .refuse_code = 1},
        {.command = "insert", .concern_code = 64},
        {.command = "insert", .op_errors = {{0, 11000, NULL}}, .op_error_count = 1},
        {.command = "insert", .op_errors = {{0, 112, NULL}}, .op_error_count = 1},
        {.command = "find", .refuse_code = 1},
    };
    enum { CLOSING = 5, ALL = sizeof(faults) / sizeof(faults[0]) };
    unsigned dice = (unsigned)rand_r(seed) % 300;

    mongo_mock_rules_clear(w->mock);
    if (dice < CLOSING)
        mongo_mock_rule(w->mock, &faults[dice]);
    else if (dice % 3 == 0)
        mongo_mock_rule(w->mock, &faults[CLOSING + dice / 3 % (ALL - CLOSING)]);
}

/* Delivers one state. False: it has to come again. */
static bool deliver(struct world *w, const struct state_read *s)
{
    struct need *n = add(w, event("1", s->fetched_ms - 1, 0, false));
    bool done = look_up(w);

    if (done && s->gone && n->stored.exists)
        serve_gone(w, n, s->fetched_ms);
    else if (done && !s->gone)
        serve(w, n, s->version, s->fetched_ms, s->content);
    done = done && flush(w);
    done = done &&
           (n->state != NEED_JUDGED || n->messages.count == 0 || n->messages.first->outcome == OUTCOME_DONE);
    if (n->state !=
        NEED_JUDGED) { /* a gone one that was never stored, or given back: the need ends for this test */
        message_splice(&w->settled, &n->messages);
        need_enter(w->pool, n, NEED_JUDGED);
    }
    collect(w);
    forget_settled(w);
    return done;
}

/* Random orders with duplicates and faults of one set of reads give one final state. by_read: versions never fall from
 * one read to the next, as they do when nothing lags; only then may there be deletions. */
static void converge(const struct state_read *reads, size_t count, bool by_read, unsigned seed)
{
    struct world w;
    const struct state_read *last = &reads[0];

    world_start_with(&w, MOCK_STANDALONE, "");
    w.config.fetch_policy = CONFIG_FETCH_ALWAYS;
    for (size_t i = 1; i < count; i++)
        last = later(&reads[i], last, by_read) ? &reads[i] : last;
    for (int run = 0; run < 60; run++) {
        size_t open[16], left = 0;

        for (size_t i = 0; i < count; i++) {
            open[left++] = i;
            if (rand_r(&seed) % 2 == 0)
                open[left++] = i;
        }
        while (left > 0) {
            size_t at = (size_t)rand_r(&seed) % left;

            random_fault(&w, &seed);
            if (deliver(&w, &reads[open[at]]))
                open[at] = open[--left];
        }
        if (stored_has(&w, "1", "deleted_at") != last->gone ||
            (!last->gone && strcmp(stored_content(&w, "1"), last->content) != 0))
            printf("run %d of seed %u\n", run, seed);
        CHECK(stored_has(&w, "1", "deleted_at") == last->gone);
        CHECK_INT(stored_int(&w, "1", "fetched_ms"), last->fetched_ms);
        if (!last->gone) {
            CHECK_INT(stored_int(&w, "1", "version"), last->version);
            CHECK_TEXT(stored_content(&w, "1"), last->content);
        }
        mongo_mock_rules_clear(w.mock);
        mongo_mock_rule(
            w.mock,
            &(struct mock_rule){.command = "ping", .put_collection = "orders", .remove_id = "tiktok:749:1"});
        CHECK(store_ping(w.store, &w.err));
    }
    world_stop(&w);
}

TEST(any_order_with_duplicates_and_faults_gives_the_newest_state)
{
    static const struct state_read reads[] = {{10, 100, false, "a"}, {10, 110, false, "b"},
                                              {20, 105, false, "b"}, {20, 130, false, "b"},
                                              {30, 120, false, "c"}, {15, 140, false, "old"}};

    converge(reads, sizeof(reads) / sizeof(reads[0]), false, 1);
}

TEST(any_order_with_deletions_gives_the_last_read)
{
    static const struct state_read reads[] = {{10, 100, false, "a"},
                                              {20, 110, false, "a"},
                                              {20, 120, true, ""},
                                              {20, 130, false, "a"},
                                              {30, 140, false, "b"}};
    static const struct state_read ends_gone[] = {
        {10, 100, false, "a"}, {20, 110, false, "b"}, {20, 120, false, "b"}};

    converge(reads, sizeof(reads) / sizeof(reads[0]), true, 2);
    converge(ends_gone, sizeof(ends_gone) / sizeof(ends_gone[0]), true, 3);
}

TEST(a_need_that_joined_while_another_was_written_is_not_lost)
{
    struct world w;
    struct need *n;

    world_start(&w);
    three(&w);
    CHECK(flush(&w));
    n = need_of(&w, "1"); /* the JUDGED one is not joined */
    CHECK_INT(n->state, NEED_NEW);
    collect(&w);
    CHECK_INT(pool_needs(w.pool), 1);
    world_stop(&w);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(new_orders_are_one_unordered_insert_sorted_by_id),
        CASE(changed_orders_are_one_unordered_command_sorted_by_id_with_upsert_and_guard),
        CASE(updates_whose_reply_does_not_account_for_every_op_are_unknown),
        CASE(new_and_changed_orders_of_one_turn_survive_that_they_change_places),
        CASE(a_full_state_takes_away_what_it_does_not_set), CASE(a_replay_leaves_identical_documents),
        CASE(bulks_are_cut_by_ops_and_by_bytes), CASE(two_answers_of_one_entity_never_share_a_bulk),
        CASE(a_later_read_of_the_same_version_wins),
        CASE(a_read_stamped_in_the_future_does_not_lock_the_document),
        CASE(documents_without_a_version_or_with_another_type_heal),
        CASE(an_unchanged_document_moves_to_the_newer_version_so_that_a_late_older_one_is_refused),
        CASE(marks_outside_the_content_follow_an_unchanged_read),
        CASE(a_document_that_changed_in_between_is_sent_whole),
        CASE(a_document_that_vanished_in_between_is_made_again),
        CASE(the_newer_loser_of_an_insert_race_is_written_by_the_second_pass),
        CASE(a_duplicate_key_without_a_key_pattern_counts_as_ours),
        CASE(the_older_loser_is_stale_and_done_because_the_stored_state_reflects_it),
        CASE(our_own_earlier_write_is_done), CASE(a_tombstone_of_a_later_read_beats_a_higher_version),
        CASE(a_document_that_is_still_older_after_the_second_pass_is_written_at_once),
        CASE(races_lost_again_and_again_wait_without_an_attempt),
        CASE(a_duplicate_key_without_a_document_gets_one_more_insert),
        CASE(a_second_duplicate_key_without_a_document_is_a_data_conflict),
        CASE(a_duplicate_key_of_another_index_is_a_data_conflict_at_once),
        CASE(a_unique_shard_key_counts_as_ours),
        CASE(a_document_deleted_by_an_earlier_read_while_it_was_written_is_revived),
        CASE(a_gone_document_becomes_a_tombstone_and_reflects_its_events),
        CASE(a_later_read_revives_and_an_earlier_one_does_not),
        CASE(revives_that_did_not_match_are_judged_by_what_is_stored),
        CASE(a_tombstone_for_a_newer_read_is_not_written), CASE(a_tombstone_for_nothing_is_done),
        CASE(an_id_left_out_is_marked_once_and_asked_for_again_after_a_minute),
        CASE(a_delay_stays_below_the_claim_threshold), CASE(a_connection_lost_once_is_the_drivers_to_retry),
        CASE(a_connection_lost_twice_is_an_unknown_outcome_and_the_lookup_finds_what_landed),
        CASE(on_a_standalone_one_lost_reply_is_unknown), CASE(a_stall_once_is_retried_and_twice_is_unknown),
        CASE(a_command_refused_as_a_whole_is_infrastructure), CASE(a_write_concern_error_never_acks),
        CASE(poison_is_certain_even_when_the_rest_is_unknown),
        CASE(a_reply_that_does_not_account_for_every_op_is_unknown),
        CASE(a_bulk_that_the_server_makes_the_driver_split_hides_no_failure),
        CASE(needs_written_before_an_outage_stay_judged),
        CASE(an_outage_during_the_second_pass_or_the_read_back_gives_back), CASE(nobody_there),
        CASE(refused_credentials_halt), CASE(one_poison_op_is_dead_lettered_alone),
        CASE(a_write_conflict_is_redone_at_once), CASE(endless_write_conflicts_wait_without_an_attempt),
        CASE(an_unknown_code_of_one_op_counts_attempts), CASE(a_server_without_a_primary_pauses),
        CASE(an_oversize_document_does_not_take_its_bulk_along),
        CASE(collections_have_bulks_of_their_own_size),
        CASE(the_need_for_an_orders_transactions_is_stored_before_the_order),
        CASE(an_order_that_has_not_changed_raises_nothing),
        CASE(a_crash_between_the_need_and_its_order_repeats_both),
        CASE(a_need_for_the_rest_of_an_answer_is_stored_although_nothing_has_changed),
        CASE(what_is_asked_again_is_stored_before_the_order_is_told_that_it_was_read),
        CASE(the_order_is_told_after_its_transactions_are_stored),
        CASE(no_money_yet_is_noted_on_the_order_or_nowhere),
        CASE(an_event_that_came_while_the_transactions_were_read_goes_round_again),
        CASE(a_raw_event_is_stored_once_and_never_changed), CASE(copies_of_raw_events_do_not_cut_the_bulks),
        CASE(a_raw_event_survives_a_race_and_an_outage),
        CASE(an_event_stored_after_the_read_was_sent_goes_round_again),
        CASE(what_was_announced_but_is_not_served_yet_is_tried_again_with_an_attempt),
        CASE(after_enough_stale_reads_the_document_is_marked_and_the_event_done),
        CASE(an_announcement_is_judged_by_the_newer_of_answer_and_database),
        CASE(an_entry_of_the_future_is_shown_by_the_read_it_asked_for),
        CASE(an_entry_of_the_future_that_nobody_read_for_waits_for_the_clock),
        CASE(an_entry_of_the_future_whose_read_was_refused_waits_for_the_clock),
        CASE(an_entry_of_another_partition_is_read_once_whatever_is_stored),
        CASE(an_entry_of_another_partition_that_is_not_served_yet_is_tried_again),
        CASE(an_entry_of_another_partition_whose_read_was_refused_is_read_again),
        CASE(an_entry_of_another_partition_whose_transactions_were_none_is_read_once),
        CASE(a_tombstone_ends_an_entry_of_another_partition),
        CASE(any_order_with_duplicates_and_faults_gives_the_newest_state),
        CASE(any_order_with_deletions_gives_the_last_read),
        CASE(a_need_that_joined_while_another_was_written_is_not_lost));
}
