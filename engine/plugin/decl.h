/* What a plugin declares, as the engine keeps it: copied out of the plugin, checked, with bounded texts. An isolated plugin is never
 * loaded into this process; its declaration comes over a wire and is checked again on arrival. */
#ifndef ASY_PLUGIN_DECL_H
#define ASY_PLUGIN_DECL_H

#include "assay/plugin.h"
#include "base/diag.h"

struct asy_plugin_decl {
    uint32_t kind, caps;
    struct asy_str id, version, help;
    uint32_t n_wants;
    struct asy_decl_want {
        struct asy_str name, help;
        uint32_t type;
        bool is_optional;
    } *wants;
    uint32_t n_params;
    struct asy_decl_param {
        struct asy_str name, help, fallback;
        uint32_t type;
        bool is_required, has_fallback;
        int64_t lo, hi;
    } *params;
    uint32_t n_reasons;
    struct asy_decl_reason { /* by code, ascending */
        uint32_t code;
        struct asy_str id, text;
    } *reasons;
    int32_t points_min_milli, points_max_milli;
};

/* "disqualifier", "router", "recycler", "scorer": as a rule file names the kind. */
const char *asy_plugin_kind_name(uint32_t kind);
/* The reason with this code, or NULL. */
const struct asy_decl_reason *asy_decl_reason(const struct asy_plugin_decl *decl, uint32_t code);

/* Copy and check the descriptor of a loaded plugin: known kind and capabilities, functions there, names well-formed and unique, types
 * known, counts and texts bounded, reason codes 1..65534, limits of points sane, defaults of parameters readable as their type.
 * `path` is for messages. ASSAY_E_DATA, ASSAY_E_NOMEM. */
assay_status asy_decl_read(struct asy_plugin_decl *decl, struct asy_pool *pool, const struct assay_plugin *plugin, const char *path,
                           struct assay_error *error);
/* The same facts as bytes, and back: asy_decl_unpack holds them to the same checks, since the sender is not trusted. */
assay_status asy_decl_pack(const struct asy_plugin_decl *decl, struct asy_pool *pool, struct asy_str *bytes, struct assay_error *error);
assay_status asy_decl_unpack(struct asy_plugin_decl *decl, struct asy_pool *pool, struct asy_str bytes, const char *path,
                             struct assay_error *error);

/* The value of a parameter, from the texts of `with:` (one unless TEXTS; the file's content for FILE). False: the texts are none of
 * its type or beyond its limits; *expected says what would do ("a whole number from 1 to 365"). */
struct asy_plugin_setting {
    uint32_t type;
    int64_t i;
    double d;
    struct asy_str text;
    uint32_t n_texts;
    struct asy_str *texts;
};
bool asy_decl_value(const struct asy_decl_param *param, struct asy_pool *pool, const struct asy_str *texts, uint32_t n_texts,
                    struct asy_plugin_setting *out, struct asy_str *expected);
/* The value when `with:` does not name it: its fallback, or 0 and empty. */
bool asy_decl_fallback(const struct asy_decl_param *param, struct asy_pool *pool, struct asy_plugin_setting *out);

#endif
