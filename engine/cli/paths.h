/* Files named on the command line that must not be the same one. */
#ifndef ASY_CLI_PATHS_H
#define ASY_CLI_PATHS_H

#include "cli/cli.h"

/* ASSAY_E_PARAM where an output would replace an input or another output, or where one stream would serve twice. Links are
 * followed, so that two names of one file are seen to be one. */
assay_status asy_cli_check_paths(const struct asy_args *args, struct assay_error *error);

#endif
