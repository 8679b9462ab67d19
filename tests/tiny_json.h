/* JSON files of outside test suites as trees, for tests only. Trusts its input; numbers stay text; without memory it aborts. */
#ifndef TINY_JSON_H
#define TINY_JSON_H

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct tiny_json {
    char kind; /* { [ " or the first byte of a number or word */
    struct asy_str text;
    struct tiny_json *items; /* of arrays and objects */
    struct asy_str *names;   /* of objects */
    uint32_t n;
};

/* All of a file, or {NULL,0} if it cannot be read. NUL-terminated. */
static inline struct asy_str tiny_read_file(struct asy_pool *pool, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) return (struct asy_str){NULL, 0};
    fseek(file, 0, SEEK_END);
    const long n = ftell(file);
    rewind(file);
    char *bytes = asy_pool_alloc(pool, (size_t)n + 1);
    if (!bytes || fread(bytes, 1, (size_t)n, file) != (size_t)n) abort();
    fclose(file);
    return (struct asy_str){bytes, (uint32_t)n};
}

static inline const char *tiny_skip(const char *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') p++;
    return p;
}

static inline uint32_t tiny_hex(const char *p)
{
    char digits[5] = {p[0], p[1], p[2], p[3], 0};
    return (uint32_t)strtoul(digits, NULL, 16);
}

static inline const char *tiny_string(struct asy_pool *pool, const char *p, struct asy_str *out)
{
    const char *end = ++p;
    while (*end != '"') end += *end == '\\' ? 2 : 1;
    char *to = asy_pool_alloc(pool, (size_t)(end - p) + 1);
    if (!to) abort();
    *out = (struct asy_str){to, 0};
    for (; p < end; p++) {
        if (*p != '\\') {
            *to++ = *p;
            continue;
        }
        p++;
        if (*p != 'u') {
            const char *const from = "bfnrt", *const means = "\b\f\n\r\t", *const at = strchr(from, *p);
            *to++ = at ? means[at - from] : *p;
            continue;
        }
        const uint32_t c = tiny_hex(p + 1); /* the suites use none beyond U+FFFF */
        p += 4;
        if (c < 0x80) {
            *to++ = (char)c;
        } else if (c < 0x800) {
            *to++ = (char)(0xc0 | c >> 6);
            *to++ = (char)(0x80 | (c & 0x3f));
        } else {
            *to++ = (char)(0xe0 | c >> 12);
            *to++ = (char)(0x80 | (c >> 6 & 0x3f));
            *to++ = (char)(0x80 | (c & 0x3f));
        }
    }
    out->len = (uint32_t)(to - out->p);
    return end + 1;
}

static inline const char *tiny_parse(struct asy_pool *pool, const char *p, struct tiny_json *out)
{
    memset(out, 0, sizeof(*out));
    p = tiny_skip(p);
    out->kind = *p;
    if (*p == '"') return tiny_string(pool, p, &out->text);
    if (*p != '[' && *p != '{') {
        out->text.p = p;
        while (*p && !strchr(",]} \n\r\t", *p)) p++;
        out->text.len = (uint32_t)(p - out->text.p);
        return p;
    }
    const char close = *p == '[' ? ']' : '}';
    uint32_t cap = 0, name_cap = 0;
    p = tiny_skip(p + 1);
    while (*p != close) {
        if (!asy_pool_grow(pool, (void **)&out->items, &cap, out->n, sizeof(*out->items))) abort();
        if (!asy_pool_grow(pool, (void **)&out->names, &name_cap, out->n, sizeof(*out->names))) abort();
        if (out->kind == '{') {
            p = tiny_skip(tiny_string(pool, p, &out->names[out->n]));
            p = tiny_skip(p + 1);
        }
        p = tiny_skip(tiny_parse(pool, p, &out->items[out->n]));
        out->n++;
        if (*p == ',') p = tiny_skip(p + 1);
    }
    return p + 1;
}

/* A member of an object, NULL if it has none of that name or is no object. */
static inline const struct tiny_json *tiny_get(const struct tiny_json *object, const char *name)
{
    for (uint32_t i = 0; object && object->kind == '{' && i < object->n; i++)
        if (asy_str_is(object->names[i], name)) return &object->items[i];
    return NULL;
}

#endif
