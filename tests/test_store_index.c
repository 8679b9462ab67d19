/* The key index against a naive array, and against keys chosen to hurt it. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "store/bytes.h"
#include "store/index.h"
#include "store_fixture.h"

struct rig {
    struct asy_mem mem;
    struct asy_arena arena;
    struct asy_keys keys;
    struct asy_index index;
};

static void rig_init(struct rig *rig, uint64_t seed)
{
    struct assay_error error;
    asy_mem_init(&rig->mem, NULL);
    cr_assert_eq(asy_arena_init(&rig->arena, 256u << 20, &error), ASSAY_OK);
    cr_assert_eq(asy_keys_init(&rig->keys, &rig->arena, 1 << 20, 64u << 20, &error), ASSAY_OK);
    asy_index_init(&rig->index, &rig->mem, &rig->keys, seed);
}

static void rig_fini(struct rig *rig)
{
    asy_index_fini(&rig->index);
    asy_arena_fini(&rig->arena);
    cr_assert_eq(rig->mem.live_bytes, 0);
}

static void expect_valid(const struct rig *rig)
{
    const char *reason = "";
    cr_assert(asy_index_valid(&rig->index, &reason), "%s", reason);
}

/* The row of `key`, put if new. */
static uint32_t put(struct rig *rig, struct asy_str key, bool *is_new)
{
    struct assay_error error = {.text = ""};
    uint32_t row;
    cr_assert_eq(asy_index_put_batch(&rig->index, &key, 1, &row, is_new, &error), ASSAY_OK, "%s", error.text);
    return row;
}

Test(store_index, bucket_masks_equal_their_plain_twins)
{
    uint64_t seed = 31;
    for (uint32_t round = 0; round < 10000; round++) {
        _Alignas(64) struct asy_bucket bucket = {.passed = (uint32_t)fixture_random(&seed)};
        for (uint32_t i = 0; i < ASY_BUCKET_SLOTS; i++)
            bucket.tags[i] = fixture_below(&seed, 3) ? (uint8_t)fixture_below(&seed, round % 255 + 1) : ASY_TAG_FREE;
        uint8_t tag = (uint8_t)fixture_below(&seed, round % 255 + 1);
        cr_assert_eq(asy_bucket_match(&bucket, tag), asy_bucket_match_plain(&bucket, tag));
        cr_assert_eq(asy_bucket_match(&bucket, ASY_TAG_FREE), asy_bucket_match_plain(&bucket, ASY_TAG_FREE));
    }
}

Test(store_index, equal_bytes_of_every_length)
{
    char a[100], b[100];
    for (uint32_t len = 0; len < 80; len++)
        for (uint32_t offset = 0; offset < 9; offset++) {
            for (uint32_t i = 0; i < sizeof a; i++)
                a[i] = b[i] = (char)(i * 7 + len);
            b[offset + len] = a[offset + len] = 1;
            cr_assert(asy_bytes_eq(a + offset, b + offset, len));
            b[offset + len] = 2; /* behind the end */
            cr_assert(asy_bytes_eq(a + offset, b + offset, len));
            for (uint32_t at = 0; at < len; at++) {
                b[offset + at] ^= 64;
                cr_assert_not(asy_bytes_eq(a + offset, b + offset, len), "length %u, byte %u differs", len, at);
                b[offset + at] ^= 64;
            }
        }
}

Test(store_index, copied_bytes_of_every_length)
{
    char from[100], to[100];
    for (uint32_t i = 0; i < sizeof from; i++)
        from[i] = (char)(i + 1);
    for (uint32_t len = 0; len < 80; len++)
        for (uint32_t offset = 0; offset < 9; offset++) {
            memset(to, 0, sizeof to);
            asy_bytes_copy(to + offset, from + 3, len);
            for (uint32_t i = 0; i < sizeof to; i++)
                cr_assert_eq(to[i], i >= offset && i < offset + len ? from[i - offset + 3] : 0, "length %u, byte %u", len, i);
        }
}

Test(store_index, empty_index_finds_nothing)
{
    struct rig rig;
    rig_init(&rig, 1);
    expect_valid(&rig);
    struct asy_str keys[2] = {ASY_STR("a"), ASY_STR("")};
    uint32_t rows[2] = {0, 0};
    asy_index_find_batch(&rig.index, keys, 2, rows);
    cr_expect_eq(rows[0], ASY_ROW_NONE);
    cr_expect_eq(rows[1], ASY_ROW_NONE);
    cr_expect_eq(asy_index_find(&rig.index, keys[0]), ASY_ROW_NONE);
    rig_fini(&rig);
}

Test(store_index, the_empty_key_and_zero_bytes_are_keys)
{
    struct rig rig;
    rig_init(&rig, 2);
    bool is_new;
    cr_expect_eq(put(&rig, (struct asy_str){NULL, 0}, &is_new), 0);
    cr_expect(is_new);
    cr_expect_eq(put(&rig, ASY_STR(""), &is_new), 0);
    cr_expect(!is_new);
    cr_expect_eq(put(&rig, ASY_STR("\0"), &is_new), 1);
    cr_expect_eq(put(&rig, ASY_STR("\0\0"), &is_new), 2);
    cr_expect_eq(put(&rig, ASY_STR("\0"), &is_new), 1);
    cr_expect(!is_new);
    expect_valid(&rig);
    rig_fini(&rig);
}

/* A few hundred keys, with repeats, against looking through all of them. */
Test(store_index, model_of_few_keys)
{
    enum { N_KEYS = 700 };
    uint64_t seed = 41;
    static char texts[N_KEYS][16];
    static struct asy_str model[N_KEYS];
    struct rig rig;
    rig_init(&rig, 3);
    uint32_t n = 0;
    for (uint32_t step = 0; step < 4000; step++) {
        char text[16];
        struct asy_str key = {text, (uint32_t)snprintf(text, sizeof text, "k%u", fixture_below(&seed, N_KEYS))};
        uint32_t row = 0;
        while (row < n && !asy_str_eq(model[row], key))
            row++;
        cr_assert_eq(asy_index_find(&rig.index, key), row < n ? row : ASY_ROW_NONE);
        bool is_new;
        cr_assert_eq(put(&rig, key, &is_new), row);
        cr_assert_eq(is_new, row == n);
        if (row == n) {
            memcpy(texts[n], text, sizeof text);
            model[n] = (struct asy_str){texts[n], key.len};
            n++;
            expect_valid(&rig);
        }
    }
    cr_expect_eq(rig.keys.n_rows, n);
    for (uint32_t row = 0; row < n; row++)
        cr_assert(asy_str_eq(asy_keys_text(&rig.keys, row), model[row]));
    rig_fini(&rig);
}

Test(store_index, a_hundred_thousand_keys_with_a_common_prefix)
{
    enum { N_KEYS = 100000 };
    struct rig rig;
    rig_init(&rig, 4);
    static char texts[N_KEYS][48];
    static struct asy_str keys[2 * N_KEYS];
    static uint32_t rows[2 * N_KEYS];
    for (uint32_t i = 0; i < N_KEYS; i++) {
        bool is_new;
        keys[2 * i] = (struct asy_str){texts[i], (uint32_t)snprintf(texts[i], sizeof texts[i],
                                                                    "crm-export-2026-lead-%08u-suffix", i)};
        cr_assert_eq(put(&rig, keys[2 * i], &is_new), i);
        cr_assert(is_new);
        /* Every other key looked up is not there: one byte shorter. */
        keys[2 * i + 1] = (struct asy_str){texts[i], keys[2 * i].len - 1};
    }
    expect_valid(&rig);
    cr_expect_eq(rig.index.n_rebuilds, 0, "ordinary keys never need a new secret");
    cr_expect_leq(asy_index_bytes(&rig.index), N_KEYS * 12ull);
    static const uint32_t sizes[] = {0, 1, 15, 16, 17, 31, 32, 33, 1000, 2 * N_KEYS};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        memset(rows, 0xEE, sizeof rows);
        asy_index_find_batch(&rig.index, keys, sizes[s], rows);
        for (uint32_t i = 0; i < sizes[s]; i++) {
            cr_assert_eq(rows[i], asy_index_find(&rig.index, keys[i]));
            cr_assert_eq(rows[i], i % 2 ? ASY_ROW_NONE : i / 2);
        }
        if (sizes[s] < 2 * N_KEYS)
            cr_assert_eq(rows[sizes[s]], 0xEEEEEEEE, "a batch writes only its own rows");
    }
    rig_fini(&rig);
}

/* An attacker who knows the secret picks keys that all start at the same group. */
Test(store_index, keys_of_one_group_force_a_new_secret)
{
    enum { N_KEYS = 1500 };
    const uint64_t seed = 5;
    struct rig rig;
    rig_init(&rig, seed);
    struct asy_hasher known = rig.index.hasher;
    uint32_t n = 0;
    for (uint64_t i = 0; n < N_KEYS; i++) {
        struct asy_str key = {(const char *)&i, sizeof i};
        if (asy_hash(&known, key) & 0xFFF)
            continue;
        bool is_new;
        cr_assert_eq(put(&rig, key, &is_new), n);
        cr_assert(is_new);
        n++;
    }
    cr_expect_eq(rig.index.n_rebuilds, 1, "found %u", rig.index.n_rebuilds);
    expect_valid(&rig);
    rig_fini(&rig);
}

/* One who knows it better stays below the longest path, with many groups of keys of one bucket, or of one bucket and tag. */
Test(store_index, keys_that_are_all_in_all_too_close_force_a_new_secret)
{
    enum { N_KEYS = 20000 };
    static const uint64_t masks[] = {0x3F, 0xFFull << 56 | 7};
    for (size_t m = 0; m < 2; m++) {
        struct rig rig;
        rig_init(&rig, 15);
        const struct asy_hasher known = rig.index.hasher;
        uint32_t n = 0;
        for (uint64_t i = 0; n < N_KEYS; i++) {
            struct asy_str key = {(const char *)&i, sizeof i};
            if (asy_hash(&known, key) & masks[m])
                continue;
            bool is_new;
            cr_assert_eq(put(&rig, key, &is_new), n);
            cr_assert(is_new);
            n++;
        }
        cr_expect_eq(rig.index.n_rebuilds, 1, "found %u", rig.index.n_rebuilds);
        cr_expect_leq(rig.index.table.effort, rig.index.n_used / 2, "found %u", (unsigned)rig.index.table.effort);
        expect_valid(&rig);
        rig_fini(&rig);
    }
}

/* After the last new secret paths may be as long as the table: hostile keys are found then, and keys that are not there end. */
Test(store_index, without_bounds_the_answers_are_right)
{
    enum { N_KEYS = 3000 };
    struct rig rig;
    rig_init(&rig, 5);
    rig.index.n_rebuilds = 8;
    const struct asy_hasher known = rig.index.hasher;
    uint32_t n = 0;
    for (uint64_t i = 0; n < N_KEYS; i++) {
        const struct asy_str key = {(const char *)&i, sizeof i};
        if (asy_hash(&known, key) & 0xFFF)
            continue;
        cr_assert_eq(asy_index_find(&rig.index, key), ASY_ROW_NONE);
        bool is_new;
        cr_assert_eq(put(&rig, key, &is_new), n);
        cr_assert(is_new);
        n++;
    }
    cr_expect_eq(rig.index.n_rebuilds, 8);
    cr_expect_eq(memcmp(&rig.index.hasher, &known, sizeof known), 0, "the secret stays");
    cr_expect_gt(rig.index.table.effort, N_KEYS * ASY_INDEX_PROBES_MAX);
    expect_valid(&rig);
    rig_fini(&rig);
}

/* Whatever the lengths, and wherever the first key of another length comes. */
Test(store_index, keys_of_one_length_and_of_many)
{
    for (uint32_t n_same = 0; n_same < 40; n_same++) {
        struct rig rig;
        rig_init(&rig, n_same);
        char text[64];
        for (uint32_t i = 0; i < 60; i++) {
            uint32_t len = (uint32_t)snprintf(text, sizeof text, "%018u%.*s", i, i < n_same ? 0 : (int)(i % 7), "abcdefg");
            bool is_new;
            cr_assert_eq(put(&rig, (struct asy_str){text, len}, &is_new), i);
            cr_assert(is_new);
            expect_valid(&rig);
        }
        uint64_t n_bytes = 0;
        for (uint32_t i = 0; i < 60; i++) {
            uint32_t len = (uint32_t)snprintf(text, sizeof text, "%018u%.*s", i, i < n_same ? 0 : (int)(i % 7), "abcdefg");
            cr_assert(asy_str_eq(asy_keys_text(&rig.keys, i), (struct asy_str){text, len}));
            n_bytes += len;
        }
        cr_assert_eq(rig.keys.width, ASY_KEYS_MIXED);
        cr_assert_eq(asy_keys_bytes(&rig.keys), n_bytes + 61 * 8);
        rig_fini(&rig);
    }
}

Test(store_index, keys_of_one_length_take_their_bytes_only)
{
    struct rig rig;
    rig_init(&rig, 8);
    for (uint32_t i = 0; i < 5000; i++) {
        bool is_new;
        cr_assert_eq(put(&rig, (struct asy_str){(const char *)&i, sizeof i}, &is_new), i);
    }
    cr_expect_eq(rig.keys.width, 4);
    cr_expect_eq(asy_keys_bytes(&rig.keys), 20000);
    cr_expect_eq(rig.keys.offsets.used_bytes, 0);
    asy_keys_trim(&rig.keys, &rig.arena);
    expect_valid(&rig);
    /* Trimmed, more may follow: of that length, none at all, and others. */
    static const char *more[] = {"abcd", "", "abcde", "wxyz"};
    for (uint32_t i = 0; i < 4; i++) {
        bool is_new;
        cr_assert_eq(put(&rig, asy_str_of(more[i]), &is_new), 5000 + i);
        cr_assert(is_new);
        cr_expect_eq(rig.keys.width, i == 0 ? 4 : ASY_KEYS_MIXED);
        asy_keys_trim(&rig.keys, &rig.arena);
        expect_valid(&rig);
    }
    cr_expect_eq(asy_keys_bytes(&rig.keys), 20013 + 5005 * 8);
    for (uint32_t i = 0; i < 5004; i++) {
        const struct asy_str key = i < 5000 ? (struct asy_str){(const char *)&i, sizeof i} : asy_str_of(more[i - 5000]);
        cr_assert(asy_str_eq(asy_keys_text(&rig.keys, i), key));
    }
    rig_fini(&rig);
}

/* Batches of all sizes with repeats inside and between them, against one after the other. */
Test(store_index, batches_put_as_single_puts_do)
{
    enum { N_STEPS = 400, N_MOST = 300 };
    for (uint32_t is_mixed = 0; is_mixed < 2; is_mixed++) {
        uint64_t seed = 51 + is_mixed;
        struct rig batched, single;
        rig_init(&batched, 9);
        rig_init(&single, 9);
        for (uint32_t step = 0; step < N_STEPS; step++) {
            static char texts[N_MOST][24];
            struct asy_str keys[N_MOST];
            uint32_t rows[N_MOST + 1];
            bool is_new[N_MOST];
            uint32_t n = fixture_below(&seed, fixture_below(&seed, 2) ? 40 : N_MOST + 1);
            for (uint32_t i = 0; i < n; i++)
                keys[i] = (struct asy_str){texts[i], (uint32_t)snprintf(texts[i], sizeof texts[i], is_mixed ? "k%u" : "k%017u",
                                                                        fixture_below(&seed, 40 * (step + 1)))};
            struct assay_error error;
            rows[n] = 77;
            cr_assert_eq(asy_index_put_batch(&batched.index, keys, n, rows, is_new, &error), ASSAY_OK);
            cr_assert_eq(rows[n], 77);
            for (uint32_t i = 0; i < n; i++) {
                bool single_is_new;
                cr_assert_eq(rows[i], put(&single, keys[i], &single_is_new));
                cr_assert_eq(is_new[i], single_is_new);
            }
            cr_assert_eq(batched.keys.n_rows, single.keys.n_rows);
            if (step % 20 == 0)
                expect_valid(&batched);
        }
        cr_expect_gt(batched.keys.n_rows, 10000);
        for (uint32_t row = 0; row < single.keys.n_rows; row++)
            cr_assert(asy_str_eq(asy_keys_text(&batched.keys, row), asy_keys_text(&single.keys, row)));
        expect_valid(&batched);
        rig_fini(&batched);
        rig_fini(&single);
    }
}

/* Under a hostile batch the secret changes between two of its keys. */
Test(store_index, a_batch_outlives_a_new_secret)
{
    enum { N_KEYS = 1500 };
    struct rig rig;
    rig_init(&rig, 5);
    const struct asy_hasher known = rig.index.hasher;
    static uint64_t chosen[2 * N_KEYS];
    static struct asy_str keys[2 * N_KEYS];
    static uint32_t rows[2 * N_KEYS];
    static bool is_new[2 * N_KEYS];
    uint32_t n = 0;
    for (uint64_t i = 0; n < N_KEYS; i++)
        if ((asy_hash(&known, (struct asy_str){(const char *)&i, sizeof i}) & 0xFFF) == 0)
            chosen[n++] = i;
    for (uint32_t i = 0; i < 2 * N_KEYS; i++)
        keys[i] = (struct asy_str){(const char *)&chosen[i / 2], sizeof chosen[0]};
    struct assay_error error;
    cr_assert_eq(asy_index_put_batch(&rig.index, keys, 2 * N_KEYS, rows, is_new, &error), ASSAY_OK);
    for (uint32_t i = 0; i < 2 * N_KEYS; i++)
        cr_assert(rows[i] == i / 2 && is_new[i] == (i % 2 == 0));
    cr_expect_eq(rig.index.n_rebuilds, 1);
    expect_valid(&rig);
    rig_fini(&rig);
}

static uint32_t from_hex(const char *hex, char *out)
{
    uint32_t n = 0;
    unsigned byte;
    while (sscanf(hex + 2 * n, "%2x", &byte) == 1)
        out[n++] = (char)byte;
    return n;
}

/* Pairs that collide under plain seeded XXH3 for many seeds: here they are just two keys. */
Test(store_index, published_collisions_are_two_keys)
{
    FILE *file = fopen(ASSAY_SOURCE_DIR "/../shared/suites/xxhash-collisions/pairs.tsv", "r");
    if (!file) {
        fprintf(stderr, "notice: the suite of xxHash collisions is not here, skipped\n");
        return;
    }
    char line[1024], function[64], hex[2][400];
    uint32_t n_pairs = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#' || sscanf(line, "%63s %399s %399s", function, hex[0], hex[1]) != 3)
            continue;
        n_pairs++;
        char bytes[2][200];
        struct asy_str a = {bytes[0], from_hex(hex[0], bytes[0])}, b = {bytes[1], from_hex(hex[1], bytes[1])};
        uint32_t n_equal = 0;
        for (uint64_t seed = 0; seed < 20000; seed++) {
            struct asy_hasher hasher;
            asy_hasher_init(&hasher, seed);
            n_equal += asy_hash(&hasher, a) == asy_hash(&hasher, b);
        }
        cr_expect_eq(n_equal, 0, "with a secret made from the seed, %u of 20000 seeds collide", n_equal);
        struct rig rig;
        rig_init(&rig, 0x2468b3bc26a44073);
        bool is_new;
        cr_expect_eq(put(&rig, a, &is_new), 0);
        cr_expect_eq(put(&rig, b, &is_new), 1);
        cr_expect_eq(asy_index_find(&rig.index, a), 0);
        expect_valid(&rig);
        rig_fini(&rig);
    }
    fclose(file);
    cr_expect_gt(n_pairs, 0);
}

Test(store_index, keys_beyond_their_range_are_refused)
{
    struct assay_error error;
    struct rig rig;
    asy_mem_init(&rig.mem, NULL);
    cr_assert_eq(asy_arena_init(&rig.arena, 64u << 20, &error), ASSAY_OK);
    cr_assert_eq(asy_keys_init(&rig.keys, &rig.arena, 100, 2u << 20, &error), ASSAY_OK);
    asy_index_init(&rig.index, &rig.mem, &rig.keys, 7);
    static char big[1 << 20];
    bool is_new;
    for (uint32_t i = 0; i < 2; i++) {
        big[0] = (char)i;
        cr_assert_eq(put(&rig, (struct asy_str){big, sizeof big}, &is_new), i);
    }
    const struct asy_str beyond = ASY_STR("x");
    uint32_t row;
    cr_expect_eq(asy_index_put_batch(&rig.index, &beyond, 1, &row, &is_new, &error), ASSAY_E_LIMIT);
    cr_expect(strstr(error.text, "expected at most 2097152 bytes, found 2097153"), "%s", error.text);
    cr_expect(row == ASY_ROW_NONE && !is_new);
    cr_expect_eq(rig.keys.n_rows, 2);
    cr_expect_eq(rig.keys.width, sizeof big, "a key that was refused does not count");
    expect_valid(&rig);
    cr_expect_eq(put(&rig, ASY_STR(""), &is_new), 2);
    cr_expect_eq(asy_keys_text(&rig.keys, 2).len, 0);
    expect_valid(&rig);
    rig_fini(&rig);
}

/* What came before the failing key is in; trying again goes on from there. */
Test(store_index, every_allocation_of_a_batch_fails_once)
{
    enum { N_KEYS = 500 };
    uint32_t numbers[N_KEYS], rows[N_KEYS];
    bool is_new[N_KEYS];
    struct asy_str keys[N_KEYS];
    for (uint32_t i = 0; i < N_KEYS; i++) {
        numbers[i] = i;
        keys[i] = (struct asy_str){(const char *)&numbers[i], sizeof numbers[i]};
    }
    for (uint64_t fail_at = 1;; fail_at++) {
        struct fixture_faults faults = {.fail_at = fail_at, .once = true};
        struct rig rig;
        struct assay_error error;
        rig_init(&rig, 6);
        fixture_mem_init(&rig.mem, &faults);
        assay_status status = asy_index_put_batch(&rig.index, keys, N_KEYS, rows, is_new, &error);
        uint32_t n_in = rig.keys.n_rows;
        if (status != ASSAY_OK) {
            char text[100];
            snprintf(text, sizeof text, "lead index: expected memory for one more key, found none after %u", n_in);
            cr_assert_eq(status, ASSAY_E_NOMEM);
            cr_assert_str_eq(error.text, text);
            expect_valid(&rig);
            for (uint32_t i = 0; i < N_KEYS; i++)
                cr_assert_eq(asy_index_find(&rig.index, keys[i]), i < n_in ? i : ASY_ROW_NONE);
            cr_assert_eq(asy_index_put_batch(&rig.index, keys, N_KEYS, rows, is_new, &error), ASSAY_OK);
        }
        for (uint32_t i = 0; i < N_KEYS; i++)
            cr_assert(rows[i] == i && (status == ASSAY_OK || is_new[i] == (i >= n_in)));
        expect_valid(&rig);
        rig_fini(&rig);
        if (status == ASSAY_OK)
            break;
    }
}

Test(store_index, every_allocation_fails_once)
{
    for (uint64_t fail_at = 1;; fail_at++) {
        struct fixture_faults faults = {.fail_at = fail_at, .once = true};
        struct rig rig;
        rig_init(&rig, 6);
        fixture_mem_init(&rig.mem, &faults);
        uint32_t n_failed = 0;
        for (uint32_t i = 0; i < 500; i++) {
            struct asy_str key = {(const char *)&i, sizeof i};
            struct assay_error error;
            uint32_t row;
            bool is_new;
            if (asy_index_put_batch(&rig.index, &key, 1, &row, &is_new, &error) != ASSAY_OK) {
                n_failed++;
                expect_valid(&rig);
                cr_assert_eq(asy_index_find(&rig.index, key), ASY_ROW_NONE);
                cr_assert_eq(asy_index_put_batch(&rig.index, &key, 1, &row, &is_new, &error), ASSAY_OK);
            }
            cr_assert(is_new && row == i);
        }
        expect_valid(&rig);
        rig_fini(&rig);
        if (n_failed == 0)
            break;
    }
}
