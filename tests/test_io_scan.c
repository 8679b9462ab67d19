/* The structural index: every level against the automaton of scan.h, written here once more in the plainest way. */
#include "io/scan.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct expected {
    uint32_t positions[4096];
    size_t n, n_line_ends, n_quoted_lines;
    bool has_escapes, has_lines, has_cr, is_odd;
    size_t nul_at;
};

/* Byte by byte over all of the text. */
static void walk_plainly(const char *p, size_t len, char delimiter, struct expected *out)
{
    enum { FRESH, INSIDE, LITERAL } now = FRESH;
    bool after_quote = false;
    memset(out, 0, sizeof(*out));
    out->nul_at = SIZE_MAX;
    for (size_t i = 0; i < len; i++) {
        const char c = p[i];
        const bool is_line_end = c == '\n' || c == '\r';
        const bool is_second = c == '\n' && i > 0 && p[i - 1] == '\r'; /* the LF of a CRLF */
        out->has_cr |= c == '\r';
        out->is_odd |= c == '"' ? now == LITERAL : after_quote && c != delimiter && !is_line_end;
        if (c == 0 && out->nul_at == SIZE_MAX) out->nul_at = i;
        if (c == '"') {
            if ((now == FRESH && after_quote) || now == LITERAL) out->has_escapes = true;
            after_quote = now == INSIDE;
            now = now == FRESH ? INSIDE : now == INSIDE ? FRESH : LITERAL;
            continue;
        }
        after_quote = false;
        if (now == INSIDE) {
            out->has_lines |= is_line_end;
            out->n_quoted_lines += is_line_end && !is_second;
        } else if (c == delimiter || is_line_end) {
            now = FRESH;
            if (!is_second) out->positions[out->n++] = (uint32_t)i;
            out->n_line_ends += is_line_end && !is_second;
        } else {
            now = LITERAL;
        }
    }
}

static uint64_t next_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* A page whose end is followed by one that cannot be read. */
static char *guarded_end(size_t n)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    static char *base;
    if (!base) {
        base = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        cr_assert_neq((void *)base, MAP_FAILED);
        cr_assert_eq(mprotect(base + page, page, PROT_NONE), 0);
    }
    return base + page - n;
}

static bool is_marked(const struct asy_scan_marks *marks, size_t at)
{
    return marks->bits[at / 4096] >> (at / 64 % 64) & 1;
}

/* Scan `len` bytes cut at `cuts` and compare with `want`. */
static void check_level(const char *p, size_t len, char delimiter, enum asy_scan_level level, size_t step,
                        const struct expected *want, uint64_t seed)
{
    static uint32_t got[4096 + ASY_SCAN_SLACK];
    struct asy_scan scan;
    asy_scan_init(&scan, delimiter, level);
    size_t n = 0, nul_at = SIZE_MAX, n_line_ends = 0, n_quoted_lines = 0;
    bool has_escapes = false, has_lines = false, has_cr = false, is_odd = false;
    for (size_t at = 0; at < len; at += step) {
        const size_t part = len - at < step ? len - at : step;
        n += asy_scan_run(&scan, p + at, part, (uint32_t)at, got + n);
        if (scan.nul_at != SIZE_MAX && nul_at == SIZE_MAX) nul_at = at + scan.nul_at;
        has_escapes |= scan.escapes.any != 0;
        has_lines |= scan.lines.any != 0;
        has_cr |= scan.has_cr;
        is_odd |= scan.is_odd;
        n_line_ends += scan.n_line_ends;
        n_quoted_lines += scan.n_quoted_lines;
        for (size_t i = 0; i < part; i++)
            if ((unsigned char)p[at + i] > 127)
                cr_assert(is_marked(&scan.high, i), "%s: byte %zu (seed %llu)", asy_scan_level_name(level), at + i, (unsigned long long)seed);
            else if (p[at + i] == '"')
                cr_assert(is_marked(&scan.quotes, i), "%s: byte %zu (seed %llu)", asy_scan_level_name(level), at + i, (unsigned long long)seed);
    }
    const char *name = asy_scan_level_name(level);
    cr_assert_eq(n, want->n, "%s: length %zu step %zu: expected %zu positions, found %zu (seed %llu)", name, len, step, want->n, n,
                 (unsigned long long)seed);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(got[i], want->positions[i], "%s: length %zu step %zu position %zu: expected %u, found %u (seed %llu)", name, len,
                     step, i, want->positions[i], got[i], (unsigned long long)seed);
    cr_assert_eq(nul_at, want->nul_at, "%s: NUL (seed %llu)", name, (unsigned long long)seed);
    cr_assert_eq(n_line_ends, want->n_line_ends, "%s: line ends (seed %llu)", name, (unsigned long long)seed);
    cr_assert_eq(n_quoted_lines, want->n_quoted_lines, "%s: line ends in quotes (seed %llu)", name, (unsigned long long)seed);
    cr_assert_eq(has_cr, want->has_cr, "%s: has_cr (seed %llu)", name, (unsigned long long)seed);
    cr_assert_eq(is_odd, want->is_odd, "%s: is_odd (seed %llu)", name, (unsigned long long)seed);
    cr_assert(has_lines == want->has_lines, "%s: has_lines (seed %llu)", name, (unsigned long long)seed);
    /* It may be said too often: then cells are looked at twice. */
    cr_assert(has_escapes || !want->has_escapes, "%s: has_escapes (seed %llu)", name, (unsigned long long)seed);
}

static void check_all(const char *p, size_t len, char delimiter, uint64_t seed)
{
    static struct expected want;
    static const size_t steps[] = {4096, 64, 63, 65, 1, 7};
    walk_plainly(p, len, delimiter, &want);
    for (int level = ASY_SCAN_PLAIN; level <= (int)asy_scan_best(); level++)
        for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++)
            check_level(p, len, delimiter, (enum asy_scan_level)level, steps[s], &want, seed);
}

Test(io_scan, every_level_every_length_random_text)
{
    static const char *const alphabets[] = {"a,\n", "\",a", "\",\n\ra\"", "abcdefghij,", "\"\"\"\"a", "\xc3\xa4,a\n", "\r\n", "ab\"\",,,\n\n"};
    for (size_t a = 0; a < sizeof(alphabets) / sizeof(alphabets[0]); a++) {
        const size_t n_letters = strlen(alphabets[a]);
        for (size_t len = 0; len <= 130; len++) {
            for (uint64_t round = 0; round < 6; round++) {
                const uint64_t seed = a * 1000000 + len * 1000 + round;
                uint64_t state = seed;
                char *p = guarded_end(len);
                for (size_t i = 0; i < len; i++) p[i] = alphabets[a][next_random(&state) % n_letters];
                check_all(p, len, ',', seed);
            }
        }
    }
}

Test(io_scan, any_bytes_and_delimiters)
{
    static const char delimiters[] = {',', ';', '\t', '|', 'a', ' ', '\x01'};
    for (uint64_t seed = 0; seed < 400; seed++) {
        uint64_t state = seed * 77 + 5;
        const size_t len = next_random(&state) % 1024;
        const char delimiter = delimiters[seed % sizeof(delimiters)];
        char *p = guarded_end(len);
        for (size_t i = 0; i < len; i++) {
            const uint64_t r = next_random(&state);
            p[i] = r % 4 == 0 ? delimiter : r % 16 == 1 ? '"' : r % 32 == 2 ? '\n' : (char)(r >> 32);
        }
        check_all(p, len, delimiter, seed);
    }
}

Test(io_scan, known_texts)
{
    static const struct {
        const char *text;
        size_t n;
        uint32_t positions[8];
    } cases[] = {
        {"a,b\nc,d\n", 4, {1, 3, 5, 7}},
        {"a,\"b,\n\"\n", 2, {1, 7}},
        {"a\r\nb\r\n", 2, {1, 4}},
        {"a\rb\r", 2, {1, 3}},
        {"12\" monitor,x\n", 2, {11, 13}},        /* a quote in an unquoted cell means nothing */
        {"\"a\"b,\"c\n", 1, {4}},                 /* text behind a closing quote; then a quote stays open */
        {"\"a\"\"b,\",c\n", 2, {7, 9}},           /* doubled */
        {"x \"y, z\" ,w\n", 3, {4, 9, 11}},       /* not at the start of a cell: literal */
        {"\"\",\"\"\n", 2, {2, 5}},
        {"a\n\r\n\rb\n", 4, {1, 2, 4, 6}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct expected want;
        const size_t len = strlen(cases[i].text);
        walk_plainly(cases[i].text, len, ',', &want);
        cr_assert_eq(want.n, cases[i].n, "case %zu: expected %zu, found %zu", i, cases[i].n, want.n);
        for (size_t k = 0; k < want.n; k++) cr_assert_eq(want.positions[k], cases[i].positions[k], "case %zu position %zu", i, k);
        check_all(cases[i].text, len, ',', i);
    }
}

Test(io_scan, a_whole_window)
{
    static char text[ASY_SCAN_WINDOW];
    static uint32_t plain[ASY_SCAN_WINDOW + ASY_SCAN_SLACK], other[ASY_SCAN_WINDOW + ASY_SCAN_SLACK];
    uint64_t state = 42;
    for (size_t i = 0; i < sizeof(text); i++) text[i] = ",\n\"abcdefgh\xc3"[next_random(&state) % 12];
    struct asy_scan reference;
    asy_scan_init(&reference, ',', ASY_SCAN_PLAIN);
    const size_t n = asy_scan_run(&reference, text, sizeof(text), 7, plain);
    for (int level = ASY_SCAN_SSE2; level <= (int)asy_scan_best(); level++) {
        struct asy_scan scan;
        asy_scan_init(&scan, ',', (enum asy_scan_level)level);
        cr_assert_eq(asy_scan_run(&scan, text, sizeof(text), 7, other), n);
        cr_assert_arr_eq(other, plain, n * sizeof(*plain));
        cr_assert_arr_eq(&scan.high, &reference.high, sizeof(scan.high));
        cr_assert_arr_eq(&scan.escapes, &reference.escapes, sizeof(scan.escapes));
        cr_assert_arr_eq(&scan.lines, &reference.lines, sizeof(scan.lines));
        cr_assert_arr_eq(&scan.quotes, &reference.quotes, sizeof(scan.quotes));
        cr_assert_eq(scan.state.inside, reference.state.inside);
        cr_assert_eq(scan.state.fresh, reference.state.fresh);
    }
}

Test(io_scan, a_level_above_the_machine_is_lowered)
{
    struct asy_scan scan;
    asy_scan_init(&scan, ',', ASY_SCAN_AVX512);
    cr_assert_leq(scan.level, asy_scan_best());
    cr_assert_str_eq(asy_scan_level_name(ASY_SCAN_AVX2), "avx2");
}
