/* Tables and files out. */
#include "io_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "io/write.h"

static const struct asy_str two_names[] = {{"lead_id", 7}, {"score", 5}};

static struct asy_writer *open_table(struct asy_mem *mem, const char *path, enum asy_format format, const struct asy_str *names,
                                     uint32_t n)
{
    struct asy_writer *w;
    struct assay_error error;
    asy_mem_init(mem, NULL);
    cr_assert_eq(asy_writer_open(&w, mem, path, format, names, n, &error), ASSAY_OK, "%s", error.text);
    return w;
}

static void commit(struct asy_writer *w, struct asy_mem *mem)
{
    struct assay_error error;
    cr_assert_eq(asy_writer_commit(w, &error), ASSAY_OK, "%s", error.text);
    cr_expect_eq(mem->live_bytes, 0);
}

static int files_here(void)
{
    int n = 0;
    DIR *folder = opendir(".");
    for (struct dirent *entry; (entry = readdir(folder));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return n;
}

Test(io_write, cells_in_three_formats, .init = io_folder, .fini = io_folder_gone)
{
    static const struct { const char *text, *csv, *tsv, *json; } cases[] = {
        {"plain", "plain", "plain", "\"plain\""},
        {"", "", "", "null"},
        {"a,b", "\"a,b\"", "a,b", "\"a,b\""},
        {"a\tb", "a\tb", "\"a\tb\"", "\"a\\tb\""},
        {"say \"hi\"", "\"say \"\"hi\"\"\"", "\"say \"\"hi\"\"\"", "\"say \\\"hi\\\"\""},
        {"\"", "\"\"\"\"", "\"\"\"\"", "\"\\\"\""},
        {"two\nlines", "\"two\nlines\"", "\"two\nlines\"", "\"two\\nlines\""},
        {"\xc3\xa9\x01", "\xc3\xa9\x01", "\xc3\xa9\x01", "\"\xc3\xa9\\u0001\""},
        {"back\\slash", "back\\slash", "back\\slash", "\"back\\\\slash\""},
        {"=1+1", "'=1+1", "'=1+1", "\"=1+1\""},
        {"+1", "'+1", "'+1", "\"+1\""},
        {"-1", "'-1", "'-1", "\"-1\""},
        {"@SUM(A1)", "'@SUM(A1)", "'@SUM(A1)", "\"@SUM(A1)\""},
        {"\t=1", "'\t=1", "\"'\t=1\"", "\"\\t=1\""},
        {"\r=1", "\"'\r=1\"", "\"'\r=1\"", "\"\\r=1\""},
        {"=a,b", "\"'=a,b\"", "'=a,b", "\"=a,b\""},
        {"bad\xff\xc3\xa9", "bad\xff\xc3\xa9", "bad\xff\xc3\xa9", "\"bad\\ufffd\xc3\xa9\""},
    };
    static const char *const paths[] = {"t.csv", "t.tsv", "t.ndjson"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *cell[] = {cases[i].csv, cases[i].tsv, cases[i].json};
        for (int f = 0; f < 3; f++) {
            struct asy_mem mem;
            struct asy_writer *w = open_table(&mem, paths[f], ASY_FORMAT_AUTO, two_names, 2);
            char expected[200];
            asy_writer_text(w, asy_str_of(cases[i].text));
            asy_writer_milli(w, -500, 1);
            cr_expect_eq(asy_writer_row_end(w, NULL), ASSAY_OK);
            commit(w, &mem);
            if (f == 2)
                snprintf(expected, sizeof(expected), "{\"lead_id\":%s,\"score\":-0.5}\n", cell[f]);
            else
                snprintf(expected, sizeof(expected), "lead_id%cscore\n%s%c-0.5\n", f ? '\t' : ',', cell[f], f ? '\t' : ',');
            cr_expect_str_eq(io_text(paths[f]), expected, "case %zu in %s: %s", i, paths[f], io_text(paths[f]));
        }
    }
}

Test(io_write, numbers, .init = io_folder, .fini = io_folder_gone)
{
    static const struct { int64_t milli; uint32_t decimals; const char *text; } cases[] = {
        {80000, 0, "80"}, {12500, 1, "12.5"}, {80000, 1, "80.0"}, {0, 0, "0"}, {1, 3, "0.001"}, {-1, 3, "-0.001"},
        {-25000, 0, "-25"}, {INT64_MAX, 3, "9223372036854775.807"}, {INT64_MIN, 3, "-9223372036854775.808"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct asy_mem mem;
        struct asy_writer *w = open_table(&mem, "n.csv", ASY_FORMAT_AUTO, two_names, 2);
        char expected[100];
        asy_writer_raw(w, ASY_STR("-x"));
        asy_writer_milli(w, cases[i].milli, cases[i].decimals);
        asy_writer_row_end(w, NULL);
        commit(w, &mem);
        snprintf(expected, sizeof(expected), "lead_id,score\n-x,%s\n", cases[i].text);
        cr_expect_str_eq(io_text("n.csv"), expected, "case %zu: %s", i, io_text("n.csv"));
    }
}

Test(io_write, one_empty_column_is_not_a_blank_line, .init = io_folder, .fini = io_folder_gone)
{
    struct asy_mem mem;
    struct asy_writer *w = open_table(&mem, "one.csv", ASY_FORMAT_AUTO, two_names, 1);
    asy_writer_empty(w);
    asy_writer_row_end(w, NULL);
    commit(w, &mem);
    cr_expect_str_eq(io_text("one.csv"), "lead_id\n\"\"\n");
}

Test(io_write, appears_whole_or_not_at_all, .init = io_folder, .fini = io_folder_gone)
{
    struct asy_mem mem;
    struct stat there;
    io_file("out.csv", "old\n");
    cr_assert_eq(chmod("out.csv", 0644), 0);
    struct asy_writer *w = open_table(&mem, "out.csv", ASY_FORMAT_AUTO, two_names, 2);
    asy_writer_text(w, ASY_STR("a"));
    asy_writer_empty(w);
    asy_writer_row_end(w, NULL);
    cr_expect_str_eq(io_text("out.csv"), "old\n");
    asy_writer_abort(w);
    cr_expect_eq(mem.live_bytes, 0);
    cr_expect_str_eq(io_text("out.csv"), "old\n");
    cr_expect_eq(files_here(), 1, "a temporary file stayed");
    asy_writer_abort(NULL);

    w = open_table(&mem, "out.csv", ASY_FORMAT_AUTO, two_names, 2);
    commit(w, &mem);
    cr_expect_str_eq(io_text("out.csv"), "lead_id,score\n");
    cr_expect_eq(files_here(), 1);
    cr_assert_eq(stat("out.csv", &there), 0);
    cr_expect_eq(there.st_mode & 07777, 0600);

    cr_assert_eq(symlink("out.csv", "link.csv"), 0);
    struct assay_error error;
    cr_expect_eq(asy_write_file(&mem, "link.csv", ASY_STR("through"), &error), ASSAY_OK);
    cr_assert_eq(lstat("link.csv", &there), 0);
    cr_expect(S_ISLNK(there.st_mode), "a link is kept, its file replaced");
    cr_expect_str_eq(io_text("out.csv"), "through");
}

Test(io_write, errors_say_path_and_cure, .init = io_folder, .fini = io_folder_gone)
{
    static const struct { const char *path; assay_status code; const char *message; } cases[] = {
        {"scored.xlsx", ASSAY_E_PARAM,
         "scored.xlsx: expected a name ending in .csv, .tsv or .ndjson, which says how to write it, or - for standard output"},
        {"none/scored.csv", ASSAY_E_IO,
         "none/scored.csv: cannot open its folder: No such file or directory; does the folder exist?"},
        {"folder.csv", ASSAY_E_IO, "folder.csv: expected the name of a file, found a folder"},
        {"file/scored.csv", ASSAY_E_IO, "file/scored.csv: cannot open its folder: Not a directory"},
    };
    cr_assert_eq(mkdir("folder.csv", 0700), 0);
    io_file("file", "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct asy_mem mem;
        struct asy_writer *w;
        struct assay_error error = {0};
        asy_mem_init(&mem, NULL);
        cr_expect_eq(asy_writer_open(&w, &mem, cases[i].path, ASY_FORMAT_AUTO, two_names, 2, &error), cases[i].code, "case %zu", i);
        cr_expect_str_eq(error.text, cases[i].message, "case %zu: %s", i, error.text);
        cr_expect_eq(mem.live_bytes, 0);
    }
    cr_expect_eq(files_here(), 2);
}

Test(io_write, full_disk_is_said, .init = io_folder, .fini = io_folder_gone)
{
    if (access("/dev/full", W_OK) != 0) {
        fprintf(stderr, "skipped: no /dev/full here\n");
        return;
    }
    struct asy_mem mem;
    struct assay_error error;
    struct asy_writer *w = open_table(&mem, "/dev/full", ASY_FORMAT_AUTO, two_names, 2);
    assay_status status = ASSAY_OK;
    char text[1000];
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 1000 && status == ASSAY_OK; i++) {
        asy_writer_text(w, (struct asy_str){text, sizeof(text)});
        asy_writer_empty(w);
        status = asy_writer_row_end(w, &error);
    }
    cr_expect_eq(status, ASSAY_E_IO);
    cr_expect_str_eq(error.text, "/dev/full: cannot write: No space left on device; free some space or write elsewhere");
    cr_expect_eq(asy_writer_commit(w, &error), ASSAY_E_IO);
    cr_expect_eq(mem.live_bytes, 0);
    cr_expect_eq(asy_write_file(&mem, "/dev/null", ASY_STR("gone"), &error), ASSAY_OK);
}

Test(io_write, standard_output_is_written_straight, .init = io_folder, .fini = io_folder_gone)
{
    struct asy_mem mem;
    int saved = dup(STDOUT_FILENO);
    int out = open("captured", O_CREAT | O_TRUNC | O_WRONLY, 0600);
    cr_assert(out >= 0 && saved >= 0);
    dup2(out, STDOUT_FILENO);
    struct asy_writer *w = open_table(&mem, "-", ASY_FORMAT_AUTO, two_names, 2);
    commit(w, &mem);
    w = open_table(&mem, "/dev/stdout", ASY_FORMAT_AUTO, two_names, 1);
    commit(w, &mem);
    dup2(saved, STDOUT_FILENO);
    cr_expect_str_eq(io_text("captured"), "lead_id,score\nlead_id\n");
    cr_expect_eq(files_here(), 1);
}

/* Cells of any bytes come back as they were written; an apostrophe stands before formulas and what looks escaped already. */
Test(io_write, round_trip_through_the_reader, .init = io_folder, .fini = io_folder_gone)
{
    static const char *const paths[] = {"r.csv", "r.tsv", "r.ndjson"};
    static const char alphabet[] = "ab,;\t\"\n\r'=+-@ |\\{}\xc3\xa9";
    enum { N_ROWS = 400, N_CELLS = 3 };
    static char cells[N_ROWS][N_CELLS][24];
    const struct asy_str names[] = {{"a", 1}, {"b", 1}, {"c", 1}};
    uint64_t seed = 20261101;
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    for (int r = 0; r < N_ROWS; r++)
        for (int c = 0; c < N_CELLS; c++) {
            uint32_t n = 0;
            for (uint32_t len = (uint32_t)((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 60); n < len;) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                uint32_t k = (uint32_t)(seed >> 33) % (sizeof(alphabet) - 2);
                if ((uint8_t)alphabet[k] >= 0x80) {
                    memcpy(cells[r][c] + n, "\xc3\xa9", 2);
                    n += 2;
                } else {
                    cells[r][c][n++] = alphabet[k];
                }
            }
            if (c == 0 && n == 0)
                cells[r][c][0] = 'x';
        }
    for (int f = 0; f < 3; f++) {
        struct asy_mem mem;
        struct assay_error error = {0};
        struct asy_writer *w = open_table(&mem, paths[f], ASY_FORMAT_AUTO, names, N_CELLS);
        for (int r = 0; r < N_ROWS; r++) {
            for (int c = 0; c < N_CELLS; c++)
                asy_writer_text(w, asy_str_of(cells[r][c]));
            asy_writer_row_end(w, NULL);
        }
        commit(w, &mem);
        struct asy_rows *rows;
        struct asy_row row;
        bool more;
        struct asy_rows_options options = {.delimiter = f == 1 ? '\t' : ','};
        cr_assert_eq(asy_rows_open(&rows, &mem, paths[f], &options, &error), ASSAY_OK, "%s", error.text);
        for (int r = 0; r < N_ROWS; r++) {
            cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_OK, "%s", error.text);
            cr_assert(more && !row.problem, "%s row %d: %s", paths[f], r, row.problem ? row.problem : "ended");
            for (int c = 0; c < N_CELLS; c++) {
                const char *cell = cells[r][c];
                struct asy_str found = (uint32_t)c < row.n_cells ? row.cells[c] : (struct asy_str){"", 0};
                const char *trigger = cell[0] == '\'' ? cell + 1 : cell;
                bool is_escaped = *trigger && strchr(trigger == cell ? "=+-@\t\r" : "'=+-@\t\r", *trigger);
                if (f < 2 && is_escaped)
                    cr_assert(found.len == strlen(cell) + 1 && found.p[0] == '\'', "%s row %d", paths[f], r);
                if (f < 2)
                    found = asy_cell_unescaped(found);
                cr_assert(asy_str_is(found, cell), "%s row %d: `%.*s` is not `%s`", paths[f], r, ASY_ARG(found), cell);
            }
        }
        asy_rows_close(rows);
    }
}

/* The payloads of the csv-injection collections, one a line. */
Test(io_write, no_cell_starts_as_a_formula, .init = io_folder, .fini = io_folder_gone)
{
    static const char *const suites[] = {ASSAY_SOURCE_DIR "/../shared/suites/csv-injection/payloadbox.txt",
                                         ASSAY_SOURCE_DIR "/../shared/suites/csv-injection/PayloadsAllTheThings-CSV-Injection.md"};
    for (size_t s = 0; s < 2; s++) {
        FILE *suite = fopen(suites[s], "r");
        if (!suite) {
            fprintf(stderr, "skipped: no csv-injection suite here\n");
            return;
        }
        struct asy_mem mem;
        struct asy_writer *w = open_table(&mem, "p.csv", ASY_FORMAT_AUTO, two_names, 2);
        char line[1000];
        uint32_t n = 0, n_triggers = 0;
        while (fgets(line, sizeof(line), suite)) {
            struct asy_str text = {line, (uint32_t)strcspn(line, "\n")};
            n_triggers += text.len > 0 && strchr("=+-@\t\r", line[0]) != NULL;
            asy_writer_text(w, ASY_STR("x"));
            asy_writer_text(w, text);
            asy_writer_row_end(w, NULL);
            n++;
        }
        fclose(suite);
        commit(w, &mem);
        cr_expect_gt(n_triggers, 0);
        struct asy_rows *rows;
        struct asy_row row;
        struct assay_error error;
        bool more;
        struct asy_rows_options options = {.delimiter = ','};
        cr_assert_eq(asy_rows_open(&rows, &mem, "p.csv", &options, &error), ASSAY_OK, "%s", error.text);
        uint32_t n_read = 0;
        while (asy_rows_next(rows, &row, &more, &error) == ASSAY_OK && more) {
            n_read++;
            cr_expect(!row.problem);
            for (uint32_t c = 0; c < row.n_cells; c++)
                cr_expect(row.cells[c].len == 0 || !memchr("=+-@\t\r", row.cells[c].p[0], 6), "row %u starts as a formula", n_read);
        }
        cr_expect_eq(n_read, n);
        asy_rows_close(rows);
    }
}

/* -- cells as bytes ------------------------------------------------------------------------------------------------------ */

static uint64_t seed = 20261122;
static uint32_t draw(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

/* Mostly plain, of lengths around those that are looked at together. */
static struct asy_str draw_text(char out[64], uint32_t len_max)
{
    static const char *const pieces[] = {"a", "Z", "0", "9", "-", ".", "/", "_", "~", ":", "\x7f", ",", "\"", "'", "+", "=", "@", " ", "\t", "\n",
                                         "\r", "\\", "\x01", "\x1f", "\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x98\x80", "!", "#"};
    const uint32_t n_kinds = draw(3) ? 11 : (uint32_t)(sizeof(pieces) / sizeof(pieces[0])), len = draw(len_max + 1);
    uint32_t n = 0;
    while (n < len) {
        const char *piece = pieces[draw(n_kinds)];
        memcpy(out + n, piece, strlen(piece));
        n += (uint32_t)strlen(piece);
    }
    if (n > 0 && draw(20) == 0) out[draw(n)] = (char)0xff;
    return (struct asy_str){out, n};
}

/* Byte by byte, as the header says. */
static uint32_t model_cell(enum asy_format format, uint32_t column, struct asy_str text, char *out)
{
    const bool is_json = format == ASY_FORMAT_NDJSON;
    const char delimiter = format == ASY_FORMAT_TSV ? '\t' : ',';
    static const char *const keys[] = {"{\"lead_id\":", ",\"score\":"};
    uint32_t n = 0;
    if (is_json) n = (uint32_t)sprintf(out, "%s", keys[column]);
    else if (column > 0) out[n++] = delimiter;
    if (is_json && text.len == 0) return n + (uint32_t)sprintf(out + n, "null");
    bool is_quoted = is_json;
    for (uint32_t i = 0; i < text.len; i++) is_quoted |= text.p[i] == delimiter || (text.p[i] && strchr("\"\r\n", text.p[i]));
    if (is_quoted) out[n++] = '"';
    if (!is_json && text.len > 0) {
        const char first = text.p[0], second = text.len > 1 ? text.p[1] : 'a';
        if (strchr("=+-@\t\r", first) || (first == '\'' && strchr("'=+-@\t\r", second))) out[n++] = '\'';
    }
    for (uint32_t i = 0; i < text.len; i++) {
        const uint8_t c = (uint8_t)text.p[i];
        static const char *const names = "\"\"\\\\\bb\ff\nn\rr\tt";
        const char *name = c < 0x80 && c ? strchr("\"\\\b\f\n\r\t", c) : NULL;
        if (!is_json) {
            if (c == '"') out[n++] = '"';
            out[n++] = (char)c;
        } else if (name) {
            for (size_t k = 0; names[k]; k += 2)
                if (names[k] == (char)c) n += (uint32_t)sprintf(out + n, "\\%c", names[k + 1]);
        } else if (c < 0x20) {
            n += (uint32_t)sprintf(out + n, "\\u%04x", c);
        } else if (c == 0xff) {
            n += (uint32_t)sprintf(out + n, "\\ufffd");
        } else {
            out[n++] = (char)c;
        }
    }
    if (is_quoted) out[n++] = '"';
    return n;
}

Test(io_write, cells_are_those_of_a_plain_model)
{
    struct asy_mem mem;
    struct asy_pool pool;
    struct assay_error error;
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    for (int f = ASY_FORMAT_CSV; f <= ASY_FORMAT_NDJSON; f++) {
        struct asy_layout layout;
        cr_assert_eq(asy_layout_init(&layout, &pool, "x", (enum asy_format)f, two_names, 2, &error), ASSAY_OK);
        for (uint32_t round = 0; round < 60000; round++) {
            char text_bytes[64], model[600], found[600];
            struct asy_str text = draw_text(text_bytes, 40);
            /* a lone 0xff stands for text that is not UTF-8; where it broke a character more bytes are bad */
            uint32_t column = draw(2), n_bad = 0;
            for (uint32_t i = 0; i < text.len; i++) n_bad += (uint8_t)text.p[i] == 0xff;
            if (n_bad > 0 && f == ASY_FORMAT_NDJSON)
                for (uint32_t i = 0; i < text.len; i++)
                    if ((uint8_t)text.p[i] >= 0x80 && (uint8_t)text.p[i] != 0xff) text_bytes[i] = 'e';
            uint32_t n = model_cell((enum asy_format)f, column, text, model);
            /* exact memory, so that sanitizers see what is read and written beyond it */
            const size_t room = asy_cell_room(&layout, column, text.len);
            char *given = malloc(text.len + 1), *out = malloc(room);
            memcpy(given, text.p, text.len);
            char *given_exact = realloc(given, text.len ? text.len : 1);
            const char *end = asy_cell_text(&layout, column, (struct asy_str){given_exact, text.len}, out);
            memcpy(found, out, (size_t)(end - out));
            cr_assert((size_t)(end - out) == n && memcmp(found, model, n) == 0, "format %d: expected `%.*s`, found `%.*s`", f, (int)n, model,
                      (int)(end - out), found);
            free(given_exact);
            free(out);
        }
    }
    asy_pool_fini(&pool);
    cr_expect_eq(mem.live_bytes, 0);
}

Test(io_write, pieces_make_the_cell_of_the_joined_text)
{
    struct asy_mem mem;
    struct asy_pool pool;
    struct assay_error error;
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    for (int f = ASY_FORMAT_CSV; f <= ASY_FORMAT_NDJSON; f++) {
        struct asy_layout layout;
        cr_assert_eq(asy_layout_init(&layout, &pool, "x", (enum asy_format)f, two_names, 2, &error), ASSAY_OK);
        for (uint32_t round = 0; round < 20000; round++) {
            char bytes[4][64], joined[300], whole[2000], found[2000];
            uint32_t n_pieces = 1 + draw(4), n = 0, marks = 0;
            struct asy_str pieces[4];
            for (uint32_t i = 0; i < n_pieces; i++) {
                pieces[i] = draw_text(bytes[i], 12);
                while (i == 0 && pieces[i].len < 2) pieces[i] = draw_text(bytes[i], 12);
                if (pieces[i].len > 0) memcpy(joined + n, pieces[i].p, pieces[i].len);
                n += pieces[i].len;
                uint32_t mine = asy_cell_marks(&layout, pieces[i]);
                marks |= i == 0 ? mine : mine & ASY_CELL_QUOTED;
            }
            char *end = asy_cell_open(&layout, 1, marks, found);
            for (uint32_t i = 0; i < n_pieces; i++) end = asy_cell_body(&layout, pieces[i], end);
            end = asy_cell_close(marks, end);
            char *whole_end = asy_cell_text(&layout, 1, (struct asy_str){joined, n}, whole);
            cr_assert(end - found == whole_end - whole && memcmp(found, whole, (size_t)(end - found)) == 0, "format %d: expected `%.*s`, found `%.*s`", f,
                      (int)(whole_end - whole), whole, (int)(end - found), found);
        }
    }
    asy_pool_fini(&pool);
}

/* Cells and rows of all sizes, one way and the other: the same file. */
Test(io_write, rows_made_elsewhere_stand_between_others, .init = io_folder, .fini = io_folder_gone)
{
    static const uint32_t sizes[] = {0, 1, 100, 70000, 300000, 3, 2000000, 5};
    enum { LONGEST = 2000000 };
    char *text = malloc(LONGEST), *row = malloc(6 * LONGEST + 1000);
    static const char *const paths[][2] = {{"a.csv", "b.csv"}, {"a.ndjson", "b.ndjson"}};
    for (uint32_t i = 0; i < LONGEST; i++) text[i] = (char)("abc\"\x01,\xc3\xa9"[i % 8] ? "abc\"\x01,\xc3\xa9"[i % 8] : 'z');
    for (int f = 0; f < 2; f++) {
        struct asy_mem mems[2];
        struct asy_writer *w[2];
        struct assay_error error;
        for (int k = 0; k < 2; k++) w[k] = open_table(&mems[k], paths[f][k], ASY_FORMAT_AUTO, two_names, 2);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            for (int k = 0; k < 2; k++) {
                if (k == 1 && i % 3 != 0) {
                    const struct asy_layout *layout = asy_writer_layout(w[1]);
                    char *at = asy_cell_text(layout, 0, (struct asy_str){text, sizes[i]}, row);
                    at = asy_row_end(layout, asy_cell_milli(layout, 1, 12500, 1, at));
                    cr_assert_eq(asy_writer_rows(w[1], row, (size_t)(at - row), &error), ASSAY_OK, "%s", error.text);
                    cr_assert_eq(asy_writer_rows(w[1], NULL, 0, &error), ASSAY_OK);
                } else {
                    asy_writer_text(w[k], (struct asy_str){text, sizes[i]});
                    asy_writer_milli(w[k], 12500, 1);
                    cr_assert_eq(asy_writer_row_end(w[k], &error), ASSAY_OK, "%s", error.text);
                }
            }
        }
        for (int k = 0; k < 2; k++) commit(w[k], &mems[k]);
        char command[100];
        snprintf(command, sizeof(command), "cmp %s %s", paths[f][0], paths[f][1]);
        cr_expect_eq(system(command), 0, "%s", command);
    }
    free(text);
    free(row);
}

static void *no_more_memory(void *ctx, size_t size_bytes) { return size_bytes > 1000000 ? NULL : calloc(*(size_t *)ctx, size_bytes); }
static void *no_resize(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    (void)ctx, (void)p, (void)old_bytes, (void)new_bytes;
    return NULL;
}
static void give_back(void *ctx, void *p, size_t size_bytes)
{
    (void)ctx, (void)size_bytes;
    free(p);
}

Test(io_write, a_cell_that_finds_no_memory_leaves_no_file, .init = io_folder, .fini = io_folder_gone)
{
    size_t one = 1;
    const struct assay_allocator table = {.struct_size = sizeof(table), .ctx = &one, .alloc = no_more_memory, .resize = no_resize, .release = give_back};
    struct asy_mem mem;
    struct asy_writer *w;
    struct assay_error error;
    char *text = calloc(1, 1000000);
    asy_mem_init(&mem, &table);
    memset(text, 'x', 1000000);
    cr_assert_eq(asy_writer_open(&w, &mem, "t.csv", ASY_FORMAT_AUTO, two_names, 2, &error), ASSAY_OK, "%s", error.text);
    asy_writer_text(w, (struct asy_str){text, 1000000});
    asy_writer_empty(w);
    cr_expect_eq(asy_writer_row_end(w, &error), ASSAY_E_NOMEM);
    cr_expect_str_eq(error.text, "t.csv: out of memory");
    cr_expect_eq(asy_writer_commit(w, &error), ASSAY_E_NOMEM);
    cr_expect_eq(files_here(), 0);
    cr_expect_eq(mem.live_bytes, 0);
    free(text);
}

Test(io_write, a_name_may_be_long_but_not_endless)
{
    struct asy_mem mem;
    struct asy_pool pool;
    struct asy_layout layout;
    struct assay_error error;
    char *name = calloc(1, 32769);
    memset(name, '"', 32769);
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    struct asy_str names[] = {{name, 32768}, {name, 32769}};
    cr_expect_eq(asy_layout_init(&layout, &pool, "t.ndjson", ASY_FORMAT_NDJSON, names, 1, &error), ASSAY_OK);
    cr_expect_eq(layout.keys[0].len, 2 * 32768 + 4);
    cr_expect_eq(asy_layout_init(&layout, &pool, "t.ndjson", ASY_FORMAT_NDJSON, names, 2, &error), ASSAY_E_LIMIT);
    cr_expect_str_eq(error.text, "t.ndjson: column 2: expected a name of at most 32768 bytes, found 32769");
    asy_pool_fini(&pool);
    free(name);
}
