/* Find texts by content: an open hash over numbered texts that somebody else holds. Threads: one owner. */
#ifndef ASY_PLUGIN_LOOKUP_H
#define ASY_PLUGIN_LOOKUP_H

#include "base/hash.h"
#include "base/mem.h"

#define ASY_LOOKUP_NONE UINT32_MAX

struct asy_lookup {
    struct asy_mem *mem;
    struct asy_str (*text)(const void *ctx, uint32_t number);
    const void *ctx;
    struct asy_hasher hasher;
    struct asy_lookup_slot {
        uint32_t number_1, hash; /* number + 1; 0: free */
    } *slots;
    uint64_t n_slots; /* a power of two, or 0 */
    uint32_t n;
};

void asy_lookup_init(struct asy_lookup *lookup, struct asy_mem *mem, struct asy_str (*text)(const void *ctx, uint32_t number), const void *ctx);
void asy_lookup_fini(struct asy_lookup *lookup);
/* Make room for `n` texts in all. False: no memory, and all is as it was. */
bool asy_lookup_reserve(struct asy_lookup *lookup, uint32_t n);
/* Add a text that is not there yet. False: no memory. */
bool asy_lookup_add(struct asy_lookup *lookup, uint32_t number);
/* Its number, or ASY_LOOKUP_NONE. */
uint32_t asy_lookup_find(const struct asy_lookup *lookup, struct asy_str text);

#endif
