/* Conditions into the space of the lint: which axes they read, and their skeleton of and, or, not over leaves. */
#include "rule/lint_internal.h"

struct asy_lint_cond *asy_lint_cond_new(struct asy_lint *lint, uint8_t op, uint32_t n_args)
{
    struct asy_lint_cond *cond = asy_lint_alloc(lint, 1, sizeof *cond);
    struct asy_lint_cond **args = asy_lint_alloc(lint, n_args, sizeof *args);
    if (cond == NULL || args == NULL)
        return NULL;
    cond->op = op;
    cond->n_args = n_args;
    cond->args = args;
    return cond;
}

static struct asy_lint_cond *const_new(struct asy_lint *lint, const struct asy_cel_node *node, uint8_t outcome)
{
    struct asy_lint_cond *cond = asy_lint_cond_new(lint, ASY_LINT_CONST, 0);
    if (cond != NULL) {
        cond->node = node;
        cond->outcome = outcome;
    }
    return cond;
}

static uint8_t outcome_of(struct asy_cel_value value)
{
    if (value.type != ASY_CEL_BOOL)
        return ASY_LINT_U;
    return value.b ? ASY_LINT_T : ASY_LINT_F;
}

/* -- are two expressions the same? ---------------------------------------------------------------------------- */

static bool same_value(struct asy_cel_value a, struct asy_cel_value b)
{
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case ASY_CEL_BOOL:
        return a.b == b.b;
    case ASY_CEL_DOUBLE:
        return memcmp(&a.d, &b.d, sizeof a.d) == 0;
    case ASY_CEL_STRING:
        return asy_str_eq(a.s, b.s);
    case ASY_CEL_INT:
    case ASY_CEL_DURATION:
        return a.i == b.i;
    case ASY_CEL_TIME:
        return a.i == b.i && a.nanos == b.nanos;
    default:
        return true;
    }
}

static bool same_input(const struct asy_cel_input *a, const struct asy_cel_input *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case ASY_IN_GRADE:
    case ASY_IN_DISQUALIFIED:
    case ASY_IN_STAGE:
    case ASY_IN_NOW:
        return true;
    case ASY_IN_EVENT_COUNT:
        return a->index == b->index && a->window_s == b->window_s;
    default:
        return a->index == b->index;
    }
}

static bool same_node(const struct asy_cel_node *a, const struct asy_cel_node *b)
{
    if (a->op != b->op || a->type != b->type || a->n_args != b->n_args || a->set != b->set)
        return false;
    if (a->zone != b->zone && !asy_str_eq(a->text, b->text))
        return false;
    if (a->op == ASY_CEL_CONST && !same_value(a->value, b->value))
        return false;
    if (a->op == ASY_CEL_INPUT && !same_input(&a->input, &b->input))
        return false;
    for (uint32_t k = 0; k < a->n_args; k++)
        if (!same_node(a->args[k], b->args[k]))
            return false;
    return true;
}

/* -- axes ----------------------------------------------------------------------------------------------------- */

static struct asy_lint_axis *axis_new(struct asy_lint *lint, uint8_t kind)
{
    if (lint->n_axes >= ASY_LINT_AXES_MAX) {
        lint->is_space_cut = true;
        return NULL;
    }
    struct asy_lint_axis *axis = asy_lint_alloc(lint, 1, sizeof *axis);
    if (axis == NULL)
        return NULL;
    if (!asy_pool_grow(&lint->pool, (void **)&lint->axes, &lint->axes_cap, lint->n_axes, sizeof(struct asy_lint_axis *))) {
        lint->no_memory = true;
        return NULL;
    }
    axis->kind = kind;
    axis->id = lint->n_axes;
    axis->null_point = ASY_NONE;
    axis->unit_per_one = 1;
    axis->min = INT64_MIN;
    axis->max = INT64_MAX;
    lint->axes[lint->n_axes++] = axis;
    return axis;
}

static uint8_t shape_of(uint8_t type)
{
    switch (type) {
    case ASY_CEL_INT:
    case ASY_CEL_TIME:
    case ASY_CEL_DURATION:
        return ASY_LINT_WHOLE;
    case ASY_CEL_DOUBLE:
        return ASY_LINT_REAL;
    default:
        return ASY_LINT_CHOICE;
    }
}

static void score_bounds(struct asy_lint *lint, struct asy_lint_axis *axis, uint32_t score)
{
    static const int64_t units[] = {1, 10, 100, 1000};
    axis->unit_per_one = units[lint->rules->scores[score].decimals & 3];
    axis->shape = ASY_LINT_WHOLE;
    int64_t milli_per_unit = 1000 / axis->unit_per_one;
    const struct asy_lint_range *range = &lint->ranges[score];
    axis->min = range->lo <= -ASY_LINT_UNBOUNDED ? INT64_MIN : range->lo / milli_per_unit;
    axis->max = range->hi >= ASY_LINT_UNBOUNDED ? INT64_MAX : range->hi / milli_per_unit;
}

static struct asy_lint_axis *axis_of_input(struct asy_lint *lint, const struct asy_cel_input *input)
{
    for (uint32_t k = 0; k < lint->n_axes; k++)
        if (lint->axes[k]->kind == ASY_LINT_INPUT && same_input(&lint->axes[k]->input, input))
            return lint->axes[k];
    struct asy_lint_axis *axis = axis_new(lint, ASY_LINT_INPUT);
    if (axis == NULL)
        return NULL;
    axis->input = *input;
    axis->type = input->type;
    axis->shape = shape_of(input->type);
    axis->nullable = input->nullable;
    switch (input->kind) {
    case ASY_IN_FIELD:
        axis->nullable = input->nullable && asy_lint_may_be_empty(lint->rules, input->index);
        break;
    case ASY_IN_SCORE:
        score_bounds(lint, axis, input->index);
        break;
    case ASY_IN_EVENT_COUNT:
    case ASY_IN_EVENT_LAST:
    case ASY_IN_EVENT_FIRST:
    case ASY_IN_SEGMENT:
        axis->min = 0;
        break;
    default:
        break;
    }
    return axis;
}

struct asy_lint_axis *asy_lint_field_axis(struct asy_lint *lint, uint32_t number)
{
    static const uint8_t types[] = {[ASY_TEXT] = ASY_CEL_STRING, [ASY_INT] = ASY_CEL_INT,   [ASY_NUMBER] = ASY_CEL_DOUBLE,
                                    [ASY_BOOL] = ASY_CEL_BOOL,   [ASY_TIME] = ASY_CEL_TIME, [ASY_COUNTRY] = ASY_CEL_STRING,
                                    [ASY_ENUM] = ASY_CEL_STRING};
    const struct asy_field *field = &lint->rules->schema.fields[number];
    struct asy_cel_input input = {.kind = ASY_IN_FIELD, .index = number, .type = types[field->type], .nullable = true,
                                  .n_values = field->n_values, .values = field->values};
    if (field->type == ASY_COUNTRY) {
        struct asy_str *countries = asy_lint_alloc(lint, asy_country_count(), sizeof *countries);
        for (uint32_t k = 0; k < asy_country_count() && countries != NULL; k++)
            countries[k] = asy_country_alpha2(k + 1);
        input.n_values = countries == NULL ? 0 : asy_country_count();
        input.values = countries;
    }
    return axis_of_input(lint, &input);
}

static struct asy_lint_axis *axis_of_node(struct asy_lint *lint, uint8_t kind, const struct asy_cel_node *node)
{
    for (uint32_t k = 0; k < lint->n_axes; k++)
        if (lint->axes[k]->kind == kind && same_node(lint->axes[k]->a, node))
            return lint->axes[k];
    struct asy_lint_axis *axis = axis_new(lint, kind);
    if (axis == NULL)
        return NULL;
    axis->a = node;
    axis->type = node->type;
    axis->shape = kind == ASY_LINT_TRUTH ? ASY_LINT_CHOICE : shape_of(node->type);
    if (node->op == ASY_CEL_SIZE)
        axis->min = 0;
    return axis;
}

static struct asy_lint_axis *axis_of_pair(struct asy_lint *lint, const struct asy_cel_node *a, const struct asy_cel_node *b,
                                          bool *is_flipped)
{
    for (uint32_t k = 0; k < lint->n_axes; k++) {
        struct asy_lint_axis *axis = lint->axes[k];
        if (axis->kind != ASY_LINT_PAIR)
            continue;
        if (same_node(axis->a, a) && same_node(axis->b, b))
            return axis;
        if (same_node(axis->a, b) && same_node(axis->b, a)) {
            *is_flipped = true;
            return axis;
        }
    }
    struct asy_lint_axis *axis = axis_new(lint, ASY_LINT_PAIR);
    if (axis != NULL) {
        axis->a = a;
        axis->b = b;
    }
    return axis;
}

/* -- leaves --------------------------------------------------------------------------------------------------- */

static struct asy_lint_leaf *leaf_new(struct asy_lint *lint, struct asy_lint_axis *axis, const struct asy_cel_node *node)
{
    if (axis == NULL)
        return NULL;
    if (lint->n_leaves >= ASY_LINT_LEAVES_MAX) {
        lint->is_space_cut = true;
        return NULL;
    }
    struct asy_lint_leaf *leaf = asy_lint_alloc(lint, 1, sizeof *leaf);
    if (leaf == NULL)
        return NULL;
    if (!asy_pool_grow(&lint->pool, (void **)&lint->leaves, &lint->leaves_cap, lint->n_leaves, sizeof(struct asy_lint_leaf *)) ||
        !asy_pool_grow(&lint->pool, (void **)&axis->leaves, &axis->leaves_cap, axis->n_leaves,
                       sizeof(struct asy_lint_leaf *))) {
        lint->no_memory = true;
        return NULL;
    }
    leaf->axis = axis;
    leaf->node = node;
    lint->leaves[lint->n_leaves++] = leaf;
    axis->leaves[axis->n_leaves++] = leaf;
    return leaf;
}

/* Is every value made from an empty input unknown? Not where emptiness is looked at. */
static bool is_strict(const struct asy_cel_node *node)
{
    switch (node->op) {
    case ASY_CEL_AND:
    case ASY_CEL_OR:
    case ASY_CEL_IF:
    case ASY_CEL_EQ:
    case ASY_CEL_NE:
    case ASY_CEL_IN:
    case ASY_CEL_IN_SET:
    case ASY_CEL_HAS:
    case ASY_CEL_TO_DYN:
        return false;
    default:
        break;
    }
    for (uint32_t k = 0; k < node->n_args; k++)
        if (!is_strict(node->args[k]))
            return false;
    return true;
}

struct guard_walk {
    struct asy_lint *lint;
    struct asy_lint_guard *guards;
    uint32_t n, cap;
};

static void add_guard(struct guard_walk *walk, const struct asy_cel_input *input, bool is_equal)
{
    if (!input->nullable)
        return;
    struct asy_lint_axis *axis = axis_of_input(walk->lint, input);
    if (axis == NULL || !axis->nullable)
        return;
    if (!asy_pool_grow(&walk->lint->pool, (void **)&walk->guards, &walk->cap, walk->n, sizeof *walk->guards)) {
        walk->lint->no_memory = true;
        return;
    }
    walk->guards[walk->n++] = (struct asy_lint_guard){axis, is_equal};
}

static void guard_visit(void *ctx, const struct asy_cel_node *node)
{
    if (node->op == ASY_CEL_INPUT)
        add_guard(ctx, &node->input, false);
}

static void put_guards(struct asy_lint_leaf *leaf, const struct guard_walk *walk)
{
    if (leaf != NULL) {
        leaf->guards = walk->guards;
        leaf->n_guards = walk->n;
    }
}

static struct asy_lint_leaf *leaf_of_truth(struct asy_lint *lint, const struct asy_cel_node *node)
{
    struct asy_lint_axis *axis = axis_of_node(lint, ASY_LINT_TRUTH, node);
    struct asy_lint_leaf *leaf = leaf_new(lint, axis, node);
    if (leaf == NULL)
        return NULL;
    if (!is_strict(node)) {
        axis->may_be_unknown = true;
        return leaf;
    }
    struct guard_walk walk = {lint, NULL, 0, 0};
    asy_cel_walk(node, guard_visit, &walk);
    put_guards(leaf, &walk);
    return leaf;
}

static struct asy_lint_leaf *leaf_of_pair(struct asy_lint *lint, const struct asy_cel_node *node)
{
    const struct asy_cel_node *a = node->args[0], *b = node->args[1];
    bool is_plain_a = a->op == ASY_CEL_INPUT, is_plain_b = b->op == ASY_CEL_INPUT;
    if ((!is_plain_a && !is_strict(a)) || (!is_plain_b && !is_strict(b)))
        return leaf_of_truth(lint, node);
    bool is_flipped = false;
    struct asy_lint_leaf *leaf = leaf_new(lint, axis_of_pair(lint, a, b, &is_flipped), node);
    if (leaf == NULL)
        return NULL;
    leaf->is_flipped = is_flipped;
    bool is_equal = node->op == ASY_CEL_EQ || node->op == ASY_CEL_NE;
    struct guard_walk walk = {lint, NULL, 0, 0};
    for (uint32_t k = 0; k < 2; k++) {
        if (node->args[k]->op == ASY_CEL_INPUT)
            add_guard(&walk, &node->args[k]->input, is_equal);
        else
            asy_cel_walk(node->args[k], guard_visit, &walk);
    }
    put_guards(leaf, &walk);
    return leaf;
}

static const struct asy_cel_node *without_dyn(const struct asy_cel_node *node)
{
    while (node->op == ASY_CEL_TO_DYN && node->n_args == 1)
        node = node->args[0];
    return node;
}

/* Can a constant be put on the axis of a term of this type? */
static bool constant_fits(const struct asy_cel_node *term, const struct asy_cel_node *constant)
{
    uint8_t type = constant->value.type;
    switch (type) {
    case ASY_CEL_NULL:
        return true;
    case ASY_CEL_INT:
        return term->type == ASY_CEL_INT || term->type == ASY_CEL_DOUBLE;
    case ASY_CEL_DOUBLE:
        /* NaN and infinity cut nothing. */
        return (term->type == ASY_CEL_INT || term->type == ASY_CEL_DOUBLE) && constant->value.d == constant->value.d &&
               constant->value.d - constant->value.d == 0;
    case ASY_CEL_TIME:
        return term->type == ASY_CEL_TIME && constant->value.nanos == 0;
    default:
        return term->type == type;
    }
}

/* The leaf of a comparison of one term with constants, which are all its other arguments; else NULL. */
static struct asy_lint_leaf *leaf_of_term(struct asy_lint *lint, const struct asy_cel_node *node, uint32_t term_arg)
{
    const struct asy_cel_node *term = without_dyn(node->args[term_arg]);
    bool is_input = term->op == ASY_CEL_INPUT;
    for (uint32_t k = 0; k < node->n_args; k++)
        if (k != term_arg && (node->args[k]->op != ASY_CEL_CONST || !constant_fits(term, node->args[k])))
            return NULL;
    if (!is_input && (!is_strict(term) || term->type < ASY_CEL_INT || term->type > ASY_CEL_DURATION))
        return NULL;
    const struct asy_rules *rules = lint->rules;
    if (is_input && term->input.kind == ASY_IN_GRADE && rules->grade_by != ASY_NONE) {
        /* A grade is nothing but a band of its score. */
        struct asy_cel_input score = {.kind = ASY_IN_SCORE, .index = rules->grade_by,
                                      .type = rules->scores[rules->grade_by].decimals == 0 ? ASY_CEL_INT : ASY_CEL_DOUBLE};
        struct asy_lint_leaf *leaf = leaf_new(lint, axis_of_input(lint, &score), node);
        if (leaf != NULL) {
            leaf->is_grade = true;
            leaf->term = term_arg;
        }
        return leaf;
    }
    struct asy_lint_axis *axis = is_input ? axis_of_input(lint, &term->input) : axis_of_node(lint, ASY_LINT_TERM, term);
    struct asy_lint_leaf *leaf = leaf_new(lint, axis, node);
    if (leaf == NULL)
        return NULL;
    leaf->term = term_arg;
    if (!is_input) {
        struct guard_walk walk = {lint, NULL, 0, 0};
        asy_cel_walk(term, guard_visit, &walk);
        put_guards(leaf, &walk);
    }
    return leaf;
}

static bool is_const(const struct asy_cel_node *node)
{
    return node->op == ASY_CEL_CONST;
}

static struct asy_lint_leaf *leaf_of(struct asy_lint *lint, const struct asy_cel_node *node)
{
    struct asy_lint_leaf *leaf = NULL;
    switch (node->op) {
    case ASY_CEL_INPUT:
        if (node->type == ASY_CEL_BOOL)
            return leaf_new(lint, axis_of_input(lint, &node->input), node);
        break;
    case ASY_CEL_EQ:
    case ASY_CEL_NE:
    case ASY_CEL_LT:
    case ASY_CEL_LE:
    case ASY_CEL_GT:
    case ASY_CEL_GE:
        if (is_const(node->args[1]))
            leaf = leaf_of_term(lint, node, 0);
        else if (is_const(node->args[0]))
            leaf = leaf_of_term(lint, node, 1);
        else
            return leaf_of_pair(lint, node);
        break;
    case ASY_CEL_IN:
    case ASY_CEL_IN_SET:
        leaf = leaf_of_term(lint, node, 0);
        break;
    case ASY_CEL_HAS:
        if (node->args[0]->op == ASY_CEL_INPUT)
            leaf = leaf_of_term(lint, node, 0);
        break;
    default:
        break;
    }
    if (leaf == NULL && !lint->no_memory && !lint->is_space_cut)
        leaf = leaf_of_truth(lint, node);
    return leaf;
}

/* -- conditions ----------------------------------------------------------------------------------------------- */

static struct asy_lint_cond *join_of(struct asy_lint *lint, uint8_t op, const struct asy_cel_node *node)
{
    struct asy_lint_cond *cond = asy_lint_cond_new(lint, op, node->n_args);
    if (cond == NULL)
        return NULL;
    cond->node = node;
    for (uint32_t k = 0; k < node->n_args; k++) {
        cond->args[k] = asy_lint_compile(lint, node->args[k]);
        if (cond->args[k] == NULL)
            return NULL;
    }
    return cond;
}

struct asy_lint_cond *asy_lint_compile(struct asy_lint *lint, const struct asy_cel_node *node)
{
    switch (node->op) {
    case ASY_CEL_CONST:
        return const_new(lint, node, outcome_of(node->value));
    case ASY_CEL_AND:
        return join_of(lint, ASY_LINT_AND, node);
    case ASY_CEL_OR:
        return join_of(lint, ASY_LINT_OR, node);
    case ASY_CEL_NOT:
        return join_of(lint, ASY_LINT_NOT, node);
    case ASY_CEL_IF:
        if (node->type == ASY_CEL_BOOL)
            return join_of(lint, ASY_LINT_IF, node);
        break;
    default:
        break;
    }
    struct asy_lint_leaf *leaf = leaf_of(lint, node);
    struct asy_lint_cond *cond = leaf == NULL ? NULL : asy_lint_cond_new(lint, ASY_LINT_LEAF, 0);
    if (cond != NULL) {
        cond->node = node;
        cond->leaf = leaf;
    }
    return cond;
}

static struct asy_lint_cond *compile_call(struct asy_lint *lint, uint32_t call)
{
    /* One axis a call: the same plugin may be asked with other settings. */
    struct asy_lint_axis *axis = axis_new(lint, ASY_LINT_PLUGIN);
    if (axis == NULL)
        return NULL;
    axis->call = call;
    struct asy_lint_leaf *leaf = leaf_new(lint, axis, NULL);
    struct asy_lint_cond *cond = leaf == NULL ? NULL : asy_lint_cond_new(lint, ASY_LINT_LEAF, 0);
    if (cond != NULL)
        cond->leaf = leaf;
    return cond;
}

struct asy_lint_cond *asy_lint_compile_test(struct asy_lint *lint, const struct asy_test *test)
{
    if (test->is_otherwise)
        return const_new(lint, NULL, ASY_LINT_T);
    if (test->call != ASY_NONE)
        return compile_call(lint, test->call);
    return test->when == NULL ? const_new(lint, NULL, ASY_LINT_U) : asy_lint_compile(lint, test->when);
}

void asy_lint_mark_axes(const struct asy_lint_cond *cond, bool *is_read)
{
    if (cond->op == ASY_LINT_LEAF) {
        is_read[cond->leaf->axis->id] = true;
        for (uint32_t k = 0; k < cond->leaf->n_guards; k++)
            is_read[cond->leaf->guards[k].axis->id] = true;
    }
    for (uint32_t k = 0; k < cond->n_args; k++)
        asy_lint_mark_axes(cond->args[k], is_read);
}

void asy_lint_space_finish(struct asy_lint *lint)
{
    if (lint->no_memory || lint->is_space_cut)
        return;
    uint64_t mask_words = 0;
    for (uint32_t k = 0; k < lint->n_axes && !lint->no_memory && !lint->is_space_cut; k++) {
        struct asy_lint_axis *axis = lint->axes[k];
        asy_lint_axis_finish(lint, axis);
        axis->n_words = (axis->n_points + 63) / 64;
        axis->first_word = lint->n_words;
        lint->n_words += axis->n_words;
        if (axis->n_words > lint->max_words)
            lint->max_words = axis->n_words;
        mask_words += 3ull * axis->n_words * axis->n_leaves;
        if (mask_words > ASY_LINT_MASK_WORDS_MAX)
            lint->is_space_cut = true;
    }
    if (lint->no_memory || lint->is_space_cut)
        return;
    lint->full = asy_lint_alloc(lint, lint->n_words, sizeof *lint->full);
    lint->box = asy_lint_alloc(lint, lint->n_words, sizeof *lint->box);
    lint->trail = asy_lint_alloc(lint, (size_t)ASY_LINT_DEPTH_MAX * (lint->max_words + 1), sizeof *lint->trail);
    if (lint->full == NULL || lint->box == NULL || lint->trail == NULL)
        return;
    for (uint32_t k = 0; k < lint->n_axes; k++)
        for (uint32_t p = 0; p < lint->axes[k]->n_points; p++)
            asy_lint_put_point(lint->axes[k], lint->full, p);
}
