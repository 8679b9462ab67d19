/* How the command names what plugins declare. */
#ifndef ASY_CLI_PLUGIN_WORDS_H
#define ASY_CLI_PLUGIN_WORDS_H

#include "plugin/decl.h"

/* "text", "points": of enum assay_column_type. */
const char *asy_column_word(uint32_t type);
/* "a list of texts", "a file": of enum assay_param_type. */
const char *asy_param_word(uint32_t type);
/* "a number from 0.5 to 1, required", "a duration (90d unless said)". {NULL, 0} without memory. */
struct asy_str asy_param_words(struct asy_pool *pool, const struct asy_decl_param *param);

#endif
