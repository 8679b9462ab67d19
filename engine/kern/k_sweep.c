/* The kernels that read the event log, compiled once per SIMD level; see k_all.c. */
#include "kern/level.h"

enum { DAY_S = 86400 };

#if ASY_HAS_512
/* The rows from row0 on that a mask names, behind the n in `list`, without a branch that nobody could predict. Room for 16 more. */
INLINE uint32_t list_rows(uint32_t *list, uint32_t n, uint32_t row0, __mmask16 is_listed)
{
    const __m512i rows = _mm512_add_epi32(_mm512_set1_epi32((int)row0),
                                          _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    _mm512_storeu_si512(list + n, _mm512_maskz_compress_epi32(is_listed, rows));
    return n + (uint32_t)_mm_popcnt_u32(is_listed);
}
enum { LIST_ROWS = 1024 }; /* of a batch, taken together in such a list */
#endif

/* -- what happened, and how often ----------------------------------------------------------------------------------- */

static void sweep_row(const struct asy_sweep *s, uint32_t row)
{
    const size_t stride = s->stride;
    uint32_t words[ASY_NAME_WORDS] = {0};
    for (uint32_t c = 0; c < s->n_counts; c++) s->count[c * stride + row] = 0;
    for (uint32_t i = s->begin[row]; i < s->end[row]; i++) {
        const uint8_t name = s->name[i];
        words[name >> 5] |= 1u << (name & 31);
        s->count[s->count_rows[name] * stride + row]++;
    }
    for (uint32_t w = 0; w < s->n_words; w++) s->seen[w * stride + row] = words[w];
}
/* From the end, but only where the name is known to occur. */
static void find_lasts(const struct asy_sweep *s, uint32_t row)
{
    const size_t stride = s->stride;
    for (uint32_t l = 0; l < s->n_lasts; l++) {
        const uint8_t name = s->last_names[l];
        uint32_t at = 0;
        if (s->seen[(name >> 5) * stride + row] >> (name & 31) & 1)
            for (at = s->end[row]; s->name[at - 1] != name;) at--;
        s->last[l * stride + row] = at;
    }
}
static void sweep_plain(const struct asy_sweep *s, uint32_t n)
{
    for (uint32_t row = 0; row < n; row++) {
        sweep_row(s, row);
        find_lasts(s, row);
    }
}

#if ASY_HAS_512
/* Most leads have few events. So the first 16 of four leads are taken together: 16 names to 16 numbers, each name's bit (or
 * its field in a number that counts several names) by a look-up in registers, and the numbers of a lead added across. What the
 * long leads have beyond 16 follows in steps of 64. */
enum { SHORT = 16, FIELD_BITS = 5, FIELDS = 6, PACKED_MAX = 4, FIELD_NAMES = 64, LASTS_MAX = 24 };

INLINE __m512i put_together(__m512i a, __m512i b, int is_sum) { return is_sum ? _mm512_add_epi32(a, b) : _mm512_or_si512(a, b); }
/* The four numbers that four vectors come to, each or-ed or added across. */
INLINE __m128i across(const __m512i v[4], int is_sum)
{
    const __m512i a = put_together(_mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]), is_sum);
    const __m512i b = put_together(_mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]), is_sum);
    const __m512i all = put_together(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b), is_sum);
    const __m256i lo = _mm512_castsi512_si256(all), hi = _mm512_extracti64x4_epi64(all, 1);
    const __m256i half = is_sum ? _mm256_add_epi32(lo, hi) : _mm256_or_si256(lo, hi);
    const __m128i low = _mm256_castsi256_si128(half), high = _mm256_extracti128_si256(half, 1);
    return is_sum ? _mm_add_epi32(low, high) : _mm_or_si128(low, high);
}

/* By name, one in the field of its count: four tables of 64 names. */
struct fields {
    uint32_t of_name[PACKED_MAX][FIELD_NAMES];
    uint32_t n_packed;
    __m512i counted[PACKED_MAX * FIELDS], timed[LASTS_MAX]; /* each name 64 times */
};
static void make_fields(struct fields *f, const struct asy_sweep *s)
{
    f->n_packed = (s->n_counts + FIELDS - 1) / FIELDS;
    memset(f->of_name, 0, f->n_packed * sizeof(f->of_name[0]));
    for (uint32_t c = 0; c < s->n_counts; c++) {
        f->of_name[c / FIELDS][s->count_names[c]] |= 1u << (c % FIELDS * FIELD_BITS);
        f->counted[c] = _mm512_set1_epi8((char)s->count_names[c]);
    }
    for (uint32_t l = 0; l < s->n_lasts; l++) f->timed[l] = _mm512_set1_epi8((char)s->last_names[l]);
}

INLINE void sweep_short(const struct asy_sweep *s, uint32_t n, const struct fields *f, uint32_t n_words, int is_below_32,
                        uint32_t *n_long)
{
    const __m512i one = _mm512_set1_epi32(1);
    const uint32_t *restrict begin = s->begin, *restrict end = s->end;
    uint32_t *restrict rows = s->rows;
    uint32_t found = 0;
    for (uint32_t row = 0; row < n; row += 4) {
        __mmask16 is_event[4];
        __m512i name[4], part[4];
        for (uint32_t r = 0; r < 4; r++) {
            const uint32_t at = row + r < n ? row + r : row, from = begin[at], len = row + r < n ? end[at] - from : 0;
            is_event[r] = (__mmask16)_bzhi_u32(0xffff, len < SHORT ? len : SHORT);
            name[r] = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(is_event[r], s->name + from));
            rows[found] = at;
            found += len > SHORT;
            __builtin_prefetch(s->time + end[at] - 1, 0, 2); /* who asks when comes next */
        }
        for (uint32_t w = 0; w < n_words; w++) {
            for (uint32_t r = 0; r < 4; r++)
                part[r] = _mm512_maskz_sllv_epi32(is_event[r], one, w == 0 ? name[r] : _mm512_sub_epi32(name[r], _mm512_set1_epi32((int)(32 * w))));
            _mm_storeu_si128((__m128i *)(void *)(s->seen + (size_t)w * s->stride + row), across(part, 0));
        }
        for (uint32_t p = 0; p < f->n_packed; p++) {
            const uint32_t *of = f->of_name[p];
            const __m512i t0 = _mm512_loadu_si512(of), t1 = _mm512_loadu_si512(of + 16);
            for (uint32_t r = 0; r < 4; r++) {
                __m512i field = _mm512_maskz_permutex2var_epi32(is_event[r], t0, name[r], t1);
                if (!is_below_32) {
                    const __mmask16 is_high = _mm512_mask_cmpge_epu32_mask(is_event[r], name[r], _mm512_set1_epi32(32));
                    field = _mm512_mask_mov_epi32(field, is_high, _mm512_permutex2var_epi32(_mm512_loadu_si512(of + 32), name[r],
                                                                                           _mm512_loadu_si512(of + 48)));
                }
                part[r] = field;
            }
            _mm_storeu_si128((__m128i *)(void *)(s->packed + (size_t)p * s->stride + row), across(part, 1));
        }
    }
    *n_long = found;
}

static void unpack_counts(const struct asy_sweep *s, uint32_t n)
{
    for (uint32_t c = 0; c < s->n_counts; c++) {
        const uint32_t *restrict packed = s->packed + (size_t)(c / FIELDS) * s->stride;
        uint32_t *restrict count = s->count + (size_t)c * s->stride;
        const uint32_t shift = c % FIELDS * FIELD_BITS;
        for (uint32_t i = 0; i < n; i++) count[i] = packed[i] >> shift & ((1u << FIELD_BITS) - 1);
    }
}

/* The latest among the first 16 events, of the few leads that have one. */
static void last_short(const struct asy_sweep *s, uint32_t n, const struct fields *f)
{
    uint32_t list[LIST_ROWS + 16];
    for (uint32_t l = 0; l < s->n_lasts; l++) {
        const uint8_t name = s->last_names[l];
        const __m512i bit = _mm512_set1_epi32((int)(1u << (name & 31)));
        const uint32_t *seen = s->seen + (name >> 5) * (size_t)s->stride;
        uint32_t *last = s->last + l * (size_t)s->stride;
        for (uint32_t row0 = 0; row0 < n; row0 += LIST_ROWS) {
            uint32_t n_listed = 0;
            for (uint32_t at = row0; at < n && at < row0 + LIST_ROWS; at += 16) {
                _mm512_storeu_si512(last + at, _mm512_setzero_si512());
                const __mmask16 is_seen = _mm512_test_epi32_mask(_mm512_loadu_si512(seen + at), bit);
                n_listed = list_rows(list, n_listed, at, is_seen & (__mmask16)_bzhi_u32(0xffff, n - at < 16 ? n - at : 16));
            }
            for (uint32_t i = 0; i < n_listed; i++) {
                const uint32_t row = list[i], from = s->begin[row], len = s->end[row] - from;
                const __mmask16 is_event = (__mmask16)_bzhi_u32(0xffff, len < SHORT ? len : SHORT);
                const __mmask16 is_it = _mm_mask_cmpeq_epi8_mask(is_event, _mm_maskz_loadu_epi8(is_event, s->name + from), _mm512_castsi512_si128(f->timed[l]));
                last[row] = from + 32 - (uint32_t)__builtin_clz((uint32_t)is_it);
            }
        }
    }
}

/* No name is 255: such lanes are not counted, and a bit shifted that far is gone. */
INLINE void sweep_long(const struct asy_sweep *s, uint32_t row, uint32_t n_words, const struct fields *f)
{
    const __m512i one = _mm512_set1_epi32(1), nobody = _mm512_set1_epi8(-1);
    const size_t stride = s->stride;
    __m512i seen[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    for (uint32_t at = s->begin[row] + SHORT, end = s->end[row]; at < end; at += 64) {
        const __m512i name = _mm512_mask_loadu_epi8(nobody, _bzhi_u64(~0ull, end - at < 64 ? end - at : 64), s->name + at);
        for (uint32_t c = 0; c < s->n_counts; c++)
            s->count[c * stride + row] += (uint32_t)_mm_popcnt_u64(_mm512_cmpeq_epi8_mask(name, f->counted[c]));
        for (uint32_t l = 0; l < s->n_lasts; l++) {
            const uint64_t is_it = _mm512_cmpeq_epi8_mask(name, f->timed[l]);
            if (is_it) s->last[l * stride + row] = at + 64 - (uint32_t)__builtin_clzll(is_it);
        }
        const __m512i quarters[4] = {_mm512_cvtepu8_epi32(_mm512_castsi512_si128(name)), _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(name, 1)),
                                     _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(name, 2)), _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(name, 3))};
        for (uint32_t w = 0; w < n_words; w++)
            for (uint32_t q = 0; q < 4; q++)
                seen[w] = _mm512_or_si512(seen[w], _mm512_sllv_epi32(one, w == 0 ? quarters[q] : _mm512_sub_epi32(quarters[q], _mm512_set1_epi32(32))));
    }
    for (uint32_t w = 0; w < n_words; w++) s->seen[w * stride + row] |= (uint32_t)_mm512_reduce_or_epi32(seen[w]);
}

INLINE void sweep_vector(const struct asy_sweep *s, uint32_t n, uint32_t n_words)
{
    struct fields fields;
    uint32_t n_long;
    make_fields(&fields, s);
    sweep_short(s, n, &fields, n_words, n_words == 1, &n_long);
    unpack_counts(s, n);
    last_short(s, n, &fields);
    for (uint32_t i = 0; i < n_long; i++) sweep_long(s, s->rows[i], n_words, &fields);
}
#elif defined(__AVX2__)
enum { COUNTS_MAX = 24 };
/* 32 names at a time; lanes behind the last are 255, which no name is. What lies behind the log must not be read. */
INLINE void sweep_vector(const struct asy_sweep *s, uint32_t n, uint32_t n_words)
{
    static const uint8_t ends[64] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                     255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                     255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    const __m256i one = _mm256_set1_epi32(1);
    const size_t stride = s->stride;
    for (uint32_t row = 0; row < n; row++) {
        __m256i seen[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
        uint32_t counts[COUNTS_MAX] = {0};
        for (uint32_t at = s->begin[row], end = s->end[row]; at < end; at += 32) {
            const uint32_t len = end - at < 32 ? end - at : 32;
            uint8_t copy[32];
            const uint8_t *from = s->name + at;
            if (at + 32 > s->n_log) from = memcpy(copy, from, len);
            const __m256i name = _mm256_or_si256(_mm256_loadu_si256((const __m256i *)(const void *)from),
                                                 _mm256_loadu_si256((const __m256i *)(const void *)(ends + 32 - len)));
            for (uint32_t c = 0; c < s->n_counts; c++)
                counts[c] += (uint32_t)__builtin_popcount(
                    (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(name, _mm256_set1_epi8((char)s->count_names[c]))));
            const __m128i low = _mm256_castsi256_si128(name), high = _mm256_extracti128_si256(name, 1);
            const __m256i quarters[4] = {_mm256_cvtepu8_epi32(low), _mm256_cvtepu8_epi32(_mm_srli_si128(low, 8)),
                                         _mm256_cvtepu8_epi32(high), _mm256_cvtepu8_epi32(_mm_srli_si128(high, 8))};
            for (uint32_t w = 0; w < n_words; w++)
                for (uint32_t q = 0; q < 4; q++)
                    seen[w] = _mm256_or_si256(seen[w], _mm256_sllv_epi32(one, w == 0 ? quarters[q] : _mm256_sub_epi32(quarters[q], _mm256_set1_epi32(32))));
        }
        for (uint32_t w = 0; w < n_words; w++) {
            __m128i half = _mm_or_si128(_mm256_castsi256_si128(seen[w]), _mm256_extracti128_si256(seen[w], 1));
            half = _mm_or_si128(half, _mm_srli_si128(half, 8));
            s->seen[w * stride + row] = (uint32_t)_mm_cvtsi128_si32(_mm_or_si128(half, _mm_srli_si128(half, 4)));
        }
        for (uint32_t c = 0; c < s->n_counts; c++) s->count[c * stride + row] = counts[c];
        find_lasts(s, row);
    }
}
#endif

void ASY_LEVEL(asy_sweep_)(const struct asy_sweep *s, uint32_t n)
{
#if !ASY_HAS_512 && defined(__AVX2__)
    if (s->n_counts <= COUNTS_MAX && s->n_words <= 2) {
        if (s->n_words == 1) sweep_vector(s, n, 1);
        else sweep_vector(s, n, 2);
        return;
    }
#endif
#if ASY_HAS_512
    if (s->n_counts <= PACKED_MAX * FIELDS && s->n_lasts <= LASTS_MAX && s->n_words <= 2) {
        if (s->n_words == 1) sweep_vector(s, n, 1);
        else sweep_vector(s, n, 2);
        return;
    }
#endif
    sweep_plain(s, n);
}

/* From the end, since windows are short and logs are long. */
void ASY_LEVEL(asy_since_)(const uint32_t *begin, const uint32_t *end, const uint32_t *time, uint32_t n, uint32_t from, uint32_t *out)
{
    for (uint32_t row = 0; row < n; row++) {
        const uint32_t first = begin[row];
        uint32_t at = end[row];
#if ASY_HAS_512
        while (at > first) {
            const uint32_t len = at - first < 16 ? at - first : 16;
            const __mmask16 is_event = (__mmask16)_bzhi_u32(0xffff, len);
            const __m512i times = _mm512_maskz_loadu_epi32(is_event, time + at - len);
            const uint32_t n_within = (uint32_t)_mm_popcnt_u32(_mm512_mask_cmpge_epu32_mask(is_event, times, _mm512_set1_epi32((int)from)));
            at -= n_within;
            if (n_within < 16) break;
        }
#else
        while (at > first && time[at - 1] >= from) at--;
#endif
        out[row] = at;
    }
}

/* -- when ------------------------------------------------------------------------------------------------------------ */

INLINE int set_has(const struct asy_name_set *set, uint8_t name) { return set->words[name >> 5] >> (name & 31) & 1; }
/* Number of the latest event with a name of the set; the lead has one. */
INLINE uint32_t find_latest(const struct asy_sweep *s, uint32_t row, const struct asy_name_set *set)
{
    uint32_t at = s->end[row] - 1;
#if ASY_HAS_512
    if (set_has(set, s->name[at])) return at;
    for (;; at -= 16) {
        const uint32_t len = at + 1 - s->begin[row] < 16 ? at + 1 - s->begin[row] : 16, from = at + 1 - len;
        const __mmask16 is_event = (__mmask16)_bzhi_u32(0xffff, len);
        const __m512i name = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(is_event, s->name + from));
        __mmask16 is_one = 0;
        for (uint32_t w = 0; w < s->n_words; w++)
            if (set->words[w] != 0)
                is_one |= _mm512_mask_test_epi32_mask(is_event, _mm512_set1_epi32((int)set->words[w]),
                                                      _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_sub_epi32(name, _mm512_set1_epi32((int)(32 * w)))));
        if (is_one) return from + 31 - (uint32_t)__builtin_clz((uint32_t)is_one);
    }
#else
    while (!set_has(set, s->name[at])) at--;
    return at;
#endif
}
INLINE uint32_t find_earliest(const struct asy_sweep *s, uint32_t row, const struct asy_name_set *set)
{
    uint32_t at = s->begin[row];
    while (!set_has(set, s->name[at])) at++;
    return at;
}

#if !ASY_HAS_512
INLINE int has_seen(const struct asy_sweep *s, uint32_t row, const struct asy_name_set *set)
{
    uint32_t common = 0;
    for (uint32_t w = 0; w < s->n_words; w++) common |= s->seen[w * (size_t)s->stride + row] & set->words[w];
    return common != 0;
}
#endif
INLINE void find_days(const struct asy_sweep *s, uint32_t n, const struct asy_name_set *set, uint32_t as_of, int is_latest, uint16_t *days)
{
#if ASY_HAS_512
    for (uint32_t row0 = 0; row0 < n; row0 += 16) {
        __mmask16 has_one = 0;
        for (uint32_t w = 0; w < s->n_words; w++)
            has_one |= _mm512_test_epi32_mask(_mm512_loadu_si512(s->seen + w * (size_t)s->stride + row0), _mm512_set1_epi32((int)set->words[w]));
        _mm256_storeu_si256((__m256i *)(void *)(days + row0), _mm256_set1_epi16(-1));
        for (uint32_t rest = has_one & _bzhi_u32(0xffff, n - row0 < 16 ? n - row0 : 16); rest != 0; rest &= rest - 1) {
            const uint32_t row = row0 + (uint32_t)__builtin_ctz(rest);
            days[row] = (uint16_t)((as_of - s->time[is_latest ? find_latest(s, row, set) : find_earliest(s, row, set)]) / DAY_S);
        }
    }
#else
    for (uint32_t row = 0; row < n; row++) {
        days[row] = ASY_NO_DAYS;
        if (has_seen(s, row, set))
            days[row] = (uint16_t)((as_of - s->time[is_latest ? find_latest(s, row, set) : find_earliest(s, row, set)]) / DAY_S);
    }
#endif
}
void ASY_LEVEL(asy_latest_)(const struct asy_sweep *s, uint32_t n, const struct asy_name_set *set, uint32_t as_of, uint16_t *days)
{
    find_days(s, n, set, as_of, 1, days);
}
void ASY_LEVEL(asy_earliest_)(const struct asy_sweep *s, uint32_t n, const struct asy_name_set *set, uint32_t as_of, uint16_t *days)
{
    find_days(s, n, set, as_of, 0, days);
}

void ASY_LEVEL(asy_days_of_)(const uint32_t *last, const uint32_t *time, uint32_t n, uint32_t as_of, uint16_t *days)
{
    uint32_t i = 0;
#if ASY_HAS_512
    uint32_t list[LIST_ROWS + 16];
    for (; i < n; i += LIST_ROWS) {
        uint32_t n_listed = 0;
        for (uint32_t at = i; at < n && at < i + LIST_ROWS; at += 16) {
            const __mmask16 is_row = (__mmask16)_bzhi_u32(0xffff, n - at < 16 ? n - at : 16);
            const __m512i events = _mm512_maskz_loadu_epi32(is_row, last + at);
            _mm256_mask_storeu_epi16(days + at, is_row, _mm256_set1_epi16(-1));
            n_listed = list_rows(list, n_listed, at, _mm512_test_epi32_mask(events, events));
        }
        for (uint32_t l = 0; l < n_listed; l++) __builtin_prefetch(time + last[list[l]] - 1);
        for (uint32_t l = 0; l < n_listed; l++) days[list[l]] = (uint16_t)((as_of - time[last[list[l]] - 1]) / DAY_S);
    }
#else
    for (; i < n; i++) days[i] = last[i] == 0 ? ASY_NO_DAYS : (uint16_t)((as_of - time[last[i] - 1]) / DAY_S);
#endif
}

/* -- weighted sums --------------------------------------------------------------------------------------------------- */

/* Any tables: event by event. */
static void weigh_apart(const struct asy_sweep *s, const struct asy_weigh *w, uint32_t row, uint64_t *sums)
{
    for (uint32_t i = s->begin[row]; i < s->end[row]; i++) {
        const uint8_t name = s->name[i], to = w->row[name];
        if (to == w->n_sums) continue;
        const uint32_t age_s = w->as_of - s->time[i];
        if (age_s > w->within_s[to]) continue;
        const uint32_t age = w->unit_s[to] == DAY_S ? age_s / DAY_S : age_s / 3600u, at_end = w->table_len[to] - 1;
        sums[name] += w->table[to][age < at_end ? age : at_end];
    }
}

#if ASY_HAS_512
/* Seconds to whole days (or hours): x * f / 2^48 with f = 2^48 / unit rounded up, f * unit = 2^48 + r. Exact for all x of 32
 * bits, since x * r < 2^48: r is 47744 for days, 944 for hours. */
INLINE __m512i units_of(__m512i seconds, uint32_t unit_s)
{
    const uint64_t factor = ((1ull << 48) + unit_s - 1) / unit_s;
    const __m512i by = _mm512_set1_epi64((long long)factor);
    /* The factor may have 37 bits: its halves are multiplied apart. */
    const __m512i high = _mm512_srli_epi64(by, 32), odd = _mm512_srli_epi64(seconds, 32), even = _mm512_and_si512(seconds, _mm512_set1_epi64(UINT32_MAX));
    const __m512i of_even = _mm512_add_epi64(_mm512_srli_epi64(_mm512_mul_epu32(even, by), 32), _mm512_mul_epu32(even, high));
    const __m512i of_odd = _mm512_add_epi64(_mm512_srli_epi64(_mm512_mul_epu32(odd, by), 32), _mm512_mul_epu32(odd, high));
    return _mm512_or_si512(_mm512_srli_epi64(of_even, 16), _mm512_slli_epi64(_mm512_srli_epi64(of_odd, 16), 32));
}
#endif
/* One table for all: first the ages of some events, without a look at their names, then weights into sums, of all names: those that
 * nobody asks for are not read. */
INLINE void weigh_alike(const struct asy_sweep *s, const struct asy_weigh *w, uint32_t row, uint32_t unit_s, uint64_t *sums)
{
    enum { STEP = 64 };
    const uint32_t *restrict table = w->table[0];
    const uint32_t at_end = w->table_len[0] - 1, within_s = w->within_s[0], as_of = w->as_of;
    uint32_t at = s->begin[row];
    const uint32_t end = s->end[row];
    /* what is too old lies in front */
    while (within_s != UINT32_MAX && at < end && as_of - s->time[at] > within_s) at++;
    while (at < end) {
        uint32_t age[STEP];
        const uint32_t n = end - at < STEP ? end - at : STEP;
        const uint32_t *time = s->time + at;
        const uint8_t *name = s->name + at;
#if ASY_HAS_512
        for (uint32_t i = 0; i < n; i += 16) {
            const __m512i seconds = _mm512_sub_epi32(_mm512_set1_epi32((int)as_of),
                                                     _mm512_maskz_loadu_epi32((__mmask16)_bzhi_u32(0xffff, n - i < 16 ? n - i : 16), time + i));
            _mm512_storeu_si512(age + i, _mm512_min_epu32(units_of(seconds, unit_s), _mm512_set1_epi32((int)at_end)));
        }
#else
        for (uint32_t i = 0; i < n; i++) {
            const uint32_t a = (as_of - time[i]) / unit_s;
            age[i] = a < at_end ? a : at_end;
        }
#endif
        for (uint32_t i = 0; i < n; i++) sums[name[i]] += table[apart(age[i])];
        at += n;
    }
}

void ASY_LEVEL(asy_weigh_)(const struct asy_sweep *s, const struct asy_weigh *w, uint32_t n)
{
    uint64_t sums[256] = {0}; /* by name */
    uint8_t names[256];
    const size_t stride = s->stride;
    for (uint32_t name = 0; name < 256; name++)
        if (w->row[name] < w->n_sums) names[w->row[name]] = (uint8_t)name;
    for (uint32_t row = 0; row < n; row++) {
        if (!w->is_alike) weigh_apart(s, w, row, sums);
        else if (w->unit_s[0] == DAY_S) weigh_alike(s, w, row, DAY_S, sums);
        else weigh_alike(s, w, row, 3600, sums);
        for (uint32_t r = 0; r < w->n_sums; r++) {
            w->sum[r * stride + row] = sums[names[r]];
            sums[names[r]] = 0;
        }
    }
}
