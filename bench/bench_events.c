/* How fast the event log takes events in and groups them by lead, in ns per event.
 *
 *     bench_events [--json] [--runs N] [--threads N] [--leads N] [--events N] [--properties]
 *
 * Made-up events in three orders: time (random leads, as exports mostly come), lead (each lead's in time order) and random (no
 * order at all). Staged in batches of 4096 by one writer a thread, one after the other on this thread: a batch lies in the
 * caches, as it does after parsing, and only the staging is timed. Grouping runs on 1 and on N threads. Most of what does not go
 * with the code is the system's: memory that is touched for the first time is made zero. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/thread.h"
#include "store/events.h"
#include "timing.h"

enum { N_BATCH = 4096, N_NAMES = 14, N_TUPLES = 200, MAX_RUNS = 101 };

#define FIRST_TIME_S 1700000000u
#define SPAN_S 60000000u

enum order { BY_TIME, BY_LEAD, RANDOM, N_ORDERS };
static const char *const order_names[N_ORDERS] = {"time", "lead", "random"};

struct setting {
    uint32_t n_leads, n_threads, n_runs;
    uint64_t n_events;
    bool has_properties, is_json;
};

struct batch {
    uint32_t rows[N_BATCH], time_s[N_BATCH], tuples[N_BATCH];
    uint8_t names[N_BATCH];
};

struct figures {
    double stage_ns[MAX_RUNS], group_ns[MAX_RUNS]; /* per event */
    uint64_t staged_bytes, grouped_bytes;
};

static void must(assay_status status, const struct assay_error *error)
{
    if (status == ASSAY_OK) return;
    fprintf(stderr, "bench_events: %s\n", error->text);
    exit(1);
}

/* splitmix64. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static uint32_t below(uint64_t random, uint32_t n)
{
    return (uint32_t)((random >> 32) * n >> 32);
}

/* Events first .. first + n - 1 of the log. */
static void make_batch(struct batch *batch, const struct setting *setting, enum order order, uint64_t first, uint32_t n, uint64_t *state)
{
    for (uint32_t k = 0; k < n; k++) {
        const uint64_t i = first + k, a_lead = i * setting->n_leads, random = next_random(state);
        const uint64_t in_lead = a_lead % setting->n_events / setting->n_leads, lead_n = setting->n_events / setting->n_leads + 1;
        batch->rows[k] = order == BY_LEAD ? (uint32_t)(a_lead / setting->n_events) : below(random, setting->n_leads);
        batch->time_s[k] = FIRST_TIME_S + (order == BY_TIME   ? (uint32_t)(i * SPAN_S / setting->n_events)
                                           : order == BY_LEAD ? (uint32_t)(in_lead * SPAN_S / lead_n)
                                                              : below(next_random(state), SPAN_S));
        batch->names[k] = (uint8_t)((random & 0xff) * N_NAMES >> 8);
        batch->tuples[k] = (uint32_t)((random >> 8 & 0xff) * N_TUPLES >> 8);
    }
}

/* Codes 0 .. N_TUPLES - 1 of every writer. */
static void make_tuples(struct asy_events *events)
{
    struct assay_error error = {.text = "expected memory for the properties, found none"};
    for (uint32_t w = 0; w < events->n_writers; w++)
        for (uint32_t i = 1; i < N_TUPLES; i++) {
            char text[24];
            const struct asy_str value = {text, (uint32_t)snprintf(text, sizeof text, "/page/%" PRIu32, i * 7919 % N_TUPLES)};
            uint32_t code;
            must(asy_events_tuple(events, w, &value, &code), &error);
        }
}

static void run_once(const struct setting *setting, enum order order, uint32_t n_threads, struct figures *figures, uint32_t run)
{
    struct asy_mem mem;
    struct asy_arena arena;
    struct asy_hasher hasher;
    struct asy_events events;
    struct assay_error error;
    struct batch batch;
    uint64_t state = 1;
    asy_mem_init(&mem, NULL);
    asy_hasher_init(&hasher, 1);
    must(asy_arena_init(&arena, asy_events_reserve_bytes(setting->has_properties) + (32u << 20), &error), &error);
    must(asy_events_init(&events, &mem, &arena, &hasher, setting->has_properties, &error), &error);
    must(asy_events_open(&events, setting->n_leads, n_threads, &error), &error);
    if (setting->has_properties) make_tuples(&events);

    double stage_ns = 0;
    for (uint64_t done = 0, n_batches = 0; done < setting->n_events; n_batches++) {
        const uint64_t left = setting->n_events - done;
        const uint32_t n = left < N_BATCH ? (uint32_t)left : N_BATCH;
        make_batch(&batch, setting, order, done, n, &state);
        const double start_ns = timing_now_ns();
        must(asy_events_stage(&events, (uint32_t)(n_batches % n_threads), n, batch.rows, batch.time_s, batch.names,
                              setting->has_properties ? batch.tuples : NULL, &error), &error);
        stage_ns += timing_now_ns() - start_ns;
        done += n;
    }
    figures->staged_bytes = asy_events_bytes(&events);
    const double start_ns = timing_now_ns();
    must(asy_events_group(&events, setting->n_leads, n_threads, &error), &error);
    figures->group_ns[run] = (timing_now_ns() - start_ns) / (double)setting->n_events;
    figures->stage_ns[run] = stage_ns / (double)setting->n_events;
    figures->grouped_bytes = asy_events_bytes(&events);
    asy_events_fini(&events);
    asy_arena_fini(&arena);
}

static double bench(const struct setting *setting, enum order order, uint32_t n_threads, double one_thread_ns)
{
    struct figures figures;
    run_once(setting, order, n_threads, &figures, 0); /* the system finds its memory first: not counted */
    for (uint32_t run = 0; run < setting->n_runs; run++) run_once(setting, order, n_threads, &figures, run);
    const struct timing stage = timing_of(figures.stage_ns, setting->n_runs), group = timing_of(figures.group_ns, setting->n_runs);
    const double staged = (double)figures.staged_bytes / (double)setting->n_events;
    const double grouped = (double)figures.grouped_bytes / (double)setting->n_events;
    const double faster = one_thread_ns > 0 ? one_thread_ns / group.fastest_ns : 1;
    if (setting->is_json)
        printf("{\"schema_version\":1,\"bench\":\"events\",\"order\":\"%s\",\"threads\":%" PRIu32 ",\"leads\":%" PRIu32 ",\"events\":%" PRIu64
               ",\"properties\":%s,\"runs\":%" PRIu32 ",\"stage_ns_per_event_fastest\":%.3f,\"stage_ns_per_event_median\":%.3f"
               ",\"group_ns_per_event_fastest\":%.3f,\"group_ns_per_event_median\":%.3f,\"group_times_one_thread\":%.2f"
               ",\"staged_bytes_per_event\":%.2f,\"grouped_bytes_per_event\":%.2f}\n",
               order_names[order], n_threads, setting->n_leads, setting->n_events, setting->has_properties ? "true" : "false",
               setting->n_runs, stage.fastest_ns, stage.median_ns, group.fastest_ns, group.median_ns, faster, staged, grouped);
    else
        printf("%-7s %7" PRIu32 " %8.2f %8.2f %8.2f %8.2f %7.2fx %8.2f %8.2f\n", order_names[order], n_threads, stage.fastest_ns,
               stage.median_ns, group.fastest_ns, group.median_ns, faster, staged, grouped);
    fflush(stdout);
    return group.fastest_ns;
}

/* A number in 1 .. most, else 0. */
static uint64_t number_of(const char *text, uint64_t most)
{
    char *end;
    const unsigned long long number = strtoull(text, &end, 10);
    return *end == '\0' && text[0] >= '0' && text[0] <= '9' && number <= most ? number : 0;
}

int main(int argc, char **argv)
{
    struct setting setting = {.n_leads = 1000000, .n_events = 20000000, .n_threads = 2, .n_runs = 5};
    bool is_known = true;
    for (int i = 1; i < argc && is_known; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--json") == 0) setting.is_json = true;
        else if (strcmp(argv[i], "--properties") == 0) setting.has_properties = true;
        else if (strcmp(argv[i], "--runs") == 0) setting.n_runs = (uint32_t)number_of(value, MAX_RUNS), i++;
        else if (strcmp(argv[i], "--threads") == 0) setting.n_threads = (uint32_t)number_of(value, ASY_THREADS_MAX), i++;
        else if (strcmp(argv[i], "--leads") == 0) setting.n_leads = (uint32_t)number_of(value, 1u << 28), i++;
        else if (strcmp(argv[i], "--events") == 0) setting.n_events = number_of(value, 1u << 31), i++;
        else is_known = false;
    }
    if (!is_known || setting.n_runs == 0 || setting.n_threads == 0 || setting.n_leads == 0 || setting.n_events == 0) {
        fprintf(stderr, "usage: bench_events [--json] [--runs 1..%d] [--threads 1..%d] [--leads N] [--events N] [--properties]\n",
                MAX_RUNS, ASY_THREADS_MAX);
        return 2;
    }
    if (!setting.is_json)
        printf("%" PRIu32 " leads, %" PRIu64 " events\n%-7s %7s %17s %17s %8s %8s %8s\n%-7s %7s %8s %8s %8s %8s %8s %8s %8s\n", setting.n_leads,
               setting.n_events, "order", "threads", "stage, ns/event", "group, ns/event", "than one", "staged", "grouped", "", "",
               "fastest", "median", "fastest", "median", "thread", "B/event", "B/event");
    for (enum order order = BY_TIME; order < N_ORDERS; order++) {
        const double one_thread_ns = bench(&setting, order, 1, 0);
        if (setting.n_threads > 1) bench(&setting, order, setting.n_threads, one_thread_ns);
    }
    return 0;
}
