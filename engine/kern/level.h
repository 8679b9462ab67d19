/* What the files k_*.c of one SIMD level share: they are compiled once a level with ASY_ISA set to its name, and k_all.c makes
 * the table from all of them. */
#ifndef ASY_KERN_LEVEL_H
#define ASY_KERN_LEVEL_H

#include "kern/kern.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifndef ASY_ISA
#define ASY_ISA base
#endif
#define ASY_PASTE_(a, b) a##b
#define ASY_PASTE(a, b) ASY_PASTE_(a, b)
#define ASY_LEVEL(name) ASY_PASTE(name, ASY_ISA) /* asy_sweep_ -> asy_sweep_v4 */
#define ASY_LEVEL_TEXT_(a) #a
#define ASY_LEVEL_TEXT(a) ASY_LEVEL_TEXT_(a)

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define ASY_HAS_512 1
#else
#define ASY_HAS_512 0
#endif

/* Always inlined, so that a constant argument makes a loop of its own. */
#define INLINE static inline __attribute__((always_inline))

/* An index into a table that is to be read by plain loads: gather instructions are slower, by far on some machines. */
INLINE uint32_t apart(uint32_t index)
{
    __asm__("" : "+r"(index));
    return index;
}

/* k_sweep.c */
void ASY_LEVEL(asy_sweep_)(const struct asy_sweep *s, uint32_t n);
void ASY_LEVEL(asy_since_)(const uint32_t *begin, const uint32_t *end, const uint32_t *time, uint32_t n, uint32_t from, uint32_t *out);
void ASY_LEVEL(asy_latest_)(const struct asy_sweep *s, uint32_t n, const struct asy_name_set *set, uint32_t as_of, uint16_t *days);
void ASY_LEVEL(asy_days_of_)(const uint32_t *last, const uint32_t *time, uint32_t n, uint32_t as_of, uint16_t *days);
void ASY_LEVEL(asy_earliest_)(const struct asy_sweep *s, uint32_t n, const struct asy_name_set *set, uint32_t as_of, uint16_t *days);
void ASY_LEVEL(asy_weigh_)(const struct asy_sweep *s, const struct asy_weigh *w, uint32_t n);
/* k_points.c, k_masks.c */
void ASY_LEVEL(asy_points_u8_)(const uint8_t *codes, uint32_t n, const struct asy_code_table *table, int32_t *points);
void ASY_LEVEL(asy_points_u16_)(const uint16_t *codes, uint32_t n, const struct asy_code_table *table, int32_t *points);
void ASY_LEVEL(asy_points_u32_)(const uint32_t *codes, uint32_t n, const struct asy_code_table *table, int32_t *points);
void ASY_LEVEL(asy_steps_narrow_)(const void *value, uint8_t width, uint32_t n, const int32_t *bound, const int32_t *delta,
                                  uint32_t n_bounds, int32_t start, int32_t *points);
void ASY_LEVEL(asy_take_)(const int32_t *points, uint32_t n, uint32_t n_terms, const uint32_t *tags, uint32_t shift, int32_t *total,
                          uint32_t *keys, uint32_t stride);
void ASY_LEVEL(asy_take_wide_)(const int32_t *points, uint32_t n, uint32_t n_terms, const uint32_t *tags, uint32_t shift, int64_t *total,
                               uint64_t *keys, uint32_t stride);
void ASY_LEVEL(asy_take_once_)(const uint32_t *seen, uint32_t n, const struct asy_once *terms, uint32_t n_terms, int32_t *total,
                               uint32_t *keys, uint32_t stride);
void ASY_LEVEL(asy_mask_u8_)(const uint8_t *codes, uint32_t n, const uint8_t *bits, uint32_t n_codes, uint8_t *t, uint8_t *k);
void ASY_LEVEL(asy_mask_few_u32_)(const uint32_t *codes, uint32_t n, const uint32_t *few, uint32_t n_few, uint8_t zero, uint8_t *t,
                                  uint8_t *k);
void ASY_LEVEL(asy_compare_ints_)(const void *value, enum asy_ints ints, uint32_t n, int op, int64_t c, uint8_t *t, uint8_t *k);
void ASY_LEVEL(asy_widen_bits_)(const uint8_t *bits, uint64_t first, uint32_t n, uint8_t *out);
void ASY_LEVEL(asy_put_)(void *to, const void *from, size_t n_bytes);

#endif
