/* Hashing: the only door to xxHash. Equal hash is never taken for equal key. */
#ifndef ASY_HASH_H
#define ASY_HASH_H

#include "base/text.h"

/* A hash family chosen by a seed: XXH3 over a 192-byte secret that is made from the seed, so that an attacker who
 * does not know the seed cannot choose keys that collide (seeding plain XXH3 is not enough: xxHash issue 1127). */
struct asy_hasher {
    uint8_t secret[192];
};
void asy_hasher_init(struct asy_hasher *hasher, uint64_t seed);
uint64_t asy_hash(const struct asy_hasher *hasher, struct asy_str key);

/* Plain XXH3-64 for file checksums and identities (of a rule file). Stable across machines. */
uint64_t asy_checksum(struct asy_str bytes);

#endif
