/* assay.h used as it says: the order of calls and what is said when it is another, texts and rows, several handles at once,
 * and the same results as the command's. */
#include <criterion/criterion.h>

#include <math.h>
#include <pthread.h>

#include "tiny_db.h"

TestSuite(api, .init = tiny_open_folder, .fini = tiny_close_folder, .timeout = 120);

static struct assay *open_with(const struct assay_options *options)
{
    struct assay *assay = NULL;
    struct assay_error error = {0};
    cr_assert_eq(assay_open(&assay, options, &error), ASSAY_OK, "%s", error.text);
    return assay;
}

static void load_all(struct assay *assay)
{
    struct assay_error error = {0};
    const struct assay_data data = tiny_data();
    cr_assert_eq(assay_load_rules(assay, "rules.yaml", &error), ASSAY_OK, "%s", error.text);
    cr_assert_eq(assay_load_data(assay, &data, &error), ASSAY_OK, "%s", error.text);
}

static void run_with(struct assay *assay, uint32_t n_threads, uint32_t batch_rows)
{
    struct assay_error error = {0};
    const struct assay_run_options options = {.struct_size = sizeof(options), .n_threads = n_threads, .batch_rows = batch_rows};
    cr_assert_eq(assay_run(assay, &options, &error), ASSAY_OK, "%s", error.text);
}

/* The text of a whole run; freed by the caller. */
static struct tiny_text run_whole(const struct assay_options *options)
{
    struct assay *assay = open_with(options);
    struct tiny_text text = {0};
    load_all(assay);
    run_with(assay, 0, 0);
    tiny_tell(assay, &text);
    assay_close(assay);
    return text;
}

static void expect_text(const struct assay *assay, const struct tiny_text *wanted, const char *when)
{
    struct tiny_text found = {0};
    tiny_tell(assay, &found);
    cr_expect_str_eq(found.p, wanted->p, "%s", when);
    free(found.p);
}

Test(api, order_of_calls)
{
    struct assay_error error = {0};
    struct tiny_text wanted = run_whole(NULL);
    struct assay *assay = open_with(NULL);
    const struct assay_data data = tiny_data();
    uint32_t n = 77;

    cr_expect_eq(assay_load_data(assay, &data, &error), ASSAY_E_PARAM);
    cr_expect_str_eq(error.text, "assay_load_data: expected rules to be loaded first");
    cr_expect_eq(error.code, ASSAY_E_PARAM);
    cr_expect_eq(assay_run(assay, NULL, &error), ASSAY_E_PARAM);
    cr_expect_str_eq(error.text, "assay_run: expected data to be loaded first");
    cr_expect_eq(assay_n_leads(assay), 0);
    cr_expect_eq(assay_n_scores(assay), 0);
    cr_expect_str_eq(assay_findings(assay), "");
    cr_expect_str_eq(assay_grade(assay, 0), "");
    cr_expect_eq(assay_find_lead(assay, "L-001"), UINT32_MAX);
    cr_expect_str_eq(assay_lead_id(assay, 0, &n), "");
    cr_expect_eq(n, 0);

    cr_assert_eq(assay_load_rules(assay, "rules.yaml", &error), ASSAY_OK, "%s", error.text);
    cr_expect_eq(assay_n_scores(assay), 5);
    cr_expect_eq(assay_run(assay, NULL, &error), ASSAY_E_PARAM);
    cr_assert_eq(assay_load_data(assay, &data, &error), ASSAY_OK, "%s", error.text);
    cr_expect_eq(assay_n_leads(assay), TINY_LEADS);
    cr_expect_eq(assay_score_milli(assay, 0, 0), 0, "nothing is scored yet");
    cr_expect_str_eq(assay_route(assay, 0), "");
    run_with(assay, 1, 0);
    expect_text(assay, &wanted, "first run");

    run_with(assay, 1, 0);
    expect_text(assay, &wanted, "the same run again");
    run_with(assay, 4, 16);
    expect_text(assay, &wanted, "by four threads in small batches");
    run_with(assay, UINT32_MAX, 65536);
    expect_text(assay, &wanted, "by any number of threads");

    struct assay_run_options keeping = {.struct_size = sizeof(keeping), .n_threads = 2, .batch_rows = 16, .flags = ASSAY_RUN_KEEP_SUMMARIES};
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(assay_run(assay, &keeping, &error), ASSAY_OK, "%s", error.text);
        expect_text(assay, &wanted, i == 0 ? "while summaries are made" : "from summaries");
        keeping.batch_rows = 0;
    }
    run_with(assay, 1, 0);
    expect_text(assay, &wanted, "without them, though they are there");

    cr_assert_eq(assay_load_data(assay, &data, &error), ASSAY_OK, "%s", error.text);
    cr_expect_str_eq(assay_grade(assay, 0), "", "new data have no results");
    cr_assert_eq(assay_run(assay, &keeping, &error), ASSAY_OK, "%s", error.text);
    expect_text(assay, &wanted, "summaries of data loaded again");
    run_with(assay, 1, 0);
    expect_text(assay, &wanted, "after loading data again");

    cr_assert_eq(assay_load_rules(assay, "rules.yaml", &error), ASSAY_OK, "%s", error.text);
    cr_expect_eq(assay_n_leads(assay), 0, "new rules have no data");
    cr_expect_eq(assay_run(assay, NULL, &error), ASSAY_E_PARAM);
    load_all(assay);
    run_with(assay, 1, 0);
    expect_text(assay, &wanted, "after loading everything again");
    assay_close(assay);
    assay_close(NULL);
    free(wanted.p);
}

Test(api, parameters)
{
    struct assay_error error = {0};
    struct assay *assay = NULL;
    struct assay_options options = {.struct_size = 4};
    cr_expect_eq(assay_open(&assay, &options, &error), ASSAY_E_PARAM);
    cr_expect_not_null(strstr(error.text, "assay_open: options.struct_size: expected "), "%s", error.text);
    options = (struct assay_options){.struct_size = sizeof(options), .isa = "v9"};
    cr_expect_eq(assay_open(&assay, &options, &error), ASSAY_E_PARAM);
    cr_expect_not_null(strstr(error.text, "\"v9\""), "%s", error.text);
    const struct assay_allocator table = {.struct_size = sizeof(table)};
    options = (struct assay_options){.struct_size = sizeof(options), .allocator = &table};
    cr_expect_eq(assay_open(&assay, &options, &error), ASSAY_E_PARAM);
    cr_expect_not_null(strstr(error.text, "options.allocator"), "%s", error.text);
    cr_expect_null(assay);

    assay = open_with(NULL);
    cr_assert_eq(assay_load_rules(assay, "rules.yaml", &error), ASSAY_OK);
    struct assay_data data = tiny_data();
    data.struct_size = 8;
    cr_expect_eq(assay_load_data(assay, &data, &error), ASSAY_E_PARAM);
    cr_expect_not_null(strstr(error.text, "struct_size"), "%s", error.text);
    data = tiny_data();
    data.leads = NULL;
    cr_expect_eq(assay_load_data(assay, &data, &error), ASSAY_E_PARAM);
    cr_expect_not_null(strstr(error.text, "leads file"), "%s", error.text);
    data = tiny_data();
    data.events = NULL;
    cr_expect_eq(assay_load_data(assay, &data, &error), ASSAY_E_PARAM);
    cr_expect_str_eq(error.text, "assay_load_data: events: expected 2 files, found NULL");
    data = tiny_data();
    data.as_of_s = -1;
    cr_expect_eq(assay_load_data(assay, &data, &error), ASSAY_E_PARAM);
    cr_expect_not_null(strstr(error.text, "found -1 s"), "%s", error.text);
    data = tiny_data();
    cr_assert_eq(assay_load_data(assay, &data, &error), ASSAY_OK, "%s", error.text);
    struct assay_run_options run = {.struct_size = 4};
    cr_expect_eq(assay_run(assay, &run, &error), ASSAY_E_PARAM);
    cr_expect_not_null(strstr(error.text, "assay_run: options.struct_size"), "%s", error.text);
    run = (struct assay_run_options){.struct_size = sizeof(run), .flags = 6};
    cr_expect_eq(assay_run(assay, &run, &error), ASSAY_E_PARAM);
    cr_expect_not_null(strstr(error.text, "assay_run: options.flags: expected those of enum assay_run_flags, found 0x6"), "%s", error.text);
    run = (struct assay_run_options){.struct_size = sizeof(run), .batch_rows = 65537};
    cr_expect_eq(assay_run(assay, &run, &error), ASSAY_E_PARAM);
    cr_expect_str_eq(error.text, "batch: expected at most 65536 leads, found 65537");
    cr_expect_eq(assay_run(assay, NULL, NULL), ASSAY_OK);
    cr_expect_eq(assay_load_rules(assay, "none.yaml", NULL), ASSAY_E_IO, "an error record is not needed");
    assay_close(assay);
}

Test(api, rows_and_numbers_out_of_range)
{
    struct assay *assay = open_with(NULL);
    load_all(assay);
    run_with(assay, 1, 0);
    const uint32_t rows[] = {TINY_LEADS, TINY_LEADS + 1, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        uint32_t n_id = 1, n_owner = 1;
        cr_expect_str_eq(assay_lead_id(assay, rows[i], &n_id), "");
        cr_expect_str_eq(assay_owner(assay, rows[i], &n_owner), "");
        cr_expect(n_id == 0 && n_owner == 0);
        cr_expect_eq(assay_score_milli(assay, 0, rows[i]), 0);
        cr_expect_str_eq(assay_grade(assay, rows[i]), "");
        cr_expect_str_eq(assay_disqualified_by(assay, rows[i]), "");
        cr_expect_str_eq(assay_route(assay, rows[i]), "");
        cr_expect_str_eq(assay_recycle(assay, rows[i]), "");
        cr_expect_str_eq(assay_stage(assay, rows[i]), "");
        cr_expect_str_eq(assay_nurture(assay, rows[i]), "");
    }
    cr_expect_str_eq(assay_score_name(assay, 3), "total");
    cr_expect_str_eq(assay_score_name(assay, 5), "");
    cr_expect_eq(assay_score_milli(assay, 5, 0), 0);
    cr_expect_eq(assay_score_milli(assay, UINT32_MAX, UINT32_MAX), 0);
    for (uint32_t row = 0; row < TINY_LEADS; row++) {
        char id[16];
        uint32_t n;
        const char *text = assay_lead_id(assay, row, &n);
        snprintf(id, sizeof(id), "%.*s", (int)n, text);
        cr_expect_eq(assay_find_lead(assay, id), row, "%s", id);
    }
    cr_expect_eq(assay_find_lead(assay, "L-00"), UINT32_MAX);
    cr_expect_eq(assay_find_lead(assay, ""), UINT32_MAX);
    assay_close(assay);
}

Test(api, findings)
{
    struct assay_error error = {0};
    struct assay *assay = open_with(NULL);
    cr_assert_eq(assay_load_rules(assay, "rules.yaml", &error), ASSAY_OK);
    cr_expect_not_null(strstr(assay_findings(assay), "W0313"), "%s", assay_findings(assay));
    tiny_file("bad.yaml", "assay: 1\nfields: {a.b: int}\nscores: {s: {rules: [{name: r, when: a.bb > 1, points: 2}]}}\n");
    cr_assert_eq(assay_load_rules(assay, "bad.yaml", &error), ASSAY_E_RULES);
    cr_expect_str_eq(error.text, "bad.yaml: 1 error");
    cr_expect_str_eq(assay_findings(assay),
                     "bad.yaml:3:38: error: E0203 `a.bb` is not a field; did you mean `a.b`? [unknown-name]\n"
                     "    scores: {s: {rules: [{name: r, when: a.bb > 1, points: 2}]}}\n"
                     "                                         ^^^^\n");
    cr_expect_eq(assay_n_scores(assay), 0);
    cr_assert_eq(assay_load_rules(assay, "rules.yaml", &error), ASSAY_OK);
    tiny_file("bad-map.yaml", "leads:\n  keys: id\n");
    struct assay_data data = tiny_data();
    data.map = "bad-map.yaml";
    cr_expect_eq(assay_load_data(assay, &data, &error), ASSAY_E_RULES);
    cr_expect_not_null(strstr(assay_findings(assay), "bad-map.yaml:2:3: error: E0902"), "%s", assay_findings(assay));
    data = tiny_data();
    cr_expect_eq(assay_load_data(assay, &data, &error), ASSAY_OK, "%s", error.text);
    cr_expect_str_eq(assay_findings(assay), "");
    assay_close(assay);
}

struct watched {
    int n_calls, stop_at;
};

static int watch(void *ctx, uint64_t n_rows, uint64_t done_bytes, uint64_t total_bytes)
{
    struct watched *watched = ctx;
    cr_expect(n_rows <= 4000000 && (total_bytes == 0 || done_bytes <= total_bytes));
    return ++watched->n_calls != watched->stop_at;
}

Test(api, reading_can_be_stopped)
{
    struct assay_error error = {0};
    struct watched watched = {.stop_at = 1};
    struct assay *assay = open_with(NULL);
    struct assay_data data = tiny_data();
    tiny_leads("leads.csv", 200000);
    data.progress = watch;
    data.progress_ctx = &watched;
    data.rejects = "rejects.csv";
    cr_assert_eq(assay_load_rules(assay, "rules.yaml", &error), ASSAY_OK);
    cr_expect_eq(assay_load_data(assay, &data, &error), ASSAY_E_CANCELLED, "%s", error.text);
    cr_expect_eq(watched.n_calls, 1);
    cr_expect_eq(assay_n_leads(assay), 0);
    watched.stop_at = 0;
    cr_expect_eq(assay_load_data(assay, &data, &error), ASSAY_OK, "%s", error.text);
    cr_expect_gt(watched.n_calls, 1);
    cr_expect_eq(assay_n_leads(assay), 200000);
    assay_close(assay);
}

/* -- levels, seeds, allocators, threads ------------------------------------------------------------------------------ */

Test(api, kernels_and_seeds_change_nothing)
{
    static const char *const levels[] = {"ref", "v2", "v3", "v4"};
    struct tiny_text wanted = run_whole(NULL);
    struct assay_error error = {0};
    for (size_t i = 0; i < 4; i++) {
        const struct assay_options options = {.struct_size = sizeof(options), .isa = levels[i], .seed = 0x9E3779B97F4A7C15u * (i + 1)};
        struct assay *assay = NULL;
        if (assay_open(&assay, &options, &error) != ASSAY_OK) {
            cr_expect(i > 1 && error.code == ASSAY_E_PARAM, "%s", error.text);
            fprintf(stderr, "notice: %s\n", error.text);
            continue;
        }
        cr_expect_str_eq(assay_isa(assay), levels[i]);
        assay_close(assay);
        struct tiny_text found = run_whole(&options);
        cr_expect_str_eq(found.p, wanted.p, "%s", levels[i]);
        free(found.p);
    }
    free(wanted.p);
}

struct counted {
    int64_t n_alloc, n_resize, n_release, n_live, live_bytes; /* atomic */
};

static void *counted_alloc(void *ctx, size_t size_bytes)
{
    struct counted *counted = ctx;
    __atomic_add_fetch(&counted->n_alloc, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&counted->n_live, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&counted->live_bytes, (int64_t)size_bytes, __ATOMIC_RELAXED);
    return malloc(size_bytes);
}
static void *counted_resize(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    struct counted *counted = ctx;
    __atomic_add_fetch(&counted->n_resize, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&counted->live_bytes, (int64_t)new_bytes - (int64_t)old_bytes, __ATOMIC_RELAXED);
    return realloc(p, new_bytes);
}
static void counted_release(void *ctx, void *p, size_t size_bytes)
{
    struct counted *counted = ctx;
    __atomic_add_fetch(&counted->n_release, 1, __ATOMIC_RELAXED);
    __atomic_sub_fetch(&counted->n_live, 1, __ATOMIC_RELAXED);
    __atomic_sub_fetch(&counted->live_bytes, (int64_t)size_bytes, __ATOMIC_RELAXED);
    free(p);
}

Test(api, own_allocator)
{
    struct counted counted = {0};
    const struct assay_allocator table = {.struct_size = sizeof(table), .ctx = &counted, .alloc = counted_alloc,
                                          .resize = counted_resize, .release = counted_release};
    const struct assay_options options = {.struct_size = sizeof(options), .allocator = &table};
    struct tiny_text wanted = run_whole(NULL), found = run_whole(&options);
    cr_expect_str_eq(found.p, wanted.p);
    cr_expect_gt(counted.n_alloc, 100);
    cr_expect_gt(counted.n_resize, 10);
    cr_expect_eq(counted.n_alloc, counted.n_release);
    cr_expect(counted.n_live == 0 && counted.live_bytes == 0);
    free(wanted.p);
    free(found.p);
}

struct job {
    pthread_t thread;
    const char *isa;
    struct tiny_text text;
    assay_status status;
    struct assay_error error;
};

static void *do_job(void *arg)
{
    struct job *job = arg;
    const struct assay_options options = {.struct_size = sizeof(options), .isa = job->isa};
    const struct assay_run_options run = {.struct_size = sizeof(run), .n_threads = 2, .batch_rows = 8};
    const struct assay_data data = tiny_data();
    for (int round = 0; round < 10 && job->status == ASSAY_OK; round++) {
        struct assay *assay = NULL;
        job->text.n = 0;
        job->status = assay_open(&assay, &options, &job->error);
        if (job->status == ASSAY_OK) job->status = assay_load_rules(assay, "rules.yaml", &job->error);
        if (job->status == ASSAY_OK) job->status = assay_load_data(assay, &data, &job->error);
        if (job->status == ASSAY_OK) job->status = assay_run(assay, &run, &job->error);
        if (job->status == ASSAY_OK) tiny_tell(assay, &job->text);
        assay_close(assay);
    }
    return NULL;
}

Test(api, handles_in_several_threads)
{
    struct tiny_text wanted = run_whole(NULL);
    struct job jobs[3] = {{.isa = "ref"}, {.isa = NULL}, {.isa = NULL}};
    for (size_t i = 0; i < 3; i++) cr_assert_eq(pthread_create(&jobs[i].thread, NULL, do_job, &jobs[i]), 0);
    for (size_t i = 0; i < 3; i++) {
        pthread_join(jobs[i].thread, NULL);
        cr_assert_eq(jobs[i].status, ASSAY_OK, "%s", jobs[i].error.text);
        cr_expect_str_eq(jobs[i].text.p, wanted.p, "thread %zu", i);
        free(jobs[i].text.p);
    }
    free(wanted.p);
}

/* -- the command says the same ------------------------------------------------------------------------------------------ */

/* Cell number `column` of a line without quotes. */
static void cell_of(const char *line, uint32_t column, char *out, size_t cap)
{
    while (column-- > 0) {
        line = strchr(line, ',');
        cr_assert_not_null(line);
        line++;
    }
    const size_t n = strcspn(line, ",\n");
    cr_assert_lt(n, cap);
    memcpy(out, line, n);
    out[n] = '\0';
}

static uint32_t column_of(const char *header, const char *name)
{
    char cell[256];
    for (uint32_t column = 0; column < 32; column++) {
        cell_of(header, column, cell, sizeof(cell));
        if (strcmp(cell, name) == 0) return column;
    }
    return UINT32_MAX;
}

static void expect_cell(const char *header, const char *line, const char *name, const char *wanted)
{
    char cell[256];
    cell_of(line, column_of(header, name), cell, sizeof(cell));
    cr_expect_str_eq(cell, wanted, "%s of %s", name, line);
}

Test(api, command_says_the_same)
{
    char header[1024], line[1024], text[256];
    struct assay *assay = open_with(NULL);
    load_all(assay);
    run_with(assay, 1, 0);
    cr_assert_eq(system(ASSAY_COMMAND " score rules.yaml --leads leads.csv --events events1.csv --events events2.csv --map map.yaml"
                        " --as-of 2026-11-01T00:00:00Z --max-rejects 20% --out scored.csv --quiet"), 0);
    FILE *file = fopen("scored.csv", "rb");
    cr_assert_not_null(file);
    cr_assert_not_null(fgets(header, sizeof(header), file));
    for (uint32_t row = 0; row < assay_n_leads(assay); row++) {
        uint32_t n;
        cr_assert_not_null(fgets(line, sizeof(line), file), "row %u", row);
        const char *id = assay_lead_id(assay, row, &n);
        snprintf(text, sizeof(text), "%.*s", (int)n, id);
        expect_cell(header, line, "lead_id", text);
        for (uint32_t s = 0; s < assay_n_scores(assay); s++) {
            cell_of(line, column_of(header, assay_score_name(assay, s)), text, sizeof(text));
            cr_expect_eq(llround(strtod(text, NULL) * 1000), assay_score_milli(assay, s, row), "%s of %s", assay_score_name(assay, s), line);
        }
        expect_cell(header, line, "grade", assay_grade(assay, row));
        expect_cell(header, line, "disqualified_by", assay_disqualified_by(assay, row));
        expect_cell(header, line, "route", assay_route(assay, row));
        expect_cell(header, line, "recycle", assay_recycle(assay, row));
        expect_cell(header, line, "stage", assay_stage(assay, row));
        expect_cell(header, line, "nurture", assay_nurture(assay, row));
        const char *owner = assay_owner(assay, row, &n);
        snprintf(text, sizeof(text), "%.*s", (int)n, owner);
        expect_cell(header, line, "owner", text);
    }
    cr_expect_null(fgets(line, sizeof(line), file));
    fclose(file);
    assay_close(assay);
}

/* -- the header -------------------------------------------------------------------------------------------------------- */

static bool has_tool(const char *tool)
{
    char command[128];
    snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", tool);
    return system(command) == 0;
}

Test(api, headers_compile_as_c_and_cxx)
{
    static const struct { const char *compiler, *standard, *language; } cases[] = {
        {"gcc", "c11", "c"},      {"gcc", "c17", "c"},     {"g++", "c++17", "c++"},
        {"clang", "c11", "c"},    {"clang", "c17", "c"},   {"clang++", "c++17", "c++"},
    };
    static const char *const headers[] = {"base.h", "assay.h"};
    uint32_t n = 0;
    for (size_t h = 0; h < 2; h++) {
        char text[256], command[1024];
        snprintf(text, sizeof(text), "#include \"assay/%s\"\n#include \"assay/%s\"\nint main(void) { return (int)ASSAY_OK; }\n", headers[h],
                 headers[h]);
        tiny_file("header.txt", text);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            if (!has_tool(cases[i].compiler)) continue;
            snprintf(command, sizeof(command),
                     "%s -std=%s -Wall -Wextra -Wpedantic -Wshadow -Wundef -Werror -fsyntax-only -I" ASSAY_SOURCE_DIR "/include -x %s header.txt",
                     cases[i].compiler, cases[i].standard, cases[i].language);
            cr_expect_eq(system(command), 0, "%s", command);
            n++;
        }
    }
    cr_assert_gt(n, 0, "no compiler found");
}

/* The program at the top of assay.h, word by word, built against the library and run. */
Test(api, example_in_the_header_runs)
{
    if (ASSAY_IS_SANITIZED) cr_skip_test("a plain program would need the sanitizer's library");
    if (!has_tool("cc")) cr_skip_test("cc is not installed");
    char line[512];
    FILE *header = fopen(ASSAY_SOURCE_DIR "/include/assay/assay.h", "rb"), *program = fopen("example.c", "wb");
    cr_assert(header != NULL && program != NULL);
    fputs("#include <assay/assay.h>\n#include <stdio.h>\nint main(void)\n{\n", program);
    while (fgets(line, sizeof(line), header) != NULL && strncmp(line, " */", 3) != 0)
        if (strncmp(line, " *     ", 7) == 0) fputs(line + 3, program);
    fputs("    return 0;\n}\n", program);
    fclose(header);
    fclose(program);
    tiny_file("leads.csv", "lead_id,employees\nanna,100\nbert,\n");
    cr_assert_eq(system("cc -std=c17 -Wall -Wextra -Werror -I" ASSAY_SOURCE_DIR "/include example.c " ASSAY_LIBRARY " -o example && "
                        "LD_LIBRARY_PATH=$(dirname " ASSAY_LIBRARY ") ./example > example.out"), 0);
    char out[256] = "";
    FILE *file = fopen("example.out", "rb");
    const size_t n = fread(out, 1, sizeof(out) - 1, file);
    fclose(file);
    out[n] = '\0';
    cr_expect_str_eq(out, "anna 26\nbert 0\n");
}
