/* parts.c - worker: what a compound entity has been answered so far.
 *
 * In:      answers of single calls, one subject each.
 * Out:     copies of them, found by endpoint and subject.
 * Fails:   never.
 * Thread:  the lane's. No I/O.
 * Why so:  copies, because a call's answer carries fifty ids and ends long before the slowest of them is complete. */
#include "worker/parts.h"

#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"

struct parts *parts_new(void)
{
    return xcalloc(1, sizeof(struct parts));
}

void parts_free(struct parts *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++) {
        free(p->at[i].subject);
        yyjson_doc_free(p->at[i].doc);
    }
    yyjson_doc_free(p->whole);
    free(p->at);
    free(p);
}

/* NULL when json is NULL. */
static yyjson_doc *copy(yyjson_val *json)
{
    yyjson_mut_doc *doc;
    yyjson_doc *made;

    if (!json)
        return NULL;
    doc = yyjson_mut_doc_new(NULL);
    if (doc)
        yyjson_mut_doc_set_root(doc, yyjson_val_mut_copy(doc, json));
    made = yyjson_mut_doc_imut_copy(doc, NULL);
    yyjson_mut_doc_free(doc);
    return made;
}

void parts_add(struct parts *p, int endpoint, const char *subject, yyjson_val *json)
{
    p->at = xrealloc(p->at, (p->count + 1) * sizeof p->at[0]);
    p->at[p->count++] = (struct part){endpoint, xstrndup(subject, strlen(subject)), copy(json)};
}

const struct part *parts_find(const struct parts *p, int endpoint, const char *subject)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->at[i].endpoint == endpoint && (!subject || strcmp(p->at[i].subject, subject) == 0))
            return &p->at[i];
    return NULL;
}
