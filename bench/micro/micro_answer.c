/* micro_answer.c - bench: the marketplace's answer of fifty orders is parsed, judged and taken apart. */
#include <stdlib.h>

#include "bench/micro/micro.h"
#include "bench/micro/micro_input.h"
#include "common/json.h"
#include "worker/platforms/platform.h"

enum { ORDERS = 50 };

struct parse {
    const struct platform *platform;
    int endpoint; /* the one that gives orders */
    struct strbuf answer;
    size_t found; /* of the run */
};

static void *open_parse(const struct micro_stage *stage, size_t *bytes)
{
    const enum micro_market market = *(const enum micro_market *)stage->what;
    struct config *c = micro_config(CONFIG_WORKER);
    struct parse *p = xcalloc(1, sizeof *p);
    struct platform_ask ask = {0};

    p->platform = platform_find(micro_platform(market));
    MICRO_CHECK(p->platform->next_ask(c, ENTRY_ORDER, "", "1", NULL, &ask));
    p->endpoint = ask.endpoint;
    strbuf_deinit(&ask.subject);
    micro_add_answer(&p->answer, market, ORDERS);
    *bytes = p->answer.length;
    return p;
}

static void run_parse(void *context)
{
    struct parse *p = context;
    yyjson_doc *doc = json_parse(p->answer.data, p->answer.length, NULL, NULL);
    const struct platform_answer answer = {
        .http_status = 200, .root = yyjson_doc_get_root(doc), .now_ms = MICRO_NOW_MS};
    struct platform_result result;
    struct entry_text subject;
    yyjson_val *element;
    size_t i, most;

    p->found = 0;
    p->platform->judge(p->endpoint, &answer, &result);
    MICRO_CHECK(result.class == CALL_OK);
    yyjson_arr_foreach(result.entities, i, most, element)
    {
        p->found += p->platform->entity(p->endpoint, element, &subject) && subject.length >= 14;
    }
    yyjson_doc_free(doc);
}

static void check_parse(void *context)
{
    const struct parse *p = context;

    MICRO_CHECK(p->found == ORDERS);
}

static void close_parse(void *context)
{
    struct parse *p = context;

    strbuf_deinit(&p->answer);
    free(p);
}

static const enum micro_market tiktok = MICRO_TIKTOK, shopee = MICRO_SHOPEE;

const struct micro_stage micro_answer_stages[] = {
    {"parse tiktok", ORDERS, open_parse, NULL, run_parse, check_parse, close_parse, &tiktok, 1},
    {"parse shopee", ORDERS, open_parse, NULL, run_parse, check_parse, close_parse, &shopee, 1},
    {0},
};
