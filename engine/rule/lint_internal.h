/* What the files of the lint share: the space of all leads that conditions can tell apart, and the search in it.
 *
 * Every input that some condition reads (a field, a score, an event count ...) is an axis. The comparisons made with it cut
 * it into classes of values that no condition can tell apart; a class is a point of the axis, "empty" is a point of its own:
 *
 *   company.employees :  [ ..49 | 50..199 | 200 | 201.. | empty ]
 *   score.total       :  [ 0..39 | 40..59 | 60..79 | 80..100 ]        only what the rules can give
 *   lead.source       :  [ website, list_import, trade_show, manual | referral | empty ]
 *
 * A box is a set of points on each axis (bits). A leaf (one comparison) is, over the points of its axis, true, false or
 * unknown: three masks. So the possible outcomes of a condition over a box are a few ANDs, and a search that splits boxes at
 * the leaves of undecided conditions answers "is there a lead for which A is true and B is not?" exactly, without visiting
 * every combination. What cannot be cut into classes is an axis by itself: two inputs compared (less, equal, greater), any
 * other boolean (true, false); these are unknown where an input is empty.
 *
 * The space is never smaller than the truth: a "no" of the search is proven, a "yes" shows a lead that is possible as far as
 * single inputs go, as scores follow from fields (lint_points.c), and as counts and ages of one event go.
 *
 * Threads: one owner. */
#ifndef ASY_LINT_INTERNAL_H
#define ASY_LINT_INTERNAL_H

#include "rule/lint.h"

enum { ASY_LINT_T = 1, ASY_LINT_F = 2, ASY_LINT_U = 4 }; /* outcomes, as bits */

enum {
    ASY_LINT_AXES_MAX = 2048,
    ASY_LINT_LEAVES_MAX = 16384,
    ASY_LINT_POINTS_MAX = 8192,        /* of one axis */
    ASY_LINT_CANDIDATES_MAX = 200000,  /* texts tried on one axis */
    ASY_LINT_TRIES_MAX = 3000000,      /* comparisons evaluated while cutting all axes */
    ASY_LINT_MASK_WORDS_MAX = 4000000, /* of all leaves together */
    ASY_LINT_DEPTH_MAX = 4096,         /* splits on one path of the search */
    ASY_LINT_MEMBERS = 6,              /* values of a class kept for printing */
};
#define ASY_LINT_STEPS_MAX 20000000u     /* leaves looked at in all searches of a file: well under a second */
#define ASY_LINT_QUERY_STEPS_MAX 1500000u /* ... in one */
#define ASY_LINT_MANY UINT32_MAX
#define ASY_LINT_UNBOUNDED (INT64_MAX / 8)

struct asy_lint_point {
    struct asy_cel_value value; /* one value of the class; NULL: empty. Whole-number axes: INT, in units */
    int64_t lo, hi;             /* whole numbers: from..to; INT64_MIN and INT64_MAX: open */
    double lo_d, hi_d;          /* real numbers: strictly between, or lo_d == hi_d: that number */
    uint32_t n_members;         /* texts: how many are in the class, or MANY */
    struct asy_str members[ASY_LINT_MEMBERS];
    bool is_other;              /* text that the file does not name */
};

enum asy_lint_axis_kind {
    ASY_LINT_INPUT = 1, /* a field, score ... */
    ASY_LINT_TERM,      /* a computed value: days_since(x) */
    ASY_LINT_PAIR,      /* two values compared: points less, equal, greater */
    ASY_LINT_TRUTH,     /* any other boolean: points true, false, and unknown if `may_be_unknown` */
    ASY_LINT_PLUGIN,    /* a plugin's verdict: true, false */
};

enum asy_lint_shape { ASY_LINT_CHOICE, ASY_LINT_WHOLE, ASY_LINT_REAL };

struct asy_lint_leaf;
struct asy_lint_axis {
    uint8_t kind, shape;
    uint8_t type;               /* asy_cel_type of its values */
    bool nullable, may_be_unknown;
    uint32_t id;
    struct asy_cel_input input; /* INPUT */
    const struct asy_cel_node *a, *b; /* TERM, TRUTH: a; PAIR: a and b */
    uint32_t call;              /* PLUGIN */
    int64_t unit_per_one;       /* WHOLE: 1, or 10, 100, 1000 for a score with decimals */
    int64_t min, max;           /* WHOLE: what is possible, in units */
    uint32_t n_leaves, leaves_cap;
    struct asy_lint_leaf **leaves;
    uint32_t n_points, null_point; /* ASY_NONE without */
    struct asy_lint_point *points;
    uint32_t first_word, n_words;  /* of a box */
    /* Points tables made by this field, of scores that conditions read. Points for which they all give the same are a group. */
    uint32_t n_tables, tables_cap, n_groups;
    const struct asy_rule **tables;
    uint64_t *groups;              /* by group: n_words of points */
    int64_t *given;                /* by group, then by table: in 1/1000 */
};

struct asy_lint_guard { /* an input that a leaf reads besides its axis: where it is empty, so is the leaf's value */
    struct asy_lint_axis *axis;
    bool is_equal;      /* an operand of == or != itself: emptiness is then a value to compare */
};

struct asy_lint_leaf {
    struct asy_lint_axis *axis;
    const struct asy_cel_node *node; /* NULL: a plugin */
    uint32_t term;                   /* which argument of `node` the axis is */
    bool is_grade;                   /* reads the grade that follows from the score of the axis */
    bool is_flipped;                 /* PAIR: its operands are b, a */
    uint32_t n_guards;
    struct asy_lint_guard *guards;
    uint64_t *mask[3];               /* points where it is true, false, unknown */
};

enum asy_lint_op { ASY_LINT_CONST = 1, ASY_LINT_LEAF, ASY_LINT_AND, ASY_LINT_OR, ASY_LINT_NOT, ASY_LINT_IF,
                   ASY_LINT_NOT_TRUE /* false or unknown */ };

struct asy_lint_cond {
    uint8_t op;
    uint8_t outcome;     /* CONST */
    const struct asy_cel_node *node; /* NULL: made here */
    struct asy_lint_leaf *leaf;
    uint32_t n_args;
    struct asy_lint_cond **args;
};

/* One condition of the file. */
struct asy_lint_use {
    const char *what;         /* "route" */
    struct asy_str name;
    struct asy_pos pos, name_pos;
    const struct asy_cel_node *when;
    struct asy_lint_cond *cond;
    bool is_dead;             /* never true, or a route never reached: said already */
};

struct asy_lint_range { /* what a score can be, in 1/1000 */
    int64_t raw_lo, raw_hi; /* before keep_within */
    int64_t lo, hi;         /* in the end, rounded */
};

struct asy_lint_source; /* see lint_points.c */

struct asy_lint {
    const struct asy_rules *rules;
    struct asy_diags *diags;
    struct asy_pool pool, scratch;
    bool no_memory;
    bool is_space_cut;  /* too much to cut into points: no search is possible */
    bool is_search_cut; /* some search hit its bound */
    struct asy_lint_range *ranges; /* by score */
    struct asy_lint_source *sources; /* by score: what it is made of */
    struct asy_lint_range *spans;  /* by score: what it can be in the box looked at last */
    const struct asy_lint_axis **event_axes;
    uint32_t n_event_axes;
    uint64_t tie_work;
    bool is_loose;      /* the search takes scores as free of what they are made of */
    /* the space */
    struct asy_lint_axis **axes;
    uint32_t n_axes, axes_cap;
    struct asy_lint_leaf **leaves;
    uint32_t n_leaves, leaves_cap;
    uint32_t n_words, max_words, n_tries;
    uint64_t *full, *box, *trail;
    uint32_t steps_left;
    /* the conditions, in the order of the file */
    struct asy_lint_use *uses;
    uint32_t n_uses;
    uint32_t first_disqualify, first_route, first_recycle; /* in `uses`, one each */
    struct asy_lint_cond *disqualified; /* the input `disqualified` by itself, where conditions read it; else NULL */
};

/* -- lint.c ------------------------------------------------------------------------------------------------- */

/* Pool memory, zeroed; NULL sets no_memory. */
void *asy_lint_alloc(struct asy_lint *lint, size_t n, size_t size_bytes);
/* printf into the pool; empty on failure. */
struct asy_str asy_lint_printf(struct asy_lint *lint, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A finding; `detail` may be empty. `length` 0: 1. */
void asy_lint_report(struct asy_lint *lint, const char *code, const char *slug, struct asy_pos pos, uint32_t length,
                     struct asy_str text, struct asy_str detail);
/* Can a lead have no value in this field after defaults and derivation? */
bool asy_lint_may_be_empty(const struct asy_rules *rules, uint32_t field);

/* -- lint_scores.c, lint_tables.c: no conditions needed ------------------------------------------------------ */

void asy_lint_ranges(struct asy_lint *lint);
/* The steps of making a range: add a part to the sum, then keep, decay and round. */
void asy_lint_range_add(struct asy_lint_range *range, int64_t lo, int64_t hi);
void asy_lint_range_finish(const struct asy_score *score, struct asy_lint_range *range, bool can_decay);
/* Add what a rule with a plugin can give. */
void asy_lint_add_plugin(struct asy_lint *lint, struct asy_lint_range *range, const struct asy_rule *rule);
/* What an event rule gives at most; as little as that, if it is negative. */
int64_t asy_lint_event_most(const struct asy_event_rule *rule);
void asy_lint_scores(struct asy_lint *lint);
void asy_lint_tables(struct asy_lint *lint);
/* Fewest and most points of a table, with what empty and unlisted values add. */
void asy_lint_table_range(struct asy_lint *lint, const struct asy_rule *rule, int64_t *lo_milli, int64_t *hi_milli);
/* What a table gives to one value, or (NULL) to an empty field: the first line that fits. */
int64_t asy_lint_table_points(const struct asy_rules *rules, const struct asy_rule *rule, struct asy_cel_value value);
/* List items that no value of a field can equal; `field` is a country or an enum. */
void asy_lint_list_values(struct asy_lint *lint, uint32_t list, uint32_t field);
/* 1/1000 as a person writes it: "60", "0.5". */
struct asy_str asy_lint_milli(struct asy_lint *lint, int64_t milli);

/* -- lint_space.c -------------------------------------------------------------------------------------------- */

/* Compile a condition; its leaves are put on their axes. All conditions first, then asy_lint_space_finish once. */
struct asy_lint_cond *asy_lint_compile(struct asy_lint *lint, const struct asy_cel_node *node);
struct asy_lint_cond *asy_lint_compile_test(struct asy_lint *lint, const struct asy_test *test);
void asy_lint_space_finish(struct asy_lint *lint);
/* Cut one axis into its points and make the masks of its leaves (lint_axis.c). */
void asy_lint_axis_finish(struct asy_lint *lint, struct asy_lint_axis *axis);
/* The axis of a field, made if no condition reads the field. NULL: no memory, or no room. */
struct asy_lint_axis *asy_lint_field_axis(struct asy_lint *lint, uint32_t field);
/* Conditions made here. */
struct asy_lint_cond *asy_lint_cond_new(struct asy_lint *lint, uint8_t op, uint32_t n_args);
/* Marks the axes a condition reads (guards included) in `is_read`, by axis number. */
void asy_lint_mark_axes(const struct asy_lint_cond *cond, bool *is_read);

/* -- lint_points.c ------------------------------------------------------------------------------------------- */

/* Tie scores to the axes they are made from: after all conditions are compiled, before asy_lint_space_finish. */
void asy_lint_points(struct asy_lint *lint);
struct asy_lint_open { /* what to split to know more: the groups of an axis, or a condition; both NULL: no more can be known */
    const struct asy_lint_axis *axis;
    const struct asy_lint_cond *cond;
};
/* False: no lead of the box has scores that are in it. Else *open says what to split, if that can still turn out. */
bool asy_lint_scores_agree(struct asy_lint *lint, const uint64_t *box, uint32_t *steps_left, struct asy_lint_open *open);
/* One number for each score that conditions read, in 1/1000, all of one lead of the box; untouched where there is none. */
void asy_lint_pin_scores(struct asy_lint *lint, const uint64_t *box, int64_t *values);

/* -- lint_solve.c -------------------------------------------------------------------------------------------- */

enum asy_lint_answer { ASY_LINT_NO, ASY_LINT_YES, ASY_LINT_CUT };

struct asy_lint_goal {
    const struct asy_lint_cond *cond;
    uint8_t want; /* outcomes that will do */
};

struct asy_lint_query {
    const struct asy_lint_goal *goals; /* all must hold */
    uint32_t n_goals;
    const uint64_t *start;             /* box to search in; NULL: everything */
    bool (*accept)(void *ctx, const uint64_t *box); /* NULL: all will do. False: pass over the box, and all in it */
    void *ctx;
    uint64_t *found;                   /* gets the box (n_words), or NULL. The goals hold in all of it */
};
enum asy_lint_answer asy_lint_solve(struct asy_lint *lint, const struct asy_lint_query *query);
/* At least every outcome that `cond` has somewhere in the box. Leaves looked at are taken from *steps_left. */
uint8_t asy_lint_outcomes(struct asy_lint *lint, const struct asy_lint_cond *cond, const uint64_t *box, uint32_t *steps_left);
/* The everyday question: can `cond` have one of the outcomes `want`, inside `start` (NULL: anywhere)? */
enum asy_lint_answer asy_lint_can(struct asy_lint *lint, const struct asy_lint_cond *cond, uint8_t want,
                                  const uint64_t *start);

static inline bool asy_lint_has_point(const struct asy_lint_axis *axis, const uint64_t *box, uint32_t point)
{
    return (box[axis->first_word + point / 64] >> (point % 64)) & 1;
}
static inline void asy_lint_put_point(const struct asy_lint_axis *axis, uint64_t *box, uint32_t point)
{
    box[axis->first_word + point / 64] |= 1ull << (point % 64);
}
static inline void asy_lint_drop_point(const struct asy_lint_axis *axis, uint64_t *box, uint32_t point)
{
    box[axis->first_word + point / 64] &= ~(1ull << (point % 64));
}
/* Leave one point of an axis in a box. */
void asy_lint_only_point(const struct asy_lint_axis *axis, uint64_t *box, uint32_t point);

/* -- lint_lead.c --------------------------------------------------------------------------------------------- */

/* "company.employees", "events.any.count(30d)" */
struct asy_str asy_lint_axis_name(struct asy_lint *lint, const struct asy_lint_axis *axis);
/* One lead that `query` has an answer for: "score.total 60, company.employees 201", of each the first that is possible. Scores
 * first, then fields in the order of the file, then the rest; axes of which `box` has all points, and axes not in `is_shown`, are
 * left out. "any lead", if that leaves none. */
struct asy_str asy_lint_lead(struct asy_lint *lint, const uint64_t *box, struct asy_lint_query query, const bool *is_shown);
/* All leads of a box: "score.total 60..79, company.employees 201+". */
struct asy_str asy_lint_box(struct asy_lint *lint, const uint64_t *box, const bool *is_shown);

/* -- lint_cond.c, lint_route.c: findings from searches -------------------------------------------------------- */

void asy_lint_conditions(struct asy_lint *lint);
void asy_lint_routes(struct asy_lint *lint);
/* disqualify and recycle: rules that earlier ones leave nothing for. */
void asy_lint_first_match(struct asy_lint *lint);

#endif
