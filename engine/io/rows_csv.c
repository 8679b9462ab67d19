/* CSV rows: a walk along the positions of the structural index (scan.h). Cells point into the buffer; only a quoted cell that
 * holds a doubled quote is copied. */
#include "base/hash.h"
#include "io/rows_internal.h"

#include <inttypes.h>
#include <stdio.h>

/* One row while it is walked; offsets into the buffer. */
struct walk {
    size_t start, cell, end; /* of the row, of the current cell, of the separator that ends the row */
    uint32_t n_cells;
    uint32_t junk_column;    /* the first quoted cell with text behind its closing quote, 1-based; 0: none */
    bool has_quotes;
    bool is_done;            /* the file holds no further row */
};

enum more { MORE_POSITIONS, MORE_MOVED, MORE_NOTHING, MORE_FAILED };

static uint64_t line_at(const struct asy_rows *rows, size_t offset)
{
    return rows->line + asy_rows_count_lines(rows->buf + rows->row_start, offset - rows->row_start);
}

/* Cells are measured as they are written, less the two quotes around them: the answer may not depend on how much of the
 * cell was seen. */
static bool is_too_long(const struct asy_rows *rows, size_t cell, size_t len)
{
    return len > rows->max_cell_bytes + 2 * (len > 0 && rows->buf[cell] == '"');
}

static assay_status fail_nul(const struct asy_rows *rows, struct assay_error *error)
{
    return asy_rows_fail(rows, error, ASSAY_E_DATA, line_at(rows, rows->win_start + rows->scan.nul_at),
                         "expected text, found a NUL byte: the file is damaged or not UTF-8; export it anew as UTF-8, or remove "
                         "the bytes with tr -d '\\000'");
}

static assay_status fail_long_cell(const struct asy_rows *rows, const struct walk *walk, size_t found, bool is_whole,
                                   struct assay_error *error)
{
    return asy_rows_fail(rows, error, ASSAY_E_LIMIT, line_at(rows, walk->cell),
                         "column %u: expected a cell of at most %zu bytes, found %s%zu; raise the limit with --max-cell",
                         walk->n_cells + 1, rows->max_cell_bytes, is_whole ? "" : "more than ",
                         is_whole ? found : rows->max_cell_bytes);
}

static assay_status fail_open_quote(const struct asy_rows *rows, const struct walk *walk, bool at_end, struct assay_error *error)
{
    char until[96];
    if (at_end)
        snprintf(until, sizeof(until), "the end of the file");
    else
        snprintf(until, sizeof(until), "%zu bytes without one (raise that limit with --max-cell)", rows->max_cell_bytes);
    return asy_rows_fail(rows, error, at_end ? ASSAY_E_DATA : ASSAY_E_LIMIT, line_at(rows, walk->cell),
                         "column %u: a quote opens here: expected a closing quote, found %s; close it, or double a quote that "
                         "belongs to the text",
                         walk->n_cells + 1, until);
}

/* Has the part of [from, to) that is in the window a mark? Offsets into the buffer. */
static inline bool is_marked(const struct asy_rows *rows, const struct asy_scan_marks *marks, size_t from, size_t to)
{
    if (marks->any == 0) return false;
    return asy_scan_marked(marks, from > rows->win_start ? from - rows->win_start : 0, to - rows->win_start);
}

/* Positions for the row being walked: of the next window, or of the buffer filled up (the row has then moved). */
static enum more find_more(struct asy_rows *rows, const struct walk *walk, assay_status *status, struct assay_error *error)
{
    if (rows->scan.nul_at != SIZE_MAX) { /* rows before it are given, so it is in this one */
        *status = fail_nul(rows, error);
        return MORE_FAILED;
    }
    const size_t len = rows->filled - rows->win_end;
    if (len > 0) {
        const bool straddles = walk->start < rows->win_end;
        rows->carry_escapes = straddles && (rows->carry_escapes || is_marked(rows, &rows->scan.escapes, walk->start, rows->win_end));
        rows->carry_lines = straddles && (rows->carry_lines || is_marked(rows, &rows->scan.lines, walk->start, rows->win_end));
        rows->carry_high = straddles && (rows->carry_high || is_marked(rows, &rows->scan.high, walk->start, rows->win_end));
        rows->win_start = rows->win_end;
        rows->win_end += len < rows->window_bytes ? len : rows->window_bytes;
        rows->pos_i = 0;
        rows->pos_n = asy_scan_run(&rows->scan, rows->buf + rows->win_start, rows->win_end - rows->win_start,
                                   (uint32_t)rows->win_start, rows->pos);
        return MORE_POSITIONS;
    }
    const size_t open_bytes = rows->filled - walk->cell;
    if (rows->eof && rows->filled == walk->start) return MORE_NOTHING;
    if (is_too_long(rows, walk->cell, open_bytes)) {
        *status = rows->scan.state.inside ? fail_open_quote(rows, walk, false, error)
                                          : fail_long_cell(rows, walk, open_bytes, false, error);
        return MORE_FAILED;
    }
    if (rows->eof) { /* the last byte is a line end: only a quote can hide it */
        *status = fail_open_quote(rows, walk, true, error);
        return MORE_FAILED;
    }
    *status = asy_rows_fill(rows, error);
    return *status == ASSAY_OK ? MORE_MOVED : MORE_FAILED;
}

/* The text of the cell buf[at, at + len), which begins with a quote: without its quotes, doubled ones made single. Blanks
 * behind the closing quote are dropped; other text there makes `is_junk`, and the cell is what was inside. */
static bool unquote(struct asy_rows *rows, size_t at, size_t len, struct asy_str *out, bool *is_junk)
{
    const char *p = rows->buf + at;
    char *copy = NULL;
    size_t from = 1, n_copied = 0;
    *is_junk = false;
    for (;;) {
        const char *quote = memchr(p + from, '"', len - from);
        if (!quote) { /* cannot be: the index ends quoted cells outside quotes only */
            *is_junk = true;
            *out = (struct asy_str){p, (uint32_t)len};
            return true;
        }
        const size_t q = (size_t)(quote - p);
        const bool is_doubled = q + 1 < len && p[q + 1] == '"';
        if (is_doubled && !copy) {
            if (!asy_rows_need_scratch(rows)) return false;
            copy = rows->scratch + at;
        }
        if (copy) {
            const size_t n = q - from + is_doubled;
            memcpy(copy + n_copied, p + from, n);
            n_copied += n;
        }
        if (is_doubled) {
            from = q + 2;
            continue;
        }
        *out = copy ? (struct asy_str){copy, (uint32_t)n_copied} : (struct asy_str){p + 1, (uint32_t)(q - 1)};
        for (size_t i = q + 1; i < len; i++) *is_junk |= p[i] != ' ' && p[i] != '\t';
        return true;
    }
}

/* Step over the LF of a CRLF that ended the row before. */
static assay_status skip_lf(struct asy_rows *rows, struct assay_error *error)
{
    if (rows->row_start == rows->filled && !rows->eof) {
        const assay_status status = asy_rows_fill(rows, error);
        if (status != ASSAY_OK) return status;
    }
    if (rows->row_start < rows->filled && rows->buf[rows->row_start] == '\n') rows->row_start++;
    rows->after_cr = false;
    return ASSAY_OK;
}

/* Cells of the row at row_start into rows->cells. The hot loop of all CSV reading. */
static assay_status walk_row(struct asy_rows *rows, struct walk *walk, struct assay_error *error)
{
    assay_status status = ASSAY_OK;
    if (rows->after_cr && (status = skip_lf(rows, error)) != ASSAY_OK) return status;
    *walk = (struct walk){.start = rows->row_start, .cell = rows->row_start};
    rows->carry_escapes = rows->carry_lines = rows->carry_high = false;
    const char *buf = rows->buf;
    const char delimiter = rows->delimiter;
    const size_t max_cell_bytes = rows->max_cell_bytes;
    const uint32_t *pos = rows->pos;
    struct asy_str *cells = rows->cells;
    size_t i = rows->pos_i, n = rows->pos_n;
    size_t cell = walk->cell;
    uint32_t n_cells = 0;
    for (;;) {
        if (__builtin_expect(i == n, 0)) {
            walk->cell = cell;
            walk->n_cells = n_cells;
            const enum more more = find_more(rows, walk, &status, error);
            if (more == MORE_FAILED) return status;
            if (more == MORE_NOTHING) {
                walk->is_done = true;
                return ASSAY_OK;
            }
            i = 0;
            n = rows->pos_n;
            if (more == MORE_MOVED) {
                *walk = (struct walk){.start = rows->row_start, .cell = rows->row_start};
                buf = rows->buf;
                cell = walk->cell;
                n_cells = 0;
            }
            continue;
        }
        const uint32_t at = pos[i++];
        size_t len = at - cell;
        const char *p = buf + cell;
        if (__builtin_expect(len > max_cell_bytes, 0) && is_too_long(rows, cell, len)) {
            walk->cell = cell;
            walk->n_cells = n_cells;
            return fail_long_cell(rows, walk, len - 2 * (*p == '"'), true, error);
        }
        if (*p == '"') {
            walk->has_quotes = true;
            const bool has_escapes = rows->carry_escapes || is_marked(rows, &rows->scan.escapes, cell, at);
            if (__builtin_expect(!has_escapes && len > 1 && p[len - 1] == '"', 1)) {
                p++;
                len -= 2;
            } else {
                struct asy_str text;
                bool is_junk;
                if (!unquote(rows, cell, len, &text, &is_junk))
                    return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", rows->path);
                if (is_junk && walk->junk_column == 0) walk->junk_column = n_cells + 1;
                p = text.p;
                len = text.len;
            }
        }
        cells[n_cells < ASY_ROWS_MAX_COLUMNS ? n_cells : ASY_ROWS_MAX_COLUMNS] = (struct asy_str){p, (uint32_t)len};
        n_cells++;
        cell = (size_t)at + 1;
        if (buf[at] != delimiter) break;
    }
    rows->pos_i = i;
    walk->n_cells = n_cells;
    walk->end = cell - 1;
    return ASSAY_OK;
}

static bool is_blank(const struct asy_rows *rows, const struct walk *walk)
{
    if (walk->n_cells != 1 || walk->has_quotes) return false;
    if (walk->end == walk->start) return true;
    if (rows->has_header && rows->n_columns == 1) return false; /* blanks may be the text of the only column */
    for (size_t i = walk->start; i < walk->end; i++)
        if (rows->buf[i] != ' ' && rows->buf[i] != '\t') return false;
    return true;
}

static uint32_t bad_utf8_column(const struct asy_rows *rows, uint32_t n_cells)
{
    for (uint32_t i = 0; i < n_cells && i < ASY_ROWS_MAX_COLUMNS; i++)
        if (!asy_utf8_valid(rows->cells[i])) return i + 1;
    return 0;
}

/* Does the row have exactly the header's cells, or further ones that are all empty? */
static bool has_header_cells(const struct asy_rows *rows, uint32_t n_cells)
{
    if (n_cells < rows->n_columns || n_cells > ASY_ROWS_MAX_COLUMNS) return false;
    for (uint32_t i = rows->n_columns; i < n_cells; i++)
        if (rows->cells[i].len) return false;
    return true;
}

/* What is wrong with the row, if anything. Order: what explains the rest comes first. */
static const char *find_problem(struct asy_rows *rows, const struct walk *walk, struct asy_str raw, uint32_t *column)
{
    *column = 0;
    const bool may_be_high = rows->carry_high || is_marked(rows, &rows->scan.high, walk->start, walk->end);
    if (may_be_high && !asy_utf8_valid(raw)) {
        *column = bad_utf8_column(rows, walk->n_cells);
        if (*column == 0) *column = walk->junk_column;
        return ASY_ROWS_BAD_UTF8;
    }
    if (walk->junk_column) {
        *column = walk->junk_column;
        return "expected the cell to end at its closing quote, found more text behind it; double a quote that belongs to the text";
    }
    if (has_header_cells(rows, walk->n_cells)) return NULL;
    char delimiter[16];
    snprintf(rows->problem, sizeof(rows->problem), "expected %" PRIu32 " cells, found %" PRIu32 "%s%s%s", rows->n_columns,
             walk->n_cells, walk->n_cells > rows->n_columns ? "; quote a cell whose text holds " : "",
             walk->n_cells > rows->n_columns ? asy_rows_delimiter_text(rows->delimiter, delimiter) : "",
             walk->n_cells < rows->n_columns && walk->has_quotes ? "; is a quote left open?" : "");
    return rows->problem;
}

/* The next row that is not blank; its raw text. On return the reader stands behind it. */
static assay_status next_row(struct asy_rows *rows, struct walk *walk, struct asy_str *raw, uint64_t *line, struct assay_error *error)
{
    for (;;) {
        const assay_status status = walk_row(rows, walk, error);
        if (status != ASSAY_OK || walk->is_done) return status;
        if (__builtin_expect(rows->scan.nul_at != SIZE_MAX, 0) && rows->win_start + rows->scan.nul_at < walk->end)
            return fail_nul(rows, error);
        *line = rows->line;
        *raw = (struct asy_str){rows->buf + walk->start, (uint32_t)(walk->end - walk->start)};
        rows->line++;
        if (walk->has_quotes && (rows->carry_lines || is_marked(rows, &rows->scan.lines, walk->start, walk->end)))
            rows->line += asy_rows_count_lines(raw->p, raw->len);
        rows->after_cr = rows->buf[walk->end] == '\r';
        rows->row_start = walk->end + 1;
        if (!is_blank(rows, walk)) return ASSAY_OK;
    }
}

assay_status asy_rows_csv_next(struct asy_rows *rows, struct asy_row *row, bool *more, struct assay_error *error)
{
    struct walk walk;
    const assay_status status = next_row(rows, &walk, &row->raw, &row->line, error);
    *more = status == ASSAY_OK && !walk.is_done;
    if (!*more) return status;
    row->cells = rows->cells;
    row->n_cells = walk.n_cells;
    row->problem = NULL;
    row->problem_column = 0;
    if (__builtin_expect(walk.n_cells != rows->n_columns || walk.junk_column || rows->carry_high || rows->scan.high.any, 0))
        row->problem = find_problem(rows, &walk, row->raw, &row->problem_column);
    if (row->n_cells > rows->n_columns) row->n_cells = rows->n_columns;
    return ASSAY_OK;
}

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

/* Is the line that was taken for the header a title above it? It has one name, and the next row has text where names are missing. */
static assay_status check_title(struct asy_rows *rows, uint64_t line, struct assay_error *error)
{
    struct walk walk;
    struct asy_str raw;
    uint64_t next_line = 0;
    const assay_status status = next_row(rows, &walk, &raw, &next_line, error);
    if (status != ASSAY_OK || walk.is_done) return status;
    for (uint32_t i = 0; i < rows->n_columns && i < walk.n_cells; i++)
        if (rows->names[i].len == 0 && rows->cells[i].len > 0)
            return asy_rows_fail(rows, error, ASSAY_E_DATA, line,
                                 "header: expected a name for each column, found one name for %" PRIu32
                                 " columns, and text below column %" PRIu32 "; delete lines above the header, or name the columns",
                                 rows->n_columns, i + 1);
    /* The row is read again. */
    rows->row_start = rows->win_start = rows->win_end = walk.start;
    rows->pos_i = rows->pos_n = 0;
    rows->line = next_line;
    rows->after_cr = false;
    asy_scan_restart(&rows->scan, false);
    return ASSAY_OK;
}

assay_status asy_rows_csv_header(struct asy_rows *rows, struct assay_error *error)
{
    struct walk walk;
    struct asy_str raw;
    uint64_t line = 0;
    assay_status status = next_row(rows, &walk, &raw, &line, error);
    if (status != ASSAY_OK) return status;
    if (walk.is_done)
        return asy_rows_fail(rows, error, ASSAY_E_DATA, 0,
                             "has no header: expected a first line with the names of the columns, found an empty file");
    if (walk.n_cells > ASY_ROWS_MAX_COLUMNS)
        return asy_rows_fail(rows, error, ASSAY_E_LIMIT, line, "header: expected at most %u columns, found %" PRIu32,
                             ASY_ROWS_MAX_COLUMNS, walk.n_cells);
    uint32_t column = 0;
    rows->n_columns = walk.n_cells; /* so that the count is right by definition */
    const char *problem = find_problem(rows, &walk, raw, &column);
    if (problem) {
        rows->n_columns = 0;
        return asy_rows_fail(rows, error, ASSAY_E_DATA, line, "header: column %" PRIu32 ": %s", column, problem);
    }
    uint32_t n_named = 0;
    for (uint32_t i = 0; i < walk.n_cells; i++) {
        rows->names[i] = asy_pool_copy(&rows->pool, asy_str_trim(rows->cells[i]));
        if (!rows->names[i].p) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", rows->path);
        n_named += rows->names[i].len > 0;
    }
    if (n_named == 0)
        return asy_rows_fail(rows, error, ASSAY_E_DATA, line,
                             "header: expected the names of the columns, found %" PRIu32 " empty cells; put the names in this line",
                             rows->n_columns);
    rows->has_header = true;
    rows->header_line = line;
    if (!rows->may_repeat_names) status = check_names_differ(rows, error);
    return status == ASSAY_OK && n_named == 1 && rows->n_columns > 1 ? check_title(rows, line, error) : status;
}
