/* The structural index, once per instruction set. Only the reading of a block into masks and the writing of positions differ;
 * what the masks mean is written once (fold_block). */
#include "io/scan.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* 64 bytes as masks, bit i for byte i. */
struct masks {
    uint64_t quote, delimiter, lf, cr;
    uint64_t inside; /* XOR of all quote bits up to and with this one */
    bool has_high, has_nul;
};

/* What a block means. */
struct folded {
    struct asy_scan_state state; /* behind it */
    uint64_t positions, escapes, lines, odd;
};

/* The automaton of scan.h over the separators and quotes of one block of n bytes. */
static __attribute__((noinline)) struct folded fold_carefully(struct asy_scan_state state, uint64_t quote, uint64_t separator,
                                                              uint64_t line_end, uint32_t n)
{
    enum { FRESH, INSIDE, LITERAL } now = state.inside ? INSIDE : state.fresh ? FRESH : LITERAL;
    uint64_t positions = 0, lines = 0;
    uint32_t expected = 0; /* the byte after the last one looked at */
    for (uint64_t rest = quote | separator; rest; rest &= rest - 1) {
        const uint32_t at = (uint32_t)__builtin_ctzll(rest);
        const uint64_t bit = UINT64_C(1) << at;
        if (at != expected && now == FRESH) now = LITERAL;
        expected = at + 1;
        if (quote & bit) {
            now = now == FRESH ? INSIDE : now == INSIDE ? FRESH : LITERAL;
        } else if (now == INSIDE) {
            lines |= line_end & bit;
        } else {
            positions |= bit;
            now = FRESH;
        }
    }
    if (expected != n && now == FRESH) now = LITERAL;
    state.inside = now == INSIDE ? UINT64_MAX : 0;
    state.fresh = now == FRESH;
    state.after_quote = now == FRESH && (quote >> (n - 1) & 1);
    return (struct folded){.state = state, .positions = positions, .escapes = 1, .lines = lines, .odd = 1};
}

/* What the masks of n bytes mean, from `state` on. */
static ALWAYS_INLINE struct folded fold_block(struct asy_scan_state state, struct masks m, uint32_t n)
{
    const uint64_t line_end = m.lf | m.cr;
    const uint64_t separator = m.delimiter | line_end;
    const uint64_t lf_of_crlf = m.lf & (m.cr << 1 | state.after_cr);
    const uint32_t last = n - 1;
    struct folded folded = {.state = state};
    if (m.quote == 0) {
        folded.positions = separator & ~state.inside;
        folded.lines = line_end & state.inside;
        folded.odd = state.after_quote & ~separator;
        folded.state.fresh = folded.positions >> last & 1;
        folded.state.after_quote = 0;
    } else {
        const uint64_t inside = m.inside ^ state.inside;
        const uint64_t opening = m.quote & inside;
        const uint64_t closing = m.quote & ~inside;
        folded.positions = separator & ~inside;
        folded.lines = line_end & inside;
        const uint64_t after_closing = closing << 1 | state.after_quote;
        folded.escapes = opening & after_closing;
        folded.odd = after_closing & ~(separator | m.quote) & UINT64_MAX >> (64 - n);
        folded.state.inside = 0 - (inside >> last & 1);
        folded.state.fresh = (folded.positions | closing) >> last & 1;
        folded.state.after_quote = closing >> last & 1;
        const uint64_t may_open = (folded.positions | closing) << 1 | state.fresh;
        if (__builtin_expect((opening & ~may_open) != 0, 0)) folded = fold_carefully(state, m.quote, separator, line_end, n);
    }
    folded.positions &= ~lf_of_crlf;
    folded.lines &= ~lf_of_crlf;
    folded.state.after_cr = m.cr >> last & 1;
    return folded;
}

/* What is kept of the blocks on the way: marks of up to 64 of them before they are stored, and sums over all. */
struct gathered {
    uint64_t high, escapes, lines, quotes;
    uint64_t cr, odd;
    size_t n_line_ends, n_quoted_lines;
};

static ALWAYS_INLINE void gather(struct gathered *to, uint32_t block, const struct masks *m, const struct folded *folded)
{
    to->high |= (uint64_t)m->has_high << block;
    to->escapes |= (uint64_t)(folded->escapes != 0) << block;
    to->quotes |= (uint64_t)(m->quote != 0) << block;
    to->cr |= m->cr;
    to->odd |= folded->odd;
    to->n_line_ends += (size_t)__builtin_popcountll(folded->positions & (m->lf | m->cr));
    if (__builtin_expect(folded->lines != 0, 0)) {
        to->lines |= UINT64_C(1) << block;
        to->n_quoted_lines += (size_t)__builtin_popcountll(folded->lines);
    }
}

static void store_marks(struct asy_scan *scan, size_t at, struct gathered *from)
{
    scan->high.bits[at] = from->high;
    scan->high.any |= from->high;
    scan->escapes.bits[at] = from->escapes;
    scan->escapes.any |= from->escapes;
    scan->lines.bits[at] = from->lines;
    scan->lines.any |= from->lines;
    scan->quotes.bits[at] = from->quotes;
    scan->quotes.any |= from->quotes;
    from->high = from->escapes = from->lines = from->quotes = 0;
}

/* The loop of every level; `classify` and `emit` are constants and vanish. */
static ALWAYS_INLINE size_t run_with(struct asy_scan *scan, const char *p, size_t len, uint32_t base, uint32_t *out,
                                     struct masks (*classify)(const char *p, char delimiter),
                                     uint32_t *(*emit)(uint32_t *out, uint32_t base, uint64_t positions))
{
    const char delimiter = scan->delimiter;
    uint32_t *const first = out;
    struct folded folded = {.state = scan->state};
    struct gathered sums = {0};
    scan->high.any = scan->escapes.any = scan->lines.any = scan->quotes.any = 0;
    scan->nul_at = SIZE_MAX;
    size_t at = 0;
    for (; at + 64 <= len; at += 64) {
        const struct masks m = classify(p + at, delimiter);
        folded = fold_block(folded.state, m, 64);
        out = emit(out, base + (uint32_t)at, folded.positions);
        gather(&sums, at / 64 % 64, &m, &folded);
        if (at / 64 % 64 == 63) store_marks(scan, at / 4096, &sums);
        if (__builtin_expect(m.has_nul && scan->nul_at == SIZE_MAX, 0))
            scan->nul_at = at + (size_t)((const char *)memchr(p + at, 0, 64) - (p + at));
    }
    if (at < len) {
        char tail[64];
        const uint32_t n = (uint32_t)(len - at);
        memset(tail, 'a', sizeof(tail));
        memcpy(tail, p + at, n);
        struct masks m = classify(tail, delimiter);
        m.delimiter &= (UINT64_C(1) << n) - 1; /* `a` may be the delimiter */
        folded = fold_block(folded.state, m, n);
        out = emit(out, base + (uint32_t)at, folded.positions);
        gather(&sums, at / 64 % 64, &m, &folded);
        if (m.has_nul && scan->nul_at == SIZE_MAX) scan->nul_at = at + (size_t)((const char *)memchr(tail, 0, n) - tail);
    }
    if (len % 4096) store_marks(scan, len / 4096, &sums);
    scan->state = folded.state;
    scan->n_line_ends = sums.n_line_ends;
    scan->n_quoted_lines = sums.n_quoted_lines;
    scan->has_cr = sums.cr != 0;
    scan->is_odd = sums.odd != 0;
    return (size_t)(out - first);
}

static inline uint64_t prefix_xor(uint64_t bits)
{
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^= bits << 32;
    return bits;
}

static inline uint32_t *emit_each(uint32_t *out, uint32_t base, uint64_t positions)
{
    for (; positions; positions &= positions - 1) *out++ = base + (uint32_t)__builtin_ctzll(positions);
    return out;
}

/* ---- plain C: eight bytes at a time in a word ---- */

/* The top bit of each byte of `word` that is zero. Exact: no carry crosses a byte. */
static inline uint64_t zero_bytes(uint64_t word)
{
    const uint64_t low7 = UINT64_C(0x7f7f7f7f7f7f7f7f);
    return ~(((word & low7) + low7) | word | low7);
}

/* Top bits of the eight bytes, byte 0 first, as eight bits. */
static inline uint64_t gather_tops(uint64_t tops)
{
    return (tops >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

static inline struct masks classify_plain(const char *p, char delimiter)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t delimiters = ones * (uint8_t)delimiter;
    struct masks m = {0};
    uint64_t high = 0, nul = 0;
    for (uint32_t i = 0; i < 8; i++) {
        uint64_t word;
        memcpy(&word, p + 8 * i, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        high |= word;
        nul |= zero_bytes(word);
        m.quote |= gather_tops(zero_bytes(word ^ ones * '"')) << 8 * i;
        m.delimiter |= gather_tops(zero_bytes(word ^ delimiters)) << 8 * i;
        m.lf |= gather_tops(zero_bytes(word ^ ones * '\n')) << 8 * i;
        m.cr |= gather_tops(zero_bytes(word ^ ones * '\r')) << 8 * i;
    }
    m.has_high = (high & ones << 7) != 0;
    m.has_nul = nul != 0;
    if (m.quote) m.inside = prefix_xor(m.quote);
    return m;
}

static size_t run_plain(struct asy_scan *scan, const char *p, size_t len, uint32_t base, uint32_t *out)
{
    return run_with(scan, p, len, base, out, classify_plain, emit_each);
}

#if defined(__x86_64__)

/* ---- SSE2: every x86-64 ---- */

static inline uint64_t equal_sse2(const __m128i v[4], char byte)
{
    const __m128i want = _mm_set1_epi8(byte);
    uint64_t bits = 0;
    for (uint32_t i = 0; i < 4; i++) bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v[i], want)) << 16 * i;
    return bits;
}

static inline struct masks classify_sse2(const char *p, char delimiter)
{
    __m128i v[4];
    for (uint32_t i = 0; i < 4; i++) v[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
    const __m128i any = _mm_or_si128(_mm_or_si128(v[0], v[1]), _mm_or_si128(v[2], v[3]));
    const __m128i least = _mm_min_epu8(_mm_min_epu8(v[0], v[1]), _mm_min_epu8(v[2], v[3]));
    struct masks m = {.quote = equal_sse2(v, '"'),
                      .delimiter = equal_sse2(v, delimiter),
                      .lf = equal_sse2(v, '\n'),
                      .cr = equal_sse2(v, '\r'),
                      .has_high = _mm_movemask_epi8(any) != 0,
                      .has_nul = _mm_movemask_epi8(_mm_cmpeq_epi8(least, _mm_setzero_si128())) != 0};
    if (m.quote) m.inside = prefix_xor(m.quote);
    return m;
}

static size_t run_sse2(struct asy_scan *scan, const char *p, size_t len, uint32_t base, uint32_t *out)
{
    return run_with(scan, p, len, base, out, classify_sse2, emit_each);
}

/* ---- AVX2 with carry-less multiplication: a product with all ones is the running XOR ---- */

#define TARGET_AVX2 __attribute__((target("avx2,bmi,popcnt,pclmul")))

static inline TARGET_AVX2 uint64_t equal_avx2(__m256i a, __m256i b, char byte)
{
    const __m256i want = _mm256_set1_epi8(byte);
    const uint32_t low = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, want));
    const uint32_t high = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, want));
    return (uint64_t)high << 32 | low;
}

static inline TARGET_AVX2 struct masks classify_avx2(const char *p, char delimiter)
{
    const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
    const __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
    const __m256i is_nul = _mm256_cmpeq_epi8(_mm256_min_epu8(a, b), _mm256_setzero_si256());
    struct masks m = {.quote = equal_avx2(a, b, '"'),
                      .delimiter = equal_avx2(a, b, delimiter),
                      .lf = equal_avx2(a, b, '\n'),
                      .cr = equal_avx2(a, b, '\r'),
                      .has_high = _mm256_movemask_epi8(_mm256_or_si256(a, b)) != 0,
                      .has_nul = _mm256_movemask_epi8(is_nul) != 0};
    const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)m.quote), _mm_set1_epi8(-1), 0);
    m.inside = (uint64_t)_mm_cvtsi128_si64(product);
    return m;
}

/* Writes eight at a time, so that the usual block takes one well predicted branch. */
static inline TARGET_AVX2 uint32_t *emit_avx2(uint32_t *out, uint32_t base, uint64_t positions)
{
    const uint32_t n = (uint32_t)_mm_popcnt_u64(positions);
    for (uint32_t done = 0; done < n; done += 8) {
        for (uint32_t i = 0; i < 8; i++) {
            out[done + i] = base + (uint32_t)_tzcnt_u64(positions);
            positions &= positions - 1;
        }
    }
    return out + n;
}

static TARGET_AVX2 size_t run_avx2(struct asy_scan *scan, const char *p, size_t len, uint32_t base, uint32_t *out)
{
    return run_with(scan, p, len, base, out, classify_avx2, emit_avx2);
}

/* ---- AVX-512 with VBMI2: compares give masks at once, a compress writes sixteen positions at once ---- */

#define TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,bmi,popcnt,pclmul")))

static inline TARGET_AVX512 struct masks classify_avx512(const char *p, char delimiter)
{
    const __m512i v = _mm512_loadu_si512(p);
    struct masks m = {.quote = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"')),
                      .delimiter = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(delimiter)),
                      .lf = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\n')),
                      .cr = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\r')),
                      .has_high = _mm512_movepi8_mask(v) != 0,
                      .has_nul = _mm512_testn_epi8_mask(v, v) != 0};
    const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)m.quote), _mm_set1_epi8(-1), 0);
    m.inside = (uint64_t)_mm_cvtsi128_si64(product);
    return m;
}

static inline TARGET_AVX512 uint32_t *emit_avx512(uint32_t *out, uint32_t base, uint64_t positions)
{
    static const uint8_t count_up[64] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
        32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    const uint32_t n = (uint32_t)_mm_popcnt_u64(positions);
    const __m512i at = _mm512_maskz_compress_epi8(positions, _mm512_loadu_si512(count_up));
    const __m512i bases = _mm512_set1_epi32((int32_t)base);
    _mm512_storeu_si512(out, _mm512_add_epi32(bases, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(at))));
    if (__builtin_expect(n > 16, 0)) {
        _mm512_storeu_si512(out + 16, _mm512_add_epi32(bases, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(at, 1))));
        _mm512_storeu_si512(out + 32, _mm512_add_epi32(bases, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(at, 2))));
        _mm512_storeu_si512(out + 48, _mm512_add_epi32(bases, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(at, 3))));
    }
    return out + n;
}

static TARGET_AVX512 size_t run_avx512(struct asy_scan *scan, const char *p, size_t len, uint32_t base, uint32_t *out)
{
    return run_with(scan, p, len, base, out, classify_avx512, emit_avx512);
}

#endif

enum asy_scan_level asy_scan_best(void)
{
#if defined(__x86_64__)
    const bool has_v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt") &&
                        __builtin_cpu_supports("pclmul");
    if (has_v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2"))
        return ASY_SCAN_AVX512;
    return has_v3 ? ASY_SCAN_AVX2 : ASY_SCAN_SSE2;
#else
    return ASY_SCAN_PLAIN;
#endif
}

const char *asy_scan_level_name(enum asy_scan_level level)
{
    static const char *const names[ASY_SCAN_N_LEVELS] = {"auto", "plain", "sse2", "avx2", "avx512"};
    return (unsigned)level < ASY_SCAN_N_LEVELS ? names[level] : "unknown";
}

void asy_scan_init(struct asy_scan *scan, char delimiter, enum asy_scan_level level)
{
    const enum asy_scan_level best = asy_scan_best();
    memset(scan, 0, sizeof(*scan));
    scan->delimiter = delimiter;
    scan->level = level == ASY_SCAN_AUTO || level > best ? best : level;
    scan->run = run_plain;
#if defined(__x86_64__)
    if (scan->level == ASY_SCAN_SSE2) scan->run = run_sse2;
    if (scan->level == ASY_SCAN_AVX2) scan->run = run_avx2;
    if (scan->level == ASY_SCAN_AVX512) scan->run = run_avx512;
#endif
    asy_scan_restart(scan, false);
}

void asy_scan_restart(struct asy_scan *scan, bool after_cr)
{
    scan->state = (struct asy_scan_state){.fresh = 1, .after_cr = after_cr};
    scan->high.any = scan->escapes.any = scan->lines.any = scan->quotes.any = 0;
    scan->n_line_ends = scan->n_quoted_lines = 0;
    scan->has_cr = scan->is_odd = false;
    scan->nul_at = SIZE_MAX;
}
