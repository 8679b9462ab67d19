/* What one run hands to the next: where every round robin stands, and for every routed lead when it was first routed and
 * to whom. Read and written as a file by the command (cli/state_file.c). Threads: one owner. */
#ifndef ASY_STATE_H
#define ASY_STATE_H

#include "store/dict.h"

struct asy_cursor {
    struct asy_str team, territory; /* territory "anywhere" for the roster that serves all */
    struct asy_str last;            /* member who got the last lead */
    uint32_t place;                 /* his place in the roster then, should he have left since */
};
struct asy_routed {
    uint32_t routed_at_s;
    uint32_t owner; /* code in `owners`; 0: nobody */
};

struct asy_state {
    struct asy_mem *mem;
    bool is_kept;              /* set by the caller: leads are remembered for a next run */
    struct asy_pool pool;
    struct asy_hasher hasher;
    struct asy_cursor *cursors;
    uint32_t n_cursors, cap_cursors;
    struct asy_dict ids;       /* lead ids: code - 1 is the index into `routed` */
    struct asy_dict owners;
    struct asy_routed *routed;
    size_t cap_routed;
};

/* `seed` makes the hash secret. */
void asy_state_init(struct asy_state *state, struct asy_mem *mem, uint64_t seed);
void asy_state_fini(struct asy_state *state);
/* The cursor of a team's roster, or NULL. */
struct asy_cursor *asy_state_cursor(struct asy_state *state, struct asy_str team, struct asy_str territory);
/* Set it, adding it if new. ASSAY_E_NOMEM. */
assay_status asy_state_set_cursor(struct asy_state *state, struct asy_str team, struct asy_str territory, struct asy_str last,
                                  uint32_t place);
/* What is known of a lead, or NULL. */
const struct asy_routed *asy_state_lead(const struct asy_state *state, struct asy_str id);
/* Remember first routing (kept if there is one already) and owner. ASSAY_E_NOMEM. */
assay_status asy_state_set_lead(struct asy_state *state, struct asy_str id, uint32_t routed_at_s, struct asy_str owner);
/* The same with the code of the owner in `owners`; *routed_at_s becomes the time of first routing. */
assay_status asy_state_route(struct asy_state *state, struct asy_str id, uint32_t owner, uint32_t *routed_at_s);

#endif
