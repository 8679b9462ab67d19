/* The lint as a whole: collects the conditions of the file, makes the space, and lets each check have its turn. */
#include "rule/lint_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* -- memory and reports ------------------------------------------------------------------------------------------ */

void *asy_lint_alloc(struct asy_lint *lint, size_t n, size_t size_bytes)
{
    void *p = asy_pool_alloc_n(&lint->pool, n == 0 ? 1 : n, size_bytes);
    if (p == NULL)
        lint->no_memory = true;
    return p;
}

struct asy_str asy_lint_printf(struct asy_lint *lint, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *p = n < 0 ? NULL : asy_lint_alloc(lint, (size_t)n + 1, 1);
    if (p != NULL)
        vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return p == NULL ? (struct asy_str){"", 0} : (struct asy_str){p, (uint32_t)n};
}

void asy_lint_report(struct asy_lint *lint, const char *code, const char *slug, struct asy_pos pos, uint32_t length,
                     struct asy_str text, struct asy_str detail)
{
    struct asy_diag *diag =
        asy_diag_add(lint->diags, code, slug, pos, length == 0 ? 1 : length, "%.*s", ASY_ARG(text));
    if (diag == NULL) {
        lint->no_memory = true;
        return;
    }
    if (detail.len == 0)
        return;
    diag->detail = asy_pool_copy(&lint->diags->pool, detail);
    if (diag->detail.p == NULL)
        lint->no_memory = true;
}

static bool may_be_empty(const struct asy_rules *rules, uint32_t field, uint32_t depth)
{
    const struct asy_field *at = &rules->schema.fields[field];
    if (at->required || at->has_default)
        return false;
    /* `otherwise` fills whatever has a source; so do chains of them, which are never long. */
    if (at->derive.kind == ASY_DERIVE_WORDS && at->derive.has_otherwise && depth < 8)
        return may_be_empty(rules, at->derive.source, depth + 1);
    return true;
}

bool asy_lint_may_be_empty(const struct asy_rules *rules, uint32_t field)
{
    return may_be_empty(rules, field, 0);
}

/* -- the conditions of the file ----------------------------------------------------------------------------------- */

static void add_use(struct asy_lint *lint, const char *what, struct asy_str name, struct asy_pos name_pos,
                    const struct asy_test *test)
{
    struct asy_lint_use *use = &lint->uses[lint->n_uses++];
    use->what = what;
    use->name = name;
    use->name_pos = name_pos;
    use->when = test->is_otherwise || test->call != ASY_NONE ? NULL : test->when;
    use->pos = test->pos.line > 0 ? test->pos : use->when != NULL && use->when->pos.line > 0 ? use->when->pos : name_pos;
    use->cond = asy_lint_compile_test(lint, test);
}

static void add_when(struct asy_lint *lint, const char *what, struct asy_str name, struct asy_pos pos,
                     struct asy_cel_node *when)
{
    struct asy_test test = {.when = when, .call = ASY_NONE};
    if (when != NULL)
        add_use(lint, what, name, pos, &test);
}

static size_t count_uses(const struct asy_rules *rules)
{
    size_t n = (size_t)rules->n_disqualify + rules->n_stages + rules->n_routes + rules->n_recycle + rules->n_segments;
    for (uint32_t k = 0; k < rules->n_scores; k++)
        n += (size_t)rules->scores[k].n_rules + rules->scores[k].n_events;
    return n;
}

static void collect_uses(struct asy_lint *lint)
{
    const struct asy_rules *rules = lint->rules;
    lint->uses = asy_lint_alloc(lint, count_uses(rules), sizeof *lint->uses);
    if (lint->uses == NULL)
        return;
    for (uint32_t s = 0; s < rules->n_scores; s++) {
        const struct asy_score *score = &rules->scores[s];
        for (uint32_t k = 0; k < score->n_rules; k++)
            if (score->rules[k].kind == ASY_RULE_WHEN)
                add_when(lint, "rule", score->rules[k].name, score->rules[k].pos, score->rules[k].when);
        for (uint32_t k = 0; k < score->n_events; k++)
            add_when(lint, "event rule", score->events[k].name, score->events[k].pos, score->events[k].where);
    }
    lint->first_disqualify = lint->n_uses;
    for (uint32_t k = 0; k < rules->n_disqualify; k++)
        add_use(lint, "disqualify rule", rules->disqualify[k].name, rules->disqualify[k].pos, &rules->disqualify[k].test);
    for (uint32_t k = 0; k < rules->n_stages; k++)
        add_when(lint, "stage", rules->stages[k].name, rules->stages[k].pos, rules->stages[k].test.when);
    lint->first_route = lint->n_uses;
    for (uint32_t k = 0; k < rules->n_routes; k++)
        add_use(lint, "route", rules->routes[k].name, rules->routes[k].pos, &rules->routes[k].test);
    lint->first_recycle = lint->n_uses;
    for (uint32_t k = 0; k < rules->n_recycle; k++)
        add_use(lint, "recycle rule", rules->recycle[k].name, rules->recycle[k].pos, &rules->recycle[k].test);
    for (uint32_t k = 0; k < rules->n_segments; k++)
        add_when(lint, "nurture segment", rules->segments[k].name, rules->segments[k].pos, rules->segments[k].test.when);
}

/* `disqualified` by itself, to say what it means, where some condition reads it. */
static void find_disqualified(struct asy_lint *lint)
{
    bool is_read = false;
    struct asy_cel_input input = {.kind = ASY_IN_DISQUALIFIED, .type = ASY_CEL_BOOL};
    for (uint32_t k = 0; k < lint->n_axes; k++) {
        const struct asy_lint_axis *axis = lint->axes[k];
        if (axis->kind != ASY_LINT_INPUT || axis->input.kind != ASY_IN_DISQUALIFIED)
            continue;
        is_read = true;
        input = axis->input;
    }
    struct asy_cel_node *node = is_read ? asy_lint_alloc(lint, 1, sizeof *node) : NULL;
    if (node == NULL)
        return;
    node->op = ASY_CEL_INPUT;
    node->type = ASY_CEL_BOOL;
    node->input = input;
    node->text = ASY_STR("disqualified");
    lint->disqualified = asy_lint_compile(lint, node);
}

/* -- names --------------------------------------------------------------------------------------------------------- */

struct name {
    struct asy_str text;
    struct asy_pos pos;
    uint32_t order;
};

static int compare_names(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    int order = asy_str_cmp(x->text, y->text);
    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* The terms of a score are told apart by name. That `rules:` have names of their own the loader sees to; an event's rule is
 * called as the event unless it has a `name:`. */
static void check_names(struct asy_lint *lint, const struct asy_score *score)
{
    struct name *names = asy_lint_alloc(lint, (size_t)score->n_rules + score->n_events, sizeof *names);
    uint32_t n = 0;
    if (names == NULL)
        return;
    for (uint32_t k = 0; k < score->n_rules; k++, n++)
        names[n] = (struct name){score->rules[k].name, score->rules[k].pos, n};
    for (uint32_t k = 0; k < score->n_events; k++, n++)
        names[n] = (struct name){score->events[k].name, score->events[k].pos, n};
    if (n > 1)
        qsort(names, n, sizeof *names, compare_names);
    for (uint32_t k = 1; k < n; k++)
        if (names[k].text.len > 0 && asy_str_eq(names[k].text, names[k - 1].text))
            asy_lint_report(lint, "W0344", "duplicate-name", names[k].pos, 1,
                            asy_lint_printf(lint, "two rules of score.%.*s are called `%.*s`: explanations cannot tell them apart; "
                                                  "give one a `name:`",
                                            ASY_ARG(score->name), ASY_ARG(names[k].text)),
                            (struct asy_str){"", 0});
}

/* -- lists and teams ----------------------------------------------------------------------------------------------- */

struct set_walk {
    struct asy_lint *lint;
    bool *is_used; /* by list */
};

static void set_visit(void *ctx, const struct asy_cel_node *node)
{
    struct set_walk *walk = ctx;
    const struct asy_rules *rules = walk->lint->rules;
    if (node->op != ASY_CEL_IN_SET)
        return;
    for (uint32_t k = 0; k < rules->n_lists; k++) {
        if (node->set != &rules->lists[k].set && !asy_str_eq(node->set->name, rules->lists[k].set.name))
            continue;
        walk->is_used[k] = true;
        const struct asy_cel_node *of = node->args[0];
        if (of->op == ASY_CEL_INPUT && of->input.kind == ASY_IN_FIELD)
            asy_lint_list_values(walk->lint, k, of->input.index);
    }
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Sections that the rules do not keep (nurture, slas ...) and unions name lists too: is the word there more than once? */
static bool is_named_again(struct asy_str source, struct asy_str word)
{
    uint32_t n = 0;
    for (uint32_t at = 0; n < 2 && word.len > 0 && at + word.len <= source.len;) {
        struct asy_str rest = {source.p + at, source.len - at};
        int64_t found = asy_str_find(rest, word);
        if (found < 0)
            break;
        uint32_t start = at + (uint32_t)found, end = start + word.len;
        bool is_whole = (start == 0 || !is_word_byte(source.p[start - 1])) && (end == source.len || !is_word_byte(source.p[end]));
        n += is_whole;
        at = end;
    }
    return n >= 2;
}

static void mark_lines(bool *is_used, const struct asy_line *lines, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++)
        if (lines[k].kind == ASY_LINE_LIST)
            is_used[lines[k].list] = true;
}

static void check_lists(struct asy_lint *lint)
{
    const struct asy_rules *rules = lint->rules;
    struct set_walk walk = {.lint = lint, .is_used = asy_lint_alloc(lint, rules->n_lists, sizeof(bool))};
    if (walk.is_used == NULL)
        return;
    for (uint32_t k = 0; k < lint->n_uses; k++)
        if (lint->uses[k].when != NULL)
            asy_cel_walk(lint->uses[k].when, set_visit, &walk);
    for (uint32_t s = 0; s < rules->n_scores; s++)
        for (uint32_t k = 0; k < rules->scores[s].n_rules; k++)
            mark_lines(walk.is_used, rules->scores[s].rules[k].lines, rules->scores[s].rules[k].n_lines);
    for (uint32_t k = 0; k < rules->n_territories; k++)
        mark_lines(walk.is_used, rules->territories[k].lines, rules->territories[k].n_lines);
    for (uint32_t k = 0; k < rules->n_routes; k++)
        if (rules->routes[k].assign == ASY_ASSIGN_LIST_OWNER)
            walk.is_used[rules->routes[k].list] = true;
    for (uint32_t k = 0; k < rules->n_lists; k++) {
        struct asy_str name = rules->lists[k].set.name;
        if (!walk.is_used[k] && !is_named_again(rules->source, name))
            asy_lint_report(lint, "W0345", "unused-list", rules->lists[k].pos, name.len,
                            asy_lint_printf(lint, "list `%.*s` is not used", ASY_ARG(name)), (struct asy_str){"", 0});
    }
}

static void check_teams(struct asy_lint *lint)
{
    const struct asy_rules *rules = lint->rules;
    bool *is_used = asy_lint_alloc(lint, rules->n_teams, sizeof(bool));
    if (is_used == NULL)
        return;
    for (uint32_t k = 0; k < rules->n_routes; k++)
        if (rules->routes[k].assign == ASY_ASSIGN_ROUND_ROBIN)
            is_used[rules->routes[k].team] = true;
    for (uint32_t k = 0; k < rules->n_teams; k++)
        if (!is_used[k])
            asy_lint_report(lint, "W0346", "unused-team", rules->teams[k].pos, rules->teams[k].name.len,
                            asy_lint_printf(lint, "team `%.*s` gets leads from no route", ASY_ARG(rules->teams[k].name)),
                            (struct asy_str){"", 0});
}

static void check_plugins(struct asy_lint *lint)
{
    const struct asy_rules *rules = lint->rules;
    bool *is_used = asy_lint_alloc(lint, rules->n_plugins, sizeof(bool));
    if (is_used == NULL)
        return;
    for (uint32_t k = 0; k < rules->n_calls; k++)
        is_used[rules->calls[k].plugin] = true;
    for (uint32_t k = 0; k < rules->n_plugins; k++)
        if (!is_used[k])
            asy_lint_report(lint, "W0513", "unused-plugin", rules->plugins[k].pos, rules->plugins[k].name.len,
                            asy_lint_printf(lint, "plugin `%.*s` is used by no rule, so it is not loaded", ASY_ARG(rules->plugins[k].name)),
                            (struct asy_str){"", 0});
}

/* -- all together -------------------------------------------------------------------------------------------------- */

static void report_cut(struct asy_lint *lint)
{
    const struct asy_rules *rules = lint->rules;
    struct asy_pos pos = rules->n_routes > 0 ? rules->routes[0].pos : (struct asy_pos){1, 1};
    const char *what = lint->is_space_cut ? "the conditions compare too many values" : "some conditions are too entangled";
    if (lint->is_space_cut || lint->is_search_cut)
        asy_lint_report(lint, "N0360", "analysis-cut", pos, 1,
                        asy_lint_printf(lint, "%s: what this check says about them may be incomplete", what),
                        (struct asy_str){"", 0});
}

static void run(struct asy_lint *lint)
{
    asy_lint_ranges(lint);
    if (lint->no_memory)
        return;
    collect_uses(lint);
    if (!lint->is_space_cut && !lint->no_memory)
        find_disqualified(lint);
    if (!lint->is_space_cut && !lint->no_memory)
        asy_lint_points(lint);
    asy_lint_space_finish(lint);
    if (lint->no_memory)
        return;
    asy_lint_scores(lint);
    asy_lint_tables(lint);
    for (uint32_t k = 0; k < lint->rules->n_scores; k++)
        check_names(lint, &lint->rules->scores[k]);
    check_lists(lint);
    check_teams(lint);
    check_plugins(lint);
    if (!lint->is_space_cut) {
        asy_lint_conditions(lint);
        asy_lint_routes(lint);
        asy_lint_first_match(lint);
    }
    report_cut(lint);
}

assay_status asy_rules_lint(const struct asy_rules *rules, struct asy_diags *diags, struct assay_error *error)
{
    struct asy_lint lint = {.rules = rules, .diags = diags, .steps_left = ASY_LINT_STEPS_MAX};
    asy_pool_init(&lint.pool, diags->pool.mem);
    asy_pool_init(&lint.scratch, diags->pool.mem);
    run(&lint);
    asy_pool_fini(&lint.scratch);
    asy_pool_fini(&lint.pool);
    if (lint.no_memory || diags->out_of_memory || lint.pool.has_failed || lint.scratch.has_failed || diags->pool.has_failed)
        return asy_fail(error, ASSAY_E_NOMEM, "%.*s: checking the rules: out of memory", ASY_ARG(rules->path));
    return ASSAY_OK;
}
