/* Owners: round robin that is fair, repeatable and goes on from the last run; territories; named and existing owners. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "failing_mem.h"
#include "exec/assign.h"
#include "exec/order.h"
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
    cr_assert_eq(asy_program_init(&w.program, &w.mem, &w.rules, &w.store, as_of_s, NULL, &e), ASSAY_OK);
    cr_assert_eq(asy_results_init(&w.results, &w.mem, &w.rules, n, w.program.n_terms, 1, &e), ASSAY_OK);
    cr_assert_eq(asy_pass_run(&w.program, &options, &w.results, &e), ASSAY_OK);
    cr_assert_eq(asy_assign(&w.program, &w.results, &w.state, 1, &e), ASSAY_OK);
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

/* After that of the suite. */
static void setup_sizes(void)
{
    teardown();
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

/* -- the order of hands ------------------------------------------------------------------------------------------------ */

static uint64_t seed = 20261122;
static uint32_t draw(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

/* Ids of many kinds: like a CRM's, one inside the other, with NULs and high bytes, with long common beginnings. */
static uint32_t draw_id(int kind, uint32_t number, char *out)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    switch (kind) {
    case 0: {
        memcpy(out, "00Q5e00000", 10);
        for (uint32_t i = 10; i < 18; i++) out[i] = letters[draw(62)];
        return 18;
    }
    case 1: return (uint32_t)sprintf(out, "%u", number);
    case 2: {
        const uint32_t len = 1 + number % 700;
        memset(out, 'a', len);
        out[len] = (char)(draw(3) ? 0 : 'b');
        return len + draw(2);
    }
    case 3: {
        const uint32_t len = 1 + draw(12);
        for (uint32_t i = 0; i < len; i++) out[i] = (char)(draw(4) ? draw(3) : 0xFF - draw(3));
        return len;
    }
    case 4: {
        memset(out, 'x', 60);
        return 60 + (uint32_t)sprintf(out + 60, "%u", draw(100000));
    }
    default: { /* one that is not like the others */
        if (number == 777) return (uint32_t)sprintf(out, "odd");
        return (uint32_t)sprintf(out, "lead-number-%07u", draw(10000000));
    }
    }
}

struct model_hand {
    struct asy_str id;
    int32_t score_milli;
    uint32_t row;
};
static int compare_model(const void *pa, const void *pb)
{
    const struct model_hand *a = pa, *b = pb;
    if (a->score_milli != b->score_milli) return a->score_milli > b->score_milli ? -1 : 1;
    return asy_str_cmp(a->id, b->id);
}

static uint32_t add_leads(int kind, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct assay_error e;
        char id[800];
        uint32_t row;
        bool is_new;
        const uint32_t len = draw_id(kind, i, id);
        cr_assert_eq(asy_store_add(&w.store, (struct asy_str){id, len}, &row, &is_new, &e), ASSAY_OK, "%s", e.text);
    }
    return w.store.n_leads;
}

Test(exec_assign, hands_are_ordered_as_by_comparing_whole_ids)
{
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    for (int kind = 0; kind <= 5; kind++)
        for (uint32_t wanted = 1; wanted <= 5000; wanted = wanted * 3 + draw(5)) {
            struct assay_error e;
            cr_assert_eq(asy_store_init(&w.store, &w.mem, &w.rules.schema, 1, &e), ASSAY_OK);
            const uint32_t n = add_leads(kind, wanted), span = draw(2) ? 3 : 100000;
            struct asy_hand *hands = calloc(n, sizeof(*hands)), *spare = calloc(n, sizeof(*spare));
            struct model_hand *model = calloc(n, sizeof(*model));
            int32_t *score_milli = calloc(n, sizeof(*score_milli));
            for (uint32_t depth = ASY_ORDER_BY_SCORE; depth <= ASY_ORDER_BY_ID; depth++) {
                const struct asy_order order = {.keys = &w.store.keys, .score_milli = score_milli};
                for (uint32_t i = 0; i < n; i++) {
                    score_milli[i] = depth == ASY_ORDER_BY_ID ? 5 : (int32_t)draw(span) - 1000;
                    hands[i] = (struct asy_hand){.key = asy_order_key(&order, i, depth), .row = i};
                    model[i] = (struct model_hand){asy_keys_text(&w.store.keys, i), score_milli[i], i};
                }
                asy_order_hands(&order, hands, spare, n, depth);
                qsort(model, n, sizeof(*model), compare_model);
                for (uint32_t i = 0; i < n; i++)
                    cr_assert_eq(hands[i].row, model[i].row, "kind %d, %u hands, depth %u: place %u", kind, n, depth, i);
            }
            free(hands), free(spare), free(model), free(score_milli);
            asy_store_fini(&w.store);
        }
}

Test(exec_assign, keys_order_as_the_bytes_do)
{
    static const struct { const char *id; uint32_t at; uint64_t key; } cases[] = {
        {"abcdefghij", 0, UINT64_C(0x6162636465666768)}, {"abcdefghij", 2, UINT64_C(0x636465666768696a)},
        {"abcdefghij", 3, UINT64_C(0x6465666768696a00)}, {"abcdefghij", 9, UINT64_C(0x6a00000000000000)},
        {"abcdefghij", 10, 0}, {"abcdefghij", 11, 0}, {"abc", 1, UINT64_C(0x6263000000000000)}, {"", 0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_eq(asy_order_id_key(asy_str_of(cases[i].id), cases[i].at), cases[i].key, "case %zu", i);
}

/* -- against a plain model ---------------------------------------------------------------------------------------------- */

/* Leads one after the other, owners by text: what the header says, said in the plainest way. */
static void model_owners(const struct asy_program *program, const struct asy_results *results, const struct asy_state *state, struct asy_str *owners,
                         uint64_t *n_no_member)
{
    const struct asy_rules *rules = program->rules;
    const uint32_t n_rosters = rules->n_territories + 1;
    struct model_hand *hands = calloc(results->n_leads + 1, sizeof(*hands));
    *n_no_member = 0;
    for (uint32_t pile = 0; pile < rules->n_teams * n_rosters; pile++) {
        const struct asy_team *team = &rules->teams[pile / n_rosters];
        const struct asy_roster *roster = &team->rosters[pile % n_rosters];
        uint32_t n = 0, turn = 0;
        for (uint32_t row = 0; row < results->n_leads; row++) {
            const struct asy_route *route = results->route[row] ? &rules->routes[results->route[row] - 1] : NULL;
            if (!route || route->assign != ASY_ASSIGN_ROUND_ROBIN || &rules->teams[route->team] != team) continue;
            const struct asy_str kept = asy_kept_owner(program, state, team, row);
            const uint32_t number = asy_assign_roster(program, team, row);
            if (kept.len > 0) owners[row] = kept;
            else if (number == ASY_NONE) *n_no_member += pile % n_rosters == 0;
            else if (number == pile % n_rosters)
                hands[n++] = (struct model_hand){asy_keys_text(&program->store->keys, row), results->score_milli[0][row], row};
        }
        qsort(hands, n, sizeof(*hands), compare_model);
        for (uint32_t c = 0; c < state->n_cursors; c++) {
            const struct asy_cursor *cursor = &state->cursors[c];
            if (!asy_str_eq(cursor->team, team->name) || !asy_str_eq(cursor->territory, asy_roster_name(rules, pile % n_rosters))) continue;
            turn = cursor->place;
            for (uint32_t m = 0; m < roster->n; m++)
                if (asy_str_eq(roster->members[m], cursor->last)) turn = m + 1;
        }
        for (uint32_t h = 0; h < n; h++) owners[hands[h].row] = roster->members[(turn + h) % roster->n];
    }
    free(hands);
}

/* Scores as given, from one value for all to a wide range, which share buckets. */
static void draw_world(int kind, uint32_t n_leads, struct asy_state *state)
{
    struct assay_error e;
    static const char *const countries[] = {"US", "DE", "FR", "JP", NULL};
    static const char *const owners[] = {NULL, NULL, NULL, "ana", "bruno", "dora", "finn", "stranger"};
    cr_assert_eq(asy_store_init(&w.store, &w.mem, &w.rules.schema, 1, &e), ASSAY_OK);
    const uint32_t n = add_leads(kind, n_leads);
    for (uint32_t row = 0; row < n; row++) {
        set_text("company.country", row, countries[draw(5)]);
        set_text("lead.owner", row, owners[draw(8)]);
    }
    cr_assert_eq(asy_events_group(&w.store.events, n, 1, &e), ASSAY_OK);
    cr_assert_eq(asy_program_init(&w.program, &w.mem, &w.rules, &w.store, AS_OF_S, NULL, &e), ASSAY_OK);
    asy_state_init(state, &w.mem, 1);
    cr_assert_eq(asy_state_set_cursor(state, ASY_STR("closers"), ASY_STR("us"), ASY_STR("bruno"), 1), ASSAY_OK);
    cr_assert_eq(asy_state_set_cursor(state, ASY_STR("rest"), ASY_STR("anywhere"), ASY_STR("gone"), draw(9)), ASSAY_OK);
    for (uint32_t i = 0; i < n / 10; i++)
        cr_assert_eq(asy_state_set_lead(state, asy_keys_text(&w.store.keys, draw(n)), AS_OF_S - 1 - draw(1000),
                                        asy_str_of(owners[3 + draw(5)])), ASSAY_OK);
}
static void draw_results(struct asy_results *results, int32_t span, uint64_t start)
{
    struct assay_error e;
    seed = start;
    cr_assert_eq(asy_results_init(results, &w.mem, &w.rules, w.store.n_leads, w.program.n_terms, 1, &e), ASSAY_OK);
    for (uint32_t row = 0; row < w.store.n_leads; row++) {
        results->score_milli[0][row] = ((int32_t)draw((uint32_t)span) - span / 2) * 1000;
        results->route[row] = (uint16_t)(draw(4) ? 3 + draw(2) : 0);
    }
}

static void compare_with_model(int kind, uint32_t n_leads, int32_t span)
{
    static const uint32_t thread_counts[] = {1, 2, 7, 0};
    for (size_t t = 0; t < 4; t++) {
        struct assay_error e;
        struct asy_state state;
        struct asy_results results;
        uint64_t n_no_member;
        const uint64_t start = 99 + n_leads;
        seed = start;
        draw_world(kind, n_leads, &state);
        const uint32_t n = w.store.n_leads, n_known = state.ids.n;
        state.is_kept = kind % 2;
        draw_results(&results, span, start);
        struct asy_str *owners = calloc(n + 1, sizeof(*owners));
        uint32_t *routed_at_s = calloc(n + 1, sizeof(*routed_at_s));
        struct asy_pool texts; /* those of the state move when it grows */
        asy_pool_init(&texts, &w.mem);
        model_owners(&w.program, &results, &state, owners, &n_no_member);
        for (uint32_t row = 0; row < n; row++) owners[row] = asy_pool_copy(&texts, owners[row].p ? owners[row] : ASY_STR(""));
        uint32_t n_routed = 0;
        for (uint32_t row = 0; row < n; row++) {
            const struct asy_routed *known = asy_state_lead(&state, asy_keys_text(&w.store.keys, row));
            routed_at_s[row] = results.route[row] == 0 ? 0 : known ? known->routed_at_s : AS_OF_S;
            n_routed += results.route[row] != 0 && known == NULL;
        }
        cr_assert_eq(asy_assign(&w.program, &results, &state, thread_counts[t], &e), ASSAY_OK, "%s", e.text);
        for (uint32_t row = 0; row < n; row++) {
            const struct asy_str found = asy_dict_text(&results.owners, results.owner[row]);
            cr_assert(asy_str_eq(found, owners[row]), "ids %d, %u leads, scores %d, %u threads: row %u: expected %.*s, found %.*s", kind, n, span,
                      thread_counts[t], row, ASY_ARG(owners[row]), ASY_ARG(found));
            cr_assert_eq(results.routed_at_s[row], routed_at_s[row]);
        }
        cr_assert_eq(results.n_no_member, n_no_member);
        cr_assert_eq(state.ids.n, n_known + (state.is_kept ? n_routed : 0));
        free(owners), free(routed_at_s);
        asy_pool_fini(&texts);
        asy_results_fini(&results, &w.rules, w.program.n_terms);
        asy_program_fini(&w.program);
        asy_state_fini(&state);
        asy_store_fini(&w.store);
    }
}

Test(exec_assign, owners_are_those_of_a_plain_model)
{
    static const struct { uint32_t n_leads; int32_t span; } cases[] = {{0, 1}, {1, 1}, {50, 10}, {3000, 1}, {30000, 101}, {20000, 100000}, {9000, 2000000}};
    for (int kind = 0; kind <= 5; kind++)
        for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) compare_with_model(kind, cases[c].n_leads, cases[c].span);
}

/* -- memory ------------------------------------------------------------------------------------------------------------- */

Test(exec_assign, an_allocation_that_fails_is_an_error_and_no_loss)
{
    struct failing failing = {0};
    const struct assay_allocator table = failing_table(&failing);
    const struct assay_allocator before = w.mem.table;
    for (int64_t k = 0, n_calls = 0; k <= n_calls; k++) {
        struct assay_error e = {0};
        struct asy_state state;
        struct asy_results results;
        seed = 5;
        draw_world(0, 500, &state);
        state.is_kept = true;
        draw_results(&results, 100, 6);
        failing = (struct failing){.n_left = k - 1, .once = true}; /* the k-th; 0: none */
        w.mem.table = table;
        const assay_status status = asy_assign(&w.program, &results, &state, 2, &e);
        if (k == 0) n_calls = failing.n_calls;
        cr_assert(status == ASSAY_OK ? k == 0 || failing.n_calls < k : status == ASSAY_E_NOMEM && k > 0, "allocation %lld: %d", (long long)k, status);
        if (status != ASSAY_OK) cr_assert_str_eq(e.text, "routing: out of memory while assigning owners");
        w.mem.table = before;
        asy_results_fini(&results, &w.rules, w.program.n_terms);
        asy_program_fini(&w.program);
        asy_state_fini(&state);
        asy_store_fini(&w.store);
    }
}
