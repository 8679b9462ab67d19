#include "exec/results.h"

/* Zeroed memory for a column. The first pass touches all of it: with small pages that would take as long as the pass. */
static void *make_column(struct asy_mem *mem, size_t n, size_t width)
{
    void *column = asy_mem_alloc_n(mem, n, width);
    if (column != NULL) asy_mem_wish_huge(column, n * width);
    return column;
}

static bool make_columns(struct asy_results *r, const struct asy_rules *rules, uint32_t n_terms)
{
    struct asy_mem *mem = r->mem;
    const size_t n = (size_t)r->n_leads + 1; /* never nothing */
    r->score_milli = asy_mem_alloc_n(mem, r->n_scores, sizeof(*r->score_milli));
    if (r->score_milli == NULL) return false;
    for (uint32_t s = 0; s < r->n_scores; s++)
        if ((r->score_milli[s] = make_column(mem, n, sizeof(int32_t))) == NULL) return false;
    for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) {
        r->top_term[j] = make_column(mem, n, sizeof(uint16_t));
        r->top_milli[j] = make_column(mem, n, sizeof(int32_t));
        if (r->top_term[j] == NULL || r->top_milli[j] == NULL) return false;
    }
    r->grade = make_column(mem, n, sizeof(uint8_t));
    r->disqualified_by = make_column(mem, n, sizeof(uint16_t));
    r->route = make_column(mem, n, sizeof(uint16_t));
    r->recycle = make_column(mem, n, sizeof(uint16_t));
    if (rules->n_stages > 0) r->stage = make_column(mem, n, sizeof(uint16_t));
    if (rules->n_segments > 0) r->segment = make_column(mem, n, sizeof(uint16_t));
    r->owner = make_column(mem, n, sizeof(uint32_t));
    r->routed_at_s = make_column(mem, n, sizeof(uint32_t));
    r->unknown_terms = asy_mem_alloc_n(mem, (size_t)n_terms + 1, sizeof(uint64_t));
    r->unknown_disqualify = asy_mem_alloc_n(mem, (size_t)rules->n_disqualify + 1, sizeof(uint64_t));
    r->unknown_stages = asy_mem_alloc_n(mem, (size_t)rules->n_stages + 1, sizeof(uint64_t));
    r->unknown_routes = asy_mem_alloc_n(mem, (size_t)rules->n_routes + 1, sizeof(uint64_t));
    r->unknown_recycle = asy_mem_alloc_n(mem, (size_t)rules->n_recycle + 1, sizeof(uint64_t));
    r->unknown_segments = asy_mem_alloc_n(mem, (size_t)rules->n_segments + 1, sizeof(uint64_t));
    return r->grade != NULL && r->disqualified_by != NULL && r->route != NULL && r->recycle != NULL &&
           (r->stage != NULL || rules->n_stages == 0) && (r->segment != NULL || rules->n_segments == 0) && r->owner != NULL &&
           r->routed_at_s != NULL && r->unknown_terms != NULL && r->unknown_disqualify != NULL && r->unknown_stages != NULL &&
           r->unknown_routes != NULL && r->unknown_recycle != NULL && r->unknown_segments != NULL;
}

assay_status asy_results_init(struct asy_results *results, struct asy_mem *mem, const struct asy_rules *rules,
                              uint32_t n_leads, uint32_t n_terms, uint64_t seed, struct assay_error *error)
{
    *results = (struct asy_results){.mem = mem, .n_leads = n_leads, .n_scores = rules->n_scores};
    asy_hasher_init(&results->hasher, seed);
    asy_dict_init(&results->owners, mem, &results->hasher);
    asy_pool_init(&results->pool, mem);
    if (make_columns(results, rules, n_terms)) return ASSAY_OK;
    asy_results_fini(results, rules, n_terms);
    return asy_fail(error, ASSAY_E_NOMEM, "results: out of memory for %u leads", n_leads);
}

static void drop_plugin_columns(struct asy_results *r)
{
    const size_t n = (size_t)r->n_leads + 1;
    for (uint32_t s = 0; r->score_empty != NULL && s < r->n_scores; s++) asy_mem_free(r->mem, r->score_empty[s], n);
    asy_mem_free(r->mem, r->score_empty, r->n_scores * sizeof(*r->score_empty));
    asy_mem_free(r->mem, r->recycle_due_s, n * sizeof(uint32_t));
    r->score_empty = NULL;
    r->recycle_due_s = NULL;
}
static bool make_plugin_columns(struct asy_results *r, const struct asy_program *program)
{
    const struct asy_rules *rules = program->rules;
    const size_t n = (size_t)r->n_leads + 1;
    bool is_recycler = false;
    for (uint32_t i = 0; i < rules->n_recycle; i++) is_recycler |= rules->recycle[i].test.call != ASY_NONE;
    r->score_empty = asy_mem_alloc_n(r->mem, r->n_scores, sizeof(*r->score_empty));
    if (r->score_empty == NULL) return false;
    for (uint32_t s = 0; s < r->n_scores; s++)
        if (program->may_be_empty[s] && (r->score_empty[s] = make_column(r->mem, n, sizeof(uint8_t))) == NULL) return false;
    if (is_recycler) r->recycle_due_s = make_column(r->mem, n, sizeof(uint32_t));
    return r->recycle_due_s != NULL || !is_recycler;
}

assay_status asy_results_expect_plugins(struct asy_results *r, const struct asy_program *program, struct assay_error *error)
{
    asy_pool_fini(&r->pool);
    r->n_calls = r->n_notes = 0;
    if (program->n_calls == 0) {
        drop_plugin_columns(r);
        return ASSAY_OK;
    }
    bool ok = r->score_empty != NULL || make_plugin_columns(r, program);
    r->calls = asy_pool_alloc_n(&r->pool, program->n_calls, sizeof(*r->calls));
    r->notes = asy_pool_alloc_n(&r->pool, (size_t)program->rules->n_plugins * ASY_NOTES_A_PLUGIN, sizeof(*r->notes));
    ok = ok && r->calls != NULL && r->notes != NULL;
    for (uint32_t c = 0; ok && c < program->n_calls; c++)
        ok = (r->calls[c].by_reason = asy_pool_alloc_n(&r->pool, program->calls[c].decl->n_reasons, sizeof(uint64_t))) != NULL;
    if (!ok) {
        drop_plugin_columns(r);
        return asy_fail(error, ASSAY_E_NOMEM, "results: out of memory for what plugins say about %u leads", r->n_leads);
    }
    r->n_calls = program->n_calls;
    return ASSAY_OK;
}

bool asy_results_have_stops(const struct asy_results *r)
{
    for (uint32_t i = 0; i < r->n_notes; i++)
        if (r->notes[i].is_stop) return true;
    return false;
}

void asy_results_clear(struct asy_results *r, const struct asy_rules *rules, uint32_t n_terms)
{
    memset(r->owner, 0, r->n_leads * sizeof(*r->owner));
    memset(r->routed_at_s, 0, r->n_leads * sizeof(*r->routed_at_s));
    memset(r->unknown_terms, 0, n_terms * sizeof(*r->unknown_terms));
    memset(r->unknown_disqualify, 0, rules->n_disqualify * sizeof(*r->unknown_disqualify));
    memset(r->unknown_stages, 0, rules->n_stages * sizeof(*r->unknown_stages));
    memset(r->unknown_routes, 0, rules->n_routes * sizeof(*r->unknown_routes));
    memset(r->unknown_recycle, 0, rules->n_recycle * sizeof(*r->unknown_recycle));
    memset(r->unknown_segments, 0, rules->n_segments * sizeof(*r->unknown_segments));
    r->n_no_member = r->n_no_owner = 0;
    r->n_calls = r->n_notes = 0;
    asy_dict_fini(&r->owners);
    asy_dict_init(&r->owners, r->mem, &r->hasher);
}

void asy_results_fini(struct asy_results *r, const struct asy_rules *rules, uint32_t n_terms)
{
    struct asy_mem *mem = r->mem;
    if (mem == NULL) return;
    const size_t n = (size_t)r->n_leads + 1;
    for (uint32_t s = 0; r->score_milli != NULL && s < r->n_scores; s++)
        asy_mem_free(mem, r->score_milli[s], n * sizeof(int32_t));
    asy_mem_free(mem, r->score_milli, r->n_scores * sizeof(*r->score_milli));
    for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) {
        asy_mem_free(mem, r->top_term[j], n * sizeof(uint16_t));
        asy_mem_free(mem, r->top_milli[j], n * sizeof(int32_t));
    }
    asy_mem_free(mem, r->grade, n);
    asy_mem_free(mem, r->disqualified_by, n * sizeof(uint16_t));
    asy_mem_free(mem, r->route, n * sizeof(uint16_t));
    asy_mem_free(mem, r->recycle, n * sizeof(uint16_t));
    asy_mem_free(mem, r->stage, n * sizeof(uint16_t));
    asy_mem_free(mem, r->segment, n * sizeof(uint16_t));
    asy_mem_free(mem, r->owner, n * sizeof(uint32_t));
    asy_mem_free(mem, r->routed_at_s, n * sizeof(uint32_t));
    asy_mem_free(mem, r->unknown_terms, ((size_t)n_terms + 1) * sizeof(uint64_t));
    asy_mem_free(mem, r->unknown_disqualify, ((size_t)rules->n_disqualify + 1) * sizeof(uint64_t));
    asy_mem_free(mem, r->unknown_stages, ((size_t)rules->n_stages + 1) * sizeof(uint64_t));
    asy_mem_free(mem, r->unknown_routes, ((size_t)rules->n_routes + 1) * sizeof(uint64_t));
    asy_mem_free(mem, r->unknown_recycle, ((size_t)rules->n_recycle + 1) * sizeof(uint64_t));
    asy_mem_free(mem, r->unknown_segments, ((size_t)rules->n_segments + 1) * sizeof(uint64_t));
    drop_plugin_columns(r);
    asy_pool_fini(&r->pool);
    asy_dict_fini(&r->owners);
    *r = (struct asy_results){0};
}
