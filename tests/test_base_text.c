/* Text, numbers as text, regular expressions. */
#include "base/regex.h"
#include "base/text.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return bits;
}

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, 8);
    return value;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

Test(text, comparing)
{
    cr_assert_lt(asy_str_cmp(ASY_STR("ab"), ASY_STR("abc")), 0);
    cr_assert_gt(asy_str_cmp(ASY_STR("b"), ASY_STR("abc")), 0);
    cr_assert_eq(asy_str_cmp(ASY_STR("abc"), ASY_STR("abc")), 0);
    cr_assert_gt(asy_str_cmp(ASY_STR("\xC3\xA9"), ASY_STR("z")), 0, "bytes are unsigned");
    cr_assert_eq(asy_str_cmp((struct asy_str){NULL, 0}, ASY_STR("")), 0);
    cr_assert(asy_str_eq_fold(ASY_STR("Vice President"), ASY_STR("vICE pRESIDENT")));
    cr_assert_not(asy_str_eq_fold(ASY_STR("\xC3\x89"), ASY_STR("\xC3\xA9")), "ASCII only");
    cr_assert_not(asy_str_eq_fold(ASY_STR("@["), ASY_STR("`{")), "neighbours of the letters are no letters");
    cr_assert(asy_str_is(asy_str_trim(ASY_STR(" \t a b\t ")), "a b"));
    cr_assert_eq(asy_str_trim(ASY_STR(" \t ")).len, 0);
    cr_assert_eq(asy_str_trim((struct asy_str){NULL, 0}).len, 0);
}

Test(text, finding)
{
    cr_assert_eq(asy_str_find(ASY_STR("a lead is a lead"), ASY_STR("lead")), 2);
    cr_assert_eq(asy_str_find(ASY_STR("lea"), ASY_STR("lead")), -1);
    cr_assert_eq(asy_str_find(ASY_STR("abc"), ASY_STR("")), 0);
    cr_assert_eq(asy_str_find((struct asy_str){NULL, 0}, ASY_STR("")), 0);
    cr_assert_eq(asy_str_find((struct asy_str){"a\0b", 3}, (struct asy_str){"\0b", 2}), 1);
}

Test(utf8, well_formed_and_not)
{
    static const struct {
        struct asy_str text;
        bool valid;
    } cases[] = {
        {{"", 0}, true},
        {{NULL, 0}, true},
        {{"plain ASCII, longer than eight", 30}, true},
        {{"\x00\x7F", 2}, true},
        {{"\xC2\x80\xDF\xBF", 4}, true},
        {{"\xE0\xA0\x80\xEF\xBF\xBF", 6}, true},
        {{"\xED\x9F\xBF\xEE\x80\x80", 6}, true},
        {{"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 8}, true},
        {{"\x80", 1}, false},
        {{"\xC0\xAF", 2}, false},         /* overlong */
        {{"\xC1\xBF", 2}, false},
        {{"\xE0\x9F\xBF", 3}, false},
        {{"\xF0\x8F\xBF\xBF", 4}, false},
        {{"\xED\xA0\x80", 3}, false},     /* surrogate */
        {{"\xF4\x90\x80\x80", 4}, false}, /* beyond U+10FFFF */
        {{"\xF5\x80\x80\x80", 4}, false},
        {{"\xFF", 1}, false},
        {{"\xC3", 1}, false},             /* cut short */
        {{"\xE2\x82", 2}, false},
        {{"\xF0\x9F\x98", 3}, false},
        {{"\xC3\x28", 2}, false},
        {{"\xE2\x28\xA1", 3}, false},
        {{"\xF0\x9F\x28\x80", 4}, false},
        {{"\xF0\x9F\x98\x28", 4}, false},
    };
    char buffer[64];
    for (size_t i = 0; i < COUNT(cases); i++) {
        /* At every distance from the eight-byte steps. */
        for (uint32_t shift = 0; shift < 20; shift++) {
            memset(buffer, 'a', sizeof buffer);
            if (cases[i].text.len)
                memcpy(buffer + shift, cases[i].text.p, cases[i].text.len);
            cr_assert_eq(asy_utf8_valid((struct asy_str){buffer, shift + cases[i].text.len}), cases[i].valid,
                         "case %zu shifted by %u", i, shift);
        }
    }
    cr_assert_eq(asy_utf8_length(ASY_STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")), 4);
}

Test(number, integers)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {{"0", true, 0},
                 {"-0", true, 0},
                 {"+7", true, 7},
                 {"007", true, 7},
                 {"9223372036854775807", true, INT64_MAX},
                 {"-9223372036854775808", true, INT64_MIN},
                 {"9223372036854775808", false, 0},
                 {"-9223372036854775809", false, 0},
                 {"99999999999999999999", false, 0},
                 {"", false, 0},
                 {"-", false, 0},
                 {"+-1", false, 0},
                 {" 1", false, 0},
                 {"1 ", false, 0},
                 {"1,000", false, 0},
                 {"1.0", false, 0},
                 {"0x10", false, 0},
                 {"1e3", false, 0},
                 {"\xD9\xA1", false, 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 4711;
        cr_assert_eq(asy_parse_i64(asy_str_of(cases[i].text), &value), cases[i].ok, "%s", cases[i].text);
        cr_assert_eq(value, cases[i].ok ? cases[i].value : 4711, "%s", cases[i].text);
    }
}

static const struct {
    const char *text;
    bool ok;
    double value;
} doubles[] = {{"0", true, 0.0},
               {"-0.0", true, -0.0},
               {"1", true, 1.0},
               {"+1.50", true, 1.5},
               {"17850.0", true, 17850.0},
               {"1e3", true, 1000.0},
               {"1E+3", true, 1000.0},
               {"12.5e-1", true, 1.25},
               {"0.1", true, 0.1},
               {"123456789012345678", true, 123456789012345678.0},
               {"9007199254740993", true, 9007199254740992.0},
               {"9007199254740993.00000000000000000000000000000000001", true, 9007199254740994.0},
               {"1.7976931348623157e308", true, 1.7976931348623157e308},
               {"1.7976931348623158e308", true, 1.7976931348623157e308},
               {"1.7976931348623159e308", false, 0},
               {"1e309", false, 0},
               {"-1e309", false, 0},
               {"1e99999999999999999999999", false, 0},
               {"0e99999999999999999999999", true, 0.0},
               {"4.9e-324", true, 0x1p-1074},
               {"2.4703282292062327e-324", true, 0.0},
               {"2.4703282292062328e-324", true, 0x1p-1074},
               {"-1e-99999999999999999999999", true, -0.0},
               {"2.2250738585072011e-308", true, 0x1.ffffffffffffep-1023},
               {"0.000000000000000000000000000000000001e36", true, 1.0},
               {"1000000000000000000000000000000000000e-36", true, 1.0},
               {"", false, 0},
               {"+", false, 0},
               {".5", true, 0.5},
               {"5.", true, 5},
               {".", false, 0},
               {"1e", false, 0},
               {"1e+", false, 0},
               {"1.e1", true, 10},
               {".5e1", true, 5},
               {"-.25", true, -0.25},
               {".e1", false, 0},
               {"-.", false, 0},
               {"1.5.2", false, 0},
               {"1,5", false, 0},
               {"1 000", false, 0},
               {" 1", false, 0},
               {"1\n", false, 0},
               {"0x1p3", false, 0},
               {"inf", false, 0},
               {"nan", false, 0},
               {"Infinity", false, 0},
               {"1d", false, 0},
               {"1f", false, 0}};

static void check_doubles(void)
{
    for (size_t i = 0; i < COUNT(doubles); i++) {
        double value = 4711;
        cr_assert_eq(asy_parse_f64(asy_str_of(doubles[i].text), &value), doubles[i].ok, "%s", doubles[i].text);
        cr_assert_eq(bits_of(value), bits_of(doubles[i].ok ? doubles[i].value : 4711), "%s", doubles[i].text);
    }
}

Test(number, doubles)
{
    check_doubles();
}

Test(number, doubles_in_a_locale_with_a_decimal_comma)
{
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "ru_RU.UTF-8"};
    size_t i = 0;
    while (i < COUNT(names) && !setlocale(LC_ALL, names[i]))
        i++;
    if (i == COUNT(names)) {
        cr_log_info("no locale with a decimal comma is installed");
        return;
    }
    check_doubles();
    char text[32];
    asy_format_f64(0.1, text);
    cr_assert_str_eq(text, "0.1");
}

Test(number, very_long_digit_strings)
{
    enum { LEN = 200000 };
    char *text = malloc(LEN + 8);
    double value;
    memset(text, '0', LEN);
    text[LEN - 1] = '5';
    cr_assert(asy_parse_f64((struct asy_str){text, LEN}, &value));
    cr_assert_eq(value, 5.0);
    text[1] = '.';
    memcpy(text + LEN, "e199998", 7);
    cr_assert(asy_parse_f64((struct asy_str){text, LEN + 7}, &value));
    cr_assert_eq(value, 5.0);
    /* Half way between 1 and the next double, and a last digit that tips it. */
    const char *half = "1.00000000000000011102230246251565404236316680908203125";
    memset(text, '0', LEN);
    memcpy(text, half, strlen(half));
    cr_assert(asy_parse_f64((struct asy_str){text, LEN}, &value));
    cr_assert_eq(value, 1.0);
    text[LEN - 1] = '1';
    cr_assert(asy_parse_f64((struct asy_str){text, LEN}, &value));
    cr_assert_eq(value, 1.0 + 0x1p-52);
    memset(text, '9', LEN);
    cr_assert_not(asy_parse_f64((struct asy_str){text, LEN}, &value));
    free(text);
}

/* [+-]digits[.digits][e[+-]digits] with digits on one side of the point at least, said a second time. */
static bool in_grammar(const char *p)
{
    p += *p == '+' || *p == '-';
    size_t n_before = strspn(p, "0123456789"), n_behind = 0, n;
    p += n_before;
    if (*p == '.') {
        n_behind = strspn(++p, "0123456789");
        p += n_behind;
    }
    if (n_before + n_behind == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '+' || *p == '-';
        n = strspn(p, "0123456789");
        if (n == 0)
            return false;
        p += n;
    }
    return *p == '\0';
}

static void check_line(const char *file, const char *text, uint64_t bits)
{
    double value = 0;
    bool ok = asy_parse_f64(asy_str_of(text), &value);
    bool finite = (bits & 0x7FF0000000000000) != 0x7FF0000000000000;
    cr_assert_eq(ok, in_grammar(text) && finite, "%s: %s", file, text);
    if (ok)
        cr_assert_eq(bits_of(value), bits, "%s: %s", file, text);
}

Test(number, doubles_of_the_outside_suite)
{
    static const char *const files[] = {"freetype-2-7", "google-wuffs", "lemire-fast-float", "more-test-cases",
                                        "tencent-rapidjson"};
    for (size_t i = 0; i < COUNT(files); i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/../shared/suites/parse-number/%s.txt", ASSAY_SOURCE_DIR, files[i]);
        FILE *file = fopen(path, "r");
        if (!file) {
            cr_log_info("skipped: %s is not there", path);
            continue;
        }
        char *line = NULL;
        size_t cap = 0, n = 0;
        for (ssize_t len; (len = getline(&line, &cap, file)) > 0; n++) {
            if (line[len - 1] == '\n')
                line[len - 1] = '\0';
            cr_assert_gt(len, 32);
            check_line(files[i], line + 31, strtoull(line + 14, NULL, 16));
        }
        cr_assert_gt(n, 50);
        free(line);
        fclose(file);
    }
}

Test(number, doubles_written)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},
                 {-0.0, "-0"},
                 {1, "1"},
                 {-1.5, "-1.5"},
                 {123.456, "123.456"},
                 {-4.5e-3, "-0.0045"},
                 {0.1, "0.1"},
                 {0.3, "0.3"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {1e15, "1000000000000000"},
                 {1e20, "100000000000000000000"},
                 {123456789012345678.0, "123456789012345680"},
                 {1e21, "1e+21"},
                 {1.5e300, "1.5e+300"},
                 {0.0001, "0.0001"},
                 {0.00001, "1e-05"},
                 {1.25e-7, "1.25e-07"},
                 {1.7976931348623157e308, "1.7976931348623157e+308"},
                 {2.2250738585072014e-308, "2.2250738585072014e-308"},
                 {0x1p-1074, "5e-324"},
                 {0x1p-44, "5.684341886080802e-14"},
                 {0x1p-1022, "2.2250738585072014e-308"},
                 {9007199254740992.0, "9007199254740992"},
                 {NAN, "NaN"},
                 {-NAN, "NaN"},
                 {INFINITY, "Infinity"},
                 {-INFINITY, "-Infinity"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[32];
        uint32_t len = asy_format_f64(cases[i].value, text);
        cr_assert_str_eq(text, cases[i].text);
        cr_assert_eq(len, strlen(text));
    }
}

static uint32_t count_digits(const char *text)
{
    uint32_t n = 0, n_zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text == '0' && n > 0)
            n_zeros++;
        if (*text >= '1' && *text <= '9') {
            n += n_zeros + 1;
            n_zeros = 0;
        }
    }
    return n;
}

static void check_shortest(double value)
{
    char text[32], longer[64];
    double back;
    uint32_t len = asy_format_f64(value, text);
    cr_assert(asy_parse_f64((struct asy_str){text, len}, &back), "%s", text);
    cr_assert_eq(bits_of(back), bits_of(value), "%s", text);
    if (fabs(value) < 0x1p53 && value == floor(value))
        return;
    uint32_t n_digits = 1;
    for (; n_digits < 17; n_digits++) {
        snprintf(longer, sizeof longer, "%.*e", (int)n_digits - 1, value);
        if (strtod(longer, NULL) == value)
            break;
    }
    cr_assert_leq(count_digits(text), n_digits, "%s", text);
}

Test(number, doubles_written_are_shortest_and_read_back)
{
    uint64_t seed = 20260101;
    for (int i = 0; i < 100000; i++) {
        double value = from_bits(next_random(&seed));
        if (isfinite(value))
            check_shortest(value);
        check_shortest((double)(int64_t)(next_random(&seed) >> 20) / 1000.0);
    }
    for (int exponent = -1074; exponent < 1024; exponent++) {
        check_shortest(ldexp(1, exponent));
        check_shortest(nextafter(ldexp(1, exponent), 0));
        check_shortest(-nextafter(ldexp(1, exponent), INFINITY));
    }
}

Test(number, booleans)
{
    static const struct {
        const char *text;
        int value; /* -1: refused */
    } cases[] = {{"true", 1}, {"FALSE", 0}, {"Yes", 1}, {"nO", 0}, {"1", 1}, {"0", 0},  {"T", 1},  {"f", 0},
                 {"", -1},    {"2", -1},    {"y", -1},  {"on", -1}, {"truee", -1}, {" true", -1}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool value = false;
        cr_assert_eq(asy_parse_bool(asy_str_of(cases[i].text), &value), cases[i].value >= 0, "%s", cases[i].text);
        if (cases[i].value >= 0)
            cr_assert_eq(value, cases[i].value, "%s", cases[i].text);
    }
}

/* The textbook table, without a limit. */
static uint32_t distance_by_table(struct asy_str a, struct asy_str b)
{
    uint32_t table[40][40];
    for (uint32_t i = 0; i <= a.len; i++) {
        for (uint32_t j = 0; j <= b.len; j++) {
            uint32_t best = i ? table[i - 1][j] + 1 : j;
            if (j && (!i || table[i][j - 1] + 1 < best))
                best = i ? table[i][j - 1] + 1 : j;
            if (i && j && table[i - 1][j - 1] + (a.p[i - 1] != b.p[j - 1]) < best)
                best = table[i - 1][j - 1] + (a.p[i - 1] != b.p[j - 1]);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] && table[i - 2][j - 2] + 1 < best)
                best = table[i - 2][j - 2] + 1;
            table[i][j] = best;
        }
    }
    return table[a.len][b.len];
}

Test(near, distance_is_that_of_the_whole_table)
{
    uint64_t seed = 42;
    for (int i = 0; i < 20000; i++) {
        char a[32], b[32];
        struct asy_str sa = {a, (uint32_t)(next_random(&seed) % 16)}, sb = {b, (uint32_t)(next_random(&seed) % 16)};
        for (int k = 0; k < 32; k++) {
            a[k] = (char)('a' + next_random(&seed) % 3);
            b[k] = (char)('a' + next_random(&seed) % 3);
        }
        uint32_t limit = (uint32_t)(next_random(&seed) % 8), whole = distance_by_table(sa, sb);
        cr_assert_eq(asy_str_distance(sa, sb, limit), whole <= limit ? whole : limit + 1, "%.*s %.*s limit %u",
                     ASY_ARG(sa), ASY_ARG(sb), limit);
    }
    cr_assert_eq(asy_str_distance(ASY_STR("INDUSTRY"), ASY_STR("idnustry"), 3), 1, "a swap is one edit, case none");
    cr_assert_eq(asy_str_distance(ASY_STR(""), ASY_STR(""), 0), 0);
    cr_assert_eq(asy_str_distance(ASY_STR("abc"), ASY_STR(""), 1000), 3);
}

Test(near, nearest_names)
{
    struct asy_str names[] = {ASY_STR("company.employees"), ASY_STR("company.industry"), ASY_STR("contact.email"),
                              ASY_STR("contact.email_domain"), ASY_STR("fit"), ASY_STR("lead.owner"), ASY_STR("owner"),
                              ASY_STR("deal.owner")};
    static const struct {
        const char *word;
        int64_t expected;
    } cases[] = {{"company.employes", 0}, {"compnay.industry", 1}, {"Company.Industry", 1}, {"industry", 1},
                 {"email", 2},            {"fti", 4},              {"fitt", 4},             {"xyz", -1},
                 {"x", -1},               {"", -1},                {"owner", 6},            {"completely.else", -1},
                 {"contact.emial", 2}};
    for (size_t i = 0; i < COUNT(cases); i++)
        cr_assert_eq(asy_str_nearest(asy_str_of(cases[i].word), names, COUNT(names)), cases[i].expected, "%s",
                     cases[i].word);
    struct asy_str owners[] = {ASY_STR("lead.owner"), ASY_STR("deal.owner")};
    cr_assert_eq(asy_str_nearest(ASY_STR("owner"), owners, 2), -1, "two would do");
}

Test(regex, searches_anywhere)
{
    static const struct {
        const char *pattern, *text;
        bool found;
    } cases[] = {{"ab+c", "xxabbbcx", true},       {"^ab$", "ab", true}, {"^ab$", "xab", false},
                 {"(?i)gmail\\.com$", "A@GMAIL.COM", true}, {"", "", true},      {"\\pL{3}", "d\xC3\xA9j", true},
                 {".", "\n", false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char problem[200] = "";
        struct asy_regex *regex = asy_regex_new(asy_str_of(cases[i].pattern), problem, sizeof problem);
        cr_assert_not_null(regex, "%s: %s", cases[i].pattern, problem);
        cr_assert_eq(asy_regex_search(regex, asy_str_of(cases[i].text)), cases[i].found, "%s", cases[i].pattern);
        asy_regex_free(regex);
    }
    asy_regex_free(NULL);
}

Test(regex, says_what_is_wrong)
{
    static const struct {
        const char *pattern, *problem;
    } cases[] = {{"a(b", "missing ): a(b"},
                 {"[z-a]", "invalid character class range: z-a"},
                 {"(?=x)", "invalid perl operator: (?="},
                 {"\\1", "invalid escape sequence: \\1"},
                 {"((a{100}){100}){100}", "invalid repetition size: {100}"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char problem[200] = "";
        cr_assert_null(asy_regex_new(asy_str_of(cases[i].pattern), problem, sizeof problem), "%s", cases[i].pattern);
        cr_assert_str_eq(problem, cases[i].problem);
    }
    char tiny[8];
    memset(tiny, 'x', sizeof tiny);
    cr_assert_null(asy_regex_new(ASY_STR("a(b"), tiny, sizeof tiny));
    cr_assert_str_eq(tiny, "missing");
    cr_assert_null(asy_regex_new(ASY_STR("a(b"), NULL, 0));
}

Test(regex, is_linear_where_backtracking_is_not)
{
    char problem[100];
    struct asy_regex *regex = asy_regex_new(ASY_STR("(x+x+)+y"), problem, sizeof problem);
    cr_assert_not_null(regex);
    char *text = malloc(100000);
    memset(text, 'x', 100000);
    cr_assert_not(asy_regex_search(regex, (struct asy_str){text, 100000}));
    free(text);
    asy_regex_free(regex);
}

Test(number, thousandths)
{
    static const struct { int64_t milli; const char *text; } cases[] = {
        {0, "0"}, {1, "0.001"}, {-1, "-0.001"}, {10, "0.01"}, {-500, "-0.5"}, {1000, "1"}, {12500, "12.5"}, {-80000, "-80"},
        {100000, "100"}, {1234567, "1234.567"}, {INT64_MAX, "9223372036854775.807"}, {INT64_MIN, "-9223372036854775.808"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[24];
        const uint32_t n = asy_format_milli(cases[i].milli, text);
        cr_expect(asy_str_is((struct asy_str){text, n}, cases[i].text), "%s: %.*s", cases[i].text, (int)n, text);
    }
}
