#include "exec/summaries.h"

#include "exec/pass_internal.h"

void asy_summaries_init(struct asy_summaries *summaries, struct asy_mem *mem) { *summaries = (struct asy_summaries){.mem = mem}; }

void asy_summaries_clear(struct asy_summaries *s)
{
    for (uint32_t c = 0; c < s->n_columns; c++)
        asy_mem_free(s->mem, s->columns[c].values, ((size_t)s->n_leads + 1) * s->columns[c].width);
    asy_mem_free(s->mem, s->columns, s->n_columns * sizeof(*s->columns));
    asy_summaries_init(s, s->mem);
}

/* Width of a column's values in a worker's matrix. */
static uint8_t full_width(uint32_t kind) { return kind == ASY_SUMMARY_SUM ? 8 : kind == ASY_SUMMARY_AGE ? 2 : 4; }

/* The columns of a program in a fixed order: what number `n` says, and where it is in a worker's matrices. False: there are no
 * more. `w` may be NULL. */
static bool nth_column(const struct asy_program *program, uint32_t n, const struct asy_worker *w, uint32_t stride,
                       struct asy_summary_of *of, void **at)
{
    const struct asy_window *all = &program->windows[0];
    const uint32_t n_words = all->is_seen ? program->n_name_words : 0;
    memset(of, 0, sizeof(*of)); /* with what lies between the members */
    if (n < n_words) {
        of->kind = ASY_SUMMARY_SEEN;
        of->number = n;
        if (w != NULL) *at = w->seen[0] + (size_t)n * stride;
        return true;
    }
    n -= n_words;
    if (n < all->is_any) {
        of->kind = ASY_SUMMARY_ANY;
        if (w != NULL) *at = w->any[0];
        return true;
    }
    n -= all->is_any;
    if (n < all->n_counts) {
        of->kind = ASY_SUMMARY_COUNT;
        of->number = all->count_names[n];
        if (w != NULL) *at = w->count[0] + (size_t)n * stride;
        return true;
    }
    n -= all->n_counts;
    if (n < program->n_ages) {
        of->kind = ASY_SUMMARY_AGE;
        of->names = program->ages[n].names;
        of->is_first = program->ages[n].is_first;
        if (w != NULL) *at = w->ages + (size_t)n * stride;
        return true;
    }
    n -= program->n_ages;
    if (n >= program->n_weigh) return false;
    const struct asy_event_rule *rule = program->weigh_rule[n];
    of->kind = ASY_SUMMARY_SUM;
    of->number = rule->event;
    of->weight = rule->weight;
    of->weight_span = rule->weight_span;
    of->weight_unit_s = rule->weight_unit_s;
    of->within_s = rule->within_s;
    if (w != NULL) *at = w->weighed + (size_t)n * stride;
    return true;
}

/* `guess`: where it is unless the rules have changed since. */
static const struct asy_summary_column *find_column(const struct asy_summaries *s, uint32_t guess, const struct asy_summary_of *of)
{
    if (guess < s->n_columns && memcmp(&s->columns[guess].of, of, sizeof(*of)) == 0) return &s->columns[guess];
    for (uint32_t c = 0; c < s->n_columns; c++)
        if (memcmp(&s->columns[c].of, of, sizeof(*of)) == 0) return &s->columns[c];
    return NULL;
}

bool asy_summaries_serve(const struct asy_summaries *s, const struct asy_program *program)
{
    struct asy_summary_of of;
    if (s->store != program->store || s->as_of_s != program->as_of_s || s->n_leads != program->store->n_leads ||
        s->n_events != program->store->events.n)
        return false;
    for (uint32_t n = 0; nth_column(program, n, NULL, 0, &of, NULL); n++)
        if (find_column(s, n, &of) == NULL) return false;
    return true;
}

assay_status asy_summaries_open(struct asy_summaries *s, const struct asy_program *program, struct assay_error *error)
{
    struct asy_summary_of of;
    uint32_t n_columns = 0;
    asy_summaries_clear(s);
    while (nth_column(program, n_columns, NULL, 0, &of, NULL)) n_columns++;
    s->n_leads = program->store->n_leads;
    s->columns = asy_mem_alloc_n(s->mem, n_columns, sizeof(*s->columns));
    bool ok = s->columns != NULL || n_columns == 0;
    for (uint32_t c = 0; c < n_columns && ok; c++) {
        struct asy_summary_column *column = &s->columns[c];
        nth_column(program, c, NULL, 0, &column->of, NULL);
        column->width = full_width(column->of.kind);
        column->values = asy_mem_alloc_n(s->mem, (size_t)s->n_leads + 1, column->width);
        ok = column->values != NULL;
    }
    s->n_columns = s->columns == NULL ? 0 : n_columns;
    if (!ok) {
        asy_summaries_clear(s);
        return asy_fail(error, ASSAY_E_NOMEM, "summaries: out of memory for %u columns of %u leads", n_columns, program->store->n_leads);
    }
    s->store = program->store;
    s->as_of_s = program->as_of_s;
    s->n_events = program->store->events.n;
    return ASSAY_OK;
}

static void narrow(struct asy_summaries *s, struct asy_summary_column *column)
{
    const size_t n = (size_t)s->n_leads + 1;
    const uint32_t *wide = column->values;
    uint32_t all = 0;
    if (column->width != 4) return;
    for (uint32_t row = 0; row < s->n_leads; row++) all |= wide[row];
    const uint8_t width = all <= UINT8_MAX ? 1 : all <= UINT16_MAX ? 2 : 4;
    void *values = width == 4 ? NULL : asy_mem_alloc_n(s->mem, n, width);
    if (values == NULL) return;
    for (uint32_t row = 0; row < s->n_leads; row++) {
        if (width == 1) ((uint8_t *)values)[row] = (uint8_t)wide[row];
        else ((uint16_t *)values)[row] = (uint16_t)wide[row];
    }
    asy_mem_free(s->mem, column->values, n * column->width);
    column->values = values;
    column->width = width;
}
void asy_summaries_close(struct asy_summaries *s)
{
    for (uint32_t c = 0; c < s->n_columns; c++) narrow(s, &s->columns[c]);
}

uint64_t asy_summaries_bytes(const struct asy_summaries *s)
{
    uint64_t bytes = s->n_columns * sizeof(*s->columns);
    for (uint32_t c = 0; c < s->n_columns; c++) bytes += ((uint64_t)s->n_leads + 1) * s->columns[c].width;
    return bytes;
}

void asy_summaries_store(struct asy_summaries *s, struct asy_batch *b)
{
    struct asy_summary_of of;
    void *from;
    for (uint32_t n = 0; nth_column(b->program, n, b->w, b->pass->stride, &of, &from); n++) {
        const size_t width = s->columns[n].width;
        memcpy((uint8_t *)s->columns[n].values + b->row0 * width, from, b->n * width);
    }
}

void asy_summaries_load(const struct asy_summaries *s, struct asy_batch *b)
{
    struct asy_summary_of of;
    void *to;
    for (uint32_t n = 0; nth_column(b->program, n, b->w, b->pass->stride, &of, &to); n++) {
        const struct asy_summary_column *column = find_column(s, n, &of);
        const uint8_t *from = (const uint8_t *)column->values + (size_t)b->row0 * column->width;
        if (full_width(of.kind) == 4) b->kern->expand(from, column->width, b->n, to);
        else memcpy(to, from, b->n * (size_t)column->width);
    }
}
