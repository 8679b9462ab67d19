/* Every kernel at every SIMD level against the row-at-a-time reference: lengths 0..130 and 1024, arrays one element off their
 * alignment and ending at an unreadable page. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kern/kern.h"

static uint64_t seed = 20261122;
static uint64_t draw(void)
{
    seed += 0x9e3779b97f4a7c15u;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Memory that ends where reading is not allowed. */
struct fenced {
    uint8_t *map, *data;
    size_t map_bytes;
};
static struct fenced fence(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct fenced f = {.map_bytes = (bytes + page - 1) / page * page + page};
    f.map = mmap(NULL, f.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(f.map != MAP_FAILED);
    mprotect(f.map + f.map_bytes - page, page, PROT_NONE);
    f.data = f.map + f.map_bytes - page - bytes;
    return f;
}
static void unfence(struct fenced f) { munmap(f.map, f.map_bytes); }
static void *fenced_copy(struct fenced *f, const void *from, size_t bytes)
{
    *f = fence(bytes);
    if (bytes > 0) memcpy(f->data, from, bytes);
    return f->data;
}

static const char *const levels[] = {"v2", "v3", "v4"};
static const uint32_t bounds_of_n = 131;

static const struct asy_kern *level(size_t i)
{
    const char *problem = NULL;
    return asy_kern_select(levels[i], &problem);
}
static const struct asy_kern *reference(void)
{
    const char *problem = NULL;
    return asy_kern_select("ref", &problem);
}
static uint32_t length(uint32_t step) { return step < bounds_of_n ? step : 1024; }

enum { N_MAX = 1024, STRIDE = N_MAX };
/* Inputs of all kernels: extremes, empties and ordinary values mixed. */
struct inputs {
    int8_t i8[N_MAX];
    int16_t i16[N_MAX];
    int32_t i32[N_MAX];
    int64_t i64[N_MAX], total[N_MAX];
    double f64[N_MAX];
    uint8_t c8[N_MAX], t1[N_MAX], k1[N_MAX], t2[N_MAX], k2[N_MAX];
    uint16_t c16[N_MAX], choice[N_MAX];
    uint32_t c32[N_MAX], count[N_MAX], last[N_MAX], latest[N_MAX];
    uint64_t sum[N_MAX];
    int32_t points[N_MAX], table[300];
    uint8_t bits[300];
};
static struct inputs in;

static void fill_inputs(void)
{
    for (uint32_t i = 0; i < N_MAX; i++) {
        const uint64_t r = draw();
        in.i8[i] = r % 7 == 0 ? INT8_MIN : (int8_t)draw();
        in.i16[i] = r % 7 == 1 ? INT16_MIN : (int16_t)draw();
        in.i32[i] = r % 7 == 2 ? INT32_MIN : (int32_t)draw();
        in.i64[i] = r % 7 == 3 ? INT64_MIN : r % 7 == 4 ? INT64_MAX : (int64_t)(draw() % 41) - 20;
        in.total[i] = (int64_t)(draw() % 4000000001u) - 2000000000;
        if (r % 3 == 0) in.total[i] = (int64_t)(draw() % 400) * 500 - 100000;
        in.f64[i] = r % 7 == 5 ? __builtin_nan("") : r % 7 == 6 ? __builtin_inf() : (double)(int64_t)(draw() % 41) / 2 - 10;
        in.c8[i] = (uint8_t)draw();
        in.c16[i] = (uint16_t)(draw() % 300);
        in.c32[i] = (uint32_t)(draw() % 300);
        in.k1[i] = draw() % 3 != 0;
        in.t1[i] = in.k1[i] & (draw() & 1);
        in.k2[i] = draw() % 3 != 0;
        in.t2[i] = in.k2[i] & (draw() & 1);
        in.choice[i] = draw() % 2 ? 0 : (uint16_t)(draw() % 5);
        in.count[i] = r % 5 == 0 ? 0 : r % 5 == 1 ? UINT32_MAX : (uint32_t)(draw() % 30);
        in.last[i] = 1700000000u + (uint32_t)(draw() % 20000000u);
        in.latest[i] = r % 4 == 0 ? 0 : 1700000000u + (uint32_t)(draw() % 20000000u);
        in.sum[i] = r % 6 == 0 ? draw() >> (draw() % 30) : draw() % (40ull << 30);
        in.points[i] = (int32_t)(draw() % 21) * 500 - 5000;
    }
    for (uint32_t i = 0; i < 300; i++) {
        in.table[i] = (int32_t)(draw() % 2000001u) - 1000000;
        static const uint8_t kinds[] = {0, 2, 3};
        in.bits[i] = kinds[draw() % 3];
    }
}

#define SAME(got, want, n, what)                                                                                     \
    cr_assert(memcmp(got, want, (n) * sizeof(*(got))) == 0, "%s at level %s, %u rows (seed 20261122)", what, k->isa, n)

/* Calls `body` for every level and length with k, r and n set. */
static void each(void (*body)(const struct asy_kern *k, const struct asy_kern *r, uint32_t n))
{
    fill_inputs();
    const struct asy_kern *r = reference();
    for (size_t l = 0; l < 3; l++) {
        const struct asy_kern *k = level(l);
        if (k == NULL) {
            fprintf(stderr, "notice: level %s does not run here: skipped\n", levels[l]);
            continue;
        }
        for (uint32_t step = 0; step <= bounds_of_n; step++) body(k, r, length(step));
    }
}

static void check_widen(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    static int64_t got[N_MAX], want[N_MAX];
    struct fenced f;
    k->widen_i8(fenced_copy(&f, in.i8, n), n, got), unfence(f);
    r->widen_i8(in.i8, n, want);
    SAME(got, want, n, "widen_i8");
    k->widen_i16(fenced_copy(&f, in.i16, n * 2), n, got), unfence(f);
    r->widen_i16(in.i16, n, want);
    SAME(got, want, n, "widen_i16");
    k->widen_i32(fenced_copy(&f, in.i32, n * 4), n, got), unfence(f);
    r->widen_i32(in.i32, n, want);
    SAME(got, want, n, "widen_i32");
}
Test(kern, widen) { each(check_widen); }

static void check_points(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    static int32_t got[N_MAX], want[N_MAX];
    static const int64_t bounds[] = {INT64_MIN + 1, -5, 0, 7, 19};
    static const double bounds_d[] = {-__builtin_inf(), -5, 0, 7, 19};
    static const int32_t deltas[] = {5000, -15000, 25000, -5000, 10000};
    struct fenced f;
    k->points_u8(fenced_copy(&f, in.c8, n), n, in.table, got), unfence(f);
    r->points_u8(in.c8, n, in.table, want);
    SAME(got, want, n, "points_u8");
    k->points_u16(fenced_copy(&f, in.c16, n * 2), n, in.table, got), unfence(f);
    r->points_u16(in.c16, n, in.table, want);
    SAME(got, want, n, "points_u16");
    k->points_u32(fenced_copy(&f, in.c32, n * 4), n, in.table, got), unfence(f);
    r->points_u32(in.c32, n, in.table, want);
    SAME(got, want, n, "points_u32");
    k->steps_i64(fenced_copy(&f, in.i64, n * 8), n, bounds, deltas, 5, -1000, got), unfence(f);
    r->steps_i64(in.i64, n, bounds, deltas, 5, -1000, want);
    SAME(got, want, n, "steps_i64");
    k->steps_f64(fenced_copy(&f, in.f64, n * 8), n, bounds_d, deltas, 5, -1000, got), unfence(f);
    r->steps_f64(in.f64, n, bounds_d, deltas, 5, -1000, want);
    SAME(got, want, n, "steps_f64");
    k->points_mask(fenced_copy(&f, in.t1, n), n, -7000, got), unfence(f);
    r->points_mask(in.t1, n, -7000, want);
    SAME(got, want, n, "points_mask");
    k->points_once(fenced_copy(&f, in.count, n * 4), n, 50000, got), unfence(f);
    r->points_once(in.count, n, 50000, want);
    SAME(got, want, n, "points_once");
    static const int32_t p_values[] = {2000, -5000, 1000000000, -1000000000, 1, 0};
    for (size_t p = 0; p < 6; p++) {
        const int32_t lo = p == 1 ? -20000 : -2000000000, hi = p == 0 ? 10000 : 2000000000;
        k->points_each(fenced_copy(&f, in.count, n * 4), n, p_values[p], lo, hi, got), unfence(f);
        r->points_each(in.count, n, p_values[p], lo, hi, want);
        SAME(got, want, n, "points_each");
        k->points_weighted(fenced_copy(&f, in.sum, n * 8), n, p_values[p], lo, hi, got), unfence(f);
        r->points_weighted(in.sum, n, p_values[p], lo, hi, want);
        SAME(got, want, n, "points_weighted");
    }
}
Test(kern, points) { each(check_points); }

static void check_totals(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    static int64_t got[N_MAX], want[N_MAX];
    static uint32_t latest_got[N_MAX], latest_want[N_MAX];
    static const uint32_t days[] = {60, 90}, share[] = {50000, 100000};
    static const int64_t units[] = {1, 10, 100, 1000};
    memcpy(got, in.total, sizeof(got)), memcpy(want, in.total, sizeof(want));
    k->add(in.points, n, got), r->add(in.points, n, want);
    SAME(got, want, n, "add");
    for (size_t u = 0; u < 4; u++) {
        memcpy(got, in.total, sizeof(got)), memcpy(want, in.total, sizeof(want));
        k->decay(got, in.latest, n, 1720000000, days, share, 2, units[u]);
        r->decay(want, in.latest, n, 1720000000, days, share, 2, units[u]);
        SAME(got, want, n, "decay");
        memcpy(got, in.total, sizeof(got)), memcpy(want, in.total, sizeof(want));
        k->round(got, n, units[u]), r->round(want, n, units[u]);
        SAME(got, want, n, "round");
    }
    k->clamp(got, n, -20000, 100000), r->clamp(want, n, -20000, 100000);
    SAME(got, want, n, "clamp");
    memcpy(latest_got, in.latest, sizeof(latest_got)), memcpy(latest_want, in.latest, sizeof(latest_want));
    k->latest(in.count, in.last, n, latest_got), r->latest(in.count, in.last, n, latest_want);
    SAME(latest_got, latest_want, n, "latest");
    static uint8_t grade_got[N_MAX], grade_want[N_MAX];
    static const int64_t from[] = {80000, 60000, 40000, 0};
    static const uint8_t number[] = {3, 0, 2, 1};
    k->grade(in.total, n, from, number, 4, grade_got), r->grade(in.total, n, from, number, 4, grade_want);
    SAME(grade_got, grade_want, n, "grade");
}
Test(kern, totals) { each(check_totals); }

static void check_top(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    static uint16_t term_got[ASY_TOP_TERMS * STRIDE], term_want[ASY_TOP_TERMS * STRIDE];
    static int32_t points_got[ASY_TOP_TERMS * STRIDE], points_want[ASY_TOP_TERMS * STRIDE];
    memset(term_got, 0xff, sizeof(term_got)), memset(term_want, 0xff, sizeof(term_want));
    memset(points_got, 0, sizeof(points_got)), memset(points_want, 0, sizeof(points_want));
    for (uint16_t term = 0; term < 9; term++) {
        int32_t points[N_MAX];
        for (uint32_t i = 0; i < n; i++) points[i] = in.points[(i * 7 + term * 131) % N_MAX];
        k->top(points, n, term, term_got, points_got, STRIDE);
        r->top(points, n, term, term_want, points_want, STRIDE);
    }
    for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) {
        SAME(term_got + j * STRIDE, term_want + j * STRIDE, n, "top (terms)");
        SAME(points_got + j * STRIDE, points_want + j * STRIDE, n, "top (points)");
    }
}
Test(kern, top) { each(check_top); }

static void check_masks(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    static uint8_t t[N_MAX], kn[N_MAX], t_want[N_MAX], k_want[N_MAX];
    struct fenced f;
    k->mask_u8(fenced_copy(&f, in.c8, n), n, in.bits, t, kn), unfence(f);
    r->mask_u8(in.c8, n, in.bits, t_want, k_want);
    SAME(t, t_want, n, "mask_u8");
    SAME(kn, k_want, n, "mask_u8");
    k->mask_u16(fenced_copy(&f, in.c16, n * 2), n, in.bits, t, kn), unfence(f);
    r->mask_u16(in.c16, n, in.bits, t_want, k_want);
    SAME(t, t_want, n, "mask_u16");
    SAME(kn, k_want, n, "mask_u16");
    k->mask_u32(fenced_copy(&f, in.c32, n * 4), n, in.bits, t, kn), unfence(f);
    r->mask_u32(in.c32, n, in.bits, t_want, k_want);
    SAME(t, t_want, n, "mask_u32");
    SAME(kn, k_want, n, "mask_u32");
    for (int op = ASY_LT; op <= ASY_NE; op++) {
        k->compare_i64(fenced_copy(&f, in.i64, n * 8), n, op, 3, t, kn), unfence(f);
        r->compare_i64(in.i64, n, op, 3, t_want, k_want);
        SAME(t, t_want, n, "compare_i64");
        SAME(kn, k_want, n, "compare_i64");
        k->compare_f64(fenced_copy(&f, in.f64, n * 8), n, op, 2.5, t, kn), unfence(f);
        r->compare_f64(in.f64, n, op, 2.5, t_want, k_want);
        SAME(t, t_want, n, "compare_f64");
        SAME(kn, k_want, n, "compare_f64");
    }
    static const char *const names[] = {"and", "or", "not"};
    for (int op = 0; op < 3; op++) {
        memcpy(t, in.t1, n), memcpy(kn, in.k1, n), memcpy(t_want, in.t1, n), memcpy(k_want, in.k1, n);
        if (op == 0) k->and_(t, kn, in.t2, in.k2, n), r->and_(t_want, k_want, in.t2, in.k2, n);
        if (op == 1) k->or_(t, kn, in.t2, in.k2, n), r->or_(t_want, k_want, in.t2, in.k2, n);
        if (op == 2) k->not_(t, kn, n), r->not_(t_want, k_want, n);
        SAME(t, t_want, n, names[op]);
        SAME(kn, k_want, n, names[op]);
        for (uint32_t i = 0; i < n; i++) cr_assert(t[i] <= kn[i], "%s: true implies known", names[op]);
    }
    static uint16_t choice[N_MAX], choice_want[N_MAX];
    memcpy(choice, in.choice, sizeof(choice)), memcpy(choice_want, in.choice, sizeof(choice));
    cr_assert_eq(k->choose(in.t1, in.k1, n, 7, choice), r->choose(in.t1, in.k1, n, 7, choice_want));
    SAME(choice, choice_want, n, "choose");
    cr_assert_eq(k->count_unknown(in.k1, n), r->count_unknown(in.k1, n));
}
Test(kern, masks) { each(check_masks); }

static void check_days(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    static int64_t times[N_MAX], got[N_MAX], want[N_MAX];
    const int64_t now_us = 1793491200LL * 1000000, day_us = 86400LL * 1000000;
    static const int64_t off[] = {0, 1, -1};
    for (uint32_t i = 0; i < N_MAX; i++)
        times[i] = i % 9 == 0 ? INT64_MIN : now_us + ((int64_t)(i % 41) - 20) * day_us + off[i % 3];
    k->days_since(times, n, now_us, got), r->days_since(times, n, now_us, want);
    SAME(got, want, n, "days_since");
}
Test(kern, days_since) { each(check_days); }

static void check_events(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    enum { NAMES = 5, EVENTS = 9000 };
    static uint32_t begin[N_MAX], end[N_MAX], time[EVENTS];
    static uint8_t name[EVENTS];
    static uint32_t count[2][NAMES * STRIDE], last[2][NAMES * STRIDE];
    static uint64_t sum[2][2 * STRIDE];
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        begin[i] = at;
        const uint32_t n_events = i % 7 == 0 ? 0 : i % 9;
        for (uint32_t e = 0; e < n_events; e++, at++) {
            time[at] = 1700000000u + i + e * 86399u;
            name[at] = (uint8_t)((i + e * e) % NAMES);
        }
        end[i] = at;
    }
    static const uint32_t table_a[] = {1u << 30, 1u << 29, 1u << 28, 0}, table_b[] = {1u << 30, 900000000, 0};
    const uint32_t *const tables[] = {table_a, table_b};
    const uint32_t lens[] = {4, 3}, units[] = {86400, 3600}, within[] = {UINT32_MAX, 4 * 86400};
    const uint8_t slots[256] = {0, 255, 1, 255, 255};
    memset(count, 0, sizeof(count)), memset(last, 0, sizeof(last)), memset(sum, 0, sizeof(sum));
    for (int side = 0; side < 2; side++) {
        const struct asy_kern *one = side == 0 ? k : r;
        struct asy_sweep sweep = {.begin = begin, .end = end, .time = time, .name = name, .as_of = 1700800000,
                                  .stride = STRIDE, .count = count[side], .last = last[side]};
        one->sweep(&sweep, n);
        const struct asy_weigh weigh = {.slot = slots, .table = tables, .table_len = lens, .unit_s = units,
                                        .within_s = within, .sum = sum[side]};
        one->weigh(&sweep, &weigh, n);
        sweep.last = NULL;
        one->sweep(&sweep, n);
    }
    cr_assert(memcmp(count[0], count[1], sizeof(count[0])) == 0, "sweep counts at %s, %u rows", k->isa, n);
    cr_assert(memcmp(last[0], last[1], sizeof(last[0])) == 0, "sweep last at %s, %u rows", k->isa, n);
    cr_assert(memcmp(sum[0], sum[1], sizeof(sum[0])) == 0, "weigh at %s, %u rows", k->isa, n);
}
Test(kern, events) { each(check_events); }

Test(kern, select_names_the_problem)
{
    const char *problem = NULL;
    cr_assert_null(asy_kern_select("v9", &problem));
    cr_assert_str_eq(problem, "expected ref, v2, v3 or v4");
    problem = NULL;
    cr_assert_not_null(asy_kern_select(NULL, &problem));
    cr_assert_str_eq(asy_kern_select("ref", &problem)->isa, "ref");
}

/* A kernel that is wrong in its last rows has to be caught: the comparison above is worth something. */
static void wrong_add(const int32_t *points, uint32_t n, int64_t *total)
{
    for (uint32_t i = 0; i < n / 16 * 16; i++) total[i] += points[i];
}
Test(kern, a_kernel_without_its_tail_is_caught)
{
    fill_inputs();
    int64_t got[40] = {0}, want[40] = {0};
    wrong_add(in.points, 37, got);
    reference()->add(in.points, 37, want);
    cr_assert(memcmp(got, want, sizeof(got)) != 0);
}
