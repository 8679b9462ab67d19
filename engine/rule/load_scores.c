/* `scores:`: points from fields and conditions, sums, shares of filled fields. Event rules are in load_event_rules.c. */
#include <stdio.h>

#include "base/time.h"
#include "rule/load_internal.h"

#define COUNT(a) (uint32_t)(sizeof(a) / sizeof((a)[0]))

/* -- rules ------------------------------------------------------------------------------------------------------ */

/* Number of the field that a table is made by, or -1 after a finding. */
static int64_t read_by(struct asy_loader *l, const struct asy_yaml *by)
{
    const int64_t field = asy_load_is_text(l, by, "`by`") ? asy_load_field(l, by, 0, by->text) : -1;
    if (field < 0)
        return -1;
    if (l->rules->schema.fields[field].type != ASY_TIME)
        return field;
    asy_load_tell(l, "E0304", "table-key", by, "a table cannot be made by a time; use `when: days_since(%.*s) <= 30` and `points:`",
                  ASY_ARG(by->text));
    return -1;
}

static void read_table(struct asy_loader *l, const struct asy_yaml *by, const struct asy_yaml *points, struct asy_rule *rule)
{
    const int64_t field = read_by(l, by);
    rule->kind = ASY_RULE_TABLE;
    if (!points)
        return;
    if (points->kind == ASY_YAML_SCALAR && !points->is_bad) {
        asy_load_tell(l, "E0121", "wrong-kind", points, "`points`: with `by:` expected a table (lines of `value: points`), found %s; "
                      "one number goes with `when:`", asy_load_found(l, points));
        return;
    }
    if (!asy_load_is_map(l, points, "`points`"))
        return;
    if (points->n == 0)
        asy_load_tell(l, "E0304", "table-key", points, "`points`: expected lines of `value: points`, found none");
    struct asy_table table = {.field = field < 0 ? 0 : (uint32_t)field, .has_points = true, .what = "table"};
    for (uint32_t i = 0; !l->no_memory && i < points->n; i++) {
        int64_t milli = 0;
        asy_load_points(l, points->items[i], "points", &milli);
        if (field >= 0) /* what the keys mean depends on the field */
            asy_load_line(l, &table, points->keys[i], milli);
    }
    if (field < 0)
        return;
    asy_load_table_twice(l, &table);
    asy_load_table_overlaps(l, &table);
    rule->field = (uint32_t)field;
    rule->n_lines = table.n;
    rule->lines = table.lines;
    asy_load_need_field(l, rule->field, ASY_NEED_VALUE);
}

static void read_when_points(struct asy_loader *l, const struct asy_yaml *when, const struct asy_yaml *points, struct asy_rule *rule)
{
    rule->kind = ASY_RULE_WHEN;
    rule->when = asy_load_condition(l, when, ASY_SCOPE_SCORE);
    if (points && points->kind == ASY_YAML_MAP && !points->is_bad)
        asy_load_tell(l, "E0121", "wrong-kind", points, "`points`: with `when:` expected one number; a table goes with `by:`");
    else
        asy_load_points(l, points, "`points`", &rule->points_milli);
}

static void read_rule(struct asy_loader *l, const struct asy_yaml *map, struct asy_rule *rule)
{
    static const char *const known[] = {"name", "by", "points", "when", "plugin", "with"};
    const struct asy_yaml *by = asy_yaml_get(map, "by"), *when = asy_yaml_get(map, "when"), *plugin = asy_yaml_get(map, "plugin");
    const struct asy_yaml *points = asy_yaml_get(map, "points"), *with = asy_yaml_get(map, "with");
    asy_load_keys(l, map, "a rule", known, COUNT(known));
    rule->pos = map->pos;
    asy_load_need(l, map, "name", "a rule");
    rule->name = asy_load_text_of(l, map, "name");
    rule->call = ASY_NONE;
    const uint32_t n = (by != NULL) + (when != NULL) + (plugin != NULL);
    if (n == 0 && !asy_load_has_slip(map, "by") && !asy_load_has_slip(map, "when") && !asy_load_has_slip(map, "plugin"))
        asy_load_tell(l, "E0122", "missing-key", map, "a rule: expected `by: FIELD` with a table of points, `when: CONDITION` with a "
                      "number of points, or `plugin:`");
    if (n > 1)
        asy_load_tell(l, "E0123", "conflicting-keys", when ? when : plugin, "a rule: expected only one of `by:`, `when:` and `plugin:`");
    if (n != 1)
        return;
    if (with && !plugin)
        asy_load_tell(l, "E0123", "conflicting-keys", with, "a rule: `with:` gives a plugin its settings, and there is no `plugin:`");
    if (!plugin && !points && !asy_load_has_slip(map, "points"))
        asy_load_tell(l, "E0122", "missing-key", map, "a rule: `points:` is missing");
    if (by) {
        read_table(l, by, points, rule);
    } else if (when) {
        read_when_points(l, when, points, rule);
    } else {
        rule->kind = ASY_RULE_PLUGIN;
        if (points)
            asy_load_tell(l, "E0123", "conflicting-keys", points, "a rule: a plugin gives the points itself; remove `points:`");
        rule->call = asy_load_call(l, map, "scorer");
    }
}

static void read_rules(struct asy_loader *l, const struct asy_yaml *seq, struct asy_score *score)
{
    if (!asy_load_is_seq(l, seq, "`rules`"))
        return;
    score->rules = asy_load_alloc(l, seq->n, sizeof(*score->rules));
    for (uint32_t i = 0; !l->no_memory && i < seq->n; i++) {
        if (!asy_load_is_map(l, seq->items[i], "a rule"))
            continue;
        struct asy_rule *rule = &score->rules[score->n_rules++];
        read_rule(l, seq->items[i], rule);
        const struct asy_yaml *name = asy_yaml_get(seq->items[i], "name");
        asy_load_is_repeated(l, name ? name : seq->items[i], "rule", &score->rules[0].name, sizeof(*rule), score->n_rules - 1);
    }
}

/* -- what becomes of the sum ------------------------------------------------------------------------------------ */

static void read_decay(struct asy_loader *l, const struct asy_yaml *map, struct asy_score *score)
{
    if (!asy_load_is_map(l, map, "`decay`"))
        return;
    score->decay_pos = map->pos;
    if (map->n > ASY_DECAY_STEPS_MAX) {
        asy_load_tell(l, "E0306", "decay", map->keys[ASY_DECAY_STEPS_MAX], "`decay`: expected at most %d steps, found %u",
                      ASY_DECAY_STEPS_MAX, map->n);
        return;
    }
    score->steps = asy_load_alloc(l, map->n, sizeof(*score->steps));
    for (uint32_t i = 0; !l->no_memory && i < map->n; i++) {
        const struct asy_yaml *key = map->keys[i];
        struct asy_decay_step step = {.pos = key->pos};
        int64_t seconds;
        const bool has_share = asy_load_percent(l, map->items[i], "share taken off", &step.share);
        if (!asy_load_duration(l, key, "`decay`", &seconds))
            continue;
        if (seconds % ASY_DAY_S != 0) {
            asy_load_tell(l, "E0306", "decay", key, "`decay`: expected whole days such as 60d, found `%.*s`", ASY_ARG(key->text));
            continue;
        }
        step.days = (uint32_t)(seconds / ASY_DAY_S);
        if (score->n_steps && step.days <= score->steps[score->n_steps - 1].days) {
            asy_load_tell(l, "E0306", "decay", key, "`decay`: expected more days than the %u of the line above, found `%.*s`",
                          score->steps[score->n_steps - 1].days, ASY_ARG(key->text));
            continue;
        }
        if (has_share)
            score->steps[score->n_steps++] = step;
    }
}

static void read_sum(struct asy_loader *l, const struct asy_yaml *seq, struct asy_score *score)
{
    score->kind = ASY_SCORE_SUM;
    if (!asy_load_is_seq(l, seq, "`sum`"))
        return;
    if (seq->n == 0)
        asy_load_tell(l, "E0312", "sum", seq, "`sum`: expected names of scores above this one, found none");
    score->parts = asy_load_alloc(l, seq->n, sizeof(*score->parts));
    for (uint32_t i = 0; !l->no_memory && i < seq->n; i++) {
        const struct asy_yaml *item = seq->items[i];
        const int64_t part = asy_load_is_text(l, item, "a part of a sum") ? asy_load_score(l, item, item->text, false) : -1;
        bool is_twice = false;
        for (uint32_t k = 0; part >= 0 && k < score->n_parts; k++)
            is_twice |= score->parts[k] == (uint32_t)part;
        if (is_twice)
            asy_load_tell(l, "E0312", "sum", item, "`%.*s` is in the sum twice", ASY_ARG(item->text));
        else if (part >= 0)
            score->parts[score->n_parts++] = (uint32_t)part;
    }
}

static bool read_filled_item(struct asy_loader *l, const struct asy_yaml *item, struct asy_filled_item *out)
{
    const struct asy_str start = ASY_STR("events.");
    *out = (struct asy_filled_item){.name = item->text, .field = ASY_NONE, .event = ASY_ANY_EVENT};
    if (asy_str_starts(item->text, start)) {
        const struct asy_str name = {item->text.p + start.len, item->text.len - start.len};
        if (asy_str_is(name, "any"))
            return true;
        const int64_t event = asy_load_event(l, item, start.len, name);
        out->event = (uint32_t)event;
        return event >= 0;
    }
    const int64_t field = asy_load_field(l, item, 0, item->text);
    if (field < 0)
        return false;
    out->field = (uint32_t)field;
    asy_load_need_field(l, out->field, ASY_NEED_PRESENCE);
    return true;
}

static void read_filled(struct asy_loader *l, const struct asy_yaml *seq, struct asy_score *score)
{
    score->kind = ASY_SCORE_FILLED;
    if (!asy_load_is_seq(l, seq, "`filled`"))
        return;
    if (seq->n == 0)
        asy_load_tell(l, "E0312", "filled", seq, "`filled`: expected names of fields, found none");
    score->filled = asy_load_alloc(l, seq->n, sizeof(*score->filled));
    for (uint32_t i = 0; !l->no_memory && i < seq->n; i++) {
        const struct asy_yaml *item = seq->items[i];
        if (!asy_load_is_text(l, item, "a field") || !read_filled_item(l, item, &score->filled[score->n_filled]))
            continue;
        bool is_twice = false;
        for (uint32_t k = 0; k < score->n_filled; k++)
            is_twice |= asy_str_eq(score->filled[k].name, item->text);
        if (is_twice)
            asy_load_tell(l, "E0312", "filled", item, "`%.*s` is in the list twice", ASY_ARG(item->text));
        else
            score->n_filled++;
    }
}

static void read_score(struct asy_loader *l, const struct asy_yaml *key, const struct asy_yaml *map, struct asy_score *score)
{
    static const char *const known[] = {"rules", "events", "decay", "sum", "filled", "keep_within", "decimals"};
    score->kind = ASY_SCORE_POINTS;
    if (!asy_load_is_map(l, map, "a score"))
        return;
    asy_load_keys(l, map, "a score", known, COUNT(known));
    const struct asy_yaml *rules = asy_yaml_get(map, "rules"), *events = asy_yaml_get(map, "events");
    const struct asy_yaml *sum = asy_yaml_get(map, "sum"), *filled = asy_yaml_get(map, "filled");
    const struct asy_yaml *decay = asy_yaml_get(map, "decay"), *keep = asy_yaml_get(map, "keep_within");
    const struct asy_yaml *decimals = asy_yaml_get(map, "decimals");

    const struct asy_yaml *points = rules ? rules : events;
    if (!points && !sum && !filled)
        asy_load_tell(l, "E0301", "score-kind", key, "score `%.*s`: expected `rules:` or `events:`, `sum:`, or `filled:`",
                      ASY_ARG(key->text));
    if ((sum && filled) || ((sum || filled) && (points || decay)))
        asy_load_tell(l, "E0301", "score-kind", key, "score `%.*s` is made in two ways: expected `rules:` and `events:` (with `decay:`), or "
                      "only `sum:`, or only `filled:`", ASY_ARG(key->text));
    if (decay && points && !events)
        asy_load_tell(l, "W0313", "decay-without-events", decay, "`decay` has no effect: a score without `events:` is never idle");

    if (decimals)
        asy_load_count(l, decimals, "`decimals`", 0, 3, &score->decimals);
    for (uint32_t i = 0; i < map->n && points; i++) { /* in the order of the file: findings and terms follow it */
        if (map->items[i] == rules) {
            score->is_rules_first = score->n_events == 0;
            read_rules(l, rules, score);
        } else if (map->items[i] == events) {
            asy_load_event_rules(l, events, score);
        }
    }
    if (decay)
        read_decay(l, decay, score);
    if (sum)
        read_sum(l, sum, score);
    else if (filled)
        read_filled(l, filled, score);
    if (keep) {
        score->has_keep = asy_load_interval(l, keep, "`keep_within`", &score->keep_lo_milli, &score->keep_hi_milli);
        score->keep_pos = keep->pos;
    }
}

/* A score is a column of the output, beside these. */
static bool is_score_name(struct asy_loader *l, const struct asy_yaml *key)
{
    static const char *const columns[] = {"lead_id", "grade", "disqualified_by", "route", "owner", "flag", "respond_by", "recycle",
                                          "recycle_to", "recycle_due", "stage", "nurture", "reasons"};
    for (uint32_t i = 0; i < COUNT(columns); i++) {
        if (asy_str_is(key->text, columns[i])) {
            asy_load_tell(l, "E0233", "bad-name", key, "a score cannot be called `%s`: the output has a column of that name", columns[i]);
            return false;
        }
    }
    if (asy_load_is_identifier(key->text))
        return true;
    asy_load_tell(l, "E0233", "bad-name", key, "`%.*s` cannot name a score: expected letters, digits and `_`, and no reserved word",
                  ASY_ARG(key->text));
    return false;
}

void asy_load_scores(struct asy_loader *l)
{
    const struct asy_yaml *section = asy_yaml_get(l->root, "scores");
    struct asy_rules *rules = l->rules;
    if (!section)
        asy_load_tell(l, "E0122", "missing-key", l->root, "a rule file: `scores:` is missing");
    if (!asy_load_is_map(l, section, "`scores`"))
        return;
    if (section->n == 0)
        asy_load_tell(l, "E0122", "missing-key", section, "`scores`: expected at least one score");
    rules->scores = asy_load_alloc(l, section->n, sizeof(*rules->scores));
    if (!rules->scores)
        return;
    rules->n_scores = section->n; /* all names first: a score that is used too early is no unknown one */
    for (uint32_t i = 0; i < section->n; i++) {
        rules->scores[i].name = section->keys[i]->text;
        rules->scores[i].pos = section->keys[i]->pos;
        is_score_name(l, section->keys[i]);
    }
    for (uint32_t i = 0; !l->no_memory && i < section->n; i++) {
        l->scores_known = i;
        read_score(l, section->keys[i], section->items[i], &rules->scores[i]);
    }
    l->scores_known = section->n;
}
