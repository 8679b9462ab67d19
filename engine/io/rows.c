/* Rows: opening, the buffer, and the choice between CSV and NDJSON. */
#include "io/rows_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define DEFAULT_BUFFER_BYTES ((size_t)256 << 10)
#define DEFAULT_CELL_BYTES ((size_t)1 << 20)
#define MOST_CELL_BYTES ((size_t)512 << 20)
#define LEAST_ROW_LIMIT ((size_t)64 << 20)

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

/* Positions are 32 bits wide, so a row is at most about 1 GiB whatever the cell limit. */
static size_t row_limit(const struct asy_rows *rows)
{
    const size_t two_cells = 2 * rows->max_cell_bytes;
    return two_cells > LEAST_ROW_LIMIT ? two_cells : LEAST_ROW_LIMIT;
}

static assay_status read_some(struct asy_rows *rows, char *to, size_t room, size_t *n, struct assay_error *error)
{
    if (rows->input) return asy_input_read(rows->input, to, room, n, error);
    *n = rows->memory_bytes - rows->memory_at;
    if (*n > room) *n = room;
    if (*n) memcpy(to, rows->memory + rows->memory_at, *n);
    rows->memory_at += *n;
    return ASSAY_OK;
}

static assay_status grow_buffer(struct asy_rows *rows, struct assay_error *error)
{
    const size_t limit = row_limit(rows);
    if (rows->cap >= limit)
        return asy_rows_fail(rows, error, ASSAY_E_LIMIT, rows->line, "row: expected at most %zu bytes, found more", limit);
    const size_t cap = rows->cap * 2 < limit ? rows->cap * 2 : limit;
    char *buf = asy_mem_alloc(rows->mem, cap + 1);
    if (!buf) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory for a row of %zu bytes", rows->path, cap);
    memcpy(buf, rows->buf + rows->row_start, rows->filled - rows->row_start);
    asy_mem_free(rows->mem, rows->buf, rows->cap + 1);
    rows->buf = buf;
    rows->cap = cap;
    rows->filled -= rows->row_start;
    rows->row_start = 0;
    return ASSAY_OK;
}

assay_status asy_rows_fill(struct asy_rows *rows, struct assay_error *error)
{
    const size_t kept = rows->filled - rows->row_start;
    if (kept > rows->cap / 2 && !rows->eof) {
        const assay_status status = grow_buffer(rows, error);
        if (status != ASSAY_OK) return status;
    } else if (rows->row_start > 0) {
        memmove(rows->buf, rows->buf + rows->row_start, kept);
        rows->row_start = 0;
        rows->filled = kept;
    }
    while (!rows->eof && rows->filled < rows->cap) {
        size_t n = 0;
        const assay_status status = read_some(rows, rows->buf + rows->filled, rows->cap - rows->filled, &n, error);
        if (status != ASSAY_OK) return status;
        rows->filled += n;
        rows->eof = n == 0;
    }
    if (rows->eof && rows->filled > 0 && rows->buf[rows->filled - 1] != '\n' && rows->buf[rows->filled - 1] != '\r')
        rows->buf[rows->filled++] = '\n';
    rows->pos_i = rows->pos_n = 0;
    rows->win_start = rows->win_end = rows->row_start;
    rows->carry_escapes = rows->carry_lines = rows->carry_high = false;
    if (rows->scan.run) asy_scan_restart(&rows->scan, rows->after_cr);
    return ASSAY_OK;
}

bool asy_rows_need_scratch(struct asy_rows *rows)
{
    if (rows->scratch_bytes >= rows->cap) return true;
    asy_mem_free(rows->mem, rows->scratch, rows->scratch_bytes);
    rows->scratch_bytes = 0;
    rows->scratch = asy_mem_alloc(rows->mem, rows->cap);
    if (!rows->scratch) return false;
    rows->scratch_bytes = rows->cap;
    return true;
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

static bool reserve(struct asy_rows *rows, const char *path, size_t buffer_bytes)
{
    rows->path = asy_pool_copy(&rows->pool, asy_str_of(path)).p;
    rows->cap = buffer_bytes;
    rows->buf = asy_mem_alloc(rows->mem, rows->cap + 1);
    rows->window_bytes = buffer_bytes < ASY_SCAN_WINDOW ? (buffer_bytes + 63) / 64 * 64 : ASY_SCAN_WINDOW;
    rows->pos = asy_mem_alloc_n(rows->mem, rows->window_bytes + ASY_SCAN_SLACK, sizeof(*rows->pos));
    rows->cells = asy_mem_alloc_n(rows->mem, ASY_ROWS_MAX_COLUMNS + 1, sizeof(*rows->cells));
    rows->names = asy_mem_alloc_n(rows->mem, ASY_ROWS_MAX_COLUMNS, sizeof(*rows->names));
    return rows->path && rows->buf && rows->pos && rows->cells && rows->names;
}

static assay_status read_start(struct asy_rows *rows, const struct asy_rows_options *options, struct assay_error *error)
{
    assay_status status = asy_rows_fill(rows, error);
    if (status == ASSAY_OK) status = asy_rows_check_encoding(rows, error);
    if (status == ASSAY_OK) status = asy_rows_check_json(rows, error);
    if (status != ASSAY_OK) return status;
    if (rows->is_json) return asy_rows_json_open(rows, error);
    status = asy_rows_find_delimiter(rows, options->delimiter, options->scan_level, error);
    return status == ASSAY_OK ? asy_rows_csv_header(rows, error) : status;
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
    rows->max_cell_bytes = options->max_cell_bytes ? options->max_cell_bytes : DEFAULT_CELL_BYTES;
    rows->may_repeat_names = options->may_repeat_names;
    rows->line = 1;
    asy_pool_init(&rows->pool, mem);
    size_t buffer_bytes = options->buffer_bytes ? options->buffer_bytes : DEFAULT_BUFFER_BYTES;
    /* All of a small memory fits at once. */
    if (memory && !options->buffer_bytes && memory_bytes < buffer_bytes) buffer_bytes = memory_bytes + 64;
    if (buffer_bytes < 64) buffer_bytes = 64;
    if (!reserve(rows, shown, buffer_bytes)) status = asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", shown);
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

assay_status asy_rows_next(struct asy_rows *rows, struct asy_row *row, bool *more, struct assay_error *error)
{
    if (rows->is_json) return asy_rows_json_next(rows, row, more, error);
    return asy_rows_csv_next(rows, row, more, error);
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
    asy_rows_json_fini(rows);
    if (rows->input) asy_input_close(rows->input);
    asy_mem_free(mem, rows->names, ASY_ROWS_MAX_COLUMNS * sizeof(*rows->names));
    asy_mem_free(mem, rows->cells, (ASY_ROWS_MAX_COLUMNS + 1) * sizeof(*rows->cells));
    asy_mem_free(mem, rows->pos, (rows->window_bytes + ASY_SCAN_SLACK) * sizeof(*rows->pos));
    asy_mem_free(mem, rows->scratch, rows->scratch_bytes);
    asy_mem_free(mem, rows->buf, rows->cap + 1);
    asy_pool_fini(&rows->pool);
    asy_mem_free(mem, rows, sizeof(*rows));
}
