#include "exec/assign.h"

#include <stdlib.h>

/* One lead to deal. */
struct hand {
    uint32_t team, roster;
    int32_t score_milli;
    uint32_t row;
};

struct dealer {
    const struct asy_program *program;
    struct asy_results *results;
    struct asy_state *state;
    struct hand *hands;
    size_t n, cap;
};

struct asy_str asy_roster_name(const struct asy_rules *rules, uint32_t roster)
{
    return roster < rules->n_territories ? rules->territories[roster].name : ASY_STR("anywhere");
}

uint32_t asy_assign_roster(const struct asy_program *program, const struct asy_team *team, uint32_t row)
{
    const struct asy_rules *rules = program->rules;
    uint32_t roster = ASY_NONE;
    if (program->territory_by_code != NULL)
        roster = program->territory_by_code[asy_column_code(&program->store->columns[rules->territory_field], row)];
    if (roster != ASY_NONE && team->rosters[roster].n > 0) return roster;
    return team->rosters[rules->n_territories].n > 0 ? rules->n_territories : ASY_NONE;
}

struct asy_str asy_current_owner(const struct asy_program *program, const struct asy_state *state, uint32_t row)
{
    if (program->rules->owner_field != ASY_NONE) {
        const struct asy_column *column = &program->store->columns[program->rules->owner_field];
        const uint32_t code = column->repr == ASY_REPR_CODE ? asy_column_code(column, row) : 0;
        if (code != 0) return asy_column_code_text(column, code);
    }
    const struct asy_routed *known = asy_state_lead(state, asy_keys_text(&program->store->keys, row));
    return known == NULL ? ASY_STR("") : asy_dict_text(&state->owners, known->owner);
}

struct asy_str asy_list_owner(const struct asy_program *program, uint32_t list, uint32_t field, uint32_t row)
{
    const struct asy_list *names = &program->rules->lists[list];
    const struct asy_column *column = &program->store->columns[field];
    const uint32_t code = asy_column_code(column, row);
    if (code == 0 || names->owners == NULL) return ASY_STR("");
    const struct asy_str text = asy_column_code_text(column, code);
    uint32_t lo = 0, hi = names->set.n;
    while (lo < hi) {
        const uint32_t middle = lo + (hi - lo) / 2;
        if (asy_str_cmp(names->set.items[middle], text) < 0) lo = middle + 1;
        else hi = middle;
    }
    return lo < names->set.n && asy_str_eq(names->set.items[lo], text) ? names->owners[lo] : ASY_STR("");
}

bool asy_assign_keeps(const struct asy_program *program, const struct asy_team *team, struct asy_str owner)
{
    for (uint32_t r = 0; owner.len > 0 && r <= program->rules->n_territories; r++)
        for (uint32_t m = 0; m < team->rosters[r].n; m++)
            if (asy_str_eq(team->rosters[r].members[m], owner)) return true;
    return false;
}

static assay_status give(struct dealer *dealer, uint32_t row, struct asy_str owner)
{
    return asy_dict_intern(&dealer->results->owners, owner, &dealer->results->owner[row]);
}

/* Look-ups are answered at once; round robin leads become hands. */
static assay_status sort_out(struct dealer *dealer, uint32_t row)
{
    const struct asy_program *program = dealer->program;
    const struct asy_rules *rules = program->rules;
    struct asy_results *results = dealer->results;
    if (results->route[row] == 0) return ASSAY_OK;
    const struct asy_route *route = &rules->routes[results->route[row] - 1];
    if (route->assign == ASY_ASSIGN_NOBODY) return ASSAY_OK;
    if (route->assign == ASY_ASSIGN_ROUND_ROBIN) {
        const struct asy_team *team = &rules->teams[route->team];
        const struct asy_str current = asy_current_owner(program, dealer->state, row);
        if (asy_assign_keeps(program, team, current)) return give(dealer, row, current);
        const uint32_t roster = asy_assign_roster(program, team, row);
        if (roster == ASY_NONE) {
            results->n_no_member++;
            return ASSAY_OK;
        }
        if (!asy_mem_grow(results->mem, (void **)&dealer->hands, &dealer->cap, dealer->n, sizeof(*dealer->hands)))
            return ASSAY_E_NOMEM;
        const uint32_t by = rules->grade_by != ASY_NONE ? rules->grade_by : rules->n_scores - 1;
        dealer->hands[dealer->n++] = (struct hand){route->team, roster, results->score_milli[by][row], row};
        return ASSAY_OK;
    }
    const struct asy_str owner = route->assign == ASY_ASSIGN_EXISTING
                                     ? asy_current_owner(program, dealer->state, row)
                                     : asy_list_owner(program, route->list, route->list_field, row);
    if (owner.len == 0) results->n_no_owner++;
    return give(dealer, row, owner);
}

static int compare_hands(const void *pa, const void *pb, void *ctx)
{
    const struct hand *a = pa, *b = pb;
    const struct asy_keys *keys = ctx;
    if (a->team != b->team) return a->team < b->team ? -1 : 1;
    if (a->roster != b->roster) return a->roster < b->roster ? -1 : 1;
    if (a->score_milli != b->score_milli) return a->score_milli > b->score_milli ? -1 : 1;
    return asy_str_cmp(asy_keys_text(keys, a->row), asy_keys_text(keys, b->row));
}

/* Who is next: the member after the one who got the last lead, or, if he has left, whoever now has his place. */
static uint32_t first_turn(const struct asy_roster *roster, const struct asy_cursor *cursor)
{
    if (cursor == NULL) return 0;
    for (uint32_t m = 0; m < roster->n; m++)
        if (asy_str_eq(roster->members[m], cursor->last)) return (m + 1) % roster->n;
    return cursor->place % roster->n;
}

static assay_status deal(struct dealer *dealer)
{
    const struct asy_rules *rules = dealer->program->rules;
    if (dealer->n == 0) return ASSAY_OK; /* and `hands` is NULL, which qsort_r must not be given */
    qsort_r(dealer->hands, dealer->n, sizeof(*dealer->hands), compare_hands, (void *)&dealer->program->store->keys);
    for (size_t at = 0; at < dealer->n;) {
        const struct hand *hand = &dealer->hands[at];
        const struct asy_team *team = &rules->teams[hand->team];
        const struct asy_roster *roster = &team->rosters[hand->roster];
        const struct asy_str name = asy_roster_name(rules, hand->roster);
        uint32_t turn = first_turn(roster, asy_state_cursor(dealer->state, team->name, name));
        uint32_t last = turn;
        for (; at < dealer->n && dealer->hands[at].team == hand->team && dealer->hands[at].roster == hand->roster; at++) {
            const assay_status status = give(dealer, dealer->hands[at].row, roster->members[turn]);
            if (status != ASSAY_OK) return status;
            last = turn;
            turn = turn + 1 == roster->n ? 0 : turn + 1;
        }
        const assay_status status = asy_state_set_cursor(dealer->state, team->name, name, roster->members[last], last);
        if (status != ASSAY_OK) return status;
    }
    return ASSAY_OK;
}

/* Times of first routing, and what the next run has to know. */
static assay_status remember(struct dealer *dealer)
{
    const struct asy_program *program = dealer->program;
    struct asy_results *results = dealer->results;
    for (uint32_t row = 0; row < results->n_leads; row++) {
        if (results->route[row] == 0) continue;
        const struct asy_route *route = &program->rules->routes[results->route[row] - 1];
        if (route->assign == ASY_ASSIGN_NOBODY && route->respond_within_s == 0) continue;
        const struct asy_str id = asy_keys_text(&program->store->keys, row);
        const struct asy_routed *known = asy_state_lead(dealer->state, id);
        results->routed_at_s[row] = known == NULL ? (uint32_t)program->as_of_s : known->routed_at_s;
        if (!dealer->state->is_kept) continue;
        const assay_status status = asy_state_set_lead(dealer->state, id, results->routed_at_s[row],
                                                       asy_dict_text(&results->owners, results->owner[row]));
        if (status != ASSAY_OK) return status;
    }
    return ASSAY_OK;
}

assay_status asy_assign(const struct asy_program *program, struct asy_results *results, struct asy_state *state,
                        struct assay_error *error)
{
    struct dealer dealer = {.program = program, .results = results, .state = state};
    assay_status status = ASSAY_OK;
    for (uint32_t row = 0; row < results->n_leads && status == ASSAY_OK; row++) status = sort_out(&dealer, row);
    if (status == ASSAY_OK) status = deal(&dealer);
    if (status == ASSAY_OK) status = remember(&dealer);
    asy_mem_free(results->mem, dealer.hands, dealer.cap * sizeof(*dealer.hands));
    if (status == ASSAY_OK) return ASSAY_OK;
    return asy_fail(error, status, "routing: out of memory while assigning owners");
}
