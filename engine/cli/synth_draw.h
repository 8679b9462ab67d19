/* What leads and events of synth share: the generator, lead ids, how eager a lead is, and the row buffer. */
#ifndef ASY_CLI_SYNTH_DRAW_H
#define ASY_CLI_SYNTH_DRAW_H

#include "cli/synth.h"

/* -- drawing ---------------------------------------------------------------------------------------------------- */

struct asy_draw {
    uint64_t state;
};

static inline uint64_t asy_draw_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* A stream of its own for thing number `number` of kind `kind`. */
static inline struct asy_draw asy_draw_stream(uint64_t seed, uint64_t kind, uint64_t number)
{
    return (struct asy_draw){asy_draw_mix(seed + asy_draw_mix(kind * 0x9e3779b97f4a7c15u + asy_draw_mix(number)))};
}
static inline uint64_t asy_draw_bits(struct asy_draw *draw)
{
    draw->state += 0x9e3779b97f4a7c15u;
    return asy_draw_mix(draw->state);
}
/* 0 .. n - 1. The bias of the multiplication is below n / 2^32: nothing that shows in made-up data. */
static inline uint32_t asy_draw_below(struct asy_draw *draw, uint32_t n)
{
    return (uint32_t)((asy_draw_bits(draw) >> 32) * n >> 32);
}
static inline bool asy_draw_percent(struct asy_draw *draw, uint32_t percent)
{
    return asy_draw_below(draw, 100) < percent;
}

enum asy_draw_kind { ASY_DRAW_LEAD = 1, ASY_DRAW_COMPANY, ASY_DRAW_HABIT, ASY_DRAW_EVENTS, ASY_DRAW_ID };

/* -- leads ------------------------------------------------------------------------------------------------------ */

enum { ASY_SYNTH_ID_BYTES = 18 };

/* Ids as a CRM makes them: a shared prefix, five base-62 digits of a number permuted by the seed, and three characters that tell
 * the case of the fifteen before, so that ids differ even where case is ignored. */
void asy_synth_id(uint64_t seed, uint32_t lead, char out[ASY_SYNTH_ID_BYTES]);

/* How a lead behaves. Ages in days before as_of. */
struct asy_habit {
    uint8_t intent;      /* 0 looking around, 1 interested, 2 wants to buy */
    uint32_t weight;     /* share of all events beyond the first; 0: the lead has none at all */
    uint32_t last_days;  /* about when it was last seen */
    uint32_t first_days; /* not below last_days */
};
struct asy_habit asy_synth_habit(uint64_t seed, uint32_t lead);

/* -- rows ------------------------------------------------------------------------------------------------------- */

enum { ASY_SYNTH_BUFFER_BYTES = 1 << 20, ASY_SYNTH_ROW_MAX_BYTES = 1 << 13 };

struct asy_synth_rows {
    const struct asy_synth_sink *sink;
    struct asy_mem *mem;
    char *p;
    size_t len;
    uint64_t n_rows;
};

assay_status asy_synth_rows_init(struct asy_synth_rows *rows, struct asy_mem *mem, const struct asy_synth_sink *sink,
                                 struct assay_error *error);
void asy_synth_rows_fini(struct asy_synth_rows *rows);
/* Hand everything on. */
assay_status asy_synth_rows_flush(struct asy_synth_rows *rows, struct assay_error *error);
/* After each row: hands on when another row might not fit. */
static inline assay_status asy_synth_rows_next(struct asy_synth_rows *rows, struct assay_error *error)
{
    rows->n_rows++;
    return rows->len + ASY_SYNTH_ROW_MAX_BYTES <= ASY_SYNTH_BUFFER_BYTES ? ASSAY_OK : asy_synth_rows_flush(rows, error);
}
static inline void asy_synth_put(struct asy_synth_rows *rows, const char *bytes, size_t n)
{
    memcpy(rows->p + rows->len, bytes, n);
    rows->len += n;
}
assay_status asy_synth_progress(const struct asy_synth_sink *sink, uint64_t n_rows, uint64_t done, uint64_t total,
                                struct assay_error *error);

#endif
