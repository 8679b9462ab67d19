/* What a program wants of the events of every lead, kept by lead: which names occur, how often some do, days since the latest
 * or first of some, decayed sums. A run with summaries reads these instead of the log; only "in the last N days" rules and
 * those that look at single events (where, at_most) still read it.
 *
 *   columns : [ seen | counts ... | ages ... | sums ... ]     one value a lead, as narrow as its largest
 *
 * They belong to one store, as-of and rules' needs: asy_summaries_serve says whether they are the ones a program wants. A run
 * with them gives the same bytes as without. Heap memory through asy_mem.
 * Threads: many workers may fill and read different rows. */
#ifndef ASY_SUMMARIES_H
#define ASY_SUMMARIES_H

#include "exec/program.h"

struct asy_batch;

enum asy_summary_kind { ASY_SUMMARY_SEEN = 1, ASY_SUMMARY_ANY, ASY_SUMMARY_COUNT, ASY_SUMMARY_AGE, ASY_SUMMARY_SUM };

/* What a column says, comparable byte by byte. */
struct asy_summary_of {
    uint32_t kind;
    uint32_t number;          /* SEEN: word; COUNT, SUM: event name */
    bool is_first;            /* AGE */
    struct asy_name_set names;
    uint32_t weight, weight_span, weight_unit_s; /* SUM */
    int64_t within_s;
};

struct asy_summary_column {
    struct asy_summary_of of;
    uint8_t width; /* bytes a lead */
    void *values;
};

struct asy_summaries {
    struct asy_mem *mem;
    const struct asy_store *store; /* NULL: nothing is kept */
    int64_t as_of_s;
    uint32_t n_leads;
    uint64_t n_events;
    uint32_t n_columns;
    struct asy_summary_column *columns;
};

void asy_summaries_init(struct asy_summaries *summaries, struct asy_mem *mem);
/* Drops what is kept; may be filled again. */
void asy_summaries_clear(struct asy_summaries *summaries);
/* Is everything there that `program` wants, of its store and as of its time? */
bool asy_summaries_serve(const struct asy_summaries *summaries, const struct asy_program *program);
/* Empty columns for a pass of `program` to fill, in place of what was kept. ASSAY_E_NOMEM: nothing is kept. */
assay_status asy_summaries_open(struct asy_summaries *summaries, const struct asy_program *program, struct assay_error *error);
/* All rows are filled: make the columns as narrow as they can be. One that finds no memory for that stays wide. */
void asy_summaries_close(struct asy_summaries *summaries);
uint64_t asy_summaries_bytes(const struct asy_summaries *summaries);

/* One batch from the worker's matrices into the columns of its program, and back. */
void asy_summaries_store(struct asy_summaries *summaries, struct asy_batch *batch);
void asy_summaries_load(const struct asy_summaries *summaries, struct asy_batch *batch);

#endif
