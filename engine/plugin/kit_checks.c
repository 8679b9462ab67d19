/* The checks, each for one sentence of the contract in assay/plugin.h. A check compares what the plugin says in some unusual
 * arrangement with what it says about all leads in full batches. */
#include "plugin/kit_internal.h"

#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/thread.h"
#include "plugin/stage.h"

enum { MANY_LEADS = 1000000, ROUNDS = 24 };

static const uint32_t lengths[] = {1, 2, 3, 63, 64, 65, 1023, 1024, 2047, 2048};

static void fill_in_order(uint32_t *rows, uint32_t n, uint32_t from)
{
    for (uint32_t i = 0; i < n; i++) rows[i] = (from + i) % ASY_KIT_LEADS;
}
static void fill_at_random(struct asy_kit *kit, uint32_t *rows, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) rows[i] = asy_kit_below(&kit->random, ASY_KIT_LEADS);
}
static void shuffle(struct asy_kit *kit, uint32_t *items, uint32_t n)
{
    for (uint32_t i = n - 1; i > 0; i--) {
        const uint32_t k = asy_kit_below(&kit->random, i + 1), item = items[i];
        items[i] = items[k];
        items[k] = item;
    }
}

/* All leads in full batches, each as in kit->expected. */
static void same_for_all(struct asy_kit *kit, struct asy_instance *instance, const struct asy_kit_call *like, const char *how)
{
    uint32_t rows[ASSAY_BATCH_ROWS];
    for (uint32_t from = 0; from < ASY_KIT_LEADS; from += ASSAY_BATCH_ROWS) {
        struct asy_kit_call call = *like;
        fill_in_order(rows, ASSAY_BATCH_ROWS, from);
        call.rows = rows;
        call.n_rows = ASSAY_BATCH_ROWS;
        asy_kit_same(kit, instance, &call, how);
    }
}

/* -- create() and what comes out ---------------------------------------------------------------------------------- */

static void check_creates(struct asy_kit *kit)
{
    asy_kit_destroy(kit, asy_kit_create(kit, kit->facts));
}

static void check_all_written(struct asy_kit *kit)
{
    asy_kit_expect(kit);
    const int64_t unwritten = kit->decl->kind == ASSAY_RECYCLE ? ASY_DUE_UNWRITTEN : INT32_MIN;
    char values[240];
    for (uint32_t lead = 0; lead < ASY_KIT_LEADS; lead++) {
        const struct asy_kit_verdict *verdict = &kit->expected[lead];
        const bool has_reason = verdict->reason != ASY_REASON_UNWRITTEN;
        if (has_reason && (kit->decl->kind == ASSAY_DISQUALIFY || verdict->reason == ASSAY_NO_REASON || verdict->value != unwritten)) continue;
        asy_kit_lead_text(kit->leads, kit->decl, lead, values, sizeof(values));
        asy_kit_fail(kit, "run() left lead %u without %s: expected verdict->%s[row] to be written for every selected row; the lead: %s", lead,
                     has_reason ? "what its kind adds to a reason" : "a verdict",
                     !has_reason                          ? "reason"
                     : kit->decl->kind == ASSAY_SCORE     ? "points_milli"
                     : kit->decl->kind == ASSAY_ROUTE     ? "target"
                                                          : "due_s",
                     values);
    }
}

static bool is_value_possible(const struct asy_plugin_decl *decl, int64_t value, const char **expected)
{
    *expected = decl->kind == ASSAY_SCORE     ? "points within the limits that the plugin declares"
                : decl->kind == ASSAY_RECYCLE ? "a due time from 0 to UINT32_MAX"
                                              : "a target that assay.targets/1 gave, or ASSAY_NO_TARGET";
    switch (decl->kind) {
    case ASSAY_SCORE: return value == ASY_POINTS_UNWRITTEN || (value >= decl->points_min_milli && value <= decl->points_max_milli);
    case ASSAY_RECYCLE: return value == ASY_DUE_UNWRITTEN || (value >= 0 && value <= UINT32_MAX);
    case ASSAY_ROUTE: return value == ASY_TARGET_UNWRITTEN || value == ASSAY_NO_TARGET || value > UINT32_MAX; /* a name's hash */
    default: return true;
    }
}

static void check_possible(struct asy_kit *kit, const struct asy_kit_verdict *verdict, uint32_t row)
{
    const char *expected;
    if (verdict->reason == ASSAY_NO_REASON || verdict->reason == ASY_REASON_UNWRITTEN) return;
    const struct asy_decl_reason *reason = asy_decl_reason(kit->decl, verdict->reason);
    if (reason == NULL)
        asy_kit_fail(kit, "run() gave reason %u in row %u: expected a code of the plugin's table, or ASSAY_NO_REASON", verdict->reason, row);
    if (!is_value_possible(kit->decl, verdict->value, &expected))
        asy_kit_fail(kit, "run() gave %lld with reason `%.*s` in row %u: expected %s", (long long)verdict->value, ASY_ARG(reason->id), row,
                     expected);
}

static void check_in_range(struct asy_kit *kit)
{
    struct asy_instance *instance = asy_kit_expect(kit);
    struct asy_kit_verdict found[ASSAY_BATCH_ROWS];
    uint32_t rows[ASSAY_BATCH_ROWS];
    for (uint32_t lead = 0; lead < ASY_KIT_LEADS; lead++) check_possible(kit, &kit->expected[lead], lead % ASSAY_BATCH_ROWS);
    for (uint32_t i = 0; i < ASSAY_BATCH_ROWS; i++) rows[i] = ASY_KIT_MIXED;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        asy_kit_judge(kit, instance, &(struct asy_kit_call){.rows = rows, .n_rows = ASSAY_BATCH_ROWS}, found);
        for (uint32_t row = 0; row < ASSAY_BATCH_ROWS; row++) check_possible(kit, &found[row], row);
    }
}

static void check_reasons(struct asy_kit *kit)
{
    char missing[300] = "";
    uint32_t n_seen = 0;
    asy_kit_expect(kit);
    for (uint32_t lead = 0; lead < ASY_KIT_LEADS; lead++) {
        const struct asy_decl_reason *reason = asy_decl_reason(kit->decl, kit->expected[lead].reason);
        if (reason != NULL) kit->news->is_reason_seen[reason - kit->decl->reasons] = 1;
    }
    for (uint32_t r = 0; r < kit->decl->n_reasons; r++) {
        const size_t len = strlen(missing);
        n_seen += kit->news->is_reason_seen[r];
        if (!kit->news->is_reason_seen[r] && len + kit->decl->reasons[r].id.len + 5 < sizeof(missing))
            snprintf(missing + len, sizeof(missing) - len, "%s`%.*s`", len > 0 ? ", " : "", ASY_ARG(kit->decl->reasons[r].id));
    }
    if (n_seen < kit->decl->n_reasons)
        asy_kit_skip(kit, "made-up leads got %u of %u reasons, so the other checks say less than they could; without: %s. Settings that speak "
                     "of usual values help", n_seen, kit->decl->n_reasons, missing);
}

static void check_nothing_there(struct asy_kit *kit)
{
    static const struct asy_str nothing = {"", 0};
    struct asy_kit_leads leads = *kit->leads;
    struct asy_facts facts;
    struct assay_error error = {0};
    struct asy_kit_verdict found[ASSAY_BATCH_ROWS];
    uint32_t rows[64];
    leads.columns = asy_kit_alloc(kit, leads.n_columns, sizeof(*leads.columns));
    for (uint32_t c = 0; c < leads.n_columns; c++) {
        struct asy_kit_column *column = &leads.columns[c];
        *column = kit->leads->columns[c];
        column->data = asy_kit_alloc(kit, ASY_KIT_LEADS, column->width);
        column->null = asy_kit_alloc(kit, ASY_KIT_LEADS, 1);
        memset(column->null, 0xFF, ASY_KIT_LEADS);
        if (column->n_codes > 0) column->n_codes = 1, column->texts = (struct asy_str *)&nothing;
    }
    struct asy_facts_column *columns = asy_kit_facts_columns(&leads, &kit->pool);
    if (columns == NULL || asy_facts_make(&facts, kit->decl, columns, kit->settings, false, &error) != ASSAY_OK)
        asy_kit_fail(kit, "the kit itself is out of memory");
    snprintf(kit->news->hint, sizeof(kit->news->hint), "dictionaries have only code 0 and every value is null");
    struct asy_instance *instance = asy_kit_create(kit, &facts);
    fill_in_order(rows, 64, 0);
    asy_kit_judge(kit, instance, &(struct asy_kit_call){.rows = rows, .n_rows = 64, .leads = &leads}, found);
    asy_kit_destroy(kit, instance);
}

void asy_kit_find_guilty(struct asy_kit *kit)
{
    struct asy_instance *instance = asy_kit_create(kit, kit->facts);
    for (uint32_t lead = 0; lead < ASY_KIT_LEADS; lead++) {
        struct asy_kit_verdict found;
        asy_kit_judge(kit, instance, &(struct asy_kit_call){.rows = &lead, .n_rows = 1}, &found);
    }
}

/* -- a lead among others ------------------------------------------------------------------------------------------ */

static void check_alone(struct asy_kit *kit)
{
    struct asy_instance *instance = asy_kit_expect(kit);
    for (uint32_t lead = 0; lead < ASY_KIT_LEADS; lead++)
        asy_kit_same(kit, instance, &(struct asy_kit_call){.rows = &lead, .n_rows = 1}, "alone than among others");
}

static void check_lengths(struct asy_kit *kit)
{
    struct asy_instance *instance = asy_kit_expect(kit);
    uint32_t rows[ASSAY_BATCH_ROWS];
    char how[64];
    for (uint32_t round = 0; round < ROUNDS; round++)
        for (uint32_t l = 0; l < ASY_COUNT_OF(lengths); l++) {
            fill_in_order(rows, lengths[l], asy_kit_below(&kit->random, ASY_KIT_LEADS));
            snprintf(how, sizeof(how), "in a batch of %u than in one of %d", lengths[l], ASSAY_BATCH_ROWS);
            asy_kit_same(kit, instance, &(struct asy_kit_call){.rows = rows, .n_rows = lengths[l]}, how);
        }
}

static void check_permuted(struct asy_kit *kit)
{
    struct asy_instance *instance = asy_kit_expect(kit);
    uint32_t rows[ASY_KIT_LEADS];
    fill_in_order(rows, ASY_KIT_LEADS, 0);
    for (uint32_t round = 0; round < 4; round++) {
        shuffle(kit, rows, ASY_KIT_LEADS);
        for (uint32_t from = 0; from < ASY_KIT_LEADS; from += ASSAY_BATCH_ROWS)
            asy_kit_same(kit, instance, &(struct asy_kit_call){.rows = rows + from, .n_rows = ASSAY_BATCH_ROWS}, "in another order");
    }
}

static void same_counters(struct asy_kit *kit, struct asy_instance *instance, const uint64_t *whole, const uint64_t *split)
{
    const struct asy_plugin_names *names = asy_instance_names(instance);
    for (uint32_t i = 0; i < names->n_counters; i++)
        if (whole[i] != split[i])
            asy_kit_fail(kit, "counter `%.*s` depends on how leads are split into batches: expected %llu as in full batches, found %llu",
                         ASY_ARG(names->counters[i]), (unsigned long long)whole[i], (unsigned long long)split[i]);
}

static void check_split(struct asy_kit *kit)
{
    struct asy_instance *instance = asy_kit_expect(kit);
    uint64_t whole[ASSAY_COUNTERS_MAX] = {0};
    uint32_t rows[ASSAY_BATCH_ROWS];
    same_for_all(kit, instance, &(struct asy_kit_call){.counters = whole}, "in the same batches again");
    for (uint32_t round = 0; round < 4; round++) {
        uint64_t split[ASSAY_COUNTERS_MAX] = {0};
        for (uint32_t from = 0, n; from < ASY_KIT_LEADS; from += n) {
            n = 1 + asy_kit_below(&kit->random, asy_kit_below(&kit->random, 2) ? ASSAY_BATCH_ROWS : 40);
            if (n > ASY_KIT_LEADS - from) n = ASY_KIT_LEADS - from;
            fill_in_order(rows, n, from);
            asy_kit_same(kit, instance, &(struct asy_kit_call){.rows = rows, .n_rows = n, .counters = split}, "in batches of other lengths");
        }
        same_counters(kit, instance, whole, split);
    }
}

static void check_repeated(struct asy_kit *kit)
{
    struct asy_instance *instance = asy_kit_expect(kit);
    uint32_t rows[ASSAY_BATCH_ROWS];
    for (uint32_t round = 0; round < 3; round++) same_for_all(kit, instance, &(struct asy_kit_call){0}, "when it is asked about again");
    for (uint32_t from = 0; from < ASY_KIT_LEADS; from += ASSAY_BATCH_ROWS / 2) {
        for (uint32_t i = 0; i < ASSAY_BATCH_ROWS; i++) rows[i] = from + i / 2;
        asy_kit_same(kit, instance, &(struct asy_kit_call){.rows = rows, .n_rows = ASSAY_BATCH_ROWS}, "when it is twice in a batch");
    }
}

static void check_nulls_elsewhere(struct asy_kit *kit)
{
    struct asy_instance *instance = asy_kit_expect(kit);
    uint32_t rows[ASSAY_BATCH_ROWS];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        fill_in_order(rows, ASSAY_BATCH_ROWS, asy_kit_below(&kit->random, ASY_KIT_LEADS));
        for (uint32_t i = 0; i < ASSAY_BATCH_ROWS; i++)
            if (asy_kit_below(&kit->random, 2)) rows[i] = ASY_KIT_MIXED;
        asy_kit_same(kit, instance, &(struct asy_kit_call){.rows = rows, .n_rows = ASSAY_BATCH_ROWS}, "when other leads have other values or nulls");
    }
}

static void check_selection(struct asy_kit *kit)
{
    static const uint32_t percents[] = {0, 1, 10, 50, 90, 99, 100};
    struct asy_instance *instance = asy_kit_expect(kit);
    uint32_t rows[ASSAY_BATCH_ROWS];
    uint16_t selected[ASSAY_BATCH_ROWS];
    snprintf(kit->news->hint, sizeof(kit->news->hint), "rows that are not selected hold any values of their types");
    for (uint32_t round = 0; round < 3 * ROUNDS; round++) {
        const uint32_t percent = percents[round % ASY_COUNT_OF(percents)];
        const uint32_t n_rows = lengths[asy_kit_below(&kit->random, ASY_COUNT_OF(lengths))];
        uint32_t n_selected = 0;
        fill_at_random(kit, rows, n_rows);
        for (uint32_t i = 0; i < n_rows; i++)
            if (asy_kit_below(&kit->random, 100) < percent) selected[n_selected++] = (uint16_t)i;
            else rows[i] = round % 2 ? ASY_KIT_ONES : ASY_KIT_NOISE;
        asy_kit_same(kit, instance, &(struct asy_kit_call){.rows = rows, .n_rows = n_rows, .selected = selected, .n_selected = n_selected},
                     "when only some rows are selected and the others hold other values");
    }
}

/* -- state -------------------------------------------------------------------------------------------------------- */

static void check_two_states(struct asy_kit *kit)
{
    struct asy_instance *a = asy_kit_expect(kit), *b = asy_kit_create(kit, kit->facts);
    uint32_t rows[ASSAY_BATCH_ROWS];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const uint32_t n = lengths[asy_kit_below(&kit->random, ASY_COUNT_OF(lengths))];
        fill_at_random(kit, rows, n);
        asy_kit_same(kit, round % 2 ? a : b, &(struct asy_kit_call){.rows = rows, .n_rows = n}, "when two states take turns");
    }
    snprintf(kit->news->hint, sizeof(kit->news->hint), "one of two states was destroyed before");
    asy_kit_destroy(kit, b);
    same_for_all(kit, a, &(struct asy_kit_call){0}, "after another state was destroyed");
    b = asy_kit_create(kit, kit->facts);
    asy_kit_destroy(kit, a);
    same_for_all(kit, b, &(struct asy_kit_call){0}, "after another state was destroyed");
    asy_kit_destroy(kit, b);
}

static void check_many_calls(struct asy_kit *kit)
{
    struct asy_instance *instance = asy_kit_expect(kit);
    struct asy_kit_verdict found[ASSAY_BATCH_ROWS];
    uint32_t rows[ASSAY_BATCH_ROWS];
    for (uint32_t n_done = 0; n_done < MANY_LEADS;) {
        const uint32_t n = lengths[asy_kit_below(&kit->random, ASY_COUNT_OF(lengths))];
        fill_at_random(kit, rows, n);
        asy_kit_judge(kit, instance, &(struct asy_kit_call){.rows = rows, .n_rows = n}, found);
        n_done += n;
    }
    same_for_all(kit, instance, &(struct asy_kit_call){0}, "after a million others");
}

static void check_scratch(struct asy_kit *kit)
{
    struct asy_instance *instance = asy_kit_expect(kit);
    uint32_t rows[ASSAY_BATCH_ROWS];
    if (instance->scratch_p == NULL) asy_kit_skip(kit, "create() reserved none");
    for (uint32_t round = 0; round < ROUNDS; round++) {
        static const uint8_t fills[] = {0x00, 0xFF, 0xA5, 0x01};
        memset(instance->scratch_p, fills[round % ASY_COUNT_OF(fills)], instance->scratch_bytes);
        fill_at_random(kit, rows, ASSAY_BATCH_ROWS);
        asy_kit_same(kit, instance, &(struct asy_kit_call){.rows = rows, .n_rows = ASSAY_BATCH_ROWS}, "when scratch holds something else");
    }
}

struct two_threads {
    struct asy_kit *kit;
    struct asy_instance *instance;
    struct thread_part {
        struct asy_kit_frame frame;
        void *scratch;
        bool has_differed;           /* from what the kit expects, first in this lead */
        uint32_t lead;
        struct asy_kit_verdict found;
    } parts[2];
    uint32_t n_arrived;              /* atomic */
};
/* Until the other one is there too, or does not seem to come: there may be no second thread to be had. */
static void wait_for_both(struct two_threads *threads)
{
    enum { TRIES = 100000 };
    __atomic_add_fetch(&threads->n_arrived, 1, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < TRIES && __atomic_load_n(&threads->n_arrived, __ATOMIC_SEQ_CST) < 2; i++) sched_yield();
}
static void compare_as_thread(const struct asy_kit *kit, struct thread_part *part, const struct asy_kit_verdict *found, uint32_t from, uint32_t n)
{
    for (uint32_t i = 0; i < n && !part->has_differed; i++) {
        const struct asy_kit_verdict *expected = &kit->expected[from + i];
        part->has_differed = found[i].reason != expected->reason || found[i].value != expected->value;
        part->lead = from + i;
        part->found = found[i];
    }
}
static void judge_as_thread(void *ctx, uint32_t worker, uint64_t piece)
{
    enum { ROWS = 64 };
    struct two_threads *threads = ctx;
    struct thread_part *part = &threads->parts[piece];
    struct asy_kit_verdict found[ROWS];
    uint32_t rows[ROWS];
    (void)worker;
    wait_for_both(threads);
    for (uint32_t round = 0; round < ROUNDS; round++)
        for (uint32_t from = 0; from < ASY_KIT_LEADS && !part->has_differed; from += ROWS) {
            fill_in_order(rows, ROWS, from);
            asy_kit_judge(threads->kit, threads->instance,
                          &(struct asy_kit_call){.rows = rows, .n_rows = ROWS, .frame = &part->frame, .scratch = part->scratch}, found);
            compare_as_thread(threads->kit, part, found, from, ROWS);
        }
}
static void check_shared_state(struct asy_kit *kit)
{
    if ((kit->decl->caps & ASSAY_CAP_SHARED_STATE) == 0) asy_kit_skip(kit, "the plugin does not declare ASSAY_CAP_SHARED_STATE");
    struct asy_instance *instance = asy_kit_expect(kit);
    struct two_threads threads = {.kit = kit, .instance = instance};
    snprintf(kit->news->hint, sizeof(kit->news->hint), "two threads use one state at once");
    for (uint32_t i = 0; i < 2; i++) {
        asy_kit_frame_make(kit, &threads.parts[i].frame);
        uint8_t *scratch = asy_kit_alloc(kit, instance->scratch_bytes + 64, 1);
        if (instance->scratch_p != NULL) threads.parts[i].scratch = scratch + (64 - (uintptr_t)scratch % 64);
    }
    asy_parallel(2, 2, judge_as_thread, &threads);
    for (uint32_t i = 0; i < 2; i++) {
        const struct thread_part *part = &threads.parts[i];
        if (part->has_differed)
            asy_kit_differ(kit, part->lead, &kit->expected[part->lead], &part->found, "when two threads use one state at once");
    }
}

/* -- memory that is not the plugin's ------------------------------------------------------------------------------ */

static void check_inputs(struct asy_kit *kit)
{
    struct asy_instance *instance = asy_kit_expect(kit);
    same_for_all(kit, instance, &(struct asy_kit_call){.is_compared = true}, "in the same batches again");
    snprintf(kit->news->hint, sizeof(kit->news->hint), "inputs were read-only");
    same_for_all(kit, instance, &(struct asy_kit_call){.is_read_only = true}, "with inputs that cannot be written");
}

static void check_guard_pages(struct asy_kit *kit)
{
    struct asy_instance *instance = asy_kit_expect(kit);
    uint32_t rows[ASSAY_BATCH_ROWS];
    snprintf(kit->news->hint, sizeof(kit->news->hint), "outputs end with the last row, inputs at the next multiple of 64 rows, and then comes a "
             "page that nobody may touch");
    for (uint32_t round = 0; round < ROUNDS; round++)
        for (uint32_t l = 0; l < ASY_COUNT_OF(lengths); l++) {
            fill_at_random(kit, rows, lengths[l]);
            asy_kit_same(kit, instance, &(struct asy_kit_call){.rows = rows, .n_rows = lengths[l], .is_tight = true},
                         "when its arrays end where the contract says");
        }
}

/* -- what a verdict may not depend on ----------------------------------------------------------------------------- */

/* The same leads with other numbers for the same texts. */
static void permute_codes(struct asy_kit *kit, struct asy_kit_leads *out)
{
    *out = *kit->leads;
    out->columns = asy_kit_alloc(kit, out->n_columns, sizeof(*out->columns));
    for (uint32_t c = 0; c < out->n_columns; c++) {
        struct asy_kit_column *column = &out->columns[c];
        const struct asy_kit_column *old = &kit->leads->columns[c];
        *column = *old;
        if (column->n_codes < 2) continue;
        uint32_t *code_of = asy_kit_alloc(kit, column->n_codes, sizeof(*code_of));
        uint32_t *codes = asy_kit_alloc(kit, ASY_KIT_LEADS, sizeof(*codes));
        for (uint32_t code = 0; code < column->n_codes; code++) code_of[code] = code;
        shuffle(kit, code_of + 1, column->n_codes - 1);
        column->texts = asy_kit_alloc(kit, column->n_codes, sizeof(*column->texts));
        for (uint32_t code = 0; code < column->n_codes; code++) column->texts[code_of[code]] = old->texts[code];
        for (uint32_t lead = 0; lead < ASY_KIT_LEADS; lead++) codes[lead] = code_of[((const uint32_t *)(const void *)old->data)[lead]];
        column->data = (uint8_t *)codes;
    }
}

static void check_codes(struct asy_kit *kit)
{
    struct asy_kit_leads leads;
    struct asy_facts facts;
    struct assay_error error = {0};
    uint32_t n_texts = 0;
    for (uint32_t c = 0; c < kit->leads->n_columns; c++) n_texts += kit->leads->columns[c].n_codes > 0;
    if (n_texts == 0) asy_kit_skip(kit, "the plugin reads no texts");
    asy_kit_expect(kit);
    permute_codes(kit, &leads);
    struct asy_facts_column *columns = asy_kit_facts_columns(&leads, &kit->pool);
    if (columns == NULL || asy_facts_make(&facts, kit->decl, columns, kit->settings, false, &error) != ASSAY_OK)
        asy_kit_fail(kit, "the kit itself is out of memory");
    same_for_all(kit, asy_kit_create(kit, &facts), &(struct asy_kit_call){.leads = &leads}, "when dictionaries number the same texts in another way");
}

static void check_unread_time(struct asy_kit *kit)
{
    if ((kit->decl->caps & ASSAY_CAP_READS_TIME) != 0) asy_kit_skip(kit, "the plugin declares ASSAY_CAP_READS_TIME");
    struct asy_instance *instance = asy_kit_expect(kit);
    for (uint32_t round = 0; round < 4; round++)
        same_for_all(kit, instance, &(struct asy_kit_call){.has_strange_time = true},
                     "at another now_s, although the plugin does not declare ASSAY_CAP_READS_TIME");
}

static void check_unread_key(struct asy_kit *kit)
{
    if ((kit->decl->caps & ASSAY_CAP_READS_KEY) != 0) asy_kit_skip(kit, "the plugin declares ASSAY_CAP_READS_KEY");
    same_for_all(kit, asy_kit_expect(kit), &(struct asy_kit_call){.has_strange_keys = true},
                 "with another lead_key, although the plugin does not declare ASSAY_CAP_READS_KEY");
}

static void check_another_process(struct asy_kit *kit)
{
    asy_kit_expect(kit);
    memcpy(kit->news->verdicts, kit->expected, sizeof(kit->news->verdicts));
}

/* -- what run() and create() may do ------------------------------------------------------------------------------- */

static void tell_call(void *ctx, const char *name)
{
    asy_kit_fail(ctx, "run() called %s(): expected it not to allocate, lock, log, ask for the time or do I/O; create() may do that", name);
}

static struct asy_kit_trap *make_trap(struct asy_kit *kit, enum asy_kit_place place, void (*tell)(void *ctx, const char *name))
{
    const char *why = "";
    union { /* ISO C has no cast from a function to an object */
        int32_t (*run)(void *, const struct assay_batch *, const struct assay_verdict *, struct assay_plugin_error *);
        const void *address;
    } inside = {.run = kit->plugin.run};
    struct asy_kit_trap *trap = asy_kit_trap_make(&kit->pool, place, inside.address, tell, kit, &why);
    if (trap == NULL) asy_kit_skip(kit, "%s", why);
    return trap;
}

static void check_no_calls(struct asy_kit *kit)
{
    struct asy_kit_trap *trap = make_trap(kit, ASY_KIT_IN_RUN, tell_call);
    struct asy_instance *instance = asy_kit_expect(kit);
    uint32_t rows[ASSAY_BATCH_ROWS];
    kit->trap = trap;
    same_for_all(kit, instance, &(struct asy_kit_call){0}, "in the same batches again");
    for (uint32_t i = 0; i < ASSAY_BATCH_ROWS; i++) rows[i] = ASY_KIT_MIXED;
    for (uint32_t round = 0; round < ROUNDS; round++)
        asy_kit_same(kit, instance, &(struct asy_kit_call){.rows = rows, .n_rows = lengths[round % ASY_COUNT_OF(lengths)]}, "");
    kit->trap = NULL;
    asy_kit_destroy(kit, instance);
}

static void tell_file(void *ctx, const char *name)
{
    asy_kit_fail(ctx, "create() or destroy() called %s(): expected them to open no files and start nothing, which ends an isolated plugin; the "
                 "content of a file comes as a parameter of type ASSAY_FILE_PARAM", name);
}

static void check_no_files(struct asy_kit *kit)
{
    struct asy_kit_trap *trap = make_trap(kit, ASY_KIT_IN_CREATE, tell_file);
    asy_kit_trap_set(trap);
    asy_kit_destroy(kit, asy_kit_create(kit, kit->facts));
    asy_kit_trap_lift(trap);
}

/* Bytes that malloc has handed out, in small blocks and mapped ones. */
static uint64_t bytes_in_use(const struct asy_kit *kit)
{
    if (kit->bytes_in_use != NULL) return kit->bytes_in_use();
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void check_leaks(struct asy_kit *kit)
{
    enum { WARM_UP = 10, CREATES = 100, BYTES_A_ROUND = 8 };
    const uint64_t before_probe = bytes_in_use(kit);
    void *volatile probe = malloc(100000);
    if (bytes_in_use(kit) < before_probe + 100000) asy_kit_skip(kit, "this program's allocator does not tell how much is in use");
    free(probe);
    for (uint32_t i = 0; i < WARM_UP; i++) asy_kit_destroy(kit, asy_kit_create(kit, kit->facts));
    const uint64_t before = bytes_in_use(kit);
    for (uint32_t i = 0; i < CREATES / 2; i++) asy_kit_destroy(kit, asy_kit_create(kit, kit->facts));
    const uint64_t middle = bytes_in_use(kit);
    for (uint32_t i = 0; i < CREATES / 2; i++) asy_kit_destroy(kit, asy_kit_create(kit, kit->facts));
    const uint64_t after = bytes_in_use(kit);
    /* Growth in both halves: a cache that has filled up is none. */
    if (middle >= before + CREATES / 2 * BYTES_A_ROUND && after >= middle + CREATES / 2 * BYTES_A_ROUND)
        asy_kit_fail(kit, "%u times create() and destroy() left %llu bytes behind: expected destroy() to free what create() allocated", CREATES,
                     (unsigned long long)(after - before));
}

static void check_cost(struct asy_kit *kit)
{
    if (kit->now_ns == NULL) asy_kit_skip(kit, "nobody gave a clock");
    struct asy_instance *instance = asy_kit_expect(kit);
    uint32_t rows[ASSAY_BATCH_ROWS];
    double best_ns = 0;
    fill_in_order(rows, ASSAY_BATCH_ROWS, 0);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        asy_kit_same(kit, instance, &(struct asy_kit_call){.rows = rows, .n_rows = ASSAY_BATCH_ROWS, .is_timed = true}, "in the same batch again");
        if (round == 0 || kit->news->ns_per_lead < best_ns) best_ns = kit->news->ns_per_lead;
    }
    kit->news->ns_per_lead = best_ns;
}

const struct asy_kit_check asy_kit_checks[] = {
    {"loads-and-creates", "create() takes the settings, destroy() follows", check_creates, ASY_KIT_BASIS},
    {"all-written", "every selected lead gets a verdict", check_all_written, ASY_KIT_BASIS},
    {"in-range", "reasons, points, targets and due times are possible ones", check_in_range, ASY_KIT_ONCE},
    {"reasons-reached", "made-up leads get every reason", check_reasons, ASY_KIT_ONCE},
    {"nothing-there", "data without a single value does no harm", check_nothing_there, ASY_KIT_ONCE},
    {"alone-as-in-a-batch", "a lead gets the same verdict alone as among others", check_alone, ASY_KIT_ONCE},
    {"any-length", "batches may have any length", check_lengths, ASY_KIT_ONCE},
    {"permuted", "the order of leads does not matter", check_permuted, ASY_KIT_ONCE},
    {"split-and-merged", "how leads are split into batches does not matter", check_split, ASY_KIT_ONCE},
    {"repeated", "a lead that is asked about again gets the same verdict", check_repeated, ASY_KIT_ONCE},
    {"nulls-elsewhere", "values of other leads do not matter", check_nulls_elsewhere, ASY_KIT_ONCE},
    {"selection", "rows that are not selected do not matter", check_selection, ASY_KIT_ONCE},
    {"two-states-interleaved", "states have nothing to do with each other", check_two_states, ASY_KIT_ONCE},
    {"after-many-calls", "a million other leads do not matter", check_many_calls, ASY_KIT_ONCE},
    {"scratch-unspecified", "what is left in scratch does not matter", check_scratch, ASY_KIT_ONCE},
    {"inputs-unchanged", "run() does not write its inputs", check_inputs, ASY_KIT_ONCE},
    {"guard-pages", "run() stays inside its arrays", check_guard_pages, ASY_KIT_ONCE},
    {"codes-permuted", "numbers of dictionary codes do not matter", check_codes, ASY_KIT_ONCE},
    {"unread-time", "without the capability now_s does not matter", check_unread_time, ASY_KIT_ONCE},
    {"unread-key", "without the capability lead_key does not matter", check_unread_key, ASY_KIT_ONCE},
    {"no-files-in-create", "create() and destroy() open no files, make no connections and start nothing", check_no_files, ASY_KIT_ONCE},
    {"no-calls-in-run", "run() does not allocate, lock, ask for the time or do I/O", check_no_calls, ASY_KIT_ONCE},
    {"no-leaks", "destroy() frees what create() allocated", check_leaks, ASY_KIT_ONCE},
    {"errors-are-told", "create() survives odd settings and says why it refuses", asy_kit_check_errors, ASY_KIT_ONCE},
    {"repeat-in-another-process", "another process says the same", check_another_process, ASY_KIT_TWICE},
    {"shared-state", "two threads may use one state, if the plugin says so", check_shared_state, ASY_KIT_ONCE},
    {"cost", "what run() takes a lead; for information", check_cost, ASY_KIT_ONCE},
};
const uint32_t asy_kit_n_checks = ASY_COUNT_OF(asy_kit_checks);
