/* test_config.c - settings: defaults, every refusal with its name, secrets, warnings, the printed tables. */
#include "common/config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/strbuf.h"
#include "tests/harness.h"

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

/* An environment from a list of texts; what a worker must have is put in front unless the list has it. */
#define ENV(...) ((char *const[]){__VA_ARGS__, NULL})
#define MONGO    "MONGO_URI=mongodb://h/"

static void load(struct config *c, enum config_program program, char *const *envp)
{
    struct err err = {0};
    bool ok = config_load(c, program, envp, &err);

    CHECK_TEXT(err.text, "");
    CHECK(ok);
}

static void check_refused(enum config_program program, char *const *envp, const char *expected)
{
    struct config c;
    struct err err = {0};

    CHECK(!config_load(&c, program, envp, &err));
    CHECK_TEXT(err.text, expected);
    CHECK_INT(err.domain, ERR_CONFIG);
    CHECK(c.redis_url == NULL && c.mongo_uri == NULL);
    config_deinit(&c);
}

static void write_file(const char *path, const char *text, size_t n, mode_t mode)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    CHECK(write(fd, text, n) == (ssize_t)n);
    CHECK_INT(fchmod(fd, mode), 0);
    close(fd);
}

/* Standard error of config_load: the warnings. You own it. */
static char *warnings_of(enum config_program program, char *const *envp)
{
    int fd = open("log", O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    struct strbuf b = STRBUF_INIT;
    struct config c;
    struct err err;

    CHECK(fd >= 0 && dup2(fd, STDERR_FILENO) == STDERR_FILENO);
    close(fd);
    load(&c, program, envp);
    config_deinit(&c);
    CHECK(strbuf_read_file(&b, "log", 1 << 20, &err));
    return strbuf_detach(&b);
}

static void check_warning(char *variable, const char *part)
{
    char *text = warnings_of(CONFIG_WORKER, ENV(MONGO, variable));

    if (!part)
        CHECK_TEXT(text, "");
    else
        CHECK(strstr(text, part) != NULL);
    free(text);
}

TEST(the_server_starts_with_defaults)
{
    struct config c;

    load(&c, CONFIG_SERVER, ENV("PATH=/bin"));
    CHECK_TEXT(c.redis_url, "redis://127.0.0.1:6379");
    CHECK_TEXT(c.listen.host, "127.0.0.1");
    CHECK_INT(c.listen.port, 8080);
    CHECK_TEXT(c.admin_listen.host, "127.0.0.1");
    CHECK_INT(c.admin_listen.port, 9080);
    CHECK_INT(c.server_threads, 2);
    CHECK_INT(c.stream_partitions, 1);
    CHECK_INT(c.answer_deadline_ms, 1500);
    CHECK_INT(c.max_body_bytes, 1048576);
    CHECK_INT(c.max_inflight, 4096);
    CHECK_INT(c.max_inflight_bytes, 16777216);
    CHECK_INT(c.max_connections, 15000);
    CHECK_INT(c.client_timeout_ms, 30000);
    CHECK_INT(c.drain_ms, 20000);
    CHECK_INT(c.dedupe_window_minutes, 10);
    CHECK_TEXT(c.tiktok_app_key, "");
    CHECK_TEXT(c.tiktok_app_secret, "");
    CHECK_INT(c.log_level, LOG_INFO);
    CHECK(!c.log_json);
    CHECK_TEXT(c.mongo_uri, "");
    CHECK_TEXT(c.worker_name, "");
    config_deinit(&c);
    config_deinit(&c);
}

TEST(the_worker_starts_with_defaults)
{
    struct config c;

    load(&c, CONFIG_WORKER, ENV(MONGO));
    CHECK_TEXT(c.mongo_uri, "mongodb://h/");
    CHECK_TEXT(c.mongo_dbname, "shopstream");
    CHECK_INT(c.admin_listen.port, 9081);
    CHECK_INT(c.worker_threads, 2);
    CHECK(c.worker_name[0] != '\0'); /* the host's */
    CHECK_TEXT(c.tiktok_api_url, "https://open-api.tiktokglobalshop.com");
    CHECK_TEXT(c.tiktok_auth_url, "https://auth.tiktok-shops.com");
    CHECK_INT(c.tiktok_order_details_batch_size, 50);
    CHECK_INT(c.sync_batch_size_orders, 300);
    CHECK_INT(c.fetch_policy, CONFIG_FETCH_STALE);
    CHECK_INT(c.fetch_budget_ms, 2000);
    CHECK_INT(c.fetch_max_ids, 900);
    CHECK_INT(c.fetch_shop_calls, 4);
    CHECK_INT(c.fetch_max_calls, 32);
    CHECK_INT(c.request_timeout_ms, 120000);
    CHECK_INT(c.read_count, 300);
    CHECK_INT(c.read_max_entries, 10000);
    CHECK_INT(c.read_max_bytes, 16777216);
    CHECK_INT(c.block_ms, 2000);
    CHECK_INT(c.batch_linger_ms, 50);
    CHECK_INT(c.reclaim_idle_ms, 1200000);
    CHECK_INT(c.reap_idle_ms, 60000);
    CHECK_INT(c.heartbeat_ms, 5000);
    CHECK_INT(c.keep_alive_ms, 20000);
    CHECK_INT(c.retry_delay_count, 5);
    CHECK_INT(c.retry_delays_ms[0], 5000);
    CHECK_INT(c.retry_delays_ms[4], 900000);
    CHECK_INT(c.max_stale_reads, 5);
    CHECK_INT(c.stream_keep_minutes, 60);
    CHECK_INT(c.trim_interval_ms, 5000);
    CHECK_INT(c.stream_maxlen, 1000000);
    CHECK_INT(c.webhook_events_keep_days, 30);
    CHECK_INT(c.timezone_offset_minutes, 420);
    CHECK_INT(c.clock_skew_ms, 2000);
    config_deinit(&c);
}

TEST(the_tool_needs_nothing)
{
    struct config c;

    load(&c, CONFIG_CTL, ENV("PATH=/bin"));
    CHECK_TEXT(c.mongo_uri, "");
    config_deinit(&c);
    load(&c, CONFIG_CTL, ENV(MONGO));
    CHECK_TEXT(c.mongo_uri, "mongodb://h/");
    config_deinit(&c);
}

TEST(takes_what_a_person_sets)
{
    struct config c;

    load(&c, CONFIG_WORKER,
         ENV(MONGO, "REDIS_URL=unix:/run/r.sock", "ADMIN_LISTEN=off", "LOG_LEVEL=debug", "LOG_FORMAT=json",
             "FETCH_POLICY=always", "REQUEST_TIMEOUT=7", "RETRY_DELAYS=1,20,300", "TIMEZONE_OFFSET=-03:30",
             "CREDENTIALS_KEY=" HEX64 "," HEX64, "WORKER_NAME=host.1_a-b",
             "TIKTOK_API_URL=http://127.0.0.1:1/x", "TIKTOK_APP_KEY=k", "TIKTOK_APP_SECRET=new,old",
             "CA_FILE=/a b/c.pem"));
    CHECK_TEXT(c.redis_url, "unix:/run/r.sock");
    CHECK_INT(c.admin_listen.port, -1);
    CHECK_INT(c.log_level, LOG_DEBUG);
    CHECK(c.log_json);
    CHECK_INT(c.fetch_policy, CONFIG_FETCH_ALWAYS);
    CHECK_INT(c.request_timeout_ms, 7000);
    CHECK_INT(c.retry_delay_count, 3);
    CHECK_INT(c.retry_delays_ms[2], 300);
    CHECK_INT(c.timezone_offset_minutes, -210);
    CHECK_TEXT(c.credentials_key, HEX64 "," HEX64);
    CHECK_TEXT(c.worker_name, "host.1_a-b");
    CHECK_TEXT(c.tiktok_api_url, "http://127.0.0.1:1/x");
    CHECK_TEXT(c.tiktok_app_secret, "new,old");
    CHECK_TEXT(c.ca_file, "/a b/c.pem");
    config_deinit(&c);
}

TEST(each_refusal_names_the_variable)
{
    static const struct {
        const char *variable, *expected;
    } rows[] = {
        {"READ_COUNT=0", "READ_COUNT: must be a whole number from 1 to 100000, not \"0\""},
        {"READ_COUNT=", "READ_COUNT: must be a whole number from 1 to 100000, not \"\""},
        {"READ_COUNT=1e3", "READ_COUNT: must be a whole number from 1 to 100000, not \"1e3\""},
        {"READ_COUNT= 5", "READ_COUNT: must be a whole number from 1 to 100000, not \" 5\""},
        {"READ_COUNT=99999999999999999999",
         "READ_COUNT: must be a whole number from 1 to 100000, not \"99999999999999999999\""},
        {"REQUEST_TIMEOUT=1.5", "REQUEST_TIMEOUT: must be a whole number from 1 to 600, not \"1.5\""},
        {"REQUEST_TIMEOUT=601", "REQUEST_TIMEOUT: must be a whole number from 1 to 600, not \"601\""},
        {"TIKTOK_ORDER_DETAILS_BATCH_SIZE=51",
         "TIKTOK_ORDER_DETAILS_BATCH_SIZE: must be a whole number from 1 to 50, not \"51\""},
        {"SYNC_BATCH_SIZE_ORDERS=1001",
         "SYNC_BATCH_SIZE_ORDERS: must be a whole number from 1 to 1000, not \"1001\""},
        {"LOG_LEVEL=loud", "LOG_LEVEL: must be error, warn, info or debug, not \"loud\""},
        {"LOG_FORMAT=xml", "LOG_FORMAT: must be logfmt or json, not \"xml\""},
        {"FETCH_POLICY=never", "FETCH_POLICY: must be stale, missing or always, not \"never\""},
        {"TIMEZONE_OFFSET=7", "TIMEZONE_OFFSET: must look like +07:00, not \"7\""},
        {"ADMIN_LISTEN=9081", "ADMIN_LISTEN: must be host:port with a port from 0 to 65535, or off"},
        {"WORKER_NAME=a b", "WORKER_NAME: must be made of letters, digits and . _ -, not \"a b\""},
        {"MONGO_DBNAME=", "MONGO_DBNAME: must not be empty"},
        {"TIKTOK_API_URL=ftp://x", "TIKTOK_API_URL: must be http:// or https://, a host and no slash, ? or # "
                                   "at the end, not \"ftp://x\""},
        {"TIKTOK_API_URL=https://x/", "TIKTOK_API_URL: must be http:// or https://, a host and no slash, ? "
                                      "or # at the end, not \"https://x/\""},
        {"TIKTOK_AUTH_URL=https://", "TIKTOK_AUTH_URL: must be http:// or https://, a host and no slash, ? "
                                     "or # at the end, not \"https://\""},
        {"REDIS_URL=redis://:hunter2@h:x",
         "REDIS_URL: redis address: the port is not a number from 1 to 65535"},
        {"REDIS_URL=", "REDIS_URL: must not be empty"},
        {"CREDENTIALS_KEY=abc",
         "CREDENTIALS_KEY: must be 64 hex digits, or two such keys separated by a comma"},
        {"CREDENTIALS_KEY=" HEX64 ",",
         "CREDENTIALS_KEY: must be 64 hex digits, or two such keys separated by a comma"},
        {"TIKTOK_APP_KEY=a b", "TIKTOK_APP_KEY: must be made of letters, digits and . _ -, not \"a b\""},
        {"TIKTOK_APP_KEY=a,b", "TIKTOK_APP_KEY: must be made of letters, digits and . _ -, not \"a,b\""},
        {"TIKTOK_APP_SECRET=a,", "TIKTOK_APP_SECRET: must be one value or current,previous"},
        {"TIKTOK_APP_SECRET=,a", "TIKTOK_APP_SECRET: must be one value or current,previous"},
        {"TIKTOK_APP_SECRET=a,b,c", "TIKTOK_APP_SECRET: must be one value or current,previous"},
        {"TIKTOK_APP_SECRET=hunter2\n", "TIKTOK_APP_SECRET: must not contain white space"},
        {"TIKTOK_APP_SECRET=a", "TIKTOK_APP_KEY: must be set, because TIKTOK_APP_SECRET is"},
        {"TIKTOK_APP_KEY=a", "TIKTOK_APP_SECRET: must be set, because TIKTOK_APP_KEY is"},
        {"RETRY_DELAYS=",
         "RETRY_DELAYS: must be 1 to 12 whole numbers from 1 to 604800000, separated by commas, not \"\""},
        {"RETRY_DELAYS=5,,6", "RETRY_DELAYS: must be 1 to 12 whole numbers from 1 to 604800000, separated by "
                              "commas, not \"5,,6\""},
        {"RETRY_DELAYS=1,2,3,4,5,6,7,8,9,10,11,12,13",
         "RETRY_DELAYS: must be 1 to 12 whole numbers from 1 to 604800000, separated by commas, not "
         "\"1,2,3,4,5,6,7,8,9,10,11,12,13\""},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char variable[256];

        strncat(strcpy(variable, ""), rows[i].variable, sizeof variable - 1);
        check_refused(CONFIG_WORKER, ENV(MONGO, variable), rows[i].expected);
    }
    check_refused(CONFIG_WORKER, ENV("X=1"), "MONGO_URI: must be set (connection string)");
    check_refused(CONFIG_WORKER, ENV("MONGO_URI="), "MONGO_URI: must not be empty");
    check_refused(CONFIG_SERVER, ENV("LISTEN=off"), "LISTEN: must be host:port, not \"off\"");
    check_refused(CONFIG_SERVER, ENV("ANSWER_DEADLINE_MS=49"),
                  "ANSWER_DEADLINE_MS: must be a whole number from 50 to 2900, not \"49\"");
    check_refused(CONFIG_SERVER, ENV("ANSWER_DEADLINE_MS=2901"),
                  "ANSWER_DEADLINE_MS: must be a whole number from 50 to 2900, not \"2901\"");
}

TEST(settings_that_break_each_other_are_refused_with_both_names)
{
    struct config c;

    check_refused(CONFIG_WORKER, ENV(MONGO, "RETRY_DELAYS=5000,1000000", "RECLAIM_IDLE_MS=1200000"),
                  "RETRY_DELAYS: the longest delay and a fifth must be shorter than RECLAIM_IDLE_MS");
    load(&c, CONFIG_WORKER, ENV(MONGO, "RETRY_DELAYS=999999", "RECLAIM_IDLE_MS=1200000"));
    config_deinit(&c);
    check_refused(CONFIG_WORKER, ENV(MONGO, "REAP_IDLE_MS=40000"),
                  "REAP_IDLE_MS: must be more than twice KEEPALIVE_MS");
    load(&c, CONFIG_WORKER, ENV(MONGO, "REAP_IDLE_MS=40001"));
    config_deinit(&c);
    check_refused(CONFIG_WORKER, ENV(MONGO, "RETRY_DELAYS=1", "RECLAIM_IDLE_MS=40000"),
                  "RECLAIM_IDLE_MS: must be more than twice KEEPALIVE_MS");
    check_refused(CONFIG_WORKER, ENV(MONGO, "READ_MAX_ENTRIES=299"),
                  "READ_COUNT: must not be more than READ_MAX_ENTRIES");
    check_refused(CONFIG_WORKER, ENV(MONGO, "FETCH_MAX_CALLS=3"),
                  "FETCH_SHOP_CALLS: must not be more than FETCH_MAX_CALLS");
}

TEST(other_programs_settings_are_left_alone)
{
    struct config c;

    load(&c, CONFIG_SERVER, ENV("READ_COUNT=nonsense", "MONGO_URI=x"));
    CHECK_INT(c.read_count, 300);
    CHECK_TEXT(c.mongo_uri, "");
    config_deinit(&c);
}

TEST(secrets_come_from_files_only_the_owner_can_read)
{
    struct config c;

    write_file("uri", "mongodb://file/\r\n\n", 18, 0600);
    load(&c, CONFIG_WORKER, ENV("MONGO_URI_FILE=uri"));
    CHECK_TEXT(c.mongo_uri, "mongodb://file/");
    config_deinit(&c);
    write_file("uri", "mongodb://file/", 15, 0400);
    load(&c, CONFIG_WORKER, ENV("MONGO_URI_FILE=uri"));
    config_deinit(&c);
    for (mode_t bit = 01; bit <= 040; bit <<= 1) {
        write_file("uri", "mongodb://file/", 15, 0600 | bit);
        check_refused(CONFIG_WORKER, ENV("MONGO_URI_FILE=uri"),
                      "MONGO_URI_FILE: uri must be a file only its owner may read (chmod 600)");
    }
    check_refused(CONFIG_WORKER, ENV("MONGO_URI_FILE=."),
                  "MONGO_URI_FILE: . must be a file only its owner may read (chmod 600)");
    check_refused(CONFIG_WORKER, ENV(MONGO, "MONGO_URI_FILE=uri"),
                  "MONGO_URI: set both directly and by MONGO_URI_FILE; remove one");
    write_file("zero", "a\0b", 3, 0600);
    check_refused(CONFIG_WORKER, ENV("MONGO_URI_FILE=zero"), "MONGO_URI_FILE: zero contains a NUL byte");
    write_file("empty", "\n", 1, 0600);
    check_refused(CONFIG_WORKER, ENV("MONGO_URI_FILE=empty"), "MONGO_URI: must not be empty");
    write_file("bad", "redis://:hunter2@h:x", 20, 0600);
    check_refused(CONFIG_SERVER, ENV("REDIS_URL_FILE=bad"),
                  "REDIS_URL: redis address: the port is not a number from 1 to 65535");
}

TEST(says_which_secret_file_is_missing)
{
    struct config c;
    struct err err;

    CHECK(!config_load(&c, CONFIG_WORKER, ENV("MONGO_URI_FILE=nowhere"), &err));
    CHECK_TEXT(err.text, "MONGO_URI_FILE: stat nowhere: No such file or directory");
    write_file("big", "", 0, 0600);
    CHECK_INT(truncate("big", 9000), 0);
    CHECK(!config_load(&c, CONFIG_WORKER, ENV("MONGO_URI_FILE=big"), &err));
    CHECK_TEXT(err.text, "MONGO_URI_FILE: read big: larger than 8192 bytes");
}

TEST(warns_of_unknown_names_with_the_nearest_known_one)
{
    check_warning("FETCH_POLICE=stale",
                  "msg=\"unknown setting is ignored\" name=FETCH_POLICE nearest=FETCH_POLICY\n");
    check_warning("MONGO_DB_NAME=x", "name=MONGO_DB_NAME nearest=MONGO_DBNAME\n");
    check_warning("REDIS_URI=x", "name=REDIS_URI nearest=REDIS_URL\n");
    check_warning("TIKTOK_SOMETHING_ELSE=x", "name=TIKTOK_SOMETHING_ELSE nearest=TIKTOK_");
    check_warning("FETCH_POLICY_FILE=x", "name=FETCH_POLICY_FILE nearest=FETCH_POLICY\n");
    check_warning("SYNC_BATCH_SIZE_ORDER=3", "nearest=SYNC_BATCH_SIZE_ORDERS\n");
}

TEST(other_software_s_variables_are_not_ours)
{
    static const char *const names[] = {
        "REDIS_SERVICE_HOST=x",
        "REDIS_PORT=tcp://x",
        "REDIS_PORT_6379_TCP_ADDR=x",
        "REDIS_HOST=x",
        "SERVER_NAME=x",
        "TIKTOK_SIMULATOR_SERVICE_HOST=x",
        "TIKTOK_SIMULATOR_PORT_80_TCP=x",
        "LOG_DIR=x",
        "MAX_OLD_SPACE=x",
        "MONGO_INITDB_ROOT_USERNAME=x",
        "PATH=x",
        "LISTEN_FDS=1",
        "LISTEN_PID=2",
        "LANG=C",
        "NOEQUALSIGN",
        "=odd",
        "TIKTOK_APP_SECRET_FILE=",
        "ANSWER_DEADLINE_MS=5",
        "SERVER_THREADS=x",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char variable[64];

        strcpy(variable, names[i]);
        check_warning(variable, NULL);
    }
}

TEST(replaced_names_say_what_does_their_job_now)
{
    check_warning("SYNC_BUFFER_SIZE=1",
                  "msg=\"setting has no effect any more\" name=SYNC_BUFFER_SIZE instead=\"READ_MAX");
    check_warning("SYNC_NON_RETRYABLE_ERRORS=1", "name=SYNC_NON_RETRYABLE_ERRORS instead=");
}

TEST(names_kept_for_later_are_told_apart_from_typing_errors)
{
    static const char *const names[] = {"LAZADA_APP_KEY=x", "SYNC_CHUNK_DAYS=1", "SYNC_MAX_PARALLEL_TASKS=1",
                                        "MAX_REQUEST_RETRIES=3", "CHANGE_FEED=1"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char variable[64];

        strcpy(variable, names[i]);
        check_warning(variable, "msg=\"setting is not used yet by this version\"");
    }
}

TEST(listeners_are_host_and_port_or_off)
{
    static const char *const wrong[] = {
        "",        "8080",  ":8080",  "h:",  "h:65536", "h:-1",    "h:+1",   "h: 1",   "::1:80", "[::1]",
        "[::1]80", "[]:80", "h h:80", "OFF", "[::1:80", "[[A]:80", "[A]:80", "a[b:80", "a]:80"};
    struct config_listen listen = {.port = 5};
    struct err err;

    CHECK(config_listen_parse("[::1]:0", &listen, &err));
    CHECK_TEXT(listen.host, "::1");
    CHECK_INT(listen.port, 0);
    CHECK(config_listen_parse("0.0.0.0:65535", &listen, &err));
    CHECK_TEXT(listen.host, "0.0.0.0");
    CHECK_INT(listen.port, 65535);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK(!config_listen_parse(wrong[i], &listen, &err));
    CHECK_INT(listen.port, 65535);
    CHECK(config_listen_parse("off", &listen, NULL));
    CHECK_INT(listen.port, -1);
}

/* What print writes, as text. You own it. */
static char *dump_of(const struct config *c, enum config_program program)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);

    config_print_dump(f, c, program);
    fclose(f);
    return text;
}

TEST(the_dump_never_shows_a_secret)
{
    struct config c;
    char *text;

    load(&c, CONFIG_WORKER,
         ENV("MONGO_URI=mongodb://u:hunter2@h/", "REDIS_URL=redis://:hunter2@h", "TIKTOK_APP_KEY=visible",
             "TIKTOK_APP_SECRET=hunter2", "CREDENTIALS_KEY=" HEX64, "ADMIN_LISTEN=[::1]:5",
             "TIMEZONE_OFFSET=-00:30", "WORKER_NAME=w", "REQUEST_TIMEOUT=9"));
    text = dump_of(&c, CONFIG_WORKER);
    CHECK(!strstr(text, "hunter2") && !strstr(text, HEX64));
    CHECK(strstr(text, "\nMONGO_URI: set\n") && strstr(text, "\nREDIS_URL: set\n"));
    CHECK(strstr(text, "\nTIKTOK_APP_KEY=visible\n"));
    CHECK(strncmp(text, "ADMIN_LISTEN=[::1]:5\n", 21) == 0);
    CHECK(strstr(text, "\nTIMEZONE_OFFSET=-00:30\n") && strstr(text, "\nREQUEST_TIMEOUT=9\n"));
    CHECK(strstr(text, "\nRETRY_DELAYS=5000,15000,60000,300000,900000\n"));
    CHECK(strstr(text, "\nFETCH_POLICY=stale\n") && strstr(text, "\nLOG_LEVEL=info\n"));
    CHECK(!strstr(text, "\nLISTEN="));
    free(text);
    config_deinit(&c);
    load(&c, CONFIG_CTL, ENV("X=1"));
    text = dump_of(&c, CONFIG_CTL);
    CHECK(strstr(text, "\nMONGO_URI: not set\n"));
    free(text);
    config_deinit(&c);
}

/* A dump is an environment: loading it again gives the same dump. */
TEST(a_dump_can_be_loaded)
{
    struct config c;
    char *text, *again, *envp[80] = {0};
    size_t n = 0;

    load(&c, CONFIG_SERVER, ENV("ADMIN_LISTEN=off", "LOG_FORMAT=json", "SERVER_THREADS=3"));
    text = dump_of(&c, CONFIG_SERVER);
    config_deinit(&c);
    again = xstrndup(text, strlen(text));
    for (char *line = strtok(again, "\n"); line && n < 79; line = strtok(NULL, "\n"))
        envp[n++] = line;
    load(&c, CONFIG_SERVER, envp);
    free(again);
    again = dump_of(&c, CONFIG_SERVER);
    CHECK_TEXT(again, text);
    free(again);
    free(text);
    config_deinit(&c);
}

TEST(the_tables_are_sorted_and_complete)
{
    char *text = NULL, last[64] = "";
    size_t n, rows = 0;
    FILE *f = open_memstream(&text, &n);

    config_print_markdown(f);
    fclose(f);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char name[64] = "";

        if (strncmp(line, "| `", 3) != 0)
            continue;
        memcpy(name, line + 3, strcspn(line + 3, "`"));
        CHECK(strcmp(last, name) <= 0);
        memcpy(last, name, sizeof last);
        rows++;
    }
    CHECK(rows > 50);
    free(text);
    f = open_memstream(&text, &n);
    config_print_help(f, CONFIG_SERVER);
    fclose(f);
    CHECK(strstr(text, "ANSWER_DEADLINE_MS") && strstr(text, "default 1500, 50 to 2900"));
    CHECK(!strstr(text, "MONGO_URI"));
    free(text);
    f = open_memstream(&text, &n);
    config_print_env_example(f);
    fclose(f);
    CHECK(strstr(text, "\n#ANSWER_DEADLINE_MS=1500\n") && strstr(text, "\n#MONGO_URI=\n"));
    free(text);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(the_server_starts_with_defaults), CASE(the_worker_starts_with_defaults),
        CASE(the_tool_needs_nothing), CASE(takes_what_a_person_sets), CASE(each_refusal_names_the_variable),
        CASE(settings_that_break_each_other_are_refused_with_both_names),
        CASE(other_programs_settings_are_left_alone), CASE(secrets_come_from_files_only_the_owner_can_read),
        CASE(says_which_secret_file_is_missing), CASE(warns_of_unknown_names_with_the_nearest_known_one),
        CASE(other_software_s_variables_are_not_ours), CASE(replaced_names_say_what_does_their_job_now),
        CASE(names_kept_for_later_are_told_apart_from_typing_errors),
        CASE(listeners_are_host_and_port_or_off), CASE(the_dump_never_shows_a_secret),
        CASE(a_dump_can_be_loaded), CASE(the_tables_are_sorted_and_complete));
}
