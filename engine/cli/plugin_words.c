#include "cli/plugin_words.h"

#include "base/check.h"

const char *asy_column_word(uint32_t type)
{
    static const char *const words[] = {"", "bool", "int", "number", "text", "time", "points"};
    return type < ASY_COUNT_OF(words) ? words[type] : "";
}

const char *asy_param_word(uint32_t type)
{
    static const char *const words[] = {"", "a text", "a whole number", "a number", "yes or no", "a duration", "a list of texts", "a file"};
    return type < ASY_COUNT_OF(words) ? words[type] : "";
}

/* "from 1 to 30", of durations "from 0d to 365d". */
static struct asy_str limits(struct asy_pool *pool, const struct asy_decl_param *param)
{
    enum { DAY_S = 86400 };
    if (param->type != ASSAY_DURATION_PARAM)
        return asy_pool_printf(pool, " from %lld to %lld", (long long)param->lo, (long long)param->hi);
    const bool is_days = param->lo % DAY_S == 0 && param->hi % DAY_S == 0;
    const int64_t unit_s = is_days ? DAY_S : 1;
    const char unit = is_days ? 'd' : 's';
    return asy_pool_printf(pool, " from %lld%c to %lld%c", (long long)(param->lo / unit_s), unit, (long long)(param->hi / unit_s), unit);
}

struct asy_str asy_param_words(struct asy_pool *pool, const struct asy_decl_param *param)
{
    struct asy_str text = asy_str_of(asy_param_word(param->type));
    if (param->lo != 0 || param->hi != 0)
        text = asy_pool_printf(pool, "%.*s%.*s", ASY_ARG(text), ASY_ARG(limits(pool, param)));
    if (param->is_required) return asy_pool_printf(pool, "%.*s, required", ASY_ARG(text));
    if (param->has_fallback) return asy_pool_printf(pool, "%.*s (%.*s unless said)", ASY_ARG(text), ASY_ARG(param->fallback));
    return text;
}
