/* A condition tree -> a flat list of operations over columns, see cond.h. */
#include "exec/cond_internal.h"

#include <math.h>

uint32_t asy_slots_need(struct asy_slots *slots, const struct asy_cel_input *input)
{
    for (uint32_t i = 0; i < slots->n; i++) {
        const struct asy_cel_input *known = &slots->items[i].input;
        if (known->kind == input->kind && known->index == input->index &&
            (known->kind != ASY_IN_EVENT_COUNT || known->window_s == input->window_s))
            return i;
    }
    if (!asy_pool_grow(slots->pool, (void **)&slots->items, &slots->cap, slots->n, sizeof(*slots->items))) return UINT32_MAX;
    struct asy_slot *slot = &slots->items[slots->n];
    *slot = (struct asy_slot){.input = *input};
    slots->describe(slots->ctx, slot);
    return slots->n++;
}

/* -- compile ------------------------------------------------------------------------------------------------- */

static struct asy_cond_op *emit(struct asy_cond_compiler *c, uint8_t kind, uint32_t mask, uint32_t value)
{
    struct asy_cond *cond = c->cond;
    if (c->failed || !asy_pool_grow(c->slots->pool, (void **)&cond->ops, &cond->cap, cond->n, sizeof(*cond->ops))) {
        c->failed = true;
        return &c->nowhere;
    }
    struct asy_cond_op *op = &cond->ops[cond->n++];
    *op = (struct asy_cond_op){.kind = kind, .mask = mask, .value = value};
    return op;
}
static void use_mask(struct asy_cond_compiler *c, uint32_t mask)
{
    if (mask + 1 > c->depth.n_masks) c->depth.n_masks = mask + 1;
}
static void use_value(struct asy_cond_compiler *c, uint32_t value)
{
    if (value + 1 > c->depth.n_values) c->depth.n_values = value + 1;
}
static uint32_t slot_of(struct asy_cond_compiler *c, const struct asy_cel_node *input)
{
    const uint32_t slot = asy_slots_need(c->slots, &input->input);
    if (slot == UINT32_MAX) c->failed = true;
    return slot == UINT32_MAX ? 0 : slot;
}
static bool is_now(const struct asy_cel_node *node) { return node->op == ASY_CEL_INPUT && node->input.kind == ASY_IN_NOW; }

/* The one slot that a subtree reads, NO_INPUT if it reads none, MANY if several. */
#define NO_INPUT UINT32_MAX
#define MANY (UINT32_MAX - 1)
static uint32_t sole_slot(struct asy_cond_compiler *c, const struct asy_cel_node *node)
{
    if (asy_cond_is_input(node)) return slot_of(c, node);
    uint32_t sole = NO_INPUT;
    for (uint32_t i = 0; i < node->n_args && sole != MANY; i++) {
        const uint32_t below = sole_slot(c, node->args[i]);
        if (below == NO_INPUT || below == sole) continue;
        sole = sole == NO_INPUT ? below : MANY;
    }
    return sole;
}

static int compare_of(uint8_t op)
{
    switch (op) {
    case ASY_CEL_LT: return ASY_LT;
    case ASY_CEL_LE: return ASY_LE;
    case ASY_CEL_GT: return ASY_GT;
    case ASY_CEL_GE: return ASY_GE;
    case ASY_CEL_EQ: return ASY_EQ;
    case ASY_CEL_NE: return ASY_NE;
    default: return -1;
    }
}
static int mirrored(int compare)
{
    static const uint8_t mirror[] = {[ASY_LT] = ASY_GT, [ASY_LE] = ASY_GE, [ASY_GT] = ASY_LT,
                                     [ASY_GE] = ASY_LE, [ASY_EQ] = ASY_EQ, [ASY_NE] = ASY_NE};
    return mirror[compare];
}
/* Through dyn(), which only silences the type checker. */
static const struct asy_cel_node *plain(const struct asy_cel_node *node)
{
    while (node->op == ASY_CEL_TO_DYN) node = node->args[0];
    return node;
}
static bool constant_of(const struct asy_cond_compiler *c, const struct asy_cel_node *node, struct asy_cel_value *out)
{
    if (is_now(node)) *out = asy_cond_now(c->slots);
    else if (node->op == ASY_CEL_CONST) *out = node->value;
    else return false;
    return true;
}

/* An integer compared with a double constant, as a comparison with an integer. Exact while |d| < 2^53, since integers
 * beyond that compare the same way as doubles. False: not possible. */
static bool integer_bound(int *compare, double d, int64_t *out)
{
    if (!(fabs(d) < 9007199254740992.0)) return false;
    const double below = floor(d);
    if (*compare == ASY_EQ || *compare == ASY_NE) {
        if (below != d) return false;
    } else if (*compare == ASY_LT || *compare == ASY_GE) {
        *out = (int64_t)ceil(d);
        return true;
    }
    *out = (int64_t)below;
    return true;
}

/* "Whole days since a time" compared with a constant, as a comparison of the time itself: floor(age / day) >= n just when
 * age >= n * day. Empty times are unknown either way. False: not possible. */
static bool time_bound(const struct asy_cond_compiler *c, int *compare, int64_t n_days, int64_t *out)
{
    const int64_t day_us = 86400LL * 1000000;
    if (*compare == ASY_EQ || *compare == ASY_NE || n_days < -10000000 || n_days > 10000000) return false;
    const bool is_older = *compare == ASY_GT || *compare == ASY_GE;
    if (*compare == ASY_GT || *compare == ASY_LE) n_days++;
    *compare = is_older ? ASY_LE : ASY_GT;
    *out = c->cond->now_us - n_days * day_us;
    return true;
}

/* `column compare constant` as one kernel. False: it has to go the general way. */
static bool compile_comparison(struct asy_cond_compiler *c, const struct asy_cel_node *node, uint32_t mask)
{
    int compare = compare_of(node->op);
    if (compare < 0) return false;
    const struct asy_cel_node *column = plain(node->args[0]);
    struct asy_cel_value constant;
    if (!constant_of(c, plain(node->args[1]), &constant)) {
        if (!constant_of(c, column, &constant)) return false;
        column = plain(node->args[1]);
        compare = mirrored(compare);
    }
    bool is_days = false;
    if (column->op == ASY_CEL_DAYS_SINCE && asy_cond_is_input(column->args[0])) {
        column = column->args[0];
        is_days = true;
    }
    if (!asy_cond_is_input(column)) return false;
    const uint32_t slot = slot_of(c, column);
    const uint8_t repr = c->slots->items == NULL ? ASY_SLOT_VALUES : c->slots->items[slot].repr;

    if (constant.type == ASY_CEL_NULL && (compare == ASY_EQ || compare == ASY_NE) && !is_days &&
        (repr == ASY_SLOT_INTS || repr == ASY_SLOT_TIMES || repr == ASY_SLOT_NUMBERS)) {
        emit(c, OP_MASK_FILLED, mask, 0)->slot = slot;
        if (compare == ASY_EQ) emit(c, OP_NOT, mask, 0);
        return true;
    }
    if (repr == ASY_SLOT_NUMBERS && !is_days) {
        double d;
        if (constant.type == ASY_CEL_DOUBLE) d = constant.d;
        else if (constant.type == ASY_CEL_INT && constant.i <= (1LL << 53) && constant.i >= -(1LL << 53)) d = (double)constant.i;
        else return false;
        if (isnan(d)) return false;
        struct asy_cond_op *op = emit(c, OP_MASK_NUMBERS, mask, 0);
        op->slot = slot;
        op->compare = (uint8_t)compare;
        op->d = d;
        return true;
    }
    int64_t bound;
    if (repr == ASY_SLOT_INTS || (repr == ASY_SLOT_TIMES && is_days)) {
        if (repr == ASY_SLOT_INTS && is_days) return false;
        if (constant.type == ASY_CEL_INT) bound = constant.i;
        else if (constant.type != ASY_CEL_DOUBLE || !integer_bound(&compare, constant.d, &bound)) return false;
    } else if (repr == ASY_SLOT_TIMES) {
        if (constant.type != ASY_CEL_TIME || constant.nanos % 1000 != 0) return false;
        bound = constant.i * 1000000 + constant.nanos / 1000;
    } else {
        return false;
    }
    if (is_days && time_bound(c, &compare, bound, &bound)) is_days = false;
    if (bound == INT64_MIN) return false; /* the mark of an empty value */
    struct asy_cond_op *op = emit(c, OP_MASK_INTS, mask, 0);
    op->slot = slot;
    op->compare = (uint8_t)compare;
    op->c = bound;
    op->is_days = is_days;
    return true;
}

static void compile_value(struct asy_cond_compiler *c, const struct asy_cel_node *node, uint32_t mask, uint32_t value);

static void compile_mask(struct asy_cond_compiler *c, const struct asy_cel_node *node, uint32_t mask, uint32_t value);

/* A part that no table answers. */
static void compile_operation(struct asy_cond_compiler *c, const struct asy_cel_node *node, uint32_t sole, uint32_t mask, uint32_t value)
{
    switch (node->op) {
    case ASY_CEL_AND:
    case ASY_CEL_OR:
        for (uint32_t i = 0; i < node->n_args; i++) {
            compile_mask(c, node->args[i], mask + (i > 0), value);
            if (i > 0) emit(c, node->op == ASY_CEL_AND ? OP_AND : OP_OR, mask, 0);
        }
        return;
    case ASY_CEL_NOT:
        compile_mask(c, node->args[0], mask, value);
        emit(c, OP_NOT, mask, 0);
        return;
    case ASY_CEL_HAS:
        if (asy_cond_is_input(node->args[0]) && c->slots->items[sole].repr != ASY_SLOT_VALUES) {
            emit(c, OP_MASK_FILLED, mask, 0)->slot = sole;
            return;
        }
        break;
    default:
        if (compile_comparison(c, node, mask)) return;
    }
    compile_value(c, node, mask, value);
    emit(c, OP_MASK_VALUES, mask, value);
}

/* Leaves the condition `node` in mask register `mask`; registers above are free for use. */
static void compile_mask(struct asy_cond_compiler *c, const struct asy_cel_node *node, uint32_t mask, uint32_t value)
{
    use_mask(c, mask);
    const uint32_t sole = sole_slot(c, node);
    bool is_known;
    const uint32_t number = asy_cond_part_of(c, node, &is_known);
    if (c->failed) return;
    if (sole == NO_INPUT || (sole != MANY && c->slots->items[sole].repr == ASY_SLOT_CODES)) {
        if (!is_known) c->slots->parts[number].bits = asy_cond_bits(c, node, sole == NO_INPUT ? NULL : &c->slots->items[sole]);
        struct asy_cond_op *op = emit(c, sole == NO_INPUT ? OP_MASK_CONST : OP_MASK_TABLE, mask, 0);
        op->bits = c->slots->parts[number].bits;
        op->slot = sole;
        if (op->kind == OP_MASK_TABLE && op->bits != NULL && asy_cond_few(&c->slots->items[sole], op->bits, op->few, &op->n_few))
            op->kind = OP_MASK_FEW;
        return;
    }
    const bool was_inside = c->is_inside_shared;
    c->is_inside_shared |= is_known;
    const uint32_t start = c->cond->n;
    emit(c, OP_RECALL, mask, 0)->part = number;
    compile_operation(c, node, sole, mask, value);
    if (!c->failed && c->cond->n == start + 2 && c->cond->ops[start + 1].kind <= OP_MASK_FILLED) {
        /* One kernel is as fast as fetching what it said. */
        c->cond->ops[start] = c->cond->ops[start + 1];
        c->cond->n = start + 1;
    } else {
        if (is_known && !was_inside && c->slots->parts[number].shared == 0) c->slots->parts[number].shared = ++c->slots->n_shared;
        emit(c, OP_KEEP, mask, 0)->part = number;
        if (!c->failed) c->cond->ops[start].end = c->cond->n;
    }
    c->is_inside_shared = was_inside;
}

/* Leaves the value of `node` in value register `value`; mask registers from `mask` on are free for use. */
static void compile_value(struct asy_cond_compiler *c, const struct asy_cel_node *node, uint32_t mask, uint32_t value)
{
    use_value(c, value);
    struct asy_cel_value constant;
    if (constant_of(c, node, &constant)) {
        emit(c, OP_SET, 0, value)->constant = constant;
        return;
    }
    switch (node->op) {
    case ASY_CEL_INPUT:
        emit(c, OP_LOAD, 0, value)->slot = slot_of(c, node);
        return;
    case ASY_CEL_AND:
    case ASY_CEL_OR:
        compile_mask(c, node, mask, value);
        emit(c, OP_FROM_MASK, mask, value);
        return;
    case ASY_CEL_IF:
        compile_mask(c, node->args[0], mask, value);
        compile_value(c, node->args[1], mask + 1, value);
        compile_value(c, node->args[2], mask + 1, value + 1);
        emit(c, OP_SELECT, mask, value);
        return;
    default: break;
    }
    struct asy_cond_arg *args = asy_pool_alloc_n(c->slots->pool, node->n_args, sizeof(*args));
    if (args == NULL) {
        c->failed = true;
        return;
    }
    uint32_t reg = value;
    for (uint32_t i = 0; i < node->n_args; i++) {
        const struct asy_cel_node *arg = node->args[i];
        if (arg->op == ASY_CEL_CONST) {
            args[i].constant = &arg->value;
            continue;
        }
        compile_value(c, arg, mask, reg);
        args[i].reg = reg++;
    }
    struct asy_cond_op *op = emit(c, OP_APPLY, 0, value);
    op->node = node;
    op->args = args;
    op->n_args = node->n_args;
}

struct asy_cond *asy_cond_compile(struct asy_slots *slots, const struct asy_cel_node *node, struct asy_cond_depth *depth)
{
    struct asy_cond *cond = asy_pool_alloc(slots->pool, sizeof(*cond));
    if (cond == NULL) return NULL;
    cond->now_us = slots->now_s * 1000000;
    cond->env = slots;
    struct asy_cond_compiler c = {.slots = slots, .cond = cond};
    compile_mask(&c, node, 0, 0);
    if (c.failed) return NULL;
    if (c.depth.n_masks > depth->n_masks) depth->n_masks = c.depth.n_masks;
    if (c.depth.n_values > depth->n_values) depth->n_values = c.depth.n_values;
    depth->n_shared = slots->n_shared;
    return cond;
}
