#include "cli/paths.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/check.h"

/* What a path leads to: a file that is there, or a name in a folder that is there. */
struct place {
    const char *path;
    bool is_stream;   /* `-` */
    bool is_there, is_regular;
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
    const char *slash = strrchr(path, '/');
    place.name = slash != NULL ? slash + 1 : path;
    if (!place.is_there) {
        const int n = slash == NULL ? snprintf(folder, sizeof(folder), ".")
                                    : snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - path), path);
        if (n < 0 || (size_t)n >= sizeof(folder) || stat(folder, &info) != 0) return place;
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

static assay_status check_outputs(const struct asy_args *args, struct assay_error *error)
{
    static const char *const outputs[] = {"out", "rejects", "state", "summary-json"};
    struct place places[ASY_COUNT_OF(outputs)];
    for (size_t i = 0; i < ASY_COUNT_OF(outputs); i++) {
        const char *path = asy_args_text(args, outputs[i]);
        places[i] = (struct place){.path = path};
        if (path == NULL) continue;
        places[i] = place_of(path);
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
    return check_outputs(args, error);
}
