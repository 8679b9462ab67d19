/* Event rules by their definition, one lead at a time: what explanations tell, what the pass uses where counts are not enough, and
 * what tests hold its counting kernels to. */
#ifndef ASY_EVENT_RULE_H
#define ASY_EVENT_RULE_H

#include "exec/program.h"

/* One event rule over the events of one lead, by its definition: newest first. */
struct asy_event_tally {
    uint64_t n_named;    /* of that name up to as_of */
    uint64_t n_matching; /* and `where` */
    uint64_t n_within;   /* and inside the window */
    uint64_t n_kept;     /* and within `at_most`; one at most for a `once` rule */
    uint64_t sum_q30;    /* weights of the kept */
    int64_t uncapped_milli, points_milli;
    uint32_t newest_s;   /* time of the newest kept; 0: none */
};
struct asy_event_tally asy_event_rule_tally(const struct asy_program *program, const struct asy_term *term, uint32_t row);

#endif
