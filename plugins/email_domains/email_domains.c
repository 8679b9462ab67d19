/* Does the lead write from a throw-away address, or from a free one? Looks at the domain of the address only.
 *
 * The first plugin to read: create() looks at every distinct domain once and keeps a byte for each; run() looks that byte up. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/plugin.h"

enum { DOMAIN_COLUMN, N_COLUMNS };
enum { DISPOSABLE_PARAM, FREE_PARAM, ALLOW_PARAM, SUBDOMAINS_PARAM, N_PARAMS };
enum { DISPOSABLE_EMAIL = 1, FREE_EMAIL = 2 };

static const struct assay_want wants[] = {
    {"domain", ASSAY_TEXT_COLUMN, 0, "domain of the e-mail address; of a whole address, what is behind its @"},
};
static const struct assay_param params[] = {
    {"disposable", ASSAY_FILE_PARAM, 0, NULL, "domains of throw-away addresses, one a line; # begins a comment", 0, 0},
    {"free", ASSAY_FILE_PARAM, 0, NULL, "domains where anybody can have an address, likewise", 0, 0},
    {"allow", ASSAY_TEXTS_PARAM, 0, NULL, "domains that are fine although a list has them", 0, 0},
    {"subdomains", ASSAY_BOOL_PARAM, 0, "yes", "does a list that has x.example mean mail.x.example too?", 0, 0},
};
static const struct assay_reason reasons[] = {
    {DISPOSABLE_EMAIL, 0, "disposable_email", "The e-mail domain is a known disposable provider"},
    {FREE_EMAIL, 0, "free_email", "The e-mail domain is a free provider, not a company's"},
};

struct state {
    uint8_t *reason; /* by code of domain */
    uint32_t n_codes;
};

/* The lists while create() runs: open addressing, n_places a power of two. */
struct list {
    struct entry {
        struct assay_text domain;
        uint8_t reason; /* ASSAY_NO_REASON: allowed */
    } *items;
    uint64_t n_places;
};

__attribute__((format(printf, 2, 3))) static int32_t fail(struct assay_plugin_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return -1;
}

/* -- domains ----------------------------------------------------------------------------------------------------- */

/* Domains compare without case (RFC 4343); others than ASCII letters are written in ASCII in an address that is sent. */
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
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '.')) p++;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r' || end[-1] == '.')) end--;
    return (struct assay_text){p, (uint64_t)(end - p)};
}

/* What is behind the last @, if there is one. */
static struct assay_text domain_of(struct assay_text text)
{
    const char *start = text.p, *end = text.p + text.n_bytes;
    for (const char *p = start; p < end; p++)
        if (*p == '@') start = p + 1;
    return trim(start, end);
}

/* "mail.x.example" -> "x.example" -> "example" -> "" */
static struct assay_text parent_of(struct assay_text domain)
{
    const char *dot = domain.n_bytes > 0 ? memchr(domain.p, '.', domain.n_bytes) : NULL;
    const char *end = domain.p + domain.n_bytes;
    return dot != NULL ? (struct assay_text){dot + 1, (uint64_t)(end - dot - 1)} : (struct assay_text){end, 0};
}

/* -- lists ------------------------------------------------------------------------------------------------------- */

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
static struct entry *list_entry(const struct list *list, struct assay_text domain)
{
    uint64_t at = hash_of(domain) & (list->n_places - 1);
    while (list->items[at].domain.p != NULL && !same_folded(list->items[at].domain, domain)) at = (at + 1) & (list->n_places - 1);
    return &list->items[at];
}

/* What is in the list already stays: what is allowed is put in first, then what is disposable. */
static void list_add(struct list *list, struct assay_text domain, uint8_t reason)
{
    if (domain.n_bytes == 0) return;
    struct entry *entry = list_entry(list, domain);
    if (entry->domain.p == NULL) *entry = (struct entry){domain, reason};
}

static int32_t list_add_file(struct list *list, struct assay_text file, const char *name, uint8_t reason, struct assay_plugin_error *error)
{
    const char *p = file.p, *end = file.p + file.n_bytes;
    for (uint32_t line = 1; p < end; line++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (stop == NULL) stop = end;
        const char *comment = memchr(p, '#', (size_t)(stop - p));
        const struct assay_text domain = trim(p, comment != NULL ? comment : stop);
        for (uint64_t i = 0; i < domain.n_bytes; i++)
            if (strchr(" \t,;@/", domain.p[i]) != NULL)
                return fail(error, "%s: line %u: expected one domain such as mail.example, found `%.*s`", name, line,
                            domain.n_bytes > 60 ? 60 : (int)domain.n_bytes, domain.p);
        list_add(list, domain, reason);
        p = stop < end ? stop + 1 : end;
    }
    return 0;
}

static uint64_t count_lines(struct assay_text file)
{
    uint64_t n = 1;
    for (uint64_t i = 0; i < file.n_bytes; i++) n += file.p[i] == '\n';
    return n;
}

static int32_t make_list(struct list *list, const struct assay_value *values, struct assay_plugin_error *error)
{
    const struct assay_value *allow = &values[ALLOW_PARAM];
    const uint64_t n_max = count_lines(values[DISPOSABLE_PARAM].text) + count_lines(values[FREE_PARAM].text) + allow->n_texts;
    list->n_places = 16;
    while (list->n_places < 2 * n_max) list->n_places *= 2;
    list->items = calloc(list->n_places, sizeof(*list->items));
    if (list->items == NULL) return fail(error, "out of memory");
    for (uint32_t i = 0; i < allow->n_texts; i++) list_add(list, domain_of(allow->texts[i]), ASSAY_NO_REASON);
    if (list_add_file(list, values[DISPOSABLE_PARAM].text, "disposable", DISPOSABLE_EMAIL, error) != 0) return -1;
    return list_add_file(list, values[FREE_PARAM].text, "free", FREE_EMAIL, error);
}

/* The nearest entry counts: `allow: [team.x.example]` lets that part of a listed x.example through. */
static uint8_t judge_domain(const struct list *list, struct assay_text domain, bool with_parents)
{
    for (; domain.n_bytes > 0; domain = parent_of(domain)) {
        const struct entry *entry = list_entry(list, domain);
        if (entry->domain.p != NULL) return entry->reason;
        if (!with_parents) break;
    }
    return ASSAY_NO_REASON;
}

/* -- the plugin -------------------------------------------------------------------------------------------------- */

static void destroy(void *p)
{
    struct state *state = p;
    if (state == NULL) return;
    free(state->reason);
    free(state);
}

static struct state *make_state(const struct assay_host *host, const struct assay_dictionary *dictionary, const struct list *list,
                                bool with_parents)
{
    struct state *state = calloc(1, sizeof(*state));
    if (state == NULL) return NULL;
    state->n_codes = dictionary->n_codes(host, DOMAIN_COLUMN);
    state->reason = calloc((size_t)state->n_codes + 1, 1);
    if (state->reason == NULL) {
        destroy(state);
        return NULL;
    }
    for (uint32_t code = 1; code < state->n_codes; code++) /* 0 is the empty text */
        state->reason[code] = judge_domain(list, domain_of(dictionary->text(host, DOMAIN_COLUMN, code)), with_parents);
    return state;
}

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **out, struct assay_plugin_error *error)
{
    const struct assay_dictionary *dictionary = host->service(host, "assay.dictionary/1");
    if (dictionary == NULL) return fail(error, "expected an engine with assay.dictionary/1, found one without");
    struct list list = {NULL, 0};
    int32_t status = make_list(&list, values, error);
    if (status == 0) {
        *out = make_state(host, dictionary, &list, values[SUBDOMAINS_PARAM].i != 0);
        if (*out == NULL) status = fail(error, "out of memory");
    }
    free(list.items);
    return status;
}

static int32_t run(void *p, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    (void)error;
    const struct state *state = p;
    const uint32_t *domain = batch->columns[DOMAIN_COLUMN].data;
    /* All rows, selected or not: a dense loop is the fastest. Rows that are not selected hold anything at all, hence the comparison. */
    for (uint32_t row = 0; row < batch->n_rows; row++)
        verdict->reason[row] = domain[row] < state->n_codes ? state->reason[domain[row]] : ASSAY_NO_REASON;
    return 0;
}

ASSAY_PLUGIN_NOTE;
const struct assay_plugin assay_entry_v1 = {
    ASSAY_ABI_HEADER,
    .kind = ASSAY_DISQUALIFY,
    .caps = ASSAY_CAP_SHARED_STATE,
    .id = "assay.email_domains",
    .version = "1.0",
    .help = "leads with disposable or free e-mail addresses",
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
