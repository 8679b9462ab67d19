/* rule/test_file: a file that uses all of the format is read as it is meant, and every mistake is found at its place. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/time.h"
#include "failing_mem.h"
#include "rule/test_file.h"

static const char rules_text[] =
    "assay: 1\n"
    "fields:\n"
    "  size: int\n"
    "  rate: number\n"
    "  kind: one of saas, tech\n"
    "  home: country\n"
    "  open: bool\n"
    "  lost: time\n"
    "  name: text\n"
    "events: {all: [demo, view]}\n"
    "plugins:\n"
    "  rivals: {library: a.so, kind: disqualifier, reads: [name]}\n"
    "  model:  {library: b.so, kind: scorer, reads: [name]}\n"
    "  deal:   {library: c.so, kind: router, reads: [name]}\n"
    "scores:\n"
    "  fit:\n"
    "    rules:\n"
    "      - {name: Big one, when: size > 9 && rate > 1.0, points: 5}\n"
    "      - {name: Model, plugin: model}\n"
    "  acts: {decimals: 1, events: {demo: 50, view: [{each: 2, max: 10, where: page == '/p'}]}}\n"
    "  total: {sum: [fit, acts]}\n"
    "grades: {by: score.total, hot: {from: 50}, cold: {from: 0}}\n"
    "disqualify:\n"
    "  - {name: Rival, plugin: rivals, reason: rival}\n"
    "lifecycle: [{stage: raw, owner: m}, {stage: mql, owner: m, enter_when: score.total > 5}]\n"
    "teams: {sales: {anywhere: [ana, ben]}}\n"
    "routes:\n"
    "  - {name: Deal, plugin: deal, assign: plugin}\n"
    "  - {name: Sales, otherwise: true, assign: {round_robin: sales}, flag: Warm, respond_within: 4h}\n"
    "nurture: {slow: {enter_when: score.total < 5, send: 1 email per month}}\n"
    "recycle: [{name: Again, when: days_since(lost) > 9, to: sales}]\n";

static assay_status read_text(void *ctx, struct asy_pool *pool, const char *folder, const char *path, size_t max_bytes,
                              struct asy_str *out, struct assay_error *error)
{
    (void)folder;
    (void)max_bytes;
    *out = asy_pool_copy(pool, asy_str_of(ctx));
    return out->p ? ASSAY_OK : asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
}

struct world {
    struct asy_mem mem, failing_mem;
    struct asy_diags diags;
    struct asy_rules rules;
    struct asy_rule_tests tests;
    struct assay_error error;
    assay_status status;
};

/* `text` is copied: asy_file_reader's ctx is not const. */
static assay_status load_rules(struct world *x, const char *text)
{
    char copy[4096];
    snprintf(copy, sizeof(copy), "%s", text);
    const struct asy_file_reader reader = {copy, read_text};
    return asy_rules_load(&x->rules, &x->mem, "r.yaml", &reader, &x->diags, &x->error);
}

static void read_tests(struct world *x, struct asy_mem *mem, const char *text)
{
    char copy[4096];
    snprintf(copy, sizeof(copy), "%s", text);
    const struct asy_file_reader reader = {copy, read_text};
    x->status = asy_rule_tests_open(&x->tests, mem, "r.test.yaml", &reader, &x->diags, &x->error);
    if (x->status == ASSAY_OK) x->status = asy_rule_tests_read(&x->tests, &x->rules, &x->diags, &x->error);
    asy_diags_sort(&x->diags);
}

static void set_up(struct world *x, const char *text)
{
    memset(x, 0, sizeof(*x));
    asy_mem_init(&x->mem, NULL);
    asy_diags_init(&x->diags, &x->mem);
    cr_assert_eq(load_rules(x, rules_text), ASSAY_OK, "%s", x->error.text);
    if (text) read_tests(x, &x->mem, text);
}

static void tear_down(struct world *x)
{
    asy_rule_tests_fini(&x->tests);
    asy_rules_fini(&x->rules);
    asy_diags_fini(&x->diags);
    cr_expect_eq(x->mem.live_bytes, 0, "all memory is given back");
}

static void findings(const struct asy_diags *diags, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < diags->n && n < cap; i++)
        n += (size_t)snprintf(out + n, cap - n, "%s%u:%u %s %.*s", i ? "\n" : "", diags->items[i].pos.line, diags->items[i].pos.col,
                              diags->items[i].code, ASY_ARG(diags->items[i].text));
}

static int64_t us(const char *time)
{
    int64_t out;
    cr_assert_eq(asy_time_read(asy_str_of(time), &out), ASY_TIME_OK);
    return out;
}

static const char good[] =
    "tests_for: r.yaml\n"
    "now: 2026-06-30 12:00\n"
    "lead: {size: 12, rate: 1.5, kind: tech, home: France, open: yes, name: Acme}\n"
    "plugins: {rivals: false, model: -2.5, deal: zoe}\n"
    "tests:\n"
    "  - name: everything that can be expected\n"
    "    lead: {lost: 9d ago, size: empty}\n"
    "    plugins: {rivals: true, deal: false}\n"
    "    events: [demo 2d ago, view 2026-06-01 10:00 x3 page=/p, view 2026-06-01T10:00:00Z, demo now]\n"
    "    expect:\n"
    "      score.fit: -3\n"
    "      score.acts: 12.5\n"
    "      score.total: empty\n"
    "      fit.Big one: 5\n"
    "      acts.view: 2.125\n"
    "      grade: cold\n"
    "      stage: mql\n"
    "      route: Sales\n"
    "      nurture: slow\n"
    "      disqualified_by: Rival\n"
    "      recycled_by: Again\n"
    "      flag: Warm\n"
    "      assigned_to: [ana, quinn]\n"
    "      respond_within: 4h\n"
    "      disqualified: true\n"
    "  - name: nothing of it\n"
    "    expect: {grade: disqualified, route: none, assigned_to: nobody, respond_within: none, flag: none, disqualified: no}\n"
    "  - name: at times\n"
    "    events: [view 20d ago, view 10d ago, view 15d ago]\n"
    "    expect: {grade: hot}\n"
    "    at:\n"
    "      - {now: 59d after event, expect: {score.acts: 0}}\n"
    "      - {now: 2026-07-01}\n"
    "  - name: table\n"
    "    cases:\n"
    "      columns: [change, events, kind, route]\n"
    "      rows:\n"
    "        - [size = 9, demo 1d ago, saas, Deal]\n"
    "        - [plugin deal = true, [], empty, none]\n"
    "  - {name: one event, events: view 1d ago, expect: {grade: cold}}\n";

/* -- what is read ---------------------------------------------------------------------------------------------------- */

Test(rule_tests, the_format_is_read_as_it_is_meant)
{
    struct world x;
    char text[2000];
    set_up(&x, good);
    findings(&x.diags, text, sizeof(text));
    cr_assert_eq(x.status, ASSAY_OK, "%s\n%s", x.error.text, text);
    const struct asy_rule_tests *t = &x.tests;
    cr_expect(asy_str_is(t->tests_for, "r.yaml"));
    cr_expect_eq(t->now_us, us("2026-06-30T12:00:00Z"));
    cr_assert_eq(t->n_changes, 9);
    cr_expect(t->changes[0].field == 0 && t->changes[0].value.i == 12 && t->changes[1].value.d == 1.5 && t->changes[2].value.i == 2);
    cr_expect(asy_str_is(asy_country_alpha2((uint32_t)t->changes[3].value.i), "FR") && t->changes[4].value.i == 2);
    cr_expect(asy_str_is(t->changes[5].text, "Acme"));
    cr_expect(t->changes[6].field == ASY_NONE && t->changes[6].plugin == 0 && !t->changes[6].answer.is_yes);
    cr_expect(t->changes[7].plugin == 1 && t->changes[7].answer.points_milli == -2500);
    cr_expect(t->changes[8].answer.is_yes && asy_str_is(t->changes[8].answer.target, "zoe"));

    cr_assert_eq(t->n_tests, 5);
    cr_expect_eq(t->tests[4].runs[0].n_events, 1);
    cr_assert_eq(t->tests[0].n_runs, 1);
    cr_expect_eq(t->tests[0].pos.line, 6);
    const struct asy_test_run *run = &t->tests[0].runs[0];
    cr_assert_eq(run->n_changes, 4);
    cr_expect_eq(run->changes[0].value.i, us("2026-06-21T12:00:00Z"));
    cr_expect(asy_str_is(run->changes[0].text, "2026-06-21T12:00:00Z"));
    cr_expect(run->changes[1].is_empty && run->changes[2].answer.is_yes && !run->changes[3].answer.is_yes);
    cr_assert_eq(run->n_events, 4);
    cr_expect(run->events[0].event == 0 && run->events[0].count == 1 && run->events[0].time_us == us("2026-06-28T12:00:00Z"));
    cr_expect(run->events[1].count == 3 && run->events[1].time_us == us("2026-06-01T10:00:00Z"));
    cr_assert_eq(run->events[1].n_properties, 1);
    cr_expect(asy_str_is(run->events[1].properties[0].text, "/p"));
    cr_expect_eq(run->events[2].time_us, run->events[1].time_us);
    cr_expect_eq(run->events[3].time_us, t->now_us);
    tear_down(&x);
}

Test(rule_tests, what_is_expected_is_read_as_it_is_meant)
{
    static const struct {
        uint8_t kind;
        uint32_t score, rule;
        bool is_none;
        int64_t value;
    } wanted[] = {{ASY_EXPECT_SCORE, 0, 0, false, -3000}, {ASY_EXPECT_SCORE, 1, 0, false, 12500}, {ASY_EXPECT_SCORE, 2, 0, true, 0},
                  {ASY_EXPECT_RULE, 0, 0, false, 5000},   {ASY_EXPECT_EVENT_RULE, 1, 1, false, 2125}, {ASY_EXPECT_GRADE, 0, 0, false, 1},
                  {ASY_EXPECT_STAGE, 0, 0, false, 1},     {ASY_EXPECT_ROUTE, 0, 0, false, 1},         {ASY_EXPECT_NURTURE, 0, 0, false, 0},
                  {ASY_EXPECT_DISQUALIFIED_BY, 0, 0, false, 0}, {ASY_EXPECT_RECYCLED_BY, 0, 0, false, 0}, {ASY_EXPECT_FLAG, 0, 0, false, 1},
                  {ASY_EXPECT_ASSIGNED_TO, 0, 0, false, 0}, {ASY_EXPECT_RESPOND_WITHIN, 0, 0, false, 4 * 3600},
                  {ASY_EXPECT_DISQUALIFIED, 0, 0, false, 1}};
    enum { N = sizeof(wanted) / sizeof(wanted[0]) };
    struct world x;
    set_up(&x, good);
    cr_assert_eq(x.status, ASSAY_OK, "%s", x.error.text);
    const struct asy_test_run *run = &x.tests.tests[0].runs[0];
    cr_assert_eq(run->n_expects, N);
    for (uint32_t i = 0; i < N; i++) {
        const struct asy_expect *e = &run->expects[i];
        cr_expect(e->kind == wanted[i].kind && e->score == wanted[i].score && e->rule == wanted[i].rule && e->is_none == wanted[i].is_none &&
                      e->value == wanted[i].value, "expectation %u: kind %u value %lld", i, e->kind, (long long)e->value);
    }
    cr_expect(run->expects[12].n_texts == 2 && asy_str_is(run->expects[12].texts[1], "quinn"));
    cr_expect(run->expects[0].pos.line == 11 && run->expects[0].pos.col == 18);
    run = &x.tests.tests[1].runs[0];
    cr_assert_eq(run->n_expects, 6);
    cr_expect(run->expects[0].is_disqualified && !run->expects[0].is_none);
    for (uint32_t i = 1; i < 5; i++) cr_expect(run->expects[i].is_none && !run->expects[i].is_disqualified, "expectation %u", i);
    cr_expect(!run->expects[5].is_none && run->expects[5].value == 0);
    tear_down(&x);
}

Test(rule_tests, times_and_tables_become_runs)
{
    struct world x;
    set_up(&x, good);
    cr_assert_eq(x.status, ASSAY_OK, "%s", x.error.text);
    const struct asy_rule_test *at = &x.tests.tests[2], *table = &x.tests.tests[3];
    cr_assert_eq(at->n_runs, 2);
    cr_expect_eq(at->runs[0].now_us, us("2026-08-18T12:00:00Z"), "59 days after the event of June 20th");
    cr_expect_eq(at->runs[1].now_us, us("2026-07-01T00:00:00Z"));
    cr_expect(at->runs[0].n_expects == 2 && at->runs[1].n_expects == 1 && at->runs[1].n_events == 3);
    cr_assert_eq(table->n_runs, 2);
    cr_expect(table->runs[0].n_changes == 2 && table->runs[0].changes[0].value.i == 9 && table->runs[0].changes[1].value.i == 1);
    cr_expect(table->runs[0].n_events == 1 && table->runs[0].expects[0].value == 0 && table->runs[0].pos.line == 38);
    cr_expect(table->runs[1].changes[0].plugin == 2 && table->runs[1].changes[0].answer.is_yes && table->runs[1].changes[1].is_empty);
    cr_expect(table->runs[1].n_events == 0 && table->runs[1].expects[0].is_none);
    tear_down(&x);
}

/* -- what is wrong ----------------------------------------------------------------------------------------------------- */

#define HEAD "tests_for: r.yaml\nnow: 2026-06-30\n"
#define ONE HEAD "tests:\n  - name: t\n"     /* a test from line 5 on */
#define ANY "    expect: {grade: hot}\n"

static const struct {
    const char *source, *expected;
} broken[] = {
    {"- a\n", "1:1 E0121 a test file: expected a mapping (lines of `key: value`), found a list"},
    {"now: 2026-06-30\ntests: []\n", "1:1 E0122 a test file: `tests_for:` is missing"},
    {"tests_for: ../r.yaml\nnow: 2026-06-30\ntests: []\n",
     "1:12 E0611 `tests_for`: expected a rule file in the folder of this file or below it, found `../r.yaml`"},
    {"tests_for: r.yaml\ntests: []\n", "1:1 E0122 a test file: `now:` is missing"},
    {"tests_for: r.yaml\nnow: 01-02-2026\ntests: []\n",
     "2:6 E0609 expected the time that the tests are run at, such as 2026-06-30 12:00; found `01-02-2026`"},
    {HEAD "leads: {size: 1}\ntests: []\n", "3:1 E0120 `leads` is not a key of a test file; did you mean `lead`?"},
    {HEAD "lead: {sise: 1}\ntests: []\n", "3:8 E0601 the rules have no field `sise`; did you mean `size`?"},
    {HEAD "lead: {size: big, rate: x, open: maybe, home: Atlantis, kind: sass, lost: 5 ago}\ntests: []\n",
     "3:14 E0602 `size`: expected a whole number, or `empty`; found `big`\n"
     "3:25 E0602 `rate`: expected a number, or `empty`; found `x`\n"
     "3:34 E0602 `open`: expected true or false, or `empty`; found `maybe`\n"
     "3:47 E0602 `home`: expected a country such as US or France, or `empty`; found `Atlantis`\n"
     "3:63 E0602 `kind`: expected one of saas, tech, or `empty`; found `sass`; did you mean `saas`?\n"
     "3:75 E0602 `lost`: expected a time such as 2026-01-31 12:00, or 30d ago, or `empty`; found `5 ago`"},
    {HEAD "plugins: {rival: true, rivals: 1, model: true}\ntests: []\n",
     "3:11 E0601 the rules have no plugin `rival`; did you mean `rivals`?\n"
     "3:32 E0603 answer of plugin `rivals`: expected true or false, found `1`\n"
     "3:42 E0603 answer of plugin `model`: expected points such as 12.5, as it is a scorer, found `true`"},
    {HEAD "tests: [{expect: {grade: hot}}, {name: a, expect: {grade: hot}}, {name: a, expect: {grade: hot}}]\n",
     "3:9 E0122 a test: `name:` is missing\n"
     "3:73 E0237 test `a` is there already; names are what explanations and tests call things by, so give each its own"},
    {ONE "    lead: {size: 1}\n", "4:5 E0607 expected something to be checked: add `expect:`, or a column with what is expected"},
    {ONE "    events: [demmo 1d ago, demo, demo 1 ago, demo 1d ago y3, demo 1d ago x0, demo 1d ago pag=3]\n" ANY,
     "5:14 E0601 the rules have no event `demmo`; did you mean `demo`?\n"
     "5:28 E0605 expected EVENT and when it happened, as in `demo 2d ago`, `.. now` or `.. 2026-01-31 12:00`; found `demo`\n"
     "5:34 E0605 expected EVENT and when it happened, as in `demo 2d ago`, `.. now` or `.. 2026-01-31 12:00`; found `demo 1 ago`\n"
     "5:46 E0605 behind the time of an event: expected x1 to x10000 or property=value, found `y3`\n"
     "5:62 E0605 behind the time of an event: expected x1 to x10000 or property=value, found `x0`\n"
     "5:78 E0601 the rules have no event property `pag`; did you mean `page`?"},
    {ONE "    events: [demo 1d ago page=/a page=/b, demo 1d ago x1 x1 x1 x1 x1 x1 x1 x1 x1 x1 x1 x1 x1 x1 x1 x1 x1 x1 x1]\n" ANY,
     "5:14 E0605 event property `page` is given twice\n5:43 E0605 expected an event of fewer than 21 words"},
    {"tests_for: r.yaml\nnow: 0001-01-01\ntests:\n  - name: t\n    lead: {lost: 1d ago}\n" ANY,
     "5:18 E0602 `lost`: expected a time such as 2026-01-31 12:00, or 30d ago, or `empty`; found `1d ago`"},
    {"tests_for: r.yaml\nnow: 9999-12-31\ntests:\n  - name: t\n    events: [demo now]\n    at: [{now: 2d after event}]\n" ANY,
     "6:16 E0609 expected a time, or `30d after event` in a test that has events; found `2d after event`"},
    {ONE "    expect: {score.fits: 1, gradd: hot, route: Sale, grade: nine}\n",
     "5:14 E0601 `score.fits` is nothing that can be expected; did you mean `score.fit`?\n"
     "5:29 E0601 `gradd` is nothing that can be expected; did you mean `grade`?\n"
     "5:48 E0601 `route`: the rules have none that is called `Sale`; did you mean `Sales`?\n"
     "5:61 E0601 `grade`: the rules have none that is called `nine`"},
    {ONE "    expect: {score.fit: much, score.total: 2.5, respond_within: soon, disqualified: maybe, assigned_to: []}\n",
     "5:25 E0606 `score.fit`: expected points such as 25, -10 or 2.5, found `much`\n"
     "5:44 E0606 `score.total` is rounded to 0 decimals and cannot be 2.5\n"
     "5:65 E0606 `respond_within`: expected a length of time such as 4h, or none, found `soon`\n"
     "5:85 E0606 `disqualified`: expected true or false, found `maybe`\n"
     "5:105 E0606 `assigned_to`: expected a name, names, or `nobody`, found an empty list"},
    {ONE "    at: [{now: 3d after event}, {now: 2026-07-01}]\n" ANY,
     "5:16 E0609 expected a time, or `30d after event` in a test that has events; found `3d after event`"},
    {ONE ANY "    at: []\n", "6:9 E0608 expected at least one run here, and at most 100000 in a file"},
    {ONE ANY "    at: [{now: 2026-07-01}]\n    cases: {columns: [size], rows: [[1]]}\n",
     "7:12 E0123 a test has `at` or `cases`, not both"},
    {ONE "    cases: {columns: [size, grade], rows: [[1], [1, hot, cold]]}\n",
     "5:44 E0610 expected 2 cells, one for each column, found 1\n5:49 E0610 expected 2 cells, one for each column, found 3"},
    {ONE "    cases: {columns: [change, grade], rows: [[size 9, hot], [sise = 9, hot], [size = x, hot], [plugin mode = 1, hot]]}\n",
     "5:47 E0604 expected FIELD = VALUE or plugin NAME = ANSWER, found `size 9`\n"
     "5:62 E0601 the rules have no field `sise`; did you mean `size`?\n"
     "5:79 E0602 `size`: expected a whole number, or `empty`; found `x`\n"
     "5:96 E0601 the rules have no plugin `mode`; did you mean `model`?"},
    {ONE "    cases: {columns: [sise], rows: [[9]]}\n",
     "5:23 E0601 `sise` is nothing that can be expected\n"
     "5:37 E0607 expected something to be checked: add `expect:`, or a column with what is expected"},
};

Test(rule_tests, every_mistake_is_found_at_its_place)
{
    char text[4000];
    for (uint32_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct world x;
        set_up(&x, broken[i].source);
        findings(&x.diags, text, sizeof(text));
        cr_expect_eq(x.status, ASSAY_E_RULES, "%s", broken[i].source);
        cr_expect_str_eq(text, broken[i].expected, "%s\nfound:\n%s\nexpected:\n%s", broken[i].source, text, broken[i].expected);
        tear_down(&x);
    }
}

Test(rule_tests, every_failing_allocation_is_noticed)
{
    for (int64_t k = 0;; k++) {
        struct world x;
        struct failing failing;
        set_up(&x, NULL);
        failing_init(&x.failing_mem, &failing, k);
        read_tests(&x, &x.failing_mem, good);
        cr_assert(x.status == ASSAY_OK || x.status == ASSAY_E_NOMEM, "allocation %lld: %d %s", (long long)k, x.status, x.error.text);
        cr_assert(x.status == ASSAY_E_NOMEM || failing.n_calls <= k, "a failure went unnoticed");
        const bool is_done = x.status == ASSAY_OK;
        tear_down(&x);
        cr_assert_eq(failing.n_blocks, 0);
        if (is_done) break;
        cr_assert_lt(k, 10000);
    }
}
