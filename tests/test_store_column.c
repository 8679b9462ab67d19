/* Columns against naive arrays: values, emptiness, widening, counts. */
#include <criterion/criterion.h>
#include <math.h>

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
