/* assay plugin new: a folder with a plugin to begin with. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/template.h"
#include "io/write.h"

enum { NAME_LETTERS_MAX = 40 };
static const char *const kinds[] = {"disqualifier", "router", "recycler", "scorer"}; /* the order of the flag's words */
/* What the test gives the plugin of each kind: lines of C. */
static const char *const settings[] = {"    \"words=student\", \"words=intern\",\n", "    \"owners=DE=jo\", \"owners=US=kim\",\n", "    \"wait=90d\",\n",
                                       "    \"points=20\",\n"};

/* What goes where in a template. */
struct filling {
    struct asy_str mark, text;
};
enum { N_FILLINGS = 3, MARK_LETTERS_MIN = 6 };

static bool name_is_good(const char *name)
{
    const size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return name[0] >= 'a' && name[0] <= 'z' && name[n] == '\0' && n <= NAME_LETTERS_MAX;
}

static const struct filling *mark_at(const struct filling *fillings, struct asy_str rest)
{
    for (uint32_t i = 0; i < N_FILLINGS; i++)
        if (asy_str_starts(rest, fillings[i].mark)) return &fillings[i];
    return NULL;
}

static struct asy_str fill(struct asy_pool *pool, const struct asy_template *template, const struct filling *fillings)
{
    uint32_t most = 1;
    for (uint32_t i = 0; i < N_FILLINGS; i++)
        if (fillings[i].text.len > most) most = fillings[i].text.len;
    char *out = asy_pool_alloc(pool, (template->n_bytes / MARK_LETTERS_MIN + 1) * (size_t)most + template->n_bytes), *at = out;
    if (out == NULL) return (struct asy_str){NULL, 0};
    for (uint32_t i = 0; i < template->n_bytes;) {
        const struct asy_str rest = {(const char *)template->bytes + i, template->n_bytes - i};
        const struct filling *filling = rest.p[0] == '@' ? mark_at(fillings, rest) : NULL;
        if (filling != NULL) {
            memcpy(at, filling->text.p, filling->text.len);
            at += filling->text.len;
            i += filling->mark.len;
        } else {
            *at++ = rest.p[0];
            i++;
        }
    }
    return (struct asy_str){out, (uint32_t)(at - out)};
}

/* Where a template goes: "scorer.c" is the plugin of that kind and becomes NAME.c, "scorer.yaml" becomes rules.yaml, what begins with no kind
 * is for all of them. NULL: it is for another kind, or there is no memory. */
static const char *path_of(struct asy_pool *pool, const struct asy_template *template, const char *folder, const char *name, uint32_t kind)
{
    const char *file = template->name;
    for (uint32_t k = 0; k < ASY_COUNT_OF(kinds); k++) {
        const size_t n = strlen(kinds[k]);
        if (strncmp(file, kinds[k], n) != 0) continue;
        if (k != kind) return NULL;
        return strcmp(file + n, ".c") == 0 ? asy_pool_printf(pool, "%s/%s.c", folder, name).p
                                           : asy_pool_printf(pool, "%s/rules%s", folder, file + n).p;
    }
    return asy_pool_printf(pool, "%s/%s", folder, file).p;
}

static assay_status make_folder(const char *folder, struct assay_error *error)
{
    if (mkdir(folder, 0700) == 0) return ASSAY_OK;
    if (errno == EEXIST)
        return asy_fail(error, ASSAY_E_PARAM, "assay plugin new: %s: expected a name that is free, found a file or folder there; nothing was changed", folder);
    return asy_fail(error, ASSAY_E_IO, "%s: cannot make this folder: %s%s", folder, strerror(errno),
                    errno == ENOENT ? " (the folder above it has to be there)" : "");
}

/* All files, or none and no folder. */
static assay_status write_files(struct asy_cli *cli, const char *folder, const char *name, uint32_t kind, struct assay_error *error)
{
    const struct filling fillings[N_FILLINGS] = {{ASY_STR("@NAME@"), asy_str_of(name)}, {ASY_STR("@KIND@"), asy_str_of(kinds[kind])},
                                                  {ASY_STR("@SETTINGS@"), asy_str_of(settings[kind])}};
    assay_status status = ASSAY_OK;
    uint32_t n_done = 0;
    for (; n_done < asy_n_templates && status == ASSAY_OK; n_done++) {
        const struct asy_template *template = &asy_templates[n_done];
        const char *path = path_of(cli->pool, template, folder, name, kind);
        const struct asy_str text = path != NULL ? fill(cli->pool, template, fillings) : ASY_STR("");
        if (cli->pool->has_failed) status = asy_fail(error, ASSAY_E_NOMEM, "assay plugin new: out of memory");
        else if (path != NULL) status = asy_write_file(cli->mem, path, text, error);
    }
    for (uint32_t i = 0; i < n_done && status != ASSAY_OK; i++) {
        const char *path = path_of(cli->pool, &asy_templates[i], folder, name, kind);
        if (path != NULL) unlink(path);
    }
    if (status != ASSAY_OK) rmdir(folder);
    return status;
}

/* `headers`: where the header lies; NULL: where pkg-config says. */
static void print_next_steps(FILE *out, const char *folder, const char *name, const char *headers)
{
    fprintf(out,
            "%s: a plugin to begin with. Next:\n\n"
            "  cd %s\n"
            "  cc -shared -fPIC -O2 -fvisibility=hidden %s%s%s %s.c -o lib%s.so\n"
            "  assay plugin check ./lib%s.so --rules rules.yaml\n"
            "  assay score rules.yaml --leads leads.csv --plugin-dir . --out scored.csv\n",
            folder, folder, headers != NULL ? "-I\"" : "", headers != NULL ? headers : "$(pkg-config --cflags assay)", headers != NULL ? "\"" : "",
            name, name, name);
}

int asy_verb_plugin_new(struct asy_cli *cli)
{
    const char *name = cli->args.operands[0], *parent = asy_args_text(&cli->args, "dir");
    struct assay_error error = {0};
    if (!name_is_good(name)) {
        asy_fail(&error, ASSAY_E_PARAM,
                 "assay plugin new: expected a name of at most %d small letters, digits and _ that begins with a letter, such as old_titles, found `%s`",
                 NAME_LETTERS_MAX, name);
        return asy_cli_fail(cli, &error);
    }
    const struct asy_str folder = strcmp(parent, ".") == 0 ? asy_str_of(name) : asy_pool_printf(cli->pool, "%s/%s", parent, name);
    assay_status status = folder.p != NULL ? make_folder(folder.p, &error) : asy_fail(&error, ASSAY_E_NOMEM, "assay plugin new: out of memory");
    if (status == ASSAY_OK) status = write_files(cli, folder.p, name, asy_args_choice(&cli->args, "kind"), &error);
    if (status != ASSAY_OK) return asy_cli_fail(cli, &error);
    print_next_steps(cli->io.out, folder.p, name, cli->places.headers);
    return ASY_EXIT_OK;
}
