/* What one lead and one event cost in a pass, and how many bytes they take: load once, score many times.
 *
 *     bench_pass [--json] [--runs N] [--threads N] [--batch N] [--isa LEVEL] [--as-of TIME] [--summaries] RULES LEADS [EVENTS]
 *
 * Threads 1 and N (all there are unless said), 11 runs each, alternating, so that a slow minute of the machine hurts both. A
 * run is a whole assay_run (total), then its pass by itself; what is left of the total is the assignment of owners and getting ready
 * (assign). The first run binds the rules to the data and creates plugins, and is not counted; what binding takes without them is told
 * beside it (bind). Each goes on from the round robin of the one before, and with --summaries from what is kept of the log. Between
 * runs a large array is read, by as many threads: `of bandwidth` is the share of that speed at which the run went over the log, the
 * columns and the results (or the summaries in place of the log). Much of the log's times is never read, so it is an upper bound. */
#include "timing.h"

#include "base/thread.h"
#include "base/time.h"
#include "session.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { MAX_RUNS = 10001 };

struct options {
    bool is_json, is_keeping;
    unsigned long n_runs, n_threads, batch_rows;
    const char *isa, *rules, *leads, *events, *plugins;
    int64_t as_of_s;
};

static unsigned long usable_cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0 ? (unsigned long)CPU_COUNT(&set) : 1;
}

static bool read_options(struct options *o, int argc, char **argv)
{
    const char *as_of = "2026-11-01T00:00:00Z"; /* of assay synth */
    *o = (struct options){.n_runs = 11, .n_threads = usable_cpus(), .plugins = ASSAY_BENCH_SHIPPED};
    for (int i = 1; i < argc; i++) {
        const char *const arg = argv[i], *const next = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(arg, "--json") == 0) o->is_json = true;
        else if (strcmp(arg, "--summaries") == 0) o->is_keeping = true;
        else if (arg[0] != '-') {
            if (o->rules == NULL) o->rules = arg;
            else if (o->leads == NULL) o->leads = arg;
            else if (o->events == NULL) o->events = arg;
            else return false;
        } else if (next == NULL) return false;
        else {
            if (strcmp(arg, "--runs") == 0) o->n_runs = strtoul(next, NULL, 10);
            else if (strcmp(arg, "--threads") == 0) o->n_threads = strtoul(next, NULL, 10);
            else if (strcmp(arg, "--batch") == 0) o->batch_rows = strtoul(next, NULL, 10);
            else if (strcmp(arg, "--isa") == 0) o->isa = next;
            else if (strcmp(arg, "--plugin-dir") == 0) o->plugins = next;
            else if (strcmp(arg, "--as-of") == 0) as_of = next;
            else return false;
            i++;
        }
    }
    int64_t as_of_us;
    if (asy_time_read(asy_str_of(as_of), &as_of_us) != ASY_TIME_OK) return false;
    o->as_of_s = as_of_us / 1000000;
    return o->leads != NULL && o->n_runs >= 1 && o->n_runs <= MAX_RUNS && o->n_threads >= 1 && o->n_threads <= 1024 &&
           o->batch_rows <= ASY_BATCH_ROWS_MAX;
}

/* -- bytes ---------------------------------------------------------------------------------------------------------- */

static void tell_memory(const struct assay *assay, double load_ns, bool is_json)
{
    const struct asy_store_size size = asy_store_size(&assay->store);
    const double n_leads = assay->store.n_leads > 0 ? assay->store.n_leads : 1;
    const double n_events = (double)assay->store.events.n;
    const double lead_bytes = (double)(size.columns_bytes + size.dicts_bytes + size.keys_bytes + size.index_bytes) / n_leads;
    if (is_json) {
        printf("{\"schema_version\":1,\"bench\":\"pass_memory\",\"leads\":%" PRIu32 ",\"events\":%" PRIu64
               ",\"load_ms\":%.1f,\"columns_bytes\":%" PRIu64 ",\"dicts_bytes\":%" PRIu64 ",\"keys_bytes\":%" PRIu64
               ",\"index_bytes\":%" PRIu64 ",\"events_bytes\":%" PRIu64 ",\"bytes_per_lead\":%.2f,\"bytes_per_event\":%.3f}\n",
               assay->store.n_leads, assay->store.events.n, load_ns / 1e6, size.columns_bytes, size.dicts_bytes, size.keys_bytes,
               size.index_bytes, size.events_bytes, lead_bytes, n_events > 0 ? (double)size.events_bytes / n_events : 0);
        return;
    }
    printf("%" PRIu32 " leads, %" PRIu64 " events, loaded in %.0f ms, kernels %s\n", assay->store.n_leads, assay->store.events.n,
           load_ns / 1e6, assay_isa(assay));
    printf("%.1f bytes/lead, %.1f besides the text of ids: columns %.1f, dictionaries %.1f, keys %.1f, index %.1f\n", lead_bytes,
           lead_bytes - (double)size.id_text_bytes / n_leads, (double)size.columns_bytes / n_leads, (double)size.dicts_bytes / n_leads, (double)size.keys_bytes / n_leads,
           (double)size.index_bytes / n_leads);
    if (n_events > 0) printf("%.2f bytes/event, each lead's place in the log included\n", (double)size.events_bytes / n_events);
}

/* What runs with summaries keep by lead. */
static void tell_summaries(const struct assay *assay, bool is_json)
{
    const uint64_t n_bytes = asy_summaries_bytes(&assay->summaries);
    const double n_leads = assay->store.n_leads > 0 ? assay->store.n_leads : 1;
    if (is_json) printf("{\"schema_version\":1,\"bench\":\"pass_summaries\",\"bytes\":%" PRIu64 ",\"bytes_per_lead\":%.2f}\n", n_bytes, (double)n_bytes / n_leads);
    else printf("%.1f bytes/lead in summaries\n", (double)n_bytes / n_leads);
}

/* -- time ----------------------------------------------------------------------------------------------------------- */

enum part { BIND, PASS, ASSIGN, TOTAL, N_PARTS };
static const char *const part_names[] = {"bind", "pass", "assign", "total"};

struct reading {
    const uint64_t *array;
    uint64_t sums[64]; /* by piece, so that nobody can leave the reading out */
};
enum { READ_BYTES = 256 << 20, N_PIECES = 64 };

static void read_piece(void *ctx, uint32_t worker, uint64_t piece)
{
    struct reading *reading = ctx;
    const size_t n = READ_BYTES / N_PIECES / sizeof(uint64_t);
    const uint64_t *from = reading->array + piece * n;
    uint64_t sums[8] = {0};
    (void)worker;
    for (size_t i = 0; i < n; i += 8)
        for (size_t j = 0; j < 8; j++) sums[j] += from[i + j];
    for (size_t j = 0; j < 8; j++) reading->sums[piece] += sums[j];
}

/* Bytes a second. */
static double read_speed(struct reading *reading, uint32_t n_threads)
{
    const double start_ns = timing_now_ns();
    asy_parallel(n_threads, N_PIECES, read_piece, reading);
    return READ_BYTES / ((timing_now_ns() - start_ns) / 1e9);
}

/* Bytes that a pass may read and write. */
static double moved_bytes(const struct assay *assay, bool is_keeping)
{
    const struct asy_store_size size = asy_store_size(&assay->store);
    const double results = (double)assay->store.n_leads *
                           (4.0 * assay->results.n_scores + ASY_TOP_TERMS * (sizeof(uint16_t) + sizeof(int32_t)) + 1 + 3 * sizeof(uint16_t));
    return (double)size.columns_bytes + results + (is_keeping ? (double)asy_summaries_bytes(&assay->summaries) : (double)size.events_bytes);
}

static void tell_time(const struct assay *assay, const struct options *o, uint32_t n_threads, enum part part, struct timing timing,
                      double ratio, double bandwidth)
{
    const double n_leads = assay->store.n_leads > 0 ? assay->store.n_leads : 1, n_events = (double)assay->store.events.n;
    const struct timing lead = {timing.fastest_ns / n_leads, timing.median_ns / n_leads};
    /* The same time again, by event: not a price on top. */
    const struct timing event = {n_events > 0 ? timing.fastest_ns / n_events : 0, n_events > 0 ? timing.median_ns / n_events : 0};
    const double share = part == PASS ? moved_bytes(assay, o->is_keeping) / (timing.fastest_ns / 1e9) / bandwidth : 0;
    if (o->is_json) {
        printf("{\"schema_version\":2,\"bench\":\"pass\",\"part\":\"%s\",\"isa\":\"%s\",\"summaries\":%s,\"threads\":%" PRIu32
               ",\"runs\":%lu,\"leads\":%" PRIu32 ",\"events\":%" PRIu64 ",\"ns_per_lead_fastest\":%.2f,\"ns_per_lead_median\":%.2f"
               ",\"ns_per_event_fastest\":%.3f,\"ns_per_event_median\":%.3f,\"times_one_thread\":%.3f,\"read_gb_per_s\":%.2f",
               part_names[part], assay_isa(assay), o->is_keeping ? "true" : "false", n_threads, o->n_runs, assay->store.n_leads,
               assay->store.events.n, lead.fastest_ns, lead.median_ns, event.fastest_ns, event.median_ns, ratio, bandwidth / 1e9);
        if (part == PASS) printf(",\"share_of_bandwidth\":%.3f", share);
        printf("}\n");
        return;
    }
    printf("%3" PRIu32 " %-7s  %-6s  fastest %8.2f ns/lead %7.3f ns/event   median %8.2f ns/lead %7.3f ns/event   %.2fx of one", n_threads,
           n_threads == 1 ? "thread" : "threads", part_names[part], lead.fastest_ns, event.fastest_ns, lead.median_ns, event.median_ns, ratio);
    if (part == PASS) printf("   %.0f %% of bandwidth (%.1f GB/s)", share * 100, bandwidth / 1e9);
    printf("\n");
}

static assay_status run_once(struct assay *assay, const struct options *o, uint32_t n_threads, double took_ns[N_PARTS],
                             struct assay_error *error)
{
    const struct assay_run_options options = {.struct_size = sizeof(options), .n_threads = n_threads,
                                              .batch_rows = (uint32_t)o->batch_rows,
                                              .flags = o->is_keeping ? ASSAY_RUN_KEEP_SUMMARIES : 0};
    const struct asy_pass_options pass = {.kern = assay->kern, .n_threads = n_threads, .batch_rows = (uint32_t)o->batch_rows,
                                          .summaries = o->is_keeping ? &assay->summaries : NULL};
    double start_ns = timing_now_ns();
    assay_status status = assay_run(assay, &options, error);
    took_ns[TOTAL] = timing_now_ns() - start_ns;
    if (status != ASSAY_OK) return status;
    start_ns = timing_now_ns();
    status = asy_pass_run(&assay->program, &pass, &assay->results, error);
    took_ns[PASS] = timing_now_ns() - start_ns;
    if (status != ASSAY_OK) return status;
    took_ns[ASSIGN] = took_ns[TOTAL] - took_ns[PASS];
    struct asy_program program;
    start_ns = timing_now_ns();
    status = asy_program_init(&program, &assay->mem, &assay->rules, &assay->store, assay->as_of_s, &assay->plugins, error);
    took_ns[BIND] = timing_now_ns() - start_ns;
    if (status == ASSAY_OK) asy_program_fini(&program);
    if (took_ns[ASSIGN] < 0) took_ns[ASSIGN] = 0;
    return status;
}

static assay_status time_runs(struct assay *assay, const struct options *o, struct assay_error *error)
{
    const uint32_t n_kinds = o->n_threads > 1 ? 2 : 1, threads[2] = {1, (uint32_t)o->n_threads};
    double *samples_ns = malloc(2 * N_PARTS * o->n_runs * sizeof(*samples_ns)), ignored_ns[N_PARTS], bandwidth[2] = {1, 1};
    uint64_t *array = malloc(READ_BYTES);
    assay_status status = samples_ns == NULL || array == NULL ? asy_fail(error, ASSAY_E_NOMEM, "bench_pass: out of memory") : ASSAY_OK;
    struct reading reading = {.array = array};
    if (status == ASSAY_OK) {
        memset(array, 1, READ_BYTES);
        status = run_once(assay, o, threads[n_kinds - 1], ignored_ns, error); /* touches all memory for the first time */
    }
    for (unsigned long r = 0; r < o->n_runs && status == ASSAY_OK; r++)
        for (uint32_t kind = 0; kind < n_kinds && status == ASSAY_OK; kind++) {
            double took_ns[N_PARTS];
            const double speed = read_speed(&reading, threads[kind]);
            if (speed > bandwidth[kind]) bandwidth[kind] = speed;
            status = run_once(assay, o, threads[kind], took_ns, error);
            for (uint32_t part = 0; part < N_PARTS; part++) samples_ns[(kind * N_PARTS + part) * o->n_runs + r] = took_ns[part];
        }
    double one_ns[N_PARTS];
    for (uint32_t kind = 0; kind < n_kinds && status == ASSAY_OK; kind++)
        for (uint32_t part = 0; part < N_PARTS; part++) {
            const struct timing timing = timing_of(samples_ns + (kind * N_PARTS + part) * o->n_runs, (uint32_t)o->n_runs);
            if (kind == 0) one_ns[part] = timing.median_ns;
            tell_time(assay, o, threads[kind], (enum part)part, timing, timing.median_ns > 0 ? one_ns[part] / timing.median_ns : 0,
                      bandwidth[kind]);
        }
    free(samples_ns);
    free(array);
    return status;
}

int main(int argc, char **argv)
{
    struct options o;
    if (!read_options(&o, argc, argv)) {
        fprintf(stderr, "usage: bench_pass [--json] [--runs 1..%d] [--threads N] [--batch N] [--isa ref|v2|v3|v4] [--as-of TIME] "
                        "[--plugin-dir DIR] [--summaries] RULES LEADS [EVENTS]\n", MAX_RUNS);
        return 2;
    }
    struct assay *assay = NULL;
    struct assay_error error = {0};
    const struct assay_options options = {.struct_size = sizeof(options), .isa = o.isa, .n_plugin_dirs = 1, .plugin_dirs = &o.plugins};
    const struct assay_data data = {.struct_size = sizeof(data), .leads = o.leads, .events = &o.events,
                                    .n_events = o.events != NULL, .as_of_s = o.as_of_s, .n_threads = (uint32_t)o.n_threads};
    assay_status status = assay_open(&assay, &options, &error);
    if (status == ASSAY_OK) status = assay_load_rules(assay, o.rules, &error);
    const double start_ns = timing_now_ns();
    if (status == ASSAY_OK) status = assay_load_data(assay, &data, &error);
    if (status == ASSAY_OK) tell_memory(assay, timing_now_ns() - start_ns, o.is_json);
    if (status == ASSAY_OK) status = time_runs(assay, &o, &error);
    if (status == ASSAY_OK && o.is_keeping) tell_summaries(assay, o.is_json);
    if (status != ASSAY_OK) fprintf(stderr, "bench_pass: %s\n", error.text);
    assay_close(assay);
    return status != ASSAY_OK;
}
