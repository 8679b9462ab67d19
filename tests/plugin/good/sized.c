/* A plugin whose descriptor is as large as another minor version would make it. SIZED_TAIL_BYTES behind the known fields, the first of them
 * SIZED_TAIL; SIZED_CUT: it ends before run(). */
#define assay_entry_v1 assay_entry_as_declared
#include "assay/plugin.h"
#undef assay_entry_v1

ASSAY_PLUGIN_NOTE;

struct sized {
#ifdef SIZED_CUT
    char known[offsetof(struct assay_plugin, run)];
#else
    struct assay_plugin known;
#if SIZED_TAIL_BYTES
    uint8_t tail[SIZED_TAIL_BYTES];
#endif
#endif
};

ASSAY_EXPORT extern const struct sized assay_entry_v1;

#ifdef SIZED_CUT
const struct sized assay_entry_v1 = {{(char)sizeof(struct sized), 0, 0, 0, ASSAY_ABI_MAJOR}};
#else
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

const struct sized assay_entry_v1 = {
    .known = {sizeof(struct sized), ASSAY_ABI_MAJOR, ASSAY_ABI_MINOR, .kind = ASSAY_DISQUALIFY, .id = "com.example.sized", .version = "1.0",
              .help = "Disqualifies nobody", .create = create, .run = run, .destroy = destroy},
#if SIZED_TAIL_BYTES
    .tail = {SIZED_TAIL},
#endif
};
#endif
