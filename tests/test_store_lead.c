/* The whole store: leads against a naive array, duplicates, sizes, and every allocation failing in turn. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "base/check.h"
#include "store/store.h"
#include "store_fixture.h"

enum { F_TEXT, F_INT, F_NUMBER, F_TIME, F_BOOL, F_PRESENT, F_UNUSED, N_FIELDS };

static struct asy_field fields[N_FIELDS] = {
    [F_TEXT] = {.name = {"text", 4}, .type = ASY_TEXT, .need = ASY_NEED_VALUE},
    [F_INT] = {.name = {"int", 3}, .type = ASY_INT, .need = ASY_NEED_VALUE},
    [F_NUMBER] = {.name = {"number", 6}, .type = ASY_NUMBER, .need = ASY_NEED_VALUE},
    [F_TIME] = {.name = {"time", 4}, .type = ASY_TIME, .need = ASY_NEED_VALUE},
    [F_BOOL] = {.name = {"bool", 4}, .type = ASY_BOOL, .need = ASY_NEED_VALUE},
    [F_PRESENT] = {.name = {"present", 7}, .type = ASY_TEXT, .need = ASY_NEED_PRESENCE},
    [F_UNUSED] = {.name = {"unused", 6}, .type = ASY_TEXT, .need = ASY_NEED_NOTHING},
};
static struct asy_str properties[] = {{"page", 4}};
static const struct asy_schema schema = {.n_fields = N_FIELDS, .fields = fields, .n_properties = 1, .properties = properties};

static void expect_valid(const struct asy_store *store)
{
    const char *reason = "";
    cr_assert(asy_store_valid(store, &reason), "%s", reason);
}

Test(store_lead, model_of_leads)
{
    enum { N = 3000 };
    struct model {
        uint32_t text, filled;
        int64_t value;
    };
    static struct model model[N];
    static uint32_t row_of[N], event_rows[4 * N], event_times[4 * N];
    static uint8_t event_names[4 * N];
    struct asy_mem mem;
    struct asy_store store;
    struct assay_error error;
    asy_mem_init(&mem, NULL);
    cr_assert_eq(asy_store_init(&store, &mem, &schema, 77, &error), ASSAY_OK);
    expect_valid(&store);
    uint64_t seed = 71;
    memset(row_of, 0xFF, sizeof row_of);
    uint32_t n = 0;
    for (uint32_t step = 0; step < 4 * N; step++) {
        char key[24], text[24];
        uint32_t which = fixture_below(&seed, N), row;
        bool is_new;
        struct asy_str id = {key, (uint32_t)snprintf(key, sizeof key, "lead-%u", which)};
        cr_assert_eq(asy_store_add(&store, id, &row, &is_new, &error), ASSAY_OK);
        cr_assert_eq(is_new, row_of[which] == ASY_ROW_NONE);
        if (is_new)
            row_of[which] = n++;
        cr_assert_eq(row, row_of[which]);
        if (is_new)
            for (uint32_t f = 0; f < N_FIELDS; f++)
                cr_assert(!asy_column_filled(&store.columns[f], row));

        struct model *lead = &model[row];
        lead->text = 1 + fixture_below(&seed, 400);
        lead->value = (int64_t)(fixture_random(&seed) >> fixture_below(&seed, 64)) / 2;
        lead->filled = fixture_below(&seed, 2);
        struct asy_str s = {text, (uint32_t)snprintf(text, sizeof text, "t%u", lead->text)};
        cr_assert_eq(asy_column_set_text(&store.columns[F_TEXT], row, s, &error), ASSAY_OK);
        cr_assert_eq(asy_column_set_int(&store.columns[F_INT], row, lead->value, &error), ASSAY_OK);
        asy_column_set_number(&store.columns[F_NUMBER], row, lead->filled ? (double)lead->value : NAN);
        asy_column_set_time(&store.columns[F_TIME], row, lead->value);
        cr_assert_eq(asy_column_set_code(&store.columns[F_BOOL], row, 1 + lead->filled, &error), ASSAY_OK);
        asy_column_set_present(&store.columns[F_PRESENT], row, lead->filled);
        event_rows[step] = row;
        event_times[step] = step;
        if (step % 1500 == 0)
            expect_valid(&store);
    }
    cr_assert_eq(asy_events_open(&store.events, store.n_leads, 1, &error), ASSAY_OK);
    cr_assert_eq(asy_events_stage(&store.events, 0, 4 * N, event_rows, event_times, event_names, NULL, &error), ASSAY_OK);
    expect_valid(&store);
    asy_store_trim(&store);
    expect_valid(&store);
    cr_assert_eq(asy_events_group(&store.events, store.n_leads, 2, &error), ASSAY_OK);
    expect_valid(&store);
    cr_expect_eq(store.n_leads, n);
    for (uint32_t row = 0; row < n; row++) {
        char text[24];
        snprintf(text, sizeof text, "t%u", model[row].text);
        const struct asy_column *c = store.columns;
        cr_assert(asy_str_is(asy_column_code_text(&c[F_TEXT], asy_column_code(&c[F_TEXT], row)), text));
        cr_assert_eq(asy_column_int(&c[F_INT], row), model[row].value);
        cr_assert_eq(asy_column_int(&c[F_TIME], row), model[row].value);
        cr_assert_eq(asy_column_filled(&c[F_NUMBER], row), (bool)model[row].filled);
        cr_assert_eq(asy_column_filled(&c[F_PRESENT], row), (bool)model[row].filled);
        cr_assert_eq(asy_column_code(&c[F_BOOL], row), 1 + model[row].filled);
    }
    struct asy_store_size size = asy_store_size(&store);
    const uint64_t column_structs = N_FIELDS * sizeof(struct asy_column);
    cr_expect_eq(size.columns_bytes, n * (2ull + 8 + 8 + 8 + 1) + (n + 7) / 8 + column_structs);
    cr_expect_eq(size.index_bytes + size.dicts_bytes + column_structs, mem.live_bytes);
    cr_expect_eq(size.keys_bytes, size.id_text_bytes + (n + 1) * 8ull, "ids of several lengths");
    cr_expect_gt(size.id_text_bytes, n * 6ull);
    cr_expect_eq(size.events_bytes, 4ull * (n + 1) + 4 * N * 5ull);
    asy_store_fini(&store);
    cr_expect_eq(mem.live_bytes, 0);
}

/* Batches with repeats inside and between them, against one after the other. */
Test(store_lead, batches_add_as_single_calls_do)
{
    enum { N_STEPS = 100, N_MOST = 200 };
    struct asy_mem mem;
    struct asy_store batched, single;
    struct assay_error error;
    asy_mem_init(&mem, NULL);
    cr_assert_eq(asy_store_init(&batched, &mem, &schema, 78, &error), ASSAY_OK);
    cr_assert_eq(asy_store_init(&single, &mem, &schema, 78, &error), ASSAY_OK);
    uint64_t seed = 72;
    for (uint32_t step = 0; step < N_STEPS; step++) {
        static char texts[N_MOST][24];
        struct asy_str keys[N_MOST];
        uint32_t rows[N_MOST];
        bool is_new[N_MOST];
        const uint32_t n = fixture_below(&seed, N_MOST + 1), n_before = batched.n_leads;
        for (uint32_t i = 0; i < n; i++)
            keys[i] = (struct asy_str){texts[i], (uint32_t)snprintf(texts[i], sizeof texts[i], "%015u",
                                                                    fixture_below(&seed, 40 * (step + 1)))};
        cr_assert_eq(asy_store_add_batch(&batched, keys, n, rows, is_new, &error), ASSAY_OK);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t row;
            bool single_is_new;
            cr_assert_eq(asy_store_add(&single, keys[i], &row, &single_is_new, &error), ASSAY_OK);
            cr_assert(rows[i] == row && is_new[i] == single_is_new);
        }
        cr_assert_eq(batched.n_leads, single.n_leads);
        for (uint32_t row = n_before; row < batched.n_leads; row++)
            for (uint32_t f = 0; f < N_FIELDS; f++)
                cr_assert(!asy_column_filled(&batched.columns[f], row));
        if (step % 10 == 0)
            expect_valid(&batched);
        if (step % 30 == 0)
            asy_store_trim(&batched);
    }
    expect_valid(&batched);
    struct asy_store_size size = asy_store_size(&batched);
    cr_expect_eq(size.keys_bytes, size.id_text_bytes, "ids of one length need no places");
    cr_expect_eq(size.id_text_bytes, 15ull * batched.n_leads);
    asy_store_fini(&batched);
    asy_store_fini(&single);
    cr_expect_eq(mem.live_bytes, 0);
}

/* The leads before the failing one are there, and trying again goes on from there. */
Test(store_lead, a_batch_without_memory_keeps_what_came_before)
{
    enum { N = 300 };
    static char texts[N][16];
    struct asy_str keys[N];
    uint32_t rows[N];
    bool is_new[N];
    for (uint32_t i = 0; i < N; i++)
        keys[i] = (struct asy_str){texts[i], (uint32_t)snprintf(texts[i], sizeof texts[i], "id%u", i)};
    for (uint64_t fail_at = 1;; fail_at++) {
        struct asy_mem mem;
        struct asy_store store;
        struct assay_error error;
        asy_mem_init(&mem, NULL);
        cr_assert_eq(asy_store_init(&store, &mem, &schema, 6, &error), ASSAY_OK);
        struct fixture_faults faults = {.fail_at = fail_at, .once = true};
        const uint64_t live_bytes = mem.live_bytes;
        fixture_mem_init(&mem, &faults);
        mem.live_bytes = live_bytes;
        assay_status status = asy_store_add_batch(&store, keys, N, rows, is_new, &error);
        expect_valid(&store);
        if (status != ASSAY_OK) {
            const uint32_t n_in = store.n_leads;
            cr_assert_eq(status, ASSAY_E_NOMEM);
            cr_assert(strstr(error.text, "lead store: expected memory for the id of one more lead, found none after "), "%s",
                      error.text);
            cr_assert_lt(n_in, N);
            cr_assert_eq(asy_store_add_batch(&store, keys, N, rows, is_new, &error), ASSAY_OK);
            for (uint32_t i = 0; i < N; i++)
                cr_assert_eq(is_new[i], i >= n_in);
            expect_valid(&store);
        }
        for (uint32_t i = 0; i < N; i++)
            cr_assert_eq(rows[i], i);
        asy_store_fini(&store);
        cr_assert_eq(mem.live_bytes, 0);
        if (status == ASSAY_OK)
            break;
    }
}

/* Leads that are there already are found although there is no room for one more. */
Test(store_lead, a_full_store_still_knows_its_leads)
{
    struct asy_mem mem;
    struct asy_store store;
    struct assay_error error;
    asy_mem_init(&mem, NULL);
    cr_assert_eq(asy_store_init(&store, &mem, &schema, 7, &error), ASSAY_OK);
    struct asy_str keys[4] = {ASY_STR("a"), ASY_STR("b"), ASY_STR("a"), ASY_STR("c")};
    uint32_t rows[4];
    bool is_new[4];
    cr_assert_eq(asy_store_add_batch(&store, keys, 2, rows, is_new, &error), ASSAY_OK);
    const uint32_t n_leads = store.n_leads;
    store.n_leads = ASY_LEADS_MAX; /* as if */
    cr_expect_eq(asy_store_add_batch(&store, keys, 3, rows, is_new, &error), ASSAY_OK);
    cr_expect(rows[0] == 0 && rows[1] == 1 && rows[2] == 0 && !is_new[2]);
    cr_expect_eq(asy_store_add_batch(&store, keys, 4, rows, is_new, &error), ASSAY_E_LIMIT);
    cr_expect_str_eq(error.text, "lead store: leads: expected at most 268435456, found one more; split the leads by id and score "
                                 "the parts");
    cr_expect(rows[3] == ASY_ROW_NONE && !is_new[3]);
    store.n_leads = n_leads;
    expect_valid(&store);
    asy_store_fini(&store);
    cr_expect_eq(mem.live_bytes, 0);
}

Test(store_lead, schema_without_fields)
{
    static const struct asy_schema none = {0};
    struct asy_mem mem;
    struct asy_store store;
    struct assay_error error;
    asy_mem_init(&mem, NULL);
    cr_assert_eq(asy_store_init(&store, &mem, &none, 1, &error), ASSAY_OK);
    uint32_t row;
    bool is_new;
    cr_expect_eq(asy_store_add(&store, ASY_STR("a"), &row, &is_new, &error), ASSAY_OK);
    expect_valid(&store);
    asy_store_fini(&store);
    cr_expect_eq(mem.live_bytes, 0);
}

Test(store_lead, many_fields_fit_in_the_address_space)
{
    enum { N = ASY_FIELDS_MAX };
    static struct asy_field many[N];
    for (uint32_t i = 0; i < N; i++)
        many[i] = (struct asy_field){.name = ASY_STR("f"), .type = ASY_TEXT, .need = ASY_NEED_VALUE};
    const struct asy_schema wide = {.n_fields = N, .fields = many};
    struct asy_mem mem;
    struct asy_store store;
    struct assay_error error = {.text = ""};
    asy_mem_init(&mem, NULL);
    assay_status status = asy_store_init(&store, &mem, &wide, 1, &error);
    if (status != ASSAY_OK) { /* a sanitizer or a limit leaves less of it: refused with a reason, nothing left behind */
        cr_expect_eq(status, ASSAY_E_LIMIT);
        cr_expect(strstr(error.text, "address space"), "%s", error.text);
    } else {
        uint32_t row;
        bool is_new;
        cr_expect_eq(asy_store_add(&store, ASY_STR("a"), &row, &is_new, &error), ASSAY_OK);
        expect_valid(&store);
        asy_store_fini(&store);
    }
    cr_expect_eq(mem.live_bytes, 0);
}

/* Builds a small store, trying each step again once when it fails; the number of failures. */
static uint32_t build(struct asy_mem *mem, bool again)
{
    struct asy_store store;
    struct assay_error error;
    assay_status status = asy_store_init(&store, mem, &schema, 5, &error);
    if (status != ASSAY_OK) {
        cr_assert_eq(status, ASSAY_E_NOMEM);
        cr_assert(strstr(error.text, "expected memory for"), "%s", error.text);
        cr_assert_eq(mem->live_bytes, 0, "nothing is left behind");
        return 1;
    }
    uint32_t n_failed = 0, rows[300];
    for (uint32_t i = 0; i < 300; i++) {
        char key[16], text[16];
        struct asy_str id = {key, (uint32_t)snprintf(key, sizeof key, "id%u", i % 200)};
        struct asy_str value = {text, (uint32_t)snprintf(text, sizeof text, "value %u", i)};
        uint32_t row;
        bool is_new;
        while ((status = asy_store_add(&store, id, &row, &is_new, &error)) != ASSAY_OK) {
            cr_assert_eq(status, ASSAY_E_NOMEM);
            cr_assert(strstr(error.text, "lead store: expected memory for the id of one more lead"), "%s", error.text);
            cr_assert(!strstr(error.text, key), "ids stay out of errors");
            expect_valid(&store);
            n_failed++;
            if (!again)
                goto out;
        }
        cr_assert_eq(is_new, i < 200);
        cr_assert_eq(row, i % 200);
        while ((status = asy_column_set_text(&store.columns[F_TEXT], row, value, &error)) != ASSAY_OK) {
            cr_assert_eq(status, ASSAY_E_NOMEM);
            expect_valid(&store);
            n_failed++;
            if (!again)
                goto out;
        }
        cr_assert_eq(asy_column_set_int(&store.columns[F_INT], row, (int64_t)i * i * i * i, &error), ASSAY_OK);
        rows[i] = row;
    }
    while ((status = asy_events_open(&store.events, store.n_leads, 1, &error)) != ASSAY_OK) {
        cr_assert_eq(status, ASSAY_E_NOMEM);
        expect_valid(&store);
        n_failed++;
        if (!again)
            goto out;
    }
    for (uint32_t i = 0; i < 300; i++) {
        char text[16];
        struct asy_str value = {text, (uint32_t)snprintf(text, sizeof text, "value %u", i)};
        const uint32_t time_s = 300 - i;
        const uint8_t name = 0;
        uint32_t code;
        while (asy_events_tuple(&store.events, 0, &value, &code) != ASSAY_OK) {
            expect_valid(&store);
            n_failed++;
            if (!again)
                goto out;
        }
        while (asy_events_stage(&store.events, 0, 1, &rows[i], &time_s, &name, &code, &error) != ASSAY_OK) {
            expect_valid(&store);
            n_failed++;
            if (!again)
                goto out;
        }
    }
    while ((status = asy_events_group(&store.events, store.n_leads, 2, &error)) != ASSAY_OK) {
        cr_assert_eq(status, ASSAY_E_NOMEM);
        expect_valid(&store);
        n_failed++;
        if (!again)
            goto out;
    }
    cr_assert_eq(store.n_leads, 200);
out:
    expect_valid(&store);
    asy_store_fini(&store);
    return n_failed;
}

Test(store_lead, every_allocation_fails_in_turn)
{
    for (uint32_t once = 0; once < 2; once++)
        for (uint64_t fail_at = 1;; fail_at++) {
            struct fixture_faults faults = {.fail_at = fail_at, .once = once};
            struct asy_mem mem;
            fixture_mem_init(&mem, &faults);
            uint32_t n_failed = build(&mem, once);
            cr_assert_eq(mem.live_bytes, 0, "allocation %u: %u bytes leaked", (unsigned)fail_at, (unsigned)mem.live_bytes);
            if (n_failed == 0)
                break;
        }
}
