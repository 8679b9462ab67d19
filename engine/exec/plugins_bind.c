#include "exec/plugins_bind.h"

#include "base/check.h"

/* -- wiring ------------------------------------------------------------------------------------------------------- */

static bool compile_sources(struct asy_program *program, uint32_t number)
{
    const struct asy_plugin_call *given = &program->rules->calls[number];
    const uint32_t *column_of = program->plugins->column_of[number];
    struct asy_call *call = &program->calls[number];
    call->sources = asy_pool_alloc_n(&program->pool, call->decl->n_wants, sizeof(*call->sources));
    if (call->sources == NULL) return false;
    for (uint32_t c = 0; c < call->decl->n_wants; c++) {
        struct asy_source *source = &call->sources[c];
        *source = (struct asy_source){.slot = ASY_NONE, .score = ASY_NONE};
        if (column_of[c] == ASY_NONE) continue;
        const struct asy_cel_input *input = &given->inputs[column_of[c]];
        if (call->decl->wants[c].type == ASSAY_POINTS_COLUMN) {
            source->score = input->index;
            continue;
        }
        source->slot = asy_slots_need(&program->slots, input);
        if (source->slot == UINT32_MAX) return false;
    }
    return true;
}

static bool compile_reasons(struct asy_program *program, struct asy_call *call)
{
    const struct asy_plugin_decl *decl = call->decl;
    call->n_codes = decl->n_reasons == 0 ? 1 : decl->reasons[decl->n_reasons - 1].code + 1;
    call->reason_numbers = asy_pool_alloc_n(&program->pool, call->n_codes, sizeof(*call->reason_numbers));
    for (uint32_t r = 0; call->reason_numbers != NULL && r < decl->n_reasons; r++)
        call->reason_numbers[decl->reasons[r].code] = (uint16_t)r;
    return call->reason_numbers != NULL;
}

bool asy_calls_compile(struct asy_program *program)
{
    const struct asy_rules *rules = program->rules;
    if (program->plugins == NULL || rules->n_calls == 0) return true;
    program->calls = asy_pool_alloc_n(&program->pool, rules->n_calls, sizeof(*program->calls));
    program->call_order = asy_pool_alloc_n(&program->pool, rules->n_calls, sizeof(uint32_t));
    program->is_stopped = asy_pool_alloc_n(&program->pool, rules->n_plugins, sizeof(bool));
    if (program->calls == NULL || program->call_order == NULL || program->is_stopped == NULL) return false;
    program->n_calls = rules->n_calls;
    for (uint32_t c = 0; c < program->n_calls; c++) {
        struct asy_call *call = &program->calls[c];
        call->plugin = rules->calls[c].plugin;
        call->decl = asy_plugin_decl(program->plugins->opened[call->plugin]);
        if (!compile_sources(program, c) || !compile_reasons(program, call)) return false;
    }
    return true;
}

bool asy_calls_are_isolated(const struct asy_program *program)
{
    for (uint32_t c = 0; c < program->n_calls; c++)
        if (!program->rules->plugins[program->calls[c].plugin].is_in_process) return true;
    return false;
}

/* -- what may be empty ---------------------------------------------------------------------------------------------- */

struct reader {
    const struct asy_program *program;
    bool *marks; /* by score */
};

static void mark_input(const struct reader *reader, const struct asy_cel_input *input)
{
    const struct asy_program *program = reader->program;
    const uint32_t score = input->kind == ASY_IN_SCORE   ? input->index
                           : input->kind == ASY_IN_GRADE ? program->rules->grade_by
                                                         : ASY_NONE;
    if (score != ASY_NONE && program->may_be_empty[score]) reader->marks[score] = true;
}
static void mark_node(void *ctx, const struct asy_cel_node *node)
{
    if (node->op == ASY_CEL_INPUT) mark_input(ctx, &node->input);
}
static void mark_call(const struct reader *reader, uint32_t number)
{
    const struct asy_call *call = &reader->program->calls[number];
    const struct asy_plugin_call *given = &reader->program->rules->calls[number];
    const uint32_t *column_of = reader->program->plugins->column_of[number];
    for (uint32_t c = 0; c < call->decl->n_wants; c++)
        if (column_of[c] != ASY_NONE) mark_input(reader, &given->inputs[column_of[c]]);
}
/* The marked scores, which are unmarked. */
static bool take_marks(struct asy_program *program, const struct reader *reader, struct asy_reads *reads)
{
    const uint32_t n_scores = program->rules->n_scores;
    uint32_t n = 0;
    for (uint32_t s = 0; s < n_scores; s++) n += reader->marks[s];
    reads->scores = asy_pool_alloc_n(&program->pool, n, sizeof(uint32_t));
    if (reads->scores == NULL) return false;
    for (uint32_t s = 0; s < n_scores; s++) {
        if (reader->marks[s]) reads->scores[reads->n++] = s;
        reader->marks[s] = false;
    }
    return true;
}

/* A score only reads scores above it, of which all is known. */
static bool find_score_empties(struct asy_program *program, const struct reader *reader, uint32_t number)
{
    const struct asy_score *score = &program->rules->scores[number];
    bool has_plugin = false;
    for (uint32_t t = program->first_term[number]; t < program->first_term[number + 1]; t++) {
        struct asy_term *term = &program->terms[t];
        if (term->kind != ASY_TERM_WHEN && term->kind != ASY_TERM_PLUGIN) continue;
        if (term->kind == ASY_TERM_PLUGIN) mark_call(reader, term->rule->call);
        else asy_cel_walk(term->rule->when, mark_node, (void *)reader);
        struct asy_reads *reads = term->kind == ASY_TERM_PLUGIN ? &program->calls[term->rule->call].reads : &term->reads;
        has_plugin |= term->kind == ASY_TERM_PLUGIN;
        if (!take_marks(program, reader, reads)) return false;
    }
    for (uint32_t p = 0; p < score->n_parts; p++) reader->marks[score->parts[p]] = program->may_be_empty[score->parts[p]];
    for (uint32_t t = program->first_term[number]; t < program->first_term[number + 1]; t++) {
        const struct asy_term *term = &program->terms[t];
        const struct asy_reads *reads = term->kind == ASY_TERM_PLUGIN ? &program->calls[term->rule->call].reads : &term->reads;
        for (uint32_t r = 0; r < reads->n; r++) reader->marks[reads->scores[r]] = true;
    }
    if (!take_marks(program, reader, &program->score_reads[number])) return false;
    program->may_be_empty[number] = has_plugin || program->score_reads[number].n > 0;
    return true;
}

static bool find_decision_empties(struct asy_program *program, const struct reader *reader, struct asy_decision *decisions, uint32_t n)
{
    for (uint32_t d = 0; d < n; d++) {
        const struct asy_test *test = decisions[d].test;
        if (test->when != NULL) asy_cel_walk(test->when, mark_node, (void *)reader);
        else if (test->call != ASY_NONE) mark_call(reader, test->call);
        if (!take_marks(program, reader, test->call != ASY_NONE ? &program->calls[test->call].reads : &decisions[d].reads)) return false;
    }
    return true;
}

/* Numbers the calls in the order in which a batch comes to them. */
static void rank_calls(struct asy_program *program)
{
    const struct asy_rules *rules = program->rules;
    const struct asy_decision *const decisions[] = {program->disqualify, program->routes, program->recycle};
    const uint32_t n_decisions[] = {rules->n_disqualify, rules->n_routes, rules->n_recycle};
    uint32_t n = 0;
    for (uint32_t t = 0; t < program->n_terms; t++)
        if (program->terms[t].kind == ASY_TERM_PLUGIN) program->call_order[n++] = program->terms[t].rule->call;
    for (uint32_t part = 0; part < ASY_COUNT_OF(decisions); part++)
        for (uint32_t d = 0; d < n_decisions[part]; d++)
            if (decisions[part][d].test->call != ASY_NONE) program->call_order[n++] = decisions[part][d].test->call;
    ASY_CHECK(n == program->n_calls, n, program->n_calls);
    for (uint32_t r = 0; r < n; r++) program->calls[program->call_order[r]].rank = r;
}

bool asy_calls_find_empties(struct asy_program *program)
{
    const struct asy_rules *rules = program->rules;
    const struct reader reader = {.program = program, .marks = asy_pool_alloc_n(&program->pool, rules->n_scores, sizeof(bool))};
    program->may_be_empty = asy_pool_alloc_n(&program->pool, rules->n_scores, sizeof(bool));
    program->score_reads = asy_pool_alloc_n(&program->pool, rules->n_scores, sizeof(*program->score_reads));
    if (reader.marks == NULL || program->may_be_empty == NULL || program->score_reads == NULL) return false;
    if (program->n_calls == 0) return true;
    for (uint32_t s = 0; s < rules->n_scores; s++)
        if (!find_score_empties(program, &reader, s)) return false;
    rank_calls(program);
    return find_decision_empties(program, &reader, program->disqualify, rules->n_disqualify) &&
           find_decision_empties(program, &reader, program->stages, rules->n_stages) &&
           find_decision_empties(program, &reader, program->routes, rules->n_routes) &&
           find_decision_empties(program, &reader, program->recycle, rules->n_recycle) &&
           find_decision_empties(program, &reader, program->segments, rules->n_segments);
}

/* -- binding -------------------------------------------------------------------------------------------------------- */

struct texts {
    const struct asy_program *program;
    uint32_t slot;
};
static struct asy_str code_text(void *ctx, uint32_t code)
{
    const struct texts *texts = ctx;
    const struct asy_slots *slots = &texts->program->slots;
    const struct asy_cel_value value = slots->code_value(slots->ctx, &slots->items[texts->slot], code);
    return value.type == ASY_CEL_STRING ? value.s : ASY_STR("");
}
static struct asy_str no_text(void *ctx, uint32_t code)
{
    (void)ctx, (void)code;
    return ASY_STR("");
}

static assay_status make_facts(const struct asy_program *program, uint32_t number, struct asy_facts *facts, struct assay_error *error)
{
    const struct asy_call *call = &program->calls[number];
    const uint32_t n = call->decl->n_wants;
    const bool is_shared = !program->rules->plugins[call->plugin].is_in_process;
    struct asy_pool pool;
    asy_pool_init(&pool, program->pool.mem);
    struct asy_facts_column *columns = asy_pool_alloc_n(&pool, n, sizeof(*columns));
    struct texts *texts = asy_pool_alloc_n(&pool, n, sizeof(*texts));
    assay_status status = ASSAY_OK;
    if (columns == NULL || texts == NULL)
        status = asy_fail(error, ASSAY_E_NOMEM, "plugins: out of memory for the dictionaries of %u columns", n);
    for (uint32_t c = 0; c < n && status == ASSAY_OK; c++) {
        if (call->decl->wants[c].type != ASSAY_TEXT_COLUMN) continue;
        texts[c] = (struct texts){.program = program, .slot = call->sources[c].slot};
        if (texts[c].slot == ASY_NONE) columns[c] = (struct asy_facts_column){.n_codes = 1, .text = no_text};
        else columns[c] = (struct asy_facts_column){.n_codes = program->slots.items[texts[c].slot].n_codes, .ctx = &texts[c], .text = code_text};
    }
    if (status == ASSAY_OK) status = asy_facts_make(facts, call->decl, columns, program->plugins->settings[number], is_shared, error);
    asy_pool_fini(&pool);
    return status;
}

/* Columns that nothing fills stay as they are made here; their values are zero from the start. */
static void empty_columns(struct asy_call *call)
{
    for (uint32_t lane = 0; lane < call->n_lanes; lane++) {
        const struct asy_stage *stage = asy_bound_stage(call->bound, lane);
        for (uint32_t c = 0; c < call->decl->n_wants; c++) {
            if (call->sources[c].slot != ASY_NONE || call->sources[c].score != ASY_NONE) continue;
            memset(stage->null[c], 0xFF, stage->n_rows_max);
        }
    }
}

static void unbind(struct asy_call *call)
{
    asy_bound_free(call->bound);
    call->bound = NULL;
    if (call->facts.base != NULL) asy_facts_fini(&call->facts);
    call->facts = (struct asy_facts){.fd = -1};
}

static assay_status bind_call(const struct asy_program *program, uint32_t number, uint32_t n_lanes, uint32_t n_rows,
                              struct assay_error *error)
{
    struct asy_call *call = &program->calls[number];
    const struct asy_plugin_call *given = &program->rules->calls[number];
    const struct asy_plugin_use *use = &program->rules->plugins[call->plugin];
    struct assay_error why = {0};
    assay_status status = make_facts(program, number, &call->facts, &why);
    if (status == ASSAY_OK)
        status = asy_plugin_bind(&call->bound, program->plugins->opened[call->plugin], &call->facts, n_lanes, n_rows, program->as_of_s, &why);
    if (status != ASSAY_OK) {
        unbind(call);
        return asy_fail(error, status == ASSAY_E_DATA ? ASSAY_E_PLUGIN : status, "plugin %.*s (rule \"%.*s\"): %s", ASY_ARG(use->name),
                        ASY_ARG(given->rule), why.text);
    }
    call->n_lanes = n_lanes;
    call->n_rows = n_rows;
    empty_columns(call);
    return ASSAY_OK;
}

assay_status asy_calls_bind(const struct asy_program *program, uint32_t n_lanes, uint32_t n_rows, struct assay_error *error)
{
    n_rows = (n_rows + ASSAY_BATCH_ROWS - 1) / ASSAY_BATCH_ROWS * ASSAY_BATCH_ROWS;
    for (uint32_t c = 0; c < program->n_calls; c++) {
        struct asy_call *call = &program->calls[c];
        const bool is_sound = call->bound != NULL && !program->is_stopped[call->plugin];
        if (is_sound && call->n_lanes >= n_lanes && call->n_rows >= n_rows) continue;
        unbind(call);
        const assay_status status = bind_call(program, c, n_lanes, n_rows, error);
        if (status != ASSAY_OK) return status;
    }
    return ASSAY_OK;
}

void asy_calls_fini(struct asy_program *program)
{
    for (uint32_t c = 0; c < program->n_calls; c++) unbind(&program->calls[c]);
    program->n_calls = 0;
}

const struct asy_plugin_names *asy_call_names(const struct asy_program *program, uint32_t call)
{
    return call < program->n_calls && program->calls[call].bound != NULL ? asy_bound_names(program->calls[call].bound) : NULL;
}
