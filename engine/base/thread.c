/* Threads, see thread.h. */
#include "base/thread.h"

#include <pthread.h>
#include <signal.h>

enum { THREADS_MAX = 256 };

struct parallel {
    void (*work)(void *ctx, uint32_t worker, uint64_t piece);
    void *ctx;
    uint64_t n_pieces;
    uint64_t next; /* atomic */
};

struct worker {
    struct parallel *parallel;
    uint32_t number;
    pthread_t thread;
};

static void *work_until_done(void *arg)
{
    const struct worker *worker = arg;
    struct parallel *parallel = worker->parallel;
    for (;;) {
        uint64_t piece = __atomic_fetch_add(&parallel->next, 1, __ATOMIC_RELAXED);
        if (piece >= parallel->n_pieces)
            return NULL;
        parallel->work(parallel->ctx, worker->number, piece);
    }
}

void asy_parallel(uint32_t n_threads, uint64_t n_pieces, void (*work)(void *ctx, uint32_t worker, uint64_t piece),
                  void *ctx)
{
    struct parallel parallel = {.work = work, .ctx = ctx, .n_pieces = n_pieces};
    struct worker workers[THREADS_MAX];
    if (n_threads > THREADS_MAX)
        n_threads = THREADS_MAX;
    if (n_threads > n_pieces)
        n_threads = (uint32_t)n_pieces;
    workers[0] = (struct worker){.parallel = &parallel, .number = 0};

    /* Signals are the calling thread's business: workers start with all of them blocked. */
    sigset_t all, before;
    sigfillset(&all);
    uint32_t n_started = 1;
    if (n_threads > 1 && pthread_sigmask(SIG_SETMASK, &all, &before) == 0) {
        for (; n_started < n_threads; n_started++) {
            struct worker *worker = &workers[n_started];
            worker->parallel = &parallel;
            worker->number = n_started;
            if (pthread_create(&worker->thread, NULL, work_until_done, worker) != 0)
                break;
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    work_until_done(&workers[0]);
    for (uint32_t i = 1; i < n_started; i++)
        pthread_join(workers[i].thread, NULL);
}
