#include "cli/bench_data.h"

#include "base/time.h"
#include "cli/synth_draw.h"

#include <math.h>

enum {
    BLOCK_ROWS = 4096,
    EMPTY_PERCENT = 25,     /* of a field that need not be filled */
    PLAIN_TEXTS = 40,       /* texts of a field that no rule names */
    HISTORY_DAYS = 540,
    SILENT_PERCENT = 30,    /* leads without any event */
};

/* What a field's cells, or an event property, may hold. */
struct pick {
    bool is_text;
    struct asy_str *texts;  /* TEXT; else the two below */
    int64_t *ints;          /* INT, TIME */
    double *numbers;
    uint32_t n, cap;
};

struct maker {
    struct asy_store *store;
    const struct asy_rules *rules;
    struct asy_pool pool;
    struct pick *fields, *properties;
    int64_t as_of_s;
    /* of one block */
    struct asy_str *texts;
    uint32_t *codes;
    int64_t *ints;
    double *numbers;
    uint8_t *present;
};

/* Streams of their own for what is drawn: a field's cells by row, and a lead's events. */
enum draw_kind { DRAW_CELL = 1, DRAW_EVENTS };

/* -- what the rules name -------------------------------------------------------------------------------------------- */

static void add_text(struct maker *m, struct pick *pick, struct asy_str text)
{
    if (!pick->is_text || text.len == 0 || !asy_pool_grow(&m->pool, (void **)&pick->texts, &pick->cap, pick->n, sizeof(*pick->texts))) return;
    pick->texts[pick->n++] = text;
}
static void add_number(struct maker *m, struct pick *pick, double value)
{
    uint32_t cap = pick->cap;
    if (pick->is_text || !isfinite(value) || fabs(value) > 1e15 ||
        !asy_pool_grow(&m->pool, (void **)&pick->numbers, &cap, pick->n, sizeof(*pick->numbers)) ||
        !asy_pool_grow(&m->pool, (void **)&pick->ints, &pick->cap, pick->n, sizeof(*pick->ints)))
        return;
    pick->numbers[pick->n] = value;
    pick->ints[pick->n++] = (int64_t)value;
}
/* A bound, and what lies on either side of it. */
static void add_bound(struct maker *m, struct pick *pick, double value)
{
    for (int step = -1; step <= 1; step++) add_number(m, pick, value + step);
}
static void add_list(struct maker *m, struct pick *pick, const struct asy_cel_set *set)
{
    for (uint32_t i = 0; i < set->n && i < 1000; i++) add_text(m, pick, set->items[i]);
}

static void add_line(struct maker *m, uint32_t field, const struct asy_line *line)
{
    struct pick *pick = &m->fields[field];
    const uint8_t type = m->rules->schema.fields[field].type;
    if (line->kind == ASY_LINE_LIST) {
        add_list(m, pick, &m->rules->lists[line->list].set);
    } else if (type == ASY_INT && (line->kind == ASY_LINE_RANGE || line->kind == ASY_LINE_VALUE)) {
        add_bound(m, pick, (double)line->lo_i);
        add_bound(m, pick, (double)line->hi_i);
    } else if (type == ASY_NUMBER && (line->kind == ASY_LINE_RANGE || line->kind == ASY_LINE_VALUE)) {
        add_bound(m, pick, line->lo_d);
        add_bound(m, pick, line->hi_d);
    } else if (line->kind == ASY_LINE_VALUE) {
        add_text(m, pick, line->value);
    }
}

/* Where the constants of a comparison go: to the field or property that it reads. */
static struct pick *compared(struct maker *m, const struct asy_cel_node *node)
{
    for (uint32_t i = 0; i < node->n_args; i++) {
        const struct asy_cel_node *arg = node->args[i];
        if (arg->op != ASY_CEL_INPUT) continue;
        if (arg->input.kind == ASY_IN_FIELD) return &m->fields[arg->input.index];
        if (arg->input.kind == ASY_IN_PROPERTY) return &m->properties[arg->input.index];
    }
    return NULL;
}
static void add_node(void *ctx, const struct asy_cel_node *node)
{
    struct maker *m = ctx;
    struct pick *pick = compared(m, node);
    if (pick == NULL) return;
    if (node->op == ASY_CEL_IN_SET) add_list(m, pick, node->set);
    for (uint32_t i = 0; i < node->n_args; i++) {
        const struct asy_cel_value *value = &node->args[i]->value;
        if (node->args[i]->op != ASY_CEL_CONST) continue;
        if (value->type == ASY_CEL_STRING) add_text(m, pick, value->s);
        else if (value->type == ASY_CEL_INT) add_bound(m, pick, (double)value->i);
        else if (value->type == ASY_CEL_DOUBLE) add_bound(m, pick, value->d);
    }
}

static void add_plain(struct maker *m, struct pick *pick, const char *name)
{
    for (uint32_t i = 0; i < PLAIN_TEXTS; i++) add_text(m, pick, asy_pool_printf(&m->pool, "%s %u", name, i));
}

static bool collect(struct maker *m)
{
    const struct asy_rules *rules = m->rules;
    const struct asy_schema *schema = &rules->schema;
    m->fields = asy_pool_alloc_n(&m->pool, (size_t)schema->n_fields + 1, sizeof(*m->fields));
    m->properties = asy_pool_alloc_n(&m->pool, (size_t)schema->n_properties + 1, sizeof(*m->properties));
    if (m->fields == NULL || m->properties == NULL) return false;
    for (uint32_t f = 0; f < schema->n_fields; f++)
        m->fields[f].is_text = schema->fields[f].type != ASY_INT && schema->fields[f].type != ASY_NUMBER;
    for (uint32_t p = 0; p < schema->n_properties; p++) m->properties[p].is_text = true;
    for (uint32_t s = 0; s < rules->n_scores; s++)
        for (uint32_t r = 0; r < rules->scores[s].n_rules; r++) {
            const struct asy_rule *rule = &rules->scores[s].rules[r];
            for (uint32_t l = 0; rule->kind == ASY_RULE_TABLE && l < rule->n_lines; l++) add_line(m, rule->field, &rule->lines[l]);
        }
    for (uint32_t t = 0; t < rules->n_trees; t++) asy_cel_walk(rules->trees[t], add_node, m);
    for (uint32_t f = 0; f < schema->n_fields; f++)
        if (schema->fields[f].type == ASY_TEXT) add_plain(m, &m->fields[f], "text");
    for (uint32_t p = 0; p < schema->n_properties; p++) add_plain(m, &m->properties[p], "property");
    return !m->pool.has_failed;
}

/* -- leads ------------------------------------------------------------------------------------------------------------ */

/* One cell, in the array of its type; the others of it are not read. */
static void draw_cell(struct maker *m, uint32_t f, uint32_t row, uint32_t i)
{
    const struct asy_field *field = &m->rules->schema.fields[f];
    const struct pick *pick = &m->fields[f];
    struct asy_draw draw = asy_draw_stream(f, DRAW_CELL, row);
    const bool empty = !field->required && asy_draw_percent(&draw, EMPTY_PERCENT);
    const bool is_named = pick->n > 0 && !pick->is_text;
    m->present[i] = !empty;
    m->texts[i] = (struct asy_str){NULL, 0};
    m->codes[i] = 0;
    m->ints[i] = ASY_INT_EMPTY;
    m->numbers[i] = NAN;
    if (empty) return;
    switch (field->type) {
    case ASY_TEXT: m->texts[i] = pick->texts[asy_draw_below(&draw, pick->n)]; break;
    case ASY_BOOL: m->codes[i] = 1 + asy_draw_below(&draw, 2); break;
    case ASY_COUNTRY: m->codes[i] = 1 + asy_draw_below(&draw, asy_country_count()); break;
    case ASY_ENUM: m->codes[i] = 1 + asy_draw_below(&draw, field->n_values); break;
    case ASY_INT: m->ints[i] = is_named ? pick->ints[asy_draw_below(&draw, pick->n)] : (int64_t)asy_draw_below(&draw, 1000); break;
    case ASY_NUMBER: m->numbers[i] = is_named ? pick->numbers[asy_draw_below(&draw, pick->n)] : asy_draw_below(&draw, 1000000); break;
    default: m->ints[i] = (m->as_of_s - (int64_t)asy_draw_below(&draw, HISTORY_DAYS) * ASY_DAY_S) * 1000000; break;
    }
}

static assay_status fill_column(struct maker *m, uint32_t f, uint32_t row0, uint32_t n, struct assay_error *error)
{
    struct asy_column *column = &m->store->columns[f];
    for (uint32_t i = 0; i < n; i++) draw_cell(m, f, row0 + i, i);
    switch (column->repr) {
    case ASY_REPR_PRESENCE: asy_column_set_presents(column, row0, n, m->present); return ASSAY_OK;
    case ASY_REPR_CODE:
        return column->field->type == ASY_TEXT ? asy_column_set_texts(column, row0, n, m->texts, error)
                                               : asy_column_set_codes(column, row0, n, m->codes, error);
    case ASY_REPR_INT: return asy_column_set_ints(column, row0, n, m->ints, error);
    case ASY_REPR_NUMBER: asy_column_set_numbers(column, row0, n, m->numbers); return ASSAY_OK;
    case ASY_REPR_TIME: asy_column_set_times(column, row0, n, m->ints); return ASSAY_OK;
    default: return ASSAY_OK;
    }
}

static assay_status make_leads(struct maker *m, uint32_t n_leads, struct assay_error *error)
{
    char (*ids)[ASY_SYNTH_ID_BYTES] = asy_pool_alloc_n(&m->pool, BLOCK_ROWS, ASY_SYNTH_ID_BYTES);
    uint32_t *rows = asy_pool_alloc_n(&m->pool, BLOCK_ROWS, sizeof(*rows));
    bool *is_new = asy_pool_alloc_n(&m->pool, BLOCK_ROWS, sizeof(*is_new));
    if (ids == NULL || rows == NULL || is_new == NULL) return ASSAY_E_NOMEM;
    assay_status status = ASSAY_OK;
    for (uint32_t row0 = 0; row0 < n_leads && status == ASSAY_OK; row0 += BLOCK_ROWS) {
        const uint32_t n = n_leads - row0 < BLOCK_ROWS ? n_leads - row0 : BLOCK_ROWS;
        for (uint32_t i = 0; i < n; i++) {
            asy_synth_id(1, row0 + i, ids[i]);
            m->texts[i] = (struct asy_str){ids[i], ASY_SYNTH_ID_BYTES};
        }
        status = asy_store_add_batch(m->store, m->texts, n, rows, is_new, error);
        for (uint32_t f = 0; f < m->rules->schema.n_fields && status == ASSAY_OK; f++) status = fill_column(m, f, row0, n, error);
    }
    return status;
}

/* -- events ----------------------------------------------------------------------------------------------------------- */

/* Some names are frequent and most are rare. */
static uint8_t draw_name(struct asy_draw *draw, uint32_t n_names)
{
    const double u = (double)(asy_draw_bits(draw) >> 11) / 9007199254740992.0;
    return (uint8_t)(u * u * n_names);
}

static assay_status draw_tuple(struct maker *m, struct asy_draw *draw, uint32_t *tuple)
{
    struct asy_str values[ASY_PROPERTIES_MAX];
    const uint32_t n = m->rules->schema.n_properties;
    *tuple = 0;
    for (uint32_t p = 0; p < n; p++) values[p] = m->properties[p].texts[asy_draw_below(draw, m->properties[p].n)];
    return n == 0 ? ASSAY_OK : asy_events_tuple(&m->store->events, 0, values, tuple);
}

static assay_status make_events(struct maker *m, uint32_t n_leads, uint32_t events_per_lead, struct assay_error *error)
{
    const uint32_t n_names = m->rules->schema.n_events;
    /* so many at most that the mean is as asked for */
    const uint32_t most = events_per_lead * 2 * 100 / (100 - SILENT_PERCENT);
    assay_status status = asy_events_open(&m->store->events, n_leads, 1, error);
    for (uint32_t row = 0; row < n_leads && n_names > 0 && status == ASSAY_OK; row++) {
        struct asy_draw draw = asy_draw_stream(0, DRAW_EVENTS, row);
        if (asy_draw_percent(&draw, SILENT_PERCENT)) continue;
        const uint32_t n = asy_draw_below(&draw, most + 1);
        for (uint32_t e = 0; e < n && status == ASSAY_OK; e++) {
            const uint32_t time_s = (uint32_t)(m->as_of_s - asy_draw_below(&draw, HISTORY_DAYS * ASY_DAY_S));
            const uint8_t name = draw_name(&draw, n_names);
            uint32_t tuple;
            status = draw_tuple(m, &draw, &tuple);
            if (status == ASSAY_OK) status = asy_events_stage(&m->store->events, 0, 1, &row, &time_s, &name, &tuple, error);
        }
    }
    return status;
}

assay_status asy_bench_data(struct asy_store *store, const struct asy_rules *rules, uint32_t n_leads, uint32_t events_per_lead,
                            int64_t as_of_s, uint32_t n_threads, struct assay_error *error)
{
    struct maker m = {.store = store, .rules = rules, .as_of_s = as_of_s};
    asy_pool_init(&m.pool, store->mem);
    m.texts = asy_pool_alloc_n(&m.pool, BLOCK_ROWS, sizeof(*m.texts));
    m.codes = asy_pool_alloc_n(&m.pool, BLOCK_ROWS, sizeof(*m.codes));
    m.ints = asy_pool_alloc_n(&m.pool, BLOCK_ROWS, sizeof(*m.ints));
    m.numbers = asy_pool_alloc_n(&m.pool, BLOCK_ROWS, sizeof(*m.numbers));
    m.present = asy_pool_alloc(&m.pool, BLOCK_ROWS);
    assay_status status = collect(&m) ? ASSAY_OK : ASSAY_E_NOMEM;
    if (status == ASSAY_OK) status = make_leads(&m, n_leads, error);
    if (status == ASSAY_OK) status = make_events(&m, n_leads, events_per_lead, error);
    const bool has_failed = m.pool.has_failed;
    asy_pool_fini(&m.pool);
    if (status == ASSAY_OK && !has_failed) return asy_events_group(&store->events, n_leads, n_threads, error);
    return status == ASSAY_E_NOMEM || has_failed ? asy_fail(error, ASSAY_E_NOMEM, "bench: out of memory for made-up data") : status;
}
