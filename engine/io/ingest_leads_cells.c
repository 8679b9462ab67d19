/* Cells of a block of lead rows -> arrays of values, field by field: aliases, types, derived fields, defaults. Most cells of an
 * export are empty, so the filled ones of a field are listed first, without a branch for each. */
#include "io/ingest_leads.h"

#include <math.h>

struct job {
    struct asy_ingest *ingest;
    const struct asy_ingest_file *file;
    const struct asy_lead_plan *plan;
    const struct asy_cells *cells;
    struct asy_lead_batch *batch;
    uint32_t n_rows;
    struct asy_reach reach;
};

/* What a text came to, where it is no code. */
#define CELL_EMPTY 0u
#define CELL_BAD UINT32_MAX

/* ---- memory ---- */

static void *carve(char **at, size_t n, size_t size_bytes)
{
    char *place = *at;
    *at += (n * size_bytes + 63) & ~(size_t)63;
    return place;
}

static size_t value_bytes(uint8_t kind)
{
    switch (kind) {
    case ASY_LEAD_PRESENT:
        return sizeof(uint8_t);
    case ASY_LEAD_CODE:
        return sizeof(uint32_t);
    case ASY_LEAD_TEXT:
        return 0;
    default:
        return sizeof(int64_t);
    }
}

/* Of all arrays, which are aligned to cache lines. */
static size_t bytes_for(const struct asy_lead_plan *plan, size_t n_rows)
{
    const struct asy_lead_batch *b;
    size_t row_bytes = sizeof(*b->keys) + sizeof(*b->key_rows) + sizeof(*b->leads) + sizeof(*b->is_new) + sizeof(*b->is_dropped) +
                       sizeof(*b->list);
    if (plan->join != UINT32_MAX)
        row_bytes += sizeof(*b->join_keys) + sizeof(*b->join_room);
    if (!plan->key)
        row_bytes += sizeof(*b->numbers);
    for (uint32_t k = 0; k < plan->n_fields; k++)
        row_bytes += value_bytes(plan->fields[k].kind) + (plan->fields[k].keeps_texts ? sizeof(struct asy_str) : 0);
    return n_rows * row_bytes + (9 + 2 * (size_t)plan->n_fields) * 64;
}

static assay_status make_room(struct job *job)
{
    const struct asy_lead_plan *plan = job->plan;
    struct asy_lead_batch *b = job->batch;
    if (job->n_rows <= b->cap)
        return ASSAY_OK;
    size_t cap = (size_t)job->n_rows + job->n_rows / 4 + 16, room_bytes = bytes_for(plan, cap);
    char *room = asy_mem_alloc(job->ingest->mem, room_bytes);
    if (!room)
        return ASSAY_E_NOMEM;
    asy_mem_free(job->ingest->mem, b->room, b->room_bytes);
    b->room = room;
    b->room_bytes = room_bytes;
    b->cap = (uint32_t)cap;
    b->keys = carve(&room, cap, sizeof(*b->keys));
    b->key_rows = carve(&room, cap, sizeof(*b->key_rows));
    b->leads = carve(&room, cap, sizeof(*b->leads));
    b->is_new = carve(&room, cap, sizeof(*b->is_new));
    b->is_dropped = carve(&room, cap, sizeof(*b->is_dropped));
    b->list = carve(&room, cap, sizeof(*b->list));
    if (plan->join != UINT32_MAX) {
        b->join_keys = carve(&room, cap, sizeof(*b->join_keys));
        b->join_room = carve(&room, cap, sizeof(*b->join_room));
    }
    if (!plan->key)
        b->numbers = carve(&room, cap, sizeof(*b->numbers));
    for (uint32_t k = 0; k < plan->n_fields; k++) {
        struct asy_lead_values *v = &b->values[k];
        v->any = carve(&room, cap, value_bytes(plan->fields[k].kind));
        if (plan->fields[k].keeps_texts)
            v->texts = carve(&room, cap, sizeof(*v->texts));
    }
    return ASSAY_OK;
}

struct asy_lead_batch *asy_lead_batch_new(struct asy_ingest *ingest, const struct asy_lead_plan *plan)
{
    struct asy_lead_batch *batch = asy_mem_alloc(ingest->mem, sizeof(*batch));
    if (!batch)
        return NULL;
    batch->values = asy_mem_alloc_n(ingest->mem, (size_t)plan->n_fields + 1, sizeof(*batch->values));
    if (batch->values)
        return batch;
    asy_mem_free(ingest->mem, batch, sizeof(*batch));
    return NULL;
}

void asy_lead_batch_free(struct asy_ingest *ingest, const struct asy_lead_plan *plan, struct asy_lead_batch *batch)
{
    struct asy_mem *mem = ingest->mem;
    for (uint32_t k = 0; k < plan->n_fields; k++) {
        struct asy_lead_values *v = &batch->values[k];
        asy_mem_free(mem, v->bad, v->bad_cap * sizeof(*v->bad));
        asy_mem_free(mem, v->domains, v->domains_cap);
        asy_mem_free(mem, v->memo, sizeof(*v->memo));
        asy_mem_free(mem, v->words_memo, sizeof(*v->words_memo));
    }
    asy_mem_free(mem, batch->values, ((size_t)plan->n_fields + 1) * sizeof(*batch->values));
    asy_mem_free(mem, batch->ambiguous, batch->ambiguous_cap * sizeof(*batch->ambiguous));
    asy_mem_free(mem, batch->room, batch->room_bytes);
    asy_mem_free(mem, batch, sizeof(*batch));
}

/* Before the first value of a field: all rows are empty. */
static void begin_values(struct job *job, uint32_t k)
{
    struct asy_lead_values *v = &job->batch->values[k];
    uint8_t kind = job->plan->fields[k].kind;
    if (v->has_values)
        return;
    v->has_values = true;
    if (kind == ASY_LEAD_NUMBER)
        for (uint32_t i = 0; i < job->n_rows; i++)
            v->numbers[i] = NAN;
    else if (kind == ASY_LEAD_LONG)
        for (uint32_t i = 0; i < job->n_rows; i++)
            v->longs[i] = ASY_INT_EMPTY;
    else
        memset(v->any, 0, job->n_rows * value_bytes(kind));
    if (job->plan->fields[k].keeps_texts)
        memset(v->texts, 0, job->n_rows * sizeof(*v->texts));
}

/* ---- one value ---- */

static bool need_memo(struct job *job, struct asy_memo **memo)
{
    if (!*memo)
        *memo = asy_mem_alloc(job->ingest->mem, sizeof(**memo));
    return *memo != NULL;
}

static assay_status remember_bad(struct job *job, uint32_t k, uint32_t row, struct asy_str text)
{
    struct asy_lead_values *v = &job->batch->values[k];
    if (!asy_mem_grow(job->ingest->mem, (void **)&v->bad, &v->bad_cap, v->n_bad, sizeof(*v->bad)))
        return ASSAY_E_NOMEM;
    v->bad[v->n_bad++] = (struct asy_lead_bad){row, text};
    return ASSAY_OK;
}

static assay_status remember_ambiguous(struct job *job, uint32_t row, uint32_t column, struct asy_str text)
{
    struct asy_lead_batch *b = job->batch;
    if (!asy_mem_grow(job->ingest->mem, (void **)&b->ambiguous, &b->ambiguous_cap, b->n_ambiguous, sizeof(*b->ambiguous)))
        return ASSAY_E_NOMEM;
    b->ambiguous[b->n_ambiguous++] = (struct asy_lead_ambiguous){row, column, text};
    return ASSAY_OK;
}

static inline void put_value(const struct asy_lead_field *field, struct asy_lead_values *v, uint32_t row, struct asy_str text,
                             const struct asy_value *value)
{
    switch (field->kind) {
    case ASY_LEAD_PRESENT:
        v->presents[row] = 1;
        break;
    case ASY_LEAD_CODE:
        v->codes[row] = (uint32_t)value->i;
        break;
    case ASY_LEAD_LONG:
        v->longs[row] = value->i;
        break;
    case ASY_LEAD_NUMBER:
        v->numbers[row] = value->d;
        break;
    default:
        break;
    }
    if (field->keeps_texts)
        v->texts[row] = text;
}

/* Read `text`, which is not empty, by the field's type. `column`: the cell's, ASY_NO_COLUMN for a derived text. */
static assay_status take_text(struct job *job, uint32_t k, uint32_t row, struct asy_str text, uint32_t column)
{
    const struct asy_lead_field *field = &job->plan->fields[k];
    struct asy_value value;
    enum asy_time_parse parse =
        asy_value_read(&job->ingest->schema->fields[field->field], &job->ingest->fields[field->field], text, &value);
    if (parse == ASY_TIME_AMBIGUOUS && column != ASY_NO_COLUMN)
        return remember_ambiguous(job, row, column, text);
    if (parse != ASY_TIME_OK)
        return remember_bad(job, k, row, text);
    put_value(field, &job->batch->values[k], row, text, &value);
    return ASSAY_OK;
}

/* ---- cells, by type ---- */

static inline struct asy_str cell_text(const struct job *job, const struct asy_ingest_field *plan, struct asy_span span)
{
    struct asy_str text = asy_ingest_cell(job->file, job->cells, span);
    if (!plan->map || plan->map->n_values == 0 || text.len == 0)
        return text;
    const struct asy_map_value *alias = asy_map_alias(plan->map->values, plan->map->n_values, text);
    return alias ? alias->to : text;
}

static void take_texts(struct job *job, uint32_t k, const struct asy_span *cells, uint32_t n)
{
    const struct asy_lead_field *field = &job->plan->fields[k];
    const struct asy_ingest_field *plan = &job->ingest->fields[field->field];
    struct asy_lead_values *v = &job->batch->values[k];
    struct asy_str *texts = field->keeps_texts ? v->texts : NULL;
    uint8_t *presents = field->kind == ASY_LEAD_PRESENT ? v->presents : NULL;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = job->batch->list[i];
        struct asy_str text = cell_text(job, plan, cells[row]);
        if (texts)
            texts[row] = text;
        if (presents)
            presents[row] = text.len > 0;
    }
}

/* The code of a cell's text as it stands: nulls and aliases are part of it. */
static uint32_t code_of(const struct job *job, const struct asy_lead_field *field, struct asy_span cell)
{
    struct asy_value value;
    struct asy_str text = cell_text(job, &job->ingest->fields[field->field], cell);
    if (text.len == 0)
        return CELL_EMPTY;
    enum asy_time_parse parse =
        asy_value_read(&job->ingest->schema->fields[field->field], &job->ingest->fields[field->field], text, &value);
    return parse == ASY_TIME_OK ? (uint32_t)value.i : CELL_BAD;
}

/* Enums, bools and countries whose text is not needed: the few texts there are, are read once. */
static assay_status take_codes(struct job *job, uint32_t k, const struct asy_span *cells, uint32_t n)
{
    const struct asy_lead_field *field = &job->plan->fields[k];
    struct asy_lead_values *v = &job->batch->values[k];
    if (!need_memo(job, &v->memo))
        return ASSAY_E_NOMEM;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = job->batch->list[i], code;
        struct asy_str text = {job->cells->text + cells[row].at, cells[row].len};
        struct asy_memo_key key = asy_memo_key(&job->reach, text);
        if (!asy_memo_find(v->memo, &key, text, &code)) {
            code = code_of(job, field, cells[row]);
            asy_memo_put(v->memo, &key, text, code);
        }
        if (code == CELL_BAD) {
            text = cell_text(job, &job->ingest->fields[field->field], cells[row]);
            if (remember_bad(job, k, row, text) != ASSAY_OK)
                return ASSAY_E_NOMEM;
        } else if (field->kind == ASY_LEAD_CODE) {
            v->codes[row] = code;
        } else {
            v->presents[row] = code != CELL_EMPTY;
        }
    }
    return ASSAY_OK;
}

static assay_status take_others(struct job *job, uint32_t k, const struct asy_span *cells, uint32_t n, uint32_t column)
{
    const struct asy_lead_field *field = &job->plan->fields[k];
    const struct asy_ingest_field *plan = &job->ingest->fields[field->field];
    struct asy_lead_values *v = &job->batch->values[k];
    uint8_t type = job->ingest->schema->fields[field->field].type;
    bool is_number = type == ASY_INT || type == ASY_NUMBER;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = job->batch->list[i];
        struct asy_str text = cell_text(job, plan, cells[row]);
        uint64_t digits;
        if (text.len == 0)
            continue;
        if (is_number && asy_plain_digits(&job->reach, text, &digits)) {
            struct asy_value value = {.i = (int64_t)digits, .d = (double)digits};
            put_value(field, v, row, text, &value);
        } else if (take_text(job, k, row, text, column) != ASSAY_OK) {
            return ASSAY_E_NOMEM;
        }
    }
    return ASSAY_OK;
}

static assay_status take_cells(struct job *job, uint32_t k, uint32_t column)
{
    const struct asy_lead_field *field = &job->plan->fields[k];
    const struct asy_span *cells = job->cells->cells[k];
    uint32_t n = 0;
    for (uint32_t row = 0; row < job->n_rows; row++) {
        job->batch->list[n] = row;
        n += cells[row].len != 0;
    }
    if (n == 0)
        return ASSAY_OK;
    begin_values(job, k);
    switch (job->ingest->schema->fields[field->field].type) {
    case ASY_TEXT:
        take_texts(job, k, cells, n);
        return ASSAY_OK;
    case ASY_BOOL:
    case ASY_COUNTRY:
    case ASY_ENUM:
        return field->keeps_texts ? take_others(job, k, cells, n, column) : take_codes(job, k, cells, n);
    default:
        return take_others(job, k, cells, n, column);
    }
}

/* ---- derived fields ---- */

static assay_status derive_domains(struct job *job, uint32_t k, const struct asy_str *sources, uint32_t n)
{
    struct asy_lead_values *v = &job->batch->values[k];
    const uint32_t *list = job->batch->list;
    size_t need_bytes = 0;
    for (uint32_t i = 0; i < n; i++)
        need_bytes += sources[list[i]].len;
    if (need_bytes > v->domains_cap) {
        char *domains = asy_mem_alloc(job->ingest->mem, 2 * need_bytes);
        if (!domains)
            return ASSAY_E_NOMEM;
        asy_mem_free(job->ingest->mem, v->domains, v->domains_cap);
        v->domains = domains;
        v->domains_cap = 2 * need_bytes;
    }
    char *at = v->domains;
    for (uint32_t i = 0; i < n; i++) {
        struct asy_str domain = asy_derive_domain(sources[list[i]], at);
        if (domain.len == 0)
            continue;
        at += domain.len;
        if (take_text(job, k, list[i], domain, ASY_NO_COLUMN) != ASSAY_OK)
            return ASSAY_E_NOMEM;
    }
    return ASSAY_OK;
}

static assay_status derive_words(struct job *job, uint32_t k, const struct asy_str *sources, uint32_t n)
{
    const struct asy_lead_field *field = &job->plan->fields[k];
    const struct asy_derive *derive = &job->ingest->schema->fields[field->field].derive;
    struct asy_lead_values *v = &job->batch->values[k];
    if (!need_memo(job, &v->words_memo))
        return ASSAY_E_NOMEM;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = job->batch->list[i], line;
        struct asy_memo_key key = asy_memo_key(&job->reach, sources[row]);
        if (!asy_memo_find(v->words_memo, &key, sources[row], &line)) {
            int64_t found = asy_derive_words(derive, sources[row]);
            line = found >= 0 ? (uint32_t)found : derive->n_lines;
            asy_memo_put(v->words_memo, &key, sources[row], line);
        }
        struct asy_str text = derive->otherwise;
        struct asy_value value = {.i = derive->otherwise_code};
        if (line < derive->n_lines) {
            text = derive->lines[line].value;
            value.i = derive->lines[line].code;
        } else if (!derive->has_otherwise) {
            continue;
        }
        if (text.len == 0)
            continue;
        if (value.i != 0)
            put_value(field, v, row, text, &value);
        else if (take_text(job, k, row, text, ASY_NO_COLUMN) != ASSAY_OK)
            return ASSAY_E_NOMEM;
    }
    return ASSAY_OK;
}

/* Where the field is empty and its source is not. */
static assay_status derive_values(struct job *job, uint32_t k)
{
    const struct asy_lead_field *field = &job->plan->fields[k];
    const struct asy_lead_values *v = &job->batch->values[k], *source = &job->batch->values[field->source];
    if (!source->has_values)
        return ASSAY_OK;
    uint32_t n = 0;
    for (uint32_t row = 0; row < job->n_rows; row++) {
        job->batch->list[n] = row;
        n += source->texts[row].len > 0 && !asy_lead_has_value(field, v, row);
    }
    if (n == 0)
        return ASSAY_OK;
    begin_values(job, k);
    if (job->ingest->schema->fields[field->field].derive.kind == ASY_DERIVE_DOMAIN)
        return derive_domains(job, k, source->texts, n);
    return derive_words(job, k, source->texts, n);
}

/* ---- the rest of a row ---- */

/* The texts that events are joined by, before defaults: those join nothing. */
static void make_join_keys(struct job *job)
{
    const struct asy_lead_field *plan = &job->plan->fields[job->plan->join];
    const struct asy_lead_values *v = &job->batch->values[job->plan->join];
    const struct asy_field *field = &job->ingest->schema->fields[plan->field];
    struct asy_str *keys = job->batch->join_keys;
    memset(keys, 0, job->n_rows * sizeof(*keys));
    for (uint32_t row = 0; v->has_values && row < job->n_rows; row++) {
        struct asy_value value;
        struct asy_str text = v->texts[row];
        if (text.len > 0 && asy_value_read(field, &job->ingest->fields[plan->field], text, &value) == ASY_TIME_OK)
            keys[row] = asy_value_text(field, text, &value, job->batch->join_room[row]);
    }
}

/* What is empty still: defaults, and the count of required fields without anything. */
static void fill_defaults(struct job *job, uint32_t k)
{
    const struct asy_lead_field *plan = &job->plan->fields[k];
    const struct asy_field *field = &job->ingest->schema->fields[plan->field];
    struct asy_lead_values *v = &job->batch->values[k];
    if (!field->has_default && !field->required)
        return;
    uint32_t n = 0;
    for (uint32_t row = 0; row < job->n_rows; row++) {
        job->batch->list[n] = row;
        n += !asy_lead_has_value(plan, v, row);
    }
    if (!field->has_default) {
        v->n_empty = n;
        return;
    }
    struct asy_value value = {0};
    if (field->type == ASY_NUMBER)
        value.d = field->default_value.d;
    else
        value.i = field->default_value.i;
    if (n > 0)
        begin_values(job, k);
    for (uint32_t i = 0; i < n; i++)
        put_value(plan, v, job->batch->list[i], field->default_text, &value);
}

static assay_status take_keys(struct job *job, struct asy_ingest_slot *slot)
{
    struct asy_lead_batch *b = job->batch;
    memset(b->is_dropped, 0, job->n_rows * sizeof(*b->is_dropped));
    b->n_keys = 0;
    for (uint32_t row = 0; !job->plan->key && row < job->n_rows; row++)
        b->key_rows[b->n_keys++] = row;
    if (!job->plan->key)
        return ASSAY_OK;
    uint32_t column = slot->columns[job->plan->n_fields];
    const struct asy_span *cells = job->cells->cells[job->plan->n_fields];
    for (uint32_t row = 0; row < job->n_rows; row++) {
        b->keys[b->n_keys] = asy_ingest_cell(job->file, job->cells, cells[row]);
        b->key_rows[b->n_keys] = row;
        if (b->keys[b->n_keys].len > 0) {
            b->n_keys++;
            continue;
        }
        struct asy_refusal refusal = {.row = row, .column = column, .reason = "the lead id is empty"};
        b->is_dropped[row] = true;
        if (asy_ingest_refuse(job->ingest, slot, &refusal) != ASSAY_OK)
            return ASSAY_E_NOMEM;
    }
    return ASSAY_OK;
}

assay_status asy_lead_cells(struct asy_ingest *ingest, const struct asy_ingest_file *file, const struct asy_lead_plan *plan,
                            struct asy_ingest_slot *slot)
{
    const struct asy_cells *cells = &slot->cells;
    struct job job = {.ingest = ingest, .file = file, .plan = plan, .cells = cells, .batch = slot->batch, .n_rows = cells->n_rows};
    if (job.n_rows == 0) {
        job.batch->n_keys = 0;
        return ASSAY_OK;
    }
    const struct asy_span *last = &cells->raw[job.n_rows - 1];
    uint64_t end = (uint64_t)last->at + last->len;
    job.reach = (struct asy_reach){cells->text, end >= 8 ? end - 7 : 0};
    assay_status status = make_room(&job);
    if (status == ASSAY_OK)
        status = take_keys(&job, slot);
    job.batch->n_ambiguous = 0;
    for (uint32_t k = 0; status == ASSAY_OK && k < plan->n_fields; k++) {
        struct asy_lead_values *v = &job.batch->values[k];
        v->has_values = false;
        v->n_bad = v->n_empty = 0;
        if (slot->columns[k] != ASY_NO_COLUMN)
            status = take_cells(&job, k, slot->columns[k]);
        v->n_bad_cells = v->n_bad;
    }
    for (uint32_t i = 0; status == ASSAY_OK && i < plan->n_derived; i++)
        status = derive_values(&job, plan->derived[i]);
    if (status != ASSAY_OK)
        return status;
    if (plan->join != UINT32_MAX)
        make_join_keys(&job);
    for (uint32_t k = 0; k < plan->n_fields; k++)
        fill_defaults(&job, k);
    return ASSAY_OK;
}
