/* Names: what a rule file can name in which place, and what to say where a name cannot be used.
 *
 * In `where:` of an event rule every identifier is a property of the event (its text), and nothing else can be named: the
 * event is judged by itself, before anything about its lead is known. */
#include <stdio.h>

#include "rule/load_internal.h"

static struct asy_pos place_in(const struct asy_loader *l, const struct asy_yaml *at, uint32_t offset)
{
    return asy_yaml_place(at, l->rules->source, offset);
}

void asy_load_need_field(struct asy_loader *l, uint32_t field, uint8_t need)
{
    if (field >= l->rules->schema.n_fields) /* a name of an unreadable `fields:` */
        return;
    struct asy_field *f = &l->rules->schema.fields[field];
    if (f->need < need)
        f->need = need;
}

static struct asy_str *field_names(struct asy_loader *l)
{
    const struct asy_schema *schema = &l->rules->schema;
    struct asy_str *names = asy_load_alloc(l, asy_load_hints(l, schema->n_fields), sizeof(*names));
    for (uint32_t i = 0; names && i < schema->n_fields; i++)
        names[i] = schema->fields[i].name;
    return names;
}

int64_t asy_load_field(struct asy_loader *l, const struct asy_yaml *at, uint32_t offset, struct asy_str name)
{
    const int64_t field = asy_schema_field(&l->rules->schema, name);
    if (field >= 0)
        return l->is_field_bad[field] ? -2 : field;
    if (l->are_fields_unknown)
        return -2;
    struct asy_str *names = field_names(l);
    asy_diag_add(l->diags, "E0203", "unknown-name", place_in(l, at, offset), name.len, "`%.*s` is not a field%s", ASY_ARG(name),
                 names ? asy_load_hint(l, name, names, l->rules->schema.n_fields) : "");
    return -1;
}

int64_t asy_load_event(struct asy_loader *l, const struct asy_yaml *at, uint32_t offset, struct asy_str name)
{
    const struct asy_schema *schema = &l->rules->schema;
    const int64_t event = asy_schema_event(schema, name);
    if (event >= 0)
        return event;
    if (l->are_events_unknown)
        return -2;
    struct asy_str *names = asy_load_alloc(l, asy_load_hints(l, schema->n_events), sizeof(*names));
    for (uint32_t i = 0; names && i < schema->n_events; i++)
        names[i] = schema->events[i].name;
    asy_diag_add(l->diags, "E0203", "unknown-name", place_in(l, at, offset), name.len,
                 "`%.*s` is not an event; events are named under `events:`%s", ASY_ARG(name),
                 names ? asy_load_hint(l, name, names, schema->n_events) : "");
    return -1;
}

static struct asy_str *list_names(struct asy_loader *l)
{
    struct asy_str *names = asy_load_alloc(l, asy_load_hints(l, l->rules->n_lists), sizeof(*names));
    for (uint32_t i = 0; names && i < l->rules->n_lists; i++)
        names[i] = l->rules->lists[i].set.name;
    return names;
}

int64_t asy_load_list(struct asy_loader *l, const struct asy_yaml *at, uint32_t offset, struct asy_str name)
{
    for (uint32_t i = 0; i < l->rules->n_lists; i++)
        if (asy_str_eq(l->rules->lists[i].set.name, name))
            return i;
    if (asy_load_is_unreadable(l, "lists"))
        return -2;
    struct asy_str *names = list_names(l);
    asy_diag_add(l->diags, "E0206", "unknown-list", place_in(l, at, offset), name.len, "`%.*s` is not a list%s", ASY_ARG(name),
                 names ? asy_load_hint(l, name, names, l->rules->n_lists) : "");
    return -1;
}

static int64_t find_score(const struct asy_rules *rules, struct asy_str name)
{
    for (uint32_t i = 0; i < rules->n_scores; i++)
        if (asy_str_eq(rules->scores[i].name, name))
            return i;
    return -1;
}

static bool are_scores_unknown(const struct asy_loader *l)
{
    return asy_load_is_unreadable(l, "scores") || !asy_yaml_get(l->root, "scores");
}

const char *asy_load_score_refusal(struct asy_loader *l, uint32_t score)
{
    const struct asy_str name = l->rules->scores[score].name;
    struct asy_str out = ASY_STR("");
    if (score == l->scores_known)
        out = asy_pool_printf(&l->diags->pool, "the score `%.*s` cannot be made from itself", ASY_ARG(name));
    else if (score > l->scores_known)
        out = asy_pool_printf(&l->diags->pool, "`score.%.*s` is made later, on line %u; a score can only use scores above it",
                              ASY_ARG(name), l->rules->scores[score].pos.line);
    else
        return NULL;
    return out.p ? out.p : "a score can only use scores above it";
}

int64_t asy_load_score(struct asy_loader *l, const struct asy_yaml *at, struct asy_str name, bool prefix)
{
    const struct asy_rules *rules = l->rules;
    const struct asy_str start = ASY_STR("score.");
    const bool has_prefix = asy_str_starts(name, start);
    const struct asy_str bare = has_prefix ? (struct asy_str){name.p + start.len, name.len - start.len} : name;
    const int64_t score = find_score(rules, bare);
    if (has_prefix != prefix && score >= 0) {
        asy_load_tell(l, "E0203", "unknown-name", at, "expected `%s%.*s`, found `%.*s`", prefix ? "score." : "", ASY_ARG(bare),
                      ASY_ARG(name));
        return -2;
    }
    if (score < 0 && are_scores_unknown(l))
        return -2;
    if (score < 0) {
        struct asy_str *names = asy_load_alloc(l, asy_load_hints(l, rules->n_scores), sizeof(*names));
        for (uint32_t i = 0; names && i < rules->n_scores; i++)
            names[i] = prefix ? asy_pool_printf(&l->diags->pool, "score.%.*s", ASY_ARG(rules->scores[i].name))
                              : rules->scores[i].name;
        asy_load_tell(l, "E0203", "unknown-name", at, "`%.*s` is not a score%s", ASY_ARG(name),
                      names ? asy_load_hint(l, name, names, rules->n_scores) : "");
        return -1;
    }
    const char *refusal = asy_load_score_refusal(l, (uint32_t)score);
    if (refusal) {
        asy_load_tell(l, "E0235", "not-usable-here", at, "%s", refusal);
        return -1;
    }
    return score;
}

int64_t asy_load_plugin(struct asy_loader *l, const struct asy_yaml *at, const char *kind)
{
    const struct asy_rules *rules = l->rules;
    for (uint32_t i = 0; i < rules->n_plugins; i++) {
        if (!asy_str_eq(rules->plugins[i].name, at->text))
            continue;
        if (rules->plugins[i].kind.len && !asy_str_is(rules->plugins[i].kind, kind)) {
            asy_load_tell(l, "E0503", "plugin-kind", at, "plugin `%.*s` is a %.*s (line %u); here a %s is needed",
                          ASY_ARG(at->text), ASY_ARG(rules->plugins[i].kind), rules->plugins[i].pos.line, kind);
            return -2;
        }
        return i;
    }
    if (asy_load_is_unreadable(l, "plugins"))
        return -2;
    struct asy_str *names = asy_load_alloc(l, asy_load_hints(l, rules->n_plugins), sizeof(*names));
    for (uint32_t i = 0; names && i < rules->n_plugins; i++)
        names[i] = rules->plugins[i].name;
    asy_load_tell(l, "E0502", "unknown-plugin", at, "no plugin `%.*s`; only plugins listed under `plugins:` can be used%s",
                  ASY_ARG(at->text), names ? asy_load_hint(l, at->text, names, rules->n_plugins) : "");
    return -1;
}

/* -- names inside conditions ------------------------------------------------------------------------------------ */

/* Stands for a name that a mistake elsewhere keeps from being known. */
static struct asy_cel_input any_input(void)
{
    return (struct asy_cel_input){.kind = ASY_IN_FIELD, .type = ASY_CEL_DYN, .nullable = true, .index = ASY_NONE, .window_s = ASY_NO_WINDOW};
}

static bool refuse(struct asy_load_when *w, const char *why, struct asy_cel_input *out)
{
    *out = (struct asy_cel_input){.kind = ASY_IN_VARIABLE, .type = ASY_CEL_DYN, .nullable = true, .window_s = ASY_NO_WINDOW};
    const uint32_t max = sizeof(w->refusals) / sizeof(w->refusals[0]);
    out->index = w->n_refusals < max ? w->n_refusals : max - 1;
    w->refusals[out->index] = why;
    w->n_refusals = out->index + 1;
    return true;
}

static void resolve_field(struct asy_loader *l, uint32_t number, struct asy_cel_input *out)
{
    static const uint8_t types[] = {[ASY_TEXT] = ASY_CEL_STRING, [ASY_INT] = ASY_CEL_INT,   [ASY_NUMBER] = ASY_CEL_DOUBLE,
                                    [ASY_BOOL] = ASY_CEL_BOOL,   [ASY_TIME] = ASY_CEL_TIME, [ASY_COUNTRY] = ASY_CEL_STRING,
                                    [ASY_ENUM] = ASY_CEL_STRING};
    const struct asy_field *field = &l->rules->schema.fields[number];
    out->kind = ASY_IN_FIELD;
    out->index = number;
    out->type = l->is_field_bad[number] ? ASY_CEL_DYN : types[field->type];
    out->nullable = !field->has_default;
    if (field->type == ASY_ENUM) {
        out->n_values = field->n_values;
        out->values = field->values;
    } else if (field->type == ASY_COUNTRY) {
        out->n_values = l->n_countries;
        out->values = l->countries;
    }
}

static bool resolve_score(struct asy_load_when *w, struct asy_str name, struct asy_cel_input *out)
{
    const int64_t score = find_score(w->l->rules, name);
    if (score < 0 && are_scores_unknown(w->l))
        *out = any_input();
    if (score < 0)
        return are_scores_unknown(w->l);
    const char *refusal = asy_load_score_refusal(w->l, (uint32_t)score);
    if (refusal)
        return refuse(w, refusal, out);
    out->kind = ASY_IN_SCORE;
    out->index = (uint32_t)score;
    out->type = w->l->rules->scores[score].decimals ? ASY_CEL_DOUBLE : ASY_CEL_INT;
    return true;
}

/* `name` is what follows "events.": <event>.count, .days_ago, .first_days_ago */
static bool resolve_event(struct asy_loader *l, struct asy_str name, int64_t window_s, struct asy_cel_input *out)
{
    uint32_t dot = 0;
    while (dot < name.len && name.p[dot] != '.')
        dot++;
    if (dot == name.len)
        return false;
    const struct asy_str event = {name.p, dot}, part = {name.p + dot + 1, name.len - dot - 1};
    const int64_t number = asy_schema_event(&l->rules->schema, event);
    if (number < 0 && !asy_str_is(event, "any") && !l->are_events_unknown)
        return false;
    out->index = number < 0 ? ASY_ANY_EVENT : (uint32_t)number;
    out->type = ASY_CEL_INT;
    if (asy_str_is(part, "count")) {
        out->kind = ASY_IN_EVENT_COUNT;
        out->window_s = window_s;
        return true;
    }
    out->nullable = true;
    out->kind = asy_str_is(part, "days_ago") ? ASY_IN_EVENT_LAST : ASY_IN_EVENT_FIRST;
    return window_s == ASY_NO_WINDOW && (asy_str_is(part, "days_ago") || asy_str_is(part, "first_days_ago"));
}

static bool resolve_property(struct asy_load_when *w, struct asy_str name, struct asy_cel_input *out)
{
    struct asy_schema *schema = &w->l->rules->schema;
    if (!asy_load_is_identifier(name))
        return false;
    out->kind = ASY_IN_PROPERTY;
    out->type = ASY_CEL_STRING;
    out->nullable = true;
    for (out->index = 0; out->index < schema->n_properties; out->index++)
        if (asy_str_eq(schema->properties[out->index], name))
            return true;
    if (schema->n_properties == ASY_PROPERTIES_MAX)
        return refuse(w, "this is the 17th event property that the rules read; expected at most 16", out);
    if (!asy_pool_grow(w->l->pool, (void **)&schema->properties, &w->l->n_properties_cap, schema->n_properties,
                       sizeof(*schema->properties))) {
        w->l->no_memory = true;
        return false;
    }
    schema->properties[schema->n_properties++] = name;
    return true;
}

/* The names of `n` items, which begin with them. */
static struct asy_str *copy_names(struct asy_loader *l, const void *items, size_t item_bytes, uint32_t n)
{
    struct asy_str *names = asy_load_alloc(l, n, sizeof(*names));
    for (uint32_t i = 0; names && i < n; i++)
        memcpy(&names[i], (const char *)items + i * item_bytes, sizeof(names[i]));
    return names;
}

static bool resolve_grade(struct asy_load_when *w, struct asy_cel_input *out)
{
    const struct asy_rules *rules = w->l->rules;
    if (w->scope == ASY_SCOPE_SCORE)
        return refuse(w, "`grade` is made from the scores, after all of them; compare `score.NAME` of a score above", out);
    if (rules->grade_by == ASY_NONE && !asy_yaml_get(w->l->root, "grades"))
        return refuse(w, "the file has no `grades:`, so no lead has a grade", out);
    if (!w->l->grade_names)
        w->l->grade_names = copy_names(w->l, rules->grades, sizeof(*rules->grades), rules->n_grades);
    out->kind = ASY_IN_GRADE;
    out->type = ASY_CEL_STRING;
    out->nullable = true;
    out->n_values = w->l->grade_names ? rules->n_grades : 0;
    out->values = w->l->grade_names;
    return true;
}

static bool resolve_stage(struct asy_load_when *w, struct asy_cel_input *out)
{
    const struct asy_rules *rules = w->l->rules;
    if (w->scope == ASY_SCOPE_SCORE || w->scope == ASY_SCOPE_DISQUALIFY || w->scope == ASY_SCOPE_LIFECYCLE)
        return refuse(w, "`stage` comes out of `lifecycle:`, which is judged after scores and disqualifying", out);
    if (!asy_yaml_get(w->l->root, "lifecycle"))
        return refuse(w, "the file has no `lifecycle:`, so no lead has a stage", out);
    if (!w->l->stage_names)
        w->l->stage_names = copy_names(w->l, rules->stages, sizeof(*rules->stages), rules->n_stages);
    out->kind = ASY_IN_STAGE;
    out->type = ASY_CEL_STRING;
    out->nullable = rules->n_stages == 0 || !rules->stages[0].test.is_otherwise; /* else every lead is in the first one at least */
    out->n_values = w->l->stage_names ? rules->n_stages : 0;
    out->values = w->l->stage_names;
    return true;
}

static bool resolve_segment(struct asy_load_when *w, struct asy_str name, struct asy_cel_input *out)
{
    static const char *const names[] = {"days", "idle_days", "points_gained"};
    for (uint32_t i = 0; i < 3; i++) {
        if (!asy_str_is(name, names[i]))
            continue;
        if (w->scope != ASY_SCOPE_LEAVE)
            return refuse(w, "`segment.*` is about a lead in a nurture segment; it can only be used in its `leave:`", out);
        out->kind = ASY_IN_SEGMENT;
        out->type = ASY_CEL_INT;
        out->index = i;
        return true;
    }
    return false;
}

static bool after_prefix(struct asy_str name, const char *prefix, struct asy_str *rest)
{
    const struct asy_str p = asy_str_of(prefix);
    *rest = (struct asy_str){name.p + p.len, name.len - p.len};
    return name.len > p.len && asy_str_starts(name, p);
}

bool asy_load_resolve(void *ctx, struct asy_str name, int64_t window_s, struct asy_cel_input *out)
{
    struct asy_load_when *w = ctx;
    struct asy_loader *l = w->l;
    struct asy_str rest;
    *out = (struct asy_cel_input){.window_s = ASY_NO_WINDOW};
    if (w->scope == ASY_SCOPE_WHERE)
        return window_s == ASY_NO_WINDOW && resolve_property(w, name, out);
    if (after_prefix(name, "events.", &rest))
        return resolve_event(l, rest, window_s, out);
    if (window_s != ASY_NO_WINDOW)
        return false;
    const int64_t field = asy_schema_field(&l->rules->schema, name);
    if (field >= 0) {
        resolve_field(l, (uint32_t)field, out);
        return true;
    }
    if (after_prefix(name, "score.", &rest))
        return resolve_score(w, rest, out);
    if (after_prefix(name, "segment.", &rest))
        return resolve_segment(w, rest, out);
    if (asy_str_is(name, "now")) {
        out->kind = ASY_IN_NOW;
        out->type = ASY_CEL_TIME;
        return true;
    }
    if (asy_str_is(name, "grade"))
        return resolve_grade(w, out);
    if (asy_str_is(name, "stage"))
        return resolve_stage(w, out);
    if (asy_str_is(name, "disqualified")) {
        if (w->scope == ASY_SCOPE_SCORE || w->scope == ASY_SCOPE_DISQUALIFY)
            return refuse(w, "`disqualified` comes out of `disqualify:`, which is judged after the scores; it can be used below", out);
        out->kind = ASY_IN_DISQUALIFIED;
        out->type = ASY_CEL_BOOL;
        return true;
    }
    if (l->are_fields_unknown) {
        *out = any_input();
        return true;
    }
    return false;
}

const struct asy_cel_set *asy_load_resolve_list(void *ctx, struct asy_str name)
{
    struct asy_load_when *w = ctx;
    for (uint32_t i = 0; i < w->l->rules->n_lists; i++)
        if (asy_str_eq(w->l->rules->lists[i].set.name, name))
            return &w->l->rules->lists[i].set;
    return asy_load_is_unreadable(w->l, "lists") ? &w->l->any_list : NULL;
}

const char *asy_load_name_hint(void *ctx, struct asy_str name)
{
    struct asy_load_when *w = ctx;
    struct asy_loader *l = w->l;
    const struct asy_rules *rules = l->rules;
    static const char *const singles[] = {"now", "grade", "stage", "disqualified", "segment.days", "segment.idle_days",
                                          "segment.points_gained"};
    static const char *const parts[] = {"count", "days_ago", "first_days_ago"};
    if (w->scope == ASY_SCOPE_WHERE)
        return "; in `where:` a name is a property of the event, such as page; no field can be named";
    const uint32_t n_max = rules->schema.n_fields + rules->n_scores + 7 + 3 * (rules->schema.n_events + 1) + rules->n_lists;
    struct asy_str *names = asy_load_alloc(l, asy_load_hints(l, n_max), sizeof(*names));
    if (!names)
        return "";
    uint32_t n = 0;
    for (uint32_t i = 0; i < rules->schema.n_fields; i++)
        names[n++] = rules->schema.fields[i].name;
    for (uint32_t i = 0; i < rules->n_scores && i < l->scores_known; i++)
        names[n++] = asy_pool_printf(&l->diags->pool, "score.%.*s", ASY_ARG(rules->scores[i].name));
    for (uint32_t i = 0; i < (w->scope == ASY_SCOPE_LEAVE ? 7u : w->scope <= ASY_SCOPE_DISQUALIFY ? 1u : 4u); i++)
        names[n++] = asy_str_of(singles[i]);
    if (asy_str_find(name, ASY_STR(".")) >= 0)
        for (uint32_t i = 0; i <= rules->schema.n_events; i++)
            for (uint32_t k = 0; k < 3; k++)
                names[n++] = asy_pool_printf(&l->diags->pool, "events.%.*s.%s",
                                             ASY_ARG(i ? rules->schema.events[i - 1].name : ASY_STR("any")), parts[k]);
    for (uint32_t i = 0; i < rules->n_lists; i++)
        names[n++] = rules->lists[i].set.name;
    return asy_load_hint(l, name, names, n);
}
