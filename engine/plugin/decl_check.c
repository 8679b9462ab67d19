/* Is a declaration one that the engine can work with? Each complaint names the part that is wrong. */
#include "plugin/clean.h"
#include "plugin/decl_internal.h"

#include <stdio.h>

enum { CAPS_KNOWN = ASSAY_CAP_READS_TIME | ASSAY_CAP_READS_KEY | ASSAY_CAP_SHARED_STATE, CODE_MAX = 65534, WHAT_BYTES = 128 };
#define POINTS_MAX_MILLI 1000000000 /* a million points */

struct check {
    const struct asy_plugin_decl *decl;
    struct asy_pool *pool;
    const char *path;
    struct assay_error *error;
};

static assay_status check_count(uint32_t n, uint32_t n_min, uint32_t n_max, const char *what, const char *path, struct assay_error *error)
{
    if (n >= n_min && n <= n_max) return ASSAY_OK;
    return asy_fail(error, ASSAY_E_DATA, "%s: %s: expected %u to %u, found %u", path, what, n_min, n_max, n);
}
assay_status asy_decl_check_counts(uint32_t n_wants, uint32_t n_params, uint32_t n_reasons, const char *path, struct assay_error *error)
{
    assay_status status = check_count(n_wants, 0, ASSAY_WANTS_MAX, "n_wants", path, error);
    if (status == ASSAY_OK) status = check_count(n_params, 0, ASSAY_PARAMS_MAX, "n_params", path, error);
    /* a plugin answers with reasons: without any it could never say anything */
    return status == ASSAY_OK ? check_count(n_reasons, 1, ASSAY_REASONS_MAX, "n_reasons", path, error) : status;
}

static bool is_name(struct asy_str name)
{
    if (name.len == 0 || name.len > ASY_DECL_NAME_BYTES_MAX || name.p[0] < 'a' || name.p[0] > 'z') return false;
    for (uint32_t i = 1; i < name.len; i++)
        if ((name.p[i] < 'a' || name.p[i] > 'z') && (name.p[i] < '0' || name.p[i] > '9') && name.p[i] != '_') return false;
    return true;
}

/* A name, which then says in `what` what is talked about: "column `country`". */
static assay_status check_name(const struct check *c, const char *kind, uint32_t number, struct asy_str name, char what[WHAT_BYTES])
{
    char found[ASY_DECL_NAME_BYTES_MAX + 16];
    snprintf(what, WHAT_BYTES, "%s `%.*s`", kind, ASY_ARG(name));
    if (is_name(name)) return ASSAY_OK;
    if (name.len == 0)
        return asy_fail(c->error, ASSAY_E_DATA, "%s: %s %u: expected a name, found none", c->path, kind, number);
    if (name.len > ASY_DECL_NAME_BYTES_MAX)
        return asy_fail(c->error, ASSAY_E_DATA, "%s: %s %u: expected a name of at most %d bytes, found a longer one", c->path, kind, number,
                        ASY_DECL_NAME_BYTES_MAX);
    asy_clean_line(found, sizeof(found), name.p, name.len);
    return asy_fail(c->error, ASSAY_E_DATA, "%s: %s %u: expected a name of a-z, 0-9 and _ that begins with a letter, found `%s`", c->path, kind,
                    number, found);
}
static assay_status check_is_first(const struct check *c, const char *what, bool is_first)
{
    if (is_first) return ASSAY_OK;
    return asy_fail(c->error, ASSAY_E_DATA, "%s: %s: expected every name once, found this one twice", c->path, what);
}

static assay_status check_text(const struct check *c, const char *what, const char *part, struct asy_str text, uint32_t n_min, uint32_t n_max)
{
    const char *found = text.len < n_min ? "none" : text.len > n_max ? "a longer one" : !asy_utf8_valid(text) ? "bytes that are not UTF-8"
                        : !asy_text_is_clean(text) ? "a control character" : NULL;
    if (found == NULL) return ASSAY_OK;
    return asy_fail(c->error, ASSAY_E_DATA, "%s: %s%s%s: expected one line of text of at most %u bytes, found %s", c->path, what,
                    *what == '\0' ? "" : ": ", part, n_max, found);
}
static assay_status check_type(const struct check *c, const char *what, uint32_t type, uint32_t type_max)
{
    if (type >= 1 && type <= type_max) return ASSAY_OK;
    return asy_fail(c->error, ASSAY_E_DATA, "%s: %s: type: expected 1 to %u, found %u", c->path, what, type_max, type);
}

static assay_status check_want(const struct check *c, uint32_t at)
{
    const struct asy_decl_want *want = &c->decl->wants[at];
    char what[WHAT_BYTES];
    bool is_first = true;
    assay_status status = check_name(c, "column", at + 1, want->name, what);
    for (uint32_t i = 0; i < at; i++) is_first &= !asy_str_eq(c->decl->wants[i].name, want->name);
    if (status == ASSAY_OK) status = check_is_first(c, what, is_first);
    if (status == ASSAY_OK) status = check_type(c, what, want->type, ASSAY_POINTS_COLUMN);
    return status == ASSAY_OK ? check_text(c, what, "help", want->help, 0, ASY_DECL_TEXT_BYTES_MAX) : status;
}

static assay_status check_limits(const struct check *c, const char *what, const struct asy_decl_param *param)
{
    const bool is_a_quantity = param->type == ASSAY_INT_PARAM || param->type == ASSAY_NUMBER_PARAM || param->type == ASSAY_DURATION_PARAM;
    if (!is_a_quantity && (param->lo != 0 || param->hi != 0))
        return asy_fail(c->error, ASSAY_E_DATA, "%s: %s: expected lo and hi 0, which are for numbers and lengths of time, found %lld and %lld", c->path,
                        what, (long long)param->lo, (long long)param->hi);
    if (param->lo > param->hi)
        return asy_fail(c->error, ASSAY_E_DATA, "%s: %s: expected lo no higher than hi, found %lld and %lld", c->path, what, (long long)param->lo,
                        (long long)param->hi);
    return ASSAY_OK;
}
static assay_status check_fallback(const struct check *c, const char *what, const struct asy_decl_param *param)
{
    struct asy_plugin_setting setting;
    char found[ASY_DECL_TEXT_BYTES_MAX + 16];
    assay_status status = check_text(c, what, "fallback", param->fallback, 0, ASY_DECL_TEXT_BYTES_MAX);
    if (status != ASSAY_OK || !param->has_fallback) return status;
    if (param->type == ASSAY_FILE_PARAM)
        return asy_fail(c->error, ASSAY_E_DATA, "%s: %s: fallback: expected NULL, since files have none, found a text", c->path, what);
    if (asy_decl_fallback(param, c->pool, &setting)) return ASSAY_OK;
    const struct asy_str expected = asy_decl_expected(param, c->pool);
    if (c->pool->has_failed) return asy_fail(c->error, ASSAY_E_NOMEM, "%s: what it declares: out of memory", c->path);
    asy_clean_line(found, sizeof(found), param->fallback.p, param->fallback.len);
    return asy_fail(c->error, ASSAY_E_DATA, "%s: %s: fallback: expected %.*s, found `%s`", c->path, what, ASY_ARG(expected), found);
}
static assay_status check_param(const struct check *c, uint32_t at)
{
    const struct asy_decl_param *param = &c->decl->params[at];
    char what[WHAT_BYTES];
    bool is_first = true;
    assay_status status = check_name(c, "parameter", at + 1, param->name, what);
    for (uint32_t i = 0; i < at; i++) is_first &= !asy_str_eq(c->decl->params[i].name, param->name);
    if (status == ASSAY_OK) status = check_is_first(c, what, is_first);
    if (status == ASSAY_OK) status = check_type(c, what, param->type, ASSAY_FILE_PARAM);
    if (status == ASSAY_OK) status = check_text(c, what, "help", param->help, 0, ASY_DECL_TEXT_BYTES_MAX);
    if (status == ASSAY_OK) status = check_limits(c, what, param);
    return status == ASSAY_OK ? check_fallback(c, what, param) : status;
}

static assay_status check_reason(const struct check *c, uint32_t at)
{
    const struct asy_decl_reason *reason = &c->decl->reasons[at];
    char what[WHAT_BYTES];
    bool is_first = true;
    if (reason->code < 1 || reason->code > CODE_MAX)
        return asy_fail(c->error, ASSAY_E_DATA, "%s: code of a reason: expected 1 to %d, found %u", c->path, CODE_MAX, reason->code);
    if (at > 0 && c->decl->reasons[at - 1].code >= reason->code)
        return asy_fail(c->error, ASSAY_E_DATA, "%s: reason %u: expected every code once, in ascending order, found %u before it", c->path,
                        reason->code, c->decl->reasons[at - 1].code);
    assay_status status = check_name(c, "reason", reason->code, reason->id, what);
    for (uint32_t i = 0; i < at; i++) is_first &= !asy_str_eq(c->decl->reasons[i].id, reason->id);
    if (status == ASSAY_OK) status = check_is_first(c, what, is_first);
    return status == ASSAY_OK ? check_text(c, what, "text", reason->text, 1, ASY_DECL_TEXT_BYTES_MAX) : status;
}

static assay_status check_points(const struct check *c)
{
    const int32_t min = c->decl->points_min_milli, max = c->decl->points_max_milli;
    if (c->decl->kind != ASSAY_SCORE && (min != 0 || max != 0))
        return asy_fail(c->error, ASSAY_E_DATA, "%s: limits of points: expected 0, since a %s gives none, found %d and %d", c->path,
                        asy_plugin_kind_name(c->decl->kind), min, max);
    if (min < -POINTS_MAX_MILLI || max > POINTS_MAX_MILLI || min > max)
        return asy_fail(c->error, ASSAY_E_DATA, "%s: limits of points: expected the lower first, from %d to %d (1/1000 points), found %d and %d",
                        c->path, -POINTS_MAX_MILLI, POINTS_MAX_MILLI, min, max);
    return ASSAY_OK;
}
static assay_status check_head(const struct check *c)
{
    const struct asy_plugin_decl *decl = c->decl;
    if (decl->kind < ASSAY_DISQUALIFY || decl->kind > ASSAY_SCORE)
        return asy_fail(c->error, ASSAY_E_DATA, "%s: kind: expected 1 (disqualify), 2 (route), 3 (recycle) or 4 (score), found %u", c->path,
                        decl->kind);
    if ((decl->caps & ~(uint32_t)CAPS_KNOWN) != 0)
        return asy_fail(c->error, ASSAY_E_DATA, "%s: caps: expected capabilities of ABI %d.%d (bits 0x%x), found 0x%x as well", c->path,
                        ASSAY_ABI_MAJOR, ASSAY_ABI_MINOR, (unsigned)CAPS_KNOWN, decl->caps & ~(uint32_t)CAPS_KNOWN);
    assay_status status = check_text(c, "", "id", decl->id, 1, ASY_DECL_ID_BYTES_MAX);
    if (status == ASSAY_OK) status = check_text(c, "", "version", decl->version, 1, ASY_DECL_VERSION_BYTES_MAX);
    if (status == ASSAY_OK) status = check_text(c, "", "help", decl->help, 0, ASY_DECL_TEXT_BYTES_MAX);
    return status == ASSAY_OK ? check_points(c) : status;
}

assay_status asy_decl_check(const struct asy_plugin_decl *decl, struct asy_pool *pool, const char *path, struct assay_error *error)
{
    const struct check c = {decl, pool, path, error};
    assay_status status = asy_decl_check_counts(decl->n_wants, decl->n_params, decl->n_reasons, path, error);
    if (status == ASSAY_OK) status = check_head(&c);
    for (uint32_t i = 0; i < decl->n_wants && status == ASSAY_OK; i++) status = check_want(&c, i);
    for (uint32_t i = 0; i < decl->n_params && status == ASSAY_OK; i++) status = check_param(&c, i);
    for (uint32_t i = 0; i < decl->n_reasons && status == ASSAY_OK; i++) status = check_reason(&c, i);
    return status;
}
