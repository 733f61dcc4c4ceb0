/* test_lease.c - a lease has one holder, ends by itself, and is ended by nobody but its holder. */
#include "worker/lease.h"

#include "tests/unit/redis_server.h"

static void init(struct lease *l, const char *owner, int64_t ttl_ms)
{
    CHECK(lease_init(l, owner, "token", ttl_ms));
}

TEST(one_holds_it_until_it_is_released)
{
    struct redis_server s;
    struct lease a, b;
    struct err err = {0};

    redis_server_start(&s);
    init(&a, "tiktok:749", 60000);
    init(&b, "tiktok:749", 60000);
    CHECK_TEXT(a.key, "lock:{tiktok:749}:token");
    CHECK_INT(lease_take(&a, s.ask, &err), LEASE_TAKEN);
    CHECK_INT(lease_take(&b, s.ask, &err), LEASE_ELSEWHERE);
    CHECK_INT(lease_take(&a, s.ask, &err), LEASE_TAKEN); /* a take whose reply was lost is repeated */
    lease_release(&b, s.ask);                            /* not its own */
    CHECK_INT(REDIS_INT(&s, "EXISTS lock:{tiktok:749}:token"), 1);
    CHECK(lease_left_ms(&a) > 50000 && lease_left_ms(&b) == 0);
    lease_release(&a, s.ask);
    CHECK_INT(lease_left_ms(&a), 0);
    CHECK_INT(lease_take(&b, s.ask, &err), LEASE_TAKEN);
    redis_server_stop(&s);
}

TEST(owners_do_not_meet)
{
    struct redis_server s;
    struct lease a, b;
    struct err err = {0};

    redis_server_start(&s);
    init(&a, "tiktok:749", 60000);
    init(&b, "tiktok:750", 60000);
    CHECK_INT(lease_take(&a, s.ask, &err), LEASE_TAKEN);
    CHECK_INT(lease_take(&b, s.ask, &err), LEASE_TAKEN);
    redis_server_stop(&s);
}

TEST(it_ends_by_itself_and_its_holder_knows_without_asking)
{
    struct redis_server s;
    struct lease a, b;
    struct err err = {0};

    redis_server_start(&s);
    init(&a, "shopee:1", 40);
    init(&b, "shopee:1", 60000);
    CHECK_INT(lease_take(&a, s.ask, &err), LEASE_TAKEN);
    for (int i = 0; i < 500 && lease_left_ms(&a) > 0; i++)
        wait_ms(2);
    CHECK_INT(lease_left_ms(&a), 0);
    for (int i = 0; i < 500 && lease_take(&b, s.ask, &err) != LEASE_TAKEN; i++)
        wait_ms(2);
    CHECK(lease_left_ms(&b) > 0);
    CHECK_INT(lease_renew(&a, s.ask, &err), LEASE_ELSEWHERE);
    lease_release(&a, s.ask);
    CHECK_INT(REDIS_INT(&s, "EXISTS lock:{shopee:1}:token"), 1);
    redis_server_stop(&s);
}

TEST(renewing_lengthens_it)
{
    struct redis_server s;
    struct lease a;
    struct err err = {0};

    redis_server_start(&s);
    init(&a, "shopee:1", 60000);
    CHECK_INT(lease_take(&a, s.ask, &err), LEASE_TAKEN);
    REDIS_DO(&s, "PEXPIRE %s 5000", a.key);
    CHECK_INT(lease_renew(&a, s.ask, &err), LEASE_TAKEN);
    CHECK(REDIS_INT(&s, "PTTL %s", a.key) > 50000);
    REDIS_DO(&s, "DEL %s", a.key);
    CHECK_INT(lease_renew(&a, s.ask, &err), LEASE_ELSEWHERE); /* it may have been somebody else's meanwhile */
    CHECK_INT(lease_left_ms(&a), 0);
    redis_server_stop(&s);
}

TEST(works_when_redis_is_full)
{
    struct redis_server s;
    struct lease a;
    struct err err = {0};

    redis_server_start(&s);
    init(&a, "shopee:1", 60000);
    REDIS_DO(&s, "CONFIG SET maxmemory 1");
    CHECK_INT(lease_take(&a, s.ask, &err), LEASE_TAKEN);
    CHECK_INT(lease_renew(&a, s.ask, &err), LEASE_TAKEN);
    lease_release(&a, s.ask);
    CHECK_INT(REDIS_INT(&s, "EXISTS lock:{shopee:1}:token"), 0);
    redis_server_stop(&s);
}

TEST(without_redis_nothing_is_known)
{
    struct redis_url url = {.path = "./nobody.sock"};
    struct link *link = link_new(&url, "test", 1000);
    struct lease a;
    struct err err = {0};

    init(&a, "shopee:1", 60000);
    CHECK_INT(lease_take(&a, link, &err), LEASE_UNKNOWN);
    CHECK_INT(err.domain, ERR_REDIS);
    CHECK_INT(lease_left_ms(&a), 0);
    link_free(link);
}

TEST(an_owner_that_is_too_long_is_refused)
{
    char owner[LEASE_KEY_MAX + 1];
    struct lease a;

    memset(owner, 'a', sizeof(owner) - 1);
    owner[sizeof(owner) - 1] = '\0';
    CHECK(!lease_init(&a, owner, "token", 1000));
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(one_holds_it_until_it_is_released), CASE(owners_do_not_meet),
                        CASE(it_ends_by_itself_and_its_holder_knows_without_asking),
                        CASE(renewing_lengthens_it), CASE(works_when_redis_is_full),
                        CASE(without_redis_nothing_is_known), CASE(an_owner_that_is_too_long_is_refused));
}
