/* A plugin that does nothing much, with a descriptor that can be of another version than it is. */
#include <assay/plugin.h>

#ifdef IS_LATER
#define STRUCT_SIZE sizeof(struct later)
#define ABI_MINOR 7
#endif
#ifndef STRUCT_SIZE
#define STRUCT_SIZE sizeof(struct assay_plugin)
#endif
#ifndef ABI_MAJOR
#define ABI_MAJOR ASSAY_ABI_MAJOR
#endif
#ifndef ABI_MINOR
#define ABI_MINOR ASSAY_ABI_MINOR
#endif
#ifndef LATER
#define LATER 0
#endif
#ifndef VERSION
#define VERSION "1"
#endif
#ifndef NAME
#define NAME "assay_entry_v1"
#endif

ASSAY_PLUGIN_NOTE;

/* The descriptor as a later minor version might have it. */
struct later {
    struct assay_plugin plugin;
    uint64_t more, most;
};

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error)
{
    (void)host;
    (void)values;
    (void)error;
    *state = 0;
    return 0;
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

static const struct assay_reason reasons[] = {{1, 0, "never", "This never happens"}};

extern const struct later descriptor __asm__(NAME) ASSAY_EXPORT;
const struct later descriptor = {
    .plugin = {
        .struct_size = (uint32_t)(STRUCT_SIZE),
        .abi_major = ABI_MAJOR,
        .abi_minor = ABI_MINOR,
        .kind = ASSAY_DISQUALIFY,
        .id = "com.example.descriptor",
        .version = VERSION,
        .help = "Does nothing",
        .n_reasons = 1,
        .reasons = reasons,
        .create = create,
        .run = run,
        .destroy = destroy,
    },
    .most = LATER,
};
