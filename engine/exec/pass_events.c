#include "exec/pass_internal.h"

/* Does some lead have events later than as_of? Then w->end is where those before it end. */
static bool find_late(struct asy_batch *b, const struct asy_sweep *sweep)
{
    const uint32_t *begin = sweep->begin, *end = sweep->end, *time = sweep->time;
    const int64_t as_of_s = b->program->as_of_s;
    bool is_late = false;
    for (uint32_t i = 0; i < b->n; i++) is_late |= time[end[i] > begin[i] ? end[i] - 1 : 0] > as_of_s;
    for (uint32_t i = 0; i < b->n && is_late; i++) {
        uint32_t at = end[i];
        while (at > begin[i] && time[at - 1] > as_of_s) at--;
        b->w->end[i] = at;
    }
    return is_late;
}

static void sweep_window(struct asy_batch *b, struct asy_sweep *sweep, uint32_t number)
{
    const struct asy_program *program = b->program;
    const struct asy_window *window = &program->windows[number];
    struct asy_worker *w = b->w;
    const uint32_t *begin = sweep->begin;
    if (number > 0) {
        const int64_t from_s = program->as_of_s - window->age_s;
        b->kern->since(begin, sweep->end, sweep->time, b->n, from_s < 0 ? 0 : (uint32_t)from_s, w->window_begin);
        sweep->begin = w->window_begin;
    }
    if (window->is_any) b->kern->count_events(sweep->begin, sweep->end, b->n, w->any[number]);
    sweep->seen = w->seen[number];
    sweep->n_counts = window->n_counts;
    sweep->count_names = window->count_names;
    sweep->count_rows = window->count_rows;
    sweep->count = w->count[number];
    sweep->n_lasts = number == 0 ? program->n_lasts : 0;
    if (window->is_seen) b->kern->sweep(sweep, b->n);
    sweep->begin = begin;
}

static void weigh(struct asy_batch *b, const struct asy_sweep *sweep)
{
    const struct asy_program *program = b->program;
    const struct asy_weigh weigh = {.as_of = (uint32_t)program->as_of_s,
                                    .n_sums = program->n_weigh,
                                    .row = program->weigh_row,
                                    .table = (const uint32_t *const *)program->weigh_table,
                                    .table_len = program->weigh_len,
                                    .unit_s = program->weigh_unit_s,
                                    .within_s = program->weigh_within_s,
                                    .is_alike = program->is_weigh_alike,
                                    .sum = b->w->weighed};
    b->kern->weigh(sweep, &weigh, b->n);
}

static void find_age(struct asy_batch *b, const struct asy_sweep *sweep, uint32_t number)
{
    const struct asy_age *age = &b->program->ages[number];
    const uint32_t as_of = (uint32_t)b->program->as_of_s;
    uint16_t *days = b->w->ages + (size_t)number * b->pass->stride;
    if (age->last > 0) b->kern->days_of(b->w->last + (age->last - 1) * (size_t)b->pass->stride, sweep->time, b->n, as_of, days);
    else if (age->is_first) b->kern->earliest(sweep, b->n, &age->names, as_of, days);
    else b->kern->latest(sweep, b->n, &age->names, as_of, days);
}

/* All that the whole log up to as_of is needed for. The names are swept before anybody looks at a time: that is when the
 * times come from memory. In the rare case that some are too late it is done again. */
static void read_log(struct asy_batch *b, struct asy_sweep *sweep)
{
    const struct asy_program *program = b->program;
    sweep_window(b, sweep, 0);
    if (find_late(b, sweep)) {
        sweep->end = b->w->end;
        sweep_window(b, sweep, 0);
    }
    for (uint32_t a = 0; a < program->n_ages; a++) find_age(b, sweep, a);
    if (program->n_weigh > 0) weigh(b, sweep);
}

void asy_pass_events(struct asy_batch *b)
{
    static const uint32_t nothing[2];
    const struct asy_program *program = b->program;
    const struct asy_events *events = &program->store->events;
    struct asy_sweep sweep = {.time = asy_events_time(events), .name = asy_events_name(events), .n_log = events->n, .stride = b->pass->stride,
                              .n_words = program->n_name_words, .last_names = program->last_names,
                              .last = b->w->last, .packed = b->w->packed, .rows = b->w->rows};
    const bool is_summed = b->pass->summaries != NULL && b->pass->is_summed;
    if (is_summed) asy_summaries_load(b->pass->summaries, b);
    if (is_summed && program->n_windows == 1) return;
    if (events->n > 0) {
        sweep.begin = asy_events_first(events) + b->row0;
        sweep.end = sweep.begin + 1;
    } else {
        memset(b->w->end, 0, b->n * sizeof(*b->w->end));
        sweep.begin = sweep.end = b->w->end;
        sweep.time = nothing;
        sweep.name = (const uint8_t *)nothing;
    }
    if (!is_summed) read_log(b, &sweep);
    else if (find_late(b, &sweep)) sweep.end = b->w->end;
    for (uint32_t window = 1; window < program->n_windows; window++) sweep_window(b, &sweep, window);
    if (!is_summed && b->pass->summaries != NULL) asy_summaries_store(b->pass->summaries, b);
}
