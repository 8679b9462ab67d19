/* libFuzzer body for the row reader: never crashes, and every level and buffer size give the same rows, one by one and in blocks.
 *
 *     clang -fsanitize=fuzzer,address,undefined ... tests/fuzz_rows.c; the first byte of an input picks the options. */
#include "io/rows.h"
#include "io/scan.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* FNV-1a. */
static uint64_t mix(uint64_t hash, const void *p, size_t n)
{
    const unsigned char *bytes = p;
    for (size_t i = 0; i < n; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* What came of an input. */
struct outcome {
    uint64_t rows;
    uint64_t as_blocks; /* of what blocks say about rows too */
    assay_status status;
    struct assay_error error;
};

static uint64_t mix_text(uint64_t hash, const char *p, uint32_t len)
{
    hash = mix(hash, &len, sizeof(len));
    return len ? mix(hash, p, len) : hash;
}

static uint64_t mix_row(uint64_t hash, const struct asy_row *row)
{
    hash = mix(hash, &row->line, sizeof(row->line));
    hash = mix_text(hash, row->raw.p, row->raw.len);
    if (row->problem) {
        hash = mix(hash, &row->problem_column, sizeof(row->problem_column));
        return mix(hash, row->problem, strlen(row->problem));
    }
    for (uint32_t i = 0; i < row->n_cells; i++) hash = mix_text(hash, row->cells[i].p, row->cells[i].len);
    return hash;
}

static struct outcome read_all(struct asy_mem *mem, const char *bytes, size_t n, const struct asy_rows_options *options)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325), as_blocks = hash;
    struct asy_rows *rows;
    struct outcome outcome = {0};
    assay_status status = asy_rows_open_memory(&rows, mem, "fuzz", bytes, n, options, &outcome.error);
    bool more = status == ASSAY_OK;
    while (more) {
        struct asy_row row;
        status = asy_rows_next(rows, &row, &more, &outcome.error);
        if (status != ASSAY_OK) break;
        if (!more) break;
        as_blocks = mix_row(as_blocks, &row);
        hash = mix(hash, &row.line, sizeof(row.line));
        for (uint32_t i = 0; i < row.n_cells; i++) {
            hash = mix(hash, &row.cells[i].len, sizeof(row.cells[i].len));
            if (row.cells[i].len) hash = mix(hash, row.cells[i].p, row.cells[i].len);
            if (!row.problem && !asy_utf8_valid(row.cells[i])) abort();
        }
        if (row.raw.len) hash = mix(hash, row.raw.p, row.raw.len);
        if (row.problem) hash = mix(hash, row.problem, strlen(row.problem));
    }
    asy_rows_close(rows);
    outcome.rows = hash;
    outcome.as_blocks = as_blocks;
    outcome.status = status;
    return outcome;
}

static uint64_t mix_block(uint64_t hash, struct asy_block *block, uint32_t n_columns)
{
    static uint32_t columns[4096];
    static struct asy_str texts[4096];
    struct asy_cells cells;
    for (uint32_t k = 0; k < n_columns; k++) columns[k] = k;
    if (asy_block_cells(block, columns, n_columns, &cells, NULL) != ASSAY_OK) abort();
    uint32_t bad = 0;
    for (uint32_t row = 0; row <= cells.n_rows; row++) {
        for (; bad < cells.n_bad && cells.bad[bad].before == row; bad++)
            hash = mix_row(hash, &(struct asy_row){.line = cells.bad[bad].line,
                                                   .raw = {cells.text + cells.bad[bad].raw.at, cells.bad[bad].raw.len},
                                                   .problem = cells.bad[bad].problem,
                                                   .problem_column = cells.bad[bad].column});
        if (row == cells.n_rows) break;
        for (uint32_t k = 0; k < n_columns; k++)
            texts[k] = (struct asy_str){cells.text + cells.cells[k][row].at, cells.cells[k][row].len};
        hash = mix_row(hash, &(struct asy_row){.line = cells.line[row],
                                               .raw = {cells.text + cells.raw[row].at, cells.raw[row].len},
                                               .cells = texts,
                                               .n_cells = n_columns});
    }
    if (bad != cells.n_bad) abort();
    return hash;
}

static struct outcome read_blocks(struct asy_mem *mem, const char *bytes, size_t n, const struct asy_rows_options *options)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    struct asy_rows *rows;
    struct asy_block *block = NULL;
    struct outcome outcome = {0};
    outcome.status = asy_rows_open_memory(&rows, mem, "fuzz", bytes, n, options, &outcome.error);
    if (outcome.status == ASSAY_OK) outcome.status = asy_block_new(&block, rows, &outcome.error);
    for (bool more = outcome.status == ASSAY_OK; more;) {
        const struct asy_str *names;
        outcome.status = asy_rows_take(rows, block, &more, &outcome.error);
        if (outcome.status != ASSAY_OK) break;
        if (more) hash = mix_block(hash, block, asy_rows_header(rows, &names));
    }
    asy_block_free(block);
    asy_rows_close(rows);
    outcome.as_blocks = hash;
    return outcome;
}

/* Where a limit is exceeded, how much of the cell was seen depends on the buffer, and so does what else is wrong with it. */
static int agree(const struct outcome *a, const struct outcome *b)
{
    if (a->as_blocks != b->as_blocks || (a->status == ASSAY_OK) != (b->status == ASSAY_OK)) return 0;
    if (a->status == ASSAY_E_LIMIT || b->status == ASSAY_E_LIMIT) return 1;
    return a->status == b->status && strcmp(a->error.text, b->error.text) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char delimiters[] = {0, 0, 0, ',', ';', '\t', '|', 'a'};
    if (n == 0) return 0;
    static char text[1 << 16];
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct asy_rows_options options = {.delimiter = delimiters[data[0] & 7], .max_cell_bytes = data[0] & 8 ? 40 : 0};
    /* What kind of file it is, is told from the first buffer: small ones compare only behind a start that leaves no choice. */
    int n_head = 0;
    if (data[0] & 16) n_head = snprintf(text, 64, data[0] & 32 ? "{\"A\":1}\n" : "A%cB\n", options.delimiter ? options.delimiter : ',');
    if (n_head && !options.delimiter) options.delimiter = ',';
    if (n - 1 > sizeof(text) - (size_t)n_head) return 0;
    memcpy(text + n_head, data + 1, n - 1);
    n += (size_t)n_head - 1;
    if (n > 262 && memcmp(text + 257, "ustar", 5) == 0) return 0;
    const struct outcome first = read_all(&mem, text, n, &options);
    if (n_head) options.buffer_bytes = 64 + data[0] / 64 * 7u;
    options.scan_level = ASY_SCAN_PLAIN;
    const struct outcome second = read_all(&mem, text, n, &options);
    if (first.rows != second.rows || !agree(&first, &second)) abort();
    const struct outcome third = read_blocks(&mem, text, n, &options);
    if (!agree(&first, &third)) abort();
    options.scan_level = ASY_SCAN_AUTO;
    const struct outcome fourth = read_blocks(&mem, text, n, &options);
    if (!agree(&first, &fourth)) abort();
    if (mem.live_bytes != 0) abort();
    return 0;
}
