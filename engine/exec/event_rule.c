#include "exec/event_rule.h"

#include "base/check.h"
#include "base/time.h"

static int64_t period_of(uint8_t per, uint32_t time_s)
{
    switch (per) {
    case ASY_PERIOD_DAY: return time_s / ASY_DAY_S;
    case ASY_PERIOD_WEEK: return asy_iso_week(time_s);
    default: return asy_month_number(time_s);
    }
}
static int64_t limit_milli(int64_t value, int64_t lo, int64_t hi) { return value < lo ? lo : value > hi ? hi : value; }

struct asy_event_tally asy_event_rule_tally(const struct asy_program *program, const struct asy_term *term, uint32_t row)
{
    const struct asy_event_rule *rule = term->event_rule;
    const struct asy_events *events = &program->store->events;
    const uint32_t *first = asy_events_first(events), *time = asy_events_time(events);
    const uint8_t *name = asy_events_name(events);
    struct asy_event_tally tally = {0};
    int64_t period = INT64_MIN;
    uint32_t in_period = 0;
    for (uint32_t i = events->n == 0 ? 0 : first[row + 1]; i-- > (events->n == 0 ? 0 : first[row]);) {
        if (time[i] > program->as_of_s || name[i] != rule->event) continue;
        tally.n_named++;
        if (term->where_bits != NULL && term->where_bits[asy_events_prop(events, i)] != 3) continue;
        tally.n_matching++;
        const uint64_t age_s = (uint64_t)(program->as_of_s - time[i]);
        if (age_s > term->within_s) continue;
        tally.n_within++;
        if (rule->at_most > 0) {
            const int64_t its_period = period_of(rule->per, time[i]);
            in_period = its_period == period ? in_period + 1 : 1;
            period = its_period;
            if (in_period > rule->at_most) continue;
        }
        if (!rule->each && tally.n_kept > 0) continue;
        tally.n_kept++;
        tally.sum_q30 += term->weights.n > 0 ? asy_weights_at(&term->weights, age_s / rule->weight_unit_s) : 1u << 30;
        if (tally.newest_s == 0) tally.newest_s = time[i];
    }
    const asy_i128 product = (asy_i128)tally.sum_q30 * rule->points_milli;
    const asy_i128 magnitude = ((product < 0 ? -product : product) + (1 << 29)) >> 30;
    const int64_t bounded = magnitude > INT64_MAX ? INT64_MAX : (int64_t)magnitude;
    tally.uncapped_milli = product < 0 ? -bounded : bounded;
    tally.points_milli = limit_milli(tally.uncapped_milli, term->lo, term->hi);
    return tally;
}
