/* Made-up data: the same bytes for the same options, whatever the machine and the memory at hand, and the shapes that are promised. */
#include <criterion/criterion.h>

#include "base/check.h"
#include "base/hash.h"
#include "cli/synth.h"

#define AS_OF_S 1793491200 /* 2026-11-01T00:00:00Z */

struct text {
    char *p;
    size_t len, cap;
};

static assay_status keep(void *ctx, struct asy_str bytes, struct assay_error *error)
{
    (void)error;
    struct text *text = ctx;
    if (text->cap - text->len < bytes.len + 1) {
        text->cap = (text->cap + bytes.len) * 2 + 1;
        text->p = realloc(text->p, text->cap);
        cr_assert_not_null(text->p);
    }
    memcpy(text->p + text->len, bytes.p, bytes.len);
    text->len += bytes.len;
    text->p[text->len] = '\0';
    return ASSAY_OK;
}

struct made {
    struct text leads, events;
    uint64_t n_events;
};

static struct made make(struct asy_synth synth)
{
    struct asy_mem mem;
    struct assay_error error = {0};
    struct made made = {0};
    asy_mem_init(&mem, NULL);
    struct asy_synth_sink sink = {.ctx = &made.leads, .write = keep};
    cr_assert_eq(asy_synth_leads(&synth, &mem, &sink, &error), ASSAY_OK, "%s", error.text);
    sink.ctx = &made.events;
    cr_assert_eq(asy_synth_events(&synth, &mem, &sink, &made.n_events, &error), ASSAY_OK, "%s", error.text);
    cr_assert_eq(mem.live_bytes, 0);
    return made;
}

static void drop(struct made *made)
{
    free(made->leads.p);
    free(made->events.p);
}

static uint64_t checksum(const struct text *text)
{
    return asy_checksum((struct asy_str){text->p, (uint32_t)text->len});
}

/* Cell `column` of a CSV line without quotes inside quotes; the text is the inside of the quotes. */
static struct asy_str cell(const char *line, uint32_t column)
{
    for (;;) {
        const bool is_quoted = *line == '"';
        const char *start = line + is_quoted;
        const char *end = start + strcspn(start, is_quoted ? "\"" : ",\n");
        if (column-- == 0) return (struct asy_str){start, (uint32_t)(end - start)};
        line = end + is_quoted;
        if (*line != ',') return (struct asy_str){NULL, 0};
        line++;
    }
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end != NULL ? end + 1 : line + strlen(line);
}

static uint32_t column_of(const struct text *text, const char *name)
{
    for (uint32_t i = 0;; i++) {
        const struct asy_str head = cell(text->p, i);
        cr_assert_not_null(head.p, "no column %s", name);
        if (asy_str_is(head, name)) return i;
    }
}

static const struct asy_synth small = {.n_leads = 2000, .events_per_lead = 20, .seed = 7, .as_of_s = AS_OF_S};

/* If the generator was changed on purpose, put the figures that this prints here: they are the promise to other machines. */
Test(synth, same_bytes_on_every_machine)
{
    struct made csv = make(small);
    struct asy_synth as_json = small;
    as_json.is_json = true;
    struct made json = make(as_json);
    cr_expect_eq(checksum(&csv.leads), UINT64_C(0x887c6406af8f0b76), "found 0x%" PRIx64, checksum(&csv.leads));
    cr_expect_eq(checksum(&csv.events), UINT64_C(0x5a1217d35e1da9c), "found 0x%" PRIx64, checksum(&csv.events));
    cr_expect_eq(checksum(&json.leads), UINT64_C(0xd1ebe49f2ae65bb2), "found 0x%" PRIx64, checksum(&json.leads));
    cr_expect_eq(checksum(&json.events), UINT64_C(0xf3be7cdf6983b192), "found 0x%" PRIx64, checksum(&json.events));
    drop(&csv);
    drop(&json);
}

Test(synth, slices_and_reruns_change_nothing_and_seeds_do)
{
    struct made first = make(small);
    struct asy_synth sliced = small;
    sliced.slice_events = 700;
    struct made second = make(sliced);
    cr_expect_eq(checksum(&first.leads), checksum(&second.leads));
    cr_expect_eq(checksum(&first.events), checksum(&second.events));
    drop(&second);

    struct asy_synth seeded = small;
    seeded.seed = 8;
    second = make(seeded);
    cr_expect_neq(checksum(&first.leads), checksum(&second.leads));
    cr_expect_neq(checksum(&first.events), checksum(&second.events));
    drop(&second);
    drop(&first);
}

Test(synth, edges)
{
    static const struct { uint64_t n_leads, per_lead; } cases[] = {{1, 0}, {1, 1}, {3, 1}, {9, 1000}, {100, 0}};
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        struct made made = make((struct asy_synth){.n_leads = cases[i].n_leads, .events_per_lead = cases[i].per_lead, .seed = 1, .as_of_s = AS_OF_S});
        uint64_t n_lines = 0;
        for (const char *line = made.leads.p; *line != '\0'; line = next_line(line)) n_lines++;
        cr_expect_eq(n_lines, cases[i].n_leads + 1);
        n_lines = 0;
        for (const char *line = made.events.p; *line != '\0'; line = next_line(line)) n_lines++;
        cr_expect_eq(n_lines, made.n_events + 1);
        cr_expect(made.n_events == cases[i].n_leads * cases[i].per_lead || made.n_events == 0);
        drop(&made);
    }
}

static bool stop(void *ctx, uint64_t n_rows, uint64_t done, uint64_t total)
{
    (void)ctx;
    (void)n_rows;
    (void)done;
    (void)total;
    return false;
}

Test(synth, can_be_interrupted)
{
    struct asy_mem mem;
    struct assay_error error = {0};
    struct text text = {0};
    uint64_t n_events;
    asy_mem_init(&mem, NULL);
    const struct asy_synth_sink sink = {.ctx = &text, .write = keep, .progress = stop};
    cr_expect_eq(asy_synth_leads(&small, &mem, &sink, &error), ASSAY_E_CANCELLED);
    cr_expect_eq(asy_synth_events(&small, &mem, &sink, &n_events, &error), ASSAY_E_CANCELLED);
    cr_expect_str_eq(error.text, "assay synth: interrupted, nothing was written");
    cr_expect_eq(mem.live_bytes, 0);
    free(text.p);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, 18);
}
static int compare_counts(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

static double missing_share(const struct text *leads, const char *column)
{
    const uint32_t at = column_of(leads, column);
    uint64_t n = 0, n_missing = 0;
    for (const char *line = next_line(leads->p); *line != '\0'; line = next_line(line), n++) n_missing += cell(line, at).len == 0;
    return (double)n_missing / (double)n;
}

Test(synth, leads_look_like_leads)
{
    enum { N = 20000 };
    struct made made = make((struct asy_synth){.n_leads = N, .events_per_lead = 0, .seed = 3, .as_of_s = AS_OF_S});
    static const struct { const char *column; double missing; } columns[] = {
        {"contact.email", 0}, {"contact.name", 0.04}, {"company.domain", 0.06}, {"company.employees", 0.12}, {"company.country", 0.05},
        {"company.industry", 0.09}, {"company.revenue_usd", 0.35}, {"contact.title", 0.08}, {"contact.seniority", 0.20},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(columns); i++) {
        const double share = missing_share(&made.leads, columns[i].column);
        cr_expect(share > columns[i].missing - 0.015 && share < columns[i].missing + 0.015, "%s: %.3f", columns[i].column, share);
    }

    static char ids[N][18];
    const uint32_t email = column_of(&made.leads, "contact.email"), domain = column_of(&made.leads, "company.domain");
    uint32_t n = 0, n_free_mail = 0, n_target = 0;
    for (const char *line = next_line(made.leads.p); *line != '\0'; line = next_line(line)) {
        const struct asy_str id = cell(line, 0), mail = cell(line, email), home = cell(line, domain);
        cr_assert_eq(id.len, 18);
        cr_assert_eq(memcmp(id.p, "00Q5e00000", 10), 0);
        memcpy(ids[n++], id.p, 18);
        const bool is_free = asy_str_ends(mail, ASY_STR("@gmail.com")) || asy_str_ends(mail, ASY_STR("@yahoo.com")) || asy_str_ends(mail, ASY_STR("@hotmail.com"));
        n_free_mail += is_free;
        cr_assert(is_free || asy_str_ends(mail, ASY_STR(".example")), "nobody's address");
        n_target += asy_str_is(home, "bigbank.example") || asy_str_is(home, "megaretail.example");
    }
    cr_assert_eq(n, N);
    cr_expect(n_free_mail > N * 4 / 100 && n_free_mail < N * 6 / 100, "%u", n_free_mail);
    cr_expect(n_target > 10 && n_target < N / 50, "%u", n_target);
    qsort(ids, N, 18, compare);
    for (uint32_t i = 1; i < N; i++) cr_assert_neq(memcmp(ids[i - 1], ids[i], 18), 0, "ids are unique");
    drop(&made);
}

Test(synth, events_have_the_shapes_that_are_promised)
{
    enum { N = 20000, MEAN = 20 };
    struct made made = make((struct asy_synth){.n_leads = N, .events_per_lead = MEAN, .seed = 3, .as_of_s = AS_OF_S});
    cr_assert_eq(made.n_events, N * MEAN, "exactly the mean that was asked for");

    static char ids[N * MEAN][18];
    uint64_t n = 0, n_future = 0, n_opens = 0, n_demos = 0, n_recent = 0;
    struct asy_str before = ASY_STR("");
    for (const char *line = next_line(made.events.p); *line != '\0'; line = next_line(line)) {
        const struct asy_str time = cell(line, 2);
        cr_assert_eq(time.len, 20);
        cr_assert_leq(asy_str_cmp(before, time), 0, "in order of time");
        before = time;
        memcpy(ids[n++], cell(line, 0).p, 18);
        n_future += asy_str_cmp(time, ASY_STR("2026-11-01T00:00:00Z")) > 0;
        n_recent += asy_str_cmp(time, ASY_STR("2026-05-01T00:00:00Z")) > 0;
        n_opens += asy_str_is(cell(line, 1), "email_open");
        n_demos += asy_str_is(cell(line, 1), "demo_request");
        cr_assert_geq(asy_str_cmp(time, ASY_STR("2025-04-25T00:00:00Z")), 0, "18 months back");
    }
    cr_expect(n_future > n / 2000 && n_future < n / 500, "%" PRIu64, n_future);
    cr_expect(n_opens > n * 30 / 100 && n_opens < n * 50 / 100, "%" PRIu64, n_opens);
    cr_expect(n_demos > n / 2000 && n_demos < n / 100, "%" PRIu64, n_demos);
    cr_expect(n_recent > n * 30 / 100 && n_recent < n * 75 / 100, "%" PRIu64, n_recent);

    qsort(ids, N * MEAN, 18, compare);
    static uint32_t counts[N];
    uint32_t n_active = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (i == 0 || memcmp(ids[i - 1], ids[i], 18) != 0) n_active++;
        counts[n_active - 1]++;
    }
    cr_expect(n_active > N * 84 / 100 && n_active < N * 86 / 100, "15 %% have none: %u", n_active);
    qsort(counts, N, sizeof(counts[0]), compare_counts);
    uint64_t top = 0;
    for (uint32_t i = 0; i < N / 100; i++) top += counts[i];
    cr_expect(top > n * 15 / 100 && top < n * 40 / 100, "a hundredth of the leads has a good share of the events: %" PRIu64, top);
    cr_expect(counts[N / 2] >= 3 && counts[N / 2] <= 10, "and half have few: %u", counts[N / 2]);
    drop(&made);
}
