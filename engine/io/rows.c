/* Rows: opening, closing, from one block to the next, and the choice between CSV and NDJSON. */
#include "io/rows_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define DEFAULT_BUFFER_BYTES ((size_t)256 << 10)
#define DEFAULT_CELL_BYTES ((size_t)1 << 20)
#define MOST_CELL_BYTES ((size_t)512 << 20)
#define MOST_BUFFER_BYTES ((size_t)1 << 30)

assay_status asy_rows_fail(const struct asy_rows *rows, struct assay_error *error, assay_status code, uint64_t line,
                           const char *format, ...)
{
    char text[800];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (line == 0) return asy_fail(error, code, "%s: %s", rows->path, text);
    return asy_fail(error, code, "%s:%" PRIu64 ": %s", rows->path, line, text);
}

assay_status asy_rows_fail_memory(const struct asy_rows *rows, struct assay_error *error)
{
    return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", rows->path);
}

uint64_t asy_rows_count_lines(const char *p, size_t len)
{
    uint64_t n = 0;
    char before = 0;
    for (size_t i = 0; i < len; i++) {
        n += p[i] == '\r' || (p[i] == '\n' && before != '\r');
        before = p[i];
    }
    return n;
}

static assay_status check_options(const char *path, const struct asy_rows_options *options, struct assay_error *error)
{
    const unsigned char d = (unsigned char)options->delimiter;
    if (d == '"' || d == '\n' || d == '\r' || d > 127)
        return asy_fail(error, ASSAY_E_PARAM, "%s: delimiter: expected one ASCII character other than quote and line end, found byte 0x%02x",
                        path, d);
    if (options->max_cell_bytes > MOST_CELL_BYTES)
        return asy_fail(error, ASSAY_E_PARAM, "%s: --max-cell: expected at most %zu bytes, found %zu", path, MOST_CELL_BYTES,
                        options->max_cell_bytes);
    return ASSAY_OK;
}

static bool reserve(struct asy_rows *rows, const char *path)
{
    rows->path = asy_pool_copy(&rows->pool, asy_str_of(path)).p;
    rows->cells = asy_mem_alloc_n(rows->mem, ASY_ROWS_MAX_COLUMNS + 1, sizeof(*rows->cells));
    rows->names = asy_mem_alloc_n(rows->mem, ASY_ROWS_MAX_COLUMNS, sizeof(*rows->names));
    return rows->path && rows->cells && rows->names;
}

static assay_status read_start(struct asy_rows *rows, const struct asy_rows_options *options, struct assay_error *error)
{
    assay_status status = asy_block_begin(rows, &rows->own, error);
    if (status == ASSAY_OK && rows->read_status != ASSAY_OK) status = asy_block_grow(rows, &rows->own, error);
    if (status == ASSAY_OK) status = asy_rows_check_encoding(rows, error);
    if (status == ASSAY_OK) status = asy_rows_check_json(rows, error);
    if (status == ASSAY_OK && !rows->is_json) status = asy_rows_find_delimiter(rows, options->delimiter, options->scan_level, error);
    if (status != ASSAY_OK) return status;
    return rows->is_json ? asy_ndjson_open(rows, error) : asy_csv_header(rows, error);
}

static assay_status open_source(struct asy_rows **out, struct asy_mem *mem, const char *path, const char *memory,
                                size_t memory_bytes, const struct asy_rows_options *options, struct assay_error *error)
{
    static const struct asy_rows_options defaults = {0};
    *out = NULL;
    if (!options) options = &defaults;
    const char *shown = !memory && strcmp(path, "-") == 0 ? "standard input" : path;
    assay_status status = check_options(shown, options, error);
    if (status != ASSAY_OK) return status;
    struct asy_rows *rows = asy_mem_alloc(mem, sizeof(*rows));
    if (!rows) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", shown);
    rows->mem = mem;
    rows->memory = memory;
    rows->memory_bytes = memory_bytes;
    rows->line = 1;
    rows->max_cell_bytes = options->max_cell_bytes ? options->max_cell_bytes : DEFAULT_CELL_BYTES;
    rows->may_repeat_names = options->may_repeat_names;
    asy_pool_init(&rows->pool, mem);
    size_t block_bytes = options->buffer_bytes ? options->buffer_bytes : DEFAULT_BUFFER_BYTES;
    /* All of a small memory fits at once. */
    if (memory && !options->buffer_bytes && memory_bytes < block_bytes) block_bytes = memory_bytes + 64;
    if (block_bytes > MOST_BUFFER_BYTES) block_bytes = MOST_BUFFER_BYTES;
    rows->block_bytes = (block_bytes + 63) / 64 * 64;
    asy_block_init(&rows->own, rows);
    if (!reserve(rows, shown)) status = asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", shown);
    if (status == ASSAY_OK && !memory) status = asy_input_open_wait(&rows->input, mem, path, &options->wait, error);
    if (status == ASSAY_OK) status = read_start(rows, options, error);
    if (status != ASSAY_OK) {
        asy_rows_close(rows);
        return status;
    }
    *out = rows;
    return ASSAY_OK;
}

assay_status asy_rows_open(struct asy_rows **out, struct asy_mem *mem, const char *path, const struct asy_rows_options *options,
                           struct assay_error *error)
{
    return open_source(out, mem, path, NULL, 0, options, error);
}

assay_status asy_rows_open_memory(struct asy_rows **out, struct asy_mem *mem, const char *name, const char *bytes, size_t n_bytes,
                                  const struct asy_rows_options *options, struct assay_error *error)
{
    return open_source(out, mem, name, bytes ? bytes : "", bytes ? n_bytes : 0, options, error);
}

uint32_t asy_rows_header(const struct asy_rows *rows, const struct asy_str **names)
{
    *names = rows->names;
    return rows->n_columns;
}

/* The block behind the last one. */
static assay_status next_block(struct asy_rows *rows, struct asy_block *block, bool *more, struct assay_error *error)
{
    *more = false;
    const assay_status status = asy_block_begin(rows, block, error);
    if (status != ASSAY_OK) return status;
    return rows->is_json ? asy_ndjson_take(rows, block, more, error) : asy_csv_take(rows, block, more, error);
}

assay_status asy_rows_next(struct asy_rows *rows, struct asy_row *row, bool *more, struct assay_error *error)
{
    struct asy_block *block = &rows->own;
    for (;;) {
        *more = rows->is_json && asy_ndjson_next(rows, block, row);
        const assay_status status = rows->is_json ? ASSAY_OK : asy_csv_next(rows, block, row, more, error);
        if (status != ASSAY_OK || *more) return status;
        bool is_there = false;
        const assay_status taken = next_block(rows, block, &is_there, error);
        if (taken != ASSAY_OK || !is_there) return taken;
    }
}

/* ---- blocks ---- */

assay_status asy_block_new(struct asy_block **out, struct asy_rows *rows, struct assay_error *error)
{
    *out = asy_mem_alloc(rows->mem, sizeof(**out));
    if (!*out) return asy_rows_fail_memory(rows, error);
    asy_block_init(*out, rows);
    return ASSAY_OK;
}

void asy_block_free(struct asy_block *block)
{
    if (!block) return;
    struct asy_mem *mem = block->mem;
    asy_block_fini(block);
    asy_mem_free(mem, block, sizeof(*block));
}

assay_status asy_rows_take(struct asy_rows *rows, struct asy_block *block, bool *more, struct assay_error *error)
{
    struct asy_block *own = &rows->own;
    const bool has_rows = own->next.n_left > 0 || own->n_all_rows > 0;
    if (has_rows) { /* what open has read */
        const struct asy_block taken = *own;
        *own = *block;
        *block = taken;
    }
    if (own->buf) asy_block_fini(own);
    *more = has_rows;
    return has_rows ? ASSAY_OK : next_block(rows, block, more, error);
}

assay_status asy_block_cells(struct asy_block *block, const uint32_t *columns, uint32_t n_columns, struct asy_cells *cells,
                             struct assay_error *error)
{
    const bool is_done = block->rows->is_json ? asy_ndjson_cells(block, columns, n_columns) : asy_csv_cells(block, columns, n_columns);
    if (!is_done) return asy_rows_fail_memory(block->rows, error);
    *cells = (struct asy_cells){.text = block->buf,
                                .n_rows = block->n_good,
                                .cells = block->cells,
                                .raw = block->raw,
                                .line = block->line,
                                .n_bad = block->n_bad,
                                .bad = block->bad};
    return ASSAY_OK;
}

bool asy_rows_is_json(const struct asy_rows *rows)
{
    return rows->is_json;
}

char asy_rows_delimiter(const struct asy_rows *rows)
{
    return rows->delimiter;
}

void asy_rows_progress(const struct asy_rows *rows, uint64_t *done_bytes, uint64_t *total_bytes)
{
    if (rows->input) {
        asy_input_progress(rows->input, done_bytes, total_bytes);
    } else {
        *done_bytes = rows->memory_at;
        *total_bytes = rows->memory_bytes;
    }
}

void asy_rows_close(struct asy_rows *rows)
{
    if (!rows) return;
    struct asy_mem *mem = rows->mem;
    asy_ndjson_fini(rows);
    asy_block_fini(&rows->own);
    if (rows->input) asy_input_close(rows->input);
    asy_mem_free(mem, rows->names, ASY_ROWS_MAX_COLUMNS * sizeof(*rows->names));
    asy_mem_free(mem, rows->cells, (ASY_ROWS_MAX_COLUMNS + 1) * sizeof(*rows->cells));
    asy_mem_free(mem, rows->carry, rows->carry_cap);
    asy_pool_fini(&rows->pool);
    asy_mem_free(mem, rows, sizeof(*rows));
}
