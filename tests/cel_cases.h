/* Cases of the condition language for tests: the reader of cel-spec's cases as a table (shared/conformance/cel/core.tsv), a
 * table of variables to resolve and read them from, and lifting: every constant of a tree becomes a variable, so that
 * cases made of constants exercise what runs on rows. For the row evaluator's test and the batch evaluator's. */
#ifndef CEL_CASES_H
#define CEL_CASES_H

#include <stdio.h>
#include <stdlib.h>

#include "rule/cel.h"

/* -- variables: input.index is the place in the table */

struct cel_table {
    struct asy_pool *pool;
    struct asy_str *names; /* empty: lifted from a constant */
    uint32_t cap_names;
    struct asy_cel_value *values;
    uint32_t n, cap;
};

static inline uint32_t cel_table_add(struct cel_table *table, struct asy_str name, struct asy_cel_value value)
{
    if (!asy_pool_grow(table->pool, (void **)&table->names, &table->cap_names, table->n, sizeof name) ||
        !asy_pool_grow(table->pool, (void **)&table->values, &table->cap, table->n, sizeof value))
        abort();
    table->names[table->n] = name;
    table->values[table->n] = value;
    return table->n++;
}

/* For struct asy_cel_env: ctx is the table. */
static inline bool cel_table_resolve(void *ctx, struct asy_str name, int64_t window_s, struct asy_cel_input *out)
{
    const struct cel_table *table = ctx;
    for (uint32_t i = 0; i < table->n; i++) {
        if (window_s == ASY_NO_WINDOW && table->names[i].len != 0 && asy_str_eq(table->names[i], name)) {
            *out = (struct asy_cel_input){.kind = ASY_IN_VARIABLE, .type = table->values[i].type, .nullable = true, .index = i,
                                          .window_s = ASY_NO_WINDOW};
            return true;
        }
    }
    return false;
}

/* For struct asy_cel_row: ctx is the table. */
static inline struct asy_cel_value cel_table_read(void *ctx, const struct asy_cel_input *input)
{
    const struct cel_table *table = ctx;
    return table->values[input->index];
}

/* A copy of the tree with every constant replaced by a variable that is added to `table`; patterns and zones that were
 * prepared from constants are dropped. Compile without folding first, or one constant is all there is to lift. */
static inline struct asy_cel_node *cel_lift(const struct asy_cel_node *node, struct cel_table *table)
{
    struct asy_cel_node *copy = asy_pool_alloc(table->pool, sizeof *copy);
    if (copy == NULL)
        abort();
    *copy = *node;
    copy->regex = NULL;
    copy->zone = NULL;
    if (node->op == ASY_CEL_CONST) {
        copy->op = ASY_CEL_INPUT;
        copy->input = (struct asy_cel_input){.kind = ASY_IN_VARIABLE, .type = node->value.type, .nullable = true,
                                             .index = cel_table_add(table, ASY_STR(""), node->value),
                                             .window_s = ASY_NO_WINDOW};
        return copy;
    }
    copy->args = node->n_args == 0 ? NULL : asy_pool_alloc_n(table->pool, node->n_args, sizeof *copy->args);
    if (node->n_args != 0 && copy->args == NULL)
        abort();
    for (uint32_t i = 0; i < node->n_args; i++)
        copy->args[i] = cel_lift(node->args[i], table);
    return copy;
}

/* Same type and same bits (so that -0.0 is not 0.0); NaN is NaN. */
static inline bool cel_value_same(struct asy_cel_value a, struct asy_cel_value b)
{
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case ASY_CEL_BOOL:
        return a.b == b.b;
    case ASY_CEL_INT:
    case ASY_CEL_DURATION:
        return a.i == b.i;
    case ASY_CEL_TIME:
        return a.i == b.i && a.nanos == b.nanos;
    case ASY_CEL_DOUBLE:
        return memcmp(&a.d, &b.d, sizeof a.d) == 0 || (a.d != a.d && b.d != b.d);
    case ASY_CEL_STRING:
        return asy_str_eq(a.s, b.s);
    default:
        return true;
    }
}

/* -- cases */

struct cel_case {
    struct asy_str file, section, name, tier, mode, expression, variables;
    bool is_error;              /* expected: unknown */
    struct asy_cel_value value; /* else this */
};

struct cel_cases {
    struct cel_case *items;
    uint32_t n, cap;
};

/* A whole file in the pool; {NULL, 0} if it cannot be read. */
static inline struct asy_str cel_read_file(struct asy_pool *pool, const char *path)
{
    struct asy_str out = {0};
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return out;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *p = size < 0 ? NULL : asy_pool_alloc(pool, (size_t)size + 1);
    if (p == NULL || fread(p, 1, (size_t)size, file) != (size_t)size)
        abort();
    fclose(file);
    return (struct asy_str){p, (uint32_t)size};
}

/* Everything up to `separator`; *rest goes on after it. */
static inline struct asy_str cel_cut(struct asy_str *rest, char separator)
{
    uint32_t n = 0;
    while (n < rest->len && rest->p[n] != separator)
        n++;
    struct asy_str first = {rest->p, n};
    uint32_t skipped = n < rest->len ? n + 1 : n;
    *rest = (struct asy_str){rest->p + skipped, rest->len - skipped};
    return first;
}

/* \n \t \r \0 \\ */
static inline struct asy_str cel_unescape(struct asy_pool *pool, struct asy_str s)
{
    char *out = asy_pool_alloc(pool, (size_t)s.len + 1);
    if (out == NULL)
        abort();
    uint32_t n = 0;
    for (uint32_t i = 0; i < s.len; i++) {
        char ch = s.p[i];
        if (ch == '\\' && i + 1 < s.len) {
            ch = s.p[++i];
            ch = ch == 'n' ? '\n' : ch == 't' ? '\t' : ch == 'r' ? '\r' : ch == '0' ? '\0' : ch;
        }
        out[n++] = ch;
    }
    return (struct asy_str){out, n};
}

/* type:text, as the table writes values. */
static inline struct asy_cel_value cel_case_value(struct asy_str type, struct asy_str text)
{
    struct asy_cel_value v = {0};
    char number[64] = "";
    memcpy(number, text.p, text.len < sizeof number ? text.len : sizeof number - 1);
    char *after = NULL;
    if (asy_str_is(type, "bool")) {
        v.type = ASY_CEL_BOOL;
        v.b = asy_str_is(text, "true");
    } else if (asy_str_is(type, "int")) {
        v.type = ASY_CEL_INT;
        v.i = strtoll(number, NULL, 10);
    } else if (asy_str_is(type, "double")) {
        v.type = ASY_CEL_DOUBLE;
        v.d = strtod(number, NULL);
    } else if (asy_str_is(type, "string")) {
        v.type = ASY_CEL_STRING;
        v.s = text;
    } else if (asy_str_is(type, "null")) {
        v.type = ASY_CEL_NULL;
    } else if (asy_str_is(type, "timestamp")) {
        v.type = ASY_CEL_TIME;
        v.i = strtoll(number, &after, 10);
        v.nanos = (uint32_t)strtoul(after + 1, NULL, 10);
    } else if (asy_str_is(type, "duration")) {
        v.type = ASY_CEL_DURATION;
        v.i = strtoll(number, &after, 10) * 1000000000 + strtoll(after + 1, NULL, 10);
    }
    return v;
}

/* Put the case's variables into `table`. Maps are left out: a flat record has none. */
static inline void cel_case_bind(const struct cel_case *cel_case, struct cel_table *table)
{
    struct asy_str rest = cel_case->variables;
    while (rest.len != 0) {
        struct asy_str one = cel_cut(&rest, ';');
        struct asy_str name = cel_cut(&one, ':');
        struct asy_str type = cel_cut(&one, '=');
        if (!asy_str_is(type, "map"))
            cel_table_add(table, name, cel_case_value(type, one));
    }
}

/* The cases of `path`; false if there is no such file. */
static inline bool cel_cases_read(struct asy_pool *pool, const char *path, struct cel_cases *out)
{
    struct asy_str rest = cel_read_file(pool, path);
    if (rest.p == NULL)
        return false;
    while (rest.len != 0) {
        struct asy_str line = cel_cut(&rest, '\n');
        if (line.len == 0 || line.p[0] == '#')
            continue;
        struct cel_case one = {0};
        one.file = cel_cut(&line, '\t');
        one.section = cel_cut(&line, '\t');
        one.name = cel_cut(&line, '\t');
        one.tier = cel_cut(&line, '\t');
        one.mode = cel_cut(&line, '\t');
        one.expression = cel_unescape(pool, cel_cut(&line, '\t'));
        one.variables = cel_unescape(pool, cel_cut(&line, '\t'));
        one.is_error = asy_str_is(cel_cut(&line, '\t'), "error");
        struct asy_str value = cel_cut(&line, '\t');
        struct asy_str type = cel_cut(&value, ':');
        one.value = cel_case_value(type, cel_unescape(pool, value));
        if (!asy_pool_grow(pool, (void **)&out->items, &out->cap, out->n, sizeof one))
            abort();
        out->items[out->n++] = one;
    }
    return true;
}

#endif
