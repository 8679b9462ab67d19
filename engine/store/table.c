/* Tables of numbers by hash, see table.h. */
#include "store/table.h"

enum { LINE_BYTES = sizeof(struct asy_bucket) };

/* The allocator aligns to 16 bytes: one line more makes room for whole ones. */
static uint64_t block_bytes(uint64_t n_buckets)
{
    return (n_buckets + 1) * LINE_BYTES;
}

bool asy_table_init(struct asy_table *table, struct asy_mem *mem, uint64_t n_buckets)
{
    *table = (struct asy_table){0};
    void *block = asy_mem_alloc(mem, block_bytes(n_buckets));
    if (!block)
        return false;
    asy_mem_wish_huge(block, block_bytes(n_buckets));
    table->block = block;
    table->buckets = (struct asy_bucket *)(((uintptr_t)block + LINE_BYTES - 1) & ~(uintptr_t)(LINE_BYTES - 1));
    table->n_buckets = n_buckets;
    return true;
}

void asy_table_fini(struct asy_table *table, struct asy_mem *mem)
{
    asy_mem_free(mem, table->block, block_bytes(table->n_buckets));
    *table = (struct asy_table){0};
}

void asy_table_empty(struct asy_table *table)
{
    memset(table->buckets, 0, table->n_buckets * sizeof *table->buckets);
    table->effort = 0;
}

uint64_t asy_table_bytes(const struct asy_table *table)
{
    return table->block ? block_bytes(table->n_buckets) : 0;
}

bool asy_table_holds(const struct asy_table *table, uint32_t first, uint32_t end, uint64_t *n_held)
{
    *n_held = 0;
    for (uint64_t b = 0; b < table->n_buckets; b++)
        for (uint32_t slot = 0; slot < ASY_BUCKET_SLOTS; slot++) {
            if (table->buckets[b].tags[slot] == ASY_TAG_FREE)
                continue;
            ++*n_held;
            if (table->buckets[b].numbers[slot] < first || table->buckets[b].numbers[slot] >= end)
                return false;
        }
    return true;
}
