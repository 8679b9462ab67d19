/* The conformance kit: plugins that keep the contract pass, one that breaks it in a single point is refused for that point. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <unistd.h>

#include "assay/plugin_check.h"
#include "base/check.h"
#include "failing_mem.h"
#include "plugin/kit.h"

static struct asy_mem mem;
static struct asy_pool pool;

static void setup(void)
{
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
}
static void teardown(void)
{
    asy_pool_fini(&pool);
    cr_assert_eq(mem.live_bytes, 0);
}
TestSuite(plugin_kit, .init = setup, .fini = teardown);

/* 4096 ns go by from one question to the next. */
static int64_t ticking_ns(void)
{
    static int64_t now_ns;
    return now_ns += 4096;
}

static struct asy_plugin_file find(const char *folder, const char *name)
{
    struct assay_error error = {0};
    struct asy_plugin_file file;
    const struct asy_str path = asy_pool_printf(&pool, "%s/%s.so", folder, name);
    cr_assert_eq(asy_plugin_find_path(&file, &pool, path.p, &error), ASSAY_OK, "%s", error.text);
    return file;
}

/* `settings`: name, text, name, text, ..., NULL */
static assay_status run_kit(struct asy_kit_report *report, const char *folder, const char *name, const char *const *settings, uint64_t seed,
                            struct assay_error *error)
{
    struct asy_kit_setting items[16];
    struct asy_kit_options options = {.seed = seed, .settings = items, .now_ns = ticking_ns};
    for (; settings != NULL && settings[2 * options.n_settings] != NULL; options.n_settings++)
        items[options.n_settings] = (struct asy_kit_setting){asy_str_of(settings[2 * options.n_settings]),
                                                             asy_str_of(settings[2 * options.n_settings + 1])};
    struct asy_plugin_file file = find(folder, name);
    const assay_status status = asy_kit_run(report, &pool, &file, &options, error);
    close(file.fd);
    return status;
}

static struct asy_kit_report report_of(const char *folder, const char *name, const char *const *settings, uint64_t seed)
{
    struct assay_error error = {0};
    struct asy_kit_report report;
    cr_assert_eq(run_kit(&report, folder, name, settings, seed, &error), ASSAY_OK, "%s", error.text);
    return report;
}

static const struct asy_kit_result *result_of(const struct asy_kit_report *report, const char *check)
{
    for (uint32_t i = 0; i < report->n; i++)
        if (strcmp(report->results[i].name, check) == 0) return &report->results[i];
    cr_assert_fail("there is no check %s", check);
    return NULL;
}

static bool has_failed(const struct asy_kit_result *result)
{
    return !result->is_passed && !result->is_skipped;
}

/* -- plugins that keep the contract ------------------------------------------------------------------------------- */

static void expect_all_pass(const struct asy_kit_report *report, const char *name)
{
    for (uint32_t i = 0; i < report->n; i++)
        cr_expect(!has_failed(&report->results[i]), "%s: %s: %s", name, report->results[i].name, report->results[i].why.p);
    cr_expect_eq(report->n_failed, 0);
}

#define BROKEN ASSAY_TEST_PLUGINS "/broken"

Test(plugin_kit, good_plugins_pass)
{
    static const struct { const char *name; uint64_t seed; uint32_t n_reasons; const char *settings[3]; } cases[] = {
        {"libbroken_not_broken", 1, 3, {NULL}},      {"libbroken_not_broken", 2, 3, {NULL}},
        {"libbroken_not_broken", 12345, 3, {NULL}},  {"libbroken_not_broken", 1, 3, {"list", "a.example", NULL}},
        {"libgood_recycler", 1, 2, {NULL}},          {"libgood_recycler", 3, 2, {"ahead", "12h", NULL}},
        {"libgood_router", 1, 1, {"territories", "DE,ann\nFR,bob\nUS,cid\n", NULL}},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        const struct asy_kit_report report = report_of(BROKEN, cases[i].name, cases[i].settings, cases[i].seed);
        expect_all_pass(&report, cases[i].name);
        cr_expect_eq(report.n_reasons_seen, cases[i].n_reasons, "%s: found %u reasons", cases[i].name, report.n_reasons_seen);
        cr_expect_eq(report.ns_per_lead, 2.0, "%s: found %f ns", cases[i].name, report.ns_per_lead);
    }
}

Test(plugin_kit, skipped_checks_say_why)
{
    static const struct { const char *name, *check, *why; const char *settings[3]; } cases[] = {
        {"libbroken_not_broken", "shared-state", "the plugin does not declare ASSAY_CAP_SHARED_STATE", {NULL}},
        {"libgood_recycler", "unread-time", "the plugin declares ASSAY_CAP_READS_TIME", {NULL}},
        {"libgood_recycler", "codes-permuted", "the plugin reads no texts", {NULL}},
        {"libgood_recycler", "scratch-unspecified", "create() reserved none", {NULL}},
        {"libgood_router", "unread-key", "the plugin declares ASSAY_CAP_READS_KEY", {"territories", "DE,ann\n", NULL}},
        {"libgood_router", "reasons-reached",
         "made-up leads got 0 of 1 reasons, so the other checks say less than they could; without: `in_territory`. Settings that speak of "
         "usual values help", {"territories", ",ann\n", NULL}},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        const struct asy_kit_report report = report_of(BROKEN, cases[i].name, cases[i].settings, 1);
        const struct asy_kit_result *result = result_of(&report, cases[i].check);
        cr_expect(result->is_skipped && !result->is_passed, "%s: %s", cases[i].name, cases[i].check);
        cr_expect_str_eq(result->why.p, cases[i].why);
    }
}

Test(plugin_kit, shipped_plugins_pass, .timeout = 280)
{
    static const struct { const char *name; const char *settings[7]; const char *files[5]; } cases[] = {
        {"libassay_competitors", {"also", "Old Rival", NULL}, {"names", "competitors/competitors.csv", NULL}},
        {"libassay_email_domains", {NULL}, {"disposable", "email_domains/disposable.txt", NULL}},
        {"libassay_email_domains", {"allow", "team.web.de", "subdomains", "no", NULL}, {"free", "email_domains/free.txt", NULL}},
        {"libassay_model", {"points", "100", NULL}, {"model", "model/fit.model", NULL}},
        {"libassay_model", {"points", "50", "threshold", "0.1", NULL}, {"model", "model/likely.tree", NULL}},
        {"libassay_renewals", {"days_before", "120", "after_lost", "180d", "reasons", "timing", NULL}, {"dates", "renewals/renewals.csv", NULL}},
        {"libassay_territory", {NULL}, {"reps", "territory/reps.csv", NULL}},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        const char *settings[16] = {NULL};
        size_t n = 0;
        for (size_t k = 0; cases[i].settings[k] != NULL; k++) settings[n++] = cases[i].settings[k];
        for (size_t k = 0; cases[i].files[k] != NULL; k += 2) {
            char *text = asy_pool_alloc(&pool, 1 << 20);
            FILE *file = fopen(asy_pool_printf(&pool, "%s/plugins/%s", ASSAY_SOURCE_DIR, cases[i].files[k + 1]).p, "rb");
            cr_assert_not_null(file, "%s", cases[i].files[k + 1]);
            cr_assert_lt(fread(text, 1, (1 << 20) - 1, file), (1 << 20) - 1);
            fclose(file);
            settings[n++] = cases[i].files[k];
            settings[n++] = text;
        }
        const struct asy_kit_report report = report_of(ASSAY_PLUGINS, cases[i].name, settings, 1);
        expect_all_pass(&report, cases[i].name);
        cr_expect_geq(report.n_reasons_seen, 1, "%s: its rules were not reached", cases[i].name);
    }
}

/* -- and those that do not ---------------------------------------------------------------------------------------- */

static const struct broken {
    const char *how;       /* libbroken_<how>.so; with a router or recycler its full name */
    const char *check;     /* the one that is meant to refuse it */
    const char *why;       /* part of its message */
    bool is_only;          /* every other check passes */
    const char *also[8];   /* others that fail too */
} broken[] = {
    {"by_row", "permuted", "gets another verdict in another order: expected ", false, {"alone-as-in-a-batch", "any-length", "repeated"}},
    {"by_length", "any-length", "gets another verdict in a batch of 65 than in one of 2048", false, {NULL}},
    {"by_neighbour", "nulls-elsewhere", "gets another verdict when other leads have other values or nulls", false, {"alone-as-in-a-batch", "permuted"}},
    {"by_past_rows", "after-many-calls", "lead 0 gets another verdict after a million others", true, {NULL}},
    {"by_code", "codes-permuted", "when dictionaries number the same texts in another way: expected ", true, {NULL}},
    {"by_time", "unread-time", "although the plugin does not declare ASSAY_CAP_READS_TIME: expected ", true, {NULL}},
    {"by_key", "unread-key", "although the plugin does not declare ASSAY_CAP_READS_KEY: expected ", true, {NULL}},
    {"by_selection", "selection", "when only some rows are selected and the others hold other values: expected ", true,
     {NULL}},
    {"by_scratch", "scratch-unspecified", "when scratch holds something else", true, {NULL}},
    {"writes_inputs", "inputs-unchanged",
     "run() changed the nulls of column `seats` with n_rows 2048: expected inputs to stay as they are", true, {NULL}},
    {"reads_past", "guard-pages", "the plugin was ended by SIGSEGV (bad memory access) in run(), in a batch of 1 lead, ", true, {NULL}},
    {"writes_past", "guard-pages", "; outputs end with the last row, inputs at the next multiple of 64 rows, and then comes a page", true, {NULL}},
    {"writes_before", "guard-pages", "run() wrote in front of verdict->reason with n_rows 1, 1 bytes before its beginning", true, {NULL}},
    {"leaves_rows", "all-written", "without a verdict: expected verdict->reason[row] to be written for every selected row; the lead: domain=", true,
     {NULL}},
    {"leaves_points", "all-written", "without what its kind adds to a reason: expected verdict->points_milli[row] to be written", true, {NULL}},
    {"unknown_reason", "in-range", "run() gave reason 3 in row ", true, {NULL}},
    {"too_many_points", "in-range", "expected points within the limits that the plugin declares", true, {NULL}},
    {"bad_router", "in-range", "run() gave 100000 with reason `in_territory` in row ", true, {NULL}},
    {"bad_recycler", "in-range", "expected a due time from 0 to UINT32_MAX", true, {NULL}},
    {"opens_files", "no-files-in-create", "create() or destroy() called fopen(): expected them to open no files", true, {NULL}},
    {"asks_time", "no-calls-in-run", "run() called time(): expected it not to allocate, lock, log, ask for the time or do I/O", true, {NULL}},
    {"allocates", "no-calls-in-run", "run() called malloc(): expected", true, {NULL}},
    {"prints", "no-calls-in-run", "run() called printf(): expected", true, {NULL}},
    {"shares_state", "two-states-interleaved", "gets another verdict after another state was destroyed", true, {NULL}},
    {"frees_shared", "two-states-interleaved", "; one of two states was destroyed before", true, {NULL}},
    {"races", "shared-state", "when two threads use one state at once", true, {NULL}},
    {"counts_batches", "split-and-merged", "counter `judged` depends on how leads are split into batches: expected 3 as in full batches, found ", true,
     {NULL}},
    {"crashes_on_nothing", "nothing-there",
     "the plugin was ended by SIGABRT (it gave up: abort, a failed assertion or a damaged heap) in create(); dictionaries have only code 0 and every "
     "value is null", true, {NULL}},
    {"crashes_on_lead", "all-written", "in run(), in a batch of 1 lead, the first of them lead ", true, {NULL}},
    {"hangs", "all-written", "the plugin did not come back but went on computing in run(), in a batch of 1 lead, the first of them lead 0 ", true, {NULL}},
    {"exits", "all-written", "the plugin ended its process with exit code 0 in run(), in a batch of ", true, {NULL}},
    {"fails_alone", "alone-as-in-a-batch", "run() failed with n_rows 1: n_rows: expected more than 1, found 1", false, {"any-length"}},
    {"refuses", "loads-and-creates", "plugin test.broken: create() failed: seats: expected another number, found 25", true, {NULL}},
    {"refuses_silently", "errors-are-told",
     "create() with `list` = 0 texts failed without a word: expected error->text to say what it expected and what it found", true, {NULL}},
    {"refuses_in_lines", "errors-are-told", "create() with `seats` = 1 failed with several lines: expected one", true, {NULL}},
    {"crashes_on_setting", "errors-are-told", "in create() with `seats` = 1000000", true, {NULL}},
};

static const char *library_of(const char *how)
{
    const bool is_whole = strncmp(how, "bad_", 4) == 0;
    return asy_pool_printf(&pool, "lib%s%s", is_whole ? "" : "broken_", how).p;
}

static struct asy_kit_report report_of_broken(const struct broken *plugin)
{
    static const char *const territories[] = {"territories", "DE,ann\nFR,bob\nUS,cid\n", NULL};
    return report_of(BROKEN, library_of(plugin->how), strcmp(plugin->how, "bad_router") == 0 ? territories : NULL, 1);
}

static bool is_meant_to_fail(const struct broken *plugin, const char *check)
{
    for (size_t i = 0; i < ASY_COUNT_OF(plugin->also) && plugin->also[i] != NULL; i++)
        if (strcmp(plugin->also[i], check) == 0) return true;
    return strcmp(plugin->check, check) == 0;
}

static void expect_refused(const struct broken *plugin)
{
    const struct asy_kit_report report = report_of_broken(plugin);
    const struct asy_kit_result *result = result_of(&report, plugin->check);
    cr_expect(has_failed(result), "%s: expected %s to refuse it", plugin->how, plugin->check);
    cr_expect(result->why.len > 0 && strstr(result->why.p, plugin->why) != NULL, "%s: %s: expected \"%s\" in \"%s\"", plugin->how, plugin->check,
              plugin->why, result->why.p);
    for (uint32_t i = 0; i < report.n; i++) {
        const struct asy_kit_result *other = &report.results[i];
        const bool is_meant = is_meant_to_fail(plugin, other->name);
        if (is_meant) cr_expect(has_failed(other), "%s: expected %s to fail", plugin->how, other->name);
        else if (plugin->is_only) cr_expect(!has_failed(other), "%s: %s: expected only %s to fail: %s", plugin->how, other->name, plugin->check, other->why.p);
    }
}

/* In parts, which run beside each other. */
static void expect_part_refused(size_t part, size_t n_parts)
{
    for (size_t i = part; i < ASY_COUNT_OF(broken); i += n_parts) expect_refused(&broken[i]);
}
Test(plugin_kit, broken_plugins_are_refused_1, .timeout = 280) { expect_part_refused(0, 4); }
Test(plugin_kit, broken_plugins_are_refused_2, .timeout = 280) { expect_part_refused(1, 4); }
Test(plugin_kit, broken_plugins_are_refused_3, .timeout = 280) { expect_part_refused(2, 4); }
Test(plugin_kit, broken_plugins_are_refused_4, .timeout = 280) { expect_part_refused(3, 4); }

/* What malloc gives is not under the kit's control where a sanitizer stands in for it. */
Test(plugin_kit, memory_that_was_never_set_is_noticed, .disabled = ASSAY_IS_SANITIZED)
{
    static const struct broken plugin = {"by_fresh_memory", "repeat-in-another-process",
                                         "; fresh memory is filled with other bytes there; the lead: domain=", true, {NULL}};
    expect_refused(&plugin);
}
Test(plugin_kit, leaks_are_noticed, .disabled = ASSAY_IS_SANITIZED)
{
    static const struct broken plugin = {"leaks", "no-leaks", "expected destroy() to free what create() allocated", true, {NULL}};
    expect_refused(&plugin);
}

Test(plugin_kit, checks_after_the_end_are_skipped)
{
    static const struct { const char *how, *last, *why; } cases[] = {
        {"hangs", "all-written", "the plugin did not come back in `all-written`"},
        {"crashes_on_lead", "all-written", "the plugin fell over in `all-written`"},
        {"refuses", "loads-and-creates", "the plugin cannot be created"},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        const struct asy_kit_report report = report_of(BROKEN, library_of(cases[i].how), NULL, 1);
        bool is_after = false;
        for (uint32_t k = 0; k < report.n; k++) {
            if (is_after) cr_expect(report.results[k].is_skipped && strcmp(report.results[k].why.p, cases[i].why) == 0, "%s: %s: %s", cases[i].how,
                                    report.results[k].name, report.results[k].why.p);
            is_after = is_after || strcmp(report.results[k].name, cases[i].last) == 0;
        }
        cr_expect_eq(report.n_failed, 1);
    }
}

/* -- repeatable --------------------------------------------------------------------------------------------------- */

Test(plugin_kit, a_seed_says_everything)
{
    const struct asy_kit_report a = report_of(BROKEN, "libbroken_by_neighbour", NULL, 7), b = report_of(BROKEN, "libbroken_by_neighbour", NULL, 7),
                                c = report_of(BROKEN, "libbroken_by_neighbour", NULL, 8);
    bool is_other = false;
    for (uint32_t i = 0; i < a.n; i++) {
        cr_expect(asy_str_eq(a.results[i].why, b.results[i].why), "%s: %s", a.results[i].why.p, b.results[i].why.p);
        is_other = is_other || !asy_str_eq(a.results[i].why, c.results[i].why);
    }
    cr_expect(is_other, "another seed makes up other leads");
}

/* -- what is no check's business ---------------------------------------------------------------------------------- */

Test(plugin_kit, settings_that_do_not_fit)
{
    static const struct { const char *name; const char *settings[5]; const char *text; } cases[] = {
        {"libbroken_not_broken", {"seat", "3", NULL}, ".so: setting `seat`: expected a parameter of the plugin; did you mean `seats`?"},
        {"libbroken_not_broken", {"zzz", "3", NULL}, ".so: setting `zzz`: expected a parameter of the plugin, which has 3 and none of this name"},
        {"libbroken_not_broken", {"seats", "many", NULL}, ", found `many`"},
        {"libbroken_not_broken", {"seats", "0", NULL}, ", found `0`"},
        {"libbroken_not_broken", {"seats", "1", "seats", "2", NULL}, ".so: setting `seats`: expected one value, found 2"},
        {"libgood_router", {NULL},
         ".so: setting `territories`: the plugin requires it, and it was not given: add territories=VALUE (lines: country,owner)"},
        {"libbroken_aborts_on_load", {NULL},
         ".so: loading it: expected a plugin, found one that was ended by SIGABRT (it gave up: abort, a failed assertion or a damaged heap)"},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        struct assay_error error = {0};
        struct asy_kit_report report;
        cr_expect_eq(run_kit(&report, BROKEN, cases[i].name, cases[i].settings, 1, &error), ASSAY_E_DATA);
        cr_expect(strstr(error.text, cases[i].text) != NULL, "expected \"%s\" in \"%s\"", cases[i].text, error.text);
    }
}

Test(plugin_kit, out_of_memory_is_an_error)
{
    static const struct asy_kit_setting nothing = {{"", 0}, {"", 0}};
    const struct asy_kit_options options = {.seed = 1, .settings = &nothing};
    struct asy_plugin_file file = find(BROKEN, "libbroken_refuses");
    uint32_t n_refused = 0;
    for (int64_t k = 0; k < 200; k = k < 30 ? k + 1 : k + 17) {
        struct failing failing;
        struct asy_mem failing_mem;
        struct asy_pool small;
        struct asy_kit_report report;
        struct assay_error error = {0};
        failing_init(&failing_mem, &failing, k);
        asy_pool_init(&small, &failing_mem);
        const assay_status status = asy_kit_run(&report, &small, &file, &options, &error);
        cr_expect(status == ASSAY_OK || status == ASSAY_E_NOMEM, "allocation %d: %d %s", (int)k, status, error.text);
        n_refused += status == ASSAY_E_NOMEM;
        asy_pool_fini(&small);
        cr_expect_eq(failing.n_blocks, 0);
    }
    cr_expect_gt(n_refused, 2);
    close(file.fd);
}

/* -- the public door ---------------------------------------------------------------------------------------------- */

struct told {
    uint32_t n_passed, n_failed, n_skipped;
    char failed[64], why[600];
};
static void note(void *ctx, const char *name, enum assay_check_outcome outcome, const char *why)
{
    struct told *told = ctx;
    told->n_passed += outcome == ASSAY_CHECK_PASSED;
    told->n_skipped += outcome == ASSAY_CHECK_SKIPPED;
    if (outcome != ASSAY_CHECK_FAILED) return;
    told->n_failed++;
    snprintf(told->failed, sizeof(told->failed), "%s", name);
    snprintf(told->why, sizeof(told->why), "%s", why);
}

Test(plugin_kit, public_door)
{
    struct told told = {0};
    struct assay_error error = {0};
    const char *settings[] = {"list=a.example", "list=@@b", "seats=9"};
    struct assay_plugin_check_options options = {.struct_size = sizeof(options), .path = BROKEN "/libbroken_not_broken.so", .n_settings = 3,
                                                 .settings = settings, .seed = 1, .now_ns = ticking_ns, .report = note, .report_ctx = &told};
    cr_expect_eq(assay_plugin_check(&options, &error), ASSAY_OK, "%s", error.text);
    cr_expect(told.n_failed == 0 && told.n_passed > 20 && told.n_skipped >= 1);

    told = (struct told){0};
    options.path = BROKEN "/libbroken_too_many_points.so";
    cr_expect_eq(assay_plugin_check(&options, &error), ASSAY_E_PLUGIN);
    cr_expect(told.n_failed == 1 && strcmp(told.failed, "in-range") == 0, "%u %s", told.n_failed, told.failed);
    cr_expect(strstr(error.text, ".so: 1 of 27 checks failed; in-range: run() gave 50001 with reason ") != NULL, "%s", error.text);
    cr_expect(strstr(error.text, told.why) != NULL);

    const char *file[] = {"territories=@" ASSAY_SOURCE_DIR "/plugins/territory/reps.csv"};
    options = (struct assay_plugin_check_options){.struct_size = sizeof(options), .path = BROKEN "/libgood_router.so", .n_settings = 1, .settings = file};
    cr_expect_eq(assay_plugin_check(&options, &error), ASSAY_OK, "%s", error.text);
}

Test(plugin_kit, public_door_errors)
{
    static const struct { const char *path, *setting; uint32_t struct_size; assay_status status; const char *text; } cases[] = {
        {BROKEN "/libbroken_not_broken.so", "seats", 0, ASSAY_E_PARAM, "assay_plugin_check: setting: expected NAME=VALUE, found `seats`"},
        {BROKEN "/libbroken_not_broken.so", "=1", 0, ASSAY_E_PARAM, "assay_plugin_check: setting: expected NAME=VALUE, found `=1`"},
        {BROKEN "/libbroken_not_broken.so", "label=@no-such-file", 0, ASSAY_E_IO, "no-such-file"},
        {BROKEN "/libno_such.so", "label=x", 0, ASSAY_E_NOTFOUND, "libno_such.so"},
        {NULL, "label=x", 0, ASSAY_E_PARAM, "assay_plugin_check: expected options with struct_size "},
        {BROKEN "/libbroken_not_broken.so", "label=x", 8, ASSAY_E_PARAM, "assay_plugin_check: expected options with struct_size "},
        {BROKEN "/libbroken_not_broken.so", NULL, 0, ASSAY_E_PARAM, "assay_plugin_check: expected 1 settings, found none"},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        struct assay_error error = {0};
        const struct assay_plugin_check_options options = {.struct_size = cases[i].struct_size ? cases[i].struct_size : sizeof(options),
                                                           .path = cases[i].path, .n_settings = 1,
                                                           .settings = cases[i].setting != NULL ? &cases[i].setting : NULL};
        const assay_status status = assay_plugin_check(&options, &error);
        cr_expect_eq(status, cases[i].status, "%s: %d", cases[i].text, status);
        cr_expect(strstr(error.text, cases[i].text) != NULL, "expected \"%s\" in \"%s\"", cases[i].text, error.text);
    }
}
