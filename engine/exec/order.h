/* Leads in the order in which round robin deals them: best score first, then lead ids by bytes. The order is a total one, so it
 * does not depend on the order in which leads come in.
 *
 * Most significant digits first: hands are spread by as many bits as there are hands for, each group by itself, and groups of a few
 * are sorted by insertion. CRM ids share their beginnings, so keys begin behind what all ids have in common.
 * Threads: many, each with hands and spare room of its own. */
#ifndef ASY_ORDER_H
#define ASY_ORDER_H

#include "store/index.h"

/* A lead to deal; `key` is what asy_order_key says at the depth that is sorted by. */
struct asy_hand {
    uint64_t key;
    uint32_t row;
};

struct asy_order {
    const struct asy_keys *keys;
    const int32_t *score_milli; /* by row */
    uint32_t id_at;             /* all ids have their first id_at bytes in common */
};

/* ORDER_BY_SCORE: the whole order; ORDER_BY_ID: of hands with one score. */
enum { ASY_ORDER_BY_SCORE = 0, ASY_ORDER_BY_ID = 1 };

/* Eight bytes of `id` from `at` on, as a number that orders as they do. Where the id ends there are zeros, which leave the
 * decision to the whole ids. */
static inline uint64_t asy_order_id_key(struct asy_str id, uint32_t at)
{
    uint64_t bytes = 0;
    if (id.len >= 8 && at < id.len) {
        const uint32_t from = at + 8 <= id.len ? at : id.len - 8;
        memcpy(&bytes, id.p + from, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        bytes = __builtin_bswap64(bytes);
#endif
        return bytes << 8 * (at - from);
    }
    for (uint32_t i = 0; i < 8; i++) bytes = bytes << 8 | (at + i < id.len ? (uint8_t)id.p[at + i] : 0);
    return bytes;
}
/* The key of a row: by score (the best one is the least), or eight bytes of its id. */
uint64_t asy_order_key(const struct asy_order *order, uint32_t row, uint32_t depth);
/* Sort `n` hands whose keys are those of `depth`. `spare` has room for n. */
void asy_order_hands(const struct asy_order *order, struct asy_hand *hands, struct asy_hand *spare, uint32_t n, uint32_t depth);

#endif
