/* Declares a column and a setting of every type (or, OPEN_IS_BARE, none at all), and judges nobody. */
#include "assay/plugin.h"

ASSAY_PLUGIN_NOTE;

#ifndef OPEN_IS_BARE
static const struct assay_want wants[] = {
    {"name", ASSAY_TEXT_COLUMN, 0, "what the company is called"},
    {"size", ASSAY_INT_COLUMN, ASSAY_WANT_OPTIONAL, "people in it"},
    {"rate", ASSAY_NUMBER_COLUMN, ASSAY_WANT_OPTIONAL, ""},
    {"live", ASSAY_BOOL_COLUMN, ASSAY_WANT_OPTIONAL, ""},
    {"since", ASSAY_TIME_COLUMN, ASSAY_WANT_OPTIONAL, ""},
    {"points", ASSAY_POINTS_COLUMN, ASSAY_WANT_OPTIONAL, ""},
};
static const struct assay_param params[] = {
    {"label", ASSAY_TEXT_PARAM, ASSAY_PARAM_REQUIRED, NULL, "what to call it", 0, 0},
    {"limit", ASSAY_INT_PARAM, 0, "5", "", 1, 10},
    {"ratio", ASSAY_NUMBER_PARAM, 0, "0.5", "", 0, 1},
    {"strict", ASSAY_BOOL_PARAM, 0, NULL, "", 0, 0},
    {"wait", ASSAY_DURATION_PARAM, 0, "30d", "", 0, 0},
    {"words", ASSAY_TEXTS_PARAM, 0, NULL, "", 0, 0},
    {"list", ASSAY_FILE_PARAM, 0, NULL, "", 0, 0},
};
enum { N_WANTS = sizeof(wants) / sizeof(wants[0]), N_PARAMS = sizeof(params) / sizeof(params[0]) };
#endif

static const struct assay_reason reasons[] = {{1, 0, "known", "It is known"}};

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
    .kind = OPEN_KIND,
    .id = "test.open",
    .version = "1",
    .help = "declares everything",
#ifndef OPEN_IS_BARE
    .n_wants = N_WANTS,
    .n_params = N_PARAMS,
    .wants = wants,
    .params = params,
#endif
    .n_reasons = 1,
    .reasons = reasons,
    .points_max_milli = OPEN_KIND == ASSAY_SCORE ? 1000 : 0,
    .create = create,
    .run = run,
    .destroy = destroy,
};
