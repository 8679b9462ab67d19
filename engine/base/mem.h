/* Memory: the only door to the allocator, the pool for things that live and die together, growable arrays, and
 * reserved address ranges for the lead arena.
 *
 * Threads: a struct asy_mem may be shared; pools, vectors and arenas belong to one thread at a time. */
#ifndef ASY_MEM_H
#define ASY_MEM_H

#include "assay/base.h"
#include "base/text.h"

/* The allocator of one engine. `live_bytes` counts what is handed out (atomic). */
struct asy_mem {
    struct assay_allocator table;
    uint64_t live_bytes;
};

/* With `table` NULL: malloc. */
void asy_mem_init(struct asy_mem *mem, const struct assay_allocator *table);
/* Zeroed memory, or NULL. size 0 gives NULL. */
void *asy_mem_alloc(struct asy_mem *mem, size_t size_bytes);
/* n * size with overflow checked. */
void *asy_mem_alloc_n(struct asy_mem *mem, size_t n, size_t size_bytes);
/* Grown part is zeroed. On failure NULL, and `p` is as it was. `p` NULL allocates; `new_bytes` 0 frees and gives NULL. */
void *asy_mem_resize(struct asy_mem *mem, void *p, size_t old_bytes, size_t new_bytes);
void asy_mem_free(struct asy_mem *mem, void *p, size_t size_bytes);
/* Ask for huge pages under a large array that is read at random (half of the time of a look-up is the address translation
 * else), before it is touched. A wish: nothing depends on it. Not for arrays that are written and read in order: they win little, and
 * where a host takes free memory back from its guests, touching a huge page for the first time may take milliseconds. */
void asy_mem_wish_huge(void *p, size_t size_bytes);

/* Makes room for item number `n` (0-based) in a growable array of `item_bytes` items: *items and *cap change
 * together, capacity doubles. False when there is no memory; the array is then as it was. Free it with
 * asy_mem_free(mem, items, cap * item_bytes). */
bool asy_mem_grow(struct asy_mem *mem, void **items, size_t *cap, size_t n, size_t item_bytes);

/* A pool: many small things, freed together. Zeroed memory, 16-byte aligned. Size 0 gives an address too, so that NULL
 * always means "no memory". A finished pool may be used again. */
struct asy_pool_block;
struct asy_pool {
    struct asy_mem *mem;
    struct asy_pool_block *last;
    bool has_failed; /* since asy_pool_init some allocation found no memory: one check at the end stands for many on the way */
};
void asy_pool_init(struct asy_pool *pool, struct asy_mem *mem);
void asy_pool_fini(struct asy_pool *pool);
void *asy_pool_alloc(struct asy_pool *pool, size_t size_bytes);
void *asy_pool_alloc_n(struct asy_pool *pool, size_t n, size_t size_bytes);
/* A copy of `s`, NUL-terminated beyond its length. {NULL, 0} without memory (the copy of empty text is not NULL). */
struct asy_str asy_pool_copy(struct asy_pool *pool, struct asy_str s);
/* printf into the pool. */
struct asy_str asy_pool_printf(struct asy_pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Grow an array inside a pool (old copies stay until the pool goes): as asy_mem_grow, capacity doubles. */
bool asy_pool_grow(struct asy_pool *pool, void **items, uint32_t *cap, uint32_t n, size_t item_bytes);

/* The lead arena: address space reserved once and carved into ranges whose base addresses never move. Two kinds:
 *
 *   private   anonymous memory, unusable until asy_range_need makes it so. Ordinary runs: only such memory gets huge pages
 *             on most machines, and it counts towards the system's promises no earlier than it is needed
 *   shared    one memfd (an unlinked file where memfd is missing), mapped shared: another process can map it too
 *
 *   arena : [ range 0 ........ | range 1 ........ | ... ]      each range: [ used | reserved, untouched ]
 *
 * Range sizes are address space, not memory. Pages are taken when touched: small ones in the first 2 MiB of a range, so that
 * thousands of nearly empty columns cost little, behind them huge ones (a wish) if the range is read at random. */
struct asy_arena {
    bool is_shared;
    int fd;                  /* of a shared one, else -1 */
    uint8_t *base;
    uint64_t reserved_bytes; /* of address space */
    uint64_t next;           /* first byte not given to a range */
    bool on_disk;            /* the fallback file: its blocks are taken by asy_range_need, so that a full disk is an
                              * error there and not a SIGBUS later */
};
struct asy_range {
    uint8_t *base;
    uint64_t cap_bytes;  /* reserved */
    uint64_t used_bytes; /* usable: made so by asy_range_need, rounded up */
    uint64_t offset;     /* in the arena, and so in its file */
    int disk_fd;         /* the arena's file if it is on disk, else -1; borrowed */
    bool is_shared;
    bool is_random;      /* the owner's to set: read at random, huge pages are worth asking for */
};

/* A private arena. Where `reserve_bytes` of address space are not to be had, half of it is tried, and so on down to 64 GiB;
 * ASSAY_E_LIMIT when that fails as well. A failed or finished arena may be finished again. */
assay_status asy_arena_init(struct asy_arena *arena, uint64_t reserve_bytes, struct assay_error *error);
/* A shared one; also ASSAY_E_IO when no file can be made. */
assay_status asy_arena_init_shared(struct asy_arena *arena, uint64_t reserve_bytes, struct assay_error *error);
void asy_arena_fini(struct asy_arena *arena);
/* A range of at most `cap_bytes` (rounded up to 2 MiB). ASSAY_E_LIMIT when the arena's address space is used up. */
assay_status asy_arena_range(struct asy_arena *arena, uint64_t cap_bytes, struct asy_range *out,
                             struct assay_error *error);
/* Make the first `bytes` of the range usable (new bytes are zero). ASSAY_E_LIMIT beyond its capacity, ASSAY_E_NOMEM when the
 * system has no more memory to promise (ASSAY_E_IO: no room on the fallback file's disk); the range is then as it was. */
assay_status asy_range_need(struct asy_range *range, uint64_t bytes, struct assay_error *error);
/* Give the pages behind the first `bytes` back to the system (not those of the fallback file): what stood there is gone, and
 * zero when it is touched again. Nothing else changes. */
void asy_range_trim(struct asy_arena *arena, struct asy_range *range, uint64_t bytes);
/* Give all pages of a range back; it stays reserved, must not be touched before asy_range_need, and is zero then. */
void asy_range_clear(struct asy_arena *arena, struct asy_range *range);

#endif
