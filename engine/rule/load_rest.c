/* The sections that are checked and not evaluated: `calendar:`, `slas:`, `targets:` and `attribution:`. Names and types in them are held
 * to the rest of the file. */
#include <stdio.h>

#include "base/zone.h"
#include "rule/load_internal.h"

#define COUNT(a) (uint32_t)(sizeof(a) / sizeof((a)[0]))

const char *const asy_load_periods[ASY_LOAD_PERIODS] = {"day", "week", "month", "quarter", "year"};

/* -- calendar ---------------------------------------------------------------------------------------------------- */

static bool read_clock(struct asy_str s, uint32_t *minutes)
{
    int64_t hour, minute;
    if (s.len != 5 || s.p[2] != ':' || !asy_parse_i64((struct asy_str){s.p, 2}, &hour) ||
        !asy_parse_i64((struct asy_str){s.p + 3, 2}, &minute) || hour < 0 || minute < 0 || minute > 59 || hour * 60 + minute > 1440)
        return false;
    *minutes = (uint32_t)(hour * 60 + minute);
    return true;
}

static bool is_day(struct asy_str s)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    for (uint32_t i = 0; i < 7; i++)
        if (asy_str_is(s, days[i]))
            return true;
    return false;
}

/* "Mon-Fri 09:00-18:00" */
static bool is_business_hours(struct asy_str s)
{
    const int64_t blank = asy_str_find(s, ASY_STR(" "));
    if (blank < 0)
        return false;
    const struct asy_str days = {s.p, (uint32_t)blank}, hours = asy_str_trim((struct asy_str){s.p + blank, s.len - (uint32_t)blank});
    const int64_t day_dash = asy_str_find(days, ASY_STR("-")), hour_dash = asy_str_find(hours, ASY_STR("-"));
    uint32_t from, to;
    const bool are_days = day_dash < 0 ? is_day(days)
                                       : is_day((struct asy_str){days.p, (uint32_t)day_dash}) &&
                                             is_day((struct asy_str){days.p + day_dash + 1, days.len - (uint32_t)day_dash - 1});
    return are_days && hour_dash > 0 && read_clock((struct asy_str){hours.p, (uint32_t)hour_dash}, &from) &&
           read_clock((struct asy_str){hours.p + hour_dash + 1, hours.len - (uint32_t)hour_dash - 1}, &to) && from < to;
}

void asy_load_calendar(struct asy_loader *l)
{
    static const char *const known[] = {"timezone", "business_hours"};
    const struct asy_yaml *map = asy_yaml_get(l->root, "calendar");
    l->has_calendar = map != NULL;
    if (!asy_load_is_map(l, map, "`calendar`"))
        return;
    asy_load_keys(l, map, "`calendar`", known, COUNT(known));
    const struct asy_yaml *zone = asy_yaml_get(map, "timezone"), *hours = asy_yaml_get(map, "business_hours");
    if (zone && asy_load_is_text(l, zone, "`timezone`")) {
        const char *problem = NULL;
        struct asy_pool scratch;
        asy_pool_init(&scratch, l->pool->mem);
        /* A warning only: whether the zone is known depends on the machine, and a rule file is good or not everywhere. */
        const struct asy_zone *found = asy_zone_load(&scratch, zone->text, &problem);
        if (scratch.has_failed)
            l->no_memory = true;
        else if (!found)
            asy_load_tell(l, "W0509", "timezone", zone, "`timezone`: `%.*s`: %s", ASY_ARG(zone->text),
                          problem ? problem : "it cannot be found on this machine");
        asy_pool_fini(&scratch);
    }
    if (hours && asy_load_is_text(l, hours, "`business_hours`") && !is_business_hours(hours->text))
        asy_load_tell(l, "E0507", "calendar", hours, "`business_hours`: expected days and hours as in `Mon-Fri 09:00-18:00`, found %s",
                      asy_load_found(l, hours));
}

/* -- slas -------------------------------------------------------------------------------------------------------- */

/* A stage by name at byte `offset` of the node's text. */
static void check_stage(struct asy_loader *l, const struct asy_yaml *node, uint32_t offset, struct asy_str name)
{
    const struct asy_rules *rules = l->rules;
    const struct asy_yaml *section = asy_yaml_get(l->root, "lifecycle");
    for (uint32_t i = 0; i < rules->n_stages; i++)
        if (asy_str_eq(rules->stages[i].name, name))
            return;
    if (section && section->kind != ASY_YAML_SEQ)
        return; /* told already */
    struct asy_str *names = asy_load_alloc(l, asy_load_hints(l, rules->n_stages), sizeof(*names));
    for (uint32_t i = 0; names && i < rules->n_stages; i++)
        names[i] = rules->stages[i].name;
    asy_diag_add(l->diags, "E0203", "unknown-name", asy_yaml_place(node, rules->source, offset), name.len, "`%.*s` is not a stage%s", ASY_ARG(name),
                 names ? asy_load_hint(l, name, names, rules->n_stages) : section ? "" : "; the file has no `lifecycle:`");
}

static bool fits_field(const struct asy_field *field, struct asy_str value)
{
    int64_t i;
    double d;
    bool b;
    switch (field->type) {
    case ASY_INT:
        return asy_parse_i64(value, &i);
    case ASY_NUMBER:
        return asy_parse_f64(value, &d);
    case ASY_BOOL:
        return asy_parse_bool(value, &b);
    case ASY_COUNTRY:
        return asy_country_code(value) != 0;
    case ASY_ENUM:
        for (uint32_t k = 0; k < field->n_values; k++)
            if (asy_str_eq(field->values[k], value))
                return true;
        return false;
    case ASY_TIME:
        return false;
    default:
        return value.len > 0;
    }
}

/* stage.NAME, stage.changed, routed, FIELD, or FIELD = VALUE */
static void check_milestone(struct asy_loader *l, const struct asy_yaml *node, const char *what)
{
    const struct asy_str start = ASY_STR("stage.");
    if (!asy_load_is_text(l, node, what))
        return;
    const struct asy_str s = node->text;
    if (asy_str_is(s, "routed"))
        return;
    if (asy_str_starts(s, start)) {
        const struct asy_str name = {s.p + start.len, s.len - start.len};
        if (!asy_str_is(name, "changed"))
            check_stage(l, node, start.len, name);
        return;
    }
    const int64_t sign = asy_str_find(s, ASY_STR("="));
    const struct asy_str name = asy_str_trim((struct asy_str){s.p, sign < 0 ? s.len : (uint32_t)sign});
    const int64_t field = asy_load_field(l, node, 0, name);
    if (field < 0 || sign < 0)
        return;
    const struct asy_field *f = &l->rules->schema.fields[field];
    const struct asy_str value = asy_str_trim((struct asy_str){s.p + sign + 1, s.len - (uint32_t)sign - 1});
    if (fits_field(f, value))
        return;
    const char *hint = f->type == ASY_ENUM ? asy_load_hint(l, value, f->values, f->n_values) : "";
    asy_diag_add(l->diags, "E0205", "impossible-value", asy_yaml_place(node, l->rules->source, value.len ? (uint32_t)(value.p - s.p) : (uint32_t)sign),
                 value.len, "`%.*s` is never `%.*s`%s", ASY_ARG(name), ASY_ARG(value), hint);
}

void asy_load_slas(struct asy_loader *l)
{
    static const char *const known[] = {"name", "clock", "from", "until", "within"};
    static const char *const clocks[] = {"business_hours", "always"};
    const struct asy_yaml *section = asy_yaml_get(l->root, "slas");
    if (!asy_load_is_seq(l, section, "`slas`"))
        return;
    for (uint32_t i = 0; !l->no_memory && i < section->n; i++) {
        const struct asy_yaml *map = section->items[i];
        int64_t within;
        if (!asy_load_is_map(l, map, "an SLA"))
            continue;
        asy_load_keys(l, map, "an SLA", known, COUNT(known));
        asy_load_is_text(l, asy_load_need(l, map, "name", "an SLA"), "`name`");
        check_milestone(l, asy_load_need(l, map, "from", "an SLA"), "`from`");
        check_milestone(l, asy_load_need(l, map, "until", "an SLA"), "`until`");
        asy_load_duration(l, asy_load_need(l, map, "within", "an SLA"), "`within`", &within);
        const struct asy_yaml *clock = asy_yaml_get(map, "clock");
        if (clock && asy_load_is_one_of(l, clock, "`clock`", clocks, COUNT(clocks)) && asy_str_is(clock->text, "business_hours") && !l->has_calendar)
            asy_load_tell(l, "E0504", "sla", clock, "`clock: business_hours` needs a `calendar:` at the top of the file");
    }
}

/* -- targets ----------------------------------------------------------------------------------------------------- */

/* What stands between `name(` and the `)` at the end. */
static bool is_call(struct asy_str s, const char *name, struct asy_str *inside)
{
    const struct asy_str start = asy_str_of(name);
    if (!asy_str_starts(s, start) || s.len <= start.len + 1 || s.p[start.len] != '(' || s.p[s.len - 1] != ')')
        return false;
    *inside = asy_str_trim((struct asy_str){s.p + start.len + 1, s.len - start.len - 2});
    return true;
}

static void check_measure(struct asy_loader *l, const struct asy_yaml *node)
{
    struct asy_str inside;
    if (!asy_load_is_text(l, node, "`measure`"))
        return;
    const struct asy_str s = node->text, start = ASY_STR("stage.");
    if (is_call(s, "count", &inside) && asy_str_starts(inside, start)) {
        const struct asy_str name = {inside.p + start.len, inside.len - start.len};
        check_stage(l, node, (uint32_t)(name.p - s.p), name);
        return;
    }
    if (is_call(s, "rate", &inside) && asy_str_find(inside, ASY_STR("->")) > 0) {
        const int64_t arrow = asy_str_find(inside, ASY_STR("->"));
        const struct asy_str a = asy_str_trim((struct asy_str){inside.p, (uint32_t)arrow});
        const struct asy_str b = asy_str_trim((struct asy_str){inside.p + arrow + 2, inside.len - (uint32_t)arrow - 2});
        check_stage(l, node, (uint32_t)(a.p - s.p), a);
        check_stage(l, node, (uint32_t)(b.p - s.p), b);
        return;
    }
    if (is_call(s, "share", &inside)) {
        asy_load_condition_part(l, node, (uint32_t)(inside.p - s.p), inside.len, ASY_SCOPE_TARGET);
        return;
    }
    asy_load_tell(l, "E0505", "target", node, "`measure`: expected count(stage.NAME), rate(STAGE -> STAGE) or share(CONDITION), found %s",
                  asy_load_found(l, node));
}

static bool is_amount(struct asy_str s)
{
    int64_t milli;
    const struct asy_str number = {s.p, s.len && s.p[s.len - 1] == '%' ? s.len - 1 : s.len};
    return asy_load_read_milli(number, &milli) == ASY_READ_OK;
}

/* "below 20% for 2 months" */
static bool is_alarm(struct asy_str s)
{
    struct asy_str words[6];
    uint32_t n = 0;
    for (uint32_t i = 0; i < s.len && n < 6;) {
        while (i < s.len && s.p[i] == ' ')
            i++;
        const uint32_t from = i;
        while (i < s.len && s.p[i] != ' ')
            i++;
        if (i > from)
            words[n++] = (struct asy_str){s.p + from, i - from};
    }
    if ((n != 2 && n != 5) || (!asy_str_is(words[0], "below") && !asy_str_is(words[0], "above")) || !is_amount(words[1]))
        return false;
    if (n == 2)
        return true;
    int64_t count;
    bool is_period = false;
    for (uint32_t i = 0; i < ASY_LOAD_PERIODS; i++) {
        const struct asy_str p = asy_str_of(asy_load_periods[i]);
        is_period |= asy_str_starts(words[4], p) && (words[4].len == p.len || (words[4].len == p.len + 1 && words[4].p[p.len] == 's'));
    }
    return asy_str_is(words[2], "for") && asy_parse_i64(words[3], &count) && count > 0 && is_period;
}

void asy_load_targets(struct asy_loader *l)
{
    static const char *const known[] = {"name", "measure", "per", "at_least", "at_most", "alarm"};
    const struct asy_yaml *section = asy_yaml_get(l->root, "targets");
    if (!asy_load_is_seq(l, section, "`targets`"))
        return;
    for (uint32_t i = 0; !l->no_memory && i < section->n; i++) {
        const struct asy_yaml *map = section->items[i];
        if (!asy_load_is_map(l, map, "a target"))
            continue;
        asy_load_keys(l, map, "a target", known, COUNT(known));
        asy_load_is_text(l, asy_load_need(l, map, "name", "a target"), "`name`");
        check_measure(l, asy_load_need(l, map, "measure", "a target"));
        const struct asy_yaml *per = asy_yaml_get(map, "per"), *least = asy_yaml_get(map, "at_least"), *most = asy_yaml_get(map, "at_most");
        const struct asy_yaml *alarm = asy_yaml_get(map, "alarm"), *amount = least ? least : most;
        if (per)
            asy_load_is_one_of(l, per, "`per`", asy_load_periods, ASY_LOAD_PERIODS);
        if (!least == !most)
            asy_load_tell(l, least ? "E0123" : "E0122", least ? "conflicting-keys" : "missing-key", least ? most : map,
                          "a target: expected either `at_least:` or `at_most:`");
        if (amount && asy_load_is_text(l, amount, least ? "`at_least`" : "`at_most`") && !is_amount(amount->text))
            asy_load_tell(l, "E0505", "target", amount, "`%s`: expected a number or a percentage, found %s", least ? "at_least" : "at_most",
                          asy_load_found(l, amount));
        if (alarm && asy_load_is_text(l, alarm, "`alarm`") && !is_alarm(alarm->text))
            asy_load_tell(l, "E0505", "target", alarm, "`alarm`: expected a text such as `below 20%% for 2 months`, found %s",
                          asy_load_found(l, alarm));
    }
}

/* -- attribution ------------------------------------------------------------------------------------------------- */

static void read_credit(struct asy_loader *l, const struct asy_yaml *credit)
{
    static const char *const known[] = {"share", "to"};
    uint64_t sum = 0;
    bool is_complete = true;
    if (!asy_load_is_map(l, credit, "`credit`"))
        return;
    for (uint32_t i = 0; i < credit->n; i++) {
        const struct asy_yaml *map = credit->items[i];
        uint32_t share = 0;
        if (!asy_load_is_map(l, map, "a line of `credit`")) {
            is_complete = false;
            continue;
        }
        asy_load_keys(l, map, "a line of `credit`", known, COUNT(known));
        is_complete &= asy_load_percent(l, asy_load_need(l, map, "share", "a line of `credit`"), "`share`", &share);
        if (asy_yaml_get(map, "to"))
            asy_load_is_text(l, asy_yaml_get(map, "to"), "`to`");
        sum += share;
    }
    if (!is_complete || sum == ASY_SHARE_ONE)
        return;
    char text[32];
    const uint32_t len = asy_format_f64((double)sum / 1000.0, text);
    asy_load_tell(l, "E0501", "credit-sum", credit, "credit adds up to %.*s%%, not 100%%", (int)len, text);
}

void asy_load_attribution(struct asy_loader *l)
{
    static const char *const known[] = {"model", "credit"};
    static const char *const models[] = {"first_touch", "last_touch", "linear", "u_shaped", "w_shaped", "time_decay", "custom"};
    const struct asy_yaml *section = asy_yaml_get(l->root, "attribution");
    if (!asy_load_is_map(l, section, "`attribution`"))
        return;
    asy_load_keys(l, section, "`attribution`", known, COUNT(known));
    asy_load_is_one_of(l, asy_load_need(l, section, "model", "`attribution`"), "`model`", models, COUNT(models));
    read_credit(l, asy_yaml_get(section, "credit"));
}
