#include "exec/assign.h"

#include <stdlib.h>

/* One lead to deal. Hands are dealt in the order of `turn`, then of the lead's id; `id_bytes`, the first eight bytes of the id
 * that are not the same for all hands, settle most comparisons of ids without looking at them (CRM ids share their beginnings). */
struct hand {
    uint64_t turn; /* pile, and the score from the top down; a pile is team * (n_territories + 1) + roster */
    uint64_t id_bytes;
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
    const uint32_t roster = asy_program_territory(program, row);
    if (roster != ASY_NONE && team->rosters[roster].n > 0) return roster;
    return team->rosters[rules->n_territories].n > 0 ? rules->n_territories : ASY_NONE;
}

/* The lead's own `lead.owner`; empty if none. */
static struct asy_str record_owner(const struct asy_program *program, uint32_t row)
{
    if (program->rules->owner_field == ASY_NONE) return ASY_STR("");
    const struct asy_column *column = &program->store->columns[program->rules->owner_field];
    return column->repr == ASY_REPR_CODE ? asy_column_code_text(column, asy_column_code(column, row)) : ASY_STR("");
}
/* The owner that an earlier run gave; empty if none. */
static struct asy_str earlier_owner(const struct asy_program *program, const struct asy_state *state, uint32_t row)
{
    const struct asy_routed *known = asy_state_lead(state, asy_keys_text(&program->store->keys, row));
    return known == NULL ? ASY_STR("") : asy_dict_text(&state->owners, known->owner);
}

struct asy_str asy_current_owner(const struct asy_program *program, const struct asy_state *state, uint32_t row)
{
    const struct asy_str owner = record_owner(program, row);
    return owner.len > 0 ? owner : earlier_owner(program, state, row);
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
    const struct asy_str owner = record_owner(program, row);
    if (is_member(program->rules, team, owner)) return owner;
    const struct asy_str earlier = earlier_owner(program, state, row);
    return is_member(program->rules, team, earlier) ? earlier : ASY_STR("");
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
        const struct asy_str kept = asy_kept_owner(program, dealer->state, team, row);
        if (kept.len > 0) return give(dealer, row, kept);
        const uint32_t roster = asy_assign_roster(program, team, row);
        if (roster == ASY_NONE) {
            results->n_no_member++;
            return ASSAY_OK;
        }
        if (!asy_mem_grow(results->mem, (void **)&dealer->hands, &dealer->cap, dealer->n, sizeof(*dealer->hands)))
            return ASSAY_E_NOMEM;
        const uint32_t by = rules->grade_by != ASY_NONE ? rules->grade_by : rules->n_scores - 1;
        const uint64_t from_top = (uint32_t)(INT32_MAX - (int64_t)results->score_milli[by][row]);
        const uint64_t pile = (uint64_t)route->team * (rules->n_territories + 1) + roster;
        dealer->hands[dealer->n++] = (struct hand){.turn = pile << 32 | from_top, .row = row};
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
    if (a->turn != b->turn) return a->turn < b->turn ? -1 : 1;
    if (a->id_bytes != b->id_bytes) return a->id_bytes < b->id_bytes ? -1 : 1;
    return asy_str_cmp(asy_keys_text(keys, a->row), asy_keys_text(keys, b->row));
}

/* Eight bytes of `id` from `at` on, as a number that orders as they do; an id that ends is filled up with zeros, which leaves
 * the decision to the whole ids. */
static uint64_t bytes_at(struct asy_str id, uint32_t at)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < 8; i++) bytes = bytes << 8 | (at + i < id.len ? (uint8_t)id.p[at + i] : 0);
    return bytes;
}

static void order_hands(struct dealer *dealer)
{
    const struct asy_keys *keys = &dealer->program->store->keys;
    if (dealer->n == 0) return;
    const struct asy_str first = asy_keys_text(keys, dealer->hands[0].row);
    uint32_t common = first.len;
    for (size_t h = 0; h < dealer->n; h++) {
        const struct asy_str id = asy_keys_text(keys, dealer->hands[h].row);
        uint32_t same = 0;
        while (same < common && same < id.len && id.p[same] == first.p[same]) same++;
        common = same;
    }
    for (size_t h = 0; h < dealer->n; h++)
        dealer->hands[h].id_bytes = bytes_at(asy_keys_text(keys, dealer->hands[h].row), common);
    qsort_r(dealer->hands, dealer->n, sizeof(*dealer->hands), compare_hands, (void *)keys);
}

/* Who is next: the member after the one who got the last lead, or, if he has left, whoever now has his place. */
static uint32_t first_turn(const struct asy_roster *roster, const struct asy_cursor *cursor)
{
    if (cursor == NULL) return 0;
    for (uint32_t m = 0; m < roster->n; m++)
        if (asy_str_eq(roster->members[m], cursor->last)) return (m + 1) % roster->n;
    return cursor->place % roster->n;
}

/* Deal hands[at ..] that lie on one pile; *next is the first of another. */
static assay_status deal_pile(struct dealer *dealer, size_t at, size_t *next)
{
    const struct asy_rules *rules = dealer->program->rules;
    const struct hand *hands = dealer->hands;
    const uint32_t pile = (uint32_t)(hands[at].turn >> 32), n_rosters = rules->n_territories + 1;
    const struct asy_team *team = &rules->teams[pile / n_rosters];
    const struct asy_roster *roster = &team->rosters[pile % n_rosters];
    const struct asy_str name = asy_roster_name(rules, pile % n_rosters);
    uint32_t turn = first_turn(roster, asy_state_cursor(dealer->state, team->name, name)), last = turn;
    struct asy_mem *mem = dealer->results->mem;
    uint32_t *codes = asy_mem_alloc_n(mem, roster->n, sizeof(*codes));
    assay_status status = codes == NULL ? ASSAY_E_NOMEM : ASSAY_OK;
    for (uint32_t m = 0; m < roster->n && status == ASSAY_OK; m++)
        status = asy_dict_intern(&dealer->results->owners, roster->members[m], &codes[m]);
    for (; at < dealer->n && hands[at].turn >> 32 == pile && status == ASSAY_OK; at++) {
        dealer->results->owner[hands[at].row] = codes[turn];
        last = turn;
        turn = turn + 1 == roster->n ? 0 : turn + 1;
    }
    asy_mem_free(mem, codes, roster->n * sizeof(*codes));
    *next = at;
    return status == ASSAY_OK ? asy_state_set_cursor(dealer->state, team->name, name, roster->members[last], last) : status;
}

static assay_status deal(struct dealer *dealer)
{
    assay_status status = ASSAY_OK;
    order_hands(dealer);
    for (size_t at = 0; at < dealer->n && status == ASSAY_OK;) status = deal_pile(dealer, at, &at);
    return status;
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
        results->routed_at_s[row] = (uint32_t)program->as_of_s;
        if (!dealer->state->is_kept && dealer->state->ids.n <= 1) continue; /* nothing is known, nothing is kept */
        const struct asy_str id = asy_keys_text(&program->store->keys, row);
        const struct asy_routed *known = asy_state_lead(dealer->state, id);
        if (known != NULL) results->routed_at_s[row] = known->routed_at_s;
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
