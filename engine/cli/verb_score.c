/* assay score: the main job. */
#include "cli/output.h"
#include "cli/paths.h"
#include "cli/run.h"
#include "cli/state_file.h"
#include "cli/summary.h"

static enum asy_format format_of(const struct asy_args *args)
{
    static const enum asy_format formats[] = {ASY_FORMAT_AUTO, ASY_FORMAT_CSV, ASY_FORMAT_TSV, ASY_FORMAT_NDJSON};
    const enum asy_format format = formats[asy_args_choice(args, "format")];
    return format == ASY_FORMAT_AUTO && strcmp(asy_args_text(args, "out"), "-") == 0 ? ASY_FORMAT_CSV : format;
}

/* The state is made ready first and put in place right after the scored leads: where it cannot be written, nothing appears, and
 * the next run does not repeat a round robin that was announced already. */
static assay_status write_results(struct asy_cli *cli, struct assay *session, struct asy_summary *summary,
                                  struct assay_error *error)
{
    const struct asy_args *args = &cli->args;
    const char *state = asy_args_text(args, "state"), *json = asy_args_text(args, "summary-json");
    struct asy_writer *state_writer = NULL;
    assay_status status = ASSAY_OK;
    if (state != NULL) status = asy_state_prepare(&session->state, &session->mem, state, &state_writer, error);
    if (status == ASSAY_OK)
        status = asy_output_write(session, summary->out_path, format_of(args), asy_args_text(args, "changed-from"),
                                  summary->n_threads, &summary->n_written, error);
    if (status != ASSAY_OK) {
        asy_writer_abort(state_writer);
        return status;
    }
    if (state_writer != NULL) status = asy_writer_commit(state_writer, error);
    if (status == ASSAY_OK && json != NULL) status = asy_summary_write_json(cli, summary, json, error);
    return status;
}

int asy_verb_score(struct asy_cli *cli)
{
    const struct asy_args *args = &cli->args;
    const struct asy_cli_job job = {
        .is_quiet = asy_args_has(args, "quiet"),
        .is_writing = true,
        .rejects = asy_args_text(args, "rejects"),
        .n_threads = asy_args_has(args, "threads") ? (uint32_t)asy_args_count(args, "threads") : cli->n_cpus,
        .batch_rows = (uint32_t)asy_args_count(args, "batch"),
        .state = asy_args_text(args, "state")};
    struct asy_summary summary = {.out_path = asy_args_text(args, "out"),
                                  .is_changed_only = asy_args_text(args, "changed-from") != NULL,
                                  .n_threads = job.n_threads};
    struct assay *session;
    struct assay_error error = {0};
    if (asy_cli_check_paths(args, &error) != ASSAY_OK || asy_writer_check(summary.out_path, format_of(args), &error) != ASSAY_OK)
        return asy_cli_fail(cli, &error);
    const int code = asy_cli_session(cli, &job, &session, &summary.times);
    if (code != ASY_EXIT_OK) return code;
    summary.session = session;
    const int64_t start_ns = cli->clock.monotonic_ns();
    const assay_status status = write_results(cli, session, &summary, &error);
    summary.times.write_ns = cli->clock.monotonic_ns() - start_ns;
    if (status == ASSAY_OK && !job.is_quiet) asy_summary_print(cli, &summary);
    assay_close(session);
    return status == ASSAY_OK ? ASY_EXIT_OK : asy_cli_fail(cli, &error);
}
