/* plain_reply.c - server, stage 4 of 5: replies of Redis without an allocation. Contract: plain_reply.h. */
#include "server/plain_reply.h"

#if HIREDIS_MAJOR >= 1
typedef size_t reply_count;
#else
typedef int reply_count;
#endif

/* What is inside of an array says nothing. */
static void *value(const redisReadTask *task, enum stream_reply kind, const char *s, size_t n)
{
    struct plain_reply *r = task->privdata;

    if (task->parent)
        return r;
    r->kind = kind;
    strbuf_reset(&r->text);
    strbuf_add(&r->text, s, n);
    return r;
}

/* Also an error or a status. */
static void *on_string(const redisReadTask *task, char *s, size_t n)
{
    return value(task, task->type == REDIS_REPLY_ERROR ? STREAM_REPLY_ERROR : STREAM_REPLY_TEXT, s, n);
}

static void *on_array(const redisReadTask *task, reply_count n)
{
    (void)n;
    return value(task, STREAM_REPLY_OTHER, "", 0);
}

static void *on_integer(const redisReadTask *task, long long number)
{
    (void)number;
    return value(task, STREAM_REPLY_OTHER, "", 0);
}

static void *on_nil(const redisReadTask *task)
{
    return value(task, STREAM_REPLY_NIL, "", 0);
}

#if HIREDIS_MAJOR >= 1
static void *on_double(const redisReadTask *task, double number, char *s, size_t n)
{
    (void)number, (void)s, (void)n;
    return value(task, STREAM_REPLY_OTHER, "", 0);
}

static void *on_bool(const redisReadTask *task, int truth)
{
    (void)truth;
    return value(task, STREAM_REPLY_OTHER, "", 0);
}
#endif

static void on_free(void *r)
{
    (void)r;
}

/* hiredis' type wants it writable; nobody writes to it. */
static redisReplyObjectFunctions plain = {.createString = on_string,
                                          .createArray = on_array,
                                          .createInteger = on_integer,
                                          .createNil = on_nil,
#if HIREDIS_MAJOR >= 1
                                          .createDouble = on_double,
                                          .createBool = on_bool,
#endif
                                          .freeObject = on_free};

void plain_reply_init(struct plain_reply *r, redisReader *reader)
{
    *r = (struct plain_reply){.kind = STREAM_REPLY_OTHER};
    reader->fn = &plain;
    reader->privdata = r;
}

void plain_reply_deinit(struct plain_reply *r)
{
    strbuf_deinit(&r->text);
}
