#include "exec/program.h"

#include "base/check.h"

#include <math.h>

/* -- what slots hold ------------------------------------------------------------------------------------------ */

static void describe_slot(void *ctx, struct asy_slot *slot)
{
    const struct asy_program *program = ctx;
    const struct asy_cel_input *input = &slot->input;
    switch (input->kind) {
    case ASY_IN_FIELD: {
        const struct asy_column *column = &program->store->columns[input->index];
        switch (column->repr) {
        case ASY_REPR_INT: slot->repr = ASY_SLOT_INTS; break;
        case ASY_REPR_TIME: slot->repr = ASY_SLOT_TIMES; break;
        case ASY_REPR_NUMBER: slot->repr = ASY_SLOT_NUMBERS; break;
        case ASY_REPR_CODE:
            slot->repr = ASY_SLOT_CODES;
            slot->n_codes = asy_column_n_codes(column);
            break;
        default: /* a presence bit: code 1 is "something" */
            slot->repr = ASY_SLOT_CODES;
            slot->n_codes = 2;
            break;
        }
        break;
    }
    case ASY_IN_SCORE:
        slot->repr = program->rules->scores[input->index].decimals == 0 ? ASY_SLOT_INTS : ASY_SLOT_NUMBERS;
        break;
    case ASY_IN_GRADE:
        slot->repr = ASY_SLOT_CODES;
        slot->n_codes = program->rules->n_grades + 1;
        break;
    case ASY_IN_DISQUALIFIED:
        slot->repr = ASY_SLOT_CODES;
        slot->n_codes = 3;
        break;
    case ASY_IN_STAGE: /* not evaluated: always empty */
        slot->repr = ASY_SLOT_CODES;
        slot->n_codes = 1;
        break;
    default: /* counts and ages of events */
        slot->repr = ASY_SLOT_INTS;
        break;
    }
}

static struct asy_cel_value slot_code_value(void *ctx, const struct asy_slot *slot, uint32_t code)
{
    const struct asy_program *program = ctx;
    if (code == 0) return (struct asy_cel_value){.type = ASY_CEL_NULL};
    if (slot->input.kind == ASY_IN_DISQUALIFIED) return (struct asy_cel_value){.type = ASY_CEL_BOOL, .b = code == 2};
    if (slot->input.kind == ASY_IN_GRADE) return asy_cel_text(program->rules->grades[code - 1].name);
    const struct asy_column *column = &program->store->columns[slot->input.index];
    if (column->repr != ASY_REPR_CODE || column->field->type == ASY_BOOL)
        return (struct asy_cel_value){.type = ASY_CEL_BOOL, .b = column->repr != ASY_REPR_CODE || code == 2};
    return asy_cel_text(asy_column_code_text(column, code));
}

/* -- points tables -------------------------------------------------------------------------------------------- */

static bool line_has_text(const struct asy_rules *rules, const struct asy_line *line, struct asy_str text)
{
    if (line->kind == ASY_LINE_VALUE) return asy_str_eq(line->value, text);
    return line->kind == ASY_LINE_LIST && asy_cel_set_has(&rules->lists[line->list].set, text);
}
static bool is_between(const struct asy_line *line, uint8_t type, int64_t i, double d)
{
    if (line->kind != ASY_LINE_RANGE && line->kind != ASY_LINE_VALUE) return false;
    return type == ASY_INT ? i >= line->lo_i && i <= line->hi_i : d >= line->lo_d && d <= line->hi_d;
}

/* Does a value, range or list line fit a filled value? */
static bool line_fits(const struct asy_rules *rules, const struct asy_line *line, uint8_t type, struct asy_str text, int64_t i,
                      double d)
{
    return type == ASY_INT || type == ASY_NUMBER ? is_between(line, type, i, d) : line_has_text(rules, line, text);
}

const struct asy_line *asy_rule_line(const struct asy_rules *rules, const struct asy_rule *rule, bool is_filled,
                                     struct asy_str text, int64_t i, double d)
{
    const uint8_t type = rules->schema.fields[rule->field].type;
    const struct asy_line *otherwise = NULL;
    for (uint32_t l = 0; l < rule->n_lines; l++) {
        const struct asy_line *line = &rule->lines[l];
        if (line->kind == ASY_LINE_MISSING) {
            if (!is_filled) return line;
        } else if (line->kind == ASY_LINE_OTHERWISE) {
            if (is_filled) otherwise = line;
        } else if (is_filled && line_fits(rules, line, type, text, i, d)) {
            return line;
        }
    }
    return otherwise;
}

static int32_t points_of(const struct asy_line *line) { return line == NULL ? 0 : (int32_t)line->points_milli; }

static bool compile_codes(struct asy_program *program, struct asy_term *term)
{
    const struct asy_column *column = &program->store->columns[term->column];
    const uint32_t n_codes = asy_column_n_codes(column);
    term->kind = ASY_TERM_CODES;
    /* never shorter than what one byte can index, so that a kernel may read any byte's entry */
    term->points = asy_pool_alloc_n(&program->pool, n_codes < 256 ? 256 : n_codes, sizeof(*term->points));
    if (term->points == NULL) return false;
    for (uint32_t code = 0; code < n_codes; code++)
        term->points[code] = points_of(asy_rule_line(program->rules, term->rule, code != 0,
                                                     asy_column_code_text(column, code), 0, 0));
    return true;
}

static int compare_i64(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}
static int compare_f64(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
/* Ranges as a step function: a bound wherever some range begins or has just ended; the points from one bound to the next
 * are what the table gives at the bound itself. */
static bool compile_steps(struct asy_program *program, struct asy_term *term)
{
    const struct asy_rule *rule = term->rule;
    const bool is_int = program->rules->schema.fields[rule->field].type == ASY_INT;
    const uint32_t cap = rule->n_lines * 2 + 1;
    const struct asy_cel_input input = {.kind = ASY_IN_FIELD, .index = rule->field, .nullable = true};
    term->kind = is_int ? ASY_TERM_INTS : ASY_TERM_NUMBERS;
    term->slot = asy_slots_need(&program->slots, &input);
    term->bounds_i = asy_pool_alloc_n(&program->pool, cap, sizeof(*term->bounds_i));
    term->bounds_d = asy_pool_alloc_n(&program->pool, cap, sizeof(*term->bounds_d));
    term->deltas = asy_pool_alloc_n(&program->pool, cap, sizeof(*term->deltas));
    if (term->slot == UINT32_MAX || term->bounds_i == NULL || term->bounds_d == NULL || term->deltas == NULL) return false;
    uint32_t n = 0;
    term->bounds_i[n] = INT64_MIN + 1; /* the least value of a filled field */
    term->bounds_d[n++] = -INFINITY;
    for (uint32_t l = 0; l < rule->n_lines; l++) {
        const struct asy_line *line = &rule->lines[l];
        if (line->kind != ASY_LINE_RANGE && line->kind != ASY_LINE_VALUE) continue;
        if (is_int ? line->lo_i > INT64_MIN + 1 : line->lo_d > -INFINITY) {
            term->bounds_i[n] = line->lo_i;
            term->bounds_d[n++] = line->lo_d;
        }
        if (is_int ? line->hi_i < INT64_MAX : line->hi_d < INFINITY) {
            term->bounds_i[n] = is_int ? line->hi_i + 1 : 0;
            term->bounds_d[n++] = is_int ? 0 : nextafter(line->hi_d, INFINITY);
        }
    }
    if (is_int) qsort(term->bounds_i, n, sizeof(*term->bounds_i), compare_i64);
    else qsort(term->bounds_d, n, sizeof(*term->bounds_d), compare_f64);
    term->start = points_of(asy_rule_line(program->rules, rule, false, ASY_STR(""), 0, 0));
    int32_t before = term->start;
    uint32_t kept = 0;
    for (uint32_t b = 0; b < n; b++) {
        const int32_t here = points_of(asy_rule_line(program->rules, rule, true, ASY_STR(""), term->bounds_i[b],
                                                     term->bounds_d[b]));
        if (here == before) continue;
        term->bounds_i[kept] = term->bounds_i[b];
        term->bounds_d[kept] = term->bounds_d[b];
        term->deltas[kept++] = here - before;
        before = here;
    }
    term->n_bounds = kept;
    return true;
}

/* -- conditions ----------------------------------------------------------------------------------------------- */

static struct asy_cond *compile_when(struct asy_program *program, const struct asy_cel_node *node)
{
    return asy_cond_compile(&program->slots, node, &program->depth);
}

static bool compile_rule(struct asy_program *program, struct asy_term *term, const struct asy_rule *rule)
{
    term->name = rule->name;
    term->rule = rule;
    term->column = rule->field;
    switch (rule->kind) {
    case ASY_RULE_TABLE: {
        const uint8_t type = program->rules->schema.fields[rule->field].type;
        return type == ASY_INT || type == ASY_NUMBER ? compile_steps(program, term) : compile_codes(program, term);
    }
    case ASY_RULE_WHEN:
        term->kind = ASY_TERM_WHEN;
        term->p = (int32_t)rule->points_milli;
        term->when = compile_when(program, rule->when);
        return term->when != NULL;
    default: term->kind = ASY_TERM_NOTHING; return true;
    }
}

/* -- event rules ---------------------------------------------------------------------------------------------- */

/* Number of the window of `window_s`, added if new; UINT32_MAX without memory. */
static uint32_t need_window(struct asy_program *program, int64_t window_s, uint32_t *cap)
{
    for (uint32_t w = 0; w < program->n_windows; w++)
        if (program->windows_s[w] == window_s) return w;
    if (!asy_pool_grow(&program->pool, (void **)&program->windows_s, cap, program->n_windows, sizeof(int64_t)))
        return UINT32_MAX;
    program->windows_s[program->n_windows] = window_s;
    return program->n_windows++;
}

struct tuple_row {
    const struct asy_events *events;
    uint32_t tuple;
};
static struct asy_cel_value read_property(void *ctx, const struct asy_cel_input *input)
{
    const struct tuple_row *row = ctx;
    const struct asy_str text = asy_events_property(row->events, row->tuple, input->index);
    return text.len == 0 ? (struct asy_cel_value){.type = ASY_CEL_NULL} : asy_cel_text(text);
}
/* `where:` once per distinct tuple of properties. */
static uint8_t *compile_where(struct asy_program *program, const struct asy_cel_node *where)
{
    const struct asy_events *events = &program->store->events;
    uint8_t *bits = asy_pool_alloc(&program->pool, events->tuples.n + 1);
    if (bits == NULL) return NULL;
    struct asy_pool scratch;
    asy_pool_init(&scratch, program->pool.mem);
    struct tuple_row at = {.events = events};
    const struct asy_cel_row row = {.ctx = &at, .read = read_property, .scratch = &scratch};
    for (at.tuple = 0; at.tuple < events->tuples.n; at.tuple++) {
        const struct asy_cel_value value = asy_cel_eval(where, &row);
        bits[at.tuple] = asy_cel_bits(value);
    }
    asy_pool_fini(&scratch);
    return scratch.has_failed ? NULL : bits;
}

/* The weights of an event rule: made once for all rules that weigh alike. No event is older than as-of itself. */
static bool find_weights(struct asy_program *program, struct asy_term *term)
{
    const struct asy_event_rule *rule = term->event_rule;
    for (const struct asy_term *other = program->terms; other < term; other++)
        if (other->weights.n > 0 && other->event_rule->weight == rule->weight &&
            other->event_rule->weight_span == rule->weight_span && other->event_rule->weight_unit_s == rule->weight_unit_s) {
            term->weights = other->weights;
            return true;
        }
    const uint64_t oldest = (uint64_t)program->as_of_s / rule->weight_unit_s;
    return asy_weights_make(&term->weights, &program->pool, rule->weight, rule->weight_span, oldest);
}

static bool compile_event_rule(struct asy_program *program, struct asy_term *term, const struct asy_event_rule *rule,
                               uint32_t *window_cap)
{
    term->name = rule->name;
    term->event_rule = rule;
    term->p = (int32_t)rule->points_milli;
    term->lo = (int32_t)-ASY_TERM_LIMIT_MILLI;
    term->hi = (int32_t)ASY_TERM_LIMIT_MILLI;
    if (rule->has_max && rule->points_milli < 0) term->lo = (int32_t)rule->max_milli;
    else if (rule->has_max) term->hi = (int32_t)rule->max_milli;
    term->within_s = rule->within_s > 0 ? (uint64_t)rule->within_s : UINT64_MAX;
    if (rule->weight != ASY_WEIGHT_NONE && !find_weights(program, term)) return false;
    if (rule->where != NULL && (term->where_bits = compile_where(program, rule->where)) == NULL) return false;

    const bool is_plain = rule->where == NULL && rule->at_most == 0;
    if (is_plain && rule->weight == ASY_WEIGHT_NONE) {
        term->kind = rule->each ? ASY_TERM_EACH : ASY_TERM_ONCE;
        term->window = need_window(program, rule->within_s > 0 ? rule->within_s : ASY_NO_WINDOW, window_cap);
        return term->window != UINT32_MAX;
    }
    if (is_plain && rule->each && program->weigh_slot[rule->event] == 255 && program->n_weigh < 255) {
        term->kind = ASY_TERM_WEIGHED;
        term->weigh_slot = program->n_weigh;
        program->weigh_slot[rule->event] = (uint8_t)program->n_weigh++;
        return true;
    }
    term->kind = ASY_TERM_SCAN;
    return true;
}

/* -- scores --------------------------------------------------------------------------------------------------- */

static uint32_t n_terms_of(const struct asy_rules *rules)
{
    uint32_t n = 0;
    for (uint32_t s = 0; s < rules->n_scores; s++) n += rules->scores[s].n_rules + rules->scores[s].n_events;
    return n;
}

static bool compile_score(struct asy_program *program, uint32_t number, uint32_t *window_cap)
{
    const struct asy_score *score = &program->rules->scores[number];
    program->first_term[number] = program->n_terms;
    for (int half = 0; half < 2; half++) {
        const bool is_rules = score->is_rules_first == (half == 0);
        for (uint32_t i = 0; is_rules && i < score->n_rules; i++) {
            struct asy_term *term = &program->terms[program->n_terms++];
            term->score = number;
            if (!compile_rule(program, term, &score->rules[i])) return false;
        }
        for (uint32_t i = 0; !is_rules && i < score->n_events; i++) {
            struct asy_term *term = &program->terms[program->n_terms++];
            term->score = number;
            if (!compile_event_rule(program, term, &score->events[i], window_cap)) return false;
        }
    }
    program->first_term[number + 1] = program->n_terms;
    if (score->n_events == 0) return true;
    bool *named = asy_pool_alloc(&program->pool, 256 * sizeof(bool));
    if (named == NULL) return false;
    for (uint32_t i = 0; i < score->n_events; i++) named[score->events[i].event] = true;
    program->score_events[number] = named;
    return true;
}

static bool compile_weigh(struct asy_program *program)
{
    const uint32_t n = program->n_weigh + 1;
    program->weigh_table = asy_pool_alloc_n(&program->pool, n, sizeof(*program->weigh_table));
    program->weigh_len = asy_pool_alloc_n(&program->pool, n, sizeof(uint32_t));
    program->weigh_unit_s = asy_pool_alloc_n(&program->pool, n, sizeof(uint32_t));
    program->weigh_within_s = asy_pool_alloc_n(&program->pool, n, sizeof(uint32_t));
    if (program->weigh_table == NULL || program->weigh_len == NULL || program->weigh_unit_s == NULL ||
        program->weigh_within_s == NULL)
        return false;
    for (uint32_t t = 0; t < program->n_terms; t++) {
        const struct asy_term *term = &program->terms[t];
        if (term->kind != ASY_TERM_WEIGHED) continue;
        program->weigh_table[term->weigh_slot] = term->weights.factor;
        program->weigh_len[term->weigh_slot] = term->weights.n;
        program->weigh_unit_s[term->weigh_slot] = term->event_rule->weight_unit_s;
        program->weigh_within_s[term->weigh_slot] = term->within_s > UINT32_MAX ? UINT32_MAX : (uint32_t)term->within_s;
    }
    return true;
}

static bool compile_grades(struct asy_program *program)
{
    const struct asy_rules *rules = program->rules;
    program->grade_from = asy_pool_alloc_n(&program->pool, rules->n_grades + 1, sizeof(int64_t));
    program->grade_number = asy_pool_alloc(&program->pool, rules->n_grades + 1);
    if (program->grade_from == NULL || program->grade_number == NULL) return false;
    for (uint32_t g = 0; g < rules->n_grades; g++) { /* insertion: a handful of grades */
        uint32_t place = g;
        for (; place > 0 && program->grade_from[place - 1] < rules->grades[g].from_milli; place--) {
            program->grade_from[place] = program->grade_from[place - 1];
            program->grade_number[place] = program->grade_number[place - 1];
        }
        program->grade_from[place] = rules->grades[g].from_milli;
        program->grade_number[place] = (uint8_t)g;
    }
    program->n_grades = rules->n_grades;
    return true;
}

static struct asy_decision *compile_decisions(struct asy_program *program, uint32_t n, const struct asy_test *(*test_of)(
                                                                                           const struct asy_rules *, uint32_t))
{
    struct asy_decision *decisions = asy_pool_alloc_n(&program->pool, n + 1, sizeof(*decisions));
    if (decisions == NULL) return NULL;
    for (uint32_t i = 0; i < n; i++) {
        decisions[i].test = test_of(program->rules, i);
        if (decisions[i].test->when == NULL) continue;
        decisions[i].when = compile_when(program, decisions[i].test->when);
        if (decisions[i].when == NULL) return NULL;
    }
    return decisions;
}
static const struct asy_test *disqualify_test(const struct asy_rules *rules, uint32_t i) { return &rules->disqualify[i].test; }
static const struct asy_test *route_test(const struct asy_rules *rules, uint32_t i) { return &rules->routes[i].test; }
static const struct asy_test *recycle_test(const struct asy_rules *rules, uint32_t i) { return &rules->recycle[i].test; }

static uint32_t territory_of(const struct asy_rules *rules, struct asy_str text, int64_t i, double d)
{
    const uint8_t type = rules->schema.fields[rules->territory_field].type;
    for (uint32_t t = 0; t < rules->n_territories; t++)
        for (uint32_t l = 0; l < rules->territories[t].n_lines; l++)
            if (line_fits(rules, &rules->territories[t].lines[l], type, text, i, d)) return t;
    return ASY_NONE;
}

uint32_t asy_program_territory(const struct asy_program *program, uint32_t row)
{
    const struct asy_rules *rules = program->rules;
    if (rules->territory_field == ASY_NONE) return ASY_NONE;
    const struct asy_column *column = &program->store->columns[rules->territory_field];
    if (!asy_column_filled(column, row)) return ASY_NONE;
    if (column->repr == ASY_REPR_INT) return territory_of(rules, ASY_STR(""), asy_column_int(column, row), 0);
    if (column->repr == ASY_REPR_NUMBER) return territory_of(rules, ASY_STR(""), 0, asy_column_number(column, row));
    return program->territory_by_code == NULL ? ASY_NONE : program->territory_by_code[asy_column_code(column, row)];
}

static bool compile_territories(struct asy_program *program)
{
    const struct asy_rules *rules = program->rules;
    if (rules->territory_field == ASY_NONE) return true;
    const struct asy_column *column = &program->store->columns[rules->territory_field];
    if (column->repr != ASY_REPR_CODE) return true;
    const uint32_t n_codes = asy_column_n_codes(column);
    program->territory_by_code = asy_pool_alloc_n(&program->pool, n_codes, sizeof(uint32_t));
    if (program->territory_by_code == NULL) return false;
    program->territory_by_code[0] = ASY_NONE;
    for (uint32_t code = 1; code < n_codes; code++)
        program->territory_by_code[code] = territory_of(rules, asy_column_code_text(column, code), 0, 0);
    return true;
}

/* Windows and first times that conditions ask for. */
static bool compile_event_slots(struct asy_program *program, uint32_t *window_cap)
{
    for (uint32_t i = 0; i < program->slots.n; i++) {
        const struct asy_cel_input *input = &program->slots.items[i].input;
        if (input->kind == ASY_IN_EVENT_COUNT && need_window(program, input->window_s, window_cap) == UINT32_MAX) return false;
        if (input->kind == ASY_IN_EVENT_FIRST) program->needs_first = true;
    }
    return true;
}

static bool compile_all(struct asy_program *program)
{
    const struct asy_rules *rules = program->rules;
    const uint32_t n_terms = n_terms_of(rules);
    uint32_t window_cap = 0;
    program->terms = asy_pool_alloc_n(&program->pool, n_terms + 1, sizeof(*program->terms));
    program->first_term = asy_pool_alloc_n(&program->pool, rules->n_scores + 1, sizeof(uint32_t));
    program->score_events = asy_pool_alloc_n(&program->pool, rules->n_scores + 1, sizeof(bool *));
    if (program->terms == NULL || program->first_term == NULL || program->score_events == NULL) return false;
    if (need_window(program, ASY_NO_WINDOW, &window_cap) == UINT32_MAX) return false;
    for (uint32_t s = 0; s < rules->n_scores; s++)
        if (!compile_score(program, s, &window_cap)) return false;
    program->disqualify = compile_decisions(program, rules->n_disqualify, disqualify_test);
    program->routes = compile_decisions(program, rules->n_routes, route_test);
    program->recycle = compile_decisions(program, rules->n_recycle, recycle_test);
    return program->disqualify != NULL && program->routes != NULL && program->recycle != NULL && compile_weigh(program) &&
           compile_grades(program) && compile_territories(program) && compile_event_slots(program, &window_cap);
}

assay_status asy_program_init(struct asy_program *program, struct asy_mem *mem, const struct asy_rules *rules,
                              const struct asy_store *store, int64_t as_of_s, struct assay_error *error)
{
    *program = (struct asy_program){.rules = rules, .store = store, .as_of_s = as_of_s};
    asy_pool_init(&program->pool, mem);
    memset(program->weigh_slot, 255, sizeof(program->weigh_slot));
    program->slots = (struct asy_slots){.pool = &program->pool,
                                        .ctx = program,
                                        .describe = describe_slot,
                                        .code_value = slot_code_value,
                                        .now_s = as_of_s};
    if (n_terms_of(rules) > 65000) {
        asy_program_fini(program);
        return asy_fail(error, ASSAY_E_LIMIT, "%.*s: expected at most 65000 scoring rules in all, found %u",
                        ASY_ARG(rules->path), n_terms_of(rules));
    }
    if (compile_all(program)) return ASSAY_OK;
    asy_program_fini(program);
    return asy_fail(error, ASSAY_E_NOMEM, "%.*s: out of memory while compiling the rules", ASY_ARG(rules->path));
}

void asy_program_fini(struct asy_program *program)
{
    asy_pool_fini(&program->pool);
    *program = (struct asy_program){0};
}
