/* The lead database, see store.h. */
#include "base/check.h"
#include "store/store.h"

/* Address space for lead ids; a database that needs more than this for 2^28 of them says so. */
#define KEYS_MAX_BYTES (64ull << 30)

static uint64_t reserve_bytes(const struct asy_schema *schema)
{
    const uint64_t rounding_bytes = 2u << 20; /* of each range */
    uint64_t bytes = KEYS_MAX_BYTES + (ASY_LEADS_MAX + 1ull) * sizeof(uint64_t) + 16 * rounding_bytes;
    bytes += asy_events_reserve_bytes(schema->n_properties);
    for (uint32_t i = 0; i < schema->n_fields; i++)
        bytes += asy_column_reserve_bytes(&schema->fields[i]) + rounding_bytes;
    return bytes;
}

static assay_status init_parts(struct asy_store *store, uint64_t seed, struct assay_error *error)
{
    const struct asy_schema *schema = store->schema;
    assay_status status = asy_keys_init(&store->keys, &store->arena, ASY_LEADS_MAX, KEYS_MAX_BYTES, error);
    asy_index_init(&store->index, store->mem, &store->keys, seed);
    if (status == ASSAY_OK)
        status = asy_events_init(&store->events, store->mem, &store->arena, &store->hasher, schema->n_properties, error);
    if (status != ASSAY_OK || schema->n_fields == 0)
        return status;
    store->columns = asy_mem_alloc_n(store->mem, schema->n_fields, sizeof *store->columns);
    if (!store->columns)
        return asy_fail(error, ASSAY_E_NOMEM, "lead store: expected memory for %u columns, found none", schema->n_fields);
    for (uint32_t i = 0; i < schema->n_fields && status == ASSAY_OK; i++)
        status = asy_column_init(&store->columns[i], &schema->fields[i], store->mem, &store->arena, &store->hasher, error);
    return status;
}

assay_status asy_store_init(struct asy_store *store, struct asy_mem *mem, const struct asy_schema *schema, uint64_t seed,
                            struct assay_error *error)
{
    *store = (struct asy_store){.mem = mem, .schema = schema};
    /* Dictionaries and the index hash different texts for different readers: they do not share a secret. */
    asy_hasher_init(&store->hasher, ~seed);
    assay_status status = asy_arena_init(&store->arena, reserve_bytes(schema), error);
    if (status != ASSAY_OK)
        return status;
    status = init_parts(store, seed, error);
    if (status != ASSAY_OK)
        asy_store_fini(store);
    return status;
}

void asy_store_fini(struct asy_store *store)
{
    if (store->columns)
        for (uint32_t i = 0; i < store->schema->n_fields; i++)
            if (store->columns[i].field)
                asy_column_fini(&store->columns[i]);
    if (store->columns)
        asy_mem_free(store->mem, store->columns, store->schema->n_fields * sizeof *store->columns);
    store->columns = NULL;
    if (store->index.mem)
        asy_index_fini(&store->index);
    if (store->events.mem)
        asy_events_fini(&store->events);
    asy_arena_fini(&store->arena);
    store->n_leads = 0;
}

/* Room for `n_more` leads in all columns. */
static assay_status reserve_rows(struct asy_store *store, uint32_t n_more, struct assay_error *error)
{
    if (n_more > ASY_LEADS_MAX - store->n_leads)
        return asy_fail(error, ASSAY_E_LIMIT,
                        "lead store: leads: expected at most %u, found one more; split the leads by id and score the parts",
                        ASY_LEADS_MAX);
    assay_status status = ASSAY_OK;
    for (uint32_t i = 0; i < store->schema->n_fields && status == ASSAY_OK; i++)
        status = asy_column_reserve(&store->columns[i], store->n_leads + n_more, error);
    return status;
}

/* Empty rows for the leads that have come to the keys; room for them is reserved. */
static void extend_columns(struct asy_store *store)
{
    const uint32_t n_leads = store->keys.n_rows;
    for (uint32_t i = 0; i < store->schema->n_fields; i++) {
        assay_status status = asy_column_extend(&store->columns[i], n_leads, NULL);
        ASY_CHECK(status == ASSAY_OK, status, n_leads);
    }
    store->n_leads = n_leads;
}

static assay_status put_keys(struct asy_store *store, const struct asy_str *keys, uint32_t n, uint32_t *rows, bool *is_new,
                             struct assay_error *error)
{
    assay_status status = asy_index_put_batch(&store->index, keys, n, rows, is_new, error);
    extend_columns(store);
    if (status == ASSAY_E_NOMEM)
        return asy_fail(error, status, "lead store: expected memory for the id of one more lead, found none after %u",
                        store->n_leads);
    return status;
}

assay_status asy_store_add(struct asy_store *store, struct asy_str key, uint32_t *row, bool *is_new,
                           struct assay_error *error)
{
    *row = ASY_ROW_NONE;
    *is_new = false;
    struct assay_error problem;
    assay_status status = reserve_rows(store, 1, &problem);
    if (status == ASSAY_OK)
        return put_keys(store, &key, 1, row, is_new, error);
    /* A full store still knows the leads it has. */
    *row = asy_index_find(&store->index, key);
    if (*row != ASY_ROW_NONE)
        return ASSAY_OK;
    if (error)
        *error = problem;
    return status;
}

assay_status asy_store_add_batch(struct asy_store *store, const struct asy_str *keys, uint32_t n, uint32_t *rows, bool *is_new,
                                 struct assay_error *error)
{
    if (reserve_rows(store, n, NULL) == ASSAY_OK)
        return put_keys(store, keys, n, rows, is_new, error);
    /* Near a limit: as many as there is room for, since keys that are there already need none. */
    assay_status status = ASSAY_OK;
    for (uint32_t i = 0; i < n && status == ASSAY_OK; i++)
        status = asy_store_add(store, keys[i], &rows[i], &is_new[i], error);
    return status;
}

void asy_store_trim(struct asy_store *store)
{
    asy_keys_trim(&store->keys, &store->arena);
    for (uint32_t i = 0; i < store->schema->n_fields; i++)
        asy_column_trim(&store->columns[i], &store->arena);
}

bool asy_store_valid(const struct asy_store *store, const char **reason)
{
    if (store->n_leads > ASY_LEADS_MAX || store->keys.n_rows != store->n_leads)
        return *reason = "store: keys differ from leads", false;
    if (store->index.keys != &store->keys)
        return *reason = "store: the index looks at other keys", false;
    if (!asy_index_valid(&store->index, reason))
        return false;
    for (uint32_t i = 0; i < store->schema->n_fields; i++) {
        const struct asy_column *column = &store->columns[i];
        if (column->field != &store->schema->fields[i])
            return *reason = "store: a column is of another field", false;
        if (column->n_rows != store->n_leads)
            return *reason = "store: a column has other rows than there are leads", false;
        if (!asy_column_valid(column, reason))
            return false;
    }
    const struct asy_events *events = &store->events;
    if (!asy_events_valid(events, reason))
        return false;
    if ((events->is_open || events->is_grouped) && events->n_leads > store->n_leads)
        return *reason = "store: the event log has leads that do not exist", false;
    return true;
}

struct asy_store_size asy_store_size(const struct asy_store *store)
{
    struct asy_store_size size = {
        .columns_bytes = store->schema->n_fields * sizeof *store->columns,
        .keys_bytes = asy_keys_bytes(&store->keys),
        .id_text_bytes = store->keys.n_bytes,
        .index_bytes = asy_index_bytes(&store->index),
        .events_bytes = asy_events_bytes(&store->events),
        .dicts_bytes = asy_dict_bytes(&store->events.tuples),
    };
    for (uint32_t i = 0; i < store->schema->n_fields; i++) {
        size.columns_bytes += asy_column_bytes(&store->columns[i]);
        size.dicts_bytes += asy_dict_bytes(&store->columns[i].dict);
    }
    return size;
}
