/* The event log: opening, staging, reading; see events.h. Tuples are in events_tuples.c, grouping is in events_group.c. */
#include "base/check.h"
#include "store/column.h"
#include "store/events_internal.h"
#include "store/index.h"

enum {
    PARTS_MAX = 1024,            /* as many places are written to at a time: more of them leave the caches */
    PARTS_MIN = 32,              /* so that threads have something to share */
    PART_ROWS = 2048,            /* wanted; about 20 events each fit into a core's cache */
    PART_SHIFT_MIN = 6,
    CHUNK_MIN_BYTES = 512,
    CHUNK_MAX_BYTES = 4096,
    CHUNKS_BYTES = 4 << 20,      /* half of the last chunks is empty: that much for all writers is little */
    SLAB_MIN_CHUNKS = 4,
    SLAB_MAX_BYTES = 32 << 20,
    SLAB_SHARE = 4,              /* a slab is at most this part of what the writer has already */
};

/* ---- life ---- */

uint64_t asy_events_reserve_bytes(uint32_t n_properties)
{
    return ASY_EVENTS_MAX * (4 + 1 + (n_properties ? 4 : 0)) + (ASY_LEADS_MAX + 1ull) * 4;
}

assay_status asy_events_init(struct asy_events *events, struct asy_mem *mem, struct asy_arena *arena,
                             const struct asy_hasher *hasher, uint32_t n_properties, struct assay_error *error)
{
    *events = (struct asy_events){.mem = mem, .arena = arena, .hasher = hasher, .n_properties = n_properties};
    asy_dict_init(&events->tuples, mem, hasher);
    struct {
        struct asy_range *range;
        uint64_t cap_bytes;
    } ranges[] = {
        {&events->first, (ASY_LEADS_MAX + 1ull) * 4},
        {&events->time, ASY_EVENTS_MAX * 4},
        {&events->name, ASY_EVENTS_MAX},
        {&events->prop, n_properties ? ASY_EVENTS_MAX * 4 : 0},
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
    asy_events_drop_staged(events);
}

void asy_events_drop_staged(struct asy_events *events)
{
    struct asy_mem *mem = events->mem;
    for (uint32_t w = 0; w < events->n_writers; w++) {
        struct asy_events_writer *writer = &events->writers[w];
        for (size_t i = 0; i < writer->n_slabs; i++)
            asy_mem_free(mem, writer->slabs[i].p, writer->slabs[i].bytes);
        asy_mem_free(mem, writer->slabs, writer->slabs_cap * sizeof *writer->slabs);
        asy_mem_free(mem, writer->chunks, writer->chunks_cap * sizeof *writer->chunks);
        asy_mem_free(mem, writer->next, events->n_parts * sizeof *writer->next);
        asy_mem_free(mem, writer->scratch, writer->scratch_cap);
        asy_dict_fini(&writer->tuples);
    }
    asy_mem_free(mem, events->writers, events->n_writers * sizeof *events->writers);
    events->writers = NULL;
    events->n_writers = 0;
    events->n_staged = 0;
}

/* Parts of at least PART_ROWS leads, unless there would be too few of them, or too many. */
static void divide_rows(struct asy_events *events, uint32_t n_leads)
{
    uint32_t n_wanted = n_leads / PART_ROWS;
    n_wanted = n_wanted < PARTS_MIN ? PARTS_MIN : n_wanted > PARTS_MAX ? PARTS_MAX : n_wanted;
    uint32_t shift = PART_SHIFT_MIN;
    while (n_leads > (uint64_t)n_wanted << shift)
        shift++;
    ASY_CHECK(shift <= ASY_STAGED_ROW_BITS, shift, n_leads);
    events->part_shift = shift;
    events->n_parts = n_leads == 0 ? 1 : ((n_leads - 1) >> shift) + 1;
}

static void choose_chunks(struct asy_events *events, uint32_t n_writers)
{
    uint32_t bytes = CHUNK_MAX_BYTES;
    while (bytes > CHUNK_MIN_BYTES && (uint64_t)bytes * events->n_parts * n_writers > CHUNKS_BYTES)
        bytes /= 2;
    events->chunk_bytes = bytes;
    events->chunk_codes_bytes = 0;
    if (events->n_properties) {
        uint32_t n_events = bytes / (sizeof(uint64_t) + sizeof(uint32_t));
        events->chunk_codes_bytes = bytes - n_events * (uint32_t)sizeof(uint64_t);
    }
}

assay_status asy_events_open(struct asy_events *events, uint32_t n_leads, uint32_t n_writers, struct assay_error *error)
{
    ASY_CHECK(!events->is_open && n_writers > 0 && n_leads <= ASY_LEADS_MAX, n_writers, n_leads);
    divide_rows(events, n_leads);
    choose_chunks(events, n_writers);
    events->writers = asy_mem_alloc_n(events->mem, n_writers, sizeof *events->writers);
    bool has_memory = events->writers != NULL;
    events->n_writers = has_memory ? n_writers : 0;
    for (uint32_t w = 0; w < events->n_writers; w++) {
        asy_dict_init(&events->writers[w].tuples, events->mem, events->hasher);
        events->writers[w].next = asy_mem_alloc_n(events->mem, events->n_parts, sizeof *events->writers[w].next);
        has_memory &= events->writers[w].next != NULL;
    }
    if (!has_memory) {
        asy_events_drop_staged(events);
        return asy_fail(error, ASSAY_E_NOMEM, "event log: expected memory for %u writers, found none", n_writers);
    }
    events->n_leads = n_leads;
    events->is_open = true;
    return ASSAY_OK;
}

/* ---- staging ---- */

static bool begin_slab(const struct asy_events *events, struct asy_events_writer *writer)
{
    if (!asy_mem_grow(events->mem, (void **)&writer->slabs, &writer->slabs_cap, writer->n_slabs, sizeof *writer->slabs))
        return false;
    uint64_t bytes = writer->slab_bytes / SLAB_SHARE;
    if (bytes < (SLAB_MIN_CHUNKS + 1) * events->chunk_bytes) /* one is lost to alignment */
        bytes = (SLAB_MIN_CHUNKS + 1) * events->chunk_bytes;
    if (bytes > SLAB_MAX_BYTES)
        bytes = SLAB_MAX_BYTES;
    void *p = asy_mem_alloc(events->mem, bytes);
    if (!p)
        return false;
    uintptr_t mask = events->chunk_bytes - 1;
    uintptr_t start = ((uintptr_t)p + mask) & ~mask;
    writer->fresh = (uint8_t *)start;
    writer->n_fresh = (uint32_t)(((uintptr_t)p + bytes - start) / events->chunk_bytes);
    writer->slabs[writer->n_slabs++] = (struct asy_events_slab){.p = p, .bytes = bytes};
    writer->slab_bytes += bytes;
    return true;
}

/* The first place of a new chunk for `part`; NULL without memory, nothing has changed then. */
static uint64_t *begin_chunk(const struct asy_events *events, struct asy_events_writer *writer, uint32_t part)
{
    enum { LINE_EVENTS = 64 / sizeof(uint64_t) };
    if (!asy_mem_grow(events->mem, (void **)&writer->chunks, &writer->chunks_cap, writer->n_chunks, sizeof *writer->chunks) ||
        (writer->n_fresh == 0 && !begin_slab(events, writer)))
        return NULL;
    uint64_t *start = (uint64_t *)(void *)(writer->fresh + events->chunk_codes_bytes);
    if (!writer->next[part]) {
        uint32_t n_lines = (events->chunk_bytes - events->chunk_codes_bytes) / 64;
        start += part % n_lines * LINE_EVENTS;
    }
    uint32_t slab = (uint32_t)writer->n_slabs - 1;
    writer->chunks[writer->n_chunks++] = (struct asy_events_chunk){.events = start, .part = part, .slab = slab};
    writer->slabs[slab].n_chunks++;
    writer->fresh += events->chunk_bytes;
    writer->n_fresh--;
    return start;
}

/* What is staged: n events, as asy_events_stage is given them. */
struct batch {
    uint32_t n;
    const uint32_t *rows, *time_s;
    const uint8_t *names;
    const uint32_t *tuples;
};

/* How many were staged: all, or those up to where memory ended. `has_codes` is a constant at each call. */
static inline __attribute__((always_inline)) uint32_t stage(const struct asy_events *events, struct asy_events_writer *writer,
                                                            const struct batch *batch, bool has_codes)
{
    const uint32_t *rows = batch->rows, *time_s = batch->time_s, n = batch->n;
    const uint8_t *names = batch->names;
    const uint32_t n_leads = events->n_leads, shift = events->part_shift;
    const uint32_t row_mask = (1u << shift) - 1;
    const uintptr_t chunk_mask = events->chunk_bytes - 1;
    uint64_t **next = writer->next;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows[i];
        if (row >= n_leads) {
            ASY_CHECK(row == ASY_ROW_NONE, row, n_leads);
            continue;
        }
        uint64_t *at = next[row >> shift];
        if (((uintptr_t)at & chunk_mask) == 0) {
            at = begin_chunk(events, writer, row >> shift);
            if (!at)
                return i;
        }
        *at = (uint64_t)(row & row_mask) << ASY_STAGED_ROW_SHIFT | (uint64_t)time_s[i] << ASY_STAGED_TIME_SHIFT | names[i];
        if (has_codes) {
            uint32_t code = batch->tuples ? batch->tuples[i] : 0;
            ASY_ASSERT(code < writer->tuples.n);
            *asy_staged_codes(events, at) = code;
        }
        next[row >> shift] = at + 1;
    }
    return n;
}

static uint32_t count_rows(const uint32_t *rows, uint32_t n)
{
    enum { STEP = 32 }; /* known to the compiler: it then compares several at once */
    const uint32_t *end = rows + n;
    uint32_t n_none = 0;
    for (; end - rows >= STEP; rows += STEP)
        for (uint64_t k = 0; k < STEP; k++)
            n_none += rows[k] == ASY_ROW_NONE ? 1 : 0;
    for (; rows < end; rows++)
        n_none += *rows == ASY_ROW_NONE;
    return n - n_none;
}

/* The first entries of `rows` with at most n_rows rows among them. */
static uint32_t first_rows(const uint32_t *rows, uint32_t n, uint64_t n_rows)
{
    uint32_t i = 0;
    for (; i < n && (n_rows > 0 || rows[i] == ASY_ROW_NONE); i++)
        n_rows -= rows[i] != ASY_ROW_NONE;
    return i;
}

assay_status asy_events_stage(struct asy_events *events, uint32_t writer_number, uint32_t n, const uint32_t *rows,
                              const uint32_t *time_s, const uint8_t *names, const uint32_t *tuples, struct assay_error *error)
{
    ASY_CHECK(events->is_open && !events->is_grouped && writer_number < events->n_writers, writer_number, events->n_writers);
    struct asy_events_writer *writer = &events->writers[writer_number];
    /* All are announced first, so that writers that run at the same time cannot pass the limit together. */
    uint32_t n_wanted = count_rows(rows, n);
    uint64_t n_before = __atomic_fetch_add(&events->n_staged, n_wanted, __ATOMIC_RELAXED);
    uint64_t n_left = n_before < ASY_EVENTS_MAX ? ASY_EVENTS_MAX - n_before : 0;
    bool is_too_many = n_wanted > n_left;
    struct batch batch = {is_too_many ? first_rows(rows, n, n_left) : n, rows, time_s, names, tuples};
    uint32_t n_done = events->n_properties ? stage(events, writer, &batch, true) : stage(events, writer, &batch, false);
    if (n_done == n)
        return ASSAY_OK;

    __atomic_fetch_sub(&events->n_staged, count_rows(rows + n_done, n - n_done), __ATOMIC_RELAXED);
    if (n_done < batch.n)
        return asy_fail(error, ASSAY_E_NOMEM, "event log: expected memory for more events, found none");
    return asy_fail(error, ASSAY_E_LIMIT,
                    "event log: events: expected at most %" PRIu64
                    ", found one more; score the database in parts, each with all events of its leads",
                    (uint64_t)ASY_EVENTS_MAX);
}

uint64_t asy_events_staged(const struct asy_events *events)
{
    return __atomic_load_n(&events->n_staged, __ATOMIC_RELAXED);
}

/* ---- reading ---- */

uint64_t asy_events_bytes(const struct asy_events *events)
{
    if (events->is_grouped)
        return ((uint64_t)events->n_leads + 1) * 4 + events->n * (4 + 1 + (uint64_t)events->prop_width);
    uint64_t bytes = 0;
    for (uint32_t w = 0; w < events->n_writers; w++) {
        const struct asy_events_writer *writer = &events->writers[w];
        bytes += writer->slab_bytes + writer->chunks_cap * sizeof *writer->chunks + writer->slabs_cap * sizeof *writer->slabs +
                 events->n_parts * sizeof *writer->next + sizeof *writer;
    }
    return bytes;
}

static bool tuples_valid(const struct asy_dict *tuples, uint32_t n_properties, const char **reason)
{
    if (!asy_dict_valid(tuples, reason))
        return false;
    uint64_t lengths_bytes = n_properties * sizeof(uint32_t);
    for (uint32_t code = 1; code < tuples->n; code++) {
        struct asy_str tuple = asy_dict_text(tuples, code);
        uint64_t bytes = lengths_bytes;
        for (uint32_t i = 0; i < n_properties && tuple.len > lengths_bytes; i++) {
            uint32_t len;
            memcpy(&len, tuple.p + tuple.len - lengths_bytes + i * sizeof(uint32_t), sizeof len);
            bytes += len;
        }
        if (bytes != tuple.len)
            return *reason = "event log: lengths in a tuple differ from its length", false;
    }
    return true;
}

static bool chunk_valid(const struct asy_events *events, const struct asy_events_writer *writer,
                        const struct asy_events_chunk *chunk, const char **reason)
{
    uint32_t n = asy_staged_chunk_n(events, writer, chunk);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t row = ((uint64_t)chunk->part << events->part_shift) + (chunk->events[i] >> ASY_STAGED_ROW_SHIFT);
        if (row >= events->n_leads || row >> events->part_shift != chunk->part)
            return *reason = "event log: a staged event has a row that is not of its part", false;
        if (events->n_properties && asy_staged_codes(events, chunk->events)[i] >= writer->tuples.n)
            return *reason = "event log: a staged event has a tuple that does not exist", false;
    }
    return true;
}

static bool staged_valid(const struct asy_events *events, const char **reason)
{
    uint64_t n = 0;
    for (uint32_t w = 0; w < events->n_writers; w++) {
        const struct asy_events_writer *writer = &events->writers[w];
        if (!tuples_valid(&writer->tuples, events->n_properties, reason))
            return false;
        for (size_t i = 0; i < writer->n_chunks; i++) {
            const struct asy_events_chunk *chunk = &writer->chunks[i];
            if (chunk->part >= events->n_parts || chunk->slab >= writer->n_slabs)
                return *reason = "event log: a chunk belongs to a part or a slab that does not exist", false;
            if (!chunk_valid(events, writer, chunk, reason))
                return false;
            n += asy_staged_chunk_n(events, writer, chunk);
        }
    }
    return n == events->n_staged ? true : (*reason = "event log: the chunks do not hold as many events as were staged", false);
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
    if (events->n > ASY_EVENTS_MAX || events->n_staged > ASY_EVENTS_MAX)
        return *reason = "event log: too many events", false;
    if (!tuples_valid(&events->tuples, events->n_properties, reason))
        return false;
    return events->is_grouped ? grouped_valid(events, reason) : staged_valid(events, reason);
}
