#include "exec/program_internal.h"

#include "base/time.h"

/* -- windows and ages ----------------------------------------------------------------------------------------- */

/* Number of the window of `window_s`, added if new; UINT32_MAX without memory. */
static uint32_t need_window(struct asy_program *program, int64_t window_s, struct asy_program_caps *caps)
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

/* Number of the age of these names, added if new; UINT32_MAX without memory. */
static uint32_t need_age(struct asy_program *program, const struct asy_age *age, struct asy_program_caps *caps)
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

bool asy_program_events_begin(struct asy_program *program, struct asy_program_caps *caps)
{
    memset(program->weigh_row, 255, sizeof(program->weigh_row));
    return need_window(program, ASY_NO_WINDOW, caps) != UINT32_MAX;
}

bool asy_program_idle_age(struct asy_program *program, uint32_t number, struct asy_program_caps *caps)
{
    const struct asy_score *score = &program->rules->scores[number];
    struct asy_age idle = {0};
    for (uint32_t i = 0; i < score->n_events; i++) add_name(&idle, score->events[i].event);
    program->score_age[number] = need_age(program, &idle, caps);
    return program->score_age[number] != UINT32_MAX;
}

/* -- event rules ---------------------------------------------------------------------------------------------- */

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
    const uint32_t p = asy_points_size(rule->points_milli);
    const uint64_t limit = rule->points_milli < 0 ? asy_points_size(term->lo) : asy_points_size(term->hi);
    if (!rule->each) {
        term->reach = p < limit ? p : limit;
    } else if (limit <= ASY_POINTS_MAX_MILLI) {
        term->reach = limit;
    } else {
        if (program->most_events == UINT64_MAX) program->most_events = most_events(program->store);
        term->reach = p * program->most_events < limit ? p * program->most_events : limit;
    }
    term->step = rule->weight != ASY_WEIGHT_NONE ? 1 : asy_points_divisor(p, (uint32_t)limit);
}

/* Points by the age of the latest event. */
static bool compile_latest(struct asy_program *program, struct asy_term *term, struct asy_program_caps *caps)
{
    const struct asy_age age = age_of(program->rules, term->event_rule->event, false);
    term->kind = ASY_TERM_LATEST;
    term->row = need_age(program, &age, caps);
    term->by_days = asy_pool_alloc_n(&program->pool, term->weights.n, sizeof(*term->by_days));
    if (term->row == UINT32_MAX || term->by_days == NULL) return false;
    for (uint32_t days = 0; days < term->weights.n; days++) {
        const int64_t size = (int64_t)(((uint64_t)asy_points_size(term->p) * term->weights.factor[days] + (1u << 29)) >> 30);
        const int64_t points = term->p < 0 ? -size : size;
        term->by_days[days] = (int32_t)(points < term->lo ? term->lo : points > term->hi ? term->hi : points);
    }
    return true;
}

bool asy_program_event_rule(struct asy_program *program, struct asy_term *term, const struct asy_event_rule *rule,
                            struct asy_program_caps *caps)
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

/* -- when all rules are known ---------------------------------------------------------------------------------- */

/* Counts and ages that conditions ask for. */
static bool compile_event_slots(struct asy_program *program, struct asy_program_caps *caps)
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

static void close_windows(struct asy_program *program)
{
    for (uint32_t w = 0; w < program->n_windows; w++)
        for (uint32_t name = 0; name < 256; name++)
            if (program->windows[w].count_rows[name] == 255) program->windows[w].count_rows[name] = (uint8_t)program->windows[w].n_counts;
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

bool asy_program_events_end(struct asy_program *program, struct asy_program_caps *caps)
{
    if (!compile_event_slots(program, caps) || !compile_weigh(program)) return false;
    close_windows(program);
    return true;
}

bool asy_program_once_groups(struct asy_program *program)
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
