/* NDJSON: the rows of a block are parsed when it is taken; cells are then only picked by column. */
#include "io/rows_internal.h"

#define NONE UINT32_MAX
/* Rows times columns of a block, so that rows of few bytes in a file of many columns do not make large arrays of cells. */
#define MOST_CELLS ((uint64_t)1 << 20)

/* ---- rows ---- */

/* A line that is not blank, without its end. Offsets into the buffer. */
struct line {
    size_t start, end;
    size_t next;     /* where the line behind it starts */
    uint64_t number;
};

/* The line at or behind byte `from`, which is line `number` of the file. False: what is left is blank, or its line is not whole yet;
 * line->start and line->number then are where it begins. */
static bool find_line(const struct asy_rows *rows, const struct asy_block *block, size_t from, uint64_t number, struct line *line)
{
    for (;; number++) {
        *line = (struct line){.start = from, .number = number};
        if (from == block->filled) return false;
        const char *lf = memchr(block->buf + from, '\n', block->filled - from);
        if (!lf && !rows->eof) return false;
        line->end = lf ? (size_t)(lf - block->buf) : block->filled;
        line->next = line->end + (lf != NULL);
        size_t at = from;
        while (at < line->end && (block->buf[at] == ' ' || block->buf[at] == '\t' || block->buf[at] == '\r')) at++;
        if (at < line->end) return true;
        from = line->next;
    }
}

static void parse_row(struct asy_ndjson_parse *parse, struct asy_rows *rows, struct asy_block *block, const struct line *line,
                      struct assay_error *error)
{
    *parse = (struct asy_ndjson_parse){.rows = rows, .block = block, .error = error};
    rows->line = line->number;
    asy_ndjson_parse(parse, block->buf + line->start, line->end - line->start);
}

static bool put_row(struct asy_block *block, const struct asy_ndjson_parse *parse, const struct line *line)
{
    uint32_t len = (uint32_t)(line->end - line->start);
    while (len && block->buf[line->start + len - 1] == '\r') len--;
    const struct asy_span raw = {(uint32_t)line->start, len};
    block->n_all_rows++;
    if (!parse->is_broken) {
        const uint32_t n = block->n_good;
        if (!asy_mem_grow(block->mem, (void **)&block->raw, &block->raw_cap, n, sizeof(*block->raw)) ||
            !asy_mem_grow(block->mem, (void **)&block->line, &block->line_cap, n, sizeof(*block->line)))
            return false;
        block->raw[n] = raw;
        block->line[n] = line->number;
        block->n_good++;
        return true;
    }
    const struct asy_str problem = asy_pool_copy(&block->pool, asy_str_of(parse->rows->problem));
    if (!problem.p || !asy_mem_grow(block->mem, (void **)&block->bad, &block->bad_cap, block->n_bad, sizeof(*block->bad))) return false;
    block->bad[block->n_bad++] = (struct asy_bad_row){.before = block->n_good,
                                                      .column = parse->column <= parse->rows->n_columns ? parse->column : 0,
                                                      .line = line->number,
                                                      .problem = problem.p,
                                                      .raw = raw};
    return true;
}

/* The row `line` into the block. *is_taken false: it brings a column or ends the file, which is for the next block. */
static assay_status take_row(struct asy_rows *rows, struct asy_block *block, const struct line *line, bool *is_taken,
                             struct assay_error *error)
{
    struct asy_ndjson_parse parse;
    const uint32_t n_columns = rows->n_columns;
    const size_t n_entries = block->n_entries;
    *is_taken = false;
    if (!asy_mem_grow(block->mem, (void **)&block->row_entries, &block->row_entries_cap, block->n_all_rows, sizeof(*block->row_entries)))
        return asy_rows_fail_memory(rows, error);
    parse_row(&parse, rows, block, line, error);
    const bool may_wait = block->n_all_rows > 0 && parse.status != ASSAY_E_NOMEM;
    if (parse.status != ASSAY_OK && !may_wait) return parse.status;
    if (parse.is_broken || may_wait) {
        const bool is_new = parse.status != ASSAY_OK || (!parse.is_broken && rows->n_columns > n_columns);
        asy_ndjson_drop_columns(rows, n_columns);
        if (is_new) {
            block->n_entries = n_entries;
            return ASSAY_OK;
        }
    }
    block->row_entries[block->n_all_rows] = (uint32_t)n_entries;
    *is_taken = true;
    return put_row(block, &parse, line) ? ASSAY_OK : asy_rows_fail_memory(rows, error);
}

assay_status asy_ndjson_take(struct asy_rows *rows, struct asy_block *block, bool *more, struct assay_error *error)
{
    struct line line;
    size_t at = 0;
    bool is_taken = true;
    uint64_t number = rows->line;
    while (is_taken && (uint64_t)block->n_all_rows * rows->n_columns < MOST_CELLS) {
        const bool is_there = find_line(rows, block, at, number, &line);
        at = line.start;
        number = line.number;
        assay_status status = ASSAY_OK;
        if (is_there) {
            status = take_row(rows, block, &line, &is_taken, error);
            at = is_taken ? line.next : line.start;
            number += is_taken;
        } else {
            if (block->n_all_rows > 0 || at > 0 || (rows->eof && block->filled == 0)) break;
            block->next.line = number;
            status = asy_block_grow(rows, block, error);
        }
        if (status != ASSAY_OK) return status;
    }
    rows->line = number;
    block->n_columns = rows->n_columns;
    *more = block->n_all_rows > 0 || !rows->eof; /* of blank lines there may be more than fit */
    return asy_block_cut(rows, block, at, error);
}

bool asy_ndjson_next(struct asy_rows *rows, struct asy_block *block, struct asy_row *row)
{
    if (block->next_row == block->n_all_rows) return false;
    const uint32_t n = block->next_row++;
    const size_t end = n + 1 < block->n_all_rows ? block->row_entries[n + 1] : block->n_entries;
    for (uint32_t i = 0; i < block->n_columns; i++) rows->cells[i] = (struct asy_str){NULL, 0};
    for (size_t i = block->row_entries[n]; i < end; i++) {
        const struct asy_json_entry *entry = &block->entries[i];
        if (entry->column < block->n_columns) rows->cells[entry->column] = (struct asy_str){block->buf + entry->span.at, entry->span.len};
    }
    const struct asy_bad_row *bad = block->next_bad < block->n_bad ? &block->bad[block->next_bad] : NULL;
    if (bad && bad->before > block->next_good) bad = NULL;
    const struct asy_span raw = bad ? bad->raw : block->raw[block->next_good];
    *row = (struct asy_row){.line = bad ? bad->line : block->line[block->next_good],
                            .n_cells = block->n_columns,
                            .cells = rows->cells,
                            .problem = bad ? bad->problem : NULL,
                            .problem_column = bad ? bad->column : 0,
                            .raw = {block->buf + raw.at, raw.len}};
    block->next_bad += bad != NULL;
    block->next_good += bad == NULL;
    return true;
}

/* ---- cells ---- */

/* An array for each column that is there, filled with empty cells; a column asked for twice shares one. */
static bool make_room(struct asy_block *block, const uint32_t *columns, uint32_t n_columns)
{
    const size_t n_rows = block->n_good;
    uint32_t n_present = 0;
    if (!asy_block_need(block, (void **)&block->cells, &block->cells_cap, n_columns, sizeof(struct asy_span *)) ||
        !asy_block_need(block, (void **)&block->nothing, &block->nothing_cap, n_rows, sizeof(*block->nothing)) ||
        !asy_block_need(block, (void **)&block->wanted, &block->wanted_cap, block->n_columns, sizeof(*block->wanted)))
        return false;
    for (uint32_t i = 0; i < block->n_columns; i++) block->wanted[i] = NONE;
    for (uint32_t k = 0; k < n_columns; k++)
        if (columns[k] < block->n_columns && block->wanted[columns[k]] == NONE) block->wanted[columns[k]] = n_present++;
    if (!asy_block_need(block, (void **)&block->spans, &block->spans_cap, n_present * n_rows, sizeof(*block->spans))) return false;
    memset(block->spans, 0, n_present * n_rows * sizeof(*block->spans));
    for (uint32_t k = 0; k < n_columns; k++)
        block->cells[k] = columns[k] < block->n_columns ? block->spans + block->wanted[columns[k]] * n_rows : block->nothing;
    return true;
}

bool asy_ndjson_cells(struct asy_block *block, const uint32_t *columns, uint32_t n_columns)
{
    if (!make_room(block, columns, n_columns)) return false;
    for (uint32_t n = 0, good = 0, n_bad = 0; n < block->n_all_rows; n++) {
        if (n_bad < block->n_bad && block->bad[n_bad].before == good) {
            n_bad++;
            continue;
        }
        const size_t end = n + 1 < block->n_all_rows ? block->row_entries[n + 1] : block->n_entries;
        for (size_t i = block->row_entries[n]; i < end; i++) {
            const uint32_t to = block->wanted[block->entries[i].column];
            if (to != NONE) block->spans[(size_t)to * block->n_good + good] = block->entries[i].span;
        }
        good++;
    }
    return true;
}

/* ---- opening ---- */

/* The first row ended too early. Does its object go on in the next line, as in a file that was written to be looked at? Else
 * that one line is broken, and the next one is a row of its own. */
static assay_status find_spread(struct asy_rows *rows, struct asy_block *block, const struct line *first, bool *is_spread,
                                struct assay_error *error)
{
    size_t end = first->end;
    while (memchr(" \t\r", block->buf[end - 1], 3)) end--;
    const bool is_list_open = block->buf[end - 1] == '[';
    size_t at = first->end;
    for (;;) {
        while (at < block->filled && memchr(" \t\r\n", block->buf[at], 4)) at++;
        if (at < block->filled || rows->eof) break;
        const assay_status status = asy_block_grow(rows, block, error);
        if (status != ASSAY_OK) return status;
    }
    const char next = at < block->filled ? block->buf[at] : 0;
    *is_spread = next == '{' ? is_list_open : next != 0 && memchr("\"}],:[-0123456789tfn", next, 20) != NULL;
    return ASSAY_OK;
}

/* Looks at the first row, and lets go of what it found in it. */
static assay_status check_first_row(struct asy_rows *rows, struct asy_block *block, struct assay_error *error)
{
    struct line line;
    struct asy_ndjson_parse parse;
    while (!find_line(rows, block, 0, rows->line, &line)) {
        if (rows->eof) return ASSAY_OK;
        block->start = line.start;
        rows->line = line.number;
        if (line.start > 0) asy_block_drop_start(rows, block);
        const assay_status status = line.start > 0 ? ASSAY_OK : asy_block_grow(rows, block, error);
        if (status != ASSAY_OK) return status;
    }
    const uint64_t number = rows->line;
    parse_row(&parse, rows, block, &line, error);
    if (parse.status != ASSAY_OK) return parse.status;
    asy_ndjson_drop_columns(rows, 0);
    block->n_entries = 0;
    rows->line = number;
    if (!parse.is_cut) return ASSAY_OK;
    bool is_spread = false;
    const assay_status status = find_spread(rows, block, &line, &is_spread, error);
    if (status != ASSAY_OK || !is_spread) return status;
    return asy_rows_fail(rows, error, ASSAY_E_DATA, line.number,
                         "expected one JSON object a line, found an object that goes on after the line; convert the file with "
                         "`jq -c .`");
}

assay_status asy_ndjson_open(struct asy_rows *rows, struct assay_error *error)
{
    if (!asy_block_need_half(&rows->own)) return asy_rows_fail_memory(rows, error);
    assay_status status = asy_ndjson_init(rows, error);
    /* The first block is read now, so that there is a header. */
    if (status == ASSAY_OK) status = check_first_row(rows, &rows->own, error);
    bool more;
    return status == ASSAY_OK ? asy_ndjson_take(rows, &rows->own, &more, error) : status;
}
