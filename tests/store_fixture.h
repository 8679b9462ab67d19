/* Shared by the tests of the store: a seeded generator, and an allocator that fails when told to. */
#ifndef ASY_STORE_FIXTURE_H
#define ASY_STORE_FIXTURE_H

#include <stdlib.h>

#include "base/mem.h"

/* xorshift64* (Vigna, 2016). */
static inline uint64_t fixture_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Du;
}

static inline uint32_t fixture_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)((fixture_random(state) >> 32) * n >> 32);
}

/* Every allocation with number `fail_at` and later fails (1-based; 0: none), or only that one. */
struct fixture_faults {
    uint64_t n_calls, fail_at;
    bool once;
};

static inline bool fixture_fails(struct fixture_faults *faults)
{
    faults->n_calls++;
    return faults->fail_at && (faults->once ? faults->n_calls == faults->fail_at : faults->n_calls >= faults->fail_at);
}

static inline void *fixture_alloc(void *ctx, size_t size_bytes)
{
    return fixture_fails(ctx) ? NULL : malloc(size_bytes);
}

static inline void *fixture_resize(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    (void)old_bytes;
    return fixture_fails(ctx) ? NULL : realloc(p, new_bytes);
}

static inline void fixture_release(void *ctx, void *p, size_t size_bytes)
{
    (void)ctx;
    (void)size_bytes;
    free(p);
}

static inline void fixture_mem_init(struct asy_mem *mem, struct fixture_faults *faults)
{
    struct assay_allocator table = {.struct_size = sizeof table,
                                    .ctx = faults,
                                    .alloc = fixture_alloc,
                                    .resize = fixture_resize,
                                    .release = fixture_release};
    asy_mem_init(mem, &table);
}

#endif
