/* 2^(-a/H) for whole a: a = q * H + r gives 2^-q * 2^(-r/H), and 2^(-r/H) is a product of the constants 2^(-1/2^k) over the
 * binary digits of r/H. The constants are repeated integer square roots of 1/2 in Q62; all rounding is downwards until the
 * last step, and 62 digits of r/H leave the error far below half a Q30 unit. */
#include "exec/weights.h"

#include "base/check.h"

enum { DIGITS = 62 };

/* Largest x with x * x <= v. */
static uint64_t square_root(asy_i128 v)
{
    uint64_t root = 0;
    for (int bit = 62; bit >= 0; bit--) {
        const uint64_t with = root | (1ull << bit);
        if ((asy_i128)with * with <= v) root = with;
    }
    return root;
}

static uint64_t times_q62(uint64_t a, uint64_t b) { return (uint64_t)(((asy_i128)a * b) >> DIGITS); }

/* 2^(-r/span) in Q62, r < span. */
static uint64_t fraction_of_half_life(const uint64_t *roots, uint32_t r, uint32_t span)
{
    uint64_t product = 1ull << DIGITS;
    uint64_t rest = r;
    for (int k = 0; k < DIGITS; k++) {
        rest *= 2;
        if (rest >= span) {
            rest -= span;
            product = times_q62(product, roots[k]);
        }
    }
    return product;
}

static void make_half_life(struct asy_weights *out, uint32_t span)
{
    uint64_t roots[DIGITS]; /* roots[k] = 2^(-1/2^(k+1)) */
    uint64_t root = 1ull << (DIGITS - 1);
    for (int k = 0; k < DIGITS; k++) {
        root = square_root((asy_i128)root << DIGITS);
        roots[k] = root;
    }
    for (uint32_t r = 0; r < span && r < out->n; r++) {
        const uint64_t value = fraction_of_half_life(roots, r, span);
        for (uint64_t age = r, shift = DIGITS - 30; age < out->n; age += span, shift++)
            out->factor[age] = shift > DIGITS ? 0 : (uint32_t)(((value >> (shift - 1)) + 1) >> 1);
    }
}

static void make_linear(struct asy_weights *out, uint32_t span)
{
    for (uint32_t age = 0; age < out->n; age++)
        out->factor[age] = age >= span ? 0 : (uint32_t)((((uint64_t)(span - age) << 30) + span / 2) / span);
}

bool asy_weights_make(struct asy_weights *out, struct asy_pool *pool, uint8_t kind, uint32_t span, uint64_t oldest)
{
    ASY_CHECK(span > 0, span, kind);
    /* After 31 half lives the weight rounds to 0. */
    const uint64_t all = kind == ASY_WEIGHT_HALF_LIFE ? (uint64_t)span * 31 + 1 : (uint64_t)span + 1;
    const uint64_t n = all <= oldest ? all : oldest + 1;
    ASY_CHECK(n <= UINT32_MAX, n, oldest);
    out->n = (uint32_t)n;
    out->factor = asy_pool_alloc_n(pool, n, sizeof(uint32_t));
    if (out->factor == NULL) return false;
    if (kind == ASY_WEIGHT_HALF_LIFE)
        make_half_life(out, span);
    else
        make_linear(out, span);
    if (n == all) out->factor[n - 1] = 0;
    return true;
}
