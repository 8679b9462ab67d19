/* The kernels, compiled once per SIMD level with ASY_ISA set to its name. Loops are written so that gcc and clang turn
 * them into vector code by themselves; bodies with a constant operator are specialised by inlining, never copied. */
#include "kern/kern.h"

#include <string.h>

#ifndef ASY_ISA
#define ASY_ISA base
#endif
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

/* Always inlined, so that a constant argument makes a loop of its own. */
#define INLINE static inline __attribute__((always_inline))

static void widen_i8(const int8_t *restrict in, uint32_t n, int64_t *restrict out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = in[i] == INT8_MIN ? INT64_MIN : in[i];
}
static void widen_i16(const int16_t *restrict in, uint32_t n, int64_t *restrict out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = in[i] == INT16_MIN ? INT64_MIN : in[i];
}
static void widen_i32(const int32_t *restrict in, uint32_t n, int64_t *restrict out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = in[i] == INT32_MIN ? INT64_MIN : in[i];
}

static void points_u8(const uint8_t *restrict codes, uint32_t n, const int32_t *restrict table, int32_t *restrict points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = table[codes[i]];
}
static void points_u16(const uint16_t *restrict codes, uint32_t n, const int32_t *restrict table, int32_t *restrict points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = table[codes[i]];
}
static void points_u32(const uint32_t *restrict codes, uint32_t n, const int32_t *restrict table, int32_t *restrict points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = table[codes[i]];
}

static void steps_i64(const int64_t *restrict value, uint32_t n, const int64_t *restrict bound,
                      const int32_t *restrict delta, uint32_t n_bounds, int32_t start, int32_t *restrict points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = start;
    for (uint32_t j = 0; j < n_bounds; j++) {
        const int64_t b = bound[j];
        const int32_t d = delta[j];
        for (uint32_t i = 0; i < n; i++) points[i] += value[i] >= b ? d : 0;
    }
}
static void steps_f64(const double *restrict value, uint32_t n, const double *restrict bound,
                      const int32_t *restrict delta, uint32_t n_bounds, int32_t start, int32_t *restrict points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = start;
    for (uint32_t j = 0; j < n_bounds; j++) {
        const double b = bound[j];
        const int32_t d = delta[j];
        for (uint32_t i = 0; i < n; i++) points[i] += value[i] >= b ? d : 0;
    }
}

static void points_mask(const uint8_t *restrict t, uint32_t n, int32_t p, int32_t *restrict points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = t[i] ? p : 0;
}
static void points_once(const uint32_t *restrict count, uint32_t n, int32_t p, int32_t *restrict points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = count[i] ? p : 0;
}
static void points_each(const uint32_t *restrict count, uint32_t n, int32_t p, int32_t lo, int32_t hi,
                        int32_t *restrict points)
{
    for (uint32_t i = 0; i < n; i++) {
        const int64_t v = (int64_t)count[i] * p;
        points[i] = (int32_t)(v < lo ? lo : v > hi ? hi : v);
    }
}
static void points_weighted(const uint64_t *restrict sum_q30, uint32_t n, int32_t p, int32_t lo, int32_t hi,
                            int32_t *restrict points)
{
    /* Whole weights and fraction apart, so that 64 bits hold the product: |p| <= 1e9, and beyond 4e9 whole weights every term is
     * at its limit already. */
    const int64_t magnitude = p < 0 ? -(int64_t)p : p;
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t whole = sum_q30[i] >> 30, part = sum_q30[i] & ((1u << 30) - 1);
        const uint64_t capped = whole > 4000000000u ? 4000000000u : whole;
        const int64_t v = (int64_t)(capped * (uint64_t)magnitude + (((uint64_t)magnitude * part + (1u << 29)) >> 30));
        const int64_t s = p < 0 ? -v : v;
        points[i] = (int32_t)(s < lo ? lo : s > hi ? hi : s);
    }
}

static void add(const int32_t *restrict points, uint32_t n, int64_t *restrict total)
{
    for (uint32_t i = 0; i < n; i++) total[i] += points[i];
}
static void clamp(int64_t *restrict total, uint32_t n, int64_t lo, int64_t hi)
{
    for (uint32_t i = 0; i < n; i++) total[i] = total[i] < lo ? lo : total[i] > hi ? hi : total[i];
}
INLINE int64_t round_to(int64_t value, int64_t divisor, int64_t unit)
{
    /* half away from zero */
    const int64_t half = divisor / 2;
    return (value < 0 ? -((-value + half) / divisor) : (value + half) / divisor) * unit;
}
static void decay(int64_t *restrict total, const uint32_t *restrict last, uint32_t n, uint32_t as_of,
                  const uint32_t *restrict days, const uint32_t *restrict share, uint32_t n_steps, int64_t unit)
{
    const int64_t divisor = 100000 * unit;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t idle = last[i] ? (as_of - last[i]) / 86400u : 0;
        uint32_t off = 0;
        for (uint32_t j = 0; j < n_steps; j++) off = last[i] && idle >= days[j] ? share[j] : off;
        total[i] = round_to(total[i] * (int64_t)(100000u - off), divisor, unit);
    }
}
static void round_kernel(int64_t *restrict total, uint32_t n, int64_t unit)
{
    if (unit == 1000)
        for (uint32_t i = 0; i < n; i++) total[i] = round_to(total[i], 1000, 1000);
    else if (unit == 100)
        for (uint32_t i = 0; i < n; i++) total[i] = round_to(total[i], 100, 100);
    else if (unit == 10)
        for (uint32_t i = 0; i < n; i++) total[i] = round_to(total[i], 10, 10);
}
static void latest_kernel(const uint32_t *restrict count, const uint32_t *restrict last, uint32_t n,
                          uint32_t *restrict latest)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t seen = count[i] ? last[i] : 0;
        latest[i] = latest[i] > seen ? latest[i] : seen;
    }
}
static void top(const int32_t *restrict points, uint32_t n, uint16_t term, uint16_t *restrict top_term,
                int32_t *restrict top_points, uint32_t stride)
{
    int32_t *restrict p0 = top_points, *restrict p1 = top_points + stride, *restrict p2 = top_points + 2 * (size_t)stride;
    uint16_t *restrict t0 = top_term, *restrict t1 = top_term + stride, *restrict t2 = top_term + 2 * (size_t)stride;
    for (uint32_t i = 0; i < n; i++) {
        const int32_t p = points[i], a = p < 0 ? -p : p;
        const int32_t a0 = p0[i] < 0 ? -p0[i] : p0[i], a1 = p1[i] < 0 ? -p1[i] : p1[i], a2 = p2[i] < 0 ? -p2[i] : p2[i];
        const int beats0 = a > a0, beats1 = a > a1, beats2 = a > a2;
        const int32_t n2 = beats1 ? p1[i] : beats2 ? p : p2[i], n1 = beats0 ? p0[i] : beats1 ? p : p1[i];
        const uint16_t m2 = beats1 ? t1[i] : beats2 ? term : t2[i], m1 = beats0 ? t0[i] : beats1 ? term : t1[i];
        p2[i] = n2;
        t2[i] = m2;
        p1[i] = n1;
        t1[i] = m1;
        p0[i] = beats0 ? p : p0[i];
        t0[i] = beats0 ? term : t0[i];
    }
}
static void grade_kernel(const int64_t *restrict total, uint32_t n, const int64_t *restrict from,
                         const uint8_t *restrict number, uint32_t n_grades, uint8_t *restrict grade)
{
    memset(grade, 0, n);
    for (uint32_t j = n_grades; j-- > 0;)
        for (uint32_t i = 0; i < n; i++) grade[i] = total[i] >= from[j] ? (uint8_t)(number[j] + 1) : grade[i];
}

static void mask_u8(const uint8_t *restrict codes, uint32_t n, const uint8_t *restrict bits, uint8_t *restrict t,
                    uint8_t *restrict k)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t b = bits[codes[i]];
        t[i] = b & 1;
        k[i] = b >> 1;
    }
}
static void mask_u16(const uint16_t *restrict codes, uint32_t n, const uint8_t *restrict bits, uint8_t *restrict t,
                     uint8_t *restrict k)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t b = bits[codes[i]];
        t[i] = b & 1;
        k[i] = b >> 1;
    }
}
static void mask_u32(const uint32_t *restrict codes, uint32_t n, const uint8_t *restrict bits, uint8_t *restrict t,
                     uint8_t *restrict k)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t b = bits[codes[i]];
        t[i] = b & 1;
        k[i] = b >> 1;
    }
}

INLINE void compare_i64_as(const int64_t *restrict value, uint32_t n, int op, int64_t c, uint8_t *restrict t,
                           uint8_t *restrict k)
{
    for (uint32_t i = 0; i < n; i++) {
        const int64_t v = value[i];
        const uint8_t filled = v != INT64_MIN;
        t[i] = op == ASY_EQ   ? (uint8_t)(filled & (v == c))
               : op == ASY_NE ? (uint8_t)!(filled & (v == c))
               : op == ASY_LT ? (uint8_t)(filled & (v < c))
               : op == ASY_LE ? (uint8_t)(filled & (v <= c))
               : op == ASY_GT ? (uint8_t)(filled & (v > c))
                              : (uint8_t)(filled & (v >= c));
        k[i] = op == ASY_EQ || op == ASY_NE ? 1 : filled;
    }
}
static void compare_i64(const int64_t *restrict value, uint32_t n, int op, int64_t c, uint8_t *restrict t,
                        uint8_t *restrict k)
{
    switch (op) {
    case ASY_LT: compare_i64_as(value, n, ASY_LT, c, t, k); break;
    case ASY_LE: compare_i64_as(value, n, ASY_LE, c, t, k); break;
    case ASY_GT: compare_i64_as(value, n, ASY_GT, c, t, k); break;
    case ASY_GE: compare_i64_as(value, n, ASY_GE, c, t, k); break;
    case ASY_EQ: compare_i64_as(value, n, ASY_EQ, c, t, k); break;
    default: compare_i64_as(value, n, ASY_NE, c, t, k); break;
    }
}
INLINE void compare_f64_as(const double *restrict value, uint32_t n, int op, double c, uint8_t *restrict t,
                           uint8_t *restrict k)
{
    for (uint32_t i = 0; i < n; i++) {
        const double v = value[i];
        const uint8_t filled = v == v;
        t[i] = op == ASY_EQ   ? (uint8_t)(v == c)
               : op == ASY_NE ? (uint8_t)!(v == c)
               : op == ASY_LT ? (uint8_t)(v < c)
               : op == ASY_LE ? (uint8_t)(v <= c)
               : op == ASY_GT ? (uint8_t)(v > c)
                              : (uint8_t)(v >= c);
        k[i] = op == ASY_EQ || op == ASY_NE ? 1 : filled;
    }
}
static void compare_f64(const double *restrict value, uint32_t n, int op, double c, uint8_t *restrict t,
                        uint8_t *restrict k)
{
    switch (op) {
    case ASY_LT: compare_f64_as(value, n, ASY_LT, c, t, k); break;
    case ASY_LE: compare_f64_as(value, n, ASY_LE, c, t, k); break;
    case ASY_GT: compare_f64_as(value, n, ASY_GT, c, t, k); break;
    case ASY_GE: compare_f64_as(value, n, ASY_GE, c, t, k); break;
    case ASY_EQ: compare_f64_as(value, n, ASY_EQ, c, t, k); break;
    default: compare_f64_as(value, n, ASY_NE, c, t, k); break;
    }
}
static void days_since(const int64_t *restrict time_us, uint32_t n, int64_t now_us, int64_t *restrict out)
{
    const int64_t day = 86400LL * 1000000;
    for (uint32_t i = 0; i < n; i++) {
        const int64_t age = now_us - (time_us[i] == INT64_MIN ? now_us : time_us[i]);
        const int64_t days = (age >= 0 ? age : age - (day - 1)) / day;
        out[i] = time_us[i] == INT64_MIN ? INT64_MIN : days;
    }
}

static void and_(uint8_t *restrict t, uint8_t *restrict k, const uint8_t *restrict t2, const uint8_t *restrict k2, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t is_false = (uint8_t)((k[i] & (t[i] ^ 1)) | (k2[i] & (t2[i] ^ 1)));
        t[i] = t[i] & t2[i];
        k[i] = (uint8_t)((k[i] & k2[i]) | is_false);
    }
}
static void or_(uint8_t *restrict t, uint8_t *restrict k, const uint8_t *restrict t2, const uint8_t *restrict k2, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        t[i] = t[i] | t2[i];
        k[i] = (uint8_t)((k[i] & k2[i]) | t[i]);
    }
}
static void not_(uint8_t *restrict t, uint8_t *restrict k, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) t[i] = (uint8_t)(k[i] & (t[i] ^ 1));
}
static uint32_t choose(const uint8_t *restrict t, const uint8_t *restrict k, uint32_t n, uint16_t number,
                       uint16_t *restrict choice)
{
    uint32_t unknown = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t open = choice[i] == 0;
        unknown += open & (k[i] ^ 1);
        choice[i] = open & t[i] ? number : choice[i];
    }
    return unknown;
}
static uint32_t count_unknown(const uint8_t *restrict k, uint32_t n)
{
    uint32_t unknown = 0;
    for (uint32_t i = 0; i < n; i++) unknown += k[i] ^ 1u;
    return unknown;
}

INLINE void sweep_as(const struct asy_sweep *s, uint32_t n, int with_last)
{
    const uint32_t *restrict time = s->time;
    const uint8_t *restrict name = s->name;
    uint32_t *restrict count = s->count, *restrict last = s->last;
    const size_t stride = s->stride;
    for (uint32_t row = 0; row < n; row++) {
        const uint32_t end = s->end[row];
        for (uint32_t i = s->begin[row]; i < end; i++) {
            const size_t at = name[i] * stride + row;
            count[at]++;
            if (with_last) last[at] = time[i];
        }
    }
}
static void sweep_kernel(const struct asy_sweep *s, uint32_t n)
{
    if (s->last != NULL)
        sweep_as(s, n, 1);
    else
        sweep_as(s, n, 0);
}
static void weigh_kernel(const struct asy_sweep *s, const struct asy_weigh *w, uint32_t n)
{
    const size_t stride = s->stride;
    for (uint32_t row = 0; row < n; row++) {
        const uint32_t end = s->end[row];
        for (uint32_t i = s->begin[row]; i < end; i++) {
            const uint8_t slot = w->slot[s->name[i]];
            if (slot == 255) continue;
            const uint32_t age_s = s->as_of - s->time[i];
            if (age_s > w->within_s[slot]) continue;
            const uint32_t age = w->unit_s[slot] == 86400u ? age_s / 86400u : age_s / 3600u;
            const uint32_t at_end = w->table_len[slot] - 1;
            w->sum[slot * stride + row] += w->table[slot][age < at_end ? age : at_end];
        }
    }
}

const struct asy_kern PASTE(asy_kern_, ASY_ISA);
const struct asy_kern PASTE(asy_kern_, ASY_ISA) = {
    .isa = TEXT(ASY_ISA),
    .widen_i8 = widen_i8,
    .widen_i16 = widen_i16,
    .widen_i32 = widen_i32,
    .points_u8 = points_u8,
    .points_u16 = points_u16,
    .points_u32 = points_u32,
    .steps_i64 = steps_i64,
    .steps_f64 = steps_f64,
    .points_mask = points_mask,
    .points_once = points_once,
    .points_each = points_each,
    .points_weighted = points_weighted,
    .add = add,
    .clamp = clamp,
    .decay = decay,
    .round = round_kernel,
    .latest = latest_kernel,
    .top = top,
    .grade = grade_kernel,
    .mask_u8 = mask_u8,
    .mask_u16 = mask_u16,
    .mask_u32 = mask_u32,
    .compare_i64 = compare_i64,
    .compare_f64 = compare_f64,
    .days_since = days_since,
    .and_ = and_,
    .or_ = or_,
    .not_ = not_,
    .choose = choose,
    .count_unknown = count_unknown,
    .sweep = sweep_kernel,
    .weigh = weigh_kernel,
};
