/* assay/plugin_check.h - does a plugin keep the contract of assay/plugin.h? For a plugin author's own tests:
 *
 *     struct assay_error error;
 *     const char *settings[] = {"list=@domains.txt", "least=10"};
 *     struct assay_plugin_check_options options = {.struct_size = sizeof(options), .path = "./libmine.so", .n_settings = 2,
 *                                                  .settings = settings, .seed = 1};
 *     if (assay_plugin_check(&options, &error)) fprintf(stderr, "%s\n", error.text), exit(1);
 *
 * The plugin is asked about made-up leads in every arrangement that the contract allows, and must always say the same. Each check
 * runs in a process of its own, forked from this one: call it while there is one thread. What is made up depends on the seed, the
 * settings and the shared object only.
 *
 * Threads: one at a time. */
#ifndef ASSAY_PLUGIN_CHECK_H
#define ASSAY_PLUGIN_CHECK_H

#include "assay/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum assay_check_outcome { ASSAY_CHECK_PASSED = 1, ASSAY_CHECK_FAILED, ASSAY_CHECK_SKIPPED };

struct assay_plugin_check_options {
    uint32_t struct_size;
    uint32_t n_settings;
    const char *path;               /* of the shared object */
    const char *const *settings;    /* "NAME=VALUE"; "NAME=@PATH" is the content of a file, "NAME=@@VALUE" a value that begins with
                                       "@"; a list is one NAME=VALUE for each of its texts */
    uint64_t seed;
    int64_t (*now_ns)(void);        /* a clock, for the check `cost`; NULL: that is skipped */
    /* Called for every check; may be NULL. `name` is stable ("alone-as-in-a-batch"), `why` says what was expected and found, or why the
     * check was skipped; "" for one that passed. Texts live until it returns. */
    void (*report)(void *ctx, const char *name, enum assay_check_outcome outcome, const char *why);
    void *report_ctx;
};

/* ASSAY_OK: no check failed. ASSAY_E_PLUGIN: one did, and `error` tells about the first. ASSAY_E_DATA: no plugin, or settings that do not
 * fit it. ASSAY_E_NOTFOUND, ASSAY_E_IO, ASSAY_E_PARAM, ASSAY_E_NOMEM. */
ASSAY_EXPORT assay_status assay_plugin_check(const struct assay_plugin_check_options *options, struct assay_error *error);

#ifdef __cplusplus
}
#endif
#endif
