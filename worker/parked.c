/* parked.c - worker: a need as a document of `needs`, and back.
 *
 * In:      a need and its events; or a row of the collection.
 * Out:     a document of one level, written with operators that make any order and any repeat end in the same place:
 *          $max and $setOnInsert; rev alone counts, and only its being another number means anything.
 * Fails:   when the turn's memory is used up.
 * Thread:  any. Pure.
 * Why so:  what a need must prove when it comes back is the latest of each sort of its events (freshness.h), so that is all
 *          that is kept of them. Attempts are $max too: an entity that keeps failing in company with a failing shop must
 *          come to an end, and which of its events has tried how often nobody can tell any more. */
#include "worker/parked.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/strbuf.h"
#include "worker/dto/recipe.h"
#include "worker/freshness.h"

static const char state_paid[] = "completed"; /* of orders and returns, on every platform: money has moved */

/* What a document is made of. */
struct parked_draft {
    const struct need *need; /* platform and shop; its events */
    enum entry_kind kind;    /* of the entity that is needed */
    const char *doc_id;      /* of that entity */
    const char *entity_id;
    const char *return_kind;
    const char *reason;
    int64_t event_ms; /* 0 = none */
    int64_t entry_ms;
    int64_t attempts;
    int64_t since_ms; /* it waits from then on: the sweep leaves it alone before */
};

static const struct message *newest(const struct need *n)
{
    const struct message *found = n->messages.first;

    for (const struct message *m = found; m; m = m->next) {
        if (m->entry_ms >= found->entry_ms)
            found = m;
    }
    return found;
}

/* Absent when empty, or when somebody has written something else than text into the stream. */
static void add_text(bson_t *to, const char *key, const char *data, size_t length)
{
    if (data && length > 0 && bson_utf8_validate(data, length, false))
        bson_append_utf8(to, key, -1, data, (int)length);
}

static void add_set(bson_t *to, const struct parked_draft *d, int64_t now_ms)
{
    const struct message *m = newest(d->need);

    add_text(to, "platform", d->need->platform, strlen(d->need->platform));
    add_text(to, "shop_id", d->need->shop, strlen(d->need->shop));
    add_text(to, "kind", entry_kind_name(d->kind), strlen(entry_kind_name(d->kind)));
    add_text(to, "entity_id", d->entity_id, strlen(d->entity_id));
    add_text(to, "return_kind", d->return_kind, strlen(d->return_kind));
    if (m) {
        add_text(to, "topic", m->entry.topic.data, m->entry.topic.length);
        add_text(to, "trace", m->entry.trace.data, m->entry.trace.length);
    }
    add_text(to, "reason", d->reason, strlen(d->reason));
    BSON_APPEND_DATE_TIME(to, "updated_at", now_ms);
}

/* "<kind>:<_id of the entity>" in the arena; NULL: full. */
static const char *needs_id(const struct parked_draft *d, struct arena *arena)
{
    const char *kind = entry_kind_name(d->kind);
    size_t size = strlen(kind) + 1 + strlen(d->doc_id) + 1;
    char *id = arena_take(arena, size);

    if (id)
        snprintf(id, size, "%s:%s", kind, d->doc_id);
    return id;
}

static struct document *build(const struct parked_draft *draft, int64_t now_ms, struct arena *arena,
                              struct err *err)
{
    const char *id = needs_id(draft, arena);
    struct document *d = id ? arena_take(arena, sizeof(*d)) : NULL;

    if (!d) {
        err_set(err, ERR_SYSTEM, 0, "need: the memory of this turn is used up");
        return NULL;
    }
    d->op = DOCUMENT_NEED;
    d->collection = PARKED_COLLECTION;
    d->doc_id = id;
    d->valid = true;
    d->set = bson_new();
    add_set(d->set, draft, now_ms);
    d->min = bson_new();
    BSON_APPEND_DATE_TIME(d->min, "since", draft->since_ms);
    d->max = bson_new();
    if (draft->event_ms > 0)
        BSON_APPEND_INT64(d->max, "event_ms", draft->event_ms);
    BSON_APPEND_INT64(d->max, "entry_ms", draft->entry_ms);
    BSON_APPEND_INT64(d->max, "attempts", draft->attempts);
    return d;
}

/* The latest of each sort, and the most tries. The attempt at hand is not used up: it was the shop's fault. */
static void take_message(struct parked_draft *d, const struct message *m)
{
    int64_t used = message_attempt(m) - 1;

    if (freshness_first_sort(m) && m->entry.event_ms > d->event_ms)
        d->event_ms = m->entry.event_ms;
    if (m->entry_ms > d->entry_ms)
        d->entry_ms = m->entry_ms;
    if (used > d->attempts)
        d->attempts = used < ENTRY_ATTEMPTS_MAX ? used : ENTRY_ATTEMPTS_MAX;
}

struct document *parked_build(const struct need *n, int64_t now_ms, struct arena *arena, struct err *err)
{
    struct parked_draft d = {.need = n,
                             .kind = n->kind,
                             .doc_id = n->doc_id,
                             .entity_id = n->id,
                             .return_kind = n->return_kind,
                             .reason = n->park_reason,
                             .since_ms = now_ms};

    for (const struct message *m = n->messages.first; m; m = m->next)
        take_message(&d, m);
    return build(&d, now_ms, arena, err);
}

/* --- money ----------------------------------------------------------------------------------------- */

static const char *text_of(const bson_t *row, const char *key)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, row, key) && BSON_ITER_HOLDS_UTF8(&it) ? bson_iter_utf8(&it, NULL) : "";
}

static const struct recipe *transactions_of(const struct need *n)
{
    return recipe_find(n->platform, strlen(n->platform), ENTRY_TRANSACTION, NULL);
}

bool parked_is_paid(const bson_t *row)
{
    return strcmp(text_of(row, "state"), state_paid) == 0;
}

const char *parked_paid_order(const struct need *n, const struct document *full)
{
    if ((n->kind != ENTRY_ORDER && n->kind != ENTRY_RETURN) || !transactions_of(n) ||
        !parked_is_paid(full->set))
        return "";
    return n->kind == ENTRY_ORDER ? n->id : text_of(full->set, "order_id");
}

struct document *parked_transaction(const struct need *n, const char *order_id, int64_t now_ms,
                                    struct arena *arena, struct err *err)
{
    struct parked_draft d = {.need = n,
                             .kind = ENTRY_TRANSACTION,
                             .entity_id = order_id,
                             .return_kind = "",
                             .reason = PARKED_TRANSACTION,
                             .entry_ms = n->answer.fetched_ms,
                             .since_ms = now_ms};
    const struct recipe *r = transactions_of(n);
    struct strbuf doc_id = STRBUF_INIT;
    struct document *made;

    strbuf_add_format(&doc_id, "%s:%s:%s%s", n->platform, n->shop, r ? r->id_prefix : "", order_id);
    d.doc_id = strbuf_text(&doc_id);
    made = build(&d, now_ms, arena, err);
    strbuf_deinit(&doc_id);
    if (made)
        made->raises = METRIC_WORKER_TRANSACTIONS_RAISED;
    return made;
}

/* --- half answers ---------------------------------------------------------------------------------- */

int64_t parked_attempt(const struct need *n)
{
    int64_t most = 1;

    for (const struct message *m = n->messages.first; m; m = m->next)
        if (message_attempt(m) > most)
            most = message_attempt(m);
    return most;
}

struct document *parked_again(const struct need *n, const char *reason, int64_t now_ms, int64_t delay_ms,
                              struct arena *arena, struct err *err)
{
    struct parked_draft d = {.need = n,
                             .kind = n->kind,
                             .doc_id = n->doc_id,
                             .entity_id = n->id,
                             .return_kind = n->return_kind,
                             .reason = reason,
                             .entry_ms = n->answer.fetched_ms,
                             .attempts = parked_attempt(n),
                             .since_ms = now_ms + delay_ms};
    struct document *made = build(&d, now_ms, arena, err);

    if (made)
        made->raises = METRIC_WORKER_ASKED_AGAIN;
    return made;
}

/* --- whose turn it is ------------------------------------------------------------------------------ */

static const char *const own_reasons[] = {PARKED_TRANSACTION, PARKED_INCOMPLETE, PARKED_UNSETTLED};

bool parked_waits_for_shop(const char *reason)
{
    for (size_t i = 0; i < sizeof own_reasons / sizeof own_reasons[0]; i++)
        if (strcmp(reason, own_reasons[i]) == 0)
            return false;
    return true;
}

void parked_add_due(bson_t *filter, int64_t now_ms)
{
    bson_t since, later;

    BSON_APPEND_DOCUMENT_BEGIN(filter, "since", &since);
    BSON_APPEND_DOCUMENT_BEGIN(&since, "$not", &later);
    BSON_APPEND_DATE_TIME(&later, "$gt", now_ms);
    bson_append_document_end(&since, &later);
    bson_append_document_end(filter, &since);
}

void parked_add_waiting(bson_t *filter, bool for_shop)
{
    bson_t reason, list;

    BSON_APPEND_DOCUMENT_BEGIN(filter, "reason", &reason);
    BSON_APPEND_ARRAY_BEGIN(&reason, for_shop ? "$nin" : "$in", &list);
    for (size_t i = 0; i < sizeof own_reasons / sizeof own_reasons[0]; i++)
        bson_append_utf8(&list, (const char[][2]){"0", "1", "2"}[i], 1, own_reasons[i], -1);
    bson_append_array_end(&reason, &list);
    bson_append_document_end(filter, &reason);
}

/* --- and back -------------------------------------------------------------------------------------- */

static int64_t number_of(const bson_t *row, const char *key)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, row, key) ? bson_iter_as_int64(&it) : 0;
}

static int64_t date_of(const bson_t *row, const char *key)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, row, key) && BSON_ITER_HOLDS_DATE_TIME(&it) ? bson_iter_date_time(&it)
                                                                                : 0;
}

bool parked_read(const bson_t *row, struct parked *out)
{
    const char *kind = text_of(row, "kind");
    struct parked p = {.id = text_of(row, "_id"),
                       .platform = text_of(row, "platform"),
                       .shop = text_of(row, "shop_id"),
                       .entity_id = text_of(row, "entity_id"),
                       .return_kind = text_of(row, "return_kind"),
                       .topic = text_of(row, "topic"),
                       .trace = text_of(row, "trace"),
                       .reason = text_of(row, "reason"),
                       .event_ms = number_of(row, "event_ms"),
                       .attempts = number_of(row, "attempts"),
                       .rev = number_of(row, "rev"),
                       .since_ms = date_of(row, "since"),
                       .updated_ms = date_of(row, "updated_at")};
    bool known = entry_kind_parse(kind, strlen(kind), &p.kind);

    *out = p;
    return known && *p.id && *p.platform && *p.shop && *p.entity_id;
}

static struct entry_text entry_text_of(const char *s)
{
    return (struct entry_text){s, strlen(s)};
}

static bool is_again(const char *reason)
{
    return strcmp(reason, PARKED_INCOMPLETE) == 0 || strcmp(reason, PARKED_UNSETTLED) == 0;
}

/* Within what an entry may carry, whatever somebody wrote into the document. */
static int64_t sane_attempts(int64_t attempts)
{
    if (attempts < 0)
        return 0;
    return attempts < ENTRY_ATTEMPTS_MAX ? attempts : ENTRY_ATTEMPTS_MAX;
}

struct entry parked_entry(const struct parked *p, int64_t recv_ms)
{
    int64_t event_ms = clock_plausible_ms(p->event_ms) ? p->event_ms : 0;
    struct entry e = {
        .platform = entry_text_of(p->platform),
        .shop = entry_text_of(p->shop),
        .topic = entry_text_of(p->topic),
        .kind = p->kind,
        .id = entry_text_of(p->entity_id),
        .event_ms = event_ms,
        .recv_ms = recv_ms,
        .key = entry_text_of(p->id),
        .src = entry_text_of(is_again(p->reason) ? "again" : "parked"),
        .trace = entry_text_of(p->trace),
        .moves = event_ms > 0,
        .attempts = sane_attempts(p->attempts),
    };

    if (*p->return_kind)
        e.return_kind = entry_text_of(p->return_kind);
    return e;
}
