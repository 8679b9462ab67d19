#include "cli/json.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"

enum { DEPTH_MAX = 63 };

void asy_json_init(struct asy_json *json, struct asy_mem *mem)
{
    *json = (struct asy_json){.mem = mem};
}

void asy_json_fini(struct asy_json *json)
{
    asy_mem_free(json->mem, json->p, json->cap);
    *json = (struct asy_json){.mem = json->mem};
}

static void put(struct asy_json *json, const char *bytes, size_t n)
{
    if (json->failed) return;
    if (json->cap - json->len < n) {
        size_t cap = json->cap != 0 ? json->cap : 256;
        while (cap - json->len < n) cap *= 2;
        char *p = cap <= UINT32_MAX ? asy_mem_resize(json->mem, json->p, json->cap, cap) : NULL;
        if (p == NULL) {
            json->failed = true;
            return;
        }
        json->p = p;
        json->cap = cap;
    }
    memcpy(json->p + json->len, bytes, n);
    json->len += n;
}

static void put_of(struct asy_json *json, const char *text)
{
    put(json, text, strlen(text));
}

static void new_line(struct asy_json *json)
{
    put_of(json, "\n");
    for (uint32_t i = 0; i < json->depth; i++) put_of(json, "  ");
}

/* Length of the well-formed UTF-8 sequence at p[0..n), 0 if there is none. */
static uint32_t sequence_length(const char *p, uint32_t n)
{
    for (uint32_t len = 1; len <= 4 && len <= n; len++)
        if (asy_utf8_valid((struct asy_str){p, len})) return len;
    return 0;
}

static void put_string(struct asy_json *json, struct asy_str s)
{
    put_of(json, "\"");
    for (uint32_t i = 0; i < s.len;) {
        const unsigned char c = (unsigned char)s.p[i];
        uint32_t len = 1;
        char escape[8];
        if (c == '"' || c == '\\') {
            put(json, (const char[]){'\\', (char)c}, 2);
        } else if (c < 0x20) {
            snprintf(escape, sizeof(escape), "\\u%04x", c);
            put_of(json, c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\r' ? "\\r" : escape);
        } else if (c < 0x80) {
            put(json, s.p + i, 1);
        } else if ((len = sequence_length(s.p + i, s.len - i)) > 0) {
            put(json, s.p + i, len);
        } else {
            put_of(json, "\\ufffd");
            len = 1;
        }
        i += len;
    }
    put_of(json, "\"");
}

/* Comma, new line and key before an item. */
static void begin_item(struct asy_json *json, const char *key)
{
    const uint64_t bit = UINT64_C(1) << json->depth;
    if (json->has_items & bit) put_of(json, ",");
    json->has_items |= bit;
    if (json->depth > 0) new_line(json);
    if (key == NULL) return;
    put_string(json, asy_str_of(key));
    put_of(json, ": ");
}

void asy_json_open(struct asy_json *json, const char *key, char bracket)
{
    begin_item(json, key);
    put(json, &bracket, 1);
    ASY_CHECK(json->depth < DEPTH_MAX, json->depth, DEPTH_MAX);
    json->depth++;
    json->has_items &= ~(UINT64_C(1) << json->depth);
}

void asy_json_close(struct asy_json *json, char bracket)
{
    ASY_CHECK(json->depth > 0, json->depth, 0);
    const bool had_items = json->has_items >> json->depth & 1;
    json->depth--;
    if (had_items) new_line(json);
    put(json, &bracket, 1);
}

void asy_json_text(struct asy_json *json, const char *key, struct asy_str value)
{
    begin_item(json, key);
    put_string(json, value);
}

void asy_json_int(struct asy_json *json, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    begin_item(json, key);
    put_of(json, text);
}

void asy_json_bool(struct asy_json *json, const char *key, bool value)
{
    begin_item(json, key);
    put_of(json, value ? "true" : "false");
}

void asy_json_null(struct asy_json *json, const char *key)
{
    begin_item(json, key);
    put_of(json, "null");
}

void asy_json_milli(struct asy_json *json, const char *key, int64_t milli)
{
    char text[24];
    const uint32_t len = asy_format_milli(milli, text);
    begin_item(json, key);
    put(json, text, len);
}

void asy_json_number(struct asy_json *json, const char *key, double value)
{
    if (!(value - value == 0)) {
        asy_json_null(json, key);
        return;
    }
    char text[32];
    const uint32_t len = asy_format_f64(value, text);
    begin_item(json, key);
    put(json, text, len);
}

struct asy_str asy_json_finish(struct asy_json *json)
{
    ASY_CHECK(json->depth == 0, json->depth, 0);
    put_of(json, "\n");
    return json->failed ? (struct asy_str){NULL, 0} : (struct asy_str){json->p, (uint32_t)json->len};
}
