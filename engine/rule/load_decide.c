/* What is decided about a lead: `grades:`, `disqualify:`, `routes:`, `recycle:`. Teams are in load_teams.c. */
#include <stdio.h>

#include "rule/load_internal.h"

#define COUNT(a) (uint32_t)(sizeof(a) / sizeof((a)[0]))

enum { GRADES_MAX = 250 }; /* a grade is one byte in the results */

/* -- grades ------------------------------------------------------------------------------------------------------ */

static void read_grade(struct asy_loader *l, const struct asy_yaml *key, const struct asy_yaml *map, struct asy_grade *grade)
{
    static const char *const known[] = {"from", "so"};
    grade->name = key->text;
    grade->pos = key->pos;
    grade->so = ASY_STR("");
    if (asy_str_is(key->text, "disqualified"))
        asy_load_tell(l, "E0233", "bad-name", key, "a grade cannot be called `disqualified`: the output says so of leads that are");
    if (!map->is_bad && map->kind != ASY_YAML_MAP) {
        asy_load_tell(l, "E0121", "wrong-kind", map, "a grade: expected `{from: POINTS}`, found %s", asy_load_found(l, map));
        return;
    }
    if (map->is_bad)
        return;
    asy_load_keys(l, map, "a grade", known, COUNT(known));
    const struct asy_yaml *from = asy_load_need(l, map, "from", "a grade");
    grade->so = asy_load_text_of(l, map, "so");
    if (!asy_load_points(l, from, "`from`", &grade->from_milli))
        return;
    for (uint32_t k = 0; k < l->rules->n_grades; k++)
        if (l->rules->grades[k].from_milli == grade->from_milli)
            asy_load_tell(l, "E0311", "grade-from", from, "grades `%.*s` and `%.*s` start at the same score", ASY_ARG(l->rules->grades[k].name),
                          ASY_ARG(key->text));
}

void asy_load_grades(struct asy_loader *l)
{
    const struct asy_yaml *section = asy_yaml_get(l->root, "grades");
    struct asy_rules *rules = l->rules;
    rules->grade_by = ASY_NONE;
    if (!asy_load_is_map(l, section, "`grades`"))
        return;
    const struct asy_yaml *by = asy_load_need(l, section, "by", "`grades`");
    if (asy_load_is_text(l, by, "`by`")) {
        const int64_t score = asy_load_score(l, by, by->text, true);
        rules->grade_by = score >= 0 ? (uint32_t)score : ASY_NONE;
    }
    if (section->n > GRADES_MAX) {
        asy_load_tell(l, "E0124", "bad-value", section, "`grades`: expected at most %d, found %u", GRADES_MAX, section->n);
        return;
    }
    rules->grades = asy_load_alloc(l, section->n, sizeof(*rules->grades));
    for (uint32_t i = 0; !l->no_memory && i < section->n; i++) {
        if (asy_str_is(section->keys[i]->text, "by"))
            continue;
        read_grade(l, section->keys[i], section->items[i], &rules->grades[rules->n_grades]);
        rules->n_grades++;
    }
    if (rules->n_grades == 0)
        asy_load_tell(l, "E0122", "missing-key", section, "`grades`: expected lines of `name: {from: POINTS}`");
}

/* -- disqualify -------------------------------------------------------------------------------------------------- */

static struct asy_str read_name(struct asy_loader *l, const struct asy_yaml *map, const char *what)
{
    asy_load_need(l, map, "name", what);
    return asy_load_text_of(l, map, "name");
}

void asy_load_disqualify(struct asy_loader *l)
{
    static const char *const known[] = {"name", "when", "plugin", "with", "reason"};
    const struct asy_yaml *section = asy_yaml_get(l->root, "disqualify");
    struct asy_rules *rules = l->rules;
    if (!asy_load_is_seq(l, section, "`disqualify`"))
        return;
    rules->disqualify = asy_load_alloc(l, section->n, sizeof(*rules->disqualify));
    for (uint32_t i = 0; !l->no_memory && i < section->n; i++) {
        const struct asy_yaml *map = section->items[i];
        if (!asy_load_is_map(l, map, "a disqualifier"))
            continue;
        struct asy_disqualifier *d = &rules->disqualify[rules->n_disqualify++];
        asy_load_keys(l, map, "a disqualifier", known, COUNT(known));
        d->pos = map->pos;
        d->name = read_name(l, map, "a disqualifier");
        d->reason = asy_load_text_of(l, map, "reason");
        asy_load_test(l, map, "a disqualifier", ASY_SCOPE_DISQUALIFY, "disqualifier", false, &d->test);
        const struct asy_yaml *name = asy_yaml_get(map, "name");
        asy_load_is_repeated(l, name ? name : map, "disqualifier", &rules->disqualify[0].name, sizeof(*d), rules->n_disqualify - 1);
    }
}

/* -- routes ------------------------------------------------------------------------------------------------------ */

/* The fields that a condition tests with `in LIST`. */
struct list_tests {
    const struct asy_cel_set *set;
    uint32_t n;
    uint32_t field;
};

static void find_list_test(void *ctx, const struct asy_cel_node *node)
{
    struct list_tests *tests = ctx;
    if (node->op != ASY_CEL_IN_SET || node->set != tests->set || node->n_args < 1)
        return;
    const struct asy_cel_node *what = node->args[0];
    const bool is_field = what->op == ASY_CEL_INPUT && what->input.kind == ASY_IN_FIELD;
    if (is_field && tests->n && tests->field == what->input.index)
        return;
    tests->n += is_field ? 1 : 2; /* something else than a field cannot be looked up */
    tests->field = is_field ? what->input.index : tests->field;
}

static void read_list_owner(struct asy_loader *l, const struct asy_yaml *node, const struct asy_yaml *map, struct asy_route *route)
{
    const int64_t list = asy_load_list(l, node, 0, node->text);
    if (list < 0 || l->is_list_bad[list])
        return;
    route->assign = ASY_ASSIGN_LIST_OWNER;
    route->list = (uint32_t)list;
    if (!l->rules->lists[list].owners) {
        asy_load_tell(l, "E0406", "owner-of", node, "list `%.*s` names no owners: expected a list file with a column `owner`",
                      ASY_ARG(node->text));
        return;
    }
    if (!asy_yaml_get(map, "when") || asy_yaml_get(map, "when")->is_bad)
        return;
    struct list_tests tests = {.set = &l->rules->lists[list].set};
    if (route->test.when)
        asy_cel_walk(route->test.when, find_list_test, &tests);
    else
        return;
    route->list_field = tests.field;
    if (tests.n == 1)
        asy_load_need_field(l, tests.field, ASY_NEED_VALUE);
    else
        asy_load_tell(l, "E0406", "owner-of", node, "the owner is looked up by the field that the route tests with `in %.*s`: expected one "
                      "such field in its `when:`, found %s", ASY_ARG(node->text), tests.n ? "several" : "none");
}

static int64_t find_team(struct asy_loader *l, const struct asy_yaml *node)
{
    const struct asy_rules *rules = l->rules;
    for (uint32_t i = 0; i < rules->n_teams; i++)
        if (asy_str_eq(rules->teams[i].name, node->text))
            return i;
    if (asy_load_is_unreadable(l, "teams"))
        return -2;
    struct asy_str *names = asy_load_alloc(l, asy_load_hints(l, rules->n_teams), sizeof(*names));
    for (uint32_t i = 0; names && i < rules->n_teams; i++)
        names[i] = rules->teams[i].name;
    asy_load_tell(l, "E0401", "unknown-team", node, "no team `%.*s`%s", ASY_ARG(node->text),
                  names ? asy_load_hint(l, node->text, names, rules->n_teams) : "");
    return -1;
}

static void need_owner(struct asy_loader *l, const struct asy_yaml *at)
{
    if (l->rules->owner_field != ASY_NONE)
        asy_load_need_field(l, l->rules->owner_field, ASY_NEED_VALUE);
    else if (at && !l->are_fields_unknown)
        asy_load_tell(l, "E0406", "owner-of", at, "`existing_record` reads the field `lead.owner`, which is not declared; add `lead.owner: text` "
                      "to `fields:`");
}

static void read_assign(struct asy_loader *l, const struct asy_yaml *node, const struct asy_yaml *map, struct asy_route *route)
{
    static const char *const known[] = {"round_robin", "owner_of"};
    static const char forms[] = "`nobody`, `{round_robin: TEAM}`, `{owner_of: LIST}`, `{owner_of: existing_record}` or, with `plugin:`, `plugin`";
    if (!node || node->is_bad)
        return;
    if (node->kind == ASY_YAML_SCALAR && asy_str_is(node->text, "nobody"))
        return;
    if (node->kind == ASY_YAML_SCALAR && asy_str_is(node->text, "plugin")) {
        route->assign = ASY_ASSIGN_PLUGIN;
        if (!asy_yaml_get(map, "plugin"))
            asy_load_tell(l, "E0404", "assign", node, "`assign: plugin` is for the owner that the route's plugin names, and this route has no `plugin:`");
        return;
    }
    if (node->kind != ASY_YAML_MAP || node->n != 1) {
        asy_load_tell(l, "E0404", "assign", node, "`assign`: expected %s, found %s", forms, asy_load_found(l, node));
        return;
    }
    asy_load_keys(l, node, "`assign`", known, COUNT(known));
    const struct asy_yaml *team = asy_yaml_get(node, "round_robin"), *owner = asy_yaml_get(node, "owner_of");
    if (asy_load_is_text(l, team, "`round_robin`")) {
        const int64_t number = find_team(l, team);
        if (number < 0)
            return;
        route->assign = ASY_ASSIGN_ROUND_ROBIN;
        route->team = (uint32_t)number;
        need_owner(l, NULL);
        if (l->rules->territory_field != ASY_NONE)
            asy_load_need_field(l, l->rules->territory_field, ASY_NEED_VALUE);
    } else if (asy_load_is_text(l, owner, "`owner_of`")) {
        if (asy_str_is(owner->text, "existing_record")) {
            route->assign = ASY_ASSIGN_EXISTING;
            need_owner(l, owner);
        } else {
            read_list_owner(l, owner, map, route);
        }
    }
}

static void read_then(struct asy_loader *l, const struct asy_yaml *node, struct asy_route *route)
{
    if (!node || node->is_bad)
        return;
    const bool is_one = node->kind == ASY_YAML_SCALAR;
    if (!is_one && !asy_load_is_seq(l, node, "`then`"))
        return;
    const uint32_t n = is_one ? 1 : node->n;
    route->then = asy_load_alloc(l, n, sizeof(*route->then));
    for (uint32_t i = 0; route->then && i < n; i++) {
        const struct asy_yaml *item = is_one ? node : node->items[i];
        if (asy_load_is_text(l, item, "`then`"))
            route->then[route->n_then++] = item->text;
    }
}

static void read_route(struct asy_loader *l, const struct asy_yaml *map, bool is_last, struct asy_route *route)
{
    static const char *const known[] = {"name", "when", "plugin", "with", "otherwise", "assign", "flag", "then", "respond_within"};
    asy_load_keys(l, map, "a route", known, COUNT(known));
    route->pos = map->pos;
    route->name = read_name(l, map, "a route");
    route->flag = asy_load_text_of(l, map, "flag");
    asy_load_test(l, map, "a route", ASY_SCOPE_ROUTE, "router", true, &route->test);
    const struct asy_yaml *otherwise = asy_yaml_get(map, "otherwise"), *respond = asy_yaml_get(map, "respond_within");
    if (route->test.is_otherwise && !is_last)
        asy_load_tell(l, "E0405", "otherwise", otherwise, "`otherwise: true` takes every lead, so nothing below it is ever reached; put this "
                      "route last");
    read_assign(l, asy_load_need(l, map, "assign", "a route"), map, route);
    read_then(l, asy_yaml_get(map, "then"), route);
    if (respond)
        asy_load_duration(l, respond, "`respond_within`", &route->respond_within_s);
}

void asy_load_routes(struct asy_loader *l)
{
    const struct asy_yaml *section = asy_yaml_get(l->root, "routes");
    struct asy_rules *rules = l->rules;
    if (!asy_load_is_seq(l, section, "`routes`"))
        return;
    rules->routes = asy_load_alloc(l, section->n, sizeof(*rules->routes));
    for (uint32_t i = 0; !l->no_memory && i < section->n; i++) {
        const struct asy_yaml *map = section->items[i];
        if (!asy_load_is_map(l, map, "a route"))
            continue;
        struct asy_route *route = &rules->routes[rules->n_routes++];
        read_route(l, map, i + 1 == section->n, route);
        const struct asy_yaml *name = asy_yaml_get(map, "name");
        asy_load_is_repeated(l, name ? name : map, "route", &rules->routes[0].name, sizeof(*route), rules->n_routes - 1);
    }
}

/* -- recycle ----------------------------------------------------------------------------------------------------- */

void asy_load_recycle(struct asy_loader *l)
{
    static const char *const known[] = {"name", "when", "plugin", "with", "to", "play", "expect", "in"};
    const struct asy_yaml *section = asy_yaml_get(l->root, "recycle");
    struct asy_rules *rules = l->rules;
    if (!asy_load_is_seq(l, section, "`recycle`"))
        return;
    rules->recycle = asy_load_alloc(l, section->n, sizeof(*rules->recycle));
    for (uint32_t i = 0; !l->no_memory && i < section->n; i++) {
        const struct asy_yaml *map = section->items[i];
        if (!asy_load_is_map(l, map, "a recycling rule"))
            continue;
        struct asy_recycle *r = &rules->recycle[rules->n_recycle++];
        asy_load_keys(l, map, "a recycling rule", known, COUNT(known));
        r->pos = map->pos;
        r->name = read_name(l, map, "a recycling rule");
        asy_load_need(l, map, "to", "a recycling rule");
        r->to = asy_load_text_of(l, map, "to");
        r->play = asy_load_text_of(l, map, "play");
        r->expect = asy_load_text_of(l, map, "expect");
        asy_load_test(l, map, "a recycling rule", ASY_SCOPE_RECYCLE, "recycler", false, &r->test);
        if (asy_yaml_get(map, "in"))
            asy_load_duration(l, asy_yaml_get(map, "in"), "`in`", &r->in_s);
        const struct asy_yaml *name = asy_yaml_get(map, "name");
        asy_load_is_repeated(l, name ? name : map, "recycling rule", &rules->recycle[0].name, sizeof(*r), rules->n_recycle - 1);
    }
}
