/* sim_filter.h - filters in the body of a search.
 *
 * In:     the body, and a table of what is documented for this search. Out: whether an entity passes.
 * Fails:  an undocumented member, a wrong type or too many values refuse the whole call: better a test that
 *         fails than a filter silently ignored. */
#ifndef SIM_FILTER_H
#define SIM_FILTER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum filter_type { FILTER_INT, FILTER_TEXT, FILTER_TEXTS, FILTER_FLAG };

struct filter_rule {
    const char *name; /* NULL ends the table */
    enum filter_type type;
    size_t most; /* values of FILTER_TEXTS */
    int code;    /* the platform's own error for a bad value, 0: the general one */
};

/* The rule a member breaks, NULL when all is well. An unknown member breaks *unknown. */
const struct filter_rule *filter_broken(const json_t *body, const struct filter_rule *rules);

/* Does the text stand in the list of this name? True, too, when there is no such list. */
bool filter_lists(const json_t *body, const char *name, const char *text);
/* … or equal the one value of this name? */
bool filter_equals(const json_t *body, const char *name, const char *text);
/* Is the value within <name>_ge, <name>_lt (exclusive) and <name>_le? */
bool filter_spans(const json_t *body, const char *name, int64_t value);

#endif
