#include "cli/output.h"

#include "base/thread.h"
#include "cli/output_earlier.h"
#include "cli/output_row.h"

/* Rows that are made together: their bytes still lie in the cache when they are written. */
enum { BLOCK_ROWS = 2048, BLOCK_ROW_BYTES = 192 };

struct block {
    uint32_t from_row, to_row;
    char *bytes;
    size_t used, cap;
    uint64_t n_rows;
};

/* The table of one run. */
struct table {
    struct assay *session;
    struct asy_writer *writer;
    struct asy_output_columns columns;
    struct asy_row_maker maker;
    const struct asy_earlier *earlier; /* NULL: all rows are written */
    struct asy_layout csv;             /* with `earlier`: what rows are compared as */
    struct asy_row_maker csv_maker;
    uint32_t next_row;
    uint32_t n_slots;
    struct block *blocks;              /* by slot */
    uint64_t n_written;
};

/* -- blocks of rows ------------------------------------------------------------------------------------------------ */

static assay_status take_block(void *ctx, uint32_t slot, bool *more, struct assay_error *error)
{
    struct table *table = ctx;
    struct block *block = &table->blocks[slot];
    const uint32_t n_leads = table->session->results.n_leads;
    (void)error;
    *more = table->next_row < n_leads;
    block->from_row = table->next_row;
    block->to_row = n_leads - table->next_row < BLOCK_ROWS ? n_leads : table->next_row + BLOCK_ROWS;
    table->next_row = block->to_row;
    return ASSAY_OK;
}

static bool is_as_before(const struct table *table, uint32_t row, char *scratch)
{
    if (table->earlier == NULL) return false;
    const struct asy_str rest = {scratch, (uint32_t)(asy_row_make_rest(&table->csv_maker, row, scratch) - scratch)};
    return asy_earlier_has(table->earlier, asy_keys_text(&table->session->store.keys, row), rest);
}

/* Room for one more row of any kind. */
static bool make_room(const struct table *table, struct block *block, uint32_t row)
{
    const size_t id = asy_cell_room(table->maker.layout, 0, asy_keys_text(&table->session->store.keys, row).len);
    const size_t rest = table->maker.rest_room > table->csv_maker.rest_room ? table->maker.rest_room : table->csv_maker.rest_room;
    if (block->cap - block->used >= id + rest) return true;
    const size_t cap = 2 * block->cap + id + rest;
    char *bytes = asy_mem_resize(&table->session->mem, block->bytes, block->cap, cap);
    if (bytes == NULL) return false;
    block->bytes = bytes;
    block->cap = cap;
    return true;
}

static assay_status make_block(void *ctx, uint32_t worker, uint32_t slot, struct assay_error *error)
{
    const struct table *table = ctx;
    struct block *block = &table->blocks[slot];
    (void)worker;
    block->used = 0;
    block->n_rows = 0;
    for (uint32_t row = block->from_row; row < block->to_row; row++) {
        if (!make_room(table, block, row)) return asy_fail(error, ASSAY_E_NOMEM, "output: out of memory");
        char *at = block->bytes + block->used;
        if (is_as_before(table, row, at)) continue;
        at = asy_row_make_id(&table->maker, row, at);
        at = asy_row_make_rest(&table->maker, row, at);
        block->used = (size_t)(at - block->bytes);
        block->n_rows++;
    }
    return ASSAY_OK;
}

static assay_status give_block(void *ctx, uint32_t slot, struct assay_error *error)
{
    struct table *table = ctx;
    const struct block *block = &table->blocks[slot];
    table->n_written += block->n_rows;
    return asy_writer_rows(table->writer, block->bytes, block->used, error);
}

static assay_status write_rows(struct table *table, uint32_t n_threads, struct assay_error *error)
{
    struct asy_mem *mem = &table->session->mem;
    const struct asy_pipeline pipeline = {.ctx = table, .take = take_block, .work = make_block, .give = give_block};
    const uint32_t n_blocks = table->session->results.n_leads / BLOCK_ROWS + 1;
    if (n_threads > n_blocks) n_threads = n_blocks;
    assay_status status = ASSAY_OK;
    table->n_slots = asy_pipeline_slots(n_threads);
    table->blocks = asy_mem_alloc_n(mem, table->n_slots, sizeof(*table->blocks));
    if (table->blocks == NULL) return asy_fail(error, ASSAY_E_NOMEM, "output: out of memory");
    for (uint32_t s = 0; s < table->n_slots && status == ASSAY_OK; s++) {
        struct block *block = &table->blocks[s];
        block->bytes = asy_mem_alloc(mem, BLOCK_ROWS * BLOCK_ROW_BYTES);
        block->cap = block->bytes == NULL ? 0 : BLOCK_ROWS * BLOCK_ROW_BYTES;
        if (block->bytes == NULL) status = asy_fail(error, ASSAY_E_NOMEM, "output: out of memory");
    }
    if (status == ASSAY_OK) status = asy_pipeline_run(&pipeline, n_threads == 0 ? 1 : n_threads, table->n_slots, error);
    for (uint32_t s = 0; s < table->n_slots; s++) asy_mem_free(mem, table->blocks[s].bytes, table->blocks[s].cap);
    asy_mem_free(mem, table->blocks, table->n_slots * sizeof(*table->blocks));
    return status;
}

/* -- the table ------------------------------------------------------------------------------------------------------ */

/* What rows are compared with. */
static assay_status read_earlier(struct table *table, struct asy_pool *pool, struct asy_earlier *earlier, const char *changed_from,
                                 struct assay_error *error)
{
    const struct asy_output_columns *columns = &table->columns;
    assay_status status = asy_layout_init(&table->csv, pool, changed_from, ASY_FORMAT_CSV, columns->names, columns->n, error);
    if (status == ASSAY_OK && !asy_row_maker_init(&table->csv_maker, pool, table->session, columns, &table->csv))
        status = asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", changed_from);
    if (status == ASSAY_OK)
        status = asy_earlier_read(earlier, columns, &table->session->rules, &table->csv, changed_from, error);
    table->earlier = earlier;
    return status;
}

static assay_status write_table(struct table *table, struct asy_pool *pool, const char *path, enum asy_format format, uint32_t n_threads,
                                struct assay_error *error)
{
    struct asy_mem *mem = &table->session->mem;
    assay_status status = asy_writer_open(&table->writer, mem, path, format, table->columns.names, table->columns.n, error);
    if (status != ASSAY_OK) return status;
    if (!asy_row_maker_init(&table->maker, pool, table->session, &table->columns, asy_writer_layout(table->writer)))
        status = asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    if (status == ASSAY_OK) status = write_rows(table, n_threads, error);
    if (status == ASSAY_OK) return asy_writer_commit(table->writer, error);
    asy_writer_abort(table->writer);
    return status;
}

assay_status asy_output_write(struct assay *session, const char *path, enum asy_format format, const char *changed_from,
                              uint32_t n_threads, uint64_t *n_written, struct assay_error *error)
{
    struct table table = {.session = session};
    struct asy_earlier earlier;
    struct asy_pool pool;
    asy_pool_init(&pool, &session->mem);
    asy_earlier_init(&earlier, &session->mem, session->seed);
    assay_status status = asy_output_columns_init(&table.columns, &pool, &session->rules)
                              ? ASSAY_OK
                              : asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    if (status == ASSAY_OK && changed_from != NULL) status = read_earlier(&table, &pool, &earlier, changed_from, error);
    if (status == ASSAY_OK) status = write_table(&table, &pool, path, format, n_threads, error);
    *n_written = table.n_written;
    asy_earlier_fini(&earlier);
    asy_pool_fini(&pool);
    return status;
}
