/* assay plugin check: the conformance kit, told. */
#include <unistd.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "plugin/kit.h"
#include "rule/load.h"

enum { SCHEMA_VERSION = 1 };

struct check {
    struct asy_cli *cli;
    struct asy_plugin_file file;
    struct asy_plugin_decl decl; /* which parameters are files has to be known before their values are read */
    bool is_json;
    struct asy_json json;
    uint32_t n_failed;           /* checks, of all runs */
};

/* -- settings ------------------------------------------------------------------------------------------------------------ */

static bool is_file(const struct asy_plugin_decl *decl, struct asy_str name)
{
    for (uint32_t i = 0; i < decl->n_params; i++)
        if (asy_str_eq(decl->params[i].name, name)) return decl->params[i].type == ASSAY_FILE_PARAM;
    return false;
}

/* NAME=VALUE of the command line; the path of a file is one as the shell sees it. */
static assay_status read_with(struct check *check, const char *text, struct asy_kit_setting *out, struct assay_error *error)
{
    const char *equals = strchr(text, '=');
    const struct asy_file_reader *reader = &asy_file_reader_os;
    if (equals == NULL || equals == text)
        return asy_fail(error, ASSAY_E_PARAM, "assay plugin check: --with: expected NAME=VALUE such as days=30, found `%s`", text);
    out->name = (struct asy_str){text, (uint32_t)(equals - text)};
    out->text = asy_str_of(equals + 1);
    if (!is_file(&check->decl, out->name)) return ASSAY_OK;
    return reader->read(reader->ctx, check->cli->pool, NULL, equals + 1, ASY_PLUGIN_BYTES_MAX, &out->text, error);
}

static assay_status settings_of_flags(struct check *check, struct asy_kit_setting **out, uint32_t *n, struct assay_error *error)
{
    const struct asy_args *args = &check->cli->args;
    assay_status status = ASSAY_OK;
    *n = asy_args_times(args, "with");
    *out = asy_pool_alloc_n(check->cli->pool, *n, sizeof(**out));
    if (*out == NULL) return asy_fail(error, ASSAY_E_NOMEM, "out of memory");
    for (uint32_t i = 0; i < *n && status == ASSAY_OK; i++) status = read_with(check, asy_args_nth(args, "with", i), &(*out)[i], error);
    return status;
}

/* A file that a rule names lies beside the rule file. */
static assay_status read_beside(struct asy_rules *rules, struct asy_str path, struct asy_str *out, struct assay_error *error)
{
    if (!asy_rules_path_is_inside(path))
        return asy_fail(error, ASSAY_E_DATA, "%.*s: expected a relative path without `..` beside the rule file, found `%.*s`", ASY_ARG(rules->path),
                        ASY_ARG(path));
    return asy_rules_read_file(rules, &asy_file_reader_os, path, ASY_PLUGIN_BYTES_MAX, out, error);
}

/* `with:` of a rule. */
static assay_status settings_of_call(struct check *check, struct asy_rules *rules, const struct asy_plugin_call *call,
                                     struct asy_kit_setting **out, uint32_t *n, struct assay_error *error)
{
    size_t n_texts = 0;
    for (uint32_t i = 0; i < call->n_settings; i++) n_texts += call->settings[i].n_texts;
    assay_status status = ASSAY_OK;
    *n = 0;
    *out = asy_pool_alloc_n(check->cli->pool, n_texts, sizeof(**out));
    if (*out == NULL) return asy_fail(error, ASSAY_E_NOMEM, "out of memory");
    for (uint32_t i = 0; i < call->n_settings; i++)
        for (uint32_t t = 0; t < call->settings[i].n_texts && status == ASSAY_OK; t++) {
            const struct asy_setting *setting = &call->settings[i];
            struct asy_str text = setting->texts[t];
            if (is_file(&check->decl, setting->name)) status = read_beside(rules, text, &text, error);
            (*out)[(*n)++] = (struct asy_kit_setting){.name = setting->name, .text = text};
        }
    return status;
}

/* -- telling --------------------------------------------------------------------------------------------------------------- */

/* The first result with the same reason: what is wrong with a plugin is often met by many checks. */
static uint32_t first_alike(const struct asy_kit_report *report, uint32_t result)
{
    uint32_t i = 0;
    while (i < result && !asy_str_eq(report->results[i].why, report->results[result].why)) i++;
    return i;
}

static void print_result(FILE *out, const struct asy_kit_report *report, uint32_t i)
{
    const struct asy_kit_result *result = &report->results[i];
    fprintf(out, "  %-5s %-24s %s\n", result->is_skipped ? "skip" : result->is_passed ? "ok" : "FAIL", result->name, result->meaning);
    if (result->why.len == 0 || result->is_passed) return;
    const uint32_t first = first_alike(report, i);
    if (first < i) fprintf(out, "        as %s\n", report->results[first].name);
    else fprintf(out, "        %.*s\n", ASY_ARG(result->why));
}

/* How many checks from `at` on were left out for one reason. */
static uint32_t count_skipped_alike(const struct asy_kit_report *report, uint32_t at)
{
    uint32_t n = 0;
    while (at + n < report->n && report->results[at + n].is_skipped && asy_str_eq(report->results[at + n].why, report->results[at].why)) n++;
    return n;
}

static void print_results(FILE *out, const struct asy_kit_report *report)
{
    for (uint32_t i = 0; i < report->n;) {
        const uint32_t n_alike = count_skipped_alike(report, i);
        if (n_alike > 1) fprintf(out, "  skip  %u more checks: %.*s\n", n_alike, ASY_ARG(report->results[i].why));
        else print_result(out, report, i);
        i += n_alike > 1 ? n_alike : 1;
    }
}

static void print_report(const struct check *check, const struct asy_kit_report *report, const char *rule)
{
    FILE *out = check->cli->io.out;
    uint32_t n_skipped = 0;
    fprintf(out, "%.*s: %s %.*s %.*s%s%s%s\n", ASY_ARG(check->file.path), asy_plugin_kind_name(report->decl.kind), ASY_ARG(report->decl.id),
            ASY_ARG(report->decl.version), rule != NULL ? ", as in rule \"" : "", rule != NULL ? rule : "", rule != NULL ? "\"" : "");
    for (uint32_t i = 0; i < report->n; i++) n_skipped += report->results[i].is_skipped;
    print_results(out, report);
    fprintf(out, "%u passed, %u failed, %u skipped", report->n - report->n_failed - n_skipped, report->n_failed, n_skipped);
    if (report->ns_per_lead > 0) fprintf(out, "; %.1f ns a lead", report->ns_per_lead);
    fprintf(out, "; made-up leads reached %u of %u reasons\n", report->n_reasons_seen, report->decl.n_reasons);
    if (report->n_failed > 1) fputs("Begin with the first that failed: the others often follow from it.\n", out);
    if (report->n_failed == 0 && report->n_reasons_seen == 0)
        fputs("No made-up lead got a reason: the checks have seen little of this plugin. Parameters (--with, --rules) that name words of the data "
              "help.\n", out);
}

static void json_report(struct check *check, const struct asy_kit_report *report, const char *rule)
{
    struct asy_json *json = &check->json;
    asy_json_open(json, NULL, '{');
    if (rule != NULL) asy_json_text(json, "rule", asy_str_of(rule));
    asy_json_open(json, "checks", '[');
    for (uint32_t i = 0; i < report->n; i++) {
        const struct asy_kit_result *result = &report->results[i];
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "name", asy_str_of(result->name));
        asy_json_text(json, "outcome", result->is_skipped ? ASY_STR("skipped") : result->is_passed ? ASY_STR("passed") : ASY_STR("failed"));
        asy_json_text(json, "meaning", asy_str_of(result->meaning));
        if (result->why.len > 0) asy_json_text(json, "why", result->why);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
    asy_json_int(json, "failed", report->n_failed);
    asy_json_int(json, "reasons_reached", report->n_reasons_seen);
    asy_json_int(json, "reasons", report->decl.n_reasons);
    if (report->ns_per_lead > 0) asy_json_number(json, "ns_per_lead", report->ns_per_lead);
    asy_json_close(json, '}');
}

/* -- running --------------------------------------------------------------------------------------------------------------- */

static assay_status run_kit(struct check *check, const struct asy_kit_setting *settings, uint32_t n_settings, const char *rule,
                            struct assay_error *error)
{
    struct asy_cli *cli = check->cli;
    const struct asy_kit_options options = {.seed = asy_args_count(&cli->args, "seed"),
                                            .n_settings = n_settings,
                                            .settings = settings,
                                            .now_ns = cli->clock.monotonic_ns,
                                            .bytes_in_use = cli->bytes_in_use};
    struct asy_kit_report report;
    const assay_status status = asy_kit_run(&report, cli->pool, &check->file, &options, error);
    if (status != ASSAY_OK) return status;
    if (asy_cli_interrupted(cli)) return asy_fail(error, ASSAY_E_CANCELLED, "assay plugin check: interrupted");
    if (check->is_json) json_report(check, &report, rule);
    else print_report(check, &report, rule);
    check->n_failed += report.n_failed;
    return ASSAY_OK;
}

static assay_status run_with_flags(struct check *check, struct assay_error *error)
{
    struct asy_kit_setting *settings;
    uint32_t n;
    const assay_status status = settings_of_flags(check, &settings, &n, error);
    return status == ASSAY_OK ? run_kit(check, settings, n, NULL, error) : status;
}

static assay_status run_calls(struct check *check, struct asy_rules *rules, const char *path, struct assay_error *error)
{
    const char *slash = strrchr(check->file.path.p, '/');
    const struct asy_str library = asy_str_of(slash != NULL ? slash + 1 : check->file.path.p);
    assay_status status = ASSAY_OK;
    uint32_t n_calls = 0;
    for (uint32_t c = 0; c < rules->n_calls && status == ASSAY_OK; c++) {
        const struct asy_plugin_call *call = &rules->calls[c];
        struct asy_kit_setting *settings;
        uint32_t n;
        if (!asy_str_eq(rules->plugins[call->plugin].library, library)) continue;
        n_calls++;
        const struct asy_str rule = asy_pool_copy(check->cli->pool, call->rule);
        if (rule.p == NULL) return asy_fail(error, ASSAY_E_NOMEM, "out of memory");
        status = settings_of_call(check, rules, call, &settings, &n, error);
        if (status == ASSAY_OK) status = run_kit(check, settings, n, rule.p, error);
    }
    if (status == ASSAY_OK && n_calls == 0)
        return asy_fail(error, ASSAY_E_PARAM, "assay plugin check: %s: expected a rule that uses %.*s, found none; without --rules its defaults are used",
                        path, ASY_ARG(library));
    return status;
}

static assay_status run_with_rules(struct check *check, const char *path, struct assay_error *error)
{
    struct asy_cli *cli = check->cli;
    struct asy_rules rules;
    struct asy_diags diags;
    asy_diags_init(&diags, cli->mem);
    assay_status status = asy_rules_load(&rules, cli->mem, path, &asy_file_reader_os, &diags, error);
    if (status == ASSAY_E_RULES) {
        asy_diags_sort(&diags);
        const struct asy_str text = asy_diags_text(cli->pool, &diags, cli->io.err_color);
        if (text.p != NULL) fwrite(text.p, 1, text.len, cli->io.err);
    }
    if (status == ASSAY_OK) {
        status = run_calls(check, &rules, path, error);
        asy_rules_fini(&rules);
    }
    asy_diags_fini(&diags);
    return status;
}

/* What it declares, from a process of its own. The texts are the pool's. */
static assay_status read_decl(struct check *check, struct assay_error *error)
{
    const struct asy_plugin_limits limits = {.is_isolated = true, .budget_ns = ASY_BUDGET_NS, .memory_bytes = ASY_PLUGIN_MEMORY_BYTES};
    struct asy_plugin *plugin;
    struct asy_str bytes;
    assay_status status = asy_plugin_open(&plugin, check->cli->mem, &check->file, &limits, error);
    if (status != ASSAY_OK) return status;
    status = asy_decl_pack(asy_plugin_decl(plugin), check->cli->pool, &bytes, error);
    if (status == ASSAY_OK) status = asy_decl_unpack(&check->decl, check->cli->pool, bytes, check->file.path.p, error);
    asy_plugin_close(plugin);
    return status;
}

static assay_status check_file(struct check *check, struct assay_error *error)
{
    const char *rules = asy_args_text(&check->cli->args, "rules");
    const assay_status status = read_decl(check, error);
    if (status != ASSAY_OK) return status;
    return rules != NULL ? run_with_rules(check, rules, error) : run_with_flags(check, error);
}

static void begin_json(struct check *check)
{
    asy_json_open(&check->json, NULL, '{');
    asy_json_int(&check->json, "schema_version", SCHEMA_VERSION);
    asy_json_text(&check->json, "path", check->file.path);
    asy_json_int(&check->json, "seed", (int64_t)asy_args_count(&check->cli->args, "seed"));
    asy_json_open(&check->json, "runs", '[');
}

static assay_status end_json(struct check *check, struct assay_error *error)
{
    asy_json_close(&check->json, ']');
    asy_json_close(&check->json, '}');
    const struct asy_str text = asy_json_finish(&check->json);
    if (text.p == NULL) return asy_fail(error, ASSAY_E_NOMEM, "assay plugin check: out of memory");
    fwrite(text.p, 1, text.len, check->cli->io.out);
    return ASSAY_OK;
}

int asy_verb_plugin_check(struct asy_cli *cli)
{
    struct check check = {.cli = cli, .is_json = asy_args_has(&cli->args, "json")};
    struct assay_error error = {0};
    if (asy_args_has(&cli->args, "rules") && asy_args_times(&cli->args, "with") > 0) {
        asy_fail(&error, ASSAY_E_PARAM, "assay plugin check: --rules: expected no --with beside it, for the rules name the parameters");
        return asy_cli_fail(cli, &error);
    }
    assay_status status = asy_plugin_find_path(&check.file, cli->pool, cli->args.operands[0], &error);
    if (status != ASSAY_OK) return asy_cli_fail(cli, &error);
    asy_json_init(&check.json, cli->mem);
    begin_json(&check);
    status = check_file(&check, &error);
    if (status == ASSAY_OK && check.is_json) status = end_json(&check, &error);
    asy_json_fini(&check.json);
    close(check.file.fd);
    if (status != ASSAY_OK) return asy_cli_fail(cli, &error);
    return check.n_failed == 0 ? ASY_EXIT_OK : ASY_EXIT_FAILED;
}
