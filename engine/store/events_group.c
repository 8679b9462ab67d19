/* Grouping the event log by lead, see events.h. Part after part: count the rows, bring the events into the order of their rows
 * in a room that stays in the caches, sort the leads that are out of order, write times, names and codes away in one sweep.
 *
 * All that can fail comes first; from then on nothing is allocated and the result depends on the data only. */
#include "base/check.h"
#include "base/thread.h"
#include "store/column.h"
#include "store/events_internal.h"

enum {
    THREADS_MAX = 64,        /* more do not help: memory is the limit */
    NORMAL_MEANS = 4,        /* parts of up to that many times the mean share rooms; larger ones come last, one by one */
    NORMAL_EVENTS = 1 << 16, /* this many are never too large */
    CHECK_STEP = 16,         /* events that are looked at together for order */
    RUN_LEAST = 4,           /* events that runs must have on average to be worth merging, */
    RUN_PATIENCE = 4096,     /* that many beforehand on trust */
};

/* A chunk with what grouping needs to know of it. */
struct chunk {
    const uint64_t *events;
    uint32_t n;
    uint32_t writer;
    uint32_t slab;
};

/* The chunks of one writer in a part. */
struct stream {
    const struct chunk *chunk, *end;
    const uint64_t *at; /* the next event, in `chunk` */
};

struct part {
    uint64_t first_event; /* in the grouped log */
    uint64_t first_chunk;
};

/* What one worker works in. */
struct room {
    uint64_t *keys;         /* the staged events of a part */
    uint32_t *codes;        /* and the codes of their tuples */
    uint32_t *cursors;      /* by row within the part */
    struct stream *streams; /* as many as there are writers */
    uint64_t *spare_keys;
    uint32_t *spare_codes;
};

struct grouping {
    struct asy_events *events;
    uint32_t n_threads;
    uint64_t n;
    struct asy_tuple_merge tuples;
    uint8_t prop_width;
    struct part *parts;     /* n_parts + 1 */
    struct chunk *chunks;   /* by part, then as the writers began them */
    uint64_t n_chunks;
    struct room *rooms;     /* one a worker; the last, if there are larger parts, for those */
    uint32_t n_rooms;
    uint64_t normal_n, largest_n; /* events of one part */
};

/* ---- preparing ---- */

static uint8_t prop_width(uint32_t n_codes)
{
    return n_codes <= 1 ? 0 : n_codes <= UINT8_MAX + 1 ? 1 : n_codes <= UINT16_MAX + 1 ? 2 : 4;
}

static assay_status prepare_tuples(struct grouping *g, struct assay_error *error)
{
    bool has_tuples = false;
    for (uint32_t w = 0; w < g->events->n_writers; w++)
        has_tuples |= g->events->writers[w].tuples.n > 1;
    if (!has_tuples)
        return ASSAY_OK;
    assay_status status = asy_tuple_merge_init(&g->tuples, g->events, error);
    g->prop_width = prop_width(g->tuples.ordered.n);
    return status;
}

static assay_status prepare_ranges(const struct grouping *g, struct assay_error *error)
{
    struct asy_events *events = g->events;
    assay_status status = asy_range_need(&events->first, ((uint64_t)events->n_leads + 1) * 4, error);
    if (status == ASSAY_OK)
        status = asy_range_need(&events->time, g->n * 4, error);
    if (status == ASSAY_OK)
        status = asy_range_need(&events->name, g->n, error);
    if (status == ASSAY_OK && g->prop_width)
        status = asy_range_need(&events->prop, g->n * g->prop_width, error);
    return status;
}

/* Bring the chunks of all writers into the order of their parts, and say where each part begins. */
static bool prepare_parts(struct grouping *g)
{
    const struct asy_events *events = g->events;
    for (uint32_t w = 0; w < events->n_writers; w++)
        g->n_chunks += events->writers[w].n_chunks;
    g->parts = asy_mem_alloc_n(events->mem, (size_t)events->n_parts + 1, sizeof *g->parts);
    g->chunks = asy_mem_alloc_n(events->mem, g->n_chunks + 1, sizeof *g->chunks);
    if (!g->parts || !g->chunks)
        return false;

    for (uint32_t w = 0; w < events->n_writers; w++)
        for (size_t i = 0; i < events->writers[w].n_chunks; i++) {
            const struct asy_events_chunk *chunk = &events->writers[w].chunks[i];
            g->parts[chunk->part].first_chunk++;
            g->parts[chunk->part].first_event += asy_staged_chunk_n(events, &events->writers[w], chunk);
        }
    struct part sum = {0};
    for (uint32_t p = 0; p <= events->n_parts; p++) {
        struct part here = g->parts[p];
        g->parts[p] = sum;
        sum.first_event += here.first_event;
        sum.first_chunk += here.first_chunk;
    }
    for (uint32_t w = 0; w < events->n_writers; w++)
        for (size_t i = 0; i < events->writers[w].n_chunks; i++) {
            const struct asy_events_chunk *chunk = &events->writers[w].chunks[i];
            g->chunks[g->parts[chunk->part].first_chunk++] =
                (struct chunk){.events = chunk->events, .n = asy_staged_chunk_n(events, &events->writers[w], chunk),
                               .writer = w, .slab = chunk->slab};
        }
    for (uint32_t p = events->n_parts; p > 0; p--) /* each begin has moved to its end, that is to the begin of the next */
        g->parts[p].first_chunk = g->parts[p - 1].first_chunk;
    g->parts[0].first_chunk = 0;
    return true;
}

static uint64_t part_n(const struct grouping *g, uint64_t part)
{
    return g->parts[part + 1].first_event - g->parts[part].first_event;
}

static bool is_normal(const struct grouping *g, uint64_t part)
{
    return part_n(g, part) <= NORMAL_EVENTS || part_n(g, part) / NORMAL_MEANS <= g->n / g->events->n_parts;
}

static void measure_parts(struct grouping *g)
{
    for (uint32_t p = 0; p < g->events->n_parts; p++) {
        uint64_t n = part_n(g, p);
        g->largest_n = n > g->largest_n ? n : g->largest_n;
        if (is_normal(g, p) && n > g->normal_n)
            g->normal_n = n;
    }
}

/* For a part of n events. */
static bool room_init(const struct grouping *g, struct room *room, uint64_t n)
{
    struct asy_mem *mem = g->events->mem;
    bool has_codes = g->prop_width > 0;
    room->keys = asy_mem_alloc_n(mem, n, sizeof *room->keys);
    room->codes = has_codes ? asy_mem_alloc_n(mem, n, sizeof *room->codes) : NULL;
    room->cursors = asy_mem_alloc_n(mem, (size_t)1 << g->events->part_shift, sizeof *room->cursors);
    room->streams = asy_mem_alloc_n(mem, g->events->n_writers, sizeof *room->streams);
    room->spare_keys = asy_mem_alloc_n(mem, ASY_EVENTS_SPARE, sizeof *room->spare_keys);
    room->spare_codes = has_codes ? asy_mem_alloc_n(mem, ASY_EVENTS_SPARE, sizeof *room->spare_codes) : NULL;
    asy_mem_wish_huge(room->keys, n * sizeof *room->keys);
    asy_mem_wish_huge(room->codes, n * sizeof *room->codes);
    return (n == 0 || room->keys) && room->cursors && room->streams && room->spare_keys &&
           (!has_codes || ((n == 0 || room->codes) && room->spare_codes));
}

static void room_fini(const struct grouping *g, struct room *room, uint64_t n)
{
    struct asy_mem *mem = g->events->mem;
    asy_mem_free(mem, room->keys, n * sizeof *room->keys);
    asy_mem_free(mem, room->codes, n * sizeof *room->codes);
    asy_mem_free(mem, room->cursors, ((size_t)1 << g->events->part_shift) * sizeof *room->cursors);
    asy_mem_free(mem, room->streams, g->events->n_writers * sizeof *room->streams);
    asy_mem_free(mem, room->spare_keys, ASY_EVENTS_SPARE * sizeof *room->spare_keys);
    asy_mem_free(mem, room->spare_codes, ASY_EVENTS_SPARE * sizeof *room->spare_codes);
}

/* Events that room number i is for. */
static uint64_t room_n(const struct grouping *g, uint32_t i)
{
    return i < g->n_threads ? g->normal_n : g->largest_n;
}

static bool prepare_rooms(struct grouping *g)
{
    measure_parts(g);
    g->n_rooms = g->n_threads + (g->largest_n > g->normal_n);
    g->rooms = asy_mem_alloc_n(g->events->mem, g->n_rooms, sizeof *g->rooms);
    bool has_memory = g->rooms != NULL;
    for (uint32_t i = 0; has_memory && i < g->n_rooms; i++)
        has_memory = room_init(g, &g->rooms[i], room_n(g, i));
    return has_memory;
}

static assay_status prepare(struct grouping *g, struct assay_error *error)
{
    assay_status status = prepare_tuples(g, error);
    if (status == ASSAY_OK)
        status = prepare_ranges(g, error);
    if (status != ASSAY_OK)
        return status;
    if (prepare_parts(g) && prepare_rooms(g))
        return ASSAY_OK;
    return asy_fail(error, ASSAY_E_NOMEM,
                    "event log: sorting: expected memory for the largest part (%" PRIu64 " events) and %u threads, found none",
                    g->largest_n, g->n_threads);
}

static void release(struct grouping *g)
{
    struct asy_mem *mem = g->events->mem;
    for (uint32_t i = 0; g->rooms && i < g->n_rooms; i++)
        room_fini(g, &g->rooms[i], room_n(g, i));
    asy_mem_free(mem, g->rooms, g->n_rooms * sizeof *g->rooms);
    asy_mem_free(mem, g->chunks, (g->n_chunks + 1) * sizeof *g->chunks);
    asy_mem_free(mem, g->parts, ((size_t)g->events->n_parts + 1) * sizeof *g->parts);
    if (g->tuples.n_codes)
        asy_tuple_merge_fini(&g->tuples, g->events);
}

/* ---- one part ---- */

struct job {
    const struct grouping *g;
    const struct room *room;
    const struct chunk *chunks, *chunks_end;
    uint64_t n;
    uint64_t first_event;
    uint32_t first_row, n_rows;
};

/* Hardware looks ahead within a page only. */
static inline void ask_for_chunk(const struct chunk *chunk, const struct chunk *end)
{
    enum { LINE_EVENTS = 8, N_LINES = 4 };
    for (uint32_t k = 0; chunk < end && k < N_LINES; k++)
        __builtin_prefetch(chunk->events + k * LINE_EVENTS);
}

/* Count the events of each row, write the grouped log's `first`, and set the cursors to where each row begins. */
static void count_rows(const struct job *job)
{
    uint32_t *cursors = job->room->cursors;
    memset(cursors, 0, job->n_rows * sizeof *cursors);
    for (const struct chunk *chunk = job->chunks; chunk < job->chunks_end; chunk++) {
        const uint64_t *keys = chunk->events, *end = keys + chunk->n;
        ask_for_chunk(chunk + 1, job->chunks_end);
        for (; keys < end; keys++)
            cursors[*keys >> ASY_STAGED_ROW_SHIFT]++;
    }
    uint32_t *first = (uint32_t *)(void *)job->g->events->first.base + job->first_row;
    uint32_t sum = 0;
    for (uint32_t row = 0; row < job->n_rows; row++) {
        uint32_t n_here = cursors[row];
        cursors[row] = sum;
        first[row] = (uint32_t)job->first_event + sum;
        sum += n_here;
    }
}

/* A chunk is done with. The last one of a slab frees it. */
static void drop_chunk(const struct grouping *g, const struct chunk *chunk)
{
    struct asy_events_slab *slab = &g->events->writers[chunk->writer].slabs[chunk->slab];
    if (__atomic_sub_fetch(&slab->n_chunks, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    asy_mem_free(g->events->mem, slab->p, slab->bytes);
    slab->p = NULL;
}

static uint32_t begin_streams(const struct job *job)
{
    struct stream *streams = job->room->streams;
    uint32_t n = 0;
    for (const struct chunk *chunk = job->chunks; chunk < job->chunks_end; chunk++) {
        if (n == 0 || chunk->writer != streams[n - 1].chunk->writer)
            streams[n++] = (struct stream){.chunk = chunk, .at = chunk->events};
        streams[n - 1].end = chunk + 1;
    }
    return n;
}

/* Time and name of a stream's next event. */
static inline uint64_t head_of(const struct stream *stream)
{
    return *stream->at & ASY_STAGED_IN_ROW;
}

/* The stream whose next event is the earliest; *bound: that of the other streams' next events. */
static uint32_t earliest_stream(const struct stream *streams, uint32_t n, uint64_t *bound)
{
    uint32_t earliest = 0;
    uint64_t head = head_of(&streams[0]);
    *bound = UINT64_MAX;
    for (uint32_t i = 1; i < n; i++) {
        uint64_t other = head_of(&streams[i]);
        *bound = other < head ? head : other < *bound ? other : *bound;
        earliest = other < head ? i : earliest;
        head = other < head ? other : head;
    }
    return earliest;
}

/* Put a stream's events up to `bound` in their rows' places, at most to the end of the chunk. `has_codes` is a constant at each
 * call, here and below. */
static inline __attribute__((always_inline)) void place_run(const struct job *job, struct stream *stream, uint64_t bound,
                                                            bool has_codes)
{
    const struct grouping *g = job->g;
    uint64_t *keys = job->room->keys;
    uint32_t *codes = job->room->codes, *cursors = job->room->cursors;
    const uint64_t *at = stream->at, *end = stream->chunk->events + stream->chunk->n;
    const uint32_t *old_codes = has_codes ? asy_staged_codes(g->events, at) : NULL;
    const uint32_t *new_codes = has_codes ? g->tuples.new_codes + g->tuples.first[stream->chunk->writer] : NULL;
    for (; at < end && (*at & ASY_STAGED_IN_ROW) <= bound; at++) {
        uint64_t key = *at;
        uint32_t place = cursors[key >> ASY_STAGED_ROW_SHIFT]++;
        keys[place] = key;
        if (has_codes)
            codes[place] = new_codes[*old_codes++];
    }
    stream->at = at;
}

/* Bring the part into the order of its rows; the cursors end where each row ends. Several writers of events that come in time
 * order each have some of all times: merging what they have makes leads sorted from the start. Where that gives short runs only
 * it is not worth while (the events come in another order), and chunks are placed whole. */
static inline __attribute__((always_inline)) void place(const struct job *job, bool has_codes)
{
    struct stream *streams = job->room->streams;
    uint64_t n_runs = 0, n_placed = 0;
    bool is_worthwhile = true;
    for (uint32_t n = begin_streams(job); n > 0;) {
        uint64_t bound = UINT64_MAX;
        is_worthwhile = is_worthwhile && n_runs * RUN_LEAST <= n_placed + RUN_PATIENCE;
        struct stream *stream = &streams[n > 1 && is_worthwhile ? earliest_stream(streams, n, &bound) : 0];
        const uint64_t *start = stream->at;
        if (start == stream->chunk->events)
            ask_for_chunk(stream->chunk + 1, stream->end);
        place_run(job, stream, bound, has_codes);
        n_runs++;
        n_placed += (uint64_t)(stream->at - start);
        if (stream->at < stream->chunk->events + stream->chunk->n)
            continue;
        drop_chunk(job->g, stream->chunk);
        if (++stream->chunk == stream->end)
            *stream = streams[--n];
        else
            stream->at = stream->chunk->events;
    }
}

/* The first i in 1 .. n - 1, from `from` on, whose event comes before event i - 1; n if there is none. */
static inline __attribute__((always_inline)) uint64_t find_disorder(const uint64_t *keys, const uint32_t *codes, uint64_t from,
                                                                    uint64_t n, bool has_codes)
{
    uint64_t i = from;
    for (; i + CHECK_STEP <= n; i += CHECK_STEP) {
        uint32_t n_out = 0;
        for (uint32_t k = 0; k < CHECK_STEP; k++) {
            n_out += keys[i + k] < keys[i + k - 1];
            if (has_codes)
                n_out += (keys[i + k] == keys[i + k - 1]) & (codes[i + k] < codes[i + k - 1]);
        }
        if (n_out > 0)
            break;
    }
    for (; i < n; i++)
        if (keys[i] < keys[i - 1] || (has_codes && keys[i] == keys[i - 1] && codes[i] < codes[i - 1]))
            return i;
    return n;
}

/* Sort the leads that are out of order: few, as exports mostly come in the order of time. */
static inline __attribute__((always_inline)) void sort_leads(const struct job *job, bool has_codes)
{
    const struct room *room = job->room;
    for (uint64_t i = 1; i < job->n;) {
        i = find_disorder(room->keys, room->codes, i, job->n, has_codes);
        if (i == job->n)
            return;
        uint64_t row = room->keys[i] >> ASY_STAGED_ROW_SHIFT;
        uint64_t start = row ? room->cursors[row - 1] : 0, end = room->cursors[row];
        asy_events_sort(room->keys + start, has_codes ? room->codes + start : NULL, end - start, room->spare_keys,
                        room->spare_codes);
        i = end;
    }
}

static void write_part(const struct job *job)
{
    const struct asy_events *events = job->g->events;
    const uint64_t *keys = job->room->keys, n = job->n;
    const uint32_t *codes = job->room->codes;
    uint32_t *time = (uint32_t *)(void *)events->time.base + job->first_event;
    uint8_t *name = events->name.base + job->first_event;
    for (uint64_t i = 0; i < n; i++) {
        time[i] = (uint32_t)(keys[i] >> ASY_STAGED_TIME_SHIFT);
        name[i] = (uint8_t)keys[i];
    }
    uint8_t width = job->g->prop_width, *prop = width ? events->prop.base + job->first_event * width : NULL;
    if (width == 1)
        for (uint64_t i = 0; i < n; i++)
            prop[i] = (uint8_t)codes[i];
    else if (width == 2)
        for (uint64_t i = 0; i < n; i++)
            ((uint16_t *)(void *)prop)[i] = (uint16_t)codes[i];
    else if (width == 4)
        memcpy(prop, codes, n * sizeof *codes);
}

static void group_part(const struct grouping *g, const struct room *room, uint64_t part)
{
    const struct asy_events *events = g->events;
    uint32_t first_row = (uint32_t)part << events->part_shift, rows_left = events->n_leads - first_row;
    struct job job = {.g = g,
                      .room = room,
                      .chunks = g->chunks + g->parts[part].first_chunk,
                      .chunks_end = g->chunks + g->parts[part + 1].first_chunk,
                      .n = part_n(g, part),
                      .first_event = g->parts[part].first_event,
                      .first_row = first_row,
                      .n_rows = rows_left < 1u << events->part_shift ? rows_left : 1u << events->part_shift};
    count_rows(&job);
    if (g->prop_width) {
        place(&job, true);
        sort_leads(&job, true);
    } else {
        place(&job, false);
        sort_leads(&job, false);
    }
    write_part(&job);
}

static void group_piece(void *ctx, uint32_t worker, uint64_t part)
{
    const struct grouping *g = ctx;
    if (is_normal(g, part))
        group_part(g, &g->rooms[worker], part);
}

/* ---- all of it ---- */

static void group_all(struct grouping *g)
{
    struct asy_events *events = g->events;
    asy_parallel(g->n_threads, events->n_parts, group_piece, g);
    for (uint32_t p = 0; p < events->n_parts; p++)
        if (!is_normal(g, p))
            group_part(g, &g->rooms[g->n_threads], p);
    ((uint32_t *)(void *)events->first.base)[events->n_leads] = (uint32_t)g->n;
}

assay_status asy_events_group(struct asy_events *events, uint32_t n_leads, uint32_t n_threads, struct assay_error *error)
{
    ASY_CHECK(!events->is_grouped && n_leads <= ASY_LEADS_MAX, events->is_grouped, n_leads);
    if (!events->is_open) {
        assay_status status = asy_events_open(events, n_leads, 1, error);
        if (status != ASSAY_OK)
            return status;
    }
    ASY_CHECK(n_leads == events->n_leads, n_leads, events->n_leads);
    struct grouping g = {.events = events, .n = asy_events_staged(events)};
    g.n_threads = n_threads == 0 ? 1 : n_threads < THREADS_MAX ? n_threads : THREADS_MAX;
    if (g.n_threads > events->n_parts)
        g.n_threads = events->n_parts;
    assay_status status = prepare(&g, error);
    if (status != ASSAY_OK) {
        release(&g);
        return status;
    }

    group_all(&g);
    if (g.prop_width) {
        struct asy_dict none = events->tuples;
        events->tuples = g.tuples.ordered;
        g.tuples.ordered = none;
    }
    release(&g);
    asy_events_drop_staged(events);
    events->n = g.n;
    events->prop_width = g.prop_width;
    events->is_grouped = true;
    return ASSAY_OK;
}
