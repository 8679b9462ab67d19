#include "exec/assign_plan.h"

struct asy_str asy_roster_name(const struct asy_rules *rules, uint32_t roster)
{
    return roster < rules->n_territories ? rules->territories[roster].name : ASY_STR("anywhere");
}

static uint32_t roster_of(const struct asy_rules *rules, const struct asy_team *team, uint32_t territory)
{
    if (territory != ASY_NONE && team->rosters[territory].n > 0) return territory;
    return team->rosters[rules->n_territories].n > 0 ? rules->n_territories : ASY_NONE;
}

uint32_t asy_assign_roster(const struct asy_program *program, const struct asy_team *team, uint32_t row)
{
    return roster_of(program->rules, team, asy_program_territory(program, row));
}

/* -- owners that leads come with ------------------------------------------------------------------------------------ */

/* The column of `lead.owner`; NULL if there are no owners in it. */
static const struct asy_column *owner_column(const struct asy_program *program)
{
    if (program->rules->owner_field == ASY_NONE) return NULL;
    const struct asy_column *column = &program->store->columns[program->rules->owner_field];
    return column->repr == ASY_REPR_CODE ? column : NULL;
}
uint32_t asy_earlier_owner(const struct asy_program *program, const struct asy_state *state, uint32_t row)
{
    const struct asy_routed *known = asy_state_lead(state, asy_keys_text(&program->store->keys, row));
    return known == NULL ? 0 : known->owner;
}

static bool is_member(const struct asy_rules *rules, const struct asy_team *team, struct asy_str name)
{
    for (uint32_t r = 0; name.len > 0 && r <= rules->n_territories; r++)
        for (uint32_t m = 0; m < team->rosters[r].n; m++)
            if (asy_str_eq(team->rosters[r].members[m], name)) return true;
    return false;
}

struct asy_str asy_kept_owner(const struct asy_program *program, const struct asy_state *state, const struct asy_team *team,
                              uint32_t row)
{
    const struct asy_column *column = owner_column(program);
    const struct asy_str owner = column == NULL ? ASY_STR("") : asy_column_code_text(column, asy_column_code(column, row));
    if (is_member(program->rules, team, owner)) return owner;
    const struct asy_str earlier = asy_dict_text(&state->owners, asy_earlier_owner(program, state, row));
    return is_member(program->rules, team, earlier) ? earlier : ASY_STR("");
}

/* -- tables ------------------------------------------------------------------------------------------------------- */

static void set_bit(uint64_t *bits, uint32_t at) { bits[at / 64] |= UINT64_C(1) << at % 64; }

/* With code 0. */
static uint32_t n_owner_codes(const struct asy_plans *plans)
{
    return plans->owner_column == NULL ? 1 : asy_column_n_codes(plans->owner_column);
}

/* Who is next: the member after the one who got the last lead, or, if he has left, whoever now has his place. */
static uint32_t first_turn(const struct asy_roster *roster, const struct asy_cursor *cursor)
{
    if (cursor == NULL) return 0;
    for (uint32_t m = 0; m < roster->n; m++)
        if (asy_str_eq(roster->members[m], cursor->last)) return (m + 1) % roster->n;
    return cursor->place % roster->n;
}

static assay_status make_pile(struct asy_plans *plans, struct asy_pile *pile, const struct asy_team *team, uint32_t roster_number)
{
    const struct asy_roster *roster = &team->rosters[roster_number];
    const struct asy_str name = asy_roster_name(plans->program->rules, roster_number);
    pile->n_members = roster->n;
    pile->members = asy_pool_alloc_n(plans->pool, roster->n, sizeof(*pile->members));
    if (pile->members == NULL) return ASSAY_E_NOMEM;
    for (uint32_t m = 0; m < roster->n; m++) {
        const assay_status status = asy_dict_intern(plans->owners, roster->members[m], &pile->members[m]);
        if (status != ASSAY_OK) return status;
    }
    pile->first_turn = first_turn(roster, asy_state_cursor(plans->state, team->name, name));
    pile->only_member = roster->n == 1 ? pile->members[0] : 0;
    pile->mark = roster->n > 1 ? UINT32_MAX : 0;
    return ASSAY_OK;
}

/* Codes of the members where leads and the state name them. */
static void mark_members(struct asy_plans *plans, struct asy_plan_team *team, const struct asy_roster *roster, const struct asy_pile *pile)
{
    for (uint32_t m = 0; m < roster->n; m++) {
        const struct asy_str member = roster->members[m];
        const uint32_t code = plans->owner_column == NULL ? 0 : asy_column_find_code(plans->owner_column, member);
        const uint32_t known = asy_dict_find(&plans->state->owners, member);
        if (code != 0) {
            set_bit(team->is_member, code);
            plans->owner_by_code[code] = pile->members[m];
        }
        if (known != 0) {
            set_bit(team->was_member, known);
            plans->owner_by_known[known] = pile->members[m];
        }
    }
}

static assay_status make_team(struct asy_plans *plans, uint32_t number)
{
    const struct asy_rules *rules = plans->program->rules;
    const struct asy_team *given = &rules->teams[number];
    struct asy_plan_team *team = &plans->teams[number];
    struct asy_pile *piles = &plans->piles[number * (rules->n_territories + 1)];
    team->piles = asy_pool_alloc_n(plans->pool, rules->n_territories + 1, sizeof(*team->piles));
    team->is_member = asy_pool_alloc_n(plans->pool, n_owner_codes(plans) / 64 + 1, sizeof(uint64_t));
    team->was_member = asy_pool_alloc_n(plans->pool, plans->state->owners.n / 64 + 1, sizeof(uint64_t));
    if (team->piles == NULL || team->is_member == NULL || team->was_member == NULL) return ASSAY_E_NOMEM;
    for (uint32_t r = 0; r <= rules->n_territories; r++) {
        const uint32_t roster = roster_of(rules, given, r < rules->n_territories ? r : ASY_NONE);
        team->piles[r] = roster == ASY_NONE ? plans->n_piles : (uint32_t)(piles - plans->piles) + roster;
        if (given->rosters[r].n == 0) continue;
        const assay_status status = make_pile(plans, &piles[r], given, r);
        if (status != ASSAY_OK) return status;
        mark_members(plans, team, &given->rosters[r], &piles[r]);
    }
    return ASSAY_OK;
}

/* Owners by the code of the field that a list is looked up with. */
static assay_status make_list_owners(struct asy_plans *plans, const struct asy_route *route, struct asy_plan *plan)
{
    const struct asy_list *list = &plans->program->rules->lists[route->list];
    const struct asy_column *column = &plans->program->store->columns[route->list_field];
    if (list->owners == NULL || column->repr != ASY_REPR_CODE) return ASSAY_OK;
    uint32_t *owners = asy_pool_alloc_n(plans->pool, asy_column_n_codes(column), sizeof(*owners));
    if (owners == NULL) return ASSAY_E_NOMEM;
    for (uint32_t i = list->set.n; i-- > 0;) { /* of equal texts the first one counts */
        const uint32_t code = asy_column_find_code(column, list->set.items[i]);
        if (code == 0) continue;
        const assay_status status = asy_dict_intern(plans->owners, list->owners[i], &owners[code]);
        if (status != ASSAY_OK) return status;
    }
    plan->column = column;
    plan->owner_by_code = owners;
    return ASSAY_OK;
}

/* Owners by the codes of `lead.owner` and of the state. */
static assay_status make_existing_owners(struct asy_plans *plans)
{
    assay_status status = ASSAY_OK;
    if (plans->has_existing) return status;
    for (uint32_t code = 1; code < n_owner_codes(plans) && status == ASSAY_OK; code++)
        status = asy_dict_intern(plans->owners, asy_column_code_text(plans->owner_column, code), &plans->owner_by_code[code]);
    for (uint32_t code = 1; code < plans->state->owners.n && status == ASSAY_OK; code++)
        status = asy_dict_intern(plans->owners, asy_dict_text(&plans->state->owners, code), &plans->owner_by_known[code]);
    plans->has_existing = status == ASSAY_OK;
    return status;
}

static assay_status make_plan(struct asy_plans *plans, const struct asy_route *route, struct asy_plan *plan)
{
    *plan = (struct asy_plan){.is_dealt = route->assign == ASY_ASSIGN_ROUND_ROBIN,
                          .is_looked_up = route->assign == ASY_ASSIGN_LIST_OWNER || route->assign == ASY_ASSIGN_EXISTING ||
                                          route->assign == ASY_ASSIGN_PLUGIN,
                          .is_named = route->assign == ASY_ASSIGN_PLUGIN,
                          .is_existing = route->assign == ASY_ASSIGN_EXISTING,
                          .is_told = route->assign != ASY_ASSIGN_NOBODY || route->respond_within_s != 0};
    if (plan->is_told) plan->routed_at_s = (uint32_t)plans->program->as_of_s;
    if (plan->is_dealt) {
        plan->team = route->team;
        return plans->teams[plan->team].piles != NULL ? ASSAY_OK : make_team(plans, plan->team);
    }
    if (!plan->is_looked_up || plan->is_named) return ASSAY_OK;
    if (!plan->is_existing) return make_list_owners(plans, route, plan);
    plan->column = plans->owner_column;
    plan->owner_by_code = plans->owner_by_code;
    return make_existing_owners(plans);
}

assay_status asy_plans_init(struct asy_plans *plans, struct asy_pool *pool, const struct asy_program *program, struct asy_dict *owners,
                            struct asy_state *state)
{
    const struct asy_rules *rules = program->rules;
    *plans = (struct asy_plans){.pool = pool,
                                .program = program,
                                .state = state,
                                .owners = owners,
                                .n_piles = rules->n_teams * (rules->n_territories + 1),
                                .is_known = state->ids.n > 1,
                                .owner_column = owner_column(program)};
    plans->by_route = asy_pool_alloc_n(pool, (size_t)rules->n_routes + 1, sizeof(*plans->by_route));
    plans->teams = asy_pool_alloc_n(pool, rules->n_teams, sizeof(*plans->teams));
    plans->piles = asy_pool_alloc_n(pool, (size_t)plans->n_piles + 1, sizeof(*plans->piles));
    plans->owner_by_code = asy_pool_alloc_n(pool, n_owner_codes(plans), sizeof(uint32_t));
    plans->owner_by_known = asy_pool_alloc_n(pool, state->owners.n, sizeof(uint32_t));
    if (pool->has_failed) return ASSAY_E_NOMEM;
    assay_status status = ASSAY_OK;
    for (uint32_t r = 0; r < rules->n_routes && status == ASSAY_OK; r++)
        status = make_plan(plans, &rules->routes[r], &plans->by_route[r + 1]);
    return status;
}
