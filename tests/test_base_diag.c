/* Findings and errors: what they say and how they look. */
#include "base/diag.h"
#include "failing_mem.h"

#include <criterion/criterion.h>

static const char source[] = "assay: 1\n"
                             "scores:\r\n"
                             "\twhen: company.employes < 10\n"
                             "  - né \x1b[31m: x\n"
                             "last";

static struct asy_mem mem;
static struct asy_diags diags;
static struct asy_pool pool;

static void open_diags(void)
{
    asy_mem_init(&mem, NULL);
    asy_diags_init(&diags, &mem);
    asy_pool_init(&pool, &mem);
    diags.path = ASY_STR("rules.yaml");
    diags.source = ASY_STR(source);
}

static void close_diags(void)
{
    asy_pool_fini(&pool);
    asy_diags_fini(&diags);
    cr_assert_eq(mem.live_bytes, 0);
}

TestSuite(diag, .init = open_diags, .fini = close_diags);

static struct asy_pos at(uint32_t line, uint32_t col)
{
    return (struct asy_pos){line, col};
}

Test(diag, shows_place_line_and_caret)
{
    struct asy_str known[] = {ASY_STR("company.name"), ASY_STR("company.employees")};
    struct asy_str word = ASY_STR("company.employes");
    struct asy_diag *diag = asy_diag_add(&diags, "E0203", "unknown-name", at(3, 8), word.len,
                                         "`%.*s` is not a field%s", ASY_ARG(word), asy_diag_hint(&diags, word, known, 2));
    cr_assert_not_null(diag);
    diag->detail = ASY_STR("known fields:\ncompany.name");
    cr_assert_eq(diags.n_errors, 1);
    cr_assert_str_eq(asy_diags_text(&pool, &diags, false).p,
                     "rules.yaml:3:8: error: E0203 `company.employes` is not a field; did you mean `company.employees`? "
                     "[unknown-name]\n"
                     "    when: company.employes < 10\n"
                     "          ^^^^^^^^^^^^^^^^\n"
                     "    known fields:\n"
                     "    company.name\n");
}

Test(diag, severities_colour_and_no_place)
{
    asy_diag_add(&diags, "W0001", "hm", at(0, 0), 1, "odd");
    asy_diag_add(&diags, "N0001", "", at(5, 0), 1, "noted");
    cr_assert_eq(diags.n_warnings, 1);
    cr_assert_eq(diags.n_errors, 0);
    cr_assert_str_eq(asy_diags_text(&pool, &diags, false).p, "rules.yaml: warning: W0001 odd [hm]\n"
                                                             "rules.yaml:5:0: note: N0001 noted\n"
                                                             "    last\n");
    diags.path = ASY_STR("");
    diags.n = 1;
    cr_assert_str_eq(asy_diags_text(&pool, &diags, false).p, "warning: W0001 odd [hm]\n");
    diags.n = 0;
    struct asy_str none = asy_diags_text(&pool, &diags, false);
    cr_assert_not_null(none.p);
    cr_assert_eq(none.len, 0);
    asy_diag_add(&diags, "E0001", "bad", at(1, 1), 5, "no");
    cr_assert_str_eq(asy_diags_text(&pool, &diags, true).p,
                     "\x1b[1m1:1:\x1b[0m \x1b[1;31merror:\x1b[0m E0001 no [bad]\n"
                     "    assay: 1\n"
                     "    \x1b[32m^^^^^\x1b[0m\n");
}

Test(diag, hostile_text_cannot_drive_the_terminal)
{
    asy_diag_add(&diags, "E0001", "bad", at(4, 14), 2, "found `%s`", "\x1b]0;x\x07\n\xC2\x9B");
    cr_assert_str_eq(asy_diags_text(&pool, &diags, false).p, "rules.yaml:4:14: error: E0001 found `?]0;x??""?` [bad]\n"
                                                             "    - né ?[31m: x\n"
                                                             "              ^^\n");
}

Test(diag, tabs_inside_a_line_stay_tabs_under_it)
{
    diags.source = ASY_STR("a\tb\t\xEF\xBB\xBF\xFFwhere");
    asy_diag_add(&diags, "E0001", "bad", at(1, 9), 99, "x");
    cr_assert_str_eq(asy_diags_text(&pool, &diags, false).p, "rules.yaml:1:9: error: E0001 x [bad]\n"
                                                             "    a\tb\t?where\n"
                                                             "     \t \t ^^^^^\n");
}

Test(diag, a_place_beyond_the_line_or_the_file)
{
    asy_diag_add(&diags, "E0001", "bad", at(5, 400), 3, "x");
    asy_diag_add(&diags, "E0002", "bad", at(600, 4), 3, "y");
    cr_assert_str_eq(asy_diags_text(&pool, &diags, false).p, "rules.yaml:5:400: error: E0001 x [bad]\n"
                                                             "    last\n"
                                                             "        ^\n"
                                                             "rules.yaml:600:4: error: E0002 y [bad]\n");
}

Test(diag, long_lines_are_shown_around_the_caret)
{
    static char line[5001];
    for (int i = 0; i < 5000; i++)
        line[i] = (char)('a' + i % 26);
    diags.source = (struct asy_str){line, 5000};
    static const struct {
        uint32_t col;
        bool cut_before, cut_after;
    } cases[] = {{1, false, true}, {30, false, true}, {2500, true, true}, {5000, true, false}, {4900, true, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        diags.n = 0;
        asy_diag_add(&diags, "E0001", "bad", at(1, cases[i].col), 2, "x");
        struct asy_str text = asy_diags_text(&pool, &diags, false);
        const char *shown = strchr(text.p, '\n') + 1;
        const char *carets = strchr(shown, '\n') + 1;
        cr_assert_leq(carets - shown, 4 + 3 + 160 + 3 + 1);
        cr_assert_eq(memcmp(shown + 4, "...", 3) == 0, cases[i].cut_before, "column %u", cases[i].col);
        cr_assert_eq(memcmp(carets - 4, "...", 3) == 0, cases[i].cut_after, "column %u", cases[i].col);
        const char *caret = strchr(carets, '^');
        cr_assert_eq(shown[caret - carets], line[cases[i].col - 1], "column %u", cases[i].col);
    }
}

Test(diag, many_findings_on_one_huge_line_stay_cheap)
{
    static char line[1 << 20];
    memset(line, 'x', sizeof line);
    diags.source = (struct asy_str){line, sizeof line};
    for (uint32_t i = 0; i < 20000; i++)
        asy_diag_add(&diags, "E0001", "bad", at(1, 1 + i * 50), 1, "x");
    asy_diags_sort(&diags);
    cr_assert_eq(diags.n, 20000);
    cr_assert_gt(asy_diags_text(&pool, &diags, false).len, 20000 * 200u);
}

Test(diag, sorted_by_place_code_text_and_equal_ones_dropped)
{
    asy_diag_add(&diags, "E0002", "b", at(2, 1), 1, "b");
    asy_diag_add(&diags, "W0001", "a", at(1, 9), 1, "w");
    asy_diag_add(&diags, "E0002", "b", at(2, 1), 3, "a");
    asy_diag_add(&diags, "E0001", "b", at(2, 1), 1, "z");
    asy_diag_add(&diags, "E0002", "b", at(2, 1), 1, "b");
    asy_diag_add(&diags, "W0001", "a", at(1, 9), 1, "w");
    asy_diag_add(&diags, "E0009", "a", at(0, 0), 1, "file");
    asy_diags_sort(&diags);
    static const char *const expected[] = {"file", "w", "z", "a", "b"};
    cr_assert_eq(diags.n, 5);
    for (int i = 0; i < 5; i++)
        cr_assert(asy_str_is(diags.items[i].text, expected[i]), "%d: %.*s", i, ASY_ARG(diags.items[i].text));
    cr_assert_eq(diags.n_errors, 4);
    cr_assert_eq(diags.n_warnings, 1);

    diags.n = 0;
    uint32_t seed = 99;
    for (int i = 0; i < 3000; i++) {
        seed = seed * 1664525u + 1013904223u;
        asy_diag_add(&diags, "E0001", "b", at(seed >> 22, (seed >> 12) % 1024), 1, "x");
    }
    asy_diags_sort(&diags);
    for (uint32_t i = 1; i < diags.n; i++) {
        struct asy_pos a = diags.items[i - 1].pos, b = diags.items[i].pos;
        cr_assert(a.line < b.line || (a.line == b.line && a.col < b.col));
    }
}

Test(diag, finds_lines_with_any_line_end)
{
    static const struct {
        uint32_t line;
        const char *expected;
    } cases[] = {{0, ""},  {1, "one"}, {2, "two"}, {3, ""},   {4, "four"},
                 {5, "5"}, {6, "six"}, {7, "7"},   {8, ""}, {9, ""}};
    diags.source = ASY_STR("one\ntwo\r\n\rfour\xC2\x85" "5\xE2\x80\xA8six\xE2\x80\xA9" "7\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert(asy_str_is(asy_diag_line(&diags, cases[i].line), cases[i].expected), "line %u", cases[i].line);
    diags.source = (struct asy_str){NULL, 0};
    cr_assert_eq(asy_diag_line(&diags, 1).len, 0);
}

Test(diag, hints_only_where_something_is_near)
{
    struct asy_str known[] = {ASY_STR("fit"), ASY_STR("engagement"), ASY_STR("total")};
    cr_assert_str_eq(asy_diag_hint(&diags, ASY_STR("engagment"), known, 3), "; did you mean `engagement`?");
    cr_assert_str_eq(asy_diag_hint(&diags, ASY_STR("budget"), known, 3), "");
    cr_assert_str_eq(asy_diag_hint(&diags, ASY_STR(""), known, 3), "");
    cr_assert_str_eq(asy_diag_hint(&diags, ASY_STR("x"), NULL, 0), "");
}

Test(diag_fault, no_memory_is_remembered)
{
    for (int64_t n_left = 0; n_left < 8; n_left++) {
        struct failing failing;
        struct asy_mem tight;
        struct asy_diags small;
        struct asy_str known[] = {ASY_STR("word")};
        failing_init(&tight, &failing, n_left);
        asy_diags_init(&small, &tight);
        uint32_t n_added = 0;
        for (int i = 0; i < 20000 && !small.out_of_memory; i++) {
            n_added += asy_diag_add(&small, "E0001", "bad", at(1, 1), 1, "%d%s", i,
                                    asy_diag_hint(&small, ASY_STR("wodr"), known, 1)) != NULL;
        }
        cr_assert(small.out_of_memory);
        cr_assert(small.n == n_added && small.n_errors == n_added);
        struct asy_pool out;
        asy_pool_init(&out, &tight);
        if (small.n)
            cr_assert_null(asy_diags_text(&out, &small, false).p);
        asy_pool_fini(&out);
        asy_diags_fini(&small);
        cr_assert_eq(failing.n_blocks, 0);
    }
}

Test(fail, fills_code_and_one_line)
{
    struct assay_error error = {0};
    cr_assert_eq(asy_fail(&error, ASSAY_E_DATA, "row %d: found `%s`", 7, "a\nb\x1b"), ASSAY_E_DATA);
    cr_assert_eq(error.code, ASSAY_E_DATA);
    cr_assert_str_eq(error.text, "row 7: found `a?b?`");
    cr_assert_eq(asy_fail(NULL, ASSAY_E_IO, "x"), ASSAY_E_IO);
}

Test(fail, cuts_long_text_between_characters)
{
    char filler[1100];
    for (int shift = 0; shift < 4; shift++) {
        memset(filler, 'x', sizeof filler);
        for (int i = shift; i + 4 < 1099; i += 4)
            memcpy(filler + i, "\xF0\x9F\x98\x80", 4);
        filler[1099] = '\0';
        struct assay_error error = {0};
        asy_fail(&error, ASSAY_E_DATA, "%s", filler);
        struct asy_str text = asy_str_of(error.text);
        cr_assert(asy_utf8_valid(text));
        cr_assert_geq(text.len, sizeof error.text - 5);
    }
}

Test(fail, every_status_has_a_text)
{
    cr_assert_str_eq(asy_status_text(ASSAY_OK), "ok");
    cr_assert_str_eq(asy_status_text(ASSAY_E_CANCELLED), "interrupted");
    cr_assert_str_eq(asy_status_text(-4711), "unknown status code");
}
