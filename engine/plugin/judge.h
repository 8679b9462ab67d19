/* Judging rows of a lane and finding the guilty ones when that fails, over whatever runs them: a worker process or this one. */
#ifndef ASY_PLUGIN_JUDGE_H
#define ASY_PLUGIN_JUDGE_H

#include "plugin/plugin.h"

struct asy_judge {
    void *ctx;
    /* Rows first .. first + n - 1 into `stage`; its counters become what they add. False: *fault. */
    bool (*run)(void *ctx, uint32_t first, uint32_t n, struct asy_fault *fault);
    void (*renew)(void *ctx); /* the next run shall begin afresh, as after create() */
    const struct asy_plugin_decl *decl;
    struct asy_stage *stage;
    uint32_t n_targets;
};

/* As asy_bound_judge. */
void asy_judge_rows(const struct asy_judge *judge, uint32_t n, struct asy_judgement *out);

#endif
