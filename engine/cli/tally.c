#include "cli/tally.h"

static bool make_section(struct asy_tally_section *section, struct asy_pool *pool, const char *title, const char *key, uint32_t n)
{
    *section = (struct asy_tally_section){.title = title, .key = key, .n = n};
    section->items = asy_pool_alloc_n(pool, (size_t)n + 1, sizeof(*section->items));
    return section->items != NULL;
}

bool asy_tally_leads(const struct assay *session, struct asy_pool *pool, struct asy_tally_section *sections)
{
    const struct asy_rules *rules = &session->rules;
    const struct asy_results *results = &session->results;
    if (!make_section(&sections[ASY_TALLY_GRADES], pool, "Grade", "grades", rules->n_grades + 2) ||
        !make_section(&sections[ASY_TALLY_DISQUALIFIED], pool, "Disqualified by (first reason)", "disqualified_by", rules->n_disqualify) ||
        !make_section(&sections[ASY_TALLY_STAGES], pool, "Stage", "stages", rules->n_stages > 0 ? rules->n_stages + 1 : 0) ||
        !make_section(&sections[ASY_TALLY_ROUTES], pool, "Route", "routes", rules->n_routes + 1) ||
        !make_section(&sections[ASY_TALLY_RECYCLED], pool, "Recycled by", "recycled_by", rules->n_recycle) ||
        !make_section(&sections[ASY_TALLY_SEGMENTS], pool, "Nurture segment", "nurture", rules->n_segments))
        return false;
    for (uint32_t i = 0; i < rules->n_grades; i++) sections[ASY_TALLY_GRADES].items[i].name = rules->grades[i].name;
    sections[ASY_TALLY_GRADES].items[rules->n_grades] = (struct asy_tally){.name = ASY_STR("disqualified"), .is_special = true};
    sections[ASY_TALLY_GRADES].items[rules->n_grades + 1] = (struct asy_tally){.name = ASY_STR("(no grade)"), .is_special = true};
    for (uint32_t i = 0; i < rules->n_disqualify; i++) sections[ASY_TALLY_DISQUALIFIED].items[i].name = rules->disqualify[i].name;
    for (uint32_t i = 0; i < rules->n_stages; i++) sections[ASY_TALLY_STAGES].items[i].name = rules->stages[i].name;
    sections[ASY_TALLY_STAGES].items[rules->n_stages] = (struct asy_tally){.name = ASY_STR("(no stage)"), .is_special = true};
    for (uint32_t i = 0; i < rules->n_routes; i++) sections[ASY_TALLY_ROUTES].items[i].name = rules->routes[i].name;
    sections[ASY_TALLY_ROUTES].items[rules->n_routes] = (struct asy_tally){.name = ASY_STR("(no route)"), .is_special = true};
    for (uint32_t i = 0; i < rules->n_recycle; i++) sections[ASY_TALLY_RECYCLED].items[i].name = rules->recycle[i].name;
    for (uint32_t i = 0; i < rules->n_segments; i++) sections[ASY_TALLY_SEGMENTS].items[i].name = rules->segments[i].name;
    for (uint32_t row = 0; row < results->n_leads; row++) {
        const uint32_t disqualified = results->disqualified_by[row], grade = results->grade[row], route = results->route[row];
        const uint32_t shown = disqualified ? rules->n_grades : grade ? grade - 1 : rules->n_grades + 1;
        sections[ASY_TALLY_GRADES].items[shown].n++;
        if (disqualified) sections[ASY_TALLY_DISQUALIFIED].items[disqualified - 1].n++;
        sections[ASY_TALLY_ROUTES].items[route ? route - 1 : rules->n_routes].n++;
        if (results->recycle[row]) sections[ASY_TALLY_RECYCLED].items[results->recycle[row] - 1].n++;
        if (results->stage != NULL) sections[ASY_TALLY_STAGES].items[results->stage[row] ? results->stage[row] - 1u : rules->n_stages].n++;
        if (results->segment != NULL && results->segment[row]) sections[ASY_TALLY_SEGMENTS].items[results->segment[row] - 1].n++;
    }
    return true;
}

struct asy_undecided *asy_tally_undecided(const struct assay *session, struct asy_pool *pool, uint32_t *n)
{
    const struct asy_rules *rules = &session->rules;
    const struct asy_results *results = &session->results;
    const size_t at_most = (size_t)session->program.n_terms + rules->n_disqualify + rules->n_stages + rules->n_routes +
                           rules->n_recycle + rules->n_segments + 1;
    struct asy_undecided *all = asy_pool_alloc_n(pool, at_most, sizeof(*all)), *at = all;
    *n = 0;
    if (all == NULL) return NULL;
    for (uint32_t t = 0; t < session->program.n_terms; t++) {
        const struct asy_term *term = &session->program.terms[t];
        if (results->unknown_terms[t] == 0) continue;
        const struct asy_str place = asy_pool_printf(pool, "score.%.*s", ASY_ARG(rules->scores[term->score].name));
        *at++ = (struct asy_undecided){place, term->name, term->rule->when, results->unknown_terms[t]};
    }
    for (uint32_t i = 0; i < rules->n_disqualify; i++)
        if (results->unknown_disqualify[i] > 0)
            *at++ = (struct asy_undecided){ASY_STR("disqualify"), rules->disqualify[i].name, rules->disqualify[i].test.when,
                                           results->unknown_disqualify[i]};
    for (uint32_t i = 0; i < rules->n_stages; i++)
        if (results->unknown_stages[i] > 0)
            *at++ = (struct asy_undecided){ASY_STR("lifecycle"), rules->stages[i].name, rules->stages[i].test.when,
                                           results->unknown_stages[i]};
    for (uint32_t i = 0; i < rules->n_routes; i++)
        if (results->unknown_routes[i] > 0)
            *at++ = (struct asy_undecided){ASY_STR("routes"), rules->routes[i].name, rules->routes[i].test.when,
                                           results->unknown_routes[i]};
    for (uint32_t i = 0; i < rules->n_recycle; i++)
        if (results->unknown_recycle[i] > 0)
            *at++ = (struct asy_undecided){ASY_STR("recycle"), rules->recycle[i].name, rules->recycle[i].test.when,
                                           results->unknown_recycle[i]};
    for (uint32_t i = 0; i < rules->n_segments; i++)
        if (results->unknown_segments[i] > 0)
            *at++ = (struct asy_undecided){ASY_STR("nurture"), rules->segments[i].name, rules->segments[i].test.when,
                                           results->unknown_segments[i]};
    *n = (uint32_t)(at - all);
    return all;
}

struct asy_lacking *asy_tally_lacking(const struct assay *session, struct asy_pool *pool, uint32_t *n)
{
    const struct asy_rules *rules = &session->rules;
    const struct asy_results *results = &session->results;
    uint32_t n_all = 0, n_kept = 0;
    *n = 0;
    uint32_t *first = asy_pool_alloc_n(pool, (size_t)rules->n_stages + 1, sizeof(*first));
    for (uint32_t s = 0; first != NULL && s < rules->n_stages; s++) first[s + 1] = n_all += rules->stages[s].n_require;
    struct asy_lacking *all = asy_pool_alloc_n(pool, (size_t)n_all + 1, sizeof(*all));
    if (first == NULL || all == NULL) return NULL;
    for (uint32_t s = 0; s < rules->n_stages; s++)
        for (uint32_t i = 0; i < rules->stages[s].n_require; i++)
            all[first[s] + i] = (struct asy_lacking){.stage = s, .field = rules->stages[s].require[i]};
    for (uint32_t row = 0; n_all > 0 && row < results->n_leads; row++) {
        const uint32_t stage = results->stage[row];
        for (uint32_t i = stage == 0 ? 0 : first[stage - 1]; stage != 0 && i < first[stage]; i++)
            all[i].n += !asy_column_filled(&session->store.columns[all[i].field], row);
    }
    for (uint32_t i = 0; i < n_all; i++)
        if (all[i].n > 0) all[n_kept++] = all[i];
    *n = n_kept;
    return all;
}

/* Names of the inputs that may be empty, each once. */
struct reads {
    const struct asy_rules *rules;
    struct asy_pool *pool;
    struct asy_str text;
    struct asy_cel_input listed[16];
    uint32_t n_listed;
};
static void add_read(void *ctx, const struct asy_cel_node *node)
{
    struct reads *reads = ctx;
    const struct asy_cel_input *input = &node->input;
    struct asy_str name;
    const char *before = "";
    if (node->op != ASY_CEL_INPUT) return;
    if (input->kind == ASY_IN_FIELD) {
        name = reads->rules->schema.fields[input->index].name;
    } else if (input->kind == ASY_IN_EVENT_LAST || input->kind == ASY_IN_EVENT_FIRST) {
        before = "events.";
        name = input->index == ASY_ANY_EVENT ? ASY_STR("any") : reads->rules->schema.events[input->index].name;
    } else {
        return;
    }
    for (uint32_t i = 0; i < reads->n_listed; i++)
        if (reads->listed[i].kind == input->kind && reads->listed[i].index == input->index) return;
    if (reads->n_listed == 16) return;
    reads->listed[reads->n_listed++] = *input;
    reads->text = asy_pool_printf(reads->pool, "%.*s%s%s%.*s", ASY_ARG(reads->text), reads->n_listed > 1 ? ", " : "", before,
                                  ASY_ARG(name));
}
struct asy_str asy_tally_reads(const struct asy_rules *rules, const struct asy_cel_node *when, struct asy_pool *pool)
{
    struct reads reads = {.rules = rules, .pool = pool, .text = ASY_STR("")};
    if (when != NULL) asy_cel_walk(when, add_read, &reads);
    return reads.text;
}
