/* What each score can be, and what follows: bounds and grades out of reach, decay that does nothing. */
#include "rule/lint_internal.h"

enum { GRADES_MAX = 2000 }; /* each is compared with each */

struct asy_str asy_lint_milli(struct asy_lint *lint, int64_t milli)
{
    const char *sign = milli < 0 ? "-" : "";
    uint64_t size = milli < 0 ? (uint64_t)-milli : (uint64_t)milli;
    uint32_t part = (uint32_t)(size % 1000), digits = 3;
    if (part == 0)
        return asy_lint_printf(lint, "%s%llu", sign, (unsigned long long)(size / 1000));
    for (; part % 10 == 0; part /= 10)
        digits--;
    return asy_lint_printf(lint, "%s%llu.%0*u", sign, (unsigned long long)(size / 1000), (int)digits, part);
}

/* -- ranges ------------------------------------------------------------------------------------------------------ */

static int64_t clamp(int64_t value, int64_t lo, int64_t hi)
{
    return value < lo ? lo : value > hi ? hi : value;
}

void asy_lint_range_add(struct asy_lint_range *range, int64_t lo, int64_t hi)
{
    range->raw_lo = clamp(range->raw_lo + clamp(lo, -ASY_LINT_UNBOUNDED, ASY_LINT_UNBOUNDED), -ASY_LINT_UNBOUNDED,
                          ASY_LINT_UNBOUNDED);
    range->raw_hi = clamp(range->raw_hi + clamp(hi, -ASY_LINT_UNBOUNDED, ASY_LINT_UNBOUNDED), -ASY_LINT_UNBOUNDED,
                          ASY_LINT_UNBOUNDED);
}

static void add_maybe(struct asy_lint_range *range, int64_t points)
{
    asy_lint_range_add(range, points < 0 ? points : 0, points > 0 ? points : 0);
}

void asy_lint_add_plugin(struct asy_lint *lint, struct asy_lint_range *range, const struct asy_rule *rule)
{
    const struct asy_plugin_call *call = &lint->rules->calls[rule->call];
    /* Where its rule does not match it gives nothing. */
    asy_lint_range_add(range, call->points_lo_milli < 0 ? call->points_lo_milli : 0, call->points_hi_milli > 0 ? call->points_hi_milli : 0);
}

static void add_rule(struct asy_lint *lint, struct asy_lint_range *range, const struct asy_rule *rule)
{
    int64_t lo = 0, hi = 0;
    switch (rule->kind) {
    case ASY_RULE_TABLE:
        asy_lint_table_range(lint, rule, &lo, &hi);
        asy_lint_range_add(range, lo, hi);
        break;
    case ASY_RULE_WHEN:
        add_maybe(range, rule->points_milli);
        break;
    default:
        asy_lint_add_plugin(lint, range, rule);
        break;
    }
}

int64_t asy_lint_event_most(const struct asy_event_rule *rule)
{
    int64_t most = rule->points_milli;
    if (rule->each)
        most = rule->points_milli > 0 ? ASY_LINT_UNBOUNDED : rule->points_milli < 0 ? -ASY_LINT_UNBOUNDED : 0;
    if (rule->has_max && (rule->max_milli < 0 ? most < rule->max_milli : most > rule->max_milli))
        most = rule->max_milli;
    return most;
}

static bool is_always_filled(const struct asy_rules *rules, const struct asy_filled_item *item)
{
    return item->field != ASY_NONE && !asy_lint_may_be_empty(rules, item->field);
}

static int64_t round_to(int64_t milli, uint32_t decimals)
{
    static const int64_t units[] = {1000, 100, 10, 1};
    int64_t unit = units[decimals & 3], size = milli < 0 ? -milli : milli;
    if (size >= ASY_LINT_UNBOUNDED)
        return milli;
    size = (size + unit / 2) / unit * unit;
    return milli < 0 ? -size : size;
}

static int64_t share_left(int64_t milli, uint32_t share)
{
    int64_t kept = share >= ASY_SHARE_ONE ? 0 : ASY_SHARE_ONE - (int64_t)share;
    if (milli <= -ASY_LINT_UNBOUNDED || milli >= ASY_LINT_UNBOUNDED)
        return kept == 0 ? 0 : milli;
    return milli / ASY_SHARE_ONE * kept + milli % ASY_SHARE_ONE * kept / ASY_SHARE_ONE;
}

void asy_lint_range_finish(const struct asy_score *score, struct asy_lint_range *range, bool can_decay)
{
    range->lo = range->raw_lo;
    range->hi = range->raw_hi;
    if (score->has_keep) {
        range->lo = clamp(range->lo, score->keep_lo_milli, score->keep_hi_milli);
        range->hi = clamp(range->hi, score->keep_lo_milli, score->keep_hi_milli);
    }
    int64_t lo = range->lo, hi = range->hi;
    for (uint32_t k = 0; k < score->n_steps && can_decay; k++) {
        int64_t less_lo = share_left(lo, score->steps[k].share), less_hi = share_left(hi, score->steps[k].share);
        range->lo = less_lo < range->lo ? less_lo : range->lo;
        range->hi = less_hi > range->hi ? less_hi : range->hi;
    }
    range->lo = round_to(range->lo, score->decimals);
    range->hi = round_to(range->hi, score->decimals);
}

static void range_of(struct asy_lint *lint, uint32_t number)
{
    const struct asy_rules *rules = lint->rules;
    const struct asy_score *score = &rules->scores[number];
    struct asy_lint_range *range = &lint->ranges[number];
    for (uint32_t k = 0; k < score->n_rules; k++)
        add_rule(lint, range, &score->rules[k]);
    for (uint32_t k = 0; k < score->n_events; k++)
        add_maybe(range, asy_lint_event_most(&score->events[k]));
    for (uint32_t k = 0; k < score->n_parts; k++)
        asy_lint_range_add(range, lint->ranges[score->parts[k]].lo, lint->ranges[score->parts[k]].hi);
    uint32_t n_always = 0;
    for (uint32_t k = 0; k < score->n_filled; k++)
        n_always += is_always_filled(rules, &score->filled[k]);
    if (score->n_filled > 0)
        asy_lint_range_add(range, (int64_t)n_always * 100000 / score->n_filled, 100000);
    asy_lint_range_finish(score, range, score->n_events > 0);
}

void asy_lint_ranges(struct asy_lint *lint)
{
    lint->ranges = asy_lint_alloc(lint, lint->rules->n_scores, sizeof *lint->ranges);
    for (uint32_t k = 0; k < lint->rules->n_scores && lint->ranges != NULL; k++)
        range_of(lint, k);
}

/* -- findings ---------------------------------------------------------------------------------------------------- */

static void check_keep(struct asy_lint *lint, uint32_t number)
{
    const struct asy_score *score = &lint->rules->scores[number];
    const struct asy_lint_range *range = &lint->ranges[number];
    struct asy_str none = {"", 0};
    if (!score->has_keep || score->kind == ASY_SCORE_FILLED)
        return;
    if (range->raw_hi < score->keep_hi_milli) {
        struct asy_str reach = asy_lint_milli(lint, range->raw_hi), bound = asy_lint_milli(lint, score->keep_hi_milli);
        asy_lint_report(lint, "N0337", "keep-within-unreachable", score->keep_pos, 1,
                        asy_lint_printf(lint, "score.%.*s can reach at most %.*s of %.*s", ASY_ARG(score->name), ASY_ARG(reach),
                                        ASY_ARG(bound)),
                        none);
    }
    if (range->raw_lo > score->keep_lo_milli && score->keep_lo_milli < 0) {
        struct asy_str reach = asy_lint_milli(lint, range->raw_lo), bound = asy_lint_milli(lint, score->keep_lo_milli);
        asy_lint_report(lint, "N0337", "keep-within-unreachable", score->keep_pos, 1,
                        asy_lint_printf(lint, "score.%.*s never falls below %.*s, so not to %.*s", ASY_ARG(score->name),
                                        ASY_ARG(reach), ASY_ARG(bound)),
                        none);
    }
}

/* The loader sees to it that the days increase. */
static void check_decay(struct asy_lint *lint, const struct asy_score *score)
{
    struct asy_str none = {"", 0};
    if (score->n_steps > 0 && score->steps[0].share == 0)
        asy_lint_report(lint, "W0334", "decay-order", score->steps[0].pos, 1,
                        asy_lint_printf(lint, "a step that takes off 0%% does nothing"), none);
    for (uint32_t k = 1; k < score->n_steps; k++) {
        const struct asy_decay_step *step = &score->steps[k], *before = step - 1;
        struct asy_str share = asy_lint_milli(lint, step->share), share_before = asy_lint_milli(lint, before->share);
        if (step->share <= before->share)
            asy_lint_report(lint, "W0334", "decay-order", step->pos, 1,
                            asy_lint_printf(lint, "steps must increase: expected more than %.*s%% after %ud, found %.*s%%",
                                            ASY_ARG(share_before), step->days, ASY_ARG(share)),
                            none);
    }
}

static struct asy_str range_text(struct asy_lint *lint, uint32_t score)
{
    struct asy_str lo = asy_lint_milli(lint, lint->ranges[score].lo), hi = asy_lint_milli(lint, lint->ranges[score].hi);
    return asy_lint_printf(lint, "score.%.*s is between %.*s and %.*s", ASY_ARG(lint->rules->scores[score].name), ASY_ARG(lo),
                           ASY_ARG(hi));
}

static void check_grades(struct asy_lint *lint)
{
    const struct asy_rules *rules = lint->rules;
    struct asy_str none = {"", 0};
    if (rules->grade_by == ASY_NONE || rules->n_grades == 0)
        return;
    if (rules->n_grades > GRADES_MAX) {
        lint->is_search_cut = true;
        return;
    }
    const struct asy_lint_range *range = &lint->ranges[rules->grade_by];
    const struct asy_grade *lowest = &rules->grades[0];
    for (uint32_t k = 0; k < rules->n_grades; k++) {
        const struct asy_grade *grade = &rules->grades[k], *next = NULL;
        if (grade->from_milli < lowest->from_milli)
            lowest = grade;
        for (uint32_t i = 0; i < rules->n_grades; i++) {
            const struct asy_grade *other = &rules->grades[i];
            if (other->from_milli > grade->from_milli && (next == NULL || other->from_milli < next->from_milli))
                next = other;
        }
        bool is_too_high = grade->from_milli > range->hi, is_too_low = next != NULL && next->from_milli <= range->lo;
        if (is_too_high || is_too_low)
            asy_lint_report(lint, "W0338", "grade-unreachable", grade->pos, grade->name.len,
                            asy_lint_printf(lint, "no lead can be `%.*s`: %.*s", ASY_ARG(grade->name),
                                            ASY_ARG(range_text(lint, rules->grade_by))),
                            none);
    }
    if (lowest->from_milli > range->lo)
        asy_lint_report(lint, "W0339", "grade-hole", lowest->pos, lowest->name.len,
                        asy_lint_printf(lint, "leads below %.*s have no grade: %.*s",
                                        ASY_ARG(asy_lint_milli(lint, lowest->from_milli)),
                                        ASY_ARG(range_text(lint, rules->grade_by))),
                        none);
}

void asy_lint_scores(struct asy_lint *lint)
{
    for (uint32_t k = 0; k < lint->rules->n_scores && lint->ranges != NULL; k++) {
        check_keep(lint, k);
        check_decay(lint, &lint->rules->scores[k]);
    }
    if (lint->ranges != NULL)
        check_grades(lint);
}
