/* What a handle of assay.h holds: the parts of one run in the order in which they are made. The command looks inside for its
 * summary and its output; nobody else does. */
#ifndef ASY_SESSION_H
#define ASY_SESSION_H

#include "assay/assay.h"
#include "exec/assign.h"
#include "exec/pass.h"
#include "io/ingest.h"
#include "rule/load.h"

struct assay {
    struct asy_mem mem;
    const struct asy_kern *kern;
    uint64_t seed;
    struct asy_pool text;        /* what accessors gave out */

    struct asy_plugin_dirs plugin_dirs; /* borrowed */
    bool has_rules;
    struct asy_rules rules;
    struct asy_plugins plugins;  /* of the rules */
    struct asy_diags diags;      /* of the rule file, then of the map file */

    bool has_data;
    struct asy_map map;
    struct asy_store store;
    struct asy_ingest *ingest;   /* kept for its report */
    int64_t as_of_s;

    bool has_results;
    struct asy_program program;
    struct asy_state state;      /* before the run: what the last one left; after it: what the next one needs */
    struct asy_results results;
    struct asy_summaries summaries; /* of the data, from runs that were asked to keep them */
    struct asy_pool notes_pool;
    struct asy_str plugin_notes; /* of the last run, even if it failed; NUL-terminated */
};

#endif
