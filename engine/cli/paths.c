#include "cli/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/check.h"

/* What a path leads to: a file that is there, or a name in a folder that is there. */
struct place {
    const char *path;
    bool is_stream;   /* `-` */
    bool is_there, is_regular, is_folder;
    int problem;      /* of the folder the name would be in, 0: none */
    dev_t device;     /* of the file, or of its folder */
    ino_t number;
    const char *name; /* in the folder */
};

static struct place place_of(const char *path)
{
    struct place place = {.path = path, .is_stream = strcmp(path, "-") == 0};
    struct stat info;
    char folder[PATH_MAX];
    if (place.is_stream) return place;
    place.is_there = stat(path, &info) == 0;
    place.is_regular = !place.is_there || S_ISREG(info.st_mode);
    place.is_folder = place.is_there && S_ISDIR(info.st_mode);
    const char *slash = strrchr(path, '/');
    place.name = slash != NULL ? slash + 1 : path;
    if (!place.is_there) {
        const int n = slash == NULL ? snprintf(folder, sizeof(folder), ".")
                                    : snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - path), path);
        if (n < 0 || (size_t)n >= sizeof(folder)) return place;
        if (stat(folder, &info) != 0) {
            place.problem = errno;
            return place;
        }
    }
    place.device = info.st_dev;
    place.number = info.st_ino;
    return place;
}

/* Pipes and devices may be named twice: what is written there replaces nothing. */
static bool is_same(const struct place *a, const struct place *b)
{
    if (a->is_stream || b->is_stream) return a->is_stream && b->is_stream;
    if (strcmp(a->path, b->path) == 0) return a->is_regular;
    if (a->is_there != b->is_there || !a->is_regular || !b->is_regular) return false;
    if (a->device != b->device || a->number != b->number || a->number == 0) return false;
    return a->is_there || strcmp(a->name, b->name) == 0;
}

static assay_status clash(const struct asy_args *args, const char *flag, const char *path, const char *other,
                          const char *other_path, struct assay_error *error)
{
    return asy_fail(error, ASSAY_E_PARAM, "assay %s: --%s: expected a file of its own, found `%s`, which is that of %s%s `%s`; "
                    "name another file", args->verb->name, flag, path, strcmp(other, "the rules") == 0 ? "" : "--", other,
                    other_path);
}

static assay_status check_inputs(const struct asy_args *args, const char *flag, const struct place *out, struct assay_error *error)
{
    static const char *const inputs[] = {"leads", "events", "map"};
    const struct place rules = place_of(args->operands[0]);
    if (!out->is_stream && is_same(out, &rules)) return clash(args, flag, out->path, "the rules", rules.path, error);
    for (size_t i = 0; i < ASY_COUNT_OF(inputs); i++) {
        for (uint32_t k = 0; k < asy_args_times(args, inputs[i]); k++) {
            const struct place in = place_of(asy_args_nth(args, inputs[i], k));
            if (!out->is_stream && is_same(out, &in)) return clash(args, flag, out->path, inputs[i], in.path, error);
        }
    }
    return ASSAY_OK;
}

static const char *const outputs[] = {"out", "rejects", "state", "summary-json"};
enum { N_OUTPUTS = 4 };

/* One file of events given twice would count everything in it twice. */
static assay_status check_events(const struct asy_args *args, struct assay_error *error)
{
    const uint32_t n = asy_args_times(args, "events");
    for (uint32_t i = 0; i < n; i++) {
        const struct place a = place_of(asy_args_nth(args, "events", i));
        for (uint32_t k = 0; k < i; k++) {
            const struct place b = place_of(asy_args_nth(args, "events", k));
            if (!a.is_stream && a.is_regular && is_same(&a, &b))
                return asy_fail(error, ASSAY_E_PARAM, "assay %s: --events: `%s` and `%s` are one file, whose events would count "
                                "twice; give it once", args->verb->name, b.path, a.path);
        }
    }
    return ASSAY_OK;
}

assay_status asy_cli_check_lists(const struct asy_args *args, const struct asy_rules *rules, struct asy_pool *pool,
                                 struct assay_error *error)
{
    const char *slash = strrchr(args->operands[0], '/');
    const int folder_len = slash == NULL ? 0 : (int)(slash - args->operands[0]) + 1;
    for (uint32_t i = 0; i < rules->n_lists; i++) {
        if (rules->lists[i].file.p == NULL) continue;
        const struct asy_str path = asy_pool_printf(pool, "%.*s%.*s", folder_len, args->operands[0], ASY_ARG(rules->lists[i].file));
        if (path.p == NULL) return asy_fail(error, ASSAY_E_NOMEM, "out of memory");
        const struct place list = place_of(path.p);
        for (size_t o = 0; o < N_OUTPUTS; o++) {
            const char *out_path = asy_args_text(args, outputs[o]);
            if (out_path == NULL) continue;
            const struct place out = place_of(out_path);
            if (!out.is_stream && is_same(&out, &list))
                return asy_fail(error, ASSAY_E_PARAM, "assay %s: --%s: `%s` is a list file of the rules; name another file",
                                args->verb->name, outputs[o], out_path);
        }
    }
    return ASSAY_OK;
}

static assay_status check_outputs(const struct asy_args *args, struct assay_error *error)
{
    struct place places[N_OUTPUTS];
    for (size_t i = 0; i < N_OUTPUTS; i++) {
        const char *path = asy_args_text(args, outputs[i]);
        places[i] = (struct place){.path = path};
        if (path == NULL) continue;
        places[i] = place_of(path);
        /* Said now, not after an hour of reading, and before one of several outputs is written. */
        if (places[i].is_folder) return asy_fail(error, ASSAY_E_IO, "%s: expected the name of a file, found a folder", path);
        if (places[i].problem != 0)
            return asy_fail(error, ASSAY_E_IO, "%s: cannot open its folder: %s", path, strerror(places[i].problem));
        const assay_status status = check_inputs(args, outputs[i], &places[i], error);
        if (status != ASSAY_OK) return status;
        for (size_t k = 0; k < i; k++)
            if (places[k].path != NULL && is_same(&places[i], &places[k]))
                return clash(args, outputs[i], path, outputs[k], places[k].path, error);
    }
    return ASSAY_OK;
}

assay_status asy_cli_check_paths(const struct asy_args *args, struct assay_error *error)
{
    const char *state = asy_args_text(args, "state"), *earlier = asy_args_text(args, "changed-from");
    if (state != NULL && strcmp(state, "-") == 0)
        return asy_fail(error, ASSAY_E_PARAM, "assay %s: --state: expected a file, which the next run reads, found `-`; name another file",
                        args->verb->name);
    if (state != NULL && earlier != NULL) {
        const struct place a = place_of(state), b = place_of(earlier);
        if (is_same(&a, &b)) return clash(args, "state", state, "changed-from", earlier, error);
    }
    uint32_t n_stdin = strcmp(asy_args_text(args, "leads"), "-") == 0;
    for (uint32_t k = 0; k < asy_args_times(args, "events"); k++) n_stdin += strcmp(asy_args_nth(args, "events", k), "-") == 0;
    if (n_stdin > 1)
        return asy_fail(error, ASSAY_E_PARAM, "assay %s: standard input can be read once, found `-` %u times; put the others in files",
                        args->verb->name, n_stdin);
    const assay_status status = check_events(args, error);
    return status == ASSAY_OK ? check_outputs(args, error) : status;
}
