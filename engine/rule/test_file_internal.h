/* What the files of the reader of rule tests share: test_file.c reads tests, their times and tables; test_file_parts.c what a
 * test sets and expects. Readers return nothing and go on after a mistake, as those of the rule loader do (load_internal.h). */
#ifndef ASY_TEST_FILE_INTERNAL_H
#define ASY_TEST_FILE_INTERNAL_H

#include "rule/load_internal.h"
#include "rule/test_file.h"

enum { ASY_TEST_WORDS_MAX = 4 + ASY_PROPERTIES_MAX + 1 }; /* of an event; that many are too many */
#define ASY_TEST_SPAN_MAX_S (36525LL * 86400)             /* `ago` and `after event`: a hundred years */

struct asy_tests_names {
    uint32_t n;
    struct asy_str *items;
};
/* What can be expected: its key, and the names that its value may have. */
struct asy_tests_target {
    uint8_t kind;
    uint32_t score, rule;
    const struct asy_tests_names *names;
};
struct asy_tests_reader {
    struct asy_loader l; /* for findings and shapes; of a loader it has no more than they need */
    const struct asy_rules *rules;
    struct asy_rule_tests *tests;
    struct asy_tests_names fields, events, plugins, grades, stages, routes, segments, disqualify, recycle, flags, keys;
    struct asy_tests_target *targets; /* by key */
    uint32_t n_runs;
};
/* Growing parts of a run. */
struct asy_tests_draft {
    uint32_t n_changes, changes_cap, n_events, events_cap, n_expects, expects_cap;
    struct asy_test_change *changes;
    struct asy_test_event *events;
    struct asy_expect *expects;
};

/* Room for item number `n` of an array of the tests' pool. */
#define ASY_TESTS_GROW(r, items, cap, n) asy_tests_grow(r, (void **)&(items), &(cap), n, sizeof(*(items)))
bool asy_tests_grow(struct asy_tests_reader *r, void **items, uint32_t *cap, uint32_t n, size_t item_bytes);
/* Number of a name, or -1. */
int64_t asy_tests_find(const struct asy_tests_names *names, struct asy_str word);
uint32_t asy_tests_split_words(struct asy_str s, struct asy_str words[ASY_TEST_WORDS_MAX]);
/* `now`, `2d ago` or a time. */
bool asy_tests_time(const struct asy_tests_reader *r, struct asy_str text, int64_t *out_us);

/* Add what a section or a cell says to the draft. Missing sections are passed over. */
void asy_tests_lead(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *lead);
void asy_tests_plugins(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *plugins);
void asy_tests_events(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *events);
void asy_tests_expects(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *expect);
void asy_tests_add_field(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *key,
                         const struct asy_yaml *value);
void asy_tests_add_written_change(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *cell);
void asy_tests_add_expect(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *key,
                          const struct asy_yaml *node);

#endif
