/* What happens when something fails: every allocation in turn, and files that cannot be read or written. A call that fails
 * says so with a status and a sentence, leaves nothing behind and a handle that works; a call that succeeds all the same has
 * the results that it always has. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/check.h"
#include "cli/output.h"
#include "cli/state_file.h"
#include "io/write.h"
#include "rule/lint.h"
#include "session.h"
#include "tiny_db.h"

/* -- an allocator that fails ---------------------------------------------------------------------------------------- */

enum { GUARD_BYTES = 16, GUARD = 0x5A };

/* Before every block its size, behind it a guard: release and resize must name the size that was asked for. */
struct faulty {
    int64_t n_calls; /* atomic, as the counts below */
    int64_t fail_at; /* the first call that fails, from 1 on; 0: none does */
    bool is_blocks_only; /* count only what may be a block of a pool */
    bool is_sticky;  /* and all after it */
    int64_t n_failed;
    int64_t live_bytes, live_blocks;
};

static bool fails_now(struct faulty *faulty, size_t size_bytes)
{
    if (faulty->is_blocks_only && (size_bytes < 4096 || (size_bytes & (size_bytes - 1)) != 0)) return false;
    const int64_t call = __atomic_add_fetch(&faulty->n_calls, 1, __ATOMIC_RELAXED);
    const bool is_failing = faulty->fail_at != 0 && (call == faulty->fail_at || (faulty->is_sticky && call > faulty->fail_at));
    if (is_failing) __atomic_add_fetch(&faulty->n_failed, 1, __ATOMIC_RELAXED);
    return is_failing;
}

static void *take_block(struct faulty *faulty, size_t size_bytes)
{
    uint8_t *base = malloc(16 + size_bytes + GUARD_BYTES);
    ASY_CHECK(size_bytes > 0, size_bytes, 0);
    if (base == NULL) return NULL; /* a limit that the test has set */
    memcpy(base, &size_bytes, sizeof(size_bytes));
    memset(base + 16, 0xA5, size_bytes);
    memset(base + 16 + size_bytes, GUARD, GUARD_BYTES);
    __atomic_add_fetch(&faulty->live_bytes, (int64_t)size_bytes, __ATOMIC_RELAXED);
    __atomic_add_fetch(&faulty->live_blocks, 1, __ATOMIC_RELAXED);
    return base + 16;
}

static void faulty_release(void *ctx, void *p, size_t size_bytes)
{
    struct faulty *faulty = ctx;
    uint8_t *block = p;
    size_t asked_bytes;
    memcpy(&asked_bytes, block - 16, sizeof(asked_bytes));
    ASY_CHECK(asked_bytes == size_bytes, asked_bytes, size_bytes);
    for (size_t i = 0; i < GUARD_BYTES; i++) ASY_CHECK(block[size_bytes + i] == GUARD, i, size_bytes);
    __atomic_sub_fetch(&faulty->live_bytes, (int64_t)size_bytes, __ATOMIC_RELAXED);
    __atomic_sub_fetch(&faulty->live_blocks, 1, __ATOMIC_RELAXED);
    free(block - 16);
}

static void *faulty_alloc(void *ctx, size_t size_bytes)
{
    return fails_now(ctx, size_bytes) ? NULL : take_block(ctx, size_bytes);
}

static void *faulty_resize(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    if (fails_now(ctx, new_bytes)) return NULL;
    void *moved = take_block(ctx, new_bytes);
    memcpy(moved, p, old_bytes < new_bytes ? old_bytes : new_bytes);
    faulty_release(ctx, p, old_bytes);
    return moved;
}

/* -- one run from open to close --------------------------------------------------------------------------------------- */

struct scenario {
    const char *rules;
    struct assay_data data;
    uint32_t n_threads;
    bool keeps_state; /* as `score --state` does */
    bool keeps_summaries; /* and runs a second time, with them */
    bool is_blocks_only;
};

enum step { OPEN, RULES, DATA, RUN, DONE };
static const char *const plugin_dirs[] = {ASSAY_PLUGINS}; /* the shipped rules use two of the shipped plugins */
static const char *const step_names[] = {"open", "load_rules", "load_data", "run", "done"};

static assay_status take_step(struct assay **assay, enum step step, const struct scenario *scenario,
                              const struct assay_options *options, struct assay_error *error)
{
    const struct assay_run_options run = {.struct_size = sizeof(run), .n_threads = scenario->n_threads, .batch_rows = 16,
                                          .flags = scenario->keeps_summaries ? ASSAY_RUN_KEEP_SUMMARIES : 0};
    switch (step) {
    case OPEN: return assay_open(assay, options, error);
    case RULES: return assay_load_rules(*assay, scenario->rules, error);
    case DATA: return assay_load_data(*assay, &scenario->data, error);
    default: break;
    }
    (*assay)->state.is_kept = scenario->keeps_state;
    const assay_status status = assay_run(*assay, &run, error);
    return status == ASSAY_OK && scenario->keeps_summaries ? assay_run(*assay, &run, error) : status;
}

/* Steps from `step` on; the one that failed, or DONE. */
static enum step take_steps(struct assay **assay, enum step step, const struct scenario *scenario,
                            const struct assay_options *options, struct assay_error *error)
{
    for (; step < DONE; step++) {
        error->code = INT32_MAX;
        error->text[0] = '\0';
        const assay_status status = take_step(assay, step, scenario, options, error);
        if (status != ASSAY_OK) {
            /* The sentence is there, and says the same as the status. Findings speak for a rule file. */
            cr_assert(status < 0 && (status == ASSAY_E_NOMEM || status == error->code), "%s: status %d, error %d %s",
                      step_names[step], status, error->code, error->text);
            cr_assert_eq(error->code, status, "%s: status %d, error %d `%s`", step_names[step], status, error->code, error->text);
            cr_assert_neq(error->text[0], '\0', "%s: status %d without a sentence", step_names[step], status);
            return step;
        }
        cr_assert(error->code == INT32_MAX && error->text[0] == '\0', "%s: `error` touched on success: %s", step_names[step],
                  error->text);
    }
    return DONE;
}

static void tell_report(const struct assay *assay, struct tiny_text *text)
{
    const struct asy_ingest_report *report = asy_ingest_report(assay->ingest);
    for (uint32_t i = 0; i < report->n_files; i++)
        tiny_say(text, "%.*s %llu %llu %llu\n", ASY_ARG(report->files[i].path), (unsigned long long)report->files[i].n_rows,
                 (unsigned long long)report->files[i].n_kept, (unsigned long long)report->files[i].n_rejected);
    for (uint32_t f = 0; f < assay->rules.schema.n_fields; f++) {
        const struct asy_bad_values *bad = &report->bad_values[f];
        tiny_say(text, "%llu %llu", (unsigned long long)bad->n, (unsigned long long)report->n_required_empty[f]);
        for (int e = 0; e < 3; e++) tiny_say(text, " %.*s", ASY_ARG(bad->examples[e].text));
        tiny_say(text, "\n");
    }
    for (uint32_t i = 0; i < report->n_unknown_names; i++) tiny_say(text, "%.*s ", ASY_ARG(report->unknown_names[i].name));
    for (uint32_t i = 0; i < report->n_unused_columns; i++) tiny_say(text, "%.*s ", ASY_ARG(report->unused_columns[i]));
    tiny_say(text, "%llu %llu %llu %llu %llu\n", (unsigned long long)report->n_events_kept,
             (unsigned long long)report->n_unknown_lead, (unsigned long long)report->n_future,
             (unsigned long long)report->n_key_empty, (unsigned long long)report->n_not_distinct);
}

/* What came of it, in every detail. */
static void tell(struct assay *assay, struct tiny_text *text)
{
    text->n = 0;
    tell_report(assay, text);
    tiny_tell(assay, text);
    const struct asy_results *results = &assay->results;
    for (uint32_t row = 0; row < results->n_leads; row++)
        for (int j = 0; j < ASY_TOP_TERMS; j++) tiny_say(text, "%u %d ", results->top_term[j][row], results->top_milli[j][row]);
    for (uint32_t t = 0; t < assay->program.n_terms; t++)
        tiny_say(text, "%llu ", (unsigned long long)results->unknown_terms[t]);
    for (uint32_t c = 0; c < assay->state.n_cursors; c++)
        tiny_say(text, "%.*s>%.*s ", ASY_ARG(assay->state.cursors[c].team), ASY_ARG(assay->state.cursors[c].last));
    tiny_say(text, "%u leads in the state\n", assay->state.ids.n);
    /* Told even while memory lasts no longer, and then perhaps only that. */
    const char *findings = assay_findings(assay);
    if (strstr(findings, "out of memory") == NULL || strchr(findings, '\n') != NULL) tiny_say(text, "%s", findings);
}

struct sweep {
    struct scenario scenario;
    struct tiny_text wanted, wanted_findings, found;
    int64_t n_points, n_failed, n_survived, n_calls;
};

static void check_same(const struct sweep *sweep, int64_t k, const char *when)
{
    if (sweep->found.n == sweep->wanted.n && memcmp(sweep->found.p, sweep->wanted.p, sweep->wanted.n) == 0) return;
    size_t at = 0;
    while (at < sweep->found.n && at < sweep->wanted.n && sweep->found.p[at] == sweep->wanted.p[at]) at++;
    const size_t from = at < 60 ? 0 : at - 60;
    cr_assert_fail("allocation %lld, %s: expected `%.120s`, found `%.120s`", (long long)k, when, sweep->wanted.p + from,
                   sweep->found.p + from);
}

/* Fail allocation `k`; then, on the same handle and with memory, the steps from the failed one on must work. */
static void run_point(struct sweep *sweep, int64_t k, bool is_sticky)
{
    struct faulty faulty = {.fail_at = k, .is_sticky = is_sticky, .is_blocks_only = sweep->scenario.is_blocks_only};
    const struct assay_allocator table = {.struct_size = sizeof(table), .ctx = &faulty, .alloc = faulty_alloc,
                                          .resize = faulty_resize, .release = faulty_release};
    const struct assay_options options = {.struct_size = sizeof(options), .allocator = &table, .isa = "ref",
                                          .n_plugin_dirs = 1, .plugin_dirs = plugin_dirs};
    struct assay_error error;
    struct assay *assay = NULL;
    const enum step failed = take_steps(&assay, OPEN, &sweep->scenario, &options, &error);
    sweep->n_points++;
    if (failed == DONE) {
        sweep->n_survived += k != 0;
        tell(assay, &sweep->found);
        if (k == 0) sweep->n_calls = faulty.n_calls;
        else check_same(sweep, k, "which the run survived");
    } else {
        sweep->n_failed++;
        cr_assert_eq(error.code, ASSAY_E_NOMEM, "allocation %lld, %s: expected out of memory, found %s", (long long)k,
                     step_names[failed], error.text);
        if (failed == OPEN) cr_assert_null(assay);
        if (failed >= RULES) (void)assay_findings(assay);
        faulty.fail_at = 0;
        if (failed > OPEN && (k % 4 == 0 || failed == RUN)) {
            const enum step again = take_steps(&assay, failed, &sweep->scenario, &options, &error);
            cr_assert_eq(again, DONE, "allocation %lld: tried again: %s: %s", (long long)k, step_names[again], error.text);
            if (!sweep->scenario.keeps_state) {
                tell(assay, &sweep->found);
                check_same(sweep, k, "tried again");
            }
        }
    }
    assay_close(assay);
    cr_assert(faulty.live_bytes == 0 && faulty.live_blocks == 0, "allocation %lld: %lld bytes in %lld blocks are left",
              (long long)k, (long long)faulty.live_bytes, (long long)faulty.live_blocks);
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Every `stride`-th allocation of the scenario, then some beyond its end. How many there were. */
static int64_t run_points(const struct scenario *scenario, bool is_sticky, int64_t stride, bool is_quiet)
{
    struct sweep sweep = {.scenario = *scenario};
    const int64_t start_ms = monotonic_ms();
    run_point(&sweep, 0, false);
    sweep.wanted = sweep.found;
    sweep.found = (struct tiny_text){0};
    cr_assert(sweep.wanted.n > 0 && sweep.n_failed == 0);
    for (int64_t k = 1; k <= sweep.n_calls + stride; k += stride) run_point(&sweep, k, is_sticky);
    cr_assert_gt(sweep.n_failed, 0);
    if (!is_quiet) printf("%s%s: %lld points of %lld allocations, %lld failed, %lld survived, %lld ms\n", scenario->rules,
           is_sticky ? ", sticky" : "", (long long)sweep.n_points, (long long)sweep.n_calls, (long long)sweep.n_failed,
           (long long)sweep.n_survived, (long long)(monotonic_ms() - start_ms));
    free(sweep.wanted.p);
    free(sweep.found.p);
    return sweep.n_points;
}

static void run_sweep(const struct scenario *scenario, bool is_sticky, int64_t stride)
{
    run_points(scenario, is_sticky, stride, false);
}

static struct scenario tiny_scenario(void)
{
    return (struct scenario){.rules = "rules.yaml", .data = tiny_data(), .n_threads = 1};
}

TestSuite(fault, .init = tiny_open_folder, .fini = tiny_close_folder, .timeout = 280);

Test(fault, one_allocation_fails)
{
    const struct scenario scenario = tiny_scenario();
    run_sweep(&scenario, false, 1);
}

Test(fault, memory_ends)
{
    const struct scenario scenario = tiny_scenario();
    run_sweep(&scenario, true, 1);
}

/* Small things share the blocks of a pool, so few of them ever are the one that finds no memory. Something that grows by
 * 16 bytes in front of them moves every other thing to the edge of a block once. */
Test(fault, every_small_thing_at_the_edge_of_a_block)
{
    struct scenario scenario = tiny_scenario();
    static char text[sizeof(tiny_rules) + 8192];
    const int64_t start_ms = monotonic_ms();
    int64_t n_points = 0;
    scenario.is_blocks_only = true;
    scenario.rules = "shifted.yaml";
    for (int shift = 16; shift <= 2800; shift += ASSAY_IS_SANITIZED ? 96 : 16) {
        snprintf(text, sizeof(text), "owners: [%0*d]\n%s", shift, 1, tiny_rules);
        tiny_file("shifted.yaml", text);
        n_points += run_points(&scenario, shift % 64 == 0, 1, true);
    }
    printf("shifted: %lld points, %lld ms\n", (long long)n_points, (long long)(monotonic_ms() - start_ms));
}

Test(fault, one_allocation_fails_while_the_state_is_kept)
{
    struct scenario scenario = tiny_scenario();
    scenario.keeps_state = true;
    run_sweep(&scenario, false, 3);
}

Test(fault, one_allocation_fails_while_summaries_are_kept)
{
    struct scenario scenario = tiny_scenario();
    scenario.keeps_summaries = true;
    run_sweep(&scenario, false, 2);
}

Test(fault, memory_ends_with_three_threads_and_rejects)
{
    struct scenario scenario = tiny_scenario();
    scenario.n_threads = scenario.data.n_threads = 3;
    scenario.data.rejects = "rejects.csv";
    run_sweep(&scenario, true, 11);
}

Test(fault, one_allocation_fails_under_the_shipped_rules)
{
    struct scenario scenario = tiny_scenario();
    scenario.rules = ASSAY_SOURCE_DIR "/rules/b2b-saas.yaml";
    scenario.data.map = NULL;
    scenario.data.max_rejects = 1;
    tiny_file("leads.csv", "lead_id,email,company.domain,company.employees,title,seniority,country,unsubscribed,deal.amount_usd,lost_on\n"
                           "a,x@gmail.com,bigbank.example,900,VP Sales,vp,US,false,10.5,2026-01-01\n"
                           "b,y@z.example,,40,Student,student,DE,,,\nc,,q.example,many,,c_suite,Brazil,true,,\n");
    tiny_file("events1.csv", "lead_id,event,time\na,demo_request,2026-10-01\na,website_visit,2026-10-02\nb,email_open,2026-01-01\n");
    tiny_file("events2.csv", "lead_id,event,time\nc,job_change,2026-10-30T10:00:00+02:00\nd,email_open,2026-01-01\n");
    run_sweep(&scenario, false, 1);
}

/* A rule file with errors: what is said about it, or that there is no memory to say it. */
Test(fault, one_allocation_fails_while_findings_are_made)
{
    struct assay_error error;
    char wanted[4096] = "";
    tiny_file("bad.yaml", "assay: 1\nfields: {a.b: int, a.c: nothing, a.b: text}\nlists: {l: {file: ../x.csv, key: k}}\n"
                          "scores:\n  s:\n    rules:\n      - {name: r, when: a.bb > 1 && a.b ==, points: 2}\n      - {nam: x}\n");
    for (int64_t k = 0, n_calls = 0; k <= n_calls; k++) {
        struct faulty faulty = {.fail_at = k};
        const struct assay_allocator table = {.struct_size = sizeof(table), .ctx = &faulty, .alloc = faulty_alloc,
                                              .resize = faulty_resize, .release = faulty_release};
        const struct assay_options options = {.struct_size = sizeof(options), .allocator = &table};
        struct assay *assay = NULL;
        assay_status status = assay_open(&assay, &options, &error);
        if (status == ASSAY_OK) {
            status = assay_load_rules(assay, "bad.yaml", &error);
            cr_assert(status == ASSAY_E_RULES || status == ASSAY_E_NOMEM, "allocation %lld: %d %s", (long long)k, status, error.text);
            if (status == ASSAY_E_RULES) {
                const char *findings = assay_findings(assay);
                if (k == 0) {
                    n_calls = faulty.n_calls;
                    snprintf(wanted, sizeof(wanted), "%s", findings);
                    cr_assert_not_null(strstr(wanted, "bad.yaml:2:"), "%s", wanted);
                } else if (strcmp(findings, wanted) != 0) {
                    cr_assert_eq(strncmp(findings, "out of memory", 13), 0, "allocation %lld: %s", (long long)k, findings);
                }
            }
        }
        assay_close(assay);
        cr_assert_eq(faulty.live_bytes, 0, "allocation %lld: %lld bytes are left", (long long)k, (long long)faulty.live_bytes);
    }
}

/* The checker looks at a loaded file: the same findings, or no memory. */
Test(fault, one_allocation_fails_while_rules_are_linted)
{
    static const char *const files[] = {"rules.yaml", ASSAY_SOURCE_DIR "/rules/b2b-saas.yaml"};
    for (size_t f = 0; f < ASY_COUNT_OF(files); f++) {
        struct assay_error error = {0};
        struct asy_pool wanted_pool;
        struct asy_str wanted = {0};
        struct asy_mem plain;
        asy_mem_init(&plain, NULL);
        asy_pool_init(&wanted_pool, &plain);
        for (int64_t k = 0, n_calls = 0; k <= n_calls; k++) {
            struct faulty faulty = {0};
            const struct assay_allocator table = {.struct_size = sizeof(table), .ctx = &faulty, .alloc = faulty_alloc,
                                                  .resize = faulty_resize, .release = faulty_release};
            struct asy_mem mem;
            struct asy_diags diags;
            struct asy_rules rules;
            asy_mem_init(&mem, &table);
            asy_diags_init(&diags, &mem);
            cr_assert_eq(asy_rules_load(&rules, &mem, files[f], &asy_file_reader_os, &diags, &error), ASSAY_OK, "%s", error.text);
            faulty.n_calls = 0;
            faulty.fail_at = k;
            const assay_status status = asy_rules_lint(&rules, &diags, &error);
            if (k == 0) n_calls = faulty.n_calls;
            cr_assert(status == ASSAY_OK || (status == ASSAY_E_NOMEM && k > 0), "allocation %lld: %s", (long long)k, error.text);
            if (status == ASSAY_OK) {
                asy_diags_sort(&diags);
                const struct asy_str found = asy_diags_text(&wanted_pool, &diags, false);
                if (k == 0) wanted = found;
                cr_assert(asy_str_eq(found, wanted), "allocation %lld: expected %.*s, found %.*s", (long long)k, ASY_ARG(wanted),
                          ASY_ARG(found));
            }
            asy_rules_fini(&rules);
            asy_diags_fini(&diags);
            cr_assert_eq(faulty.live_bytes, 0, "allocation %lld: %lld bytes are left", (long long)k, (long long)faulty.live_bytes);
        }
        asy_pool_fini(&wanted_pool);
    }
}

/* Bytes of a file, or -1; compared by the caller. */
static int64_t read_whole(const char *path, char *out, size_t cap)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return -1;
    const size_t n = fread(out, 1, cap, file);
    fclose(file);
    cr_assert_lt(n, cap);
    return (int64_t)n;
}

static assay_status write_state(struct assay *assay, struct assay_error *error)
{
    struct asy_writer *writer = NULL;
    const assay_status status = asy_state_prepare(&assay->state, &assay->mem, "state", &writer, error);
    return status == ASSAY_OK ? asy_writer_commit(writer, error) : status;
}

Test(fault, one_allocation_fails_while_output_and_state_are_written)
{
    static char wanted[2][1 << 18], found[1 << 18];
    int64_t n_wanted[2] = {0};
    struct scenario scenario = tiny_scenario();
    struct faulty faulty = {0};
    const struct assay_allocator table = {.struct_size = sizeof(table), .ctx = &faulty, .alloc = faulty_alloc,
                                          .resize = faulty_resize, .release = faulty_release};
    const struct assay_options options = {.struct_size = sizeof(options), .allocator = &table};
    struct assay *assay = NULL;
    struct assay_error error;
    uint64_t n_written;
    scenario.keeps_state = true;
    cr_assert_eq(take_steps(&assay, OPEN, &scenario, &options, &error), DONE, "%s", error.text);
    cr_assert_eq(asy_output_write(assay, "old.csv", ASY_FORMAT_CSV, NULL, 1, &n_written, &error), ASSAY_OK, "%s", error.text);
    const int64_t loaded_bytes = faulty.live_bytes;
    for (int64_t k = 0, n_calls = 0; k <= n_calls; k++) {
        unlink("new.ndjson");
        unlink("state");
        faulty.n_calls = 0;
        faulty.fail_at = k;
        /* compared with itself nothing has changed; every other time all rows are written */
        const assay_status statuses[2] = {
            asy_output_write(assay, "new.ndjson", ASY_FORMAT_NDJSON, k % 2 ? "old.csv" : NULL, 1, &n_written, &error),
            write_state(assay, &error)};
        static const char *const paths[2] = {"new.ndjson", "state"};
        if (k == 0) n_calls = 2 * faulty.n_calls + 40;
        for (size_t f = 0; f < 2; f++) {
            const int64_t n = read_whole(paths[f], found, sizeof(found));
            cr_assert(statuses[f] == ASSAY_OK || (statuses[f] == ASSAY_E_NOMEM && error.text[0] != '\0'), "allocation %lld: %s",
                      (long long)k, error.text);
            cr_assert_eq(n >= 0, statuses[f] == ASSAY_OK, "allocation %lld: %s: status %d, but %lld bytes", (long long)k, paths[f],
                         statuses[f], (long long)n);
            if (k == 0) {
                n_wanted[f] = n;
                memcpy(wanted[f], found, (size_t)n);
            } else if (n >= 0) {
                const int64_t expected = f == 0 && k % 2 ? 0 : n_wanted[f];
                cr_assert(n == expected && memcmp(found, wanted[f], (size_t)n) == 0, "allocation %lld: %s differs", (long long)k, paths[f]);
            }
        }
        cr_assert_eq(faulty.live_bytes, loaded_bytes, "allocation %lld: %lld bytes are left", (long long)k,
                     (long long)(faulty.live_bytes - loaded_bytes));
    }
    faulty.fail_at = 0;
    /* A state that cannot be read for lack of memory is an error, and never a state of nobody. */
    for (int64_t k = 0, n_calls = 0; k <= n_calls; k++) {
        struct asy_state state;
        faulty.n_calls = 0;
        faulty.fail_at = k;
        asy_state_init(&state, &assay->mem, 1);
        const assay_status status = asy_state_read(&state, &assay->mem, "state", &error);
        if (k == 0) n_calls = faulty.n_calls;
        cr_assert(status == ASSAY_OK || (status == ASSAY_E_NOMEM && k > 0), "allocation %lld: %s", (long long)k, error.text);
        cr_assert(status != ASSAY_OK || (state.ids.n == assay->state.ids.n && state.n_cursors == assay->state.n_cursors),
                  "allocation %lld: a part of the state is missing", (long long)k);
        asy_state_fini(&state);
        cr_assert_eq(faulty.live_bytes, loaded_bytes, "allocation %lld: %lld bytes are left", (long long)k,
                     (long long)(faulty.live_bytes - loaded_bytes));
    }
    faulty.fail_at = 0;
    assay_close(assay);
    cr_assert_eq(faulty.live_bytes, 0);
}

/* -- files ------------------------------------------------------------------------------------------------------------- */

/* Load and run; how it ends. */
static assay_status run_once(const struct scenario *scenario, struct assay_error *error)
{
    struct assay *assay = NULL;
    struct faulty faulty = {0};
    const struct assay_allocator table = {.struct_size = sizeof(table), .ctx = &faulty, .alloc = faulty_alloc,
                                          .resize = faulty_resize, .release = faulty_release};
    const struct assay_options options = {.struct_size = sizeof(options), .allocator = &table};
    const enum step failed = take_steps(&assay, OPEN, scenario, &options, error);
    assay_close(assay);
    cr_assert_eq(faulty.live_bytes, 0, "%s: %lld bytes are left", error->text, (long long)faulty.live_bytes);
    return failed == DONE ? ASSAY_OK : error->code;
}

static uint32_t n_open_files(void)
{
    uint32_t n = 0;
    for (int fd = 0; fd < 256; fd++) n += fcntl(fd, F_GETFD) != -1;
    return n;
}

static bool is_there(const char *path)
{
    struct stat there;
    return lstat(path, &there) == 0;
}

Test(fault, files_that_cannot_be_read)
{
    static const struct { const char *leads, *events, *map, *rules; assay_status status; const char *says; } cases[] = {
        {"none.csv", NULL, NULL, NULL, ASSAY_E_IO, "none.csv"},
        {".", NULL, NULL, NULL, ASSAY_E_IO, "."},
        {"/dev/null", NULL, NULL, NULL, ASSAY_E_DATA, "/dev/null"},
        {"cut.csv.gz", NULL, NULL, NULL, ASSAY_E_DATA, "cut.csv.gz"},
        {"/proc/self/mem", NULL, NULL, NULL, ASSAY_E_IO, "/proc/self/mem"},
        {NULL, "none.csv", NULL, NULL, ASSAY_E_IO, "none.csv"},
        {NULL, "/proc/self/mem", NULL, NULL, ASSAY_E_IO, "/proc/self/mem"},
        {NULL, NULL, "none.yaml", NULL, ASSAY_E_IO, "none.yaml"},
        {NULL, NULL, ".", NULL, ASSAY_E_IO, "."},
        {NULL, NULL, "/dev/zero", NULL, 0, "/dev/zero"},
        {NULL, NULL, NULL, "none.yaml", ASSAY_E_IO, "none.yaml"},
        {NULL, NULL, NULL, "/tmp", ASSAY_E_IO, "/tmp"},
        {NULL, NULL, NULL, "/dev/zero", 0, "/dev/zero"},
        {NULL, NULL, NULL, "/proc/self/mem", ASSAY_E_IO, "/proc/self/mem"},
    };
    static const char gzip_start[] = "\x1f\x8b\x08\0\0\0\0\0\0\x03\xf3\x4c";
    FILE *cut = fopen("cut.csv.gz", "wb");
    fwrite(gzip_start, 1, sizeof(gzip_start) - 1, cut);
    fclose(cut);
    const uint32_t n_open = n_open_files();
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        struct scenario scenario = tiny_scenario();
        struct assay_error error;
        if (cases[i].leads != NULL) scenario.data.leads = cases[i].leads;
        const char *const events[] = {"events1.csv", cases[i].events};
        if (cases[i].events != NULL) scenario.data.events = events;
        if (cases[i].map != NULL) scenario.data.map = cases[i].map;
        if (cases[i].rules != NULL) scenario.rules = cases[i].rules;
        const assay_status status = run_once(&scenario, &error);
        cr_expect(status < 0 && (cases[i].status == 0 || status == cases[i].status), "case %zu: %d %s", i, status, error.text);
        cr_expect_not_null(strstr(error.text, cases[i].says), "case %zu: %s", i, error.text);
    }
    cr_expect_eq(n_open_files(), n_open, "files stay open");
}

Test(fault, rejects_on_a_full_disk)
{
    struct scenario scenario = tiny_scenario();
    struct assay_error error;
    scenario.data.rejects = "/dev/full";
    cr_assert_eq(run_once(&scenario, &error), ASSAY_E_IO, "%s", error.text);
    cr_assert_not_null(strstr(error.text, "/dev/full"), "%s", error.text);
    cr_assert_not_null(strstr(error.text, "No space left"), "%s", error.text);
}

/* As an ordinary user: for root no folder is read-only. */
static void become_nobody(void)
{
    cr_assert_eq(chmod(tiny_folder, 0755), 0);
    if (geteuid() == 0) cr_assert_eq(setresuid(65534, 65534, 65534), 0);
}

Test(fault, rejects_in_a_read_only_folder)
{
    struct scenario scenario = tiny_scenario();
    struct assay_error error;
    if (geteuid() == 0) become_nobody();
    else cr_assert_eq(chmod(tiny_folder, 0555), 0);
    scenario.data.rejects = "rejects.csv";
    const assay_status status = run_once(&scenario, &error);
    cr_expect_eq(status, ASSAY_E_IO, "%s", error.text);
    cr_expect_not_null(strstr(error.text, "rejects.csv"), "%s", error.text);
    cr_expect_not_null(strstr(error.text, "Permission denied"), "%s", error.text);
    cr_expect(!is_there("rejects.csv"));
    scenario.data.rejects = "no/such/folder/rejects.csv";
    cr_expect_eq(run_once(&scenario, &error), ASSAY_E_IO, "%s", error.text);
    cr_expect_not_null(strstr(error.text, "No such file"), "%s", error.text);
    if (geteuid() != 65534) chmod(tiny_folder, 0755);
}

/* A limit on the size of files: nothing half written stays, and no signal kills. */
Test(fault, output_beyond_the_file_size_limit)
{
    struct assay_error error = {0};
    struct asy_mem mem;
    static char large[1 << 20];
    memset(large, 'x', sizeof(large));
    asy_mem_init(&mem, NULL);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {65536, 65536};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    tiny_file("old.json", "old\n");
    const assay_status status = asy_write_file(&mem, "old.json", (struct asy_str){large, sizeof(large)}, &error);
    cr_assert_eq(status, ASSAY_E_IO, "%s", error.text);
    cr_assert_not_null(strstr(error.text, "old.json"), "%s", error.text);
    cr_assert_not_null(strstr(error.text, "File too large"), "%s", error.text);
    char text[16] = "";
    FILE *old = fopen("old.json", "rb");
    cr_assert_not_null(fgets(text, sizeof(text), old));
    fclose(old);
    cr_assert_str_eq(text, "old\n", "the file of before is still there");
    cr_assert_eq(mem.live_bytes, 0);
}

/* The lead arena asks the system for every piece of memory before it is touched, so a limit is told and kills nobody. */
Test(fault, arena_beyond_the_memory_limit)
{
    const struct scenario scenario = tiny_scenario();
    struct assay_error error;
    const struct rlimit limit = {1 << 20, 1 << 20};
    if (ASSAY_IS_SANITIZED) cr_skip_test("sanitizers take memory themselves");
    cr_assert_eq(setrlimit(RLIMIT_DATA, &limit), 0);
    cr_assert_eq(run_once(&scenario, &error), ASSAY_E_NOMEM, "%s", error.text);
    cr_assert_not_null(strstr(error.text, "memory"), "%s", error.text);
}

/* Every open() in turn finds no free descriptor. */
Test(fault, no_more_file_descriptors)
{
    struct scenario scenario = tiny_scenario();
    struct assay_error error;
    scenario.data.rejects = "rejects.csv";
    const uint32_t n_open = n_open_files();
    uint32_t n_failed = 0;
    assay_status status = ASSAY_E_IO;
    for (rlim_t n = 3; n < 64 && status != ASSAY_OK; n++) {
        const struct rlimit limit = {n, 256};
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        status = run_once(&scenario, &error);
        cr_assert(status == ASSAY_OK || status == ASSAY_E_IO || status == ASSAY_E_RULES, "%u descriptors: %d %s", (unsigned)n,
                  status, error.text);
        n_failed += status != ASSAY_OK;
        cr_assert(status == ASSAY_OK || !is_there("rejects.csv") || status == ASSAY_E_IO);
    }
    cr_assert(status == ASSAY_OK && n_failed > 0);
    cr_assert_eq(n_open_files(), n_open, "files stay open");
}

/* Threads that cannot be started are done without. */
Test(fault, no_more_threads)
{
    struct scenario scenario = tiny_scenario();
    struct assay_error error;
    if (ASSAY_IS_SANITIZED) cr_skip_test("the leak checker starts a thread itself");
    become_nobody();
    const struct rlimit limit = {0, 0};
    cr_assert_eq(setrlimit(RLIMIT_NPROC, &limit), 0);
    scenario.n_threads = scenario.data.n_threads = 4;
    cr_assert_eq(run_once(&scenario, &error), ASSAY_OK, "%s", error.text);
}

/* No address space for the arena. A sanitizer needs more of it than any limit. */
Test(fault, no_more_address_space)
{
    if (ASSAY_IS_SANITIZED) cr_skip_test("sanitizers reserve address space themselves");
    const struct scenario scenario = tiny_scenario();
    struct assay_error error;
    const struct rlimit limit = {4ull << 30, 4ull << 30};
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    cr_assert_eq(run_once(&scenario, &error), ASSAY_E_LIMIT, "%s", error.text);
    cr_assert_not_null(strstr(error.text, "ulimit -v"), "%s", error.text);
}
