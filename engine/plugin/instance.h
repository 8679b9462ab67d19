/* A plugin at work in this process: created with its facts, judging rows of a stage. What a worker process does and what
 * `isolation: none` does is this. */
#ifndef ASY_PLUGIN_INSTANCE_H
#define ASY_PLUGIN_INSTANCE_H

#include "plugin/facts.h"
#include "plugin/stage.h"

enum { ASY_LOG_LINES_MAX = 32, ASY_LOG_LINE_BYTES = 200, ASY_NAME_BYTES_MAX = 200, ASY_SCRATCH_BYTES_MAX = 16 << 20 };

/* What is wrong with a verdict, or with getting one. */
enum asy_fault_kind {
    ASY_FAULT_NONE = 0,
    ASY_FAULT_SIGNAL,    /* number: the signal that ended the worker */
    ASY_FAULT_EXIT,      /* number: its exit code */
    ASY_FAULT_TIME,      /* over the budget: processor time, or none of it for too long */
    ASY_FAULT_ERROR,     /* run() failed; text: what it said */
    ASY_FAULT_UNWRITTEN, /* a lead without a verdict */
    ASY_FAULT_RANGE,     /* an unknown reason, points beyond the limits, an unknown target, an impossible due time */
    ASY_FAULT_OVERRUN,   /* wrote beside its arrays */
};
struct asy_fault {
    uint8_t kind;
    int32_t number;
    char text[248]; /* one clean line, or "" */
};
/* "was ended by SIGSEGV (bad memory access)", "left lead without a verdict", ...: completes "plugin X ...". */
void asy_fault_text(const struct asy_fault *fault, char *out, size_t n_bytes);

/* What create() registered: names of counters and targets, and lines of the log. */
struct asy_plugin_names {
    uint32_t n_counters, n_targets, n_lines;
    struct asy_str *counters, *targets, *lines;
};

struct asy_instance;
/* Call create(). Everything lives in memory of `mem`; facts, decl and plugin are borrowed. ASSAY_E_DATA: create() failed, and said
 * so in `error` (path: plugin: ...). ASSAY_E_NOMEM. */
assay_status asy_instance_new(struct asy_instance **out, struct asy_mem *mem, const struct assay_plugin *plugin,
                              const struct asy_plugin_decl *decl, const struct asy_facts *facts, const char *path, struct assay_error *error);
/* One more on the state of `owner`, for another thread: of a plugin with ASSAY_CAP_SHARED_STATE. The owner does not run itself, and outlives
 * it. ASSAY_E_NOMEM. */
assay_status asy_instance_share(struct asy_instance **out, struct asy_instance *owner, const char *path, struct assay_error *error);
void asy_instance_free(struct asy_instance *instance);
const struct asy_plugin_names *asy_instance_names(const struct asy_instance *instance);
/* Judge rows first .. first + n - 1 of the stage, ASSAY_BATCH_ROWS at a time from `first` on, into the stage's verdicts; stage->counters
 * become what these rows add to them. The plugin writes to arrays of its own that end at pages which nobody may touch; they are
 * looked over for writes beside them. False: *fault (ERROR or OVERRUN). Verdicts are not judged here: asy_stage_check does that. */
bool asy_instance_run(struct asy_instance *instance, struct asy_stage *stage, uint32_t first, uint32_t n, int64_t now_s,
                      struct asy_fault *fault);
/* Are the verdicts of rows first .. first + n - 1 all written and possible? Else *fault, and *row is the first that is not. */
bool asy_stage_check(const struct asy_stage *stage, const struct asy_plugin_decl *decl, uint32_t n_targets, uint32_t first, uint32_t n,
                     uint32_t *row, struct asy_fault *fault);

#endif
