/* test_parked.c - a need that waits in MongoDB: what of its events is kept, what comes back, and that nothing is lost on the
 * way; against the mock. */
#include "worker/parked.h"

#include "common/metrics.h"
#include "tests/unit/mongo_fixture.h"

#define NEEDS_ID "order:tiktok:749:1"
#define LATER    INT64_C(1767704400000) /* a plausible update time */

static const char *no_channel(void *shops, const char *platform, const char *shop)
{
    (void)shops, (void)platform, (void)shop;
    return "";
}

/* Stages 5 and 6. */
static bool write_all(struct world *w)
{
    bool ok;

    dto_build(w->pool, &w->config, &w->f, w->arena, no_channel, NULL);
    ok = flush(w);
    collect(w);
    return ok;
}

/* One need, looked up and found to wait for its shop. */
static bool park(struct world *w, struct message *m, const char *reason)
{
    struct need *n = add(w, m);

    CHECK(look_up(w));
    CHECK_INT(n->state, NEED_WAITING);
    need_park(w->pool, n, reason);
    CHECK_INT(n->state, NEED_ANSWERED);
    return write_all(w);
}

static int64_t needs_int(struct world *w, const char *id, const char *field)
{
    return mongo_mock_int(w->mock, "needs", id, field, -1);
}

/* The document as the sweep reads it. *row is owned. */
static struct parked needs_row(struct world *w, const char *id, bson_t **row)
{
    struct parked p = {0};

    *row = mongo_mock_get(w->mock, "needs", id);
    CHECK(*row != NULL);
    CHECK(*row && parked_read(*row, &p));
    return p;
}

TEST(a_need_moves_to_mongodb_and_its_entries_are_judged_parked)
{
    struct world w;
    struct parked p;
    bson_t *row;

    world_start(&w);
    CHECK(park(&w, event("1", 100, 0, false), "revoked"));
    CHECK_INT(w.settled.count, 1);
    CHECK_INT(w.settled.first->outcome, OUTCOME_PARKED);
    CHECK_INT(pool_needs(w.pool), 0);
    CHECK_INT(mongo_mock_size(w.mock, "orders"), 0);
    p = needs_row(&w, NEEDS_ID, &row);
    CHECK_TEXT(p.id, NEEDS_ID);
    CHECK_TEXT(p.platform, "tiktok");
    CHECK_TEXT(p.shop, "749");
    CHECK_INT(p.kind, ENTRY_ORDER);
    CHECK_TEXT(p.entity_id, "1");
    CHECK_TEXT(p.topic, "1");
    CHECK_TEXT(p.trace, "t");
    CHECK_TEXT(p.reason, "revoked");
    CHECK_INT(p.event_ms, 0);
    CHECK_INT(p.attempts, 0);
    CHECK_INT(p.rev, 1);
    CHECK_INT(p.since_ms, NOW);
    CHECK_INT(needs_int(&w, NEEDS_ID, "entry_ms"), 100);
    bson_destroy(row);
    world_stop(&w);
}

TEST(one_document_an_entity_however_many_events)
{
    struct world w;
    struct parked p;
    bson_t *row;

    world_start(&w);
    CHECK(park(&w, event("1", 300, LATER, true), "expired"));
    w.f.now_ms = NOW + 5000;
    CHECK(park(&w, event("1", 200, LATER - 1000, true), "revoked")); /* late: lowers nothing */
    CHECK(
        park(&w, event("1", 250, LATER + 9000, false), "revoked")); /* second sort: its time proves nothing */
    CHECK_INT(mongo_mock_size(w.mock, "needs"), 1);
    p = needs_row(&w, NEEDS_ID, &row);
    CHECK_INT(p.event_ms, LATER);
    CHECK_INT(needs_int(&w, NEEDS_ID, "entry_ms"), 300);
    CHECK_INT(p.rev, 3);
    CHECK_TEXT(p.reason, "revoked");
    CHECK_INT(p.since_ms, NOW); /* of the first */
    CHECK_INT(w.settled.count, 3);
    bson_destroy(row);
    world_stop(&w);
}

TEST(keeps_the_latest_of_all_events_that_folded)
{
    struct world w;
    struct parked p;
    bson_t *row;

    world_start(&w);
    add(&w, event("1", 100, LATER, true));
    CHECK(park(&w, event("1", 400, LATER - 1000, true), "circuit"));
    CHECK_INT(w.settled.count, 2);
    CHECK_INT(w.settled.last->outcome, OUTCOME_PARKED);
    p = needs_row(&w, NEEDS_ID, &row);
    CHECK_INT(p.event_ms, LATER);
    CHECK_INT(needs_int(&w, NEEDS_ID, "entry_ms"), 400);
    bson_destroy(row);
    world_stop(&w);
}

/* Deliveries are this life's, the current one is not used up: the shop is at fault. */
TEST(attempts_used_up_travel_with_the_need)
{
    static const struct {
        int64_t before, deliveries, used;
    } rows[] = {{0, 1, 0}, {0, 3, 2}, {2, 1, 2}, {2, 3, 4}, {ENTRY_ATTEMPTS_MAX, 9, ENTRY_ATTEMPTS_MAX}};
    struct world w;
    char id[16], needs_id[40];

    world_start(&w);
    for (int i = 0; i < (int)(sizeof(rows) / sizeof(rows[0])); i++) {
        struct message *m;

        snprintf(id, sizeof(id), "a%d", i);
        snprintf(needs_id, sizeof(needs_id), "order:tiktok:749:a%d", i);
        m = event(id, 100, 0, false);
        m->entry.attempts = rows[i].before;
        m->deliveries = rows[i].deliveries;
        CHECK(park(&w, m, "circuit"));
        CHECK_INT(needs_int(&w, needs_id, "attempts"), rows[i].used);
    }
    CHECK(park(&w, event("a3", 200, 0, false), "circuit")); /* a fresh event gives no tries back */
    CHECK_INT(needs_int(&w, "order:tiktok:749:a3", "attempts"), 4);
    world_stop(&w);
}

/* The need that brings the entity back later. */
static void ask_again(struct world *w, int64_t delay_ms)
{
    struct need *n = add(w, event("1", 100, 0, false));
    struct document *d;

    n->answer.fetched_ms = 150;
    d = parked_again(n, PARKED_INCOMPLETE, w->f.now_ms, delay_ms, w->arena, &w->err);
    CHECK(d != NULL);
    n->document = d;
    need_enter(w->pool, n, NEED_BUILT);
    CHECK(flush(w));
    collect(w);
}

TEST(what_is_asked_again_waits_from_its_time_on_unless_something_waits_already)
{
    struct world w;
    struct parked p;
    struct entry e;
    bson_t *row;

    world_start(&w);
    ask_again(&w, 5000);
    p = needs_row(&w, NEEDS_ID, &row);
    CHECK_INT(p.since_ms, NOW + 5000);
    CHECK_TEXT(p.reason, "incomplete");
    CHECK_INT(p.event_ms, 0);
    CHECK_INT(p.attempts, 1);
    CHECK(!parked_waits_for_shop(p.reason));
    e = parked_entry(&p, NOW);
    CHECK_BYTES(e.src.data, e.src.length, "again", 5);
    CHECK(!e.moves);
    bson_destroy(row);
    ask_again(&w, 9000); /* the earlier time counts */
    p = needs_row(&w, NEEDS_ID, &row);
    CHECK_INT(p.since_ms, NOW + 5000);
    CHECK_INT(p.rev, 2);
    bson_destroy(row);
    CHECK(park(&w, event("1", 200, 0, false), "circuit")); /* that one waits from now on */
    p = needs_row(&w, NEEDS_ID, &row);
    CHECK_INT(p.since_ms, NOW);
    CHECK_TEXT(p.reason, "circuit");
    CHECK(parked_waits_for_shop(p.reason));
    bson_destroy(row);
    ask_again(&w, 5000);
    p = needs_row(&w, NEEDS_ID, &row);
    CHECK_INT(p.since_ms, NOW);
    bson_destroy(row);
    world_stop(&w);
}

TEST(what_comes_back_is_an_entry_that_carries_all_of_it)
{
    struct world w;
    struct message *m = event("1", 300, LATER, true);
    struct parked p;
    struct entry e;
    bson_t *row;

    world_start(&w);
    m->deliveries = 3;
    CHECK(park(&w, m, "revoked"));
    p = needs_row(&w, NEEDS_ID, &row);
    e = parked_entry(&p, NOW + 7);
    CHECK_BYTES(e.platform.data, e.platform.length, "tiktok", 6);
    CHECK_BYTES(e.shop.data, e.shop.length, "749", 3);
    CHECK_BYTES(e.id.data, e.id.length, "1", 1);
    CHECK_BYTES(e.src.data, e.src.length, "parked", 6);
    CHECK_BYTES(e.topic.data, e.topic.length, "1", 1);
    CHECK_BYTES(e.trace.data, e.trace.length, "t", 1);
    CHECK_BYTES(e.key.data, e.key.length, NEEDS_ID, strlen(NEEDS_ID));
    CHECK_INT(e.kind, ENTRY_ORDER);
    CHECK_INT(e.event_ms, LATER);
    CHECK(e.moves);
    CHECK_INT(e.attempts, 2);
    CHECK_INT(e.recv_ms, NOW + 7);
    CHECK(e.return_kind.data == NULL && e.body.data == NULL);
    bson_destroy(row);
    world_stop(&w);
}

TEST(an_entry_is_never_made_unreadable_by_what_stands_in_the_document)
{
    bson_t *row = BCON_NEW("_id", "order:x", "platform", "tiktok", "shop_id", "749", "kind", "order",
                           "entity_id", "1", "event_ms", BCON_INT64(17), "attempts",
                           BCON_INT64(INT64_C(1) << 60), "return_kind", "cancellation");
    bson_t *foreign = BCON_NEW("_id", "order:x", "platform", "tiktok");
    bson_t *newer =
        BCON_NEW("_id", "x", "platform", "tiktok", "shop_id", "749", "kind", "voucher", "entity_id", "1");
    struct parked p;
    struct entry e;

    CHECK(parked_read(row, &p));
    e = parked_entry(&p, NOW);
    CHECK_INT(e.event_ms, 0); /* no plausible time: the second sort */
    CHECK(!e.moves);
    CHECK_INT(e.attempts, ENTRY_ATTEMPTS_MAX);
    CHECK_BYTES(e.return_kind.data, e.return_kind.length, "cancellation", 12);
    CHECK(!parked_read(foreign, &p));
    CHECK(!parked_read(newer, &p));
    bson_destroy(row);
    bson_destroy(foreign);
    bson_destroy(newer);
}

TEST(while_mongodb_is_away_nothing_is_parked_and_nothing_judged)
{
    struct world w;
    struct need *n;

    world_start(&w);
    n = add(&w, event("1", 100, 0, false));
    CHECK(look_up(&w));
    need_park(w.pool, n, "revoked");
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "update", .close = MOCK_CLOSE_BEFORE, .times = 9});
    CHECK(!write_all(&w));
    CHECK_INT(w.settled.count, 0);
    CHECK_INT(n->state, NEED_NEW);
    CHECK(n->park_reason == NULL); /* it is looked up and judged anew: the shop may answer again */
    CHECK(n->messages.first->repeat);
    mongo_mock_rules_clear(w.mock);
    CHECK(look_up(&w));
    need_park(w.pool, n, "expired");
    CHECK(write_all(&w));
    CHECK_INT(w.settled.first->outcome, OUTCOME_PARKED);
    CHECK_INT(mongo_mock_size(w.mock, "needs"), 1);
    world_stop(&w);
}

TEST(a_reply_lost_after_the_write_parks_again_and_changes_only_the_revision)
{
    struct world w;
    struct need *n;

    world_start_with(&w, MOCK_STANDALONE, "");
    n = add(&w, event("1", 100, 0, false));
    CHECK(look_up(&w));
    need_park(w.pool, n, "revoked");
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "update", .close = MOCK_CLOSE_AFTER, .times = 1});
    CHECK(!write_all(&w));
    CHECK_INT(mongo_mock_size(w.mock, "needs"), 1);
    CHECK(look_up(&w));
    need_park(w.pool, n, "revoked");
    CHECK(write_all(&w));
    CHECK_INT(w.settled.count, 1);
    CHECK_INT(needs_int(&w, NEEDS_ID, "rev"), 2);
    CHECK_INT(needs_int(&w, NEEDS_ID, "entry_ms"), 100);
    world_stop(&w);
}

TEST(a_lost_race_for_the_first_document_joins_the_winners)
{
    struct world w;

    world_start(&w);
    mongo_mock_put(w.mock, "needs", "{\"_id\":\"" NEEDS_ID "\",\"rev\":4,\"entry_ms\":50}");
    mongo_mock_rule(
        w.mock, &(struct mock_rule){.command = "update",
                                    .times = 1,
                                    .op_errors = {{.index = 0, .code = 11000, .key_pattern = "{\"_id\":1}"}},
                                    .op_error_count = 1});
    CHECK(park(&w, event("1", 100, 0, false), "revoked"));
    CHECK_INT(w.settled.first->outcome, OUTCOME_PARKED);
    CHECK_INT(needs_int(&w, NEEDS_ID, "rev"), 5);
    CHECK_INT(needs_int(&w, NEEDS_ID, "entry_ms"), 100);
    world_stop(&w);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(a_need_moves_to_mongodb_and_its_entries_are_judged_parked),
                        CASE(one_document_an_entity_however_many_events),
                        CASE(keeps_the_latest_of_all_events_that_folded),
                        CASE(attempts_used_up_travel_with_the_need),
                        CASE(what_is_asked_again_waits_from_its_time_on_unless_something_waits_already),
                        CASE(what_comes_back_is_an_entry_that_carries_all_of_it),
                        CASE(an_entry_is_never_made_unreadable_by_what_stands_in_the_document),
                        CASE(while_mongodb_is_away_nothing_is_parked_and_nothing_judged),
                        CASE(a_reply_lost_after_the_write_parks_again_and_changes_only_the_revision),
                        CASE(a_lost_race_for_the_first_document_joins_the_winners));
}
