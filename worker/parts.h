/* parts.h - worker: what a compound entity has been answered so far. An entity that takes several calls (an item and its
 * models; an order, its packages and their tracking) is asked for step by step; each answer is a part. When nothing more
 * is to be asked, the platform composes one object of the parts, which then is an answer like any other. */
#ifndef SHOPSTREAM_WORKER_PARTS_H
#define SHOPSTREAM_WORKER_PARTS_H

#include <stddef.h>
#include <yyjson.h>

struct part {
    int endpoint;  /* the platform's number of the call that brought it */
    char *subject; /* id that was asked for; owned */
    yyjson_doc
        *doc; /* the answer for that id, copied out of the call's answer; owned; NULL: it was left out */
};

struct parts {
    struct part *at; /* owned */
    size_t count;    /* in order of arrival */
    yyjson_doc
        *whole; /* what they were composed to; owned: the need's answer points into it; NULL: not yet */
};

struct parts *parts_new(void);
void parts_free(struct parts *p); /* accepts NULL */

/* Adds a copy of json (NULL: left out). */
void parts_add(struct parts *p, int endpoint, const char *subject, yyjson_val *json);

/* The part of that endpoint and subject (subject NULL: the first of that endpoint); NULL: not asked yet. */
const struct part *parts_find(const struct parts *p, int endpoint, const char *subject);

#endif
