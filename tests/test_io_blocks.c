/* Blocks of rows: whatever the size of the blocks, the level of the scanner and the columns asked for, the same rows, problems and errors
 * as row after row (which test_io_rows.c holds against a plain reader). */
#include "failing_mem.h"
#include "io/scan.h"
#include "rows_fixture.h"

#include <criterion/criterion.h>
#include <pthread.h>

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t next_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static struct asy_str text_of(const struct asy_cells *cells, struct asy_span span)
{
    return (struct asy_str){cells->text + span.at, span.len};
}

/* ---- blocks against rows ---- */

enum { COLUMNS_MAX = 64 };

/* Two readers of one text. */
struct pair {
    struct asy_rows *one_by_one, *by_block;
    struct asy_error_pair {
        struct assay_error one, block;
    } errors;
    uint64_t n_rows, n_bad, n_blocks;
    const char *name; /* of the case, for messages */
    uint64_t seed;
};

static void check_same(const struct pair *pair, bool is_same, const char *what, uint64_t line)
{
    cr_assert(is_same, "%s, seed %" PRIu64 ": %s differs, line %" PRIu64, pair->name, pair->seed, what, line);
}

static void check_good(struct pair *pair, const struct asy_row *want, const struct asy_cells *cells, uint32_t row, const uint32_t *columns,
                       uint32_t n_columns)
{
    check_same(pair, !want->problem, "whether it is a good row", want->line);
    check_same(pair, want->line == cells->line[row], "line", want->line);
    check_same(pair, asy_str_eq(want->raw, text_of(cells, cells->raw[row])), "raw text", want->line);
    for (uint32_t k = 0; k < n_columns; k++) {
        const bool is_there = columns[k] < want->n_cells && want->cells[columns[k]].p;
        const struct asy_str text = is_there ? want->cells[columns[k]] : (struct asy_str){"", 0};
        check_same(pair, asy_str_eq(text, text_of(cells, cells->cells[k][row])), "a cell", want->line);
    }
}

static void check_bad(struct pair *pair, const struct asy_row *want, const struct asy_cells *cells, const struct asy_bad_row *bad)
{
    check_same(pair, want->problem != NULL, "whether it is a malformed row", want->line);
    check_same(pair, want->line == bad->line && want->problem_column == bad->column, "place", want->line);
    check_same(pair, strcmp(want->problem, bad->problem) == 0, "problem", want->line);
    check_same(pair, asy_str_eq(want->raw, text_of(cells, bad->raw)), "raw text", want->line);
    pair->n_bad++;
}

/* Some columns, some that are not there, some twice. */
static uint32_t pick_columns(uint32_t n_header, uint64_t *state, uint32_t columns[COLUMNS_MAX])
{
    const uint32_t n = (uint32_t)(next_random(state) % 6) + (next_random(state) % 4 == 0 ? n_header : 0);
    for (uint32_t k = 0; k < n && k < COLUMNS_MAX; k++)
        columns[k] = next_random(state) % 8 == 0 ? UINT32_MAX : (uint32_t)(next_random(state) % (n_header + 1));
    return n < COLUMNS_MAX ? n : COLUMNS_MAX;
}

static void check_block(struct pair *pair, struct asy_block *block, uint64_t *state)
{
    uint32_t columns[COLUMNS_MAX];
    struct asy_cells cells;
    const struct asy_str *names;
    const uint32_t n_header = asy_rows_header(pair->by_block, &names);
    const uint32_t n_columns = pick_columns(n_header, state, columns);
    cr_assert_eq(asy_block_cells(block, columns, n_columns, &cells, &pair->errors.block), ASSAY_OK);
    uint32_t good = 0, bad = 0;
    while (good < cells.n_rows || bad < cells.n_bad) {
        struct asy_row want = {0};
        bool more = false;
        cr_assert_eq(asy_rows_next(pair->one_by_one, &want, &more, &pair->errors.one), ASSAY_OK, "%s, seed %" PRIu64 ": %s", pair->name,
                     pair->seed, pair->errors.one.text);
        check_same(pair, more, "the number of rows", 0);
        if (asy_rows_is_json(pair->by_block)) check_same(pair, want.n_cells == n_header, "the header", want.line);
        if (bad < cells.n_bad && cells.bad[bad].before == good)
            check_bad(pair, &want, &cells, &cells.bad[bad++]);
        else
            check_good(pair, &want, &cells, good++, columns, n_columns);
    }
    pair->n_rows += good;
}

/* Where a limit is exceeded, how much of the cell was seen depends on the buffer. */
static bool agree(assay_status one, assay_status block, const struct pair *pair)
{
    if (one == ASSAY_OK || block == ASSAY_OK || one == ASSAY_E_LIMIT || block == ASSAY_E_LIMIT) return (one == ASSAY_OK) == (block == ASSAY_OK);
    return one == block && strcmp(pair->errors.one.text, pair->errors.block.text) == 0;
}

static struct pair compare(const char *name, uint64_t seed, const char *text, size_t n, const struct asy_rows_options *plain,
                           const struct asy_rows_options *options)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct pair pair = {.name = name, .seed = seed};
    uint64_t state = seed;
    assay_status one = asy_rows_open_memory(&pair.one_by_one, &mem, "x", text, n, plain, &pair.errors.one);
    assay_status by_block = asy_rows_open_memory(&pair.by_block, &mem, "x", text, n, options, &pair.errors.block);
    struct asy_block *block = NULL;
    if (one == ASSAY_OK && by_block == ASSAY_OK) {
        cr_assert_eq(asy_block_new(&block, pair.by_block, &pair.errors.block), ASSAY_OK);
        for (bool more = true; more;) {
            by_block = asy_rows_take(pair.by_block, block, &more, &pair.errors.block);
            if (by_block != ASSAY_OK) break;
            if (more) check_block(&pair, block, &state);
            pair.n_blocks += more;
        }
        struct asy_row row;
        bool more = false;
        one = asy_rows_next(pair.one_by_one, &row, &more, &pair.errors.one);
        check_same(&pair, !more || one != ASSAY_OK, "the number of rows", row.line);
    }
    cr_assert(agree(one, by_block, &pair), "%s, seed %" PRIu64 ": errors differ:\n%s\n%s\n%.*s", name, seed, pair.errors.one.text,
              pair.errors.block.text, (int)n, text);
    asy_block_free(block);
    asy_rows_close(pair.one_by_one);
    asy_rows_close(pair.by_block);
    cr_assert_eq(mem.live_bytes, 0);
    return pair;
}

static const size_t buffer_sizes[] = {64, 128, 192, 448, 1024, 4096, 0};

static void compare_all(const char *name, uint64_t seed, const char *text, size_t n, char delimiter, size_t max_cell_bytes)
{
    const struct asy_rows_options plain = {.delimiter = delimiter, .max_cell_bytes = max_cell_bytes, .scan_level = ASY_SCAN_PLAIN};
    for (size_t b = 0; b < N_OF(buffer_sizes); b++) {
        struct asy_rows_options options = plain;
        options.buffer_bytes = buffer_sizes[b];
        options.scan_level = (uint8_t)(ASY_SCAN_PLAIN + (seed + b) % (uint64_t)asy_scan_best());
        compare(name, seed, text, n, &plain, &options);
    }
}

/* Replay one: change the first seed and the number of rounds. */
Test(io_blocks, random_text)
{
    static const char *const alphabets[] = {"ab,\n\"",    "a,\"\"\"\n",      "a,\n\r\" ", "abcdefghijklm,\"\r\n", "aaaaaaaa,,\n\n\"\"x",
                                            "a,,,\n",     "\xc3\xa9,,\n\"",  "\r\n,a",    "ab\xe9,\n",            "a,\n\"\0"};
    const uint64_t first_seed = 1, n_rounds = 4000;
    for (uint64_t seed = first_seed; seed < first_seed + n_rounds; seed++) {
        uint64_t state = seed;
        const char *alphabet = alphabets[seed % N_OF(alphabets)];
        const size_t n_letters = strlen(alphabet) + (seed % N_OF(alphabets) == 9);
        char text[2100];
        size_t n = (size_t)snprintf(text, sizeof(text), "%s", seed % 3 == 0 ? "A\n" : seed % 3 == 1 ? "A,B\n" : "A,B,C\r\n");
        const size_t n_random = next_random(&state) % (seed % 7 == 0 ? 2000 : 150);
        for (size_t i = 0; i < n_random; i++) text[n++] = alphabet[next_random(&state) % n_letters];
        compare_all("random text", seed, text, n, ',', seed % 5 == 0 ? 1 + next_random(&state) % 40 : 0);
    }
}

/* Rows as they should be, with something odd now and then: blocks of either kind, and what is between them. */
static size_t make_rows(char *text, size_t cap, uint32_t n_columns, const char *line_end, uint32_t odd_every, uint64_t *state)
{
    static const char *const cells[] = {"", "", "x", "some text", "\"quoted\"", "\"\"", "\"a \"\"b\"\" c\"", "\"two\nlines\"", "caf\xc3\xa9",
                                        "2026-01-01T00:00:00Z", "\"with, comma\"", "\"crlf\r\nin\""};
    static const char *const oddities[] = {"\n", "\r\n", "  \t\n", "1\n", "\"q\" x,2,3\n", "\xff,2,3\n", ",,,,,,,,,,,,,,\n", "12\" x\n", "\"z\" ,\n"};
    const size_t n_kinds = next_random(state) % 2 ? 4 : N_OF(cells);
    size_t n = 0;
    for (uint32_t c = 0; c < n_columns; c++) n += (size_t)snprintf(text + n, cap - n, "%sc%u", c ? "," : "", c);
    n += (size_t)snprintf(text + n, cap - n, "%s", line_end);
    while (cap - n > 32 * (size_t)n_columns + 64) {
        if (odd_every && next_random(state) % odd_every == 0) {
            n += (size_t)snprintf(text + n, cap - n, "%s", oddities[next_random(state) % N_OF(oddities)]);
            continue;
        }
        for (uint32_t c = 0; c < n_columns; c++)
            n += (size_t)snprintf(text + n, cap - n, "%s%s", c ? "," : "", cells[next_random(state) % n_kinds]);
        n += (size_t)snprintf(text + n, cap - n, "%s", line_end);
    }
    return n;
}

Test(io_blocks, made_up_files)
{
    static char text[30000];
    static const uint32_t widths[] = {1, 2, 3, 4, 9, 35};
    static const char *const line_ends[] = {"\n", "\r\n", "\r"};
    for (uint64_t seed = 1; seed <= 180; seed++) {
        uint64_t state = seed;
        const size_t n = make_rows(text, seed % 4 == 0 ? sizeof(text) : 4000, widths[seed % N_OF(widths)], line_ends[seed / 6 % 3],
                                   seed % 5 == 0 ? 0 : seed % 5 == 1 ? 200 : 10, &state);
        compare_all("made-up file", seed, text, n, ',', 0);
        /* cut off anywhere, with a NUL somewhere, or with cells that are too long */
        const size_t cut = next_random(&state) % n;
        if (cut > 200) compare_all("cut file", seed, text, cut, ',', 0);
        if (seed % 3 == 0) compare_all("file with long cells", seed, text, n, ',', 8 + seed % 13);
        if (cut > 200) text[cut] = '\0';
        if (cut > 200) compare_all("file with a NUL", seed, text, n, ',', seed % 2 ? 0 : 30);
    }
}

Test(io_blocks, made_up_ndjson)
{
    static const char *const rows[] = {"{\"a\":1,\"b\":\"x\"}", "{\"b\":\"y\\n\\u00e9\"}", "{\"c\":{\"d\":[1,2],\"e\":null}}", "{}", "", "  ", "{\"a\":",
                                       "{\"z\":1,\"z\":2}", "{\"a\":\"\xff\"}", "{\"a\":\"0123456789012345678901234567890123456789\"}"};
    static char text[6000];
    for (uint64_t seed = 1; seed <= 400; seed++) {
        uint64_t state = seed;
        size_t n = (size_t)snprintf(text, sizeof(text), "{\"A\":0}\n");
        const size_t n_bytes = next_random(&state) % 4000;
        while (n < n_bytes) {
            const uint64_t r = next_random(&state) % (N_OF(rows) + 2);
            if (r < N_OF(rows))
                n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", rows[r], seed % 3 ? "\n" : "\r\n");
            else
                n += (size_t)snprintf(text + n, sizeof(text) - n, "{\"n%u\":%u,\"a\":\"\"}\n", (uint32_t)(next_random(&state) % 50), (uint32_t)r);
        }
        if (seed % 4 == 0) n -= next_random(&state) % 5;
        compare_all("made-up NDJSON", seed, text, n, 0, seed % 6 == 0 ? 20 : 0);
    }
}

/* ---- single things ---- */

static struct asy_rows *open_text(struct asy_mem *mem, const char *text, size_t n, size_t buffer_bytes)
{
    struct asy_rows *rows = NULL;
    struct assay_error error;
    const struct asy_rows_options options = {.buffer_bytes = buffer_bytes, .delimiter = ','};
    cr_assert_eq(asy_rows_open_memory(&rows, mem, "x", text, n, &options, &error), ASSAY_OK, "%s", error.text);
    return rows;
}

Test(io_blocks, a_block_as_the_header_says)
{
    const char text[] = "id,note,when\n1,\"a \"\"b\"\"\",x\n2\n\n\"3\",,\"y\nz\"\n4,\"q\" w,\n";
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct asy_rows *rows = open_text(&mem, text, strlen(text), 0);
    struct asy_block *block;
    struct asy_cells cells;
    struct assay_error error;
    bool more;
    cr_assert_eq(asy_block_new(&block, rows, &error), ASSAY_OK);
    cr_assert_eq(asy_rows_take(rows, block, &more, &error), ASSAY_OK);
    cr_assert(more);
    cr_assert_eq(asy_block_cells(block, (const uint32_t[]){1, UINT32_MAX, 0, 2}, 4, &cells, &error), ASSAY_OK);
    cr_assert_eq(cells.n_rows, 2);
    cr_assert(asy_str_is(text_of(&cells, cells.cells[0][0]), "a \"b\""));
    cr_assert_eq(cells.cells[0][1].len, 0);
    cr_assert_eq(cells.cells[1][0].len + cells.cells[1][1].len, 0);
    cr_assert(asy_str_is(text_of(&cells, cells.cells[2][1]), "3"));
    cr_assert(asy_str_is(text_of(&cells, cells.cells[3][1]), "y\nz"));
    cr_assert(asy_str_is(text_of(&cells, cells.raw[1]), "\"3\",,\"y\nz\""));
    cr_assert_eq(cells.line[0], 2);
    cr_assert_eq(cells.line[1], 5);
    cr_assert_eq(cells.n_bad, 2);
    cr_assert_eq(cells.bad[0].before, 1);
    cr_assert_eq(cells.bad[0].line, 3);
    cr_assert_eq(cells.bad[0].column, 0);
    cr_assert_str_eq(cells.bad[0].problem, "expected 3 cells, found 1");
    cr_assert(asy_str_is(text_of(&cells, cells.bad[0].raw), "2"));
    cr_assert_eq(cells.bad[1].before, 2);
    cr_assert_eq(cells.bad[1].line, 7);
    cr_assert_eq(cells.bad[1].column, 2);
    /* the same again, of other columns */
    cr_assert_eq(asy_block_cells(block, (const uint32_t[]){2, 2}, 2, &cells, &error), ASSAY_OK);
    cr_assert(asy_str_is(text_of(&cells, cells.cells[0][0]), "x"));
    cr_assert(asy_str_is(text_of(&cells, cells.cells[1][0]), "x"));
    cr_assert_eq(asy_rows_take(rows, block, &more, &error), ASSAY_OK);
    cr_assert_not(more);
    asy_block_free(block);
    asy_block_free(NULL);
    asy_rows_close(rows);
    cr_assert_eq(mem.live_bytes, 0);
}

/* What ends a file comes behind the rows before it, however often one asks. */
Test(io_blocks, rows_before_the_error_come_first)
{
    static const struct { const char *text; size_t n; const char *want; } cases[] = {
        {"a,b\n1,2\n3,\"x\n", 13, "x:3: column 2: a quote opens here"},
        {"a,b\n1,2\n3,\0x\n", 13, "x:3: expected text, found a NUL byte"},
        {"a,b\n1,2\n3,01234567890123456789012345678901234567890\n", 52, "x:3: column 2: expected a cell of at most 40 bytes, found 41"},
        {"{\"a\":1}\n{\"a\":\"01234567890123456789012345678901234567890\"}\n", 58,
         "x:2: column 1: expected a cell of at most 40 bytes, found 41"},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct asy_mem mem;
        asy_mem_init(&mem, NULL);
        struct asy_rows *rows = NULL;
        struct asy_block *block;
        struct assay_error error = {0};
        struct asy_cells cells;
        bool more;
        const struct asy_rows_options options = {.max_cell_bytes = 40};
        cr_assert_eq(asy_rows_open_memory(&rows, &mem, "x", cases[i].text, cases[i].n, &options, &error), ASSAY_OK, "%s", error.text);
        cr_assert_eq(asy_block_new(&block, rows, &error), ASSAY_OK);
        cr_assert_eq(asy_rows_take(rows, block, &more, &error), ASSAY_OK, "case %zu: %s", i, error.text);
        cr_assert_eq(asy_block_cells(block, &(uint32_t){0}, 1, &cells, &error), ASSAY_OK);
        cr_assert_eq(cells.n_rows, 1);
        cr_assert_neq(asy_rows_take(rows, block, &more, &error), ASSAY_OK, "case %zu", i);
        cr_assert_not(more);
        cr_assert_not_null(strstr(error.text, cases[i].want), "case %zu: %s", i, error.text);
        asy_block_free(block);
        asy_rows_close(rows);
        cr_assert_eq(mem.live_bytes, 0);
    }
}

/* A file of short lines under a header of many columns must not make arrays of columns times lines. */
Test(io_blocks, memory_is_bounded_by_the_text)
{
    static char text[400000];
    static uint32_t columns[4096];
    for (int as_json = 0; as_json <= 1; as_json++) {
        size_t n = 0;
        for (uint32_t c = 0; c < 4096; c++) {
            columns[c] = c;
            n += (size_t)snprintf(text + n, sizeof(text) - n, as_json ? "%s\"c%u\":1" : "%sc%u", c ? "," : as_json ? "{" : "", c);
        }
        n += (size_t)snprintf(text + n, sizeof(text) - n, as_json ? "}\n" : "\n");
        while (n + 10 < sizeof(text)) n += (size_t)snprintf(text + n, sizeof(text) - n, as_json ? "{}\n" : "x\n");
        struct asy_mem mem;
        asy_mem_init(&mem, NULL);
        struct asy_rows *rows = open_text(&mem, text, n, 0);
        struct asy_block *block;
        struct asy_cells cells;
        struct assay_error error;
        uint64_t n_rows = 0;
        cr_assert_eq(asy_block_new(&block, rows, &error), ASSAY_OK);
        for (bool more = true; more;) {
            cr_assert_eq(asy_rows_take(rows, block, &more, &error), ASSAY_OK);
            if (!more) break;
            cr_assert_eq(asy_block_cells(block, columns, 4096, &cells, &error), ASSAY_OK);
            n_rows += cells.n_rows + cells.n_bad;
            cr_assert_lt(mem.live_bytes, (uint64_t)32 << 20);
        }
        cr_assert_gt(n_rows, 10000);
        asy_block_free(block);
        asy_rows_close(rows);
        cr_assert_eq(mem.live_bytes, 0);
    }
}

/* A long row makes a block grow; the next ones are of the usual size again. */
Test(io_blocks, a_long_row_among_short_ones)
{
    const size_t n_long = 900000;
    char *text = malloc(n_long + 40000);
    size_t n = (size_t)sprintf(text, "a,b\n");
    for (uint32_t i = 0; i < 1000; i++) n += (size_t)sprintf(text + n, "%u,x\n", i);
    text[n++] = '"';
    for (size_t i = 0; i < n_long; i++) text[n++] = i % 100 ? 'y' : '\n';
    n += (size_t)sprintf(text + n, "\",z\n");
    for (uint32_t i = 0; i < 2000; i++) n += (size_t)sprintf(text + n, "%u,\"x\"\n", i);
    compare_all("a long row", 1, text, n, ',', 0);
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct asy_rows *rows = open_text(&mem, text, n, 4096);
    struct asy_block *block;
    struct asy_cells cells;
    struct assay_error error;
    uint64_t n_rows = 0, last_line = 0;
    cr_assert_eq(asy_block_new(&block, rows, &error), ASSAY_OK);
    for (bool more = true; more;) {
        cr_assert_eq(asy_rows_take(rows, block, &more, &error), ASSAY_OK, "%s", error.text);
        if (!more) break;
        cr_assert_eq(asy_block_cells(block, (const uint32_t[]){0, 1}, 2, &cells, &error), ASSAY_OK);
        n_rows += cells.n_rows;
        if (cells.n_rows) last_line = cells.line[cells.n_rows - 1];
    }
    cr_assert_eq(n_rows, 3001);
    cr_assert_eq(last_line, 3002 + n_long / 100);
    asy_block_free(block);
    asy_rows_close(rows);
    free(text);
}

/* ---- memory failures ---- */

static assay_status read_all(struct asy_mem *mem, const char *text, uint64_t *n_rows)
{
    struct assay_error error = {0};
    struct asy_rows *rows = NULL;
    struct asy_block *blocks[2] = {NULL, NULL};
    struct asy_cells cells;
    *n_rows = 0;
    assay_status status = asy_rows_open_memory(&rows, mem, "x", text, strlen(text), &(struct asy_rows_options){.buffer_bytes = 64}, &error);
    for (uint32_t b = 0; b < 2 && status == ASSAY_OK; b++) status = asy_block_new(&blocks[b], rows, &error);
    bool more = true;
    for (uint32_t b = 0; status == ASSAY_OK && more; b ^= 1) {
        status = asy_rows_take(rows, blocks[b], &more, &error);
        if (status != ASSAY_OK || !more) break;
        status = asy_block_cells(blocks[b], (const uint32_t[]){1, UINT32_MAX, 0}, 3, &cells, &error);
        if (status == ASSAY_OK) *n_rows += cells.n_rows + cells.n_bad;
    }
    asy_block_free(blocks[0]);
    asy_block_free(blocks[1]);
    asy_rows_close(rows);
    return status;
}

Test(io_blocks, every_allocation_may_fail)
{
    static const char *const texts[] = {
        "a,b\n1,\"x\"\"y\"\n2\n3,4,5\n2,\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\"\"\n6,7\n8,9\n",
        "{\"a\":\"x\\ny\",\"b\":{\"c\":1}}\n{\"d\":2,\"e\":3,\"f\":4}\n{]\n{\"a\":\"a long one, so that the block has to grow: "
        "................................................................................\"}\n{\"a\":2}\n",
    };
    for (size_t t = 0; t < N_OF(texts); t++) {
        for (int once = 0; once <= 1; once++) {
            bool is_through = false;
            for (int64_t k = 0; !is_through; k++) {
                struct failing failing;
                struct asy_mem mem;
                uint64_t n_rows = 0;
                failing_init(&mem, &failing, k);
                failing.once = once;
                const assay_status status = read_all(&mem, texts[t], &n_rows);
                is_through = failing.n_left > 0;
                cr_assert(status == ASSAY_OK || status == ASSAY_E_NOMEM, "allocation %lld", (long long)k);
                cr_assert(!is_through || (status == ASSAY_OK && n_rows == (t == 0 ? 6u : 5u)), "%d rows", (int)n_rows);
                cr_assert_eq(failing.n_blocks, 0, "allocation %lld", (long long)k);
                cr_assert_lt(k, 1000);
            }
        }
    }
}

/* ---- several threads ---- */

struct job {
    struct asy_block *block;
    pthread_t thread;
    uint64_t hash, n_rows;
};

static void *hash_cells(void *arg)
{
    struct job *job = arg;
    struct asy_cells cells;
    cr_assert_eq(asy_block_cells(job->block, (const uint32_t[]){0, 3, 8}, 3, &cells, NULL), ASSAY_OK);
    job->hash = 0;
    job->n_rows = cells.n_rows;
    for (uint32_t row = 0; row < cells.n_rows; row++)
        for (uint32_t k = 0; k < 3; k++)
            for (uint32_t i = 0; i < cells.cells[k][row].len; i++)
                job->hash = job->hash * 31 + (uint8_t)cells.text[cells.cells[k][row].at + i] + cells.line[row];
    return NULL;
}

/* While a block is worked on, others are taken. */
static uint64_t hash_file(const char *text, size_t n, uint32_t n_jobs, uint64_t *n_rows)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct asy_rows *rows = open_text(&mem, text, n, 1024);
    struct job jobs[8] = {{0}};
    struct assay_error error;
    uint64_t hash = 0;
    *n_rows = 0;
    for (uint32_t j = 0; j < n_jobs; j++) cr_assert_eq(asy_block_new(&jobs[j].block, rows, &error), ASSAY_OK);
    for (bool more = true; more;) {
        uint32_t n_started = 0;
        for (; n_started < n_jobs && more; n_started += more) {
            struct job *job = &jobs[n_started];
            cr_assert_eq(asy_rows_take(rows, job->block, &more, &error), ASSAY_OK);
            if (more) cr_assert_eq(pthread_create(&job->thread, NULL, hash_cells, job), 0);
        }
        for (uint32_t j = 0; j < n_started; j++) {
            pthread_join(jobs[j].thread, NULL);
            hash = hash * 1000003 + jobs[j].hash;
            *n_rows += jobs[j].n_rows;
        }
    }
    for (uint32_t j = 0; j < n_jobs; j++) asy_block_free(jobs[j].block);
    asy_rows_close(rows);
    return hash;
}

Test(io_blocks, several_threads)
{
    static char text[60000];
    uint64_t state = 7, n_alone, n_together;
    const size_t n = make_rows(text, sizeof(text), 9, "\n", 50, &state);
    const uint64_t alone = hash_file(text, n, 1, &n_alone), together = hash_file(text, n, 8, &n_together);
    cr_assert_eq(n_alone, n_together);
    cr_assert_eq(alone, together);
    cr_assert_gt(n_alone, 100);
}
