/* The conformance kit for other people's tests, see assay/plugin_check.h. */
#include "assay/plugin_check.h"

#include <string.h>
#include <unistd.h>

#include "plugin/kit.h"
#include "rule/load.h"

enum { FILE_BYTES_MAX = 64 << 20 };

static assay_status fill_setting(struct asy_kit_setting *out, struct asy_pool *pool, const char *setting, struct assay_error *error)
{
    const char *equals = setting != NULL ? strchr(setting, '=') : NULL;
    if (equals == NULL || equals == setting)
        return asy_fail(error, ASSAY_E_PARAM, "assay_plugin_check: setting: expected NAME=VALUE, found `%.60s`", setting != NULL ? setting : "");
    out->name = (struct asy_str){setting, (uint32_t)(equals - setting)};
    out->text = asy_str_of(equals + 1);
    if (out->text.len < 1 || out->text.p[0] != '@') return ASSAY_OK;
    out->text = asy_str_of(equals + 2);
    if (out->text.len > 0 && out->text.p[0] == '@') return ASSAY_OK;
    return asy_file_reader_os.read(asy_file_reader_os.ctx, pool, NULL, out->text.p, FILE_BYTES_MAX, &out->text, error);
}

/* *failed: the first check that failed, or as it was. */
static void tell(const struct assay_plugin_check_options *options, const struct asy_kit_report *report, const struct asy_kit_result **failed)
{
    for (uint32_t i = 0; i < report->n; i++) {
        const struct asy_kit_result *result = &report->results[i];
        const enum assay_check_outcome outcome = result->is_passed    ? ASSAY_CHECK_PASSED
                                                 : result->is_skipped ? ASSAY_CHECK_SKIPPED
                                                                      : ASSAY_CHECK_FAILED;
        if (outcome == ASSAY_CHECK_FAILED && *failed == NULL) *failed = result;
        if (options->report != NULL) options->report(options->report_ctx, result->name, outcome, result->why.len > 0 ? result->why.p : "");
    }
}

static assay_status check(const struct assay_plugin_check_options *options, struct asy_pool *pool, struct assay_error *error)
{
    struct asy_kit_options kit = {.seed = options->seed, .n_settings = options->n_settings, .now_ns = options->now_ns};
    struct asy_kit_setting *settings = asy_pool_alloc_n(pool, options->n_settings, sizeof(*settings));
    const struct asy_kit_result *failed = NULL;
    struct asy_kit_report report;
    struct asy_plugin_file file;
    assay_status status = ASSAY_OK;
    if (settings == NULL) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", options->path);
    for (uint32_t i = 0; i < options->n_settings && status == ASSAY_OK; i++) status = fill_setting(&settings[i], pool, options->settings[i], error);
    kit.settings = settings;
    if (status == ASSAY_OK) status = asy_plugin_find_path(&file, pool, options->path, error);
    if (status != ASSAY_OK) return status;
    status = asy_kit_run(&report, pool, &file, &kit, error);
    close(file.fd);
    if (status != ASSAY_OK) return status;
    tell(options, &report, &failed);
    if (failed == NULL) return ASSAY_OK;
    return asy_fail(error, ASSAY_E_PLUGIN, "%s: %u of %u checks failed; %s: %.*s", options->path, report.n_failed, report.n, failed->name,
                    ASY_ARG(failed->why));
}

assay_status assay_plugin_check(const struct assay_plugin_check_options *options, struct assay_error *error)
{
    struct asy_mem mem;
    struct asy_pool pool;
    if (options == NULL || options->struct_size < sizeof(*options) || options->path == NULL)
        return asy_fail(error, ASSAY_E_PARAM, "assay_plugin_check: expected options with struct_size %zu and a path", sizeof(*options));
    if (options->n_settings > 0 && options->settings == NULL)
        return asy_fail(error, ASSAY_E_PARAM, "assay_plugin_check: expected %u settings, found none", options->n_settings);
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    const assay_status status = check(options, &pool, error);
    asy_pool_fini(&pool);
    return status;
}
