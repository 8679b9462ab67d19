/* One bucket of a table (table.h), a cache line: twelve numbers, for each a tag of 8 hash bits, and a word that says which
 * keys had to go on to the next bucket. Its tags are looked at in one step: SSE2 where the machine has it, and a plain twin
 * that gives the same masks (a test compares them). Bit i of a mask speaks of slot i.
 *
 *   [ t t t t t t t t t t t t | passed | n n n n n n n n n n n n ]      tag 0 = free */
#ifndef ASY_GROUP_H
#define ASY_GROUP_H

#include <assert.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { ASY_BUCKET_SLOTS = 12, ASY_TAG_FREE = 0 };

struct asy_bucket {
    uint8_t tags[ASY_BUCKET_SLOTS];
    uint32_t passed;                    /* bits of keys that found no room here */
    uint32_t numbers[ASY_BUCKET_SLOTS];
};

static_assert(sizeof(struct asy_bucket) == 64, "a bucket is a cache line");

static inline uint32_t asy_bucket_match_plain(const struct asy_bucket *bucket, uint8_t tag)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < ASY_BUCKET_SLOTS; i++)
        mask |= (uint32_t)(bucket->tags[i] == tag) << i;
    return mask;
}

/* Slots whose tag is `tag`; with ASY_TAG_FREE those that are free. */
#if defined(__SSE2__)
static inline uint32_t asy_bucket_match(const struct asy_bucket *bucket, uint8_t tag)
{
    const __m128i tags = _mm_load_si128((const __m128i *)(const void *)bucket); /* and `passed`, which is masked out */
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag))) & ((1u << ASY_BUCKET_SLOTS) - 1);
}
#else
static inline uint32_t asy_bucket_match(const struct asy_bucket *bucket, uint8_t tag)
{
    return asy_bucket_match_plain(bucket, tag);
}
#endif

#endif
