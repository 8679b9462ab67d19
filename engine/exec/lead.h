/* One lead, a row at a time: the meaning of a rule file said as plainly as possible. Explanations are made from it, and tests
 * hold the batched pass to it. It reads the rules, not the compiled tables, but for what both share: conditions by
 * asy_cel_eval, event rules by asy_event_rule_tally, table lines by asy_rule_line. */
#ifndef ASY_LEAD_H
#define ASY_LEAD_H

#include "exec/event_rule.h"

struct asy_term_story {
    int64_t points_milli;
    /* table rules */
    bool is_filled;
    const struct asy_line *line;      /* NULL: no line matches */
    /* when rules: the value of the condition */
    struct asy_cel_value when;
    /* event rules */
    struct asy_event_tally tally;
    /* plugins */
    struct asy_verdict_story verdict;
};

struct asy_score_story {
    int64_t sum_milli;      /* of terms, parts, or the share of filled fields */
    int64_t kept_milli;     /* after keep_within */
    int64_t decayed_milli;  /* after idle decay, to the nearest 1/1000 */
    int64_t final_milli;    /* after rounding to its decimals */
    bool is_empty;          /* a plugin's verdict is missing in it, or in a score that it is made from */
    bool is_active;         /* has an event that this score names */
    uint32_t idle_days;
    uint32_t share_off;     /* of the idle step reached, in 1/1000 % */
    uint32_t n_filled;
};

struct asy_lead_story {
    const struct asy_program *program;
    uint32_t row;
    struct asy_term_story *terms;   /* by term */
    struct asy_score_story *scores; /* by score; those computed so far while it is being made */
    uint32_t n_scores;
    uint32_t grade;                 /* 1 + number; 0 none */
    struct asy_cel_value *disqualify, *stages, *routes, *recycle, *segments; /* value of every condition (of a plugin: true, false, or unknown if empty) */
    struct asy_verdict_story *disqualify_verdicts, *route_verdicts, *recycle_verdicts; /* of rules with plugins */
    uint32_t disqualified_by, stage, route, recycled, segment; /* 1 + number; 0 none */
    struct asy_pool *pool;          /* everything above, and text that conditions made up */
};

/* Everything about row `row`; plugins are asked again if the program has been through a pass, so no pass may be running. False without
 * memory. */
bool asy_lead_tell(struct asy_lead_story *story, const struct asy_program *program, uint32_t row, struct asy_pool *pool);
/* The value of a condition's input for the lead of a finished story (ctx is a struct asy_lead_story): for asy_cel_eval. An empty
 * score, or the grade without one, is unknown. */
struct asy_cel_value asy_lead_read(void *ctx, const struct asy_cel_input *input);
/* The value of one field (NULL type if empty). */
struct asy_cel_value asy_lead_field(const struct asy_store *store, uint32_t field, uint32_t row);

#endif
