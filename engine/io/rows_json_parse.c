/* One NDJSON row: an RFC 8259 object in a line. Keys become columns in the order they are met; nested objects give dotted names, arrays
 * stay text; values are kept in the order of the file.
 *
 * Exports repeat the same keys in the same order, so each key remembers which one followed it the last time; a hash table
 * answers when that guess fails. */
#include "base/hash.h"
#include "io/rows_internal.h"

#include <inttypes.h>
#include <stdio.h>

#define MAX_DEPTH 64u
#define MAX_NAME_BYTES 1024u
#define MAX_KEYS 16384u
#define NONE UINT32_MAX

/* A path in the objects of the file. Number 0 is the row itself. */
struct asy_json_key {
    struct asy_str text, name; /* last part; all of it, dotted */
    uint32_t parent;
    uint32_t column;           /* NONE while only objects were seen there */
    uint32_t next, first;      /* guesses: the key behind this one; the first inside it. 0: none yet */
    uint64_t seen;             /* the row that had it last */
};

static bool value(struct asy_ndjson_parse *parse, uint32_t key, uint32_t depth);

/* `expected` completes "byte 17: expected ..., found `x`". Always false. */
static bool broken(struct asy_ndjson_parse *parse, const char *expected)
{
    char found[32];
    const unsigned char c = parse->p < parse->end ? (unsigned char)*parse->p : 0;
    if (parse->p >= parse->end)
        snprintf(found, sizeof(found), "the end of the line");
    else if (c > ' ' && c < 127)
        snprintf(found, sizeof(found), "`%c`", c);
    else
        snprintf(found, sizeof(found), "byte 0x%02x", c);
    parse->is_broken = true;
    parse->is_cut = parse->p >= parse->end;
    snprintf(parse->rows->problem, sizeof(parse->rows->problem), "JSON, byte %zu: expected %s, found %s",
             (size_t)(parse->p - parse->start) + 1, expected, found);
    return false;
}

static bool stop(struct asy_ndjson_parse *parse, assay_status status)
{
    parse->status = status;
    return false;
}

static void skip_blanks(struct asy_ndjson_parse *parse)
{
    while (parse->p < parse->end && (*parse->p == ' ' || *parse->p == '\t' || *parse->p == '\r')) parse->p++;
}

static bool take(struct asy_ndjson_parse *parse, char c)
{
    if (parse->p >= parse->end || *parse->p != c) return false;
    parse->p++;
    return true;
}

/* ---- strings ---- */

/* The first quote, backslash or control character at or behind `p`; eight bytes at a time. */
static const char *string_stop(const char *p, const char *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        const uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
        /* Top bits of bytes below 32 and of zero bytes; a borrow makes false ones above a true one only. */
        const uint64_t hit = ((word - ones * 32) & ~word) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
        if (hit & tops) break;
        p += 8;
    }
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 32) p++;
    return p;
}

static bool hex4(struct asy_ndjson_parse *parse, uint32_t *out)
{
    *out = 0;
    for (uint32_t i = 0; i < 4; i++, parse->p++) {
        const int c = parse->p < parse->end ? *parse->p : 0;
        const int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (digit < 0) return broken(parse, "four hex digits after \\u");
        *out = *out * 16 + (uint32_t)digit;
    }
    return true;
}

static char *put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *to++ = (char)(0xe0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    } else {
        *to++ = (char)(0xf0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3f));
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    }
    return to;
}

/* Behind `\u`: one code point, of a surrogate pair if need be. */
static bool unicode_escape(struct asy_ndjson_parse *parse, char **to)
{
    uint32_t c, low;
    if (!hex4(parse, &c)) return false;
    if (c == 0) return broken(parse, "text without NUL (\\u0000)");
    if (c >= 0xdc00 && c <= 0xdfff) return broken(parse, "a high surrogate before a low one");
    if (c >= 0xd800 && c <= 0xdbff) {
        if (!take(parse, '\\') || !take(parse, 'u')) return broken(parse, "a low surrogate behind a high one");
        if (!hex4(parse, &low)) return false;
        if (low < 0xdc00 || low > 0xdfff) return broken(parse, "a low surrogate behind a high one");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    *to = put_utf8(*to, c);
    return true;
}

static bool escape(struct asy_ndjson_parse *parse, char **to)
{
    static const char from[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    parse->p++;
    if (take(parse, 'u')) return unicode_escape(parse, to);
    const char *at = parse->p < parse->end && *parse->p ? strchr(from, *parse->p) : NULL;
    if (!at) return broken(parse, "one of \" \\ / b f n r t u behind a backslash");
    *(*to)++ = means[at - from];
    parse->p++;
    return true;
}

/* A string at its opening quote. Unescaped text stands in the second half of the buffer. */
static bool string(struct asy_ndjson_parse *parse, struct asy_str *out)
{
    struct asy_block *block = parse->block;
    const char *from = ++parse->p;
    parse->p = string_stop(from, parse->end);
    if (parse->p < parse->end && *parse->p == '"') {
        *out = (struct asy_str){from, (uint32_t)(parse->p - from)};
        parse->p++;
        return true;
    }
    char *const copy = block->buf + asy_block_half(block, (size_t)(from - block->buf));
    char *to = copy;
    for (;;) {
        const size_t n = (size_t)(parse->p - from);
        memcpy(to, from, n);
        to += n;
        if (parse->p >= parse->end) {
            broken(parse, "a closing quote");
            parse->is_cut = false;
            return false;
        }
        if (*parse->p == '"') break;
        if (*parse->p != '\\') return broken(parse, "control characters in text to be escaped");
        if (!escape(parse, &to)) return false;
        from = parse->p;
        parse->p = string_stop(from, parse->end);
    }
    parse->p++;
    *out = (struct asy_str){copy, (uint32_t)(to - copy)};
    return true;
}

/* ---- numbers, words, arrays: their text ---- */

static bool digits(struct asy_ndjson_parse *parse)
{
    const char *from = parse->p;
    while (parse->p < parse->end && *parse->p >= '0' && *parse->p <= '9') parse->p++;
    return parse->p > from || broken(parse, "a digit");
}

static bool number(struct asy_ndjson_parse *parse)
{
    take(parse, '-');
    if (take(parse, '0')) {
        if (parse->p < parse->end && *parse->p >= '0' && *parse->p <= '9') return broken(parse, "no digit behind a leading 0");
    } else if (!digits(parse)) {
        return false;
    }
    if (take(parse, '.') && !digits(parse)) return false;
    if (take(parse, 'e') || take(parse, 'E')) {
        if (!take(parse, '+')) take(parse, '-');
        return digits(parse);
    }
    return true;
}

static bool word(struct asy_ndjson_parse *parse, const char *text)
{
    const size_t n = strlen(text);
    if ((size_t)(parse->end - parse->p) < n || memcmp(parse->p, text, n) != 0)
        return broken(parse, "a string, number, object, array, true, false or null");
    parse->p += n;
    return true;
}

static bool scalar(struct asy_ndjson_parse *parse)
{
    const char c = parse->p < parse->end ? *parse->p : 0;
    if (c == '-' || (c >= '0' && c <= '9')) return number(parse);
    return word(parse, c == 't' ? "true" : c == 'f' ? "false" : "null");
}

/* A value inside an array: only checked. */
static bool skip_value(struct asy_ndjson_parse *parse, uint32_t depth)
{
    struct asy_str ignored;
    const char open = parse->p < parse->end ? *parse->p : 0;
    if (open == '"') return string(parse, &ignored);
    if (open != '[' && open != '{') return scalar(parse);
    if (depth >= MAX_DEPTH) return broken(parse, "at most 64 levels of objects and arrays");
    const char close = open == '[' ? ']' : '}';
    parse->p++;
    skip_blanks(parse);
    if (take(parse, close)) return true;
    for (;;) {
        if (open == '{') {
            if (parse->p >= parse->end || *parse->p != '"') return broken(parse, "a name in quotes");
            if (!string(parse, &ignored)) return false;
            skip_blanks(parse);
            if (!take(parse, ':')) return broken(parse, "`:` behind a name");
            skip_blanks(parse);
        }
        if (!skip_value(parse, depth + 1)) return false;
        skip_blanks(parse);
        if (take(parse, close)) return true;
        if (!take(parse, ',')) return broken(parse, open == '[' ? "`,` or `]`" : "`,` or `}`");
        skip_blanks(parse);
    }
}

/* ---- keys ---- */

static uint64_t key_hash(uint32_t parent, struct asy_str text)
{
    return asy_checksum(text) ^ parent * UINT64_C(0x9e3779b97f4a7c15);
}

static bool is_key(const struct asy_json *json, uint32_t key, uint32_t parent, struct asy_str text)
{
    return key != 0 && json->keys[key].parent == parent && asy_str_eq(json->keys[key].text, text);
}

static void put_slot(struct asy_json *json, uint32_t key)
{
    size_t slot = key_hash(json->keys[key].parent, json->keys[key].text) & (json->n_slots - 1);
    while (json->slots[slot]) slot = (slot + 1) & (json->n_slots - 1);
    json->slots[slot] = key;
}

static bool grow_slots(struct asy_rows *rows)
{
    struct asy_json *json = &rows->json;
    if (json->n_keys * 2 < json->n_slots) return true;
    const size_t n_slots = json->n_slots * 2;
    uint32_t *slots = asy_mem_alloc_n(rows->mem, n_slots, sizeof(*slots));
    if (!slots) return false;
    asy_mem_free(rows->mem, json->slots, json->n_slots * sizeof(*slots));
    json->slots = slots;
    json->n_slots = n_slots;
    for (uint32_t key = 1; key < json->n_keys; key++) put_slot(json, key);
    return true;
}

static bool new_key(struct asy_ndjson_parse *parse, uint32_t parent, struct asy_str text, uint32_t *out)
{
    struct asy_rows *rows = parse->rows;
    struct asy_json *json = &rows->json;
    const struct asy_str above = json->keys[parent].name;
    if (text.len > MAX_NAME_BYTES || above.len + text.len + 1 > MAX_NAME_BYTES)
        return broken(parse, "names of at most 1,024 bytes before this place");
    if (json->n_keys >= MAX_KEYS)
        return stop(parse, asy_rows_fail(rows, parse->error, ASSAY_E_LIMIT, rows->line,
                                         "JSON: expected at most %u different names in a file, found more", MAX_KEYS));
    struct asy_json_key key = {.parent = parent, .column = NONE};
    key.name = parent ? asy_pool_printf(&rows->pool, "%.*s.%.*s", ASY_ARG(above), ASY_ARG(text)) : asy_pool_copy(&rows->pool, text);
    if (!key.name.p || !grow_slots(rows) ||
        !asy_mem_grow(rows->mem, (void **)&json->keys, &json->cap_keys, json->n_keys, sizeof(*json->keys)))
        return stop(parse, asy_rows_fail_memory(rows, parse->error));
    key.text = (struct asy_str){key.name.p + key.name.len - text.len, text.len};
    *out = (uint32_t)json->n_keys++;
    json->keys[*out] = key;
    put_slot(json, *out);
    return true;
}

/* The key `text` under `parent`, met behind `before` (0: first). */
static bool find_key(struct asy_ndjson_parse *parse, uint32_t parent, uint32_t before, struct asy_str text, uint32_t *out)
{
    struct asy_json *json = &parse->rows->json;
    const uint32_t guess = before ? json->keys[before].next : json->keys[parent].first;
    if (is_key(json, guess, parent, text)) {
        *out = guess;
    } else {
        size_t slot = key_hash(parent, text) & (json->n_slots - 1);
        while (json->slots[slot] && !is_key(json, json->slots[slot], parent, text)) slot = (slot + 1) & (json->n_slots - 1);
        *out = json->slots[slot];
        if (*out == 0 && !new_key(parse, parent, text, out)) return false;
        if (before)
            json->keys[before].next = *out;
        else
            json->keys[parent].first = *out;
    }
    if (json->keys[*out].seen == json->row) {
        parse->is_broken = true;
        snprintf(parse->rows->problem, sizeof(parse->rows->problem), "JSON: expected each name once in an object, found `%.*s` twice",
                 (int)(json->keys[*out].name.len < 100 ? json->keys[*out].name.len : 100), json->keys[*out].name.p);
        return false;
    }
    json->keys[*out].seen = json->row;
    return true;
}

/* The column of `key`; {"a.b": 1} and {"a": {"b": 1}} share one. */
static bool need_column(struct asy_ndjson_parse *parse, uint32_t key)
{
    struct asy_rows *rows = parse->rows;
    struct asy_json_key *k = &rows->json.keys[key];
    if (k->column != NONE) return true;
    for (uint32_t i = 0; i < rows->n_columns; i++)
        if (asy_str_eq(rows->names[i], k->name)) {
            k->column = i;
            return true;
        }
    if (rows->n_columns >= ASY_ROWS_MAX_COLUMNS)
        return stop(parse, asy_rows_fail(rows, parse->error, ASSAY_E_LIMIT, rows->line, "JSON: expected at most %u columns, found more",
                                         ASY_ROWS_MAX_COLUMNS));
    k->column = rows->n_columns;
    rows->names[rows->n_columns] = k->name;
    rows->n_columns++;
    return true;
}

/* ---- values ---- */

static bool object(struct asy_ndjson_parse *parse, uint32_t parent, uint32_t depth)
{
    uint32_t before = 0;
    parse->p++;
    skip_blanks(parse);
    if (take(parse, '}')) return true;
    for (;;) {
        struct asy_str text;
        uint32_t key;
        if (parse->p >= parse->end || *parse->p != '"') return broken(parse, "a name in quotes");
        if (!string(parse, &text)) return false;
        if (!find_key(parse, parent, before, text, &key)) return false;
        before = key;
        skip_blanks(parse);
        if (!take(parse, ':')) return broken(parse, "`:` behind a name");
        skip_blanks(parse);
        if (!value(parse, key, depth)) return false;
        skip_blanks(parse);
        if (take(parse, '}')) return true;
        if (!take(parse, ',')) return broken(parse, "`,` or `}`");
        skip_blanks(parse);
    }
}

static bool put_entry(struct asy_ndjson_parse *parse, uint32_t column, struct asy_str text)
{
    struct asy_block *block = parse->block;
    if (!asy_mem_grow(block->mem, (void **)&block->entries, &block->entries_cap, block->n_entries, sizeof(*block->entries)))
        return stop(parse, asy_rows_fail_memory(parse->rows, parse->error));
    block->entries[block->n_entries++] = (struct asy_json_entry){column, {(uint32_t)(text.p - block->buf), text.len}};
    return true;
}

static bool value(struct asy_ndjson_parse *parse, uint32_t key, uint32_t depth)
{
    struct asy_rows *rows = parse->rows;
    const char *from = parse->p;
    const char c = from < parse->end ? *from : 0;
    struct asy_str text = {from, 0};
    if (c == '{') {
        if (depth >= MAX_DEPTH) return broken(parse, "at most 64 levels of objects and arrays");
        return object(parse, key, depth + 1);
    }
    if (!need_column(parse, key)) return false;
    const uint32_t column = rows->json.keys[key].column;
    parse->column = column + 1;
    if (c == '"') {
        if (!string(parse, &text)) return false;
    } else {
        if (!(c == '[' ? skip_value(parse, depth) : scalar(parse))) return false;
        text.len = c == 'n' ? 0 : (uint32_t)(parse->p - from);
    }
    if (text.len > rows->max_cell_bytes)
        return stop(parse, asy_rows_fail(rows, parse->error, ASSAY_E_LIMIT, rows->line,
                                         "column %" PRIu32 ": expected a cell of at most %zu bytes, found %" PRIu32
                                         "; raise the limit with --max-cell",
                                         column + 1, rows->max_cell_bytes, text.len));
    if (rows->json.seen[column] == rows->json.row) {
        parse->is_broken = true;
        snprintf(rows->problem, sizeof(rows->problem), "JSON: expected one value a column, found two named `%.*s`",
                 (int)(rows->names[column].len < 100 ? rows->names[column].len : 100), rows->names[column].p);
        return false;
    }
    rows->json.seen[column] = rows->json.row;
    parse->column = 0;
    return put_entry(parse, column, text);
}

/* ---- a row ---- */

static bool has_high_bytes(struct asy_str s)
{
    uint64_t any = 0;
    uint32_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t word;
        memcpy(&word, s.p + i, 8);
        any |= word;
    }
    for (; i < s.len; i++) any |= (uint64_t)(unsigned char)s.p[i];
    return (any & UINT64_C(0x8080808080808080)) != 0;
}

static void parse_line(struct asy_ndjson_parse *parse)
{
    if (has_high_bytes((struct asy_str){parse->start, (uint32_t)(parse->end - parse->start)}) &&
        !asy_utf8_valid((struct asy_str){parse->start, (uint32_t)(parse->end - parse->start)})) {
        parse->is_broken = true;
        snprintf(parse->rows->problem, sizeof(parse->rows->problem), "%s", ASY_ROWS_BAD_UTF8);
        return;
    }
    skip_blanks(parse);
    if (parse->p >= parse->end || *parse->p != '{') {
        broken(parse, "an object");
        return;
    }
    if (!object(parse, 0, 1)) return;
    skip_blanks(parse);
    if (parse->p < parse->end) broken(parse, "the end of the line behind the object");
}

void asy_ndjson_drop_columns(struct asy_rows *rows, uint32_t n_columns)
{
    if (rows->n_columns == n_columns) return;
    for (size_t i = 0; i < rows->json.n_keys; i++)
        if (rows->json.keys[i].column != NONE && rows->json.keys[i].column >= n_columns) rows->json.keys[i].column = NONE;
    /* What a line to come adds here must not look seen. */
    for (uint32_t i = n_columns; i < rows->n_columns; i++) rows->json.seen[i] = 0;
    rows->n_columns = n_columns;
}

void asy_ndjson_parse(struct asy_ndjson_parse *parse, const char *line, size_t len)
{
    parse->start = parse->p = line;
    parse->end = line + len;
    parse->rows->json.row++;
    parse_line(parse);
}

assay_status asy_ndjson_init(struct asy_rows *rows, struct assay_error *error)
{
    struct asy_json *json = &rows->json;
    json->n_slots = 64;
    json->slots = asy_mem_alloc_n(rows->mem, json->n_slots, sizeof(*json->slots));
    json->seen = asy_mem_alloc_n(rows->mem, ASY_ROWS_MAX_COLUMNS, sizeof(*json->seen));
    if (!json->slots || !json->seen || !asy_mem_grow(rows->mem, (void **)&json->keys, &json->cap_keys, json->n_keys, sizeof(*json->keys)))
        return asy_rows_fail_memory(rows, error);
    json->keys[json->n_keys++] = (struct asy_json_key){.name = ASY_STR(""), .text = ASY_STR(""), .column = NONE};
    return ASSAY_OK;
}

void asy_ndjson_fini(struct asy_rows *rows)
{
    struct asy_json *json = &rows->json;
    asy_mem_free(rows->mem, json->keys, json->cap_keys * sizeof(*json->keys));
    asy_mem_free(rows->mem, json->slots, json->n_slots * sizeof(*json->slots));
    asy_mem_free(rows->mem, json->seen, ASY_ROWS_MAX_COLUMNS * sizeof(*json->seen));
}
