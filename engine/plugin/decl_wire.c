/* A declaration as bytes, from the process that has loaded a plugin to the one that has not:
 *
 *   format | kind | caps | points min | points max | id | version | help | wants | params | reasons
 *
 * Numbers are 4 or 8 bytes, little-endian as both processes are; a text is its length and its bytes, a table its count and its rows. */
#include "plugin/decl_internal.h"

#define FORMAT 0x31445341u /* "ASD1" */

/* -- packing ------------------------------------------------------------------------------------------------------ */

/* First counts only (`at` is NULL), then writes. */
struct packer {
    char *at;
    uint64_t n_bytes;
};

static void put(struct packer *packer, const void *bytes, uint32_t n)
{
    if (packer->at != NULL && n > 0) {
        memcpy(packer->at, bytes, n);
        packer->at += n;
    }
    packer->n_bytes += n;
}
static void put_u32(struct packer *packer, uint32_t value)
{
    put(packer, &value, sizeof(value));
}
static void put_i64(struct packer *packer, int64_t value)
{
    put(packer, &value, sizeof(value));
}
static void put_text(struct packer *packer, struct asy_str text)
{
    put_u32(packer, text.len);
    put(packer, text.p, text.len);
}

static void put_decl(struct packer *packer, const struct asy_plugin_decl *decl)
{
    put_u32(packer, FORMAT);
    put_u32(packer, decl->kind);
    put_u32(packer, decl->caps);
    put_u32(packer, (uint32_t)decl->points_min_milli);
    put_u32(packer, (uint32_t)decl->points_max_milli);
    put_text(packer, decl->id);
    put_text(packer, decl->version);
    put_text(packer, decl->help);
    put_u32(packer, decl->n_wants);
    for (const struct asy_decl_want *want = decl->wants; want < decl->wants + decl->n_wants; want++) {
        put_text(packer, want->name);
        put_text(packer, want->help);
        put_u32(packer, want->type);
        put_u32(packer, want->is_optional);
    }
    put_u32(packer, decl->n_params);
    for (const struct asy_decl_param *param = decl->params; param < decl->params + decl->n_params; param++) {
        put_text(packer, param->name);
        put_text(packer, param->help);
        put_text(packer, param->fallback);
        put_u32(packer, param->type);
        put_u32(packer, param->is_required);
        put_u32(packer, param->has_fallback);
        put_i64(packer, param->lo);
        put_i64(packer, param->hi);
    }
    put_u32(packer, decl->n_reasons);
    for (const struct asy_decl_reason *reason = decl->reasons; reason < decl->reasons + decl->n_reasons; reason++) {
        put_u32(packer, reason->code);
        put_text(packer, reason->id);
        put_text(packer, reason->text);
    }
}

assay_status asy_decl_pack(const struct asy_plugin_decl *decl, struct asy_pool *pool, struct asy_str *bytes, struct assay_error *error)
{
    struct packer packer = {0};
    put_decl(&packer, decl);
    char *out = packer.n_bytes > UINT32_MAX ? NULL : asy_pool_alloc(pool, packer.n_bytes);
    if (out == NULL) return asy_fail(error, ASSAY_E_NOMEM, "what a plugin declares: out of memory");
    *bytes = (struct asy_str){out, (uint32_t)packer.n_bytes};
    packer = (struct packer){.at = out};
    put_decl(&packer, decl);
    return ASSAY_OK;
}

/* -- unpacking ---------------------------------------------------------------------------------------------------- */

/* After something did not fit only zeros come out, so one look at the end is enough. */
struct unpacker {
    struct asy_str rest;
    struct asy_pool *pool;
    bool is_bad;
};

static void get(struct unpacker *unpacker, void *out, uint32_t n)
{
    unpacker->is_bad |= n > unpacker->rest.len;
    if (unpacker->is_bad) {
        memset(out, 0, n);
        return;
    }
    memcpy(out, unpacker->rest.p, n);
    unpacker->rest = (struct asy_str){unpacker->rest.p + n, unpacker->rest.len - n};
}
static uint32_t get_u32(struct unpacker *unpacker)
{
    uint32_t value;
    get(unpacker, &value, sizeof(value));
    return value;
}
static int64_t get_i64(struct unpacker *unpacker)
{
    int64_t value;
    get(unpacker, &value, sizeof(value));
    return value;
}
static bool get_bool(struct unpacker *unpacker)
{
    const uint32_t value = get_u32(unpacker);
    unpacker->is_bad |= value > 1;
    return value == 1;
}
static struct asy_str get_text(struct unpacker *unpacker)
{
    const uint32_t n = get_u32(unpacker);
    unpacker->is_bad |= n > unpacker->rest.len;
    if (unpacker->is_bad) return ASY_STR("");
    const struct asy_str text = asy_pool_copy(unpacker->pool, (struct asy_str){unpacker->rest.p, n});
    unpacker->rest = (struct asy_str){unpacker->rest.p + n, unpacker->rest.len - n};
    return text;
}
/* Rows of a table, or NULL: too many, or no memory. */
static void *get_table(struct unpacker *unpacker, uint32_t *n, uint32_t n_max, size_t row_bytes)
{
    const uint32_t found = get_u32(unpacker);
    unpacker->is_bad |= found > n_max;
    void *rows = unpacker->is_bad ? NULL : asy_pool_alloc_n(unpacker->pool, found, row_bytes);
    *n = rows == NULL ? 0 : found;
    return rows;
}

static void get_decl(struct unpacker *unpacker, struct asy_plugin_decl *decl)
{
    unpacker->is_bad |= get_u32(unpacker) != FORMAT;
    decl->kind = get_u32(unpacker);
    decl->caps = get_u32(unpacker);
    decl->points_min_milli = (int32_t)get_u32(unpacker);
    decl->points_max_milli = (int32_t)get_u32(unpacker);
    decl->id = get_text(unpacker);
    decl->version = get_text(unpacker);
    decl->help = get_text(unpacker);
    decl->wants = get_table(unpacker, &decl->n_wants, ASSAY_WANTS_MAX, sizeof(*decl->wants));
    for (uint32_t i = 0; i < decl->n_wants; i++) {
        decl->wants[i].name = get_text(unpacker);
        decl->wants[i].help = get_text(unpacker);
        decl->wants[i].type = get_u32(unpacker);
        decl->wants[i].is_optional = get_bool(unpacker);
    }
    decl->params = get_table(unpacker, &decl->n_params, ASSAY_PARAMS_MAX, sizeof(*decl->params));
    for (uint32_t i = 0; i < decl->n_params; i++) {
        decl->params[i].name = get_text(unpacker);
        decl->params[i].help = get_text(unpacker);
        decl->params[i].fallback = get_text(unpacker);
        decl->params[i].type = get_u32(unpacker);
        decl->params[i].is_required = get_bool(unpacker);
        decl->params[i].has_fallback = get_bool(unpacker);
        decl->params[i].lo = get_i64(unpacker);
        decl->params[i].hi = get_i64(unpacker);
    }
    decl->reasons = get_table(unpacker, &decl->n_reasons, ASSAY_REASONS_MAX, sizeof(*decl->reasons));
    for (uint32_t i = 0; i < decl->n_reasons; i++) {
        decl->reasons[i].code = get_u32(unpacker);
        decl->reasons[i].id = get_text(unpacker);
        decl->reasons[i].text = get_text(unpacker);
    }
    unpacker->is_bad |= unpacker->rest.len > 0;
}

assay_status asy_decl_unpack(struct asy_plugin_decl *decl, struct asy_pool *pool, struct asy_str bytes, const char *path,
                             struct assay_error *error)
{
    struct unpacker unpacker = {.rest = bytes, .pool = pool};
    *decl = (struct asy_plugin_decl){0};
    get_decl(&unpacker, decl);
    if (pool->has_failed) return asy_fail(error, ASSAY_E_NOMEM, "%s: what it declares: out of memory", path);
    if (unpacker.is_bad)
        return asy_fail(error, ASSAY_E_DATA, "%s: what its process says it declares: expected a whole declaration, found %u bytes that are none", path,
                        bytes.len);
    return asy_decl_check(decl, pool, path, error);
}
