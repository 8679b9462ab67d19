#include "exec/program_internal.h"

#include "exec/plugins_bind.h"

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
    case ASY_IN_STAGE:
        slot->repr = ASY_SLOT_CODES;
        slot->n_codes = program->rules->n_stages + 1;
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
    if (slot->input.kind == ASY_IN_STAGE) return asy_cel_text(program->rules->stages[code - 1].name);
    const struct asy_column *column = &program->store->columns[slot->input.index];
    if (column->repr != ASY_REPR_CODE || column->field->type == ASY_BOOL)
        return (struct asy_cel_value){.type = ASY_CEL_BOOL, .b = column->repr != ASY_REPR_CODE || code == 2};
    return asy_cel_text(asy_column_code_text(column, code));
}

/* Only asked about slots with many codes. */
static uint32_t find_slot_code(void *ctx, const struct asy_slot *slot, struct asy_str text)
{
    const struct asy_program *program = ctx;
    if (slot->input.kind == ASY_IN_STAGE) {
        uint32_t stage = 0;
        while (stage < program->rules->n_stages && !asy_str_eq(program->rules->stages[stage].name, text)) stage++;
        return stage < program->rules->n_stages ? stage + 1 : 0;
    }
    return asy_column_find_code(&program->store->columns[slot->input.index], text);
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

/* A term may give that many points. */
static void may_give(struct asy_term *term, int64_t points)
{
    if (asy_points_size(points) > term->reach) term->reach = asy_points_size(points);
    term->step = asy_points_divisor(term->step, asy_points_size(points));
}

/* The few different points of many codes. */
static void find_classes(struct asy_code_table *codes)
{
    uint32_t n = 0;
    if (codes->n_codes > 256) return;
    for (uint32_t code = 0; code < codes->n_codes; code++) {
        uint32_t class = 0;
        while (class < n && codes->class_points[class] != codes->points[code]) class++;
        if (class == ASY_CLASSES) return;
        if (class == n) codes->class_points[n++] = codes->points[code];
        codes->classes[code] = (uint8_t)class;
    }
    codes->has_classes = true;
}

static bool compile_codes(struct asy_program *program, struct asy_term *term)
{
    const struct asy_column *column = &program->store->columns[term->column];
    const uint32_t n_codes = asy_column_n_codes(column);
    int32_t *points = asy_pool_alloc_n(&program->pool, n_codes, sizeof(*points));
    term->kind = ASY_TERM_CODES;
    if (points == NULL) return false;
    for (uint32_t code = 0; code < n_codes; code++) {
        points[code] = points_of(asy_rule_line(program->rules, term->rule, code != 0, asy_column_code_text(column, code), 0, 0));
        may_give(term, points[code]);
    }
    term->codes = (struct asy_code_table){.n_codes = n_codes, .points = points};
    find_classes(&term->codes);
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
/* The same bounds for a column of 4 bytes or fewer. One above all its values is never reached, whatever it gives. */
static bool compile_narrow_bounds(struct asy_program *program, struct asy_term *term)
{
    uint32_t n = 0;
    term->bounds_narrow = asy_pool_alloc_n(&program->pool, term->n_bounds, sizeof(*term->bounds_narrow));
    if (term->bounds_narrow == NULL) return false;
    const struct asy_column *column = &program->store->columns[term->column];
    if (column->repr != ASY_REPR_INT || column->width > 4) return true;
    while (n < term->n_bounds && term->bounds_i[n] <= INT32_MAX) {
        term->bounds_narrow[n] = term->bounds_i[n] <= INT32_MIN ? INT32_MIN + 1 : (int32_t)term->bounds_i[n];
        n++;
    }
    term->n_bounds = n;
    return true;
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
    may_give(term, term->start);
    for (uint32_t b = 0; b < n; b++) {
        const int32_t here = points_of(asy_rule_line(program->rules, rule, true, ASY_STR(""), term->bounds_i[b],
                                                     term->bounds_d[b]));
        if (here == before) continue;
        may_give(term, here);
        term->bounds_i[kept] = term->bounds_i[b];
        term->bounds_d[kept] = term->bounds_d[b];
        term->deltas[kept++] = here - before;
        before = here;
    }
    term->n_bounds = kept;
    return compile_narrow_bounds(program, term);
}

/* -- conditions ----------------------------------------------------------------------------------------------- */

static struct asy_cond *compile_when(struct asy_program *program, const struct asy_cel_node *node)
{
    return asy_cond_compile(&program->slots, node, &program->depth);
}

/* Nothing is known of its points but their limits. */
static void compile_plugin(const struct asy_program *program, struct asy_term *term)
{
    term->kind = ASY_TERM_NOTHING;
    if (program->n_calls == 0) return;
    const struct asy_plugin_decl *decl = program->calls[term->rule->call].decl;
    term->kind = ASY_TERM_PLUGIN;
    may_give(term, decl->points_min_milli);
    may_give(term, decl->points_max_milli);
    term->step = 1;
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
        may_give(term, term->p);
        term->when = compile_when(program, rule->when);
        return term->when != NULL;
    default: compile_plugin(program, term); return true;
    }
}

/* -- scores --------------------------------------------------------------------------------------------------- */

uint32_t asy_program_n_terms(const struct asy_rules *rules)
{
    uint32_t n = 0;
    for (uint32_t s = 0; s < rules->n_scores; s++) n += rules->scores[s].n_rules + rules->scores[s].n_events;
    return n;
}

/* The value of a `filled:` score by the number of filled items: share x 100, rounded once. */
static bool compile_filled(struct asy_program *program, uint32_t number)
{
    const struct asy_score *score = &program->rules->scores[number];
    const int64_t unit = asy_score_unit_milli(score), n_items = score->n_filled;
    int32_t *points = asy_pool_alloc_n(&program->pool, score->n_filled + 1, sizeof(*points));
    if (points == NULL) return false;
    for (int64_t n = 0; n <= n_items && n_items > 0; n++) points[n] = (int32_t)((n * 100000 * 2 + n_items * unit) / (2 * n_items * unit) * unit);
    program->shares[number] = (struct asy_code_table){.n_codes = score->n_filled + 1, .points = points};
    for (uint32_t f = 0; f < score->n_filled; f++)
        if (score->filled[f].field == ASY_NONE) program->windows[0].is_seen = true;
    for (uint32_t f = 0; f < score->n_filled; f++)
        if (score->filled[f].field == ASY_NONE && score->filled[f].event == ASY_ANY_EVENT) program->windows[0].is_any |= program->n_name_words > 1;
    return true;
}

static bool compile_score(struct asy_program *program, uint32_t number, struct asy_program_caps *caps)
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
            if (!asy_program_event_rule(program, term, &score->events[i], caps)) return false;
        }
    }
    program->first_term[number + 1] = program->n_terms;
    program->score_age[number] = ASY_NONE;
    if (score->kind == ASY_SCORE_FILLED && !compile_filled(program, number)) return false;
    return score->n_events == 0 || score->n_steps == 0 || asy_program_idle_age(program, number, caps);
}

/* Are the score's sums multiples of what it is rounded to? */
static bool is_whole(const struct asy_program *program, uint32_t number)
{
    const struct asy_score *score = &program->rules->scores[number];
    const int64_t unit = asy_score_unit_milli(score);
    if (score->kind == ASY_SCORE_FILLED) return score->n_rules == 0 && score->n_events == 0 && (!score->has_keep || (score->keep_lo_milli % unit == 0 && score->keep_hi_milli % unit == 0));
    for (uint32_t t = program->first_term[number]; t < program->first_term[number + 1]; t++)
        if (program->terms[t].step % unit != 0) return false;
    for (uint32_t p = 0; p < score->n_parts; p++)
        if (asy_score_unit_milli(&program->rules->scores[score->parts[p]]) % unit != 0) return false;
    return !score->has_keep || (score->keep_lo_milli % unit == 0 && score->keep_hi_milli % unit == 0);
}

/* What the sum of a score may come to, before it is kept within its limits. */
static uint64_t reach_of(const struct asy_program *program, uint32_t number)
{
    const struct asy_score *score = &program->rules->scores[number];
    uint64_t reach = score->kind == ASY_SCORE_FILLED ? 100000 : 0;
    for (uint32_t t = program->first_term[number]; t < program->first_term[number + 1]; t++) reach += program->terms[t].reach;
    for (uint32_t p = 0; p < score->n_parts; p++) {
        const struct asy_score *part = &program->rules->scores[score->parts[p]];
        const uint64_t lo = asy_points_size(part->keep_lo_milli), hi = asy_points_size(part->keep_hi_milli);
        reach += !part->has_keep ? ASY_TERM_LIMIT_MILLI : (lo > hi ? lo : hi) + 1000;
    }
    return reach;
}

/* How wide sums and reasons have to be. */
static bool compile_widths(struct asy_program *program)
{
    uint64_t reach = 1;
    bool is_narrow = true;
    for (uint32_t t = 0; t < program->n_terms; t++) reach = program->terms[t].reach > reach ? program->terms[t].reach : reach;
    for (uint32_t s = 0; s < program->rules->n_scores; s++) {
        program->is_whole[s] = is_whole(program, s);
        is_narrow = is_narrow && reach_of(program, s) <= INT32_MAX;
    }
    uint32_t shift = 1;
    while (program->n_terms > 1u << (shift - 1)) shift++;
    program->is_narrow = is_narrow && reach <= UINT32_MAX >> shift;
    program->key_shift = program->is_narrow ? shift : 17;
    return !program->is_narrow || asy_program_once_groups(program);
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
static const struct asy_test *stage_test(const struct asy_rules *rules, uint32_t i) { return &rules->stages[i].test; }
static const struct asy_test *route_test(const struct asy_rules *rules, uint32_t i) { return &rules->routes[i].test; }
static const struct asy_test *recycle_test(const struct asy_rules *rules, uint32_t i) { return &rules->recycle[i].test; }
static const struct asy_test *segment_test(const struct asy_rules *rules, uint32_t i) { return &rules->segments[i].test; }

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

static bool compile_all(struct asy_program *program)
{
    const struct asy_rules *rules = program->rules;
    const uint32_t n_terms = asy_program_n_terms(rules);
    struct asy_program_caps caps = {0};
    program->terms = asy_pool_alloc_n(&program->pool, n_terms + 1, sizeof(*program->terms));
    program->first_term = asy_pool_alloc_n(&program->pool, rules->n_scores + 1, sizeof(uint32_t));
    program->score_age = asy_pool_alloc_n(&program->pool, rules->n_scores + 1, sizeof(uint32_t));
    program->is_whole = asy_pool_alloc_n(&program->pool, rules->n_scores + 1, sizeof(bool));
    program->shares = asy_pool_alloc_n(&program->pool, rules->n_scores + 1, sizeof(*program->shares));
    if (program->terms == NULL || program->first_term == NULL || program->score_age == NULL || program->is_whole == NULL ||
        program->shares == NULL)
        return false;
    program->n_name_words = rules->schema.n_events <= 32 ? 1 : (rules->schema.n_events + 31) / 32;
    if (!asy_program_events_begin(program, &caps) || !asy_calls_compile(program)) return false;
    for (uint32_t s = 0; s < rules->n_scores; s++)
        if (!compile_score(program, s, &caps)) return false;
    program->disqualify = compile_decisions(program, rules->n_disqualify, disqualify_test);
    program->stages = compile_decisions(program, rules->n_stages, stage_test);
    program->routes = compile_decisions(program, rules->n_routes, route_test);
    program->recycle = compile_decisions(program, rules->n_recycle, recycle_test);
    program->segments = compile_decisions(program, rules->n_segments, segment_test);
    return program->disqualify != NULL && program->stages != NULL && program->routes != NULL && program->recycle != NULL &&
           program->segments != NULL && compile_grades(program) && compile_territories(program) &&
           asy_program_events_end(program, &caps) && compile_widths(program) && asy_calls_find_empties(program);
}

assay_status asy_program_init(struct asy_program *program, struct asy_mem *mem, const struct asy_rules *rules,
                              const struct asy_store *store, int64_t as_of_s, struct asy_plugins *plugins, struct assay_error *error)
{
    *program = (struct asy_program){.rules = rules, .store = store, .as_of_s = as_of_s, .plugins = plugins, .most_events = UINT64_MAX};
    asy_pool_init(&program->pool, mem);
    program->slots = (struct asy_slots){.pool = &program->pool,
                                        .ctx = program,
                                        .describe = describe_slot,
                                        .code_value = slot_code_value,
                                        .find_code = find_slot_code,
                                        .now_s = as_of_s};
    if (asy_program_n_terms(rules) > 65000) {
        asy_program_fini(program);
        return asy_fail(error, ASSAY_E_LIMIT, "%.*s: expected at most 65000 scoring rules in all, found %u",
                        ASY_ARG(rules->path), asy_program_n_terms(rules));
    }
    if (compile_all(program)) return ASSAY_OK;
    asy_program_fini(program);
    return asy_fail(error, ASSAY_E_NOMEM, "%.*s: out of memory while compiling the rules", ASY_ARG(rules->path));
}

void asy_program_fini(struct asy_program *program)
{
    asy_calls_fini(program);
    asy_pool_fini(&program->pool);
    *program = (struct asy_program){0};
}
