/* Calls of plugins: wired to the slots of a program when it is compiled, bound to its data before its first pass.
 * Threads: one, no pass running. */
#ifndef ASY_PLUGINS_BIND_H
#define ASY_PLUGINS_BIND_H

#include "exec/program.h"

/* Slots, sources and tables of all calls; their `reads` come with what may be empty. False: no memory. */
bool asy_calls_compile(struct asy_program *program);
/* The scores that may be empty, and who reads them; after everything else is compiled. False: no memory. */
bool asy_calls_find_empties(struct asy_program *program);
/* Does a call's plugin run in processes of its own? */
bool asy_calls_are_isolated(const struct asy_program *program);

/* create() for every call, for `n_lanes` threads and `n_rows` leads at a time (rounded up to whole batches of plugins), unless it is
 * bound for as much already and its plugin was not stopped in the last pass. ASSAY_E_PLUGIN: a plugin refused what it was given, with
 * its rule; ASSAY_E_NOMEM, ASSAY_E_IO. */
assay_status asy_calls_bind(const struct asy_program *program, uint32_t n_lanes, uint32_t n_rows, struct assay_error *error);
void asy_calls_fini(struct asy_program *program);

/* What create() of a call registered: names of its counters and targets, lines of its log; NULL before the first pass. */
const struct asy_plugin_names *asy_call_names(const struct asy_program *program, uint32_t call);

#endif
