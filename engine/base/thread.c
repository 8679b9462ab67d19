/* Threads, see thread.h. */
#include "base/thread.h"

#include "base/check.h"

#include <pthread.h>
#include <signal.h>

enum { SLOTS_MAX = 2 * ASY_THREADS_MAX };

/* ---- a team of workers ---- */

struct worker {
    void (*run)(void *ctx, uint32_t worker);
    void *ctx;
    uint32_t number;
    pthread_t thread;
};

static void *start_worker(void *arg)
{
    const struct worker *worker = arg;
    worker->run(worker->ctx, worker->number);
    return NULL;
}

/* `run` on this thread as worker 0 and on n_threads - 1 others, or as many as can be started; returns when all are done. */
static void run_team(uint32_t n_threads, void (*run)(void *ctx, uint32_t worker), void *ctx)
{
    struct worker workers[ASY_THREADS_MAX];
    if (n_threads > ASY_THREADS_MAX)
        n_threads = ASY_THREADS_MAX;

    /* Signals are the calling thread's business: workers start with all of them blocked. */
    sigset_t all, before;
    sigfillset(&all);
    uint32_t n_started = 1;
    if (n_threads > 1 && pthread_sigmask(SIG_SETMASK, &all, &before) == 0) {
        for (; n_started < n_threads; n_started++) {
            struct worker *worker = &workers[n_started];
            *worker = (struct worker){.run = run, .ctx = ctx, .number = n_started};
            if (pthread_create(&worker->thread, NULL, start_worker, worker) != 0)
                break;
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    run(ctx, 0);
    for (uint32_t i = 1; i < n_started; i++)
        pthread_join(workers[i].thread, NULL);
}

/* ---- numbered pieces ---- */

struct parallel {
    void (*work)(void *ctx, uint32_t worker, uint64_t piece);
    void *ctx;
    uint64_t n_pieces;
    uint64_t next; /* atomic */
};

static void work_pieces(void *ctx, uint32_t worker)
{
    struct parallel *parallel = ctx;
    for (;;) {
        uint64_t piece = __atomic_fetch_add(&parallel->next, 1, __ATOMIC_RELAXED);
        if (piece >= parallel->n_pieces)
            return;
        parallel->work(parallel->ctx, worker, piece);
    }
}

void asy_parallel(uint32_t n_threads, uint64_t n_pieces, void (*work)(void *ctx, uint32_t worker, uint64_t piece),
                  void *ctx)
{
    struct parallel parallel = {.work = work, .ctx = ctx, .n_pieces = n_pieces};
    if (n_threads > n_pieces)
        n_threads = (uint32_t)n_pieces;
    run_team(n_threads, work_pieces, &parallel);
}

/* ---- blocks in three steps ---- */

/* Block b has slot b % n_slots. Blocks next_give .. next_take - 1 are on their way. All of it under the lock. */
struct line {
    const struct asy_pipeline *pipeline;
    uint32_t n_slots;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t next_take, next_give;
    bool is_taking, is_giving;
    bool is_over;            /* there are no more blocks to take */
    bool is_done[SLOTS_MAX]; /* by slot: worked on */
    uint64_t failed;         /* the first block with an error; UINT64_MAX: none so far */
    assay_status status;     /* of that block */
    struct assay_error error;
};

static void fail_block(struct line *line, uint64_t block, assay_status status, const struct assay_error *error)
{
    if (block >= line->failed)
        return;
    line->failed = block;
    line->status = status;
    line->error = *error;
}

/* Called with the lock, which is given up while the step runs. */
static void give_next(struct line *line)
{
    struct assay_error error = {0};
    uint64_t block = line->next_give;
    uint32_t slot = (uint32_t)(block % line->n_slots);
    line->is_giving = true;
    pthread_mutex_unlock(&line->lock);
    assay_status status = line->pipeline->give(line->pipeline->ctx, slot, &error);
    pthread_mutex_lock(&line->lock);
    line->is_giving = false;
    line->is_done[slot] = false;
    if (status != ASSAY_OK)
        fail_block(line, block, status, &error);
    else
        line->next_give++;
    pthread_cond_broadcast(&line->changed);
}

static void take_and_work(struct line *line, uint32_t worker)
{
    struct assay_error error = {0};
    const struct asy_pipeline *pipeline = line->pipeline;
    uint64_t block = line->next_take;
    uint32_t slot = (uint32_t)(block % line->n_slots);
    bool more = false;
    line->is_taking = true;
    pthread_mutex_unlock(&line->lock);
    assay_status status = pipeline->take(pipeline->ctx, slot, &more, &error);
    pthread_mutex_lock(&line->lock);
    line->is_taking = false;
    line->is_over = status != ASSAY_OK || !more;
    if (status != ASSAY_OK)
        fail_block(line, block, status, &error);
    line->next_take += !line->is_over;
    pthread_cond_broadcast(&line->changed);
    if (line->is_over)
        return;
    pthread_mutex_unlock(&line->lock);
    status = pipeline->work(pipeline->ctx, worker, slot, &error);
    pthread_mutex_lock(&line->lock);
    line->is_done[slot] = true;
    if (status != ASSAY_OK)
        fail_block(line, block, status, &error);
    pthread_cond_broadcast(&line->changed);
}

static void work_line(void *ctx, uint32_t worker)
{
    struct line *line = ctx;
    pthread_mutex_lock(&line->lock);
    for (;;) {
        bool is_ending = line->is_over || line->failed != UINT64_MAX;
        uint64_t end = line->next_take < line->failed ? line->next_take : line->failed;
        if (is_ending && !line->is_taking && line->next_give == end)
            break;
        if (!line->is_giving && line->next_give < end && line->is_done[line->next_give % line->n_slots])
            give_next(line);
        else if (!line->is_taking && !is_ending && line->next_take - line->next_give < line->n_slots)
            take_and_work(line, worker);
        else
            pthread_cond_wait(&line->changed, &line->lock);
    }
    pthread_mutex_unlock(&line->lock);
}

uint32_t asy_pipeline_slots(uint32_t n_threads)
{
    if (n_threads > ASY_THREADS_MAX)
        n_threads = ASY_THREADS_MAX;
    return n_threads <= 1 ? 1 : 2 * n_threads;
}

assay_status asy_pipeline_run(const struct asy_pipeline *pipeline, uint32_t n_threads, uint32_t n_slots, struct assay_error *error)
{
    ASY_CHECK(n_slots >= 1 && n_slots <= SLOTS_MAX, n_slots, SLOTS_MAX);
    struct line line = {.pipeline = pipeline,
                        .n_slots = n_slots,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER,
                        .failed = UINT64_MAX};
    run_team(n_threads, work_line, &line);
    pthread_cond_destroy(&line.changed);
    pthread_mutex_destroy(&line.lock);
    if (line.failed == UINT64_MAX)
        return ASSAY_OK;
    if (error)
        *error = line.error;
    return line.status;
}
