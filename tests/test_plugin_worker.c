/* Isolated plugins and those in this process: the same verdicts, faults found, leads named, no process left. tests/plugin/work is the
 * plugin: it does at lead number `at` what `mode` says. */
#include "base/thread.h"
#include "plugin/plugin.h"
#include "plugin/worker_internal.h"

#include "failing_mem.h"

#include <criterion/criterion.h>
#include <fenv.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define NOW_S INT64_C(1790000000)

struct work {
    struct asy_mem mem;
    struct asy_pool pool;
    struct asy_plugin_file file;
    struct asy_plugin *plugin;
    struct asy_facts facts;
    struct asy_bound *bound;
    struct assay_error error;
};

static struct asy_str name_text(void *ctx, uint32_t code)
{
    static const struct asy_str texts[] = {{"", 0}, {"other", 5}, {"special", 7}};
    (void)ctx;
    return texts[code];
}

static assay_status open_work(struct work *work, const char *name, bool is_isolated)
{
    char path[512];
    const struct asy_plugin_limits limits = {.is_isolated = is_isolated, .budget_ns = ASY_BUDGET_NS, .memory_bytes = 256 << 20};
    *work = (struct work){.file = {.fd = -1}, .facts = {.fd = -1}};
    asy_mem_init(&work->mem, NULL);
    asy_pool_init(&work->pool, &work->mem);
    snprintf(path, sizeof(path), "%s/work/libwork_%s.so", ASSAY_TEST_PLUGINS, name);
    const assay_status found = asy_plugin_find_path(&work->file, &work->pool, path, &work->error);
    cr_assert_eq(found, ASSAY_OK, "%s", work->error.text);
    return asy_plugin_open(&work->plugin, &work->mem, &work->file, &limits, &work->error);
}

static assay_status bind_work(struct work *work, const char *mode, int64_t at, int64_t every, uint32_t n_lanes, uint32_t n_rows_max, bool is_isolated)
{
    const struct asy_facts_column columns[] = {{0, NULL, NULL}, {3, NULL, name_text}};
    const struct asy_plugin_setting settings[] = {
        {.type = ASSAY_TEXT_PARAM, .text = asy_str_of(mode)}, {.type = ASSAY_INT_PARAM, .i = at}, {.type = ASSAY_INT_PARAM, .i = every}};
    const assay_status made = asy_facts_make(&work->facts, asy_plugin_decl(work->plugin), columns, settings, is_isolated, &work->error);
    cr_assert_eq(made, ASSAY_OK, "%s", work->error.text);
    return asy_plugin_bind(&work->bound, work->plugin, &work->facts, n_lanes, n_rows_max, NOW_S, &work->error);
}

static void close_work(struct work *work)
{
    asy_bound_free(work->bound);
    asy_plugin_close(work->plugin);
    asy_facts_fini(&work->facts);
    if (work->file.fd >= 0) close(work->file.fd);
    asy_pool_fini(&work->pool);
    cr_assert_eq(work->mem.live_bytes, 0);
}

static void start(struct work *work, const char *name, const char *mode, int64_t at, uint32_t n_rows_max, bool is_isolated)
{
    cr_assert_eq(open_work(work, name, is_isolated), ASSAY_OK, "%s", work->error.text);
    cr_assert_eq(bind_work(work, mode, at, 0, 1, n_rows_max, is_isolated), ASSAY_OK, "%s", work->error.text);
}

/* Lead `row` has number `row`; every 7th none; every 11th is special, others have other names or none. */
static void fill(struct asy_stage *stage, uint32_t n)
{
    for (uint32_t row = 0; row < n; row++) {
        const bool is_null = row % 7 == 5;
        ((int64_t *)stage->data[0])[row] = is_null ? 0 : row;
        stage->null[0][row] = is_null ? 0xff : 0;
        ((uint32_t *)stage->data[1])[row] = row % 11 == 1 ? 2 : row % 2;
        stage->null[1][row] = row % 11 != 1 && row % 2 == 0 ? 0xff : 0;
    }
}

static struct asy_judgement judge(struct work *work, uint32_t n)
{
    struct asy_judgement judgement;
    fill(asy_bound_stage(work->bound, 0), n);
    asy_bound_judge(work->bound, 0, n, &judgement);
    return judgement;
}

static uint16_t expected_reason(uint32_t row)
{
    if (row % 11 == 1) return 5;
    if (row % 7 == 5 || row % 3 != 0) return 0;
    return 1 + (row & 1);
}

static bool is_as_expected(const struct asy_stage *stage, uint32_t row)
{
    const uint16_t reason = stage->reason[row];
    const int64_t n = row % 7 == 5 ? 0 : row;
    if (reason != expected_reason(row)) return false;
    if (reason == 0) return true;
    return (stage->points == NULL || stage->points[row] == n % 100 * 1000) && (stage->target == NULL || stage->target[row] == (reason == 5 ? -1 : n % 3)) &&
           (stage->due == NULL || stage->due[row] == (reason == 5 ? 0 : NOW_S + n));
}

/* All rows but `but` have their verdicts, and are counted. */
static void check_rows(struct work *work, uint32_t n, uint32_t but, const char *what)
{
    const struct asy_stage *stage = asy_bound_stage(work->bound, 0);
    uint32_t n_wrong = 0;
    uint64_t n_matched = 0;
    for (uint32_t row = 0; row < n; row++) {
        if (row == but) {
            cr_expect_eq(stage->reason[row], ASY_REASON_UNWRITTEN, "%s", what);
            continue;
        }
        n_wrong += !is_as_expected(stage, row);
        n_matched += stage->reason[row] != 0;
    }
    cr_expect_eq(n_wrong, 0, "%s: %u of %u rows are wrong", what, n_wrong, n);
    cr_expect_eq(stage->counters[0], n - (but < n), "%s: found %llu", what, (unsigned long long)stage->counters[0]);
    cr_expect_eq(stage->counters[1], n_matched, "%s: found %llu", what, (unsigned long long)stage->counters[1]);
    for (uint32_t i = 2; i < ASSAY_COUNTERS_MAX; i++) cr_expect_eq(stage->counters[i], 0);
}

/* -- both ways ----------------------------------------------------------------------------------------------------------------- */

Test(plugin_worker, both_ways_give_the_same)
{
    static const char *const kinds[] = {"disqualify", "route", "recycle", "score"};
    static const uint32_t lengths[] = {1, 63, 2047, 2048, 2049, 5000};
    for (size_t k = 0; k < COUNT_OF(kinds); k++)
        for (int is_isolated = 0; is_isolated < 2; is_isolated++) {
            struct work work;
            start(&work, kinds[k], "", -1, 5000, is_isolated);
            const struct asy_plugin_names *names = asy_bound_names(work.bound);
            cr_assert_eq(names->n_counters, 2);
            cr_expect(asy_str_is(names->counters[1], "matched"));
            cr_expect_eq(names->n_targets, strcmp(kinds[k], "route") == 0 ? 3 : 0);
            if (names->n_targets == 3) cr_expect(asy_str_is(names->targets[2], "Cy"));
            cr_assert_eq(names->n_lines, 1);
            cr_expect(asy_str_is(names->lines[0], "created"));
            cr_expect(asy_str_is(asy_plugin_decl(work.plugin)->id, "test.work"));
            cr_expect_eq(asy_plugin_decl(work.plugin)->n_reasons, 3);
            for (size_t i = 0; i < COUNT_OF(lengths); i++) {
                const struct asy_judgement judgement = judge(&work, lengths[i]);
                cr_expect(judgement.n_bad == 0 && judgement.n_flukes == 0 && !judgement.is_given_up);
                check_rows(&work, lengths[i], UINT32_MAX, kinds[k]);
            }
            close_work(&work);
        }
}

/* -- faults ------------------------------------------------------------------------------------------------------------------------ */

struct fault_case {
    const char *kind, *mode;
    uint8_t fault;
    int32_t number;
    const char *text;
};

static void check_fault(const struct fault_case *c, bool is_isolated, uint32_t n, uint32_t at)
{
    struct work work;
    char what[128];
    snprintf(what, sizeof(what), "%s %s at lead %u of %u%s", c->kind, c->mode, at, n, is_isolated ? "" : " in this process");
    start(&work, c->kind, c->mode, at, n, is_isolated);
    const struct asy_judgement judgement = judge(&work, n);
    cr_expect_eq(judgement.n_bad, 1, "%s: found %u bad leads, %u flukes", what, judgement.n_bad, judgement.n_flukes);
    if (judgement.n_bad == 1) {
        const struct asy_fault *fault = &judgement.bad[0].fault;
        cr_expect_eq(judgement.bad[0].row, at, "%s: found lead %u", what, judgement.bad[0].row);
        cr_expect_eq(fault->kind, c->fault, "%s: found fault %u (%d, %s)", what, fault->kind, fault->number, fault->text);
        if (c->number >= 0) cr_expect_eq(fault->number, c->number, "%s: found %d", what, fault->number);
        if (c->text != NULL) cr_expect_str_eq(fault->text, c->text, "%s: found %s", what, fault->text);
        check_rows(&work, n, at, what);
    }
    cr_expect(!judgement.is_given_up, "%s", what);
    cr_expect_eq(judgement.n_flukes, 0, "%s: found %u", what, judgement.n_flukes);
    close_work(&work);
}

static bool has_seccomp(void)
{
    struct work work;
    cr_assert_eq(open_work(&work, "disqualify", true), ASSAY_OK, "%s", work.error.text);
    const bool has = strstr(asy_plugin_missing(work.plugin), "seccomp") == NULL;
    close_work(&work);
    return has;
}

static const struct fault_case crashes[] = {
    {"disqualify", "segfault", ASY_FAULT_SIGNAL, SIGSEGV, ""},
    {"score", "abort", ASY_FAULT_SIGNAL, SIGABRT, ""},
    {"route", "exit3", ASY_FAULT_EXIT, 3, ""},
    {"disqualify", "usr1", ASY_FAULT_SIGNAL, SIGUSR1, ""},
    {"disqualify", "stack", ASY_FAULT_SIGNAL, SIGSEGV, ""},
    {"disqualify", "blocked_segfault", ASY_FAULT_SIGNAL, SIGSEGV, ""},
    {"disqualify", "handled_abort", ASY_FAULT_SIGNAL, SIGABRT, ""},
    {"disqualify", "behind", ASY_FAULT_SIGNAL, SIGSEGV, ""},
};

Test(plugin_worker, crashes_are_found)
{
    for (size_t i = 0; i < COUNT_OF(crashes); i++) {
        check_fault(&crashes[i], true, 3000, 0);
        check_fault(&crashes[i], true, 3000, 1536);
        check_fault(&crashes[i], true, 3000, 2999);
    }
    check_fault(&(struct fault_case){"disqualify", "segfault", ASY_FAULT_SIGNAL, SIGSEGV, ""}, true, 65536, 40004);
    check_fault(&(struct fault_case){"disqualify", "segfault", ASY_FAULT_SIGNAL, SIGSEGV, ""}, true, 1, 0);
    if (!ASSAY_IS_SANITIZED) { /* leaks are looked for at exit, and memory is not limited */
        check_fault(&(struct fault_case){"recycle", "exit", ASY_FAULT_EXIT, 0, ""}, true, 3000, 17);
        check_fault(&(struct fault_case){"disqualify", "gigabyte", ASY_FAULT_SIGNAL, SIGSEGV, ""}, true, 3000, 17);
    }
}

Test(plugin_worker, what_is_forbidden_is_found)
{
    static const char *const modes[] = {"fork", "vfork", "thread", "kill_parent", "tgkill_parent", "open", "create_file", "socket", "exec", "close", "reset_limits",
                                        "poison", "send_descriptor"};
    if (!has_seccomp()) cr_skip_test("this kernel has no seccomp filters");
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        if (ASSAY_IS_SANITIZED && (strcmp(modes[i], "open") == 0 || strcmp(modes[i], "close") == 0)) continue; /* its runtime needs them */
        check_fault(&(struct fault_case){"disqualify", modes[i], ASY_FAULT_SIGNAL, SIGSYS, ""}, true, 3000, 1500);
    }
    cr_expect_neq(access("/tmp/assay_plugin_was_here", F_OK), 0);
}

Test(plugin_worker, hangs_are_found)
{
    static const struct fault_case cases[] = {
        {"disqualify", "spin", ASY_FAULT_TIME, -1, ""},
        {"disqualify", "sleep", ASY_FAULT_TIME, -1, "it waits for something"},
        {"disqualify", "lock", ASY_FAULT_TIME, -1, "it waits for something"},
        {"disqualify", "stop", ASY_FAULT_TIME, -1, "it waits for something"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) check_fault(&cases[i], true, 3000, 1500);
}

/* What a worker says is not believed: neither that it is done nor what it writes where others' verdicts are. */
Test(plugin_worker, forged_answers_do_no_harm, .timeout = 120)
{
    static const char *const modes[] = {"forge", "forge_for_ever"};
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        struct work work;
        start(&work, "disqualify", modes[i], 50, 100, true);
        const struct asy_judgement judgement = judge(&work, 100);
        cr_assert_eq(judgement.n_bad, 1, "%s: found %u", modes[i], judgement.n_bad);
        cr_expect_eq(judgement.bad[0].row, 50);
        cr_expect_eq(judgement.bad[0].fault.kind, ASY_FAULT_ERROR);
        cr_expect_str_eq(judgement.bad[0].fault.text, "it disturbed the process it runs in");
        check_rows(&work, 100, 50, modes[i]);
        close_work(&work);
    }
}

Test(plugin_worker, packets_without_content_hide_no_forged_answers)
{
    struct work work;
    start(&work, "disqualify", "forge_behind_nothing", 50, 100, true);
    const struct asy_judgement judgement = judge(&work, 100);
    cr_assert_eq(judgement.n_bad, 1);
    cr_expect_eq(judgement.bad[0].row, 50);
    cr_expect_eq(judgement.n_flukes, 0);
    check_rows(&work, 100, 50, "forge_behind_nothing");
    close_work(&work);
}

/* News without end from where a plugin's code is. */
Test(plugin_worker, a_create_that_never_stops_talking_does_not_stop_the_host, .timeout = 120)
{
    struct work work;
    cr_assert_eq(open_work(&work, "disqualify", true), ASSAY_OK, "%s", work.error.text);
    cr_assert_eq(bind_work(&work, "create_talk", 0, 0, 1, 100, true), ASSAY_OK, "%s", work.error.text);
    cr_expect(judge(&work, 100).is_given_up);
    close_work(&work);
}

Test(plugin_worker, a_create_that_stops_its_process_does_not_stop_the_host, .timeout = 120)
{
    struct work work;
    cr_assert_eq(open_work(&work, "disqualify", true), ASSAY_OK, "%s", work.error.text);
    cr_assert_eq(bind_work(&work, "create_stand", 0, 0, 1, 100, true), ASSAY_OK, "%s", work.error.text);
    cr_expect(judge(&work, 100).is_given_up);
    close_work(&work);
}

Test(plugin_worker, a_constructor_that_never_stops_talking_does_not_stop_the_host, .timeout = 120)
{
    struct work work;
    cr_assert_eq(open_work(&work, "load_declare", true), ASSAY_OK, "%s", work.error.text);
    cr_expect_eq(bind_work(&work, "", 0, 0, 1, 100, true), ASSAY_E_DATA);
    cr_expect(strstr(work.error.text, "has ended since it was loaded, or does not answer") != NULL, "%s", work.error.text);
    close_work(&work);
}

static void pass_over(int number)
{
    (void)number;
}

/* A profiler's timer interrupts every wait before it is over. */
Test(plugin_worker, a_timer_of_the_host_does_not_stop_the_watch, .timeout = 120)
{
    const struct itimerval often = {{0, 3000}, {0, 3000}};
    const struct sigaction action = {.sa_handler = pass_over, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    check_fault(&(struct fault_case){"disqualify", "spin", ASY_FAULT_TIME, -1, ""}, true, 100, 50);
    check_fault(&(struct fault_case){"disqualify", "sleep", ASY_FAULT_TIME, -1, "it waits for something"}, true, 100, 50);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
}

Test(plugin_worker, the_verdicts_of_other_lanes_are_out_of_reach)
{
    struct work work;
    if (ASSAY_IS_SANITIZED) cr_skip_test("the attack reads beyond what it may");
    cr_assert_eq(open_work(&work, "disqualify", true), ASSAY_OK, "%s", work.error.text);
    cr_assert_eq(bind_work(&work, "neighbour", 0, 0, 2, 2048, true), ASSAY_OK, "%s", work.error.text);
    const struct asy_judgement judgement = judge(&work, 64);
    cr_expect_eq(judgement.n_bad, 0, "found signal %d", judgement.bad[0].fault.number);
    check_rows(&work, 64, UINT32_MAX, "neighbour");
    close_work(&work);
}

/* Leads are read-only over there, unless an odd number of them is copied for the plugin: then it is no lead's fault. */
Test(plugin_worker, inputs_cannot_be_changed)
{
    struct work work;
    start(&work, "disqualify", "input", 64, 4096, true);
    const struct asy_judgement judgement = judge(&work, 4096);
    cr_expect_eq(judgement.n_bad + judgement.n_flukes, 1, "found %u and %u", judgement.n_bad, judgement.n_flukes);
    cr_expect_eq(((int64_t *)asy_bound_stage(work.bound, 0)->data[0])[64], 64);
    check_rows(&work, 4096, judgement.n_bad > 0 ? 64 : UINT32_MAX, "input");
    close_work(&work);
}

Test(plugin_worker, bad_verdicts_are_found_both_ways)
{
    static const struct fault_case cases[] = {
        {"disqualify", "error", ASY_FAULT_ERROR, 7, "expected?luck"},
        {"disqualify", "unwritten", ASY_FAULT_UNWRITTEN, -1, ""},
        {"disqualify", "reason", ASY_FAULT_RANGE, 4, "expected a reason of its table, found code 4"},
        {"score", "points", ASY_FAULT_RANGE, 100001, NULL},
        {"route", "target", ASY_FAULT_RANGE, 3, NULL},
        {"recycle", "due", ASY_FAULT_RANGE, -1, NULL},
        {"disqualify", "before", ASY_FAULT_OVERRUN, -1, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (int is_isolated = 0; is_isolated < 2; is_isolated++) {
            /* A batch of 2048 or 1024 fills its pages: in front of it nobody may write at all. */
            const uint32_t n = strcmp(cases[i].mode, "before") == 0 ? 1000 : 3000;
            check_fault(&cases[i], is_isolated, n, 0);
            check_fault(&cases[i], is_isolated, n, n / 2);
            check_fault(&cases[i], is_isolated, n, n - 2);
        }
}

Test(plugin_worker, printing_is_no_fault)
{
    struct work work;
    start(&work, "disqualify", "print", 5, 100, true);
    const struct asy_judgement judgement = judge(&work, 100);
    cr_expect_eq(judgement.n_bad + judgement.n_flukes, 0);
    check_rows(&work, 100, UINT32_MAX, "print");
    close_work(&work);
}

/* How numbers are rounded is neither the next leads' concern nor the engine's. */
Test(plugin_worker, a_rounding_mode_does_not_stay)
{
    for (int is_isolated = 0; is_isolated < 2; is_isolated++) {
        struct work work;
        start(&work, "score", "round", 50, 100, is_isolated);
        for (uint32_t i = 0; i < 2; i++) {
            cr_expect_eq(judge(&work, 100).n_bad, 0);
            check_rows(&work, 100, UINT32_MAX, "round");
        }
        cr_expect_eq(fegetround(), FE_TONEAREST);
        close_work(&work);
    }
}

Test(plugin_worker, three_bad_leads_are_enough)
{
    for (int is_isolated = 0; is_isolated < 2; is_isolated++) {
        struct work work;
        cr_assert_eq(open_work(&work, "disqualify", is_isolated), ASSAY_OK, "%s", work.error.text);
        cr_assert_eq(bind_work(&work, "error", 2, 500, 1, 3000, is_isolated), ASSAY_OK, "%s", work.error.text);
        const struct asy_judgement judgement = judge(&work, 3000);
        cr_assert_eq(judgement.n_bad, 3);
        cr_expect(judgement.is_given_up);
        /* 502 has no number: 502 % 7 == 5. */
        cr_expect_eq(judgement.bad[0].row, 2);
        cr_expect_eq(judgement.bad[1].row, 1002, "found %u", judgement.bad[1].row);
        cr_expect_eq(judgement.bad[2].row, 1502, "found %u", judgement.bad[2].row);
        const struct asy_stage *stage = asy_bound_stage(work.bound, 0);
        for (uint32_t row = 0; row < 3000; row++) cr_assert_eq(stage->reason[row], ASY_REASON_UNWRITTEN);
        cr_expect_eq(stage->counters[0], 0);
        close_work(&work);
    }
}

/* However many leads are bad and in whatever way: no more than a few of them are looked for. */
Test(plugin_worker, a_fault_at_every_lead_is_given_up_on)
{
    static const struct {
        const char *mode;
        int64_t every;
        uint32_t n, first, last;
    } cases[] = {{"segfault", 1, 65536, 0, 2}, {"segfault", 1000, 65536, 0, 3000} /* 2000 has no number */, {"spin", 1, 2048, 0, 2}, {"sleep", 1, 2048, 0, 2},
                 {"exit3", 64, 65536, 0, 128}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct work work;
        cr_assert_eq(open_work(&work, "disqualify", true), ASSAY_OK, "%s", work.error.text);
        cr_assert_eq(bind_work(&work, cases[i].mode, 0, cases[i].every, 1, cases[i].n, true), ASSAY_OK, "%s", work.error.text);
        const struct asy_judgement judgement = judge(&work, cases[i].n);
        cr_expect(judgement.is_given_up);
        cr_assert_eq(judgement.n_bad, 3, "%s: found %u", cases[i].mode, judgement.n_bad);
        cr_expect_eq(judgement.bad[0].row, cases[i].first, "%s: found %u", cases[i].mode, judgement.bad[0].row);
        cr_expect_eq(judgement.bad[2].row, cases[i].last, "%s: found %u", cases[i].mode, judgement.bad[2].row);
        close_work(&work);
    }
}

Test(plugin_worker, two_bad_leads_are_named_in_order)
{
    struct work work;
    cr_assert_eq(open_work(&work, "disqualify", true), ASSAY_OK, "%s", work.error.text);
    cr_assert_eq(bind_work(&work, "unwritten", 2, 1000, 1, 2000, true), ASSAY_OK, "%s", work.error.text);
    const struct asy_judgement judgement = judge(&work, 2000);
    cr_assert_eq(judgement.n_bad, 2);
    cr_expect(!judgement.is_given_up);
    cr_expect(judgement.bad[0].row == 2 && judgement.bad[1].row == 1002);
    cr_expect_eq(asy_bound_stage(work.bound, 0)->counters[0], 1998);
    close_work(&work);
}

/* Failures that no lead alone repeats. */
Test(plugin_worker, flukes_are_counted_and_not_blamed_on_leads)
{
    static const struct {
        const char *mode;
        uint32_t n, n_flukes;
        bool is_given_up;
    } cases[] = {{"crowd", 1500, 1, false}, {"beside", 1500, 1, false}, {"company", 1000, 1, false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct work work;
        start(&work, "disqualify", cases[i].mode, 700, cases[i].n, true);
        const struct asy_judgement judgement = judge(&work, cases[i].n);
        cr_expect_eq(judgement.n_bad, 0, "%s", cases[i].mode);
        cr_expect_eq(judgement.n_flukes, cases[i].n_flukes, "%s: found %u", cases[i].mode, judgement.n_flukes);
        cr_expect_eq(judgement.is_given_up, cases[i].is_given_up, "%s", cases[i].mode);
        check_rows(&work, cases[i].n, UINT32_MAX, cases[i].mode);
        close_work(&work);
    }
    struct work work;
    cr_assert_eq(open_work(&work, "disqualify", true), ASSAY_OK, "%s", work.error.text);
    cr_assert_eq(bind_work(&work, "company", 0, 2, 1, 1000, true), ASSAY_OK, "%s", work.error.text);
    const struct asy_judgement judgement = judge(&work, 1000);
    cr_expect(judgement.is_given_up && judgement.n_bad == 0);
    cr_expect_eq(judgement.n_flukes, ASY_FLUKES_MAX + 1, "found %u", judgement.n_flukes);
    cr_expect_eq(judgement.fluke.number, SIGABRT);
    close_work(&work);
}

/* -- loading and create() ---------------------------------------------------------------------------------------------------------- */

static void check_refused(struct work *work, assay_status status, const char *text)
{
    cr_expect_eq(status, ASSAY_E_DATA, "%s: found %d", text, status);
    cr_expect(strstr(work->error.text, text) != NULL, "expected %s, found %s", text, work->error.text);
    cr_expect(strstr(work->error.text, "libwork_") != NULL, "%s", work->error.text);
    close_work(work);
}

Test(plugin_worker, a_plugin_that_fails_while_it_is_loaded_is_refused)
{
    static const struct {
        const char *name, *text;
        bool needs_seccomp;
    } cases[] = {
        {"load_abort", "found one that was ended by SIGABRT", false},
        {"load_segfault", "found one that was ended by SIGSEGV", false},
        {"load_fork", "found one that was ended by SIGSYS (a system call that plugins may not make) while it was loaded (a constructor of the plugin?)", true},
        {"load_key_parent", "found one that was ended by SIGSYS", true},
        {"load_sleep", "found one that was still at it and was ended (a constructor of the plugin that loops or waits?)", false},
        {"load_exit", "found one that ended its process with exit code 0 while it was loaded", false},
    };
    const bool has = has_seccomp();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct work work;
        if (cases[i].needs_seccomp && !has) continue;
        if (ASSAY_IS_SANITIZED && strcmp(cases[i].name, "load_exit") == 0) continue; /* leaks are looked for at exit */
        const assay_status status = open_work(&work, cases[i].name, true);
        check_refused(&work, status, cases[i].text);
    }
}

Test(plugin_worker, a_create_that_fails_is_told)
{
    static const struct {
        const char *mode, *text;
        bool needs_seccomp;
    } cases[] = {
        {"create_fail", "plugin test.work: create() failed: at: expected a lucky number, found 13", false},
        {"create_abort", "create(): expected it to return, found that the plugin was ended by SIGABRT", false},
        {"create_exit3", "create(): expected it to return, found that the plugin ended its process with exit code 3", false},
        {"create_fork", "found that the plugin was ended by SIGSYS", true},
        {"create_kill_parent", "found that the plugin was ended by SIGSYS", true},
        {"create_reset_limits", "found that the plugin was ended by SIGSYS", true},
        {"create_own", "found that the plugin was ended by SIGSYS", true},
        {"create_key_limits", "found that the plugin was ended by SIGSYS", true},
        {"create_key_thread", "found that the plugin was ended by SIGSYS", true},
        {"create_key_dumpable", "found that the plugin was ended by SIGSYS", true},
        {"create_sleep", "create(): expected an end within a minute, found that it still runs, or waits for something", false},
    };
    const bool has = has_seccomp();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct work work;
        if (cases[i].needs_seccomp && !has) continue;
        cr_assert_eq(open_work(&work, "disqualify", true), ASSAY_OK, "%s", work.error.text);
        const assay_status status = bind_work(&work, cases[i].mode, 0, 0, 2, 100, true);
        check_refused(&work, status, cases[i].text);
    }
}

Test(plugin_worker, a_failed_bind_leaves_the_plugin_usable)
{
    struct work work;
    cr_assert_eq(open_work(&work, "disqualify", true), ASSAY_OK, "%s", work.error.text);
    cr_assert_eq(bind_work(&work, "create_abort", 0, 0, 1, 100, true), ASSAY_E_DATA);
    asy_facts_fini(&work.facts);
    cr_assert_eq(bind_work(&work, "", 0, 0, 1, 100, true), ASSAY_OK, "%s", work.error.text);
    judge(&work, 100);
    check_rows(&work, 100, UINT32_MAX, "after a failed bind");
    close_work(&work);
}

Test(plugin_worker, files_are_out_of_reach_of_create)
{
    struct work work;
    cr_assert_eq(open_work(&work, "disqualify", true), ASSAY_OK, "%s", work.error.text);
    const bool is_whole = asy_plugin_missing(work.plugin)[0] == '\0';
    const assay_status status = bind_work(&work, "create_create_file", 0, 0, 1, 100, true);
    if (is_whole) check_refused(&work, status, "found that the plugin was ended by SIGSYS");
    else close_work(&work);
    cr_expect_neq(access("/tmp/assay_plugin_was_here", F_OK), 0);
}

/* Every allocation fails once: an error, and nothing is left, neither memory nor a process. */
Test(plugin_worker, without_memory)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    for (int is_isolated = 0; is_isolated < 2; is_isolated++) {
        struct work work;
        struct failing failing;
        struct asy_mem mem;
        const struct asy_plugin_limits limits = {.is_isolated = is_isolated};
        start(&work, "route", "", -1, 100, is_isolated);
        assay_status status = ASSAY_E_NOMEM;
        for (int64_t k = 0; status != ASSAY_OK; k++) {
            struct asy_plugin *plugin = NULL;
            struct asy_bound *bound = NULL;
            struct assay_error error = {0};
            cr_assert_lt(k, 1000);
            failing_init(&mem, &failing, k);
            failing.once = true;
            status = asy_plugin_open(&plugin, &mem, &work.file, &limits, &error);
            if (status == ASSAY_OK) status = asy_plugin_bind(&bound, plugin, &work.facts, 2, 100, NOW_S, &error);
            cr_expect(status == ASSAY_OK || (status == ASSAY_E_NOMEM && strstr(error.text, "out of memory") != NULL), "allocation %d: found %d, %s", (int)k,
                      status, error.text);
            asy_bound_free(bound);
            asy_plugin_close(plugin);
            cr_expect_eq(failing.n_blocks, 0, "allocation %d", (int)k);
        }
        close_work(&work);
        cr_expect(waitpid(-1, NULL, WNOHANG) == -1, "a process is left");
    }
}

/* -- lanes --------------------------------------------------------------------------------------------------------------------------- */

static void judge_lane(void *ctx, uint32_t worker, uint64_t piece)
{
    struct work *work = ctx;
    struct asy_judgement judgement;
    (void)worker;
    fill(asy_bound_stage(work->bound, (uint32_t)piece), 1000);
    asy_bound_judge(work->bound, (uint32_t)piece, 1000, &judgement);
    const struct asy_stage *stage = asy_bound_stage(work->bound, (uint32_t)piece);
    cr_expect(judgement.n_bad == 1 && judgement.bad[0].row == 300 && judgement.bad[0].fault.number == SIGSEGV);
    for (uint32_t row = 0; row < 1000; row++)
        if (row != 300) cr_expect(is_as_expected(stage, row), "lane %u row %u", (uint32_t)piece, row);
}

Test(plugin_worker, lanes_do_not_disturb_each_other)
{
    struct work work;
    cr_assert_eq(open_work(&work, "score", true), ASSAY_OK, "%s", work.error.text);
    cr_assert_eq(bind_work(&work, "segfault", 300, 0, 70, 1000, true), ASSAY_OK, "%s", work.error.text); /* descriptors in two packets */
    asy_parallel(3, 70, judge_lane, &work);
    close_work(&work);
}

Test(plugin_worker, several_bindings_of_one_plugin)
{
    struct work work;
    struct asy_bound *second;
    start(&work, "disqualify", "segfault", 3, 100, true);
    cr_assert_eq(asy_plugin_bind(&second, work.plugin, &work.facts, 1, 100, NOW_S, &work.error), ASSAY_OK, "%s", work.error.text);
    cr_expect_eq(judge(&work, 100).n_bad, 1);
    asy_bound_free(work.bound);
    work.bound = second;
    cr_expect_eq(judge(&work, 100).n_bad, 1);
    close_work(&work);
}

/* -- nothing is left --------------------------------------------------------------------------------------------------------------- */

Test(plugin_worker, no_process_is_left)
{
    static const char *const modes[] = {"", "segfault", "sleep", "create_abort"};
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        struct work work;
        cr_assert_eq(open_work(&work, "disqualify", true), ASSAY_OK, "%s", work.error.text);
        if (bind_work(&work, modes[i], 50, 0, 3, 100, true) == ASSAY_OK) judge(&work, 100);
        close_work(&work);
        cr_expect(waitpid(-1, NULL, WNOHANG) == -1, "%s: a process is left", modes[i]);
    }
}

static int oom_score_adjustment(pid_t pid)
{
    char path[64];
    int value = -1;
    snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%d", &value), 1);
    fclose(file);
    return value;
}

/* Short of memory, a machine ends the plugin and not the run. */
Test(plugin_worker, a_plugin_is_ended_before_its_host)
{
    struct work work;
    pid_t loader;
    start(&work, "disqualify", "", -1, 100, true);
    FILE *children = fopen("/proc/thread-self/children", "r");
    if (children == NULL) cr_skip_test("this kernel does not list children");
    cr_assert_eq(fscanf(children, "%d", &loader), 1);
    fclose(children);
    cr_expect_eq(oom_score_adjustment(loader), 1000);
    cr_expect_lt(oom_score_adjustment(getpid()), 1000);
    close_work(&work);
}

/* The host dies with a worker in the middle of a run: whoever waits for its descendants gets them all. */
Test(plugin_worker, nothing_survives_the_host)
{
    int ready[2];
    cr_assert_eq(pipe(ready), 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    const pid_t host = fork();
    if (host == 0) {
        struct work work;
        start(&work, "disqualify", "spin", 50, 100, true);
        judge(&work, 20);
        fill(asy_bound_stage(work.bound, 0), 100);
        if (write(ready[1], "", 1) == 1) asy_bound_judge(work.bound, 0, 100, &(struct asy_judgement){0});
        for (;;) pause();
    }
    close(ready[1]);
    cr_assert_eq(read(ready[0], &(char){0}, 1), 1);
    kill(host, SIGKILL);
    uint32_t n_ended = 0;
    while (waitpid(-1, NULL, 0) > 0) n_ended++;
    cr_expect_geq(n_ended, 2, "found %u", n_ended); /* the host and its loader; others were reaped by that one, or end here too */
}

Test(plugin_worker, a_host_that_ignores_its_children)
{
    struct work work;
    signal(SIGCHLD, SIG_IGN);
    start(&work, "disqualify", "segfault", 50, 100, true);
    const struct asy_judgement judgement = judge(&work, 100);
    cr_expect(judgement.n_bad == 1 && judgement.bad[0].fault.number == SIGSEGV);
    close_work(&work);
    const assay_status status = open_work(&work, "load_abort", true);
    check_refused(&work, status, "found one that");
}

/* -- the wire ------------------------------------------------------------------------------------------------------------------------ */

Test(plugin_worker, names_come_back_and_nonsense_is_refused)
{
    struct asy_mem mem;
    struct asy_pool pool;
    struct asy_str body;
    bool is_nomem;
    struct asy_str counters[] = {ASY_STR("a"), ASY_STR("bb")}, targets[] = {ASY_STR("Zo\xc3\xab")}, lines[] = {ASY_STR("")};
    const struct asy_plugin_names names = {2, 1, 1, counters, targets, lines};
    struct asy_plugin_names back;
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    cr_assert(asy_wire_pack_names(&names, &pool, &body));
    cr_assert(asy_wire_unpack_names(&back, &pool, body, &is_nomem));
    cr_expect(back.n_counters == 2 && back.n_targets == 1 && back.n_lines == 1);
    cr_expect(asy_str_eq(back.counters[1], counters[1]) && asy_str_eq(back.targets[0], targets[0]) && asy_str_eq(back.lines[0], lines[0]));
    for (uint32_t len = 0; len < body.len; len++)
        cr_expect(!asy_wire_unpack_names(&back, &pool, (struct asy_str){body.p, len}, &is_nomem) && !is_nomem, "cut at %u", len);
    for (uint32_t at = 0; at < body.len; at++)
        for (uint32_t bit = 0; bit < 8; bit++) {
            struct asy_str flipped = asy_pool_copy(&pool, body);
            ((char *)(uintptr_t)flipped.p)[at] ^= (char)(1u << bit);
            if (!asy_wire_unpack_names(&back, &pool, flipped, &is_nomem)) continue;
            for (uint32_t i = 0; i < back.n_counters; i++) cr_expect(asy_utf8_valid(back.counters[i]) && back.counters[i].len <= ASY_NAME_BYTES_MAX);
        }
    asy_pool_fini(&pool);
}
