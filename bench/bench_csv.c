/* How fast CSV is read by one core, in GB/s of text: the structural index alone, blocks as they are taken, blocks with the cells of
 * their columns, and row after row.
 *
 *     bench_csv [--json] [--level NAME] [MEGABYTES] [FILE ...]      default 64 MB of made-up text in memory
 *
 * Made-up text: events (four columns, the last is not wanted), leads, leads with every cell quoted (some with doubled quotes and
 * newlines), leads with accents. A FILE is read from disk, all columns but the last; without --level at the best level only. Medians
 * of seven runs by processor time, and the fastest. */
#include "io/rows.h"
#include "io/scan.h"
#include "timing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { N_RUNS = 7, COLUMNS_MAX = 4096 };
enum shape { EVENTS, LEADS, QUOTED, ACCENTED, N_SHAPES };
enum what { SCAN, TAKE, CELLS, ROWS, N_WHATS };
static const char *const shape_names[N_SHAPES] = {"events", "leads", "quoted", "accented"};
static const char *const what_names[N_WHATS] = {"scan", "take", "cells", "rows"};

/* What is read, and how. */
struct subject {
    const char *name;
    const char *path; /* NULL: bytes */
    const char *bytes;
    size_t n_bytes;
    enum asy_scan_level level;
};

struct outcome {
    uint64_t n_rows, n_cell_bytes;
};

static int fail(const char *text)
{
    fprintf(stderr, "bench_csv: %s\n", text);
    return 1;
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static size_t make_events(char *out, size_t cap)
{
    static const char *const types[] = {"page_view", "email_open", "email_click", "form_submit", "demo_request", "job_change"};
    size_t n = (size_t)snprintf(out, cap, "lead_id,event,time,page\n");
    uint64_t state = 1;
    while (cap - n > 256) {
        const uint32_t r = next_random(&state), s = next_random(&state);
        n += (size_t)snprintf(out + n, cap - n, "00Q5e00000%05uEAM,%s,2026-%02u-%02uT%02u:%02u:%02uZ,%s\n", r % 100000, types[s % 6],
                              1 + r % 12, 1 + s % 28, r % 24, s % 60, r % 60, s % 4 ? "" : "/pricing");
    }
    return n;
}

static size_t make_leads(char *out, size_t cap, enum shape shape)
{
    static const char *const industries[] = {"b2b_saas", "technology", "manufacturing", "retail", "health"};
    static const char *const titles[] = {"VP Sales", "Head of Marketing", "Software Engineer", "Chief Revenue Officer", "Student"};
    size_t n = (size_t)snprintf(out, cap, "lead_id,email,title,company,industry,country,employees,revenue,created_at,source\n");
    const char *const q = shape == QUOTED ? "\"" : "";
    uint64_t state = 1;
    for (uint32_t i = 0; cap - n > 512; i++) {
        const uint32_t r = next_random(&state);
        const char *const company = shape == QUOTED && r % 64 == 0    ? "Acme \"\"West\"\", Inc\nHQ"
                                    : shape == ACCENTED && r % 3 == 0 ? "Caf\xc3\xa9 M\xc3\xbcnchen"
                                                                      : "Acme Inc";
        n += (size_t)snprintf(out + n, cap - n,
                              "%sL%07u%s,%suser%u@example%u.com%s,%s%s%s,%s%s %u%s,%s%s%s,%s%s%s,%s%u%s,%s%u.%02u%s,"
                              "%s2026-%02u-%02uT%02u:%02u:00Z%s,%s%s%s\n",
                              q, i, q, q, r % 1000000, r % 977, q, q, titles[r % 5], q, q, company, r % 5000, q, q, industries[r / 7 % 5], q, q,
                              r % 2 ? "DE" : "US", q, q, r % 20000, q, q, r % 9000000, r % 100, q, q, 1 + r % 12, 1 + r % 28, r % 24, r % 60,
                              q, q, r % 3 ? "web form" : "event", q);
    }
    return n;
}

/* ---- what is measured ---- */

/* Processor time, so that what else the machine does counts little: this is one thread, and all of its input is in memory. */
static double cpu_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void run_scan(const struct subject *subject, struct outcome *outcome)
{
    static uint32_t positions[ASY_SCAN_WINDOW + ASY_SCAN_SLACK];
    struct asy_scan scan;
    asy_scan_init(&scan, ',', subject->level);
    for (size_t at = 0; at < subject->n_bytes; at += ASY_SCAN_WINDOW) {
        const size_t left = subject->n_bytes - at;
        asy_scan_run(&scan, subject->bytes + at, left < ASY_SCAN_WINDOW ? left : ASY_SCAN_WINDOW, (uint32_t)at, positions);
        outcome->n_rows += scan.n_line_ends;
    }
}

static assay_status run_blocks(struct asy_rows *rows, bool with_cells, struct outcome *outcome, struct assay_error *error)
{
    static uint32_t columns[COLUMNS_MAX];
    const struct asy_str *names;
    const uint32_t n_columns = asy_rows_header(rows, &names);
    const uint32_t n_wanted = n_columns > 1 ? n_columns - 1 : n_columns;
    for (uint32_t i = 0; i < n_wanted; i++) columns[i] = i;
    struct asy_block *block;
    assay_status status = asy_block_new(&block, rows, error);
    for (bool more = status == ASSAY_OK; more;) {
        struct asy_cells cells;
        status = asy_rows_take(rows, block, &more, error);
        if (status != ASSAY_OK || !more || !with_cells) more = more && status == ASSAY_OK;
        else {
            status = asy_block_cells(block, columns, n_wanted, &cells, error);
            more = status == ASSAY_OK;
            outcome->n_rows += cells.n_rows;
            if (more && cells.n_rows > 0) outcome->n_cell_bytes += cells.cells[n_wanted - 1][cells.n_rows - 1].len;
        }
    }
    asy_block_free(block);
    return status;
}

static assay_status run_rows(struct asy_rows *rows, struct outcome *outcome, struct assay_error *error)
{
    for (;;) {
        struct asy_row row;
        bool more;
        const assay_status status = asy_rows_next(rows, &row, &more, error);
        if (status != ASSAY_OK || !more) return status;
        outcome->n_rows++;
        outcome->n_cell_bytes += row.cells[row.n_cells - 1].len;
    }
}

static int run_once(const struct subject *subject, enum what what, struct asy_mem *mem, struct outcome *outcome)
{
    *outcome = (struct outcome){0};
    if (what == SCAN) {
        run_scan(subject, outcome);
        return 0;
    }
    const struct asy_rows_options options = {.scan_level = (uint8_t)subject->level};
    struct assay_error error = {0};
    struct asy_rows *rows = NULL;
    assay_status status = subject->path ? asy_rows_open(&rows, mem, subject->path, &options, &error)
                                        : asy_rows_open_memory(&rows, mem, subject->name, subject->bytes, subject->n_bytes, &options, &error);
    if (status == ASSAY_OK) status = what == ROWS ? run_rows(rows, outcome, &error) : run_blocks(rows, what == CELLS, outcome, &error);
    asy_rows_close(rows);
    return status == ASSAY_OK ? 0 : fail(error.text);
}

static int measure(const struct subject *subject, enum what what, bool as_json)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    double samples_ns[N_RUNS];
    struct outcome outcome;
    for (uint32_t run = 0; run < N_RUNS; run++) {
        const double start_ns = cpu_now_ns();
        if (run_once(subject, what, &mem, &outcome)) return 1;
        samples_ns[run] = cpu_now_ns() - start_ns;
    }
    const struct timing timing = timing_of(samples_ns, N_RUNS);
    const double gb_s = (double)subject->n_bytes / timing.median_ns, most_gb_s = (double)subject->n_bytes / timing.fastest_ns;
    const double row_ns = outcome.n_rows ? timing.median_ns / (double)outcome.n_rows : 0;
    const char *level = asy_scan_level_name(subject->level);
    if (as_json)
        printf("{\"bench\":\"csv\",\"what\":\"%s\",\"level\":\"%s\",\"text\":\"%s\",\"bytes\":%zu,\"rows\":%" PRIu64
               ",\"gb_s\":%.3f,\"fastest_gb_s\":%.3f,\"row_ns\":%.2f}\n",
               what_names[what], level, subject->name, subject->n_bytes, outcome.n_rows, gb_s, most_gb_s, row_ns);
    else
        printf("%-6s %-7s %-9s %6.2f GB/s  fastest %6.2f  %6.1f ns/row\n", what_names[what], level, subject->name, gb_s, most_gb_s, row_ns);
    fflush(stdout);
    return 0;
}

/* ---- command ---- */

static int measure_made_up(size_t megabytes, enum asy_scan_level from, enum asy_scan_level to, bool as_json)
{
    const size_t cap = megabytes * 1000000;
    char *bytes = malloc(cap);
    if (!bytes) return fail("out of memory");
    int failed = 0;
    for (enum shape shape = EVENTS; shape < N_SHAPES && !failed; shape++) {
        const size_t n = shape == EVENTS ? make_events(bytes, cap) : make_leads(bytes, cap, shape);
        for (enum what what = SCAN; what < N_WHATS && !failed; what++)
            for (int level = (int)from; level <= (int)to && !failed; level++) {
                const struct subject subject = {shape_names[shape], NULL, bytes, n, (enum asy_scan_level)level};
                failed = measure(&subject, what, as_json);
            }
    }
    free(bytes);
    return failed;
}

static int measure_file(const char *path, enum asy_scan_level level, bool as_json)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) return fail("a file cannot be opened");
    const long n_bytes = ftell(file);
    fclose(file);
    const char *slash = strrchr(path, '/');
    const struct subject subject = {slash ? slash + 1 : path, path, NULL, (size_t)(n_bytes > 0 ? n_bytes : 0), level};
    int failed = 0;
    for (enum what what = TAKE; what < N_WHATS && !failed; what++) failed = measure(&subject, what, as_json);
    return failed;
}

int main(int argc, char **argv)
{
    size_t megabytes = 64;
    bool as_json = false, has_files = false;
    enum asy_scan_level from = ASY_SCAN_PLAIN, to = asy_scan_best();
    int failed = 0;
    for (int i = 1; i < argc && !failed; i++) {
        char *end;
        const unsigned long number = strtoul(argv[i], &end, 10);
        if (strcmp(argv[i], "--json") == 0) {
            as_json = true;
        } else if (strcmp(argv[i], "--level") == 0 && i + 1 < argc) {
            i++;
            while (from < to && strcmp(argv[i], asy_scan_level_name(from)) != 0) from++;
            to = from;
        } else if (*end == '\0' && number > 0 && number < 100000) {
            megabytes = number;
        } else {
            has_files = true;
            failed = measure_file(argv[i], to, as_json);
        }
    }
    return failed || has_files ? failed : measure_made_up(megabytes, from, to, as_json);
}
