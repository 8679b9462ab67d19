/* The pass: every lead once, batch by batch over threads. Scores, grade, disqualifiers, route and recycling of a lead depend
 * on that lead alone; owners are assigned afterwards (exec/assign.h). So results do not depend on threads, batch size, SIMD
 * level or the order of the input. Nothing is allocated while batches run, but for text that a condition makes up. */
#ifndef ASY_PASS_H
#define ASY_PASS_H

#include "exec/program.h"
#include "exec/results.h"
#include "exec/summaries.h"

enum { ASY_BATCH_ROWS_DEFAULT = 1024, ASY_BATCH_ROWS_MAX = 65536 };

struct asy_pass_options {
    const struct asy_kern *kern;
    uint32_t n_threads;   /* 0: 1 */
    uint32_t batch_rows;  /* 0: the default */
    struct asy_summaries *summaries; /* NULL: none. Else they are used where they serve, and made anew where they do not */
};

/* Run `program` over all leads of its store into `results` (initialised for them). */
assay_status asy_pass_run(const struct asy_program *program, const struct asy_pass_options *options,
                          struct asy_results *results, struct assay_error *error);

#endif
