/* What the files of the row reader share. Private to engine/io/rows*.c.
 *
 *   buf : | rows given | row being read ........ | to be scanned ........ | room |
 *                      ^row_start      ^win_start ... win_end      ^filled      ^cap
 *
 * The window [win_start, win_end) has been scanned into `pos`. When a row runs into the end of the buffer it is moved to the
 * front, the buffer is filled up (and doubled if the row takes more than half of it) and the row is read again from its
 * start: cells can point into the buffer, and nothing is rescanned more than a few times. */
#ifndef ASY_ROWS_INTERNAL_H
#define ASY_ROWS_INTERNAL_H

#include "io/rows.h"
#include "io/scan.h"

#define ASY_ROWS_MAX_COLUMNS 4096u

struct asy_json_key;
struct asy_json {
    struct asy_json_key *keys; /* every path seen: objects and columns */
    size_t n_keys, cap_keys;
    uint32_t *slots;           /* open addressing, key number + 1 */
    size_t n_slots;
    uint64_t *seen;            /* by column: number of the row that had it last */
    uint64_t row;
    bool has_pending;          /* the first row, read by open */
    struct asy_row pending;
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

    char *buf;
    size_t cap;                   /* one byte more is allocated, for the line end that a last line may lack */
    size_t filled, row_start;
    bool eof;                     /* all bytes are in the buffer */
    uint64_t line;                /* of row_start */
    bool after_cr;                /* the byte before row_start was a CR */

    struct asy_scan scan;
    uint32_t *pos;
    size_t window_bytes;          /* most that is scanned at once */
    size_t pos_i, pos_n, win_start, win_end;
    bool carry_escapes, carry_lines, carry_high; /* of earlier windows of the row being read */

    char *scratch;                /* as large as buf: unescaped text stands at the offset of its source */
    size_t scratch_bytes;

    struct asy_str *cells;        /* ASY_ROWS_MAX_COLUMNS + 1 */
    struct asy_str *names;        /* ASY_ROWS_MAX_COLUMNS */
    uint32_t n_columns;
    bool has_header;
    bool may_repeat_names;
    uint64_t header_line;
    struct asy_json json;
    char problem[320];
};

/* `path:line: ...` into `error`. Line 0: `path: ...`. Returns `code`. */
assay_status asy_rows_fail(const struct asy_rows *rows, struct assay_error *error, assay_status code, uint64_t line,
                           const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Drop what is before row_start and fill the buffer up; positions start anew at the row's start. At the end of the input a
 * missing last line end is put in and `eof` set. ASSAY_E_LIMIT when the row has become too long. */
assay_status asy_rows_fill(struct asy_rows *rows, struct assay_error *error);
/* Line ends (LF, CRLF, CR) in [p, p + len). */
uint64_t asy_rows_count_lines(const char *p, size_t len);
/* Room in `scratch` for all of the buffer. */
bool asy_rows_need_scratch(struct asy_rows *rows);

/* rows_dialect.c */
/* Refuse what is not UTF-8 text at all (UTF-16, workbooks, web pages ...) and step over a byte order mark. */
assay_status asy_rows_check_encoding(struct asy_rows *rows, struct assay_error *error);
/* Is it NDJSON? A JSON array is refused. Where blanks are all there is, the file's name decides. */
assay_status asy_rows_check_json(struct asy_rows *rows, struct assay_error *error);
/* Settle the delimiter (`wanted` 0: by looking) and set the scanner up. */
assay_status asy_rows_find_delimiter(struct asy_rows *rows, char wanted, uint8_t scan_level, struct assay_error *error);
/* "`,`", "a tab": a delimiter in a message. */
const char *asy_rows_delimiter_text(char delimiter, char out[16]);

/* rows_csv.c */
assay_status asy_rows_csv_header(struct asy_rows *rows, struct assay_error *error);
assay_status asy_rows_csv_next(struct asy_rows *rows, struct asy_row *row, bool *more, struct assay_error *error);

/* rows_json.c */
assay_status asy_rows_json_open(struct asy_rows *rows, struct assay_error *error);
assay_status asy_rows_json_next(struct asy_rows *rows, struct asy_row *row, bool *more, struct assay_error *error);
void asy_rows_json_fini(struct asy_rows *rows);

/* What a row with bytes that are not UTF-8 is told. */
#define ASY_ROWS_BAD_UTF8                                                                                                      \
    "expected UTF-8, found other bytes; if the file is Windows-1252 (Latin-1), convert it: iconv -f WINDOWS-1252 -t UTF-8"

#endif
