/* The state file of `score --state`: a CSV that people can read,
 *
 *     kind,key,territory,owner,place,routed_at
 *     cursor,enterprise_ae,us_canada,bruno,1,
 *     lead,00Q5e00000AbCdEFGH,,ana,,2026-11-01T00:00:00Z
 *
 * The cursor's owner is the member who got the last lead. */
#ifndef ASY_CLI_STATE_FILE_H
#define ASY_CLI_STATE_FILE_H

#include "exec/state.h"
#include "io/write.h"

/* Add what `path` holds to `state`. A file that is not there is an empty state; one that is not a state file is refused
 * (ASSAY_E_DATA), with the line. */
assay_status asy_state_read(struct asy_state *state, struct asy_mem *mem, const char *path, struct assay_error *error);
/* All of `state` beside `path`, leads ordered by id: asy_writer_commit puts it in place, asy_writer_abort drops it. */
assay_status asy_state_prepare(const struct asy_state *state, struct asy_mem *mem, const char *path, struct asy_writer **out,
                               struct assay_error *error);

#endif
