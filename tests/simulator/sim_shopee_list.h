/* sim_shopee_list.h - one page of a shop's entities, sorted by a time.
 *
 * In:     which entities, which time, the place where the page begins. Out: the page, and whether more follow.
 * Why so: two ways of paging. A cursor holds the place of the last row, so a row that changes while somebody
 * pages is met again rather than skipped; page numbers and offsets count rows, and do skip, as the platform's do. */
#ifndef SIM_SHOPEE_LIST_H
#define SIM_SHOPEE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_entity.h"

#define LIST_PAGE_MAX 100

struct list_hit {
    int64_t time;
    struct entity *entity; /* borrowed */
};

/* What a list is asked for. */
struct list {
    enum kind kind;
    uint32_t shop;
    int64_t size;         /* rows of a page, at most LIST_PAGE_MAX */
    int64_t skip;         /* rows before it */
    int64_t after_time;   /* with a cursor: the place of the last row of the page before; else -1 */
    int64_t after_number; /* … */
    /* Is this entity listed? Then *time is what it is sorted by. */
    bool (*passes)(const struct sim *sim, const void *filter, const struct entity *entity, int64_t *time);
    const void *filter; /* borrowed, for passes */
    /* Results. */
    struct list_hit hit[LIST_PAGE_MAX];
    size_t count;
    bool more;
    uint64_t total; /* rows that pass, of all pages from the cursor on */
};

#define LIST_CURSOR 48 /* bytes of a cursor's text */
/* The place where the next page begins: "" is the first. False: not a cursor. */
bool list_cursor_read(const char *text, struct list *list);
/* "" after the last page. */
void list_cursor_write(const struct list *list, char out[LIST_CURSOR]);

void list_page(const struct sim *sim, struct list *list);

#endif
