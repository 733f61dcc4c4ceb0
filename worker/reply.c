/* reply.c - worker: replies of Redis in an arena instead of an allocation for each of their values.
 *
 * In:      what hiredis' reader has recognised, one value at a time, containers before what is in them.
 * Out:     redisReply objects that look like hiredis' own.
 * Fails:   NULL, at which the reader stops with an error ("Out of memory") and its connection ends: the arena is full, an
 *          array is longer than any of ours, or a type is of a protocol nobody asks for here (RESP3).
 * Thread:  the reader's.
 * Why so:  the reader asks for its values through a table of functions, which hiredis has for this. A newer hiredis frees
 *          push messages itself, and leaves a hole where the table has no function for a type: hence all of them are
 *          refused. The arena zeroes what it gives, so a length that is a lie would touch memory that malloc only
 *          promises: hence the bound. */
#include "worker/reply.h"

#include <string.h>

enum { ELEMENTS_MAX = 1 << 20 }; /* of an array; the longest of ours is READ_COUNT */

#if HIREDIS_MAJOR >= 1
typedef size_t reply_count;
#else
typedef int reply_count;
#endif

/* A value with room for `behind` bytes right after it, hung into the container it stands in. */
static redisReply *value_new(const redisReadTask *task, int type, size_t behind)
{
    redisReply *r, *parent = task->parent ? task->parent->obj : NULL;
    size_t n;

    if (type > REDIS_REPLY_ERROR || __builtin_add_overflow(sizeof(*r), behind, &n))
        return NULL;
    r = arena_take(task->privdata, n);
    if (!r)
        return NULL;
    r->type = type;
    if (parent)
        parent->element[task->idx] = r;
    return r;
}

/* Also an error or a status; the arena's zeroes end it. */
static void *string_new(const redisReadTask *task, char *s, size_t n)
{
    redisReply *r = n < SIZE_MAX ? value_new(task, task->type, n + 1) : NULL;

    if (!r)
        return NULL;
    r->str = memcpy(r + 1, s, n);
    r->len = n;
    return r;
}

static void *array_new(const redisReadTask *task, reply_count n)
{
    size_t count = (size_t)n;
    redisReply *r = count <= ELEMENTS_MAX ? value_new(task, task->type, count * sizeof(*r->element)) : NULL;

    if (!r)
        return NULL;
    r->elements = count;
    r->element = (redisReply **)(r + 1);
    return r;
}

static void *integer_new(const redisReadTask *task, long long value)
{
    redisReply *r = value_new(task, REDIS_REPLY_INTEGER, 0);

    if (r)
        r->integer = value;
    return r;
}

/* The task says what it is the lack of. */
static void *nil_new(const redisReadTask *task)
{
    return value_new(task, REDIS_REPLY_NIL, 0);
}

#if HIREDIS_MAJOR >= 1
static void *no_double(const redisReadTask *task, double value, char *s, size_t n)
{
    (void)task, (void)value, (void)s, (void)n;
    return NULL;
}

static void *no_bool(const redisReadTask *task, int value)
{
    (void)task, (void)value;
    return NULL;
}
#endif

/* Of a reply that was not completed: it ends with the arena. */
static void value_end(void *value)
{
    (void)value;
}

/* hiredis' type wants it writable; nobody writes to it. */
static redisReplyObjectFunctions in_arena = {.createString = string_new,
                                             .createArray = array_new,
                                             .createInteger = integer_new,
                                             .createNil = nil_new,
#if HIREDIS_MAJOR >= 1
                                             .createDouble = no_double,
                                             .createBool = no_bool,
#endif
                                             .freeObject = value_end};

redisReplyObjectFunctions *reply_in_arena(redisReader *reader, struct arena *arena)
{
    redisReplyObjectFunctions *before = reader->fn;

    reader->fn = &in_arena;
    reader->privdata = arena;
    return before;
}

void reply_as_before(redisReader *reader, redisReplyObjectFunctions *before)
{
    reader->fn = before;
    reader->privdata = NULL;
}
