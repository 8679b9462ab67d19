/* A rule file as typed data: what rule/load.c makes of it, rule/check_*.c examines and exec/program.c compiles. Everything
 * lives in one pool and is read-only after loading. The order of arrays is the order of the file.
 *
 * Units: points and scores in 1/1000 ("milli"); ages and windows in seconds; shares in 1/1000 of a percent (50% = 50000).
 * Meaning of every section: rules/README.md. */
#ifndef ASY_RULES_H
#define ASY_RULES_H

#include "rule/cel.h"
#include "store/schema.h"

#define ASY_POINTS_MAX_MILLI 1000000000LL /* one rule: at most a million points */
#define ASY_SHARE_ONE 100000              /* 100% */
enum { ASY_DECAY_STEPS_MAX = 64 };         /* steps of one idle decay; more is an error when loading */
#define ASY_NONE UINT32_MAX               /* "no such number" */

struct asy_list {
    struct asy_cel_set set;      /* its texts, sorted */
    struct asy_str *owners;      /* by item of `set`: the `owner` column of a list file; NULL if there is none */
    struct asy_str file;         /* of a list file: relative to the rule file's folder; else {NULL, 0} */
    struct asy_pos pos;
};

/* -- scores ------------------------------------------------------------------------------------------------- */

enum asy_line_kind { ASY_LINE_VALUE = 1, ASY_LINE_RANGE, ASY_LINE_LIST, ASY_LINE_OTHERWISE, ASY_LINE_MISSING };

/* One cell of a points table. A comma list in the file becomes several lines with the same pos and points. */
struct asy_line {
    uint8_t kind;
    struct asy_str value;       /* VALUE: text as written (enum value, text, alpha-2 country, true/false, number) */
    int64_t lo_i, hi_i;         /* RANGE (and VALUE) on an INT field, inclusive; INT64_MIN / INT64_MAX: open */
    double lo_d, hi_d;          /* RANGE (and VALUE) on a NUMBER field, inclusive; +-infinity: open */
    uint32_t list;              /* LIST */
    int64_t points_milli;
    struct asy_str key;         /* the key as written, for explanations: "51-200" */
    struct asy_pos pos;
};

enum asy_rule_kind { ASY_RULE_TABLE = 1, ASY_RULE_WHEN, ASY_RULE_PLUGIN };

struct asy_rule {
    uint8_t kind;
    struct asy_str name;
    uint32_t field;             /* TABLE */
    uint32_t n_lines;
    struct asy_line *lines;
    struct asy_cel_node *when;  /* WHEN */
    int64_t points_milli;       /* WHEN */
    uint32_t call;              /* PLUGIN: number in `calls` */
    struct asy_pos pos;
};

enum asy_weight { ASY_WEIGHT_NONE = 0, ASY_WEIGHT_HALF_LIFE, ASY_WEIGHT_LINEAR };
enum asy_period { ASY_PERIOD_NONE = 0, ASY_PERIOD_DAY, ASY_PERIOD_WEEK, ASY_PERIOD_MONTH };

struct asy_event_rule {
    struct asy_str name;        /* the event's name unless `name:` is given */
    uint32_t event;
    bool each;                  /* every kept event gives points; else the latest kept one only */
    int64_t points_milli;
    bool has_max;
    int64_t max_milli;          /* same sign as the points */
    int64_t within_s;           /* 0: no window. kept if age <= within */
    uint32_t at_most;           /* 0: no limit */
    uint8_t per;                /* enum asy_period */
    struct asy_cel_node *where; /* over properties, or NULL */
    uint8_t weight;             /* enum asy_weight */
    uint32_t weight_span;       /* half life or length, in units of weight_unit_s */
    uint32_t weight_unit_s;     /* 86400, or 3600 with `by: hours` */
    struct asy_pos pos;
};

struct asy_decay_step {
    uint32_t days;
    uint32_t share;             /* taken off: 50000 = 50% */
    struct asy_pos pos;
};

enum asy_score_kind { ASY_SCORE_POINTS = 1, ASY_SCORE_SUM, ASY_SCORE_FILLED };

/* An item of `filled:`: a field, or events.any / events.<e>. */
struct asy_filled_item {
    struct asy_str name;
    uint32_t field;             /* ASY_NONE if it is an event */
    uint32_t event;             /* ASY_ANY_EVENT for events.any */
};

struct asy_score {
    struct asy_str name;
    uint8_t kind;
    uint32_t n_rules;
    struct asy_rule *rules;
    uint32_t n_events;
    struct asy_event_rule *events;
    bool is_rules_first;        /* `rules:` stands before `events:`: the order of terms */
    uint32_t n_steps;
    struct asy_decay_step *steps; /* idle decay, days increasing */
    uint32_t n_parts;
    uint32_t *parts;            /* SUM: earlier scores */
    uint32_t n_filled;
    struct asy_filled_item *filled;
    bool has_keep;
    int64_t keep_lo_milli, keep_hi_milli;
    uint32_t decimals;          /* 0..3 */
    struct asy_pos pos, keep_pos, decay_pos;
};

/* What a score is rounded to, in 1/1000. */
static inline int64_t asy_score_unit_milli(const struct asy_score *score)
{
    static const int64_t units[] = {1000, 100, 10, 1};
    return units[score->decimals];
}

struct asy_grade {
    struct asy_str name;
    int64_t from_milli;
    struct asy_str so;
    struct asy_pos pos;
};

/* -- decisions ---------------------------------------------------------------------------------------------- */

/* A condition with its place: `when:`, or a plugin, or (routes) `otherwise: true`. */
struct asy_test {
    struct asy_cel_node *when;  /* NULL with a plugin or otherwise */
    uint32_t call;              /* plugin: number in `calls`; ASY_NONE without */
    bool is_otherwise;
    struct asy_pos pos;         /* of the value of when/plugin/otherwise */
};

struct asy_disqualifier {
    struct asy_str name;
    struct asy_test test;
    struct asy_str reason;
    struct asy_pos pos;
};

struct asy_life_stage {
    struct asy_str name;
    struct asy_str owner;
    struct asy_test test;       /* `enter_when:`; otherwise: the first stage has none, and every lead is in it */
    uint32_t n_require;
    uint32_t *require;          /* fields */
    struct asy_pos pos;
};

struct asy_territory {
    struct asy_str name;
    uint32_t n_lines;
    struct asy_line *lines;     /* VALUE and LIST lines on the territory field; points unused */
    struct asy_pos pos;
};

struct asy_team {
    struct asy_str name;
    /* n_territories + 1 rosters: by territory, and last `anywhere`. n 0: none given. */
    struct asy_roster {
        uint32_t n;
        struct asy_str *members;
    } *rosters;
    struct asy_pos pos;
};

/* PLUGIN: to the target that the route's plugin names. */
enum asy_assign { ASY_ASSIGN_NOBODY = 0, ASY_ASSIGN_ROUND_ROBIN, ASY_ASSIGN_LIST_OWNER, ASY_ASSIGN_EXISTING, ASY_ASSIGN_PLUGIN };

struct asy_route {
    struct asy_str name;
    struct asy_test test;
    uint8_t assign;
    uint32_t team;              /* ROUND_ROBIN */
    uint32_t list;              /* LIST_OWNER: list with owners */
    uint32_t list_field;        /* LIST_OWNER: field that the route tests with `in LIST` */
    struct asy_str flag;        /* "" without */
    uint32_t n_then;
    struct asy_str *then;
    int64_t respond_within_s;   /* 0: no promise */
    struct asy_pos pos;
};

struct asy_recycle {
    struct asy_str name;
    struct asy_test test;
    struct asy_str to, play, expect;
    int64_t in_s;               /* 0: no due time */
    struct asy_pos pos;
};

/* A nurture segment with `enter_when:`. Leads come into one without by leaving another, which is not evaluated. */
struct asy_segment {
    struct asy_str name;
    struct asy_test test;
    struct asy_pos pos;
};

/* -- plugins ------------------------------------------------------------------------------------------------- */

/* An item of `reads:`: what a plugin may see. `renewal: company.renewal_date`, or only the name. */
struct asy_plugin_read {
    struct asy_str want;        /* the plugin's column; "": the one called like `name`, or like its last part */
    struct asy_str name;        /* a field, score.<s>, grade, events.<e>.count ... */
    struct asy_pos want_pos, pos;
};

struct asy_plugin_use {         /* an entry of `plugins:` */
    struct asy_str name, library, kind;
    uint32_t n_reads;
    struct asy_plugin_read *reads;
    bool is_in_process;         /* `isolation: none` */
    int64_t budget_ns;          /* processor time a lead; 0: the default */
    uint64_t memory_bytes;      /* 0: the default */
    struct asy_pos pos, library_pos, kind_pos;
};

struct asy_setting {            /* a key of `with:` */
    struct asy_str name;
    bool is_list;
    uint32_t n_texts;           /* 1 unless it is a list */
    struct asy_str *texts;
    struct asy_pos pos;         /* of the key */
    struct asy_pos *text_pos;   /* by text */
};

struct asy_plugin_call {        /* `plugin: NAME`, one a rule that uses it */
    uint32_t plugin;            /* number in `plugins` */
    struct asy_cel_input *inputs; /* by read of the plugin, as they can be named where the rule stands */
    uint32_t n_settings;
    struct asy_setting *settings;
    int64_t points_lo_milli, points_hi_milli; /* scorer: what it can give; any points until it is opened and has said so */
    struct asy_str rule;        /* name of the rule, for messages */
    struct asy_pos pos;         /* of the plugin's name */
};

struct asy_rules {
    struct asy_pool pool;
    struct asy_str path;        /* as given */
    struct asy_str folder;      /* of the path: "rules/", or "."; NUL-terminated */
    struct asy_str source;      /* whole text */
    uint64_t checksum;          /* of the source and of all files it names: lists, and what plugins are given */
    struct asy_str name;        /* `ruleset`, or the file's base name */
    struct asy_schema schema;
    uint32_t n_lists;       struct asy_list *lists;
    uint32_t n_scores;      struct asy_score *scores;
    uint32_t grade_by;          /* score, or ASY_NONE without grades */
    uint32_t n_grades;      struct asy_grade *grades; /* file order */
    uint32_t n_disqualify;  struct asy_disqualifier *disqualify;
    uint32_t n_stages;      struct asy_life_stage *stages;
    uint32_t territory_field;   /* ASY_NONE without territories */
    uint32_t n_territories; struct asy_territory *territories;
    uint32_t n_teams;       struct asy_team *teams;
    uint32_t n_routes;      struct asy_route *routes;
    uint32_t n_recycle;     struct asy_recycle *recycle;
    uint32_t n_segments;    struct asy_segment *segments;
    uint32_t n_plugins;     struct asy_plugin_use *plugins;
    uint32_t n_calls;       struct asy_plugin_call *calls;
    uint32_t owner_field;       /* number of field `lead.owner`, or ASY_NONE */
    /* What is checked and not evaluated, as one line for the person who runs it ("slas, targets, nurture exits,
     * attribution"); empty if the file has nothing of it. */
    struct asy_str not_evaluated;
    /* Every compiled condition by itself, for asy_cel_release: regexes are not pool memory. */
    uint32_t n_trees;       struct asy_cel_node **trees;
};

#endif
