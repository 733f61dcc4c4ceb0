/* sim_filter.c - see sim_filter.h. */
#include "sim_filter.h"

#include <stdio.h>
#include <string.h>

static bool texts_ok(const json_t *value, size_t most)
{
    size_t i;
    const json_t *each;

    json_array_foreach(value, i, each)
    {
        if (!json_is_string(each))
            return false;
    }
    return json_is_array(value) && json_array_size(value) <= most;
}

static bool value_ok(const json_t *value, const struct filter_rule *rule)
{
    switch (rule->type) {
    case FILTER_INT:
        return json_is_integer(value) && json_integer_value(value) >= 0;
    case FILTER_TEXT:
        return json_is_string(value);
    case FILTER_TEXTS:
        return texts_ok(value, rule->most);
    case FILTER_FLAG:
        return json_is_boolean(value);
    }
    return false;
}

const struct filter_rule *filter_broken(const json_t *body, const struct filter_rule *rules)
{
    static const struct filter_rule unknown = {.name = "unknown"};
    json_t *object = (json_t *)(uintptr_t)body;
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        const struct filter_rule *rule = rules;

        while (rule->name && strcmp(rule->name, key) != 0)
            rule++;
        if (!rule->name)
            return &unknown;
        if (!value_ok(value, rule))
            return rule;
    }
    return NULL;
}

bool filter_lists(const json_t *body, const char *name, const char *text)
{
    const json_t *list = json_object_get(body, name), *each;
    size_t i;

    json_array_foreach(list, i, each)
    {
        if (strcmp(json_string_value(each), text) == 0)
            return true;
    }
    return json_array_size(list) == 0;
}

bool filter_equals(const json_t *body, const char *name, const char *text)
{
    const char *value = json_string_value(json_object_get(body, name));

    return !value || strcmp(value, text) == 0;
}

bool filter_spans(const json_t *body, const char *name, int64_t value)
{
    char key[64];
    const json_t *bound;

    snprintf(key, sizeof key, "%s_ge", name);
    bound = json_object_get(body, key);
    if (bound && value < json_integer_value(bound))
        return false;
    snprintf(key, sizeof key, "%s_lt", name);
    bound = json_object_get(body, key);
    if (bound && value >= json_integer_value(bound))
        return false;
    snprintf(key, sizeof key, "%s_le", name);
    bound = json_object_get(body, key);
    return !bound || value <= json_integer_value(bound);
}
