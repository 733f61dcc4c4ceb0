/* need.c - worker: needs, and the pool a lane holds them in.
 *
 * In:      messages, one at a time (stage 2); state changes from every stage.
 * Out:     needs by state, in order of arrival, and the sums the reader's room is computed from.
 * Fails:   never; an illegal step of a need is a bug of ours and ends the process.
 * Thread:  the lane's. No I/O.
 * Why so:  one hash table holds every entity need, whatever its state, because two questions are asked of it: which need
 *          does this message join (NEW or WAITING), and is a call for the same entity under way (CALLING). So an entity
 *          may stand in it twice: once in a call, once collecting what arrived since. They meet again in pool_fold, at
 *          the lookup, the one moment of a turn in which no stage keeps a pointer to a need that is not in a call. */
#include "worker/need.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/arena.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "worker/dto/recipe.h"
#include "worker/parts.h"

enum { NEED_STATES = NEED_JUDGED + 1, POOL_FIRST_BUCKETS = 256 };

/* A need as the pool keeps it: what other stages have no business with stands around it. */
struct slot {
    struct need need;     /* first: a need's address is its slot's */
    struct slot *before;  /* arrived earlier; NULL for the first */
    struct slot *after;   /* arrived later; NULL for the last */
    size_t counted;       /* messages of it in pool.messages */
    size_t counted_bytes; /* their bytes in pool.bytes */
};

struct pool {
    struct need **buckets;     /* chains by hash; raw needs are in none */
    size_t bucket_count;       /* a power of two */
    struct slot *first;        /* every need, in order of arrival */
    struct slot *last;         /* the newest */
    size_t count[NEED_STATES]; /* needs by state */
    size_t needs;              /* all of them */
    size_t hashed;             /* those in the table */
    size_t messages;           /* in all needs */
    size_t bytes;              /* their bytes */
    bool apart;                /* two needs of one entity may be joinable: pool_fold has to look */
};

static struct slot *slot_of(struct need *n)
{
    return (struct slot *)n;
}

struct pool *pool_new(void)
{
    struct pool *p = xcalloc(1, sizeof(*p));

    p->bucket_count = POOL_FIRST_BUCKETS;
    p->buckets = xcalloc(p->bucket_count, sizeof(struct need *));
    return p;
}

void pool_free(struct pool *p)
{
    struct slot *s, *after;

    if (!p)
        return;
    for (s = p->first; s; s = after) {
        after = s->after;
        message_list_deinit(&s->need.messages);
        parts_free(s->need.parts);
        free(s);
    }
    free(p->buckets);
    free(p);
}

/* --- the table ------------------------------------------------------------------------------------- */

static void table_insert(struct pool *p, struct need *n)
{
    struct need **bucket = &p->buckets[n->hash & (p->bucket_count - 1)];

    n->chain = *bucket;
    *bucket = n;
    p->hashed++;
}

static void table_remove(struct pool *p, struct need *n)
{
    struct need **at = &p->buckets[n->hash & (p->bucket_count - 1)];

    while (*at && *at != n)
        at = &(*at)->chain;
    if (!*at)
        return;
    *at = n->chain;
    n->chain = NULL;
    p->hashed--;
}

static void table_grow(struct pool *p)
{
    struct need **old = p->buckets;
    size_t old_count = p->bucket_count;

    p->bucket_count *= 2;
    p->buckets = xcalloc(p->bucket_count, sizeof(struct need *));
    p->hashed = 0;
    for (size_t i = 0; i < old_count; i++) {
        for (struct need *n = old[i], *next; n; n = next) {
            next = n->chain;
            table_insert(p, n);
        }
    }
    free(old);
}

static bool same_entity(const struct need *a, const struct need *b)
{
    return a->hash == b->hash && a->kind == b->kind && strcmp(a->doc_id, b->doc_id) == 0;
}

static bool joinable(const struct need *n)
{
    return n->state == NEED_NEW || n->state == NEED_WAITING;
}

/* --- a need's memory ------------------------------------------------------------------------------- */

static char *put_text(char *to, const struct entry_text *t)
{
    if (t->length > 0)
        memcpy(to, t->data, t->length);
    to[t->length] = '\0';
    return to + t->length + 1;
}

static char *put_part(char *to, const struct entry_text *t, char end)
{
    to = put_text(to, t);
    to[-1] = end;
    return to;
}

static const char *id_prefix(const struct entry *e)
{
    const struct recipe *r = recipe_find(e->platform.data, e->platform.length, e->kind, NULL);

    return r ? r->id_prefix : "";
}

/* One block: the slot, its texts, and the `_id` made of them. */
static struct slot *slot_new(const struct entry *e)
{
    struct entry_text prefix = {id_prefix(e), 0};
    size_t texts = e->platform.length + e->shop.length + e->id.length + 3;
    struct slot *s;
    char *at;

    prefix.length = strlen(prefix.data);
    s = xcalloc(1, sizeof(*s) + 2 * texts + prefix.length + e->return_kind.length + 1);
    at = (char *)(s + 1);

    s->need.platform = at;
    at = put_text(at, &e->platform);
    s->need.shop = at;
    at = put_text(at, &e->shop);
    s->need.id = at;
    at = put_text(at, &e->id);
    s->need.doc_id = at;
    at = put_part(at, &e->platform, ':');
    at = put_part(at, &e->shop, ':');
    at = put_text(at, &prefix) - 1;
    at = put_text(at, &e->id);
    s->need.return_kind = at;
    put_text(at, &e->return_kind);
    s->need.kind = e->kind;
    s->need.hash = XXH3_64bits_withSeed(s->need.doc_id, strlen(s->need.doc_id), (XXH64_hash_t)e->kind);
    return s;
}

static void pool_link(struct pool *p, struct slot *s)
{
    s->before = p->last;
    s->after = NULL;
    if (p->last)
        p->last->after = s;
    else
        p->first = s;
    p->last = s;
    p->needs++;
    p->count[s->need.state]++;
    if (s->need.raw)
        return;
    if (p->hashed >= p->bucket_count)
        table_grow(p);
    table_insert(p, &s->need);
}

/* Brings the pool's sums up to what the need holds now. */
static void recount(struct pool *p, struct slot *s)
{
    p->messages += s->need.messages.count - s->counted;
    p->bytes += s->need.messages.bytes - s->counted_bytes;
    s->counted = s->need.messages.count;
    s->counted_bytes = s->need.messages.bytes;
}

/* The need of the table that stands for the same entity as `like` and that `fits`; like itself does not count. */
static struct need *table_find(const struct pool *p, const struct need *like,
                               bool (*fits)(const struct need *))
{
    struct need *n = p->buckets[like->hash & (p->bucket_count - 1)];

    while (n && (n == like || !same_entity(n, like) || !fits(n)))
        n = n->chain;
    return n;
}

struct need *pool_add(struct pool *p, struct message *m, bool raw)
{
    struct slot *s = slot_new(&m->entry);
    struct need *joined = raw ? NULL : table_find(p, &s->need, joinable);

    if (joined) {
        free(s);
        s = slot_of(joined);
    } else {
        s->need.raw = raw;
        pool_link(p, s);
    }
    message_append(&s->need.messages, m);
    recount(p, s);
    return &s->need;
}

static void pool_unlink(struct pool *p, struct slot *s)
{
    if (!s->need.raw)
        table_remove(p, &s->need);
    *(s->before ? &s->before->after : &p->first) = s->after;
    *(s->after ? &s->after->before : &p->last) = s->before;
    p->needs--;
    p->count[s->need.state]--;
    p->messages -= s->counted;
    p->bytes -= s->counted_bytes;
    s->counted = s->counted_bytes = 0;
}

void pool_remove(struct pool *p, struct need *n)
{
    struct slot *s = slot_of(n);

    if (n->messages.first)
        fatalx("need: removed with messages", LOG_S("id", n->doc_id));
    pool_unlink(p, s);
    parts_free(n->parts);
    free(s);
}

void pool_move(struct pool *from, struct need *n, struct pool *to)
{
    struct slot *s = slot_of(n);

    pool_unlink(from, s);
    pool_link(to, s);
    recount(to, s);
    to->apart = to->apart || joinable(n);
}

/* --- questions ------------------------------------------------------------------------------------- */

void pool_each(struct pool *p, pool_visit visit, void *context)
{
    for (struct slot *s = p->first, *after; s; s = after) {
        after = s->after; /* the visitor may remove this one */
        visit(context, &s->need);
    }
}

size_t pool_needs(const struct pool *p)
{
    return p->needs;
}

size_t pool_count(const struct pool *p, enum need_state state)
{
    return p->count[state];
}

size_t pool_messages(const struct pool *p)
{
    return p->messages;
}

size_t pool_bytes(const struct pool *p)
{
    return p->bytes;
}

struct need **pool_collect(struct pool *p, enum need_state state, struct arena *arena, size_t *count)
{
    size_t want = p->count[state];
    struct need **found = want > 0 ? arena_take_array(arena, want, sizeof(struct need *)) : NULL;

    *count = 0;
    if (!found)
        return NULL;
    for (struct slot *s = p->first; s && *count < want; s = s->after) {
        if (s->need.state == state)
            found[(*count)++] = &s->need;
    }
    return found;
}

static bool calling(const struct need *n)
{
    return n->state == NEED_CALLING;
}

bool pool_is_calling(const struct pool *p, const struct need *n)
{
    return !n->raw && table_find(p, n, calling) != NULL;
}

/* --- state ----------------------------------------------------------------------------------------- */

/* Forwards, or back to the lookup or the queue; what is judged stays judged. */
static bool may_enter(enum need_state now, enum need_state next)
{
    return now != NEED_JUDGED && (next >= now || next == NEED_NEW || next == NEED_WAITING);
}

void need_enter(struct pool *p, struct need *n, enum need_state next)
{
    bool before = joinable(n);

    if (!may_enter(n->state, next))
        fatalx("need: illegal step", LOG_I("from", n->state), LOG_I("to", next), LOG_S("id", n->doc_id));
    p->count[n->state]--;
    p->count[next]++;
    n->state = next;
    p->apart = p->apart || (!before && joinable(n)); /* perhaps beside one that came meanwhile */
}

void need_judge(struct pool *p, struct need *n, enum outcome outcome, enum dead_class dead, const char *error)
{
    message_judge_list(&n->messages, outcome, dead, error);
    need_enter(p, n, NEED_JUDGED);
}

void need_defer(struct pool *p, struct need *n, int64_t delay_ms, const char *why)
{
    message_defer_list(&n->messages, delay_ms, why);
    need_enter(p, n, NEED_JUDGED);
}

void need_park(struct pool *p, struct need *n, const char *reason)
{
    n->park_reason = reason;
    need_enter(p, n, NEED_ANSWERED);
}

void need_take(struct pool *p, struct need *n, need_wants wants, void *context, struct message_list *taken)
{
    struct message_list all = n->messages;
    struct message *m;

    n->messages = (struct message_list){0};
    while ((m = message_pop(&all)) != NULL)
        message_append(wants(context, m) ? taken : &n->messages, m);
    recount(p, slot_of(n));
}

/* Empties n into the older need of the same entity and ends it. */
static void fold_into(struct pool *p, struct need *to, struct need *n)
{
    if (n->since_mono_ms != 0 && (to->since_mono_ms == 0 || n->since_mono_ms < to->since_mono_ms))
        to->since_mono_ms = n->since_mono_ms;
    to->alone = to->alone || n->alone;
    message_splice(&to->messages, &n->messages);
    recount(p, slot_of(to));
    pool_remove(p, n);
}

void pool_fold(struct pool *p)
{
    if (!p->apart)
        return;
    p->apart = false;
    for (struct slot *s = p->first, *after; s; s = after) {
        struct need *twin;

        after = s->after;
        if (s->need.raw || !joinable(&s->need))
            continue;
        /* Earlier twins have been folded already, so the twin stands behind this one: it may be `after` itself. */
        while ((twin = table_find(p, &s->need, joinable)) != NULL) {
            if (slot_of(twin) == after)
                after = after->after;
            fold_into(p, &s->need, twin);
        }
    }
}
