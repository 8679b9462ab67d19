/* Time without libc: UTC seconds and microseconds since 1970-01-01, proleptic Gregorian, years 0001 to 9999.
 * No clock is read here. Civil date algorithms: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
#ifndef ASY_TIME_H
#define ASY_TIME_H

#include "base/text.h"

#define ASY_DAY_S 86400
#define ASY_TIME_MIN_S (-62135596800LL) /* 0001-01-01T00:00:00Z */
#define ASY_TIME_MAX_S (253402300799LL) /* 9999-12-31T23:59:59Z */

struct asy_civil {
    int32_t year;
    int32_t month, day;            /* 1..12, 1..31 */
    int32_t hour, minute, second;
    int32_t weekday;               /* 0 Sunday */
    int32_t yearday;               /* 0..365 */
};

int64_t asy_days_from_civil(int64_t year, int32_t month, int32_t day);
struct asy_civil asy_civil_from_s(int64_t utc_s);
bool asy_civil_valid(int32_t year, int32_t month, int32_t day, int32_t hour, int32_t minute, int32_t second);
/* Monday-based ISO week number counted from 1970 (a running number, for grouping), and months since year 0. */
int64_t asy_iso_week(int64_t utc_s);
int64_t asy_month_number(int64_t utc_s);

enum asy_time_parse {
    ASY_TIME_OK,
    ASY_TIME_BAD,       /* not a time */
    ASY_TIME_AMBIGUOUS, /* 01-02-2018: day or month first? */
    ASY_TIME_RANGE,     /* a time, but not one from year 1 to 9999, or an impossible date */
};
/* Read a time the unambiguous ways, blanks around it aside: ISO 8601 date or date and time ('T' or blank between; seconds optional; fraction
 * with '.' or ','; Z, UTC, GMT, +hh, +hhmm, +hh:mm, also after a blank), YYYY/MM/DD likewise, epoch seconds (9 to 10 digits), milliseconds (12 to 13
 * digits), with fraction. Without zone it is UTC. Second 60 reads as 59 (leap second). Microseconds, floored. */
enum asy_time_parse asy_time_read(struct asy_str s, int64_t *out_us);
/* As an explicit strptime-like format says: %Y %m %d %H %M %S %f %z %b %B %y %I %p %e %j %s %T %D %F %a %A %%, literal
 * text otherwise. %Y is four digits, the other numbers may lack leading zeros; %y 69 to 99 is 19xx; names are English,
 * short or full, in any case (a weekday is read and ignored); a blank in the format stands for one blank or more. */
enum asy_time_parse asy_time_read_format(struct asy_str s, struct asy_str format, int64_t *out_us);
/* NULL if asy_time_read_format can work with `format`, else what is wrong with it (static text). */
const char *asy_time_format_problem(struct asy_str format);

/* "2026-11-01T00:00:00Z"; fraction only when there is one. Returns the length; room for 32. */
uint32_t asy_time_format_us(int64_t utc_us, char out[32]);
uint32_t asy_time_format_s(int64_t utc_s, char out[32]);

#endif
