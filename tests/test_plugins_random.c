/* Random rule files with plugins over random leads: batches, threads, isolation, the order of the input and a second pass with what is
 * bound change no byte, and the reading row by row agrees; also where plugins fail on leads and are stopped. A failure names its seed:
 *
 *     ASSAY_SEED=<seed> tests/test_plugins_random */
#include <stdlib.h>

#include "base/check.h"
#include "plugin_runs.h"
#include "rule_maker.h"

enum { N_ROUNDS = ASSAY_IS_SANITIZED ? 10 : 40, N_IN_PROCESS = 5, MAKER_BYTES = 600, LARGE_LEADS = 5000 };

/* -- rules -------------------------------------------------------------------------------------------------------------- */

struct case_of_seed {
    uint64_t seed;
    uint32_t n_leads;
    const char *trouble;
    bool has_isolated; /* processes are dear: with every fifth seed */
    bool is_fatal;     /* the trouble ends a process */
};

/* `u` tells leads apart that are to fail: few, or enough of them to stop a plugin. */
static struct case_of_seed make_case(uint64_t seed)
{
    static const char *const troubles[] = {"",
                                           ", bad: [bad3]",
                                           ", bad: [bad3, bad40], how: unwritten",
                                           ", bad: [bad0, bad7, bad40, bad99], how: range",
                                           ", bad: [bad7, bad8, bad9, bad40, bad41, bad98, bad99]",
                                           ", bad: [bad7], how: crash",
                                           ", bad: [bad0, bad41, bad99], how: exit"};
    rng = seed;
    const bool has_isolated = seed % 5 == 0;
    const uint32_t trouble = draw(has_isolated ? ASY_COUNT_OF(troubles) : N_IN_PROCESS);
    return (struct case_of_seed){.seed = seed, .n_leads = draw(20) == 0 ? LARGE_LEADS : 100 + draw(100), .trouble = troubles[trouble],
                                 .has_isolated = has_isolated, .is_fatal = trouble >= N_IN_PROCESS};
}

static char rule_text[MAKER_TEXT_MAX];
static void make_rules(const struct case_of_seed *c, bool is_isolated)
{
    uint8_t bytes[MAKER_BYTES];
    rng = c->seed + 1;
    for (size_t i = 0; i < MAKER_BYTES; i++) bytes[i] = (uint8_t)draw(256);
    struct maker maker = {.bytes = bytes, .n = MAKER_BYTES, .text = rule_text, .isolation = is_isolated ? "worker" : "none", .trouble = c->trouble};
    maker_make(&maker);
}

/* -- leads -------------------------------------------------------------------------------------------------------------- */

static void set_text(struct asy_column *column, uint32_t row, const char *text)
{
    struct assay_error e;
    if (column->repr == ASY_REPR_PRESENCE) asy_column_set_present(column, row, true);
    else cr_assert_eq(asy_column_set_text(column, row, asy_str_of(text), &e), ASSAY_OK, "%s", e.text);
}
static void set_code(struct asy_column *column, uint32_t row, uint32_t code)
{
    struct assay_error e;
    if (column->repr == ASY_REPR_PRESENCE) asy_column_set_present(column, row, true);
    else cr_assert_eq(asy_column_set_code(column, row, code, &e), ASSAY_OK, "%s", e.text);
}

static void fill_lead(struct world *w, uint32_t row, uint32_t lead)
{
    static const char *const texts[] = {"a", "b", "x", "Sales", "abc"};
    static const char *const lands[] = {"DE", "FR", "US", "BR"};
    static const int64_t ints[] = {0, 1, 3, 10, 11, 50, 128, -7, 40000, INT64_C(2147483648)};
    static const double numbers[] = {0, 0.5, 2.5, -1, 10.25, 1e9};
    struct assay_error e;
    char bad[16];
    snprintf(bad, sizeof(bad), "bad%u", lead);
    set_text(column(w, "u"), row, lead < 100 ? bad : texts[draw(5)]);
    if (draw(3)) set_text(column(w, "t"), row, texts[draw(5)]);
    if (draw(2)) set_text(column(w, "only"), row, "x");
    if (draw(5) == 0) set_text(column(w, "lead.owner"), row, draw(2) ? "ana" : "gone");
    if (draw(4)) set_code(column(w, "e"), row, 1 + draw(3));
    if (draw(3)) set_code(column(w, "b"), row, 1 + draw(2));
    if (draw(5)) set_code(column(w, "c"), row, asy_country_code(asy_str_of(lands[draw(4)])));
    if (draw(5) && column(w, "i")->repr == ASY_REPR_INT) asy_column_set_int(column(w, "i"), row, ints[draw(10)], &e);
    if (draw(5) && column(w, "f")->repr == ASY_REPR_NUMBER) asy_column_set_number(column(w, "f"), row, numbers[draw(6)]);
    if (draw(10) == 0 && column(w, "d")->repr == ASY_REPR_TIME) asy_column_set_time(column(w, "d"), row, -1500000 * (int64_t)draw(3));
    else if (draw(2) && column(w, "d")->repr == ASY_REPR_TIME)
        asy_column_set_time(column(w, "d"), row, (AS_OF_S - (int64_t)draw(400) * 86400) * 1000000 - draw(3));
}

static void add_events(struct world *w, uint32_t n_leads)
{
    static const char *const pages[] = {"", "a", "b", "aa"};
    struct asy_events *events = &w->store.events;
    struct assay_error e;
    cr_assert_eq(asy_events_open(events, n_leads, 1, &e), ASSAY_OK, "%s", e.text);
    for (uint32_t i = 0; i < n_leads * 3; i++) {
        const uint32_t row = row_of(w, draw(n_leads)), time_s = AS_OF_S - draw(draw(3) ? 60 * 86400 : 500 * 86400);
        const struct asy_str page = asy_str_of(pages[draw(4)]);
        const uint8_t name = (uint8_t)draw(w->rules.schema.n_events);
        uint32_t tuple = 0;
        if (w->rules.schema.n_properties == 1) cr_assert_eq(asy_events_tuple(events, 0, &page, &tuple), ASSAY_OK);
        cr_assert_eq(asy_events_stage(events, 0, 1, &row, &time_s, &name, &tuple, &e), ASSAY_OK);
    }
    cr_assert_eq(asy_events_group(events, n_leads, 2, &e), ASSAY_OK, "%s", e.text);
}

/* `order` shuffles the order in which leads arrive. False: the rules are not accepted. */
static bool world_init(struct world *w, const struct case_of_seed *c, bool is_isolated, uint64_t order)
{
    struct assay_error e = {0};
    struct asy_str why;
    make_rules(c, is_isolated);
    if (!world_open(w, rule_text, &why)) return false;
    cr_assert_eq(asy_store_init(&w->store, &w->mem, &w->rules.schema, c->seed + order, &e), ASSAY_OK, "%s", e.text);
    for (uint32_t i = 0; i < c->n_leads; i++) {
        const uint32_t lead = order == 0 ? i : (uint32_t)((i * (uint64_t)7919 + order) % c->n_leads);
        rng = c->seed * 1000003 + lead;
        fill_lead(w, add_lead(w, lead), lead);
    }
    rng = c->seed + 2;
    add_events(w, c->n_leads);
    return true;
}

/* -- runs --------------------------------------------------------------------------------------------------------------- */

static const uint32_t threads[] = {1, 2, 7}, batches[] = {1000, 1, 64, 4096, 65536, 0};

/* Some passes of one program, whichever lanes and batches they need: each says `want`. */
static void check_passes(struct world *w, const struct case_of_seed *c, uint32_t n, bool is_shuffled, struct asy_str want, struct asy_pool *pool)
{
    struct outcome o;
    char what[160];
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t n_threads = threads[draw(3)], batch = batches[draw(c->n_leads == LARGE_LEADS ? 1 : 6)];
        if (i == 0) run(w, &o, NULL, n_threads, batch);
        else run_again(w, &o, NULL, n_threads, batch);
        snprintf(what, sizeof(what), "seed %llu, %s%s, pass %u, %u threads, batches of %u", (unsigned long long)c->seed,
                 w->rules.plugins[0].is_in_process ? "in process" : "isolated", is_shuffled ? ", shuffled" : "", i, n_threads, batch);
        /* bad leads are named in the order of the input */
        expect_same(tell_all(w, &o, pool, !is_shuffled), want, what);
    }
    if (!is_shuffled) check_leads(w, &o, what);
    outcome_fini(w, &o);
}

struct counts {
    uint32_t n_accepted, n_calls, n_quarantined, n_stopped;
};

static void check_seed(uint64_t seed, struct counts *counts)
{
    const struct case_of_seed c = make_case(seed);
    struct world w, other;
    struct outcome o;
    struct asy_pool pool;
    if (!world_init(&w, &c, c.is_fatal, 0)) return;
    asy_pool_init(&pool, &w.mem);
    run(&w, &o, "ref", 1, 1024);
    const struct asy_str want = tell_all(&w, &o, &pool, true), want_shuffled = tell_all(&w, &o, &pool, false);
    counts->n_accepted++;
    counts->n_calls += w.rules.n_calls;
    counts->n_stopped += asy_results_have_stops(&o.results);
    counts->n_quarantined += o.results.n_notes > 0 && !asy_results_have_stops(&o.results);
    outcome_fini(&w, &o);
    rng = seed + 3;
    check_passes(&w, &c, 3, false, want, &pool);
    if (c.has_isolated && !c.is_fatal) {
        cr_assert(world_init(&other, &c, true, 0));
        rng = seed + 4;
        check_passes(&other, &c, 2, false, want, &pool);
        world_fini(&other);
    }
    cr_assert(world_init(&other, &c, c.is_fatal, 1 + seed % 97));
    rng = seed + 5;
    check_passes(&other, &c, 2, true, want_shuffled, &pool);
    world_fini(&other);
    asy_pool_fini(&pool);
    world_fini(&w);
}

Test(plugins_random, every_way_to_run_says_the_same, .timeout = 240)
{
    const char *given = getenv("ASSAY_SEED");
    struct counts counts = {0};
    if (given != NULL) {
        check_seed(strtoull(given, NULL, 10), &counts);
        return;
    }
    for (uint64_t seed = 1; seed <= N_ROUNDS; seed++) check_seed(seed, &counts);
    cr_expect(counts.n_accepted * 4 > N_ROUNDS * 3, "%u of %d rule files are accepted", counts.n_accepted, N_ROUNDS);
    cr_expect(counts.n_calls > counts.n_accepted, "%u calls", counts.n_calls);
    cr_expect(ASSAY_IS_SANITIZED || (counts.n_quarantined > 3 && counts.n_stopped > 3), "%u with bad leads, %u with stopped plugins", counts.n_quarantined,
              counts.n_stopped);
}
