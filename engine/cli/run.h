/* What score, explain and bench share: rules, data and state into a session, with progress and with findings told. */
#ifndef ASY_CLI_RUN_H
#define ASY_CLI_RUN_H

#include "cli/cli.h"
#include "session.h"

struct asy_cli_times {
    int64_t rules_ns, read_ns, score_ns, write_ns;
};

/* How a verb wants it. */
struct asy_cli_job {
    bool is_quiet;        /* no progress, no warnings */
    bool is_writing;      /* output and state are to be written: leads are remembered, no list file may be overwritten */
    const char *rejects;  /* path, or NULL */
    uint32_t n_threads;
    uint32_t batch_rows;  /* 0: the default */
    const char *state;    /* path, or NULL */
    uint32_t n_made_up;   /* > 0: so many made-up leads instead of files */
    uint32_t events_per_lead;
};

/* Open a session, load the rule file (operand 0), the state and the data that the flags name (or made-up data), and run. On failure everything
 * has been said on io.err, *session is NULL and the exit code is returned; else ASY_EXIT_OK. */
int asy_cli_session(struct asy_cli *cli, const struct asy_cli_job *job, struct assay **session, struct asy_cli_times *times);
/* What has to be said about plugins after a run: leads that one failed on, and plugins that were stopped, always; what they logged, and what
 * their isolation lacks, unless `is_quiet` (summary_plugins.c). */
void asy_plugins_tell(struct asy_cli *cli, struct assay *session, bool is_quiet);
/* Of assay_run, as the flags have it. */
uint32_t asy_cli_run_flags(const struct asy_cli *cli);

#endif
