/* A program: rules bound to a store and an as-of. Made once before a pass, read-only in it.
 *
 *   rules (typed tree)  +  store (dictionaries)  ->  slots      distinct inputs of all conditions
 *                                                    conditions column operations
 *                                                    terms      one a rule or event rule, in file order
 *                                                    windows    event counts that something needs
 *                                                    ages       latest and first times likewise
 *                                                    tables     points by code, step bounds, decay weights
 *                                                    calls      plugins, wired to the slots that they read
 *
 * Threads: many readers. */
#ifndef ASY_PROGRAM_H
#define ASY_PROGRAM_H

#include "exec/plugins.h"
#include "exec/weights.h"

enum asy_term_kind {
    ASY_TERM_NOTHING = 0, /* a plugin's term in a program without plugins: 0 points */
    ASY_TERM_CODES,       /* points by code of a column */
    ASY_TERM_INTS,        /* step function of an INT column */
    ASY_TERM_NUMBERS,     /* step function of a NUMBER column */
    ASY_TERM_WHEN,
    ASY_TERM_ONCE,        /* event rules by counts */
    ASY_TERM_EACH,
    ASY_TERM_WEIGHED,     /* event rule by weighted sum */
    ASY_TERM_LATEST,      /* event rule by the age of the latest event in days */
    ASY_TERM_SCAN,        /* event rule that needs a look at every event: where, at_most, once with hours or a window */
    ASY_TERM_PLUGIN,      /* points that a plugin gives: `rule->call` */
};

/* Scores that something is made from and that may be empty, since a plugin adds to them; the grade counts as the score that it is
 * made from. Where one of them is empty for a lead, so is what is made from it: a score, a condition, a verdict. */
struct asy_reads {
    uint32_t n;
    uint32_t *scores;
};

struct asy_term {
    uint8_t kind;
    struct asy_str name;
    uint32_t score;
    const struct asy_rule *rule;             /* one of these two */
    const struct asy_event_rule *event_rule;
    uint32_t column;                         /* CODES: field */
    uint32_t slot;                           /* INTS, NUMBERS: the field's slot */
    struct asy_code_table codes;             /* CODES */
    uint32_t n_bounds;                       /* INTS, NUMBERS */
    int64_t *bounds_i;
    int32_t *bounds_narrow;                  /* INTS in 4 bytes or fewer */
    double *bounds_d;
    int32_t *deltas, start;
    struct asy_cond *when;                   /* WHEN */
    struct asy_reads reads;                  /* WHEN: of its condition */
    int32_t p, lo, hi;                       /* points of one event and limits of the sum, in 1/1000 */
    uint32_t window;                         /* ONCE, EACH: number in `windows` */
    uint32_t row;                            /* EACH: of the window's counts; WEIGHED: of the sums; LATEST: number in `ages` */
    int32_t *by_days;                        /* LATEST: points by age, as many as there are weights */
    struct asy_weights weights;              /* n 0: none */
    uint8_t *where_bits;                     /* by property tuple, as table bits; NULL: every event */
    uint64_t within_s;                       /* UINT64_MAX: no window */
    uint64_t reach;                          /* |points| are at most that */
    uint32_t step;                           /* and multiples of that (0: always 0) */
};

/* What is wanted of the events of a lead up to as_of that are not older than a window. */
struct asy_window {
    int64_t age_s;             /* ASY_NO_WINDOW */
    bool is_seen;              /* which names occur, or how often some do */
    bool is_any;               /* how many there are in all */
    uint32_t n_counts;
    uint8_t count_names[256];  /* n_counts */
    uint8_t count_rows[256];   /* by name; n_counts for those nobody counts */
};

enum { ASY_LASTS_MAX = 24 };
/* Whole days from the latest or first event with a name of a set to as_of. */
struct asy_age {
    struct asy_name_set names;
    bool is_first;
    uint32_t last; /* of one name's latest: 1 + row of the sweep's `last`; 0: looked up by itself */
};

/* Once-terms of a score that look at the same window: one kernel for all of them. */
struct asy_once_group {
    uint32_t score, window, n;
    struct asy_once *terms;
};

/* An evaluated condition somebody waits for: counted when unknown. */
struct asy_decision {
    const struct asy_test *test;
    struct asy_cond *when;      /* NULL: otherwise (always true) or plugin */
    struct asy_reads reads;     /* of the condition */
};

/* What fills a column that a plugin wants. */
struct asy_source {
    uint32_t slot;              /* ASY_NONE: nothing does, every row is null */
    uint32_t score;             /* of a column of points, which needs no slot; else ASY_NONE */
};

/* `plugin: NAME` of one rule, wired to the data. */
struct asy_call {
    uint32_t plugin;            /* number in the rules */
    const struct asy_plugin_decl *decl;
    struct asy_source *sources; /* by wanted column */
    struct asy_reads reads;
    uint32_t rank;              /* place in the order in which a batch asks its calls */
    uint32_t n_codes;           /* reason codes are below */
    uint16_t *reason_numbers;   /* by reason code: number in decl->reasons */
    struct asy_facts facts;     /* as long as it is bound */
    struct asy_bound *bound;    /* NULL before the first pass */
    uint32_t n_lanes, n_rows;   /* that it is bound for */
};

struct asy_program {
    struct asy_pool pool;
    const struct asy_rules *rules;
    const struct asy_store *store;
    int64_t as_of_s;
    struct asy_slots slots;
    struct asy_cond_depth depth;

    uint32_t n_terms;
    struct asy_term *terms;         /* of all scores, in file order */
    uint32_t *first_term;           /* by score, n_scores + 1 */

    uint32_t n_windows;             /* window 0: all events up to as_of */
    struct asy_window *windows;
    uint32_t n_ages;
    struct asy_age *ages;
    uint32_t n_lasts;
    uint8_t last_names[ASY_LASTS_MAX];
    uint64_t most_events;           /* of one lead; UINT64_MAX if nothing wants to know */
    uint32_t n_name_words;          /* event names are below 32 times that */
    uint32_t *score_age;            /* by score: number in `ages` of its idle time; ASY_NONE without */
    bool *is_whole;                 /* by score: sums are multiples of its unit, there is nothing to round */
    struct asy_code_table *shares;  /* by score of kind FILLED: its value by the number of filled items */

    /* Reasons: keys as in kern/kern.h. */
    bool is_narrow;                 /* keys and sums within 32 bits */
    uint32_t key_shift;
    uint32_t n_groups;
    struct asy_once_group *groups;  /* narrow only: what these hold, nobody else adds */

    uint32_t n_weigh;               /* weighed terms: one a name at most */
    uint8_t weigh_row[256];         /* by name; n_weigh for none */
    bool is_weigh_alike;
    const struct asy_event_rule **weigh_rule; /* by row of the sums, as what follows */
    const uint32_t **weigh_table;
    uint32_t *weigh_len, *weigh_unit_s, *weigh_within_s;

    uint32_t n_grades;              /* by `from`, decreasing */
    int64_t *grade_from;
    uint8_t *grade_number;

    struct asy_decision *disqualify, *stages, *routes, *recycle, *segments; /* same numbers as in the rules */
    uint32_t *territory_by_code;    /* code of the territory field -> territory, or ASY_NONE; NULL if it has no codes */

    struct asy_plugins *plugins;    /* NULL: there are none, or they are not to be asked */
    uint32_t n_calls;               /* as many as in the rules; 0 without plugins */
    struct asy_call *calls;         /* bound by the first pass, read-only in a pass */
    uint32_t *call_order;           /* calls by rank */
    bool *is_stopped;               /* by plugin of the rules, in the last pass: all its verdicts are empty */
    struct asy_reads *score_reads;  /* by score */
    bool *may_be_empty;             /* by score */
};

/* Compile. `plugins`: those opened for the rules, borrowed; NULL: rules with plugins match nobody and give no points.
 * ASSAY_E_NOMEM, ASSAY_E_LIMIT (more than 65,000 terms). */
assay_status asy_program_init(struct asy_program *program, struct asy_mem *mem, const struct asy_rules *rules,
                              const struct asy_store *store, int64_t as_of_s, struct asy_plugins *plugins, struct assay_error *error);
void asy_program_fini(struct asy_program *program);
/* Terms that a program of these rules has. */
uint32_t asy_program_n_terms(const struct asy_rules *rules);

/* The term's part of its keys. */
static inline uint32_t asy_program_tag(const struct asy_program *program, uint32_t term) { return (program->n_terms - 1 - term) << 1; }

/* Points of a table line's rule for the value of one row: what the tables above were made from, and what explanations
 * name. NULL: no line matches. */
const struct asy_line *asy_rule_line(const struct asy_rules *rules, const struct asy_rule *rule, bool is_filled,
                                     struct asy_str text, int64_t i, double d);

/* Territory of a lead, or ASY_NONE: the first one with a line that fits. */
uint32_t asy_program_territory(const struct asy_program *program, uint32_t row);

#endif
