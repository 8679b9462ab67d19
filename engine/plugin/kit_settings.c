/* create() with settings that fit their declarations and are odd nevertheless: it may refuse them, saying why, and may not fall over
 * them, then or in run(). */
#include "plugin/kit_internal.h"

#include <stdio.h>

#include "base/check.h"

enum { LONG_BYTES = 4096, ODD_ROWS = 256 };

static const struct asy_str odd_texts[] = {
    {"", 0},          {" ", 1},        {"\n", 1},      {"\n\n\n", 3},  {",", 1},           {";;;;", 4},          {"=", 1},
    {"\"unclosed", 9}, {"0", 1},       {"-1", 2},      {"1e999", 5},   {"nan", 3},         {"99999999999999999999", 20},
    {"a", 1},         {"a,b\nc", 5},   {"%s%n", 4},    {"*", 1},       {"\xC3\xA4\xF0\x9F\x9A\x80", 6}, {"[](){}", 6},
    {"x,1\nx,1\nx,2\n", 12}, {"# comment only\n", 15}, {"a\r\nb\r\n", 6},
};
/* a file may hold anything */
static const struct asy_str odd_contents[] = {{"\0", 1}, {"a\0b\n", 4}, {"\xFF\xFE\x80", 3}, {"\xEF\xBB\xBF" "a\n", 5}, {"\xC3", 1}};

struct trial {
    struct asy_kit *kit;
    struct asy_plugin_setting *settings; /* all as given, but for one */
    uint32_t param;
    struct asy_str what;                 /* the odd value in words */
};

static void tell_trial(const struct trial *trial, const char *where)
{
    const struct asy_kit *kit = trial->kit;
    snprintf(kit->news->doing, sizeof(kit->news->doing), "%s with `%.*s` = %.*s", where, ASY_ARG(kit->decl->params[trial->param].name),
             ASY_ARG(trial->what));
}

static void check_error(struct trial *trial, const struct assay_plugin_error *error)
{
    struct asy_kit *kit = trial->kit;
    const char *end = memchr(error->text, '\0', sizeof(error->text));
    const struct asy_str name = kit->decl->params[trial->param].name;
    if (end == NULL)
        asy_kit_fail(kit, "create() with `%.*s` = %.*s failed with a text that has no end: expected a NUL within %zu bytes", ASY_ARG(name),
                     ASY_ARG(trial->what), sizeof(error->text));
    if (end == error->text)
        asy_kit_fail(kit, "create() with `%.*s` = %.*s failed without a word: expected error->text to say what it expected and what it found",
                     ASY_ARG(name), ASY_ARG(trial->what));
    if (memchr(error->text, '\n', (size_t)(end - error->text)) != NULL)
        asy_kit_fail(kit, "create() with `%.*s` = %.*s failed with several lines: expected one", ASY_ARG(name), ASY_ARG(trial->what));
}

/* Did create() accept the settings? */
static bool try_create(struct trial *trial, struct asy_instance *lender, const struct asy_facts *facts)
{
    struct asy_kit *kit = trial->kit;
    struct assay_plugin_error error = {.struct_size = sizeof(error)};
    struct assay_value *values;
    void *state = NULL;
    if (!asy_facts_values(facts, &kit->pool, &values)) asy_kit_fail(kit, "the kit itself is out of memory");
    tell_trial(trial, "in create()");
    asy_kit_limit_create(true);
    lender->is_creating = true; /* its host serves a second create(), which asy_instance_new does not show closely enough */
    const int32_t failed = kit->plugin.create(&lender->host, values, &state, &error);
    lender->is_creating = false;
    if (failed == 0) {
        tell_trial(trial, "in destroy()");
        kit->plugin.destroy(state);
    }
    asy_kit_limit_create(false);
    if (failed != 0) check_error(trial, &error);
    kit->news->doing[0] = '\0';
    return failed == 0;
}

static void try_run(struct trial *trial, const struct asy_facts *facts)
{
    struct asy_kit *kit = trial->kit;
    struct asy_kit_verdict found[ODD_ROWS];
    uint32_t rows[ODD_ROWS];
    for (uint32_t i = 0; i < ODD_ROWS; i++) rows[i] = asy_kit_below(&kit->random, ASY_KIT_LEADS);
    snprintf(kit->news->hint, sizeof(kit->news->hint), "`%.*s` was %.*s", ASY_ARG(kit->decl->params[trial->param].name), ASY_ARG(trial->what));
    struct asy_instance *instance = asy_kit_create(kit, facts);
    asy_kit_judge(kit, instance, &(struct asy_kit_call){.rows = rows, .n_rows = ODD_ROWS}, found);
    asy_kit_destroy(kit, instance);
    kit->news->hint[0] = '\0';
}

static void try_setting(struct trial *trial, struct asy_instance *lender, const struct asy_facts_column *columns,
                        const struct asy_plugin_setting *setting)
{
    struct asy_kit *kit = trial->kit;
    struct asy_facts facts;
    struct assay_error error = {0};
    const struct asy_plugin_setting given = trial->settings[trial->param];
    trial->settings[trial->param] = *setting;
    if (asy_facts_make(&facts, kit->decl, columns, trial->settings, false, &error) != ASSAY_OK)
        asy_kit_fail(kit, "the kit itself is out of memory");
    if (try_create(trial, lender, &facts)) try_run(trial, &facts);
    asy_facts_fini(&facts);
    trial->settings[trial->param] = given;
}

/* -- odd values by type ------------------------------------------------------------------------------------------- */

struct odd_list { /* what is tried for one parameter */
    struct trial *trial;
    struct asy_instance *instance; /* whose host is lent */
    const struct asy_facts_column *columns;
};

static void try_int(const struct odd_list *list, int64_t value)
{
    const struct asy_decl_param *param = &list->trial->kit->decl->params[list->trial->param];
    const bool has_limits = param->lo != 0 || param->hi != 0;
    if (has_limits && (value < param->lo || value > param->hi)) return;
    if (param->type == ASSAY_DURATION_PARAM && value < 0) return;
    struct asy_plugin_setting setting = {.type = param->type, .i = value};
    list->trial->what = asy_pool_printf(&list->trial->kit->pool, "%lld", (long long)value);
    try_setting(list->trial, list->instance, list->columns, &setting);
}

static void try_number(const struct odd_list *list, double value)
{
    const struct asy_decl_param *param = &list->trial->kit->decl->params[list->trial->param];
    const bool has_limits = param->lo != 0 || param->hi != 0;
    char text[32];
    if (has_limits && (value < (double)param->lo || value > (double)param->hi)) return;
    struct asy_plugin_setting setting = {.type = param->type, .d = value};
    asy_format_f64(value, text);
    list->trial->what = asy_pool_printf(&list->trial->kit->pool, "%s", text);
    try_setting(list->trial, list->instance, list->columns, &setting);
}

/* Bytes as they stand in a message. */
static struct asy_str quoted(struct asy_kit *kit, struct asy_str text)
{
    char shown[32];
    const uint32_t n = text.len < sizeof(shown) ? text.len : sizeof(shown);
    for (uint32_t i = 0; i < n; i++) shown[i] = text.p[i] >= 0x20 && text.p[i] < 0x7F ? text.p[i] : '?';
    return asy_pool_printf(&kit->pool, "\"%.*s\"%s (%u bytes)", (int)n, shown, text.len > n ? "..." : "", text.len);
}

static void try_text(const struct odd_list *list, struct asy_str text)
{
    struct asy_kit *kit = list->trial->kit;
    const struct asy_decl_param *param = &kit->decl->params[list->trial->param];
    struct asy_str *texts = asy_kit_alloc(kit, 2, sizeof(*texts));
    texts[0] = texts[1] = text;
    struct asy_plugin_setting setting = {.type = param->type, .text = text};
    if (param->type == ASSAY_TEXTS_PARAM) setting = (struct asy_plugin_setting){.type = param->type, .n_texts = 2, .texts = texts};
    list->trial->what = quoted(kit, text);
    try_setting(list->trial, list->instance, list->columns, &setting);
}

static void try_texts(const struct odd_list *list, uint32_t n)
{
    struct asy_kit *kit = list->trial->kit;
    struct asy_plugin_setting setting = {.type = ASSAY_TEXTS_PARAM, .n_texts = n};
    setting.texts = asy_kit_alloc(kit, n, sizeof(*setting.texts));
    for (uint32_t i = 0; i < n; i++) setting.texts[i] = asy_pool_printf(&kit->pool, "text-%u", i);
    list->trial->what = asy_pool_printf(&kit->pool, "%u texts", n);
    try_setting(list->trial, list->instance, list->columns, &setting);
}

static void try_parts_of_text(const struct odd_list *list, struct asy_str given)
{
    char *p = asy_kit_alloc(list->trial->kit, LONG_BYTES, 1);
    memset(p, 'x', LONG_BYTES);
    try_text(list, (struct asy_str){p, LONG_BYTES});
    try_text(list, (struct asy_str){given.p, given.len / 2});
    try_text(list, (struct asy_str){given.p, given.len > 0 ? given.len - 1 : 0});
}

static void try_param(const struct odd_list *list)
{
    struct trial *trial = list->trial;
    const struct asy_decl_param *param = &trial->kit->decl->params[trial->param];
    const struct asy_str given = trial->settings[trial->param].text;
    const int64_t ints[] = {0, 1, -1, 2, param->lo, param->hi, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    const double numbers[] = {0, -0.0, 1, -1, (double)param->lo, (double)param->hi, 1e-300, 1e300, -1e300};
    switch (param->type) {
    case ASSAY_BOOL_PARAM: try_int(list, 0), try_int(list, 1); break;
    case ASSAY_INT_PARAM:
    case ASSAY_DURATION_PARAM:
        for (uint32_t i = 0; i < ASY_COUNT_OF(ints); i++) try_int(list, ints[i]);
        break;
    case ASSAY_NUMBER_PARAM:
        for (uint32_t i = 0; i < ASY_COUNT_OF(numbers); i++) try_number(list, numbers[i]);
        break;
    default:
        for (uint32_t i = 0; i < ASY_COUNT_OF(odd_texts); i++) try_text(list, odd_texts[i]);
        for (uint32_t i = 0; i < ASY_COUNT_OF(odd_contents) && param->type == ASSAY_FILE_PARAM; i++) try_text(list, odd_contents[i]);
        if (param->type == ASSAY_TEXTS_PARAM) try_texts(list, 0), try_texts(list, 1000);
        else try_parts_of_text(list, given);
        break;
    }
}

void asy_kit_check_errors(struct asy_kit *kit)
{
    const uint32_t n_params = kit->decl->n_params;
    if (n_params == 0) asy_kit_skip(kit, "the plugin has no parameters");
    struct asy_instance *instance = asy_kit_create(kit, kit->facts);
    struct trial trial = {.kit = kit, .settings = asy_kit_alloc(kit, n_params, sizeof(*trial.settings))};
    struct odd_list list = {.trial = &trial, .instance = instance, .columns = asy_kit_facts_columns(kit->leads, &kit->pool)};
    if (list.columns == NULL) asy_kit_fail(kit, "the kit itself is out of memory");
    memcpy(trial.settings, kit->settings, n_params * sizeof(*trial.settings));
    for (trial.param = 0; trial.param < n_params; trial.param++) try_param(&list);
    asy_kit_destroy(kit, instance);
}
