#include "cli/run.h"

#include "base/time.h"
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

uint32_t asy_cli_threads(const struct asy_cli *cli)
{
    const bool has_flag = cli->args.verb->run == asy_verb_score;
    return has_flag && asy_args_has(&cli->args, "threads") ? (uint32_t)asy_args_count(&cli->args, "threads") : cli->n_cpus;
}

static int64_t as_of_s(struct asy_cli *cli)
{
    int64_t us;
    if (!asy_args_time(&cli->args, "as-of", &us)) us = cli->clock.utc_us();
    return us / 1000000 - (us % 1000000 < 0);
}

static assay_status load_data(struct asy_cli *cli, bool is_quiet, struct assay *session, struct assay_error *error)
{
    const struct asy_args *args = &cli->args;
    const uint32_t n_events = asy_args_times(args, "events");
    const char **events = asy_pool_alloc_n(cli->pool, (size_t)n_events + 1, sizeof(*events));
    if (events == NULL) return asy_fail(error, ASSAY_E_NOMEM, "out of memory");
    for (uint32_t i = 0; i < n_events; i++) events[i] = asy_args_nth(args, "events", i);
    const double share = asy_args_share(args, "max-rejects");
    struct watch watch = {.cli = cli};
    asy_progress_start(&watch.progress, cli, "reading", is_quiet);
    const struct assay_data data = {.struct_size = sizeof(data),
                                    .n_events = n_events,
                                    .leads = asy_args_text(args, "leads"),
                                    .events = events,
                                    .map = asy_args_text(args, "map"),
                                    .rejects = args->verb->run == asy_verb_score ? asy_args_text(args, "rejects") : NULL,
                                    .as_of_s = as_of_s(cli),
                                    .max_rejects = share > 0 ? share : -1, /* 0 would be the default */
                                    .max_cell_bytes = asy_args_count(args, "max-cell"),
                                    .n_threads = asy_cli_threads(cli),
                                    .progress = watch_rows,
                                    .progress_ctx = &watch};
    const assay_status status = assay_load_data(session, &data, error);
    asy_progress_end(&watch.progress);
    return status;
}

static assay_status run(struct asy_cli *cli, struct assay *session, struct assay_error *error)
{
    const struct asy_args *args = &cli->args;
    const char *state = asy_args_text(args, "state");
    if (state != NULL) {
        const assay_status status = asy_state_read(&session->state, &session->mem, state, error);
        if (status != ASSAY_OK) return status;
        session->state.is_kept = args->verb->run == asy_verb_score;
    }
    struct assay_run_options options = {.struct_size = sizeof(options), .n_threads = asy_cli_threads(cli)};
    if (args->verb->run == asy_verb_score) options.batch_rows = (uint32_t)asy_args_count(args, "batch");
    return assay_run(session, &options, error);
}

int asy_cli_session(struct asy_cli *cli, bool is_quiet, struct assay **out, struct asy_cli_times *times)
{
    struct assay_error error = {0};
    struct assay *session = NULL;
    const struct assay_options options = {.struct_size = sizeof(options),
                                          .allocator = &cli->mem->table,
                                          .isa = cli->isa,
                                          .seed = cli->seed};
    *out = NULL;
    int64_t start_ns = cli->clock.monotonic_ns();
    assay_status status = assay_open(&session, &options, &error);
    if (status == ASSAY_OK) status = assay_load_rules(session, cli->args.operands[0], &error);
    if (status == ASSAY_OK && !is_quiet) tell_findings(cli, session); /* warnings */
    int64_t now_ns = cli->clock.monotonic_ns();
    times->rules_ns = now_ns - start_ns;
    start_ns = now_ns;
    if (status == ASSAY_OK) status = load_data(cli, is_quiet, session, &error);
    now_ns = cli->clock.monotonic_ns();
    times->read_ns = now_ns - start_ns;
    start_ns = now_ns;
    if (status == ASSAY_OK) status = run(cli, session, &error);
    times->score_ns = cli->clock.monotonic_ns() - start_ns;
    if (status == ASSAY_OK && !asy_cli_interrupted(cli)) {
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
