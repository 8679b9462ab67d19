/* Look-ups of 64 bytes at once, for the files k_*.c. */
#ifndef ASY_KERN_BYTES_H
#define ASY_KERN_BYTES_H

#include "kern/level.h"

#if ASY_HAS_512
/* 64 codes at once through a table of bytes. A byte shuffle knows 16 entries: one for each 16 codes there are, of which only
 * those with the codes' upper half take part (adding 0x70 leaves the sign bit clear for 0 .. 15 only, and a set sign bit
 * gives 0). */
INLINE __m512i bytes_of(__m512i codes, const uint8_t *table, uint32_t n_codes)
{
    __m512i out = _mm512_setzero_si512();
    for (uint32_t from = 0; from < n_codes; from += 16) {
        const __m512i entries = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)(table + from)));
        const __m512i at = _mm512_adds_epu8(_mm512_xor_si512(codes, _mm512_set1_epi8((char)from)), _mm512_set1_epi8(0x70));
        out = _mm512_or_si512(out, _mm512_shuffle_epi8(entries, at));
    }
    return out;
}
INLINE __m512i load_codes(const uint8_t *codes, uint32_t n)
{
    return n >= 64 ? _mm512_loadu_si512(codes) : _mm512_maskz_loadu_epi8(_bzhi_u64(~0ull, n), codes);
}
#endif

#endif
