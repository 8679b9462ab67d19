/* Conditions over a batch: the operations that cond.c made, one kernel or loop each. */
#include "exec/cond_internal.h"

#include "base/check.h"

#include <math.h>

bool asy_cond_scratch_init(struct asy_cond_scratch *scratch, struct asy_mem *mem, struct asy_cond_depth depth,
                           uint32_t n_rows)
{
    *scratch = (struct asy_cond_scratch){.n_rows = n_rows, .batch = 1};
    asy_pool_init(&scratch->text, mem);
    scratch->masks = asy_mem_alloc_n(mem, (size_t)depth.n_masks * 2 + 1, n_rows);
    scratch->values = asy_mem_alloc_n(mem, (size_t)depth.n_values * n_rows + 1, sizeof(*scratch->values));
    scratch->days = asy_mem_alloc_n(mem, n_rows, sizeof(*scratch->days));
    scratch->shared = asy_mem_alloc_n(mem, (size_t)depth.n_shared * 2 + 1, n_rows);
    scratch->shared_batch = asy_mem_alloc_n(mem, (size_t)depth.n_shared + 1, sizeof(*scratch->shared_batch));
    return scratch->masks != NULL && scratch->values != NULL && scratch->days != NULL && scratch->shared != NULL &&
           scratch->shared_batch != NULL;
}
void asy_cond_scratch_fini(struct asy_cond_scratch *scratch, struct asy_mem *mem, struct asy_cond_depth depth)
{
    const size_t n = scratch->n_rows;
    if (n == 0) return;
    asy_pool_fini(&scratch->text);
    asy_mem_free(mem, scratch->masks, ((size_t)depth.n_masks * 2 + 1) * n);
    asy_mem_free(mem, scratch->values, (depth.n_values * n + 1) * sizeof(*scratch->values));
    asy_mem_free(mem, scratch->days, n * sizeof(*scratch->days));
    asy_mem_free(mem, scratch->shared, ((size_t)depth.n_shared * 2 + 1) * n);
    asy_mem_free(mem, scratch->shared_batch, ((size_t)depth.n_shared + 1) * sizeof(*scratch->shared_batch));
    *scratch = (struct asy_cond_scratch){0};
}

static uint32_t code_at(struct asy_view view, uint32_t i)
{
    return view.width == 1   ? ((const uint8_t *)view.data)[i]
           : view.width == 2 ? ((const uint16_t *)view.data)[i]
                             : ((const uint32_t *)view.data)[i];
}
static int64_t int_at(struct asy_view view, uint32_t i)
{
    switch (view.ints) {
    case ASY_INTS_8: return ((const int8_t *)view.data)[i] == INT8_MIN ? INT64_MIN : ((const int8_t *)view.data)[i];
    case ASY_INTS_16: return ((const int16_t *)view.data)[i] == INT16_MIN ? INT64_MIN : ((const int16_t *)view.data)[i];
    case ASY_INTS_32: return ((const int32_t *)view.data)[i] == INT32_MIN ? INT64_MIN : ((const int32_t *)view.data)[i];
    case ASY_INTS_COUNT: return ((const uint32_t *)view.data)[i];
    case ASY_INTS_DAYS: return ((const uint16_t *)view.data)[i] == ASY_NO_DAYS ? INT64_MIN : ((const uint16_t *)view.data)[i];
    case ASY_INTS_MILLI: return ((const int32_t *)view.data)[i] / 1000;
    default: return ((const int64_t *)view.data)[i];
    }
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
            const int64_t v = int_at(view, i);
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
static void compare_ints(const struct asy_cond_op *op, const struct asy_kern *kern, struct asy_view view, int64_t now_us, uint32_t n,
                         int64_t *days, uint8_t *t, uint8_t *k)
{
    if (!op->is_days) {
        kern->compare_ints(view.data, view.ints, n, op->compare, op->c, t, k);
        return;
    }
    kern->days_since(view.data, n, now_us, days);
    kern->compare_ints(days, ASY_INTS_64, n, op->compare, op->c, t, k);
    /* The days since an empty time are unknown, not empty: no comparison of them is known. */
    for (uint32_t i = 0; i < n; i++) {
        k[i] = days[i] != INT64_MIN;
        t[i] &= k[i];
    }
}
static void look_up(const struct asy_cond_op *op, const struct asy_kern *kern, struct asy_view view, uint32_t n_codes, uint32_t n,
                    uint8_t *t, uint8_t *k)
{
    if (view.width == 1) kern->mask_u8(view.data, n, op->bits, n_codes, t, k);
    else if (view.width == 2) kern->mask_u16(view.data, n, op->bits, t, k);
    else kern->mask_u32(view.data, n, op->bits, t, k);
}
/* Is there a value? Always known. */
static void is_filled(const struct asy_kern *kern, uint8_t repr, struct asy_view view, uint32_t n, uint8_t *t, uint8_t *k)
{
    if (repr == ASY_SLOT_NUMBERS) kern->compare_f64(view.data, n, ASY_GE, -INFINITY, t, k);
    else kern->compare_ints(view.data, repr == ASY_SLOT_INTS ? view.ints : ASY_INTS_64, n, ASY_GE, INT64_MIN + 1, t, k);
    memset(k, 1, n);
}
static void apply(const struct asy_cond_op *op, struct asy_cel_value *values, uint32_t n_rows, uint32_t n, struct asy_pool *text)
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

/* The masks kept for the others of a part's kind, or NULL. */
static uint8_t *kept_masks(const struct asy_cond *cond, const struct asy_cond_op *op, const struct asy_cond_scratch *scratch, uint64_t **batch)
{
    const uint32_t shared = cond->env->parts[op->part].shared;
    if (shared == 0) return NULL;
    *batch = &scratch->shared_batch[shared - 1];
    return scratch->shared + (size_t)(shared - 1) * 2 * scratch->n_rows;
}

void asy_cond_run(const struct asy_cond *cond, const struct asy_kern *kern, const struct asy_view *views, uint32_t n,
                  struct asy_cond_scratch *scratch, const uint8_t **t_out, const uint8_t **k_out)
{
    ASY_ASSERT(n <= scratch->n_rows);
    const uint32_t n_rows = scratch->n_rows;
    if (scratch->text.last != NULL) asy_pool_fini(&scratch->text);
    for (uint32_t o = 0; o < cond->n; o++) {
        const struct asy_cond_op *op = &cond->ops[o];
        uint8_t *t = scratch->masks + (size_t)op->mask * 2 * n_rows, *k = t + n_rows;
        uint8_t *t2 = k + n_rows, *k2 = t2 + n_rows;
        struct asy_cel_value *value = scratch->values + (size_t)op->value * n_rows;
        uint8_t *kept;
        uint64_t *kept_batch;
        switch (op->kind) {
        case OP_MASK_CONST:
            memset(t, op->bits[0] & 1, n);
            memset(k, op->bits[0] >> 1, n);
            break;
        case OP_MASK_TABLE: look_up(op, kern, views[op->slot], cond->env->items[op->slot].n_codes, n, t, k); break;
        case OP_MASK_FEW: kern->mask_few_u32(views[op->slot].data, n, op->few, op->n_few, op->bits[0], t, k); break;
        case OP_MASK_INTS: compare_ints(op, kern, views[op->slot], cond->now_us, n, scratch->days, t, k); break;
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
        case OP_RECALL:
            if ((kept = kept_masks(cond, op, scratch, &kept_batch)) == NULL || *kept_batch != scratch->batch) break;
            memcpy(t, kept, n);
            memcpy(k, kept + n_rows, n);
            o = op->end - 1;
            break;
        case OP_KEEP:
            if ((kept = kept_masks(cond, op, scratch, &kept_batch)) == NULL) break;
            memcpy(kept, t, n);
            memcpy(kept + n_rows, k, n);
            *kept_batch = scratch->batch;
            break;
        }
    }
    *t_out = scratch->masks;
    *k_out = scratch->masks + n_rows;
}
