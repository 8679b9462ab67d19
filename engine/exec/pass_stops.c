/* Bad leads and stopped plugins, so that the outcome depends on neither threads nor batches.
 *
 * Calls are asked in a fixed order (their rank), and what a lead is asked depends on what earlier calls said about it alone. So the bad
 * leads of a call are certain as long as no plugin of a call before it has to be stopped. Of several plugins that fail the one is stopped
 * that comes to ASY_BAD_LEADS_MAX at the lowest rank; then the pass is done again, and what it found out about later calls is forgotten.
 *
 * To be quick about it a call that must be stopped is not asked any more in batches that begin later. Those begun before are
 * finished: the lowest bad leads are in them, since batches are taken in order. */
#include "exec/pass_internal.h"

/* -- while batches run -------------------------------------------------------------------------------------------------- */

static void raise_to(uint64_t *to, uint64_t value)
{
    uint64_t now = __atomic_load_n(to, __ATOMIC_RELAXED);
    while (now < value && !__atomic_compare_exchange_n(to, &now, value, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {}
}
static void lower_to(uint64_t *to, uint64_t value)
{
    uint64_t now = __atomic_load_n(to, __ATOMIC_RELAXED);
    while (now > value && !__atomic_compare_exchange_n(to, &now, value, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {}
}

/* The rank at which a plugin has failed too often, or ASY_NONE. */
static uint32_t rank_of_failure(const struct asy_pass *pass, uint32_t plugin)
{
    const struct asy_program *program = pass->program;
    uint64_t n_bad = 0, n_flukes = 0;
    for (uint32_t rank = 0; rank < program->n_calls; rank++) {
        const uint32_t call = program->call_order[rank];
        if (program->calls[call].plugin != plugin) continue;
        n_bad += __atomic_load_n(&pass->watches[call].n_bad, __ATOMIC_SEQ_CST);
        n_flukes += __atomic_load_n(&pass->watches[call].n_flukes, __ATOMIC_SEQ_CST);
        if (n_bad >= ASY_BAD_LEADS_MAX || n_flukes > ASY_FLUKES_MAX) return rank;
    }
    return ASY_NONE;
}

bool asy_pass_stops_batch(struct asy_batch *b)
{
    struct asy_pass *pass = (struct asy_pass *)b->pass;
    const struct asy_program *program = b->program;
    if (program->n_calls == 0) return true;
    bool is_asking = false, is_ending = false;
    raise_to(&pass->last_begun, b->piece);
    b->w->rank_end = ASY_NONE;
    for (uint32_t rank = 0; rank < program->n_calls && !is_ending; rank++) {
        const uint32_t call = program->call_order[rank];
        is_ending = b->piece > __atomic_load_n(&pass->watches[call].last_piece, __ATOMIC_SEQ_CST);
        if (is_ending) b->w->rank_end = rank;
        else is_asking |= !program->is_stopped[program->calls[call].plugin];
    }
    return is_asking || !is_ending;
}

void asy_pass_stops_note(struct asy_batch *b, uint32_t number, const struct asy_judgement *judgement)
{
    struct asy_pass *pass = (struct asy_pass *)b->pass;
    const struct asy_program *program = b->program;
    struct asy_call_work *work = &b->w->calls[number];
    if (judgement->n_bad == 0 && judgement->n_flukes == 0) return;
    for (uint32_t i = 0; i < judgement->n_bad && i < ASY_BAD_LEADS_MAX && work->n_bad < ASY_BAD_LEADS_MAX; i++) {
        const uint32_t row = judgement->bad[i].row;
        struct asy_bad_lead *bad = &work->bad[work->n_bad++];
        *bad = judgement->bad[i];
        bad->row = b->row0 + (b->w->asked.rows == NULL ? row : b->w->asked.rows[row]);
    }
    if (judgement->n_flukes > 0) work->fluke = judgement->fluke;
    work->n_flukes += judgement->n_flukes;
    __atomic_fetch_add(&pass->watches[number].n_bad, judgement->n_bad, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&pass->watches[number].n_flukes, judgement->n_flukes, __ATOMIC_SEQ_CST);
    const uint32_t rank = rank_of_failure(pass, program->calls[number].plugin);
    if (rank != ASY_NONE)
        lower_to(&pass->watches[program->call_order[rank]].last_piece, __atomic_load_n(&pass->last_begun, __ATOMIC_SEQ_CST));
}

/* -- when they are done ------------------------------------------------------------------------------------------------- */

static void forget(struct asy_pass *pass)
{
    const struct asy_program *program = pass->program;
    const struct asy_rules *rules = program->rules;
    pass->last_begun = 0;
    for (uint32_t c = 0; c < program->n_calls; c++) pass->watches[c] = (struct asy_call_watch){.last_piece = UINT64_MAX};
    for (uint32_t w = 0; w < pass->n_workers; w++) {
        struct asy_worker *worker = &pass->workers[w];
        for (uint32_t c = 0; c < program->n_calls; c++) {
            uint64_t *by_reason = worker->calls[c].tally.by_reason;
            memset(by_reason, 0, program->calls[c].decl->n_reasons * sizeof(*by_reason));
            worker->calls[c] = (struct asy_call_work){.tally = {.by_reason = by_reason}};
        }
        memset(worker->unknown_terms, 0, program->n_terms * sizeof(uint64_t));
        memset(worker->unknown_disqualify, 0, rules->n_disqualify * sizeof(uint64_t));
        memset(worker->unknown_stages, 0, rules->n_stages * sizeof(uint64_t));
        memset(worker->unknown_routes, 0, rules->n_routes * sizeof(uint64_t));
        memset(worker->unknown_recycle, 0, rules->n_recycle * sizeof(uint64_t));
        memset(worker->unknown_segments, 0, rules->n_segments * sizeof(uint64_t));
    }
}

void asy_pass_stops_begin(struct asy_pass *pass)
{
    if (pass->program->n_calls == 0) return;
    memset(pass->program->is_stopped, 0, pass->program->rules->n_plugins * sizeof(bool));
    forget(pass);
}

static int compare_notes(const void *pa, const void *pb)
{
    const struct asy_plugin_note *a = pa, *b = pb;
    if (a->plugin != b->plugin) return a->plugin < b->plugin ? -1 : 1;
    if (a->row != b->row) return a->row < b->row ? -1 : 1;
    if (a->call != b->call) return a->call < b->call ? -1 : 1;
    return a->is_fluke - b->is_fluke;
}

/* Into the lowest of a plugin's notes, if it is one of them. */
static void keep_lowest(struct asy_plugin_note *notes, uint32_t *n, const struct asy_plugin_note *note)
{
    uint32_t place = *n;
    while (place > 0 && compare_notes(note, &notes[place - 1]) < 0) place--;
    if (place == ASY_BAD_LEADS_MAX) return;
    if (*n < ASY_BAD_LEADS_MAX) (*n)++;
    for (uint32_t i = *n - 1; i > place; i--) notes[i] = notes[i - 1];
    notes[place] = *note;
}
/* What all workers found out about a plugin in calls up to `rank`, behind the notes there are. */
static void note_plugin(struct asy_pass *pass, uint32_t plugin, uint32_t rank)
{
    const struct asy_program *program = pass->program;
    struct asy_results *results = pass->results;
    struct asy_plugin_note *notes = &results->notes[results->n_notes], fluke = {.row = ASY_NONE};
    uint32_t n = 0;
    for (uint32_t w = 0; w < pass->n_workers; w++)
        for (uint32_t c = 0; c < program->n_calls; c++) {
            const struct asy_call_work *work = &pass->workers[w].calls[c];
            if (program->calls[c].plugin != plugin || program->calls[c].rank > rank) continue;
            for (uint32_t i = 0; i < work->n_bad; i++) {
                const struct asy_plugin_note note = {.plugin = plugin, .call = c, .row = work->bad[i].row, .fault = work->bad[i].fault};
                keep_lowest(notes, &n, &note);
            }
            if (work->n_flukes > 0) fluke = (struct asy_plugin_note){.plugin = plugin, .call = c, .row = ASY_NONE, .fault = work->fluke, .is_fluke = true};
        }
    if (fluke.is_fluke) notes[n++] = fluke;
    results->n_notes += n;
}

bool asy_pass_stops_again(struct asy_pass *pass)
{
    const struct asy_program *program = pass->program;
    struct asy_results *results = pass->results;
    uint32_t lowest = ASY_NONE;
    for (uint32_t p = 0; program->n_calls > 0 && p < program->rules->n_plugins; p++) {
        const uint32_t rank = rank_of_failure(pass, p);
        if (rank < lowest) lowest = rank;
    }
    if (lowest == ASY_NONE) return false;
    const uint32_t call = program->call_order[lowest], plugin = program->calls[call].plugin, first = results->n_notes;
    note_plugin(pass, plugin, lowest);
    struct asy_plugin_note stop = {.plugin = plugin, .call = call, .row = ASY_NONE, .fault = results->notes[first].fault, .is_stop = true};
    results->notes[results->n_notes++] = stop;
    program->is_stopped[plugin] = true;
    forget(pass);
    return true;
}

static void add_call(struct asy_call_tally *to, const struct asy_call_tally *from, uint32_t n_reasons)
{
    to->n_asked += from->n_asked;
    to->n_empty += from->n_empty;
    for (uint32_t r = 0; r < n_reasons; r++) to->by_reason[r] += from->by_reason[r];
    for (uint32_t c = 0; c < ASSAY_COUNTERS_MAX; c++) to->counters[c] += from->counters[c];
}

void asy_pass_stops_end(struct asy_pass *pass)
{
    const struct asy_program *program = pass->program;
    struct asy_results *results = pass->results;
    if (program->n_calls == 0) return;
    for (uint32_t w = 0; w < pass->n_workers; w++)
        for (uint32_t c = 0; c < program->n_calls; c++)
            add_call(&results->calls[c], &pass->workers[w].calls[c].tally, program->calls[c].decl->n_reasons);
    for (uint32_t p = 0; p < program->rules->n_plugins; p++)
        if (!program->is_stopped[p]) note_plugin(pass, p, ASY_NONE);
    qsort(results->notes, results->n_notes, sizeof(*results->notes), compare_notes);
}
