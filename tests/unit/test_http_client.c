/* test_http_client.c - one lane's HTTP: reuse, bounds, time-outs, and sentences without secrets. */
#include "common/clock.h"
#include "tests/harness.h"
#include "tests/unit/fake_market.h"
#include "worker/http_client.h"

static struct fake_market market;
static struct http_client *client;
static struct config config = {.fetch_max_calls = 8};

static void begin(void)
{
    static char empty[] = "";
    struct err err = {0};

    config.ca_file = empty;
    fake_start(&market);
    client = http_client_new(&config, &err);
    CHECK_TEXT(err.text, "");
}

static void end(void)
{
    http_client_free(client);
    fake_stop(&market);
}

static bool start(const char *url, int64_t timeout_ms, void *context)
{
    struct platform_request r = {.method = "GET"};
    bool ok;

    strbuf_add_text(&r.url, url);
    strbuf_add_text(&r.headers[0], "x-tts-access-token: TOKEN");
    r.header_count = 1;
    ok = http_client_start(client, &r, timeout_ms, context, NULL);
    platform_request_deinit(&r); /* it was copied */
    return ok;
}

static void start_detail(const char *cipher, int64_t timeout_ms, void *context)
{
    char url[160];

    snprintf(url, sizeof url, "http://127.0.0.1:%d/order/202507/orders?ids=1&shop_cipher=%s&sign=SECRET",
             market.port, cipher);
    CHECK(start(url, timeout_ms, context));
}

static struct http_answer next(void **context)
{
    struct http_answer a = {0};

    CHECK(http_client_next(client, 20000, context, &a));
    return a;
}

static void no_secrets(const char *text)
{
    CHECK(*text);
    CHECK(!strstr(text, "SECRET") && !strstr(text, "TOKEN") && !strstr(text, "/order") &&
          !strstr(text, "sign"));
}

TEST(brings_answers_with_their_contexts)
{
    int a = 0, b = 0;
    void *first, *second;
    struct http_answer x, y;

    begin();
    start_detail("a", 5000, &a);
    start_detail("b", 5000, &b);
    CHECK_INT(http_client_running(client), 2);
    x = next(&first);
    y = next(&second);
    CHECK((first == &a && second == &b) || (first == &b && second == &a));
    CHECK_INT(x.status, 200);
    CHECK_TEXT(x.error, "");
    CHECK_BYTES(x.body.data, x.body.length, "{\"code\":0,\"data\":{\"orders\":[{\"id\":\"1\"}]}}", 41);
    CHECK(x.date_ms > clock_now_ms() - 5000 && x.date_ms < clock_now_ms() + 5000);
    CHECK(x.ended_mono_ms >= x.started_mono_ms);
    CHECK_INT(http_client_running(client), 0);
    CHECK(!http_client_next(client, 0, &first, &x));
    http_answer_deinit(&x);
    http_answer_deinit(&y);
    end();
}

static int accepted; /* connections the server has seen */

static struct bufferevent *count_connection(struct event_base *base, void *arg)
{
    (void)base;
    (void)arg;
    accepted++;
    return NULL; /* evhttp makes its own */
}

TEST(keeps_connections_alive)
{
    begin();
    evhttp_set_bevcb(market.http, count_connection, NULL);
    for (int i = 0; i < 20; i++) {
        void *context;
        struct http_answer a;

        start_detail("a", 5000, NULL);
        a = next(&context);
        CHECK_INT(a.status, 200);
        http_answer_deinit(&a);
    }
    CHECK_INT(fake_calls(&market, "a"), 20);
    end();
    CHECK_INT(accepted, 1);
}

TEST(gives_up_after_the_time_out_of_the_call)
{
    int64_t begin_ms;
    void *context;
    struct http_answer a;

    begin();
    FAKE_SET(&market, "a", detail, FAKE_HANG);
    begin_ms = clock_mono_ms();
    start_detail("a", 200, NULL);
    CHECK(!http_client_next(client, 50, &context, &a)); /* waits no longer than told */
    CHECK(clock_mono_ms() - begin_ms < 180);
    a = next(&context);
    CHECK(clock_mono_ms() - begin_ms < 5000);
    CHECK_INT(a.status, 0);
    no_secrets(a.error);
    CHECK(strstr(a.error, "127.0.0.1"));
    http_answer_deinit(&a);
    end();
}

TEST(does_not_follow_redirects)
{
    void *context;
    struct http_answer a;

    begin();
    FAKE_SET(&market, "a", detail, FAKE_REDIRECT);
    start_detail("a", 5000, NULL);
    a = next(&context);
    CHECK_INT(a.status, 302);
    CHECK_INT(market.followed, 0);
    http_answer_deinit(&a);
    end();
}

TEST(refuses_a_body_over_the_bound)
{
    void *context;
    struct http_answer a;

    begin();
    FAKE_SET(&market, "a", detail, FAKE_BIG);
    start_detail("a", 20000, NULL);
    a = next(&context);
    CHECK_INT(a.status, 0);
    CHECK(strstr(a.error, "larger than 16 MiB"));
    CHECK_INT(a.body.length, 0);
    http_answer_deinit(&a);
    FAKE_SET(&market, "a", detail, FAKE_GOOD); /* the handle works again */
    start_detail("a", 5000, NULL);
    a = next(&context);
    CHECK_INT(a.status, 200);
    http_answer_deinit(&a);
    end();
}

TEST(reads_retry_after)
{
    void *context;
    struct http_answer a;

    begin();
    FAKE_SET(&market, "a", detail, FAKE_LIMIT);
    strcpy(market.retry_after, "17");
    start_detail("a", 5000, NULL);
    a = next(&context);
    CHECK_INT(a.status, 429);
    CHECK_TEXT(a.retry_after, "17");
    http_answer_deinit(&a);
    FAKE_SET(&market, "a", detail, FAKE_GOOD); /* nothing is left of it in the reused handle */
    start_detail("a", 5000, NULL);
    a = next(&context);
    CHECK_TEXT(a.retry_after, "");
    http_answer_deinit(&a);
    end();
}

TEST(says_that_nobody_listens_without_the_url)
{
    void *context;
    struct http_answer a;

    begin();
    CHECK(start("http://user:SECRET@127.0.0.1:1/order?sign=SECRET", 5000, NULL));
    a = next(&context);
    CHECK_INT(a.status, 0);
    no_secrets(a.error);
    CHECK(!strstr(a.error, "user"));
    http_answer_deinit(&a);
    end();
}

TEST(speaks_only_http_and_https)
{
    void *context;
    struct http_answer a;

    begin();
    if (start("file:///etc/passwd", 5000, NULL)) {
        a = next(&context);
        CHECK_INT(a.status, 0);
        CHECK_INT(a.body.length, 0);
        http_answer_deinit(&a);
    }
    CHECK(true);
    end();
}

TEST(verifies_certificates)
{
    void *context;
    struct http_answer a;
    char url[64];

    begin(); /* a plain server is no TLS server: whatever happens, it must not be an answer */
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", market.port);
    CHECK(start(url, 5000, NULL));
    a = next(&context);
    CHECK_INT(a.status, 0);
    http_answer_deinit(&a);
    end();
}

TEST(abort_forgets_what_is_under_way)
{
    void *context;
    struct http_answer a;

    begin();
    FAKE_SET(&market, "a", detail, FAKE_HANG);
    start_detail("a", 5000, NULL);
    CHECK(!http_client_next(client, 50, &context, &a));
    http_client_abort(client);
    CHECK_INT(http_client_running(client), 0);
    CHECK(!http_client_next(client, 10, &context, &a));
    start_detail("a", 5000, NULL); /* and free with a call under way */
    end();
}

TEST(a_bad_ca_file_is_named)
{
    static char missing[] = "no/such/file", no_pem[] = "plain.txt";
    FILE *f = fopen(no_pem, "w");
    struct err err = {0};

    CHECK(f != NULL);
    fputs("hello\n", f);
    fclose(f);
    config.ca_file = missing;
    CHECK(http_client_new(&config, &err) == NULL);
    CHECK(strncmp(err.text, "CA_FILE", 7) == 0);
    config.ca_file = no_pem;
    CHECK(http_client_new(&config, &err) == NULL);
    CHECK(strstr(err.text, "no PEM certificate"));
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(brings_answers_with_their_contexts), CASE(keeps_connections_alive),
                        CASE(gives_up_after_the_time_out_of_the_call), CASE(does_not_follow_redirects),
                        CASE(refuses_a_body_over_the_bound), CASE(reads_retry_after),
                        CASE(says_that_nobody_listens_without_the_url), CASE(speaks_only_http_and_https),
                        CASE(verifies_certificates), CASE(abort_forgets_what_is_under_way),
                        CASE(a_bad_ca_file_is_named));
}
