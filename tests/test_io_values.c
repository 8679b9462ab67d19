/* The fast ways to read values, each against the plain one: digits eight at a time, the usual forms of a time, the memo of texts. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "io/ingest_internal.h"
#include "io/ingest_memo.h"

static uint64_t state = 1;

static uint32_t below(uint32_t n)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(((state >> 33) * n) >> 31);
}

/* A text at the end of its memory, so that a sanitizer sees what is read behind it. */
static struct asy_str exact(const char *text, uint32_t len)
{
    char *copy = malloc(len + 1);
    cr_assert(copy);
    memcpy(copy + 1, text, len); /* of any alignment */
    return (struct asy_str){copy + 1, len};
}

static void release(struct asy_str text)
{
    free((char *)text.p - 1);
}

Test(io_values, plain_digits_are_what_the_parser_reads)
{
    static const char others[] = "/:+-. eE\xff\xb0x";
    for (uint32_t round = 0; round < 200000; round++) {
        char text[32];
        uint32_t len = 1 + below(18);
        for (uint32_t i = 0; i < len; i++)
            text[i] = (char)('0' + below(10));
        if (below(4) == 0)
            text[below(len)] = others[below(sizeof(others) - 1)];
        struct asy_str s = exact(text, len);
        uint64_t found = 1, wide = 2;
        int64_t expected = -1;
        bool is_plain = len <= 15;
        for (uint32_t i = 0; i < len; i++)
            is_plain = is_plain && text[i] >= '0' && text[i] <= '9';
        cr_assert_eq(asy_plain_digits(&(struct asy_reach){NULL, 0}, s, &found), is_plain, "`%.*s`", ASY_ARG(s));
        if (is_plain) {
            cr_assert(asy_parse_i64(s, &expected));
            cr_assert_eq((int64_t)found, expected, "`%.*s`: %llu", ASY_ARG(s), (unsigned long long)found);
            /* with bytes behind it that may be looked at */
            char room[40];
            memset(room, '7', sizeof(room));
            memcpy(room, text, len);
            cr_assert(asy_plain_digits(&(struct asy_reach){room, sizeof(room) - 7}, (struct asy_str){room, len}, &wide));
            cr_assert_eq(wide, found);
        }
        release(s);
    }
}

Test(io_values, usual_times_are_what_the_general_reader_reads)
{
    static const char *const forms[] = {"2026-11-01T10:20:30Z", "2026-11-01 10:20:30", "2026-02-28", "2024-02-29", "1970-01-01T00:00:00",
                                        "0001-01-01", "9999-12-31T23:59:59Z", "2026-12-31t23:59:60Z"};
    static const char alphabet[] = "0123456789-:TtZz /+.";
    for (uint32_t round = 0; round < 200000; round++) {
        char text[32];
        const char *form = forms[below(ASY_COUNT_OF(forms))];
        uint32_t len = (uint32_t)strlen(form), n_changes = below(4);
        memcpy(text, form, len);
        for (uint32_t i = 0; i < n_changes; i++)
            text[below(len)] = alphabet[below(below(3) ? 10 : sizeof(alphabet) - 1)];
        if (below(20) == 0)
            len -= below(3);
        struct asy_str s = exact(text, len);
        int64_t found = -1, expected = -1;
        enum asy_time_parse parse = asy_value_time(s, (struct asy_str){NULL, 0}, false, &found);
        cr_assert_eq(parse, asy_time_read(s, &expected), "`%.*s`", ASY_ARG(s));
        if (parse == ASY_TIME_OK)
            cr_assert_eq(found, expected, "`%.*s`: %lld, expected %lld", ASY_ARG(s), (long long)found, (long long)expected);
        release(s);
    }
}

/* What is found is what was put last for the very text; texts differ in any byte and length. */
Test(io_values, memo_never_mixes_texts_up)
{
    enum { TEXTS = 400 };
    static struct asy_memo memo;
    static uint32_t results[TEXTS];
    static bool is_put[TEXTS];
    struct asy_str texts[TEXTS];
    uint64_t n_found = 0;
    for (uint32_t t = 0; t < TEXTS; t++) {
        char text[64];
        uint32_t len = 1 + t % 60;
        memset(text, 'a', sizeof(text));
        for (uint32_t k = 0; k < t / 60; k++)
            text[below(len)] = (char)('b' + t / 60);
        texts[t] = exact(text, len);
    }
    for (uint32_t round = 0; round < 100000; round++) {
        uint32_t t = below(below(2) ? 40 : TEXTS), result, same = t;
        const struct asy_reach reach = {NULL, 0};
        struct asy_memo_key key = asy_memo_key(&reach, texts[t]);
        /* equal texts under two numbers are one */
        for (uint32_t i = 0; i < t && same == t; i++)
            same = asy_str_eq(texts[i], texts[t]) ? i : t;
        if (asy_memo_find(&memo, &key, texts[t], &result)) {
            cr_assert(is_put[same]);
            cr_assert_eq(result, results[same], "`%.*s`", ASY_ARG(texts[t]));
            n_found++;
            continue;
        }
        is_put[same] = true;
        results[same] = round;
        asy_memo_put(&memo, &key, texts[t], round);
    }
    cr_expect_gt(n_found, 1000);
    for (uint32_t t = 0; t < TEXTS; t++)
        release(texts[t]);
}
