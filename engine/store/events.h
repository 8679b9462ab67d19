/* The event log: what every lead did, grouped by lead, in time order, so that a score is one sequential sweep.
 *
 *   first : [ 0 | 3 | 3 | 7 | ... ]  n_leads + 1      events of row r are first[r] .. first[r + 1)
 *   time  : uint32 seconds since 1970 (to 2106-02-07)
 *   name  : uint8 number in the schema
 *   prop  : 0, 1, 2 or 4 bytes: code of the tuple of properties that rules read (0 = none set)
 *
 * Events are first staged: each writer (one a thread) drops them into parts of the log by row range, as they come. Grouping
 * then sorts part after part, each small enough for the caches, by row, time, name, then the bytes of the properties (first
 * property first): a total order made from data, so neither the order of the input nor the number of writers matters. It
 * also gives the tuples new codes, in the order of their bytes: every byte of the log is then the same for any input order,
 * and a larger code is a larger tuple. Tuple codes from before grouping belong to their writer and mean nothing afterwards.
 * Threads: one a writer while staging; then many readers. */
#ifndef ASY_EVENTS_H
#define ASY_EVENTS_H

#include "store/dict.h"
#include "store/schema.h"

struct asy_events_writer;

struct asy_events {
    struct asy_mem *mem;
    struct asy_arena *arena;
    const struct asy_hasher *hasher;
    uint64_t n;              /* grouped events; while staging see asy_events_staged */
    uint32_t n_leads;        /* as asy_events_open was told */
    bool is_open, is_grouped;
    /* grouped */
    struct asy_range first, time, name, prop;
    uint8_t prop_width;
    /* tuples of the schema's `properties`: the values one after the other, then n_properties uint32 lengths; code 0 = all
     * empty. Read them with asy_events_property. Filled by grouping. */
    struct asy_dict tuples;
    uint32_t n_properties;
    /* staging */
    uint64_t n_staged;       /* by all writers; atomic */
    uint32_t n_writers;
    struct asy_events_writer *writers;
    uint32_t part_shift;     /* part of a row: row >> part_shift */
    uint32_t n_parts;
    uint32_t chunk_bytes;    /* what a writer takes for a part at a time: events_internal.h */
    uint32_t chunk_codes_bytes;
};

#define ASY_EVENTS_MAX (UINT32_MAX - 1ull) /* events in one store: `first` is 32 bits wide */

/* Address space that asy_events_init takes from the arena. */
uint64_t asy_events_reserve_bytes(uint32_t n_properties);

assay_status asy_events_init(struct asy_events *events, struct asy_mem *mem, struct asy_arena *arena,
                             const struct asy_hasher *hasher, uint32_t n_properties, struct assay_error *error);
void asy_events_fini(struct asy_events *events);
/* Begin staging, once, when all leads are known: rows are below `n_leads`; writers are numbered 0 .. n_writers - 1 (at least
 * one). ASSAY_E_NOMEM: nothing is open. */
assay_status asy_events_open(struct asy_events *events, uint32_t n_leads, uint32_t n_writers, struct assay_error *error);
/* Stage n events of writer `writer`: rows[i] (ASY_ROW_NONE: left out; else below n_leads, asserted), time_s[i], names[i], and
 * tuples[i] from asy_events_tuple of the same writer (NULL: all 0). ASSAY_E_NOMEM; ASSAY_E_LIMIT beyond ASY_EVENTS_MAX; events
 * before the failing one are then staged. */
assay_status asy_events_stage(struct asy_events *events, uint32_t writer, uint32_t n, const uint32_t *rows,
                              const uint32_t *time_s, const uint8_t *names, const uint32_t *tuples, struct assay_error *error);
/* This writer's code of n_properties values. ASSAY_E_NOMEM, ASSAY_E_LIMIT. */
assay_status asy_events_tuple(struct asy_events *events, uint32_t writer, const struct asy_str *values, uint32_t *code);
/* Value of property `property` in tuple `code` of writer `writer`, before grouping. */
struct asy_str asy_events_staged_property(const struct asy_events *events, uint32_t writer, uint32_t code, uint32_t property);
/* Events staged so far, by all writers. */
uint64_t asy_events_staged(const struct asy_events *events);
/* Value of property `property` in tuple `code` (grouped). */
struct asy_str asy_events_property(const struct asy_events *events, uint32_t code, uint32_t property);
/* Sort and give the staging memory back, once, after the last asy_events_stage, with asy_events_open's `n_leads` (a log that is
 * not open is opened first). ASSAY_E_NOMEM; ASSAY_E_LIMIT where the tuples of all writers are more than a dictionary holds. On
 * failure the events are still staged as they were. */
assay_status asy_events_group(struct asy_events *events, uint32_t n_leads, uint32_t n_threads, struct assay_error *error);
bool asy_events_valid(const struct asy_events *events, const char **reason);

static inline const uint32_t *asy_events_first(const struct asy_events *e) { return (const uint32_t *)e->first.base; }
static inline const uint32_t *asy_events_time(const struct asy_events *e) { return (const uint32_t *)e->time.base; }
static inline const uint8_t *asy_events_name(const struct asy_events *e) { return e->name.base; }
/* Bytes of the log as it is now, staged (what was taken for it) or grouped (tuples not counted). */
uint64_t asy_events_bytes(const struct asy_events *events);
/* Entry i of a `prop` array of `width`. */
static inline uint32_t asy_events_load_prop(const uint8_t *base, uint8_t width, uint64_t i)
{
    if (width == 0)
        return 0;
    if (width == 1)
        return base[i];
    return width == 2 ? ((const uint16_t *)(const void *)base)[i] : ((const uint32_t *)(const void *)base)[i];
}
/* Tuple code of event i (grouped). */
static inline uint32_t asy_events_prop(const struct asy_events *events, uint64_t i)
{
    return asy_events_load_prop(events->prop.base, events->prop_width, i);
}

#endif
