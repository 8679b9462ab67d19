/* What the files that make declarations share. */
#ifndef ASY_PLUGIN_DECL_INTERNAL_H
#define ASY_PLUGIN_DECL_INTERNAL_H

#include "plugin/decl.h"

enum {
    ASY_DECL_NAME_BYTES_MAX = 64,
    ASY_DECL_ID_BYTES_MAX = 100,
    ASY_DECL_VERSION_BYTES_MAX = 40,
    ASY_DECL_TEXT_BYTES_MAX = 300, /* helps, texts of reasons, fallbacks */
};

/* May there be so many columns, parameters and reasons? Before anything is made for them. */
assay_status asy_decl_check_counts(uint32_t n_wants, uint32_t n_params, uint32_t n_reasons, const char *path, struct assay_error *error);
/* Everything that a declaration promises, whoever made it. `pool` for what is only needed while checking. ASSAY_E_DATA, ASSAY_E_NOMEM. */
assay_status asy_decl_check(const struct asy_plugin_decl *decl, struct asy_pool *pool, const char *path, struct assay_error *error);
/* What would do for a parameter: "a whole number from 1 to 365". {NULL, 0} without memory. */
struct asy_str asy_decl_expected(const struct asy_decl_param *param, struct asy_pool *pool);

#endif
