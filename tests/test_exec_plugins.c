/* Plugins in the pass: what they are shown, whom they are asked about, what becomes of their verdicts and of those that are missing; and
 * that isolation, threads, batches, kernels and the order of the input change no byte. The plugin is tests/plugin/exec/probe.c, whose
 * verdict is a hash of everything it sees. */
#include <criterion/criterion.h>

#include "base/check.h"
#include "exec/plugins_bind.h"
#include "plugin_runs.h"

/* -- rules -------------------------------------------------------------------------------------------------------------- */

#define SEES "text: company.domain, choice: company.industry, land: company.country, flag: contact.opted_out, whole: company.employees, number: " \
             "company.revenue, wide: company.employees, time: deal.lost_on, count: events.visit.count, recent: events.any.count(30d), days: "       \
             "events.visit.days_ago, first: events.any.first_days_ago"

/* What varies: isolation, and the settings of every call. */
struct variant {
    bool is_isolated;
    const char *points, *again, *no, *way, *other_way, *back; /* `, bad: [...]` */
};

static char rule_text[8192];
static void make_rules(const struct variant *v)
{
    const char *isolation = v->is_isolated ? "worker" : "none";
    static const char rules[] =
        "assay: 1\n"
        "fields: {company.domain: text, company.industry: 'one of tech, finance, other', company.country: country, contact.opted_out: bool,\n"
        "  company.employees: int, company.revenue: number, deal.lost_on: time}\n"
        "events: {web: [visit, form], mail: [open]}\n"
        "plugins:\n"
        "  points: {library: libprobe_points.so, kind: scorer, reads: {" SEES "}, isolation: %s}\n"
        "  again: {library: libprobe_points.so, kind: scorer, reads: {text: company.domain, points: score.fit, more_points: score.model}, isolation: %s}\n"
        "  no: {library: libprobe_no.so, kind: disqualifier, reads: {" SEES ", grade: grade, points: score.aside}, isolation: %s}\n"
        "  way: {library: libprobe_way.so, kind: router, reads: {" SEES ", grade: grade, points: score.fit, out: disqualified}, isolation: %s}\n"
        "  back: {library: libprobe_back.so, kind: recycler, reads: {text: company.domain, choice: stage, time: deal.lost_on}, isolation: %s}\n"
        "scores:\n"
        "  fit: {decimals: 1, rules: [{name: Size, by: company.employees, points: {0-10: -10, 11-50: 10.25, 51+: 25, missing: -1.5}}]}\n"
        "  model:\n"
        "    decimals: 3\n"
        "    rules:\n"
        "      - {name: Model, plugin: points, with: {salt: 1%s}}\n"
        "      - {name: Industry, by: company.industry, points: {tech: 4, finance: 3, otherwise: 0, missing: 0}}\n"
        "  deep:\n"
        "    rules:\n"
        "      - {name: Good model, when: score.model > 3, points: 5}\n"
        "      - {name: Again, plugin: again, with: {salt: 2%s}}\n"
        "    events: {visit: {each: 1, max: 9}}\n"
        "  aside: {events: {form: 7, open: {each: 2}}}\n"
        "  total: {sum: [fit, model], keep_within: -20..60}\n"
        "grades: {by: score.total, hot: {from: 20}, warm: {from: 2.5}, cold: {from: -20}}\n"
        "disqualify:\n"
        "  - {name: Probe, plugin: no, with: {salt: 3, yes_of_8: 1%s}}\n"
        "  - {name: Poor, when: score.deep < -4}\n"
        "  - {name: Twice, plugin: no, with: {salt: 4, yes_of_8: 1}}\n"
        "lifecycle:\n"
        "  - {stage: raw}\n"
        "  - {stage: plain, enter_when: score.model < 3}\n"
        "  - {stage: hot, enter_when: \"grade == 'hot' && score.deep != 0\"}\n"
        "nurture: {dull: {enter_when: stage == 'raw' && score.deep < 3, send: 1 email per day}}\n"
        "teams: {a: {anywhere: [ana, abe, ann]}, b: {anywhere: [bo, bea]}}\n"
        "routes:\n"
        "  - {name: Out, when: disqualified, assign: nobody}\n"
        "  - {name: Named, plugin: way, with: {salt: 5, yes_of_8: 2%s}, assign: plugin, respond_within: 4h}\n"
        "  - {name: Hot, when: \"grade == 'hot'\", assign: {round_robin: a}}\n"
        "  - {name: Way, plugin: way, with: {salt: 6, yes_of_8: 2%s}, assign: {round_robin: b}}\n"
        "  - {name: Rest, otherwise: true, assign: nobody}\n"
        "recycle:\n"
        "  - {name: Lost, when: days_since(deal.lost_on) > 300, to: sales}\n"
        "  - {name: Back, plugin: back, with: {salt: 7, yes_of_8: 3%s}, to: sales, in: 14d}\n";
    const int n = snprintf(rule_text, sizeof(rule_text), rules, isolation, isolation, isolation, isolation, isolation, v->points ? v->points : "",
                           v->again ? v->again : "", v->no ? v->no : "", v->way ? v->way : "", v->other_way ? v->other_way : "",
                           v->back ? v->back : "");
    cr_assert(n > 0 && (size_t)n < sizeof(rule_text));
}
enum { POINTS, AGAIN, NO, WAY, BACK };             /* plugins */
enum { MODEL_TERM = 1, FIT = 0, MODEL, DEEP, ASIDE, TOTAL };

/* -- leads -------------------------------------------------------------------------------------------------------------- */

/* Every lead has a domain of its own, so that a plugin can be told to fail on it. */
static void fill_lead(struct world *w, uint32_t row, uint32_t lead, int64_t largest)
{
    static const char *const countries[] = {"DE", "FR", "US"};
    static const int64_t sizes[] = {0, 1, 10, 11, 50, 127, -127};
    static const double revenues[] = {0, 0.5, 10.25, 1e9, -1};
    struct assay_error e;
    char domain[32];
    snprintf(domain, sizeof(domain), "d%u.example", lead);
    asy_column_set_text(column(w, "company.domain"), row, asy_str_of(domain), &e);
    if (draw(5)) asy_column_set_int(column(w, "company.employees"), row, draw(3) == 0 ? largest : sizes[draw(7)], &e);
    if (draw(4)) asy_column_set_number(column(w, "company.revenue"), row, revenues[draw(5)]);
    if (draw(6)) asy_column_set_code(column(w, "company.country"), row, asy_country_code(asy_str_of(countries[draw(3)])), &e);
    if (draw(3)) asy_column_set_code(column(w, "company.industry"), row, 1 + draw(3), &e);
    if (draw(3)) asy_column_set_code(column(w, "contact.opted_out"), row, 1 + draw(2), &e);
    if (draw(2)) asy_column_set_time(column(w, "deal.lost_on"), row, (AS_OF_S - (int64_t)draw(400) * 86400) * 1000000 - draw(3));
    if (draw(40) == 0) asy_column_set_time(column(w, "deal.lost_on"), row, -1500000);
}

static void add_events(struct world *w, uint32_t n_leads, uint32_t n_events)
{
    struct assay_error e;
    cr_assert_eq(asy_events_open(&w->store.events, n_leads, 1, &e), ASSAY_OK, "%s", e.text);
    for (uint32_t i = 0; i < n_events; i++) {
        const uint32_t row = row_of(w, draw(n_leads)), time_s = AS_OF_S - draw(90 * 86400), tuple = 0;
        const uint8_t name = (uint8_t)draw(3);
        cr_assert_eq(asy_events_stage(&w->store.events, 0, 1, &row, &time_s, &name, &tuple, &e), ASSAY_OK);
    }
    cr_assert_eq(asy_events_group(&w->store.events, n_leads, 2, &e), ASSAY_OK, "%s", e.text);
}

/* `order` shuffles the order in which leads arrive; `largest` decides how wide the whole numbers are. */
static void world_init(struct world *w, const struct variant *v, uint32_t n_leads, uint64_t order, int64_t largest)
{
    struct assay_error e = {0};
    struct asy_str why;
    make_rules(v);
    cr_assert(world_open(w, rule_text, &why), "%s", why.p);
    cr_assert_eq(asy_store_init(&w->store, &w->mem, &w->rules.schema, 5 + order, &e), ASSAY_OK, "%s", e.text);
    for (uint32_t i = 0; i < n_leads; i++) {
        const uint32_t lead = order == 0 ? i : (uint32_t)((i * (uint64_t)7919 + order) % n_leads);
        rng = 1000003 + lead;
        fill_lead(w, add_lead(w, lead), lead, largest);
    }
    rng = 77;
    add_events(w, n_leads, n_leads * 4);
}

/* -- the promise of the same bytes ---------------------------------------------------------------------------------------- */

static void check_same_bytes(struct variant v, uint32_t n_leads, int64_t largest)
{
    static const uint32_t threads[] = {1, 2, 7}, batches[] = {64, 1, 1024, 65536, 0};
    static const char *const levels[] = {"ref", "v2", "v3", "v4"};
    struct world w;
    struct outcome o;
    struct asy_pool pool;
    char what[100];
    const bool is_quick = ASSAY_IS_SANITIZED;
    v.is_isolated = false;
    world_init(&w, &v, n_leads, 0, largest);
    asy_pool_init(&pool, &w.mem);
    run(&w, &o, "ref", 1, 1024);
    const struct asy_str want = tell_all(&w, &o, &pool, true);
    outcome_fini(&w, &o);
    for (uint32_t round = 0; round < 3 * 5 * 4; round++) {
        const char *problem = NULL, *level = levels[round % 4];
        if ((is_quick && round % 7 != 0) || asy_kern_select(level, &problem) == NULL) continue;
        snprintf(what, sizeof(what), "in process, %u threads, batches of %u, level %s", threads[round % 3], batches[round % 5], level);
        run(&w, &o, level, threads[round % 3], batches[round % 5]);
        expect_same(tell_all(&w, &o, &pool, true), want, what);
        outcome_fini(&w, &o);
    }
    struct world others;
    v.is_isolated = true;
    for (uint64_t order = 0; order < 2; order++) {
        world_init(&others, &v, n_leads, order, largest);
        for (uint32_t round = 0; round < 5; round++) {
            if (is_quick && round % 3 != 0) continue;
            snprintf(what, sizeof(what), "isolated, %u threads, batches of %u, order %llu", threads[round % 3], batches[round], (unsigned long long)order);
            run(&others, &o, NULL, threads[round % 3], batches[round]);
            /* which of many bad leads are named is a matter of the input's order */
            if (order == 0 || !asy_results_have_stops(&o.results)) expect_same(tell_all(&others, &o, &pool, true), want, what);
            outcome_fini(&others, &o);
        }
        world_fini(&others);
    }
    asy_pool_fini(&pool);
    world_fini(&w);
}

Test(exec_plugins, isolation_threads_batches_levels_and_order_change_no_byte, .timeout = 240)
{
    const struct variant v = {0};
    check_same_bytes(v, 700, 100);
    check_same_bytes(v, 150, INT64_C(40000000000));
}

Test(exec_plugins, nor_with_bad_leads, .timeout = 240)
{
    const struct variant v = {.points = ", bad: [d3.example, d140.example]", .no = ", bad: [d7.example], how: unwritten",
                              .other_way = ", bad: [d8.example, d9.example], how: range", .back = ", bad: [d10.example]"};
    check_same_bytes(v, 300, 100);
}

Test(exec_plugins, nor_with_plugins_that_are_stopped, .timeout = 240)
{
    const struct variant v = {.points = ", bad: [d203.example, d140.example, d11.example, d12.example]", .no = ", bad: [d7.example, d8.example]",
                              .back = ", bad: [d1.example, d2.example, d3.example, d4.example, d120.example, d250.example], how: unwritten"};
    check_same_bytes(v, 300, 100);
}

/* -- the pass and the reading row by row ---------------------------------------------------------------------------------- */

Test(exec_plugins, pass_and_reference_agree, .timeout = 240)
{
    static const struct variant variants[] = {
        {0},
        {.points = ", bad: [d3.example, d140.example]", .no = ", bad: [d7.example], how: unwritten", .way = ", bad: [d20.example]",
         .other_way = ", bad: [d9.example], how: range", .back = ", bad: [d10.example]"},
        {.again = ", bad: [d3.example, d140.example, d11.example, d12.example]"},
        {.is_isolated = true, .points = ", bad: [d3.example], how: crash", .back = ", bad: [d10.example], how: exit"},
    };
    static const int64_t largest[] = {100, INT64_C(40000000000), 300, 70000}; /* 1, 8, 2 and 4 bytes */
    for (size_t v = 0; v < ASY_COUNT_OF(variants); v++) {
        struct world w;
        struct outcome o;
        world_init(&w, &variants[v], 200, v, largest[v]);
        run(&w, &o, NULL, 2, 64);
        char what[32];
        snprintf(what, sizeof(what), "variant %zu", v);
        check_leads(&w, &o, what);
        outcome_fini(&w, &o);
        world_fini(&w);
    }
}

/* The probe depends on all it sees: were a column wrong for everybody, everything above would still agree. So: does each column count,
 * and is it what the store says? Seen through the dictionary and the row reader, which others test. */
Test(exec_plugins, columns_hold_what_the_leads_have)
{
    struct world w;
    struct outcome o;
    const struct variant v = {0};
    world_init(&w, &v, 150, 0, INT64_C(40000000000));
    run(&w, &o, NULL, 1, 0);
    const struct asy_call *call = &o.program.calls[w.rules.routes[1].test.call];
    const struct asy_stage *stage = asy_bound_stage(call->bound, 0);
    uint32_t at = 0, n_null[16] = {0};
    for (uint32_t row = 0; row < w.store.n_leads; row++) {
        struct asy_lead_story story;
        struct asy_pool pool;
        asy_pool_init(&pool, &w.mem);
        asy_lead_tell(&story, &o.program, row, &pool); /* leaves this lead in the first row of its stage */
        const struct asy_cel_value size = asy_lead_field(&w.store, (uint32_t)asy_schema_field(&w.rules.schema, ASY_STR("company.employees")), row);
        const struct asy_cel_value lost = asy_lead_field(&w.store, (uint32_t)asy_schema_field(&w.rules.schema, ASY_STR("deal.lost_on")), row);
        const struct asy_cel_value flag = asy_lead_field(&w.store, (uint32_t)asy_schema_field(&w.rules.schema, ASY_STR("contact.opted_out")), row);
        const struct asy_cel_value domain = asy_lead_field(&w.store, (uint32_t)asy_schema_field(&w.rules.schema, ASY_STR("company.domain")), row);
        cr_assert_eq(stage->null[5][0], size.type == ASY_CEL_NULL ? 0xFF : 0);
        cr_assert_eq(((const int64_t *)stage->data[5])[0], size.type == ASY_CEL_NULL ? 0 : size.i);
        cr_assert_eq(((const double *)stage->data[7])[0], size.type == ASY_CEL_NULL ? 0 : (double)size.i);
        cr_assert_eq(((const int64_t *)stage->data[8])[0], lost.type == ASY_CEL_NULL ? 0 : lost.i);
        cr_assert_eq(stage->null[4][0], flag.type == ASY_CEL_NULL ? 0xFF : 0);
        cr_assert_eq(((const uint8_t *)stage->data[4])[0], flag.type != ASY_CEL_NULL && flag.b);
        const struct assay_text text = asy_facts_text(&call->facts, 0, ((const uint32_t *)stage->data[0])[0]);
        cr_assert(asy_str_eq((struct asy_str){text.p, (uint32_t)text.n_bytes}, domain.s));
        const struct assay_text grade = asy_facts_text(&call->facts, 3, ((const uint32_t *)stage->data[3])[0]);
        const struct asy_str name = story.grade == 0 ? ASY_STR("") : w.rules.grades[story.grade - 1].name;
        cr_assert(asy_str_eq((struct asy_str){grade.p, (uint32_t)grade.n_bytes}, name));
        cr_assert_eq(((const int32_t *)stage->data[9])[0], story.scores[FIT].final_milli);
        cr_assert_eq(stage->null[10][0], 0xFF, "nothing fills it");
        cr_assert_eq(((const uint8_t *)stage->data[15])[0], story.disqualified_by != 0);
        for (uint32_t c = 0; c < 16; c++) n_null[c] += stage->null[c][0] != 0;
        asy_pool_fini(&pool);
        at++;
    }
    static const uint32_t sometimes_null[] = {1, 2, 4, 5, 6, 7, 8, 13};
    for (size_t i = 0; i < ASY_COUNT_OF(sometimes_null); i++)
        cr_expect(n_null[sometimes_null[i]] > 0 && n_null[sometimes_null[i]] < at, "column %u", sometimes_null[i]);
    outcome_fini(&w, &o);
    world_fini(&w);
}

/* -- who is asked --------------------------------------------------------------------------------------------------------- */

Test(exec_plugins, routes_and_recycling_are_asked_about_open_leads_only)
{
    struct world w;
    struct outcome o;
    const struct variant v = {0};
    world_init(&w, &v, 500, 0, 100);
    run(&w, &o, NULL, 2, 64);
    const struct asy_results *r = &o.results;
    uint64_t n_routes[6] = {0}, n_recycle[3] = {0}, counted = 0;
    for (uint32_t row = 0; row < 500; row++) {
        n_routes[r->route[row]]++;
        n_recycle[r->recycle[row]]++;
    }
    const uint32_t named = w.rules.routes[1].test.call, way = w.rules.routes[3].test.call, back = w.rules.recycle[1].test.call;
    cr_expect(n_routes[1] > 0 && n_routes[2] > 0 && n_routes[3] > 0 && n_routes[4] > 0 && n_recycle[1] > 0 && n_recycle[2] > 0);
    cr_expect_eq(r->calls[named].n_asked, 500 - n_routes[1]);
    cr_expect_eq(r->calls[way].n_asked, 500 - n_routes[1] - n_routes[2] - n_routes[3]);
    cr_expect_eq(r->calls[back].n_asked, 500 - n_recycle[1]);
    cr_expect_eq(r->calls[w.rules.disqualify[2].test.call].n_asked, 500, "every disqualifier is asked about everybody");
    for (uint32_t i = 0; i < 3; i++) counted += r->calls[named].by_reason[i];
    cr_expect_eq(counted, n_routes[2]);
    for (uint32_t c = 0; c < r->n_calls; c++) cr_expect_eq(r->calls[c].counters[0], r->calls[c].n_asked - r->calls[c].n_empty, "call %u", c);
    cr_expect_eq(asy_call_names(&o.program, named)->n_targets, 3);
    cr_expect(asy_str_is(asy_call_names(&o.program, named)->counters[0], "asked"));
    outcome_fini(&w, &o);
    world_fini(&w);
}

Test(exec_plugins, owners_that_a_plugin_names_are_remembered)
{
    struct world w;
    struct outcome o;
    const struct variant v = {0};
    uint32_t n_named = 0, n_nobody = 0;
    world_init(&w, &v, 300, 0, 100);
    run(&w, &o, NULL, 1, 0);
    for (uint32_t row = 0; row < 300; row++) {
        if (o.results.route[row] != 2) continue;
        const struct asy_routed *known = asy_state_lead(&o.state, asy_keys_text(&w.store.keys, row));
        cr_assert_not_null(known);
        cr_expect(asy_str_eq(asy_dict_text(&o.state.owners, known->owner), owner_of(&o, row)));
        cr_expect_eq(o.results.routed_at_s[row], AS_OF_S);
        n_nobody += owner_of(&o, row).len == 0;
        n_named++;
    }
    cr_expect(n_nobody > 0 && n_named > n_nobody);
    cr_expect_eq(o.results.n_no_owner, n_nobody, "%llu", (unsigned long long)o.results.n_no_owner);
    outcome_fini(&w, &o);
    world_fini(&w);
}

/* -- missing verdicts ----------------------------------------------------------------------------------------------------- */

static void expect_notes(const struct world *w, const struct outcome *o, const char *want)
{
    struct asy_pool pool;
    asy_pool_init(&pool, (struct asy_mem *)&w->mem);
    const struct asy_str got = asy_plugin_notes_text(&pool, &o->program, &o->results);
    cr_expect(asy_str_is(got, want), "found\n%.*sexpected\n%s", ASY_ARG(got), want);
    asy_pool_fini(&pool);
}

Test(exec_plugins, a_bad_lead_is_quarantined_and_nobody_else_notices)
{
    const struct variant good = {0}, bad = {.points = ", bad: [d42.example]"};
    struct world w, clean;
    struct outcome o, before;
    world_init(&clean, &good, 200, 0, 100);
    run(&clean, &before, NULL, 1, 0);
    world_init(&w, &bad, 200, 0, 100);
    run(&w, &o, NULL, 2, 64);
    for (uint32_t row = 0; row < 200; row++) {
        char a[500], b[500];
        *tell_lead(&o, row, false, a) = 0;
        *tell_lead(&before, row, false, b) = 0;
        if (row != 42) cr_expect_str_eq(a, b, "row %u", row);
    }
    const struct asy_results *r = &o.results;
    cr_expect_null(r->score_empty[FIT]);
    cr_expect_null(r->score_empty[ASIDE]);
    cr_expect(r->score_empty[MODEL][42] && r->score_empty[DEEP][42] && r->score_empty[TOTAL][42]);
    cr_expect_eq(r->score_milli[MODEL][42], 0);
    cr_expect_eq(r->score_milli[TOTAL][42], 0);
    cr_expect_eq(r->score_milli[FIT][42], before.results.score_milli[FIT][42]);
    cr_expect_eq(r->grade[42], 0);
    for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) cr_expect_neq(r->top_term[j][42], MODEL_TERM);
    cr_expect_eq(r->unknown_terms[MODEL_TERM], 1);
    cr_expect_eq(r->unknown_disqualify[1], 1, "its condition reads an empty score");
    cr_expect_eq(r->calls[0].n_empty, 1);
    expect_notes(&w, &o, "plugin points (rule \"Model\"): lead L-00042: the plugin failed: expected a good lead, found a bad one; its verdict is empty\n");
    outcome_fini(&w, &o);
    outcome_fini(&clean, &before);
    world_fini(&w);
    world_fini(&clean);
}

Test(exec_plugins, an_isolated_plugin_may_crash)
{
    const struct variant v = {.is_isolated = true, .points = ", bad: [d199.example], how: crash", .back = ", bad: [d0.example], how: exit"};
    struct world w;
    struct outcome o;
    world_init(&w, &v, 200, 0, 100);
    run(&w, &o, NULL, 2, 0);
    cr_expect_eq(o.results.n_notes, 1 + (o.results.recycle[0] != 1), "a lead that an earlier rule took is not asked about");
    cr_expect_eq(o.results.notes[0].fault.kind, ASY_FAULT_SIGNAL);
    cr_expect_eq(o.results.notes[0].row, 199);
    cr_expect(o.results.score_empty[MODEL][199]);
    cr_expect_not(asy_results_have_stops(&o.results));
    outcome_fini(&w, &o);
    world_fini(&w);
}

Test(exec_plugins, the_third_bad_lead_stops_a_plugin)
{
    static const uint32_t threads[] = {1, 2, 7}, batches[] = {1, 64, 65536};
    const struct variant v = {.points = ", bad: [d150.example, d42.example, d17.example, d160.example]", .no = ", bad: [d5.example, d6.example]"};
    struct world w;
    struct outcome o;
    struct assay_error e = {0};
    world_init(&w, &v, 200, 0, 100);
    for (uint32_t round = 0; round < 9; round++) {
        run(&w, &o, NULL, threads[round % 3], batches[round / 3]);
        const struct asy_results *r = &o.results;
        cr_expect_eq(r->calls[0].n_asked, 200);
        cr_expect_eq(r->calls[0].n_empty, 200);
        cr_expect(asy_results_have_stops(r));
        for (uint32_t row = 0; row < 200; row++) cr_assert(r->score_empty[TOTAL][row] && r->grade[row] == 0);
        expect_notes(&w, &o,
                     "plugin points (rule \"Model\"): lead L-00017: the plugin failed: expected a good lead, found a bad one; its verdict is empty\n"
                     "plugin points (rule \"Model\"): lead L-00042: the plugin failed: expected a good lead, found a bad one; its verdict is empty\n"
                     "plugin points (rule \"Model\"): lead L-00150: the plugin failed: expected a good lead, found a bad one; its verdict is empty\n"
                     "plugin points (rule \"Model\"): stopped, since it failed on too many leads (it failed: expected a good lead, found a bad one); "
                     "all its verdicts of this run are empty\n");
        cr_expect_eq(r->unknown_disqualify[0], 200, "it reads the grade, and is not asked");
        cr_expect_eq(asy_plugin_notes_fail(&o.program, r, &e), ASSAY_E_PLUGIN);
        cr_expect_str_eq(e.text, "plugin points (rule \"Model\"): stopped: it failed: expected a good lead, found a bad one; bad leads: L-00017, L-00042 and "
                                 "L-00150. Nothing is written; repair the plugin, or let the run go on without its verdicts (--allow-plugin-failures)");
        outcome_fini(&w, &o);
    }
    world_fini(&w);
}

/* Round robin deals leads without a score last. */
Test(exec_plugins, empty_scores_are_dealt_last)
{
    const struct variant v = {.points = ", bad: [d3.example, d140.example]"};
    struct world w;
    struct outcome o;
    world_init(&w, &v, 300, 0, 100);
    run(&w, &o, NULL, 1, 0);
    /* the route asks a plugin that reads the grade, so it takes none of the two; give them to it */
    memset(o.results.route, 0, 300 * sizeof(uint16_t));
    for (uint32_t row = 0; row < 6; row++) o.results.route[row] = 4;
    o.results.route[140] = 4;
    asy_state_fini(&o.state);
    asy_state_init(&o.state, &w.mem, 1);
    struct assay_error e;
    for (uint32_t row = 0; row < 300; row++)
        if (row != 3 && row != 140) o.results.score_milli[TOTAL][row] = -20000;
    cr_assert_eq(asy_assign(&o.program, &o.results, &o.state, 1, &e), ASSAY_OK);
    static const struct {
        uint32_t row;
        const char *owner;
    } cases[] = {{0, "bo"}, {1, "bea"}, {2, "bo"}, {4, "bea"}, {5, "bo"}, {3, "bea"}, {140, "bo"}};
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) cr_expect(asy_str_is(owner_of(&o, cases[i].row), cases[i].owner), "row %u", cases[i].row);
    outcome_fini(&w, &o);
    world_fini(&w);
}

/* -- refusals ------------------------------------------------------------------------------------------------------------- */

Test(exec_plugins, a_plugin_may_refuse_its_settings)
{
    for (uint32_t is_isolated = 0; is_isolated < 2; is_isolated++) {
        const struct variant v = {.is_isolated = is_isolated != 0, .back = ", refuse: expected calm found storm"};
        struct world w;
        struct asy_program program;
        struct asy_results results;
        struct assay_error e = {0};
        const char *problem;
        const struct asy_pass_options options = {.kern = asy_kern_select(NULL, &problem)};
        world_init(&w, &v, 20, 0, 100);
        cr_assert_eq(asy_program_init(&program, &w.mem, &w.rules, &w.store, AS_OF_S, &w.plugins, &e), ASSAY_OK);
        cr_assert_eq(asy_results_init(&results, &w.mem, &w.rules, 20, program.n_terms, 1, &e), ASSAY_OK);
        cr_expect_eq(asy_pass_run(&program, &options, &results, &e), ASSAY_E_PLUGIN);
        cr_expect_not_null(strstr(e.text, "plugin back (rule \"Back\"): "), "%s", e.text);
        cr_expect_not_null(strstr(e.text, "expected calm found storm"), "%s", e.text);
        asy_results_fini(&results, &w.rules, program.n_terms);
        asy_program_fini(&program);
        world_fini(&w);
    }
}

/* Without plugins their rules match nobody and give nothing. */
Test(exec_plugins, a_program_without_plugins)
{
    const struct variant v = {0};
    struct world w;
    struct outcome o;
    world_init(&w, &v, 100, 0, 100);
    struct assay_error e = {0};
    const char *problem;
    const struct asy_pass_options options = {.kern = asy_kern_select(NULL, &problem)};
    cr_assert_eq(asy_program_init(&o.program, &w.mem, &w.rules, &w.store, AS_OF_S, NULL, &e), ASSAY_OK);
    cr_assert_eq(asy_results_init(&o.results, &w.mem, &w.rules, 100, o.program.n_terms, 1, &e), ASSAY_OK);
    asy_state_init(&o.state, &w.mem, 1);
    cr_assert_eq(asy_pass_run(&o.program, &options, &o.results, &e), ASSAY_OK);
    cr_expect_eq(o.results.n_calls, 0);
    for (uint32_t row = 0; row < 100; row++) {
        cr_expect_neq(o.results.route[row], 2);
        cr_expect_neq(o.results.disqualified_by[row], 1);
        cr_expect_neq(o.results.top_term[0][row], MODEL_TERM);
    }
    outcome_fini(&w, &o);
    world_fini(&w);
}
