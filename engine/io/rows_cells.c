/* The cells of all rows of a CSV block, by column.
 *
 * Most blocks are a grid: each row has the header's cells, so cell c of row r ends at pos[r * n_columns + c], and no row has to
 * be walked. The grid is told by counting, and by a look at every byte that should be a line end. All other blocks (a blank
 * line, a row with too few cells, text behind a closing quote, bytes that are not UTF-8) are walked row by row. */
#include "io/rows_internal.h"

/* Positions of the rows that are done column after column while they are in the nearest cache. */
#define TILE_POSITIONS 1024u
#define TILE_ROWS_LEAST 16u

/* Where the cells go. */
struct target {
    const uint32_t *columns;
    uint32_t n_columns;
    struct asy_span **cells;
};

/* ---- a grid ---- */

/* Rows [row, end), done together. */
struct tile {
    uint32_t row, end;
};

static bool may_be_grid(struct asy_block *block)
{
    return !block->is_odd && (uint64_t)block->next.n_left * block->n_columns == block->n_pos - block->next.position && asy_block_is_utf8(block);
}

/* The tile's rows as a whole, the first of which begins at *at. False: this is no grid. */
static bool grid_rows(struct asy_block *block, const uint32_t *ends, const struct tile *tile, uint32_t *at)
{
    const char *buf = block->buf;
    const char delimiter = block->rows->delimiter;
    const bool has_cr = block->has_cr;
    const size_t n_columns = block->n_columns;
    struct asy_span *raw = block->raw;
    bool is_grid = true, has_empty = false;
    uint32_t start = *at;
    ends += tile->row * n_columns + n_columns - 1;
    for (uint32_t row = tile->row; row < tile->end; row++, ends += n_columns) {
        const uint32_t line_end = *ends;
        if (has_cr) start += buf[start] == '\n' && start != line_end;
        is_grid &= buf[line_end] != delimiter;
        has_empty |= start == line_end;
        raw[row] = (struct asy_span){start, line_end - start};
        start = line_end + 1;
    }
    *at = start;
    /* With one column, an empty row is a blank line. */
    return is_grid && !(has_empty && n_columns == 1);
}

/* May a row of the tile have such a mark? */
static bool is_tile_marked(const struct asy_block *block, enum asy_mark mark, const struct tile *tile)
{
    const struct asy_span last = block->raw[tile->end - 1];
    return asy_block_is_marked(block, mark, block->raw[tile->row].at, last.at + last.len);
}

/* Are there so many quotes that it is best to look for one at every cell? */
static bool is_tile_quoted(const struct asy_block *block, const struct tile *tile)
{
    if (!is_tile_marked(block, ASY_MARK_QUOTES, tile)) return false;
    uint32_t n_quoted = 0;
    for (uint32_t row = tile->row; row < tile->end; row++) {
        const struct asy_span raw = block->raw[row];
        n_quoted += asy_block_is_marked(block, ASY_MARK_QUOTES, raw.at, raw.at + raw.len);
        if (n_quoted > (tile->end - tile->row) / 16) return true;
    }
    return false;
}

/* Cells between delimiters: `ends` has the end of the cell before and of this one, every `step` positions. */
static void plain_column(const uint32_t *ends, size_t step, uint32_t n, struct asy_span *out)
{
    for (uint32_t i = 0; i < n; i++, ends += step) out[i] = (struct asy_span){ends[0] + 1, ends[1] - ends[0] - 1};
}

/* Cells between quotes, or not. */
static void quoted_column(const char *buf, const uint32_t *ends, size_t step, uint32_t n, struct asy_span *out)
{
    for (uint32_t i = 0; i < n; i++, ends += step) {
        const uint32_t from = ends[0] + 1, quote = buf[from] == '"';
        out[i] = (struct asy_span){from + quote, ends[1] - from - 2 * quote};
    }
}

/* Before the first cell of a row there may be the LF of a CRLF. */
static void first_column(const struct asy_block *block, const struct tile *tile, bool has_quotes, const uint32_t *ends, struct asy_span *out)
{
    for (uint32_t row = tile->row; row < tile->end; row++) {
        const uint32_t from = block->raw[row].at, quote = has_quotes && block->buf[from] == '"';
        out[row] = (struct asy_span){from + quote, ends[row * (size_t)block->n_columns] - from - 2 * quote};
    }
}

/* Once more the rows with such a mark, a careful look at each cell. */
static void marked_rows(const struct asy_block *block, const struct target *target, const uint32_t *ends, const struct tile *tile,
                        enum asy_mark mark)
{
    if (!is_tile_marked(block, mark, tile)) return;
    for (uint32_t row = tile->row; row < tile->end; row++) {
        const struct asy_span raw = block->raw[row];
        if (!asy_block_is_marked(block, mark, raw.at, raw.at + raw.len)) continue;
        const uint32_t *row_ends = ends + row * (size_t)block->n_columns;
        for (uint32_t k = 0; k < target->n_columns; k++) {
            const uint32_t column = target->columns[k];
            if (column >= block->n_columns) continue;
            target->cells[k][row] = asy_csv_cell(block, column ? row_ends[column - 1] + 1 : raw.at, row_ends[column]);
        }
    }
}

/* A grid has no quotes that do not open or close a cell. So where rows with quotes are rare only they are done once more, and in any
 * case those with doubled ones. */
static void grid_cells(const struct asy_block *block, const struct target *target, const uint32_t *ends, const struct tile *tile)
{
    const size_t n_columns = block->n_columns;
    const uint32_t n_rows = tile->end - tile->row;
    const bool is_quoted = is_tile_quoted(block, tile);
    for (uint32_t k = 0; k < target->n_columns; k++) {
        const uint32_t column = target->columns[k];
        if (column >= n_columns) continue;
        if (column == 0) {
            first_column(block, tile, is_quoted, ends, target->cells[k]);
            continue;
        }
        const uint32_t *before = ends + tile->row * n_columns + column - 1;
        if (is_quoted)
            quoted_column(block->buf, before, n_columns, n_rows, target->cells[k] + tile->row);
        else
            plain_column(before, n_columns, n_rows, target->cells[k] + tile->row);
    }
    marked_rows(block, target, ends, tile, is_quoted ? ASY_MARK_ESCAPES : ASY_MARK_QUOTES);
}

/* The first row is in line *line. */
static void number_lines(struct asy_block *block, const struct tile *tile, uint64_t *line)
{
    const bool has_lines = is_tile_marked(block, ASY_MARK_LINES, tile);
    for (uint32_t row = tile->row; row < tile->end; row++) {
        const struct asy_span raw = block->raw[row];
        block->line[row] = (*line)++;
        if (has_lines && asy_block_is_marked(block, ASY_MARK_LINES, raw.at, raw.at + raw.len))
            *line += asy_rows_count_lines(block->buf + raw.at, raw.len);
    }
}

/* False: this is no grid, and nothing is settled. */
static bool read_grid(struct asy_block *block, const struct target *target)
{
    const uint32_t n_rows = block->next.n_left;
    const uint32_t *ends = block->pos + block->next.position;
    const uint32_t tile_rows = TILE_POSITIONS / block->n_columns + TILE_ROWS_LEAST;
    uint32_t at = block->next.at;
    uint64_t line = block->next.line;
    struct tile tile;
    for (tile.row = 0; tile.row < n_rows; tile.row = tile.end) {
        tile.end = n_rows - tile.row < tile_rows ? n_rows : tile.row + tile_rows;
        if (!grid_rows(block, ends, &tile, &at)) return false;
        grid_cells(block, target, ends, &tile);
        number_lines(block, &tile, &line);
    }
    block->n_good = n_rows;
    return true;
}

/* ---- any rows ---- */

static void put_row(struct asy_block *block, const struct target *target, const struct asy_csv_row *row)
{
    const uint32_t n = block->n_good++;
    const uint32_t *ends = block->pos + row->first;
    block->raw[n] = (struct asy_span){row->start, row->end - row->start};
    block->line[n] = row->line;
    for (uint32_t k = 0; k < target->n_columns; k++) {
        const uint32_t column = target->columns[k];
        if (column >= block->n_columns) continue;
        const uint32_t from = column ? ends[column - 1] + 1 : row->start, to = ends[column];
        target->cells[k][n] = row->has_quotes ? asy_csv_cell(block, from, to) : (struct asy_span){from, to - from};
    }
}

static bool put_bad_row(struct asy_block *block, const struct asy_csv_row *row, const char *problem, uint32_t column)
{
    if (!asy_mem_grow(block->mem, (void **)&block->bad, &block->bad_cap, block->n_bad, sizeof(*block->bad))) return false;
    block->bad[block->n_bad++] = (struct asy_bad_row){.before = block->n_good,
                                                      .column = column,
                                                      .line = row->line,
                                                      .problem = problem,
                                                      .raw = {row->start, row->end - row->start}};
    return true;
}

static bool read_rows(struct asy_block *block, const struct target *target)
{
    struct asy_csv_cursor cursor = block->next;
    struct asy_csv_row row;
    while (asy_csv_walk(block, &cursor, &row)) {
        const char *problem;
        uint32_t column;
        if (!asy_csv_problem(block, &row, &problem, &column)) return false;
        if (!problem)
            put_row(block, target, &row);
        else if (!put_bad_row(block, &row, problem, column))
            return false;
    }
    return true;
}

/* ---- both ---- */

/* Room for the cells of at most `n_rows` good rows. */
static bool make_room(struct asy_block *block, const uint32_t *columns, uint32_t n_columns, uint32_t n_rows)
{
    uint32_t n_present = 0;
    for (uint32_t k = 0; k < n_columns; k++) n_present += columns[k] < block->n_columns;
    if (!asy_block_need(block, (void **)&block->spans, &block->spans_cap, (size_t)n_present * n_rows, sizeof(*block->spans)) ||
        !asy_block_need(block, (void **)&block->cells, &block->cells_cap, n_columns, sizeof(struct asy_span *)) ||
        (n_present < n_columns && !asy_block_need(block, (void **)&block->nothing, &block->nothing_cap, n_rows, sizeof(*block->nothing))) ||
        !asy_block_need(block, (void **)&block->raw, &block->raw_cap, n_rows, sizeof(*block->raw)) ||
        !asy_block_need(block, (void **)&block->line, &block->line_cap, n_rows, sizeof(*block->line)))
        return false;
    struct asy_span *next = block->spans;
    for (uint32_t k = 0; k < n_columns; k++) {
        block->cells[k] = columns[k] < block->n_columns ? next : block->nothing;
        if (columns[k] < block->n_columns) next += n_rows;
    }
    return true;
}

bool asy_csv_cells(struct asy_block *block, const uint32_t *columns, uint32_t n_columns)
{
    const uint32_t n_positions = block->n_pos - block->next.position;
    uint32_t n_rows = block->n_columns ? n_positions / block->n_columns : 0; /* so many rows at most have all their cells */
    if (n_rows > block->next.n_left) n_rows = block->next.n_left;
    if (!make_room(block, columns, n_columns, n_rows)) return false;
    if (block->has_mark[ASY_MARK_ESCAPES] && !asy_block_need_half(block)) return false;
    const struct target target = {columns, n_columns, block->cells};
    block->n_good = block->n_bad = 0;
    return (may_be_grid(block) && read_grid(block, &target)) || read_rows(block, &target);
}
