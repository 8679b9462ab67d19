#include "cli/explain.h"

#include "base/time.h"
#include "cli/term.h"

const char *asy_explain_points(int64_t milli, bool with_sign, char out[32])
{
    const bool is_plus = with_sign && milli > 0;
    if (is_plus) out[0] = '+';
    out[is_plus + asy_format_milli(milli, out + is_plus)] = '\0';
    return out;
}

static struct asy_str asy_explain_value(const struct asy_explained *page, struct asy_cel_value value)
{
    if (value.type == ASY_CEL_NULL) return ASY_STR("empty");
    return asy_term_clean(page->cli->pool, asy_cel_value_text(page->cli->pool, value));
}

const char *asy_explain_truth(struct asy_cel_value value)
{
    return value.type != ASY_CEL_BOOL ? "unknown" : value.b ? "true" : "false";
}


struct asy_cel_value asy_explain_evaluate(const struct asy_explained *page, const struct asy_cel_node *node)
{
    const struct asy_cel_row row = {.ctx = (void *)&page->story, .read = asy_lead_read, .scratch = page->cli->pool};
    return asy_cel_eval(node, &row);
}

/* As it is written in rules: 30d, 12h, 90m, 45s. */
static struct asy_str window_text(const struct asy_explained *page, int64_t window_s)
{
    static const struct { int64_t s; char unit; } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    uint32_t u = 0;
    while (window_s % units[u].s != 0) u++;
    return asy_pool_printf(page->cli->pool, "%lld%c", (long long)(window_s / units[u].s), units[u].unit);
}

static struct asy_str input_name(const struct asy_explained *page, const struct asy_cel_input *input)
{
    const struct asy_rules *rules = page->rules;
    struct asy_pool *pool = page->cli->pool;
    switch (input->kind) {
    case ASY_IN_FIELD: return rules->schema.fields[input->index].name;
    case ASY_IN_SCORE: return asy_pool_printf(pool, "score.%.*s", ASY_ARG(rules->scores[input->index].name));
    case ASY_IN_GRADE: return ASY_STR("grade");
    case ASY_IN_DISQUALIFIED: return ASY_STR("disqualified");
    case ASY_IN_STAGE: return ASY_STR("stage");
    case ASY_IN_NOW: return ASY_STR("now");
    default: break;
    }
    const struct asy_str event = input->index == ASY_ANY_EVENT ? ASY_STR("any") : rules->schema.events[input->index].name;
    if (input->kind == ASY_IN_EVENT_LAST) return asy_pool_printf(pool, "events.%.*s.days_ago", ASY_ARG(event));
    if (input->kind == ASY_IN_EVENT_FIRST) return asy_pool_printf(pool, "events.%.*s.first_days_ago", ASY_ARG(event));
    if (input->window_s == ASY_NO_WINDOW) return asy_pool_printf(pool, "events.%.*s.count", ASY_ARG(event));
    return asy_pool_printf(pool, "events.%.*s.count(%.*s)", ASY_ARG(event), ASY_ARG(window_text(page, input->window_s)));
}

static void list_input(struct asy_explain_list *list, const struct asy_cel_input *input)
{
    if (input->kind == ASY_IN_NOW || list->n == ASY_EXPLAIN_INPUTS_MAX) return;
    const struct asy_str name = input_name(list->page, input);
    for (uint32_t i = 0; i < list->n; i++)
        if (asy_str_eq(list->names[i], name)) return;
    list->names[list->n] = name;
    const struct asy_cel_value value = asy_lead_read((void *)&list->page->story, input);
    /* Of a field that is only asked for with has(), no more is kept than that it is there. */
    const struct asy_column *columns = list->page->session->store.columns;
    const bool is_presence = input->kind == ASY_IN_FIELD && columns[input->index].repr == ASY_REPR_PRESENCE;
    list->values[list->n++] = is_presence && asy_cel_is_true(value) ? ASY_STR("filled") : asy_explain_value(list->page, value);
}

static void add_input(void *ctx, const struct asy_cel_node *node)
{
    if (node->op == ASY_CEL_INPUT) list_input(ctx, &node->input);
}

void asy_explain_inputs(const struct asy_explained *page, const struct asy_cel_node *node, struct asy_explain_list *list)
{
    *list = (struct asy_explain_list){.page = page};
    asy_cel_walk(node, add_input, list);
}

void asy_explain_reads(const struct asy_explained *page, uint32_t call, struct asy_explain_list *list)
{
    const struct asy_plugin_call *asked = &page->rules->calls[call];
    *list = (struct asy_explain_list){.page = page};
    for (uint32_t i = 0; i < page->rules->plugins[asked->plugin].n_reads; i++) list_input(list, &asked->inputs[i]);
}

const char *asy_explain_join_word(uint8_t clause)
{
    return clause == ASY_CLAUSE_ALL ? "all" : clause == ASY_CLAUSE_ANY ? "any" : "none";
}
/* The items of a joined condition: those of `none` stand below its negation. */
const struct asy_cel_node *asy_explain_items(const struct asy_cel_node *node)
{
    return node->clause == ASY_CLAUSE_NONE && node->op == ASY_CEL_NOT ? node->args[0] : node;
}

/* "3 events, 2 within the window, 1 kept, newest 2026-10-30T08:11:00Z, capped from 24" */
static struct asy_str tally_text(const struct asy_explained *page, const struct asy_term *term, const struct asy_event_tally *tally)
{
    const struct asy_event_rule *rule = term->event_rule;
    struct asy_pool *pool = page->cli->pool;
    char when[32], points[32];
    if (tally->n_named == 0) return ASY_STR("no event");
    struct asy_str text = asy_pool_printf(pool, "%llu event%s", (unsigned long long)tally->n_named, tally->n_named == 1 ? "" : "s");
    if (rule->where != NULL)
        text = asy_pool_printf(pool, "%.*s, %llu where %.*s", ASY_ARG(text), (unsigned long long)tally->n_matching,
                               ASY_ARG(rule->where->text));
    if (rule->within_s > 0)
        text = asy_pool_printf(pool, "%.*s, %llu within the window", ASY_ARG(text), (unsigned long long)tally->n_within);
    if (rule->at_most > 0 && rule->each)
        text = asy_pool_printf(pool, "%.*s, %llu within %u per %s", ASY_ARG(text), (unsigned long long)tally->n_kept, rule->at_most,
                               rule->per == ASY_PERIOD_DAY ? "day" : rule->per == ASY_PERIOD_WEEK ? "week" : "month");
    if (!rule->each && tally->n_within > 1) text = asy_pool_printf(pool, "%.*s, the latest counts", ASY_ARG(text));
    if (tally->newest_s != 0)
        text = asy_pool_printf(pool, "%.*s, latest %.*s", ASY_ARG(text), (int)asy_time_format_s(tally->newest_s, when), when);
    if (rule->weight != ASY_WEIGHT_NONE)
        text = asy_pool_printf(pool, "%.*s, weight %.4f in all", ASY_ARG(text), (double)tally->sum_q30 / (1 << 30));
    if (tally->uncapped_milli != tally->points_milli)
        text = asy_pool_printf(pool, "%.*s, capped from %s", ASY_ARG(text), asy_explain_points(tally->uncapped_milli, true, points));
    return text;
}

struct asy_str asy_explain_term(const struct asy_explained *page, uint32_t number)
{
    const struct asy_term *term = &page->session->program.terms[number];
    const struct asy_term_story *told = &page->story.terms[number];
    if (term->event_rule != NULL) return tally_text(page, term, &told->tally);
    if (term->rule->kind == ASY_RULE_PLUGIN) return asy_explain_plugin(page, term->rule->call, &told->verdict);
    if (term->rule->kind == ASY_RULE_WHEN) return asy_str_of(asy_explain_truth(told->when));
    const struct asy_cel_value value = asy_lead_field(&page->session->store, term->rule->field, page->story.row);
    return asy_pool_printf(page->cli->pool, "%.*s = %.*s%s%.*s", ASY_ARG(page->rules->schema.fields[term->rule->field].name),
                           ASY_ARG(asy_explain_value(page, value)), told->line == NULL ? ", no line of the table" : ", line ",
                           told->line == NULL ? 0 : (int)told->line->key.len, told->line == NULL ? "" : told->line->key.p);
}

struct asy_str asy_explain_plugin(const struct asy_explained *page, uint32_t call, const struct asy_verdict_story *verdict)
{
    const struct asy_str name = page->rules->plugins[page->rules->calls[call].plugin].name;
    struct asy_pool *pool = page->cli->pool;
    char when[32];
    if (verdict->is_empty) return asy_pool_printf(pool, "plugin %.*s: no verdict: %.*s", ASY_ARG(name), ASY_ARG(verdict->why_empty));
    if (verdict->reason == NULL) return asy_pool_printf(pool, "plugin %.*s: no reason", ASY_ARG(name));
    struct asy_str text = asy_pool_printf(pool, "plugin %.*s: %.*s (%.*s)", ASY_ARG(name), ASY_ARG(verdict->reason->id),
                                          ASY_ARG(asy_term_clean(pool, verdict->reason->text)));
    if (verdict->target.len > 0)
        text = asy_pool_printf(pool, "%.*s, to %.*s", ASY_ARG(text), ASY_ARG(asy_term_clean(pool, verdict->target)));
    if (verdict->due_s > 0)
        text = asy_pool_printf(pool, "%.*s, due %.*s", ASY_ARG(text), (int)asy_time_format_s(verdict->due_s, when), when);
    return text;
}

int64_t asy_explain_due_s(const struct asy_explained *page)
{
    const struct assay *session = page->session;
    const uint32_t *due_s = session->results.recycle_due_s;
    if (page->story.recycled == 0) return 0;
    if (due_s != NULL && due_s[page->story.row] != 0) return due_s[page->story.row];
    const int64_t in_s = page->rules->recycle[page->story.recycled - 1].in_s;
    return in_s > 0 ? session->as_of_s + in_s : 0;
}

const char *asy_explain_verdict(struct asy_cel_value value)
{
    return asy_cel_is_true(value) ? "yes" : value.type == ASY_CEL_BOOL ? "no" : "unknown";
}

/* Why the owner is who he is. */
struct asy_str asy_explain_owner(const struct asy_explained *page)
{
    const struct assay *session = page->session;
    const struct asy_rules *rules = page->rules;
    struct asy_pool *pool = page->cli->pool;
    const uint32_t row = page->story.row;
    if (page->story.route == 0) return ASY_STR("nobody");
    const struct asy_route *route = &rules->routes[page->story.route - 1];
    const struct asy_str owner = asy_dict_text(&session->results.owners, session->results.owner[row]);
    if (route->assign == ASY_ASSIGN_NOBODY) return ASY_STR("nobody");
    if (route->assign == ASY_ASSIGN_EXISTING)
        return owner.len == 0 ? ASY_STR("nobody: the existing record has no owner")
                              : asy_pool_printf(pool, "%.*s, the existing record's owner", ASY_ARG(owner));
    if (route->assign == ASY_ASSIGN_LIST_OWNER)
        return asy_pool_printf(pool, "%.*s, named by list %.*s", owner.len == 0 ? 6 : (int)owner.len,
                               owner.len == 0 ? "nobody" : owner.p, ASY_ARG(rules->lists[route->list].set.name));
    if (route->assign == ASY_ASSIGN_PLUGIN) {
        const struct asy_str plugin = rules->plugins[rules->calls[route->test.call].plugin].name;
        return owner.len == 0 ? asy_pool_printf(pool, "nobody: plugin %.*s names nobody", ASY_ARG(plugin))
                              : asy_pool_printf(pool, "%.*s, named by plugin %.*s", ASY_ARG(owner), ASY_ARG(plugin));
    }
    const struct asy_team *team = &rules->teams[route->team];
    const uint32_t roster = asy_assign_roster(&session->program, team, row);
    if (owner.len == 0) return asy_pool_printf(pool, "nobody: team %.*s has no member for this territory", ASY_ARG(team->name));
    if (asy_kept_owner(&session->program, &session->state, team, row).len > 0)
        return asy_pool_printf(pool, "%.*s, kept: already a member of %.*s", ASY_ARG(owner), ASY_ARG(team->name));
    return asy_pool_printf(pool, "%.*s, by round robin in %.*s, %.*s (order: score, then lead id)", ASY_ARG(owner), ASY_ARG(team->name),
                           ASY_ARG(asy_roster_name(rules, roster)));
}

bool asy_explain_lacks(const struct asy_explained *page, uint32_t field)
{
    return !asy_column_filled(&page->session->store.columns[field], page->story.row);
}

bool asy_explain_has_item(const struct asy_explained *page, const struct asy_filled_item *item)
{
    const struct asy_cel_input input = {.kind = ASY_IN_EVENT_COUNT, .index = item->event, .window_s = ASY_NO_WINDOW};
    if (item->field != ASY_NONE) return !asy_explain_lacks(page, item->field);
    return asy_lead_read((void *)&page->story, &input).i > 0;
}
