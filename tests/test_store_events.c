/* The event log: order, independence of the input's order, tuples, giant leads. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "store/column.h"
#include "store/events.h"
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

static void stage(struct rig *rig, const struct event *event)
{
    struct assay_error error;
    uint32_t code = 0;
    struct asy_str values[2] = {asy_str_of(event->property[0]), asy_str_of(event->property[1])};
    if (rig->events.n_properties)
        cr_assert_eq(asy_events_tuple(&rig->events, values, &code), ASSAY_OK);
    cr_assert_eq(asy_events_stage(&rig->events, event->row, event->time_s, event->name, code, &error), ASSAY_OK);
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
    for (int i = 0; i < N; i++)
        stage(&rig, &events[i]);
    expect_valid(&rig);
    cr_expect_eq(asy_events_bytes(&rig.events), N * 13);
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
    struct asy_str tuples[][3] = {
        {ASY_STR("a\x1f"), ASY_STR("b"), ASY_STR("")}, {ASY_STR("a"), ASY_STR("\x1f" "b"), ASY_STR("")},
        {ASY_STR("\0"), {NULL, 0}, ASY_STR("x")},        {{NULL, 0}, ASY_STR("\0"), ASY_STR("x")},
        {{NULL, 0}, {NULL, 0}, {NULL, 0}},               {ASY_STR("ab"), ASY_STR(""), ASY_STR("")},
    };
    uint32_t codes[6];
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(asy_events_tuple(&rig.events, tuples[i], &codes[i]), ASSAY_OK);
        for (uint32_t k = 0; k < 3; k++)
            cr_expect(asy_str_eq(asy_events_property(&rig.events, codes[i], k), tuples[i][k]));
        for (int before = 0; before < i; before++)
            cr_expect_neq(codes[before], codes[i]);
    }
    cr_expect_eq(codes[4], 0);
    expect_valid(&rig);
    rig_fini(&rig);
}

/* Many small leads, some without events, few and many tuples, with and without properties, against qsort: the bytes of
 * the log do not depend on order, threads or hash secret. */
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
            for (uint32_t i = 0; i < N; i++)
                stage(&rig, &events[i]);
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
        kept.events.tuples.hasher = &kept.hasher;
        rig_fini(&kept);
    }
}

Test(store_events, more_than_65536_tuples_take_four_bytes)
{
    enum { N = 70000 };
    struct rig rig;
    rig_init(&rig, 1, 4);
    for (uint32_t i = 0; i < N; i++) {
        struct event event = {i % 7, 5, 1, {"", ""}};
        snprintf(event.property[0], 12, "%u", (N - i) * 7919u);
        stage(&rig, &event);
    }
    group(&rig, 7, 2);
    cr_expect_eq(rig.events.prop_width, 4);
    for (uint32_t code = 2; code <= N; code++)
        cr_assert(asy_str_cmp(asy_events_property(&rig.events, code - 1, 0),
                              asy_events_property(&rig.events, code, 0)) < 0);
    rig_fini(&rig);
}

/* One lead with most events of the database, in falling, shuffled and saw-tooth time: quadratic sorting would never end. */
Test(store_events, giant_lead)
{
    enum { N = 1200000 };
    for (uint32_t shape = 0; shape < 3; shape++) {
        uint64_t seed = 61;
        struct rig rig;
        struct assay_error error;
        rig_init(&rig, 0, 5);
        for (uint32_t i = 0; i < N; i++) {
            uint32_t time_s = shape == 0 ? N - i : shape == 1 ? (uint32_t)fixture_random(&seed) : i % 1000;
            cr_assert_eq(asy_events_stage(&rig.events, i % 100 == 0 ? i / 100 % 5000 : 4999, time_s, (uint8_t)i, 0, &error),
                         ASSAY_OK);
        }
        group(&rig, 5000, 2);
        cr_expect_geq(asy_events_first(&rig.events)[5000] - asy_events_first(&rig.events)[4999], N / 100 * 99);
        rig_fini(&rig);
    }
}

Test(store_events, staging_memory_is_given_back)
{
    struct rig rig;
    rig_init(&rig, 1, 6);
    for (uint32_t i = 0; i < 200000; i++)
        stage(&rig, &(struct event){i % 10, i, 0, {"p", ""}});
    cr_expect_gt(rig.events.s_row.used_bytes, 0);
    group(&rig, 10, 1);
    cr_expect_eq(rig.events.s_row.used_bytes + rig.events.s_time.used_bytes + rig.events.s_name.used_bytes +
                     rig.events.s_prop.used_bytes,
                 0);
    rig_fini(&rig);
}

Test(store_events, a_row_that_is_no_lead_is_refused_and_events_stay_staged)
{
    struct rig rig;
    struct assay_error error;
    rig_init(&rig, 0, 7);
    stage(&rig, &(struct event){0, 1, 0, {"", ""}});
    stage(&rig, &(struct event){5, 1, 0, {"", ""}});
    cr_expect_eq(asy_events_group(&rig.events, 5, 1, &error), ASSAY_E_PARAM);
    cr_expect_str_eq(error.text, "event log: row of event 1: expected one below 5, found 5");
    expect_valid(&rig);
    group(&rig, 6, 1);
    cr_expect_eq(asy_events_first(&rig.events)[1], 1);
    rig_fini(&rig);
}

Test(store_events, too_many_events_are_refused)
{
    struct rig rig;
    struct assay_error error;
    rig_init(&rig, 0, 8);
    rig.events.n = ASY_EVENTS_MAX;
    cr_expect_eq(asy_events_stage(&rig.events, 0, 0, 0, 0, &error), ASSAY_E_LIMIT);
    cr_expect_str_eq(error.text, "event log: events: expected at most 4294967294, found one more; score the database in "
                                 "parts, each with all events of its leads");
    rig.events.n = 0;
    rig_fini(&rig);
}

Test(store_events, every_allocation_fails_once)
{
    for (uint64_t fail_at = 1;; fail_at++) {
        struct fixture_faults faults = {.fail_at = fail_at, .once = true};
        struct rig rig;
        struct assay_error error;
        rig_init(&rig, 1, 9);
        fixture_mem_init(&rig.mem, &faults);
        uint32_t n_failed = 0;
        for (uint32_t i = 0; i < 6000; i++) {
            char text[12];
            struct asy_str value = {text, (uint32_t)snprintf(text, sizeof text, "p%u", i % 40)};
            uint32_t code;
            if (asy_events_tuple(&rig.events, &value, &code) != ASSAY_OK) {
                n_failed++;
                expect_valid(&rig);
                cr_assert_eq(asy_events_tuple(&rig.events, &value, &code), ASSAY_OK);
            }
            cr_assert_eq(asy_events_stage(&rig.events, i < 5000 ? 0 : i % 10, 6000 - i, 0, code, &error), ASSAY_OK);
        }
        assay_status status = asy_events_group(&rig.events, 10, 1, &error);
        if (status != ASSAY_OK) {
            n_failed++;
            cr_assert_eq(status, ASSAY_E_NOMEM);
            cr_assert(strstr(error.text, "event log: sorting: expected memory for"), "%s", error.text);
            expect_valid(&rig);
            cr_assert(!rig.events.is_grouped);
            group(&rig, 10, 1);
        }
        expect_valid(&rig);
        rig_fini(&rig);
        if (n_failed == 0)
            break;
    }
}
