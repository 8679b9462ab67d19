/* A table out: CSV, TSV or NDJSON, by the file's name or as said; "-" is standard output. A file appears whole or not at
 * all: written beside its final name (mode 0600), fsynced, renamed, the folder fsynced. It is filled cell by cell, or with rows
 * whose bytes were made elsewhere, on many threads, by the functions of io/cell.h that the first way goes through as well.
 * Threads: one owner. */
#ifndef ASY_WRITE_H
#define ASY_WRITE_H

#include "io/cell.h"

/* ASSAY_E_PARAM if the format cannot be told from `path`: to be asked before the work whose result goes there. */
assay_status asy_writer_check(const char *path, enum asy_format format, struct assay_error *error);

struct asy_writer;
/* `names` are the columns. ASSAY_E_PARAM if the format cannot be told from `path`. */
assay_status asy_writer_open(struct asy_writer **out, struct asy_mem *mem, const char *path, enum asy_format format,
                             const struct asy_str *names, uint32_t n_columns, struct assay_error *error);
/* Of its cells; as long as the writer. */
const struct asy_layout *asy_writer_layout(const struct asy_writer *writer);
/* Cells of the current row, in column order, as asy_cell_* says. Nothing fails before asy_writer_row_end. */
void asy_writer_text(struct asy_writer *writer, struct asy_str text);
void asy_writer_raw(struct asy_writer *writer, struct asy_str text);
void asy_writer_milli(struct asy_writer *writer, int64_t milli, uint32_t decimals);
void asy_writer_empty(struct asy_writer *writer);
assay_status asy_writer_row_end(struct asy_writer *writer, struct assay_error *error);
/* Whole rows made with asy_writer_layout, written as they are; between rows only. The more the better. */
assay_status asy_writer_rows(struct asy_writer *writer, const char *bytes, size_t n_bytes, struct assay_error *error);
/* Make the file appear. The writer is gone afterwards, also on failure (which leaves no file). */
assay_status asy_writer_commit(struct asy_writer *writer, struct assay_error *error);
/* Drop it: no file appears. NULL is fine. */
void asy_writer_abort(struct asy_writer *writer);

/* The same promise for any bytes (summary, state): write all of `bytes` to `path` or nothing. */
assay_status asy_write_file(struct asy_mem *mem, const char *path, struct asy_str bytes, struct assay_error *error);

#endif
