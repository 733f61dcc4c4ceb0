/* sim_shopee_param.c - parameters of a call to Shopee: see sim_shopee.h. */
#include <string.h>

#include "sim_http.h"
#include "sim_num.h"
#include "sim_shopee.h"
#include "sim_state.h"

bool shopee_word_in(const char *word, const char *words)
{
    size_t length = strlen(word);

    for (size_t n; *words; words += n + (words[n] == ' ')) {
        n = strcspn(words, " ");
        if (n == length && memcmp(words, word, n) == 0)
            return true;
    }
    return false;
}

bool shopee_int(struct shopee_ask *ask, const char *name, bool optional, int64_t low, int64_t high,
                int64_t *out)
{
    const char *text = call_param(ask->call, name);

    if (!text && optional)
        return true;
    if (text && num_i64(text, strlen(text), low, high, out))
        return true;
    shopee_error(ask, "error_param", text ? "A number is out of range." : "A parameter is missing.");
    return false;
}

bool shopee_text(struct shopee_ask *ask, const char *name, const char **out)
{
    *out = call_param(ask->call, name);
    if (*out && **out)
        return true;
    shopee_error(ask, "error_param", "A parameter is missing.");
    return false;
}

bool shopee_flag(struct shopee_ask *ask, const char *name, bool *out)
{
    const char *text = call_param(ask->call, name);

    *out = text && strcmp(text, "true") == 0;
    if (!text || *out || strcmp(text, "false") == 0)
        return true;
    shopee_error(ask, "error_param", "A flag is neither true nor false.");
    return false;
}

bool shopee_ids(struct shopee_ask *ask, const char *name, char out[SHOPEE_IDS_MAX][SHOPEE_ID_TEXT],
                uint32_t *count)
{
    const char *text;

    *count = 0;
    if (!shopee_text(ask, name, &text))
        return false;
    for (;; text++) {
        size_t n = strcspn(text, ",");

        if (n == 0 || n >= SHOPEE_ID_TEXT || *count == SHOPEE_IDS_MAX) {
            shopee_error(ask, "error_param", "1 to 50 ids, separated by commas.");
            return false;
        }
        memcpy(out[*count], text, n);
        out[(*count)++][n] = '\0';
        text += n;
        if (!*text)
            return true;
    }
}

bool shopee_window(struct shopee_ask *ask, const char *from_name, const char *to_name, int64_t max,
                   int64_t *from, int64_t *to, const char *wrong)
{
    *from = *to = -1;
    if (!shopee_int(ask, from_name, true, 0, INT64_MAX / 4, from) ||
        !shopee_int(ask, to_name, true, 0, INT64_MAX / 4, to))
        return false;
    if ((*from < 0) == (*to < 0) && *from <= *to && (!max || *to - *from <= max))
        return true;
    shopee_error(ask, wrong, "Start time must be earlier than end time, and not too far from it.");
    return false;
}

bool shopee_left_out(struct shopee_ask *ask, uint32_t count, const char *error, const char *message)
{
    if (!ask->sim->sw.foreign_ids_refused && count > 1)
        return true;
    shopee_error(ask, error, message);
    return false;
}
