/* Opening the plugins of a rule file, and holding the rules to what they declare. Everything that does not fit is a finding at its
 * place in the rule file; only then the whole is refused, so that one reading tells all that there is to mend. */
#include <stdio.h>
#include <unistd.h>

#include "exec/plugins.h"

enum { FILE_BYTES_MAX = 64 << 20, NAMES_TOLD_MAX = 12 };

/* A file that a setting names: read once, however many settings name it. */
struct named_file {
    struct asy_str path, bytes;
};

struct opener {
    struct asy_plugins *plugins;
    struct asy_rules *rules;
    const struct asy_plugin_dirs *dirs;
    const struct asy_file_reader *reader;
    struct asy_diags *diags;
    bool no_memory;
    const struct asy_cel_input **inputs; /* by plugin: of one of its calls, NULL: not used. They are the same for all */
    uint32_t **columns;                  /* by plugin: for every wanted column the read that fills it */
    uint32_t n_files, files_cap;
    struct named_file *files;
};

static void *take(struct opener *o, size_t n, size_t size_bytes)
{
    void *out = asy_pool_alloc_n(&o->plugins->pool, n, size_bytes);
    if (!out)
        o->no_memory = true;
    return out;
}

/* -- what to call things ----------------------------------------------------------------------------------------- */

static const struct column_words {
    const char *name, *filled_by;
} column_words[] = {
    [ASSAY_BOOL_COLUMN] = {"bool", "a bool field, or disqualified"},
    [ASSAY_INT_COLUMN] = {"int", "an int field, or events.NAME.count, .days_ago or .first_days_ago"},
    [ASSAY_NUMBER_COLUMN] = {"number", "a number or int field, or events.NAME.count, .days_ago or .first_days_ago"},
    [ASSAY_TEXT_COLUMN] = {"text", "a text, country or `one of` field, or grade"},
    [ASSAY_TIME_COLUMN] = {"time", "a time field"},
    [ASSAY_POINTS_COLUMN] = {"points", "score.NAME"},
};

/* "domain (text), renewal (time, may be left out)" */
static const char *told_wants(struct opener *o, const struct asy_plugin_decl *decl)
{
    struct asy_str out = ASY_STR("");
    for (uint32_t i = 0; i < decl->n_wants && i < NAMES_TOLD_MAX; i++)
        out = asy_pool_printf(&o->diags->pool, "%.*s%s%.*s (%s%s)", ASY_ARG(out), i ? ", " : "", ASY_ARG(decl->wants[i].name),
                              column_words[decl->wants[i].type].name, decl->wants[i].is_optional ? ", may be left out" : "");
    if (decl->n_wants > NAMES_TOLD_MAX)
        out = asy_pool_printf(&o->diags->pool, "%.*s, ...", ASY_ARG(out));
    return out.p && out.len ? out.p : "no columns";
}

static const char *told_params(struct opener *o, const struct asy_plugin_decl *decl)
{
    struct asy_str out = ASY_STR("");
    for (uint32_t i = 0; i < decl->n_params && i < NAMES_TOLD_MAX; i++)
        out = asy_pool_printf(&o->diags->pool, "%.*s%s%.*s%s", ASY_ARG(out), i ? ", " : "", ASY_ARG(decl->params[i].name),
                              decl->params[i].is_required ? " (required)" : "");
    if (decl->n_params > NAMES_TOLD_MAX)
        out = asy_pool_printf(&o->diags->pool, "%.*s, ...", ASY_ARG(out));
    return out.p && out.len ? out.p : "none";
}

static const char *want_hint(struct opener *o, const struct asy_plugin_decl *decl, struct asy_str word)
{
    struct asy_str *names = take(o, decl->n_wants, sizeof(*names));
    for (uint32_t i = 0; names && i < decl->n_wants; i++)
        names[i] = decl->wants[i].name;
    const char *hint = names ? asy_diag_hint(o->diags, word, names, decl->n_wants) : NULL;
    return hint ? hint : "";
}

static const char *param_hint(struct opener *o, const struct asy_plugin_decl *decl, struct asy_str word)
{
    struct asy_str *names = take(o, decl->n_params, sizeof(*names));
    for (uint32_t i = 0; names && i < decl->n_params; i++)
        names[i] = decl->params[i].name;
    const char *hint = names ? asy_diag_hint(o->diags, word, names, decl->n_params) : NULL;
    return hint ? hint : "";
}

/* -- libraries --------------------------------------------------------------------------------------------------- */

static void tell_library(struct opener *o, const struct asy_plugin_use *use, assay_status status, const struct assay_error *error)
{
    if (status == ASSAY_E_NOMEM)
        o->no_memory = true;
    else if (status == ASSAY_E_NOTFOUND)
        asy_diag_add(o->diags, "E0508", "plugin-not-found", use->library_pos, use->library.len, "plugin `%.*s`: %s", ASY_ARG(use->name),
                     error->text);
    else
        asy_diag_add(o->diags, "E0510", "plugin-refused", use->library_pos, use->library.len, "plugin `%.*s`: %s", ASY_ARG(use->name),
                     error->text);
}

static struct asy_plugin *open_library(struct opener *o, const struct asy_plugin_use *use)
{
    const struct asy_plugin_limits limits = {.is_isolated = !use->is_in_process,
                                             .budget_ns = use->budget_ns ? use->budget_ns : ASY_BUDGET_NS,
                                             .memory_bytes = use->memory_bytes ? use->memory_bytes : ASY_PLUGIN_MEMORY_BYTES};
    struct asy_plugin_file file;
    struct asy_plugin *plugin = NULL;
    struct assay_error error = {0};
    assay_status status = asy_plugin_find(&file, &o->plugins->pool, o->dirs, use->library, &error);
    if (status == ASSAY_OK) {
        status = asy_plugin_open(&plugin, o->plugins->mem, &file, &limits, &error);
        close(file.fd);
    }
    if (status == ASSAY_OK)
        return plugin;
    tell_library(o, use, status, &error);
    return NULL;
}

static bool is_kind(struct opener *o, const struct asy_plugin_use *use, const struct asy_plugin_decl *decl)
{
    const char *kind = asy_plugin_kind_name(decl->kind);
    if (asy_str_is(use->kind, kind))
        return true;
    asy_diag_add(o->diags, "E0503", "plugin-kind", use->kind_pos, use->kind.len, "plugin `%.*s`: `%.*s` is a %s, not a %.*s", ASY_ARG(use->name),
                 ASY_ARG(use->library), kind, ASY_ARG(use->kind));
    return false;
}

/* -- columns ----------------------------------------------------------------------------------------------------- */

/* `company.domain`: domain; `events.visit.count(30d)`: count. */
static struct asy_str last_part(struct asy_str name)
{
    uint32_t end = 0, from = 0;
    while (end < name.len && name.p[end] != '(')
        end++;
    for (uint32_t i = 0; i < end; i++)
        from = name.p[i] == '.' ? i + 1 : from;
    return (struct asy_str){name.p + from, end - from};
}

/* The read that fills column `want`, or ASY_NONE; *other is a second one that would do as well, or ASY_NONE. */
static uint32_t find_read(const struct asy_plugin_use *use, struct asy_str want, uint32_t *other)
{
    uint32_t found = ASY_NONE;
    *other = ASY_NONE;
    for (uint32_t i = 0; i < use->n_reads; i++)
        if (asy_str_eq(use->reads[i].want, want))
            return i;
    for (uint32_t i = 0; i < use->n_reads; i++)
        if (use->reads[i].want.len == 0 && asy_str_eq(use->reads[i].name, want))
            return i;
    for (uint32_t i = 0; i < use->n_reads && *other == ASY_NONE; i++) {
        if (use->reads[i].want.len || !asy_str_eq(last_part(use->reads[i].name), want))
            continue;
        if (found == ASY_NONE)
            found = i;
        else
            *other = i;
    }
    return found;
}

static uint32_t type_of(const struct asy_rules *rules, const struct asy_cel_input *input)
{
    static const uint32_t types[] = {[ASY_TEXT] = ASSAY_TEXT_COLUMN, [ASY_INT] = ASSAY_INT_COLUMN,   [ASY_NUMBER] = ASSAY_NUMBER_COLUMN,
                                     [ASY_BOOL] = ASSAY_BOOL_COLUMN, [ASY_TIME] = ASSAY_TIME_COLUMN, [ASY_COUNTRY] = ASSAY_TEXT_COLUMN,
                                     [ASY_ENUM] = ASSAY_TEXT_COLUMN};
    switch (input->kind) {
    case ASY_IN_FIELD:
        return types[rules->schema.fields[input->index].type];
    case ASY_IN_SCORE:
        return ASSAY_POINTS_COLUMN;
    case ASY_IN_GRADE:
    case ASY_IN_STAGE:
        return ASSAY_TEXT_COLUMN;
    case ASY_IN_DISQUALIFIED:
        return ASSAY_BOOL_COLUMN;
    default:
        return ASSAY_INT_COLUMN; /* counts and days of events */
    }
}

static void check_type(struct opener *o, const struct asy_plugin_use *use, const struct asy_decl_want *want, uint32_t number)
{
    const struct asy_plugin_read *read = &use->reads[number];
    const uint32_t type = type_of(o->rules, &o->inputs[use - o->rules->plugins][number]);
    if (type == want->type || (type == ASSAY_INT_COLUMN && want->type == ASSAY_NUMBER_COLUMN))
        return;
    asy_diag_add(o->diags, "E0511", "plugin-reads", read->pos, read->name.len, "plugin `%.*s`: column `%.*s` is %s: expected %s, found `%.*s`, "
                 "which is %s", ASY_ARG(use->name), ASY_ARG(want->name), column_words[want->type].name, column_words[want->type].filled_by,
                 ASY_ARG(read->name), column_words[type].name);
}

static void tell_ambiguous(struct opener *o, const struct asy_plugin_use *use, struct asy_str want, uint32_t a, uint32_t b)
{
    const struct asy_plugin_read *first = &use->reads[a], *second = &use->reads[b];
    asy_diag_add(o->diags, "E0511", "plugin-reads", second->pos, second->name.len, "plugin `%.*s`: column `%.*s` could be `%.*s` or `%.*s`; say which "
                 "in `reads`: {%.*s: %.*s}", ASY_ARG(use->name), ASY_ARG(want), ASY_ARG(first->name), ASY_ARG(second->name), ASY_ARG(want),
                 ASY_ARG(first->name));
}

static void tell_missing(struct opener *o, const struct asy_plugin_use *use, const struct asy_decl_want *want)
{
    asy_diag_add(o->diags, "E0511", "plugin-reads", use->pos, use->name.len, "plugin `%.*s` needs column `%.*s` (%s%s%.*s); say in `reads` what it is: "
                 "{%.*s: NAME}", ASY_ARG(use->name), ASY_ARG(want->name), column_words[want->type].name, want->help.len ? ": " : "",
                 ASY_ARG(want->help), ASY_ARG(want->name));
}

/* A read that fills no column: there is none of its name, or another read has it. */
static void tell_unread(struct opener *o, const struct asy_plugin_use *use, const struct asy_plugin_decl *decl, const struct asy_plugin_read *read)
{
    const struct asy_str name = read->want.len ? read->want : last_part(read->name);
    const uint32_t *columns = o->columns[use - o->rules->plugins];
    for (uint32_t w = 0; w < decl->n_wants; w++) {
        if (!asy_str_eq(decl->wants[w].name, name))
            continue;
        asy_diag_add(o->diags, "E0511", "plugin-reads", read->pos, read->name.len, "plugin `%.*s`: column `%.*s` is `%.*s` already, so `%.*s` is read "
                     "for nothing; remove it", ASY_ARG(use->name), ASY_ARG(name), ASY_ARG(use->reads[columns[w]].name), ASY_ARG(read->name));
        return;
    }
    asy_diag_add(o->diags, "E0511", "plugin-reads", read->want_pos, read->want.len ? read->want.len : read->name.len,
                 "plugin `%.*s` reads no column `%.*s`; it reads: %s%s", ASY_ARG(use->name), ASY_ARG(name), told_wants(o, decl),
                 want_hint(o, decl, name));
}

/* Which read fills which column. */
static void wire_columns(struct opener *o, uint32_t number, const struct asy_plugin_decl *decl)
{
    const struct asy_plugin_use *use = &o->rules->plugins[number];
    uint32_t *columns = take(o, decl->n_wants, sizeof(*columns)), other;
    bool *is_taken = take(o, use->n_reads, sizeof(*is_taken));
    o->columns[number] = columns;
    for (uint32_t w = 0; !o->no_memory && w < decl->n_wants; w++) {
        const struct asy_decl_want *want = &decl->wants[w];
        columns[w] = find_read(use, want->name, &other);
        if (columns[w] != ASY_NONE)
            is_taken[columns[w]] = true;
        if (other != ASY_NONE) {
            is_taken[other] = true;
            tell_ambiguous(o, use, want->name, columns[w], other);
        } else if (columns[w] != ASY_NONE) {
            check_type(o, use, want, columns[w]);
        } else if (!want->is_optional) {
            tell_missing(o, use, want);
        }
    }
    for (uint32_t i = 0; !o->no_memory && i < use->n_reads; i++)
        if (!is_taken[i])
            tell_unread(o, use, decl, &use->reads[i]);
}

static void open_plugin(struct opener *o, uint32_t number)
{
    const struct asy_plugin_use *use = &o->rules->plugins[number];
    struct asy_plugin *plugin = o->plugins->opened[number] = open_library(o, use);
    if (plugin && is_kind(o, use, asy_plugin_decl(plugin)))
        wire_columns(o, number, asy_plugin_decl(plugin));
}

/* -- settings ---------------------------------------------------------------------------------------------------- */

static struct asy_pos place_of(const struct asy_setting *setting)
{
    return setting->n_texts && !setting->is_list ? setting->text_pos[0] : setting->pos;
}

static void tell_value(struct opener *o, const struct asy_setting *setting, const char *expected)
{
    const struct asy_str text = setting->n_texts ? setting->texts[0] : ASY_STR("");
    if (setting->is_list)
        asy_diag_add(o->diags, "E0512", "plugin-setting", place_of(setting), setting->name.len, "`%.*s`: expected %s, found a list of %u",
                     ASY_ARG(setting->name), expected, setting->n_texts);
    else if (text.len == 0)
        asy_diag_add(o->diags, "E0512", "plugin-setting", place_of(setting), 1, "`%.*s`: expected %s, found an empty text", ASY_ARG(setting->name),
                     expected);
    else
        asy_diag_add(o->diags, "E0512", "plugin-setting", place_of(setting), text.len, "`%.*s`: expected %s, found `%.*s`", ASY_ARG(setting->name),
                     expected, text.len < 60 ? (int)text.len : 60, text.p);
}

/* The content of the file, or NULL after a finding. */
static const struct asy_str *read_file(struct opener *o, const struct asy_setting *setting)
{
    struct assay_error error = {0};
    if (setting->is_list || !asy_rules_path_is_inside(setting->texts[0])) {
        tell_value(o, setting, "the path of a file in the rule file's folder or below it, without `..`");
        return NULL;
    }
    for (uint32_t i = 0; i < o->n_files; i++)
        if (asy_str_eq(o->files[i].path, setting->texts[0]))
            return &o->files[i].bytes;
    if (!asy_pool_grow(&o->plugins->pool, (void **)&o->files, &o->files_cap, o->n_files, sizeof(*o->files))) {
        o->no_memory = true;
        return NULL;
    }
    struct named_file *file = &o->files[o->n_files];
    file->path = setting->texts[0];
    const assay_status status = asy_rules_read_file(o->rules, o->reader, file->path, FILE_BYTES_MAX, &file->bytes, &error);
    o->no_memory |= status == ASSAY_E_NOMEM;
    if (status == ASSAY_OK)
        return &o->files[o->n_files++].bytes;
    if (status != ASSAY_E_NOMEM)
        asy_diag_add(o->diags, "E0512", "plugin-setting", place_of(setting), file->path.len, "`%.*s`: %s", ASY_ARG(setting->name), error.text);
    return NULL;
}

static void read_value(struct opener *o, const struct asy_setting *setting, const struct asy_decl_param *param, struct asy_plugin_setting *out)
{
    const struct asy_str *texts = setting->texts;
    uint32_t n = setting->n_texts;
    struct asy_str expected = ASY_STR("");
    if (param->type == ASSAY_FILE_PARAM) {
        n = 1;
        if (!(texts = read_file(o, setting)))
            return;
    } else if (param->type != ASSAY_TEXTS_PARAM && setting->is_list) {
        tell_value(o, setting, "one value");
        return;
    }
    if (asy_decl_value(param, &o->plugins->pool, texts, n, out, &expected))
        return;
    if (o->plugins->pool.has_failed)
        o->no_memory = true;
    else if (param->type == ASSAY_FILE_PARAM) /* its content does not belong into a message */
        asy_diag_add(o->diags, "E0512", "plugin-setting", place_of(setting), setting->texts[0].len, "`%.*s`: expected %.*s in `%.*s`",
                     ASY_ARG(setting->name), ASY_ARG(expected), ASY_ARG(setting->texts[0]));
    else
        tell_value(o, setting, expected.p ? expected.p : "another value");
}

static const struct asy_setting *find_setting(const struct asy_plugin_call *call, struct asy_str name)
{
    for (uint32_t i = 0; i < call->n_settings; i++)
        if (asy_str_eq(call->settings[i].name, name))
            return &call->settings[i];
    return NULL;
}

static void check_setting_names(struct opener *o, const struct asy_plugin_call *call, const struct asy_plugin_decl *decl)
{
    const struct asy_str plugin = o->rules->plugins[call->plugin].name;
    for (uint32_t i = 0; !o->no_memory && i < call->n_settings; i++) {
        const struct asy_setting *setting = &call->settings[i];
        bool is_known = false;
        for (uint32_t k = 0; k < decl->n_params && !is_known; k++)
            is_known = asy_str_eq(decl->params[k].name, setting->name);
        if (!is_known)
            asy_diag_add(o->diags, "E0512", "plugin-setting", setting->pos, setting->name.len, "`%.*s` is not a setting of plugin `%.*s`; it has: %s%s",
                         ASY_ARG(setting->name), ASY_ARG(plugin), told_params(o, decl), param_hint(o, decl, setting->name));
    }
}

static void read_settings(struct opener *o, uint32_t number)
{
    const struct asy_plugin_call *call = &o->rules->calls[number];
    const struct asy_str plugin = o->rules->plugins[call->plugin].name;
    const struct asy_plugin_decl *decl = asy_plugin_decl(o->plugins->opened[call->plugin]);
    struct asy_plugin_setting *values = o->plugins->settings[number] = take(o, decl->n_params, sizeof(*values));
    check_setting_names(o, call, decl);
    if (decl->kind == ASSAY_SCORE) {
        o->rules->calls[number].points_lo_milli = decl->points_min_milli;
        o->rules->calls[number].points_hi_milli = decl->points_max_milli;
    }
    for (uint32_t i = 0; !o->no_memory && i < decl->n_params; i++) {
        const struct asy_decl_param *param = &decl->params[i];
        const struct asy_setting *setting = find_setting(call, param->name);
        if (setting)
            read_value(o, setting, param, &values[i]);
        else if (param->is_required)
            asy_diag_add(o->diags, "E0512", "plugin-setting", call->pos, plugin.len, "plugin `%.*s` needs the setting `%.*s`%s%.*s%s; give it under "
                         "`with:`", ASY_ARG(plugin), ASY_ARG(param->name), param->help.len ? " (" : "", ASY_ARG(param->help),
                         param->help.len ? ")" : "");
        else if (!asy_decl_fallback(param, &o->plugins->pool, &values[i]))
            o->no_memory = true; /* that it can be read was checked with the declaration */
    }
}

/* -- all of it --------------------------------------------------------------------------------------------------- */

static void open_all(struct opener *o)
{
    const struct asy_rules *rules = o->rules;
    struct asy_plugins *plugins = o->plugins;
    plugins->opened = take(o, rules->n_plugins, sizeof(struct asy_plugin *));
    plugins->settings = take(o, rules->n_calls, sizeof(struct asy_plugin_setting *));
    plugins->column_of = take(o, rules->n_calls, sizeof(uint32_t *));
    o->inputs = take(o, rules->n_plugins, sizeof(struct asy_cel_input *));
    o->columns = take(o, rules->n_plugins, sizeof(uint32_t *));
    bool *is_used = take(o, rules->n_plugins, sizeof(*is_used));
    if (o->no_memory)
        return;
    for (uint32_t i = 0; i < rules->n_calls; i++) {
        is_used[rules->calls[i].plugin] = true;
        o->inputs[rules->calls[i].plugin] = rules->calls[i].inputs;
    }
    for (uint32_t i = 0; !o->no_memory && i < rules->n_plugins; i++)
        if (is_used[i])
            open_plugin(o, i);
    for (uint32_t i = 0; !o->no_memory && i < rules->n_calls; i++) {
        plugins->column_of[i] = o->columns[rules->calls[i].plugin];
        if (plugins->opened[rules->calls[i].plugin])
            read_settings(o, i);
    }
}

/* Findings are shown with the source beside them, which may outlive the rules then. */
static void keep_source(struct asy_diags *diags, const struct asy_rules *rules)
{
    diags->path = asy_pool_copy(&diags->pool, rules->path);
    diags->source = asy_pool_copy(&diags->pool, rules->source);
}

assay_status asy_plugins_open(struct asy_plugins *plugins, struct asy_mem *mem, struct asy_rules *rules, const struct asy_plugin_dirs *dirs,
                              const struct asy_file_reader *reader, struct asy_diags *diags, struct assay_error *error)
{
    struct opener o = {.plugins = plugins, .rules = rules, .dirs = dirs, .reader = reader, .diags = diags};
    const uint32_t n_errors = diags->n_errors;
    *plugins = (struct asy_plugins){.mem = mem, .rules = rules};
    asy_pool_init(&plugins->pool, mem);
    if (rules->n_calls)
        open_all(&o);
    const uint32_t n = diags->n_errors - n_errors;
    if (n)
        keep_source(diags, rules);
    const bool no_memory = o.no_memory || diags->out_of_memory || plugins->pool.has_failed || diags->pool.has_failed;
    if (no_memory || n)
        asy_plugins_close(plugins);
    if (no_memory)
        return asy_fail(error, ASSAY_E_NOMEM, "%.*s: opening plugins: out of memory", ASY_ARG(rules->path));
    return n == 0 ? ASSAY_OK : asy_fail(error, ASSAY_E_RULES, "%.*s: %u error%s", ASY_ARG(rules->path), n, n == 1 ? "" : "s");
}

void asy_plugins_close(struct asy_plugins *plugins)
{
    for (uint32_t i = 0; plugins->opened && i < plugins->rules->n_plugins; i++)
        asy_plugin_close(plugins->opened[i]);
    if (plugins->mem)
        asy_pool_fini(&plugins->pool);
    *plugins = (struct asy_plugins){0};
}
