#include "exec/program.h"

#include "base/check.h"
#include "base/time.h"
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

static uint32_t find_slot_code(void *ctx, const struct asy_slot *slot, struct asy_str text)
{
    const struct asy_program *program = ctx;
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

static uint32_t size_of(int64_t points) { return (uint32_t)(points < 0 ? -points : points); }
static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        const uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}
/* A term may give that many points. */
static void may_give(struct asy_term *term, int64_t points)
{
    if (size_of(points) > term->reach) term->reach = size_of(points);
    term->step = common_divisor(term->step, size_of(points));
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

/* Room in arrays that grow while compiling. */
struct caps {
    uint32_t windows, ages;
};

/* -- event rules ---------------------------------------------------------------------------------------------- */

/* Number of the window of `window_s`, added if new; UINT32_MAX without memory. */
static uint32_t need_window(struct asy_program *program, int64_t window_s, struct caps *caps)
{
    for (uint32_t w = 0; w < program->n_windows; w++)
        if (program->windows[w].age_s == window_s) return w;
    if (!asy_pool_grow(&program->pool, (void **)&program->windows, &caps->windows, program->n_windows, sizeof(*program->windows)))
        return UINT32_MAX;
    program->windows[program->n_windows] = (struct asy_window){.age_s = window_s};
    memset(program->windows[program->n_windows].count_rows, 255, 256);
    return program->n_windows++;
}
/* Row of the counts of `name`, added if new. Names nobody counts have 255 until all are known. */
static uint32_t need_count(struct asy_window *window, uint32_t name)
{
    window->is_seen = true;
    if (window->count_rows[name] == 255) {
        window->count_names[window->n_counts] = (uint8_t)name;
        window->count_rows[name] = (uint8_t)window->n_counts++;
    }
    return window->count_rows[name];
}
static bool close_windows(struct asy_program *program)
{
    for (uint32_t w = 0; w < program->n_windows; w++)
        for (uint32_t name = 0; name < 256; name++)
            if (program->windows[w].count_rows[name] == 255) program->windows[w].count_rows[name] = (uint8_t)program->windows[w].n_counts;
    return true;
}

/* Number of the age of these names, added if new; UINT32_MAX without memory. */
static uint32_t need_age(struct asy_program *program, const struct asy_age *age, struct caps *caps)
{
    program->windows[0].is_seen = true;
    for (uint32_t a = 0; a < program->n_ages; a++)
        if (program->ages[a].is_first == age->is_first && memcmp(&program->ages[a].names, &age->names, sizeof(age->names)) == 0) return a;
    if (!asy_pool_grow(&program->pool, (void **)&program->ages, &caps->ages, program->n_ages, sizeof(*program->ages))) return UINT32_MAX;
    struct asy_age *added = &program->ages[program->n_ages];
    *added = *age;
    if (age->names.n_names == 1 && !age->is_first && program->n_lasts < ASY_LASTS_MAX) {
        uint32_t word = 0;
        while (age->names.words[word] == 0) word++;
        program->last_names[program->n_lasts++] = (uint8_t)(word * 32 + (uint32_t)__builtin_ctz(age->names.words[word]));
        added->last = program->n_lasts;
    }
    return program->n_ages++;
}
static void add_name(struct asy_age *age, uint32_t name)
{
    const uint32_t bit = 1u << name % 32;
    age->names.n_names += (age->names.words[name / 32] & bit) == 0;
    age->names.words[name / 32] |= bit;
}
static struct asy_age age_of(const struct asy_rules *rules, uint32_t event, bool is_first)
{
    struct asy_age age = {.is_first = is_first};
    for (uint32_t name = 0; name < rules->schema.n_events; name++)
        if (event == ASY_ANY_EVENT || name == event) add_name(&age, name);
    return age;
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

/* The most events of one lead. */
static uint64_t most_events(const struct asy_store *store)
{
    const uint32_t *first = asy_events_first(&store->events);
    uint32_t most = 0;
    for (uint32_t row = 0; store->events.n > 0 && row < store->n_leads; row++) {
        const uint32_t n = first[row + 1] - first[row];
        most = n > most ? n : most;
    }
    return most;
}
static void compile_reach(struct asy_program *program, struct asy_term *term)
{
    const struct asy_event_rule *rule = term->event_rule;
    const uint32_t p = size_of(rule->points_milli);
    const uint64_t limit = rule->points_milli < 0 ? size_of(term->lo) : size_of(term->hi);
    if (!rule->each) {
        term->reach = p < limit ? p : limit;
    } else if (limit <= ASY_POINTS_MAX_MILLI) {
        term->reach = limit;
    } else {
        if (program->most_events == UINT64_MAX) program->most_events = most_events(program->store);
        term->reach = p * program->most_events < limit ? p * program->most_events : limit;
    }
    term->step = rule->weight != ASY_WEIGHT_NONE ? 1 : common_divisor(p, (uint32_t)limit);
}

/* Points by the age of the latest event. */
static bool compile_latest(struct asy_program *program, struct asy_term *term, struct caps *caps)
{
    const struct asy_age age = age_of(program->rules, term->event_rule->event, false);
    term->kind = ASY_TERM_LATEST;
    term->row = need_age(program, &age, caps);
    term->by_days = asy_pool_alloc_n(&program->pool, term->weights.n, sizeof(*term->by_days));
    if (term->row == UINT32_MAX || term->by_days == NULL) return false;
    for (uint32_t days = 0; days < term->weights.n; days++) {
        const int64_t size = (int64_t)(((uint64_t)size_of(term->p) * term->weights.factor[days] + (1u << 29)) >> 30);
        const int64_t points = term->p < 0 ? -size : size;
        term->by_days[days] = (int32_t)(points < term->lo ? term->lo : points > term->hi ? term->hi : points);
    }
    return true;
}

static bool compile_event_rule(struct asy_program *program, struct asy_term *term, const struct asy_event_rule *rule,
                               struct caps *caps)
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

    compile_reach(program, term);
    const bool is_plain = rule->where == NULL && rule->at_most == 0;
    if (is_plain && rule->weight == ASY_WEIGHT_NONE) {
        term->window = need_window(program, rule->within_s > 0 ? rule->within_s : ASY_NO_WINDOW, caps);
        if (term->window == UINT32_MAX) return false;
        term->kind = rule->each ? ASY_TERM_EACH : ASY_TERM_ONCE;
        program->windows[term->window].is_seen = true;
        if (rule->each) term->row = need_count(&program->windows[term->window], rule->event);
        return true;
    }
    if (is_plain && rule->each && program->weigh_row[rule->event] == 255 && program->n_weigh < 254) {
        term->kind = ASY_TERM_WEIGHED;
        term->row = program->n_weigh;
        program->weigh_row[rule->event] = (uint8_t)program->n_weigh++;
        return true;
    }
    if (is_plain && !rule->each && rule->within_s == 0 && rule->weight_unit_s == ASY_DAY_S) return compile_latest(program, term, caps);
    term->kind = ASY_TERM_SCAN;
    return true;
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

static bool compile_score(struct asy_program *program, uint32_t number, struct caps *caps)
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
            if (!compile_event_rule(program, term, &score->events[i], caps)) return false;
        }
    }
    program->first_term[number + 1] = program->n_terms;
    program->score_age[number] = ASY_NONE;
    if (score->kind == ASY_SCORE_FILLED && !compile_filled(program, number)) return false;
    if (score->n_events == 0 || score->n_steps == 0) return true;
    struct asy_age idle = {0};
    for (uint32_t i = 0; i < score->n_events; i++) add_name(&idle, score->events[i].event);
    program->score_age[number] = need_age(program, &idle, caps);
    return program->score_age[number] != UINT32_MAX;
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
        const uint64_t lo = size_of(part->keep_lo_milli), hi = size_of(part->keep_hi_milli);
        reach += !part->has_keep ? ASY_TERM_LIMIT_MILLI : (lo > hi ? lo : hi) + 1000;
    }
    return reach;
}

static bool compile_groups(struct asy_program *program)
{
    program->groups = asy_pool_alloc_n(&program->pool, (size_t)program->rules->n_scores * program->n_windows, sizeof(*program->groups));
    struct asy_once *all = asy_pool_alloc_n(&program->pool, program->n_terms, sizeof(*all));
    if (program->groups == NULL || all == NULL) return false;
    for (uint32_t s = 0; s < program->rules->n_scores; s++)
        for (uint32_t w = 0; w < program->n_windows; w++) {
            struct asy_once_group *group = &program->groups[program->n_groups];
            *group = (struct asy_once_group){.score = s, .window = w, .terms = all};
            for (uint32_t t = program->first_term[s]; t < program->first_term[s + 1]; t++) {
                const struct asy_term *term = &program->terms[t];
                if (term->kind != ASY_TERM_ONCE || term->window != w) continue;
                const int32_t points = term->p < term->lo ? term->lo : term->p > term->hi ? term->hi : term->p;
                all[0] = (struct asy_once){.word = term->event_rule->event / 32, .mask = 1u << term->event_rule->event % 32, .points = points,
                                           .key = (uint32_t)asy_key(points, program->key_shift, asy_program_tag(program, t))};
                all++;
                group->n++;
            }
            program->n_groups += group->n > 0;
        }
    return true;
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
    return !program->is_narrow || compile_groups(program);
}

static bool compile_weigh(struct asy_program *program)
{
    const uint32_t n = program->n_weigh + 1;
    program->weigh_rule = asy_pool_alloc_n(&program->pool, n, sizeof(*program->weigh_rule));
    program->weigh_table = asy_pool_alloc_n(&program->pool, n, sizeof(*program->weigh_table));
    program->weigh_len = asy_pool_alloc_n(&program->pool, n, sizeof(uint32_t));
    program->weigh_unit_s = asy_pool_alloc_n(&program->pool, n, sizeof(uint32_t));
    program->weigh_within_s = asy_pool_alloc_n(&program->pool, n, sizeof(uint32_t));
    if (program->weigh_rule == NULL || program->weigh_table == NULL || program->weigh_len == NULL ||
        program->weigh_unit_s == NULL || program->weigh_within_s == NULL)
        return false;
    for (uint32_t t = 0; t < program->n_terms; t++) {
        const struct asy_term *term = &program->terms[t];
        if (term->kind != ASY_TERM_WEIGHED) continue;
        program->weigh_rule[term->row] = term->event_rule;
        program->weigh_table[term->row] = term->weights.factor;
        program->weigh_len[term->row] = term->weights.n;
        program->weigh_unit_s[term->row] = term->event_rule->weight_unit_s;
        program->weigh_within_s[term->row] = term->within_s > UINT32_MAX ? UINT32_MAX : (uint32_t)term->within_s;
    }
    program->is_weigh_alike = true;
    for (uint32_t r = 1; r < program->n_weigh; r++)
        if (program->weigh_table[r] != program->weigh_table[0] || program->weigh_within_s[r] != program->weigh_within_s[0])
            program->is_weigh_alike = false; /* one table is for one unit */
    for (uint32_t name = 0; name < 256; name++)
        if (program->weigh_row[name] == 255) program->weigh_row[name] = (uint8_t)program->n_weigh;
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

/* Counts and ages that conditions ask for. */
static bool compile_event_slots(struct asy_program *program, struct caps *caps)
{
    for (uint32_t i = 0; i < program->slots.n; i++) {
        struct asy_slot *slot = &program->slots.items[i];
        const struct asy_cel_input *input = &slot->input;
        if (input->kind == ASY_IN_EVENT_COUNT) {
            slot->window = need_window(program, input->window_s, caps);
            if (slot->window == UINT32_MAX) return false;
            if (input->index == ASY_ANY_EVENT) program->windows[slot->window].is_any = true;
            else slot->row = need_count(&program->windows[slot->window], input->index);
        } else if (input->kind == ASY_IN_EVENT_LAST || input->kind == ASY_IN_EVENT_FIRST) {
            const struct asy_age age = age_of(program->rules, input->index, input->kind == ASY_IN_EVENT_FIRST);
            slot->row = need_age(program, &age, caps);
            if (slot->row == UINT32_MAX) return false;
        }
    }
    return true;
}

static bool compile_all(struct asy_program *program)
{
    const struct asy_rules *rules = program->rules;
    const uint32_t n_terms = asy_program_n_terms(rules);
    struct caps caps = {0};
    program->terms = asy_pool_alloc_n(&program->pool, n_terms + 1, sizeof(*program->terms));
    program->first_term = asy_pool_alloc_n(&program->pool, rules->n_scores + 1, sizeof(uint32_t));
    program->score_age = asy_pool_alloc_n(&program->pool, rules->n_scores + 1, sizeof(uint32_t));
    program->is_whole = asy_pool_alloc_n(&program->pool, rules->n_scores + 1, sizeof(bool));
    program->shares = asy_pool_alloc_n(&program->pool, rules->n_scores + 1, sizeof(*program->shares));
    if (program->terms == NULL || program->first_term == NULL || program->score_age == NULL || program->is_whole == NULL ||
        program->shares == NULL)
        return false;
    program->n_name_words = rules->schema.n_events <= 32 ? 1 : (rules->schema.n_events + 31) / 32;
    if (need_window(program, ASY_NO_WINDOW, &caps) == UINT32_MAX || !asy_calls_compile(program)) return false;
    for (uint32_t s = 0; s < rules->n_scores; s++)
        if (!compile_score(program, s, &caps)) return false;
    program->disqualify = compile_decisions(program, rules->n_disqualify, disqualify_test);
    program->routes = compile_decisions(program, rules->n_routes, route_test);
    program->recycle = compile_decisions(program, rules->n_recycle, recycle_test);
    return program->disqualify != NULL && program->routes != NULL && program->recycle != NULL && compile_weigh(program) &&
           compile_grades(program) && compile_territories(program) && compile_event_slots(program, &caps) &&
           compile_widths(program) && close_windows(program) && asy_calls_find_empties(program);
}

assay_status asy_program_init(struct asy_program *program, struct asy_mem *mem, const struct asy_rules *rules,
                              const struct asy_store *store, int64_t as_of_s, struct asy_plugins *plugins, struct assay_error *error)
{
    *program = (struct asy_program){.rules = rules, .store = store, .as_of_s = as_of_s, .plugins = plugins, .most_events = UINT64_MAX};
    asy_pool_init(&program->pool, mem);
    memset(program->weigh_row, 255, sizeof(program->weigh_row));
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
