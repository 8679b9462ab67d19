#include "exec/state.h"

void asy_state_init(struct asy_state *state, struct asy_mem *mem, uint64_t seed)
{
    *state = (struct asy_state){.mem = mem};
    asy_pool_init(&state->pool, mem);
    asy_hasher_init(&state->hasher, seed);
    asy_dict_init(&state->ids, mem, &state->hasher);
    asy_dict_init(&state->owners, mem, &state->hasher);
}

void asy_state_fini(struct asy_state *state)
{
    if (state->mem == NULL) return;
    asy_dict_fini(&state->ids);
    asy_dict_fini(&state->owners);
    asy_mem_free(state->mem, state->routed, state->cap_routed * sizeof(*state->routed));
    asy_pool_fini(&state->pool);
    *state = (struct asy_state){0};
}

struct asy_cursor *asy_state_cursor(struct asy_state *state, struct asy_str team, struct asy_str territory)
{
    for (uint32_t i = 0; i < state->n_cursors; i++)
        if (asy_str_eq(state->cursors[i].team, team) && asy_str_eq(state->cursors[i].territory, territory))
            return &state->cursors[i];
    return NULL;
}

assay_status asy_state_set_cursor(struct asy_state *state, struct asy_str team, struct asy_str territory, struct asy_str last,
                                  uint32_t place)
{
    const struct asy_str kept_last = asy_pool_copy(&state->pool, last);
    if (kept_last.p == NULL) return ASSAY_E_NOMEM;
    struct asy_cursor *cursor = asy_state_cursor(state, team, territory);
    if (cursor == NULL) {
        const struct asy_str kept_team = asy_pool_copy(&state->pool, team);
        const struct asy_str kept_territory = asy_pool_copy(&state->pool, territory);
        if (kept_team.p == NULL || kept_territory.p == NULL ||
            !asy_pool_grow(&state->pool, (void **)&state->cursors, &state->cap_cursors, state->n_cursors,
                           sizeof(*state->cursors)))
            return ASSAY_E_NOMEM;
        cursor = &state->cursors[state->n_cursors++];
        *cursor = (struct asy_cursor){.team = kept_team, .territory = kept_territory};
    }
    cursor->last = kept_last;
    cursor->place = place;
    return ASSAY_OK;
}

const struct asy_routed *asy_state_lead(const struct asy_state *state, struct asy_str id)
{
    const uint32_t code = state->ids.n <= 1 ? 0 : asy_dict_find(&state->ids, id);
    return code == 0 ? NULL : &state->routed[code - 1];
}

assay_status asy_state_route(struct asy_state *state, struct asy_str id, uint32_t owner, uint32_t *routed_at_s)
{
    const uint32_t n_before = state->ids.n;
    uint32_t code;
    if (!asy_mem_grow(state->mem, (void **)&state->routed, &state->cap_routed, n_before, sizeof(*state->routed)))
        return ASSAY_E_NOMEM;
    const assay_status status = asy_dict_intern(&state->ids, id, &code);
    if (status != ASSAY_OK || code == 0) return status;
    struct asy_routed *routed = &state->routed[code - 1];
    if (state->ids.n > n_before) routed->routed_at_s = *routed_at_s;
    routed->owner = owner;
    *routed_at_s = routed->routed_at_s;
    return ASSAY_OK;
}

assay_status asy_state_set_lead(struct asy_state *state, struct asy_str id, uint32_t routed_at_s, struct asy_str owner)
{
    uint32_t code;
    const assay_status status = asy_dict_intern(&state->owners, owner, &code);
    return status == ASSAY_OK ? asy_state_route(state, id, code, &routed_at_s) : status;
}
