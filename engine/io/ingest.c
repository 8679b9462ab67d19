/* Ingest as a whole: what is set up before the first file, opening and ending files, rejected rows, the report. */
#include "io/ingest_internal.h"

#include "base/check.h"
#include "base/thread.h"

#include <stdlib.h>

static assay_status no_memory(struct assay_error *error)
{
    return asy_fail(error, ASSAY_E_NOMEM, "ingest: out of memory");
}

/* ---- set-up ---- */

static void want_fields(struct asy_ingest *ingest)
{
    const struct asy_schema *schema = ingest->schema;
    for (uint32_t f = 0; f < schema->n_fields; f++)
        ingest->fields[f].is_wanted = schema->fields[f].need != ASY_NEED_NOTHING || schema->fields[f].required ||
                                      f == ingest->map->key_field;
    /* Sources of wanted fields, and their sources. */
    for (bool more = true; more;) {
        more = false;
        for (uint32_t f = 0; f < schema->n_fields; f++) {
            const struct asy_derive *derive = &schema->fields[f].derive;
            if (!ingest->fields[f].is_wanted || derive->kind == ASY_DERIVE_NONE || ingest->fields[derive->source].is_wanted)
                continue;
            ingest->fields[derive->source].is_wanted = true;
            more = true;
        }
    }
}

/* Wanted derived fields so that a source comes before what is made from it. A circle, which the rule loader refuses, is
 * left out. */
static void order_derived(struct asy_ingest *ingest, bool *is_done)
{
    const struct asy_schema *schema = ingest->schema;
    for (bool more = true; more;) {
        more = false;
        for (uint32_t f = 0; f < schema->n_fields; f++) {
            const struct asy_derive *derive = &schema->fields[f].derive;
            if (is_done[f] || !ingest->fields[f].is_wanted || derive->kind == ASY_DERIVE_NONE)
                continue;
            bool is_source_ready = schema->fields[derive->source].derive.kind == ASY_DERIVE_NONE || is_done[derive->source];
            if (!is_source_ready)
                continue;
            is_done[f] = true;
            ingest->derived[ingest->n_derived++] = f;
            more = true;
        }
    }
}

static assay_status plan_fields(struct asy_ingest *ingest)
{
    const struct asy_schema *schema = ingest->schema;
    uint32_t n = schema->n_fields;
    struct asy_pool *pool = &ingest->pool;
    ingest->fields = asy_pool_alloc_n(pool, n, sizeof(*ingest->fields));
    ingest->wanted = asy_pool_alloc_n(pool, n, sizeof(*ingest->wanted));
    ingest->derived = asy_pool_alloc_n(pool, n, sizeof(*ingest->derived));
    bool *is_done = asy_pool_alloc_n(pool, n, sizeof(*is_done));
    ingest->report.bad_values = asy_pool_alloc_n(pool, n, sizeof(*ingest->report.bad_values));
    ingest->report.n_required_empty = asy_pool_alloc_n(pool, n, sizeof(*ingest->report.n_required_empty));
    ingest->report.unmatched_fields = asy_pool_alloc_n(pool, n, sizeof(*ingest->report.unmatched_fields));
    if (n > 0 && (!ingest->fields || !ingest->wanted || !ingest->derived || !is_done || !ingest->report.bad_values ||
                  !ingest->report.n_required_empty || !ingest->report.unmatched_fields))
        return ASSAY_E_NOMEM;
    for (uint32_t f = 0; f < n; f++) {
        struct asy_ingest_field *plan = &ingest->fields[f];
        struct asy_str name = schema->fields[f].name;
        char *fold = asy_pool_alloc(pool, 2 * (size_t)name.len + 1);
        if (!fold)
            return ASSAY_E_NOMEM;
        uint32_t dot = name.len;
        while (dot > 0 && name.p[dot - 1] != '.')
            dot--;
        plan->fold = asy_match_fold(name, fold);
        plan->last_fold = asy_match_fold((struct asy_str){name.p + dot, name.len - dot}, fold + name.len);
        plan->date_format = ingest->map->leads.date_format;
    }
    for (uint32_t i = 0; i < ingest->map->n_fields; i++) {
        const struct asy_map_field *map = &ingest->map->fields[i];
        ingest->fields[map->field].map = map;
        if (map->date_format.len > 0) {
            ingest->fields[map->field].date_format = map->date_format;
            ingest->fields[map->field].is_strict_format = true;
        }
    }
    want_fields(ingest);
    order_derived(ingest, is_done);
    for (uint32_t f = 0; f < n; f++)
        if (ingest->fields[f].is_wanted)
            ingest->wanted[ingest->n_wanted++] = f;
    return ASSAY_OK;
}

/* Address space, not memory: keys may be as long as those of the store. */
static assay_status plan_join(struct asy_ingest *ingest, struct assay_error *error)
{
    if (ingest->map->key_field == UINT32_MAX)
        return ASSAY_OK;
    uint64_t max_bytes = UINT64_C(1) << 36, max_offsets = ((uint64_t)ASY_LEADS_MAX + 1) * 8;
    assay_status status = asy_arena_init(&ingest->join_arena, max_bytes + max_offsets + (UINT64_C(8) << 20), error);
    if (status != ASSAY_OK)
        return status;
    ingest->has_join = true;
    asy_index_init(&ingest->join_index, ingest->mem, &ingest->join_keys, ingest->store->index.seed ^ UINT64_C(0x9e3779b97f4a7c15));
    return asy_keys_init(&ingest->join_keys, &ingest->join_arena, ASY_LEADS_MAX, max_bytes, error);
}

assay_status asy_ingest_new(struct asy_ingest **out, struct asy_mem *mem, struct asy_store *store,
                            const struct asy_ingest_options *options, struct assay_error *error)
{
    struct asy_ingest *ingest = asy_mem_alloc(mem, sizeof(*ingest));
    if (!ingest)
        return no_memory(error);
    ingest->mem = mem;
    ingest->store = store;
    ingest->schema = store->schema;
    ingest->map = options->map;
    ingest->options = *options;
    if (ingest->options.n_threads == 0)
        ingest->options.n_threads = 1;
    if (ingest->options.n_threads > ASY_THREADS_MAX)
        ingest->options.n_threads = ASY_THREADS_MAX;
    asy_pool_init(&ingest->pool, mem);
    for (int k = 0; k < 2; k++)
        asy_dict_init(&ingest->unused_names[k], mem, &store->hasher);
    asy_dict_init(&ingest->unknown, mem, &store->hasher);
    asy_distinct_init(&ingest->distinct, store);
    assay_status status = plan_fields(ingest);
    if (status == ASSAY_OK)
        status = asy_ingest_names_init(ingest);
    if (status == ASSAY_OK)
        status = plan_join(ingest, error);
    if (status != ASSAY_OK) {
        asy_ingest_free(ingest);
        return status == ASSAY_E_NOMEM ? no_memory(error) : status;
    }
    *out = ingest;
    return ASSAY_OK;
}

static void forget_lines(struct asy_ingest *ingest)
{
    asy_mem_free(ingest->mem, ingest->lead_lines, ingest->lead_lines_cap * sizeof(*ingest->lead_lines));
    ingest->lead_lines = NULL;
    ingest->lead_lines_cap = 0;
}

void asy_ingest_free(struct asy_ingest *ingest)
{
    if (!ingest)
        return;
    struct asy_mem *mem = ingest->mem;
    for (uint32_t f = 0; ingest->fields && f < ingest->schema->n_fields; f++)
        if (ingest->fields[f].bad_counts)
            asy_dict_fini(&ingest->fields[f].bad);
    for (int k = 0; k < 2; k++)
        asy_dict_fini(&ingest->unused_names[k]);
    asy_dict_fini(&ingest->unknown);
    asy_distinct_fini(&ingest->distinct);
    if (ingest->has_join) {
        asy_index_fini(&ingest->join_index);
        asy_arena_fini(&ingest->join_arena);
    }
    asy_mem_free(mem, ingest->join_rows, ingest->join_rows_cap * sizeof(*ingest->join_rows));
    forget_lines(ingest);
    asy_mem_free(mem, ingest->lead_files, ingest->lead_files_cap * sizeof(*ingest->lead_files));
    asy_mem_free(mem, ingest->report.files, ingest->files_cap * sizeof(*ingest->report.files));
    asy_mem_free(mem, ingest->report.unused_columns, ingest->unused_cap * sizeof(*ingest->report.unused_columns));
    asy_pool_fini(&ingest->pool);
    asy_mem_free(mem, ingest, sizeof(*ingest));
}

/* ---- files ---- */

struct asy_file_counts *asy_ingest_counts(struct asy_ingest *ingest, const struct asy_ingest_file *file)
{
    return &ingest->report.files[file->number];
}

struct asy_str asy_ingest_column_name(const struct asy_ingest_file *file, uint32_t column)
{
    const struct asy_str *names;
    uint32_t n = asy_rows_header(file->rows, &names);
    return column < n ? asy_str_trim(names[column]) : (struct asy_str){"", 0};
}

bool asy_ingest_is_repeated(const struct asy_ingest_file *file, const struct asy_target *target)
{
    return target->rival != ASY_NO_COLUMN &&
           asy_str_eq(asy_ingest_column_name(file, target->column), asy_ingest_column_name(file, target->rival));
}

/* ---- progress ---- */

/* The reader asks while a pipe keeps it waiting, which may be while another thread reports what was given: that one is enough
 * then, as the reader asks again. Nor does it wait for a file that was given up further in front. */
static bool goes_on(struct asy_ingest *ingest, struct asy_str path, uint64_t n_rows, uint64_t done_bytes, uint64_t total_bytes)
{
    if (!ingest->options.progress || __atomic_test_and_set(&ingest->is_reporting, __ATOMIC_ACQUIRE))
        return true;
    bool answer = ingest->options.progress(ingest->options.progress_ctx, path, n_rows, done_bytes, total_bytes);
    __atomic_clear(&ingest->is_reporting, __ATOMIC_RELEASE);
    return answer;
}

static bool goes_on_waiting(void *ctx)
{
    struct asy_ingest *ingest = ctx;
    struct asy_str path = ingest->report.files[ingest->report.n_files - 1].path;
    if (__atomic_load_n(&ingest->has_failed, __ATOMIC_RELAXED))
        return false;
    return goes_on(ingest, path, __atomic_load_n(&ingest->n_rows_shown, __ATOMIC_RELAXED), 0, 0);
}

static assay_status report_progress(struct asy_ingest *ingest, struct asy_ingest_file *file, uint64_t done_bytes,
                                    uint64_t total_bytes, struct assay_error *error)
{
    uint64_t n_rows = asy_ingest_counts(ingest, file)->n_rows;
    file->progress_rows = n_rows;
    __atomic_store_n(&ingest->n_rows_shown, n_rows, __ATOMIC_RELAXED);
    if (goes_on(ingest, file->path, n_rows, done_bytes, total_bytes))
        return ASSAY_OK;
    return asy_fail(error, ASSAY_E_CANCELLED, "%.*s: interrupted after %llu rows", ASY_ARG(file->path),
                    (unsigned long long)n_rows);
}

assay_status asy_ingest_progress(struct asy_ingest *ingest, struct asy_ingest_file *file, uint64_t done_bytes, uint64_t total_bytes,
                                 struct assay_error *error)
{
    if (asy_ingest_counts(ingest, file)->n_rows - file->progress_rows < ASY_INGEST_PROGRESS_ROWS)
        return ASSAY_OK;
    return report_progress(ingest, file, done_bytes, total_bytes, error);
}

/* ---- opening and closing ---- */

assay_status asy_ingest_open(struct asy_ingest *ingest, struct asy_ingest_file *file, const char *path, bool is_events,
                             struct assay_error *error)
{
    *file = (struct asy_ingest_file){.is_events = is_events};
    file->side = is_events ? &ingest->map->events : &ingest->map->leads;
    asy_pool_init(&file->pool, ingest->mem);
    struct asy_ingest_report *report = &ingest->report;
    file->path = asy_pool_copy(&ingest->pool, asy_str_of(strcmp(path, "-") == 0 ? "standard input" : path));
    if (!file->path.p ||
        !asy_mem_grow(ingest->mem, (void **)&report->files, &ingest->files_cap, report->n_files, sizeof(*report->files)))
        return no_memory(error);
    file->number = report->n_files;
    ingest->n_rows_shown = 0;
    ingest->has_failed = false;
    report->files[report->n_files++] = (struct asy_file_counts){.path = file->path};
    struct asy_rows_options options = {.delimiter = file->side->delimiter, .max_cell_bytes = ingest->options.max_cell_bytes,
                                       .may_repeat_names = true, .buffer_bytes = ingest->options.buffer_bytes,
                                       .wait = {goes_on_waiting, ingest}};
    return asy_rows_open(&file->rows, ingest->mem, path, &options, error);
}

void asy_ingest_close(struct asy_ingest_file *file)
{
    if (file->rows)
        asy_rows_close(file->rows);
    asy_pool_fini(&file->pool);
}

/* ---- rejected rows ---- */

/* With a hair's breadth for the rounding of share * n_rows: 29 of 2,900 is 1 %. */
static bool is_above(uint64_t n_rejected, double share, uint64_t n_rows)
{
    return (double)n_rejected > share * (double)n_rows * (1.0 + 1e-9);
}

static assay_status too_many(struct asy_ingest *ingest, const struct asy_ingest_file *file, const char *so_far,
                             struct assay_error *error)
{
    const struct asy_file_counts *counts = asy_ingest_counts(ingest, file);
    char reasons[700];
    int used = 0;
    for (uint32_t i = 0; i < file->n_reasons && used < (int)sizeof(reasons); i++)
        used += snprintf(reasons + used, sizeof(reasons) - (size_t)used, "%s%.*s", i > 0 ? "; " : "",
                         ASY_ARG(file->reasons[i]));
    return asy_fail(error, ASSAY_E_DATA,
                    "%.*s: %llu of %llu rows%s were rejected (%.1f %%), more than the %.4g %% that --max-rejects allows; first: %s",
                    ASY_ARG(file->path), (unsigned long long)counts->n_rejected, (unsigned long long)counts->n_rows, so_far,
                    100.0 * (double)counts->n_rejected / (double)counts->n_rows, 100.0 * ingest->options.max_rejects, reasons);
}

assay_status asy_ingest_reject(struct asy_ingest *ingest, struct asy_ingest_file *file, uint64_t line, struct asy_str column,
                               const char *reason, struct asy_str raw, struct assay_error *error)
{
    struct asy_file_counts *counts = asy_ingest_counts(ingest, file);
    const struct asy_ingest_options *options = &ingest->options;
    counts->n_rejected++;
    if (file->n_reasons < ASY_INGEST_FIRST_REASONS) {
        struct asy_str shown = asy_value_cut(file->path, 100);
        struct asy_str text = asy_pool_printf(&file->pool, "%.*s:%llu: %.160s", ASY_ARG(shown), (unsigned long long)line, reason);
        if (!text.p)
            return no_memory(error);
        file->reasons[file->n_reasons++] = text;
    }
    if (options->rejects.write) {
        assay_status status = options->rejects.write(options->rejects.ctx, file->path, line, column, reason, raw, error);
        if (status != ASSAY_OK)
            return status;
    }
    bool is_hopeless = counts->n_rejected > ASY_INGEST_EARLY_REJECTS &&
                       is_above(counts->n_rejected, 10.0 * options->max_rejects, counts->n_rows);
    return is_hopeless ? too_many(ingest, file, " so far", error) : ASSAY_OK;
}

/* ---- end of a file ---- */

/* A column that only a field wants that no rule reads is not used either. */
static bool is_used(const struct asy_ingest *ingest, const struct asy_ingest_file *file, uint32_t column)
{
    for (uint32_t i = 0; i < file->match.n_targets; i++) {
        bool is_idle = !file->is_events && i < ingest->schema->n_fields && !ingest->fields[i].is_wanted;
        if (file->match.targets[i].column == column && !is_idle)
            return true;
    }
    return false;
}

/* A column is named once, however many files have it. */
static assay_status name_unused(struct asy_ingest *ingest, const struct asy_ingest_file *file)
{
    struct asy_dict *named = &ingest->unused_names[file->is_events];
    struct asy_ingest_report *report = &ingest->report;
    for (uint32_t column = 0; column < file->match.n_columns; column++) {
        struct asy_str name = asy_value_cut(asy_ingest_column_name(file, column), 200);
        if (name.len == 0 || is_used(ingest, file, column))
            continue;
        uint32_t code, n_before = named->n;
        assay_status status = asy_dict_intern(named, name, &code);
        if (status != ASSAY_OK)
            return status;
        if (named->n == n_before)
            continue;
        struct asy_str text = asy_pool_printf(&ingest->pool, "%.*s: %.*s", ASY_ARG(file->path), ASY_ARG(name));
        if (!text.p || !asy_mem_grow(ingest->mem, (void **)&report->unused_columns, &ingest->unused_cap,
                                     report->n_unused_columns, sizeof(*report->unused_columns)))
            return ASSAY_E_NOMEM;
        report->unused_columns[report->n_unused_columns++] = text;
    }
    return ASSAY_OK;
}

assay_status asy_ingest_end(struct asy_ingest *ingest, struct asy_ingest_file *file, struct assay_error *error)
{
    const struct asy_file_counts *counts = asy_ingest_counts(ingest, file);
    uint64_t done_bytes, total_bytes;
    asy_rows_progress(file->rows, &done_bytes, &total_bytes);
    assay_status status = report_progress(ingest, file, done_bytes, total_bytes, error);
    if (status != ASSAY_OK)
        return status;
    if (counts->n_rejected > 0 && is_above(counts->n_rejected, ingest->options.max_rejects, counts->n_rows))
        return too_many(ingest, file, "", error);
    return name_unused(ingest, file) == ASSAY_OK ? ASSAY_OK : no_memory(error);
}

/* ---- report ---- */

static bool is_given(const struct asy_ingest *ingest, uint32_t field)
{
    /* As deep as derived fields can be made from one another. */
    for (uint32_t depth = 0; depth <= ingest->schema->n_fields; depth++) {
        if (ingest->fields[field].has_column)
            return true;
        const struct asy_derive *derive = &ingest->schema->fields[field].derive;
        if (derive->kind == ASY_DERIVE_NONE)
            return false;
        field = derive->source;
    }
    return false;
}

static int by_count(const void *a, const void *b)
{
    const struct asy_unknown_name *x = a, *y = b;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return asy_str_cmp(x->name, y->name);
}

static void refresh_report(struct asy_ingest *ingest)
{
    struct asy_ingest_report *report = &ingest->report;
    report->n_unmatched_fields = 0;
    for (uint32_t f = 0; f < ingest->schema->n_fields; f++) {
        asy_value_examples(ingest, f, &report->bad_values[f]);
        bool is_read = ingest->schema->fields[f].need != ASY_NEED_NOTHING || ingest->schema->fields[f].required;
        if (is_read && !is_given(ingest, f))
            report->unmatched_fields[report->n_unmatched_fields++] = f;
    }
    report->n_unknown_names = 0;
    for (uint32_t code = 1; code < ingest->unknown.n; code++)
        report->unknown_names[report->n_unknown_names++] =
            (struct asy_unknown_name){asy_dict_text(&ingest->unknown, code), ingest->unknown_counts[code]};
    qsort(report->unknown_names, report->n_unknown_names, sizeof(*report->unknown_names), by_count);
    report->n_unmatched_properties = 0;
    for (uint32_t p = 0; p < ingest->schema->n_properties; p++)
        if (!ingest->property_found[p])
            report->unmatched_properties[report->n_unmatched_properties++] = ingest->schema->properties[p];
}

const struct asy_ingest_report *asy_ingest_report(const struct asy_ingest *ingest)
{
    return &ingest->report;
}

assay_status asy_ingest_leads(struct asy_ingest *ingest, const char *path, struct assay_error *error)
{
    struct asy_ingest_file file;
    assay_status status = asy_ingest_open(ingest, &file, path, false, error);
    if (status == ASSAY_OK)
        status = asy_ingest_read_leads(ingest, &file, error);
    asy_ingest_close(&file);
    refresh_report(ingest);
    return status;
}

/* No lead will come: give back what only they need, and what the store took ahead. */
static void end_leads(struct asy_ingest *ingest)
{
    forget_lines(ingest);
    if (!ingest->has_all_leads)
        asy_store_trim(ingest->store);
    ingest->has_all_leads = true;
}

assay_status asy_ingest_events(struct asy_ingest *ingest, const char *path, struct assay_error *error)
{
    struct asy_ingest_file file;
    end_leads(ingest);
    assay_status status = asy_ingest_open(ingest, &file, path, true, error);
    if (status == ASSAY_OK)
        status = asy_ingest_read_events(ingest, &file, error);
    asy_ingest_close(&file);
    refresh_report(ingest);
    return status;
}

assay_status asy_ingest_finish(struct asy_ingest *ingest, uint32_t n_threads, struct assay_error *error)
{
    struct asy_store *store = ingest->store;
    ASY_CHECK(!ingest->is_finished, store->n_leads, 0);
    ingest->is_finished = true;
    end_leads(ingest);
    assay_status status = asy_distinct_stage(&ingest->distinct, error);
    if (status != ASSAY_OK)
        return status;
    asy_distinct_fini(&ingest->distinct);
    asy_distinct_init(&ingest->distinct, store);
    return asy_events_group(&store->events, store->n_leads, n_threads, error);
}
