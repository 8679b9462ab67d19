/* Numbers (rows of leads, codes of texts) by the hash of a key that is kept elsewhere: 2^k buckets of a cache line each
 * (group.h), at most 7/8 full, nothing ever removed. The index and the dictionaries stand on it.
 *
 *   hash : [ tag 8 bits | passed bit 5 bits | ...                bucket k bits ]
 *
 * A number stands in the first bucket of its path that had room. Every bucket on the way there has the key's bit set in
 * `passed`, so a search ends at the first bucket where that bit is not set: nearly always the first one.
 * What a key is, whether it is equal and how it hashes comes as functions that the compiler puts in place.
 * Threads: one writer, or many readers. */
#ifndef ASY_TABLE_H
#define ASY_TABLE_H

#include <stdbool.h>

#include "base/mem.h"
#include "store/group.h"

#define ASY_NUMBER_NONE UINT32_MAX
/* Keys that are hashed, asked for and looked up together: enough to keep the memory busy, few enough for the first cache. */
enum { ASY_TABLE_BATCH = 32 };

struct asy_table {
    struct asy_bucket *buckets; /* aligned to a cache line, inside `block` */
    void *block;
    uint64_t n_buckets;         /* power of two, or 0 */
    uint64_t effort;            /* of all numbers as they were placed: buckets behind the first, equal tags met */
};

/* Room for one number more than `n`? */
static inline bool asy_table_has_room(const struct asy_table *table, uint64_t n)
{
    return (n + 1) * 8 <= table->n_buckets * ASY_BUCKET_SLOTS * 7;
}

/* Buckets of the next larger table: fourfold while the memory is little, as keys are then hashed less often. */
static inline uint64_t asy_table_more(const struct asy_table *table)
{
    const uint64_t n_few = 4096;
    return table->n_buckets == 0 ? 1 : table->n_buckets * (table->n_buckets < n_few ? 4 : 2);
}

/* An empty table. False without memory. */
bool asy_table_init(struct asy_table *table, struct asy_mem *mem, uint64_t n_buckets);
void asy_table_fini(struct asy_table *table, struct asy_mem *mem);
/* Empty again, as large as it was. */
void asy_table_empty(struct asy_table *table);
/* Heap bytes held. */
uint64_t asy_table_bytes(const struct asy_table *table);
/* Count of numbers in it, and whether all are within first .. end - 1. */
bool asy_table_holds(const struct asy_table *table, uint32_t first, uint32_t end, uint64_t *n_held);

static inline uint8_t asy_table_tag(uint64_t hash)
{
    const uint8_t tag = (uint8_t)(hash >> 56);
    return (uint8_t)(tag + (tag == ASY_TAG_FREE));
}

static inline uint32_t asy_table_passed_bit(uint64_t hash)
{
    return 1u << (hash >> 51 & 31);
}

static inline struct asy_bucket *asy_table_first(const struct asy_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->n_buckets - 1)];
}

/* Where a search is. */
struct asy_probe {
    uint64_t bucket;
    uint64_t n; /* buckets looked at before this one */
};

static inline struct asy_probe asy_probe_start(const struct asy_table *table, uint64_t hash)
{
    return (struct asy_probe){hash & (table->n_buckets - 1), 0};
}

/* Steps of 1, 2, 3 ... buckets visit every bucket once when their number is a power of two; the first step is to the line
 * beside, which is often fetched along. */
static inline void asy_probe_next(const struct asy_table *table, struct asy_probe *probe)
{
    probe->n++;
    probe->bucket = (probe->bucket + probe->n) & (table->n_buckets - 1);
}

/* The number whose key is `key`, or ASY_NUMBER_NONE; *probe is then where the search has ended. */
static inline __attribute__((always_inline)) uint32_t
asy_table_find(const struct asy_table *table, uint64_t hash, struct asy_str key, const void *owner,
               bool (*is_key)(const void *owner, uint32_t number, struct asy_str key), struct asy_probe *probe)
{
    const uint8_t tag = asy_table_tag(hash);
    const uint32_t passed_bit = asy_table_passed_bit(hash);
    *probe = asy_probe_start(table, hash);
    for (;; asy_probe_next(table, probe)) {
        const struct asy_bucket *bucket = &table->buckets[probe->bucket];
        for (uint32_t mask = asy_bucket_match(bucket, tag); mask; mask &= mask - 1) {
            const uint32_t number = bucket->numbers[__builtin_ctz(mask)];
            if (is_key(owner, number, key))
                return number;
        }
        if (!(bucket->passed & passed_bit))
            return ASY_NUMBER_NONE;
    }
}

/* The number whose key will most likely turn out to be the one of this hash, ASY_NUMBER_NONE if there is certainly none. */
static inline uint32_t asy_table_likely(const struct asy_table *table, uint64_t hash)
{
    const uint8_t tag = asy_table_tag(hash);
    const uint32_t passed_bit = asy_table_passed_bit(hash);
    for (struct asy_probe probe = asy_probe_start(table, hash);; asy_probe_next(table, &probe)) {
        const struct asy_bucket *bucket = &table->buckets[probe.bucket];
        const uint32_t mask = asy_bucket_match(bucket, tag);
        if (mask)
            return bucket->numbers[__builtin_ctz(mask)];
        if (!(bucket->passed & passed_bit))
            return ASY_NUMBER_NONE;
    }
}

/* Put a number whose key is not in the table (which has room) where the search for it ended, or behind. False, and
 * nothing put, when its path is longer than `probes_max` buckets. */
static inline bool asy_table_place(struct asy_table *table, uint64_t hash, uint32_t number, struct asy_probe probe,
                                   uint64_t probes_max)
{
    const uint8_t tag = asy_table_tag(hash);
    const uint32_t passed_bit = asy_table_passed_bit(hash);
    for (; probe.n < probes_max; asy_probe_next(table, &probe)) {
        struct asy_bucket *bucket = &table->buckets[probe.bucket];
        const uint32_t mask = asy_bucket_match(bucket, ASY_TAG_FREE);
        if (!mask) {
            bucket->passed |= passed_bit;
            continue;
        }
        table->effort += probe.n;
        for (uint32_t equal = asy_bucket_match(bucket, tag); equal; equal &= equal - 1)
            table->effort++;
        const uint32_t slot = (uint32_t)__builtin_ctz(mask);
        bucket->tags[slot] = tag;
        bucket->numbers[slot] = number;
        return true;
    }
    return false;
}

/* Put the numbers first .. end - 1, all different, into the empty table. False when some path is longer than `probes_max`. */
static inline __attribute__((always_inline)) bool
asy_table_fill(struct asy_table *table, uint32_t first, uint32_t end, const void *owner,
               uint64_t (*hash_of)(const void *owner, uint32_t number), uint64_t probes_max)
{
    uint64_t hashes[ASY_TABLE_BATCH];
    for (uint32_t start = first; start < end; start += ASY_TABLE_BATCH) {
        const uint32_t n = end - start < ASY_TABLE_BATCH ? end - start : ASY_TABLE_BATCH;
        for (uint32_t i = 0; i < n; i++) {
            hashes[i] = hash_of(owner, start + i);
            __builtin_prefetch(asy_table_first(table, hashes[i]), 1);
        }
        for (uint32_t i = 0; i < n; i++)
            if (!asy_table_place(table, hashes[i], start + i, asy_probe_start(table, hashes[i]), probes_max))
                return false;
    }
    return true;
}

#endif
