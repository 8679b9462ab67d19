/* Values of parameters, from texts as they are written in rule files. The texts of a value are those that were given, or the
 * declaration's: they are not copied. */
#include "base/time.h"
#include "plugin/decl_internal.h"

#include <stdio.h>

enum { FILE_BYTES_MAX = 64 << 20, TIME_BYTES = 32 };
#define DURATION_MAX_S (36525ll * ASY_DAY_S) /* 100 years, as in rule files */

static bool has_limits(const struct asy_decl_param *param)
{
    return param->lo != 0 || param->hi != 0;
}

/* As lengths of time are read in rule files: 30d, 12h, 90m, 45s, 2w; 0 is one too. */
static bool read_duration(struct asy_str s, int64_t *out_s)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'w', 7 * ASY_DAY_S}, {'d', ASY_DAY_S}, {'h', 3600}, {'m', 60}, {'s', 1}};
    int64_t n;
    if (s.len < 2 || s.len > 12 || s.p[0] < '0' || s.p[0] > '9' || !asy_parse_i64((struct asy_str){s.p, s.len - 1}, &n)) return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (s.p[s.len - 1] != units[i].letter) continue;
        *out_s = n * units[i].seconds;
        return *out_s <= DURATION_MAX_S;
    }
    return false;
}
static bool read_bool(struct asy_str s, int64_t *out)
{
    *out = asy_str_eq_fold(s, ASY_STR("yes")) || asy_str_eq_fold(s, ASY_STR("true"));
    return *out == 1 || asy_str_eq_fold(s, ASY_STR("no")) || asy_str_eq_fold(s, ASY_STR("false"));
}
/* A NUL would end it early for whoever reads it as a C string. */
static bool is_text(struct asy_str s)
{
    return asy_utf8_valid(s) && (s.len == 0 || memchr(s.p, '\0', s.len) == NULL);
}

static bool is_within(const struct asy_decl_param *param, const struct asy_plugin_setting *value)
{
    if (!has_limits(param)) return true;
    if (param->type == ASSAY_NUMBER_PARAM) return value->d >= (double)param->lo && value->d <= (double)param->hi;
    return value->i >= param->lo && value->i <= param->hi;
}
static bool read_one(const struct asy_decl_param *param, struct asy_str text, struct asy_plugin_setting *out)
{
    switch (param->type) {
    case ASSAY_INT_PARAM: return asy_parse_i64(text, &out->i) && is_within(param, out);
    case ASSAY_NUMBER_PARAM: return asy_parse_f64(text, &out->d) && is_within(param, out);
    case ASSAY_DURATION_PARAM: return read_duration(text, &out->i) && is_within(param, out);
    case ASSAY_BOOL_PARAM: return read_bool(text, &out->i);
    case ASSAY_TEXT_PARAM: out->text = text; return is_text(text);
    case ASSAY_FILE_PARAM: out->text = text; return text.len <= FILE_BYTES_MAX;
    default: return false;
    }
}
static bool read_list(struct asy_pool *pool, const struct asy_str *texts, uint32_t n_texts, struct asy_plugin_setting *out)
{
    out->texts = asy_pool_alloc_n(pool, n_texts, sizeof(*out->texts));
    if (out->texts == NULL) return false;
    for (uint32_t i = 0; i < n_texts; i++) {
        if (!is_text(texts[i])) return false;
        out->texts[i] = texts[i];
    }
    out->n_texts = n_texts;
    return true;
}

/* -- what would do ------------------------------------------------------------------------------------------------ */

static void print_limit(const struct asy_decl_param *param, int64_t limit, char out[TIME_BYTES])
{
    if (param->type != ASSAY_DURATION_PARAM) snprintf(out, TIME_BYTES, "%lld", (long long)limit);
    else if (limit != 0 && limit % ASY_DAY_S == 0) snprintf(out, TIME_BYTES, "%lldd", (long long)(limit / ASY_DAY_S));
    else if (limit != 0 && limit % 3600 == 0) snprintf(out, TIME_BYTES, "%lldh", (long long)(limit / 3600));
    else if (limit != 0 && limit % 60 == 0) snprintf(out, TIME_BYTES, "%lldm", (long long)(limit / 60));
    else snprintf(out, TIME_BYTES, "%llds", (long long)limit);
}
static struct asy_str expected_quantity(const struct asy_decl_param *param, struct asy_pool *pool, const char *what)
{
    char lo[TIME_BYTES], hi[TIME_BYTES];
    print_limit(param, param->lo, lo);
    print_limit(param, param->hi, hi);
    if (!has_limits(param)) return asy_pool_printf(pool, "%s", what);
    if (param->hi == INT64_MAX) return asy_pool_printf(pool, "%s of at least %s", what, lo);
    if (param->lo == INT64_MIN) return asy_pool_printf(pool, "%s of at most %s", what, hi);
    return asy_pool_printf(pool, "%s from %s to %s", what, lo, hi);
}
struct asy_str asy_decl_expected(const struct asy_decl_param *param, struct asy_pool *pool)
{
    switch (param->type) {
    case ASSAY_INT_PARAM: return expected_quantity(param, pool, "a whole number");
    case ASSAY_NUMBER_PARAM: return expected_quantity(param, pool, "a number");
    case ASSAY_DURATION_PARAM: return expected_quantity(param, pool, "a length of time (such as 30d, 12h, 90m, 45s or 2w)");
    case ASSAY_BOOL_PARAM: return asy_pool_printf(pool, "yes, no, true or false");
    case ASSAY_TEXTS_PARAM: return asy_pool_printf(pool, "a text or a list of texts, in UTF-8");
    case ASSAY_FILE_PARAM: return asy_pool_printf(pool, "a file of at most %d MiB", FILE_BYTES_MAX >> 20);
    default: return asy_pool_printf(pool, "one text, in UTF-8");
    }
}

/* -- values ------------------------------------------------------------------------------------------------------- */

bool asy_decl_value(const struct asy_decl_param *param, struct asy_pool *pool, const struct asy_str *texts, uint32_t n_texts,
                    struct asy_plugin_setting *out, struct asy_str *expected)
{
    *out = (struct asy_plugin_setting){.type = param->type, .text = ASY_STR("")};
    *expected = (struct asy_str){NULL, 0};
    if (param->type == ASSAY_TEXTS_PARAM ? read_list(pool, texts, n_texts, out) : n_texts == 1 && read_one(param, texts[0], out)) return true;
    *expected = asy_decl_expected(param, pool);
    return false;
}

/* `[a, b]`, as a list is written in a rule file: plain texts, without quotes. */
static bool read_fallback_list(struct asy_pool *pool, struct asy_str list, struct asy_plugin_setting *out)
{
    struct asy_str rest = asy_str_trim((struct asy_str){list.p + 1, list.len - 2});
    uint32_t cap = 0;
    void *items = NULL;
    bool is_last = rest.len == 0;
    while (!is_last) {
        const int64_t comma = asy_str_find(rest, ASY_STR(","));
        is_last = comma < 0;
        const uint32_t len = is_last ? rest.len : (uint32_t)comma;
        const struct asy_str item = asy_str_trim((struct asy_str){rest.p, len});
        if (item.len == 0 || item.p[0] == '"' || item.p[0] == '\'' || item.p[0] == '[') return false;
        if (!asy_pool_grow(pool, &items, &cap, out->n_texts, sizeof(item))) return false;
        out->texts = items;
        out->texts[out->n_texts++] = item;
        if (!is_last) rest = (struct asy_str){rest.p + len + 1, rest.len - len - 1};
    }
    return true;
}

bool asy_decl_fallback(const struct asy_decl_param *param, struct asy_pool *pool, struct asy_plugin_setting *out)
{
    const struct asy_str fallback = param->fallback;
    struct asy_str expected;
    *out = (struct asy_plugin_setting){.type = param->type, .text = ASY_STR("")};
    if (!param->has_fallback) return true;
    if (param->type == ASSAY_TEXTS_PARAM && fallback.len >= 2 && fallback.p[0] == '[' && fallback.p[fallback.len - 1] == ']')
        return read_fallback_list(pool, fallback, out);
    return asy_decl_value(param, pool, &fallback, 1, out, &expected);
}
