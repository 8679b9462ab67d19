/* Hashing, see hash.h. Compiled from xxHash's header: most keys are shorter than a call is worth. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/hash.h"

_Static_assert(sizeof((struct asy_hasher *)0)->secret >= XXH3_SECRET_SIZE_MIN, "xxHash asks for a secret of this size");

/* SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014). */
static uint64_t split_mix(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void asy_hasher_init(struct asy_hasher *hasher, uint64_t seed)
{
    for (size_t i = 0; i < sizeof hasher->secret; i += 8) {
        uint64_t word = split_mix(&seed);
        for (size_t k = 0; k < 8; k++)
            hasher->secret[i + k] = (uint8_t)(word >> (8 * k));
    }
}

uint64_t asy_hash(const struct asy_hasher *hasher, struct asy_str key)
{
    return XXH3_64bits_withSecret(key.len ? key.p : "", key.len, hasher->secret, sizeof hasher->secret);
}

uint64_t asy_checksum(struct asy_str bytes)
{
    return XXH3_64bits(bytes.len ? bytes.p : "", bytes.len);
}
