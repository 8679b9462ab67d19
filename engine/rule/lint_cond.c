/* Conditions by themselves: comparisons that cannot differ, clauses that exclude each other, conditions that are always or
 * never true, and "is not" tests that also catch leads of which nothing is known. */
#include "rule/lint_internal.h"

enum { CLAUSES_MAX = 64, SHOWN_MAX = 72, PATH_MAX = ASY_CEL_MAX_HEIGHT + 80 };
#define EITHER (ASY_LINT_F | ASY_LINT_U)

enum polarity { WANTED, UNWANTED, UNCLEAR };

struct walk {
    struct asy_lint *lint;
    struct asy_lint_use *use;
    const struct asy_cel_node *clause; /* the nearest one above, with a place */
    bool is_told;                      /* something was said that explains an always or never */
    bool is_in_none;
    uint32_t depth;
    struct {
        const struct asy_lint_cond *cond;
        uint8_t polarity;
    } path[PATH_MAX];                  /* from the whole condition to here */
    uint64_t *box;
};

/* -- places and quotes ------------------------------------------------------------------------------------------- */

struct place {
    struct asy_pos pos;
    uint32_t len;
};

/* Where an expression stands, exact where its text is found in the source line, else where its clause begins. */
static struct place place_of(const struct walk *walk, const struct asy_cel_node *node)
{
    const struct asy_cel_node *clause = walk->clause;
    bool has_place = clause != NULL && clause->pos.line > 0;
    struct place place = {has_place ? clause->pos : walk->use->pos, 1};
    if (!has_place || clause->text.p == NULL || node->text.len == 0)
        return place;
    struct asy_str line = asy_diag_line(walk->lint->diags, place.pos.line);
    uintptr_t start = (uintptr_t)clause->text.p, at = (uintptr_t)node->text.p;
    if (at < start || at + node->text.len > start + clause->text.len)
        return place;
    uint64_t offset = at - start + place.pos.col - 1;
    for (uint64_t quote = 0; quote < 2; quote++) /* the place may be that of an opening quote */
        if (offset + quote + node->text.len <= line.len &&
            memcmp(line.p + offset + quote, node->text.p, node->text.len) == 0) {
            place.pos.col = (uint32_t)(offset + quote + 1);
            place.len = node->text.len;
            return place;
        }
    return place;
}

/* The text of an expression on one line, cut where it is long. */
static struct asy_str quoted(struct asy_lint *lint, const struct asy_cel_node *node)
{
    struct asy_str text = node->text;
    if (text.len == 0)
        return ASY_STR("the condition");
    if (text.len <= SHOWN_MAX)
        return asy_lint_printf(lint, "`%.*s`", ASY_ARG(text));
    uint32_t n = SHOWN_MAX;
    while (n > 0 && ((uint8_t)text.p[n] & 0xC0) == 0x80) /* not inside a UTF-8 sequence */
        n--;
    return asy_lint_printf(lint, "`%.*s...`", (int)n, text.p);
}

static void tell(struct walk *walk, const char *code, const char *slug, const struct asy_cel_node *node, struct asy_str text)
{
    struct place place = place_of(walk, node);
    asy_lint_report(walk->lint, code, slug, place.pos, place.len, text, (struct asy_str){"", 0});
}

/* -- comparisons that cannot differ ------------------------------------------------------------------------------ */

static bool has_any(const struct asy_lint_leaf *leaf, uint32_t m)
{
    for (uint32_t w = 0; w < leaf->axis->n_words; w++)
        if (leaf->mask[m][w] != 0)
            return true;
    return false;
}

static bool asks_for_empty(const struct asy_cel_node *node)
{
    if (node->op == ASY_CEL_HAS)
        return true;
    for (uint32_t k = 0; k < node->n_args; k++)
        if (node->args[k]->op == ASY_CEL_CONST && node->args[k]->value.type == ASY_CEL_NULL)
            return true;
    return false;
}

static struct asy_str why_constant(struct asy_lint *lint, const struct asy_lint_leaf *leaf)
{
    const struct asy_lint_axis *axis = leaf->axis;
    if (axis->kind != ASY_LINT_INPUT)
        return ASY_STR("");
    struct asy_str name = asy_lint_axis_name(lint, axis);
    if (asks_for_empty(leaf->node) && axis->null_point == ASY_NONE)
        return asy_lint_printf(lint, ": `%.*s` is never empty", ASY_ARG(name));
    if (axis->input.kind == ASY_IN_SCORE) {
        const struct asy_lint_range *range = &lint->ranges[axis->input.index];
        struct asy_str lo = asy_lint_milli(lint, range->lo), hi = asy_lint_milli(lint, range->hi);
        return asy_lint_printf(lint, ": %.*s is between %.*s and %.*s", ASY_ARG(name), ASY_ARG(lo), ASY_ARG(hi));
    }
    if (axis->input.kind == ASY_IN_DISQUALIFIED)
        return ASY_STR(": the file has no `disqualify` rules");
    if (leaf->node->op == ASY_CEL_IN_SET)
        return asy_lint_printf(lint, ": no value of `%.*s` is in `%.*s`", ASY_ARG(name), ASY_ARG(leaf->node->set->name));
    return ASY_STR("");
}

static void check_constant(struct walk *walk, const struct asy_lint_leaf *leaf)
{
    struct asy_lint *lint = walk->lint;
    const struct asy_lint_axis *axis = leaf->axis;
    if (axis->kind != ASY_LINT_INPUT && axis->kind != ASY_LINT_TERM)
        return;
    bool is_never = !has_any(leaf, 0);
    bool is_always = leaf->n_guards == 0 && !has_any(leaf, 1) && !has_any(leaf, 2);
    if (!is_never && !is_always)
        return;
    bool is_score = axis->kind == ASY_LINT_INPUT && axis->input.kind == ASY_IN_SCORE;
    struct asy_str text = quoted(lint, leaf->node), why = why_constant(lint, leaf);
    tell(walk, is_score ? "W0336" : is_never ? "W0341" : "W0342",
         is_score ? "threshold-unreachable" : is_never ? "condition-never" : "condition-always", leaf->node,
         asy_lint_printf(lint, "%.*s is %s true%.*s", ASY_ARG(text), is_never ? "never" : "always", ASY_ARG(why)));
    walk->is_told = true;
}

/* -- "is not", of an empty field --------------------------------------------------------------------------------- */

static bool has_point(const uint64_t *mask, uint32_t point)
{
    return (mask[point / 64] >> (point % 64)) & 1;
}

/* Can all conditions around here still go the way they have to, for leads of the walk's box? Else something guards them. */
static bool is_unguarded(struct walk *walk)
{
    for (uint32_t k = 0; k < walk->depth; k++) {
        uint8_t around = walk->path[k].polarity;
        uint8_t want = around == WANTED ? ASY_LINT_T : ASY_LINT_F;
        if (around != UNCLEAR && asy_lint_can(walk->lint, walk->path[k].cond, want, walk->box) != ASY_LINT_YES)
            return false;
    }
    return true;
}

/* The comparison, with the `!` before it. */
static const struct asy_cel_node *with_not(const struct walk *walk, const struct asy_cel_node *node)
{
    bool has_not = walk->depth >= 2 && walk->path[walk->depth - 2].cond->op == ASY_LINT_NOT;
    return has_not && walk->path[walk->depth - 2].cond->node != NULL ? walk->path[walk->depth - 2].cond->node : node;
}

/* Does `!=` (or a denied `==`, `in`) hold just because nothing is there to compare? Unguarded only: nothing around it fails
 * where the input is empty. */
static void check_denial(struct walk *walk, const struct asy_lint_leaf *leaf, uint8_t polarity)
{
    struct asy_lint *lint = walk->lint;
    const struct asy_lint_axis *axis = leaf->axis;
    const struct asy_cel_node *node = leaf->node;
    if (axis->kind != ASY_LINT_INPUT || axis->null_point == ASY_NONE || leaf->is_grade || walk->is_in_none)
        return;
    bool is_denial = polarity == WANTED && node->op == ASY_CEL_NE && has_point(leaf->mask[0], axis->null_point);
    if (polarity == UNWANTED && (node->op == ASY_CEL_EQ || node->op == ASY_CEL_IN || node->op == ASY_CEL_IN_SET))
        is_denial = has_point(leaf->mask[1], axis->null_point);
    if (!is_denial)
        return;
    memcpy(walk->box, lint->full, lint->n_words * sizeof(uint64_t));
    asy_lint_only_point(axis, walk->box, axis->null_point);
    if (!is_unguarded(walk))
        return;
    const struct asy_cel_node *shown = with_not(walk, node);
    struct asy_str text = quoted(lint, shown), name = asy_lint_axis_name(lint, axis);
    tell(walk, "W0343", "negation-empty", shown,
         asy_lint_printf(lint, "%.*s is also true for leads whose `%.*s` is empty: add `has(%.*s)` if they are not meant",
                         ASY_ARG(text), ASY_ARG(name), ASY_ARG(name)));
}

/* Does `a == b` hold just because neither is there? */
static void check_equality(struct walk *walk, const struct asy_lint_leaf *leaf, uint8_t polarity)
{
    struct asy_lint *lint = walk->lint;
    const struct asy_cel_node *node = leaf->node;
    uint8_t op = polarity == WANTED ? ASY_CEL_EQ : ASY_CEL_NE;
    if (leaf->axis->kind != ASY_LINT_PAIR || node->op != op || polarity == UNCLEAR || walk->is_in_none || leaf->n_guards != 2 ||
        !leaf->guards[0].is_equal || !leaf->guards[1].is_equal || leaf->guards[0].axis == leaf->guards[1].axis)
        return;
    const struct asy_lint_axis *a = leaf->guards[0].axis, *b = leaf->guards[1].axis;
    memcpy(walk->box, lint->full, lint->n_words * sizeof(uint64_t));
    asy_lint_only_point(a, walk->box, a->null_point);
    asy_lint_only_point(b, walk->box, b->null_point);
    if (!is_unguarded(walk))
        return;
    const struct asy_cel_node *shown = with_not(walk, node);
    struct asy_str text = quoted(lint, shown), name_a = asy_lint_axis_name(lint, a), name_b = asy_lint_axis_name(lint, b);
    tell(walk, "W0343", "equality-empty", shown,
         asy_lint_printf(lint, "%.*s is also true for leads whose `%.*s` and `%.*s` are both empty: add `has(%.*s)` if they are not "
                               "meant",
                         ASY_ARG(text), ASY_ARG(name_a), ASY_ARG(name_b), ASY_ARG(name_a)));
}

/* -- clauses that exclude each other ----------------------------------------------------------------------------- */

struct clause {
    const struct asy_lint_cond *cond;
    const struct asy_cel_node *placed; /* it, or the nearest node above it that has a place */
};

static void flatten(const struct asy_lint_cond *cond, const struct asy_cel_node *placed, struct clause *clauses, uint32_t *n)
{
    for (uint32_t k = 0; k < cond->n_args; k++) {
        const struct asy_lint_cond *arg = cond->args[k];
        const struct asy_cel_node *nearest = arg->node != NULL && arg->node->pos.line > 0 ? arg->node : placed;
        if (arg->op == ASY_LINT_AND)
            flatten(arg, nearest, clauses, n);
        else if (*n < CLAUSES_MAX)
            clauses[(*n)++] = (struct clause){arg, nearest};
    }
}

static enum asy_lint_answer can_both(struct asy_lint *lint, const struct asy_lint_cond *a, const struct asy_lint_cond *b)
{
    struct asy_lint_goal goals[2] = {{a, ASY_LINT_T}, {b, ASY_LINT_T}};
    struct asy_lint_query query = {.goals = goals, .n_goals = 2};
    return asy_lint_solve(lint, &query);
}

static void tell_clauses(struct walk *walk, const struct clause *a, const struct clause *b)
{
    struct asy_lint *lint = walk->lint;
    const struct asy_cel_node *clause = walk->clause;
    struct asy_str first = quoted(lint, a->cond->node), second = quoted(lint, b->cond->node);
    walk->clause = b->placed;
    tell(walk, "W0340", "clauses-conflict", b->cond->node,
         asy_lint_printf(lint, "%.*s and %.*s cannot be true together", ASY_ARG(first), ASY_ARG(second)));
    walk->clause = clause;
    walk->is_told = true;
}

static void check_conflict(struct walk *walk, const struct asy_lint_cond *cond)
{
    struct asy_lint *lint = walk->lint;
    struct clause clauses[CLAUSES_MAX];
    uint32_t n = 0;
    if (asy_lint_can(lint, cond, ASY_LINT_T, NULL) != ASY_LINT_NO)
        return;
    flatten(cond, walk->clause, clauses, &n);
    for (uint32_t k = 0; k < n; k++)
        if (asy_lint_can(lint, clauses[k].cond, ASY_LINT_T, NULL) == ASY_LINT_NO)
            return; /* that clause alone is the reason */
    for (uint32_t b = 1; b < n; b++)
        for (uint32_t a = 0; a < b; a++)
            if (can_both(lint, clauses[a].cond, clauses[b].cond) == ASY_LINT_NO) {
                tell_clauses(walk, &clauses[a], &clauses[b]);
                return;
            }
    tell(walk, "W0340", "clauses-conflict", cond->node,
         asy_lint_printf(lint, "these clauses cannot all be true together"));
    walk->is_told = true;
}

/* -- the walk ---------------------------------------------------------------------------------------------------- */

static uint8_t turned(uint8_t polarity)
{
    return polarity == WANTED ? UNWANTED : polarity == UNWANTED ? WANTED : UNCLEAR;
}

static void visit(struct walk *walk, const struct asy_lint_cond *cond, uint8_t polarity, bool is_in_and)
{
    const struct asy_cel_node *clause = walk->clause;
    bool is_in_none = walk->is_in_none;
    if (walk->depth >= PATH_MAX || walk->lint->no_memory)
        return;
    walk->path[walk->depth].cond = cond;
    walk->path[walk->depth++].polarity = polarity;
    if (cond->node != NULL && cond->node->pos.line > 0)
        walk->clause = cond->node;
    if (cond->node != NULL && cond->node->clause == 4)
        walk->is_in_none = true; /* "none of these" says plainly that unknown ones stay in */
    for (uint32_t k = 0; k < cond->n_args; k++) {
        uint8_t inner = cond->op == ASY_LINT_NOT ? turned(polarity) : cond->op == ASY_LINT_IF && k == 0 ? UNCLEAR : polarity;
        visit(walk, cond->args[k], inner, cond->op == ASY_LINT_AND);
    }
    if (cond->op == ASY_LINT_LEAF && cond->leaf->node != NULL) {
        check_constant(walk, cond->leaf);
        check_denial(walk, cond->leaf, polarity);
        check_equality(walk, cond->leaf, polarity);
    }
    if (cond->op == ASY_LINT_AND && !is_in_and)
        check_conflict(walk, cond);
    walk->depth--;
    walk->clause = clause;
    walk->is_in_none = is_in_none;
}

static void check_use(struct walk *walk)
{
    struct asy_lint *lint = walk->lint;
    struct asy_lint_use *use = walk->use;
    visit(walk, use->cond, WANTED, false);
    bool is_never = asy_lint_can(lint, use->cond, ASY_LINT_T, NULL) == ASY_LINT_NO;
    bool is_always = !is_never && asy_lint_can(lint, use->cond, EITHER, NULL) == ASY_LINT_NO;
    use->is_dead = is_never;
    if (walk->is_told || (!is_never && !is_always))
        return;
    walk->clause = use->when;
    tell(walk, is_never ? "W0341" : "W0342", is_never ? "condition-never" : "condition-always", use->when,
         asy_lint_printf(lint, "the condition of %s `%.*s` is %s true", use->what, ASY_ARG(use->name),
                         is_never ? "never" : "always"));
}

void asy_lint_conditions(struct asy_lint *lint)
{
    struct walk *walk = asy_lint_alloc(lint, 1, sizeof *walk);
    uint64_t *box = asy_lint_alloc(lint, lint->n_words, sizeof *box);
    for (uint32_t k = 0; k < lint->n_uses && walk != NULL && box != NULL && !lint->no_memory; k++) {
        if (lint->uses[k].when == NULL)
            continue;
        memset(walk, 0, sizeof *walk);
        walk->lint = lint;
        walk->use = &lint->uses[k];
        walk->box = box;
        check_use(walk);
    }
}
