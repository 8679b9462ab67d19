/* Boxes and leads as a person writes them. */
#include "rule/lint_internal.h"

#include "base/time.h"

static struct asy_str event_name(struct asy_lint *lint, const struct asy_cel_input *input)
{
    if (input->index == ASY_ANY_EVENT || input->index >= lint->rules->schema.n_events)
        return ASY_STR("any");
    return lint->rules->schema.events[input->index].name;
}

static struct asy_str window_text(struct asy_lint *lint, int64_t window_s)
{
    static const struct {
        int64_t unit_s;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    if (window_s == ASY_NO_WINDOW)
        return ASY_STR("");
    uint32_t k = 0;
    while (window_s % units[k].unit_s != 0)
        k++;
    return asy_lint_printf(lint, "(%lld%c)", (long long)(window_s / units[k].unit_s), units[k].letter);
}

static struct asy_str input_name(struct asy_lint *lint, const struct asy_cel_input *input)
{
    static const char *const segments[] = {"days", "idle_days", "points_gained"};
    const struct asy_rules *rules = lint->rules;
    struct asy_str event = event_name(lint, input), window = {"", 0};
    switch (input->kind) {
    case ASY_IN_FIELD:
        return rules->schema.fields[input->index].name;
    case ASY_IN_SCORE:
        return asy_lint_printf(lint, "score.%.*s", ASY_ARG(rules->scores[input->index].name));
    case ASY_IN_GRADE:
        return ASY_STR("grade");
    case ASY_IN_DISQUALIFIED:
        return ASY_STR("disqualified");
    case ASY_IN_STAGE:
        return ASY_STR("stage");
    case ASY_IN_NOW:
        return ASY_STR("now");
    case ASY_IN_EVENT_COUNT:
        window = window_text(lint, input->window_s);
        return asy_lint_printf(lint, "events.%.*s.count%.*s", ASY_ARG(event), ASY_ARG(window));
    case ASY_IN_EVENT_LAST:
        return asy_lint_printf(lint, "events.%.*s.days_ago", ASY_ARG(event));
    case ASY_IN_EVENT_FIRST:
        return asy_lint_printf(lint, "events.%.*s.first_days_ago", ASY_ARG(event));
    case ASY_IN_PROPERTY:
        return input->index < rules->schema.n_properties ? rules->schema.properties[input->index] : ASY_STR("property");
    case ASY_IN_SEGMENT:
        return asy_lint_printf(lint, "segment.%s", segments[input->index < 3 ? input->index : 0]);
    default:
        return ASY_STR("input");
    }
}

struct asy_str asy_lint_axis_name(struct asy_lint *lint, const struct asy_lint_axis *axis)
{
    switch (axis->kind) {
    case ASY_LINT_INPUT:
        return input_name(lint, &axis->input);
    case ASY_LINT_PLUGIN:
        return asy_lint_printf(lint, "plugin %.*s", ASY_ARG(lint->rules->plugins[lint->rules->calls[axis->call].plugin].name));
    case ASY_LINT_PAIR:
        return asy_lint_printf(lint, "%.*s", ASY_ARG(axis->a->text));
    case ASY_LINT_TERM:
        return axis->a->text;
    default:
        return asy_lint_printf(lint, "`%.*s`", ASY_ARG(axis->a->text));
    }
}

/* -- values ------------------------------------------------------------------------------------------------------ */

static struct asy_str whole_text(struct asy_lint *lint, const struct asy_lint_axis *axis, int64_t value)
{
    if (axis->type == ASY_CEL_TIME) {
        char text[32];
        uint32_t n = asy_time_format_s(value, text);
        return asy_lint_printf(lint, "%.*s", (int)n, text);
    }
    if (axis->type == ASY_CEL_DURATION)
        return asy_cel_value_text(&lint->pool, (struct asy_cel_value){.type = ASY_CEL_DURATION, .i = value});
    if (axis->unit_per_one == 1)
        return asy_lint_printf(lint, "%lld", (long long)value);
    return asy_lint_milli(lint, value * (1000 / axis->unit_per_one));
}

static struct asy_str real_text(struct asy_lint *lint, double value)
{
    char text[32];
    uint32_t n = asy_format_f64(value, text);
    return asy_lint_printf(lint, "%.*s", (int)n, text);
}

static struct asy_str point_text(struct asy_lint *lint, const struct asy_lint_axis *axis, uint32_t p)
{
    static const char *const truths[] = {"true", "false", "unknown"};
    static const char *const orders[] = {"<", "==", ">"};
    const struct asy_lint_point *point = &axis->points[p];
    switch (axis->kind) {
    case ASY_LINT_TRUTH:
    case ASY_LINT_PLUGIN:
        return asy_str_of(truths[p < 3 ? p : 2]);
    case ASY_LINT_PAIR:
        return asy_lint_printf(lint, "%s %.*s", orders[p < 3 ? p : 2], ASY_ARG(axis->b->text));
    default:
        break;
    }
    if (point->value.type == ASY_CEL_NULL)
        return ASY_STR("empty");
    if (axis->shape == ASY_LINT_WHOLE)
        return whole_text(lint, axis, point->value.i);
    if (axis->shape == ASY_LINT_REAL)
        return real_text(lint, point->value.d);
    if (point->value.type == ASY_CEL_BOOL)
        return point->value.b ? ASY_STR("true") : ASY_STR("false");
    return point->is_other ? ASY_STR("(any other)") : point->value.s;
}

/* -- sets of points ---------------------------------------------------------------------------------------------- */

static struct asy_str joined(struct asy_lint *lint, struct asy_str text, const char *comma, struct asy_str more)
{
    if (text.len == 0)
        return more;
    return asy_lint_printf(lint, "%.*s%s%.*s", ASY_ARG(text), comma, ASY_ARG(more));
}

static struct asy_str interval_text(struct asy_lint *lint, const struct asy_lint_axis *axis, uint32_t first, uint32_t last)
{
    const struct asy_lint_point *a = &axis->points[first], *b = &axis->points[last];
    if (axis->shape == ASY_LINT_WHOLE) {
        struct asy_str lo = whole_text(lint, axis, a->lo), hi = whole_text(lint, axis, b->hi);
        if (a->lo == b->hi)
            return lo;
        if (b->hi == INT64_MAX)
            return asy_lint_printf(lint, "%.*s+", ASY_ARG(lo));
        if (a->lo == INT64_MIN)
            return asy_lint_printf(lint, "up to %.*s", ASY_ARG(hi));
        return asy_lint_printf(lint, "%.*s..%.*s", ASY_ARG(lo), ASY_ARG(hi));
    }
    struct asy_str lo = real_text(lint, a->lo_d), hi = real_text(lint, b->hi_d);
    bool is_open_lo = a->lo_d < 0 && a->lo_d * 2 == a->lo_d, is_open_hi = b->hi_d > 0 && b->hi_d * 2 == b->hi_d;
    if (a->lo_d == b->hi_d)
        return lo;
    if (is_open_hi)
        return asy_lint_printf(lint, "%s %.*s", a->lo_d == a->hi_d ? "at least" : "above", ASY_ARG(lo));
    if (is_open_lo)
        return asy_lint_printf(lint, "%s %.*s", b->lo_d == b->hi_d ? "at most" : "below", ASY_ARG(hi));
    return asy_lint_printf(lint, "between %.*s and %.*s", ASY_ARG(lo), ASY_ARG(hi));
}

static struct asy_str numbers_text(struct asy_lint *lint, const struct asy_lint_axis *axis, const uint64_t *box)
{
    struct asy_str text = {"", 0};
    uint32_t n = axis->null_point != ASY_NONE ? axis->null_point : axis->n_points;
    for (uint32_t p = 0; p < n; p++) {
        if (!asy_lint_has_point(axis, box, p))
            continue;
        uint32_t last = p;
        while (last + 1 < n && asy_lint_has_point(axis, box, last + 1))
            last++;
        text = joined(lint, text, " or ", interval_text(lint, axis, p, last));
        p = last;
    }
    return text;
}

/* The list that a set of points is, or is not, if that is all there is to it. */
static struct asy_str list_text(struct asy_lint *lint, const struct asy_lint_axis *axis, const uint64_t *box)
{
    for (uint32_t k = 0; k < axis->n_leaves; k++) {
        const struct asy_lint_leaf *leaf = axis->leaves[k];
        if (leaf->node == NULL || leaf->node->op != ASY_CEL_IN_SET)
            continue;
        bool is_in = true, is_out = true;
        for (uint32_t p = 0; p < axis->n_points; p++) {
            bool has = asy_lint_has_point(axis, box, p), is_member = (leaf->mask[0][p / 64] >> (p % 64)) & 1;
            is_in = is_in && has == is_member;
            is_out = is_out && has != is_member;
        }
        if (is_in || is_out)
            return asy_lint_printf(lint, "%s %.*s", is_in ? "in" : "not in", ASY_ARG(leaf->node->set->name));
    }
    return (struct asy_str){"", 0};
}

/* Values of the points that are in the box (or not), joined by `or`; empty if they are too many to name. */
static struct asy_str members_text(struct asy_lint *lint, const struct asy_lint_axis *axis, const uint64_t *box, bool is_in)
{
    struct asy_str text = {"", 0};
    uint32_t n = 0;
    for (uint32_t p = 0; p < axis->n_points; p++) {
        const struct asy_lint_point *point = &axis->points[p];
        if (asy_lint_has_point(axis, box, p) != is_in)
            continue;
        if (p == axis->null_point) {
            text = joined(lint, text, " or ", ASY_STR("empty"));
            continue;
        }
        n += point->n_members;
        if (point->n_members == ASY_LINT_MANY || point->is_other || n > ASY_LINT_MEMBERS)
            return (struct asy_str){"", 0};
        for (uint32_t m = 0; m < point->n_members; m++)
            text = joined(lint, text, " or ", point->members[m]);
    }
    return text;
}

static uint32_t first_point(const struct asy_lint_axis *axis, const uint64_t *box)
{
    for (uint32_t p = 0; p < axis->n_points; p++)
        if (asy_lint_has_point(axis, box, p))
            return p;
    return 0;
}

static struct asy_str set_text(struct asy_lint *lint, const struct asy_lint_axis *axis, const uint64_t *box)
{
    bool is_text = axis->kind == ASY_LINT_INPUT || axis->kind == ASY_LINT_TERM;
    bool has_empty = axis->null_point != ASY_NONE && asy_lint_has_point(axis, box, axis->null_point);
    if (axis->shape != ASY_LINT_CHOICE && is_text) {
        struct asy_str text = numbers_text(lint, axis, box);
        return has_empty ? joined(lint, text, " or ", ASY_STR("empty")) : text;
    }
    if (!is_text || axis->type == ASY_CEL_BOOL) {
        struct asy_str text = {"", 0};
        for (uint32_t p = 0; p < axis->n_points; p++)
            if (asy_lint_has_point(axis, box, p))
                text = joined(lint, text, " or ", point_text(lint, axis, p));
        return text;
    }
    struct asy_str text = list_text(lint, axis, box);
    if (text.len > 0)
        return text;
    struct asy_str out = members_text(lint, axis, box, false), in = members_text(lint, axis, box, true);
    if (out.len > 0 && (in.len == 0 || out.len <= in.len))
        return asy_lint_printf(lint, "not %.*s", ASY_ARG(out));
    if (in.len > 0)
        return in;
    text = asy_lint_printf(lint, "such as %.*s", ASY_ARG(point_text(lint, axis, first_point(axis, box))));
    return text;
}

/* -- leads and boxes --------------------------------------------------------------------------------------------- */

/* Scores, what follows from them, fields, events, the rest; inside each the order of the file. */
static uint64_t print_rank(const struct asy_lint_axis *axis)
{
    uint64_t group = 9;
    if (axis->kind == ASY_LINT_INPUT) {
        switch (axis->input.kind) {
        case ASY_IN_SCORE:
            group = 0;
            break;
        case ASY_IN_GRADE:
        case ASY_IN_DISQUALIFIED:
            group = 1;
            break;
        case ASY_IN_STAGE:
            group = 2;
            break;
        case ASY_IN_FIELD:
            group = 3;
            break;
        default:
            group = 4;
            break;
        }
        return group << 40 | axis->input.index;
    }
    return group << 40 | axis->id;
}

static bool is_full(const struct asy_lint *lint, const struct asy_lint_axis *axis, const uint64_t *box)
{
    return memcmp(box + axis->first_word, lint->full + axis->first_word, axis->n_words * sizeof(uint64_t)) == 0;
}

/* The axis that comes next in print, or NULL. */
static const struct asy_lint_axis *next_axis(const struct asy_lint *lint, const uint64_t *box, const bool *is_shown, bool *is_done)
{
    const struct asy_lint_axis *best = NULL;
    for (uint32_t k = 0; k < lint->n_axes; k++) {
        const struct asy_lint_axis *axis = lint->axes[k];
        bool is_open = !is_done[k] && is_shown[k] && !is_full(lint, axis, box);
        if (is_open && (best == NULL || print_rank(axis) < print_rank(best)))
            best = axis;
    }
    if (best != NULL)
        is_done[best->id] = true;
    return best;
}

struct asy_str asy_lint_box(struct asy_lint *lint, const uint64_t *box, const bool *is_shown)
{
    struct asy_str text = {"", 0};
    const struct asy_lint_axis *axis = NULL;
    bool *is_done = asy_lint_alloc(lint, lint->n_axes, sizeof(bool));
    while (is_done != NULL && (axis = next_axis(lint, box, is_shown, is_done)) != NULL) {
        struct asy_str name = asy_lint_axis_name(lint, axis), value = set_text(lint, axis, box);
        text = joined(lint, text, ", ", asy_lint_printf(lint, "%.*s %.*s", ASY_ARG(name), ASY_ARG(value)));
    }
    return text;
}

/* Leave the first point of an axis with which there still is such a lead. */
static void choose_point(struct asy_lint *lint, const struct asy_lint_axis *axis, struct asy_lint_query *query, uint64_t *lead,
                         uint64_t *trial)
{
    query->start = trial;
    for (uint32_t p = 0; p < axis->n_points; p++) {
        if (!asy_lint_has_point(axis, lead, p))
            continue;
        memcpy(trial, lead, lint->n_words * sizeof(uint64_t));
        asy_lint_only_point(axis, trial, p);
        if (asy_lint_solve(lint, query) == ASY_LINT_YES) {
            memcpy(lead, trial, lint->n_words * sizeof(uint64_t));
            return;
        }
    }
}

static struct asy_str lead_value(struct asy_lint *lint, const struct asy_lint_axis *axis, const uint64_t *lead,
                                 const int64_t *scores)
{
    uint32_t p = first_point(axis, lead);
    if (axis->kind != ASY_LINT_INPUT || axis->input.kind != ASY_IN_SCORE)
        return point_text(lint, axis, p);
    int64_t units = scores[axis->input.index] / (1000 / axis->unit_per_one);
    bool is_inside = axis->points[p].lo <= units && units <= axis->points[p].hi;
    return is_inside ? whole_text(lint, axis, units) : point_text(lint, axis, p);
}

struct asy_str asy_lint_lead(struct asy_lint *lint, const uint64_t *box, struct asy_lint_query query, const bool *is_shown)
{
    struct asy_str text = {"", 0};
    const struct asy_lint_axis *axis = NULL;
    bool *is_done = asy_lint_alloc(lint, lint->n_axes, sizeof(bool));
    uint64_t *lead = asy_lint_alloc(lint, lint->n_words, sizeof *lead), *trial = asy_lint_alloc(lint, lint->n_words, sizeof *trial);
    int64_t *scores = asy_lint_alloc(lint, lint->rules->n_scores, sizeof *scores);
    if (lint->no_memory)
        return text;
    memcpy(lead, query.start != NULL ? query.start : lint->full, lint->n_words * sizeof(uint64_t));
    while ((axis = next_axis(lint, box, is_shown, is_done)) != NULL)
        choose_point(lint, axis, &query, lead, trial);
    query.start = lead;
    query.found = trial;
    if (asy_lint_solve(lint, &query) == ASY_LINT_YES) {
        memcpy(lead, trial, lint->n_words * sizeof(uint64_t));
        asy_lint_pin_scores(lint, lead, scores);
    }
    memset(is_done, 0, lint->n_axes * sizeof(bool));
    while ((axis = next_axis(lint, box, is_shown, is_done)) != NULL) {
        struct asy_str name = asy_lint_axis_name(lint, axis), value = lead_value(lint, axis, lead, scores);
        text = joined(lint, text, ", ", asy_lint_printf(lint, "%.*s %.*s", ASY_ARG(name), ASY_ARG(value)));
    }
    return text.len > 0 ? text : ASY_STR("any lead");
}
