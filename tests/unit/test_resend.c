/* test_resend.c - the resend script on a real Redis: it adds what is not there, and nothing else. */
#include "server/resend.h"

#include <string.h>

#include "common/entry.h"
#include "common/strbuf.h"
#include "tests/harness.h"
#include "tests/unit/redis_server.h"

enum { LIFE = 60000 };

static void add_xadd(struct strbuf *to, const char *trace)
{
    static const char *const head[] = {"XADD", "webhooks:{0}", "*", "v", "1", "trace"};

    resp_add_array(to, 7);
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        resp_add_bulk(to, head[i], strlen(head[i]));
    resp_add_bulk(to, trace, strlen(trace));
}

/* The answer, as a text; "!word" for an error. */
static const char *resend(struct redis_server *s, const char *mark, const char *trace, struct mark_id id,
                          bool whole)
{
    static char text[200];
    struct strbuf xadd = STRBUF_INIT, command = STRBUF_INIT;
    redisContext *c = redisConnectUnix(s->url.path);
    void *reply = NULL;
    redisReply *r;

    CHECK(c && !c->err);
    add_xadd(&xadd, trace);
    CHECK(resend_add(&command, mark, strlen(mark), xadd.data, xadd.length, id, LIFE, whole));
    CHECK(redisAppendFormattedCommand(c, command.data, command.length) == REDIS_OK);
    CHECK(redisGetReply(c, &reply) == REDIS_OK);
    r = reply;
    snprintf(text, sizeof(text), "%s%s", r->type == REDIS_REPLY_ERROR ? "!" : "", r->str ? r->str : "?");
    if (text[0] == '!')
        text[strcspn(text, " ")] = '\0';
    freeReplyObject(r);
    redisFree(c);
    strbuf_deinit(&xadd);
    strbuf_deinit(&command);
    return text;
}

static bool added(const char *text, struct mark_id *id)
{
    return mark_read_id(text, strlen(text), id);
}

static const struct mark_id unknown = {0};

TEST(what_is_lost_is_added_with_its_mark_and_found_the_next_time)
{
    struct redis_server s;
    struct mark_id id, again;

    redis_server_start(&s);
    CHECK(added(resend(&s, "webhooks:{0}:seen:a", "t1", (struct mark_id){5, 0}, true), &id));
    CHECK_INT(REDIS_INT(&s, "XLEN webhooks:{0}"), 1);
    CHECK(REDIS_INT(&s, "PTTL webhooks:{0}:seen:a") > LIFE - 10000);
    CHECK_TEXT(resend(&s, "webhooks:{0}:seen:a", "t1", id, false), RESEND_THERE);
    CHECK_TEXT(resend(&s, "", "t1", id, false), RESEND_THERE);
    CHECK(strncmp(resend(&s, "webhooks:{0}:seen:a", "t1", (struct mark_id){5, 0}, false), RESEND_THERE " ",
                  sizeof(RESEND_THERE)) == 0);
    CHECK_INT(REDIS_INT(&s, "XLEN webhooks:{0}"), 1);
    CHECK(added(resend(&s, "", "t1", unknown, false), &again)); /* no mark, no id: a copy harms nobody */
    CHECK(mark_later(again, id));
    redis_server_stop(&s);
}

TEST(another_copy_that_the_mark_names_is_told_by_its_id)
{
    struct redis_server s;

    redis_server_start(&s);
    REDIS_DO(&s, "XADD webhooks:{0} 77-1 trace t2");
    REDIS_DO(&s, "SET webhooks:{0}:seen:a 77-1");
    CHECK_TEXT(resend(&s, "webhooks:{0}:seen:a", "t1", (struct mark_id){5, 0}, true), RESEND_THERE " 77-1");
    CHECK_INT(REDIS_INT(&s, "XLEN webhooks:{0}"), 1);
    redis_server_stop(&s);
}

TEST(a_mark_without_its_entry_does_not_count)
{
    struct redis_server s;
    struct mark_id id, again;

    redis_server_start(&s);
    CHECK(added(resend(&s, "webhooks:{0}:seen:a", "t1", unknown, true), &id));
    REDIS_DO(&s, "DEL webhooks:{0}");
    CHECK(added(resend(&s, "webhooks:{0}:seen:a", "t1", id, false), &again));
    REDIS_DO(&s, "SET webhooks:{0}:seen:b rubbish");
    CHECK(added(resend(&s, "webhooks:{0}:seen:b", "t2", unknown, false), &again));
    REDIS_DO(&s, "SADD webhooks:{0}:seen:c x");
    CHECK(added(resend(&s, "webhooks:{0}:seen:c", "t3", unknown, false), &again));
    redis_server_stop(&s);
}

TEST(another_entry_with_the_same_id_is_another_one)
{
    struct redis_server s;
    struct mark_id id;

    redis_server_start(&s);
    REDIS_DO(&s, "XADD webhooks:{0} 77-1 trace other");
    CHECK(added(resend(&s, "", "mine", (struct mark_id){77, 1}, true), &id));
    CHECK_INT(REDIS_INT(&s, "XLEN webhooks:{0}"), 2);
    redis_server_stop(&s);
}

TEST(refusals_come_through_and_leave_nothing_behind)
{
    struct redis_server s;

    redis_server_start(&s);
    CHECK_TEXT(resend(&s, "webhooks:{0}:seen:a", "t", unknown, false), "!NOSCRIPT");
    REDIS_DO(&s, "CONFIG SET maxmemory 1");
    CHECK_TEXT(resend(&s, "webhooks:{0}:seen:a", "t", unknown, true), "!OOM");
    REDIS_DO(&s, "CONFIG SET maxmemory 0");
    CHECK_INT(REDIS_INT(&s, "DBSIZE"), 0);
    redis_server_stop(&s);
}

TEST(what_is_no_xadd_is_refused)
{
    static const char *const none[] = {"",
                                       "*",
                                       "PING\r\n",
                                       "*1\r\n$4\r\nPING\r\n",
                                       "*5\r\n$4\r\nXADD\r\n$1\r\ns\r\n$3\r\n1-1\r\n$1\r\na\r\n$1\r\nb\r\n",
                                       "*5\r\n$4\r\nXADD\r\n$99\r\ns\r\n",
                                       "*5\r\n$4\r\nXADD\r\n$-1\r\n"};
    struct strbuf to = STRBUF_INIT;

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        CHECK(!resend_add(&to, "", 0, none[i], strlen(none[i]), unknown, 0, false));
    CHECK_INT(to.length, 0);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(what_is_lost_is_added_with_its_mark_and_found_the_next_time),
        CASE(another_copy_that_the_mark_names_is_told_by_its_id),
        CASE(a_mark_without_its_entry_does_not_count), CASE(another_entry_with_the_same_id_is_another_one),
        CASE(refusals_come_through_and_leave_nothing_behind), CASE(what_is_no_xadd_is_refused));
}
