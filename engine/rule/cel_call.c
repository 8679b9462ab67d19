/* Condition language: what names stand for, and the functions. */
#include "base/regex.h"
#include "rule/cel_internal.h"

/* -- names */

struct asy_str asy_cel_name_text(struct asy_cel_compiler *c, const struct asy_cel_name *name, uint32_t n)
{
    uint32_t start = name->segments[0].offset;
    uint32_t span = name->segments[n - 1].offset + name->segments[n - 1].len - start;
    uint32_t len = n - 1;
    for (uint32_t i = 0; i < n; i++)
        len += name->segments[i].len;
    if (len == span)
        return (struct asy_str){c->text.p + start, len};
    /* blanks around the dots */
    char *out = asy_pool_alloc(c->pool, (size_t)len + 1);
    if (out == NULL) {
        asy_cel_out_of_memory(c);
        return (struct asy_str){0};
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i != 0)
            out[at++] = '.';
        memcpy(out + at, c->text.p + name->segments[i].offset, name->segments[i].len);
        at += name->segments[i].len;
    }
    return (struct asy_str){out, len};
}

bool asy_cel_resolve(struct asy_cel_compiler *c, struct asy_str name, int64_t window_s, struct asy_cel_input *out)
{
    *out = (struct asy_cel_input){0};
    return name.p != NULL && c->env->resolve != NULL && c->env->resolve(c->env->ctx, name, window_s, out);
}

static struct asy_cel_part make_input(struct asy_cel_compiler *c, const struct asy_cel_input *input, uint32_t start,
                                      uint32_t end)
{
    struct asy_cel_node *node = asy_cel_node_new(c, ASY_CEL_INPUT, input->type, 0);
    if (node == NULL)
        return (struct asy_cel_part){0};
    node->input = *input;
    return asy_cel_finish(c, node, start, end, false);
}

enum style { STYLE_FUNCTION = 1, STYLE_METHOD = 2 }; /* f(x), x.f() */

struct function {
    struct asy_str name;
    uint8_t op;
    uint8_t styles;
    uint8_t n_min, n_max; /* arguments, the x of x.f() counted */
};

static const struct function functions[] = {
    {{"has", 3}, ASY_CEL_HAS, STYLE_FUNCTION, 1, 1},
    {{"size", 4}, ASY_CEL_SIZE, STYLE_FUNCTION | STYLE_METHOD, 1, 1},
    {{"startsWith", 10}, ASY_CEL_STARTS_WITH, STYLE_METHOD, 2, 2},
    {{"endsWith", 8}, ASY_CEL_ENDS_WITH, STYLE_METHOD, 2, 2},
    {{"contains", 8}, ASY_CEL_CONTAINS, STYLE_METHOD, 2, 2},
    {{"matches", 7}, ASY_CEL_MATCHES, STYLE_FUNCTION | STYLE_METHOD, 2, 2},
    {{"int", 3}, ASY_CEL_TO_INT, STYLE_FUNCTION, 1, 1},
    {{"double", 6}, ASY_CEL_TO_DOUBLE, STYLE_FUNCTION, 1, 1},
    {{"string", 6}, ASY_CEL_TO_STRING, STYLE_FUNCTION, 1, 1},
    {{"bool", 4}, ASY_CEL_TO_BOOL, STYLE_FUNCTION, 1, 1},
    {{"timestamp", 9}, ASY_CEL_TO_TIME, STYLE_FUNCTION, 1, 1},
    {{"duration", 8}, ASY_CEL_TO_DURATION, STYLE_FUNCTION, 1, 1},
    {{"dyn", 3}, ASY_CEL_TO_DYN, STYLE_FUNCTION, 1, 1},
    {{"days_since", 10}, ASY_CEL_DAYS_SINCE, STYLE_FUNCTION, 1, 1},
    {{"getFullYear", 11}, ASY_CEL_GET_FULL_YEAR, STYLE_METHOD, 1, 2},
    {{"getMonth", 8}, ASY_CEL_GET_MONTH, STYLE_METHOD, 1, 2},
    {{"getDate", 7}, ASY_CEL_GET_DATE, STYLE_METHOD, 1, 2},
    {{"getDayOfMonth", 13}, ASY_CEL_GET_DAY_OF_MONTH, STYLE_METHOD, 1, 2},
    {{"getDayOfWeek", 12}, ASY_CEL_GET_DAY_OF_WEEK, STYLE_METHOD, 1, 2},
    {{"getDayOfYear", 12}, ASY_CEL_GET_DAY_OF_YEAR, STYLE_METHOD, 1, 2},
    {{"getHours", 8}, ASY_CEL_GET_HOURS, STYLE_METHOD, 1, 2},
    {{"getMinutes", 10}, ASY_CEL_GET_MINUTES, STYLE_METHOD, 1, 2},
    {{"getSeconds", 10}, ASY_CEL_GET_SECONDS, STYLE_METHOD, 1, 2},
    {{"getMilliseconds", 15}, ASY_CEL_GET_MILLISECONDS, STYLE_METHOD, 1, 2},
};
#define N_FUNCTIONS (sizeof functions / sizeof functions[0])

static const struct function *find_function(struct asy_str name)
{
    for (size_t i = 0; i < N_FUNCTIONS; i++)
        if (asy_str_eq(functions[i].name, name))
            return &functions[i];
    return NULL;
}

bool asy_cel_is_method(struct asy_str name)
{
    const struct function *function = find_function(name);
    return function != NULL && (function->styles & STYLE_METHOD) != 0;
}

static void report_unknown_name(struct asy_cel_compiler *c, struct asy_str name, uint32_t start, uint32_t len)
{
    static const struct {
        const char *word, *instead;
    } constants[] = {
        {"true", "true"}, {"yes", "true"}, {"false", "false"}, {"no", "false"}, {"null", "null"}, {"nil", "null"}, {"none", "null"},
    };
    if (c->env->resolve_list != NULL && c->env->resolve_list(c->env->ctx, name) != NULL) {
        asy_cel_report(c, "E0203", "unknown-name", start, len, "`%.*s` is a list; use it as `x in %.*s`", ASY_ARG(name),
                       ASY_ARG(name));
        return;
    }
    const char *hint = c->env->hint != NULL ? c->env->hint(c->env->ctx, name) : "";
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        if (asy_str_eq_fold(name, asy_str_of(constants[i].word))) {
            asy_cel_report(c, "E0203", "unknown-name", start, len, "`%.*s` is not a field; did you mean `%s`?", ASY_ARG(name),
                           constants[i].instead);
            return;
        }
    }
    if (find_function(name) != NULL) {
        asy_cel_report(c, "E0203", "unknown-name", start, len,
                       (find_function(name)->styles & STYLE_FUNCTION) != 0 ? "`%.*s` is a function; write `%.*s(x)`"
                                                                         : "`%.*s` is a function; write `x.%.*s(...)`",
                       ASY_ARG(name), ASY_ARG(name));
        return;
    }
    const char *kind = asy_str_starts(name, ASY_STR("score."))    ? "score"
                       : asy_str_starts(name, ASY_STR("events.")) ? "figure of an event"
                                                                  : "field";
    asy_cel_report(c, "E0203", "unknown-name", start, len, "`%.*s` is not a %s%s", ASY_ARG(name), kind, hint);
}

static uint32_t name_end(const struct asy_cel_name *name)
{
    return name->segments[name->n - 1].offset + name->segments[name->n - 1].len;
}

struct asy_cel_part asy_cel_make_name(struct asy_cel_compiler *c, const struct asy_cel_name *name)
{
    uint32_t start = name->segments[0].offset, end = name_end(name);
    struct asy_str whole = asy_cel_name_text(c, name, name->n);
    struct asy_cel_input input;
    if (asy_cel_resolve(c, whole, ASY_NO_WINDOW, &input))
        return make_input(c, &input, start, end);
    for (uint32_t n = name->n - 1; n > 0 && !c->is_stopped; n--) {
        struct asy_str prefix = asy_cel_name_text(c, name, n);
        if (!asy_cel_resolve(c, prefix, ASY_NO_WINDOW, &input))
            continue;
        const char *hint = c->env->hint != NULL ? c->env->hint(c->env->ctx, whole) : "";
        uint32_t at = name->segments[n].offset;
        asy_cel_report(c, "E0203", "unknown-name", at, end - at, "`%.*s` is %s and has no part `%.*s`%s", ASY_ARG(prefix),
                       asy_cel_type_phrase(input.type), (int)(end - at), c->text.p + at, hint);
        return asy_cel_bad(c, start, end);
    }
    if (!c->is_stopped)
        report_unknown_name(c, whole, start, end - start);
    return asy_cel_bad(c, start, end);
}

struct asy_cel_part asy_cel_make_window(struct asy_cel_compiler *c, const struct asy_cel_name *name, uint32_t end,
                                        const struct asy_cel_token *window)
{
    uint32_t start = name->segments[0].offset;
    struct asy_str whole = asy_cel_name_text(c, name, name->n);
    struct asy_cel_input input;
    if (asy_cel_resolve(c, whole, window->window_s, &input))
        return make_input(c, &input, start, end);
    if (c->is_stopped)
        return (struct asy_cel_part){0};
    if (asy_cel_resolve(c, whole, ASY_NO_WINDOW, &input))
        asy_cel_report(c, "E0207", "window", window->offset, window->len, "`%.*s` takes no length of time", ASY_ARG(whole));
    else if (name->n == 1 && find_function(whole) != NULL)
        asy_cel_report(c, "E0219", "misplaced-window", window->offset, window->len,
                       "a length of time stands only in `events.x.count(30d)`; for a duration write duration('36h')");
    else
        report_unknown_name(c, whole, start, name_end(name) - start);
    return asy_cel_bad(c, start, end);
}

/* -- functions */

bool asy_cel_call_is_refused(struct asy_cel_compiler *c, struct asy_str function, uint32_t offset, bool is_method)
{
    static const char *const macros[] = {"all", "exists", "exists_one", "existsOne", "map", "filter", "transformList",
                                         "transformMap", "bind", "block"};
    for (size_t i = 0; is_method && i < sizeof macros / sizeof macros[0]; i++) {
        if (asy_str_is(function, macros[i])) {
            ASY_CEL_STOP(c, "E0217", "unsupported", offset, function.len, "macros such as `%s` are not supported", macros[i]);
            return true;
        }
    }
    static const struct {
        const char *name, *why;
    } refused[] = {
        {"uint", "unsigned numbers are not supported: use int(x)"},
        {"bytes", "bytes are not supported"},
        {"type", "types are not values here"},
        {"not", "write `!` for `not`"},
        {"if", "write `condition ? a : b`"},
        {"lower", "text compares case-sensitively; use x.matches('(?i)...')"},
        {"lowerAscii", "text compares case-sensitively; use x.matches('(?i)...')"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (asy_str_eq_fold(function, asy_str_of(refused[i].name))) {
            bool is_word = i == 3 || i == 4;
            ASY_CEL_STOP(c, is_word ? "E0211" : "E0217", is_word ? "wrong-operator" : "unsupported", offset, function.len, "%s",
                         refused[i].why);
            return true;
        }
    }
    return false;
}

static void report_unknown_function(struct asy_cel_compiler *c, struct asy_str name, uint32_t offset)
{
    struct asy_str known[N_FUNCTIONS];
    for (size_t i = 0; i < N_FUNCTIONS; i++)
        known[i] = functions[i].name;
    int64_t nearest = asy_str_nearest(name, known, N_FUNCTIONS);
    if (nearest >= 0)
        asy_cel_report(c, "E0204", "unknown-function", offset, name.len, "`%.*s` is not a function; did you mean `%.*s`?",
                       ASY_ARG(name), ASY_ARG(known[nearest]));
    else
        asy_cel_report(c, "E0204", "unknown-function", offset, name.len, "`%.*s` is not a function", ASY_ARG(name));
}

#define BIT(type) (1u << (type))

/* The types argument number `at` may have, as bits. */
static uint32_t accepted_types(uint8_t op, uint32_t at)
{
    const uint32_t numbers = BIT(ASY_CEL_INT) | BIT(ASY_CEL_DOUBLE);
    switch (op) {
    case ASY_CEL_SIZE:
    case ASY_CEL_STARTS_WITH:
    case ASY_CEL_ENDS_WITH:
    case ASY_CEL_CONTAINS:
    case ASY_CEL_MATCHES:
        return BIT(ASY_CEL_STRING);
    case ASY_CEL_TO_INT:
        return numbers | BIT(ASY_CEL_STRING) | BIT(ASY_CEL_TIME);
    case ASY_CEL_TO_DOUBLE:
        return numbers | BIT(ASY_CEL_STRING);
    case ASY_CEL_TO_STRING:
        return numbers | BIT(ASY_CEL_STRING) | BIT(ASY_CEL_BOOL) | BIT(ASY_CEL_TIME) | BIT(ASY_CEL_DURATION);
    case ASY_CEL_TO_BOOL:
        return BIT(ASY_CEL_BOOL) | BIT(ASY_CEL_STRING);
    case ASY_CEL_TO_TIME:
        return BIT(ASY_CEL_STRING) | BIT(ASY_CEL_TIME) | BIT(ASY_CEL_INT);
    case ASY_CEL_TO_DURATION:
        return BIT(ASY_CEL_STRING) | BIT(ASY_CEL_DURATION);
    case ASY_CEL_DAYS_SINCE:
        return BIT(ASY_CEL_TIME);
    case ASY_CEL_GET_HOURS:
    case ASY_CEL_GET_MINUTES:
    case ASY_CEL_GET_SECONDS:
    case ASY_CEL_GET_MILLISECONDS:
        return at == 0 ? BIT(ASY_CEL_TIME) | BIT(ASY_CEL_DURATION) : BIT(ASY_CEL_STRING);
    case ASY_CEL_HAS:
    case ASY_CEL_TO_DYN:
        return ~0u;
    default:
        return at == 0 ? BIT(ASY_CEL_TIME) : BIT(ASY_CEL_STRING);
    }
}

static uint8_t result_type(uint8_t op)
{
    switch (op) {
    case ASY_CEL_HAS:
    case ASY_CEL_STARTS_WITH:
    case ASY_CEL_ENDS_WITH:
    case ASY_CEL_CONTAINS:
    case ASY_CEL_MATCHES:
    case ASY_CEL_TO_BOOL:
        return ASY_CEL_BOOL;
    case ASY_CEL_TO_DOUBLE:
        return ASY_CEL_DOUBLE;
    case ASY_CEL_TO_STRING:
        return ASY_CEL_STRING;
    case ASY_CEL_TO_TIME:
        return ASY_CEL_TIME;
    case ASY_CEL_TO_DURATION:
        return ASY_CEL_DURATION;
    case ASY_CEL_TO_DYN:
        return ASY_CEL_DYN;
    default:
        return ASY_CEL_INT;
    }
}

/* "a string", "a bool or a string", ... */
static const char *accepted_text(struct asy_cel_compiler *c, uint32_t accepted)
{
    struct asy_str out = ASY_STR("");
    uint32_t n = 0;
    for (uint8_t type = ASY_CEL_BOOL; type < ASY_CEL_DYN; type++)
        if ((accepted & BIT(type)) != 0)
            n++;
    for (uint8_t type = ASY_CEL_BOOL; type < ASY_CEL_DYN; type++) {
        if ((accepted & BIT(type)) == 0)
            continue;
        n--;
        out = asy_pool_printf(c->pool, "%.*s%s%s", ASY_ARG(out), asy_cel_type_phrase(type), n == 0 ? "" : n == 1 ? " or " : ", ");
        if (out.p == NULL)
            return "";
    }
    return out.p;
}

static bool check_count(struct asy_cel_compiler *c, const struct function *function, uint32_t offset, bool is_method,
                        uint32_t n)
{
    const struct asy_str name = function->name;
    uint8_t style = is_method ? STYLE_METHOD : STYLE_FUNCTION;
    if ((function->styles & style) == 0) {
        asy_cel_report(c, "E0224", "arguments", offset, name.len,
                       !is_method              ? "write `x.%.*s(%s)`: it is called on a value"
                       : function->op == ASY_CEL_HAS ? "write `%.*s(x)`%s"
                                                     : "write `%.*s(x)`: it is not called on a value%s",
                       ASY_ARG(name), !is_method && function->n_min == 2 ? "'text'" : "");
        return false;
    }
    if (n >= function->n_min && n <= function->n_max)
        return true;
    uint32_t of_target = is_method ? 1 : 0;
    uint32_t n_min = function->n_min - of_target, n_max = function->n_max - of_target;
    if (n_min == n_max)
        asy_cel_report(c, "E0224", "arguments", offset, name.len, "`%.*s` takes %s, found %u", ASY_ARG(name),
                       n_min == 0   ? "no argument"
                       : n_min == 1 ? "one argument"
                                    : "two arguments",
                       n - of_target);
    else
        asy_cel_report(c, "E0224", "arguments", offset, name.len, "`%.*s` takes at most one argument, a time zone, found %u",
                       ASY_ARG(name), n - of_target);
    return false;
}

static bool check_types(struct asy_cel_compiler *c, const struct function *function, const struct asy_cel_part *args,
                        uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint8_t type = args[i].node->type;
        uint32_t accepted = accepted_types(function->op, i);
        if (n == 2 && i == 0 && function->op >= ASY_CEL_GET_FULL_YEAR)
            accepted &= ~BIT(ASY_CEL_DURATION); /* a duration has no time zone */
        if (type == ASY_CEL_DYN || (accepted & BIT(type)) != 0)
            continue;
        asy_cel_report(c, "E0224", "arguments", args[i].start, args[i].end - args[i].start, "`%.*s` needs %s; this is %s",
                       ASY_ARG(function->name), accepted_text(c, accepted), asy_cel_type_phrase(type));
        return false;
    }
    return true;
}

/* A constant pattern is compiled once. False after a finding. */
static bool attach_regex(struct asy_cel_compiler *c, struct asy_cel_node *node, struct asy_cel_part pattern)
{
    struct asy_cel_value value;
    if (!asy_cel_const_value(c, pattern, &value) || value.type != ASY_CEL_STRING)
        return !c->is_stopped;
    if (!asy_pool_grow(c->pool, (void **)&c->with_regex, &c->cap_with_regex, c->n_with_regex, sizeof(struct asy_cel_node *))) {
        asy_cel_out_of_memory(c);
        return false;
    }
    char problem[256] = "";
    struct asy_regex *regex = asy_regex_new(value.s, problem, sizeof problem);
    if (regex == NULL) {
        asy_cel_report(c, "E0225", "bad-pattern", pattern.start, pattern.end - pattern.start,
                       "this pattern is not valid RE2: %s", problem);
        return false;
    }
    node->regex = regex;
    c->with_regex[c->n_with_regex++] = node;
    return true;
}

static bool attach_zone(struct asy_cel_compiler *c, struct asy_cel_node *node, struct asy_cel_part name)
{
    struct asy_cel_value value;
    if (!asy_cel_const_value(c, name, &value) || value.type != ASY_CEL_STRING)
        return !c->is_stopped;
    const char *problem = "";
    node->zone = asy_cel_zone_load(c->pool, value.s, &problem);
    if (node->zone == NULL)
        asy_cel_report(c, "E0226", "bad-zone", name.start, name.end - name.start,
                       "'%.*s' is not a time zone (%s); write one as 'Europe/Berlin', '+02:00' or 'UTC'", ASY_ARG(value.s),
                       problem);
    return node->zone != NULL;
}

struct asy_cel_part asy_cel_make_call(struct asy_cel_compiler *c, struct asy_str name, uint32_t offset,
                                      const struct asy_cel_part *target, const struct asy_cel_parts *args, uint32_t start,
                                      uint32_t end)
{
    const struct function *function = find_function(name);
    uint32_t n = args->n + (target != NULL ? 1 : 0);
    struct asy_cel_part all[2];
    bool is_bad = false, is_const = true;
    for (uint32_t i = 0; i < n; i++) {
        struct asy_cel_part part = target == NULL ? args->items[i] : i == 0 ? *target : args->items[i - 1];
        if (part.node == NULL)
            return (struct asy_cel_part){0};
        is_bad |= part.is_bad;
        is_const &= part.is_const;
        if (i < 2)
            all[i] = part;
    }
    if (function == NULL) {
        report_unknown_function(c, name, offset);
        return asy_cel_bad(c, start, end);
    }
    if (!check_count(c, function, offset, target != NULL, n) || is_bad || !check_types(c, function, all, n))
        return asy_cel_bad(c, start, end);
    if (function->op == ASY_CEL_HAS && all[0].node->op != ASY_CEL_INPUT) {
        asy_cel_report(c, "E0208", "not-a-name", all[0].start, all[0].end - all[0].start,
                       "`has` takes the name of a field, as in has(company.country)");
        return asy_cel_bad(c, start, end);
    }
    uint32_t n_extra = function->op == ASY_CEL_DAYS_SINCE ? 1 : 0;
    struct asy_cel_node *node = asy_cel_node_new(c, function->op, result_type(function->op), n + n_extra);
    if (node == NULL)
        return (struct asy_cel_part){0};
    for (uint32_t i = 0; i < n; i++)
        node->args[i] = all[i].node;
    if (n_extra != 0) {
        struct asy_cel_input now = {.kind = ASY_IN_NOW, .type = ASY_CEL_TIME, .window_s = ASY_NO_WINDOW};
        node->args[n] = make_input(c, &now, start, end).node;
        if (node->args[n] == NULL)
            return (struct asy_cel_part){0};
        is_const = false;
    }
    if ((function->op == ASY_CEL_MATCHES && !attach_regex(c, node, all[1])) ||
        (function->op >= ASY_CEL_GET_FULL_YEAR && n == 2 && !attach_zone(c, node, all[1])))
        return asy_cel_bad(c, start, end);
    return asy_cel_finish(c, node, start, end, is_const);
}
