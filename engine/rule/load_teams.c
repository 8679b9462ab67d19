/* `teams:`: who takes leads, split by territory. */
#include "rule/load_internal.h"

enum { TERRITORIES_MAX = 256, TEAMS_MAX = 1024, MEMBERS_MAX = 4096 };

static bool is_too_many(struct asy_loader *l, const struct asy_yaml *node, const char *what, uint32_t max)
{
    if (node->n > max)
        asy_load_tell(l, "E0124", "bad-value", node, "%s: expected at most %u, found %u", what, max, node->n);
    return node->n > max;
}

/* Values of one territory: `in LIST, US`, or a list of them. */
static void read_territory(struct asy_loader *l, const struct asy_yaml *key, const struct asy_yaml *node, struct asy_table *all)
{
    struct asy_rules *rules = l->rules;
    struct asy_territory *territory = &rules->territories[rules->n_territories++];
    territory->name = key->text;
    territory->pos = key->pos;
    if (asy_str_is(key->text, "anywhere"))
        asy_load_tell(l, "E0407", "territory", key, "a territory cannot be called `anywhere`: that is the roster of leads outside all of them");
    if (all->field == ASY_NONE || node->is_bad)
        return;
    const uint32_t first = all->n;
    if (node->kind == ASY_YAML_SEQ) {
        for (uint32_t i = 0; i < node->n; i++)
            asy_load_line(l, all, node->items[i], 0);
    } else {
        asy_load_line(l, all, node, 0);
    }
    if (node->kind == ASY_YAML_SEQ && node->n == 0)
        asy_load_tell(l, "E0407", "territory", node, "territory `%.*s`: expected at least one value or `in LIST`, found none", ASY_ARG(key->text));
    territory->n_lines = all->n - first;
    territory->lines = asy_load_alloc(l, territory->n_lines, sizeof(*territory->lines));
    if (territory->lines)
        memcpy(territory->lines, all->lines + first, territory->n_lines * sizeof(*territory->lines));
}

static void read_territories(struct asy_loader *l, const struct asy_yaml *map)
{
    struct asy_rules *rules = l->rules;
    if (!asy_load_is_map(l, map, "`territories`") || is_too_many(l, map, "`territories`", TERRITORIES_MAX))
        return;
    const struct asy_yaml *by = asy_load_need(l, map, "by", "`territories`");
    struct asy_table all = {.field = ASY_NONE, .what = "territories"};
    if (asy_load_is_text(l, by, "`by`")) {
        const int64_t field = asy_load_field(l, by, 0, by->text);
        if (field >= 0 && l->rules->schema.fields[field].type == ASY_TIME)
            asy_load_tell(l, "E0407", "territory", by, "territories cannot be made by a time");
        else if (field >= 0)
            all.field = (uint32_t)field;
    }
    rules->territory_field = all.field;
    rules->territories = asy_load_alloc(l, map->n, sizeof(*rules->territories));
    for (uint32_t i = 0; !l->no_memory && i < map->n; i++)
        if (!asy_str_is(map->keys[i]->text, "by"))
            read_territory(l, map->keys[i], map->items[i], &all);
    if (all.field != ASY_NONE)
        asy_load_table_twice(l, &all);
}

static void read_roster(struct asy_loader *l, const struct asy_yaml *seq, struct asy_roster *roster)
{
    if (!asy_load_is_seq(l, seq, "a roster") || is_too_many(l, seq, "a roster", MEMBERS_MAX))
        return;
    if (seq->n == 0)
        asy_load_tell(l, "E0408", "roster", seq, "a roster: expected at least one member, found an empty list");
    roster->members = asy_load_alloc(l, seq->n, sizeof(*roster->members));
    for (uint32_t i = 0; roster->members && i < seq->n; i++) {
        if (!asy_load_is_text(l, seq->items[i], "a member of a team"))
            continue;
        bool is_twice = false;
        for (uint32_t k = 0; k < roster->n && !is_twice; k++)
            is_twice = asy_str_eq(roster->members[k], seq->items[i]->text);
        if (is_twice)
            asy_load_tell(l, "E0408", "roster", seq->items[i], "this member is in the roster twice");
        else
            roster->members[roster->n++] = seq->items[i]->text;
    }
}

static void read_team(struct asy_loader *l, const struct asy_yaml *map, struct asy_team *team)
{
    const struct asy_rules *rules = l->rules;
    const uint32_t n = rules->n_territories;
    struct asy_str *names = asy_load_alloc(l, n + 1, sizeof(*names));
    team->rosters = asy_load_alloc(l, n + 1, sizeof(*team->rosters));
    if (!names || !team->rosters || map->is_bad)
        return;
    if (map->kind != ASY_YAML_MAP) {
        asy_load_tell(l, "E0408", "roster", map, "a team: expected rosters by territory, or `anywhere: [NAME, NAME]`, found %s",
                      asy_load_found(l, map));
        return;
    }
    for (uint32_t t = 0; t < n; t++)
        names[t] = rules->territories[t].name;
    names[n] = ASY_STR("anywhere");
    if (map->n == 0)
        asy_load_tell(l, "E0408", "roster", map, "a team: expected at least one roster, found none");
    for (uint32_t i = 0; !l->no_memory && i < map->n; i++) {
        const struct asy_yaml *key = map->keys[i];
        uint32_t t = 0;
        while (t <= n && !asy_str_eq(names[t], key->text))
            t++;
        if (t <= n) {
            read_roster(l, map->items[i], &team->rosters[t]);
            continue;
        }
        const char *hint = asy_load_hint(l, key->text, names, n + 1);
        asy_load_tell(l, "E0407", "territory", key, "`%.*s` is not a territory%s%s", ASY_ARG(key->text), hint,
                      hint[0] ? "" : n ? "; territories are listed under `territories:`" : "; without `territories:` a team has only `anywhere`");
    }
}

void asy_load_teams(struct asy_loader *l)
{
    const struct asy_yaml *section = asy_yaml_get(l->root, "teams");
    struct asy_rules *rules = l->rules;
    rules->territory_field = ASY_NONE;
    if (!asy_load_is_map(l, section, "`teams`") || is_too_many(l, section, "`teams`", TEAMS_MAX))
        return;
    const struct asy_yaml *territories = asy_yaml_get(section, "territories");
    if (territories)
        read_territories(l, territories);
    rules->teams = asy_load_alloc(l, section->n, sizeof(*rules->teams));
    for (uint32_t i = 0; !l->no_memory && i < section->n; i++) {
        if (section->items[i] == territories)
            continue;
        struct asy_team *team = &rules->teams[rules->n_teams++];
        team->name = section->keys[i]->text;
        team->pos = section->keys[i]->pos;
        read_team(l, section->items[i], team);
    }
}
