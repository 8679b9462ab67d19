/* Blocks of rows of an events file -> staged events. What is usual goes column by column; a row that is not is judged by itself,
 * check after check; then all leads of the block are looked up and all its events staged in one go each. */
#include "io/ingest_events.h"

/* An event that takes part in `distinct`: whether it stays is found out in order. */
struct candidate {
    uint32_t row, lead, time_s;
    uint8_t name;
};

/* What a block's rows are. Arrays by kept row, that is, less those that fell out before their lead was looked up. */
struct batch {
    uint32_t cap;             /* rows that there is room for */
    uint32_t n;
    struct asy_str *keys;
    uint32_t *leads, *time_s;
    uint32_t *rows;           /* of the block; where there are properties or distinct values */
    uint32_t *tuples;         /* where there are properties */
    uint8_t *names, *odd;
    struct candidate *candidates;
    size_t candidates_cap;
    uint32_t n_candidates;
    uint64_t n_kept, n_future, n_key_empty, n_unknown_lead, n_unknown_event;
    struct asy_dict unknown;  /* names that the rules do not know, by first appearance; `is_counting`: there are some */
    uint64_t *unknown_counts; /* by code */
    size_t unknown_cap;
    bool is_counting;
    char *values;             /* distinct values of one candidate */
    size_t values_cap;
};

/* One block of one file. */
struct job {
    struct asy_ingest *ingest;
    struct asy_ingest_file *file;
    const struct asy_events_plan *plan;
    struct asy_ingest_slot *slot;
    struct batch *batch;
    struct assay_error *error;
};

static assay_status no_memory(const struct job *job)
{
    return asy_fail(job->error, ASSAY_E_NOMEM, "%.*s: out of memory", ASY_ARG(job->file->path));
}

/* ---- batches ---- */

static void *new_batch(struct asy_ingest *ingest, void *plan)
{
    (void)plan;
    return asy_mem_alloc(ingest->mem, sizeof(struct batch));
}

static void free_rows(struct asy_mem *mem, struct batch *batch)
{
    asy_mem_free(mem, batch->keys, batch->cap * sizeof(*batch->keys));
    asy_mem_free(mem, batch->leads, batch->cap * sizeof(*batch->leads));
    asy_mem_free(mem, batch->time_s, batch->cap * sizeof(*batch->time_s));
    asy_mem_free(mem, batch->rows, batch->cap * sizeof(*batch->rows));
    asy_mem_free(mem, batch->tuples, batch->cap * sizeof(*batch->tuples));
    asy_mem_free(mem, batch->names, batch->cap);
    asy_mem_free(mem, batch->odd, batch->cap);
    batch->keys = NULL;
    batch->leads = batch->time_s = batch->rows = batch->tuples = NULL;
    batch->names = batch->odd = NULL;
    batch->cap = 0;
}

static void forget_unknown(struct batch *batch)
{
    if (!batch->is_counting)
        return;
    asy_dict_fini(&batch->unknown);
    if (batch->unknown_cap > 0)
        memset(batch->unknown_counts, 0, batch->unknown_cap * sizeof(*batch->unknown_counts));
    batch->is_counting = false;
}

static void free_batch(struct asy_ingest *ingest, void *plan, void *of_slot)
{
    (void)plan;
    struct batch *batch = of_slot;
    free_rows(ingest->mem, batch);
    forget_unknown(batch);
    asy_mem_free(ingest->mem, batch->candidates, batch->candidates_cap * sizeof(*batch->candidates));
    asy_mem_free(ingest->mem, batch->unknown_counts, batch->unknown_cap * sizeof(*batch->unknown_counts));
    asy_mem_free(ingest->mem, batch->values, batch->values_cap);
    asy_mem_free(ingest->mem, batch, sizeof(*batch));
}

static bool make_room(struct asy_mem *mem, struct batch *batch, uint32_t n, bool has_tuples)
{
    if (n <= batch->cap)
        return true;
    free_rows(mem, batch);
    batch->cap = n + n / 4;
    batch->keys = asy_mem_alloc_n(mem, batch->cap, sizeof(*batch->keys));
    batch->leads = asy_mem_alloc_n(mem, batch->cap, sizeof(*batch->leads));
    batch->time_s = asy_mem_alloc_n(mem, batch->cap, sizeof(*batch->time_s));
    batch->rows = asy_mem_alloc_n(mem, batch->cap, sizeof(*batch->rows));
    if (has_tuples)
        batch->tuples = asy_mem_alloc_n(mem, batch->cap, sizeof(*batch->tuples));
    batch->names = asy_mem_alloc_n(mem, batch->cap, 1);
    batch->odd = asy_mem_alloc_n(mem, batch->cap, 1);
    bool ok = batch->keys && batch->leads && batch->time_s && batch->rows && (batch->tuples || !has_tuples) && batch->names &&
              batch->odd;
    if (!ok)
        free_rows(mem, batch);
    return ok;
}

static void begin_batch(struct batch *batch, uint32_t n)
{
    forget_unknown(batch);
    batch->n = n;
    batch->n_candidates = 0;
    batch->n_kept = batch->n_future = batch->n_key_empty = batch->n_unknown_lead = batch->n_unknown_event = 0;
}

/* ---- rows that are not usual ---- */

static struct asy_str cell_of(const struct job *job, uint32_t column, uint32_t row)
{
    const struct asy_cells *cells = &job->slot->cells;
    return asy_ingest_cell(job->file, cells, cells->cells[column][row]);
}

/* `reason` NULL: `text` is a date that reads two ways. */
static assay_status refuse(const struct job *job, uint32_t row, uint32_t column, const char *reason, struct asy_str text)
{
    struct asy_refusal refusal = {row, job->slot->columns[column], reason, text};
    return asy_ingest_refuse(job->ingest, job->slot, &refusal) == ASSAY_OK ? ASSAY_OK : no_memory(job);
}

static assay_status refuse_time(const struct job *job, uint32_t row, struct asy_str text, bool is_impossible)
{
    struct asy_str shown = asy_value_cut(text, ASY_INGEST_EXAMPLE_BYTES);
    struct asy_str reason = asy_pool_printf(&job->slot->pool, is_impossible ? "`%.*s` is not a possible date" : "`%.*s` is not a time",
                                            ASY_ARG(shown));
    return reason.p ? refuse(job, row, ASY_EVENT_TIME, reason.p, text) : no_memory(job);
}

static assay_status count_unknown(const struct job *job, struct asy_str name)
{
    struct batch *batch = job->batch;
    uint32_t code;
    batch->n_unknown_event++;
    if (!batch->is_counting)
        asy_dict_init(&batch->unknown, job->ingest->mem, &job->ingest->store->hasher);
    batch->is_counting = true;
    if (asy_dict_intern(&batch->unknown, asy_value_cut(name, ASY_INGEST_EXAMPLE_BYTES), &code) != ASSAY_OK)
        return no_memory(job);
    if (!asy_mem_grow(job->ingest->mem, (void **)&batch->unknown_counts, &batch->unknown_cap, code, sizeof(*batch->unknown_counts)))
        return no_memory(job);
    batch->unknown_counts[code]++;
    return ASSAY_OK;
}

/* What comes of a row. FELL_OUT: told or counted. END: its date stops the run, and with it what is looked at. */
enum fate { KEPT, FELL_OUT, END };

static assay_status judge_key(const struct job *job, uint32_t row, struct asy_str *key, bool *is_value, enum fate *fate)
{
    struct asy_ingest *ingest = job->ingest;
    char room[32];
    struct asy_str text = cell_of(job, ASY_EVENT_KEY, row);
    if (asy_event_key(ingest, text, room, key, is_value) == ASY_TIME_AMBIGUOUS) {
        *fate = END;
        return refuse(job, row, ASY_EVENT_KEY, NULL, text);
    }
    if (key->len > 0) {
        if (key->p == room && !(*key = asy_pool_copy(&job->slot->pool, *key)).p)
            return no_memory(job);
        return ASSAY_OK;
    }
    *fate = FELL_OUT;
    if (!ingest->map->skip_when_key_empty)
        return refuse(job, row, ASY_EVENT_KEY, "the lead's key is empty (the map's `skip_when_key_empty: true` counts such rows instead)",
                      text);
    job->batch->n_key_empty++;
    return ASSAY_OK;
}

static assay_status judge_name(const struct job *job, uint32_t row, uint32_t *name, enum fate *fate)
{
    const struct asy_event_words *words = job->ingest->words;
    *name = words->const_name - 1;
    if (job->ingest->map->event_const.p)
        return ASSAY_OK;
    struct asy_str text = cell_of(job, ASY_EVENT_NAME, row);
    int32_t found = asy_event_find(words, text);
    *name = (uint32_t)found;
    if (found >= 0)
        return ASSAY_OK;
    *fate = FELL_OUT;
    return text.len == 0 ? refuse(job, row, ASY_EVENT_NAME, "the event's name is empty", text) : count_unknown(job, text);
}

static assay_status judge_time(const struct job *job, uint32_t row, uint32_t *time_s, enum fate *fate)
{
    struct asy_str text = cell_of(job, ASY_EVENT_TIME, row);
    int64_t utc_s = 0;
    enum asy_time_parse parse = text.len > 0 ? asy_event_time(job->ingest, text, &utc_s) : ASY_TIME_OK;
    *time_s = (uint32_t)utc_s;
    if (parse == ASY_TIME_OK && utc_s > 0 && utc_s <= job->ingest->options.as_of_s)
        return ASSAY_OK;
    *fate = parse == ASY_TIME_AMBIGUOUS ? END : FELL_OUT;
    if (text.len == 0)
        return refuse(job, row, ASY_EVENT_TIME, "the time is empty", text);
    if (parse == ASY_TIME_AMBIGUOUS)
        return refuse(job, row, ASY_EVENT_TIME, NULL, text);
    if (parse != ASY_TIME_OK)
        return refuse_time(job, row, text, parse == ASY_TIME_RANGE);
    if (utc_s <= job->ingest->options.as_of_s)
        return refuse(job, row, ASY_EVENT_TIME, "the time is not after 1970-01-01T00:00:00Z", text);
    job->batch->n_future++;
    return ASSAY_OK;
}

/* Row `row` as kept row `to`, if it is one. What was found usual is not looked at again. */
static assay_status judge(const struct job *job, uint32_t row, uint32_t to, enum fate *fate)
{
    struct batch *batch = job->batch;
    struct asy_str key = batch->keys[row];
    uint32_t name = batch->names[row], time_s = batch->time_s[row];
    uint8_t odd = batch->odd[row];
    bool is_value = true;
    assay_status status = ASSAY_OK;
    if (odd & ASY_EVENT_ODD_KEY)
        status = judge_key(job, row, &key, &is_value, fate);
    if (odd & ASY_EVENT_ODD_NAME && status == ASSAY_OK && *fate == KEPT)
        status = judge_name(job, row, &name, fate);
    if (odd & ASY_EVENT_ODD_TIME && status == ASSAY_OK && *fate == KEPT)
        status = judge_time(job, row, &time_s, fate);
    if (status != ASSAY_OK || *fate != KEPT)
        return status;
    if (!is_value) {
        batch->n_unknown_lead++;
        *fate = FELL_OUT;
    }
    batch->keys[to] = key;
    batch->time_s[to] = time_s;
    batch->names[to] = (uint8_t)name;
    return ASSAY_OK;
}

/* Move up over rows that fall out. */
static assay_status judge_odd(const struct job *job)
{
    struct batch *batch = job->batch;
    uint32_t n = batch->n, to = 0;
    enum fate fate = KEPT;
    for (uint32_t row = 0; row < n && fate != END; row++) {
        fate = KEPT;
        if (batch->odd[row]) {
            assay_status status = judge(job, row, to, &fate);
            if (status != ASSAY_OK)
                return status;
        } else {
            batch->keys[to] = batch->keys[row];
            batch->time_s[to] = batch->time_s[row];
            batch->names[to] = batch->names[row];
        }
        batch->rows[to] = row;
        to += fate == KEPT;
    }
    batch->n = to;
    return ASSAY_OK;
}

/* ---- a block ---- */

static assay_status read_rows(const struct job *job)
{
    struct batch *batch = job->batch;
    const struct asy_event_words *words = job->ingest->words;
    const struct asy_cells *cells = &job->slot->cells;
    uint32_t n = batch->n;
    if (n == 0)
        return ASSAY_OK;
    /* Rows lie one behind the other, so all up to the end of the last may be read. */
    uint32_t end = cells->raw[n - 1].at + cells->raw[n - 1].len;
    bool is_any_odd = asy_event_keys_read(words, cells->text, cells->cells[ASY_EVENT_KEY], n, batch->keys, batch->odd);
    if (job->ingest->map->event_const.p)
        memset(batch->names, (uint8_t)(words->const_name - 1), n);
    else
        is_any_odd |= asy_event_names_read(words, cells->text, end, cells->cells[ASY_EVENT_NAME], n, batch->names, batch->odd);
    is_any_odd |= asy_event_times_read(&words->times, cells->text, end, cells->cells[ASY_EVENT_TIME], n, batch->time_s, batch->odd);
    if (is_any_odd)
        return judge_odd(job);
    bool is_any_rest = job->plan->n_properties + job->plan->n_distinct > 0;
    for (uint32_t row = 0; row < n && is_any_rest; row++)
        batch->rows[row] = row;
    return ASSAY_OK;
}

static void look_up(const struct job *job)
{
    const struct asy_ingest *ingest = job->ingest;
    struct batch *batch = job->batch;
    uint32_t *leads = batch->leads, n_unknown = 0;
    asy_index_find_batch(ingest->has_join ? &ingest->join_index : &ingest->store->index, batch->keys, batch->n, leads);
    if (ingest->has_join)
        for (uint32_t i = 0; i < batch->n; i++)
            leads[i] = leads[i] == ASY_ROW_NONE ? ASY_ROW_NONE : ingest->join_rows[leads[i]];
    for (uint32_t i = 0; i < batch->n; i++)
        n_unknown += leads[i] == ASY_ROW_NONE;
    batch->n_unknown_lead += n_unknown;
    batch->n_kept = batch->n - n_unknown;
}

/* Events with a value that `distinct` looks at wait for their turn. */
static assay_status set_apart(const struct job *job)
{
    struct batch *batch = job->batch;
    const struct asy_events_plan *plan = job->plan;
    for (uint32_t i = 0; i < batch->n; i++) {
        bool is_any = false;
        for (uint32_t d = 0; d < plan->n_distinct && !is_any && batch->leads[i] != ASY_ROW_NONE; d++)
            is_any = cell_of(job, ASY_EVENT_REST + plan->n_properties + d, batch->rows[i]).len > 0;
        if (!is_any)
            continue;
        if (!asy_mem_grow(job->ingest->mem, (void **)&batch->candidates, &batch->candidates_cap, batch->n_candidates,
                          sizeof(*batch->candidates)))
            return no_memory(job);
        batch->candidates[batch->n_candidates++] =
            (struct candidate){batch->rows[i], batch->leads[i], batch->time_s[i], batch->names[i]};
        batch->leads[i] = ASY_ROW_NONE;
    }
    batch->n_kept -= batch->n_candidates;
    return ASSAY_OK;
}

static assay_status make_tuple(const struct job *job, uint32_t writer, uint32_t row, uint32_t *tuple)
{
    struct asy_str values[ASY_PROPERTIES_MAX];
    for (uint32_t p = 0; p < job->plan->n_properties; p++)
        values[p] = cell_of(job, ASY_EVENT_REST + p, row);
    assay_status status = asy_events_tuple(&job->ingest->store->events, writer, values, tuple);
    if (status == ASSAY_OK)
        return ASSAY_OK;
    return status == ASSAY_E_NOMEM
               ? no_memory(job)
               : asy_fail(job->error, status, "%.*s: event properties: more than 2^32 different ones", ASY_ARG(job->file->path));
}

/* Most events have no properties. */
static assay_status make_tuples(const struct job *job, uint32_t writer)
{
    struct batch *batch = job->batch;
    struct asy_span *const *cells = job->slot->cells.cells + ASY_EVENT_REST;
    for (uint32_t i = 0; i < batch->n; i++) {
        uint32_t lens = 0;
        for (uint32_t p = 0; p < job->plan->n_properties; p++)
            lens |= cells[p][batch->rows[i]].len;
        batch->tuples[i] = 0;
        if (lens == 0 || batch->leads[i] == ASY_ROW_NONE)
            continue;
        assay_status status = make_tuple(job, writer, batch->rows[i], &batch->tuples[i]);
        if (status != ASSAY_OK)
            return status;
    }
    return ASSAY_OK;
}

static assay_status work(struct asy_ingest *ingest, struct asy_ingest_file *file, void *plan_of_file, uint32_t worker,
                         struct asy_ingest_slot *slot, struct assay_error *error)
{
    const struct asy_events_plan *plan = plan_of_file;
    struct batch *batch = slot->batch;
    const struct job job = {ingest, file, plan, slot, batch, error};
    if (!make_room(ingest->mem, batch, slot->cells.n_rows, plan->n_properties > 0))
        return no_memory(&job);
    begin_batch(batch, slot->cells.n_rows);
    assay_status status = read_rows(&job);
    if (status != ASSAY_OK)
        return status;
    look_up(&job);
    if (plan->n_distinct > 0 && (status = set_apart(&job)) != ASSAY_OK)
        return status;
    if (plan->n_properties > 0 && (status = make_tuples(&job, worker)) != ASSAY_OK)
        return status;
    return asy_events_stage(&ingest->store->events, worker, batch->n, batch->leads, batch->time_s, batch->names, batch->tuples, error);
}

/* ---- what happens in order ---- */

/* The first names to appear are told apart, in the file's order: a block's come in that order too. */
static assay_status add_unknown(const struct job *job)
{
    struct asy_ingest *ingest = job->ingest;
    struct batch *batch = job->batch;
    for (uint32_t i = 1; i < batch->unknown.n; i++) {
        struct asy_str name = asy_dict_text(&batch->unknown, i);
        uint32_t code = asy_dict_find(&ingest->unknown, name);
        if (code == 0 && ingest->unknown.n > ASY_INGEST_UNKNOWN_NAMES)
            continue;
        if (code == 0 && asy_dict_intern(&ingest->unknown, name, &code) != ASSAY_OK)
            return no_memory(job);
        ingest->unknown_counts[code] += batch->unknown_counts[i];
    }
    return ASSAY_OK;
}

/* Values are kept as length and bytes, so that no byte in them can be taken for a separator. */
static assay_status join_values(const struct job *job, uint32_t row, struct asy_str *out)
{
    struct batch *batch = job->batch;
    size_t used = 0;
    for (uint32_t d = 0; d < job->plan->n_distinct; d++) {
        struct asy_str value = cell_of(job, ASY_EVENT_REST + job->plan->n_properties + d, row);
        size_t end = used + sizeof(value.len) + value.len;
        if (!asy_mem_grow(job->ingest->mem, (void **)&batch->values, &batch->values_cap, end - 1, 1))
            return no_memory(job);
        memcpy(batch->values + used, &value.len, sizeof(value.len));
        memcpy(batch->values + used + sizeof(value.len), value.p, value.len);
        used = end;
    }
    *out = (struct asy_str){batch->values, (uint32_t)used};
    return ASSAY_OK;
}

static assay_status take_candidate(const struct job *job, const struct candidate *candidate, bool *is_new)
{
    struct asy_distinct *distinct = &job->ingest->distinct;
    struct asy_distinct_entry entry = {.row = candidate->lead, .time_s = candidate->time_s, .name = candidate->name};
    assay_status status = ASSAY_OK;
    if (job->plan->n_properties > 0)
        status = make_tuple(job, distinct->writer, candidate->row, &entry.tuple);
    struct asy_str values;
    if (status == ASSAY_OK)
        status = join_values(job, candidate->row, &values);
    if (status != ASSAY_OK)
        return status;
    status = asy_dict_intern(&distinct->values, values, &entry.values);
    if (status == ASSAY_OK)
        status = asy_distinct_take(distinct, &entry, is_new);
    if (status == ASSAY_E_NOMEM)
        return no_memory(job);
    if (status != ASSAY_OK)
        return asy_fail(job->error, status, "%.*s: distinct: more than 2^32 different values", ASY_ARG(job->file->path));
    return ASSAY_OK;
}

static assay_status give(struct asy_ingest *ingest, struct asy_ingest_file *file, void *plan, struct asy_ingest_slot *slot,
                         struct assay_error *error)
{
    struct batch *batch = slot->batch;
    struct asy_ingest_report *report = &ingest->report;
    const struct job job = {ingest, file, plan, slot, batch, error};
    assay_status status = batch->is_counting ? add_unknown(&job) : ASSAY_OK;
    for (uint32_t i = 0; status == ASSAY_OK && i < batch->n_candidates; i++) {
        bool is_new = true;
        status = take_candidate(&job, &batch->candidates[i], &is_new);
        batch->n_kept += is_new;
        report->n_not_distinct += !is_new;
    }
    if (status != ASSAY_OK)
        return status;
    report->n_events_kept += batch->n_kept;
    report->n_future += batch->n_future;
    report->n_key_empty += batch->n_key_empty;
    report->n_unknown_lead += batch->n_unknown_lead;
    report->n_unknown_event += batch->n_unknown_event;
    asy_ingest_counts(ingest, file)->n_kept += batch->n_kept;
    return ASSAY_OK;
}

/* ---- a file ---- */

assay_status asy_ingest_open_log(struct asy_ingest *ingest, struct assay_error *error)
{
    struct asy_events *events = &ingest->store->events;
    if (events->is_open)
        return ASSAY_OK;
    uint32_t n_threads = ingest->options.n_threads;
    ingest->distinct.writer = n_threads;
    return asy_events_open(events, ingest->store->n_leads, n_threads + (ingest->map->n_distinct > 0), error);
}

assay_status asy_ingest_read_events(struct asy_ingest *ingest, struct asy_ingest_file *file, struct assay_error *error)
{
    struct asy_events_plan plan = {0};
    if (asy_events_want(ingest, file, &plan) != ASSAY_OK)
        return asy_fail(error, ASSAY_E_NOMEM, "%.*s: out of memory", ASY_ARG(file->path));
    assay_status status = asy_ingest_open_log(ingest, error);
    if (status != ASSAY_OK)
        return status;
    const struct asy_ingest_reader reader = {.plan = &plan,
                                             .n_columns = file->match.n_targets,
                                             .match = asy_events_match,
                                             .new_batch = new_batch,
                                             .free_batch = free_batch,
                                             .work = work,
                                             .give = give};
    return asy_ingest_run(ingest, file, &reader, error);
}
