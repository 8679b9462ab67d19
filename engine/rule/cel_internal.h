/* The condition language, inside: tokens, the compiler's state, and what its files share. Nothing here is used outside
 * rule/cel_*.c.
 *
 *   text -> cel_lex.c -> cel_parse.c -> cel_check.c (operators), cel_call.c (names, functions) -> typed tree
 *                                                                 cel_eval.c (row) -> cel_apply.c, cel_time.c
 *
 * The parser builds no tree of its own: it hands operands ("parts") to the checker, which types, folds and joins them. */
#ifndef ASY_CEL_INTERNAL_H
#define ASY_CEL_INTERNAL_H

#include "rule/cel.h"

/* Nanoseconds of a time do not fit 64 bits. */
__extension__ typedef __int128 asy_cel_wide;

enum asy_cel_token_kind {
    ASY_TOKEN_END = 0,
    ASY_TOKEN_INT,    /* magnitude: up to 2^63 */
    ASY_TOKEN_DOUBLE, /* number */
    ASY_TOKEN_STRING, /* text, escapes resolved */
    ASY_TOKEN_WINDOW, /* 30d: window_s */
    ASY_TOKEN_NAME,
    ASY_TOKEN_TRUE, ASY_TOKEN_FALSE, ASY_TOKEN_NULL, ASY_TOKEN_IN,
    ASY_TOKEN_LPAREN, ASY_TOKEN_RPAREN, ASY_TOKEN_LBRACKET, ASY_TOKEN_RBRACKET, ASY_TOKEN_LBRACE, ASY_TOKEN_RBRACE,
    ASY_TOKEN_COMMA, ASY_TOKEN_DOT, ASY_TOKEN_COLON, ASY_TOKEN_QUESTION,
    ASY_TOKEN_PLUS, ASY_TOKEN_MINUS, ASY_TOKEN_STAR, ASY_TOKEN_SLASH, ASY_TOKEN_PERCENT, ASY_TOKEN_NOT,
    ASY_TOKEN_EQ, ASY_TOKEN_NE, ASY_TOKEN_LT, ASY_TOKEN_LE, ASY_TOKEN_GT, ASY_TOKEN_GE, ASY_TOKEN_AND, ASY_TOKEN_OR,
};

struct asy_cel_token {
    uint8_t kind;
    uint32_t offset, len;
    uint64_t magnitude;
    double number;
    int64_t window_s;
    struct asy_str text;
};

/* An operand: its node and where it stands, parentheses included. node NULL: compiling has stopped. */
struct asy_cel_part {
    struct asy_cel_node *node;
    uint32_t start, end;
    bool is_const;    /* nothing below reads an input */
    bool is_bad;      /* a finding was reported about it: report nothing that follows from it */
    bool is_relation; /* a comparison, not in parentheses */
};

struct asy_cel_parts {
    struct asy_cel_part *items;
    uint32_t n, cap;
};

#define ASY_CEL_MAX_SEGMENTS 32
/* A dotted name as it stands in the text. */
struct asy_cel_name {
    uint32_t n;
    struct {
        uint32_t offset, len;
    } segments[ASY_CEL_MAX_SEGMENTS];
};

struct asy_cel_compiler {
    struct asy_pool *pool;
    struct asy_str text;
    const struct asy_cel_env *env;
    uint32_t next;              /* first byte after `token` */
    struct asy_cel_token token; /* the one to look at */
    uint32_t last_end;          /* end of the token before it */
    uint32_t depth;
    uint32_t n_errors;
    bool is_stopped;            /* nothing sensible can follow: a syntax error, a limit, no memory */
    bool no_memory;
    struct asy_cel_node **with_regex;
    uint32_t n_with_regex, cap_with_regex;
};

/* -- cel_lex.c */
void asy_cel_next(struct asy_cel_compiler *c);
/* "`word`", cut to a readable length, or "the end". Lives in the pool; "" without memory. */
const char *asy_cel_found(struct asy_cel_compiler *c, const struct asy_cel_token *token);

/* -- cel_check.c */
void asy_cel_report(struct asy_cel_compiler *c, const char *code, const char *slug, uint32_t offset, uint32_t len,
                    const char *format, ...) __attribute__((format(printf, 6, 7)));
void asy_cel_out_of_memory(struct asy_cel_compiler *c);
/* Report, and stop. */
#define ASY_CEL_STOP(c, ...) (asy_cel_report((c), __VA_ARGS__), (c)->is_stopped = true)

const char *asy_cel_type_name(uint8_t type);          /* "int" */
const char *asy_cel_type_phrase(uint8_t type);        /* "an int" */
struct asy_str asy_cel_part_text(const struct asy_cel_compiler *c, struct asy_cel_part part);

struct asy_cel_node *asy_cel_node_new(struct asy_cel_compiler *c, uint8_t op, uint8_t type, uint32_t n_args);
/* Give a node its place, fold it, and make a part of it. */
struct asy_cel_part asy_cel_finish(struct asy_cel_compiler *c, struct asy_cel_node *node, uint32_t start, uint32_t end,
                                   bool is_const);
/* A stand-in for something a finding was reported about: goes with every type. */
struct asy_cel_part asy_cel_bad(struct asy_cel_compiler *c, uint32_t start, uint32_t end);
/* The value of a constant part, folded or not; false if it has none: it reads something, or is unknown. */
bool asy_cel_const_value(struct asy_cel_compiler *c, struct asy_cel_part part, struct asy_cel_value *out);
struct asy_cel_part asy_cel_make_const(struct asy_cel_compiler *c, struct asy_cel_value value, uint32_t start, uint32_t end);
struct asy_cel_part asy_cel_make_unary(struct asy_cel_compiler *c, uint8_t op, uint32_t offset, struct asy_cel_part operand);
/* Comparison or arithmetic. `at` is the operator's token. */
struct asy_cel_part asy_cel_make_binary(struct asy_cel_compiler *c, uint8_t op, const struct asy_cel_token *at,
                                        struct asy_cel_part left, struct asy_cel_part right);
struct asy_cel_part asy_cel_make_logic(struct asy_cel_compiler *c, uint8_t op, const struct asy_cel_parts *terms);
struct asy_cel_part asy_cel_make_if(struct asy_cel_compiler *c, struct asy_cel_part condition, struct asy_cel_part yes,
                                    struct asy_cel_part no);
struct asy_cel_part asy_cel_make_in(struct asy_cel_compiler *c, struct asy_cel_part left, const struct asy_cel_parts *items,
                                    uint32_t end);
struct asy_cel_part asy_cel_make_in_set(struct asy_cel_compiler *c, const struct asy_cel_token *at, struct asy_cel_part left,
                                        const struct asy_cel_name *name);

/* -- cel_call.c */
struct asy_cel_part asy_cel_make_name(struct asy_cel_compiler *c, const struct asy_cel_name *name);
struct asy_cel_part asy_cel_make_window(struct asy_cel_compiler *c, const struct asy_cel_name *name, uint32_t end,
                                        const struct asy_cel_token *window);
struct asy_str asy_cel_name_text(struct asy_cel_compiler *c, const struct asy_cel_name *name, uint32_t n);
bool asy_cel_resolve(struct asy_cel_compiler *c, struct asy_str name, int64_t window_s, struct asy_cel_input *out);
/* What is wrong with calling this, before its arguments are read: true after stopping (macros). */
bool asy_cel_call_is_refused(struct asy_cel_compiler *c, struct asy_str function, uint32_t offset, bool is_method);
/* `target` is NULL for f(x); else x.f(..). */
struct asy_cel_part asy_cel_make_call(struct asy_cel_compiler *c, struct asy_str function, uint32_t offset,
                                      const struct asy_cel_part *target, const struct asy_cel_parts *args, uint32_t start,
                                      uint32_t end);
/* Is this a function that is written x.f()? */
bool asy_cel_is_method(struct asy_str function);

/* -- cel_apply.c */
struct asy_cel_value asy_cel_equal(struct asy_cel_value a, struct asy_cel_value b); /* BOOL, or UNKNOWN */

/* -- cel_time.c: text of times and durations, accessors, zones */
bool asy_cel_time_valid(int64_t s);
bool asy_cel_time_parse(struct asy_str text, struct asy_cel_value *out);     /* RFC 3339 */
uint32_t asy_cel_time_format(struct asy_cel_value time, char out[40]);
bool asy_cel_duration_parse(struct asy_str text, int64_t *out_ns);           /* "1h30m", "-1.5s" */
uint32_t asy_cel_duration_format(int64_t ns, char out[40]);                  /* "5400s", "-1.5s" */
const struct asy_zone *asy_cel_zone_load(struct asy_pool *pool, struct asy_str name, const char **problem);
/* GET_*; zone NULL: UTC. */
struct asy_cel_value asy_cel_time_part(uint8_t op, struct asy_cel_value time, const struct asy_zone *zone);

static inline struct asy_cel_value asy_cel_unknown(void)
{
    return (struct asy_cel_value){.type = ASY_CEL_UNKNOWN};
}
static inline struct asy_cel_value asy_cel_no_memory(void)
{
    return (struct asy_cel_value){.type = ASY_CEL_UNKNOWN, .nanos = 1};
}
static inline struct asy_cel_value asy_cel_bool(bool b)
{
    return (struct asy_cel_value){.type = ASY_CEL_BOOL, .b = b};
}
static inline struct asy_cel_value asy_cel_int(int64_t i)
{
    return (struct asy_cel_value){.type = ASY_CEL_INT, .i = i};
}

#endif
