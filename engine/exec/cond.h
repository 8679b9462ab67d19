/* Conditions over batches: a typed CEL tree becomes a flat list of column operations that leave two byte masks, is-true
 * and is-known.
 *
 * What a tree turns into, best first:
 *   - a part that reads one coded column (text, enum, bool, country, grade) is evaluated once per code and becomes a
 *     table look-up, however complicated it is;
 *   - a comparison of an integer, number or time column with a constant is one kernel;
 *   - && || ! are mask kernels;
 *   - everything else runs operation by operation over columns of values, through asy_cel_apply.
 * A part that stands in several conditions of a program is evaluated once a batch, and its table is made once.
 *
 * Threads: a compiled condition is read-only; scratch belongs to one worker. */
#ifndef ASY_COND_H
#define ASY_COND_H

#include "kern/kern.h"
#include "rule/cel.h"

enum asy_slot_repr {
    ASY_SLOT_CODES,   /* 1, 2 or 4 bytes a row; 0 is empty */
    ASY_SLOT_INTS,    /* whole numbers as the view's `ints` says */
    ASY_SLOT_TIMES,   /* int64 microseconds, INT64_MIN empty */
    ASY_SLOT_NUMBERS, /* double, NaN empty */
    ASY_SLOT_VALUES,  /* struct asy_cel_value */
};

/* One distinct input of all conditions of a program: filled once a batch, read by all. */
struct asy_slot {
    struct asy_cel_input input;
    uint8_t repr;
    uint32_t n_codes; /* CODES: valid codes are 0 .. n_codes - 1 */
    uint32_t window, row; /* where the pass finds counts and ages of events; set by the program */
};

/* A part of some condition: equal parts are one. */
struct asy_cond_part {
    const struct asy_cel_node *node;
    uint64_t hash;
    const uint8_t *bits; /* of a part that reads one coded column; else NULL */
    uint32_t shared;     /* 1 + number of the masks that keep it for the others of its kind; 0: it stands alone */
};

/* What the compiler must know about the data. */
struct asy_slots {
    struct asy_slot *items;
    uint32_t n, cap;
    struct asy_pool *pool;
    void *ctx;
    /* Set repr and n_codes of a slot whose input is set. */
    void (*describe)(void *ctx, struct asy_slot *slot);
    /* Value of a code of a CODES slot (NULL type for code 0). */
    struct asy_cel_value (*code_value)(void *ctx, const struct asy_slot *slot, uint32_t code);
    /* The code > 0 whose value is exactly this text; 0: there is none. */
    uint32_t (*find_code)(void *ctx, const struct asy_slot *slot, struct asy_str text);
    int64_t now_s;
    /* The compiler's own, zero at first. */
    struct asy_cond_part *parts;
    uint32_t n_parts, parts_cap, n_shared;
    uint32_t *part_slots; /* open addressing: part + 1, 0 free; at most half full */
    uint32_t n_part_slots;
};
/* Number of the slot of `input`, added if new; UINT32_MAX without memory. */
uint32_t asy_slots_need(struct asy_slots *slots, const struct asy_cel_input *input);

/* The data of one slot in one batch. */
struct asy_view {
    const void *data;
    uint8_t width; /* CODES: bytes a row */
    uint8_t ints;  /* INTS: enum asy_ints */
};

struct asy_cond;
struct asy_cond_depth { /* registers that a condition needs; the maximum over all is the size of the scratch */
    uint32_t n_masks, n_values, n_shared;
};
/* Compile for the data at hand. NULL without memory. Lives in slots->pool. */
struct asy_cond *asy_cond_compile(struct asy_slots *slots, const struct asy_cel_node *node, struct asy_cond_depth *depth);

struct asy_cond_scratch {
    uint32_t n_rows; /* capacity */
    uint8_t *masks;  /* [n_masks][2][n_rows]: t, then k */
    uint8_t *shared; /* [n_shared][2][n_rows]: parts that several conditions have */
    uint64_t *shared_batch; /* [n_shared]: the batch that each was made for */
    uint64_t batch;
    struct asy_cel_value *values; /* [n_values][n_rows] */
    int64_t *days;   /* [n_rows] */
    struct asy_pool text; /* made on the way; reset at each run. Once it has_failed, what comes out is wrong */
};
bool asy_cond_scratch_init(struct asy_cond_scratch *scratch, struct asy_mem *mem, struct asy_cond_depth depth,
                           uint32_t n_rows);
void asy_cond_scratch_fini(struct asy_cond_scratch *scratch, struct asy_mem *mem, struct asy_cond_depth depth);

/* The views are about to change, or what they point at: forget what was kept of them. */
static inline void asy_cond_next_batch(struct asy_cond_scratch *scratch) { scratch->batch++; }
/* Evaluate over rows 0 .. n - 1 of the views. *t and *k point into the scratch until its next use. */
void asy_cond_run(const struct asy_cond *cond, const struct asy_kern *kern, const struct asy_view *views, uint32_t n,
                  struct asy_cond_scratch *scratch, const uint8_t **t, const uint8_t **k);

#endif
