#include "exec/pass_internal.h"

#include "base/check.h"
#include "base/thread.h"
#include "exec/event_rule.h"
#include "exec/plugins_bind.h"

enum { LARGE_ROWS = 1 << 16 };

/* The time since the last look at the clock goes to `part`. */
static void lap(const struct asy_batch *b, int64_t *part)
{
    struct asy_profile *profile = b->pass->profile;
    const int64_t now_ns = profile->now_ns();
    *part += now_ns - profile->mark_ns;
    profile->mark_ns = now_ns;
}

/* -- inputs of a batch ----------------------------------------------------------------------------------------- */

static struct asy_view view_events(const struct asy_batch *b, const struct asy_slot *slot)
{
    const struct asy_worker *w = b->w;
    const size_t at = (size_t)slot->row * b->pass->stride;
    if (slot->input.kind != ASY_IN_EVENT_COUNT) return (struct asy_view){.data = w->ages + at, .ints = ASY_INTS_DAYS};
    return (struct asy_view){.data = slot->input.index == ASY_ANY_EVENT ? w->any[slot->window] : w->count[slot->window] + at,
                             .ints = ASY_INTS_COUNT};
}

static struct asy_view view_column(const struct asy_batch *b, const struct asy_column *column, void *copy)
{
    static const uint8_t ints[] = {[1] = ASY_INTS_8, [2] = ASY_INTS_16, [4] = ASY_INTS_32, [8] = ASY_INTS_64};
    if (column->repr == ASY_REPR_PRESENCE) {
        b->kern->widen_bits(column->range.base, b->row0, b->n, copy);
        return (struct asy_view){.data = copy, .width = 1};
    }
    return (struct asy_view){.data = column->range.base + (size_t)b->row0 * column->width, .width = column->width,
                             .ints = column->repr == ASY_REPR_INT ? ints[column->width] : ASY_INTS_64};
}

static void fill_slots(struct asy_batch *b)
{
    const struct asy_program *program = b->program;
    for (uint32_t s = 0; s < program->slots.n; s++) {
        const struct asy_slot *slot = &program->slots.items[s];
        struct asy_view *view = &b->w->views[s];
        void *copy = b->w->slot_data[s];
        switch (slot->input.kind) {
        case ASY_IN_FIELD: *view = view_column(b, &program->store->columns[slot->input.index], copy); break;
        case ASY_IN_GRADE: *view = (struct asy_view){.data = b->w->grade, .width = 1}; break;
        case ASY_IN_DISQUALIFIED: *view = (struct asy_view){.data = b->w->disqualified, .width = 1}; break;
        case ASY_IN_STAGE: *view = (struct asy_view){.data = b->w->stage, .width = sizeof(*b->w->stage)}; break;
        case ASY_IN_SCORE: /* there once the score is known */
            *view = slot->repr == ASY_SLOT_INTS
                        ? (struct asy_view){.data = b->w->total + (size_t)slot->input.index * b->pass->stride, .ints = ASY_INTS_MILLI}
                        : (struct asy_view){.data = copy};
            break;
        default: *view = view_events(b, slot); break;
        }
    }
}
static void fill_score_slot(struct asy_batch *b, uint32_t score)
{
    const struct asy_program *program = b->program;
    const int32_t *total = b->w->total + (size_t)score * b->pass->stride;
    for (uint32_t s = 0; s < program->slots.n; s++) {
        const struct asy_slot *slot = &program->slots.items[s];
        if (slot->input.kind != ASY_IN_SCORE || slot->input.index != score) continue;
        if (slot->repr == ASY_SLOT_NUMBERS) b->kern->decimal(total, b->n, b->w->slot_data[s]);
    }
}

/* -- scores ----------------------------------------------------------------------------------------------------- */

static void run_cond(struct asy_batch *b, const struct asy_cond *cond, const uint8_t **t, const uint8_t **k)
{
    asy_cond_run(cond, b->kern, b->w->views, b->n, &b->w->cond, t, k);
}

static void look_up_points(struct asy_batch *b, const struct asy_term *term, int32_t *points)
{
    const struct asy_column *column = &b->program->store->columns[term->column];
    const void *codes = column->range.base + (size_t)b->row0 * column->width;
    if (column->width == 1) b->kern->points_u8(codes, b->n, &term->codes, points);
    else if (column->width == 2) b->kern->points_u16(codes, b->n, &term->codes, points);
    else b->kern->points_u32(codes, b->n, &term->codes, points);
}

static void step_points(struct asy_batch *b, const struct asy_term *term, int32_t *points)
{
    const struct asy_column *column = &b->program->store->columns[term->column];
    if (term->kind == ASY_TERM_NUMBERS)
        b->kern->steps_f64(b->w->views[term->slot].data, b->n, term->bounds_d, term->deltas, term->n_bounds, term->start, points);
    else if (column->repr == ASY_REPR_INT && column->width <= 4)
        b->kern->steps_narrow(column->range.base + (size_t)b->row0 * column->width, column->width, b->n, term->bounds_narrow, term->deltas,
                              term->n_bounds, term->start, points);
    else
        b->kern->steps_i64(b->w->views[term->slot].data, b->n, term->bounds_i, term->deltas, term->n_bounds, term->start, points);
}

static void event_points(struct asy_batch *b, const struct asy_term *term, int32_t *points)
{
    const struct asy_kern *kern = b->kern;
    const struct asy_worker *w = b->w;
    const size_t stride = b->pass->stride;
    const uint32_t event = term->event_rule->event;
    switch (term->kind) {
    case ASY_TERM_ONCE:
        kern->points_once(w->seen[term->window] + event / 32 * stride, b->n, event % 32,
                          term->p < term->lo ? term->lo : term->p > term->hi ? term->hi : term->p, points);
        break;
    case ASY_TERM_EACH:
        kern->points_each(w->count[term->window] + term->row * stride, b->n, term->p, term->lo, term->hi, points);
        break;
    case ASY_TERM_WEIGHED:
        kern->points_weighted(w->weighed + term->row * stride, b->n, term->p, term->lo, term->hi, points);
        break;
    case ASY_TERM_LATEST:
        kern->points_days(w->ages + term->row * stride, b->n, term->by_days, term->weights.n, points);
        break;
    default:
        for (uint32_t i = 0; i < b->n; i++) points[i] = (int32_t)asy_event_rule_tally(b->program, term, b->row0 + i).points_milli;
        break;
    }
}

/* The points of some terms into the sums and reasons: together, since these have to be fetched and put back each time. */
static void take_points(struct asy_batch *b, uint32_t score)
{
    const struct asy_program *program = b->program;
    struct asy_worker *w = b->w;
    const uint32_t stride = b->pass->stride;
    if (program->is_narrow)
        b->kern->take(w->points, b->n, w->n_points, w->tags, program->key_shift, w->total + (size_t)score * stride, w->keys, stride);
    else
        b->kern->take_wide(w->points, b->n, w->n_points, w->tags, program->key_shift, w->wide, w->keys, stride);
    w->n_points = 0;
}

static void run_term(struct asy_batch *b, uint32_t number)
{
    const struct asy_program *program = b->program;
    const struct asy_term *term = &program->terms[number];
    struct asy_worker *w = b->w;
    int32_t *points = w->points + w->n_points * (size_t)b->pass->stride;
    if (term->kind == ASY_TERM_NOTHING || (term->kind == ASY_TERM_ONCE && program->is_narrow)) return;
    if (term->kind == ASY_TERM_WHEN) {
        const uint8_t *t, *k;
        run_cond(b, term->when, &t, &k);
        asy_pass_hide(b, &term->reads, &t, &k);
        b->kern->points_mask(t, b->n, term->p, points);
        w->unknown_terms[number] += b->kern->count_unknown(k, b->n);
    } else if (term->kind == ASY_TERM_PLUGIN) {
        w->unknown_terms[number] += asy_pass_points(b, term, points);
    } else if (term->kind == ASY_TERM_CODES) {
        look_up_points(b, term, points);
    } else if (term->kind == ASY_TERM_INTS || term->kind == ASY_TERM_NUMBERS) {
        step_points(b, term, points);
    } else {
        event_points(b, term, points);
    }
    w->tags[w->n_points++] = asy_program_tag(program, number);
    if (w->n_points == ASY_PASS_TERMS) take_points(b, term->score);
}

static void run_filled(struct asy_batch *b, uint32_t number)
{
    const struct asy_program *program = b->program;
    const struct asy_score *score = &program->rules->scores[number];
    const struct asy_kern *kern = b->kern;
    const struct asy_worker *w = b->w;
    uint16_t *tally = w->tally;
    memset(tally, 0, b->n * sizeof(*tally));
    for (uint32_t f = 0; f < score->n_filled; f++) {
        const struct asy_filled_item *item = &score->filled[f];
        if (item->field == ASY_NONE && item->event != ASY_ANY_EVENT) {
            kern->filled_seen(w->seen[0] + item->event / 32 * (size_t)b->pass->stride, b->n, 1u << item->event % 32, tally);
            continue;
        }
        if (item->field == ASY_NONE) {
            if (program->n_name_words == 1) kern->filled_seen(w->seen[0], b->n, UINT32_MAX, tally);
            else kern->filled_codes(w->any[0], sizeof(uint32_t), b->n, tally);
            continue;
        }
        const struct asy_column *column = &program->store->columns[item->field];
        const void *values = column->range.base + (size_t)b->row0 * column->width;
        switch (column->repr) {
        case ASY_REPR_PRESENCE:
            kern->widen_bits(column->range.base, b->row0, b->n, w->bytes);
            kern->filled_bytes(w->bytes, b->n, tally);
            break;
        case ASY_REPR_CODE: kern->filled_codes(values, column->width, b->n, tally); break;
        case ASY_REPR_INT:
        case ASY_REPR_TIME: kern->filled_ints(values, column->width, b->n, tally); break;
        case ASY_REPR_NUMBER: kern->filled_f64(values, b->n, tally); break;
        default: break;
        }
    }
    int32_t *total = w->total + (size_t)number * b->pass->stride;
    kern->points_u16(tally, b->n, &program->shares[number], total);
    if (!program->is_narrow) kern->add_wide(total, b->n, w->wide);
}

/* The rules of a group were told together: each has an even share of the time. */
static void share_lap(const struct asy_batch *b, const struct asy_once_group *group)
{
    const struct asy_program *program = b->program;
    int64_t took_ns = 0;
    lap(b, &took_ns);
    for (uint32_t t = program->first_term[group->score]; t < program->first_term[group->score + 1]; t++)
        if (program->terms[t].kind == ASY_TERM_ONCE && program->terms[t].window == group->window)
            b->pass->profile->terms_ns[t] += took_ns / group->n;
}

static void run_score(struct asy_batch *b, uint32_t number)
{
    const struct asy_program *program = b->program;
    const struct asy_score *score = &program->rules->scores[number];
    const struct asy_kern *kern = b->kern;
    struct asy_worker *w = b->w;
    const size_t stride = b->pass->stride;
    int32_t *total = w->total + number * stride;
    memset(total, 0, b->n * sizeof(*total));
    if (!program->is_narrow) memset(w->wide, 0, b->n * sizeof(*w->wide));

    if (score->kind == ASY_SCORE_FILLED) run_filled(b, number);
    for (uint32_t p = 0; p < score->n_parts; p++) {
        if (program->is_narrow) kern->add(w->total + score->parts[p] * stride, b->n, total);
        else kern->add_wide(w->total + score->parts[p] * stride, b->n, w->wide);
    }
    if (b->pass->profile != NULL) lap(b, &b->pass->profile->scores_ns[number]);
    for (uint32_t g = 0; g < program->n_groups; g++) {
        const struct asy_once_group *group = &program->groups[g];
        if (group->score != number) continue;
        kern->take_once(w->seen[group->window], b->n, group->terms, group->n, total, w->keys, b->pass->stride);
        if (b->pass->profile != NULL) share_lap(b, group);
    }
    for (uint32_t t = program->first_term[number]; t < program->first_term[number + 1]; t++) {
        run_term(b, t);
        if (b->pass->profile != NULL) lap(b, &b->pass->profile->terms_ns[t]);
    }
    take_points(b, number);

    const int32_t lo = (int32_t)(score->has_keep ? score->keep_lo_milli : -ASY_TERM_LIMIT_MILLI);
    const int32_t hi = (int32_t)(score->has_keep ? score->keep_hi_milli : ASY_TERM_LIMIT_MILLI);
    if (program->is_narrow) kern->clamp(total, b->n, lo, hi);
    else kern->clamp_wide(w->wide, b->n, lo, hi, total);
    const int32_t unit = (int32_t)asy_score_unit_milli(score);
    if (program->score_age[number] != ASY_NONE) {
        uint32_t days[ASY_DECAY_STEPS_MAX], share[ASY_DECAY_STEPS_MAX];
        for (uint32_t s = 0; s < score->n_steps; s++) {
            days[s] = score->steps[s].days;
            share[s] = score->steps[s].share;
        }
        kern->decay(total, w->ages + program->score_age[number] * stride, b->n, days, share, score->n_steps, unit);
    } else if (!program->is_whole[number]) {
        kern->round(total, b->n, unit);
    }
    asy_pass_empty_score(b, number);
    fill_score_slot(b, number);
    if (b->pass->profile != NULL) lap(b, &b->pass->profile->scores_ns[number]);
}

/* -- decisions -------------------------------------------------------------------------------------------------- */

/* Decisions of which a lead takes the first that matches, or the last. */
struct match {
    const struct asy_decision *decisions;
    uint32_t n;
    bool takes_last;
    bool counts_all;  /* unknown: all rows; else those that no decision asked before has taken */
    uint64_t *unknown;
    int64_t *took_ns; /* NULL: no profile */
};

/* 1 + number of the decision into w->choice. Every one is evaluated, and those that could not be decided counted in unknown[]. The last
 * that matches is the first from the end. */
static void run_match(struct asy_batch *b, const struct match *match)
{
    struct asy_worker *w = b->w;
    memset(w->choice, 0, b->n * sizeof(*w->choice));
    for (uint32_t i = 0; i < match->n; i++) {
        const uint32_t d = match->takes_last ? match->n - 1 - i : i;
        const struct asy_decision *decision = &match->decisions[d];
        const bool is_call = decision->test->call != ASY_NONE && b->program->n_calls > 0;
        if (decision->test->is_otherwise) {
            b->kern->otherwise(b->n, (uint16_t)(d + 1), w->choice);
        } else if (decision->when != NULL || is_call) {
            const uint8_t *t, *k;
            if (is_call) asy_pass_verdicts(b, decision->test->call, match->counts_all ? NULL : w->choice, &t, &k);
            else run_cond(b, decision->when, &t, &k);
            if (!is_call) asy_pass_hide(b, &decision->reads, &t, &k);
            const uint32_t open = b->kern->choose(t, k, b->n, (uint16_t)(d + 1), w->choice);
            match->unknown[d] += match->counts_all ? b->kern->count_unknown(k, b->n) : open;
            if (is_call) asy_pass_take_details(b, decision->test->call, (uint16_t)(d + 1), w->choice);
        }
        if (match->took_ns != NULL) lap(b, &match->took_ns[d]);
    }
}

/* Results are read much later, if they are many: then their memory is not even fetched for writing. */
static void put(struct asy_batch *b, void *column, const void *values, size_t width)
{
    void *to = (uint8_t *)column + b->row0 * width;
    if (b->pass->is_large) b->kern->put(to, values, b->n * width);
    else memcpy(to, values, b->n * width);
}

static void put_reasons(struct asy_batch *b)
{
    const struct asy_program *program = b->program;
    struct asy_worker *w = b->w;
    struct asy_results *r = b->pass->results;
    const uint32_t last = program->n_terms == 0 ? 0 : program->n_terms - 1;
    for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) {
        const size_t at = j * (size_t)b->pass->stride;
        if (program->is_narrow) b->kern->name_keys((const uint32_t *)w->keys + at, b->n, program->key_shift, last, w->top_term, w->top_points);
        else b->kern->name_keys_wide((const uint64_t *)w->keys + at, b->n, program->key_shift, last, w->top_term, w->top_points);
        put(b, r->top_term[j], w->top_term, sizeof(*w->top_term));
        put(b, r->top_milli[j], w->top_points, sizeof(*w->top_points));
    }
}

/* Without the score that it is made from there is no grade. */
static void run_grade(struct asy_batch *b)
{
    const struct asy_program *program = b->program;
    const struct asy_rules *rules = program->rules;
    struct asy_worker *w = b->w;
    memset(w->grade, 0, b->n);
    if (rules->n_grades == 0) return;
    b->kern->grade(w->total + rules->grade_by * (size_t)b->pass->stride, b->n, program->grade_from, program->grade_number, program->n_grades,
                   w->grade);
    const uint8_t *empty = w->empty == NULL ? NULL : w->empty[rules->grade_by];
    for (uint32_t i = 0; empty != NULL && i < b->n; i++) w->grade[i] = empty[i] ? 0 : w->grade[i];
}

/* In this order: later ones may ask what became of earlier ones. */
static void run_decisions(struct asy_batch *b)
{
    const struct asy_program *program = b->program;
    const struct asy_rules *rules = program->rules;
    struct asy_worker *w = b->w;
    struct asy_results *r = b->pass->results;
    const struct asy_profile none = {0}, *profile = b->pass->profile != NULL ? b->pass->profile : &none;
    run_match(b, &(struct match){.decisions = program->disqualify, .n = rules->n_disqualify, .counts_all = true,
                                 .unknown = w->unknown_disqualify, .took_ns = profile->disqualify_ns});
    put(b, r->disqualified_by, w->choice, sizeof(*w->choice));
    b->kern->is_chosen(w->choice, b->n, w->disqualified);
    run_match(b, &(struct match){.decisions = program->stages, .n = rules->n_stages, .takes_last = true, .unknown = w->unknown_stages,
                                 .took_ns = profile->stages_ns});
    memcpy(w->stage, w->choice, b->n * sizeof(*w->stage));
    if (r->stage != NULL) put(b, r->stage, w->stage, sizeof(*w->stage));
    run_match(b, &(struct match){.decisions = program->routes, .n = rules->n_routes, .unknown = w->unknown_routes,
                                 .took_ns = profile->routes_ns});
    put(b, r->route, w->choice, sizeof(*w->choice));
    if (w->owner != NULL) put(b, r->owner, w->owner, sizeof(*w->owner));
    run_match(b, &(struct match){.decisions = program->recycle, .n = rules->n_recycle, .unknown = w->unknown_recycle,
                                 .took_ns = profile->recycle_ns});
    put(b, r->recycle, w->choice, sizeof(*w->choice));
    if (w->due_s != NULL) put(b, r->recycle_due_s, w->due_s, sizeof(*w->due_s));
    run_match(b, &(struct match){.decisions = program->segments, .n = rules->n_segments, .unknown = w->unknown_segments,
                                 .took_ns = profile->segments_ns});
    if (r->segment != NULL) put(b, r->segment, w->choice, sizeof(*w->choice));
}

static void run_batch(struct asy_batch *b)
{
    const struct asy_program *program = b->program;
    const struct asy_rules *rules = program->rules;
    const size_t stride = b->pass->stride;
    struct asy_worker *w = b->w;
    struct asy_results *r = b->pass->results;
    struct asy_profile *profile = b->pass->profile;

    if (profile != NULL) profile->mark_ns = profile->now_ns();
    asy_cond_next_batch(&w->cond);
    asy_pass_events(b);
    if (profile != NULL) lap(b, &profile->events_ns);
    fill_slots(b);
    asy_pass_plugins_batch(b);
    if (profile != NULL) lap(b, &profile->rest_ns);
    memset(w->keys, 0, ASY_TOP_TERMS * stride * (program->is_narrow ? sizeof(uint32_t) : sizeof(uint64_t)));
    for (uint32_t s = 0; s < rules->n_scores; s++) {
        run_score(b, s);
        put(b, r->score_milli[s], w->total + s * stride, sizeof(*w->total));
        if (w->empty != NULL && w->empty[s] != NULL) put(b, r->score_empty[s], w->empty[s], sizeof(*w->empty[s]));
        if (profile != NULL) lap(b, &profile->rest_ns);
    }
    put_reasons(b);

    run_grade(b);
    put(b, r->grade, w->grade, sizeof(*w->grade));
    if (profile != NULL) lap(b, &profile->rest_ns);
    run_decisions(b);
    if (profile != NULL) lap(b, &profile->rest_ns);
}

static void work(void *ctx, uint32_t worker, uint64_t piece)
{
    struct asy_pass *pass = ctx;
    const uint32_t row0 = (uint32_t)(piece * pass->batch_rows), left = pass->results->n_leads - row0;
    struct asy_batch batch = {.pass = pass,
                          .program = pass->program,
                          .kern = pass->kern,
                          .w = &pass->workers[worker],
                          .lane = worker,
                          .piece = piece,
                          .row0 = row0,
                          .n = left < pass->batch_rows ? left : pass->batch_rows};
    if (asy_pass_stops_batch(&batch)) run_batch(&batch);
}

/* -- setting up --------------------------------------------------------------------------------------------------- */

static bool make_worker(struct asy_pass *pass, struct asy_worker *w)
{
    const struct asy_program *program = pass->program;
    const struct asy_rules *rules = program->rules;
    struct asy_pool *pool = &pass->pool;
    const size_t rows = pass->stride;
    bool ok = asy_cond_scratch_init(&w->cond, pool->mem, program->depth, pass->batch_rows);
    ok = ok && (w->views = asy_pool_alloc_n(pool, program->slots.n + 1, sizeof(*w->views)));
    ok = ok && (w->slot_data = asy_pool_alloc_n(pool, program->slots.n + 1, sizeof(void *)));
    for (uint32_t s = 0; ok && s < program->slots.n; s++) ok = (w->slot_data[s] = asy_pool_alloc_n(pool, rows, 8));
    ok = ok && (w->end = asy_pool_alloc_n(pool, rows, sizeof(uint32_t)));
    ok = ok && (w->window_begin = asy_pool_alloc_n(pool, rows, sizeof(uint32_t)));
    ok = ok && (w->rows = asy_pool_alloc_n(pool, rows, sizeof(uint32_t)));
    ok = ok && (w->seen = asy_pool_alloc_n(pool, program->n_windows, sizeof(uint32_t *)));
    ok = ok && (w->count = asy_pool_alloc_n(pool, program->n_windows, sizeof(uint32_t *)));
    ok = ok && (w->any = asy_pool_alloc_n(pool, program->n_windows, sizeof(uint32_t *)));
    uint32_t most_counts = 0;
    for (uint32_t v = 0; ok && v < program->n_windows; v++) {
        const struct asy_window *window = &program->windows[v];
        ok = (w->seen[v] = asy_pool_alloc_n(pool, program->n_name_words * rows, sizeof(uint32_t))) &&
             (w->count[v] = asy_pool_alloc_n(pool, (window->n_counts + (size_t)1) * rows, sizeof(uint32_t))) &&
             (w->any[v] = asy_pool_alloc_n(pool, rows, sizeof(uint32_t)));
        if (window->n_counts > most_counts) most_counts = window->n_counts;
    }
    ok = ok && (w->packed = asy_pool_alloc_n(pool, most_counts * rows, sizeof(uint32_t)));
    ok = ok && (w->last = asy_pool_alloc_n(pool, program->n_lasts * rows, sizeof(uint32_t)));
    ok = ok && (w->ages = asy_pool_alloc_n(pool, program->n_ages * rows, sizeof(uint16_t)));
    ok = ok && (w->weighed = asy_pool_alloc_n(pool, (size_t)(program->n_weigh + 1) * rows, sizeof(uint64_t)));
    ok = ok && (w->points = asy_pool_alloc_n(pool, ASY_PASS_TERMS * rows, sizeof(int32_t)));
    ok = ok && (w->total = asy_pool_alloc_n(pool, (size_t)rules->n_scores * rows, sizeof(int32_t)));
    ok = ok && (w->wide = asy_pool_alloc_n(pool, rows, sizeof(int64_t)));
    ok = ok && (w->keys = asy_pool_alloc_n(pool, ASY_TOP_TERMS * rows, sizeof(uint64_t)));
    ok = ok && (w->tally = asy_pool_alloc_n(pool, rows, sizeof(uint16_t)));
    ok = ok && (w->bytes = asy_pool_alloc(pool, rows));
    ok = ok && (w->top_term = asy_pool_alloc_n(pool, rows, sizeof(uint16_t)));
    ok = ok && (w->top_points = asy_pool_alloc_n(pool, rows, sizeof(int32_t)));
    ok = ok && (w->grade = asy_pool_alloc(pool, rows));
    ok = ok && (w->disqualified = asy_pool_alloc(pool, rows));
    ok = ok && (w->choice = asy_pool_alloc_n(pool, rows, sizeof(uint16_t)));
    ok = ok && (w->stage = asy_pool_alloc_n(pool, rows, sizeof(uint16_t)));
    ok = ok && (w->unknown_terms = asy_pool_alloc_n(pool, (size_t)program->n_terms + 1, sizeof(uint64_t)));
    ok = ok && (w->unknown_disqualify = asy_pool_alloc_n(pool, (size_t)rules->n_disqualify + 1, sizeof(uint64_t)));
    ok = ok && (w->unknown_stages = asy_pool_alloc_n(pool, (size_t)rules->n_stages + 1, sizeof(uint64_t)));
    ok = ok && (w->unknown_routes = asy_pool_alloc_n(pool, (size_t)rules->n_routes + 1, sizeof(uint64_t)));
    ok = ok && (w->unknown_recycle = asy_pool_alloc_n(pool, (size_t)rules->n_recycle + 1, sizeof(uint64_t)));
    ok = ok && (w->unknown_segments = asy_pool_alloc_n(pool, (size_t)rules->n_segments + 1, sizeof(uint64_t)));
    return ok && asy_pass_plugins_worker(pass, w);
}

static void add_up(uint64_t *to, const uint64_t *from, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) to[i] += from[i];
}

/* To ask another process costs as much as judging some hundred leads, and more where it has to wait for a processor, so batches are larger
 * then. Beyond 8192 leads more is lost in the caches than is won: b2b-saas.yaml over 200,000 leads on one thread took 39, 39, 43, 58 and
 * 69 ns a lead in batches of 4096, 8192, ... 65536 (fastest of 41 runs, middle of three times; medians, on a busy machine: 71, 60, 65, 76,
 * 88). */
static uint32_t batch_rows(const struct asy_program *program, const struct asy_pass_options *options)
{
    if (options->batch_rows != 0) return options->batch_rows;
    return asy_calls_are_isolated(program) ? ASY_BATCH_ROWS_ISOLATED : ASY_BATCH_ROWS_DEFAULT;
}

static assay_status make_workers(struct asy_pass *pass, struct assay_error *error)
{
    assay_status status = asy_calls_bind(pass->program, pass->n_workers, pass->batch_rows, error);
    if (status == ASSAY_OK) status = asy_pass_plugins_open(pass, error);
    if (status != ASSAY_OK) return status;
    pass->workers = asy_pool_alloc_n(&pass->pool, pass->n_workers, sizeof(*pass->workers));
    bool ok = pass->workers != NULL;
    for (uint32_t w = 0; ok && w < pass->n_workers; w++) ok = make_worker(pass, &pass->workers[w]);
    if (ok) return ASSAY_OK;
    return asy_fail(error, ASSAY_E_NOMEM, "pass: out of memory for %u worker(s) of %u rows", pass->n_workers, pass->batch_rows);
}

/* Did some condition find no memory for its text? */
static bool have_failed(const struct asy_pass *pass)
{
    for (uint32_t w = 0; w < pass->n_workers; w++)
        if (pass->workers[w].cond.text.has_failed) return true;
    return false;
}

static assay_status run_batches(struct asy_pass *pass, struct assay_error *error)
{
    const struct asy_program *program = pass->program;
    const struct asy_rules *rules = program->rules;
    struct asy_results *results = pass->results;
    const uint64_t n_batches = ((uint64_t)results->n_leads + pass->batch_rows - 1) / pass->batch_rows;
    asy_pass_stops_begin(pass);
    do asy_parallel(pass->n_workers, n_batches, work, pass);
    while (!have_failed(pass) && asy_pass_stops_again(pass));
    if (have_failed(pass)) return asy_fail(error, ASSAY_E_NOMEM, "pass: out of memory for text that conditions make");
    for (uint32_t w = 0; w < pass->n_workers; w++) {
        const struct asy_worker *worker = &pass->workers[w];
        add_up(results->unknown_terms, worker->unknown_terms, program->n_terms);
        add_up(results->unknown_disqualify, worker->unknown_disqualify, rules->n_disqualify);
        add_up(results->unknown_stages, worker->unknown_stages, rules->n_stages);
        add_up(results->unknown_routes, worker->unknown_routes, rules->n_routes);
        add_up(results->unknown_recycle, worker->unknown_recycle, rules->n_recycle);
        add_up(results->unknown_segments, worker->unknown_segments, rules->n_segments);
    }
    asy_pass_stops_end(pass);
    return ASSAY_OK;
}

assay_status asy_pass_run(const struct asy_program *program, const struct asy_pass_options *options,
                          struct asy_results *results, struct assay_error *error)
{
    struct asy_pass pass = {.program = program, .kern = options->kern, .results = results, .summaries = options->summaries, .profile = options->profile,
                            .is_large = results->n_leads >= LARGE_ROWS};
    assay_status status = asy_results_expect_plugins(results, program, error);
    if (status == ASSAY_OK && pass.summaries != NULL) {
        pass.is_summed = asy_summaries_serve(pass.summaries, program);
        if (!pass.is_summed) status = asy_summaries_open(pass.summaries, program, error);
    }
    if (status != ASSAY_OK) return status;
    pass.batch_rows = batch_rows(program, options);
    ASY_CHECK(pass.batch_rows <= ASY_BATCH_ROWS_MAX, pass.batch_rows, ASY_BATCH_ROWS_MAX);
    pass.stride = (pass.batch_rows + 15) / 16 * 16 + 16;
    const uint32_t n_batches = (uint32_t)(((uint64_t)results->n_leads + pass.batch_rows - 1) / pass.batch_rows);
    pass.n_workers = pass.profile != NULL ? 1 : options->n_threads < ASY_THREADS_MAX ? options->n_threads : ASY_THREADS_MAX;
    if (pass.n_workers > n_batches) pass.n_workers = n_batches; /* nobody is made who would have nothing to do */
    if (pass.n_workers == 0) pass.n_workers = 1;
    asy_pool_init(&pass.pool, results->mem);
    status = make_workers(&pass, error);
    if (status == ASSAY_OK) status = run_batches(&pass, error);
    for (uint32_t w = 0; pass.workers != NULL && w < pass.n_workers; w++)
        asy_cond_scratch_fini(&pass.workers[w].cond, results->mem, program->depth);
    asy_pool_fini(&pass.pool);
    if (pass.summaries != NULL && !pass.is_summed) {
        if (status == ASSAY_OK) asy_summaries_close(pass.summaries);
        else asy_summaries_clear(pass.summaries);
    }
    return status;
}
