/* The plugins of a rule file: opened with it, held to it, bound to the data before a pass, asked in it.
 *
 *   rules (plugins, calls)  ->  opened      found, vetted, loaded; what the rule file says fits what they declare
 *   program (slots)         ->  bound       dictionaries and parameters given, create() called, columns wired to slots
 *   a batch                 ->  verdicts    columns staged for the leads that are asked about, judged, put back by row
 *
 * A lead that a plugin fails on is quarantined: that plugin's verdict about it is empty, which is not the same as "no". An empty verdict
 * of a scorer leaves the score empty, and with it the scores that it is summed into, the grade if made from one of them, and
 * every condition that reads one of them (unknown). After ASY_BAD_LEADS_MAX bad leads the plugin is stopped and the pass is
 * done again with all its verdicts empty, so that the outcome does not depend on who came upon the bad leads first.
 *
 * Threads: opened and bound by one; in a pass each worker has its own lane. */
#ifndef ASY_PLUGINS_H
#define ASY_PLUGINS_H

#include "exec/cond.h"
#include "plugin/plugin.h"
#include "rule/load.h"
#include "store/store.h"

struct asy_plugin_note {        /* a bad lead, or the end of a plugin */
    uint32_t plugin, call;      /* numbers in the rules */
    uint32_t row;               /* ASY_NONE: about the plugin as a whole */
    struct asy_fault fault;
    bool is_stop, is_fluke;
};

struct asy_plugins {
    struct asy_mem *mem;
    const struct asy_rules *rules;
    struct asy_pool pool;
    struct asy_plugin **opened;              /* by entry of rules->plugins */
    struct asy_plugin_setting **settings;    /* by call: values of all parameters, defaults filled in */
    uint32_t **column_of;                    /* by call: for every wanted column the read that fills it, or ASY_NONE */
};

/* Find, vet and load every library that a rule uses and hold the rule file to what it declares: kind, columns and their types, every
 * setting of `with:`. What does not fit is a finding in `diags` (E0502 to E0512), all in one go: then ASSAY_E_RULES. Files that settings
 * name are read by `reader` beneath the rule file's folder and go into rules->checksum. Call it before the data is
 * loaded and before threads are started. ASSAY_E_NOMEM. */
assay_status asy_plugins_open(struct asy_plugins *plugins, struct asy_mem *mem, struct asy_rules *rules, const struct asy_plugin_dirs *dirs,
                              const struct asy_file_reader *reader, struct asy_diags *diags, struct assay_error *error);
void asy_plugins_close(struct asy_plugins *plugins); /* zeroed ones are fine */

/* What a plugin said about one lead, for explanations. */
struct asy_verdict_story {
    bool is_empty;                        /* no verdict: quarantined, or the plugin is stopped */
    struct asy_str why_empty;             /* "quarantined: ended by SIGSEGV (bad memory access)" */
    const struct asy_decl_reason *reason; /* NULL: nothing to say about this lead */
    int32_t points_milli;                 /* scorer */
    struct asy_str target;                /* router; "" for none */
    int64_t due_s;                        /* recycler; 0 for none */
};

/* What one call did in a pass; in struct asy_results, by call. */
struct asy_call_tally {
    uint64_t n_asked;                     /* leads that its rule looked at */
    uint64_t n_empty;                     /* of them: no verdict */
    uint64_t *by_reason;                  /* by number in decl->reasons */
    uint64_t counters[ASSAY_COUNTERS_MAX]; /* as the plugin's names of counters */
};

#endif
