/* Rows as text, for tests of the readers: a line a row, `LINE:{cell}{cell}`, `{}` empty, `-` absent, and ` !COLUMN problem`;
 * the first line is the header, the last one an error that ended the file. */
#ifndef ROWS_FIXTURE_H
#define ROWS_FIXTURE_H

#include "io/rows.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct rendering {
    char *text;
    size_t len, cap;
    uint64_t n_rows, n_problems;
    assay_status status; /* that ended it */
};

static inline void render_bytes(struct rendering *r, const char *p, size_t n)
{
    if (r->len + n + 1 > r->cap) {
        r->cap = (r->len + n + 1) * 2;
        r->text = realloc(r->text, r->cap);
        if (!r->text) abort();
    }
    if (n) memcpy(r->text + r->len, p, n);
    r->len += n;
    r->text[r->len] = '\0';
}

static inline void render_cells(struct rendering *r, const struct asy_str *cells, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!cells[i].p) {
            render_bytes(r, "-", 1);
            continue;
        }
        render_bytes(r, "{", 1);
        render_bytes(r, cells[i].p, cells[i].len);
        render_bytes(r, "}", 1);
    }
}

static inline void render_row(struct rendering *r, const struct asy_row *row)
{
    char head[64];
    render_bytes(r, head, (size_t)snprintf(head, sizeof(head), "%" PRIu64 ":", row->line));
    render_cells(r, row->cells, row->n_cells);
    if (row->problem) {
        render_bytes(r, head, (size_t)snprintf(head, sizeof(head), " !%" PRIu32 " ", row->problem_column));
        render_bytes(r, row->problem, strlen(row->problem));
        r->n_problems++;
    }
    render_bytes(r, "\n", 1);
    r->n_rows++;
}

/* All rows of `rows`, closing it; with `rows` NULL only the error. */
static inline void render_rest(struct rendering *r, struct asy_rows *rows, struct assay_error *error)
{
    if (rows) {
        const struct asy_str *names;
        const uint32_t n = asy_rows_header(rows, &names);
        render_cells(r, names, n);
        render_bytes(r, "\n", 1);
        bool more = true;
        while (r->status == ASSAY_OK && more) {
            struct asy_row row = {0};
            r->status = asy_rows_next(rows, &row, &more, error);
            if (r->status == ASSAY_OK && more) render_row(r, &row);
        }
        asy_rows_close(rows);
    }
    if (r->status != ASSAY_OK) render_bytes(r, error->text, strlen(error->text));
    render_bytes(r, "", 0);
}

static inline struct rendering render_memory(struct asy_mem *mem, const char *bytes, size_t n, const struct asy_rows_options *options)
{
    struct rendering r = {0};
    struct assay_error error = {0};
    struct asy_rows *rows = NULL;
    r.status = asy_rows_open_memory(&rows, mem, "x", bytes, n, options, &error);
    render_rest(&r, rows, &error);
    return r;
}

static inline struct rendering render_file(struct asy_mem *mem, const char *path, const struct asy_rows_options *options)
{
    struct rendering r = {0};
    struct assay_error error = {0};
    struct asy_rows *rows = NULL;
    r.status = asy_rows_open(&rows, mem, path, options, &error);
    render_rest(&r, rows, &error);
    return r;
}

#endif
