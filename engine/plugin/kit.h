/* The conformance kit: does a plugin keep the contract of assay/plugin.h? Each check runs in a process of its own, so a plugin that
 * crashes in one of them is told, and the others still run, unless it cannot be created, crashes on ordinary leads or hangs: then they
 * are skipped. Everything random comes from `seed`; what is made up follows from it, the settings and words in the shared object. */
#ifndef ASY_PLUGIN_KIT_H
#define ASY_PLUGIN_KIT_H

#include "plugin/plugin.h"

/* One check and what came of it. */
struct asy_kit_result {
    const char *name;     /* "alone-as-in-a-batch" */
    const char *meaning;  /* "a lead gets the same verdict alone as among others" */
    bool is_passed, is_skipped;
    struct asy_str why;   /* of a failure: which lead, which batch, what was expected and found; of a skip: why */
};
struct asy_kit_setting { /* `with:`: NAME=TEXT; of a TEXTS parameter one a text, of a FILE parameter its content */
    struct asy_str name, text;
};
struct asy_kit_options {
    uint64_t seed;
    uint32_t n_settings;
    const struct asy_kit_setting *settings;
    int64_t (*now_ns)(void);  /* for the cost; NULL: not measured */
    uint64_t (*bytes_in_use)(void); /* that malloc has handed out, in programs with another malloc than libc's; NULL: libc is asked */
};
struct asy_kit_report {
    struct asy_plugin_decl decl;
    uint32_t n;
    struct asy_kit_result *results;
    uint32_t n_failed;
    uint32_t n_reasons_seen;  /* reasons that some made-up lead got: few say that the data did not reach the rules */
    double ns_per_lead;       /* 0: not measured */
};
/* Everything in `pool`. ASSAY_E_DATA: not a plugin at all, or the settings do not fit. */
assay_status asy_kit_run(struct asy_kit_report *report, struct asy_pool *pool, const struct asy_plugin_file *file,
                         const struct asy_kit_options *options, struct assay_error *error);

#endif
