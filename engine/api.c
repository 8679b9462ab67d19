/* assay.h: argument checks, then one call down for each step. */
#include "session.h"

#include "exec/plugin_notes.h"
#include "io/rejects.h"

#ifndef ASSAY_VERSION
#define ASSAY_VERSION "0.1.0"
#endif

const char *assay_version(void) { return ASSAY_VERSION; }

assay_status assay_open(struct assay **out, const struct assay_options *options, struct assay_error *error)
{
    const size_t least = offsetof(struct assay_options, plugin_dirs); /* all that callers of 0.1 know */
    const struct assay_options none = {.struct_size = sizeof(none)};
    if (options == NULL) options = &none;
    if (options->struct_size < least)
        return asy_fail(error, ASSAY_E_PARAM, "assay_open: options.struct_size: expected at least %zu, found %u", least,
                        options->struct_size);
    const bool has_dirs = options->struct_size >= sizeof(*options) && options->n_plugin_dirs > 0;
    if (has_dirs && options->plugin_dirs == NULL)
        return asy_fail(error, ASSAY_E_PARAM, "assay_open: options.plugin_dirs: expected %u folders, found NULL", options->n_plugin_dirs);
    const struct assay_allocator *table = options->allocator;
    if (table != NULL && (table->struct_size < sizeof(*table) || !table->alloc || !table->resize || !table->release))
        return asy_fail(error, ASSAY_E_PARAM, "assay_open: options.allocator: expected struct_size %zu and three functions, found "
                        "struct_size %u or a missing function", sizeof(*table), table->struct_size);
    const char *problem = NULL;
    const struct asy_kern *kern = asy_kern_select(options->isa, &problem);
    if (kern == NULL)
        return asy_fail(error, ASSAY_E_PARAM, "SIMD level \"%s\": %s", options->isa, problem == NULL ? "not known" : problem);
    struct asy_mem mem;
    asy_mem_init(&mem, options->allocator);
    struct assay *assay = asy_mem_alloc(&mem, sizeof(*assay));
    if (assay == NULL) return asy_fail(error, ASSAY_E_NOMEM, "assay_open: out of memory");
    asy_mem_init(&assay->mem, options->allocator);
    assay->kern = kern;
    assay->seed = options->seed;
    if (has_dirs) assay->plugin_dirs = (struct asy_plugin_dirs){.items = options->plugin_dirs, .n = options->n_plugin_dirs};
    asy_pool_init(&assay->notes_pool, &assay->mem);
    asy_pool_init(&assay->text, &assay->mem);
    asy_diags_init(&assay->diags, &assay->mem);
    asy_state_init(&assay->state, &assay->mem, assay->seed);
    asy_summaries_init(&assay->summaries, &assay->mem);
    assay->plugin_notes = ASY_STR("");
    *out = assay;
    return ASSAY_OK;
}

static void forget_turns(struct assay *assay)
{
    /* A run moves the round robins on. Where nobody keeps the state for a next run, the same call gives the same owners again. */
    if (assay->state.is_kept) return;
    asy_state_fini(&assay->state);
    asy_state_init(&assay->state, &assay->mem, assay->seed);
}
static void forget_notes(struct assay *assay)
{
    asy_pool_fini(&assay->notes_pool);
    assay->plugin_notes = ASY_STR("");
}
static void drop_results(struct assay *assay)
{
    if (!assay->has_results) return;
    asy_results_fini(&assay->results, &assay->rules, assay->program.n_terms);
    asy_program_fini(&assay->program);
    assay->has_results = false;
    forget_turns(assay);
}
static void drop_data(struct assay *assay)
{
    drop_results(assay);
    forget_notes(assay);
    asy_summaries_clear(&assay->summaries);
    if (!assay->has_data) return;
    asy_ingest_free(assay->ingest);
    assay->ingest = NULL;
    asy_store_fini(&assay->store);
    asy_map_fini(&assay->map);
    assay->has_data = false;
}
static void drop_rules(struct assay *assay)
{
    drop_data(assay);
    asy_plugins_close(&assay->plugins);
    if (assay->has_rules) asy_rules_fini(&assay->rules);
    assay->has_rules = false;
    asy_pool_fini(&assay->text);
    asy_pool_init(&assay->text, &assay->mem);
}

void assay_close(struct assay *assay)
{
    if (assay == NULL) return;
    drop_rules(assay);
    asy_diags_fini(&assay->diags);
    asy_state_fini(&assay->state);
    asy_pool_fini(&assay->text);
    struct asy_mem mem = assay->mem;
    asy_mem_free(&mem, assay, sizeof(*assay));
}

const char *assay_isa(const struct assay *assay) { return assay->kern->isa; }

static void new_findings(struct assay *assay)
{
    asy_diags_fini(&assay->diags);
    asy_diags_init(&assay->diags, &assay->mem);
}

assay_status assay_load_rules(struct assay *assay, const char *path, struct assay_error *error)
{
    drop_rules(assay);
    new_findings(assay);
    assay_status status = asy_rules_load(&assay->rules, &assay->mem, path, &asy_file_reader_os, &assay->diags, error);
    assay->has_rules = status == ASSAY_OK;
    if (status == ASSAY_OK)
        status = asy_plugins_open(&assay->plugins, &assay->mem, &assay->rules, &assay->plugin_dirs, &asy_file_reader_os, &assay->diags, error);
    if (status != ASSAY_OK && assay->has_rules) {
        asy_rules_fini(&assay->rules);
        assay->has_rules = false;
    }
    return status;
}

const char *assay_findings(struct assay *assay)
{
    asy_diags_sort(&assay->diags);
    const struct asy_str text = asy_diags_text(&assay->text, &assay->diags, false);
    return text.p == NULL ? "out of memory: there are findings that cannot be shown" : text.p;
}

/* -- data ---------------------------------------------------------------------------------------------------- */

static assay_status load_map(struct assay *assay, const char *path, struct assay_error *error)
{
    asy_map_init(&assay->map, &assay->mem);
    if (path == NULL) return ASSAY_OK;
    struct asy_str source;
    new_findings(assay);
    assay_status status = asy_file_reader_os.read(asy_file_reader_os.ctx, &assay->diags.pool, NULL, path, 1 << 20, &source, error);
    if (status != ASSAY_OK) return status;
    assay->diags.path = asy_pool_copy(&assay->diags.pool, asy_str_of(path));
    assay->diags.source = source;
    asy_map_fini(&assay->map);
    return asy_map_load(&assay->map, &assay->mem, &assay->rules.schema, &assay->diags, error);
}

static bool pass_progress(void *ctx, struct asy_str file, uint64_t n_rows, uint64_t done_bytes, uint64_t total_bytes)
{
    const struct assay_data *data = ctx;
    (void)file;
    return data->progress(data->progress_ctx, n_rows, done_bytes, total_bytes) != 0;
}

static assay_status read_files(struct assay *assay, const struct assay_data *data, struct asy_rejects *rejects,
                               struct assay_error *error)
{
    struct asy_ingest_options options = {.map = &assay->map,
                                         .max_rejects = data->max_rejects > 0 ? data->max_rejects : data->max_rejects < 0 ? 0 : 0.01,
                                         .max_cell_bytes = data->max_cell_bytes,
                                         .as_of_s = data->as_of_s,
                                         .n_threads = data->n_threads};
    if (rejects != NULL) options.rejects = asy_rejects_sink(rejects);
    if (data->progress != NULL) {
        options.progress = pass_progress;
        options.progress_ctx = (void *)data;
    }
    assay_status status = asy_ingest_new(&assay->ingest, &assay->mem, &assay->store, &options, error);
    if (status == ASSAY_OK) status = asy_ingest_leads(assay->ingest, data->leads, error);
    for (uint32_t i = 0; i < data->n_events && status == ASSAY_OK; i++)
        status = asy_ingest_events(assay->ingest, data->events[i], error);
    if (status == ASSAY_OK) status = asy_ingest_finish(assay->ingest, data->n_threads == 0 ? 1 : data->n_threads, error);
    return status;
}

assay_status assay_load_data(struct assay *assay, const struct assay_data *data, struct assay_error *error)
{
    if (!assay->has_rules) return asy_fail(error, ASSAY_E_PARAM, "assay_load_data: expected rules to be loaded first");
    if (data->struct_size < sizeof(*data) || data->leads == NULL)
        return asy_fail(error, ASSAY_E_PARAM, "assay_load_data: expected struct_size %zu and a leads file", sizeof(*data));
    if (data->n_events > 0 && data->events == NULL)
        return asy_fail(error, ASSAY_E_PARAM, "assay_load_data: events: expected %u files, found NULL", data->n_events);
    if (data->as_of_s < 0 || data->as_of_s > UINT32_MAX)
        return asy_fail(error, ASSAY_E_PARAM, "as-of: expected a time from 1970-01-01 to 2106-02-07, found %lld s",
                        (long long)data->as_of_s);
    drop_data(assay);
    assay_status status = load_map(assay, data->map, error);
    if (status == ASSAY_OK) status = asy_store_init(&assay->store, &assay->mem, &assay->rules.schema, assay->seed, error);
    if (status != ASSAY_OK) {
        asy_map_fini(&assay->map);
        return status;
    }
    assay->has_data = true;
    assay->as_of_s = data->as_of_s;
    struct asy_rejects *rejects = NULL;
    if (data->rejects != NULL) status = asy_rejects_open(&rejects, &assay->mem, data->rejects, error);
    if (status == ASSAY_OK) status = read_files(assay, data, rejects, error);
    /* The rejected rows are wanted most when the run fails because of them; a list that was cut off would mislead. */
    if (rejects != NULL && status == ASSAY_E_CANCELLED) {
        asy_rejects_abort(rejects);
    } else if (rejects != NULL) {
        struct assay_error second;
        const assay_status closed = asy_rejects_commit(rejects, &second);
        if (status == ASSAY_OK && closed != ASSAY_OK) {
            status = closed;
            if (error != NULL) *error = second;
        }
    }
    if (status != ASSAY_OK) drop_data(assay);
    return status;
}

/* -- run ------------------------------------------------------------------------------------------------------ */

/* A program bound to the data, and results to fill. Those of the run before are used again: they are of the same rules and data, or they
 * would have been dropped with these. So plugins are created once. */
static assay_status make_ready(struct assay *assay, struct assay_error *error)
{
    if (assay->has_results) {
        forget_turns(assay);
        asy_results_clear(&assay->results, &assay->rules, assay->program.n_terms);
        return ASSAY_OK;
    }
    assay_status status = asy_program_init(&assay->program, &assay->mem, &assay->rules, &assay->store, assay->as_of_s, &assay->plugins,
                                           error);
    if (status != ASSAY_OK) return status;
    status = asy_results_init(&assay->results, &assay->mem, &assay->rules, assay->store.n_leads, assay->program.n_terms, assay->seed, error);
    if (status != ASSAY_OK) asy_program_fini(&assay->program);
    assay->has_results = status == ASSAY_OK;
    return status;
}

/* What plugins did wrong is told even if the run fails for it. */
static assay_status judge_plugins(struct assay *assay, bool are_failures_allowed, struct assay_error *error)
{
    if (assay->results.n_notes > 0) assay->plugin_notes = asy_plugin_notes_text(&assay->notes_pool, &assay->program, &assay->results);
    if (are_failures_allowed || !asy_results_have_stops(&assay->results)) return ASSAY_OK;
    return asy_plugin_notes_fail(&assay->program, &assay->results, error);
}

assay_status assay_run(struct assay *assay, const struct assay_run_options *options, struct assay_error *error)
{
    const struct assay_run_options none = {.struct_size = sizeof(none)};
    if (options == NULL) options = &none;
    if (options->struct_size < sizeof(*options))
        return asy_fail(error, ASSAY_E_PARAM, "assay_run: options.struct_size: expected %zu, found %u", sizeof(*options),
                        options->struct_size);
    if (!assay->has_data) return asy_fail(error, ASSAY_E_PARAM, "assay_run: expected data to be loaded first");
    if (options->batch_rows > ASY_BATCH_ROWS_MAX)
        return asy_fail(error, ASSAY_E_PARAM, "batch: expected at most %d leads, found %u", ASY_BATCH_ROWS_MAX,
                        options->batch_rows);
    if (options->flags & ~(uint32_t)(ASSAY_RUN_KEEP_SUMMARIES | ASSAY_RUN_ALLOW_PLUGIN_FAILURES))
        return asy_fail(error, ASSAY_E_PARAM, "assay_run: options.flags: expected those of enum assay_run_flags, found %#x", options->flags);
    forget_notes(assay);
    assay_status status = make_ready(assay, error);
    if (status != ASSAY_OK) return status;
    const bool is_keeping = (options->flags & ASSAY_RUN_KEEP_SUMMARIES) != 0;
    const struct asy_pass_options pass = {.kern = assay->kern, .n_threads = options->n_threads, .batch_rows = options->batch_rows,
                                          .summaries = is_keeping ? &assay->summaries : NULL};
    status = asy_pass_run(&assay->program, &pass, &assay->results, error);
    if (status == ASSAY_OK) status = judge_plugins(assay, (options->flags & ASSAY_RUN_ALLOW_PLUGIN_FAILURES) != 0, error);
    if (status == ASSAY_OK) status = asy_assign(&assay->program, &assay->results, &assay->state, options->n_threads, error);
    if (status != ASSAY_OK) drop_results(assay);
    return status;
}

const char *assay_plugin_notes(struct assay *assay)
{
    return assay->plugin_notes.p == NULL ? "out of memory: there are notes about plugins that cannot be shown" : assay->plugin_notes.p;
}

/* -- results -------------------------------------------------------------------------------------------------- */

static bool has_row(const struct assay *assay, uint32_t row) { return assay->has_results && row < assay->results.n_leads; }
static const char *borrowed(struct asy_str text, uint32_t *n_bytes)
{
    *n_bytes = text.len;
    return text.len == 0 ? "" : text.p;
}

uint32_t assay_n_leads(const struct assay *assay) { return assay->has_data ? assay->store.n_leads : 0; }
const char *assay_lead_id(const struct assay *assay, uint32_t row, uint32_t *n_bytes)
{
    return borrowed(row < assay_n_leads(assay) ? asy_keys_text(&assay->store.keys, row) : ASY_STR(""), n_bytes);
}
uint32_t assay_find_lead(const struct assay *assay, const char *lead_id)
{
    return assay->has_data ? asy_index_find(&assay->store.index, asy_str_of(lead_id)) : ASY_ROW_NONE;
}
uint32_t assay_n_scores(const struct assay *assay) { return assay->has_rules ? assay->rules.n_scores : 0; }
const char *assay_score_name(const struct assay *assay, uint32_t score)
{
    return score < assay_n_scores(assay) ? assay->rules.scores[score].name.p : "";
}
int64_t assay_score_milli(const struct assay *assay, uint32_t score, uint32_t row)
{
    return has_row(assay, row) && score < assay->results.n_scores ? assay->results.score_milli[score][row] : 0;
}
int assay_score_is_empty(const struct assay *assay, uint32_t score, uint32_t row)
{
    const struct asy_results *results = &assay->results;
    return has_row(assay, row) && score < results->n_scores && results->score_empty != NULL && results->score_empty[score] != NULL &&
           results->score_empty[score][row] != 0;
}
const char *assay_grade(const struct assay *assay, uint32_t row)
{
    if (!has_row(assay, row)) return "";
    if (assay->results.disqualified_by[row] != 0) return "disqualified";
    const uint32_t grade = assay->results.grade[row];
    return grade == 0 ? "" : assay->rules.grades[grade - 1].name.p;
}
const char *assay_disqualified_by(const struct assay *assay, uint32_t row)
{
    const uint32_t number = has_row(assay, row) ? assay->results.disqualified_by[row] : 0;
    return number == 0 ? "" : assay->rules.disqualify[number - 1].name.p;
}
const char *assay_route(const struct assay *assay, uint32_t row)
{
    const uint32_t number = has_row(assay, row) ? assay->results.route[row] : 0;
    return number == 0 ? "" : assay->rules.routes[number - 1].name.p;
}
const char *assay_owner(const struct assay *assay, uint32_t row, uint32_t *n_bytes)
{
    const struct asy_results *results = &assay->results;
    return borrowed(has_row(assay, row) ? asy_dict_text(&results->owners, results->owner[row]) : ASY_STR(""), n_bytes);
}
const char *assay_stage(const struct assay *assay, uint32_t row)
{
    const uint32_t number = has_row(assay, row) && assay->results.stage != NULL ? assay->results.stage[row] : 0;
    return number == 0 ? "" : assay->rules.stages[number - 1].name.p;
}
const char *assay_nurture(const struct assay *assay, uint32_t row)
{
    const uint32_t number = has_row(assay, row) && assay->results.segment != NULL ? assay->results.segment[row] : 0;
    return number == 0 ? "" : assay->rules.segments[number - 1].name.p;
}
const char *assay_recycle(const struct assay *assay, uint32_t row)
{
    const uint32_t number = has_row(assay, row) ? assay->results.recycle[row] : 0;
    return number == 0 ? "" : assay->rules.recycle[number - 1].name.p;
}
