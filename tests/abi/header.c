/* The header alone, in whatever language and compiler: no warnings, and what it promises at compile time. */
#include "assay/plugin.h"

#ifdef __cplusplus
#define HOLDS(what) static_assert(what, #what)
#else
#define HOLDS(what) _Static_assert(what, #what)
#endif

HOLDS(sizeof(struct assay_note) == 36);
HOLDS(ASSAY_LAYOUT_HASH == 208456);

ASSAY_PLUGIN_NOTE;

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error)
{
    (void)values;
    (void)error;
    *state = NULL;
    return ASSAY_HAS(host, service) ? 0 : 1;
}

static int32_t run(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    (void)state;
    (void)error;
    for (uint32_t row = 0; row < batch->n_rows; row++) verdict->reason[row] = ASSAY_NO_REASON;
    return 0;
}

static void destroy(void *state)
{
    (void)state;
}

const struct assay_plugin assay_entry_v1 = {ASSAY_ABI_HEADER, ASSAY_DISQUALIFY, 0, "com.example.header", "1", "", 0, 0, 0, 0, NULL, NULL, NULL, 0, 0,
                                            create, run, destroy, NULL};
