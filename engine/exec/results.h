/* What a pass found out, one array a column, by row. Numbers count from 1; 0 is "none". Heap memory through asy_mem. */
#ifndef ASY_RESULTS_H
#define ASY_RESULTS_H

#include "exec/program.h"

enum { ASY_NOTES_A_PLUGIN = ASY_BAD_LEADS_MAX + 2 };

struct asy_results {
    struct asy_mem *mem;
    uint32_t n_leads, n_scores;
    int32_t **score_milli;              /* by score, in file order; in steps of its decimals */
    uint8_t *grade;                     /* 1 + grade number */
    uint16_t *disqualified_by;          /* 1 + number of the first disqualifier that matched */
    uint16_t *route, *recycle;          /* 1 + number */
    uint16_t *stage, *segment;          /* 1 + number: the last stage that a lead enters, the first nurture segment; NULL without any */
    uint16_t *top_term[ASY_TOP_TERMS];  /* the largest terms; ASY_TERM_NONE */
    int32_t *top_milli[ASY_TOP_TERMS];
    uint32_t *owner;                    /* code in `owners`; 0: nobody */
    uint8_t **score_empty;              /* by score: 1 where a plugin's verdict is missing for it; NULL for scores that no plugin adds to.
                                         * NULL without plugins */
    uint32_t *recycle_due_s;            /* what a recycler's plugin named; 0: nothing; NULL without such a rule */
    uint32_t *routed_at_s;              /* time of first routing; 0: not routed to anybody and no promise given */
    struct asy_hasher hasher;
    struct asy_dict owners;
    /* How many leads a rule could not decide on, because a field that it reads is empty. For routes, recycling and
     * segments: leads that no earlier one had taken; for stages, no later one. */
    uint64_t *unknown_terms, *unknown_disqualify, *unknown_stages, *unknown_routes, *unknown_recycle, *unknown_segments;
    struct asy_pool pool;               /* of what follows */
    uint32_t n_calls;                   /* of the rules; 0 if plugins were not asked */
    struct asy_call_tally *calls;       /* by call of the rules */
    uint32_t n_notes;
    struct asy_plugin_note *notes;      /* bad leads and stopped plugins: by plugin, then row, then call; ASY_NOTES_A_PLUGIN at most of each */
    uint64_t n_no_member;               /* routed to a team that has no member for their territory */
    uint64_t n_no_owner;                /* routed to an owner that is not known (list without owner, empty lead.owner) */
};

/* `seed` makes the hash secret. On failure nothing is left behind. */
assay_status asy_results_init(struct asy_results *results, struct asy_mem *mem, const struct asy_rules *rules,
                              uint32_t n_leads, uint32_t n_terms, uint64_t seed, struct assay_error *error);
/* Room for what the plugins of a program say, made by the first pass, and nothing in it. ASSAY_E_NOMEM. */
assay_status asy_results_expect_plugins(struct asy_results *results, const struct asy_program *program, struct assay_error *error);
/* Was a plugin stopped? */
bool asy_results_have_stops(const struct asy_results *results);
/* Make initialised results ready for one more run of the same rules over the same leads: as asy_results_init leaves them, but for the
 * columns that a pass writes for every lead. */
void asy_results_clear(struct asy_results *results, const struct asy_rules *rules, uint32_t n_terms);
void asy_results_fini(struct asy_results *results, const struct asy_rules *rules, uint32_t n_terms);

#endif
