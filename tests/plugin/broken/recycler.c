/* A recycler that keeps the contract: brings a lead back some time before its renewal. With -DBEFORE_1970=1 one that gives due times
 * that cannot be. */
#include <stdlib.h>

#include "assay/plugin.h"

#ifndef BEFORE_1970
#define BEFORE_1970 0
#endif

enum { RENEWS = 1, RENEWED_LONG_AGO = 2 };

static const struct assay_want wants[] = {{"renewal", ASSAY_TIME_COLUMN, 0, "when the contract ends"}, {"score", ASSAY_POINTS_COLUMN, 0, "how good"}};
static const struct assay_param params[] = {{"ahead", ASSAY_DURATION_PARAM, 0, "30d", "how long before", 0, 31536000},
                                            {"least", ASSAY_NUMBER_PARAM, 0, "10.5", "points", 0, 0}};
static const struct assay_reason reasons[] = {{RENEWS, 0, "renews", "The contract ends soon"},
                                              {RENEWED_LONG_AGO, 0, "renewed_long_ago", "The contract ended"}};

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **out, struct assay_plugin_error *error)
{
    struct assay_value *copy = calloc(2, sizeof(*copy));
    (void)host, (void)error;
    copy[0] = values[0];
    copy[1] = values[1];
    *out = copy;
    return 0;
}

static int32_t run(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    const struct assay_value *values = state;
    const int64_t *renewal = batch->columns[0].data;
    const int32_t *score = batch->columns[1].data;
    (void)error;
    for (uint32_t i = 0; i < batch->n_selected; i++) {
        const uint32_t row = batch->selected != NULL ? batch->selected[i] : i;
        verdict->reason[row] = ASSAY_NO_REASON;
        if (batch->columns[0].null[row] || score[row] < 1000 * values[1].d) continue;
        const int64_t due_s = renewal[row] - values[0].i;
        const int is_possible = due_s >= 0 && due_s <= UINT32_MAX;
        verdict->reason[row] = renewal[row] < batch->now_s ? RENEWED_LONG_AGO : RENEWS;
        verdict->due_s[row] = is_possible || BEFORE_1970 ? due_s : ASSAY_NO_DUE;
    }
    return 0;
}

ASSAY_PLUGIN_NOTE;
ASSAY_EXPORT const struct assay_plugin assay_entry_v1 = {
    ASSAY_ABI_HEADER,
    .kind = ASSAY_RECYCLE,
    .caps = ASSAY_CAP_READS_TIME,
    .id = "test.recycler",
    .version = "1",
    .help = "Brings leads back before their contract ends",
    .n_wants = 2,
    .n_params = 2,
    .n_reasons = 2,
    .wants = wants,
    .params = params,
    .reasons = reasons,
    .create = create,
    .run = run,
    .destroy = free,
};
