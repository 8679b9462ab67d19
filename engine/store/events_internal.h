/* The event log while it is staged: what staging (events.c), tuples (events_tuples.c), grouping (events_group.c) and sorting
 * (events_sort.c) share.
 *
 *   staged event : row within its part (24 bits) | time_s (32) | name (8): numbers in the order by row, time, name
 *
 *   writer : next[part] ---------------+
 *            chunks    [ part, .. | .. |]-----------------------------+
 *            slabs     [ chunk | chunk | chunk | ... ]                 v
 *   chunk  : [ codes of the tuples, uint32 (only with properties) | events, uint64 ]   chunk_bytes long and aligned
 *
 * A chunk holds events of one writer and one part. Its end is a multiple of its size, so that one pointer a part says both
 * where the next event goes and that the chunk is full: staging touches little else. The first chunk of a part does not begin
 * at its beginning, but a few cache lines later than that of the part before: parts fill at about the same pace, and all places
 * would else fall into the same few sets of the caches. */
#ifndef ASY_EVENTS_INTERNAL_H
#define ASY_EVENTS_INTERNAL_H

#include "store/events.h"

enum {
    ASY_STAGED_ROW_BITS = 24,
    ASY_STAGED_ROW_SHIFT = 40,
    ASY_STAGED_TIME_SHIFT = 8,
};
#define ASY_STAGED_IN_ROW ((1ull << ASY_STAGED_ROW_SHIFT) - 1) /* time and name */

struct asy_events_chunk {
    uint64_t *events; /* the first; the last ends with the chunk */
    uint32_t part;
    uint32_t slab;
};

struct asy_events_slab {
    void *p;
    size_t bytes;
    uint32_t n_chunks; /* in use; atomic while grouping, which frees the slab at 0 */
};

struct asy_events_writer {
    uint64_t **next; /* by part; a multiple of chunk_bytes (NULL at first): there is no room */
    struct asy_events_chunk *chunks;
    size_t n_chunks, chunks_cap;
    struct asy_events_slab *slabs;
    size_t n_slabs, slabs_cap;
    uint8_t *fresh; /* chunks of the last slab that nobody has yet */
    uint32_t n_fresh;
    uint64_t slab_bytes; /* in all slabs */
    struct asy_dict tuples;
    char *scratch; /* the tuple being made */
    size_t scratch_cap;
    uint8_t apart[64]; /* what one writer writes is in no cache line of another's */
};

/* Codes of the tuples of the events from `at` on in the same chunk: they are half as long. */
static inline uint32_t *asy_staged_codes(const struct asy_events *events, const uint64_t *at)
{
    uintptr_t offset = (uintptr_t)at & (events->chunk_bytes - 1);
    return (uint32_t *)((uintptr_t)at - offset + (offset - events->chunk_codes_bytes) / 2);
}

/* Events in a chunk so far. */
static inline uint32_t asy_staged_chunk_n(const struct asy_events *events, const struct asy_events_writer *writer,
                                          const struct asy_events_chunk *chunk)
{
    uintptr_t start = (uintptr_t)chunk->events, next = (uintptr_t)writer->next[chunk->part];
    uintptr_t end = (start & ~(uintptr_t)(events->chunk_bytes - 1)) + events->chunk_bytes;
    return (uint32_t)(((next > start && next < end ? next : end) - start) / sizeof(uint64_t));
}

/* Give all memory of the writers back; there are none afterwards. Slabs with `p` NULL are gone already. */
void asy_events_drop_staged(struct asy_events *events);

/* ---- tuples ---- */

/* One dictionary of all writers' tuples, codes in the order of their bytes, and the new code of each old one: that of `code` of
 * writer w is new_codes[first[w] + code]. */
struct asy_tuple_merge {
    struct asy_dict ordered;
    uint64_t *first;
    uint32_t *new_codes;
    uint64_t n_codes; /* of all writers */
};
/* On failure there is nothing to finish. */
assay_status asy_tuple_merge_init(struct asy_tuple_merge *merge, const struct asy_events *events, struct assay_error *error);
void asy_tuple_merge_fini(struct asy_tuple_merge *merge, const struct asy_events *events);
/* Value of property `property` of a tuple of `n_properties`. */
struct asy_str asy_tuple_value(struct asy_str tuple, uint32_t n_properties, uint32_t property);

/* ---- sorting ---- */

enum { ASY_EVENTS_SPARE = 4096 }; /* keys and codes of spare room that sorting is given */

/* Sort keys, and codes within equal keys; `codes` NULL: there are none. In place, whatever n is: what does not fit into
 * `spare_keys` and `spare_codes` is divided first. */
void asy_events_sort(uint64_t *keys, uint32_t *codes, uint64_t n, uint64_t *spare_keys, uint32_t *spare_codes);

#endif
