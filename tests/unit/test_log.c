/* test_log.c - log lines: both forms, escaping, caps, levels, one write a line. */
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/strbuf.h"
#include "tests/harness.h"

/* Standard error goes to a file from here on. */
static void capture(void)
{
    int fd = open("log", O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);

    CHECK(fd >= 0 && dup2(fd, STDERR_FILENO) == STDERR_FILENO);
    close(fd);
}

/* What was logged since capture(), from behind the time: "level=..." or "\"level\":...". You own it. */
static char *captured(const char *from)
{
    struct strbuf b = STRBUF_INIT;
    struct err err;
    char *text, *at;

    CHECK(strbuf_read_file(&b, "log", 1 << 20, &err));
    text = strbuf_detach(&b);
    at = strstr(text, from);
    if (at)
        memmove(text, at, strlen(at) + 1);
    return text;
}

static void check_logged(const char *from, const char *expected)
{
    char *text = captured(from);

    CHECK_TEXT(text, expected);
    free(text);
    capture();
}

TEST(writes_logfmt)
{
    char *text;

    capture();
    log_setup("worker", LOG_INFO, false);
    log_warn("mongo away", LOG_S("shop", "749"), LOG_I("count", -5), LOG_S("url", "a=b c"),
             LOG_S("none", NULL), LOG_S("empty", ""), LOG_B("cut", "abcdef", 3));
    text = captured("time=");
    CHECK(strncmp(text, "time=2", 6) == 0);
    CHECK_INT(text[5 + 23], 'Z');
    free(text);
    check_logged("level=", "level=warn prog=worker msg=\"mongo away\" shop=749 count=-5 url=\"a=b c\" none=- "
                           "empty=\"\" cut=abc\n");
    log_info("started");
    check_logged("level=", "level=info prog=worker msg=started\n");
}

TEST(writes_json)
{
    char *text;

    capture();
    log_setup("server", LOG_INFO, true);
    log_error("redis away", LOG_S("shop", "749"), LOG_I("count", -5), LOG_S("q", "a\"b\\c\n\x01"),
              LOG_S("none", NULL));
    check_logged(
        "\"level\"",
        "\"level\":\"error\",\"prog\":\"server\",\"msg\":\"redis away\",\"shop\":\"749\",\"count\":-5,"
        "\"q\":\"a\\\"b\\\\c\\n\\u0001\",\"none\":null}\n");
    log_info("x");
    text = captured("{");
    CHECK(strncmp(text, "{\"time\":\"2", 10) == 0);
    free(text);
}

TEST(outside_text_cannot_forge_a_line)
{
    capture();
    log_setup("server", LOG_INFO, false);
    log_info("x", LOG_S("topic", "1\ntime=2026 level=error msg=forged"),
             LOG_S("t", "a\rb\tc\x1b[2J\x7f\"\\"));
    check_logged("level=", "level=info prog=server msg=x topic=\"1\\ntime=2026 level=error msg=forged\" "
                           "t=\"a\\rb\\tc\\x1b[2J\\x7f\\\"\\\\\"\n");
    log_info("x", LOG_B("nul", "a\0b", 3));
    check_logged("level=", "level=info prog=server msg=x nul=\"a\\x00b\"\n");
}

TEST(escapes_what_is_not_utf_8)
{
    capture();
    log_setup("server", LOG_INFO, false);
    log_info("x", LOG_S("ok", "Gi\xc3\xa0y \xe2\x82\xab \xf0\x9f\x98\x80"),
             LOG_S("bad", "\xff\xc0\xaf\xed\xa0\x80"), LOG_S("c1", "\xc2\x9b"), LOG_S("short", "a\xe2\x82"));
    check_logged("level=",
                 "level=info prog=server msg=x ok=\"Gi\xc3\xa0y \xe2\x82\xab \xf0\x9f\x98\x80\" "
                 "bad=\"\\xff\\xc0\\xaf\\xed\\xa0\\x80\" c1=\"\\xc2\\x9b\" short=\"a\\xe2\\x82\"\n");
    log_setup("server", LOG_INFO, true);
    log_info("x", LOG_S("bad", "\xff\x7f"));
    check_logged("\"level\"",
                 "\"level\":\"info\",\"prog\":\"server\",\"msg\":\"x\",\"bad\":\"\\\\xff\\u007f\"}\n");
}

TEST(caps_values_and_lines)
{
    char big[2000], *text;

    memset(big, 'x', sizeof big);
    capture();
    log_setup("server", LOG_INFO, false);
    log_info("x", LOG_B("a", big, sizeof big));
    text = captured("a=");
    CHECK_INT(strlen(text), 2 + 300 + 1);
    free(text);
    capture();
    memset(big, 1, sizeof big);
    log_setup("server", LOG_INFO, true);
    log_info("x", LOG_B("a", big, 2000), LOG_B("b", big, 2000), LOG_B("c", big, 2000), LOG_I("d", 4));
    text = captured("{");
    CHECK(strlen(text) <= 4096);
    CHECK(strstr(text, "\"b\":\"\\u0001") != NULL);
    CHECK(strstr(text, "\"c\":") == NULL);
    CHECK(strstr(text, "\\u0001\",\"cut\":1}\n") != NULL);
    free(text);
}

TEST(does_not_cut_inside_a_character)
{
    char text[400], *line;

    for (size_t i = 0; i < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    capture();
    log_setup("server", LOG_INFO, false);
    log_info("x", LOG_B("a", text + 1, sizeof text - 1));
    line = captured("a=");
    CHECK(strstr(line, "\\xa9\xc3\xa9") != NULL);
    CHECK(strstr(line, "\\xc3") == NULL);
    free(line);
}

TEST(writes_only_what_its_level_allows)
{
    enum log_level level = LOG_INFO;

    capture();
    log_setup("server", LOG_WARN, false);
    log_info("no");
    log_debug("no");
    check_logged("", "");
    CHECK(log_enabled(LOG_ERROR) && log_enabled(LOG_WARN) && !log_enabled(LOG_INFO));
    CHECK(log_level_parse("debug", &level) && level == LOG_DEBUG);
    CHECK(log_level_parse("error", &level) && level == LOG_ERROR);
    CHECK(!log_level_parse("Error", &level) && !log_level_parse("", &level) && level == LOG_ERROR);
}

TEST(says_errno_and_keeps_it)
{
    capture();
    log_setup("server", LOG_INFO, false);
    errno = ENOENT;
    log_warn_errno("open failed", LOG_S("path", "/x"));
    CHECK_INT(errno, ENOENT);
    check_logged("level=",
                 "level=warn prog=server msg=\"open failed\" path=/x err=\"No such file or directory\"\n");
}

TEST(survives_a_closed_standard_error)
{
    close(STDERR_FILENO);
    errno = EAGAIN;
    log_error("nobody hears this");
    CHECK_INT(errno, EAGAIN);
}

static int status_of(int exit_code)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        fatal(exit_code, "start-up failed", LOG_S("name", "MONGO_URI"));
    waitpid(pid, &status, 0);
    return status;
}

TEST(fatal_exits_with_the_code_and_fatalx_aborts)
{
    int status;

    capture();
    log_setup("server", LOG_ERROR, false);
    status = status_of(2);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    check_logged("level=", "level=error prog=server msg=\"start-up failed\" name=MONGO_URI\n");
    status = status_of(-1);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(writes_logfmt), CASE(writes_json), CASE(outside_text_cannot_forge_a_line),
        CASE(escapes_what_is_not_utf_8), CASE(caps_values_and_lines), CASE(does_not_cut_inside_a_character),
        CASE(writes_only_what_its_level_allows), CASE(says_errno_and_keeps_it),
        CASE(survives_a_closed_standard_error), CASE(fatal_exits_with_the_code_and_fatalx_aborts));
}
