/* The map file. Its tree is read strictly: what is not understood is a finding, never passed over. */
#include "io/map.h"

#include "base/check.h"
#include "base/time.h"

#include <stdlib.h>

struct reader {
    struct asy_map *map;
    const struct asy_schema *schema;
    struct asy_diags *diags;
    struct asy_pool *pool;
    struct asy_str *field_names; /* for hints */
    struct asy_str *event_names;
    bool is_out_of_memory;
};

static const char *kind_name(const struct asy_yaml *node)
{
    return node->kind == ASY_YAML_MAP ? "a mapping" : node->kind == ASY_YAML_SEQ ? "a list" : "a value";
}

static uint32_t underline(const struct asy_yaml *node)
{
    if (node->end.line == node->pos.line && node->end.col > node->pos.col)
        return node->end.col - node->pos.col;
    return 1;
}

/* ---- shapes ---- */

static bool expect_map(struct reader *r, const struct asy_yaml *node, const char *what)
{
    if (node->kind == ASY_YAML_MAP)
        return true;
    asy_diag_add(r->diags, "E0901", "map-shape", node->pos, underline(node), "%s: expected a mapping, found %s", what,
                 kind_name(node));
    return false;
}

/* Text of a scalar, {NULL,0} and a finding if it is none. Empty text only where `may_be_empty`. */
static struct asy_str expect_text(struct reader *r, const struct asy_yaml *node, const char *what, const char *expected,
                                  bool may_be_empty)
{
    if (node->kind == ASY_YAML_SCALAR) {
        struct asy_str text = asy_str_trim(node->text);
        if (text.len > 0)
            return text;
        if (may_be_empty)
            return (struct asy_str){"", 0};
    }
    asy_diag_add(r->diags, "E0901", "map-shape", node->pos, underline(node), "%s: expected %s, found %s", what, expected,
                 node->kind == ASY_YAML_SCALAR ? "nothing" : kind_name(node));
    return (struct asy_str){NULL, 0};
}

static void check_keys(struct reader *r, const struct asy_yaml *node, const char *const *known, uint32_t n_known, const char *where)
{
    struct asy_str names[16];
    ASY_CHECK(n_known <= ASY_COUNT_OF(names), n_known, 0);
    for (uint32_t k = 0; k < n_known; k++)
        names[k] = asy_str_of(known[k]);
    for (uint32_t i = 0; i < node->n; i++) {
        struct asy_str key = node->keys[i]->text;
        bool is_known = false;
        for (uint32_t k = 0; k < n_known; k++)
            is_known |= asy_str_eq(key, names[k]);
        if (!is_known)
            asy_diag_add(r->diags, "E0902", "map-key", node->keys[i]->pos, underline(node->keys[i]),
                         "`%.*s` is not a key of %s%s", ASY_ARG(key), where, asy_diag_hint(r->diags, key, names, n_known));
    }
}

static void *room(struct reader *r, size_t n, size_t size_bytes)
{
    void *p = asy_pool_alloc_n(r->pool, n + 1, size_bytes);
    if (!p)
        r->is_out_of_memory = true;
    return p;
}

/* A list of texts, or one text alone. */
static void read_texts(struct reader *r, const struct asy_yaml *node, const char *what, const char *expected, bool may_be_empty,
                       struct asy_str **out, uint32_t *n_out)
{
    bool is_list = node->kind == ASY_YAML_SEQ;
    uint32_t n = is_list ? node->n : 1;
    struct asy_str *texts = room(r, n, sizeof(*texts));
    if (!texts)
        return;
    for (uint32_t i = 0; i < n; i++) {
        struct asy_str text = expect_text(r, is_list ? node->items[i] : node, what, expected, may_be_empty);
        if (text.len > 0)
            texts[(*n_out)++] = text;
    }
    *out = texts;
}

/* ---- names of the rule file ---- */

/* Number of the field, UINT32_MAX and a finding if there is none. */
static uint32_t expect_field(struct reader *r, const struct asy_yaml *node, struct asy_str name)
{
    int64_t field = asy_schema_field(r->schema, name);
    if (field >= 0)
        return (uint32_t)field;
    asy_diag_add(r->diags, "E0903", "map-field", node->pos, underline(node), "`%.*s` is not a field of the rule file%s",
                 ASY_ARG(name), asy_diag_hint(r->diags, name, r->field_names, r->schema->n_fields));
    return UINT32_MAX;
}

static bool expect_event(struct reader *r, const struct asy_yaml *node, struct asy_str name)
{
    if (asy_schema_event(r->schema, name) >= 0)
        return true;
    asy_diag_add(r->diags, "E0904", "map-event", node->pos, underline(node), "`%.*s` is not an event of the rule file%s",
                 ASY_ARG(name), asy_diag_hint(r->diags, name, r->event_names, r->schema->n_events));
    return false;
}

static struct asy_map_field *map_field(struct reader *r, uint32_t field)
{
    for (uint32_t i = 0; i < r->map->n_fields; i++)
        if (r->map->fields[i].field == field)
            return &r->map->fields[i];
    struct asy_map_field *entry = &r->map->fields[r->map->n_fields++];
    entry->field = field;
    return entry;
}

/* ---- what both sides have ---- */

static void read_delimiter(struct reader *r, const struct asy_yaml *node, struct asy_map_side *side)
{
    static const struct { const char *text; char delimiter; } known[] = {
        {"auto", 0}, {",", ','}, {";", ';'}, {"\t", '\t'}, {"\\t", '\t'}, {"|", '|'},
        {"comma", ','}, {"semicolon", ';'}, {"tab", '\t'}, {"pipe", '|'}};
    for (size_t i = 0; node->kind == ASY_YAML_SCALAR && i < ASY_COUNT_OF(known); i++) {
        if (!asy_str_is(node->text, known[i].text))
            continue;
        side->delimiter = known[i].delimiter;
        return;
    }
    asy_diag_add(r->diags, "E0905", "map-delimiter", node->pos, underline(node),
                 "delimiter: expected auto, comma, semicolon, tab or pipe, found %s%.*s%s", node->kind == ASY_YAML_SCALAR ? "`" : "",
                 node->kind == ASY_YAML_SCALAR ? (int)node->text.len : (int)strlen(kind_name(node)),
                 node->kind == ASY_YAML_SCALAR ? node->text.p : kind_name(node), node->kind == ASY_YAML_SCALAR ? "`" : "");
}

static struct asy_str read_format(struct reader *r, const struct asy_yaml *node)
{
    struct asy_str format = expect_text(r, node, "dates", "a format like \"%d/%m/%Y\"", false);
    const char *problem = format.p ? asy_time_format_problem(format) : NULL;
    if (!problem)
        return format;
    asy_diag_add(r->diags, "E0906", "map-date-format", node->pos, underline(node), "dates: `%.*s`: %s", ASY_ARG(format), problem);
    return (struct asy_str){NULL, 0};
}

static void read_dates_by_field(struct reader *r, const struct asy_yaml *node)
{
    for (uint32_t i = 0; i < node->n; i++) {
        uint32_t field = expect_field(r, node->keys[i], node->keys[i]->text);
        struct asy_str format = read_format(r, node->items[i]);
        if (field == UINT32_MAX || !format.p)
            continue;
        if (r->schema->fields[field].type != ASY_TIME) {
            asy_diag_add(r->diags, "E0907", "map-date-field", node->keys[i]->pos, underline(node->keys[i]),
                         "dates: expected a field of type time, found `%.*s`, which is not one", ASY_ARG(node->keys[i]->text));
            continue;
        }
        map_field(r, field)->date_format = format;
    }
}

static void read_common(struct reader *r, const struct asy_yaml *node, struct asy_map_side *side, bool is_leads)
{
    const struct asy_yaml *found;
    side->is_given = true;
    if ((found = asy_yaml_get(node, "delimiter")))
        read_delimiter(r, found, side);
    if ((found = asy_yaml_get(node, "dates"))) {
        if (is_leads && found->kind == ASY_YAML_MAP)
            read_dates_by_field(r, found);
        else
            side->date_format = read_format(r, found);
    }
    if ((found = asy_yaml_get(node, "nulls")))
        read_texts(r, found, "nulls", "a text that means empty", true, &side->nulls, &side->n_nulls);
}

/* ---- leads ---- */

static int by_text(struct asy_str a, struct asy_str b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len == 0 ? 0 : memcmp(a.p, b.p, a.len);
}

static int by_from(const void *a, const void *b)
{
    return by_text(((const struct asy_map_value *)a)->from, ((const struct asy_map_value *)b)->from);
}

const struct asy_map_value *asy_map_alias(const struct asy_map_value *values, uint32_t n, struct asy_str text)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = by_text(values[middle].from, text);
        if (order == 0)
            return &values[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void read_fields(struct reader *r, const struct asy_yaml *node)
{
    if (!expect_map(r, node, "fields"))
        return;
    for (uint32_t i = 0; i < node->n; i++) {
        uint32_t field = expect_field(r, node->keys[i], node->keys[i]->text);
        struct asy_str column = expect_text(r, node->items[i], "fields", "the name of a column", true);
        if (field != UINT32_MAX && column.p)
            map_field(r, field)->column = column;
    }
}

/* Can the field hold what an alias stands for? Empty is fine: it empties the field. */
static void check_alias(struct reader *r, const struct asy_yaml *node, const struct asy_field *field, struct asy_str to)
{
    int64_t i;
    double d;
    bool b, ok = true;
    const char *expected = "";
    const char *hint = "";
    if (to.len == 0)
        return;
    switch (field->type) {
    case ASY_INT: ok = asy_parse_i64(to, &i), expected = "a whole number"; break;
    case ASY_NUMBER: ok = asy_parse_f64(to, &d), expected = "a number"; break;
    case ASY_BOOL: ok = asy_parse_bool(to, &b), expected = "true or false"; break;
    case ASY_TIME: ok = asy_time_read(to, &i) == ASY_TIME_OK, expected = "a time like 2026-11-01T00:00:00Z"; break;
    case ASY_COUNTRY: ok = asy_country_code(to) != 0, expected = "a country"; break;
    case ASY_ENUM:
        ok = asy_enum_code(field, to) != 0, expected = "a value of the field";
        if (!ok)
            hint = asy_diag_hint(r->diags, to, field->values, field->n_values);
        break;
    default: break;
    }
    if (!ok)
        asy_diag_add(r->diags, "E0908", "map-value", node->pos, underline(node), "values: %.*s: expected %s, found `%.*s`%s",
                     ASY_ARG(field->name), expected, ASY_ARG(to), hint);
}

/* Sorted for asy_map_alias. Cells are read without blanks at both ends, so two keys may be one text. */
static void sort_aliases(struct reader *r, const char *where, const struct asy_yaml *node, struct asy_map_value *values, uint32_t n)
{
    if (n < 2)
        return;
    qsort(values, n, sizeof(*values), by_from);
    for (uint32_t v = 1; v < n; v++) {
        if (by_from(&values[v - 1], &values[v]) != 0)
            continue;
        uint32_t key = node->n - 1;
        while (!asy_str_eq(asy_str_trim(node->keys[key]->text), values[v].from))
            key--;
        asy_diag_add(r->diags, "E0911", "map-alias-twice", node->keys[key]->pos, underline(node->keys[key]),
                     "%s: expected every text once, found `%.*s` again (blanks at its ends do not count)", where,
                     ASY_ARG(values[v].from));
        return;
    }
}

static void read_aliases(struct reader *r, const struct asy_yaml *node, struct asy_map_field *entry)
{
    const struct asy_field *field = &r->schema->fields[entry->field];
    struct asy_map_value *values = room(r, node->n, sizeof(*values));
    uint32_t n = 0;
    for (uint32_t i = 0; values && i < node->n; i++) {
        struct asy_str from = asy_str_trim(node->keys[i]->text);
        struct asy_str to = expect_text(r, node->items[i], "values", "the value it stands for", true);
        if (from.len == 0)
            asy_diag_add(r->diags, "E0909", "map-empty-alias", node->keys[i]->pos, 1,
                         "values: expected a text, found nothing; what an empty field stands for is its `default` in the rule file");
        if (from.len == 0 || !to.p)
            continue;
        check_alias(r, node->items[i], field, to);
        values[n++] = (struct asy_map_value){from, to};
    }
    sort_aliases(r, "values", node, values, n);
    entry->values = values;
    entry->n_values = n;
}

static void read_values(struct reader *r, const struct asy_yaml *node)
{
    if (!expect_map(r, node, "values"))
        return;
    for (uint32_t i = 0; i < node->n; i++) {
        uint32_t field = expect_field(r, node->keys[i], node->keys[i]->text);
        if (expect_map(r, node->items[i], "values") && field != UINT32_MAX)
            read_aliases(r, node->items[i], map_field(r, field));
    }
}

static void read_leads(struct reader *r, const struct asy_yaml *node)
{
    static const char *const known[] = {"key", "delimiter", "dates", "nulls", "fields", "values"};
    const struct asy_yaml *found;
    if (!expect_map(r, node, "leads"))
        return;
    check_keys(r, node, known, ASY_COUNT_OF(known), "`leads`");
    read_common(r, node, &r->map->leads, true);
    if ((found = asy_yaml_get(node, "key"))) {
        struct asy_str key = expect_text(r, found, "key", "the name of a column, or row_number", false);
        if (asy_str_is(key, "row_number"))
            r->map->leads.key_is_row_number = true;
        else
            r->map->leads.key = key;
    }
    if ((found = asy_yaml_get(node, "fields")))
        read_fields(r, found);
    if ((found = asy_yaml_get(node, "values")))
        read_values(r, found);
}

/* ---- events ---- */

/* Types of few values cannot tell leads apart: all but the first lead with a value would go without events. */
static void check_key_type(struct reader *r, const struct asy_yaml *node, const struct asy_field *field)
{
    const char *type = field->type == ASY_BOOL      ? "a bool"
                       : field->type == ASY_ENUM    ? "one of a few values"
                       : field->type == ASY_COUNTRY ? "a country"
                                                    : NULL;
    if (type)
        asy_diag_add(r->diags, "W0912", "map-key-type", node->pos, underline(node),
                     "key: expected a field that tells leads apart, found `%.*s`, which is %s: of the leads with one value only the "
                     "first gets the events", ASY_ARG(field->name), type);
}

/* `key: column`, `key: {field: F}` or `key: {field: F, column: C}`. */
static void read_event_key(struct reader *r, const struct asy_yaml *node)
{
    static const char *const known[] = {"field", "column"};
    if (node->kind != ASY_YAML_MAP) {
        r->map->events.key = expect_text(r, node, "key", "a column, or {field: FIELD, column: COLUMN}", false);
        return;
    }
    check_keys(r, node, known, ASY_COUNT_OF(known), "`key`");
    const struct asy_yaml *field = asy_yaml_get(node, "field"), *column = asy_yaml_get(node, "column");
    if (!field)
        asy_diag_add(r->diags, "E0901", "map-shape", node->pos, underline(node),
                     "key: expected `field`, the field of the lead that events are joined by, found none");
    if (field) {
        struct asy_str name = expect_text(r, field, "field", "the name of a field", false);
        if (name.p)
            r->map->key_field = expect_field(r, field, name);
        if (r->map->key_field != UINT32_MAX)
            check_key_type(r, field, &r->schema->fields[r->map->key_field]);
    }
    if (column)
        r->map->events.key = expect_text(r, column, "column", "the name of a column", false);
}

static void read_event_name(struct reader *r, const struct asy_yaml *node)
{
    static const char *const known[] = {"const"};
    if (node->kind != ASY_YAML_MAP) {
        r->map->event_column = expect_text(r, node, "event", "a column, or {const: EVENT}", false);
        return;
    }
    check_keys(r, node, known, ASY_COUNT_OF(known), "`event`");
    const struct asy_yaml *constant = asy_yaml_get(node, "const");
    if (!constant && node->n > 0)
        return; /* said already */
    if (!constant) {
        asy_diag_add(r->diags, "E0901", "map-shape", node->pos, underline(node), "event: expected {const: EVENT}, found no `const`");
        return;
    }
    struct asy_str name = expect_text(r, constant, "const", "the name of an event", false);
    if (name.p && expect_event(r, constant, name))
        r->map->event_const = name;
}

static void read_names(struct reader *r, const struct asy_yaml *node)
{
    if (!expect_map(r, node, "names"))
        return;
    struct asy_map_value *names = room(r, node->n, sizeof(*names));
    uint32_t n = 0;
    for (uint32_t i = 0; names && i < node->n; i++) {
        struct asy_str from = asy_str_trim(node->keys[i]->text);
        struct asy_str to = expect_text(r, node->items[i], "names", "an event of the rule file", false);
        if (to.p && expect_event(r, node->items[i], to) && from.len > 0)
            names[n++] = (struct asy_map_value){from, to};
    }
    sort_aliases(r, "names", node, names, n);
    r->map->names = names;
    r->map->n_names = n;
}

static void read_properties(struct reader *r, const struct asy_yaml *node)
{
    if (!expect_map(r, node, "properties"))
        return;
    struct asy_map_value *properties = room(r, node->n, sizeof(*properties));
    uint32_t n = 0;
    for (uint32_t i = 0; properties && i < node->n; i++) {
        struct asy_str property = node->keys[i]->text;
        struct asy_str column = expect_text(r, node->items[i], "properties", "the name of a column", false);
        bool is_read = false;
        for (uint32_t p = 0; p < r->schema->n_properties; p++)
            is_read |= asy_str_eq(property, r->schema->properties[p]);
        if (!is_read)
            asy_diag_add(r->diags, "W0910", "map-property", node->keys[i]->pos, underline(node->keys[i]),
                         "no rule reads the property `%.*s`%s", ASY_ARG(property),
                         asy_diag_hint(r->diags, property, r->schema->properties, r->schema->n_properties));
        if (column.p)
            properties[n++] = (struct asy_map_value){property, column};
    }
    r->map->properties = properties;
    r->map->n_properties = n;
}

static void read_events(struct reader *r, const struct asy_yaml *node)
{
    static const char *const known[] = {"key",  "delimiter",  "dates",               "nulls",   "event", "time",
                                        "names", "properties", "skip_when_key_empty", "distinct"};
    const struct asy_yaml *found;
    struct asy_map *map = r->map;
    if (!expect_map(r, node, "events"))
        return;
    check_keys(r, node, known, ASY_COUNT_OF(known), "`events`");
    read_common(r, node, &map->events, false);
    if ((found = asy_yaml_get(node, "key")))
        read_event_key(r, found);
    if ((found = asy_yaml_get(node, "event")))
        read_event_name(r, found);
    if ((found = asy_yaml_get(node, "time")))
        map->time_column = expect_text(r, found, "time", "the name of a column", false);
    if ((found = asy_yaml_get(node, "names")))
        read_names(r, found);
    if ((found = asy_yaml_get(node, "properties")))
        read_properties(r, found);
    if ((found = asy_yaml_get(node, "skip_when_key_empty"))) {
        struct asy_str text = expect_text(r, found, "skip_when_key_empty", "true or false", false);
        if (text.p && !asy_parse_bool(text, &map->skip_when_key_empty))
            asy_diag_add(r->diags, "E0901", "map-shape", found->pos, underline(found),
                         "skip_when_key_empty: expected true or false, found `%.*s`", ASY_ARG(text));
    }
    if ((found = asy_yaml_get(node, "distinct")))
        read_texts(r, found, "distinct", "the name of a column", false, &map->distinct, &map->n_distinct);
}

/* ---- the whole ---- */

void asy_map_init(struct asy_map *map, struct asy_mem *mem)
{
    *map = (struct asy_map){.key_field = UINT32_MAX};
    asy_pool_init(&map->pool, mem);
    map->event_column = ASY_STR("event");
    map->time_column = ASY_STR("time");
}

void asy_map_fini(struct asy_map *map)
{
    asy_pool_fini(&map->pool);
}

static void read_map(struct reader *r, const struct asy_yaml *root)
{
    static const char *const known[] = {"leads", "events"};
    const struct asy_schema *schema = r->schema;
    r->map->fields = room(r, schema->n_fields, sizeof(*r->map->fields));
    r->field_names = room(r, schema->n_fields, sizeof(*r->field_names));
    r->event_names = room(r, schema->n_events, sizeof(*r->event_names));
    if (r->is_out_of_memory)
        return;
    for (uint32_t f = 0; f < schema->n_fields; f++)
        r->field_names[f] = schema->fields[f].name;
    for (uint32_t e = 0; e < schema->n_events; e++)
        r->event_names[e] = schema->events[e].name;
    if (!expect_map(r, root, "a map file"))
        return;
    check_keys(r, root, known, ASY_COUNT_OF(known), "a map file");
    const struct asy_yaml *side;
    if ((side = asy_yaml_get(root, "leads")))
        read_leads(r, side);
    if ((side = asy_yaml_get(root, "events")))
        read_events(r, side);
}

assay_status asy_map_load(struct asy_map *map, struct asy_mem *mem, const struct asy_schema *schema, struct asy_diags *diags,
                          struct assay_error *error)
{
    asy_map_init(map, mem);
    struct reader r = {.map = map, .schema = schema, .diags = diags, .pool = &map->pool};
    const struct asy_yaml *root = asy_yaml_parse(&map->pool, diags);
    if (root)
        read_map(&r, root);
    bool is_out_of_memory = r.is_out_of_memory || diags->out_of_memory || (!root && diags->n_errors == 0) ||
                            map->pool.has_failed || diags->pool.has_failed;
    if (!is_out_of_memory && diags->n_errors == 0)
        return ASSAY_OK;
    asy_map_fini(map);
    asy_map_init(map, mem);
    if (is_out_of_memory)
        return asy_fail(error, ASSAY_E_NOMEM, "%.*s: out of memory", ASY_ARG(diags->path));
    return asy_fail(error, ASSAY_E_RULES, "%.*s: the map file has %u error%s", ASY_ARG(diags->path), diags->n_errors,
                    diags->n_errors == 1 ? "" : "s");
}
