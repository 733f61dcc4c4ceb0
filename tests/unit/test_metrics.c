/* test_metrics.c - counters, gauges and their text form. */
#include "common/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness.h"

static size_t count_of(const char *text, const char *what)
{
    size_t n = 0;

    for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
        n++;
    return n;
}

TEST(counts_and_sets)
{
    metric_add(METRIC_SERVER_REQUESTS_STORED, 2);
    metric_add(METRIC_SERVER_REQUESTS_STORED, 3);
    CHECK_INT(metric_get(METRIC_SERVER_REQUESTS_STORED), 5);
    metric_set(METRIC_SERVER_INFLIGHT, 9);
    metric_add(METRIC_SERVER_INFLIGHT, -4);
    CHECK_INT(metric_get(METRIC_SERVER_INFLIGHT), 5);
    metric_set(METRIC_WORKER_LAG, -1);
    CHECK_INT(metric_get(METRIC_WORKER_LAG), -1);
}

static void *add_many(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10000; i++)
        metric_add(METRIC_WORKER_ACKED, 1);
    return NULL;
}

TEST(loses_nothing_between_threads)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, add_many, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(metric_get(METRIC_WORKER_ACKED), 40000);
}

TEST(counts_unknown_words_by_word)
{
    const char *family = "shopstream_worker_state_unknown_words_total{word=\"";
    struct strbuf out = STRBUF_INIT;
    char word[100];

    memset(word, 'Y', sizeof word);
    metric_add_unknown_word("TELEPORTED", 10);
    metric_add_unknown_word("TELEPORTED AGAIN", 10);
    metric_add_unknown_word("\"} 9\n{\0\xff", 8);
    metric_add_unknown_word(word, sizeof word);
    word[sizeof word - 1] = '\0';
    metrics_render(&out, "worker");
    CHECK(strstr(out.data, "\nshopstream_worker_state_unknown_words_total{word=\"TELEPORTED\"} 2\n"));
    CHECK(strstr(out.data, "{word=\"?? 9????\"} 1\n"));
    CHECK(strstr(out.data, "{word=\"YYY") && !strstr(out.data, word));
    CHECK_INT(count_of(out.data, family), 3);
    for (int i = 0; i < 1000; i++) {
        snprintf(word, sizeof word, "W%d", i);
        metric_add_unknown_word(word, strlen(word));
    }
    strbuf_reset(&out);
    metrics_render(&out, "worker");
    CHECK_INT(count_of(out.data, family), 33);
    CHECK(strstr(out.data, "{word=\"W28\"} 1\n") && strstr(out.data, "{word=\"(others)\"} 971\n"));
    strbuf_reset(&out);
    metrics_render(&out, "server");
    CHECK_INT(count_of(out.data, family), 0);
    strbuf_deinit(&out);
}

TEST(prints_one_program_s_metrics_only)
{
    struct strbuf server = STRBUF_INIT, worker = STRBUF_INIT;

    metric_add(METRIC_SERVER_REQUESTS_STORED, 7);
    metrics_render(&server, "server");
    metrics_render(&worker, "worker");
    CHECK(strstr(server.data, "\nshopstream_server_requests_total{answer=\"stored\"} 7\n"));
    CHECK(!strstr(server.data, "shopstream_worker_"));
    CHECK(!strstr(worker.data, "shopstream_server_"));
    CHECK(strstr(worker.data, "\n# TYPE shopstream_worker_lag gauge\nshopstream_worker_lag 0\n"));
    strbuf_deinit(&server);
    strbuf_deinit(&worker);
}

TEST(describes_a_family_once)
{
    struct strbuf b = STRBUF_INIT;

    metrics_render(&b, "server");
    CHECK(strncmp(b.data, "# HELP shopstream_server_requests_total ", 40) == 0);
    CHECK_INT(count_of(b.data, "# HELP shopstream_server_requests_total "), 1);
    CHECK_INT(count_of(b.data, "# TYPE shopstream_server_requests_total counter\n"), 1);
    CHECK_INT(b.data[b.length - 1], '\n');
    strbuf_deinit(&b);
}

/* The table's own rules: families stand together, the first line has a help, names are in our space. */
TEST(every_family_has_a_help_and_stands_together)
{
    static const char *const programs[] = {"server", "worker"};

    for (size_t i = 0; i < 2; i++) {
        struct strbuf b = STRBUF_INIT;

        metrics_render(&b, programs[i]);
        for (char *line = strtok(b.data, "\n"); line; line = strtok(NULL, "\n")) {
            size_t name = strcspn(line + 7, " ");

            if (strncmp(line, "# HELP ", 7) != 0)
                continue;
            CHECK(line[7 + name + 1] != '\0');
            CHECK(strncmp(line + 7, "shopstream_", 11) == 0);
        }
        strbuf_deinit(&b);
        metrics_render(&b, programs[i]);
        CHECK_INT(count_of(b.data, "# HELP "), count_of(b.data, "# TYPE "));
        for (const char *p = strstr(b.data, "# TYPE "); p; p = strstr(p + 1, "# TYPE ")) {
            char head[200] = "";

            memcpy(head, p, strcspn(p, "\n") + 1);
            CHECK_INT(count_of(b.data, head), 1);
        }
        strbuf_deinit(&b);
    }
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(counts_and_sets), CASE(loses_nothing_between_threads),
                        CASE(counts_unknown_words_by_word), CASE(prints_one_program_s_metrics_only),
                        CASE(describes_a_family_once), CASE(every_family_has_a_help_and_stands_together));
}
