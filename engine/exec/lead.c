#include "exec/lead.h"

#include "base/check.h"
#include "base/time.h"
#include "exec/lead_verdict.h"

#include <math.h>

static struct asy_cel_value unknown_value(void) { return (struct asy_cel_value){.type = ASY_CEL_UNKNOWN}; }
static struct asy_cel_value null_value(void) { return (struct asy_cel_value){.type = ASY_CEL_NULL}; }
static struct asy_cel_value int_value(int64_t i) { return (struct asy_cel_value){.type = ASY_CEL_INT, .i = i}; }
static struct asy_cel_value bool_value(bool b) { return (struct asy_cel_value){.type = ASY_CEL_BOOL, .b = b}; }

/* Half away from zero. */
static int64_t divide_round(asy_i128 numerator, int64_t denominator)
{
    const asy_i128 magnitude = numerator < 0 ? -numerator : numerator;
    const int64_t quotient = (int64_t)((2 * magnitude + denominator) / (2 * (asy_i128)denominator));
    return numerator < 0 ? -quotient : quotient;
}

struct asy_cel_value asy_lead_field(const struct asy_store *store, uint32_t field, uint32_t row)
{
    const struct asy_column *column = &store->columns[field];
    if (!asy_column_filled(column, row)) return null_value();
    switch (column->repr) {
    case ASY_REPR_INT: return int_value(asy_column_int(column, row));
    case ASY_REPR_NUMBER: return (struct asy_cel_value){.type = ASY_CEL_DOUBLE, .d = asy_column_number(column, row)};
    case ASY_REPR_TIME: return asy_cel_time_us(asy_column_int(column, row));
    case ASY_REPR_CODE:
        if (column->field->type == ASY_BOOL) return bool_value(asy_column_code(column, row) == 2);
        return asy_cel_text(asy_column_code_text(column, asy_column_code(column, row)));
    default: return bool_value(true); /* only its presence is kept */
    }
}

/* -- events ------------------------------------------------------------------------------------------------------ */

struct seen {
    uint64_t n;
    uint32_t first_s, last_s;
};
/* Events of one name (or any) up to as_of and not older than the window. */
static struct seen look_at_events(const struct asy_program *program, uint32_t row, uint32_t name, int64_t window_s)
{
    const struct asy_events *events = &program->store->events;
    struct seen seen = {0};
    if (events->n == 0) return seen;
    for (uint32_t i = asy_events_first(events)[row]; i < asy_events_first(events)[row + 1]; i++) {
        const uint32_t time_s = asy_events_time(events)[i];
        if (time_s > program->as_of_s || (name != ASY_ANY_EVENT && asy_events_name(events)[i] != name)) continue;
        if (window_s != ASY_NO_WINDOW && program->as_of_s - time_s > window_s) continue;
        if (seen.n++ == 0) seen.first_s = time_s;
        seen.last_s = time_s;
    }
    return seen;
}

struct asy_cel_value asy_lead_read(void *ctx, const struct asy_cel_input *input)
{
    const struct asy_lead_story *story = ctx;
    const struct asy_program *program = story->program;
    const struct asy_rules *rules = program->rules;
    switch (input->kind) {
    case ASY_IN_NOW: return (struct asy_cel_value){.type = ASY_CEL_TIME, .i = program->as_of_s};
    case ASY_IN_FIELD: return asy_lead_field(program->store, input->index, story->row);
    case ASY_IN_SCORE: {
        const int64_t milli = story->scores[input->index].final_milli;
        if (story->scores[input->index].is_empty) return unknown_value();
        if (rules->scores[input->index].decimals == 0) return int_value(milli / 1000);
        return (struct asy_cel_value){.type = ASY_CEL_DOUBLE, .d = (double)milli / 1000.0};
    }
    case ASY_IN_GRADE:
        if (rules->grade_by != ASY_NONE && story->scores[rules->grade_by].is_empty) return unknown_value();
        return story->grade == 0 ? null_value() : asy_cel_text(rules->grades[story->grade - 1].name);
    case ASY_IN_DISQUALIFIED: return bool_value(story->disqualified_by != 0);
    case ASY_IN_STAGE: return story->stage == 0 ? null_value() : asy_cel_text(rules->stages[story->stage - 1].name);
    default: break;
    }
    const int64_t window_s = input->kind == ASY_IN_EVENT_COUNT ? input->window_s : ASY_NO_WINDOW;
    const struct seen seen = look_at_events(program, story->row, input->index, window_s);
    if (input->kind == ASY_IN_EVENT_COUNT) return int_value((int64_t)seen.n);
    if (seen.n == 0) return null_value();
    return int_value((program->as_of_s - (input->kind == ASY_IN_EVENT_LAST ? seen.last_s : seen.first_s)) / ASY_DAY_S);
}

/* Unknown as a whole where a score that it reads is empty. */
static struct asy_cel_value evaluate(struct asy_lead_story *story, const struct asy_cel_node *node, const struct asy_reads *reads)
{
    uint32_t score;
    if (asy_story_lacks(story, reads, &score)) return unknown_value();
    const struct asy_cel_row row = {.ctx = story, .read = asy_lead_read, .scratch = story->pool};
    return asy_cel_eval(node, &row);
}

/* -- scores ------------------------------------------------------------------------------------------------------ */

static void tell_term(struct asy_lead_story *story, uint32_t number)
{
    const struct asy_program *program = story->program;
    const struct asy_term *term = &program->terms[number];
    struct asy_term_story *told = &story->terms[number];
    if (term->event_rule != NULL) {
        told->tally = asy_event_rule_tally(program, term, story->row);
        told->points_milli = told->tally.points_milli;
    } else if (term->rule->kind == ASY_RULE_WHEN) {
        told->when = evaluate(story, term->rule->when, &term->reads);
        told->points_milli = asy_cel_is_true(told->when) ? term->rule->points_milli : 0;
    } else if (term->rule->kind == ASY_RULE_PLUGIN) {
        asy_story_verdict(story, term->rule->call, &told->verdict);
        told->points_milli = told->verdict.points_milli;
        story->scores[term->score].is_empty |= told->verdict.is_empty && program->n_calls > 0;
    } else if (term->rule->kind == ASY_RULE_TABLE) {
        const struct asy_cel_value value = asy_lead_field(program->store, term->rule->field, story->row);
        const struct asy_str text = value.type == ASY_CEL_STRING ? value.s
                                    : value.type == ASY_CEL_BOOL ? (value.b ? ASY_STR("true") : ASY_STR("false"))
                                                                 : ASY_STR("");
        told->is_filled = value.type != ASY_CEL_NULL;
        told->line = asy_rule_line(program->rules, term->rule, told->is_filled, text,
                                   value.type == ASY_CEL_INT ? value.i : 0, value.type == ASY_CEL_DOUBLE ? value.d : 0);
        told->points_milli = told->line == NULL ? 0 : told->line->points_milli;
    }
}

static int64_t tell_filled(struct asy_lead_story *story, const struct asy_score *score, struct asy_score_story *told,
                           int64_t unit)
{
    for (uint32_t f = 0; f < score->n_filled; f++) {
        const struct asy_filled_item *item = &score->filled[f];
        if (item->field != ASY_NONE) told->n_filled += asy_column_filled(&story->program->store->columns[item->field], story->row);
        else told->n_filled += look_at_events(story->program, story->row, item->event, ASY_NO_WINDOW).n > 0;
    }
    return divide_round((asy_i128)told->n_filled * 100000, score->n_filled * unit) * unit;
}

static void tell_idle(struct asy_lead_story *story, const struct asy_score *score, struct asy_score_story *told)
{
    uint32_t last_s = 0;
    for (uint32_t e = 0; e < score->n_events; e++) {
        const struct seen seen = look_at_events(story->program, story->row, score->events[e].event, ASY_NO_WINDOW);
        if (seen.last_s > last_s) last_s = seen.last_s;
        told->is_active |= seen.n > 0; /* an event may be as old as time */
    }
    if (!told->is_active) return;
    told->idle_days = (uint32_t)((story->program->as_of_s - last_s) / ASY_DAY_S);
    for (uint32_t s = 0; s < score->n_steps; s++)
        if (told->idle_days >= score->steps[s].days) told->share_off = score->steps[s].share;
}

static void tell_score(struct asy_lead_story *story, uint32_t number)
{
    const struct asy_program *program = story->program;
    const struct asy_score *score = &program->rules->scores[number];
    struct asy_score_story *told = &story->scores[number];
    const int64_t unit = asy_score_unit_milli(score);
    if (score->kind == ASY_SCORE_FILLED) told->sum_milli = tell_filled(story, score, told, unit);
    for (uint32_t p = 0; p < score->n_parts; p++) told->sum_milli += story->scores[score->parts[p]].final_milli;
    for (uint32_t t = program->first_term[number]; t < program->first_term[number + 1]; t++) {
        tell_term(story, t);
        told->sum_milli += story->terms[t].points_milli;
    }
    const int64_t lo = score->has_keep ? score->keep_lo_milli : -ASY_TERM_LIMIT_MILLI;
    const int64_t hi = score->has_keep ? score->keep_hi_milli : ASY_TERM_LIMIT_MILLI;
    told->kept_milli = told->sum_milli < lo ? lo : told->sum_milli > hi ? hi : told->sum_milli;
    tell_idle(story, score, told);
    const asy_i128 left = (asy_i128)told->kept_milli * (ASY_SHARE_ONE - (int64_t)told->share_off);
    told->decayed_milli = divide_round(left, ASY_SHARE_ONE);
    told->final_milli = divide_round(left, ASY_SHARE_ONE * unit) * unit;
    uint32_t lacking;
    told->is_empty |= asy_story_lacks(story, &program->score_reads[number], &lacking);
    if (told->is_empty) told->final_milli = 0;
}

static uint32_t tell_grade(const struct asy_lead_story *story)
{
    const struct asy_rules *rules = story->program->rules;
    uint32_t best = 0;
    if (rules->n_grades > 0 && story->scores[rules->grade_by].is_empty) return 0;
    for (uint32_t g = 0; g < rules->n_grades; g++) {
        if (rules->grades[g].from_milli > story->scores[rules->grade_by].final_milli) continue;
        if (best == 0 || rules->grades[g].from_milli > rules->grades[best - 1].from_milli) best = g + 1;
    }
    return best;
}

/* -- decisions --------------------------------------------------------------------------------------------------- */

static struct asy_cel_value tell_plugin(struct asy_lead_story *story, uint32_t call, struct asy_verdict_story *verdict)
{
    asy_story_verdict(story, call, verdict);
    return verdict->is_empty ? unknown_value() : bool_value(verdict->reason != NULL);
}

static uint32_t tell_decisions(struct asy_lead_story *story, const struct asy_decision *decisions, uint32_t n,
                               struct asy_cel_value *values, struct asy_verdict_story *verdicts)
{
    uint32_t chosen = 0;
    for (uint32_t d = 0; d < n; d++) {
        const struct asy_test *test = decisions[d].test;
        values[d] = test->is_otherwise       ? bool_value(true)
                    : test->call != ASY_NONE ? tell_plugin(story, test->call, &verdicts[d])
                                             : evaluate(story, test->when, &decisions[d].reads);
        if (chosen == 0 && asy_cel_is_true(values[d])) chosen = d + 1;
    }
    return chosen;
}

/* 1 + number of the last that is true. */
static uint32_t tell_stage(struct asy_lead_story *story)
{
    uint32_t last = 0;
    for (uint32_t s = 0; s < story->program->rules->n_stages; s++) {
        const struct asy_decision *stage = &story->program->stages[s];
        story->stages[s] = stage->test->is_otherwise ? bool_value(true) : evaluate(story, stage->test->when, &stage->reads);
        if (asy_cel_is_true(story->stages[s])) last = s + 1;
    }
    return last;
}

/* Room for what `n` decisions say. */
static bool make_decisions(struct asy_pool *pool, uint32_t n, struct asy_cel_value **values, struct asy_verdict_story **verdicts)
{
    *values = asy_pool_alloc_n(pool, (size_t)n + 1, sizeof(**values));
    *verdicts = asy_pool_alloc_n(pool, (size_t)n + 1, sizeof(**verdicts));
    return *values != NULL && *verdicts != NULL;
}

bool asy_lead_tell(struct asy_lead_story *story, const struct asy_program *program, uint32_t row, struct asy_pool *pool)
{
    const struct asy_rules *rules = program->rules;
    *story = (struct asy_lead_story){.program = program, .row = row, .n_scores = rules->n_scores, .pool = pool};
    story->terms = asy_pool_alloc_n(pool, (size_t)program->n_terms + 1, sizeof(*story->terms));
    story->scores = asy_pool_alloc_n(pool, (size_t)rules->n_scores + 1, sizeof(*story->scores));
    story->stages = asy_pool_alloc_n(pool, (size_t)rules->n_stages + 1, sizeof(*story->stages));
    struct asy_verdict_story *no_verdicts;
    if (story->terms == NULL || story->scores == NULL || story->stages == NULL ||
        !make_decisions(pool, rules->n_disqualify, &story->disqualify, &story->disqualify_verdicts) ||
        !make_decisions(pool, rules->n_routes, &story->routes, &story->route_verdicts) ||
        !make_decisions(pool, rules->n_recycle, &story->recycle, &story->recycle_verdicts) ||
        !make_decisions(pool, rules->n_segments, &story->segments, &no_verdicts))
        return false;
    for (uint32_t s = 0; s < rules->n_scores; s++) tell_score(story, s);
    story->grade = tell_grade(story);
    story->disqualified_by = tell_decisions(story, program->disqualify, rules->n_disqualify, story->disqualify,
                                            story->disqualify_verdicts);
    story->stage = tell_stage(story);
    story->route = tell_decisions(story, program->routes, rules->n_routes, story->routes, story->route_verdicts);
    story->recycled = tell_decisions(story, program->recycle, rules->n_recycle, story->recycle, story->recycle_verdicts);
    story->segment = tell_decisions(story, program->segments, rules->n_segments, story->segments, no_verdicts);
    return !pool->has_failed; /* text of a condition may be missing */
}
