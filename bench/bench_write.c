/* How fast scored leads are written, in GB/s of text and ns a row:
 *
 *     bench_write [--json] [--leads N] [--threads N] [--to FOLDER]      default 200000 leads, 1 thread
 *
 *   cells   cell by cell through the writer, to /dev/null
 *   rows    rows of ready pieces, made in memory
 *   table   the whole output, to /dev/null
 *   file    the whole output as a file in FOLDER, to the disk; only with --to
 *
 * Made-up leads with the columns of a usual rule file. Medians of seven runs, and the fastest. `cells` and `rows` are one thread's work,
 * measured by processor time, so that what else the machine does counts little; the others go by the clock. */
#include "cli/output.h"
#include "cli/output_row.h"
#include "timing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { N_RUNS = 7, N_SCORES = 4, N_TERMS = 12, N_OWNERS = 9, AS_OF_S = 1793491200 };
enum what { CELLS, ROWS, TABLE, FILE_OUT, N_WHATS };
static const char *const what_names[N_WHATS] = {"cells", "rows", "table", "file"};
static const struct { enum asy_format format; const char *name; } formats[] = {{ASY_FORMAT_CSV, "csv"}, {ASY_FORMAT_NDJSON, "ndjson"}};

static int fail(const char *text)
{
    fprintf(stderr, "bench_write: %s\n", text);
    return 1;
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

/* ---- a run made by hand ---- */

static struct asy_score scores[N_SCORES] = {{.name = {"fit", 3}}, {.name = {"engagement", 10}}, {.name = {"total", 5}}, {.name = {"completeness", 12}}};
static struct asy_grade grades[] = {{.name = {"hot", 3}}, {.name = {"warm", 4}}, {.name = {"cool", 4}}, {.name = {"cold", 4}}};
static struct asy_disqualifier disqualify[] = {{.name = {"Too small", 9}}, {.name = {"Unsupported country", 19}}, {.name = {"Not a buyer", 11}}};
static struct asy_route routes[] = {{.name = {"Enterprise", 10}, .flag = {"Hot Lead", 8}, .respond_within_s = 14400},
                                    {.name = {"Mid-market", 10}, .flag = {"Warm Lead", 9}, .respond_within_s = 86400},
                                    {.name = {"Not ready yet", 13}, .flag = {"", 0}}, {.name = {"Unqualified", 11}, .flag = {"", 0}}};
static struct asy_recycle recycles[] = {{.name = {"Second look at a lost deal", 26}, .test.call = ASY_NONE, .to = {"nurture", 7}}};
static struct asy_term terms[N_TERMS];
static struct asy_schema schema;

static void draw_row(struct asy_results *r, uint32_t row, uint64_t *state)
{
    const uint32_t kind = next_random(state) % 100, n_routed = kind < 30 ? next_random(state) % 2 : 2 + next_random(state) % 2;
    for (uint32_t s = 0; s < N_SCORES; s++) r->score_milli[s][row] = (int32_t)(next_random(state) % 101) * 1000;
    r->grade[row] = (uint8_t)(1 + next_random(state) % 4);
    r->disqualified_by[row] = (uint16_t)(kind >= 64 ? 1 + next_random(state) % 3 : 0);
    r->route[row] = (uint16_t)(1 + n_routed);
    r->owner[row] = n_routed < 2 ? 1 + next_random(state) % N_OWNERS : 0;
    r->routed_at_s[row] = n_routed < 2 ? AS_OF_S : 0;
    r->recycle[row] = (uint16_t)(next_random(state) % 50 == 0);
    for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) {
        r->top_term[j][row] = (uint16_t)(next_random(state) % N_TERMS);
        r->top_milli[j][row] = ((int32_t)(next_random(state) % 21) - 8) * 5000;
    }
}

static assay_status make_session(struct assay *session, uint32_t n_leads, struct assay_error *error)
{
    static const char *const names[N_TERMS] = {"Company size", "Industry", "Seniority", "Geography", "demo_request", "pricing_page_view",
                                               "email_click", "webinar_attended", "content_download", "product_page_view", "Five visits", "unsubscribe"};
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint64_t state = 1;
    *session = (struct assay){.as_of_s = AS_OF_S, .has_results = true};
    asy_mem_init(&session->mem, NULL);
    for (uint32_t t = 0; t < N_TERMS; t++) terms[t].name = asy_str_of(names[t]);
    session->rules = (struct asy_rules){.n_scores = N_SCORES, .scores = scores, .n_grades = 4, .grades = grades, .n_disqualify = 3, .disqualify = disqualify,
                                        .n_routes = 4, .routes = routes, .n_recycle = 1, .recycle = recycles};
    session->program.n_terms = N_TERMS;
    session->program.terms = terms;
    assay_status status = asy_store_init(&session->store, &session->mem, &schema, 1, error);
    for (uint32_t row = 0; row < n_leads && status == ASSAY_OK;) {
        char id[19] = "00Q5e00000";
        uint32_t added;
        bool is_new;
        for (uint32_t i = 10; i < 18; i++) id[i] = letters[next_random(&state) % 62];
        status = asy_store_add(&session->store, (struct asy_str){id, 18}, &added, &is_new, error);
        row += is_new;
    }
    if (status == ASSAY_OK) status = asy_results_init(&session->results, &session->mem, &session->rules, n_leads, N_TERMS, 1, error);
    for (uint32_t i = 0; i < N_OWNERS && status == ASSAY_OK; i++) {
        char name[16];
        uint32_t code;
        const int n = snprintf(name, sizeof(name), "member%u", i);
        status = asy_dict_intern(&session->results.owners, (struct asy_str){name, (uint32_t)n}, &code);
    }
    for (uint32_t row = 0; row < n_leads && status == ASSAY_OK; row++) draw_row(&session->results, row, &state);
    return status;
}

/* ---- what is measured ---- */

struct bench {
    struct assay session;
    struct asy_pool pool;
    struct asy_output_columns columns;
    uint32_t n_threads;
    const char *folder; /* NULL: no files */
    bool as_json;
};

/* As many cells of the same kinds as a row has. */
static assay_status write_cells(struct bench *bench, enum asy_format format, struct assay_error *error)
{
    struct asy_writer *writer;
    const struct asy_results *r = &bench->session.results;
    const struct asy_str none = ASY_STR(""), reasons = ASY_STR("Company size:+25;Industry:+20;Seniority:+20");
    assay_status status = asy_writer_open(&writer, &bench->session.mem, "/dev/null", format, bench->columns.names, bench->columns.n, error);
    for (uint32_t row = 0; row < r->n_leads && status == ASSAY_OK; row++) {
        const uint32_t disqualified_by = r->disqualified_by[row];
        asy_writer_text(writer, asy_keys_text(&bench->session.store.keys, row));
        for (uint32_t s = 0; s < N_SCORES; s++) asy_writer_milli(writer, r->score_milli[s][row], 0);
        asy_writer_text(writer, grades[r->grade[row] - 1].name);
        asy_writer_text(writer, disqualified_by == 0 ? none : disqualify[disqualified_by - 1].name);
        asy_writer_text(writer, routes[r->route[row] - 1].name);
        asy_writer_text(writer, asy_dict_text(&r->owners, r->owner[row]));
        asy_writer_text(writer, routes[r->route[row] - 1].flag);
        asy_writer_raw(writer, r->route[row] > 2 ? none : ASY_STR("2026-11-02T00:00:00Z"));
        asy_writer_empty(writer);
        asy_writer_empty(writer);
        asy_writer_text(writer, reasons);
        status = asy_writer_row_end(writer, error);
        if (status != ASSAY_OK) asy_writer_abort(writer);
    }
    return status == ASSAY_OK ? asy_writer_commit(writer, error) : status;
}

/* Block after block into the same memory, as when each is written at once. *n_bytes is that of all. */
static assay_status make_rows(struct bench *bench, enum asy_format format, uint64_t *n_bytes, struct assay_error *error)
{
    struct asy_pool pool;
    struct asy_layout layout;
    struct asy_row_maker maker;
    const struct assay *session = &bench->session;
    char *block = NULL;
    asy_pool_init(&pool, &bench->session.mem);
    *n_bytes = 0;
    assay_status status = asy_layout_init(&layout, &pool, "rows", format, bench->columns.names, bench->columns.n, error);
    if (status == ASSAY_OK && (!asy_row_maker_init(&maker, &pool, session, &bench->columns, &layout) ||
                               (block = asy_pool_alloc(&pool, 2048 * (maker.rest_room + asy_cell_room(&layout, 0, 18)))) == NULL))
        status = asy_fail(error, ASSAY_E_NOMEM, "out of memory");
    char *at = block;
    for (uint32_t row = 0; row < session->results.n_leads && status == ASSAY_OK; row++) {
        char *start = row % 2048 == 0 ? block : at;
        at = asy_row_make_rest(&maker, row, asy_row_make_id(&maker, row, start));
        *n_bytes += (uint64_t)(at - start);
    }
    asy_pool_fini(&pool);
    return status;
}

static assay_status run_once(struct bench *bench, enum what what, size_t f, struct assay_error *error)
{
    char path[4096] = "/dev/null";
    uint64_t unused;
    if (what == CELLS) return write_cells(bench, formats[f].format, error);
    if (what == ROWS) return make_rows(bench, formats[f].format, &unused, error);
    if (what == FILE_OUT) snprintf(path, sizeof(path), "%s/bench_write.%s", bench->folder, formats[f].name);
    const assay_status status = asy_output_write(&bench->session, path, formats[f].format, NULL, bench->n_threads, &unused, error);
    if (what == FILE_OUT) unlink(path);
    return status;
}

static double now_ns(enum what what)
{
    struct timespec t;
    clock_gettime(what < TABLE ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int measure(struct bench *bench, enum what what, size_t f)
{
    struct assay_error error = {0};
    double samples_ns[N_RUNS];
    uint64_t n_bytes;
    const uint32_t n_rows = bench->session.results.n_leads, n_threads = what < TABLE ? 1 : bench->n_threads;
    if (make_rows(bench, formats[f].format, &n_bytes, &error) != ASSAY_OK) return fail(error.text);
    for (uint32_t run = 0; run < N_RUNS; run++) {
        const double start_ns = now_ns(what);
        if (run_once(bench, what, f, &error) != ASSAY_OK) return fail(error.text);
        samples_ns[run] = now_ns(what) - start_ns;
    }
    const struct timing timing = timing_of(samples_ns, N_RUNS);
    const double gb_s = (double)n_bytes / timing.median_ns, most_gb_s = (double)n_bytes / timing.fastest_ns, row_ns = timing.median_ns / n_rows;
    if (bench->as_json)
        printf("{\"bench\":\"write\",\"what\":\"%s\",\"format\":\"%s\",\"threads\":%u,\"rows\":%u,\"bytes\":%" PRIu64
               ",\"gb_s\":%.3f,\"fastest_gb_s\":%.3f,\"row_ns\":%.2f}\n",
               what_names[what], formats[f].name, n_threads, n_rows, n_bytes, gb_s, most_gb_s, row_ns);
    else
        printf("%-6s %-7s %2u threads %6.2f GB/s  fastest %6.2f  %6.1f ns/row\n", what_names[what], formats[f].name, n_threads, gb_s, most_gb_s, row_ns);
    fflush(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    struct bench bench = {.n_threads = 1};
    uint32_t n_leads = 200000;
    struct assay_error error = {0};
    for (int i = 1; i < argc; i++) {
        const bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--json") == 0) bench.as_json = true;
        else if (strcmp(argv[i], "--leads") == 0 && has_value) n_leads = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--threads") == 0 && has_value) bench.n_threads = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--to") == 0 && has_value) bench.folder = argv[++i];
        else return fail("usage: bench_write [--json] [--leads N] [--threads N] [--to FOLDER]");
    }
    if (n_leads == 0 || bench.n_threads == 0) return fail("--leads, --threads: expected a number above 0");
    if (make_session(&bench.session, n_leads, &error) != ASSAY_OK) return fail(error.text);
    asy_pool_init(&bench.pool, &bench.session.mem);
    if (!asy_output_columns_init(&bench.columns, &bench.pool, &bench.session.rules)) return fail("out of memory");
    int code = 0;
    for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]) && code == 0; f++)
        for (enum what what = CELLS; what < (bench.folder == NULL ? FILE_OUT : N_WHATS) && code == 0; what++) code = measure(&bench, what, f);
    asy_pool_fini(&bench.pool);
    asy_results_fini(&bench.session.results, &bench.session.rules, N_TERMS);
    asy_store_fini(&bench.session.store);
    return code;
}
