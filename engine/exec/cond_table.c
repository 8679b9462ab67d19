/* Parts of conditions that are equal, and parts that one coded column answers: their values by code. */
#include "exec/cond_internal.h"

/* -- equal parts ----------------------------------------------------------------------------------------------- */

static uint64_t mixed(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9fb21c651e98df25);
    return h ^ (h >> 32);
}
static uint64_t hash_node(const struct asy_cel_node *node)
{
    uint64_t h = mixed(node->op, node->n_args);
    if (node->op == ASY_CEL_CONST)
        h = mixed(h, node->value.type == ASY_CEL_STRING ? asy_checksum(node->value.s) : node->value.type);
    if (node->op == ASY_CEL_INPUT) h = mixed(mixed(h, node->input.kind), node->input.index);
    for (uint32_t i = 0; i < node->n_args; i++) h = mixed(h, hash_node(node->args[i]));
    return h;
}

static bool same_value(const struct asy_cel_value *a, const struct asy_cel_value *b)
{
    if (a->type != b->type) return false;
    switch (a->type) {
    case ASY_CEL_UNKNOWN:
    case ASY_CEL_NULL: return true;
    case ASY_CEL_BOOL: return a->b == b->b;
    case ASY_CEL_DOUBLE: return memcmp(&a->d, &b->d, sizeof(a->d)) == 0;
    case ASY_CEL_STRING: return asy_str_eq(a->s, b->s);
    case ASY_CEL_TIME: return a->i == b->i && a->nanos == b->nanos;
    default: return a->i == b->i;
    }
}
/* Trees that give the same value on every row. Regexes and zones stand for constant arguments, which are compared. */
static bool same_node(const struct asy_cel_node *a, const struct asy_cel_node *b)
{
    if (a->op != b->op || a->n_args != b->n_args || a->set != b->set) return false;
    if (a->op == ASY_CEL_CONST) return same_value(&a->value, &b->value);
    if (a->op == ASY_CEL_INPUT)
        return a->input.kind == b->input.kind && a->input.index == b->input.index &&
               (a->input.kind != ASY_IN_EVENT_COUNT || a->input.window_s == b->input.window_s);
    for (uint32_t i = 0; i < a->n_args; i++)
        if (!same_node(a->args[i], b->args[i])) return false;
    return true;
}

static bool grow_part_slots(struct asy_slots *slots)
{
    const uint32_t n = slots->n_part_slots == 0 ? 64 : slots->n_part_slots * 2;
    uint32_t *grown = asy_pool_alloc_n(slots->pool, n, sizeof(*grown));
    if (grown == NULL) return false;
    for (uint32_t p = 0; p < slots->n_parts; p++) {
        uint64_t at = slots->parts[p].hash & (n - 1);
        while (grown[at] != 0) at = (at + 1) & (n - 1);
        grown[at] = p + 1;
    }
    slots->part_slots = grown;
    slots->n_part_slots = n;
    return true;
}

/* The part that equals `node`. *is_known: it stood in some condition before. */
uint32_t asy_cond_part_of(struct asy_cond_compiler *c, const struct asy_cel_node *node, bool *is_known)
{
    struct asy_slots *slots = c->slots;
    *is_known = false;
    if (2 * (slots->n_parts + 1) > slots->n_part_slots && !grow_part_slots(slots)) {
        c->failed = true;
        return 0;
    }
    const uint64_t hash = hash_node(node), mask = slots->n_part_slots - 1;
    uint64_t at = hash & mask;
    for (; slots->part_slots[at] != 0; at = (at + 1) & mask) {
        const struct asy_cond_part *part = &slots->parts[slots->part_slots[at] - 1];
        if (part->hash != hash || !same_node(part->node, node)) continue;
        *is_known = true;
        return slots->part_slots[at] - 1;
    }
    if (!asy_pool_grow(slots->pool, (void **)&slots->parts, &slots->parts_cap, slots->n_parts, sizeof(*slots->parts))) {
        c->failed = true;
        return 0;
    }
    slots->parts[slots->n_parts] = (struct asy_cond_part){.node = node, .hash = hash};
    slots->part_slots[at] = ++slots->n_parts;
    return slots->n_parts - 1;
}

/* -- tables by code --------------------------------------------------------------------------------------------- */

enum { FEW_CODES = 256 }; /* evaluated one by one without a thought */

struct code_row {
    const struct asy_slots *slots;
    const struct asy_slot *slot;
    uint32_t code;
};
static struct asy_cel_value read_code(void *ctx, const struct asy_cel_input *input)
{
    const struct code_row *row = ctx;
    if (input->kind == ASY_IN_NOW) return asy_cond_now(row->slots);
    return row->slots->code_value(row->slots->ctx, row->slot, row->code);
}
/* The value of a condition for codes from .. to - 1 of a slot (slot NULL: one value, of a constant condition). */
static void evaluate_codes(struct asy_cond_compiler *c, const struct asy_cel_node *node, const struct asy_slot *slot, uint32_t from,
                           uint32_t to, uint8_t *bits)
{
    struct asy_pool scratch;
    asy_pool_init(&scratch, c->slots->pool->mem);
    struct code_row at = {.slots = c->slots, .slot = slot};
    const struct asy_cel_row row = {.ctx = &at, .read = read_code, .scratch = &scratch};
    for (uint32_t code = from; code < to; code++) {
        at.code = code;
        bits[code] = asy_cel_bits(asy_cel_eval(node, &row));
        if (code % 1024 == 1023) asy_pool_fini(&scratch);
    }
    asy_pool_fini(&scratch);
    if (scratch.has_failed) c->failed = true;
}

/* Is `node` a comparison of the column itself with texts, that has one answer for all other texts? */
static bool is_text_test(const struct asy_cel_node *node)
{
    if (node->n_args == 0 || !asy_cond_is_input(node->args[0])) return false;
    if (node->op == ASY_CEL_IN_SET) return true;
    if (node->op != ASY_CEL_IN && node->op != ASY_CEL_EQ && node->op != ASY_CEL_NE) return false;
    for (uint32_t i = 1; i < node->n_args; i++)
        if (node->args[i]->op != ASY_CEL_CONST || node->args[i]->value.type != ASY_CEL_STRING) return false;
    return true;
}
static void mark_text(const struct asy_slots *slots, const struct asy_slot *slot, struct asy_str text, uint8_t to, uint8_t *bits)
{
    const uint32_t code = slots->find_code(slots->ctx, slot, text);
    if (code > 0) bits[code] = to;
}

static void fill_bits(struct asy_cond_compiler *c, const struct asy_cel_node *node, const struct asy_slot *slot, uint8_t *bits);

/* && and || over all codes at once: Kleene on table bits. */
static void join_bits(struct asy_cond_compiler *c, const struct asy_cel_node *node, const struct asy_slot *slot, uint8_t *bits)
{
    const uint32_t n = slot->n_codes;
    uint8_t *more = asy_mem_alloc(c->slots->pool->mem, n);
    if (more == NULL) c->failed = true;
    for (uint32_t i = 0; i < node->n_args && !c->failed; i++) {
        fill_bits(c, node->args[i], slot, i == 0 ? bits : more);
        for (uint32_t code = 0; i > 0 && code < n; code++) {
            const uint8_t a = bits[code], b = more[code];
            const uint8_t both_known = a & b & 2, t_and = a & b & 1, t_or = (a | b) & 1;
            const uint8_t a_false = a == 2, b_false = b == 2;
            bits[code] = node->op == ASY_CEL_AND ? (uint8_t)(t_and | both_known | (uint8_t)((a_false | b_false) << 1))
                                                 : (uint8_t)(t_or | both_known | (uint8_t)(t_or << 1));
        }
    }
    asy_mem_free(c->slots->pool->mem, more, n);
}

/* Tables of large dictionaries: most texts give the same answer, so only the named ones are looked up. */
static void fill_bits(struct asy_cond_compiler *c, const struct asy_cel_node *node, const struct asy_slot *slot, uint8_t *bits)
{
    if (c->failed) return;
    if (node->op == ASY_CEL_AND || node->op == ASY_CEL_OR) {
        join_bits(c, node, slot, bits);
    } else if (node->op == ASY_CEL_NOT) {
        fill_bits(c, node->args[0], slot, bits);
        for (uint32_t code = 0; code < slot->n_codes; code++) bits[code] = bits[code] & 2 ? bits[code] ^ 1 : 0;
    } else if (is_text_test(node)) {
        const bool is_ne = node->op == ASY_CEL_NE;
        memset(bits, is_ne ? 3 : 2, slot->n_codes);
        evaluate_codes(c, node, slot, 0, 1, bits);
        for (uint32_t i = 0; node->op == ASY_CEL_IN_SET && i < node->set->n; i++)
            mark_text(c->slots, slot, node->set->items[i], 3, bits);
        for (uint32_t i = 1; node->op != ASY_CEL_IN_SET && i < node->n_args; i++)
            mark_text(c->slots, slot, node->args[i]->value.s, is_ne ? 2 : 3, bits);
    } else {
        evaluate_codes(c, node, slot, 0, slot->n_codes, bits);
    }
}

const uint8_t *asy_cond_bits(struct asy_cond_compiler *c, const struct asy_cel_node *node, const struct asy_slot *slot)
{
    const uint32_t n_codes = slot == NULL ? 1 : slot->n_codes;
    /* never shorter than what one byte can index, so that a kernel may read any byte's entry */
    uint8_t *bits = asy_pool_alloc(c->slots->pool, n_codes < 256 ? 256 : n_codes);
    if (bits == NULL) {
        c->failed = true;
        return NULL;
    }
    const bool is_texts = n_codes > FEW_CODES && c->slots->find_code != NULL &&
                          c->slots->code_value(c->slots->ctx, slot, 1).type == ASY_CEL_STRING;
    if (is_texts) fill_bits(c, node, slot, bits);
    else evaluate_codes(c, node, slot, 0, n_codes, bits);
    return c->failed ? NULL : bits;
}

bool asy_cond_few(const struct asy_slot *slot, const uint8_t *bits, uint32_t *few, uint32_t *n_few)
{
    const uint64_t all_false = UINT64_C(0x0202020202020202);
    *n_few = 0;
    if (slot->n_codes <= UINT16_MAX + 1u || bits[0] == 3) return false;
    for (uint32_t code = 1; code < slot->n_codes;) {
        uint64_t eight;
        if (code + 8 <= slot->n_codes && (memcpy(&eight, bits + code, 8), eight == all_false)) {
            code += 8;
            continue;
        }
        if (bits[code] != 2 && (bits[code] != 3 || *n_few == ASY_COND_FEW)) return false;
        if (bits[code] == 3) few[(*n_few)++] = code;
        code++;
    }
    return true;
}
