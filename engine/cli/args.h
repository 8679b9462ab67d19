/* The argument table: one per verb says its operands and flags, and from it come parsing, suggestions and --help.
 *
 * Accepted: `--flag value`, `--flag=value`, repeated flags where the table allows it, operands anywhere, and `--` after which
 * everything is an operand. Whatever else stands there is refused with the place and the cure (ASSAY_E_PARAM).
 * Texts are borrowed from argv. Threads: read-only after parsing. */
#ifndef ASY_CLI_ARGS_H
#define ASY_CLI_ARGS_H

#include "base/diag.h"

struct asy_cli;

enum asy_flag_kind {
    ASY_FLAG_SWITCH = 0, /* no value */
    ASY_FLAG_TEXT,
    ASY_FLAG_COUNT,      /* 500, 100k, 2.5M, 1G (decimal thousands) */
    ASY_FLAG_SHARE,      /* 1% or 0.01; 0 to 1 */
    ASY_FLAG_TIME,       /* whatever asy_time_read takes */
    ASY_FLAG_CHOICE,     /* one of the words in `value`: "text|json" */
};

struct asy_flag {
    const char *name;     /* without the dashes */
    uint8_t kind;
    bool is_repeatable;
    bool is_required;
    const char *value;    /* name of the value in --help: "FILE" */
    const char *fallback; /* what holds when the flag is absent, as the user would write it; NULL: nothing */
    uint64_t min, max;    /* COUNT, inclusive; max 0: no bound */
    const char *help;     /* starts small, no full stop; wrapped when printed */
};

struct asy_verb {
    const char *name;
    const char *line;              /* what it does, for the list of verbs */
    const char *operands;          /* "RULES.yaml LEAD_ID" */
    uint32_t min_operands, max_operands;
    const char *const *examples;   /* ends with NULL */
    const struct asy_flag *flags;
    uint32_t n_flags;
    const char *notes;             /* paragraphs after the flags, lines already wrapped; or NULL */
    const struct asy_verb *verbs;  /* `plugin` is only a name for these, whose own names begin with it: "plugin new" */
    uint32_t n_verbs;              /* > 0: of what stands above only name and line are set */
    int (*run)(struct asy_cli *cli); /* gives the exit code */
};

struct asy_arg {
    uint32_t flag;    /* index in the verb's table */
    bool is_fallback;
    const char *text;
    uint64_t count;   /* COUNT; CHOICE: which word, from 0 */
    int64_t time_us;
    double share;
};

struct asy_args {
    const struct asy_verb *verb;
    uint32_t n;             /* given flags in order, then fallbacks */
    struct asy_arg *items;
    uint32_t n_operands;
    const char **operands;
    bool wants_help;        /* -h or --help: nothing else was checked */
};

/* Parse `argv[0..argc)`, which starts after the verb. */
assay_status asy_args_parse(struct asy_args *args, struct asy_pool *pool, const struct asy_verb *verb, int argc,
                            char *const *argv, struct assay_error *error);

/* All of these abort on a flag that the verb's table does not have, or has with another kind: a mistake in the verb. */
bool asy_args_has(const struct asy_args *args, const char *flag);         /* given by the user */
uint32_t asy_args_times(const struct asy_args *args, const char *flag);   /* how often, fallback included */
const char *asy_args_nth(const struct asy_args *args, const char *flag, uint32_t i);
const char *asy_args_text(const struct asy_args *args, const char *flag); /* the value as text, or NULL */
uint64_t asy_args_count(const struct asy_args *args, const char *flag);   /* 0 if absent without fallback */
uint32_t asy_args_choice(const struct asy_args *args, const char *flag);  /* which word, from 0 */
double asy_args_share(const struct asy_args *args, const char *flag);
bool asy_args_time(const struct asy_args *args, const char *flag, int64_t *out_us); /* false if absent */

/* "1.5M" -> 1500000. False on anything else, on a value that is not whole, on overflow. */
bool asy_args_read_count(struct asy_str text, uint64_t *out);
/* "1%" or "0.01" -> 0.01. False on anything else or outside 0 .. 1. */
bool asy_args_read_share(struct asy_str text, double *out);

/* The --help text of a verb, examples first. {NULL, 0} without memory. */
struct asy_str asy_args_help(struct asy_pool *pool, const struct asy_verb *verb);

#endif
