/* What the files of the row reader share. Private to engine/io/rows*.c.
 *
 *   rows.c          open, close, next; from one block to the next
 *   rows_block.c    memory and text of a block, its structural index
 *   rows_dialect.c  what kind of text it is; the delimiter
 *   rows_csv.c      header; where blocks end and what ends a file; row after row
 *   rows_cells.c    cells of all rows of a CSV block by column
 *   rows_json.c     NDJSON
 *   rows_json_parse.c  one row of it
 *
 *   block->buf : | given | rows ........... | part of a row | room | \n |  unescaped text, at the offset of its source  |
 *                        ^next.at           ^end            ^filled ^cap  ^cap + 1 (asy_block_half)     ^2 * (cap + 1)
 *
 * A block's text is read right into its buffer, behind the part of a row that the block before could not use (`carry`); what is
 * behind its own last row is carried on in turn. A row that does not fit makes the buffer grow. So a row is never in two
 * pieces, spans are offsets into one buffer, and nothing but a part of a row is copied or scanned twice.
 *
 * Whatever ends the file ends a block before the row it stands in; that row opens the next block and is then refused. */
#ifndef ASY_ROWS_INTERNAL_H
#define ASY_ROWS_INTERNAL_H

#include "io/rows.h"
#include "io/scan.h"

#define ASY_ROWS_MAX_COLUMNS 4096u

/* Marks of the scanner, a bit for each 64 bytes of the block. */
enum asy_mark { ASY_MARK_HIGH, ASY_MARK_ESCAPES, ASY_MARK_LINES, ASY_MARK_QUOTES, ASY_N_MARKS };

/* The next row of a CSV block. */
struct asy_csv_cursor {
    uint32_t at;             /* its first byte; may be the LF of a CRLF that ended the row before */
    uint32_t position;       /* number of its first position */
    uint32_t n_left;         /* line ends that end a row from here on, those of blank lines too */
    uint64_t line;
};

/* A row of a CSV block that is not blank. Cell i ends at pos[first + i]. */
struct asy_csv_row {
    uint32_t start, end;     /* `end` is its line end */
    uint32_t first, n_cells;
    bool has_quotes;
    uint64_t line;
};

/* A value of an NDJSON row. */
struct asy_json_entry {
    uint32_t column;
    struct asy_span span;
};

struct asy_block {
    struct asy_rows *rows;   /* only what does not change after opening may be read by asy_block_cells */
    struct asy_mem *mem;
    uint32_t n_columns;      /* of the header when the block was taken */

    char *buf;
    size_t cap;              /* a multiple of 64; one byte more for the line end that a last line may lack */
    bool has_half;           /* there is room for unescaped text */
    size_t start;            /* of the first row, while opening */
    size_t filled, end;

    /* CSV: the structural index of [0, scanned) */
    size_t scanned;
    uint32_t *pos;
    size_t pos_cap;
    uint32_t n_pos;
    uint64_t *marks;         /* ASY_N_MARKS words for each 4,096 bytes */
    size_t marks_cap;
    bool has_mark[ASY_N_MARKS];
    bool has_cr, is_odd;
    size_t nul_at;           /* SIZE_MAX: none */
    uint64_t first_line;     /* of byte 0 */
    uint64_t n_lines;        /* line ends of either kind in what is scanned */
    struct asy_csv_cursor next;
    enum { ASY_UTF8_UNKNOWN, ASY_UTF8_VALID, ASY_UTF8_INVALID } utf8;
    const char *count_problem; /* the last one made, about ... */
    uint32_t count_cells;      /* ... so many cells */
    bool count_has_quotes;

    /* NDJSON: rows in file order, values in file order */
    struct asy_json_entry *entries;
    size_t entries_cap, n_entries;
    uint32_t *row_entries;   /* [row, malformed ones counted] number of its first entry */
    size_t row_entries_cap;
    uint32_t n_all_rows;
    uint32_t next_row, next_good, next_bad; /* of asy_rows_next */
    uint32_t *wanted;        /* [column] the number of its array of cells, UINT32_MAX: none */
    size_t wanted_cap;

    /* what asy_block_cells points at */
    struct asy_pool pool;    /* problems */
    struct asy_span *spans;
    size_t spans_cap;
    struct asy_span **cells;
    size_t cells_cap;
    struct asy_span *nothing; /* zeros: the cells of columns that are not there */
    size_t nothing_cap;
    struct asy_span *raw;
    size_t raw_cap;
    uint64_t *line;
    size_t line_cap;
    struct asy_bad_row *bad;
    size_t bad_cap;
    uint32_t n_good, n_bad;
};

struct asy_json_key;
struct asy_json {
    struct asy_json_key *keys; /* every path seen: objects and columns */
    size_t n_keys, cap_keys;
    uint32_t *slots;           /* open addressing, key number + 1 */
    size_t n_slots;
    uint64_t *seen;            /* by column: number of the row that had it last */
    uint64_t row;
};

struct asy_rows {
    struct asy_mem *mem;
    struct asy_pool pool;         /* path and names */
    const char *path;             /* as it stands in messages */
    struct asy_input *input;      /* NULL: bytes in memory */
    const char *memory;
    size_t memory_bytes, memory_at;

    char delimiter;
    bool is_json;
    size_t max_cell_bytes;
    size_t block_bytes;           /* of a block's buffer, if no row needs more */

    bool eof;                     /* all bytes are read */
    assay_status read_status;     /* why no more can be read; told when the rows before are given */
    struct assay_error read_error;
    char *carry;                  /* text for the next block */
    size_t carry_bytes, carry_cap;
    uint64_t line;                /* of its first byte */
    bool after_cr;                /* the byte before it was a CR */

    struct asy_scan scan;
    struct asy_block own;         /* read by open; then that of asy_rows_next */

    struct asy_str *cells;        /* ASY_ROWS_MAX_COLUMNS + 1: of asy_rows_next */
    struct asy_str *names;        /* ASY_ROWS_MAX_COLUMNS */
    uint32_t n_columns;
    bool has_header;
    bool may_repeat_names;
    uint64_t header_line;
    struct asy_json json;
    char problem[320];
};

/* ---- rows.c ---- */

/* `path:line: ...` into `error`. Line 0: `path: ...`. Returns `code`. */
assay_status asy_rows_fail(const struct asy_rows *rows, struct assay_error *error, assay_status code, uint64_t line,
                           const char *format, ...) __attribute__((format(printf, 5, 6)));
assay_status asy_rows_fail_memory(const struct asy_rows *rows, struct assay_error *error);
/* Line ends (LF, CRLF, CR) in [p, p + len). */
uint64_t asy_rows_count_lines(const char *p, size_t len);

/* ---- rows_block.c ---- */

void asy_block_init(struct asy_block *block, struct asy_rows *rows);
void asy_block_fini(struct asy_block *block);
/* Empty `block`, put the carried text into it and read until it is full or there is no more. */
assay_status asy_block_begin(struct asy_rows *rows, struct asy_block *block, struct assay_error *error);
/* Let go of the first `start` bytes, which open has understood, and read on. Nothing may have been scanned. */
void asy_block_drop_start(struct asy_rows *rows, struct asy_block *block);
/* No row is whole: make the buffer twice as large and read on. ASSAY_E_LIMIT when the row has become too long; when there is no
 * more to read because that failed, why. */
assay_status asy_block_grow(struct asy_rows *rows, struct asy_block *block, struct assay_error *error);
/* Index what was read since. */
assay_status asy_block_scan(struct asy_rows *rows, struct asy_block *block, struct assay_error *error);
/* The block ends at `end`: what is behind it is carried to the next one. rows->line and rows->after_cr are the caller's to set. */
assay_status asy_block_cut(struct asy_rows *rows, struct asy_block *block, size_t end, struct assay_error *error);
/* Room in an array whose contents need not be kept. */
bool asy_block_need(struct asy_block *block, void **items, size_t *cap, size_t n, size_t item_bytes);
/* Room for positions of one more window. */
bool asy_block_need_positions(struct asy_block *block);
/* Room for unescaped text; buf may move. */
bool asy_block_need_half(struct asy_block *block);
/* Is the text well-formed UTF-8? Looks once. */
bool asy_block_is_utf8(struct asy_block *block);
/* Where text that is unescaped stands whose source is at `at`. */
static inline size_t asy_block_half(const struct asy_block *block, size_t at)
{
    return block->cap + 1 + at;
}
/* Is there a mark on the 64-byte pieces of [from, to)? True is a maybe. */
static inline bool asy_block_is_marked(const struct asy_block *block, enum asy_mark mark, size_t from, size_t to)
{
    if (!block->has_mark[mark] || from >= to) return false;
    const size_t last = (to - 1) / 64;
    const uint64_t *word = block->marks + from / 4096 * ASY_N_MARKS + mark;
    const uint64_t *const last_word = block->marks + last / 64 * ASY_N_MARKS + mark;
    const uint64_t until_last = UINT64_MAX >> (63 - last % 64);
    uint64_t wanted = UINT64_MAX << (from / 64 % 64);
    for (; word < last_word; word += ASY_N_MARKS, wanted = UINT64_MAX)
        if (*word & wanted) return true;
    return (*word & wanted & until_last) != 0;
}

/* ---- rows_dialect.c: in this order, over rows->own, which begins with what is not yet understood ---- */

/* Refuse what is not UTF-8 text at all (UTF-16, workbooks, web pages ...) and step over a byte order mark. */
assay_status asy_rows_check_encoding(struct asy_rows *rows, struct assay_error *error);
/* Step over blank lines. Is it NDJSON then? A JSON array is refused. Where blanks are all there is, the file's name decides. */
assay_status asy_rows_check_json(struct asy_rows *rows, struct assay_error *error);
/* Settle the delimiter (`wanted` 0: by looking) and set the scanner up. */
assay_status asy_rows_find_delimiter(struct asy_rows *rows, char wanted, uint8_t scan_level, struct assay_error *error);
/* "`,`", "a tab": a delimiter in a message. */
const char *asy_rows_delimiter_text(char delimiter, char out[16]);

/* ---- rows_csv.c ---- */

/* Read the header out of rows->own; the rest of it are rows. */
assay_status asy_csv_header(struct asy_rows *rows, struct assay_error *error);
/* Index a block that has begun, as far as whole rows go. */
assay_status asy_csv_take(struct asy_rows *rows, struct asy_block *block, bool *more, struct assay_error *error);
assay_status asy_csv_next(struct asy_rows *rows, struct asy_block *block, struct asy_row *row, bool *more, struct assay_error *error);
/* Step to the next row that is not blank. False: the block has no more. */
bool asy_csv_walk(const struct asy_block *block, struct asy_csv_cursor *cursor, struct asy_csv_row *row);
/* What is wrong with the row, NULL if nothing; its column, 1-based, or 0. False: out of memory. */
bool asy_csv_problem(struct asy_block *block, const struct asy_csv_row *row, const char **problem, uint32_t *column);
/* The text of a quoted cell [from, to) that is not just between two quotes. Blanks behind the closing quote are dropped; other
 * text there makes *is_junk, and the cell is what was inside. Doubled quotes want asy_block_need_half. */
struct asy_span asy_csv_unquote(const struct asy_block *block, uint32_t from, uint32_t to, bool *is_junk);
/* The text of any cell. */
static inline struct asy_span asy_csv_cell(const struct asy_block *block, uint32_t from, uint32_t to)
{
    if (from == to || block->buf[from] != '"') return (struct asy_span){from, to - from};
    if (to - from > 1 && block->buf[to - 1] == '"' && !asy_block_is_marked(block, ASY_MARK_ESCAPES, from, to))
        return (struct asy_span){from + 1, to - from - 2};
    bool is_junk;
    return asy_csv_unquote(block, from, to, &is_junk);
}

/* ---- rows_cells.c ---- */

/* What asy_block_cells gives, into the block. False: out of memory. */
bool asy_csv_cells(struct asy_block *block, const uint32_t *columns, uint32_t n_columns);

/* ---- rows_json.c ---- */

/* Looks at the first row; rows->own then holds rows. */
assay_status asy_ndjson_open(struct asy_rows *rows, struct assay_error *error);
/* Read the rows of a block that has begun. */
assay_status asy_ndjson_take(struct asy_rows *rows, struct asy_block *block, bool *more, struct assay_error *error);
bool asy_ndjson_next(struct asy_rows *rows, struct asy_block *block, struct asy_row *row);
/* What asy_block_cells gives, into the block. False: out of memory. */
bool asy_ndjson_cells(struct asy_block *block, const uint32_t *columns, uint32_t n_columns);

/* ---- rows_json_parse.c ---- */

/* One row: set rows, block and error. Its values go to block->entries, new columns to the header. */
struct asy_ndjson_parse {
    struct asy_rows *rows;
    struct asy_block *block;
    const char *start, *p, *end;
    uint32_t column;        /* of the value being read, 1-based */
    bool is_broken;         /* a problem: rows->problem says which */
    bool is_cut;            /* ... and it is that the line ended where a line may end, not inside a string */
    assay_status status;    /* what ends the file */
    struct assay_error *error;
};
void asy_ndjson_parse(struct asy_ndjson_parse *parse, const char *line, size_t len);
/* Columns from number `n_columns` on are forgotten: a broken row adds none. */
void asy_ndjson_drop_columns(struct asy_rows *rows, uint32_t n_columns);
assay_status asy_ndjson_init(struct asy_rows *rows, struct assay_error *error);
void asy_ndjson_fini(struct asy_rows *rows);

/* What a row with bytes that are not UTF-8 is told. */
#define ASY_ROWS_BAD_UTF8                                                                                                      \
    "expected UTF-8, found other bytes; if the file is Windows-1252 (Latin-1), convert it: iconv -f WINDOWS-1252 -t UTF-8"

#endif
