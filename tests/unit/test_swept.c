/* test_swept.c - needs whose entries Redis has lost wait again; Redis is real, MongoDB the mock. */
#include "worker/swept.h"

#include "tests/unit/mongo_fixture.h"
#include "tests/unit/redis_server.h"

#define ROW(id, ms)                                                                                          \
    "{\"_id\":\"order:tiktok:749:" id                                                                        \
    " 1-1\",\"stream\":\"s\",\"entry\":\"1-1\",\"swept_ms\":{\"$numberLong\":\"" ms                          \
    "\"},\"need\":{\"_id\":\"order:tiktok:749:" id                                                           \
    "\",\"platform\":\"tiktok\",\"shop_id\":\"749\",\"kind\":\"order\","                                     \
    "\"entity_id\":\"" id "\",\"rev\":{\"$numberLong\":\"1\"},\"entry_ms\":5}}"

/* The id of operation at in the last command of that name; "" when it has none. */
static const char *id_of(const struct world *w, const char *command, const char *list, int at)
{
    const size_t commands = mongo_mock_count(w->mock, command);
    bson_iter_t it, id;
    char path[40];

    CHECK(commands > 0);
    snprintf(path, sizeof(path), "%s.%d.q._id", list, at);
    bson_iter_init(&it, mongo_mock_sent(w->mock, command, commands - 1));
    return bson_iter_find_descendant(&it, path, &id) ? bson_iter_utf8(&id, NULL) : "";
}

TEST(needs_go_back_in_the_order_of_their_ids)
{
    struct world w;
    struct redis_server redis;
    struct link *link;

    world_start_with(&w, MOCK_STANDALONE, "");
    redis_server_start(&redis); /* it has none of the entries */
    link = link_new(&redis.url, "sweep", 2000);
    mongo_mock_put(w.mock, SWEPT_COLLECTION, ROW("3", "1000"));
    mongo_mock_put(w.mock, SWEPT_COLLECTION, ROW("1", "1001"));
    mongo_mock_put(w.mock, SWEPT_COLLECTION, ROW("2", "1002"));
    mongo_mock_put(w.mock, SWEPT_COLLECTION, ROW("9", "1003"));
    CHECK(swept_look(w.store, link, 2000, 10000, &w.err));
    CHECK_INT(mongo_mock_size(w.mock, "needs"), 4);
    CHECK_INT(mongo_mock_size(w.mock, SWEPT_COLLECTION), 0);
    CHECK_TEXT(id_of(&w, "update", "updates", 0), "order:tiktok:749:1");
    CHECK_TEXT(id_of(&w, "update", "updates", 1), "order:tiktok:749:2");
    CHECK_TEXT(id_of(&w, "update", "updates", 2), "order:tiktok:749:3");
    CHECK_TEXT(id_of(&w, "delete", "deletes", 0), "order:tiktok:749:1 1-1");
    link_free(link);
    redis_server_stop(&redis);
    world_stop(&w);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(needs_go_back_in_the_order_of_their_ids));
}
