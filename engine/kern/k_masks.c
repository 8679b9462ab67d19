/* The kernels from columns to masks that need more than a plain loop, compiled once per SIMD level; see k_all.c. */
#include "kern/bytes.h"

void ASY_LEVEL(asy_mask_u8_)(const uint8_t *restrict codes, uint32_t n, const uint8_t *restrict bits, uint32_t n_codes,
                             uint8_t *restrict t, uint8_t *restrict k)
{
#if ASY_HAS_512
    const __m512i one = _mm512_set1_epi8(1);
    uint8_t padded[256] = {0};
    memcpy(padded, bits, n_codes);
    for (uint32_t i = 0; i < n; i += 64) {
        const __mmask64 is_row = _bzhi_u64(~0ull, n - i < 64 ? n - i : 64);
        const __m512i found = bytes_of(_mm512_maskz_loadu_epi8(is_row, codes + i), padded, n_codes);
        _mm512_mask_storeu_epi8(t + i, is_row, _mm512_and_si512(found, one));
        _mm512_mask_storeu_epi8(k + i, is_row, _mm512_and_si512(_mm512_srli_epi16(found, 1), one));
    }
#else
    (void)n_codes;
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t b = bits[apart(codes[i])];
        t[i] = b & 1;
        k[i] = b >> 1;
    }
#endif
}

void ASY_LEVEL(asy_widen_bits_)(const uint8_t *bits, uint64_t first, uint32_t n, uint8_t *restrict out)
{
    const uint8_t *from = bits + first / 8;
    uint32_t i = 0;
#if ASY_HAS_512
    if (first % 8 == 0)
        for (; i + 64 <= n; i += 64) {
            __mmask64 is_one;
            memcpy(&is_one, from + i / 8, 8);
            _mm512_storeu_si512(out + i, _mm512_maskz_set1_epi8(is_one, 1));
        }
#endif
    for (; i < n; i++) {
        const uint64_t at = first % 8 + i;
        out[i] = from[at / 8] >> at % 8 & 1;
    }
}

void ASY_LEVEL(asy_mask_few_u32_)(const uint32_t *restrict codes, uint32_t n, const uint32_t *restrict few, uint32_t n_few, uint8_t zero,
                                  uint8_t *restrict t, uint8_t *restrict k)
{
    const uint8_t zero_t = zero & 1, zero_k = zero >> 1;
    uint32_t i = 0;
#if ASY_HAS_512
    for (; i + 64 <= n; i += 64) {
        uint64_t is_zero = 0, is_one = 0;
        for (uint32_t q = 0; q < 4; q++) {
            const __m512i code = _mm512_loadu_si512(codes + i + 16 * q);
            __mmask16 is_of_few = 0;
            for (uint32_t f = 0; f < n_few; f++) is_of_few |= _mm512_cmpeq_epi32_mask(code, _mm512_set1_epi32((int)few[f]));
            is_zero |= (uint64_t)_mm512_testn_epi32_mask(code, code) << 16 * q;
            is_one |= (uint64_t)is_of_few << 16 * q;
        }
        _mm512_storeu_si512(t + i, _mm512_maskz_set1_epi8(is_one | (zero_t ? is_zero : 0), 1));
        _mm512_storeu_si512(k + i, _mm512_maskz_set1_epi8(zero_k ? ~0ull : ~is_zero, 1));
    }
#endif
    for (; i < n; i++) {
        uint8_t is_one = 0;
        for (uint32_t f = 0; f < n_few; f++) is_one |= codes[i] == few[f];
        t[i] = codes[i] == 0 ? zero_t : is_one;
        k[i] = codes[i] == 0 ? zero_k : 1;
    }
}

/* -- comparisons ------------------------------------------------------------------------------------------------------ */

/* Every comparison asks whether a value is in a range: lo <= value <= hi, or, for !=, whether it is not. In the width of the
 * value that is one subtraction and one unsigned comparison; empty values are outside of every range. */
struct range {
    int64_t lo, hi; /* lo > hi: nothing is in it */
    bool is_outside, is_equality;
};

/* The range of filled values that a comparison stands for, least and greatest being those there are. */
static struct range range_of(int op, int64_t c, int64_t least, int64_t greatest)
{
    struct range r = {.lo = least, .hi = greatest, .is_outside = op == ASY_NE, .is_equality = op == ASY_EQ || op == ASY_NE};
    bool is_none = false;
    if (op == ASY_GE || r.is_equality) r.lo = c > least ? c : least;
    if (op == ASY_LE || r.is_equality) r.hi = c < greatest ? c : greatest;
    if (op == ASY_GT && c >= greatest) is_none = true;
    else if (op == ASY_GT) r.lo = c + 1 > least ? c + 1 : least;
    if (op == ASY_LT && c <= least) is_none = true;
    else if (op == ASY_LT) r.hi = c - 1 < greatest ? c - 1 : greatest;
    if (is_none || r.lo > r.hi) r.lo = 1, r.hi = 0;
    return r;
}

INLINE int64_t least_of(enum asy_ints ints)
{
    return ints == ASY_INTS_8      ? INT8_MIN + 1
           : ints == ASY_INTS_16   ? INT16_MIN + 1
           : ints == ASY_INTS_32   ? INT32_MIN + 1
           : ints == ASY_INTS_64   ? INT64_MIN + 1
           : ints == ASY_INTS_MILLI ? -ASY_TERM_LIMIT_MILLI / 1000
                                   : 0;
}
INLINE int64_t greatest_of(enum asy_ints ints)
{
    return ints == ASY_INTS_8      ? INT8_MAX
           : ints == ASY_INTS_16   ? INT16_MAX
           : ints == ASY_INTS_32   ? INT32_MAX
           : ints == ASY_INTS_64   ? INT64_MAX
           : ints == ASY_INTS_MILLI ? ASY_TERM_LIMIT_MILLI / 1000
           : ints == ASY_INTS_DAYS ? ASY_NO_DAYS - 1
                                   : UINT32_MAX;
}

INLINE void compare_plain(const void *value, enum asy_ints ints, uint32_t n, struct range r, uint8_t *restrict t, uint8_t *restrict k)
{
    for (uint32_t i = 0; i < n; i++) {
        const int64_t v = ints == ASY_INTS_8      ? ((const int8_t *)value)[i]
                          : ints == ASY_INTS_16   ? ((const int16_t *)value)[i]
                          : ints == ASY_INTS_DAYS ? ((const uint16_t *)value)[i]
                          : ints == ASY_INTS_COUNT ? ((const uint32_t *)value)[i]
                          : ints == ASY_INTS_64   ? ((const int64_t *)value)[i]
                                                  : ((const int32_t *)value)[i];
        const uint8_t is_in = v >= r.lo && v <= r.hi;
        const uint8_t is_filled = ints == ASY_INTS_COUNT || ints == ASY_INTS_MILLI ? 1
                                  : ints == ASY_INTS_DAYS                          ? v != ASY_NO_DAYS
                                                                                   : v >= least_of(ints);
        t[i] = is_in ^ r.is_outside;
        k[i] = is_filled | r.is_equality;
    }
}

#if ASY_HAS_512
INLINE void compare_vectors(const void *value, enum asy_ints ints, uint32_t n, struct range r, uint8_t *t, uint8_t *k)
{
    const int64_t span = (int64_t)((uint64_t)r.hi - (uint64_t)r.lo), empty = ints == ASY_INTS_DAYS ? ASY_NO_DAYS : least_of(ints) - 1;
    const bool is_never_empty = ints == ASY_INTS_COUNT || ints == ASY_INTS_MILLI;
    const bool is_nothing = r.lo > r.hi;
    for (uint32_t i = 0; i < n; i += 64) {
        uint64_t is_in = 0, is_filled = 0;
        if (ints == ASY_INTS_8) {
            const __m512i v = _mm512_loadu_si512((const int8_t *)value + i);
            is_in = _mm512_cmple_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8((char)r.lo)), _mm512_set1_epi8((char)span));
            is_filled = _mm512_cmpneq_epi8_mask(v, _mm512_set1_epi8((char)empty));
        } else if (ints == ASY_INTS_16 || ints == ASY_INTS_DAYS) {
            for (uint32_t q = 0; q < 2; q++) {
                const __m512i v = _mm512_loadu_si512((const int16_t *)value + i + 32 * q);
                is_in |= (uint64_t)_mm512_cmple_epu16_mask(_mm512_sub_epi16(v, _mm512_set1_epi16((short)r.lo)), _mm512_set1_epi16((short)span)) << 32 * q;
                is_filled |= (uint64_t)_mm512_cmpneq_epi16_mask(v, _mm512_set1_epi16((short)empty)) << 32 * q;
            }
        } else if (ints != ASY_INTS_64) {
            for (uint32_t q = 0; q < 4; q++) {
                const __m512i v = _mm512_loadu_si512((const int32_t *)value + i + 16 * q);
                is_in |= (uint64_t)_mm512_cmple_epu32_mask(_mm512_sub_epi32(v, _mm512_set1_epi32((int)r.lo)), _mm512_set1_epi32((int)span)) << 16 * q;
                if (!is_never_empty) is_filled |= (uint64_t)_mm512_cmpneq_epi32_mask(v, _mm512_set1_epi32((int)empty)) << 16 * q;
            }
        } else {
            for (uint32_t q = 0; q < 8; q++) {
                const __m512i v = _mm512_loadu_si512((const int64_t *)value + i + 8 * q);
                is_in |= (uint64_t)_mm512_cmple_epu64_mask(_mm512_sub_epi64(v, _mm512_set1_epi64(r.lo)), _mm512_set1_epi64(span)) << 8 * q;
                is_filled |= (uint64_t)_mm512_cmpneq_epi64_mask(v, _mm512_set1_epi64(empty)) << 8 * q;
            }
        }
        if (is_nothing) is_in = 0;
        _mm512_storeu_si512(t + i, _mm512_maskz_set1_epi8(r.is_outside ? ~is_in : is_in, 1));
        _mm512_storeu_si512(k + i, _mm512_maskz_set1_epi8(is_never_empty || r.is_equality ? ~0ull : is_filled, 1));
    }
}
#endif

INLINE void compare_as(const void *value, enum asy_ints ints, uint32_t n, int op, int64_t c, uint8_t *t, uint8_t *k)
{
    const uint32_t width = ints == ASY_INTS_8 ? 1 : ints == ASY_INTS_16 || ints == ASY_INTS_DAYS ? 2 : ints == ASY_INTS_64 ? 8 : 4;
    struct range r = range_of(op, c, least_of(ints), greatest_of(ints));
    if (ints == ASY_INTS_MILLI && r.lo <= r.hi) r.lo *= 1000, r.hi *= 1000;
    uint32_t n_done = 0;
#if ASY_HAS_512
    n_done = n & ~63u;
    compare_vectors(value, ints, n_done, r, t, k);
#endif
    compare_plain((const uint8_t *)value + (size_t)n_done * width, ints, n - n_done, r, t + n_done, k + n_done);
}
void ASY_LEVEL(asy_compare_ints_)(const void *value, enum asy_ints ints, uint32_t n, int op, int64_t c, uint8_t *t, uint8_t *k)
{
    switch (ints) {
    case ASY_INTS_8: compare_as(value, ASY_INTS_8, n, op, c, t, k); break;
    case ASY_INTS_16: compare_as(value, ASY_INTS_16, n, op, c, t, k); break;
    case ASY_INTS_32: compare_as(value, ASY_INTS_32, n, op, c, t, k); break;
    case ASY_INTS_COUNT: compare_as(value, ASY_INTS_COUNT, n, op, c, t, k); break;
    case ASY_INTS_DAYS: compare_as(value, ASY_INTS_DAYS, n, op, c, t, k); break;
    case ASY_INTS_MILLI: compare_as(value, ASY_INTS_MILLI, n, op, c, t, k); break;
    default: compare_as(value, ASY_INTS_64, n, op, c, t, k); break;
    }
}
