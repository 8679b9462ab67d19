/* The rule of a time zone for the years to come, as the footer of a zoneinfo file has it: POSIX.1-2017 chapter 8.3, "TZ",
 * with the hours of RFC 8536 section 3.3.1 (-167 to 167). Used by zone.c only. */
#ifndef ASY_ZONE_RULE_H
#define ASY_ZONE_RULE_H

#include "base/text.h"

/* A day of the year and the local second of it. */
struct asy_zone_day {
    char kind;           /* 'M' month, week, weekday; 'J' day 1..365, 29 February not counted; 'n' day 0..365 */
    int32_t month, week; /* 1..12; 1..5, 5 is the last */
    int32_t day;         /* weekday 0..6 from Sunday, or day of the year */
    int32_t second;
};

struct asy_zone_rule {
    int32_t std_offset_s, dst_offset_s; /* east of UTC */
    bool has_dst;
    struct asy_zone_day start, end; /* of daylight saving; in standard and in daylight time */
};

bool asy_zone_rule_read(struct asy_str text, struct asy_zone_rule *out);
int32_t asy_zone_rule_offset_s(const struct asy_zone_rule *rule, int64_t utc_s);

#endif
