/* How a check asks the plugin: batches are laid out as the contract allows and no better, run() is called with a limit of time, and
 * verdicts are read back in a form that can be compared between instances and processes. */
#include "plugin/kit_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hash.h"
#include "plugin/clean.h"
#include "plugin/stage.h"

enum {
    SLACK_ROWS = 256,   /* behind the arrays, unless they end where the contract ends */
    RUN_CPU_S = 2,      /* one call of run(): a millisecond a lead */
    RUN_WALL_S = 20,    /* the same for one that sleeps */
    CREATE_CPU_S = 10,
    CREATE_WALL_S = 30,
    PAD_ROWS = 64,      /* inputs are readable to the next multiple */
    CANARY = 0xC5,
};

/* -- outcomes ----------------------------------------------------------------------------------------------------- */

static _Noreturn void end_with(struct asy_kit *kit, enum asy_kit_outcome outcome, const char *format, va_list args)
{
    vsnprintf(kit->news->why, sizeof(kit->news->why), format, args);
    kit->news->outcome = outcome;
    _exit(0);
}
_Noreturn void asy_kit_fail(struct asy_kit *kit, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    end_with(kit, ASY_KIT_FAILED, format, args);
}
_Noreturn void asy_kit_skip(struct asy_kit *kit, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    end_with(kit, ASY_KIT_SKIPPED, format, args);
}

void *asy_kit_alloc(struct asy_kit *kit, size_t n, size_t size_bytes)
{
    void *p = asy_pool_alloc_n(&kit->pool, n, size_bytes);
    if (p == NULL) asy_kit_fail(kit, "the kit itself is out of memory");
    return p;
}

/* -- limits of time ----------------------------------------------------------------------------------------------- */

/* SIGPROF and SIGALRM end the process; 0 and 0 lifts the limit. */
static void limit_time(int64_t cpu_s, int64_t wall_s)
{
    setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = cpu_s}, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_sec = wall_s}, NULL);
}

void asy_kit_limit_create(bool is_on)
{
    limit_time(is_on ? CREATE_CPU_S : 0, is_on ? CREATE_WALL_S : 0);
}

/* -- create and destroy ------------------------------------------------------------------------------------------- */

struct asy_instance *asy_kit_create(struct asy_kit *kit, const struct asy_facts *facts)
{
    struct asy_instance *instance = NULL;
    struct assay_error error = {0};
    snprintf(kit->news->doing, sizeof(kit->news->doing), "in create()");
    asy_kit_limit_create(true);
    const assay_status status = asy_instance_new(&instance, &kit->mem, &kit->plugin, kit->decl, facts, kit->file->path.p, &error);
    asy_kit_limit_create(false);
    kit->news->doing[0] = '\0';
    if (status != ASSAY_OK) asy_kit_fail(kit, "%s", error.text);
    return instance;
}

void asy_kit_destroy(struct asy_kit *kit, struct asy_instance *instance)
{
    snprintf(kit->news->doing, sizeof(kit->news->doing), "in destroy()");
    asy_kit_limit_create(true);
    asy_instance_free(instance);
    asy_kit_limit_create(false);
    kit->news->doing[0] = '\0';
}

/* -- arrays ------------------------------------------------------------------------------------------------------- */

/*   [ page nobody may touch | usable: canaries or slack ... array, slack ... | page nobody may touch ]   */
static void array_make(struct asy_kit *kit, struct asy_kit_array *array, uint32_t width)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), rows = ASSAY_BATCH_ROWS + 2 * SLACK_ROWS;
    array->n_bytes = (rows * width + 2 * page - 1) / page * page;
    uint8_t *base = mmap(NULL, array->n_bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mprotect(base + page, array->n_bytes, PROT_READ | PROT_WRITE) != 0)
        asy_kit_fail(kit, "the kit itself is out of memory");
    array->usable = base + page;
}

/* Where an array of `n_rows` begins: it ends at the page nobody may touch, or has slack on both sides. Inputs: to the next multiple. */
static uint8_t *place(const struct asy_kit_array *array, uint32_t n_rows, uint32_t width, bool is_tight)
{
    if (is_tight) return array->usable + array->n_bytes - (size_t)n_rows * width;
    return array->usable + (size_t)SLACK_ROWS * width;
}
static uint32_t padded(uint32_t n_rows)
{
    return (n_rows + PAD_ROWS - 1) / PAD_ROWS * PAD_ROWS;
}

void asy_kit_frame_make(struct asy_kit *kit, struct asy_kit_frame *frame)
{
    const uint32_t n_columns = kit->decl->n_wants;
    frame->random.state = asy_kit_draw(&kit->random);
    frame->data = asy_kit_alloc(kit, n_columns, sizeof(*frame->data));
    frame->null = asy_kit_alloc(kit, n_columns, sizeof(*frame->null));
    frame->columns = asy_kit_alloc(kit, n_columns, sizeof(*frame->columns));
    for (uint32_t c = 0; c < n_columns; c++) {
        array_make(kit, &frame->data[c], kit->leads->columns[c].width);
        array_make(kit, &frame->null[c], 1);
    }
    array_make(kit, &frame->keys, sizeof(uint64_t));
    array_make(kit, &frame->reason, sizeof(uint16_t));
    array_make(kit, &frame->value, sizeof(int64_t));
}

/* -- inputs ------------------------------------------------------------------------------------------------------- */

static void fill_garbage(struct asy_kit_random *random, uint8_t *at, uint32_t n_bytes, bool is_ones)
{
    for (uint32_t i = 0; i < n_bytes; i++) at[i] = is_ones ? 0xFF : (uint8_t)asy_kit_draw(random);
}

/* A row that nobody asks about: any value of the type, and at random called null. */
static void fill_unselected(struct asy_kit_random *random, const struct asy_kit_column *column, bool is_ones, uint8_t *value, uint8_t *null)
{
    const uint32_t code = column->n_codes == 0 ? 0 : is_ones ? column->n_codes - 1 : asy_kit_below(random, column->n_codes);
    *null = is_ones || asy_kit_draw(random) % 2 == 0 ? 0xFF : 0;
    if (column->type == ASSAY_TEXT_COLUMN) memcpy(value, &code, sizeof(code));
    else if (column->type == ASSAY_BOOL_COLUMN) *value = is_ones ? 1 : (uint8_t)(asy_kit_draw(random) % 2);
    else if (column->type == ASSAY_NUMBER_COLUMN) memcpy(value, column->data + (size_t)asy_kit_below(random, ASY_KIT_LEADS) * column->width, column->width);
    else fill_garbage(random, value, column->width, is_ones);
}

static void fill_column(struct asy_kit_random *random, const struct asy_kit_column *column, const struct asy_kit_call *call, uint8_t *data,
                        uint8_t *null)
{
    const uint32_t width = column->width;
    for (uint32_t i = 0; i < call->n_rows; i++) {
        uint32_t lead = call->rows[i];
        if (lead == ASY_KIT_ONES || lead == ASY_KIT_NOISE) {
            fill_unselected(random, column, lead == ASY_KIT_ONES, data + (size_t)i * width, null + i);
            continue;
        }
        const bool is_mixed = lead == ASY_KIT_MIXED;
        if (is_mixed) lead = asy_kit_below(random, ASY_KIT_LEADS);
        null[i] = is_mixed && asy_kit_below(random, 3) == 0 ? 0xFF : column->null[lead];
        if (null[i] != 0) memset(data + (size_t)i * width, 0, width);
        else memcpy(data + (size_t)i * width, column->data + (size_t)lead * width, width);
    }
    /* readable, and no more is said of it */
    fill_garbage(random, data + (size_t)call->n_rows * width, (padded(call->n_rows) - call->n_rows) * width, call->is_tight);
    fill_garbage(random, null + call->n_rows, padded(call->n_rows) - call->n_rows, call->is_tight);
}

static void fill_keys(struct asy_kit_random *random, const struct asy_kit_leads *leads, const struct asy_kit_call *call, uint64_t *keys)
{
    for (uint32_t i = 0; i < padded(call->n_rows); i++)
        keys[i] = i < call->n_rows && call->rows[i] < ASY_KIT_LEADS ? leads->keys[call->rows[i]] : asy_kit_draw(random);
}

static void set_inputs_writable(struct asy_kit *kit, struct asy_kit_frame *frame, bool is_writable)
{
    const int protection = is_writable ? PROT_READ | PROT_WRITE : PROT_READ;
    for (uint32_t c = 0; c < kit->decl->n_wants; c++) {
        mprotect(frame->data[c].usable, frame->data[c].n_bytes, protection);
        mprotect(frame->null[c].usable, frame->null[c].n_bytes, protection);
    }
    mprotect(frame->keys.usable, frame->keys.n_bytes, protection);
}

static uint64_t checksum(const struct asy_kit_array *array)
{
    return asy_checksum((struct asy_str){(const char *)array->usable, (uint32_t)array->n_bytes});
}
/* One number for each array of inputs. */
static void sum_inputs(struct asy_kit *kit, const struct asy_kit_frame *frame, uint64_t *sums)
{
    for (uint32_t c = 0; c < kit->decl->n_wants; c++) {
        sums[2 * c] = checksum(&frame->data[c]);
        sums[2 * c + 1] = checksum(&frame->null[c]);
    }
    sums[2 * (size_t)kit->decl->n_wants] = checksum(&frame->keys);
}
static void compare_inputs(struct asy_kit *kit, const struct asy_kit_call *call, const uint64_t *before, const uint64_t *after)
{
    const uint32_t n_wants = kit->decl->n_wants;
    for (uint32_t i = 0; i <= 2 * n_wants; i++) {
        if (before[i] == after[i]) continue;
        if (i == 2 * n_wants) asy_kit_fail(kit, "run() changed lead_key with n_rows %u: expected inputs to stay as they are", call->n_rows);
        asy_kit_fail(kit, "run() changed %s column `%.*s` with n_rows %u: expected inputs to stay as they are",
                     i % 2 ? "the nulls of" : "the data of", ASY_ARG(kit->decl->wants[i / 2].name), call->n_rows);
    }
}

/* -- outputs ------------------------------------------------------------------------------------------------------ */

static uint32_t value_width(const struct asy_plugin_decl *decl)
{
    return decl->kind == ASSAY_RECYCLE ? sizeof(int64_t) : decl->kind == ASSAY_DISQUALIFY ? 0 : sizeof(int32_t);
}

static void fill_verdict(struct asy_kit *kit, struct asy_kit_frame *frame, const struct asy_kit_call *call, struct assay_verdict *verdict,
                         uint64_t *counters)
{
    const uint32_t n_rows = call->n_rows, width = value_width(kit->decl);
    memset(frame->reason.usable, CANARY, frame->reason.n_bytes);
    if (width > 0) memset(frame->value.usable, CANARY, frame->value.n_bytes);
    void *value = place(&frame->value, n_rows, width, call->is_tight);
    *verdict = (struct assay_verdict){.struct_size = sizeof(*verdict)};
    verdict->reason = (uint16_t *)(void *)place(&frame->reason, n_rows, sizeof(uint16_t), call->is_tight);
    if (kit->decl->kind == ASSAY_SCORE) verdict->points_milli = value;
    if (kit->decl->kind == ASSAY_ROUTE) verdict->target = value;
    if (kit->decl->kind == ASSAY_RECYCLE) verdict->due_s = value;
    verdict->counters = counters;
    for (uint32_t i = 0; i < n_rows; i++) {
        verdict->reason[i] = ASY_REASON_UNWRITTEN;
        if (verdict->points_milli != NULL) verdict->points_milli[i] = ASY_POINTS_UNWRITTEN;
        if (verdict->target != NULL) verdict->target[i] = ASY_TARGET_UNWRITTEN;
        if (verdict->due_s != NULL) verdict->due_s[i] = ASY_DUE_UNWRITTEN;
    }
}

static void check_canaries(struct asy_kit *kit, const struct asy_kit_array *array, const void *begin, const char *name, uint32_t n_rows)
{
    const uint8_t *end = begin;
    for (const uint8_t *p = array->usable; p < end; p++)
        if (*p != CANARY)
            asy_kit_fail(kit, "run() wrote in front of verdict->%s with n_rows %u, %zu bytes before its beginning", name, n_rows, (size_t)(end - p));
}

static int64_t value_of(struct asy_instance *instance, const struct assay_verdict *verdict, uint32_t row)
{
    if (verdict->points_milli != NULL) return verdict->points_milli[row];
    if (verdict->due_s != NULL) return verdict->due_s[row];
    if (verdict->target == NULL) return 0;
    /* Numbers of targets are in the order in which create() named them, which nothing depends on: names are compared. */
    const struct asy_plugin_names *names = asy_instance_names(instance);
    const int32_t target = verdict->target[row];
    if (target < 0 || (uint32_t)target >= names->n_targets) return target;
    return (int64_t)(asy_checksum(names->targets[target]) & INT64_MAX) | (int64_t)1 << 62;
}

static void read_verdict(struct asy_instance *instance, const struct asy_kit_call *call, const struct assay_verdict *verdict,
                         struct asy_kit_verdict *out)
{
    const uint32_t n = call->selected != NULL ? call->n_selected : call->n_rows;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t row = call->selected != NULL ? call->selected[i] : i;
        out[row] = (struct asy_kit_verdict){.reason = verdict->reason[row]};
        if (out[row].reason != ASSAY_NO_REASON && out[row].reason != ASY_REASON_UNWRITTEN)
            out[row].value = value_of(instance, verdict, row);
    }
}

/* -- judging ------------------------------------------------------------------------------------------------------ */

static void call_run(struct asy_kit *kit, struct asy_instance *instance, bool is_timed, const struct assay_batch *batch,
                     const struct assay_verdict *verdict)
{
    void *state = instance->state;
    struct assay_plugin_error error = {.struct_size = sizeof(error)};
    limit_time(RUN_CPU_S, RUN_WALL_S);
    if (kit->trap != NULL) asy_kit_trap_set(kit->trap);
    const int64_t from_ns = is_timed ? kit->now_ns() : 0;
    const int32_t failed = kit->plugin.run(state, batch, verdict, &error);
    if (is_timed) kit->news->ns_per_lead = (double)(kit->now_ns() - from_ns) / batch->n_rows;
    if (kit->trap != NULL) asy_kit_trap_lift(kit->trap);
    limit_time(0, 0);
    if (failed == 0) return;
    char why[sizeof(error.text) + 1];
    const bool has_said = asy_clean_line(why, sizeof(why), error.text, sizeof(error.text)) > 0;
    asy_kit_fail(kit, "run() failed with n_rows %u: %s", batch->n_rows, has_said ? why : "it did not say why");
}

static uint32_t first_lead(const struct asy_kit_call *call)
{
    for (uint32_t i = 0; i < call->n_rows; i++)
        if (call->rows[i] < ASY_KIT_LEADS) return call->rows[i];
    return 0;
}

void asy_kit_judge(struct asy_kit *kit, struct asy_instance *instance, const struct asy_kit_call *call, struct asy_kit_verdict *out)
{
    const struct asy_kit_leads *leads = call->leads != NULL ? call->leads : kit->leads;
    struct asy_kit_frame *frame = call->frame != NULL ? call->frame : &kit->frame;
    struct asy_kit_random *random = &frame->random;
    const uint32_t caps = kit->decl->caps, n_padded = padded(call->n_rows);
    uint64_t before[2 * ASSAY_WANTS_MAX + 1], after[2 * ASSAY_WANTS_MAX + 1], counters[ASSAY_COUNTERS_MAX] = {0};
    struct assay_verdict verdict;

    if (call->frame == NULL) kit->news->n_rows = call->n_rows, kit->news->first_lead = first_lead(call);
    for (uint32_t c = 0; c < leads->n_columns; c++) {
        uint8_t *data = place(&frame->data[c], n_padded, leads->columns[c].width, call->is_tight);
        uint8_t *null = place(&frame->null[c], n_padded, 1, call->is_tight);
        fill_column(random, &leads->columns[c], call, data, null);
        frame->columns[c] = (struct assay_column){.data = data, .null = null};
    }
    uint64_t *keys = (uint64_t *)(void *)place(&frame->keys, n_padded, sizeof(uint64_t), call->is_tight);
    fill_keys(random, leads, call, keys);
    fill_verdict(kit, frame, call, &verdict, counters);
    if (asy_instance_names(instance)->n_counters == 0) verdict.counters = NULL;
    const struct assay_batch batch = {
        .struct_size = sizeof(batch),
        .n_rows = call->n_rows,
        .n_columns = leads->n_columns,
        .n_selected = call->selected != NULL ? call->n_selected : call->n_rows,
        .selected = call->selected,
        .columns = frame->columns,
        .lead_key = (caps & ASSAY_CAP_READS_KEY) != 0 || call->has_strange_keys ? keys : NULL,
        .now_s = (caps & ASSAY_CAP_READS_TIME) != 0 ? leads->now_s : call->has_strange_time ? (int64_t)asy_kit_draw(random) : 0,
        .scratch = call->scratch != NULL ? call->scratch : instance->scratch_p,
    };
    if (call->is_compared) sum_inputs(kit, frame, before);
    if (call->is_read_only) set_inputs_writable(kit, frame, false);
    call_run(kit, instance, call->is_timed, &batch, &verdict);
    if (call->is_read_only) set_inputs_writable(kit, frame, true);
    if (call->is_compared) sum_inputs(kit, frame, after), compare_inputs(kit, call, before, after);
    if (call->is_tight) {
        check_canaries(kit, &frame->reason, verdict.reason, "reason", call->n_rows);
        if (value_width(kit->decl) > 0)
            check_canaries(kit, &frame->value, place(&frame->value, call->n_rows, value_width(kit->decl), true),
                           verdict.points_milli != NULL ? "points_milli" : verdict.target != NULL ? "target" : "due_s", call->n_rows);
    }
    for (uint32_t i = 0; i < ASSAY_COUNTERS_MAX && call->counters != NULL; i++) call->counters[i] += counters[i];
    read_verdict(instance, call, &verdict, out);
    if (call->frame == NULL) kit->news->n_rows = 0;
}

struct asy_instance *asy_kit_expect(struct asy_kit *kit)
{
    struct asy_instance *instance = asy_kit_create(kit, kit->facts);
    uint32_t rows[ASSAY_BATCH_ROWS];
    for (uint32_t from = 0; from < ASY_KIT_LEADS; from += ASSAY_BATCH_ROWS) {
        for (uint32_t i = 0; i < ASSAY_BATCH_ROWS; i++) rows[i] = from + i;
        asy_kit_judge(kit, instance, &(struct asy_kit_call){.rows = rows, .n_rows = ASSAY_BATCH_ROWS}, kit->expected + from);
    }
    return instance;
}

/* -- comparing ---------------------------------------------------------------------------------------------------- */

static void verdict_text(const struct asy_kit *kit, const struct asy_kit_verdict *verdict, char *out, size_t n_bytes)
{
    const struct asy_decl_reason *reason = asy_decl_reason(kit->decl, verdict->reason);
    char value[64] = "", number[24];
    if (kit->decl->kind == ASSAY_SCORE) {
        number[asy_format_milli(verdict->value, number)] = '\0';
        snprintf(value, sizeof(value), ", %s points", number);
    } else if (kit->decl->kind == ASSAY_RECYCLE)
        snprintf(value, sizeof(value), ", due at %" PRId64, verdict->value);
    else if (kit->decl->kind == ASSAY_ROUTE)
        snprintf(value, sizeof(value), verdict->value == ASSAY_NO_TARGET ? ", no target" : ", target #%04x", (unsigned)verdict->value & 0xFFFF);
    if (verdict->reason == ASSAY_NO_REASON) snprintf(out, n_bytes, "no reason");
    else if (verdict->reason == ASY_REASON_UNWRITTEN) snprintf(out, n_bytes, "nothing written");
    else if (reason == NULL) snprintf(out, n_bytes, "unknown reason %u%s", verdict->reason, value);
    else snprintf(out, n_bytes, "`%.*s`%s", ASY_ARG(reason->id), value);
}

_Noreturn void asy_kit_differ(struct asy_kit *kit, uint32_t lead, const struct asy_kit_verdict *expected,
                              const struct asy_kit_verdict *found, const char *how)
{
    char before[128], after[128], values[240];
    verdict_text(kit, expected, before, sizeof(before));
    verdict_text(kit, found, after, sizeof(after));
    asy_kit_lead_text(kit->leads, kit->decl, lead, values, sizeof(values));
    asy_kit_fail(kit, "lead %u gets another verdict %s: expected %s, found %s; the lead: %s", lead, how, before, after, values);
}

void asy_kit_same(struct asy_kit *kit, struct asy_instance *instance, const struct asy_kit_call *call, const char *how)
{
    struct asy_kit_verdict found[ASSAY_BATCH_ROWS];
    asy_kit_judge(kit, instance, call, found);
    const uint32_t n = call->selected != NULL ? call->n_selected : call->n_rows;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t row = call->selected != NULL ? call->selected[i] : i, lead = call->rows[row];
        if (lead >= ASY_KIT_LEADS) continue;
        const struct asy_kit_verdict *expected = &kit->expected[lead];
        if (expected->reason != found[row].reason || expected->value != found[row].value)
            asy_kit_differ(kit, lead, expected, &found[row], how);
    }
}
