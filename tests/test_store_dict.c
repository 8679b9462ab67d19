/* Dictionaries against a naive array. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "store/dict.h"
#include "store_fixture.h"

static void expect_valid(const struct asy_dict *dict)
{
    const char *reason = "";
    cr_assert(asy_dict_valid(dict, &reason), "%s", reason);
}

Test(store_dict, empty_dictionary)
{
    struct asy_mem mem;
    struct asy_hasher hasher;
    struct asy_dict dict;
    asy_mem_init(&mem, NULL);
    asy_hasher_init(&hasher, 1);
    asy_dict_init(&dict, &mem, &hasher);
    expect_valid(&dict);
    uint32_t code = 9;
    cr_expect_eq(asy_dict_intern(&dict, (struct asy_str){NULL, 0}, &code), ASSAY_OK);
    cr_expect_eq(code, 0);
    cr_expect_eq(asy_dict_find(&dict, ASY_STR("x")), 0);
    cr_expect_eq(asy_dict_text(&dict, 0).len, 0);
    cr_expect_eq(dict.n, 1);
    asy_dict_fini(&dict);
    cr_expect_eq(mem.live_bytes, 0);
}

Test(store_dict, codes_count_up_in_order_of_first_appearance)
{
    struct asy_mem mem;
    struct asy_hasher hasher;
    struct asy_dict dict;
    asy_mem_init(&mem, NULL);
    asy_hasher_init(&hasher, 2);
    asy_dict_init(&dict, &mem, &hasher);
    static const char *texts[] = {"b", "a", "b", "B", "", "a\0b", "c"};
    static const uint32_t codes[] = {1, 2, 1, 3, 0, 2, 4};
    for (size_t i = 0; i < 7; i++) {
        uint32_t code;
        cr_assert_eq(asy_dict_intern(&dict, asy_str_of(texts[i]), &code), ASSAY_OK);
        cr_expect_eq(code, codes[i]);
    }
    uint32_t code;
    cr_assert_eq(asy_dict_intern(&dict, (struct asy_str){"a\0b", 3}, &code), ASSAY_OK);
    cr_expect_eq(code, 5, "a text with a zero byte is its own text");
    cr_expect(asy_str_is(asy_dict_text(&dict, 3), "B"));
    expect_valid(&dict);
    cr_expect_gt(asy_dict_bytes(&dict), 0);
    cr_expect_eq(asy_dict_bytes(&dict), mem.live_bytes);
    asy_dict_fini(&dict);
    cr_expect_eq(mem.live_bytes, 0);
}

Test(store_dict, model_of_many_texts_with_a_common_prefix)
{
    enum { N_TEXTS = 70000 };
    struct asy_mem mem;
    struct asy_hasher hasher;
    struct asy_dict dict;
    asy_mem_init(&mem, NULL);
    asy_hasher_init(&hasher, 3);
    asy_dict_init(&dict, &mem, &hasher);
    uint64_t seed = 11;
    static uint32_t code_of[N_TEXTS];
    uint32_t n_codes = 1;
    for (uint32_t step = 0; step < 3 * N_TEXTS; step++) {
        uint32_t which = fixture_below(&seed, N_TEXTS);
        char text[48];
        int len = snprintf(text, sizeof text, "a long prefix that all texts share %u", which);
        struct asy_str s = {text, (uint32_t)len};
        cr_assert_eq(asy_dict_find(&dict, s), code_of[which]);
        uint32_t code;
        cr_assert_eq(asy_dict_intern(&dict, s, &code), ASSAY_OK);
        if (code_of[which] == 0)
            code_of[which] = n_codes++;
        cr_assert_eq(code, code_of[which]);
        cr_assert(asy_str_eq(asy_dict_text(&dict, code), s));
        if ((step & (step - 1)) == 0)
            expect_valid(&dict);
    }
    cr_expect_eq(dict.n, n_codes);
    expect_valid(&dict);
    asy_dict_fini(&dict);
    cr_expect_eq(mem.live_bytes, 0);
}

/* Only 8 bits of the hash are kept beside the place: texts that agree in them must still be told apart. */
Test(store_dict, equal_short_hash_is_not_equal_text)
{
    enum { N_TEXTS = 200000 };
    struct asy_mem mem;
    struct asy_hasher hasher;
    struct asy_dict dict;
    asy_mem_init(&mem, NULL);
    asy_hasher_init(&hasher, 4);
    asy_dict_init(&dict, &mem, &hasher);
    /* 200,000 texts have thousands of pairs of one bucket and tag. */
    for (uint32_t i = 0; i < N_TEXTS; i++) {
        uint32_t code;
        cr_assert_eq(asy_dict_intern(&dict, (struct asy_str){(const char *)&i, sizeof i}, &code), ASSAY_OK);
        cr_assert_eq(code, i + 1);
    }
    expect_valid(&dict);
    asy_dict_fini(&dict);
}

/* Batches of all sizes, with empty texts and repeats inside and between them, against one after the other. */
Test(store_dict, batches_intern_as_single_calls_do)
{
    enum { N_STEPS = 300, N_MOST = 300 };
    struct asy_mem mem;
    struct asy_hasher hasher;
    struct asy_dict batched, single;
    asy_mem_init(&mem, NULL);
    asy_hasher_init(&hasher, 6);
    asy_dict_init(&batched, &mem, &hasher);
    asy_dict_init(&single, &mem, &hasher);
    uint64_t seed = 61;
    for (uint32_t step = 0; step < N_STEPS; step++) {
        static char words[N_MOST][24];
        struct asy_str texts[N_MOST];
        uint32_t codes[N_MOST + 1];
        uint32_t n = fixture_below(&seed, fixture_below(&seed, 2) ? 40 : N_MOST + 1);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t which = fixture_below(&seed, 200 * (step + 1));
            texts[i] = (struct asy_str){words[i], (uint32_t)snprintf(words[i], sizeof words[i], "text %u", which)};
            if (which % 9 == 0)
                texts[i] = (struct asy_str){NULL, 0};
        }
        codes[n] = 77;
        cr_assert_eq(asy_dict_intern_batch(&batched, texts, n, codes), ASSAY_OK);
        cr_assert_eq(codes[n], 77);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t code;
            cr_assert_eq(asy_dict_intern(&single, texts[i], &code), ASSAY_OK);
            cr_assert_eq(codes[i], code);
        }
        if (step % 20 == 0) {
            expect_valid(&batched);
            asy_dict_trim(&batched);
            expect_valid(&batched);
        }
    }
    cr_expect_eq(batched.n, single.n);
    cr_expect_gt(batched.n, 12000, "found %u: enough to ask for buckets first", batched.n);
    asy_dict_fini(&batched);
    asy_dict_fini(&single);
    cr_expect_eq(mem.live_bytes, 0);
}

/* Beyond 4 GiB of text, made smaller. */
Test(store_dict, offsets_become_wide_where_text_is_much)
{
    enum { N_TEXTS = 2000 };
    struct asy_mem mem;
    struct asy_hasher hasher;
    struct asy_dict dict;
    asy_mem_init(&mem, NULL);
    asy_hasher_init(&hasher, 7);
    asy_dict_init(&dict, &mem, &hasher);
    dict.narrow_max = 5000;
    for (uint32_t i = 0; i < N_TEXTS; i++) {
        char text[24];
        uint32_t code;
        uint32_t len = (uint32_t)snprintf(text, sizeof text, "%09u.", i);
        cr_assert_eq(asy_dict_intern(&dict, (struct asy_str){text, len}, &code), ASSAY_OK);
        cr_assert_eq(code, i + 1);
        cr_assert_eq(dict.is_wide, i >= 500, "text %u", i);
        if (i % 100 == 0 || (i > 495 && i < 505))
            expect_valid(&dict);
    }
    asy_dict_trim(&dict);
    expect_valid(&dict);
    cr_expect_eq(asy_dict_bytes(&dict), mem.live_bytes);
    for (uint32_t i = 0; i < N_TEXTS; i++) {
        char text[24];
        uint32_t len = (uint32_t)snprintf(text, sizeof text, "%09u.", i);
        cr_assert(asy_str_eq(asy_dict_text(&dict, i + 1), (struct asy_str){text, len}));
    }
    asy_dict_fini(&dict);
    cr_expect_eq(mem.live_bytes, 0);
}

Test(store_dict, trimmed_it_holds_little_beside_its_text)
{
    enum { N_TEXTS = 100000 };
    struct asy_mem mem;
    struct asy_hasher hasher;
    struct asy_dict dict;
    asy_mem_init(&mem, NULL);
    asy_hasher_init(&hasher, 8);
    asy_dict_init(&dict, &mem, &hasher);
    for (uint32_t i = 0; i < N_TEXTS; i++) {
        uint32_t code;
        cr_assert_eq(asy_dict_intern(&dict, (struct asy_str){(const char *)&i, sizeof i}, &code), ASSAY_OK);
    }
    asy_dict_trim(&dict);
    expect_valid(&dict);
    cr_expect_leq(asy_dict_bytes(&dict), N_TEXTS * (4 + 4 + 12ull), "found %u", (unsigned)asy_dict_bytes(&dict));
    uint32_t code;
    cr_assert_eq(asy_dict_intern(&dict, ASY_STR("late"), &code), ASSAY_OK);
    cr_expect_eq(code, N_TEXTS + 1);
    expect_valid(&dict);
    asy_dict_fini(&dict);
    cr_expect_eq(mem.live_bytes, 0);
}

Test(store_dict, every_allocation_of_a_batch_fails_once)
{
    enum { N_TEXTS = 300 };
    static char words[N_TEXTS][16];
    struct asy_str texts[N_TEXTS];
    uint32_t codes[N_TEXTS];
    for (uint32_t i = 0; i < N_TEXTS; i++)
        texts[i] = (struct asy_str){words[i], (uint32_t)snprintf(words[i], sizeof words[i], "text %u", i)};
    for (uint64_t fail_at = 1;; fail_at++) {
        struct fixture_faults faults = {.fail_at = fail_at, .once = true};
        struct asy_mem mem;
        struct asy_hasher hasher;
        struct asy_dict dict;
        fixture_mem_init(&mem, &faults);
        asy_hasher_init(&hasher, 5);
        asy_dict_init(&dict, &mem, &hasher);
        dict.narrow_max = 1000;
        assay_status status = asy_dict_intern_batch(&dict, texts, N_TEXTS, codes);
        expect_valid(&dict);
        if (status != ASSAY_OK) {
            cr_assert_eq(status, ASSAY_E_NOMEM);
            for (uint32_t i = 0; i < N_TEXTS; i++)
                cr_assert_eq(asy_dict_find(&dict, texts[i]), i + 1 < dict.n ? i + 1 : 0);
            cr_assert_eq(asy_dict_intern_batch(&dict, texts, N_TEXTS, codes), ASSAY_OK);
        }
        for (uint32_t i = 0; i < N_TEXTS; i++)
            cr_assert_eq(codes[i], i + 1);
        faults.fail_at = faults.n_calls + 1; /* trimming does without */
        asy_dict_trim(&dict);
        expect_valid(&dict);
        asy_dict_fini(&dict);
        cr_assert_eq(mem.live_bytes, 0);
        if (status == ASSAY_OK)
            break;
    }
}

Test(store_dict, every_allocation_fails_once)
{
    for (uint64_t fail_at = 1;; fail_at++) {
        struct fixture_faults faults = {.fail_at = fail_at, .once = true};
        struct asy_mem mem;
        struct asy_hasher hasher;
        struct asy_dict dict;
        fixture_mem_init(&mem, &faults);
        asy_hasher_init(&hasher, 5);
        asy_dict_init(&dict, &mem, &hasher);
        uint32_t n_failed = 0;
        for (uint32_t i = 0; i < 100; i++) {
            char text[16];
            int len = snprintf(text, sizeof text, "text %u", i);
            struct asy_str s = {text, (uint32_t)len};
            uint32_t code;
            assay_status status = asy_dict_intern(&dict, s, &code);
            expect_valid(&dict);
            if (status != ASSAY_OK) {
                cr_assert_eq(status, ASSAY_E_NOMEM);
                cr_assert_eq(asy_dict_find(&dict, s), 0);
                n_failed++;
                cr_assert_eq(asy_dict_intern(&dict, s, &code), ASSAY_OK);
            }
            cr_assert_eq(code, i + 1);
        }
        asy_dict_fini(&dict);
        cr_assert_eq(mem.live_bytes, 0);
        if (n_failed == 0)
            break;
    }
}
