/* Findings as text, see diag.h. */
#include "base/diag.h"

#include <stdio.h>

enum { WINDOW_COLUMNS = 160, INDENT_COLUMNS = 4 };

struct out {
    struct asy_pool *pool;
    char *text;
    uint32_t len, cap;
    bool failed;
};

static void put(struct out *out, const char *text, uint32_t len)
{
    void *items = out->text;
    if (out->failed || len == 0)
        return;
    if (len >= UINT32_MAX - out->len || !asy_pool_grow(out->pool, &items, &out->cap, out->len + len, 1)) {
        out->failed = true;
        return;
    }
    out->text = items;
    memcpy(out->text + out->len, text, len);
    out->len += len;
    out->text[out->len] = '\0';
}

static void put_text(struct out *out, const char *zero_terminated)
{
    put(out, zero_terminated, (uint32_t)strlen(zero_terminated));
}

static void put_blanks(struct out *out, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        put(out, " ", 1);
}

/* One character of a line: its bytes, and what stands for it on a terminal. */
struct glyph {
    uint32_t n_bytes;
    struct asy_str shown; /* empty for a byte order mark */
};

static struct glyph glyph_at(struct asy_str line, uint32_t at)
{
    const char *p = line.p + at;
    unsigned char first = (unsigned char)*p;
    if (first < 0x80)
        return (struct glyph){1, first == '\t' || (first >= 0x20 && first != 0x7F) ? (struct asy_str){p, 1}
                                                                                    : ASY_STR("?")};
    uint32_t n_bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    struct asy_str shown = {p, n_bytes};
    if (n_bytes > line.len - at || !asy_utf8_valid(shown))
        return (struct glyph){1, ASY_STR("?")};
    if (asy_str_is(shown, "\xEF\xBB\xBF"))
        return (struct glyph){n_bytes, ASY_STR("")};
    /* U+0080 to U+009F are control characters as well. */
    if (first == 0xC2 && (unsigned char)p[1] < 0xA0)
        return (struct glyph){n_bytes, ASY_STR("?")};
    return (struct glyph){n_bytes, shown};
}

static void put_clean(struct out *out, struct asy_str text)
{
    for (uint32_t i = 0; i < text.len;) {
        struct glyph glyph = glyph_at(text, i);
        put(out, glyph.shown.p, glyph.shown.len);
        i += glyph.n_bytes;
    }
}

/* Bytes of a line break at `at`: what YAML 1.1 calls one. 0 if there is none. */
static uint32_t break_len(struct asy_str source, uint32_t at)
{
    const char *p = source.p + at;
    uint32_t left = source.len - at;
    if (*p == '\n')
        return 1;
    if (*p == '\r')
        return left > 1 && p[1] == '\n' ? 2 : 1;
    if (left >= 2 && memcmp(p, "\xC2\x85", 2) == 0)
        return 2;
    if (left >= 3 && (memcmp(p, "\xE2\x80\xA8", 3) == 0 || memcmp(p, "\xE2\x80\xA9", 3) == 0))
        return 3;
    return 0;
}

/* A place in the source from which the next line is looked for, so that sorted findings are one walk. */
struct cursor {
    uint32_t line;
    uint32_t at;
    uint32_t end; /* of that line once it was asked for, else 0 */
};

static struct asy_str line_from(struct asy_str source, struct cursor *cursor, uint32_t line)
{
    if (line < cursor->line)
        *cursor = (struct cursor){1, 0, 0};
    uint32_t at = cursor->at;
    while (cursor->line < line && at < source.len) {
        uint32_t skipped = break_len(source, at);
        at += skipped ? skipped : 1;
        if (skipped)
            *cursor = (struct cursor){cursor->line + 1, at, 0};
    }
    if (line == 0 || cursor->line < line)
        return ASY_STR("");
    if (cursor->end == 0) {
        cursor->end = cursor->at;
        while (cursor->end < source.len && break_len(source, cursor->end) == 0)
            cursor->end++;
    }
    return (struct asy_str){source.p + cursor->at, cursor->end - cursor->at};
}

struct asy_str asy_diag_line(const struct asy_diags *diags, uint32_t line)
{
    struct cursor cursor = {1, 0, 0};
    if (!diags->source.p)
        return ASY_STR("");
    return line_from(diags->source, &cursor, line);
}

/* Bytes of a line around the caret that are looked at: one line may be the whole file, with many findings in it. */
enum { NEAR_BYTES = 1024 };

/* What is shown of a line: bytes [from, to) of `near`, which is the line or a part of it around the caret. */
struct window {
    struct asy_str near;
    uint32_t caret; /* in `near` */
    uint32_t from, to;
    bool cut_before, cut_after;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct window near_caret(struct asy_str line, uint32_t caret)
{
    uint32_t from = caret > NEAR_BYTES ? caret - NEAR_BYTES : 0;
    while (from > 0 && from < caret && ((unsigned char)line.p[from] & 0xC0) == 0x80)
        from++;
    uint32_t to = line.len - caret > NEAR_BYTES ? caret + NEAR_BYTES : line.len;
    return (struct window){.near = {line.p + from, to - from},
                           .caret = caret - from,
                           .to = to - from,
                           .cut_before = from > 0,
                           .cut_after = to < line.len};
}

/* Leading blanks are left out. Of a line that is still too long, what begins 40 columns before the caret is shown. */
static struct window window_of(struct asy_str line, uint32_t caret)
{
    struct window window = near_caret(line, caret);
    struct asy_str near = window.near;
    while (window.from < window.caret && is_blank(near.p[window.from]))
        window.from++;
    uint32_t n_before = 0, n = 0;
    for (uint32_t i = window.from; i < near.len; i += glyph_at(near, i).n_bytes) {
        n_before += i < window.caret;
        n++;
    }
    if (n <= WINDOW_COLUMNS)
        return window;
    uint32_t n_skipped = n_before > 40 ? n_before - 40 : 0;
    if (n_skipped > n - WINDOW_COLUMNS)
        n_skipped = n - WINDOW_COLUMNS;
    window.cut_before = window.cut_before || n_skipped > 0;
    for (; n_skipped > 0; n_skipped--)
        window.from += glyph_at(near, window.from).n_bytes;
    window.to = window.from;
    for (uint32_t i = 0; i < WINDOW_COLUMNS; i++)
        window.to += glyph_at(near, window.to).n_bytes;
    window.cut_after = window.cut_after || window.to < near.len;
    return window;
}

static void put_carets(struct out *out, const struct window *window, uint32_t len, bool color)
{
    uint32_t at = window->from;
    while (at < window->caret) {
        struct glyph glyph = glyph_at(window->near, at);
        if (glyph.shown.len)
            put(out, window->near.p[at] == '\t' ? "\t" : " ", 1);
        at += glyph.n_bytes;
    }
    put_text(out, color ? "\x1b[32m^" : "^");
    uint64_t end = (uint64_t)window->caret + len;
    if (at < window->to)
        at += glyph_at(window->near, at).n_bytes;
    for (; at < window->to && at < end; at += glyph_at(window->near, at).n_bytes)
        put(out, "^", 1);
    put_text(out, color ? "\x1b[0m\n" : "\n");
}

static void put_source(struct out *out, struct asy_str line, const struct asy_diag *diag, bool color)
{
    uint32_t caret = diag->pos.col ? diag->pos.col - 1 : 0;
    struct window window = window_of(line, caret < line.len ? caret : line.len);
    struct asy_str shown = {window.near.p + window.from, window.to - window.from};
    if (asy_str_trim(shown).len == 0)
        return;
    const char *before = window.cut_before ? "..." : "";
    put_blanks(out, INDENT_COLUMNS);
    put_text(out, before);
    put_clean(out, shown);
    put_text(out, window.cut_after ? "...\n" : "\n");
    if (diag->pos.col == 0)
        return;
    put_blanks(out, INDENT_COLUMNS + (uint32_t)strlen(before));
    put_carets(out, &window, diag->len, color);
}

static void put_detail(struct out *out, struct asy_str detail)
{
    while (detail.len) {
        int64_t end = asy_str_find(detail, ASY_STR("\n"));
        uint32_t len = end < 0 ? detail.len : (uint32_t)end;
        put_blanks(out, INDENT_COLUMNS);
        put_clean(out, (struct asy_str){detail.p, len});
        put(out, "\n", 1);
        len += end >= 0;
        detail.p += len;
        detail.len -= len;
    }
}

static void put_place(struct out *out, const struct asy_diags *diags, struct asy_pos pos, bool color)
{
    if (diags->path.len == 0 && pos.line == 0)
        return;
    put_text(out, color ? "\x1b[1m" : "");
    if (diags->path.len) {
        put_clean(out, diags->path);
        put(out, ":", 1);
    }
    char place[32];
    if (pos.line)
        put(out, place, (uint32_t)snprintf(place, sizeof place, "%u:%u:", pos.line, pos.col));
    put_text(out, color ? "\x1b[0m " : " ");
}

static void put_severity(struct out *out, const char *code, bool color)
{
    const char *word = code[0] == 'E' ? "error:" : code[0] == 'W' ? "warning:" : "note:";
    const char *escape = code[0] == 'E' ? "\x1b[1;31m" : code[0] == 'W' ? "\x1b[1;33m" : "\x1b[1;36m";
    put_text(out, color ? escape : "");
    put_text(out, word);
    put_text(out, color ? "\x1b[0m " : " ");
}

struct asy_str asy_diags_text(struct asy_pool *pool, const struct asy_diags *diags, bool color)
{
    struct out out = {.pool = pool};
    struct cursor cursor = {1, 0, 0};
    for (uint32_t i = 0; i < diags->n; i++) {
        const struct asy_diag *diag = &diags->items[i];
        put_place(&out, diags, diag->pos, color);
        put_severity(&out, diag->code, color);
        put_text(&out, diag->code);
        put(&out, " ", 1);
        put_clean(&out, diag->text);
        if (diag->slug && diag->slug[0]) {
            put_text(&out, " [");
            put_text(&out, diag->slug);
            put_text(&out, "]");
        }
        put(&out, "\n", 1);
        if (diag->pos.line && diags->source.p)
            put_source(&out, line_from(diags->source, &cursor, diag->pos.line), diag, color);
        put_detail(&out, diag->detail);
    }
    if (out.failed)
        return (struct asy_str){NULL, 0};
    return out.text ? (struct asy_str){out.text, out.len} : ASY_STR("");
}
