/* assay plugin list: every library in the folders of plugins, what it declares, or why it is refused. */
#include <unistd.h>

#include "cli/json.h"
#include "cli/plugin_dirs.h"
#include "cli/plugin_words.h"
#include "cli/term.h"
#include "plugin/plugin.h"

enum { SCHEMA_VERSION = 1 };

/* One library of a folder. */
struct listed {
    struct asy_str library;
    bool is_hidden;                     /* an earlier folder has one of this name, and that one is used */
    struct asy_plugin *plugin;          /* NULL: refused */
    const struct asy_plugin_decl *decl; /* of it */
    struct assay_error refused;
};

struct list {
    struct asy_cli *cli;
    struct asy_plugin_dirs dirs;
    struct asy_str **names;             /* by folder */
    uint32_t *n_names;
    struct asy_json json;
};

/* -- looking ------------------------------------------------------------------------------------------------------------- */

static bool is_hidden(const struct list *list, uint32_t dir, struct asy_str library)
{
    for (uint32_t d = 0; d < dir; d++)
        for (uint32_t i = 0; i < list->n_names[d]; i++)
            if (asy_str_eq(list->names[d][i], library)) return true;
    return false;
}

/* Load it where it can do no harm. Memory running out is the only failure that is not the library's. */
static assay_status look(const struct list *list, uint32_t dir, struct asy_str library, struct listed *out, struct assay_error *error)
{
    const struct asy_plugin_dirs one = {.items = &list->dirs.items[dir], .n = 1};
    const struct asy_plugin_limits limits = {.is_isolated = true, .budget_ns = ASY_BUDGET_NS, .memory_bytes = ASY_PLUGIN_MEMORY_BYTES};
    struct asy_plugin_file file;
    *out = (struct listed){.library = library, .is_hidden = is_hidden(list, dir, library)};
    assay_status status = asy_plugin_find(&file, list->cli->pool, &one, library, &out->refused);
    if (status == ASSAY_OK) {
        status = asy_plugin_open(&out->plugin, list->cli->mem, &file, &limits, &out->refused);
        close(file.fd);
    }
    if (status == ASSAY_E_NOMEM) return asy_fail(error, status, "%s", out->refused.text);
    if (status == ASSAY_OK) out->decl = asy_plugin_decl(out->plugin);
    return ASSAY_OK;
}

/* -- telling people -------------------------------------------------------------------------------------------------------- */

static void print_wants(const struct list *list, const struct asy_plugin_decl *decl)
{
    FILE *out = list->cli->io.out;
    for (uint32_t i = 0; i < decl->n_wants; i++)
        fprintf(out, "      reads %.*s: %s%s%s%.*s\n", ASY_ARG(decl->wants[i].name), asy_column_word(decl->wants[i].type),
                decl->wants[i].is_optional ? ", optional" : "", decl->wants[i].help.len > 0 ? "; " : "", ASY_ARG(decl->wants[i].help));
    for (uint32_t i = 0; i < decl->n_params; i++) {
        const struct asy_str words = asy_param_words(list->cli->pool, &decl->params[i]);
        fprintf(out, "      takes %.*s: %.*s%s%.*s\n", ASY_ARG(decl->params[i].name), ASY_ARG(words), decl->params[i].help.len > 0 ? "; " : "",
                ASY_ARG(decl->params[i].help));
    }
    for (uint32_t i = 0; i < decl->n_reasons; i++)
        fprintf(out, "      says %.*s: %.*s\n", ASY_ARG(decl->reasons[i].id), ASY_ARG(decl->reasons[i].text));
}

static void print_listed(const struct list *list, const struct listed *listed)
{
    FILE *out = list->cli->io.out;
    const struct asy_plugin_decl *decl = listed->decl;
    const char *hidden = listed->is_hidden ? "   (not used: an earlier folder has one of this name)" : "";
    if (decl == NULL) {
        fprintf(out, "  %.*s   refused%s\n      %s\n", ASY_ARG(listed->library), hidden, listed->refused.text);
        return;
    }
    fprintf(out, "  %.*s   %s %.*s %.*s%s\n", ASY_ARG(listed->library), asy_plugin_kind_name(decl->kind), ASY_ARG(decl->id),
            ASY_ARG(decl->version), hidden);
    if (decl->help.len > 0) fprintf(out, "      %.*s\n", ASY_ARG(decl->help));
    print_wants(list, decl);
}

/* -- telling machines ------------------------------------------------------------------------------------------------------ */

static void json_decl(struct asy_json *json, const struct asy_plugin_decl *decl)
{
    asy_json_text(json, "kind", asy_str_of(asy_plugin_kind_name(decl->kind)));
    asy_json_text(json, "id", decl->id);
    asy_json_text(json, "version", decl->version);
    asy_json_text(json, "help", decl->help);
    asy_json_open(json, "wants", '[');
    for (uint32_t i = 0; i < decl->n_wants; i++) {
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "name", decl->wants[i].name);
        asy_json_text(json, "type", asy_str_of(asy_column_word(decl->wants[i].type)));
        asy_json_bool(json, "optional", decl->wants[i].is_optional);
        asy_json_text(json, "help", decl->wants[i].help);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
    asy_json_open(json, "params", '[');
    for (uint32_t i = 0; i < decl->n_params; i++) {
        const struct asy_decl_param *param = &decl->params[i];
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "name", param->name);
        asy_json_text(json, "type", asy_str_of(asy_param_word(param->type)));
        asy_json_bool(json, "required", param->is_required);
        if (param->has_fallback) asy_json_text(json, "fallback", param->fallback);
        if (param->lo != 0 || param->hi != 0) {
            asy_json_int(json, "from", param->lo);
            asy_json_int(json, "to", param->hi);
        }
        asy_json_text(json, "help", param->help);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
    asy_json_open(json, "reasons", '[');
    for (uint32_t i = 0; i < decl->n_reasons; i++) {
        asy_json_open(json, NULL, '{');
        asy_json_int(json, "code", decl->reasons[i].code);
        asy_json_text(json, "id", decl->reasons[i].id);
        asy_json_text(json, "text", decl->reasons[i].text);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
}

static void json_listed(struct list *list, uint32_t dir, const struct listed *listed)
{
    struct asy_json *json = &list->json;
    asy_json_open(json, NULL, '{');
    asy_json_text(json, "folder", asy_str_of(list->dirs.items[dir]));
    asy_json_text(json, "library", listed->library);
    asy_json_bool(json, "hidden", listed->is_hidden);
    if (listed->decl != NULL) json_decl(json, listed->decl);
    else asy_json_text(json, "refused", asy_str_of(listed->refused.text));
    asy_json_close(json, '}');
}

/* -------------------------------------------------------------------------------------------------------------------------- */

static assay_status list_folder(struct list *list, uint32_t dir, bool is_json, struct assay_error *error)
{
    assay_status status = ASSAY_OK;
    if (!is_json) fprintf(list->cli->io.out, "%s%s\n", dir > 0 ? "\n" : "", list->dirs.items[dir]);
    if (!is_json && list->n_names[dir] == 0) fputs("  no plugins\n", list->cli->io.out);
    for (uint32_t i = 0; i < list->n_names[dir] && status == ASSAY_OK; i++) {
        struct listed listed;
        status = look(list, dir, list->names[dir][i], &listed, error);
        if (status == ASSAY_OK && asy_cli_interrupted(list->cli)) status = asy_fail(error, ASSAY_E_CANCELLED, "assay plugin list: interrupted");
        if (status == ASSAY_OK && is_json) json_listed(list, dir, &listed);
        else if (status == ASSAY_OK) print_listed(list, &listed);
        asy_plugin_close(listed.plugin);
    }
    return status;
}

static assay_status list_all(struct list *list, bool is_json, struct assay_error *error)
{
    struct asy_cli *cli = list->cli;
    assay_status status = asy_cli_plugin_dirs(cli, &list->dirs, error);
    if (status != ASSAY_OK) return status;
    const uint32_t n_dirs = list->dirs.n;
    list->names = asy_pool_alloc_n(cli->pool, n_dirs, sizeof(*list->names));
    list->n_names = asy_pool_alloc_n(cli->pool, n_dirs, sizeof(*list->n_names));
    if (list->names == NULL || list->n_names == NULL) return asy_fail(error, ASSAY_E_NOMEM, "out of memory");
    for (uint32_t d = 0; d < n_dirs && status == ASSAY_OK; d++)
        status = asy_plugin_names(cli->pool, list->dirs.items[d], &list->names[d], &list->n_names[d], error);
    if (n_dirs == 0 && !is_json)
        fputs("There are no folders of plugins: --plugin-dir and ASSAY_PLUGIN_PATH name some.\n", cli->io.out);
    for (uint32_t d = 0; d < n_dirs && status == ASSAY_OK; d++) status = list_folder(list, d, is_json, error);
    return status;
}

int asy_verb_plugin_list(struct asy_cli *cli)
{
    struct list list = {.cli = cli};
    struct assay_error error = {0};
    const bool is_json = asy_args_has(&cli->args, "json");
    asy_json_init(&list.json, cli->mem);
    asy_json_open(&list.json, NULL, '{');
    asy_json_int(&list.json, "schema_version", SCHEMA_VERSION);
    asy_json_open(&list.json, "plugins", '[');
    assay_status status = list_all(&list, is_json, &error);
    if (status == ASSAY_OK && is_json) {
        asy_json_close(&list.json, ']');
        asy_json_close(&list.json, '}');
        const struct asy_str text = asy_json_finish(&list.json);
        if (text.p == NULL) status = asy_fail(&error, ASSAY_E_NOMEM, "assay plugin list: out of memory");
        else fwrite(text.p, 1, text.len, cli->io.out);
    }
    asy_json_fini(&list.json);
    return status == ASSAY_OK ? ASY_EXIT_OK : asy_cli_fail(cli, &error);
}
