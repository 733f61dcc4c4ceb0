/* test_shop_record.c - what `shop put` reads: strict, line by line, all or nothing. */
#include <stdio.h>
#include <string.h>

#include "tests/harness.h"
#include "worker/shop_record.h"

#define HEAD   "{\"platform\":\"tiktok\",\"channel_id\":\"c1\",\"region\":\"VN\",\"shop_cipher\":\"GCP\","
#define TOKENS "\"access_token\":\"ACCESS\",\"refresh_token\":\"REFRESH\","
#define TIMES  "\"access_expires_at\":1768276800,\"refresh_expires_at\":1799208000"
#define GOOD   HEAD TOKENS TIMES ",\"shop_id\":\"749\"}"

static struct err err;

static struct shop_records parse(const char *text)
{
    struct shop_records r = {0};

    err = (struct err){0};
    if (!shop_records_parse(text, strlen(text), &r, &err))
        CHECK(r.count == 0 && *err.text);
    CHECK(!strstr(err.text, "ACCESS") && !strstr(err.text, "REFRESH"));
    return r;
}

static void refused(const char *text, const char *why)
{
    struct shop_records r = parse(text);

    CHECK_INT(r.count, 0);
    CHECK_TEXT(err.text, why);
}

TEST(reads_one_object)
{
    struct shop_records r = parse(GOOD);

    CHECK_INT(r.count, 1);
    CHECK_TEXT(r.at[0].platform, "tiktok");
    CHECK_TEXT(r.at[0].shop_id, "749");
    CHECK_TEXT(r.at[0].channel_id, "c1");
    CHECK_TEXT(r.at[0].region, "VN");
    CHECK_TEXT(r.at[0].shop_cipher, "GCP");
    CHECK_TEXT(r.at[0].access_token, "ACCESS");
    CHECK_TEXT(r.at[0].refresh_token, "REFRESH");
    CHECK(r.at[0].account == NULL);
    CHECK_INT(r.at[0].access_expires_ms, 1768276800000);
    CHECK_INT(r.at[0].refresh_expires_ms, 1799208000000);
    shop_records_deinit(&r);
    shop_records_deinit(&r);
}

TEST(reads_an_object_over_several_lines_and_ids_as_numbers)
{
    struct shop_records r =
        parse(HEAD "\n" TOKENS "\n\"account\":17,\n" TIMES ",\n\"shop_id\":7495540735365777507\n}\n");

    CHECK_INT(r.count, 1);
    CHECK_TEXT(r.at[0].shop_id, "7495540735365777507");
    CHECK_TEXT(r.at[0].account, "17");
    shop_records_deinit(&r);
}

TEST(reads_one_object_a_line)
{
    struct shop_records r = parse("\n" GOOD "\r\n\n" GOOD);

    CHECK_INT(r.count, 2);
    CHECK_INT(r.at[0].line, 2);
    CHECK_INT(r.at[1].line, 4);
    shop_records_deinit(&r);
}

TEST(a_mistake_in_the_last_line_keeps_nothing)
{
    refused(GOOD "\n" GOOD "\n[]\n", "line 3: not a JSON object");
    refused("", "nothing to read on standard input");
    refused(" \n\n", "nothing to read on standard input");
    CHECK_INT(parse(GOOD "\n" GOOD "\n{").count, 0);
    CHECK(strncmp(err.text, "line 3: ", 8) == 0);
}

TEST(names_the_key_and_the_line)
{
    refused(HEAD TOKENS TIMES "}", "line 1: shop_id is missing");
    refused(HEAD TOKENS TIMES ",\"shop_id\":\"1\",\"shopid\":\"1\"}", "line 1: unknown key \"shopid\"");
    refused(HEAD TOKENS TIMES ",\"shop_id\":\"1\",\"shop_id\":\"2\"}", "line 1: repeated key \"shop_id\"");
    refused(HEAD TOKENS TIMES ",\"shop_id\":1.5}", "line 1: shop_id must be a text or an integer");
    refused(HEAD TOKENS TIMES ",\"shop_id\":\"\"}", "line 1: shop_id is missing");
    refused(HEAD TOKENS TIMES ",\"shop_id\":null}", "line 1: shop_id is missing");
    refused(HEAD TIMES ",\"shop_id\":\"1\",\"access_token\":\"ACCESS\"}", "line 1: refresh_token is missing");
    refused(HEAD TIMES ",\"shop_id\":\"1\",\"access_token\":7,\"refresh_token\":\"REFRESH\"}",
            "line 1: access_token must be a text");
    refused(HEAD TIMES ",\"shop_id\":\"1\",\"access_token\":\"ACCESS\\n\",\"refresh_token\":\"REFRESH\"}",
            "line 1: access_token has control characters, spaces at an end, or is too long");
}

TEST(refuses_times_that_are_not_epoch_seconds)
{
    refused(HEAD TOKENS
            "\"shop_id\":\"1\",\"access_expires_at\":1768276800000,\"refresh_expires_at\":1799208000}",
            "line 1: access_expires_at is not a plausible time in epoch seconds");
    refused(HEAD TOKENS "\"shop_id\":\"1\",\"access_expires_at\":604800,\"refresh_expires_at\":1799208000}",
            "line 1: access_expires_at is not a plausible time in epoch seconds");
    refused(HEAD TOKENS
            "\"shop_id\":\"1\",\"access_expires_at\":9223372036854775807,\"refresh_expires_at\":1}",
            "line 1: access_expires_at is not a plausible time in epoch seconds");
    refused(HEAD TOKENS "\"shop_id\":\"1\",\"access_expires_at\":\"soon\",\"refresh_expires_at\":1}",
            "line 1: access_expires_at must be an integer (epoch seconds)");
    refused(HEAD TOKENS "\"shop_id\":\"1\",\"access_expires_at\":1768276800}",
            "line 1: refresh_expires_at is missing");
}

TEST(knows_what_each_platform_needs)
{
    refused("{\"platform\":\"ebay\",\"channel_id\":\"c\",\"region\":\"VN\",\"shop_id\":\"1\"," TOKENS TIMES
            "}",
            "line 1: platform is not one we know");
    refused("{\"platform\":\"tiktok\",\"channel_id\":\"c\",\"region\":\"VN\",\"shop_id\":\"1\"," TOKENS TIMES
            "}",
            "line 1: shop_cipher is missing");
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(reads_one_object),
                        CASE(reads_an_object_over_several_lines_and_ids_as_numbers),
                        CASE(reads_one_object_a_line), CASE(a_mistake_in_the_last_line_keeps_nothing),
                        CASE(names_the_key_and_the_line), CASE(refuses_times_that_are_not_epoch_seconds),
                        CASE(knows_what_each_platform_needs));
}
