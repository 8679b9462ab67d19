/* The kernels from codes to points and from points to totals and reasons, compiled once per SIMD level; see k_all.c. */
#include "kern/level.h"
#include "kern/bytes.h"

/* -- look-ups by code ------------------------------------------------------------------------------------------------ */

void ASY_LEVEL(asy_points_u8_)(const uint8_t *restrict codes, uint32_t n, const struct asy_code_table *table, int32_t *restrict points)
{
#if ASY_HAS_512
    if (table->n_codes <= 32) {
        int32_t entries[32] = {0};
        memcpy(entries, table->points, table->n_codes * sizeof(entries[0]));
        const __m512i lo = _mm512_loadu_si512(entries), hi = _mm512_loadu_si512(entries + 16);
        for (uint32_t i = 0; i < n; i += 16) {
            const __mmask16 is_row = (__mmask16)_bzhi_u32(0xffff, n - i < 16 ? n - i : 16);
            const __m512i at = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(is_row, codes + i));
            _mm512_mask_storeu_epi32(points + i, is_row, _mm512_permutex2var_epi32(lo, at, hi));
        }
        return;
    }
    if (table->has_classes) {
        const __m512i of_class = _mm512_loadu_si512(table->class_points);
        for (uint32_t i = 0; i < n; i += 64) {
            const uint32_t n_here = n - i < 64 ? n - i : 64;
            const __m512i classes = bytes_of(load_codes(codes + i, n_here), table->classes, table->n_codes);
            const __m128i quarters[4] = {_mm512_castsi512_si128(classes), _mm512_extracti32x4_epi32(classes, 1),
                                         _mm512_extracti32x4_epi32(classes, 2), _mm512_extracti32x4_epi32(classes, 3)};
            for (uint32_t q = 0; q * 16 < n_here; q++) {
                const __mmask16 is_row = (__mmask16)_bzhi_u32(0xffff, n_here - q * 16 < 16 ? n_here - q * 16 : 16);
                _mm512_mask_storeu_epi32(points + i + q * 16, is_row, _mm512_permutexvar_epi32(_mm512_cvtepu8_epi32(quarters[q]), of_class));
            }
        }
        return;
    }
#endif
    const int32_t *restrict of = table->points;
    for (uint32_t i = 0; i < n; i++) points[i] = of[apart(codes[i])];
}
void ASY_LEVEL(asy_points_u16_)(const uint16_t *restrict codes, uint32_t n, const struct asy_code_table *table, int32_t *restrict points)
{
#if ASY_HAS_512
    if (table->n_codes <= 32) {
        int32_t entries[32] = {0};
        memcpy(entries, table->points, table->n_codes * sizeof(entries[0]));
        const __m512i lo = _mm512_loadu_si512(entries), hi = _mm512_loadu_si512(entries + 16);
        for (uint32_t i = 0; i < n; i += 16) {
            const __mmask16 is_row = (__mmask16)_bzhi_u32(0xffff, n - i < 16 ? n - i : 16);
            const __m512i at = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(is_row, codes + i));
            _mm512_mask_storeu_epi32(points + i, is_row, _mm512_permutex2var_epi32(lo, at, hi));
        }
        return;
    }
#endif
    const int32_t *restrict of = table->points;
    for (uint32_t i = 0; i < n; i++) points[i] = of[apart(codes[i])];
}
void ASY_LEVEL(asy_points_u32_)(const uint32_t *restrict codes, uint32_t n, const struct asy_code_table *table, int32_t *restrict points)
{
    const int32_t *restrict of = table->points;
    for (uint32_t i = 0; i < n; i++) points[i] = of[apart(codes[i])];
}

/* -- step functions --------------------------------------------------------------------------------------------------- */

/* Rows are taken in groups that fit into registers, so that the bounds go round inside. */
enum { GROUP = 64 };
INLINE int32_t narrow_at(const void *value, int width, uint32_t i)
{
    if (width == 1) {
        const int8_t v = ((const int8_t *)value)[i];
        return v == INT8_MIN ? INT32_MIN : v;
    }
    if (width == 2) {
        const int16_t v = ((const int16_t *)value)[i];
        return v == INT16_MIN ? INT32_MIN : v;
    }
    return ((const int32_t *)value)[i];
}
INLINE void steps_group(const void *value, int width, uint32_t i0, uint32_t n, const int32_t *restrict bound,
                        const int32_t *restrict delta, uint32_t n_bounds, int32_t start, int32_t *restrict points)
{
    int32_t v[GROUP], sum[GROUP];
    for (uint32_t i = 0; i < n; i++) v[i] = narrow_at(value, width, i0 + i);
    for (uint32_t i = 0; i < n; i++) sum[i] = start;
    for (uint32_t j = 0; j < n_bounds; j++) {
        const int32_t b = bound[j], d = delta[j];
        for (uint32_t i = 0; i < n; i++) sum[i] += v[i] >= b ? d : 0;
    }
    for (uint32_t i = 0; i < n; i++) points[i0 + i] = sum[i];
}
INLINE void steps_as(const void *value, int width, uint32_t n, const int32_t *bound, const int32_t *delta, uint32_t n_bounds,
                     int32_t start, int32_t *points)
{
    uint32_t i = 0;
#if ASY_HAS_512
    for (; i + GROUP <= n; i += GROUP) {
        __m512i v[4], sum[4];
        for (int q = 0; q < 4; q++) {
            const uint32_t at = i + 16 * (uint32_t)q;
            if (width == 1) {
                const __m512i wide = _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)((const int8_t *)value + at)));
                v[q] = _mm512_mask_mov_epi32(wide, _mm512_cmpeq_epi32_mask(wide, _mm512_set1_epi32(INT8_MIN)), _mm512_set1_epi32(INT32_MIN));
            } else if (width == 2) {
                const __m512i wide = _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)((const int16_t *)value + at)));
                v[q] = _mm512_mask_mov_epi32(wide, _mm512_cmpeq_epi32_mask(wide, _mm512_set1_epi32(INT16_MIN)), _mm512_set1_epi32(INT32_MIN));
            } else {
                v[q] = _mm512_loadu_si512((const int32_t *)value + at);
            }
            sum[q] = _mm512_set1_epi32(start);
        }
        for (uint32_t j = 0; j < n_bounds; j++) {
            const __m512i b = _mm512_set1_epi32(bound[j]), d = _mm512_set1_epi32(delta[j]);
            for (int q = 0; q < 4; q++) sum[q] = _mm512_mask_add_epi32(sum[q], _mm512_cmpge_epi32_mask(v[q], b), sum[q], d);
        }
        for (uint32_t q = 0; q < 4; q++) _mm512_storeu_si512(points + i + 16 * q, sum[q]);
    }
#endif
    for (; i + GROUP <= n; i += GROUP) steps_group(value, width, i, GROUP, bound, delta, n_bounds, start, points);
    if (i < n) steps_group(value, width, i, n - i, bound, delta, n_bounds, start, points);
}
void ASY_LEVEL(asy_steps_narrow_)(const void *value, uint8_t width, uint32_t n, const int32_t *bound, const int32_t *delta,
                                  uint32_t n_bounds, int32_t start, int32_t *points)
{
    if (width == 1) steps_as(value, 1, n, bound, delta, n_bounds, start, points);
    else if (width == 2) steps_as(value, 2, n, bound, delta, n_bounds, start, points);
    else steps_as(value, 4, n, bound, delta, n_bounds, start, points);
}

/* -- totals and reasons ----------------------------------------------------------------------------------------------- */

INLINE void insert(uint32_t key, uint32_t *restrict a, uint32_t *restrict b, uint32_t *restrict c)
{
    const uint32_t second = key < *a ? key : *a, third = second < *b ? second : *b;
    *a = key > *a ? key : *a;
    *b = second > *b ? second : *b;
    *c = third > *c ? third : *c;
}
INLINE void insert_wide(int64_t key, int64_t *restrict a, int64_t *restrict b, int64_t *restrict c)
{
    const int64_t second = key < *a ? key : *a, third = second < *b ? second : *b;
    *a = key > *a ? key : *a;
    *b = second > *b ? second : *b;
    *c = third > *c ? third : *c;
}

static void take_plain(const int32_t *points, uint32_t n, uint32_t n_terms, const uint32_t *tags, uint32_t shift, int32_t *restrict total,
                       uint32_t *restrict keys, uint32_t stride)
{
    uint32_t *restrict a = keys, *restrict b = keys + stride, *restrict c = keys + 2 * (size_t)stride;
    for (uint32_t t = 0; t < n_terms; t++) {
        const int32_t *restrict of_term = points + t * (size_t)stride;
        const uint32_t tag = tags[t];
        for (uint32_t i = 0; i < n; i++) {
            const int32_t p = of_term[i];
            const uint32_t size = p < 0 ? 0u - (uint32_t)p : (uint32_t)p;
            total[i] += p;
            insert(p == 0 ? 0 : size << shift | tag | (uint32_t)p >> 31, &a[i], &b[i], &c[i]);
        }
    }
}
static void take_once_plain(const uint32_t *seen, uint32_t n, const struct asy_once *terms, uint32_t n_terms, int32_t *restrict total,
                            uint32_t *restrict keys, uint32_t stride)
{
    uint32_t *restrict a = keys, *restrict b = keys + stride, *restrict c = keys + 2 * (size_t)stride;
    for (uint32_t t = 0; t < n_terms; t++) {
        const uint32_t *restrict word = seen + terms[t].word * (size_t)stride;
        const uint32_t mask = terms[t].mask, key = terms[t].key;
        const int32_t p = terms[t].points;
        for (uint32_t i = 0; i < n; i++) {
            const int is_seen = (word[i] & mask) != 0;
            total[i] += is_seen ? p : 0;
            insert(is_seen ? key : 0, &a[i], &b[i], &c[i]);
        }
    }
}

#if ASY_HAS_512
/* The sums and reasons of some rows in registers, while terms go by. Several groups of 16 side by side: one's chain of comparisons
 * runs in the shadow of the others'. */
enum { GROUPS = 4, AT_ONCE = 16 * GROUPS };
struct taken {
    __m512i sum[GROUPS], first[GROUPS], second[GROUPS], third[GROUPS];
};
INLINE void taken_load(struct taken *s, const int32_t *total, const uint32_t *keys, uint32_t stride)
{
    for (uint32_t g = 0; g < GROUPS; g++) {
        s->sum[g] = _mm512_loadu_si512(total + 16 * g);
        s->first[g] = _mm512_loadu_si512(keys + 16 * g);
        s->second[g] = _mm512_loadu_si512(keys + stride + 16 * g);
        s->third[g] = _mm512_loadu_si512(keys + 2 * (size_t)stride + 16 * g);
    }
}
INLINE void taken_store(const struct taken *s, int32_t *total, uint32_t *keys, uint32_t stride)
{
    for (uint32_t g = 0; g < GROUPS; g++) {
        _mm512_storeu_si512(total + 16 * g, s->sum[g]);
        _mm512_storeu_si512(keys + 16 * g, s->first[g]);
        _mm512_storeu_si512(keys + stride + 16 * g, s->second[g]);
        _mm512_storeu_si512(keys + 2 * (size_t)stride + 16 * g, s->third[g]);
    }
}
INLINE void taken_insert(struct taken *s, uint32_t g, __m512i key)
{
    const __m512i next = _mm512_min_epu32(key, s->first[g]), last = _mm512_min_epu32(next, s->second[g]);
    s->first[g] = _mm512_max_epu32(key, s->first[g]);
    s->second[g] = _mm512_max_epu32(next, s->second[g]);
    s->third[g] = _mm512_max_epu32(last, s->third[g]);
}
#endif

void ASY_LEVEL(asy_take_)(const int32_t *points, uint32_t n, uint32_t n_terms, const uint32_t *tags, uint32_t shift, int32_t *total,
                          uint32_t *keys, uint32_t stride)
{
    uint32_t i = 0;
#if ASY_HAS_512
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    for (; i + AT_ONCE <= n; i += AT_ONCE) {
        struct taken s;
        taken_load(&s, total + i, keys + i, stride);
        for (uint32_t t = 0; t < n_terms; t++) {
            const __m512i tag = _mm512_set1_epi32((int)tags[t]);
            for (uint32_t g = 0; g < GROUPS; g++) {
                const __m512i p = _mm512_loadu_si512(points + t * (size_t)stride + i + 16 * g);
                const __m512i size = _mm512_sll_epi32(_mm512_abs_epi32(p), by), sign = _mm512_srli_epi32(p, 31);
                s.sum[g] = _mm512_add_epi32(s.sum[g], p);
                taken_insert(&s, g, _mm512_maskz_ternarylogic_epi32(_mm512_test_epi32_mask(p, p), size, sign, tag, 0xfe));
            }
        }
        taken_store(&s, total + i, keys + i, stride);
    }
#endif
    take_plain(points + i, n - i, n_terms, tags, shift, total + i, keys + i, stride);
}
/* Keys stay below 2^63, and signed numbers are compared by one instruction more often. */
static void take_wide_plain(const int32_t *points, uint32_t n, uint32_t n_terms, const uint32_t *tags, uint32_t shift,
                            int64_t *restrict total, uint64_t *restrict keys, uint32_t stride)
{
    int64_t *restrict a = (int64_t *)keys, *restrict b = a + stride, *restrict c = a + 2 * (size_t)stride;
    for (uint32_t t = 0; t < n_terms; t++) {
        const int32_t *restrict of_term = points + t * (size_t)stride;
        const int64_t tag = tags[t];
        for (uint32_t i = 0; i < n; i++) {
            const int64_t p = of_term[i], size = p < 0 ? -p : p;
            total[i] += p;
            insert_wide(p == 0 ? 0 : size << shift | tag | (p < 0), &a[i], &b[i], &c[i]);
        }
    }
}
void ASY_LEVEL(asy_take_wide_)(const int32_t *points, uint32_t n, uint32_t n_terms, const uint32_t *tags, uint32_t shift,
                               int64_t *total, uint64_t *keys, uint32_t stride)
{
    uint32_t i = 0;
#if ASY_HAS_512
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    uint64_t *a = keys, *b = keys + stride, *c = keys + 2 * (size_t)stride;
    for (; i + 8 * GROUPS <= n; i += 8 * GROUPS) {
        struct taken s;
        for (uint32_t g = 0; g < GROUPS; g++) {
            s.sum[g] = _mm512_loadu_si512(total + i + 8 * g);
            s.first[g] = _mm512_loadu_si512(a + i + 8 * g);
            s.second[g] = _mm512_loadu_si512(b + i + 8 * g);
            s.third[g] = _mm512_loadu_si512(c + i + 8 * g);
        }
        for (uint32_t t = 0; t < n_terms; t++) {
            const __m512i tag = _mm512_set1_epi64(tags[t]);
            for (uint32_t g = 0; g < GROUPS; g++) {
                const __m512i p = _mm512_cvtepi32_epi64(_mm256_loadu_si256((const __m256i *)(const void *)(points + t * (size_t)stride + i + 8 * g)));
                const __m512i size = _mm512_sll_epi64(_mm512_abs_epi64(p), by), sign = _mm512_srli_epi64(p, 63);
                const __m512i key = _mm512_maskz_ternarylogic_epi64(_mm512_test_epi64_mask(p, p), size, sign, tag, 0xfe);
                const __m512i next = _mm512_min_epi64(key, s.first[g]), last = _mm512_min_epi64(next, s.second[g]);
                s.sum[g] = _mm512_add_epi64(s.sum[g], p);
                s.first[g] = _mm512_max_epi64(key, s.first[g]);
                s.second[g] = _mm512_max_epi64(next, s.second[g]);
                s.third[g] = _mm512_max_epi64(last, s.third[g]);
            }
        }
        for (uint32_t g = 0; g < GROUPS; g++) {
            _mm512_storeu_si512(total + i + 8 * g, s.sum[g]);
            _mm512_storeu_si512(a + i + 8 * g, s.first[g]);
            _mm512_storeu_si512(b + i + 8 * g, s.second[g]);
            _mm512_storeu_si512(c + i + 8 * g, s.third[g]);
        }
    }
#endif
    take_wide_plain(points + i, n - i, n_terms, tags, shift, total + i, keys + i, stride);
}
void ASY_LEVEL(asy_take_once_)(const uint32_t *seen, uint32_t n, const struct asy_once *terms, uint32_t n_terms, int32_t *total,
                               uint32_t *keys, uint32_t stride)
{
    uint32_t i = 0;
#if ASY_HAS_512
    for (; i + AT_ONCE <= n; i += AT_ONCE) {
        struct taken s;
        taken_load(&s, total + i, keys + i, stride);
        for (uint32_t t = 0; t < n_terms; t++) {
            const __m512i mask = _mm512_set1_epi32((int)terms[t].mask), points = _mm512_set1_epi32(terms[t].points),
                          key = _mm512_set1_epi32((int)terms[t].key);
            for (uint32_t g = 0; g < GROUPS; g++) {
                const __mmask16 is_seen = _mm512_test_epi32_mask(_mm512_loadu_si512(seen + terms[t].word * (size_t)stride + i + 16 * g), mask);
                s.sum[g] = _mm512_mask_add_epi32(s.sum[g], is_seen, s.sum[g], points);
                taken_insert(&s, g, _mm512_maskz_mov_epi32(is_seen, key));
            }
        }
        taken_store(&s, total + i, keys + i, stride);
    }
#endif
    take_once_plain(seen + i, n - i, terms, n_terms, total + i, keys + i, stride);
}

/* -- out --------------------------------------------------------------------------------------------------------------- */

void ASY_LEVEL(asy_put_)(void *to, const void *from, size_t n_bytes)
{
    uint8_t *out = to;
    const uint8_t *in = from;
#if defined(__x86_64__)
    const size_t ahead = -(uintptr_t)out & 63, n_ahead = ahead < n_bytes ? ahead : n_bytes;
    memcpy(out, in, n_ahead);
    out += n_ahead, in += n_ahead, n_bytes -= n_ahead;
    for (; n_bytes >= 64; out += 64, in += 64, n_bytes -= 64)
        for (size_t q = 0; q < 4; q++)
            _mm_stream_si128((__m128i *)(void *)(out + 16 * q), _mm_loadu_si128((const __m128i *)(const void *)(in + 16 * q)));
    _mm_sfence();
#endif
    memcpy(out, in, n_bytes);
}
