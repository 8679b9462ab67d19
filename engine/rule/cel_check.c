/* Condition language: types of operators, and what is said about them. Stable codes of all of rule/cel_*.c:
 *
 *   E0203 unknown-name       no field, score, event ... of this name; or a part of something that has none
 *   E0204 unknown-function   no function of this name
 *   E0205 impossible-value   compared with a value it can never have
 *   E0206 unknown-list       no list of this name
 *   E0207 window             NAME(30d) on a name that takes no length of time, or missing on one that needs it
 *   E0208 not-a-name         has() of something that is not a name
 *   E0210 syntax             something else was expected here
 *   E0211 wrong-operator     = <> & | and or not ...
 *   E0212 missing-parenthesis
 *   E0213 trailing-text      something stands after the end
 *   E0214 bad-text           a text literal is not closed, or holds an unknown escape
 *   E0215 bad-number         too large, or not a number
 *   E0216 bad-character      typographic quotes, invisible and control characters, not UTF-8
 *   E0217 unsupported        macros, maps, messages, lists outside `in`, indexing, bytes, unsigned
 *   E0218 too-big            longer than 16 KiB, nested too deeply, too many operators in a row
 *   E0219 misplaced-window   30d outside NAME(30d)
 *   E0220 not-a-condition    the whole expression has another type than wanted
 *   E0221 cannot-compare     types that do not compare
 *   E0222 operand-type       an operator does not work on this type
 *   E0223 branches-differ    c ? a : b with a and b of different types
 *   E0224 arguments          number, type or place of a function's arguments
 *   E0225 bad-pattern        not RE2 syntax
 *   E0226 bad-zone           no such time zone
 *   W0227 always-unknown     a constant part that can only come out unknown */
#include <stdarg.h>
#include <stdio.h>

#include "base/regex.h"
#include "rule/cel_internal.h"

void asy_cel_out_of_memory(struct asy_cel_compiler *c)
{
    c->no_memory = true;
    c->is_stopped = true;
}

void asy_cel_report(struct asy_cel_compiler *c, const char *code, const char *slug, uint32_t offset, uint32_t len,
                    const char *format, ...)
{
    if (c->is_stopped)
        return; /* what follows a stop is its consequence */
    if (code[0] == 'E')
        c->n_errors++;
    if (c->env->report == NULL)
        return;
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    c->env->report(c->env->ctx, code, slug, offset, len != 0 ? len : 1, message);
}

const char *asy_cel_type_name(uint8_t type)
{
    static const char *const names[] = {
        [ASY_CEL_UNKNOWN] = "unknown", [ASY_CEL_NULL] = "null",     [ASY_CEL_BOOL] = "bool",
        [ASY_CEL_INT] = "int",         [ASY_CEL_DOUBLE] = "double", [ASY_CEL_STRING] = "string",
        [ASY_CEL_TIME] = "timestamp",  [ASY_CEL_DURATION] = "duration", [ASY_CEL_DYN] = "dyn",
    };
    return type <= ASY_CEL_DYN ? names[type] : "?";
}

const char *asy_cel_type_phrase(uint8_t type)
{
    static const char *const phrases[] = {
        [ASY_CEL_UNKNOWN] = "unknown",    [ASY_CEL_NULL] = "null",       [ASY_CEL_BOOL] = "a bool",
        [ASY_CEL_INT] = "an int",         [ASY_CEL_DOUBLE] = "a double", [ASY_CEL_STRING] = "a string",
        [ASY_CEL_TIME] = "a timestamp",   [ASY_CEL_DURATION] = "a duration", [ASY_CEL_DYN] = "of a type known only when run",
    };
    return type <= ASY_CEL_DYN ? phrases[type] : "?";
}

struct asy_str asy_cel_part_text(const struct asy_cel_compiler *c, struct asy_cel_part part)
{
    return (struct asy_str){c->text.p + part.start, part.end - part.start};
}

/* -- nodes */

struct asy_cel_node *asy_cel_node_new(struct asy_cel_compiler *c, uint8_t op, uint8_t type, uint32_t n_args)
{
    struct asy_cel_node *node = asy_pool_alloc(c->pool, sizeof *node);
    struct asy_cel_node **args = n_args == 0 ? NULL : asy_pool_alloc_n(c->pool, n_args, sizeof *args);
    if (node == NULL || (n_args != 0 && args == NULL)) {
        asy_cel_out_of_memory(c);
        return NULL;
    }
    node->op = op;
    node->type = type;
    node->n_args = n_args;
    node->args = args;
    return node;
}

static const char *why_unknown(const struct asy_cel_node *node)
{
    switch (node->op) {
    case ASY_CEL_DIV:
    case ASY_CEL_MOD:
        return node->args[1]->value.type == ASY_CEL_INT && node->args[1]->value.i == 0 ? "it divides by zero"
                                                                                       : "the result is out of range";
    case ASY_CEL_ADD:
    case ASY_CEL_SUB:
    case ASY_CEL_MUL:
    case ASY_CEL_NEG:
        return "the result is out of range";
    case ASY_CEL_TO_TIME:
        return "write a time from year 1 to 9999 as '2026-01-31T00:00:00Z'";
    case ASY_CEL_TO_DURATION:
        return "write a length of time as '36h', '1h30m' or '90s' (there is no unit for days)";
    case ASY_CEL_TO_INT:
        return "this is not a number that fits an int";
    case ASY_CEL_TO_DOUBLE:
        return "this is not a number";
    case ASY_CEL_TO_BOOL:
        return "write 'true' or 'false'";
    default:
        return "these types do not go together, or a value is null";
    }
}

static void fold(struct asy_cel_compiler *c, struct asy_cel_node *node, uint32_t start, uint32_t end)
{
    if (node->op == ASY_CEL_CONST)
        return;
    struct asy_cel_row row = {.scratch = c->pool};
    struct asy_cel_value value = asy_cel_eval(node, &row);
    if (value.type == ASY_CEL_UNKNOWN) {
        if (value.nanos != 0) {
            asy_cel_out_of_memory(c);
            return;
        }
        for (uint32_t i = 0; i < node->n_args; i++)
            if (node->args[i]->op != ASY_CEL_CONST)
                return; /* told where the unknown arises */
        asy_cel_report(c, "W0227", "always-unknown", start, end - start, "`%.*s` is always unknown: %s",
                       (int)(end - start), c->text.p + start, why_unknown(node));
        return;
    }
    if (node->regex != NULL)
        asy_regex_free((struct asy_regex *)node->regex);
    node->op = ASY_CEL_CONST;
    node->value = value;
    node->n_args = 0;
    node->args = NULL;
    node->regex = NULL;
    node->zone = NULL;
    node->set = NULL;
    node->height = 0;
}

struct asy_cel_part asy_cel_finish(struct asy_cel_compiler *c, struct asy_cel_node *node, uint32_t start, uint32_t end,
                                   bool is_const)
{
    node->text = (struct asy_str){c->text.p + start, end - start};
    for (uint32_t i = 0; i < node->n_args; i++)
        if (node->height < node->args[i]->height + 1)
            node->height = node->args[i]->height + 1;
    if (node->height > ASY_CEL_MAX_HEIGHT) {
        ASY_CEL_STOP(c, "E0218", "too-big", start, end - start,
                     "this is nested too deeply: at most %d operations inside each other", ASY_CEL_MAX_HEIGHT);
        return (struct asy_cel_part){0};
    }
    if (is_const && c->env->fold)
        fold(c, node, start, end);
    return (struct asy_cel_part){.node = c->is_stopped ? NULL : node, .start = start, .end = end, .is_const = is_const};
}

struct asy_cel_part asy_cel_bad(struct asy_cel_compiler *c, uint32_t start, uint32_t end)
{
    struct asy_cel_node *node = asy_cel_node_new(c, ASY_CEL_CONST, ASY_CEL_DYN, 0);
    return (struct asy_cel_part){.node = node, .start = start, .end = end, .is_bad = true};
}

bool asy_cel_const_value(struct asy_cel_compiler *c, struct asy_cel_part part, struct asy_cel_value *out)
{
    if (!part.is_const || part.node == NULL)
        return false;
    struct asy_cel_row row = {.scratch = c->pool};
    *out = asy_cel_eval(part.node, &row);
    if (out->type == ASY_CEL_UNKNOWN && out->nanos != 0)
        asy_cel_out_of_memory(c);
    return out->type != ASY_CEL_UNKNOWN;
}

struct asy_cel_part asy_cel_make_const(struct asy_cel_compiler *c, struct asy_cel_value value, uint32_t start, uint32_t end)
{
    struct asy_cel_node *node = asy_cel_node_new(c, ASY_CEL_CONST, value.type, 0);
    if (node == NULL)
        return (struct asy_cel_part){0};
    node->value = value;
    return asy_cel_finish(c, node, start, end, true);
}

static bool is_numeric(uint8_t type)
{
    return type == ASY_CEL_INT || type == ASY_CEL_DOUBLE;
}

/* -- ! and - */

struct asy_cel_part asy_cel_make_unary(struct asy_cel_compiler *c, uint8_t op, uint32_t offset, struct asy_cel_part operand)
{
    if (operand.node == NULL)
        return operand;
    uint8_t type = operand.node->type;
    bool is_fit = op == ASY_CEL_NOT ? type == ASY_CEL_BOOL : is_numeric(type) || type == ASY_CEL_DURATION;
    if (operand.is_bad || (!is_fit && type != ASY_CEL_DYN)) {
        if (!operand.is_bad && op == ASY_CEL_NOT)
            asy_cel_report(c, "E0222", "operand-type", operand.start, operand.end - operand.start,
                           "`!` needs true or false; this is %s", asy_cel_type_phrase(type));
        else if (!operand.is_bad)
            asy_cel_report(c, "E0222", "operand-type", operand.start, operand.end - operand.start,
                           "`-` needs a number or a duration; this is %s", asy_cel_type_phrase(type));
        return asy_cel_bad(c, offset, operand.end);
    }
    struct asy_cel_node *node = asy_cel_node_new(c, op, op == ASY_CEL_NOT ? ASY_CEL_BOOL : type, 1);
    if (node == NULL)
        return (struct asy_cel_part){0};
    node->args[0] = operand.node;
    return asy_cel_finish(c, node, offset, operand.end, operand.is_const);
}

/* -- comparison */

static bool is_comparable(uint8_t op, uint8_t a, uint8_t b)
{
    bool is_equality = op == ASY_CEL_EQ || op == ASY_CEL_NE;
    if (a == ASY_CEL_NULL || b == ASY_CEL_NULL)
        return is_equality;
    return a == b || a == ASY_CEL_DYN || b == ASY_CEL_DYN || (is_numeric(a) && is_numeric(b));
}

/* Can `part` only have certain values, and `value`, a constant, is none of them? */
static void check_value(struct asy_cel_compiler *c, struct asy_cel_part part, struct asy_cel_part value)
{
    const struct asy_cel_node *node = part.node;
    struct asy_cel_value constant;
    if (node->op != ASY_CEL_INPUT || node->input.n_values == 0 || !asy_cel_const_value(c, value, &constant) ||
        constant.type != ASY_CEL_STRING)
        return;
    const struct asy_cel_input *input = &node->input;
    struct asy_str text = constant.s;
    for (uint32_t i = 0; i < input->n_values; i++)
        if (asy_str_eq(input->values[i], text))
            return;
    struct asy_str name = asy_cel_part_text(c, part);
    uint32_t len = value.end - value.start;
    if (text.len == 0) {
        asy_cel_report(c, "E0205", "impossible-value", value.start, len,
                       "`%.*s` is never ''; to ask whether it is empty write `!has(%.*s)`", ASY_ARG(name), ASY_ARG(name));
        return;
    }
    struct asy_str meant = c->env->meant != NULL ? c->env->meant(c->env->ctx, input, text) : ASY_STR("");
    if (meant.len > 0) {
        asy_cel_report(c, "E0205", "impossible-value", value.start, len, "`%.*s` is never '%.*s'; write '%.*s'", ASY_ARG(name),
                       ASY_ARG(text), ASY_ARG(meant));
        return;
    }
    int64_t nearest = asy_str_nearest(text, input->values, input->n_values);
    if (nearest >= 0) {
        asy_cel_report(c, "E0205", "impossible-value", value.start, len, "`%.*s` is never '%.*s'; did you mean '%.*s'?",
                       ASY_ARG(name), ASY_ARG(text), ASY_ARG(input->values[nearest]));
        return;
    }
    if (input->n_values > 12) {
        asy_cel_report(c, "E0205", "impossible-value", value.start, len,
                       "`%.*s` is never '%.*s'; it has one of %u values such as '%.*s'", ASY_ARG(name), ASY_ARG(text),
                       input->n_values, ASY_ARG(input->values[0]));
        return;
    }
    char known[512] = "";
    size_t n = 0;
    for (uint32_t i = 0; i < input->n_values && n < sizeof known; i++)
        n += (size_t)snprintf(known + n, sizeof known - n, "%s%.*s", i == 0 ? "" : ", ", ASY_ARG(input->values[i]));
    asy_cel_report(c, "E0205", "impossible-value", value.start, len, "`%.*s` is never '%.*s'; it is one of: %s", ASY_ARG(name),
                   ASY_ARG(text), known);
}

/* What to write instead of comparing `type` with `other`, as "; write ...", or "". */
static const char *compare_advice(struct asy_cel_compiler *c, uint8_t type, struct asy_cel_part other)
{
    const struct asy_cel_node *node = other.node;
    struct asy_str text = node->op == ASY_CEL_CONST && node->value.type == ASY_CEL_STRING ? node->value.s : ASY_STR("");
    double number;
    bool is_truth = asy_str_is(text, "true") || asy_str_is(text, "false");
    if ((is_numeric(type) && asy_parse_f64(text, &number)) || (type == ASY_CEL_BOOL && is_truth)) {
        struct asy_str out = asy_pool_printf(c->pool, "; write `%.*s` without quotes", ASY_ARG(text));
        return out.p != NULL ? out.p : "";
    }
    if (type == ASY_CEL_TIME && node->type == ASY_CEL_STRING)
        return "; write timestamp('2026-01-31T00:00:00Z')";
    if (type == ASY_CEL_TIME && is_numeric(node->type))
        return "; days_since(x) counts the days since a time";
    if (type == ASY_CEL_DURATION && node->type != ASY_CEL_TIME)
        return "; write duration('36h')";
    if (type == ASY_CEL_STRING && node->op == ASY_CEL_CONST && node->value.type != ASY_CEL_STRING) {
        struct asy_str at = asy_cel_part_text(c, other);
        struct asy_str out = asy_pool_printf(c->pool, "; write '%.*s'", ASY_ARG(at));
        return out.p != NULL && at.len <= 40 ? out.p : "";
    }
    return "";
}

static void report_compare(struct asy_cel_compiler *c, const struct asy_cel_token *at, struct asy_cel_part left,
                           struct asy_cel_part right)
{
    uint8_t a = left.node->type, b = right.node->type;
    if (a == ASY_CEL_NULL || b == ASY_CEL_NULL) {
        asy_cel_report(c, "E0221", "cannot-compare", at->offset, at->len,
                       "`%.*s` cannot compare with null; write `== null`, or has(x)", (int)at->len, c->text.p + at->offset);
        return;
    }
    const char *advice = "";
    if (left.is_relation && b != ASY_CEL_BOOL)
        advice = "; join two comparisons with `&&`";
    else if (right.node->op == ASY_CEL_CONST)
        advice = compare_advice(c, a, right);
    else if (left.node->op == ASY_CEL_CONST)
        advice = compare_advice(c, b, left);
    asy_cel_report(c, "E0221", "cannot-compare", at->offset, at->len, "cannot compare %s with %s%s", asy_cel_type_name(a),
                   asy_cel_type_name(b), advice);
}

/* -- arithmetic */

/* The type of `a op b` for types that are known, or UNKNOWN if there is none. */
static uint8_t known_arithmetic(uint8_t op, uint8_t a, uint8_t b)
{
    if (a == b && is_numeric(a))
        return op == ASY_CEL_MOD && a == ASY_CEL_DOUBLE ? ASY_CEL_UNKNOWN : a;
    if (op == ASY_CEL_ADD) {
        if (a == b && (a == ASY_CEL_STRING || a == ASY_CEL_DURATION))
            return a;
        if ((a == ASY_CEL_TIME && b == ASY_CEL_DURATION) || (a == ASY_CEL_DURATION && b == ASY_CEL_TIME))
            return ASY_CEL_TIME;
    }
    if (op == ASY_CEL_SUB) {
        if (a == b && (a == ASY_CEL_TIME || a == ASY_CEL_DURATION))
            return ASY_CEL_DURATION;
        if (a == ASY_CEL_TIME && b == ASY_CEL_DURATION)
            return ASY_CEL_TIME;
    }
    return ASY_CEL_UNKNOWN;
}

static uint8_t arithmetic_type(uint8_t op, uint8_t a, uint8_t b)
{
    if (a != ASY_CEL_DYN && b != ASY_CEL_DYN)
        return known_arithmetic(op, a, b);
    for (uint8_t type = ASY_CEL_BOOL; type < ASY_CEL_DYN; type++)
        for (uint8_t other = ASY_CEL_BOOL; other < ASY_CEL_DYN; other++)
            if ((a == ASY_CEL_DYN || a == type) && (b == ASY_CEL_DYN || b == other) &&
                known_arithmetic(op, type, other) != ASY_CEL_UNKNOWN)
                return ASY_CEL_DYN;
    return ASY_CEL_UNKNOWN;
}

static void report_arithmetic(struct asy_cel_compiler *c, uint8_t op, const struct asy_cel_token *at, uint8_t a, uint8_t b)
{
    const char *advice = "";
    if (a == ASY_CEL_NULL || b == ASY_CEL_NULL)
        advice = "; null has no value to compute with";
    else if (op == ASY_CEL_MOD && a == ASY_CEL_DOUBLE && b == ASY_CEL_DOUBLE)
        advice = "; use int(x)";
    else if (a != b && is_numeric(a) && is_numeric(b))
        advice = op == ASY_CEL_MOD ? "; use int(x)" : "; write 2.0 for 2, or use double(x)";
    else if (op == ASY_CEL_ADD && (a == ASY_CEL_STRING || b == ASY_CEL_STRING))
        advice = "; use string(x)";
    else if ((a == ASY_CEL_TIME || a == ASY_CEL_DURATION) && is_numeric(b) && (op == ASY_CEL_ADD || op == ASY_CEL_SUB))
        advice = "; write duration('36h')";
    asy_cel_report(c, "E0222", "operand-type", at->offset, at->len, "`%.*s` does not work on %s and %s%s", (int)at->len,
                   c->text.p + at->offset, asy_cel_type_name(a), asy_cel_type_name(b), advice);
}

struct asy_cel_part asy_cel_make_binary(struct asy_cel_compiler *c, uint8_t op, const struct asy_cel_token *at,
                                        struct asy_cel_part left, struct asy_cel_part right)
{
    if (left.node == NULL || right.node == NULL)
        return (struct asy_cel_part){0};
    if (left.is_bad || right.is_bad)
        return asy_cel_bad(c, left.start, right.end);
    uint8_t a = left.node->type, b = right.node->type;
    uint8_t type = ASY_CEL_BOOL;
    bool is_comparison = op >= ASY_CEL_EQ && op <= ASY_CEL_GE;
    uint32_t n_errors = c->n_errors;
    if (is_comparison && !is_comparable(op, a, b)) {
        report_compare(c, at, left, right);
    } else if (is_comparison && (op == ASY_CEL_EQ || op == ASY_CEL_NE)) {
        check_value(c, left, right);
        check_value(c, right, left);
    } else if (!is_comparison) {
        type = arithmetic_type(op, a, b);
        if (type == ASY_CEL_UNKNOWN)
            report_arithmetic(c, op, at, a, b);
    }
    if (c->n_errors != n_errors)
        return asy_cel_bad(c, left.start, right.end);
    struct asy_cel_node *node = asy_cel_node_new(c, op, type, 2);
    if (node == NULL)
        return (struct asy_cel_part){0};
    node->args[0] = left.node;
    node->args[1] = right.node;
    struct asy_cel_part part = asy_cel_finish(c, node, left.start, right.end, left.is_const && right.is_const);
    part.is_relation = is_comparison;
    return part;
}

/* -- && || ?: */

struct asy_cel_part asy_cel_make_logic(struct asy_cel_compiler *c, uint8_t op, const struct asy_cel_parts *terms)
{
    uint32_t start = terms->items[0].start, end = terms->items[terms->n - 1].end;
    bool is_bad = false, is_const = true;
    for (uint32_t i = 0; i < terms->n; i++) {
        struct asy_cel_part term = terms->items[i];
        if (term.node == NULL)
            return (struct asy_cel_part){0};
        is_const &= term.is_const;
        is_bad |= term.is_bad;
        uint8_t type = term.node->type;
        if (!term.is_bad && type != ASY_CEL_BOOL && type != ASY_CEL_DYN) {
            asy_cel_report(c, "E0222", "operand-type", term.start, term.end - term.start,
                           "`%s` needs true or false on both sides; this is %s", op == ASY_CEL_AND ? "&&" : "||",
                           asy_cel_type_phrase(type));
            is_bad = true;
        }
    }
    if (is_bad)
        return asy_cel_bad(c, start, end);
    struct asy_cel_node *node = asy_cel_node_new(c, op, ASY_CEL_BOOL, terms->n);
    if (node == NULL)
        return (struct asy_cel_part){0};
    for (uint32_t i = 0; i < terms->n; i++)
        node->args[i] = terms->items[i].node;
    return asy_cel_finish(c, node, start, end, is_const);
}

struct asy_cel_part asy_cel_make_if(struct asy_cel_compiler *c, struct asy_cel_part condition, struct asy_cel_part yes,
                                    struct asy_cel_part no)
{
    if (condition.node == NULL || yes.node == NULL || no.node == NULL)
        return (struct asy_cel_part){0};
    bool is_bad = condition.is_bad || yes.is_bad || no.is_bad;
    uint8_t wanted = condition.node->type, a = yes.node->type, b = no.node->type;
    if (!condition.is_bad && wanted != ASY_CEL_BOOL && wanted != ASY_CEL_DYN) {
        asy_cel_report(c, "E0222", "operand-type", condition.start, condition.end - condition.start,
                       "`?` needs true or false before it; this is %s", asy_cel_type_phrase(wanted));
        is_bad = true;
    }
    uint8_t type = a == b || b == ASY_CEL_NULL ? a : a == ASY_CEL_NULL ? b : ASY_CEL_DYN;
    if (!yes.is_bad && !no.is_bad && type == ASY_CEL_DYN && a != ASY_CEL_DYN && b != ASY_CEL_DYN) {
        asy_cel_report(c, "E0223", "branches-differ", no.start, no.end - no.start,
                       "both outcomes of `? :` must have the same type; the first is %s, this is %s", asy_cel_type_phrase(a),
                       asy_cel_type_phrase(b));
        is_bad = true;
    }
    if (is_bad)
        return asy_cel_bad(c, condition.start, no.end);
    struct asy_cel_node *node = asy_cel_node_new(c, ASY_CEL_IF, type, 3);
    if (node == NULL)
        return (struct asy_cel_part){0};
    node->args[0] = condition.node;
    node->args[1] = yes.node;
    node->args[2] = no.node;
    return asy_cel_finish(c, node, condition.start, no.end, condition.is_const && yes.is_const && no.is_const);
}

/* -- in */

struct asy_cel_part asy_cel_make_in(struct asy_cel_compiler *c, struct asy_cel_part left, const struct asy_cel_parts *items,
                                    uint32_t end)
{
    if (left.node == NULL)
        return left;
    bool is_bad = left.is_bad, is_const = left.is_const;
    for (uint32_t i = 0; i < items->n; i++) {
        struct asy_cel_part item = items->items[i];
        if (item.node == NULL)
            return (struct asy_cel_part){0};
        is_const &= item.is_const;
        is_bad |= item.is_bad;
        if (left.is_bad || item.is_bad)
            continue;
        uint32_t n_errors = c->n_errors;
        if (!is_comparable(ASY_CEL_EQ, left.node->type, item.node->type))
            asy_cel_report(c, "E0221", "cannot-compare", item.start, item.end - item.start,
                           "`in` cannot compare %s with %s%s", asy_cel_type_name(left.node->type),
                           asy_cel_type_name(item.node->type), compare_advice(c, left.node->type, item));
        else
            check_value(c, left, item);
        is_bad |= c->n_errors != n_errors;
    }
    if (is_bad)
        return asy_cel_bad(c, left.start, end);
    struct asy_cel_node *node = asy_cel_node_new(c, ASY_CEL_IN, ASY_CEL_BOOL, items->n + 1);
    if (node == NULL)
        return (struct asy_cel_part){0};
    node->args[0] = left.node;
    for (uint32_t i = 0; i < items->n; i++)
        node->args[i + 1] = items->items[i].node;
    struct asy_cel_part part = asy_cel_finish(c, node, left.start, end, is_const);
    part.is_relation = true;
    return part;
}

struct asy_cel_part asy_cel_make_in_set(struct asy_cel_compiler *c, const struct asy_cel_token *at, struct asy_cel_part left,
                                        const struct asy_cel_name *name)
{
    uint32_t start = name->segments[0].offset;
    uint32_t end = name->segments[name->n - 1].offset + name->segments[name->n - 1].len;
    struct asy_str list = asy_cel_name_text(c, name, name->n);
    if (left.node == NULL || list.p == NULL)
        return (struct asy_cel_part){0};
    const struct asy_cel_set *set =
        c->env->resolve_list != NULL ? c->env->resolve_list(c->env->ctx, list) : NULL;
    if (set == NULL) {
        struct asy_cel_input input;
        if (asy_cel_resolve(c, list, ASY_NO_WINDOW, &input))
            asy_cel_report(c, "E0222", "operand-type", start, end - start,
                           "`in` needs a list; `%.*s` is %s. Write `==`, or a list as [a, b]", ASY_ARG(list),
                           asy_cel_type_phrase(input.type));
        else
            asy_cel_report(c, "E0206", "unknown-list", start, end - start, "`%.*s` is not a list%s", ASY_ARG(list),
                           c->env->hint != NULL ? c->env->hint(c->env->ctx, list) : "");
        return asy_cel_bad(c, left.start, end);
    }
    uint8_t type = left.node->type;
    if (!left.is_bad && type != ASY_CEL_STRING && type != ASY_CEL_DYN) {
        asy_cel_report(c, "E0221", "cannot-compare", at->offset, at->len,
                       "the list `%.*s` holds strings; cannot look for %s in it", ASY_ARG(list), asy_cel_type_name(type));
        return asy_cel_bad(c, left.start, end);
    }
    if (left.is_bad)
        return asy_cel_bad(c, left.start, end);
    struct asy_cel_node *node = asy_cel_node_new(c, ASY_CEL_IN_SET, ASY_CEL_BOOL, 1);
    if (node == NULL)
        return (struct asy_cel_part){0};
    node->args[0] = left.node;
    node->set = set;
    struct asy_cel_part part = asy_cel_finish(c, node, left.start, end, left.is_const);
    part.is_relation = true;
    return part;
}
