/* test_http_client.c - one lane's HTTP: reuse, bounds, time-outs, and sentences without secrets. */
#include <curl/curl.h>
#include <signal.h>
#include <sys/prctl.h>

#include "common/clock.h"
#include "common/log.h"
#include "tests/harness.h"
#include "tests/unit/fake_market.h"
#include "tests/unit/no_memory.h"
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

static void detail_url(char *url, size_t size, const char *cipher)
{
    snprintf(url, size, "http://127.0.0.1:%d/order/202507/orders?ids=1&shop_cipher=%s&sign=SECRET",
             market.port, cipher);
}

static void start_detail(const char *cipher, int64_t timeout_ms, void *context)
{
    char url[160];

    detail_url(url, sizeof url, cipher);
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

static char target[256]; /* of the last request, as it came */

static void note_target(struct evhttp_request *r, void *arg)
{
    (void)arg;
    snprintf(target, sizeof target, "%s", evhttp_request_get_uri(r));
    evhttp_send_reply(r, 200, "OK", NULL);
}

/* The signature is over just this. */
TEST(sends_path_and_query_as_they_stand)
{
    static const char *const targets[] = {"/a/%2e%2e/b?ids=1%2C2&x=%20&sign=SECRET", "/a//b?ids=1,2,3?",
                                          "/a?", "/a", "/?b=/c"};

    begin();
    evhttp_set_gencb(market.http, note_target, NULL);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char url[160];
        void *context;
        struct http_answer a;

        snprintf(url, sizeof url, "http://127.0.0.1:%d%s", market.port, targets[i]);
        CHECK(start(url, 5000, NULL));
        a = next(&context);
        CHECK_INT(a.status, 200);
        CHECK_TEXT(target, targets[i]);
        http_answer_deinit(&a);
    }
    end();
}

/* libcurl refuses it, or sends it escaped; one request stays one. */
TEST(a_line_end_in_a_url_starts_no_other_request)
{
    char url[160];
    void *context;
    struct http_answer a = {0};

    begin();
    evhttp_set_gencb(market.http, note_target, NULL);
    target[0] = '\0';
    snprintf(url, sizeof url, "http://127.0.0.1:%d/a?b=1\r\nx-evil: 1", market.port);
    if (start(url, 5000, NULL)) {
        a = next(&context);
        CHECK_INT(a.status, 0);
    }
    CHECK_TEXT(target, "");
    http_answer_deinit(&a);
    end();
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

/* libcurl's allocations; the one that makes `until` zero is refused, no other. */
static int until = -1;

static bool refused(void)
{
    return until > 0 && --until == 0;
}

static void *curl_malloc(size_t n)
{
    return refused() ? NULL : malloc(n);
}

static void *curl_realloc(void *p, size_t n)
{
    return refused() ? NULL : realloc(p, n);
}

static char *curl_strdup(const char *s)
{
    return refused() ? NULL : strdup(s);
}

static void *curl_calloc(size_t count, size_t n)
{
    return refused() ? NULL : calloc(count, n);
}

/* How a call ended of which one allocation was refused. */
enum { END_WHOLE = 10, END_NOT_SENT, END_GOOD, END_FAILED, END_WRONG, ENDS };

static void call_with_one_refused(void *number)
{
    struct http_answer a = {0};
    struct err err = {0};
    void *context;
    char url[160];

    detail_url(url, sizeof url, "A");
    client = http_client_new(&config, &err);
    until = *(int *)number;
    if (!client || !start(url, 2000, NULL))
        _exit(END_NOT_SENT);
    if (!http_client_next(client, 20000, &context, &a))
        _exit(END_WRONG);
    if (a.status == 0 && a.error[0] && a.body.length == 0)
        _exit(END_FAILED);
    if (a.status != 200 || a.body.length == 0)
        _exit(END_WRONG);
    _exit(until > 0 ? END_WHOLE : END_GOOD);
}

/* A marketplace in a process of its own: what is forked here has no thread but its own. */
static pid_t market_fork(void)
{
    int ports[2];
    pid_t pid;

    CHECK(pipe(ports) == 0);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fake_start(&market);
        _exit(write(ports[1], &market.port, sizeof market.port) < 0 || pause());
    }
    CHECK(read(ports[0], &market.port, sizeof market.port) == sizeof market.port);
    close(ports[0]);
    close(ports[1]);
    return pid;
}

/* Whichever of libcurl's allocations is refused: the call is not sent, or the process ends, or it goes well all the same. Some
 * libcurl itself takes for a name that nobody knows or a time that is over: those are calls that failed on the way, which is
 * no fault of an event. None may look like an answer. */
TEST(no_want_of_memory_in_libcurl_passes_for_an_answer)
{
    int ends[ENDS] = {0}, ended = 0;
    pid_t pid = market_fork();

    log_setup("test", LOG_ERROR, false);
    CHECK(curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, free, curl_realloc, curl_strdup,
                               curl_calloc) == CURLE_OK);
    for (int number = 1; ends[END_WHOLE] == 0; number++) {
        char said[4096];
        int status = no_memory_run(call_with_one_refused, &number, said, sizeof said);

        CHECK(no_memory_ended(status, said) || WIFEXITED(status));
        if (!WIFEXITED(status)) {
            ended++;
            continue;
        }
        CHECK(WEXITSTATUS(status) >= END_WHOLE && WEXITSTATUS(status) < ENDS);
        ends[WEXITSTATUS(status)]++;
    }
    kill(pid, SIGKILL);
    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK_INT(ends[END_WRONG], 0);
    CHECK(ends[END_FAILED] < ended);
    CHECK(ends[END_NOT_SENT] > 10); /* the handle, its options, the headers */
    CHECK(ended > 10);              /* the transfer */
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(brings_answers_with_their_contexts), CASE(sends_path_and_query_as_they_stand),
        CASE(a_line_end_in_a_url_starts_no_other_request), CASE(keeps_connections_alive),
        CASE(gives_up_after_the_time_out_of_the_call), CASE(does_not_follow_redirects),
        CASE(refuses_a_body_over_the_bound), CASE(reads_retry_after),
        CASE(says_that_nobody_listens_without_the_url), CASE(speaks_only_http_and_https),
        CASE(verifies_certificates), CASE(abort_forgets_what_is_under_way), CASE(a_bad_ca_file_is_named),
        CASE(no_want_of_memory_in_libcurl_passes_for_an_answer));
}
