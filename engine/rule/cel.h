/* The condition language: a declared subset of CEL (Common Expression Language, github.com/google/cel-spec, langdef.md),
 * parsed, type-checked against the rule file's names, folded, and evaluated a row at a time. The row evaluator is the
 * reference; exec/cond.c turns the same tree into batch operations and shares asy_cel_apply for all but the hottest.
 *
 * Three-valued: every operation may come out unknown (an error in CEL's terms: a comparison with an empty field,
 * a division by zero). && || ! ?: follow Kleene as in CEL. A condition matches only where it is true.
 *
 * Threads: a compiled tree is read-only. */
#ifndef ASY_CEL_H
#define ASY_CEL_H

#include "base/diag.h"
#include "base/hash.h"
#include "base/zone.h"

struct asy_regex;

enum asy_cel_type {
    ASY_CEL_UNKNOWN = 0, /* of a value: unknown (error) */
    ASY_CEL_NULL,        /* of a value: empty */
    ASY_CEL_BOOL,
    ASY_CEL_INT,
    ASY_CEL_DOUBLE,
    ASY_CEL_STRING,
    ASY_CEL_TIME,        /* timestamp */
    ASY_CEL_DURATION,
    ASY_CEL_DYN,         /* static type only: known when run */
};

struct asy_cel_value {
    uint8_t type;   /* UNKNOWN .. DURATION */
    uint32_t nanos; /* TIME: 0 .. 999,999,999; UNKNOWN: 1 when it is unknown because memory ran out, else 0 */
    union {
        bool b;
        int64_t i;  /* INT; TIME: seconds; DURATION: nanoseconds */
        double d;
        struct asy_str s;
    };
};

/* What a condition reads besides constants. */
enum asy_cel_input_kind {
    ASY_IN_FIELD = 1,    /* index: field */
    ASY_IN_SCORE,        /* index: score; INT if it has no decimals, else DOUBLE */
    ASY_IN_GRADE,        /* STRING; empty if no grade fits */
    ASY_IN_DISQUALIFIED, /* BOOL, never empty */
    ASY_IN_STAGE,        /* STRING */
    ASY_IN_NOW,          /* TIME: as_of */
    ASY_IN_EVENT_COUNT,  /* index: event, or ASY_ANY_EVENT; window_s: only events of age <= it; INT, never empty */
    ASY_IN_EVENT_LAST,   /* .days_ago: whole days since the latest; INT, empty if none */
    ASY_IN_EVENT_FIRST,  /* .first_days_ago */
    ASY_IN_PROPERTY,     /* index: property number of the schema; STRING; in an event rule's `where` only */
    ASY_IN_SEGMENT,      /* index: 0 days, 1 idle_days, 2 points_gained; INT; in `nurture` only */
    ASY_IN_MILESTONE,    /* routed, stage.<s>, stage.changed: in `slas` only; TIME */
    ASY_IN_VARIABLE,     /* index: the caller's; for tests */
};
#define ASY_ANY_EVENT UINT32_MAX
#define ASY_NO_WINDOW (-1)

struct asy_cel_input {
    uint8_t kind;
    uint8_t type;       /* asy_cel_type of a filled value */
    bool nullable;      /* may be empty: ==/!= still answer, order comparisons are unknown */
    uint32_t index;
    int64_t window_s;   /* EVENT_COUNT: seconds, or ASY_NO_WINDOW */
    uint32_t n_values;  /* STRING that can only have these values (enum, grade, stage, country): comparing it with another
                           constant is an error. 0: any text */
    const struct asy_str *values;
};

/* A named list: a set of texts. */
struct asy_cel_set {
    struct asy_str name;
    uint32_t n;
    struct asy_str *items;   /* sorted by bytes, no duplicates */
};
bool asy_cel_set_has(const struct asy_cel_set *set, struct asy_str text);

/* How names are found and findings told. All callbacks may be NULL (nothing known; findings dropped). */
struct asy_cel_env {
    void *ctx;
    /* The input `name` (dotted), or false. `window_s` is ASY_NO_WINDOW, or what stands in `name(30d)`. Text in *out must
     * live as long as the tree. The resolver is tried with the longest dotted prefix first (CEL's longest-prefix rule). */
    bool (*resolve)(void *ctx, struct asy_str name, int64_t window_s, struct asy_cel_input *out);
    const struct asy_cel_set *(*resolve_list)(void *ctx, struct asy_str name);
    /* " ; did you mean `x`?" or "" for an unknown name. */
    const char *(*hint)(void *ctx, struct asy_str name);
    /* The value of an input with certain values that somebody who writes `text` means ('UK': GB), or empty. */
    struct asy_str (*meant)(void *ctx, const struct asy_cel_input *input, struct asy_str text);
    /* offset and len: bytes in the expression. code and slug are static (see diag.h). */
    void (*report)(void *ctx, const char *code, const char *slug, uint32_t offset, uint32_t len, const char *message);
    bool fold; /* evaluate constant parts while compiling */
};

/* Bounds of one expression: bytes; parentheses, calls, lists and signs inside each other; operators of one precedence (or
 * `?:`) in a row; levels of the resulting tree. && and || have no bound but the first: their terms are one node. */
#define ASY_CEL_MAX_BYTES 16384
#define ASY_CEL_MAX_NESTING 64
#define ASY_CEL_MAX_CHAIN 256
#define ASY_CEL_MAX_HEIGHT 512
/* Text made by `+` is unknown beyond this. */
#define ASY_CEL_MAX_TEXT_BYTES (16u << 20)

enum asy_cel_op {
    ASY_CEL_CONST = 1,
    ASY_CEL_INPUT,
    /* logic */
    ASY_CEL_AND, ASY_CEL_OR, /* n >= 1 arguments */
    ASY_CEL_NOT,
    ASY_CEL_IF,              /* c ? a : b */
    /* comparison */
    ASY_CEL_EQ, ASY_CEL_NE, ASY_CEL_LT, ASY_CEL_LE, ASY_CEL_GT, ASY_CEL_GE,
    ASY_CEL_IN,              /* args[0] in [args[1..]] */
    ASY_CEL_IN_SET,          /* args[0] in a named list */
    /* arithmetic */
    ASY_CEL_ADD, ASY_CEL_SUB, ASY_CEL_MUL, ASY_CEL_DIV, ASY_CEL_MOD, ASY_CEL_NEG,
    /* functions */
    ASY_CEL_HAS, ASY_CEL_SIZE, ASY_CEL_STARTS_WITH, ASY_CEL_ENDS_WITH, ASY_CEL_CONTAINS, ASY_CEL_MATCHES,
    ASY_CEL_TO_INT, ASY_CEL_TO_DOUBLE, ASY_CEL_TO_STRING, ASY_CEL_TO_BOOL, ASY_CEL_TO_TIME, ASY_CEL_TO_DURATION,
    ASY_CEL_TO_DYN,
    ASY_CEL_DAYS_SINCE,      /* days_since(time): floor((now - time) / 86400 s); args[1] is INPUT now */
    ASY_CEL_GET_FULL_YEAR, ASY_CEL_GET_MONTH, ASY_CEL_GET_DATE, ASY_CEL_GET_DAY_OF_MONTH, ASY_CEL_GET_DAY_OF_WEEK,
    ASY_CEL_GET_DAY_OF_YEAR, ASY_CEL_GET_HOURS, ASY_CEL_GET_MINUTES, ASY_CEL_GET_SECONDS, ASY_CEL_GET_MILLISECONDS,
    ASY_CEL_OP_COUNT,
};

struct asy_cel_node {
    uint8_t op;
    uint8_t type;              /* static type (asy_cel_type; DYN where only a run can tell) */
    uint8_t clause;            /* set on the nodes that explanations name: an item of all:/any:/none:, or the whole
                                  expression: 1; on the node that joins all:/any:/none: itself: 2, 3, 4 */
    uint32_t n_args;
    struct asy_cel_node **args;
    struct asy_cel_value value; /* CONST */
    struct asy_cel_input input; /* INPUT */
    const struct asy_cel_set *set;     /* IN_SET */
    const struct asy_regex *regex;     /* MATCHES with a constant pattern */
    const struct asy_zone *zone;       /* GET_* with a constant zone */
    struct asy_str text;       /* the source of this node, borrowed from the expression */
    struct asy_pos pos;        /* in the rule file, set by the rule loader on clause nodes; {0,0} else */
    uint32_t height;           /* levels below this node: at most ASY_CEL_MAX_HEIGHT, so recursion over a tree is safe */
};

/* Parse and check one expression of at most 16 KiB and 64 nesting levels. NULL after reporting at least one error, or out of
 * memory (*no_memory true). The tree lives in `pool` and borrows `text`. `want` is the type it must have (BOOL for a
 * condition), or ASY_CEL_DYN for any. Codes E02xx are errors (listed in cel_check.c); W0227, a constant part that is always
 * unknown, is a warning: it comes with a tree, and only when folding. */
struct asy_cel_node *asy_cel_compile(struct asy_pool *pool, struct asy_str text, const struct asy_cel_env *env, uint8_t want,
                                     bool *no_memory);
/* Join conditions: ASY_CEL_AND (all), ASY_CEL_OR (any), or none (NOT over OR); `clause` is 2, 3 or 4. NULL: no memory. */
struct asy_cel_node *asy_cel_join(struct asy_pool *pool, uint8_t clause, struct asy_cel_node **args, uint32_t n);
/* Regexes are not pool memory: call for every tree before its pool goes. */
void asy_cel_release(struct asy_cel_node *node);

/* A row to evaluate on: `read` gives the value of an input (NULL type if empty). `scratch` takes text made on the way
 * (may be reset by the caller between rows). */
struct asy_cel_row {
    void *ctx;
    struct asy_cel_value (*read)(void *ctx, const struct asy_cel_input *input);
    struct asy_pool *scratch;
};
struct asy_cel_value asy_cel_eval(const struct asy_cel_node *node, const struct asy_cel_row *row);
/* One operation on values (every op but CONST, INPUT, AND, OR, IF; `node` gives op, set, regex and zone). Pure.
 * == and != with empty values answer (two empty ones are equal), `in` is the same == over its items (any unknown item:
 * unknown), has() and dyn() take empty values; all other operations on an empty value are unknown. */
struct asy_cel_value asy_cel_apply(const struct asy_cel_node *node, const struct asy_cel_value *args, uint32_t n,
                                   struct asy_pool *scratch);
/* Kleene, over n values; anything that is not a BOOL is unknown. */
struct asy_cel_value asy_cel_and(const struct asy_cel_value *args, uint32_t n);
struct asy_cel_value asy_cel_or(const struct asy_cel_value *args, uint32_t n);

static inline bool asy_cel_is_true(struct asy_cel_value value) { return value.type == ASY_CEL_BOOL && value.b; }
/* A condition's value as a table entry: 1 true, 2 known (see kern/kern.h). */
static inline uint8_t asy_cel_bits(struct asy_cel_value value)
{
    return value.type != ASY_CEL_BOOL ? 0 : value.b ? 3 : 2;
}
static inline struct asy_cel_value asy_cel_text(struct asy_str text)
{
    return (struct asy_cel_value){.type = ASY_CEL_STRING, .s = text};
}
/* A TIME from microseconds since 1970. */
static inline struct asy_cel_value asy_cel_time_us(int64_t utc_us)
{
    const int64_t s = utc_us / 1000000 - (utc_us % 1000000 < 0);
    return (struct asy_cel_value){.type = ASY_CEL_TIME, .i = s, .nanos = (uint32_t)(utc_us - s * 1000000) * 1000};
}

/* Call `visit` for `node` and everything below it, parents first. */
void asy_cel_walk(const struct asy_cel_node *node, void (*visit)(void *ctx, const struct asy_cel_node *node), void *ctx);
/* A value as a person would write it: 'text', 12, 1.5, true, null, unknown, 2026-01-01T00:00:00Z, 90s. In `pool`. */
struct asy_str asy_cel_value_text(struct asy_pool *pool, struct asy_cel_value value);

#endif
