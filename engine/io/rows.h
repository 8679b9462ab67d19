/* Rows of a delimited or NDJSON file, one at a time or in blocks, as borrowed cells. Knows nothing of leads.
 *
 * CSV as RFC 4180 plus what exports really do: delimiter , ; TAB or | found by looking at the first rows (or given), quotes
 * doubled inside quotes, newlines inside quotes, LF, CRLF or CR, a UTF-8 BOM, blank lines skipped, a quote in the middle
 * of an unquoted cell taken literally. Refused with place and cure: UTF-16, NUL bytes, an unclosed quote (with the line
 * where it opened), a cell over max_cell_bytes, more than 4,096 columns, a header without names, a file without any.
 * NDJSON (told by content: the first byte that is not blank is '{'; a broken first line does not hide it where the name ends
 * in .ndjson or .jsonl and the second line begins with '{'): one object a line; its keys are the header: keys may
 * come in any order and new ones may appear later (n_columns grows); strings, numbers, true/false, null (empty); nested
 * objects become dotted names; arrays are given as their text. A JSON array, and an object that is spread over lines, are
 * refused with their cure; any other broken line is a problem row, the first one too. An empty file of such a name (also
 * with .gz or .zst behind it) is NDJSON without rows or columns.
 *
 * Threads: one owner; blocks that were taken may be worked on elsewhere. */
#ifndef ASY_ROWS_H
#define ASY_ROWS_H

#include "io/input.h"

struct asy_rows_options {
    char delimiter;         /* 0: find out. ASCII, not a quote, line end or NUL */
    size_t max_cell_bytes;  /* 0: 1 MiB; at most 512 MiB. As written, less the quotes around it */
    bool may_repeat_names;  /* the header may hold a name twice: the caller sees to it that nobody reads such a column */
    size_t buffer_bytes;    /* 0: 256 KiB. It grows with the longest row; tests take small ones */
    struct asy_input_wait wait; /* asked while a pipe keeps us waiting; may be empty */
    uint8_t scan_level;     /* an enum asy_scan_level; 0: the best of this machine. All give the same rows */
};

struct asy_row {
    uint64_t line;          /* of its first byte, 1-based, physical lines */
    uint32_t n_cells;
    const struct asy_str *cells; /* valid until the next call; in NDJSON by column number, {NULL,0} where absent */
    /* A malformed row (wrong number of cells, invalid UTF-8, broken JSON): what is wrong, with the column (0: the whole
     * row); its raw text in `raw`. The row is then to be rejected; reading goes on after it. */
    const char *problem;
    uint32_t problem_column;
    struct asy_str raw;
};

struct asy_rows;
/* Open and read the header. Names are without blanks around them; a name may be empty (trailing delimiters), two equal
 * names are refused unless may_repeat_names. A first line `sep=;` (Excel) names the delimiter and is skipped. A file that holds a header only is fine
 * here. Errors: ASSAY_E_IO (cannot be read), ASSAY_E_DATA (not what it should be), ASSAY_E_LIMIT (cell, row, columns),
 * ASSAY_E_PARAM (options). */
assay_status asy_rows_open(struct asy_rows **out, struct asy_mem *mem, const char *path,
                           const struct asy_rows_options *options, struct assay_error *error);
/* The same over bytes in memory, which are borrowed until asy_rows_close; `name` stands in messages. No decompression. */
assay_status asy_rows_open_memory(struct asy_rows **out, struct asy_mem *mem, const char *name, const char *bytes, size_t n_bytes,
                                  const struct asy_rows_options *options, struct assay_error *error);
/* Names of the columns so far (borrowed; NDJSON may add some with every row). */
uint32_t asy_rows_header(const struct asy_rows *rows, const struct asy_str **names);
/* Into `error`: the columns (from 0) have one name, which the caller cannot have. ASSAY_E_DATA. */
assay_status asy_rows_repeated(const struct asy_rows *rows, uint32_t first, uint32_t second, struct assay_error *error);
/* Next row; *more false at the end. Errors are those that end the file. */
assay_status asy_rows_next(struct asy_rows *rows, struct asy_row *row, bool *more, struct assay_error *error);
bool asy_rows_is_json(const struct asy_rows *rows);
char asy_rows_delimiter(const struct asy_rows *rows);
void asy_rows_progress(const struct asy_rows *rows, uint64_t *done_bytes, uint64_t *total_bytes);
void asy_rows_close(struct asy_rows *rows);

/* ---- blocks: the same rows, some thousands at a time, whose cells can be found by several threads at once ---- */

/* A piece of the file made of whole rows, with its structural index. */
struct asy_block;
/* A block for `rows`, which must live as long. Memory is taken as blocks need it. */
assay_status asy_block_new(struct asy_block **out, struct asy_rows *rows, struct assay_error *error);
void asy_block_free(struct asy_block *block);

/* Put the next rows into `block`; *more false at the end, the block is then empty. Errors are those that end the file; the rows
 * before the place come first, in blocks of their own. In NDJSON a block ends before a row that brings a new column: what
 * asy_rows_header says after this call is true of all rows of the block. Not to be mixed with asy_rows_next. One thread
 * at a time, but blocks taken earlier may be worked on meanwhile. */
assay_status asy_rows_take(struct asy_rows *rows, struct asy_block *block, bool *more, struct assay_error *error);

struct asy_span {
    uint32_t at, len; /* bytes from asy_cells.text on */
};
/* A malformed row. */
struct asy_bad_row {
    uint32_t before;         /* good rows of the block before it */
    uint32_t column;         /* 1-based; 0: the whole row */
    uint64_t line;
    const char *problem;     /* lives as long as the cells */
    struct asy_span raw;     /* without its line end */
};
/* The cells of some columns of a block's rows. */
struct asy_cells {
    const char *text;
    uint32_t n_rows;                 /* good ones */
    struct asy_span **cells;         /* [k][row]: of the k-th column asked for; len 0: empty, or not there */
    const struct asy_span *raw;      /* [row] the whole row as it stands in the file, without its line end */
    const uint64_t *line;            /* [row] physical line, 1-based */
    uint32_t n_bad;
    const struct asy_bad_row *bad;   /* in file order */
};
/* Find the cells of `columns` (numbers of header columns; UINT32_MAX: a column that is not there, all its cells are empty) of all rows
 * of `block`. What `cells` points at belongs to the block and lives until it is taken anew. Cells are as asy_rows_next gives
 * them: without quotes, doubled quotes made single. ASSAY_E_NOMEM only. Any thread. */
assay_status asy_block_cells(struct asy_block *block, const uint32_t *columns, uint32_t n_columns, struct asy_cells *cells,
                             struct assay_error *error);

#endif
