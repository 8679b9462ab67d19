/* Where a lead stands and what is sent to it: `lifecycle:` and `nurture:`. Who enters a stage or segment is evaluated; what happens
 * in a segment and how a lead leaves it is only checked. */
#include "rule/load_internal.h"

#define COUNT(a) (uint32_t)(sizeof(a) / sizeof((a)[0]))

/* The value of an `enter_when:`. */
static void read_enter(struct asy_loader *l, const struct asy_yaml *when, uint8_t scope, struct asy_test *test)
{
    *test = (struct asy_test){.when = asy_load_condition(l, when, scope), .call = ASY_NONE, .pos = when->pos};
}

/* -- lifecycle --------------------------------------------------------------------------------------------------- */

static void read_stage(struct asy_loader *l, const struct asy_yaml *map, struct asy_life_stage *stage, bool is_first)
{
    static const char *const known[] = {"stage", "owner", "enter_when", "require"};
    asy_load_keys(l, map, "a stage", known, COUNT(known));
    const struct asy_yaml *name = asy_load_need(l, map, "stage", "a stage"), *when = asy_yaml_get(map, "enter_when");
    const struct asy_yaml *require = asy_yaml_get(map, "require");
    stage->pos = map->pos;
    stage->name = asy_load_text_of(l, map, "stage");
    stage->owner = asy_load_text_of(l, map, "owner");
    asy_load_is_repeated(l, name ? name : map, "stage", &l->rules->stages[0].name, sizeof(*stage), (uint32_t)(stage - l->rules->stages));
    stage->test = (struct asy_test){.call = ASY_NONE, .is_otherwise = when == NULL, .pos = map->pos};
    if (when)
        read_enter(l, when, ASY_SCOPE_LIFECYCLE, &stage->test);
    else if (!is_first)
        asy_load_tell(l, "E0122", "missing-key", map, "a stage: `enter_when:` is missing; only the first stage can do without");
    if (!require || !asy_load_is_seq(l, require, "`require`"))
        return;
    stage->require = asy_load_alloc(l, require->n, sizeof(*stage->require));
    for (uint32_t i = 0; !l->no_memory && i < require->n; i++) {
        const int64_t field = asy_load_is_text(l, require->items[i], "a required field")
                                  ? asy_load_field(l, require->items[i], 0, require->items[i]->text) : -1;
        if (field < 0)
            continue;
        asy_load_need_field(l, (uint32_t)field, ASY_NEED_PRESENCE);
        stage->require[stage->n_require++] = (uint32_t)field;
    }
}

void asy_load_lifecycle(struct asy_loader *l)
{
    const struct asy_yaml *section = asy_yaml_get(l->root, "lifecycle");
    struct asy_rules *rules = l->rules;
    if (!asy_load_is_seq(l, section, "`lifecycle`"))
        return;
    rules->stages = asy_load_alloc(l, section->n, sizeof(*rules->stages));
    for (uint32_t i = 0; !l->no_memory && i < section->n; i++)
        if (asy_load_is_map(l, section->items[i], "a stage"))
            read_stage(l, section->items[i], &rules->stages[rules->n_stages++], i == 0);
}

/* -- nurture ----------------------------------------------------------------------------------------------------- */

/* "4 emails per month" */
static void check_rate(struct asy_loader *l, const struct asy_yaml *node, const char *what)
{
    struct asy_str thing, period;
    uint32_t n;
    bool is_good = false;
    if (!asy_load_is_text(l, node, what))
        return;
    if (asy_load_rate(node->text, &n, &thing, &period) && (asy_str_is(thing, "email") || asy_str_is(thing, "emails")))
        for (uint32_t i = 0; i < ASY_LOAD_PERIODS; i++)
            is_good |= asy_str_is(period, asy_load_periods[i]);
    if (!is_good)
        asy_load_tell(l, "E0124", "bad-value", node, "%s: expected a number of emails per day, week or month, as in `3 emails per month`, found %s",
                      what, asy_load_found(l, node));
}

static void check_leave(struct asy_loader *l, const struct asy_yaml *leave)
{
    static const char *const known[] = {"when", "to"};
    if (!leave || !asy_load_is_seq(l, leave, "`leave`"))
        return;
    for (uint32_t i = 0; !l->no_memory && i < leave->n; i++) {
        const struct asy_yaml *entry = leave->items[i];
        if (!asy_load_is_map(l, entry, "an item of `leave`"))
            continue;
        asy_load_keys(l, entry, "an item of `leave`", known, COUNT(known));
        asy_load_condition(l, asy_load_need(l, entry, "when", "an item of `leave`"), ASY_SCOPE_LEAVE);
        asy_load_is_text(l, asy_load_need(l, entry, "to", "an item of `leave`"), "`to`");
    }
}

static void read_segment(struct asy_loader *l, const struct asy_yaml *key, const struct asy_yaml *map)
{
    static const char *const known[] = {"enter_when", "send", "stay_at_most", "leave"};
    int64_t stay;
    if (!asy_load_is_map(l, map, "a nurture segment"))
        return;
    asy_load_keys(l, map, "a nurture segment", known, COUNT(known));
    const struct asy_yaml *enter = asy_yaml_get(map, "enter_when"), *stay_at_most = asy_yaml_get(map, "stay_at_most");
    if (enter) {
        struct asy_segment *segment = &l->rules->segments[l->rules->n_segments++];
        segment->name = key->text;
        segment->pos = key->pos;
        read_enter(l, enter, ASY_SCOPE_NURTURE, &segment->test);
    }
    check_rate(l, asy_load_need(l, map, "send", "a nurture segment"), "`send`");
    if (stay_at_most)
        asy_load_duration(l, stay_at_most, "`stay_at_most`", &stay);
    check_leave(l, asy_yaml_get(map, "leave"));
    l->has_nurture_exits |= stay_at_most != NULL || asy_yaml_get(map, "leave") != NULL;
}

void asy_load_nurture(struct asy_loader *l)
{
    const struct asy_yaml *section = asy_yaml_get(l->root, "nurture");
    if (!asy_load_is_map(l, section, "`nurture`"))
        return;
    l->rules->segments = asy_load_alloc(l, section->n, sizeof(*l->rules->segments));
    for (uint32_t i = 0; !l->no_memory && i < section->n; i++) {
        if (asy_str_is(section->keys[i]->text, "at_most"))
            check_rate(l, section->items[i], "`at_most`");
        else
            read_segment(l, section->keys[i], section->items[i]);
    }
}
