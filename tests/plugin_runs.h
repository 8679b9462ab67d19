/* Rules with plugins over leads that a test makes: run, told as text, and read row by row. For programs with Criterion. */
#ifndef PLUGIN_RUNS_H
#define PLUGIN_RUNS_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "exec/assign.h"
#include "exec/lead.h"
#include "exec/pass.h"
#include "exec/plugin_notes.h"

enum { AS_OF_S = 1793491200 };

/* -- worlds ------------------------------------------------------------------------------------------------------------- */

static inline assay_status read_text(void *ctx, struct asy_pool *pool, const char *folder, const char *path, size_t max_bytes, struct asy_str *out,
                              struct assay_error *error)
{
    (void)folder, (void)path, (void)max_bytes, (void)error;
    *out = asy_pool_copy(pool, asy_str_of(ctx));
    return ASSAY_OK;
}

struct world {
    struct asy_mem mem;
    struct asy_rules rules;
    struct asy_plugins plugins;
    struct asy_store store;
};

static uint64_t rng;
static inline uint32_t draw(uint32_t below)
{
    rng = rng * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((rng >> 33) % below);
}

/* Rules with plugins of tests/plugin/exec. False, with what was found in `why`: they are not accepted. */
static inline bool world_open(struct world *w, const char *rules, struct asy_str *why)
{
    static const char *const folders[] = {ASSAY_TEST_PLUGINS "/exec"};
    static char text[2000];
    struct assay_error e = {0};
    struct asy_diags diags;
    const struct asy_file_reader reader = {.ctx = (void *)rules, .read = read_text};
    const struct asy_plugin_dirs dirs = {.items = folders, .n = 1};
    *w = (struct world){0};
    asy_mem_init(&w->mem, NULL);
    asy_diags_init(&diags, &w->mem);
    assay_status status = asy_rules_load(&w->rules, &w->mem, "test.yaml", &reader, &diags, &e);
    const bool has_rules = status == ASSAY_OK;
    if (has_rules) status = asy_plugins_open(&w->plugins, &w->mem, &w->rules, &dirs, &reader, &diags, &e);
    if (status != ASSAY_OK) {
        struct asy_pool pool;
        asy_pool_init(&pool, &w->mem);
        asy_diags_sort(&diags);
        snprintf(text, sizeof(text), "%s\n%s", e.text, asy_diags_text(&pool, &diags, false).p);
        *why = asy_str_of(text);
        asy_pool_fini(&pool);
        if (has_rules) asy_rules_fini(&w->rules);
    }
    asy_diags_fini(&diags);
    return status == ASSAY_OK;
}

static inline struct asy_column *column(struct world *w, const char *name)
{
    const int64_t field = asy_schema_field(&w->rules.schema, asy_str_of(name));
    cr_assert(field >= 0, "%s", name);
    return &w->store.columns[field];
}

static inline struct asy_str lead_id(uint32_t lead)
{
    static char id[32];
    return (struct asy_str){id, (uint32_t)snprintf(id, sizeof(id), "L-%05u", lead)};
}
static inline uint32_t add_lead(struct world *w, uint32_t lead)
{
    struct assay_error e;
    uint32_t row;
    bool is_new;
    cr_assert_eq(asy_store_add(&w->store, lead_id(lead), &row, &is_new, &e), ASSAY_OK, "%s", e.text);
    cr_assert(is_new);
    return row;
}
static inline uint32_t row_of(const struct world *w, uint32_t lead) { return asy_index_find(&w->store.index, lead_id(lead)); }

static inline void world_fini(struct world *w)
{
    asy_store_fini(&w->store);
    asy_plugins_close(&w->plugins);
    asy_rules_fini(&w->rules);
    cr_assert_eq(w->mem.live_bytes, 0, "memory is left: %llu bytes", (unsigned long long)w->mem.live_bytes);
}

/* -- runs --------------------------------------------------------------------------------------------------------------- */

struct outcome {
    struct asy_program program;
    struct asy_results results;
    struct asy_state state;
};
static inline void pass(struct world *w, struct outcome *o, const char *isa, uint32_t n_threads, uint32_t batch_rows)
{
    struct assay_error e = {0};
    const char *problem = NULL;
    const struct asy_pass_options options = {.kern = asy_kern_select(isa, &problem), .n_threads = n_threads, .batch_rows = batch_rows};
    asy_state_init(&o->state, &w->mem, 1);
    o->state.is_kept = true;
    cr_assert_eq(asy_pass_run(&o->program, &options, &o->results, &e), ASSAY_OK, "%s", e.text);
    cr_assert_eq(asy_assign(&o->program, &o->results, &o->state, n_threads, &e), ASSAY_OK, "%s", e.text);
}
static inline void run(struct world *w, struct outcome *o, const char *isa, uint32_t n_threads, uint32_t batch_rows)
{
    struct assay_error e = {0};
    cr_assert_eq(asy_program_init(&o->program, &w->mem, &w->rules, &w->store, AS_OF_S, &w->plugins, &e), ASSAY_OK, "%s", e.text);
    cr_assert_eq(asy_results_init(&o->results, &w->mem, &w->rules, w->store.n_leads, o->program.n_terms, 1, &e), ASSAY_OK);
    pass(w, o, isa, n_threads, batch_rows);
}
/* The same program once more: what is bound stays bound. */
static inline void run_again(struct world *w, struct outcome *o, const char *isa, uint32_t n_threads, uint32_t batch_rows)
{
    asy_state_fini(&o->state);
    asy_results_clear(&o->results, &w->rules, o->program.n_terms);
    pass(w, o, isa, n_threads, batch_rows);
}
static inline void outcome_fini(struct world *w, struct outcome *o)
{
    asy_state_fini(&o->state);
    asy_results_fini(&o->results, &w->rules, o->program.n_terms);
    asy_program_fini(&o->program);
}

static inline struct asy_str owner_of(const struct outcome *o, uint32_t row) { return asy_dict_text(&o->results.owners, o->results.owner[row]); }

static inline bool is_empty(const struct asy_results *r, uint32_t score, uint32_t row)
{
    return r->score_empty != NULL && r->score_empty[score] != NULL && r->score_empty[score][row] != 0;
}
static inline uint32_t due_of(const struct asy_results *r, uint32_t row) { return r->recycle_due_s == NULL ? 0 : r->recycle_due_s[row]; }

/* One lead as text; without the owner, who depends on other leads where it is dealt. */
static inline char *tell_lead(const struct outcome *o, uint32_t row, bool with_owner, char *at)
{
    const struct asy_results *r = &o->results;
    for (uint32_t s = 0; s < r->n_scores; s++)
        at += sprintf(at, ",%d%s", r->score_milli[s][row], is_empty(r, s, row) ? "?" : "");
    at += sprintf(at, ",%u,%u,%u,%u,%u,%u", r->grade[row], r->disqualified_by[row], r->route[row], r->recycle[row], due_of(r, row),
                  r->routed_at_s[row]);
    at += sprintf(at, ",%u,%u", r->stage == NULL ? 0u : r->stage[row], r->segment == NULL ? 0u : r->segment[row]);
    if (with_owner) at += sprintf(at, ",%.*s", ASY_ARG(owner_of(o, row)));
    for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) at += sprintf(at, ",%u:%d", r->top_term[j][row], r->top_milli[j][row]);
    *at++ = '\n';
    return at;
}

static inline char *tell_counts(const uint64_t *counts, uint32_t n, char *at)
{
    for (uint32_t i = 0; i < n; i++) at += sprintf(at, " %llu", (unsigned long long)counts[i]);
    return at;
}
/* All that a run says: leads in the order of their ids, counts, notes if they are wanted. */
static inline struct asy_str tell_all(const struct world *w, const struct outcome *o, struct asy_pool *pool, bool with_notes)
{
    const struct asy_results *r = &o->results;
    char *text = asy_pool_alloc(pool, (size_t)w->store.n_leads * 400 + 20000), *at = text;
    for (uint32_t lead = 0; lead < w->store.n_leads; lead++) {
        at += sprintf(at, "L-%05u", lead);
        at = tell_lead(o, row_of(w, lead), true, at);
    }
    for (uint32_t c = 0; c < r->n_calls; c++) {
        at += sprintf(at, "call %u: %llu %llu %llu:", c, (unsigned long long)r->calls[c].n_asked, (unsigned long long)r->calls[c].n_empty,
                      (unsigned long long)r->calls[c].counters[0]);
        at = tell_counts(r->calls[c].by_reason, 3, at);
        *at++ = '\n';
    }
    at = tell_counts(r->unknown_terms, o->program.n_terms, at);
    at = tell_counts(r->unknown_disqualify, w->rules.n_disqualify, at);
    at = tell_counts(r->unknown_stages, w->rules.n_stages, at);
    at = tell_counts(r->unknown_routes, w->rules.n_routes, at);
    at = tell_counts(r->unknown_recycle, w->rules.n_recycle, at);
    at = tell_counts(r->unknown_segments, w->rules.n_segments, at);
    at = tell_counts(&r->n_no_owner, 1, at);
    *at++ = '\n';
    if (with_notes) at += sprintf(at, "%.*s", ASY_ARG(asy_plugin_notes_text(pool, &o->program, r)));
    return (struct asy_str){text, (uint32_t)(at - text)};
}

/* Where two texts differ first, for people. */
static inline void expect_same(struct asy_str got, struct asy_str want, const char *what)
{
    uint32_t at = 0, start = 0;
    if (asy_str_eq(got, want)) return;
    for (; at < got.len && at < want.len && got.p[at] == want.p[at]; at++)
        if (got.p[at] == '\n') start = at + 1;
    cr_assert_fail("%s: found\n%.300s\nexpected\n%.300s", what, got.p + start, want.p + start);
}

/* -- the pass and the reading row by row ---------------------------------------------------------------------------------- */

/* Who owns a lead, and when it comes back, where a plugin says so. */
static inline void check_details(const struct world *w, const struct outcome *o, const struct asy_lead_story *story, uint32_t row, const char *what)
{
    const struct asy_rules *rules = &w->rules;
    const uint32_t route = story->route, recycled = story->recycled;
    if (route > 0 && rules->routes[route - 1].assign == ASY_ASSIGN_PLUGIN)
        cr_assert(asy_str_eq(owner_of(o, row), story->route_verdicts[route - 1].target), "%s: row %u", what, row);
    if (recycled > 0 && rules->recycle[recycled - 1].test.call != ASY_NONE)
        cr_assert_eq(due_of(&o->results, row), story->recycle_verdicts[recycled - 1].due_s, "%s: row %u", what, row);
    else
        cr_assert_eq(due_of(&o->results, row), 0, "%s: row %u", what, row);
}

/* Stops at the first lead that the pass and exec/lead.h see differently. */
static inline void check_leads(struct world *w, const struct outcome *o, const char *what)
{
    const struct asy_rules *rules = &w->rules;
    const struct asy_results *r = &o->results;
    for (uint32_t row = 0; row < w->store.n_leads; row++) {
        struct asy_lead_story story;
        struct asy_pool pool;
        asy_pool_init(&pool, &w->mem);
        cr_assert(asy_lead_tell(&story, &o->program, row, &pool));
        for (uint32_t s = 0; s < rules->n_scores; s++) {
            cr_assert_eq(r->score_milli[s][row], story.scores[s].final_milli, "%s: row %u, score %u: pass %d, reference %lld", what, row, s,
                         r->score_milli[s][row], (long long)story.scores[s].final_milli);
            cr_assert_eq(is_empty(r, s, row), story.scores[s].is_empty, "%s: row %u, score %u", what, row, s);
        }
        cr_assert_eq(r->grade[row], story.grade, "%s: row %u", what, row);
        cr_assert_eq(r->disqualified_by[row], story.disqualified_by, "%s: row %u", what, row);
        cr_assert_eq(r->route[row], story.route, "%s: row %u", what, row);
        cr_assert_eq(r->recycle[row], story.recycled, "%s: row %u", what, row);
        cr_assert_eq(r->stage == NULL ? 0 : r->stage[row], story.stage, "%s: row %u", what, row);
        cr_assert_eq(r->segment == NULL ? 0 : r->segment[row], story.segment, "%s: row %u", what, row);
        check_details(w, o, &story, row, what);
        asy_pool_fini(&pool);
    }
}

#endif
