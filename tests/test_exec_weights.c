/* Decay weights: made by integers, compared with the real numbers they stand for. */
#include <criterion/criterion.h>

#include <math.h>

#include "exec/weights.h"

static struct asy_mem mem;
static struct asy_pool pool;
static void setup(void)
{
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
}
static void teardown(void) { asy_pool_fini(&pool); }
TestSuite(exec_weights, .init = setup, .fini = teardown);

Test(exec_weights, half_life_is_within_half_a_unit_of_the_real_number)
{
    static const uint32_t spans[] = {1, 2, 3, 7, 30, 45, 90, 180, 365, 1000};
    for (size_t s = 0; s < sizeof(spans) / sizeof(spans[0]); s++) {
        struct asy_weights w;
        cr_assert(asy_weights_make(&w, &pool, ASY_WEIGHT_HALF_LIFE, spans[s], UINT32_MAX - 1));
        cr_assert_eq(w.factor[0], 1u << 30);
        cr_assert_eq(asy_weights_at(&w, spans[s]), 1u << 29);
        cr_assert_eq(asy_weights_at(&w, spans[s] * 10ull), 1u << 20);
        for (uint32_t age = 0; age < w.n - 1; age++) {
            const long double real = exp2l(-(long double)age / spans[s]) * (1 << 30);
            cr_assert(fabsl(real - w.factor[age]) <= 0.500001L, "span %u, age %u: %u for %Lf", spans[s], age, w.factor[age], real);
            cr_assert(age == 0 || w.factor[age] <= w.factor[age - 1], "never grows");
        }
        cr_assert_eq(asy_weights_at(&w, spans[s] * 31ull), 0);
        cr_assert_eq(asy_weights_at(&w, UINT64_MAX), 0);
    }
}

Test(exec_weights, linear_goes_straight_to_nothing)
{
    struct asy_weights w;
    cr_assert(asy_weights_make(&w, &pool, ASY_WEIGHT_LINEAR, 90, UINT32_MAX - 1));
    cr_assert_eq(asy_weights_at(&w, 0), 1u << 30);
    cr_assert_eq(asy_weights_at(&w, 45), 1u << 29);
    cr_assert_eq(asy_weights_at(&w, 60), 357913941);
    cr_assert_eq(asy_weights_at(&w, 90), 0);
    cr_assert_eq(asy_weights_at(&w, 4000), 0);
}

/* The table is part of what makes two machines agree: pin some of it. */
Test(exec_weights, the_table_is_the_same_everywhere)
{
    struct asy_weights w;
    cr_assert(asy_weights_make(&w, &pool, ASY_WEIGHT_HALF_LIFE, 30, UINT32_MAX - 1));
    cr_assert_eq(w.n, 931);
    cr_assert_eq(w.factor[1], 1049217527);
    cr_assert_eq(w.factor[29], 549419675);
    cr_assert_eq(w.factor[100], 106528681);
}

/* A half life of a century must not take a table of three millennia. */
Test(exec_weights, the_table_ends_at_the_oldest_age)
{
    struct asy_weights all, cut;
    cr_assert(asy_weights_make(&all, &pool, ASY_WEIGHT_HALF_LIFE, 30, UINT32_MAX - 1));
    cr_assert(asy_weights_make(&cut, &pool, ASY_WEIGHT_HALF_LIFE, 30, 100));
    cr_assert_eq(cut.n, 101);
    cr_assert_eq(memcmp(cut.factor, all.factor, 101 * sizeof(uint32_t)), 0);
}
