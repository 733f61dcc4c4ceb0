/* test_webhooks.c - one signed push of every topic of every platform: the signature fits and the entries are the ones written
 * down beside it (golden/webhooks). The signatures were computed by another program than ours. */
#include <stdio.h>

#include "server/verify.h"
#include "tests/unit/map_text.h"

static char app_key[] = "abcdef", app_secret[] = "123", partner_id[] = "2001887",
            push_key[] = "test_push_key_0123456789abcdef", url[] = "https://hooks.example.test/shopee";

static const struct config config = {.tiktok_app_key = app_key,
                                     .tiktok_app_secret = app_secret,
                                     .shopee_partner_id = partner_id,
                                     .shopee_push_key = push_key,
                                     .shopee_callback_url = url};

enum { TOPICS_MAX = 128 };

/* A file of samples, read from top to bottom. */
struct samples {
    enum platform platform;
    const char *topic; /* key of the topic's number in the envelope */
    const char *at;    /* what is left */
    const char *end;
    size_t count;
    bool seen[TOPICS_MAX]; /* by topic */
};

/* The next line that is neither empty nor a comment. False: the end. */
static bool next_line(struct samples *s, struct entry_text *line)
{
    while (s->at < s->end) {
        const char *newline = memchr(s->at, '\n', (size_t)(s->end - s->at));

        CHECK(newline != NULL);
        *line = (struct entry_text){s->at, (size_t)(newline - s->at)};
        s->at = newline + 1;
        if (line->length > 0 && line->data[0] != '#')
            return true;
    }
    return false;
}

static void mark_seen(struct samples *s, struct entry_text body)
{
    yyjson_doc *doc = json_parse(body.data, body.length, NULL, NULL);
    int64_t topic;

    CHECK(json_get_i64(yyjson_doc_get_root(doc), s->topic, &topic) == JSON_GOT);
    if (topic >= 0 && topic < TOPICS_MAX)
        s->seen[topic] = true;
    yyjson_doc_free(doc);
}

static void check_sample(struct samples *s, struct entry_text signature)
{
    struct verifier *v = verify_new(&config);
    struct push push = {.platform = s->platform, .authorization = signature};
    struct push_sign_match match;
    struct entry_text wanted;
    char *expected, *got;

    CHECK(next_line(s, &push.body));
    CHECK(next_line(s, &wanted));
    mark_seen(s, push.body);
    CHECK_INT(verify_push(v, &push, &match), VERDICT_GENUINE);
    got = map_text_with(&config, s->platform, push.body.data, push.body.length);
    expected = xstrndup(wanted.data, wanted.length);
    CHECK_TEXT(got, expected);
    free(expected);
    free(got);
    verify_free(v);
    s->count++;
}

/* Checks every sample of the file, and that there is one of each topic. */
static void check_file(struct samples *s, const char *path, const int *topics, size_t count)
{
    struct entry_text signature;
    size_t length;
    char *text = harness_read(path, &length);

    s->at = text;
    s->end = text + length;
    while (next_line(s, &signature))
        check_sample(s, signature);
    for (size_t i = 0; i < count; i++) {
        if (!s->seen[topics[i]])
            printf("# no sample of topic %d\n", topics[i]);
        CHECK(s->seen[topics[i]]);
    }
    CHECK(s->count >= count);
    free(text);
}

TEST(every_topic_of_tiktok_is_verified_and_mapped_as_written_down)
{
    static const int topics[] = {1,  2,  3,  4,  5,  6,  7,  11, 12, 13, 14, 15, 16,
                                 17, 18, 19, 20, 21, 22, 23, 24, 25, 27, 33, 35, 36,
                                 37, 39, 42, 46, 51, 52, 55, 56, 63, 64, 65, 66, 67};
    struct samples s = {.platform = PLATFORM_TIKTOK, .topic = "type"};

    check_file(&s, "golden/webhooks/tiktok.txt", topics, sizeof(topics) / sizeof(topics[0]));
}

TEST(every_code_of_shopee_is_verified_and_mapped_as_written_down)
{
    static const int codes[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 15, 16, 18, 19,
                                20, 21, 22, 23, 24, 25, 27, 28, 29, 30, 31, 33, 34, 35, 36, 37, 38, 47};
    struct samples s = {.platform = PLATFORM_SHOPEE, .topic = "code"};

    check_file(&s, "golden/webhooks/shopee.txt", codes, sizeof(codes) / sizeof(codes[0]));
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(every_topic_of_tiktok_is_verified_and_mapped_as_written_down),
                        CASE(every_code_of_shopee_is_verified_and_mapped_as_written_down));
}
