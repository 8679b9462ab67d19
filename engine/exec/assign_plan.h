/* What assigning does with the leads of each route, answered once for all leads: by route, by territory, and by the codes that
 * stand for owners and for the texts that lists are looked up with.
 * Threads: many readers. */
#ifndef ASY_ASSIGN_PLAN_H
#define ASY_ASSIGN_PLAN_H

#include "exec/assign.h"

/* What is done with the leads of a route. Number 0 is "no route", with whom nothing is done. */
struct asy_plan {
    uint32_t routed_at_s;          /* of its leads: now if is_told, else 0 */
    bool is_told;                  /* somebody is, or something is promised */
    bool is_dealt, is_looked_up, is_existing;
    bool is_named;                 /* looked up: the pass has put there whom the plugin named */
    uint32_t team;
    const struct asy_column *column; /* looked up: owner by code of this column (NULL: no owner) */
    const uint32_t *owner_by_code;
};
/* One roster of one team. The last pile is that of leads that nobody serves: it has no members and one bucket. */
struct asy_pile {
    uint32_t n_members;
    uint32_t *members;      /* their codes in results->owners */
    uint32_t first_turn;    /* member */
    uint32_t only_member;   /* where there is one, nothing has to be ordered; else 0 */
    uint32_t mark;          /* all bits where hands are to be ordered, else 0: what is said of them is masked with it */
    /* of exec/assign.c */
    uint32_t first_bucket, n_buckets, n_hands;
};
struct asy_plan_team {
    uint32_t *piles;        /* by territory, and last for leads without one */
    uint64_t *is_member;    /* bits by code of lead.owner */
    uint64_t *was_member;   /* bits by code of state->owners */
};
struct asy_plans {
    struct asy_pool *pool;
    const struct asy_program *program;
    struct asy_state *state;
    struct asy_dict *owners;           /* of the results: all members are in it, and whoever a look-up may give */
    struct asy_plan *by_route;         /* by results->route */
    struct asy_plan_team *teams;
    struct asy_pile *piles;            /* team * (n_territories + 1) + roster, then the last one */
    uint32_t n_piles;                  /* without the last one */
    bool is_known;                     /* the state knows leads */
    const struct asy_column *owner_column; /* NULL: no lead comes with one */
    uint32_t *owner_by_code;           /* code of lead.owner -> of owners; for members, and where existing owners are asked for */
    uint32_t *owner_by_known;          /* the same by code of state->owners */
    bool has_existing;                 /* existing owners are asked for */
};

/* In `pool`. ASSAY_E_NOMEM; owners may have been added then. */
assay_status asy_plans_init(struct asy_plans *plans, struct asy_pool *pool, const struct asy_program *program, struct asy_dict *owners,
                            struct asy_state *state);

/* Code in state->owners of the owner that an earlier run gave; 0 if none. */
uint32_t asy_earlier_owner(const struct asy_program *program, const struct asy_state *state, uint32_t row);
/* The owner that a lead of a team keeps, of whom its record says `code`; 0: it is dealt. */
static inline uint32_t asy_plans_kept(const struct asy_plans *plans, const struct asy_plan_team *team, uint32_t code, uint32_t row)
{
    if (team->is_member[code / 64] >> code % 64 & 1) return plans->owner_by_code[code];
    if (!plans->is_known) return 0;
    const uint32_t known = asy_earlier_owner(plans->program, plans->state, row);
    return team->was_member[known / 64] >> known % 64 & 1 ? plans->owner_by_known[known] : 0;
}

#endif
