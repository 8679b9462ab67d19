/* From the descriptor of a loaded plugin to a declaration of our own. What is only in a descriptor (pointers, flags, reserved fields)
 * is checked here; what a declaration says is checked in decl_check.c. */
#include "plugin/decl_internal.h"

#include <inttypes.h>
#include <stdlib.h>

const char *asy_plugin_kind_name(uint32_t kind)
{
    static const char *const names[] = {"unknown", "disqualifier", "router", "recycler", "scorer"};
    return names[kind <= ASSAY_SCORE ? kind : 0];
}

const struct asy_decl_reason *asy_decl_reason(const struct asy_plugin_decl *decl, uint32_t code)
{
    uint32_t from = 0, to = decl->n_reasons;
    while (from < to) {
        const uint32_t middle = from + (to - from) / 2;
        if (decl->reasons[middle].code == code) return &decl->reasons[middle];
        if (decl->reasons[middle].code < code) from = middle + 1;
        else to = middle;
    }
    return NULL;
}

/* One byte more than may be is enough to see that it is too long. {NULL, 0} for NULL. */
static struct asy_str copy_text(struct asy_pool *pool, const char *text, uint32_t n_bytes_max)
{
    if (text == NULL) return (struct asy_str){NULL, 0};
    return asy_pool_copy(pool, (struct asy_str){text, (uint32_t)strnlen(text, n_bytes_max + 1)});
}
static struct asy_str copy_help(struct asy_pool *pool, const char *help)
{
    return copy_text(pool, help == NULL ? "" : help, ASY_DECL_TEXT_BYTES_MAX);
}

static assay_status check_pointer(bool is_there, const char *what, const char *path, struct assay_error *error)
{
    if (is_there) return ASSAY_OK;
    return asy_fail(error, ASSAY_E_DATA, "%s: %s: expected an address, found NULL", path, what);
}
static assay_status check_pointers(const struct assay_plugin *plugin, const char *path, struct assay_error *error)
{
    const struct {
        const char *what;
        bool is_there;
    } needed[] = {
        {"create", plugin->create != NULL},
        {"run", plugin->run != NULL},
        {"destroy", plugin->destroy != NULL},
        {"wants", plugin->wants != NULL || plugin->n_wants == 0},
        {"params", plugin->params != NULL || plugin->n_params == 0},
        {"reasons", plugin->reasons != NULL || plugin->n_reasons == 0},
    };
    assay_status status = ASSAY_OK;
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]) && status == ASSAY_OK; i++)
        status = check_pointer(needed[i].is_there, needed[i].what, path, error);
    return status;
}

static assay_status check_bits(uint32_t found, uint32_t known, const char *what, uint32_t number, const char *path, struct assay_error *error)
{
    if ((found & ~known) == 0) return ASSAY_OK;
    return asy_fail(error, ASSAY_E_DATA, "%s: %s %u: expected 0 in what ABI %d.%d does not know of flags and reserved fields, found 0x%" PRIx32,
                    path, what, number, ASSAY_ABI_MAJOR, ASSAY_ABI_MINOR, found & ~known);
}

static assay_status read_wants(struct asy_plugin_decl *decl, struct asy_pool *pool, const struct assay_plugin *plugin, const char *path,
                               struct assay_error *error)
{
    assay_status status = ASSAY_OK;
    decl->wants = asy_pool_alloc_n(pool, plugin->n_wants, sizeof(*decl->wants));
    decl->n_wants = decl->wants == NULL ? 0 : plugin->n_wants;
    for (uint32_t i = 0; i < decl->n_wants && status == ASSAY_OK; i++) {
        const struct assay_want *want = &plugin->wants[i];
        status = check_bits(want->flags, ASSAY_WANT_OPTIONAL, "column", i + 1, path, error);
        decl->wants[i].name = copy_text(pool, want->name, ASY_DECL_NAME_BYTES_MAX);
        decl->wants[i].help = copy_help(pool, want->help);
        decl->wants[i].type = want->type;
        decl->wants[i].is_optional = (want->flags & ASSAY_WANT_OPTIONAL) != 0;
    }
    return status;
}

static assay_status read_params(struct asy_plugin_decl *decl, struct asy_pool *pool, const struct assay_plugin *plugin, const char *path,
                                struct assay_error *error)
{
    assay_status status = ASSAY_OK;
    decl->params = asy_pool_alloc_n(pool, plugin->n_params, sizeof(*decl->params));
    decl->n_params = decl->params == NULL ? 0 : plugin->n_params;
    for (uint32_t i = 0; i < decl->n_params && status == ASSAY_OK; i++) {
        const struct assay_param *param = &plugin->params[i];
        status = check_bits(param->flags, ASSAY_PARAM_REQUIRED, "parameter", i + 1, path, error);
        decl->params[i].name = copy_text(pool, param->name, ASY_DECL_NAME_BYTES_MAX);
        decl->params[i].help = copy_help(pool, param->help);
        decl->params[i].has_fallback = param->fallback != NULL;
        decl->params[i].fallback = copy_text(pool, param->fallback == NULL ? "" : param->fallback, ASY_DECL_TEXT_BYTES_MAX);
        decl->params[i].type = param->type;
        decl->params[i].is_required = (param->flags & ASSAY_PARAM_REQUIRED) != 0;
        decl->params[i].lo = param->lo;
        decl->params[i].hi = param->hi;
    }
    return status;
}

static int by_code(const void *a, const void *b)
{
    const struct asy_decl_reason *left = a, *right = b;
    return left->code < right->code ? -1 : left->code > right->code;
}
static assay_status read_reasons(struct asy_plugin_decl *decl, struct asy_pool *pool, const struct assay_plugin *plugin, const char *path,
                                 struct assay_error *error)
{
    assay_status status = ASSAY_OK;
    decl->reasons = asy_pool_alloc_n(pool, plugin->n_reasons, sizeof(*decl->reasons));
    decl->n_reasons = decl->reasons == NULL ? 0 : plugin->n_reasons;
    for (uint32_t i = 0; i < decl->n_reasons && status == ASSAY_OK; i++) {
        const struct assay_reason *reason = &plugin->reasons[i];
        status = check_bits(reason->reserved0, 0, "reason", i + 1, path, error);
        decl->reasons[i].code = reason->code;
        decl->reasons[i].id = copy_text(pool, reason->id, ASY_DECL_NAME_BYTES_MAX);
        decl->reasons[i].text = copy_text(pool, reason->text, ASY_DECL_TEXT_BYTES_MAX);
    }
    if (decl->n_reasons > 0) qsort(decl->reasons, decl->n_reasons, sizeof(*decl->reasons), by_code);
    return status;
}

assay_status asy_decl_read(struct asy_plugin_decl *decl, struct asy_pool *pool, const struct assay_plugin *plugin, const char *path,
                           struct assay_error *error)
{
    *decl = (struct asy_plugin_decl){.kind = plugin->kind, .caps = plugin->caps, .points_min_milli = plugin->points_min_milli,
                                     .points_max_milli = plugin->points_max_milli};
    assay_status status = asy_decl_check_counts(plugin->n_wants, plugin->n_params, plugin->n_reasons, path, error);
    if (status == ASSAY_OK) status = check_pointers(plugin, path, error);
    if (status == ASSAY_OK && plugin->reserved0 != 0)
        status = asy_fail(error, ASSAY_E_DATA, "%s: reserved0: expected 0, found %u", path, plugin->reserved0);
    if (status != ASSAY_OK) return status;
    decl->id = copy_text(pool, plugin->id, ASY_DECL_ID_BYTES_MAX);
    decl->version = copy_text(pool, plugin->version, ASY_DECL_VERSION_BYTES_MAX);
    decl->help = copy_help(pool, plugin->help);
    status = read_wants(decl, pool, plugin, path, error);
    if (status == ASSAY_OK) status = read_params(decl, pool, plugin, path, error);
    if (status == ASSAY_OK) status = read_reasons(decl, pool, plugin, path, error);
    if (status == ASSAY_OK && pool->has_failed) status = asy_fail(error, ASSAY_E_NOMEM, "%s: what it declares: out of memory", path);
    return status == ASSAY_OK ? asy_decl_check(decl, pool, path, error) : status;
}
