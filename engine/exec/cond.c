#include "exec/cond.h"

#include "base/check.h"

#include <math.h>

enum op_kind {
    OP_MASK_CONST,  /* mask = t, k */
    OP_MASK_TABLE,  /* mask = bits[code of slot] */
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
};

/* An argument of OP_APPLY: a constant, or a value register. */
struct arg {
    const struct asy_cel_value *constant;
    uint32_t reg;
};

struct op {
    uint8_t kind;
    uint8_t compare;
    bool is_days;               /* MASK_INTS: whole days since the slot's times */
    uint32_t mask, value, slot; /* registers and slot */
    const uint8_t *bits;
    int64_t c;
    double d;
    struct asy_cel_value constant;
    const struct asy_cel_node *node;
    struct arg *args;
    uint32_t n_args;
};

struct asy_cond {
    struct op *ops;
    uint32_t n, cap;
    int64_t now_us;
    const struct asy_slots *env;
};

struct compiler {
    struct asy_slots *slots;
    struct asy_cond *cond;
    struct asy_cond_depth depth;
    bool failed;
    struct op nowhere; /* written to after a failure, never read: the compile fails as a whole */
};

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

static struct op *emit(struct compiler *c, uint8_t kind, uint32_t mask, uint32_t value)
{
    struct asy_cond *cond = c->cond;
    if (c->failed || !asy_pool_grow(c->slots->pool, (void **)&cond->ops, &cond->cap, cond->n, sizeof(*cond->ops))) {
        c->failed = true;
        return &c->nowhere;
    }
    struct op *op = &cond->ops[cond->n++];
    *op = (struct op){.kind = kind, .mask = mask, .value = value};
    return op;
}
static void use_mask(struct compiler *c, uint32_t mask)
{
    if (mask + 1 > c->depth.n_masks) c->depth.n_masks = mask + 1;
}
static void use_value(struct compiler *c, uint32_t value)
{
    if (value + 1 > c->depth.n_values) c->depth.n_values = value + 1;
}
static uint32_t slot_of(struct compiler *c, const struct asy_cel_node *input)
{
    const uint32_t slot = asy_slots_need(c->slots, &input->input);
    if (slot == UINT32_MAX) c->failed = true;
    return slot == UINT32_MAX ? 0 : slot;
}
static bool is_input(const struct asy_cel_node *node) { return node->op == ASY_CEL_INPUT && node->input.kind != ASY_IN_NOW; }
static bool is_now(const struct asy_cel_node *node) { return node->op == ASY_CEL_INPUT && node->input.kind == ASY_IN_NOW; }
static struct asy_cel_value now_value(const struct asy_slots *slots)
{
    return (struct asy_cel_value){.type = ASY_CEL_TIME, .i = slots->now_s};
}

/* The one slot that a subtree reads, NO_INPUT if it reads none, MANY if several. */
#define NO_INPUT UINT32_MAX
#define MANY (UINT32_MAX - 1)
static uint32_t sole_slot(struct compiler *c, const struct asy_cel_node *node)
{
    if (is_input(node)) return slot_of(c, node);
    uint32_t sole = NO_INPUT;
    for (uint32_t i = 0; i < node->n_args && sole != MANY; i++) {
        const uint32_t below = sole_slot(c, node->args[i]);
        if (below == NO_INPUT || below == sole) continue;
        sole = sole == NO_INPUT ? below : MANY;
    }
    return sole;
}

struct code_row {
    const struct asy_slots *slots;
    const struct asy_slot *slot;
    uint32_t code;
};
static struct asy_cel_value read_code(void *ctx, const struct asy_cel_input *input)
{
    const struct code_row *row = ctx;
    if (input->kind == ASY_IN_NOW) return now_value(row->slots);
    return row->slots->code_value(row->slots->ctx, row->slot, row->code);
}
/* The value of a condition for every code of a slot (slot NULL: one value, of a constant condition). */
static uint8_t *make_bits(struct compiler *c, const struct asy_cel_node *node, const struct asy_slot *slot)
{
    const uint32_t n_codes = slot == NULL ? 1 : slot->n_codes;
    uint8_t *bits = asy_pool_alloc(c->slots->pool, n_codes + 1);
    if (bits == NULL) {
        c->failed = true;
        return NULL;
    }
    struct asy_pool scratch;
    asy_pool_init(&scratch, c->slots->pool->mem);
    struct code_row at = {.slots = c->slots, .slot = slot};
    const struct asy_cel_row row = {.ctx = &at, .read = read_code, .scratch = &scratch};
    for (uint32_t code = 0; code < n_codes; code++) {
        at.code = code;
        bits[code] = asy_cel_bits(asy_cel_eval(node, &row));
        if (code % 1024 == 1023) asy_pool_fini(&scratch);
    }
    asy_pool_fini(&scratch);
    if (scratch.has_failed) c->failed = true;
    return bits;
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
static bool constant_of(const struct compiler *c, const struct asy_cel_node *node, struct asy_cel_value *out)
{
    if (is_now(node)) *out = now_value(c->slots);
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

/* `column compare constant` as one kernel. False: it has to go the general way. */
static bool compile_comparison(struct compiler *c, const struct asy_cel_node *node, uint32_t mask)
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
    if (column->op == ASY_CEL_DAYS_SINCE && is_input(column->args[0])) {
        column = column->args[0];
        is_days = true;
    }
    if (!is_input(column)) return false;
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
        struct op *op = emit(c, OP_MASK_NUMBERS, mask, 0);
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
    if (bound == INT64_MIN) return false; /* the mark of an empty value */
    struct op *op = emit(c, OP_MASK_INTS, mask, 0);
    op->slot = slot;
    op->compare = (uint8_t)compare;
    op->c = bound;
    op->is_days = is_days;
    return true;
}

static void compile_value(struct compiler *c, const struct asy_cel_node *node, uint32_t mask, uint32_t value);

/* Leaves the condition `node` in mask register `mask`; registers above are free for use. */
static void compile_mask(struct compiler *c, const struct asy_cel_node *node, uint32_t mask, uint32_t value)
{
    use_mask(c, mask);
    const uint32_t sole = sole_slot(c, node);
    if (c->failed) return;
    if (sole == NO_INPUT || (sole != MANY && c->slots->items[sole].repr == ASY_SLOT_CODES)) {
        const uint8_t *bits = make_bits(c, node, sole == NO_INPUT ? NULL : &c->slots->items[sole]);
        if (bits == NULL) return;
        struct op *op = emit(c, sole == NO_INPUT ? OP_MASK_CONST : OP_MASK_TABLE, mask, 0);
        op->bits = bits;
        op->slot = sole;
        return;
    }
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
        if (is_input(node->args[0]) && c->slots->items[sole].repr != ASY_SLOT_VALUES) {
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

/* Leaves the value of `node` in value register `value`; mask registers from `mask` on are free for use. */
static void compile_value(struct compiler *c, const struct asy_cel_node *node, uint32_t mask, uint32_t value)
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
    struct arg *args = asy_pool_alloc_n(c->slots->pool, node->n_args, sizeof(*args));
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
    struct op *op = emit(c, OP_APPLY, 0, value);
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
    struct compiler c = {.slots = slots, .cond = cond};
    compile_mask(&c, node, 0, 0);
    if (c.failed) return NULL;
    if (c.depth.n_masks > depth->n_masks) depth->n_masks = c.depth.n_masks;
    if (c.depth.n_values > depth->n_values) depth->n_values = c.depth.n_values;
    return cond;
}

/* -- run ----------------------------------------------------------------------------------------------------- */

bool asy_cond_scratch_init(struct asy_cond_scratch *scratch, struct asy_mem *mem, struct asy_cond_depth depth,
                           uint32_t n_rows)
{
    *scratch = (struct asy_cond_scratch){.n_rows = n_rows};
    asy_pool_init(&scratch->text, mem);
    scratch->masks = asy_mem_alloc_n(mem, (size_t)depth.n_masks * 2 + 1, n_rows);
    scratch->values = asy_mem_alloc_n(mem, (size_t)depth.n_values * n_rows + 1, sizeof(*scratch->values));
    scratch->ints = asy_mem_alloc_n(mem, n_rows, sizeof(*scratch->ints));
    return scratch->masks != NULL && scratch->values != NULL && scratch->ints != NULL;
}
void asy_cond_scratch_fini(struct asy_cond_scratch *scratch, struct asy_mem *mem, struct asy_cond_depth depth)
{
    const size_t n = scratch->n_rows;
    if (n == 0) return;
    asy_pool_fini(&scratch->text);
    asy_mem_free(mem, scratch->masks, ((size_t)depth.n_masks * 2 + 1) * n);
    asy_mem_free(mem, scratch->values, (depth.n_values * n + 1) * sizeof(*scratch->values));
    asy_mem_free(mem, scratch->ints, n * sizeof(*scratch->ints));
    *scratch = (struct asy_cond_scratch){0};
}

static uint32_t code_at(struct asy_view view, uint32_t i)
{
    return view.width == 1   ? ((const uint8_t *)view.data)[i]
           : view.width == 2 ? ((const uint16_t *)view.data)[i]
                             : ((const uint32_t *)view.data)[i];
}
static void load_values(const struct asy_slots *env, const struct asy_slot *slot, struct asy_view view, uint32_t n,
                        struct asy_cel_value *out)
{
    switch (slot->repr) {
    case ASY_SLOT_CODES:
        for (uint32_t i = 0; i < n; i++) out[i] = env->code_value(env->ctx, slot, code_at(view, i));
        break;
    case ASY_SLOT_INTS:
        for (uint32_t i = 0; i < n; i++) {
            const int64_t v = ((const int64_t *)view.data)[i];
            out[i] = (struct asy_cel_value){.type = v == INT64_MIN ? ASY_CEL_NULL : ASY_CEL_INT, .i = v};
        }
        break;
    case ASY_SLOT_TIMES:
        for (uint32_t i = 0; i < n; i++) {
            const int64_t us = ((const int64_t *)view.data)[i];
            out[i] = us == INT64_MIN ? (struct asy_cel_value){.type = ASY_CEL_NULL} : asy_cel_time_us(us);
        }
        break;
    case ASY_SLOT_NUMBERS:
        for (uint32_t i = 0; i < n; i++) {
            const double v = ((const double *)view.data)[i];
            out[i] = (struct asy_cel_value){.type = isnan(v) ? ASY_CEL_NULL : ASY_CEL_DOUBLE, .d = v};
        }
        break;
    default: memcpy(out, view.data, n * sizeof(*out)); break;
    }
}
static void compare_ints(const struct op *op, const struct asy_kern *kern, const int64_t *ints, int64_t now_us, uint32_t n,
                         int64_t *scratch, uint8_t *t, uint8_t *k)
{
    if (op->is_days) {
        kern->days_since(ints, n, now_us, scratch);
        ints = scratch;
    }
    kern->compare_i64(ints, n, op->compare, op->c, t, k);
    /* The days since an empty time are unknown, not empty: no comparison of them is known. */
    for (uint32_t i = 0; op->is_days && i < n; i++) {
        k[i] = ints[i] != INT64_MIN;
        t[i] &= k[i];
    }
}
static void look_up(const struct op *op, const struct asy_kern *kern, struct asy_view view, uint32_t n, uint8_t *t, uint8_t *k)
{
    if (view.width == 1) kern->mask_u8(view.data, n, op->bits, t, k);
    else if (view.width == 2) kern->mask_u16(view.data, n, op->bits, t, k);
    else kern->mask_u32(view.data, n, op->bits, t, k);
}
/* Is there a value? Always known. */
static void is_filled(const struct asy_kern *kern, uint8_t repr, struct asy_view view, uint32_t n, uint8_t *t, uint8_t *k)
{
    if (repr == ASY_SLOT_NUMBERS) kern->compare_f64(view.data, n, ASY_GE, -INFINITY, t, k);
    else kern->compare_i64(view.data, n, ASY_GT, INT64_MIN, t, k);
    memset(k, 1, n);
}
static void apply(const struct op *op, struct asy_cel_value *values, uint32_t n_rows, uint32_t n, struct asy_pool *text)
{
    struct asy_cel_value few[8], *args = few;
    if (op->n_args > ASY_COUNT_OF(few)) args = asy_pool_alloc_n(text, op->n_args, sizeof(*args));
    struct asy_cel_value *out = values + (size_t)op->value * n_rows;
    for (uint32_t i = 0; i < n; i++) {
        if (args == NULL) {
            out[i] = (struct asy_cel_value){.type = ASY_CEL_UNKNOWN};
            continue;
        }
        for (uint32_t j = 0; j < op->n_args; j++)
            args[j] = op->args[j].constant ? *op->args[j].constant : values[(size_t)op->args[j].reg * n_rows + i];
        out[i] = asy_cel_apply(op->node, args, op->n_args, text);
    }
}

void asy_cond_run(const struct asy_cond *cond, const struct asy_kern *kern, const struct asy_view *views, uint32_t n,
                  struct asy_cond_scratch *scratch, const uint8_t **t_out, const uint8_t **k_out)
{
    ASY_ASSERT(n <= scratch->n_rows);
    const uint32_t n_rows = scratch->n_rows;
    if (scratch->text.last != NULL) asy_pool_fini(&scratch->text);
    for (uint32_t o = 0; o < cond->n; o++) {
        const struct op *op = &cond->ops[o];
        uint8_t *t = scratch->masks + (size_t)op->mask * 2 * n_rows, *k = t + n_rows;
        uint8_t *t2 = k + n_rows, *k2 = t2 + n_rows;
        struct asy_cel_value *value = scratch->values + (size_t)op->value * n_rows;
        switch (op->kind) {
        case OP_MASK_CONST:
            memset(t, op->bits[0] & 1, n);
            memset(k, op->bits[0] >> 1, n);
            break;
        case OP_MASK_TABLE: look_up(op, kern, views[op->slot], n, t, k); break;
        case OP_MASK_INTS: compare_ints(op, kern, views[op->slot].data, cond->now_us, n, scratch->ints, t, k); break;
        case OP_MASK_NUMBERS: kern->compare_f64(views[op->slot].data, n, op->compare, op->d, t, k); break;
        case OP_MASK_FILLED: is_filled(kern, cond->env->items[op->slot].repr, views[op->slot], n, t, k); break;
        case OP_MASK_VALUES:
            for (uint32_t i = 0; i < n; i++) {
                const uint8_t bits = asy_cel_bits(value[i]);
                t[i] = bits & 1;
                k[i] = bits >> 1;
            }
            break;
        case OP_AND: kern->and_(t, k, t2, k2, n); break;
        case OP_OR: kern->or_(t, k, t2, k2, n); break;
        case OP_NOT: kern->not_(t, k, n); break;
        case OP_LOAD: load_values(cond->env, &cond->env->items[op->slot], views[op->slot], n, value); break;
        case OP_SET:
            for (uint32_t i = 0; i < n; i++) value[i] = op->constant;
            break;
        case OP_FROM_MASK:
            for (uint32_t i = 0; i < n; i++)
                value[i] = (struct asy_cel_value){.type = k[i] ? ASY_CEL_BOOL : ASY_CEL_UNKNOWN, .b = t[i] != 0};
            break;
        case OP_APPLY: apply(op, scratch->values, n_rows, n, &scratch->text); break;
        case OP_SELECT:
            for (uint32_t i = 0; i < n; i++) {
                if (!k[i]) value[i] = (struct asy_cel_value){.type = ASY_CEL_UNKNOWN};
                else if (!t[i]) value[i] = value[n_rows + i];
            }
            break;
        }
    }
    *t_out = scratch->masks;
    *k_out = scratch->masks + n_rows;
}
