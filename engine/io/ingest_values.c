/* From the text of a cell to the value of a field, and the counting of what cannot be read. */
#include "io/ingest_internal.h"

#include <stdio.h>

/* Whole numbers, also as spreadsheets, data frames and JSON write them: 17850.0, 250.00, 1e1. Exact, so not by way of a double. */
static bool read_int(struct asy_str text, int64_t *out)
{
    double grammar;
    if (asy_parse_i64(text, out))
        return *out != ASY_INT_EMPTY;
    if (!asy_parse_f64(text, &grammar))
        return false;
    bool is_negative = text.p[0] == '-', is_behind_point = false;
    int64_t value = 0, exponent = 0, zeros = 0; /* value x 10^(exponent + zeros); counted downwards for the least number */
    uint32_t i = text.p[0] == '-' || text.p[0] == '+';
    for (; i < text.len && text.p[i] != 'e' && text.p[i] != 'E'; i++) {
        if (text.p[i] == '.') {
            is_behind_point = true;
            continue;
        }
        exponent -= is_behind_point;
        if (text.p[i] == '0') {
            zeros++;
            continue;
        }
        for (; value != 0 && zeros >= 0; zeros--)
            if (__builtin_mul_overflow(value, 10, &value))
                return false;
        zeros = 0;
        if (__builtin_sub_overflow(value, text.p[i] - '0', &value))
            return false;
    }
    if (i < text.len) {
        bool is_down = text.p[++i] == '-';
        int64_t written = 0;
        for (i += text.p[i] == '-' || text.p[i] == '+'; i < text.len; i++)
            if (written < 1000000000000)
                written = written * 10 + (text.p[i] - '0');
        exponent += is_down ? -written : written;
    }
    exponent += zeros;
    if (value != 0 && exponent < 0)
        return false;
    for (; value != 0 && exponent > 0; exponent--)
        if (__builtin_mul_overflow(value, 10, &value))
            return false;
    if (!is_negative && __builtin_sub_overflow(0, value, &value))
        return false;
    *out = value;
    return value != ASY_INT_EMPTY;
}

static inline int32_t two(const char *p, uint32_t *bad)
{
    uint32_t tens = (uint32_t)(uint8_t)p[0] - '0', ones = (uint32_t)(uint8_t)p[1] - '0';
    *bad |= (tens > 9) | (ones > 9);
    return (int32_t)(tens * 10 + ones);
}

/* 2026-11-01 and 2026-11-01T10:20:30 with T or blank, Z or nothing: the forms nearly all exports have. False: look closer. */
static bool read_usual_time(struct asy_str text, int64_t *out_us)
{
    const char *p = text.p;
    bool is_date = text.len == 10;
    if (!is_date && text.len != 19 && !(text.len == 20 && p[19] == 'Z'))
        return false;
    uint32_t bad = (p[4] != '-') | (p[7] != '-');
    int32_t century = two(p, &bad), year = two(p + 2, &bad), month = two(p + 5, &bad), day = two(p + 8, &bad);
    int32_t hour = 0, minute = 0, second = 0;
    if (!is_date) {
        bad |= (p[13] != ':') | (p[16] != ':') | (p[10] != 'T' && p[10] != ' ');
        hour = two(p + 11, &bad);
        minute = two(p + 14, &bad);
        second = two(p + 17, &bad);
    }
    year += century * 100;
    if (bad || !asy_civil_valid(year, month, day, hour, minute, second))
        return false;
    *out_us = (asy_days_from_civil(year, month, day) * ASY_DAY_S + hour * 3600 + minute * 60 + second) * 1000000;
    return true;
}

enum asy_time_parse asy_value_time(struct asy_str text, struct asy_str format, bool is_strict, int64_t *out_us)
{
    if (format.len == 0)
        return read_usual_time(text, out_us) ? ASY_TIME_OK : asy_time_read(text, out_us);
    enum asy_time_parse as_said = asy_time_read_format(text, format, out_us);
    if (as_said == ASY_TIME_OK || is_strict)
        return as_said;
    /* A file's format is for the dates that need one; others may stand beside them as they are. */
    return asy_time_read(text, out_us) == ASY_TIME_OK ? ASY_TIME_OK : as_said;
}

static enum asy_time_parse is_read(bool ok)
{
    return ok ? ASY_TIME_OK : ASY_TIME_BAD;
}

enum asy_time_parse asy_value_read(const struct asy_field *field, const struct asy_ingest_field *plan, struct asy_str text,
                                   struct asy_value *value)
{
    bool flag;
    *value = (struct asy_value){0};
    switch (field->type) {
    case ASY_TEXT:
        return ASY_TIME_OK;
    case ASY_INT:
        return is_read(read_int(text, &value->i));
    case ASY_NUMBER:
        return is_read(asy_parse_f64(text, &value->d));
    case ASY_BOOL:
        if (!asy_parse_bool(text, &flag))
            return ASY_TIME_BAD;
        value->i = flag ? 2 : 1;
        return ASY_TIME_OK;
    case ASY_TIME:
        return asy_value_time(text, plan->date_format, plan->is_strict_format, &value->i);
    case ASY_COUNTRY:
        value->i = asy_country_code(text);
        return is_read(value->i != 0);
    case ASY_ENUM:
        value->i = asy_enum_code(field, text);
        return is_read(value->i != 0);
    default:
        return ASY_TIME_BAD;
    }
}

struct asy_str asy_value_text(const struct asy_field *field, struct asy_str text, const struct asy_value *value, char out[32])
{
    switch (field->type) {
    case ASY_INT:
    case ASY_TIME:
        return (struct asy_str){out, (uint32_t)snprintf(out, 32, "%lld", (long long)value->i)};
    case ASY_NUMBER:
        return (struct asy_str){out, asy_format_f64(value->d == 0 ? 0 : value->d, out)}; /* -0 is 0 */
    case ASY_BOOL:
        return value->i == 2 ? ASY_STR("true") : ASY_STR("false");
    case ASY_COUNTRY:
        return asy_country_alpha2((uint32_t)value->i);
    case ASY_ENUM:
        return field->values[value->i - 1];
    default:
        return text;
    }
}

struct asy_str asy_value_cut(struct asy_str text, uint32_t cap)
{
    if (text.len <= cap)
        return text;
    while (cap > 0 && ((uint8_t)text.p[cap] & 0xC0) == 0x80)
        cap--;
    return (struct asy_str){text.p, cap};
}

assay_status asy_value_bad(struct asy_ingest *ingest, uint32_t field, struct asy_str text)
{
    struct asy_ingest_field *plan = &ingest->fields[field];
    if (!plan->bad_counts) {
        plan->bad_counts = asy_pool_alloc_n(&ingest->pool, ASY_INGEST_BAD_DISTINCT + 1, sizeof(*plan->bad_counts));
        if (!plan->bad_counts)
            return ASSAY_E_NOMEM;
        asy_dict_init(&plan->bad, ingest->mem, &ingest->store->hasher);
    }
    plan->n_bad++;
    text = asy_value_cut(text, ASY_INGEST_EXAMPLE_BYTES);
    uint32_t code = asy_dict_find(&plan->bad, text);
    if (code == 0) {
        if (plan->bad.n > ASY_INGEST_BAD_DISTINCT)
            return ASSAY_OK;
        assay_status status = asy_dict_intern(&plan->bad, text, &code);
        if (status != ASSAY_OK)
            return status;
    }
    if (code <= ASY_INGEST_BAD_DISTINCT)
        plan->bad_counts[code]++;
    return ASSAY_OK;
}

/* More frequent first, then by bytes: not by order of appearance. */
static bool is_before(const struct asy_bad_example *a, const struct asy_bad_example *b)
{
    return a->n != b->n ? a->n > b->n : asy_str_cmp(a->text, b->text) < 0;
}

void asy_value_examples(const struct asy_ingest *ingest, uint32_t field, struct asy_bad_values *out)
{
    const struct asy_ingest_field *plan = &ingest->fields[field];
    *out = (struct asy_bad_values){.n = plan->n_bad};
    if (!plan->bad_counts)
        return;
    for (uint32_t code = 1; code < plan->bad.n && code <= ASY_INGEST_BAD_DISTINCT; code++) {
        struct asy_bad_example one = {asy_dict_text(&plan->bad, code), plan->bad_counts[code]};
        for (int k = 0; k < 3; k++) {
            if (out->examples[k].n > 0 && !is_before(&one, &out->examples[k]))
                continue;
            struct asy_bad_example next = out->examples[k];
            out->examples[k] = one;
            one = next;
            if (one.n == 0)
                break;
        }
    }
}

/* Takes digits at `*at`; returns how many. */
static uint32_t digits(struct asy_str text, uint32_t *at)
{
    uint32_t from = *at;
    while (*at < text.len && text.p[*at] >= '0' && text.p[*at] <= '9')
        (*at)++;
    return *at - from;
}

/* The format of `01/02/2018 10:30 PM` with the day (or month) first, to be suggested. */
static void suggest(struct asy_str text, bool is_day_first, char out[48])
{
    uint32_t at = 0;
    digits(text, &at);
    char separator = at < text.len ? text.p[at++] : '/';
    if (separator != '/' && separator != '.' && separator != ' ')
        separator = '-';
    digits(text, &at);
    at++;
    bool is_short_year = digits(text, &at) == 2;
    const char *clock = "";
    if (at < text.len) {
        struct asy_str rest = {text.p + at, text.len - at};
        uint32_t colons = 0;
        for (uint32_t i = 0; i < rest.len; i++)
            colons += rest.p[i] == ':';
        char last = rest.p[rest.len - 1];
        bool is_half_day = last == 'M' || last == 'm';
        if (colons == 1)
            clock = is_half_day ? " %I:%M %p" : " %H:%M";
        else if (colons == 2)
            clock = is_half_day ? " %I:%M:%S %p" : " %H:%M:%S";
    }
    snprintf(out, 48, "%s%c%s%c%s%s", is_day_first ? "%d" : "%m", separator, is_day_first ? "%m" : "%d", separator,
             is_short_year ? "%y" : "%Y", clock);
}

assay_status asy_value_ambiguous(const struct asy_ingest_file *file, uint64_t line, uint32_t column, struct asy_str text,
                                 struct assay_error *error)
{
    char day_first[48], month_first[48];
    const char *side = file->is_events ? "events" : "leads";
    suggest(text, true, day_first);
    suggest(text, false, month_first);
    text = asy_value_cut(text, ASY_INGEST_EXAMPLE_BYTES);
    struct asy_str name = asy_value_cut(asy_ingest_column_name(file, column), ASY_INGEST_EXAMPLE_BYTES);
    return asy_fail(error, ASSAY_E_DATA,
                    "%.*s:%llu: column `%.*s`: expected a date that reads one way, found `%.*s` (day or month first?); say "
                    "which in the map file (--map): `%s: {dates: \"%s\"}` or `%s: {dates: \"%s\"}`",
                    ASY_ARG(file->path), (unsigned long long)line, ASY_ARG(name), ASY_ARG(text), side, day_first,
                    side, month_first);
}
