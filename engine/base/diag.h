/* Findings: what is wrong with a file, where, and how to fix it. All findings of a file are collected, then shown
 * sorted by place, each as
 *
 *     rules.yaml:41:23: error: E0203 `company.employes` is not a field; did you mean `company.employees`? [unknown-name]
 *         when: company.employes < 10
 *               ^^^^^^^^^^^^^^^^
 *
 * Code letters: E error (the file is refused), W warning, N note. Codes are stable and listed in rules/README.md.
 * Threads: one owner. */
#ifndef ASY_DIAG_H
#define ASY_DIAG_H

#include "base/mem.h"

/* 1-based; columns count bytes. line 0: no place. */
struct asy_pos {
    uint32_t line;
    uint32_t col;
};

struct asy_diag {
    const char *code;      /* "E0203" */
    const char *slug;      /* "unknown-name": for machines and --ignore; static text */
    struct asy_pos pos;
    uint32_t len;          /* bytes to underline, at least 1 */
    struct asy_str text;   /* one line, no trailing full stop */
    struct asy_str detail; /* more lines (an example lead), or empty */
};

struct asy_diags {
    struct asy_pool pool;
    struct asy_str path;   /* as the user named the file */
    struct asy_str source; /* its bytes, borrowed */
    struct asy_diag *items;
    uint32_t n, cap;
    uint32_t n_errors, n_warnings;
    bool out_of_memory;    /* a finding could not be kept: treat as an error */
};

void asy_diags_init(struct asy_diags *diags, struct asy_mem *mem);
void asy_diags_fini(struct asy_diags *diags);
/* Add a finding. `code` and `slug` are static. Control characters in the text become '?'. Returns it so that `detail`
 * can be set before the next one is added, or NULL without memory. */
struct asy_diag *asy_diag_add(struct asy_diags *diags, const char *code, const char *slug, struct asy_pos pos,
                              uint32_t len, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* By place, then code, then text; equal ones are dropped. */
void asy_diags_sort(struct asy_diags *diags);
/* "; did you mean `x`?" for printing, or "" when nothing is near. Lives in the pool of `diags`.
 * Beyond 1,000 findings always "": a hostile file must not make a million comparisons a line. */
const char *asy_diag_hint(struct asy_diags *diags, struct asy_str word, const struct asy_str *known, uint32_t n);
/* The source line `line` (without its end), empty if there is none. */
struct asy_str asy_diag_line(const struct asy_diags *diags, uint32_t line);

/* All findings as text, in the order they are in: `path:line:col: error: E0203 text [slug]`, the source line under it with a
 * caret, then the lines of `detail`, indented. Tabs stay tabs, of a long line the part around the caret is shown. With
 * `color`, ANSI escapes. {NULL, 0} without memory. */
struct asy_str asy_diags_text(struct asy_pool *pool, const struct asy_diags *diags, bool color);

/* Fill `error` with code and one formatted line; returns `code`. `error` may be NULL. */
assay_status asy_fail(struct assay_error *error, assay_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The fixed text of a status code. */
const char *asy_status_text(assay_status code);

#endif
