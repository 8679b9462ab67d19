/* assay explain: the page. */
#include "base/time.h"
#include "cli/explain.h"
#include "cli/term.h"

/* -- conditions clause by clause ------------------------------------------------------------------------------------- */

static void print_inputs(const struct asy_explained *page, const struct asy_explain_list *list)
{
    for (uint32_t i = 0; i < list->n; i++)
        fprintf(page->out, "%s%.*s = %.*s", i == 0 ? "   with " : ", ", ASY_ARG(list->names[i]), ASY_ARG(list->values[i]));
    fputc('\n', page->out);
}

static void print_expression(const struct asy_explained *page, const struct asy_cel_node *node)
{
    struct asy_explain_list list = {.page = page};
    fprintf(page->out, "%.*s", ASY_ARG(node->text));
    /* a name that stands alone says its value by being true or false */
    if (node->op != ASY_CEL_INPUT) asy_explain_inputs(page, node, &list);
    print_inputs(page, &list);
}

/* The end of a line about a plugin: what it was shown. */
static void print_reads(const struct asy_explained *page, uint32_t call)
{
    struct asy_explain_list list;
    asy_explain_reads(page, call, &list);
    print_inputs(page, &list);
}

/* The clauses below a joined condition, each on a line with what it came to. */
static void print_clauses(const struct asy_explained *page, const struct asy_cel_node *node, int indent)
{
    const struct asy_cel_node *items = asy_explain_items(node);
    for (uint32_t i = 0; i < items->n_args; i++) {
        const struct asy_cel_node *item = items->args[i];
        fprintf(page->out, "%*s%-8s ", indent, "", asy_explain_truth(asy_explain_evaluate(page, item)));
        if (item->clause >= ASY_CLAUSE_ALL) {
            fprintf(page->out, "%s of\n", asy_explain_join_word(item->clause));
            print_clauses(page, item, indent + 4);
        } else {
            print_expression(page, item);
        }
    }
}

/* The rest of a line that asks a condition, and lines for its clauses. */
static void print_when(const struct asy_explained *page, const struct asy_cel_node *when, int indent)
{
    fputs("  ", page->out);
    if (when->clause < ASY_CLAUSE_ALL) {
        print_expression(page, when);
        return;
    }
    fprintf(page->out, "%s of\n", asy_explain_join_word(when->clause));
    print_clauses(page, when, indent + 2);
}

/* -- scores ------------------------------------------------------------------------------------------------------------ */

/* "keep_within 0..100: -15", only where it changed something. */
static void print_change(const struct asy_explained *page, const char *what, int64_t milli)
{
    char points[32];
    if (milli != 0) fprintf(page->out, "    %-*s %9s\n", page->name_width, what, asy_explain_points(milli, true, points));
}

static const char *keep_text(const struct asy_explained *page, const struct asy_score *score)
{
    char lo[32], hi[32];
    if (!score->has_keep) return "kept within 2,000,000 points";
    const struct asy_str text = asy_pool_printf(page->cli->pool, "kept within %s..%s", asy_explain_points(score->keep_lo_milli, false, lo),
                                                asy_explain_points(score->keep_hi_milli, false, hi));
    return text.p == NULL ? "" : text.p;
}
static const char *idle_text(const struct asy_explained *page, const struct asy_score_story *told)
{
    const struct asy_str text = asy_pool_printf(page->cli->pool, "idle %u days: %g%% off", told->idle_days,
                                                (double)told->share_off / 1000.0);
    return text.p == NULL ? "" : text.p;
}

static void print_filled(const struct asy_explained *page, const struct asy_score *score, const struct asy_score_story *told)
{
    fprintf(page->out, "    %u of %u filled", told->n_filled, score->n_filled);
    const char *before = "; missing:";
    for (uint32_t f = 0; f < score->n_filled; f++) {
        const struct asy_filled_item *item = &score->filled[f];
        if (asy_explain_has_item(page, item)) continue;
        fprintf(page->out, "%s %.*s", before, ASY_ARG(item->name));
        before = ",";
    }
    fputc('\n', page->out);
}

/* "12.5", or "empty". */
static const char *score_text(const struct asy_score_story *told, bool with_sign, char out[32])
{
    return told->is_empty ? "empty" : asy_explain_points(told->final_milli, with_sign, out);
}

static void print_term(const struct asy_explained *page, uint32_t number)
{
    const struct asy_term *term = &page->session->program.terms[number];
    const struct asy_term_story *told = &page->story.terms[number];
    const struct asy_str why = asy_explain_term(page, number);
    const bool is_plugin = term->rule != NULL && term->rule->kind == ASY_RULE_PLUGIN;
    char points[32];
    fprintf(page->out, "    %-*.*s %9s   %.*s", page->name_width, ASY_ARG(term->name),
            is_plugin && told->verdict.is_empty ? "empty" : asy_explain_points(told->points_milli, true, points), ASY_ARG(why));
    if (is_plugin) print_reads(page, term->rule->call);
    else if (term->rule != NULL && term->rule->kind == ASY_RULE_WHEN) print_when(page, term->rule->when, page->name_width + 17);
    else fputc('\n', page->out);
}

static void print_score(const struct asy_explained *page, uint32_t number)
{
    const struct asy_score *score = &page->rules->scores[number];
    const struct asy_score_story *told = &page->story.scores[number];
    char points[32];
    fprintf(page->out, "\nscore.%.*s = %s%s\n", ASY_ARG(score->name), score_text(told, false, points),
            told->is_empty ? ": a plugin's verdict is missing" : "");
    for (uint32_t p = 0; p < score->n_parts; p++)
        fprintf(page->out, "    %-*.*s %9s\n", page->name_width, ASY_ARG(page->rules->scores[score->parts[p]].name),
                score_text(&page->story.scores[score->parts[p]], true, points));
    if (score->kind == ASY_SCORE_FILLED) print_filled(page, score, told);
    for (uint32_t t = page->session->program.first_term[number]; t < page->session->program.first_term[number + 1]; t++) print_term(page, t);
    if (told->is_empty) return;
    print_change(page, keep_text(page, score), told->kept_milli - told->sum_milli);
    if (told->share_off > 0) print_change(page, idle_text(page, told), told->decayed_milli - told->kept_milli);
    print_change(page, "rounded", told->final_milli - told->decayed_milli);
}

/* -- decisions ---------------------------------------------------------------------------------------------------------- */

/* One rule that was asked, what it said and why. `verdict`: of its plugin, if it may have one. */
static void print_asked(const struct asy_explained *page, struct asy_str name, const struct asy_test *test, struct asy_cel_value value,
                        const struct asy_verdict_story *verdict)
{
    fprintf(page->out, "    %-*.*s %-9s", page->name_width, ASY_ARG(name), asy_explain_verdict(value));
    if (test->call != ASY_NONE) {
        const struct asy_str said = asy_explain_plugin(page, test->call, verdict);
        fprintf(page->out, "  %.*s", ASY_ARG(said));
        print_reads(page, test->call);
    } else if (test->when != NULL) {
        print_when(page, test->when, page->name_width + 15);
    } else {
        fputs("  otherwise\n", page->out);
    }
}
static void print_disqualify(const struct asy_explained *page)
{
    const struct asy_rules *rules = page->rules;
    if (rules->n_disqualify == 0) return;
    const uint32_t by = page->story.disqualified_by;
    if (by == 0) fputs("\ndisqualified: no\n", page->out);
    else fprintf(page->out, "\ndisqualified: yes, by %.*s\n", ASY_ARG(rules->disqualify[by - 1].name));
    if (by > 0 && rules->disqualify[by - 1].reason.len > 0)
        fprintf(page->out, "    reason: %.*s\n", ASY_ARG(rules->disqualify[by - 1].reason));
    for (uint32_t i = 0; i < rules->n_disqualify; i++)
        print_asked(page, rules->disqualify[i].name, &rules->disqualify[i].test, page->story.disqualify[i],
                    &page->story.disqualify_verdicts[i]);
}

static void print_lacking(const struct asy_explained *page, const struct asy_life_stage *stage)
{
    const char *before = "    lacks";
    for (uint32_t i = 0; i < stage->n_require; i++) {
        if (!asy_explain_lacks(page, stage->require[i])) continue;
        fprintf(page->out, "%s %.*s", before, ASY_ARG(page->rules->schema.fields[stage->require[i]].name));
        before = ",";
    }
    if (before[0] == ',') fputs(", required in this stage\n", page->out);
}

/* From the last stage up to the one that the lead enters. */
static void print_stage(const struct asy_explained *page)
{
    const struct asy_rules *rules = page->rules;
    const uint32_t chosen = page->story.stage;
    if (rules->n_stages == 0) return;
    fprintf(page->out, "\nstage: %.*s\n", chosen == 0 ? 4 : (int)rules->stages[chosen - 1].name.len,
            chosen == 0 ? "none" : rules->stages[chosen - 1].name.p);
    for (uint32_t i = rules->n_stages; i > 0 && i >= chosen; i--)
        print_asked(page, rules->stages[i - 1].name, &rules->stages[i - 1].test, page->story.stages[i - 1], NULL);
    if (chosen > 0) print_lacking(page, &rules->stages[chosen - 1]);
}

static void print_route(const struct asy_explained *page)
{
    const struct asy_rules *rules = page->rules;
    const uint32_t chosen = page->story.route;
    if (rules->n_routes == 0) return;
    fprintf(page->out, "\nroute: %.*s\n", chosen == 0 ? 7 : (int)rules->routes[chosen - 1].name.len,
            chosen == 0 ? "nothing" : rules->routes[chosen - 1].name.p);
    for (uint32_t i = 0; i < rules->n_routes && (chosen == 0 || i < chosen); i++)
        print_asked(page, rules->routes[i].name, &rules->routes[i].test, page->story.routes[i],
                    &page->story.route_verdicts[i]);
    if (chosen == 0) return;
    const struct asy_route *route = &rules->routes[chosen - 1];
    const struct asy_str owner = asy_term_clean(page->cli->pool, asy_explain_owner(page));
    fprintf(page->out, "    owner: %.*s\n", ASY_ARG(owner));
    if (route->flag.len > 0) fprintf(page->out, "    flag: %.*s\n", ASY_ARG(route->flag));
    if (route->respond_within_s > 0) {
        char when[32];
        const int64_t by_s = page->session->results.routed_at_s[page->story.row] + route->respond_within_s;
        fprintf(page->out, "    respond by: %.*s\n", (int)asy_time_format_s(by_s, when), when);
    }
    for (uint32_t i = 0; i < route->n_then; i++) fprintf(page->out, "    then: %.*s\n", ASY_ARG(route->then[i]));
}

static void print_recycle(const struct asy_explained *page)
{
    const struct asy_rules *rules = page->rules;
    const uint32_t chosen = page->story.recycled;
    if (rules->n_recycle == 0) return;
    fprintf(page->out, "\nrecycle: %.*s\n", chosen == 0 ? 2 : (int)rules->recycle[chosen - 1].name.len,
            chosen == 0 ? "no" : rules->recycle[chosen - 1].name.p);
    for (uint32_t i = 0; i < rules->n_recycle && (chosen == 0 || i < chosen); i++)
        print_asked(page, rules->recycle[i].name, &rules->recycle[i].test, page->story.recycle[i],
                    &page->story.recycle_verdicts[i]);
    if (chosen == 0) return;
    const struct asy_recycle *recycle = &rules->recycle[chosen - 1];
    char due[32];
    if (recycle->to.len > 0) fprintf(page->out, "    to: %.*s\n", ASY_ARG(recycle->to));
    if (recycle->play.len > 0) fprintf(page->out, "    play: %.*s\n", ASY_ARG(recycle->play));
    const int64_t due_s = asy_explain_due_s(page);
    if (due_s > 0) fprintf(page->out, "    due: %.*s\n", (int)asy_time_format_s(due_s, due), due);
}

static void print_nurture(const struct asy_explained *page)
{
    const struct asy_rules *rules = page->rules;
    const uint32_t chosen = page->story.segment;
    if (rules->n_segments == 0) return;
    fprintf(page->out, "\nnurture: %.*s\n", chosen == 0 ? 2 : (int)rules->segments[chosen - 1].name.len,
            chosen == 0 ? "no" : rules->segments[chosen - 1].name.p);
    for (uint32_t i = 0; i < rules->n_segments && (chosen == 0 || i < chosen); i++)
        print_asked(page, rules->segments[i].name, &rules->segments[i].test, page->story.segments[i], NULL);
}

static void print_page(const struct asy_explained *page)
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
                    asy_explain_points(page->rules->grades[g].from_milli, false, from), g + 1 == grade ? "   <- this lead" : "");
        }
    }
    print_disqualify(page);
    print_stage(page);
    print_route(page);
    print_recycle(page);
    print_nurture(page);
    if (page->rules->not_evaluated.len > 0)
        fprintf(page->out, "\nchecked but not evaluated yet: %.*s\n", ASY_ARG(page->rules->not_evaluated));
}

/* ------------------------------------------------------------------------------------------------------------------------- */

/* Wide enough for the longest name, within reason. */
static int name_width(const struct asy_explained *page)
{
    const struct asy_rules *rules = page->rules;
    uint32_t width = 24;
    for (uint32_t t = 0; t < page->session->program.n_terms; t++)
        if (page->session->program.terms[t].name.len > width) width = page->session->program.terms[t].name.len;
    for (uint32_t i = 0; i < rules->n_disqualify; i++)
        if (rules->disqualify[i].name.len > width) width = rules->disqualify[i].name.len;
    for (uint32_t i = 0; i < rules->n_stages; i++)
        if (rules->stages[i].name.len > width) width = rules->stages[i].name.len;
    for (uint32_t i = 0; i < rules->n_segments; i++)
        if (rules->segments[i].name.len > width) width = rules->segments[i].name.len;
    for (uint32_t i = 0; i < rules->n_routes; i++)
        if (rules->routes[i].name.len > width) width = rules->routes[i].name.len;
    for (uint32_t i = 0; i < rules->n_recycle; i++)
        if (rules->recycle[i].name.len > width) width = rules->recycle[i].name.len;
    return width > 48 ? 48 : (int)width;
}

static int explain(struct asy_explained *page, const char *lead_id)
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
    if (asy_args_has(&page->cli->args, "json")) return asy_explain_json(page);
    print_page(page);
    return ASY_EXIT_OK;
}

int asy_verb_explain(struct asy_cli *cli)
{
    struct asy_explained page = {.cli = cli, .out = cli->io.out};
    struct asy_cli_times times;
    const struct asy_cli_job job = {.n_threads = cli->n_cpus, .state = asy_args_text(&cli->args, "state")};
    const int code = asy_cli_session(cli, &job, &page.session, &times);
    if (code != ASY_EXIT_OK) return code;
    page.rules = &page.session->rules;
    page.name_width = name_width(&page);
    const int done = explain(&page, cli->args.operands[1]);
    assay_close(page.session);
    return done;
}
