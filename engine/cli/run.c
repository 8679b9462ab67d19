#include "cli/run.h"

#include "base/time.h"
#include "cli/bench_data.h"
#include "cli/paths.h"
#include "cli/plugin_dirs.h"
#include "cli/state_file.h"
#include "cli/term.h"

struct watch {
    struct asy_cli *cli;
    struct asy_progress progress;
};

static int watch_rows(void *ctx, uint64_t n_rows, uint64_t done_bytes, uint64_t total_bytes)
{
    struct watch *watch = ctx;
    asy_progress_show(&watch->progress, n_rows, done_bytes, total_bytes);
    return !asy_cli_interrupted(watch->cli);
}

static void tell_findings(struct asy_cli *cli, struct assay *session)
{
    asy_diags_sort(&session->diags);
    const struct asy_str text = asy_diags_text(cli->pool, &session->diags, cli->io.err_color);
    if (text.p != NULL) fwrite(text.p, 1, text.len, cli->io.err);
}

/* Whole seconds: events are kept to the second. */
static assay_status find_as_of(struct asy_cli *cli, int64_t *as_of_s, struct assay_error *error)
{
    int64_t us;
    const bool is_given = asy_args_time(&cli->args, "as-of", &us);
    if (is_given && us % 1000000 != 0)
        return asy_fail(error, ASSAY_E_PARAM, "--as-of: expected a time in whole seconds, found \"%s\"",
                        asy_args_text(&cli->args, "as-of"));
    *as_of_s = (is_given ? us : cli->clock.utc_us()) / 1000000;
    return ASSAY_OK;
}

static assay_status load_data(struct asy_cli *cli, const struct asy_cli_job *job, struct assay *session,
                              struct assay_error *error)
{
    const struct asy_args *args = &cli->args;
    const uint32_t n_events = asy_args_times(args, "events");
    const char **events = asy_pool_alloc_n(cli->pool, (size_t)n_events + 1, sizeof(*events));
    if (events == NULL) return asy_fail(error, ASSAY_E_NOMEM, "out of memory");
    for (uint32_t i = 0; i < n_events; i++) events[i] = asy_args_nth(args, "events", i);
    const double share = asy_args_share(args, "max-rejects");
    int64_t as_of_s = 0;
    const assay_status known = find_as_of(cli, &as_of_s, error);
    if (known != ASSAY_OK) return known;
    struct watch watch = {.cli = cli};
    asy_progress_start(&watch.progress, cli, "reading", job->is_quiet);
    const struct assay_data data = {.struct_size = sizeof(data),
                                    .n_events = n_events,
                                    .leads = asy_args_text(args, "leads"),
                                    .events = events,
                                    .map = asy_args_text(args, "map"),
                                    .rejects = job->rejects,
                                    .as_of_s = as_of_s,
                                    .max_rejects = share > 0 ? share : -1, /* 0 would be the default */
                                    .max_cell_bytes = asy_args_count(args, "max-cell"),
                                    .n_threads = job->n_threads,
                                    .progress = watch_rows,
                                    .progress_ctx = &watch};
    const assay_status status = assay_load_data(session, &data, error);
    asy_progress_end(&watch.progress);
    return status;
}

/* Leads and events that fit the rules, in place of files. */
static assay_status make_data(struct asy_cli *cli, const struct asy_cli_job *job, struct assay *session, struct assay_error *error)
{
    int64_t as_of_s = 0;
    assay_status status = find_as_of(cli, &as_of_s, error);
    if (status == ASSAY_OK) status = asy_store_init(&session->store, &session->mem, &session->rules.schema, session->seed, error);
    if (status != ASSAY_OK) return status;
    asy_map_init(&session->map, &session->mem);
    session->has_data = true;
    session->as_of_s = as_of_s;
    return asy_bench_data(&session->store, &session->rules, job->n_made_up, job->events_per_lead, as_of_s, job->n_threads, error);
}

/* Before the data: a state that cannot be read should not cost a load. */
static assay_status read_state(const struct asy_cli_job *job, struct assay *session, struct assay_error *error)
{
    if (job->state == NULL) return ASSAY_OK;
    session->state.is_kept = job->is_writing;
    return asy_state_read(&session->state, &session->mem, job->state, error);
}

uint32_t asy_cli_run_flags(const struct asy_cli *cli)
{
    return asy_args_has(&cli->args, "allow-plugin-failures") ? ASSAY_RUN_ALLOW_PLUGIN_FAILURES : 0;
}

int asy_cli_session(struct asy_cli *cli, const struct asy_cli_job *job, struct assay **out, struct asy_cli_times *times)
{
    struct assay_error error = {0};
    struct assay *session = NULL;
    struct asy_plugin_dirs dirs;
    *out = NULL;
    assay_status status = asy_cli_plugin_dirs(cli, &dirs, &error);
    if (status != ASSAY_OK) return asy_cli_fail(cli, &error);
    const struct assay_options options = {.struct_size = sizeof(options),
                                          .n_plugin_dirs = dirs.n,
                                          .allocator = &cli->mem->table,
                                          .isa = cli->isa,
                                          .seed = cli->seed,
                                          .plugin_dirs = dirs.items};
    int64_t start_ns = cli->clock.monotonic_ns();
    status = assay_open(&session, &options, &error);
    if (status == ASSAY_OK) status = assay_load_rules(session, cli->args.operands[0], &error);
    if (status == ASSAY_OK && !job->is_quiet) tell_findings(cli, session); /* warnings */
    int64_t now_ns = cli->clock.monotonic_ns();
    times->rules_ns = now_ns - start_ns;
    start_ns = now_ns;
    if (status == ASSAY_OK && job->is_writing) status = asy_cli_check_lists(&cli->args, &session->rules, cli->pool, &error);
    if (status == ASSAY_OK) status = read_state(job, session, &error);
    if (status == ASSAY_OK && job->n_made_up > 0) status = make_data(cli, job, session, &error);
    else if (status == ASSAY_OK) status = load_data(cli, job, session, &error);
    if (status == ASSAY_OK && !job->is_quiet && asy_args_text(&cli->args, "map") != NULL) tell_findings(cli, session);
    now_ns = cli->clock.monotonic_ns();
    times->read_ns = now_ns - start_ns;
    start_ns = now_ns;
    const struct assay_run_options how = {.struct_size = sizeof(how), .n_threads = job->n_threads, .batch_rows = job->batch_rows,
                                          .flags = asy_cli_run_flags(cli)};
    if (status == ASSAY_OK) status = assay_run(session, &how, &error);
    times->score_ns = cli->clock.monotonic_ns() - start_ns;
    if (status == ASSAY_OK && !asy_cli_interrupted(cli)) {
        asy_plugins_tell(cli, session, job->is_quiet);
        *out = session;
        return ASY_EXIT_OK;
    }
    if (status == ASSAY_E_RULES) tell_findings(cli, session);
    assay_close(session);
    if (asy_cli_interrupted(cli) || status == ASSAY_E_CANCELLED) {
        fputs("assay: interrupted; nothing was written\n", cli->io.err);
        return ASY_EXIT_INTERRUPTED;
    }
    return asy_cli_fail(cli, &error);
}
