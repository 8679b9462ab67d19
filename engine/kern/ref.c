/* The meaning of every kernel, a row at a time and as plainly as it can be said. Level "ref" of the dispatch table: tests
 * hold the other levels to it, and ASSAY_ISA=ref runs a whole pass with it. */
#include "kern/kern.h"

#include "base/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const struct asy_kern asy_kern_ref;

#define EMPTY INT64_MIN

static int32_t limit(asy_i128 value, int64_t lo, int64_t hi)
{
    if (value < lo) return (int32_t)lo;
    if (value > hi) return (int32_t)hi;
    return (int32_t)value;
}
/* numerator / denominator, half away from zero */
static int64_t divide_round(asy_i128 numerator, int64_t denominator)
{
    const asy_i128 magnitude = numerator < 0 ? -numerator : numerator;
    const int64_t rounded = (int64_t)((magnitude + denominator / 2) / denominator);
    return numerator < 0 ? -rounded : rounded;
}
static int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

static void widen_i8(const int8_t *in, uint32_t n, int64_t *out)
{
    for (uint32_t i = 0; i < n; i++) {
        out[i] = in[i];
        if (in[i] == INT8_MIN) out[i] = EMPTY;
    }
}
static void widen_i16(const int16_t *in, uint32_t n, int64_t *out)
{
    for (uint32_t i = 0; i < n; i++) {
        out[i] = in[i];
        if (in[i] == INT16_MIN) out[i] = EMPTY;
    }
}
static void widen_i32(const int32_t *in, uint32_t n, int64_t *out)
{
    for (uint32_t i = 0; i < n; i++) {
        out[i] = in[i];
        if (in[i] == INT32_MIN) out[i] = EMPTY;
    }
}
static void points_u8(const uint8_t *codes, uint32_t n, const int32_t *table, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = table[codes[i]];
}
static void points_u16(const uint16_t *codes, uint32_t n, const int32_t *table, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = table[codes[i]];
}
static void points_u32(const uint32_t *codes, uint32_t n, const int32_t *table, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = table[codes[i]];
}
static void steps_i64(const int64_t *value, uint32_t n, const int64_t *bound, const int32_t *delta, uint32_t n_bounds,
                      int32_t start, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) {
        points[i] = start;
        for (uint32_t j = 0; j < n_bounds; j++)
            if (value[i] >= bound[j]) points[i] += delta[j];
    }
}
static void steps_f64(const double *value, uint32_t n, const double *bound, const int32_t *delta, uint32_t n_bounds,
                      int32_t start, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) {
        points[i] = start;
        for (uint32_t j = 0; j < n_bounds; j++)
            if (!isnan(value[i]) && value[i] >= bound[j]) points[i] += delta[j];
    }
}
static void points_mask(const uint8_t *t, uint32_t n, int32_t p, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = t[i] ? p : 0;
}
static void points_once(const uint32_t *count, uint32_t n, int32_t p, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = count[i] > 0 ? p : 0;
}
static void points_each(const uint32_t *count, uint32_t n, int32_t p, int32_t lo, int32_t hi, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = limit((asy_i128)count[i] * p, lo, hi);
}
static void points_weighted(const uint64_t *sum_q30, uint32_t n, int32_t p, int32_t lo, int32_t hi, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) {
        const asy_i128 product = (asy_i128)sum_q30[i] * p;
        const asy_i128 magnitude = product < 0 ? -product : product;
        const asy_i128 rounded = (magnitude + (1 << 29)) >> 30;
        points[i] = limit(product < 0 ? -rounded : rounded, lo, hi);
    }
}
static void add(const int32_t *points, uint32_t n, int64_t *total)
{
    for (uint32_t i = 0; i < n; i++) total[i] += points[i];
}
static void clamp(int64_t *total, uint32_t n, int64_t lo, int64_t hi)
{
    for (uint32_t i = 0; i < n; i++) {
        if (total[i] < lo) total[i] = lo;
        if (total[i] > hi) total[i] = hi;
    }
}
static void decay(int64_t *total, const uint32_t *last, uint32_t n, uint32_t as_of, const uint32_t *days,
                  const uint32_t *share, uint32_t n_steps, int64_t unit)
{
    for (uint32_t i = 0; i < n; i++) {
        int64_t keep = 100000;
        if (last[i] != 0)
            for (uint32_t j = 0; j < n_steps; j++)
                if ((as_of - last[i]) / 86400 >= days[j]) keep = 100000 - (int64_t)share[j];
        total[i] = divide_round((asy_i128)total[i] * keep, 100000 * unit) * unit;
    }
}
static void round_ref(int64_t *total, uint32_t n, int64_t unit)
{
    for (uint32_t i = 0; i < n; i++) total[i] = divide_round(total[i], unit) * unit;
}
static void latest_ref(const uint32_t *count, const uint32_t *last, uint32_t n, uint32_t *latest)
{
    for (uint32_t i = 0; i < n; i++)
        if (count[i] > 0 && last[i] > latest[i]) latest[i] = last[i];
}
static void top(const int32_t *points, uint32_t n, uint16_t term, uint16_t *top_term, int32_t *top_points, uint32_t stride)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t place = ASY_TOP_TERMS;
        const int64_t size = llabs((long long)points[i]);
        while (place > 0 && size > llabs((long long)top_points[(place - 1) * (size_t)stride + i])) place--;
        for (uint32_t j = ASY_TOP_TERMS; j-- > place;) {
            const size_t to = j * (size_t)stride + i;
            top_points[to] = j == place ? points[i] : top_points[to - stride];
            top_term[to] = j == place ? term : top_term[to - stride];
        }
    }
}
static void grade_ref(const int64_t *total, uint32_t n, const int64_t *from, const uint8_t *number, uint32_t n_grades,
                      uint8_t *grade)
{
    for (uint32_t i = 0; i < n; i++) {
        grade[i] = 0;
        for (uint32_t j = 0; j < n_grades && grade[i] == 0; j++)
            if (from[j] <= total[i]) grade[i] = (uint8_t)(number[j] + 1);
    }
}
static void mask_of(uint8_t bits, uint8_t *t, uint8_t *k)
{
    *t = bits & 1;
    *k = (bits & 2) != 0;
}
static void mask_u8(const uint8_t *codes, uint32_t n, const uint8_t *bits, uint8_t *t, uint8_t *k)
{
    for (uint32_t i = 0; i < n; i++) mask_of(bits[codes[i]], &t[i], &k[i]);
}
static void mask_u16(const uint16_t *codes, uint32_t n, const uint8_t *bits, uint8_t *t, uint8_t *k)
{
    for (uint32_t i = 0; i < n; i++) mask_of(bits[codes[i]], &t[i], &k[i]);
}
static void mask_u32(const uint32_t *codes, uint32_t n, const uint8_t *bits, uint8_t *t, uint8_t *k)
{
    for (uint32_t i = 0; i < n; i++) mask_of(bits[codes[i]], &t[i], &k[i]);
}
/* `order` is <0, 0, >0 for value against constant; `filled` says whether there is a value. */
static void compare_of(int order, int filled, int op, uint8_t *t, uint8_t *k)
{
    if (op == ASY_EQ || op == ASY_NE) {
        const int equal = filled && order == 0;
        *t = op == ASY_EQ ? equal : !equal;
        *k = 1;
        return;
    }
    *k = (uint8_t)filled;
    *t = filled && (op == ASY_LT ? order < 0 : op == ASY_LE ? order <= 0 : op == ASY_GT ? order > 0 : order >= 0);
}
static void compare_i64(const int64_t *value, uint32_t n, int op, int64_t c, uint8_t *t, uint8_t *k)
{
    for (uint32_t i = 0; i < n; i++)
        compare_of((value[i] > c) - (value[i] < c), value[i] != EMPTY, op, &t[i], &k[i]);
}
static void compare_f64(const double *value, uint32_t n, int op, double c, uint8_t *t, uint8_t *k)
{
    for (uint32_t i = 0; i < n; i++) compare_of((value[i] > c) - (value[i] < c), !isnan(value[i]), op, &t[i], &k[i]);
}
static void days_since(const int64_t *time_us, uint32_t n, int64_t now_us, int64_t *out)
{
    for (uint32_t i = 0; i < n; i++)
        out[i] = time_us[i] == EMPTY ? EMPTY : floor_divide(now_us - time_us[i], 86400LL * 1000000);
}
/* Kleene by its table: 0 false, 1 unknown, 2 true; and = min, or = max, not = 2 - x. */
static int kleene(uint8_t t, uint8_t k) { return k ? (t ? 2 : 0) : 1; }
static void kleene_put(int value, uint8_t *t, uint8_t *k)
{
    *t = value == 2;
    *k = value != 1;
}
static void and_(uint8_t *t, uint8_t *k, const uint8_t *t2, const uint8_t *k2, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int a = kleene(t[i], k[i]), b = kleene(t2[i], k2[i]);
        kleene_put(a < b ? a : b, &t[i], &k[i]);
    }
}
static void or_(uint8_t *t, uint8_t *k, const uint8_t *t2, const uint8_t *k2, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int a = kleene(t[i], k[i]), b = kleene(t2[i], k2[i]);
        kleene_put(a > b ? a : b, &t[i], &k[i]);
    }
}
static void not_(uint8_t *t, uint8_t *k, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) kleene_put(2 - kleene(t[i], k[i]), &t[i], &k[i]);
}
static uint32_t choose(const uint8_t *t, const uint8_t *k, uint32_t n, uint16_t number, uint16_t *choice)
{
    uint32_t unknown = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (choice[i] != 0) continue;
        if (!k[i]) unknown++;
        if (t[i]) choice[i] = number;
    }
    return unknown;
}
static uint32_t count_unknown(const uint8_t *k, uint32_t n)
{
    uint32_t unknown = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!k[i]) unknown++;
    return unknown;
}
static void sweep_ref(const struct asy_sweep *s, uint32_t n)
{
    for (uint32_t row = 0; row < n; row++)
        for (uint32_t i = s->begin[row]; i < s->end[row]; i++) {
            s->count[s->name[i] * (size_t)s->stride + row] += 1;
            if (s->last != NULL) s->last[s->name[i] * (size_t)s->stride + row] = s->time[i];
        }
}
static void weigh_ref(const struct asy_sweep *s, const struct asy_weigh *w, uint32_t n)
{
    for (uint32_t row = 0; row < n; row++)
        for (uint32_t i = s->begin[row]; i < s->end[row]; i++) {
            const uint8_t slot = w->slot[s->name[i]];
            if (slot == 255 || s->as_of - s->time[i] > w->within_s[slot]) continue;
            uint32_t age = (s->as_of - s->time[i]) / w->unit_s[slot];
            if (age > w->table_len[slot] - 1) age = w->table_len[slot] - 1;
            w->sum[slot * (size_t)s->stride + row] += w->table[slot][age];
        }
}

const struct asy_kern asy_kern_ref = {
    .isa = "ref",
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
    .round = round_ref,
    .latest = latest_ref,
    .top = top,
    .grade = grade_ref,
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
    .sweep = sweep_ref,
    .weigh = weigh_ref,
};
