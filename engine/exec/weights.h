/* Decay weights of single events, as tables of Q30 factors by age in whole units. Made by integer arithmetic only, so that
 * every machine makes the same table. */
#ifndef ASY_WEIGHTS_H
#define ASY_WEIGHTS_H

#include "rule/rules.h"

struct asy_weights {
    uint32_t n;       /* the last entry serves all greater ages */
    uint32_t *factor; /* Q30: 1 << 30 is full weight */
};

/* half life: 2^(-age/span); linear: 1 - age/span, not below 0; rounded to the nearest Q30. For ages up to `oldest`: what is
 * older may weigh anything. False without memory. */
bool asy_weights_make(struct asy_weights *out, struct asy_pool *pool, uint8_t kind, uint32_t span, uint64_t oldest);
/* Factor at `age` units. */
static inline uint32_t asy_weights_at(const struct asy_weights *weights, uint64_t age)
{
    return weights->factor[age < weights->n ? age : weights->n - 1];
}

#endif
