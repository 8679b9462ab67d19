/* Plugins: the list of those that may be used (`plugins:`), and each use of one by a rule (`plugin:` with its `with:`). What a
 * library declares is not known here: exec/plugins_open.c holds the rules to it.
 *
 * A list of reads is checked twice. By itself, when every name of the file is known: what is wrong with a name is told once, at
 * the name. And for each use: a score may come too early for what its plugin reads, which is told at the use. */
#include <stdio.h>

#include "rule/load_internal.h"

#define COUNT(a) (uint32_t)(sizeof(a) / sizeof((a)[0]))

enum { READS_MAX = 64 }; /* no plugin wants more */

struct asy_load_plugin {
    const struct asy_yaml **reads; /* by read: where its name stands */
    struct asy_cel_input *inputs;  /* by read, when it is first used; kind 0: cannot be read */
    bool is_resolved;
};

/* -- the list ---------------------------------------------------------------------------------------------------- */

static void read_library(struct asy_loader *l, const struct asy_yaml *library, struct asy_plugin_use *plugin)
{
    if (!asy_load_is_text(l, library, "`library`"))
        return;
    const struct asy_str name = library->text, end = ASY_STR(".so");
    plugin->library = name;
    plugin->library_pos = library->pos;
    bool is_good = name.len <= 63 && name.len > end.len && asy_str_ends(name, end) && name.p[0] >= 'a' && name.p[0] <= 'z';
    for (uint32_t i = 0; is_good && i < name.len - end.len; i++)
        is_good = (name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= '0' && name.p[i] <= '9') || name.p[i] == '_' || name.p[i] == '-';
    if (asy_str_find(name, ASY_STR("/")) >= 0)
        asy_load_tell(l, "E0506", "plugin-library", library, "`library`: expected a file name without a folder; the folders are given on the "
                      "command line, not in a rule file");
    else if (!is_good)
        asy_load_tell(l, "E0506", "plugin-library", library, "`library`: expected a file name such as `libexample.so` (a-z, 0-9, `_` and `-`, at "
                      "most 63 bytes), found %s", asy_load_found(l, library));
}

struct unit {
    const char *name;
    uint64_t size;
};

/* `20us`: digits and a unit. False if it is none, or outside lo..hi. */
static bool read_quantity(struct asy_str s, const struct unit *units, uint32_t n, uint64_t lo, uint64_t hi, uint64_t *out)
{
    uint32_t digits = 0;
    int64_t count;
    while (digits < s.len && s.p[digits] >= '0' && s.p[digits] <= '9')
        digits++;
    if (digits == 0 || !asy_parse_i64((struct asy_str){s.p, digits}, &count))
        return false;
    const struct asy_str unit = asy_str_trim((struct asy_str){s.p + digits, s.len - digits});
    for (uint32_t i = 0; i < n; i++)
        if (asy_str_is(unit, units[i].name))
            return !__builtin_mul_overflow((uint64_t)count, units[i].size, out) && *out >= lo && *out <= hi;
    return false;
}

static void read_time(struct asy_loader *l, const struct asy_yaml *node, const char *what, struct asy_plugin_use *plugin)
{
    static const struct unit units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
    uint64_t ns;
    if (!asy_load_is_text(l, node, what))
        return;
    if (read_quantity(node->text, units, COUNT(units), 1000, 10000000000, &ns))
        plugin->budget_ns = (int64_t)ns;
    else
        asy_load_tell(l, "E0124", "bad-value", node, "%s: expected the processor time of one lead, from 1us to 10s, as in 20us; found %s", what,
                      asy_load_found(l, node));
}

static void read_memory(struct asy_loader *l, const struct asy_yaml *node, struct asy_plugin_use *plugin)
{
    static const struct unit units[] = {{"MB", 1 << 20}, {"GB", 1 << 30}};
    if (!asy_load_is_text(l, node, "`memory`"))
        return;
    if (!read_quantity(node->text, units, COUNT(units), 16ull << 20, 64ull << 30, &plugin->memory_bytes))
        asy_load_tell(l, "E0124", "bad-value", node, "`memory`: expected an amount from 16MB to 64GB, as in 512MB; found %s",
                      asy_load_found(l, node));
}

static void read_budget(struct asy_loader *l, const struct asy_yaml *node, struct asy_plugin_use *plugin)
{
    static const char *const known[] = {"per_lead", "memory"};
    if (node && !node->is_bad && node->kind == ASY_YAML_MAP) {
        asy_load_keys(l, node, "`budget`", known, COUNT(known));
        read_time(l, asy_yaml_get(node, "per_lead"), "`per_lead`", plugin);
        read_memory(l, asy_yaml_get(node, "memory"), plugin);
    } else {
        read_time(l, node, "`budget`", plugin);
    }
}

static void read_isolation(struct asy_loader *l, const struct asy_yaml *node, struct asy_plugin_use *plugin)
{
    static const char *const ways[] = {"worker", "none"};
    if (node && asy_load_is_one_of(l, node, "`isolation`", ways, COUNT(ways)))
        plugin->is_in_process = asy_str_is(node->text, "none");
}

static void add_read(struct asy_loader *l, const struct asy_yaml *want, const struct asy_yaml *item, struct asy_plugin_use *plugin,
                     struct asy_load_plugin *more)
{
    if (!asy_load_is_text(l, item, "an item of `reads`"))
        return;
    for (uint32_t i = 0; !want && i < plugin->n_reads; i++) {
        if (asy_str_eq(plugin->reads[i].name, item->text)) {
            asy_load_tell(l, "E0511", "plugin-reads", item, "`%.*s` is in `reads` twice", ASY_ARG(item->text));
            return;
        }
    }
    more->reads[plugin->n_reads] = item;
    plugin->reads[plugin->n_reads++] = (struct asy_plugin_read){.want = want ? want->text : ASY_STR(""), .name = item->text,
                                                                .want_pos = want ? want->pos : item->pos, .pos = item->pos};
}

static void read_reads(struct asy_loader *l, const struct asy_yaml *node, struct asy_plugin_use *plugin, struct asy_load_plugin *more)
{
    if (!node || node->is_bad)
        return;
    if (node->kind == ASY_YAML_SCALAR) {
        asy_load_tell(l, "E0121", "wrong-kind", node, "`reads`: expected a list of names, or lines of `column: name`, found %s",
                      asy_load_found(l, node));
        return;
    }
    if (node->n > READS_MAX) {
        asy_load_tell(l, "E0124", "bad-value", node, "`reads`: expected at most %d names, found %u", READS_MAX, node->n);
        return;
    }
    plugin->reads = asy_load_alloc(l, node->n, sizeof(*plugin->reads));
    more->reads = asy_load_alloc(l, node->n, sizeof(struct asy_yaml *));
    for (uint32_t i = 0; !l->no_memory && i < node->n; i++)
        add_read(l, node->kind == ASY_YAML_MAP ? node->keys[i] : NULL, node->items[i], plugin, more);
}

static void read_plugin(struct asy_loader *l, const struct asy_yaml *map, struct asy_plugin_use *plugin, struct asy_load_plugin *more)
{
    static const char *const known[] = {"library", "kind", "reads", "isolation", "budget"};
    static const char *const kinds[] = {"disqualifier", "router", "recycler", "scorer"};
    plugin->library = plugin->kind = ASY_STR("");
    if (!asy_load_is_map(l, map, "a plugin"))
        return;
    asy_load_keys(l, map, "a plugin", known, COUNT(known));
    read_library(l, asy_load_need(l, map, "library", "a plugin"), plugin);
    const struct asy_yaml *kind = asy_load_need(l, map, "kind", "a plugin");
    if (kind && asy_load_is_one_of(l, kind, "`kind`", kinds, COUNT(kinds))) {
        plugin->kind = kind->text;
        plugin->kind_pos = kind->pos;
    }
    read_reads(l, asy_yaml_get(map, "reads"), plugin, more);
    read_isolation(l, asy_yaml_get(map, "isolation"), plugin);
    read_budget(l, asy_yaml_get(map, "budget"), plugin);
}

void asy_load_plugins(struct asy_loader *l)
{
    const struct asy_yaml *section = asy_yaml_get(l->root, "plugins");
    struct asy_rules *rules = l->rules;
    if (!asy_load_is_map(l, section, "`plugins`"))
        return;
    rules->plugins = asy_load_alloc(l, section->n, sizeof(*rules->plugins));
    l->plugins = asy_load_alloc(l, section->n, sizeof(*l->plugins));
    for (uint32_t i = 0; !l->no_memory && i < section->n; i++) {
        struct asy_plugin_use *plugin = &rules->plugins[rules->n_plugins++];
        plugin->name = section->keys[i]->text;
        plugin->pos = section->keys[i]->pos;
        read_plugin(l, section->items[i], plugin, &l->plugins[i]);
    }
}

/* -- what they read ---------------------------------------------------------------------------------------------- */

static uint8_t scope_of(const struct asy_plugin_use *plugin)
{
    if (asy_str_is(plugin->kind, "scorer"))
        return ASY_SCOPE_SCORE;
    if (asy_str_is(plugin->kind, "disqualifier"))
        return ASY_SCOPE_DISQUALIFY;
    return asy_str_is(plugin->kind, "recycler") ? ASY_SCOPE_RECYCLE : ASY_SCOPE_ROUTE;
}

/* What cannot be a column of a plugin, or NULL. */
static const char *input_refusal(const struct asy_load_when *when, const struct asy_cel_input *input)
{
    switch (input->kind) {
    case ASY_IN_VARIABLE:
        return when->refusals[input->index];
    case ASY_IN_NOW:
        return "a plugin cannot read `now`; one whose verdict depends on the time is told it without";
    default:
        return NULL;
    }
}

/* The input that a name of `reads:` stands for where plugins of this kind do; findings only if `is_told`. The names of all scores
 * count as known: which of them come too early depends on the use. */
static bool resolve_read(struct asy_loader *l, struct asy_pool *scratch, const struct asy_yaml *node, uint8_t scope, bool is_told,
                         struct asy_cel_input *out)
{
    struct asy_load_when when = {.l = l, .node = node, .scope = scope};
    const struct asy_cel_env env = {.ctx = &when, .resolve = asy_load_resolve, .resolve_list = asy_load_resolve_list,
                                    .hint = is_told ? asy_load_name_hint : NULL, .report = is_told ? asy_load_report : NULL};
    const uint32_t scores_known = l->scores_known;
    bool no_memory = false, is_good = false;
    l->scores_known = l->rules->n_scores;
    struct asy_cel_node *tree = asy_cel_compile(scratch, node->text, &env, ASY_CEL_DYN, &no_memory);
    l->scores_known = scores_known;
    l->no_memory |= no_memory;
    if (!tree)
        return false;
    if (tree->op == ASY_CEL_INPUT) {
        const char *refusal = input_refusal(&when, &tree->input);
        if (refusal && is_told)
            asy_load_tell(l, "E0235", "not-usable-here", node, "%s", refusal);
        *out = tree->input;
        is_good = refusal == NULL;
    } else if (is_told) {
        asy_load_tell(l, "E0208", "not-a-name", node, "an item of `reads`: expected one name (a field, score.NAME, grade, disqualified, stage, "
                      "events.NAME.count, events.NAME.days_ago), found %s", asy_load_found(l, node));
    }
    asy_cel_release(tree);
    return is_good;
}

static void resolve_all(struct asy_loader *l, uint32_t number)
{
    const struct asy_plugin_use *plugin = &l->rules->plugins[number];
    struct asy_load_plugin *more = &l->plugins[number];
    struct asy_pool scratch;
    more->is_resolved = true;
    more->inputs = asy_load_alloc(l, plugin->n_reads, sizeof(*more->inputs));
    asy_pool_init(&scratch, l->pool->mem);
    for (uint32_t i = 0; !l->no_memory && i < plugin->n_reads; i++) {
        if (!resolve_read(l, &scratch, more->reads[i], scope_of(plugin), false, &more->inputs[i]))
            more->inputs[i].kind = 0;
        else if (more->inputs[i].kind == ASY_IN_FIELD)
            asy_load_need_field(l, more->inputs[i].index, ASY_NEED_VALUE);
    }
    asy_pool_fini(&scratch);
}

void asy_load_plugin_reads(struct asy_loader *l)
{
    struct asy_pool scratch;
    struct asy_cel_input input;
    asy_pool_init(&scratch, l->pool->mem);
    for (uint32_t p = 0; p < l->rules->n_plugins; p++)
        for (uint32_t i = 0; !l->no_memory && i < l->rules->plugins[p].n_reads; i++)
            resolve_read(l, &scratch, l->plugins[p].reads[i], scope_of(&l->rules->plugins[p]), true, &input);
    asy_pool_fini(&scratch);
}

/* -- uses -------------------------------------------------------------------------------------------------------- */

static bool has_value(struct asy_loader *l, const struct asy_yaml *node, const struct asy_yaml *key)
{
    char what[80];
    snprintf(what, sizeof(what), "`%.*s`", key->text.len < 60 ? (int)key->text.len : 60, key->text.p);
    const bool is_empty_text = node->kind == ASY_YAML_SCALAR && !node->is_bad && node->style != ASY_YAML_PLAIN && node->text.len == 0;
    return is_empty_text || asy_load_is_text(l, node, what);
}

static bool read_setting(struct asy_loader *l, const struct asy_yaml *key, const struct asy_yaml *value, struct asy_setting *out)
{
    if (value->is_bad)
        return false;
    if (value->kind == ASY_YAML_MAP) {
        asy_load_tell(l, "E0121", "wrong-kind", value, "`%.*s`: expected one value, or a list of values, found a mapping", ASY_ARG(key->text));
        return false;
    }
    *out = (struct asy_setting){.name = key->text, .is_list = value->kind == ASY_YAML_SEQ, .pos = key->pos};
    const uint32_t n = out->is_list ? value->n : 1;
    out->texts = asy_load_alloc(l, n, sizeof(*out->texts));
    out->text_pos = asy_load_alloc(l, n, sizeof(*out->text_pos));
    for (uint32_t i = 0; !l->no_memory && i < n; i++) {
        const struct asy_yaml *item = out->is_list ? value->items[i] : value;
        if (!has_value(l, item, key))
            continue;
        out->texts[out->n_texts] = item->text;
        out->text_pos[out->n_texts++] = item->pos;
    }
    return true;
}

static void read_with(struct asy_loader *l, const struct asy_yaml *with, struct asy_plugin_call *call)
{
    if (!asy_load_is_map(l, with, "`with`"))
        return;
    call->settings = asy_load_alloc(l, with->n, sizeof(*call->settings));
    for (uint32_t i = 0; !l->no_memory && i < with->n; i++)
        call->n_settings += read_setting(l, with->keys[i], with->items[i], &call->settings[call->n_settings]);
}

/* Scores that are made later than the one that the plugin adds to. */
static void check_early_scores(struct asy_loader *l, const struct asy_yaml *at, uint32_t number)
{
    const struct asy_plugin_use *plugin = &l->rules->plugins[number];
    for (uint32_t i = 0; !l->no_memory && i < plugin->n_reads; i++) {
        const struct asy_cel_input *input = &l->plugins[number].inputs[i];
        const char *refusal = input->kind == ASY_IN_SCORE ? asy_load_score_refusal(l, input->index) : NULL;
        if (refusal)
            asy_load_tell(l, "E0235", "not-usable-here", at, "plugin `%.*s` reads `%.*s` (line %u), and here %s", ASY_ARG(plugin->name),
                          ASY_ARG(plugin->reads[i].name), plugin->reads[i].pos.line, refusal);
    }
}

uint32_t asy_load_call(struct asy_loader *l, const struct asy_yaml *entry, const char *kind)
{
    const struct asy_yaml *plugin = asy_yaml_get(entry, "plugin"), *name = asy_yaml_get(entry, "name");
    struct asy_rules *rules = l->rules;
    struct asy_plugin_call call = {.rule = name ? name->text : ASY_STR(""),
                                   .points_lo_milli = -ASY_POINTS_MAX_MILLI,
                                   .points_hi_milli = ASY_POINTS_MAX_MILLI};
    read_with(l, asy_yaml_get(entry, "with"), &call);
    const int64_t number = asy_load_is_text(l, plugin, "`plugin`") ? asy_load_plugin(l, plugin, kind) : -1;
    if (number < 0)
        return ASY_NONE;
    call.plugin = (uint32_t)number;
    call.pos = plugin->pos;
    if (!l->plugins[number].is_resolved)
        resolve_all(l, call.plugin);
    call.inputs = l->plugins[number].inputs;
    check_early_scores(l, plugin, call.plugin);
    if (!asy_pool_grow(l->pool, (void **)&rules->calls, &l->n_calls_cap, rules->n_calls, sizeof(*rules->calls))) {
        l->no_memory = true;
        return ASY_NONE;
    }
    rules->calls[rules->n_calls] = call;
    return rules->n_calls++;
}
