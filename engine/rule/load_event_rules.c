/* `events:` of a score: points for what a lead did. */
#include "base/time.h"
#include "rule/load_internal.h"

#define COUNT(a) (uint32_t)(sizeof(a) / sizeof((a)[0]))

static void read_at_most(struct asy_loader *l, const struct asy_yaml *node, struct asy_event_rule *rule)
{
    static const char *const periods[] = {"", "day", "week", "month"};
    struct asy_str thing, period;
    if (!asy_load_is_text(l, node, "`at_most`"))
        return;
    if (asy_load_rate(node->text, &rule->at_most, &thing, &period) && thing.len == 0)
        for (uint8_t i = ASY_PERIOD_DAY; i <= ASY_PERIOD_MONTH; i++)
            if (asy_str_is(period, periods[i]))
                rule->per = i;
    if (!rule->per)
        asy_load_tell(l, "E0124", "bad-value", node, "`at_most`: expected a number per day, week or month, as in `3 per day`, found %s",
                      asy_load_found(l, node));
}

static void read_weight(struct asy_loader *l, const struct asy_yaml *map, struct asy_event_rule *rule)
{
    const struct asy_yaml *half_life = asy_yaml_get(map, "half_life"), *linear = asy_yaml_get(map, "linear"), *by = asy_yaml_get(map, "by");
    const struct asy_yaml *span = half_life ? half_life : linear;
    rule->weight_unit_s = ASY_DAY_S;
    if (half_life && linear)
        asy_load_tell(l, "E0307", "event-rule", linear, "`half_life` and `linear` are two ways for points to fade; expected only one of them");
    if (by && asy_load_is_text(l, by, "`by`")) {
        if (asy_str_is(by->text, "hours"))
            rule->weight_unit_s = 3600;
        else if (!asy_str_is(by->text, "days"))
            asy_load_tell(l, "E0124", "bad-value", by, "`by`: expected `days` or `hours`, found %s", asy_load_found(l, by));
        if (!span)
            asy_load_tell(l, "E0307", "event-rule", by, "`by` says how the age of an event is counted for `half_life` or `linear`, and there is "
                          "neither");
    }
    int64_t seconds;
    if (!span || !asy_load_duration(l, span, half_life ? "`half_life`" : "`linear`", &seconds))
        return;
    if (seconds % rule->weight_unit_s != 0) {
        asy_load_tell(l, "E0307", "event-rule", span, "`%s`: expected whole %s, found %s%s", half_life ? "half_life" : "linear",
                      rule->weight_unit_s == 3600 ? "hours" : "days", asy_load_found(l, span),
                      rule->weight_unit_s == 3600 ? "" : "; with `by: hours` whole hours will do");
        return;
    }
    rule->weight = half_life ? ASY_WEIGHT_HALF_LIFE : ASY_WEIGHT_LINEAR;
    rule->weight_span = (uint32_t)(seconds / rule->weight_unit_s);
}

static void read_map(struct asy_loader *l, const struct asy_yaml *map, struct asy_event_rule *rule)
{
    static const char *const known[] = {"name", "each", "once", "max", "within", "at_most", "where", "half_life", "linear", "by"};
    const struct asy_yaml *each = asy_yaml_get(map, "each"), *once = asy_yaml_get(map, "once"), *max = asy_yaml_get(map, "max");
    const struct asy_yaml *within = asy_yaml_get(map, "within"), *at_most = asy_yaml_get(map, "at_most");
    const struct asy_yaml *where = asy_yaml_get(map, "where");
    asy_load_keys(l, map, "an event rule", known, COUNT(known));
    const struct asy_str name = asy_load_text_of(l, map, "name");
    if (name.len)
        rule->name = name;
    if (!each == !once)
        asy_load_tell(l, each ? "E0123" : "E0122", each ? "conflicting-keys" : "missing-key", each ? once : map,
                      "an event rule: expected either `each: POINTS` (for every event) or `once: POINTS` (for the latest one)");
    rule->each = each != NULL;
    const bool has_points = asy_load_points(l, each ? each : once, each ? "`each`" : "`once`", &rule->points_milli);
    if (max && asy_load_points(l, max, "`max`", &rule->max_milli)) {
        rule->has_max = true;
        const bool is_sign_wrong = rule->points_milli > 0 ? rule->max_milli <= 0 : rule->points_milli < 0 ? rule->max_milli >= 0 : false;
        if (has_points && is_sign_wrong)
            asy_load_tell(l, "E0308", "max-sign", max, "`max`: expected a number on the same side of 0 as the points, found %s",
                          asy_load_found(l, max));
    }
    if (within)
        asy_load_duration(l, within, "`within`", &rule->within_s);
    if (at_most)
        read_at_most(l, at_most, rule);
    read_weight(l, map, rule);
    if (where)
        rule->where = asy_load_condition(l, where, ASY_SCOPE_WHERE);
}

static void add_rule(struct asy_loader *l, const struct asy_yaml *key, const struct asy_yaml *node, uint32_t event,
                     struct asy_score *score, uint32_t *cap)
{
    struct asy_event_rule rule = {.name = key->text, .event = event, .pos = key->pos, .weight_unit_s = ASY_DAY_S};
    if (node->is_bad)
        return;
    if (node->kind == ASY_YAML_SCALAR)
        asy_load_points(l, node, "points", &rule.points_milli);
    else if (asy_load_is_map(l, node, "an event rule"))
        read_map(l, node, &rule);
    if (!asy_pool_grow(l->pool, (void **)&score->events, cap, score->n_events, sizeof(*score->events))) {
        l->no_memory = true;
        return;
    }
    score->events[score->n_events++] = rule;
}

void asy_load_event_rules(struct asy_loader *l, const struct asy_yaml *node, struct asy_score *score)
{
    uint32_t cap = 0;
    if (!asy_load_is_map(l, node, "`events` of a score"))
        return;
    for (uint32_t i = 0; !l->no_memory && i < node->n; i++) {
        const struct asy_yaml *key = node->keys[i], *value = node->items[i];
        const int64_t event = asy_load_event(l, key, 0, key->text);
        const uint32_t number = event >= 0 ? (uint32_t)event : 0; /* an unknown event's rule is still read for its own mistakes */
        if (value->kind != ASY_YAML_SEQ) {
            add_rule(l, key, value, number, score, &cap);
            continue;
        }
        if (value->n == 0)
            asy_load_tell(l, "E0307", "event-rule", value, "expected at least one rule for `%.*s`, found an empty list", ASY_ARG(key->text));
        for (uint32_t k = 0; !l->no_memory && k < value->n; k++)
            add_rule(l, key, value->items[k], number, score, &cap);
    }
}
