/* Files named on the command line that must not be the same one. */
#ifndef ASY_CLI_PATHS_H
#define ASY_CLI_PATHS_H

#include "cli/cli.h"
#include "rule/rules.h"

/* Before anything is read: ASSAY_E_PARAM where an output would replace an input or another output, or where one stream would
 * serve twice; ASSAY_E_IO where an output is a folder or its folder is not there. Links are followed, so that two names of one
 * file are seen to be one. */
assay_status asy_cli_check_paths(const struct asy_args *args, struct assay_error *error);
/* The same for the list files that a rule file names, once it is loaded. */
assay_status asy_cli_check_lists(const struct asy_args *args, const struct asy_rules *rules, struct asy_pool *pool,
                                 struct assay_error *error);

#endif
