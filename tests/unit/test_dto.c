/* test_dto.c - stage 5: what becomes of each kind of answer. */
#include "worker/dto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "tests/harness.h"
#include "worker/message.h"

#define ENTRY_MS INT64_C(1767704000000)
#define FETCHED  INT64_C(1767705000000)
#define UPDATED  INT64_C(1767704400000)

#define ORDER "{\"id\":\"576\",\"status\":\"UNPAID\",\"update_time\":1767704400}"

/* A pool with one need, answered. */
struct scene {
    struct config config;
    struct freshness freshness;
    struct arena *arena;
    struct pool *pool;
    struct need *need;
    yyjson_doc *json; /* NULL until told */
};

static bool keep_body(const struct entry *e)
{
    return e->kind == ENTRY_OTHER;
}

#define PUT(key, value) (fields[n++] = (struct entry_text){(key), strlen(key)}, fields[n++] = (value))

static struct entry_text text_of(const char *s)
{
    return (struct entry_text){s, strlen(s)};
}

/* event_ms 0: second sort. */
static struct message *event(const char *kind, int64_t entry_ms, int64_t event_ms, const char *trace)
{
    struct entry_text fields[32];
    char stream_id[32], event_text[32];
    size_t n = 0;

    snprintf(stream_id, sizeof stream_id, "%lld-0", (long long)entry_ms);
    snprintf(event_text, sizeof event_text, "%lld", (long long)event_ms);
    PUT("v", text_of("1"));
    PUT("platform", text_of("tiktok"));
    PUT("shop", text_of("749"));
    PUT("topic", text_of("1"));
    PUT("kind", text_of(kind));
    PUT("id", text_of("576"));
    if (event_ms > 0)
        PUT("event_ms", text_of(event_text));
    PUT("recv_ms", text_of("1767704000000"));
    PUT("key", text_of("k1"));
    PUT("src", text_of("webhook"));
    PUT("trace", text_of(trace));
    if (event_ms > 0)
        PUT("moves", text_of("1"));
    if (strcmp(kind, "other") == 0)
        PUT("body", text_of("{}"));
    return message_new(0, stream_id, fields, n, keep_body);
}

static void scene_open(struct scene *s, const char *kind, bool raw)
{
    *s = (struct scene){
        .config = {.max_stale_reads = 5,
                   .retry_delay_count = 5,
                   .timezone_offset_minutes = 420,
                   .webhook_events_keep_days = 30},
        .freshness = {.now_ms = FETCHED + 100, .skew_ms = 2000, .settled_counts = true},
        .arena = arena_new(4096, 1 << 20),
        .pool = pool_new(),
    };
    s->need = pool_add(s->pool, event(kind, ENTRY_MS, 0, "t1"), raw);
}

static void answer(struct scene *s, enum answer_kind kind, bool alone)
{
    s->need->answer = (struct answer){.kind = kind, .fetched_ms = FETCHED, .alone = alone};
    if (kind == ANSWER_FOUND)
        s->need->answer.json = yyjson_doc_get_root(s->json);
}

static void found(struct scene *s, const char *text)
{
    struct err err;

    s->json = json_parse(text, strlen(text), NULL, &err);
    CHECK(s->json != NULL);
    answer(s, ANSWER_FOUND, false);
}

static void stored(struct scene *s, int64_t missing_at_ms, bool deleted)
{
    s->need->stored =
        (struct stored){.exists = true, .deleted = deleted, .version = 7, .missing_at_ms = missing_at_ms};
}

static const char *channel_of(void *shops, const char *platform, const char *shop)
{
    CHECK_TEXT(platform, "tiktok");
    CHECK_TEXT(shop, "749");
    return shops;
}

static void run_in(struct scene *s, struct arena *arena)
{
    char channel[] = "main";

    need_enter(s->pool, s->need, NEED_ANSWERED);
    dto_build(s->pool, &s->config, &s->freshness, arena, channel_of, channel);
}

static void run(struct scene *s)
{
    run_in(s, s->arena);
}

static void scene_close(struct scene *s)
{
    document_free(s->need->document);
    pool_free(s->pool);
    arena_free(s->arena);
    yyjson_doc_free(s->json);
}

/* --- checks ---------------------------------------------------------------------------------------- */

static void check_built(const struct scene *s, enum document_op op)
{
    CHECK_INT(s->need->state, NEED_BUILT);
    CHECK(s->need->document != NULL);
    CHECK_INT(s->need->document->op, op);
    CHECK_TEXT(s->need->document->doc_id, op == DOCUMENT_RAW ? s->need->document->doc_id : "tiktok:749:576");
}

static void check_judged(const struct scene *s, enum outcome outcome, bool free_retry, enum dead_class dead)
{
    const struct message *m = s->need->messages.first;

    CHECK_INT(s->need->state, NEED_JUDGED);
    CHECK_INT(m->outcome, outcome);
    CHECK_INT(m->free_retry, free_retry);
    CHECK_INT(m->dead_class, dead);
    CHECK(m->error[0] != '\0');
    CHECK(s->need->document == NULL);
}

static const char *text_in(const bson_t *b, const char *key)
{
    bson_iter_t iter;

    return bson_iter_init_find(&iter, b, key) && BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, NULL)
                                                                             : "";
}

static int64_t number_in(const bson_t *b, const char *key)
{
    bson_iter_t iter;

    return bson_iter_init_find(&iter, b, key) && BSON_ITER_HOLDS_INT64(&iter) ? bson_iter_int64(&iter) : -1;
}

/* --- found ----------------------------------------------------------------------------------------- */

TEST(builds_the_document_of_an_order)
{
    struct scene s;

    scene_open(&s, "order", false);
    found(&s, ORDER);
    run(&s);
    check_built(&s, DOCUMENT_FULL);
    CHECK_TEXT(s.need->document->collection, "orders");
    CHECK_INT(s.need->document->version, UPDATED);
    CHECK_INT(s.need->document->fetched_ms, FETCHED);
    CHECK(s.need->document->valid);
    CHECK_TEXT(text_in(s.need->document->set, "channel_id"), "main");
    CHECK_TEXT(text_in(s.need->document->set, "idempotency_key"), "tiktok:749:main:order:576");
    CHECK_INT(number_in(s.need->document->set, "version"), UPDATED);
    CHECK_INT(number_in(s.need->document->set, "fetched_ms"), FETCHED);
    CHECK_TEXT(text_in(s.need->document->set, "content_hash"), s.need->document->hash);
    scene_close(&s);
}

TEST(takes_source_and_trace_of_the_newest_event)
{
    struct scene s;

    scene_open(&s, "order", false);
    pool_add(s.pool, event("order", ENTRY_MS + 20, 0, "newest"), false);
    pool_add(s.pool, event("order", ENTRY_MS + 10, 0, "between"), false);
    CHECK_INT(s.need->messages.count, 3);
    found(&s, ORDER);
    run(&s);
    CHECK_TEXT(text_in(s.need->document->set, "trace"), "newest");
    CHECK_TEXT(text_in(s.need->document->set, "source"), "webhook");
    scene_close(&s);
}

TEST(keeps_the_stored_version_when_the_sources_is_unusable)
{
    struct scene s;

    scene_open(&s, "order", false);
    stored(&s, 0, false);
    found(&s, "{\"id\":\"576\",\"status\":\"UNPAID\"}");
    run(&s);
    check_built(&s, DOCUMENT_FULL);
    CHECK_INT(s.need->document->version, 7);
    CHECK(!s.need->document->valid);
    scene_close(&s);
}

static bool behind_after(int64_t deliveries, int64_t event_ms)
{
    struct scene s;
    struct message *m = event("order", ENTRY_MS, event_ms, "t2");
    bool behind;

    m->deliveries = deliveries;
    scene_open(&s, "order", false);
    pool_add(s.pool, m, false);
    found(&s, ORDER);
    run(&s);
    check_built(&s, DOCUMENT_FULL);
    behind = s.need->behind;
    CHECK_INT(bson_has_field(s.need->document->set, "behind"), behind);
    scene_close(&s);
    return behind;
}

TEST(marks_a_document_behind_after_the_last_stale_read)
{
    CHECK(!behind_after(4, UPDATED + 1000));
    CHECK(behind_after(5, UPDATED + 1000));
    CHECK(behind_after(9, UPDATED + 1000));
    CHECK(!behind_after(5, UPDATED));
    CHECK(!behind_after(5, 0));
}

TEST(puts_a_need_back_when_the_turns_memory_is_used_up)
{
    struct arena *small = arena_new(64, 64);
    struct scene s;

    scene_open(&s, "order", false);
    found(&s, ORDER);
    run_in(&s, small);
    check_judged(&s, OUTCOME_RETRY, true, DEAD_UNKNOWN);
    scene_close(&s);
    arena_free(small);
}

TEST(buries_what_cannot_be_stored_even_raw)
{
    enum { NOTE = 16 * 1024 * 1024 };
    static const char head[] = "{\"id\":\"576\",\"seller_note\":\"";
    char *text = malloc(sizeof head + NOTE + 3);
    struct scene s;

    memset(text, 'x', sizeof head + NOTE);
    memcpy(text, head, sizeof head - 1);
    memcpy(text + sizeof head + NOTE, "\"}", 3);
    scene_open(&s, "order", false);
    found(&s, text);
    run(&s);
    check_judged(&s, OUTCOME_POISON, false, DEAD_MONGO_WRITE);
    scene_close(&s);
    free(text);
}

/* --- missing and gone ------------------------------------------------------------------------------ */

TEST(tries_again_what_was_never_stored)
{
    struct scene s;

    scene_open(&s, "order", false);
    answer(&s, ANSWER_MISSING, true);
    run(&s);
    check_judged(&s, OUTCOME_RETRY, false, DEAD_NOT_FOUND);
    scene_close(&s);

    scene_open(&s, "order", false);
    answer(&s, ANSWER_GONE, true);
    run(&s);
    check_judged(&s, OUTCOME_RETRY, false, DEAD_NOT_FOUND);
    scene_close(&s);
}

TEST(notes_when_a_stored_order_is_first_left_out)
{
    struct scene s;

    scene_open(&s, "order", false);
    stored(&s, 0, false);
    answer(&s, ANSWER_MISSING, true);
    run(&s);
    check_built(&s, DOCUMENT_MISSING);
    CHECK_INT(number_in(s.need->document->set, "missing_at_ms"), FETCHED);
    CHECK_INT(bson_count_keys(s.need->document->set), 1);
    CHECK(!s.need->document->unset && !s.need->document->on_insert);
    CHECK_INT(s.need->document->version, 7);
    scene_close(&s);
}

TEST(takes_a_first_time_in_the_future_for_none)
{
    struct scene s;

    scene_open(&s, "order", false);
    stored(&s, FETCHED + 1, false);
    answer(&s, ANSWER_MISSING, true);
    run(&s);
    check_built(&s, DOCUMENT_MISSING);
    scene_close(&s);
}

TEST(waits_a_minute_between_the_two_reads)
{
    struct scene s;

    scene_open(&s, "order", false);
    stored(&s, FETCHED - 59999, false);
    answer(&s, ANSWER_MISSING, true);
    run(&s);
    check_judged(&s, OUTCOME_RETRY, true, DEAD_UNKNOWN);
    CHECK_INT(s.need->messages.first->retry_in_ms, 1);
    CHECK(s.need->alone);
    scene_close(&s);

    scene_open(&s, "order", false);
    stored(&s, FETCHED - 1000, false);
    answer(&s, ANSWER_MISSING, true);
    run(&s);
    CHECK_INT(s.need->messages.first->retry_in_ms, 59000);
    scene_close(&s);
}

TEST(asks_alone_before_it_calls_an_order_gone)
{
    struct scene s;

    scene_open(&s, "order", false);
    stored(&s, FETCHED - 60000, false);
    answer(&s, ANSWER_MISSING, false);
    run(&s);
    CHECK_INT(s.need->state, NEED_NEW);
    CHECK(s.need->alone);
    CHECK_INT(s.need->answer.kind, ANSWER_NONE);
    CHECK_INT(s.need->messages.count, 1);
    scene_close(&s);
}

static void check_tombstone(const struct scene *s)
{
    const struct document *d = s->need->document;

    check_built(s, DOCUMENT_TOMBSTONE);
    CHECK_TEXT(text_in(d->set, "deleted_at"), "2026-01-06T20:10:00+07:00");
    CHECK_TEXT(text_in(d->set, "content_hash"), "deleted");
    CHECK_INT(number_in(d->set, "fetched_ms"), FETCHED);
    CHECK(!bson_has_field(d->set, "version"));
    CHECK(bson_has_field(d->unset, "missing_at_ms"));
    CHECK(!d->on_insert);
    CHECK_INT(d->fetched_ms, FETCHED);
}

TEST(writes_a_tombstone_after_the_second_read_alone)
{
    struct scene s;

    scene_open(&s, "order", false);
    stored(&s, FETCHED - 60000, false);
    answer(&s, ANSWER_MISSING, true);
    run(&s);
    check_tombstone(&s);
    scene_close(&s);
}

TEST(believes_the_platform_that_an_order_is_gone)
{
    struct scene s;

    scene_open(&s, "order", false);
    stored(&s, 0, false);
    answer(&s, ANSWER_GONE, false);
    run(&s);
    check_tombstone(&s);
    scene_close(&s);
}

TEST(judges_a_tombstone_like_any_stored_document)
{
    struct scene s;

    scene_open(&s, "order", false);
    stored(&s, 0, true);
    answer(&s, ANSWER_MISSING, false);
    run(&s);
    check_built(&s, DOCUMENT_MISSING);
    scene_close(&s);

    scene_open(&s, "order", false);
    stored(&s, 0, true);
    answer(&s, ANSWER_GONE, true);
    run(&s);
    check_tombstone(&s);
    scene_close(&s);

    scene_open(&s, "order", false);
    stored(&s, 0, true);
    found(&s, ORDER);
    run(&s);
    check_built(&s, DOCUMENT_FULL);
    CHECK(bson_has_field(s.need->document->unset, "deleted_at"));
    scene_close(&s);
}

/* --- others ---------------------------------------------------------------------------------------- */

TEST(keeps_a_raw_event_as_it_came)
{
    struct scene s;

    scene_open(&s, "other", true);
    run(&s);
    check_built(&s, DOCUMENT_RAW);
    CHECK_TEXT(s.need->document->collection, "webhook_events");
    scene_close(&s);
}

static const char *channel_unknown(void *shops, const char *platform, const char *shop)
{
    (void)shops, (void)platform, (void)shop;
    return NULL;
}

TEST(hints_at_the_shop_after_the_event_is_kept)
{
    struct scene s;
    const struct document *mark;
    bson_iter_t it;

    scene_open(&s, "shop", true);
    run(&s);
    check_built(&s, DOCUMENT_RAW);
    mark = s.need->document->after;
    CHECK(mark != NULL);
    CHECK_INT(mark->op, DOCUMENT_MARK);
    CHECK_TEXT(mark->collection, "shops");
    CHECK_TEXT(mark->doc_id, "tiktok:749");
    CHECK(bson_iter_init_find(&it, mark->max, "hint_ms"));
    CHECK_INT(bson_iter_as_int64(&it), ENTRY_MS);
    CHECK(bson_iter_init_find(&it, mark->set, "hint_topic"));
    CHECK_TEXT(bson_iter_utf8(&it, NULL), "1");
    CHECK(!s.need->document->before);
    scene_close(&s);
}

TEST(a_need_to_be_parked_becomes_a_document_of_needs_whatever_was_answered)
{
    struct scene s;

    scene_open(&s, "order", false);
    need_park(s.pool, s.need, "circuit");
    dto_build(s.pool, &s.config, &s.freshness, s.arena, channel_unknown, NULL);
    CHECK_INT(s.need->state, NEED_BUILT);
    CHECK_INT(s.need->document->op, DOCUMENT_NEED);
    CHECK_TEXT(s.need->document->collection, "needs");
    CHECK_TEXT(s.need->document->doc_id, "order:tiktok:749:576");
    scene_close(&s);
}

TEST(puts_a_need_to_be_parked_back_when_the_turns_memory_is_used_up)
{
    struct scene s;
    struct arena *full = arena_new(64, 64);

    scene_open(&s, "order", false);
    CHECK(arena_take(full, 60) != NULL);
    need_park(s.pool, s.need, "circuit");
    dto_build(s.pool, &s.config, &s.freshness, full, channel_unknown, NULL);
    check_judged(&s, OUTCOME_RETRY, true, DEAD_UNKNOWN);
    arena_free(full);
    scene_close(&s);
}

TEST(transactions_are_never_gone_and_their_order_is_told)
{
    static const enum answer_kind kinds[] = {ANSWER_MISSING, ANSWER_GONE};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct scene s;

        scene_open(&s, "transaction", false);
        stored(&s, 1, false);
        s.need->stored.order_exists = true;
        answer(&s, kinds[i], true);
        run(&s);
        check_built(&s, DOCUMENT_MARK);
        CHECK_TEXT(s.need->document->collection, "orders");
        CHECK_TEXT(s.need->document->doc_id, "tiktok:749:576");
        CHECK_INT(s.need->document->fetched_ms, FETCHED);
        scene_close(&s);
    }
}

TEST(transactions_that_are_not_there_wait_for_an_order_that_can_be_told)
{
    struct scene s;

    scene_open(&s, "transaction", false);
    answer(&s, ANSWER_MISSING, true);
    run(&s);
    check_judged(&s, OUTCOME_RETRY, false, DEAD_NOT_FOUND);
    scene_close(&s);
}

TEST(an_order_whose_money_moved_asks_for_its_transactions_first)
{
    struct scene s;
    const struct document *raised;
    bson_iter_t it;

    scene_open(&s, "order", false);
    found(&s, "{\"id\":\"576\",\"status\":\"COMPLETED\",\"update_time\":1767704400}");
    run(&s);
    check_built(&s, DOCUMENT_FULL);
    raised = s.need->document->before;
    CHECK(raised != NULL);
    CHECK_INT(raised->op, DOCUMENT_NEED);
    CHECK_TEXT(raised->doc_id, "transaction:tiktok:749:order:576");
    CHECK(bson_iter_init_find(&it, raised->max, "entry_ms"));
    CHECK_INT(bson_iter_as_int64(&it), FETCHED);
    CHECK(!bson_has_field(raised->max, "event_ms"));
    CHECK(bson_iter_init_find(&it, raised->set, "entity_id"));
    CHECK_TEXT(bson_iter_utf8(&it, NULL), "576");
    CHECK(bson_iter_init_find(&it, raised->set, "reason"));
    CHECK_TEXT(bson_iter_utf8(&it, NULL), "transaction");
    scene_close(&s);
}

static int64_t date_in(const bson_t *b, const char *key)
{
    bson_iter_t iter;

    return bson_iter_init_find(&iter, b, key) && BSON_ITER_HOLDS_DATE_TIME(&iter) ? bson_iter_date_time(&iter)
                                                                                  : -1;
}

/* The need that goes before the document: due in delay_ms, after so many asks. */
static void check_again(const struct scene *s, const char *id, const char *reason, int64_t delay_ms,
                        int64_t attempts)
{
    const struct document *again = s->need->document->before;

    CHECK(again != NULL);
    CHECK(s->need->document->before_touch);
    CHECK_INT(again->op, DOCUMENT_NEED);
    CHECK_TEXT(again->doc_id, id);
    CHECK_TEXT(text_in(again->set, "reason"), reason);
    CHECK_INT(date_in(again->min, "since"), s->freshness.now_ms + delay_ms);
    CHECK_INT(number_in(again->max, "attempts"), attempts);
    CHECK_INT(number_in(again->max, "entry_ms"), FETCHED);
    CHECK(!bson_has_field(again->max, "event_ms")); /* no version shows that the rest is there */
    CHECK_INT(again->raises, METRIC_WORKER_ASKED_AGAIN);
}

/* Half a tracking, at this attempt. */
static void serve_half(struct scene *s, int64_t attempt)
{
    scene_open(s, "tracking", false);
    s->config.retry_delays_ms[0] = 5000;
    s->config.retry_delays_ms[1] = 15000;
    s->config.retry_delays_ms[3] = 300000;
    s->need->messages.first->entry.attempts = attempt - 1;
    found(s, "{\"order_id\":\"576\",\"order_status\":\"IN_TRANSIT\",\"update_time\":1767704400,"
             "\"packages\":[{\"package_id\":\"9\"}],\"tracking\":[]}");
    s->need->answer.incomplete = true;
    run(s);
    check_built(s, DOCUMENT_FULL);
}

TEST(half_an_answer_is_stored_and_asked_for_again)
{
    static const int64_t delays[] = {5000, 15000, 0, 300000};
    struct scene s;

    for (int64_t attempt = 1; attempt <= 4; attempt += attempt == 2 ? 2 : 1) {
        serve_half(&s, attempt);
        check_again(&s, "tracking:tiktok:749:576", "incomplete", delays[attempt - 1], attempt);
        scene_close(&s);
    }
}

TEST(half_an_answer_is_given_up_where_a_stale_one_is_and_is_no_dead_letter)
{
    int64_t given_up = metric_get(METRIC_WORKER_GIVEN_UP_INCOMPLETE);
    struct scene s;

    serve_half(&s, 5);
    CHECK(s.need->document->before == NULL);
    CHECK_INT(metric_get(METRIC_WORKER_GIVEN_UP_INCOMPLETE), given_up + 1);
    scene_close(&s);
}

/* No transactions of an order in that state, at this attempt. */
static void serve_no_money(struct scene *s, enum answer_kind kind, bool completed, int64_t attempt,
                           int64_t retry_ms)
{
    scene_open(s, "transaction", false);
    s->config.money_retry_ms = retry_ms;
    s->need->stored.order_exists = true;
    s->need->stored.order_completed = completed;
    s->need->messages.first->entry.attempts = attempt - 1;
    answer(s, kind, true);
    run(s);
    check_built(s, DOCUMENT_MARK);
}

TEST(money_of_a_completed_order_that_is_not_settled_is_asked_for_again_ever_more_rarely)
{
    int64_t given_up = metric_get(METRIC_WORKER_GIVEN_UP_UNSETTLED);
    struct scene s;

    for (int64_t attempt = 1; attempt <= 4; attempt++) {
        serve_no_money(&s, ANSWER_MISSING, true, attempt, 1000);
        check_again(&s, "transaction:tiktok:749:order:576", "unsettled", 1000 << (attempt - 1), attempt);
        scene_close(&s);
    }
    serve_no_money(&s, ANSWER_MISSING, true, 5, 1000);
    CHECK(s.need->document->before == NULL);
    CHECK_INT(metric_get(METRIC_WORKER_GIVEN_UP_UNSETTLED), given_up + 1);
    scene_close(&s);
}

TEST(money_is_asked_for_again_as_often_as_the_limit_says_and_no_delay_runs_over)
{
    struct scene s;

    scene_open(&s, "transaction", false);
    s.config.money_retry_ms = INT64_C(604800000);
    s.config.max_stale_reads = 1000;
    s.config.retry_delay_count = CONFIG_RETRY_DELAYS_MAX;
    s.need->stored.order_exists = s.need->stored.order_completed = true;
    s.need->messages.first->entry.attempts = CONFIG_RETRY_DELAYS_MAX - 1;
    answer(&s, ANSWER_MISSING, true);
    run(&s);
    check_again(&s, "transaction:tiktok:749:order:576", "unsettled", INT64_C(604800000) << 4,
                CONFIG_RETRY_DELAYS_MAX);
    scene_close(&s);
}

TEST(money_that_has_not_moved_or_never_will_is_not_asked_for_again)
{
    int64_t given_up = metric_get(METRIC_WORKER_GIVEN_UP_UNSETTLED);
    struct scene s;

    serve_no_money(&s, ANSWER_MISSING, false, 1, 1000); /* it raises its need when it is completed */
    CHECK(s.need->document->before == NULL);
    scene_close(&s);
    serve_no_money(&s, ANSWER_GONE, true, 1, 1000);
    CHECK(s.need->document->before == NULL);
    scene_close(&s);
    serve_no_money(&s, ANSWER_MISSING, true, 1, 0);
    CHECK(s.need->document->before == NULL);
    scene_close(&s);
    CHECK_INT(metric_get(METRIC_WORKER_GIVEN_UP_UNSETTLED), given_up);
}

TEST(an_order_on_its_way_asks_for_no_transactions)
{
    struct scene s;

    scene_open(&s, "order", false);
    found(&s, ORDER);
    run(&s);
    check_built(&s, DOCUMENT_FULL);
    CHECK(s.need->document->before == NULL && s.need->document->after == NULL);
    scene_close(&s);
}

TEST(touches_no_need_in_another_state)
{
    struct scene s;

    scene_open(&s, "order", false);
    need_enter(s.pool, s.need, NEED_WAITING);
    dto_build(s.pool, &s.config, &s.freshness, s.arena, channel_of, NULL);
    CHECK_INT(s.need->state, NEED_WAITING);
    scene_close(&s);
}

TEST(writes_nothing_while_the_channel_of_the_shop_cannot_be_told)
{
    struct scene s;

    scene_open(&s, "order", false);
    found(&s, "{\"id\":\"1\",\"update_time\":1732851000}");
    need_enter(s.pool, s.need, NEED_ANSWERED);
    dto_build(s.pool, &s.config, &s.freshness, s.arena, channel_unknown, NULL);
    check_judged(&s, OUTCOME_RETRY, true, DEAD_UNKNOWN);
    scene_close(&s);
}

TEST(buries_a_kind_it_has_no_document_for)
{
    struct scene s;

    scene_open(&s, "shop", false);
    answer(&s, ANSWER_FOUND, false);
    run(&s);
    check_judged(&s, OUTCOME_POISON, false, DEAD_UNKNOWN);
    scene_close(&s);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(builds_the_document_of_an_order), CASE(takes_source_and_trace_of_the_newest_event),
        CASE(keeps_the_stored_version_when_the_sources_is_unusable),
        CASE(marks_a_document_behind_after_the_last_stale_read),
        CASE(puts_a_need_back_when_the_turns_memory_is_used_up), CASE(buries_what_cannot_be_stored_even_raw),
        CASE(tries_again_what_was_never_stored), CASE(notes_when_a_stored_order_is_first_left_out),
        CASE(takes_a_first_time_in_the_future_for_none), CASE(waits_a_minute_between_the_two_reads),
        CASE(asks_alone_before_it_calls_an_order_gone), CASE(writes_a_tombstone_after_the_second_read_alone),
        CASE(believes_the_platform_that_an_order_is_gone), CASE(judges_a_tombstone_like_any_stored_document),
        CASE(keeps_a_raw_event_as_it_came), CASE(hints_at_the_shop_after_the_event_is_kept),
        CASE(a_need_to_be_parked_becomes_a_document_of_needs_whatever_was_answered),
        CASE(puts_a_need_to_be_parked_back_when_the_turns_memory_is_used_up),
        CASE(transactions_are_never_gone_and_their_order_is_told),
        CASE(transactions_that_are_not_there_wait_for_an_order_that_can_be_told),
        CASE(an_order_whose_money_moved_asks_for_its_transactions_first),
        CASE(half_an_answer_is_stored_and_asked_for_again),
        CASE(half_an_answer_is_given_up_where_a_stale_one_is_and_is_no_dead_letter),
        CASE(money_of_a_completed_order_that_is_not_settled_is_asked_for_again_ever_more_rarely),
        CASE(money_is_asked_for_again_as_often_as_the_limit_says_and_no_delay_runs_over),
        CASE(money_that_has_not_moved_or_never_will_is_not_asked_for_again),
        CASE(an_order_on_its_way_asks_for_no_transactions), CASE(touches_no_need_in_another_state),
        CASE(writes_nothing_while_the_channel_of_the_shop_cannot_be_told),
        CASE(buries_a_kind_it_has_no_document_for));
}
