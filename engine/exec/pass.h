/* The pass: every lead once, batch by batch over threads. Scores, grade, disqualifiers, stage, route, recycling and nurture segment of a lead depend
 * on that lead alone; owners are assigned afterwards (exec/assign.h). So results do not depend on threads, batch size, SIMD
 * level or the order of the input, nor on whether plugins run isolated. Nothing is allocated while batches run, but for text that a
 * condition makes up. */
#ifndef ASY_PASS_H
#define ASY_PASS_H

#include "exec/program.h"
#include "exec/results.h"
#include "exec/summaries.h"

enum { ASY_BATCH_ROWS_DEFAULT = 4096, ASY_BATCH_ROWS_ISOLATED = 8192, ASY_BATCH_ROWS_MAX = 65536 };

/* Where the time of a pass goes, over all leads; the arrays are the caller's, zero at first, one entry a number. A pass with a profile
 * runs on one thread and looks at the clock between its parts. Rules that count events once are told together and share it
 * evenly. */
struct asy_profile {
    int64_t (*now_ns)(void);
    int64_t mark_ns;                  /* the pass's own */
    int64_t events_ns, rest_ns;       /* the sweep over the log or summaries; all that is not named */
    int64_t *terms_ns, *scores_ns;    /* by term; by score: what is done to the sum of its terms */
    int64_t *disqualify_ns, *stages_ns, *routes_ns, *recycle_ns, *segments_ns;
};

struct asy_pass_options {
    const struct asy_kern *kern;
    uint32_t n_threads;   /* 0: 1 */
    uint32_t batch_rows;  /* 0: the default, or that for plugins that run in other processes */
    struct asy_profile *profile;  /* NULL: no clock is asked */
    struct asy_summaries *summaries; /* NULL: none. Else they are used where they serve, and made anew where they do not */
};

/* Run `program` over all leads of its store into `results` (initialised for them). A plugin that fails on too many leads is stopped: the
 * pass is done again with all its verdicts empty, and succeeds; results->notes tells. ASSAY_E_NOMEM, ASSAY_E_IO, ASSAY_E_PLUGIN (a plugin
 * refused its parameters). */
assay_status asy_pass_run(const struct asy_program *program, const struct asy_pass_options *options,
                          struct asy_results *results, struct assay_error *error);

#endif
