/* assay bench: what a rule file costs: leads a second, the ns of each rule, bytes. */
#include "base/check.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/run.h"
#include "cli/term.h"

#include <stdlib.h>

enum { SCHEMA_VERSION = 1 };

/* The whole run, as often as asked for, with so many threads. */
struct timing {
    uint32_t n_threads;
    double fastest_ns, median_ns; /* a lead */
};

/* One line of where the time goes. */
struct part {
    struct asy_str section, name;
    const char *kind;
    int64_t ns;       /* of all leads, the median of the runs */
    int64_t *runs_ns; /* [n_runs] */
};

struct bench {
    struct asy_cli *cli;
    struct assay *session;
    uint32_t n_runs;
    uint32_t n_timings;
    struct timing timings[2];
    struct part *parts;
    uint32_t n_parts;
    uint32_t run;     /* that is being listed */
    int64_t parts_ns; /* all parts */
};

/* -- whole runs ------------------------------------------------------------------------------------------------------- */

static int compare_ns(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Runs with one and with all threads take turns, so that a slow moment of the machine hurts both. */
static assay_status time_runs(struct bench *bench, uint32_t n_threads, struct assay_error *error)
{
    struct asy_cli *cli = bench->cli;
    const double n_leads = bench->session->store.n_leads > 0 ? bench->session->store.n_leads : 1;
    int64_t *took_ns = asy_pool_alloc_n(cli->pool, 2 * (size_t)bench->n_runs, sizeof(*took_ns));
    if (took_ns == NULL) return asy_fail(error, ASSAY_E_NOMEM, "bench: out of memory");
    const uint32_t threads[2] = {1, n_threads};
    bench->n_timings = n_threads > 1 ? 2 : 1;
    for (uint32_t r = 0; r < bench->n_runs; r++)
        for (uint32_t k = 0; k < bench->n_timings; k++) {
            if (asy_cli_interrupted(cli)) return asy_fail(error, ASSAY_E_CANCELLED, "bench: interrupted");
            const struct assay_run_options how = {.struct_size = sizeof(how), .n_threads = threads[k], .flags = asy_cli_run_flags(cli)};
            const int64_t start_ns = cli->clock.monotonic_ns();
            const assay_status status = assay_run(bench->session, &how, error);
            took_ns[k * bench->n_runs + r] = cli->clock.monotonic_ns() - start_ns;
            if (status != ASSAY_OK) return status;
        }
    for (uint32_t k = 0; k < bench->n_timings; k++) {
        int64_t *sorted = took_ns + k * bench->n_runs;
        qsort(sorted, bench->n_runs, sizeof(*sorted), compare_ns);
        const int64_t middle = sorted[(bench->n_runs - 1) / 2] + sorted[bench->n_runs / 2];
        bench->timings[k] = (struct timing){threads[k], (double)sorted[0] / n_leads, (double)middle / 2 / n_leads};
    }
    return ASSAY_OK;
}

/* -- where the time goes ------------------------------------------------------------------------------------------------ */

static const char *kind_of(const struct asy_term *term)
{
    if (term->event_rule != NULL) return term->event_rule->weight != ASY_WEIGHT_NONE ? "event, decayed" : "event";
    return term->rule->kind == ASY_RULE_TABLE ? "table" : term->rule->kind == ASY_RULE_WHEN ? "when" : "plugin";
}

static const char *kind_of_test(const struct asy_test *test)
{
    return test->call != ASY_NONE ? "plugin" : "when";
}

/* Parts come in the same order from every run. */
static void add_part(struct bench *bench, struct asy_str section, struct asy_str name, const char *kind, int64_t ns)
{
    struct part *part = &bench->parts[bench->n_parts++];
    part->section = section;
    part->name = name;
    part->kind = kind;
    part->runs_ns[bench->run] = ns;
}

static void list_parts(struct bench *bench, const struct asy_program *program, const struct asy_profile *profile, int64_t bind_ns,
                       int64_t owners_ns)
{
    const struct asy_rules *rules = program->rules;
    bench->n_parts = 0;
    add_part(bench, ASY_STR("all"), ASY_STR("rules bound to the data"), "once", bind_ns);
    add_part(bench, ASY_STR("all"), ASY_STR("events counted, weighed and aged"), "", profile->events_ns);
    for (uint32_t s = 0; s < rules->n_scores; s++) {
        const struct asy_str score = rules->scores[s].name;
        for (uint32_t t = program->first_term[s]; t < program->first_term[s + 1]; t++)
            add_part(bench, score, program->terms[t].name, kind_of(&program->terms[t]), profile->terms_ns[t]);
        add_part(bench, score, ASY_STR("sum, limits, decay, rounding"), "", profile->scores_ns[s]);
    }
    for (uint32_t i = 0; i < rules->n_disqualify; i++)
        add_part(bench, ASY_STR("disqualify"), rules->disqualify[i].name, kind_of_test(&rules->disqualify[i].test),
                 profile->disqualify_ns[i]);
    for (uint32_t i = 0; i < rules->n_stages; i++)
        add_part(bench, ASY_STR("lifecycle"), rules->stages[i].name, kind_of_test(&rules->stages[i].test), profile->stages_ns[i]);
    for (uint32_t i = 0; i < rules->n_routes; i++)
        add_part(bench, ASY_STR("routes"), rules->routes[i].name, kind_of_test(&rules->routes[i].test), profile->routes_ns[i]);
    for (uint32_t i = 0; i < rules->n_recycle; i++)
        add_part(bench, ASY_STR("recycle"), rules->recycle[i].name, kind_of_test(&rules->recycle[i].test), profile->recycle_ns[i]);
    for (uint32_t i = 0; i < rules->n_segments; i++)
        add_part(bench, ASY_STR("nurture"), rules->segments[i].name, kind_of_test(&rules->segments[i].test), profile->segments_ns[i]);
    add_part(bench, ASY_STR("all"), ASY_STR("owners"), "", owners_ns);
    add_part(bench, ASY_STR("all"), ASY_STR("grades, reasons, inputs, results"), "", profile->rest_ns);
}

static bool make_profile(struct bench *bench, struct asy_profile *profile, const struct asy_program *program)
{
    const struct asy_rules *rules = program->rules;
    struct asy_pool *pool = bench->cli->pool;
    const size_t n_parts = (size_t)program->n_terms + rules->n_scores + rules->n_disqualify + rules->n_stages + rules->n_routes +
                           rules->n_recycle + rules->n_segments + 4;
    profile->now_ns = bench->cli->clock.monotonic_ns;
    profile->terms_ns = asy_pool_alloc_n(pool, program->n_terms, sizeof(int64_t));
    profile->scores_ns = asy_pool_alloc_n(pool, rules->n_scores, sizeof(int64_t));
    profile->disqualify_ns = asy_pool_alloc_n(pool, rules->n_disqualify, sizeof(int64_t));
    profile->stages_ns = asy_pool_alloc_n(pool, rules->n_stages, sizeof(int64_t));
    profile->routes_ns = asy_pool_alloc_n(pool, rules->n_routes, sizeof(int64_t));
    profile->recycle_ns = asy_pool_alloc_n(pool, rules->n_recycle, sizeof(int64_t));
    profile->segments_ns = asy_pool_alloc_n(pool, rules->n_segments, sizeof(int64_t));
    bench->parts = asy_pool_alloc_n(pool, n_parts, sizeof(*bench->parts));
    int64_t *samples = asy_pool_alloc_n(pool, n_parts * bench->n_runs, sizeof(*samples));
    for (size_t i = 0; bench->parts != NULL && samples != NULL && i < n_parts; i++) bench->parts[i].runs_ns = samples + i * bench->n_runs;
    return profile->terms_ns && profile->scores_ns && profile->disqualify_ns && profile->stages_ns && profile->routes_ns &&
           profile->recycle_ns && profile->segments_ns && bench->parts && samples;
}

static void forget_times(struct asy_profile *profile, const struct asy_program *program)
{
    const struct asy_rules *rules = program->rules;
    profile->events_ns = profile->rest_ns = 0;
    memset(profile->terms_ns, 0, program->n_terms * sizeof(int64_t));
    memset(profile->scores_ns, 0, rules->n_scores * sizeof(int64_t));
    memset(profile->disqualify_ns, 0, rules->n_disqualify * sizeof(int64_t));
    memset(profile->stages_ns, 0, rules->n_stages * sizeof(int64_t));
    memset(profile->routes_ns, 0, rules->n_routes * sizeof(int64_t));
    memset(profile->recycle_ns, 0, rules->n_recycle * sizeof(int64_t));
    memset(profile->segments_ns, 0, rules->n_segments * sizeof(int64_t));
}

/* As often as asked for, a run of one thread that looks at the clock between parts. */
static assay_status profile_program(struct bench *bench, const struct asy_program *program, struct asy_results *results,
                                    struct asy_profile *profile, int64_t bind_ns, struct assay_error *error)
{
    struct asy_cli *cli = bench->cli;
    struct assay *session = bench->session;
    const struct asy_pass_options options = {.kern = session->kern, .n_threads = 1, .profile = profile};
    assay_status status = ASSAY_OK;
    for (bench->run = 0; bench->run < bench->n_runs && status == ASSAY_OK; bench->run++) {
        struct asy_state state;
        if (asy_cli_interrupted(cli)) return asy_fail(error, ASSAY_E_CANCELLED, "bench: interrupted");
        asy_state_init(&state, &session->mem, session->seed);
        forget_times(profile, program);
        asy_results_clear(results, &session->rules, program->n_terms);
        status = asy_pass_run(program, &options, results, error);
        const int64_t start_ns = cli->clock.monotonic_ns();
        if (status == ASSAY_OK) status = asy_assign(program, results, &state, 1, error);
        if (status == ASSAY_OK) list_parts(bench, program, profile, bind_ns, cli->clock.monotonic_ns() - start_ns);
        asy_state_fini(&state);
    }
    for (uint32_t i = 0; i < bench->n_parts; i++) {
        struct part *part = &bench->parts[i];
        qsort(part->runs_ns, bench->n_runs, sizeof(*part->runs_ns), compare_ns);
        part->ns = part->runs_ns[bench->n_runs / 2];
        bench->parts_ns += part->ns;
    }
    return status;
}

static assay_status profile_runs(struct bench *bench, struct assay_error *error)
{
    struct assay *session = bench->session;
    struct asy_program program;
    struct asy_results results;
    struct asy_profile profile = {0};
    const int64_t start_ns = bench->cli->clock.monotonic_ns();
    assay_status status = asy_program_init(&program, &session->mem, &session->rules, &session->store, session->as_of_s, &session->plugins, error);
    if (status != ASSAY_OK) return status;
    const int64_t bind_ns = bench->cli->clock.monotonic_ns() - start_ns;
    status = asy_results_init(&results, &session->mem, &session->rules, session->store.n_leads, program.n_terms, session->seed, error);
    if (status == ASSAY_OK) {
        if (make_profile(bench, &profile, &program)) status = profile_program(bench, &program, &results, &profile, bind_ns, error);
        else status = asy_fail(error, ASSAY_E_NOMEM, "bench: out of memory");
        asy_results_fini(&results, &session->rules, program.n_terms);
    }
    asy_program_fini(&program);
    return status;
}

/* -- telling ------------------------------------------------------------------------------------------------------------ */

struct bytes {
    double lead, columns, dicts, ids, index, event;
};
static struct bytes bytes_of(const struct assay *session)
{
    const struct asy_store_size size = asy_store_size(&session->store);
    const double n = session->store.n_leads > 0 ? session->store.n_leads : 1;
    const double n_events = session->store.events.n > 0 ? (double)session->store.events.n : 1;
    struct bytes bytes = {.columns = (double)size.columns_bytes / n, .dicts = (double)size.dicts_bytes / n,
                          .ids = (double)size.keys_bytes / n, .index = (double)size.index_bytes / n,
                          .event = (double)size.events_bytes / n_events};
    bytes.lead = bytes.columns + bytes.dicts + bytes.ids + bytes.index;
    return bytes;
}

static void print_parts(const struct bench *bench, FILE *out)
{
    static const char bar[] = "####################";
    const double n_leads = bench->session->store.n_leads > 0 ? bench->session->store.n_leads : 1;
    int64_t longest_ns = 1;
    for (uint32_t i = 0; i < bench->n_parts; i++)
        if (bench->parts[i].ns > longest_ns) longest_ns = bench->parts[i].ns;
    fputs("\nwhere the time of one thread goes (with a clock between the parts)\n", out);
    fprintf(out, "  %-14s %-36s %-15s %8s %7s\n", "", "", "", "ns/lead", "share");
    for (uint32_t i = 0; i < bench->n_parts; i++) {
        const struct part *part = &bench->parts[i];
        fprintf(out, "  %-14.*s %-36.*s %-15s %8.2f %6.1f%%  %.*s\n", ASY_ARG(part->section), ASY_ARG(part->name), part->kind,
                (double)part->ns / n_leads, 100 * (double)part->ns / (double)(bench->parts_ns > 0 ? bench->parts_ns : 1),
                (int)(part->ns * 20 / longest_ns), bar);
    }
}

static void print_text(const struct bench *bench)
{
    const struct assay *session = bench->session;
    FILE *out = bench->cli->io.out;
    char leads[32], events[32];
    const double n_leads = session->store.n_leads > 0 ? session->store.n_leads : 1, n_events = (double)session->store.events.n;
    fprintf(out, "%.*s: %s leads, %s events in memory; kernels %s, %u run%s each\n\n", ASY_ARG(session->rules.name),
            asy_term_count(session->store.n_leads, leads), asy_term_count(session->store.events.n, events), assay_isa(session),
            bench->n_runs, bench->n_runs == 1 ? "" : "s");
    fprintf(out, "  %7s %12s %12s %12s %12s\n", "threads", "leads/s", "ns/lead", "fastest", "ns/event");
    for (uint32_t k = 0; k < bench->n_timings; k++) {
        const struct timing *timing = &bench->timings[k];
        char rate[32];
        fprintf(out, "  %7u %12s %12.1f %12.1f %12.2f\n", timing->n_threads, asy_term_rate(1000000000, (int64_t)(timing->median_ns * 1e9), rate),
                timing->median_ns, timing->fastest_ns, n_events > 0 ? timing->median_ns * n_leads / n_events : 0);
    }
    print_parts(bench, out);
    const struct bytes bytes = bytes_of(session);
    fprintf(out, "\nmemory: %.1f bytes a lead (columns %.1f, dictionaries %.1f, ids %.1f, index %.1f)", bytes.lead, bytes.columns,
            bytes.dicts, bytes.ids, bytes.index);
    if (session->store.events.n > 0) fprintf(out, ", %.2f bytes an event", bytes.event);
    fputs("\n", out);
}

static assay_status print_json(const struct bench *bench, struct assay_error *error)
{
    const struct assay *session = bench->session;
    const double n_leads = session->store.n_leads > 0 ? session->store.n_leads : 1;
    const struct bytes bytes = bytes_of(session);
    struct asy_json json;
    asy_json_init(&json, bench->cli->mem);
    asy_json_open(&json, NULL, '{');
    asy_json_int(&json, "schema_version", SCHEMA_VERSION);
    asy_json_text(&json, "ruleset", session->rules.name);
    asy_json_int(&json, "leads", session->store.n_leads);
    asy_json_int(&json, "events", (int64_t)session->store.events.n);
    asy_json_text(&json, "isa", asy_str_of(assay_isa(session)));
    asy_json_int(&json, "runs", bench->n_runs);
    asy_json_open(&json, "whole_run", '[');
    for (uint32_t k = 0; k < bench->n_timings; k++) {
        asy_json_open(&json, NULL, '{');
        asy_json_int(&json, "threads", bench->timings[k].n_threads);
        asy_json_number(&json, "ns_per_lead_median", bench->timings[k].median_ns);
        asy_json_number(&json, "ns_per_lead_fastest", bench->timings[k].fastest_ns);
        asy_json_number(&json, "leads_per_s", 1e9 / bench->timings[k].median_ns);
        asy_json_close(&json, '}');
    }
    asy_json_close(&json, ']');
    asy_json_open(&json, "parts", '[');
    for (uint32_t i = 0; i < bench->n_parts; i++) {
        asy_json_open(&json, NULL, '{');
        asy_json_text(&json, "section", bench->parts[i].section);
        asy_json_text(&json, "name", bench->parts[i].name);
        asy_json_text(&json, "kind", asy_str_of(bench->parts[i].kind));
        asy_json_number(&json, "ns_per_lead", (double)bench->parts[i].ns / n_leads);
        asy_json_close(&json, '}');
    }
    asy_json_close(&json, ']');
    asy_json_open(&json, "bytes", '{');
    asy_json_number(&json, "per_lead", bytes.lead);
    asy_json_number(&json, "per_lead_columns", bytes.columns);
    asy_json_number(&json, "per_lead_dictionaries", bytes.dicts);
    asy_json_number(&json, "per_lead_ids", bytes.ids);
    asy_json_number(&json, "per_lead_index", bytes.index);
    asy_json_number(&json, "per_event", bytes.event);
    asy_json_close(&json, '}');
    asy_json_close(&json, '}');
    const struct asy_str text = asy_json_finish(&json);
    const bool ok = text.p != NULL;
    if (ok) fwrite(text.p, 1, text.len, bench->cli->io.out);
    asy_json_fini(&json);
    return ok ? ASSAY_OK : asy_fail(error, ASSAY_E_NOMEM, "bench: out of memory");
}

int asy_verb_bench(struct asy_cli *cli)
{
    const struct asy_args *args = &cli->args;
    const bool is_made_up = !asy_args_has(args, "leads");
    struct assay_error error = {0};
    if (is_made_up && (asy_args_times(args, "events") > 0 || asy_args_has(args, "map"))) {
        asy_fail(&error, ASSAY_E_PARAM, "--events and --map: expected --leads beside them, found none; without it leads and events are made up");
        return asy_cli_fail(cli, &error);
    }
    const uint32_t n_threads = asy_args_has(args, "threads") ? (uint32_t)asy_args_count(args, "threads") : cli->n_cpus;
    const struct asy_cli_job job = {.is_quiet = asy_args_has(args, "quiet") || asy_args_has(args, "json"),
                                    .n_threads = n_threads,
                                    .n_made_up = is_made_up ? (uint32_t)asy_args_count(args, "rows") : 0,
                                    .events_per_lead = (uint32_t)asy_args_count(args, "events-per-lead")};
    struct bench bench = {.cli = cli, .n_runs = (uint32_t)asy_args_count(args, "runs")};
    struct asy_cli_times times;
    const int code = asy_cli_session(cli, &job, &bench.session, &times);
    if (code != ASY_EXIT_OK) return code;
    assay_status status = time_runs(&bench, n_threads, &error);
    if (status == ASSAY_OK) status = profile_runs(&bench, &error);
    if (status == ASSAY_OK && asy_args_has(args, "json")) status = print_json(&bench, &error);
    else if (status == ASSAY_OK) print_text(&bench);
    assay_close(bench.session);
    return status == ASSAY_OK ? ASY_EXIT_OK : asy_cli_fail(cli, &error);
}
