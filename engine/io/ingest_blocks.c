/* An open file through the pipeline. What a file's rows mean does not depend on how they fall into blocks or on who works on
 * them: counts, rejects and errors come out as if one thread had read row after row. */
#include "io/ingest_internal.h"

#include "base/thread.h"

struct run {
    struct asy_ingest *ingest;
    struct asy_ingest_file *file;
    const struct asy_ingest_reader *reader;
    struct asy_ingest_slot *slots;
    uint32_t n_slots;
    uint32_t *columns; /* of the header so far */
    bool is_json;
};

static assay_status no_memory(const struct asy_ingest_file *file, struct assay_error *error)
{
    return asy_fail(error, ASSAY_E_NOMEM, "%.*s: out of memory", ASY_ARG(file->path));
}

/* ---- the three steps ---- */

/* `take` may be waiting for a pipe meanwhile. */
static assay_status end_waiting(struct asy_ingest *ingest, assay_status status)
{
    if (status != ASSAY_OK)
        __atomic_store_n(&ingest->has_failed, true, __ATOMIC_RELAXED);
    return status;
}

static assay_status match(struct run *run, bool is_whole, struct assay_error *error)
{
    return run->reader->match(run->ingest, run->file, run->reader->plan, is_whole, run->columns, error);
}

static assay_status take(void *ctx, uint32_t slot, bool *more, struct assay_error *error)
{
    struct run *run = ctx;
    struct asy_ingest_slot *s = &run->slots[slot];
    assay_status status = asy_rows_take(run->file->rows, s->block, more, error);
    if (status != ASSAY_OK || !*more)
        return status;
    const struct asy_str *names;
    if (run->is_json && asy_rows_header(run->file->rows, &names) > run->file->match.n_columns) {
        /* Was a row taken? Columns that come now are rivals of those that it was read by. */
        const struct asy_file_counts *counts = asy_ingest_counts(run->ingest, run->file);
        run->file->match.is_frozen = counts->n_rows > counts->n_rejected;
        if ((status = match(run, false, error)) != ASSAY_OK)
            return status;
    }
    memcpy(s->columns, run->columns, run->reader->n_columns * sizeof(*s->columns));
    asy_rows_progress(run->file->rows, &s->done_bytes, &s->total_bytes);
    return ASSAY_OK;
}

static assay_status work(void *ctx, uint32_t worker, uint32_t slot, struct assay_error *error)
{
    struct run *run = ctx;
    struct asy_ingest_slot *s = &run->slots[slot];
    assay_status status = asy_block_cells(s->block, s->columns, run->reader->n_columns, &s->cells, error);
    if (status == ASSAY_OK)
        status = run->reader->work(run->ingest, run->file, run->reader->plan, worker, s, error);
    return end_waiting(run->ingest, status);
}

static assay_status give(void *ctx, uint32_t slot, struct assay_error *error)
{
    struct run *run = ctx;
    struct asy_ingest_slot *s = &run->slots[slot];
    struct asy_file_counts *counts = asy_ingest_counts(run->ingest, run->file);
    s->first_row = counts->n_rows;
    s->next_bad = s->next_refusal = 0;
    assay_status status = run->reader->give(run->ingest, run->file, run->reader->plan, s, error);
    if (status == ASSAY_OK)
        status = asy_ingest_tell(run->ingest, run->file, s, s->cells.n_rows, error);
    if (status == ASSAY_OK)
        status = asy_ingest_progress(run->ingest, run->file, s->done_bytes, s->total_bytes, error);
    s->n_refusals = 0;
    asy_pool_fini(&s->pool);
    return end_waiting(run->ingest, status);
}

/* ---- rows that are not taken ---- */

assay_status asy_ingest_refuse(struct asy_ingest *ingest, struct asy_ingest_slot *slot, const struct asy_refusal *refusal)
{
    if (!asy_mem_grow(ingest->mem, (void **)&slot->refusals, &slot->refusals_cap, slot->n_refusals, sizeof(*slot->refusals)))
        return ASSAY_E_NOMEM;
    slot->refusals[slot->n_refusals++] = *refusal;
    return ASSAY_OK;
}

static struct asy_str text_of(const struct asy_ingest_slot *slot, struct asy_span span)
{
    return (struct asy_str){slot->cells.text + span.at, span.len};
}

static assay_status tell_bad(struct asy_ingest *ingest, struct asy_ingest_file *file, struct asy_ingest_slot *slot,
                             const struct asy_bad_row *bad, struct assay_error *error)
{
    asy_ingest_counts(ingest, file)->n_rows = slot->first_row + bad->before + slot->next_bad;
    return asy_ingest_reject(ingest, file, bad->line, asy_ingest_column_name(file, bad->column - 1), bad->problem,
                             text_of(slot, bad->raw), error);
}

static assay_status tell_refusal(struct asy_ingest *ingest, struct asy_ingest_file *file, struct asy_ingest_slot *slot,
                                 const struct asy_refusal *refusal, struct assay_error *error)
{
    uint64_t line = slot->cells.line[refusal->row];
    asy_ingest_counts(ingest, file)->n_rows = slot->first_row + refusal->row + slot->next_bad + 1;
    if (!refusal->reason)
        return asy_value_ambiguous(file, line, refusal->column, refusal->text, error);
    return asy_ingest_reject(ingest, file, line, asy_ingest_column_name(file, refusal->column), refusal->reason,
                             text_of(slot, slot->cells.raw[refusal->row]), error);
}

assay_status asy_ingest_tell(struct asy_ingest *ingest, struct asy_ingest_file *file, struct asy_ingest_slot *slot, uint32_t row,
                             struct assay_error *error)
{
    const struct asy_cells *cells = &slot->cells;
    for (;;) {
        const struct asy_bad_row *bad = slot->next_bad < cells->n_bad ? &cells->bad[slot->next_bad] : NULL;
        const struct asy_refusal *refusal = slot->next_refusal < slot->n_refusals ? &slot->refusals[slot->next_refusal] : NULL;
        assay_status status;
        if (bad && bad->before <= row && (!refusal || bad->before <= refusal->row)) {
            slot->next_bad++;
            status = tell_bad(ingest, file, slot, bad, error);
        } else if (refusal && refusal->row < row) {
            slot->next_refusal++;
            status = tell_refusal(ingest, file, slot, refusal, error);
        } else {
            break;
        }
        if (status != ASSAY_OK)
            return status;
    }
    asy_ingest_counts(ingest, file)->n_rows = slot->first_row + row + slot->next_bad;
    return ASSAY_OK;
}

assay_status asy_ingest_reject_row(struct asy_ingest *ingest, struct asy_ingest_file *file, struct asy_ingest_slot *slot, uint32_t row,
                                   uint32_t column, const char *reason, struct assay_error *error)
{
    asy_ingest_counts(ingest, file)->n_rows = slot->first_row + row + slot->next_bad + 1;
    return asy_ingest_reject(ingest, file, slot->cells.line[row], asy_ingest_column_name(file, column), reason,
                             text_of(slot, slot->cells.raw[row]), error);
}

/* ---- the whole file ---- */

static bool make_slots(struct run *run)
{
    struct asy_ingest *ingest = run->ingest;
    struct asy_pool *pool = &run->file->pool;
    run->columns = asy_pool_alloc_n(pool, run->reader->n_columns, sizeof(*run->columns));
    run->slots = asy_pool_alloc_n(pool, run->n_slots, sizeof(*run->slots));
    if (!run->columns || !run->slots)
        return false;
    for (uint32_t c = 0; c < run->reader->n_columns; c++)
        run->columns[c] = ASY_NO_COLUMN;
    for (uint32_t i = 0; i < run->n_slots; i++) {
        struct asy_ingest_slot *slot = &run->slots[i];
        asy_pool_init(&slot->pool, ingest->mem);
        slot->columns = asy_pool_alloc_n(pool, run->reader->n_columns, sizeof(*slot->columns));
        slot->batch = run->reader->new_batch(ingest, run->reader->plan);
        if (!slot->columns || !slot->batch || asy_block_new(&slot->block, run->file->rows, NULL) != ASSAY_OK)
            return false;
    }
    return true;
}

static void free_slots(struct run *run)
{
    for (uint32_t i = 0; run->slots && i < run->n_slots; i++) {
        struct asy_ingest_slot *slot = &run->slots[i];
        asy_block_free(slot->block);
        if (slot->batch)
            run->reader->free_batch(run->ingest, run->reader->plan, slot->batch);
        asy_mem_free(run->ingest->mem, slot->refusals, slot->refusals_cap * sizeof(*slot->refusals));
        if (slot->pool.mem)
            asy_pool_fini(&slot->pool);
    }
}

static assay_status run_blocks(struct run *run, uint32_t n_threads, struct assay_error *error)
{
    const struct asy_pipeline pipeline = {run, take, work, give};
    if (!make_slots(run))
        return no_memory(run->file, error);
    assay_status status = match(run, !run->is_json, error);
    if (status == ASSAY_OK)
        status = asy_pipeline_run(&pipeline, n_threads, run->n_slots, error);
    if (status != ASSAY_OK)
        return status;
    /* Without a single key every row was malformed; what is wrong with them says more than what is missing. */
    const struct asy_str *names;
    if (run->is_json && asy_rows_header(run->file->rows, &names) > 0)
        status = match(run, true, error);
    return status == ASSAY_OK ? asy_ingest_end(run->ingest, run->file, error) : status;
}

assay_status asy_ingest_run(struct asy_ingest *ingest, struct asy_ingest_file *file, const struct asy_ingest_reader *reader,
                            struct assay_error *error)
{
    struct run run = {.ingest = ingest, .file = file, .reader = reader, .is_json = asy_rows_is_json(file->rows)};
    /* NDJSON is read where blocks are taken, by one thread at a time, and its header grows on the way: nothing is won by more. */
    uint32_t n_threads = run.is_json ? 1 : ingest->options.n_threads;
    run.n_slots = asy_pipeline_slots(n_threads);
    assay_status status = run_blocks(&run, n_threads, error);
    free_slots(&run);
    return status;
}
