/* Plugins as the engine uses them: opened once for a rule file, bound to the data once for every rule that uses them, then asked.
 *
 *     find -> open                    what it declares        isolated: in a process of its own that has loaded it
 *          -> bind (facts, lanes)     create()                a second process, and in it one worker a lane
 *          -> judge (lane, rows)      verdicts                the worker of that lane
 *
 * An isolated plugin (the default) runs in processes forked from this one before the data is there: they see nothing but what they are
 * given, cannot write files, make connections or start processes, and die without taking anything down. See worker.h.
 *
 * Threads: open, bind and close from one thread; a lane belongs to one thread at a time. */
#ifndef ASY_PLUGIN_H
#define ASY_PLUGIN_H

#include "plugin/find.h"
#include "plugin/instance.h"

struct asy_plugin_limits {
    bool is_isolated;
    int64_t budget_ns;      /* processor time of run() a lead; a call may always take ASY_CALL_NS */
    uint64_t memory_bytes;  /* that an isolated plugin may take */
};
enum { ASY_CALL_NS = 50 * 1000 * 1000, ASY_BUDGET_NS = 20 * 1000, ASY_BAD_LEADS_MAX = 3, ASY_FLUKES_MAX = 16 };
#define ASY_PLUGIN_MEMORY_BYTES (512ull << 20)

struct asy_plugin;
/* Load a found plugin; file->fd stays the caller's. ASSAY_E_DATA: it is none, or fails while it is loaded (with the signal). */
assay_status asy_plugin_open(struct asy_plugin **out, struct asy_mem *mem, const struct asy_plugin_file *file,
                             const struct asy_plugin_limits *limits, struct assay_error *error);
void asy_plugin_close(struct asy_plugin *plugin); /* NULL is fine; everything bound to it goes first */
const struct asy_plugin_decl *asy_plugin_decl(const struct asy_plugin *plugin);
const char *asy_plugin_path(const struct asy_plugin *plugin);
/* What of the isolation this kernel does not have, for people ("landlock"), or "": nothing is missing. */
const char *asy_plugin_missing(const struct asy_plugin *plugin);

struct asy_bound;
/* create() with these facts, for `n_lanes` threads that judge up to `n_rows_max` leads at a time. facts must be shared ones
 * (asy_facts_make) if the plugin is isolated, and outlive the bound one. ASSAY_E_DATA: create() failed. */
assay_status asy_plugin_bind(struct asy_bound **out, struct asy_plugin *plugin, const struct asy_facts *facts, uint32_t n_lanes,
                             uint32_t n_rows_max, int64_t now_s, struct assay_error *error);
void asy_bound_free(struct asy_bound *bound); /* NULL is fine */
const struct asy_plugin_names *asy_bound_names(const struct asy_bound *bound);
/* Where the leads of a lane go, and where their verdicts are after asy_bound_judge. */
struct asy_stage *asy_bound_stage(struct asy_bound *bound, uint32_t lane);

struct asy_bad_lead {
    uint32_t row;  /* of the stage */
    struct asy_fault fault;
};
struct asy_judgement {
    uint32_t n_bad;                             /* rows that have no verdict */
    struct asy_bad_lead bad[ASY_BAD_LEADS_MAX];  /* ascending */
    bool is_given_up;                           /* there are at least ASY_BAD_LEADS_MAX of them, or more than ASY_FLUKES_MAX flukes:
                                                   no row has a verdict */
    uint32_t n_flukes;                          /* failures that did not happen again */
    struct asy_fault fluke;                     /* the last of them */
};
/* Judge rows 0 .. n - 1 of the lane's stage. When that fails the rows are halved until the guilty ones are alone; each is confirmed by
 * two more tries alone in a fresh worker; all others get the verdicts they would have had without it. stage->reason of a bad row
 * is ASY_REASON_UNWRITTEN; stage->counters are the sums over the rows that have verdicts. */
void asy_bound_judge(struct asy_bound *bound, uint32_t lane, uint32_t n, struct asy_judgement *out);

#endif
