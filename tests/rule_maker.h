/* Rule files made from bytes: every byte is one decision, so that a fuzzer which changes a byte changes one thing, and nearly
 * every file is accepted. Bytes that have run out count as 0, the simplest choice. With plugins they are those of tests/plugin/exec. */
#ifndef RULE_MAKER_H
#define RULE_MAKER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { MAKER_TEXT_MAX = 60000, MAKER_DEPTH_MAX = 5 };

struct maker {
    const uint8_t *bytes;
    size_t n, at;
    char *text; /* MAKER_TEXT_MAX bytes */
    size_t len;
    uint32_t n_scores;     /* made so far: s0 .. */
    uint8_t decimals[8];
    bool has_grades, is_after_disqualify, is_after_lifecycle;
    const char *isolation; /* of plugins; NULL: there are none */
    const char *trouble;   /* further settings of some calls: ", bad: [..]" */
    uint32_t n_calls;
};

static inline uint32_t maker_pick(struct maker *m, uint32_t below)
{
    return m->at < m->n ? m->bytes[m->at++] % below : 0;
}

static inline void maker_put(struct maker *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void maker_put(struct maker *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(m->text + m->len, MAKER_TEXT_MAX - m->len, format, args);
    va_end(args);
    if (n > 0) m->len += (size_t)n;
    if (m->len > MAKER_TEXT_MAX - 1) m->len = MAKER_TEXT_MAX - 1;
}

#define MAKER_PUT_ONE(m, ...) maker_put_one(m, (const char *const[]){__VA_ARGS__}, \
                                            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))
static inline void maker_put_one(struct maker *m, const char *const *choices, size_t n)
{
    maker_put(m, "%s", choices[maker_pick(m, (uint32_t)n)]);
}

/* -- conditions ------------------------------------------------------------------------------------------------------- */

static inline void maker_int(struct maker *m)
{
    MAKER_PUT_ONE(m, "3", "0", "1", "2", "7", "10", "50", "100", "30", "-1", "-7", "128", "40000", "2147483648",
                  "9223372036854775807", "-9223372036854775807");
}
static inline void maker_number(struct maker *m) { MAKER_PUT_ONE(m, "2.5", "0.0", "1.0", "-0.5", "0.125", "10.0", "1e9", "9007199254740993.0"); }
static inline void maker_text(struct maker *m) { MAKER_PUT_ONE(m, "'a'", "'b'", "'DE'", "''", "'x'", "'Sales'"); }
static inline void maker_compare(struct maker *m) { MAKER_PUT_ONE(m, " < ", " <= ", " > ", " >= ", " == ", " != "); }
static inline void maker_event(struct maker *m) { MAKER_PUT_ONE(m, "v", "w", "x"); }
static inline void maker_window(struct maker *m) { MAKER_PUT_ONE(m, "", "(7d)", "(30d)", "(1h)", "(365d)"); }

static inline void maker_bool_of(struct maker *m, uint32_t depth);
static inline void maker_text_of(struct maker *m, uint32_t depth);
static inline void maker_number_of(struct maker *m, uint32_t depth);

static inline void maker_int_of(struct maker *m, uint32_t depth)
{
    const uint32_t what = maker_pick(m, depth < MAKER_DEPTH_MAX ? 14 : 5);
    switch (what) {
    case 0: maker_put(m, "i"); return;
    case 1: maker_int(m); return;
    case 2: maker_put(m, "events."), maker_event(m), maker_put(m, ".count"), maker_window(m); return;
    case 3: maker_put(m, "events."), MAKER_PUT_ONE(m, "v", "w", "any"), MAKER_PUT_ONE(m, ".days_ago", ".first_days_ago"); return;
    case 4: maker_put(m, "days_since(d)"); return;
    case 5: maker_put(m, "-("), maker_int_of(m, depth + 1), maker_put(m, ")"); return;
    case 6: maker_put(m, "size("), maker_text_of(m, depth + 1), maker_put(m, ")"); return;
    case 7: maker_put(m, "int("), maker_number_of(m, depth + 1), maker_put(m, ")"); return;
    case 8: maker_put(m, "d."), MAKER_PUT_ONE(m, "getFullYear()", "getMonth()", "getDayOfWeek('+05:30')", "getHours()"); return;
    case 9:
        maker_put(m, "("), maker_bool_of(m, depth + 1), maker_put(m, " ? "), maker_int_of(m, depth + 1), maker_put(m, " : ");
        maker_int_of(m, depth + 1), maker_put(m, ")");
        return;
    default:
        maker_put(m, "("), maker_int_of(m, depth + 1), MAKER_PUT_ONE(m, " + ", " - ", " * ", " / ", " % ");
        maker_int_of(m, depth + 1), maker_put(m, ")");
        return;
    }
}

static inline void maker_number_of(struct maker *m, uint32_t depth)
{
    switch (maker_pick(m, depth < MAKER_DEPTH_MAX ? 5 : 2)) {
    case 0: maker_put(m, "f"); return;
    case 1: maker_number(m); return;
    case 2: maker_put(m, "double("), maker_int_of(m, depth + 1), maker_put(m, ")"); return;
    default:
        maker_put(m, "("), maker_number_of(m, depth + 1), MAKER_PUT_ONE(m, " + ", " - ", " * ", " / ");
        maker_number_of(m, depth + 1), maker_put(m, ")");
        return;
    }
}

static inline void maker_text_of(struct maker *m, uint32_t depth)
{
    switch (maker_pick(m, depth < MAKER_DEPTH_MAX ? 6 : 3)) {
    case 0: maker_put(m, "t"); return;
    case 1: maker_put(m, "u"); return;
    case 2: maker_text(m); return;
    case 3: maker_put(m, "string("), maker_int_of(m, depth + 1), maker_put(m, ")"); return;
    default: maker_put(m, "("), maker_text_of(m, depth + 1), maker_put(m, " + "), maker_text_of(m, depth + 1), maker_put(m, ")"); return;
    }
}

static inline void maker_simple_bool(struct maker *m)
{
    switch (maker_pick(m, 14)) {
    case 0: maker_put(m, "b"); return;
    case 1: maker_put(m, "i"), maker_compare(m), maker_int(m); return;
    case 2: maker_put(m, "f"), maker_compare(m), maker_number(m); return;
    case 3: maker_put(m, "t"), MAKER_PUT_ONE(m, " == ", " != "), maker_text(m); return;
    case 4: maker_put(m, "e"), MAKER_PUT_ONE(m, " == 'p'", " != 'q'", " in ['p', 'r']", " == null"); return;
    case 5: MAKER_PUT_ONE(m, "has(i)", "has(t)", "has(d)", "has(e)", "has(f)", "has(only)", "has(b)"); return;
    case 6: MAKER_PUT_ONE(m, "c in lands", "t in names", "e in ['q']", "i in [1, 2, 7]", "u in names", "f in [0.5, 2.5]"); return;
    case 7: maker_put(m, "i"), maker_compare(m), maker_number(m); return;
    case 8:
        maker_put(m, "d"), maker_compare(m);
        MAKER_PUT_ONE(m, "now", "timestamp('2026-06-01T00:00:00Z')", "timestamp('2026-10-31T23:59:59.5Z')");
        return;
    case 9: maker_put(m, "now - d"), maker_compare(m), MAKER_PUT_ONE(m, "duration('240h')", "duration('1s')"); return;
    case 10:
        MAKER_PUT_ONE(m, "t", "u");
        MAKER_PUT_ONE(m, ".contains('a')", ".startsWith('S')", ".endsWith('')", ".matches('^[a-c]+$')");
        return;
    case 11:
        if (m->n_scores > 0) {
            maker_put(m, "score.s%u", maker_pick(m, m->n_scores)), maker_compare(m), MAKER_PUT_ONE(m, "5", "0", "10.5", "-3");
            return;
        }
        maker_put(m, "f"), maker_compare(m), maker_put(m, "i");
        return;
    case 12:
        if (m->is_after_lifecycle && maker_pick(m, 2)) MAKER_PUT_ONE(m, "stage == 'l1'", "stage != 'l0'", "has(stage)", "stage in ['l0', 'l2']");
        else if (m->has_grades && m->is_after_disqualify) MAKER_PUT_ONE(m, "grade == 'hi'", "disqualified", "grade != 'lo'", "has(grade)");
        else maker_put(m, "true");
        return;
    default: maker_put(m, "events."), maker_event(m), maker_put(m, ".count"), maker_window(m), maker_put(m, " >= 1"); return;
    }
}

static inline void maker_bool_of(struct maker *m, uint32_t depth)
{
    switch (maker_pick(m, depth < MAKER_DEPTH_MAX ? 10 : 1)) {
    case 4: maker_put(m, "!("), maker_bool_of(m, depth + 1), maker_put(m, ")"); return;
    case 5:
    case 6:
        maker_put(m, "("), maker_bool_of(m, depth + 1), MAKER_PUT_ONE(m, " && ", " || "), maker_bool_of(m, depth + 1), maker_put(m, ")");
        return;
    case 7: maker_put(m, "("), maker_int_of(m, depth + 1), maker_compare(m), maker_int_of(m, depth + 1), maker_put(m, ")"); return;
    case 8:
        maker_put(m, "("), maker_number_of(m, depth + 1), maker_compare(m), maker_number_of(m, depth + 1), maker_put(m, ")");
        return;
    case 9:
        if (maker_pick(m, 2)) {
            maker_put(m, "("), maker_text_of(m, depth + 1), maker_compare(m), maker_text_of(m, depth + 1), maker_put(m, ")");
        } else {
            maker_put(m, "("), maker_bool_of(m, depth + 1), maker_put(m, " ? "), maker_bool_of(m, depth + 1), maker_put(m, " : ");
            maker_bool_of(m, depth + 1), maker_put(m, ")");
        }
        return;
    default: maker_simple_bool(m); return;
    }
}

static inline void maker_when(struct maker *m)
{
    maker_put(m, "when: \"");
    if (m->isolation != NULL && m->n_scores > 0 && maker_pick(m, 2)) maker_put(m, "score.s%u > 0 || ", maker_pick(m, m->n_scores)); /* may be empty */
    maker_bool_of(m, 0);
    maker_put(m, "\"");
}

/* -- sections ----------------------------------------------------------------------------------------------------------- */

static inline void maker_points(struct maker *m)
{
    MAKER_PUT_ONE(m, "5", "10", "-3", "0", "1.5", "-0.125", "0.001", "999999", "-1000000", "7.499", "33.335");
}

static inline bool maker_wants_plugin(struct maker *m) { return m->isolation != NULL && maker_pick(m, 2) == 1; }
static inline void maker_call(struct maker *m, const char *plugin)
{
    maker_put(m, "plugin: %s, with: {salt: %u, yes_of_8: ", plugin, ++m->n_calls);
    MAKER_PUT_ONE(m, "4", "1", "7", "8", "0");
    if (maker_pick(m, 2)) maker_put(m, "%s", m->trouble);
    maker_put(m, "}");
}

static inline void maker_line(struct maker *m, const char *key)
{
    maker_put(m, "%s: ", key);
    maker_points(m);
    maker_put(m, ", ");
}

static inline void maker_rule(struct maker *m, uint32_t number)
{
    maker_put(m, "      - {name: r%u, ", number);
    if (maker_wants_plugin(m)) {
        maker_call(m, m->n_scores > 0 && maker_pick(m, 2) ? "more_points" : "points");
        maker_put(m, "}\n");
        return;
    }
    const uint32_t what = maker_pick(m, 8);
    if (what < 2) {
        maker_when(m);
        maker_put(m, ", points: ");
        maker_points(m);
        maker_put(m, "}\n");
        return;
    }
    static const char *const fields[] = {"i", "f", "e", "t", "b", "c"};
    static const char *const keys[][6] = {{"'-5--1'", "0", "1-10", "11-50", "51-200", "201+"},
                                          {"'-1--0.5'", "0-0.5", "1", "2.5-10", "10.5-20", "1000+"},
                                          {"p", "q", "r", NULL, NULL, NULL},
                                          {"a", "'b, x'", "in names", "Sales", NULL, NULL},
                                          {"'true'", "'false'", NULL, NULL, NULL, NULL},
                                          {"DE", "in lands", "US", "BR", NULL, NULL}};
    maker_put(m, "by: %s, points: {", fields[what - 2]);
    const uint32_t keep = maker_pick(m, 64);
    for (uint32_t k = 0; k < 6 && keys[what - 2][k] != NULL; k++)
        if (k == 0 || !(keep >> k & 1)) maker_line(m, keys[what - 2][k]);
    if (maker_pick(m, 2)) maker_line(m, "otherwise");
    if (maker_pick(m, 2)) maker_line(m, "missing");
    maker_put(m, "}}\n");
}

static inline void maker_event_rule(struct maker *m, const char *event)
{
    const bool is_each = maker_pick(m, 3) != 0;
    maker_put(m, "      %s: {%s: ", event, is_each ? "each" : "once");
    const char sign = maker_pick(m, 4) == 3 ? '-' : '+';
    maker_put(m, "%c", sign);
    MAKER_PUT_ONE(m, "5", "2.5", "0.333", "1000", "0.001");
    if (is_each && maker_pick(m, 2)) maker_put(m, ", max: %c", sign), MAKER_PUT_ONE(m, "20", "5", "1.25", "100000");
    if (maker_pick(m, 3) == 1) maker_put(m, ", within: "), MAKER_PUT_ONE(m, "30d", "7d", "1h", "400d");
    if (is_each && maker_pick(m, 3) == 1) maker_put(m, ", at_most: "), MAKER_PUT_ONE(m, "1 per day", "2 per week", "3 per month");
    switch (maker_pick(m, 5)) {
    case 1: maker_put(m, ", half_life: "), MAKER_PUT_ONE(m, "30d", "1d", "365d"); break;
    case 2: maker_put(m, ", linear: "), MAKER_PUT_ONE(m, "90d", "2d"); break;
    case 3: maker_put(m, ", by: hours, half_life: "), MAKER_PUT_ONE(m, "36h", "24h"); break;
    default: break;
    }
    if (maker_pick(m, 4) == 1)
        maker_put(m, ", where: \""), MAKER_PUT_ONE(m, "page == 'a'", "page != 'b'", "size(page) > 1", "page + page == 'aa'"), maker_put(m, "\"");
    maker_put(m, "}\n");
}

static inline void maker_score(struct maker *m)
{
    const uint32_t decimals = maker_pick(m, 4);
    maker_put(m, "  s%u:\n    decimals: %u\n", m->n_scores, decimals);
    if (maker_pick(m, 2)) maker_put(m, "    keep_within: "), MAKER_PUT_ONE(m, "0..100", "-20..60", "0..5.5", "-1000000..1000000"), maker_put(m, "\n");
    const uint32_t what = maker_pick(m, 6);
    if (what == 4 && m->n_scores > 0) {
        maker_put(m, "    sum: [s%u]\n", maker_pick(m, m->n_scores));
    } else if (what == 5) {
        maker_put(m, "    filled: ["), MAKER_PUT_ONE(m, "i, f, t", "only", "d, events.any, c", "events.v, e, b, u"), maker_put(m, "]\n");
    } else {
        if (what != 3) {
            maker_put(m, "    events:\n");
            maker_event_rule(m, "v");
            if (maker_pick(m, 2)) maker_event_rule(m, "w");
            if (maker_pick(m, 3) == 1) maker_event_rule(m, "x");
        }
        if (what != 2) {
            maker_put(m, "    rules:\n");
            const uint32_t n = 1 + maker_pick(m, 5);
            for (uint32_t r = 0; r < n; r++) maker_rule(m, r);
        }
        if (what != 3 && maker_pick(m, 3) == 1)
            maker_put(m, "    decay: "), MAKER_PUT_ONE(m, "{30d: 25%, 60d: 50%}", "{1d: 33.333%}", "{10d: 100%}"), maker_put(m, "\n");
    }
    m->decimals[m->n_scores++ % 8] = (uint8_t)decimals;
}

/* Stages, the first of which may be everybody's, and segments; the last can only be entered from others. */
static inline void maker_stages(struct maker *m)
{
    maker_put(m, "lifecycle:\n");
    const uint32_t first = maker_pick(m, 2);
    if (first == 0) maker_put(m, "  - {stage: l0}\n");
    for (uint32_t i = 1 - first; i < 3; i++) {
        maker_put(m, "  - {stage: l%u, require: [only, i], enter_", i);
        maker_when(m);
        maker_put(m, "}\n");
    }
    m->is_after_lifecycle = true;
    maker_put(m, "nurture:\n");
    for (uint32_t i = maker_pick(m, 3); i > 0; i--) {
        maker_put(m, "  g%u: {send: 1 email per day, enter_", i);
        maker_when(m);
        maker_put(m, "}\n");
    }
    maker_put(m, "  rest: {send: 2 emails per month}\n");
}

static inline void maker_tests(struct maker *m, const char *section, uint32_t n, const char *rest, const char *plugin, const char *plugin_rest)
{
    if (n == 0) return;
    maker_put(m, "%s:\n", section);
    for (uint32_t i = 0; i < n; i++) {
        maker_put(m, "  - {name: %c%u, ", section[0], i);
        if (maker_wants_plugin(m)) {
            maker_call(m, plugin);
            maker_put(m, "%s}\n", maker_pick(m, 2) ? plugin_rest : rest);
        } else {
            maker_when(m);
            maker_put(m, "%s}\n", rest);
        }
    }
}

/* Texts are what they are told apart by, so these are always read. */
static inline void maker_plugin(struct maker *m, const char *name, const char *library, const char *kind, bool has_score)
{
    static const char *const reads[] = {"choice: e", "land: c", "flag: b", "whole: i", "number: f", "wide: i", "time: d", "count: events.v.count",
                                        "recent: events.any.count(7d)", "days: events.w.days_ago", "first: events.v.first_days_ago"};
    maker_put(m, "  %s: {library: libprobe_%s.so, kind: %s, isolation: %s, reads: {text: u", name, library, kind, m->isolation);
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
        if (maker_pick(m, 2)) maker_put(m, ", %s", reads[i]);
    if (has_score && maker_pick(m, 2)) maker_put(m, ", points: score.s0");
    if (kind[0] != 's' && maker_pick(m, 2)) maker_put(m, ", more_points: score.s%u", m->n_scores - 1);
    if (kind[0] != 's' && m->has_grades && maker_pick(m, 2)) maker_put(m, ", grade: grade");
    if (kind[0] == 'r' && maker_pick(m, 2)) maker_put(m, ", out: disqualified");
    maker_put(m, "}}\n");
}

/* The rule file that `bytes` stand for, into m->text; its length is m->len. */
static inline void maker_make(struct maker *m)
{
    maker_put(m, "assay: 1\n"
                 "fields: {i: int, f: number, t: text, u: text, e: \"one of p, q, r\", b: bool, c: country, d: time, only: text,\n"
                 "  lead.owner: text}\n"
                 "events: {g: [v, w, x]}\n"
                 "lists: {names: [a, b, Sales], lands: [DE, FR, NO]}\n"
                 "scores:\n");
    const uint32_t n_scores = 1 + maker_pick(m, 4);
    for (uint32_t s = 0; s < n_scores; s++) maker_score(m);
    m->has_grades = maker_pick(m, 2) == 1;
    if (m->has_grades) maker_put(m, "grades: {by: score.s%u, hi: {from: 10}, mid: {from: 2.5}, lo: {from: -5}}\n", maker_pick(m, m->n_scores));
    maker_tests(m, "disqualify", maker_pick(m, 3), "", "no", "");
    m->is_after_disqualify = true;
    if (maker_pick(m, 3) != 0) maker_stages(m);
    maker_put(m, "teams: {territories: {by: c, eu: in lands, us: US}, team: {eu: [ana, abe], anywhere: [bob]}}\n");
    const uint32_t n_routes = maker_pick(m, 4);
    maker_tests(m, "routes", n_routes, ", assign: {round_robin: team}", "way", ", assign: plugin");
    if (n_routes > 0) maker_put(m, "  - {name: rest, otherwise: true, assign: {owner_of: existing_record}}\n");
    maker_tests(m, "recycle", maker_pick(m, 3), ", to: sales", "back", ", to: sales, in: 14d");
    if (m->isolation == NULL) return;
    maker_put(m, "plugins:\n");
    maker_plugin(m, "points", "points", "scorer", false);
    maker_plugin(m, "more_points", "points", "scorer", true);
    maker_plugin(m, "no", "no", "disqualifier", true);
    maker_plugin(m, "way", "way", "router", true);
    maker_plugin(m, "back", "back", "recycler", true);
}

#endif
