/* Rows of a leads file -> leads: key, typed values, aliases, derived fields, defaults. */
#include "io/ingest_internal.h"

#include <stdio.h>

/* Targets of the match: field f is target f; the key comes last. */
struct leads_plan {
    struct asy_target *key;   /* NULL: by row number */
    struct asy_pair { uint32_t column, field; } *pairs; /* what is read of each row */
    uint32_t n_pairs;
};

static assay_status no_memory(const struct asy_ingest_file *file, struct assay_error *error)
{
    return asy_fail(error, ASSAY_E_NOMEM, "%.*s: out of memory", ASY_ARG(file->path));
}

static assay_status want_columns(struct asy_ingest *ingest, struct asy_ingest_file *file, struct leads_plan *plan)
{
    uint32_t n_fields = ingest->schema->n_fields;
    struct asy_match *match = &file->match;
    assay_status status = asy_match_init(match, &file->pool, n_fields + 1);
    if (status != ASSAY_OK)
        return status;
    for (uint32_t f = 0; f < n_fields; f++) {
        const struct asy_ingest_field *field = &ingest->fields[f];
        if (field->map && field->map->column.p) {
            if (field->map->column.len > 0)
                status = asy_match_want(match, f, field->map->column, (struct asy_str){"", 0});
            match->targets[f].is_claiming = true;
        } else {
            match->targets[f].exact = ingest->schema->fields[f].name;
            match->targets[f].fold = field->fold;
            match->targets[f].alt = field->last_fold;
            match->targets[f].is_field = true;
        }
        if (status != ASSAY_OK)
            return status;
    }
    plan->pairs = asy_pool_alloc_n(&file->pool, (size_t)n_fields + 1, sizeof(*plan->pairs));
    if (!plan->pairs)
        return ASSAY_E_NOMEM;
    if (file->side->key_is_row_number)
        return ASSAY_OK;
    plan->key = &match->targets[n_fields];
    if (file->side->key.p)
        return asy_match_want(match, n_fields, file->side->key, (struct asy_str){"", 0});
    return asy_match_want(match, n_fields, ASY_STR("lead_id"), ASY_STR("id"));
}

static assay_status two_columns(struct asy_ingest_file *file, const struct asy_target *t, struct asy_str what,
                                const char *cure_key, struct assay_error *error)
{
    struct asy_str a = asy_ingest_column_name(file, t->column), b = asy_ingest_column_name(file, t->rival);
    if (asy_ingest_is_repeated(file, t))
        return asy_rows_repeated(file->rows, t->column, t->rival, error);
    struct asy_str quoted = asy_match_quoted(&file->pool, asy_value_cut(a, 80));
    return asy_fail(error, ASSAY_E_DATA,
                    "%.*s: %.*s: expected one column, found `%.*s` and `%.*s`; choose one in the map file (--map): "
                    "`leads: {%s%.*s: %.*s%s}`",
                    ASY_ARG(file->path), ASY_ARG(what), ASY_ARG(asy_value_cut(a, 80)), ASY_ARG(asy_value_cut(b, 80)),
                    cure_key, ASY_ARG(what), ASY_ARG(quoted), *cure_key ? "}" : "");
}

static assay_status check_field(struct asy_ingest *ingest, struct asy_ingest_file *file, uint32_t f, bool is_whole,
                                struct assay_error *error)
{
    const struct asy_target *t = &file->match.targets[f];
    struct asy_str name = ingest->schema->fields[f].name;
    const struct asy_str *header;
    uint32_t n = asy_rows_header(file->rows, &header);
    if (t->level == 0) {
        if (t->is_field || t->exact.len == 0 || !is_whole)
            return ASSAY_OK;
        struct asy_str hint = asy_match_hint(&file->pool, t->exact, header, n), list = asy_match_list(&file->pool, header, n);
        return asy_fail(error, ASSAY_E_DATA, "%.*s: expected the column `%.*s` (the map gives it to %.*s), found %.*s%.*s",
                        ASY_ARG(file->path), ASY_ARG(t->exact), ASY_ARG(name), ASY_ARG(list), ASY_ARG(hint));
    }
    if (!ingest->fields[f].is_wanted && !(t->is_claiming && asy_ingest_is_repeated(file, t)))
        return ASSAY_OK;
    if (t->rival != ASY_NO_COLUMN)
        return two_columns(file, t, name, "fields: {", error);
    if (t->shared_with == ASY_NO_COLUMN)
        return ASSAY_OK;
    struct asy_str column = asy_value_cut(asy_ingest_column_name(file, t->column), 80);
    struct asy_str quoted = asy_match_quoted(&file->pool, column);
    struct asy_str other = ingest->schema->fields[t->shared_with].name;
    uint32_t low = f < t->shared_with ? f : t->shared_with;
    struct asy_str first = low == f ? name : other, second = low == f ? other : name;
    return asy_fail(error, ASSAY_E_DATA,
                    "%.*s: column `%.*s`: expected to fit one field, found that it fits %.*s and %.*s; say which in the map "
                    "file (--map): `leads: {fields: {%.*s: %.*s}}`",
                    ASY_ARG(file->path), ASY_ARG(column), ASY_ARG(first), ASY_ARG(second), ASY_ARG(first), ASY_ARG(quoted));
}

static assay_status check_key(struct asy_ingest_file *file, const struct asy_target *key, bool is_whole,
                              struct assay_error *error)
{
    if (key->rival != ASY_NO_COLUMN)
        return two_columns(file, key, ASY_STR("key"), "", error);
    if (key->level > 0 || !is_whole)
        return ASSAY_OK;
    const struct asy_str *header;
    uint32_t n = asy_rows_header(file->rows, &header);
    struct asy_str list = asy_match_list(&file->pool, header, n);
    if (file->side->key.p) {
        struct asy_str hint = asy_match_hint(&file->pool, file->side->key, header, n);
        return asy_fail(error, ASSAY_E_DATA, "%.*s: expected the key column `%.*s` that the map names, found %.*s%.*s",
                        ASY_ARG(file->path), ASY_ARG(file->side->key), ASY_ARG(list), ASY_ARG(hint));
    }
    return asy_fail(error, ASSAY_E_DATA,
                    "%.*s: expected a column `lead_id` or `id`, found %.*s; name the key column in a map file (--map): "
                    "`leads: {key: COLUMN}`, or number the rows: `leads: {key: row_number}`",
                    ASY_ARG(file->path), ASY_ARG(list));
}

/* Take in the header as far as it is known; `is_whole`: no more columns will come. */
static assay_status match_header(struct asy_ingest *ingest, struct asy_ingest_file *file, struct leads_plan *plan, bool is_whole,
                                 struct assay_error *error)
{
    const struct asy_str *names;
    uint32_t n = asy_rows_header(file->rows, &names);
    if (asy_match_columns(&file->match, names, n) != ASSAY_OK)
        return no_memory(file, error);
    assay_status status = plan->key ? check_key(file, plan->key, is_whole, error) : ASSAY_OK;
    plan->n_pairs = 0;
    for (uint32_t f = 0; status == ASSAY_OK && f < ingest->schema->n_fields; f++) {
        const struct asy_target *t = &file->match.targets[f];
        status = check_field(ingest, file, f, is_whole, error);
        if (status != ASSAY_OK || t->level == 0 || !ingest->fields[f].is_wanted)
            continue;
        ingest->fields[f].has_column = true;
        plan->pairs[plan->n_pairs++] = (struct asy_pair){t->column, f};
    }
    return status;
}

/* ---- one row ---- */

static assay_status reject_repeated(struct asy_ingest *ingest, struct asy_ingest_file *file, const struct asy_row *row,
                                    struct asy_str column, uint32_t first, struct assay_error *error)
{
    char reason[400], place[200] = "";
    uint32_t k = ingest->n_lead_files - 1;
    while (k > 0 && ingest->lead_files[k].first_lead > first)
        k--;
    uint32_t line = first < ingest->lead_lines_cap ? ingest->lead_lines[first] : 0;
    bool is_same_file = k == ingest->n_lead_files - 1;
    struct asy_str path = asy_value_cut(ingest->lead_files[k].path, 120);
    if (line > 0 && is_same_file)
        snprintf(place, sizeof(place), " (first on line %u)", line);
    else if (line > 0)
        snprintf(place, sizeof(place), " (first on line %u of %.*s)", line, ASY_ARG(path));
    snprintf(reason, sizeof(reason),
             "duplicate lead id%s; drop one of them, or name another key with --map (leads: {key: COLUMN})", place);
    return asy_ingest_reject(ingest, file, row, column, reason, error);
}

static assay_status read_cell(struct asy_ingest *ingest, struct asy_ingest_file *file, const struct asy_row *row, uint32_t lead,
                              const struct asy_pair *pair, struct assay_error *error)
{
    const struct asy_ingest_field *plan = &ingest->fields[pair->field];
    const struct asy_field *field = &ingest->schema->fields[pair->field];
    struct asy_str text = asy_ingest_cell(file, row, pair->column);
    if (text.len > 0 && plan->map && plan->map->n_values > 0) {
        const struct asy_map_value *alias = asy_map_alias(plan->map->values, plan->map->n_values, text);
        if (alias)
            text = alias->to;
    }
    if (text.len == 0)
        return ASSAY_OK;
    struct asy_value value;
    switch (asy_value_read(field, plan, text, &value)) {
    case ASY_TIME_OK:
        ingest->texts[pair->field] = text;
        return asy_value_put(&ingest->store->columns[pair->field], lead, text, &value, error);
    case ASY_TIME_AMBIGUOUS:
        return asy_value_ambiguous(file, row, pair->column, text, error);
    default:
        return asy_value_bad(ingest, pair->field, text) == ASSAY_OK ? ASSAY_OK : no_memory(file, error);
    }
}

/* The derived text and its code (0: to be read); {NULL,0} if there is none. */
static assay_status derive_text(struct asy_ingest *ingest, uint32_t f, struct asy_str *text, uint32_t *code)
{
    struct asy_ingest_field *plan = &ingest->fields[f];
    const struct asy_derive *derive = &ingest->schema->fields[f].derive;
    struct asy_str source = ingest->texts[derive->source];
    *text = (struct asy_str){NULL, 0};
    *code = 0;
    if (source.len == 0)
        return ASSAY_OK;
    if (derive->kind == ASY_DERIVE_DOMAIN) {
        if (source.len > plan->derived_cap) {
            char *grown = asy_mem_resize(ingest->mem, plan->derived, plan->derived_cap, 2 * (size_t)source.len + 64);
            if (!grown)
                return ASSAY_E_NOMEM;
            plan->derived = grown;
            plan->derived_cap = 2 * (size_t)source.len + 64;
        }
        *text = asy_derive_domain(source, plan->derived);
        return ASSAY_OK;
    }
    int64_t line = asy_derive_words(derive, source);
    if (line >= 0) {
        *text = derive->lines[line].value;
        *code = derive->lines[line].code;
    } else if (derive->has_otherwise) {
        *text = derive->otherwise;
        *code = derive->otherwise_code;
    }
    return ASSAY_OK;
}

static assay_status fill_derived(struct asy_ingest *ingest, struct asy_ingest_file *file, uint32_t lead, struct assay_error *error)
{
    for (uint32_t i = 0; i < ingest->n_derived; i++) {
        uint32_t f = ingest->derived[i], code;
        struct asy_str text;
        if (ingest->texts[f].len > 0)
            continue;
        if (derive_text(ingest, f, &text, &code) != ASSAY_OK)
            return no_memory(file, error);
        if (text.len == 0)
            continue;
        struct asy_value value = {.i = code};
        if (code == 0 && asy_value_read(&ingest->schema->fields[f], &ingest->fields[f], text, &value) != ASY_TIME_OK) {
            if (asy_value_bad(ingest, f, text) != ASSAY_OK)
                return no_memory(file, error);
            continue;
        }
        ingest->texts[f] = text;
        assay_status status = asy_value_put(&ingest->store->columns[f], lead, text, &value, error);
        if (status != ASSAY_OK)
            return status;
    }
    return ASSAY_OK;
}

/* What is empty still: defaults, and the count of required fields without anything. */
static assay_status fill_defaults(struct asy_ingest *ingest, uint32_t lead, struct assay_error *error)
{
    for (uint32_t i = 0; i < ingest->n_wanted; i++) {
        uint32_t f = ingest->wanted[i];
        const struct asy_field *field = &ingest->schema->fields[f];
        if (ingest->texts[f].len > 0)
            continue;
        if (!field->has_default) {
            ingest->report.n_required_empty[f] += field->required;
            continue;
        }
        struct asy_value value = {0};
        if (field->type == ASY_NUMBER)
            value.d = field->default_value.d;
        else
            value.i = field->default_value.i;
        assay_status status = asy_value_put(&ingest->store->columns[f], lead, field->default_text, &value, error);
        if (status != ASSAY_OK)
            return status;
    }
    return ASSAY_OK;
}

static assay_status join_lead(struct asy_ingest *ingest, struct asy_ingest_file *file, uint32_t lead, struct assay_error *error)
{
    const struct asy_field *field = &ingest->schema->fields[ingest->map->key_field];
    struct asy_str text = ingest->texts[ingest->map->key_field];
    struct asy_value value;
    char room[32];
    if (text.len == 0 || asy_value_read(field, &ingest->fields[ingest->map->key_field], text, &value) != ASY_TIME_OK)
        return ASSAY_OK;
    struct asy_str key = asy_value_text(field, text, &value, room);
    uint32_t number, next = ingest->join_keys.n_rows;
    bool is_new;
    if (!asy_mem_grow(ingest->mem, (void **)&ingest->join_rows, &ingest->join_rows_cap, next, sizeof(*ingest->join_rows)) ||
        asy_index_put(&ingest->join_index, key, next, &number, &is_new) != ASSAY_OK)
        return no_memory(file, error);
    if (!is_new) {
        ingest->report.n_key_field_repeated++;
        return ASSAY_OK;
    }
    ingest->join_rows[next] = lead;
    return asy_keys_push(&ingest->join_keys, key, error);
}

static uint32_t format_number(uint64_t number, char out[24])
{
    uint32_t n = 24;
    do {
        out[--n] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    memmove(out, out + n, 24 - n);
    return 24 - n;
}

static assay_status take_row(struct asy_ingest *ingest, struct asy_ingest_file *file, const struct leads_plan *plan,
                             const struct asy_row *row, struct assay_error *error)
{
    char digits[24];
    uint32_t key_column = plan->key && plan->key->level > 0 ? plan->key->column : ASY_NO_COLUMN;
    ingest->n_lead_rows++;
    if (row->problem)
        return asy_ingest_reject(ingest, file, row, asy_ingest_column_name(file, row->problem_column - 1), row->problem, error);
    struct asy_str key;
    if (plan->key)
        key = asy_ingest_cell(file, row, key_column);
    else
        key = (struct asy_str){digits, format_number(ingest->n_lead_rows, digits)};
    if (key.len == 0)
        return asy_ingest_reject(ingest, file, row, asy_ingest_column_name(file, key_column), "the lead id is empty", error);

    uint32_t lead;
    bool is_new;
    assay_status status = asy_store_add(ingest->store, key, &lead, &is_new, error);
    if (status != ASSAY_OK)
        return status;
    if (!is_new)
        return reject_repeated(ingest, file, row, asy_ingest_column_name(file, key_column), lead, error);
    if (!asy_mem_grow(ingest->mem, (void **)&ingest->lead_lines, &ingest->lead_lines_cap, lead, sizeof(*ingest->lead_lines)))
        return no_memory(file, error);
    ingest->lead_lines[lead] = row->line <= UINT32_MAX ? (uint32_t)row->line : 0;
    for (uint32_t i = 0; i < ingest->n_wanted; i++)
        ingest->texts[ingest->wanted[i]] = (struct asy_str){NULL, 0};
    for (uint32_t i = 0; i < plan->n_pairs; i++)
        if ((status = read_cell(ingest, file, row, lead, &plan->pairs[i], error)) != ASSAY_OK)
            return status;
    if ((status = fill_derived(ingest, file, lead, error)) != ASSAY_OK)
        return status;
    if ((status = fill_defaults(ingest, lead, error)) != ASSAY_OK)
        return status;
    asy_ingest_counts(ingest, file)->n_kept++;
    return ingest->has_join ? join_lead(ingest, file, lead, error) : ASSAY_OK;
}

assay_status asy_ingest_read_leads(struct asy_ingest *ingest, struct asy_ingest_file *file, struct assay_error *error)
{
    struct leads_plan plan = {0};
    struct asy_row row;
    bool more;
    bool is_json = asy_rows_is_json(file->rows);
    if (want_columns(ingest, file, &plan) != ASSAY_OK ||
        !asy_mem_grow(ingest->mem, (void **)&ingest->lead_files, &ingest->lead_files_cap, ingest->n_lead_files,
                      sizeof(*ingest->lead_files)))
        return no_memory(file, error);
    ingest->lead_files[ingest->n_lead_files++] = (struct asy_lead_file){file->path, ingest->store->n_leads};
    assay_status status = match_header(ingest, file, &plan, !is_json, error);
    for (;;) {
        if (status == ASSAY_OK)
            status = asy_ingest_next(ingest, file, &row, &more, error);
        if (status != ASSAY_OK)
            return status;
        if (!more)
            break;
        const struct asy_str *names;
        if (is_json && asy_rows_header(file->rows, &names) > file->match.n_columns) {
            file->match.is_frozen = asy_ingest_is_frozen(ingest, file);
            status = match_header(ingest, file, &plan, false, error);
        }
        if (status == ASSAY_OK)
            status = take_row(ingest, file, &plan, &row, error);
    }
    if (asy_ingest_counts(ingest, file)->n_rows == 0)
        return asy_fail(error, ASSAY_E_DATA, "%.*s: expected leads, found %s", ASY_ARG(file->path),
                        is_json ? "an empty file" : "a file that has a header but no data rows");
    /* Without a single key every row was malformed; what is wrong with them says more than what is missing. */
    const struct asy_str *names;
    if (is_json && asy_rows_header(file->rows, &names) > 0 &&
        (status = match_header(ingest, file, &plan, true, error)) != ASSAY_OK)
        return status;
    return asy_ingest_end(ingest, file, error);
}
