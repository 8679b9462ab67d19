/* Plugins through assay.h: where they come from, what a run says when they fail. */
#include <criterion/criterion.h>

#include <stddef.h>

#include "exec/plugins_bind.h"
#include "failing_mem.h"
#include "session.h"
#include "tiny_db.h"

#define PROBE_RULES(isolation, settings)                                                                                                 \
    "assay: 1\nfields: {company.domain: text, company.employees: int}\n"                                                                \
    "plugins: {model: {library: libprobe_points.so, kind: scorer, reads: {text: company.domain, whole: company.employees}, isolation: " isolation "}}\n" \
    "scores:\n  fit: {rules: [{name: Model, plugin: model, with: {salt: 1" settings "}}]}\n"                                            \
    "  other: {rules: [{name: Size, by: company.employees, points: {1+: 2}}]}\n"

static const char *const folders[] = {ASSAY_TEST_PLUGINS "/exec"};

static void open_folder(void)
{
    tiny_must(mkdtemp(tiny_folder) != NULL, tiny_folder);
    tiny_must(chdir(tiny_folder) == 0, tiny_folder);
    tiny_file("leads.csv", "id,domain,employees\nA,a.example,1\nB,b.example,2\nC,c.example,\nD,d.example,4\nE,,5\n");
}
TestSuite(api_plugins, .init = open_folder, .fini = tiny_close_folder, .timeout = 120);

static const struct assay_options with_folder = {.struct_size = sizeof(with_folder), .plugin_dirs = folders, .n_plugin_dirs = 1};

static struct assay *open_with(const struct assay_options *options, const char *rules)
{
    struct assay *assay = NULL;
    struct assay_error error = {0};
    const struct assay_data data = {.struct_size = sizeof(data), .leads = "leads.csv", .as_of_s = TINY_AS_OF_S};
    tiny_file("rules.yaml", rules);
    cr_assert_eq(assay_open(&assay, options, &error), ASSAY_OK, "%s", error.text);
    cr_assert_eq(assay_load_rules(assay, "rules.yaml", &error), ASSAY_OK, "%s\n%s", error.text, assay_findings(assay));
    cr_assert_eq(assay_load_data(assay, &data, &error), ASSAY_OK, "%s", error.text);
    return assay;
}

static assay_status run(struct assay *assay, uint32_t flags, struct assay_error *error)
{
    const struct assay_run_options options = {.struct_size = sizeof(options), .flags = flags};
    return assay_run(assay, &options, error);
}

Test(api_plugins, a_run_without_trouble_and_the_next_one)
{
    struct assay_error error = {0};
    struct assay *assay = open_with(&with_folder, PROBE_RULES("worker", ", yes_of_8: 8"));
    int64_t first[5], n_with_points = 0;
    for (int round = 0; round < 3; round++) {
        cr_assert_eq(run(assay, 0, &error), ASSAY_OK, "%s", error.text);
        cr_expect_str_eq(assay_plugin_notes(assay), "");
        for (uint32_t row = 0; row < 5; row++) {
            if (round == 0) first[row] = assay_score_milli(assay, 0, row);
            n_with_points += assay_score_milli(assay, 0, row) != 0;
            cr_expect_eq(assay_score_milli(assay, 0, row), first[row]);
            cr_expect_eq(assay_score_is_empty(assay, 0, row), 0);
        }
    }
    cr_expect(n_with_points >= 3 * 4, "nearly all leads get points");
    assay_close(assay);
}

static void expect_created(const struct assay *assay, const char *line)
{
    const struct asy_plugin_names *names = asy_call_names(&assay->program, 0);
    cr_assert_eq(names->n_lines, 1);
    cr_expect(asy_str_is(names->lines[0], line), "expected %s, found %.*s", line, ASY_ARG(names->lines[0]));
}

/* create() may take long: it looks at every distinct text. */
Test(api_plugins, every_run_over_the_same_data_created_its_plugins_anew)
{
    struct assay_error error = {0};
    struct assay *assay = open_with(&with_folder, PROBE_RULES("none", ", tell: true"));
    const struct assay_run_options larger = {.struct_size = sizeof(larger), .batch_rows = 65536};
    for (int round = 0; round < 3; round++) cr_assert_eq(run(assay, 0, &error), ASSAY_OK, "%s", error.text);
    expect_created(assay, "create() number 1");
    cr_assert_eq(assay_run(assay, &larger, &error), ASSAY_OK, "%s", error.text);
    expect_created(assay, "create() number 2");
    cr_assert_eq(run(assay, 0, &error), ASSAY_OK, "%s", error.text);
    expect_created(assay, "create() number 2"); /* there is room for smaller batches */
    const struct assay_data data = {.struct_size = sizeof(data), .leads = "leads.csv", .as_of_s = TINY_AS_OF_S};
    cr_assert_eq(assay_load_data(assay, &data, &error), ASSAY_OK, "%s", error.text);
    cr_assert_eq(run(assay, 0, &error), ASSAY_OK, "%s", error.text);
    expect_created(assay, "create() number 3");
    assay_close(assay);
}

Test(api_plugins, the_next_run_begins_afresh_with_a_stopped_plugin)
{
    struct assay_error error = {0};
    struct assay *assay = open_with(&with_folder, PROBE_RULES("worker", ", bad: [a.example, b.example, d.example], how: crash"));
    char first[4000];
    for (int round = 0; round < 3; round++) {
        cr_assert_eq(run(assay, ASSAY_RUN_ALLOW_PLUGIN_FAILURES, &error), ASSAY_OK, "%s", error.text);
        if (round == 0) snprintf(first, sizeof(first), "%s", assay_plugin_notes(assay));
        cr_expect_str_eq(assay_plugin_notes(assay), first);
        cr_expect_not_null(strstr(first, "lead D: the plugin was ended by SIGSEGV"), "%s", first);
        for (uint32_t row = 0; row < 5; row++) cr_expect(assay_score_is_empty(assay, 0, row));
    }
    assay_close(assay);
}

Test(api_plugins, a_quarantined_lead_has_an_empty_score)
{
    struct assay_error error = {0};
    struct assay *assay = open_with(&with_folder, PROBE_RULES("worker", ", bad: b.example, how: crash"));
    cr_assert_eq(run(assay, 0, &error), ASSAY_OK, "%s", error.text);
    cr_expect_str_eq(assay_plugin_notes(assay), "plugin model (rule \"Model\"): lead B: the plugin was ended by SIGSEGV (bad memory access); its verdict "
                                                "is empty\n");
    for (uint32_t row = 0; row < 5; row++) cr_expect_eq(assay_score_is_empty(assay, 0, row), row == 1, "row %u", row);
    cr_expect_eq(assay_score_milli(assay, 0, 1), 0);
    cr_expect_eq(assay_score_is_empty(assay, 1, 1), 0);
    cr_expect_eq(assay_score_milli(assay, 1, 1), 2000);
    cr_expect_eq(assay_score_is_empty(assay, 0, 99) + assay_score_is_empty(assay, 99, 0), 0);
    const struct assay_data data = {.struct_size = sizeof(data), .leads = "leads.csv", .as_of_s = TINY_AS_OF_S};
    cr_assert_eq(assay_load_data(assay, &data, &error), ASSAY_OK);
    cr_expect_str_eq(assay_plugin_notes(assay), "", "notes are of the last run");
    assay_close(assay);
}

Test(api_plugins, a_stopped_plugin_fails_the_run_unless_that_is_allowed)
{
    struct assay_error error = {0};
    struct assay *assay = open_with(&with_folder, PROBE_RULES("none", ", bad: [a.example, b.example, d.example]"));
    const char *const why = "plugin model (rule \"Model\"): stopped: it failed: expected a good lead, found a bad one; bad leads: A, B and D. Nothing is "
                            "written; repair the plugin, or let the run go on without its verdicts (--allow-plugin-failures)";
    cr_assert_eq(run(assay, 0, &error), ASSAY_E_PLUGIN);
    cr_expect_str_eq(error.text, why);
    cr_expect_not_null(strstr(assay_plugin_notes(assay), "lead D: the plugin failed"), "the notes outlive the failure: %s", assay_plugin_notes(assay));
    cr_expect_eq(assay_score_milli(assay, 1, 0), 0, "there are no results");
    cr_assert_eq(run(assay, ASSAY_RUN_ALLOW_PLUGIN_FAILURES, &error), ASSAY_OK, "%s", error.text);
    cr_expect_not_null(strstr(assay_plugin_notes(assay), "stopped, since it failed on too many leads"));
    for (uint32_t row = 0; row < 5; row++) cr_expect(assay_score_is_empty(assay, 0, row));
    cr_expect_eq(assay_score_milli(assay, 1, 0), 2000);
    cr_assert_eq(run(assay, 0, &error), ASSAY_E_PLUGIN, "it is asked again in every run");
    assay_close(assay);
}

Test(api_plugins, options_of_older_callers)
{
    struct assay_error error = {0};
    struct assay *assay = NULL;
    struct assay_options older = with_folder;
    older.struct_size = offsetof(struct assay_options, plugin_dirs);
    older.plugin_dirs = (const char *const *)8; /* behind what they know lies anything */
    cr_assert_eq(assay_open(&assay, &older, &error), ASSAY_OK, "%s", error.text);
    tiny_file("rules.yaml", PROBE_RULES("none", ""));
    cr_expect_eq(assay_load_rules(assay, "rules.yaml", &error), ASSAY_E_RULES);
    cr_expect_not_null(strstr(assay_findings(assay), "E0508"), "%s", assay_findings(assay));
    assay_close(assay);
    older.struct_size--;
    cr_expect_eq(assay_open(&assay, &older, &error), ASSAY_E_PARAM);
    const struct assay_options nowhere = {.struct_size = sizeof(nowhere), .n_plugin_dirs = 2};
    cr_expect_eq(assay_open(&assay, &nowhere, &error), ASSAY_E_PARAM);
    cr_expect_str_eq(error.text, "assay_open: options.plugin_dirs: expected 2 folders, found NULL");
}

Test(api_plugins, a_refusal_of_settings_names_plugin_and_rule)
{
    struct assay_error error = {0};
    struct assay *assay = open_with(&with_folder, PROBE_RULES("worker", ", refuse: expected more found less"));
    cr_assert_eq(run(assay, ASSAY_RUN_ALLOW_PLUGIN_FAILURES, &error), ASSAY_E_PLUGIN);
    cr_expect_not_null(strstr(error.text, "plugin model (rule \"Model\"): "), "%s", error.text);
    cr_expect_not_null(strstr(error.text, "expected more found less"), "%s", error.text);
    assay_close(assay);
}

/* Whichever allocation fails: an error, and nothing is left. */
Test(api_plugins, out_of_memory)
{
    static const char *const isolations[] = {PROBE_RULES("none", ", bad: b.example"), PROBE_RULES("worker", ", bad: b.example")};
    for (size_t i = 0; i < 2; i++) {
        const int64_t step = i == 0 ? 1 : 7; /* processes are started in each round */
        bool is_done = false;
        tiny_file("rules.yaml", isolations[i]);
        for (int64_t n = 0; !is_done; n += step) {
            struct failing failing = {.n_left = n, .once = true};
            const struct assay_allocator table = failing_table(&failing);
            struct assay_options options = with_folder;
            struct assay_error error = {0};
            struct assay *assay = NULL;
            const struct assay_data data = {.struct_size = sizeof(data), .leads = "leads.csv", .as_of_s = TINY_AS_OF_S};
            options.allocator = &table;
            assay_status status = assay_open(&assay, &options, &error);
            if (status == ASSAY_OK) status = assay_load_rules(assay, "rules.yaml", &error);
            if (status == ASSAY_OK) status = assay_load_data(assay, &data, &error);
            if (status == ASSAY_OK) status = run(assay, 0, &error);
            if (status == ASSAY_OK) (void)assay_plugin_notes(assay);
            cr_assert(status == ASSAY_OK || status == ASSAY_E_NOMEM || status == ASSAY_E_RULES, "allocation %lld: %s", (long long)n, error.text);
            assay_close(assay);
            cr_assert_eq(failing.n_blocks, 0, "allocation %lld leaves %lld blocks", (long long)n, (long long)failing.n_blocks);
            is_done = status == ASSAY_OK && failing.n_left >= 0;
        }
    }
}
