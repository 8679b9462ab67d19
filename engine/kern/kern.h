/* The batch kernels: plain loops over arrays, built once per SIMD level and picked once at start. The meaning of each is
 * its comment here; ref.c says it again a row at a time, and tests hold every level to it.
 *
 * Masks are bytes, 0 or 1: `t` is-true, `k` is-known; t[i] implies k[i]. Points are in 1/1000. Codes: 0 is empty. Wide
 * integers: INT64_MIN is empty; doubles: NaN is empty. Arrays do not overlap unless they are the same array and said so.
 * No allocation, no I/O, no globals but the table itself. Threads: any. */
#ifndef ASY_KERN_H
#define ASY_KERN_H

#include <stddef.h>
#include <stdint.h>

enum asy_compare { ASY_LT, ASY_LE, ASY_GT, ASY_GE, ASY_EQ, ASY_NE };

enum { ASY_TOP_TERMS = 3 };
#define ASY_TERM_LIMIT_MILLI 2000000000LL /* a term or a score stays within +-2,000,000 points */
#define ASY_TERM_NONE UINT16_MAX

/* One sweep over the events of a batch of leads. Matrices are [row of the matrix][lead of the batch], `stride` apart. */
struct asy_sweep {
    const uint32_t *begin, *end; /* n each: the events of lead i are begin[i] .. end[i] of time and name, in time order */
    const uint32_t *time;
    const uint8_t *name;
    uint32_t as_of;              /* no event is later; used for ages */
    uint32_t stride;
    uint32_t *count;             /* [n_names]: how many; zeroed by the caller */
    uint32_t *last;              /* [n_names]: time of the latest, untouched where count is 0; or NULL */
};

/* Weighted sums: for every event whose name has a weight table, sum[slot] += table[age], ages in whole units. */
struct asy_weigh {
    const uint8_t *slot;       /* by name: row of `sum`, or 255 */
    const uint32_t *const *table; /* by slot: Q30 weights by age; the last entry serves all greater ages */
    const uint32_t *table_len; /* by slot */
    const uint32_t *unit_s;    /* by slot: 86400 or 3600 */
    const uint32_t *within_s;  /* by slot: events older than that are left out; UINT32_MAX for all */
    uint64_t *sum;             /* [slots], Q30; zeroed by the caller */
};

struct asy_kern {
    const char *isa; /* "ref", "v2", "v3", "v4", "base" */

    /* out[i] = in[i], the least value of the narrow type becoming INT64_MIN. */
    void (*widen_i8)(const int8_t *in, uint32_t n, int64_t *out);
    void (*widen_i16)(const int16_t *in, uint32_t n, int64_t *out);
    void (*widen_i32)(const int32_t *in, uint32_t n, int64_t *out);

    /* points[i] = table[codes[i]] */
    void (*points_u8)(const uint8_t *codes, uint32_t n, const int32_t *table, int32_t *points);
    void (*points_u16)(const uint16_t *codes, uint32_t n, const int32_t *table, int32_t *points);
    void (*points_u32)(const uint32_t *codes, uint32_t n, const int32_t *table, int32_t *points);

    /* Step function: points[i] = start + the sum of delta[j] over all j with value[i] >= bound[j]. An empty value is below
     * every bound, so `start` is what empty fields get. */
    void (*steps_i64)(const int64_t *value, uint32_t n, const int64_t *bound, const int32_t *delta, uint32_t n_bounds,
                      int32_t start, int32_t *points);
    void (*steps_f64)(const double *value, uint32_t n, const double *bound, const int32_t *delta, uint32_t n_bounds,
                      int32_t start, int32_t *points);

    /* points[i] = t[i] ? p : 0 */
    void (*points_mask)(const uint8_t *t, uint32_t n, int32_t p, int32_t *points);
    /* Event terms from counts. once: count > 0 ? p : 0. each: count * p, kept within lo..hi. */
    void (*points_once)(const uint32_t *count, uint32_t n, int32_t p, int32_t *points);
    void (*points_each)(const uint32_t *count, uint32_t n, int32_t p, int32_t lo, int32_t hi, int32_t *points);
    /* points[i] = p * sum[i] / 2^30, rounded half away from zero, kept within lo..hi. */
    void (*points_weighted)(const uint64_t *sum_q30, uint32_t n, int32_t p, int32_t lo, int32_t hi, int32_t *points);

    /* total[i] += points[i] */
    void (*add)(const int32_t *points, uint32_t n, int64_t *total);
    /* total[i] kept within lo..hi */
    void (*clamp)(int64_t *total, uint32_t n, int64_t lo, int64_t hi);
    /* total[i] less the share of the largest idle step reached (days[j] increasing; idle days = (as_of - last) / 86400;
     * last 0: never active, no decay), then rounded half away from zero to a multiple of `unit`. share in 1/100000. */
    void (*decay)(int64_t *total, const uint32_t *last, uint32_t n, uint32_t as_of, const uint32_t *days,
                  const uint32_t *share, uint32_t n_steps, int64_t unit);
    /* total[i] rounded half away from zero to a multiple of unit (1, 10, 100, 1000) */
    void (*round)(int64_t *total, uint32_t n, int64_t unit);
    /* latest[i] = max(latest[i], count[i] ? last[i] : 0) */
    void (*latest)(const uint32_t *count, const uint32_t *last, uint32_t n, uint32_t *latest);
    /* The three largest |points| so far, ties to the earlier term: insert term number `term`. top_term and top_points are
     * [ASY_TOP_TERMS][stride]; free places have ASY_TERM_NONE and 0 points. Zero points never enter. */
    void (*top)(const int32_t *points, uint32_t n, uint16_t term, uint16_t *top_term, int32_t *top_points, uint32_t stride);
    /* grade[i] = 1 + the index of the largest from[j] <= total[i], or 0. `from` decreasing, name[j] its grade's number. */
    void (*grade)(const int64_t *total, uint32_t n, const int64_t *from, const uint8_t *number, uint32_t n_grades,
                  uint8_t *grade);

    /* Masks from table bits (1 true, 2 known) by code. */
    void (*mask_u8)(const uint8_t *codes, uint32_t n, const uint8_t *bits, uint8_t *t, uint8_t *k);
    void (*mask_u16)(const uint16_t *codes, uint32_t n, const uint8_t *bits, uint8_t *t, uint8_t *k);
    void (*mask_u32)(const uint32_t *codes, uint32_t n, const uint8_t *bits, uint8_t *t, uint8_t *k);
    /* value op c. Empty: == false, != true (both known), order unknown. */
    void (*compare_i64)(const int64_t *value, uint32_t n, int op, int64_t c, uint8_t *t, uint8_t *k);
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

    void (*sweep)(const struct asy_sweep *sweep, uint32_t n);
    void (*weigh)(const struct asy_sweep *sweep, const struct asy_weigh *weigh, uint32_t n);
};

/* The best level this machine runs, or the one named ("ref", "v2", "v3", "v4"). NULL: unknown or not runnable here, and
 * *problem says which (static text). */
const struct asy_kern *asy_kern_select(const char *isa, const char **problem);

#endif
