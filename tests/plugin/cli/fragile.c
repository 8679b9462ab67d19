/* Gives 10 points to a lead with a title, writes through NULL for the title "crash", and refuses data with the title "refuse". It logs a line
 * and counts what it looks at. */
#include <assay/plugin.h>
#include <stdlib.h>
#include <string.h>

ASSAY_PLUGIN_NOTE;

enum { TITLED = 1 };

struct state {
    uint32_t crash; /* its code, or 0 */
    int32_t counter;
};

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **out, struct assay_plugin_error *error)
{
    const struct assay_dictionary *titles = host->service(host, "assay.dictionary/1");
    const struct assay_counters *counters = host->service(host, "assay.counters/1");
    const struct assay_log *log = host->service(host, "assay.log/1");
    struct state *state = calloc(1, sizeof(*state));
    (void)values;
    if (state == NULL) {
        strcpy(error->text, "out of memory");
        return 1;
    }
    if (titles->find(host, 0, "refuse", 6) != 0) {
        strcpy(error->text, "expected titles that can be judged, found one that cannot");
        free(state);
        return 1;
    }
    state->crash = titles->find(host, 0, "crash", 5);
    state->counter = counters->add(host, "looked_at");
    log->line(host, "ready to judge");
    *out = state;
    return 0;
}

static int32_t run(void *pointer, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    const struct state *state = pointer;
    const uint32_t *title = batch->columns[0].data;
    (void)error;
    for (uint32_t i = 0; i < batch->n_rows; i++) {
        if (state->crash != 0 && title[i] == state->crash) *(volatile int *)NULL = 1;
        verdict->reason[i] = title[i] != 0 ? TITLED : ASSAY_NO_REASON;
        verdict->points_milli[i] = title[i] != 0 ? 10000 : 0;
        verdict->counters[state->counter]++;
    }
    return 0;
}

static const struct assay_want wants[] = {{.name = "title", .type = ASSAY_TEXT_COLUMN, .help = "a title"}};
static const struct assay_reason reasons[] = {{.code = TITLED, .id = "titled", .text = "There is a title"}};

const struct assay_plugin assay_entry_v1 = {
    ASSAY_ABI_HEADER, .kind = ASSAY_SCORE,    .id = "test.fragile", .version = "1",     .help = "crashes on purpose",
    .n_wants = 1,     .n_reasons = 1,         .wants = wants,       .reasons = reasons, .points_max_milli = 10000,
    .create = create, .run = run,             .destroy = free,
};
