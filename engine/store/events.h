/* The event log: what every lead did, grouped by lead, in time order, so that a score is one sequential sweep.
 *
 *   first : [ 0 | 3 | 3 | 7 | ... ]  n_leads + 1      events of row r are first[r] .. first[r + 1)
 *   time  : uint32 seconds since 1970 (to 2106-02-07)
 *   name  : uint8 number in the schema
 *   prop  : 0, 1, 2 or 4 bytes: code of the tuple of properties that rules read (0 = none set)
 *
 * Events are first staged in input order, then asy_events_group sorts them: by row, time, name, then the bytes of the
 * properties (first property first): a total order made from data, so the order of the input does not matter. It also
 * gives the tuples new codes, in the order of their bytes: every byte of the log is then the same for any input order,
 * and a larger code is a larger tuple. Tuple codes from before grouping mean nothing afterwards.
 * Threads: one writer while staging, then many readers. */
#ifndef ASY_EVENTS_H
#define ASY_EVENTS_H

#include "store/dict.h"
#include "store/schema.h"

struct asy_events {
    struct asy_mem *mem;
    struct asy_arena *arena;
    uint64_t n;
    uint32_t n_leads;
    bool is_grouped;
    /* grouped */
    struct asy_range first, time, name, prop;
    uint8_t prop_width;
    /* staged */
    struct asy_range s_row, s_time, s_name, s_prop;
    uint64_t s_cap; /* events the staging ranges have room for */
    /* tuples of the schema's `properties`: the values one after the other, then n_properties uint32 lengths; code 0 = all
     * empty. Read them with asy_events_property. */
    struct asy_dict tuples;
    uint32_t n_properties;
    char *scratch; /* the tuple being made */
    size_t scratch_cap;
};

#define ASY_EVENTS_MAX (UINT32_MAX - 1ull) /* events in one store: `first` is 32 bits wide */

/* Address space that asy_events_init takes from the arena. */
uint64_t asy_events_reserve_bytes(uint32_t n_properties);

assay_status asy_events_init(struct asy_events *events, struct asy_mem *mem, struct asy_arena *arena,
                             const struct asy_hasher *hasher, uint32_t n_properties, struct assay_error *error);
void asy_events_fini(struct asy_events *events);
/* Stage one event. `tuple` from asy_events_tuple (0 without properties). ASSAY_E_LIMIT beyond ASY_EVENTS_MAX. On failure
 * nothing is staged. */
assay_status asy_events_stage(struct asy_events *events, uint32_t row, uint32_t time_s, uint8_t name, uint32_t tuple,
                              struct assay_error *error);
/* Code of n_properties values. */
assay_status asy_events_tuple(struct asy_events *events, const struct asy_str *values, uint32_t *code);
/* Value of property `property` in tuple `code`. */
struct asy_str asy_events_property(const struct asy_events *events, uint32_t code, uint32_t property);
/* Sort and give the staging memory back, once, after the last asy_events_stage; every staged row must be below `n_leads`
 * (else ASSAY_E_PARAM). On failure the events are still staged as they were. */
assay_status asy_events_group(struct asy_events *events, uint32_t n_leads, uint32_t n_threads, struct assay_error *error);
bool asy_events_valid(const struct asy_events *events, const char **reason);

static inline const uint32_t *asy_events_first(const struct asy_events *e) { return (const uint32_t *)e->first.base; }
static inline const uint32_t *asy_events_time(const struct asy_events *e) { return (const uint32_t *)e->time.base; }
static inline const uint8_t *asy_events_name(const struct asy_events *e) { return e->name.base; }
/* Bytes of the log as it is now, staged or grouped (tuples not counted). */
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
