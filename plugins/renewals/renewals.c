/* When is it worth coming back to a lead that did not buy? Before the contract with its present vendor is renewed, or a good while
 * after it was lost, if the reason for losing it can pass.
 *
 * The moment to come back is `days_before` the renewal, or `after_lost` after the loss; the earlier of the two counts. If it has gone
 * by already, it is now: a due time is never in the past. A renewal that has gone by says nothing about the next one. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/plugin.h"

enum { DOMAIN_COLUMN, RENEWAL_COLUMN, LOST_AT_COLUMN, LOSS_REASON_COLUMN, N_COLUMNS };
enum { DAYS_BEFORE_PARAM, DATES_PARAM, AHEAD_PARAM, AFTER_LOST_PARAM, REASONS_PARAM, N_PARAMS };
enum { RENEWAL_NEAR = 1, CLOSED_LOST_AGAIN = 2 };

#define DAY_S 86400ll
#define NEVER_S INT64_MAX

static const struct assay_want wants[] = {
    {"domain", ASSAY_TEXT_COLUMN, ASSAY_WANT_OPTIONAL, "the company's domain, to find it in `dates`"},
    {"renewal", ASSAY_TIME_COLUMN, ASSAY_WANT_OPTIONAL, "when its present contract is renewed; goes before `dates`"},
    {"lost_at", ASSAY_TIME_COLUMN, ASSAY_WANT_OPTIONAL, "when the deal was lost"},
    {"loss_reason", ASSAY_TEXT_COLUMN, ASSAY_WANT_OPTIONAL, "why"},
};
static const struct assay_param params[] = {
    {"days_before", ASSAY_INT_PARAM, 0, "90", "days before the renewal to come back", 1, 730},
    {"dates", ASSAY_FILE_PARAM, 0, NULL, "CSV: domain, date of renewal as YYYY-MM-DD", 0, 0},
    {"ahead", ASSAY_DURATION_PARAM, 0, "365d", "moments further away than this are left for a later run", 0, 3650 * DAY_S},
    {"after_lost", ASSAY_DURATION_PARAM, 0, "180d", "time after the loss to come back", 0, 3650 * DAY_S},
    {"reasons", ASSAY_TEXTS_PARAM, 0, NULL, "losses that may come back (timing, budget ...); without it: all", 0, 0},
};
static const struct assay_reason reasons[] = {
    {RENEWAL_NEAR, 0, "renewal_near", "The contract with the present vendor is about to be renewed"},
    {CLOSED_LOST_AGAIN, 0, "closed_lost_again", "The deal was lost a while ago, for a reason that can pass"},
};

struct state {
    int64_t before_s, ahead_s, after_lost_s;
    int64_t *renewal_s;      /* by code of domain; NEVER_S: not in the file */
    uint8_t *may_come_back;  /* by code of loss_reason: 0 or 1 */
    uint32_t n_domains, n_loss_reasons;
};

/* Dates by domain while create() runs: open addressing, n_places a power of two. */
struct dates {
    struct date {
        struct assay_text domain;
        int64_t renewal_s;
    } *items;
    uint32_t n_places;
};

__attribute__((format(printf, 2, 3))) static int32_t fail(struct assay_plugin_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return -1;
}

/* -- texts ------------------------------------------------------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool same_folded(struct assay_text a, struct assay_text b)
{
    if (a.n_bytes != b.n_bytes) return false;
    for (uint64_t i = 0; i < a.n_bytes; i++)
        if (lower(a.p[i]) != lower(b.p[i])) return false;
    return true;
}

static struct assay_text trim(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '"')) p++;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r' || end[-1] == '"')) end--;
    return (struct assay_text){p, (uint64_t)(end - p)};
}

/* -- dates ------------------------------------------------------------------------------------------------------- */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* `n` digits, or -1. */
static int64_t read_digits(const char *p, uint32_t n)
{
    int64_t value = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') return -1;
        value = value * 10 + (p[i] - '0');
    }
    return value;
}

/* Midnight UTC of YYYY-MM-DD, 1970 to 2105 (a due time has 32 bits). */
static bool read_date(struct assay_text text, int64_t *out_s)
{
    static const uint8_t n_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (text.n_bytes != 10 || text.p[4] != '-' || text.p[7] != '-') return false;
    const int64_t year = read_digits(text.p, 4), month = read_digits(text.p + 5, 2), day = read_digits(text.p + 8, 2);
    if (year < 1970 || year > 2105 || month < 1 || month > 12 || day < 1) return false;
    if (day > n_days[month - 1] + (month == 2 && is_leap(year))) return false;
    int64_t days = day - 1;
    for (int64_t y = 1970; y < year; y++) days += is_leap(y) ? 366 : 365;
    for (int64_t m = 1; m < month; m++) days += n_days[m - 1] + (m == 2 && is_leap(year));
    *out_s = days * DAY_S;
    return true;
}

/* Eight letters at a time, the bit set that is all that case changes in one: domains that are the same but for case have one hash. */
static uint64_t hash_of(struct assay_text text)
{
    uint64_t hash = text.n_bytes;
    for (uint64_t at = 0; at < text.n_bytes; at += 8) {
        uint64_t letters = 0;
        if (at + 8 <= text.n_bytes) memcpy(&letters, text.p + at, 8);
        else memcpy(&letters, text.p + at, text.n_bytes - at);
        hash = (hash ^ (letters | 0x2020202020202020ull)) * 0x9e3779b97f4a7c15ull;
        hash ^= hash >> 32;
    }
    return hash;
}

/* The entry of a domain, or the free one where it belongs. */
static struct date *date_entry(const struct dates *dates, struct assay_text domain)
{
    uint32_t at = (uint32_t)hash_of(domain) & (dates->n_places - 1);
    while (dates->items[at].domain.p != NULL && !same_folded(dates->items[at].domain, domain)) at = (at + 1) & (dates->n_places - 1);
    return &dates->items[at];
}

static int32_t read_line(struct dates *dates, const char *p, const char *end, uint32_t line, struct assay_plugin_error *error)
{
    if (trim(p, end).n_bytes == 0 || *trim(p, end).p == '#') return 0;
    const char *comma = memchr(p, ',', (size_t)(end - p));
    const struct assay_text domain = trim(p, comma != NULL ? comma : end), date = comma != NULL ? trim(comma + 1, end) : trim(end, end);
    if (line == 1 && same_folded(domain, (struct assay_text){"domain", 6})) return 0; /* a header */
    int64_t renewal_s;
    if (domain.n_bytes == 0 || !read_date(date, &renewal_s))
        return fail(error, "dates: line %u: expected domain,YYYY-MM-DD (1970 to 2105), found `%.*s`", line,
                    end - p > 60 ? 60 : (int)(end - p), p);
    struct date *entry = date_entry(dates, domain);
    /* Of two dates the later: the file of the last year is often still at the top. */
    if (entry->domain.p == NULL || entry->renewal_s < renewal_s) *entry = (struct date){domain, renewal_s};
    return 0;
}

static int32_t read_dates(struct dates *dates, struct assay_text file, struct assay_plugin_error *error)
{
    uint64_t n_lines = 1;
    for (uint64_t i = 0; i < file.n_bytes; i++) n_lines += file.p[i] == '\n';
    dates->n_places = 16;
    while (dates->n_places < 2 * n_lines) dates->n_places *= 2;
    dates->items = calloc(dates->n_places, sizeof(*dates->items));
    if (dates->items == NULL) return fail(error, "out of memory");
    const char *p = file.p, *end = file.p + file.n_bytes;
    for (uint32_t line = 1; p < end; line++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (stop == NULL) stop = end;
        if (read_line(dates, p, stop, line, error) != 0) return -1;
        p = stop < end ? stop + 1 : end;
    }
    return 0;
}

/* -- the plugin -------------------------------------------------------------------------------------------------- */

static void destroy(void *p)
{
    struct state *state = p;
    if (state == NULL) return;
    free(state->renewal_s);
    free(state->may_come_back);
    free(state);
}

/* A date for every distinct domain: run() has no text to compare. */
static bool look_up_domains(struct state *state, const struct assay_host *host, const struct assay_dictionary *dictionary,
                            const struct dates *dates)
{
    state->n_domains = dictionary->n_codes(host, DOMAIN_COLUMN);
    state->renewal_s = malloc(((size_t)state->n_domains + 1) * sizeof(*state->renewal_s));
    if (state->renewal_s == NULL) return false;
    for (uint32_t code = 0; code < state->n_domains; code++) {
        const struct date *entry = date_entry(dates, dictionary->text(host, DOMAIN_COLUMN, code));
        state->renewal_s[code] = entry->domain.p != NULL ? entry->renewal_s : NEVER_S;
    }
    return true;
}

/* Code 0, no reason on record, may come back only if any reason may. It is there even when the rule file gives no such column. */
static bool look_up_reasons(struct state *state, const struct assay_host *host, const struct assay_dictionary *dictionary,
                            const struct assay_value *allowed)
{
    const uint32_t n_codes = dictionary->n_codes(host, LOSS_REASON_COLUMN);
    state->n_loss_reasons = n_codes > 0 ? n_codes : 1;
    state->may_come_back = malloc(state->n_loss_reasons);
    if (state->may_come_back == NULL) return false;
    state->may_come_back[0] = allowed->n_texts == 0;
    for (uint32_t code = 1; code < n_codes; code++) {
        const struct assay_text text = dictionary->text(host, LOSS_REASON_COLUMN, code);
        bool is_allowed = allowed->n_texts == 0;
        for (uint32_t i = 0; i < allowed->n_texts; i++) is_allowed |= same_folded(text, allowed->texts[i]);
        state->may_come_back[code] = is_allowed;
    }
    return true;
}

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **out, struct assay_plugin_error *error)
{
    const struct assay_dictionary *dictionary = host->service(host, "assay.dictionary/1");
    if (dictionary == NULL) return fail(error, "expected an engine with assay.dictionary/1, found one without");
    struct state *state = calloc(1, sizeof(*state));
    if (state == NULL) return fail(error, "out of memory");
    state->before_s = values[DAYS_BEFORE_PARAM].i * DAY_S;
    state->ahead_s = values[AHEAD_PARAM].i;
    state->after_lost_s = values[AFTER_LOST_PARAM].i;
    struct dates dates = {NULL, 0};
    int32_t status = read_dates(&dates, values[DATES_PARAM].text, error);
    if (status == 0 && (!look_up_domains(state, host, dictionary, &dates) ||
                        !look_up_reasons(state, host, dictionary, &values[REASONS_PARAM])))
        status = fail(error, "out of memory");
    free(dates.items);
    if (status != 0) destroy(state);
    else *out = state;
    return status;
}

static int64_t later(int64_t a_s, int64_t b_s)
{
    return a_s > b_s ? a_s : b_s;
}

/* When to come back because of a renewal, NEVER_S if there is none ahead. Times may be anything: compared before they are reckoned with. */
static int64_t due_before_renewal(const struct state *state, int64_t renewal_s, int64_t now_s)
{
    if (renewal_s <= now_s || renewal_s > (int64_t)UINT32_MAX) return NEVER_S;
    return later(renewal_s - state->before_s, now_s);
}

static int64_t due_after_loss(const struct state *state, int64_t lost_at_s, int64_t now_s)
{
    return lost_at_s > now_s ? NEVER_S : later(lost_at_s + state->after_lost_s, now_s);
}

static int64_t renewal_of(const struct state *state, const struct assay_batch *batch, uint32_t row)
{
    const struct assay_column *renewal = &batch->columns[RENEWAL_COLUMN];
    if (renewal->null[row] == 0) return ((const int64_t *)renewal->data)[row];
    const uint32_t domain = ((const uint32_t *)batch->columns[DOMAIN_COLUMN].data)[row];
    return domain < state->n_domains ? state->renewal_s[domain] : NEVER_S;
}

static bool is_worth_another_try(const struct state *state, const struct assay_batch *batch, uint32_t row)
{
    if (batch->columns[LOST_AT_COLUMN].null[row] != 0) return false;
    const uint32_t reason = ((const uint32_t *)batch->columns[LOSS_REASON_COLUMN].data)[row];
    return reason < state->n_loss_reasons && state->may_come_back[reason];
}

static int32_t run(void *p, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    (void)error;
    const struct state *state = p;
    const int64_t now_s = batch->now_s;
    /* A due time has 32 bits, so the last one that can be told is in 2106. */
    const int64_t last_s = now_s < (int64_t)UINT32_MAX - state->ahead_s ? now_s + state->ahead_s : (int64_t)UINT32_MAX;
    const int64_t *lost_at = batch->columns[LOST_AT_COLUMN].data;
    for (uint32_t row = 0; row < batch->n_rows; row++) {
        const int64_t renewal_s = due_before_renewal(state, renewal_of(state, batch, row), now_s);
        const int64_t again_s = is_worth_another_try(state, batch, row) ? due_after_loss(state, lost_at[row], now_s) : NEVER_S;
        const int64_t due_s = again_s < renewal_s ? again_s : renewal_s;
        const uint16_t reason = again_s < renewal_s ? CLOSED_LOST_AGAIN : RENEWAL_NEAR;
        verdict->reason[row] = due_s <= last_s ? reason : ASSAY_NO_REASON;
        verdict->due_s[row] = due_s <= last_s ? due_s : ASSAY_NO_DUE;
    }
    return 0;
}

ASSAY_PLUGIN_NOTE;
const struct assay_plugin assay_entry_v1 = {
    ASSAY_ABI_HEADER,
    .kind = ASSAY_RECYCLE,
    .caps = ASSAY_CAP_READS_TIME | ASSAY_CAP_SHARED_STATE,
    .id = "assay.renewals",
    .version = "1.0",
    .help = "leads to come back to: before a renewal, or a while after a loss",
    .n_wants = N_COLUMNS,
    .n_params = N_PARAMS,
    .n_reasons = 2,
    .wants = wants,
    .params = params,
    .reasons = reasons,
    .create = create,
    .run = run,
    .destroy = destroy,
};
