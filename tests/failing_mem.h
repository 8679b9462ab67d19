/* An allocator for tests: it fails from a chosen allocation on (or only that one), poisons what it hands out, and
 * counts what is out. */
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

static inline bool failing_now(struct failing *failing)
{
    failing->n_calls++;
    if (failing->n_left < 0)
        return false;
    if (failing->n_left > 0) {
        failing->n_left--;
        return false;
    }
    if (failing->once)
        failing->n_left = -1;
    return true;
}

static inline void *failing_alloc(void *ctx, size_t size_bytes)
{
    struct failing *failing = ctx;
    void *p = failing_now(failing) ? NULL : malloc(size_bytes);
    if (p) {
        memset(p, 0xA5, size_bytes);
        failing->n_blocks++;
        failing->n_bytes += (int64_t)size_bytes;
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
        failing->n_bytes += (int64_t)new_bytes - (int64_t)old_bytes;
    }
    return moved;
}

static inline void failing_release(void *ctx, void *p, size_t size_bytes)
{
    struct failing *failing = ctx;
    failing->n_blocks--;
    failing->n_bytes -= (int64_t)size_bytes;
    free(p);
}

/* `failing` must outlive `mem`. */
static inline void failing_init(struct asy_mem *mem, struct failing *failing, int64_t n_left)
{
    *failing = (struct failing){.n_left = n_left};
    struct assay_allocator table = {.struct_size = sizeof table,
                                    .ctx = failing,
                                    .alloc = failing_alloc,
                                    .resize = failing_resize,
                                    .release = failing_release};
    asy_mem_init(mem, &table);
}

#endif
