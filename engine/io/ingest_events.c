/* Rows of an events file -> staged events. Leads are looked up a batch at a time, so that the index can prefetch; what a
 * batch needs of its rows is copied, since cells live only until the next row. */
#include "io/ingest_internal.h"

#include <stdio.h>

struct events_plan {
    struct asy_target *key, *event, *time;   /* event NULL: all rows have the same name */
    struct asy_target *properties, *distinct; /* arrays */
    uint32_t n_properties, n_distinct;
    bool is_copying; /* property or distinct values have to be kept until the lead is known */
};

enum { SCRATCH_FLUSH_BYTES = 4 << 20 };

static assay_status no_memory(const struct asy_ingest_file *file, struct assay_error *error)
{
    return asy_fail(error, ASSAY_E_NOMEM, "%.*s: out of memory", ASY_ARG(file->path));
}

/* ---- names ---- */

static uint32_t name_slot(const struct asy_ingest *ingest, struct asy_str text)
{
    uint64_t h = text.len;
    uint64_t head = 0, tail = 0;
    uint32_t n = text.len < 8 ? text.len : 8;
    memcpy(&head, text.p, n);
    memcpy(&tail, text.p + text.len - n, n);
    h = (h ^ head) * UINT64_C(0x9fb21c651e98df25);
    h = (h ^ (h >> 29) ^ tail) * UINT64_C(0xc2b2ae3d27d4eb4f);
    return (uint32_t)(h >> 32) & (ingest->n_name_slots - 1);
}

/* An earlier entry stays. */
static void name_put(struct asy_ingest *ingest, struct asy_str text, uint32_t number)
{
    if (text.len == 0)
        return;
    uint32_t slot = name_slot(ingest, text);
    for (; ingest->names[slot].number != 0; slot = (slot + 1) & (ingest->n_name_slots - 1))
        if (asy_str_eq(ingest->names[slot].text, text))
            return;
    ingest->names[slot] = (struct asy_name_slot){text, number + 1};
}

/* Number of the event, or -1. */
static int32_t name_find(const struct asy_ingest *ingest, struct asy_str text)
{
    uint32_t slot = name_slot(ingest, text);
    for (; ingest->names[slot].number != 0; slot = (slot + 1) & (ingest->n_name_slots - 1))
        if (asy_str_eq(ingest->names[slot].text, text))
            return (int32_t)ingest->names[slot].number - 1;
    return -1;
}

assay_status asy_ingest_names_init(struct asy_ingest *ingest)
{
    const struct asy_map *map = ingest->map;
    const struct asy_schema *schema = ingest->schema;
    ingest->n_name_slots = 16;
    while (ingest->n_name_slots < 4 * (schema->n_events + map->n_names))
        ingest->n_name_slots *= 2;
    ingest->names = asy_pool_alloc_n(&ingest->pool, ingest->n_name_slots, sizeof(*ingest->names));
    ingest->report.unknown_names = asy_pool_alloc_n(&ingest->pool, ASY_INGEST_UNKNOWN_NAMES, sizeof(*ingest->report.unknown_names));
    ingest->property_found = asy_pool_alloc_n(&ingest->pool, (size_t)schema->n_properties + 1, sizeof(bool));
    ingest->report.unmatched_properties =
        asy_pool_alloc_n(&ingest->pool, (size_t)schema->n_properties + 1, sizeof(*ingest->report.unmatched_properties));
    if (!ingest->names || !ingest->report.unknown_names || !ingest->property_found || !ingest->report.unmatched_properties)
        return ASSAY_E_NOMEM;
    /* What the map says of a name goes before the name's own meaning. */
    for (uint32_t i = 0; i < map->n_names; i++) {
        int64_t event = asy_schema_event(schema, map->names[i].to);
        if (event >= 0)
            name_put(ingest, map->names[i].from, (uint32_t)event);
    }
    for (uint32_t e = 0; e < schema->n_events; e++)
        name_put(ingest, schema->events[e].name, e);
    if (map->event_const.p)
        ingest->const_name = (uint32_t)(asy_schema_event(schema, map->event_const) + 1);
    return ASSAY_OK;
}

static assay_status count_unknown(struct asy_ingest *ingest, struct asy_str name)
{
    ingest->report.n_unknown_event++;
    name = asy_value_cut(name, ASY_INGEST_EXAMPLE_BYTES);
    uint32_t code = asy_dict_find(&ingest->unknown, name);
    if (code == 0) {
        if (ingest->unknown.n > ASY_INGEST_UNKNOWN_NAMES)
            return ASSAY_OK;
        assay_status status = asy_dict_intern(&ingest->unknown, name, &code);
        if (status != ASSAY_OK)
            return status;
    }
    if (code <= ASY_INGEST_UNKNOWN_NAMES)
        ingest->unknown_counts[code]++;
    return ASSAY_OK;
}

/* ---- header ---- */

static assay_status want_key(struct asy_ingest *ingest, struct asy_ingest_file *file)
{
    const struct asy_map *map = ingest->map;
    struct asy_str none = {"", 0};
    if (map->events.key.p)
        return asy_match_want(&file->match, 0, map->events.key, none);
    if (map->key_field == UINT32_MAX)
        return asy_match_want(&file->match, 0, ASY_STR("lead_id"), none);
    const struct asy_ingest_field *field = &ingest->fields[map->key_field];
    file->match.targets[0].exact = ingest->schema->fields[map->key_field].name;
    file->match.targets[0].fold = field->fold;
    file->match.targets[0].alt = field->last_fold;
    return ASSAY_OK;
}

static assay_status want_columns(struct asy_ingest *ingest, struct asy_ingest_file *file, struct events_plan *plan)
{
    const struct asy_map *map = ingest->map;
    const struct asy_schema *schema = ingest->schema;
    struct asy_str none = {"", 0};
    plan->n_properties = schema->n_properties;
    plan->n_distinct = map->n_distinct;
    plan->is_copying = plan->n_properties > 0 || plan->n_distinct > 0;
    assay_status status = asy_match_init(&file->match, &file->pool, 3 + plan->n_properties + plan->n_distinct);
    if (status != ASSAY_OK)
        return status;
    struct asy_target *targets = file->match.targets;
    plan->key = &targets[0];
    plan->event = map->event_const.p ? NULL : &targets[1];
    plan->time = &targets[2];
    plan->properties = targets + 3;
    plan->distinct = targets + 3 + plan->n_properties;
    status = want_key(ingest, file);
    if (status == ASSAY_OK && plan->event)
        status = asy_match_want(&file->match, 1, map->event_column, none);
    if (status == ASSAY_OK)
        status = asy_match_want(&file->match, 2, map->time_column, none);
    for (uint32_t p = 0; status == ASSAY_OK && p < plan->n_properties; p++) {
        struct asy_str column = schema->properties[p];
        for (uint32_t i = 0; i < map->n_properties; i++) {
            if (!asy_str_eq(map->properties[i].from, column))
                continue;
            column = map->properties[i].to;
            plan->properties[p].is_claiming = true;
            break;
        }
        status = asy_match_want(&file->match, 3 + p, column, none);
    }
    for (uint32_t d = 0; status == ASSAY_OK && d < plan->n_distinct; d++)
        status = asy_match_want(&file->match, 3 + plan->n_properties + d, map->distinct[d], none);
    return status;
}

/* `what` and `cure` are lines of the map. */
static assay_status check_column(struct asy_ingest_file *file, const struct asy_target *t, const char *what, const char *cure,
                                 bool is_whole, struct assay_error *error)
{
    const struct asy_str *header;
    uint32_t n = asy_rows_header(file->rows, &header);
    if (t->rival != ASY_NO_COLUMN) {
        struct asy_str a = asy_value_cut(asy_ingest_column_name(file, t->column), 80);
        struct asy_str b = asy_value_cut(asy_ingest_column_name(file, t->rival), 80);
        if (asy_ingest_is_repeated(file, t))
            return asy_rows_repeated(file->rows, t->column, t->rival, error);
        return asy_fail(error, ASSAY_E_DATA, "%.*s: %s: expected one column, found `%.*s` and `%.*s`; rename one, or choose in "
                        "the map file (--map): `%s`", ASY_ARG(file->path), what, ASY_ARG(a), ASY_ARG(b), cure);
    }
    if (t->level > 0 || !is_whole)
        return ASSAY_OK;
    struct asy_str list = asy_match_list(&file->pool, header, n), hint = asy_match_hint(&file->pool, t->exact, header, n);
    return asy_fail(error, ASSAY_E_DATA, "%.*s: %s: expected a column `%.*s`, found %.*s; name it in the map file (--map): `%s`%.*s",
                    ASY_ARG(file->path), what, ASY_ARG(t->exact), ASY_ARG(list), cure, ASY_ARG(hint));
}

static assay_status match_header(struct asy_ingest *ingest, struct asy_ingest_file *file, struct events_plan *plan, bool is_whole,
                                 struct assay_error *error)
{
    const struct asy_str *names;
    uint32_t n = asy_rows_header(file->rows, &names);
    if (asy_match_columns(&file->match, names, n) != ASSAY_OK)
        return no_memory(file, error);
    bool is_joined = ingest->map->key_field != UINT32_MAX;
    char cure[200] = "events: {key: COLUMN}";
    if (is_joined)
        snprintf(cure, sizeof(cure), "events: {key: {field: %.*s, column: COLUMN}}",
                 ASY_ARG(asy_value_cut(ingest->schema->fields[ingest->map->key_field].name, 100)));
    assay_status status = check_column(file, plan->key, "key", cure, is_whole, error);
    if (status == ASSAY_OK && plan->event)
        status = check_column(file, plan->event, "event", "events: {event: COLUMN}", is_whole, error);
    if (status == ASSAY_OK)
        status = check_column(file, plan->time, "time", "events: {time: COLUMN}", is_whole, error);
    for (uint32_t p = 0; status == ASSAY_OK && p < plan->n_properties; p++) {
        const struct asy_target *t = &plan->properties[p];
        char what[80];
        struct asy_str property = asy_value_cut(ingest->schema->properties[p], 60);
        snprintf(what, sizeof(what), "property %.*s", ASY_ARG(property));
        snprintf(cure, sizeof(cure), "events: {properties: {%.*s: COLUMN}}", ASY_ARG(property));
        ingest->property_found[p] |= t->level > 0;
        /* A property that the map does not name may be absent; the report says so. */
        status = check_column(file, t, what, cure, is_whole && t->is_claiming, error);
    }
    for (uint32_t d = 0; status == ASSAY_OK && d < plan->n_distinct; d++)
        status = check_column(file, &plan->distinct[d], "distinct", "events: {distinct: [COLUMN]}", is_whole, error);
    return status;
}

/* ---- time ---- */

static inline uint32_t two(const char *p, uint32_t *bad)
{
    uint32_t tens = (uint32_t)(uint8_t)p[0] - '0', ones = (uint32_t)(uint8_t)p[1] - '0';
    *bad |= (tens > 9) | (ones > 9);
    return tens * 10 + ones;
}

/* 2026-11-01T10:20:30 with T or blank, Z or nothing: the form nearly all exports have. */
static bool read_usual_time(struct asy_ingest *ingest, struct asy_str text, int64_t *out_s)
{
    const char *p = text.p;
    if (text.len != 19 && !(text.len == 20 && p[19] == 'Z'))
        return false;
    uint32_t bad = (p[13] != ':') | (p[16] != ':') | (p[10] != 'T' && p[10] != ' ');
    uint32_t hour = two(p + 11, &bad), minute = two(p + 14, &bad), second = two(p + 17, &bad);
    if (bad || hour > 23 || minute > 59 || second > 59)
        return false;
    if (memcmp(p, ingest->date_text, 10) != 0) {
        bad = (p[4] != '-') | (p[7] != '-');
        uint32_t century = two(p, &bad), year = two(p + 2, &bad), month = two(p + 5, &bad), day = two(p + 8, &bad);
        if (bad || !asy_civil_valid((int32_t)(century * 100 + year), (int32_t)month, (int32_t)day, 0, 0, 0))
            return false;
        ingest->date_days = asy_days_from_civil(century * 100 + year, (int32_t)month, (int32_t)day);
        memcpy(ingest->date_text, p, 10);
    }
    *out_s = ingest->date_days * ASY_DAY_S + (int64_t)(hour * 3600 + minute * 60 + second);
    return true;
}

static enum asy_time_parse read_time(struct asy_ingest *ingest, struct asy_str text, int64_t *out_s)
{
    struct asy_str format = ingest->map->events.date_format;
    if (format.len == 0 && read_usual_time(ingest, text, out_s))
        return ASY_TIME_OK;
    int64_t us;
    enum asy_time_parse parse = asy_value_time(text, format, false, &us);
    if (parse == ASY_TIME_OK)
        *out_s = us / 1000000 + (us % 1000000 > 0); /* up: no event counts before it happened */
    return parse;
}

/* ---- keys ---- */

/* The key of a row as leads are found by it, empty if there is none. *is_value false: no lead can have it. */
static enum asy_time_parse read_key(const struct asy_ingest *ingest, struct asy_str text, char room[32], struct asy_str *key,
                                    bool *is_value)
{
    *key = text;
    *is_value = true;
    if (!ingest->has_join || text.len == 0)
        return ASY_TIME_OK;
    const struct asy_field *field = &ingest->schema->fields[ingest->map->key_field];
    const struct asy_ingest_field *plan = &ingest->fields[ingest->map->key_field];
    const struct asy_map_value *alias = plan->map ? asy_map_alias(plan->map->values, plan->map->n_values, text) : NULL;
    if (alias)
        *key = text = alias->to;
    if (field->type == ASY_TEXT || text.len == 0)
        return ASY_TIME_OK;
    struct asy_value value;
    enum asy_time_parse parse = field->type == ASY_TIME && !alias
                                    ? asy_value_time(text, ingest->map->events.date_format, false, &value.i)
                                    : asy_value_read(field, plan, text, &value);
    *is_value = parse == ASY_TIME_OK;
    if (*is_value)
        *key = asy_value_text(field, text, &value, room);
    return parse;
}

/* ---- batches ---- */

static bool scratch_push(struct asy_ingest *ingest, const char *p, uint32_t n)
{
    if (ingest->scratch_used + n > ingest->scratch_cap) {
        size_t cap = 2 * (ingest->scratch_used + n) + 65536;
        char *grown = asy_mem_resize(ingest->mem, ingest->scratch, ingest->scratch_cap, cap);
        if (!grown)
            return false;
        ingest->scratch = grown;
        ingest->scratch_cap = cap;
    }
    if (n > 0)
        memcpy(ingest->scratch + ingest->scratch_used, p, n);
    ingest->scratch_used += n;
    return true;
}

/* Values are kept as length and bytes, so that no byte in them can be taken for a separator. */
static bool push_values(struct asy_ingest *ingest, const struct asy_ingest_file *file, const struct asy_row *row,
                        const struct asy_target *targets, uint32_t n, bool *is_any)
{
    for (uint32_t i = 0; i < n; i++) {
        struct asy_str value = asy_ingest_cell(file, row, targets[i].level > 0 ? targets[i].column : ASY_NO_COLUMN);
        *is_any |= value.len > 0;
        if (!scratch_push(ingest, (const char *)&value.len, sizeof(value.len)) || !scratch_push(ingest, value.p, value.len))
            return false;
    }
    return true;
}

/* Stage one event whose lead is known. */
static assay_status stage(struct asy_ingest *ingest, struct asy_ingest_file *file, const struct events_plan *plan,
                          const struct asy_pending *event, uint32_t lead, size_t end, struct assay_error *error)
{
    struct asy_events *events = &ingest->store->events;
    uint32_t tuple = 0;
    const char *at = ingest->scratch + event->rest_at;
    if (plan->n_properties > 0) {
        struct asy_str values[ASY_PROPERTIES_MAX];
        for (uint32_t p = 0; p < plan->n_properties; p++) {
            memcpy(&values[p].len, at, sizeof(values[p].len));
            values[p].p = at + sizeof(values[p].len);
            at = values[p].p + values[p].len;
        }
        assay_status status = asy_events_tuple(events, values, &tuple);
        if (status == ASSAY_E_NOMEM)
            return no_memory(file, error);
        if (status != ASSAY_OK)
            return asy_fail(error, status, "%.*s: event properties: more than 2^32 different ones", ASY_ARG(file->path));
    }
    bool is_new = true;
    assay_status status;
    if (event->has_distinct) {
        struct asy_distinct_entry entry = {.row = lead, .time_s = event->time_s, .tuple = tuple, .name = event->name};
        struct asy_str values = {at, (uint32_t)(ingest->scratch + end - at)};
        status = asy_dict_intern(&ingest->distinct.values, values, &entry.values);
        if (status == ASSAY_OK)
            status = asy_distinct_take(&ingest->distinct, &entry, &is_new);
        if (status == ASSAY_E_NOMEM)
            return no_memory(file, error);
        if (status != ASSAY_OK)
            return asy_fail(error, status, "%.*s: distinct: more than 2^32 different values", ASY_ARG(file->path));
    } else {
        status = asy_events_stage(events, lead, event->time_s, event->name, tuple, error);
        if (status != ASSAY_OK)
            return status;
    }
    if (!is_new) {
        ingest->report.n_not_distinct++;
        return ASSAY_OK;
    }
    ingest->report.n_events_kept++;
    asy_ingest_counts(ingest, file)->n_kept++;
    return ASSAY_OK;
}

static assay_status flush(struct asy_ingest *ingest, struct asy_ingest_file *file, const struct events_plan *plan,
                          struct assay_error *error)
{
    struct asy_str keys[ASY_INGEST_BATCH];
    uint32_t leads[ASY_INGEST_BATCH];
    uint32_t n = ingest->n_pending;
    for (uint32_t i = 0; i < n; i++)
        keys[i] = (struct asy_str){ingest->scratch + ingest->pending[i].key_at, ingest->pending[i].key_len};
    asy_index_find_batch(ingest->has_join ? &ingest->join_index : &ingest->store->index, keys, n, leads);
    assay_status status = ASSAY_OK;
    for (uint32_t i = 0; status == ASSAY_OK && i < n; i++) {
        if (leads[i] == ASY_ROW_NONE) {
            ingest->report.n_unknown_lead++;
            continue;
        }
        uint32_t lead = ingest->has_join ? ingest->join_rows[leads[i]] : leads[i];
        size_t end = i + 1 < n ? ingest->pending[i + 1].key_at : ingest->scratch_used;
        status = stage(ingest, file, plan, &ingest->pending[i], lead, end, error);
    }
    ingest->n_pending = 0;
    ingest->scratch_used = 0;
    return status;
}

/* ---- one row ---- */

static uint32_t column_of(const struct asy_target *t)
{
    return t->level > 0 ? t->column : ASY_NO_COLUMN;
}

static assay_status reject_cell(struct asy_ingest *ingest, struct asy_ingest_file *file, const struct asy_row *row,
                                const struct asy_target *t, const char *reason, struct assay_error *error)
{
    return asy_ingest_reject(ingest, file, row, asy_ingest_column_name(file, column_of(t)), reason, error);
}

static assay_status reject_time(struct asy_ingest *ingest, struct asy_ingest_file *file, const struct asy_row *row,
                                const struct asy_target *t, struct asy_str text, bool is_impossible, struct assay_error *error)
{
    char reason[240];
    text = asy_value_cut(text, ASY_INGEST_EXAMPLE_BYTES);
    snprintf(reason, sizeof(reason), is_impossible ? "`%.*s` is not a possible date" : "`%.*s` is not a time", ASY_ARG(text));
    return reject_cell(ingest, file, row, t, reason, error);
}

static assay_status take_row(struct asy_ingest *ingest, struct asy_ingest_file *file, const struct events_plan *plan,
                             const struct asy_row *row, struct assay_error *error)
{
    if (row->problem)
        return asy_ingest_reject(ingest, file, row, asy_ingest_column_name(file, row->problem_column - 1), row->problem, error);
    char room[32];
    bool is_value;
    struct asy_str key, key_text = asy_ingest_cell(file, row, column_of(plan->key));
    if (read_key(ingest, key_text, room, &key, &is_value) == ASY_TIME_AMBIGUOUS)
        return asy_value_ambiguous(file, row, column_of(plan->key), key_text, error);
    if (key.len == 0) {
        if (!ingest->map->skip_when_key_empty)
            return reject_cell(ingest, file, row, plan->key,
                               "the lead's key is empty (the map's `skip_when_key_empty: true` counts such rows instead)", error);
        ingest->report.n_key_empty++;
        return ASSAY_OK;
    }
    uint32_t name = ingest->const_name - 1;
    if (plan->event) {
        struct asy_str text = asy_ingest_cell(file, row, column_of(plan->event));
        if (text.len == 0)
            return reject_cell(ingest, file, row, plan->event, "the event's name is empty", error);
        int32_t found = name_find(ingest, text);
        if (found < 0)
            return count_unknown(ingest, text) == ASSAY_OK ? ASSAY_OK : no_memory(file, error);
        name = (uint32_t)found;
    }
    struct asy_str text = asy_ingest_cell(file, row, column_of(plan->time));
    if (text.len == 0)
        return reject_cell(ingest, file, row, plan->time, "the time is empty", error);
    int64_t time_s;
    enum asy_time_parse parse = read_time(ingest, text, &time_s);
    if (parse == ASY_TIME_AMBIGUOUS)
        return asy_value_ambiguous(file, row, column_of(plan->time), text, error);
    if (parse != ASY_TIME_OK)
        return reject_time(ingest, file, row, plan->time, text, parse == ASY_TIME_RANGE, error);
    if (time_s > ingest->options.as_of_s) {
        ingest->report.n_future++;
        return ASSAY_OK;
    }
    if (time_s <= 0)
        return reject_cell(ingest, file, row, plan->time, "the time is not after 1970-01-01T00:00:00Z", error);
    if (!is_value) {
        ingest->report.n_unknown_lead++;
        return ASSAY_OK;
    }

    struct asy_pending *event = &ingest->pending[ingest->n_pending];
    *event = (struct asy_pending){.key_at = (uint32_t)ingest->scratch_used, .key_len = key.len, .time_s = (uint32_t)time_s,
                                  .name = (uint8_t)name};
    bool ok = scratch_push(ingest, key.p, key.len), is_any = false;
    if (ok && plan->is_copying) {
        event->rest_at = (uint32_t)ingest->scratch_used;
        ok = push_values(ingest, file, row, plan->properties, plan->n_properties, &is_any) &&
             push_values(ingest, file, row, plan->distinct, plan->n_distinct, &event->has_distinct);
    }
    if (!ok)
        return no_memory(file, error);
    ingest->n_pending++;
    if (ingest->n_pending == ASY_INGEST_BATCH || ingest->scratch_used > SCRATCH_FLUSH_BYTES)
        return flush(ingest, file, plan, error);
    return ASSAY_OK;
}

assay_status asy_ingest_read_events(struct asy_ingest *ingest, struct asy_ingest_file *file, struct assay_error *error)
{
    struct events_plan plan = {0};
    struct asy_row row;
    bool more;
    bool is_json = asy_rows_is_json(file->rows);
    ingest->n_pending = 0;
    ingest->scratch_used = 0;
    if (want_columns(ingest, file, &plan) != ASSAY_OK)
        return no_memory(file, error);
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
    if ((status = flush(ingest, file, &plan, error)) != ASSAY_OK)
        return status;
    /* Without a single key every row was malformed; what is wrong with them says more than what is missing. */
    const struct asy_str *names;
    if (is_json && asy_rows_header(file->rows, &names) > 0 &&
        (status = match_header(ingest, file, &plan, true, error)) != ASSAY_OK)
        return status;
    return asy_ingest_end(ingest, file, error);
}
