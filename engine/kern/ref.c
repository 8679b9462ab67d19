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

static void widen_bits(const uint8_t *bits, uint64_t first, uint32_t n, uint8_t *out)
{
    for (uint64_t i = 0; i < n; i++) out[i] = (bits[(first + i) / 8] >> ((first + i) % 8)) & 1;
}
static void expand(const void *in, uint8_t width, uint32_t n, uint32_t *out)
{
    for (uint32_t i = 0; i < n; i++) {
        out[i] = 0;
        memcpy(&out[i], (const uint8_t *)in + (size_t)i * width, width); /* little-endian */
    }
}
static void filled_seen(const uint32_t *seen, uint32_t n, uint32_t mask, uint16_t *tally)
{
    for (uint32_t i = 0; i < n; i++)
        if (seen[i] & mask) tally[i]++;
}
static void filled_bytes(const uint8_t *in, uint32_t n, uint16_t *tally)
{
    for (uint32_t i = 0; i < n; i++)
        if (in[i]) tally[i]++;
}
static void filled_codes(const void *in, uint8_t width, uint32_t n, uint16_t *tally)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t code = 0;
        memcpy(&code, (const uint8_t *)in + (size_t)i * width, width); /* little-endian, as every column is */
        if (code != 0) tally[i]++;
    }
}
static int64_t int_at(const void *in, uint8_t width, uint32_t i)
{
    switch (width) {
    case 1: return ((const int8_t *)in)[i] == INT8_MIN ? EMPTY : ((const int8_t *)in)[i];
    case 2: return ((const int16_t *)in)[i] == INT16_MIN ? EMPTY : ((const int16_t *)in)[i];
    case 4: return ((const int32_t *)in)[i] == INT32_MIN ? EMPTY : ((const int32_t *)in)[i];
    default: return ((const int64_t *)in)[i];
    }
}
static void filled_ints(const void *in, uint8_t width, uint32_t n, uint16_t *tally)
{
    for (uint32_t i = 0; i < n; i++)
        if (int_at(in, width, i) != EMPTY) tally[i]++;
}
static void filled_f64(const double *in, uint32_t n, uint16_t *tally)
{
    for (uint32_t i = 0; i < n; i++)
        if (!isnan(in[i])) tally[i]++;
}
static void points_u8(const uint8_t *codes, uint32_t n, const struct asy_code_table *table, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = table->points[codes[i]];
}
static void points_u16(const uint16_t *codes, uint32_t n, const struct asy_code_table *table, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = table->points[codes[i]];
}
static void points_u32(const uint32_t *codes, uint32_t n, const struct asy_code_table *table, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = table->points[codes[i]];
}
static void steps_narrow(const void *value, uint8_t width, uint32_t n, const int32_t *bound, const int32_t *delta, uint32_t n_bounds,
                         int32_t start, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) {
        points[i] = start;
        for (uint32_t j = 0; j < n_bounds; j++)
            if (int_at(value, width, i) >= bound[j]) points[i] += delta[j];
    }
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
static void points_once(const uint32_t *seen, uint32_t n, uint32_t bit, int32_t p, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = seen[i] & (1u << bit) ? p : 0;
}
static void points_each(const uint32_t *count, uint32_t n, int32_t p, int32_t lo, int32_t hi, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = limit((asy_i128)count[i] * p, lo, hi);
}
static void points_days(const uint16_t *days, uint32_t n, const int32_t *table, uint32_t n_table, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) {
        points[i] = 0;
        if (days[i] != ASY_NO_DAYS) points[i] = table[days[i] < n_table ? days[i] : n_table - 1];
    }
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
/* The three largest in decreasing order: the new one goes before the first that is smaller. */
static void insert(uint64_t key, uint64_t places[ASY_TOP_TERMS])
{
    uint32_t place = ASY_TOP_TERMS;
    while (place > 0 && key > places[place - 1]) place--;
    for (uint32_t j = ASY_TOP_TERMS; j-- > place;) places[j] = j == place ? key : places[j - 1];
}
static void take(const int32_t *points, uint32_t n, uint32_t n_terms, const uint32_t *tags, uint32_t shift, int32_t *total, uint32_t *keys,
                 uint32_t stride)
{
    for (uint32_t t = 0; t < n_terms; t++)
        for (uint32_t i = 0; i < n; i++) {
            uint64_t places[ASY_TOP_TERMS];
            for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) places[j] = keys[j * (size_t)stride + i];
            insert(asy_key(points[t * (size_t)stride + i], shift, tags[t]), places);
            for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) keys[j * (size_t)stride + i] = (uint32_t)places[j];
            total[i] += points[t * (size_t)stride + i];
        }
}
static void take_wide(const int32_t *points, uint32_t n, uint32_t n_terms, const uint32_t *tags, uint32_t shift, int64_t *total,
                      uint64_t *keys, uint32_t stride)
{
    for (uint32_t t = 0; t < n_terms; t++)
        for (uint32_t i = 0; i < n; i++) {
            uint64_t places[ASY_TOP_TERMS];
            for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) places[j] = keys[j * (size_t)stride + i];
            insert(asy_key(points[t * (size_t)stride + i], shift, tags[t]), places);
            for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) keys[j * (size_t)stride + i] = places[j];
            total[i] += points[t * (size_t)stride + i];
        }
}
static void take_once(const uint32_t *seen, uint32_t n, const struct asy_once *terms, uint32_t n_terms, int32_t *total, uint32_t *keys,
                      uint32_t stride)
{
    for (uint32_t t = 0; t < n_terms; t++)
        for (uint32_t i = 0; i < n; i++) {
            uint64_t places[ASY_TOP_TERMS];
            if ((seen[terms[t].word * (size_t)stride + i] & terms[t].mask) == 0) continue;
            for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) places[j] = keys[j * (size_t)stride + i];
            insert(terms[t].key, places);
            for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) keys[j * (size_t)stride + i] = (uint32_t)places[j];
            total[i] += terms[t].points;
        }
}
static void name_key(uint64_t key, uint32_t shift, uint32_t last, uint16_t *term, int32_t *points)
{
    const int64_t size = (int64_t)(key >> shift);
    *term = key == 0 ? ASY_TERM_NONE : (uint16_t)(last - (key % (1ull << shift)) / 2);
    *points = (int32_t)(key % 2 == 1 ? -size : size);
}
static void name_keys(const uint32_t *keys, uint32_t n, uint32_t shift, uint32_t last, uint16_t *term, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) name_key(keys[i], shift, last, &term[i], &points[i]);
}
static void name_keys_wide(const uint64_t *keys, uint32_t n, uint32_t shift, uint32_t last, uint16_t *term, int32_t *points)
{
    for (uint32_t i = 0; i < n; i++) name_key(keys[i], shift, last, &term[i], &points[i]);
}
static void add(const int32_t *points, uint32_t n, int32_t *total)
{
    for (uint32_t i = 0; i < n; i++) total[i] += points[i];
}
static void add_wide(const int32_t *points, uint32_t n, int64_t *total)
{
    for (uint32_t i = 0; i < n; i++) total[i] += points[i];
}
static void decimal(const int32_t *total, uint32_t n, double *out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = (double)total[i] / 1000.0;
}
static void otherwise(uint32_t n, uint16_t number, uint16_t *choice)
{
    for (uint32_t i = 0; i < n; i++)
        if (choice[i] == 0) choice[i] = number;
}
static void is_chosen(const uint16_t *choice, uint32_t n, uint8_t *out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = choice[i] == 0 ? 1 : 2;
}
static void count_events(const uint32_t *begin, const uint32_t *end, uint32_t n, uint32_t *out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = end[i] - begin[i];
}
static void since(const uint32_t *begin, const uint32_t *end, const uint32_t *time, uint32_t n, uint32_t from, uint32_t *out)
{
    for (uint32_t i = 0; i < n; i++)
        for (out[i] = begin[i]; out[i] < end[i] && time[out[i]] < from;) out[i]++;
}
static void clamp(int32_t *total, uint32_t n, int32_t lo, int32_t hi)
{
    for (uint32_t i = 0; i < n; i++) total[i] = limit(total[i], lo, hi);
}
static void clamp_wide(const int64_t *wide, uint32_t n, int32_t lo, int32_t hi, int32_t *total)
{
    for (uint32_t i = 0; i < n; i++) total[i] = limit(wide[i], lo, hi);
}
static void decay(int32_t *total, const uint16_t *idle, uint32_t n, const uint32_t *days, const uint32_t *share, uint32_t n_steps,
                  int32_t unit)
{
    for (uint32_t i = 0; i < n; i++) {
        int64_t keep = 100000;
        if (idle[i] != ASY_NO_DAYS)
            for (uint32_t j = 0; j < n_steps; j++)
                if (idle[i] >= days[j]) keep = 100000 - (int64_t)share[j];
        total[i] = (int32_t)(divide_round((asy_i128)total[i] * keep, 100000 * (int64_t)unit) * unit);
    }
}
static void round_ref(int32_t *total, uint32_t n, int32_t unit)
{
    for (uint32_t i = 0; i < n; i++) total[i] = (int32_t)(divide_round(total[i], unit) * unit);
}
static void grade_ref(const int32_t *total, uint32_t n, const int64_t *from, const uint8_t *number, uint32_t n_grades,
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
static void mask_u8(const uint8_t *codes, uint32_t n, const uint8_t *bits, uint32_t n_codes, uint8_t *t, uint8_t *k)
{
    (void)n_codes;
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
static void mask_few_u32(const uint32_t *codes, uint32_t n, const uint32_t *few, uint32_t n_few, uint8_t zero, uint8_t *t, uint8_t *k)
{
    for (uint32_t i = 0; i < n; i++) {
        mask_of(codes[i] == 0 ? zero : 2, &t[i], &k[i]);
        for (uint32_t f = 0; f < n_few; f++)
            if (codes[i] == few[f]) t[i] = 1;
    }
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
static int64_t value_of(const void *value, enum asy_ints ints, uint32_t i)
{
    switch (ints) {
    case ASY_INTS_8: return int_at(value, 1, i);
    case ASY_INTS_16: return int_at(value, 2, i);
    case ASY_INTS_32: return int_at(value, 4, i);
    case ASY_INTS_COUNT: return ((const uint32_t *)value)[i];
    case ASY_INTS_DAYS: return ((const uint16_t *)value)[i] == ASY_NO_DAYS ? EMPTY : ((const uint16_t *)value)[i];
    case ASY_INTS_MILLI: return ((const int32_t *)value)[i] / 1000;
    default: return int_at(value, 8, i);
    }
}
static void compare_ints(const void *value, enum asy_ints ints, uint32_t n, int op, int64_t c, uint8_t *t, uint8_t *k)
{
    for (uint32_t i = 0; i < n; i++) {
        const int64_t v = value_of(value, ints, i);
        compare_of((v > c) - (v < c), v != EMPTY, op, &t[i], &k[i]);
    }
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
    for (uint32_t row = 0; row < n; row++) {
        for (uint32_t w = 0; w < s->n_words; w++) s->seen[w * (size_t)s->stride + row] = 0;
        for (uint32_t c = 0; c < s->n_counts; c++) s->count[c * (size_t)s->stride + row] = 0;
        for (uint32_t i = s->begin[row]; i < s->end[row]; i++) {
            s->seen[s->name[i] / 32 * (size_t)s->stride + row] |= 1u << s->name[i] % 32;
            for (uint32_t c = 0; c < s->n_counts; c++)
                if (s->count_names[c] == s->name[i]) s->count[c * (size_t)s->stride + row] += 1;
        }
        for (uint32_t l = 0; l < s->n_lasts; l++) {
            s->last[l * (size_t)s->stride + row] = 0;
            for (uint32_t i = s->begin[row]; i < s->end[row]; i++)
                if (s->last_names[l] == s->name[i]) s->last[l * (size_t)s->stride + row] = i + 1;
        }
    }
}
static int set_has(const struct asy_name_set *set, uint8_t name) { return (set->words[name / 32] & 1u << name % 32) != 0; }
static void latest_ref(const struct asy_sweep *s, uint32_t n, const struct asy_name_set *set, uint32_t as_of, uint16_t *days)
{
    for (uint32_t row = 0; row < n; row++) {
        days[row] = ASY_NO_DAYS;
        for (uint32_t i = s->begin[row]; i < s->end[row]; i++)
            if (set_has(set, s->name[i])) days[row] = (uint16_t)((as_of - s->time[i]) / 86400);
    }
}
static void days_of(const uint32_t *last, const uint32_t *time, uint32_t n, uint32_t as_of, uint16_t *days)
{
    for (uint32_t i = 0; i < n; i++) days[i] = last[i] == 0 ? ASY_NO_DAYS : (uint16_t)((as_of - time[last[i] - 1]) / 86400);
}
static void earliest_ref(const struct asy_sweep *s, uint32_t n, const struct asy_name_set *set, uint32_t as_of, uint16_t *days)
{
    for (uint32_t row = 0; row < n; row++) {
        days[row] = ASY_NO_DAYS;
        for (uint32_t i = s->end[row]; i-- > s->begin[row];)
            if (set_has(set, s->name[i])) days[row] = (uint16_t)((as_of - s->time[i]) / 86400);
    }
}
static void weigh_ref(const struct asy_sweep *s, const struct asy_weigh *w, uint32_t n)
{
    for (uint32_t row = 0; row < n; row++) {
        for (uint32_t r = 0; r < w->n_sums; r++) w->sum[r * (size_t)s->stride + row] = 0;
        for (uint32_t i = s->begin[row]; i < s->end[row]; i++) {
            const uint8_t to = w->row[s->name[i]];
            if (to == w->n_sums || w->as_of - s->time[i] > w->within_s[to]) continue;
            uint32_t age = (w->as_of - s->time[i]) / w->unit_s[to];
            if (age > w->table_len[to] - 1) age = w->table_len[to] - 1;
            w->sum[to * (size_t)s->stride + row] += w->table[to][age];
        }
    }
}
static void put(void *to, const void *from, size_t n_bytes) { memcpy(to, from, n_bytes); }

const struct asy_kern asy_kern_ref = {
    .isa = "ref",
    .widen_bits = widen_bits,
    .filled_codes = filled_codes,
    .filled_ints = filled_ints,
    .filled_f64 = filled_f64,
    .points_u8 = points_u8,
    .points_u16 = points_u16,
    .points_u32 = points_u32,
    .steps_narrow = steps_narrow,
    .steps_i64 = steps_i64,
    .steps_f64 = steps_f64,
    .points_mask = points_mask,
    .points_once = points_once,
    .points_each = points_each,
    .points_weighted = points_weighted,
    .take = take,
    .take_wide = take_wide,
    .take_once = take_once,
    .name_keys = name_keys,
    .name_keys_wide = name_keys_wide,
    .clamp = clamp,
    .clamp_wide = clamp_wide,
    .decay = decay,
    .round = round_ref,
    .grade = grade_ref,
    .mask_u8 = mask_u8,
    .mask_u16 = mask_u16,
    .mask_u32 = mask_u32,
    .mask_few_u32 = mask_few_u32,
    .compare_ints = compare_ints,
    .compare_f64 = compare_f64,
    .days_since = days_since,
    .and_ = and_,
    .or_ = or_,
    .not_ = not_,
    .choose = choose,
    .count_unknown = count_unknown,
    .sweep = sweep_ref,
    .latest = latest_ref,
    .days_of = days_of,
    .earliest = earliest_ref,
    .weigh = weigh_ref,
    .expand = expand,
    .filled_seen = filled_seen,
    .filled_bytes = filled_bytes,
    .points_days = points_days,
    .add = add,
    .add_wide = add_wide,
    .decimal = decimal,
    .otherwise = otherwise,
    .is_chosen = is_chosen,
    .count_events = count_events,
    .since = since,
    .put = put,
};
