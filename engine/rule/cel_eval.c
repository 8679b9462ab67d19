/* Condition language: the row evaluator, and what else walks a tree. Recursion is bounded by ASY_CEL_MAX_HEIGHT. */
#include "base/regex.h"

#include <stdio.h>

#include "rule/cel_internal.h"

/* && and || stop at the first term that decides; the terms after it cannot change the outcome. */
static struct asy_cel_value eval_logic(const struct asy_cel_node *node, const struct asy_cel_row *row)
{
    bool is_and = node->op == ASY_CEL_AND;
    struct asy_cel_value result = asy_cel_bool(is_and);
    for (uint32_t i = 0; i < node->n_args; i++) {
        struct asy_cel_value pair[2] = {result, asy_cel_eval(node->args[i], row)};
        result = is_and ? asy_cel_and(pair, 2) : asy_cel_or(pair, 2);
        if (result.type == ASY_CEL_BOOL ? result.b != is_and : result.nanos != 0)
            break;
    }
    return result;
}

/* As asy_cel_apply does it, without an array for a long list. */
static struct asy_cel_value eval_in(const struct asy_cel_node *node, const struct asy_cel_row *row)
{
    struct asy_cel_value wanted = asy_cel_eval(node->args[0], row);
    if (wanted.type == ASY_CEL_UNKNOWN)
        return wanted;
    bool is_found = false;
    for (uint32_t i = 1; i < node->n_args; i++) {
        struct asy_cel_value equal = asy_cel_equal(wanted, asy_cel_eval(node->args[i], row));
        if (equal.type == ASY_CEL_UNKNOWN)
            return equal;
        is_found |= equal.b;
    }
    return asy_cel_bool(is_found);
}

struct asy_cel_value asy_cel_eval(const struct asy_cel_node *node, const struct asy_cel_row *row)
{
    for (;;) {
        switch (node->op) {
        case ASY_CEL_CONST:
            return node->value;
        case ASY_CEL_INPUT:
            return row->read(row->ctx, &node->input);
        case ASY_CEL_AND:
        case ASY_CEL_OR:
            return eval_logic(node, row);
        case ASY_CEL_IN:
            return eval_in(node, row);
        case ASY_CEL_IF: {
            struct asy_cel_value condition = asy_cel_eval(node->args[0], row);
            if (condition.type != ASY_CEL_BOOL)
                return condition.type == ASY_CEL_UNKNOWN ? condition : asy_cel_unknown();
            node = node->args[condition.b ? 1 : 2];
            continue;
        }
        default: {
            struct asy_cel_value args[2];
            for (uint32_t i = 0; i < node->n_args && i < 2; i++)
                args[i] = asy_cel_eval(node->args[i], row);
            return asy_cel_apply(node, args, node->n_args, row->scratch);
        }
        }
    }
}

void asy_cel_walk(const struct asy_cel_node *node, void (*visit)(void *ctx, const struct asy_cel_node *node), void *ctx)
{
    visit(ctx, node);
    for (uint32_t i = 0; i < node->n_args; i++)
        asy_cel_walk(node->args[i], visit, ctx);
}

void asy_cel_release(struct asy_cel_node *node)
{
    if (node == NULL)
        return;
    if (node->regex != NULL)
        asy_regex_free((struct asy_regex *)node->regex);
    node->regex = NULL;
    for (uint32_t i = 0; i < node->n_args; i++)
        asy_cel_release(node->args[i]);
}

static struct asy_cel_node *join_node(struct asy_pool *pool, uint8_t op, struct asy_cel_node **args, uint32_t n)
{
    struct asy_cel_node *node = asy_pool_alloc(pool, sizeof *node);
    struct asy_cel_node **copy = n != 0 ? asy_pool_alloc_n(pool, n, sizeof *copy) : NULL;
    if (node == NULL || (n != 0 && copy == NULL))
        return NULL;
    node->op = op;
    node->type = ASY_CEL_BOOL;
    node->n_args = n;
    node->args = copy;
    for (uint32_t i = 0; i < n; i++) {
        copy[i] = args[i];
        if (node->height < args[i]->height + 1)
            node->height = args[i]->height + 1;
    }
    return node;
}

struct asy_cel_node *asy_cel_join(struct asy_pool *pool, uint8_t clause, struct asy_cel_node **args, uint32_t n)
{
    struct asy_cel_node *node = join_node(pool, clause == 2 ? ASY_CEL_AND : ASY_CEL_OR, args, n);
    if (node != NULL && clause == 4)
        node = join_node(pool, ASY_CEL_NOT, &node, 1);
    if (node != NULL)
        node->clause = clause;
    return node;
}

/* 'text' as it could stand in an expression. */
static struct asy_str quoted(struct asy_pool *pool, struct asy_str text)
{
    char *out = asy_pool_alloc(pool, (size_t)text.len * 4 + 3); /* the longest: \x1f */
    if (out == NULL || text.len > ASY_CEL_MAX_TEXT_BYTES)
        return (struct asy_str){0};
    uint32_t n = 0;
    out[n++] = '\'';
    for (uint32_t i = 0; i < text.len; i++) {
        unsigned char ch = (unsigned char)text.p[i];
        char code = ch == '\n' ? 'n' : ch == '\r' ? 'r' : ch == '\t' ? 't' : ch == '\'' || ch == '\\' ? (char)ch : '\0';
        if (code != '\0') {
            out[n++] = '\\';
            out[n++] = code;
        } else if (ch < 0x20 || ch == 0x7F) {
            n += (uint32_t)snprintf(out + n, 5, "\\x%02x", ch);
        } else {
            out[n++] = (char)ch;
        }
    }
    out[n++] = '\'';
    return (struct asy_str){out, n};
}

struct asy_str asy_cel_value_text(struct asy_pool *pool, struct asy_cel_value value)
{
    char text[40];
    switch (value.type) {
    case ASY_CEL_NULL:
        return ASY_STR("null");
    case ASY_CEL_BOOL:
        return value.b ? ASY_STR("true") : ASY_STR("false");
    case ASY_CEL_INT:
        return asy_pool_printf(pool, "%lld", (long long)value.i);
    case ASY_CEL_DOUBLE:
        return asy_pool_copy(pool, (struct asy_str){text, asy_format_f64(value.d, text)});
    case ASY_CEL_STRING:
        return quoted(pool, value.s);
    case ASY_CEL_TIME:
        return asy_pool_copy(pool, (struct asy_str){text, asy_cel_time_format(value, text)});
    case ASY_CEL_DURATION:
        return asy_pool_copy(pool, (struct asy_str){text, asy_cel_duration_format(value.i, text)});
    default:
        return ASY_STR("unknown");
    }
}
