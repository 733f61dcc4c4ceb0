/* test_platform.c - the list of platforms, and what their files share. */
#include <string.h>

#include "tests/harness.h"
#include "worker/platforms/platform.h"
#include "worker/platforms/retry_after.h"

TEST(finds_platforms_by_name)
{
    CHECK(platform_find("tiktok") == &platform_tiktok);
    CHECK(platform_find("shopee") == &platform_shopee);
    CHECK(platform_find("lazada") == NULL);
    CHECK(platform_find("") == NULL);
}

TEST(reads_retry_after_as_seconds_or_date)
{
    int64_t now = 1767672000000; /* Tue, 06 Jan 2026 04:00:00 GMT */

    CHECK_INT(retry_after_ms("", now), 0);
    CHECK_INT(retry_after_ms(NULL, now), 0);
    CHECK_INT(retry_after_ms("0", now), 0);
    CHECK_INT(retry_after_ms("3", now), 3000);
    CHECK_INT(retry_after_ms("-3", now), 0);
    CHECK_INT(retry_after_ms("999999999999", now), RETRY_AFTER_MAX_MS);
    CHECK_INT(retry_after_ms("Tue, 06 Jan 2026 04:00:10 GMT", now), 10000);
    CHECK_INT(retry_after_ms("Tue, 06 Jan 2026 03:59:00 GMT", now), 0);
    CHECK_INT(retry_after_ms("whenever", now), 0);
    CHECK_INT(retry_after_ms("Fri, 31 Dec-922337268", now),
              RETRY_AFTER_MAX_MS); /* more ms than an int64 holds */
    CHECK_INT(retry_after_ms("Fri, 31 Dec 1999 23:59:59 GMT", now), 0);
}

TEST(a_request_can_be_wiped_twice)
{
    struct platform_request r = {0};

    platform_request_deinit(&r);
    strbuf_add_text(&r.url, "https://api.example/?sign=x");
    strbuf_add_text(&r.headers[0], "a: b");
    r.header_count = 1;
    platform_request_deinit(&r);
    platform_request_deinit(&r);
    CHECK(r.url.data == NULL && r.header_count == 0);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(finds_platforms_by_name), CASE(reads_retry_after_as_seconds_or_date),
                        CASE(a_request_can_be_wiped_twice));
}
