/* A plugin at work in this process: what create() is offered, what run() is shown, what is kept of its verdicts. */
#include "plugin_world.h"

#include <signal.h>
#include <stdio.h>

/* -- host services ------------------------------------------------------------------------------------------------ */

enum { MANY_CODES = 50000 };
static struct asy_str many_text(void *ctx, uint32_t code)
{
    static char text[16];
    (void)ctx;
    return (struct asy_str){text, (uint32_t)snprintf(text, sizeof(text), "t%u", code)};
}

static const struct assay_host *host_seen;
static int32_t create_and_ask(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error)
{
    host_seen = host;
    cr_assert(host->struct_size == sizeof(*host) && host->abi_major == 1 && error->struct_size == sizeof(*error));
    cr_assert_eq(values[1].i, 30);
    cr_assert_null(host->service(host, "assay.dictionary/2"));
    cr_assert_null(host->service(host, ""));
    cr_assert_null(host->service(host, NULL));

    const struct assay_dictionary *dictionary = host->service(host, "assay.dictionary/1");
    cr_assert_eq(dictionary->struct_size, sizeof(*dictionary));
    cr_assert_eq(dictionary->n_codes(host, 0), 4);
    cr_assert_eq(dictionary->n_codes(host, 1), 0);
    cr_assert_str_eq(dictionary->text(host, 0, 2).p, "DE");
    cr_assert_eq(dictionary->find(host, 0, "DE", 2), 2);
    cr_assert_eq(dictionary->find(host, 0, "FRANCE", 2), 3);
    cr_assert_eq(dictionary->find(host, 0, "BE", 2), 0);
    cr_assert_eq(dictionary->find(host, 0, "", 0), 0);
    cr_assert_eq(dictionary->find(host, 0, NULL, 0), 0);
    cr_assert_eq(dictionary->find(host, 0, "DE", 1ull << 40), 0);
    cr_assert_eq(dictionary->find(host, 1, "DE", 2), 0);
    cr_assert_eq(dictionary->find(host, UINT32_MAX, "DE", 2), 0);

    const struct assay_counters *counters = host->service(host, "assay.counters/1");
    char name[16];
    for (int32_t i = 0; i < ASSAY_COUNTERS_MAX; i++) {
        snprintf(name, sizeof(name), "c%d", i);
        cr_assert_eq(counters->add(host, name), i);
    }
    cr_assert_eq(counters->add(host, "one too many"), -1);
    cr_assert_eq(counters->add(host, "c7"), 7, "the same again");
    cr_assert_eq(counters->add(host, ""), -1);
    cr_assert_eq(counters->add(host, NULL), -1);

    const struct assay_targets *targets = host->service(host, "assay.targets/1");
    cr_assert_eq(targets->add(host, "anna", 4), 0);
    cr_assert_eq(targets->add(host, "ben & co", 3), 1);
    cr_assert_eq(targets->add(host, "anna!", 4), 0);
    cr_assert_eq(targets->add(host, "", 0), -1);
    cr_assert_eq(targets->add(host, NULL, 4), -1);
    cr_assert_eq(targets->add(host, "a\nb", 3), -1);
    cr_assert_eq(targets->add(host, "a\xFF", 2), -1);
    cr_assert_eq(targets->add(host, name, 201), -1);

    const struct assay_scratch *scratch = host->service(host, "assay.scratch/1");
    cr_assert_eq(scratch->reserve(host, 100), 0);
    cr_assert_eq(scratch->reserve(host, 16 << 20), 0);
    cr_assert_eq(scratch->reserve(host, 5), 0);
    cr_assert_eq(scratch->reserve(host, (16 << 20) + 1), -1);
    cr_assert_eq(scratch->reserve(host, UINT64_MAX), -1);

    const struct assay_log *log = host->service(host, "assay.log/1");
    char line[400];
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    log->line(host, "red \033[31m\n");
    log->line(host, line);
    log->line(host, NULL);
    for (int i = 0; i < 40; i++) log->line(host, "more");
    *state = (void *)(uintptr_t)host;
    return 0;
}
static int32_t run_in_scratch(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    const struct assay_host *host = state;
    const struct assay_dictionary *dictionary = host->service(host, "assay.dictionary/1");
    (void)error;
    cr_assert(batch->scratch != NULL && (uintptr_t)batch->scratch % 64 == 0);
    memset(batch->scratch, 1, 16 << 20);
    for (uint32_t row = 0; row < batch->n_rows; row++) {
        verdict->reason[row] = 1;
        verdict->target[row] = (int32_t)dictionary->find(host, 0, "NL", 2);
        verdict->counters[31] += 2;
    }
    return 0;
}

Test(instance, serves_create_and_run)
{
    struct world w;
    open_world(&w, ASSAY_ROUTE, 0, create_and_ask, run_in_scratch);
    const struct asy_plugin_names *names = asy_instance_names(w.instance);
    cr_assert_eq(names->n_counters, ASSAY_COUNTERS_MAX);
    cr_assert(asy_str_is(names->counters[31], "c31"));
    cr_assert_eq(names->n_targets, 2);
    cr_assert(asy_str_is(names->targets[0], "anna") && asy_str_is(names->targets[1], "ben"));
    cr_assert_eq(names->n_lines, ASY_LOG_LINES_MAX);
    cr_assert(asy_str_is(names->lines[0], "red ?[31m?"));
    cr_assert_eq(names->lines[1].len, ASY_LOG_LINE_BYTES);
    cr_assert_eq(names->lines[2].len, 0);
    /* too late */
    const struct assay_counters *counters = host_seen->service(host_seen, "assay.counters/1");
    const struct assay_targets *targets = host_seen->service(host_seen, "assay.targets/1");
    const struct assay_scratch *scratch = host_seen->service(host_seen, "assay.scratch/1");
    cr_assert_eq(counters->add(host_seen, "c7"), -1);
    cr_assert_eq(targets->add(host_seen, "anna", 4), -1);
    cr_assert_eq(scratch->reserve(host_seen, 1), -1);
    for (uint32_t round = 0; round < 2; round++) {
        cr_assert(asy_instance_run(w.instance, &w.stage, 0, 4000, 0, &w.fault));
        cr_assert_eq(w.stage.counters[31], 8000, "of these rows only");
        cr_assert_eq(w.stage.counters[30], 0);
        cr_assert_eq(w.stage.target[3999], 1);
    }
    close_world(&w);
    cr_assert_eq(n_destroyed, 1);
}

static int32_t create_many_targets(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error)
{
    const struct assay_targets *targets = host->service(host, "assay.targets/1");
    (void)values;
    (void)error;
    *state = NULL;
    for (int32_t round = 0; round < 2; round++)
        for (int32_t i = 0; i <= ASSAY_TARGETS_MAX; i++) {
            char name[16];
            const uint64_t len = (uint64_t)snprintf(name, sizeof(name), "owner %d", i);
            if (targets->add(host, name, len) != (i < ASSAY_TARGETS_MAX ? i : -1)) return 1;
        }
    return 0;
}
Test(instance, knows_as_many_targets_as_there_may_be)
{
    struct world w;
    open_world(&w, ASSAY_ROUTE, 0, create_many_targets, run_nothing);
    cr_assert_eq(asy_instance_names(w.instance)->n_targets, ASSAY_TARGETS_MAX);
    close_world(&w);
}

static int32_t create_without_targets(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error)
{
    (void)values;
    (void)state;
    (void)error;
    host_seen = host;
    return host->service(host, "assay.targets/1") != NULL;
}
Test(instance, has_targets_for_routers_only)
{
    struct world w;
    open_world(&w, ASSAY_SCORE, 0, create_without_targets, run_nothing);
    close_world(&w);
}

Test(instance, finds_every_text_and_without_memory_for_a_table_too)
{
    const struct asy_facts_column columns[N_WANTS] = {{MANY_CODES, NULL, many_text}};
    for (uint32_t is_poor = 0; is_poor <= 1; is_poor++) {
        struct asy_plugin_setting settings[ASY_COUNT_OF(params)] = {0};
        struct world w;
        open_decl(&w, ASSAY_DISQUALIFY, 0, create_without_targets, run_nothing);
        cr_assert_eq(asy_facts_make(&w.facts, &w.decl, columns, settings, false, &w.error), ASSAY_OK);
        cr_assert_eq(asy_instance_new(&w.instance, &w.mem, &w.plugin, &w.decl, &w.facts, "x.so", &w.error), ASSAY_OK);
        const struct assay_dictionary *dictionary = host_seen->service(host_seen, "assay.dictionary/1");
        if (is_poor) w.failing.n_left = 0;
        for (uint32_t code = 1; code < MANY_CODES; code += is_poor ? 4999 : 1) {
            const struct asy_str text = many_text(NULL, code);
            cr_assert_eq(dictionary->find(host_seen, 0, text.p, text.len), code);
        }
        cr_assert_eq(dictionary->find(host_seen, 0, "t", 1), 0);
        close_world(&w);
    }
}

/* -- create ------------------------------------------------------------------------------------------------------- */

static int32_t create_refuses(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error)
{
    (void)host;
    (void)values;
    *state = (void *)(uintptr_t)8;
    snprintf(error->text, sizeof(error->text), "list: expected a domain,\nfound \xFF");
    return 5;
}
static int32_t create_is_mute(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error)
{
    (void)host;
    (void)values;
    (void)state;
    (void)error;
    return -2;
}
static int32_t create_shouts(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error)
{
    (void)host;
    (void)values;
    (void)state;
    memset(error->text, 'A', sizeof(error->text)); /* and no NUL */
    return 1;
}

Test(instance, says_why_create_failed)
{
    static const struct {
        create_function *create;
        const char *text;
    } cases[] = {
        {create_refuses, "x.so: plugin com.example.inner: create() failed: list: expected a domain,?found ?"},
        {create_is_mute, "x.so: plugin com.example.inner: create() failed: it returned -2 and did not say why"},
        {create_shouts, "x.so: plugin com.example.inner: create() failed: AAAAAAAAAA"},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        struct world w;
        open_decl(&w, ASSAY_DISQUALIFY, 0, cases[i].create, run_nothing);
        open_facts(&w, false);
        cr_expect_eq(asy_instance_new(&w.instance, &w.mem, &w.plugin, &w.decl, &w.facts, "x.so", &w.error), ASSAY_E_DATA);
        cr_expect(asy_str_starts(asy_str_of(w.error.text), asy_str_of(cases[i].text)), "%s", w.error.text);
        cr_expect_leq(strlen(w.error.text), 300);
        cr_expect_eq(n_destroyed, 0, "there is no state");
        close_world(&w);
    }
}

static int32_t create_names(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error)
{
    const struct assay_counters *counters = host->service(host, "assay.counters/1");
    const struct assay_targets *targets = host->service(host, "assay.targets/1");
    const struct assay_log *log = host->service(host, "assay.log/1");
    const struct assay_dictionary *dictionary = host->service(host, "assay.dictionary/1");
    (void)values;
    (void)state;
    (void)error;
    for (uint32_t i = 0; i < 12; i++) {
        char name[64];
        memset(name, 'a' + (int)i, sizeof(name));
        name[63] = '\0';
        counters->add(host, name);
        targets->add(host, name, 63);
        log->line(host, name);
    }
    return dictionary->find(host, 0, "FR", 2) != 3;
}
Test(instance, no_memory_is_said_and_nothing_leaks)
{
    bool is_done = false;
    for (int64_t k = 0; !is_done && k < 200; k++) {
        struct world w;
        open_decl(&w, ASSAY_ROUTE, 0, create_names, run_nothing);
        open_facts(&w, false);
        w.failing.n_left = k;
        const assay_status status = asy_instance_new(&w.instance, &w.mem, &w.plugin, &w.decl, &w.facts, "x.so", &w.error);
        cr_assert(status == ASSAY_OK || status == ASSAY_E_NOMEM, "%s", w.error.text);
        is_done = status == ASSAY_OK;
        cr_assert(is_done || k < 199);
        close_world(&w);
    }
}

/* -- run ---------------------------------------------------------------------------------------------------------- */

static uint32_t n_calls, n_rows_seen;
static bool is_beside_zero;

static bool is_zero(const void *bytes, uint64_t n)
{
    const uint8_t *p = bytes;
    uint8_t sum = 0;
    for (uint64_t i = 0; i < n; i++) sum |= p[i];
    return sum == 0;
}
/* Is everything as assay/plugin.h promises, and the data what fill_stage put there? */
static void expect_promises(const struct assay_batch *batch, const struct assay_verdict *verdict, const struct assay_plugin_error *error)
{
    static const uint32_t widths[N_WANTS] = {4, 8, 8, 1, 8, 4};
    const uint32_t n = batch->n_rows, n_readable = (n + 63) / 64 * 64;
    const struct assay_column *columns = batch->columns;
    cr_assert(n >= 1 && n <= ASSAY_BATCH_ROWS);
    cr_assert(batch->struct_size == sizeof(*batch) && verdict->struct_size == sizeof(*verdict) && error->struct_size == sizeof(*error));
    cr_assert(batch->n_columns == N_WANTS && batch->selected == NULL && batch->n_selected == n && batch->scratch == NULL && verdict->counters == NULL);
    for (uint32_t c = 0; c < N_WANTS; c++) {
        cr_assert_eq((uintptr_t)columns[c].data % 64, 0);
        cr_assert_eq((uintptr_t)columns[c].null % 64, 0);
        is_beside_zero &= is_zero((const uint8_t *)columns[c].data + n * widths[c], (uint64_t)(n_readable - n) * widths[c]);
        is_beside_zero &= is_zero(columns[c].null + n, n_readable - n);
    }
    const int64_t row0 = ((const int64_t *)columns[1].data)[0];
    for (uint32_t k = 0; k < n; k++) {
        const int64_t row = ((const int64_t *)columns[1].data)[k];
        cr_assert_eq(row, row0 + k);
        cr_assert_eq(((const uint32_t *)columns[0].data)[k], row % 4);
        cr_assert(((const double *)columns[2].data)[k] == (double)row / 2);
        cr_assert_eq(((const uint8_t *)columns[3].data)[k], row % 2);
        cr_assert_eq(((const int32_t *)columns[5].data)[k], -row);
        cr_assert_eq(columns[4].null[k], 0xFF);
        cr_assert_eq(columns[5].null[k], 0);
    }
    n_calls++;
    n_rows_seen += n;
}
static int32_t run_all(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    const int64_t *numbers = batch->columns[1].data;
    (void)state;
    expect_promises(batch, verdict, error);
    for (uint32_t k = 0; k < batch->n_rows; k++) {
        verdict->reason[k] = (uint16_t)(numbers[k] % 4);
        if (verdict->points_milli != NULL) verdict->points_milli[k] = (int32_t)(numbers[k] % 100);
        if (verdict->target != NULL) verdict->target[k] = (int32_t)(numbers[k] % 7);
        if (verdict->due_s != NULL) verdict->due_s[k] = batch->now_s + (batch->lead_key == NULL ? 0 : (int64_t)batch->lead_key[k]);
    }
    return 0;
}

static void expect_verdicts(const struct world *w, uint32_t first, uint32_t n, int64_t now_s)
{
    const struct asy_stage *stage = &w->stage;
    for (uint32_t row = first; row < first + n; row++) {
        cr_assert_eq(stage->reason[row], row % 4);
        if (stage->points != NULL) cr_assert_eq(stage->points[row], (int32_t)(row % 100));
        if (stage->target != NULL) cr_assert_eq(stage->target[row], (int32_t)(row % 7));
        if (stage->due != NULL) cr_assert_eq(stage->due[row], now_s + (stage->keys == NULL ? 0 : 1000 + row));
    }
}

Test(instance, shows_rows_and_keeps_verdicts)
{
    static const struct {
        uint32_t first, n, n_calls;
        bool is_copied; /* in one call */
    } cases[] = {
        {0, 6144, 3, false}, {0, 2048, 1, false}, {0, 1, 1, true},    {0, 64, 1, false},     {64, 64, 1, false}, {64, 63, 1, true}, {1, 64, 1, true},
        {6143, 1, 1, true},  {63, 2048, 1, true}, {5, 4100, 3, true}, {128, 2049, 2, false}, {100, 0, 0, false}, {2048, 4096, 2, false},
    };
    for (uint32_t kind = ASSAY_DISQUALIFY; kind <= ASSAY_SCORE; kind++)
        for (uint32_t has_caps = 0; has_caps <= 1; has_caps++) {
            struct world w;
            open_world(&w, kind, has_caps ? ASSAY_CAP_READS_KEY | ASSAY_CAP_READS_TIME : 0, create_nothing, run_all);
            fill_stage(&w.stage);
            cr_assert_eq(w.stage.keys != NULL, has_caps);
            for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
                n_calls = n_rows_seen = 0;
                is_beside_zero = true;
                memset(w.stage.verdicts, 0x77, w.stage.verdicts_bytes);
                cr_assert(asy_instance_run(w.instance, &w.stage, cases[i].first, cases[i].n, 5000, &w.fault));
                cr_assert_eq(n_calls, cases[i].n_calls);
                cr_assert_eq(n_rows_seen, cases[i].n);
                cr_assert(!cases[i].is_copied || is_beside_zero, "case %zu: another lead can be seen", i);
                expect_verdicts(&w, cases[i].first, cases[i].n, has_caps ? 5000 : 0);
                if (cases[i].first > 0) cr_assert_eq(w.stage.reason[cases[i].first - 1], 0x7777);
                if (cases[i].first + cases[i].n < 6144) cr_assert_eq(w.stage.reason[cases[i].first + cases[i].n], 0x7777);
                cr_assert_eq(w.stage.counters[0], 0);
            }
            close_world(&w);
        }
}

static int32_t run_half(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    (void)state;
    (void)error;
    for (uint32_t k = 0; k < batch->n_rows / 2; k++) verdict->reason[k] = 2;
    return 0;
}
Test(instance, prefills_with_what_no_plugin_may_write)
{
    static const uint32_t kinds[] = {ASSAY_DISQUALIFY, ASSAY_SCORE, ASSAY_ROUTE, ASSAY_RECYCLE};
    for (size_t i = 0; i < ASY_COUNT_OF(kinds); i++) {
        struct world w;
        open_world(&w, kinds[i], 0, create_nothing, run_half);
        cr_assert(asy_instance_run(w.instance, &w.stage, 0, 100, 0, &w.fault));
        cr_assert_eq(w.stage.reason[49], 2);
        cr_assert_eq(w.stage.reason[50], ASY_REASON_UNWRITTEN);
        if (w.stage.points != NULL) cr_assert_eq(w.stage.points[49], ASY_POINTS_UNWRITTEN);
        if (w.stage.target != NULL) cr_assert_eq(w.stage.target[49], ASY_TARGET_UNWRITTEN);
        if (w.stage.due != NULL) cr_assert_eq(w.stage.due[49], ASY_DUE_UNWRITTEN);
        close_world(&w);
    }
}

static uint32_t fail_at;
static int32_t run_fails(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    run_nothing(state, batch, verdict, error);
    if (n_calls++ != fail_at) return 0;
    snprintf(error->text, sizeof(error->text), "%s", fail_at == 0 ? "" : "no model\r\nfor this");
    return 77;
}
Test(instance, passes_on_what_run_says)
{
    struct world w;
    char text[300];
    open_world(&w, ASSAY_DISQUALIFY, 0, create_nothing, run_fails);
    for (fail_at = 0; fail_at < 3; fail_at++) {
        n_calls = 0;
        cr_assert(!asy_instance_run(w.instance, &w.stage, 0, 6144, 0, &w.fault));
        cr_assert_eq(n_calls, fail_at + 1);
        cr_assert_eq(w.fault.kind, ASY_FAULT_ERROR);
        cr_assert_eq(w.fault.number, 77);
        cr_assert_str_eq(w.fault.text, fail_at == 0 ? "" : "no model??for this");
        asy_fault_text(&w.fault, text, sizeof(text));
        cr_assert_str_eq(text, fail_at == 0 ? "failed: run() returned 77 and did not say why" : "failed: no model??for this");
    }
    close_world(&w);
}

static int overrun;
static int32_t run_overruns(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    run_nothing(state, batch, verdict, error);
    for (uint32_t k = 0; verdict->points_milli != NULL && k < batch->n_rows; k++) verdict->points_milli[k] = 0;
    switch (overrun) {
    case 1: verdict->reason[-1] = 1; break;
    case 2: verdict->reason[-500] = 1; break;
    case 3: verdict->points_milli[-1] = 1; break;
    case 4: *(volatile uint16_t *)&verdict->reason[batch->n_rows] = 1; break;
    case 5: *(volatile uint16_t *)(&verdict->reason[batch->n_rows] - 2049) = 1; break;
    default: break;
    }
    return 0;
}
Test(instance, sees_writes_beside_the_arrays_and_blames_nobody_else)
{
    struct world w;
    open_world(&w, ASSAY_SCORE, 0, create_nothing, run_overruns);
    for (overrun = 1; overrun <= 3; overrun++)
        for (uint32_t n = 1; n < 1000; n = 3 * n + 1) {
            const int wanted = overrun;
            cr_assert(!asy_instance_run(w.instance, &w.stage, 0, n, 0, &w.fault), "overrun %d of %u", overrun, n);
            cr_assert_eq(w.fault.kind, ASY_FAULT_OVERRUN);
            overrun = 0;
            cr_assert(asy_instance_run(w.instance, &w.stage, 0, n, 0, &w.fault), "overrun %d of %u", overrun, n);
            cr_assert(asy_instance_run(w.instance, &w.stage, 0, 2, 0, &w.fault));
            overrun = wanted;
        }
    close_world(&w);
}

/* Ends by the signal, which a sanitizer would take for its own. */
#if !ASSAY_IS_SANITIZED
static void run_once(int how, uint32_t n)
{
    struct world w;
    open_world(&w, ASSAY_SCORE, 0, create_nothing, run_overruns);
    overrun = how;
    asy_instance_run(w.instance, &w.stage, 0, n, 0, &w.fault);
}
Test(instance, arrays_end_at_a_page_that_nobody_may_touch, .signal = SIGSEGV) { run_once(4, 2048); }
Test(instance, short_arrays_end_there_too, .signal = SIGSEGV) { run_once(4, 3); }
Test(instance, arrays_begin_behind_such_a_page, .signal = SIGSEGV) { run_once(5, 2048); }
#endif
