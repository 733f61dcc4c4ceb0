/* test_tracking.c - what tables cannot say about tracking: order of events, version, states; very long ones. */
#include "worker/dto/tracking.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/json.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "tests/harness.h"
#include "worker/dto/recipe.h"

/* --- order of events ------------------------------------------------------------------------------- */

static void set_time(struct tracking_event *event, int64_t ms)
{
    event->time = (struct field_time){ms ? FIELD_HELD : FIELD_ABSENT, ms, 0};
}

/* Sorts events of these times; each remembers its place in code. */
static void sort(struct tracking_event *events, const int64_t *times, size_t count)
{
    struct field_list list = {FIELD_HELD, count, events};

    memset(events, 0, count * sizeof *events);
    for (size_t i = 0; i < count; i++) {
        set_time(&events[i], times[i]);
        events[i].code.value = (int64_t)i;
    }
    tracking_sort_events(&list);
}

TEST(puts_the_newest_event_first)
{
    const int64_t times[] = {5, 9, 7};
    struct tracking_event events[3];

    sort(events, times, 3);
    CHECK_INT(events[0].time.ms, 9);
    CHECK_INT(events[1].time.ms, 7);
    CHECK_INT(events[2].time.ms, 5);
}

TEST(keeps_the_order_of_events_that_share_a_time)
{
    enum { COUNT = 3000 };
    static struct tracking_event events[COUNT];
    static int64_t times[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        times[i] = (int64_t)(1 + i % 3);
    sort(events, times, COUNT);
    for (size_t i = 1; i < COUNT; i++)
        CHECK(events[i - 1].time.ms > events[i].time.ms || (events[i - 1].time.ms == events[i].time.ms &&
                                                            events[i - 1].code.value < events[i].code.value));
}

TEST(puts_events_without_a_time_last_in_their_order)
{
    const int64_t times[] = {0, 3, 0, 4};
    struct tracking_event events[4];

    sort(events, times, 4);
    CHECK_INT(events[0].time.ms, 4);
    CHECK_INT(events[1].time.ms, 3);
    CHECK_INT(events[2].code.value, 0);
    CHECK_INT(events[3].code.value, 2);
}

TEST(leaves_alone_a_list_that_is_not_held)
{
    struct field_list absent = {FIELD_ABSENT, 0, NULL}, refused = {FIELD_REFUSED, 0, NULL};

    tracking_sort_events(&absent);
    tracking_sort_events(&refused);
    CHECK_INT(absent.state, FIELD_ABSENT);
    CHECK_INT(refused.state, FIELD_REFUSED);
}

/* --- version --------------------------------------------------------------------------------------- */

static void check_update_ms(const char *packages, int64_t expected)
{
    struct strbuf text = STRBUF_INIT;
    struct err err = {0};
    yyjson_doc *json;

    strbuf_add_format(&text, "{\"update_time\":1767704400,\"packages\":%s,\"package_list\":%s}", packages,
                      packages);
    json = json_parse(text.data, text.length, NULL, &err);
    CHECK(json != NULL);
    CHECK_INT(recipe_tracking_tiktok.update_ms(yyjson_doc_get_root(json)), expected);
    CHECK_INT(recipe_tracking_shopee.update_ms(yyjson_doc_get_root(json)), expected);
    yyjson_doc_free(json);
    strbuf_deinit(&text);
}

TEST(takes_the_newest_package_for_the_version_when_it_is_later_than_the_order)
{
    const int64_t order = INT64_C(1767704400000);

    check_update_ms("[]", order);
    check_update_ms("null", order);
    check_update_ms("{\"update_time\":1767704401}", order);
    check_update_ms("[{\"update_time\":1767704399},{}]", order);
    check_update_ms("[{\"update_time\":1767704401},{\"update_time\":\"1767704402\"},{\"update_time\":5}]",
                    order + 2000);
    check_update_ms("[7,null,{\"update_time\":1767704460.5},{\"update_time\":1767704403}]", order + 3000);
}

TEST(has_no_version_without_any_plausible_time)
{
    struct err err = {0};
    yyjson_doc *json = json_parse("{\"update_time\":0,\"packages\":[{\"update_time\":-1}]}", 49, NULL, &err);

    CHECK(json != NULL);
    CHECK_INT(recipe_tracking_tiktok.update_ms(yyjson_doc_get_root(json)), 0);
    CHECK_INT(recipe_tracking_tiktok.update_ms(NULL), 0);
    yyjson_doc_free(json);
}

/* --- states ---------------------------------------------------------------------------------------- */

static void check_state(const struct recipe *recipe, const char *word, const char *state)
{
    struct tracking tracking = {.status = {*word ? FIELD_HELD : FIELD_ABSENT, strlen(word), word}};
    struct dto_context context = {.id = "1"};

    recipe->finish(&tracking, NULL, &context, NULL, NULL);
    CHECK_TEXT(tracking.state.data, state);
    CHECK_TEXT(tracking.order_id.data, "1");
}

TEST(has_the_states_of_orders)
{
    static const char *const words[][3] = {
        {"tiktok", "UNPAID", "unpaid"},
        {"tiktok", "AWAITING_COLLECTION", "awaiting_collection"},
        {"tiktok", "IN_TRANSIT", "shipped"},
        {"tiktok", "CANCEL", "cancelled"},
        {"tiktok", "SHIPPED", "unknown"},
        {"tiktok", "", "unknown"},
        {"shopee", "UNPAID", "unpaid"},
        {"shopee", "PENDING", "on_hold"},
        {"shopee", "INVOICE_PENDING", "on_hold"},
        {"shopee", "READY_TO_SHIP", "ready_to_ship"},
        {"shopee", "RETRY_SHIP", "ready_to_ship"},
        {"shopee", "PROCESSED", "awaiting_collection"},
        {"shopee", "SHIPPED", "shipped"},
        {"shopee", "TO_CONFIRM_RECEIVE", "delivered"},
        {"shopee", "COMPLETED", "completed"},
        {"shopee", "IN_CANCEL", "cancelling"},
        {"shopee", "CANCELLED", "cancelled"},
        {"shopee", "TO_RETURN", "returning"},
        {"shopee", "IN_TRANSIT", "unknown"},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        check_state(*words[i][0] == 't' ? &recipe_tracking_tiktok : &recipe_tracking_shopee, words[i][1],
                    words[i][2]);
}

TEST(counts_the_words_it_does_not_know)
{
    int64_t before = metric_get(METRIC_WORKER_STATE_UNKNOWN);

    check_state(&recipe_tracking_tiktok, "ABDUCTED", "unknown");
    check_state(&recipe_tracking_shopee, "ABDUCTED", "unknown");
    CHECK_INT(metric_get(METRIC_WORKER_STATE_UNKNOWN) - before, 2);
}

/* --- very long ones -------------------------------------------------------------------------------- */

/* count times element, oldest first: the worst order for a sort that shifts. */
static void add_events(struct strbuf *to, const char *key, const char *unit, size_t count)
{
    strbuf_add_format(to, ",\"%s\":[", key);
    for (size_t i = 0; i < count; i++)
        strbuf_add_format(to, "%s{\"%s\":%zu%s,\"description\":\"Đã lấy hàng\"}", i ? "," : "",
                          *unit ? "update_time_millis" : "update_time", 1767600000 + i, unit);
    strbuf_add_char(to, ']');
}

static void check_long(const struct recipe *recipe, const struct strbuf *text, const char *newest)
{
    const struct dto_context context = {.platform = recipe->platform,
                                        .shop = "1",
                                        .channel_id = "",
                                        .id = "42",
                                        .doc_id = "tiktok:1:42",
                                        .fetched_ms = INT64_C(1767705000000),
                                        .now_ms = INT64_C(1767705000000)};
    struct err err = {0};
    struct arena *arena = arena_new(4096, 1 << 20);
    yyjson_doc *json = json_parse(text->data, text->length, NULL, &err);
    struct document *d;
    bson_iter_t iter, found;

    CHECK(json != NULL);
    d = recipe_document(recipe, yyjson_doc_get_root(json), &context, arena, &err);
    CHECK(d && d->valid);
    CHECK(bson_validate(d->set, BSON_VALIDATE_UTF8, NULL));
    CHECK(bson_iter_init(&iter, d->set) && bson_iter_find_descendant(&iter, newest, &found));
    CHECK_TEXT(bson_iter_utf8(&found, NULL), "2026-01-05T13:33:19+00:00");
    document_free(d);
    yyjson_doc_free(json);
    arena_free(arena);
}

TEST(keeps_twenty_thousand_events_of_an_order)
{
    struct strbuf text = STRBUF_INIT;

    strbuf_add_text(&text, "{\"order_id\":\"42\",\"order_status\":\"DELIVERED\",\"update_time\":1767704400");
    add_events(&text, "tracking", "000", 20000);
    strbuf_add_char(&text, '}');
    check_long(&recipe_tracking_tiktok, &text, "events.0.time");
    strbuf_deinit(&text);
}

TEST(keeps_a_thousand_packages_with_twenty_events_each)
{
    struct strbuf text = STRBUF_INIT;

    strbuf_add_text(
        &text,
        "{\"order_sn\":\"42\",\"order_status\":\"SHIPPED\",\"update_time\":1767704400,\"package_list\":[");
    for (size_t i = 0; i < 1000; i++) {
        strbuf_add_format(&text, "%s{\"package_number\":\"OFG%zu\"", i ? "," : "", i);
        add_events(&text, "tracking_info", "", i == 999 ? 20000 : 20);
        add_events(&text, "reversed_tracking_info", "", 3);
        strbuf_add_char(&text, '}');
    }
    strbuf_add_text(&text, "]}");
    check_long(&recipe_tracking_shopee, &text, "packages.999.events.0.time");
    strbuf_deinit(&text);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(puts_the_newest_event_first), CASE(keeps_the_order_of_events_that_share_a_time),
        CASE(puts_events_without_a_time_last_in_their_order), CASE(leaves_alone_a_list_that_is_not_held),
        CASE(takes_the_newest_package_for_the_version_when_it_is_later_than_the_order),
        CASE(has_no_version_without_any_plausible_time), CASE(has_the_states_of_orders),
        CASE(counts_the_words_it_does_not_know), CASE(keeps_twenty_thousand_events_of_an_order),
        CASE(keeps_a_thousand_packages_with_twenty_events_each));
}
