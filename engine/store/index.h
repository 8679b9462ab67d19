/* Rows by lead key. Open addressing over 2^k slots in groups of 16; a slot is one tag byte (7 bits of the key's hash)
 * and a 32-bit row; the keys are in a heap beside it and always compared in full.
 *
 *   tags : [ t t t t t t t t t t t t t t t t | ... ]   0x80 = free, else 7 hash bits: one 16-byte load a probe step
 *   rows : [ r r r r r r r r r r r r r r r r | ... ]
 *   keys : [ bytes of row 0's key | row 1's | ... ]    offsets[row] .. offsets[row + 1]
 *
 * A probe that needs more than ASY_INDEX_PROBES_MAX groups makes the index rebuild under a new hash secret (an attacker
 * who picks keys must not make it quadratic); after 8 rebuilds it gives up the bound, not the answer.
 * Invariants: at most 7/8 full; every key's probe path has no free slot before its slot. asy_index_valid checks both.
 * Threads: one writer, or many readers. */
#ifndef ASY_INDEX_H
#define ASY_INDEX_H

#include "base/hash.h"
#include "base/mem.h"

enum { ASY_INDEX_PROBES_MAX = 64 };
#define ASY_ROW_NONE UINT32_MAX

struct asy_keys { /* unique text of all rows, in arena ranges */
    struct asy_range bytes, offsets;
    uint32_t n_rows;
};

struct asy_index {
    struct asy_mem *mem;
    struct asy_hasher hasher;
    uint64_t seed;
    uint32_t n_rebuilds;
    struct asy_keys *keys; /* borrowed: key text by row */
    uint8_t *tags;
    uint32_t *rows;
    uint64_t n_slots;
    uint64_t n_used;
};

assay_status asy_keys_init(struct asy_keys *keys, struct asy_arena *arena, uint64_t max_rows, uint64_t max_bytes,
                           struct assay_error *error);
/* Make room for one more key of `len` bytes: the next push of such a key cannot fail. */
assay_status asy_keys_reserve(struct asy_keys *keys, uint32_t len, struct assay_error *error);
assay_status asy_keys_push(struct asy_keys *keys, struct asy_str key, struct assay_error *error);
struct asy_str asy_keys_text(const struct asy_keys *keys, uint32_t row);

void asy_index_init(struct asy_index *index, struct asy_mem *mem, struct asy_keys *keys, uint64_t seed);
void asy_index_fini(struct asy_index *index);
/* The row of `key` in *row: the one it has (*is_new false), or `next_row` put under it (*is_new true; the caller then
 * pushes the key as row `next_row` of `keys`, having reserved room for it before). `next_row` is keys->n_rows: the index
 * holds all rows of `keys`. On ASSAY_E_NOMEM the index is unchanged. */
assay_status asy_index_put(struct asy_index *index, struct asy_str key, uint32_t next_row, uint32_t *row, bool *is_new);
/* Row of `key`, or ASY_ROW_NONE. */
uint32_t asy_index_find(const struct asy_index *index, struct asy_str key);
/* Many at once, with prefetch: rows[i] for keys[i]. */
void asy_index_find_batch(const struct asy_index *index, const struct asy_str *keys, uint32_t n, uint32_t *rows);
/* Heap bytes held. */
uint64_t asy_index_bytes(const struct asy_index *index);
bool asy_index_valid(const struct asy_index *index, const char **reason);

#endif
