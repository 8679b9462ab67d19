/* assay/assay.h - score a lead database from your own program.
 *
 *     struct assay *a = NULL;
 *     struct assay_error error;
 *     if (assay_open(&a, NULL, &error) || assay_load_rules(a, "rules.yaml", &error) ||
 *         assay_load_data(a, &(struct assay_data){.struct_size = sizeof(struct assay_data), .leads = "leads.csv",
 *                                                 .as_of_s = 1793491200}, &error) ||
 *         assay_run(a, NULL, &error))
 *         fprintf(stderr, "%s\n", error.text);
 *     else for (uint32_t row = 0, n; row < assay_n_leads(a); row++) {
 *         const char *id = assay_lead_id(a, row, &n);
 *         printf("%.*s %lld\n", (int)n, id, (long long)assay_score_milli(a, 0, row) / 1000);
 *     }
 *     assay_close(a);
 *
 * Order of calls: open, load_rules, load_data, run, then read as often as you like. Texts that are given out live until the
 * next load, run or close, and end with a NUL unless said otherwise. The library reads no clock, no environment and no
 * locale: what it is given decides every byte of the result.
 *
 * Threads: one handle belongs to one thread at a time; different handles are independent. */
#ifndef ASSAY_ASSAY_H
#define ASSAY_ASSAY_H

#include "assay/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct assay;

struct assay_options {
    uint32_t struct_size;
    uint32_t n_plugin_dirs;
    const struct assay_allocator *allocator; /* NULL: malloc; must outlive the handle */
    const char *isa;    /* "ref", "v2", "v3", "v4": pin the kernels; NULL: the best this machine runs */
    uint64_t seed;      /* of hash secrets; any random number if the input may be hostile. Never changes a result */
    const char *const *plugin_dirs; /* folders that plugins are loaded from, and no others; borrowed until assay_close */
};

/* "0.1.0" */
ASSAY_EXPORT const char *assay_version(void);
/* A new handle in *out. `options` may be NULL. ASSAY_E_NOMEM, ASSAY_E_PARAM (isa). */
ASSAY_EXPORT assay_status assay_open(struct assay **out, const struct assay_options *options, struct assay_error *error);
/* NULL is fine. */
ASSAY_EXPORT void assay_close(struct assay *assay);
/* "v4": the kernels in use. */
ASSAY_EXPORT const char *assay_isa(const struct assay *assay);

/* Load a rule file. ASSAY_E_RULES: it has errors; assay_findings tells all of them. ASSAY_E_IO, ASSAY_E_NOMEM. Drops data and
 * results that were loaded before. */
ASSAY_EXPORT assay_status assay_load_rules(struct assay *assay, const char *path, struct assay_error *error);
/* The findings of the last load_rules or load_data (map file) as text with places and source lines; "" if there are none. */
ASSAY_EXPORT const char *assay_findings(struct assay *assay);

struct assay_data {
    uint32_t struct_size;
    uint32_t n_events;         /* files in `events` */
    const char *leads;         /* CSV or NDJSON, plain, gzip or zstd; "-" is standard input */
    const char *const *events; /* may be NULL */
    const char *map;           /* map file, or NULL */
    const char *rejects;       /* malformed rows go here, or NULL */
    int64_t as_of_s;           /* UTC seconds since 1970: events later than this are left out */
    double max_rejects;        /* share of a file's rows; 0: 0.01; below 0: not one row */
    uint64_t max_cell_bytes;   /* 0: 1 MiB */
    uint32_t n_threads;        /* 0: 1 */
    uint32_t reserved0;
    /* Called now and then, by one thread at a time, with n_threads > 1 not always the caller's; return 0 to stop (ASSAY_E_CANCELLED).
     * May be NULL. */
    int (*progress)(void *ctx, uint64_t n_rows, uint64_t done_bytes, uint64_t total_bytes);
    void *progress_ctx;
};
/* Read leads and events. ASSAY_E_IO, ASSAY_E_DATA, ASSAY_E_RULES (map file), ASSAY_E_LIMIT, ASSAY_E_NOMEM, ASSAY_E_CANCELLED. */
ASSAY_EXPORT assay_status assay_load_data(struct assay *assay, const struct assay_data *data, struct assay_error *error);

enum assay_run_flags {
    /* Keep what the rules want of each lead's events (counts, latest times, decayed sums), so that the next run with this flag need
     * not read the event log again, but for rules over the last days and over single events. Costs memory, about 20 bytes a
     * lead, until the data is dropped. The result does not depend on it. */
    ASSAY_RUN_KEEP_SUMMARIES = 1u << 0,
    /* Go on when a plugin is stopped after its third bad lead: all its verdicts of the run are then empty. Else the run fails. */
    ASSAY_RUN_ALLOW_PLUGIN_FAILURES = 1u << 1,
};
struct assay_run_options {
    uint32_t struct_size;
    uint32_t n_threads;  /* 0: 1. The result does not depend on it */
    uint32_t batch_rows; /* 0: 4096, or 8192 where plugins run in other processes; at most 65536. Nor on this */
    uint32_t flags;      /* enum assay_run_flags; others must be 0 */
};
/* Score, grade, disqualify, stage, route, recycle and nurture every lead, as of the data's as_of_s. `options` may be NULL. The first run
 * creates the plugins, and they stay until the data is dropped, unless a run fails, stops them, or has more threads or larger batches.
 * ASSAY_E_PLUGIN: a plugin refused its parameters or was stopped; assay_plugin_notes tells about single leads. */
ASSAY_EXPORT assay_status assay_run(struct assay *assay, const struct assay_run_options *options, struct assay_error *error);

/* What went wrong with plugins in the last run, a line each: leads that are quarantined (a verdict is missing for them), plugins that
 * were stopped; "" if nothing did. */
ASSAY_EXPORT const char *assay_plugin_notes(struct assay *assay);

/* -- results ------------------------------------------------------------------------------------------------ */

/* Rows are 0 .. n_leads - 1 in the order of the leads file; a row or number out of range gives 0 or "". */
ASSAY_EXPORT uint32_t assay_n_leads(const struct assay *assay);
/* These two are not NUL-terminated: *n_bytes is their length. */
ASSAY_EXPORT const char *assay_lead_id(const struct assay *assay, uint32_t row, uint32_t *n_bytes);
ASSAY_EXPORT const char *assay_owner(const struct assay *assay, uint32_t row, uint32_t *n_bytes);
/* Row of a lead id, or UINT32_MAX. */
ASSAY_EXPORT uint32_t assay_find_lead(const struct assay *assay, const char *lead_id);

ASSAY_EXPORT uint32_t assay_n_scores(const struct assay *assay);
ASSAY_EXPORT const char *assay_score_name(const struct assay *assay, uint32_t score);
/* In 1/1000 points. 0 if the score is empty. */
ASSAY_EXPORT int64_t assay_score_milli(const struct assay *assay, uint32_t score, uint32_t row);
/* 1 if a plugin's verdict is missing in it (see assay_plugin_notes), which is not the same as no points; else 0. */
ASSAY_EXPORT int assay_score_is_empty(const struct assay *assay, uint32_t score, uint32_t row);
/* Names from the rule file; "" for none. A disqualified lead has the grade "disqualified". */
ASSAY_EXPORT const char *assay_grade(const struct assay *assay, uint32_t row);
ASSAY_EXPORT const char *assay_disqualified_by(const struct assay *assay, uint32_t row);
ASSAY_EXPORT const char *assay_route(const struct assay *assay, uint32_t row);
ASSAY_EXPORT const char *assay_recycle(const struct assay *assay, uint32_t row);
/* The last stage of the lifecycle that the lead enters; the first nurture segment. */
ASSAY_EXPORT const char *assay_stage(const struct assay *assay, uint32_t row);
ASSAY_EXPORT const char *assay_nurture(const struct assay *assay, uint32_t row);

#ifdef __cplusplus
}
#endif
#endif
