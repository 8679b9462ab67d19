/* As small as a plugin can be: it disqualifies nobody. */
#include "assay/plugin.h"

ASSAY_PLUGIN_NOTE;

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error)
{
    (void)host, (void)values, (void)error;
    *state = NULL;
    return 0;
}

static int32_t run(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    (void)state, (void)error;
    for (uint32_t row = 0; row < batch->n_rows; row++) verdict->reason[row] = ASSAY_NO_REASON;
    return 0;
}

static void destroy(void *state)
{
    (void)state;
}

const struct assay_plugin assay_entry_v1 = {
    ASSAY_ABI_HEADER,
    .kind = ASSAY_DISQUALIFY,
    .id = "com.example.minimal",
    .version = "1.0",
    .help = "Disqualifies nobody",
    .create = create,
    .run = run,
    .destroy = destroy,
};
