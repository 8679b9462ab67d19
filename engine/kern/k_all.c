/* The kernels, compiled once per SIMD level with ASY_ISA set to its name. Loops are written so that gcc and clang turn
 * them into vector code by themselves; bodies with a constant operator are specialised by inlining, never copied. */
#include "kern/level.h"

static void expand(const void *in, uint8_t width, uint32_t n, uint32_t *restrict out)
{
    const uint8_t *restrict in1 = in;
    const uint16_t *restrict in2 = in;
    if (width == 1)
        for (uint32_t i = 0; i < n; i++) out[i] = in1[i];
    else if (width == 2)
        for (uint32_t i = 0; i < n; i++) out[i] = in2[i];
    else
        memcpy(out, in, n * sizeof(*out));
}
static void filled_seen(const uint32_t *restrict seen, uint32_t n, uint32_t mask, uint16_t *restrict tally)
{
    for (uint32_t i = 0; i < n; i++) tally[i] += (seen[i] & mask) != 0;
}
static void filled_bytes(const uint8_t *restrict in, uint32_t n, uint16_t *restrict tally)
{
    for (uint32_t i = 0; i < n; i++) tally[i] += in[i];
}
static void filled_codes(const void *in, uint8_t width, uint32_t n, uint16_t *restrict tally)
{
    const uint8_t *restrict in1 = in;
    const uint16_t *restrict in2 = in;
    const uint32_t *restrict in4 = in;
    if (width == 1)
        for (uint32_t i = 0; i < n; i++) tally[i] += in1[i] != 0;
    else if (width == 2)
        for (uint32_t i = 0; i < n; i++) tally[i] += in2[i] != 0;
    else
        for (uint32_t i = 0; i < n; i++) tally[i] += in4[i] != 0;
}
static void filled_ints(const void *in, uint8_t width, uint32_t n, uint16_t *restrict tally)
{
    const int8_t *restrict in1 = in;
    const int16_t *restrict in2 = in;
    const int32_t *restrict in4 = in;
    const int64_t *restrict in8 = in;
    if (width == 1)
        for (uint32_t i = 0; i < n; i++) tally[i] += in1[i] != INT8_MIN;
    else if (width == 2)
        for (uint32_t i = 0; i < n; i++) tally[i] += in2[i] != INT16_MIN;
    else if (width == 4)
        for (uint32_t i = 0; i < n; i++) tally[i] += in4[i] != INT32_MIN;
    else
        for (uint32_t i = 0; i < n; i++) tally[i] += in8[i] != INT64_MIN;
}
static void filled_f64(const double *restrict in, uint32_t n, uint16_t *restrict tally)
{
    for (uint32_t i = 0; i < n; i++) tally[i] += in[i] == in[i];
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
static void points_once(const uint32_t *restrict seen, uint32_t n, uint32_t bit, int32_t p, int32_t *restrict points)
{
    for (uint32_t i = 0; i < n; i++) points[i] = seen[i] >> bit & 1 ? p : 0;
}
static void points_each(const uint32_t *restrict count, uint32_t n, int32_t p, int32_t lo, int32_t hi,
                        int32_t *restrict points)
{
    /* One event more than the limit takes is as good as any number more, and keeps the product within 32 bits. */
    const uint32_t size = p < 0 ? 0u - (uint32_t)p : (uint32_t)p, limit = p < 0 ? 0u - (uint32_t)lo : (uint32_t)hi;
    const uint32_t enough = size == 0 ? 0 : limit / size + 1;
    if (p < 0)
        for (uint32_t i = 0; i < n; i++) {
            const uint32_t v = (count[i] < enough ? count[i] : enough) * size;
            points[i] = -(int32_t)(v < limit ? v : limit);
        }
    else
        for (uint32_t i = 0; i < n; i++) {
            const uint32_t v = (count[i] < enough ? count[i] : enough) * size;
            points[i] = (int32_t)(v < limit ? v : limit);
        }
}
static void points_days(const uint16_t *restrict days, uint32_t n, const int32_t *restrict table, uint32_t n_table,
                        int32_t *restrict points)
{
    const uint32_t at_end = n_table - 1;
    for (uint32_t i = 0; i < n; i++) {
        const int32_t p = table[apart(days[i] < at_end ? days[i] : at_end)];
        points[i] = days[i] == ASY_NO_DAYS ? 0 : p;
    }
}
static void points_weighted(const uint64_t *restrict sum_q30, uint32_t n, int32_t p, int32_t lo, int32_t hi,
                            int32_t *restrict points)
{
    /* Whole weights and fraction apart, so that 64 bits hold the product: |p| <= 1e9, and beyond 4e9 whole weights every term is
     * at its limit already. */
    const uint64_t magnitude = (uint64_t)(p < 0 ? -(int64_t)p : p), limit = (uint64_t)(p < 0 ? -(int64_t)lo : hi);
    uint32_t i = 0;
#if ASY_HAS_512
    /* The factors have 32 bits, which the compiler cannot know. */
    const __m512i by = _mm512_set1_epi64((long long)magnitude), most = _mm512_set1_epi64((long long)limit), many = _mm512_set1_epi64(4000000000),
                  fraction = _mm512_set1_epi64((1 << 30) - 1), half = _mm512_set1_epi64(1 << 29), zero = _mm512_setzero_si512();
    for (; i + 8 <= n; i += 8) {
        const __m512i sum = _mm512_loadu_si512(sum_q30 + i), whole = _mm512_min_epu64(_mm512_srli_epi64(sum, 30), many);
        const __m512i part = _mm512_srli_epi64(_mm512_add_epi64(_mm512_mul_epu32(_mm512_and_si512(sum, fraction), by), half), 30);
        const __m512i size = _mm512_min_epu64(_mm512_add_epi64(_mm512_mul_epu32(whole, by), part), most);
        _mm256_storeu_si256((__m256i *)(void *)(points + i), _mm512_cvtepi64_epi32(p < 0 ? _mm512_sub_epi64(zero, size) : size));
    }
#endif
    for (; i < n; i++) {
        const uint64_t whole = sum_q30[i] >> 30, part = sum_q30[i] & ((1u << 30) - 1);
        const uint64_t v = (whole > 4000000000u ? 4000000000u : whole) * magnitude + ((magnitude * part + (1u << 29)) >> 30);
        const int32_t size = (int32_t)(v < limit ? v : limit);
        points[i] = p < 0 ? -size : size;
    }
}

static void name_keys(const uint32_t *restrict keys, uint32_t n, uint32_t shift, uint32_t last, uint16_t *restrict term,
                      int32_t *restrict points)
{
    const uint32_t tags = (1u << shift) - 1;
    for (uint32_t i = 0; i < n; i++) {
        const int32_t size = (int32_t)(keys[i] >> shift);
        term[i] = (uint16_t)(keys[i] == 0 ? ASY_TERM_NONE : last - ((keys[i] & tags) >> 1));
        points[i] = keys[i] & 1 ? -size : size;
    }
}
static void name_keys_wide(const uint64_t *restrict keys, uint32_t n, uint32_t shift, uint32_t last, uint16_t *restrict term,
                           int32_t *restrict points)
{
    const uint64_t tags = (1ull << shift) - 1;
    for (uint32_t i = 0; i < n; i++) {
        const int32_t size = (int32_t)(keys[i] >> shift);
        term[i] = (uint16_t)(keys[i] == 0 ? ASY_TERM_NONE : last - (uint32_t)((keys[i] & tags) >> 1));
        points[i] = keys[i] & 1 ? -size : size;
    }
}

static void add(const int32_t *restrict points, uint32_t n, int32_t *restrict total)
{
    for (uint32_t i = 0; i < n; i++) total[i] += points[i];
}
static void add_wide(const int32_t *restrict points, uint32_t n, int64_t *restrict total)
{
    for (uint32_t i = 0; i < n; i++) total[i] += points[i];
}
static void clamp(int32_t *restrict total, uint32_t n, int32_t lo, int32_t hi)
{
    for (uint32_t i = 0; i < n; i++) total[i] = total[i] < lo ? lo : total[i] > hi ? hi : total[i];
}
static void clamp_wide(const int64_t *restrict wide, uint32_t n, int32_t lo, int32_t hi, int32_t *restrict total)
{
    for (uint32_t i = 0; i < n; i++) total[i] = (int32_t)(wide[i] < lo ? lo : wide[i] > hi ? hi : wide[i]);
}
/* value * keep / divisor, half away from zero, for |value| <= 2e9, keep <= 100000, divisor <= 1e8: in doubles, and exact. The
 * numerator x, doubled half included, is a whole number below 2^48, so x + 0.5 is exact too, and (x + 0.5) / divisor is at
 * least 0.5 / divisor away from every whole number. Multiplying by the reciprocal instead is off by at most 1.5 units in the last
 * place of a quotient q, less than q * 2^-51; and q <= 2e9 * 100000 / divisor + 1: 1e-6 for divisor 1e5 (0.5 / divisor is 5e-6),
 * 1e-9 for 1e8 (5e-9), and without decay, divisors 1 .. 1000 and keep 1, less still. */
INLINE int32_t share_of(int32_t value, double keep, double half, double inverse)
{
    const double size = value < 0 ? -(double)value : (double)value;
    const int32_t rounded = (int32_t)((size * keep + half + 0.5) * inverse);
    return value < 0 ? -rounded : rounded;
}
INLINE void decay_some(int32_t *restrict total, const uint16_t *restrict idle, uint32_t n, const uint32_t *restrict days,
                       const uint32_t *restrict share, uint32_t n_steps, int32_t unit)
{
    const double divisor = 100000.0 * unit, half = divisor / 2, inverse = 1 / divisor;
    int32_t since[64], keep[64];
    for (uint32_t i = 0; i < n; i++) since[i] = idle[i] == ASY_NO_DAYS ? -1 : idle[i];
    for (uint32_t i = 0; i < n; i++) keep[i] = 100000;
    for (uint32_t j = 0; j < n_steps && days[j] < ASY_NO_DAYS; j++) {
        const int32_t from = (int32_t)days[j], left = 100000 - (int32_t)share[j];
        for (uint32_t i = 0; i < n; i++) keep[i] = since[i] >= from ? left : keep[i];
    }
    for (uint32_t i = 0; i < n; i++) total[i] = share_of(total[i], keep[i], half, inverse) * unit;
}
static void decay(int32_t *restrict total, const uint16_t *restrict idle, uint32_t n, const uint32_t *restrict days,
                  const uint32_t *restrict share, uint32_t n_steps, int32_t unit)
{
    uint32_t i = 0;
    for (; i + 64 <= n; i += 64) decay_some(total + i, idle + i, 64, days, share, n_steps, unit);
    if (i < n) decay_some(total + i, idle + i, n - i, days, share, n_steps, unit);
}
static void round_kernel(int32_t *restrict total, uint32_t n, int32_t unit)
{
    if (unit == 1) return;
    const double half = unit / 2, inverse = 1.0 / unit;
    for (uint32_t i = 0; i < n; i++) total[i] = share_of(total[i], 1, half, inverse) * unit;
}
static void decimal(const int32_t *restrict total, uint32_t n, double *restrict out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = (double)total[i] / 1000.0;
}
static void grade_kernel(const int32_t *restrict total, uint32_t n, const int64_t *restrict from,
                         const uint8_t *restrict number, uint32_t n_grades, uint8_t *restrict grade)
{
    memset(grade, 0, n);
    for (uint32_t j = n_grades; j-- > 0;) {
        if (from[j] > INT32_MAX) continue;
        const int32_t bound = from[j] < INT32_MIN ? INT32_MIN : (int32_t)from[j];
        const uint8_t is = (uint8_t)(number[j] + 1);
        for (uint32_t i = 0; i < n; i++) grade[i] = total[i] >= bound ? is : grade[i];
    }
}

static void mask_u16(const uint16_t *restrict codes, uint32_t n, const uint8_t *restrict bits, uint8_t *restrict t, uint8_t *restrict k)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t b = bits[apart(codes[i])];
        t[i] = b & 1;
        k[i] = b >> 1;
    }
}
static void mask_u32(const uint32_t *restrict codes, uint32_t n, const uint8_t *restrict bits, uint8_t *restrict t, uint8_t *restrict k)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t b = bits[apart(codes[i])];
        t[i] = b & 1;
        k[i] = b >> 1;
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
INLINE uint32_t choose_some(const uint8_t *restrict t, const uint8_t *restrict k, uint32_t n, uint16_t number,
                            uint16_t *restrict choice)
{
    uint16_t unknown = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint16_t was = choice[i], is_open = was == 0 ? 1 : 0;
        unknown = (uint16_t)(unknown + (is_open & (k[i] ^ 1)));
        choice[i] = (uint16_t)(was | (number & (uint16_t)-(is_open & t[i])));
    }
    return unknown;
}
static uint32_t choose(const uint8_t *restrict t, const uint8_t *restrict k, uint32_t n, uint16_t number,
                       uint16_t *restrict choice)
{
    uint32_t unknown = 0, i = 0;
#if ASY_HAS_512
    const __m512i chosen = _mm512_set1_epi16((short)number);
    for (; i + 64 <= n; i += 64) {
        const __m512i low = _mm512_loadu_si512(choice + i), high = _mm512_loadu_si512(choice + i + 32);
        const __m512i is_true = _mm512_loadu_si512(t + i), is_known = _mm512_loadu_si512(k + i);
        const uint64_t is_open = _mm512_testn_epi16_mask(low, low) | (uint64_t)_mm512_testn_epi16_mask(high, high) << 32;
        const uint64_t is_new = is_open & _mm512_test_epi8_mask(is_true, is_true);
        unknown += (uint32_t)_mm_popcnt_u64(is_open & _mm512_testn_epi8_mask(is_known, is_known));
        _mm512_mask_storeu_epi16(choice + i, (__mmask32)is_new, chosen);
        _mm512_mask_storeu_epi16(choice + i + 32, (__mmask32)(is_new >> 32), chosen);
    }
#endif
    enum { STEP = 128 }; /* counts of one step fit into narrow sums */
    for (; i + STEP <= n; i += STEP) unknown += choose_some(t + i, k + i, STEP, number, choice + i);
    return unknown + choose_some(t + i, k + i, n - i, number, choice + i);
}
INLINE uint32_t count_some(const uint8_t *restrict k, uint32_t n)
{
    uint8_t unknown = 0;
    for (uint32_t i = 0; i < n; i++) unknown = (uint8_t)(unknown + (k[i] ^ 1));
    return unknown;
}
static uint32_t count_unknown(const uint8_t *restrict k, uint32_t n)
{
    enum { STEP = 128 };
    uint32_t unknown = 0, i = 0;
    for (; i + STEP <= n; i += STEP) unknown += count_some(k + i, STEP);
    return unknown + count_some(k + i, n - i);
}

static void otherwise(uint32_t n, uint16_t number, uint16_t *restrict choice)
{
    for (uint32_t i = 0; i < n; i++) choice[i] = choice[i] == 0 ? number : choice[i];
}
static void is_chosen(const uint16_t *restrict choice, uint32_t n, uint8_t *restrict out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = choice[i] ? 2 : 1;
}
static void count_events(const uint32_t *begin, const uint32_t *end, uint32_t n, uint32_t *restrict out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = end[i] - begin[i];
}

const struct asy_kern ASY_LEVEL(asy_kern_);
const struct asy_kern ASY_LEVEL(asy_kern_) = {
    .isa = ASY_LEVEL_TEXT(ASY_ISA),
    .widen_bits = ASY_LEVEL(asy_widen_bits_),
    .filled_codes = filled_codes,
    .filled_ints = filled_ints,
    .filled_f64 = filled_f64,
    .points_u8 = ASY_LEVEL(asy_points_u8_),
    .points_u16 = ASY_LEVEL(asy_points_u16_),
    .points_u32 = ASY_LEVEL(asy_points_u32_),
    .steps_narrow = ASY_LEVEL(asy_steps_narrow_),
    .steps_i64 = steps_i64,
    .steps_f64 = steps_f64,
    .points_mask = points_mask,
    .points_once = points_once,
    .points_each = points_each,
    .points_weighted = points_weighted,
    .take = ASY_LEVEL(asy_take_),
    .take_wide = ASY_LEVEL(asy_take_wide_),
    .take_once = ASY_LEVEL(asy_take_once_),
    .name_keys = name_keys,
    .name_keys_wide = name_keys_wide,
    .clamp = clamp,
    .clamp_wide = clamp_wide,
    .decay = decay,
    .round = round_kernel,
    .grade = grade_kernel,
    .mask_u8 = ASY_LEVEL(asy_mask_u8_),
    .mask_u16 = mask_u16,
    .mask_u32 = mask_u32,
    .mask_few_u32 = ASY_LEVEL(asy_mask_few_u32_),
    .compare_ints = ASY_LEVEL(asy_compare_ints_),
    .compare_f64 = compare_f64,
    .days_since = days_since,
    .and_ = and_,
    .or_ = or_,
    .not_ = not_,
    .choose = choose,
    .count_unknown = count_unknown,
    .sweep = ASY_LEVEL(asy_sweep_),
    .latest = ASY_LEVEL(asy_latest_),
    .days_of = ASY_LEVEL(asy_days_of_),
    .earliest = ASY_LEVEL(asy_earliest_),
    .weigh = ASY_LEVEL(asy_weigh_),
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
    .since = ASY_LEVEL(asy_since_),
    .put = ASY_LEVEL(asy_put_),
};
