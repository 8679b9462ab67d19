/* Threads: the only door to pthread. A fixed number of workers share numbered pieces of work. */
#ifndef ASY_THREAD_H
#define ASY_THREAD_H

#include "base/mem.h"

/* Run `work(ctx, worker, piece)` for every piece 0..n_pieces-1 on `n_threads` workers (this thread is worker 0).
 * Pieces are taken in order by an atomic counter; which worker gets which is not defined, so results must not depend on it.
 * Returns when all are done. Where threads cannot be started the rest run on fewer. */
void asy_parallel(uint32_t n_threads, uint64_t n_pieces, void (*work)(void *ctx, uint32_t worker, uint64_t piece),
                  void *ctx);

/* Numbered blocks through three steps on `n_threads` workers (this thread is worker 0):
 *
 *   take  one thread at a time, in order: fill `slot` with the next block (*more false: there is none)
 *   work  any thread: what takes the time
 *   give  one thread at a time, in order: what has to happen in order; then the slot is free again
 *
 * A slot belongs to its block from take to give, so what hangs on it needs no locks. take and give of different blocks may
 * run at the same time. The outcome is that of one thread doing one block after the other: the error that is reported is that
 * of the first block that has one, all blocks before it are given, and none behind it. With one thread and one slot that is
 * just what happens. */
struct asy_pipeline {
    void *ctx;
    assay_status (*take)(void *ctx, uint32_t slot, bool *more, struct assay_error *error);
    assay_status (*work)(void *ctx, uint32_t worker, uint32_t slot, struct assay_error *error);
    assay_status (*give)(void *ctx, uint32_t slot, struct assay_error *error);
};

enum { ASY_THREADS_MAX = 256 };

/* Slots worth having for so many threads: some are worked on while others wait for their turn. */
uint32_t asy_pipeline_slots(uint32_t n_threads);
/* `n_slots` >= 1, at most asy_pipeline_slots(ASY_THREADS_MAX). */
assay_status asy_pipeline_run(const struct asy_pipeline *pipeline, uint32_t n_threads, uint32_t n_slots, struct assay_error *error);

#endif
