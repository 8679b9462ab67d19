/* Grouping the event log by lead, see events.h: count, place, sort each lead's events.
 *
 * All that can fail comes first; from the placing on nothing is allocated and the result depends on the data only. */
#include "base/check.h"
#include "base/thread.h"
#include "store/column.h"
#include "store/events.h"

enum {
    WINDOWS_MAX = 16,     /* each window of rows reads all staged rows once: more of them would cost more than they save */
    SORT_RUN = 16,        /* insertion sort below this many */
    SMALL_MAX = 4096,     /* events of a lead that a worker sorts with its own scratch; larger leads come last, one by one */
    THREADS_MAX = 64,     /* more do not help: memory is the limit */
    LEADS_A_PIECE = 1024, /* leads a worker takes at a time */
    AHEAD_CURSOR = 32,    /* events ahead that a cursor and its place are asked for */
    AHEAD_PLACE = 16,
};

/* ---- sorting ---- */

/* What is sorted: an event (major: time and name; minor: tuple code) or a tuple (major: its first bytes; minor: code). */
struct item {
    uint64_t major;
    uint32_t minor;
};

typedef bool item_less(const void *ctx, const struct item *a, const struct item *b);

/* Bottom-up merge sort. `less` is a constant at each call, so that it is compiled in. */
static inline __attribute__((always_inline)) void merge_sort(struct item *items, struct item *scratch, size_t n,
                                                             item_less *less, const void *ctx)
{
    for (size_t start = 0; start < n; start += SORT_RUN) {
        size_t end = n - start < SORT_RUN ? n : start + SORT_RUN;
        for (size_t i = start + 1; i < end; i++) {
            struct item moving = items[i];
            size_t k = i;
            for (; k > start && less(ctx, &moving, &items[k - 1]); k--)
                items[k] = items[k - 1];
            items[k] = moving;
        }
    }
    struct item *from = items, *to = scratch;
    for (size_t width = SORT_RUN; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            size_t middle = n - start < width ? n : start + width;
            size_t end = n - start < 2 * width ? n : start + 2 * width;
            size_t left = start, right = middle;
            for (size_t k = start; k < end; k++)
                to[k] = left < middle && (right == end || !less(ctx, &from[right], &from[left])) ? from[left++]
                                                                                                : from[right++];
        }
        struct item *other = from;
        from = to;
        to = other;
    }
    if (from != items)
        memcpy(items, from, n * sizeof *items);
}

static inline bool event_less(const void *ctx, const struct item *a, const struct item *b)
{
    (void)ctx;
    return a->major != b->major ? a->major < b->major : a->minor < b->minor;
}

static inline bool tuple_less(const void *ctx, const struct item *a, const struct item *b)
{
    const struct asy_events *events = ctx;
    if (a->major != b->major)
        return a->major < b->major;
    for (uint32_t i = 0; i < events->n_properties; i++) {
        int order = asy_str_cmp(asy_events_property(events, a->minor, i), asy_events_property(events, b->minor, i));
        if (order != 0)
            return order < 0;
    }
    return false;
}

/* ---- tuples in the order of their bytes ---- */

/* The first 8 bytes of a text as a number that compares like them (a shorter text is filled up with the least byte). */
static uint64_t first_bytes(struct asy_str s)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < 8; i++)
        value = value << 8 | (i < s.len ? (uint8_t)s.p[i] : 0);
    return value;
}

/* A dictionary of the same tuples with codes in the order of their bytes, and the new code of each old one. */
static assay_status order_tuples(const struct asy_events *events, struct item *items, struct asy_dict *ordered,
                                 uint32_t *new_codes)
{
    uint32_t n = events->tuples.n - 1;
    for (uint32_t i = 0; i < n; i++)
        items[i] = (struct item){first_bytes(asy_events_property(events, i + 1, 0)), i + 1};
    merge_sort(items, items + n, n, tuple_less, events);
    new_codes[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct asy_str tuple = asy_dict_text(&events->tuples, items[i].minor);
        assay_status status = asy_dict_intern(ordered, tuple, &new_codes[items[i].minor]);
        if (status != ASSAY_OK)
            return status;
    }
    return ASSAY_OK;
}

/* ---- the work ---- */

struct grouping {
    struct asy_events *events;
    uint32_t n_leads;
    uint32_t n_threads;
    uint8_t prop_width;
    struct asy_dict ordered;
    uint32_t *new_codes; /* by old tuple code; NULL without properties */
    uint32_t n_codes;
    uint32_t n_windows;
    uint32_t window_rows[WINDOWS_MAX + 1]; /* window w: rows window_rows[w] .. window_rows[w + 1] */
    uint64_t largest;                      /* events of the lead with most */
    struct item *small;                    /* 2 * SMALL_MAX for each thread */
    struct item *large;                    /* 2 * largest, if there is a lead above SMALL_MAX */
};

static uint8_t prop_width(const struct asy_events *events)
{
    uint32_t n = events->tuples.n;
    return n == 1 ? 0 : n <= UINT8_MAX + 1 ? 1 : n <= UINT16_MAX + 1 ? 2 : 4;
}

static inline uint32_t *first_of(const struct asy_events *events)
{
    return (uint32_t *)(void *)events->first.base;
}

/* first[r] = events of all rows before r. */
static assay_status count_rows(struct grouping *g, struct assay_error *error)
{
    const struct asy_events *events = g->events;
    const uint32_t *s_row = (const uint32_t *)(const void *)events->s_row.base;
    uint32_t *first = first_of(events);
    memset(first, 0, ((size_t)g->n_leads + 1) * sizeof *first);
    for (uint64_t i = 0; i < events->n; i++) {
        if (s_row[i] >= g->n_leads)
            return asy_fail(error, ASSAY_E_PARAM, "event log: row of event %" PRIu64 ": expected one below %u, found %u", i,
                            g->n_leads, s_row[i]);
        first[s_row[i]]++;
    }
    uint32_t sum = 0;
    for (uint32_t row = 0; row <= g->n_leads; row++) {
        uint32_t n_here = first[row];
        first[row] = sum;
        sum += n_here;
        if (n_here > g->largest)
            g->largest = n_here;
    }
    return ASSAY_OK;
}

/* Cut the rows into windows of about equally many events. */
static void cut_windows(struct grouping *g)
{
    const uint32_t *first = first_of(g->events);
    g->n_windows = g->n_threads < WINDOWS_MAX ? g->n_threads : WINDOWS_MAX;
    uint32_t row = 0;
    for (uint32_t w = 0; w < g->n_windows; w++) {
        uint64_t before = g->events->n * w / g->n_windows;
        uint32_t high = g->n_leads;
        while (row < high) { /* the first row with at least `before` events before it */
            uint32_t middle = row + (high - row) / 2;
            if (first[middle] < before)
                row = middle + 1;
            else
                high = middle;
        }
        g->window_rows[w] = w == 0 ? 0 : row;
    }
    g->window_rows[g->n_windows] = g->n_leads;
}

static assay_status prepare(struct grouping *g, struct assay_error *error)
{
    struct asy_events *events = g->events;
    struct asy_mem *mem = events->mem;
    g->prop_width = prop_width(events);
    assay_status status = asy_range_need(&events->first, ((uint64_t)g->n_leads + 1) * 4, error);
    if (status == ASSAY_OK)
        status = asy_range_need(&events->time, events->n * 4, error);
    if (status == ASSAY_OK)
        status = asy_range_need(&events->name, events->n, error);
    if (status == ASSAY_OK && g->prop_width)
        status = asy_range_need(&events->prop, events->n * g->prop_width, error);
    if (status == ASSAY_OK)
        status = count_rows(g, error);
    if (status != ASSAY_OK)
        return status;
    cut_windows(g);

    g->small = asy_mem_alloc_n(mem, (size_t)2 * SMALL_MAX * g->n_threads, sizeof *g->small);
    if (g->largest > SMALL_MAX)
        g->large = asy_mem_alloc_n(mem, 2 * g->largest, sizeof *g->large);
    if (!g->small || (g->largest > SMALL_MAX && !g->large))
        return asy_fail(error, ASSAY_E_NOMEM,
                        "event log: sorting: expected memory for the lead with most events (%" PRIu64 "), found none",
                        g->largest);
    if (g->prop_width == 0)
        return ASSAY_OK;

    g->n_codes = events->tuples.n;
    g->new_codes = asy_mem_alloc_n(mem, g->n_codes, sizeof *g->new_codes);
    struct item *items = asy_mem_alloc_n(mem, 2 * (size_t)g->n_codes, sizeof *items);
    status = g->new_codes && items ? order_tuples(events, items, &g->ordered, g->new_codes) : ASSAY_E_NOMEM;
    asy_mem_free(mem, items, 2 * (size_t)g->n_codes * sizeof *items);
    if (status != ASSAY_OK)
        return asy_fail(error, status,
                        "event log: sorting: expected memory for %u different sets of properties, found none",
                        g->n_codes - 1);
    return ASSAY_OK;
}

static void release(struct grouping *g)
{
    struct asy_mem *mem = g->events->mem;
    asy_mem_free(mem, g->small, (size_t)2 * SMALL_MAX * g->n_threads * sizeof *g->small);
    asy_mem_free(mem, g->large, 2 * g->largest * sizeof *g->large);
    asy_mem_free(mem, g->new_codes, g->n_codes * sizeof *g->new_codes);
    asy_dict_fini(&g->ordered);
}

static inline void store_prop(uint8_t *base, uint8_t width, uint64_t i, uint32_t code)
{
    if (width == 1)
        base[i] = (uint8_t)code;
    else if (width == 2)
        ((uint16_t *)(void *)base)[i] = (uint16_t)code;
    else if (width == 4)
        ((uint32_t *)(void *)base)[i] = code;
}

/* Put the events of one window of rows in their leads' places, in input order; first[r] moves to the end of row r. */
static void place_window(void *ctx, uint32_t worker, uint64_t window)
{
    (void)worker;
    const struct grouping *g = ctx;
    const struct asy_events *events = g->events;
    const uint32_t *s_row = (const uint32_t *)(const void *)events->s_row.base;
    const uint32_t *s_time = (const uint32_t *)(const void *)events->s_time.base;
    const uint8_t *s_name = events->s_name.base;
    const uint32_t *s_prop = (const uint32_t *)(const void *)events->s_prop.base;
    uint32_t *first = first_of(events);
    uint32_t *time = (uint32_t *)(void *)events->time.base;
    uint8_t *name = events->name.base;
    uint8_t *prop = events->prop.base;
    uint32_t low = g->window_rows[window], n_rows = g->window_rows[window + 1] - low;
    for (uint64_t i = 0; i < events->n; i++) {
        /* The places are random: ask for a cursor well ahead, then for the place it points to. */
        if (i + AHEAD_CURSOR < events->n) {
            uint32_t far = s_row[i + AHEAD_CURSOR], near = s_row[i + AHEAD_PLACE];
            if (far - low < n_rows)
                __builtin_prefetch(first + far, 1);
            if (near - low < n_rows) {
                __builtin_prefetch(time + first[near], 1);
                __builtin_prefetch(name + first[near], 1);
                if (g->prop_width)
                    __builtin_prefetch(prop + (uint64_t)first[near] * g->prop_width, 1);
            }
        }
        if (s_row[i] - low >= n_rows)
            continue;
        uint32_t at = first[s_row[i]]++;
        time[at] = s_time[i];
        name[at] = s_name[i];
        if (g->prop_width)
            store_prop(prop, g->prop_width, at, g->new_codes[s_prop[i]]);
    }
}

/* Sort the events start .. start + n of one lead; `scratch` has room for 2 n items. */
static void sort_lead(const struct grouping *g, uint64_t start, uint64_t n, struct item *scratch)
{
    uint32_t *time = (uint32_t *)(void *)g->events->time.base + start;
    uint8_t *name = g->events->name.base + start;
    uint8_t *prop = g->prop_width ? g->events->prop.base + start * g->prop_width : NULL;
    bool is_sorted = true;
    for (uint64_t i = 0; i < n; i++) {
        scratch[i] = (struct item){(uint64_t)time[i] << 8 | name[i], asy_events_load_prop(prop, g->prop_width, i)};
        is_sorted &= i == 0 || !event_less(NULL, &scratch[i], &scratch[i - 1]);
    }
    if (is_sorted) /* the usual case: exports are mostly in time order */
        return;
    merge_sort(scratch, scratch + n, n, event_less, NULL);
    for (uint64_t i = 0; i < n; i++) {
        time[i] = (uint32_t)(scratch[i].major >> 8);
        name[i] = (uint8_t)scratch[i].major;
        store_prop(prop, g->prop_width, i, scratch[i].minor);
    }
}

static void sort_piece(void *ctx, uint32_t worker, uint64_t piece)
{
    const struct grouping *g = ctx;
    const uint32_t *first = first_of(g->events);
    uint64_t end = (piece + 1) * LEADS_A_PIECE < g->n_leads ? (piece + 1) * LEADS_A_PIECE : g->n_leads;
    for (uint64_t row = piece * LEADS_A_PIECE; row < end; row++) {
        uint64_t n = first[row + 1] - first[row];
        if (n > 1 && n <= SMALL_MAX)
            sort_lead(g, first[row], n, g->small + (size_t)worker * 2 * SMALL_MAX);
    }
}

static void place_and_sort(struct grouping *g)
{
    struct asy_events *events = g->events;
    uint32_t *first = first_of(events);
    asy_parallel(g->n_threads, g->n_windows, place_window, g);
    /* first[r] is now the end of row r, that is the start of row r + 1. */
    memmove(first + 1, first, (size_t)g->n_leads * sizeof *first);
    first[0] = 0;
    asy_parallel(g->n_threads, (g->n_leads + LEADS_A_PIECE - 1ull) / LEADS_A_PIECE, sort_piece, g);
    if (g->large)
        for (uint32_t row = 0; row < g->n_leads; row++)
            if (first[row + 1] - first[row] > SMALL_MAX)
                sort_lead(g, first[row], first[row + 1] - first[row], g->large);
}

assay_status asy_events_group(struct asy_events *events, uint32_t n_leads, uint32_t n_threads, struct assay_error *error)
{
    ASY_CHECK(!events->is_grouped && n_leads <= ASY_LEADS_MAX, events->is_grouped, n_leads);
    struct grouping g = {.events = events, .n_leads = n_leads};
    g.n_threads = n_threads == 0 ? 1 : n_threads < THREADS_MAX ? n_threads : THREADS_MAX;
    asy_dict_init(&g.ordered, events->mem, events->tuples.hasher);
    assay_status status = prepare(&g, error);
    if (status != ASSAY_OK) {
        release(&g);
        return status;
    }

    place_and_sort(&g);
    if (g.prop_width) {
        struct asy_dict unordered = events->tuples;
        events->tuples = g.ordered;
        g.ordered = unordered;
    }
    release(&g);
    struct asy_range *staged[] = {&events->s_row, &events->s_time, &events->s_name, &events->s_prop};
    for (uint32_t i = 0; i < ASY_COUNT_OF(staged); i++)
        asy_range_clear(events->arena, staged[i]);
    events->s_cap = 0;
    events->prop_width = g.prop_width;
    events->n_leads = n_leads;
    events->is_grouped = true;
    return ASSAY_OK;
}
