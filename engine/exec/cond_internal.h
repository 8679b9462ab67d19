/* What the files of the condition compiler share. Private to exec/cond*.c.
 *
 *   cond.c        a tree -> operations
 *   cond_table.c  equal parts of trees; tables by code
 *   cond_run.c    operations over a batch */
#ifndef ASY_COND_INTERNAL_H
#define ASY_COND_INTERNAL_H

#include "exec/cond.h"

enum asy_cond_op_kind {
    OP_MASK_CONST,  /* mask = t, k */
    OP_MASK_TABLE,  /* mask = bits[code of slot] */
    OP_MASK_FEW,    /* mask = is the code of slot one of few; bits[0] for the empty one */
    OP_MASK_INTS,   /* mask = ints of slot (or days since its times) op c */
    OP_MASK_NUMBERS,/* mask = numbers of slot op d */
    OP_MASK_FILLED, /* mask = slot has a value */
    OP_MASK_VALUES, /* mask = value register as a condition */
    OP_AND,         /* mask = mask & mask + 1 */
    OP_OR,
    OP_NOT,
    OP_LOAD,        /* value = slot */
    OP_SET,         /* value = constant */
    OP_FROM_MASK,   /* value = mask as BOOL or UNKNOWN */
    OP_APPLY,       /* value = asy_cel_apply(node, arguments) */
    OP_SELECT,      /* value = mask ? value : value + 1; unknown where the mask is */
    OP_RECALL,      /* if `part` was kept in this batch: mask = what was kept, go on at `end` */
    OP_KEEP,        /* keep mask for `part`, if others want it */
};

/* An argument of OP_APPLY: a constant, or a value register. */
struct asy_cond_arg {
    const struct asy_cel_value *constant;
    uint32_t reg;
};

enum { ASY_COND_FEW = 8 };

struct asy_cond_op {
    uint8_t kind;
    uint8_t compare;
    bool is_days;               /* MASK_INTS: whole days since the slot's times */
    uint32_t mask, value, slot; /* registers and slot */
    const uint8_t *bits;
    uint32_t few[ASY_COND_FEW], n_few;
    int64_t c;
    double d;
    struct asy_cel_value constant;
    const struct asy_cel_node *node;
    struct asy_cond_arg *args;
    uint32_t n_args;
    uint32_t part, end;         /* RECALL, KEEP */
};

struct asy_cond {
    struct asy_cond_op *ops;
    uint32_t n, cap;
    int64_t now_us;
    const struct asy_slots *env;
};

struct asy_cond_compiler {
    struct asy_slots *slots;
    struct asy_cond *cond;
    struct asy_cond_depth depth;
    bool failed;
    bool is_inside_shared; /* of a part that is kept as a whole: its own parts need not be */
    struct asy_cond_op nowhere; /* written to after a failure, never read: the compile fails as a whole */
};

static inline bool asy_cond_is_input(const struct asy_cel_node *node)
{
    return node->op == ASY_CEL_INPUT && node->input.kind != ASY_IN_NOW;
}
static inline struct asy_cel_value asy_cond_now(const struct asy_slots *slots)
{
    return (struct asy_cel_value){.type = ASY_CEL_TIME, .i = slots->now_s};
}

/* cond_table.c */
/* Number of the part that equals `node`, added if new; *is_known: it stood in some condition before. Sets c->failed without memory. */
uint32_t asy_cond_part_of(struct asy_cond_compiler *c, const struct asy_cel_node *node, bool *is_known);
/* The value of a condition for every code of `slot`, as table bits (slot NULL: one value, of a constant condition). NULL without
 * memory. */
const uint8_t *asy_cond_bits(struct asy_cond_compiler *c, const struct asy_cel_node *node, const struct asy_slot *slot);
/* The codes that are true, if codes have 4 bytes, these are ASY_COND_FEW at most and all others but 0 are known to be false: comparing with each
 * is faster then than a table that no cache holds. */
bool asy_cond_few(const struct asy_slot *slot, const uint8_t *bits, uint32_t *few, uint32_t *n_few);

#endif
