/* test_token_copy.c - a pair on its way survives in Redis, sealed, and is never replaced or removed by another's. */
#include "worker/token_copy.h"

#include "common/strbuf.h"
#include "tests/unit/redis_server.h"

#define KEY   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define ID    "tiktok:seller"

struct copies {
    struct redis_server s;
    struct credentials *credentials;
    struct strbuf sealed;
    struct err err;
};

static void start(struct copies *c)
{
    *c = (struct copies){0};
    redis_server_start(&c->s);
    c->credentials = credentials_new(KEY, &c->err);
    CHECK(c->credentials != NULL);
}

static void stop(struct copies *c)
{
    strbuf_deinit(&c->sealed);
    credentials_free(c->credentials);
    redis_server_stop(&c->s);
}

static struct pair pair_of(const char *access, const char *refresh)
{
    struct pair p = {.issued_ms = 1700000000000, .access_expires_ms = 1700000600000};

    memset(p.from, 'a', HMAC_HEX_LENGTH);
    strbuf_add_text(&p.access_token, access);
    strbuf_add_text(&p.refresh_token, refresh);
    strbuf_add_text(&p.open_id, "o\"1");
    return p;
}

TEST(what_is_kept_is_found_again)
{
    struct copies c;
    struct pair p = pair_of("access-\"1\"", "refresh-1"), found = {0};
    struct strbuf sealed = STRBUF_INIT;

    start(&c);
    CHECK_INT(token_copy_find(c.s.ask, c.credentials, ID, &found, &sealed, &c.err), TOKEN_COPY_NONE);
    CHECK_INT(token_copy_keep(c.s.ask, c.credentials, ID, &p, &c.sealed, &c.err), TOKEN_COPY_KEPT);
    CHECK_INT(token_copy_find(c.s.ask, c.credentials, ID, &found, &sealed, &c.err), TOKEN_COPY_FOUND);
    CHECK_TEXT(strbuf_text(&found.access_token), "access-\"1\"");
    CHECK_TEXT(strbuf_text(&found.refresh_token), "refresh-1");
    CHECK_TEXT(strbuf_text(&found.open_id), "o\"1");
    CHECK_TEXT(found.from, p.from);
    CHECK_INT(found.issued_ms, p.issued_ms);
    CHECK_INT(found.access_expires_ms, p.access_expires_ms);
    CHECK_INT(found.refresh_expires_ms, 0);
    CHECK(token_copy_drop(c.s.ask, ID, &sealed, &c.err));
    CHECK_INT(REDIS_INT(&c.s, "EXISTS token:{" ID "}"), 0);
    pair_deinit(&found);
    pair_deinit(&p);
    strbuf_deinit(&sealed);
    stop(&c);
}

TEST(no_token_stands_in_redis_in_clear)
{
    struct copies c;
    struct pair p = pair_of("access-token", "refresh-token");
    redisReply *r;

    start(&c);
    CHECK_INT(token_copy_keep(c.s.ask, c.credentials, ID, &p, &c.sealed, &c.err), TOKEN_COPY_KEPT);
    r = redis_ask(&c.s, "GET token:{" ID "}");
    CHECK_INT(r->type, REDIS_REPLY_STRING);
    CHECK(strncmp(r->str, "1:", 2) == 0 && !strstr(r->str, "token") && !strstr(r->str, "access"));
    CHECK(REDIS_INT(&c.s, "PTTL token:{" ID "}") > 0);
    freeReplyObject(r);
    pair_deinit(&p);
    stop(&c);
}

TEST(another_copy_is_neither_replaced_nor_removed)
{
    struct copies c;
    struct pair first = pair_of("a1", "r1"), second = pair_of("a2", "r2"), found = {0};
    struct strbuf sealed = STRBUF_INIT, again = STRBUF_INIT;

    start(&c);
    CHECK_INT(token_copy_keep(c.s.ask, c.credentials, ID, &first, &c.sealed, &c.err), TOKEN_COPY_KEPT);
    CHECK_INT(token_copy_keep(c.s.ask, c.credentials, ID, &first, &c.sealed, &c.err), TOKEN_COPY_KEPT);
    CHECK_INT(token_copy_keep(c.s.ask, c.credentials, ID, &second, &sealed, &c.err), TOKEN_COPY_OTHER);
    CHECK(token_copy_drop(c.s.ask, ID, &sealed, &c.err));
    CHECK_INT(token_copy_find(c.s.ask, c.credentials, ID, &found, &again, &c.err), TOKEN_COPY_FOUND);
    CHECK_TEXT(strbuf_text(&found.access_token), "a1");
    pair_deinit(&found);
    pair_deinit(&first);
    pair_deinit(&second);
    strbuf_deinit(&sealed);
    strbuf_deinit(&again);
    stop(&c);
}

TEST(a_copy_of_another_authorization_or_key_is_unreadable_and_stays)
{
    struct copies c;
    struct pair p = pair_of("a", "r"), found = {0};
    struct strbuf sealed = STRBUF_INIT;
    struct credentials *other;

    start(&c);
    other = credentials_new(OTHER, &c.err);
    CHECK_INT(token_copy_keep(c.s.ask, other, ID, &p, &c.sealed, &c.err), TOKEN_COPY_KEPT);
    CHECK_INT(token_copy_find(c.s.ask, c.credentials, ID, &found, &sealed, &c.err), TOKEN_COPY_UNREADABLE);
    CHECK(strstr(c.err.text, "CREDENTIALS_KEY") != NULL);
    strbuf_reset(&sealed);
    REDIS_DO(&c.s, "RENAME token:{" ID "} token:{tiktok:somebody}");
    CHECK_INT(token_copy_find(c.s.ask, other, "tiktok:somebody", &found, &sealed, &c.err),
              TOKEN_COPY_UNREADABLE);
    CHECK_INT(REDIS_INT(&c.s, "EXISTS token:{tiktok:somebody}"), 1);
    credentials_free(other);
    pair_deinit(&p);
    strbuf_deinit(&sealed);
    stop(&c);
}

TEST(works_when_redis_is_full_and_tells_when_it_is_away)
{
    struct copies c;
    struct pair p = pair_of("a", "r"), found = {0};
    struct redis_url nobody = {.path = "./nobody.sock"};
    struct link *away = link_new(&nobody, "test", 1000);
    struct strbuf sealed = STRBUF_INIT;

    start(&c);
    REDIS_DO(&c.s, "CONFIG SET maxmemory 1");
    CHECK_INT(token_copy_keep(c.s.ask, c.credentials, ID, &p, &c.sealed, &c.err), TOKEN_COPY_KEPT);
    CHECK_INT(token_copy_keep(away, c.credentials, ID, &p, &c.sealed, &c.err), TOKEN_COPY_REFUSED);
    CHECK_INT(token_copy_find(away, c.credentials, ID, &found, &sealed, &c.err), TOKEN_COPY_UNKNOWN);
    CHECK(!token_copy_drop(away, ID, &c.sealed, &c.err));
    CHECK_INT(c.err.domain, ERR_REDIS);
    link_free(away);
    pair_deinit(&p);
    strbuf_deinit(&sealed);
    stop(&c);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(what_is_kept_is_found_again),
                        CASE(no_token_stands_in_redis_in_clear),
                        CASE(another_copy_is_neither_replaced_nor_removed),
                        CASE(a_copy_of_another_authorization_or_key_is_unreadable_and_stays),
                        CASE(works_when_redis_is_full_and_tells_when_it_is_away));
}
