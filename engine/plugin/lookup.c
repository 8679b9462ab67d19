#include "plugin/lookup.h"

enum { SLOTS_LEAST = 16 };

void asy_lookup_init(struct asy_lookup *lookup, struct asy_mem *mem, struct asy_str (*text)(const void *ctx, uint32_t number), const void *ctx)
{
    *lookup = (struct asy_lookup){.mem = mem, .text = text, .ctx = ctx};
    /* The address is the only thing here that whoever wrote the texts cannot know. What is found does not depend on it. */
    asy_hasher_init(&lookup->hasher, (uint64_t)(uintptr_t)lookup);
}
void asy_lookup_fini(struct asy_lookup *lookup)
{
    asy_mem_free(lookup->mem, lookup->slots, lookup->n_slots * sizeof(*lookup->slots));
    lookup->slots = NULL;
    lookup->n_slots = lookup->n = 0;
}

/* Where the search for a hash begins: its upper bits are kept in the slots. */
static uint64_t start_of(uint64_t n_slots, uint32_t hash)
{
    return ((uint64_t)hash * 0x9E3779B97F4A7C15u >> 32) & (n_slots - 1);
}
static void put(struct asy_lookup_slot *slots, uint64_t n_slots, struct asy_lookup_slot slot)
{
    uint64_t at = start_of(n_slots, slot.hash);
    while (slots[at].number_1 != 0) at = (at + 1) & (n_slots - 1);
    slots[at] = slot;
}

bool asy_lookup_reserve(struct asy_lookup *lookup, uint32_t n)
{
    uint64_t n_slots = lookup->n_slots == 0 ? SLOTS_LEAST : lookup->n_slots;
    while (n_slots < 2 * (uint64_t)n) n_slots *= 2;
    if (n_slots == lookup->n_slots) return true;
    struct asy_lookup_slot *slots = asy_mem_alloc_n(lookup->mem, n_slots, sizeof(*slots));
    if (slots == NULL) return false;
    for (uint64_t i = 0; i < lookup->n_slots; i++)
        if (lookup->slots[i].number_1 != 0) put(slots, n_slots, lookup->slots[i]);
    asy_mem_free(lookup->mem, lookup->slots, lookup->n_slots * sizeof(*lookup->slots));
    lookup->slots = slots;
    lookup->n_slots = n_slots;
    return true;
}

bool asy_lookup_add(struct asy_lookup *lookup, uint32_t number)
{
    if (!asy_lookup_reserve(lookup, lookup->n + 1)) return false;
    const uint32_t hash = (uint32_t)(asy_hash(&lookup->hasher, lookup->text(lookup->ctx, number)) >> 32);
    put(lookup->slots, lookup->n_slots, (struct asy_lookup_slot){number + 1, hash});
    lookup->n++;
    return true;
}

uint32_t asy_lookup_find(const struct asy_lookup *lookup, struct asy_str text)
{
    if (lookup->n == 0) return ASY_LOOKUP_NONE;
    const uint32_t hash = (uint32_t)(asy_hash(&lookup->hasher, text) >> 32);
    for (uint64_t at = start_of(lookup->n_slots, hash);; at = (at + 1) & (lookup->n_slots - 1)) {
        const struct asy_lookup_slot slot = lookup->slots[at];
        if (slot.number_1 == 0) return ASY_LOOKUP_NONE;
        if (slot.hash == hash && asy_str_eq(lookup->text(lookup->ctx, slot.number_1 - 1), text)) return slot.number_1 - 1;
    }
}
