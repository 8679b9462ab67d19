#include "cli/plugin_dirs.h"

#include <sys/stat.h>

#include "base/check.h"

struct list {
    struct asy_pool *pool;
    const char **items;
    struct stat *infos;
    uint32_t n;
};

/* `path`, unless an earlier one is the same folder. False: there is no such folder. */
static bool add(struct list *list, const char *path)
{
    struct stat *info = &list->infos[list->n];
    if (stat(path, info) != 0 || !S_ISDIR(info->st_mode)) return false;
    for (uint32_t i = 0; i < list->n; i++)
        if (list->infos[i].st_dev == info->st_dev && list->infos[i].st_ino == info->st_ino) return true;
    list->items[list->n++] = path;
    return true;
}

static assay_status add_flags(struct list *list, const struct asy_args *args, struct assay_error *error)
{
    for (uint32_t i = 0; i < asy_args_times(args, "plugin-dir"); i++) {
        const char *path = asy_args_nth(args, "plugin-dir", i);
        if (!add(list, path))
            return asy_fail(error, ASSAY_E_PARAM, "assay %s: --plugin-dir: expected a folder with plugins, found none at `%s`",
                            args->verb->name, path);
    }
    return ASSAY_OK;
}

/* A folder of the list that is gone is no mistake of today's command line: it is passed over, as in PATH. */
static assay_status add_path(struct list *list, const char *path, struct assay_error *error)
{
    while (path != NULL && path[0] != '\0') {
        const size_t len = strcspn(path, ":");
        if (len > 0 && path[0] != '/')
            return asy_fail(error, ASSAY_E_PARAM,
                            "ASSAY_PLUGIN_PATH: expected absolute folders separated by `:`, found `%.*s`; what it meant would depend on where the "
                            "command is started (--plugin-dir takes relative folders)", (int)len, path);
        if (len > 0) {
            const struct asy_str folder = asy_pool_copy(list->pool, (struct asy_str){path, (uint32_t)len});
            if (folder.p == NULL) return asy_fail(error, ASSAY_E_NOMEM, "out of memory");
            add(list, folder.p);
        }
        path += len + (path[len] == ':');
    }
    return ASSAY_OK;
}

static size_t count_parts(const char *path)
{
    size_t n = path != NULL;
    for (; path != NULL && *path != '\0'; path++) n += *path == ':';
    return n;
}

assay_status asy_cli_plugin_dirs(struct asy_cli *cli, struct asy_plugin_dirs *dirs, struct assay_error *error)
{
    const struct asy_cli_places *places = &cli->places;
    const char *const known[] = {places->plugins_beside, places->installed[0], places->installed[1]};
    const size_t at_most = asy_args_times(&cli->args, "plugin-dir") + count_parts(places->plugin_path) + ASY_COUNT_OF(known) + 1;
    struct list list = {.pool = cli->pool,
                        .items = asy_pool_alloc_n(cli->pool, at_most, sizeof(*list.items)),
                        .infos = asy_pool_alloc_n(cli->pool, at_most, sizeof(*list.infos))};
    if (list.items == NULL || list.infos == NULL) return asy_fail(error, ASSAY_E_NOMEM, "out of memory");
    if (places->is_path_ignored)
        fputs("assay: ASSAY_PLUGIN_PATH is ignored: it was set by another user than the one whose rights this process has; --plugin-dir names "
              "folders\n", cli->io.err);
    assay_status status = add_flags(&list, &cli->args, error);
    if (status == ASSAY_OK) status = add_path(&list, places->plugin_path, error);
    for (uint32_t i = 0; i < ASY_COUNT_OF(known) && status == ASSAY_OK; i++)
        if (known[i] != NULL) add(&list, known[i]);
    *dirs = (struct asy_plugin_dirs){.items = list.items, .n = list.n};
    return status;
}
