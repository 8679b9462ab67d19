#include "exec/results.h"

static bool make_columns(struct asy_results *r, const struct asy_rules *rules, uint32_t n_terms)
{
    struct asy_mem *mem = r->mem;
    const size_t n = (size_t)r->n_leads + 1; /* never nothing */
    r->score_milli = asy_mem_alloc_n(mem, r->n_scores, sizeof(*r->score_milli));
    if (r->score_milli == NULL) return false;
    for (uint32_t s = 0; s < r->n_scores; s++)
        if ((r->score_milli[s] = asy_mem_alloc_n(mem, n, sizeof(int32_t))) == NULL) return false;
    for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) {
        r->top_term[j] = asy_mem_alloc_n(mem, n, sizeof(uint16_t));
        r->top_milli[j] = asy_mem_alloc_n(mem, n, sizeof(int32_t));
        if (r->top_term[j] == NULL || r->top_milli[j] == NULL) return false;
    }
    r->grade = asy_mem_alloc_n(mem, n, sizeof(uint8_t));
    r->disqualified_by = asy_mem_alloc_n(mem, n, sizeof(uint16_t));
    r->route = asy_mem_alloc_n(mem, n, sizeof(uint16_t));
    r->recycle = asy_mem_alloc_n(mem, n, sizeof(uint16_t));
    r->owner = asy_mem_alloc_n(mem, n, sizeof(uint32_t));
    r->routed_at_s = asy_mem_alloc_n(mem, n, sizeof(uint32_t));
    r->unknown_terms = asy_mem_alloc_n(mem, (size_t)n_terms + 1, sizeof(uint64_t));
    r->unknown_disqualify = asy_mem_alloc_n(mem, (size_t)rules->n_disqualify + 1, sizeof(uint64_t));
    r->unknown_routes = asy_mem_alloc_n(mem, (size_t)rules->n_routes + 1, sizeof(uint64_t));
    r->unknown_recycle = asy_mem_alloc_n(mem, (size_t)rules->n_recycle + 1, sizeof(uint64_t));
    return r->grade != NULL && r->disqualified_by != NULL && r->route != NULL && r->recycle != NULL && r->owner != NULL &&
           r->routed_at_s != NULL && r->unknown_terms != NULL && r->unknown_disqualify != NULL && r->unknown_routes != NULL &&
           r->unknown_recycle != NULL;
}

assay_status asy_results_init(struct asy_results *results, struct asy_mem *mem, const struct asy_rules *rules,
                              uint32_t n_leads, uint32_t n_terms, uint64_t seed, struct assay_error *error)
{
    *results = (struct asy_results){.mem = mem, .n_leads = n_leads, .n_scores = rules->n_scores};
    asy_hasher_init(&results->hasher, seed);
    asy_dict_init(&results->owners, mem, &results->hasher);
    if (make_columns(results, rules, n_terms)) return ASSAY_OK;
    asy_results_fini(results, rules, n_terms);
    return asy_fail(error, ASSAY_E_NOMEM, "results: out of memory for %u leads", n_leads);
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
    asy_mem_free(mem, r->owner, n * sizeof(uint32_t));
    asy_mem_free(mem, r->routed_at_s, n * sizeof(uint32_t));
    asy_mem_free(mem, r->unknown_terms, ((size_t)n_terms + 1) * sizeof(uint64_t));
    asy_mem_free(mem, r->unknown_disqualify, ((size_t)rules->n_disqualify + 1) * sizeof(uint64_t));
    asy_mem_free(mem, r->unknown_routes, ((size_t)rules->n_routes + 1) * sizeof(uint64_t));
    asy_mem_free(mem, r->unknown_recycle, ((size_t)rules->n_recycle + 1) * sizeof(uint64_t));
    asy_dict_fini(&r->owners);
    *r = (struct asy_results){0};
}
