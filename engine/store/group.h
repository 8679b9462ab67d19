/* The 16 tag bytes of one index group, all looked at in one step: SSE2 where the machine has it, and a plain twin that
 * gives the same masks (a test compares them). Bit i of a mask speaks of tag i. */
#ifndef ASY_GROUP_H
#define ASY_GROUP_H

#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { ASY_GROUP_SLOTS = 16 };
#define ASY_TAG_FREE 0x80u /* a used slot's tag has 7 bits */

static inline uint32_t asy_group_match_plain(const uint8_t *tags, uint8_t tag)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < ASY_GROUP_SLOTS; i++)
        mask |= (uint32_t)(tags[i] == tag) << i;
    return mask;
}

static inline uint32_t asy_group_free_plain(const uint8_t *tags)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < ASY_GROUP_SLOTS; i++)
        mask |= (uint32_t)(tags[i] >> 7) << i;
    return mask;
}

#if defined(__SSE2__)
static inline uint32_t asy_group_match(const uint8_t *tags, uint8_t tag)
{
    __m128i group = _mm_load_si128((const __m128i *)(const void *)tags);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(group, _mm_set1_epi8((char)tag)));
}

static inline uint32_t asy_group_free(const uint8_t *tags)
{
    return (uint32_t)_mm_movemask_epi8(_mm_load_si128((const __m128i *)(const void *)tags));
}
#else
static inline uint32_t asy_group_match(const uint8_t *tags, uint8_t tag)
{
    return asy_group_match_plain(tags, tag);
}

static inline uint32_t asy_group_free(const uint8_t *tags)
{
    return asy_group_free_plain(tags);
}
#endif

#endif
