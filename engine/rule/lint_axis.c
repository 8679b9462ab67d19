/* One axis cut into points: the classes of values that no comparison in the file can tell apart. */
#include "rule/lint_internal.h"

#include <stdlib.h>

struct cutter {
    struct asy_lint *lint;
    struct asy_lint_axis *axis;
    struct asy_lint_point *points;
    uint8_t *outcomes; /* by point, then by leaf of the axis */
    int64_t *given;    /* by point, then by table of the axis */
    uint32_t n, cap, outcomes_cap, given_cap;
    struct asy_cel_value *args; /* room for the arguments of the longest leaf */
};

/* -- what a leaf says about a point ---------------------------------------------------------------------------- */

static struct asy_cel_value value_at(const struct asy_lint_axis *axis, const struct asy_lint_point *point)
{
    struct asy_cel_value value = point->value;
    if (axis->shape != ASY_LINT_WHOLE || value.type != ASY_CEL_INT)
        return value;
    if (axis->type == ASY_CEL_DOUBLE)
        return (struct asy_cel_value){.type = ASY_CEL_DOUBLE, .d = (double)value.i / (double)axis->unit_per_one};
    value.type = axis->type;
    return value;
}

static struct asy_cel_value grade_at(const struct asy_lint *lint, const struct asy_lint_axis *axis, int64_t units)
{
    const struct asy_rules *rules = lint->rules;
    struct asy_cel_value value = {.type = ASY_CEL_NULL};
    int64_t best = 0, milli = 0;
    if (__builtin_mul_overflow(units, 1000 / axis->unit_per_one, &milli))
        milli = units < 0 ? INT64_MIN : INT64_MAX;
    for (uint32_t k = 0; k < rules->n_grades; k++) {
        const struct asy_grade *grade = &rules->grades[k];
        bool is_reached = grade->from_milli <= milli;
        if (is_reached && (value.type == ASY_CEL_NULL || grade->from_milli > best)) {
            best = grade->from_milli;
            value.type = ASY_CEL_STRING;
            value.s = grade->name;
        }
    }
    return value;
}

static uint8_t pair_outcome(const struct asy_lint_leaf *leaf, uint32_t point)
{
    int order = leaf->is_flipped ? 1 - (int)point : (int)point - 1; /* -1 less, 0 equal, 1 greater */
    bool answer = false;
    switch (leaf->node->op) {
    case ASY_CEL_EQ:
        answer = order == 0;
        break;
    case ASY_CEL_NE:
        answer = order != 0;
        break;
    case ASY_CEL_LT:
        answer = order < 0;
        break;
    case ASY_CEL_LE:
        answer = order <= 0;
        break;
    case ASY_CEL_GT:
        answer = order > 0;
        break;
    default:
        answer = order >= 0;
        break;
    }
    return answer ? ASY_LINT_T : ASY_LINT_F;
}

static uint8_t leaf_outcome(struct cutter *cutter, const struct asy_lint_leaf *leaf, uint32_t index,
                            const struct asy_lint_point *point)
{
    const struct asy_lint_axis *axis = cutter->axis;
    if (axis->kind == ASY_LINT_PAIR)
        return pair_outcome(leaf, index);
    if (axis->kind == ASY_LINT_TRUTH || axis->kind == ASY_LINT_PLUGIN)
        return index == 0 ? ASY_LINT_T : index == 1 ? ASY_LINT_F : ASY_LINT_U;
    struct asy_cel_value value = leaf->is_grade ? grade_at(cutter->lint, axis, point->value.i) : value_at(axis, point);
    const struct asy_cel_node *node = leaf->node;
    if (node->op != ASY_CEL_INPUT) {
        for (uint32_t k = 0; k < node->n_args; k++)
            cutter->args[k] = k == leaf->term ? value : node->args[k]->value;
        value = asy_cel_apply(node, cutter->args, node->n_args, &cutter->lint->scratch);
    }
    if (value.type != ASY_CEL_BOOL)
        return ASY_LINT_U;
    return value.b ? ASY_LINT_T : ASY_LINT_F;
}

/* -- collecting points ------------------------------------------------------------------------------------------ */

static bool may_merge(const struct asy_lint_axis *axis, uint32_t at, uint32_t n)
{
    /* Numbers only with their neighbour, so that a class stays an interval; order and truth never. */
    if (axis->kind == ASY_LINT_PAIR || axis->kind == ASY_LINT_TRUTH || axis->kind == ASY_LINT_PLUGIN)
        return false;
    return axis->shape == ASY_LINT_CHOICE ? axis->type != ASY_CEL_BOOL : at + 1 == n;
}

static void merge(struct asy_lint_point *into, const struct asy_lint_point *point)
{
    into->hi = point->hi;
    into->hi_d = point->hi_d;
    if (into->n_members == ASY_LINT_MANY || point->n_members == ASY_LINT_MANY) {
        into->n_members = ASY_LINT_MANY;
        return;
    }
    if (into->n_members < ASY_LINT_MEMBERS && point->n_members == 1)
        into->members[into->n_members] = point->members[0];
    into->n_members += point->n_members;
}

static bool is_alike(const struct cutter *cutter, uint32_t p, uint32_t other)
{
    const struct asy_lint_axis *axis = cutter->axis;
    const size_t n_leaves = axis->n_leaves, n_tables = axis->n_tables;
    if (n_leaves > 0 && memcmp(cutter->outcomes + n_leaves * p, cutter->outcomes + n_leaves * other, n_leaves) != 0)
        return false;
    return n_tables == 0 || memcmp(cutter->given + n_tables * p, cutter->given + n_tables * other, n_tables * sizeof(int64_t)) == 0;
}

/* Add a point, or put it into the class of one that every leaf judges alike and every table gives the same. */
static void add_point(struct cutter *cutter, const struct asy_lint_point *point)
{
    struct asy_lint *lint = cutter->lint;
    struct asy_lint_axis *axis = cutter->axis;
    if (lint->no_memory || lint->is_space_cut)
        return;
    lint->n_tries += axis->n_leaves + 1;
    if (cutter->n >= ASY_LINT_POINTS_MAX || lint->n_tries > ASY_LINT_TRIES_MAX) {
        lint->is_space_cut = true;
        return;
    }
    size_t row_bytes = axis->n_leaves == 0 ? 1 : axis->n_leaves;
    if (!asy_pool_grow(&lint->pool, (void **)&cutter->points, &cutter->cap, cutter->n, sizeof *cutter->points) ||
        !asy_pool_grow(&lint->pool, (void **)&cutter->outcomes, &cutter->outcomes_cap, cutter->n, row_bytes) ||
        !asy_pool_grow(&lint->pool, (void **)&cutter->given, &cutter->given_cap, cutter->n,
                       (axis->n_tables + 1) * sizeof(int64_t))) {
        lint->no_memory = true;
        return;
    }
    uint8_t *outcomes = cutter->outcomes + row_bytes * cutter->n;
    for (uint32_t k = 0; k < axis->n_leaves; k++)
        outcomes[k] = leaf_outcome(cutter, axis->leaves[k], cutter->n, point);
    for (uint32_t k = 0; k < axis->n_tables; k++)
        cutter->given[(size_t)axis->n_tables * cutter->n + k] =
            asy_lint_table_points(lint->rules, axis->tables[k], value_at(axis, point));
    for (uint32_t p = 0; p < cutter->n && point->value.type != ASY_CEL_NULL; p++)
        if (may_merge(axis, p, cutter->n) && is_alike(cutter, p, cutter->n)) {
            merge(&cutter->points[p], point);
            return;
        }
    cutter->points[cutter->n++] = *point;
}

/* -- whole numbers ---------------------------------------------------------------------------------------------- */

struct numbers {
    int64_t *whole;
    double *real;
    uint32_t n, cap;
};

static void add_whole(struct cutter *cutter, struct numbers *numbers, int64_t value)
{
    if (cutter->lint->no_memory || value < cutter->axis->min || value > cutter->axis->max)
        return;
    if (!asy_pool_grow(&cutter->lint->pool, (void **)&numbers->whole, &numbers->cap, numbers->n, sizeof(int64_t))) {
        cutter->lint->no_memory = true;
        return;
    }
    numbers->whole[numbers->n++] = value;
}

/* The two whole units around a number (one, if it is whole). */
static void add_units(struct cutter *cutter, struct numbers *numbers, struct asy_cel_value value)
{
    double limit = 9.0e18;
    if (value.type == ASY_CEL_DOUBLE) {
        double units = value.d * (double)cutter->axis->unit_per_one;
        if (!(units > -limit && units < limit))
            return;
        int64_t below = (int64_t)units;
        if ((double)below > units)
            below--;
        add_whole(cutter, numbers, below);
        if ((double)below < units)
            add_whole(cutter, numbers, below + 1);
        return;
    }
    int64_t units = 0;
    if (!__builtin_mul_overflow(value.i, cutter->axis->unit_per_one, &units))
        add_whole(cutter, numbers, units);
}

static bool is_band(const struct asy_line *line)
{
    return line->kind == ASY_LINE_RANGE || line->kind == ASY_LINE_VALUE;
}

static int compare_whole(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void add_interval(struct cutter *cutter, int64_t lo, int64_t hi)
{
    if (lo > hi)
        return;
    struct asy_lint_point point = {.lo = lo, .hi = hi, .n_members = ASY_LINT_MANY};
    point.value.type = ASY_CEL_INT;
    point.value.i = lo != INT64_MIN ? lo : hi != INT64_MAX ? hi : 0;
    add_point(cutter, &point);
}

static void cut_whole(struct cutter *cutter)
{
    struct asy_lint_axis *axis = cutter->axis;
    struct numbers numbers = {0};
    bool has_grade = false;
    for (uint32_t k = 0; k < axis->n_leaves; k++) {
        const struct asy_lint_leaf *leaf = axis->leaves[k];
        has_grade = has_grade || leaf->is_grade;
        for (uint32_t i = 0; i < leaf->node->n_args && !leaf->is_grade; i++) {
            const struct asy_cel_node *arg = leaf->node->args[i];
            if (i != leaf->term && arg->op == ASY_CEL_CONST && arg->value.type != ASY_CEL_NULL)
                add_units(cutter, &numbers, arg->value);
        }
    }
    for (uint32_t k = 0; has_grade && k < cutter->lint->rules->n_grades; k++) {
        struct asy_cel_value from = {.type = ASY_CEL_DOUBLE, .d = (double)cutter->lint->rules->grades[k].from_milli / 1000.0};
        add_units(cutter, &numbers, from);
    }
    for (uint32_t k = 0; k < axis->n_tables; k++)
        for (uint32_t i = 0; i < axis->tables[k]->n_lines; i++)
            if (is_band(&axis->tables[k]->lines[i])) {
                add_whole(cutter, &numbers, axis->tables[k]->lines[i].lo_i);
                add_whole(cutter, &numbers, axis->tables[k]->lines[i].hi_i);
            }
    if (numbers.n > 1)
        qsort(numbers.whole, numbers.n, sizeof(int64_t), compare_whole);
    int64_t next = axis->min;
    bool is_done = false;
    for (uint32_t k = 0; k < numbers.n && !is_done; k++) {
        int64_t at = numbers.whole[k];
        if (k > 0 && at == numbers.whole[k - 1])
            continue;
        if (at > next)
            add_interval(cutter, next, at - 1);
        add_interval(cutter, at, at);
        is_done = at == INT64_MAX;
        next = is_done ? at : at + 1;
    }
    if (!is_done)
        add_interval(cutter, next, axis->max);
}

/* -- real numbers ----------------------------------------------------------------------------------------------- */

static int compare_real(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void add_between(struct cutter *cutter, double lo, double hi)
{
    struct asy_lint_point point = {.lo_d = lo, .hi_d = hi, .n_members = ASY_LINT_MANY};
    point.value.type = ASY_CEL_DOUBLE;
    bool is_open_lo = lo < 0 && lo * 2 == lo, is_open_hi = hi > 0 && hi * 2 == hi;
    double value = lo;
    if (lo == hi)
        value = lo;
    else if (is_open_lo && is_open_hi)
        value = 0;
    else if (is_open_lo)
        value = hi - 1 < hi ? hi - 1 : hi * (hi < 0 ? 2 : 0.5);
    else if (is_open_hi)
        value = lo + 1 > lo ? lo + 1 : lo * (lo > 0 ? 2 : 0.5);
    else
        value = lo + 1 > lo && lo + 1 < hi ? lo + 1 : lo + (hi - lo) / 2;
    if (lo < hi && !(value > lo && value < hi))
        return; /* neighbours: nothing lies between */
    point.value.d = value;
    add_point(cutter, &point);
}

static void add_real(struct cutter *cutter, struct numbers *numbers, double value)
{
    if (cutter->lint->no_memory || value - value != 0) /* infinite: an open end */
        return;
    if (!asy_pool_grow(&cutter->lint->pool, (void **)&numbers->real, &numbers->cap, numbers->n, sizeof(double))) {
        cutter->lint->no_memory = true;
        return;
    }
    numbers->real[numbers->n++] = value + 0.0;
}

static void cut_real(struct cutter *cutter)
{
    struct asy_lint_axis *axis = cutter->axis;
    struct numbers numbers = {0};
    for (uint32_t k = 0; k < axis->n_leaves; k++) {
        const struct asy_lint_leaf *leaf = axis->leaves[k];
        for (uint32_t i = 0; i < leaf->node->n_args; i++) {
            const struct asy_cel_node *arg = leaf->node->args[i];
            if (i == leaf->term || arg->op != ASY_CEL_CONST || arg->value.type == ASY_CEL_NULL)
                continue;
            add_real(cutter, &numbers, arg->value.type == ASY_CEL_DOUBLE ? arg->value.d : (double)arg->value.i);
        }
    }
    for (uint32_t k = 0; k < axis->n_tables; k++)
        for (uint32_t i = 0; i < axis->tables[k]->n_lines; i++)
            if (is_band(&axis->tables[k]->lines[i])) {
                add_real(cutter, &numbers, axis->tables[k]->lines[i].lo_d);
                add_real(cutter, &numbers, axis->tables[k]->lines[i].hi_d);
            }
    if (numbers.n > 1)
        qsort(numbers.real, numbers.n, sizeof(double), compare_real);
    double last = -__builtin_inf();
    for (uint32_t k = 0; k < numbers.n; k++) {
        if (numbers.real[k] == last)
            continue;
        add_between(cutter, last, numbers.real[k]);
        add_between(cutter, numbers.real[k], numbers.real[k]);
        last = numbers.real[k];
    }
    add_between(cutter, last, __builtin_inf());
}

/* -- choices ---------------------------------------------------------------------------------------------------- */

static void add_text(struct cutter *cutter, struct asy_str text, uint32_t n_members)
{
    struct asy_lint_point point = {.n_members = n_members, .members = {text}};
    point.value.type = ASY_CEL_STRING;
    point.value.s = text;
    add_point(cutter, &point);
}

static void add_bool(struct cutter *cutter, bool value)
{
    struct asy_lint_point point = {.n_members = 1, .members = {value ? ASY_STR("true") : ASY_STR("false")}};
    point.value.type = ASY_CEL_BOOL;
    point.value.b = value;
    add_point(cutter, &point);
}

static int compare_text(const void *a, const void *b)
{
    return asy_str_cmp(*(const struct asy_str *)a, *(const struct asy_str *)b);
}

struct texts {
    struct asy_str *items;
    uint32_t n, cap;
};

static void collect_text(struct cutter *cutter, struct texts *texts, struct asy_str text)
{
    if (cutter->lint->no_memory)
        return;
    if (!asy_pool_grow(&cutter->lint->pool, (void **)&texts->items, &texts->cap, texts->n, sizeof *texts->items)) {
        cutter->lint->no_memory = true;
        return;
    }
    texts->items[texts->n++] = text;
}

static void see_set(const struct asy_cel_set **first, bool *has_several, const struct asy_cel_set *set)
{
    *has_several = *has_several || (*first != NULL && *first != set);
    *first = set;
}

static void collect_set(struct cutter *cutter, struct texts *texts, const struct asy_cel_set *set, uint32_t most, bool *is_partial)
{
    uint32_t n = set->n < most ? set->n : most;
    *is_partial = *is_partial || n < set->n;
    if (texts->n + n > ASY_LINT_CANDIDATES_MAX) {
        cutter->lint->is_space_cut = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        collect_text(cutter, texts, set->items[i]);
}

/* Texts the file compares with: constants, and items of lists. With one list only, a few items stand for all: constants can
 * single out no more than their own number. */
static struct texts named_texts(struct cutter *cutter, bool *is_partial)
{
    const struct asy_lint_axis *axis = cutter->axis;
    struct texts texts = {0};
    const struct asy_cel_set *first_set = NULL;
    bool has_several = false;
    for (uint32_t k = 0; k < axis->n_leaves; k++) {
        const struct asy_cel_node *node = axis->leaves[k]->node;
        for (uint32_t i = 0; i < node->n_args; i++)
            if (i != axis->leaves[k]->term && node->args[i]->op == ASY_CEL_CONST &&
                node->args[i]->value.type == ASY_CEL_STRING)
                collect_text(cutter, &texts, node->args[i]->value.s);
        if (node->op == ASY_CEL_IN_SET)
            see_set(&first_set, &has_several, node->set);
    }
    for (uint32_t k = 0; k < axis->n_tables; k++)
        for (uint32_t i = 0; i < axis->tables[k]->n_lines; i++) {
            const struct asy_line *line = &axis->tables[k]->lines[i];
            if (line->kind == ASY_LINE_VALUE)
                collect_text(cutter, &texts, line->value);
            else if (line->kind == ASY_LINE_LIST)
                see_set(&first_set, &has_several, &cutter->lint->rules->lists[line->list].set);
        }
    uint32_t n_constants = texts.n;
    const struct asy_cel_set *done = NULL;
    for (uint32_t k = 0; k < axis->n_leaves && !cutter->lint->no_memory; k++)
        if (axis->leaves[k]->node->op == ASY_CEL_IN_SET && axis->leaves[k]->node->set != done) {
            done = axis->leaves[k]->node->set;
            collect_set(cutter, &texts, done, has_several ? UINT32_MAX : n_constants + ASY_LINT_MEMBERS + 1, is_partial);
        }
    for (uint32_t k = 0; k < axis->n_tables && !cutter->lint->no_memory; k++)
        for (uint32_t i = 0; i < axis->tables[k]->n_lines; i++) {
            const struct asy_line *line = &axis->tables[k]->lines[i];
            if (line->kind == ASY_LINE_LIST)
                collect_set(cutter, &texts, &cutter->lint->rules->lists[line->list].set,
                            has_several ? UINT32_MAX : n_constants + ASY_LINT_MEMBERS + 1, is_partial);
        }
    if (texts.n > 1)
        qsort(texts.items, texts.n, sizeof *texts.items, compare_text);
    return texts;
}

static void cut_choice(struct cutter *cutter)
{
    struct asy_lint_axis *axis = cutter->axis;
    if (axis->type == ASY_CEL_BOOL) {
        bool is_disqualified = axis->input.kind == ASY_IN_DISQUALIFIED;
        add_bool(cutter, false);
        if (!is_disqualified || cutter->lint->rules->n_disqualify > 0)
            add_bool(cutter, true);
        return;
    }
    if (axis->kind == ASY_LINT_INPUT && axis->input.n_values > 0) {
        for (uint32_t k = 0; k < axis->input.n_values; k++)
            add_text(cutter, axis->input.values[k], 1);
        return;
    }
    bool is_partial = false;
    struct texts texts = named_texts(cutter, &is_partial);
    for (uint32_t k = 0; k < texts.n; k++)
        if (k == 0 || !asy_str_eq(texts.items[k], texts.items[k - 1]))
            add_text(cutter, texts.items[k], is_partial ? ASY_LINT_MANY : 1);
    /* Not a text anyone would write in a rule; should one do so, the classes merge and nothing is lost. */
    struct asy_lint_point other = {.n_members = ASY_LINT_MANY, .is_other = true};
    other.value.type = ASY_CEL_STRING;
    other.value.s = ASY_STR("\x01 any other text");
    add_point(cutter, &other);
}

static void cut_numbered(struct cutter *cutter, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        struct asy_lint_point point = {.n_members = 1};
        point.value.type = ASY_CEL_INT;
        point.value.i = k;
        add_point(cutter, &point);
    }
}

/* -- all together ----------------------------------------------------------------------------------------------- */

static void make_masks(struct cutter *cutter)
{
    struct asy_lint_axis *axis = cutter->axis;
    size_t n_words = (axis->n_points + 63) / 64;
    for (uint32_t k = 0; k < axis->n_leaves; k++) {
        struct asy_lint_leaf *leaf = axis->leaves[k];
        for (uint32_t m = 0; m < 3; m++) {
            leaf->mask[m] = asy_lint_alloc(cutter->lint, n_words, sizeof(uint64_t));
            if (leaf->mask[m] == NULL)
                return;
        }
        for (uint32_t p = 0; p < axis->n_points; p++) {
            uint8_t outcome = cutter->outcomes[(size_t)p * axis->n_leaves + k];
            leaf->mask[outcome / 2][p / 64] |= 1ull << (p % 64); /* T 1, F 2, U 4: 0, 1, 2 */
        }
    }
}

/* Points for which every table gives the same. */
static void make_groups(struct cutter *cutter)
{
    struct asy_lint_axis *axis = cutter->axis;
    const size_t n_tables = axis->n_tables, n_words = (axis->n_points + 63) / 64;
    uint32_t *first = asy_lint_alloc(cutter->lint, axis->n_points, sizeof *first); /* by group: its first point */
    uint32_t *group = asy_lint_alloc(cutter->lint, axis->n_points, sizeof *group); /* by point */
    if (first == NULL || group == NULL || n_tables == 0)
        return;
    for (uint32_t p = 0; p < axis->n_points; p++) {
        while (group[p] < axis->n_groups && memcmp(cutter->given + n_tables * first[group[p]], cutter->given + n_tables * p,
                                                   n_tables * sizeof(int64_t)) != 0)
            group[p]++;
        if (group[p] == axis->n_groups)
            first[axis->n_groups++] = p;
    }
    axis->groups = asy_lint_alloc(cutter->lint, axis->n_groups * n_words, sizeof(uint64_t));
    axis->given = asy_lint_alloc(cutter->lint, axis->n_groups * n_tables, sizeof(int64_t));
    if (axis->groups == NULL || axis->given == NULL)
        return;
    for (uint32_t p = 0; p < axis->n_points; p++)
        axis->groups[group[p] * n_words + p / 64] |= 1ull << (p % 64);
    for (uint32_t g = 0; g < axis->n_groups; g++)
        memcpy(axis->given + g * n_tables, cutter->given + n_tables * first[g], n_tables * sizeof(int64_t));
}

void asy_lint_axis_finish(struct asy_lint *lint, struct asy_lint_axis *axis)
{
    struct cutter cutter = {.lint = lint, .axis = axis};
    uint32_t n_args = 1;
    for (uint32_t k = 0; k < axis->n_leaves; k++)
        if (axis->leaves[k]->node != NULL && axis->leaves[k]->node->n_args > n_args)
            n_args = axis->leaves[k]->node->n_args;
    cutter.args = asy_lint_alloc(lint, n_args, sizeof *cutter.args);
    if (cutter.args == NULL)
        return;
    switch (axis->kind) {
    case ASY_LINT_PAIR:
        cut_numbered(&cutter, 3);
        break;
    case ASY_LINT_TRUTH:
    case ASY_LINT_PLUGIN:
        cut_numbered(&cutter, axis->may_be_unknown ? 3 : 2);
        break;
    default:
        if (axis->shape == ASY_LINT_WHOLE)
            cut_whole(&cutter);
        else if (axis->shape == ASY_LINT_REAL)
            cut_real(&cutter);
        else
            cut_choice(&cutter);
        break;
    }
    if (axis->nullable) {
        struct asy_lint_point empty = {.n_members = 1};
        empty.value.type = ASY_CEL_NULL;
        axis->null_point = cutter.n;
        add_point(&cutter, &empty);
    }
    axis->points = cutter.points;
    axis->n_points = cutter.n;
    if (!lint->no_memory && !lint->is_space_cut)
        make_masks(&cutter);
    if (!lint->no_memory && !lint->is_space_cut)
        make_groups(&cutter);
}
