/* Findings of the loader, and the shape of what it reads: mappings, lists, keys. */
#include <stdarg.h>
#include <stdio.h>

#include "rule/load_internal.h"

enum { HINTS_MAX = 200, ITEMS_MAX = 10000 };

static uint32_t underline_of(const struct asy_yaml *at)
{
    return at->kind == ASY_YAML_SCALAR && at->pos.line == at->end.line && at->end.col > at->pos.col ? at->end.col - at->pos.col : 1;
}

void asy_load_tell(struct asy_loader *l, const char *code, const char *slug, const struct asy_yaml *at, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    asy_diag_add(l->diags, code, slug, at->pos, underline_of(at), "%s", text);
}

const char *asy_load_found(struct asy_loader *l, const struct asy_yaml *node)
{
    if (node->kind == ASY_YAML_SEQ)
        return "a list";
    if (node->kind == ASY_YAML_MAP)
        return "a mapping";
    if (node->text.len == 0)
        return "nothing";
    const struct asy_str shown = {node->text.p, node->text.len < 60 ? node->text.len : 60};
    const struct asy_str out = asy_pool_printf(&l->diags->pool, "`%.*s`", ASY_ARG(shown));
    return out.p ? out.p : "something else";
}

static bool is_kind(struct asy_loader *l, const struct asy_yaml *node, uint8_t kind, const char *what, const char *expected)
{
    if (!node || node->is_bad)
        return false;
    if (node->kind == kind && (kind != ASY_YAML_SCALAR || node->text.len))
        return true;
    asy_load_tell(l, "E0121", "wrong-kind", node, "%s: expected %s, found %s", what, expected, asy_load_found(l, node));
    return false;
}

bool asy_load_is_map(struct asy_loader *l, const struct asy_yaml *node, const char *what)
{
    return is_kind(l, node, ASY_YAML_MAP, what, "a mapping (lines of `key: value`)");
}

bool asy_load_is_seq(struct asy_loader *l, const struct asy_yaml *node, const char *what)
{
    return is_kind(l, node, ASY_YAML_SEQ, what, "a list (`[a, b]`, or lines that start with `- `)");
}

bool asy_load_is_text(struct asy_loader *l, const struct asy_yaml *node, const char *what)
{
    return is_kind(l, node, ASY_YAML_SCALAR, what, "one value");
}

uint32_t asy_load_hints(const struct asy_loader *l, uint32_t n)
{
    return l->diags->n_errors < HINTS_MAX ? n : 0;
}

const char *asy_load_hint(struct asy_loader *l, struct asy_str word, const struct asy_str *known, uint32_t n)
{
    const char *hint = l->diags->n_errors < HINTS_MAX ? asy_diag_hint(l->diags, word, known, n) : "";
    return hint ? hint : "";
}

void asy_load_keys(struct asy_loader *l, const struct asy_yaml *map, const char *what, const char *const *known, uint32_t n)
{
    struct asy_str names[32];
    for (uint32_t k = 0; k < n; k++)
        names[k] = asy_str_of(known[k]);
    for (uint32_t i = 0; i < map->n; i++) {
        const struct asy_yaml *key = map->keys[i];
        bool is_known = false;
        for (uint32_t k = 0; k < n && !is_known; k++)
            is_known = asy_str_eq(key->text, names[k]);
        if (is_known)
            continue;
        const char *hint = asy_load_hint(l, key->text, names, n);
        if (hint[0])
            asy_load_tell(l, "E0120", "unknown-key", key, "`%.*s` is not a key of %s%s", ASY_ARG(key->text), what, hint);
        else
            asy_load_tell(l, "E0120", "unknown-key", key, "`%.*s` is not a key of %s; it has: %s", ASY_ARG(key->text), what,
                          asy_load_join(l, names, n, 20));
    }
}

bool asy_load_has_slip(const struct asy_yaml *map, const char *key)
{
    const struct asy_str name = asy_str_of(key);
    const uint32_t limit = name.len < 4 ? 1 : 2;
    for (uint32_t i = 0; i < map->n; i++)
        if (!asy_str_eq(map->keys[i]->text, name) && asy_str_distance(map->keys[i]->text, name, limit) <= limit)
            return true;
    return false;
}

bool asy_load_is_unreadable(const struct asy_loader *l, const char *section)
{
    const struct asy_yaml *node = asy_yaml_get(l->root, section);
    return node && (node->is_bad || node->kind != ASY_YAML_MAP);
}

const struct asy_yaml *asy_load_need(struct asy_loader *l, const struct asy_yaml *map, const char *key, const char *what)
{
    const struct asy_yaml *value = asy_yaml_get(map, key);
    if (!value && !asy_load_has_slip(map, key))
        asy_load_tell(l, "E0122", "missing-key", map, "%s: `%s:` is missing", what, key);
    return value;
}

struct asy_str asy_load_text_of(struct asy_loader *l, const struct asy_yaml *map, const char *key)
{
    const struct asy_yaml *value = asy_yaml_get(map, key);
    char what[64];
    snprintf(what, sizeof(what), "`%s`", key);
    return asy_load_is_text(l, value, what) ? value->text : ASY_STR("");
}

void *asy_load_alloc(struct asy_loader *l, size_t n, size_t size_bytes)
{
    if (n == 0)
        return NULL;
    void *out = asy_pool_alloc_n(l->pool, n, size_bytes);
    if (!out)
        l->no_memory = true;
    return out;
}

const char *asy_load_join(struct asy_loader *l, const struct asy_str *items, uint32_t n, uint32_t at_most)
{
    char text[700] = "";
    size_t len = 0;
    for (uint32_t i = 0; i < n && len < 600; i++) {
        if (i == at_most) {
            snprintf(text + len, sizeof(text) - len, ", ...");
            break;
        }
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s", i ? ", " : "", items[i].len < 80 ? (int)items[i].len : 80,
                                items[i].p);
    }
    const struct asy_str out = asy_pool_copy(&l->diags->pool, asy_str_of(text));
    return out.p ? out.p : "";
}

bool asy_load_is_identifier(struct asy_str s)
{
    static const char *const reserved[] = {"true",  "false",     "null",   "in",      "as",   "break",   "const",
                                           "continue", "else",   "for",    "function", "if",  "import",  "let",
                                           "loop",  "namespace", "package", "return", "var",  "void",    "while"};
    if (s.len == 0 || (s.p[0] >= '0' && s.p[0] <= '9'))
        return false;
    for (uint32_t i = 0; i < s.len; i++) {
        const char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    for (uint32_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (asy_str_is(s, reserved[i]))
            return false;
    return true;
}

bool asy_load_is_repeated(struct asy_loader *l, const struct asy_yaml *at, const char *what, const void *names, size_t stride,
                          uint32_t i)
{
    const struct asy_str *name = (const struct asy_str *)(const void *)((const char *)names + stride * i);
    if (i == ITEMS_MAX)
        asy_load_tell(l, "E0124", "bad-value", at, "expected at most 10,000 of these; here is one more");
    if (i >= ITEMS_MAX)
        return true;
    for (uint32_t k = 0; k < i; k++) {
        const struct asy_str *other = (const struct asy_str *)(const void *)((const char *)names + stride * k);
        if (name->len && asy_str_eq(*name, *other)) {
            asy_load_tell(l, "E0237", "name-twice", at, "%s `%.*s` is there already; names are what explanations and tests "
                          "call things by, so give each its own", what, ASY_ARG(*name));
            return true;
        }
    }
    return false;
}
