/* The bytes of cells, see cell.h. */
#include "io/cell.h"

#include "base/check.h"

enum { NAME_BYTES_MAX = 32 << 10 };

/* ---- text that stands for itself ---- */

static const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);

/* Not 0 if one of eight bytes may need a second look in some format: below '-' (blanks, quotes, commas, + and whatever controls), a
 * backslash, above ASCII. */
static inline uint64_t odd_bytes(uint64_t bytes)
{
    const uint64_t slash = bytes ^ (ones * '\\');
    return (((bytes - ones * '-') & ~bytes) | ((slash - ones) & ~slash) | bytes) & tops;
}

static inline bool is_trigger(char c)
{
    return c == '=' || c == '+' || c == '-' || c == '@' || c == '\t' || c == '\r';
}

/* Copies `text`, which is not empty, and says whether that is all there is to do. Ids and names mostly are that plain. */
static inline bool copy_plain(char *out, struct asy_str text)
{
    uint64_t bytes = ones * '0', odd = 0;
    uint32_t i = 0;
    for (; text.len - i >= 8; i += 8) {
        memcpy(&bytes, text.p + i, 8);
        memcpy(out + i, &bytes, 8);
        odd |= odd_bytes(bytes);
    }
    if (i < text.len && text.len >= 8) {
        memcpy(&bytes, text.p + text.len - 8, 8);
        memcpy(out + text.len - 8, &bytes, 8);
        odd |= odd_bytes(bytes);
    } else {
        for (; i < text.len; i++) {
            out[i] = text.p[i];
            odd |= odd_bytes(ones * (uint8_t)text.p[i]);
        }
    }
    return odd == 0 && !is_trigger(text.p[0]);
}

/* ---- CSV and TSV ---- */

static bool needs_quotes(const struct asy_layout *layout, struct asy_str text)
{
    for (uint32_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (c == layout->delimiter || c == '"' || c == '\n' || c == '\r')
            return true;
    }
    /* A row of one empty cell would be a blank line, which readers skip. */
    return text.len == 0 && layout->n_columns == 1;
}

static bool looks_escaped(struct asy_str text)
{
    return text.len > 1 && text.p[0] == '\'' && (text.p[1] == '\'' || is_trigger(text.p[1]));
}
/* What a spreadsheet would run, and what looks as if it had been escaped: else reading it back would take an apostrophe off that
 * belongs to it. */
static bool needs_escape(struct asy_str text)
{
    return text.len > 0 && (is_trigger(text.p[0]) || looks_escaped(text));
}

struct asy_str asy_cell_unescaped(struct asy_str cell)
{
    return looks_escaped(cell) ? (struct asy_str){cell.p + 1, cell.len - 1} : cell;
}

static char *put_bytes(char *out, const char *p, size_t n)
{
    if (n > 0)
        memcpy(out, p, n);
    return out + n;
}

/* With quotes doubled. */
static char *put_delimited(struct asy_str text, char *out)
{
    uint32_t from = 0;
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.p[i] != '"')
            continue;
        out = put_bytes(out, text.p + from, i + 1 - from);
        from = i; /* the quote goes out once more with what follows */
    }
    return put_bytes(out, text.p + from, text.len - from);
}

/* ---- NDJSON ---- */

/* Bytes of the well-formed character at the start of `s`, 0 if there is none. */
static uint32_t character(struct asy_str s)
{
    for (uint32_t n = 1; n <= 4 && n <= s.len; n++)
        if (asy_utf8_valid((struct asy_str){s.p, n}))
            return n;
    return 0;
}

/* Length of the escape of `c` in `out`, 0 if it stands for itself. */
static uint32_t json_escape(uint8_t c, char out[8])
{
    static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt", hex[] = "0123456789abcdef";
    for (size_t i = 0; i + 1 < sizeof(short_forms); i += 2) {
        if (c != (uint8_t)short_forms[i])
            continue;
        out[0] = '\\';
        out[1] = short_forms[i + 1];
        return 2;
    }
    if (c >= 0x20)
        return 0;
    memcpy(out, "\\u00", 4);
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

static char *put_json(struct asy_str text, char *out)
{
    bool is_valid = asy_utf8_valid(text);
    uint32_t from = 0, i = 0;
    while (i < text.len) {
        uint8_t c = (uint8_t)text.p[i];
        char escape[8];
        uint32_t n = 0, taken = 1;
        if (c < 0x20 || c == '"' || c == '\\') {
            n = json_escape(c, escape);
        } else if (!is_valid && c >= 0x80) {
            taken = character((struct asy_str){text.p + i, text.len - i});
            if (taken == 0) {
                n = 6;
                memcpy(escape, "\\ufffd", 6);
                taken = 1;
            }
        }
        if (n > 0) {
            out = put_bytes(out, text.p + from, i - from);
            out = put_bytes(out, escape, n);
            from = i + taken;
        }
        i += taken;
    }
    return put_bytes(out, text.p + from, text.len - from);
}

/* ---- cells ---- */

/* What goes before a cell. */
static inline char *put_start(const struct asy_layout *layout, uint32_t column, char *out)
{
    if (layout->format == ASY_FORMAT_NDJSON)
        return put_bytes(out, layout->keys[column].p, layout->keys[column].len);
    *out = layout->delimiter;
    return out + (column > 0);
}

uint32_t asy_cell_marks(const struct asy_layout *layout, struct asy_str text)
{
    if (layout->format == ASY_FORMAT_NDJSON)
        return ASY_CELL_QUOTED;
    return (needs_quotes(layout, text) ? ASY_CELL_QUOTED : 0) | (needs_escape(text) ? ASY_CELL_ESCAPED : 0);
}

char *asy_cell_open(const struct asy_layout *layout, uint32_t column, uint32_t marks, char *out)
{
    out = put_start(layout, column, out);
    if (marks & ASY_CELL_QUOTED)
        *out++ = '"';
    if (marks & ASY_CELL_ESCAPED)
        *out++ = '\'';
    return out;
}

char *asy_cell_body(const struct asy_layout *layout, struct asy_str piece, char *out)
{
    return layout->format == ASY_FORMAT_NDJSON ? put_json(piece, out) : put_delimited(piece, out);
}

char *asy_cell_close(uint32_t marks, char *out)
{
    *out = '"';
    return out + ((marks & ASY_CELL_QUOTED) != 0);
}

/* A cell of which `marks` says how it has to be. */
static char *put_cell(const struct asy_layout *layout, uint32_t column, struct asy_str text, uint32_t marks, char *out)
{
    if (layout->format == ASY_FORMAT_NDJSON && text.len == 0)
        return put_bytes(put_start(layout, column, out), "null", 4);
    out = asy_cell_open(layout, column, marks, out);
    out = asy_cell_body(layout, text, out);
    return asy_cell_close(marks, out);
}

char *asy_cell_text(const struct asy_layout *layout, uint32_t column, struct asy_str text, char *out)
{
    const uint32_t plain_marks = layout->format == ASY_FORMAT_NDJSON ? ASY_CELL_QUOTED : 0;
    if (text.len > 0) {
        char *body = asy_cell_open(layout, column, plain_marks, out);
        if (copy_plain(body, text))
            return asy_cell_close(plain_marks, body + text.len);
    }
    return put_cell(layout, column, text, asy_cell_marks(layout, text), out);
}

char *asy_cell_raw(const struct asy_layout *layout, uint32_t column, struct asy_str text, char *out)
{
    return put_cell(layout, column, text, asy_cell_marks(layout, text) & ASY_CELL_QUOTED, out);
}

char *asy_cell_milli(const struct asy_layout *layout, uint32_t column, int64_t milli, uint32_t decimals, char *out)
{
    ASY_CHECK(decimals <= 3, decimals, milli);
    char text[ASY_NUMBER_BYTES];
    uint32_t at = sizeof(text);
    uint64_t rest = milli < 0 ? 0 - (uint64_t)milli : (uint64_t)milli;
    for (uint32_t place = 3; place > 0; place--) {
        if (place <= decimals)
            text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    }
    if (decimals > 0)
        text[--at] = '.';
    do {
        text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (milli < 0)
        text[--at] = '-';
    return put_bytes(put_start(layout, column, out), text + at, sizeof(text) - at);
}

char *asy_row_end(const struct asy_layout *layout, char *out)
{
    return layout->format == ASY_FORMAT_NDJSON ? put_bytes(out, "}\n", 2) : put_bytes(out, "\n", 1);
}

/* ---- layouts ---- */

static assay_status make_keys(struct asy_layout *layout, struct asy_pool *pool, const char *path, const struct asy_str *names,
                              struct assay_error *error)
{
    struct asy_str *keys = asy_pool_alloc_n(pool, layout->n_columns, sizeof(*keys));
    for (uint32_t i = 0; i < layout->n_columns && !pool->has_failed; i++) {
        if (names[i].len > NAME_BYTES_MAX)
            return asy_fail(error, ASSAY_E_LIMIT, "%s: column %u: expected a name of at most %d bytes, found %u", path, i + 1,
                            NAME_BYTES_MAX, names[i].len);
        char *key = asy_pool_alloc(pool, 6 * (size_t)names[i].len + 4), *at = key;
        if (!key)
            break;
        *at++ = i == 0 ? '{' : ',';
        *at++ = '"';
        at = put_json(names[i], at);
        *at++ = '"';
        *at++ = ':';
        keys[i] = (struct asy_str){key, (uint32_t)(at - key)};
    }
    if (pool->has_failed)
        return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    layout->keys = keys;
    return ASSAY_OK;
}

assay_status asy_layout_init(struct asy_layout *layout, struct asy_pool *pool, const char *path, enum asy_format format,
                             const struct asy_str *names, uint32_t n_columns, struct assay_error *error)
{
    ASY_CHECK(format != ASY_FORMAT_AUTO && n_columns > 0, format, n_columns);
    *layout = (struct asy_layout){.format = format, .delimiter = format == ASY_FORMAT_TSV ? '\t' : ',', .n_columns = n_columns};
    return format == ASY_FORMAT_NDJSON ? make_keys(layout, pool, path, names, error) : ASSAY_OK;
}
