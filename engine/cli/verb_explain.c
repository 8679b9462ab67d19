/* assay explain: why one lead has its score, grade and route. Made from the row-at-a-time reading of the rules (exec/lead.h),
 * which tests hold to the batched pass; so what is printed is what was scored. */
#include "base/time.h"
#include "cli/json.h"
#include "cli/run.h"
#include "cli/term.h"
#include "exec/lead.h"

struct page {
    struct asy_cli *cli;
    struct assay *session;
    const struct asy_rules *rules;
    struct asy_lead_story story;
    FILE *out;
    int name_width; /* of the column of rule names */
};

/* -- values as text -------------------------------------------------------------------------------------------------- */

static const char *points_text(int64_t milli, bool with_sign, char out[32])
{
    const int64_t magnitude = milli < 0 ? -milli : milli;
    int n = snprintf(out, 32, "%s%lld.%03lld", milli < 0 ? "-" : with_sign && milli > 0 ? "+" : "", (long long)(magnitude / 1000),
                     (long long)(magnitude % 1000));
    while (out[n - 1] == '0') n--;
    if (out[n - 1] == '.') n--;
    out[n] = '\0';
    return out;
}

static struct asy_str value_text(const struct page *page, struct asy_cel_value value)
{
    if (value.type == ASY_CEL_NULL) return ASY_STR("empty");
    return asy_term_clean(page->cli->pool, asy_cel_value_text(page->cli->pool, value));
}

static const char *truth_text(struct asy_cel_value value)
{
    return value.type != ASY_CEL_BOOL ? "unknown" : value.b ? "true" : "false";
}

static bool is_true(struct asy_cel_value value) { return value.type == ASY_CEL_BOOL && value.b; }

static struct asy_cel_value evaluate(const struct page *page, const struct asy_cel_node *node)
{
    const struct asy_cel_row row = {.ctx = (void *)&page->story, .read = asy_lead_read, .scratch = page->cli->pool};
    return asy_cel_eval(node, &row);
}

static struct asy_str input_name(const struct page *page, const struct asy_cel_input *input)
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
    return asy_pool_printf(pool, "events.%.*s.count(%llds)", ASY_ARG(event), (long long)input->window_s);
}

/* -- conditions clause by clause ------------------------------------------------------------------------------------- */

struct input_list {
    const struct page *page;
    struct asy_str names[12];
    struct asy_str values[12];
    uint32_t n;
};
static void add_input(void *ctx, const struct asy_cel_node *node)
{
    struct input_list *list = ctx;
    if (node->op != ASY_CEL_INPUT || node->input.kind == ASY_IN_NOW || list->n == 12) return;
    const struct asy_str name = input_name(list->page, &node->input);
    for (uint32_t i = 0; i < list->n; i++)
        if (asy_str_eq(list->names[i], name)) return;
    list->names[list->n] = name;
    const struct asy_cel_value value = asy_lead_read((void *)&list->page->story, &node->input);
    /* Of a field that is only asked for with has(), no more is kept than that it is there. */
    const struct asy_column *columns = list->page->session->store.columns;
    const bool is_presence = node->input.kind == ASY_IN_FIELD && columns[node->input.index].repr == ASY_REPR_PRESENCE;
    list->values[list->n++] = is_presence && is_true(value) ? ASY_STR("filled") : value_text(list->page, value);
}

enum { CLAUSE_ALL = 2, CLAUSE_ANY, CLAUSE_NONE };
static const char *join_word(uint8_t clause)
{
    return clause == CLAUSE_ALL ? "all" : clause == CLAUSE_ANY ? "any" : "none";
}
/* The items of a joined condition: those of `none` stand below its negation. */
static const struct asy_cel_node *items_of(const struct asy_cel_node *node)
{
    return node->clause == CLAUSE_NONE && node->op == ASY_CEL_NOT ? node->args[0] : node;
}

static void print_expression(const struct page *page, const struct asy_cel_node *node)
{
    struct input_list list = {.page = page};
    asy_cel_walk(node, add_input, &list);
    fprintf(page->out, "%.*s", ASY_ARG(node->text));
    /* a name that stands alone says its value by being true or false */
    const bool is_plain = node->op == ASY_CEL_INPUT;
    for (uint32_t i = 0; i < list.n && !is_plain; i++)
        fprintf(page->out, "%s%.*s = %.*s", i == 0 ? "   with " : ", ", ASY_ARG(list.names[i]), ASY_ARG(list.values[i]));
    fputc('\n', page->out);
}

/* The clauses below a joined condition, each on a line with what it came to. */
static void print_clauses(const struct page *page, const struct asy_cel_node *node, int indent)
{
    const struct asy_cel_node *items = items_of(node);
    for (uint32_t i = 0; i < items->n_args; i++) {
        const struct asy_cel_node *item = items->args[i];
        fprintf(page->out, "%*s%-8s ", indent, "", truth_text(evaluate(page, item)));
        if (item->clause >= CLAUSE_ALL) {
            fprintf(page->out, "%s of\n", join_word(item->clause));
            print_clauses(page, item, indent + 4);
        } else {
            print_expression(page, item);
        }
    }
}

/* The rest of a line that asks a condition, and lines for its clauses. */
static void print_when(const struct page *page, const struct asy_cel_node *when, int indent)
{
    fputs("  ", page->out);
    if (when->clause < CLAUSE_ALL) {
        print_expression(page, when);
        return;
    }
    fprintf(page->out, "%s of\n", join_word(when->clause));
    print_clauses(page, when, indent + 2);
}

static void json_condition(const struct page *page, struct asy_json *json, const char *key, const struct asy_cel_node *node)
{
    asy_json_open(json, key, '{');
    asy_json_text(json, "result", asy_str_of(truth_text(evaluate(page, node))));
    if (node->clause >= CLAUSE_ALL) {
        const struct asy_cel_node *items = items_of(node);
        asy_json_open(json, join_word(node->clause), '[');
        for (uint32_t i = 0; i < items->n_args; i++) json_condition(page, json, NULL, items->args[i]);
        asy_json_close(json, ']');
    } else {
        struct input_list list = {.page = page};
        asy_cel_walk(node, add_input, &list);
        asy_json_text(json, "expression", node->text);
        asy_json_open(json, "inputs", '[');
        for (uint32_t i = 0; i < list.n; i++) {
            asy_json_open(json, NULL, '{');
            asy_json_text(json, "name", list.names[i]);
            asy_json_text(json, "value", list.values[i]);
            asy_json_close(json, '}');
        }
        asy_json_close(json, ']');
    }
    asy_json_close(json, '}');
}

/* -- scores ------------------------------------------------------------------------------------------------------------ */

/* "3 events, 2 within the window, 1 kept, newest 2026-10-30T08:11:00Z, capped from 24" */
static struct asy_str tally_text(const struct page *page, const struct asy_term *term, const struct asy_event_tally *tally)
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
    if (rule->at_most > 0)
        text = asy_pool_printf(pool, "%.*s, %llu within %u per %s", ASY_ARG(text), (unsigned long long)tally->n_kept, rule->at_most,
                               rule->per == ASY_PERIOD_DAY ? "day" : rule->per == ASY_PERIOD_WEEK ? "week" : "month");
    else if (!rule->each && tally->n_within > 1) text = asy_pool_printf(pool, "%.*s, the latest counts", ASY_ARG(text));
    if (tally->newest_s != 0)
        text = asy_pool_printf(pool, "%.*s, latest %.*s", ASY_ARG(text), (int)asy_time_format_s(tally->newest_s, when), when);
    if (rule->weight != ASY_WEIGHT_NONE)
        text = asy_pool_printf(pool, "%.*s, weight %.4f in all", ASY_ARG(text), (double)tally->sum_q30 / (1 << 30));
    if (tally->uncapped_milli != tally->points_milli)
        text = asy_pool_printf(pool, "%.*s, capped from %s", ASY_ARG(text), points_text(tally->uncapped_milli, true, points));
    return text;
}

static struct asy_str term_text(const struct page *page, uint32_t number)
{
    const struct asy_term *term = &page->session->program.terms[number];
    const struct asy_term_story *told = &page->story.terms[number];
    if (term->event_rule != NULL) return tally_text(page, term, &told->tally);
    if (term->rule->kind == ASY_RULE_PLUGIN) return ASY_STR("plugin, not evaluated yet");
    if (term->rule->kind == ASY_RULE_WHEN) return asy_str_of(truth_text(told->when));
    const struct asy_cel_value value = asy_lead_field(&page->session->store, term->rule->field, page->story.row);
    return asy_pool_printf(page->cli->pool, "%.*s = %.*s%s%.*s", ASY_ARG(page->rules->schema.fields[term->rule->field].name),
                           ASY_ARG(value_text(page, value)), told->line == NULL ? ", no line of the table" : ", line ",
                           told->line == NULL ? 0 : (int)told->line->key.len, told->line == NULL ? "" : told->line->key.p);
}

/* "keep_within 0..100: -15", only where it changed something. */
static void print_change(const struct page *page, const char *what, int64_t milli)
{
    char points[32];
    if (milli != 0) fprintf(page->out, "    %-*s %9s\n", page->name_width, what, points_text(milli, true, points));
}

static const char *keep_text(const struct page *page, const struct asy_score *score)
{
    char lo[32], hi[32];
    if (!score->has_keep) return "kept within 2,000,000 points";
    const struct asy_str text = asy_pool_printf(page->cli->pool, "kept within %s..%s", points_text(score->keep_lo_milli, false, lo),
                                                points_text(score->keep_hi_milli, false, hi));
    return text.p == NULL ? "" : text.p;
}
static const char *idle_text(const struct page *page, const struct asy_score_story *told)
{
    const struct asy_str text = asy_pool_printf(page->cli->pool, "idle %u days: %g%% off", told->idle_days,
                                                (double)told->share_off / 1000.0);
    return text.p == NULL ? "" : text.p;
}

static void print_filled(const struct page *page, const struct asy_score *score, const struct asy_score_story *told)
{
    fprintf(page->out, "    %u of %u filled", told->n_filled, score->n_filled);
    const char *before = "; missing:";
    for (uint32_t f = 0; f < score->n_filled; f++) {
        const struct asy_filled_item *item = &score->filled[f];
        struct asy_cel_input input = {.kind = ASY_IN_EVENT_COUNT, .index = item->event, .window_s = ASY_NO_WINDOW};
        const bool is_there = item->field != ASY_NONE
                                  ? asy_column_filled(&page->session->store.columns[item->field], page->story.row)
                                  : asy_lead_read((void *)&page->story, &input).i > 0;
        if (is_there) continue;
        fprintf(page->out, "%s %.*s", before, ASY_ARG(item->name));
        before = ",";
    }
    fputc('\n', page->out);
}

static void print_score(const struct page *page, uint32_t number)
{
    const struct asy_score *score = &page->rules->scores[number];
    const struct asy_score_story *told = &page->story.scores[number];
    char points[32];
    fprintf(page->out, "\nscore.%.*s = %s\n", ASY_ARG(score->name), points_text(told->final_milli, false, points));
    for (uint32_t p = 0; p < score->n_parts; p++)
        fprintf(page->out, "    %-*.*s %9s\n", page->name_width, ASY_ARG(page->rules->scores[score->parts[p]].name),
                points_text(page->story.scores[score->parts[p]].final_milli, true, points));
    if (score->kind == ASY_SCORE_FILLED) print_filled(page, score, told);
    for (uint32_t t = page->session->program.first_term[number]; t < page->session->program.first_term[number + 1]; t++) {
        const struct asy_term *term = &page->session->program.terms[t];
        const struct asy_str why = term_text(page, t);
        fprintf(page->out, "    %-*.*s %9s   %.*s", page->name_width, ASY_ARG(term->name),
                points_text(page->story.terms[t].points_milli, true, points), ASY_ARG(why));
        if (term->rule != NULL && term->rule->kind == ASY_RULE_WHEN) print_when(page, term->rule->when, page->name_width + 17);
        else fputc('\n', page->out);
    }
    print_change(page, keep_text(page, score), told->kept_milli - told->sum_milli);
    if (told->share_off > 0) print_change(page, idle_text(page, told), told->decayed_milli - told->kept_milli);
    print_change(page, "rounded", told->final_milli - told->decayed_milli);
}

/* -- decisions ---------------------------------------------------------------------------------------------------------- */

/* One rule that was asked, what it said and why. */
static void print_asked(const struct page *page, struct asy_str name, const struct asy_test *test, const char *verdict)
{
    fprintf(page->out, "    %-*.*s %-9s", page->name_width, ASY_ARG(name), verdict);
    if (test->when != NULL) print_when(page, test->when, page->name_width + 15);
    else fprintf(page->out, "  %s\n", test->is_otherwise ? "otherwise" : "plugin, not evaluated yet");
}
static const char *verdict_of(const struct asy_test *test, struct asy_cel_value value)
{
    if (test->when == NULL && !test->is_otherwise) return "not asked";
    return is_true(value) ? "yes" : value.type == ASY_CEL_BOOL ? "no" : "unknown";
}

static void print_disqualify(const struct page *page)
{
    const struct asy_rules *rules = page->rules;
    if (rules->n_disqualify == 0) return;
    const uint32_t by = page->story.disqualified_by;
    fprintf(page->out, "\ndisqualified: %s%.*s\n", by == 0 ? "no" : "yes, by ", by == 0 ? 0 : (int)rules->disqualify[by - 1].name.len,
            by == 0 ? "" : rules->disqualify[by - 1].name.p);
    for (uint32_t i = 0; i < rules->n_disqualify; i++)
        print_asked(page, rules->disqualify[i].name, &rules->disqualify[i].test,
                    verdict_of(&rules->disqualify[i].test, page->story.disqualify[i]));
}

/* Why the owner is who he is. */
static struct asy_str owner_text(const struct page *page)
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
    const struct asy_team *team = &rules->teams[route->team];
    const uint32_t roster = asy_assign_roster(&session->program, team, row);
    if (owner.len == 0) return asy_pool_printf(pool, "nobody: team %.*s has no member for this territory", ASY_ARG(team->name));
    if (asy_assign_keeps(&session->program, team, asy_current_owner(&session->program, &session->state, row)))
        return asy_pool_printf(pool, "%.*s, kept: already a member of %.*s", ASY_ARG(owner), ASY_ARG(team->name));
    return asy_pool_printf(pool, "%.*s, by round robin in %.*s, %.*s (order: score, then lead id)", ASY_ARG(owner), ASY_ARG(team->name),
                           ASY_ARG(asy_roster_name(rules, roster)));
}

static void print_route(const struct page *page)
{
    const struct asy_rules *rules = page->rules;
    const uint32_t chosen = page->story.route;
    if (rules->n_routes == 0) return;
    fprintf(page->out, "\nroute: %.*s\n", chosen == 0 ? 7 : (int)rules->routes[chosen - 1].name.len,
            chosen == 0 ? "nothing" : rules->routes[chosen - 1].name.p);
    for (uint32_t i = 0; i < rules->n_routes && (chosen == 0 || i < chosen); i++)
        print_asked(page, rules->routes[i].name, &rules->routes[i].test,
                    verdict_of(&rules->routes[i].test, page->story.routes[i]));
    if (chosen == 0) return;
    const struct asy_route *route = &rules->routes[chosen - 1];
    const struct asy_str owner = asy_term_clean(page->cli->pool, owner_text(page));
    fprintf(page->out, "    owner: %.*s\n", ASY_ARG(owner));
    if (route->flag.len > 0) fprintf(page->out, "    flag: %.*s\n", ASY_ARG(route->flag));
    if (route->respond_within_s > 0) {
        char when[32];
        const int64_t by_s = page->session->results.routed_at_s[page->story.row] + route->respond_within_s;
        fprintf(page->out, "    respond by: %.*s\n", (int)asy_time_format_s(by_s, when), when);
    }
    for (uint32_t i = 0; i < route->n_then; i++) fprintf(page->out, "    then: %.*s\n", ASY_ARG(route->then[i]));
}

static void print_recycle(const struct page *page)
{
    const struct asy_rules *rules = page->rules;
    const uint32_t chosen = page->story.recycled;
    if (rules->n_recycle == 0) return;
    fprintf(page->out, "\nrecycle: %.*s\n", chosen == 0 ? 2 : (int)rules->recycle[chosen - 1].name.len,
            chosen == 0 ? "no" : rules->recycle[chosen - 1].name.p);
    for (uint32_t i = 0; i < rules->n_recycle && (chosen == 0 || i < chosen); i++)
        print_asked(page, rules->recycle[i].name, &rules->recycle[i].test,
                    verdict_of(&rules->recycle[i].test, page->story.recycle[i]));
    if (chosen > 0 && rules->recycle[chosen - 1].to.len > 0)
        fprintf(page->out, "    to: %.*s%s%.*s\n", ASY_ARG(rules->recycle[chosen - 1].to),
                rules->recycle[chosen - 1].play.len > 0 ? ", play: " : "", ASY_ARG(rules->recycle[chosen - 1].play));
}

static void print_page(const struct page *page)
{
    const struct assay *session = page->session;
    const struct asy_str id = asy_term_clean(page->cli->pool, asy_keys_text(&session->store.keys, page->story.row));
    char when[32];
    fprintf(page->out, "lead %.*s by %.*s, as of %.*s\n", ASY_ARG(id), ASY_ARG(page->rules->name),
            (int)asy_time_format_s(session->as_of_s, when), when);
    for (uint32_t s = 0; s < page->rules->n_scores; s++) print_score(page, s);
    if (page->rules->n_grades > 0) {
        const uint32_t grade = page->story.grade;
        const struct asy_str by = page->rules->scores[page->rules->grade_by].name;
        fprintf(page->out, "\ngrade: %s%.*s\n", page->story.disqualified_by > 0 ? "disqualified; by score it would be " : "",
                grade == 0 ? 4 : (int)page->rules->grades[grade - 1].name.len,
                grade == 0 ? "none" : page->rules->grades[grade - 1].name.p);
        for (uint32_t g = 0; g < page->rules->n_grades; g++) {
            char from[32];
            fprintf(page->out, "    %-*.*s from score.%.*s %s%s\n", page->name_width, ASY_ARG(page->rules->grades[g].name), ASY_ARG(by),
                    points_text(page->rules->grades[g].from_milli, false, from), g + 1 == grade ? "   <- this lead" : "");
        }
    }
    print_disqualify(page);
    print_route(page);
    print_recycle(page);
    if (page->rules->not_evaluated.len > 0)
        fprintf(page->out, "\nchecked but not evaluated yet: %.*s\n", ASY_ARG(page->rules->not_evaluated));
}

/* -- JSON ---------------------------------------------------------------------------------------------------------------- */

static void json_scores(const struct page *page, struct asy_json *json)
{
    asy_json_open(json, "scores", '[');
    for (uint32_t s = 0; s < page->rules->n_scores; s++) {
        const struct asy_score *score = &page->rules->scores[s];
        const struct asy_score_story *told = &page->story.scores[s];
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "name", score->name);
        asy_json_milli(json, "score", told->final_milli);
        asy_json_open(json, "terms", '[');
        for (uint32_t p = 0; p < score->n_parts; p++) {
            asy_json_open(json, NULL, '{');
            asy_json_text(json, "name", page->rules->scores[score->parts[p]].name);
            asy_json_milli(json, "points", page->story.scores[score->parts[p]].final_milli);
            asy_json_close(json, '}');
        }
        for (uint32_t t = page->session->program.first_term[s]; t < page->session->program.first_term[s + 1]; t++) {
            const struct asy_term *term = &page->session->program.terms[t];
            asy_json_open(json, NULL, '{');
            asy_json_text(json, "name", term->name);
            asy_json_milli(json, "points", page->story.terms[t].points_milli);
            asy_json_text(json, "why", term_text(page, t));
            if (term->rule != NULL && term->rule->kind == ASY_RULE_WHEN) json_condition(page, json, "when", term->rule->when);
            asy_json_close(json, '}');
        }
        asy_json_close(json, ']');
        if (score->kind == ASY_SCORE_FILLED) asy_json_milli(json, "filled_share", told->sum_milli);
        asy_json_milli(json, "keep_within", told->kept_milli - told->sum_milli);
        asy_json_milli(json, "idle_decay", told->decayed_milli - told->kept_milli);
        if (told->is_active) asy_json_int(json, "idle_days", told->idle_days);
        asy_json_milli(json, "rounding", told->final_milli - told->decayed_milli);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
}

static void json_asked(const struct page *page, struct asy_json *json, struct asy_str name, const struct asy_test *test,
                       struct asy_cel_value value)
{
    asy_json_open(json, NULL, '{');
    asy_json_text(json, "name", name);
    asy_json_text(json, "verdict", asy_str_of(verdict_of(test, value)));
    if (test->when != NULL) json_condition(page, json, "when", test->when);
    asy_json_close(json, '}');
}

static int print_json(const struct page *page)
{
    const struct assay *session = page->session;
    const struct asy_rules *rules = page->rules;
    const uint32_t row = page->story.row;
    struct asy_json json;
    char when[32];
    asy_json_init(&json, page->cli->mem);
    asy_json_open(&json, NULL, '{');
    asy_json_int(&json, "schema_version", 1);
    asy_json_text(&json, "lead_id", asy_keys_text(&session->store.keys, row));
    asy_json_text(&json, "ruleset", rules->name);
    asy_json_text(&json, "as_of", (struct asy_str){when, asy_time_format_s(session->as_of_s, when)});
    json_scores(page, &json);
    asy_json_text(&json, "grade", asy_str_of(assay_grade(session, row)));
    asy_json_text(&json, "disqualified_by", asy_str_of(assay_disqualified_by(session, row)));
    asy_json_open(&json, "disqualifiers", '[');
    for (uint32_t i = 0; i < rules->n_disqualify; i++)
        json_asked(page, &json, rules->disqualify[i].name, &rules->disqualify[i].test, page->story.disqualify[i]);
    asy_json_close(&json, ']');
    asy_json_text(&json, "route", asy_str_of(assay_route(session, row)));
    asy_json_text(&json, "owner", asy_dict_text(&session->results.owners, session->results.owner[row]));
    asy_json_text(&json, "owner_why", owner_text(page));
    asy_json_open(&json, "routes", '[');
    for (uint32_t i = 0; i < rules->n_routes && (page->story.route == 0 || i < page->story.route); i++)
        json_asked(page, &json, rules->routes[i].name, &rules->routes[i].test, page->story.routes[i]);
    asy_json_close(&json, ']');
    asy_json_text(&json, "recycle", asy_str_of(assay_recycle(session, row)));
    asy_json_open(&json, "recycling", '[');
    for (uint32_t i = 0; i < rules->n_recycle && (page->story.recycled == 0 || i < page->story.recycled); i++)
        json_asked(page, &json, rules->recycle[i].name, &rules->recycle[i].test, page->story.recycle[i]);
    asy_json_close(&json, ']');
    asy_json_text(&json, "not_evaluated", rules->not_evaluated);
    asy_json_close(&json, '}');
    const struct asy_str text = asy_json_finish(&json);
    if (text.p != NULL) fwrite(text.p, 1, text.len, page->out);
    asy_json_fini(&json);
    return text.p != NULL ? ASY_EXIT_OK : ASY_EXIT_FAILED;
}

/* ------------------------------------------------------------------------------------------------------------------------- */

/* Wide enough for the longest name, within reason. */
static int name_width(const struct page *page)
{
    const struct asy_rules *rules = page->rules;
    uint32_t width = 24;
    for (uint32_t t = 0; t < page->session->program.n_terms; t++)
        if (page->session->program.terms[t].name.len > width) width = page->session->program.terms[t].name.len;
    for (uint32_t i = 0; i < rules->n_disqualify; i++)
        if (rules->disqualify[i].name.len > width) width = rules->disqualify[i].name.len;
    for (uint32_t i = 0; i < rules->n_routes; i++)
        if (rules->routes[i].name.len > width) width = rules->routes[i].name.len;
    for (uint32_t i = 0; i < rules->n_recycle; i++)
        if (rules->recycle[i].name.len > width) width = rules->recycle[i].name.len;
    return width > 48 ? 48 : (int)width;
}

static int explain(struct page *page, const char *lead_id)
{
    struct assay *session = page->session;
    const uint32_t row = assay_find_lead(session, lead_id);
    if (row == ASY_ROW_NONE) {
        fprintf(page->cli->io.err, "assay: %s: no lead has the id \"%s\"; ids are compared byte by byte\n",
                asy_args_text(&page->cli->args, "leads"), lead_id);
        return ASY_EXIT_FAILED;
    }
    if (!asy_lead_tell(&page->story, &session->program, row, page->cli->pool)) {
        fputs("assay: out of memory\n", page->cli->io.err);
        return ASY_EXIT_FAILED;
    }
    if (asy_args_has(&page->cli->args, "json")) return print_json(page);
    print_page(page);
    return ASY_EXIT_OK;
}

int asy_verb_explain(struct asy_cli *cli)
{
    struct page page = {.cli = cli, .out = cli->io.out};
    struct asy_cli_times times;
    const int code = asy_cli_session(cli, false, &page.session, &times);
    if (code != ASY_EXIT_OK) return code;
    page.rules = &page.session->rules;
    page.name_width = name_width(&page);
    const int done = explain(&page, cli->args.operands[1]);
    assay_close(page.session);
    return done;
}
