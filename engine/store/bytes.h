/* Bytes of ids and short texts, copied and compared. From 8 to 32 of them, as they mostly are, are handled as four words that
 * overlap, whatever the length: a call, or a branch on lengths that vary, costs more than words that are looked at twice. */
#ifndef ASY_BYTES_H
#define ASY_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline bool asy_bytes_are_few(uint32_t len)
{
    return len - 8 <= 24; /* below 8 it wraps */
}

/* Where the words begin, but for the first, which is at 0. Within 16 bytes the second is the last and the third the first. */
struct asy_bytes_words {
    uint32_t second, third, last;
};

static inline struct asy_bytes_words asy_bytes_words(uint32_t len)
{
    const uint32_t last = len - 8;
    return (struct asy_bytes_words){last < 8 ? last : 8, last < 8 ? 0 : last - 8, last};
}

static inline uint64_t asy_bytes_load(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* As memcpy. */
static inline void asy_bytes_copy(char *to, const char *from, uint32_t len)
{
    if (asy_bytes_are_few(len)) {
        const struct asy_bytes_words at = asy_bytes_words(len);
        memcpy(to, from, sizeof(uint64_t));
        memcpy(to + at.second, from + at.second, sizeof(uint64_t));
        memcpy(to + at.third, from + at.third, sizeof(uint64_t));
        memcpy(to + at.last, from + at.last, sizeof(uint64_t));
    } else if (len) {
        memcpy(to, from, len);
    }
}

/* Equal bytes? */
static inline bool asy_bytes_eq(const char *a, const char *b, uint32_t len)
{
    if (asy_bytes_are_few(len)) {
        const struct asy_bytes_words at = asy_bytes_words(len);
        uint64_t differs = asy_bytes_load(a) ^ asy_bytes_load(b);
        differs |= asy_bytes_load(a + at.second) ^ asy_bytes_load(b + at.second);
        differs |= asy_bytes_load(a + at.third) ^ asy_bytes_load(b + at.third);
        differs |= asy_bytes_load(a + at.last) ^ asy_bytes_load(b + at.last);
        return differs == 0;
    }
    if (len > 32)
        return memcmp(a, b, len) == 0;
    for (uint32_t i = 0; i < len; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

#endif
