/* Rows of a leads file -> leads: which columns are read, and what happens in the order of the rows: keys and duplicates, numbers
 * of rows, counts. Values are made by ingest_leads_cells.c. */
#include "io/ingest_leads.h"

#include <stdio.h>

static assay_status no_memory(const struct asy_ingest_file *file, struct assay_error *error)
{
    return asy_fail(error, ASSAY_E_NOMEM, "%.*s: out of memory", ASY_ARG(file->path));
}

/* ---- plan ---- */

static uint8_t kind_of(const struct asy_column *column)
{
    switch (column->repr) {
    case ASY_REPR_CODE:
        return column->field->type == ASY_TEXT ? ASY_LEAD_TEXT : ASY_LEAD_CODE;
    case ASY_REPR_INT:
    case ASY_REPR_TIME:
        return ASY_LEAD_LONG;
    case ASY_REPR_NUMBER:
        return ASY_LEAD_NUMBER;
    default:
        return ASY_LEAD_PRESENT;
    }
}

static uint32_t place_of(const struct asy_ingest *ingest, uint32_t field)
{
    uint32_t k = 0;
    while (ingest->wanted[k] != field)
        k++;
    return k;
}

static assay_status plan_fields(struct asy_ingest *ingest, struct asy_ingest_file *file, struct asy_lead_plan *plan)
{
    plan->n_fields = ingest->n_wanted;
    plan->fields = asy_pool_alloc_n(&file->pool, (size_t)plan->n_fields + 1, sizeof(*plan->fields));
    plan->n_derived = ingest->n_derived;
    plan->derived = asy_pool_alloc_n(&file->pool, (size_t)plan->n_derived + 1, sizeof(*plan->derived));
    if (!plan->fields || !plan->derived)
        return ASSAY_E_NOMEM;
    for (uint32_t k = 0; k < plan->n_fields; k++) {
        struct asy_lead_field *field = &plan->fields[k];
        field->field = ingest->wanted[k];
        field->kind = kind_of(&ingest->store->columns[field->field]);
        field->keeps_texts = field->kind == ASY_LEAD_TEXT;
    }
    for (uint32_t i = 0; i < plan->n_derived; i++) {
        struct asy_lead_field *field = &plan->fields[plan->derived[i] = place_of(ingest, ingest->derived[i])];
        field->source = place_of(ingest, ingest->schema->fields[field->field].derive.source);
        plan->fields[field->source].keeps_texts = true;
    }
    plan->join = UINT32_MAX;
    if (ingest->has_join) {
        plan->join = place_of(ingest, ingest->map->key_field);
        plan->fields[plan->join].keeps_texts = true;
    }
    return ASSAY_OK;
}

/* ---- header ---- */

/* Targets of the match: field f is target f; the key comes last. */
static assay_status want_columns(struct asy_ingest *ingest, struct asy_ingest_file *file, struct asy_lead_plan *plan)
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

static assay_status match_header(struct asy_ingest *ingest, struct asy_ingest_file *file, void *ctx, bool is_whole, uint32_t *columns,
                                 struct assay_error *error)
{
    const struct asy_lead_plan *plan = ctx;
    const struct asy_str *names;
    uint32_t n = asy_rows_header(file->rows, &names);
    if (asy_match_columns(&file->match, names, n) != ASSAY_OK)
        return no_memory(file, error);
    assay_status status = plan->key ? check_key(file, plan->key, is_whole, error) : ASSAY_OK;
    for (uint32_t f = 0; status == ASSAY_OK && f < ingest->schema->n_fields; f++)
        status = check_field(ingest, file, f, is_whole, error);
    if (status != ASSAY_OK)
        return status;
    for (uint32_t k = 0; k < plan->n_fields; k++) {
        const struct asy_target *t = &file->match.targets[plan->fields[k].field];
        columns[k] = t->level > 0 ? t->column : ASY_NO_COLUMN;
        ingest->fields[plan->fields[k].field].has_column |= t->level > 0;
    }
    columns[plan->n_fields] = plan->key && plan->key->level > 0 ? plan->key->column : ASY_NO_COLUMN;
    return ASSAY_OK;
}

/* ---- keys, in order ---- */

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

/* Rows are numbered through all leads files, from 1 on, malformed ones too. */
static void number_rows(const struct asy_ingest *ingest, const struct asy_ingest_slot *slot)
{
    const struct asy_cells *cells = &slot->cells;
    struct asy_lead_batch *batch = slot->batch;
    uint32_t next_bad = 0;
    for (uint32_t row = 0; row < cells->n_rows; row++) {
        while (next_bad < cells->n_bad && cells->bad[next_bad].before <= row)
            next_bad++;
        uint32_t len = format_number(ingest->n_lead_rows + row + next_bad + 1, batch->numbers[row]);
        batch->keys[row] = (struct asy_str){batch->numbers[row], len};
    }
}

static assay_status reject_repeated(struct asy_ingest *ingest, struct asy_ingest_file *file, struct asy_ingest_slot *slot,
                                    uint32_t row, uint32_t column, uint32_t first, struct assay_error *error)
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
    assay_status status = asy_ingest_tell(ingest, file, slot, row, error);
    return status == ASSAY_OK ? asy_ingest_reject_row(ingest, file, slot, row, column, reason, error) : status;
}

/* The first date that reads two ways, by row and field, of the rows that are taken; NULL: none. */
static const struct asy_lead_ambiguous *first_ambiguous(const struct asy_lead_batch *batch)
{
    const struct asy_lead_ambiguous *first = NULL;
    for (uint32_t i = 0; i < batch->n_ambiguous; i++) {
        const struct asy_lead_ambiguous *one = &batch->ambiguous[i];
        if (!batch->is_dropped[one->row] && (!first || one->row < first->row))
            first = one;
    }
    return first;
}

static assay_status add_leads(struct asy_ingest *ingest, struct asy_ingest_file *file, const struct asy_lead_plan *plan,
                              struct asy_ingest_slot *slot, struct assay_error *error)
{
    struct asy_store *store = ingest->store;
    struct asy_lead_batch *batch = slot->batch;
    uint32_t n_before = store->n_leads;
    assay_status status = asy_store_add_batch(store, batch->keys, batch->n_keys, batch->leads, batch->is_new, error);
    if (status != ASSAY_OK)
        return status;
    if (store->n_leads > n_before && !asy_mem_grow(ingest->mem, (void **)&ingest->lead_lines, &ingest->lead_lines_cap,
                                                   store->n_leads - 1, sizeof(*ingest->lead_lines)))
        return no_memory(file, error);
    for (uint32_t i = 0; i < batch->n_keys; i++) {
        uint32_t row = batch->key_rows[i];
        uint64_t line = slot->cells.line[row];
        if (batch->is_new[i])
            ingest->lead_lines[batch->leads[i]] = line <= UINT32_MAX ? (uint32_t)line : 0;
        else
            batch->is_dropped[row] = true;
    }
    if (store->n_leads - n_before == batch->n_keys && batch->n_ambiguous == 0)
        return ASSAY_OK;

    const struct asy_lead_ambiguous *stop = first_ambiguous(batch);
    for (uint32_t i = 0; i < batch->n_keys; i++) {
        uint32_t row = batch->key_rows[i];
        if (stop && row > stop->row)
            break;
        if (batch->is_new[i])
            continue;
        status = reject_repeated(ingest, file, slot, row, slot->columns[plan->n_fields], batch->leads[i], error);
        if (status != ASSAY_OK)
            return status;
    }
    if (!stop)
        return ASSAY_OK;
    status = asy_ingest_tell(ingest, file, slot, stop->row, error);
    if (status != ASSAY_OK)
        return status;
    asy_ingest_counts(ingest, file)->n_rows++;
    return asy_value_ambiguous(file, slot->cells.line[stop->row], stop->column, stop->text, error);
}

/* ---- values ---- */

static void pack_bytes(void *items, size_t size_bytes, const bool *is_dropped, uint32_t n)
{
    char *to = items;
    const char *from = items;
    for (uint32_t row = 0; row < n; row++, from += size_bytes) {
        if (is_dropped[row])
            continue;
        if (to != from)
            memcpy(to, from, size_bytes);
        to += size_bytes;
    }
}

/* Drop the values of rows that are not taken. */
static void pack_values(const struct asy_lead_plan *plan, struct asy_lead_batch *batch, uint32_t n_rows)
{
    for (uint32_t k = 0; k < plan->n_fields; k++) {
        const struct asy_lead_field *field = &plan->fields[k];
        struct asy_lead_values *v = &batch->values[k];
        for (uint32_t row = 0; v->n_empty > 0 && row < n_rows; row++)
            v->n_empty -= batch->is_dropped[row] && !asy_lead_has_value(field, v, row);
        if (!v->has_values)
            continue;
        switch (field->kind) {
        case ASY_LEAD_PRESENT:
            pack_bytes(v->presents, sizeof(*v->presents), batch->is_dropped, n_rows);
            break;
        case ASY_LEAD_CODE:
            pack_bytes(v->codes, sizeof(*v->codes), batch->is_dropped, n_rows);
            break;
        case ASY_LEAD_TEXT:
            pack_bytes(v->texts, sizeof(*v->texts), batch->is_dropped, n_rows);
            break;
        case ASY_LEAD_LONG:
            pack_bytes(v->longs, sizeof(*v->longs), batch->is_dropped, n_rows);
            break;
        default:
            pack_bytes(v->numbers, sizeof(*v->numbers), batch->is_dropped, n_rows);
            break;
        }
    }
    if (plan->join != UINT32_MAX)
        pack_bytes(batch->join_keys, sizeof(*batch->join_keys), batch->is_dropped, n_rows);
}

static assay_status set_values(struct asy_column *column, uint32_t lead, uint32_t n, const struct asy_lead_values *v,
                               struct assay_error *error)
{
    switch (column->repr) {
    case ASY_REPR_PRESENCE:
        asy_column_set_presents(column, lead, n, v->presents);
        return ASSAY_OK;
    case ASY_REPR_CODE:
        if (column->field->type == ASY_TEXT)
            return asy_column_set_texts(column, lead, n, v->texts, error);
        return asy_column_set_codes(column, lead, n, v->codes, error);
    case ASY_REPR_INT:
        return asy_column_set_ints(column, lead, n, v->longs, error);
    case ASY_REPR_NUMBER:
        asy_column_set_numbers(column, lead, n, v->numbers);
        return ASSAY_OK;
    case ASY_REPR_TIME:
        asy_column_set_times(column, lead, n, v->longs);
        return ASSAY_OK;
    default:
        return ASSAY_OK;
    }
}

/* In the order of rows; a row's own text goes before what was derived for it. */
static assay_status count_bad(struct asy_ingest *ingest, uint32_t field, const struct asy_lead_values *v, const bool *is_dropped)
{
    uint32_t cell = 0, derived = v->n_bad_cells;
    while (cell < v->n_bad_cells || derived < v->n_bad) {
        bool is_cell = derived == v->n_bad || (cell < v->n_bad_cells && v->bad[cell].row <= v->bad[derived].row);
        const struct asy_lead_bad *bad = is_cell ? &v->bad[cell++] : &v->bad[derived++];
        if (!is_dropped[bad->row] && asy_value_bad(ingest, field, bad->text) != ASSAY_OK)
            return ASSAY_E_NOMEM;
    }
    return ASSAY_OK;
}

static assay_status join_leads(struct asy_ingest *ingest, struct asy_ingest_file *file, struct asy_lead_batch *batch,
                               uint32_t lead, uint32_t n, struct assay_error *error)
{
    /* Packed once more, now without leads that have no key; `list` is the leads, `leads` the numbers of their keys. */
    uint32_t n_keys = 0;
    for (uint32_t i = 0; i < n; i++) {
        batch->join_keys[n_keys] = batch->join_keys[i];
        batch->list[n_keys] = lead + i;
        n_keys += batch->join_keys[i].len > 0;
    }
    assay_status status = asy_index_put_batch(&ingest->join_index, batch->join_keys, n_keys, batch->leads, batch->is_new, error);
    if (status != ASSAY_OK)
        return status;
    uint32_t n_known = ingest->join_keys.n_rows;
    if (n_known > 0 && !asy_mem_grow(ingest->mem, (void **)&ingest->join_rows, &ingest->join_rows_cap, n_known - 1,
                                     sizeof(*ingest->join_rows)))
        return no_memory(file, error);
    for (uint32_t i = 0; i < n_keys; i++) {
        if (batch->is_new[i])
            ingest->join_rows[batch->leads[i]] = batch->list[i];
        else
            ingest->report.n_key_field_repeated++;
    }
    return ASSAY_OK;
}

/* ---- blocks ---- */

static void *new_batch(struct asy_ingest *ingest, void *plan)
{
    return asy_lead_batch_new(ingest, plan);
}

static void free_batch(struct asy_ingest *ingest, void *plan, void *batch)
{
    asy_lead_batch_free(ingest, plan, batch);
}

static assay_status work(struct asy_ingest *ingest, struct asy_ingest_file *file, void *plan, uint32_t worker,
                         struct asy_ingest_slot *slot, struct assay_error *error)
{
    (void)worker;
    return asy_lead_cells(ingest, file, plan, slot) == ASSAY_OK ? ASSAY_OK : no_memory(file, error);
}

static assay_status give(struct asy_ingest *ingest, struct asy_ingest_file *file, void *ctx, struct asy_ingest_slot *slot,
                         struct assay_error *error)
{
    const struct asy_lead_plan *plan = ctx;
    struct asy_lead_batch *batch = slot->batch;
    uint32_t n_rows = slot->cells.n_rows, lead = ingest->store->n_leads;
    if (!plan->key)
        number_rows(ingest, slot);
    ingest->n_lead_rows += n_rows + slot->cells.n_bad;
    if (batch->n_keys == 0)
        return ASSAY_OK;
    assay_status status = add_leads(ingest, file, plan, slot, error);
    if (status != ASSAY_OK)
        return status;
    uint32_t n = ingest->store->n_leads - lead;
    for (uint32_t k = 0; k < plan->n_fields; k++)
        if (count_bad(ingest, plan->fields[k].field, &batch->values[k], batch->is_dropped) != ASSAY_OK)
            return no_memory(file, error);
    if (n < n_rows)
        pack_values(plan, batch, n_rows);
    for (uint32_t k = 0; status == ASSAY_OK && k < plan->n_fields; k++) {
        uint32_t f = plan->fields[k].field;
        ingest->report.n_required_empty[f] += batch->values[k].n_empty;
        if (batch->values[k].has_values)
            status = set_values(&ingest->store->columns[f], lead, n, &batch->values[k], error);
    }
    if (status != ASSAY_OK)
        return status;
    asy_ingest_counts(ingest, file)->n_kept += n;
    return plan->join != UINT32_MAX ? join_leads(ingest, file, batch, lead, n, error) : ASSAY_OK;
}

assay_status asy_ingest_read_leads(struct asy_ingest *ingest, struct asy_ingest_file *file, struct assay_error *error)
{
    struct asy_lead_plan plan = {0};
    if (plan_fields(ingest, file, &plan) != ASSAY_OK || want_columns(ingest, file, &plan) != ASSAY_OK ||
        !asy_mem_grow(ingest->mem, (void **)&ingest->lead_files, &ingest->lead_files_cap, ingest->n_lead_files,
                      sizeof(*ingest->lead_files)))
        return no_memory(file, error);
    ingest->lead_files[ingest->n_lead_files++] = (struct asy_lead_file){file->path, ingest->store->n_leads};
    const struct asy_ingest_reader reader = {
        .plan = &plan,
        .n_columns = plan.n_fields + 1,
        .match = match_header,
        .new_batch = new_batch,
        .free_batch = free_batch,
        .work = work,
        .give = give,
    };
    assay_status status = asy_ingest_run(ingest, file, &reader, error);
    if (status == ASSAY_OK && asy_ingest_counts(ingest, file)->n_rows == 0)
        return asy_fail(error, ASSAY_E_DATA, "%.*s: expected leads, found %s", ASY_ARG(file->path),
                        asy_rows_is_json(file->rows) ? "an empty file" : "a file that has a header but no data rows");
    return status;
}
