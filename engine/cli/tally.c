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
        !make_section(&sections[ASY_TALLY_ROUTES], pool, "Route", "routes", rules->n_routes + 1) ||
        !make_section(&sections[ASY_TALLY_RECYCLED], pool, "Recycled by", "recycled_by", rules->n_recycle))
        return false;
    for (uint32_t i = 0; i < rules->n_grades; i++) sections[ASY_TALLY_GRADES].items[i].name = rules->grades[i].name;
    sections[ASY_TALLY_GRADES].items[rules->n_grades] = (struct asy_tally){.name = ASY_STR("disqualified"), .is_special = true};
    sections[ASY_TALLY_GRADES].items[rules->n_grades + 1] = (struct asy_tally){.name = ASY_STR("(no grade)"), .is_special = true};
    for (uint32_t i = 0; i < rules->n_disqualify; i++) sections[ASY_TALLY_DISQUALIFIED].items[i].name = rules->disqualify[i].name;
    for (uint32_t i = 0; i < rules->n_routes; i++) sections[ASY_TALLY_ROUTES].items[i].name = rules->routes[i].name;
    sections[ASY_TALLY_ROUTES].items[rules->n_routes] = (struct asy_tally){.name = ASY_STR("(no route)"), .is_special = true};
    for (uint32_t i = 0; i < rules->n_recycle; i++) sections[ASY_TALLY_RECYCLED].items[i].name = rules->recycle[i].name;
    for (uint32_t row = 0; row < results->n_leads; row++) {
        const uint32_t disqualified = results->disqualified_by[row], grade = results->grade[row], route = results->route[row];
        const uint32_t shown = disqualified ? rules->n_grades : grade ? grade - 1 : rules->n_grades + 1;
        sections[ASY_TALLY_GRADES].items[shown].n++;
        if (disqualified) sections[ASY_TALLY_DISQUALIFIED].items[disqualified - 1].n++;
        sections[ASY_TALLY_ROUTES].items[route ? route - 1 : rules->n_routes].n++;
        if (results->recycle[row]) sections[ASY_TALLY_RECYCLED].items[results->recycle[row] - 1].n++;
    }
    return true;
}

struct asy_undecided *asy_tally_undecided(const struct assay *session, struct asy_pool *pool, uint32_t *n)
{
    const struct asy_rules *rules = &session->rules;
    const struct asy_results *results = &session->results;
    const size_t at_most = (size_t)session->program.n_terms + rules->n_disqualify + rules->n_routes + rules->n_recycle + 1;
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
    for (uint32_t i = 0; i < rules->n_routes; i++)
        if (results->unknown_routes[i] > 0)
            *at++ = (struct asy_undecided){ASY_STR("routes"), rules->routes[i].name, rules->routes[i].test.when,
                                           results->unknown_routes[i]};
    for (uint32_t i = 0; i < rules->n_recycle; i++)
        if (results->unknown_recycle[i] > 0)
            *at++ = (struct asy_undecided){ASY_STR("recycle"), rules->recycle[i].name, rules->recycle[i].test.when,
                                           results->unknown_recycle[i]};
    *n = (uint32_t)(at - all);
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
