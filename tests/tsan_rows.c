/* Blocks of rows through the pipeline on several threads, for ThreadSanitizer: one thread takes while others find cells. A plain
 * program, as Criterion does not start there. */
#include "base/thread.h"
#include "io/rows.h"

#include <stdio.h>
#include <stdlib.h>

enum { N_THREADS = 4, SLOTS_MAX = 64 };

struct run {
    struct asy_rows *rows;
    struct asy_block *blocks[SLOTS_MAX];
    struct asy_cells cells[SLOTS_MAX];
    uint64_t n_rows, n_bytes, n_bad;
};

static assay_status take(void *ctx, uint32_t slot, bool *more, struct assay_error *error)
{
    struct run *run = ctx;
    return asy_rows_take(run->rows, run->blocks[slot], more, error);
}

static assay_status work(void *ctx, uint32_t worker, uint32_t slot, struct assay_error *error)
{
    struct run *run = ctx;
    (void)worker;
    return asy_block_cells(run->blocks[slot], (const uint32_t[]){2, 0, UINT32_MAX}, 3, &run->cells[slot], error);
}

static assay_status give(void *ctx, uint32_t slot, struct assay_error *error)
{
    struct run *run = ctx;
    const struct asy_cells *cells = &run->cells[slot];
    (void)error;
    run->n_rows += cells->n_rows;
    run->n_bad += cells->n_bad;
    for (uint32_t row = 0; row < cells->n_rows; row++)
        for (uint32_t k = 0; k < 3; k++) run->n_bytes += cells->cells[k][row].len;
    return ASSAY_OK;
}

static struct run read_text(const char *text, size_t n, uint32_t n_threads)
{
    struct asy_mem mem;
    struct run run = {0};
    struct assay_error error = {0};
    const struct asy_rows_options options = {.buffer_bytes = 4096};
    const uint32_t n_slots = asy_pipeline_slots(n_threads);
    asy_mem_init(&mem, NULL);
    assay_status status = asy_rows_open_memory(&run.rows, &mem, "text", text, n, &options, &error);
    for (uint32_t i = 0; i < n_slots && status == ASSAY_OK; i++) status = asy_block_new(&run.blocks[i], run.rows, &error);
    const struct asy_pipeline pipeline = {&run, take, work, give};
    if (status == ASSAY_OK) status = asy_pipeline_run(&pipeline, n_threads, n_slots, &error);
    for (uint32_t i = 0; i < n_slots; i++) asy_block_free(run.blocks[i]);
    asy_rows_close(run.rows);
    if (status != ASSAY_OK || mem.live_bytes != 0) {
        fprintf(stderr, "tsan_rows: %s, %llu bytes left\n", error.text, (unsigned long long)mem.live_bytes);
        exit(1);
    }
    return run;
}

int main(void)
{
    static char text[400000];
    for (int as_json = 0; as_json <= 1; as_json++) {
        size_t n = (size_t)snprintf(text, sizeof(text), as_json ? "{\"a\":0}\n" : "a,b,c\n");
        for (uint32_t i = 0; n + 100 < sizeof(text); i++)
            n += as_json ? (size_t)snprintf(text + n, sizeof(text) - n, "{\"a\":%u,\"x%u\":\"\\n%u\"%s\n", i, i / 500, i, i % 40 ? "}" : "")
                         : (size_t)snprintf(text + n, sizeof(text) - n, "%u,caf\xc3\xa9,%s%s\n", i, i % 9 ? "x" : "\"a \"\"b\"\"\"", i % 700 ? "" : ",y");
        const struct run alone = read_text(text, n, 1), together = read_text(text, n, N_THREADS);
        if (alone.n_rows != together.n_rows || alone.n_bytes != together.n_bytes || alone.n_bad != together.n_bad || alone.n_rows == 0) {
            fprintf(stderr, "tsan_rows: expected the same rows from one thread and from several\n");
            return 1;
        }
    }
    return 0;
}
