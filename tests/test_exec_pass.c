/* The batched pass against the row-at-a-time reading of the rules, on random databases under a rule file that uses every
 * scoring feature; and the promise that threads, batch size, SIMD level and the order of the input change no byte. */
#include <criterion/criterion.h>

#include "base/check.h"
#include "exec/assign.h"
#include "exec/lead.h"
#include "exec/pass.h"
#include "rule/load.h"

static const char rule_text[] =
    "assay: 1\n"
    "fields:\n"
    "  company.employees: int\n"
    "  company.revenue: number\n"
    "  company.country: country\n"
    "  company.industry: one of tech, finance, other\n"
    "  company.domain: text\n"
    "  contact.title: text\n"
    "  contact.opted_out: bool\n"
    "  contact.phone: text\n"
    "  lead.owner: text\n"
    "  deal.lost_on: time\n"
    "events:\n"
    "  web: [visit, pricing, form]\n"
    "  mail: [open, click, bounce]\n"
    "  sales: [call]\n"
    "lists:\n"
    "  europe: [DE, FR, NL, NO]\n"
    "  named: [acme.example, zeta.example]\n"
    "scores:\n"
    "  fit:\n"
    "    decimals: 1\n"
    "    keep_within: -20..60\n"
    "    rules:\n"
    "      - {name: Size, by: company.employees, points: {1-10: -10, 11-50: 10.25, 51-200: 25, 501+: 12, missing: -1.5}}\n"
    "      - {name: Revenue, by: company.revenue, points: {0-0.5: -3, 1-10: 2.125, 10.5+: 7, missing: 1}}\n"
    "      - {name: Country, by: company.country, points: {in europe: 10, US: 8.5, otherwise: -20, missing: 0}}\n"
    "      - {name: Industry, by: company.industry, points: {tech: 20, finance: 5, otherwise: 0, missing: 0}}\n"
    "      - {name: Opt out, by: contact.opted_out, points: {'true': -7, 'false': 1}}\n"
    "      - {name: Seller, when: \"contact.title.contains('Sales') || contact.title == 'CEO'\", points: 9}\n"
    "      - {name: Odd, when: \"company.employees % 3 == 1 && has(contact.phone)\", points: -4.5}\n"
    "  plain:\n"
    "    events: {visit: 2, pricing: {each: 3, max: 10}, bounce: {each: -4, max: -9}, open: {once: 5, within: 30d}}\n"
    "    rules:\n"
    "      - {name: Keeps coming, when: events.visit.count >= 3, points: 15}\n"
    "      - {name: Lately, when: events.any.count(14d) > 1 && events.visit.first_days_ago > 100, points: 6}\n"
    "    decay: {30d: 25%, 60d: 50%, 90d: 100%}\n"
    "  aging:\n"
    "    decimals: 3\n"
    "    events:\n"
    "      visit: {each: 5, half_life: 30d}\n"
    "      pricing: {each: 7.5, linear: 90d, max: 20}\n"
    "      click: {each: 2, half_life: 36h, by: hours, within: 20d}\n"
    "      form: {once: 50, half_life: 45d}\n"
    "      open: {each: 1, at_most: 2 per day, within: 60d}\n"
    "      call:\n"
    "        - {name: Inbound calls, each: 10, where: \"page == 'inbound'\", at_most: 1 per week}\n"
    "        - {name: Other calls, each: -3, max: -8, where: \"page != 'inbound'\", at_most: 3 per month}\n"
    "        - {name: All calls, each: 0.5, half_life: 10d}\n"
    "        - {name: Calls again, each: 0.25, linear: 400d}\n"
    "  total: {sum: [fit, plain, aging], keep_within: 0..100}\n"
    "  complete: {filled: [contact.title, contact.phone, company.domain, events.any, events.form], decimals: 2}\n"
    "grades: {by: score.total, hot: {from: 60}, cold: {from: 0}, warm: {from: 25.5}}\n"
    "disqualify:\n"
    "  - {name: Small, when: company.employees < 3}\n"
    "  - {name: Mailbox, when: company.domain in named && contact.opted_out}\n"
    "teams:\n"
    "  territories: {by: company.country, eu: in europe, us: US}\n"
    "  a: {eu: [ana, abe], us: [ann]}\n"
    "  b: {eu: [bo], anywhere: [bea, ben, bob]}\n"
    "lifecycle:\n"
    "  - {stage: raw}\n"
    "  - {stage: mql, enter_when: score.total >= 20 && !disqualified, require: [contact.phone, company.domain]}\n"
    "  - {stage: big, enter_when: company.employees > 40}\n"
    "  - {stage: lost, enter_when: {any: [has(deal.lost_on), contact.opted_out && company.revenue < 1.5]}}\n"
    "nurture:\n"
    "  later: {enter_when: \"stage == 'big' && score.total < 20\", send: 1 email per month}\n"
    "  aside: {send: 1 email per month, leave: [{when: segment.days > 3, to: later}]}\n"
    "  again: {enter_when: \"stage in ['lost', 'mql'] && company.employees >= 3\", send: 2 emails per month}\n"
    "routes:\n"
    "  - {name: Out, when: disqualified, assign: nobody}\n"
    "  - {name: Early, when: \"stage == 'raw' && contact.opted_out\", assign: nobody}\n"
    "  - {name: Hot, when: \"grade == 'hot' && score.fit > 20.5\", assign: {round_robin: a}, respond_within: 4h}\n"
    "  - {name: Warm, when: score.total >= 20, assign: {round_robin: b}, flag: W}\n"
    "  - {name: Rest, otherwise: true, assign: nobody}\n"
    "recycle:\n"
    "  - {name: Lost, when: days_since(deal.lost_on) >= 180 && days_since(deal.lost_on) <= 365, to: sales, in: 14d}\n"
    "  - {name: Quiet, when: events.any.days_ago > 120, to: marketing}\n";

/* Rules over `n_names` event names, most of which are asked only whether they occur. `big` points do not fit into narrow sums. */
static char made_text[32768];
static const char *make_rules(uint32_t n_names, bool is_big)
{
    char *at = made_text;
    at += sprintf(at, "assay: 1\nfields: {company.employees: int, company.revenue: number, company.country: country, company.industry: 'one of tech, "
                      "finance, other', company.domain: text, contact.title: text, contact.opted_out: bool, contact.phone: text, lead.owner: text, "
                      "deal.lost_on: time}\nevents:\n  all: [");
    for (uint32_t e = 0; e < n_names; e++) at += sprintf(at, "%se%u", e ? ", " : "", e);
    at += sprintf(at, "]\nscores:\n  one:\n    decimals: %d\n    rules:\n"
                      "      - {name: Size, by: company.employees, points: {1-10: -10, 11-500: 10, missing: 3}}\n"
                      "      - {name: Often, when: events.e0.count >= 3 || events.any.count > 20, points: 15}\n"
                      "      - {name: Lately, when: events.any.count(14d) > 1 && events.e%u.first_days_ago > 100, points: 6}\n"
                      "      - {name: Last, when: events.e1.days_ago <= 30 || events.e%u.days_ago > 60, points: -4}\n    events:\n",
                  is_big ? 3 : 0, n_names - 1, n_names - 1);
    for (uint32_t e = 0; e < n_names && e < 30; e++) {
        const uint32_t name = e * 7 % n_names;
        static const char *const more[] = {"", ", within: 30d", "", ", within: 90d"};
        if (e > 0 && name == 0) break;
        at += sprintf(at, "      e%u: {%s: %s%u%s%s}\n", name, e % 3 ? "once" : "each", e % 5 == 4 ? "-" : "", is_big ? 900000 - e : e + 1,
                      e % 3 || e % 2 || is_big ? "" : e % 5 == 4 ? ", max: -40" : ", max: 40", more[e % 4]);
    }
    at += sprintf(at, "    decay: {30d: 25%%, 60d: 33.333%%}\n"
                      "  two:\n    decimals: 1\n    keep_within: -50..75.5\n    events: {e2: {once: 9, half_life: 20d}, e3: {once: -7.5, half_life: 2d},\n"
                      "      e4: {each: 3, half_life: 9d}, e1: {each: 2, half_life: 9d, max: 12}}\n    decay: {10d: 50%%}\n"
                      "  three: {sum: [one, two], keep_within: -100..1000}\n"
                      "  four: {filled: [contact.phone, company.employees, company.revenue, company.country, deal.lost_on, events.any, events.e1], decimals: 1}\n"
                      "grades: {by: score.three, high: {from: 20}, low: {from: -20}}\n"
                      "disqualify: [{name: Named, when: score.one < 2 && events.e0.count(30d) == 0}]\n"
                      "lifecycle:\n  - {stage: seen, enter_when: events.any.count > 0}\n  - {stage: wide, enter_when: company.employees > 10 && "
                      "score.three > 0}\n  - {stage: late, enter_when: days_since(deal.lost_on) >= 180, require: [contact.phone]}\n"
                      "nurture: {idle: {enter_when: \"stage == 'seen' || !has(stage)\", send: 1 email per day}}\n"
                      "routes:\n  - {name: Best, when: score.two >= 3.5 && score.three > 10, assign: nobody}\n  - {name: Rest, otherwise: true, assign: nobody}\n"
                      "recycle: [{name: Lost, when: days_since(deal.lost_on) >= 180 && days_since(deal.lost_on) < 300, to: sales}]\n");
    return made_text;
}
static const char *rule_now = rule_text;

static assay_status read_text(void *ctx, struct asy_pool *pool, const char *folder, const char *path, size_t max_bytes,
                              struct asy_str *out, struct assay_error *error)
{
    (void)ctx, (void)folder, (void)path, (void)max_bytes, (void)error;
    *out = asy_pool_copy(pool, asy_str_of(rule_now));
    return ASSAY_OK;
}

enum { AS_OF_S = 1793491200 };

static uint64_t rng;
static uint32_t draw(uint32_t below)
{
    rng = rng * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((rng >> 33) % below);
}

struct world {
    struct asy_mem mem;
    struct asy_rules rules;
    struct asy_store store;
};

static struct asy_column *column(struct world *w, const char *name)
{
    const int64_t field = asy_schema_field(&w->rules.schema, asy_str_of(name));
    cr_assert(field >= 0, "%s", name);
    return &w->store.columns[field];
}

static void fill_lead(struct world *w, uint32_t row)
{
    static const char *const titles[] = {"VP Sales", "CEO", "Engineer", "Sales Lead", "Intern"};
    static const char *const countries[] = {"DE", "FR", "US", "BR", "NO", "JP"};
    static const char *const domains[] = {"acme.example", "zeta.example", "other.example", "x.example"};
    static const char *const owners[] = {"ana", "bob", "nobody-here", "bo"};
    static const int64_t sizes[] = {0, 1, 2, 3, 10, 11, 50, 51, 200, 201, 500, 501, 100000, -7};
    static const double revenues[] = {0, 0.5, 0.500001, 1, 10, 10.25, 10.5, 1e9, -1};
    struct assay_error e;
    if (draw(5)) asy_column_set_int(column(w, "company.employees"), row, sizes[draw(14)], &e);
    if (draw(4)) asy_column_set_number(column(w, "company.revenue"), row, revenues[draw(9)]);
    if (draw(6)) asy_column_set_code(column(w, "company.country"), row, asy_country_code(asy_str_of(countries[draw(6)])), &e);
    if (draw(3)) asy_column_set_code(column(w, "company.industry"), row, 1 + draw(3), &e);
    if (draw(3)) asy_column_set_text(column(w, "company.domain"), row, asy_str_of(domains[draw(4)]), &e);
    if (draw(4)) asy_column_set_text(column(w, "contact.title"), row, asy_str_of(titles[draw(5)]), &e);
    if (draw(3)) asy_column_set_code(column(w, "contact.opted_out"), row, 1 + draw(2), &e);
    if (draw(2)) asy_column_set_present(column(w, "contact.phone"), row, true);
    if (draw(4) == 0) asy_column_set_text(column(w, "lead.owner"), row, asy_str_of(owners[draw(4)]), &e);
    if (draw(2)) asy_column_set_time(column(w, "deal.lost_on"), row, (AS_OF_S - (int64_t)draw(400) * 86400 - draw(2)) * 1000000);
}

struct event {
    uint32_t lead, time_s;
    uint8_t name;
    uint8_t page;
};
static struct event make_event(uint32_t n_leads, uint32_t n_names)
{
    static const uint32_t days[] = {0, 1, 13, 14, 29, 30, 31, 59, 60, 61, 89, 90, 91, 120, 121, 300};
    struct event event = {.lead = draw(n_leads), .name = (uint8_t)draw(n_names), .page = (uint8_t)draw(3)};
    const uint32_t age_s = draw(3) == 0 ? days[draw(16)] * 86400 + draw(3) - (draw(2) ? 1 : 0) : draw(150 * 86400);
    event.time_s = AS_OF_S - age_s;
    if (draw(40) == 0) event.time_s = AS_OF_S;
    return event;
}

/* A database of `n_leads` made from `seed`; `order` shuffles the order in which leads and events arrive. */
static void world_init(struct world *w, uint64_t seed, uint32_t n_leads, uint32_t n_events, uint64_t order)
{
    struct assay_error e = {0};
    struct asy_diags diags;
    const struct asy_file_reader reader = {.read = read_text};
    *w = (struct world){0};
    asy_mem_init(&w->mem, NULL);
    asy_diags_init(&diags, &w->mem);
    if (asy_rules_load(&w->rules, &w->mem, "test.yaml", &reader, &diags, &e) != ASSAY_OK) {
        struct asy_pool pool;
        asy_pool_init(&pool, &w->mem);
        asy_diags_sort(&diags);
        cr_assert_fail("%s", asy_diags_text(&pool, &diags, false).p);
    }
    asy_diags_fini(&diags);
    cr_assert_eq(asy_store_init(&w->store, &w->mem, &w->rules.schema, seed + order, &e), ASSAY_OK, "%s", e.text);
    for (uint32_t i = 0; i < n_leads; i++) {
        const uint32_t lead = order == 0 ? i : (uint32_t)((i * (uint64_t)7919 + order) % n_leads);
        char id[32];
        uint32_t row;
        bool is_new;
        const int len = snprintf(id, sizeof(id), "L-%05u", lead);
        cr_assert_eq(asy_store_add(&w->store, (struct asy_str){id, (uint32_t)len}, &row, &is_new, &e), ASSAY_OK, "%s", e.text);
        cr_assert(is_new);
        rng = seed * 1000003 + lead;
        fill_lead(w, row);
    }
    struct event *events = malloc((n_events + 1) * sizeof(*events));
    rng = seed;
    for (uint32_t i = 0; i < n_events; i++) events[i] = make_event(n_leads, w->rules.schema.n_events);
    static const char *const pages[] = {"", "inbound", "outbound"};
    cr_assert_eq(asy_events_open(&w->store.events, n_leads, 1, &e), ASSAY_OK, "%s", e.text);
    for (uint32_t i = 0; i < n_events; i++) {
        const struct event *event = &events[order == 0 ? i : (i * (uint64_t)104729 + order) % n_events];
        char id[32];
        uint32_t tuple = 0;
        const int len = snprintf(id, sizeof(id), "L-%05u", event->lead);
        const struct asy_str page = asy_str_of(pages[event->page]);
        if (w->rules.schema.n_properties == 1) cr_assert_eq(asy_events_tuple(&w->store.events, 0, &page, &tuple), ASSAY_OK);
        const uint32_t row = asy_index_find(&w->store.index, (struct asy_str){id, (uint32_t)len});
        cr_assert_eq(asy_events_stage(&w->store.events, 0, 1, &row, &event->time_s, &event->name, &tuple, &e), ASSAY_OK);
    }
    free(events);
    cr_assert_eq(asy_events_group(&w->store.events, n_leads, 2, &e), ASSAY_OK, "%s", e.text);
}
static void world_fini(struct world *w)
{
    asy_store_fini(&w->store);
    asy_rules_fini(&w->rules);
    cr_assert_eq(w->mem.live_bytes, 0, "memory is left: %llu bytes", (unsigned long long)w->mem.live_bytes);
}

static struct asy_summaries *kept; /* of the next runs */
struct outcome {
    struct asy_program program;
    struct asy_results results;
    struct asy_state state;
};
static void run(struct world *w, struct outcome *o, const char *isa, uint32_t n_threads, uint32_t batch_rows)
{
    struct assay_error e = {0};
    const char *problem = NULL;
    const struct asy_pass_options options = {.kern = asy_kern_select(isa, &problem), .n_threads = n_threads, .batch_rows = batch_rows,
                                             .summaries = kept};
    cr_assert_eq(asy_program_init(&o->program, &w->mem, &w->rules, &w->store, AS_OF_S, NULL, &e), ASSAY_OK, "%s", e.text);
    cr_assert_eq(asy_results_init(&o->results, &w->mem, &w->rules, w->store.n_leads, o->program.n_terms, 1, &e), ASSAY_OK);
    asy_state_init(&o->state, &w->mem, 1);
    cr_assert_eq(asy_pass_run(&o->program, &options, &o->results, &e), ASSAY_OK, "%s", e.text);
    cr_assert_eq(asy_assign(&o->program, &o->results, &o->state, n_threads, &e), ASSAY_OK, "%s", e.text);
}
static void outcome_fini(struct world *w, struct outcome *o)
{
    asy_state_fini(&o->state);
    asy_results_fini(&o->results, &w->rules, o->program.n_terms);
    asy_program_fini(&o->program);
}

/* The three largest terms by absolute points, ties in file order. */
static uint16_t nth_term(const struct asy_lead_story *story, uint32_t n_terms, uint32_t nth)
{
    bool taken[64] = {false};
    uint32_t best = ASY_TERM_NONE;
    for (uint32_t round = 0; round <= nth; round++) {
        best = ASY_TERM_NONE;
        for (uint32_t t = 0; t < n_terms; t++)
            if (!taken[t] && story->terms[t].points_milli != 0 &&
                (best == ASY_TERM_NONE || llabs(story->terms[t].points_milli) > llabs(story->terms[best].points_milli)))
                best = t;
        if (best == ASY_TERM_NONE) break;
        taken[best] = true;
    }
    return (uint16_t)best;
}

static void check_lead(const struct outcome *o, uint32_t row, struct asy_pool *pool, uint64_t seed)
{
    struct asy_lead_story story;
    const struct asy_rules *rules = o->program.rules;
    cr_assert(asy_lead_tell(&story, &o->program, row, pool));
    for (uint32_t s = 0; s < rules->n_scores; s++) {
        const struct asy_score_story *told = &story.scores[s];
        cr_assert_eq(o->results.score_milli[s][row], told->final_milli, "seed %llu, row %u, score %.*s: pass %d, reference %lld",
                     (unsigned long long)seed, row, ASY_ARG(rules->scores[s].name), o->results.score_milli[s][row],
                     (long long)told->final_milli);
        /* what explain prints adds up: terms (or parts), then what each step took or gave */
        int64_t sum = 0;
        for (uint32_t t = o->program.first_term[s]; t < o->program.first_term[s + 1]; t++) sum += story.terms[t].points_milli;
        for (uint32_t p = 0; p < rules->scores[s].n_parts; p++) sum += story.scores[rules->scores[s].parts[p]].final_milli;
        if (rules->scores[s].kind == ASY_SCORE_FILLED) sum = told->sum_milli;
        cr_assert_eq(sum + (told->kept_milli - told->sum_milli) + (told->decayed_milli - told->kept_milli) +
                         (told->final_milli - told->decayed_milli), told->final_milli);
    }
    cr_assert_eq(o->results.grade[row], story.grade);
    cr_assert_eq(o->results.disqualified_by[row], story.disqualified_by);
    cr_assert_eq(o->results.route[row], story.route, "seed %llu, row %u", (unsigned long long)seed, row);
    cr_assert_eq(o->results.recycle[row], story.recycled);
    cr_assert_eq(o->results.stage == NULL ? 0 : o->results.stage[row], story.stage, "seed %llu, row %u", (unsigned long long)seed, row);
    cr_assert_eq(o->results.segment == NULL ? 0 : o->results.segment[row], story.segment, "seed %llu, row %u", (unsigned long long)seed, row);
    for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) {
        const uint16_t want = nth_term(&story, o->program.n_terms, j);
        cr_assert_eq(o->results.top_term[j][row], want, "seed %llu, row %u, reason %u", (unsigned long long)seed, row, j);
        if (want != ASY_TERM_NONE) cr_assert_eq(o->results.top_milli[j][row], story.terms[want].points_milli);
    }
}

Test(exec_pass, pass_and_reference_agree_on_random_databases)
{
    static const char *const levels[] = {"ref", NULL};
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct world w;
        struct outcome o;
        world_init(&w, seed, 700, 9000, 0);
        run(&w, &o, levels[seed % 2], 2, 0);
        for (uint32_t row = 0; row < w.store.n_leads; row++) {
            struct asy_pool pool;
            asy_pool_init(&pool, &w.mem);
            check_lead(&o, row, &pool, seed);
            asy_pool_fini(&pool);
        }
        outcome_fini(&w, &o);
        world_fini(&w);
    }
}

static void check_all_leads(struct world *w, const struct outcome *o, uint64_t seed)
{
    for (uint32_t row = 0; row < w->store.n_leads; row++) {
        struct asy_pool pool;
        asy_pool_init(&pool, &w->mem);
        check_lead(o, row, &pool, seed);
        asy_pool_fini(&pool);
    }
}

/* Few and many event names, sums that fit into 32 bits and sums that do not, every level. */
Test(exec_pass, pass_and_reference_agree_on_other_rules, .timeout = 120)
{
    static const char *const levels[] = {"ref", "v2", "v3", "v4"};
    static const uint32_t n_names[] = {7, 32, 45, 70, 200};
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct world w;
        struct outcome o;
        rule_now = make_rules(n_names[seed % 5], seed % 2 == 0);
        world_init(&w, seed, 300, 6000, 0);
        for (size_t l = 0; l < 4; l++) {
            const char *problem = NULL;
            if (asy_kern_select(levels[l], &problem) == NULL) continue;
            run(&w, &o, levels[l], 2, seed % 3 == 0 ? 100 : 0);
            cr_expect_eq(o.program.is_narrow, seed % 2 != 0);
            check_all_leads(&w, &o, seed);
            outcome_fini(&w, &o);
        }
        world_fini(&w);
    }
    rule_now = rule_text;
}

/* Every condition that the pass could not decide on is counted, and only those. */
Test(exec_pass, unknowns_are_counted)
{
    struct world w;
    struct outcome o;
    uint64_t small = 0, odd = 0, big = 0, lost = 0, again = 0;
    world_init(&w, 9, 500, 4000, 0);
    run(&w, &o, NULL, 1, 0);
    for (uint32_t row = 0; row < w.store.n_leads; row++) {
        struct asy_lead_story story;
        struct asy_pool pool;
        asy_pool_init(&pool, &w.mem);
        asy_lead_tell(&story, &o.program, row, &pool);
        small += story.disqualify[0].type != ASY_CEL_BOOL;
        odd += story.terms[6].when.type != ASY_CEL_BOOL;
        lost += story.stages[3].type != ASY_CEL_BOOL;
        big += story.stages[2].type != ASY_CEL_BOOL && story.stage < 4; /* a later stage takes the lead */
        again += story.segments[1].type != ASY_CEL_BOOL && story.segment != 1;
        asy_pool_fini(&pool);
    }
    cr_assert(small > 0 && odd > 0 && big > 0 && lost > 0 && again > 0);
    cr_assert_eq(o.results.unknown_stages[3], lost);
    cr_assert_eq(o.results.unknown_stages[2], big);
    cr_assert_eq(o.results.unknown_stages[0], 0);
    cr_assert_eq(o.results.unknown_segments[1], again);
    cr_assert_eq(o.results.unknown_disqualify[0], small);
    cr_assert_eq(o.results.unknown_terms[6], odd);
    outcome_fini(&w, &o);
    world_fini(&w);
}

static uint32_t number_of(const struct asy_program *program, const uint16_t *column, uint32_t row, const char *stage)
{
    return column[row] > 0 && asy_str_is(program->rules->stages[column[row] - 1].name, stage);
}

/* A lead is in the last stage that it enters, whatever the stages before that; said with the store alone. */
Test(exec_pass, the_last_stage_and_the_first_segment)
{
    struct world w;
    struct outcome o;
    uint32_t n[5] = {0}, n_segment[3] = {0};
    world_init(&w, 5, 800, 6000, 0);
    run(&w, &o, NULL, 2, 64);
    const struct asy_results *r = &o.results;
    const uint32_t lost_on = (uint32_t)asy_schema_field(&w.rules.schema, ASY_STR("deal.lost_on"));
    const uint32_t employees = (uint32_t)asy_schema_field(&w.rules.schema, ASY_STR("company.employees"));
    for (uint32_t row = 0; row < w.store.n_leads; row++) {
        const struct asy_cel_value size = asy_lead_field(&w.store, employees, row);
        const bool is_lost = number_of(&o.program, r->stage, row, "lost"), is_big = size.type == ASY_CEL_INT && size.i > 40;
        const bool is_mql = r->score_milli[3][row] >= 20000 && r->disqualified_by[row] == 0;
        n[r->stage[row]]++;
        n_segment[r->segment[row]]++;
        if (asy_column_filled(&w.store.columns[lost_on], row)) cr_assert(is_lost, "row %u", row);
        if (!is_lost) cr_assert_eq(number_of(&o.program, r->stage, row, "big"), is_big, "row %u", row);
        if (!is_lost && !is_big) cr_assert_eq(number_of(&o.program, r->stage, row, "mql"), is_mql, "row %u", row);
        cr_assert_eq(r->segment[row] == 1, !is_lost && is_big && r->score_milli[3][row] < 20000, "row %u", row);
    }
    cr_expect(n[0] == 0 && n[1] > 0 && n[2] > 0 && n[3] > 0 && n[4] > 0, "%u %u %u %u %u", n[0], n[1], n[2], n[3], n[4]);
    cr_expect(n_segment[0] > 0 && n_segment[1] > 0 && n_segment[2] > 0);
    outcome_fini(&w, &o);
    world_fini(&w);
}

/* All that a run says about one lead, as text; leads in the order of their ids. */
static struct asy_str tell_all(const struct world *w, const struct outcome *o, struct asy_pool *pool)
{
    const uint32_t n = w->store.n_leads;
    char *text = asy_pool_alloc(pool, (size_t)n * 400), *at = text;
    for (uint32_t lead = 0; lead < n; lead++) {
        char id[32];
        const int len = snprintf(id, sizeof(id), "L-%05u", lead);
        const uint32_t row = asy_index_find(&w->store.index, (struct asy_str){id, (uint32_t)len});
        at += sprintf(at, "%s", id);
        for (uint32_t s = 0; s < o->results.n_scores; s++) at += sprintf(at, ",%d", o->results.score_milli[s][row]);
        at += sprintf(at, ",%u,%u,%u,%u,%u,%u,%.*s,%u", o->results.stage[row], o->results.segment[row], o->results.grade[row], o->results.disqualified_by[row], o->results.route[row],
                      o->results.recycle[row], ASY_ARG(asy_dict_text(&o->results.owners, o->results.owner[row])),
                      o->results.routed_at_s[row]);
        for (uint32_t j = 0; j < ASY_TOP_TERMS; j++)
            at += sprintf(at, ",%u:%d", o->results.top_term[j][row], o->results.top_milli[j][row]);
        *at++ = '\n';
    }
    for (uint32_t c = 0; c < o->state.n_cursors; c++)
        at += sprintf(at, "%.*s/%.*s: %.*s\n", ASY_ARG(o->state.cursors[c].team), ASY_ARG(o->state.cursors[c].territory),
                      ASY_ARG(o->state.cursors[c].last));
    return (struct asy_str){text, (uint32_t)(at - text)};
}

Test(exec_pass, threads_batches_levels_and_order_change_no_byte)
{
    enum { N = 5000, EVENTS = 40000 };
    static const uint32_t threads[] = {1, 2, 7}, batches[] = {1, 64, 1024, 4096};
    static const char *const levels[] = {"ref", "v2", "v3", "v4"};
    struct world w;
    struct outcome o;
    struct asy_pool pool;
    world_init(&w, 42, N, EVENTS, 0);
    asy_pool_init(&pool, &w.mem);
    run(&w, &o, "ref", 1, 1024);
    const struct asy_str want = tell_all(&w, &o, &pool);
    outcome_fini(&w, &o);
    for (size_t t = 0; t < 3; t++)
        for (size_t b = 0; b < 4; b++)
            for (size_t l = 0; l < 4; l++) {
                const char *problem = NULL;
                if (asy_kern_select(levels[l], &problem) == NULL) continue;
                struct asy_pool scratch;
                asy_pool_init(&scratch, &w.mem);
                run(&w, &o, levels[l], threads[t], batches[b]);
                cr_assert(asy_str_eq(tell_all(&w, &o, &scratch), want), "%u threads, batches of %u, level %s", threads[t],
                          batches[b], levels[l]);
                outcome_fini(&w, &o);
                asy_pool_fini(&scratch);
            }
    for (uint64_t order = 1; order <= 3; order++) {
        struct world other;
        struct asy_pool scratch;
        world_init(&other, 42, N, EVENTS, order);
        asy_pool_init(&scratch, &other.mem);
        run(&other, &o, NULL, 2, 64);
        cr_assert(asy_str_eq(tell_all(&other, &o, &scratch), want), "input order %llu", (unsigned long long)order);
        outcome_fini(&other, &o);
        asy_pool_fini(&scratch);
        world_fini(&other);
    }
    asy_pool_fini(&pool);
    world_fini(&w);
}

/* Runs that make, use and make summaries again say what a run without them says. */
Test(exec_pass, summaries_change_no_byte, .timeout = 120)
{
    for (uint32_t rules = 0; rules < 5; rules++) {
        struct world w;
        struct outcome o;
        struct asy_summaries summaries;
        struct asy_pool pool;
        rule_now = rules == 0 ? rule_text : make_rules(rules < 3 ? 20 : 70, rules % 2 == 0);
        world_init(&w, 7 + rules, 1500, 30000, 0);
        asy_pool_init(&pool, &w.mem);
        asy_summaries_init(&summaries, &w.mem);
        run(&w, &o, NULL, 1, 0);
        cr_expect_not(asy_summaries_serve(&summaries, &o.program));
        const struct asy_str want = tell_all(&w, &o, &pool);
        outcome_fini(&w, &o);
        kept = &summaries;
        for (uint32_t round = 0; round < 6; round++) {
            static const char *const levels[] = {NULL, NULL, "ref", "v3", NULL, "v2"};
            const char *problem = NULL;
            if (asy_kern_select(levels[round], &problem) == NULL) continue;
            if (round == 4) asy_summaries_clear(&summaries);
            run(&w, &o, levels[round], 1 + round % 3, round % 2 ? 100 : 0);
            cr_assert(asy_str_eq(tell_all(&w, &o, &pool), want), "rules %u, round %u", rules, round);
            cr_assert(asy_summaries_serve(&summaries, &o.program));
            cr_assert_gt(asy_summaries_bytes(&summaries), 1500);
            struct asy_program later = o.program;
            later.as_of_s++;
            cr_expect_not(asy_summaries_serve(&summaries, &later), "ages are those of one time");
            outcome_fini(&w, &o);
        }
        kept = NULL;
        asy_summaries_clear(&summaries);
        asy_pool_fini(&pool);
        world_fini(&w);
    }
    rule_now = rule_text;
}

/* Summaries of some rules are not taken for those of others. */
Test(exec_pass, summaries_of_other_rules_do_not_serve)
{
    struct world a;
    struct outcome o;
    struct asy_summaries summaries;
    struct asy_name_set all = {.words = {UINT32_MAX}};
    world_init(&a, 3, 200, 3000, 0);
    asy_summaries_init(&summaries, &a.mem);
    kept = &summaries;
    run(&a, &o, NULL, 1, 0);
    kept = NULL;
    cr_assert(asy_summaries_serve(&summaries, &o.program));
    cr_assert_gt(o.program.n_ages, 0);
    const struct asy_name_set names = o.program.ages[0].names;
    o.program.ages[0].names = all;
    cr_expect_not(asy_summaries_serve(&summaries, &o.program), "latest of other names");
    o.program.ages[0].names = names;
    cr_expect(asy_summaries_serve(&summaries, &o.program));
    outcome_fini(&a, &o);
    asy_summaries_clear(&summaries);
    world_fini(&a);
}
