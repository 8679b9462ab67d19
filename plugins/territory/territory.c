/* Which sales representative gets the lead? Those whose territory has it share it by capacity, and a lead stays where it is when people
 * come and go: somebody new takes leads only for himself, somebody who leaves gives only his own away.
 *
 * That is weighted rendezvous hashing: every lead and every representative have a number u in (0, 1) together, made by hashing,
 * and the representative with the least -ln(u) / capacity gets the lead, which each of them is with a chance of capacity / sum of
 * capacities. (D. G. Thaler and C. V. Ravishankar, "A name-based mapping scheme for rendezvous", 1996; with weights: C. Schindelhauer and
 * G. Schomaker, "Weighted distributed hash tables", 2005.) Logarithms of libraries differ in their last bits between machines, so ours is
 * a table made by integer arithmetic; any base does, so it is the one of 2.
 *
 * Territories are asked from the narrowest: the state, the country, then anywhere. A wider one is asked only if nobody of the narrower
 * one takes a lead of that size. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/plugin.h"

enum { COUNTRY_COLUMN, EMPLOYEES_COLUMN, STATE_COLUMN, N_COLUMNS };
enum { REPS_PARAM, N_PARAMS };
enum { TERRITORY_MATCH = 1, FALLBACK_REP = 2 };
enum { PLACES_MAX = 65534, CAPACITY_MAX = 1000000, REPS_MAX = 10000 };
enum { LOG_ENTRIES_LOG2 = 10, LOG_ENTRIES = 1 << LOG_ENTRIES_LOG2 };

static const struct assay_want wants[] = {
    {"country", ASSAY_TEXT_COLUMN, 0, "two letters, ISO 3166-1"},
    {"employees", ASSAY_INT_COLUMN, ASSAY_WANT_OPTIONAL, "for representatives who take companies of some size only"},
    {"state", ASSAY_TEXT_COLUMN, ASSAY_WANT_OPTIONAL, "state or province, as it is written in the territories"},
};
static const struct assay_param params[] = {
    {"reps", ASSAY_FILE_PARAM, ASSAY_PARAM_REQUIRED, NULL, "CSV: name, territories, min_employees, max_employees, capacity", 0, 0},
};
static const struct assay_reason reasons[] = {
    {TERRITORY_MATCH, 0, "territory_match", "The representative has this territory"},
    {FALLBACK_REP, 0, "fallback_rep", "Nobody has this territory; the representative takes what is left"},
};

struct rep {
    uint64_t hash; /* of the name: his place in the file does not matter */
    int64_t min_employees, max_employees;
    uint32_t capacity;
    int32_t target;
};

/* "US-CA", "US" or "*" and who has it. Place 0 is anywhere. */
struct place {
    struct assay_text name;
    uint32_t n_reps, cap;
    uint32_t *reps;
};

struct state {
    uint32_t n_reps, n_places, cap_reps, cap_places;
    struct rep *reps;
    struct place *places;
    uint32_t n_countries, n_states;
    uint32_t *place_of_country;      /* by code of country; 0: nobody's */
    uint32_t *states_of_country;     /* by code of country: 1 + number of its row in place_of_state; 0: nobody has a part of it */
    uint32_t *place_of_state;        /* rows of n_states: by code of state; 0: nobody's */
    uint64_t log2_q32[LOG_ENTRIES + 1]; /* of 1 + i / LOG_ENTRIES */
    int32_t no_rep_counter;          /* -1: not counted */
};

__attribute__((format(printf, 2, 3))) static int32_t fail(struct assay_plugin_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return -1;
}

/* -- hashing ----------------------------------------------------------------------------------------------------- */

/* log2 of 1 + i/1024, bit by bit: squaring a number doubles its logarithm, and whenever it exceeds 2 the next bit is 1. */
static void make_logarithms(uint64_t table[LOG_ENTRIES + 1])
{
    for (uint32_t i = 0; i < LOG_ENTRIES; i++) {
        uint64_t x = (1ull << 31) + ((uint64_t)i << (31 - LOG_ENTRIES_LOG2)); /* Q31, 1 <= x < 2 */
        table[i] = 0;
        for (uint32_t bit = 0; bit < 32; bit++) {
            x = x * x >> 31;
            const bool is_two = x >= 1ull << 32;
            table[i] = table[i] << 1 | is_two;
            x >>= is_two;
        }
    }
    table[LOG_ENTRIES] = 1ull << 32;
}

/* -log2(u) in Q32 for u = hash / 2^64, with straight lines between entries of the table: off by 2e-7 at most. */
static uint64_t minus_log2(const uint64_t table[LOG_ENTRIES + 1], uint64_t hash)
{
    const uint64_t u = hash | 1; /* not 0 */
    const uint32_t n_zeros = (uint32_t)__builtin_clzll(u);
    const uint64_t fraction = u << n_zeros << 1; /* behind the leading 1 */
    const uint32_t entry = (uint32_t)(fraction >> (64 - LOG_ENTRIES_LOG2));
    const uint64_t part = fraction << LOG_ENTRIES_LOG2 >> 32;
    const uint64_t log2 = table[entry] + ((table[entry + 1] - table[entry]) * part >> 32);
    return ((uint64_t)(n_zeros + 1) << 32) - log2;
}

/* The finalizer of splitmix64 (G. L. Steele Jr., D. Lea, C. H. Flood, 2014): every bit of x sways every bit of the result. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

/* FNV-1a, mixed. */
static uint64_t hash_of(struct assay_text text)
{
    uint64_t hash = 14695981039346656037ull;
    for (uint64_t i = 0; i < text.n_bytes; i++) hash = (hash ^ (uint8_t)text.p[i]) * 1099511628211ull;
    return mix(hash);
}

/* -- places ------------------------------------------------------------------------------------------------------ */

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

static bool same_folded(struct assay_text a, struct assay_text b)
{
    if (a.n_bytes != b.n_bytes) return false;
    for (uint64_t i = 0; i < a.n_bytes; i++)
        if (upper(a.p[i]) != upper(b.p[i])) return false;
    return true;
}

/* "US-CA": the country is in front of the first dash. */
static struct assay_text country_of(struct assay_text place)
{
    const char *dash = memchr(place.p, '-', place.n_bytes);
    return (struct assay_text){place.p, dash != NULL ? (uint64_t)(dash - place.p) : place.n_bytes};
}

static struct assay_text state_of(struct assay_text place)
{
    const uint64_t n_country = country_of(place).n_bytes;
    if (n_country == place.n_bytes) return (struct assay_text){place.p + n_country, 0};
    return (struct assay_text){place.p + n_country + 1, place.n_bytes - n_country - 1};
}

/* Make room for one more item; the array doubles. */
static bool need_room(void **items, uint32_t *cap, uint32_t n, size_t item_bytes)
{
    if (n < *cap) return true;
    const uint32_t new_cap = *cap == 0 ? 8 : *cap * 2;
    void *grown = realloc(*items, new_cap * item_bytes);
    if (grown == NULL) return false;
    *items = grown;
    *cap = new_cap;
    return true;
}

/* The number of a place, which is added if it is new; PLACES_MAX without memory or beyond that many. */
static uint32_t need_place(struct state *state, struct assay_text name)
{
    for (uint32_t i = 0; i < state->n_places; i++)
        if (same_folded(state->places[i].name, name)) return i;
    if (state->n_places == PLACES_MAX || !need_room((void **)&state->places, &state->cap_places, state->n_places, sizeof(*state->places)))
        return PLACES_MAX;
    state->places[state->n_places] = (struct place){name, 0, 0, NULL};
    return state->n_places++;
}

static bool add_to_place(struct state *state, struct assay_text name, uint32_t rep)
{
    const uint32_t number = need_place(state, name);
    if (number == PLACES_MAX) return false;
    struct place *place = &state->places[number];
    if (!need_room((void **)&place->reps, &place->cap, place->n_reps, sizeof(*place->reps))) return false;
    if (place->n_reps == 0 || place->reps[place->n_reps - 1] != rep) place->reps[place->n_reps++] = rep;
    return true;
}

/* -- the file of representatives --------------------------------------------------------------------------------- */

static struct assay_text trim(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '"')) p++;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r' || end[-1] == '"')) end--;
    return (struct assay_text){p, (uint64_t)(end - p)};
}

static struct assay_text next_field(const char **p, const char *end)
{
    const char *comma = memchr(*p, ',', (size_t)(end - *p));
    const struct assay_text field = trim(*p, comma != NULL ? comma : end);
    *p = comma != NULL ? comma + 1 : end;
    return field;
}

/* A whole number of at most 15 digits; `fallback` for nothing; -1 for anything else. */
static int64_t read_whole(struct assay_text text, int64_t fallback)
{
    int64_t value = 0;
    for (uint64_t i = 0; i < text.n_bytes; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || i == 15) return -1;
        value = value * 10 + (text.p[i] - '0');
    }
    return text.n_bytes == 0 ? fallback : value;
}

/* "US-CA US-NV CA": `*`, two letters, or two letters, a dash and a state, with blanks between. False: *bad is none of them, or has no
 * address: no memory, or too many places. */
static bool add_territories(struct state *state, struct assay_text list, uint32_t rep, struct assay_text *bad)
{
    const char *p = list.p, *end = list.p + list.n_bytes;
    while (p < end) {
        const char *stop = memchr(p, ' ', (size_t)(end - p));
        if (stop == NULL) stop = end;
        const struct assay_text name = {p, (uint64_t)(stop - p)};
        p = stop < end ? stop + 1 : end;
        if (name.n_bytes == 0) continue;
        *bad = name;
        const bool is_anywhere = name.n_bytes == 1 && name.p[0] == '*';
        if (!is_anywhere && (country_of(name).n_bytes != 2 || name.n_bytes == 3)) return false;
        if (!add_to_place(state, name, rep)) {
            bad->p = NULL;
            return false;
        }
    }
    return list.n_bytes > 0;
}

static int32_t read_rep(struct state *state, const struct assay_host *host, const struct assay_targets *targets, const char *p,
                        const char *end, uint32_t line, struct assay_plugin_error *error)
{
    const struct assay_text name = next_field(&p, end), territories = next_field(&p, end);
    const struct assay_text least = next_field(&p, end), most = next_field(&p, end), share = next_field(&p, end);
    if (name.n_bytes == 0 || name.p[0] == '#') return 0;
    if (line == 1 && same_folded(name, (struct assay_text){"name", 4})) return 0; /* a header */
    const int64_t capacity = read_whole(share, 1);
    const struct rep rep = {hash_of(name), read_whole(least, 0), read_whole(most, INT64_MAX), (uint32_t)capacity,
                            targets->add(host, name.p, name.n_bytes)};
    if (rep.min_employees < 0 || rep.max_employees < rep.min_employees)
        return fail(error, "reps: line %u: expected whole numbers min_employees <= max_employees, or nothing, found `%.*s` and `%.*s`", line,
                    least.n_bytes > 40 ? 40 : (int)least.n_bytes, least.p, most.n_bytes > 40 ? 40 : (int)most.n_bytes, most.p);
    if (capacity < 0 || capacity > CAPACITY_MAX)
        return fail(error, "reps: line %u: capacity: expected a whole number from 0 to %d, found `%.*s`", line, CAPACITY_MAX,
                    share.n_bytes > 40 ? 40 : (int)share.n_bytes, share.p);
    for (uint32_t i = 0; i < state->n_reps; i++)
        if (state->reps[i].hash == rep.hash)
            return fail(error, "reps: line %u: expected every name once, found one again; put all territories in one line, with blanks between",
                        line);
    if (rep.target < 0 || state->n_reps == REPS_MAX) return fail(error, "reps: line %u: expected at most %d names, found more", line, REPS_MAX);
    if (!need_room((void **)&state->reps, &state->cap_reps, state->n_reps, sizeof(*state->reps))) return fail(error, "out of memory");
    state->reps[state->n_reps] = rep;
    struct assay_text bad = {"", 0};
    const bool is_good = capacity == 0 || add_territories(state, territories, state->n_reps, &bad); /* who has no capacity is away */
    if (!is_good && bad.p == NULL) return fail(error, "reps: line %u: out of memory, or more than %d territories", line, PLACES_MAX - 1);
    if (!is_good)
        return fail(error, "reps: line %u: expected territories such as `US`, `US-CA` or `*`, with blanks between, found `%.*s`", line,
                    bad.n_bytes > 40 ? 40 : (int)bad.n_bytes, bad.p);
    state->n_reps++;
    return 0;
}

static int32_t read_reps(struct state *state, const struct assay_host *host, struct assay_text file, struct assay_plugin_error *error)
{
    const struct assay_targets *targets = host->service(host, "assay.targets/1");
    if (targets == NULL) return fail(error, "expected an engine with assay.targets/1, found one without");
    if (need_place(state, (struct assay_text){"*", 1}) != 0) return fail(error, "out of memory");
    const char *p = file.p, *end = file.p + file.n_bytes;
    for (uint32_t line = 1; p < end; line++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (stop == NULL) stop = end;
        if (read_rep(state, host, targets, p, stop, line, error) != 0) return -1;
        p = stop < end ? stop + 1 : end;
    }
    return state->n_reps > 0 ? 0 : fail(error, "reps: expected at least one line `name,territories`, found none");
}

/* -- codes of countries and states ------------------------------------------------------------------------------- */

/* A row of places by state for a country that somebody has a part of. */
static void fill_states(struct state *state, const struct assay_host *host, const struct assay_dictionary *dictionary,
                        struct assay_text country, uint32_t *row)
{
    for (uint32_t code = 1; code < state->n_states; code++) {
        const struct assay_text text = dictionary->text(host, STATE_COLUMN, code);
        for (uint32_t i = 1; i < state->n_places; i++) {
            const struct assay_text name = state->places[i].name, part = state_of(name);
            if (part.n_bytes > 0 && same_folded(country_of(name), country) && same_folded(part, text)) row[code] = i;
        }
    }
}

static bool has_parts(const struct state *state, struct assay_text country)
{
    for (uint32_t i = 1; i < state->n_places; i++)
        if (state_of(state->places[i].name).n_bytes > 0 && same_folded(country_of(state->places[i].name), country)) return true;
    return false;
}

/* Every text is compared once, here. */
static bool look_up_texts(struct state *state, const struct assay_host *host, const struct assay_dictionary *dictionary)
{
    state->n_countries = dictionary->n_codes(host, COUNTRY_COLUMN);
    state->n_states = dictionary->n_codes(host, STATE_COLUMN);
    state->place_of_country = calloc((size_t)state->n_countries + 1, sizeof(uint32_t));
    state->states_of_country = calloc((size_t)state->n_countries + 1, sizeof(uint32_t));
    if (state->place_of_country == NULL || state->states_of_country == NULL) return false;
    uint32_t n_rows = 0;
    for (uint32_t code = 1; code < state->n_countries; code++) {
        const struct assay_text country = dictionary->text(host, COUNTRY_COLUMN, code);
        for (uint32_t i = 1; i < state->n_places; i++)
            if (same_folded(state->places[i].name, country)) state->place_of_country[code] = i;
        if (has_parts(state, country)) state->states_of_country[code] = ++n_rows;
    }
    state->place_of_state = calloc((size_t)n_rows * state->n_states + 1, sizeof(uint32_t));
    if (state->place_of_state == NULL) return false;
    for (uint32_t code = 1; code < state->n_countries; code++)
        if (state->states_of_country[code] != 0)
            fill_states(state, host, dictionary, dictionary->text(host, COUNTRY_COLUMN, code),
                        state->place_of_state + (size_t)(state->states_of_country[code] - 1) * state->n_states);
    return true;
}

/* -- the plugin -------------------------------------------------------------------------------------------------- */

static void destroy(void *p)
{
    struct state *state = p;
    if (state == NULL) return;
    for (uint32_t i = 0; i < state->n_places; i++) free(state->places[i].reps);
    free(state->places);
    free(state->reps);
    free(state->place_of_country);
    free(state->states_of_country);
    free(state->place_of_state);
    free(state);
}

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **out, struct assay_plugin_error *error)
{
    const struct assay_dictionary *dictionary = host->service(host, "assay.dictionary/1");
    if (dictionary == NULL) return fail(error, "expected an engine with assay.dictionary/1, found one without");
    struct state *state = calloc(1, sizeof(*state));
    if (state == NULL) return fail(error, "out of memory");
    make_logarithms(state->log2_q32);
    const struct assay_counters *counters = host->service(host, "assay.counters/1");
    state->no_rep_counter = counters != NULL ? counters->add(host, "nobody has the territory") : -1;
    int32_t status = read_reps(state, host, values[REPS_PARAM].text, error);
    if (status == 0 && !look_up_texts(state, host, dictionary)) status = fail(error, "out of memory");
    if (status != 0) destroy(state);
    else *out = state;
    return status;
}

struct lead {
    uint64_t key;
    bool has_size;
    int64_t employees;
    uint32_t country, state; /* codes; 0: empty */
};

static struct lead lead_at(const struct assay_batch *batch, uint32_t row)
{
    return (struct lead){batch->lead_key[row], batch->columns[EMPLOYEES_COLUMN].null[row] == 0,
                         ((const int64_t *)batch->columns[EMPLOYEES_COLUMN].data)[row],
                         ((const uint32_t *)batch->columns[COUNTRY_COLUMN].data)[row],
                         ((const uint32_t *)batch->columns[STATE_COLUMN].data)[row]};
}

/* Who takes companies of some size only does not take those of unknown size. */
static bool takes_size(const struct rep *rep, const struct lead *lead)
{
    if (!lead->has_size) return rep->min_employees == 0 && rep->max_employees == INT64_MAX;
    return lead->employees >= rep->min_employees && lead->employees <= rep->max_employees;
}

/* Is a / by_a < b / by_b? Logarithms are below 2^39, capacities below 2^20. */
static bool is_less(uint64_t a, uint32_t by_a, uint64_t b, uint32_t by_b)
{
    return a * by_b < b * by_a;
}

/* Who of this place gets the lead, or NULL. Of equals (about one in 2^32) the one with the smaller hash, wherever he stands in the file. */
static const struct rep *choose(const struct state *state, const struct place *place, const struct lead *lead)
{
    const struct rep *best = NULL;
    uint64_t best_log = 0;
    for (uint32_t i = 0; i < place->n_reps; i++) {
        const struct rep *rep = &state->reps[place->reps[i]];
        if (!takes_size(rep, lead)) continue;
        const uint64_t log = minus_log2(state->log2_q32, mix(lead->key ^ rep->hash));
        const bool is_better = best == NULL || is_less(log, rep->capacity, best_log, best->capacity) ||
                               (!is_less(best_log, best->capacity, log, rep->capacity) && rep->hash < best->hash);
        if (!is_better) continue;
        best = rep;
        best_log = log;
    }
    return best;
}

static const struct rep *choose_by_territory(const struct state *state, const struct lead *lead)
{
    const uint32_t row = state->states_of_country[lead->country];
    const uint32_t part = row != 0 && lead->state != 0 ? state->place_of_state[(size_t)(row - 1) * state->n_states + lead->state] : 0;
    const uint32_t country = state->place_of_country[lead->country];
    const struct rep *rep = part != 0 ? choose(state, &state->places[part], lead) : NULL;
    if (rep == NULL && country != 0) rep = choose(state, &state->places[country], lead);
    return rep;
}

static int32_t run(void *p, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    (void)error;
    const struct state *state = p;
    const uint32_t n = batch->selected != NULL ? batch->n_selected : batch->n_rows;
    uint64_t n_without = 0;
    /* Only the rows that are asked about: they are counted, and codes of others are anything. */
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t row = batch->selected != NULL ? batch->selected[i] : i;
        const struct lead lead = lead_at(batch, row);
        const struct rep *rep = choose_by_territory(state, &lead);
        uint16_t reason = TERRITORY_MATCH;
        if (rep == NULL) {
            rep = choose(state, &state->places[0], &lead);
            reason = rep != NULL ? FALLBACK_REP : ASSAY_NO_REASON;
        }
        verdict->reason[row] = reason;
        verdict->target[row] = rep != NULL ? rep->target : ASSAY_NO_TARGET;
        n_without += rep == NULL;
    }
    if (state->no_rep_counter >= 0) verdict->counters[state->no_rep_counter] += n_without;
    return 0;
}

ASSAY_PLUGIN_NOTE;
const struct assay_plugin assay_entry_v1 = {
    ASSAY_ABI_HEADER,
    .kind = ASSAY_ROUTE,
    .caps = ASSAY_CAP_READS_KEY | ASSAY_CAP_SHARED_STATE,
    .id = "assay.territory",
    .version = "1.0",
    .help = "to the sales representative of the territory, shared by capacity, and sticky",
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
