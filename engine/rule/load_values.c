/* Typed scalars of rule files: numbers, percents, lengths of time, ranges. YAML leaves them text; here they get a meaning. */
#include "base/time.h"
#include "rule/load_internal.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum asy_number_read asy_load_read_milli(struct asy_str s, int64_t *out)
{
    uint32_t at = s.len && (s.p[0] == '+' || s.p[0] == '-') ? 1 : 0;
    const uint32_t first = at;
    int64_t value = 0;
    for (; at < s.len && is_digit(s.p[at]); at++)
        if (value <= ASY_POINTS_MAX_MILLI)
            value = value * 10 + (s.p[at] - '0');
    if (at == first)
        return ASY_READ_BAD;
    uint32_t decimals = 0;
    bool is_too_fine = false;
    if (at < s.len && s.p[at] == '.') {
        at++;
        if (at == s.len)
            return ASY_READ_BAD;
        for (; at < s.len && is_digit(s.p[at]); at++) {
            if (decimals == 3) {
                is_too_fine |= s.p[at] != '0';
                continue;
            }
            decimals++;
            if (value <= ASY_POINTS_MAX_MILLI)
                value = value * 10 + (s.p[at] - '0');
        }
    }
    if (at != s.len)
        return ASY_READ_BAD;
    if (is_too_fine)
        return ASY_READ_TOO_FINE;
    for (; decimals < 3 && value <= ASY_POINTS_MAX_MILLI; decimals++)
        value *= 10;
    if (value > ASY_POINTS_MAX_MILLI)
        return ASY_READ_TOO_LARGE;
    *out = s.p[0] == '-' ? -value : value;
    return ASY_READ_OK;
}

bool asy_load_read_duration(struct asy_str s, int64_t *out_s)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'w', 7 * ASY_DAY_S}, {'d', ASY_DAY_S}, {'h', 3600}, {'m', 60}, {'s', 1}};
    int64_t n;
    if (s.len < 2 || s.len > 12 || !is_digit(s.p[0]) || !asy_parse_i64((struct asy_str){s.p, s.len - 1}, &n))
        return false;
    for (uint32_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (s.p[s.len - 1] == units[i].letter) {
            *out_s = n * units[i].seconds;
            return true;
        }
    }
    return false;
}

static bool tell_value(struct asy_loader *l, const struct asy_yaml *node, const char *what, const char *expected)
{
    asy_load_tell(l, "E0124", "bad-value", node, "%s: expected %s, found %s", what, expected, asy_load_found(l, node));
    return false;
}

/* A scalar with text; else reported with what is expected. Bad and missing nodes are passed over. */
static bool is_value(struct asy_loader *l, const struct asy_yaml *node, const char *what, const char *expected)
{
    if (!node || node->is_bad)
        return false;
    if (node->kind == ASY_YAML_SCALAR && node->text.len)
        return true;
    return tell_value(l, node, what, expected);
}

bool asy_load_points(struct asy_loader *l, const struct asy_yaml *node, const char *what, int64_t *out_milli)
{
    static const char expected[] = "a number such as +25, -10 or 2.5";
    if (!is_value(l, node, what, expected))
        return false;
    switch (asy_load_read_milli(node->text, out_milli)) {
    case ASY_READ_OK:
        return true;
    case ASY_READ_TOO_FINE:
        return tell_value(l, node, what, "at most three decimals");
    case ASY_READ_TOO_LARGE:
        return tell_value(l, node, what, "a number from -1000000 to 1000000");
    default:
        return tell_value(l, node, what, expected);
    }
}

bool asy_load_duration(struct asy_loader *l, const struct asy_yaml *node, const char *what, int64_t *out_s)
{
    static const char expected[] = "a length of time such as 30d, 12h, 90m, 45s or 2w";
    if (!is_value(l, node, what, expected))
        return false;
    if (!asy_load_read_duration(node->text, out_s))
        return tell_value(l, node, what, expected);
    if (*out_s <= 0 || *out_s > 36525LL * ASY_DAY_S)
        return tell_value(l, node, what, "a length of time above 0 and up to 36525d (100 years)");
    return true;
}

bool asy_load_percent(struct asy_loader *l, const struct asy_yaml *node, const char *what, uint32_t *out_share)
{
    static const char expected[] = "a percentage from 0% to 100%, such as 50%";
    if (!is_value(l, node, what, expected))
        return false;
    int64_t milli;
    const struct asy_str s = node->text;
    if (s.p[s.len - 1] != '%' || asy_load_read_milli((struct asy_str){s.p, s.len - 1}, &milli) != ASY_READ_OK || milli < 0 ||
        milli > ASY_SHARE_ONE)
        return tell_value(l, node, what, expected);
    *out_share = (uint32_t)milli;
    return true;
}

bool asy_load_count(struct asy_loader *l, const struct asy_yaml *node, const char *what, uint32_t lo, uint32_t hi, uint32_t *out)
{
    int64_t n;
    const struct asy_str expected = asy_pool_printf(&l->diags->pool, "a whole number from %u to %u", lo, hi);
    if (!is_value(l, node, what, expected.p ? expected.p : "a whole number"))
        return false;
    if (!asy_parse_i64(node->text, &n) || n < lo || n > hi)
        return tell_value(l, node, what, expected.p ? expected.p : "a whole number");
    *out = (uint32_t)n;
    return true;
}

bool asy_load_interval(struct asy_loader *l, const struct asy_yaml *node, const char *what, int64_t *lo_milli, int64_t *hi_milli)
{
    static const char expected[] = "two numbers, the lower first, as in 0..100";
    if (!is_value(l, node, what, expected))
        return false;
    const struct asy_str s = node->text;
    const int64_t dots = asy_str_find(s, ASY_STR(".."));
    if (dots < 0)
        return tell_value(l, node, what, expected);
    const struct asy_str lo = asy_str_trim((struct asy_str){s.p, (uint32_t)dots});
    const struct asy_str hi = asy_str_trim((struct asy_str){s.p + dots + 2, s.len - (uint32_t)dots - 2});
    const enum asy_number_read lo_read = asy_load_read_milli(lo, lo_milli), hi_read = asy_load_read_milli(hi, hi_milli);
    if (lo_read == ASY_READ_BAD || hi_read == ASY_READ_BAD)
        return tell_value(l, node, what, expected);
    if (lo_read == ASY_READ_TOO_LARGE || hi_read == ASY_READ_TOO_LARGE)
        return tell_value(l, node, what, "numbers from -1000000 to 1000000");
    if (lo_read == ASY_READ_TOO_FINE || hi_read == ASY_READ_TOO_FINE)
        return tell_value(l, node, what, "at most three decimals");
    return *lo_milli < *hi_milli || tell_value(l, node, what, expected);
}

bool asy_load_is_one_of(struct asy_loader *l, const struct asy_yaml *node, const char *what, const char *const *known, uint32_t n)
{
    struct asy_str names[16];
    if (!asy_load_is_text(l, node, what))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        names[i] = asy_str_of(known[i]);
        if (asy_str_eq(names[i], node->text))
            return true;
    }
    const char *hint = asy_load_hint(l, node->text, names, n);
    asy_load_tell(l, "E0124", "bad-value", node, "%s: expected one of %s, found `%.*s`%s", what, asy_load_join(l, names, n, n),
                  ASY_ARG(node->text), hint);
    return false;
}

/* Bytes of a plain number at the start of `s`, 0 if there is none. */
static uint32_t number_length(struct asy_str s)
{
    uint32_t at = s.len && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
    const uint32_t first = at;
    while (at < s.len && is_digit(s.p[at]))
        at++;
    if (at == first)
        return 0;
    if (at + 1 < s.len && s.p[at] == '.' && is_digit(s.p[at + 1])) {
        at++;
        while (at < s.len && is_digit(s.p[at]))
            at++;
    }
    return at;
}

bool asy_load_split_range(struct asy_str s, struct asy_str *lo, struct asy_str *hi, bool *is_open)
{
    *is_open = false;
    const uint32_t n = number_length(s);
    *lo = (struct asy_str){s.p, n};
    *hi = *lo;
    if (n == 0)
        return false;
    struct asy_str rest = asy_str_trim((struct asy_str){s.p + n, s.len - n});
    if (rest.len == 0)
        return true;
    if (asy_str_is(rest, "+")) {
        *is_open = true;
        return true;
    }
    if (rest.p[0] != '-')
        return false;
    *hi = asy_str_trim((struct asy_str){rest.p + 1, rest.len - 1});
    return hi->len > 0 && number_length(*hi) == hi->len;
}

/* The next word of `s` from *at. */
static struct asy_str next_word(struct asy_str s, uint32_t *at)
{
    while (*at < s.len && s.p[*at] == ' ')
        ++*at;
    const uint32_t from = *at;
    while (*at < s.len && s.p[*at] != ' ')
        ++*at;
    return (struct asy_str){s.p + from, *at - from};
}

bool asy_load_rate(struct asy_str s, uint32_t *n, struct asy_str *thing, struct asy_str *period)
{
    uint32_t at = 0;
    int64_t count;
    const struct asy_str number = next_word(s, &at);
    if (!asy_parse_i64(number, &count) || count < 1 || count > 1000000)
        return false;
    *n = (uint32_t)count;
    *thing = ASY_STR("");
    struct asy_str word = next_word(s, &at);
    if (!asy_str_is(word, "per")) {
        *thing = word;
        word = next_word(s, &at);
    }
    *period = next_word(s, &at);
    return asy_str_is(word, "per") && period->len && next_word(s, &at).len == 0;
}

bool asy_load_next_part(struct asy_str s, uint32_t *at, struct asy_str *part, uint32_t *offset)
{
    if (*at > s.len)
        return false;
    uint32_t end = *at;
    while (end < s.len && s.p[end] != ',')
        end++;
    *part = asy_str_trim((struct asy_str){s.p + *at, end - *at});
    *offset = part->len ? (uint32_t)(part->p - s.p) : *at;
    *at = end + 1;
    return true;
}
