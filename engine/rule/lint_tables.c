/* Points tables: bands that leave gaps, values that no line or two lines have, lines nothing can hit. (Bands that overlap
 * are an error: load_table.c.) */
#include "rule/lint_internal.h"

#include <stdlib.h>

enum { VALUES_SHOWN = 5 };
#define WORK_MAX 4000000u /* values times lines, for one table */

/* -- fields with a fixed set of values --------------------------------------------------------------------------- */

static uint32_t value_count(const struct asy_field *field)
{
    switch (field->type) {
    case ASY_ENUM:
        return field->n_values;
    case ASY_COUNTRY:
        return asy_country_count();
    case ASY_BOOL:
        return 2;
    default:
        return 0;
    }
}

static struct asy_str value_text(const struct asy_field *field, uint32_t k)
{
    switch (field->type) {
    case ASY_ENUM:
        return field->values[k];
    case ASY_COUNTRY:
        return asy_country_alpha2(k + 1);
    default:
        return k == 0 ? ASY_STR("false") : ASY_STR("true");
    }
}

static bool line_has(const struct asy_lint *lint, const struct asy_field *field, const struct asy_line *line, uint32_t k)
{
    bool flag = false;
    switch (line->kind) {
    case ASY_LINE_LIST:
        return asy_cel_set_has(&lint->rules->lists[line->list].set, value_text(field, k));
    case ASY_LINE_VALUE:
        if (field->type == ASY_COUNTRY)
            return asy_country_code(line->value) == k + 1;
        if (field->type == ASY_BOOL)
            return asy_parse_bool(line->value, &flag) && flag == (k == 1);
        return asy_str_eq(line->value, field->values[k]);
    default:
        return false;
    }
}

static const struct asy_line *line_of_kind(const struct asy_rule *rule, uint8_t kind)
{
    for (uint32_t k = 0; k < rule->n_lines; k++)
        if (rule->lines[k].kind == kind)
            return &rule->lines[k];
    return NULL;
}

static bool is_too_big(struct asy_lint *lint, const struct asy_field *field, const struct asy_rule *rule)
{
    if ((uint64_t)value_count(field) * rule->n_lines <= WORK_MAX)
        return false;
    lint->is_search_cut = true;
    return true;
}

static void widen(int64_t points, bool *is_first, int64_t *lo, int64_t *hi)
{
    *lo = *is_first || points < *lo ? points : *lo;
    *hi = *is_first || points > *hi ? points : *hi;
    *is_first = false;
}

void asy_lint_table_range(struct asy_lint *lint, const struct asy_rule *rule, int64_t *lo_milli, int64_t *hi_milli)
{
    const struct asy_field *field = &lint->rules->schema.fields[rule->field];
    const struct asy_line *otherwise = line_of_kind(rule, ASY_LINE_OTHERWISE), *missing = line_of_kind(rule, ASY_LINE_MISSING);
    int64_t unlisted = otherwise == NULL ? 0 : otherwise->points_milli;
    uint32_t n_values = value_count(field);
    bool is_first = true;
    if (n_values > 0 && (uint64_t)n_values * rule->n_lines <= WORK_MAX) {
        for (uint32_t v = 0; v < n_values; v++) {
            bool is_listed = false;
            for (uint32_t k = 0; k < rule->n_lines; k++)
                if (line_has(lint, field, &rule->lines[k], v)) {
                    widen(rule->lines[k].points_milli, &is_first, lo_milli, hi_milli);
                    is_listed = true;
                }
            if (!is_listed)
                widen(unlisted, &is_first, lo_milli, hi_milli);
        }
    } else {
        for (uint32_t k = 0; k < rule->n_lines; k++)
            if (rule->lines[k].kind != ASY_LINE_MISSING)
                widen(rule->lines[k].points_milli, &is_first, lo_milli, hi_milli);
        widen(unlisted, &is_first, lo_milli, hi_milli);
    }
    if (asy_lint_may_be_empty(lint->rules, rule->field))
        widen(missing == NULL ? 0 : missing->points_milli, &is_first, lo_milli, hi_milli);
}

static bool line_fits(const struct asy_rules *rules, const struct asy_line *line, struct asy_cel_value value)
{
    struct asy_str text = value.type == ASY_CEL_BOOL ? value.b ? ASY_STR("true") : ASY_STR("false") : value.s;
    switch (line->kind) {
    case ASY_LINE_LIST:
        return asy_cel_set_has(&rules->lists[line->list].set, text);
    case ASY_LINE_VALUE:
    case ASY_LINE_RANGE:
        if (value.type == ASY_CEL_INT)
            return line->lo_i <= value.i && value.i <= line->hi_i;
        return value.type == ASY_CEL_DOUBLE ? line->lo_d <= value.d && value.d <= line->hi_d : asy_str_eq(line->value, text);
    default:
        return false;
    }
}

int64_t asy_lint_table_points(const struct asy_rules *rules, const struct asy_rule *rule, struct asy_cel_value value)
{
    bool is_empty = value.type == ASY_CEL_NULL;
    for (uint32_t k = 0; k < rule->n_lines && !is_empty; k++)
        if (line_fits(rules, &rule->lines[k], value))
            return rule->lines[k].points_milli;
    const struct asy_line *line = line_of_kind(rule, is_empty ? ASY_LINE_MISSING : ASY_LINE_OTHERWISE);
    return line == NULL ? 0 : line->points_milli;
}

/* "`a`, `b` and 7 more" of values that no line has; their number in *n. */
static struct asy_str unlisted_text(struct asy_lint *lint, const struct asy_field *field, const struct asy_rule *rule,
                                    uint32_t *n)
{
    struct asy_str text = {"", 0};
    for (uint32_t v = 0; v < value_count(field); v++) {
        bool is_listed = false;
        for (uint32_t k = 0; k < rule->n_lines && !is_listed; k++)
            is_listed = line_has(lint, field, &rule->lines[k], v);
        if (is_listed)
            continue;
        if (++*n <= VALUES_SHOWN)
            text = asy_lint_printf(lint, "%.*s%s`%.*s`", ASY_ARG(text), *n == 1 ? "" : ", ", ASY_ARG(value_text(field, v)));
    }
    if (*n > VALUES_SHOWN)
        text = asy_lint_printf(lint, "%.*s and %u more", ASY_ARG(text), *n - VALUES_SHOWN);
    return text;
}

static bool is_same_line(const struct asy_line *a, const struct asy_line *b)
{
    return a->pos.line == b->pos.line && a->pos.col == b->pos.col;
}

/* A line whose values earlier lines have. `first`: by value, the first line that has it. */
static void check_line(struct asy_lint *lint, const struct asy_field *field, const struct asy_rule *rule, uint32_t at,
                       const uint32_t *first)
{
    const struct asy_line *line = &rule->lines[at], *rival = NULL;
    struct asy_str shared = {"", 0};
    uint32_t n_values = 0, n_own = 0;
    for (uint32_t v = 0; v < value_count(field); v++) {
        if (!line_has(lint, field, line, v))
            continue;
        n_values++;
        const struct asy_line *earlier = first[v] < at ? &rule->lines[first[v]] : NULL;
        n_own += earlier == NULL;
        if (earlier != NULL && (rival == NULL || (rival->points_milli == line->points_milli &&
                                                  earlier->points_milli != line->points_milli))) {
            rival = earlier;
            shared = value_text(field, v);
        }
    }
    if (rival == NULL)
        return;
    const char *in = line->kind == ASY_LINE_LIST ? "in " : "", *rival_in = rival->kind == ASY_LINE_LIST ? "in " : "";
    struct asy_str name = line->kind == ASY_LINE_LIST ? lint->rules->lists[line->list].set.name : line->value;
    struct asy_str rival_name = rival->kind == ASY_LINE_LIST ? lint->rules->lists[rival->list].set.name : rival->value;
    if (n_own == 0 && n_values > 0)
        asy_lint_report(lint, "W0348", "line-unreachable", line->pos, line->key.len,
                        asy_lint_printf(lint, "`%s%.*s` is never used: earlier lines have %s", in, ASY_ARG(name),
                                        n_values == 1 ? "that value already" : "all its values already"),
                        (struct asy_str){"", 0});
    else if (rival->points_milli != line->points_milli && !is_same_line(line, rival))
        asy_lint_report(lint, "W0347", "line-overlap", line->pos, line->key.len,
                        asy_lint_printf(lint, "`%s%.*s` and `%s%.*s` both have `%.*s`, with different points", in, ASY_ARG(name),
                                        rival_in, ASY_ARG(rival_name), ASY_ARG(shared)),
                        (struct asy_str){"", 0});
}

static void check_choice(struct asy_lint *lint, const struct asy_rule *rule, const struct asy_field *field)
{
    const struct asy_line *otherwise = line_of_kind(rule, ASY_LINE_OTHERWISE);
    struct asy_str none = {"", 0};
    if (is_too_big(lint, field, rule))
        return;
    uint32_t n_unlisted = 0;
    struct asy_str unlisted = unlisted_text(lint, field, rule, &n_unlisted);
    if (n_unlisted > 0 && otherwise == NULL)
        asy_lint_report(lint, "W0331", "points-otherwise", rule->pos, rule->name.len,
                        asy_lint_printf(lint, "no points are given for %.*s of `%.*s`: they add 0; add `otherwise: 0` to say so",
                                        ASY_ARG(unlisted), ASY_ARG(field->name)),
                        none);
    if (n_unlisted == 0 && otherwise != NULL)
        asy_lint_report(lint, "N0349", "line-idle", otherwise->pos, otherwise->key.len,
                        asy_lint_printf(lint, "`otherwise` is never used: every value of `%.*s` has its line",
                                        ASY_ARG(field->name)),
                        none);
    uint32_t *first = asy_lint_alloc(lint, value_count(field), sizeof *first);
    if (first == NULL)
        return;
    for (uint32_t v = 0; v < value_count(field); v++)
        while (first[v] < rule->n_lines && !line_has(lint, field, &rule->lines[first[v]], v))
            first[v]++;
    for (uint32_t k = 0; k < rule->n_lines; k++)
        if (rule->lines[k].kind == ASY_LINE_VALUE || rule->lines[k].kind == ASY_LINE_LIST)
            check_line(lint, field, rule, k, first);
}

void asy_lint_list_values(struct asy_lint *lint, uint32_t list, uint32_t field_number)
{
    const struct asy_list *at = &lint->rules->lists[list];
    const struct asy_field *field = &lint->rules->schema.fields[field_number];
    struct asy_str shown = {"", 0};
    uint32_t n = 0;
    if (field->type != ASY_ENUM && field->type != ASY_COUNTRY)
        return;
    if (field->type == ASY_ENUM && (uint64_t)at->set.n * field->n_values > WORK_MAX) {
        lint->is_search_cut = true;
        return;
    }
    for (uint32_t k = 0; k < at->set.n; k++) {
        struct asy_str item = at->set.items[k];
        uint32_t code = field->type == ASY_ENUM ? asy_enum_code(field, item) : asy_country_code(item);
        struct asy_str meant = {"", 0};
        if (code != 0)
            meant = field->type == ASY_ENUM ? field->values[code - 1] : asy_country_alpha2(code);
        if ((code != 0 && asy_str_eq(meant, item)) || ++n > VALUES_SHOWN)
            continue;
        struct asy_str hint = {"", 0};
        if (code != 0)
            hint = asy_lint_printf(lint, " (write `%.*s`)", ASY_ARG(meant));
        shown = asy_lint_printf(lint, "%.*s%s`%.*s`%.*s", ASY_ARG(shown), n == 1 ? "" : ", ", ASY_ARG(item), ASY_ARG(hint));
    }
    if (n > VALUES_SHOWN)
        shown = asy_lint_printf(lint, "%.*s and %u more", ASY_ARG(shown), n - VALUES_SHOWN);
    if (n > 0)
        asy_lint_report(lint, "W0333", "enum-value-never", at->pos, at->set.name.len,
                        asy_lint_printf(lint, "list `%.*s` is compared with `%.*s`, which is never %.*s",
                                        ASY_ARG(at->set.name), ASY_ARG(field->name), ASY_ARG(shown)),
                        (struct asy_str){"", 0});
}

/* -- bands ------------------------------------------------------------------------------------------------------- */

static int compare_bands(const void *a, const void *b)
{
    const struct asy_line *x = *(const struct asy_line *const *)a, *y = *(const struct asy_line *const *)b;
    /* INT lines have lo_d 0, NUMBER lines lo_i 0: only one of the two can differ. */
    if (x->lo_i != y->lo_i)
        return x->lo_i < y->lo_i ? -1 : 1;
    if (x->lo_d < y->lo_d || x->lo_d > y->lo_d)
        return x->lo_d < y->lo_d ? -1 : 1;
    return x < y ? -1 : 1;
}

static struct asy_str span_text(struct asy_lint *lint, int64_t lo, int64_t hi)
{
    if (lo == hi)
        return asy_lint_printf(lint, "%lld", (long long)lo);
    if (lo < 0)
        return asy_lint_printf(lint, "%lld to %lld", (long long)lo, (long long)hi);
    return asy_lint_printf(lint, "%lld-%lld", (long long)lo, (long long)hi);
}

static void report_gap(struct asy_lint *lint, const char *code, const struct asy_line *at, struct asy_str what)
{
    asy_lint_report(lint, code, "band-gap", at->pos, at->key.len,
                    asy_lint_printf(lint, "nothing covers %.*s", ASY_ARG(what)), (struct asy_str){"", 0});
}

static void check_int_bands(struct asy_lint *lint, const struct asy_line **bands, uint32_t n, bool has_otherwise)
{
    const struct asy_line *highest = bands[0];
    for (uint32_t k = 1; k < n; k++) {
        const struct asy_line *band = bands[k];
        if (!has_otherwise && band->lo_i > highest->hi_i && band->lo_i - 1 > highest->hi_i)
            report_gap(lint, "W0303", band, span_text(lint, highest->hi_i + 1, band->lo_i - 1));
        if (band->hi_i > highest->hi_i)
            highest = band;
    }
    if (has_otherwise)
        return;
    if (highest->hi_i != INT64_MAX)
        report_gap(lint, "N0303", highest, asy_lint_printf(lint, "%lld and more", (long long)highest->hi_i + 1));
    if (bands[0]->lo_i > 1)
        report_gap(lint, "N0303", bands[0], asy_lint_printf(lint, "%lld and less", (long long)bands[0]->lo_i - 1));
}

static uint32_t decimals_of(struct asy_str key)
{
    uint32_t best = 0;
    for (uint32_t k = 0; k < key.len; k++) {
        uint32_t n = 0;
        if (key.p[k] != '.')
            continue;
        while (k + 1 + n < key.len && key.p[k + 1 + n] >= '0' && key.p[k + 1 + n] <= '9')
            n++;
        best = n > best ? n : best;
    }
    return best;
}

static struct asy_str number_text(struct asy_lint *lint, double value)
{
    char text[32];
    uint32_t n = asy_format_f64(value, text);
    return asy_lint_printf(lint, "%.*s", (int)n, text);
}

/* Numbers between 9.99 and 10 are a gap on paper only, if two decimals is how the data is written: a note. */
static void check_number_gap(struct asy_lint *lint, const struct asy_line *below, const struct asy_line *above)
{
    uint32_t decimals = decimals_of(below->key), more = decimals_of(above->key);
    double unit = 1;
    for (uint32_t k = 0; k < (decimals > more ? decimals : more); k++)
        unit /= 10;
    bool is_wide = above->lo_d - below->hi_d > unit * 1.000001;
    struct asy_str lo = number_text(lint, below->hi_d), hi = number_text(lint, above->lo_d);
    report_gap(lint, is_wide ? "W0303" : "N0303", above,
               asy_lint_printf(lint, "numbers between %.*s and %.*s", ASY_ARG(lo), ASY_ARG(hi)));
}

static void check_number_bands(struct asy_lint *lint, const struct asy_line **bands, uint32_t n, bool has_otherwise)
{
    const struct asy_line *highest = bands[0];
    for (uint32_t k = 1; k < n; k++) {
        const struct asy_line *band = bands[k];
        if (!has_otherwise && band->lo_d > highest->hi_d)
            check_number_gap(lint, highest, band);
        if (band->hi_d > highest->hi_d)
            highest = band;
    }
    if (has_otherwise)
        return;
    struct asy_str hi = number_text(lint, highest->hi_d), lo = number_text(lint, bands[0]->lo_d);
    if (highest->hi_d < 1e300)
        report_gap(lint, "N0303", highest, asy_lint_printf(lint, "numbers above %.*s", ASY_ARG(hi)));
    if (bands[0]->lo_d > 1)
        report_gap(lint, "N0303", bands[0], asy_lint_printf(lint, "numbers below %.*s", ASY_ARG(lo)));
}

static void check_bands(struct asy_lint *lint, const struct asy_rule *rule, const struct asy_field *field)
{
    const struct asy_line **bands = asy_lint_alloc(lint, rule->n_lines, sizeof *bands);
    if (bands == NULL)
        return;
    uint32_t n = 0;
    for (uint32_t k = 0; k < rule->n_lines; k++)
        if (rule->lines[k].kind == ASY_LINE_RANGE || rule->lines[k].kind == ASY_LINE_VALUE)
            bands[n++] = &rule->lines[k];
    if (n == 0)
        return;
    qsort(bands, n, sizeof *bands, compare_bands);
    bool has_otherwise = line_of_kind(rule, ASY_LINE_OTHERWISE) != NULL;
    if (field->type == ASY_INT)
        check_int_bands(lint, bands, n, has_otherwise);
    else
        check_number_bands(lint, bands, n, has_otherwise);
}

/* -- all tables -------------------------------------------------------------------------------------------------- */

static void check_missing(struct asy_lint *lint, const struct asy_rule *rule, const struct asy_field *field)
{
    const struct asy_line *missing = line_of_kind(rule, ASY_LINE_MISSING);
    bool may_be_empty = asy_lint_may_be_empty(lint->rules, rule->field);
    struct asy_str none = {"", 0};
    if (missing == NULL && may_be_empty)
        asy_lint_report(lint, "W0332", "points-missing", rule->pos, rule->name.len,
                        asy_lint_printf(lint, "`%.*s` may be empty, and that adds 0: add `missing: 0` to say so",
                                        ASY_ARG(field->name)),
                        none);
    if (missing != NULL && !may_be_empty)
        asy_lint_report(lint, "N0349", "line-idle", missing->pos, missing->key.len,
                        asy_lint_printf(lint, "`missing` is never used: `%.*s` is never empty", ASY_ARG(field->name)), none);
}

static void check_table(struct asy_lint *lint, const struct asy_rule *rule)
{
    const struct asy_field *field = &lint->rules->schema.fields[rule->field];
    if (field->type == ASY_INT || field->type == ASY_NUMBER)
        check_bands(lint, rule, field);
    else if (value_count(field) > 0)
        check_choice(lint, rule, field);
    else if (line_of_kind(rule, ASY_LINE_OTHERWISE) == NULL)
        asy_lint_report(lint, "W0331", "points-otherwise", rule->pos, rule->name.len,
                        asy_lint_printf(lint, "any other text in `%.*s` adds 0: add `otherwise: 0` to say so",
                                        ASY_ARG(field->name)),
                        (struct asy_str){"", 0});
    check_missing(lint, rule, field);
    for (uint32_t k = 0; k < rule->n_lines; k++)
        if (rule->lines[k].kind == ASY_LINE_LIST)
            asy_lint_list_values(lint, rule->lines[k].list, rule->field);
}

void asy_lint_tables(struct asy_lint *lint)
{
    const struct asy_rules *rules = lint->rules;
    for (uint32_t s = 0; s < rules->n_scores; s++)
        for (uint32_t k = 0; k < rules->scores[s].n_rules; k++)
            if (rules->scores[s].rules[k].kind == ASY_RULE_TABLE)
                check_table(lint, &rules->scores[s].rules[k]);
    for (uint32_t t = 0; t < rules->n_territories; t++)
        for (uint32_t k = 0; k < rules->territories[t].n_lines; k++)
            if (rules->territories[t].lines[k].kind == ASY_LINE_LIST && rules->territory_field != ASY_NONE)
                asy_lint_list_values(lint, rules->territories[t].lines[k].list, rules->territory_field);
}
