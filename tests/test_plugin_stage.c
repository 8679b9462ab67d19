/* What a plugin works on in this process: facts, stages, verdicts that are judged, libraries that are loaded. */
#include "plugin/library.h"
#include "plugin_world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* -- facts -------------------------------------------------------------------------------------------------------- */

static void expect_facts(struct world *w)
{
    struct assay_value *values = NULL;
    cr_assert_eq(asy_facts_n_codes(&w->facts, 0), 4);
    for (uint32_t code = 0; code < 4; code++) {
        const struct assay_text text = asy_facts_text(&w->facts, 0, code);
        cr_assert_str_eq(text.p, country_text(NULL, code).p);
        cr_assert_eq(text.n_bytes, strlen(text.p));
    }
    cr_assert_eq(asy_facts_text(&w->facts, 0, 4).n_bytes, 0, "no such code");
    cr_assert_str_eq(asy_facts_text(&w->facts, 99, 1).p, "", "no such column");
    cr_assert_eq(asy_facts_n_codes(&w->facts, 1), 0, "numbers have no dictionary");
    cr_assert_eq(asy_facts_n_codes(&w->facts, 99), 0);
    cr_assert(asy_facts_values(&w->facts, &w->pool, &values));
    cr_assert_eq(values[0].text.n_bytes, 9);
    cr_assert_arr_eq(values[0].text.p, "line\0more", 10);
    cr_assert(values[1].type == ASSAY_INT_PARAM && values[1].i == 30 && values[1].text.p[0] == '\0');
    cr_assert(values[2].d == 0.5);
    cr_assert(values[3].n_texts == 2 && values[3].texts[1].n_bytes == 2);
    cr_assert_str_eq(values[3].texts[0].p, "a");
    cr_assert_str_eq(values[3].texts[1].p, "bc");
    cr_assert_str_eq(values[4].text.p, "Sir");
    cr_assert(values[5].n_texts == 0 && values[5].texts == NULL);
}

Test(facts, say_what_was_put_in)
{
    struct world w;
    open_decl(&w, ASSAY_DISQUALIFY, 0, create_nothing, run_nothing);
    open_facts(&w, false);
    cr_assert_eq(w.facts.fd, -1);
    expect_facts(&w);
    close_world(&w);
}

Test(facts, shared_ones_are_sealed)
{
    struct world w;
    open_decl(&w, ASSAY_DISQUALIFY, 0, create_nothing, run_nothing);
    open_facts(&w, true);
    expect_facts(&w);
    cr_assert_geq(w.facts.fd, 10);
    cr_assert_eq(fcntl(w.facts.fd, F_GET_SEALS), F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    cr_assert_eq(fcntl(w.facts.fd, F_GETFD), FD_CLOEXEC);
    cr_assert_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, w.facts.fd, 0), MAP_FAILED);
    cr_assert_eq(pwrite(w.facts.fd, "x", 1, 0), -1);
    cr_assert_eq(ftruncate(w.facts.fd, 0), -1);
    cr_assert_eq(mprotect((void *)(uintptr_t)w.facts.base, 4096, PROT_READ | PROT_WRITE), -1, "nor by this process");
    struct asy_facts view = w.facts;
    view.is_borrowed = true;
    asy_facts_fini(&view);
    expect_facts(&w);
    close_world(&w);
}

Test(facts, of_a_plugin_that_wants_nothing)
{
    const struct asy_plugin_decl decl = {.kind = ASSAY_DISQUALIFY};
    struct asy_facts facts = {0};
    struct assay_error error;
    asy_facts_fini(&facts); /* nothing, and not descriptor 0 */
    cr_assert_eq(asy_facts_make(&facts, &decl, NULL, NULL, true, &error), ASSAY_OK);
    cr_assert_eq(asy_facts_n_codes(&facts, 0), 0);
    asy_facts_fini(&facts);
    cr_assert_neq(fcntl(0, F_GETFD), -1);
}

/* -- stages ------------------------------------------------------------------------------------------------------- */

Test(stage, arrays_begin_at_pages_and_do_not_meet)
{
    static const uint32_t widths[N_WANTS] = {4, 8, 8, 1, 8, 4};
    struct world w;
    open_decl(&w, ASSAY_RECYCLE, ASSAY_CAP_READS_KEY, create_nothing, run_nothing);
    cr_assert_eq(asy_stage_init(&w.stage, &w.pool, &w.decl, 2049, false, &w.error), ASSAY_OK);
    cr_assert_eq(w.stage.n_rows_max, 4096);
    cr_assert(w.stage.points == NULL && w.stage.target == NULL && w.stage.due != NULL && w.stage.leads_fd == -1);
    uint8_t *next = w.stage.leads;
    for (uint32_t c = 0; c < N_WANTS; c++) {
        cr_assert_eq(w.stage.widths[c], widths[c]);
        cr_assert(w.stage.data[c] == next && (uintptr_t)next % 4096 == 0);
        next += 4096 * widths[c];
        cr_assert_eq(w.stage.null[c], next);
        next += 4096;
    }
    cr_assert_eq((uint8_t *)w.stage.keys, next);
    cr_assert_eq(w.stage.leads_bytes, (uint64_t)(next - w.stage.leads) + 4096 * 8);
    cr_assert_eq((uint8_t *)w.stage.reason, w.stage.verdicts);
    cr_assert_eq((uint8_t *)w.stage.due, w.stage.verdicts + 2 * 4096);
    cr_assert_eq((uint8_t *)w.stage.counters, w.stage.verdicts + 10 * 4096);
    memset(w.stage.leads, 1, w.stage.leads_bytes);
    memset(w.stage.verdicts, 1, w.stage.verdicts_bytes);
    close_world(&w);
    for (uint32_t type = 0; type < 9; type++) cr_assert_eq(asy_stage_width(type) == 0, type < 1 || type > 6);
}

Test(stage, a_shared_one_is_seen_on_the_other_side_and_written_on_this_one)
{
    struct world w;
    struct asy_stage other;
    open_decl(&w, ASSAY_SCORE, 0, create_nothing, run_nothing);
    cr_assert_eq(asy_stage_init(&w.stage, &w.pool, &w.decl, 2000, true, &w.error), ASSAY_OK, "%s", w.error.text);
    cr_assert(w.stage.leads_fd >= 10 && w.stage.verdicts_fd >= 10);
    cr_assert(asy_stage_map(&other, &w.pool, &w.decl, 2000, w.stage.leads_fd, w.stage.verdicts_fd));
    cr_assert_eq(other.n_rows_max, 2048);
    fill_stage(&w.stage);
    cr_assert_eq(((int64_t *)other.data[1])[1999], 1999);
    cr_assert_eq(other.null[4][2047], 0xFF);
    other.reason[1999] = 3;
    other.points[0] = -7;
    cr_assert(w.stage.reason[1999] == 3 && w.stage.points[0] == -7);

    cr_assert_eq(mprotect(other.leads, 4096, PROT_READ | PROT_WRITE), -1, "leads cannot be made writable");
    cr_assert_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, w.stage.leads_fd, 0), MAP_FAILED);
    cr_assert_eq(pwrite(w.stage.leads_fd, "x", 1, 0), -1);
    cr_assert_eq(ftruncate(w.stage.leads_fd, 0), -1);
    cr_assert_eq(ftruncate(w.stage.verdicts_fd, 0), -1);
    asy_stage_fini(&other);
    cr_assert_neq(fcntl(w.stage.leads_fd, F_GETFD), -1, "the descriptors stay open");
    cr_assert(!asy_stage_map(&other, &w.pool, &w.decl, 4000, w.stage.leads_fd, w.stage.verdicts_fd), "too small for so many");
    cr_assert(!asy_stage_map(&other, &w.pool, &w.decl, 2000, -1, w.stage.verdicts_fd));
    const int fd = w.stage.leads_fd;
    close_world(&w);
    cr_assert_eq(fcntl(fd, F_GETFD), -1);
}

Test(stage, of_a_plugin_that_wants_nothing)
{
    const struct asy_plugin_decl decl = {.kind = ASSAY_DISQUALIFY};
    struct world w;
    struct asy_stage other;
    open_decl(&w, ASSAY_DISQUALIFY, 0, create_nothing, run_nothing);
    cr_assert_eq(asy_stage_init(&w.stage, &w.pool, &decl, 0, true, &w.error), ASSAY_OK);
    cr_assert(asy_stage_map(&other, &w.pool, &decl, 0, w.stage.leads_fd, w.stage.verdicts_fd));
    cr_assert_eq(other.n_rows_max, ASSAY_BATCH_ROWS);
    asy_stage_fini(&other);
    close_world(&w);
}

/* -- judging verdicts --------------------------------------------------------------------------------------------- */

enum { N_TARGETS = 4 };
static const struct assay_reason reasons_with_gaps[] = {{1, 0, "one", "One"}, {3, 0, "three", "Three"}, {900, 0, "many", "Many"}};

static void open_check(struct world *w, uint32_t kind, bool has_gaps)
{
    open_decl(w, kind, 0, create_nothing, run_nothing);
    if (has_gaps) w->plugin.reasons = reasons_with_gaps;
    cr_assert_eq(asy_decl_read(&w->decl, &w->pool, &w->plugin, "x.so", &w->error), ASSAY_OK);
    cr_assert_eq(asy_stage_init(&w->stage, &w->pool, &w->decl, 4096, false, &w->error), ASSAY_OK);
    memset(w->stage.verdicts, 0, w->stage.verdicts_bytes);
}

Test(verdict, is_judged)
{
    static const struct {
        uint32_t kind;
        bool has_gaps;
        uint16_t reason;
        int64_t more;
        uint32_t fault;
        const char *text; /* of the fault; NULL: it is fine */
    } cases[] = {
        {ASSAY_DISQUALIFY, false, 0, 0, 0, NULL},
        {ASSAY_DISQUALIFY, false, 3, 0, 0, NULL},
        {ASSAY_DISQUALIFY, false, 4, 0, ASY_FAULT_RANGE, "gave an impossible verdict (expected a reason of its table, found code 4)"},
        {ASSAY_DISQUALIFY, false, 65534, 0, ASY_FAULT_RANGE, "gave an impossible verdict (expected a reason of its table, found code 65534)"},
        {ASSAY_DISQUALIFY, false, 65535, 0, ASY_FAULT_UNWRITTEN, "left a lead without a verdict"},
        {ASSAY_DISQUALIFY, true, 900, 0, 0, NULL},
        {ASSAY_DISQUALIFY, true, 2, 0, ASY_FAULT_RANGE, "gave an impossible verdict (expected a reason of its table, found code 2)"},
        {ASSAY_DISQUALIFY, true, 901, 0, ASY_FAULT_RANGE, "gave an impossible verdict (expected a reason of its table, found code 901)"},
        {ASSAY_DISQUALIFY, true, 65535, 0, ASY_FAULT_UNWRITTEN, "left a lead without a verdict"},
        {ASSAY_SCORE, false, 0, 999999, 0, NULL},
        {ASSAY_SCORE, false, 0, ASY_POINTS_UNWRITTEN, 0, NULL},
        {ASSAY_SCORE, false, 1, 2500, 0, NULL},
        {ASSAY_SCORE, false, 1, -1000, 0, NULL},
        {ASSAY_SCORE, false, 1, 2501, ASY_FAULT_RANGE, "gave an impossible verdict (expected -1 to 2.5 points, found 2.501)"},
        {ASSAY_SCORE, true, 3, -1001, ASY_FAULT_RANGE, "gave an impossible verdict (expected -1 to 2.5 points, found -1.001)"},
        {ASSAY_SCORE, false, 2, ASY_POINTS_UNWRITTEN, ASY_FAULT_UNWRITTEN, "left a lead without a verdict (reason 2 without points)"},
        {ASSAY_ROUTE, false, 1, ASSAY_NO_TARGET, 0, NULL},
        {ASSAY_ROUTE, false, 1, 0, 0, NULL},
        {ASSAY_ROUTE, false, 1, 3, 0, NULL},
        {ASSAY_ROUTE, false, 0, 4, 0, NULL},
        {ASSAY_ROUTE, false, 1, 4, ASY_FAULT_RANGE, "gave an impossible verdict (expected ASSAY_NO_TARGET or one of its 4 targets, found 4)"},
        {ASSAY_ROUTE, false, 1, -2, ASY_FAULT_RANGE, "gave an impossible verdict (expected ASSAY_NO_TARGET or one of its 4 targets, found -2)"},
        {ASSAY_ROUTE, false, 1, ASY_TARGET_UNWRITTEN, ASY_FAULT_UNWRITTEN, "left a lead without a verdict (reason 1 without a target)"},
        {ASSAY_RECYCLE, false, 1, 0, 0, NULL},
        {ASSAY_RECYCLE, false, 1, UINT32_MAX, 0, NULL},
        {ASSAY_RECYCLE, false, 0, -5, 0, NULL},
        {ASSAY_RECYCLE, false, 1, -1, ASY_FAULT_RANGE,
         "gave an impossible verdict (expected a due time from 0 to 4294967295 seconds since 1970, found -1)"},
        {ASSAY_RECYCLE, false, 1, 1ll << 32, ASY_FAULT_RANGE,
         "gave an impossible verdict (expected a due time from 0 to 4294967295 seconds since 1970, found 4294967296)"},
        {ASSAY_RECYCLE, false, 1, ASY_DUE_UNWRITTEN, ASY_FAULT_UNWRITTEN, "left a lead without a verdict (reason 1 without a due time)"},
    };
    static const uint32_t rows[] = {0, 1, 63, 64, 65, 100, 255, 256, 257, 299};
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        struct world w;
        open_check(&w, cases[i].kind, cases[i].has_gaps);
        for (size_t k = 0; k < ASY_COUNT_OF(rows); k++) {
            const uint32_t bad = 10 + rows[k];
            uint32_t row = UINT32_MAX;
            char text[300];
            w.stage.reason[bad] = cases[i].reason;
            if (w.stage.points != NULL) w.stage.points[bad] = (int32_t)cases[i].more;
            if (w.stage.target != NULL) w.stage.target[bad] = (int32_t)cases[i].more;
            if (w.stage.due != NULL) w.stage.due[bad] = cases[i].more;
            const bool is_good = asy_stage_check(&w.stage, &w.decl, N_TARGETS, 10, 300, &row, &w.fault);
            cr_expect_eq(is_good, cases[i].text == NULL, "case %zu", i);
            cr_expect(asy_stage_check(&w.stage, &w.decl, N_TARGETS, 10, rows[k], &row, &w.fault) || cases[i].text == NULL, "case %zu: before it", i);
            cr_expect(asy_stage_check(&w.stage, &w.decl, N_TARGETS, bad + 1, 300, &row, &w.fault), "case %zu: behind it", i);
            if (cases[i].text != NULL) {
                cr_expect(!asy_stage_check(&w.stage, &w.decl, N_TARGETS, bad, 1, &row, &w.fault));
                cr_expect_eq(row, bad);
                cr_expect_eq(w.fault.kind, cases[i].fault);
                asy_fault_text(&w.fault, text, sizeof(text));
                cr_expect_str_eq(text, cases[i].text);
            }
            w.stage.reason[bad] = 0;
        }
        close_world(&w);
    }
}

Test(verdict, the_first_bad_one_is_named)
{
    struct world w;
    uint32_t row;
    open_check(&w, ASSAY_DISQUALIFY, true);
    w.stage.reason[200] = 2;
    w.stage.reason[201] = ASY_REASON_UNWRITTEN;
    w.stage.reason[190] = 900;
    w.stage.reason[3000] = 77;
    cr_assert(!asy_stage_check(&w.stage, &w.decl, 0, 0, 4096, &row, &w.fault) && row == 200);
    cr_assert(!asy_stage_check(&w.stage, &w.decl, 0, 201, 3000, &row, &w.fault) && row == 201);
    cr_assert(!asy_stage_check(&w.stage, &w.decl, 0, 202, 3000, &row, &w.fault) && row == 3000);
    cr_assert(asy_stage_check(&w.stage, &w.decl, 0, 202, 2798, &row, &w.fault));
    close_world(&w);
}

Test(verdict, a_router_without_targets_has_none)
{
    struct world w;
    uint32_t row;
    open_check(&w, ASSAY_ROUTE, false);
    w.stage.reason[70] = 1;
    w.stage.target[70] = ASSAY_NO_TARGET;
    cr_assert(asy_stage_check(&w.stage, &w.decl, 0, 0, 128, &row, &w.fault));
    w.stage.target[70] = 0;
    cr_assert(!asy_stage_check(&w.stage, &w.decl, 0, 0, 128, &row, &w.fault) && row == 70);
    close_world(&w);
}

Test(fault, is_told)
{
    static const struct {
        struct asy_fault fault;
        const char *text;
    } cases[] = {
        {{.kind = ASY_FAULT_SIGNAL, .number = SIGSEGV}, "was ended by SIGSEGV (bad memory access)"},
        {{.kind = ASY_FAULT_SIGNAL, .number = SIGSYS}, "was ended by SIGSYS (a system call that plugins may not make)"},
        {{.kind = ASY_FAULT_SIGNAL, .number = SIGXCPU}, "was ended by SIGXCPU (out of processor time)"},
        {{.kind = ASY_FAULT_SIGNAL, .number = SIGKILL}, "was ended by SIGKILL (killed: out of memory, or from outside)"},
        {{.kind = ASY_FAULT_SIGNAL, .number = 42}, "was ended by signal 42"},
        {{.kind = ASY_FAULT_EXIT, .number = 3}, "ended its process with exit code 3"},
        {{.kind = ASY_FAULT_TIME}, "took longer than its budget"},
        {{.kind = ASY_FAULT_TIME, .text = "100 ms of processor time"}, "took longer than its budget (100 ms of processor time)"},
        {{.kind = ASY_FAULT_OVERRUN}, "wrote beside its verdicts"},
        {{.kind = ASY_FAULT_NONE}, "has no fault"},
        {{.kind = 99}, "failed in an unknown way (99)"},
    };
    char text[300], small[8];
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        asy_fault_text(&cases[i].fault, text, sizeof(text));
        cr_expect_str_eq(text, cases[i].text);
    }
    asy_fault_text(&cases[0].fault, small, sizeof(small));
    cr_expect_str_eq(small, "was end");
}

/* -- libraries ---------------------------------------------------------------------------------------------------- */

static int open_library(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), ASSAY_TEST_PLUGINS "/good2/libdescriptor_%s.so", name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0, "%s", path);
    return fd;
}

Test(library, versions)
{
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"plain", NULL},
        {"later_unused", NULL},
        {"later_used", "x.so: assay_entry_v1: uses byte 128 of the descriptor, for ABI 1.7; this engine, ABI 1.0, knows 120: update assay, or build the "
                       "plugin with this engine's assay/plugin.h"},
        {"small", "x.so: assay_entry_v1: expected struct_size from 120 to 4096 bytes, found 64: begin the descriptor with ASSAY_ABI_HEADER"},
        {"huge", "x.so: assay_entry_v1: expected struct_size from 120 to 4096 bytes, found 70000: begin the descriptor with ASSAY_ABI_HEADER"},
        {"major", "x.so: assay_entry_v1: expected ABI 1, found 2.0: build it with this engine's assay/plugin.h"},
        {"absent", "x.so: expected the symbol assay_entry_v1 (const struct assay_plugin), found none"},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        struct assay_plugin plugin;
        struct assay_error error = {0};
        const int fd = open_library(cases[i].name);
        cr_expect_eq(asy_library_open(&plugin, fd, "x.so", &error), cases[i].text == NULL ? ASSAY_OK : ASSAY_E_DATA, "%s: %s", cases[i].name, error.text);
        if (cases[i].text != NULL) cr_expect_str_eq(error.text, cases[i].text);
        else cr_expect(plugin.struct_size == sizeof(plugin) && strcmp(plugin.id, "com.example.descriptor") == 0);
        close(fd);
    }
}

Test(library, what_is_none_is_refused)
{
    struct assay_plugin plugin;
    struct assay_error error;
    const int fd = memfd_create("none", 0);
    cr_assert_eq(write(fd, "hello", 5), 5);
    cr_assert_eq(asy_library_open(&plugin, fd, "x.so", &error), ASSAY_E_DATA);
    cr_assert_str_eq(error.text, "x.so: cannot be loaded: file too short");
    close(fd);
    cr_assert_eq(asy_library_open(&plugin, fd, "x.so", &error), ASSAY_E_DATA);
    cr_assert_str_eq(error.text, "x.so: expected an open file, found none");
}

/* The loader remembers paths; descriptors, of which the paths are made, are used again. */
Test(library, a_descriptor_that_is_used_again_is_another_library)
{
    static const struct {
        const char *name, *version;
    } cases[] = {{"plain", "1"}, {"other", "2"}, {"plain", "1"}};
    int first = -1;
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        struct assay_plugin plugin;
        struct assay_error error;
        const int fd = open_library(cases[i].name);
        if (first < 0) first = fd;
        cr_assert_eq(fd, first, "the test is about the same number");
        cr_assert_eq(asy_library_open(&plugin, fd, "x.so", &error), ASSAY_OK);
        cr_assert_str_eq(plugin.version, cases[i].version);
        close(fd);
    }
}
