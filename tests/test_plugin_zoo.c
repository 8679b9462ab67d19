/* Hostile plugins (tests/plugin/zoo), isolated, through the public interface: this process lives on, the guilty lead is named where one
 * is guilty, and every other lead has the result that it has without the misbehaviour. Each behaviour at the first, a middle and the
 * last lead. */
#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "assay/assay.h"

enum { N_LEADS = 3004, MIDDLE = 1505, LAST = N_LEADS - 1, LINE_BYTES = 160 };
#define TOUCHED "/tmp/assay-zoo-touched"

static char folder[64];

static void put(const char *name, const char *text)
{
    FILE *file = fopen(name, "wb");
    cr_assert_not_null(file, "%s", name);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

static void setup(void)
{
    snprintf(folder, sizeof(folder), "/tmp/assay-zoo-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    FILE *file = fopen("leads.csv", "wb");
    cr_assert_not_null(file);
    fputs("id,number\n", file);
    for (unsigned i = 0; i < N_LEADS; i++) fprintf(file, "L-%u,%u\n", i, i);
    cr_assert_eq(fclose(file), 0);
}

static void teardown(void)
{
    char command[96];
    cr_expect_neq(access(TOUCHED, F_OK), 0, "expected that no plugin can make a file");
    /* Processes that a run left behind would be this one's, or orphans; the former can be seen. */
    cr_expect(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "expected no process to be left");
    cr_assert_eq(chdir("/"), 0);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(plugin_zoo, .init = setup, .fini = teardown, .timeout = 250);

/* -- one run ---------------------------------------------------------------------------------------------------------------- */

static const struct kind {
    const char *name, *library, *uses; /* the rules that use it; %s is its settings */
} kinds[] = {
    {"disqualifier", "libzoo_disqualify.so", "  fit: {rules: [{name: Odd, when: lead.number %% 2 == 1, points: 3}]}\n"
                                             "disqualify: [{name: Zoo, plugin: zoo, with: {%s}}]\n"},
    {"router", "libzoo_route.so", "  fit: {rules: [{name: Odd, when: lead.number %% 2 == 1, points: 3}]}\n"
                                  "routes:\n  - {name: Zoo, plugin: zoo, with: {%s}, assign: plugin}\n  - {name: Rest, otherwise: true, assign: nobody}\n"},
    {"recycler", "libzoo_recycle.so", "  fit: {rules: [{name: Odd, when: lead.number %% 2 == 1, points: 3}]}\n"
                                      "recycle: [{name: Zoo, plugin: zoo, with: {%s}, to: sales}]\n"},
    {"scorer", "libzoo_score.so", "  fit: {rules: [{name: Odd, when: lead.number %% 2 == 1, points: 3}, {name: Zoo, plugin: zoo, with: {%s}}]}\n"},
};
enum { DISQUALIFY, ROUTE, RECYCLE, SCORE };

struct outcome {
    assay_status status;
    struct assay_error error;
    char *findings, *notes;
    char (*lines)[LINE_BYTES]; /* by lead: all that the interface tells */
};

static void forget(struct outcome *outcome)
{
    free(outcome->findings);
    free(outcome->notes);
    free(outcome->lines);
    *outcome = (struct outcome){0};
}

static void tell_leads(struct assay *assay, struct outcome *outcome)
{
    outcome->lines = calloc(N_LEADS, LINE_BYTES);
    cr_assert_not_null(outcome->lines);
    cr_assert_eq(assay_n_leads(assay), N_LEADS);
    for (uint32_t row = 0; row < N_LEADS; row++) {
        uint32_t n;
        const char *owner = assay_owner(assay, row, &n);
        snprintf(outcome->lines[row], LINE_BYTES, "%u disqualified by `%s` fit %lld route `%s` owner `%.*s` recycle `%s`", row,
                 assay_disqualified_by(assay, row), (long long)assay_score_milli(assay, 0, row), assay_route(assay, row), (int)n, owner,
                 assay_recycle(assay, row));
    }
}

struct how {
    const struct kind *kind;
    const char *library, *isolation, *settings; /* library NULL: the kind's */
    uint32_t n_threads, batch_rows, flags;
};

static struct outcome score_with(const struct how *how)
{
    static const char *const dirs[] = {ASSAY_TEST_PLUGINS "/zoo"};
    struct outcome outcome = {0};
    struct assay *assay = NULL;
    char rules[2048], uses[1024];
    snprintf(uses, sizeof(uses), how->kind->uses, how->settings);
    snprintf(rules, sizeof(rules), "assay: 1\nruleset: zoo\nfields: {lead.number: int}\n"
             "plugins: {zoo: {library: %s, kind: %s, reads: [lead.number], isolation: %s, budget: {per_lead: 1us, memory: 64MB}}}\nscores:\n%s",
             how->library ? how->library : how->kind->library, how->kind->name, how->isolation, uses);
    put("rules.yaml", rules);
    const struct assay_options options = {.struct_size = sizeof(options), .n_plugin_dirs = 1, .plugin_dirs = dirs};
    const struct assay_data data = {.struct_size = sizeof(data), .leads = "leads.csv", .as_of_s = 1793491200};
    const struct assay_run_options run = {.struct_size = sizeof(run), .n_threads = how->n_threads, .batch_rows = how->batch_rows, .flags = how->flags};
    cr_assert_eq(assay_open(&assay, &options, &outcome.error), ASSAY_OK, "%s", outcome.error.text);
    outcome.status = assay_load_rules(assay, "rules.yaml", &outcome.error);
    outcome.findings = strdup(assay_findings(assay));
    if (outcome.status == ASSAY_OK) outcome.status = assay_load_data(assay, &data, &outcome.error);
    if (outcome.status == ASSAY_OK) outcome.status = assay_run(assay, &run, &outcome.error);
    outcome.notes = strdup(assay_plugin_notes(assay));
    if (outcome.status == ASSAY_OK) tell_leads(assay, &outcome);
    assay_close(assay);
    return outcome;
}

static struct outcome score_good(unsigned kind)
{
    struct outcome good = score_with(&(struct how){.kind = &kinds[kind], .isolation = "worker", .settings = "behaviour: good"});
    cr_assert_eq(good.status, ASSAY_OK, "%s\n%s", good.error.text, good.findings);
    cr_assert_str_eq(good.notes, "");
    return good;
}

/* -- a behaviour at the first, a middle and the last lead --------------------------------------------------------------------- */

enum wanted {
    NAMED,  /* the lead is quarantined and named, with this said about it */
    QUIET,  /* nothing comes of it */
    EITHER, /* depends on the machine: named, or nothing comes of it */
};
struct act {
    const char *name;
    enum wanted wanted;
    const char *said; /* sanitizers catch some things first and say them in their way: not compared there */
};

/* What is left of the lead's line with an empty verdict. */
static const char *empty_line(unsigned kind, uint32_t row, char out[LINE_BYTES])
{
    const long long fit = kind == SCORE ? 0 : row % 2 * 3000;
    snprintf(out, LINE_BYTES, "%u disqualified by `` fit %lld route `%s` owner `` recycle ``", row, fit, kind == ROUTE ? "Rest" : "");
    return out;
}

static void expect_others_unchanged(const struct outcome *good, const struct outcome *found, uint32_t guilty, const char *when)
{
    for (uint32_t row = 0; row < N_LEADS; row++) {
        if (row == guilty || strcmp(found->lines[row], good->lines[row]) == 0) continue;
        cr_expect_fail("%s: an innocent lead has changed:\n expected: %s\n found:    %s", when, good->lines[row], found->lines[row]);
        return;
    }
}

static void expect_act(unsigned kind, const struct outcome *good, const struct act *act, uint32_t at)
{
    char when[96], settings[96], empty[LINE_BYTES], named[64];
    snprintf(when, sizeof(when), "%s at %u", act->name, at);
    snprintf(settings, sizeof(settings), "behaviour: %s, at: %u", act->name, at);
    struct outcome found = score_with(&(struct how){.kind = &kinds[kind], .isolation = "worker", .settings = settings});
    cr_expect_eq(found.status, ASSAY_OK, "%s: expected the run to go on, found %d: %s\n%s", when, found.status, found.error.text, found.findings);
    if (found.status == ASSAY_OK) {
        snprintf(named, sizeof(named), "lead L-%u: ", at);
        const bool is_named = strstr(found.notes, named) != NULL;
        cr_expect(act->wanted != NAMED || is_named, "%s: expected a note `%s...`, found: %s", when, named, found.notes);
        cr_expect(act->wanted != QUIET || !*found.notes, "%s: expected no notes, found: %s", when, found.notes);
        if (is_named && act->said && !ASSAY_IS_SANITIZED)
            cr_expect(strstr(found.notes, act->said), "%s: expected `%s` in the note, found: %s", when, act->said, found.notes);
        cr_expect_str_eq(found.lines[at], is_named ? empty_line(kind, at, empty) : good->lines[at], "%s: expected %s\n found: %s", when,
                         is_named ? empty : good->lines[at], found.lines[at]);
        expect_others_unchanged(good, &found, at, when);
    }
    forget(&found);
}

static void expect_acts(unsigned kind, const struct act *acts, size_t n)
{
    static const uint32_t places[] = {0, MIDDLE, LAST};
    struct outcome good = score_good(kind);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 3; k++) expect_act(kind, &good, &acts[i], places[k]);
    forget(&good);
}
#define EXPECT_ACTS(kind, ...)                                          \
    do {                                                                \
        static const struct act acts[] = {__VA_ARGS__};                 \
        expect_acts(kind, acts, sizeof(acts) / sizeof(acts[0]));        \
    } while (0)

#define SEGV "was ended by SIGSEGV (bad memory access)"
#define SYS "was ended by SIGSYS (a system call that plugins may not make)"
#define ABRT "was ended by SIGABRT"
#define LATE "took longer than its budget"

Test(plugin_zoo, reads_and_writes_where_it_may_not)
{
    EXPECT_ACTS(DISQUALIFY, {"read_null", NAMED, SEGV}, {"write_null", NAMED, SEGV}, {"write_wild", NAMED, SEGV}, {"write_code", NAMED, SEGV},
                {"write_before", NAMED, NULL}, {"write_behind", NAMED, NULL}, {"write_many_behind", NAMED, SEGV}, {"write_far", NAMED, SEGV},
                {"write_input", EITHER, SEGV}, {"write_null_input", EITHER, SEGV}, {"write_input_opened", EITHER, SEGV},
                {"unmap_input", NAMED, SEGV}, {"free_input", NAMED, NULL}, {"write_batch", EITHER, NULL}, {"write_columns", EITHER, NULL},
                {"write_no_points", NAMED, SEGV}, {"write_no_counter", NAMED, SEGV});
}

Test(plugin_zoo, damages_its_memory)
{
    EXPECT_ACTS(DISQUALIFY, {"double_free", NAMED, ABRT}, {"heap_overflow", NAMED, NULL}, {"stack_overflow", NAMED, SEGV},
                {"alloca_bomb", NAMED, SEGV}, {"destroy_twice", NAMED, ABRT});
}

/* Under a sanitizer memory is not limited. */
Test(plugin_zoo, takes_memory)
{
    if (ASSAY_IS_SANITIZED) cr_skip_test("memory is not limited under a sanitizer");
    EXPECT_ACTS(DISQUALIFY, {"gigabyte", NAMED, SEGV}, {"leak", NAMED, SEGV}, {"map_bomb", NAMED, ABRT});
}

Test(plugin_zoo, ends)
{
    EXPECT_ACTS(DISQUALIFY, {"exit_0", NAMED, "ended its process with exit code 0"}, {"_exit_0", NAMED, "ended its process with exit code 0"},
                {"exit_3", NAMED, "ended its process with exit code 3"}, {"abort", NAMED, ABRT}, {"raise_term", NAMED, "was ended by SIGTERM"},
                {"raise_kill", NAMED, "was ended by SIGKILL"}, {"raise_pipe", NAMED, "was ended by SIGPIPE"},
                {"raise_user", NAMED, "was ended by SIGUSR1"}, {"crash_and_exit", NAMED, "ended its process with exit code 0"},
                {"divide", NAMED, "was ended by SIGFPE"}, {"illegal", NAMED, "was ended by SIG"}, {"longjmp_nowhere", NAMED, NULL});
}

Test(plugin_zoo, never_ends) { EXPECT_ACTS(DISQUALIFY, {"loop", NAMED, LATE}); }
Test(plugin_zoo, never_ends_with_signals_blocked) { EXPECT_ACTS(DISQUALIFY, {"block_and_loop", NAMED, LATE}); }
Test(plugin_zoo, never_ends_since_it_crashes_for_ever) { EXPECT_ACTS(DISQUALIFY, {"ignore_and_crash", NAMED, LATE}); }
Test(plugin_zoo, never_ends_and_has_changed_its_statics) { EXPECT_ACTS(DISQUALIFY, {"change_static_and_loop", NAMED, LATE}); }
Test(plugin_zoo, sleeps) { EXPECT_ACTS(DISQUALIFY, {"sleep", NAMED, LATE}); }
Test(plugin_zoo, waits_for_itself) { EXPECT_ACTS(DISQUALIFY, {"lock_twice", NAMED, LATE}); }
Test(plugin_zoo, stops_itself) { EXPECT_ACTS(DISQUALIFY, {"raise_stop", NAMED, NULL}); }

Test(plugin_zoo, starts_processes)
{
    EXPECT_ACTS(DISQUALIFY, {"fork", NAMED, SYS}, {"fork_bomb", NAMED, SYS}, {"vfork", NAMED, SYS}, {"thread", NAMED, SYS}, {"exec", NAMED, SYS});
}

Test(plugin_zoo, reaches_for_its_parents)
{
    EXPECT_ACTS(DISQUALIFY, {"kill_parent", NAMED, SYS}, {"stop_parent", NAMED, SYS}, {"trace_parent", NAMED, SYS}, {"read_parent", NAMED, SYS},
                {"be_dumpable", NAMED, SYS}, {"raise_limits", NAMED, SYS}, {"set_user", NAMED, SYS}, {"change_root", NAMED, SYS},
                {"new_names", NAMED, SYS}, {"be_realtime", NAMED, SYS}, {"alarm", NAMED, SYS}, {"pause", NAMED, SYS});
}

Test(plugin_zoo, reaches_for_files)
{
    if (ASSAY_IS_SANITIZED) cr_skip_test("a sanitizer's runtime may open files, and so may the plugin then");
    EXPECT_ACTS(DISQUALIFY, {"open_to_write", NAMED, SYS}, {"open_to_read", NAMED, SYS}, {"unlink", NAMED, SYS}, {"mkdir", NAMED, SYS},
                {"memory_file", NAMED, SYS}, {"socket", NAMED, SYS}, {"connect", NAMED, SYS}, {"close_all", NAMED, SYS},
                {"write_all", NAMED, SYS}, {"set_locale", NAMED, SYS});
}

/* It may speak over the wire on which its worker answers: that is no answer. */
Test(plugin_zoo, speaks_and_listens_on_every_wire) { EXPECT_ACTS(DISQUALIFY, {"send_all", NAMED, NULL}, {"receive_all", QUIET, NULL}); }

Test(plugin_zoo, does_what_is_allowed)
{
    EXPECT_ACTS(DISQUALIFY, {"longjmp_within", QUIET, NULL}, {"ignore_signals", QUIET, NULL}, {"set_rounding", QUIET, NULL},
                {"print", EITHER, NULL}, {"read_clock", QUIET, NULL}, {"run_within_run", QUIET, NULL});
}

#define IMPOSSIBLE "gave an impossible verdict"
#define NONE "left a lead without a verdict"

Test(plugin_zoo, judges_wrongly)
{
    EXPECT_ACTS(DISQUALIFY, {"leave_unwritten", NAMED, NONE}, {"unknown_reason", NAMED, IMPOSSIBLE " (expected a reason of its table, found code 999)"},
                {"reason_65534", NAMED, IMPOSSIBLE}, {"reason_65535", NAMED, NONE}, {"fail", NAMED, "failed: expected a better day, found this one"},
                {"fail_silently", NAMED, "returned 77"}, {"fail_rudely", NAMED, "failed: "}, {"fail_in_colour", NAMED, "failed: "},
                {"change_static", NAMED, ABRT}, {"flip_all_then_crash", NAMED, ABRT});
}

Test(plugin_zoo, scores_wrongly)
{
    EXPECT_ACTS(SCORE, {"points_above", NAMED, IMPOSSIBLE " (expected -10 to 10 points, found 10.001)"}, {"points_below", NAMED, IMPOSSIBLE},
                {"points_largest", NAMED, IMPOSSIBLE}, {"points_smallest", NAMED, NONE}, {"points_behind", NAMED, NULL}, {"read_null", NAMED, SEGV},
                {"leave_unwritten", NAMED, NONE});
}

Test(plugin_zoo, routes_wrongly)
{
    EXPECT_ACTS(ROUTE, {"target_unknown", NAMED, IMPOSSIBLE}, {"target_below", NAMED, IMPOSSIBLE}, {"target_unwritten", NAMED, NONE},
                {"target_before", NAMED, NULL}, {"read_null", NAMED, SEGV}, {"leave_unwritten", NAMED, NONE});
}

Test(plugin_zoo, recycles_wrongly)
{
    EXPECT_ACTS(RECYCLE, {"due_negative", NAMED, IMPOSSIBLE}, {"due_late", NAMED, IMPOSSIBLE}, {"due_unwritten", NAMED, NONE},
                {"due_behind", NAMED, NULL}, {"read_null", NAMED, SEGV}, {"leave_unwritten", NAMED, NONE});
}

/* -- several leads, threads, ways ---------------------------------------------------------------------------------------------- */

static void expect_same_lines(const struct outcome *a, const struct outcome *b, const char *when)
{
    for (uint32_t row = 0; row < N_LEADS; row++) cr_assert_str_eq(a->lines[row], b->lines[row], "%s", when);
}

Test(plugin_zoo, isolated_or_not_is_the_same)
{
    for (unsigned kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        struct outcome good = score_good(kind);
        struct outcome other = score_with(&(struct how){.kind = &kinds[kind], .isolation = "none", .settings = "behaviour: good"});
        cr_assert_eq(other.status, ASSAY_OK, "%s", other.error.text);
        expect_same_lines(&good, &other, kinds[kind].name);
        forget(&good);
        forget(&other);
    }
}

/* What this process survives is told in the same words. */
Test(plugin_zoo, isolated_or_not_is_the_same_when_it_goes_wrong)
{
    static const struct {
        unsigned kind;
        const char *name;
    } cases[] = {{DISQUALIFY, "leave_unwritten"}, {DISQUALIFY, "unknown_reason"}, {DISQUALIFY, "reason_65534"}, {DISQUALIFY, "fail"},
                 {DISQUALIFY, "fail_silently"}, {DISQUALIFY, "fail_rudely"}, {DISQUALIFY, "fail_in_colour"}, {DISQUALIFY, "longjmp_within"},
                 {DISQUALIFY, "set_rounding"}, {DISQUALIFY, "run_within_run"}, {DISQUALIFY, "write_columns"}, {SCORE, "points_above"}, {SCORE, "points_below"},
                 {SCORE, "points_largest"}, {SCORE, "points_smallest"}, {ROUTE, "target_unknown"}, {ROUTE, "target_below"},
                 {ROUTE, "target_unwritten"}, {RECYCLE, "due_negative"}, {RECYCLE, "due_late"}, {RECYCLE, "due_unwritten"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char settings[96];
        snprintf(settings, sizeof(settings), "behaviour: %s, at: 100, every: 2500", cases[i].name);
        struct how how = {.kind = &kinds[cases[i].kind], .isolation = "worker", .settings = settings, .n_threads = 1};
        struct outcome apart = score_with(&how);
        how.isolation = "none";
        struct outcome within = score_with(&how);
        cr_assert_eq(apart.status, ASSAY_OK, "%s: %s", cases[i].name, apart.error.text);
        cr_assert_eq(within.status, ASSAY_OK, "%s: %s", cases[i].name, within.error.text);
        expect_same_lines(&apart, &within, cases[i].name);
        cr_expect_str_eq(within.notes, apart.notes, "%s: expected %s found %s", cases[i].name, apart.notes, within.notes);
        forget(&apart);
        forget(&within);
    }
}

/* Two bad leads, whoever judges them in whatever batches: the same notes and results. */
Test(plugin_zoo, threads_and_batches_change_nothing)
{
    static const struct {
        uint32_t n_threads, batch_rows;
    } ways[] = {{1, 0}, {2, 64}, {4, 200}, {1, 1000}, {2, 65536}};
    struct outcome first = {0};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct outcome found = score_with(&(struct how){.kind = &kinds[SCORE], .isolation = "worker", .settings = "behaviour: read_null, at: 100, every: 2000",
                                                        .n_threads = ways[i].n_threads, .batch_rows = ways[i].batch_rows});
        cr_assert_eq(found.status, ASSAY_OK, "%s", found.error.text);
        cr_expect(strstr(found.notes, "lead L-100: ") && strstr(found.notes, "lead L-2100: "), "%s", found.notes);
        if (i == 0) {
            first = found;
            continue;
        }
        expect_same_lines(&first, &found, "batches");
        cr_expect_str_eq(found.notes, first.notes);
        forget(&found);
    }
    forget(&first);
}

Test(plugin_zoo, stopped_after_the_third_bad_lead)
{
    const struct how how = {.kind = &kinds[DISQUALIFY], .isolation = "worker", .settings = "behaviour: abort, at: 100, every: 900"};
    struct how allowed = how;
    struct outcome found = score_with(&how);
    cr_expect_eq(found.status, ASSAY_E_PLUGIN, "found %d", found.status);
    cr_expect(strstr(found.error.text, "plugin zoo") && strstr(found.error.text, "stopped"), "%s", found.error.text);
    forget(&found);
    allowed.flags = ASSAY_RUN_ALLOW_PLUGIN_FAILURES;
    found = score_with(&allowed);
    cr_assert_eq(found.status, ASSAY_OK, "%s", found.error.text);
    cr_expect(strstr(found.notes, "stopped"), "%s", found.notes);
    for (uint32_t row = 0; row < N_LEADS; row++) {
        char empty[LINE_BYTES];
        cr_assert_str_eq(found.lines[row], empty_line(DISQUALIFY, row, empty));
    }
    forget(&found);
}

/* -- before run() -------------------------------------------------------------------------------------------------------------- */

static void expect_create_fails(const char *name, const char *said)
{
    char settings[64];
    snprintf(settings, sizeof(settings), "behaviour: %s", name);
    struct outcome found = score_with(&(struct how){.kind = &kinds[DISQUALIFY], .isolation = "worker", .settings = settings});
    cr_expect_eq(found.status, ASSAY_E_PLUGIN, "%s: expected it to be refused, found %d (%s)", name, found.status, found.error.text);
    cr_expect(ASSAY_IS_SANITIZED || strstr(found.error.text, said), "%s: expected `%s`, found %s", name, said, found.error.text);
    forget(&found);
}

Test(plugin_zoo, create_goes_wrong)
{
    expect_create_fails("create_crashes", "SIGSEGV");
    expect_create_fails("create_exits", "exit code 0");
    expect_create_fails("create_aborts", "SIGABRT");
    expect_create_fails("create_writes", "SIGSYS");
    expect_create_fails("create_forks", "SIGSYS");
    expect_create_fails("create_fails", "expected a list of domains, found an empty file");
    expect_create_fails("create_unheard_of", "no such behaviour: create_unheard_of");
    if (!ASSAY_IS_SANITIZED) expect_create_fails("create_takes_memory", "SIGSEGV");
}

/* create() may take its time; at last it is ended. */
Test(plugin_zoo, create_loops) { expect_create_fails("create_loops", "create(): expected an end within a minute"); }
Test(plugin_zoo, create_sleeps) { expect_create_fails("create_sleeps", "create(): expected an end within a minute"); }

Test(plugin_zoo, cannot_be_loaded)
{
    static const struct {
        const char *library, *said;
    } cases[] = {
        {"libzoo_begins_by_abort.so", "SIGABRT"},
        {"libzoo_begins_by_crash.so", "SIGSEGV"},
        {"libzoo_begins_by_loop.so", "still at it and was ended"},
        {"libzoo_begins_by_sleep.so", "still at it and was ended"},
        {"libzoo_begins_by_exit.so", "exit code 0"},
        {"libzoo_begins_by_write.so", "SIGSYS"},
        {"libzoo_begins_by_fork.so", "SIGSYS"},
        {"libzoo_begins_by_close.so", ""},
        {"libzoo_no_entry.so", "expected the symbol assay_entry_v1, found none"},
        {"libzoo_no_note.so", "expected the ELF note .note.assay, found none"},
        {"libzoo_reordered.so", "it was compiled with an assay/plugin.h that was changed"},
        {"libzoo_abi_2.so", "expected assay_entry_v1 to begin with ABI 1, found ABI 2"},
        {"libzoo_larger_than_it_is.so", "expected assay_entry_v1 to say how large it is, "},
        {"libzoo_smaller_than_it_is.so", "expected assay_entry_v1 to say how large it is, "},
        {"libzoo_no_create.so", "create"},
        {"libzoo_no_run.so", "run"},
        {"libzoo_kind_9.so", "kind"},
        {"libzoo_nowhere.so", "found no file of that name"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome found =
            score_with(&(struct how){.kind = &kinds[DISQUALIFY], .library = cases[i].library, .isolation = "worker", .settings = "behaviour: good"});
        cr_expect_eq(found.status, ASSAY_E_RULES, "%s: expected it to be refused, found %d (%s)", cases[i].library, found.status, found.error.text);
        cr_expect(ASSAY_IS_SANITIZED || strstr(found.findings, cases[i].said), "%s: expected `%s`, found\n%s", cases[i].library, cases[i].said, found.findings);
        forget(&found);
    }
}
