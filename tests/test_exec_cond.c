/* Conditions over batches against the row evaluator and Google's cel-spec: every case as it stands and with its constants
 * lifted into columns of 1, 63, 64, 65 and 1000 rows, in two shapes: columns of values, and typed columns (integers, numbers,
 * times, dictionary codes) that take the fast ways. */
#include <criterion/criterion.h>

#include <math.h>

#include "base/check.h"
#include "cel_cases.h"
#include "exec/cond.h"

static const uint32_t row_counts[] = {1, 63, 64, 65, 1000};
enum { N_MAX = 1000 };

struct world {
    struct asy_mem mem;
    struct asy_pool pool;
    struct cel_table table;
    struct asy_slots slots;
    bool is_typed;
};

/* The shape of a variable's column. Values that are the mark of an empty cell have to stay values. */
static void describe(void *ctx, struct asy_slot *slot)
{
    const struct world *w = ctx;
    const struct asy_cel_value v = w->table.values[slot->input.index];
    slot->repr = ASY_SLOT_VALUES;
    if (!w->is_typed) return;
    if (v.type == ASY_CEL_INT && v.i != INT64_MIN) slot->repr = ASY_SLOT_INTS;
    else if (v.type == ASY_CEL_DOUBLE && !isnan(v.d)) slot->repr = ASY_SLOT_NUMBERS;
    else if (v.type == ASY_CEL_TIME && v.nanos % 1000 == 0) slot->repr = ASY_SLOT_TIMES;
    else if (v.type == ASY_CEL_STRING || v.type == ASY_CEL_BOOL) slot->repr = ASY_SLOT_CODES, slot->n_codes = 2;
}
static struct asy_cel_value code_value(void *ctx, const struct asy_slot *slot, uint32_t code)
{
    const struct world *w = ctx;
    return code == 0 ? (struct asy_cel_value){.type = ASY_CEL_NULL} : w->table.values[slot->input.index];
}
static void world_init(struct world *w, bool is_typed)
{
    *w = (struct world){.is_typed = is_typed};
    asy_mem_init(&w->mem, NULL);
    asy_pool_init(&w->pool, &w->mem);
    w->table.pool = &w->pool;
    w->slots = (struct asy_slots){.pool = &w->pool, .ctx = w, .describe = describe, .code_value = code_value, .now_s = 1793491200};
}
static void world_fini(struct world *w)
{
    asy_pool_fini(&w->pool);
    cr_assert_eq(w->mem.live_bytes, 0, "memory is left");
}

/* A column that holds the variable's value in every row. */
static struct asy_view column(struct world *w, const struct asy_slot *slot, uint32_t n)
{
    const struct asy_cel_value v = w->table.values[slot->input.index];
    if (slot->repr == ASY_SLOT_CODES) {
        uint8_t *codes = asy_pool_alloc(&w->pool, n);
        memset(codes, 1, n);
        return (struct asy_view){.data = codes, .width = 1};
    }
    if (slot->repr == ASY_SLOT_VALUES) {
        struct asy_cel_value *values = asy_pool_alloc_n(&w->pool, n, sizeof(*values));
        for (uint32_t i = 0; i < n; i++) values[i] = v;
        return (struct asy_view){.data = values, .width = 0};
    }
    int64_t *cells = asy_pool_alloc_n(&w->pool, n, 8);
    for (uint32_t i = 0; i < n; i++) {
        if (slot->repr == ASY_SLOT_NUMBERS) memcpy(&cells[i], &v.d, 8);
        else cells[i] = slot->repr == ASY_SLOT_TIMES ? v.i * 1000000 + v.nanos / 1000 : v.i;
    }
    return (struct asy_view){.data = cells, .width = 0};
}

/* Run the condition over n rows of the world's variables; every row must come out the same: 0 false, 1 unknown, 2 true. */
static int run(struct world *w, const struct asy_cel_node *node, uint32_t n, const char *isa, const char *what)
{
    const char *problem = NULL;
    const struct asy_kern *kern = asy_kern_select(isa, &problem);
    struct asy_cond_depth depth = {0};
    w->slots.items = NULL;
    w->slots.n = w->slots.cap = 0;
    struct asy_cond *cond = asy_cond_compile(&w->slots, node, &depth);
    cr_assert_not_null(cond, "%s", what);
    struct asy_view *views = asy_pool_alloc_n(&w->pool, w->slots.n + 1, sizeof(*views));
    for (uint32_t s = 0; s < w->slots.n; s++) views[s] = column(w, &w->slots.items[s], n);
    struct asy_cond_scratch scratch;
    cr_assert(asy_cond_scratch_init(&scratch, &w->mem, depth, N_MAX));
    const uint8_t *t, *k;
    asy_cond_run(cond, kern, views, n, &scratch, &t, &k);
    for (uint32_t i = 0; i < n; i++) {
        cr_assert(t[i] <= k[i], "%s: true must be known", what);
        cr_assert(t[i] == t[0] && k[i] == k[0], "%s: row %u of %u differs from row 0", what, i, n);
    }
    const int result = k[0] ? (t[0] ? 2 : 0) : 1;
    asy_cond_scratch_fini(&scratch, &w->mem, depth);
    return result;
}

static struct asy_cel_node *node_of(struct world *w, uint8_t op, struct asy_cel_node *a, struct asy_cel_node *b)
{
    struct asy_cel_node *node = asy_pool_alloc(&w->pool, sizeof(*node));
    node->op = op;
    node->type = ASY_CEL_BOOL;
    node->n_args = b == NULL ? 1 : 2;
    node->args = asy_pool_alloc_n(&w->pool, 2, sizeof(*node->args));
    node->args[0] = a;
    node->args[1] = b;
    return node;
}
/* A condition that is true if `node` has the expected value, and unknown if it is unknown. */
static struct asy_cel_node *expecting(struct world *w, struct asy_cel_node *node, const struct cel_case *c)
{
    if (node->type == ASY_CEL_BOOL && (c->is_error || c->value.type == ASY_CEL_BOOL))
        return c->is_error || c->value.b ? node : node_of(w, ASY_CEL_NOT, node, NULL);
    if (!c->is_error && c->value.type == ASY_CEL_DOUBLE && isnan(c->value.d))
        return node_of(w, ASY_CEL_NOT, node_of(w, ASY_CEL_EQ, node, node), NULL);
    struct asy_cel_node *constant = asy_pool_alloc(&w->pool, sizeof(*constant));
    constant->op = ASY_CEL_CONST;
    constant->value = c->is_error ? (struct asy_cel_value){.type = ASY_CEL_INT} : c->value;
    constant->type = constant->value.type;
    return node_of(w, ASY_CEL_EQ, node, constant);
}

static void check_case(const struct cel_case *c, bool is_typed, bool is_lifted)
{
    char what[300];
    snprintf(what, sizeof(what), "%.*s/%.*s%s%s", ASY_ARG(c->section), ASY_ARG(c->name), is_typed ? ", typed" : "",
             is_lifted ? ", lifted" : "");
    struct world w;
    world_init(&w, is_typed);
    cel_case_bind(c, &w.table);
    const struct asy_cel_env env = {.ctx = &w.table, .resolve = cel_table_resolve, .fold = !is_lifted};
    bool no_memory = false;
    struct asy_cel_node *compiled = asy_cel_compile(&w.pool, c->expression, &env, ASY_CEL_DYN, &no_memory);
    cr_assert_not_null(compiled, "%s: does not compile", what);
    struct asy_cel_node *node = is_lifted ? cel_lift(compiled, &w.table) : compiled;
    const struct asy_cel_node *condition = expecting(&w, node, c);
    for (size_t r = 0; r < ASY_COUNT_OF(row_counts); r++) {
        const int got = run(&w, condition, row_counts[r], r % 2 ? "ref" : NULL, what);
        cr_assert_eq(got, c->is_error ? 1 : 2, "%s over %u rows: expected %s, found %d", what, row_counts[r],
                     c->is_error ? "unknown" : "the value", got);
    }
    asy_cel_release(compiled);
    world_fini(&w);
}

Test(exec_cond, cel_spec_over_columns)
{
    struct asy_mem mem;
    struct asy_pool pool;
    struct cel_cases cases = {0};
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    if (!cel_cases_read(&pool, ASSAY_SOURCE_DIR "/../shared/conformance/cel/core.tsv", &cases)) {
        fprintf(stderr, "notice: skipped, the cel-spec cases are not here\n");
        asy_pool_fini(&pool);
        return;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < cases.n; i++) {
        if (!asy_str_is(cases.items[i].mode, "run")) continue;
        n++;
        for (int shape = 0; shape < 4; shape++) check_case(&cases.items[i], shape & 1, shape & 2);
    }
    cr_assert_eq(n, 547);
    asy_pool_fini(&pool);
}

/* -- own cases: mixed rows with empty cells, against the row evaluator --------------------------------------------------- */

enum { V_EMPLOYEES, V_REVENUE, V_INDUSTRY, V_OPEN, V_LOST, V_TITLE, V_SCORE, N_VARIABLES };
static const char *const variable_names[] = {"company.employees", "company.revenue", "company.industry", "crm.open",
                                             "deal.lost_on",      "contact.title",   "score.total"};
static const uint8_t variable_types[] = {ASY_CEL_INT,  ASY_CEL_DOUBLE, ASY_CEL_STRING, ASY_CEL_BOOL,
                                         ASY_CEL_TIME, ASY_CEL_STRING, ASY_CEL_INT};
static const char *const texts[] = {"", "tech", "b2b_saas", "government", "VP Sales", "Head of Revenue"};

struct sample {
    int64_t ints[N_VARIABLES][N_MAX]; /* INT, TIME (us) and codes */
    double numbers[N_MAX];
    uint8_t codes8[N_MAX], open[N_MAX];
    uint16_t codes16[N_MAX];
    /* the same values in other shapes */
    int16_t narrow_employees[N_MAX];
    int32_t middle_employees[N_MAX], milli_score[N_MAX];
    uint32_t count_score[N_MAX];
    struct asy_view views[N_VARIABLES];
};
static struct sample sample;
enum { N_SHAPES = 3 };

static bool resolve(void *ctx, struct asy_str name, int64_t window_s, struct asy_cel_input *out)
{
    (void)ctx;
    if (asy_str_is(name, "now")) {
        *out = (struct asy_cel_input){.kind = ASY_IN_NOW, .type = ASY_CEL_TIME};
        return window_s == ASY_NO_WINDOW;
    }
    for (uint32_t v = 0; v < N_VARIABLES; v++)
        if (asy_str_is(name, variable_names[v])) {
            *out = (struct asy_cel_input){.kind = ASY_IN_VARIABLE, .type = variable_types[v], .nullable = true, .index = v};
            return true;
        }
    return false;
}
static void describe_sample(void *ctx, struct asy_slot *slot)
{
    (void)ctx;
    static const uint8_t reprs[] = {ASY_SLOT_INTS,  ASY_SLOT_NUMBERS, ASY_SLOT_CODES, ASY_SLOT_CODES,
                                    ASY_SLOT_TIMES, ASY_SLOT_CODES,   ASY_SLOT_INTS};
    slot->repr = reprs[slot->input.index];
    slot->n_codes = slot->input.index == V_OPEN ? 3 : 6;
}
static struct asy_cel_value sample_code(void *ctx, const struct asy_slot *slot, uint32_t code)
{
    (void)ctx;
    if (code == 0) return (struct asy_cel_value){.type = ASY_CEL_NULL};
    if (slot->input.index == V_OPEN) return (struct asy_cel_value){.type = ASY_CEL_BOOL, .b = code == 2};
    return (struct asy_cel_value){.type = ASY_CEL_STRING, .s = asy_str_of(texts[code])};
}
static struct asy_cel_value read_sample(void *ctx, const struct asy_cel_input *input)
{
    const uint32_t row = *(const uint32_t *)ctx, v = input->index;
    struct asy_slot slot = {.input = *input};
    if (input->kind == ASY_IN_NOW) return (struct asy_cel_value){.type = ASY_CEL_TIME, .i = 1793491200};
    switch (v) {
    case V_REVENUE:
        return (struct asy_cel_value){.type = isnan(sample.numbers[row]) ? ASY_CEL_NULL : ASY_CEL_DOUBLE, .d = sample.numbers[row]};
    case V_INDUSTRY: return sample_code(NULL, &slot, sample.codes8[row]);
    case V_TITLE: return sample_code(NULL, &slot, sample.codes16[row]);
    case V_OPEN: return sample_code(NULL, &slot, sample.open[row]);
    default: break;
    }
    const int64_t i = sample.ints[v][row];
    if (i == INT64_MIN) return (struct asy_cel_value){.type = ASY_CEL_NULL};
    if (v != V_LOST) return (struct asy_cel_value){.type = ASY_CEL_INT, .i = i};
    const int64_t s = i / 1000000 - (i % 1000000 < 0);
    return (struct asy_cel_value){.type = ASY_CEL_TIME, .i = s, .nanos = (uint32_t)(i - s * 1000000) * 1000};
}

static void fill_sample(uint64_t seed)
{
    uint64_t r = seed;
    for (uint32_t i = 0; i < N_MAX; i++) {
        r = r * 6364136223846793005u + 1442695040888963407u;
        const uint64_t bits = r >> 20;
        sample.ints[V_EMPLOYEES][i] = bits % 5 == 0 ? INT64_MIN : (int64_t)(bits % 700) - 5;
        sample.ints[V_SCORE][i] = (int64_t)(bits % 101);
        sample.ints[V_LOST][i] = bits % 3 == 0 ? INT64_MIN : (1793491200 - (int64_t)(bits % 800) * 43200) * 1000000 - (int64_t)(bits % 2);
        sample.numbers[i] = bits % 4 == 0 ? NAN : (double)(bits % 1000) / 8;
        sample.codes8[i] = (uint8_t)(bits % 6);
        sample.codes16[i] = (uint16_t)((bits >> 8) % 6);
        sample.open[i] = (uint8_t)((bits >> 5) % 3);
        const int64_t employees = sample.ints[V_EMPLOYEES][i], score = sample.ints[V_SCORE][i];
        sample.narrow_employees[i] = employees == INT64_MIN ? INT16_MIN : (int16_t)employees;
        sample.middle_employees[i] = employees == INT64_MIN ? INT32_MIN : (int32_t)employees;
        sample.milli_score[i] = (int32_t)score * 1000;
        sample.count_score[i] = (uint32_t)score;
    }
    sample.views[V_EMPLOYEES] = (struct asy_view){.data = sample.ints[V_EMPLOYEES], .width = 0};
    sample.views[V_SCORE] = (struct asy_view){.data = sample.ints[V_SCORE], .width = 0};
    sample.views[V_LOST] = (struct asy_view){.data = sample.ints[V_LOST], .width = 0};
    sample.views[V_REVENUE] = (struct asy_view){.data = sample.numbers, .width = 0};
    sample.views[V_INDUSTRY] = (struct asy_view){.data = sample.codes8, .width = 1};
    sample.views[V_TITLE] = (struct asy_view){.data = sample.codes16, .width = 2};
    sample.views[V_OPEN] = (struct asy_view){.data = sample.open, .width = 1};
}
/* The views of shape 0, 1 or 2. */
static void shape_sample(int shape)
{
    if (shape == 0) return;
    sample.views[V_EMPLOYEES] = shape == 1 ? (struct asy_view){.data = sample.narrow_employees, .ints = ASY_INTS_16}
                                           : (struct asy_view){.data = sample.middle_employees, .ints = ASY_INTS_32};
    sample.views[V_SCORE] = shape == 1 ? (struct asy_view){.data = sample.milli_score, .ints = ASY_INTS_MILLI}
                                       : (struct asy_view){.data = sample.count_score, .ints = ASY_INTS_COUNT};
}

static const char *const conditions[] = {
    "company.employees < 10",
    "10 > company.employees",
    "company.employees == 50 || company.employees != 51",
    "company.employees >= 199.5 && company.employees <= 500.0",
    "company.employees == 10.5",
    "!(company.employees < 10)",
    "has(company.employees) && !has(company.revenue)",
    "company.employees == null || company.revenue != null",
    "company.revenue > 60 || company.revenue <= 12.5",
    "company.revenue == 12.5 || company.revenue != 25",
    "company.industry in ['tech', 'government']",
    "company.industry == 'tech' && crm.open",
    "!crm.open || crm.open == false",
    "crm.open == null",
    "crm.open || company.employees > 5",
    "days_since(deal.lost_on) >= 180 && days_since(deal.lost_on) <= 365",
    "now >= deal.lost_on",
    "days_since(deal.lost_on) != 3 || 3 == days_since(deal.lost_on)", /* unknown where the time is empty */
    "!(days_since(deal.lost_on) == 3.0)",
    "deal.lost_on < timestamp('2026-01-01T00:00:00Z') || deal.lost_on > now",
    "contact.title.contains('Sales') || contact.title.matches('^Head')",
    "size(contact.title) > size(company.industry)",
    "contact.title + company.industry == 'VP Salestech'",
    "company.employees + score.total > 300",
    "company.employees / score.total == 2",
    "company.employees % 7 == 3 && score.total >= 40",
    "company.employees > score.total",
    "(crm.open ? company.employees : score.total) > 50",
    "(company.employees > 100 ? contact.title : company.industry) == 'tech'",
    "string(company.employees).startsWith('1')",
    "deal.lost_on.getFullYear() == 2026 && deal.lost_on.getDayOfWeek() == 1",
    "score.total in [40, 41, 42, company.employees]",
    "true || company.employees < 1",
    "false && company.employees < 1",
    "days_since(deal.lost_on) < 180 || days_since(deal.lost_on) > 365",
    "days_since(deal.lost_on) >= -1 && !(days_since(deal.lost_on) <= 2.5)",
    "score.total >= 40 && score.total < 60 && (company.employees < 50 || company.revenue > 3) && !crm.open",
};

/* All rows of a condition, as they came out, against the evaluator. */
static void check_rows(const struct asy_cel_node *node, const char *text, const char *where, const uint8_t *t, const uint8_t *k,
                       struct asy_pool *pool)
{
    for (uint32_t row = 0; row < N_MAX; row++) {
        const struct asy_cel_row at = {.ctx = &row, .read = read_sample, .scratch = pool};
        const struct asy_cel_value value = asy_cel_eval(node, &at);
        const int want = value.type != ASY_CEL_BOOL ? 1 : value.b ? 2 : 0, got = k[row] ? (t[row] ? 2 : 0) : 1;
        cr_assert_eq(got, want, "%s, row %u at %s: expected %d, found %d", text, row, where, want, got);
    }
}

Test(exec_cond, mixed_rows_are_as_the_row_evaluator_says)
{
    for (size_t c = 0; c < ASY_COUNT_OF(conditions) * N_SHAPES; c++) {
        const char *const condition = conditions[c / N_SHAPES];
        struct world w;
        fill_sample(20261122);
        shape_sample((int)(c % N_SHAPES));
        world_init(&w, true);
        w.slots.describe = describe_sample;
        w.slots.code_value = sample_code;
        const struct asy_cel_env env = {.resolve = resolve, .fold = true};
        bool no_memory = false;
        struct asy_cel_node *node = asy_cel_compile(&w.pool, asy_str_of(condition), &env, ASY_CEL_BOOL, &no_memory);
        cr_assert_not_null(node, "%s", condition);
        struct asy_cond_depth depth = {0};
        struct asy_cond *cond = asy_cond_compile(&w.slots, node, &depth);
        struct asy_view views[N_VARIABLES];
        for (uint32_t s = 0; s < w.slots.n; s++) views[s] = sample.views[w.slots.items[s].input.index];
        struct asy_cond_scratch scratch;
        cr_assert(asy_cond_scratch_init(&scratch, &w.mem, depth, N_MAX));
        static const char *const levels[] = {"ref", "v2", "v3", "v4"};
        for (size_t l = 0; l < 4; l++) {
            const char *problem = NULL;
            const struct asy_kern *kern = asy_kern_select(levels[l], &problem);
            if (kern == NULL) continue;
            const uint8_t *t, *k;
            asy_cond_run(cond, kern, views, N_MAX, &scratch, &t, &k);
            check_rows(node, condition, levels[l], t, k, &w.pool);
        }
        asy_cond_scratch_fini(&scratch, &w.mem, depth);
        asy_cel_release(node);
        world_fini(&w);
    }
}

/* Many conditions of one program: parts that several of them have are evaluated once a batch, and anew for the next. */
Test(exec_cond, shared_parts_are_of_this_batch)
{
    enum { N_CONDITIONS = 300 };
    struct world w;
    world_init(&w, true);
    w.slots.describe = describe_sample;
    w.slots.code_value = sample_code;
    struct asy_cond_depth depth = {0};
    struct asy_cel_node *nodes[N_CONDITIONS];
    struct asy_cond *conds[N_CONDITIONS];
    struct asy_str source[N_CONDITIONS];
    uint64_t r = 7;
    printf("seed %llu\n", (unsigned long long)r);
    for (uint32_t c = 0; c < N_CONDITIONS; c++) {
        const char *parts[3];
        for (int j = 0; j < 3; j++) {
            r = r * 6364136223846793005u + 1442695040888963407u;
            parts[j] = conditions[(r >> 33) % ASY_COUNT_OF(conditions)];
        }
        static const char *const shapes[] = {"%s", "(%s) && (%s)", "(%s) || (%s)", "!(%s) && ((%s) || (%s))"};
        char text[2000];
        snprintf(text, sizeof(text), shapes[(r >> 20) % 4], parts[0], parts[1], parts[2]);
        source[c] = asy_pool_copy(&w.pool, asy_str_of(text));
        const struct asy_cel_env env = {.resolve = resolve, .fold = true};
        bool no_memory = false;
        nodes[c] = asy_cel_compile(&w.pool, source[c], &env, ASY_CEL_BOOL, &no_memory);
        cr_assert_not_null(nodes[c], "%s", text);
        conds[c] = asy_cond_compile(&w.slots, nodes[c], &depth);
        cr_assert_not_null(conds[c]);
    }
    cr_assert_gt(depth.n_shared, 10, "expected shared parts among %d conditions, found %u", N_CONDITIONS, depth.n_shared);
    struct asy_view views[N_VARIABLES];
    struct asy_cond_scratch scratch;
    const char *problem = NULL;
    const struct asy_kern *kern = asy_kern_select(NULL, &problem);
    cr_assert(asy_cond_scratch_init(&scratch, &w.mem, depth, N_MAX));
    for (uint64_t batch = 1; batch <= 3; batch++) {
        fill_sample(batch * 1000003);
        for (uint32_t s = 0; s < w.slots.n; s++) views[s] = sample.views[w.slots.items[s].input.index];
        asy_cond_next_batch(&scratch);
        for (uint32_t c = 0; c < N_CONDITIONS; c++) {
            const uint8_t *t, *k;
            asy_cond_run(conds[c], kern, views, N_MAX, &scratch, &t, &k);
            check_rows(nodes[c], source[c].p, "a batch", t, k, &w.pool);
        }
    }
    asy_cond_scratch_fini(&scratch, &w.mem, depth);
    for (uint32_t c = 0; c < N_CONDITIONS; c++) asy_cel_release(nodes[c]);
    world_fini(&w);
}

/* -- large dictionaries: only the texts that a condition names are looked up ------------------------------------- */

enum { N_TITLES = 70000 }; /* codes of 4 bytes */
static char titles[N_TITLES][16];
static uint32_t n_evaluated;

static void describe_titles(void *ctx, struct asy_slot *slot)
{
    describe_sample(ctx, slot);
    if (slot->input.index == V_TITLE) slot->n_codes = N_TITLES;
}
static struct asy_cel_value title_code(void *ctx, const struct asy_slot *slot, uint32_t code)
{
    if (slot->input.index != V_TITLE || code == 0) return sample_code(ctx, slot, code);
    n_evaluated++;
    return (struct asy_cel_value){.type = ASY_CEL_STRING, .s = asy_str_of(titles[code])};
}
static uint32_t find_title(void *ctx, const struct asy_slot *slot, struct asy_str text)
{
    (void)ctx, (void)slot;
    for (uint32_t code = 1; code < N_TITLES; code++)
        if (asy_str_is(text, titles[code])) return code;
    return 0;
}
static const struct asy_cel_set *resolve_list(void *ctx, struct asy_str name)
{
    static struct asy_str items[] = {{"absent", 6}, {"title 17", 8}, {"title 999", 9}};
    static const struct asy_cel_set set = {.name = {"wanted", 6}, .n = 3, .items = items};
    (void)ctx;
    return asy_str_is(name, "wanted") ? &set : NULL;
}

static struct asy_cel_value read_title(void *ctx, const struct asy_cel_input *input)
{
    (void)input;
    return *(const struct asy_cel_value *)ctx;
}

Test(exec_cond, large_dictionaries_are_as_the_evaluator_says)
{
    static const struct { const char *text; uint32_t at_most; } cases[] = {
        {"contact.title == 'title 3'", 10},
        {"contact.title != 'title 3'", 10},
        {"contact.title in ['title 1', 'title 2', 'nobody', 'title 1']", 10},
        {"contact.title in wanted", 10},
        {"!(contact.title in wanted) && contact.title != 'title 5'", 20},
        {"contact.title in wanted || contact.title == 'title 5' || !(contact.title == 'title 6')", 20},
        {"contact.title == null || contact.title in wanted", 2 * N_TITLES},
        {"has(contact.title) && !(contact.title in wanted)", 2 * N_TITLES},
        {"contact.title.contains('17') || contact.title in wanted", 2 * N_TITLES},
        {"contact.title.contains('17') && !(contact.title in wanted)", 2 * N_TITLES},
        {"!contact.title.startsWith('title 1') && contact.title != 'title 22'", 2 * N_TITLES},
        {"contact.title < 'title 5' || contact.title == 'title 7'", 2 * N_TITLES},
        {"contact.title in ['title 8', contact.title]", 3 * N_TITLES},
    };
    for (uint32_t code = 1; code < N_TITLES; code++) snprintf(titles[code], sizeof(titles[code]), "title %u", code);
    for (size_t c = 0; c < ASY_COUNT_OF(cases); c++) {
        struct world w;
        world_init(&w, true);
        w.slots.describe = describe_titles;
        w.slots.code_value = title_code;
        w.slots.find_code = find_title;
        const struct asy_cel_env env = {.resolve = resolve, .resolve_list = resolve_list, .fold = true};
        bool no_memory = false;
        struct asy_cel_node *node = asy_cel_compile(&w.pool, asy_str_of(cases[c].text), &env, ASY_CEL_BOOL, &no_memory);
        cr_assert_not_null(node, "%s", cases[c].text);
        struct asy_cond_depth depth = {0};
        n_evaluated = 0;
        struct asy_cond *cond = asy_cond_compile(&w.slots, node, &depth);
        cr_assert_leq(n_evaluated, cases[c].at_most, "%s: expected at most %u texts looked at, found %u", cases[c].text,
                      cases[c].at_most, n_evaluated);
        static uint32_t codes[N_TITLES];
        for (uint32_t code = 0; code < N_TITLES; code++) codes[code] = code;
        const struct asy_view view = {.data = codes, .width = 4};
        struct asy_cond_scratch scratch;
        cr_assert(asy_cond_scratch_init(&scratch, &w.mem, depth, N_TITLES));
        const char *problem = NULL;
        const uint8_t *t, *k;
        asy_cond_run(cond, asy_kern_select(NULL, &problem), &view, N_TITLES, &scratch, &t, &k);
        for (uint32_t code = 0; code < N_TITLES; code++) {
            const struct asy_slot slot = {.input = {.index = V_TITLE}};
            const struct asy_cel_value title = title_code(NULL, &slot, code);
            const struct asy_cel_row at = {.ctx = (void *)&title, .read = read_title, .scratch = &w.pool};
            const struct asy_cel_value value = asy_cel_eval(node, &at);
            const int want = value.type != ASY_CEL_BOOL ? 1 : value.b ? 2 : 0, got = k[code] ? (t[code] ? 2 : 0) : 1;
            cr_assert_eq(got, want, "%s, title %u: expected %d, found %d", cases[c].text, code, want, got);
        }
        asy_cond_scratch_fini(&scratch, &w.mem, depth);
        asy_cel_release(node);
        world_fini(&w);
    }
}
