/* Plugins, see plugin.h: both ways of running them behind the same four calls. */
#include "plugin/plugin.h"

#include "plugin/judge.h"
#include "plugin/library.h"
#include "plugin/worker.h"

#include <fenv.h>

struct asy_plugin {
    struct asy_mem *mem;
    struct asy_pool pool;
    struct asy_plugin_limits limits;
    struct asy_str path;
    struct asy_plugin_decl decl;
    struct asy_loader_process *loader; /* isolated */
    struct assay_plugin entry;         /* in this process */
};

struct lane {
    struct asy_bound *bound;
    uint32_t number;
    struct asy_stage stage;         /* what the plugin writes to */
    struct asy_stage view;          /* what the engine reads: of an isolated plugin the leads above and verdicts of its own */
    struct asy_instance *instance;  /* in this process; after a fault one with a state of its own */
    bool is_stale;                  /* the instance is to be created again before it runs */
};

struct asy_bound {
    struct asy_plugin *plugin;
    const struct asy_facts *facts;
    struct asy_pool pool;
    struct asy_plugin_names names;
    struct asy_keeper_process *keeper; /* isolated */
    struct asy_instance *owner;        /* in this process, of a plugin that shares its state: what the lanes' stand on */
    int64_t now_s;
    uint32_t n_lanes, n_stages;
    struct lane *lanes;
    struct asy_stage *stages;          /* isolated: as asy_keeper_start wants them; the lanes' are the same */
};

/* -- open ---------------------------------------------------------------------------------------------------------------------- */

assay_status asy_plugin_open(struct asy_plugin **out, struct asy_mem *mem, const struct asy_plugin_file *file,
                             const struct asy_plugin_limits *limits, struct assay_error *error)
{
    struct asy_plugin *plugin = asy_mem_alloc(mem, sizeof(*plugin));
    if (plugin == NULL) return asy_fail(error, ASSAY_E_NOMEM, "%.*s: out of memory", ASY_ARG(file->path));
    *plugin = (struct asy_plugin){.mem = mem, .limits = *limits};
    asy_pool_init(&plugin->pool, mem);
    if (plugin->limits.budget_ns <= 0) plugin->limits.budget_ns = ASY_BUDGET_NS;
    if (plugin->limits.memory_bytes == 0) plugin->limits.memory_bytes = ASY_PLUGIN_MEMORY_BYTES;
    plugin->path = asy_pool_copy(&plugin->pool, file->path);
    assay_status status = plugin->path.p != NULL ? ASSAY_OK : asy_fail(error, ASSAY_E_NOMEM, "%.*s: out of memory", ASY_ARG(file->path));
    if (status == ASSAY_OK && limits->is_isolated) {
        status = asy_loader_start(&plugin->loader, mem, file, plugin->limits.memory_bytes, &plugin->pool, &plugin->decl, error);
    } else if (status == ASSAY_OK) {
        status = asy_library_open(&plugin->entry, file->fd, plugin->path.p, error);
        if (status == ASSAY_OK) status = asy_decl_read(&plugin->decl, &plugin->pool, &plugin->entry, plugin->path.p, error);
    }
    if (status == ASSAY_OK) *out = plugin;
    else asy_plugin_close(plugin);
    return status;
}

void asy_plugin_close(struct asy_plugin *plugin)
{
    if (plugin == NULL) return;
    asy_loader_stop(plugin->loader);
    asy_pool_fini(&plugin->pool);
    asy_mem_free(plugin->mem, plugin, sizeof(*plugin));
}

const struct asy_plugin_decl *asy_plugin_decl(const struct asy_plugin *plugin)
{
    return &plugin->decl;
}

const char *asy_plugin_path(const struct asy_plugin *plugin)
{
    return plugin->path.p;
}

const char *asy_plugin_missing(const struct asy_plugin *plugin)
{
    return plugin->loader != NULL ? asy_loader_missing(plugin->loader) : "";
}

/* -- bind ------------------------------------------------------------------------------------------------------------------------ */

/* Verdicts that the engine reads are out of the worker's reach: what has been looked over cannot change any more. */
static bool make_view(struct lane *lane, struct asy_pool *pool)
{
    struct asy_stage *view = &lane->view;
    *view = lane->stage;
    view->leads_fd = view->verdicts_fd = -1;
    view->verdicts = NULL;
    view->verdicts_bytes = 0;
    view->reason = asy_pool_alloc_n(pool, view->n_rows_max, sizeof(*view->reason));
    view->counters = asy_pool_alloc_n(pool, ASSAY_COUNTERS_MAX, sizeof(*view->counters));
    if (view->points != NULL) view->points = asy_pool_alloc_n(pool, view->n_rows_max, sizeof(*view->points));
    if (view->target != NULL) view->target = asy_pool_alloc_n(pool, view->n_rows_max, sizeof(*view->target));
    if (view->due != NULL) view->due = asy_pool_alloc_n(pool, view->n_rows_max, sizeof(*view->due));
    return !pool->has_failed;
}

static assay_status make_stages(struct asy_bound *bound, uint32_t n_rows_max, struct assay_error *error)
{
    const struct asy_plugin *plugin = bound->plugin;
    for (uint32_t i = 0; i < bound->n_lanes; i++) {
        struct lane *lane = &bound->lanes[i];
        lane->bound = bound;
        lane->number = i;
        const assay_status status = asy_stage_init(&lane->stage, &bound->pool, &plugin->decl, n_rows_max, plugin->limits.is_isolated, error);
        if (status != ASSAY_OK) return status;
        bound->n_stages++;
        bound->stages[i] = lane->view = lane->stage;
        if (plugin->limits.is_isolated && !make_view(lane, &bound->pool)) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", plugin->path.p);
    }
    return ASSAY_OK;
}

static bool is_same(const struct asy_str *a, uint32_t n_a, const struct asy_str *b, uint32_t n_b)
{
    bool is = n_a == n_b;
    for (uint32_t i = 0; is && i < n_a; i++) is = asy_str_eq(a[i], b[i]);
    return is;
}

static assay_status make_instance(const struct asy_bound *bound, struct asy_instance **out, struct assay_error *error)
{
    const struct asy_plugin *plugin = bound->plugin;
    const assay_status status = asy_instance_new(out, plugin->mem, &plugin->entry, &plugin->decl, bound->facts, plugin->path.p, error);
    if (status != ASSAY_OK) return status;
    const struct asy_plugin_names *names = asy_instance_names(*out), *known = &bound->names;
    if (known->counters == NULL || (is_same(names->counters, names->n_counters, known->counters, known->n_counters) &&
                                    is_same(names->targets, names->n_targets, known->targets, known->n_targets)))
        return ASSAY_OK;
    return asy_fail(error, ASSAY_E_DATA, "%s: create(): expected the same counters and targets every time it is called with the same facts, found others",
                    plugin->path.p);
}

static struct asy_str *copy_names(struct asy_pool *pool, const struct asy_str *from, uint32_t n)
{
    struct asy_str *to = asy_pool_alloc_n(pool, n, sizeof(*to));
    for (uint32_t i = 0; to != NULL && i < n; i++) to[i] = asy_pool_copy(pool, from[i]);
    return to;
}

static assay_status keep_names(struct asy_bound *bound, const struct asy_plugin_names *names, struct assay_error *error)
{
    bound->names = (struct asy_plugin_names){.n_counters = names->n_counters, .n_targets = names->n_targets, .n_lines = names->n_lines,
                                             .counters = copy_names(&bound->pool, names->counters, names->n_counters),
                                             .targets = copy_names(&bound->pool, names->targets, names->n_targets),
                                             .lines = copy_names(&bound->pool, names->lines, names->n_lines)};
    if (!bound->pool.has_failed) return ASSAY_OK;
    return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", bound->plugin->path.p);
}

/* One a lane: each with a state of its own, or all on one that may be shared. */
static assay_status make_instances(struct asy_bound *bound, struct assay_error *error)
{
    const bool is_shared = (bound->plugin->decl.caps & ASSAY_CAP_SHARED_STATE) != 0 && bound->n_lanes > 1;
    struct asy_instance **first = is_shared ? &bound->owner : &bound->lanes[0].instance;
    assay_status status = make_instance(bound, first, error);
    if (status == ASSAY_OK) status = keep_names(bound, asy_instance_names(*first), error);
    for (uint32_t i = 0; i < bound->n_lanes && status == ASSAY_OK; i++) {
        struct asy_instance **own = &bound->lanes[i].instance;
        if (is_shared) status = asy_instance_share(own, bound->owner, bound->plugin->path.p, error);
        else if (*own == NULL) status = make_instance(bound, own, error);
    }
    return status;
}

assay_status asy_plugin_bind(struct asy_bound **out, struct asy_plugin *plugin, const struct asy_facts *facts, uint32_t n_lanes,
                             uint32_t n_rows_max, int64_t now_s, struct assay_error *error)
{
    struct asy_bound *bound = asy_mem_alloc(plugin->mem, sizeof(*bound));
    if (bound == NULL) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", plugin->path.p);
    *bound = (struct asy_bound){.plugin = plugin, .facts = facts, .now_s = now_s, .n_lanes = n_lanes};
    asy_pool_init(&bound->pool, plugin->mem);
    bound->lanes = asy_pool_alloc_n(&bound->pool, n_lanes, sizeof(*bound->lanes));
    bound->stages = asy_pool_alloc_n(&bound->pool, n_lanes, sizeof(*bound->stages));
    assay_status status = bound->lanes != NULL && bound->stages != NULL ? make_stages(bound, n_rows_max, error)
                                                                         : asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", plugin->path.p);
    if (status == ASSAY_OK && plugin->limits.is_isolated)
        status = asy_keeper_start(&bound->keeper, plugin->loader, &plugin->decl, facts, bound->stages, n_lanes, now_s, &bound->pool, &bound->names, error);
    else if (status == ASSAY_OK) status = make_instances(bound, error);
    if (status == ASSAY_OK) *out = bound;
    else asy_bound_free(bound);
    return status;
}

void asy_bound_free(struct asy_bound *bound)
{
    if (bound == NULL) return;
    asy_keeper_stop(bound->keeper);
    for (uint32_t i = 0; i < bound->n_stages; i++) {
        asy_instance_free(bound->lanes[i].instance);
        asy_stage_fini(&bound->lanes[i].stage);
    }
    asy_instance_free(bound->owner);
    asy_pool_fini(&bound->pool);
    asy_mem_free(bound->plugin->mem, bound, sizeof(*bound));
}

const struct asy_plugin_names *asy_bound_names(const struct asy_bound *bound)
{
    return &bound->names;
}

struct asy_stage *asy_bound_stage(struct asy_bound *bound, uint32_t lane)
{
    return &bound->lanes[lane].view;
}

/* -- judge ------------------------------------------------------------------------------------------------------------------------- */

static void copy_rows(void *to, const void *from, size_t width, uint32_t first, uint32_t n)
{
    if (to != NULL) memcpy((char *)to + first * width, (const char *)from + first * width, n * width);
}

static bool run_isolated(void *ctx, uint32_t first, uint32_t n, struct asy_fault *fault)
{
    struct lane *lane = ctx;
    const struct asy_bound *bound = lane->bound;
    const struct asy_stage *stage = &lane->stage, *view = &lane->view;
    const int64_t limit_ns = ASY_CALL_NS + n * bound->plugin->limits.budget_ns;
    if (!asy_keeper_run(bound->keeper, lane->number, first, n, limit_ns, fault)) return false;
    copy_rows(view->reason, stage->reason, sizeof(*view->reason), first, n);
    copy_rows(view->points, stage->points, sizeof(*view->points), first, n);
    copy_rows(view->target, stage->target, sizeof(*view->target), first, n);
    copy_rows(view->due, stage->due, sizeof(*view->due), first, n);
    memcpy(view->counters, stage->counters, ASSAY_COUNTERS_MAX * sizeof(*view->counters));
    return true;
}

static void renew_isolated(void *ctx)
{
    struct lane *lane = ctx;
    asy_keeper_renew(lane->bound->keeper, lane->number);
}

static bool run_here(void *ctx, uint32_t first, uint32_t n, struct asy_fault *fault)
{
    struct lane *lane = ctx;
    struct assay_error error = {0};
    if (lane->is_stale) {
        asy_instance_free(lane->instance);
        lane->instance = NULL;
        if (make_instance(lane->bound, &lane->instance, &error) == ASSAY_OK) lane->is_stale = false;
    }
    if (lane->is_stale) {
        *fault = (struct asy_fault){.kind = ASY_FAULT_ERROR};
        memcpy(fault->text, error.text, sizeof(fault->text) - 1);
        return false;
    }
    fenv_t ours; /* how numbers are rounded: neither earlier calls' business nor, afterwards, the engine's */
    fegetenv(&ours);
    fesetenv(FE_DFL_ENV);
    const bool is_good = asy_instance_run(lane->instance, &lane->stage, first, n, lane->bound->now_s, fault);
    fesetenv(&ours);
    return is_good;
}

static void renew_here(void *ctx)
{
    struct lane *lane = ctx;
    lane->is_stale = true;
}

void asy_bound_judge(struct asy_bound *bound, uint32_t lane, uint32_t n, struct asy_judgement *out)
{
    const bool is_isolated = bound->keeper != NULL;
    const struct asy_judge judge = {.ctx = &bound->lanes[lane], .run = is_isolated ? run_isolated : run_here,
                                    .renew = is_isolated ? renew_isolated : renew_here, .decl = &bound->plugin->decl,
                                    .stage = &bound->lanes[lane].view, .n_targets = bound->names.n_targets};
    asy_judge_rows(&judge, n, out);
}
