/* The row reader: CSV against a plain state machine, tables of quirks and refusals, NDJSON, memory failures. */
#include "failing_mem.h"
#include "io/scan.h"
#include "rows_fixture.h"

#include <criterion/criterion.h>

static const size_t buffer_sizes[] = {0, 64, 67, 100, 4096};

static void check_text(const char *input, size_t n, const struct asy_rows_options *base, const char *want)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    for (size_t b = 0; b < sizeof(buffer_sizes) / sizeof(buffer_sizes[0]); b++) {
        for (int level = ASY_SCAN_PLAIN; level <= (int)asy_scan_best(); level++) {
            struct asy_rows_options options = *base;
            options.buffer_bytes = buffer_sizes[b];
            options.scan_level = (uint8_t)level;
            struct rendering r = render_memory(&mem, input, n, &options);
            cr_assert_str_eq(r.text, want, "input:\n%s\nexpected:\n%s\nfound (buffer %zu, %s):\n%s", input, want, buffer_sizes[b],
                             asy_scan_level_name((enum asy_scan_level)level), r.text);
            free(r.text);
        }
    }
    cr_assert_eq(mem.live_bytes, 0);
}

struct text_case {
    const char *input, *want;
    struct asy_rows_options options;
};

static void check_cases(const struct text_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) check_text(cases[i].input, strlen(cases[i].input), &cases[i].options, cases[i].want);
}

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

Test(io_rows, csv_cells)
{
    static const struct text_case cases[] = {
        {"a,b\n1,2\n", "{a}{b}\n2:{1}{2}\n", {0}},
        {"a,b\n1,2", "{a}{b}\n2:{1}{2}\n", {0}},
        {"a,b", "{a}{b}\n", {0}},
        {"a,b\r\n1,2\r\n3,4\r\n", "{a}{b}\n2:{1}{2}\n3:{3}{4}\n", {0}},
        {"a,b\r1,2\r3,4\r", "{a}{b}\n2:{1}{2}\n3:{3}{4}\n", {0}},
        {"a,b\r\n1,2\n3,4\r5,6", "{a}{b}\n2:{1}{2}\n3:{3}{4}\n4:{5}{6}\n", {0}},
        {"\xef\xbb\xbf" "a,b\n1,2\n", "{a}{b}\n2:{1}{2}\n", {0}},
        {"\xef\xbb\xbf\"a\",b\n1,2\n", "{a}{b}\n2:{1}{2}\n", {0}},
        {"\n\r\na,b\n\n1,2\n\n\n3,4\n\n", "{a}{b}\n5:{1}{2}\n8:{3}{4}\n", {0}},
        {"a,b\n  \t\n1,2\n", "{a}{b}\n3:{1}{2}\n", {0}},
        {"a\n1\n\n \n", "{a}\n2:{1}\n4:{ }\n", {0}},
        {"a,b\n,\n\"\",\"\"\n", "{a}{b}\n2:{}{}\n3:{}{}\n", {0}},
        {"a\n\"\"\n1\n", "{a}\n2:{}\n3:{1}\n", {0}},
        {" a , \"b\" \n1,2\n", "{a}{\"b\"}\n2:{1}{2}\n", {0}},
        {"a,b\n\"x,y\",\"p\nq\"\nlast,1\n", "{a}{b}\n2:{x,y}{p\nq}\n4:{last}{1}\n", {0}},
        {"a,b\n\"p\r\nq\r\",\"\n\n\"\nlast,1\n", "{a}{b}\n2:{p\r\nq\r}{\n\n}\n7:{last}{1}\n", {0}},
        {"a,b\n\"say \"\"hi\"\"\",\"\"\"\"\n", "{a}{b}\n2:{say \"hi\"}{\"}\n", {0}},
        {"a,b\n12\" monitor,x\"y\"z\n1,2\n", "{a}{b}\n2:{12\" monitor}{x\"y\"z}\n3:{1}{2}\n", {0}},
        {"a,b\n \"x\",y\n", "{a}{b}\n2:{ \"x\"}{y}\n", {0}},
        {"a,b\n\"x\" ,\"y\"  \n", "{a}{b}\n2:{x}{y}\n", {0}},
        {"a;b\n1,5;x\n", "{a}{b}\n2:{1,5}{x}\n", {0}},
        {"a\tb\n1,5\tx;y\n", "{a}{b}\n2:{1,5}{x;y}\n", {0}},
        {"a|b\n1|2\n", "{a}{b}\n2:{1}{2}\n", {0}},
        {"id,tags;list\n1,a;b;c\n2,x\n", "{id}{tags;list}\n2:{1}{a;b;c}\n3:{2}{x}\n", {0}},
        {"name;\"City, State\"\nx;\"A, B\"\ny;\"C, D\"\n", "{name}{City, State}\n2:{x}{A, B}\n3:{y}{C, D}\n", {0}},
        {"sep=;\na;b\n1;2\n", "{a}{b}\n3:{1}{2}\n", {0}},
        {"\"sep=|\"\r\na|b\r\n1|2\r\n", "{a}{b}\n3:{1}{2}\n", {0}},
        {"a:b\n1:2\n", "{a}{b}\n2:{1}{2}\n", {.delimiter = ':'}},
        {"a^b\n1^2\n", "{a}{b}\n2:{1}{2}\n", {.delimiter = '^'}},
        {"email\nx@y.z\n", "{email}\n2:{x@y.z}\n", {.delimiter = ';'}},
        /* trailing delimiters */
        {"a,b,\n1,2,\n3,4,\n", "{a}{b}{}\n2:{1}{2}{}\n3:{3}{4}{}\n", {0}},
        {"a,b\n1,2,\n3,4,,,\n", "{a}{b}\n2:{1}{2}\n3:{3}{4}\n", {0}},
        {",a,b\n0,1,2\n", "{}{a}{b}\n2:{0}{1}{2}\n", {0}},
        /* all numbers: still the header */
        {"1,2\n3,4\n", "{1}{2}\n2:{3}{4}\n", {0}},
        {"a,\xc3\xa4\n\xe2\x82\xac,\xf0\x9f\x98\x80\n", "{a}{\xc3\xa4}\n2:{\xe2\x82\xac}{\xf0\x9f\x98\x80}\n", {0}},
    };
    check_cases(cases, N_OF(cases));
}

#define BAD_UTF8 "expected UTF-8, found other bytes; if the file is Windows-1252 (Latin-1), convert it: iconv -f WINDOWS-1252 -t UTF-8"
#define JUNK "expected the cell to end at its closing quote, found more text behind it; double a quote that belongs to the text"

Test(io_rows, csv_problem_rows)
{
    static const struct text_case cases[] = {
        {"a,b\n1\n2,3\n", "{a}{b}\n2:{1} !0 expected 2 cells, found 1\n3:{2}{3}\n", {0}},
        {"a,b\n1,2,3\n2,3\n", "{a}{b}\n2:{1}{2} !0 expected 2 cells, found 3; quote a cell whose text holds `,`\n3:{2}{3}\n", {0}},
        {"a\tb\n1\t2\t3\n2\t3\n", "{a}{b}\n2:{1}{2} !0 expected 2 cells, found 3; quote a cell whose text holds a tab\n3:{2}{3}\n",
         {.delimiter = '\t'}},
        {"a,b\n1,\xe9t\xe9\n2,3\n", "{a}{b}\n2:{1}{\xe9t\xe9} !2 " BAD_UTF8 "\n3:{2}{3}\n", {0}},
        {"a,b\n1,\"x\" y\n2,3\n", "{a}{b}\n2:{1}{x} !2 " JUNK "\n3:{2}{3}\n", {0}},
        {"a,b\n\"1\"\"\"x,\"2\"y\"z,\n2,3\n", "{a}{b}\n2:{1\"}{2} !1 " JUNK "\n3:{2}{3}\n", {0}},
        /* a quote left open that a later one happens to close */
        {"a,b\n1,\"x\n2,\"y\"\n3,4\n", "{a}{b}\n2:{1}{x\n2,} !2 " JUNK "\n4:{3}{4}\n", {0}},
        {"a,b,c\n\"x\"\n1,2,3\n", "{a}{b}{c}\n2:{x} !0 expected 3 cells, found 1; is a quote left open?\n3:{1}{2}{3}\n", {0}},
    };
    check_cases(cases, N_OF(cases));
}

Test(io_rows, csv_refusals)
{
    static const struct text_case cases[] = {
        {"", "x: has no header: expected a first line with the names of the columns, found an empty file", {0}},
        {"\n\r\n \n", "x: has no header: expected a first line with the names of the columns, found an empty file", {0}},
        {"\xef\xbb\xbf", "x: has no header: expected a first line with the names of the columns, found an empty file", {0}},
        {",,\n1,2,3\n",
         "x:1: header: expected the names of the columns, found 3 empty cells; put the names in this line", {0}},
        {"id,email,id\n1,a,b\n",
         "x:1: header: expected different names, found `id` in column 1 and in column 3; rename one of them", {0}},
        {"\n\nid,\"id\"\n", "x:3: header: expected different names, found `id` in column 1 and in column 2; rename one of them", {0}},
        {"a,b\xe9\n1,2\n", "x:1: header: column 2: " BAD_UTF8, {0}},
        {"a,\"b\"x\n1,2\n", "x:1: header: column 2: " JUNK, {0}},
        {"a;b;c\n1;2;3\n",
         "x:1: header: expected columns separated by `,` as the delimiter is given, found one column, or 3 separated by `;`; give that "
         "delimiter, or leave it out",
         {.delimiter = ','}},
        {"a^b\n1^2\n", "x:1: header: expected columns separated by , ; tab or |, found one column that holds `^`; name the delimiter", {0}},
        {"a\x1f" "b\n1\x1f" "2\n",
         "x:1: header: expected columns separated by , ; tab or |, found one column that holds byte 0x1f; name the delimiter", {0}},
        {"Leads 2026\nid,name\n1,x\n2,y\n",
         "x:1: header: expected the names of the columns, found one, and 2 cells separated by `,` in the lines after it; delete lines "
         "above the header, or name the delimiter",
         {0}},
        {"\"This is a title row\",,\nFoo,Bar,Baz\n1,2,3\n",
         "x:1: header: expected a name for each column, found one name for 3 columns, and text below column 2; delete lines above the "
         "header, or name the columns",
         {0}},
        {"[{\"a\":1},\n{\"a\":2}]\n", "x: expected one JSON object a line, found a JSON array; convert it with `jq -c '.[]'`", {0}},
        {"{\n  \"a\": 1\n}\n",
         "x:1: expected one JSON object a line, found an object that goes on after the line; convert the file with `jq -c .`", {0}},
        {"{\n\"a\":\n1}\n",
         "x:1: expected one JSON object a line, found an object that goes on after the line; convert the file with `jq -c .`", {0}},
        {"\n{\"a\":1,\r\n\r\n  \"b\":2}\n",
         "x:2: expected one JSON object a line, found an object that goes on after the line; convert the file with `jq -c .`", {0}},
        {"{\"rows\": [\n  {\"a\":1},\n  {\"a\":2}\n]}\n",
         "x:1: expected one JSON object a line, found an object that goes on after the line; convert the file with `jq -c .`", {0}},
        {"[\n{\"a\":1}\n]\n", "x: expected one JSON object a line, found a JSON array; convert it with `jq -c '.[]'`", {0}},
        {"[{\"a\":1},{\"a\":2}]\n", "x: expected one JSON object a line, found a JSON array; convert it with `jq -c '.[]'`", {0}},
        {"\x1f\x8b\x08zzzzzzz", "x: expected CSV or NDJSON, found gzip data; unpack it", {0}},
        {"PK\3\4\x14\x06", "x: expected CSV or NDJSON, found a zip archive or an Excel workbook; unpack it, or save the sheet as `CSV UTF-8`",
         {0}},
        {"<!DOCTYPE html>\n<html>", "x: expected CSV or NDJSON, found a web page; was a login page saved instead of the export?", {0}},
        {"a,b\n1,\"x\n2,y\n3,z\n",
         "{a}{b}\nx:2: column 2: a quote opens here: expected a closing quote, found the end of the file; close it, or double a quote "
         "that belongs to the text",
         {0}},
        {"a,b\n\"p\n\nq\",\"x\n2,y\n",
         "{a}{b}\nx:4: column 2: a quote opens here: expected a closing quote, found the end of the file; close it, or double a quote "
         "that belongs to the text",
         {0}},
        {"a,b\n1,2\n", "x: delimiter: expected one ASCII character other than quote and line end, found byte 0x22", {.delimiter = '"'}},
        {"a,b\n1,123456789\n2,1234567890\n3,\"12345\n7890\"\n4,12345678901\n",
         "{a}{b}\n2:{1}{123456789}\n3:{2}{1234567890}\n4:{3}{12345\n7890}\nx:6: column 2: expected a cell of at most 10 bytes, found 11; "
         "raise the limit with --max-cell",
         {.max_cell_bytes = 10}},
    };
    check_cases(cases, N_OF(cases));
}

Test(io_rows, nul_bytes_name_their_line)
{
    static const char text[] = "a,b\n1,2\n\"p\nq\",x\0y\n3,4\n";
    check_text(text, sizeof(text) - 1, &(struct asy_rows_options){0},
               "{a}{b}\n2:{1}{2}\nx:4: expected text, found a NUL byte: the file is damaged or not UTF-8; export it anew as UTF-8, or "
               "remove the bytes with tr -d '\\000'");
}

Test(io_rows, utf16_is_refused_with_and_without_a_mark)
{
    static const struct { const char *bytes; size_t n; const char *name; } cases[] = {
        {"\xff\xfei\0d\0,\0e\0\n\0", 12, "UTF-16LE"},
        {"\xfe\xff\0i\0d\0,\0e\0\n", 12, "UTF-16BE"},
        {"i\0d\0,\0e\0\n\0001\0,\0", 14, "UTF-16LE"},
        {"\0i\0d\0,\0e\0\n\0001\0,", 14, "UTF-16BE"},
        {"\xff\xfe\0\0i\0\0\0d\0\0\0", 12, "UTF-32LE"},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        char want[256];
        snprintf(want, sizeof(want), "x: expected UTF-8, found %s; convert it with `iconv -f %s -t UTF-8`, or save it as `CSV UTF-8`",
                 cases[i].name, cases[i].name);
        check_text(cases[i].bytes, cases[i].n, &(struct asy_rows_options){0}, want);
    }
}

Test(io_rows, an_open_quote_is_not_followed_to_the_end_of_a_large_file)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    const size_t n = (size_t)32 << 20;
    char *text = malloc(n);
    memset(text, 'x', n);
    for (size_t i = 79; i < n; i += 80) text[i] = '\n';
    memcpy(text, "a,b\n1,2\n3,\"", 11);
    struct assay_error error = {0};
    struct asy_rows *rows = NULL;
    cr_assert_eq(asy_rows_open_memory(&rows, &mem, "x", text, n, NULL, &error), ASSAY_OK);
    struct asy_row row;
    bool more = false;
    cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_OK);
    cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_E_LIMIT);
    cr_assert_str_eq(error.text, "x:3: column 2: a quote opens here: expected a closing quote, found 1048576 bytes without one (raise that "
                                 "limit with --max-cell); close it, or double a quote that belongs to the text");
    uint64_t done, total;
    asy_rows_progress(rows, &done, &total);
    cr_assert_lt(done, (uint64_t)4 << 20);
    cr_assert_eq(total, n);
    asy_rows_close(rows);
    memset(text + 10, 'x', n - 10);
    cr_assert_eq(asy_rows_open_memory(&rows, &mem, "x", text, n, NULL, &error), ASSAY_OK);
    cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_OK);
    cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_E_LIMIT);
    cr_assert_str_eq(error.text,
                     "x:3: column 2: expected a cell of at most 1048576 bytes, found more than 1048576; raise the limit with --max-cell");
    asy_rows_close(rows);
    free(text);
    cr_assert_eq(mem.live_bytes, 0);
}

Test(io_rows, large_cells_within_the_limit)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    const size_t n_cell = ((size_t)1 << 20);
    const size_t n = 4 + 2 + n_cell + 1 + 2 + n_cell + 1 + 4;
    char *text = malloc(n);
    char *at = text;
    memcpy(at, "a,b\n", 4), at += 4;
    memset(at, 'x', n_cell), at += n_cell;
    *at++ = ',', *at++ = '"';
    memset(at, '\n', n_cell), at += n_cell;
    *at++ = '"', *at++ = '\n';
    memcpy(at, "1,2\n", 4), at += 4;
    struct assay_error error = {0};
    struct asy_rows *rows = NULL;
    struct asy_row row;
    bool more;
    cr_assert_eq(asy_rows_open_memory(&rows, &mem, "x", text, (size_t)(at - text), NULL, &error), ASSAY_OK);
    cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_OK, "%s", error.text);
    cr_assert_null(row.problem);
    cr_assert_eq(row.cells[0].len, n_cell);
    cr_assert_eq(row.cells[1].len, n_cell);
    cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_OK);
    cr_assert_eq(row.line, 3 + n_cell);
    cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_OK);
    cr_assert_not(more);
    asy_rows_close(rows);
    free(text);
}

Test(io_rows, columns_are_bounded)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    static char text[80000];
    for (uint32_t n = 4096; n <= 4097; n++) {
        size_t len = 0;
        for (uint32_t i = 0; i < n; i++) len += (size_t)snprintf(text + len, sizeof(text) - len, "%sc%u", i ? "," : "", i);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\n");
        for (uint32_t i = 0; i < 5000; i++) text[len++] = ',';
        text[len++] = '\n';
        struct rendering r = render_memory(&mem, text, len, NULL);
        if (n == 4096) {
            cr_assert_eq(r.n_rows, 1);
            cr_assert_not_null(strstr(r.text, " !0 expected 4096 cells, found 5001"));
        } else {
            cr_assert_eq(r.status, ASSAY_E_LIMIT);
            cr_assert_str_eq(r.text, "x:1: header: expected at most 4096 columns, found 4097");
        }
        free(r.text);
    }
}

/* ---- the fast reader against a plain one ---- */

static uint64_t next_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Renders what rows of `text` (behind a header of two names) should be, a byte at a time. */
static void render_plainly(struct rendering *out, const char *text, size_t n, char delimiter)
{
    uint64_t line = 2;
    size_t at = 0;
    while (at < n) {
        char cells[8][512];
        size_t lens[8] = {0};
        uint32_t n_cells = 0, junk = 0;
        bool has_quotes = false, ended = false;
        const uint64_t row_line = line;
        const size_t row_start = at;
        while (!ended) {
            const uint32_t k = n_cells < 7 ? n_cells : 7;
            lens[k] = 0;
            bool is_junk = false;
            if (at < n && text[at] == '"') {
                has_quotes = true;
                at++;
                for (;;) {
                    if (at == n) { /* left open */
                        char message[200];
                        const size_t len = (size_t)snprintf(
                            message, sizeof(message),
                            "x:%" PRIu64 ": column %u: a quote opens here: expected a closing quote, found the end of the file; close it, "
                            "or double a quote that belongs to the text",
                            row_line, n_cells + 1);
                        render_bytes(out, message, len);
                        return;
                    }
                    if (text[at] == '"' && at + 1 < n && text[at + 1] == '"') at++;
                    else if (text[at] == '"') break;
                    cells[k][lens[k]++] = text[at++];
                }
                at++;
                while (at < n && text[at] != delimiter && text[at] != '\n' && text[at] != '\r') {
                    is_junk |= text[at] != ' ' && text[at] != '\t';
                    at++;
                }
            } else {
                while (at < n && text[at] != delimiter && text[at] != '\n' && text[at] != '\r') cells[k][lens[k]++] = text[at++];
            }
            if (is_junk && !junk) junk = n_cells + 1;
            n_cells++;
            ended = at == n || text[at] != delimiter;
            if (!ended) at++;
        }
        const size_t row_end = at;
        if (at < n) at += text[at] == '\r' && at + 1 < n && text[at + 1] == '\n' ? 2 : 1;
        line++;
        for (size_t i = row_start; i < row_end; i++)
            line += text[i] == '\r' || (text[i] == '\n' && !(i > row_start && text[i - 1] == '\r'));
        bool is_blank = n_cells == 1 && !has_quotes;
        for (size_t i = 0; is_blank && i < lens[0]; i++) is_blank = cells[0][i] == ' ' || cells[0][i] == '\t';
        if (is_blank) continue;
        bool fits = n_cells >= 2 && n_cells <= 8;
        for (uint32_t i = 2; fits && i < n_cells; i++) fits = lens[i] == 0;
        struct asy_str shown[2];
        for (uint32_t i = 0; i < 2; i++) shown[i] = (struct asy_str){cells[i], (uint32_t)lens[i]};
        char problem[128] = "", quoted[16];
        snprintf(quoted, sizeof(quoted), delimiter == '\t' ? "a tab" : "`%c`", delimiter);
        if (junk)
            snprintf(problem, sizeof(problem), JUNK);
        else if (!fits)
            snprintf(problem, sizeof(problem), "expected 2 cells, found %u%s%s%s", n_cells,
                     n_cells > 2 ? "; quote a cell whose text holds " : "", n_cells > 2 ? quoted : "",
                     n_cells < 2 && has_quotes ? "; is a quote left open?" : "");
        render_row(out, &(struct asy_row){.line = row_line,
                                          .n_cells = n_cells < 2 ? n_cells : 2,
                                          .cells = shown,
                                          .problem = problem[0] ? problem : NULL,
                                          .problem_column = junk});
    }
}

/* Replay one: change the first seed below and the number of rounds to 1. */
Test(io_rows, random_text_reads_as_the_plain_reader_says)
{
    static const char *const alphabets[] = {"ab,\n\"", "a,\"\"\"\n", "a,\n\r\" ", "abcdefghijklm,\"\r\n", "a;,\n\"\t",
                                            "aaaaaaaa,,\n\n\"\"x"};
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    const uint64_t first_seed = 1, n_rounds = 6000;
    for (uint64_t seed = first_seed; seed < first_seed + n_rounds; seed++) {
        uint64_t state = seed;
        const char *alphabet = alphabets[seed % N_OF(alphabets)];
        const char delimiter = seed % N_OF(alphabets) == 4 ? ';' : ',';
        char text[400];
        size_t n = (size_t)snprintf(text, sizeof(text), "A%cB\n", delimiter);
        const size_t head = n;
        const size_t n_random = next_random(&state) % (seed % 7 == 0 ? 380 : 60);
        for (size_t i = 0; i < n_random; i++) text[n++] = alphabet[next_random(&state) % strlen(alphabet)];
        struct rendering want = {0};
        render_bytes(&want, "{A}{B}\n", 7);
        render_plainly(&want, text + head, n - head, delimiter);
        /* Lines before an open quote in the same row move the place of its message. */
        char *message = want.text ? strstr(want.text, "\nx:") : NULL;
        for (size_t b = 0; b < N_OF(buffer_sizes); b++) {
            const struct asy_rows_options options = {.delimiter = delimiter,
                                                     .buffer_bytes = buffer_sizes[b],
                                                     .scan_level = (uint8_t)(ASY_SCAN_PLAIN + (seed + b) % (uint64_t)asy_scan_best())};
            struct rendering got = render_memory(&mem, text, n, &options);
            char *found = strstr(got.text, "\nx:");
            bool same = got.len == want.len && memcmp(got.text, want.text, want.len) == 0;
            if (!same && message && found) same = message - want.text == found - got.text &&
                                                  strcmp(strstr(message + 3, ": column"), strstr(found + 3, ": column")) == 0;
            cr_assert(same, "seed %" PRIu64 " buffer %zu level %u, text:\n%.*s\n--- expected:\n%s\n--- found:\n%s", seed, buffer_sizes[b],
                      options.scan_level, (int)n, text, want.text, got.text);
            free(got.text);
        }
        free(want.text);
    }
    cr_assert_eq(mem.live_bytes, 0);
}

/* ---- NDJSON ---- */

Test(io_rows, json_rows)
{
    static const struct text_case cases[] = {
        {"{\"a\":1,\"b\":\"x\"}\n{\"b\":\"y\",\"a\":-2.5e+3}\n", "{a}{b}\n1:{1}{x}\n2:{-2.5e+3}{y}\n", {0}},
        {"\n{\"a\":true}\r\n\r\n{\"a\":false}\n{\"a\":null}\n{}", "{a}\n2:{true}\n4:{false}\n5:{}\n6:-\n", {0}},
        {"\xef\xbb\xbf { \"a\" : \"x\" , \"b\" : { \"c\" : 1 , \"d\" : { } } } \n", "{a}{b.c}\n1:{x}{1}\n", {0}},
        {"{\"a\":1}\n{\"b\":2}\n{\"c\":3,\"a\":4}\n", "{a}\n1:{1}\n2:-{2}\n3:{4}-{3}\n", {0}},
        {"{\"a\":[1, {\"x\":\"]\"}, []],\"b\":2}\n", "{a}{b}\n1:{[1, {\"x\":\"]\"}, []]}{2}\n", {0}},
        {"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u20ac\\ud83d\\ude00z\"}\n",
         "{a}\n1:{\"\\/\b\f\n\r\t\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z}\n", {0}},
        {"{\"a\\u002eb\":1}\n{\"a\":{\"b\":2}}\n", "{a.b}\n1:{1}\n2:{2}\n", {0}},
        {"{\"a\":\"caf\xc3\xa9\"}\n", "{a}\n1:{caf\xc3\xa9}\n", {0}},
        {"{\"a\":{\"b\":{\"c\":1}},\"d\":{\"b\":2}}\n{\"d\":{\"b\":3},\"a\":{\"b\":{\"c\":4}}}\n", "{a.b.c}{d.b}\n1:{1}{2}\n2:{4}{3}\n", {0}},
        {"{\"a\":0,\"b\":-0,\"c\":0.5,\"d\":1E5}\n", "{a}{b}{c}{d}\n1:{0}{-0}{0.5}{1E5}\n", {0}},
    };
    check_cases(cases, N_OF(cases));
}

Test(io_rows, json_problem_rows)
{
    static const struct text_case cases[] = {
        {"{\"a\":1}\n{\"a\":}\n{\"a\":2}\n",
         "{a}\n1:{1}\n2:- !1 JSON, byte 6: expected a string, number, object, array, true, false or null, found `}`\n3:{2}\n", {0}},
        {"{\"a\":1}\n{\"a\":2,\"b\":1,\n", "{a}\n1:{1}\n2:{2} !0 JSON, byte 14: expected a name in quotes, found the end of the line\n", {0}},
        {"{\"a\":1}\n[1]\n", "{a}\n1:{1}\n2:- !0 JSON, byte 1: expected an object, found `[`\n", {0}},
        {"{\"a\":1} x\n", "\n1: !0 JSON, byte 9: expected the end of the line behind the object, found `x`\n", {0}},
        {"{\"a\":1,\"a\":2}\n", "\n1: !0 JSON: expected each name once in an object, found `a` twice\n", {0}},
        {"{\"a\":{\"b\":1},\"a.b\":2}\n", "\n1: !0 JSON: expected one value a column, found two named `a.b`\n", {0}},
        {"{\"a\":{},\"a\":{}}\n", "\n1: !0 JSON: expected each name once in an object, found `a` twice\n", {0}},
        {"{\"a\":01}\n", "\n1: !0 JSON, byte 7: expected no digit behind a leading 0, found `1`\n", {0}},
        {"{\"a\":1.}\n", "\n1: !0 JSON, byte 8: expected a digit, found `}`\n", {0}},
        {"{\"a\":+1}\n", "\n1: !0 JSON, byte 6: expected a string, number, object, array, true, false or null, found `+`\n", {0}},
        {"{\"a\":\"x\ty\"}\n", "\n1: !0 JSON, byte 8: expected control characters in text to be escaped, found byte 0x09\n", {0}},
        {"{\"a\":\"\\x\"}\n", "\n1: !0 JSON, byte 8: expected one of \" \\ / b f n r t u behind a backslash, found `x`\n", {0}},
        {"{\"a\":\"\\u12g4\"}\n", "\n1: !0 JSON, byte 11: expected four hex digits after \\u, found `g`\n", {0}},
        {"{\"a\":\"\\ud800x\"}\n", "\n1: !0 JSON, byte 13: expected a low surrogate behind a high one, found `x`\n", {0}},
        {"{\"a\":\"\\udc00\"}\n", "\n1: !0 JSON, byte 13: expected a high surrogate before a low one, found `\"`\n", {0}},
        {"{\"a\":\"\\u0000\"}\n", "\n1: !0 JSON, byte 13: expected text without NUL (\\u0000), found `\"`\n", {0}},
        {"{\"a\":\"\xe9\"}\n{\"a\":\"b\"}\n", "\n1: !0 " BAD_UTF8 "\n2:{b}\n", {0}},
        {"{'a':1}\n", "\n1: !0 JSON, byte 2: expected a name in quotes, found `'`\n", {0}},
        {"{\"a\":[1,]}\n", "\n1: !0 JSON, byte 9: expected a string, number, object, array, true, false or null, found `]`\n", {0}},
        {"{\"a\":NaN}\n", "\n1: !0 JSON, byte 6: expected a string, number, object, array, true, false or null, found `N`\n", {0}},
        /* a broken line adds no column */
        {"{\"a\":1}\n{\"b\":2,\"c\":x}\n{\"c\":3}\n",
         "{a}\n1:{1}\n2:- !0 JSON, byte 12: expected a string, number, object, array, true, false or null, found `x`\n3:-{3}\n", {0}},
    };
    check_cases(cases, N_OF(cases));
}

/* A first line like any other: broken or not, the next one is a row of its own. */
Test(io_rows, json_whose_first_line_is_broken)
{
    static const struct text_case cases[] = {
        {"{\"a\":1,\"b\":\"x\n{\"a\":2}\n", "\n1: !0 JSON, byte 14: expected a closing quote, found the end of the line\n2:{2}\n", {0}},
        {"{\"a\":\"x\n\"y\n{\"a\":2}\n",
         "\n1: !0 JSON, byte 8: expected a closing quote, found the end of the line\n2: !0 JSON, byte 1: expected an object, found `\"`\n"
         "3:{2}\n", {0}},
        {"{\"a\":1,\n\n \n{\"a\":2}\n", "\n1: !0 JSON, byte 8: expected a name in quotes, found the end of the line\n4:{2}\n", {0}},
        {"\n  {\"a\":1\r\n{\"a\":2}\r\n", "\n2: !0 JSON, byte 10: expected `,` or `}`, found the end of the line\n3:{2}\n", {0}},
        {"{\n{\"a\":2}\n", "\n1: !0 JSON, byte 2: expected a name in quotes, found the end of the line\n2:{2}\n", {0}},
        {"{\"a\":1", "\n1: !0 JSON, byte 7: expected `,` or `}`, found the end of the line\n", {0}},
        {"{\"a\":1\n\n", "\n1: !0 JSON, byte 7: expected `,` or `}`, found the end of the line\n", {0}},
        {"{\"b\":1,\ngarbage\n{\"a\":2}\n",
         "\n1: !0 JSON, byte 8: expected a name in quotes, found the end of the line\n2: !0 JSON, byte 1: expected an object, found `g`\n3:{2}\n",
         {0}},
        {"[{\"a\":1}]\n{\"a\":2}\n", "\n1: !0 JSON, byte 1: expected an object, found `[`\n2:{2}\n", {0}},
        {"[1]\n{\"a\":2}\n", "\n1: !0 JSON, byte 1: expected an object, found `[`\n2:{2}\n", {0}},
        {"\xef\xbb\xbf{\"a\":1,\"b\n{\"a\":2}\n", "\n1: !0 JSON, byte 10: expected a closing quote, found the end of the line\n2:{2}\n", {0}},
    };
    check_cases(cases, N_OF(cases));
}

/* The name of the file decides only where the content does not say. */
Test(io_rows, names_that_say_ndjson)
{
    static const struct { const char *name, *text, *want; } cases[] = {
        {"x.ndjson", "junk\n{\"a\":2}\n", "\n1: !0 JSON, byte 1: expected an object, found `j`\n2:{2}\n"},
        {"x.jsonl.gz", "\"id\":1}\n{\"a\":2}\n", "\n1: !0 JSON, byte 1: expected an object, found `\"`\n2:{2}\n"},
        {"x.ndjson", "a,b\n1,2\n", "{a}{b}\n2:{1}{2}\n"},
        {"x.csv", "junk\n{\"a\":2}\n", "{junk}\n2:{{\"a\":2}}\n"},
        {"x.ndjson", "", "\n"},
        {"x.jsonl.zst", " \n\n", "\n"},
        {"x.csv", "", "x.csv: has no header: expected a first line with the names of the columns, found an empty file"},
    };
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct rendering r = {0};
        struct assay_error error = {0};
        struct asy_rows *rows = NULL;
        r.status = asy_rows_open_memory(&rows, &mem, cases[i].name, cases[i].text, strlen(cases[i].text), NULL, &error);
        render_rest(&r, rows, &error);
        cr_expect_str_eq(r.text, cases[i].want, "%s:\n%s\n%s", cases[i].name, cases[i].text, r.text);
        free(r.text);
    }
    cr_assert_eq(mem.live_bytes, 0);
}

Test(io_rows, repeated_names_may_be_left_to_the_caller)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    const struct asy_rows_options options = {.may_repeat_names = true};
    struct asy_rows *rows = NULL;
    struct assay_error error;
    const char text[] = "\nid,b,id\n1,2,3\n";
    cr_assert_eq(asy_rows_open_memory(&rows, &mem, "x", text, strlen(text), &options, &error), ASSAY_OK);
    cr_expect_eq(asy_rows_repeated(rows, 0, 2, &error), ASSAY_E_DATA);
    cr_expect_str_eq(error.text, "x:2: header: expected different names, found `id` in column 1 and in column 3; rename one of them");
    struct rendering r = {0};
    render_rest(&r, rows, &error);
    cr_expect_str_eq(r.text, "{id}{b}{id}\n3:{1}{2}{3}\n");
    free(r.text);
    cr_assert_eq(mem.live_bytes, 0);
}

Test(io_rows, json_limits)
{
    static const struct text_case cases[] = {
        {"{\"a\":\"0123456789\"}\n{\"a\":\"0123456789x\"}\n",
         "{a}\n1:{0123456789}\nx:2: column 1: expected a cell of at most 10 bytes, found 11; raise the limit with --max-cell",
         {.max_cell_bytes = 10}},
    };
    check_cases(cases, N_OF(cases));
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    static char text[400000];
    for (uint32_t depth = 63; depth <= 66; depth++) {
        size_t n = 0;
        for (uint32_t i = 0; i < depth; i++) n += (size_t)snprintf(text + n, sizeof(text) - n, "{\"a\":");
        n += (size_t)snprintf(text + n, sizeof(text) - n, "1");
        for (uint32_t i = 0; i < depth; i++) text[n++] = '}';
        struct rendering r = render_memory(&mem, text, n, NULL);
        cr_assert_eq(r.n_problems, depth > 64, "depth %u: %s", depth, r.text);
        free(r.text);
    }
    size_t n = (size_t)snprintf(text, sizeof(text), "{\"a\":");
    for (uint32_t i = 0; i < 100000; i++) text[n++] = '[';
    struct rendering r = render_memory(&mem, text, n, NULL);
    cr_assert_eq(r.n_problems, 1);
    cr_assert_not_null(strstr(r.text, "at most 64 levels"));
    free(r.text);
    n = 0;
    for (uint32_t i = 0; i < 4097; i++) n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\"c%u\":1", i ? "," : "{", i);
    n += (size_t)snprintf(text + n, sizeof(text) - n, "}\n");
    r = render_memory(&mem, text, n, NULL);
    cr_assert_eq(r.status, ASSAY_E_LIMIT);
    cr_assert_str_eq(r.text, "x:1: JSON: expected at most 4096 columns, found more");
    free(r.text);
    n = 0;
    text[n++] = '{', text[n++] = '"';
    for (uint32_t i = 0; i < 1025; i++) text[n++] = 'k';
    n += (size_t)snprintf(text + n, sizeof(text) - n, "\":1}\n");
    r = render_memory(&mem, text, n, NULL);
    cr_assert_eq(r.n_problems, 1);
    free(r.text);
    cr_assert_eq(mem.live_bytes, 0);
}

Test(io_rows, format_and_delimiter_can_be_asked)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct assay_error error;
    struct asy_rows *rows;
    cr_assert_eq(asy_rows_open_memory(&rows, &mem, "x", "a;b\n1;2\n", 8, NULL, &error), ASSAY_OK);
    cr_assert_eq(asy_rows_delimiter(rows), ';');
    cr_assert_not(asy_rows_is_json(rows));
    asy_rows_close(rows);
    cr_assert_eq(asy_rows_open_memory(&rows, &mem, "x", "{\"a\":1}", 7, NULL, &error), ASSAY_OK);
    cr_assert(asy_rows_is_json(rows));
    asy_rows_close(rows);
    asy_rows_close(NULL);
}

/* Blank lines in front took one buffer that held them all, and a row is not let grow that far. */
Test(io_rows, any_number_of_blank_lines_in_front)
{
    static const struct { const char *blank, *text, *want; uint64_t line; } cases[] = {
        {"\n", "a;b\n1;2\n", "{a}{b}\n%" PRIu64 ":{1}{2}\n", 2},
        {"\r\n", "a,b\r\n1,2\r\n", "{a}{b}\n%" PRIu64 ":{1}{2}\n", 2},
        {"\r", "a,b\r1,2", "{a}{b}\n%" PRIu64 ":{1}{2}\n", 2},
        {"\n", "sep=|\na,b|c\n1,2|3\n", "{a,b}{c}\n%" PRIu64 ":{1,2}{3}\n", 3},
        {"\n", "{\"a\":1}\n", "{a}\n%" PRIu64 ":{1}\n", 1},
        {"\r\n", "{\"a\":1}\r\n", "{a}\n%" PRIu64 ":{1}\n", 1},
    };
    static const size_t counts[] = {1, 50, 1000};
    for (size_t i = 0; i < N_OF(cases); i++) {
        for (size_t k = 0; k < N_OF(counts); k++) {
            char input[4096] = "", want[100];
            for (size_t n = 0; n < counts[k]; n++) strcpy(input + n * strlen(cases[i].blank), cases[i].blank);
            strcat(input, cases[i].text);
            snprintf(want, sizeof(want), cases[i].want, counts[k] + cases[i].line);
            check_text(input, strlen(input), &(struct asy_rows_options){0}, want);
        }
    }
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    const size_t n = (size_t)66 << 20; /* more than a row may have */
    static const char *const blanks[] = {"\n", " \n"};
    for (size_t k = 0; k < N_OF(blanks); k++) {
        const size_t n_blank = strlen(blanks[k]);
        char want[64], *input = asy_mem_alloc(&mem, n + 8);
        cr_assert_not_null(input);
        for (size_t at = 0; at < n; at += n_blank) memcpy(input + at, blanks[k], n_blank);
        memcpy(input + n, "a,b\n1,2\n", 8);
        struct rendering r = render_memory(&mem, input, n + 8, &(struct asy_rows_options){0});
        snprintf(want, sizeof(want), "{a}{b}\n%zu:{1}{2}\n", n / n_blank + 2);
        cr_expect_str_eq(r.text, want, "%s", r.text);
        free(r.text);
        asy_mem_free(&mem, input, n + 8);
    }
    cr_expect_eq(mem.live_bytes, 0);
}

/* ---- memory failures ---- */

Test(io_rows, every_allocation_may_fail)
{
    static const char *const texts[] = {
        "a,b\n1,\"x\"\"y\"\n2,\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\"\"\n",
        "{\"a\":\"x\\ny\",\"b\":{\"c\":1}}\n{\"d\":2,\"e\":3,\"f\":4,\"g\":5,\"h\":6,\"i\":7,\"j\":8,\"k\":9,\"l\":10,\"m\":11,\"n\":12}\n",
    };
    for (size_t t = 0; t < N_OF(texts); t++) {
        for (int once = 0; once <= 1; once++) {
            bool is_through = false;
            for (int64_t k = 0; !is_through; k++) {
                struct failing failing;
                struct asy_mem mem;
                failing_init(&mem, &failing, k);
                failing.once = once;
                struct rendering r = render_memory(&mem, texts[t], strlen(texts[t]), &(struct asy_rows_options){.buffer_bytes = 64});
                is_through = failing.n_left > 0;
                cr_assert(r.status == ASSAY_OK || r.status == ASSAY_E_NOMEM, "allocation %lld: %s", (long long)k, r.text);
                cr_assert(!is_through || r.status == ASSAY_OK);
                cr_assert_eq(failing.n_blocks, 0, "allocation %lld", (long long)k);
                free(r.text);
                cr_assert_lt(k, 1000);
            }
        }
    }
}

/* Found by fuzzing: whether a cell that is long as written but short as text was taken depended on where the buffer ended. */
Test(io_rows, a_cell_is_measured_as_written_wherever_the_buffer_ends)
{
    static const struct text_case cases[] = {
        {"a,b\n1,\"0123456789\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n2,3\n",
         "{a}{b}\nx:2: column 2: expected a cell of at most 90 bytes, found 96; raise the limit with --max-cell",
         {.max_cell_bytes = 90, .delimiter = ','}},
        {"a,b\n1,\"\"\"\"\"\"\"\"\"\"\"\"\n2,\"\"\"\"\"\"\"\"\"\"\"\"\"\"\n",
         "{a}{b}\n2:{1}{\"\"\"\"\"}\nx:3: column 2: expected a cell of at most 10 bytes, found 12; raise the limit with --max-cell",
         {.max_cell_bytes = 10, .delimiter = ','}},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct asy_mem mem;
        asy_mem_init(&mem, NULL);
        for (size_t b = 0; b < N_OF(buffer_sizes); b++) {
            struct asy_rows_options options = cases[i].options;
            options.buffer_bytes = buffer_sizes[b];
            struct rendering r = render_memory(&mem, cases[i].input, strlen(cases[i].input), &options);
            /* How long it is may not be known yet, that it is too long is. */
            cr_expect_eq(r.status, ASSAY_E_LIMIT, "case %zu buffer %zu: %s", i, buffer_sizes[b], r.text);
            free(r.text);
        }
        struct rendering r = render_memory(&mem, cases[i].input, strlen(cases[i].input), &cases[i].options);
        cr_expect_str_eq(r.text, cases[i].want, "%s", r.text);
        free(r.text);
    }
}
