/* Calendar arithmetic, and times written the unambiguous ways; see time.h. Explicit formats are in time_format.c. */
#include "base/time.h"

#include "base/time_part.h"

#include <stdio.h>

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* ---- the calendar ---- */

/* Years are counted from 1 March, so that the leap day comes last, in eras of 400 years = 146,097 days; day 719,468 of
 * that count is 1970-01-01. */
int64_t asy_days_from_civil(int64_t year, int32_t month, int32_t day)
{
    int64_t march_year = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(march_year, 400);
    int64_t year_of_era = march_year - era * 400;
    int64_t march_month = (month + 9) % 12;
    int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct asy_civil asy_civil_from_s(int64_t utc_s)
{
    int64_t days = floor_div(utc_s, ASY_DAY_S);
    int32_t second_of_day = (int32_t)(utc_s - days * ASY_DAY_S);
    int64_t era = floor_div(days + 719468, 146097);
    int64_t day_of_era = days + 719468 - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    int32_t month = (int32_t)(march_month < 10 ? march_month + 3 : march_month - 9);
    int64_t year = era * 400 + year_of_era + (month <= 2);
    return (struct asy_civil){
        .year = (int32_t)year,
        .month = month,
        .day = (int32_t)(day_of_year - (153 * march_month + 2) / 5 + 1),
        .hour = second_of_day / 3600,
        .minute = second_of_day / 60 % 60,
        .second = second_of_day % 60,
        .weekday = (int32_t)(days + 4 - floor_div(days + 4, 7) * 7),
        .yearday = (int32_t)(days - asy_days_from_civil(year, 1, 1)),
    };
}

static bool is_leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool asy_civil_valid(int32_t year, int32_t month, int32_t day, int32_t hour, int32_t minute, int32_t second)
{
    static const int8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    if (day > month_days[month - 1] + (month == 2 && is_leap(year)))
        return false;
    return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 59;
}

int64_t asy_iso_week(int64_t utc_s)
{
    /* 1970-01-01 was a Thursday: its week began three days earlier. */
    return floor_div(floor_div(utc_s, ASY_DAY_S) + 3, 7);
}

int64_t asy_month_number(int64_t utc_s)
{
    struct asy_civil civil = asy_civil_from_s(utc_s);
    return (int64_t)civil.year * 12 + civil.month - 1;
}

/* ---- parts of a written time ---- */

bool asy_time_digits(struct asy_str *s, uint32_t least, uint32_t most, int32_t *out)
{
    uint32_t n = 0;
    int32_t value = 0;
    while (n < most && n < s->len && s->p[n] >= '0' && s->p[n] <= '9')
        value = value * 10 + (s->p[n++] - '0');
    if (n < least)
        return false;
    s->p += n;
    s->len -= n;
    *out = value;
    return true;
}

bool asy_time_char(struct asy_str *s, char c)
{
    if (s->len == 0 || *s->p != c)
        return false;
    s->p++;
    s->len--;
    return true;
}

bool asy_time_fraction(struct asy_str *s, uint32_t n_kept, int32_t *out)
{
    uint32_t n = 0;
    int32_t value = 0;
    for (; s->len && *s->p >= '0' && *s->p <= '9'; s->p++, s->len--, n++)
        if (n < n_kept)
            value = value * 10 + (*s->p - '0');
    for (uint32_t i = n; i < n_kept; i++)
        value *= 10;
    *out = value;
    return n > 0;
}

enum asy_time_parse asy_time_zone(struct asy_str *s, int32_t *offset_s)
{
    *offset_s = 0;
    if (asy_time_char(s, 'Z') || asy_time_char(s, 'z'))
        return ASY_TIME_OK;
    if (s->len >= 3 && (memcmp(s->p, "UTC", 3) == 0 || memcmp(s->p, "GMT", 3) == 0)) {
        s->p += 3;
        s->len -= 3;
        return ASY_TIME_OK;
    }
    bool west = asy_time_char(s, '-');
    int32_t hours, minutes = 0;
    if ((!west && !asy_time_char(s, '+')) || !asy_time_digits(s, 2, 2, &hours))
        return ASY_TIME_BAD;
    if (asy_time_char(s, ':')) {
        if (!asy_time_digits(s, 2, 2, &minutes))
            return ASY_TIME_BAD;
    } else if (s->len && *s->p >= '0' && *s->p <= '9' && !asy_time_digits(s, 2, 2, &minutes)) {
        return ASY_TIME_BAD;
    }
    if (hours > 23 || minutes > 59)
        return ASY_TIME_RANGE;
    *offset_s = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return ASY_TIME_OK;
}

enum asy_time_parse asy_time_make(const struct asy_time_parts *parts, int64_t *out_us)
{
    int32_t second = parts->second == 60 ? 59 : parts->second;
    if (!asy_civil_valid(parts->year, parts->month, parts->day, parts->hour, parts->minute, second))
        return ASY_TIME_RANGE;
    int64_t utc_s = asy_days_from_civil(parts->year, parts->month, parts->day) * ASY_DAY_S + parts->hour * 3600 +
                    parts->minute * 60 + second - parts->offset_s;
    if (utc_s < ASY_TIME_MIN_S || utc_s > ASY_TIME_MAX_S)
        return ASY_TIME_RANGE;
    *out_us = utc_s * 1000000 + parts->us;
    return ASY_TIME_OK;
}

/* ---- reading ---- */

/* "25/12/2018", "1.2.18": a date that does not begin with its year. Even where only one order is possible, the next
 * line of the file may allow both. */
static enum asy_time_parse day_or_month_first(struct asy_str s)
{
    int32_t first, second, year;
    if (!asy_time_digits(&s, 1, 2, &first) || s.len == 0)
        return ASY_TIME_BAD;
    char separator = *s.p;
    if (separator != '-' && separator != '/' && separator != '.')
        return ASY_TIME_BAD;
    asy_time_char(&s, separator);
    if (!asy_time_digits(&s, 1, 2, &second) || !asy_time_char(&s, separator))
        return ASY_TIME_BAD;
    uint32_t len_before = s.len;
    if (!asy_time_digits(&s, 2, 4, &year) || len_before - s.len == 3)
        return ASY_TIME_BAD;
    if (s.len) {
        char next = *s.p;
        if (next != ' ' && next != 'T' && next != ',')
            return ASY_TIME_BAD;
        while (s.len && (*s.p == ' ' || *s.p == 'T' || *s.p == ','))
            asy_time_char(&s, *s.p);
        int32_t hour;
        if (!asy_time_digits(&s, 1, 2, &hour) || !asy_time_char(&s, ':'))
            return ASY_TIME_BAD;
    }
    bool possible = first >= 1 && second >= 1 && first <= 31 && second <= 31 && (first <= 12 || second <= 12);
    return possible ? ASY_TIME_AMBIGUOUS : ASY_TIME_RANGE;
}

static enum asy_time_parse epoch(struct asy_str s, int64_t *out_us)
{
    uint32_t n = 0;
    int64_t whole = 0;
    for (; n < s.len && n < 14 && s.p[n] >= '0' && s.p[n] <= '9'; n++)
        whole = whole * 10 + (s.p[n] - '0');
    bool in_seconds = n == 9 || n == 10, in_millis = n == 12 || n == 13;
    if (!in_seconds && !in_millis)
        return ASY_TIME_BAD;
    s.p += n;
    s.len -= n;
    int32_t fraction = 0;
    if ((asy_time_char(&s, '.') || asy_time_char(&s, ',')) && !asy_time_fraction(&s, in_seconds ? 6 : 3, &fraction))
        return ASY_TIME_BAD;
    if (s.len)
        return ASY_TIME_BAD;
    *out_us = whole * (in_seconds ? 1000000 : 1000) + fraction;
    return ASY_TIME_OK;
}

static enum asy_time_parse clock_and_zone(struct asy_str s, struct asy_time_parts *parts)
{
    if (!asy_time_digits(&s, 2, 2, &parts->hour) || !asy_time_char(&s, ':') ||
        !asy_time_digits(&s, 2, 2, &parts->minute))
        return ASY_TIME_BAD;
    if (asy_time_char(&s, ':')) {
        if (!asy_time_digits(&s, 2, 2, &parts->second))
            return ASY_TIME_BAD;
        if ((asy_time_char(&s, '.') || asy_time_char(&s, ',')) && !asy_time_fraction(&s, 6, &parts->us))
            return ASY_TIME_BAD;
    }
    if (s.len == 0)
        return ASY_TIME_OK;
    asy_time_char(&s, ' ');
    enum asy_time_parse zone = asy_time_zone(&s, &parts->offset_s);
    return s.len ? ASY_TIME_BAD : zone;
}

enum asy_time_parse asy_time_read(struct asy_str s, int64_t *out_us)
{
    s = asy_str_trim(s);
    struct asy_time_parts parts = {0};
    struct asy_str rest = s;
    if (!asy_time_digits(&rest, 4, 4, &parts.year))
        return day_or_month_first(s);
    if (rest.len == 0)
        return ASY_TIME_BAD;
    char separator = *rest.p;
    if (separator != '-' && separator != '/')
        return epoch(s, out_us);
    asy_time_char(&rest, separator);
    if (!asy_time_digits(&rest, 2, 2, &parts.month) || !asy_time_char(&rest, separator) ||
        !asy_time_digits(&rest, 2, 2, &parts.day))
        return ASY_TIME_BAD;
    if (rest.len) {
        if (!asy_time_char(&rest, 'T') && !asy_time_char(&rest, 't') && !asy_time_char(&rest, ' '))
            return ASY_TIME_BAD;
        enum asy_time_parse clock = clock_and_zone(rest, &parts);
        if (clock != ASY_TIME_OK)
            return clock;
    }
    return asy_time_make(&parts, out_us);
}

/* ---- writing ---- */

uint32_t asy_time_format_us(int64_t utc_us, char out[32])
{
    int64_t utc_s = floor_div(utc_us, 1000000);
    int32_t us = (int32_t)(utc_us % 1000000);
    us += us < 0 ? 1000000 : 0;
    uint32_t len = asy_time_format_s(utc_s, out);
    if (us == 0)
        return len;
    int n = snprintf(out + len - 1, 32 - len + 1, ".%06d", (int)us);
    len += (uint32_t)n - 1;
    while (out[len - 1] == '0')
        len--;
    out[len++] = 'Z';
    out[len] = '\0';
    return len;
}

uint32_t asy_time_format_s(int64_t utc_s, char out[32])
{
    if (utc_s < ASY_TIME_MIN_S)
        utc_s = ASY_TIME_MIN_S;
    if (utc_s > ASY_TIME_MAX_S)
        utc_s = ASY_TIME_MAX_S;
    struct asy_civil civil = asy_civil_from_s(utc_s);
    return (uint32_t)snprintf(out, 32, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)civil.year % 10000u,
                              (unsigned)civil.month % 100u, (unsigned)civil.day % 100u, (unsigned)civil.hour % 100u,
                              (unsigned)civil.minute % 100u, (unsigned)civil.second % 100u);
}
