/* Memory, the arena, threads, hashing. */
#include "base/hash.h"
#include "base/mem.h"
#include "failing_mem.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static bool all_zero(const void *p, size_t n)
{
    const uint8_t *bytes = p;
    for (size_t i = 0; i < n; i++)
        if (bytes[i])
            return false;
    return true;
}

Test(mem, hands_out_zeroed_memory_and_counts_it)
{
    struct failing failing;
    struct asy_mem mem;
    failing_init(&mem, &failing, -1);
    uint8_t *p = asy_mem_alloc(&mem, 100);
    cr_assert(all_zero(p, 100));
    cr_assert_eq(mem.live_bytes, 100);
    p[99] = 7;
    p = asy_mem_resize(&mem, p, 100, 300);
    cr_assert_eq(p[99], 7);
    cr_assert(all_zero(p + 100, 200));
    cr_assert_eq(mem.live_bytes, 300);
    p = asy_mem_resize(&mem, p, 300, 50);
    cr_assert_eq(mem.live_bytes, 50);
    cr_assert_null(asy_mem_resize(&mem, p, 50, 0));
    asy_mem_free(&mem, NULL, 0);
    cr_assert_eq(mem.live_bytes, 0);
    cr_assert_eq(failing.n_blocks, 0);
    cr_assert_eq(failing.n_bytes, 0);
}

Test(mem, the_default_allocator_aligns_and_zeroes)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    for (size_t size = 1; size < 5000; size = size * 3 + 1) {
        uint8_t *p = asy_mem_alloc(&mem, size);
        cr_assert_eq((uintptr_t)p % 16, 0);
        cr_assert(all_zero(p, size));
        memset(p, 1, size);
        p = asy_mem_resize(&mem, p, size, 2 * size);
        cr_assert(all_zero(p + size, size));
        asy_mem_free(&mem, p, 2 * size);
    }
    cr_assert_eq(mem.live_bytes, 0);
}

Test(mem, sizes_that_overflow_are_no_memory)
{
    struct failing failing;
    struct asy_mem mem;
    failing_init(&mem, &failing, -1);
    cr_assert_null(asy_mem_alloc(&mem, 0));
    cr_assert_null(asy_mem_alloc(&mem, SIZE_MAX));
    cr_assert_null(asy_mem_alloc_n(&mem, SIZE_MAX / 2, 3));
    void *items = NULL;
    size_t cap = 0;
    cr_assert_not(asy_mem_grow(&mem, &items, &cap, SIZE_MAX - 1, 16));
    cr_assert_null(items);
    cr_assert_eq(cap, 0);
    cr_assert_eq(failing.n_calls, 0, "the allocator was not even asked");
}

Test(mem, growing_keeps_the_items_and_a_failure_changes_nothing)
{
    struct failing failing;
    struct asy_mem mem;
    failing_init(&mem, &failing, -1);
    void *items = NULL;
    size_t cap = 0;
    for (uint32_t n = 0; n < 1000; n++) {
        cr_assert(asy_mem_grow(&mem, &items, &cap, n, sizeof n));
        ((uint32_t *)items)[n] = n;
    }
    cr_assert_eq(cap, 1024);
    failing.n_left = 0;
    void *before = items;
    cr_assert_not(asy_mem_grow(&mem, &items, &cap, 1024, sizeof(uint32_t)));
    cr_assert_eq(items, before);
    cr_assert_eq(cap, 1024);
    for (uint32_t n = 0; n < 1000; n++)
        cr_assert_eq(((uint32_t *)items)[n], n);
    asy_mem_free(&mem, items, cap * sizeof(uint32_t));
    cr_assert_eq(mem.live_bytes, 0);
    cr_assert_eq(failing.n_bytes, 0);
}

Test(pool, things_of_all_sizes_are_aligned_zeroed_and_apart)
{
    struct failing failing;
    struct asy_mem mem;
    struct asy_pool pool;
    failing_init(&mem, &failing, -1);
    asy_pool_init(&pool, &mem);
    uint8_t *things[400];
    size_t sizes[400];
    uint32_t seed = 12345;
    for (int i = 0; i < 400; i++) {
        seed = seed * 1664525u + 1013904223u;
        sizes[i] = i % 50 == 0 ? seed >> 12 : seed >> 25;
        things[i] = asy_pool_alloc(&pool, sizes[i]);
        cr_assert_not_null(things[i], "also for size 0");
        cr_assert_eq((uintptr_t)things[i] % 16, 0);
        cr_assert(all_zero(things[i], sizes[i]));
        if (sizes[i])
            memset(things[i], 1 + i % 250, sizes[i]);
    }
    for (int i = 0; i < 400; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            cr_assert_eq(things[i][k], 1 + i % 250);
    asy_pool_fini(&pool);
    cr_assert_eq(failing.n_blocks, 0);
    cr_assert_eq(mem.live_bytes, 0);
}

Test(pool, copies_prints_and_grows)
{
    struct asy_mem mem;
    struct asy_pool pool;
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    struct asy_str copy = asy_pool_copy(&pool, (struct asy_str){NULL, 0});
    cr_assert_not_null(copy.p);
    cr_assert_eq(copy.len, 0);
    copy = asy_pool_copy(&pool, (struct asy_str){"lead", 2});
    cr_assert_str_eq(copy.p, "le");
    struct asy_str text = asy_pool_printf(&pool, "%s-%05d", "row", 42);
    cr_assert_str_eq(text.p, "row-00042");
    cr_assert_eq(text.len, 9);
    void *items = NULL;
    uint32_t cap = 0;
    for (uint32_t n = 0; n < 5000; n++) {
        cr_assert(asy_pool_grow(&pool, &items, &cap, n, 12));
        memcpy((uint8_t *)items + 12 * (size_t)n, &n, 4);
    }
    for (uint32_t n = 0; n < 5000; n++)
        cr_assert_eq(memcmp((uint8_t *)items + 12 * (size_t)n, &n, 4), 0);
    cr_assert_not(asy_pool_grow(&pool, &items, &cap, UINT32_MAX, 12));
    cr_assert_null(asy_pool_alloc(&pool, SIZE_MAX));
    cr_assert_null(asy_pool_alloc_n(&pool, SIZE_MAX / 4, 8));
    asy_pool_fini(&pool);
    cr_assert_eq(mem.live_bytes, 0);
}

Test(pool, every_allocation_may_fail)
{
    for (int64_t n_left = 0; n_left < 6; n_left++) {
        struct failing failing;
        struct asy_mem mem;
        struct asy_pool pool;
        failing_init(&mem, &failing, n_left);
        asy_pool_init(&pool, &mem);
        bool failed = false;
        for (int i = 0; i < 20000 && !failed; i++) {
            struct asy_str copy = asy_pool_copy(&pool, ASY_STR("twenty bytes of text"));
            failed = copy.p == NULL;
            if (failed)
                cr_assert_eq(copy.len, 0);
        }
        cr_assert(failed);
        cr_assert_null(asy_pool_printf(&pool, "%5000d", 1).p);
        asy_pool_fini(&pool);
        cr_assert_eq(failing.n_blocks, 0);
    }
}

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

static assay_status (*const arena_inits[])(struct asy_arena *arena, uint64_t reserve_bytes, struct assay_error *error) = {
    asy_arena_init, asy_arena_init_shared};

Test(arena, ranges_are_apart_zeroed_and_never_move)
{
    for (size_t kind = 0; kind < 2; kind++) {
        struct asy_arena arena;
        struct assay_error error = {0};
        cr_assert_eq(arena_inits[kind](&arena, 16 * GIB, &error), ASSAY_OK, "%s", error.text);
        cr_assert_eq(arena.is_shared, kind == 1);
        cr_assert(kind == 1 ? arena.fd >= 10 : arena.fd == -1);
        struct asy_range a, b;
        cr_assert_eq(asy_arena_range(&arena, 3 * MIB, &a, &error), ASSAY_OK);
        cr_assert_eq(asy_arena_range(&arena, GIB, &b, &error), ASSAY_OK);
        cr_assert_eq(a.cap_bytes, 4 * MIB);
        cr_assert_eq((uintptr_t)a.base % (2 * MIB), 0);
        cr_assert_eq(b.base, a.base + 4 * MIB);

        uint8_t *base = b.base;
        for (uint64_t need = 1; need < 20 * MIB; need = need * 2 + 1) {
            cr_assert_eq(asy_range_need(&b, need, &error), ASSAY_OK);
            cr_assert_geq(b.used_bytes, need);
            cr_assert_eq(b.base[need - 1], 0);
            b.base[need - 1] = 1;
        }
        cr_assert_eq(b.base, base);
        cr_assert_eq(asy_range_need(&a, 4 * MIB, &error), ASSAY_OK);
        memset(a.base, 0xFF, 4 * MIB);
        cr_assert_eq(b.base[0], 1);
        cr_assert_eq(b.base[1], 0);

        asy_range_clear(&arena, &b);
        cr_assert_eq(b.used_bytes, 0);
        cr_assert_eq(asy_range_need(&b, 20 * MIB, &error), ASSAY_OK);
        cr_assert(all_zero(b.base, 20 * MIB));
        cr_assert_eq(a.base[4 * MIB - 1], 0xFF);
        asy_range_clear(&arena, &b);
        asy_range_clear(&arena, &b);
        asy_arena_fini(&arena);
        asy_arena_fini(&arena);
    }
}

Test(arena, a_trimmed_range_keeps_what_it_holds_and_is_zero_behind)
{
    for (size_t kind = 0; kind < 3; kind++)
        for (uint64_t kept = 0; kept <= 9 * MIB; kept += MIB + 1234) {
            struct asy_arena arena;
            struct asy_range range;
            struct assay_error error = {0};
            cr_assert_eq(arena_inits[kind != 0](&arena, GIB, &error), ASSAY_OK, "%s", error.text);
            arena.on_disk = kind == 2; /* as where there are no memory files */
            cr_assert_eq(asy_arena_range(&arena, 100 * MIB, &range, &error), ASSAY_OK);
            cr_assert_eq(asy_range_need(&range, 9 * MIB, &error), ASSAY_OK);
            const uint64_t used_bytes = range.used_bytes;
            memset(range.base, 0xFF, used_bytes);
            asy_range_trim(&arena, &range, kept);
            cr_assert_eq(range.used_bytes, used_bytes);
            for (uint64_t i = 0; i < kept; i += 1000)
                cr_assert_eq(range.base[i], 0xFF);
            const uint64_t from = (kept + 65535) & ~(uint64_t)65535; /* whatever a page is */
            cr_assert(from >= used_bytes || all_zero(range.base + from, used_bytes - from));
            cr_assert_eq(asy_range_need(&range, 50 * MIB, &error), ASSAY_OK);
            memset(range.base, 1, 50 * MIB);
            asy_arena_fini(&arena);
        }
}

/* Whether the system can read the byte at `p`, which may not be there. */
static bool is_there(const uint8_t *p)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    const bool is_written = write(ends[1], p, 1) == 1;
    cr_assert(is_written || errno == EFAULT);
    close(ends[0]);
    close(ends[1]);
    return is_written;
}

/* Of a private arena nothing can be touched that no one has asked for. */
Test(arena, beyond_what_was_asked_for_there_is_nothing)
{
    struct asy_arena arena;
    struct asy_range range;
    struct assay_error error = {0};
    cr_assert_eq(asy_arena_init(&arena, GIB, &error), ASSAY_OK);
    cr_assert_eq(asy_arena_range(&arena, 100 * MIB, &range, &error), ASSAY_OK);
    cr_assert(!is_there(range.base));
    cr_assert_eq(asy_range_need(&range, 1, &error), ASSAY_OK);
    cr_assert(is_there(range.base + range.used_bytes - 1));
    cr_assert(!is_there(range.base + range.used_bytes));
    asy_range_clear(&arena, &range);
    cr_assert(!is_there(range.base));
    asy_arena_fini(&arena);
}

Test(arena, limits_are_named)
{
    for (size_t kind = 0; kind < 2; kind++) {
        struct asy_arena arena;
        struct assay_error error = {0};
        cr_assert_eq(arena_inits[kind](&arena, 0, &error), ASSAY_E_PARAM);
        cr_assert_str_eq(error.text, "lead arena: bytes to reserve: expected 1 to 2^63 - 1, found 0");
        cr_assert_eq(arena_inits[kind](&arena, 10 * MIB, &error), ASSAY_OK, "%s", error.text);
        struct asy_range range;
        cr_assert_eq(asy_arena_range(&arena, 4 * MIB, &range, &error), ASSAY_OK);
        struct asy_range other;
        cr_assert_eq(asy_arena_range(&arena, 8 * MIB, &other, &error), ASSAY_E_LIMIT);
        cr_assert_eq(error.code, ASSAY_E_LIMIT);
        cr_assert_str_eq(error.text, "lead arena: address space: expected at most 6 MiB left to reserve, found 8 MiB wanted; "
                                     "use fewer fields, or raise `ulimit -v`");
        cr_assert_eq(asy_arena_range(&arena, UINT64_MAX, &other, &error), ASSAY_E_LIMIT);
        cr_assert_eq(asy_range_need(&range, 4 * MIB + 1, &error), ASSAY_E_LIMIT);
        cr_assert_str_eq(error.text, "lead arena: one column or log: expected at most 4194304 bytes, found 4194305");
        cr_assert_eq(asy_range_need(&range, UINT64_MAX, NULL), ASSAY_E_LIMIT);
        asy_arena_fini(&arena);
    }
}

Test(arena, takes_a_smaller_reserve_where_files_are_limited)
{
    struct asy_arena arena;
    struct assay_error error = {0};
    struct rlimit limit = {100 * GIB, 100 * GIB};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(asy_arena_init_shared(&arena, 1024 * GIB, &error), ASSAY_OK, "%s", error.text);
    cr_assert_eq(arena.reserved_bytes, 64 * GIB);
    asy_arena_fini(&arena);

    limit.rlim_cur = limit.rlim_max = GIB;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(asy_arena_init_shared(&arena, 1024 * GIB, &error), ASSAY_E_LIMIT);
    cr_assert_str_eq(error.text, "lead arena: address space: expected 65536 MiB to reserve (not memory), found a limit below "
                                 "that (File too large); raise `ulimit -v` and `ulimit -f`");
    cr_assert_eq(arena.fd, -1);
    cr_assert_eq(asy_arena_init_shared(&arena, GIB / 2, &error), ASSAY_OK, "a small one fits");
    asy_arena_fini(&arena);
    cr_assert_eq(asy_arena_init(&arena, 1024 * GIB, &error), ASSAY_OK, "private memory is no file");
    asy_arena_fini(&arena);
}

Test(arena, takes_a_smaller_reserve_where_address_space_is_limited)
{
    if (ASSAY_IS_SANITIZED) cr_skip_test("sanitizers reserve address space themselves");
    struct asy_arena arena;
    struct assay_error error = {0};
    struct rlimit limit = {100 * GIB, 100 * GIB};
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    cr_assert_eq(asy_arena_init(&arena, 1024 * GIB, &error), ASSAY_OK, "%s", error.text);
    cr_assert_eq(arena.reserved_bytes, 64 * GIB);
    asy_arena_fini(&arena);

    limit.rlim_cur = limit.rlim_max = GIB;
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    cr_assert_eq(asy_arena_init(&arena, 1024 * GIB, &error), ASSAY_E_LIMIT);
    cr_assert_str_eq(error.text, "lead arena: address space: expected 65536 MiB to reserve (not memory), found a limit below "
                                 "that (Cannot allocate memory); raise `ulimit -v`");
}

/* Where the system promises no more memory the range stays as it was; a smaller step is tried before that is said. */
Test(arena, no_more_memory_is_an_error)
{
    if (ASSAY_IS_SANITIZED) cr_skip_test("sanitizers take memory themselves");
    struct asy_arena arena;
    struct asy_range range;
    struct assay_error error = {0};
    cr_assert_eq(asy_arena_init(&arena, 16 * GIB, &error), ASSAY_OK, "%s", error.text);
    cr_assert_eq(asy_arena_range(&arena, 8 * GIB, &range, &error), ASSAY_OK);
    struct rlimit limit = {GIB, GIB};
    cr_assert_eq(setrlimit(RLIMIT_DATA, &limit), 0);
    uint64_t need = 1;
    assay_status status;
    while ((status = asy_range_need(&range, need, &error)) == ASSAY_OK)
        need = range.used_bytes + 1;
    cr_assert_eq(status, ASSAY_E_NOMEM);
    cr_assert_str_eq(error.text, "lead arena: memory: expected 2 MiB more, found: Cannot allocate memory");
    cr_assert_eq(range.used_bytes, need - 1);
    cr_assert_gt(range.used_bytes, GIB / 2);
    range.base[range.used_bytes - 1] = 1;
    asy_range_clear(&arena, &range);
    cr_assert_eq(asy_range_need(&range, GIB / 2, &error), ASSAY_OK, "it was given back");
    asy_arena_fini(&arena);
}

static struct asy_str from_hex(const char *hex, char *out)
{
    uint32_t n = 0;
    for (; hex[2 * n]; n++) {
        unsigned byte;
        sscanf(hex + (size_t)2 * n, "%2x", &byte);
        out[n] = (char)byte;
    }
    return (struct asy_str){out, n};
}

/* The pair collides for one seed in 1,420 where the seed only enters XXH3 as it comes (xxHash issue 1127). */
Test(hash, keys_chosen_against_seeded_xxh3_do_not_collide)
{
    char a[32], b[32];
    struct asy_str first = from_hex("0000000000000000000000000000000051151210404400000000008204000105", a);
    struct asy_str second = from_hex("00000000000000000000000000000000aeeaedefbfbbffffffffff7dfbfffefa", b);
    struct asy_hasher hasher;
    for (uint64_t seed = 0; seed < 100000; seed++) {
        asy_hasher_init(&hasher, seed);
        cr_assert_neq(asy_hash(&hasher, first), asy_hash(&hasher, second), "seed %llu", (unsigned long long)seed);
    }
    asy_hasher_init(&hasher, 0x2468b3bc26a44073);
    cr_assert_neq(asy_hash(&hasher, first), asy_hash(&hasher, second));
}

Test(hash, is_stable_and_depends_on_the_seed)
{
    /* XXH3-64 of nothing and of one byte, as xxhsum -H3 prints them. */
    cr_assert_eq(asy_checksum((struct asy_str){NULL, 0}), 0x2d06800538d394c2);
    struct asy_hasher one, two, again;
    asy_hasher_init(&one, 1);
    asy_hasher_init(&two, 2);
    asy_hasher_init(&again, 1);
    char key[300];
    memset(key, 'k', sizeof key);
    for (uint32_t len = 0; len <= sizeof key; len++) {
        struct asy_str s = {key, len};
        cr_assert_eq(asy_hash(&one, s), asy_hash(&again, s));
        cr_assert_neq(asy_hash(&one, s), asy_hash(&two, s));
        cr_assert(len == 0 || asy_hash(&one, s) != asy_hash(&one, (struct asy_str){key, len - 1}));
    }
}
