/* What the files of the pass share.
 *
 *   pass.c          runs batches and their rules
 *   pass_events.c   makes what they want of the events
 *   pass_plugins.c  asks plugins about the leads of a batch
 *   pass_stage.c    lays these leads out for a plugin
 *   pass_stops.c    bad leads, and the plugins that are stopped for them */
#ifndef ASY_PASS_INTERNAL_H
#define ASY_PASS_INTERNAL_H

#include "exec/pass.h"

enum { ASY_PASS_TERMS = 4 };

/* What a worker finds out about a call. */
struct asy_call_work {
    struct asy_call_tally tally;
    uint32_t n_bad;
    struct asy_bad_lead bad[ASY_BAD_LEADS_MAX]; /* rows of the store, ascending: those of its first batches are the lowest */
    uint32_t n_flukes;
    struct asy_fault fluke;
};
/* What a call said about a batch, until the next one is asked. */
struct asy_asked {
    const uint32_t *rows;  /* of the batch, by row of the stage; NULL: these are the same */
    uint32_t n;            /* rows of the stage */
    const struct asy_stage *stage;
};

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
    uint16_t *stage;            /* [B] of the lifecycle: 1 + number */
    uint64_t *unknown_terms, *unknown_disqualify, *unknown_stages, *unknown_routes, *unknown_recycle, *unknown_segments;
    /* Plugins; all NULL without any. */
    struct asy_call_work *calls; /* by call */
    uint32_t rank_end;          /* calls of this rank and later ones are not asked in this batch: the pass will be done again */
    uint8_t **empty;            /* by score: [B] 1 where it is empty; NULL where it never is */
    bool has_empties;           /* in this batch */
    struct asy_asked asked;
    uint32_t *asked_rows;       /* [B] */
    int64_t *wide_ints;         /* [B] */
    uint8_t *t, *k;             /* [B] */
    uint32_t *owner, *due_s;    /* [B] what plugins name; NULL where none does */
};

/* How a call fares, for all workers: counts, and the last batch in which it is asked. */
struct asy_call_watch {
    uint64_t n_bad, n_flukes, last_piece; /* atomic */
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
    uint32_t n_workers;
    struct asy_worker *workers;
    struct asy_pool pool; /* of all workers, and of what follows */
    struct asy_call_watch *watches;  /* by call */
    uint64_t last_begun;             /* atomic: the batches up to it are begun */
    uint32_t **owner_codes;          /* by call: code in results->owners of each target; NULL: nobody asks for it */
};

/* One batch at work. */
struct asy_batch {
    const struct asy_pass *pass;
    const struct asy_program *program;
    const struct asy_kern *kern;
    struct asy_worker *w;
    uint32_t lane;  /* of the worker */
    uint64_t piece; /* number of the batch */
    uint32_t row0, n;
};

/* Fill seen, count, any, ages and weighed of the worker: all that the program wants of the events. */
void asy_pass_events(struct asy_batch *batch);

/* pass_plugins.c */

/* Points of a plugin's term for all leads of the batch; 0 where it has no verdict, and there its score is empty. Returns for how many. */
uint32_t asy_pass_points(struct asy_batch *batch, const struct asy_term *term, int32_t *points);
/* Masks of a plugin's decision over the leads whose `choice` is 0, or all (NULL): unknown where it has no verdict. They last until
 * somebody else is asked. */
void asy_pass_verdicts(struct asy_batch *batch, uint32_t call, const uint16_t *choice, const uint8_t **t, const uint8_t **k);
/* The owners or due times of the leads whose `choice` is `number`: those that the call that was asked last has just won. */
void asy_pass_take_details(struct asy_batch *batch, uint32_t call, uint16_t number, const uint16_t *choice);
/* Make unknown what a condition says where something that it reads is empty. */
void asy_pass_hide(struct asy_batch *batch, const struct asy_reads *reads, const uint8_t **t, const uint8_t **k);
/* The score is complete: where it has nothing to say it is empty and 0. */
void asy_pass_empty_score(struct asy_batch *batch, uint32_t score);
/* Room in a worker, the owners that plugins name. */
bool asy_pass_plugins_worker(struct asy_pass *pass, struct asy_worker *worker);
assay_status asy_pass_plugins_open(struct asy_pass *pass, struct assay_error *error);
/* Before each batch. */
void asy_pass_plugins_batch(struct asy_batch *batch);

/* pass_stage.c: the columns and keys of `rows` (NULL: all) into a stage. */
void asy_pass_stage(struct asy_batch *batch, uint32_t call, const uint32_t *rows, uint32_t n, struct asy_stage *stage);

/* pass_stops.c */

/* Nobody is stopped, nothing noted. */
void asy_pass_stops_begin(struct asy_pass *pass);
/* The batch begins: which calls are asked in it. False: none has to be, and no result of it will be kept. */
bool asy_pass_stops_batch(struct asy_batch *batch);
/* What went wrong while a call was asked about the batch. */
void asy_pass_stops_note(struct asy_batch *batch, uint32_t call, const struct asy_judgement *judgement);
/* All batches are done. True: one more plugin is stopped, everything that was counted is forgotten, and the pass has to be done again. */
bool asy_pass_stops_again(struct asy_pass *pass);
/* It was not done in vain: tallies and notes go to the results. */
void asy_pass_stops_end(struct asy_pass *pass);

#endif
