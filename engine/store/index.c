/* The key index, see index.h. The table's scheme follows Abseil's "Swiss tables" (Kulukundis, CppCon 2017), with buckets of
 * a cache line and the overflow word of boost::unordered_flat_map (Munoz, 2022). */
#include "store/index.h"

#include "base/check.h"
#include "base/diag.h"
#include "store/bytes.h"

enum {
    INDEX_REBUILDS_MAX = 8,
    INDEX_EFFORT_SLACK = 1024, /* few keys may be unlucky */
};

/* ---- keys ---- */

assay_status asy_keys_init(struct asy_keys *keys, struct asy_arena *arena, uint64_t max_rows, uint64_t max_bytes,
                           struct assay_error *error)
{
    *keys = (struct asy_keys){0};
    assay_status status = asy_arena_range(arena, max_bytes, &keys->bytes, error);
    if (status == ASSAY_OK)
        status = asy_arena_range(arena, (max_rows + 1) * sizeof(uint64_t), &keys->offsets, error);
    keys->bytes.is_random = keys->offsets.is_random = true;
    return status;
}

static inline uint64_t *key_offsets(const struct asy_keys *keys)
{
    return (uint64_t *)(void *)keys->offsets.base;
}

/* Whether a key of `len` bytes needs offsets. */
static inline bool is_mixed_with(const struct asy_keys *keys, uint32_t len)
{
    return keys->n_rows > 0 && keys->width != len;
}

static assay_status reserve_more(struct asy_keys *keys, uint32_t len, struct assay_error *error)
{
    assay_status status = asy_range_need(&keys->bytes, keys->n_bytes + len, error);
    if (status == ASSAY_OK && is_mixed_with(keys, len))
        status = asy_range_need(&keys->offsets, ((uint64_t)keys->n_rows + 2) * sizeof(uint64_t), error);
    return status;
}

static inline bool has_room(const struct asy_keys *keys, uint32_t len)
{
    return keys->n_bytes + len <= keys->bytes.used_bytes &&
           (!is_mixed_with(keys, len) || ((uint64_t)keys->n_rows + 2) * sizeof(uint64_t) <= keys->offsets.used_bytes);
}

/* Room for one more key of `len` bytes: the next push of such a key cannot fail. */
static inline assay_status reserve(struct asy_keys *keys, uint32_t len, struct assay_error *error)
{
    return has_room(keys, len) ? ASSAY_OK : reserve_more(keys, len, error);
}

/* From computed places to written ones, for all rows there are. */
static void write_offsets(struct asy_keys *keys)
{
    uint64_t *offsets = key_offsets(keys);
    for (uint64_t row = 0; row <= keys->n_rows; row++)
        offsets[row] = row * keys->width;
    keys->width = ASY_KEYS_MIXED;
}

/* Room is there. */
static inline void push_reserved(struct asy_keys *keys, struct asy_str key)
{
    if (keys->n_rows == 0)
        keys->width = key.len;
    else if (keys->width != key.len && keys->width != ASY_KEYS_MIXED)
        write_offsets(keys);
    asy_bytes_copy((char *)keys->bytes.base + keys->n_bytes, key.p, key.len);
    keys->n_bytes += key.len;
    keys->n_rows++;
    if (keys->width == ASY_KEYS_MIXED)
        key_offsets(keys)[keys->n_rows] = keys->n_bytes;
}

static uint64_t offsets_bytes(const struct asy_keys *keys)
{
    return keys->width == ASY_KEYS_MIXED ? ((uint64_t)keys->n_rows + 1) * sizeof(uint64_t) : 0;
}

void asy_keys_trim(struct asy_keys *keys, struct asy_arena *arena)
{
    asy_range_trim(arena, &keys->bytes, keys->n_bytes);
    asy_range_trim(arena, &keys->offsets, offsets_bytes(keys));
}

uint64_t asy_keys_bytes(const struct asy_keys *keys)
{
    return keys->n_bytes + offsets_bytes(keys);
}

/* ---- what the table asks ---- */

static inline bool is_key(const void *owner, uint32_t row, struct asy_str key)
{
    const struct asy_str there = asy_keys_text(owner, row);
    return there.len == key.len && asy_bytes_eq(there.p, key.p, key.len);
}

struct keys_hash {
    const struct asy_keys *keys;
    const struct asy_hasher *hasher;
};

static inline uint64_t hash_of_row(const void *owner, uint32_t row)
{
    const struct keys_hash *how = owner;
    return asy_hash(how->hasher, asy_keys_text(how->keys, row));
}

/* ---- growing ---- */

static bool is_bound(const struct asy_index *index)
{
    return index->n_rebuilds < INDEX_REBUILDS_MAX;
}

static uint64_t probes_max(uint32_t n_rebuilds)
{
    return n_rebuilds < INDEX_REBUILDS_MAX ? ASY_INDEX_PROBES_MAX : UINT64_MAX;
}

/* Chance gives well below half a bucket or tag more a key, however full the table is. */
static inline bool is_hard_to_find(const struct asy_index *index)
{
    return index->table.effort > index->n_used + INDEX_EFFORT_SLACK;
}

/* The secret after `n_rebuilds` rebuilds. */
static void secret_init(struct asy_hasher *hasher, uint64_t seed, uint32_t n_rebuilds)
{
    asy_hasher_init(hasher, seed + n_rebuilds * 0x9E3779B97F4A7C15u);
}

/* All rows into a new table, under a new secret if `new_secret` or where the present one makes some probe too long. */
static assay_status rebuild(struct asy_index *index, uint64_t n_buckets, bool new_secret)
{
    struct asy_table table;
    if (!asy_table_init(&table, index->mem, n_buckets))
        return ASSAY_E_NOMEM;

    struct asy_hasher hasher = index->hasher;
    uint32_t n_rebuilds = index->n_rebuilds;
    const struct keys_hash how = {index->keys, &hasher};
    if (new_secret)
        secret_init(&hasher, index->seed, ++n_rebuilds);
    while (!asy_table_fill(&table, 0, index->keys->n_rows, &how, hash_of_row, probes_max(n_rebuilds))) {
        secret_init(&hasher, index->seed, ++n_rebuilds);
        asy_table_empty(&table);
    }

    asy_table_fini(&index->table, index->mem);
    index->table = table;
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
    asy_table_fini(&index->table, index->mem);
    index->n_used = 0;
}

/* The row of `key`, or ASY_ROW_NONE and where the search ended. The table is not empty. */
static inline uint32_t find_hashed(const struct asy_index *index, struct asy_str key, uint64_t hash, struct asy_probe *probe)
{
    return asy_table_find(&index->table, hash, key, index->keys, is_key, probe);
}

/* Put row n_used under a key that is not there, the search for which ended at `probe`. */
static inline assay_status place_new(struct asy_index *index, struct asy_str key, uint64_t hash, struct asy_probe probe)
{
    const uint32_t row = (uint32_t)index->n_used;
    if (!asy_table_has_room(&index->table, index->n_used)) {
        assay_status status = rebuild(index, asy_table_more(&index->table), false);
        if (status != ASSAY_OK)
            return status;
        hash = asy_hash(&index->hasher, key);
        probe = asy_probe_start(&index->table, hash);
    }
    while ((is_hard_to_find(index) && is_bound(index)) ||
           !asy_table_place(&index->table, hash, row, probe, probes_max(index->n_rebuilds))) {
        assay_status status = rebuild(index, index->table.n_buckets, true);
        if (status != ASSAY_OK)
            return status;
        hash = asy_hash(&index->hasher, key);
        probe = asy_probe_start(&index->table, hash);
    }
    index->n_used++;
    return ASSAY_OK;
}

uint32_t asy_index_find(const struct asy_index *index, struct asy_str key)
{
    struct asy_probe probe;
    return index->table.n_buckets ? find_hashed(index, key, asy_hash(&index->hasher, key), &probe) : ASY_ROW_NONE;
}

/* ---- many at once ---- */

/* Hashes of the keys; their buckets are asked for. */
static inline void ask_buckets(const struct asy_index *index, const struct asy_str *keys, uint32_t n, uint64_t *hashes)
{
    for (uint32_t i = 0; i < n; i++) {
        hashes[i] = asy_hash(&index->hasher, keys[i]);
        __builtin_prefetch(asy_table_first(&index->table, hashes[i]));
    }
}

/* The rows whose keys will be compared; those keys are asked for. ASY_ROW_NONE: the key is not there. */
static inline void ask_keys(const struct asy_index *index, const struct asy_str *keys, uint32_t n, const uint64_t *hashes,
                            uint32_t *likely)
{
    const struct asy_keys *there = index->keys;
    const bool is_mixed = there->width == ASY_KEYS_MIXED;
    for (uint32_t i = 0; i < n; i++) {
        likely[i] = asy_table_likely(&index->table, hashes[i]);
        if (is_mixed && likely[i] != ASY_ROW_NONE)
            __builtin_prefetch(key_offsets(there) + likely[i]);
        else if (likely[i] != ASY_ROW_NONE) {
            const char *text = (const char *)there->bytes.base + (uint64_t)likely[i] * there->width;
            __builtin_prefetch(text);
            __builtin_prefetch(text + there->width);
        }
    }
    for (uint32_t i = 0; is_mixed && i < n; i++)
        if (likely[i] != ASY_ROW_NONE) {
            const char *text = (const char *)there->bytes.base + key_offsets(there)[likely[i]];
            __builtin_prefetch(text);
            __builtin_prefetch(text + keys[i].len);
        }
}

void asy_index_find_batch(const struct asy_index *index, const struct asy_str *keys, uint32_t n, uint32_t *rows)
{
    if (index->table.n_buckets == 0) {
        for (uint32_t i = 0; i < n; i++)
            rows[i] = ASY_ROW_NONE;
        return;
    }
    /* The next keys are hashed while the memory brings those that the present ones are compared with. */
    uint64_t hashes[2][ASY_TABLE_BATCH];
    uint32_t n_here = n < ASY_TABLE_BATCH ? n : ASY_TABLE_BATCH, turn = 0;
    ask_buckets(index, keys, n_here, hashes[0]);
    for (uint32_t start = 0; start < n; turn ^= 1) {
        const uint32_t next = start + n_here, n_next = n - next < ASY_TABLE_BATCH ? n - next : ASY_TABLE_BATCH;
        uint32_t *likely = rows + start;
        ask_keys(index, keys + start, n_here, hashes[turn], likely);
        ask_buckets(index, keys + next, n_next, hashes[turn ^ 1]);
        for (uint32_t i = 0; i < n_here; i++) {
            struct asy_probe probe;
            if (likely[i] != ASY_ROW_NONE && !is_key(index->keys, likely[i], keys[start + i]))
                likely[i] = find_hashed(index, keys[start + i], hashes[turn][i], &probe);
        }
        start = next;
        n_here = n_next;
    }
}

static assay_status fail_memory(const struct asy_index *index, struct assay_error *error)
{
    return asy_fail(error, ASSAY_E_NOMEM, "lead index: expected memory for one more key, found none after %u",
                    index->keys->n_rows);
}

/* One key of a batch, under its hash by the present secret. */
static inline assay_status put_hashed(struct asy_index *index, struct asy_str key, uint64_t hash, uint32_t *row, bool *is_new,
                                      struct assay_error *error)
{
    struct asy_probe probe;
    *is_new = false;
    *row = find_hashed(index, key, hash, &probe);
    if (*row != ASY_ROW_NONE)
        return ASSAY_OK;
    assay_status status = reserve(index->keys, key.len, error);
    if (status != ASSAY_OK)
        return status;
    const uint32_t next_row = index->keys->n_rows;
    status = place_new(index, key, hash, probe);
    if (status != ASSAY_OK)
        return fail_memory(index, error);
    push_reserved(index->keys, key);
    *row = next_row;
    *is_new = true;
    return ASSAY_OK;
}

assay_status asy_index_put_batch(struct asy_index *index, const struct asy_str *keys, uint32_t n, uint32_t *rows, bool *is_new,
                                 struct assay_error *error)
{
    ASY_ASSERT(index->n_used == index->keys->n_rows);
    if (n && index->table.n_buckets == 0 && rebuild(index, asy_table_more(&index->table), false) != ASSAY_OK)
        return fail_memory(index, error);
    uint64_t hashes[ASY_TABLE_BATCH];
    uint32_t likely[ASY_TABLE_BATCH];
    for (uint32_t start = 0; start < n; start += ASY_TABLE_BATCH) {
        const uint32_t n_here = n - start < ASY_TABLE_BATCH ? n - start : ASY_TABLE_BATCH;
        const uint32_t n_rebuilds = index->n_rebuilds;
        ask_buckets(index, keys + start, n_here, hashes);
        ask_keys(index, keys + start, n_here, hashes, likely);
        for (uint32_t i = 0; i < n_here; i++) {
            const struct asy_str key = keys[start + i];
            const uint64_t hash = index->n_rebuilds == n_rebuilds ? hashes[i] : asy_hash(&index->hasher, key);
            assay_status status = put_hashed(index, key, hash, &rows[start + i], &is_new[start + i], error);
            if (status != ASSAY_OK)
                return status;
        }
    }
    return ASSAY_OK;
}

/* ---- checks ---- */

uint64_t asy_index_bytes(const struct asy_index *index)
{
    return asy_table_bytes(&index->table);
}

static bool keys_valid(const struct asy_keys *keys, const char **reason)
{
    if (keys->n_bytes > keys->bytes.used_bytes)
        return *reason = "index: keys reach beyond the usable range", false;
    if (keys->n_rows == 0 || keys->width != ASY_KEYS_MIXED) {
        if (keys->n_bytes != (uint64_t)keys->n_rows * (keys->n_rows ? keys->width : 0))
            return *reason = "index: keys of one length do not add up", false;
        return true;
    }
    const uint64_t *offsets = key_offsets(keys);
    if (((uint64_t)keys->n_rows + 1) * sizeof *offsets > keys->offsets.used_bytes)
        return *reason = "index: key offsets reach beyond the usable range", false;
    if (offsets[0] != 0 || offsets[keys->n_rows] != keys->n_bytes)
        return *reason = "index: key offsets do not begin and end with the keys", false;
    for (uint32_t row = 0; row < keys->n_rows; row++)
        if (offsets[row] > offsets[row + 1])
            return *reason = "index: key offsets are out of order", false;
    return true;
}

bool asy_index_valid(const struct asy_index *index, const char **reason)
{
    const struct asy_keys *keys = index->keys;
    const struct asy_table *table = &index->table;
    if (!keys_valid(keys, reason))
        return false;
    if (index->n_used != keys->n_rows)
        return *reason = "index: slots in use differ from keys", false;
    if (table->n_buckets & (table->n_buckets - 1))
        return *reason = "index: buckets are not a power of two", false;
    if (index->n_used && !asy_table_has_room(table, index->n_used - 1))
        return *reason = "index: more than 7/8 full", false;
    uint64_t n_held;
    if (!asy_table_holds(table, 0, keys->n_rows, &n_held))
        return *reason = "index: a slot holds a row that does not exist", false;
    if (n_held != index->n_used)
        return *reason = "index: count of used slots is wrong", false;
    /* Found from its hash: its bucket's tag and the way there are right, and no other row has the same key. */
    for (uint32_t row = 0; row < keys->n_rows; row++)
        if (asy_index_find(index, asy_keys_text(keys, row)) != row)
            return *reason = "index: a key is not found under its row", false;
    return true;
}
