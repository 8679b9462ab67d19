/* The search: is there a box in which every goal holds? Boxes are split at a leaf of the first goal that is not decided.
 *
 *   goals  [ route 1 not true | route 2 not true | route 3 true ]
 *             |- decided by the box as it is -> next goal
 *             |- impossible in it            -> back
 *             `- else split the axis of an undecided leaf where it is true, false, unknown; try each
 *
 * A decided goal stays decided in every smaller box, so no goal is looked at twice on a path. The time is bounded by counting
 * leaves looked at; a search that runs out says CUT, and its caller must claim nothing. */
#include "rule/lint_internal.h"

struct search {
    struct asy_lint *lint;
    const struct asy_lint_query *query;
    uint64_t *box;
    uint32_t trail_n, depth;
    uint32_t steps_left;
    bool is_cut;
};

static void spend(struct search *search, uint32_t steps)
{
    search->steps_left -= steps < search->steps_left ? steps : search->steps_left;
}

/* -- outcomes over a box ---------------------------------------------------------------------------------------- */

static bool meets(const struct asy_lint_axis *axis, const uint64_t *box, const uint64_t *mask)
{
    for (uint32_t w = 0; w < axis->n_words; w++)
        if (box[axis->first_word + w] & mask[w])
            return true;
    return false;
}

static bool has_empty(const struct asy_lint_axis *axis, const uint64_t *box)
{
    return axis->null_point != ASY_NONE && asy_lint_has_point(axis, box, axis->null_point);
}

static bool has_filled(const struct asy_lint_axis *axis, const uint64_t *box)
{
    for (uint32_t w = 0; w < axis->n_words; w++) {
        uint64_t bits = box[axis->first_word + w];
        if (axis->null_point != ASY_NONE && axis->null_point / 64 == w)
            bits &= ~(1ull << (axis->null_point % 64));
        if (bits != 0)
            return true;
    }
    return false;
}

/* What the emptiness of guards allows; *can_be_filled: all of them may have values, so the axis has a say. */
static uint8_t guard_outcomes(const struct asy_lint_leaf *leaf, const uint64_t *box, bool *can_be_filled)
{
    uint8_t outcomes = 0;
    uint32_t n_certain_equal = 0;
    bool is_undecided = false;
    *can_be_filled = true;
    for (uint32_t k = 0; k < leaf->n_guards; k++) {
        const struct asy_lint_guard *guard = &leaf->guards[k];
        if (!has_empty(guard->axis, box))
            continue;
        bool is_certain = !has_filled(guard->axis, box);
        if (!guard->is_equal) {
            if (is_certain) {
                *can_be_filled = false;
                return ASY_LINT_U;
            }
            outcomes |= ASY_LINT_U;
        } else if (is_certain) {
            n_certain_equal++;
        } else {
            is_undecided = true;
        }
    }
    if (n_certain_equal == 0 && !is_undecided)
        return outcomes;
    /* An operand of == is empty, or may be. Both operands empty are equal. */
    *can_be_filled = n_certain_equal == 0;
    if (is_undecided)
        return outcomes | ASY_LINT_T | ASY_LINT_F;
    bool is_equal = n_certain_equal == 2;
    bool is_true = is_equal == (leaf->node->op == ASY_CEL_EQ);
    return outcomes | (is_true ? ASY_LINT_T : ASY_LINT_F);
}

static uint8_t leaf_outcomes(const struct asy_lint_leaf *leaf, const uint64_t *box)
{
    bool can_be_filled = true;
    uint8_t outcomes = leaf->n_guards == 0 ? 0 : guard_outcomes(leaf, box, &can_be_filled);
    if (!can_be_filled)
        return outcomes;
    for (uint32_t m = 0; m < 3; m++)
        if (!(outcomes & (1u << m)) && meets(leaf->axis, box, leaf->mask[m]))
            outcomes |= (uint8_t)(1u << m);
    return outcomes;
}

static uint8_t and_outcomes(struct search *search, const struct asy_lint_cond *cond);

/* At least every outcome that `cond` has somewhere in the box; exactly it once every leaf has but one. */
static uint8_t outcomes_of(struct search *search, const struct asy_lint_cond *cond)
{
    uint8_t a = 0;
    switch (cond->op) {
    case ASY_LINT_CONST:
        return cond->outcome;
    case ASY_LINT_LEAF:
        spend(search, 1 + cond->leaf->axis->n_words / 4);
        return leaf_outcomes(cond->leaf, search->box);
    case ASY_LINT_NOT:
        a = outcomes_of(search, cond->args[0]);
        return (uint8_t)((a & ASY_LINT_U) | (a & ASY_LINT_T ? ASY_LINT_F : 0) | (a & ASY_LINT_F ? ASY_LINT_T : 0));
    case ASY_LINT_NOT_TRUE:
        a = outcomes_of(search, cond->args[0]);
        return (uint8_t)((a & ASY_LINT_T ? ASY_LINT_F : 0) | (a & (ASY_LINT_F | ASY_LINT_U) ? ASY_LINT_T : 0));
    case ASY_LINT_IF: {
        uint8_t c = outcomes_of(search, cond->args[0]);
        a = c & ASY_LINT_U;
        if (c & ASY_LINT_T)
            a |= outcomes_of(search, cond->args[1]);
        if (c & ASY_LINT_F)
            a |= outcomes_of(search, cond->args[2]);
        return a;
    }
    default:
        return and_outcomes(search, cond);
    }
}

/* and: false if one is, true if all are, else unknown; or is the same with true and false exchanged. */
static uint8_t and_outcomes(struct search *search, const struct asy_lint_cond *cond)
{
    const uint8_t yes = cond->op == ASY_LINT_AND ? ASY_LINT_T : ASY_LINT_F;
    const uint8_t no = cond->op == ASY_LINT_AND ? ASY_LINT_F : ASY_LINT_T;
    bool can_be_no = false, can_be_yes = true, can_be_unknown = false, can_avoid_no = true;
    for (uint32_t k = 0; k < cond->n_args; k++) {
        uint8_t a = outcomes_of(search, cond->args[k]);
        if (a == no)
            return no;
        can_be_no = can_be_no || (a & no);
        can_be_yes = can_be_yes && (a & yes);
        can_be_unknown = can_be_unknown || (a & ASY_LINT_U);
        can_avoid_no = can_avoid_no && (a & (yes | ASY_LINT_U));
    }
    return (uint8_t)((can_be_no ? no : 0) | (can_be_yes ? yes : 0) | (can_be_unknown && can_avoid_no ? ASY_LINT_U : 0));
}

uint8_t asy_lint_outcomes(struct asy_lint *lint, const struct asy_lint_cond *cond, const uint64_t *box, uint32_t *steps_left)
{
    struct search search = {.lint = lint, .box = (uint64_t *)box, .steps_left = *steps_left};
    uint8_t outcomes = outcomes_of(&search, cond);
    *steps_left = search.steps_left;
    return outcomes;
}

static bool is_single(uint8_t outcomes)
{
    return (outcomes & (outcomes - 1)) == 0;
}

/* A leaf below `cond` that the box leaves undecided; NULL if there is none. */
static const struct asy_lint_leaf *undecided_leaf(struct search *search, const struct asy_lint_cond *cond)
{
    if (cond->op == ASY_LINT_LEAF)
        return is_single(leaf_outcomes(cond->leaf, search->box)) ? NULL : cond->leaf;
    for (uint32_t k = 0; k < cond->n_args; k++) {
        if (is_single(outcomes_of(search, cond->args[k])))
            continue;
        const struct asy_lint_leaf *leaf = undecided_leaf(search, cond->args[k]);
        if (leaf != NULL)
            return leaf;
    }
    return NULL;
}

/* -- what no lead can be ----------------------------------------------------------------------------------------- */

/* From and to of the points that a box has on a whole-number axis. */
static bool hull(const struct asy_lint_axis *axis, const uint64_t *box, int64_t *lo, int64_t *hi)
{
    bool is_found = false;
    for (uint32_t p = 0; p < axis->n_points; p++) {
        if (p == axis->null_point || !asy_lint_has_point(axis, box, p))
            continue;
        if (!is_found)
            *lo = axis->points[p].lo;
        *hi = axis->points[p].hi;
        is_found = true;
    }
    return is_found;
}

/* No event: no age, and the reverse. More events in a window than in all time: impossible. */
static bool events_agree(const struct asy_lint *lint, const uint64_t *box)
{
    for (uint32_t i = 0; i < lint->n_axes; i++) {
        const struct asy_lint_axis *count = lint->axes[i];
        if (count->kind != ASY_LINT_INPUT || count->input.kind != ASY_IN_EVENT_COUNT)
            continue;
        int64_t lo = 0, hi = 0;
        if (!hull(count, box, &lo, &hi))
            continue;
        bool is_all_time = count->input.window_s == ASY_NO_WINDOW;
        for (uint32_t k = 0; k < lint->n_axes; k++) {
            const struct asy_lint_axis *other = lint->axes[k];
            if (other->kind != ASY_LINT_INPUT || other->input.index != count->input.index)
                continue;
            if (other->input.kind == ASY_IN_EVENT_LAST || other->input.kind == ASY_IN_EVENT_FIRST) {
                bool can_be_none = has_empty(other, box) && (lo == 0 || hi == 0);
                bool can_be_some = has_filled(other, box) && (hi > 0 || !is_all_time);
                if (!can_be_none && !can_be_some)
                    return false;
            } else if (other->input.kind == ASY_IN_EVENT_COUNT && other != count) {
                bool is_wider = other->input.window_s == ASY_NO_WINDOW ||
                                (!is_all_time && other->input.window_s > count->input.window_s);
                int64_t other_lo = 0, other_hi = 0;
                if (is_wider && !is_all_time && hull(other, box, &other_lo, &other_hi) && lo > other_hi)
                    return false;
            }
        }
    }
    return true;
}

/* -- the search --------------------------------------------------------------------------------------------------- */

static bool search_from(struct search *search, uint32_t goal);

/* Try the part of the box where `axis` is in `mask` (where it is not, with `is_outside`). */
static bool search_part(struct search *search, uint32_t goal, const struct asy_lint_axis *axis, const uint64_t *mask,
                        bool is_outside)
{
    uint64_t *words = search->box + axis->first_word, *saved = search->lint->trail + search->trail_n;
    if (search->depth >= ASY_LINT_DEPTH_MAX || search->steps_left == 0) {
        search->is_cut = true;
        return false;
    }
    uint64_t any = 0;
    for (uint32_t w = 0; w < axis->n_words; w++) {
        saved[w] = words[w];
        words[w] &= is_outside ? ~mask[w] : mask[w];
        any |= words[w];
    }
    search->trail_n += axis->n_words;
    search->depth++;
    bool is_found = any != 0 && search_from(search, goal);
    search->depth--;
    search->trail_n -= axis->n_words;
    memcpy(words, saved, axis->n_words * sizeof(uint64_t));
    return is_found;
}

static bool split_empty(struct search *search, uint32_t goal, const struct asy_lint_axis *axis)
{
    uint64_t mask[(ASY_LINT_POINTS_MAX + 64) / 64] = {0};
    mask[axis->null_point / 64] = 1ull << (axis->null_point % 64);
    return search_part(search, goal, axis, mask, true) || search_part(search, goal, axis, mask, false);
}

static bool split_leaf(struct search *search, uint32_t goal, const struct asy_lint_leaf *leaf)
{
    for (uint32_t k = 0; k < leaf->n_guards; k++) {
        const struct asy_lint_axis *axis = leaf->guards[k].axis;
        if (has_empty(axis, search->box) && has_filled(axis, search->box))
            return split_empty(search, goal, axis);
    }
    for (uint32_t m = 0; m < 3; m++)
        if (meets(leaf->axis, search->box, leaf->mask[m]) && search_part(search, goal, leaf->axis, leaf->mask[m], false))
            return true;
    return false;
}

/* All goals hold in the box. Is there a lead in it whose scores are in it too? */
static bool take(struct search *search)
{
    struct asy_lint *lint = search->lint;
    const struct asy_lint_query *query = search->query;
    struct asy_lint_open open = {NULL, NULL};
    if (!events_agree(lint, search->box))
        return false;
    if (!lint->is_loose && !asy_lint_scores_agree(lint, search->box, &search->steps_left, &open))
        return false;
    if (query->accept != NULL && !query->accept(query->ctx, search->box))
        return false;
    for (uint32_t g = 0; open.axis != NULL && g < open.axis->n_groups; g++)
        if (search_part(search, query->n_goals, open.axis, open.axis->groups + (size_t)g * open.axis->n_words, false))
            return true;
    if (open.axis != NULL)
        return false;
    const struct asy_lint_leaf *leaf = open.cond == NULL ? NULL : undecided_leaf(search, open.cond);
    if (leaf != NULL)
        return split_leaf(search, query->n_goals, leaf);
    if (query->found != NULL)
        memcpy(query->found, search->box, lint->n_words * sizeof(uint64_t));
    return true;
}

static bool search_from(struct search *search, uint32_t goal)
{
    const struct asy_lint_query *query = search->query;
    for (; goal < query->n_goals && !search->is_cut; goal++) {
        const struct asy_lint_goal *at = &query->goals[goal];
        uint8_t outcomes = outcomes_of(search, at->cond);
        if ((outcomes & at->want) == 0)
            return false;
        if ((outcomes & ~at->want) == 0)
            continue;
        if (search->steps_left == 0)
            break;
        const struct asy_lint_leaf *leaf = undecided_leaf(search, at->cond);
        return leaf != NULL && split_leaf(search, goal, leaf);
    }
    if (search->steps_left == 0 || search->is_cut) {
        search->is_cut = true;
        return false;
    }
    return take(search);
}

enum asy_lint_answer asy_lint_solve(struct asy_lint *lint, const struct asy_lint_query *query)
{
    if (lint->is_space_cut || lint->no_memory)
        return ASY_LINT_CUT;
    uint32_t steps = lint->steps_left < ASY_LINT_QUERY_STEPS_MAX ? lint->steps_left : ASY_LINT_QUERY_STEPS_MAX;
    struct search search = {.lint = lint, .query = query, .box = lint->box, .steps_left = steps};
    spend(&search, 1 + lint->n_words / 16);
    memcpy(lint->box, query->start != NULL ? query->start : lint->full, lint->n_words * sizeof(uint64_t));
    bool is_found = search_from(&search, 0);
    lint->steps_left -= steps - search.steps_left;
    if (is_found)
        return ASY_LINT_YES;
    if (search.is_cut)
        lint->is_search_cut = true;
    return search.is_cut ? ASY_LINT_CUT : ASY_LINT_NO;
}

enum asy_lint_answer asy_lint_can(struct asy_lint *lint, const struct asy_lint_cond *cond, uint8_t want,
                                  const uint64_t *start)
{
    struct asy_lint_goal goal = {cond, want};
    struct asy_lint_query query = {.goals = &goal, .n_goals = 1, .start = start};
    return asy_lint_solve(lint, &query);
}

void asy_lint_only_point(const struct asy_lint_axis *axis, uint64_t *box, uint32_t point)
{
    for (uint32_t w = 0; w < axis->n_words; w++)
        box[axis->first_word + w] = 0;
    asy_lint_put_point(axis, box, point);
}
