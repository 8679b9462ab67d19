/* Condition language: text of times (RFC 3339, nanoseconds) and durations (h m s ms us ns), the date accessors, zones. */
#include "base/time.h"

#include <stdio.h>

#include "rule/cel_internal.h"

#define NS_PER_S 1000000000LL

bool asy_cel_time_valid(int64_t s)
{
    return s >= ASY_TIME_MIN_S && s <= ASY_TIME_MAX_S;
}

static bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

/* -- times */

/* Exactly `n` digits at *at, then `separator` (NUL: none). */
static bool read_digits(struct asy_str text, uint32_t *at, uint32_t n, char separator, int32_t *out)
{
    if (text.len - *at < n + (separator != '\0' ? 1 : 0))
        return false;
    int32_t value = 0;
    for (uint32_t i = 0; i < n; i++) {
        char ch = text.p[(*at)++];
        if (!is_digit(ch))
            return false;
        value = value * 10 + (ch - '0');
    }
    *out = value;
    return separator == '\0' || text.p[(*at)++] == separator;
}

/* Z or +hh:mm to the end of the text. */
static bool read_offset(struct asy_str text, uint32_t at, int64_t *out_s)
{
    *out_s = 0;
    if (text.len - at == 1)
        return text.p[at] == 'Z' || text.p[at] == 'z';
    if (text.len - at != 6 || (text.p[at] != '+' && text.p[at] != '-'))
        return false;
    bool is_west = text.p[at++] == '-';
    int32_t hours, minutes;
    if (!read_digits(text, &at, 2, ':', &hours) || !read_digits(text, &at, 2, '\0', &minutes) || hours > 23 || minutes > 59)
        return false;
    *out_s = (is_west ? -1 : 1) * (int64_t)(hours * 3600 + minutes * 60);
    return true;
}

bool asy_cel_time_parse(struct asy_str text, struct asy_cel_value *out)
{
    uint32_t at = 0;
    int32_t year, month, day, hour, minute, second;
    if (!read_digits(text, &at, 4, '-', &year) || !read_digits(text, &at, 2, '-', &month) ||
        !read_digits(text, &at, 2, '\0', &day) || at == text.len || (text.p[at] != 'T' && text.p[at] != 't'))
        return false;
    at++;
    if (!read_digits(text, &at, 2, ':', &hour) || !read_digits(text, &at, 2, ':', &minute) ||
        !read_digits(text, &at, 2, '\0', &second) || !asy_civil_valid(year, month, day, hour, minute, second))
        return false;
    uint32_t nanos = 0;
    if (at < text.len && text.p[at] == '.') {
        uint32_t unit = 100000000;
        uint32_t from = ++at;
        for (; at < text.len && is_digit(text.p[at]); at++, unit /= 10)
            nanos += (uint32_t)(text.p[at] - '0') * unit;
        if (at == from)
            return false;
    }
    int64_t offset_s;
    if (!read_offset(text, at, &offset_s))
        return false;
    int64_t s = asy_days_from_civil(year, month, day) * ASY_DAY_S + hour * 3600 + minute * 60 + second - offset_s;
    *out = (struct asy_cel_value){.type = ASY_CEL_TIME, .nanos = nanos, .i = s};
    return asy_cel_time_valid(s);
}

/* ".5" for 500,000,000; nothing for 0. */
static uint32_t format_fraction(uint32_t nanos, char *out)
{
    if (nanos == 0)
        return 0;
    char digits[16];
    uint32_t len = (uint32_t)snprintf(digits, sizeof digits, ".%09u", nanos % 1000000000u);
    while (digits[len - 1] == '0')
        len--;
    memcpy(out, digits, len);
    return len;
}

uint32_t asy_cel_time_format(struct asy_cel_value time, char out[40])
{
    uint32_t len = asy_time_format_s(time.i, out);
    if (time.nanos == 0)
        return len;
    len--; /* the Z */
    len += format_fraction(time.nanos, out + len);
    out[len++] = 'Z';
    return len;
}

/* -- durations */

struct unit {
    struct asy_str name;
    int64_t ns;
};

static const struct unit units[] = {
    {{"ns", 2}, 1},          {{"us", 2}, 1000},          {{"\u00B5s", 3}, 1000}, {{"\u03BCs", 3}, 1000},
    {{"ms", 2}, 1000000},    {{"s", 1}, NS_PER_S},       {{"m", 1}, 60 * NS_PER_S}, {{"h", 1}, 3600 * NS_PER_S},
};

/* The longest unit at the beginning of `text`. */
static const struct unit *find_unit(struct asy_str text)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (asy_str_starts(text, units[i].name))
            return &units[i];
    return NULL;
}

bool asy_cel_duration_parse(struct asy_str text, int64_t *out_ns)
{
    const asy_cel_wide limit = (asy_cel_wide)INT64_MAX + 1;
    uint32_t at = 0;
    bool is_negative = text.len > 0 && text.p[0] == '-';
    if (text.len > 0 && (text.p[0] == '-' || text.p[0] == '+'))
        at = 1;
    if (text.len - at == 1 && text.p[at] == '0') {
        *out_ns = 0;
        return true;
    }
    if (at == text.len)
        return false;
    asy_cel_wide total = 0;
    while (at < text.len) {
        asy_cel_wide whole = 0;
        uint32_t n_digits = 0;
        for (; at < text.len && is_digit(text.p[at]); at++, n_digits++) {
            whole = whole * 10 + (text.p[at] - '0');
            if (whole > limit)
                return false;
        }
        /* digits beyond 1e-18 of a unit cannot change a nanosecond */
        int64_t fraction = 0, scale = 1;
        if (at < text.len && text.p[at] == '.') {
            for (at++; at < text.len && is_digit(text.p[at]); at++, n_digits++) {
                if (scale < 1000000000000000000LL) {
                    fraction = fraction * 10 + (text.p[at] - '0');
                    scale *= 10;
                }
            }
        }
        const struct unit *unit = n_digits == 0 ? NULL : find_unit((struct asy_str){text.p + at, text.len - at});
        if (unit == NULL)
            return false;
        at += unit->name.len;
        total += whole * unit->ns + (asy_cel_wide)fraction * unit->ns / scale;
        if (total > limit)
            return false;
    }
    if (!is_negative && total == limit)
        return false;
    *out_ns = (int64_t)(is_negative ? -total : total);
    return true;
}

uint32_t asy_cel_duration_format(int64_t ns, char out[40])
{
    uint64_t magnitude = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    uint32_t len = (uint32_t)snprintf(out, 40, "%s%llu", ns < 0 ? "-" : "", (unsigned long long)(magnitude / NS_PER_S));
    len += format_fraction((uint32_t)(magnitude % NS_PER_S), out + len);
    out[len++] = 's';
    return len;
}

/* -- zones and accessors */

const struct asy_zone *asy_cel_zone_load(struct asy_pool *pool, struct asy_str name, const char **problem)
{
    *problem = "it is empty";
    if (name.len == 0)
        return NULL;
    if (name.len == 5 && is_digit(name.p[0]) && is_digit(name.p[1]) && name.p[2] == ':') {
        char east[7] = "+"; /* CEL also writes +02:00 as 02:00 */
        memcpy(east + 1, name.p, 5);
        return asy_zone_load(pool, (struct asy_str){east, 6}, problem);
    }
    return asy_zone_load(pool, name, problem);
}

static struct asy_cel_value duration_part(uint8_t op, int64_t ns)
{
    switch (op) {
    case ASY_CEL_GET_HOURS:
        return asy_cel_int(ns / (3600 * NS_PER_S));
    case ASY_CEL_GET_MINUTES:
        return asy_cel_int(ns / (60 * NS_PER_S));
    case ASY_CEL_GET_SECONDS:
        return asy_cel_int(ns / NS_PER_S);
    case ASY_CEL_GET_MILLISECONDS: /* the part below a second, unlike the others: langdef.md says so */
        return asy_cel_int(ns % NS_PER_S / 1000000);
    default:
        return asy_cel_unknown();
    }
}

struct asy_cel_value asy_cel_time_part(uint8_t op, struct asy_cel_value time, const struct asy_zone *zone)
{
    if (time.type == ASY_CEL_DURATION)
        return duration_part(op, time.i);
    if (time.type != ASY_CEL_TIME)
        return asy_cel_unknown();
    int64_t local_s = time.i + (zone != NULL ? asy_zone_offset_s(zone, time.i) : 0);
    struct asy_civil civil = asy_civil_from_s(local_s);
    switch (op) {
    case ASY_CEL_GET_FULL_YEAR:
        return asy_cel_int(civil.year);
    case ASY_CEL_GET_MONTH:
        return asy_cel_int(civil.month - 1);
    case ASY_CEL_GET_DATE:
        return asy_cel_int(civil.day);
    case ASY_CEL_GET_DAY_OF_MONTH:
        return asy_cel_int(civil.day - 1);
    case ASY_CEL_GET_DAY_OF_WEEK:
        return asy_cel_int(civil.weekday);
    case ASY_CEL_GET_DAY_OF_YEAR:
        return asy_cel_int(civil.yearday);
    case ASY_CEL_GET_HOURS:
        return asy_cel_int(civil.hour);
    case ASY_CEL_GET_MINUTES:
        return asy_cel_int(civil.minute);
    case ASY_CEL_GET_SECONDS:
        return asy_cel_int(civil.second);
    case ASY_CEL_GET_MILLISECONDS:
        return asy_cel_int(time.nanos / 1000000);
    default:
        return asy_cel_unknown();
    }
}
