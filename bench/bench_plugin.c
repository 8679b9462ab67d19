/* What asking a plugin costs a lead: in this process, and isolated in one of its own.
 *
 *     bench_plugin [--json] [--runs N]
 *
 * The plugins (bench/plugin/plain.c) read three columns and do next to nothing with them, so what is measured is what lies around: batches
 * of 2048, copies and checks of verdicts, and for the isolated one the way to its process and back. Batches of 4096, 16384 and 65536
 * leads, 101 runs each, alternating between the two ways so that a slow minute of the machine hurts both. Laying out the leads is the
 * pass's and not in it. */
#include "timing.h"

#include "plugin/plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_RUNS = 10001, WARM_RUNS = 3, N_NAMES = 1000, N_BATCHES = 3, N_WAYS = 2 };
static const uint32_t batches[N_BATCHES] = {4096, 16384, 65536};

struct options {
    bool is_json;
    unsigned long n_runs;
};

static bool read_options(struct options *o, int argc, char **argv)
{
    *o = (struct options){.n_runs = 101};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) o->is_json = true;
        else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc) o->n_runs = strtoul(argv[++i], NULL, 10);
        else return false;
    }
    return o->n_runs >= 1 && o->n_runs <= MAX_RUNS;
}

/* A plugin at work in one way; zeroed it can be closed. */
struct way {
    struct asy_plugin *plugin;
    struct asy_facts facts;
    struct asy_bound *bound;
};

struct names {
    char texts[N_NAMES][16];
};

static struct asy_str name_text(void *ctx, uint32_t code)
{
    const struct names *names = ctx;
    return asy_str_of(names->texts[code]);
}

static void fill(struct asy_stage *stage)
{
    for (uint32_t row = 0; row < stage->n_rows_max; row++) {
        const bool is_null = row % 16 == 3;
        ((uint32_t *)stage->data[0])[row] = row * 7919 % N_NAMES;
        ((int64_t *)stage->data[1])[row] = is_null ? 0 : row % 5000;
        ((int32_t *)stage->data[2])[row] = (int32_t)(row % 100) * 1000;
        stage->null[1][row] = is_null ? 0xff : 0;
    }
}

static assay_status open_way(struct way *way, struct asy_mem *mem, struct names *names, const struct asy_plugin_file *file, bool is_isolated,
                             struct assay_error *error)
{
    const struct asy_plugin_limits limits = {.is_isolated = is_isolated};
    const struct asy_facts_column columns[] = {{N_NAMES, names, name_text}, {0, NULL, NULL}, {0, NULL, NULL}};
    *way = (struct way){.facts = {.fd = -1}};
    assay_status status = asy_plugin_open(&way->plugin, mem, file, &limits, error);
    if (status == ASSAY_OK) status = asy_facts_make(&way->facts, asy_plugin_decl(way->plugin), columns, NULL, is_isolated, error);
    if (status == ASSAY_OK) status = asy_plugin_bind(&way->bound, way->plugin, &way->facts, 1, batches[N_BATCHES - 1], 0, error);
    if (status == ASSAY_OK) fill(asy_bound_stage(way->bound, 0));
    return status;
}

static void close_way(struct way *way)
{
    asy_bound_free(way->bound);
    asy_plugin_close(way->plugin);
    if (way->facts.base != NULL) asy_facts_fini(&way->facts);
}

/* False: some lead has no verdict. */
static bool run_once(struct way *way, uint32_t n_leads, double *took_ns)
{
    struct asy_judgement judgement;
    const double start_ns = timing_now_ns();
    asy_bound_judge(way->bound, 0, n_leads, &judgement);
    *took_ns = timing_now_ns() - start_ns;
    return judgement.n_bad == 0 && judgement.n_flukes == 0;
}

static void tell(const struct options *o, const char *kind, uint32_t n_leads, const struct timing ways[N_WAYS])
{
    const double n = n_leads, here_ns = ways[0].median_ns / n, isolated_ns = ways[1].median_ns / n;
    if (o->is_json)
        printf("{\"schema_version\":1,\"bench\":\"plugin\",\"kind\":\"%s\",\"batch\":%" PRIu32 ",\"runs\":%lu,\"in_process_ns_per_lead_fastest\":%.3f"
               ",\"in_process_ns_per_lead_median\":%.3f,\"isolated_ns_per_lead_fastest\":%.3f,\"isolated_ns_per_lead_median\":%.3f"
               ",\"isolation_ns_per_lead\":%.3f,\"isolation_ns_per_call\":%.0f}\n", kind, n_leads, o->n_runs, ways[0].fastest_ns / n, here_ns,
               ways[1].fastest_ns / n, isolated_ns, isolated_ns - here_ns, ways[1].median_ns - ways[0].median_ns);
    else
        printf("%-12s %6" PRIu32 " leads   in process %6.2f ns/lead (fastest %6.2f)   isolated %6.2f ns/lead (fastest %6.2f)   isolation %+6.2f ns/lead, "
               "%5.1f us/call\n", kind, n_leads, here_ns, ways[0].fastest_ns / n, isolated_ns, ways[1].fastest_ns / n, isolated_ns - here_ns,
               (ways[1].median_ns - ways[0].median_ns) / 1000);
}

static bool time_batch(const struct options *o, const char *kind, uint32_t n_leads, struct way ways[N_WAYS], double *samples_ns)
{
    struct timing timings[N_WAYS];
    double ignored_ns;
    bool is_good = true;
    for (uint32_t r = 0; r < WARM_RUNS; r++)
        for (uint32_t w = 0; w < N_WAYS; w++) is_good = run_once(&ways[w], n_leads, &ignored_ns) && is_good;
    for (unsigned long r = 0; r < o->n_runs; r++)
        for (uint32_t w = 0; w < N_WAYS; w++) is_good = run_once(&ways[w], n_leads, &samples_ns[w * o->n_runs + r]) && is_good;
    for (uint32_t w = 0; w < N_WAYS; w++) timings[w] = timing_of(samples_ns + w * o->n_runs, (uint32_t)o->n_runs);
    tell(o, kind, n_leads, timings);
    return is_good;
}

static assay_status time_kind(const struct options *o, const char *kind, struct names *names, double *samples_ns, struct assay_error *error)
{
    char path[1024];
    struct asy_mem mem;
    struct asy_pool pool;
    struct asy_plugin_file file = {.fd = -1};
    struct way ways[N_WAYS] = {0};
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    snprintf(path, sizeof(path), "%s/libbench_%s.so", ASSAY_BENCH_PLUGINS, kind);
    assay_status status = asy_plugin_find_path(&file, &pool, path, error);
    for (uint32_t w = 0; w < N_WAYS && status == ASSAY_OK; w++) status = open_way(&ways[w], &mem, names, &file, w == 1, error);
    for (uint32_t b = 0; b < N_BATCHES && status == ASSAY_OK; b++)
        if (!time_batch(o, kind, batches[b], ways, samples_ns)) status = asy_fail(error, ASSAY_E_PLUGIN, "%s: expected a verdict about every lead", path);
    for (uint32_t w = 0; w < N_WAYS; w++) close_way(&ways[w]);
    if (file.fd >= 0) close(file.fd);
    asy_pool_fini(&pool);
    return status;
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"disqualify", "score"};
    struct options o;
    struct assay_error error = {0};
    if (!read_options(&o, argc, argv)) {
        fprintf(stderr, "usage: bench_plugin [--json] [--runs 1..%d]\n", MAX_RUNS);
        return 2;
    }
    struct names *names = calloc(1, sizeof(*names));
    double *samples_ns = malloc(N_WAYS * o.n_runs * sizeof(*samples_ns));
    assay_status status = names == NULL || samples_ns == NULL ? asy_fail(&error, ASSAY_E_NOMEM, "out of memory") : ASSAY_OK;
    for (uint32_t i = 1; i < N_NAMES && status == ASSAY_OK; i++) snprintf(names->texts[i], sizeof(names->texts[i]), "name %" PRIu32, i);
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]) && status == ASSAY_OK; k++) status = time_kind(&o, kinds[k], names, samples_ns, &error);
    if (status != ASSAY_OK) fprintf(stderr, "bench_plugin: %s\n", error.text);
    free(samples_ns);
    free(names);
    return status != ASSAY_OK;
}
