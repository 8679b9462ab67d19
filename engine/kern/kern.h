/* The batch kernels: plain loops over arrays, built once per SIMD level and picked once at start. The meaning of each is
 * its comment here; ref.c says it again a row at a time, and tests hold every level to it.
 *
 * Masks are bytes, 0 or 1: `t` is-true, `k` is-known; t[i] implies k[i]. Points are in 1/1000. Codes: 0 is empty. Wide
 * integers: INT64_MIN is empty; doubles: NaN is empty. Arrays do not overlap unless they are the same array and said so.
 * No allocation, no I/O, no globals but the table itself. Threads: any. */
#ifndef ASY_KERN_H
#define ASY_KERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum asy_compare { ASY_LT, ASY_LE, ASY_GT, ASY_GE, ASY_EQ, ASY_NE };

enum { ASY_TOP_TERMS = 3 };
#define ASY_TERM_LIMIT_MILLI 2000000000LL /* a term or a score stays within +-2,000,000 points */
#define ASY_TERM_NONE UINT16_MAX

/* How whole numbers lie in memory, and which of them is empty. */
enum asy_ints {
    ASY_INTS_64 = 0, /* int64_t; INT64_MIN */
    ASY_INTS_8,      /* int8_t; INT8_MIN */
    ASY_INTS_16,     /* int16_t; INT16_MIN */
    ASY_INTS_32,     /* int32_t; INT32_MIN */
    ASY_INTS_COUNT,  /* uint32_t; none */
    ASY_INTS_DAYS,   /* uint16_t; ASY_NO_DAYS */
    ASY_INTS_MILLI,  /* int32_t, in 1/1000, whole points; none */
};

/* -- points by code ------------------------------------------------------------------------------------------------- */

enum { ASY_CLASSES = 16 };
/* A table with at most 256 codes may have its few different points apart: points[c] = class_points[classes[c]]. */
struct asy_code_table {
    uint32_t n_codes;      /* codes are below */
    const int32_t *points; /* n_codes */
    bool has_classes;
    uint8_t classes[256];  /* those from n_codes on are 0 */
    int32_t class_points[ASY_CLASSES];
};

/* -- events --------------------------------------------------------------------------------------------------------- */

enum { ASY_NAME_WORDS = 8, ASY_NO_DAYS = UINT16_MAX };

/* A set of event names: bit name % 32 of word name / 32. */
struct asy_name_set {
    uint32_t words[ASY_NAME_WORDS];
    uint32_t n_names;
};

/* The events of a batch of leads. Matrices are [row of the matrix][lead of the batch], `stride` apart; stride is a multiple
 * of 16 and more than n, and what lies between n and the next multiple of 16 may be written. */
struct asy_sweep {
    const uint32_t *begin, *end; /* n each: the events of lead i are begin[i] .. end[i] of time and name, in time order */
    const uint32_t *time;
    const uint8_t *name;
    uint64_t n_log;              /* names that may be read: no more than that lie there */
    uint32_t stride;
    /* out: which names occur, as a set */
    uint32_t n_words;            /* all names are below 32 * n_words */
    uint32_t *seen;              /* [n_words] */
    /* out: how often the names occur that somebody counts */
    uint32_t n_counts;
    const uint8_t *count_names;  /* n_counts */
    const uint8_t *count_rows;   /* by name: row of `count`; n_counts for the others */
    uint32_t *count;             /* [n_counts + 1]; the last row is waste */
    /* out: the latest event of some names */
    uint32_t n_lasts;
    const uint8_t *last_names;   /* n_lasts */
    uint32_t *last;              /* [n_lasts]: 1 + its number, 0 if there is none */
    uint32_t *packed;            /* [n_counts] scratch */
    uint32_t *rows;              /* [1] scratch */
};

/* Weighted sums: for every event whose name has a weight table, sum[row] += table[age], ages in whole units. */
struct asy_weigh {
    uint32_t as_of;            /* no event is later */
    uint32_t n_sums;           /* at most 255 */
    const uint8_t *row;        /* by name: row of `sum`, each of one name, or n_sums for none; 256 of them */
    const uint32_t *const *table; /* by row: Q30 weights by age; the last entry serves all greater ages */
    const uint32_t *table_len; /* by row */
    const uint32_t *unit_s;    /* by row: 86400 or 3600 */
    const uint32_t *within_s;  /* by row: events older than that are left out; UINT32_MAX for all */
    bool is_alike;             /* table, table_len, unit_s and within_s are the same for all rows */
    uint64_t *sum;             /* [n_sums], Q30 */
};

/* -- points into scores --------------------------------------------------------------------------------------------- */

/* The three largest terms of a lead are kept as numbers that order as they do: |points|, then the earlier term, then the
 * sign. 0: no term. Narrow keys have 32 bits, wide ones 64.
 *
 *   key : [ |points| | last term - term | points < 0 ]      shift: bits right of |points| */
static inline uint64_t asy_key(int32_t points, uint32_t shift, uint32_t tag) /* tag: (last term - term) << 1 */
{
    const uint64_t size = (uint64_t)(points < 0 ? -(int64_t)points : points);
    return points == 0 ? 0 : size << shift | tag | (points < 0);
}

/* A term that gives `points` once where a name has been seen. */
struct asy_once {
    uint32_t word, mask; /* of `seen` */
    int32_t points;
    uint32_t key; /* of its points */
};

struct asy_kern {
    const char *isa; /* "ref", "v2", "v3", "v4", "base" */

    /* out[i] = in[i], unsigned, `width` 1, 2 or 4 bytes. */
    void (*expand)(const void *in, uint8_t width, uint32_t n, uint32_t *out);
    /* out[i] = bit `first + i` of bits: 0 or 1. */
    void (*widen_bits)(const uint8_t *bits, uint64_t first, uint32_t n, uint8_t *out);
    /* tally[i] += in[i] is not empty: 0 for codes, the least value for integers, NaN. `width` bytes a value. */
    void (*filled_codes)(const void *in, uint8_t width, uint32_t n, uint16_t *tally);
    void (*filled_ints)(const void *in, uint8_t width, uint32_t n, uint16_t *tally);
    void (*filled_f64)(const double *in, uint32_t n, uint16_t *tally);
    /* tally[i] += has seen[i] a bit of the mask? */
    void (*filled_seen)(const uint32_t *seen, uint32_t n, uint32_t mask, uint16_t *tally);
    void (*filled_bytes)(const uint8_t *in, uint32_t n, uint16_t *tally); /* in is 0 or 1 */

    /* points[i] = table->points[codes[i]] */
    void (*points_u8)(const uint8_t *codes, uint32_t n, const struct asy_code_table *table, int32_t *points);
    void (*points_u16)(const uint16_t *codes, uint32_t n, const struct asy_code_table *table, int32_t *points);
    void (*points_u32)(const uint32_t *codes, uint32_t n, const struct asy_code_table *table, int32_t *points);

    /* Step function: points[i] = start + the sum of delta[j] over all j with value[i] >= bound[j]. An empty value is below
     * every bound, so `start` is what empty fields get. The narrow one reads `width` bytes a value (1, 2 or 4), the least of
     * which is empty; its bounds are above INT32_MIN. */
    void (*steps_narrow)(const void *value, uint8_t width, uint32_t n, const int32_t *bound, const int32_t *delta,
                         uint32_t n_bounds, int32_t start, int32_t *points);
    void (*steps_i64)(const int64_t *value, uint32_t n, const int64_t *bound, const int32_t *delta, uint32_t n_bounds,
                      int32_t start, int32_t *points);
    void (*steps_f64)(const double *value, uint32_t n, const double *bound, const int32_t *delta, uint32_t n_bounds,
                      int32_t start, int32_t *points);

    /* points[i] = t[i] ? p : 0 */
    void (*points_mask)(const uint8_t *t, uint32_t n, int32_t p, int32_t *points);
    /* Event terms. once: has seen[i] the bit? p : 0. each: count * p, kept within lo..hi, lo <= 0 <= hi. */
    void (*points_once)(const uint32_t *seen, uint32_t n, uint32_t bit, int32_t p, int32_t *points);
    void (*points_each)(const uint32_t *count, uint32_t n, int32_t p, int32_t lo, int32_t hi, int32_t *points);
    /* points[i] = table[days[i]], the last entry serving all greater ages; ASY_NO_DAYS: 0. n_table > 0. */
    void (*points_days)(const uint16_t *days, uint32_t n, const int32_t *table, uint32_t n_table, int32_t *points);
    /* points[i] = p * sum[i] / 2^30, rounded half away from zero, kept within lo..hi, lo <= 0 <= hi. */
    void (*points_weighted)(const uint64_t *sum_q30, uint32_t n, int32_t p, int32_t lo, int32_t hi, int32_t *points);

    /* total[i] += points[i], and the points into the three largest, [ASY_TOP_TERMS][stride], decreasing: for n_terms terms, whose
     * points are [n_terms][stride] and whose tags are tags[]. The narrow one where no sum and no key is too large for 32 bits. */
    void (*take)(const int32_t *points, uint32_t n, uint32_t n_terms, const uint32_t *tags, uint32_t shift, int32_t *total, uint32_t *keys,
                 uint32_t stride);
    void (*take_wide)(const int32_t *points, uint32_t n, uint32_t n_terms, const uint32_t *tags, uint32_t shift, int64_t *total,
                      uint64_t *keys, uint32_t stride);
    /* take of points_once of many terms. seen is [words][stride]. */
    void (*take_once)(const uint32_t *seen, uint32_t n, const struct asy_once *terms, uint32_t n_terms, int32_t *total, uint32_t *keys,
                      uint32_t stride);
    /* What the keys of one place say. `last`: the last term's number. No key: ASY_TERM_NONE and 0 points. */
    void (*name_keys)(const uint32_t *keys, uint32_t n, uint32_t shift, uint32_t last, uint16_t *term, int32_t *points);
    void (*name_keys_wide)(const uint64_t *keys, uint32_t n, uint32_t shift, uint32_t last, uint16_t *term, int32_t *points);

    /* total[i] += points[i] */
    void (*add)(const int32_t *points, uint32_t n, int32_t *total);
    void (*add_wide)(const int32_t *points, uint32_t n, int64_t *total);
    /* total[i] kept within lo..hi, which are within +-ASY_TERM_LIMIT_MILLI */
    void (*clamp)(int32_t *total, uint32_t n, int32_t lo, int32_t hi);
    void (*clamp_wide)(const int64_t *wide, uint32_t n, int32_t lo, int32_t hi, int32_t *total);
    /* total[i] less the share of the largest idle step reached (days[j] increasing; idle[i] days, ASY_NO_DAYS: never active,
     * no decay), then rounded half away from zero to a multiple of `unit` (1, 10, 100, 1000). share in 1/100000.
     * |total[i]| is at most ASY_TERM_LIMIT_MILLI. */
    void (*decay)(int32_t *total, const uint16_t *idle, uint32_t n, const uint32_t *days, const uint32_t *share,
                  uint32_t n_steps, int32_t unit);
    /* total[i] rounded half away from zero to a multiple of unit (1, 10, 100, 1000) */
    void (*round)(int32_t *total, uint32_t n, int32_t unit);
    /* out[i] = total[i] / 1000.0 */
    void (*decimal)(const int32_t *total, uint32_t n, double *out);
    /* grade[i] = 1 + the number of the largest from[j] <= total[i], or 0. `from` decreasing, number[j] its grade's number. */
    void (*grade)(const int32_t *total, uint32_t n, const int64_t *from, const uint8_t *number, uint32_t n_grades,
                  uint8_t *grade);

    /* Masks from table bits (1 true, 2 known) by code; codes are below n_codes. */
    void (*mask_u8)(const uint8_t *codes, uint32_t n, const uint8_t *bits, uint32_t n_codes, uint8_t *t, uint8_t *k);
    void (*mask_u16)(const uint16_t *codes, uint32_t n, const uint8_t *bits, uint8_t *t, uint8_t *k);
    void (*mask_u32)(const uint32_t *codes, uint32_t n, const uint8_t *bits, uint8_t *t, uint8_t *k);
    /* The same where few codes are true: all others but 0 are known to be false; `zero`: the table bits of 0, which is not among
     * the few. */
    void (*mask_few_u32)(const uint32_t *codes, uint32_t n, const uint32_t *few, uint32_t n_few, uint8_t zero, uint8_t *t, uint8_t *k);
    /* value op c, values of kind `ints`. Empty: == false, != true (both known), order unknown. */
    void (*compare_ints)(const void *value, enum asy_ints ints, uint32_t n, int op, int64_t c, uint8_t *t, uint8_t *k);
    void (*compare_f64)(const double *value, uint32_t n, int op, double c, uint8_t *t, uint8_t *k);
    /* out[i] = floor((now - time[i]) / day) in microseconds; empty stays empty. */
    void (*days_since)(const int64_t *time_us, uint32_t n, int64_t now_us, int64_t *out);
    /* Kleene; the result goes to the first pair. */
    void (*and_)(uint8_t *t, uint8_t *k, const uint8_t *t2, const uint8_t *k2, uint32_t n);
    void (*or_)(uint8_t *t, uint8_t *k, const uint8_t *t2, const uint8_t *k2, uint32_t n);
    void (*not_)(uint8_t *t, uint8_t *k, uint32_t n);
    /* First match: where choice[i] is 0 and t[i], choice[i] = number. Returns in how many of the rows with choice 0 (before)
     * k[i] is 0. */
    uint32_t (*choose)(const uint8_t *t, const uint8_t *k, uint32_t n, uint16_t number, uint16_t *choice);
    uint32_t (*count_unknown)(const uint8_t *k, uint32_t n);
    /* The last of a list: where choice[i] is 0, choice[i] = number. */
    void (*otherwise)(uint32_t n, uint16_t number, uint16_t *choice);
    /* out[i] = choice[i] ? 2 : 1: true and false as codes */
    void (*is_chosen)(const uint16_t *choice, uint32_t n, uint8_t *out);

    /* out[i] = end[i] - begin[i] */
    void (*count_events)(const uint32_t *begin, const uint32_t *end, uint32_t n, uint32_t *out);
    /* out[i] = the first of the events begin[i] .. end[i] that is not earlier than `from`, end[i] if all are. */
    void (*since)(const uint32_t *begin, const uint32_t *end, const uint32_t *time, uint32_t n, uint32_t from, uint32_t *out);
    /* seen, count and last of every lead */
    void (*sweep)(const struct asy_sweep *sweep, uint32_t n);
    /* days[i] = whole days from the latest (earliest) event with a name of the set to as_of, ASY_NO_DAYS if there is none. Reads
     * `seen`, which the sweep has made. */
    void (*latest)(const struct asy_sweep *sweep, uint32_t n, const struct asy_name_set *set, uint32_t as_of, uint16_t *days);
    /* days[i] = whole days from event number last[i] - 1 to as_of, ASY_NO_DAYS where last[i] is 0: `latest` of what the sweep found. */
    void (*days_of)(const uint32_t *last, const uint32_t *time, uint32_t n, uint32_t as_of, uint16_t *days);
    void (*earliest)(const struct asy_sweep *sweep, uint32_t n, const struct asy_name_set *set, uint32_t as_of, uint16_t *days);
    void (*weigh)(const struct asy_sweep *sweep, const struct asy_weigh *weigh, uint32_t n);
    /* A copy that does not stay in the caches. */
    void (*put)(void *to, const void *from, size_t n_bytes);
};

/* The best level this machine runs, or the one named ("ref", "v2", "v3", "v4"). NULL: unknown or not runnable here, and
 * *problem says which (static text). */
const struct asy_kern *asy_kern_select(const char *isa, const char **problem);

#endif
