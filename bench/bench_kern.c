/* What one row costs in every kernel of kern/kern.h, at every SIMD level that this machine runs.
 *
 *     bench_kern [--json] [--runs N] [KERNEL]      default 101 runs, all kernels
 *
 * Batches of 1024 rows, as in a pass. A run calls the kernel often enough to last 20 microseconds and more; its inputs are
 * made new before it, not inside it, so a kernel that works in place sees its own output from the second call on. The event
 * kernels go round 64 batches with 20 events a lead on average, more than the second-level cache holds: a pass too reads
 * every event once. */
#include "timing.h"
#include "kern/kern.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
    N = 1024,
    N_CODES = 4096,
    N_NAMES = 19,
    N_SLOTS = 4,
    N_APART = N + 16,
    N_AGES = 731,
    N_BATCHES = 64,
    EVENTS_PER_LEAD = 20,
    MAX_EVENTS = N * N_BATCHES * EVENTS_PER_LEAD * 2,
    MAX_RUNS = 10001,
};
static const uint32_t as_of = 1793491200; /* 2026-11-01 */
static const double least_run_ns = 20000;

struct world {
    int8_t i8[N];
    int16_t i16[N];
    int32_t i32[N];
    int64_t i64[N], i64_out[N], time_us[N], wide[N];
    int32_t total[N];
    double f64[N];
    uint8_t code8[N], t[N], k[N], t2[N], k2[N], grade[N], bits[N_CODES], bytes[N];
    uint16_t code16[N], choice[N], tally[N], days[N], top_term[N];
    uint32_t code32[N], count_in[N], keys[ASY_TOP_TERMS * N], seen_in[N];
    uint64_t wide_keys[ASY_TOP_TERMS * N];
    uint64_t sum_in[N];
    int32_t points_in[N], points_many[4 * N], points[N], table[N_CODES], top_points[N];
    struct asy_code_table few, classes, many;
    uint32_t weights[N_AGES];

    uint32_t batch; /* of the event kernels: whose turn it is */
    uint64_t n_events;
    uint32_t first[N * N_BATCHES + 1];
    uint32_t time[MAX_EVENTS];
    uint8_t name[MAX_EVENTS];
    uint32_t seen[N_APART], count[(N_NAMES + 1) * N_APART], packed[N_NAMES * N_APART], rows[N_APART], last[5 * N_APART];
    uint16_t ages[N_APART];
    uint64_t sum[N_SLOTS * N_APART];
    uint32_t sink; /* takes what kernels return */
};

/* -- inputs ------------------------------------------------------------------------------------------------------ */

static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(((*state >> 32) * below) >> 32);
}

static void fill_events(struct world *w, uint64_t *state)
{
    uint32_t n = 0;
    for (uint32_t lead = 0; lead < N * N_BATCHES; lead++) {
        w->first[lead] = n;
        /* Most leads do little, a few do much, 15 % nothing: uniform u, then (u^(-2/3) - 1) scaled to the average. */
        const double u = (draw(state, 1000000) + 1) / 1000001.0;
        uint32_t want = draw(state, 100) < 15 ? 0 : (uint32_t)((pow(u, -2.0 / 3) - 1) * EVENTS_PER_LEAD / 2 * 1.3);
        if (want > 2000) want = 2000;
        if (want > MAX_EVENTS - n) want = MAX_EVENTS - n;
        uint32_t age = 86400u * 540;
        for (uint32_t i = 0; i < want; i++, n++) {
            age -= draw(state, 2 * age / (want - i + 1) + 1);
            w->time[n] = as_of - age;
            w->name[n] = (uint8_t)draw(state, 1 + draw(state, N_NAMES)); /* low numbers more often */
        }
    }
    w->first[N * N_BATCHES] = n;
    w->n_events = n;
}

/* Everything a kernel may have changed, and what it reads. One field in eight is empty. */
static void fill_rows(struct world *w)
{
    uint64_t state = 1;
    for (uint32_t i = 0; i < N; i++) {
        const bool is_empty = draw(&state, 8) == 0;
        w->i8[i] = is_empty ? INT8_MIN : (int8_t)draw(&state, 100);
        w->i16[i] = is_empty ? INT16_MIN : (int16_t)draw(&state, 3000);
        w->i32[i] = is_empty ? INT32_MIN : (int32_t)draw(&state, 20000);
        w->i64[i] = is_empty ? INT64_MIN : (int64_t)draw(&state, 1000);
        w->f64[i] = is_empty ? NAN : draw(&state, 1000) / 2.0;
        w->time_us[i] = is_empty ? INT64_MIN : ((int64_t)as_of - draw(&state, 86400 * 700)) * 1000000;
        w->code8[i] = is_empty ? 0 : (uint8_t)draw(&state, 32);
        w->code16[i] = is_empty ? 0 : (uint16_t)draw(&state, N_CODES);
        w->code32[i] = is_empty ? 0 : draw(&state, N_CODES);
        w->k[i] = draw(&state, 8) != 0;
        w->t[i] = w->k[i] && draw(&state, 2);
        w->k2[i] = draw(&state, 8) != 0;
        w->t2[i] = w->k2[i] && draw(&state, 2);
        w->count_in[i] = draw(&state, 3) ? 0 : draw(&state, 12);
        w->seen_in[i] = draw(&state, UINT32_MAX) & draw(&state, UINT32_MAX) & draw(&state, UINT32_MAX);
        w->days[i] = draw(&state, 7) ? (uint16_t)draw(&state, 200) : ASY_NO_DAYS;
        w->sum_in[i] = (uint64_t)draw(&state, 1u << 30) * draw(&state, 6);
        w->points_in[i] = ((int32_t)draw(&state, 7) - 2) * 10000;
        for (uint32_t term = 0; term < 4; term++) w->points_many[term * N + i] = ((int32_t)draw(&state, 7) - 2) * 10000;
        w->total[i] = (int32_t)draw(&state, 120000);
        w->wide[i] = w->total[i];
        w->tally[i] = (uint16_t)draw(&state, 7);
        w->choice[i] = draw(&state, 3) ? 0 : 7;
        for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) {
            w->keys[j * N + i] = (30000 - 10000 * j) << 5 | (9 - j) << 1;
            w->wide_keys[j * N + i] = (uint64_t)(30000 - 10000 * j) << 17 | (9 - j) << 1;
        }
    }
    for (uint32_t c = 0; c < N_CODES; c++) {
        w->table[c] = (int32_t)(c % 5) * 10000 - 10000;
        w->bits[c] = c == 0 ? 0 : 2 | (c % 3 == 0);
    }
    for (uint32_t a = 0; a < N_AGES; a++) w->weights[a] = (uint32_t)((double)(1u << 30) * exp2(-(double)a / 30));
    w->few = (struct asy_code_table){.n_codes = 10, .points = w->table};
    w->classes = w->many = (struct asy_code_table){.n_codes = 250, .points = w->table};
    w->classes.has_classes = true;
    for (uint32_t c = 0; c < 250; c++) {
        w->classes.classes[c] = c % 5;
        w->classes.class_points[c % 5] = w->table[c];
    }
}

/* -- the kernels --------------------------------------------------------------------------------------------------- */

static const int64_t bounds_i[] = {1, 11, 51, 201, 501, 5001};
static const double bounds_d[] = {1, 11, 51, 201, 501, 5001};
static const int32_t deltas[] = {-10000, 20000, 15000, -5000, -10000, 5000};
static const int32_t bounds_narrow[] = {1, 11, 51, 201, 501, 5001};
static const uint32_t few_codes[] = {7, 1000, 4000};
static const uint32_t tags[] = {22, 14, 6, 0};
static const uint8_t no_rows[256];
static const uint32_t idle_days[] = {60, 90}, idle_shares[] = {50000, 100000};
static const int64_t grade_from[] = {80000, 60000, 40000, 0};
static const uint8_t grade_number[] = {0, 1, 2, 3};
enum { N_BOUNDS = 6, N_STEPS = 2, N_GRADES = 4 };

static void run_expand(const struct asy_kern *k, struct world *w) { k->expand(w->code8, 1, N, w->seen); }
static void run_widen_bits(const struct asy_kern *k, struct world *w) { k->widen_bits(w->bits, 0, N, w->bytes); }
static void run_filled_codes(const struct asy_kern *k, struct world *w) { k->filled_codes(w->code32, 4, N, w->tally); }
static void run_filled_seen(const struct asy_kern *k, struct world *w) { k->filled_seen(w->seen_in, N, 1u << 7, w->tally); }
static void run_points_few(const struct asy_kern *k, struct world *w) { k->points_u8(w->code8, N, &w->few, w->points); }
static void run_points_classes(const struct asy_kern *k, struct world *w) { k->points_u8(w->code8, N, &w->classes, w->points); }
static void run_points_u8(const struct asy_kern *k, struct world *w) { k->points_u8(w->code8, N, &w->many, w->points); }
static void run_points_tally(const struct asy_kern *k, struct world *w) { k->points_u16(w->tally, N, &w->few, w->points); }
static void run_points_u16(const struct asy_kern *k, struct world *w) { k->points_u16(w->code16, N, &w->many, w->points); }
static void run_points_u32(const struct asy_kern *k, struct world *w) { k->points_u32(w->code32, N, &w->many, w->points); }
static void run_points_days(const struct asy_kern *k, struct world *w) { k->points_days(w->days, N, w->table, N_AGES, w->points); }
static void run_steps_i32(const struct asy_kern *k, struct world *w) { k->steps_narrow(w->i32, 4, N, bounds_narrow, deltas, N_BOUNDS, 0, w->points); }
static void run_steps_i64(const struct asy_kern *k, struct world *w) { k->steps_i64(w->i64, N, bounds_i, deltas, N_BOUNDS, 0, w->points); }
static void run_steps_f64(const struct asy_kern *k, struct world *w) { k->steps_f64(w->f64, N, bounds_d, deltas, N_BOUNDS, 0, w->points); }
static void run_points_mask(const struct asy_kern *k, struct world *w) { k->points_mask(w->t, N, 15000, w->points); }
static void run_points_once(const struct asy_kern *k, struct world *w) { k->points_once(w->seen_in, N, 7, 30000, w->points); }
static void run_points_each(const struct asy_kern *k, struct world *w) { k->points_each(w->count_in, N, 2000, -20000, 10000, w->points); }
static void run_points_weighted(const struct asy_kern *k, struct world *w) { k->points_weighted(w->sum_in, N, 5000, 0, 20000, w->points); }
/* Four terms a row. */
static void run_take(const struct asy_kern *k, struct world *w) { k->take(w->points_many, N, 4, tags, 5, w->total, w->keys, N); }
static void run_take_wide(const struct asy_kern *k, struct world *w) { k->take_wide(w->points_many, N, 4, tags, 17, w->wide, w->wide_keys, N); }
/* Eleven terms a row, as in rules/b2b-saas.yaml. */
static void run_take_once(const struct asy_kern *k, struct world *w)
{
    static const struct asy_once terms[] = {{0, 1, 50000, 50000 << 5},       {0, 2, 40000, 40000 << 5 | 2},  {0, 4, 40000, 40000 << 5 | 4},
                                            {0, 8, 30000, 30000 << 5 | 6},   {0, 16, 25000, 25000 << 5 | 8}, {0, 32, 20000, 20000 << 5 | 10},
                                            {0, 64, 15000, 15000 << 5 | 12}, {0, 128, 10000, 10000 << 5},    {0, 256, 5000, 5000 << 5 | 16},
                                            {0, 512, 5000, 5000 << 5 | 18},  {0, 1024, 5000, 5000 << 5 | 20}};
    k->take_once(w->seen_in, N, terms, 11, w->total, w->keys, N);
}
static void run_name_keys(const struct asy_kern *k, struct world *w) { k->name_keys(w->keys, N, 5, 9, w->top_term, w->top_points); }
static void run_add(const struct asy_kern *k, struct world *w) { k->add(w->points_in, N, w->total); }
static void run_clamp(const struct asy_kern *k, struct world *w) { k->clamp(w->total, N, 0, 100000); }
static void run_decay(const struct asy_kern *k, struct world *w) { k->decay(w->total, w->days, N, idle_days, idle_shares, N_STEPS, 1000); }
static void run_round(const struct asy_kern *k, struct world *w) { k->round(w->total, N, 1000); }
static void run_grade(const struct asy_kern *k, struct world *w) { k->grade(w->total, N, grade_from, grade_number, N_GRADES, w->grade); }
static void run_mask_u8(const struct asy_kern *k, struct world *w) { k->mask_u8(w->code8, N, w->bits, 250, w->t, w->k); }
static void run_mask_u16(const struct asy_kern *k, struct world *w) { k->mask_u16(w->code16, N, w->bits, w->t, w->k); }
static void run_mask_u32(const struct asy_kern *k, struct world *w) { k->mask_u32(w->code32, N, w->bits, w->t, w->k); }
static void run_mask_few(const struct asy_kern *k, struct world *w) { k->mask_few_u32(w->code32, N, few_codes, 3, 0, w->t, w->k); }
static void run_compare_i64(const struct asy_kern *k, struct world *w) { k->compare_ints(w->i64, ASY_INTS_64, N, ASY_GE, 200, w->t, w->k); }
static void run_compare_i32(const struct asy_kern *k, struct world *w) { k->compare_ints(w->i32, ASY_INTS_32, N, ASY_GE, 200, w->t, w->k); }
static void run_compare_i8(const struct asy_kern *k, struct world *w) { k->compare_ints(w->i8, ASY_INTS_8, N, ASY_GE, 20, w->t, w->k); }
static void run_compare_f64(const struct asy_kern *k, struct world *w) { k->compare_f64(w->f64, N, ASY_GE, 200, w->t, w->k); }
static void run_days_since(const struct asy_kern *k, struct world *w) { k->days_since(w->time_us, N, (int64_t)as_of * 1000000, w->i64_out); }
static void run_and(const struct asy_kern *k, struct world *w) { k->and_(w->t, w->k, w->t2, w->k2, N); }
static void run_or(const struct asy_kern *k, struct world *w) { k->or_(w->t, w->k, w->t2, w->k2, N); }
static void run_not(const struct asy_kern *k, struct world *w) { k->not_(w->t, w->k, N); }
static void run_choose(const struct asy_kern *k, struct world *w) { w->sink += k->choose(w->t, w->k, N, 3, w->choice); }
static void run_count_unknown(const struct asy_kern *k, struct world *w) { w->sink += k->count_unknown(w->k, N); }

/* Counts three names and asks for the rest only whether they occur, as rules/b2b-saas.yaml does. */
static const uint8_t count_names[] = {10, 11, 12};
static const uint8_t count_rows[256] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0, 1, 2, 3, 3, 3, 3, 3, 3};
static struct asy_sweep next_batch(struct world *w)
{
    const uint32_t *first = w->first + (size_t)w->batch * N;
    w->batch = (w->batch + 1) % N_BATCHES;
    return (struct asy_sweep){.begin = first, .end = first + 1, .time = w->time, .name = w->name, .n_log = w->n_events, .stride = N_APART, .n_words = 1,
                              .seen = w->seen, .n_counts = 3, .count_names = count_names, .count_rows = count_rows, .count = w->count,
                              .packed = w->packed, .rows = w->rows};
}
static void run_sweep(const struct asy_kern *k, struct world *w)
{
    const struct asy_sweep sweep = next_batch(w);
    k->sweep(&sweep, N);
}
static void run_sweep_seen(const struct asy_kern *k, struct world *w)
{
    struct asy_sweep sweep = next_batch(w);
    sweep.n_counts = 0;
    sweep.count_rows = no_rows;
    k->sweep(&sweep, N);
}
/* With the sweep before, which it needs. */
static void run_latest_of_most(const struct asy_kern *k, struct world *w)
{
    static const struct asy_name_set set = {.words = {0x3fff}, .n_names = 14};
    const struct asy_sweep sweep = next_batch(w);
    k->sweep(&sweep, N);
    k->latest(&sweep, N, &set, as_of, w->ages);
}
static void run_last_of_five(const struct asy_kern *k, struct world *w)
{
    static const uint8_t names[] = {14, 15, 16, 17, 18};
    struct asy_sweep sweep = next_batch(w);
    sweep.n_lasts = 5;
    sweep.last_names = names;
    sweep.last = w->last;
    k->sweep(&sweep, N);
    for (uint32_t l = 0; l < 5; l++) k->days_of(w->last + l * N_APART, w->time, N, as_of, w->ages);
}
static void run_since(const struct asy_kern *k, struct world *w)
{
    const struct asy_sweep sweep = next_batch(w);
    k->since(sweep.begin, sweep.end, sweep.time, N, as_of - 86400 * 30, w->seen);
}
static void weigh(const struct asy_kern *k, struct world *w, bool is_alike)
{
    static const uint8_t row[256] = {0, 4, 1, 4, 4, 2, 4, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4};
    static const uint32_t unit_s[] = {86400, 86400, 86400, 3600}, within_s[] = {UINT32_MAX, 86400 * 90, UINT32_MAX, 86400 * 30};
    static const uint32_t days[] = {86400, 86400, 86400, 86400}, all[] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    static const uint32_t table_len[] = {N_AGES, N_AGES, N_AGES, N_AGES};
    const uint32_t *const table[] = {w->weights, w->weights, w->weights, w->weights};
    const struct asy_sweep sweep = next_batch(w);
    const struct asy_weigh how = {.as_of = as_of, .n_sums = N_SLOTS, .row = row, .table = table, .table_len = table_len,
                                  .unit_s = is_alike ? days : unit_s, .within_s = is_alike ? all : within_s, .is_alike = is_alike,
                                  .sum = w->sum};
    k->weigh(&sweep, &how, N);
}
static void run_weigh(const struct asy_kern *k, struct world *w) { weigh(k, w, false); }
static void run_weigh_alike(const struct asy_kern *k, struct world *w) { weigh(k, w, true); }

struct subject {
    const char *name;
    void (*run)(const struct asy_kern *kern, struct world *world);
    bool is_of_events;
};
static const struct subject subjects[] = {
    {"expand", run_expand, false},
    {"widen_bits", run_widen_bits, false},
    {"filled_codes", run_filled_codes, false},
    {"filled_seen", run_filled_seen, false},
    {"points_few", run_points_few, false},
    {"points_classes", run_points_classes, false},
    {"points_u8", run_points_u8, false},
    {"points_tally", run_points_tally, false},
    {"points_u16", run_points_u16, false},
    {"points_u32", run_points_u32, false},
    {"points_days", run_points_days, false},
    {"steps_i32", run_steps_i32, false},
    {"steps_i64", run_steps_i64, false},
    {"steps_f64", run_steps_f64, false},
    {"points_mask", run_points_mask, false},
    {"points_once", run_points_once, false},
    {"points_each", run_points_each, false},
    {"points_weighted", run_points_weighted, false},
    {"take", run_take, false},
    {"take_wide", run_take_wide, false},
    {"take_once", run_take_once, false},
    {"name_keys", run_name_keys, false},
    {"add", run_add, false},
    {"clamp", run_clamp, false},
    {"decay", run_decay, false},
    {"round", run_round, false},
    {"grade", run_grade, false},
    {"mask_u8", run_mask_u8, false},
    {"mask_u16", run_mask_u16, false},
    {"mask_u32", run_mask_u32, false},
    {"mask_few", run_mask_few, false},
    {"compare_i64", run_compare_i64, false},
    {"compare_i32", run_compare_i32, false},
    {"compare_i8", run_compare_i8, false},
    {"compare_f64", run_compare_f64, false},
    {"days_since", run_days_since, false},
    {"and", run_and, false},
    {"or", run_or, false},
    {"not", run_not, false},
    {"choose", run_choose, false},
    {"count_unknown", run_count_unknown, false},
    {"sweep", run_sweep, true},
    {"sweep_seen", run_sweep_seen, true},
    {"latest_of_most", run_latest_of_most, true},
    {"last_of_five", run_last_of_five, true},
    {"since", run_since, true},
    {"weigh", run_weigh, true},
    {"weigh_alike", run_weigh_alike, true},
};
enum { N_SUBJECTS = sizeof(subjects) / sizeof(subjects[0]) };

/* -- measuring ------------------------------------------------------------------------------------------------------ */

static double run_ns(const struct subject *subject, const struct asy_kern *kern, struct world *world, uint32_t n_calls)
{
    fill_rows(world);
    const double start_ns = timing_now_ns();
    for (uint32_t c = 0; c < n_calls; c++) subject->run(kern, world);
    return timing_now_ns() - start_ns;
}

/* Nanoseconds of one call. */
static struct timing measure(const struct subject *subject, const struct asy_kern *kern, struct world *world, uint32_t n_runs,
                             double *samples_ns)
{
    /* Whole rounds of the event batches, so that every run does the same work. */
    uint32_t n_calls = subject->is_of_events ? N_BATCHES : 1;
    world->batch = 0;
    while (run_ns(subject, kern, world, n_calls) < least_run_ns) n_calls *= 2;
    for (uint32_t r = 0; r < n_runs; r++) samples_ns[r] = run_ns(subject, kern, world, n_calls) / n_calls;
    return timing_of(samples_ns, n_runs);
}

static void tell(const struct subject *subject, const struct asy_kern *kern, struct timing timing, double ref_ns,
                 uint32_t n_runs, const struct world *world, bool is_json)
{
    const double events_per_row = subject->is_of_events ? (double)world->n_events / (N * N_BATCHES) : 0;
    const double fastest = timing.fastest_ns / N, median = timing.median_ns / N, faster = ref_ns / timing.median_ns;
    if (is_json) {
        printf("{\"schema_version\":1,\"bench\":\"kern\",\"kernel\":\"%s\",\"isa\":\"%s\",\"batch_rows\":%d,\"runs\":%" PRIu32
               ",\"ns_per_row_fastest\":%.4f,\"ns_per_row_median\":%.4f,\"times_ref\":%.2f",
               subject->name, kern->isa, N, n_runs, fastest, median, faster);
        if (subject->is_of_events)
            printf(",\"events_per_row\":%.2f,\"ns_per_event_median\":%.4f", events_per_row, median / events_per_row);
        printf("}\n");
    } else {
        printf("%-16s %-5s %9.3f %9.3f %8.1fx", subject->name, kern->isa, fastest, median, faster);
        if (subject->is_of_events) printf("   %.2f ns/event, %.1f events/row", median / events_per_row, events_per_row);
        printf("\n");
    }
    fflush(stdout);
}

static int bench(struct world *world, const char *only, uint32_t n_runs, bool is_json)
{
    static const char *const isas[] = {"ref", "v2", "v3", "v4", "base"};
    enum { N_ISAS = sizeof(isas) / sizeof(isas[0]) };
    double *samples_ns = malloc(n_runs * sizeof(*samples_ns));
    if (samples_ns == NULL) {
        fprintf(stderr, "bench_kern: out of memory\n");
        return 1;
    }
    if (!is_json) printf("%-16s %-5s %9s %9s %9s\n", "kernel", "level", "fastest", "median", "than ref   (ns/row)");
    uint32_t n_told = 0;
    for (uint32_t s = 0; s < N_SUBJECTS; s++) {
        if (only != NULL && strcmp(only, subjects[s].name) != 0) continue;
        double ref_ns = 0;
        for (uint32_t i = 0; i < N_ISAS; i++) {
            const char *problem = NULL;
            const struct asy_kern *kern = asy_kern_select(isas[i], &problem);
            if (kern == NULL) continue; /* not built here, or not for this processor */
            const struct timing timing = measure(&subjects[s], kern, world, n_runs, samples_ns);
            if (i == 0) ref_ns = timing.median_ns;
            tell(&subjects[s], kern, timing, ref_ns, n_runs, world, is_json);
            n_told++;
        }
    }
    free(samples_ns);
    if (n_told == 0) fprintf(stderr, "bench_kern: expected a kernel of kern/kern.h, found `%s`\n", only);
    return n_told == 0 ? 2 : 0;
}

int main(int argc, char **argv)
{
    bool is_json = false;
    const char *only = NULL;
    unsigned long n_runs = 101;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) is_json = true;
        else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc) n_runs = strtoul(argv[++i], NULL, 10);
        else if (argv[i][0] != '-' && only == NULL) only = argv[i];
        else n_runs = 0;
    }
    if (n_runs < 1 || n_runs > MAX_RUNS) {
        fprintf(stderr, "usage: bench_kern [--json] [--runs 1..%d] [KERNEL]\n", MAX_RUNS);
        return 2;
    }
    struct world *world = calloc(1, sizeof(*world));
    if (world == NULL) {
        fprintf(stderr, "bench_kern: out of memory\n");
        return 1;
    }
    uint64_t state = 7;
    fill_events(world, &state);
    const int code = bench(world, only, (uint32_t)n_runs, is_json);
    free(world);
    return code;
}
