/* Conditions: expressions alone or under all:, any:, none:, with every finding placed inside the expression. */
#include <stdio.h>

#include "rule/load_internal.h"

void asy_load_report(void *ctx, const char *code, const char *slug, uint32_t offset, uint32_t len, const char *message)
{
    struct asy_load_when *w = ctx;
    asy_diag_add(w->l->diags, code, slug, asy_yaml_place(w->node, w->l->rules->source, w->base + offset), len, "%s", message);
}

/* Countries are compared by their two letters, whatever an export or a person calls them. */
static struct asy_str meant(void *ctx, const struct asy_cel_input *input, struct asy_str text)
{
    const struct asy_load_when *w = ctx;
    if (input->kind != ASY_IN_FIELD || w->l->rules->schema.fields[input->index].type != ASY_COUNTRY)
        return ASY_STR("");
    return asy_country_alpha2(asy_country_code(text));
}

/* Does the expression stop in the middle: inside a text or a bracket, or after an operator? */
static bool is_cut(struct asy_str s)
{
    int64_t depth = 0;
    char last = ' ';
    for (uint32_t i = 0; i < s.len; i++) {
        const char c = s.p[i];
        if (c == '\'' || c == '"') {
            uint32_t end = i + 1;
            while (end < s.len && s.p[end] != c)
                end += s.p[end] == '\\' ? 2 : 1;
            if (end >= s.len)
                return true;
            i = end;
        }
        depth += (c == '(' || c == '[') - (c == ')' || c == ']');
        if (c != ' ')
            last = c;
    }
    return depth > 0 || strchr("&|=<>!+-*/%?:,.", last) != NULL;
}

/* Names that exist and cannot be used here were let through by the resolver: tell about each where it stands. */
struct refusal_walk {
    struct asy_load_when *w;
    struct asy_str text;
    bool any;
};

static void tell_refusal(void *ctx, const struct asy_cel_node *node)
{
    struct refusal_walk *walk = ctx;
    if (node->op != ASY_CEL_INPUT || node->input.kind != ASY_IN_VARIABLE || node->input.index >= walk->w->n_refusals)
        return;
    const bool is_inside = node->text.p >= walk->text.p && node->text.p <= walk->text.p + walk->text.len;
    const uint32_t offset = is_inside ? (uint32_t)(node->text.p - walk->text.p) : 0;
    asy_load_report(walk->w, "E0235", "not-usable-here", offset, node->text.len, walk->w->refusals[node->input.index]);
    walk->any = true;
}

/* What evaluating the tree reads. has(x) needs no value. */
static void need_inputs(struct asy_loader *l, const struct asy_cel_node *node)
{
    if (node->op == ASY_CEL_INPUT && node->input.kind == ASY_IN_FIELD)
        asy_load_need_field(l, node->input.index, ASY_NEED_VALUE);
    if (node->op == ASY_CEL_HAS && node->n_args == 1 && node->args[0]->op == ASY_CEL_INPUT) {
        if (node->args[0]->input.kind == ASY_IN_FIELD)
            asy_load_need_field(l, node->args[0]->input.index, ASY_NEED_PRESENCE);
        return;
    }
    for (uint32_t i = 0; i < node->n_args; i++)
        need_inputs(l, node->args[i]);
}

/* The conditions that a run evaluates; where: reads properties, and the rest is only checked. */
static bool is_evaluated(uint8_t scope)
{
    return scope != ASY_SCOPE_WHERE && scope != ASY_SCOPE_TARGET && scope != ASY_SCOPE_LEAVE;
}

static struct asy_cel_node *compile(struct asy_loader *l, const struct asy_yaml *node, uint32_t from, uint32_t len, uint8_t scope)
{
    struct asy_load_when when = {.l = l, .node = node, .base = from, .scope = scope};
    const struct asy_cel_env env = {.ctx = &when, .resolve = asy_load_resolve, .resolve_list = asy_load_resolve_list,
                                    .hint = asy_load_name_hint, .meant = meant, .report = asy_load_report, .fold = true};
    const struct asy_str text = {node->text.p + from, len};
    const uint32_t n_errors = l->diags->n_errors;
    struct asy_pos hash;
    if (is_cut(text) && asy_yaml_comment_after(node, l->rules->source, &hash)) {
        asy_diag_add(l->diags, "E0104", "yaml-comment", hash, 1,
                     "` #` starts a comment in YAML, so the expression ends before it; put quotes around the whole expression");
        return NULL;
    }
    bool no_memory = false;
    struct asy_cel_node *tree = asy_cel_compile(l->pool, text, &env, ASY_CEL_BOOL, &no_memory);
    l->no_memory |= no_memory;
    if (!tree) {
        if (when.n_refusals && l->diags->n_errors == n_errors) /* nothing but the name is wrong */
            asy_load_report(&when, "E0235", "not-usable-here", 0, len, when.refusals[0]);
        return NULL;
    }
    if (!asy_pool_grow(l->pool, (void **)&l->rules->trees, &l->n_trees_cap, l->rules->n_trees, sizeof(*l->rules->trees))) {
        asy_cel_release(tree);
        l->no_memory = true;
        return NULL;
    }
    l->rules->trees[l->rules->n_trees++] = tree;

    struct refusal_walk walk = {&when, text, false};
    if (when.n_refusals)
        asy_cel_walk(tree, tell_refusal, &walk);
    if (walk.any)
        return NULL;
    if (is_evaluated(scope))
        need_inputs(l, tree);
    tree->clause = 1;
    tree->pos = asy_yaml_place(node, l->rules->source, from);
    return tree;
}

static struct asy_cel_node *load_list(struct asy_loader *l, const struct asy_yaml *key, const struct asy_yaml *list, uint8_t scope)
{
    const uint8_t clause = asy_str_is(key->text, "all") ? 2 : asy_str_is(key->text, "any") ? 3 : 4;
    char what[32];
    snprintf(what, sizeof(what), "`%.*s`", ASY_ARG(key->text));
    if (!asy_load_is_seq(l, list, what))
        return NULL;
    if (list->n == 0) {
        asy_load_tell(l, "E0234", "condition-shape", list, "%s: expected at least one condition, found an empty list", what);
        return NULL;
    }
    struct asy_cel_node **args = asy_load_alloc(l, list->n, sizeof(struct asy_cel_node *));
    bool is_complete = args != NULL;
    for (uint32_t i = 0; args && i < list->n; i++) {
        args[i] = asy_load_condition(l, list->items[i], scope);
        is_complete &= args[i] != NULL;
    }
    if (!is_complete)
        return NULL;
    struct asy_cel_node *joined = asy_cel_join(l->pool, clause, args, list->n);
    if (!joined)
        l->no_memory = true;
    else
        joined->pos = key->pos;
    return joined;
}

/* `- a ? b : c` is a mapping for YAML. */
static bool is_split_ternary(const struct asy_yaml *node)
{
    return node->n == 1 && !node->is_flow && asy_str_find(node->keys[0]->text, ASY_STR(" ? ")) >= 0;
}

static struct asy_cel_node *load_map(struct asy_loader *l, const struct asy_yaml *node, uint8_t scope)
{
    if (is_split_ternary(node)) {
        asy_load_tell(l, "E0105", "yaml-ternary", node->keys[0],
                      "`: ` ends a key in YAML, so `a ? b : c` cannot stand here as it is; put quotes around the whole expression");
        return NULL;
    }
    static const char *const known[] = {"all", "any", "none"};
    asy_load_keys(l, node, "a condition", known, 3);
    struct asy_cel_node *parts[3];
    uint32_t n = 0;
    bool is_complete = node->n > 0;
    for (uint32_t i = 0; i < node->n; i++) {
        const struct asy_str key = node->keys[i]->text;
        const bool is_known = asy_str_is(key, "all") || asy_str_is(key, "any") || asy_str_is(key, "none");
        struct asy_cel_node *part = is_known ? load_list(l, node->keys[i], node->items[i], scope) : NULL;
        is_complete &= part != NULL;
        if (part)
            parts[n++] = part;
    }
    if (node->n == 0)
        asy_load_tell(l, "E0234", "condition-shape", node, "expected an expression, or a list under `all:`, `any:` or `none:`");
    if (!is_complete || n == 1)
        return is_complete ? parts[0] : NULL;
    struct asy_cel_node **args = asy_load_alloc(l, n, sizeof(struct asy_cel_node *));
    if (!args)
        return NULL;
    memcpy(args, parts, n * sizeof(struct asy_cel_node *));
    struct asy_cel_node *joined = asy_cel_join(l->pool, 2, args, n); /* several lists in one mapping: all must hold */
    if (!joined)
        l->no_memory = true;
    else
        joined->pos = node->pos;
    return joined;
}

struct asy_cel_node *asy_load_condition(struct asy_loader *l, const struct asy_yaml *node, uint8_t scope)
{
    if (!node || node->is_bad || l->no_memory)
        return NULL;
    if (node->kind == ASY_YAML_MAP)
        return load_map(l, node, scope);
    if (node->kind == ASY_YAML_SEQ) {
        asy_load_tell(l, "E0234", "condition-shape", node,
                      "a list of conditions needs to say how they are joined; put it under `all:`, `any:` or `none:`");
        return NULL;
    }
    if (node->text.len == 0) {
        asy_load_tell(l, "E0234", "condition-shape", node, "expected an expression, found nothing");
        return NULL;
    }
    return compile(l, node, 0, node->text.len, scope);
}

void asy_load_condition_part(struct asy_loader *l, const struct asy_yaml *node, uint32_t from, uint32_t len, uint8_t scope)
{
    if (!l->no_memory)
        compile(l, node, from, len, scope);
}

bool asy_load_test(struct asy_loader *l, const struct asy_yaml *entry, const char *what, uint8_t scope, const char *kind,
                   bool may_be_otherwise, struct asy_test *out)
{
    const struct asy_yaml *when = asy_yaml_get(entry, "when"), *plugin = asy_yaml_get(entry, "plugin");
    const struct asy_yaml *otherwise = may_be_otherwise ? asy_yaml_get(entry, "otherwise") : NULL;
    const struct asy_yaml *with = asy_yaml_get(entry, "with");
    const char *const choices = may_be_otherwise ? "one of `when:`, `plugin:` and `otherwise: true`" : "one of `when:` and `plugin:`";
    *out = (struct asy_test){.call = ASY_NONE};
    const uint32_t n = (when != NULL) + (plugin != NULL) + (otherwise != NULL);
    if (n == 0 && !asy_load_has_slip(entry, "when") && !asy_load_has_slip(entry, "plugin") && !asy_load_has_slip(entry, "otherwise"))
        asy_load_tell(l, "E0122", "missing-key", entry, "%s: expected %s", what, choices);
    if (n > 1)
        asy_load_tell(l, "E0123", "conflicting-keys", plugin ? plugin : otherwise, "%s: expected only %s", what, choices);
    if (with && !plugin)
        asy_load_tell(l, "E0123", "conflicting-keys", with, "%s: `with:` gives a plugin its settings, and there is no `plugin:`", what);
    if (n != 1)
        return false;
    out->pos = when ? when->pos : plugin ? plugin->pos : otherwise->pos;
    if (when) {
        out->when = asy_load_condition(l, when, scope);
        return out->when != NULL;
    }
    if (plugin) {
        out->call = asy_load_call(l, entry, kind);
        return out->call != ASY_NONE;
    }
    bool is_true = false;
    if (!asy_load_is_text(l, otherwise, "`otherwise`"))
        return false;
    if (!asy_parse_bool(otherwise->text, &is_true) || !is_true) {
        asy_load_tell(l, "E0124", "bad-value", otherwise, "`otherwise`: expected true, found %s", asy_load_found(l, otherwise));
        return false;
    }
    out->is_otherwise = true;
    return true;
}
