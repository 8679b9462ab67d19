/* Pieces of a written time, shared by time.c and time_format.c only. Readers move `s` past what they read; on failure
 * where it stands is not defined. */
#ifndef ASY_TIME_PART_H
#define ASY_TIME_PART_H

#include "base/time.h"

struct asy_time_parts {
    int32_t year, month, day, hour, minute, second, us;
    int32_t offset_s; /* east of UTC */
};

bool asy_time_char(struct asy_str *s, char c);
/* A number of `least` to `most` digits (at most 9). */
bool asy_time_digits(struct asy_str *s, uint32_t least, uint32_t most, int32_t *out);
/* The digits after a decimal sign, one at least, in units of the `n_kept`th; further ones are dropped. */
bool asy_time_fraction(struct asy_str *s, uint32_t n_kept, int32_t *out);
/* Z, UTC, GMT, +hh, +hhmm, +hh:mm. */
enum asy_time_parse asy_time_zone(struct asy_str *s, int32_t *offset_s);
/* Second 60 counts as 59. */
enum asy_time_parse asy_time_make(const struct asy_time_parts *parts, int64_t *out_us);

#endif
