/* The scored leads as a table, in the order of the leads file: lead_id, one column a score, grade, disqualified_by, route,
 * owner, flag, respond_by, recycle, recycle_to, recycle_due (only if some rule gives `in:`), stage and nurture (only if the
 * rules have such), reasons. */
#ifndef ASY_CLI_OUTPUT_H
#define ASY_CLI_OUTPUT_H

#include "io/write.h"
#include "session.h"

/* Write `path`, whole or not at all, on `n_threads` (0: 1); its bytes do not depend on how many. With `changed_from` (an earlier output)
 * only the leads whose row differs from the one there, or is not there; *n_written says how many. */
assay_status asy_output_write(struct assay *session, const char *path, enum asy_format format, const char *changed_from,
                              uint32_t n_threads, uint64_t *n_written, struct assay_error *error);

#endif
