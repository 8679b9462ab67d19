/* CSV: which rows a block holds and what ends a file, row after row along the positions of the structural index (scan.h), and the
 * header. Cells are found in rows_cells.c for whole blocks, here for a row. */
#include "base/hash.h"
#include "io/rows_internal.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- what ends a file ---- */

/* Where the row at `cursor` begins. The LF of a CRLF gives no position, so it stands before a row; any other LF is one. */
static uint32_t row_start(const struct asy_block *block, const struct asy_csv_cursor *cursor)
{
    const bool is_line_end = cursor->position < block->n_pos && block->pos[cursor->position] == cursor->at;
    return cursor->at + (cursor->at < block->filled && block->buf[cursor->at] == '\n' && !is_line_end);
}

static uint64_t line_at(const struct asy_block *block, const struct asy_csv_cursor *cursor, size_t offset)
{
    const size_t start = row_start(block, cursor);
    return cursor->line + asy_rows_count_lines(block->buf + start, offset - start);
}

/* Cells are measured as they are written, less the two quotes around them: the answer may not depend on how much of the
 * cell was seen. */
static bool is_too_long(const struct asy_block *block, size_t cell, size_t len)
{
    return len > block->rows->max_cell_bytes + 2 * (len > 0 && block->buf[cell] == '"');
}

static assay_status fail_nul(const struct asy_rows *rows, uint64_t line, struct assay_error *error)
{
    return asy_rows_fail(rows, error, ASSAY_E_DATA, line,
                         "expected text, found a NUL byte: the file is damaged or not UTF-8; export it anew as UTF-8, or remove "
                         "the bytes with tr -d '\\000'");
}

/* `found` 0: its end was not seen. */
static assay_status fail_long_cell(const struct asy_rows *rows, uint64_t line, uint32_t column, size_t found, struct assay_error *error)
{
    return asy_rows_fail(rows, error, ASSAY_E_LIMIT, line,
                         "column %" PRIu32 ": expected a cell of at most %zu bytes, found %s%zu; raise the limit with --max-cell", column,
                         rows->max_cell_bytes, found ? "" : "more than ", found ? found : rows->max_cell_bytes);
}

static assay_status fail_open_quote(const struct asy_rows *rows, uint64_t line, uint32_t column, bool at_end, struct assay_error *error)
{
    char until[96];
    if (at_end)
        snprintf(until, sizeof(until), "the end of the file");
    else
        snprintf(until, sizeof(until), "%zu bytes without one (raise that limit with --max-cell)", rows->max_cell_bytes);
    return asy_rows_fail(rows, error, at_end ? ASSAY_E_DATA : ASSAY_E_LIMIT, line,
                         "column %" PRIu32 ": a quote opens here: expected a closing quote, found %s; close it, or double a quote that "
                         "belongs to the text",
                         column, until);
}

/* Does the row at `cursor`, or as much of it as was read, end the file? */
static assay_status check_row(const struct asy_rows *rows, const struct asy_block *block, const struct asy_csv_cursor *cursor,
                              struct assay_error *error)
{
    size_t cell = row_start(block, cursor);
    uint32_t column = 1;
    for (uint32_t i = cursor->position; i < block->n_pos; i++, column++) {
        const size_t at = block->pos[i];
        if (block->nul_at < at) return fail_nul(rows, line_at(block, cursor, block->nul_at), error);
        if (is_too_long(block, cell, at - cell))
            return fail_long_cell(rows, line_at(block, cursor, cell), column, at - cell - 2 * (block->buf[cell] == '"'), error);
        if (block->buf[at] != rows->delimiter) return ASSAY_OK;
        cell = at + 1;
    }
    if (block->nul_at != SIZE_MAX) return fail_nul(rows, line_at(block, cursor, block->nul_at), error);
    const bool is_inside = rows->scan.state.inside != 0;
    if (is_too_long(block, cell, block->filled - cell))
        return is_inside ? fail_open_quote(rows, line_at(block, cursor, cell), column, false, error)
                         : fail_long_cell(rows, line_at(block, cursor, cell), column, 0, error);
    /* The last byte of a file is a line end: only a quote can hide it. */
    return rows->eof ? fail_open_quote(rows, line_at(block, cursor, cell), column, true, error) : ASSAY_OK;
}

/* The first byte that ends the file, in a whole row or not; SIZE_MAX: none. */
static size_t find_failure(const struct asy_block *block)
{
    const size_t max_cell_bytes = block->rows->max_cell_bytes;
    if (block->filled - block->next.at <= max_cell_bytes) return block->nul_at;
    size_t cell = row_start(block, &block->next);
    for (uint32_t i = block->next.position; i < block->n_pos; i++) {
        const size_t at = block->pos[i];
        if (at > block->nul_at) break;
        if (at - cell > max_cell_bytes && is_too_long(block, cell, at - cell)) return at;
        cell = at + 1;
        if (block->has_cr && block->buf[at] == '\r' && cell < block->filled && block->buf[cell] == '\n') cell++;
    }
    return block->nul_at;
}

/* Let go of the row that byte `offset` is in and of those behind it. */
static void drop_rows_from(struct asy_block *block, size_t offset)
{
    const char delimiter = block->rows->delimiter;
    while (block->n_pos > block->next.position) {
        const size_t at = block->pos[block->n_pos - 1];
        const bool is_line_end = block->buf[at] != delimiter;
        if (is_line_end && at < offset) return;
        block->next.n_left -= is_line_end;
        block->n_pos--;
    }
}

/* ---- where a block ends ---- */

/* Is there text from the next row on? What is left at the end may be the LF of a CRLF. */
static bool has_text(const struct asy_block *block)
{
    return row_start(block, &block->next) < block->filled;
}

/* The block keeps the whole rows before the place that ends the file, if there is one. */
static assay_status end_block(struct asy_rows *rows, struct asy_block *block, struct assay_error *error)
{
    drop_rows_from(block, find_failure(block));
    size_t end = block->next.at;
    if (block->n_pos > block->next.position) end = (size_t)block->pos[block->n_pos - 1] + 1;
    rows->after_cr = end > 0 && block->buf[end - 1] == '\r';
    if (rows->after_cr && end < block->filled) {
        end += block->buf[end] == '\n';
        rows->after_cr = false;
    }
    rows->line = block->first_line + block->n_lines - asy_rows_count_lines(block->buf + end, block->filled - end);
    block->utf8 = ASY_UTF8_UNKNOWN;
    return asy_block_cut(rows, block, end, error);
}

assay_status asy_csv_take(struct asy_rows *rows, struct asy_block *block, bool *more, struct assay_error *error)
{
    assay_status status = asy_block_scan(rows, block, error);
    while (status == ASSAY_OK && block->next.n_left == 0) {
        if (rows->eof && !has_text(block)) return ASSAY_OK;
        status = check_row(rows, block, &block->next, error);
        if (status == ASSAY_OK) status = asy_block_grow(rows, block, error);
        if (status == ASSAY_OK) status = asy_block_scan(rows, block, error);
    }
    if (status == ASSAY_OK) status = check_row(rows, block, &block->next, error);
    if (status == ASSAY_OK) status = end_block(rows, block, error);
    *more = status == ASSAY_OK;
    return status;
}

/* ---- rows ---- */

static bool is_blank(const struct asy_block *block, const struct asy_csv_row *row)
{
    if (row->n_cells != 1 || row->has_quotes) return false;
    if (row->end == row->start) return true;
    if (block->rows->has_header && block->rows->n_columns == 1) return false; /* blanks may be the text of the only column */
    for (size_t i = row->start; i < row->end; i++)
        if (block->buf[i] != ' ' && block->buf[i] != '\t') return false;
    return true;
}

bool asy_csv_walk(const struct asy_block *block, struct asy_csv_cursor *cursor, struct asy_csv_row *row)
{
    const char delimiter = block->rows->delimiter;
    const char *buf = block->buf;
    const uint32_t *pos = block->pos;
    while (cursor->n_left > 0) {
        uint32_t i = cursor->position, cell = cursor->at;
        cell += buf[cell] == '\n' && pos[i] != cell;
        *row = (struct asy_csv_row){.start = cell, .first = i, .line = cursor->line};
        if (block->has_mark[ASY_MARK_QUOTES]) {
            for (;; i++) {
                row->has_quotes |= buf[cell] == '"';
                cell = pos[i] + 1;
                if (buf[cell - 1] != delimiter) break;
            }
        } else {
            while (buf[pos[i]] == delimiter) i++;
        }
        row->end = pos[i];
        row->n_cells = i + 1 - row->first;
        cursor->line++;
        if (asy_block_is_marked(block, ASY_MARK_LINES, row->start, row->end))
            cursor->line += asy_rows_count_lines(buf + row->start, row->end - row->start);
        cursor->at = row->end + 1;
        cursor->position = i + 1;
        cursor->n_left--;
        if (!is_blank(block, row)) return true;
    }
    return false;
}

struct asy_span asy_csv_unquote(const struct asy_block *block, uint32_t from, uint32_t to, bool *is_junk)
{
    const char *p = block->buf + from;
    const size_t len = to - from;
    char *copy = NULL;
    size_t at = 1, n_copied = 0;
    *is_junk = false;
    for (;;) {
        const char *quote = memchr(p + at, '"', len - at);
        if (!quote) { /* cannot be: the index ends quoted cells outside quotes only */
            *is_junk = true;
            return (struct asy_span){from, to - from};
        }
        const size_t q = (size_t)(quote - p);
        const bool is_doubled = q + 1 < len && p[q + 1] == '"';
        if (is_doubled && !copy) copy = block->buf + asy_block_half(block, from);
        if (copy) {
            const size_t n = q - at + is_doubled;
            memcpy(copy + n_copied, p + at, n);
            n_copied += n;
        }
        if (is_doubled) {
            at = q + 2;
            continue;
        }
        for (size_t i = q + 1; i < len; i++) *is_junk |= p[i] != ' ' && p[i] != '\t';
        if (copy) return (struct asy_span){(uint32_t)asy_block_half(block, from), (uint32_t)n_copied};
        return (struct asy_span){from + 1, (uint32_t)(q - 1)};
    }
}

static uint32_t cell_start(const struct asy_block *block, const struct asy_csv_row *row, uint32_t cell)
{
    return cell == 0 ? row->start : block->pos[row->first + cell - 1] + 1;
}

/* ---- malformed rows ---- */

static struct asy_str text_of(const struct asy_block *block, struct asy_span span)
{
    return (struct asy_str){block->buf + span.at, span.len};
}

/* Columns are 1-based, 0: none. */
static uint32_t bad_utf8_column(const struct asy_block *block, const struct asy_csv_row *row)
{
    for (uint32_t i = 0; i < row->n_cells && i < ASY_ROWS_MAX_COLUMNS; i++)
        if (!asy_utf8_valid(text_of(block, asy_csv_cell(block, cell_start(block, row, i), block->pos[row->first + i])))) return i + 1;
    return 0;
}

static uint32_t junk_column(const struct asy_block *block, const struct asy_csv_row *row)
{
    if (!block->is_odd || !row->has_quotes) return 0;
    for (uint32_t i = 0; i < row->n_cells; i++) {
        const uint32_t from = cell_start(block, row, i);
        bool is_junk = false;
        if (block->buf[from] == '"') asy_csv_unquote(block, from, block->pos[row->first + i], &is_junk);
        if (is_junk) return i + 1;
    }
    return 0;
}

/* Does the row have exactly the header's cells, or further ones that are all empty? */
static bool has_header_cells(const struct asy_block *block, const struct asy_csv_row *row)
{
    const uint32_t n_columns = block->rows->n_columns;
    if (row->n_cells < n_columns || row->n_cells > ASY_ROWS_MAX_COLUMNS) return false;
    for (uint32_t i = n_columns; i < row->n_cells; i++)
        if (asy_csv_cell(block, cell_start(block, row, i), block->pos[row->first + i]).len) return false;
    return true;
}

/* Many rows in a block may be wrong in the same way. */
static const char *count_problem(struct asy_block *block, const struct asy_csv_row *row)
{
    if (block->count_problem && block->count_cells == row->n_cells && block->count_has_quotes == row->has_quotes) return block->count_problem;
    const uint32_t n_columns = block->rows->n_columns;
    char delimiter[16];
    block->count_cells = row->n_cells;
    block->count_has_quotes = row->has_quotes;
    block->count_problem = asy_pool_printf(&block->pool, "expected %" PRIu32 " cells, found %" PRIu32 "%s%s%s", n_columns, row->n_cells,
                                           row->n_cells > n_columns ? "; quote a cell whose text holds " : "",
                                           row->n_cells > n_columns ? asy_rows_delimiter_text(block->rows->delimiter, delimiter) : "",
                                           row->n_cells < n_columns && row->has_quotes ? "; is a quote left open?" : "")
                               .p;
    return block->count_problem;
}

/* Order: what explains the rest comes first. */
bool asy_csv_problem(struct asy_block *block, const struct asy_csv_row *row, const char **problem, uint32_t *column)
{
    const struct asy_str raw = {block->buf + row->start, row->end - row->start};
    *problem = NULL;
    *column = junk_column(block, row);
    if (!asy_block_is_utf8(block) && asy_block_is_marked(block, ASY_MARK_HIGH, row->start, row->end) && !asy_utf8_valid(raw)) {
        const uint32_t bad_column = bad_utf8_column(block, row);
        if (bad_column) *column = bad_column;
        *problem = ASY_ROWS_BAD_UTF8;
    } else if (*column) {
        *problem = "expected the cell to end at its closing quote, found more text behind it; double a quote that belongs to the text";
    } else if (row->n_cells != block->rows->n_columns && !has_header_cells(block, row)) {
        *problem = count_problem(block, row);
        return *problem != NULL;
    }
    return true;
}

assay_status asy_csv_next(struct asy_rows *rows, struct asy_block *block, struct asy_row *row, bool *more, struct assay_error *error)
{
    struct asy_csv_row walked;
    *more = false;
    if (block->has_mark[ASY_MARK_ESCAPES] && !asy_block_need_half(block)) return asy_rows_fail_memory(rows, error);
    if (!asy_csv_walk(block, &block->next, &walked)) return ASSAY_OK;
    *row = (struct asy_row){.line = walked.line,
                            .n_cells = walked.n_cells < rows->n_columns ? walked.n_cells : rows->n_columns,
                            .cells = rows->cells,
                            .raw = {block->buf + walked.start, walked.end - walked.start}};
    if (!asy_csv_problem(block, &walked, &row->problem, &row->problem_column)) return asy_rows_fail_memory(rows, error);
    uint32_t from = walked.start;
    for (uint32_t i = 0; i < row->n_cells; i++) {
        const uint32_t to = block->pos[walked.first + i];
        rows->cells[i] = walked.has_quotes ? text_of(block, asy_csv_cell(block, from, to)) : (struct asy_str){block->buf + from, to - from};
        from = to + 1;
    }
    *more = true;
    return ASSAY_OK;
}

/* ---- the header ---- */

assay_status asy_rows_repeated(const struct asy_rows *rows, uint32_t first, uint32_t second, struct assay_error *error)
{
    const struct asy_str name = rows->names[second];
    return asy_rows_fail(rows, error, ASSAY_E_DATA, rows->header_line,
                         "header: expected different names, found `%.*s` in column %" PRIu32 " and in column %" PRIu32
                         "; rename one of them",
                         (int)(name.len < 100 ? name.len : 100), name.p, first + 1, second + 1);
}

/* Equal names by hash; the table is small and full names are compared. */
static assay_status check_names_differ(struct asy_rows *rows, struct assay_error *error)
{
    size_t n_slots = 16;
    while (n_slots < 2 * (size_t)rows->n_columns) n_slots *= 2;
    uint32_t *slots = asy_mem_alloc_n(rows->mem, n_slots, sizeof(*slots));
    if (!slots) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", rows->path);
    assay_status status = ASSAY_OK;
    for (uint32_t i = 0; i < rows->n_columns && status == ASSAY_OK; i++) {
        if (rows->names[i].len == 0) continue;
        size_t slot = asy_checksum(rows->names[i]) & (n_slots - 1);
        while (slots[slot] && !asy_str_eq(rows->names[slots[slot] - 1], rows->names[i])) slot = (slot + 1) & (n_slots - 1);
        if (slots[slot]) status = asy_rows_repeated(rows, slots[slot] - 1, i, error);
        slots[slot] = i + 1;
    }
    asy_mem_free(rows->mem, slots, n_slots * sizeof(*slots));
    return status;
}

/* More text; what was walked over is let go of. */
static assay_status read_on(struct asy_rows *rows, struct asy_block *block, struct assay_error *error)
{
    if (block->next.at == 0) return asy_block_grow(rows, block, error);
    const assay_status status = end_block(rows, block, error);
    return status == ASSAY_OK ? asy_block_begin(rows, block, error) : status;
}

/* The next row of what open has read; more is read until it is whole. Rows before it are gone then. */
static assay_status need_row(struct asy_rows *rows, struct asy_block *block, struct asy_csv_row *row, bool *more, struct assay_error *error)
{
    assay_status status = asy_block_scan(rows, block, error);
    *more = false;
    while (status == ASSAY_OK && !asy_csv_walk(block, &block->next, row)) {
        if (rows->eof && !has_text(block)) return ASSAY_OK;
        status = check_row(rows, block, &block->next, error);
        if (status == ASSAY_OK) status = read_on(rows, block, error);
        if (status == ASSAY_OK) status = asy_block_scan(rows, block, error);
    }
    if (status != ASSAY_OK) return status;
    *more = true;
    block->end = block->next.at;
    block->utf8 = ASY_UTF8_UNKNOWN;
    if (block->has_mark[ASY_MARK_ESCAPES] && !asy_block_need_half(block)) return asy_rows_fail_memory(rows, error);
    const struct asy_csv_cursor here = {.at = row->start, .position = row->first, .line = row->line};
    return check_row(rows, block, &here, error);
}

/* Is the line that was taken for the header a title above it? It has one name, and the next row has text where names are missing. */
static assay_status check_title(struct asy_rows *rows, struct asy_block *block, struct assay_error *error)
{
    struct asy_csv_row row;
    bool more = false;
    const assay_status status = need_row(rows, block, &row, &more, error);
    if (status != ASSAY_OK || !more) return status;
    for (uint32_t i = 0; i < rows->n_columns && i < row.n_cells; i++)
        if (rows->names[i].len == 0 && asy_csv_cell(block, cell_start(block, &row, i), block->pos[row.first + i]).len > 0)
            return asy_rows_fail(rows, error, ASSAY_E_DATA, rows->header_line,
                                 "header: expected a name for each column, found one name for %" PRIu32
                                 " columns, and text below column %" PRIu32 "; delete lines above the header, or name the columns",
                                 rows->n_columns, i + 1);
    /* The row is read again. */
    block->next = (struct asy_csv_cursor){.at = row.start, .position = row.first, .n_left = block->next.n_left + 1, .line = row.line};
    return ASSAY_OK;
}

/* The names of the columns are the cells of `row`. */
static assay_status take_names(struct asy_rows *rows, struct asy_block *block, const struct asy_csv_row *row, uint32_t *n_named,
                               struct assay_error *error)
{
    if (row->n_cells > ASY_ROWS_MAX_COLUMNS)
        return asy_rows_fail(rows, error, ASSAY_E_LIMIT, row->line, "header: expected at most %u columns, found %" PRIu32,
                             ASY_ROWS_MAX_COLUMNS, row->n_cells);
    const char *problem;
    uint32_t column;
    rows->n_columns = row->n_cells; /* so that the count is right by definition */
    if (!asy_csv_problem(block, row, &problem, &column)) return asy_rows_fail_memory(rows, error);
    if (problem) return asy_rows_fail(rows, error, ASSAY_E_DATA, row->line, "header: column %" PRIu32 ": %s", column, problem);
    *n_named = 0;
    for (uint32_t i = 0; i < row->n_cells; i++) {
        const struct asy_span cell = asy_csv_cell(block, cell_start(block, row, i), block->pos[row->first + i]);
        rows->names[i] = asy_pool_copy(&rows->pool, asy_str_trim(text_of(block, cell)));
        if (!rows->names[i].p) return asy_rows_fail_memory(rows, error);
        *n_named += rows->names[i].len > 0;
    }
    if (*n_named == 0)
        return asy_rows_fail(rows, error, ASSAY_E_DATA, row->line,
                             "header: expected the names of the columns, found %" PRIu32 " empty cells; put the names in this line",
                             rows->n_columns);
    rows->has_header = true;
    rows->header_line = row->line;
    return ASSAY_OK;
}

assay_status asy_csv_header(struct asy_rows *rows, struct assay_error *error)
{
    struct asy_block *block = &rows->own;
    struct asy_csv_row row;
    bool more = false;
    uint32_t n_named = 0;
    asy_scan_restart(&rows->scan, rows->after_cr);
    assay_status status = need_row(rows, block, &row, &more, error);
    if (status != ASSAY_OK) return status;
    if (!more)
        return asy_rows_fail(rows, error, ASSAY_E_DATA, 0,
                             "has no header: expected a first line with the names of the columns, found an empty file");
    status = take_names(rows, block, &row, &n_named, error);
    if (status == ASSAY_OK && !rows->may_repeat_names) status = check_names_differ(rows, error);
    if (status == ASSAY_OK && n_named == 1 && rows->n_columns > 1) status = check_title(rows, block, error);
    if (status != ASSAY_OK) return status;
    block->n_columns = rows->n_columns;
    return end_block(rows, block, error);
}
