/* Where plugins come from, in this order:
 *
 *   --plugin-dir DIR ...                as given; a folder that is not there is an error
 *   ASSAY_PLUGIN_PATH                   absolute folders, separated by `:`; ignored, and said so, in a process with borrowed rights
 *   `plugins` beside the command        where a build puts them
 *   the install folder                  as configured, and where it is seen from the command
 *
 * Of the last two only what is there. Nothing else is ever looked at. */
#ifndef ASY_CLI_PLUGIN_DIRS_H
#define ASY_CLI_PLUGIN_DIRS_H

#include "cli/cli.h"
#include "plugin/find.h"

/* For the verb at hand, which must have the flag. In cli->pool. ASSAY_E_PARAM, ASSAY_E_NOMEM. */
assay_status asy_cli_plugin_dirs(struct asy_cli *cli, struct asy_plugin_dirs *dirs, struct assay_error *error);

#endif
