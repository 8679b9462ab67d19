/* The event log: staging, tuples, reading; see events.h. Sorting is in events_group.c. */
#include "base/check.h"
#include "store/column.h"
#include "store/events.h"

enum { STAGE_STEP = 1 << 16 }; /* events of room that staging asks for at a time */

uint64_t asy_events_reserve_bytes(uint32_t n_properties)
{
    uint64_t event_bytes = 2 * (4 + 1) + 4; /* grouped and staged time and name; staged row */
    if (n_properties)
        event_bytes += 2 * 4;
    return (ASY_EVENTS_MAX + STAGE_STEP) * event_bytes + (ASY_LEADS_MAX + 1ull) * 4;
}

assay_status asy_events_init(struct asy_events *events, struct asy_mem *mem, struct asy_arena *arena,
                             const struct asy_hasher *hasher, uint32_t n_properties, struct assay_error *error)
{
    *events = (struct asy_events){.mem = mem, .arena = arena, .n_properties = n_properties};
    asy_dict_init(&events->tuples, mem, hasher);
    uint64_t cap = ASY_EVENTS_MAX + STAGE_STEP;
    uint64_t tuple_cap_bytes = n_properties ? cap * 4 : 0;
    struct {
        struct asy_range *range;
        uint64_t cap_bytes;
    } ranges[] = {
        {&events->first, (ASY_LEADS_MAX + 1ull) * 4}, {&events->time, cap * 4},   {&events->name, cap},
        {&events->prop, tuple_cap_bytes},             {&events->s_row, cap * 4},  {&events->s_time, cap * 4},
        {&events->s_name, cap},                       {&events->s_prop, tuple_cap_bytes},
    };
    for (uint32_t i = 0; i < ASY_COUNT_OF(ranges); i++) {
        assay_status status = ranges[i].cap_bytes ? asy_arena_range(arena, ranges[i].cap_bytes, ranges[i].range, error)
                                                  : ASSAY_OK;
        if (status != ASSAY_OK)
            return status;
    }
    return ASSAY_OK;
}

void asy_events_fini(struct asy_events *events)
{
    asy_dict_fini(&events->tuples);
    asy_mem_free(events->mem, events->scratch, events->scratch_cap);
    events->scratch = NULL;
    events->scratch_cap = 0;
}

/* ---- staging ---- */

static assay_status stage_more(struct asy_events *events, struct assay_error *error)
{
    uint64_t cap = events->s_cap + STAGE_STEP;
    assay_status status = asy_range_need(&events->s_row, cap * 4, error);
    if (status == ASSAY_OK)
        status = asy_range_need(&events->s_time, cap * 4, error);
    if (status == ASSAY_OK)
        status = asy_range_need(&events->s_name, cap, error);
    if (status == ASSAY_OK && events->n_properties)
        status = asy_range_need(&events->s_prop, cap * 4, error);
    if (status == ASSAY_OK)
        events->s_cap = cap;
    return status;
}

assay_status asy_events_stage(struct asy_events *events, uint32_t row, uint32_t time_s, uint8_t name, uint32_t tuple,
                              struct assay_error *error)
{
    ASY_ASSERT(!events->is_grouped && tuple < events->tuples.n);
    if (events->n >= ASY_EVENTS_MAX)
        return asy_fail(error, ASSAY_E_LIMIT,
                        "event log: events: expected at most %" PRIu64
                        ", found one more; score the database in parts, each with all events of its leads",
                        (uint64_t)ASY_EVENTS_MAX);
    if (events->n == events->s_cap) {
        assay_status status = stage_more(events, error);
        if (status != ASSAY_OK)
            return status;
    }
    uint64_t i = events->n++;
    ((uint32_t *)(void *)events->s_row.base)[i] = row;
    ((uint32_t *)(void *)events->s_time.base)[i] = time_s;
    events->s_name.base[i] = name;
    if (events->n_properties)
        ((uint32_t *)(void *)events->s_prop.base)[i] = tuple;
    return ASSAY_OK;
}

/* ---- tuples ---- */

assay_status asy_events_tuple(struct asy_events *events, const struct asy_str *values, uint32_t *code)
{
    *code = 0;
    uint64_t values_bytes = 0;
    for (uint32_t i = 0; i < events->n_properties; i++)
        values_bytes += values[i].len;
    if (values_bytes == 0)
        return ASSAY_OK;
    uint64_t bytes = values_bytes + events->n_properties * sizeof(uint32_t);
    if (bytes > UINT32_MAX)
        return ASSAY_E_LIMIT;
    if (!asy_mem_grow(events->mem, (void **)&events->scratch, &events->scratch_cap, bytes - 1, 1))
        return ASSAY_E_NOMEM;

    char *at = events->scratch;
    for (uint32_t i = 0; i < events->n_properties; i++)
        if (values[i].len) {
            memcpy(at, values[i].p, values[i].len);
            at += values[i].len;
        }
    for (uint32_t i = 0; i < events->n_properties; i++, at += sizeof(uint32_t))
        memcpy(at, &values[i].len, sizeof(uint32_t));
    return asy_dict_intern(&events->tuples, (struct asy_str){events->scratch, (uint32_t)bytes}, code);
}

struct asy_str asy_events_property(const struct asy_events *events, uint32_t code, uint32_t property)
{
    ASY_ASSERT(code < events->tuples.n && property < events->n_properties);
    if (code == 0)
        return (struct asy_str){"", 0};
    struct asy_str tuple = asy_dict_text(&events->tuples, code);
    const char *lengths = tuple.p + tuple.len - events->n_properties * sizeof(uint32_t);
    struct asy_str value = {tuple.p, 0};
    for (uint32_t i = 0; i <= property; i++) {
        value.p += value.len;
        memcpy(&value.len, lengths + i * sizeof(uint32_t), sizeof(uint32_t));
    }
    return value;
}

/* ---- reading ---- */

uint64_t asy_events_bytes(const struct asy_events *events)
{
    if (events->is_grouped)
        return ((uint64_t)events->n_leads + 1) * 4 + events->n * (4 + 1 + (uint64_t)events->prop_width);
    return events->n * (4 + 4 + 1 + (events->n_properties ? 4u : 0u));
}

static bool tuples_valid(const struct asy_events *events, const char **reason)
{
    if (!asy_dict_valid(&events->tuples, reason))
        return false;
    uint64_t lengths_bytes = events->n_properties * sizeof(uint32_t);
    for (uint32_t code = 1; code < events->tuples.n; code++) {
        struct asy_str tuple = asy_dict_text(&events->tuples, code);
        uint64_t bytes = lengths_bytes;
        for (uint32_t i = 0; i < events->n_properties && tuple.len > lengths_bytes; i++) {
            uint32_t len;
            memcpy(&len, tuple.p + tuple.len - lengths_bytes + i * sizeof(uint32_t), sizeof len);
            bytes += len;
        }
        if (bytes != tuple.len)
            return *reason = "event log: lengths in a tuple differ from its length", false;
    }
    return true;
}

static bool staged_valid(const struct asy_events *events, const char **reason)
{
    if (events->n > events->s_cap)
        return *reason = "event log: more events staged than there is room for", false;
    const uint32_t *prop = (const uint32_t *)(const void *)events->s_prop.base;
    for (uint64_t i = 0; events->n_properties && i < events->n; i++)
        if (prop[i] >= events->tuples.n)
            return *reason = "event log: a staged event has a tuple that does not exist", false;
    return true;
}

static bool in_order(const struct asy_events *events, uint64_t i, uint64_t next)
{
    const uint32_t *time = asy_events_time(events);
    const uint8_t *name = asy_events_name(events);
    if (time[i] != time[next])
        return time[i] < time[next];
    if (name[i] != name[next])
        return name[i] < name[next];
    return asy_events_prop(events, i) <= asy_events_prop(events, next);
}

static bool grouped_valid(const struct asy_events *events, const char **reason)
{
    const uint32_t *first = asy_events_first(events);
    if (first[0] != 0 || first[events->n_leads] != events->n)
        return *reason = "event log: the leads do not cover all events", false;
    for (uint32_t row = 0; row < events->n_leads; row++) {
        if (first[row] > first[row + 1] || first[row + 1] > events->n)
            return *reason = "event log: a lead's events end before they begin", false;
        for (uint64_t i = first[row]; i + 1 < first[row + 1]; i++)
            if (!in_order(events, i, i + 1))
                return *reason = "event log: a lead's events are out of order", false;
    }
    for (uint64_t i = 0; i < events->n; i++)
        if (asy_events_prop(events, i) >= events->tuples.n)
            return *reason = "event log: an event has a tuple that does not exist", false;
    return true;
}

bool asy_events_valid(const struct asy_events *events, const char **reason)
{
    if (events->n > ASY_EVENTS_MAX)
        return *reason = "event log: too many events", false;
    if (!tuples_valid(events, reason))
        return false;
    return events->is_grouped ? grouped_valid(events, reason) : staged_valid(events, reason);
}
