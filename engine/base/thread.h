/* Threads: the only door to pthread. A fixed number of workers share numbered pieces of work. */
#ifndef ASY_THREAD_H
#define ASY_THREAD_H

#include "base/mem.h"

/* Run `work(ctx, worker, piece)` for every piece 0..n_pieces-1 on `n_threads` workers (this thread is worker 0).
 * Pieces are taken in order by an atomic counter; which worker gets which is not defined, so results must not depend on it.
 * Returns when all are done. Where threads cannot be started the rest run on fewer. */
void asy_parallel(uint32_t n_threads, uint64_t n_pieces, void (*work)(void *ctx, uint32_t worker, uint64_t piece),
                  void *ctx);

#endif
