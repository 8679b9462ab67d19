/* What the files of the pass share: pass.c runs batches and their rules, pass_events.c makes what they want of the events. */
#ifndef ASY_PASS_INTERNAL_H
#define ASY_PASS_INTERNAL_H

#include "exec/pass.h"

enum { ASY_PASS_TERMS = 4 };

/* What one worker needs for one batch; made before the pass, reused for every batch. B is the stride. */
struct asy_worker {
    struct asy_cond_scratch cond;
    struct asy_view *views;     /* by slot */
    void **slot_data;           /* by slot: [B] of 8 bytes, where the slot needs a copy of its own */
    uint32_t *end;              /* [B] events of a lead up to as_of, where that is not all */
    uint32_t *window_begin;     /* [B] */
    uint32_t *rows;             /* [B] scratch of the sweep */
    uint32_t *packed;           /* [most counts of a window][B] likewise */
    uint32_t **seen;            /* by window: [n_name_words][B] */
    uint32_t **count;           /* by window: [n_counts + 1][B] */
    uint32_t **any;             /* by window: [B] events of any name */
    uint32_t *last;             /* [n_lasts][B] latest events */
    uint16_t *ages;             /* [n_ages][B] days */
    uint64_t *weighed;          /* [n_weigh][B] */
    int32_t *points;            /* [ASY_PASS_TERMS][B] of the terms that are not in the sums yet */
    uint32_t tags[ASY_PASS_TERMS], n_points;
    int32_t *total;             /* [n_scores][B] */
    int64_t *wide;              /* [B] the sum of a score, if it may be too large for `total` */
    void *keys;                 /* [ASY_TOP_TERMS][B] reasons: uint32_t, or uint64_t */
    uint16_t *tally;            /* [B] */
    uint8_t *bytes;             /* [B] */
    uint16_t *top_term;         /* [B] */
    int32_t *top_points;        /* [B] */
    uint8_t *grade, *disqualified; /* [B] */
    uint16_t *choice;           /* [B] */
    uint64_t *unknown_terms, *unknown_disqualify, *unknown_routes, *unknown_recycle;
};

struct asy_pass {
    const struct asy_program *program;
    const struct asy_kern *kern;
    struct asy_results *results;
    struct asy_summaries *summaries; /* NULL: none */
    struct asy_profile *profile;     /* NULL: none */
    bool is_summed;                  /* they serve the program; else they are made */
    bool is_large;                   /* results do not stay in the caches: write past them */
    uint32_t batch_rows;
    uint32_t stride; /* of matrices: batch_rows and a bit, so that their rows do not compete for the same cache sets */
    struct asy_worker *workers;
    struct asy_pool pool; /* of all workers */
};

/* One batch at work. */
struct asy_batch {
    const struct asy_pass *pass;
    const struct asy_program *program;
    const struct asy_kern *kern;
    struct asy_worker *w;
    uint32_t row0, n;
};

/* Fill seen, count, any, ages and weighed of the worker: all that the program wants of the events. */
void asy_pass_events(struct asy_batch *batch);

#endif
