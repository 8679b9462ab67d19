/* The lead database in memory: schema + columns + key index + event log, all in one arena. */
#ifndef ASY_STORE_H
#define ASY_STORE_H

#include "store/column.h"
#include "store/events.h"
#include "store/index.h"

struct asy_store {
    struct asy_mem *mem;
    const struct asy_schema *schema; /* borrowed */
    struct asy_arena arena;
    struct asy_hasher hasher;        /* for dictionaries */
    struct asy_keys keys;            /* lead ids by row */
    struct asy_index index;
    struct asy_column *columns;      /* one a field, same numbers */
    struct asy_events events;
    uint32_t n_leads;
};

/* `seed` makes the hash secrets; results do not depend on it. On failure nothing is left behind. */
assay_status asy_store_init(struct asy_store *store, struct asy_mem *mem, const struct asy_schema *schema, uint64_t seed,
                            struct assay_error *error);
void asy_store_fini(struct asy_store *store);
/* Add a lead with all fields empty; *row is its row. *is_new false: the key was there already, at *row. On
 * failure the store is as it was. */
assay_status asy_store_add(struct asy_store *store, struct asy_str key, uint32_t *row, bool *is_new,
                           struct assay_error *error);
/* Many at once, as asy_store_add one after the other: rows[i] and is_new[i] for keys[i]. On failure the store holds the
 * leads before the failing one. */
assay_status asy_store_add_batch(struct asy_store *store, const struct asy_str *keys, uint32_t n, uint32_t *rows, bool *is_new,
                                 struct assay_error *error);
/* Give back what growing has taken too much, once all leads are read (before events are staged is best). More may follow. */
void asy_store_trim(struct asy_store *store);
/* Every invariant of the parts, and that they agree. */
bool asy_store_valid(const struct asy_store *store, const char **reason);

/* Bytes held, for the summary and the memory figures: rows and ids as they are, tables and dictionaries with the room they
 * have to spare (little after asy_store_trim). */
struct asy_store_size {
    uint64_t columns_bytes, dicts_bytes, keys_bytes, index_bytes, events_bytes;
    uint64_t id_text_bytes; /* of keys_bytes: the text of the lead ids itself */
};
struct asy_store_size asy_store_size(const struct asy_store *store);

#endif
