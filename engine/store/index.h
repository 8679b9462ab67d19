/* Rows by lead key: a table of row numbers (table.h) by the keys' hash, and the keys themselves in a heap beside it, always
 * compared in full.
 *
 *   table : [ tags, rows | tags, rows | ... ]         a cache line for twelve rows
 *   keys  : [ bytes of row 0's key | row 1's | ... ]
 *
 * A key whose probe needs more than ASY_INDEX_PROBES_MAX buckets, or keys that all in all need far more steps than chance
 * would have it, make the index rebuild under a new hash secret (an attacker who picks keys must not make it slow); after 8
 * rebuilds it gives up the bounds, not the answer.
 * Invariants: at most 7/8 full; every key is found from its hash. asy_index_valid checks both.
 * Threads: one writer, or many readers. */
#ifndef ASY_INDEX_H
#define ASY_INDEX_H

#include "base/hash.h"
#include "store/table.h"

enum { ASY_INDEX_PROBES_MAX = 64 };
#define ASY_ROW_NONE ASY_NUMBER_NONE

/* Unique text of all rows, in arena ranges. While all keys have one length (CRM ids and UUIDs do) their places are computed;
 * the first key of another length makes the offsets appear. */
struct asy_keys {
    struct asy_range bytes, offsets;
    uint64_t n_bytes;
    uint32_t n_rows;
    uint32_t width;  /* length of all keys so far; ASY_KEYS_MIXED: offsets[row] .. offsets[row + 1] */
};
#define ASY_KEYS_MIXED UINT32_MAX

struct asy_index {
    struct asy_mem *mem;
    struct asy_hasher hasher;
    uint64_t seed;
    uint32_t n_rebuilds;
    struct asy_keys *keys; /* borrowed: key text by row */
    struct asy_table table;
    uint64_t n_used;
};

assay_status asy_keys_init(struct asy_keys *keys, struct asy_arena *arena, uint64_t max_rows, uint64_t max_bytes,
                           struct assay_error *error);
static inline struct asy_str asy_keys_text(const struct asy_keys *keys, uint32_t row)
{
    const char *text = (const char *)keys->bytes.base;
    if (keys->width != ASY_KEYS_MIXED)
        return (struct asy_str){text + (uint64_t)row * keys->width, keys->width};
    const uint64_t *offsets = (const uint64_t *)(const void *)keys->offsets.base;
    return (struct asy_str){text + offsets[row], (uint32_t)(offsets[row + 1] - offsets[row])};
}
/* Give back what was taken beyond the keys there are. More may follow. */
void asy_keys_trim(struct asy_keys *keys, struct asy_arena *arena);
/* Bytes in use. */
uint64_t asy_keys_bytes(const struct asy_keys *keys);

void asy_index_init(struct asy_index *index, struct asy_mem *mem, struct asy_keys *keys, uint64_t seed);
void asy_index_fini(struct asy_index *index);
/* Rows of n keys, in order: rows[i] is the row that keys[i] has (is_new[i] false), or the next one, under which it is put and
 * kept (is_new[i] true). A key may come twice. Many at once are faster than one by one, and else the same. ASSAY_E_NOMEM;
 * ASSAY_E_LIMIT beyond the bytes of asy_keys_init (or its rows, where lengths differ). On failure the keys before the failing
 * one are in. */
assay_status asy_index_put_batch(struct asy_index *index, const struct asy_str *keys, uint32_t n, uint32_t *rows, bool *is_new,
                                 struct assay_error *error);
/* Row of `key`, or ASY_ROW_NONE. */
uint32_t asy_index_find(const struct asy_index *index, struct asy_str key);
/* Many at once, with prefetch: rows[i] for keys[i]. */
void asy_index_find_batch(const struct asy_index *index, const struct asy_str *keys, uint32_t n, uint32_t *rows);
/* Heap bytes held. */
uint64_t asy_index_bytes(const struct asy_index *index);
bool asy_index_valid(const struct asy_index *index, const char **reason);

#endif
