/* test_redis_url.c - addresses of Redis, and that a mistyped one never shows its password. */
#include "common/redis_url.h"

#include <string.h>

#include "tests/harness.h"

static struct redis_url parse(const char *text)
{
    struct redis_url url;
    struct err err = {0};
    bool ok = redis_url_parse(text, &url, &err);

    CHECK_TEXT(err.text, "");
    CHECK(ok);
    return url;
}

static void check_refused(const char *text, const char *part)
{
    struct redis_url url = {.port = 77};
    struct err err = {0};

    CHECK(!redis_url_parse(text, &url, &err));
    CHECK_INT(err.domain, ERR_CONFIG);
    CHECK(strstr(err.text, part) != NULL);
    CHECK(strstr(err.text, "hunter2") == NULL);
    CHECK_INT(url.port, 77);
    CHECK(!redis_url_parse(text, &url, NULL));
}

TEST(takes_host_port_and_database)
{
    struct redis_url url = parse("redis://127.0.0.1:6380/3");

    CHECK_TEXT(url.host, "127.0.0.1");
    CHECK_INT(url.port, 6380);
    CHECK_INT(url.db, 3);
    CHECK_TEXT(url.user, "");
    CHECK_TEXT(url.password, "");
    CHECK_TEXT(url.path, "");
    CHECK_INT(parse("redis://redis").port, 6379);
    CHECK_INT(parse("redis://redis:1/").db, 0);
    CHECK_TEXT(parse("redis://[::1]:6379/0").host, "::1");
    CHECK_INT(parse("redis://[::1]").port, 6379);
}

TEST(takes_and_decodes_credentials)
{
    struct redis_url url = parse("redis://us%40er:p%3a%2F%25%20w@host:65535");

    CHECK_TEXT(url.user, "us@er");
    CHECK_TEXT(url.password, "p:/% w");
    CHECK_TEXT(url.host, "host");
    CHECK_INT(url.port, 65535);
    url = parse("redis://:only:colons@host");
    CHECK_TEXT(url.user, "");
    CHECK_TEXT(url.password, "only:colons");
    url = parse("redis://:with@sign@host");
    CHECK_TEXT(url.password, "with@sign");
    CHECK_TEXT(parse("redis://:@host").password, "");
}

TEST(takes_unix_sockets)
{
    struct redis_url url = parse("unix:/run/redis.sock?db=2");

    CHECK_TEXT(url.path, "/run/redis.sock");
    CHECK_TEXT(url.host, "");
    CHECK_INT(url.port, 0);
    CHECK_INT(url.db, 2);
    CHECK_TEXT(parse("unix:///run/redis.sock").path, "/run/redis.sock");
    CHECK_INT(parse("unix:/r").db, 0);
}

TEST(refuses_tls_with_the_reason)
{
    check_refused("rediss://:hunter2@host:6379", "TLS");
}

TEST(refuses_what_it_does_not_understand_and_never_shows_the_password)
{
    static const char *const wrong[] = {
        "",
        "127.0.0.1:6379",
        "http://host",
        "REDIS://host",
        "redis:host",
        "redis:/host",
        "hunter2",
        "redis://",
        "redis://:hunter2@",
        "redis://:hunter2@:6379",
        "redis://:hunter2@host:0",
        "redis://:hunter2@host:65536",
        "redis://:hunter2@host:",
        "redis://:hunter2@host:6a",
        "redis://:hunter2@host:-1",
        "redis://:hunter2@host:99999999999999999999",
        "redis://:hunter2@ho st",
        "redis://:hunter2@host:6379/x",
        "redis://:hunter2@host:6379/-1",
        "redis://:hunter2@host:6379/1/2",
        "redis://:hunter2@host:6379/65536",
        "redis://:hunter2@host:6379/0?tls=1",
        "redis://:hunter2@host?db=1",
        "redis://:hunter2@host#x",
        "redis://hunter2@host",
        "redis://user:@host",
        "redis://:hunter2%@host",
        "redis://:hunter2%4@host",
        "redis://:hunter2%zz@host",
        "redis://:hunter2%00@host",
        "redis://[::1",
        "redis://[::1]x:6379",
        "redis://[]:6379",
        "redis://::1:6379",
        "unix:",
        "unix:/",
        "unix:relative",
        "unix://host/path",
        "unix:/r?db=",
        "unix:/r?db=x",
        "unix:/r?x=1",
    };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        check_refused(wrong[i], "redis address: ");
}

TEST(refuses_parts_that_are_too_long)
{
    char text[1200];

    memset(text, 'a', sizeof text);
    memcpy(text, "redis://", 8);
    text[8 + 256] = '\0';
    check_refused(text, "host");
    text[8 + 256] = 'a';
    memcpy(text, "redis://:", 9);
    memcpy(text + 9 + 512, "@host", 6);
    check_refused(text, "password");
    memset(text, '/', sizeof text);
    memcpy(text, "unix:/a", 7);
    text[5 + 108] = '\0';
    check_refused(text, "socket path");
}

TEST(labels_carry_no_credentials)
{
    struct redis_url url = parse("redis://user:hunter2@host:6380/4");
    char label[300];

    CHECK_TEXT(redis_url_label(&url, label, sizeof label), "host:6380/4");
    url = parse("redis://:hunter2@[::1]");
    CHECK_TEXT(redis_url_label(&url, label, sizeof label), "[::1]:6379/0");
    url = parse("unix:/run/redis.sock");
    CHECK_TEXT(redis_url_label(&url, label, sizeof label), "/run/redis.sock");
    url = parse("unix:/run/redis.sock?db=3");
    CHECK_TEXT(redis_url_label(&url, label, sizeof label), "/run/redis.sock?db=3");
    CHECK_TEXT(redis_url_label(&url, label, 5), "/run");
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(takes_host_port_and_database), CASE(takes_and_decodes_credentials),
                        CASE(takes_unix_sockets), CASE(refuses_tls_with_the_reason),
                        CASE(refuses_what_it_does_not_understand_and_never_shows_the_password),
                        CASE(refuses_parts_that_are_too_long), CASE(labels_carry_no_credentials));
}
