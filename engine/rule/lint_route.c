/* Rules of which the first match wins: what no rule takes, what never gets a lead, and what gets fewer than it says.
 *
 * route-hole              leads that no route takes. Only where there is no `otherwise`. Found boxes are widened as far as no
 *                         route takes any of it, so that a hole is told in few words.
 * route-unreachable       a route that can be true, but never where all earlier ones are not.
 * route-partly-shadowed   a route R that an earlier route E robs, where the author can hardly have meant it. Precisely, all of
 *                         - R gives its leads to somebody (a team or an owner), E to a team by turns, and not the same team;
 *                         - some lead that R matches goes to E;
 *                         - E and R test nothing in common (all scores and the grade count as one thing): routes that split one
 *                           field or score between them say in plain sight who goes first;
 *                         - no route before E tests anything that R tests: else E is an exception, put into a table that R goes
 *                           on with, on purpose.
 *                         Routes to `nobody` and to a named owner (a deal in hand, a target account) are priorities by their
 *                         nature, and are no robbers. */
#include "rule/lint_internal.h"

enum { HOLES_SHOWN = 4, HOLES_SEEN = 2000 };

struct table {
    struct asy_lint *lint;
    struct asy_lint_use *uses; /* the rules, in order */
    uint32_t n;
    uint32_t n_goals;          /* in use at present */
    struct asy_lint_goal *goals;
    bool **is_read;            /* by rule and axis */
    bool *is_shown;            /* axes that any rule reads */
};

/* -- goals ------------------------------------------------------------------------------------------------------- */

static void want(struct table *table, const struct asy_lint_cond *cond, uint8_t outcomes)
{
    table->goals[table->n_goals++] = (struct asy_lint_goal){cond, outcomes};
}

static void want_none_before(struct table *table, uint32_t end)
{
    for (uint32_t k = 0; k < end; k++)
        want(table, table->uses[k].cond, ASY_LINT_F | ASY_LINT_U);
}

/* A lead that is not disqualified is one that no disqualify rule catches. */
static void want_consistency(struct table *table)
{
    struct asy_lint *lint = table->lint;
    if (lint->disqualified == NULL || !table->is_shown[lint->disqualified->leaf->axis->id])
        return;
    for (uint32_t k = 0; k < lint->rules->n_disqualify; k++) {
        struct asy_lint_cond *either = asy_lint_cond_new(lint, ASY_LINT_OR, 2);
        struct asy_lint_cond *not_caught = asy_lint_cond_new(lint, ASY_LINT_NOT_TRUE, 1);
        if (either == NULL || not_caught == NULL)
            return;
        not_caught->args[0] = lint->uses[lint->first_disqualify + k].cond;
        either->args[0] = lint->disqualified;
        either->args[1] = not_caught;
        want(table, either, ASY_LINT_T);
    }
}

static enum asy_lint_answer solve(struct table *table, const uint64_t *start, uint64_t *found)
{
    struct asy_lint_query query = {.goals = table->goals, .n_goals = table->n_goals, .start = start, .found = found};
    return asy_lint_solve(table->lint, &query);
}

static bool table_init(struct table *table, struct asy_lint *lint, struct asy_lint_use *uses, uint32_t n)
{
    *table = (struct table){.lint = lint, .uses = uses, .n = n};
    table->goals = asy_lint_alloc(lint, (size_t)n + lint->rules->n_disqualify + 2, sizeof *table->goals);
    table->is_read = asy_lint_alloc(lint, n, sizeof *table->is_read);
    table->is_shown = asy_lint_alloc(lint, lint->n_axes, sizeof(bool));
    if (table->goals == NULL || table->is_read == NULL || table->is_shown == NULL)
        return false;
    for (uint32_t k = 0; k < n; k++) {
        table->is_read[k] = asy_lint_alloc(lint, lint->n_axes, sizeof(bool));
        if (table->is_read[k] == NULL)
            return false;
        asy_lint_mark_axes(uses[k].cond, table->is_read[k]);
        asy_lint_mark_axes(uses[k].cond, table->is_shown);
    }
    return true;
}

static struct asy_str name_list(struct table *table, const bool *is_named, uint32_t n)
{
    struct asy_str text = {"", 0};
    for (uint32_t k = 0; k < n; k++)
        if (is_named[k])
            text = asy_lint_printf(table->lint, "%.*s%s`%.*s`", ASY_ARG(text), text.len == 0 ? "" : ", ",
                                   ASY_ARG(table->uses[k].name));
    return text;
}

/* -- unreachable ------------------------------------------------------------------------------------------------- */

/* Proven: rule `at` matches some lead, but none that is left by the rules before it. */
static bool is_unreachable(struct table *table, uint32_t at)
{
    if (at == 0 || table->uses[at].is_dead)
        return false;
    table->n_goals = 0;
    want(table, table->uses[at].cond, ASY_LINT_T);
    want_none_before(table, at);
    return solve(table, NULL, NULL) == ASY_LINT_NO;
}

/* Which earlier rules take the leads of rule `at`: each alone tested, as the first to match. */
static struct asy_str takers(struct table *table, uint32_t at)
{
    bool *is_taker = asy_lint_alloc(table->lint, at, sizeof(bool));
    for (uint32_t k = 0; k < at && is_taker != NULL; k++) {
        table->n_goals = 0;
        want(table, table->uses[at].cond, ASY_LINT_T);
        want(table, table->uses[k].cond, ASY_LINT_T);
        want_none_before(table, k);
        is_taker[k] = solve(table, NULL, NULL) == ASY_LINT_YES;
    }
    return is_taker == NULL ? (struct asy_str){"", 0} : name_list(table, is_taker, at);
}

static void check_unreachable_routes(struct table *table)
{
    struct asy_lint *lint = table->lint;
    const struct asy_rules *rules = lint->rules;
    struct asy_str none = {"", 0};
    for (uint32_t k = 1; k < table->n; k++) {
        const struct asy_lint_use *use = &table->uses[k];
        /* A last `otherwise` with nothing left for it is prudence, not a mistake. */
        if (rules->routes[k].test.is_otherwise || !is_unreachable(table, k))
            continue;
        struct asy_str by = takers(table, k);
        table->uses[k].is_dead = true;
        asy_lint_report(lint, "W0351", "route-unreachable", use->name_pos, 1,
                        asy_lint_printf(lint, "route `%.*s` is never reached: earlier routes take every lead it matches",
                                        ASY_ARG(use->name)),
                        by.len == 0 ? none : asy_lint_printf(lint, "taken by %.*s", ASY_ARG(by)));
    }
}

/* -- partly shadowed --------------------------------------------------------------------------------------------- */

/* Do two rules test something in common? */
static bool shares_input(const struct table *table, uint32_t a, uint32_t b)
{
    bool has_score_a = false, has_score_b = false;
    for (uint32_t k = 0; k < table->lint->n_axes; k++) {
        const struct asy_lint_axis *axis = table->lint->axes[k];
        bool is_score = axis->kind == ASY_LINT_INPUT && axis->input.kind == ASY_IN_SCORE;
        bool is_now = axis->kind == ASY_LINT_INPUT && axis->input.kind == ASY_IN_NOW;
        if (table->is_read[a][k] && table->is_read[b][k] && !is_now)
            return true;
        has_score_a = has_score_a || (is_score && table->is_read[a][k]);
        has_score_b = has_score_b || (is_score && table->is_read[b][k]);
    }
    return has_score_a && has_score_b;
}

static bool may_rob(const struct table *table, uint32_t robber, uint32_t robbed)
{
    const struct asy_route *e = &table->lint->rules->routes[robber], *r = &table->lint->rules->routes[robbed];
    if (e->assign != ASY_ASSIGN_ROUND_ROBIN || (r->assign == ASY_ASSIGN_ROUND_ROBIN && r->team == e->team))
        return false;
    if (shares_input(table, robber, robbed))
        return false;
    for (uint32_t k = 0; k < robber; k++)
        if (shares_input(table, k, robbed))
            return false;
    return true;
}

static void check_shadowed(struct table *table, uint32_t at, uint64_t *box)
{
    struct asy_lint *lint = table->lint;
    bool *is_robber = asy_lint_alloc(lint, at, sizeof(bool)), *is_shown = asy_lint_alloc(lint, lint->n_axes, sizeof(bool));
    if (is_robber == NULL || is_shown == NULL)
        return;
    struct asy_str example = {"", 0};
    for (uint32_t k = 0; k < at; k++) {
        if (!may_rob(table, k, at))
            continue;
        table->n_goals = 0;
        want(table, table->uses[k].cond, ASY_LINT_T);
        want(table, table->uses[at].cond, ASY_LINT_T);
        want_none_before(table, k);
        want_consistency(table);
        is_robber[k] = solve(table, NULL, box) == ASY_LINT_YES;
        if (!is_robber[k] || example.len > 0)
            continue;
        for (uint32_t i = 0; i < lint->n_axes; i++)
            is_shown[i] = table->is_read[k][i] || table->is_read[at][i];
        struct asy_lint_query query = {.goals = table->goals, .n_goals = table->n_goals};
        struct asy_str lead = asy_lint_lead(lint, box, query, is_shown);
        example = asy_lint_printf(lint, "example lead: %.*s goes to `%.*s`", ASY_ARG(lead), ASY_ARG(table->uses[k].name));
    }
    struct asy_str robbers = name_list(table, is_robber, at);
    if (robbers.len > 0)
        asy_lint_report(lint, "W0352", "route-partly-shadowed", table->uses[at].name_pos, 1,
                        asy_lint_printf(lint, "route `%.*s` is partly taken by earlier routes that test other fields: %.*s",
                                        ASY_ARG(table->uses[at].name), ASY_ARG(robbers)),
                        example);
}

/* -- holes ------------------------------------------------------------------------------------------------------- */

struct holes {
    struct table *table;
    uint64_t *boxes[HOLES_SHOWN]; /* widened */
    struct asy_str leads[HOLES_SHOWN];
    uint32_t n, n_seen;
    uint64_t *trial, *saved[HOLES_SHOWN];
};

/* Leave only leads that are in none of the holes from number `at` on, along as few axes as it takes. False if there are none. */
static bool leave_holes(const struct holes *holes, uint64_t *box, uint32_t at)
{
    const struct asy_lint *lint = holes->table->lint;
    if (at == holes->n)
        return true;
    const uint64_t *hole = holes->boxes[at];
    for (uint32_t pass = 0; pass < 2; pass++) /* first an axis that keeps box and hole apart as it is */
        for (uint32_t k = 0; k < lint->n_axes; k++) {
            uint64_t *words = box + lint->axes[k]->first_word, *saved = holes->saved[at], shared = 0, others = 0;
            uint32_t n_words = lint->axes[k]->n_words;
            for (uint32_t w = 0; w < n_words; w++) {
                shared |= words[w] & hole[lint->axes[k]->first_word + w];
                others |= words[w] & ~hole[lint->axes[k]->first_word + w];
            }
            if (!holes->table->is_shown[k] || others == 0 || (shared == 0) != (pass == 0))
                continue;
            memcpy(saved, words, n_words * sizeof(uint64_t));
            for (uint32_t w = 0; w < n_words; w++)
                words[w] &= ~hole[lint->axes[k]->first_word + w];
            if (leave_holes(holes, box, at + 1))
                return true;
            memcpy(words, saved, n_words * sizeof(uint64_t));
        }
    return false;
}

static bool is_outside_holes(void *ctx, const uint64_t *box)
{
    struct holes *holes = ctx;
    memcpy(holes->trial, box, holes->table->lint->n_words * sizeof(uint64_t));
    return leave_holes(holes, holes->trial, 0);
}

static bool is_new_hole(void *ctx, const uint64_t *box)
{
    struct holes *holes = ctx;
    return ++holes->n_seen > HOLES_SEEN || is_outside_holes(ctx, box);
}

static bool is_hole(struct table *table, const uint64_t *box)
{
    for (uint32_t k = 0; k < table->n; k++)
        if (asy_lint_can(table->lint, table->uses[k].cond, ASY_LINT_T, box) != ASY_LINT_NO)
            return false;
    return true;
}

/* Let a hole grow along one axis, point by point. That a number is unknown is a hole of its own kind: "empty" and numbers join
 * only where it makes no difference at all. */
static void widen_axis(struct table *table, const struct asy_lint_axis *axis, uint64_t *hole, uint64_t *trial)
{
    struct asy_lint *lint = table->lint;
    const uint32_t empty = axis->shape == ASY_LINT_CHOICE ? ASY_NONE : axis->null_point;
    uint64_t grown[(ASY_LINT_POINTS_MAX + 64) / 64] = {0};
    bool is_complete = true, has_number = false;
    memcpy(trial, hole, lint->n_words * sizeof(uint64_t));
    for (uint32_t p = 0; p < axis->n_points; p++) {
        bool is_in = asy_lint_has_point(axis, hole, p);
        has_number = has_number || (is_in && p != empty);
        asy_lint_only_point(axis, trial, p);
        if (is_in || is_hole(table, trial))
            grown[p / 64] |= 1ull << (p % 64);
        else
            is_complete = false;
    }
    for (uint32_t p = 0; p < axis->n_points; p++)
        if (((grown[p / 64] >> (p % 64)) & 1) && (is_complete || (p != empty && has_number)))
            asy_lint_put_point(axis, hole, p);
}

/* The hole in its own words, which are those of the conditions: what scores are made of does not matter to routes, nor does
 * what the consistency goals narrowed. */
static void widen_hole(struct table *table, uint64_t *hole, uint64_t *trial)
{
    struct asy_lint *lint = table->lint;
    for (uint32_t k = 0; k < lint->n_axes; k++)
        if (!table->is_shown[k])
            memcpy(hole + lint->axes[k]->first_word, lint->full + lint->axes[k]->first_word,
                   lint->axes[k]->n_words * sizeof(uint64_t));
    lint->is_loose = true;
    for (uint32_t k = 0; k < lint->n_axes; k++)
        if (table->is_shown[k])
            widen_axis(table, lint->axes[k], hole, trial);
    lint->is_loose = false;
}

/* Leave out scores that no lead of the hole can have, unless the score does not matter. */
static void trim_scores(struct table *table, uint64_t *hole, uint64_t *trial)
{
    struct asy_lint *lint = table->lint;
    for (uint32_t k = 0; k < lint->n_axes; k++) {
        const struct asy_lint_axis *axis = lint->axes[k];
        bool is_score = axis->kind == ASY_LINT_INPUT && axis->input.kind == ASY_IN_SCORE;
        bool is_full = memcmp(hole + axis->first_word, lint->full + axis->first_word, axis->n_words * sizeof(uint64_t)) == 0;
        for (uint32_t p = 0; p < axis->n_points && is_score && table->is_shown[k] && !is_full; p++) {
            memcpy(trial, hole, lint->n_words * sizeof(uint64_t));
            asy_lint_only_point(axis, trial, p);
            if (asy_lint_has_point(axis, hole, p) && solve(table, trial, NULL) == ASY_LINT_NO)
                asy_lint_drop_point(axis, hole, p);
        }
    }
}

static bool add_hole(struct holes *holes, const uint64_t *start, enum asy_lint_answer *answer)
{
    struct table *table = holes->table;
    struct asy_lint *lint = table->lint;
    uint64_t *hole = asy_lint_alloc(lint, lint->n_words, sizeof *hole);
    uint64_t *trial = asy_lint_alloc(lint, lint->n_words, sizeof *trial);
    *answer = ASY_LINT_CUT;
    if (lint->no_memory)
        return false;
    table->n_goals = 0;
    want_none_before(table, table->n);
    want_consistency(table);
    struct asy_lint_query query = {.goals = table->goals, .n_goals = table->n_goals, .start = start,
                                   .accept = is_new_hole, .ctx = holes, .found = hole};
    *answer = asy_lint_solve(lint, &query);
    if (*answer != ASY_LINT_YES || holes->n_seen > HOLES_SEEN)
        return false;
    widen_hole(table, hole, trial);
    trim_scores(table, hole, trial);
    query = (struct asy_lint_query){.goals = table->goals, .n_goals = table->n_goals, .start = hole,
                                    .accept = is_outside_holes, .ctx = holes}; /* the example is of this one only */
    holes->leads[holes->n] = asy_lint_lead(lint, hole, query, table->is_shown);
    holes->boxes[holes->n++] = hole;
    return true;
}

static enum asy_lint_answer find_holes(struct holes *holes)
{
    struct asy_lint *lint = holes->table->lint;
    uint64_t *start = asy_lint_alloc(lint, lint->n_words, sizeof *start);
    enum asy_lint_answer answer = ASY_LINT_CUT;
    holes->trial = asy_lint_alloc(lint, lint->n_words, sizeof *holes->trial);
    for (uint32_t k = 0; k < HOLES_SHOWN; k++)
        holes->saved[k] = asy_lint_alloc(lint, lint->max_words, sizeof(uint64_t));
    if (lint->no_memory)
        return answer;
    memcpy(start, lint->full, lint->n_words * sizeof(uint64_t));
    for (uint32_t k = 0; k < lint->n_axes; k++)
        if (lint->axes[k]->null_point != ASY_NONE)
            asy_lint_drop_point(lint->axes[k], start, lint->axes[k]->null_point);
    /* First leads of which all is known, then the others. */
    for (uint32_t pass = 0; pass < 2; pass++)
        while (holes->n < HOLES_SHOWN && add_hole(holes, pass == 0 ? start : NULL, &answer))
            ;
    return answer;
}

static void check_holes(struct table *table)
{
    struct asy_lint *lint = table->lint;
    struct holes holes = {.table = table};
    const struct asy_lint_use *last = &table->uses[table->n - 1];
    enum asy_lint_answer answer = find_holes(&holes);
    if (holes.n == 0 && answer == ASY_LINT_CUT && !lint->no_memory)
        asy_lint_report(lint, "W0353", "otherwise-missing", last->name_pos, 1,
                        asy_lint_printf(lint, "whether the routes take every lead could not be settled: add a last one with "
                                              "`otherwise: true`"),
                        (struct asy_str){"", 0});
    if (holes.n == 0)
        return;
    struct asy_str first = asy_lint_box(lint, holes.boxes[0], table->is_shown);
    struct asy_str detail = asy_lint_printf(lint, "example lead: %.*s", ASY_ARG(holes.leads[0]));
    for (uint32_t k = 1; k < holes.n; k++) {
        struct asy_str more = asy_lint_box(lint, holes.boxes[k], table->is_shown);
        detail = asy_lint_printf(lint, "%.*s\nnor: %.*s\nexample lead: %.*s", ASY_ARG(detail), ASY_ARG(more), ASY_ARG(holes.leads[k]));
    }
    if (holes.n == HOLES_SHOWN)
        detail = asy_lint_printf(lint, "%.*s\nand perhaps more", ASY_ARG(detail));
    detail = asy_lint_printf(lint, "%.*s\nadd a route for them, or a last one with `otherwise: true`", ASY_ARG(detail));
    asy_lint_report(lint, "W0350", "route-hole", last->name_pos, 1,
                    first.len == 0 ? asy_lint_printf(lint, "no route takes any lead")
                                   : asy_lint_printf(lint, "no route takes leads with %.*s", ASY_ARG(first)),
                    detail);
}

/* -- all together ------------------------------------------------------------------------------------------------- */

void asy_lint_routes(struct asy_lint *lint)
{
    const struct asy_rules *rules = lint->rules;
    struct table table;
    uint64_t *box = asy_lint_alloc(lint, lint->n_words, sizeof *box);
    if (rules->n_routes == 0 || box == NULL || !table_init(&table, lint, lint->uses + lint->first_route, rules->n_routes))
        return;
    bool has_otherwise = false;
    for (uint32_t k = 0; k < rules->n_routes; k++)
        has_otherwise = has_otherwise || rules->routes[k].test.is_otherwise;
    if (!has_otherwise)
        check_holes(&table);
    check_unreachable_routes(&table);
    for (uint32_t k = 1; k < rules->n_routes && !rules->routes[k].test.is_otherwise; k++)
        if (rules->routes[k].assign != ASY_ASSIGN_NOBODY && !table.uses[k].is_dead)
            check_shadowed(&table, k, box);
}

/* Does `a` imply `b`, provenly? */
static bool implies(struct table *table, uint32_t a, uint32_t b)
{
    table->n_goals = 0;
    want(table, table->uses[a].cond, ASY_LINT_T);
    want(table, table->uses[b].cond, ASY_LINT_F | ASY_LINT_U);
    return solve(table, NULL, NULL) == ASY_LINT_NO;
}

static void check_later(struct table *table, uint32_t at, const char *code, const char *slug, const char *effect)
{
    struct asy_lint *lint = table->lint;
    const struct asy_lint_use *use = &table->uses[at];
    struct asy_str none = {"", 0};
    for (uint32_t k = 0; k < at; k++)
        if (!table->uses[k].is_dead && implies(table, at, k) && implies(table, k, at)) {
            asy_lint_report(lint, "W0354", "condition-duplicate", use->name_pos, 1,
                            asy_lint_printf(lint, "%s `%.*s` asks the same as `%.*s` before it", use->what, ASY_ARG(use->name),
                                            ASY_ARG(table->uses[k].name)),
                            none);
            return;
        }
    struct asy_str by = takers(table, at);
    asy_lint_report(lint, code, slug, use->name_pos, 1,
                    asy_lint_printf(lint, "%s `%.*s` %s: earlier ones match all its leads", use->what, ASY_ARG(use->name), effect),
                    by.len == 0 ? none : asy_lint_printf(lint, "matched by %.*s", ASY_ARG(by)));
}

void asy_lint_first_match(struct asy_lint *lint)
{
    const struct asy_rules *rules = lint->rules;
    struct table table;
    if (rules->n_disqualify > 0 && table_init(&table, lint, lint->uses + lint->first_disqualify, rules->n_disqualify))
        for (uint32_t k = 1; k < rules->n_disqualify; k++)
            if (is_unreachable(&table, k))
                check_later(&table, k, "N0355", "disqualify-idle", "never gives the reason");
    if (rules->n_recycle > 0 && table_init(&table, lint, lint->uses + lint->first_recycle, rules->n_recycle))
        for (uint32_t k = 1; k < rules->n_recycle; k++)
            if (is_unreachable(&table, k))
                check_later(&table, k, "W0356", "recycle-unreachable", "is never reached");
}
