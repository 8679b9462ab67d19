/* `distinct`: of the events of a lead with the same values, whatever their names, the earliest. What stays depends on the events,
 * not on their order: of equally early ones the first in the order of the log (name, then property bytes) stays. */
#include "io/ingest_internal.h"

void asy_distinct_init(struct asy_distinct *distinct, struct asy_store *store)
{
    *distinct = (struct asy_distinct){.mem = store->mem, .hasher = &store->hasher, .events = &store->events};
    asy_dict_init(&distinct->values, store->mem, &store->hasher);
}

void asy_distinct_fini(struct asy_distinct *distinct)
{
    asy_dict_fini(&distinct->values);
    asy_mem_free(distinct->mem, distinct->entries, distinct->cap * sizeof(*distinct->entries));
    asy_mem_free(distinct->mem, distinct->slots, distinct->n_slots * sizeof(*distinct->slots));
    distinct->entries = NULL;
    distinct->slots = NULL;
}

static uint32_t slot_of(const struct asy_distinct *distinct, const struct asy_distinct_entry *e)
{
    uint32_t key[2] = {e->row, e->values};
    return (uint32_t)asy_hash(distinct->hasher, (struct asy_str){(const char *)key, sizeof(key)}) & (distinct->n_slots - 1);
}

static assay_status make_room(struct asy_distinct *distinct)
{
    if ((uint64_t)distinct->n * 2 < distinct->n_slots)
        return ASSAY_OK;
    if (distinct->n_slots >= UINT32_C(1) << 31)
        return ASSAY_E_LIMIT;
    uint32_t n_slots = distinct->n_slots == 0 ? 1024 : distinct->n_slots * 2;
    uint32_t *slots = asy_mem_alloc_n(distinct->mem, n_slots, sizeof(*slots));
    if (!slots)
        return ASSAY_E_NOMEM;
    asy_mem_free(distinct->mem, distinct->slots, distinct->n_slots * sizeof(*distinct->slots));
    distinct->slots = slots;
    distinct->n_slots = n_slots;
    for (uint32_t i = 0; i < distinct->n; i++) {
        uint32_t slot = slot_of(distinct, &distinct->entries[i]);
        while (slots[slot] != 0)
            slot = (slot + 1) & (n_slots - 1);
        slots[slot] = i + 1;
    }
    return ASSAY_OK;
}

static bool is_before(const struct asy_distinct *distinct, const struct asy_distinct_entry *a, const struct asy_distinct_entry *b)
{
    if (a->time_s != b->time_s)
        return a->time_s < b->time_s;
    if (a->name != b->name || a->tuple == b->tuple)
        return a->name < b->name;
    for (uint32_t p = 0; p < distinct->events->n_properties; p++) {
        int order = asy_str_cmp(asy_events_staged_property(distinct->events, distinct->writer, a->tuple, p),
                                asy_events_staged_property(distinct->events, distinct->writer, b->tuple, p));
        if (order != 0)
            return order < 0;
    }
    return false;
}

assay_status asy_distinct_take(struct asy_distinct *distinct, const struct asy_distinct_entry *entry, bool *is_new)
{
    assay_status status = make_room(distinct);
    if (status != ASSAY_OK)
        return status;
    uint32_t slot = slot_of(distinct, entry);
    for (; distinct->slots[slot] != 0; slot = (slot + 1) & (distinct->n_slots - 1)) {
        struct asy_distinct_entry *there = &distinct->entries[distinct->slots[slot] - 1];
        if (there->row != entry->row || there->values != entry->values)
            continue;
        if (is_before(distinct, entry, there))
            *there = *entry;
        *is_new = false;
        return ASSAY_OK;
    }
    if (!asy_mem_grow(distinct->mem, (void **)&distinct->entries, &distinct->cap, distinct->n, sizeof(*distinct->entries)))
        return ASSAY_E_NOMEM;
    distinct->entries[distinct->n] = *entry;
    distinct->slots[slot] = ++distinct->n;
    *is_new = true;
    return ASSAY_OK;
}

assay_status asy_distinct_stage(struct asy_distinct *distinct, struct assay_error *error)
{
    for (uint32_t i = 0; i < distinct->n; i++) {
        const struct asy_distinct_entry *e = &distinct->entries[i];
        assay_status status =
            asy_events_stage(distinct->events, distinct->writer, 1, &e->row, &e->time_s, &e->name, &e->tuple, error);
        if (status != ASSAY_OK)
            return status;
    }
    return ASSAY_OK;
}
