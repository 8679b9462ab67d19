/* How fast CSV is read, in GB/s of one core: the structural index alone, at each level, and rows with their cells.
 *
 *     bench_csv [MEGABYTES]      default 200
 *
 * Made-up leads, unquoted and with every text cell quoted (some with doubled quotes and newlines). Best of five runs. */
#include "io/rows.h"
#include "io/scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define N_RUNS 5

enum shape { UNQUOTED, QUOTED, ACCENTED };
static const char *const shape_names[] = {"unquoted", "quoted", "accented"};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static size_t make_rows(char *out, size_t cap, enum shape shape)
{
    static const char *const industries[] = {"b2b_saas", "technology", "manufacturing", "retail", "health"};
    static const char *const titles[] = {"VP Sales", "Head of Marketing", "Software Engineer", "Chief Revenue Officer", "Student"};
    size_t n = (size_t)snprintf(out, cap, "lead_id,email,title,company,industry,country,employees,revenue,created_at,source\n");
    uint64_t state = 1;
    for (uint32_t i = 0; cap - n > 512; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint32_t r = (uint32_t)(state >> 33);
        const char *const q = shape == QUOTED ? "\"" : "";
        const char *const company = shape == QUOTED && r % 64 == 0  ? "Acme \"\"West\"\", Inc\nHQ"
                                    : shape == ACCENTED && r % 3 == 0 ? "Caf\xc3\xa9 M\xc3\xbcnchen"
                                                                      : "Acme Inc";
        n += (size_t)snprintf(out + n, cap - n, "L%07u,%suser%u@example%u.com%s,%s%s%s,%s%s %u%s,%s%s%s,%s,%u,%u.%02u,2026-%02u-%02uT%02u:%02u:00Z,%s%s%s\n",
                              i, q, r % 1000000, r % 977, q, q, titles[r % 5], q, q, company, r % 5000, q, q, industries[r / 7 % 5], q,
                              r % 2 ? "DE" : "US", r % 20000, r % 9000000, r % 100, 1 + r % 12, 1 + r % 28, r % 24, r % 60, q,
                              r % 3 ? "web form" : "event", q);
    }
    return n;
}

static void bench_scan(const char *bytes, size_t n, enum shape shape)
{
    static uint32_t positions[ASY_SCAN_WINDOW + ASY_SCAN_SLACK];
    for (int level = ASY_SCAN_PLAIN; level <= (int)asy_scan_best(); level++) {
        double best_s = 1e9;
        uint64_t n_positions = 0;
        for (uint32_t run = 0; run < N_RUNS; run++) {
            struct asy_scan scan;
            asy_scan_init(&scan, ',', (enum asy_scan_level)level);
            n_positions = 0;
            const double start_s = now_s();
            for (size_t at = 0; at < n; at += ASY_SCAN_WINDOW)
                n_positions += asy_scan_run(&scan, bytes + at, n - at < ASY_SCAN_WINDOW ? n - at : ASY_SCAN_WINDOW, (uint32_t)at, positions);
            const double took_s = now_s() - start_s;
            if (took_s < best_s) best_s = took_s;
        }
        printf("scan %-7s %-8s %6.2f GB/s  %5.2f ns/position  (%" PRIu64 " positions)\n", asy_scan_level_name((enum asy_scan_level)level),
               shape_names[shape], (double)n / best_s * 1e-9, best_s * 1e9 / (double)n_positions, n_positions);
    }
}

static int bench_rows(const char *bytes, size_t n, enum shape shape)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    for (int level = ASY_SCAN_PLAIN; level <= (int)asy_scan_best(); level++) {
        double best_s = 1e9;
        uint64_t n_rows = 0, n_cell_bytes = 0;
        for (uint32_t run = 0; run < N_RUNS; run++) {
            const struct asy_rows_options options = {.scan_level = (uint8_t)level};
            struct assay_error error;
            struct asy_rows *rows;
            n_rows = n_cell_bytes = 0;
            const double start_s = now_s();
            if (asy_rows_open_memory(&rows, &mem, "bench", bytes, n, &options, &error) != ASSAY_OK) {
                fprintf(stderr, "%s\n", error.text);
                return 1;
            }
            for (;;) {
                struct asy_row row;
                bool more;
                if (asy_rows_next(rows, &row, &more, &error) != ASSAY_OK || (more && row.problem)) {
                    fprintf(stderr, "%s\n", row.problem ? row.problem : error.text);
                    return 1;
                }
                if (!more) break;
                n_rows++;
                n_cell_bytes += row.cells[row.n_cells - 1].len;
            }
            asy_rows_close(rows);
            const double took_s = now_s() - start_s;
            if (took_s < best_s) best_s = took_s;
        }
        printf("rows %-7s %-8s %6.2f GB/s  %5.1f ns/row  (%" PRIu64 " rows, %" PRIu64 " bytes in the last column)\n",
               asy_scan_level_name((enum asy_scan_level)level), shape_names[shape], (double)n / best_s * 1e-9,
               best_s * 1e9 / (double)n_rows, n_rows, n_cell_bytes);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const size_t megabytes = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 200;
    const size_t cap = (megabytes ? megabytes : 200) * 1000000;
    char *bytes = malloc(cap);
    if (!bytes) {
        fprintf(stderr, "bench_csv: out of memory\n");
        return 1;
    }
    int failed = 0;
    for (enum shape shape = UNQUOTED; shape <= ACCENTED && !failed; shape++) {
        const size_t n = make_rows(bytes, cap, shape);
        bench_scan(bytes, n, shape);
        failed = bench_rows(bytes, n, shape);
    }
    free(bytes);
    return failed;
}
