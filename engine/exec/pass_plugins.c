#include "exec/pass_internal.h"

/* -- asking --------------------------------------------------------------------------------------------------------- */

/* A call reads a score that is empty for this lead: then it is not asked. */
static bool is_blocked(const struct asy_batch *b, const struct asy_reads *reads, uint32_t row)
{
    for (uint32_t r = 0; r < reads->n; r++)
        if (b->w->empty[reads->scores[r]][row]) return true;
    return false;
}

/* The leads that a call is asked about, into w->asked. Returns how many its rule looks at. */
static uint32_t choose_rows(struct asy_batch *b, const struct asy_call *call, const uint16_t *choice)
{
    struct asy_worker *w = b->w;
    const bool may_block = w->has_empties && call->reads.n > 0;
    uint32_t n_open = 0, n = 0;
    w->asked = (struct asy_asked){.n = b->n};
    if (choice == NULL && !may_block) return b->n;
    for (uint32_t i = 0; i < b->n; i++) {
        const bool is_open = choice == NULL || choice[i] == 0;
        w->asked_rows[n] = i;
        n_open += is_open;
        n += is_open && !(may_block && is_blocked(b, &call->reads, i));
    }
    w->asked = (struct asy_asked){.rows = n == b->n ? NULL : w->asked_rows, .n = n};
    return n_open;
}

static void add_tally(const struct asy_call *call, struct asy_call_tally *tally, const struct asy_asked *asked)
{
    const uint16_t *reason = asked->stage->reason;
    uint32_t n_empty = 0;
    for (uint32_t i = 0; i < asked->n; i++) n_empty += reason[i] == ASY_REASON_UNWRITTEN;
    tally->n_empty += n_empty;
    for (uint32_t i = 0; i < asked->n; i++) {
        const uint16_t code = reason[i];
        if (code != ASSAY_NO_REASON && code < call->n_codes) tally->by_reason[call->reason_numbers[code]]++;
    }
    for (uint32_t c = 0; c < ASSAY_COUNTERS_MAX; c++) tally->counters[c] += asked->stage->counters[c];
}

/* Ask a call; what it says is in the stage of w->asked, ASY_REASON_UNWRITTEN for leads without a verdict. Those that are not in it
 * have none either. */
static void ask(struct asy_batch *b, uint32_t number, const uint16_t *choice)
{
    struct asy_worker *w = b->w;
    const struct asy_call *call = &b->program->calls[number];
    struct asy_call_tally *tally = &w->calls[number].tally;
    const uint32_t n_open = choose_rows(b, call, choice);
    tally->n_asked += n_open;
    if (b->program->is_stopped[call->plugin] || call->rank >= w->rank_end) w->asked.n = 0;
    tally->n_empty += n_open - w->asked.n;
    if (w->asked.n == 0) return;
    struct asy_stage *stage = asy_bound_stage(call->bound, b->lane);
    struct asy_judgement judgement;
    asy_pass_stage(b, number, w->asked.rows, w->asked.n, stage);
    asy_bound_judge(call->bound, b->lane, w->asked.n, &judgement);
    asy_pass_stops_note(b, number, &judgement);
    if (judgement.is_given_up) { /* the pass will be done again without this plugin */
        tally->n_empty += w->asked.n;
        w->asked.n = 0;
        return;
    }
    w->asked.stage = stage;
    add_tally(call, tally, &w->asked);
}

/* -- points ----------------------------------------------------------------------------------------------------------- */

/* Within limits, although that has been looked at: sums are as wide as these allow, and a stage is memory that another process has too. */
static inline int32_t limited(int32_t points, int32_t lo, int32_t hi) { return points < lo ? lo : points > hi ? hi : points; }

/* Of all leads of a batch. Returns how many have a verdict. */
static uint32_t take_all_points(const uint16_t *restrict reason, const int32_t *restrict given, uint32_t n, int32_t lo, int32_t hi,
                                int32_t *restrict points)
{
    uint32_t n_verdicts = 0;
    for (uint32_t i = 0; i < n; i++) {
        const int32_t value = limited(given[i], lo, hi);
        points[i] = reason[i] == ASSAY_NO_REASON || reason[i] == ASY_REASON_UNWRITTEN ? 0 : value;
        n_verdicts += reason[i] != ASY_REASON_UNWRITTEN;
    }
    return n_verdicts;
}

uint32_t asy_pass_points(struct asy_batch *b, const struct asy_term *term, int32_t *points)
{
    struct asy_worker *w = b->w;
    uint8_t *empty = w->empty[term->score];
    const struct asy_plugin_decl *decl = b->program->calls[term->rule->call].decl;
    const int32_t lo = decl->points_min_milli, hi = decl->points_max_milli;
    ask(b, term->rule->call, NULL);
    const struct asy_asked *asked = &w->asked;
    uint32_t n_verdicts = 0;
    if (asked->n == b->n) {
        const uint16_t *reason = asked->stage->reason;
        n_verdicts = take_all_points(reason, asked->stage->points, b->n, lo, hi, points);
        if (n_verdicts == b->n) return 0;
        for (uint32_t i = 0; i < b->n; i++) empty[i] |= reason[i] == ASY_REASON_UNWRITTEN;
    } else {
        uint8_t *has_verdict = w->k;
        memset(points, 0, b->n * sizeof(*points));
        memset(has_verdict, 0, b->n);
        for (uint32_t i = 0; i < asked->n; i++) {
            const uint32_t row = asked->rows[i];
            if (asked->stage->reason[i] == ASY_REASON_UNWRITTEN) continue;
            has_verdict[row] = 1;
            n_verdicts++;
            if (asked->stage->reason[i] != ASSAY_NO_REASON) points[row] = limited(asked->stage->points[i], lo, hi);
        }
        for (uint32_t i = 0; i < b->n; i++) empty[i] |= !has_verdict[i];
    }
    w->has_empties = true;
    return b->n - n_verdicts;
}

void asy_pass_empty_score(struct asy_batch *b, uint32_t score)
{
    struct asy_worker *w = b->w;
    const struct asy_reads *reads = &b->program->score_reads[score];
    uint8_t *empty = w->empty == NULL ? NULL : w->empty[score];
    if (empty == NULL || !w->has_empties) return;
    int32_t *total = w->total + (size_t)score * b->pass->stride;
    for (uint32_t r = 0; r < reads->n; r++)
        for (uint32_t i = 0; i < b->n; i++) empty[i] |= w->empty[reads->scores[r]][i];
    for (uint32_t i = 0; i < b->n; i++) total[i] = empty[i] ? 0 : total[i];
}

/* -- decisions -------------------------------------------------------------------------------------------------------- */

/* Of all leads of a batch. */
static void take_all_verdicts(const uint16_t *restrict reason, uint32_t n, uint8_t *restrict t, uint8_t *restrict k)
{
    for (uint32_t i = 0; i < n; i++) {
        k[i] = reason[i] != ASY_REASON_UNWRITTEN;
        t[i] = reason[i] != ASY_REASON_UNWRITTEN && reason[i] != ASSAY_NO_REASON;
    }
}
static void take_some_verdicts(const uint16_t *restrict reason, const uint32_t *restrict rows, uint32_t n, uint8_t *restrict t,
                               uint8_t *restrict k)
{
    for (uint32_t i = 0; i < n; i++) {
        k[rows[i]] = reason[i] != ASY_REASON_UNWRITTEN;
        t[rows[i]] = reason[i] != ASY_REASON_UNWRITTEN && reason[i] != ASSAY_NO_REASON;
    }
}

void asy_pass_verdicts(struct asy_batch *b, uint32_t call, const uint16_t *choice, const uint8_t **t, const uint8_t **k)
{
    struct asy_worker *w = b->w;
    ask(b, call, choice);
    if (w->asked.n == b->n) {
        take_all_verdicts(w->asked.stage->reason, b->n, w->t, w->k);
    } else {
        memset(w->t, 0, b->n);
        memset(w->k, 0, b->n);
        if (w->asked.n > 0) take_some_verdicts(w->asked.stage->reason, w->asked.rows, w->asked.n, w->t, w->k);
    }
    *t = w->t;
    *k = w->k;
}

void asy_pass_take_details(struct asy_batch *b, uint32_t number, uint16_t choice_number, const uint16_t *choice)
{
    struct asy_worker *w = b->w;
    const struct asy_asked *asked = &w->asked;
    const uint32_t *owner_codes = b->pass->owner_codes[number];
    const struct asy_call *call = &b->program->calls[number];
    const bool is_recycler = call->decl->kind == ASSAY_RECYCLE;
    const uint32_t n_targets = asy_bound_names(call->bound)->n_targets;
    if (owner_codes == NULL && !is_recycler) return;
    for (uint32_t i = 0; i < asked->n; i++) {
        const uint32_t row = asked->rows == NULL ? i : asked->rows[i];
        if (choice[row] != choice_number) continue;
        if (is_recycler) {
            w->due_s[row] = (uint32_t)asked->stage->due[i];
            continue;
        }
        const uint32_t target = (uint32_t)asked->stage->target[i]; /* none is a large number */
        if (target < n_targets) w->owner[row] = owner_codes[target];
    }
}

void asy_pass_hide(struct asy_batch *b, const struct asy_reads *reads, const uint8_t **t, const uint8_t **k)
{
    struct asy_worker *w = b->w;
    if (reads->n == 0 || !w->has_empties) return;
    memcpy(w->t, *t, b->n);
    memcpy(w->k, *k, b->n);
    for (uint32_t r = 0; r < reads->n; r++) {
        const uint8_t *empty = w->empty[reads->scores[r]];
        for (uint32_t i = 0; i < b->n; i++) {
            w->k[i] = empty[i] ? 0 : w->k[i];
            w->t[i] = empty[i] ? 0 : w->t[i];
        }
    }
    *t = w->t;
    *k = w->k;
}

/* -- setting up ------------------------------------------------------------------------------------------------------- */

void asy_pass_plugins_batch(struct asy_batch *b)
{
    struct asy_worker *w = b->w;
    if (b->program->n_calls == 0) return;
    w->has_empties = false;
    for (uint32_t s = 0; s < b->program->rules->n_scores; s++)
        if (w->empty[s] != NULL) memset(w->empty[s], 0, b->n);
    if (w->owner != NULL) memset(w->owner, 0, b->n * sizeof(*w->owner));
    if (w->due_s != NULL) memset(w->due_s, 0, b->n * sizeof(*w->due_s));
}

bool asy_pass_plugins_worker(struct asy_pass *pass, struct asy_worker *w)
{
    const struct asy_program *program = pass->program;
    const uint32_t n_scores = program->rules->n_scores;
    const size_t rows = pass->stride;
    struct asy_pool *pool = &pass->pool;
    if (program->n_calls == 0) return true;
    bool ok = (w->calls = asy_pool_alloc_n(pool, program->n_calls, sizeof(*w->calls))) != NULL;
    for (uint32_t c = 0; ok && c < program->n_calls; c++)
        ok = (w->calls[c].tally.by_reason = asy_pool_alloc_n(pool, program->calls[c].decl->n_reasons, sizeof(uint64_t))) != NULL;
    ok = ok && (w->empty = asy_pool_alloc_n(pool, n_scores, sizeof(*w->empty)));
    for (uint32_t s = 0; ok && s < n_scores; s++)
        if (program->may_be_empty[s]) ok = (w->empty[s] = asy_pool_alloc(pool, rows)) != NULL;
    for (uint32_t c = 0; ok && c < program->n_calls; c++)
        if (pass->owner_codes[c] != NULL && w->owner == NULL) ok = (w->owner = asy_pool_alloc_n(pool, rows, sizeof(uint32_t))) != NULL;
    if (pass->results->recycle_due_s != NULL) ok = ok && (w->due_s = asy_pool_alloc_n(pool, rows, sizeof(uint32_t)));
    ok = ok && (w->asked_rows = asy_pool_alloc_n(pool, rows, sizeof(uint32_t)));
    ok = ok && (w->wide_ints = asy_pool_alloc_n(pool, rows, sizeof(int64_t)));
    ok = ok && (w->t = asy_pool_alloc(pool, rows)) && (w->k = asy_pool_alloc(pool, rows));
    return ok;
}

/* Codes of the owners that a call may name. */
static assay_status intern_targets(struct asy_pass *pass, uint32_t call)
{
    const struct asy_plugin_names *names = asy_bound_names(pass->program->calls[call].bound);
    assay_status status = ASSAY_OK;
    pass->owner_codes[call] = asy_pool_alloc_n(&pass->pool, names->n_targets, sizeof(uint32_t));
    if (pass->owner_codes[call] == NULL) return ASSAY_E_NOMEM;
    for (uint32_t i = 0; i < names->n_targets && status == ASSAY_OK; i++)
        status = asy_dict_intern(&pass->results->owners, names->targets[i], &pass->owner_codes[call][i]);
    return status;
}

assay_status asy_pass_plugins_open(struct asy_pass *pass, struct assay_error *error)
{
    const struct asy_program *program = pass->program;
    const struct asy_rules *rules = program->rules;
    if (program->n_calls == 0) return ASSAY_OK;
    assay_status status = ASSAY_OK;
    pass->watches = asy_pool_alloc_n(&pass->pool, program->n_calls, sizeof(*pass->watches));
    pass->owner_codes = asy_pool_alloc_n(&pass->pool, program->n_calls, sizeof(*pass->owner_codes));
    if (pass->watches == NULL || pass->owner_codes == NULL) status = ASSAY_E_NOMEM;
    for (uint32_t r = 0; r < rules->n_routes && status == ASSAY_OK; r++)
        if (rules->routes[r].assign == ASY_ASSIGN_PLUGIN) status = intern_targets(pass, rules->routes[r].test.call);
    if (status == ASSAY_OK) return ASSAY_OK;
    return asy_fail(error, status, "pass: out of memory for the owners that plugins name");
}
