/* Owners: the last step of a run, over the routed leads only. Named accounts and existing owners are looked up; whom a
 * plugin has named the pass has put down already; round robin deals leads to the members of a team's roster in the order (grade score
 * descending, an empty one last, then lead id ascending by bytes), each to the member after the cursor. A lead whose owner is in the
 * team already keeps that owner and does not move the cursor.
 *
 * The order is a total one made from data, so the outcome does not depend on input order, threads, or the parts that a
 * database was split into: the hands to deal are (team, roster, score, id) tuples, which can be merged. */
#ifndef ASY_ASSIGN_H
#define ASY_ASSIGN_H

#include "exec/program.h"
#include "exec/results.h"
#include "exec/state.h"

/* Fill results->owner and routed_at_s of a pass; `state` gives the cursors and what is known of leads, and takes the new ones.
 * `n_threads` 0: 1. ASSAY_E_NOMEM: owners and routed_at_s are then of no use. */
assay_status asy_assign(const struct asy_program *program, struct asy_results *results, struct asy_state *state, uint32_t n_threads,
                        struct assay_error *error);

/* Roster of `team` for a lead: that of its territory if it has members, else `anywhere`; ASY_NONE if it has neither. */
uint32_t asy_assign_roster(const struct asy_program *program, const struct asy_team *team, uint32_t row);
/* "uk_europe", or "anywhere". */
struct asy_str asy_roster_name(const struct asy_rules *rules, uint32_t roster);
/* Whom a lead stays with when it is routed to `team`: its `lead.owner` if he is a member, else the one in the state if he is
 * (the CRM may not have been told yet); empty: it is dealt. */
struct asy_str asy_kept_owner(const struct asy_program *program, const struct asy_state *state, const struct asy_team *team,
                              uint32_t row);

#endif
