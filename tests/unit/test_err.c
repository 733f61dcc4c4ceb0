/* test_err.c - sentences of failures: cut, cleaned, prefixed, optional. */
#include "common/err.h"

#include <errno.h>
#include <string.h>

#include "tests/harness.h"

TEST(keeps_domain_code_and_sentence)
{
    struct err err = {0};

    CHECK_INT(err.domain, ERR_NONE);
    err_set(&err, ERR_HTTP, 503, "shop %d answered %s", 7, "nothing");
    CHECK_INT(err.domain, ERR_HTTP);
    CHECK_INT(err.code, 503);
    CHECK_TEXT(err.text, "shop 7 answered nothing");
}

TEST(accepts_that_nobody_wants_to_know)
{
    err_set(NULL, ERR_DATA, 0, "x");
    errno = ENOENT;
    err_errno(NULL, "open", NULL);
    err_prefix(NULL, "y");
    CHECK_INT(errno, ENOENT);
}

TEST(names_call_object_and_reason)
{
    struct err err;

    errno = ENOENT;
    err_errno(&err, "open", "/nowhere");
    CHECK_INT(err.domain, ERR_SYSTEM);
    CHECK_INT(err.code, ENOENT);
    CHECK_TEXT(err.text, "open /nowhere: No such file or directory");
    CHECK_INT(errno, ENOENT);
    errno = EMFILE;
    err_errno(&err, "eventfd", NULL);
    CHECK_TEXT(err.text, "eventfd: Too many open files");
}

TEST(cuts_long_sentences)
{
    struct err err;
    char big[1000];

    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    err_set(&err, ERR_DATA, 0, "%s", big);
    CHECK_INT(strlen(err.text), sizeof err.text - 1);
    err_prefix(&err, "%s", "where");
    CHECK_INT(strlen(err.text), sizeof err.text - 1);
    CHECK(strncmp(err.text, "where: xxx", 10) == 0);
    err_set(&err, ERR_DATA, 0, "short");
    err_prefix(&err, "%s", big);
    CHECK_INT(strlen(err.text), sizeof err.text - 1);
    CHECK(strcmp(err.text + sizeof err.text - 3, ": ") == 0);
}

TEST(never_breaks_a_line)
{
    struct err err;

    err_set(&err, ERR_DATA, 0, "a\nb\r\x1b[31m%c\x7f", '\t');
    CHECK_TEXT(err.text, "a b  [31m  ");
    err_prefix(&err, "c\nd");
    CHECK_TEXT(err.text, "c d: a b  [31m  ");
}

TEST(may_quote_its_own_former_text)
{
    struct err err;

    err_set(&err, ERR_REDIS, 0, "inner");
    err_set(&err, ERR_MONGO, 11, "outer (%s)", err.text);
    CHECK_TEXT(err.text, "outer (inner)");
    CHECK_INT(err.code, 11);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(keeps_domain_code_and_sentence),
                        CASE(accepts_that_nobody_wants_to_know), CASE(names_call_object_and_reason),
                        CASE(cuts_long_sentences), CASE(never_breaks_a_line),
                        CASE(may_quote_its_own_former_text));
}
