/* What scores can be in a box of the space: where the field of a points table is an axis, the box says what the table gives.
 *
 *   table `employees`   1-50: 10, 51+: 90      axis company.employees   [ ..0 | 1..50 | 51+ | empty ]
 *                                               groups                   [  0  |  10   | 90  |   0   ]
 *
 * Tables of scores that conditions read cut the axis of their field (adding it, if no condition reads the field), so that each
 * point gives a known number. The search then splits tables and `when` rules until every score is settled: in its class of the
 * box whatever else the lead has, or as narrow as it gets. What stays free, any number between its least and most, is said in
 * lint.h. */
#include "rule/lint_internal.h"

enum {
    LINES_MAX = 256,        /* of a table that is tied to its field; others may give anything they can give */
    AXES_MAX = ASY_LINT_AXES_MAX / 2,
    WORK_MAX = 4000000,     /* values times lines, for all tables */
    ITEMS_MAX = 4096,       /* of the lists that a table names */
};

struct asy_lint_tie {
    const struct asy_rule *rule;
    struct asy_lint_axis *axis;
    uint32_t number; /* on its axis */
};

struct when_part {
    const struct asy_lint_cond *cond;
    int64_t points_milli;
};

struct asy_lint_source { /* of one score */
    bool is_wanted;                   /* a condition reads it, or a sum that one reads */
    const struct asy_lint_axis *axis; /* NULL: only wanted for a sum */
    uint32_t n_ties, n_whens;
    struct asy_lint_tie *ties;
    struct when_part *whens;
    struct asy_lint_range free;       /* the other rules */
};

/* -- which tables are tied ---------------------------------------------------------------------------------------- */

/* Values times lines of making the points of an axis; too many, if that cannot be done in time. */
static uint64_t work_of(const struct asy_lint *lint, const struct asy_rule *rule)
{
    const struct asy_field *field = &lint->rules->schema.fields[rule->field];
    uint64_t n = field->type == ASY_COUNTRY ? asy_country_count() : field->n_values, n_items = 0;
    for (uint32_t k = 0; k < rule->n_lines; k++)
        if (rule->lines[k].kind == ASY_LINE_LIST)
            n_items += lint->rules->lists[rule->lines[k].list].set.n;
    if (rule->n_lines > LINES_MAX || (field->type == ASY_TEXT && n_items > ITEMS_MAX))
        return WORK_MAX + 1;
    return (n + n_items + 2ull * rule->n_lines + 8) * (rule->n_lines + 1);
}

static void tie_table(struct asy_lint *lint, struct asy_lint_source *source, const struct asy_rule *rule)
{
    uint64_t work = work_of(lint, rule);
    struct asy_lint_axis *axis = NULL;
    if (lint->n_axes < AXES_MAX && lint->tie_work + work <= WORK_MAX)
        axis = asy_lint_field_axis(lint, rule->field);
    if (axis == NULL) {
        int64_t lo = 0, hi = 0;
        asy_lint_table_range(lint, rule, &lo, &hi);
        asy_lint_range_add(&source->free, lo, hi);
        return;
    }
    lint->tie_work += work;
    struct asy_lint_tie *tie = &source->ties[source->n_ties++];
    *tie = (struct asy_lint_tie){rule, axis, axis->n_tables};
    if (!asy_pool_grow(&lint->pool, (void **)&axis->tables, &axis->tables_cap, axis->n_tables, sizeof(struct asy_rule *))) {
        lint->no_memory = true;
        return;
    }
    axis->tables[axis->n_tables++] = rule;
}

/* `use`: the first of the score's conditions among all of them. */
static void add_source(struct asy_lint *lint, uint32_t number, uint32_t use)
{
    const struct asy_score *score = &lint->rules->scores[number];
    struct asy_lint_source *source = &lint->sources[number];
    source->ties = asy_lint_alloc(lint, score->n_rules, sizeof *source->ties);
    source->whens = asy_lint_alloc(lint, score->n_rules, sizeof *source->whens);
    for (uint32_t k = 0; k < score->n_rules && !lint->no_memory; k++) {
        const struct asy_rule *rule = &score->rules[k];
        if (rule->kind == ASY_RULE_TABLE)
            tie_table(lint, source, rule);
        else if (rule->kind == ASY_RULE_WHEN && rule->when != NULL)
            source->whens[source->n_whens++] = (struct when_part){lint->uses[use++].cond, rule->points_milli};
        else if (rule->kind == ASY_RULE_PLUGIN)
            asy_lint_add_plugin(lint, &source->free, rule);
    }
}

static uint32_t count_score_uses(const struct asy_score *score)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < score->n_rules; k++)
        n += score->rules[k].kind == ASY_RULE_WHEN && score->rules[k].when != NULL;
    for (uint32_t k = 0; k < score->n_events; k++)
        n += score->events[k].where != NULL;
    return n;
}

static bool is_event_axis(const struct asy_lint_axis *axis)
{
    return axis->kind == ASY_LINT_INPUT && (axis->input.kind == ASY_IN_EVENT_COUNT || axis->input.kind == ASY_IN_EVENT_LAST ||
                                            axis->input.kind == ASY_IN_EVENT_FIRST);
}

void asy_lint_points(struct asy_lint *lint)
{
    const struct asy_rules *rules = lint->rules;
    uint32_t n_axes = lint->n_axes, use = 0;
    lint->sources = asy_lint_alloc(lint, rules->n_scores, sizeof *lint->sources);
    lint->spans = asy_lint_alloc(lint, rules->n_scores, sizeof *lint->spans);
    lint->event_axes = asy_lint_alloc(lint, n_axes, sizeof(struct asy_lint_axis *));
    if (lint->no_memory)
        return;
    for (uint32_t k = 0; k < n_axes; k++) {
        const struct asy_lint_axis *axis = lint->axes[k];
        if (is_event_axis(axis))
            lint->event_axes[lint->n_event_axes++] = axis;
        if (axis->kind == ASY_LINT_INPUT && axis->input.kind == ASY_IN_SCORE)
            lint->sources[axis->input.index] = (struct asy_lint_source){.is_wanted = true, .axis = axis};
    }
    for (uint32_t k = rules->n_scores; k-- > 0;) /* parts stand before their sum */
        for (uint32_t p = 0; p < rules->scores[k].n_parts && lint->sources[k].is_wanted; p++)
            lint->sources[rules->scores[k].parts[p]].is_wanted = true;
    for (uint32_t k = 0; k < rules->n_scores && !lint->no_memory; k++) {
        if (lint->sources[k].is_wanted)
            add_source(lint, k, use);
        use += count_score_uses(&rules->scores[k]);
    }
}

/* -- what the parts of a score can be in a box ------------------------------------------------------------------------ */

static bool meets(const struct asy_lint_axis *axis, const uint64_t *box, const uint64_t *mask)
{
    for (uint32_t w = 0; w < axis->n_words; w++)
        if (box[axis->first_word + w] & mask[w])
            return true;
    return false;
}

static void tie_range(const struct asy_lint_tie *tie, const uint64_t *box, int64_t *lo, int64_t *hi)
{
    const struct asy_lint_axis *axis = tie->axis;
    bool is_first = true;
    for (uint32_t g = 0; g < axis->n_groups; g++) {
        int64_t points = axis->given[(size_t)g * axis->n_tables + tie->number];
        if ((!is_first && points >= *lo && points <= *hi) || !meets(axis, box, axis->groups + (size_t)g * axis->n_words))
            continue;
        *lo = is_first || points < *lo ? points : *lo;
        *hi = is_first || points > *hi ? points : *hi;
        is_first = false;
    }
}

/* Is it certain that the lead has the event, or that it has not? */
static void look_at_event(const struct asy_lint *lint, const uint64_t *box, uint32_t event, bool *is_there, bool *is_absent)
{
    for (uint32_t k = 0; k < lint->n_event_axes; k++) {
        const struct asy_lint_axis *axis = lint->event_axes[k];
        bool is_any = axis->input.index == ASY_ANY_EVENT, has_none = false, has_some = false;
        if (axis->input.index != event && !is_any)
            continue;
        for (uint32_t p = 0; p < axis->n_points; p++) {
            bool is_none = axis->input.kind == ASY_IN_EVENT_COUNT ? axis->points[p].lo <= 0 : p == axis->null_point;
            bool is_some = axis->input.kind == ASY_IN_EVENT_COUNT ? axis->points[p].hi > 0 : p != axis->null_point;
            bool is_in = asy_lint_has_point(axis, box, p);
            has_none = has_none || (is_in && is_none);
            has_some = has_some || (is_in && is_some);
        }
        bool is_windowed = axis->input.kind == ASY_IN_EVENT_COUNT && axis->input.window_s != ASY_NO_WINDOW;
        *is_absent = *is_absent || (!has_some && !is_windowed);
        *is_there = *is_there || (!has_none && !is_any);
    }
}

static void add_events(const struct asy_lint *lint, const struct asy_score *score, const uint64_t *box,
                       struct asy_lint_range *range, bool *can_decay)
{
    for (uint32_t k = 0; k < score->n_events; k++) {
        const struct asy_event_rule *rule = &score->events[k];
        bool is_there = false, is_absent = false;
        look_at_event(lint, box, rule->event, &is_there, &is_absent);
        if (is_absent)
            continue;
        bool is_plain = !rule->each && rule->within_s == 0 && rule->where == NULL && rule->weight == ASY_WEIGHT_NONE;
        int64_t most = asy_lint_event_most(rule);
        asy_lint_range_add(range, is_there && is_plain ? most : most < 0 ? most : 0, is_there && is_plain ? most : most > 0 ? most : 0);
        *can_decay = true;
    }
}

static void add_filled(struct asy_lint *lint, const struct asy_score *score, const uint64_t *box, struct asy_lint_range *range)
{
    int64_t n = score->n_filled, n_lo = 0, n_hi = 0;
    for (uint32_t k = 0; k < score->n_filled; k++) {
        const struct asy_filled_item *item = &score->filled[k];
        bool can_be_empty = true, can_be_filled = true;
        if (item->field != ASY_NONE)
            can_be_empty = asy_lint_may_be_empty(lint->rules, item->field);
        for (uint32_t a = 0; a < lint->n_axes && item->field != ASY_NONE; a++) {
            const struct asy_lint_axis *axis = lint->axes[a];
            if (axis->kind != ASY_LINT_INPUT || axis->input.kind != ASY_IN_FIELD || axis->input.index != item->field)
                continue;
            can_be_empty = axis->null_point != ASY_NONE && asy_lint_has_point(axis, box, axis->null_point);
            can_be_filled = false;
            for (uint32_t p = 0; p < axis->n_points && !can_be_filled; p++)
                can_be_filled = p != axis->null_point && asy_lint_has_point(axis, box, p);
        }
        n_lo += !can_be_empty;
        n_hi += can_be_filled;
    }
    if (n > 0)
        asy_lint_range_add(range, n_lo * 100000 / n, (n_hi * 100000 + n - 1) / n);
}

static struct asy_lint_range span_of(struct asy_lint *lint, uint32_t number, const uint64_t *box, uint32_t *steps_left)
{
    const struct asy_score *score = &lint->rules->scores[number];
    const struct asy_lint_source *source = &lint->sources[number];
    struct asy_lint_range range = source->free;
    bool can_decay = false;
    for (uint32_t k = 0; k < source->n_ties; k++) {
        int64_t lo = 0, hi = 0;
        tie_range(&source->ties[k], box, &lo, &hi);
        asy_lint_range_add(&range, lo, hi);
    }
    for (uint32_t k = 0; k < source->n_whens; k++) {
        const struct when_part *when = &source->whens[k];
        uint8_t outcomes = asy_lint_outcomes(lint, when->cond, box, steps_left);
        int64_t points = when->points_milli;
        bool is_certain = outcomes == ASY_LINT_T, is_possible = outcomes & ASY_LINT_T;
        int64_t lo = is_certain || (is_possible && points < 0) ? points : 0;
        int64_t hi = is_certain || (is_possible && points > 0) ? points : 0;
        asy_lint_range_add(&range, lo, hi);
    }
    for (uint32_t k = 0; k < score->n_parts; k++)
        asy_lint_range_add(&range, lint->spans[score->parts[k]].lo, lint->spans[score->parts[k]].hi);
    add_events(lint, score, box, &range, &can_decay);
    if (score->kind == ASY_SCORE_FILLED)
        add_filled(lint, score, box, &range);
    uint32_t steps = 1 + source->n_ties + source->n_whens + score->n_events * (1 + lint->n_event_axes) + score->n_filled;
    *steps_left -= steps < *steps_left ? steps : *steps_left;
    asy_lint_range_finish(score, &range, can_decay);
    const struct asy_lint_range *most = &lint->ranges[number];
    range.lo = range.lo < most->lo ? most->lo : range.lo;
    range.hi = range.hi > most->hi ? most->hi : range.hi;
    return range;
}

/* -- do scores and box agree? ------------------------------------------------------------------------------------------ */

static int64_t to_milli(const struct asy_lint_axis *axis, int64_t units)
{
    int64_t milli = 0;
    if (__builtin_mul_overflow(units, 1000 / axis->unit_per_one, &milli) || milli > ASY_LINT_UNBOUNDED ||
        milli < -ASY_LINT_UNBOUNDED)
        return units < 0 ? -ASY_LINT_UNBOUNDED : ASY_LINT_UNBOUNDED;
    return milli;
}

/* Narrow the span of a score to its points in the box. False if it has none there. *is_settled: all of the span is there. */
static bool narrow(const struct asy_lint_axis *axis, const uint64_t *box, struct asy_lint_range *span, bool *is_settled)
{
    int64_t lo = 0, hi = 0;
    bool is_found = false;
    *is_settled = true;
    for (uint32_t p = 0; p < axis->n_points; p++) {
        int64_t from = to_milli(axis, axis->points[p].lo), to = to_milli(axis, axis->points[p].hi);
        if (from > span->hi || to < span->lo)
            continue;
        if (!asy_lint_has_point(axis, box, p)) {
            *is_settled = false;
            continue;
        }
        lo = is_found ? lo : from;
        hi = to;
        is_found = true;
    }
    span->lo = lo > span->lo ? lo : span->lo;
    span->hi = hi < span->hi ? hi : span->hi;
    return is_found;
}

/* What to split so that a score gets narrower: the table that makes the most difference, else a `when` rule. */
static void find_open(struct asy_lint *lint, uint32_t number, const uint64_t *box, struct asy_lint_open *open, int64_t *widest)
{
    const struct asy_lint_source *source = &lint->sources[number];
    const struct asy_score *score = &lint->rules->scores[number];
    for (uint32_t k = 0; k < source->n_ties; k++) {
        int64_t lo = 0, hi = 0;
        tie_range(&source->ties[k], box, &lo, &hi);
        if (hi - lo <= *widest)
            continue;
        *widest = hi - lo;
        open->axis = source->ties[k].axis;
    }
    for (uint32_t k = 0; k < source->n_whens && open->axis == NULL && open->cond == NULL; k++) {
        uint32_t steps = UINT32_MAX;
        uint8_t outcomes = asy_lint_outcomes(lint, source->whens[k].cond, box, &steps);
        if ((outcomes & ASY_LINT_T) && outcomes != ASY_LINT_T && source->whens[k].points_milli != 0)
            open->cond = source->whens[k].cond;
    }
    for (uint32_t k = 0; k < score->n_parts; k++)
        find_open(lint, score->parts[k], box, open, widest);
}

bool asy_lint_scores_agree(struct asy_lint *lint, const uint64_t *box, uint32_t *steps_left, struct asy_lint_open *open)
{
    int64_t widest = 0;
    *open = (struct asy_lint_open){NULL, NULL};
    for (uint32_t k = 0; k < lint->rules->n_scores; k++) {
        if (!lint->sources[k].is_wanted)
            continue;
        lint->spans[k] = span_of(lint, k, box, steps_left);
        bool is_settled = true;
        if (lint->sources[k].axis != NULL && !narrow(lint->sources[k].axis, box, &lint->spans[k], &is_settled))
            return false;
        if (!is_settled)
            find_open(lint, k, box, open, &widest);
    }
    return true;
}

/* -- one number for each score ------------------------------------------------------------------------------------------ */

static int64_t kept(const struct asy_score *score, int64_t sum)
{
    struct asy_lint_range range = {.raw_lo = sum, .raw_hi = sum};
    asy_lint_range_finish(score, &range, false);
    return range.lo;
}

static int64_t sum_of_parts(const struct asy_score *score, const int64_t *values)
{
    int64_t sum = 0;
    for (uint32_t k = 0; k < score->n_parts; k++)
        sum += values[score->parts[k]];
    return sum;
}

/* The least that a score can be in the box, from `from` on. */
static int64_t least(const struct asy_lint *lint, uint32_t number, const uint64_t *box, int64_t from)
{
    const struct asy_lint_axis *axis = lint->sources[number].axis;
    for (uint32_t p = 0; axis != NULL && p < axis->n_points; p++) {
        int64_t lo = to_milli(axis, axis->points[p].lo), hi = to_milli(axis, axis->points[p].hi);
        if (asy_lint_has_point(axis, box, p) && hi >= from)
            return lo > from ? lo : from;
    }
    return from;
}

/* Let a score be more, by at most `by`, as far as the box allows; its parts with it. */
static void raise(const struct asy_lint *lint, uint32_t number, int64_t by, int64_t *values)
{
    const struct asy_score *score = &lint->rules->scores[number];
    int64_t room = lint->spans[number].hi - values[number], wanted = by < room ? by : room;
    if (wanted <= 0)
        return;
    values[number] += wanted;
    for (uint32_t k = 0; k < score->n_parts; k++)
        raise(lint, score->parts[k], values[number] - sum_of_parts(score, values), values);
}

void asy_lint_pin_scores(struct asy_lint *lint, const uint64_t *box, int64_t *values)
{
    struct asy_lint_open open;
    uint32_t steps = UINT32_MAX;
    if (!asy_lint_scores_agree(lint, box, &steps, &open))
        return;
    for (uint32_t k = 0; k < lint->rules->n_scores; k++) {
        const struct asy_score *score = &lint->rules->scores[k];
        const struct asy_lint_range *span = &lint->spans[k];
        if (!lint->sources[k].is_wanted)
            continue;
        int64_t from = span->lo > -ASY_LINT_UNBOUNDED ? span->lo : span->hi < 0 ? span->hi : 0;
        if (score->kind == ASY_SCORE_SUM) {
            int64_t sum = kept(score, sum_of_parts(score, values));
            from = sum > from && sum <= span->hi ? sum : from;
        }
        values[k] = least(lint, k, box, from);
        for (uint32_t p = 0; p < score->n_parts && kept(score, sum_of_parts(score, values)) < values[k]; p++)
            raise(lint, score->parts[p], values[k] - sum_of_parts(score, values), values);
    }
}
