/* libFuzzer body for the row reader: never crashes, and every level and buffer size give the same rows.
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
    assay_status status;
    struct assay_error error;
};

static struct outcome read_all(struct asy_mem *mem, const char *bytes, size_t n, const struct asy_rows_options *options)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    struct asy_rows *rows;
    struct outcome outcome = {0};
    assay_status status = asy_rows_open_memory(&rows, mem, "fuzz", bytes, n, options, &outcome.error);
    bool more = status == ASSAY_OK;
    while (more) {
        struct asy_row row;
        status = asy_rows_next(rows, &row, &more, &outcome.error);
        if (status != ASSAY_OK) break;
        if (!more) break;
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
    outcome.status = status;
    return outcome;
}

/* Where a limit is exceeded, how much of the cell was seen depends on the buffer, and so does what else is wrong with it. */
static int agree(const struct outcome *a, const struct outcome *b)
{
    if (a->rows != b->rows || (a->status == ASSAY_OK) != (b->status == ASSAY_OK)) return 0;
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
    if (!agree(&first, &second)) abort();
    if (mem.live_bytes != 0) abort();
    return 0;
}
