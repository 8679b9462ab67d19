/* List files: a small strict CSV reader (RFC 4180: commas, quotes doubled inside quotes, LF or CR LF). Contents of the file
 * never appear in findings: only places do. */
#include <stdio.h>

#include "base/hash.h"
#include "rule/load_internal.h"

enum { COLUMNS_MAX = 256, FILE_FINDINGS_MAX = 5 };

struct csv {
    struct asy_loader *l;
    const struct asy_yaml *at; /* in the rule file */
    struct asy_str path, s;
    uint32_t pos;
    uint32_t line;
    uint32_t n_told;
    uint32_t n;                     /* cells of the row */
    struct asy_str cells[COLUMNS_MAX];
    uint32_t row_line;              /* where it starts */
};

static void tell(struct csv *c, uint32_t line, const char *text)
{
    if (c->n_told++ < FILE_FINDINGS_MAX)
        asy_load_tell(c->l, "E0403", "list-file", c->at, "%.*s:%u: %s", ASY_ARG(c->path), line, text);
}

static bool at_line_end(const struct csv *c)
{
    return c->pos >= c->s.len || c->s.p[c->pos] == '\n' || (c->s.p[c->pos] == '\r' && (c->pos + 1 >= c->s.len || c->s.p[c->pos + 1] == '\n'));
}

static void skip_line_end(struct csv *c)
{
    if (c->pos < c->s.len && c->s.p[c->pos] == '\r')
        c->pos++;
    if (c->pos < c->s.len && c->s.p[c->pos] == '\n')
        c->pos++;
    c->line++;
}

/* A cell in quotes, its doubled quotes made single. */
static bool read_quoted(struct csv *c, struct asy_str *out)
{
    const uint32_t start_line = c->line, from = ++c->pos;
    uint32_t n_doubled = 0;
    for (;; c->pos++) {
        if (c->pos >= c->s.len) {
            tell(c, start_line, "a quote that opens on this line is never closed");
            return false;
        }
        if (c->s.p[c->pos] == '\n')
            c->line++;
        if (c->s.p[c->pos] != '"')
            continue;
        if (c->pos + 1 >= c->s.len || c->s.p[c->pos + 1] != '"')
            break;
        n_doubled++;
        c->pos++;
    }
    *out = (struct asy_str){c->s.p + from, c->pos - from};
    c->pos++;
    if (n_doubled) {
        char *copy = asy_load_alloc(c->l, out->len, 1);
        if (!copy)
            return false;
        uint32_t len = 0;
        for (uint32_t i = 0; i < out->len; i++) {
            copy[len++] = out->p[i];
            i += out->p[i] == '"';
        }
        *out = (struct asy_str){copy, len};
    }
    if (!at_line_end(c) && c->s.p[c->pos] != ',') {
        tell(c, c->line, "after a closing quote expected a comma or the end of the line");
        return false;
    }
    return true;
}

static bool read_row(struct csv *c)
{
    c->n = 0;
    c->row_line = c->line;
    for (;;) {
        if (c->n == COLUMNS_MAX) {
            tell(c, c->line, "expected at most 256 columns");
            return false;
        }
        struct asy_str cell;
        if (c->pos < c->s.len && c->s.p[c->pos] == '"') {
            if (!read_quoted(c, &cell))
                return false;
        } else {
            const uint32_t from = c->pos;
            while (!at_line_end(c) && c->s.p[c->pos] != ',')
                c->pos++;
            cell = asy_str_trim((struct asy_str){c->s.p + from, c->pos - from});
        }
        c->cells[c->n++] = cell;
        if (at_line_end(c))
            break;
        c->pos++; /* the comma */
    }
    skip_line_end(c);
    return true;
}

static int64_t find_column(struct csv *c, struct asy_str name)
{
    int64_t found = -1;
    for (uint32_t i = 0; i < c->n; i++) {
        if (!asy_str_eq(c->cells[i], name))
            continue;
        if (found >= 0) {
            tell(c, 1, "two columns have the same name; expected each column of the header once");
            return -1;
        }
        found = i;
    }
    return found;
}

static void tell_no_column(struct csv *c, struct asy_str name)
{
    const bool has_semicolons = c->n == 1 && (asy_str_find(c->cells[0], ASY_STR(";")) >= 0 || asy_str_find(c->cells[0], ASY_STR("\t")) >= 0);
    char text[900];
    if (has_semicolons)
        snprintf(text, sizeof(text), "the header has one column; a list file needs commas between columns");
    else
        snprintf(text, sizeof(text), "expected a column `%.*s`, found: %s", name.len < 80 ? (int)name.len : 80, name.p,
                 asy_load_join(c->l, c->cells, c->n, 10));
    tell(c, 1, text);
}

/* Keys that stand in the file twice; the line is told, the key is not. */
static void check_repeated(struct csv *c, const struct asy_list_file *file, const uint32_t *lines)
{
    size_t n_slots = 4;
    while (n_slots < 2 * (size_t)file->n)
        n_slots *= 2;
    struct asy_mem *mem = c->l->pool->mem;
    uint32_t *slots = asy_mem_alloc_n(mem, n_slots, sizeof(*slots));
    if (!slots) {
        c->l->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < file->n; i++) {
        size_t slot = asy_checksum(file->keys[i]) & (n_slots - 1);
        while (slots[slot] && !asy_str_eq(file->keys[slots[slot] - 1], file->keys[i]))
            slot = (slot + 1) & (n_slots - 1);
        if (slots[slot]) {
            char text[80];
            snprintf(text, sizeof(text), "the key of this line is on line %u already", lines[slots[slot] - 1]);
            tell(c, lines[i], text);
        } else {
            slots[slot] = i + 1;
        }
    }
    asy_mem_free(mem, slots, n_slots * sizeof(*slots));
}

static bool read_rows(struct csv *c, uint32_t key, int64_t owner, struct asy_list_file *out)
{
    const uint32_t n_columns = c->n;
    uint32_t cap_keys = 0, cap_owners = 0, cap_lines = 0;
    uint32_t *lines = NULL;
    while (c->pos < c->s.len) {
        if (at_line_end(c)) {
            skip_line_end(c);
            continue;
        }
        if (!read_row(c))
            return false;
        if (c->n != n_columns) {
            char text[80];
            snprintf(text, sizeof(text), "expected %u columns as in the header, found %u", n_columns, c->n);
            tell(c, c->row_line, text);
            continue;
        }
        if (c->cells[key].len == 0) {
            tell(c, c->row_line, "the key column is empty");
            continue;
        }
        if (!asy_pool_grow(c->l->pool, (void **)&out->keys, &cap_keys, out->n, sizeof(*out->keys)) ||
            !asy_pool_grow(c->l->pool, (void **)&lines, &cap_lines, out->n, sizeof(*lines)) ||
            (owner >= 0 && !asy_pool_grow(c->l->pool, (void **)&out->owners, &cap_owners, out->n, sizeof(*out->owners)))) {
            c->l->no_memory = true;
            return false;
        }
        out->keys[out->n] = c->cells[key];
        lines[out->n] = c->row_line;
        if (owner >= 0)
            out->owners[out->n] = c->cells[owner];
        out->n++;
    }
    if (owner >= 0 && !out->owners) /* a header only: the column is there all the same */
        out->owners = asy_load_alloc(c->l, 1, sizeof(*out->owners));
    check_repeated(c, out, lines);
    return c->n_told == 0 && !c->l->no_memory;
}

bool asy_load_list_csv(struct asy_loader *l, const struct asy_yaml *at, struct asy_str bytes, struct asy_str path,
                       struct asy_str key_column, struct asy_list_file *out)
{
    struct csv *c = asy_mem_alloc(l->pool->mem, sizeof(*c));
    if (!c) {
        l->no_memory = true;
        return false;
    }
    *c = (struct csv){.l = l, .at = at, .path = path, .s = bytes, .line = 1};
    bool is_read = false;
    if (asy_str_starts(c->s, ASY_STR("\xef\xbb\xbf")))
        c->s = (struct asy_str){c->s.p + 3, c->s.len - 3};
    if (!asy_utf8_valid(c->s) || (c->s.len && memchr(c->s.p, 0, c->s.len))) {
        tell(c, 1, "the file is not UTF-8 text; save it as CSV in UTF-8");
    } else if (c->s.len == 0) {
        tell(c, 1, "the file is empty; expected a header line with column names");
    } else if (read_row(c)) {
        const int64_t key = find_column(c, key_column);
        const int64_t owner = c->n_told ? -1 : find_column(c, ASY_STR("owner"));
        if (key < 0 && !c->n_told)
            tell_no_column(c, key_column);
        if (!c->n_told)
            is_read = read_rows(c, (uint32_t)key, owner, out);
    }
    if (c->n_told > FILE_FINDINGS_MAX)
        asy_load_tell(l, "E0403", "list-file", at, "%.*s: %u more problems of this kind", ASY_ARG(path), c->n_told - FILE_FINDINGS_MAX);
    asy_mem_free(l->pool->mem, c, sizeof(*c));
    return is_read;
}
