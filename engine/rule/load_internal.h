/* What the files of the rule loader share. Each section's reader takes its YAML, adds findings for what is wrong and fills
 * struct asy_rules with the rest; it goes on after a mistake, and what a mistake has made unclear is not reported again:
 * a thing that could not be read keeps its name, so that naming it elsewhere is no second finding.
 *
 *   header -> fields, derive, events -> lists -> plugins -> scores -> grades -> disqualify -> lifecycle -> teams -> routes
 *   -> recycle -> what plugins read -> slas, targets -> nurture -> attribution -> what each field is needed for
 *
 * Readers return nothing: `diags` counts errors, and `no_memory` stops the loader. */
#ifndef ASY_LOAD_INTERNAL_H
#define ASY_LOAD_INTERNAL_H

#include "base/yaml.h"
#include "rule/load.h"

/* Where a condition stands: what it may name, and whether it is evaluated today. */
enum asy_scope {
    ASY_SCOPE_SCORE = 1,
    ASY_SCOPE_WHERE, /* of an event rule: only properties of the event */
    ASY_SCOPE_DISQUALIFY,
    ASY_SCOPE_LIFECYCLE,
    ASY_SCOPE_ROUTE,
    ASY_SCOPE_RECYCLE,
    ASY_SCOPE_TARGET,
    ASY_SCOPE_NURTURE,
    ASY_SCOPE_LEAVE, /* of a nurture segment */
};

struct asy_loader {
    struct asy_rules *rules;
    struct asy_pool *pool; /* of the rules */
    struct asy_diags *diags;
    const struct asy_file_reader *reader;
    const struct asy_yaml *root;
    bool no_memory;

    bool *is_field_bad;    /* by field: declared, but its type could not be read */
    bool are_fields_unknown, are_events_unknown; /* the section could not be read: any name passes */
    struct asy_cel_set any_list; /* stands for lists of an unreadable section */
    uint32_t *list_state;  /* by list: see load_lists.c */
    bool *is_list_bad;     /* by list: its content could not be read */
    uint32_t scores_known; /* scores that may be named now; the one being read has this number */
    uint32_t n_countries;
    struct asy_str *countries; /* alpha-2 codes */
    bool has_calendar, has_nurture_exits;
    struct asy_str *grade_names, *stage_names; /* made when first named */
    struct asy_load_plugin *plugins; /* by plugin: see load_plugins.c */
    uint64_t n_union_items;
    uint32_t n_trees_cap, n_properties_cap, n_calls_cap;
};

/* -- findings and structure (load_tree.c) ----------------------------------------------------------------------- */

/* A finding at a node: its whole text is underlined if it is on one line. */
void asy_load_tell(struct asy_loader *l, const char *code, const char *slug, const struct asy_yaml *at, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Reports itself if false; a bad or missing node is false without a word. `what` names the thing: "`scores`". */
bool asy_load_is_map(struct asy_loader *l, const struct asy_yaml *node, const char *what);
bool asy_load_is_seq(struct asy_loader *l, const struct asy_yaml *node, const char *what);
bool asy_load_is_text(struct asy_loader *l, const struct asy_yaml *node, const char *what); /* not empty */
/* What a node is, for "found ...": "a list", "a mapping", "nothing", "`text`". */
const char *asy_load_found(struct asy_loader *l, const struct asy_yaml *node);
/* Report keys of `map` that are not among `known`. */
void asy_load_keys(struct asy_loader *l, const struct asy_yaml *map, const char *what, const char *const *known, uint32_t n);
/* Is there a key that is nearly this one? It is reported as unknown; that `key` is missing would be the same slip again. */
bool asy_load_has_slip(const struct asy_yaml *map, const char *key);
/* Is the section there, but no mapping? That is reported; names in it are not known then, and not wrong either. */
bool asy_load_is_unreadable(const struct asy_loader *l, const char *section);
/* The value of a required key, or NULL after a finding at the map. */
const struct asy_yaml *asy_load_need(struct asy_loader *l, const struct asy_yaml *map, const char *key, const char *what);
/* Text of an optional key; "" if it is missing or bad. */
struct asy_str asy_load_text_of(struct asy_loader *l, const struct asy_yaml *map, const char *key);
/* "; did you mean `x`?" or "": for the first findings only, since looking for near names takes time in each. Arrays of names
 * made for it have asy_load_hints(l, n) items: none when there are no hints any more. */
uint32_t asy_load_hints(const struct asy_loader *l, uint32_t n);
const char *asy_load_hint(struct asy_loader *l, struct asy_str word, const struct asy_str *known, uint32_t n);
void *asy_load_alloc(struct asy_loader *l, size_t n, size_t size_bytes); /* n 0: NULL and no failure */
/* "a", "a, b" ...: for messages. */
const char *asy_load_join(struct asy_loader *l, const struct asy_str *items, uint32_t n, uint32_t at_most);
/* An identifier of the condition language: [A-Za-z_][A-Za-z0-9_]*, none of its reserved words. */
bool asy_load_is_identifier(struct asy_str s);
/* Has item number `i` the name of one before it? Reports E0237, and E0124 at item 10,000. Names are `stride` bytes apart. */
bool asy_load_is_repeated(struct asy_loader *l, const struct asy_yaml *at, const char *what, const void *names, size_t stride,
                          uint32_t i);

/* -- scalars (load_values.c): reported as E0124 ----------------------------------------------------------------- */

enum asy_number_read { ASY_READ_OK, ASY_READ_BAD, ASY_READ_TOO_FINE, ASY_READ_TOO_LARGE };
/* [+-]digits[.digits], at most three decimals, at most ASY_POINTS_MAX_MILLI. */
enum asy_number_read asy_load_read_milli(struct asy_str s, int64_t *out);
/* A length such as 30d: seconds. */
bool asy_load_read_duration(struct asy_str s, int64_t *out_s);

bool asy_load_points(struct asy_loader *l, const struct asy_yaml *node, const char *what, int64_t *out_milli);
bool asy_load_duration(struct asy_loader *l, const struct asy_yaml *node, const char *what, int64_t *out_s); /* above 0 */
bool asy_load_percent(struct asy_loader *l, const struct asy_yaml *node, const char *what, uint32_t *out_share);
bool asy_load_count(struct asy_loader *l, const struct asy_yaml *node, const char *what, uint32_t lo, uint32_t hi, uint32_t *out);
/* One of at most 16 words. */
bool asy_load_is_one_of(struct asy_loader *l, const struct asy_yaml *node, const char *what, const char *const *known, uint32_t n);
/* "0..100" */
bool asy_load_interval(struct asy_loader *l, const struct asy_yaml *node, const char *what, int64_t *lo_milli, int64_t *hi_milli);
/* `51-200`, `501+`, `-5`, `-10--1`: the two ends as text, `hi` empty if open. False if it is none. */
bool asy_load_split_range(struct asy_str s, struct asy_str *lo, struct asy_str *hi, bool *is_open);
/* "4 emails per month": count, thing and period; `thing` may be empty text for "3 per day". */
bool asy_load_rate(struct asy_str s, uint32_t *n, struct asy_str *thing, struct asy_str *period);
/* Part number `*at` of a comma list, trimmed; false at the end. *offset is where it starts in `s`. */
bool asy_load_next_part(struct asy_str s, uint32_t *at, struct asy_str *part, uint32_t *offset);

/* -- names (load_names.c) --------------------------------------------------------------------------------------- */

/* Number of the field, event, list, score, plugin, or -1 after a finding (E0203, E0206, E0502) at byte `offset` of the
 * node's text. -2 without a finding where the thing exists but its section could not be read. */
int64_t asy_load_field(struct asy_loader *l, const struct asy_yaml *at, uint32_t offset, struct asy_str name);
int64_t asy_load_event(struct asy_loader *l, const struct asy_yaml *at, uint32_t offset, struct asy_str name);
int64_t asy_load_list(struct asy_loader *l, const struct asy_yaml *at, uint32_t offset, struct asy_str name);
/* `score.total`: scores before `scores_known` only. `prefix` false: `total`. */
int64_t asy_load_score(struct asy_loader *l, const struct asy_yaml *at, struct asy_str name, bool prefix);
/* Why the score cannot be named in the one that is being read, or NULL. */
const char *asy_load_score_refusal(struct asy_loader *l, uint32_t score);
/* `plugin: name` where plugins of `kind` may stand. */
int64_t asy_load_plugin(struct asy_loader *l, const struct asy_yaml *at, const char *kind);
void asy_load_need_field(struct asy_loader *l, uint32_t field, uint8_t need);
/* The environment of a condition in `scope`; `ctx` of all callbacks is a struct asy_load_when. */
struct asy_load_when {
    struct asy_loader *l;
    const struct asy_yaml *node; /* its text has the expression from byte `base` on */
    uint32_t base;
    uint8_t scope;
    uint32_t n_refusals;         /* names that exist and cannot be used here: input kind VARIABLE, index into these */
    const char *refusals[8];
};
bool asy_load_resolve(void *ctx, struct asy_str name, int64_t window_s, struct asy_cel_input *out);
const struct asy_cel_set *asy_load_resolve_list(void *ctx, struct asy_str name);
const char *asy_load_name_hint(void *ctx, struct asy_str name);
/* A finding about bytes of the expression. */
void asy_load_report(void *ctx, const char *code, const char *slug, uint32_t offset, uint32_t len, const char *message);

/* -- conditions (load_when.c) ----------------------------------------------------------------------------------- */

/* An expression, or a mapping with all:, any:, none:. NULL after a finding. */
struct asy_cel_node *asy_load_condition(struct asy_loader *l, const struct asy_yaml *node, uint8_t scope);
/* One of `when:`, `plugin:` (of `kind`) and, where allowed, `otherwise: true` of an entry. False after a finding. */
bool asy_load_test(struct asy_loader *l, const struct asy_yaml *entry, const char *what, uint8_t scope, const char *kind,
                   bool may_be_otherwise, struct asy_test *out);
/* An expression inside a longer text, such as `share(EXPR)`: bytes from..from + len of the node's text. */
void asy_load_condition_part(struct asy_loader *l, const struct asy_yaml *node, uint32_t from, uint32_t len, uint8_t scope);

/* -- plugins (load_plugins.c) ----------------------------------------------------------------------------------- */

/* Number of a new call for `plugin:` (of `kind`) and `with:` of a rule, or ASY_NONE after a finding. */
uint32_t asy_load_call(struct asy_loader *l, const struct asy_yaml *entry, const char *kind);

/* -- tables (load_table.c) -------------------------------------------------------------------------------------- */

struct asy_table {
    uint32_t field;
    uint32_t n, cap;
    struct asy_line *lines;
    bool has_points;   /* a points table; else the values of a territory: no ranges, `otherwise` or `missing` */
    const char *what;
};
/* Add the lines of one key (or of one territory's values). */
void asy_load_line(struct asy_loader *l, struct asy_table *table, const struct asy_yaml *key, int64_t points_milli);
/* Report values that stand in the table twice, and bands of numbers that overlap. */
void asy_load_table_twice(struct asy_loader *l, const struct asy_table *table);
void asy_load_table_overlaps(struct asy_loader *l, const struct asy_table *table);

/* "day" ... "year" (load_rest.c). */
enum { ASY_LOAD_PERIODS = 5 };
extern const char *const asy_load_periods[ASY_LOAD_PERIODS];

/* -- sections --------------------------------------------------------------------------------------------------- */

void asy_load_fields(struct asy_loader *l);
void asy_load_derive(struct asy_loader *l);
void asy_load_events(struct asy_loader *l);
void asy_load_lists(struct asy_loader *l);
void asy_load_plugins(struct asy_loader *l);
void asy_load_plugin_reads(struct asy_loader *l); /* what plugins read, once every name is known */
void asy_load_scores(struct asy_loader *l);
void asy_load_event_rules(struct asy_loader *l, const struct asy_yaml *node, struct asy_score *score);
void asy_load_grades(struct asy_loader *l);
void asy_load_disqualify(struct asy_loader *l);
void asy_load_teams(struct asy_loader *l);
void asy_load_routes(struct asy_loader *l);
void asy_load_recycle(struct asy_loader *l);
void asy_load_calendar(struct asy_loader *l);
void asy_load_lifecycle(struct asy_loader *l);
void asy_load_slas(struct asy_loader *l);
void asy_load_targets(struct asy_loader *l);
void asy_load_nurture(struct asy_loader *l);
void asy_load_attribution(struct asy_loader *l);

/* A list file: its key column, and its `owner` column if it has one. Items in file order. False after a finding. */
struct asy_list_file {
    uint32_t n;
    struct asy_str *keys;
    struct asy_str *owners; /* NULL without the column */
};
bool asy_load_list_csv(struct asy_loader *l, const struct asy_yaml *at, struct asy_str bytes, struct asy_str path,
                       struct asy_str key_column, struct asy_list_file *out);

#endif
