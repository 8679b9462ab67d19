/* Breaks the contract: what it says about a lead depends on where the lead stands in the batch. */
#include <assay/plugin.h>

ASSAY_PLUGIN_NOTE;

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **out, struct assay_plugin_error *error)
{
    static int nothing;
    (void)host, (void)values, (void)error;
    *out = &nothing;
    return 0;
}

static int32_t run(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    (void)state, (void)error;
    for (uint32_t i = 0; i < batch->n_rows; i++) verdict->reason[i] = i % 7 == 3 ? 1 : ASSAY_NO_REASON;
    return 0;
}

static void destroy(void *state)
{
    (void)state;
}

static const struct assay_want wants[] = {{.name = "title", .type = ASSAY_TEXT_COLUMN, .help = "a title"}};
static const struct assay_reason reasons[] = {{.code = 1, .id = "unlucky", .text = "It stood in the wrong place"}};

const struct assay_plugin assay_entry_v1 = {
    ASSAY_ABI_HEADER, .kind = ASSAY_DISQUALIFY, .id = "test.positional", .version = "1",     .help = "wrong on purpose",
    .n_wants = 1,     .n_reasons = 1,           .wants = wants,          .reasons = reasons, .create = create,
    .run = run,       .destroy = destroy,
};
