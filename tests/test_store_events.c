/* The event log: order, independence of the input's order, writers and threads, tuples, giant leads. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/thread.h"
#include "store/column.h"
#include "store/events_internal.h"
#include "store/index.h"
#include "store_fixture.h"

struct rig {
    struct asy_mem mem;
    struct asy_arena arena;
    struct asy_hasher hasher;
    struct asy_events events;
};

static void rig_init(struct rig *rig, uint32_t n_properties, uint64_t seed)
{
    struct assay_error error;
    asy_mem_init(&rig->mem, NULL);
    asy_hasher_init(&rig->hasher, seed);
    cr_assert_eq(asy_arena_init(&rig->arena, asy_events_reserve_bytes(n_properties) + (32u << 20), &error), ASSAY_OK);
    cr_assert_eq(asy_events_init(&rig->events, &rig->mem, &rig->arena, &rig->hasher, n_properties, &error), ASSAY_OK);
}

static void rig_fini(struct rig *rig)
{
    asy_events_fini(&rig->events);
    asy_arena_fini(&rig->arena);
    cr_assert_eq(rig->mem.live_bytes, 0);
}

static void expect_valid(const struct rig *rig)
{
    const char *reason = "";
    cr_assert(asy_events_valid(&rig->events, &reason), "%s", reason);
}

struct event {
    uint32_t row, time_s;
    uint8_t name;
    char property[2][12];
};

static void open_log(struct rig *rig, uint32_t n_leads, uint32_t n_writers)
{
    struct assay_error error = {.text = ""};
    cr_assert_eq(asy_events_open(&rig->events, n_leads, n_writers, &error), ASSAY_OK, "%s", error.text);
}

static void stage_by(struct rig *rig, uint32_t writer, const struct event *event)
{
    struct assay_error error = {.text = ""};
    uint32_t code = 0;
    struct asy_str values[2] = {asy_str_of(event->property[0]), asy_str_of(event->property[1])};
    if (rig->events.n_properties)
        cr_assert_eq(asy_events_tuple(&rig->events, writer, values, &code), ASSAY_OK);
    cr_assert_eq(asy_events_stage(&rig->events, writer, 1, &event->row, &event->time_s, &event->name, code ? &code : NULL, &error),
                 ASSAY_OK, "%s", error.text);
}

static void stage(struct rig *rig, const struct event *event)
{
    stage_by(rig, 0, event);
}

static void group(struct rig *rig, uint32_t n_leads, uint32_t n_threads)
{
    struct assay_error error = {.text = ""};
    cr_assert_eq(asy_events_group(&rig->events, n_leads, n_threads, &error), ASSAY_OK, "%s", error.text);
    expect_valid(rig);
}

static int compare(const void *left, const void *right)
{
    const struct event *a = left, *b = right;
    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    if (a->time_s != b->time_s)
        return a->time_s < b->time_s ? -1 : 1;
    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    int order = strcmp(a->property[0], b->property[0]);
    return order ? order : strcmp(a->property[1], b->property[1]);
}

/* The log holds exactly `model`, which is in order. */
static void expect_equal(const struct rig *rig, const struct event *model, uint64_t n, uint32_t n_leads)
{
    const struct asy_events *events = &rig->events;
    cr_assert_eq(events->n, n);
    cr_assert_eq(events->n_leads, n_leads);
    const uint32_t *first = asy_events_first(events);
    uint64_t i = 0;
    for (uint32_t row = 0; row < n_leads; row++) {
        cr_assert_eq(first[row], i);
        for (; i < first[row + 1]; i++) {
            cr_assert_eq(model[i].row, row);
            cr_assert_eq(model[i].time_s, asy_events_time(events)[i]);
            cr_assert_eq(model[i].name, asy_events_name(events)[i]);
            for (uint32_t k = 0; k < events->n_properties; k++)
                cr_assert(asy_str_is(asy_events_property(events, asy_events_prop(events, i), k), model[i].property[k]));
        }
    }
    cr_assert_eq(i, n);
}

static void shuffle(struct event *events, uint32_t n, uint64_t *seed)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t k = fixture_below(seed, i);
        struct event moved = events[i - 1];
        events[i - 1] = events[k];
        events[k] = moved;
    }
}

Test(store_events, no_events_and_no_leads)
{
    for (uint32_t n_leads = 0; n_leads < 3; n_leads++) {
        struct rig rig;
        rig_init(&rig, 2, 1);
        expect_valid(&rig);
        group(&rig, n_leads, 2);
        cr_expect(rig.events.is_open && rig.events.is_grouped);
        cr_expect_eq(rig.events.n_leads, n_leads);
        cr_expect_eq(rig.events.prop_width, 0);
        for (uint32_t row = 0; row <= n_leads; row++)
            cr_expect_eq(asy_events_first(&rig.events)[row], 0);
        rig_fini(&rig);
    }
}

Test(store_events, order_is_row_time_name_property_bytes)
{
    static const struct event events[] = {
        {2, 50, 1, {"z", ""}}, {0, 9, 1, {"", ""}},    {2, 50, 1, {"a", "b"}}, {2, 50, 0, {"zz", "zz"}},
        {2, 49, 7, {"", ""}},  {2, 50, 1, {"", "a"}},  {2, 50, 1, {"", ""}},   {2, 50, 1, {"ab", ""}},
        {2, 50, 1, {"a", ""}}, {2, 50, 1, {"a\t", "a"}}, {0, UINT32_MAX, 255, {"", ""}}, {0, 0, 0, {"", ""}},
        {2, 50, 1, {"a", "b"}},
    };
    static const int order[] = {11, 1, 10, 4, 3, 6, 5, 8, 2, 12, 9, 7, 0};
    enum { N = 13 };
    struct rig rig;
    rig_init(&rig, 2, 2);
    open_log(&rig, 4, 1);
    for (int i = 0; i < N; i++)
        stage(&rig, &events[i]);
    expect_valid(&rig);
    cr_expect_eq(asy_events_staged(&rig.events), N);
    cr_expect_geq(asy_events_bytes(&rig.events), N * 12);
    cr_expect_leq(asy_events_bytes(&rig.events), rig.mem.live_bytes);
    group(&rig, 4, 1);
    cr_expect_eq(rig.events.prop_width, 1);
    cr_expect_eq(asy_events_bytes(&rig.events), 5 * 4 + N * 6);
    struct event model[N];
    for (int i = 0; i < N; i++)
        model[i] = events[order[i]];
    expect_equal(&rig, model, N, 4);
    rig_fini(&rig);
}

Test(store_events, tuples_keep_any_bytes)
{
    struct rig rig;
    rig_init(&rig, 3, 3);
    open_log(&rig, 1, 2);
    struct asy_str tuples[][3] = {
        {ASY_STR("a\x1f"), ASY_STR("b"), ASY_STR("")}, {ASY_STR("a"), ASY_STR("\x1f" "b"), ASY_STR("")},
        {ASY_STR("\0"), {NULL, 0}, ASY_STR("x")},        {{NULL, 0}, ASY_STR("\0"), ASY_STR("x")},
        {{NULL, 0}, {NULL, 0}, {NULL, 0}},               {ASY_STR("ab"), ASY_STR(""), ASY_STR("")},
    };
    uint32_t codes[6];
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(asy_events_tuple(&rig.events, 1, tuples[i], &codes[i]), ASSAY_OK);
        for (uint32_t k = 0; k < 3; k++)
            cr_expect(asy_str_eq(asy_events_staged_property(&rig.events, 1, codes[i], k), tuples[i][k]));
        for (int before = 0; before < i; before++)
            cr_expect_neq(codes[before], codes[i]);
    }
    cr_expect_eq(codes[4], 0);
    expect_valid(&rig);
    const uint32_t row = 0, time_s = 7;
    const uint8_t name = 0;
    struct assay_error error;
    for (int i = 0; i < 6; i++)
        cr_assert_eq(asy_events_stage(&rig.events, 1, 1, &row, &time_s, &name, &codes[i], &error), ASSAY_OK);
    group(&rig, 1, 1);
    static const int order[] = {4, 3, 2, 1, 0, 5};
    for (int i = 0; i < 6; i++)
        for (uint32_t k = 0; k < 3; k++)
            cr_expect(asy_str_eq(asy_events_property(&rig.events, asy_events_prop(&rig.events, (uint64_t)i), k), tuples[order[i]][k]));
    rig_fini(&rig);
}

/* Many small leads, some without events, few and many tuples, with and without properties, against qsort: the bytes of
 * the log do not depend on order, writers, threads or hash secret. */
Test(store_events, shuffled_staging_gives_identical_bytes)
{
    enum { N = 30000, N_LEADS = 3000 };
    static struct event events[N], sorted[N];
    static const struct {
        uint32_t n_properties, n_values;
        uint8_t width;
    } cases[] = {{0, 1, 0}, {2, 1, 0}, {2, 10, 1}, {2, 200, 2}, {2, 100000, 2}};
    for (size_t c = 0; c < ASY_COUNT_OF(cases); c++) {
        uint64_t seed = 51 + c;
        for (uint32_t i = 0; i < N; i++) {
            /* Few different times and a power law of leads make ties and long leads. */
            uint32_t bound = 1 + fixture_below(&seed, N_LEADS);
            events[i] = (struct event){fixture_below(&seed, bound), fixture_below(&seed, 50),
                                       (uint8_t)fixture_below(&seed, 3), {"", ""}};
            if (cases[c].n_values > 1 && fixture_below(&seed, 4)) {
                snprintf(events[i].property[0], 12, "%u", fixture_below(&seed, cases[c].n_values));
                snprintf(events[i].property[1], 12, "%.*s", (int)fixture_below(&seed, 3), "xy");
            }
        }
        memcpy(sorted, events, sizeof events);
        qsort(sorted, N, sizeof *sorted, compare);
        struct rig kept;
        for (uint32_t run = 0; run < 4; run++) {
            struct rig rig;
            rig_init(&rig, cases[c].n_properties, run);
            const uint32_t n_writers = run == 0 ? 1 : run == 1 ? 2 : 20 * run;
            open_log(&rig, N_LEADS, n_writers);
            for (uint32_t i = 0; i < N; i++)
                stage_by(&rig, run == 1 ? i / 100 % 2 : fixture_below(&seed, n_writers), &events[i]);
            expect_valid(&rig);
            group(&rig, N_LEADS, run == 0 ? 1 : run == 1 ? 0 : 3 * run);
            expect_equal(&rig, sorted, N, N_LEADS);
            cr_expect_eq(rig.events.prop_width, cases[c].width);
            if (run == 0) {
                kept = rig;
            } else {
                cr_assert_eq(rig.events.tuples.n, kept.events.tuples.n);
                cr_assert_eq(memcmp(rig.events.prop_width ? rig.events.prop.base : rig.events.name.base,
                                    kept.events.prop_width ? kept.events.prop.base : kept.events.name.base,
                                    (size_t)N * (rig.events.prop_width ? rig.events.prop_width : 1)),
                             0);
                rig_fini(&rig);
            }
            shuffle(events, N, &seed);
        }
        /* kept.events points into a rig that has moved; only its parts are released. */
        kept.events.mem = kept.events.tuples.mem = &kept.mem;
        kept.events.hasher = kept.events.tuples.hasher = &kept.hasher;
        rig_fini(&kept);
    }
}

Test(store_events, more_than_65536_tuples_take_four_bytes)
{
    enum { N = 70000 };
    struct rig rig;
    rig_init(&rig, 1, 4);
    open_log(&rig, 7, 2);
    for (uint32_t i = 0; i < N; i++) {
        struct event event = {i % 7, 5, 1, {"", ""}};
        snprintf(event.property[0], 12, "%u", (N - i) * 7919u);
        stage_by(&rig, i % 5 == 0, &event);
    }
    group(&rig, 7, 2);
    cr_expect_eq(rig.events.prop_width, 4);
    for (uint32_t code = 2; code <= N; code++)
        cr_assert(asy_str_cmp(asy_events_property(&rig.events, code - 1, 0),
                              asy_events_property(&rig.events, code, 0)) < 0);
    rig_fini(&rig);
}

/* One lead with most events of the database, in falling, shuffled and saw-tooth time, and all at one time: quadratic sorting
 * would never end. With tuples as well, whose order is the last resort. */
Test(store_events, giant_lead)
{
    enum { N = 1200000, N_BATCH = 1000, N_SHAPES = 4 };
    static uint32_t rows[N_BATCH], time_s[N_BATCH], codes[N_BATCH];
    static uint8_t names[N_BATCH];
    for (uint32_t shape = 0; shape < 2 * N_SHAPES; shape++) {
        uint64_t seed = 61;
        struct rig rig;
        struct assay_error error;
        rig_init(&rig, shape / N_SHAPES, 5);
        open_log(&rig, 5000, 1);
        uint32_t tuples[100] = {0};
        for (uint32_t i = 1; i < 100 && rig.events.n_properties; i++) {
            char text[12];
            struct asy_str value = {text, (uint32_t)snprintf(text, sizeof text, "%u", i * 37 % 101)};
            cr_assert_eq(asy_events_tuple(&rig.events, 0, &value, &tuples[i]), ASSAY_OK);
        }
        uint64_t sum = 0;
        for (uint32_t done = 0; done < N; done += N_BATCH) {
            for (uint32_t k = 0; k < N_BATCH; k++) {
                uint32_t i = done + k;
                rows[k] = i % 100 == 0 ? i / 100 % 5000 : 4999;
                time_s[k] = (uint32_t[]){N - i, (uint32_t)fixture_random(&seed), i % 1000, 77}[shape % N_SHAPES];
                names[k] = (uint8_t)(shape % N_SHAPES == 3 ? 1 : i);
                codes[k] = tuples[fixture_below(&seed, 100)];
                sum += time_s[k];
            }
            cr_assert_eq(asy_events_stage(&rig.events, 0, N_BATCH, rows, time_s, names, codes, &error), ASSAY_OK);
        }
        group(&rig, 5000, 2);
        cr_expect_geq(asy_events_first(&rig.events)[5000] - asy_events_first(&rig.events)[4999], N / 100 * 99);
        for (uint64_t i = 0; i < N; i++)
            sum -= asy_events_time(&rig.events)[i];
        cr_expect_eq(sum, 0);
        rig_fini(&rig);
    }
}

struct item {
    uint64_t key;
    uint32_t code;
};

static int compare_items(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    return a->key != b->key ? (a->key > b->key) - (a->key < b->key) : (a->code > b->code) - (a->code < b->code);
}

/* Around every length at which the method changes, keys that differ in high bits, in low ones, and hardly at all. */
Test(store_events, sorting_is_that_of_a_plain_model)
{
    static const uint32_t lengths[] = {4095, 4096, 4097, 8192, 30000};
    static uint64_t keys[30000], spare_keys[ASY_EVENTS_SPARE];
    static uint32_t codes[30000], spare_codes[ASY_EVENTS_SPARE];
    static struct item model[30000];
    uint64_t seed = 71;
    for (uint32_t i = 0; i <= 131 + ASY_COUNT_OF(lengths); i++)
        for (uint32_t shape = 0; shape < 6; shape++) {
            const uint32_t n = i <= 131 ? i : lengths[i - 132];
            const bool has_codes = shape % 2;
            for (uint32_t k = 0; k < n; k++) {
                const uint64_t random = fixture_random(&seed);
                keys[k] = shape / 2 == 0 ? random : shape / 2 == 1 ? 5 + random % 3 : random % 7 == 0 ? random : UINT64_MAX;
                codes[k] = fixture_below(&seed, shape == 1 ? UINT32_MAX : 1 + n / 3);
                model[k] = (struct item){keys[k], has_codes ? codes[k] : 0};
            }
            qsort(model, n, sizeof *model, compare_items);
            asy_events_sort(keys, has_codes ? codes : NULL, n, spare_keys, has_codes ? spare_codes : NULL);
            for (uint32_t k = 0; k < n; k++)
                cr_assert(keys[k] == model[k].key && (!has_codes || codes[k] == model[k].code), "n %u, shape %u, item %u", n, shape, k);
        }
}

/* ---- many leads: parts, batches, writers that run at the same time ---- */

struct crowd {
    uint32_t n_leads, n, n_writers, n_batch;
    uint32_t *rows, *time_s, *tuples;
    uint8_t *names;
    uint64_t *packed; /* row 28, time 28, name 8 */
    struct rig rig;
};

/* One lead has a tenth of all events, so that one part is far larger than the others. */
static void crowd_init(struct crowd *crowd, uint32_t n_leads, uint32_t n, uint32_t n_writers, bool is_in_time, uint32_t n_properties)
{
    uint64_t seed = n_leads + n_writers;
    *crowd = (struct crowd){.n_leads = n_leads, .n = n, .n_writers = n_writers, .n_batch = 777};
    crowd->rows = malloc(n * sizeof *crowd->rows);
    crowd->time_s = malloc(n * sizeof *crowd->time_s);
    crowd->tuples = malloc(n * sizeof *crowd->tuples);
    crowd->names = malloc(n);
    crowd->packed = malloc(n * sizeof *crowd->packed);
    for (uint32_t i = 0; i < n; i++) {
        crowd->rows[i] = fixture_below(&seed, 10) ? fixture_below(&seed, n_leads) : n_leads / 3;
        crowd->time_s[i] = is_in_time ? 5 * i : fixture_below(&seed, 1 << 28);
        crowd->names[i] = (uint8_t)fixture_below(&seed, 256);
        crowd->tuples[i] = 0;
        crowd->packed[i] = (uint64_t)crowd->rows[i] << 36 | (uint64_t)crowd->time_s[i] << 8 | crowd->names[i];
        if (fixture_below(&seed, 50) == 0)
            crowd->rows[i] = ASY_ROW_NONE, crowd->packed[i] = UINT64_MAX;
    }
    rig_init(&crowd->rig, n_properties, seed);
    open_log(&crowd->rig, n_leads, n_writers);
}

static void crowd_fini(struct crowd *crowd)
{
    rig_fini(&crowd->rig);
    free(crowd->rows);
    free(crowd->time_s);
    free(crowd->tuples);
    free(crowd->names);
    free(crowd->packed);
}

/* Batch by batch, each worker as its own writer. */
static void stage_piece(void *ctx, uint32_t worker, uint64_t piece)
{
    struct crowd *crowd = ctx;
    struct asy_events *events = &crowd->rig.events;
    struct assay_error error;
    const uint32_t start = (uint32_t)piece * crowd->n_batch;
    const uint32_t n = crowd->n - start < crowd->n_batch ? crowd->n - start : crowd->n_batch;
    for (uint32_t i = start; i < start + n && events->n_properties; i++) {
        const char text = (char)('a' + crowd->names[i] % 20);
        const struct asy_str value = {&text, crowd->names[i] % 3 != 0};
        if (asy_events_tuple(events, worker, &value, &crowd->tuples[i]) != ASSAY_OK)
            abort();
    }
    if (asy_events_stage(events, worker, n, crowd->rows + start, crowd->time_s + start, crowd->names + start, crowd->tuples + start,
                         &error) != ASSAY_OK)
        abort();
}

static int compare_packed(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

Test(store_events, many_leads_by_several_writers_at_once)
{
    static const struct {
        uint32_t n_leads, n, n_writers;
        bool is_in_time;
        uint32_t n_properties;
    } cases[] = {{1, 5000, 2, false, 0},        {64, 20000, 3, true, 1},       {65, 20000, 1, false, 0},
                 {5000, 300000, 4, true, 1},    {300000, 1000000, 2, true, 0}, {300000, 1000000, 7, false, 1},
                 {3000000, 200000, 64, true, 0}};
    for (size_t c = 0; c < ASY_COUNT_OF(cases); c++) {
        struct crowd crowd;
        crowd_init(&crowd, cases[c].n_leads, cases[c].n, cases[c].n_writers, cases[c].is_in_time, cases[c].n_properties);
        asy_parallel(crowd.n_writers, (crowd.n + crowd.n_batch - 1) / crowd.n_batch, stage_piece, &crowd);
        expect_valid(&crowd.rig);
        group(&crowd.rig, crowd.n_leads, 1 + c % 3);
        qsort(crowd.packed, crowd.n, sizeof *crowd.packed, compare_packed);

        const struct asy_events *events = &crowd.rig.events;
        const uint32_t *first = asy_events_first(events);
        uint64_t i = 0;
        for (uint32_t row = 0; row < crowd.n_leads; row++)
            for (; i < first[row + 1]; i++) {
                cr_assert_eq(crowd.packed[i], (uint64_t)row << 36 | (uint64_t)asy_events_time(events)[i] << 8 | asy_events_name(events)[i]);
                if (events->n_properties == 0)
                    continue;
                const uint8_t name = asy_events_name(events)[i];
                const struct asy_str value = asy_events_property(events, asy_events_prop(events, i), 0);
                cr_assert(value.len == (name % 3 != 0) && (value.len == 0 || value.p[0] == (char)('a' + name % 20)));
            }
        cr_assert_eq(i, events->n);
        cr_assert(i == crowd.n || crowd.packed[i] == UINT64_MAX, "all but those without a lead");
        crowd_fini(&crowd);
    }
}

/* ---- memory ---- */

Test(store_events, staging_memory_is_given_back)
{
    struct rig rig;
    rig_init(&rig, 1, 6);
    open_log(&rig, 10, 1);
    for (uint32_t i = 0; i < 200000; i++)
        stage(&rig, &(struct event){i % 10, i, 0, {"p", ""}});
    cr_expect_geq(rig.mem.live_bytes, 200000 * 12);
    cr_expect_leq(rig.mem.live_bytes, 200000 * 12 * 5 / 4 + 200000, "a quarter more, and some chunks");
    group(&rig, 10, 1);
    cr_expect_eq(rig.mem.live_bytes, asy_dict_bytes(&rig.events.tuples));
    rig_fini(&rig);
}

Test(store_events, many_writers_of_few_events_take_little)
{
    for (uint32_t n_leads = 10; n_leads <= 10000000; n_leads *= 100) {
        struct rig rig;
        rig_init(&rig, 0, 6);
        open_log(&rig, n_leads, 64);
        for (uint32_t i = 0; i < 640; i++)
            stage_by(&rig, i % 64, &(struct event){(uint32_t)((uint64_t)i * 7919 * n_leads / 640 % n_leads), i, 0, {"", ""}});
        cr_expect_leq(rig.mem.live_bytes, 4u << 20, "%u leads: %" PRIu64 " bytes", n_leads, rig.mem.live_bytes);
        group(&rig, n_leads, 64);
        rig_fini(&rig);
    }
}

Test(store_events, events_without_a_lead_are_left_out)
{
    struct rig rig;
    struct assay_error error;
    rig_init(&rig, 0, 7);
    open_log(&rig, 6, 1);
    const uint32_t rows[] = {ASY_ROW_NONE, 0, ASY_ROW_NONE, 5, ASY_ROW_NONE}, time_s[] = {9, 1, 9, 2, 9};
    const uint8_t names[] = {9, 3, 9, 4, 9};
    cr_assert_eq(asy_events_stage(&rig.events, 0, 5, rows, time_s, names, NULL, &error), ASSAY_OK);
    cr_expect_eq(asy_events_staged(&rig.events), 2);
    expect_valid(&rig);
    group(&rig, 6, 1);
    expect_equal(&rig, (const struct event[]){{0, 1, 3, {"", ""}}, {5, 2, 4, {"", ""}}}, 2, 6);
    rig_fini(&rig);
}

Test(store_events, a_row_that_is_no_lead_is_not_written, .signal = SIGABRT)
{
    struct rig rig;
    rig_init(&rig, 0, 7);
    open_log(&rig, 5, 1);
    stage(&rig, &(struct event){5, 1, 0, {"", ""}});
}

Test(store_events, too_many_events_are_refused)
{
    struct rig rig;
    struct assay_error error;
    rig_init(&rig, 0, 8);
    open_log(&rig, 9, 1);
    rig.events.n_staged = ASY_EVENTS_MAX - 2;
    const uint32_t rows[] = {ASY_ROW_NONE, 3, ASY_ROW_NONE, 4, ASY_ROW_NONE, 5, 6}, time_s[7] = {0};
    const uint8_t names[7] = {0};
    cr_expect_eq(asy_events_stage(&rig.events, 0, 7, rows, time_s, names, NULL, &error), ASSAY_E_LIMIT);
    cr_expect_str_eq(error.text, "event log: events: expected at most 4294967294, found one more; score the database in "
                                 "parts, each with all events of its leads");
    cr_expect_eq(asy_events_staged(&rig.events), ASY_EVENTS_MAX);
    cr_expect_eq(asy_events_stage(&rig.events, 0, 1, rows + 1, time_s, names, NULL, &error), ASSAY_E_LIMIT);
    cr_expect_eq(asy_events_stage(&rig.events, 0, 1, rows, time_s, names, NULL, &error), ASSAY_OK, "without a lead");
    rig.events.n_staged -= ASY_EVENTS_MAX - 2;
    group(&rig, 9, 1);
    expect_equal(&rig, (const struct event[]){{3, 0, 0, {"", ""}}, {4, 0, 0, {"", ""}}}, 2, 9);
    rig_fini(&rig);
}

/* Stage all of a batch, again and again from where memory ended. */
static uint32_t stage_through_faults(struct rig *rig, uint32_t writer, uint32_t n, const uint32_t *rows, const uint32_t *time_s,
                                     const uint8_t *names, const uint32_t *tuples)
{
    struct assay_error error;
    uint32_t n_failed = 0;
    for (uint32_t done = 0; done < n;) {
        uint64_t before = asy_events_staged(&rig->events);
        assay_status status =
            asy_events_stage(&rig->events, writer, n - done, rows + done, time_s + done, names + done, tuples + done, &error);
        done += (uint32_t)(asy_events_staged(&rig->events) - before);
        if (status == ASSAY_OK) {
            cr_assert_eq(done, n);
            break;
        }
        n_failed++;
        cr_assert_eq(status, ASSAY_E_NOMEM);
        cr_assert_str_eq(error.text, "event log: expected memory for more events, found none");
        expect_valid(rig);
    }
    return n_failed;
}

Test(store_events, every_allocation_fails_once)
{
    enum { N = 6000, N_LEADS = 3000 };
    static uint32_t rows[N], time_s[N], codes[N];
    static uint8_t names[N];
    for (uint64_t fail_at = 1;; fail_at++) {
        struct fixture_faults faults = {.fail_at = fail_at, .once = true};
        struct rig rig;
        struct assay_error error;
        rig_init(&rig, 1, 9);
        fixture_mem_init(&rig.mem, &faults);
        uint32_t n_failed = 0;
        if (asy_events_open(&rig.events, N_LEADS, 2, &error) != ASSAY_OK) {
            n_failed++;
            cr_assert_str_eq(error.text, "event log: expected memory for 2 writers, found none");
            cr_assert(!rig.events.is_open);
            expect_valid(&rig);
            cr_assert_eq(rig.mem.live_bytes, 0);
            open_log(&rig, N_LEADS, 2);
        }
        for (uint32_t writer = 0; writer < 2; writer++) {
            for (uint32_t i = 0; i < N; i++) {
                char text[12];
                struct asy_str value = {text, (uint32_t)snprintf(text, sizeof text, "p%u", (i + writer) % 40)};
                if (asy_events_tuple(&rig.events, writer, &value, &codes[i]) != ASSAY_OK) {
                    n_failed++;
                    expect_valid(&rig);
                    cr_assert_eq(asy_events_tuple(&rig.events, writer, &value, &codes[i]), ASSAY_OK);
                }
                rows[i] = i < 5000 ? 0 : i % N_LEADS;
                time_s[i] = N - i;
                names[i] = (uint8_t)writer;
            }
            n_failed += stage_through_faults(&rig, writer, N, rows, time_s, names, codes);
        }
        assay_status status = asy_events_group(&rig.events, N_LEADS, 2, &error);
        if (status != ASSAY_OK) {
            n_failed++;
            cr_assert_eq(status, ASSAY_E_NOMEM);
            cr_assert(strstr(error.text, "event log: sorting: expected memory for"), "%s", error.text);
            expect_valid(&rig);
            cr_assert(!rig.events.is_grouped);
            cr_assert_eq(asy_events_staged(&rig.events), 2 * N);
            group(&rig, N_LEADS, 2);
        }
        expect_valid(&rig);
        cr_assert_eq(rig.events.n, 2 * N);
        rig_fini(&rig);
        if (n_failed == 0)
            break;
    }
}

/* A log that nobody opened: grouping opens it, and may find no memory for that. */
Test(store_events, opening_late_may_fail)
{
    struct fixture_faults faults = {.fail_at = 1, .once = true};
    struct rig rig;
    struct assay_error error;
    rig_init(&rig, 0, 10);
    fixture_mem_init(&rig.mem, &faults);
    cr_assert_eq(asy_events_group(&rig.events, 3, 1, &error), ASSAY_E_NOMEM);
    cr_assert(!rig.events.is_open);
    group(&rig, 3, 1);
    rig_fini(&rig);
}
