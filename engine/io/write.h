/* A table out: CSV, TSV or NDJSON, by the file's name or as said; "-" is standard output. A file appears whole or not at
 * all: written beside its final name (mode 0600), fsynced, renamed, the folder fsynced. Text cells that a spreadsheet
 * would run as a formula (first byte = + - @ TAB or CR) get a leading apostrophe in CSV and TSV, and so do those that look
 * as if they had one already; numbers do not.
 * Threads: one owner. */
#ifndef ASY_WRITE_H
#define ASY_WRITE_H

#include "base/diag.h"

enum asy_format { ASY_FORMAT_AUTO = 0, ASY_FORMAT_CSV, ASY_FORMAT_TSV, ASY_FORMAT_NDJSON };

/* ASSAY_E_PARAM if the format cannot be told from `path`: to be asked before the work whose result goes there. */
assay_status asy_writer_check(const char *path, enum asy_format format, struct assay_error *error);

struct asy_writer;
/* `names` are the columns. ASSAY_E_PARAM if the format cannot be told from `path`. */
assay_status asy_writer_open(struct asy_writer **out, struct asy_mem *mem, const char *path, enum asy_format format,
                             const struct asy_str *names, uint32_t n_columns, struct assay_error *error);
/* Cells of the current row, in column order. Nothing fails before asy_writer_row_end. */
void asy_writer_text(struct asy_writer *writer, struct asy_str text);        /* "" is an empty cell; null in NDJSON */
void asy_writer_raw(struct asy_writer *writer, struct asy_str text);         /* text that is never a formula: times, keys of
                                                                                 our own making; quoted if it has to be */
void asy_writer_milli(struct asy_writer *writer, int64_t milli, uint32_t decimals); /* 80, 12.5: a number */
void asy_writer_empty(struct asy_writer *writer);
/* The text that asy_writer_text was given, from the cell that it wrote into a CSV or TSV. */
struct asy_str asy_writer_unescaped(struct asy_str cell);
assay_status asy_writer_row_end(struct asy_writer *writer, struct assay_error *error);
/* Make the file appear. The writer is gone afterwards, also on failure (which leaves no file). */
assay_status asy_writer_commit(struct asy_writer *writer, struct assay_error *error);
/* Drop it: no file appears. NULL is fine. */
void asy_writer_abort(struct asy_writer *writer);

/* The same promise for any bytes (summary, state): write all of `bytes` to `path` or nothing. */
assay_status asy_write_file(struct asy_mem *mem, const char *path, struct asy_str bytes, struct assay_error *error);

#endif
