/* What bench_plugin measures around: a rule over three columns (a text, a whole number, points) that costs next to nothing itself. */
#include "assay/plugin.h"

#include <stdlib.h>

ASSAY_PLUGIN_NOTE;

struct state {
    uint32_t n_codes;
    uint8_t is_wanted[]; /* by code of the name */
};

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **out, struct assay_plugin_error *error)
{
    const struct assay_dictionary *names = host->service(host, "assay.dictionary/1");
    const uint32_t n_codes = names->n_codes(host, 0);
    struct state *state = calloc(1, sizeof(*state) + n_codes);
    (void)values, (void)error;
    if (state == NULL) return -1;
    state->n_codes = n_codes;
    for (uint32_t code = 1; code < n_codes; code++) {
        const struct assay_text text = names->text(host, 0, code);
        state->is_wanted[code] = (uint8_t)(text.n_bytes % 2);
    }
    *out = state;
    return 0;
}

static int32_t run(void *p, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    const struct state *state = p;
    const uint32_t *name = batch->columns[0].data;
    const int64_t *size = batch->columns[1].data;
    const int32_t *rank = batch->columns[2].data;
    (void)error;
    for (uint32_t row = 0; row < batch->n_rows; row++) {
        const uint32_t is_hit = (uint32_t)state->is_wanted[name[row]] & (uint32_t)(size[row] < 2500) & (uint32_t)(rank[row] > 20000);
        verdict->reason[row] = (uint16_t)is_hit;
        if (verdict->points_milli != NULL) verdict->points_milli[row] = (int32_t)is_hit * 5000;
    }
    return 0;
}

static void destroy(void *state)
{
    free(state);
}

static const struct assay_want wants[] = {
    {"name", ASSAY_TEXT_COLUMN, 0, "a name"},
    {"size", ASSAY_INT_COLUMN, 0, "a number"},
    {"rank", ASSAY_POINTS_COLUMN, 0, "points"},
};
static const struct assay_reason reasons[] = {{1, 0, "hit", "The lead is wanted"}};

const struct assay_plugin assay_entry_v1 = {
    ASSAY_ABI_HEADER,
    .kind = KIND,
    .id = "bench.plain",
    .version = "1",
    .help = "A little work on three columns",
    .n_wants = 3,
    .n_reasons = 1,
    .wants = wants,
    .reasons = reasons,
    .points_max_milli = KIND == ASSAY_SCORE ? 5000 : 0,
    .create = create,
    .run = run,
    .destroy = destroy,
};
