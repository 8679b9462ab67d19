/* Condition language: the grammar (cel-spec, langdef.md, "Syntax"), recursive descent. Recursion happens only where
 * something is nested in the text, and stops at ASY_CEL_MAX_NESTING; rows of operators are loops. */
#include "base/regex.h"
#include "rule/cel_internal.h"

static struct asy_cel_part parse_expression(struct asy_cel_compiler *c);

static const struct asy_cel_part stopped = {0};

static bool enter(struct asy_cel_compiler *c, uint32_t offset)
{
    if (++c->depth <= ASY_CEL_MAX_NESTING)
        return true;
    ASY_CEL_STOP(c, "E0218", "too-big", offset, 1, "this is nested too deeply: at most %d levels", ASY_CEL_MAX_NESTING);
    return false;
}

static bool check_chain(struct asy_cel_compiler *c, uint32_t n, const char *what)
{
    if (n <= ASY_CEL_MAX_CHAIN)
        return true;
    ASY_CEL_STOP(c, "E0218", "too-big", c->token.offset, c->token.len, "too many %s in a row: at most %d; use parentheses", what,
                 ASY_CEL_MAX_CHAIN);
    return false;
}

static bool push(struct asy_cel_compiler *c, struct asy_cel_parts *parts, struct asy_cel_part part)
{
    if (!asy_pool_grow(c->pool, (void **)&parts->items, &parts->cap, parts->n, sizeof part)) {
        asy_cel_out_of_memory(c);
        return false;
    }
    parts->items[parts->n++] = part;
    return true;
}

static struct asy_str token_text(const struct asy_cel_compiler *c, const struct asy_cel_token *token)
{
    return (struct asy_str){c->text.p + token->offset, token->len};
}

/* -- what to say when something else was expected */

/* Words of other languages where an operator is expected. True after stopping. */
static bool refuse_word_operator(struct asy_cel_compiler *c)
{
    static const struct {
        const char *word, *advice;
    } words[] = {
        {"and", "write `&&` for `and`"},
        {"or", "write `||` for `or`"},
        {"not", "write `!(x in list)` for `not in`"},
        {"is", "write `==` for `is`, or has(x) to ask whether something is filled"},
        {"eq", "write `==`"},
        {"ne", "write `!=`"},
        {"like", "write x.contains('text'), or x.matches('pattern')"},
        {"between", "write `x >= 1 && x <= 9`"},
        {"contains", "write x.contains('text')"},
        {"startsWith", "write x.startsWith('text')"},
        {"endsWith", "write x.endsWith('text')"},
        {"matches", "write x.matches('pattern')"},
        {"mod", "write `%`"},
    };
    if (c->token.kind != ASY_TOKEN_NAME)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (asy_str_eq_fold(token_text(c, &c->token), asy_str_of(words[i].word))) {
            ASY_CEL_STOP(c, "E0211", "wrong-operator", c->token.offset, c->token.len, "%s", words[i].advice);
            return true;
        }
    }
    return false;
}

static void stop_at_window(struct asy_cel_compiler *c)
{
    ASY_CEL_STOP(c, "E0219", "misplaced-window", c->token.offset, c->token.len,
                 "a length of time stands only in `events.x.count(30d)`; for a duration write duration('36h')");
}

/* The token is not what can follow a value. */
static void stop_after_value(struct asy_cel_compiler *c, const char *expected)
{
    if (c->is_stopped || refuse_word_operator(c))
        return;
    ASY_CEL_STOP(c, "E0210", "syntax", c->token.offset, c->token.len, "expected %s, found %s", expected,
                 asy_cel_found(c, &c->token));
}

static bool close_parenthesis(struct asy_cel_compiler *c, uint32_t open)
{
    if (c->is_stopped)
        return false;
    if (c->token.kind == ASY_TOKEN_RPAREN) {
        asy_cel_next(c);
        return !c->is_stopped;
    }
    if (c->token.kind == ASY_TOKEN_END)
        ASY_CEL_STOP(c, "E0212", "missing-parenthesis", open, 1, "this `(` is not closed: a `)` is missing");
    else if (!refuse_word_operator(c))
        ASY_CEL_STOP(c, "E0212", "missing-parenthesis", c->token.offset, c->token.len,
                     "expected an operator or `)`, found %s", asy_cel_found(c, &c->token));
    return false;
}

static bool is_operand_start(uint8_t kind)
{
    return (kind >= ASY_TOKEN_INT && kind <= ASY_TOKEN_NULL) || kind == ASY_TOKEN_LPAREN || kind == ASY_TOKEN_NOT;
}

/* `not x` where a value is expected: true after stopping. */
static bool refuse_not(struct asy_cel_compiler *c)
{
    if (!asy_str_eq_fold(token_text(c, &c->token), ASY_STR("not")))
        return false;
    struct asy_cel_compiler ahead = *c;
    struct asy_cel_env quiet = *c->env;
    quiet.report = NULL;
    ahead.env = &quiet;
    asy_cel_next(&ahead);
    if (ahead.is_stopped || !is_operand_start(ahead.token.kind))
        return false;
    ASY_CEL_STOP(c, "E0211", "wrong-operator", c->token.offset, c->token.len, "write `!` for `not`");
    return true;
}

static void stop_at_operand(struct asy_cel_compiler *c)
{
    if (c->is_stopped)
        return;
    const struct asy_cel_token *at = &c->token;
    if (at->kind == ASY_TOKEN_WINDOW) {
        stop_at_window(c);
    } else if (at->kind == ASY_TOKEN_LBRACKET) {
        ASY_CEL_STOP(c, "E0217", "unsupported", at->offset, at->len, "a list can stand only after `in`, as in x in [a, b]");
    } else if (at->kind == ASY_TOKEN_LBRACE) {
        ASY_CEL_STOP(c, "E0217", "unsupported", at->offset, at->len, "maps are not supported; for a list write [a, b]");
    } else if (at->kind == ASY_TOKEN_END) {
        uint32_t back = c->last_end > 0 ? 1 : 0; /* there is nothing to underline beyond the end */
        ASY_CEL_STOP(c, "E0210", "syntax", c->last_end - back, 1, "the expression ends too early: expected a value");
    } else {
        ASY_CEL_STOP(c, "E0210", "syntax", at->offset, at->len, "expected a value, found %s", asy_cel_found(c, at));
    }
}

/* -- primary values */

static bool is_reserved(struct asy_str word)
{
    static const char *const reserved[] = {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
                                           "loop", "package", "namespace", "return", "var", "void", "while"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (asy_str_is(word, reserved[i]))
            return true;
    return false;
}

static struct asy_cel_part parse_literal(struct asy_cel_compiler *c, bool is_negative, uint32_t start)
{
    struct asy_cel_token token = c->token;
    struct asy_cel_value value = {0};
    switch (token.kind) {
    case ASY_TOKEN_INT:
        if (!is_negative && token.magnitude > (uint64_t)INT64_MAX) {
            ASY_CEL_STOP(c, "E0215", "bad-number", token.offset, token.len,
                         "this number is too large: an int is at most 9223372036854775807");
            return stopped;
        }
        value = asy_cel_int((int64_t)(is_negative ? 0 - token.magnitude : token.magnitude));
        break;
    case ASY_TOKEN_DOUBLE:
        value = (struct asy_cel_value){.type = ASY_CEL_DOUBLE, .d = is_negative ? -token.number : token.number};
        break;
    case ASY_TOKEN_STRING:
        value = (struct asy_cel_value){.type = ASY_CEL_STRING, .s = token.text};
        break;
    case ASY_TOKEN_NULL:
        value = (struct asy_cel_value){.type = ASY_CEL_NULL};
        break;
    default:
        value = asy_cel_bool(token.kind == ASY_TOKEN_TRUE);
        break;
    }
    asy_cel_next(c);
    return asy_cel_make_const(c, value, start, token.offset + token.len);
}

/* Expressions up to `close`, with commas between; the token after it is current afterwards. A comma may stand at the end of
 * a list. */
static bool parse_items(struct asy_cel_compiler *c, uint8_t close, uint32_t open, struct asy_cel_parts *out)
{
    if (!enter(c, open))
        return false;
    while (!c->is_stopped && c->token.kind != close) {
        struct asy_cel_part item = parse_expression(c);
        if (c->is_stopped || !push(c, out, item))
            return false;
        if (c->token.kind == ASY_TOKEN_COMMA) {
            asy_cel_next(c);
            if (c->token.kind == close && close == ASY_TOKEN_RPAREN && !c->is_stopped)
                stop_at_operand(c);
        } else if (c->token.kind != close) {
            if (close == ASY_TOKEN_RPAREN)
                return close_parenthesis(c, open);
            if (c->token.kind == ASY_TOKEN_END && !c->is_stopped)
                ASY_CEL_STOP(c, "E0212", "missing-parenthesis", open, 1, "this `[` is not closed: a `]` is missing");
            stop_after_value(c, "`,` or `]`");
        }
    }
    c->depth--;
    if (!c->is_stopped)
        asy_cel_next(c);
    return !c->is_stopped;
}

/* NAME(...), with the `(` current. */
static struct asy_cel_part parse_call(struct asy_cel_compiler *c, const struct asy_cel_name *name)
{
    uint32_t open = c->token.offset, start = name->segments[0].offset, last = name->n - 1;
    struct asy_str function = {c->text.p + name->segments[last].offset, name->segments[last].len};
    uint32_t offset = name->segments[last].offset;
    asy_cel_next(c);
    if (c->token.kind == ASY_TOKEN_WINDOW) {
        struct asy_cel_token window = c->token;
        asy_cel_next(c);
        return close_parenthesis(c, open) ? asy_cel_make_window(c, name, c->last_end, &window) : stopped;
    }
    if (c->is_stopped || asy_cel_call_is_refused(c, function, offset, last > 0))
        return stopped;
    struct asy_cel_part target = stopped;
    if (last > 0) {
        struct asy_cel_input input;
        struct asy_str whole = asy_cel_name_text(c, name, name->n);
        if (!asy_cel_is_method(function) && asy_cel_resolve(c, whole, ASY_NO_WINDOW, &input)) {
            ASY_CEL_STOP(c, "E0207", "window", open, c->token.offset + c->token.len - open,
                         "write `%.*s`, or with a length of time as in `%.*s(30d)`", ASY_ARG(whole), ASY_ARG(whole));
            return stopped;
        }
        struct asy_cel_name before = *name;
        before.n = last;
        target = asy_cel_make_name(c, &before);
    }
    struct asy_cel_parts args = {0};
    if (!parse_items(c, ASY_TOKEN_RPAREN, open, &args))
        return stopped;
    return asy_cel_make_call(c, function, offset, last > 0 ? &target : NULL, &args, start, c->last_end);
}

/* A dotted name at the current token. */
static bool read_name(struct asy_cel_compiler *c, struct asy_cel_name *name)
{
    name->n = 0;
    for (;;) {
        if (name->n == ASY_CEL_MAX_SEGMENTS) {
            ASY_CEL_STOP(c, "E0218", "too-big", c->token.offset, c->token.len, "a name has at most %d parts",
                         ASY_CEL_MAX_SEGMENTS);
            return false;
        }
        name->segments[name->n].offset = c->token.offset;
        name->segments[name->n++].len = c->token.len;
        asy_cel_next(c);
        if (c->token.kind != ASY_TOKEN_DOT)
            return !c->is_stopped;
        asy_cel_next(c);
        if (c->token.kind != ASY_TOKEN_NAME) {
            if (!c->is_stopped)
                ASY_CEL_STOP(c, "E0210", "syntax", c->token.offset, c->token.len, "expected a name after `.`, found %s",
                             asy_cel_found(c, &c->token));
            return false;
        }
    }
}

static struct asy_cel_part parse_name(struct asy_cel_compiler *c)
{
    if (refuse_not(c))
        return stopped;
    struct asy_str first = token_text(c, &c->token);
    struct asy_cel_name name;
    if (is_reserved(first) && !asy_str_is(first, "if")) {
        ASY_CEL_STOP(c, "E0210", "syntax", c->token.offset, c->token.len, "`%.*s` is a reserved word of the condition language",
                     ASY_ARG(first));
        return stopped;
    }
    if (!read_name(c, &name))
        return stopped;
    if (c->token.kind == ASY_TOKEN_LPAREN)
        return parse_call(c, &name);
    if (c->token.kind == ASY_TOKEN_LBRACE) {
        ASY_CEL_STOP(c, "E0217", "unsupported", c->token.offset, c->token.len, "messages are not supported");
        return stopped;
    }
    if (asy_str_is(first, "if")) {
        ASY_CEL_STOP(c, "E0211", "wrong-operator", name.segments[0].offset, 2, "write `condition ? a : b`");
        return stopped;
    }
    return asy_cel_make_name(c, &name);
}

static struct asy_cel_part parse_primary(struct asy_cel_compiler *c)
{
    struct asy_cel_token token = c->token;
    if (token.kind == ASY_TOKEN_DOT) {
        asy_cel_next(c); /* .a.b: a name of the outermost scope; there is only one scope */
        if (c->token.kind == ASY_TOKEN_NAME)
            return parse_name(c);
    } else if (token.kind == ASY_TOKEN_NAME) {
        return parse_name(c);
    } else if (token.kind == ASY_TOKEN_LPAREN) {
        if (!enter(c, token.offset))
            return stopped;
        asy_cel_next(c);
        struct asy_cel_part part = parse_expression(c);
        if (c->token.kind == ASY_TOKEN_COMMA && !c->is_stopped) {
            ASY_CEL_STOP(c, "E0210", "syntax", c->token.offset, 1, "a list is written with brackets: [a, b]");
            return stopped;
        }
        if (!close_parenthesis(c, token.offset))
            return stopped;
        c->depth--;
        part.start = token.offset;
        part.end = c->last_end;
        part.is_relation = false;
        return part;
    } else if (token.kind >= ASY_TOKEN_INT && token.kind <= ASY_TOKEN_NULL && token.kind != ASY_TOKEN_WINDOW) {
        return parse_literal(c, false, token.offset);
    }
    stop_at_operand(c);
    return stopped;
}

/* A value and the calls on it: x.f().g(). */
static struct asy_cel_part parse_member(struct asy_cel_compiler *c)
{
    struct asy_cel_part part = parse_primary(c);
    for (uint32_t n = 1; !c->is_stopped; n++) {
        if (c->token.kind == ASY_TOKEN_LBRACKET) {
            ASY_CEL_STOP(c, "E0217", "unsupported", c->token.offset, 1, "indexing is not supported");
            return stopped;
        }
        if (c->token.kind != ASY_TOKEN_DOT)
            return part;
        if (!check_chain(c, n, "calls"))
            return stopped;
        asy_cel_next(c);
        struct asy_cel_token token = c->token;
        if (token.kind != ASY_TOKEN_NAME) {
            stop_after_value(c, "the name of a function after `.`");
            return stopped;
        }
        struct asy_str function = token_text(c, &token);
        asy_cel_next(c);
        uint32_t open = c->token.offset;
        if (c->token.kind != ASY_TOKEN_LPAREN) {
            if (!c->is_stopped)
                ASY_CEL_STOP(c, "E0203", "unknown-name", token.offset, token.len, "a value has no part `%.*s`", ASY_ARG(function));
            return stopped;
        }
        if (asy_cel_call_is_refused(c, function, token.offset, true))
            return stopped;
        asy_cel_next(c);
        struct asy_cel_parts args = {0};
        if (!parse_items(c, ASY_TOKEN_RPAREN, open, &args))
            return stopped;
        part = asy_cel_make_call(c, function, token.offset, &part, &args, part.start, c->last_end);
    }
    return stopped;
}

static struct asy_cel_part parse_unary(struct asy_cel_compiler *c)
{
    struct {
        uint8_t op;
        uint32_t offset;
    } signs[ASY_CEL_MAX_NESTING];
    uint32_t n = 0, depth = c->depth;
    while (c->token.kind == ASY_TOKEN_NOT || c->token.kind == ASY_TOKEN_MINUS) {
        if (!enter(c, c->token.offset))
            return stopped;
        signs[n].op = c->token.kind == ASY_TOKEN_NOT ? ASY_CEL_NOT : ASY_CEL_NEG;
        signs[n++].offset = c->token.offset;
        asy_cel_next(c);
    }
    struct asy_cel_part part;
    bool is_number = c->token.kind == ASY_TOKEN_INT || c->token.kind == ASY_TOKEN_DOUBLE;
    if (n > 0 && is_number && signs[n - 1].op == ASY_CEL_NEG) {
        n--;
        part = parse_literal(c, true, signs[n].offset); /* the only way to write the smallest int */
    } else {
        part = parse_member(c);
    }
    while (n > 0 && !c->is_stopped) {
        n--;
        part = asy_cel_make_unary(c, signs[n].op, signs[n].offset, part);
    }
    c->depth = depth;
    return c->is_stopped ? stopped : part;
}

/* -- operators, tightest first */

static struct asy_cel_part parse_product(struct asy_cel_compiler *c)
{
    struct asy_cel_part left = parse_unary(c);
    for (uint32_t n = 1; !c->is_stopped; n++) {
        struct asy_cel_token at = c->token;
        uint8_t op = at.kind == ASY_TOKEN_STAR      ? ASY_CEL_MUL
                     : at.kind == ASY_TOKEN_SLASH   ? ASY_CEL_DIV
                     : at.kind == ASY_TOKEN_PERCENT ? ASY_CEL_MOD
                                                    : 0;
        if (op == 0)
            return left;
        if (!check_chain(c, n, "operators"))
            break;
        asy_cel_next(c);
        left = asy_cel_make_binary(c, op, &at, left, parse_unary(c));
    }
    return stopped;
}

static struct asy_cel_part parse_sum(struct asy_cel_compiler *c)
{
    struct asy_cel_part left = parse_product(c);
    for (uint32_t n = 1; !c->is_stopped; n++) {
        struct asy_cel_token at = c->token;
        if (at.kind != ASY_TOKEN_PLUS && at.kind != ASY_TOKEN_MINUS)
            return left;
        if (!check_chain(c, n, "operators"))
            break;
        asy_cel_next(c);
        left = asy_cel_make_binary(c, at.kind == ASY_TOKEN_PLUS ? ASY_CEL_ADD : ASY_CEL_SUB, &at, left, parse_product(c));
    }
    return stopped;
}

/* What stands after `in`: [a, b] or the name of a list. */
static struct asy_cel_part parse_in(struct asy_cel_compiler *c, const struct asy_cel_token *at, struct asy_cel_part left)
{
    if (c->token.kind == ASY_TOKEN_LBRACKET) {
        uint32_t open = c->token.offset;
        struct asy_cel_parts items = {0};
        asy_cel_next(c);
        return parse_items(c, ASY_TOKEN_RBRACKET, open, &items) ? asy_cel_make_in(c, left, &items, c->last_end) : stopped;
    }
    struct asy_cel_name name;
    if (c->token.kind == ASY_TOKEN_NAME)
        return read_name(c, &name) ? asy_cel_make_in_set(c, at, left, &name) : stopped;
    if (!c->is_stopped)
        ASY_CEL_STOP(c, "E0210", "syntax", c->token.offset, c->token.len,
                     "`in` needs a list: write [a, b] or the name of a list, found %s", asy_cel_found(c, &c->token));
    return stopped;
}

static struct asy_cel_part parse_relation(struct asy_cel_compiler *c)
{
    struct asy_cel_part left = parse_sum(c);
    for (uint32_t n = 1; !c->is_stopped; n++) {
        struct asy_cel_token at = c->token;
        uint8_t op = at.kind >= ASY_TOKEN_EQ && at.kind <= ASY_TOKEN_GE ? (uint8_t)(ASY_CEL_EQ + (at.kind - ASY_TOKEN_EQ)) : 0;
        if (op == 0 && at.kind != ASY_TOKEN_IN)
            return left;
        if (!check_chain(c, n, "comparisons"))
            break;
        asy_cel_next(c);
        if (at.kind == ASY_TOKEN_IN)
            left = parse_in(c, &at, left);
        else
            left = asy_cel_make_binary(c, op, &at, left, parse_sum(c));
    }
    return stopped;
}

/* Terms joined by && or by ||: one node however many there are. */
static struct asy_cel_part parse_logic(struct asy_cel_compiler *c, uint8_t op)
{
    uint8_t kind = op == ASY_CEL_AND ? ASY_TOKEN_AND : ASY_TOKEN_OR;
    struct asy_cel_parts terms = {0};
    for (;;) {
        struct asy_cel_part term = op == ASY_CEL_AND ? parse_relation(c) : parse_logic(c, ASY_CEL_AND);
        if (c->is_stopped)
            return stopped;
        if (c->token.kind != kind && terms.n == 0)
            return term;
        if (!push(c, &terms, term))
            return stopped;
        if (c->token.kind != kind)
            return asy_cel_make_logic(c, op, &terms);
        asy_cel_next(c);
    }
}

static struct asy_cel_part parse_expression(struct asy_cel_compiler *c)
{
    /* a ? b : c ? d : e  is collected as a, b, c, d and e, and built from the right */
    struct asy_cel_parts parts = {0};
    struct asy_cel_part part = parse_logic(c, ASY_CEL_OR);
    while (!c->is_stopped && c->token.kind == ASY_TOKEN_QUESTION) {
        uint32_t question = c->token.offset;
        if (!check_chain(c, parts.n / 2 + 1, "`? :`"))
            return stopped;
        asy_cel_next(c);
        struct asy_cel_part yes = parse_logic(c, ASY_CEL_OR);
        if (!c->is_stopped && c->token.kind == ASY_TOKEN_END)
            ASY_CEL_STOP(c, "E0210", "syntax", question, 1, "this `?` has no `:`; write `condition ? a : b`");
        else if (!c->is_stopped && c->token.kind != ASY_TOKEN_COLON)
            stop_after_value(c, "an operator or `:`");
        if (c->is_stopped || !push(c, &parts, part) || !push(c, &parts, yes))
            return stopped;
        asy_cel_next(c);
        part = parse_logic(c, ASY_CEL_OR);
    }
    while (parts.n > 0 && !c->is_stopped) {
        parts.n -= 2;
        part = asy_cel_make_if(c, parts.items[parts.n], parts.items[parts.n + 1], part);
    }
    return c->is_stopped ? stopped : part;
}

/* -- the whole */

static void check_end(struct asy_cel_compiler *c)
{
    if (c->is_stopped || c->token.kind == ASY_TOKEN_END || refuse_word_operator(c))
        return;
    if (c->token.kind == ASY_TOKEN_RPAREN)
        ASY_CEL_STOP(c, "E0212", "missing-parenthesis", c->token.offset, 1, "there is no `(` for this `)`");
    else if (c->token.kind == ASY_TOKEN_WINDOW)
        stop_at_window(c);
    else
        ASY_CEL_STOP(c, "E0213", "trailing-text", c->token.offset, c->token.len,
                     "expected an operator such as `&&`, or the end, found %s", asy_cel_found(c, &c->token));
}

static void check_wanted(struct asy_cel_compiler *c, struct asy_cel_part part, uint8_t want)
{
    if (c->is_stopped || part.is_bad)
        return;
    uint8_t type = part.node->type;
    if (want == ASY_CEL_DYN || type == want || type == ASY_CEL_DYN)
        return;
    if (want == ASY_CEL_BOOL)
        asy_cel_report(c, "E0220", "not-a-condition", part.start, part.end - part.start,
                       "a condition must be true or false; this is %s", asy_cel_type_phrase(type));
    else
        asy_cel_report(c, "E0220", "not-a-condition", part.start, part.end - part.start, "expected %s, found %s",
                       asy_cel_type_phrase(want), asy_cel_type_phrase(type));
}

static bool check_text(struct asy_cel_compiler *c)
{
    if (c->text.len > ASY_CEL_MAX_BYTES) {
        ASY_CEL_STOP(c, "E0218", "too-big", ASY_CEL_MAX_BYTES, 1, "this expression is too long: %u bytes, at most %d",
                     c->text.len, ASY_CEL_MAX_BYTES);
        return false;
    }
    if (asy_utf8_valid(c->text))
        return true;
    uint32_t n = c->text.len; /* the longest valid beginning */
    while (n > 0 && !asy_utf8_valid((struct asy_str){c->text.p, n}))
        n--;
    ASY_CEL_STOP(c, "E0216", "bad-character", n, 1, "this is not UTF-8 (byte 0x%02x)", (unsigned char)c->text.p[n]);
    return false;
}

struct asy_cel_node *asy_cel_compile(struct asy_pool *pool, struct asy_str text, const struct asy_cel_env *env, uint8_t want,
                                     bool *no_memory)
{
    struct asy_cel_compiler c = {.pool = pool, .text = text, .env = env};
    struct asy_cel_part part = {0};
    if (check_text(&c)) {
        asy_cel_next(&c);
        if (c.token.kind == ASY_TOKEN_END && !c.is_stopped)
            ASY_CEL_STOP(&c, "E0210", "syntax", 0, 1, "an expression is missing here");
        part = parse_expression(&c);
        check_end(&c);
        check_wanted(&c, part, want);
    }
    *no_memory = c.no_memory;
    if (!c.is_stopped && c.n_errors == 0 && part.node != NULL) {
        part.node->clause = 1;
        return part.node;
    }
    for (uint32_t i = 0; i < c.n_with_regex; i++) {
        if (c.with_regex[i]->regex != NULL)
            asy_regex_free((struct asy_regex *)c.with_regex[i]->regex);
        c.with_regex[i]->regex = NULL;
    }
    return NULL;
}
