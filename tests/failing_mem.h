/* An allocator for tests: it fails from a chosen allocation on (or only that one), poisons what it hands out, and
 * counts what is out. Several threads may allocate at once. */
#ifndef FAILING_MEM_H
#define FAILING_MEM_H

#include "base/mem.h"

#include <stdlib.h>

struct failing {
    int64_t n_left;  /* allocations that succeed before one fails; negative: none fails */
    bool once;       /* only that one fails */
    int64_t n_calls;
    int64_t n_blocks; /* handed out and not released */
    int64_t n_bytes;
};

static inline void failing_count(int64_t *counter, int64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static inline bool failing_now(struct failing *failing)
{
    failing_count(&failing->n_calls, 1);
    int64_t n_left = __atomic_load_n(&failing->n_left, __ATOMIC_RELAXED);
    for (;;) {
        if (n_left < 0)
            return false;
        if (n_left == 0 && !failing->once)
            return true;
        /* This call is the one that brings it from n to n - 1, or another thread's, and n is read anew. */
        if (__atomic_compare_exchange_n(&failing->n_left, &n_left, n_left - 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return n_left == 0;
    }
}

static inline void *failing_alloc(void *ctx, size_t size_bytes)
{
    struct failing *failing = ctx;
    void *p = failing_now(failing) ? NULL : malloc(size_bytes);
    if (p) {
        memset(p, 0xA5, size_bytes);
        failing_count(&failing->n_blocks, 1);
        failing_count(&failing->n_bytes, (int64_t)size_bytes);
    }
    return p;
}

static inline void *failing_resize(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    struct failing *failing = ctx;
    uint8_t *moved = failing_now(failing) ? NULL : malloc(new_bytes);
    if (moved) {
        memset(moved, 0xA5, new_bytes);
        memcpy(moved, p, old_bytes < new_bytes ? old_bytes : new_bytes);
        free(p);
        failing_count(&failing->n_bytes, (int64_t)new_bytes - (int64_t)old_bytes);
    }
    return moved;
}

static inline void failing_release(void *ctx, void *p, size_t size_bytes)
{
    struct failing *failing = ctx;
    failing_count(&failing->n_blocks, -1);
    failing_count(&failing->n_bytes, -(int64_t)size_bytes);
    free(p);
}

static inline struct assay_allocator failing_table(struct failing *failing)
{
    return (struct assay_allocator){.struct_size = sizeof(struct assay_allocator),
                                    .ctx = failing,
                                    .alloc = failing_alloc,
                                    .resize = failing_resize,
                                    .release = failing_release};
}

/* `failing` must outlive `mem`. */
static inline void failing_init(struct asy_mem *mem, struct failing *failing, int64_t n_left)
{
    *failing = (struct failing){.n_left = n_left};
    struct assay_allocator table = failing_table(failing);
    asy_mem_init(mem, &table);
}

#endif
