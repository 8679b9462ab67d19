/* Tests of a rule file (RULES.test.yaml) as typed data. A test is one or more runs: a lead, what it did, a time, and what has to
 * come out. Names and values are held to the rules that are tested, so that a slip is a finding with its place and no failure later.
 *
 *     tests_for: rules.yaml
 *     now: 2026-06-30 12:00
 *     lead: {company.employees: 120}            every test starts from it
 *     plugins: {competitors: false}             what plugins answer instead of their libraries
 *     tests:
 *       - name: somebody who asked is hot
 *         lead: {company.country: empty}        changes
 *         events: [demo_request 2d ago, page_view 1d ago x3 page=/pricing]
 *         expect: {score.fit: 25, fit.Company size: 25, grade: hot, assigned_to: [ana, bruno]}
 *
 * `at:` runs a test at several times, `cases:` once for each row of a table. All times are made absolute here: `2d ago` is from `now:`
 * of the file, `59d after event` from the latest event of the test. Threads: read-only after loading. */
#ifndef ASY_TEST_FILE_H
#define ASY_TEST_FILE_H

#include "rule/load.h"

/* What a plugin is said to answer. Of a scorer `points_milli`; of others whether it says yes, and of a router to whom. */
struct asy_test_answer {
    bool is_yes;
    struct asy_str target;  /* "" if none is named */
    int64_t points_milli;
};

/* A field, or a plugin's answer, is set. Of several for one thing the last counts. */
struct asy_test_change {
    uint32_t field;         /* ASY_NONE: a plugin */
    uint32_t plugin;
    bool is_empty;          /* the field is emptied */
    struct asy_str text;    /* of the field, as written; of a time: as ISO 8601 */
    union asy_default value; /* typed as in struct asy_field, but for text */
    struct asy_test_answer answer;
    struct asy_pos pos;
};

struct asy_test_event {
    uint32_t event;
    int64_t time_us;
    uint32_t count;
    uint32_t n_properties;
    struct asy_test_property {
        uint32_t property;  /* number in the schema */
        struct asy_str text;
    } *properties;
    struct asy_pos pos;
};

enum asy_expect_kind {
    ASY_EXPECT_SCORE = 1,
    ASY_EXPECT_RULE,         /* points of a rule: `fit.Company size` */
    ASY_EXPECT_EVENT_RULE,
    ASY_EXPECT_GRADE,        /* from here on: a number in the rules' array, or none */
    ASY_EXPECT_STAGE,
    ASY_EXPECT_ROUTE,
    ASY_EXPECT_NURTURE,
    ASY_EXPECT_DISQUALIFIED_BY,
    ASY_EXPECT_RECYCLED_BY,
    ASY_EXPECT_FLAG,         /* text */
    ASY_EXPECT_ASSIGNED_TO,  /* texts */
    ASY_EXPECT_RESPOND_WITHIN,
    ASY_EXPECT_DISQUALIFIED,
};

struct asy_expect {
    uint8_t kind;
    uint32_t score, rule;    /* SCORE, RULE, EVENT_RULE */
    bool is_none;            /* `none`; `nobody`; `empty` of a score */
    bool is_disqualified;    /* `disqualified` of a grade */
    int64_t value;           /* points in 1/1000; number; seconds; 0 or 1 */
    uint32_t n_texts;        /* FLAG: 1. ASSIGNED_TO: any of them */
    struct asy_str *texts;
    struct asy_pos pos;      /* of the expected value */
};

struct asy_test_run {
    int64_t now_us;
    uint32_t n_changes;  struct asy_test_change *changes; /* after those of the whole file */
    uint32_t n_events;   struct asy_test_event *events;
    uint32_t n_expects;  struct asy_expect *expects;      /* at least one */
    struct asy_pos pos;  /* of the test, the time or the row */
};

struct asy_rule_test {
    struct asy_str name;
    uint32_t n_runs;     struct asy_test_run *runs;
    struct asy_pos pos;
};

struct asy_rule_tests {
    struct asy_pool pool;
    struct asy_str path, source;
    struct asy_str tests_for;   /* the rule file, relative to the folder of `path` */
    int64_t now_us;
    uint32_t n_changes;  struct asy_test_change *changes; /* where every run starts */
    uint32_t n_tests;    struct asy_rule_test *tests;
    struct asy_yaml *root;
};

/* Read the file, so that `tests_for` is known. Findings in `diags`, as asy_rules_load. On failure *tests holds nothing. */
assay_status asy_rule_tests_open(struct asy_rule_tests *tests, struct asy_mem *mem, const char *path,
                                 const struct asy_file_reader *reader, struct asy_diags *diags, struct assay_error *error);
/* Then all of it, for these rules, which have to outlive *tests. ASSAY_E_RULES when there are errors; *tests is still to be
 * finished then, once the findings have been shown: the source beside them is in it. */
assay_status asy_rule_tests_read(struct asy_rule_tests *tests, const struct asy_rules *rules, struct asy_diags *diags,
                                 struct assay_error *error);
void asy_rule_tests_fini(struct asy_rule_tests *tests);

#endif
