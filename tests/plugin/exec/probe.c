/* A plugin whose verdict is a hash of all that it sees of a lead: one wrong value of one column, and it says something else. With `bad` it
 * fails on leads with these texts, as `how` says. PROBE_KIND: its kind; scorers have one state for all threads. */
#include "assay/plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ASSAY_PLUGIN_NOTE;

enum { TEXT, CHOICE, LAND, GRADE, N_TEXTS, FLAG = N_TEXTS, WHOLE, NUMBER, WIDE, TIME, POINTS, MORE_POINTS, COUNT, RECENT, DAYS, FIRST, OUT, N_WANTS };
enum { HOW_ERROR, HOW_CRASH, HOW_UNWRITTEN, HOW_RANGE, HOW_EXIT };

static const struct assay_want wants[N_WANTS] = {
    [TEXT] = {"text", ASSAY_TEXT_COLUMN, ASSAY_WANT_OPTIONAL, "any text"},
    [CHOICE] = {"choice", ASSAY_TEXT_COLUMN, ASSAY_WANT_OPTIONAL, "one of some"},
    [LAND] = {"land", ASSAY_TEXT_COLUMN, ASSAY_WANT_OPTIONAL, "a country"},
    [GRADE] = {"grade", ASSAY_TEXT_COLUMN, ASSAY_WANT_OPTIONAL, "the grade"},
    [FLAG] = {"flag", ASSAY_BOOL_COLUMN, ASSAY_WANT_OPTIONAL, "a yes or no"},
    [WHOLE] = {"whole", ASSAY_INT_COLUMN, ASSAY_WANT_OPTIONAL, "a whole number"},
    [NUMBER] = {"number", ASSAY_NUMBER_COLUMN, ASSAY_WANT_OPTIONAL, "a number"},
    [WIDE] = {"wide", ASSAY_NUMBER_COLUMN, ASSAY_WANT_OPTIONAL, "a number, made from whole ones"},
    [TIME] = {"time", ASSAY_TIME_COLUMN, ASSAY_WANT_OPTIONAL, "a time"},
    [POINTS] = {"points", ASSAY_POINTS_COLUMN, ASSAY_WANT_OPTIONAL, "a score"},
    [MORE_POINTS] = {"more_points", ASSAY_POINTS_COLUMN, ASSAY_WANT_OPTIONAL, "another score"},
    [COUNT] = {"count", ASSAY_INT_COLUMN, ASSAY_WANT_OPTIONAL, "events"},
    [RECENT] = {"recent", ASSAY_INT_COLUMN, ASSAY_WANT_OPTIONAL, "events of late"},
    [DAYS] = {"days", ASSAY_INT_COLUMN, ASSAY_WANT_OPTIONAL, "days since the latest"},
    [FIRST] = {"first", ASSAY_INT_COLUMN, ASSAY_WANT_OPTIONAL, "days since the first"},
    [OUT] = {"out", ASSAY_BOOL_COLUMN, ASSAY_WANT_OPTIONAL, "is it disqualified?"},
};
static const struct assay_param params[] = {
    {"salt", ASSAY_INT_PARAM, 0, "0", "another salt, another opinion", 0, 0},
    {"bad", ASSAY_TEXTS_PARAM, 0, NULL, "texts of leads to fail on", 0, 0},
    {"how", ASSAY_TEXT_PARAM, 0, "error", "how: error, crash, unwritten, range, exit", 0, 0},
    {"yes_of_8", ASSAY_INT_PARAM, 0, "4", "leads out of eight that it has something to say about", 0, 8},
    {"refuse", ASSAY_TEXT_PARAM, 0, NULL, "create() fails, and says this", 0, 0},
    {"tell", ASSAY_BOOL_PARAM, 0, "false", "log how often create() was called", 0, 0},
};
static const struct assay_reason reasons[] = {{1, 0, "one", "It hashes to one"}, {7, 0, "seven", "It hashes to seven"}, {300, 0, "many", "It hashes to many"}};

struct probe {
    uint64_t salt;
    uint64_t yes_of_8;
    uint32_t how;
    int32_t counter, targets[3];
    uint64_t *hashes[N_TEXTS]; /* by code */
    uint8_t *is_bad;           /* by code of TEXT */
};

static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * 0x9e3779b97f4a7c15u;
    return a ^ (a >> 29);
}
static uint64_t hash_text(struct assay_text text)
{
    uint64_t h = text.n_bytes;
    for (uint64_t i = 0; i < text.n_bytes; i++) h = mix(h, (uint8_t)text.p[i]);
    return h;
}

static void look_at_texts(struct probe *probe, const struct assay_host *host, const struct assay_dictionary *dictionary, const struct assay_value *bad)
{
    for (uint32_t column = 0; column < N_TEXTS; column++) {
        const uint32_t n = dictionary->n_codes(host, column);
        probe->hashes[column] = calloc(n, sizeof(uint64_t));
        for (uint32_t code = 0; code < n; code++) probe->hashes[column][code] = hash_text(dictionary->text(host, column, code));
    }
    probe->is_bad = calloc(dictionary->n_codes(host, TEXT), 1);
    for (uint32_t i = 0; i < bad->n_texts; i++) {
        const uint32_t code = dictionary->find(host, TEXT, bad->texts[i].p, bad->texts[i].n_bytes);
        if (code != 0) probe->is_bad[code] = 1;
    }
}

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error)
{
    static const char *const hows[] = {"error", "crash", "unwritten", "range", "exit"};
    static const char *const names[] = {"ana", "otto", "somebody new"};
    if (values[4].text.n_bytes > 0) {
        memcpy(error->text, values[4].text.p, values[4].text.n_bytes + 1);
        return 1;
    }
    static uint32_t n_created;
    char line[60];
    n_created++;
    const struct assay_log *log = host->service(host, "assay.log/1");
    snprintf(line, sizeof(line), "create() number %u", n_created);
    if (values[5].i) log->line(host, line);
    struct probe *probe = calloc(1, sizeof(*probe));
    probe->salt = (uint64_t)values[0].i;
    probe->yes_of_8 = (uint64_t)values[3].i;
    for (uint32_t h = 0; h < 5; h++)
        if (strcmp(values[2].text.p, hows[h]) == 0) probe->how = h;
    look_at_texts(probe, host, host->service(host, "assay.dictionary/1"), &values[1]);
    const struct assay_counters *counters = host->service(host, "assay.counters/1");
    probe->counter = counters->add(host, "asked");
    const struct assay_targets *targets = host->service(host, "assay.targets/1");
    for (uint32_t t = 0; targets != NULL && t < 3; t++) probe->targets[t] = targets->add(host, names[t], strlen(names[t]));
    *state = probe;
    return 0;
}

static uint64_t value_of(const struct probe *probe, const struct assay_column *columns, uint32_t c, uint32_t row)
{
    uint64_t bits = 0;
    if (columns[c].null[row] != 0) return columns[c].null[row];
    switch (wants[c].type) {
    case ASSAY_TEXT_COLUMN: return probe->hashes[c][((const uint32_t *)columns[c].data)[row]];
    case ASSAY_BOOL_COLUMN: return 1000u + ((const uint8_t *)columns[c].data)[row];
    case ASSAY_POINTS_COLUMN: return 2000u + (uint64_t)((const int32_t *)columns[c].data)[row];
    case ASSAY_NUMBER_COLUMN: memcpy(&bits, (const double *)columns[c].data + row, sizeof(bits)); return bits + 3000u;
    default: return (uint64_t)((const int64_t *)columns[c].data)[row] + 4000u;
    }
}

static volatile int *volatile nowhere;

static int32_t fail(const struct probe *probe, const struct assay_verdict *verdict, uint32_t row, struct assay_plugin_error *error)
{
    switch (probe->how) {
    case HOW_CRASH: *nowhere = 1; return 0;
    case HOW_EXIT: exit(0);
    case HOW_UNWRITTEN: return 0;
    case HOW_RANGE: verdict->reason[row] = 9; return 0;
    default: strcpy(error->text, "expected a good lead, found a bad one"); return 1;
    }
}

static void judge(const struct probe *probe, const struct assay_batch *batch, const struct assay_verdict *verdict, uint32_t row)
{
    static const uint16_t codes[] = {1, 7, 300};
    uint64_t h = mix(mix(probe->salt, batch->lead_key[row]), (uint64_t)batch->now_s);
    for (uint32_t c = 0; c < N_WANTS; c++) h = mix(h, value_of(probe, batch->columns, c, row));
    verdict->reason[row] = h % 8 < probe->yes_of_8 ? codes[(h >> 8) % 3] : ASSAY_NO_REASON;
    if (verdict->reason[row] == ASSAY_NO_REASON) return;
    if (verdict->points_milli != NULL) verdict->points_milli[row] = (int32_t)((h >> 16) % 30001) - 10000;
    if (verdict->target != NULL) verdict->target[row] = (h >> 16) % 4 == 3 ? ASSAY_NO_TARGET : probe->targets[(h >> 16) % 4];
    if (verdict->due_s != NULL) verdict->due_s[row] = (h >> 16) % 3 == 0 ? ASSAY_NO_DUE : batch->now_s + (int64_t)((h >> 20) % 1000) * 3600;
}

static int32_t run(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    const struct probe *probe = state;
    const uint32_t n = batch->selected == NULL ? batch->n_rows : batch->n_selected;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t row = batch->selected == NULL ? i : batch->selected[i];
        if (probe->is_bad[((const uint32_t *)batch->columns[TEXT].data)[row]]) {
            if (fail(probe, verdict, row, error) != 0) return 1;
            continue;
        }
        judge(probe, batch, verdict, row);
        if (probe->counter >= 0) verdict->counters[probe->counter]++;
    }
    return 0;
}

static void destroy(void *state)
{
    struct probe *probe = state;
    for (uint32_t column = 0; column < N_TEXTS; column++) free(probe->hashes[column]);
    free(probe->is_bad);
    free(probe);
}

const struct assay_plugin assay_entry_v1 = {
    ASSAY_ABI_HEADER,
    .kind = PROBE_KIND,
    .caps = ASSAY_CAP_READS_TIME | ASSAY_CAP_READS_KEY | (PROBE_KIND == ASSAY_SCORE ? ASSAY_CAP_SHARED_STATE : 0),
    .id = "com.example.probe",
    .version = "1",
    .help = "Hashes what it sees",
    .n_wants = N_WANTS,
    .n_params = sizeof(params) / sizeof(params[0]),
    .n_reasons = sizeof(reasons) / sizeof(reasons[0]),
    .wants = wants,
    .params = params,
    .reasons = reasons,
    .points_min_milli = PROBE_KIND == ASSAY_SCORE ? -10000 : 0,
    .points_max_milli = PROBE_KIND == ASSAY_SCORE ? 20000 : 0,
    .create = create,
    .run = run,
    .destroy = destroy,
};
