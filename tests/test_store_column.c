/* Columns against naive arrays: values, emptiness, widening, counts. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "base/check.h"
#include "store/column.h"
#include "store_fixture.h"

struct rig {
    struct asy_mem mem;
    struct asy_arena arena;
    struct asy_hasher hasher;
    struct asy_field field;
    struct asy_column column;
};

static void rig_init(struct rig *rig, uint8_t type, uint8_t need)
{
    asy_mem_init(&rig->mem, NULL);
    asy_hasher_init(&rig->hasher, 7);
    struct assay_error error;
    rig->field = (struct asy_field){.name = ASY_STR("some.field"), .type = type, .need = need};
    cr_assert_eq(asy_arena_init(&rig->arena, asy_column_reserve_bytes(&rig->field) + (4u << 20), &error), ASSAY_OK);
    cr_assert_eq(asy_column_init(&rig->column, &rig->field, &rig->mem, &rig->arena, &rig->hasher, &error), ASSAY_OK);
}

static void rig_fini(struct rig *rig)
{
    asy_column_fini(&rig->column);
    asy_arena_fini(&rig->arena);
    cr_assert_eq(rig->mem.live_bytes, 0);
}

static void expect_valid(const struct rig *rig)
{
    const char *reason = "";
    cr_assert(asy_column_valid(&rig->column, &reason), "%s", reason);
}

static void extend(struct rig *rig, uint32_t n_rows)
{
    struct assay_error error;
    cr_assert_eq(asy_column_extend(&rig->column, n_rows, &error), ASSAY_OK);
}

static void set_int(struct rig *rig, uint32_t row, int64_t value)
{
    struct assay_error error;
    cr_assert_eq(asy_column_set_int(&rig->column, row, value, &error), ASSAY_OK);
}

Test(store_column, representation_by_type_and_need)
{
    static const struct {
        uint8_t type, need, repr, width;
    } cases[] = {
        {ASY_TEXT, ASY_NEED_NOTHING, ASY_REPR_NOTHING, 0},   {ASY_INT, ASY_NEED_PRESENCE, ASY_REPR_PRESENCE, 0},
        {ASY_TEXT, ASY_NEED_VALUE, ASY_REPR_CODE, 1},        {ASY_ENUM, ASY_NEED_VALUE, ASY_REPR_CODE, 1},
        {ASY_BOOL, ASY_NEED_VALUE, ASY_REPR_CODE, 1},        {ASY_COUNTRY, ASY_NEED_VALUE, ASY_REPR_CODE, 1},
        {ASY_INT, ASY_NEED_VALUE, ASY_REPR_INT, 1},          {ASY_NUMBER, ASY_NEED_VALUE, ASY_REPR_NUMBER, 8},
        {ASY_TIME, ASY_NEED_VALUE, ASY_REPR_TIME, 8},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        struct rig rig;
        rig_init(&rig, cases[i].type, cases[i].need);
        cr_expect_eq(rig.column.repr, cases[i].repr);
        cr_expect_eq(rig.column.width, cases[i].width);
        extend(&rig, 1000);
        expect_valid(&rig);
        cr_expect_eq(rig.column.n_filled, 0);
        for (uint32_t row = 0; row < 1000; row++)
            cr_assert(!asy_column_filled(&rig.column, row));
        rig_fini(&rig);
    }
}

Test(store_column, int_widens_at_the_least_value_of_each_width)
{
    static const struct {
        int64_t value;
        uint8_t width;
    } cases[] = {
        {0, 1}, {127, 1}, {-127, 1}, {-128, 2}, {128, 2}, {32767, 2}, {-32767, 2}, {-32768, 4}, {32768, 4},
        {INT32_MAX, 4}, {-(int64_t)INT32_MAX, 4}, {INT32_MIN, 8}, {(int64_t)INT32_MAX + 1, 8}, {INT64_MAX, 8},
        {INT64_MIN + 1, 8},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        struct rig rig;
        rig_init(&rig, ASY_INT, ASY_NEED_VALUE);
        extend(&rig, 5);
        set_int(&rig, 1, -5);
        set_int(&rig, 3, cases[i].value);
        cr_expect_eq(rig.column.width, cases[i].width);
        cr_expect_eq(asy_column_int(&rig.column, 3), cases[i].value);
        cr_expect_eq(asy_column_int(&rig.column, 1), -5);
        cr_expect_eq(asy_column_int(&rig.column, 0), ASY_INT_EMPTY);
        cr_expect_eq(asy_column_int(&rig.column, 4), ASY_INT_EMPTY);
        cr_expect_eq(rig.column.n_filled, 2);
        asy_column_clear(&rig.column, 3);
        cr_expect(!asy_column_filled(&rig.column, 3));
        cr_expect_eq(rig.column.n_filled, 1);
        expect_valid(&rig);
        rig_fini(&rig);
    }
}

Test(store_column, model_of_ints_with_growing_range)
{
    enum { N_ROWS = 3000 };
    uint64_t seed = 21;
    static int64_t model[N_ROWS];
    struct rig rig;
    rig_init(&rig, ASY_INT, ASY_NEED_VALUE);
    uint32_t n_rows = 0;
    for (uint32_t step = 0; step < 20000; step++) {
        if (n_rows < N_ROWS && (n_rows == 0 || fixture_below(&seed, 4) == 0)) {
            uint32_t more = n_rows + 1 + fixture_below(&seed, 3);
            more = more < N_ROWS ? more : N_ROWS;
            while (n_rows < more)
                model[n_rows++] = ASY_INT_EMPTY;
            extend(&rig, n_rows);
        }
        uint32_t row = fixture_below(&seed, n_rows);
        /* Values of more bits the longer it goes on. */
        uint32_t n_bits = 1 + step * 63 / 20000;
        int64_t value = (int64_t)(fixture_random(&seed) & ((1ull << n_bits) - 1));
        if (fixture_below(&seed, 2))
            value = -value;
        if (fixture_below(&seed, 8) == 0) {
            asy_column_clear(&rig.column, row);
            model[row] = ASY_INT_EMPTY;
        } else {
            set_int(&rig, row, value);
            model[row] = value;
        }
        if (step % 997 == 0) {
            expect_valid(&rig);
            for (uint32_t r = 0; r < n_rows; r++)
                cr_assert_eq(asy_column_int(&rig.column, r), model[r]);
        }
    }
    cr_expect_eq(rig.column.width, 8);
    expect_valid(&rig);
    for (uint32_t r = 0; r < n_rows; r++)
        cr_assert_eq(asy_column_int(&rig.column, r), model[r]);
    cr_expect_eq(asy_column_bytes(&rig.column), 8ull * n_rows);
    rig_fini(&rig);
}

Test(store_column, text_codes_widen_at_256_and_65536)
{
    enum { N_ROWS = 70000 };
    struct rig rig;
    struct assay_error error;
    rig_init(&rig, ASY_TEXT, ASY_NEED_VALUE);
    char text[16];
    for (uint32_t row = 0; row < N_ROWS; row++) {
        extend(&rig, row + 1);
        int len = snprintf(text, sizeof text, "t%u", row);
        cr_assert_eq(asy_column_set_text(&rig.column, row, (struct asy_str){text, (uint32_t)len}, &error), ASSAY_OK);
        uint8_t width = row + 1 < 256 ? 1 : row + 1 < 65536 ? 2 : 4;
        cr_assert_eq(rig.column.width, width, "row %u: width %u", row, rig.column.width);
        if (row == 254 || row == 255 || row == 256 || row == 65535)
            expect_valid(&rig);
    }
    for (uint32_t row = 0; row < N_ROWS; row++) {
        int len = snprintf(text, sizeof text, "t%u", row);
        cr_assert_eq(asy_column_code(&rig.column, row), row + 1);
        cr_assert(asy_str_eq(asy_column_code_text(&rig.column, row + 1), (struct asy_str){text, (uint32_t)len}));
        cr_assert_eq(asy_column_find_code(&rig.column, (struct asy_str){text, (uint32_t)len}), row + 1);
    }
    cr_expect_eq(asy_column_n_codes(&rig.column), N_ROWS + 1);
    cr_expect_eq(asy_column_find_code(&rig.column, ASY_STR("T1")), 0);
    cr_assert_eq(asy_column_set_text(&rig.column, 5, ASY_STR(""), &error), ASSAY_OK);
    cr_expect(!asy_column_filled(&rig.column, 5));
    cr_expect_eq(rig.column.n_filled, N_ROWS - 1);
    expect_valid(&rig);
    rig_fini(&rig);
}

Test(store_column, codes_of_bool_country_and_enum)
{
    struct assay_error error;
    struct rig rig;
    rig_init(&rig, ASY_BOOL, ASY_NEED_VALUE);
    extend(&rig, 3);
    cr_assert_eq(asy_column_set_code(&rig.column, 0, 2, &error), ASSAY_OK);
    cr_assert_eq(asy_column_set_code(&rig.column, 1, 1, &error), ASSAY_OK);
    cr_expect_eq(asy_column_n_codes(&rig.column), 3);
    cr_expect(asy_str_is(asy_column_code_text(&rig.column, 1), "false"));
    cr_expect(asy_str_is(asy_column_code_text(&rig.column, 2), "true"));
    cr_expect_eq(asy_column_code_text(&rig.column, 0).len, 0);
    cr_expect_eq(asy_column_find_code(&rig.column, ASY_STR("true")), 2);
    cr_expect_eq(asy_column_find_code(&rig.column, ASY_STR("TRUE")), 0);
    cr_expect_eq(rig.column.n_filled, 2, "false is a value");
    expect_valid(&rig);
    rig_fini(&rig);

    rig_init(&rig, ASY_COUNTRY, ASY_NEED_VALUE);
    extend(&rig, 1);
    uint32_t norway = asy_country_code(ASY_STR("Norway"));
    cr_assert_eq(asy_column_set_code(&rig.column, 0, norway, &error), ASSAY_OK);
    cr_expect_eq(asy_column_find_code(&rig.column, ASY_STR("NO")), norway);
    cr_expect_eq(asy_column_find_code(&rig.column, ASY_STR("Norway")), 0, "only the exact text of a code");
    cr_expect(asy_str_is(asy_column_code_text(&rig.column, norway), "NO"));
    cr_expect_eq(asy_column_n_codes(&rig.column), 250);
    cr_expect_eq(rig.column.width, 1);
    rig_fini(&rig);

    static struct asy_str values[300];
    static char texts[300][8];
    for (int i = 0; i < 300; i++)
        values[i] = (struct asy_str){texts[i], (uint32_t)snprintf(texts[i], 8, "v%d", i)};
    rig_init(&rig, ASY_ENUM, ASY_NEED_VALUE);
    rig.field.values = values;
    rig.field.n_values = 300;
    extend(&rig, 2);
    cr_assert_eq(asy_column_set_code(&rig.column, 0, 255, &error), ASSAY_OK);
    cr_expect_eq(rig.column.width, 1);
    cr_assert_eq(asy_column_set_code(&rig.column, 1, 300, &error), ASSAY_OK);
    cr_expect_eq(rig.column.width, 2);
    cr_expect_eq(asy_column_code(&rig.column, 0), 255);
    cr_expect_eq(asy_column_find_code(&rig.column, ASY_STR("v299")), 300);
    cr_expect_eq(asy_column_find_code(&rig.column, ASY_STR("V299")), 0);
    cr_expect(asy_str_is(asy_column_code_text(&rig.column, 300), "v299"));
    expect_valid(&rig);
    rig_fini(&rig);
}

Test(store_column, numbers_and_times)
{
    struct rig rig;
    rig_init(&rig, ASY_NUMBER, ASY_NEED_VALUE);
    extend(&rig, 4);
    cr_expect(isnan(asy_column_number(&rig.column, 0)));
    asy_column_set_number(&rig.column, 0, 0.0);
    asy_column_set_number(&rig.column, 1, -1.5e300);
    asy_column_set_number(&rig.column, 2, 7);
    asy_column_set_number(&rig.column, 2, 8);
    asy_column_set_number(&rig.column, 1, NAN);
    cr_expect_eq(asy_column_number(&rig.column, 2), 8);
    cr_expect(asy_column_filled(&rig.column, 0));
    cr_expect(!asy_column_filled(&rig.column, 1));
    cr_expect_eq(rig.column.n_filled, 2);
    asy_column_clear(&rig.column, 0);
    cr_expect_eq(rig.column.n_filled, 1);
    expect_valid(&rig);
    rig_fini(&rig);

    rig_init(&rig, ASY_TIME, ASY_NEED_VALUE);
    extend(&rig, 3);
    asy_column_set_time(&rig.column, 0, 0);
    asy_column_set_time(&rig.column, 1, -62135596800000000);
    cr_expect_eq(asy_column_int(&rig.column, 1), -62135596800000000);
    cr_expect_eq(asy_column_int(&rig.column, 2), ASY_TIME_EMPTY);
    cr_expect_eq(rig.column.n_filled, 2);
    asy_column_set_time(&rig.column, 0, ASY_TIME_EMPTY);
    cr_expect_eq(rig.column.n_filled, 1);
    expect_valid(&rig);
    rig_fini(&rig);
}

Test(store_column, presence_and_nothing_take_every_setter)
{
    static const uint8_t needs[] = {ASY_NEED_PRESENCE, ASY_NEED_NOTHING};
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        struct assay_error error;
        rig_init(&rig, ASY_TEXT, needs[i]);
        bool kept = needs[i] == ASY_NEED_PRESENCE;
        extend(&rig, 130);
        cr_assert_eq(asy_column_set_text(&rig.column, 3, ASY_STR("x"), &error), ASSAY_OK);
        cr_assert_eq(asy_column_set_text(&rig.column, 3, ASY_STR("y"), &error), ASSAY_OK);
        cr_assert_eq(asy_column_set_int(&rig.column, 7, 0, &error), ASSAY_OK);
        cr_assert_eq(asy_column_set_code(&rig.column, 8, 1, &error), ASSAY_OK);
        asy_column_set_number(&rig.column, 63, 0);
        asy_column_set_time(&rig.column, 64, 0);
        asy_column_set_present(&rig.column, 129, true);
        asy_column_set_present(&rig.column, 128, false);
        cr_expect_eq(rig.column.n_filled, kept ? 6 : 0);
        cr_expect_eq(asy_column_filled(&rig.column, 3), kept);
        cr_expect_eq(asy_column_filled(&rig.column, 129), kept);
        cr_expect(!asy_column_filled(&rig.column, 4));
        asy_column_clear(&rig.column, 3);
        asy_column_clear(&rig.column, 3);
        cr_assert_eq(asy_column_set_text(&rig.column, 7, ASY_STR(""), &error), ASSAY_OK);
        cr_expect_eq(rig.column.n_filled, kept ? 4 : 0);
        cr_expect_eq(rig.column.dict.n, 1);
        cr_expect_eq(asy_column_bytes(&rig.column), kept ? 17 : 0);
        expect_valid(&rig);
        rig_fini(&rig);
    }
}

Test(store_column, without_memory_a_text_is_refused_and_the_column_stays_as_it_was)
{
    struct rig rig;
    struct assay_error error;
    rig_init(&rig, ASY_TEXT, ASY_NEED_VALUE);
    extend(&rig, 2);
    struct fixture_faults faults = {.fail_at = 1};
    fixture_mem_init(&rig.mem, &faults);
    cr_expect_eq(asy_column_set_text(&rig.column, 0, ASY_STR("secret"), &error), ASSAY_E_NOMEM);
    cr_expect_str_eq(error.text,
                     "field some.field: different texts: expected memory for one more, found none after 0");
    cr_expect_eq(error.code, ASSAY_E_NOMEM);
    cr_expect(!asy_column_filled(&rig.column, 0));
    expect_valid(&rig);
    rig_fini(&rig);
}

Test(store_column, beyond_the_range_extending_is_refused)
{
    struct rig rig;
    struct assay_error error;
    rig_init(&rig, ASY_NUMBER, ASY_NEED_VALUE);
    extend(&rig, 10);
    cr_expect_eq(asy_column_extend(&rig.column, ASY_LEADS_MAX + 1, &error), ASSAY_E_LIMIT);
    cr_expect_eq(rig.column.n_rows, 10);
    expect_valid(&rig);
    rig_fini(&rig);
}

/* ---- many at once ---- */

enum { BATCH_MOST = 700 };

struct values { /* a batch for every kind of setter */
    uint32_t n;
    uint32_t codes[BATCH_MOST];
    char words[BATCH_MOST][16];
    struct asy_str texts[BATCH_MOST];
    int64_t ints[BATCH_MOST], times[BATCH_MOST];
    double numbers[BATCH_MOST];
    uint8_t present[BATCH_MOST];
};

static void draw_values(struct values *v, uint64_t *seed, uint32_t n, uint32_t n_codes, uint32_t n_bits)
{
    v->n = n;
    for (uint32_t i = 0; i < n; i++) {
        const bool is_empty = fixture_below(seed, 4) == 0;
        const int64_t value = (int64_t)(fixture_random(seed) & ((1ull << n_bits) - 1));
        v->present[i] = !is_empty;
        v->codes[i] = is_empty ? 0 : fixture_below(seed, n_codes);
        v->texts[i] = (struct asy_str){v->words[i], (uint32_t)snprintf(v->words[i], 16, "w%u", v->codes[i])};
        if (is_empty)
            v->texts[i].len = 0;
        v->ints[i] = is_empty ? ASY_INT_EMPTY : fixture_below(seed, 2) ? value : -value;
        v->times[i] = v->ints[i];
        v->numbers[i] = is_empty ? -NAN : (double)v->ints[i] / 7;
    }
}

static void set_batch(struct rig *rig, uint8_t type, uint32_t row0, const struct values *v)
{
    struct assay_error error;
    struct asy_column *column = &rig->column;
    assay_status status = ASSAY_OK;
    switch (type) {
    case ASY_TEXT:
        status = asy_column_set_texts(column, row0, v->n, v->texts, &error);
        break;
    case ASY_ENUM:
        status = asy_column_set_codes(column, row0, v->n, v->codes, &error);
        break;
    case ASY_INT:
        status = asy_column_set_ints(column, row0, v->n, v->ints, &error);
        break;
    case ASY_NUMBER:
        asy_column_set_numbers(column, row0, v->n, v->numbers);
        break;
    default:
        asy_column_set_times(column, row0, v->n, v->times);
        break;
    }
    cr_assert_eq(status, ASSAY_OK);
}

static void set_singly(struct rig *rig, uint8_t type, uint32_t row0, const struct values *v)
{
    struct assay_error error;
    struct asy_column *column = &rig->column;
    for (uint32_t i = 0; i < v->n; i++) {
        const uint32_t row = row0 + i;
        if (!v->present[i])
            continue;
        if (type == ASY_TEXT)
            cr_assert_eq(asy_column_set_text(column, row, v->texts[i], &error), ASSAY_OK);
        else if (type == ASY_ENUM)
            cr_assert_eq(asy_column_set_code(column, row, v->codes[i], &error), ASSAY_OK);
        else if (type == ASY_INT)
            cr_assert_eq(asy_column_set_int(column, row, v->ints[i], &error), ASSAY_OK);
        else if (type == ASY_NUMBER)
            asy_column_set_number(column, row, v->numbers[i]);
        else
            asy_column_set_time(column, row, v->times[i]);
    }
}

/* Batches of growing values, between rows that stay empty, leave the very bytes that single setters leave. */
Test(store_column, batches_set_what_single_setters_do)
{
    static const uint8_t types[] = {ASY_TEXT, ASY_ENUM, ASY_INT, ASY_NUMBER, ASY_TIME};
    static const uint8_t needs[] = {ASY_NEED_VALUE, ASY_NEED_PRESENCE, ASY_NEED_NOTHING};
    static struct values values;
    for (size_t t = 0; t < ASY_COUNT_OF(types); t++)
        for (size_t k = 0; k < ASY_COUNT_OF(needs); k++) {
            struct rig batched, single;
            rig_init(&batched, types[t], needs[k]);
            rig_init(&single, types[t], needs[k]);
            batched.field.n_values = single.field.n_values = 100000;
            uint64_t seed = 81 + 3 * t + k;
            uint32_t n_rows = 0;
            for (uint32_t step = 0; step < 300; step++) {
                const uint32_t n_before = fixture_below(&seed, 20), n_after = fixture_below(&seed, 20);
                draw_values(&values, &seed, fixture_below(&seed, step % 2 ? 20 : BATCH_MOST + 1), 10 + step * step, 1 + step / 5);
                const uint32_t row0 = n_rows + n_before;
                n_rows = row0 + values.n + n_after;
                extend(&batched, n_rows);
                extend(&single, n_rows);
                set_batch(&batched, types[t], row0, &values);
                set_singly(&single, types[t], row0, &values);
                cr_assert_eq(batched.column.n_filled, single.column.n_filled);
                cr_assert_eq(batched.column.width, single.column.width);
                const uint64_t n_bytes = asy_column_bytes(&batched.column);
                cr_assert(n_bytes == 0 || memcmp(batched.column.range.base, single.column.range.base, n_bytes) == 0,
                          "type %u, need %u, step %u", types[t], needs[k], step);
            }
            expect_valid(&batched);
            cr_expect_eq(batched.column.n_filled > 0, needs[k] != ASY_NEED_NOTHING);
            asy_column_trim(&batched.column, &batched.arena);
            expect_valid(&batched);
            extend(&batched, n_rows + 100);
            expect_valid(&batched);
            rig_fini(&batched);
            rig_fini(&single);
        }
}

Test(store_column, presents_at_every_place_in_a_byte)
{
    for (uint32_t before = 0; before < 9; before++)
        for (uint32_t n = 0; n < 40; n++) {
            struct rig rig;
            uint8_t present[40];
            uint64_t seed = 91 + n;
            uint32_t n_present = 0;
            rig_init(&rig, ASY_TEXT, ASY_NEED_PRESENCE);
            extend(&rig, before + n + 9);
            for (uint32_t i = 0; i < n; i++)
                n_present += present[i] = (uint8_t)fixture_below(&seed, 2);
            asy_column_set_presents(&rig.column, before, n, present);
            cr_assert_eq(rig.column.n_filled, n_present);
            for (uint32_t row = 0; row < before + n + 9; row++)
                cr_assert_eq(asy_column_filled(&rig.column, row), row >= before && row < before + n && present[row - before]);
            rig_fini(&rig);
        }
}

Test(store_column, integers_at_the_edges_of_each_width_in_a_batch)
{
    static const int64_t edges[] = {-127, 127, -128, 128, -32767, 32767, -32768, 32768, -(int64_t)INT32_MAX, INT32_MAX, INT32_MIN,
                                    (int64_t)INT32_MAX + 1, INT64_MIN + 1, INT64_MAX};
    static const uint8_t widths[] = {1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8};
    for (size_t i = 0; i < ASY_COUNT_OF(edges); i++) {
        struct rig rig;
        struct assay_error error;
        rig_init(&rig, ASY_INT, ASY_NEED_VALUE);
        extend(&rig, 10);
        const int64_t values[] = {ASY_INT_EMPTY, 0, edges[i], ASY_INT_EMPTY, -1};
        cr_assert_eq(asy_column_set_ints(&rig.column, 2, 5, values, &error), ASSAY_OK);
        cr_expect_eq(rig.column.width, widths[i]);
        for (uint32_t k = 0; k < 5; k++)
            cr_expect_eq(asy_column_int(&rig.column, 2 + k), values[k]);
        cr_expect_eq(rig.column.n_filled, 3);
        expect_valid(&rig);
        rig_fini(&rig);
    }
}

/* Texts of several blocks fail in the last of them: none is set. */
Test(store_column, a_batch_of_texts_without_memory_sets_no_row)
{
    static struct values values;
    for (uint64_t fail_at = 1;; fail_at++) {
        struct rig rig;
        struct assay_error error;
        uint64_t seed = 95;
        rig_init(&rig, ASY_TEXT, ASY_NEED_VALUE);
        extend(&rig, BATCH_MOST + 2);
        cr_assert_eq(asy_column_set_text(&rig.column, 0, ASY_STR("first"), &error), ASSAY_OK);
        draw_values(&values, &seed, BATCH_MOST, 100000, 1);
        struct fixture_faults faults = {.fail_at = fail_at};
        fixture_mem_init(&rig.mem, &faults);
        rig.mem.live_bytes = asy_dict_bytes(&rig.column.dict);
        assay_status status = asy_column_set_texts(&rig.column, 1, BATCH_MOST, values.texts, &error);
        expect_valid(&rig);
        if (status != ASSAY_OK) {
            cr_assert_eq(status, ASSAY_E_NOMEM);
            cr_assert(strstr(error.text, "field some.field: different texts: expected memory for one more"), "%s", error.text);
            cr_assert_eq(rig.column.n_filled, 1);
            for (uint32_t row = 1; row < BATCH_MOST + 2; row++)
                cr_assert_eq(asy_column_code(&rig.column, row), 0);
        }
        rig_fini(&rig);
        if (status == ASSAY_OK)
            break;
        cr_assert_lt(fail_at, 100);
    }
}
