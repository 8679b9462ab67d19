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

enum { N_MAX = 1024, STRIDE = N_MAX + 16, N_CODES = 300 };
/* Inputs of all kernels: extremes, empties and ordinary values mixed. */
struct inputs {
    int8_t i8[N_MAX];
    int16_t i16[N_MAX];
    int32_t i32[N_MAX], total[N_MAX], points[N_MAX], table[N_CODES];
    int64_t i64[N_MAX], wide[N_MAX];
    double f64[N_MAX];
    uint8_t c8[N_MAX], t1[N_MAX], k1[N_MAX], t2[N_MAX], k2[N_MAX];
    uint16_t c16[N_MAX], choice[N_MAX], days[N_MAX];
    uint32_t c32[N_MAX], count[N_MAX], seen[N_MAX];
    uint64_t sum[N_MAX];
    uint8_t bits[N_CODES];
};
static struct inputs in;

static void fill_inputs(void)
{
    memset(&in, 0, sizeof(in));
    for (uint32_t i = 0; i < N_MAX; i++) {
        const uint64_t r = draw();
        in.i8[i] = r % 7 == 0 ? INT8_MIN : (int8_t)draw();
        in.i16[i] = r % 7 == 1 ? INT16_MIN : r % 7 == 6 ? (int16_t)(draw() % 41 - 20) : (int16_t)draw();
        in.i32[i] = r % 7 == 2 ? INT32_MIN : r % 7 == 6 ? (int32_t)(draw() % 41) - 20 : (int32_t)draw();
        in.i64[i] = r % 7 == 3 ? INT64_MIN : r % 7 == 4 ? INT64_MAX : (int64_t)(draw() % 41) - 20;
        in.total[i] = (int32_t)((int64_t)(draw() % 4000000001u) - 2000000000);
        if (r % 3 == 0) in.total[i] = (int32_t)(draw() % 400) * 500 - 100000;
        in.wide[i] = (int64_t)draw() >> (draw() % 40);
        in.f64[i] = r % 7 == 5 ? __builtin_nan("") : r % 7 == 6 ? __builtin_inf() : (double)(int64_t)(draw() % 41) / 2 - 10;
        in.c8[i] = (uint8_t)draw();
        in.c16[i] = (uint16_t)(draw() % N_CODES);
        in.c32[i] = (uint32_t)(draw() % N_CODES) * (r % 5 != 0);
        in.k1[i] = draw() % 3 != 0;
        in.t1[i] = in.k1[i] & (draw() & 1);
        in.k2[i] = draw() % 3 != 0;
        in.t2[i] = in.k2[i] & (draw() & 1);
        in.choice[i] = draw() % 2 ? 0 : (uint16_t)(draw() % 5);
        in.count[i] = r % 5 == 0 ? 0 : r % 5 == 1 ? UINT32_MAX : (uint32_t)(draw() % 30);
        in.days[i] = r % 4 == 0 ? ASY_NO_DAYS : r % 4 == 1 ? (uint16_t)draw() : (uint16_t)(draw() % 120);
        in.seen[i] = (uint32_t)(draw() & draw());
        in.sum[i] = r % 6 == 0 ? draw() >> (draw() % 30) : draw() % (40ull << 30);
        in.points[i] = (int32_t)(draw() % 21) * 500 - 5000;
    }
    for (uint32_t i = 0; i < N_CODES; i++) {
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

static void check_columns(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    static uint32_t got[N_MAX], want[N_MAX];
    static uint8_t bytes_got[N_MAX], bytes_want[N_MAX];
    struct fenced f;
    const void *const unsigneds[] = {in.c8, in.c16, in.c32};
    for (uint8_t w = 0; w < 3; w++) {
        k->expand(fenced_copy(&f, unsigneds[w], n << w), (uint8_t)(1 << w), n, got), unfence(f);
        r->expand(unsigneds[w], (uint8_t)(1 << w), n, want);
        SAME(got, want, n, "expand");
    }
    for (uint64_t first = 0; first < 9; first++) {
        k->widen_bits(fenced_copy(&f, in.c8, (first + n + 7) / 8), first, n, bytes_got), unfence(f);
        r->widen_bits(in.c8, first, n, bytes_want);
        SAME(bytes_got, bytes_want, n, "widen_bits");
    }
    static uint16_t tally_got[N_MAX], tally_want[N_MAX];
    memset(tally_got, 0, sizeof(tally_got)), memset(tally_want, 0, sizeof(tally_want));
    const void *const signeds[] = {in.i8, in.i16, in.i32, in.i64};
    for (uint8_t w = 0; w < 4; w++) {
        k->filled_ints(fenced_copy(&f, signeds[w], n << w), (uint8_t)(1 << w), n, tally_got), unfence(f);
        r->filled_ints(signeds[w], (uint8_t)(1 << w), n, tally_want);
        if (w == 3) break;
        k->filled_codes(fenced_copy(&f, unsigneds[w], n << w), (uint8_t)(1 << w), n, tally_got), unfence(f);
        r->filled_codes(unsigneds[w], (uint8_t)(1 << w), n, tally_want);
    }
    k->filled_f64(fenced_copy(&f, in.f64, n * 8), n, tally_got), unfence(f);
    r->filled_f64(in.f64, n, tally_want);
    k->filled_seen(fenced_copy(&f, in.seen, n * 4), n, 0x80000401u, tally_got), unfence(f);
    r->filled_seen(in.seen, n, 0x80000401u, tally_want);
    k->filled_bytes(fenced_copy(&f, in.t1, n), n, tally_got), unfence(f);
    r->filled_bytes(in.t1, n, tally_want);
    SAME(tally_got, tally_want, n, "filled");
}
Test(kern, columns) { each(check_columns); }

static void check_codes(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    static int32_t got[N_MAX], want[N_MAX];
    static const uint32_t sizes[] = {1, 3, 16, 17, 32, 33, 64, 200, 256};
    struct fenced f, g;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        /* many different points, then few of them */
        for (int has_classes = 0; has_classes < 2; has_classes++) {
            static uint8_t c8[N_MAX];
            static uint16_t c16[N_MAX];
            static uint32_t c32[N_MAX];
            static int32_t points[256];
            struct asy_code_table table = {.n_codes = sizes[s], .has_classes = has_classes};
            for (uint32_t i = 0; i < N_MAX; i++) c32[i] = c16[i] = c8[i] = (uint8_t)(in.c16[i] % sizes[s]);
            for (uint32_t c = 0; c < sizes[s]; c++) {
                table.classes[c] = (uint8_t)(c * 7 % ASY_CLASSES);
                points[c] = has_classes ? in.table[table.classes[c]] : in.table[c];
            }
            memcpy(table.class_points, in.table, sizeof(table.class_points));
            table.points = fenced_copy(&g, points, sizes[s] * sizeof(points[0]));
            k->points_u8(fenced_copy(&f, c8, n), n, &table, got), unfence(f);
            r->points_u8(c8, n, &table, want);
            SAME(got, want, n, "points_u8");
            k->points_u16(fenced_copy(&f, c16, n * 2), n, &table, got), unfence(f);
            r->points_u16(c16, n, &table, want);
            SAME(got, want, n, "points_u16");
            k->points_u32(fenced_copy(&f, c32, n * 4), n, &table, got), unfence(f);
            r->points_u32(c32, n, &table, want);
            SAME(got, want, n, "points_u32");
            unfence(g);
            static uint8_t t[N_MAX], kn[N_MAX], t_want[N_MAX], k_want[N_MAX];
            k->mask_u8(fenced_copy(&f, c8, n), n, fenced_copy(&g, in.bits, sizes[s]), sizes[s], t, kn), unfence(f), unfence(g);
            r->mask_u8(c8, n, in.bits, sizes[s], t_want, k_want);
            SAME(t, t_want, n, "mask_u8");
            SAME(kn, k_want, n, "mask_u8");
        }
    }
}
Test(kern, codes) { each(check_codes); }

static void check_points(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    static int32_t got[N_MAX], want[N_MAX];
    static const int64_t bounds[] = {INT64_MIN + 1, -5, 0, 7, 19};
    static const int32_t narrow[] = {INT32_MIN + 1, -5, 0, 7, 19, 127, 128, 32767, INT32_MAX};
    static const double bounds_d[] = {-__builtin_inf(), -5, 0, 7, 19};
    static const int32_t deltas[] = {5000, -15000, 25000, -5000, 10000, 1000, -7000, 3000, 9000};
    struct fenced f;
    k->steps_i64(fenced_copy(&f, in.i64, n * 8), n, bounds, deltas, 5, -1000, got), unfence(f);
    r->steps_i64(in.i64, n, bounds, deltas, 5, -1000, want);
    SAME(got, want, n, "steps_i64");
    const void *const values[] = {in.i8, in.i16, in.i32};
    for (uint8_t w = 0; w < 3; w++) {
        k->steps_narrow(fenced_copy(&f, values[w], n << w), (uint8_t)(1 << w), n, narrow, deltas, 9, -1000, got), unfence(f);
        r->steps_narrow(values[w], (uint8_t)(1 << w), n, narrow, deltas, 9, -1000, want);
        SAME(got, want, n, "steps_narrow");
    }
    k->steps_f64(fenced_copy(&f, in.f64, n * 8), n, bounds_d, deltas, 5, -1000, got), unfence(f);
    r->steps_f64(in.f64, n, bounds_d, deltas, 5, -1000, want);
    SAME(got, want, n, "steps_f64");
    k->points_mask(fenced_copy(&f, in.t1, n), n, -7000, got), unfence(f);
    r->points_mask(in.t1, n, -7000, want);
    SAME(got, want, n, "points_mask");
    for (uint32_t bit = 0; bit < 32; bit += 31) {
        k->points_once(fenced_copy(&f, in.seen, n * 4), n, bit, 50000, got), unfence(f);
        r->points_once(in.seen, n, bit, 50000, want);
        SAME(got, want, n, "points_once");
    }
    for (uint32_t n_table = 1; n_table <= 100; n_table += 33) {
        k->points_days(fenced_copy(&f, in.days, n * 2), n, in.table, n_table, got), unfence(f);
        r->points_days(in.days, n, in.table, n_table, want);
        SAME(got, want, n, "points_days");
    }
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
    static int32_t got[N_MAX], want[N_MAX];
    static int64_t wide_got[N_MAX], wide_want[N_MAX];
    static const uint32_t days[] = {60, 90, 70000}, share[] = {50000, 100000, 1}, odd_days[] = {0, 1}, odd_share[] = {33333, 12345};
    static const int32_t units[] = {1, 10, 100, 1000};
    for (uint32_t i = 0; i < n; i++) got[i] = want[i] = in.total[i] / 2;
    k->add(in.points, n, got), r->add(in.points, n, want);
    SAME(got, want, n, "add");
    memcpy(wide_got, in.wide, sizeof(in.wide)), memcpy(wide_want, in.wide, sizeof(in.wide));
    k->add_wide(in.points, n, wide_got), r->add_wide(in.points, n, wide_want);
    SAME(wide_got, wide_want, n, "add_wide");
    for (size_t u = 0; u < 4; u++) {
        memcpy(got, in.total, sizeof(got)), memcpy(want, in.total, sizeof(want));
        k->decay(got, in.days, n, days, share, 3, units[u]);
        r->decay(want, in.days, n, days, share, 3, units[u]);
        SAME(got, want, n, "decay");
        k->decay(got, in.days, n, odd_days, odd_share, 2, units[u]);
        r->decay(want, in.days, n, odd_days, odd_share, 2, units[u]);
        SAME(got, want, n, "decay");
        memcpy(got, in.total, sizeof(got)), memcpy(want, in.total, sizeof(want));
        k->round(got, n, units[u]), r->round(want, n, units[u]);
        SAME(got, want, n, "round");
    }
    k->clamp(got, n, -20000, 100000), r->clamp(want, n, -20000, 100000);
    SAME(got, want, n, "clamp");
    k->clamp_wide(in.wide, n, -2000000000, 100000, got), r->clamp_wide(in.wide, n, -2000000000, 100000, want);
    SAME(got, want, n, "clamp_wide");
    static double decimal_got[N_MAX], decimal_want[N_MAX];
    k->decimal(in.total, n, decimal_got), r->decimal(in.total, n, decimal_want);
    SAME(decimal_got, decimal_want, n, "decimal");
    static uint8_t grade_got[N_MAX], grade_want[N_MAX];
    static const int64_t from[] = {5000000000, 80000, 60000, 40000, 0, -3000000000};
    static const uint8_t number[] = {5, 3, 0, 2, 1, 4};
    k->grade(in.total, n, from, number, 6, grade_got), r->grade(in.total, n, from, number, 6, grade_want);
    SAME(grade_got, grade_want, n, "grade");
}
Test(kern, totals) { each(check_totals); }

/* Around every value at which a rounding changes, for shares and units of all sorts: the reciprocals are exact. */
Test(kern, decay_is_exact_at_its_boundaries)
{
    static const uint32_t shares[] = {0, 1, 50000, 33333, 99999, 66667, 12500, 100000, 7};
    static const int32_t units[] = {1, 10, 100, 1000};
    const struct asy_kern *r = reference();
    enum { N = 1024 };
    static int32_t values[N], got[N], want[N];
    static uint16_t idle[N];
    for (size_t l = 0; l < 3; l++) {
        const struct asy_kern *k = level(l);
        if (k == NULL) continue;
        for (size_t u = 0; u < 4; u++)
            for (size_t s = 0; s < sizeof(shares) / sizeof(shares[0]); s++)
                for (int round = 0; round < 40; round++) {
                    const uint32_t days = 0;
                    for (uint32_t i = 0; i < N; i += 8) {
                        /* total * (1 - share) = (q + 1/2) * unit, about */
                        const int64_t left = 100000 - (int64_t)shares[s], q = (int64_t)(draw() % 2000001) * (round % 2 ? 1 : 1 + (int64_t)(draw() % 1000));
                        const int64_t about = left == 0 ? q : (2 * q + 1) * units[u] * 100000 / (2 * left);
                        const int32_t base = (int32_t)(about % 2000000000 < 4 ? 4 : about % 2000000000);
                        for (uint32_t j = 0; j < 8; j++) values[i + j] = (j % 2 ? -1 : 1) * (base - 2 + (int32_t)j / 2);
                    }
                    values[0] = 2000000000, values[1] = -2000000000, values[2] = 0;
                    memcpy(got, values, sizeof(got)), memcpy(want, values, sizeof(want));
                    k->decay(got, idle, N, &days, &shares[s], 1, units[u]), r->decay(want, idle, N, &days, &shares[s], 1, units[u]);
                    cr_assert(memcmp(got, want, sizeof(got)) == 0, "decay at %s, share %u, unit %d", k->isa, shares[s], units[u]);
                    memcpy(got, values, sizeof(got)), memcpy(want, values, sizeof(want));
                    k->round(got, N, units[u]), r->round(want, N, units[u]);
                    cr_assert(memcmp(got, want, sizeof(got)) == 0, "round at %s, unit %d", k->isa, units[u]);
                }
    }
}

enum { TERMS = 9 };
static void check_reasons(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    static uint32_t keys[2][ASY_TOP_TERMS * STRIDE];
    static uint64_t wide_keys[2][ASY_TOP_TERMS * STRIDE];
    static int32_t total[2][N_MAX];
    static int64_t wide[2][N_MAX];
    static uint32_t seen[2 * STRIDE];
    memset(keys, 0, sizeof(keys)), memset(wide_keys, 0, sizeof(wide_keys)), memset(total, 0, sizeof(total)), memset(wide, 0, sizeof(wide));
    memcpy(seen, in.seen, sizeof(in.seen)), memcpy(seen + STRIDE, in.count, sizeof(in.count));
    const struct asy_once once[] = {{0, 1, 50000, 50000 << 5}, {0, 1u << 31, -50000, 50000 << 5 | 3}, {1, 1u << 3, 0, 0},
                                    {1, 1u << 4, 20000, 20000 << 5 | 6}, {0, 1u << 7, 50000, 50000 << 5 | 8}};
    for (int side = 0; side < 2; side++) {
        const struct asy_kern *one = side == 0 ? k : r;
        for (uint32_t term = 0; term < TERMS; term += 3) {
            static int32_t points[3 * STRIDE];
            const uint32_t tags[] = {(TERMS - 1 - term) << 1, (TERMS - 2 - term) << 1, (TERMS - 3 - term) << 1};
            for (uint32_t t = 0; t < 3; t++)
                for (uint32_t i = 0; i < n; i++) points[t * STRIDE + i] = in.points[(i * 7 + (term + t) * 131) % N_MAX];
            one->take(points, n, 1 + term / 3, tags, 5, total[side], keys[side], STRIDE);
            for (uint32_t i = 0; i < n; i++) points[STRIDE + i] = in.total[(i * 7 + term * 131) % N_MAX];
            one->take_wide(points, n, 3 - term / 3, tags, 17, wide[side], wide_keys[side], STRIDE);
        }
        one->take_once(seen, n, once, 5, total[side], keys[side], STRIDE);
    }
    SAME(total[0], total[1], n, "take (sums)");
    SAME(wide[0], wide[1], n, "take_wide (sums)");
    for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) {
        static uint16_t term[2][N_MAX];
        static int32_t points[2][N_MAX];
        SAME(keys[0] + j * STRIDE, keys[1] + j * STRIDE, n, "take");
        SAME(wide_keys[0] + j * STRIDE, wide_keys[1] + j * STRIDE, n, "take_wide");
        k->name_keys(keys[0] + j * STRIDE, n, 5, TERMS - 1, term[0], points[0]);
        r->name_keys(keys[0] + j * STRIDE, n, 5, TERMS - 1, term[1], points[1]);
        SAME(term[0], term[1], n, "name_keys (terms)");
        SAME(points[0], points[1], n, "name_keys (points)");
        k->name_keys_wide(wide_keys[0] + j * STRIDE, n, 17, TERMS - 1, term[0], points[0]);
        r->name_keys_wide(wide_keys[0] + j * STRIDE, n, 17, TERMS - 1, term[1], points[1]);
        SAME(term[0], term[1], n, "name_keys_wide (terms)");
        SAME(points[0], points[1], n, "name_keys_wide (points)");
    }
}
Test(kern, reasons) { each(check_reasons); }

/* What the keys stand for: the three largest |points|, ties to the earlier term, no term without points. */
Test(kern, reasons_are_the_largest_terms)
{
    static const int32_t points[] = {500, 0, -7000, 7000, 500, -500, 6000, 2};
    const struct asy_kern *r = reference();
    uint32_t keys[3] = {0};
    int32_t total = 0;
    static const uint32_t tags[] = {14, 12, 10, 8, 6, 4, 2, 0};
    r->take(points, 1, 8, tags, 4, &total, keys, 1);
    static const uint16_t want[] = {2, 3, 6};
    for (uint32_t j = 0; j < 3; j++) {
        uint16_t term;
        int32_t its;
        r->name_keys(&keys[j], 1, 4, 7, &term, &its);
        cr_assert_eq(term, want[j]);
        cr_assert_eq(its, points[want[j]]);
    }
    cr_assert_eq(total, 6502);
    uint16_t term;
    int32_t its;
    r->name_keys(&(uint32_t){0}, 1, 4, 7, &term, &its);
    cr_assert(term == ASY_TERM_NONE && its == 0);
}

static void check_comparisons(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    static uint8_t t[N_MAX], kn[N_MAX], t_want[N_MAX], k_want[N_MAX];
    static const int64_t constants[] = {3, 0, -1, 127, 128, -127, -128, 32767, -32767, 65534, 65535, INT32_MAX, -INT32_MAX, 1LL << 31,
                                        UINT32_MAX, 1LL << 40, INT64_MAX, INT64_MIN + 1, 2000000, -2000000};
    static int32_t milli[N_MAX];
    for (uint32_t i = 0; i < N_MAX; i++) milli[i] = in.total[i] / 1000 * 1000;
    const struct {
        const void *values;
        enum asy_ints ints;
        uint32_t width;
    } kinds[] = {{in.i64, ASY_INTS_64, 8}, {in.i8, ASY_INTS_8, 1}, {in.i16, ASY_INTS_16, 2}, {in.i32, ASY_INTS_32, 4},
                 {in.count, ASY_INTS_COUNT, 4}, {in.days, ASY_INTS_DAYS, 2}, {milli, ASY_INTS_MILLI, 4}};
    struct fenced f;
    for (size_t v = 0; v < sizeof(kinds) / sizeof(kinds[0]); v++)
        for (int op = ASY_LT; op <= ASY_NE; op++)
            for (size_t c = 0; c < (n > 66 ? sizeof(constants) / sizeof(constants[0]) : 2); c++) {
                k->compare_ints(fenced_copy(&f, kinds[v].values, n * kinds[v].width), kinds[v].ints, n, op, constants[c], t, kn), unfence(f);
                r->compare_ints(kinds[v].values, kinds[v].ints, n, op, constants[c], t_want, k_want);
                SAME(t, t_want, n, "compare_ints");
                SAME(kn, k_want, n, "compare_ints");
            }
    for (int op = ASY_LT; op <= ASY_NE; op++) {
        k->compare_f64(fenced_copy(&f, in.f64, n * 8), n, op, 2.5, t, kn), unfence(f);
        r->compare_f64(in.f64, n, op, 2.5, t_want, k_want);
        SAME(t, t_want, n, "compare_f64");
        SAME(kn, k_want, n, "compare_f64");
    }
}
Test(kern, comparisons) { each(check_comparisons); }

static void check_masks(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    static uint8_t t[N_MAX], kn[N_MAX], t_want[N_MAX], k_want[N_MAX];
    struct fenced f;
    k->mask_u16(fenced_copy(&f, in.c16, n * 2), n, in.bits, t, kn), unfence(f);
    r->mask_u16(in.c16, n, in.bits, t_want, k_want);
    SAME(t, t_want, n, "mask_u16");
    SAME(kn, k_want, n, "mask_u16");
    k->mask_u32(fenced_copy(&f, in.c32, n * 4), n, in.bits, t, kn), unfence(f);
    r->mask_u32(in.c32, n, in.bits, t_want, k_want);
    SAME(t, t_want, n, "mask_u32");
    SAME(kn, k_want, n, "mask_u32");
    static const uint32_t few[] = {7, 299, 1, 5};
    static const uint8_t zeros[] = {0, 2, 3};
    for (uint32_t n_few = 0; n_few <= 4; n_few++)
        for (int z = 0; z < 3; z++) {
            k->mask_few_u32(fenced_copy(&f, in.c32, n * 4), n, few, n_few, zeros[z], t, kn), unfence(f);
            r->mask_few_u32(in.c32, n, few, n_few, zeros[z], t_want, k_want);
            SAME(t, t_want, n, "mask_few_u32");
            SAME(kn, k_want, n, "mask_few_u32");
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
    k->is_chosen(choice, n, t), r->is_chosen(choice_want, n, t_want);
    SAME(t, t_want, n, "is_chosen");
    k->otherwise(n, 300, choice), r->otherwise(n, 300, choice_want);
    SAME(choice, choice_want, n, "otherwise");
    cr_assert_eq(k->count_unknown(in.k1, n), r->count_unknown(in.k1, n));
    static uint8_t copy[N_MAX + 80];
    for (size_t off = 0; off < 70; off += 23) {
        memset(copy, 0, sizeof(copy));
        k->put(copy + off, fenced_copy(&f, in.c8, n), n), unfence(f);
        cr_assert(memcmp(copy + off, in.c8, n) == 0 && copy[off + n] == 0, "put at %s, %u bytes", k->isa, n);
    }
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

/* Leads with no event, a few, and far more than fit into one step; names below n_names. */
enum { EVENTS = 40000, NAMES_MAX = 255, AS_OF = 1793491200 };
struct log {
    uint32_t begin[N_MAX], end[N_MAX], *time, n;
    uint8_t *name;
    struct fenced times, names;
};
static void log_init(struct log *log, uint32_t n_rows, uint32_t n_names)
{
    static uint32_t time[EVENTS];
    static uint8_t name[EVENTS];
    log->n = 0;
    for (uint32_t i = 0; i < n_rows; i++) {
        static const uint32_t sizes[] = {0, 1, 2, 5, 15, 16, 17, 18, 31, 40, 64, 79, 80, 81, 100, 200};
        uint32_t n = draw() % 3 ? (uint32_t)(draw() % 12) : sizes[draw() % 16];
        if (n > EVENTS - log->n) n = EVENTS - log->n;
        if (i % 500 == 3 && log->n + 3000 < EVENTS) n = 3000;
        log->begin[i] = log->n;
        uint32_t at = AS_OF - 86400u * 3000;
        const uint8_t mostly = (uint8_t)(draw() % n_names);
        for (uint32_t e = 0; e < n; e++, log->n++) {
            at += (uint32_t)(draw() % 4 == 0 ? draw() % 2 * 86400 : draw() % (2u * 86400 * 3000 / (n + 1) + 1) / 2);
            time[log->n] = at;
            name[log->n] = n == 3000 || draw() % 4 == 0 ? mostly : (uint8_t)(draw() % n_names);
        }
        log->end[i] = log->n;
    }
    log->time = fenced_copy(&log->times, time, log->n * sizeof(time[0]));
    log->name = fenced_copy(&log->names, name, log->n);
}
static void log_fini(struct log *log)
{
    unfence(log->times);
    unfence(log->names);
}

struct swept {
    uint32_t last[25 * STRIDE], seen[8 * STRIDE], count[41 * STRIDE], packed[41 * STRIDE], rows[STRIDE], since[N_MAX], n_events[N_MAX];
    uint16_t days[N_MAX];
    uint64_t sum[4 * STRIDE];
};
static struct swept swept[2];

static struct asy_sweep sweep_of(const struct log *log, struct swept *to, uint32_t n_names, uint32_t n_counts, const uint8_t *names, const uint8_t *rows)
{
    return (struct asy_sweep){.begin = log->begin, .end = log->end, .time = log->time, .name = log->name, .n_log = log->n, .stride = STRIDE,
                              .n_words = (n_names + 31) / 32, .seen = to->seen, .n_counts = n_counts, .count_names = names,
                              .count_rows = rows, .count = to->count, .packed = to->packed, .rows = to->rows};
}
static void check_sweep(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    static const uint32_t name_counts[] = {5, 32, 33, 64, 65, NAMES_MAX};
    static const uint32_t counted[] = {0, 1, 3, 7, 24, 25, 40};
    if (n > 40 && n % 7 != 0 && n != 1024) return;
    for (size_t names = 0; names < 6; names++) {
        struct log log;
        const uint32_t n_names = name_counts[names];
        log_init(&log, n, n_names);
        for (size_t c = 0; c < 7; c++) {
            const uint32_t n_counts = counted[c] < n_names ? counted[c] : n_names;
            uint8_t count_names[256], rows[256];
            memset(rows, (int)n_counts, sizeof(rows));
            for (uint32_t i = 0; i < n_counts; i++) {
                count_names[i] = (uint8_t)(n_names - 1 - i);
                rows[count_names[i]] = (uint8_t)i;
            }
            for (int side = 0; side < 2; side++) {
                struct asy_sweep s = sweep_of(&log, &swept[side], n_names, n_counts, count_names, rows);
                s.n_lasts = n_counts < 25 ? n_counts : 25;
                s.last_names = count_names;
                s.last = swept[side].last;
                (side == 0 ? k : r)->sweep(&s, n);
            }
            for (uint32_t l = 0; l < n_counts && l < 25; l++) {
                SAME(swept[0].last + l * STRIDE, swept[1].last + l * STRIDE, n, "sweep (last)");
                k->days_of(swept[0].last + l * STRIDE, log.time, n, AS_OF + 86400u * 3000, swept[0].days);
                r->days_of(swept[0].last + l * STRIDE, log.time, n, AS_OF + 86400u * 3000, swept[1].days);
                SAME(swept[0].days, swept[1].days, n, "days_of");
            }
            for (uint32_t w = 0; w < (n_names + 31) / 32; w++) SAME(swept[0].seen + w * STRIDE, swept[1].seen + w * STRIDE, n, "sweep (seen)");
            for (uint32_t i = 0; i < n_counts; i++) SAME(swept[0].count + i * STRIDE, swept[1].count + i * STRIDE, n, "sweep (counts)");
        }
        for (uint32_t kind = 0; kind < 4; kind++) {
            struct asy_name_set set = {0};
            const uint32_t n_set = kind == 0 ? 1 : kind == 1 ? n_names : kind == 2 ? 3 : 0;
            for (uint32_t i = 0; i < n_set; i++) {
                const uint32_t name = kind == 1 ? i : (uint32_t)(draw() % n_names);
                set.n_names += !(set.words[name / 32] >> name % 32 & 1);
                set.words[name / 32] |= 1u << name % 32;
            }
            for (int is_first = 0; is_first < 2; is_first++) {
                for (int side = 0; side < 2; side++) {
                    const struct asy_sweep s = sweep_of(&log, &swept[side], n_names, 0, NULL, NULL);
                    const struct asy_kern *one = side == 0 ? k : r;
                    (is_first ? one->earliest : one->latest)(&s, n, &set, AS_OF + 86400u * 3000, swept[side].days);
                }
                SAME(swept[0].days, swept[1].days, n, is_first ? "earliest" : "latest");
            }
        }
        for (uint32_t days = 0; days < 3000; days = days * 5 + 1) {
            k->since(log.begin, log.end, log.time, n, AS_OF - days * 86400, swept[0].since);
            r->since(log.begin, log.end, log.time, n, AS_OF - days * 86400, swept[1].since);
            SAME(swept[0].since, swept[1].since, n, "since");
        }
        k->count_events(log.begin, log.end, n, swept[0].n_events), r->count_events(log.begin, log.end, n, swept[1].n_events);
        SAME(swept[0].n_events, swept[1].n_events, n, "count_events");
        log_fini(&log);
    }
}
Test(kern, sweep, .timeout = 120) { each(check_sweep); }

static void check_weigh(const struct asy_kern *k, const struct asy_kern *r, uint32_t n)
{
    static const uint32_t table_a[] = {1u << 30, 1u << 29, 1u << 28, 0}, table_b[] = {1u << 30, 900000000, 7};
    const uint32_t *const tables[] = {table_a, table_b, table_b};
    const uint32_t lens[] = {4, 3, 3}, units[] = {86400, 3600, 3600}, within[] = {UINT32_MAX, 4 * 86400, 4 * 86400};
    uint8_t rows[256];
    struct log log;
    log_init(&log, n, 9);
    for (uint32_t kind = 0; kind < 4; kind++) {
        /* kinds 1 .. 3: the same for all rows, by day, by hour and with a window, and none at all */
        const uint32_t from = kind == 2 ? 1 : 0, n_sums = kind == 0 ? 3 : kind == 1 ? 1 : kind == 2 ? 2 : 0;
        memset(rows, (int)n_sums, sizeof(rows));
        for (uint8_t s = 0; s < n_sums; s++) rows[s * 3] = s;
        for (int side = 0; side < 2; side++) {
            const struct asy_sweep s = sweep_of(&log, &swept[side], 9, 0, NULL, NULL);
            const struct asy_weigh w = {.as_of = AS_OF + 86400u * 3000, .n_sums = n_sums, .row = rows, .table = tables + from, .table_len = lens + from,
                                        .unit_s = units + from, .within_s = within + from, .is_alike = kind != 0 && n_sums > 0, .sum = swept[side].sum};
            (side == 0 ? k : r)->weigh(&s, &w, n);
        }
        for (uint32_t s = 0; s < n_sums; s++) SAME(swept[0].sum + s * STRIDE, swept[1].sum + s * STRIDE, n, "weigh");
    }
    log_fini(&log);
}
Test(kern, weigh) { each(check_weigh); }

/* Ages in days and hours around every change of a day, up to the oldest that there can be. */
Test(kern, ages_are_exact)
{
    enum { N_AGES = UINT32_MAX / 3600 + 1, N_EVENTS = 64 };
    static uint32_t table[N_AGES];
    const uint32_t *const tables[] = {table};
    static const uint8_t names[N_EVENTS];
    uint8_t rows[256];
    memset(rows, 1, sizeof(rows));
    rows[0] = 0;
    for (uint32_t a = 0; a < N_AGES; a++) table[a] = a;
    for (size_t l = 0; l < 3; l++) {
        const struct asy_kern *k = level(l);
        for (uint32_t unit_s = 3600; k != NULL && unit_s <= 86400; unit_s *= 24)
            for (uint64_t first = 0; first + 21 < UINT32_MAX / unit_s; first += 21) {
                uint32_t time[N_EVENTS];
                const uint32_t begin = 0, end = N_EVENTS, len = N_AGES, within = UINT32_MAX;
                uint64_t sum, want = 0;
                for (uint32_t e = 0; e < N_EVENTS; e++) {
                    const uint64_t age_s = (first + e / 3) * unit_s + e % 3 - (first + e / 3 > 0);
                    time[N_EVENTS - 1 - e] = UINT32_MAX - (uint32_t)age_s;
                    want += age_s / unit_s;
                }
                const struct asy_sweep s = {.begin = &begin, .end = &end, .time = time, .name = names, .n_log = N_EVENTS, .stride = 16, .n_words = 1};
                const struct asy_weigh w = {.as_of = UINT32_MAX, .n_sums = 1, .row = rows, .table = tables, .table_len = &len, .unit_s = &unit_s,
                                            .within_s = &within, .is_alike = true, .sum = &sum};
                k->weigh(&s, &w, 1);
                cr_assert_eq(sum, want, "level %s, unit %u, age %llu", k->isa, unit_s, (unsigned long long)first);
            }
    }
}

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
static void wrong_add(const int32_t *points, uint32_t n, int32_t *total)
{
    for (uint32_t i = 0; i < n / 16 * 16; i++) total[i] += points[i];
}
Test(kern, a_kernel_without_its_tail_is_caught)
{
    fill_inputs();
    int32_t got[40] = {0}, want[40] = {0};
    wrong_add(in.points, 37, got);
    reference()->add(in.points, 37, want);
    cr_assert(memcmp(got, want, sizeof(got)) != 0);
}
