/* test_store.c - defaults of the URI, indexes, the self-check; against the mock. */
#include "worker/store.h"

#include "common/metrics.h"
#include "tests/unit/mongo_fixture.h"

/* A field of the writeConcern of the first insert sent; -1 when absent. */
static int64_t concern_int(struct world *w, const char *field)
{
    bson_iter_t it, in;
    const bson_t *sent = mongo_mock_sent(w->mock, "insert", 0);

    if (!sent || !bson_iter_init_find(&it, sent, "writeConcern") || !bson_iter_recurse(&it, &in) ||
        !bson_iter_find(&in, field))
        return -1;
    return bson_iter_as_int64(&in);
}

static const char *concern_w(struct world *w)
{
    bson_iter_t it, in;
    const bson_t *sent = mongo_mock_sent(w->mock, "insert", 0);

    if (!sent || !bson_iter_init_find(&it, sent, "writeConcern") || !bson_iter_recurse(&it, &in) ||
        !bson_iter_find(&in, "w") || !BSON_ITER_HOLDS_UTF8(&in))
        return "(none)";
    return bson_iter_utf8(&in, NULL);
}

TEST(writes_are_majority_journalled_and_limited_unless_the_uri_says_otherwise)
{
    struct world w;

    world_start(&w);
    CHECK(whole_turn(&w, "1", 10, 10, "a"));
    CHECK_TEXT(concern_w(&w), "majority");
    CHECK_INT(concern_int(&w, "j"), 1);
    CHECK_INT(concern_int(&w, "wtimeout"), 10000);
    world_stop(&w);
}

TEST(what_the_uri_sets_stands)
{
    struct world w;

    world_start_with(&w, MOCK_REPLICA_SET, "&w=1&journal=false&wtimeoutMS=77&retryWrites=false");
    CHECK(whole_turn(&w, "1", 10, 10, "a"));
    CHECK_INT(concern_int(&w, "w"), 1);
    CHECK_INT(concern_int(&w, "j"), 0);
    CHECK_INT(concern_int(&w, "wtimeout"), 77);
    CHECK(!bson_has_field(mongo_mock_sent(w.mock, "insert", 0), "txnNumber"));
    world_stop(&w);
}

TEST(lookups_read_the_primary_whatever_the_uri_says)
{
    struct world w;
    bson_iter_t it, in;
    const bson_t *sent;

    world_start_with(&w, MOCK_REPLICA_SET, "&readPreference=secondaryPreferred");
    add(&w, event("1", 10, 0, false));
    CHECK(look_up(&w));
    sent = mongo_mock_sent(w.mock, "find", 0);
    if (bson_iter_init_find(&it, sent, "$readPreference") && bson_iter_recurse(&it, &in) &&
        bson_iter_find(&in, "mode"))
        CHECK_TEXT(bson_iter_utf8(&in, NULL), "primary");
    CHECK_INT(mongo_mock_count(w.mock, "find"), 1);
    world_stop(&w);
}

static void refused(const char *uri, const char *secret)
{
    struct config config = {0};
    struct err err = {0};
    struct store_pool *p;

    config.mongo_uri = strdup(uri);
    config.mongo_dbname = strdup("test");
    driver_init();
    p = store_pool_new(&config, "tests", &err);
    CHECK(p == NULL);
    CHECK(strstr(err.text, "MONGO_URI") != NULL);
    CHECK(strstr(err.text, secret) == NULL);
    free(config.mongo_uri);
    free(config.mongo_dbname);
}

TEST(a_bad_uri_is_named_without_its_password)
{
    refused("mongodb://user:hunter/2@host/", "hunter");
    refused("mongodb://user:hunter%2@host/", "hunter");
    refused("mongodb://user:hunter2@host:99999/", "hunter");
    refused("hunter2://", "hunter");
}

TEST(unconfirmed_writes_are_refused)
{
    refused("mongodb://host/?w=0", "@");
}

TEST(indexes_are_made_once_by_name)
{
    struct world w;

    world_start(&w);
    CHECK(store_prepare(w.store, &w.config, &w.err));
    CHECK_INT(mongo_mock_count(w.mock, "createIndexes"), 27);
    CHECK_INT(mongo_mock_int(w.mock, "indexes", "webhook_events/expires", "expireAfterSeconds", -1), 0);
    CHECK(store_prepare(w.store, &w.config, &w.err));
    CHECK_INT(mongo_mock_count(w.mock, "createIndexes"), 27);
    CHECK_INT(mongo_mock_size(w.mock, "indexes"), 27);
    world_stop(&w);
}

TEST(an_index_of_our_name_with_other_keys_is_an_error)
{
    struct world w;

    world_start(&w);
    mongo_mock_put(
        w.mock, "indexes",
        "{\"_id\":\"orders/synced_at\",\"of\":\"orders\",\"name\":\"synced_at\",\"key\":{\"other\":1}}");
    CHECK(!store_prepare(w.store, &w.config, &w.err));
    CHECK(strstr(w.err.text, "synced_at") != NULL);
    mongo_mock_put(w.mock, "indexes",
                   "{\"_id\":\"orders/"
                   "synced_at\",\"of\":\"orders\",\"name\":\"synced_at\",\"key\":{\"synced_at\":1.0}}");
    CHECK(store_prepare(w.store, &w.config, &w.err));
    world_stop(&w);
}

TEST(preparing_fails_when_the_server_refuses)
{
    struct world w;

    world_start(&w);
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "createIndexes", .refuse_code = 13});
    CHECK(!store_prepare(w.store, &w.config, &w.err));
    CHECK_INT(w.err.code, 13);
    world_stop(&w);
}

TEST(a_server_that_keeps_the_rules_passes_and_nothing_is_left_behind)
{
    struct world w;

    world_start(&w);
    CHECK(store_self_check(w.store, &w.err));
    CHECK_INT(mongo_mock_count(w.mock, "drop"), 1);
    world_stop(&w);
}

TEST(a_server_that_lets_an_older_version_through_is_refused)
{
    struct world w;

    world_start(&w);
    mongo_mock_rule(
        w.mock,
        &(struct mock_rule){.command = "update", .skip = 1, .reply = "{\"ok\":1,\"n\":1,\"nModified\":1}"});
    CHECK(!store_self_check(w.store, &w.err));
    CHECK(strstr(w.err.text, "older version") != NULL);
    world_stop(&w);
}

TEST(a_server_that_changes_values_is_refused)
{
    struct world w;

    world_start(&w);
    mongo_mock_rule(
        w.mock, &(struct mock_rule){.command = "find",
                                    .reply = "{\"ok\":1,\"cursor\":{\"id\":{\"$numberLong\":\"0\"},\"ns\":"
                                             "\"test.x\",\"firstBatch\":[{\"_id\":\"a\",\"version\":10,"
                                             "\"amount\":1.5}]}}"});
    CHECK(!store_self_check(w.store, &w.err));
    CHECK(strstr(w.err.text, "Decimal128") != NULL);
    world_stop(&w);
}

TEST(ping_tells_whether_the_server_answers)
{
    struct world w;

    world_start(&w);
    CHECK(store_ping(w.store, &w.err));
    mongo_mock_stop(w.mock);
    w.mock = NULL;
    CHECK(!store_ping(w.store, &w.err));
    CHECK_INT(w.err.domain, ERR_MONGO);
    world_stop(&w);
}

TEST(every_bulk_command_is_counted)
{
    struct world w;
    int64_t before = metric_get(METRIC_WORKER_BULKS);

    world_start(&w);
    CHECK(whole_turn(&w, "1", 10, 10, "a"));
    CHECK_INT(metric_get(METRIC_WORKER_BULKS), before + 1);
    CHECK(whole_turn(&w, "1", 20, 20, "b"));
    CHECK_INT(metric_get(METRIC_WORKER_BULKS), before + 2);
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert", .refuse_code = 1});
    CHECK(!whole_turn(&w, "2", 10, 10, "a"));
    CHECK_INT(metric_get(METRIC_WORKER_BULKS), before + 3);
    world_stop(&w);
}

TEST(an_exhausted_pool_says_so_instead_of_waiting_for_ever)
{
    struct world w;
    struct store *more[8] = {NULL};
    size_t n = 0;

    world_start_with(&w, MOCK_REPLICA_SET, "&maxPoolSize=2&waitQueueTimeoutMS=100");
    while (n < 8 && (more[n] = store_open(w.stores, &w.err)) != NULL)
        n++;
    CHECK_INT(n, 1);
    CHECK(strstr(w.err.text, "maxPoolSize") != NULL);
    store_close(more[0]);
    world_stop(&w);
}

TEST(only_orders_have_a_collection_so_far)
{
    CHECK_TEXT(store_collection_of(ENTRY_ORDER), "orders");
    CHECK_TEXT(store_collection_of(ENTRY_TRACKING), "order_tracking_status");
    CHECK(store_collection_of(ENTRY_SHOP) == NULL);
    CHECK(store_collection_of(ENTRY_OTHER) == NULL);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(writes_are_majority_journalled_and_limited_unless_the_uri_says_otherwise),
        CASE(what_the_uri_sets_stands), CASE(lookups_read_the_primary_whatever_the_uri_says),
        CASE(a_bad_uri_is_named_without_its_password), CASE(unconfirmed_writes_are_refused),
        CASE(indexes_are_made_once_by_name), CASE(an_index_of_our_name_with_other_keys_is_an_error),
        CASE(preparing_fails_when_the_server_refuses),
        CASE(a_server_that_keeps_the_rules_passes_and_nothing_is_left_behind),
        CASE(a_server_that_lets_an_older_version_through_is_refused),
        CASE(a_server_that_changes_values_is_refused), CASE(ping_tells_whether_the_server_answers),
        CASE(every_bulk_command_is_counted), CASE(an_exhausted_pool_says_so_instead_of_waiting_for_ever),
        CASE(only_orders_have_a_collection_so_far));
}
