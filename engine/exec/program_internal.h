/* What the files that compile a program share.
 *
 *   program.c         slots, tables, scores, decisions
 *   program_events.c  what is wanted of the events, and the rules that count them */
#ifndef ASY_PROGRAM_INTERNAL_H
#define ASY_PROGRAM_INTERNAL_H

#include "exec/program.h"

/* Room in arrays that grow while compiling. */
struct asy_program_caps {
    uint32_t windows, ages;
};

/* In this order. All false: no memory. */

/* Window 0, before any rule. */
bool asy_program_events_begin(struct asy_program *program, struct asy_program_caps *caps);
bool asy_program_event_rule(struct asy_program *program, struct asy_term *term, const struct asy_event_rule *rule,
                            struct asy_program_caps *caps);
/* The idle time that a score with events decays by. */
bool asy_program_idle_age(struct asy_program *program, uint32_t score, struct asy_program_caps *caps);
/* Every rule and condition is compiled: what these ask for, weighed sums, and no more windows. */
bool asy_program_events_end(struct asy_program *program, struct asy_program_caps *caps);
/* Of a narrow program, whose keys are known. */
bool asy_program_once_groups(struct asy_program *program);

/* |points|, and what two of them are multiples of. */
static inline uint32_t asy_points_size(int64_t points) { return (uint32_t)(points < 0 ? -points : points); }
static inline uint32_t asy_points_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        const uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

#endif
