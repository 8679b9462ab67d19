/* Owners: round robin that is fair, repeatable and goes on from the last run; territories; named and existing owners. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "exec/assign.h"
#include "exec/pass.h"
#include "rule/load.h"

static const char rule_text[] =
    "assay: 1\n"
    "fields: {company.country: country, company.domain: text, lead.owner: text, lead.points: int, crm.open: bool}\n"
    "lists: {europe: [DE, FR], named: {file: named.csv, key: domain}}\n"
    "scores:\n"
    "  total: {rules: [{name: Points, by: lead.points, points: {1: 1, 2: 2, 3: 3, 4: 4, 5: 5}}]}\n"
    "teams:\n"
    "  territories: {by: company.country, us: US, eu: in europe}\n"
    "  closers: {us: [ana, bruno, carl], eu: [dora]}\n"
    "  rest: {anywhere: [eve, finn]}\n"
    "routes:\n"
    "  - {name: Deal, when: crm.open, assign: {owner_of: existing_record}}\n"
    "  - {name: Named, when: company.domain in named, assign: {owner_of: named}}\n"
    "  - {name: Closers, when: score.total >= 1, assign: {round_robin: closers}, respond_within: 4h}\n"
    "  - {name: Rest, otherwise: true, assign: {round_robin: rest}}\n";
static const char size_rules[] =
    "assay: 1\n"
    "fields: {company.employees: int, lead.owner: text}\n"
    "scores: {total: {rules: [{name: Any, when: has(company.employees), points: 1}]}}\n"
    "teams: {territories: {by: company.employees, small: 1-10, big: 11+}, t: {small: [sue], big: [bob], anywhere: [ann]}}\n"
    "routes: [{name: All, otherwise: true, assign: {round_robin: t}}]\n";
static const char *rules_in_use = rule_text;
static const char list_text[] = "domain,owner\nbig.example,nora\nlone.example,\n";

static assay_status read_text(void *ctx, struct asy_pool *pool, const char *folder, const char *path, size_t max_bytes,
                              struct asy_str *out, struct assay_error *error)
{
    (void)ctx, (void)folder, (void)max_bytes, (void)error;
    *out = asy_pool_copy(pool, strstr(path, "named.csv") != NULL ? ASY_STR(list_text) : asy_str_of(rules_in_use));
    return ASSAY_OK;
}

struct lead {
    const char *id, *country, *domain, *owner;
    int points; /* 0: empty */
    bool is_open;
};

struct world {
    struct asy_mem mem;
    struct asy_rules rules;
    struct asy_store store;
    struct asy_program program;
    struct asy_results results;
    struct asy_state state;
};
static struct world w;
enum { AS_OF_S = 1793491200 };

static void setup(void)
{
    struct assay_error e = {0};
    struct asy_diags diags;
    const struct asy_file_reader reader = {.read = read_text};
    w = (struct world){0};
    asy_mem_init(&w.mem, NULL);
    asy_diags_init(&diags, &w.mem);
    const assay_status status = asy_rules_load(&w.rules, &w.mem, "test.yaml", &reader, &diags, &e);
    if (status != ASSAY_OK) {
        struct asy_pool pool;
        asy_pool_init(&pool, &w.mem);
        cr_assert_fail("%s %s", e.text, asy_diags_text(&pool, &diags, false).p);
    }
    asy_diags_fini(&diags);
    asy_state_init(&w.state, &w.mem, 1);
    w.state.is_kept = true;
}
static void teardown(void)
{
    asy_state_fini(&w.state);
    asy_rules_fini(&w.rules);
    cr_assert_eq(w.mem.live_bytes, 0);
}
TestSuite(exec_assign, .init = setup, .fini = teardown);

static void set_text(const char *field, uint32_t row, const char *text)
{
    struct assay_error e;
    const int64_t number = asy_schema_field(&w.rules.schema, asy_str_of(field));
    struct asy_column *column = &w.store.columns[number];
    if (text == NULL || number < 0) return;
    if (column->field->type == ASY_COUNTRY) asy_column_set_code(column, row, asy_country_code(asy_str_of(text)), &e);
    else asy_column_set_text(column, row, asy_str_of(text), &e);
}

/* One run over the leads; the owners, in their order, joined by blanks ("-" for nobody). */
static const char *owners_of(const struct lead *leads, uint32_t n, int64_t as_of_s)
{
    static char text[4000];
    struct assay_error e = {0};
    const char *problem = NULL;
    const struct asy_pass_options options = {.kern = asy_kern_select("ref", &problem)};
    cr_assert_eq(asy_store_init(&w.store, &w.mem, &w.rules.schema, 1, &e), ASSAY_OK, "%s", e.text);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row;
        bool is_new;
        asy_store_add(&w.store, asy_str_of(leads[i].id), &row, &is_new, &e);
        set_text("company.country", row, leads[i].country);
        set_text("company.domain", row, leads[i].domain);
        set_text("lead.owner", row, leads[i].owner);
        const int64_t number = asy_schema_field(&w.rules.schema, asy_str_of(rules_in_use == size_rules ? "company.employees" : "lead.points"));
        if (leads[i].points) asy_column_set_int(&w.store.columns[number], row, leads[i].points, &e);
        const int64_t open = asy_schema_field(&w.rules.schema, ASY_STR("crm.open"));
        if (open >= 0) asy_column_set_code(&w.store.columns[open], row, leads[i].is_open ? 2 : 1, &e);
    }
    cr_assert_eq(asy_events_group(&w.store.events, n, 1, &e), ASSAY_OK);
    cr_assert_eq(asy_program_init(&w.program, &w.mem, &w.rules, &w.store, as_of_s, &e), ASSAY_OK);
    cr_assert_eq(asy_results_init(&w.results, &w.mem, &w.rules, n, w.program.n_terms, 1, &e), ASSAY_OK);
    cr_assert_eq(asy_pass_run(&w.program, &options, &w.results, &e), ASSAY_OK);
    cr_assert_eq(asy_assign(&w.program, &w.results, &w.state, &e), ASSAY_OK);
    char *at = text;
    for (uint32_t i = 0; i < n; i++) {
        const struct asy_str owner = asy_dict_text(&w.results.owners, w.results.owner[i]);
        at += sprintf(at, "%s%.*s", i ? " " : "", owner.len ? (int)owner.len : 1, owner.len ? owner.p : "-");
    }
    return text;
}
static void done(void)
{
    asy_results_fini(&w.results, &w.rules, w.program.n_terms);
    asy_program_fini(&w.program);
    asy_store_fini(&w.store);
}

Test(exec_assign, best_scores_are_dealt_first_then_ids)
{
    const struct lead leads[] = {{.id = "c", .country = "US", .points = 1}, {.id = "a", .country = "US", .points = 1},
                                 {.id = "b", .country = "US", .points = 5}, {.id = "d", .country = "US", .points = 1}};
    cr_assert_str_eq(owners_of(leads, 4, AS_OF_S), "carl bruno ana ana"); /* b, then a, c, d */
    done();
}

Test(exec_assign, territories_and_who_serves_anywhere)
{
    const struct lead leads[] = {{.id = "a", .country = "DE", .points = 1}, {.id = "b", .country = "FR", .points = 1},
                                 {.id = "c", .country = "JP", .points = 1}, {.id = "d", .country = "JP"},
                                 {.id = "e"}, {.id = "f", .country = "US"}};
    cr_assert_str_eq(owners_of(leads, 6, AS_OF_S), "dora dora - eve finn eve");
    cr_assert_eq(w.results.n_no_member, 1);
    done();
}

Test(exec_assign, an_owner_in_the_team_stays_and_does_not_move_the_cursor)
{
    const struct lead leads[] = {{.id = "a", .country = "US", .points = 1}, {.id = "b", .country = "US", .points = 1, .owner = "dora"},
                                 {.id = "c", .country = "US", .points = 1, .owner = "stranger"}, {.id = "d", .country = "US", .points = 1}};
    cr_assert_str_eq(owners_of(leads, 4, AS_OF_S), "ana dora bruno carl");
    done();
}

Test(exec_assign, named_and_existing_owners)
{
    const struct lead leads[] = {{.id = "a", .domain = "big.example"}, {.id = "b", .domain = "lone.example"},
                                 {.id = "c", .is_open = true, .owner = "quinn"}, {.id = "d", .is_open = true}};
    cr_assert_str_eq(owners_of(leads, 4, AS_OF_S), "nora - quinn -");
    cr_assert_eq(w.results.n_no_owner, 2);
    done();
}

Test(exec_assign, the_next_run_goes_on_where_this_one_stopped)
{
    const struct lead first[] = {{.id = "a", .country = "US", .points = 1}, {.id = "b", .country = "US", .points = 1}};
    const struct lead second[] = {{.id = "c", .country = "US", .points = 3}, {.id = "a", .country = "US", .points = 2},
                                  {.id = "d", .country = "US", .points = 1}};
    cr_assert_str_eq(owners_of(first, 2, AS_OF_S), "ana bruno");
    done();
    cr_assert_str_eq(owners_of(second, 3, AS_OF_S + 86400), "carl ana ana"); /* a keeps ana; c is after bruno; d after carl */
    cr_assert_eq(w.results.routed_at_s[1], AS_OF_S, "the time of first routing is kept");
    cr_assert_eq(w.results.routed_at_s[0], AS_OF_S + 86400);
    done();
}

Test(exec_assign, a_member_who_left_hands_his_turn_to_his_place)
{
    cr_assert_eq(asy_state_set_cursor(&w.state, ASY_STR("closers"), ASY_STR("us"), ASY_STR("gone"), 1), ASSAY_OK);
    const struct lead leads[] = {{.id = "a", .country = "US", .points = 1}, {.id = "b", .country = "US", .points = 1}};
    cr_assert_str_eq(owners_of(leads, 2, AS_OF_S), "bruno carl");
    done();
}

/* Batches of one and all at once must not matter: over many leads every member gets his share. */
Test(exec_assign, shares_are_even)
{
    enum { N = 300 };
    static struct lead leads[N];
    static char ids[N][8];
    uint32_t counts[3] = {0};
    for (uint32_t i = 0; i < N; i++) {
        sprintf(ids[i], "L%03u", (i * 7) % N);
        leads[i] = (struct lead){.id = ids[i], .country = "US", .points = 1 + (int)(i % 5)};
    }
    owners_of(leads, N, AS_OF_S);
    static const char *const names[] = {"ana", "bruno", "carl"};
    for (uint32_t i = 0; i < N; i++)
        for (uint32_t m = 0; m < 3; m++)
            counts[m] += asy_str_is(asy_dict_text(&w.results.owners, w.results.owner[i]), names[m]);
    cr_assert(counts[0] == 100 && counts[1] == 100 && counts[2] == 100, "%u %u %u", counts[0], counts[1], counts[2]);
    done();
}

static void setup_sizes(void)
{
    rules_in_use = size_rules;
    setup();
}
Test(exec_assign, territories_by_ranges_of_a_number, .init = setup_sizes)
{
    const struct lead leads[] = {{.id = "a", .points = 10}, {.id = "b", .points = 11}, {.id = "c", .points = 2000000000},
                                 {.id = "d", .points = -1}, {.id = "e"}};
    cr_assert_str_eq(owners_of(leads, 5, AS_OF_S), "sue bob bob ann ann");
    done();
}

/* The CRM still names someone outside the team: the owner that the last run gave stays, and the turn does not move. */
Test(exec_assign, an_owner_from_the_state_stays_though_the_crm_names_another)
{
    const struct lead leads[] = {{.id = "a", .country = "US", .points = 1, .owner = "stranger"}};
    for (int day = 0; day < 4; day++) {
        cr_assert_str_eq(owners_of(leads, 1, AS_OF_S + day * 86400), "ana");
        done();
    }
}
