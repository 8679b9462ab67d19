/* What score and explain share: rules, data and state into a session, with progress and with findings told. */
#ifndef ASY_CLI_RUN_H
#define ASY_CLI_RUN_H

#include "cli/cli.h"
#include "session.h"

struct asy_cli_times {
    int64_t rules_ns, read_ns, score_ns, write_ns;
};

/* Open a session, load the rule file (operand 0), the data and the state that the flags name, and run. On failure everything
 * has been said on io.err, *session is NULL and the exit code is returned; else ASY_EXIT_OK. */
int asy_cli_session(struct asy_cli *cli, bool is_quiet, struct assay **session, struct asy_cli_times *times);

/* As --threads says, else all processors. */
uint32_t asy_cli_threads(const struct asy_cli *cli);

#endif
