/* rule/lint: one broken example a finding, the routing table of the domain document, the shipped example, bounds. */
#include <criterion/criterion.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "rule/lint.h"
#include "rule/load.h"

struct fixture {
    struct asy_mem mem;
    struct asy_rules rules;
    struct asy_diags diags;
    struct assay_error error;
    assay_status loaded, linted;
    struct asy_pool pool;
};

static assay_status read_text(void *ctx, struct asy_pool *pool, const char *folder, const char *path, size_t max_bytes,
                              struct asy_str *out, struct assay_error *error)
{
    (void)folder;
    (void)path;
    (void)max_bytes;
    *out = asy_pool_copy(pool, asy_str_of(ctx));
    return out->p == NULL ? asy_fail(error, ASSAY_E_NOMEM, "no memory") : ASSAY_OK;
}

static void start(struct fixture *f, const char *path, const struct asy_file_reader *reader)
{
    memset(f, 0, sizeof *f);
    asy_mem_init(&f->mem, NULL);
    asy_pool_init(&f->pool, &f->mem);
    asy_diags_init(&f->diags, &f->mem);
    f->loaded = asy_rules_load(&f->rules, &f->mem, path, reader, &f->diags, &f->error);
    if (f->loaded == ASSAY_OK)
        f->linted = asy_rules_lint(&f->rules, &f->diags, &f->error);
    asy_diags_sort(&f->diags);
}

static void start_text(struct fixture *f, char *text)
{
    struct asy_file_reader reader = {.ctx = text, .read = read_text};
    start(f, "rules.yaml", &reader);
}

static void stop(struct fixture *f)
{
    asy_diags_fini(&f->diags);
    if (f->loaded == ASSAY_OK)
        asy_rules_fini(&f->rules);
    asy_pool_fini(&f->pool);
    cr_expect_eq(f->mem.live_bytes, 0, "%lu bytes left", (unsigned long)f->mem.live_bytes);
}

/* "W0303 band-gap nothing covers 21-29": one line a finding of the lint, without places, with the lines of details. */
static const char *findings(struct fixture *f)
{
    struct asy_str text = ASY_STR("");
    for (uint32_t k = 0; k < f->diags.n; k++) {
        const struct asy_diag *diag = &f->diags.items[k];
        text = asy_pool_printf(&f->pool, "%.*s%s %s %.*s\n", ASY_ARG(text), diag->code, diag->slug, ASY_ARG(diag->text));
        if (diag->detail.len > 0)
            text = asy_pool_printf(&f->pool, "%.*s%.*s\n", ASY_ARG(text), ASY_ARG(diag->detail));
    }
    return text.p;
}

/* -- one broken example a finding ------------------------------------------------------------------------------ */

/* Fields and events that every example has; its own sections follow. */
static const char head[] = "assay: 1\n"
                           "fields:\n"
                           "  size:    int\n"
                           "  rate:    number\n"
                           "  source:  one of web, referral, event\n"
                           "  country: country\n"
                           "  mail:    text, required\n"
                           "  active:  bool, default false\n"
                           "  seen:    time\n"
                           "  owner:   text\n"
                           "  other:   text\n"
                           "events:\n"
                           "  all: [visit, demo]\n";

#define SCORE "scores: {fit: {keep_within: 0..100, events: {visit: {each: 1, max: 100}}}}\n"
#define TEAMS "teams: {red: {anywhere: [ann]}, blue: {anywhere: [bob]}}\n"
#define TABLE(by, points) "scores:\n  fit:\n    rules:\n      - {name: T, by: " by ", points: {" points "}}\n"
#define TOTAL(by, points) "scores: {total: {rules: [{name: T, by: " by ", points: {" points "}}]}}\n"
#define WHEN(expression) "scores:\n  fit:\n    rules:\n      - name: T\n        when: \"" expression "\"\n        points: 1\n"
#define ROUTE(name, when, assign) "  - {name: " name ", when: \"" when "\", assign: " assign "}\n"
#define RED "{round_robin: red}"
#define BLUE "{round_robin: blue}"
#define NOT_OTHERS "  - {name: Rest, otherwise: true, assign: {round_robin: blue}}\n"

struct example {
    const char *name;
    const char *body;
    const char *expected;
};

static const struct example examples[] = {
    {"a sound file has none", TABLE("size", "1-10: 1, 11+: 2, missing: 0"), ""},
    /* tables */
    {"bands overlap", TABLE("size", "1-10: 1, 5-20: 2, 21+: 3, missing: 0"), "E0302 band-overlap `5-20` overlaps `1-10`\n"},
    {"a band inside another", TABLE("size", "1-100: 1, 5: 2, 101+: 3, missing: 0"), "E0302 band-overlap `5` overlaps `1-100`\n"},
    {"a gap between bands", TABLE("size", "1-200: 1, 210+: 2, missing: 0"), "W0303 band-gap nothing covers 201-209\n"},
    {"a gap of one", TABLE("size", "1-4: 1, 6+: 2, missing: 0"), "W0303 band-gap nothing covers 5\n"},
    {"no gap with otherwise", TABLE("size", "1-4: 1, 6-9: 2, otherwise: 3, missing: 0"), ""},
    {"nothing above and below", TABLE("size", "11-50: 1, missing: 0"),
     "N0303 band-gap nothing covers 10 and less\nN0303 band-gap nothing covers 51 and more\n"},
    {"bands of numbers overlap", TABLE("rate", "0-1: 1, 1-2: 2, 3+: 3, missing: 0"),
     "E0302 band-overlap `1-2` overlaps `0-1`\n"},
    {"gaps between bands of numbers", TABLE("rate", "0-1: 1, 1.5-2: 2, 3+: 3, missing: 0"),
     "W0303 band-gap nothing covers numbers between 1 and 1.5\nW0303 band-gap nothing covers numbers between 2 and 3\n"},
    {"a gap between numbers", TABLE("rate", "0-0.5: 1, 0.75+: 3, missing: 0"),
     "W0303 band-gap nothing covers numbers between 0.5 and 0.75\n"},
    {"values without a line", TABLE("source", "web: 1, missing: 0"),
     "W0331 points-otherwise no points are given for `referral`, `event` of `source`: they add 0; add `otherwise: 0` to say so\n"},
    {"text without otherwise", TABLE("mail", "a@b.example: 1"),
     "W0331 points-otherwise any other text in `mail` adds 0: add `otherwise: 0` to say so\n"},
    {"an empty field without a line", TABLE("source", "web: 1, otherwise: 0"),
     "W0332 points-missing `source` may be empty, and that adds 0: add `missing: 0` to say so\n"},
    {"lines nothing can hit", TABLE("active", "\"true\": 1, \"false\": 2, otherwise: 3, missing: 4"),
     "N0349 line-idle `otherwise` is never used: every value of `active` has its line\n"
     "N0349 line-idle `missing` is never used: `active` is never empty\n"},
    {"two lists share a value",
     "lists: {north: [DE, FR], alps: [DE, AT]}\n" TABLE("country", "in north: 1, in alps: 2, otherwise: 0, missing: 0"),
     "W0347 line-overlap `in alps` and `in north` both have `DE`, with different points\n"},
    {"a list inside an earlier one",
     "lists: {north: [AT, DE, FR], alps: [AT, DE]}\n" TABLE("country", "in north: 1, in alps: 2, otherwise: 0, missing: 0"),
     "W0348 line-unreachable `in alps` is never used: earlier lines have all its values already\n"},
    /* scores and grades */
    {"decay that takes off less later", "scores: {fit: {events: {visit: 1}, decay: {30d: 50%, 60d: 40%}}}\n",
     "W0334 decay-order steps must increase: expected more than 50% after 60d, found 40%\n"},
    {"a bound out of reach", "scores: {fit: {keep_within: 0..100, events: {visit: {each: 5, max: 85}}}}\n",
     "N0337 keep-within-unreachable score.fit can reach at most 85 of 100\n"},
    {"a grade out of reach", SCORE "grades: {by: score.fit, hot: {from: 101}, cold: {from: 0}}\n",
     "W0338 grade-unreachable no lead can be `hot`: score.fit is between 0 and 100\n"},
    {"leads without a grade", SCORE "grades: {by: score.fit, hot: {from: 80}, warm: {from: 20}}\n",
     "W0339 grade-hole leads below 20 have no grade: score.fit is between 0 and 100\n"},
    /* conditions */
    {"a threshold out of reach", SCORE "disqualify: [{name: D, when: score.fit > 100, reason: not_icp}]\n",
     "W0336 threshold-unreachable `score.fit > 100` is never true: score.fit is between 0 and 100\n"},
    {"a threshold always passed", SCORE "disqualify: [{name: D, when: score.fit >= 0 && active, reason: not_icp}]\n",
     "W0336 threshold-unreachable `score.fit >= 0` is always true: score.fit is between 0 and 100\n"},
    {"a grade that no lead has",
     SCORE "grades: {by: score.fit, hot: {from: 101}, cold: {from: 0}}\ndisqualify: [{name: D, when: grade == 'hot', reason: x}]\n",
     "W0338 grade-unreachable no lead can be `hot`: score.fit is between 0 and 100\n"
     "W0336 threshold-unreachable `grade == 'hot'` is never true: score.fit is between 0 and 100\n"},
    {"clauses of one expression", WHEN("size >= 80 && size < 40"),
     "W0340 clauses-conflict `size >= 80` and `size < 40` cannot be true together\n"},
    {"clauses of a list",
     "scores:\n  fit:\n    rules:\n      - name: T\n        when:\n          all:\n            - active\n            - source == 'web'\n            - source in ['event']\n"
     "        points: 1\n",
     "W0340 clauses-conflict `source == 'web'` and `source in ['event']` cannot be true together\n"},
    {"clauses that only together exclude each other", WHEN("size >= 1 && size <= 2 && size != 1 && size != 2"),
     "W0340 clauses-conflict these clauses cannot all be true together\n"},
    {"clauses about an empty field", WHEN("!has(size) && size > 3"),
     "W0340 clauses-conflict `!has(size)` and `size > 3` cannot be true together\n"},
    {"clauses about a computed value", WHEN("days_since(seen) > 30 && days_since(seen) < 10"),
     "W0340 clauses-conflict `days_since(seen) > 30` and `days_since(seen) < 10` cannot be true together\n"},
    {"clauses about two inputs", WHEN("size > rate && size <= rate"),
     "W0340 clauses-conflict `size > rate` and `size <= rate` cannot be true together\n"},
    {"a count that is never below zero", WHEN("events.visit.count >= 0"),
     "W0342 condition-always `events.visit.count >= 0` is always true\n"},
    {"a field that is never empty", WHEN("!has(mail)"), "W0342 condition-always `has(mail)` is always true: `mail` is never empty\n"},
    {"always, of several parts", WHEN("has(size) || !has(size)"), "W0342 condition-always the condition of rule `T` is always true\n"},
    {"not always, if it can be unknown", WHEN("size > 3 || size <= 3"), ""},
    {"never, of several parts", WHEN("active ? source in [] : events.visit.count < 0"),
     "W0341 condition-never `source in []` is never true\nW0341 condition-never `events.visit.count < 0` is never true\n"},
    {"no disqualify rules", SCORE "recycle: [{name: R, when: disqualified, to: x}]\n",
     "W0341 condition-never `disqualified` is never true: the file has no `disqualify` rules\n"},
    {"a list item no value equals", "lists: {europe: [UK, FR]}\n" WHEN("country in europe"),
     "W0333 enum-value-never list `europe` is compared with `country`, which is never `UK` (write `GB`)\n"},
    {"is not, of an empty field", WHEN("source != 'web'"),
     "W0343 negation-empty `source != 'web'` is also true for leads whose `source` is empty: add `has(source)` if they are not "
     "meant\n"},
    {"not in, of an empty field", WHEN("active && !(source in ['web', 'event'])"),
     "W0343 negation-empty `!(source in ['web', 'event'])` is also true for leads whose `source` is empty: add `has(source)` if they "
     "are not meant\n"},
    {"is not, guarded", WHEN("has(source) && (source != 'web' || active)"), ""},
    {"is not, guarded in its own branch", WHEN("(has(source) && source != 'web') || active"), ""},
    {"is not, guarded by another comparison", WHEN("size > 3 && size != 7"), ""},
    {"is not, never empty", WHEN("mail != 'a@b.example'"), ""},
    {"two fields that may both be empty", WHEN("active && owner == other"),
     "W0343 equality-empty `owner == other` is also true for leads whose `owner` and `other` are both empty: add `has(owner)` if "
     "they are not meant\n"},
    {"two fields that may both be empty, denied twice", WHEN("!(owner != other)"),
     "W0343 equality-empty `!(owner != other)` is also true for leads whose `owner` and `other` are both empty: add `has(owner)` if "
     "they are not meant\n"},
    {"two fields, guarded", WHEN("has(other) && owner == other"), ""},
    {"two fields, one never empty", WHEN("owner == mail"), ""},
    {"two fields that differ", WHEN("owner != other"), ""},
    {"two fields inside `none`",
     "scores:\n  fit:\n    rules:\n      - name: T\n        when: {none: [owner == other]}\n        points: 1\n", ""},
    /* names, lists, teams */
    {"two rules of one name",
     "scores:\n  fit:\n    rules:\n      - {name: visit, when: active, points: 1}\n    events: {visit: 1}\n",
     "W0344 duplicate-name two rules of score.fit are called `visit`: explanations cannot tell them apart; give one a `name:`\n"},
    {"a list nobody uses", "lists: {north: [DE]}\n" SCORE, "W0345 unused-list list `north` is not used\n"},
    {"a list used in a union only", "lists: {north: [DE], all: {union: [north]}}\n" WHEN("country in all"), ""},
    {"a plugin nobody uses", SCORE "plugins: {p: {library: a.so, kind: router, reads: [size]}}\n",
     "W0513 unused-plugin plugin `p` is used by no rule, so it is not loaded\n"},
    {"a plugin that decides may say yes or no",
     SCORE TEAMS "plugins: {p: {library: a.so, kind: router}}\nroutes:\n" ROUTE("A", "score.fit >= 50", RED)
     "  - {name: B, plugin: p, assign: {round_robin: blue}}\n",
     "W0350 route-hole no route takes leads with score.fit 0..49, plugin p false\nexample lead: score.fit 0, plugin p false\n"
     "add a route for them, or a last one with `otherwise: true`\n"
     "W0352 route-partly-shadowed route `B` is partly taken by earlier routes that test other fields: `A`\n"
     "example lead: score.fit 50, plugin p true goes to `A`\n"},
    {"a plugin that scores gives at most a million points either way",
     "plugins: {p: {library: a.so, kind: scorer}}\nscores: {fit: {rules: [{name: P, plugin: p}]}}\n"
     "disqualify: [{name: A, when: score.fit > 1000000}, {name: B, when: score.fit > 999999}]\n", 
     "W0336 threshold-unreachable `score.fit > 1000000` is never true: score.fit is between -1000000 and 1000000\n"},
    {"a team nobody uses", SCORE TEAMS "routes:\n" ROUTE("A", "active", RED) "  - {name: B, otherwise: true, assign: nobody}\n",
     "W0346 unused-team team `blue` gets leads from no route\n"},
    /* routes */
    {"a hole", SCORE TEAMS "routes:\n" ROUTE("A", "score.fit >= 60", RED) ROUTE("B", "score.fit < 40", BLUE),
     "W0350 route-hole no route takes leads with score.fit 40..59\nexample lead: score.fit 40\n"
     "add a route for them, or a last one with `otherwise: true`\n"},
    {"a hole of unknowns", SCORE TEAMS "routes:\n" ROUTE("A", "size >= 60", RED) ROUTE("B", "size < 60", BLUE),
     "W0350 route-hole no route takes leads with size empty\nexample lead: size empty\n"
     "add a route for them, or a last one with `otherwise: true`\n"},
    {"no hole without otherwise",
     SCORE TEAMS "routes:\n" ROUTE("A", "size >= 60", RED) ROUTE("B", "size < 60", BLUE) ROUTE("C", "!has(size)", "nobody"), ""},
    {"no hole with a text and its opposite",
     SCORE TEAMS "routes:\n" ROUTE("A", "mail.endsWith('x')", RED) ROUTE("B", "!mail.endsWith('x')", BLUE), ""},
    {"no hole with grades",
     SCORE "grades: {by: score.fit, hot: {from: 60}, cold: {from: 0}}\n" TEAMS
           "routes:\n" ROUTE("A", "grade == 'hot'", RED) ROUTE("B", "score.fit < 60", BLUE), ""},
    {"no hole among impossible leads",
     SCORE TEAMS "routes:\n" ROUTE("A", "events.visit.count >= 1", RED) ROUTE("B", "!has(events.visit.days_ago)", BLUE), ""},
    {"no hole among leads that are disqualified",
     SCORE TEAMS "disqualify: [{name: D, when: size < 10, reason: x}]\nroutes:\n" ROUTE("No", "disqualified", "nobody")
         ROUTE("A", "size >= 10", RED) ROUTE("B", "!has(size)", BLUE), ""},
    {"a hole that is all leads", SCORE TEAMS "routes:\n" ROUTE("A", "source in []", RED) ROUTE("B", "size in []", BLUE),
     "W0341 condition-never `source in []` is never true\n"
     "W0350 route-hole no route takes any lead\nexample lead: any lead\n"
     "add a route for them, or a last one with `otherwise: true`\n"
     "W0341 condition-never `size in []` is never true\n"},
    {"a second hole of unknowns has an example of its own",
     SCORE TEAMS "routes:\n" ROUTE("A", "size >= 60 && active", RED) ROUTE("B", "size < 60 && score.fit > 3", BLUE),
     "W0350 route-hole no route takes leads with size 60+, active false\n"
     "example lead: size 60, active false\n"
     "nor: score.fit 0..3, size up to 59\nexample lead: score.fit 0, size 59\n"
     "nor: size empty\nexample lead: size empty\n"
     "add a route for them, or a last one with `otherwise: true`\n"},
    /* scores that follow from fields */
    {"a score that a table gives is what the example has",
     TOTAL("size", "1-50: 10, 51+: 90, otherwise: 0, missing: 0") TEAMS "routes:\n"
     ROUTE("A", "score.total >= 80 && size >= 200", RED) ROUTE("B", "score.total < 80", BLUE),
     "W0350 route-hole no route takes leads with score.total 80..90, size up to 199\nexample lead: score.total 90, size 51\n"
     "add a route for them, or a last one with `otherwise: true`\n"},
    {"no hole where a table gives no such score",
     TOTAL("size", "1-50: 10, 51+: 90, otherwise: 0, missing: 0") TEAMS "routes:\n" ROUTE("A", "score.total >= 60", RED)
         ROUTE("B", "score.total <= 40", BLUE), ""},
    {"no hole where a table gives no such score together with the field",
     TOTAL("size", "1-50: 10, 51+: 90, otherwise: 0, missing: 0") TEAMS "routes:\n" ROUTE("A", "score.total >= 80 && size >= 51", RED)
         ROUTE("B", "score.total < 80", BLUE), ""},
    {"tables add up, by field, list, text and truth",
     "lists: {north: [DE, FR]}\n"
     "scores:\n"
     "  fit:\n"
     "    rules:\n"
     "      - {name: C, by: country, points: {in north: 20, GB: 5, otherwise: 0, missing: 0}}\n"
     "      - {name: A, by: active, points: {'true': 40, 'false': 0}}\n"
     "      - {name: R, by: rate, points: {0-1: 1.4, otherwise: 0, missing: 0}}\n"
     "      - {name: M, by: mail, points: {a@b.example: 30, otherwise: 0}}\n" TEAMS "routes:\n"
     ROUTE("A", "score.fit in [0, 1, 5, 6, 20, 21, 30, 31, 35, 36, 40, 41, 45, 46, 50, 51, 60, 61, 70, 71, 75, 76, 90]", RED)
     ROUTE("B", "score.fit == 91 && country in ['FR', 'GB']", BLUE),
     "W0350 route-hole no route takes leads with score.fit 91, country not FR or GB\n"
     "example lead: score.fit 91, country DE\n"
     "add a route for them, or a last one with `otherwise: true`\n"},
    {"sums, `when` rules and keep_within follow too",
     "scores:\n"
     "  fit: {rules: [{name: A, when: active, points: 70}, {name: B, when: size > 5, points: 50}], keep_within: 0..100}\n"
     "  more: {rules: [{name: C, when: source == 'web', points: 9}]}\n"
     "  total: {sum: [fit, more], keep_within: 0..104}\n" TEAMS "routes:\n"
     ROUTE("A", "score.total in [0, 9, 50, 59, 70, 79, 100]", RED) ROUTE("B", "score.total >= 101 && !active", BLUE),
     "W0350 route-hole no route takes leads with score.total 101..104, active true\nexample lead: score.total 104, active true\n"
     "add a route for them, or a last one with `otherwise: true`\n"
     "W0340 clauses-conflict `score.total >= 101` and `!active` cannot be true together\n"},
    {"a route that scores and fields leave out of reach",
     TOTAL("size", "1-50: 10, 51+: 90, otherwise: 0, missing: 0") TEAMS "routes:\n" ROUTE("A", "score.total > 50", RED)
         ROUTE("B", "size > 60 && active", BLUE) NOT_OTHERS,
     "W0351 route-unreachable route `B` is never reached: earlier routes take every lead it matches\ntaken by `A`\n"},
    {"events in the example give what they give",
     "scores: {fit: {events: {demo: 30, visit: {each: 1, max: 5}}}}\n" TEAMS "routes:\n"
     ROUTE("A", "score.fit < 30", RED) ROUTE("B", "events.demo.count == 0", BLUE),
     "W0350 route-hole no route takes leads with score.fit 30..35, events.demo.count 1+\n"
     "example lead: score.fit 30, events.demo.count 1\n"
     "add a route for them, or a last one with `otherwise: true`\n"
     "W0351 route-unreachable route `B` is never reached: earlier routes take every lead it matches\ntaken by `A`\n"},
    {"no hole where events give too little",
     "scores: {fit: {events: {demo: 30, visit: {each: 1, max: 5}}}}\n" TEAMS "routes:\n"
     ROUTE("A", "score.fit <= 5", RED) ROUTE("B", "events.demo.count > 0", BLUE), ""},
    {"unreachable, by two together",
     SCORE TEAMS "routes:\n" ROUTE("A", "score.fit >= 50", RED) ROUTE("B", "score.fit < 60 && size > 3", BLUE)
         ROUTE("C", "score.fit > 30 && size > 5", RED) NOT_OTHERS,
     "W0351 route-unreachable route `C` is never reached: earlier routes take every lead it matches\ntaken by `A`, `B`\n"},
    {"partly shadowed", SCORE TEAMS "routes:\n" ROUTE("A", "size >= 50", RED) ROUTE("B", "source == 'referral'", BLUE) NOT_OTHERS,
     "W0352 route-partly-shadowed route `B` is partly taken by earlier routes that test other fields: `A`\n"
     "example lead: size 50, source referral goes to `A`\n"},
    {"not shadowed: the same team", SCORE TEAMS "routes:\n" ROUTE("A", "size >= 50", BLUE) ROUTE("B", "source == 'referral'", BLUE)
     ROUTE("C", "size > 3 && source == 'web'", RED) NOT_OTHERS, ""},
    {"not shadowed: nobody is robbed",
     SCORE TEAMS "routes:\n" ROUTE("A", "size >= 50", RED) ROUTE("B", "source == 'referral'", "nobody") NOT_OTHERS, ""},
    {"not shadowed: a priority", SCORE TEAMS "routes:\n" ROUTE("No", "active", "nobody") ROUTE("A", "size >= 50", RED)
     ROUTE("B", "size < 50", BLUE) NOT_OTHERS, ""},
    {"not shadowed: bands of one field", SCORE TEAMS "routes:\n" ROUTE("A", "score.fit >= 50", RED)
     ROUTE("B", "score.fit >= 20 && source == 'web'", BLUE) NOT_OTHERS, ""},
    {"not shadowed: an exception inside a table",
     SCORE TEAMS "routes:\n" ROUTE("A", "score.fit >= 80", RED) ROUTE("B", "source == 'web' && score.fit > 3", BLUE)
         ROUTE("C", "score.fit >= 50", RED) NOT_OTHERS, ""},
    /* disqualify and recycle */
    {"asked twice",
     SCORE "disqualify:\n  - {name: A, when: size < 10, reason: x}\n  - {name: B, when: '!(size >= 10) && has(size)', reason: x}\n",
     "W0354 condition-duplicate disqualify rule `B` asks the same as `A` before it\n"},
    {"never the reason",
     SCORE "disqualify:\n  - {name: A, when: size < 10, reason: x}\n  - {name: B, when: size < 5, reason: y}\n",
     "N0355 disqualify-idle disqualify rule `B` never gives the reason: earlier ones match all its leads\nmatched by `A`\n"},
    {"recycled earlier", SCORE "recycle:\n  - {name: A, when: size < 10, to: x}\n  - {name: B, when: size < 5 && active, to: y}\n",
     "W0356 recycle-unreachable recycle rule `B` is never reached: earlier ones match all its leads\nmatched by `A`\n"},
    /* nurture */
    {"a segment nobody enters", SCORE "nurture: {late: {enter_when: size < 5 && size > 10, send: 1 email per day}}\n",
     "W0340 clauses-conflict `size < 5` and `size > 10` cannot be true together\n"},
};

Test(rules_lint, one_broken_example_a_finding)
{
    for (size_t k = 0; k < sizeof examples / sizeof examples[0]; k++) {
        char text[8192];
        snprintf(text, sizeof text, "%s%s", head, examples[k].body);
        struct fixture f;
        start_text(&f, text);
        const char *found = findings(&f);
        cr_expect_eq(f.linted, ASSAY_OK, "%s: %s", examples[k].name, f.error.text);
        cr_expect_str_eq(found, examples[k].expected, "%s:\nexpected\n%sfound\n%s", examples[k].name, examples[k].expected, found);
        stop(&f);
    }
}

/* -- places ----------------------------------------------------------------------------------------------------- */

/* Where the first stage takes every lead there is no lead without one. */
Test(rules_lint, leads_without_a_stage_were_found_where_there_are_none)
{
    static const char text[] = "assay: 1\n"
                               "fields: {size: int}\n"
                               "scores: {fit: {rules: [{name: s, by: size, points: {1+: 5, otherwise: 0, missing: 0}}]}}\n"
                               "lifecycle:\n"
                               "  - {stage: raw, owner: marketing%s}\n"
                               "  - {stage: mql, owner: sales, enter_when: score.fit >= 5}\n"
                               "routes:\n"
                               "  - {name: a, when: \"stage != 'mql'\", assign: nobody}\n"
                               "  - {name: b, when: \"stage == 'mql'\", assign: nobody}\n";
    static const char *const conditions[] = {"", ", enter_when: size > 0"};
    for (int i = 0; i < 2; i++) {
        char rules[sizeof(text) + 32];
        struct fixture f;
        snprintf(rules, sizeof(rules), text, conditions[i]);
        start_text(&f, rules);
        cr_assert_eq(f.loaded, ASSAY_OK, "%s", findings(&f));
        const bool is_told = strstr(findings(&f), "leads whose `stage` is empty") != NULL;
        cr_expect_eq(is_told, i == 1, "first stage%s: %s", conditions[i], findings(&f));
        cr_expect(i == 1 || f.diags.n == 0, "%s", findings(&f));
        stop(&f);
    }
}

Test(rules_lint, points_into_the_expression)
{
    char text[4096];
    snprintf(text, sizeof text, "%s%s", head,
             SCORE "disqualify:\n"
                   "  - name: D\n"
                   "    reason: x\n"
                   "    when: active && (source != 'web')\n"
                   "  - name: E\n"
                   "    reason: x\n"
                   "    when:\n"
                   "      all:\n"
                   "        - size > 9\n"
                   "        - \"active && size < 4\"\n");
    struct fixture f;
    start_text(&f, text);
    cr_assert_eq(f.diags.n, 2, "%s", findings(&f));
    cr_expect_eq(f.diags.items[0].pos.line, 18);
    cr_expect_eq(f.diags.items[0].pos.col, 22);
    cr_expect_eq(f.diags.items[0].len, strlen("source != 'web'"));
    cr_expect_str_eq(f.diags.items[1].slug, "clauses-conflict");
    cr_expect_eq(f.diags.items[1].pos.line, 24);
    cr_expect_eq(f.diags.items[1].pos.col, 22, "col %u", f.diags.items[1].pos.col);
    stop(&f);
}

/* -- the routing table of the domain document --------------------------------------------------------------------- */

/* "ROUTING RULES" as printed there, IF and ELSE IF in their order, with the scores it has before them. */
static char domain_table[] = "assay: 1\n"
                             "fields:\n"
                             "  company.employees: int\n"
                             "  lead.source: one of website, referral, list_import\n"
                             "events:\n"
                             "  high: [demo_request]\n"
                             "scores:\n"
                             "  total: {keep_within: 0..100, events: {demo_request: {each: 50, max: 100}}}\n"
                             "teams:\n"
                             "  enterprise_ae: {anywhere: [ana]}\n"
                             "  mid_market_ae: {anywhere: [erin]}\n"
                             "  smb_sdr: {anywhere: [jo]}\n"
                             "  referral_partners: {anywhere: [maya]}\n"
                             "routes:\n"
                             "  - name: Enterprise\n"
                             "    when: {all: [score.total >= 80, company.employees >= 200]}\n"
                             "    assign: {round_robin: enterprise_ae}\n"
                             "  - name: Mid-market\n"
                             "    when: {all: [score.total >= 60, company.employees >= 50 && company.employees <= 200]}\n"
                             "    assign: {round_robin: mid_market_ae}\n"
                             "  - name: SMB\n"
                             "    when: {all: [score.total >= 60, company.employees < 50]}\n"
                             "    assign: {round_robin: smb_sdr}\n"
                             "  - name: Referral\n"
                             "    when: lead.source == 'referral'\n"
                             "    assign: {round_robin: referral_partners}\n"
                             "  - name: Nurture\n"
                             "    when: score.total >= 40 && score.total <= 59\n"
                             "    assign: nobody\n"
                             "  - name: Unqualified\n"
                             "    when: score.total < 40\n"
                             "    assign: nobody\n";

Test(rules_lint, domain_table_has_its_hole_and_its_shadowed_referrals)
{
    struct fixture f;
    start_text(&f, domain_table);
    cr_expect_eq(f.linted, ASSAY_OK);
    cr_expect_str_eq(findings(&f),
                     "W0352 route-partly-shadowed route `Referral` is partly taken by earlier routes that test other fields: "
                     "`Enterprise`, `Mid-market`, `SMB`\n"
                     "example lead: score.total 80, company.employees 200, lead.source referral goes to `Enterprise`\n"
                     "W0350 route-hole no route takes leads with score.total 60..79, company.employees 201+, "
                     "lead.source not referral\n"
                     "example lead: score.total 60, company.employees 201, lead.source website\n"
                     "nor: score.total 60..100, company.employees empty, lead.source not referral\n"
                     "example lead: score.total 60, company.employees empty, lead.source website\n"
                     "add a route for them, or a last one with `otherwise: true`\n",
                     "%s", findings(&f));
    stop(&f);
}

/* -- the shipped example ------------------------------------------------------------------------------------------- */

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

Test(rules_lint, shipped_example)
{
    const char *path = ASSAY_SOURCE_DIR "/../shared/examples/b2b-saas.yaml";
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        printf("skipped: no shared examples here\n");
        return;
    }
    fclose(file);
    struct fixture f;
    start(&f, path, &asy_file_reader_os);
    cr_assert_eq(f.loaded, ASSAY_OK, "%s", findings(&f));
    cr_expect_eq(f.linted, ASSAY_OK);
    cr_expect_eq(f.diags.n_errors, 0);
    cr_expect_str_eq(findings(&f),
                     "N0337 keep-within-unreachable score.fit can reach at most 85 of 100\n"
                     "W0352 route-partly-shadowed route `Referral` is partly taken by earlier routes that test other fields: "
                     "`Enterprise`, `Mid-market`, `SMB`\n"
                     "example lead: score.total 85, company.employees 200, lead.source referral goes to `Enterprise`\n",
                     "%s", findings(&f));
    stop(&f);
}

/* -- bounds --------------------------------------------------------------------------------------------------------- */

struct text {
    char *p;
    size_t n, cap;
};

__attribute__((format(printf, 2, 3))) static void append(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->p + text->n, text->cap - text->n, format, args);
    va_end(args);
    text->n += n > 0 ? (size_t)n : 0;
    cr_assert_lt(text->n, text->cap);
}

static struct text text_new(void)
{
    struct text text = {.cap = 1000000};
    text.p = calloc(1, text.cap);
    cr_assert_not_null(text.p);
    return text;
}

/* A seeded generator, so that a failure can be run again: seed 1. */
static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(*state >> 33);
}

static void expect_bounded(struct text *text, const char *name, bool wants_note)
{
    struct fixture f;
    double before = seconds_now();
    start_text(&f, text->p);
    double taken = seconds_now() - before;
    bool has_note = false;
    for (uint32_t k = 0; k < f.diags.n; k++)
        has_note = has_note || strcmp(f.diags.items[k].slug, "analysis-cut") == 0;
    cr_expect_eq(f.loaded, ASSAY_OK, "%s: %.300s", name, findings(&f));
    cr_expect_eq(f.linted, ASSAY_OK, "%s: %s", name, f.error.text);
    cr_expect(has_note || !wants_note, "%s: expected a note that the analysis was cut short", name);
    /* Far above what it takes (a second at most), and far below what an unbounded search would. */
    cr_expect_lt(taken, 60.0, "%s took %.1f s", name, taken);
    stop(&f);
    free(text->p);
}

/* Random 3-clauses over 120 fields: every route undecided, no easy way out. */
Test(rules_lint, entangled_routes_stay_bounded)
{
    struct text text = text_new();
    uint64_t state = 1;
    append(&text, "assay: 1\nfields:\n");
    for (int k = 0; k < 120; k++)
        append(&text, "  f%d: bool, default false\n", k);
    append(&text, "scores: {fit: {rules: [{name: T, when: f0, points: 1}]}}\nroutes:\n");
    for (int k = 0; k < 504; k++) {
        append(&text, "  - name: R%d\n    assign: nobody\n    when: '", k);
        for (int i = 0; i < 3; i++)
            append(&text, "%s%sf%u", i == 0 ? "" : " && ", next_random(&state) % 2 ? "!" : "", next_random(&state) % 120);
        append(&text, "'\n");
    }
    expect_bounded(&text, "entangled routes", true);
}

/* Forty tables whose points add up to every number but few: which of them cannot be is no question to settle in time. */
Test(rules_lint, scores_of_many_tables_stay_bounded)
{
    struct text text = text_new();
    append(&text, "assay: 1\nfields:\n");
    for (int k = 0; k < 40; k++)
        append(&text, "  f%d: int\n", k);
    append(&text, "scores:\n  fit:\n    rules:\n");
    for (int k = 0; k < 40; k++)
        append(&text, "      - {name: T%d, by: f%d, points: {1: %d, 2-9: %d, otherwise: 0, missing: 0}}\n", k, k, 2000 + 2 * k * k, 3000 + 34 * k);
    append(&text, "routes:\n  - {name: A, when: score.fit < 60001, assign: nobody}\n  - {name: B, when: score.fit > 60001, assign: nobody}\n");
    expect_bounded(&text, "scores of many tables", false);
}

/* Thirty-two fields with twelve bands each: far more combinations than could be visited; still settled exactly. */
Test(rules_lint, many_combinations_are_no_obstacle)
{
    struct text text = text_new();
    append(&text, "assay: 1\nfields:\n");
    for (int k = 0; k < 32; k++)
        append(&text, "  f%d: int\n", k);
    append(&text, "scores: {fit: {rules: [{name: T, when: f0 > 1, points: 1}]}}\nroutes:\n");
    for (int k = 0; k < 32; k++)
        for (int i = 0; i < 6; i++)
            append(&text, "  - {name: R%d-%d, when: 'f%d >= %d && f%d < %d', assign: nobody}\n", k, i, k, 10 * i, k, 10 * i + 10);
    struct fixture f;
    start_text(&f, text.p);
    cr_expect_eq(f.linted, ASSAY_OK);
    bool has_hole = false;
    for (uint32_t k = 0; k < f.diags.n; k++) {
        cr_expect_str_neq(f.diags.items[k].slug, "analysis-cut");
        has_hole = has_hole || strcmp(f.diags.items[k].slug, "route-hole") == 0;
    }
    cr_expect(has_hole);
    stop(&f);
    free(text.p);
}

Test(rules_lint, thousands_of_comparisons_stay_bounded)
{
    struct text text = text_new();
    append(&text, "assay: 1\nfields:\n  size: int\n  mail: text\nscores:\n  fit:\n    rules:\n");
    for (int k = 0; k < 6000; k++)
        append(&text, "      - {name: R%d, when: 'size > %d && mail != \"m%d\"', points: 1}\n", k, k, k);
    expect_bounded(&text, "thousands of comparisons", true);
}

Test(rules_lint, deep_and_wide_conditions_stay_bounded)
{
    struct text text = text_new();
    append(&text, "assay: 1\nfields:\n  size: int\n  rate: number\nscores:\n  fit:\n    rules:\n");
    for (int k = 0; k < 60; k++) {
        append(&text, "      - name: R%d\n        points: 1\n        when: '", k);
        for (int i = 0; i < 20; i++)
            append(&text, "(%s(", i % 2 ? "size > 1 || !" : "rate < 2.5 && ");
        append(&text, "size == %d", k);
        for (int i = 0; i < 20; i++)
            append(&text, "))");
        for (int i = 0; i < 400; i++)
            append(&text, " && size != %d", i);
        append(&text, "'\n");
    }
    expect_bounded(&text, "deep and wide", false);
}

/* -- against brute force ---------------------------------------------------------------------------------------------- */

/* One value of each field of `head` that random conditions read; they compare with nothing but 0..5 in halves. */
struct lead {
    int size;   /* -1..6; 7: empty */
    int rate;   /* halves from -1 to 11; 12: empty */
    int source; /* 0..2; 3: empty */
    bool active;
};

static int64_t score_of(const struct lead *lead, uint32_t number);

static struct asy_cel_value read_lead(void *ctx, const struct asy_cel_input *input)
{
    static const char *const sources[] = {"web", "referral", "event"};
    const struct lead *lead = ctx;
    struct asy_cel_value value = {.type = ASY_CEL_NULL};
    if (input->kind == ASY_IN_SCORE) {
        int64_t milli = score_of(lead, input->index);
        return input->type == ASY_CEL_INT ? (struct asy_cel_value){.type = ASY_CEL_INT, .i = milli / 1000}
                                          : (struct asy_cel_value){.type = ASY_CEL_DOUBLE, .d = (double)milli / 1000.0};
    }
    switch (input->index) { /* the order of the fields in `head` */
    case 0:
        if (lead->size != 7)
            value = (struct asy_cel_value){.type = ASY_CEL_INT, .i = lead->size};
        break;
    case 1:
        if (lead->rate != 12)
            value = (struct asy_cel_value){.type = ASY_CEL_DOUBLE, .d = lead->rate / 2.0};
        break;
    case 2:
        if (lead->source != 3)
            value = (struct asy_cel_value){.type = ASY_CEL_STRING, .s = asy_str_of(sources[lead->source])};
        break;
    default:
        value = (struct asy_cel_value){.type = ASY_CEL_BOOL, .b = lead->active};
        break;
    }
    return value;
}

enum random_kind { PLAIN, PAIRS, SCORES };

static void append_random(struct text *text, uint64_t *state, int depth, enum random_kind how)
{
    const bool with_pairs = how == PAIRS;
    static const char *const orders[] = {"==", "!=", "<", "<=", ">", ">="};
    uint32_t kind = next_random(state) % (depth > 0 ? 16 : 9), k = next_random(state) % 6;
    const char *order = orders[next_random(state) % 6];
    switch (kind) {
    case 0:
    case 1:
        append(text, "size %s %u", order, k);
        return;
    case 2:
        append(text, "%u.5 %s rate", k % 5, order);
        return;
    case 3:
        append(text, "source %s 'web'", k % 2 ? "==" : "!=");
        return;
    case 4:
        if (how == SCORES)
            append(text, "score.%s %s %u", k % 2 ? "total" : "fit", order, next_random(state) % 11);
        else
            append(text, "source in ['referral', 'event']");
        return;
    case 5:
        append(text, "has(%s)", k % 2 ? "size" : "source");
        return;
    case 6:
        append(text, with_pairs ? "size %s rate" : "rate %s 2", order);
        return;
    case 7:
        append(text, with_pairs ? "size + %u > 4" : "size in [%u, 3]", k);
        return;
    case 8:
        append(text, how == SCORES ? "score.more %s %u.5" : "active", order, k % 3);
        return;
    default:
        break;
    }
    append(text, kind == 15 ? "!(" : "(");
    append_random(text, state, depth - 1, how);
    if (kind < 15)
        append(text, kind < 12 ? " && " : kind < 14 ? " || " : " ? ");
    if (kind < 15)
        append_random(text, state, depth - 1, how);
    if (kind == 14) {
        append(text, " : ");
        append_random(text, state, depth - 1, how);
    }
    append(text, ")");
}

/* Routes by scores that follow from fields: the lint's holes and routes out of reach are those of all leads. */
static const char scored[] = "scores:\n"
                             "  fit:\n"
                             "    keep_within: -3..9\n"
                             "    rules:\n"
                             "      - {name: A, by: size, points: {0-2: 4, 3: -5, 5+: 1.5, otherwise: 0, missing: 2}}\n"
                             "      - {name: B, by: source, points: {web: 7, referral: 1, event: 0, missing: 0}}\n"
                             "      - {name: C, when: active && size > 1, points: 3}\n"
                             "  more:\n"
                             "    decimals: 1\n"
                             "    rules:\n"
                             "      - {name: A, by: rate, points: {0.5-2: 0.5, 4+: 2.25, otherwise: 1, missing: 0}}\n"
                             "      - {name: B, by: size, points: {-1-1: 1, otherwise: 0, missing: 0}}\n"
                             "  total: {sum: [fit, more], keep_within: 0..11}\n";

static int64_t rounded(int64_t milli, int64_t unit)
{
    int64_t size = ((milli < 0 ? -milli : milli) + unit / 2) / unit * unit;
    return milli < 0 ? -size : size;
}

static int64_t within(int64_t milli, int64_t lo, int64_t hi)
{
    return milli < lo ? lo : milli > hi ? hi : milli;
}

/* The scores of `scored`, by hand. */
static int64_t score_of(const struct lead *lead, uint32_t number)
{
    bool has_size = lead->size != 7;
    int64_t fit = lead->source == 0 ? 7000 : lead->source == 1 ? 1000 : 0;
    fit += !has_size ? 2000 : lead->size >= 0 && lead->size <= 2 ? 4000 : lead->size == 3 ? -5000 : lead->size >= 5 ? 1500 : 0;
    fit += has_size && lead->active && lead->size > 1 ? 3000 : 0;
    fit = rounded(within(fit, -3000, 9000), 1000);
    int64_t more = lead->rate == 12 ? 0 : lead->rate >= 1 && lead->rate <= 4 ? 500 : lead->rate >= 8 ? 2250 : 1000;
    more = rounded(more + (has_size && lead->size <= 1 ? 1000 : 0), 100);
    return number == 0 ? fit : number == 1 ? more : rounded(within(fit + more, 0, 11000), 1000);
}

static bool is_true(struct fixture *f, uint32_t route, struct lead *lead)
{
    struct asy_cel_row row = {.ctx = lead, .read = read_lead, .scratch = &f->pool};
    struct asy_cel_value value = asy_cel_eval(f->rules.routes[route].test.when, &row);
    return value.type == ASY_CEL_BOOL && value.b;
}

static bool has_finding(const struct fixture *f, const char *slug)
{
    for (uint32_t k = 0; k < f->diags.n; k++)
        if (strcmp(f->diags.items[k].slug, slug) == 0)
            return true;
    return false;
}

/* Two routes; what the lint says of them and what all leads say. 1: a hole, 2: R1 is out of reach. */
static unsigned compare_with_all_leads(uint64_t seed, enum random_kind how)
{
    uint64_t state = seed;
    struct text text = text_new();
    append(&text, "%s%sroutes:\n", head, how == SCORES ? scored : SCORE);
    for (int k = 0; k < 2; k++) {
        append(&text, "  - {name: R%d, assign: nobody, when: \"", k);
        append_random(&text, &state, 3, how);
        append(&text, "\"}\n");
    }
    struct fixture f;
    start_text(&f, text.p);
    cr_assert_eq(f.linted, ASSAY_OK);
    cr_assert_eq(f.loaded, ASSAY_OK, "seed %lu: %s\n%s", (unsigned long)seed, findings(&f), text.p);
    bool is_hole = false, can_second = false, is_second_reached = false;
    for (struct lead lead = {.size = -1}; lead.size <= 7; lead.size++)
        for (lead.rate = -1; lead.rate <= 12; lead.rate++)
            for (lead.source = 0; lead.source <= 3; lead.source++)
                for (int active = 0; active < 2; active++) {
                    lead.active = active == 1;
                    bool a = is_true(&f, 0, &lead), b = is_true(&f, 1, &lead);
                    is_hole = is_hole || (!a && !b);
                    can_second = can_second || b;
                    is_second_reached = is_second_reached || (!a && b);
                }
    const char *found = findings(&f);
    cr_expect(!is_hole || has_finding(&f, "route-hole"), "seed %lu: a hole is not told\n%s%s", (unsigned long)seed, text.p, found);
    cr_expect(!has_finding(&f, "route-unreachable") || !is_second_reached, "seed %lu: R1 is reached\n%s%s", (unsigned long)seed,
              text.p, found);
    if (how != PAIRS) {
        cr_expect(is_hole || !has_finding(&f, "route-hole"), "seed %lu: there is no hole\n%s%s", (unsigned long)seed, text.p, found);
        cr_expect_eq(has_finding(&f, "route-unreachable"), can_second && !is_second_reached, "seed %lu: R1\n%s%s",
                     (unsigned long)seed, text.p, found);
    }
    stop(&f);
    free(text.p);
    return (is_hole ? 1u : 0u) | (can_second && !is_second_reached ? 2u : 0u);
}

Test(rules_lint, agrees_with_brute_force)
{
    uint32_t n[4] = {0};
    for (uint64_t seed = 1; seed <= 300; seed++)
        n[compare_with_all_leads(seed, PLAIN)]++;
    cr_expect(n[0] + n[2] >= 5 && n[1] >= 5 && n[2] + n[3] >= 5, "too few of a kind: %u %u %u %u", n[0], n[1], n[2], n[3]);
}

Test(rules_lint, agrees_with_brute_force_on_scores)
{
    uint32_t n[4] = {0};
    for (uint64_t seed = 1; seed <= 400; seed++)
        n[compare_with_all_leads(seed, SCORES)]++;
    cr_expect(n[0] + n[2] >= 5 && n[1] >= 5 && n[2] + n[3] >= 5, "too few of a kind: %u %u %u %u", n[0], n[1], n[2], n[3]);
}

/* Two fields compared with each other are taken as free of what is known of each: what is proven must still hold. */
Test(rules_lint, claims_nothing_false_of_compared_fields)
{
    for (uint64_t seed = 1; seed <= 150; seed++)
        compare_with_all_leads(seed, PAIRS);
}

/* -- no memory ------------------------------------------------------------------------------------------------------ */

struct failing {
    uint64_t n, fail_at;
};

static void *failing_alloc(void *ctx, size_t size)
{
    struct failing *failing = ctx;
    return ++failing->n == failing->fail_at ? NULL : malloc(size);
}

static void *failing_resize(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    struct failing *failing = ctx;
    (void)old_bytes;
    return ++failing->n == failing->fail_at ? NULL : realloc(p, new_bytes);
}

static void failing_release(void *ctx, void *p, size_t size)
{
    (void)ctx;
    (void)size;
    free(p);
}

static void fail_each_allocation(char *rules)
{
    struct fixture f;
    start_text(&f, rules);
    cr_assert_eq(f.loaded, ASSAY_OK);
    struct failing failing = {0, 0};
    struct assay_allocator table = {.struct_size = sizeof table, .ctx = &failing, .alloc = failing_alloc,
                                    .resize = failing_resize, .release = failing_release};
    assay_status status = ASSAY_E_NOMEM;
    for (uint64_t at = 1; at < 2000 && status != ASSAY_OK; at++) {
        struct asy_mem mem;
        struct asy_diags diags;
        struct assay_error error = {0, ""};
        failing = (struct failing){0, at};
        asy_mem_init(&mem, &table);
        asy_diags_init(&diags, &mem);
        diags.path = f.diags.path;
        diags.source = f.diags.source;
        status = asy_rules_lint(&f.rules, &diags, &error);
        if (status != ASSAY_OK) {
            cr_expect_eq(status, ASSAY_E_NOMEM);
            cr_expect_str_eq(error.text, "rules.yaml: checking the rules: out of memory");
        } else {
            cr_expect_eq(diags.n, f.diags.n);
        }
        asy_diags_fini(&diags);
        cr_expect_eq(mem.live_bytes, 0);
    }
    cr_expect_eq(status, ASSAY_OK);
    stop(&f);
}

Test(rules_lint, every_failing_allocation_is_told)
{
    fail_each_allocation(domain_table);
    char text[4096];
    snprintf(text, sizeof text, "%s%s%s", head, scored,
             TEAMS "routes:\n" ROUTE("A", "score.total >= 8 && size > 2", RED) ROUTE("B", "score.fit < 5 && source == 'web'", BLUE));
    fail_each_allocation(text);
}
