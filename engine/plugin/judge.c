/* Judging, see judge.h. A run that fails is halved; a run that ended well and left one impossible verdict names the row itself. By the
 * contract of assay/plugin.h a verdict does not depend on the others in its batch, so what was halved adds up to what was whole. */
#include "plugin/judge.h"

#define NO_ROW UINT32_MAX

enum { CONFIRMATIONS = 2 };

struct finder {
    const struct asy_judge *judge;
    struct asy_judgement *out;
    uint64_t counters[ASSAY_COUNTERS_MAX];
};

/* False: *fault, and *row if it is known which one. */
static bool run(struct finder *finder, uint32_t first, uint32_t n, uint32_t *row, struct asy_fault *fault)
{
    const struct asy_judge *judge = finder->judge;
    *row = NO_ROW;
    *fault = (struct asy_fault){0};
    const bool is_good = judge->run(judge->ctx, first, n, fault) && asy_stage_check(judge->stage, judge->decl, judge->n_targets, first, n, row, fault);
    if (!is_good) judge->renew(judge->ctx);
    return is_good;
}

static void accept(struct finder *finder)
{
    for (uint32_t i = 0; i < ASSAY_COUNTERS_MAX; i++) finder->counters[i] += finder->judge->stage->counters[i];
}

static void add_fluke(struct finder *finder, const struct asy_fault *fault)
{
    finder->out->fluke = *fault;
    if (++finder->out->n_flukes > ASY_FLUKES_MAX) finder->out->is_given_up = true;
}

static void add_bad(struct finder *finder, uint32_t row, const struct asy_fault *fault)
{
    struct asy_judgement *out = finder->out;
    uint32_t at = out->n_bad++;
    for (; at > 0 && out->bad[at - 1].row > row; at--) out->bad[at] = out->bad[at - 1];
    out->bad[at] = (struct asy_bad_lead){.row = row, .fault = *fault};
    if (out->n_bad == ASY_BAD_LEADS_MAX) out->is_given_up = true;
}

/* Row `row` has failed alone. Does it again, in the state after create()? Else its verdict is taken. */
static bool is_confirmed(struct finder *finder, uint32_t row, const struct asy_fault *fault)
{
    uint32_t known;
    struct asy_fault again;
    for (uint32_t i = 0; i < CONFIRMATIONS; i++) {
        finder->judge->renew(finder->judge->ctx);
        if (run(finder, row, 1, &known, &again)) {
            accept(finder);
            add_fluke(finder, fault);
            return false;
        }
    }
    add_bad(finder, row, fault);
    return true;
}

static void find(struct finder *finder, uint32_t first, uint32_t n);

static void find_halves(struct finder *finder, uint32_t first, uint32_t n)
{
    find(finder, first, n / 2);
    find(finder, first + n / 2, n - n / 2);
}

/* Row `row` of a run that ended well has no good verdict. */
static void find_around(struct finder *finder, uint32_t first, uint32_t n, uint32_t row, const struct asy_fault *fault)
{
    uint32_t known;
    struct asy_fault alone;
    finder->judge->renew(finder->judge->ctx);
    if (run(finder, row, 1, &known, &alone)) {
        /* Not this row's fault but that of its company. */
        add_fluke(finder, fault);
        find_halves(finder, first, n);
        return;
    }
    is_confirmed(finder, row, &alone);
    find(finder, first, row - first);
    find(finder, row + 1, first + n - (row + 1));
}

static void find(struct finder *finder, uint32_t first, uint32_t n)
{
    uint32_t row;
    struct asy_fault fault;
    if (n == 0 || finder->out->is_given_up) return;
    if (run(finder, first, n, &row, &fault)) {
        accept(finder);
        return;
    }
    const uint32_t n_found = finder->out->n_bad + finder->out->n_flukes;
    if (n == 1) is_confirmed(finder, first, &fault);
    else if (row != NO_ROW) find_around(finder, first, n, row, &fault);
    else find_halves(finder, first, n);
    if (finder->out->n_bad + finder->out->n_flukes == n_found) add_fluke(finder, &fault);
}

void asy_judge_rows(const struct asy_judge *judge, uint32_t n, struct asy_judgement *out)
{
    struct finder finder = {.judge = judge, .out = out};
    struct asy_stage *stage = judge->stage;
    *out = (struct asy_judgement){0};
    find(&finder, 0, n);
    if (out->is_given_up) {
        memset(finder.counters, 0, sizeof(finder.counters));
        memset(stage->reason, 0xff, n * sizeof(*stage->reason));
    }
    for (uint32_t i = 0; i < out->n_bad; i++) stage->reason[out->bad[i].row] = ASY_REASON_UNWRITTEN;
    memcpy(stage->counters, finder.counters, sizeof(finder.counters));
}
