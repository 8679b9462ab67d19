/* Events of synth, in time order over all leads with bounded memory: every lead's events are drawn from its own stream, as often
 * as needed. A first round counts them by time; then, slice of time by slice of time, all are drawn again, those of the slice kept as
 * 64-bit keys, sorted and printed.
 *
 *   key : [ 26 bits seconds since the first possible event | 28 bits lead | 5 bits name | 5 bits page ]
 */
#include "base/check.h"
#include "base/time.h"
#include "cli/synth_draw.h"

enum {
    BACK_DAYS = 600, AHEAD_DAYS = 31,
    COARSE_SHIFT = 14, COARSE_BUCKETS = 1 << (26 - COARSE_SHIFT), /* of 16,384 seconds */
    SLICE_EVENTS = 1 << 24,
    RADIX_BITS = 13,
};
_Static_assert((BACK_DAYS + AHEAD_DAYS) * ASY_DAY_S < 1 << 26, "times fit a key");

/* -- what happens ----------------------------------------------------------------------------------------------- */

enum { PAGES_MAX = 32, PER_MILLE_PARTS = 4096 };

/* How often each kind happens, in 1/4096 of a lead's events, by intent. Opens and visits are most; asking for a demo is rare. */
static const struct kind {
    const char *name;
    uint16_t parts[3];
    uint8_t page_from, n_pages; /* pages it happens on */
} kinds[] = {
    {"email_open", {1900, 1330, 900}, 0, 0},        {"website_visit", {1090, 1010, 850}, 1, 14},
    {"email_click", {360, 400, 400}, 0, 0},         {"blog_read", {290, 330, 250}, 21, 10},
    {"product_page_view", {190, 380, 560}, 15, 5},  {"pricing_page_view", {34, 180, 420}, 20, 1},
    {"newsletter_signup", {60, 70, 50}, 0, 0},      {"whitepaper_download", {50, 110, 120}, 0, 0},
    {"webinar_attended", {28, 80, 120}, 0, 0},      {"case_study_download", {24, 80, 120}, 0, 0},
    {"email_reply", {16, 46, 96}, 0, 0},            {"free_trial", {5, 22, 66}, 0, 0},
    {"contact_sales", {3, 14, 54}, 0, 0},           {"demo_request", {2, 12, 58}, 0, 0},
    {"job_change", {14, 10, 8}, 0, 0},              {"funding_round", {10, 8, 8}, 0, 0},
    {"rapid_hiring", {8, 6, 6}, 0, 0},              {"new_executive", {6, 4, 5}, 0, 0},
    {"product_launch", {6, 4, 5}, 0, 0},
};
_Static_assert(ASY_COUNT_OF(kinds) <= 32, "a kind fits a key");

static const char *const pages[PAGES_MAX] = {
    "", "/", "/about", "/customers", "/careers", "/contact", "/partners", "/integrations", "/security", "/docs", "/docs/api", "/events",
    "/press", "/compare", "/roi-calculator", "/product", "/product/scoring", "/product/routing", "/product/analytics", "/product/api",
    "/pricing", "/blog/lead-scoring-basics", "/blog/sales-and-marketing", "/blog/routing-rules", "/blog/what-is-an-mql",
    "/blog/nurture-that-works", "/blog/data-quality", "/blog/attribution", "/blog/crm-hygiene", "/blog/benchmarks", "/blog/release-notes",
    "/status"};

/* Hours of the day in UTC, as often as people of several continents are at work. */
static const uint8_t hours[64] = {0, 1, 2, 3, 4, 5, 6, 6, 7, 7, 7, 8, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11, 12, 12, 12, 13, 13, 13,
                                  13, 14, 14, 14, 14, 14, 15, 15, 15, 15, 15, 16, 16, 16, 16, 17, 17, 17, 17, 18, 18, 18, 19, 19, 19, 20, 20, 20, 21, 21, 22, 23};

struct mix {
    uint8_t kind_at[3][PER_MILLE_PARTS]; /* by intent */
};

static void mix_init(struct mix *mix)
{
    for (uint32_t intent = 0; intent < 3; intent++) {
        uint32_t at = 0;
        for (uint32_t k = 0; k < ASY_COUNT_OF(kinds); k++)
            for (uint32_t i = 0; i < kinds[k].parts[intent]; i++) {
                ASY_CHECK(at < PER_MILLE_PARTS, at, k);
                mix->kind_at[intent][at++] = (uint8_t)k;
            }
        ASY_CHECK(at == PER_MILLE_PARTS, at, PER_MILLE_PARTS);
    }
}

/* -- one lead --------------------------------------------------------------------------------------------------- */

struct run {
    const struct asy_synth *synth;
    struct mix mix;
    int64_t as_of_day, base_s;
    uint64_t weight_sum, n_beyond_first; /* what the power law hands out */
    uint64_t n_total;
    uint64_t n_counts[COARSE_BUCKETS];   /* by time */
    uint64_t from_key, to_key;           /* of the slice */
    uint64_t *keys, n_keys, cap_keys;
    uint64_t *sorted;
    uint64_t n_printed;
    char day_text[16];                   /* "2026-03-05T" of the day printed last */
    int64_t day;
};

static uint64_t draw_event(const struct run *run, struct asy_draw *draw, const struct asy_habit *habit, uint32_t lead)
{
    const uint64_t what = asy_draw_bits(draw), when = asy_draw_bits(draw);
    const uint32_t k = run->mix.kind_at[habit->intent][what >> 52];
    const uint32_t page = kinds[k].n_pages > 0 ? kinds[k].page_from + (uint32_t)((what >> 36 & 0xffff) * kinds[k].n_pages >> 16) : 0;

    /* Half of the time the product of two uniforms: more of it of late. */
    uint64_t share = what & 0xffff;
    if (what & 0x10000) share = share * (what >> 17 & 0xffff) >> 16;
    const uint64_t span = habit->first_days - habit->last_days + 1;
    int64_t day = run->as_of_day - habit->last_days - (int64_t)(share * span >> 16);
    /* Of events at weekends, three in four happened on the Friday before. 1970-01-01 was a Thursday. */
    const int64_t weekday = (day + 3) % 7;
    if (weekday >= 5 && (when & 3) != 0) day -= weekday - 4;
    const int64_t second = hours[when >> 2 & 63] * 3600 + (int64_t)((when >> 8 & 0xffff) * 3600 >> 16);
    int64_t time_s = day * ASY_DAY_S + second;
    if (time_s > run->synth->as_of_s) time_s -= ASY_DAY_S;
    /* One in a thousand has a clock that is ahead. */
    if (when >> 54 == 0) time_s = run->synth->as_of_s + 1 + (int64_t)((when >> 24 & 0x3fffffff) * (30 * ASY_DAY_S) >> 30);
    return (uint64_t)(time_s - run->base_s) << 38 | (uint64_t)lead << 10 | (uint64_t)k << 5 | page;
}

typedef void take_event(struct run *run, uint64_t key);

static void count_event(struct run *run, uint64_t key)
{
    run->n_counts[key >> (38 + COARSE_SHIFT)]++;
}

static void keep_event(struct run *run, uint64_t key)
{
    if (key >= run->from_key && key < run->to_key) run->keys[run->n_keys++] = key;
}

/* Draw every event of every lead once. Each active lead has one; the others are dealt by weight, the remainder carried from lead to
 * lead, so that the sum comes out exactly. */
static inline __attribute__((always_inline)) assay_status for_each_event(struct run *run, const struct asy_synth_sink *sink,
                                                                         take_event *take, struct assay_error *error)
{
    uint64_t carried = 0;
    for (uint64_t lead = 0; lead < run->synth->n_leads; lead++) {
        if (lead % 16384 == 0) {
            const assay_status status = asy_synth_progress(sink, run->n_printed, run->n_printed, run->n_total, error);
            if (status != ASSAY_OK) return status;
        }
        const struct asy_habit habit = asy_synth_habit(run->synth->seed, (uint32_t)lead);
        if (habit.weight == 0) continue;
        carried += habit.weight * run->n_beyond_first;
        const uint64_t n = 1 + carried / run->weight_sum;
        carried %= run->weight_sum;
        struct asy_draw draw = asy_draw_stream(run->synth->seed, ASY_DRAW_EVENTS, lead);
        for (uint64_t i = 0; i < n; i++) take(run, draw_event(run, &draw, &habit, (uint32_t)lead));
    }
    return ASSAY_OK;
}

/* -- a slice ---------------------------------------------------------------------------------------------------- */

/* By time, two rounds of counting; equal times stay in the order of the leads, in which they were drawn. */
static void sort_slice(struct run *run)
{
    enum { DIGITS = 1 << RADIX_BITS };
    uint64_t *from = run->keys, *to = run->sorted;
    for (uint32_t shift = 38; shift < 64; shift += RADIX_BITS) {
        uint32_t at[DIGITS] = {0};
        for (uint64_t i = 0; i < run->n_keys; i++) at[from[i] >> shift & (DIGITS - 1)]++;
        uint32_t sum = 0;
        for (uint32_t d = 0; d < DIGITS; d++) {
            const uint32_t n = at[d];
            at[d] = sum;
            sum += n;
        }
        for (uint64_t i = 0; i < run->n_keys; i++) to[at[from[i] >> shift & (DIGITS - 1)]++] = from[i];
        uint64_t *const swap = from;
        from = to;
        to = swap;
    }
}

static void put_time(struct run *run, struct asy_synth_rows *rows, int64_t time_s)
{
    const int64_t day = time_s / ASY_DAY_S;
    if (day != run->day) {
        char text[32];
        asy_time_format_s(day * ASY_DAY_S, text);
        memcpy(run->day_text, text, 11);
        run->day = day;
    }
    const uint32_t s = (uint32_t)(time_s % ASY_DAY_S);
    const uint32_t parts[3] = {s / 3600, s / 60 % 60, s % 60};
    char clock[9] = "00:00:00Z";
    for (uint32_t i = 0; i < 3; i++) {
        clock[3 * i] = (char)('0' + parts[i] / 10);
        clock[3 * i + 1] = (char)('0' + parts[i] % 10);
    }
    asy_synth_put(rows, run->day_text, 11);
    asy_synth_put(rows, clock, 9);
}

static void put_text(struct asy_synth_rows *rows, const char *text)
{
    asy_synth_put(rows, text, strlen(text));
}

static void put_event(struct run *run, struct asy_synth_rows *rows, uint64_t key)
{
    char id[ASY_SYNTH_ID_BYTES];
    asy_synth_id(run->synth->seed, (uint32_t)(key >> 10) & (ASY_SYNTH_LEADS_MAX - 1), id);
    const char *name = kinds[key >> 5 & 31].name, *page = pages[key & 31];
    const bool is_json = run->synth->is_json;
    if (is_json) put_text(rows, "{\"lead_id\":\"");
    asy_synth_put(rows, id, sizeof(id));
    put_text(rows, is_json ? "\",\"event\":\"" : ",");
    put_text(rows, name);
    put_text(rows, is_json ? "\",\"time\":\"" : ",");
    put_time(run, rows, run->base_s + (int64_t)(key >> 38));
    if (!is_json) {
        put_text(rows, ",");
        put_text(rows, page);
        put_text(rows, "\n");
        return;
    }
    if (page[0] != '\0') {
        put_text(rows, "\",\"page\":\"");
        put_text(rows, page);
    }
    put_text(rows, "\"}\n");
}

static assay_status print_slice(struct run *run, struct asy_synth_rows *rows, const struct asy_synth_sink *sink,
                                struct assay_error *error)
{
    assay_status status = ASSAY_OK;
    for (uint64_t i = 0; status == ASSAY_OK && i < run->n_keys; i++) {
        put_event(run, rows, run->keys[i]);
        status = asy_synth_rows_next(rows, error);
        if (status == ASSAY_OK && run->n_printed++ % 16384 == 0)
            status = asy_synth_progress(sink, run->n_printed, run->n_printed, run->n_total, error);
    }
    return status;
}

/* -- all of it -------------------------------------------------------------------------------------------------- */

static void share_out(struct run *run)
{
    uint64_t n_active = 0;
    for (uint64_t lead = 0; lead < run->synth->n_leads; lead++) {
        const uint32_t weight = asy_synth_habit(run->synth->seed, (uint32_t)lead).weight;
        run->weight_sum += weight;
        n_active += weight > 0;
    }
    const uint64_t n_wanted = run->synth->n_leads * run->synth->events_per_lead;
    run->n_total = n_active > 0 ? n_wanted : 0;
    run->n_beyond_first = n_wanted - (n_wanted > 0 ? n_active : 0);
}

/* The end of the slice that begins at bucket `from`: as many buckets as fit a slice, at least one. */
static uint32_t slice_end(const struct run *run, uint32_t from, uint64_t *n_events)
{
    uint32_t to = from;
    *n_events = 0;
    const uint64_t limit = run->synth->slice_events > 0 ? run->synth->slice_events : SLICE_EVENTS;
    while (to < COARSE_BUCKETS && (to == from || *n_events + run->n_counts[to] <= limit)) *n_events += run->n_counts[to++];
    return to;
}

static uint64_t largest_slice(const struct run *run)
{
    uint64_t largest = 0, n;
    for (uint32_t from = 0; from < COARSE_BUCKETS;) {
        from = slice_end(run, from, &n);
        if (n > largest) largest = n;
    }
    return largest;
}

static assay_status make_slices(struct run *run, struct asy_mem *mem, struct asy_synth_rows *rows, const struct asy_synth_sink *sink,
                                struct assay_error *error)
{
    run->cap_keys = largest_slice(run);
    run->keys = asy_mem_alloc_n(mem, run->cap_keys, sizeof(*run->keys));
    run->sorted = asy_mem_alloc_n(mem, run->cap_keys, sizeof(*run->sorted));
    assay_status status = run->keys != NULL && run->sorted != NULL ? ASSAY_OK : asy_fail(error, ASSAY_E_NOMEM, "assay synth: out of memory");
    for (uint32_t from = 0; status == ASSAY_OK && from < COARSE_BUCKETS;) {
        uint64_t n;
        const uint32_t to = slice_end(run, from, &n);
        run->from_key = (uint64_t)from << (38 + COARSE_SHIFT);
        run->to_key = to < COARSE_BUCKETS ? (uint64_t)to << (38 + COARSE_SHIFT) : UINT64_MAX;
        run->n_keys = 0;
        from = to;
        if (n == 0) continue;
        status = for_each_event(run, sink, keep_event, error);
        if (status != ASSAY_OK) break;
        ASY_CHECK(run->n_keys == n, run->n_keys, n);
        sort_slice(run);
        status = print_slice(run, rows, sink, error);
    }
    asy_mem_free(mem, run->keys, run->cap_keys * sizeof(*run->keys));
    asy_mem_free(mem, run->sorted, run->cap_keys * sizeof(*run->sorted));
    return status;
}

assay_status asy_synth_events(const struct asy_synth *synth, struct asy_mem *mem, const struct asy_synth_sink *sink,
                              uint64_t *n_events, struct assay_error *error)
{
    struct run *run = asy_mem_alloc(mem, sizeof(*run));
    if (run == NULL) return asy_fail(error, ASSAY_E_NOMEM, "assay synth: out of memory");
    run->synth = synth;
    run->as_of_day = synth->as_of_s / ASY_DAY_S;
    run->base_s = (run->as_of_day - BACK_DAYS) * ASY_DAY_S;
    run->day = INT64_MIN;
    mix_init(&run->mix);
    share_out(run);

    struct asy_synth_rows rows;
    assay_status status = asy_synth_rows_init(&rows, mem, sink, error);
    if (status == ASSAY_OK && !synth->is_json) put_text(&rows, "lead_id,event,time,page\n");
    if (status == ASSAY_OK && run->n_total > 0) {
        status = for_each_event(run, sink, count_event, error);
        if (status == ASSAY_OK) status = make_slices(run, mem, &rows, sink, error);
    }
    if (status == ASSAY_OK) status = asy_synth_rows_flush(&rows, error);
    asy_synth_rows_fini(&rows);
    *n_events = rows.n_rows;
    asy_mem_free(mem, run, sizeof(*run));
    return status;
}
