/* Pieces of work over threads, and blocks through the pipeline: the outcome is that of one thread. */
#include "base/check.h"
#include "base/thread.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

/* ---- pieces ---- */

struct counting {
    uint64_t n_done[1000];
    uint32_t worker_max;
};

static void count_piece(void *ctx, uint32_t worker, uint64_t piece)
{
    struct counting *counting = ctx;
    __atomic_fetch_add(&counting->n_done[piece], 1, __ATOMIC_RELAXED);
    uint32_t seen = __atomic_load_n(&counting->worker_max, __ATOMIC_RELAXED);
    while (worker > seen && !__atomic_compare_exchange_n(&counting->worker_max, &seen, worker, false, __ATOMIC_RELAXED,
                                                         __ATOMIC_RELAXED)) {
    }
}

Test(thread, every_piece_is_done_once)
{
    static const uint32_t threads[] = {0, 1, 2, 7, 1000, UINT32_MAX};
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
        struct counting counting = {0};
        asy_parallel(threads[t], 1000, count_piece, &counting);
        for (int i = 0; i < 1000; i++)
            cr_assert_eq(counting.n_done[i], 1);
        cr_assert_lt(counting.worker_max, threads[t] ? threads[t] : 1);
    }
    struct counting none = {0};
    asy_parallel(4, 0, count_piece, &none);
    cr_assert_eq(none.n_done[0], 0);
}

/* ---- blocks ---- */

enum { N_BLOCKS = 200, N_SLOTS = 64 };
enum step { TAKE, WORK, GIVE };

struct blocks {
    uint64_t n_taken, n_given, n_blocks;
    uint64_t in_slot[N_SLOTS];
    bool is_worked[N_BLOCKS];
    /* block `fails_at[step]` fails in that step; UINT64_MAX: none */
    uint64_t fails_at[3];
    int in_take, in_give; /* atomic: how many are in the step */
    bool is_slow;
};

static assay_status fail_if(const struct blocks *blocks, enum step step, uint64_t block, struct assay_error *error)
{
    if (blocks->fails_at[step] != block)
        return ASSAY_OK;
    error->code = ASSAY_E_DATA;
    snprintf(error->text, sizeof(error->text), "step %d of block %llu", (int)step, (unsigned long long)block);
    return ASSAY_E_DATA;
}

static assay_status take(void *ctx, uint32_t slot, bool *more, struct assay_error *error)
{
    struct blocks *blocks = ctx;
    cr_assert_eq(__atomic_fetch_add(&blocks->in_take, 1, __ATOMIC_SEQ_CST), 0, "two threads take at once");
    *more = blocks->n_taken < blocks->n_blocks;
    assay_status status = fail_if(blocks, TAKE, blocks->n_taken, error);
    if (status == ASSAY_OK && *more)
        blocks->in_slot[slot] = blocks->n_taken++;
    __atomic_fetch_sub(&blocks->in_take, 1, __ATOMIC_SEQ_CST);
    return status;
}

static assay_status work(void *ctx, uint32_t worker, uint32_t slot, struct assay_error *error)
{
    struct blocks *blocks = ctx;
    uint64_t block = blocks->in_slot[slot];
    (void)worker;
    if (blocks->is_slow)
        usleep((useconds_t)(block * 2654435761u % 7 * 100));
    blocks->is_worked[block] = true;
    return fail_if(blocks, WORK, block, error);
}

static assay_status give(void *ctx, uint32_t slot, struct assay_error *error)
{
    struct blocks *blocks = ctx;
    uint64_t block = blocks->in_slot[slot];
    cr_assert_eq(__atomic_fetch_add(&blocks->in_give, 1, __ATOMIC_SEQ_CST), 0, "two threads give at once");
    cr_assert_eq(block, blocks->n_given, "given out of order");
    cr_assert(blocks->is_worked[block], "given before it was worked on");
    assay_status status = fail_if(blocks, GIVE, block, error);
    blocks->n_given += status == ASSAY_OK;
    __atomic_fetch_sub(&blocks->in_give, 1, __ATOMIC_SEQ_CST);
    return status;
}

/* The block that fails first, as one thread would find it: a block is taken, worked on and given before the next. */
static uint64_t first_failure(const uint64_t *fails_at, uint64_t n_blocks, enum step *step)
{
    for (uint64_t b = 0; b <= n_blocks; b++)
        for (int s = TAKE; s <= GIVE; s++)
            if (fails_at[s] == b && (b < n_blocks || s == TAKE)) {
                *step = (enum step)s;
                return b;
            }
    return UINT64_MAX;
}

static void run_case(uint32_t n_threads, uint32_t n_slots, uint64_t n_blocks, const uint64_t *fails_at, bool is_slow)
{
    struct blocks blocks = {.n_blocks = n_blocks, .is_slow = is_slow};
    memcpy(blocks.fails_at, fails_at, sizeof(blocks.fails_at));
    const struct asy_pipeline pipeline = {&blocks, take, work, give};
    struct assay_error error = {0};
    char wanted[64] = "";
    enum step step = TAKE;
    uint64_t failure = first_failure(fails_at, n_blocks, &step);
    assay_status status = asy_pipeline_run(&pipeline, n_threads, n_slots, &error);
    if (failure == UINT64_MAX) {
        cr_assert_eq(status, ASSAY_OK);
        cr_assert_eq(blocks.n_given, n_blocks);
        return;
    }
    snprintf(wanted, sizeof(wanted), "step %d of block %llu", (int)step, (unsigned long long)failure);
    cr_assert_eq(status, ASSAY_E_DATA, "%u threads, %u slots: expected a failure, found status %d", n_threads, n_slots, (int)status);
    cr_assert_str_eq(error.text, wanted);
    cr_assert_eq(blocks.n_given, failure, "expected all blocks before the failing one given, and none behind it");
}

static const uint32_t some_threads[] = {1, 2, 3, 8};

Test(pipeline, all_blocks_come_out_in_order)
{
    static const uint64_t none[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
    for (size_t t = 0; t < ASY_COUNT_OF(some_threads); t++)
        for (uint32_t slots = 1; slots <= 32; slots *= 4)
            for (uint64_t n = 0; n <= N_BLOCKS; n = n < 3 ? n + 1 : n * 5)
                run_case(some_threads[t], slots, n, none, n <= 30);
}

Test(pipeline, the_first_failing_block_decides)
{
    uint64_t random = 20261122;
    printf("seed %llu\n", (unsigned long long)random);
    for (int round = 0; round < 400; round++) {
        uint64_t fails_at[3];
        for (int s = 0; s < 3; s++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            uint64_t at = (random >> 33) % 40;
            fails_at[s] = at < 30 ? at : UINT64_MAX;
        }
        for (size_t t = 0; t < ASY_COUNT_OF(some_threads); t++)
            run_case(some_threads[t], asy_pipeline_slots(some_threads[t]), 30, fails_at, round % 16 == 0);
    }
}

Test(pipeline, slots)
{
    cr_assert_eq(asy_pipeline_slots(0), 1);
    cr_assert_eq(asy_pipeline_slots(1), 1);
    cr_assert_eq(asy_pipeline_slots(2), 4);
    cr_assert_eq(asy_pipeline_slots(100000), 2 * ASY_THREADS_MAX);
}
