/* answer.c - server, stage 5 of 5: the answer table.
 *
 * 200 has an empty body, because a marketplace may take anything else for a failure. Refusals say why in one line, for
 * the person who reads a proxy's log or tries it with curl. Everything that is our own fault is a 503 with Retry-After:
 * a 4xx could end the retries or the subscription. */
#include "server/answer.h"

#include "common/log.h"

#define NONE METRIC_COUNT

static const struct answer_row rows[ANSWERS] = {
    [ANSWER_STORED] = {200, "OK", NULL, false, METRIC_SERVER_REQUESTS_STORED, NONE},
    [ANSWER_JOURNALED] = {200, "OK", NULL, false, METRIC_SERVER_REQUESTS_JOURNALED, NONE},
    [ANSWER_DUPLICATE] = {200, "OK", NULL, false, METRIC_SERVER_REQUESTS_DUPLICATE, NONE},
    [ANSWER_DEAD] = {200, "OK", NULL, false, METRIC_SERVER_REQUESTS_DEAD, NONE},
    [ANSWER_PUSH_CHECK] = {200, "OK", NULL, false, METRIC_SERVER_REQUESTS_PUSH_CHECK, NONE},
    [ANSWER_MISSING] = {401, "Unauthorized", NULL, false, METRIC_SERVER_REQUESTS_UNSIGNED, NONE},
    [ANSWER_MALFORMED] = {401, "Unauthorized", NULL, false, METRIC_SERVER_REQUESTS_UNSIGNED, NONE},
    [ANSWER_MISMATCH] = {401, "Unauthorized", NULL, false, METRIC_SERVER_REQUESTS_UNSIGNED, NONE},
    [ANSWER_UNCONFIGURED] = {503, "Service Unavailable", "no secret to verify with is configured\n", true,
                             METRIC_SERVER_REQUESTS_UNAVAILABLE, METRIC_SERVER_REFUSED_UNCONFIGURED},
    [ANSWER_NO_PATH] = {404, "Not Found", "no such path\n", false, METRIC_SERVER_REQUESTS_BAD, NONE},
    [ANSWER_NO_METHOD] = {405, "Method Not Allowed", "webhooks are POST requests\n", false,
                          METRIC_SERVER_REQUESTS_BAD, NONE},
    [ANSWER_NO_BODY] = {400, "Bad Request", "the request has no body\n", false, METRIC_SERVER_REQUESTS_BAD,
                        NONE},
    [ANSWER_TOO_LARGE] = {413, "Request Entity Too Large", "the body is larger than MAX_BODY_BYTES\n", false,
                          METRIC_SERVER_REQUESTS_TOO_LARGE, NONE},
    [ANSWER_MALFORMED_HTTP] = {400, "Bad Request", "not a request\n", false, METRIC_SERVER_REQUESTS_BAD,
                               NONE},
    [ANSWER_AMBIGUOUS] = {400, "Bad Request", "where the request ends is ambiguous\n", false,
                          METRIC_SERVER_REQUESTS_BAD, NONE},
    [ANSWER_INFLIGHT] = {503, "Service Unavailable", "too many requests wait for Redis\n", true,
                         METRIC_SERVER_REQUESTS_UNAVAILABLE, METRIC_SERVER_REFUSED_INFLIGHT},
    [ANSWER_REDIS_DOWN] = {503, "Service Unavailable", "Redis is away\n", true,
                           METRIC_SERVER_REQUESTS_UNAVAILABLE, METRIC_SERVER_REFUSED_REDIS_DOWN},
    [ANSWER_REDIS_ERROR] = {503, "Service Unavailable", "Redis refused to store\n", true,
                            METRIC_SERVER_REQUESTS_UNAVAILABLE, METRIC_SERVER_REFUSED_REDIS_ERROR},
    [ANSWER_DEADLINE] = {503, "Service Unavailable", "Redis did not reply in time\n", true,
                         METRIC_SERVER_REQUESTS_UNAVAILABLE, METRIC_SERVER_REFUSED_DEADLINE},
    [ANSWER_JOURNAL] = {503, "Service Unavailable", "neither Redis nor the journal can store\n", true,
                        METRIC_SERVER_REQUESTS_UNAVAILABLE, METRIC_SERVER_REFUSED_JOURNAL},
    [ANSWER_CROWDED] = {503, "Service Unavailable", "too many connections\n", true,
                        METRIC_SERVER_REQUESTS_UNAVAILABLE, METRIC_SERVER_REFUSED_CONNECTIONS},
    [ANSWER_DRAINING] = {503, "Service Unavailable", "shutting down\n", true,
                         METRIC_SERVER_REQUESTS_UNAVAILABLE, METRIC_SERVER_REFUSED_DRAINING},
};

const struct answer_row *answer_row(enum answer answer)
{
    if ((unsigned)answer >= ANSWERS)
        fatalx("answer: no such answer", LOG_I("answer", answer));
    return &rows[answer];
}

void answer_count(enum answer answer)
{
    const struct answer_row *row = answer_row(answer);

    metric_add(row->counted, 1);
    if (row->why != NONE)
        metric_add(row->why, 1);
}
