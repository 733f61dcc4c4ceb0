/* sim_field.c - see sim_field.h. */
#include "sim_field.h"

#include <stdio.h>
#include <string.h>

enum shape field_shape(struct draw d, const char *key)
{
    uint64_t dice = draw_bits(d, key) >> 32;

    dice %= 100;
    return dice < 68   ? SHAPE_FULL
           : dice < 76 ? SHAPE_EMPTY
           : dice < 80 ? SHAPE_ZERO
           : dice < 83 ? SHAPE_NULL
                       : SHAPE_MISSING;
}

void field_text(struct json_out *out, struct draw d, const char *key, const char *value)
{
    switch (field_shape(d, key)) {
    case SHAPE_FULL:
        json_out_text(out, key, value);
        break;
    case SHAPE_EMPTY:
    case SHAPE_ZERO:
        json_out_text(out, key, "");
        break;
    case SHAPE_NULL:
        json_out_raw(out, key, "null");
        break;
    case SHAPE_MISSING:
        break;
    }
}

void field_id(struct json_out *out, struct draw d, const char *key, const char *value)
{
    if (field_shape(d, key) == SHAPE_ZERO)
        json_out_text(out, key, "0");
    else
        field_text(out, d, key, value);
}

void field_flag(struct json_out *out, struct draw d, const char *key, bool value)
{
    if (value || field_shape(d, key) != SHAPE_MISSING)
        json_out_bool(out, key, value);
}

void field_int(struct json_out *out, struct draw d, const char *key, int64_t value)
{
    enum shape shape = field_shape(d, key);

    if (shape == SHAPE_NULL)
        json_out_raw(out, key, "null");
    else if (shape != SHAPE_MISSING)
        json_out_int(out, key, value);
}

void field_digits(struct draw d, const char *what, const char *prefix, char out[24])
{
    size_t len = strlen(prefix);
    uint64_t range = 1;

    for (size_t i = len; i < 19; i++)
        range *= 10;
    snprintf(out, 24, "%s%0*llu", prefix, (int)(19 - len), (unsigned long long)draw_below(d, what, range));
}

void field_long_id(struct draw d, const char *what, const char *prefix, char out[24])
{
    size_t len;

    field_digits(d, what, prefix, out);
    len = strlen(out);
    if (draw_bits(d, what) >> 40 & 15)
        return;
    memcpy(out + len, "73", 3);
}

void field_money_text(int64_t amount, unsigned decimals, char out[32])
{
    int64_t unit = 1;
    int64_t size = amount < 0 ? -amount : amount;

    for (unsigned i = 0; i < decimals; i++)
        unit *= 10;
    if (decimals == 0 || amount == 0)
        snprintf(out, 32, "%lld", (long long)amount);
    else
        snprintf(out, 32, "%s%lld.%0*lld", amount < 0 ? "-" : "", (long long)(size / unit), (int)decimals,
                 (long long)(size % unit));
}

void field_money(struct json_out *out, const char *key, int64_t amount, unsigned decimals)
{
    char text[32];

    field_money_text(amount, decimals, text);
    json_out_text(out, key, text);
}
