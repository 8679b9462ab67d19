/* The condition language, what it means: cel-spec's cases, the DMN three-valued cases, an own table of values, trees, memory
 * running out, and random expressions evaluated in several ways. What it refuses: test_cel_findings.c. */
#include "cel_world.h"

#ifndef ASSAY_SOURCE_DIR
#define ASSAY_SOURCE_DIR "."
#endif
#define CONFORMANCE ASSAY_SOURCE_DIR "/../shared/conformance/"

/* -- outside cases */

static bool is_named_deviation(const struct cel_case *one)
{
    static const struct {
        const char *section, *name;
    } deviations[] = {
        /* cel-spec runs these without a type checker; a typed condition language refuses them */
        {"in_list_literal", "elem_in_mixed_type_list"}, {"conditional", "mixed_type"},
        {"AND", "short_circuit_type_left"},             {"AND", "short_circuit_type_right"},
        {"OR", "short_circuit_type_left"},              {"OR", "short_circuit_type_right"},
    };
    for (size_t i = 0; i < sizeof deviations / sizeof deviations[0]; i++)
        if (asy_str_is(one->section, deviations[i].section) && asy_str_is(one->name, deviations[i].name))
            return true;
    return false;
}

Test(cel, cel_spec_cases)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct asy_pool pool;
    asy_pool_init(&pool, &mem);
    struct cel_cases cases = {0};
    if (!cel_cases_read(&pool, CONFORMANCE "cel/core.tsv", &cases)) {
        fprintf(stderr, "skipped: no shared/conformance/cel beside the project\n");
        asy_pool_fini(&pool);
        return;
    }
    uint32_t n_run = 0, n_refused = 0, n_deviations = 0;
    for (uint32_t i = 0; i < cases.n; i++) {
        const struct cel_case *one = &cases.items[i];
        bool is_run = asy_str_is(one->mode, "run"), is_deviation = asy_str_is(one->mode, "deviation");
        n_run += is_run;
        n_deviations += is_deviation;
        n_refused += !is_run && !is_deviation;
        cr_expect(!is_deviation || is_named_deviation(one), "%.*s/%.*s is not a known deviation", ASY_ARG(one->section),
                  ASY_ARG(one->name));
        for (enum way way = FOLDED; way < N_WAYS; way++) {
            struct asy_pool own;
            asy_pool_init(&own, &mem);
            struct world world = {.table.pool = &own};
            cel_case_bind(one, &world.table);
            struct asy_cel_value value = {0};
            bool is_compiled = world_evaluate(&world, one->expression, way, &value);
            cr_expect_eq(is_compiled, is_run, "%.*s/%.*s %s: `%.*s`: %s", ASY_ARG(one->section), ASY_ARG(one->name),
                         way_name(way), ASY_ARG(one->expression), world.first.message);
            if (is_compiled && is_run) {
                bool is_right = one->is_error ? value.type == ASY_CEL_UNKNOWN : cel_value_same(value, one->value);
                struct asy_str found = asy_cel_value_text(&own, value), expected = asy_cel_value_text(&own, one->value);
                cr_expect(is_right, "%.*s/%.*s %s: `%.*s` is %.*s, expected %.*s", ASY_ARG(one->section), ASY_ARG(one->name),
                          way_name(way), ASY_ARG(one->expression), ASY_ARG(found), ASY_ARG(expected));
            }
            asy_pool_fini(&own);
        }
    }
    cr_expect_eq(n_run, 547);
    cr_expect_eq(n_refused, 17);
    cr_expect_eq(n_deviations, 6);
    asy_pool_fini(&pool);
    cr_expect_eq(mem.live_bytes, 0);
}

/* The value of `"key": x` in a flat JSON object of true, false and null. */
static struct asy_cel_value json_value(struct asy_str json, const char *key)
{
    struct asy_cel_value v = {.type = ASY_CEL_NULL};
    int64_t at = asy_str_find(json, asy_str_of(key));
    if (at >= 0) {
        struct asy_str rest = {json.p + at + strlen(key), json.len - (uint32_t)at - (uint32_t)strlen(key)};
        if (asy_str_starts(rest, ASY_STR("\": true")))
            v = (struct asy_cel_value){.type = ASY_CEL_BOOL, .b = true};
        else if (asy_str_starts(rest, ASY_STR("\": false")))
            v = (struct asy_cel_value){.type = ASY_CEL_BOOL};
    }
    return v;
}

static bool kleene_resolve(void *ctx, struct asy_str name, int64_t window_s, struct asy_cel_input *out)
{
    bool is_found = cel_table_resolve(ctx, name, window_s, out);
    out->type = ASY_CEL_BOOL;
    return is_found;
}

Test(cel, three_valued_logic_cases)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct asy_pool pool;
    asy_pool_init(&pool, &mem);
    struct asy_str rest = cel_read_file(&pool, CONFORMANCE "three-valued-logic/kleene.tsv");
    if (rest.p == NULL) {
        fprintf(stderr, "skipped: no shared/conformance/three-valued-logic beside the project\n");
        asy_pool_fini(&pool);
        return;
    }
    uint32_t n = 0;
    while (rest.len != 0) {
        struct asy_str line = cel_cut(&rest, '\n');
        if (line.len == 0 || line.p[0] == '#')
            continue;
        n++;
        struct asy_str model = cel_cut(&line, '\t'), name = cel_cut(&line, '\t'), feel = cel_cut(&line, '\t');
        (void)feel;
        struct asy_str text = cel_cut(&line, '\t'), inputs = cel_cut(&line, '\t'), wanted = cel_cut(&line, '\t');
        /* unknown is an empty field, and then an error */
        for (int is_error = 0; is_error < 2; is_error++) {
            struct cel_table table = {.pool = &pool};
            struct asy_cel_value unknown = {.type = is_error ? ASY_CEL_UNKNOWN : ASY_CEL_NULL};
            struct asy_cel_value a = json_value(inputs, "\"A"), b = json_value(inputs, "\"B");
            cel_table_add(&table, ASY_STR("A"), a.type == ASY_CEL_NULL ? unknown : a);
            cel_table_add(&table, ASY_STR("B"), b.type == ASY_CEL_NULL ? unknown : b);
            cel_table_add(&table, ASY_STR("U"), unknown);
            for (int fold = 0; fold < 2; fold++) {
                struct asy_cel_env env = {.ctx = &table, .resolve = kleene_resolve, .fold = fold != 0};
                bool no_memory;
                struct asy_cel_node *node = asy_cel_compile(&pool, text, &env, ASY_CEL_BOOL, &no_memory);
                cr_assert_not_null(node, "`%.*s`", ASY_ARG(text));
                struct asy_cel_row row = {.ctx = &table, .read = cel_table_read, .scratch = &pool};
                struct asy_cel_value found = asy_cel_eval(node, &row);
                struct asy_cel_value lifted = asy_cel_eval(cel_lift(node, &table), &row);
                bool is_right = asy_str_is(wanted, "null") ? found.type == ASY_CEL_UNKNOWN
                                                           : found.type == ASY_CEL_BOOL && found.b == asy_str_is(wanted, "true");
                cr_expect(is_right && cel_value_same(found, lifted), "%.*s %.*s: `%.*s`", ASY_ARG(model), ASY_ARG(name),
                          ASY_ARG(text));
            }
        }
    }
    cr_expect_eq(n, 42);
    asy_pool_fini(&pool);
}

/* -- own values: i 5, d 2.5, s 'gmail.com', b true, t a bit more than 3 days before now, no_X empty, role 'vp' */

static const struct {
    const char *text, *value;
} value_cases[] = {
    /* empty fields (rule-language.md 1.2) */
    {"no_i == 5", "false"},
    {"no_i != 5", "true"},
    {"5 == no_i", "false"},
    {"no_i in [1, 2]", "false"},
    {"!(no_i in [1, 2])", "true"},
    {"no_s in freemail", "false"},
    {"no_i == null", "true"},
    {"i == null", "false"},
    {"i != null", "true"},
    {"no_i == no_d", "true"},
    {"has(no_i)", "false"},
    {"has(i)", "true"},
    {"!has(no_role) && !(no_role == 'vp')", "true"},
    {"no_i < 5", "unknown"},
    {"no_i + 1", "unknown"},
    {"-no_i", "unknown"},
    {"no_s.startsWith('a')", "unknown"},
    {"size(no_s)", "unknown"},
    {"no_s + 'a' == 'a'", "unknown"},
    {"string(no_i)", "unknown"},
    {"days_since(no_t) > 3", "unknown"},
    {"no_t.getHours()", "unknown"},
    {"no_i < 5 || true", "true"},
    {"true || no_i < 5", "true"},
    {"no_i < 5 && false", "false"},
    {"!(no_i < 5)", "unknown"},
    {"no_b && true", "unknown"},
    {"no_b || true", "true"},
    {"no_b && false", "false"},
    {"!no_b", "unknown"},
    {"no_b", "null"},
    {"no_b ? 1 : 2", "unknown"},
    {"no_b == false", "false"},
    {"has(no_i) ? no_i : 7", "7"},
    {"b ? no_i : 7", "null"},
    {"b ? null : 7", "null"},
    {"dyn(no_i) == null", "true"},
    {"1 in [i, 1 / 0]", "unknown"},
    {"no_i in [no_d]", "true"},
    /* names, lists, windows */
    {"company.size >= 200", "true"},
    {"company . size", "200"},
    {".company.size", "200"},
    {"s in freemail", "true"},
    {"'yahoo.com' in freemail", "false"},
    {"dyn(i) in freemail", "false"},
    {"role in ['vp', 'intern',]", "true"},
    {"role == 'intern'", "false"},
    {"events.visit.count", "7"},
    {"events.visit.count(30d)", "30"},
    {"events.visit.count( 2w )", "14"},
    {"events.visit.count(48h) + events.visit.count(1440m) + events.visit.count(86400s)", "4"},
    {"days_since(t)", "3"},
    {"days_since(timestamp('2026-11-01T00:00:01Z'))", "-1"},
    {"days_since(timestamp('2026-11-01T00:00:00.000000001Z'))", "-1"},
    {"days_since(timestamp('2026-11-02T00:00:00Z'))", "-1"},
    {"days_since(timestamp('2026-11-01T00:00:00Z'))", "0"},
    /* int and double */
    {"i > d", "true"},
    {"d < i && i == 5.0 && 2.5 == d", "true"},
    {"dyn(9007199254740993) == 9007199254740992.0", "true"},
    {"1 in [1.0, 2]", "true"},
    {"0.0 / 0.0 < 1.0", "false"},
    {"0.0 / 0.0 >= 1", "false"},
    {"-1.0 / 0.0", "-Infinity"},
    {"7 / 2 * 2", "6"},
    {"-7 / 2", "-3"},
    {"-7 % 2", "-1"},
    {"-9223372036854775808 % -1", "unknown"},
    {"9223372036854775807 * 2", "unknown"},
    {"2 + 3 * 4 - 6 / 2 % 4", "11"},
    {"10 - 4 - 3", "3"},
    {"-i", "-5"},
    {"- 5 - -5", "0"},
    {"0x10 + 0XfF", "271"},
    {".5 + 1.5e1", "15.5"},
    {"true || true && false", "true"},
    {"i > 3 ? (i > 4 ? 'a' == 'a' : false) : true", "true"},
    {"i > 9 ? 'x' : i > 4 ? 'y' : 'z'", "'y'"},
    {"1 < 2 == true", "true"},
    {"b ? no_b : false", "null"},
    /* text */
    {"size('h\u00e9\u20ac\U0001F431')", "4"},
    {"'abc'.size()", "3"},
    {"'a' + 'b' + string(1) + string(true) + string(1.5)", "'ab1true1.5'"},
    {"matches(s, '^g.*com$')", "true"},
    {"s.matches('a|x')", "true"},
    {"s.matches(s)", "true"},
    {"s.matches('(' + s)", "unknown"},
    {"'it\\'s' + r'\\n' + \"\\x41\\101\\u0041\\U00000041\"", "'it\\'s\\\\nAAAA'"},
    {"'a' < 'B'", "false"},
    {"'' < 'a'", "true"},
    {"s.contains('mail') && s.endsWith('.com') && !s.startsWith('mail')", "true"},
    {"i == 5 // a comment\n && b", "true"},
    /* conversions */
    {"int('12') + int(2.9) + int(-2.9)", "12"},
    {"int('1.5')", "unknown"},
    {"int(0.0 / 0.0)", "unknown"},
    {"int(' 1')", "unknown"},
    {"double('1e3')", "1000"},
    {"double('x')", "unknown"},
    {"double(string(1.0 / 0.0)) > 1e300", "true"},
    {"bool('yes')", "unknown"},
    {"string(0.1 + 0.2)", "'0.30000000000000004'"},
    {"dyn(1) == 'a'", "false"},
    {"dyn(1) < 'a'", "unknown"},
    {"dyn(1) + 'a'", "unknown"},
    {"dyn(1) && true", "unknown"},
    {"!dyn(1)", "unknown"},
    {"dyn(1).startsWith('a')", "unknown"},
    /* times and durations */
    {"timestamp('2026-02-28T23:59:59.5+01:00')", "2026-02-28T22:59:59.5Z"},
    {"timestamp('2026-02-30T00:00:00Z')", "unknown"},
    {"timestamp('2026-01-01')", "unknown"},
    {"timestamp('2026-01-01T00:00:60Z')", "unknown"},
    {"timestamp('2026-01-01T00:00:00.Z')", "unknown"},
    {"timestamp('2026-01-01T00:00:00+24:00')", "unknown"},
    {"timestamp('0001-01-01T00:00:00+00:01')", "unknown"},
    {"timestamp('')", "unknown"},
    {"timestamp(0) + duration('1h30m1.5s')", "1970-01-01T01:30:01.5Z"},
    {"timestamp(0) - duration('1ns')", "1969-12-31T23:59:59.999999999Z"},
    {"timestamp(1) - timestamp(0)", "1s"},
    {"duration('-1.5h')", "-5400s"},
    {"duration('0') == duration('0s')", "true"},
    {"duration('1h34us')", "3600.000034s"},
    {"duration('1d')", "unknown"},
    {"duration('1')", "unknown"},
    {"duration('')", "unknown"},
    {"duration('.5s') + duration('5.s')", "5.5s"},
    {"duration('9223372036854775807ns')", "9223372036.854775807s"},
    {"duration('9223372036854775808ns')", "unknown"},
    {"-duration('-9223372036854775808ns')", "unknown"},
    {"-duration('1s')", "-1s"},
    {"duration('1.234s').getMilliseconds()", "234"},
    {"duration('-90m').getHours()", "-1"},
    {"timestamp('2026-07-01T12:00:00Z').getHours('Europe/Berlin')", "14"},
    {"timestamp('2026-12-31T23:30:00Z').getFullYear('01:00')", "2027"},
    {"timestamp('2026-11-01T00:00:00Z').getDayOfWeek()", "0"},
    {"timestamp(0).getHours('No/Where' + s)", "unknown"},
};

Test(cel, values)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    for (size_t i = 0; i < sizeof value_cases / sizeof value_cases[0]; i++) {
        for (enum way way = FOLDED; way < N_WAYS; way++) {
            struct asy_pool pool;
            asy_pool_init(&pool, &mem);
            struct world world;
            world_init(&world, &pool);
            struct asy_cel_value value;
            bool is_compiled = world_evaluate(&world, asy_str_of(value_cases[i].text), way, &value);
            cr_expect(is_compiled, "%s: `%s`: %s", way_name(way), value_cases[i].text, world.first.message);
            if (is_compiled) {
                struct asy_str found = asy_cel_value_text(&pool, value);
                cr_expect(asy_str_is(found, value_cases[i].value), "%s: `%s` is %.*s, expected %s", way_name(way),
                          value_cases[i].text, ASY_ARG(found), value_cases[i].value);
            }
            asy_pool_fini(&pool);
        }
    }
    cr_expect_eq(mem.live_bytes, 0);
}

/* -- trees */

static void count_node(void *ctx, const struct asy_cel_node *node)
{
    uint32_t *counts = ctx;
    counts[node->op]++;
}

Test(cel, trees_keep_text_and_clauses)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct asy_pool pool;
    asy_pool_init(&pool, &mem);
    struct world world;
    world_init(&world, &pool);
    struct asy_cel_node *a = world_compile(&world, ASY_STR("  (1 + 2) * i > 3 && s.matches('a' + 'b')"), ASY_CEL_BOOL, true);
    cr_assert_not_null(a);
    cr_expect(a->op == ASY_CEL_AND && a->clause == 1);
    cr_expect(asy_str_is(a->text, "(1 + 2) * i > 3 && s.matches('a' + 'b')"), "%.*s", ASY_ARG(a->text));
    const struct asy_cel_node *folded = a->args[0]->args[0]->args[0];
    cr_expect(folded->op == ASY_CEL_CONST && folded->value.i == 3 && asy_str_is(folded->text, "1 + 2"));
    cr_expect_not_null(a->args[1]->regex, "a folded pattern is compiled once");
    struct asy_cel_node *truth = world_compile(&world, ASY_STR("1 < 2"), ASY_CEL_BOOL, true);
    cr_expect(truth->op == ASY_CEL_CONST && truth->clause == 1 && truth->value.b && asy_str_is(truth->text, "1 < 2"));
    struct asy_cel_node *known = world_compile(&world, ASY_STR("false && 1 / 0 > 1"), ASY_CEL_BOOL, true);
    cr_expect(known->op == ASY_CEL_CONST && !known->value.b);

    struct asy_cel_node *b = world_compile(&world, ASY_STR("no_i > 3"), ASY_CEL_BOOL, true);
    struct asy_cel_node *both[2] = {truth, b};
    struct asy_cel_row row = {.ctx = &world, .read = world_read, .scratch = &pool};
    static const struct {
        uint8_t clause, op, type;
        bool b;
    } joins[] = {{2, ASY_CEL_AND, ASY_CEL_UNKNOWN, false}, {3, ASY_CEL_OR, ASY_CEL_BOOL, true},
                 {4, ASY_CEL_NOT, ASY_CEL_BOOL, false}};
    for (size_t i = 0; i < 3; i++) {
        struct asy_cel_node *join = asy_cel_join(&pool, joins[i].clause, both, 2);
        cr_assert_not_null(join);
        cr_expect(join->op == joins[i].op && join->clause == joins[i].clause && join->type == ASY_CEL_BOOL);
        struct asy_cel_value value = asy_cel_eval(join, &row);
        cr_expect(value.type == joins[i].type && (value.type != ASY_CEL_BOOL || value.b == joins[i].b));
    }
    uint32_t counts[ASY_CEL_OP_COUNT] = {0};
    asy_cel_walk(a, count_node, counts);
    cr_expect(counts[ASY_CEL_AND] == 1 && counts[ASY_CEL_INPUT] == 2 && counts[ASY_CEL_CONST] == 3 && counts[ASY_CEL_MATCHES] == 1);
    asy_cel_release(a);
    asy_pool_fini(&pool);
    cr_expect_eq(mem.live_bytes, 0);
}

Test(cel, in_over_an_array_is_in_over_a_tree)
{
    static const struct {
        const char *text, *value;
    } cases[] = {
        {"i in [no_i, 5.0, d]", "true"}, {"no_i in [1, no_d]", "true"},  {"i in []", "false"},
        {"i in [5, 1 / 0]", "unknown"},  {"1 / 0 in [1]", "unknown"}, {"no_i in [1, 2, 3, 4]", "false"},
    };
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct asy_pool pool;
    asy_pool_init(&pool, &mem);
    struct world world;
    world_init(&world, &pool);
    struct asy_cel_row row = {.ctx = &world, .read = world_read, .scratch = &pool};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct asy_cel_node *node = world_compile(&world, asy_str_of(cases[i].text), ASY_CEL_BOOL, false);
        cr_assert(node != NULL && node->op == ASY_CEL_IN && node->n_args <= 8);
        struct asy_cel_value args[8];
        for (uint32_t k = 0; k < node->n_args; k++)
            args[k] = asy_cel_eval(node->args[k], &row);
        struct asy_cel_value applied = asy_cel_apply(node, args, node->n_args, &pool);
        cr_expect(cel_value_same(applied, asy_cel_eval(node, &row)), "`%s`", cases[i].text);
        cr_expect(asy_str_is(asy_cel_value_text(&pool, applied), cases[i].value), "`%s`", cases[i].text);
    }
    asy_pool_fini(&pool);
}

Test(cel, window_reaches_the_resolver)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct asy_pool pool;
    asy_pool_init(&pool, &mem);
    struct world world;
    world_init(&world, &pool);
    struct asy_cel_node *node = world_compile(&world, ASY_STR("events.visit.count(36h) > 1"), ASY_CEL_BOOL, true);
    cr_assert_not_null(node);
    cr_expect_eq(node->args[0]->input.window_s, 36 * 3600);
    cr_expect(asy_str_is(node->args[0]->text, "events.visit.count(36h)"));
    asy_pool_fini(&pool);
}

Test(cel, values_as_text)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct asy_pool pool;
    asy_pool_init(&pool, &mem);
    static const struct {
        struct asy_cel_value value;
        const char *text;
    } cases[] = {
        {{.type = ASY_CEL_UNKNOWN}, "unknown"},
        {{.type = ASY_CEL_NULL}, "null"},
        {{.type = ASY_CEL_BOOL, .b = true}, "true"},
        {{.type = ASY_CEL_INT, .i = INT64_MIN}, "-9223372036854775808"},
        {{.type = ASY_CEL_DOUBLE, .d = 1.5}, "1.5"},
        {{.type = ASY_CEL_STRING, .s = {"a'b\n\x01", 5}}, "'a\\'b\\n\\x01'"},
        {{.type = ASY_CEL_STRING, .s = {"", 0}}, "''"},
        {{.type = ASY_CEL_TIME, .i = 1767225600}, "2026-01-01T00:00:00Z"},
        {{.type = ASY_CEL_TIME, .i = 0, .nanos = 1000000}, "1970-01-01T00:00:00.001Z"},
        {{.type = ASY_CEL_DURATION, .i = 90000000000}, "90s"},
        {{.type = ASY_CEL_DURATION, .i = INT64_MIN}, "-9223372036.854775808s"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct asy_str text = asy_cel_value_text(&pool, cases[i].value);
        cr_expect(asy_str_is(text, cases[i].text), "%.*s, expected %s", ASY_ARG(text), cases[i].text);
    }
    asy_pool_fini(&pool);
}

/* -- memory running out */

struct failing {
    uint64_t n_left; /* allocations before the one that fails */
};

static void *failing_alloc(void *ctx, size_t size)
{
    struct failing *failing = ctx;
    if (failing->n_left == 0)
        return NULL;
    failing->n_left--;
    return malloc(size);
}

static void *failing_resize(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    (void)old_bytes;
    struct failing *failing = ctx;
    if (failing->n_left == 0)
        return NULL;
    failing->n_left--;
    return realloc(p, new_bytes);
}

static void failing_release(void *ctx, void *p, size_t size)
{
    (void)ctx;
    (void)size;
    free(p);
}

Test(cel, running_out_of_memory_is_told)
{
    static const char *const texts[] = {
        "s.matches('^g') && role in ['vp', 'intern'] && 'a\\n' + 'b' == s || t.getHours('Europe/Berlin') > 3 && company . size > 2",
        "rol == 'x' || i > '5' || s.matches('(')",
        "string(i) + s + s == 'x' || -(1 + 2) * 4 > i ? b : !b",
    };
    struct asy_mem plain;
    asy_mem_init(&plain, NULL);
    struct asy_pool names;
    asy_pool_init(&names, &plain);
    struct world world;
    world_init(&world, &names);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        /* a long text in front, so that the pool needs many blocks */
        struct asy_str text = repeated(&names, "'x' != '", "long \\n text ", 400, "' && (");
        text = asy_pool_printf(&names, "%.*s%s)", ASY_ARG(text), texts[i]);
        bool was_told = false, is_done = false;
        for (uint64_t k = 0; k < 2000 && !is_done; k++) {
            struct failing failing = {k};
            struct assay_allocator table = {.struct_size = sizeof table, .ctx = &failing, .alloc = failing_alloc,
                                            .resize = failing_resize, .release = failing_release};
            struct asy_mem mem;
            asy_mem_init(&mem, &table);
            struct asy_pool pool;
            asy_pool_init(&pool, &mem);
            struct asy_cel_env env = {.ctx = &world, .resolve = world_resolve, .resolve_list = world_list, .hint = world_hint,
                                      .report = world_report, .fold = true};
            bool no_memory = false;
            world.n_errors = world.n_findings = 0;
            struct asy_cel_node *node = asy_cel_compile(&pool, text, &env, ASY_CEL_BOOL, &no_memory);
            was_told |= no_memory;
            cr_expect(node != NULL || no_memory || world.n_errors != 0, "%s, allocation %llu", texts[i], (unsigned long long)k);
            cr_expect(node == NULL || !no_memory);
            is_done = node != NULL || (!no_memory && failing.n_left != 0);
            asy_cel_release(node);
            asy_pool_fini(&pool);
            cr_expect_eq(mem.live_bytes, 0);
        }
        cr_expect(was_told && is_done);
    }
    /* while running: unknown, marked, whatever is made of it */
    struct asy_cel_node *node = world_compile(&world, ASY_STR("true || !(string(i) + 'a' == 'x')"), ASY_CEL_BOOL, false);
    struct failing none = {0};
    struct assay_allocator table = {.struct_size = sizeof table, .ctx = &none, .alloc = failing_alloc,
                                    .resize = failing_resize, .release = failing_release};
    struct asy_mem mem;
    asy_mem_init(&mem, &table);
    struct asy_pool scratch;
    asy_pool_init(&scratch, &mem);
    struct asy_cel_row row = {.ctx = &world, .read = world_read, .scratch = &scratch};
    struct asy_cel_value value = asy_cel_eval(node->args[1], &row);
    cr_expect(value.type == ASY_CEL_UNKNOWN && value.nanos == 1);
    asy_pool_fini(&scratch);
    asy_pool_fini(&names);
}

/* -- random expressions: all ways of evaluating agree, and the text of a tree compiles to the same value */

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

struct writer {
    char text[4096];
    size_t len;
    uint64_t state;
};

static void put(struct writer *w, const char *text)
{
    size_t len = strlen(text);
    if (w->len + len < sizeof w->text) {
        memcpy(w->text + w->len, text, len + 1);
        w->len += len;
    }
}

static void write_value(struct writer *w, uint8_t type, int depth);

/* A template: %b %i %d %s %t %u are replaced by expressions of that type (u: duration). */
static void write_template(struct writer *w, const char *template, int depth)
{
    for (const char *p = template; *p != '\0'; p++) {
        if (*p != '%' || strchr("bidstu", p[1]) == NULL || p[1] == '\0') {
            put(w, (char[]){*p, '\0'});
            continue;
        }
        p++;
        write_value(w, *p == 'b' ? ASY_CEL_BOOL : *p == 'i' ? ASY_CEL_INT : *p == 'd' ? ASY_CEL_DOUBLE : *p == 's' ? ASY_CEL_STRING
                       : *p == 't' ? ASY_CEL_TIME : ASY_CEL_DURATION,
                    depth);
    }
}

static void write_value(struct writer *w, uint8_t type, int depth)
{
    static const char *const leaves[][6] = {
        [ASY_CEL_BOOL] = {"true", "false", "b", "no_b", "has(no_i)", "true"},
        [ASY_CEL_INT] = {"0", "7", "i", "no_i", "-3", "9223372036854775807"},
        [ASY_CEL_DOUBLE] = {"0.0", "1.5", "d", "no_d", "-1e18", "9223372036854775808.0"},
        [ASY_CEL_STRING] = {"''", "'vp'", "s", "no_s", "'-1'", "'gmail.com'"},
        [ASY_CEL_TIME] = {"timestamp(0)", "t", "no_t", "timestamp('2026-10-31T23:59:59.5Z')", "timestamp(253402300799)", "t"},
        [ASY_CEL_DURATION] = {"duration('1h')", "duration('-1ns')", "duration('2000000h')", "duration('x')", "duration('0')",
                              "duration('36h')"},
    };
    static const char *const shapes[][8] = {
        [ASY_CEL_BOOL] = {"(%b && %b && %b)", "(%b || %b)", "!%b", "(%i < %d)", "(%s in [%s, %s])", "(%t >= %t)",
                          "(%b ? %b : %b)", "(%s == %s)"},
        [ASY_CEL_INT] = {"(%i + %i)", "(%i * %i)", "(%i / %i)", "(%i % %i)", "size(%s)", "days_since(%t)", "int(%d)",
                         "%t.getHours('Europe/Berlin')"},
        [ASY_CEL_DOUBLE] = {"(%d - %d)", "(%d * %d)", "(%d / %d)", "double(%i)", "-(%d)", "(%b ? %d : %d)", "double(%s)",
                            "(%d + %d)"},
        [ASY_CEL_STRING] = {"(%s + %s)", "string(%i)", "string(%d)", "string(%b)", "string(%t)", "string(%u)", "(%b ? %s : %s)",
                            "(%s + 'x')"},
        [ASY_CEL_TIME] = {"(%t + %u)", "(%t - %u)", "(%u + %t)", "timestamp(%s)", "timestamp(%i)", "(%b ? %t : %t)",
                          "timestamp(string(%t))", "(%t + %u)"},
        [ASY_CEL_DURATION] = {"(%u + %u)", "(%t - %t)", "-(%u)", "duration(string(%u))", "(%u - %u)", "duration(%s)", "(%t - %t)",
                              "(%u + %u)"},
    };
    uint64_t r = next_random(&w->state) >> 11;
    if (depth <= 0 || r % 5 == 0)
        put(w, leaves[type][r / 5 % 6]);
    else
        write_template(w, shapes[type][r / 5 % 8], depth - 1);
}

Test(cel, random_expressions_agree_in_all_ways)
{
    const uint64_t seed = 20261101;
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct writer w = {.state = seed};
    uint32_t n_known = 0, n_unknown = 0;
    for (int round = 0; round < 3000; round++) {
        w.len = 0;
        w.text[0] = '\0';
        write_value(&w, (uint8_t)(ASY_CEL_BOOL + round % 6), 4);
        if (w.len > sizeof w.text - 64)
            continue;
        struct asy_cel_value values[N_WAYS];
        struct asy_pool pool;
        asy_pool_init(&pool, &mem);
        struct world world;
        world_init(&world, &pool);
        for (enum way way = FOLDED; way < N_WAYS; way++) {
            bool is_compiled = world_evaluate(&world, asy_str_of(w.text), way, &values[way]);
            cr_assert(is_compiled, "seed %llu, round %d: `%s`: %s", (unsigned long long)seed, round, w.text, world.first.message);
            cr_assert(cel_value_same(values[way], values[0]), "seed %llu, round %d, %s: `%s`", (unsigned long long)seed, round,
                      way_name(way), w.text);
        }
        n_known += values[0].type != ASY_CEL_UNKNOWN;
        n_unknown += values[0].type == ASY_CEL_UNKNOWN;
        asy_pool_fini(&pool);
    }
    cr_expect(n_known > 500 && n_unknown > 200, "%u known, %u unknown", n_known, n_unknown);
    cr_expect_eq(mem.live_bytes, 0);
}
