/* Rules of time zones, see zone_rule.h. */
#include "base/zone_rule.h"

#include "base/time.h"

/* ---- reading ---- */

static bool take(struct asy_str *s, char c)
{
    if (s->len == 0 || *s->p != c)
        return false;
    s->p++;
    s->len--;
    return true;
}

static bool take_number(struct asy_str *s, int32_t most, int32_t *out)
{
    uint32_t n = 0;
    int32_t value = 0;
    for (; n < 3 && s->len && *s->p >= '0' && *s->p <= '9'; n++, s->p++, s->len--)
        value = value * 10 + (*s->p - '0');
    *out = value;
    return n > 0 && value <= most;
}

/* [+-]hh[:mm[:ss]] */
static bool take_clock(struct asy_str *s, int32_t hours_max, int32_t *out_s)
{
    int32_t hours, minutes = 0, seconds = 0;
    bool negative = take(s, '-');
    if (!negative)
        take(s, '+');
    if (!take_number(s, hours_max, &hours))
        return false;
    if (take(s, ':')) {
        if (!take_number(s, 59, &minutes) || (take(s, ':') && !take_number(s, 59, &seconds)))
            return false;
    }
    *out_s = (hours * 3600 + minutes * 60 + seconds) * (negative ? -1 : 1);
    return true;
}

/* "EST" or "<-03>": only its extent matters. */
static bool take_name(struct asy_str *s)
{
    bool quoted = take(s, '<');
    uint32_t n = 0;
    for (; s->len; n++, s->p++, s->len--) {
        char c = *s->p;
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool in_quotes = quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-');
        if (!letter && !in_quotes)
            break;
    }
    return n >= 3 && (!quoted || take(s, '>'));
}

static bool take_day(struct asy_str *s, struct asy_zone_day *day)
{
    *day = (struct asy_zone_day){.kind = 'n', .second = 2 * 3600};
    if (take(s, 'M')) {
        day->kind = 'M';
        if (!take_number(s, 12, &day->month) || !take(s, '.') || !take_number(s, 5, &day->week) || !take(s, '.') ||
            !take_number(s, 6, &day->day) || day->month == 0 || day->week == 0)
            return false;
    } else if (take(s, 'J')) {
        day->kind = 'J';
        if (!take_number(s, 365, &day->day) || day->day == 0)
            return false;
    } else if (!take_number(s, 365, &day->day)) {
        return false;
    }
    return !take(s, '/') || take_clock(s, 167, &day->second);
}

bool asy_zone_rule_read(struct asy_str text, struct asy_zone_rule *out)
{
    int32_t west_s;
    *out = (struct asy_zone_rule){0};
    if (!take_name(&text) || !take_clock(&text, 24, &west_s))
        return false;
    out->std_offset_s = -west_s;
    if (text.len == 0)
        return true;
    out->has_dst = true;
    out->dst_offset_s = out->std_offset_s + 3600;
    if (!take_name(&text))
        return false;
    if (text.len && *text.p != ',') {
        if (!take_clock(&text, 24, &west_s))
            return false;
        out->dst_offset_s = -west_s;
    }
    return take(&text, ',') && take_day(&text, &out->start) && take(&text, ',') && take_day(&text, &out->end) &&
           text.len == 0;
}

/* ---- use ---- */

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* The local second, counted from 1970, at which `day` says in that year. */
static int64_t local_second(const struct asy_zone_day *day, int64_t year)
{
    int64_t days = asy_days_from_civil(year, 1, 1);
    if (day->kind == 'n') {
        days += day->day;
    } else if (day->kind == 'J') {
        days += day->day - 1 + (is_leap(year) && day->day >= 60);
    } else {
        int64_t first = asy_days_from_civil(year, day->month, 1);
        int64_t next_month = day->month == 12 ? asy_days_from_civil(year + 1, 1, 1)
                                              : asy_days_from_civil(year, day->month + 1, 1);
        int64_t weekday = asy_civil_from_s(first * ASY_DAY_S).weekday;
        days = first + (day->day - weekday + 7) % 7 + (day->week - 1) * 7;
        while (days >= next_month)
            days -= 7;
    }
    return days * ASY_DAY_S + day->second;
}

int32_t asy_zone_rule_offset_s(const struct asy_zone_rule *rule, int64_t utc_s)
{
    if (!rule->has_dst)
        return rule->std_offset_s;
    /* The last change up to utc_s decides. Hours up to a week off may put it into a neighbouring year. Of two changes
     * at one moment the later in this order counts: the start, where it is summer time all year round. */
    int64_t year = asy_civil_from_s(utc_s + rule->std_offset_s).year;
    int64_t latest = INT64_MIN;
    int32_t offset_s = rule->std_offset_s;
    for (int64_t y = year - 1; y <= year + 1; y++) {
        int64_t start = local_second(&rule->start, y) - rule->std_offset_s;
        int64_t end = local_second(&rule->end, y) - rule->dst_offset_s;
        if (start <= utc_s && start >= latest) {
            latest = start;
            offset_s = rule->dst_offset_s;
        }
        if (end <= utc_s && end >= latest) {
            latest = end;
            offset_s = rule->std_offset_s;
        }
    }
    return offset_s;
}
