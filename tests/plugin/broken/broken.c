/* A plugin that keeps the contract, and with -DBROKEN=... one that breaks it in a single point. It gives points to leads whose domain is
 * on a list and to those with many seats. */
#define _DEFAULT_SOURCE
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "assay/plugin.h"

enum {
    NOT_BROKEN,
    BY_ROW, BY_LENGTH, BY_NEIGHBOUR, BY_PAST_ROWS, BY_CODE, BY_TIME, BY_KEY, BY_SELECTION, BY_SCRATCH, BY_FRESH_MEMORY,
    WRITES_INPUTS, READS_PAST, WRITES_PAST, WRITES_BEFORE, LEAVES_ROWS, LEAVES_POINTS, UNKNOWN_REASON, TOO_MANY_POINTS,
    OPENS_FILES, ASKS_TIME, ALLOCATES, PRINTS, SHARES_STATE, FREES_SHARED, LEAKS, CRASHES_ON_NOTHING, CRASHES_ON_LEAD,
    HANGS, EXITS, REFUSES, REFUSES_SILENTLY, REFUSES_IN_LINES, CRASHES_ON_SETTING, COUNTS_BATCHES, RACES, ABORTS_ON_LOAD,
    FAILS_ALONE,
};

enum { LISTED = 1, LARGE = 2, BOTH = 7, MOST_MILLI = 50000, TABLE_BYTES = 1 << 16 };

struct state {
    uint32_t n_codes;
    uint8_t *is_listed; /* by code */
    int64_t seats;
    int32_t counter;
    uint32_t dirt;
};

static uint64_t n_past_rows;
static struct state *last_state;
static uint8_t *shared_table;
static atomic_int n_inside;
static volatile uint64_t sink;

static const struct assay_want wants[] = {
    {"domain", ASSAY_TEXT_COLUMN, 0, "the e-mail domain"},
    {"seats", ASSAY_INT_COLUMN, ASSAY_WANT_OPTIONAL, "seats asked for"},
    {"fit", ASSAY_NUMBER_COLUMN, 0, "how well it fits"},
};
static const struct assay_param params[] = {
    {"list", ASSAY_TEXTS_PARAM, 0, "example.com", "domains to look for", 0, 0},
    {"seats", ASSAY_INT_PARAM, 0, "25", "many", 1, 1000000},
    {"label", ASSAY_TEXT_PARAM, 0, "x", "any word", 0, 0},
};
static const struct assay_reason reasons[] = {
    {LISTED, 0, "listed", "The domain is on the list"},
    {LARGE, 0, "large", "Many seats"},
    {BOTH, 0, "both", "On the list and many seats"},
};

__attribute__((constructor)) static void load(void)
{
    if (BROKEN == ABORTS_ON_LOAD) abort();
}

static int32_t refuse(struct assay_plugin_error *error, const char *text)
{
    snprintf(error->text, sizeof(error->text), "%s", text);
    return 1;
}

static int is_on_list(const struct assay_value *list, struct assay_text text)
{
    for (uint32_t i = 0; i < list->n_texts; i++)
        if (list->texts[i].n_bytes == text.n_bytes && memcmp(list->texts[i].p, text.p, text.n_bytes) == 0) return 1;
    return 0;
}

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **out, struct assay_plugin_error *error)
{
    const struct assay_dictionary *dictionary = host->service(host, "assay.dictionary/1");
    const struct assay_counters *counters = host->service(host, "assay.counters/1");
    const struct assay_scratch *scratch = host->service(host, "assay.scratch/1");
    if (BROKEN == REFUSES) return refuse(error, "seats: expected another number, found 25");
    if (BROKEN == REFUSES_SILENTLY && values[0].n_texts == 0) return 1;
    if (BROKEN == REFUSES_IN_LINES && values[1].i == 1) return refuse(error, "seats:\nexpected more");
    if (BROKEN == CRASHES_ON_SETTING && values[1].i == 1000000) abort();
    if (values[2].text.n_bytes == 0) return refuse(error, "label: expected a word, found nothing");
    struct state *state = calloc(1, sizeof(*state));
    if (state == NULL) return refuse(error, "out of memory");
    state->n_codes = dictionary->n_codes(host, 0);
    if (BROKEN == OPENS_FILES) {
        FILE *file = fopen("/dev/null", "rb");
        if (file != NULL) fclose(file);
    }
    if (BROKEN == CRASHES_ON_NOTHING && state->n_codes == 1) abort();
    state->is_listed = calloc(state->n_codes, 1);
    for (uint32_t code = 0; code < state->n_codes; code++) state->is_listed[code] = (uint8_t)is_on_list(&values[0], dictionary->text(host, 0, code));
    state->seats = values[1].i;
    state->counter = counters->add(host, "judged");
    scratch->reserve(host, 4096);
    if (BROKEN == BY_FRESH_MEMORY) {
        uint8_t *volatile fresh = malloc(200000);
        state->dirt = fresh[100000];
        free(fresh);
    }
    if (BROKEN == LEAKS) sink += (uintptr_t)malloc(64);
    if (BROKEN == SHARES_STATE) last_state = state;
    if (BROKEN == FREES_SHARED && shared_table == NULL)
        shared_table = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *out = state;
    return 0;
}

static void destroy(void *p)
{
    struct state *state = p;
    if (BROKEN == SHARES_STATE && last_state == state) last_state = NULL;
    if (BROKEN == FREES_SHARED && shared_table != NULL) {
        munmap(shared_table, TABLE_BYTES);
        shared_table = NULL;
    }
    free(state->is_listed);
    free(state);
}

struct lead {
    uint32_t code;
    int64_t seats;
    int is_listed, is_large;
};
static struct lead lead_of(const struct state *state, const struct assay_batch *batch, uint32_t row)
{
    struct lead lead = {.code = ((const uint32_t *)batch->columns[0].data)[row], .seats = ((const int64_t *)batch->columns[1].data)[row]};
    const int has_seats = batch->columns[1].null[row] == 0;
    lead.is_listed = lead.code < state->n_codes && state->is_listed[lead.code];
    lead.is_large = has_seats && lead.seats >= state->seats;
    return lead;
}

static void judge_row(const struct state *state, const struct assay_batch *batch, const struct assay_verdict *verdict, uint32_t row)
{
    const struct lead lead = lead_of(state, batch, row);
    int is_large = lead.is_large;
    if (BROKEN == BY_ROW && row == 0) is_large = !is_large;
    if (BROKEN == BY_LENGTH && batch->n_rows == 65) is_large = !is_large;
    if (BROKEN == BY_NEIGHBOUR && row > 0) is_large |= lead_of(state, batch, row - 1).is_large;
    if (BROKEN == BY_PAST_ROWS && n_past_rows > 500000) is_large = !is_large;
    if (BROKEN == BY_CODE) is_large |= lead.code % 2;
    if (BROKEN == BY_TIME) is_large |= batch->now_s != 0;
    if (BROKEN == BY_KEY) is_large |= batch->lead_key != NULL;
    if (BROKEN == BY_SELECTION) is_large |= batch->selected != NULL && batch->n_selected > 0 && batch->selected[0] > 0;
    if (BROKEN == BY_SCRATCH) is_large |= ((const uint8_t *)batch->scratch)[0] == 0xFF;
    if (BROKEN == BY_FRESH_MEMORY) is_large |= state->dirt == 0xA5;
    if (BROKEN == BY_FRESH_MEMORY && state->dirt != 0) is_large = !is_large;
    if (BROKEN == SHARES_STATE) is_large = last_state != NULL && is_large;
    if (BROKEN == FREES_SHARED) is_large |= shared_table[0];
    if (BROKEN == CRASHES_ON_LEAD && lead.seats == 90) abort();
    if (BROKEN == LEAVES_ROWS && lead.seats == 90) return;
    verdict->reason[row] = lead.is_listed && is_large ? BOTH : lead.is_listed ? LISTED : is_large ? LARGE : ASSAY_NO_REASON;
    if (BROKEN == UNKNOWN_REASON && lead.seats == 90) verdict->reason[row] = 3;
    if (BROKEN == LEAVES_POINTS && lead.seats == 90) return;
    verdict->points_milli[row] = 1000 * verdict->reason[row];
    if (BROKEN == TOO_MANY_POINTS && lead.seats == 90) verdict->points_milli[row] = MOST_MILLI + 1;
}

static void misbehave(struct state *state, const struct assay_batch *batch, const struct assay_verdict *verdict)
{
    if (BROKEN == WRITES_INPUTS) *(uint8_t *)(uintptr_t)&((const uint8_t *)batch->columns[1].null)[0] ^= 0xFF;
    if (BROKEN == READS_PAST) sink += ((const uint32_t *)batch->columns[0].data)[batch->n_rows + 64];
    if (BROKEN == WRITES_PAST) verdict->points_milli[batch->n_rows] = 0;
    if (BROKEN == WRITES_BEFORE) *(volatile uint8_t *)((uint8_t *)verdict->reason - 1) = 0;
    if (BROKEN == ASKS_TIME) sink += (uint64_t)time(NULL);
    if (BROKEN == PRINTS) printf("%u\n", batch->n_rows);
    if (BROKEN == ALLOCATES) {
        void *volatile p = malloc(64);
        free(p);
    }
    while (BROKEN == HANGS) sink++;
    if (BROKEN == EXITS) exit(0);
    (void)state;
}

static int32_t run(void *p, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    struct state *state = p;
    if (BROKEN == FAILS_ALONE && batch->n_rows == 1) return refuse(error, "n_rows: expected more than 1, found 1");
    if (BROKEN == RACES) {
        const int is_alone = atomic_fetch_add(&n_inside, 1) == 0;
        for (int i = 0; i < 20000; i++) sink = (uint64_t)i; /* long enough for the other to come */
        state->dirt = !is_alone || atomic_load(&n_inside) > 1;
    }
    for (uint32_t i = 0; i < batch->n_selected; i++) judge_row(state, batch, verdict, batch->selected != NULL ? batch->selected[i] : i);
    if (BROKEN == RACES) {
        if (state->dirt) verdict->reason[0] = LISTED + LARGE - verdict->reason[0] % 3;
        atomic_fetch_sub(&n_inside, 1);
    }
    if (state->counter >= 0) verdict->counters[state->counter] += BROKEN == COUNTS_BATCHES ? 1 : batch->n_selected;
    n_past_rows += batch->n_rows;
    memset(batch->scratch, 0x11, 4096);
    misbehave(state, batch, verdict);
    return 0;
}

ASSAY_PLUGIN_NOTE;
ASSAY_EXPORT const struct assay_plugin assay_entry_v1 = {
    ASSAY_ABI_HEADER,
    .kind = ASSAY_SCORE,
    .caps = BROKEN == RACES ? ASSAY_CAP_SHARED_STATE : 0,
    .id = "test.broken",
    .version = "1",
    .help = "Breaks the contract in one point",
    .n_wants = sizeof(wants) / sizeof(wants[0]),
    .n_params = sizeof(params) / sizeof(params[0]),
    .n_reasons = sizeof(reasons) / sizeof(reasons[0]),
    .wants = wants,
    .params = params,
    .reasons = reasons,
    .points_min_milli = 0,
    .points_max_milli = MOST_MILLI,
    .create = create,
    .run = run,
    .destroy = destroy,
};
