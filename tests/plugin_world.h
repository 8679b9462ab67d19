/* A plugin that stands in the test itself, with what it takes to run it in this process: declaration, facts, a stage, an instance. */
#ifndef PLUGIN_WORLD_H
#define PLUGIN_WORLD_H

#include "base/check.h"
#include "failing_mem.h"
#include "plugin/instance.h"

#include <criterion/criterion.h>

typedef int32_t create_function(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error);
typedef int32_t run_function(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error);

static const struct assay_want wants[] = {
    {"country", ASSAY_TEXT_COLUMN, 0, "Country"}, {"employees", ASSAY_INT_COLUMN, 0, "Employees"}, {"size", ASSAY_NUMBER_COLUMN, 0, "Size"},
    {"known", ASSAY_BOOL_COLUMN, 0, "Known"},     {"since", ASSAY_TIME_COLUMN, 0, "Since"},        {"fit", ASSAY_POINTS_COLUMN, 0, "Fit"},
};
enum { N_WANTS = ASY_COUNT_OF(wants) };
static const struct assay_param params[] = {
    {"list", ASSAY_FILE_PARAM, 0, NULL, "", 0, 0},     {"limit", ASSAY_INT_PARAM, 0, "30", "", 1, 365},   {"share", ASSAY_NUMBER_PARAM, 0, "0.5", "", 0, 0},
    {"names", ASSAY_TEXTS_PARAM, 0, "[a, bc]", "", 0, 0}, {"title", ASSAY_TEXT_PARAM, 0, "Sir", "", 0, 0}, {"nobody", ASSAY_TEXTS_PARAM, 0, NULL, "", 0, 0},
};
static const struct assay_reason reasons_in_a_row[] = {{1, 0, "one", "One"}, {2, 0, "two", "Two"}, {3, 0, "three", "Three"}};

static inline int32_t create_nothing(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error)
{
    (void)host;
    (void)values;
    (void)error;
    *state = NULL;
    return 0;
}
static inline int32_t run_nothing(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    (void)state;
    (void)error;
    memset(verdict->reason, 0, batch->n_rows * sizeof(*verdict->reason));
    return 0;
}
static uint32_t n_destroyed;
static inline void destroy(void *state)
{
    (void)state;
    n_destroyed++;
}

struct world {
    struct failing failing;
    struct asy_mem mem;
    struct asy_pool pool;
    struct assay_plugin plugin;
    struct asy_plugin_decl decl;
    struct asy_facts facts;
    struct asy_stage stage;
    struct asy_instance *instance;
    struct asy_fault fault;
    struct assay_error error;
};

static inline struct asy_str country_text(void *ctx, uint32_t code)
{
    static const char *const countries[] = {"", "NL", "DE", "FR"};
    (void)ctx;
    return asy_str_of(countries[code]);
}

static inline void open_decl(struct world *w, uint32_t kind, uint32_t caps, create_function *create, run_function *run)
{
    *w = (struct world){0};
    n_destroyed = 0;
    failing_init(&w->mem, &w->failing, -1);
    asy_pool_init(&w->pool, &w->mem);
    w->plugin = (struct assay_plugin){ASSAY_ABI_HEADER, kind, caps, "com.example.inner", "1", "", N_WANTS, ASY_COUNT_OF(params), 3, 0, wants, params,
                                      reasons_in_a_row, kind == ASSAY_SCORE ? -1000 : 0, kind == ASSAY_SCORE ? 2500 : 0, create, run, destroy, NULL};
    cr_assert_eq(asy_decl_read(&w->decl, &w->pool, &w->plugin, "x.so", &w->error), ASSAY_OK, "%s", w->error.text);
}
static inline void open_facts(struct world *w, bool is_shared)
{
    const struct asy_facts_column columns[N_WANTS] = {{4, NULL, country_text}};
    struct asy_plugin_setting settings[ASY_COUNT_OF(params)];
    for (uint32_t i = 0; i < ASY_COUNT_OF(params); i++) cr_assert(asy_decl_fallback(&w->decl.params[i], &w->pool, &settings[i]));
    settings[0].text = ASY_STR("line\0more");
    cr_assert_eq(asy_facts_make(&w->facts, &w->decl, columns, settings, is_shared, &w->error), ASSAY_OK, "%s", w->error.text);
}
static inline void open_world(struct world *w, uint32_t kind, uint32_t caps, create_function *create, run_function *run)
{
    open_decl(w, kind, caps, create, run);
    open_facts(w, false);
    cr_assert_eq(asy_stage_init(&w->stage, &w->pool, &w->decl, 3 * ASSAY_BATCH_ROWS - 7, false, &w->error), ASSAY_OK, "%s", w->error.text);
    cr_assert_eq(asy_instance_new(&w->instance, &w->mem, &w->plugin, &w->decl, &w->facts, "x.so", &w->error), ASSAY_OK, "%s", w->error.text);
}
static inline void close_world(struct world *w)
{
    asy_instance_free(w->instance);
    asy_stage_fini(&w->stage);
    asy_facts_fini(&w->facts);
    asy_pool_fini(&w->pool);
    cr_assert_eq(w->failing.n_blocks, 0);
}

/* Numbers of rows everywhere. */
static inline void fill_stage(struct asy_stage *stage)
{
    for (uint32_t row = 0; row < stage->n_rows_max; row++) {
        ((uint32_t *)stage->data[0])[row] = row % 4;
        ((int64_t *)stage->data[1])[row] = row;
        ((double *)stage->data[2])[row] = (double)row / 2;
        ((uint8_t *)stage->data[3])[row] = row % 2;
        ((int32_t *)stage->data[5])[row] = -(int32_t)row;
        stage->null[4][row] = 0xFF;
        if (stage->keys != NULL) stage->keys[row] = 1000 + row;
    }
}

#endif
