/* micro.h - bench: one stage with a fixed input, to be counted by bench/budget.
 *
 * A program of stages without clock, seed, network or second thread, so that callgrind counts the same instructions every
 * time. Only `run` is counted; input is made and results are checked around it, because a stage that does nothing is
 * cheap. Stages call what the programs call, through the headers of the stages; nothing of them is built anew here. */
#ifndef SHOPSTREAM_BENCH_MICRO_H
#define SHOPSTREAM_BENCH_MICRO_H

#include <stdbool.h>
#include <stddef.h>

struct micro_stage {
    const char *name; /* as it stands in budget.txt: "verify tiktok" */
    size_t events;    /* what one run handles: the count is told for each of them */
    /* Makes all that outlives a run. *bytes: of input of one run; left 0 where that says nothing. Never NULL. */
    void *(*open)(const struct micro_stage *stage, size_t *bytes);
    void (*prepare)(void *context); /* before each step; NULL: nothing to do */
    void (*run)(void *context);     /* one step, counted */
    void (*check)(void *context);   /* after each run: ends the program when the result is wrong */
    void (*close)(void *context);   /* NULL: the process' end is enough */
    const void *what;               /* for open: which of several alike; borrowed */
    size_t steps;                   /* of a run, at least 1 */
};

/* A file's stages; ends with one without a name. In the order of the pipe. */
extern const struct micro_stage micro_server_stages[];
extern const struct micro_stage micro_request_stages[];
extern const struct micro_stage micro_event_stages[];
extern const struct micro_stage micro_answer_stages[];
extern const struct micro_stage micro_document_stages[];
extern const struct micro_stage micro_mongo_stages[];
extern const struct micro_stage micro_ack_stages[];

/* Ends the program, naming place and condition, when it does not hold. */
#define MICRO_CHECK(condition) micro_check(__FILE__, __LINE__, #condition, (condition))
void micro_check(const char *file, int line, const char *what, bool ok);

#endif
