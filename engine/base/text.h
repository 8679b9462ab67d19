/* Borrowed text and the small operations on it that all layers share. Text is bytes, UTF-8 by agreement; length
 * is explicit, there may be no NUL. ASCII rules only: no locale is ever consulted. */
#ifndef ASY_TEXT_H
#define ASY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct asy_str {
    const char *p;
    uint32_t len;
};

#define ASY_STR(literal) ((struct asy_str){literal, (uint32_t)(sizeof(literal) - 1)})
/* For printf: printf("%.*s", ASY_ARG(s)) */
#define ASY_ARG(s) (int)(s).len, (s).p

static inline struct asy_str asy_str_of(const char *zero_terminated)
{
    struct asy_str s = {zero_terminated, (uint32_t)strlen(zero_terminated)};
    return s;
}
static inline bool asy_str_eq(struct asy_str a, struct asy_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}
static inline bool asy_str_is(struct asy_str a, const char *zero_terminated)
{
    return asy_str_eq(a, asy_str_of(zero_terminated));
}
static inline bool asy_str_starts(struct asy_str a, struct asy_str prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.p, prefix.p, prefix.len) == 0);
}
static inline bool asy_str_ends(struct asy_str a, struct asy_str suffix)
{
    return a.len >= suffix.len && (suffix.len == 0 || memcmp(a.p + a.len - suffix.len, suffix.p, suffix.len) == 0);
}

/* By bytes, shorter first where one is a prefix of the other: <0, 0, >0. */
int asy_str_cmp(struct asy_str a, struct asy_str b);
/* ASCII case is ignored. */
bool asy_str_eq_fold(struct asy_str a, struct asy_str b);
/* Without leading and trailing blanks and tabs. */
struct asy_str asy_str_trim(struct asy_str s);
/* Position of `needle` in `hay`, or -1. Linear time. */
int64_t asy_str_find(struct asy_str hay, struct asy_str needle);

/* Is `s` well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF)? */
bool asy_utf8_valid(struct asy_str s);
/* Code points in well-formed `s`. */
uint32_t asy_utf8_length(struct asy_str s);

/* Strict decimal numbers of whole text, locale-free. Return false on anything else or on overflow; no blanks,
 * no hex, no inf/nan, no digit grouping. int: [+-]digits. double: [+-]digits[.digits][e[+-]digits], also .5 and 5.,
 * correctly rounded; overflow to infinity is refused. */
bool asy_parse_i64(struct asy_str s, int64_t *out);
bool asy_parse_f64(struct asy_str s, double *out);
/* true/false/1/0/yes/no/t/f in any case. */
bool asy_parse_bool(struct asy_str s, bool *out);

/* Shortest text that reads back as the same double, as CEL's string(double) prints it ("1", "0.5", "1e+21", "1e-05",
 * "-0", "NaN", "Infinity", "-Infinity"): with an exponent (two digits at least) below 1e-4 and from 1e21. Returns the
 * length; `out` has room for 32 bytes, NUL included. */
uint32_t asy_format_f64(double value, char out[32]);
/* Thousandths as a decimal without trailing zeros: "-12.5", "80", "0.001". Returns the length. */
uint32_t asy_format_milli(int64_t milli, char out[24]);

/* Edit distance (insert, delete, replace, swap of neighbours), ASCII case ignored, at most `limit` + 1. A limit above
 * 64 counts as 64. */
uint32_t asy_str_distance(struct asy_str a, struct asy_str b, uint32_t limit);
/* The candidate nearest to `word` if one is near enough to be a likely slip, else -1: a third of the length may differ,
 * at most 4 edits; else the only candidate whose part after the last dot is `word`. The first of equals. */
int64_t asy_str_nearest(struct asy_str word, const struct asy_str *candidates, uint32_t n);

#endif
