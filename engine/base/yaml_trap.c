/* What a YAML syntax error means to someone who writes rules. libyaml says "did not find expected key"; the author
 * wrote `when: 'a' == b`. The line is looked at again, as its author would, for the known traps. */
#include "base/yaml_internal.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static uint32_t skip_blanks(struct asy_str s, uint32_t at)
{
    while (at < s.len && is_blank(s.p[at]))
        at++;
    return at;
}

/* After the quote that closes the one at `at`, or 0 if none does. */
static uint32_t after_quote(struct asy_str s, uint32_t at)
{
    const char quote = s.p[at];
    for (uint32_t i = at + 1; i < s.len; i++) {
        if (quote == '"' && s.p[i] == '\\')
            i++;
        else if (s.p[i] == quote && quote == '\'' && i + 1 < s.len && s.p[i + 1] == quote)
            i++;
        else if (s.p[i] == quote)
            return i + 1;
    }
    return 0;
}

/* After the bracket that closes the one at `at`, or 0 if none does. */
static uint32_t after_bracket(struct asy_str s, uint32_t at)
{
    uint32_t depth = 0;
    for (uint32_t i = at; i < s.len; i++) {
        const char c = s.p[i];
        if (c == '"' || c == '\'') {
            const uint32_t end = after_quote(s, i);
            if (end)
                i = end - 1;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if ((c == ']' || c == '}') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

static bool is_key_end(struct asy_str line, uint32_t at)
{
    return at < line.len && line.p[at] == ':' && (at + 1 == line.len || is_blank(line.p[at + 1]));
}

/* Where the value of a line in block style starts: after its dashes and its key, if it has one. */
static uint32_t value_start(struct asy_str line)
{
    uint32_t at = skip_blanks(line, 0);
    while (at < line.len && line.p[at] == '-' && (at + 1 == line.len || is_blank(line.p[at + 1])))
        at = skip_blanks(line, at + 1);
    if (at >= line.len || line.p[at] == '[' || line.p[at] == '{')
        return at;
    if (line.p[at] == '"' || line.p[at] == '\'') {
        const uint32_t end = after_quote(line, at);
        return end && is_key_end(line, skip_blanks(line, end)) ? skip_blanks(line, skip_blanks(line, end) + 1) : at;
    }
    for (uint32_t i = at; i < line.len; i++) {
        if (is_key_end(line, i))
            return skip_blanks(line, i + 1);
        if (line.p[i] == '#' && i > 0 && is_blank(line.p[i - 1]))
            break;
    }
    return at;
}

bool asy_yaml_unbalanced(struct asy_str s)
{
    int64_t depth = 0;
    for (uint32_t i = 0; i < s.len; i++) {
        if (s.p[i] == '(' || s.p[i] == '[')
            depth++;
        else if ((s.p[i] == ')' || s.p[i] == ']') && --depth < 0)
            return true;
    }
    return depth != 0;
}

struct finder {
    const struct asy_yaml_source *source;
    struct asy_pool *scratch;
    const struct asy_yaml_failure *failure;
    struct asy_yaml_trap *trap;
    struct asy_str line; /* that is looked at */
    uint32_t line_at;    /* its offset */
    uint32_t value;      /* in `line` */
};

static bool says(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static void look_at_line(struct finder *f, uint32_t offset)
{
    const struct asy_pos pos = asy_yaml_source_pos(f->source, offset);
    f->line_at = f->source->lines[pos.line - 1];
    uint32_t end = f->line_at;
    while (end < f->source->text.len && f->source->text.p[end] != '\n' && f->source->text.p[end] != '\r')
        end++;
    f->line = (struct asy_str){f->source->text.p + f->line_at, end - f->line_at};
    f->value = value_start(f->line);
}

/* The finding, at `at` in the line; the value is taken out of the line so that the rest of the file can be read. */
static bool found(struct finder *f, const char *code, const char *slug, uint32_t at, uint32_t len, const char *text)
{
    f->trap->code = code;
    f->trap->slug = slug;
    f->trap->offset = f->line_at + at;
    f->trap->len = len ? len : 1;
    f->trap->text = asy_str_of(text);
    if (f->value < f->line.len) {
        f->trap->from = f->line_at + f->value;
        f->trap->to = f->line_at + f->line.len;
    }
    return true;
}

static const char *const comma_text =
    "inside { } a comma, a bracket or `: ` ends a value; put quotes around the whole expression, or write the "
    "mapping in block style (one `key: value` a line)";

static bool is_leading_trap(struct finder *f)
{
    const struct asy_str line = f->line;
    const uint32_t v = f->value;
    const char c = v < line.len ? line.p[v] : '\0';
    const uint32_t value_len = line.len - v;
    uint32_t end;
    switch (c) {
    case '!':
        return found(f, "E0101", "yaml-tag", v, value_len,
                     "a value cannot start with `!` here: YAML reads it as a tag; write `x == false`, or put quotes around "
                     "the whole expression");
    case '&':
    case '*':
        return found(f, "E0102", "yaml-anchor", v, 1,
                     "a value cannot start with `&` or `*`: YAML reads it as an anchor or alias, which rule files do not "
                     "have; put quotes around the whole value");
    case '"':
    case '\'':
        end = after_quote(line, v);
        if (!end)
            return found(f, "E0117", "yaml-unclosed", v, 1, "the quote that opens here is not closed on this line");
        end = skip_blanks(line, end);
        if (end < line.len && line.p[end] != '#')
            return found(f, "E0106", "yaml-leading-quote", v, value_len,
                         "a value that starts with a quote ends at the next one, and here is more text after it; put "
                         "quotes of the other kind around the whole expression");
        return false;
    case '[':
        end = after_bracket(line, v);
        end = end ? skip_blanks(line, end) : 0;
        if (end && end < line.len && line.p[end] != '#')
            return found(f, "E0106", "yaml-leading-bracket", v, value_len,
                         "a value that starts with `[` is a list up to its `]`, and here is more text after it; put quotes "
                         "around the whole expression");
        return false;
    case '>':
    case '|':
        return found(f, "E0115", "yaml-indicator", v, 1,
                     "a value cannot start with `>` or `|` here: YAML reads it as the head of a block of text; put quotes "
                     "around the whole value");
    case '@':
    case '`':
    case '%':
        return found(f, "E0115", "yaml-indicator", v, 1,
                     "a value cannot start with `@`, `%` or a back quote: YAML keeps them for itself; put quotes around the "
                     "whole value");
    default:
        return false;
    }
}

static bool is_colon_trap(struct finder *f)
{
    if (!says(f->failure->problem, "mapping values are not allowed"))
        return false;
    const uint32_t colon = f->failure->problem_at - f->line_at;
    const struct asy_str before = {f->line.p + f->value, colon > f->value ? colon - f->value : 0};
    if (asy_str_find(before, ASY_STR("?")) >= 0)
        return found(f, "E0105", "yaml-ternary", colon, 1,
                     "`: ` ends a key in YAML, so `a ? b : c` cannot stand here as it is; put quotes around the whole "
                     "expression");
    if (before.len)
        return found(f, "E0105", "yaml-colon", colon, 1,
                     "`: ` inside a value: YAML takes what is before it for a key; put quotes around the whole value");
    const bool is_first_key = colon + 1 >= f->line.len || f->value > colon;
    f->value = f->line.len; /* the line before is as likely the wrong one: nothing is taken out */
    if (is_first_key)
        return found(f, "E0116", "yaml-indent", colon, 1,
                     "this line is indented deeper than the one above, whose value is complete already; give both the same "
                     "indentation, or end the line above with its key and `:`");
    return false;
}

static bool is_flow_trap(struct finder *f)
{
    const bool is_map = says(f->failure->context, "flow mapping");
    if (!is_map && !says(f->failure->context, "flow sequence"))
        return false;
    const struct asy_pos open = asy_yaml_source_pos(f->source, f->failure->context_at);
    const struct asy_pos at = asy_yaml_source_pos(f->source, f->failure->problem_at);
    look_at_line(f, f->failure->context_at);
    if (open.line != at.line) {
        f->value = f->line.len;
        return found(f, "E0117", "yaml-unclosed", open.col - 1, 1,
                     is_map ? "the `{` that opens here is not closed where its mapping ends"
                            : "the `[` that opens here is not closed where its list ends");
    }
    if (is_map)
        return found(f, "E0107", "yaml-flow-comma", at.col - 1, 1, comma_text);
    return found(f, "E0107", "yaml-flow-comma", at.col - 1, 1,
                 "inside [ ] a bracket, a quote or `: ` ends an item; put quotes around each item that has one in it");
}

static bool is_structure_error(struct finder *f)
{
    const char *problem = f->failure->problem;
    if (says(problem, "could not find expected ':'")) {
        look_at_line(f, f->failure->context_at);
        f->value = skip_blanks(f->line, 0);
        return found(f, "E0118", "yaml-no-colon", f->value, f->line.len - f->value,
                     "expected `key: value`, found no `: ` on this line");
    }
    if (says(f->failure->context, "quoted scalar")) {
        look_at_line(f, f->failure->context_at);
        return found(f, "E0117", "yaml-unclosed", f->failure->context_at - f->line_at, 1,
                     says(problem, "escape") ? "the text in double quotes has an escape that YAML does not know; use single "
                                               "quotes, in which a backslash is just a backslash"
                                             : "the quote that opens here is never closed");
    }
    f->value = f->line.len; /* from here on nothing can be taken out */
    if (f->failure->problem_at < f->source->text.len && f->source->text.p[f->failure->problem_at] == '\t')
        return found(f, "E0114", "yaml-tab", f->failure->problem_at - f->line_at, 1,
                     "a tab cannot indent a line in YAML; use blanks");
    if (says(problem, "did not find expected key") || says(problem, "did not find expected '-' indicator") ||
        says(problem, "did not find expected <document start>"))
        return found(f, "E0116", "yaml-indent", f->failure->problem_at - f->line_at, 1,
                     "this does not go on from the lines above: expected the next key or list item at their indentation");
    return false;
}

void asy_yaml_trap_find(const struct asy_yaml_source *source, struct asy_pool *scratch,
                        const struct asy_yaml_failure *failure, struct asy_yaml_trap *trap)
{
    *trap = (struct asy_yaml_trap){0};
    struct finder f = {.source = source, .scratch = scratch, .failure = failure, .trap = trap};
    look_at_line(&f, failure->problem_at);
    const bool is_multi_line_quote = says(failure->context, "quoted scalar");
    if (!is_multi_line_quote && !says(failure->context, "flow") && is_leading_trap(&f))
        return;
    if (is_flow_trap(&f) || is_colon_trap(&f) || is_structure_error(&f))
        return;
    trap->code = "E0108";
    trap->slug = "yaml-syntax";
    trap->offset = failure->problem_at;
    trap->len = 1;
    trap->text = asy_pool_printf(scratch, "this is not YAML: %s%s%s", failure->problem, failure->context[0] ? " " : "",
                                 failure->context);
}
