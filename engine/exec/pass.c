#include "exec/pass.h"

#include "base/check.h"
#include "base/thread.h"
#include "base/time.h"
#include "exec/event_rule.h"

/* What one worker needs for one batch; made before the pass, reused for every batch. B is the stride. */
struct worker {
    struct asy_cond_scratch cond;
    struct asy_view *views;     /* by slot */
    void **slot_data;           /* by slot: [B] of 8 bytes, where the slot needs a copy of its own */
    uint32_t *begin, *end;      /* [B] events of a lead up to as_of */
    uint32_t *window_begin;     /* [B] */
    uint32_t **count;           /* by window: [n_names][B] */
    uint32_t **any;             /* by window: [B] events of any name */
    uint32_t *last, *first;     /* [n_names][B]; `first` only if needed */
    uint32_t *idle_last;        /* [B] */
    uint64_t *weighed;          /* [n_weigh][B] */
    int32_t *points;            /* [B] */
    int64_t *total;             /* [n_scores][B] */
    uint16_t *top_term;         /* [ASY_TOP_TERMS][B] */
    int32_t *top_points;
    uint8_t *grade, *disqualified; /* [B] */
    uint16_t *choice;           /* [B] */
    uint64_t *unknown_terms, *unknown_disqualify, *unknown_routes, *unknown_recycle;
};

struct pass {
    const struct asy_program *program;
    const struct asy_kern *kern;
    struct asy_results *results;
    uint32_t batch_rows;
    uint32_t stride; /* of matrices: batch_rows and a bit, so that their rows do not compete for the same cache sets */
    struct worker *workers;
    struct asy_pool pool; /* of all workers */
};

/* One batch at work. */
struct batch {
    const struct pass *pass;
    const struct asy_program *program;
    const struct asy_kern *kern;
    struct worker *w;
    uint32_t row0, n;
};

static uint32_t n_names_of(const struct asy_program *program) { return program->rules->schema.n_events; }

/* -- inputs of a batch ----------------------------------------------------------------------------------------- */

static void find_events(struct batch *b)
{
    const struct asy_events *events = &b->program->store->events;
    struct worker *w = b->w;
    if (events->n == 0) {
        memset(w->begin, 0, b->n * sizeof(uint32_t));
        memset(w->end, 0, b->n * sizeof(uint32_t));
        return;
    }
    const uint32_t *first = asy_events_first(events) + b->row0, *time = asy_events_time(events);
    for (uint32_t i = 0; i < b->n; i++) {
        uint32_t end = first[i + 1];
        while (end > first[i] && (int64_t)time[end - 1] > b->program->as_of_s) end--;
        w->begin[i] = first[i];
        w->end[i] = end;
    }
}

static void sweep_window(struct batch *b, uint32_t window)
{
    const struct asy_program *program = b->program;
    const struct asy_events *events = &program->store->events;
    struct worker *w = b->w;
    const uint32_t stride = b->pass->stride;
    const uint32_t *begin = w->begin, *time = asy_events_time(events);
    if (window > 0) {
        const int64_t from_s = program->as_of_s - program->windows_s[window];
        for (uint32_t i = 0; i < b->n; i++) {
            uint32_t at = w->end[i];
            while (at > w->begin[i] && (int64_t)time[at - 1] >= from_s) at--;
            w->window_begin[i] = at;
        }
        begin = w->window_begin;
    }
    for (uint32_t i = 0; i < b->n; i++) w->any[window][i] = w->end[i] - begin[i];
    memset(w->count[window], 0, (size_t)n_names_of(program) * stride * sizeof(uint32_t));
    const struct asy_sweep sweep = {.begin = begin,
                                    .end = w->end,
                                    .time = time,
                                    .name = asy_events_name(events),
                                    .as_of = (uint32_t)program->as_of_s,
                                    .stride = stride,
                                    .count = w->count[window],
                                    .last = window == 0 ? w->last : NULL};
    b->kern->sweep(&sweep, b->n);
    if (window > 0 || program->n_weigh == 0) return;
    memset(w->weighed, 0, (size_t)program->n_weigh * stride * sizeof(uint64_t));
    const struct asy_weigh weigh = {.slot = program->weigh_slot,
                                    .table = (const uint32_t *const *)program->weigh_table,
                                    .table_len = program->weigh_len,
                                    .unit_s = program->weigh_unit_s,
                                    .within_s = program->weigh_within_s,
                                    .sum = w->weighed};
    b->kern->weigh(&sweep, &weigh, b->n);
}

static void find_first(struct batch *b)
{
    const struct asy_events *events = &b->program->store->events;
    const uint32_t *time = asy_events_time(events);
    const uint8_t *name = asy_events_name(events);
    struct worker *w = b->w;
    for (uint32_t i = 0; i < b->n; i++)
        for (uint32_t e = w->end[i]; e-- > w->begin[i];) w->first[(size_t)name[e] * b->pass->stride + i] = time[e];
}

static void fill_event_slot(struct batch *b, const struct asy_slot *slot, int64_t *out)
{
    const struct asy_program *program = b->program;
    const struct asy_cel_input *input = &slot->input;
    struct worker *w = b->w;
    const bool is_any = input->index == ASY_ANY_EVENT;
    const size_t at = is_any ? 0 : (size_t)input->index * b->pass->stride;
    uint32_t window = 0;
    if (input->kind == ASY_IN_EVENT_COUNT)
        while (program->windows_s[window] != input->window_s) window++;
    const uint32_t *count = is_any ? w->any[window] : w->count[window] + at;
    if (input->kind == ASY_IN_EVENT_COUNT) {
        for (uint32_t i = 0; i < b->n; i++) out[i] = count[i];
        return;
    }
    const bool is_last = input->kind == ASY_IN_EVENT_LAST;
    const uint32_t *log_time = asy_events_time(&program->store->events);
    const uint32_t *by_name = is_last ? w->last : w->first;
    for (uint32_t i = 0; i < b->n; i++) {
        if (count[i] == 0) {
            out[i] = ASY_INT_EMPTY;
            continue;
        }
        const uint32_t time_s = is_any ? log_time[is_last ? w->end[i] - 1 : w->begin[i]] : by_name[at + i];
        out[i] = (program->as_of_s - (int64_t)time_s) / ASY_DAY_S;
    }
}

static void fill_column_slot(struct batch *b, const struct asy_column *column, struct asy_view *view, void *copy)
{
    const uint8_t *base = column->range.base + (size_t)b->row0 * column->width;
    *view = (struct asy_view){.data = base, .width = column->width};
    if (column->repr == ASY_REPR_PRESENCE) {
        uint8_t *codes = copy;
        for (uint32_t i = 0; i < b->n; i++) codes[i] = asy_column_filled(column, b->row0 + i);
        *view = (struct asy_view){.data = codes, .width = 1};
    } else if (column->repr == ASY_REPR_INT && column->width < 8) {
        if (column->width == 1) b->kern->widen_i8((const int8_t *)base, b->n, copy);
        else if (column->width == 2) b->kern->widen_i16((const int16_t *)(const void *)base, b->n, copy);
        else b->kern->widen_i32((const int32_t *)(const void *)base, b->n, copy);
        view->data = copy;
    }
}

static void fill_slots(struct batch *b)
{
    const struct asy_program *program = b->program;
    for (uint32_t s = 0; s < program->slots.n; s++) {
        const struct asy_slot *slot = &program->slots.items[s];
        struct asy_view *view = &b->w->views[s];
        void *copy = b->w->slot_data[s];
        switch (slot->input.kind) {
        case ASY_IN_FIELD: fill_column_slot(b, &program->store->columns[slot->input.index], view, copy); break;
        case ASY_IN_GRADE: *view = (struct asy_view){.data = b->w->grade, .width = 1}; break;
        case ASY_IN_DISQUALIFIED: *view = (struct asy_view){.data = b->w->disqualified, .width = 1}; break;
        case ASY_IN_STAGE: /* not evaluated: a copy is all zero from the start, and zero is empty */
            *view = (struct asy_view){.data = copy, .width = 1};
            break;
        case ASY_IN_SCORE: *view = (struct asy_view){.data = copy}; break; /* filled once the score is known */
        default:
            fill_event_slot(b, slot, copy);
            *view = (struct asy_view){.data = copy};
            break;
        }
    }
}
static void fill_score_slot(struct batch *b, uint32_t score)
{
    const struct asy_program *program = b->program;
    const int64_t *total = b->w->total + (size_t)score * b->pass->stride;
    for (uint32_t s = 0; s < program->slots.n; s++) {
        const struct asy_slot *slot = &program->slots.items[s];
        if (slot->input.kind != ASY_IN_SCORE || slot->input.index != score) continue;
        int64_t *ints = b->w->slot_data[s];
        double *numbers = b->w->slot_data[s];
        if (slot->repr == ASY_SLOT_INTS)
            for (uint32_t i = 0; i < b->n; i++) ints[i] = total[i] / 1000;
        else
            for (uint32_t i = 0; i < b->n; i++) numbers[i] = (double)total[i] / 1000.0;
    }
}

/* -- scores ----------------------------------------------------------------------------------------------------- */

static void run_cond(struct batch *b, const struct asy_cond *cond, const uint8_t **t, const uint8_t **k)
{
    asy_cond_run(cond, b->kern, b->w->views, b->n, &b->w->cond, t, k);
}

static int32_t limited(int32_t points, int32_t lo, int32_t hi) { return points < lo ? lo : points > hi ? hi : points; }

static void run_term(struct batch *b, uint32_t number)
{
    const struct asy_program *program = b->program;
    const struct asy_term *term = &program->terms[number];
    const struct asy_kern *kern = b->kern;
    struct worker *w = b->w;
    int32_t *points = w->points;
    switch (term->kind) {
    case ASY_TERM_CODES: {
        const struct asy_column *column = &program->store->columns[term->column];
        const void *codes = column->range.base + (size_t)b->row0 * column->width;
        if (column->width == 1) kern->points_u8(codes, b->n, term->points, points);
        else if (column->width == 2) kern->points_u16(codes, b->n, term->points, points);
        else kern->points_u32(codes, b->n, term->points, points);
        break;
    }
    case ASY_TERM_INTS:
        kern->steps_i64(w->views[term->slot].data, b->n, term->bounds_i, term->deltas, term->n_bounds, term->start, points);
        break;
    case ASY_TERM_NUMBERS:
        kern->steps_f64(w->views[term->slot].data, b->n, term->bounds_d, term->deltas, term->n_bounds, term->start, points);
        break;
    case ASY_TERM_WHEN: {
        const uint8_t *t, *k;
        run_cond(b, term->when, &t, &k);
        kern->points_mask(t, b->n, term->p, points);
        w->unknown_terms[number] += kern->count_unknown(k, b->n);
        break;
    }
    case ASY_TERM_ONCE:
    case ASY_TERM_EACH: {
        const uint32_t *count = w->count[term->window] + (size_t)term->event_rule->event * b->pass->stride;
        if (term->kind == ASY_TERM_ONCE) kern->points_once(count, b->n, limited(term->p, term->lo, term->hi), points);
        else kern->points_each(count, b->n, term->p, term->lo, term->hi, points);
        break;
    }
    case ASY_TERM_WEIGHED:
        kern->points_weighted(w->weighed + (size_t)term->weigh_slot * b->pass->stride, b->n, term->p, term->lo, term->hi,
                              points);
        break;
    case ASY_TERM_SCAN:
        for (uint32_t i = 0; i < b->n; i++)
            points[i] = (int32_t)asy_event_rule_tally(program, term, b->row0 + i).points_milli;
        break;
    default: return;
    }
    kern->add(points, b->n, w->total + (size_t)term->score * b->pass->stride);
    kern->top(points, b->n, (uint16_t)number, w->top_term, w->top_points, b->pass->stride);
}

static void run_filled(struct batch *b, const struct asy_score *score, int64_t *total)
{
    const struct asy_program *program = b->program;
    const struct worker *w = b->w;
    for (uint32_t f = 0; f < score->n_filled; f++) {
        const struct asy_filled_item *item = &score->filled[f];
        if (item->field != ASY_NONE) {
            const struct asy_column *column = &program->store->columns[item->field];
            for (uint32_t i = 0; i < b->n; i++) total[i] += asy_column_filled(column, b->row0 + i);
        } else {
            const uint32_t *count = item->event == ASY_ANY_EVENT ? w->any[0]
                                                                 : w->count[0] + (size_t)item->event * b->pass->stride;
            for (uint32_t i = 0; i < b->n; i++) total[i] += count[i] > 0;
        }
    }
    /* share x 100, rounded once: filled * 100 / n in units of the score's decimals */
    const int64_t unit = asy_score_unit_milli(score), n_items = score->n_filled;
    for (uint32_t i = 0; i < b->n; i++) total[i] = (total[i] * 100000 * 2 + n_items * unit) / (2 * n_items * unit) * unit;
}

static void find_idle(struct batch *b, const bool *named)
{
    struct worker *w = b->w;
    memset(w->idle_last, 0, b->n * sizeof(uint32_t));
    for (uint32_t name = 0; name < n_names_of(b->program); name++) {
        const size_t at = (size_t)name * b->pass->stride;
        if (named[name]) b->kern->latest(w->count[0] + at, w->last + at, b->n, w->idle_last);
    }
}

static void run_score(struct batch *b, uint32_t number)
{
    const struct asy_program *program = b->program;
    const struct asy_score *score = &program->rules->scores[number];
    const struct asy_kern *kern = b->kern;
    struct worker *w = b->w;
    int64_t *total = w->total + (size_t)number * b->pass->stride;
    memset(total, 0, b->n * sizeof(*total));

    if (score->kind == ASY_SCORE_SUM)
        for (uint32_t p = 0; p < score->n_parts; p++) {
            const int64_t *part = w->total + (size_t)score->parts[p] * b->pass->stride;
            for (uint32_t i = 0; i < b->n; i++) total[i] += part[i];
        }
    else if (score->kind == ASY_SCORE_FILLED) run_filled(b, score, total);
    for (uint32_t t = program->first_term[number]; t < program->first_term[number + 1]; t++) run_term(b, t);

    kern->clamp(total, b->n, score->has_keep ? score->keep_lo_milli : -ASY_TERM_LIMIT_MILLI,
                score->has_keep ? score->keep_hi_milli : ASY_TERM_LIMIT_MILLI);
    if (score->n_steps > 0 && program->score_events[number] != NULL) {
        uint32_t days[ASY_DECAY_STEPS_MAX], share[ASY_DECAY_STEPS_MAX];
        for (uint32_t s = 0; s < score->n_steps; s++) {
            days[s] = score->steps[s].days;
            share[s] = score->steps[s].share;
        }
        find_idle(b, program->score_events[number]);
        kern->decay(total, w->idle_last, b->n, (uint32_t)program->as_of_s, days, share, score->n_steps, asy_score_unit_milli(score));
    } else {
        kern->round(total, b->n, asy_score_unit_milli(score));
    }
    fill_score_slot(b, number);
}

/* -- decisions -------------------------------------------------------------------------------------------------- */

/* First match of `n` decisions into w->choice. Every one is evaluated; unknown[i] counts the rows that it left open and
 * could not decide (all rows with count_all). */
static void run_first_match(struct batch *b, const struct asy_decision *decisions, uint32_t n, uint64_t *unknown, bool count_all)
{
    struct worker *w = b->w;
    memset(w->choice, 0, b->n * sizeof(*w->choice));
    for (uint32_t d = 0; d < n; d++) {
        if (decisions[d].test->is_otherwise) {
            for (uint32_t i = 0; i < b->n; i++)
                if (w->choice[i] == 0) w->choice[i] = (uint16_t)(d + 1);
        } else if (decisions[d].when != NULL) {
            const uint8_t *t, *k;
            run_cond(b, decisions[d].when, &t, &k);
            const uint32_t open = b->kern->choose(t, k, b->n, (uint16_t)(d + 1), w->choice);
            unknown[d] += count_all ? b->kern->count_unknown(k, b->n) : open;
        }
    }
}

static void run_batch(struct batch *b)
{
    const struct asy_program *program = b->program;
    const struct asy_rules *rules = program->rules;
    const uint32_t stride = b->pass->stride;
    struct worker *w = b->w;
    struct asy_results *r = b->pass->results;

    find_events(b);
    for (uint32_t window = 0; window < program->n_windows; window++) sweep_window(b, window);
    if (program->needs_first) find_first(b);
    fill_slots(b);
    memset(w->top_term, 0xff, (size_t)ASY_TOP_TERMS * stride * sizeof(*w->top_term));
    memset(w->top_points, 0, (size_t)ASY_TOP_TERMS * stride * sizeof(*w->top_points));
    for (uint32_t s = 0; s < rules->n_scores; s++) run_score(b, s);

    memset(w->grade, 0, b->n);
    if (rules->n_grades > 0)
        b->kern->grade(w->total + (size_t)rules->grade_by * stride, b->n, program->grade_from, program->grade_number,
                       program->n_grades, w->grade);
    run_first_match(b, program->disqualify, rules->n_disqualify, w->unknown_disqualify, true);
    memcpy(r->disqualified_by + b->row0, w->choice, b->n * sizeof(*w->choice));
    for (uint32_t i = 0; i < b->n; i++) w->disqualified[i] = w->choice[i] ? 2 : 1;
    run_first_match(b, program->routes, rules->n_routes, w->unknown_routes, false);
    memcpy(r->route + b->row0, w->choice, b->n * sizeof(*w->choice));
    run_first_match(b, program->recycle, rules->n_recycle, w->unknown_recycle, false);
    memcpy(r->recycle + b->row0, w->choice, b->n * sizeof(*w->choice));

    memcpy(r->grade + b->row0, w->grade, b->n);
    for (uint32_t s = 0; s < rules->n_scores; s++)
        for (uint32_t i = 0; i < b->n; i++) r->score_milli[s][b->row0 + i] = (int32_t)w->total[(size_t)s * stride + i];
    for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) {
        memcpy(r->top_term[j] + b->row0, w->top_term + (size_t)j * stride, b->n * sizeof(uint16_t));
        memcpy(r->top_milli[j] + b->row0, w->top_points + (size_t)j * stride, b->n * sizeof(int32_t));
    }
}

static void work(void *ctx, uint32_t worker, uint64_t piece)
{
    struct pass *pass = ctx;
    const uint32_t row0 = (uint32_t)(piece * pass->batch_rows), left = pass->results->n_leads - row0;
    struct batch batch = {.pass = pass,
                          .program = pass->program,
                          .kern = pass->kern,
                          .w = &pass->workers[worker],
                          .row0 = row0,
                          .n = left < pass->batch_rows ? left : pass->batch_rows};
    run_batch(&batch);
}

/* -- setting up --------------------------------------------------------------------------------------------------- */

static bool make_worker(struct pass *pass, struct worker *w)
{
    const struct asy_program *program = pass->program;
    const struct asy_rules *rules = program->rules;
    struct asy_pool *pool = &pass->pool;
    const size_t rows = pass->stride, names = (size_t)n_names_of(program) + 1;
    bool ok = asy_cond_scratch_init(&w->cond, pool->mem, program->depth, pass->batch_rows);
    ok = ok && (w->views = asy_pool_alloc_n(pool, program->slots.n + 1, sizeof(*w->views)));
    ok = ok && (w->slot_data = asy_pool_alloc_n(pool, program->slots.n + 1, sizeof(void *)));
    for (uint32_t s = 0; ok && s < program->slots.n; s++) ok = (w->slot_data[s] = asy_pool_alloc_n(pool, rows, 8));
    ok = ok && (w->begin = asy_pool_alloc_n(pool, rows, sizeof(uint32_t)));
    ok = ok && (w->end = asy_pool_alloc_n(pool, rows, sizeof(uint32_t)));
    ok = ok && (w->window_begin = asy_pool_alloc_n(pool, rows, sizeof(uint32_t)));
    ok = ok && (w->count = asy_pool_alloc_n(pool, program->n_windows, sizeof(uint32_t *)));
    ok = ok && (w->any = asy_pool_alloc_n(pool, program->n_windows, sizeof(uint32_t *)));
    for (uint32_t v = 0; ok && v < program->n_windows; v++)
        ok = (w->count[v] = asy_pool_alloc_n(pool, names * rows, sizeof(uint32_t))) &&
             (w->any[v] = asy_pool_alloc_n(pool, rows, sizeof(uint32_t)));
    ok = ok && (w->last = asy_pool_alloc_n(pool, names * rows, sizeof(uint32_t)));
    if (program->needs_first) ok = ok && (w->first = asy_pool_alloc_n(pool, names * rows, sizeof(uint32_t)));
    ok = ok && (w->idle_last = asy_pool_alloc_n(pool, rows, sizeof(uint32_t)));
    ok = ok && (w->weighed = asy_pool_alloc_n(pool, (size_t)(program->n_weigh + 1) * rows, sizeof(uint64_t)));
    ok = ok && (w->points = asy_pool_alloc_n(pool, rows, sizeof(int32_t)));
    ok = ok && (w->total = asy_pool_alloc_n(pool, (size_t)rules->n_scores * rows + 1, sizeof(int64_t)));
    ok = ok && (w->top_term = asy_pool_alloc_n(pool, ASY_TOP_TERMS * rows, sizeof(uint16_t)));
    ok = ok && (w->top_points = asy_pool_alloc_n(pool, ASY_TOP_TERMS * rows, sizeof(int32_t)));
    ok = ok && (w->grade = asy_pool_alloc(pool, rows));
    ok = ok && (w->disqualified = asy_pool_alloc(pool, rows));
    ok = ok && (w->choice = asy_pool_alloc_n(pool, rows, sizeof(uint16_t)));
    ok = ok && (w->unknown_terms = asy_pool_alloc_n(pool, (size_t)program->n_terms + 1, sizeof(uint64_t)));
    ok = ok && (w->unknown_disqualify = asy_pool_alloc_n(pool, (size_t)rules->n_disqualify + 1, sizeof(uint64_t)));
    ok = ok && (w->unknown_routes = asy_pool_alloc_n(pool, (size_t)rules->n_routes + 1, sizeof(uint64_t)));
    ok = ok && (w->unknown_recycle = asy_pool_alloc_n(pool, (size_t)rules->n_recycle + 1, sizeof(uint64_t)));
    return ok;
}

static void add_up(uint64_t *to, const uint64_t *from, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) to[i] += from[i];
}

assay_status asy_pass_run(const struct asy_program *program, const struct asy_pass_options *options,
                          struct asy_results *results, struct assay_error *error)
{
    const struct asy_rules *rules = program->rules;
    struct pass pass = {.program = program, .kern = options->kern, .results = results};
    pass.batch_rows = options->batch_rows == 0 ? ASY_BATCH_ROWS_DEFAULT : options->batch_rows;
    ASY_CHECK(pass.batch_rows <= ASY_BATCH_ROWS_MAX, pass.batch_rows, ASY_BATCH_ROWS_MAX);
    pass.stride = (pass.batch_rows + 15) / 16 * 16 + 16;
    const uint64_t n_batches = ((uint64_t)results->n_leads + pass.batch_rows - 1) / pass.batch_rows;
    uint32_t n_threads = options->n_threads;
    if (n_threads > n_batches) n_threads = (uint32_t)n_batches; /* nobody is made who would have nothing to do */
    if (n_threads == 0) n_threads = 1;
    asy_pool_init(&pass.pool, results->mem);
    pass.workers = asy_pool_alloc_n(&pass.pool, n_threads, sizeof(*pass.workers));
    bool ok = pass.workers != NULL;
    for (uint32_t w = 0; ok && w < n_threads; w++) ok = make_worker(&pass, &pass.workers[w]);
    if (ok) asy_parallel(n_threads, n_batches, work, &pass);
    for (uint32_t w = 0; pass.workers != NULL && w < n_threads; w++) {
        struct worker *worker = &pass.workers[w];
        const bool has_failed = worker->cond.text.has_failed;
        asy_cond_scratch_fini(&worker->cond, results->mem, program->depth);
        if (has_failed) ok = false;
        if (!ok) continue;
        add_up(results->unknown_terms, worker->unknown_terms, program->n_terms);
        add_up(results->unknown_disqualify, worker->unknown_disqualify, rules->n_disqualify);
        add_up(results->unknown_routes, worker->unknown_routes, rules->n_routes);
        add_up(results->unknown_recycle, worker->unknown_recycle, rules->n_recycle);
    }
    asy_pool_fini(&pass.pool);
    if (ok) return ASSAY_OK;
    return asy_fail(error, ASSAY_E_NOMEM, "pass: out of memory for %u worker(s) of %u rows", n_threads, pass.batch_rows);
}
