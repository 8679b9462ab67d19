/* A block: its memory, the reading of its text and the structural index of it. */
#include "io/rows_internal.h"

#define LEAST_ROW_LIMIT ((size_t)64 << 20)
/* A block that a long row made larger than so many times the usual is made small again. */
#define MOST_SPARE_TIMES 4u

/* Positions are 32 bits wide, so a row is at most about 1 GiB whatever the cell limit. */
static size_t row_limit(const struct asy_rows *rows)
{
    const size_t two_cells = 2 * rows->max_cell_bytes;
    return two_cells > LEAST_ROW_LIMIT ? two_cells : LEAST_ROW_LIMIT;
}

static size_t round_up(size_t n, size_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* Words of marks for so many bytes; one piece may be shifted into the next word. */
static size_t marks_of(size_t n_bytes)
{
    return (n_bytes / 4096 + 2) * ASY_N_MARKS;
}

static size_t buf_bytes(size_t cap, bool has_half)
{
    return (cap + 1) * (has_half ? 2u : 1u);
}

void asy_block_init(struct asy_block *block, struct asy_rows *rows)
{
    *block = (struct asy_block){.rows = rows, .mem = rows->mem, .nul_at = SIZE_MAX};
    asy_pool_init(&block->pool, rows->mem);
}

void asy_block_fini(struct asy_block *block)
{
    struct asy_mem *mem = block->mem;
    if (block->buf) asy_mem_free(mem, block->buf, buf_bytes(block->cap, block->has_half));
    asy_mem_free(mem, block->pos, block->pos_cap * sizeof(*block->pos));
    asy_mem_free(mem, block->marks, block->marks_cap * sizeof(*block->marks));
    asy_mem_free(mem, block->entries, block->entries_cap * sizeof(*block->entries));
    asy_mem_free(mem, block->row_entries, block->row_entries_cap * sizeof(*block->row_entries));
    asy_mem_free(mem, block->wanted, block->wanted_cap * sizeof(*block->wanted));
    asy_mem_free(mem, block->spans, block->spans_cap * sizeof(*block->spans));
    asy_mem_free(mem, block->cells, block->cells_cap * sizeof(struct asy_span *));
    asy_mem_free(mem, block->nothing, block->nothing_cap * sizeof(*block->nothing));
    asy_mem_free(mem, block->raw, block->raw_cap * sizeof(*block->raw));
    asy_mem_free(mem, block->line, block->line_cap * sizeof(*block->line));
    asy_mem_free(mem, block->bad, block->bad_cap * sizeof(*block->bad));
    asy_pool_fini(&block->pool);
    asy_block_init(block, block->rows);
}

bool asy_block_need(struct asy_block *block, void **items, size_t *cap, size_t n, size_t item_bytes)
{
    if (*items && n <= *cap) return true;
    asy_mem_free(block->mem, *items, *cap * item_bytes);
    *cap = 0;
    const size_t wanted = n + n / 4 + 16;
    *items = asy_mem_alloc_n(block->mem, wanted, item_bytes);
    if (!*items) return false;
    *cap = wanted;
    return true;
}

/* ---- text ---- */

/* A buffer of `cap` bytes that keeps what is filled. */
static bool resize_buf(struct asy_block *block, size_t cap, bool has_half)
{
    char *buf = asy_mem_alloc(block->mem, buf_bytes(cap, has_half));
    if (!buf) return false;
    if (block->filled) memcpy(buf, block->buf, block->filled);
    if (block->buf) asy_mem_free(block->mem, block->buf, buf_bytes(block->cap, block->has_half));
    block->buf = buf;
    block->cap = cap;
    block->has_half = has_half;
    return true;
}

bool asy_block_need_half(struct asy_block *block)
{
    return block->has_half || resize_buf(block, block->cap, true);
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

/* Until the buffer is full or there is no more; the last line is given the end that it may lack. */
static void fill(struct asy_rows *rows, struct asy_block *block)
{
    while (!rows->eof && rows->read_status == ASSAY_OK && block->filled < block->cap) {
        size_t n = 0;
        rows->read_status = read_some(rows, block->buf + block->filled, block->cap - block->filled, &n, &rows->read_error);
        if (rows->read_status != ASSAY_OK) return;
        block->filled += n;
        rows->eof = n == 0;
    }
    if (rows->eof && block->filled > 0 && block->buf[block->filled - 1] != '\n' && block->buf[block->filled - 1] != '\r')
        block->buf[block->filled++] = '\n';
}

static void empty(struct asy_rows *rows, struct asy_block *block)
{
    if (block->scanned) memset(block->marks, 0, marks_of(block->scanned) * sizeof(*block->marks));
    block->filled = block->scanned = block->start = block->end = 0;
    block->n_pos = block->n_all_rows = block->n_good = block->n_bad = 0;
    block->next_row = block->next_good = block->next_bad = 0;
    block->n_entries = 0;
    memset(block->has_mark, 0, sizeof(block->has_mark));
    block->is_odd = false;
    block->has_cr = rows->after_cr; /* the text may begin with the LF of a CRLF */
    block->nul_at = SIZE_MAX;
    block->first_line = rows->line;
    block->n_lines = 0;
    block->next = (struct asy_csv_cursor){.line = rows->line};
    block->utf8 = ASY_UTF8_UNKNOWN;
    block->count_problem = NULL;
    block->n_columns = rows->n_columns;
    if (block->pool.last) asy_pool_fini(&block->pool);
}

assay_status asy_block_begin(struct asy_rows *rows, struct asy_block *block, struct assay_error *error)
{
    empty(rows, block);
    const size_t carried = round_up(rows->carry_bytes, 64);
    const size_t wanted = carried > rows->block_bytes ? carried : rows->block_bytes;
    const bool is_fitting = block->buf && block->cap >= wanted && block->cap / MOST_SPARE_TIMES <= wanted;
    if (!is_fitting && !resize_buf(block, wanted, block->has_half || rows->is_json)) return asy_rows_fail_memory(rows, error);
    if (rows->carry_bytes) memcpy(block->buf, rows->carry, rows->carry_bytes);
    block->filled = rows->carry_bytes;
    rows->carry_bytes = 0;
    fill(rows, block);
    asy_scan_restart(&rows->scan, rows->after_cr);
    return ASSAY_OK;
}

void asy_block_drop_start(struct asy_rows *rows, struct asy_block *block)
{
    block->filled -= block->start;
    if (block->start) memmove(block->buf, block->buf + block->start, block->filled);
    block->start = 0;
    block->first_line = block->next.line = rows->line;
    block->has_cr = rows->after_cr;
    fill(rows, block);
}

assay_status asy_block_grow(struct asy_rows *rows, struct asy_block *block, struct assay_error *error)
{
    if (rows->read_status != ASSAY_OK) {
        if (error) *error = rows->read_error;
        return rows->read_status;
    }
    const size_t limit = row_limit(rows);
    if (block->cap >= limit)
        return asy_rows_fail(rows, error, ASSAY_E_LIMIT, block->next.line, "row: expected at most %zu bytes, found more", limit);
    const size_t cap = block->cap * 2 < limit ? block->cap * 2 : round_up(limit, 64);
    if (!resize_buf(block, cap, block->has_half))
        return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory for a row of %zu bytes", rows->path, cap);
    fill(rows, block);
    return ASSAY_OK;
}

assay_status asy_block_cut(struct asy_rows *rows, struct asy_block *block, size_t end, struct assay_error *error)
{
    block->end = end;
    const size_t n = block->filled - end;
    if (n > rows->carry_cap) {
        asy_mem_free(rows->mem, rows->carry, rows->carry_cap);
        rows->carry_cap = 0;
        rows->carry = asy_mem_alloc(rows->mem, round_up(n + n / 2, 1024));
        if (!rows->carry) return asy_rows_fail_memory(rows, error);
        rows->carry_cap = round_up(n + n / 2, 1024);
    }
    if (n) memcpy(rows->carry, block->buf + end, n);
    rows->carry_bytes = n;
    return ASSAY_OK;
}

/* ---- the structural index ---- */

bool asy_block_need_positions(struct asy_block *block)
{
    return asy_mem_grow(block->mem, (void **)&block->pos, &block->pos_cap, block->n_pos + ASY_SCAN_WINDOW + ASY_SCAN_SLACK - 1,
                        sizeof(*block->pos));
}

/* Marks of the last run, which began at `at`, a multiple of 64. */
static void add_marks(struct asy_block *block, enum asy_mark mark, const struct asy_scan_marks *from, size_t at, size_t len)
{
    if (!from->any) return;
    block->has_mark[mark] = true;
    const uint32_t shift = (uint32_t)(at / 64 % 64);
    uint64_t *to = block->marks + at / 4096 * ASY_N_MARKS + mark;
    for (size_t word = 0; word * 4096 < len; word++, to += ASY_N_MARKS) {
        to[0] |= from->bits[word] << shift;
        if (shift) to[ASY_N_MARKS] |= from->bits[word] >> (64 - shift);
    }
}

assay_status asy_block_scan(struct asy_rows *rows, struct asy_block *block, struct assay_error *error)
{
    struct asy_scan *scan = &rows->scan;
    if (!asy_mem_grow(block->mem, (void **)&block->marks, &block->marks_cap, marks_of(block->filled) - 1,
                      sizeof(*block->marks)))
        return asy_rows_fail_memory(rows, error);
    while (block->scanned < block->filled) {
        const size_t at = block->scanned, left = block->filled - at;
        const size_t len = left < ASY_SCAN_WINDOW ? left : ASY_SCAN_WINDOW;
        if (!asy_block_need_positions(block)) return asy_rows_fail_memory(rows, error);
        block->n_pos += (uint32_t)asy_scan_run(scan, block->buf + at, len, (uint32_t)at, block->pos + block->n_pos);
        block->scanned = at + len;
        add_marks(block, ASY_MARK_HIGH, &scan->high, at, len);
        add_marks(block, ASY_MARK_ESCAPES, &scan->escapes, at, len);
        add_marks(block, ASY_MARK_LINES, &scan->lines, at, len);
        add_marks(block, ASY_MARK_QUOTES, &scan->quotes, at, len);
        block->has_cr |= scan->has_cr;
        block->is_odd |= scan->is_odd;
        block->next.n_left += (uint32_t)scan->n_line_ends;
        block->n_lines += scan->n_line_ends + scan->n_quoted_lines;
        if (block->nul_at == SIZE_MAX && scan->nul_at != SIZE_MAX) block->nul_at = at + scan->nul_at;
    }
    return ASSAY_OK;
}

/* A character of several bytes is marked in each piece that it touches, so runs of marked pieces are whole characters. */
bool asy_block_is_utf8(struct asy_block *block)
{
    if (block->utf8 != ASY_UTF8_UNKNOWN) return block->utf8 == ASY_UTF8_VALID;
    bool is_valid = true;
    for (size_t at = 0; is_valid && block->has_mark[ASY_MARK_HIGH] && at < block->end;) {
        const size_t word = at / 4096 * ASY_N_MARKS + ASY_MARK_HIGH;
        const uint64_t rest = block->marks[word] >> (at / 64 % 64);
        if (rest == 0) {
            at = (at / 4096 + 1) * 4096;
            continue;
        }
        const size_t from = at + 64 * (size_t)__builtin_ctzll(rest);
        size_t to = from;
        while (to < block->end && asy_block_is_marked(block, ASY_MARK_HIGH, to, to + 1)) to += 64;
        if (from < block->end)
            is_valid = asy_utf8_valid((struct asy_str){block->buf + from, (uint32_t)((to < block->end ? to : block->end) - from)});
        at = to;
    }
    block->utf8 = is_valid ? ASY_UTF8_VALID : ASY_UTF8_INVALID;
    return is_valid;
}
