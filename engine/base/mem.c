/* Memory, see mem.h. */
#include "base/mem.h"

#include "base/check.h"
#include "base/diag.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

_Static_assert(_Alignof(max_align_t) >= 16, "malloc must align to 16 bytes, as struct assay_allocator promises");

enum { HUGE_BYTES = 2 << 20 };

/* ---- the allocator ---- */

static void *default_alloc(void *ctx, size_t size_bytes)
{
    (void)ctx;
    return calloc(1, size_bytes);
}

static void *default_resize(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    (void)ctx;
    (void)old_bytes;
    return realloc(p, new_bytes);
}

static void default_release(void *ctx, void *p, size_t size_bytes)
{
    (void)ctx;
    (void)size_bytes;
    free(p);
}

void asy_mem_init(struct asy_mem *mem, const struct assay_allocator *table)
{
    *mem = (struct asy_mem){0};
    if (table) {
        mem->table = *table;
        return;
    }
    mem->table = (struct assay_allocator){.struct_size = sizeof(struct assay_allocator),
                                          .flags = ASSAY_ALLOC_ZEROED, /* calloc knows fresh pages to be zero */
                                          .alloc = default_alloc,
                                          .resize = default_resize,
                                          .release = default_release};
}

void *asy_mem_alloc(struct asy_mem *mem, size_t size_bytes)
{
    if (size_bytes == 0 || size_bytes > PTRDIFF_MAX)
        return NULL;
    void *p = mem->table.alloc(mem->table.ctx, size_bytes);
    if (!p)
        return NULL;
    if (!(mem->table.flags & ASSAY_ALLOC_ZEROED))
        memset(p, 0, size_bytes);
    __atomic_fetch_add(&mem->live_bytes, size_bytes, __ATOMIC_RELAXED);
    return p;
}

void *asy_mem_alloc_n(struct asy_mem *mem, size_t n, size_t size_bytes)
{
    size_t total_bytes;
    if (__builtin_mul_overflow(n, size_bytes, &total_bytes))
        return NULL;
    return asy_mem_alloc(mem, total_bytes);
}

void *asy_mem_resize(struct asy_mem *mem, void *p, size_t old_bytes, size_t new_bytes)
{
    if (!p)
        return asy_mem_alloc(mem, new_bytes);
    if (new_bytes == 0) {
        asy_mem_free(mem, p, old_bytes);
        return NULL;
    }
    if (new_bytes > PTRDIFF_MAX)
        return NULL;
    uint8_t *moved = mem->table.resize(mem->table.ctx, p, old_bytes, new_bytes);
    if (!moved)
        return NULL;
    if (new_bytes > old_bytes)
        memset(moved + old_bytes, 0, new_bytes - old_bytes);
    /* Wraps as it should where the block shrinks. */
    __atomic_fetch_add(&mem->live_bytes, (uint64_t)new_bytes - (uint64_t)old_bytes, __ATOMIC_RELAXED);
    return moved;
}

void asy_mem_free(struct asy_mem *mem, void *p, size_t size_bytes)
{
    if (!p)
        return;
    __atomic_fetch_sub(&mem->live_bytes, size_bytes, __ATOMIC_RELAXED);
    mem->table.release(mem->table.ctx, p, size_bytes);
}

void asy_mem_wish_huge(void *p, size_t size_bytes)
{
    const uintptr_t from = ((uintptr_t)p + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1);
    const uintptr_t to = ((uintptr_t)p + size_bytes) & ~(uintptr_t)(HUGE_BYTES - 1);
    if (p != NULL && from < to)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
}

/* The capacity that has item number `n`, doubled from `cap`. 0 on overflow. */
static size_t grown_cap(size_t cap, size_t n, size_t cap_max)
{
    if (n >= cap_max)
        return 0;
    size_t wanted = cap < 8 ? 8 : cap;
    while (wanted <= n)
        wanted = wanted > cap_max / 2 ? cap_max : wanted * 2;
    return wanted;
}

bool asy_mem_grow(struct asy_mem *mem, void **items, size_t *cap, size_t n, size_t item_bytes)
{
    if (n < *cap)
        return true;
    size_t wanted = grown_cap(*cap, n, PTRDIFF_MAX / item_bytes);
    if (wanted == 0)
        return false;
    void *moved = asy_mem_resize(mem, *items, *cap * item_bytes, wanted * item_bytes);
    if (!moved)
        return false;
    *items = moved;
    *cap = wanted;
    return true;
}

/* ---- pools ---- */

enum { POOL_FIRST_BYTES = 4096, POOL_BLOCK_MAX_BYTES = 1 << 20, POOL_ALIGN_BYTES = 16 };

struct asy_pool_block {
    _Alignas(16) struct asy_pool_block *previous;
    size_t size_bytes; /* the header counted */
    size_t used_bytes; /* the header counted */
};

_Static_assert(sizeof(struct asy_pool_block) % POOL_ALIGN_BYTES == 0, "what follows the header is aligned");

void asy_pool_init(struct asy_pool *pool, struct asy_mem *mem)
{
    *pool = (struct asy_pool){.mem = mem};
}

void asy_pool_fini(struct asy_pool *pool)
{
    while (pool->last) {
        struct asy_pool_block *block = pool->last;
        pool->last = block->previous;
        asy_mem_free(pool->mem, block, block->size_bytes);
    }
}

/* A new block in which `size_bytes` fit. A large thing gets a block of its own behind the last one, whose room stays
 * in use. */
static struct asy_pool_block *pool_block(struct asy_pool *pool, size_t size_bytes)
{
    size_t next_bytes = POOL_FIRST_BYTES;
    if (pool->last)
        next_bytes = pool->last->size_bytes >= POOL_BLOCK_MAX_BYTES / 2 ? POOL_BLOCK_MAX_BYTES
                                                                        : pool->last->size_bytes * 2;
    bool alone = size_bytes > next_bytes / 4;
    size_t block_bytes = alone ? size_bytes + sizeof(struct asy_pool_block) : next_bytes;
    struct asy_pool_block *block = asy_mem_alloc(pool->mem, block_bytes);
    if (!block)
        return NULL;
    block->size_bytes = block_bytes;
    block->used_bytes = sizeof *block;
    if (alone && pool->last) {
        block->previous = pool->last->previous;
        pool->last->previous = block;
    } else {
        block->previous = pool->last;
        pool->last = block;
    }
    return block;
}

void *asy_pool_alloc(struct asy_pool *pool, size_t size_bytes)
{
    if (size_bytes > PTRDIFF_MAX / 2) {
        pool->has_failed = true;
        return NULL;
    }
    size_t padded_bytes = ((size_bytes ? size_bytes : 1) + POOL_ALIGN_BYTES - 1) & ~(size_t)(POOL_ALIGN_BYTES - 1);
    struct asy_pool_block *block = pool->last;
    if (!block || block->size_bytes - block->used_bytes < padded_bytes) {
        block = pool_block(pool, padded_bytes);
        if (!block) {
            pool->has_failed = true;
            return NULL;
        }
    }
    void *p = (uint8_t *)block + block->used_bytes;
    block->used_bytes += padded_bytes;
    return p;
}

void *asy_pool_alloc_n(struct asy_pool *pool, size_t n, size_t size_bytes)
{
    size_t total_bytes;
    if (__builtin_mul_overflow(n, size_bytes, &total_bytes))
        total_bytes = SIZE_MAX; /* refused there */
    return asy_pool_alloc(pool, total_bytes);
}

struct asy_str asy_pool_copy(struct asy_pool *pool, struct asy_str s)
{
    char *copy = asy_pool_alloc(pool, (size_t)s.len + 1);
    if (!copy)
        return (struct asy_str){NULL, 0};
    if (s.len)
        memcpy(copy, s.p, s.len);
    return (struct asy_str){copy, s.len};
}

struct asy_str asy_pool_printf(struct asy_pool *pool, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        return (struct asy_str){NULL, 0};
    char *text = asy_pool_alloc(pool, (size_t)len + 1);
    if (!text)
        return (struct asy_str){NULL, 0};
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return (struct asy_str){text, (uint32_t)len};
}

bool asy_pool_grow(struct asy_pool *pool, void **items, uint32_t *cap, uint32_t n, size_t item_bytes)
{
    if (n < *cap)
        return true;
    size_t wanted = grown_cap(*cap, n, UINT32_MAX);
    if (wanted == 0)
        return false;
    void *moved = asy_pool_alloc_n(pool, wanted, item_bytes);
    if (!moved)
        return false;
    if (*cap)
        memcpy(moved, *items, *cap * item_bytes);
    *items = moved;
    *cap = (uint32_t)wanted;
    return true;
}

/* ---- the arena ---- */

#define STEP_BYTES ((uint64_t)HUGE_BYTES)
#define RESERVE_LEAST_BYTES (64ULL << 30)
enum { GROW_SHARE = 8 }; /* a private range grows by at least this part of itself: every step is a system call */

/* Rounded up to whole steps; the largest multiple when that would overflow. */
static uint64_t whole_steps(uint64_t bytes)
{
    return bytes > UINT64_MAX - STEP_BYTES ? UINT64_MAX & ~(STEP_BYTES - 1)
                                           : (bytes + STEP_BYTES - 1) & ~(STEP_BYTES - 1);
}

/* A descriptor of at least 10: a caller that closed 0, 1 or 2 must not write its messages into the leads. */
static int moved_up(int fd)
{
    if (fd < 0 || fd >= 10)
        return fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    int saved_errno = errno;
    close(fd);
    errno = saved_errno;
    return high;
}

static int arena_file(bool *on_disk)
{
    *on_disk = false;
    int fd = moved_up(memfd_create("assay", MFD_CLOEXEC));
    if (fd >= 0)
        return fd;
    *on_disk = true;
    return moved_up(open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600));
}

/* Growing a file beyond RLIMIT_FSIZE raises SIGXFSZ, which kills; so it is asked for first. */
static bool file_size_allowed(uint64_t bytes)
{
    struct rlimit limit;
    if (bytes > INT64_MAX)
        return false;
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || bytes <= limit.rlim_cur;
}

/* Space at an address that is a multiple of the step, so that huge pages fit; nothing may touch it yet. NULL with errno. */
static uint8_t *space_aligned(uint64_t bytes)
{
    uint8_t *space = mmap(NULL, bytes + STEP_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED)
        return NULL;
    uint64_t front_bytes = (STEP_BYTES - ((uintptr_t)space & (STEP_BYTES - 1))) & (STEP_BYTES - 1);
    if (front_bytes)
        munmap(space, front_bytes);
    munmap(space + front_bytes + bytes, STEP_BYTES - front_bytes);
    return space + front_bytes;
}

/* The whole file over the space. False with errno, and the space is given back. */
static bool file_over(uint8_t *base, uint64_t bytes, int fd)
{
    if (mmap(base, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, 0) != MAP_FAILED)
        return true;
    int saved_errno = errno;
    munmap(base, bytes);
    errno = saved_errno;
    return false;
}

/* Wishes for fresh space. The leads are personal data: a core dump must not carry them. And where huge pages are everybody's
 * default, the first bytes of thousands of columns must not take 2 MiB each. */
static void wish_for_space(uint8_t *base, uint64_t bytes, bool is_shared)
{
    (void)madvise(base, bytes, MADV_DONTDUMP);
    if (!is_shared)
        (void)madvise(base, bytes, MADV_NOHUGEPAGE);
}

/* Whether `bytes` can be reserved; errno says why not. */
static bool reserve(struct asy_arena *arena, uint64_t bytes)
{
    if (arena->is_shared && !file_size_allowed(bytes)) {
        errno = EFBIG;
        return false;
    }
    if (arena->is_shared && ftruncate(arena->fd, (off_t)bytes) != 0)
        return false;
    uint8_t *base = space_aligned(bytes);
    if (!base || (arena->is_shared && !file_over(base, bytes, arena->fd)))
        return false;
    wish_for_space(base, bytes, arena->is_shared);
    arena->base = base;
    arena->reserved_bytes = bytes;
    return true;
}

/* `reserve_bytes`, or as much of it as there is. Finishes the arena when even the least is not to be had. */
static assay_status reserve_some(struct asy_arena *arena, uint64_t reserve_bytes, struct assay_error *error)
{
    uint64_t bytes = whole_steps(reserve_bytes);
    while (!reserve(arena, bytes)) {
        uint64_t half_bytes = whole_steps(bytes / 2);
        if (half_bytes >= RESERVE_LEAST_BYTES) {
            bytes = half_bytes;
            continue;
        }
        int why = errno;
        const char *raise = arena->is_shared ? "`ulimit -v` and `ulimit -f`" : "`ulimit -v`";
        asy_arena_fini(arena);
        return asy_fail(error, ASSAY_E_LIMIT,
                        "lead arena: address space: expected %" PRIu64
                        " MiB to reserve (not memory), found a limit below that (%s); raise %s",
                        bytes >> 20, strerrordesc_np(why), raise);
    }
    return ASSAY_OK;
}

static assay_status refuse_size(uint64_t reserve_bytes, struct assay_error *error)
{
    if (reserve_bytes != 0 && reserve_bytes <= INT64_MAX)
        return ASSAY_OK;
    return asy_fail(error, ASSAY_E_PARAM, "lead arena: bytes to reserve: expected 1 to 2^63 - 1, found %" PRIu64,
                    reserve_bytes);
}

assay_status asy_arena_init(struct asy_arena *arena, uint64_t reserve_bytes, struct assay_error *error)
{
    *arena = (struct asy_arena){.fd = -1};
    assay_status status = refuse_size(reserve_bytes, error);
    return status == ASSAY_OK ? reserve_some(arena, reserve_bytes, error) : status;
}

assay_status asy_arena_init_shared(struct asy_arena *arena, uint64_t reserve_bytes, struct assay_error *error)
{
    *arena = (struct asy_arena){.fd = -1, .is_shared = true};
    assay_status status = refuse_size(reserve_bytes, error);
    if (status != ASSAY_OK)
        return status;
    arena->fd = arena_file(&arena->on_disk);
    if (arena->fd < 0)
        return asy_fail(error, ASSAY_E_IO,
                        "lead arena: expected a memory file or an unnamed file in /tmp, found neither (%s)",
                        strerrordesc_np(errno));
    return reserve_some(arena, reserve_bytes, error);
}

void asy_arena_fini(struct asy_arena *arena)
{
    if (arena->base)
        munmap(arena->base, arena->reserved_bytes);
    if (arena->fd >= 10)
        close(arena->fd);
    *arena = (struct asy_arena){.fd = -1};
}

assay_status asy_arena_range(struct asy_arena *arena, uint64_t cap_bytes, struct asy_range *out,
                             struct assay_error *error)
{
    uint64_t bytes = whole_steps(cap_bytes ? cap_bytes : 1);
    uint64_t left_bytes = arena->reserved_bytes - arena->next;
    if (bytes > left_bytes)
        return asy_fail(error, ASSAY_E_LIMIT,
                        "lead arena: address space: expected at most %" PRIu64 " MiB left to reserve, found %" PRIu64
                        " MiB wanted; use fewer fields, or raise `ulimit -v`",
                        left_bytes >> 20, bytes >> 20);
    *out = (struct asy_range){.base = arena->base + arena->next,
                              .cap_bytes = bytes,
                              .offset = arena->next,
                              .disk_fd = arena->on_disk ? arena->fd : -1,
                              .is_shared = arena->is_shared};
    arena->next += bytes;
    return ASSAY_OK;
}

/* ---- ranges ---- */

/* Usable bytes from `used_bytes` up to `*end`, in a private range: more than was asked for where the system promises it. */
static bool make_usable(const struct asy_range *range, uint64_t *end)
{
    uint64_t ample = whole_steps(range->used_bytes + range->used_bytes / GROW_SHARE);
    if (ample > range->cap_bytes)
        ample = range->cap_bytes;
    uint8_t *from = range->base + range->used_bytes;
    if (ample > *end && mprotect(from, ample - range->used_bytes, PROT_READ | PROT_WRITE) == 0) {
        *end = ample;
        return true;
    }
    return mprotect(from, *end - range->used_bytes, PROT_READ | PROT_WRITE) == 0;
}

/* Blocks of the fallback file from `used_bytes` up to `end`. 0 or the errno. */
static int take_disk(const struct asy_range *range, uint64_t end)
{
    return posix_fallocate(range->disk_fd, (off_t)(range->offset + range->used_bytes), (off_t)(end - range->used_bytes));
}

assay_status asy_range_need(struct asy_range *range, uint64_t bytes, struct assay_error *error)
{
    if (bytes <= range->used_bytes)
        return ASSAY_OK;
    if (bytes > range->cap_bytes)
        return asy_fail(error, ASSAY_E_LIMIT,
                        "lead arena: one column or log: expected at most %" PRIu64 " bytes, found %" PRIu64,
                        range->cap_bytes, bytes);
    uint64_t end = whole_steps(bytes);
    if (!range->is_shared && !make_usable(range, &end))
        return asy_fail(error, ASSAY_E_NOMEM, "lead arena: memory: expected %" PRIu64 " MiB more, found: %s",
                        (end - range->used_bytes) >> 20, strerrordesc_np(errno));
    int failed = range->disk_fd >= 0 ? take_disk(range, end) : 0;
    if (failed)
        return asy_fail(error, ASSAY_E_IO, "/tmp: room for the leads: expected %" PRIu64 " MiB more, found: %s",
                        (end - range->used_bytes) >> 20, strerrordesc_np(failed));
    uint64_t small_bytes = range->used_bytes > STEP_BYTES ? range->used_bytes : STEP_BYTES;
    if (range->is_random && end > small_bytes)
        (void)madvise(range->base + small_bytes, end - small_bytes, MADV_HUGEPAGE);
    range->used_bytes = end;
    return ASSAY_OK;
}

/* Where the file system cannot punch holes the pages are at least made zero, which is all the caller relies on. */
static void empty_file_pages(struct asy_arena *arena, struct asy_range *range, uint64_t from, uint64_t n_bytes)
{
    if (fallocate(arena->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(range->offset + from),
                  (off_t)n_bytes) != 0 &&
        madvise(range->base + from, n_bytes, MADV_REMOVE) != 0)
        memset(range->base + from, 0, n_bytes);
}

void asy_range_trim(struct asy_arena *arena, struct asy_range *range, uint64_t bytes)
{
    const uint64_t page_bytes = 4096; /* a larger page stays whole */
    uint64_t from = bytes > range->used_bytes ? range->used_bytes : (bytes + page_bytes - 1) & ~(page_bytes - 1);
    if (from >= range->used_bytes)
        return;
    if (range->is_shared && range->disk_fd < 0)
        empty_file_pages(arena, range, from, range->used_bytes - from);
    else if (range->is_shared) /* its blocks stay taken: they are the promise that touching it again is no SIGBUS */
        memset(range->base + from, 0, range->used_bytes - from);
    if (range->is_shared)
        return;
    (void)madvise(range->base + from, range->used_bytes - from, MADV_DONTNEED);
    /* Else the system would soon make the step that is cut a whole huge page again. */
    uint64_t step = from & ~(STEP_BYTES - 1);
    if (range->is_random && step < from)
        (void)madvise(range->base + step, STEP_BYTES, MADV_NOHUGEPAGE);
}

void asy_range_clear(struct asy_arena *arena, struct asy_range *range)
{
    if (range->used_bytes == 0)
        return;
    if (range->is_shared) {
        empty_file_pages(arena, range, 0, range->used_bytes);
    } else if (mmap(range->base, range->used_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
                    0) != MAP_FAILED) {
        /* Fresh space: what was promised for the old one is free for others again. */
        wish_for_space(range->base, range->used_bytes, false);
    } else {
        (void)madvise(range->base, range->used_bytes, MADV_DONTNEED);
    }
    range->used_bytes = 0;
}
