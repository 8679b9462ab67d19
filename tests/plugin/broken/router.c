/* A router that keeps the contract: territories from a file, sticky by key, shared state, scratch. With -DUNKNOWN_TARGET=1 one that
 * names a target nobody gave it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/plugin.h"

#ifndef UNKNOWN_TARGET
#define UNKNOWN_TARGET 0
#endif

enum { IN_TERRITORY = 3, OWNERS_MAX = 100 };

struct state {
    uint32_t n_codes, n_owners;
    int32_t owners[OWNERS_MAX];
    uint8_t *is_known; /* by code of the country */
};

static const struct assay_want wants[] = {{"country", ASSAY_TEXT_COLUMN, 0, "where it is"}, {"open", ASSAY_BOOL_COLUMN, ASSAY_WANT_OPTIONAL, "a deal is open"}};
static const struct assay_param params[] = {{"territories", ASSAY_FILE_PARAM, ASSAY_PARAM_REQUIRED, NULL, "lines: country,owner", 0, 0}};
static const struct assay_reason reasons[] = {{IN_TERRITORY, 0, "in_territory", "The country is somebody's"}};

static int32_t refuse(struct assay_plugin_error *error, const char *text)
{
    snprintf(error->text, sizeof(error->text), "%s", text);
    return 1;
}

static void destroy(void *p)
{
    struct state *state = p;
    if (state != NULL) free(state->is_known);
    free(state);
}

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **out, struct assay_plugin_error *error)
{
    const struct assay_dictionary *dictionary = host->service(host, "assay.dictionary/1");
    const struct assay_targets *targets = host->service(host, "assay.targets/1");
    const struct assay_scratch *scratch = host->service(host, "assay.scratch/1");
    const char *at = values[0].text.p, *end = at + values[0].text.n_bytes;
    struct state *state = calloc(1, sizeof(*state));
    if (state == NULL) return refuse(error, "out of memory");
    state->n_codes = dictionary->n_codes(host, 0);
    state->is_known = calloc(state->n_codes, 1);
    if (state->is_known == NULL) {
        destroy(state);
        return refuse(error, "out of memory");
    }
    while (at < end && state->n_owners < OWNERS_MAX) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (line_end == NULL) line_end = end;
        const char *comma = memchr(at, ',', (size_t)(line_end - at));
        const int32_t owner = comma != NULL ? targets->add(host, comma + 1, (uint64_t)(line_end - comma - 1)) : -1;
        if (owner >= 0) {
            state->owners[state->n_owners++] = owner;
            const uint32_t code = dictionary->find(host, 0, at, (uint64_t)(comma - at));
            if (code != 0) state->is_known[code] = 1;
        }
        at = line_end + (line_end < end);
    }
    if (state->n_owners == 0) {
        destroy(state);
        return refuse(error, "territories: expected lines `country,owner`, found none");
    }
    scratch->reserve(host, ASSAY_BATCH_ROWS);
    *out = state;
    return 0;
}

static int32_t run(void *p, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    const struct state *state = p;
    const uint32_t *country = batch->columns[0].data;
    const uint8_t *open = batch->columns[1].data;
    uint8_t *wanted = batch->scratch;
    (void)error;
    for (uint32_t row = 0; row < batch->n_rows; row++)
        wanted[row] = country[row] < state->n_codes && state->is_known[country[row]] && open[row] == 0;
    for (uint32_t row = 0; row < batch->n_rows; row++) {
        verdict->reason[row] = wanted[row] ? IN_TERRITORY : ASSAY_NO_REASON;
        verdict->target[row] = batch->lead_key[row] % 5 == 0 ? ASSAY_NO_TARGET : state->owners[batch->lead_key[row] % state->n_owners];
        if (UNKNOWN_TARGET && batch->lead_key[row] % 64 == 1) verdict->target[row] = 100000;
    }
    return 0;
}

ASSAY_PLUGIN_NOTE;
ASSAY_EXPORT const struct assay_plugin assay_entry_v1 = {
    ASSAY_ABI_HEADER,
    .kind = ASSAY_ROUTE,
    .caps = ASSAY_CAP_READS_KEY | ASSAY_CAP_SHARED_STATE,
    .id = "test.router",
    .version = "1",
    .help = "Routes by country",
    .n_wants = 2,
    .n_params = 1,
    .n_reasons = 1,
    .wants = wants,
    .params = params,
    .reasons = reasons,
    .create = create,
    .run = run,
    .destroy = destroy,
};
