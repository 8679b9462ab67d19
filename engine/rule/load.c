/* The rule loader's entry: source -> tree -> sections, in the order in which they name each other. */
#include "rule/load.h"

#include "base/hash.h"
#include "rule/load_internal.h"

#define COUNT(a) (uint32_t)(sizeof(a) / sizeof((a)[0]))

static void read_header(struct asy_loader *l)
{
    static const char *const known[] = {"assay",      "ruleset", "owners", "calendar", "fields",  "derive",  "events",
                                        "lists",      "scores",  "grades", "disqualify", "lifecycle", "teams", "routes",
                                        "slas",       "targets", "nurture", "recycle", "attribution", "plugins"};
    asy_load_keys(l, l->root, "a rule file", known, COUNT(known));
    const struct asy_yaml *version = asy_yaml_get(l->root, "assay"), *owners = asy_yaml_get(l->root, "owners");
    if (!version)
        asy_load_tell(l, "E0125", "version", l->root, "a rule file starts with `assay: 1`, the version of its format; it is missing");
    else if (asy_load_is_text(l, version, "`assay`") && !asy_str_is(version->text, "1"))
        asy_load_tell(l, "E0125", "version", version, "`assay`: expected 1, the only version of the format there is, found %s",
                      asy_load_found(l, version));
    const struct asy_str name = asy_load_text_of(l, l->root, "ruleset");
    if (name.len)
        l->rules->name = name;
    if (owners && owners->kind == ASY_YAML_SEQ) {
        for (uint32_t i = 0; i < owners->n; i++)
            asy_load_is_text(l, owners->items[i], "an owner");
    } else if (owners) {
        asy_load_is_text(l, owners, "`owners`");
    }
}

static void find_owner_field(struct asy_loader *l)
{
    const int64_t field = asy_schema_field(&l->rules->schema, ASY_STR("lead.owner"));
    l->rules->owner_field = ASY_NONE;
    if (field < 0 || l->is_field_bad[field])
        return;
    const struct asy_field *owner = &l->rules->schema.fields[field];
    if (owner->type == ASY_TEXT)
        l->rules->owner_field = (uint32_t)field;
    else
        asy_diag_add(l->diags, "E0406", "owner-of", owner->pos, owner->name.len,
                     "`lead.owner` is who a lead belongs to: expected the type text");
}

static void note_not_evaluated(struct asy_loader *l)
{
    const struct {
        const char *name;
        bool is_there;
    } parts[] = {{"slas", asy_yaml_get(l->root, "slas") != NULL}, {"targets", asy_yaml_get(l->root, "targets") != NULL},
                 {"nurture exits", l->has_nurture_exits}, {"attribution", asy_yaml_get(l->root, "attribution") != NULL}};
    struct asy_str out = ASY_STR("");
    for (uint32_t i = 0; i < COUNT(parts); i++)
        if (parts[i].is_there)
            out = asy_pool_printf(l->pool, "%.*s%s%s", ASY_ARG(out), out.len ? ", " : "", parts[i].name);
    if (!out.p)
        l->no_memory = true;
    l->rules->not_evaluated = out;
}

static void read_sections(struct asy_loader *l)
{
    void (*const sections[])(struct asy_loader *) = {
        read_header,        asy_load_calendar,  asy_load_fields, find_owner_field, asy_load_derive,  asy_load_events,
        asy_load_lists,     asy_load_plugins,   asy_load_scores, asy_load_grades,  asy_load_disqualify, asy_load_lifecycle,
        asy_load_teams,     asy_load_routes,    asy_load_recycle, asy_load_plugin_reads, asy_load_slas, asy_load_targets,
        asy_load_nurture,   asy_load_attribution, note_not_evaluated};
    l->rules->grade_by = l->rules->territory_field = ASY_NONE;
    for (uint32_t i = 0; i < COUNT(sections) && !l->no_memory; i++)
        sections[i](l);
}

/* "rules/b2b.yaml" -> "rules/" and "b2b"; the folder of a bare name is ".". */
static bool split_path(struct asy_loader *l, const char *path)
{
    struct asy_str base = asy_str_of(path);
    uint32_t slash = 0, dot = base.len;
    for (uint32_t i = 0; i < base.len; i++)
        slash = path[i] == '/' ? i + 1 : slash;
    for (uint32_t i = base.len; i > slash + 1; i--) {
        if (path[i - 1] == '.') {
            dot = i - 1;
            break;
        }
    }
    l->rules->path = asy_pool_copy(l->pool, base);
    l->rules->name = asy_pool_copy(l->pool, (struct asy_str){path + slash, dot - slash});
    l->rules->folder = asy_pool_copy(l->pool, slash ? (struct asy_str){path, slash} : ASY_STR("."));
    return l->rules->path.p && l->rules->name.p && l->rules->folder.p;
}

static assay_status load(struct asy_loader *l, const char *path, struct assay_error *error)
{
    struct asy_rules *rules = l->rules;
    if (!split_path(l, path))
        return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    const assay_status status = l->reader->read(l->reader->ctx, l->pool, NULL, path, ASY_YAML_BYTES_MAX, &rules->source, error);
    if (status != ASSAY_OK)
        return status;
    rules->checksum = asy_checksum(rules->source);
    l->diags->path = rules->path;
    l->diags->source = rules->source;
    const uint32_t n_errors = l->diags->n_errors;
    l->root = asy_yaml_parse_all(l->pool, l->diags);
    if (!l->root && l->diags->n_errors == n_errors)
        l->no_memory = true;
    if (l->root && asy_load_is_map(l, l->root, "a rule file"))
        read_sections(l);
    /* A message that could not be printed in full is no message, so the pools are asked too. */
    if (l->no_memory || l->diags->out_of_memory || l->pool->has_failed || l->diags->pool.has_failed)
        return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    if (l->diags->n_errors == n_errors)
        return ASSAY_OK;
    const uint32_t n = l->diags->n_errors - n_errors;
    return asy_fail(error, ASSAY_E_RULES, "%s: %u error%s", path, n, n == 1 ? "" : "s");
}

assay_status asy_rules_load(struct asy_rules *rules, struct asy_mem *mem, const char *path, const struct asy_file_reader *reader,
                            struct asy_diags *diags, struct assay_error *error)
{
    *rules = (struct asy_rules){0};
    asy_pool_init(&rules->pool, mem);
    struct asy_loader l = {.rules = rules, .pool = &rules->pool, .diags = diags, .reader = reader};
    assay_status status = load(&l, path, error);
    if (status != ASSAY_OK) {
        /* Findings are shown with the source beside them, which outlives the rules then. */
        diags->path = asy_pool_copy(&diags->pool, asy_str_of(path));
        diags->source = asy_pool_copy(&diags->pool, diags->source);
        if (status == ASSAY_E_RULES && diags->pool.has_failed)
            status = asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
        asy_rules_fini(rules);
    }
    return status;
}

void asy_rules_fini(struct asy_rules *rules)
{
    for (uint32_t i = 0; i < rules->n_trees; i++)
        asy_cel_release(rules->trees[i]);
    if (rules->pool.mem)
        asy_pool_fini(&rules->pool);
    *rules = (struct asy_rules){0};
}
