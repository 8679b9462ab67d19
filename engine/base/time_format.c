/* Times in an explicit format, see time.h. */
#include "base/time_part.h"

/* What the conversions of a format name. */
enum {
    HAS_YEAR = 1 << 0,
    HAS_MONTH = 1 << 1,
    HAS_DAY = 1 << 2,
    HAS_YEARDAY = 1 << 3,
    HAS_HOUR = 1 << 4,
    HAS_HOUR12 = 1 << 5,
    HAS_HALF = 1 << 6,
    HAS_MINUTE = 1 << 7,
    HAS_SECOND = 1 << 8,
    HAS_FRACTION = 1 << 9,
    HAS_ZONE = 1 << 10,
    HAS_EPOCH = 1 << 11,
    HAS_WEEKDAY = 1 << 12,
};

static uint32_t named_by(char letter)
{
    switch (letter) {
    case 'Y':
    case 'y': return HAS_YEAR;
    case 'm':
    case 'b':
    case 'B': return HAS_MONTH;
    case 'd':
    case 'e': return HAS_DAY;
    case 'j': return HAS_YEARDAY;
    case 'H': return HAS_HOUR;
    case 'I': return HAS_HOUR12;
    case 'p': return HAS_HALF;
    case 'M': return HAS_MINUTE;
    case 'S': return HAS_SECOND;
    case 'f': return HAS_FRACTION;
    case 'z': return HAS_ZONE;
    case 's': return HAS_EPOCH;
    case 'a':
    case 'A': return HAS_WEEKDAY;
    case 'T': return HAS_HOUR | HAS_MINUTE | HAS_SECOND;
    case 'D':
    case 'F': return HAS_YEAR | HAS_MONTH | HAS_DAY;
    default: return 0;
    }
}

const char *asy_time_format_problem(struct asy_str format)
{
    uint32_t named = 0;
    for (uint32_t i = 0; i < format.len; i++) {
        if (format.p[i] != '%')
            continue;
        if (++i == format.len)
            return "ends in a lone %; write %% for a percent sign";
        if (format.p[i] == '%')
            continue;
        uint32_t names = named_by(format.p[i]);
        if (names == 0)
            return "has a letter after % that is none of Y y m b B d e j H I p M S f z s a A T D F %";
        if (named & names)
            return "names one part of the time twice";
        named |= names;
    }
    if (named & HAS_EPOCH)
        return named & ~(uint32_t)(HAS_EPOCH | HAS_FRACTION) ? "has %s, which is the whole time, beside other parts" : NULL;
    if (!(named & HAS_YEAR))
        return "has no year; expected %Y or %y";
    if (named & HAS_YEARDAY ? named & (HAS_MONTH | HAS_DAY) : !(named & HAS_MONTH) || !(named & HAS_DAY))
        return "has no whole date; expected a year with month and day, or with %j alone";
    if ((named & HAS_HOUR) && (named & (HAS_HOUR12 | HAS_HALF)))
        return "mixes %H with %I or %p; expected %H alone, or %I with %p";
    if (!(named & HAS_HOUR12) != !(named & HAS_HALF))
        return "has only one of %I and %p; an hour of twelve needs both";
    if ((named & HAS_MINUTE) && !(named & (HAS_HOUR | HAS_HOUR12)))
        return "has minutes without hours";
    if ((named & HAS_SECOND) && !(named & HAS_MINUTE))
        return "has seconds without minutes";
    if ((named & HAS_FRACTION) && !(named & HAS_SECOND))
        return "has %f without %S";
    return NULL;
}

/* ---- reading ---- */

struct reading {
    struct asy_str rest;
    struct asy_time_parts parts;
    int32_t yearday, hour12;
    bool is_pm;
    int64_t epoch_s;
};

/* The English name, full or its first three letters, that `s` begins with; its number, or -1. A name ends where the
 * letters end. */
static int32_t take_name(struct asy_str *s, const char *const *names, int32_t n)
{
    uint32_t len = 0;
    while (len < s->len && ((s->p[len] >= 'a' && s->p[len] <= 'z') || (s->p[len] >= 'A' && s->p[len] <= 'Z')))
        len++;
    struct asy_str word = {s->p, len};
    for (int32_t i = 0; i < n; i++) {
        struct asy_str full = asy_str_of(names[i]);
        struct asy_str brief = {full.p, 3};
        if (!asy_str_eq_fold(word, full) && !asy_str_eq_fold(word, brief))
            continue;
        s->p += len;
        s->len -= len;
        return i;
    }
    return -1;
}

static bool take_month_name(struct asy_str *s, int32_t *month)
{
    static const char *const names[] = {"January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December"};
    *month = 1 + take_name(s, names, 12);
    return *month > 0;
}

static bool take_weekday_name(struct asy_str *s)
{
    static const char *const names[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
    return take_name(s, names, 7) >= 0;
}

static bool take_half(struct asy_str *s, bool *is_pm)
{
    struct asy_str word = {s->p, s->len < 2 ? s->len : 2};
    *is_pm = asy_str_eq_fold(word, ASY_STR("pm"));
    if (!*is_pm && !asy_str_eq_fold(word, ASY_STR("am")))
        return false;
    s->p += 2;
    s->len -= 2;
    return true;
}

static bool take_epoch(struct asy_str *s, int64_t *out)
{
    uint32_t len = s->len && *s->p == '-';
    while (len < s->len && s->p[len] >= '0' && s->p[len] <= '9')
        len++;
    if (!asy_parse_i64((struct asy_str){s->p, len}, out))
        return false;
    s->p += len;
    s->len -= len;
    return true;
}

static enum asy_time_parse ok_if(bool ok)
{
    return ok ? ASY_TIME_OK : ASY_TIME_BAD;
}

static enum asy_time_parse read_items(struct reading *reading, struct asy_str format);

static enum asy_time_parse read_item(struct reading *reading, char letter)
{
    struct asy_str *rest = &reading->rest;
    struct asy_time_parts *parts = &reading->parts;
    switch (letter) {
    case 'Y': return ok_if(asy_time_digits(rest, 4, 4, &parts->year));
    case 'y':
        if (!asy_time_digits(rest, 2, 2, &parts->year))
            return ASY_TIME_BAD;
        parts->year += parts->year >= 69 ? 1900 : 2000;
        return ASY_TIME_OK;
    case 'm': return ok_if(asy_time_digits(rest, 1, 2, &parts->month));
    case 'b':
    case 'B': return ok_if(take_month_name(rest, &parts->month));
    case 'e':
        asy_time_char(rest, ' ');
        return ok_if(asy_time_digits(rest, 1, 2, &parts->day));
    case 'd': return ok_if(asy_time_digits(rest, 1, 2, &parts->day));
    case 'j': return ok_if(asy_time_digits(rest, 1, 3, &reading->yearday));
    case 'H': return ok_if(asy_time_digits(rest, 1, 2, &parts->hour));
    case 'I': return ok_if(asy_time_digits(rest, 1, 2, &reading->hour12));
    case 'p': return ok_if(take_half(rest, &reading->is_pm));
    case 'M': return ok_if(asy_time_digits(rest, 1, 2, &parts->minute));
    case 'S': return ok_if(asy_time_digits(rest, 1, 2, &parts->second));
    case 'f': return ok_if(asy_time_fraction(rest, 6, &parts->us));
    case 'z': return asy_time_zone(rest, &parts->offset_s);
    case 's': return ok_if(take_epoch(rest, &reading->epoch_s));
    case 'a':
    case 'A': return ok_if(take_weekday_name(rest));
    case 'T': return read_items(reading, ASY_STR("%H:%M:%S"));
    case 'D': return read_items(reading, ASY_STR("%m/%d/%y"));
    case 'F': return read_items(reading, ASY_STR("%Y-%m-%d"));
    default: return ok_if(asy_time_char(rest, '%'));
    }
}

static enum asy_time_parse read_items(struct reading *reading, struct asy_str format)
{
    for (uint32_t i = 0; i < format.len; i++) {
        enum asy_time_parse result;
        if (format.p[i] == '%') {
            result = read_item(reading, format.p[++i]);
        } else {
            result = ok_if(asy_time_char(&reading->rest, format.p[i]));
            while (format.p[i] == ' ' && asy_time_char(&reading->rest, ' ')) {
            }
        }
        if (result != ASY_TIME_OK)
            return result;
    }
    return ASY_TIME_OK;
}

static enum asy_time_parse from_epoch(const struct reading *reading, int64_t *out_us)
{
    if (reading->epoch_s < ASY_TIME_MIN_S || reading->epoch_s > ASY_TIME_MAX_S)
        return ASY_TIME_RANGE;
    *out_us = reading->epoch_s * 1000000 + reading->parts.us;
    return ASY_TIME_OK;
}

enum asy_time_parse asy_time_read_format(struct asy_str s, struct asy_str format, int64_t *out_us)
{
    /* The caller may not have asked before: a bad format then reads nothing, and never beyond its end. */
    if (asy_time_format_problem(format))
        return ASY_TIME_BAD;
    struct reading reading = {.rest = asy_str_trim(s)};
    uint32_t named = 0;
    for (uint32_t i = 0; i + 1 < format.len; i++)
        if (format.p[i] == '%')
            named |= named_by(format.p[++i]);
    enum asy_time_parse result = read_items(&reading, asy_str_trim(format));
    if (result != ASY_TIME_OK)
        return result;
    if (reading.rest.len)
        return ASY_TIME_BAD;
    if (named & HAS_EPOCH)
        return from_epoch(&reading, out_us);
    struct asy_time_parts *parts = &reading.parts;
    if (named & HAS_HOUR12) {
        if (reading.hour12 < 1 || reading.hour12 > 12)
            return ASY_TIME_RANGE;
        parts->hour = reading.hour12 % 12 + (reading.is_pm ? 12 : 0);
    }
    if (named & HAS_YEARDAY) {
        if (parts->year < 1 || reading.yearday < 1)
            return ASY_TIME_RANGE;
        struct asy_civil civil =
            asy_civil_from_s((asy_days_from_civil(parts->year, 1, 1) + reading.yearday - 1) * ASY_DAY_S);
        if (civil.year != parts->year)
            return ASY_TIME_RANGE;
        parts->month = civil.month;
        parts->day = civil.day;
    }
    return asy_time_make(parts, out_us);
}
