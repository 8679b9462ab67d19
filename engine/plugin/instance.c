#include "plugin/instance_internal.h"

#include "base/check.h"
#include "plugin/clean.h"

#include <sys/mman.h>

enum { ALIGNMENT = 64 };

/* -- making ------------------------------------------------------------------------------------------------------- */

static uint64_t aligned(uint64_t n_bytes)
{
    return (n_bytes + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
}

/* Room for an ABI batch of every column, for rows that cannot be shown where they are. */
static bool make_copies(struct asy_instance *instance)
{
    const struct asy_plugin_decl *decl = instance->decl;
    for (uint32_t c = 0; c < decl->n_wants; c++) instance->copies_bytes += (uint64_t)ASSAY_BATCH_ROWS * (asy_stage_width(decl->wants[c].type) + 1);
    if (instance->copies_bytes == 0) return true;
    instance->copies_bytes = asy_whole_pages(instance->copies_bytes);
    instance->copies_map = asy_map_private(instance->copies_bytes);
    if (instance->copies_map == NULL) return false;
    uint8_t *next = instance->copies_map;
    for (uint32_t c = 0; c < decl->n_wants; c++) {
        instance->copies[c].data = next;
        next += (uint64_t)ASSAY_BATCH_ROWS * asy_stage_width(decl->wants[c].type);
        instance->copies[c].null = next;
        next += ASSAY_BATCH_ROWS;
    }
    return true;
}
static bool make_arrays(struct asy_instance *instance)
{
    const uint32_t kind = instance->decl->kind;
    const uint64_t n = ASSAY_BATCH_ROWS;
    return asy_guarded_init(&instance->reason, n * sizeof(uint16_t)) &&
           asy_guarded_init(&instance->points, kind == ASSAY_SCORE ? n * sizeof(int32_t) : 0) &&
           asy_guarded_init(&instance->target, kind == ASSAY_ROUTE ? n * sizeof(int32_t) : 0) &&
           asy_guarded_init(&instance->due, kind == ASSAY_RECYCLE ? n * sizeof(int64_t) : 0) && make_copies(instance);
}

/* An instance without a state. NULL: no memory. */
static struct asy_instance *make(struct asy_mem *mem, const struct assay_plugin *plugin, const struct asy_plugin_decl *decl,
                                 const struct asy_facts *facts)
{
    struct asy_instance *instance = asy_mem_alloc(mem, sizeof(*instance));
    if (instance == NULL) return NULL;
    *instance = (struct asy_instance){.mem = mem, .plugin = plugin, .decl = decl, .facts = facts};
    asy_pool_init(&instance->pool, mem);
    instance->dictionaries = asy_pool_alloc_n(&instance->pool, decl->n_wants, sizeof(*instance->dictionaries));
    instance->columns = asy_pool_alloc_n(&instance->pool, decl->n_wants, sizeof(*instance->columns));
    instance->copies = asy_pool_alloc_n(&instance->pool, decl->n_wants, sizeof(*instance->copies));
    if (instance->pool.has_failed) {
        asy_pool_fini(&instance->pool);
        asy_mem_free(mem, instance, sizeof(*instance));
        return NULL;
    }
    asy_instance_host_init(instance);
    if (make_arrays(instance)) return instance;
    asy_instance_free(instance);
    return NULL;
}

static assay_status create(struct asy_instance *instance, const char *path, struct assay_error *error)
{
    struct assay_plugin_error said = {.struct_size = sizeof(said)};
    struct assay_value *values = NULL;
    char why[sizeof(said.text)];
    if (!asy_facts_values(instance->facts, &instance->pool, &values)) return asy_fail(error, ASSAY_E_NOMEM, "%s: parameters: out of memory", path);
    instance->is_creating = true;
    const int32_t result = instance->plugin->create(&instance->host, values, &instance->state, &said);
    instance->is_creating = false;
    instance->is_created = result == 0;
    if (result != 0) {
        if (asy_clean_line(why, sizeof(why), said.text, sizeof(said.text)) == 0)
            return asy_fail(error, ASSAY_E_DATA, "%s: plugin %.*s: create() failed: it returned %d and did not say why", path,
                            ASY_ARG(instance->decl->id), result);
        return asy_fail(error, ASSAY_E_DATA, "%s: plugin %.*s: create() failed: %s", path, ASY_ARG(instance->decl->id), why);
    }
    if (instance->pool.has_failed || !asy_guarded_init(&instance->counters, instance->names.n_counters * sizeof(uint64_t)))
        return asy_fail(error, ASSAY_E_NOMEM, "%s: plugin %.*s: out of memory", path, ASY_ARG(instance->decl->id));
    return ASSAY_OK;
}

assay_status asy_instance_new(struct asy_instance **out, struct asy_mem *mem, const struct assay_plugin *plugin,
                              const struct asy_plugin_decl *decl, const struct asy_facts *facts, const char *path, struct assay_error *error)
{
    struct asy_instance *instance = make(mem, plugin, decl, facts);
    if (instance == NULL) return asy_fail(error, ASSAY_E_NOMEM, "%s: plugin %.*s: out of memory", path, ASY_ARG(decl->id));
    const assay_status status = create(instance, path, error);
    if (status != ASSAY_OK) {
        asy_instance_free(instance);
        return status;
    }
    *out = instance;
    return ASSAY_OK;
}
assay_status asy_instance_share(struct asy_instance **out, struct asy_instance *owner, const char *path, struct assay_error *error)
{
    struct asy_instance *instance = make(owner->mem, owner->plugin, owner->decl, owner->facts);
    bool ok = instance != NULL && asy_instance_host_settle(owner);
    if (instance != NULL) {
        instance->state = owner->state; /* not created here, so not destroyed here */
        instance->names = owner->names;
        instance->scratch_bytes = owner->scratch_bytes;
    }
    ok = ok && asy_guarded_init(&instance->counters, instance->names.n_counters * sizeof(uint64_t));
    ok = ok && asy_guarded_init(&instance->scratch, instance->scratch_bytes);
    if (!ok) {
        asy_instance_free(instance);
        return asy_fail(error, ASSAY_E_NOMEM, "%s: plugin %.*s: out of memory", path, ASY_ARG(owner->decl->id));
    }
    instance->scratch_p = asy_guarded_lay(&instance->scratch, (instance->scratch_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    *out = instance;
    return ASSAY_OK;
}
void asy_instance_free(struct asy_instance *instance)
{
    if (instance == NULL) return;
    if (instance->is_created) instance->plugin->destroy(instance->state);
    asy_instance_host_fini(instance);
    asy_guarded_fini(&instance->reason);
    asy_guarded_fini(&instance->points);
    asy_guarded_fini(&instance->target);
    asy_guarded_fini(&instance->due);
    asy_guarded_fini(&instance->counters);
    if (instance->copies_map != NULL) munmap(instance->copies_map, instance->copies_bytes);
    asy_pool_fini(&instance->pool);
    asy_mem_free(instance->mem, instance, sizeof(*instance));
}

const struct asy_plugin_names *asy_instance_names(const struct asy_instance *instance)
{
    return &instance->names;
}

/* -- showing ------------------------------------------------------------------------------------------------------ */

/* Copy n values and zeros up to the next multiple of 64. */
static void copy_rows(const void *to, const void *from, uint64_t width, uint32_t n)
{
    uint8_t *bytes = (uint8_t *)(uintptr_t)to;
    memcpy(bytes, from, n * width);
    memset(bytes + n * width, 0, (aligned(n) - n) * width);
}
static void protect_copies(const struct asy_instance *instance, int protection)
{
    if (instance->copies_map == NULL) return;
    const int failed = mprotect(instance->copies_map, instance->copies_bytes, protection);
    ASY_CHECK(failed == 0, failed, protection); /* a mapping as a whole: nothing has to be split for it */
}
/* Rows are shown where they are in the stage. Only those that do not begin at a multiple of 64, or end beside one, are copied: so that
 * data is aligned, and a plugin that reads on to the next multiple of 64 cannot stumble over a lead that it was not asked about. */
static void show_columns(struct asy_instance *instance, const struct asy_stage *stage, uint32_t first, uint32_t n)
{
    const bool is_copied = first % ALIGNMENT != 0 || n % ALIGNMENT != 0;
    if (is_copied) protect_copies(instance, PROT_READ | PROT_WRITE);
    for (uint32_t c = 0; c < stage->n_columns; c++) {
        const uint64_t width = stage->widths[c];
        const uint8_t *data = (const uint8_t *)stage->data[c] + first * width, *null = stage->null[c] + first;
        if (is_copied) {
            copy_rows(instance->copies[c].data, data, width, n);
            copy_rows(instance->copies[c].null, null, 1, n);
        }
        instance->columns[c] = is_copied ? instance->copies[c] : (struct assay_column){data, null};
    }
    if (is_copied) protect_copies(instance, PROT_READ); /* as those in the stage of a worker are */
}

/* -- asking ------------------------------------------------------------------------------------------------------- */

static void fill_i32(int32_t *values, uint32_t n, int32_t value)
{
    for (uint32_t k = 0; values != NULL && k < n; k++) values[k] = value;
}
/* Arrays that are filled with what a plugin may not write. */
static struct assay_verdict lay_arrays(struct asy_instance *instance, uint64_t n)
{
    const struct assay_verdict verdict = {
        .struct_size = sizeof(verdict),
        .reason = asy_guarded_lay(&instance->reason, n * sizeof(uint16_t)),
        .points_milli = asy_guarded_lay(&instance->points, n * sizeof(int32_t)),
        .target = asy_guarded_lay(&instance->target, n * sizeof(int32_t)),
        .due_s = asy_guarded_lay(&instance->due, n * sizeof(int64_t)),
        .counters = asy_guarded_lay(&instance->counters, instance->names.n_counters * sizeof(uint64_t)),
    };
    memset(verdict.reason, 0xFF, n * sizeof(uint16_t)); /* ASY_REASON_UNWRITTEN */
    fill_i32(verdict.points_milli, (uint32_t)n, ASY_POINTS_UNWRITTEN);
    fill_i32(verdict.target, (uint32_t)n, ASY_TARGET_UNWRITTEN);
    for (uint64_t k = 0; verdict.due_s != NULL && k < n; k++) verdict.due_s[k] = ASY_DUE_UNWRITTEN;
    return verdict;
}
static bool are_arrays_intact(struct asy_instance *instance)
{
    struct asy_guarded *arrays[] = {&instance->reason, &instance->points, &instance->target, &instance->due, &instance->counters};
    bool is_intact = true;
    for (size_t i = 0; i < ASY_COUNT_OF(arrays); i++) is_intact &= asy_guarded_is_intact(arrays[i]);
    return is_intact;
}
static void keep_verdicts(struct asy_stage *stage, const struct assay_verdict *verdict, uint32_t first, uint64_t n)
{
    memcpy(stage->reason + first, verdict->reason, n * sizeof(uint16_t));
    if (verdict->points_milli != NULL) memcpy(stage->points + first, verdict->points_milli, n * sizeof(int32_t));
    if (verdict->target != NULL) memcpy(stage->target + first, verdict->target, n * sizeof(int32_t));
    if (verdict->due_s != NULL) memcpy(stage->due + first, verdict->due_s, n * sizeof(int64_t));
}

static bool fail(struct asy_fault *fault, enum asy_fault_kind kind, int32_t number, const char *text)
{
    *fault = (struct asy_fault){.kind = (uint8_t)kind, .number = number};
    asy_clean_line(fault->text, sizeof(fault->text), text, sizeof(fault->text) - 1);
    return false;
}
/* One ABI batch. */
static bool ask(struct asy_instance *instance, struct asy_stage *stage, uint32_t first, uint32_t n, int64_t now_s, struct asy_fault *fault)
{
    struct assay_plugin_error said = {.struct_size = sizeof(said)};
    const struct assay_verdict verdict = lay_arrays(instance, n);
    show_columns(instance, stage, first, n);
    const struct assay_batch batch = {
        .struct_size = sizeof(batch),
        .n_rows = n,
        .n_columns = stage->n_columns,
        .n_selected = n,
        .columns = instance->columns,
        .lead_key = stage->keys == NULL ? NULL : stage->keys + first,
        .now_s = (instance->decl->caps & ASSAY_CAP_READS_TIME) != 0 ? now_s : 0,
        .scratch = instance->scratch_p,
    };
    const struct assay_verdict shown = verdict; /* what is kept does not depend on what a plugin does to its own */
    const int32_t result = instance->plugin->run(instance->state, &batch, &shown, &said);
    const bool is_intact = are_arrays_intact(instance); /* in any case: nobody else shall be blamed for it */
    if (result != 0) return fail(fault, ASY_FAULT_ERROR, result, said.text);
    if (!is_intact) return fail(fault, ASY_FAULT_OVERRUN, 0, "");
    keep_verdicts(stage, &verdict, first, n);
    return true;
}

bool asy_instance_run(struct asy_instance *instance, struct asy_stage *stage, uint32_t first, uint32_t n, int64_t now_s,
                      struct asy_fault *fault)
{
    ASY_ASSERT((uint64_t)first + n <= stage->n_rows_max);
    const uint64_t counters_bytes = instance->names.n_counters * sizeof(uint64_t);
    uint64_t *counters = asy_guarded_lay(&instance->counters, counters_bytes);
    if (counters != NULL) memset(counters, 0, counters_bytes);
    memset(stage->counters, 0, ASSAY_COUNTERS_MAX * sizeof(uint64_t));
    for (uint32_t done = 0; done < n; done += ASSAY_BATCH_ROWS) {
        const uint32_t n_rows = n - done < ASSAY_BATCH_ROWS ? n - done : ASSAY_BATCH_ROWS;
        if (!ask(instance, stage, first + done, n_rows, now_s, fault)) return false;
    }
    if (counters != NULL) memcpy(stage->counters, counters, counters_bytes);
    return true;
}
