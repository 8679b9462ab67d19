/* assay explain --json. */
#include "base/time.h"
#include "cli/explain.h"
#include "cli/json.h"

static void json_inputs(struct asy_json *json, const struct asy_explain_list *list)
{
    asy_json_open(json, "inputs", '[');
    for (uint32_t i = 0; i < list->n; i++) {
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "name", list->names[i]);
        asy_json_text(json, "value", list->values[i]);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
}

static void json_condition(const struct asy_explained *page, struct asy_json *json, const char *key, const struct asy_cel_node *node)
{
    asy_json_open(json, key, '{');
    asy_json_text(json, "result", asy_str_of(asy_explain_truth(asy_explain_evaluate(page, node))));
    if (node->clause >= ASY_CLAUSE_ALL) {
        const struct asy_cel_node *items = asy_explain_items(node);
        asy_json_open(json, asy_explain_join_word(node->clause), '[');
        for (uint32_t i = 0; i < items->n_args; i++) json_condition(page, json, NULL, items->args[i]);
        asy_json_close(json, ']');
    } else {
        struct asy_explain_list list;
        asy_explain_inputs(page, node, &list);
        asy_json_text(json, "expression", node->text);
        json_inputs(json, &list);
    }
    asy_json_close(json, '}');
}

static void json_filled(const struct asy_explained *page, struct asy_json *json, const struct asy_score *score,
                        const struct asy_score_story *told)
{
    asy_json_milli(json, "filled_share", told->sum_milli);
    asy_json_open(json, "missing", '[');
    for (uint32_t f = 0; f < score->n_filled; f++)
        if (!asy_explain_has_item(page, &score->filled[f])) asy_json_text(json, NULL, score->filled[f].name);
    asy_json_close(json, ']');
}

static void json_time(struct asy_json *json, const char *key, int64_t utc_s)
{
    char when[32];
    asy_json_text(json, key, (struct asy_str){when, asy_time_format_s(utc_s, when)});
}

/* "reason": null where the plugin has nothing to say about the lead; "no_verdict" where it failed on it. */
static void json_plugin(const struct asy_explained *page, struct asy_json *json, uint32_t call, const struct asy_verdict_story *verdict)
{
    struct asy_explain_list list;
    asy_explain_reads(page, call, &list);
    asy_json_open(json, "plugin", '{');
    asy_json_text(json, "name", page->rules->plugins[page->rules->calls[call].plugin].name);
    if (verdict->is_empty) {
        asy_json_text(json, "no_verdict", verdict->why_empty);
    } else if (verdict->reason == NULL) {
        asy_json_null(json, "reason");
    } else {
        asy_json_text(json, "reason", verdict->reason->id);
        asy_json_text(json, "reason_text", verdict->reason->text);
        if (verdict->target.len > 0) asy_json_text(json, "target", verdict->target);
        if (verdict->due_s > 0) json_time(json, "due", verdict->due_s);
    }
    json_inputs(json, &list);
    asy_json_close(json, '}');
}

static void json_score(struct asy_json *json, const char *key, const struct asy_score_story *told)
{
    if (told->is_empty) asy_json_null(json, key);
    else asy_json_milli(json, key, told->final_milli);
}

static void json_term(const struct asy_explained *page, struct asy_json *json, uint32_t number)
{
    const struct asy_term *term = &page->session->program.terms[number];
    const struct asy_term_story *told = &page->story.terms[number];
    const bool is_plugin = term->rule != NULL && term->rule->kind == ASY_RULE_PLUGIN;
    asy_json_open(json, NULL, '{');
    asy_json_text(json, "name", term->name);
    if (is_plugin && told->verdict.is_empty) asy_json_null(json, "points");
    else asy_json_milli(json, "points", told->points_milli);
    asy_json_text(json, "why", asy_explain_term(page, number));
    if (term->rule != NULL && term->rule->kind == ASY_RULE_WHEN) json_condition(page, json, "when", term->rule->when);
    if (is_plugin) json_plugin(page, json, term->rule->call, &told->verdict);
    asy_json_close(json, '}');
}

static void json_scores(const struct asy_explained *page, struct asy_json *json)
{
    asy_json_open(json, "scores", '[');
    for (uint32_t s = 0; s < page->rules->n_scores; s++) {
        const struct asy_score *score = &page->rules->scores[s];
        const struct asy_score_story *told = &page->story.scores[s];
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "name", score->name);
        json_score(json, "score", told);
        asy_json_open(json, "terms", '[');
        for (uint32_t p = 0; p < score->n_parts; p++) {
            asy_json_open(json, NULL, '{');
            asy_json_text(json, "name", page->rules->scores[score->parts[p]].name);
            json_score(json, "points", &page->story.scores[score->parts[p]]);
            asy_json_close(json, '}');
        }
        for (uint32_t t = page->session->program.first_term[s]; t < page->session->program.first_term[s + 1]; t++)
            json_term(page, json, t);
        asy_json_close(json, ']');
        if (score->kind == ASY_SCORE_FILLED) json_filled(page, json, score, told);
        asy_json_milli(json, "keep_within", told->kept_milli - told->sum_milli);
        asy_json_milli(json, "idle_decay", told->decayed_milli - told->kept_milli);
        if (told->is_active) asy_json_int(json, "idle_days", told->idle_days);
        asy_json_milli(json, "rounding", told->final_milli - told->decayed_milli);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
}

/* What follows from the route and from recycling. */
static void json_route(const struct asy_explained *page, struct asy_json *json)
{
    const struct assay *session = page->session;
    if (page->story.route == 0) return;
    const struct asy_route *route = &page->rules->routes[page->story.route - 1];
    asy_json_text(json, "flag", route->flag);
    if (route->respond_within_s > 0)
        json_time(json, "respond_by", session->results.routed_at_s[page->story.row] + route->respond_within_s);
    asy_json_open(json, "then", '[');
    for (uint32_t i = 0; i < route->n_then; i++) asy_json_text(json, NULL, route->then[i]);
    asy_json_close(json, ']');
}
static void json_recycle(const struct asy_explained *page, struct asy_json *json)
{
    if (page->story.recycled == 0) return;
    const struct asy_recycle *recycle = &page->rules->recycle[page->story.recycled - 1];
    asy_json_text(json, "recycle_to", recycle->to);
    asy_json_text(json, "play", recycle->play);
    const int64_t due_s = asy_explain_due_s(page);
    if (due_s > 0) json_time(json, "recycle_due", due_s);
}

static void json_asked(const struct asy_explained *page, struct asy_json *json, struct asy_str name, const struct asy_test *test,
                       struct asy_cel_value value, const struct asy_verdict_story *verdict)
{
    asy_json_open(json, NULL, '{');
    asy_json_text(json, "name", name);
    asy_json_text(json, "verdict", asy_str_of(asy_explain_verdict(value)));
    if (test->when != NULL) json_condition(page, json, "when", test->when);
    if (test->call != ASY_NONE) json_plugin(page, json, test->call, verdict);
    asy_json_close(json, '}');
}

/* From the last stage up to the one that the lead enters, and what that requires in vain. */
static void json_stage(const struct asy_explained *page, struct asy_json *json)
{
    const struct asy_rules *rules = page->rules;
    const uint32_t chosen = page->story.stage;
    asy_json_text(json, "stage", asy_str_of(assay_stage(page->session, page->story.row)));
    asy_json_open(json, "lacks", '[');
    for (uint32_t i = 0; chosen > 0 && i < rules->stages[chosen - 1].n_require; i++) {
        const uint32_t field = rules->stages[chosen - 1].require[i];
        if (asy_explain_lacks(page, field)) asy_json_text(json, NULL, rules->schema.fields[field].name);
    }
    asy_json_close(json, ']');
    asy_json_open(json, "stages", '[');
    for (uint32_t i = rules->n_stages; i > 0 && i >= chosen; i--)
        json_asked(page, json, rules->stages[i - 1].name, &rules->stages[i - 1].test, page->story.stages[i - 1], NULL);
    asy_json_close(json, ']');
}
static void json_nurture(const struct asy_explained *page, struct asy_json *json)
{
    const struct asy_rules *rules = page->rules;
    const uint32_t chosen = page->story.segment;
    asy_json_text(json, "nurture", asy_str_of(assay_nurture(page->session, page->story.row)));
    asy_json_open(json, "segments", '[');
    for (uint32_t i = 0; i < rules->n_segments && (chosen == 0 || i < chosen); i++)
        json_asked(page, json, rules->segments[i].name, &rules->segments[i].test, page->story.segments[i], NULL);
    asy_json_close(json, ']');
}

int asy_explain_json(const struct asy_explained *page)
{
    const struct assay *session = page->session;
    const struct asy_rules *rules = page->rules;
    const uint32_t row = page->story.row;
    struct asy_json json;
    asy_json_init(&json, page->cli->mem);
    asy_json_open(&json, NULL, '{');
    asy_json_int(&json, "schema_version", 1);
    asy_json_text(&json, "lead_id", asy_keys_text(&session->store.keys, row));
    asy_json_text(&json, "ruleset", rules->name);
    json_time(&json, "as_of", session->as_of_s);
    json_scores(page, &json);
    asy_json_text(&json, "grade", asy_str_of(assay_grade(session, row)));
    asy_json_text(&json, "disqualified_by", asy_str_of(assay_disqualified_by(session, row)));
    if (page->story.disqualified_by > 0) asy_json_text(&json, "reason", rules->disqualify[page->story.disqualified_by - 1].reason);
    asy_json_open(&json, "disqualifiers", '[');
    for (uint32_t i = 0; i < rules->n_disqualify; i++)
        json_asked(page, &json, rules->disqualify[i].name, &rules->disqualify[i].test, page->story.disqualify[i],
                   &page->story.disqualify_verdicts[i]);
    asy_json_close(&json, ']');
    json_stage(page, &json);
    asy_json_text(&json, "route", asy_str_of(assay_route(session, row)));
    asy_json_text(&json, "owner", asy_dict_text(&session->results.owners, session->results.owner[row]));
    asy_json_text(&json, "owner_why", asy_explain_owner(page));
    json_route(page, &json);
    asy_json_open(&json, "routes", '[');
    for (uint32_t i = 0; i < rules->n_routes && (page->story.route == 0 || i < page->story.route); i++)
        json_asked(page, &json, rules->routes[i].name, &rules->routes[i].test, page->story.routes[i],
                   &page->story.route_verdicts[i]);
    asy_json_close(&json, ']');
    asy_json_text(&json, "recycle", asy_str_of(assay_recycle(session, row)));
    json_recycle(page, &json);
    asy_json_open(&json, "recycling", '[');
    for (uint32_t i = 0; i < rules->n_recycle && (page->story.recycled == 0 || i < page->story.recycled); i++)
        json_asked(page, &json, rules->recycle[i].name, &rules->recycle[i].test, page->story.recycle[i],
                   &page->story.recycle_verdicts[i]);
    asy_json_close(&json, ']');
    json_nurture(page, &json);
    asy_json_text(&json, "not_evaluated", rules->not_evaluated);
    asy_json_close(&json, '}');
    const struct asy_str text = asy_json_finish(&json);
    if (text.p != NULL) fwrite(text.p, 1, text.len, page->out);
    asy_json_fini(&json);
    return text.p != NULL ? ASY_EXIT_OK : ASY_EXIT_FAILED;
}
