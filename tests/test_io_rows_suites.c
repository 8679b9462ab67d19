/* The row reader against outside suites (../shared/suites beside the project; where it is absent the tests say so and pass). */
#include "rows_fixture.h"
#include "tiny_json.h"

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <unistd.h>

#define SUITES ASSAY_SOURCE_DIR "/../shared/suites"

static bool have(const char *path)
{
    if (access(path, R_OK) == 0) return true;
    fprintf(stderr, "notice: skipped, there is no %s\n", path);
    return false;
}

static struct asy_mem mem;
static struct asy_pool pool;

static void set_up(void)
{
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
}

static void tear_down(void)
{
    asy_pool_fini(&pool);
    cr_assert_eq(mem.live_bytes, 0);
}

TestSuite(io_rows_suites, .init = set_up, .fini = tear_down);

static struct asy_rows *open_file(const char *path)
{
    struct assay_error error = {0};
    struct asy_rows *rows = NULL;
    cr_assert_eq(asy_rows_open(&rows, &mem, path, NULL, &error), ASSAY_OK, "%s", error.text);
    return rows;
}

Test(io_rows_suites, csv_spectrum)
{
    static const char *const names[] = {"comma_in_quotes", "empty",          "empty_crlf", "escaped_quotes",      "json",  "newlines",
                                        "newlines_crlf",   "quotes_and_newlines", "simple", "simple_crlf", "utf8"};
    if (!have(SUITES "/csv-spectrum")) return;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[512];
        struct tiny_json want;
        snprintf(path, sizeof(path), SUITES "/csv-spectrum/json/%s.json", names[i]);
        const struct asy_str text = tiny_read_file(&pool, path);
        cr_assert_not_null(text.p, "%s", path);
        tiny_parse(&pool, text.p, &want);
        snprintf(path, sizeof(path), SUITES "/csv-spectrum/csvs/%s.csv", names[i]);
        struct asy_rows *rows = open_file(path);
        const struct asy_str *header;
        const uint32_t n_columns = asy_rows_header(rows, &header);
        struct asy_row row;
        struct assay_error error;
        bool more;
        for (uint32_t r = 0; r < want.n; r++) {
            cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_OK);
            cr_assert(more && !row.problem, "%s row %u", names[i], r);
            cr_assert_eq(want.items[r].n, n_columns);
            for (uint32_t c = 0; c < n_columns; c++) {
                cr_assert(asy_str_eq(want.items[r].names[c], header[c]), "%s column %u", names[i], c);
                cr_assert(asy_str_eq(want.items[r].items[c].text, row.cells[c]), "%s row %u column %u: expected `%.*s`, found `%.*s`",
                          names[i], r, c, ASY_ARG(want.items[r].items[c].text), ASY_ARG(row.cells[c]));
            }
        }
        cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_OK);
        cr_assert_not(more, "%s", names[i]);
        asy_rows_close(rows);
    }
}

/* ---- Papa Parse: the cases our dialect shares ---- */

/* What a configuration asks for that we do not do. */
static const char *unshared_option(const struct tiny_json *config)
{
    static const char *const shared[] = {"newline", "fastMode", "skipEmptyLines", "delimiter"};
    for (uint32_t i = 0; config && config->kind == '{' && i < config->n; i++) {
        bool is_shared = false;
        for (size_t s = 0; s < sizeof(shared) / sizeof(shared[0]); s++) is_shared |= asy_str_is(config->names[i], shared[s]);
        if (!is_shared) return config->names[i].p;
        const struct tiny_json *value = &config->items[i];
        if (asy_str_is(config->names[i], "delimiter") && (value->kind != '"' || value->text.len != 1 || value->text.p[0] == '\n'))
            return "a delimiter that is not one character";
        if (asy_str_is(config->names[i], "skipEmptyLines") && value->kind == '"') return "skipEmptyLines: greedy";
    }
    return NULL;
}

static const char *skip_reason(const struct tiny_json *test)
{
    /* Where we differ on purpose. */
    static const struct { const char *name, *why; } differs[] = {
        {"Mixed slash n and slash r should choose first as precident", "mixed line ends are all line ends here"},
        {"Skip empty lines, with first line only whitespace", "a line of blanks is a blank line here"},
        {"Blank line in middle with whitespace", "a line of blanks is a blank line here"},
    };
    const char *option = unshared_option(tiny_get(test, "config"));
    if (option) return option;
    const struct tiny_json *errors = tiny_get(tiny_get(test, "expected"), "errors");
    for (uint32_t i = 0; errors && i < errors->n; i++)
        if (tiny_get(&errors->items[i], "type") && asy_str_is(tiny_get(&errors->items[i], "type")->text, "Quotes"))
            return "malformed quotes: refused here, see the tests of test_io_rows.c";
    if (asy_str_starts(tiny_get(test, "description")->text, ASY_STR("Pipe delimiter is guessed"))) return "a test of its own below";
    for (size_t i = 0; i < sizeof(differs) / sizeof(differs[0]); i++)
        if (asy_str_is(tiny_get(test, "description")->text, differs[i].name)) return differs[i].why;
    return NULL;
}

static bool is_blank_row(const struct tiny_json *row)
{
    return row->n == 1 && row->items[0].text.len == 0;
}

/* One case behind a header as wide as its widest row, so that its first row is data like the others. */
static void check_papaparse(const struct tiny_json *test)
{
    const struct asy_str name = tiny_get(test, "description")->text;
    const struct asy_str input = tiny_get(test, "input")->text;
    const struct tiny_json *data = tiny_get(tiny_get(test, "expected"), "data");
    const struct tiny_json *delimiter = tiny_get(tiny_get(test, "config"), "delimiter");
    uint32_t n_columns = 2;
    for (uint32_t r = 0; r < data->n; r++)
        if (data->items[r].n > n_columns) n_columns = data->items[r].n;
    char text[4096];
    struct asy_rows_options options = {.delimiter = delimiter ? delimiter->text.p[0] : ','};
    size_t n = 0;
    const bool has_mark = asy_str_starts(input, ASY_STR("\xef\xbb\xbf"));
    if (has_mark) n += (size_t)snprintf(text, sizeof(text), "\xef\xbb\xbf");
    for (uint32_t c = 0; c < n_columns; c++) n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*sh%u", c > 0, &options.delimiter, c);
    n += (size_t)snprintf(text + n, sizeof(text) - n, "\n");
    memcpy(text + n, input.p + 3 * has_mark, input.len - 3 * has_mark);
    n += input.len - 3 * has_mark;

    struct assay_error error = {0};
    struct asy_rows *rows = NULL;
    struct asy_row row;
    bool more;
    cr_assert_eq(asy_rows_open_memory(&rows, &mem, "x", text, n, &options, &error), ASSAY_OK, "%.*s: %s", ASY_ARG(name), error.text);
    for (uint32_t r = 0; r < data->n; r++) {
        const struct tiny_json *want = &data->items[r];
        if (is_blank_row(want)) continue;
        cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_OK, "%.*s: %s", ASY_ARG(name), error.text);
        cr_assert(more, "%.*s: row %u is missing", ASY_ARG(name), r);
        cr_assert_eq(row.n_cells, want->n, "%.*s: row %u: expected %u cells, found %u", ASY_ARG(name), r, want->n, row.n_cells);
        for (uint32_t c = 0; c < want->n; c++)
            cr_assert(asy_str_eq(row.cells[c], want->items[c].text), "%.*s: row %u cell %u: expected `%.*s`, found `%.*s`", ASY_ARG(name),
                      r, c, ASY_ARG(want->items[c].text), ASY_ARG(row.cells[c]));
    }
    cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_OK);
    cr_assert_not(more, "%.*s: a row too many", ASY_ARG(name));
    asy_rows_close(rows);
}

static void check_papaparse_file(const char *path, uint32_t least)
{
    if (!have(path)) return;
    struct tiny_json tests;
    tiny_parse(&pool, tiny_read_file(&pool, path).p, &tests);
    uint32_t n_checked = 0;
    for (uint32_t i = 0; i < tests.n; i++) {
        const char *reason = skip_reason(&tests.items[i]);
        if (reason) {
            cr_log_info("skipped: %.*s (%s)", ASY_ARG(tiny_get(&tests.items[i], "description")->text), reason);
            continue;
        }
        check_papaparse(&tests.items[i]);
        n_checked++;
    }
    cr_log_info("%s: %u of %u cases", path, n_checked, tests.n);
    cr_assert_geq(n_checked, least);
}

Test(io_rows_suites, papaparse_core)
{
    check_papaparse_file(SUITES "/papaparse/core_parser_tests.json", 40);
}

Test(io_rows_suites, papaparse_parse)
{
    check_papaparse_file(SUITES "/papaparse/parse_tests.json", 30);
}

/* Delimiter detection: the cases that name no delimiter, as whole files. */
Test(io_rows_suites, papaparse_delimiters)
{
    if (!have(SUITES "/papaparse/parse_tests.json")) return;
    struct tiny_json tests;
    tiny_parse(&pool, tiny_read_file(&pool, SUITES "/papaparse/parse_tests.json").p, &tests);
    uint32_t n = 0;
    for (uint32_t i = 0; i < tests.n; i++) {
        const struct asy_str name = tiny_get(&tests.items[i], "description")->text;
        if (!asy_str_starts(name, ASY_STR("Pipe delimiter is guessed"))) continue;
        const struct asy_str input = tiny_get(&tests.items[i], "input")->text;
        const struct tiny_json *data = tiny_get(tiny_get(&tests.items[i], "expected"), "data");
        struct assay_error error = {0};
        struct asy_rows *rows = NULL;
        cr_assert_eq(asy_rows_open_memory(&rows, &mem, "x", input.p, input.len, NULL, &error), ASSAY_OK, "%.*s: %s", ASY_ARG(name),
                     error.text);
        const struct asy_str *header;
        const uint32_t n_columns = asy_rows_header(rows, &header);
        cr_assert_eq(n_columns, data->items[0].n, "%.*s: expected %u columns, found %u", ASY_ARG(name), data->items[0].n, n_columns);
        for (uint32_t c = 0; c < n_columns; c++) cr_expect(asy_str_eq(header[c], data->items[0].items[c].text), "%.*s", ASY_ARG(name));
        asy_rows_close(rows);
        n++;
    }
    cr_assert_eq(n, 4);
}

/* ---- single files, and what is said about each ---- */

Test(io_rows_suites, csvlint_and_hostile_files)
{
    static const struct { const char *file, *want; } cases[] = {
        {"csvlint/features/fixtures/cr-line-endings.csv", "{Foo}{Bar}{Baz}\n2:{Biff}{Baff}{Boff}\n3:{Qux}{Teaspoon}{Doge}\n"},
        {"csvlint/features/fixtures/inconsistent-line-endings.csv", "{Foo}{Bsr}{Baz}\n2:{Biff}{Baff}{Boff}\n3:{Qux}{Teaspoon}{Doge}\n"},
        {"csvlint/features/fixtures/inconsistent-line-endings-unquoted.csv",
         "{Foo}{Bsr}{Baz}\n2:{Biff}{Baff}{Boff}\n3:{Qux}{Teaspoon}{Doge}\n"},
        {"csvlint/features/fixtures/windows-line-endings.csv", "{a}{b}{c}\n2:{d}{e}{f}\n"},
        {"csvlint/features/fixtures/white space in filename.csv", "{Foo}{Bar}{Baz}\n2:{1}{2}{3}\n3:{3}{2}{1}\n"},
        {"csvlint/features/fixtures/title-row.csv", "header: expected a name for each column, found one name for 3 columns"},
        {"csvlint/features/fixtures/invalid-byte-sequence.csv", ":1: header: column 3: expected UTF-8, found other bytes; if the file is "
                                                                "Windows-1252 (Latin-1), convert it: iconv -f WINDOWS-1252 -t UTF-8"},
        {"csvlint/features/fixtures/invalid_many_rows.csv", "4:{1}{2}{3} !3 expected the cell to end at its closing quote"},
        {"hostile-inputs/small/csv_bom.csv", "{id}{email}\n2:{1}{a@b.c}\n"},
        {"hostile-inputs/small/csv_cr_only.csv", "{id}{email}\n2:{1}{a@b.c}\n3:{2}{d@e.f}\n"},
        {"hostile-inputs/small/csv_dup_id.csv", "{id}{email}\n2:{1}{a@b.c}\n3:{1}{d@e.f}\n"},
        {"hostile-inputs/small/csv_dup_header.csv", ":1: header: expected different names, found `email` in column 2 and in column 3"},
        {"hostile-inputs/small/csv_nul_bytes.csv", ":2: expected text, found a NUL byte"},
        {"hostile-inputs/small/csv_unterminated_quote.csv",
         ":2: column 2: a quote opens here: expected a closing quote, found the end of the file"},
        {"hostile-inputs/small/csv_utf16le.csv", ": expected UTF-8, found UTF-16LE; convert it with `iconv -f UTF-16LE -t UTF-8`"},
    };
    if (!have(SUITES "/csvlint") || !have(SUITES "/hostile-inputs")) return;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[512];
        snprintf(path, sizeof(path), SUITES "/%s", cases[i].file);
        struct rendering r = render_file(&mem, path, NULL);
        cr_expect_not_null(strstr(r.text, cases[i].want), "%s: expected %s, found:\n%s", cases[i].file, cases[i].want, r.text);
        free(r.text);
    }
}

/* 222 cases of UTF-8: a row is refused for its bytes exactly if they are invalid. */
Test(io_rows_suites, utf8tests)
{
    if (!have(SUITES "/utf8tests/utf8tests.bin")) return;
    const struct asy_str bytes = tiny_read_file(&pool, SUITES "/utf8tests/utf8tests.bin");
    uint32_t n_checked = 0;
    for (const char *line = bytes.p, *end; line < bytes.p + bytes.len; line = end + 1) {
        end = memchr(line, '\n', (size_t)(bytes.p + bytes.len - line));
        if (!end) break;
        const struct asy_str all = {line, (uint32_t)(end - line)};
        const int64_t valid = asy_str_find(all, ASY_STR(":valid:")), invalid = asy_str_find(all, ASY_STR(":invalid:"));
        if (line[0] == '#' || (valid < 0 && invalid < 0)) continue;
        const uint32_t skip = valid >= 0 ? (uint32_t)valid + 7 : (uint32_t)invalid + 9;
        const struct asy_str payload = {line + skip, all.len - skip};
        if (memchr(payload.p, 0, payload.len)) continue;
        char text[512];
        size_t n = (size_t)snprintf(text, sizeof(text), "a,b\n1,");
        memcpy(text + n, payload.p, payload.len);
        n += payload.len;
        struct assay_error error;
        struct asy_rows *rows;
        struct asy_row row = {0};
        bool more;
        cr_assert_eq(asy_rows_open_memory(&rows, &mem, "x", text, n, &(struct asy_rows_options){.delimiter = ','}, &error), ASSAY_OK);
        cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_OK);
        const bool refused = row.problem && strncmp(row.problem, "expected UTF-8", 14) == 0;
        cr_assert_eq(refused, invalid >= 0, "%.*s", (int)(skip), line);
        asy_rows_close(rows);
        n_checked++;
    }
    cr_log_info("utf8tests: %u cases", n_checked);
    cr_assert_geq(n_checked, 200);
}
