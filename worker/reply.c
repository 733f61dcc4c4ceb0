/* reply.c - worker: replies of Redis in an arena instead of an allocation for each of their values.
 *
 * In:      what hiredis' reader has recognised, one value at a time, containers before what is in them.
 * Out:     redisReply objects that look like hiredis' own.
 * Fails:   NULL when the arena is full; the reader then stops with an error, and its connection ends.
 * Thread:  the reader's.
 * Why so:  the reader asks for its values through a table of functions, which hiredis has for this. Doubles and booleans are
 *          of a protocol nobody asks for here; a newer hiredis takes a NULL in the table for "as a string". */
#include "worker/reply.h"

#include <string.h>

/* A value of no content yet, hung into the container it stands in. */
static redisReply *value_new(const redisReadTask *task)
{
    redisReply *r = arena_take(task->privdata, sizeof(*r)), *parent = task->parent ? task->parent->obj : NULL;

    if (!r)
        return NULL;
    r->type = task->type;
    if (parent)
        parent->element[task->idx] = r;
    return r;
}

static void *string_new(const redisReadTask *task, char *s, size_t n)
{
    char *copy = arena_copy(task->privdata, s, n);
    redisReply *r = copy ? value_new(task) : NULL;

    if (!r)
        return NULL;
    r->str = copy;
    r->len = n;
    return r;
}

#if HIREDIS_MAJOR >= 1
typedef size_t reply_count;
#else
typedef int reply_count;
#endif

static void *array_new(const redisReadTask *task, reply_count n)
{
    redisReply **element = arena_take_array(task->privdata, (size_t)n, sizeof(redisReply *));
    redisReply *r = element ? value_new(task) : NULL;

    if (!r)
        return NULL;
    r->elements = (size_t)n;
    r->element = element;
    return r;
}

static void *integer_new(const redisReadTask *task, long long value)
{
    redisReply *r = value_new(task);

    if (r)
        r->integer = value;
    return r;
}

static void *nil_new(const redisReadTask *task)
{
    redisReply *r = value_new(task);

    if (r)
        r->type = REDIS_REPLY_NIL; /* the task says what it is the lack of */
    return r;
}

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
