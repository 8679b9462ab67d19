/* assay synth: two files of made-up data that appear whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/synth.h"
#include "cli/term.h"

/* A file under a name of its own until `publish` gives it the final one. */
struct target {
    struct asy_str path, hidden;
    int fd;
    uint64_t n_bytes;
};

struct job {
    struct asy_cli *cli;
    struct asy_progress progress;
    struct target *target; /* the one being written */
};

static assay_status no_memory(struct assay_error *error)
{
    return asy_fail(error, ASSAY_E_NOMEM, "assay synth: out of memory");
}

static assay_status target_open(struct target *target, struct asy_pool *pool, const char *folder, const char *name,
                                struct assay_error *error)
{
    target->path = asy_pool_printf(pool, "%s/%s", folder, name);
    target->hidden = asy_pool_printf(pool, "%s/.%s.XXXXXX", folder, name);
    if (target->path.p == NULL || target->hidden.p == NULL) return no_memory(error);
    /* mkostemp fills in the name; the pool's copy is ours to change. */
    target->fd = mkostemp((char *)(uintptr_t)target->hidden.p, O_CLOEXEC);
    if (target->fd < 0)
        return asy_fail(error, ASSAY_E_IO, "%s: cannot be written: %s", target->path.p, strerror(errno));
    return ASSAY_OK;
}

static assay_status target_write(void *ctx, struct asy_str bytes, struct assay_error *error)
{
    struct target *target = ((struct job *)ctx)->target;
    while (bytes.len > 0) {
        const ssize_t n = write(target->fd, bytes.p, bytes.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return asy_fail(error, ASSAY_E_IO, "%s: cannot be written after %" PRIu64 " bytes: %s", target->path.p, target->n_bytes,
                            strerror(errno));
        bytes.p += n;
        bytes.len -= (uint32_t)n;
        target->n_bytes += (uint64_t)n;
    }
    return ASSAY_OK;
}

/* On disk before it has its name, so that a crash leaves the old file or the new one. */
static assay_status target_sync(struct target *target, struct assay_error *error)
{
    const int failed = fsync(target->fd);
    const int closed = close(target->fd);
    target->fd = -1;
    if (failed == 0 && closed == 0) return ASSAY_OK;
    return asy_fail(error, ASSAY_E_IO, "%s: cannot be written: %s", target->path.p, strerror(errno));
}

static assay_status target_publish(struct target *target, struct assay_error *error)
{
    if (rename(target->hidden.p, target->path.p) != 0)
        return asy_fail(error, ASSAY_E_IO, "%s: cannot be written: %s", target->path.p, strerror(errno));
    target->hidden.len = 0;
    return ASSAY_OK;
}

static void target_fini(struct target *target)
{
    if (target->fd >= 0) close(target->fd);
    if (target->fd != -2 && target->hidden.len > 0) unlink(target->hidden.p);
}

static void sync_folder(const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

static bool show_progress(void *ctx, uint64_t n_rows, uint64_t done, uint64_t total)
{
    struct job *job = ctx;
    asy_progress_show(&job->progress, n_rows, done, total);
    return !asy_cli_interrupted(job->cli);
}

static assay_status write_both(struct asy_cli *cli, const struct asy_synth *synth, struct target targets[2], uint64_t *n_events,
                               struct assay_error *error)
{
    struct job job = {.cli = cli};
    const struct asy_synth_sink sink = {.ctx = &job, .write = target_write, .progress = show_progress};
    const bool is_quiet = asy_args_has(&cli->args, "quiet");

    job.target = &targets[0];
    asy_progress_start(&job.progress, cli, "leads", is_quiet);
    assay_status status = asy_synth_leads(synth, cli->mem, &sink, error);
    asy_progress_end(&job.progress);
    if (status != ASSAY_OK) return status;

    job.target = &targets[1];
    asy_progress_start(&job.progress, cli, "events", is_quiet);
    status = asy_synth_events(synth, cli->mem, &sink, n_events, error);
    asy_progress_end(&job.progress);
    return status;
}

static assay_status write_files(struct asy_cli *cli, const struct asy_synth *synth, const char *folder, struct target targets[2],
                                uint64_t *n_events, struct assay_error *error)
{
    assay_status status = target_open(&targets[0], cli->pool, folder, synth->is_json ? "leads.ndjson" : "leads.csv", error);
    if (status == ASSAY_OK) status = target_open(&targets[1], cli->pool, folder, synth->is_json ? "events.ndjson" : "events.csv", error);
    if (status == ASSAY_OK) status = write_both(cli, synth, targets, n_events, error);
    for (uint32_t i = 0; i < 2 && status == ASSAY_OK; i++) status = target_sync(&targets[i], error);
    for (uint32_t i = 0; i < 2 && status == ASSAY_OK; i++) status = target_publish(&targets[i], error);
    if (status == ASSAY_OK) sync_folder(folder);
    return status;
}

static void print_summary(struct asy_cli *cli, const struct asy_synth *synth, const struct target targets[2], uint64_t n_events,
                          int64_t span_ns)
{
    char count[32], bytes[32], span[32], as_of[32];
    FILE *err = cli->io.err;
    fprintf(err, "%s: %s leads, %s\n", targets[0].path.p, asy_term_count(synth->n_leads, count), asy_term_bytes(targets[0].n_bytes, bytes));
    fprintf(err, "%s: %s events, %s\n", targets[1].path.p, asy_term_count(n_events, count), asy_term_bytes(targets[1].n_bytes, bytes));
    asy_time_format_s(synth->as_of_s, as_of);
    fprintf(err, "made in %s; score them with --as-of %.20s\n", asy_term_duration(span_ns, span), as_of);
}

int asy_verb_synth(struct asy_cli *cli)
{
    struct assay_error error = {0};
    const struct asy_args *args = &cli->args;
    int64_t as_of_us = 0;
    asy_args_time(args, "as-of", &as_of_us);
    const struct asy_synth synth = {
        .n_leads = asy_args_count(args, "leads"),
        .events_per_lead = asy_args_count(args, "events-per-lead"),
        .seed = asy_args_count(args, "seed"),
        .as_of_s = as_of_us / 1000000,
        .is_json = asy_args_choice(args, "format") == 1,
    };
    if (synth.as_of_s < ASY_SYNTH_AS_OF_MIN_S || synth.as_of_s > ASY_SYNTH_AS_OF_MAX_S) {
        asy_fail(&error, ASSAY_E_PARAM, "assay synth: --as-of: expected a time from 1973 to 2104, found `%s`", asy_args_text(args, "as-of"));
        return asy_cli_fail(cli, &error);
    }
    if (synth.n_leads * synth.events_per_lead > ASY_SYNTH_EVENTS_MAX) {
        asy_fail(&error, ASSAY_E_PARAM, "assay synth: --leads times --events-per-lead: expected at most 10G events, found %" PRIu64,
                 synth.n_leads * synth.events_per_lead);
        return asy_cli_fail(cli, &error);
    }
    const char *folder = asy_args_text(args, "out");
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        asy_fail(&error, ASSAY_E_IO, "%s: cannot make this folder: %s%s", folder, strerror(errno),
                 errno == ENOENT ? " (the folder above it has to be there)" : "");
        return asy_cli_fail(cli, &error);
    }
    const int64_t start_ns = cli->clock.monotonic_ns();
    struct target targets[2] = {{.fd = -2}, {.fd = -2}}; /* -2: never opened */
    uint64_t n_events = 0;
    const assay_status status = write_files(cli, &synth, folder, targets, &n_events, &error);
    for (uint32_t i = 0; i < 2; i++) target_fini(&targets[i]);
    if (status != ASSAY_OK) return asy_cli_fail(cli, &error);
    if (!asy_args_has(args, "quiet")) print_summary(cli, &synth, targets, n_events, cli->clock.monotonic_ns() - start_ns);
    return ASY_EXIT_OK;
}
