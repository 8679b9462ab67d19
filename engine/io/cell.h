/* The bytes of one cell of a CSV, TSV or NDJSON table. Text that a spreadsheet would run as a formula (first byte = + - @ TAB or CR)
 * gets a leading apostrophe in CSV and TSV, and so does text that looks as if it had one already; numbers do not.
 * Threads: a layout has many readers. */
#ifndef ASY_CELL_H
#define ASY_CELL_H

#include "base/diag.h"

enum asy_format { ASY_FORMAT_AUTO = 0, ASY_FORMAT_CSV, ASY_FORMAT_TSV, ASY_FORMAT_NDJSON };

/* What the bytes of a cell depend on besides its text. */
struct asy_layout {
    enum asy_format format;     /* never AUTO */
    char delimiter;
    uint32_t n_columns;
    const struct asy_str *keys; /* NDJSON: `"name":` of each column, with what goes before it */
};
/* The layout of a table; its memory is `pool`'s, `path` is for messages. ASSAY_E_NOMEM; ASSAY_E_LIMIT for a very long name in NDJSON. */
assay_status asy_layout_init(struct asy_layout *layout, struct asy_pool *pool, const char *path, enum asy_format format,
                             const struct asy_str *names, uint32_t n_columns, struct assay_error *error);

/* Room that a cell may take: of a text of `len` bytes, or of a number with len = ASY_NUMBER_BYTES. */
enum { ASY_NUMBER_BYTES = 32 };
static inline size_t asy_cell_room(const struct asy_layout *layout, uint32_t column, size_t len)
{
    return layout->keys == NULL ? 2 * len + 8 : 6 * len + 8 + layout->keys[column].len;
}
/* Each writes cell `column` and what goes before it to `out`, where there is room, and returns its end. Behind the end anything may
 * have been written, within that room. */
char *asy_cell_text(const struct asy_layout *layout, uint32_t column, struct asy_str text, char *out); /* "": an empty cell; null in NDJSON */
/* Text that is never a formula: times, keys of our own making; quoted if it has to be. */
char *asy_cell_raw(const struct asy_layout *layout, uint32_t column, struct asy_str text, char *out);
char *asy_cell_milli(const struct asy_layout *layout, uint32_t column, int64_t milli, uint32_t decimals, char *out); /* 80, 12.5: a number */
enum { ASY_ROW_END_BYTES = 2 };
char *asy_row_end(const struct asy_layout *layout, char *out); /* at most ASY_ROW_END_BYTES */

/* A text cell in pieces, for texts that are joined from a few which come again and again:
 *
 *     marks = of the first piece (with the start of what follows, if it has less than two bytes) | what `& ASY_CELL_QUOTED` leaves
 *             of the others
 *     open(marks)  body(piece) body(piece) ...  close(marks)      the cell that asy_cell_text makes of the joined text
 *
 * Pieces end where characters end; the joined text is not empty. */
enum { ASY_CELL_QUOTED = 1, ASY_CELL_ESCAPED = 2, ASY_CELL_MARKS = 4 /* how many combinations there are */ };
uint32_t asy_cell_marks(const struct asy_layout *layout, struct asy_str text);
char *asy_cell_open(const struct asy_layout *layout, uint32_t column, uint32_t marks, char *out);
char *asy_cell_body(const struct asy_layout *layout, struct asy_str piece, char *out); /* room: as a cell of the piece */
char *asy_cell_close(uint32_t marks, char *out);

/* The text that asy_cell_text was given, from the cell that it wrote into a CSV or TSV. */
struct asy_str asy_cell_unescaped(struct asy_str cell);

#endif
