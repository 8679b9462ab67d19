#include "exec/order.h"

#include <stdlib.h>

/* Beyond the last depth (32 bytes of id) whole ids are compared: what is left there is small, or made to be slow. */
enum { FEW = 16, DEPTH_MAX = 4, DIGIT_BITS_MAX = 11 };

uint64_t asy_order_key(const struct asy_order *order, uint32_t row, uint32_t depth)
{
    if (depth == ASY_ORDER_BY_SCORE) return (uint64_t)(INT32_MAX - (int64_t)order->score_milli[row]);
    return asy_order_id_key(asy_keys_text(order->keys, row), order->id_at + 8 * (depth - ASY_ORDER_BY_ID));
}

static int compare_hands(const void *pa, const void *pb, void *ctx)
{
    const struct asy_hand *a = pa, *b = pb;
    const struct asy_keys *keys = ctx;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return asy_str_cmp(asy_keys_text(keys, a->row), asy_keys_text(keys, b->row));
}

static void sort_few(const struct asy_keys *keys, struct asy_hand *hands, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        const struct asy_hand hand = hands[i];
        uint32_t at = i;
        for (; at > 0; at--) {
            const struct asy_hand *before = &hands[at - 1];
            if (before->key < hand.key || (before->key == hand.key && compare_hands(before, &hand, (void *)keys) < 0)) break;
            hands[at] = *before;
        }
        hands[at] = hand;
    }
}

/* Bits that not all keys have in common. */
static uint64_t varying_bits(const struct asy_hand *hands, uint32_t n)
{
    uint64_t varying = 0;
    for (uint32_t i = 1; i < n; i++) varying |= hands[i].key ^ hands[0].key;
    return varying;
}

/* Digits for `n` hands. Bytes of ids are letters and digits, which are few of the numbers that fit into their bits. */
static uint32_t digit_bits(uint32_t n)
{
    const uint32_t bits = 32 - (uint32_t)__builtin_clz(n) + 1;
    return bits < DIGIT_BITS_MAX ? bits : DIGIT_BITS_MAX;
}

void asy_order_hands(const struct asy_order *order, struct asy_hand *hands, struct asy_hand *spare, uint32_t n, uint32_t depth)
{
    if (n <= FEW) {
        sort_few(order->keys, hands, n);
        return;
    }
    uint64_t varying = varying_bits(hands, n);
    for (; varying == 0 && depth < DEPTH_MAX; varying = varying_bits(hands, n)) {
        depth++;
        for (uint32_t i = 0; i < n; i++) hands[i].key = asy_order_key(order, hands[i].row, depth);
    }
    if (varying == 0) {
        qsort_r(hands, n, sizeof(*hands), compare_hands, (void *)order->keys);
        return;
    }
    const uint32_t n_varying = 64 - (uint32_t)__builtin_clzll(varying), bits = digit_bits(n);
    const uint32_t shift = n_varying > bits ? n_varying - bits : 0, n_digits = 1u << bits;
    uint32_t ends[1 << DIGIT_BITS_MAX], most = 0;
    memset(ends, 0, n_digits * sizeof(*ends));
    for (uint32_t i = 0; i < n; i++) ends[hands[i].key >> shift & (n_digits - 1)]++;
    for (uint32_t d = 0, at = 0; d < n_digits; d++) {
        const uint32_t count = ends[d];
        most = count > most ? count : most;
        ends[d] = at;
        at += count;
    }
    for (uint32_t i = 0; i < n; i++) spare[ends[hands[i].key >> shift & (n_digits - 1)]++] = hands[i];
    memcpy(hands, spare, n * sizeof(*hands));
    if (most <= FEW) {
        sort_few(order->keys, hands, n); /* nobody has far to go */
        return;
    }
    for (uint32_t d = 0, at = 0; at < n; at = ends[d++])
        if (ends[d] - at > 1) asy_order_hands(order, hands + at, spare, ends[d] - at, depth);
}
