/* sim_page.h - lists in pages, as every search of TikTok does them.
 *
 * In:     page_size, page_token, sort_field, sort_order in the query; hits with the time they are sorted by.
 * Out:    one page of hits and next_page_token.
 * Fails:  with the name of the first bad parameter.
 * Why so: a page token holds the place of the last hit (its time and key), so a record that changes while
 * paging upwards is met again instead of being skipped; and it is made to contain '/', '+' and '='. */
#ifndef SIM_PAGE_H
#define SIM_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_buf.h"

struct answer;
struct call;
struct sim;

/* What one search allows. */
struct page_rules {
    int64_t low, high, fallback; /* page_size; fallback 0: it must be given */
    const char *sorts[4];        /* sort_field, the default first; none: the query has no sort parameters */
    bool descending;             /* by default */
    bool sort_needed;            /* sort_field must be given */
};

struct page {
    int64_t size;
    int sort; /* index into rules.sorts */
    bool descending;
    bool after;         /* a page token came */
    int64_t after_time; /* place of the last hit of the page before */
    int64_t after_key;
    uint64_t digest; /* of everything that must not change while paging */
};

/* A thing with its place in the list. key: unique, orders hits of one time. */
struct page_hit {
    int64_t time;
    int64_t key;
    void *item; /* borrowed; what the list is of */
};

/* Reads the query. NULL, or a sentence naming the first bad parameter. Everything else in
 * the query, and the body, must stay the same while paging. */
const char *page_query(struct sim *sim, const struct call *call, const struct page_rules *rules,
                       struct page *page);
/* Sorts hits and finds the page: *from … *to of them. */
void page_cut(const struct page *page, struct page_hit *hits, size_t count, size_t *from, size_t *to);
/* The member next_page_token after a page that ended before hit `to`. */
void page_token(struct sim *sim, const struct page *page, const struct page_hit *hits, size_t count,
                size_t to, struct json_out *out);

#endif
