/* What a run did, for a person at a glance and for machines. */
#ifndef ASY_CLI_SUMMARY_H
#define ASY_CLI_SUMMARY_H

#include "cli/run.h"

struct asy_summary {
    const struct assay *session;
    struct asy_cli_times times;
    const char *out_path;
    uint64_t n_written;
    bool is_changed_only;
    uint32_t n_threads;
};

/* Counts per grade, disqualifier, route and recycling rule, what could not be decided, what was read and left out, times. */
void asy_summary_print(struct asy_cli *cli, const struct asy_summary *summary);
/* The same as JSON into `path` ("schema_version": 1). Without times, so that equal runs give equal bytes. */
assay_status asy_summary_write_json(struct asy_cli *cli, const struct asy_summary *summary, const char *path,
                                    struct assay_error *error);
/* What plugins did, as parts of the two (summary_plugins.c). */
void asy_plugins_print(FILE *err, const struct assay *session);
struct asy_json;
void asy_plugins_json(struct asy_json *json, const struct assay *session);

#endif
