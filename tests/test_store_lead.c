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
    static uint32_t row_of[N];
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
        cr_assert_eq(asy_events_stage(&store.events, row, step, 0, 0, &error), ASSAY_OK);
        if (step % 1500 == 0)
            expect_valid(&store);
    }
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
    cr_expect_eq(size.columns_bytes, n * (2ull + 8 + 8 + 8 + 1) + (n + 7) / 8);
    cr_expect_eq(size.index_bytes + size.dicts_bytes + N_FIELDS * sizeof(struct asy_column), mem.live_bytes);
    cr_expect_gt(size.keys_bytes, n * 8ull);
    cr_expect_eq(size.events_bytes, 4ull * (n + 1) + 4 * N * 5ull);
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
    uint32_t n_failed = 0;
    for (uint32_t i = 0; i < 300; i++) {
        char key[16], text[16];
        struct asy_str id = {key, (uint32_t)snprintf(key, sizeof key, "id%u", i % 200)};
        struct asy_str value = {text, (uint32_t)snprintf(text, sizeof text, "value %u", i)};
        uint32_t row, code;
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
        while (asy_events_tuple(&store.events, &value, &code) != ASSAY_OK) {
            expect_valid(&store);
            n_failed++;
            if (!again)
                goto out;
        }
        cr_assert_eq(asy_events_stage(&store.events, row, 300 - i, 0, code, &error), ASSAY_OK);
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
