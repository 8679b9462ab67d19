/* The key index, see index.h. The group scheme follows Abseil's "Swiss tables" (Kulukundis, CppCon 2017), without
 * deletion: a group with a free slot ends every probe. */
#include "base/check.h"
#include "store/group.h"
#include "store/index.h"

enum { INDEX_SLOTS_MIN = 64, INDEX_REBUILDS_MAX = 8, INDEX_BATCH = 32 };

/* ---- keys ---- */

assay_status asy_keys_init(struct asy_keys *keys, struct asy_arena *arena, uint64_t max_rows, uint64_t max_bytes,
                           struct assay_error *error)
{
    *keys = (struct asy_keys){0};
    assay_status status = asy_arena_range(arena, max_bytes, &keys->bytes, error);
    if (status == ASSAY_OK)
        status = asy_arena_range(arena, (max_rows + 1) * sizeof(uint64_t), &keys->offsets, error);
    if (status == ASSAY_OK)
        status = asy_range_need(&keys->offsets, sizeof(uint64_t), error);
    return status;
}

static inline uint64_t *key_offsets(const struct asy_keys *keys)
{
    return (uint64_t *)(void *)keys->offsets.base;
}

assay_status asy_keys_reserve(struct asy_keys *keys, uint32_t len, struct assay_error *error)
{
    uint64_t offsets_bytes = ((uint64_t)keys->n_rows + 2) * sizeof(uint64_t);
    uint64_t key_bytes = key_offsets(keys)[keys->n_rows] + len;
    assay_status status = ASSAY_OK;
    if (offsets_bytes > keys->offsets.used_bytes)
        status = asy_range_need(&keys->offsets, offsets_bytes, error);
    if (status == ASSAY_OK && key_bytes > keys->bytes.used_bytes)
        status = asy_range_need(&keys->bytes, key_bytes, error);
    return status;
}

assay_status asy_keys_push(struct asy_keys *keys, struct asy_str key, struct assay_error *error)
{
    assay_status status = asy_keys_reserve(keys, key.len, error);
    if (status != ASSAY_OK)
        return status;
    uint64_t *offsets = key_offsets(keys);
    uint64_t start = offsets[keys->n_rows];
    if (key.len)
        memcpy(keys->bytes.base + start, key.p, key.len);
    keys->n_rows++;
    offsets[keys->n_rows] = start + key.len;
    return ASSAY_OK;
}

struct asy_str asy_keys_text(const struct asy_keys *keys, uint32_t row)
{
    const uint64_t *offsets = key_offsets(keys);
    ASY_ASSERT(row < keys->n_rows);
    return (struct asy_str){(const char *)keys->bytes.base + offsets[row], (uint32_t)(offsets[row + 1] - offsets[row])};
}

/* ---- probing ---- */

/* The slots while they are filled or searched. A hash gives its tag by its top bits and its first group by its low bits. */
struct table {
    uint8_t *tags;
    uint32_t *rows;
    uint64_t n_groups;
};

struct probe {
    uint64_t group;
    uint64_t n; /* groups looked at before this one */
};

static inline uint8_t tag_of(uint64_t hash)
{
    return (uint8_t)(hash >> 57);
}

static inline struct probe probe_start(const struct table *table, uint64_t hash)
{
    return (struct probe){hash & (table->n_groups - 1), 0};
}

/* Steps of 1, 2, 3 ... groups visit every group once when their number is a power of two. */
static inline void probe_next(const struct table *table, struct probe *probe)
{
    probe->n++;
    probe->group = (probe->group + probe->n) & (table->n_groups - 1);
}

static inline struct table table_of(const struct asy_index *index)
{
    return (struct table){index->tags, index->rows, index->n_slots / ASY_GROUP_SLOTS};
}

/* The row of `key`, or ASY_ROW_NONE. */
static inline uint32_t find_hashed(const struct asy_index *index, struct asy_str key, uint64_t hash)
{
    struct table table = table_of(index);
    for (struct probe probe = probe_start(&table, hash);; probe_next(&table, &probe)) {
        const uint8_t *tags = table.tags + probe.group * ASY_GROUP_SLOTS;
        const uint32_t *rows = table.rows + probe.group * ASY_GROUP_SLOTS;
        for (uint32_t mask = asy_group_match(tags, tag_of(hash)); mask; mask &= mask - 1) {
            uint32_t row = rows[__builtin_ctz(mask)];
            if (asy_str_eq(asy_keys_text(index->keys, row), key))
                return row;
        }
        if (asy_group_free(tags))
            return ASY_ROW_NONE;
    }
}

/* Put a row that is not in the table into the first free slot of its path. False, and nothing put, when that takes more
 * than `probes_max` groups. */
static inline bool place(const struct table *table, uint64_t hash, uint32_t row, uint64_t probes_max)
{
    for (struct probe probe = probe_start(table, hash); probe.n < probes_max; probe_next(table, &probe)) {
        uint32_t mask = asy_group_free(table->tags + probe.group * ASY_GROUP_SLOTS);
        if (!mask)
            continue;
        uint64_t slot = probe.group * ASY_GROUP_SLOTS + (uint32_t)__builtin_ctz(mask);
        table->tags[slot] = tag_of(hash);
        table->rows[slot] = row;
        return true;
    }
    return false;
}

static uint64_t probes_max(uint32_t n_rebuilds)
{
    return n_rebuilds < INDEX_REBUILDS_MAX ? ASY_INDEX_PROBES_MAX : UINT64_MAX;
}

/* Put all rows of `keys` into the empty table. */
static bool fill(const struct table *table, const struct asy_keys *keys, const struct asy_hasher *hasher, uint64_t max)
{
    memset(table->tags, ASY_TAG_FREE, table->n_groups * ASY_GROUP_SLOTS);
    for (uint32_t row = 0; row < keys->n_rows; row++)
        if (!place(table, asy_hash(hasher, asy_keys_text(keys, row)), row, max))
            return false;
    return true;
}

/* The secret after `n_rebuilds` rebuilds. */
static void secret_init(struct asy_hasher *hasher, uint64_t seed, uint32_t n_rebuilds)
{
    asy_hasher_init(hasher, seed + n_rebuilds * 0x9E3779B97F4A7C15u);
}

/* All rows into a new table of `n_slots` slots, under a new secret if `new_secret` or where the present one makes some
 * probe too long. */
static assay_status rebuild(struct asy_index *index, uint64_t n_slots, bool new_secret)
{
    struct table table = {asy_mem_alloc(index->mem, n_slots), asy_mem_alloc_n(index->mem, n_slots, sizeof(uint32_t)),
                          n_slots / ASY_GROUP_SLOTS};
    if (!table.tags || !table.rows) {
        asy_mem_free(index->mem, table.tags, n_slots);
        asy_mem_free(index->mem, table.rows, n_slots * sizeof(uint32_t));
        return ASSAY_E_NOMEM;
    }

    asy_mem_wish_huge(table.tags, n_slots);
    asy_mem_wish_huge(table.rows, n_slots * sizeof(uint32_t));
    struct asy_hasher hasher = index->hasher;
    uint32_t n_rebuilds = index->n_rebuilds;
    if (new_secret)
        secret_init(&hasher, index->seed, ++n_rebuilds);
    while (!fill(&table, index->keys, &hasher, probes_max(n_rebuilds)))
        secret_init(&hasher, index->seed, ++n_rebuilds);

    asy_mem_free(index->mem, index->tags, index->n_slots);
    asy_mem_free(index->mem, index->rows, index->n_slots * sizeof(uint32_t));
    index->tags = table.tags;
    index->rows = table.rows;
    index->n_slots = n_slots;
    index->hasher = hasher;
    index->n_rebuilds = n_rebuilds;
    return ASSAY_OK;
}

/* ---- the index ---- */

void asy_index_init(struct asy_index *index, struct asy_mem *mem, struct asy_keys *keys, uint64_t seed)
{
    *index = (struct asy_index){.mem = mem, .keys = keys, .seed = seed};
    secret_init(&index->hasher, seed, 0);
}

void asy_index_fini(struct asy_index *index)
{
    asy_mem_free(index->mem, index->tags, index->n_slots);
    asy_mem_free(index->mem, index->rows, index->n_slots * sizeof(uint32_t));
    index->tags = NULL;
    index->rows = NULL;
    index->n_slots = index->n_used = 0;
}

assay_status asy_index_put(struct asy_index *index, struct asy_str key, uint32_t next_row, uint32_t *row, bool *is_new)
{
    *is_new = false;
    *row = index->n_slots ? find_hashed(index, key, asy_hash(&index->hasher, key)) : ASY_ROW_NONE;
    if (*row != ASY_ROW_NONE)
        return ASSAY_OK;

    ASY_ASSERT(next_row == index->keys->n_rows && next_row == index->n_used);
    if ((index->n_used + 1) * 8 > index->n_slots * 7) {
        assay_status status = rebuild(index, index->n_slots ? index->n_slots * 2 : INDEX_SLOTS_MIN, false);
        if (status != ASSAY_OK)
            return status;
    }
    struct table table = table_of(index);
    while (!place(&table, asy_hash(&index->hasher, key), next_row, probes_max(index->n_rebuilds))) {
        assay_status status = rebuild(index, index->n_slots, true);
        if (status != ASSAY_OK)
            return status;
        table = table_of(index);
    }
    index->n_used++;
    *row = next_row;
    *is_new = true;
    return ASSAY_OK;
}

uint32_t asy_index_find(const struct asy_index *index, struct asy_str key)
{
    return index->n_slots ? find_hashed(index, key, asy_hash(&index->hasher, key)) : ASY_ROW_NONE;
}

/* The row whose key will most likely be compared first, for prefetching only. */
static inline uint32_t likely_row(const struct table *table, uint64_t hash)
{
    uint64_t first = probe_start(table, hash).group * ASY_GROUP_SLOTS;
    uint32_t mask = asy_group_match(table->tags + first, tag_of(hash));
    return mask ? table->rows[first + (uint32_t)__builtin_ctz(mask)] : ASY_ROW_NONE;
}

void asy_index_find_batch(const struct asy_index *index, const struct asy_str *keys, uint32_t n, uint32_t *rows)
{
    if (index->n_slots == 0) {
        for (uint32_t i = 0; i < n; i++)
            rows[i] = ASY_ROW_NONE;
        return;
    }
    struct table table = table_of(index);
    const uint64_t *offsets = key_offsets(index->keys);
    uint64_t hashes[INDEX_BATCH];
    uint32_t likely[INDEX_BATCH];
    for (uint32_t start = 0; start < n; start += INDEX_BATCH) {
        uint32_t n_here = n - start < INDEX_BATCH ? n - start : INDEX_BATCH;
        /* Each stage touches what the one before has asked for: the group, the key's place, the key. */
        for (uint32_t i = 0; i < n_here; i++) {
            hashes[i] = asy_hash(&index->hasher, keys[start + i]);
            uint64_t slot = probe_start(&table, hashes[i]).group * ASY_GROUP_SLOTS;
            __builtin_prefetch(table.tags + slot);
            __builtin_prefetch(table.rows + slot);
        }
        for (uint32_t i = 0; i < n_here; i++) {
            likely[i] = likely_row(&table, hashes[i]);
            if (likely[i] != ASY_ROW_NONE)
                __builtin_prefetch(offsets + likely[i]);
        }
        for (uint32_t i = 0; i < n_here; i++)
            if (likely[i] != ASY_ROW_NONE)
                __builtin_prefetch(index->keys->bytes.base + offsets[likely[i]]);
        for (uint32_t i = 0; i < n_here; i++)
            rows[start + i] = find_hashed(index, keys[start + i], hashes[i]);
    }
}

uint64_t asy_index_bytes(const struct asy_index *index)
{
    return index->n_slots * (1 + sizeof(uint32_t));
}

bool asy_index_valid(const struct asy_index *index, const char **reason)
{
    const struct asy_keys *keys = index->keys;
    const uint64_t *offsets = key_offsets(keys);
    if (offsets[0] != 0 || offsets[keys->n_rows] > keys->bytes.used_bytes)
        return *reason = "index: keys reach beyond the usable range", false;
    for (uint32_t row = 0; row < keys->n_rows; row++)
        if (offsets[row] > offsets[row + 1])
            return *reason = "index: key offsets are out of order", false;
    if (index->n_used != keys->n_rows)
        return *reason = "index: slots in use differ from keys", false;
    if (index->n_slots & (index->n_slots - 1) || index->n_slots % ASY_GROUP_SLOTS)
        return *reason = "index: slots are not a power of two of whole groups", false;
    if (index->n_used * 8 > index->n_slots * 7)
        return *reason = "index: more than 7/8 full", false;

    uint64_t n_used = 0;
    for (uint64_t slot = 0; slot < index->n_slots; slot++) {
        if (index->tags[slot] & 0x80) {
            if (index->tags[slot] != ASY_TAG_FREE)
                return *reason = "index: a tag is neither free nor 7 bits", false;
            continue;
        }
        n_used++;
        if (index->rows[slot] >= keys->n_rows)
            return *reason = "index: a slot holds a row that does not exist", false;
        if (index->tags[slot] != tag_of(asy_hash(&index->hasher, asy_keys_text(keys, index->rows[slot]))))
            return *reason = "index: a tag differs from its key's hash", false;
    }
    if (n_used != index->n_used)
        return *reason = "index: count of used slots is wrong", false;
    /* Found from its hash: no free slot stands in the path, and no other row has the same key. */
    for (uint32_t row = 0; row < keys->n_rows; row++)
        if (asy_index_find(index, asy_keys_text(keys, row)) != row)
            return *reason = "index: a key is not found under its row", false;
    return true;
}
