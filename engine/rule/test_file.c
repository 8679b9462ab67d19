/* The reader of rule test files: tests, their times and tables -> runs. */
#include "base/time.h"
#include "rule/test_file_internal.h"

#define COUNT(a) (uint32_t)(sizeof(a) / sizeof((a)[0]))

enum { RUNS_MAX = 100000 };

/* -- tests ----------------------------------------------------------------------------------------------------------- */

/* `base` and more: what is added goes to arrays of its own. */
static struct asy_tests_draft copy_draft(struct asy_tests_reader *r, const struct asy_tests_draft *base)
{
    struct asy_tests_draft d = {0};
    for (uint32_t i = 0; i < base->n_changes && ASY_TESTS_GROW(r, d.changes, d.changes_cap, i); i++)
        d.changes[d.n_changes++] = base->changes[i];
    for (uint32_t i = 0; i < base->n_events && ASY_TESTS_GROW(r, d.events, d.events_cap, i); i++)
        d.events[d.n_events++] = base->events[i];
    for (uint32_t i = 0; i < base->n_expects && ASY_TESTS_GROW(r, d.expects, d.expects_cap, i); i++)
        d.expects[d.n_expects++] = base->expects[i];
    return d;
}

static void set_run(struct asy_tests_reader *r, struct asy_test_run *run, const struct asy_yaml *at,
                    const struct asy_tests_draft *d, int64_t now_us)
{
    if (d->n_expects == 0)
        asy_load_tell(&r->l, "E0607", "test-empty", at,
                      "expected something to be checked: add `expect:`, or a column with what is expected");
    *run = (struct asy_test_run){.now_us = now_us, .n_changes = d->n_changes, .changes = d->changes, .n_events = d->n_events,
                                 .events = d->events, .n_expects = d->n_expects, .expects = d->expects, .pos = at->pos};
}

static struct asy_test_run *alloc_runs(struct asy_tests_reader *r, struct asy_rule_test *test, const struct asy_yaml *at,
                                       uint32_t n)
{
    if (n == 0 || r->n_runs + n > RUNS_MAX) {
        asy_load_tell(&r->l, "E0608", "test-runs", at, "expected at least one run here, and at most %d in a file", RUNS_MAX);
        return NULL;
    }
    r->n_runs += n;
    test->runs = asy_load_alloc(&r->l, n, sizeof(*test->runs));
    test->n_runs = test->runs ? n : 0;
    return test->runs;
}

/* `59d after event`, or a time. */
static bool read_now(const struct asy_tests_reader *r, struct asy_str text, const struct asy_tests_draft *d, int64_t *out_us)
{
    struct asy_str words[ASY_TEST_WORDS_MAX];
    int64_t after_s;
    const uint32_t n = asy_tests_split_words(text, words);
    if (n != 3 || !asy_str_is(words[1], "after") || !asy_str_is(words[2], "event"))
        return asy_tests_time(r, text, out_us);
    if (d->n_events == 0 || !asy_load_read_duration(words[0], &after_s) || after_s > ASY_TEST_SPAN_MAX_S)
        return false;
    int64_t last_us = d->events[0].time_us;
    for (uint32_t i = 1; i < d->n_events; i++)
        last_us = d->events[i].time_us > last_us ? d->events[i].time_us : last_us;
    *out_us = last_us + after_s * 1000000;
    return *out_us <= ASY_TIME_MAX_S * 1000000;
}

static void read_at(struct asy_tests_reader *r, struct asy_rule_test *test, const struct asy_tests_draft *base,
                    const struct asy_yaml *at)
{
    static const char *const known[] = {"now", "expect"};
    if (!asy_load_is_seq(&r->l, at, "`at`") || !alloc_runs(r, test, at, at->n))
        return;
    for (uint32_t i = 0; i < at->n && !r->l.no_memory; i++) {
        const struct asy_yaml *entry = at->items[i];
        int64_t now_us = r->tests->now_us;
        if (!asy_load_is_map(&r->l, entry, "a time of `at`"))
            continue;
        asy_load_keys(&r->l, entry, "a time of `at`", known, COUNT(known));
        const struct asy_yaml *now = asy_load_need(&r->l, entry, "now", "a time of `at`");
        if (asy_load_is_text(&r->l, now, "`now`") && !read_now(r, now->text, base, &now_us))
            asy_load_tell(&r->l, "E0609", "test-now", now,
                          "expected a time, or `30d after event` in a test that has events; found `%.*s`",
                          ASY_ARG(now->text));
        struct asy_tests_draft d = copy_draft(r, base);
        asy_tests_expects(r, &d, asy_yaml_get(entry, "expect"));
        set_run(r, &test->runs[i], entry, &d, now_us);
    }
}

static void read_cell(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *column,
                      const struct asy_yaml *cell)
{
    if (cell->is_bad)
        return;
    if (asy_str_is(column->text, "events"))
        asy_tests_events(r, d, cell);
    else if (asy_str_is(column->text, "change"))
        asy_tests_add_written_change(r, d, cell);
    else if (asy_tests_find(&r->fields, column->text) >= 0)
        asy_tests_add_field(r, d, column, cell);
    else
        asy_tests_add_expect(r, d, column, cell);
}

static void read_row(struct asy_tests_reader *r, struct asy_test_run *run, const struct asy_tests_draft *base,
                     const struct asy_yaml *columns,
                     const struct asy_yaml *row)
{
    if (!asy_load_is_seq(&r->l, row, "a row of `cases`"))
        return;
    if (row->n != columns->n) {
        asy_load_tell(&r->l, "E0610", "test-row", row, "expected %u cells, one for each column, found %u", columns->n, row->n);
        return;
    }
    struct asy_tests_draft d = copy_draft(r, base);
    for (uint32_t i = 0; i < row->n; i++)
        read_cell(r, &d, columns->items[i], row->items[i]);
    set_run(r, run, row, &d, r->tests->now_us);
}

static void read_cases(struct asy_tests_reader *r, struct asy_rule_test *test, const struct asy_tests_draft *base,
                       const struct asy_yaml *cases)
{
    static const char *const known[] = {"columns", "rows"};
    if (!asy_load_is_map(&r->l, cases, "`cases`"))
        return;
    asy_load_keys(&r->l, cases, "`cases`", known, COUNT(known));
    const struct asy_yaml *columns = asy_load_need(&r->l, cases, "columns", "`cases`"), *rows = asy_load_need(&r->l, cases,
                                                                                                              "rows", "`cases`");
    bool is_readable = asy_load_is_seq(&r->l, columns, "`columns`") && asy_load_is_seq(&r->l, rows, "`rows`");
    for (uint32_t i = 0; is_readable && i < columns->n; i++)
        is_readable = asy_load_is_text(&r->l, columns->items[i], "a column");
    if (!is_readable || !alloc_runs(r, test, rows, rows->n))
        return;
    for (uint32_t i = 0; i < rows->n && !r->l.no_memory; i++)
        read_row(r, &test->runs[i], base, columns, rows->items[i]);
}

static void read_test(struct asy_tests_reader *r, struct asy_rule_test *test, const struct asy_yaml *node)
{
    static const char *const known[] = {"name", "lead", "plugins", "events", "expect", "at", "cases"};
    struct asy_tests_draft d = {0};
    asy_load_keys(&r->l, node, "a test", known, COUNT(known));
    const struct asy_yaml *at = asy_yaml_get(node, "at"), *cases = asy_yaml_get(node, "cases");
    asy_tests_lead(r, &d, asy_yaml_get(node, "lead"));
    asy_tests_plugins(r, &d, asy_yaml_get(node, "plugins"));
    asy_tests_events(r, &d, asy_yaml_get(node, "events"));
    asy_tests_expects(r, &d, asy_yaml_get(node, "expect"));
    if (at && cases)
        asy_load_tell(&r->l, "E0123", "conflicting-keys", cases, "a test has `at` or `cases`, not both");
    else if (at)
        read_at(r, test, &d, at);
    else if (cases)
        read_cases(r, test, &d, cases);
    else if (alloc_runs(r, test, node, 1))
        set_run(r, &test->runs[0], node, &d, r->tests->now_us);
}

static void read_tests(struct asy_tests_reader *r)
{
    const struct asy_yaml *tests = asy_load_need(&r->l, r->tests->root, "tests", "a test file");
    if (!asy_load_is_seq(&r->l, tests, "`tests`"))
        return;
    struct asy_rule_test *out = r->tests->tests = asy_load_alloc(&r->l, tests->n, sizeof(*out));
    for (uint32_t i = 0; out && i < tests->n && !r->l.no_memory; i++) {
        const struct asy_yaml *node = tests->items[i];
        r->tests->n_tests = i + 1;
        out[i].pos = node->pos;
        if (!asy_load_is_map(&r->l, node, "a test"))
            continue;
        const struct asy_yaml *name = asy_load_need(&r->l, node, "name", "a test");
        if (asy_load_is_text(&r->l, name, "`name`")) {
            out[i].name = name->text;
            if (asy_load_is_repeated(&r->l, name, "test", &out[0].name, sizeof(*out), i))
                continue;
        }
        read_test(r, &out[i], node);
    }
}

/* -- names of the rules ------------------------------------------------------------------------------------------------ */

#define NAMES(r, array, n_items, name) names_of(r, (n_items) ? &(array)[0].name : NULL, sizeof(*(array)), n_items)

static struct asy_tests_names names_of(struct asy_tests_reader *r, const void *first, size_t stride, uint32_t n)
{
    struct asy_tests_names out = {n, asy_load_alloc(&r->l, n, sizeof(*out.items))};
    if (!out.items)
        out.n = 0;
    for (uint32_t i = 0; i < out.n; i++)
        out.items[i] = *(const struct asy_str *)(const void *)((const char *)first + i * stride);
    return out;
}

static void collect_names(struct asy_tests_reader *r)
{
    const struct asy_rules *rules = r->rules;
    r->fields = NAMES(r, rules->schema.fields, rules->schema.n_fields, name);
    r->events = NAMES(r, rules->schema.events, rules->schema.n_events, name);
    r->plugins = NAMES(r, rules->plugins, rules->n_plugins, name);
    r->grades = NAMES(r, rules->grades, rules->n_grades, name);
    r->stages = NAMES(r, rules->stages, rules->n_stages, name);
    r->routes = NAMES(r, rules->routes, rules->n_routes, name);
    r->flags = NAMES(r, rules->routes, rules->n_routes, flag);
    r->segments = NAMES(r, rules->segments, rules->n_segments, name);
    r->disqualify = NAMES(r, rules->disqualify, rules->n_disqualify, name);
    r->recycle = NAMES(r, rules->recycle, rules->n_recycle, name);
}

static void add_target(struct asy_tests_reader *r, struct asy_str key, struct asy_tests_target target)
{
    if (!key.p)
        r->l.no_memory = true;
    r->keys.items[r->keys.n] = key;
    r->targets[r->keys.n++] = target;
}

static void collect_targets(struct asy_tests_reader *r)
{
    const struct {
        const char *key;
        struct asy_tests_target target;
    } fixed[] = {{"grade", {.kind = ASY_EXPECT_GRADE, .names = &r->grades}},
                 {"stage", {.kind = ASY_EXPECT_STAGE, .names = &r->stages}},
                 {"route", {.kind = ASY_EXPECT_ROUTE, .names = &r->routes}},
                 {"nurture", {.kind = ASY_EXPECT_NURTURE, .names = &r->segments}},
                 {"disqualified_by", {.kind = ASY_EXPECT_DISQUALIFIED_BY, .names = &r->disqualify}},
                 {"recycled_by", {.kind = ASY_EXPECT_RECYCLED_BY, .names = &r->recycle}},
                 {"flag", {.kind = ASY_EXPECT_FLAG, .names = &r->flags}},
                 {"assigned_to", {.kind = ASY_EXPECT_ASSIGNED_TO}},
                 {"respond_within", {.kind = ASY_EXPECT_RESPOND_WITHIN}},
                 {"disqualified", {.kind = ASY_EXPECT_DISQUALIFIED}}};
    size_t n = COUNT(fixed);
    for (uint32_t s = 0; s < r->rules->n_scores; s++)
        n += 1 + r->rules->scores[s].n_rules + r->rules->scores[s].n_events;
    r->keys.items = asy_load_alloc(&r->l, n, sizeof(*r->keys.items));
    r->targets = asy_load_alloc(&r->l, n, sizeof(*r->targets));
    if (!r->keys.items || !r->targets)
        return;
    for (uint32_t i = 0; i < COUNT(fixed); i++)
        add_target(r, asy_str_of(fixed[i].key), fixed[i].target);
    for (uint32_t s = 0; s < r->rules->n_scores; s++) {
        const struct asy_score *score = &r->rules->scores[s];
        struct asy_pool *pool = &r->tests->pool;
        add_target(r, asy_pool_printf(pool, "score.%.*s", ASY_ARG(score->name)),
                   (struct asy_tests_target){.kind = ASY_EXPECT_SCORE, .score = s});
        for (uint32_t i = 0; i < score->n_rules; i++)
            add_target(r, asy_pool_printf(pool, "%.*s.%.*s", ASY_ARG(score->name), ASY_ARG(score->rules[i].name)),
                       (struct asy_tests_target){.kind = ASY_EXPECT_RULE, .score = s, .rule = i});
        for (uint32_t i = 0; i < score->n_events; i++)
            add_target(r, asy_pool_printf(pool, "%.*s.%.*s", ASY_ARG(score->name), ASY_ARG(score->events[i].name)),
                       (struct asy_tests_target){.kind = ASY_EXPECT_EVENT_RULE, .score = s, .rule = i});
    }
}

/* -- the file ------------------------------------------------------------------------------------------------------------ */

static void read_file(struct asy_tests_reader *r)
{
    static const char *const known[] = {"tests_for", "now", "lead", "plugins", "tests"};
    const struct asy_yaml *root = r->tests->root;
    struct asy_tests_draft d = {0};
    asy_load_keys(&r->l, root, "a test file", known, COUNT(known));
    const struct asy_yaml *now = asy_load_need(&r->l, root, "now", "a test file");
    if (asy_load_is_text(&r->l, now, "`now`") && asy_time_read(now->text, &r->tests->now_us) != ASY_TIME_OK)
        asy_load_tell(&r->l, "E0609", "test-now", now,
                      "expected the time that the tests are run at, such as 2026-06-30 12:00; found `%.*s`",
                      ASY_ARG(now->text));
    asy_tests_lead(r, &d, asy_yaml_get(root, "lead"));
    asy_tests_plugins(r, &d, asy_yaml_get(root, "plugins"));
    r->tests->changes = d.changes;
    r->tests->n_changes = d.n_changes;
    read_tests(r);
}

static assay_status conclude(const struct asy_tests_reader *r, uint32_t n_errors, struct assay_error *error)
{
    const struct asy_diags *diags = r->l.diags;
    const struct asy_str path = r->tests->path;
    if (r->l.no_memory || diags->out_of_memory || r->tests->pool.has_failed || diags->pool.has_failed)
        return asy_fail(error, ASSAY_E_NOMEM, "%.*s: out of memory", ASY_ARG(path));
    const uint32_t n = diags->n_errors - n_errors;
    if (n == 0)
        return ASSAY_OK;
    return asy_fail(error, ASSAY_E_RULES, "%.*s: %u error%s", ASY_ARG(path), n, n == 1 ? "" : "s");
}

assay_status asy_rule_tests_read(struct asy_rule_tests *tests, const struct asy_rules *rules, struct asy_diags *diags,
                                 struct assay_error *error)
{
    struct asy_tests_reader r = {.l = {.pool = &tests->pool, .diags = diags, .root = tests->root}, .rules = rules, .tests = tests};
    const uint32_t n_errors = diags->n_errors;
    collect_names(&r);
    collect_targets(&r);
    if (!r.l.no_memory)
        read_file(&r);
    return conclude(&r, n_errors, error);
}

static assay_status open_file(struct asy_tests_reader *r, const char *path, const struct asy_file_reader *reader,
                              struct assay_error *error)
{
    struct asy_rule_tests *tests = r->tests;
    struct asy_diags *diags = r->l.diags;
    const uint32_t n_errors = diags->n_errors;
    tests->path = asy_pool_copy(&tests->pool, asy_str_of(path));
    if (!tests->path.p)
        return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    const assay_status status = reader->read(reader->ctx, &tests->pool, NULL, path, ASY_YAML_BYTES_MAX, &tests->source, error);
    if (status != ASSAY_OK)
        return status;
    diags->path = tests->path;
    diags->source = tests->source;
    tests->root = asy_yaml_parse(&tests->pool, diags);
    if (!tests->root && diags->n_errors == n_errors)
        r->l.no_memory = true;
    if (tests->root && asy_load_is_map(&r->l, tests->root, "a test file")) {
        const struct asy_yaml *rules = asy_load_need(&r->l, tests->root, "tests_for", "a test file");
        if (asy_load_is_text(&r->l, rules, "`tests_for`"))
            tests->tests_for = rules->text;
        if (tests->tests_for.len && !asy_rules_path_is_inside(tests->tests_for))
            asy_load_tell(&r->l, "E0611", "test-rules", rules,
                          "`tests_for`: expected a rule file in the folder of this file or below it, "
                          "found `%.*s`", ASY_ARG(tests->tests_for));
    }
    return conclude(r, n_errors, error);
}

assay_status asy_rule_tests_open(struct asy_rule_tests *tests, struct asy_mem *mem, const char *path,
                                 const struct asy_file_reader *reader, struct asy_diags *diags, struct assay_error *error)
{
    *tests = (struct asy_rule_tests){0};
    asy_pool_init(&tests->pool, mem);
    struct asy_tests_reader r = {.l = {.pool = &tests->pool, .diags = diags}, .tests = tests};
    assay_status status = open_file(&r, path, reader, error);
    if (status != ASSAY_OK) {
        /* Findings are shown with the source beside them, which outlives the tests then. */
        diags->path = asy_pool_copy(&diags->pool, asy_str_of(path));
        diags->source = asy_pool_copy(&diags->pool, diags->source);
        if (status == ASSAY_E_RULES && diags->pool.has_failed)
            status = asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
        asy_rule_tests_fini(tests);
    }
    return status;
}

void asy_rule_tests_fini(struct asy_rule_tests *tests)
{
    if (tests->pool.mem)
        asy_pool_fini(&tests->pool);
    *tests = (struct asy_rule_tests){0};
}
