/* Condition language: what every operation means, on values. Whoever evaluates a condition - a row or a batch at a time, or
 * while compiling - ends here, so there is one meaning. Out of range, divided by zero, of the wrong type: unknown. */
#include "base/regex.h"
#include "base/time.h"

#include <math.h>
#include <stdio.h>

#include "rule/cel_internal.h"

#define NS_PER_S 1000000000LL

bool asy_cel_set_has(const struct asy_cel_set *set, struct asy_str text)
{
    uint32_t lo = 0, hi = set->n;
    while (lo < hi) {
        uint32_t middle = lo + (hi - lo) / 2;
        int order = asy_str_cmp(set->items[middle], text);
        if (order == 0)
            return true;
        if (order < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return false;
}

/* Kleene: `absorbing` decides whatever the rest is. Running out of memory is not a truth value: it is passed on. */
static struct asy_cel_value kleene(const struct asy_cel_value *args, uint32_t n, bool absorbing)
{
    bool is_known = true, is_decided = false;
    for (uint32_t i = 0; i < n; i++) {
        if (args[i].type == ASY_CEL_UNKNOWN && args[i].nanos != 0)
            return args[i];
        if (args[i].type != ASY_CEL_BOOL)
            is_known = false;
        else if (args[i].b == absorbing)
            is_decided = true;
    }
    return is_decided ? asy_cel_bool(absorbing) : is_known ? asy_cel_bool(!absorbing) : asy_cel_unknown();
}

struct asy_cel_value asy_cel_and(const struct asy_cel_value *args, uint32_t n)
{
    return kleene(args, n, false);
}

struct asy_cel_value asy_cel_or(const struct asy_cel_value *args, uint32_t n)
{
    return kleene(args, n, true);
}

/* -- comparison */

enum order { LESS = -1, SAME = 0, MORE = 1, NONE = 2 /* NaN */, APART = 3 /* types that do not compare */ };

static enum order order_i64(int64_t a, int64_t b)
{
    return a < b ? LESS : a > b ? MORE : SAME;
}

static enum order order_f64(double a, double b)
{
    return a < b ? LESS : a > b ? MORE : a == b ? SAME : NONE;
}

static enum order reverse(enum order order)
{
    return order == LESS ? MORE : order == MORE ? LESS : order;
}

/* A double outside the range of ints decides; inside it the int is compared as a double, at the cost of its low bits
 * (cel-spec, comparisons.textproto: 9223372036854775807 is not less than 9223372036854775808.0). */
static enum order order_mixed(int64_t a, double b)
{
    if (b < -0x1p63)
        return MORE;
    if (b > 0x1p63)
        return LESS;
    return order_f64((double)a, b);
}

static enum order order_of(struct asy_cel_value a, struct asy_cel_value b)
{
    if (a.type == ASY_CEL_INT && b.type == ASY_CEL_DOUBLE)
        return order_mixed(a.i, b.d);
    if (a.type == ASY_CEL_DOUBLE && b.type == ASY_CEL_INT)
        return reverse(order_mixed(b.i, a.d));
    if (a.type != b.type)
        return APART;
    switch (a.type) {
    case ASY_CEL_BOOL:
        return order_i64(a.b, b.b);
    case ASY_CEL_INT:
    case ASY_CEL_DURATION:
        return order_i64(a.i, b.i);
    case ASY_CEL_DOUBLE:
        return order_f64(a.d, b.d);
    case ASY_CEL_STRING: {
        int order = asy_str_cmp(a.s, b.s);
        return order < 0 ? LESS : order > 0 ? MORE : SAME;
    }
    case ASY_CEL_TIME:
        return a.i != b.i ? order_i64(a.i, b.i) : order_i64(a.nanos, b.nanos);
    case ASY_CEL_NULL:
        return SAME;
    default:
        return APART;
    }
}

static struct asy_cel_value first_unknown(const struct asy_cel_value *args, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (args[i].type == ASY_CEL_UNKNOWN && args[i].nanos != 0)
            return args[i];
    return asy_cel_unknown();
}

struct asy_cel_value asy_cel_equal(struct asy_cel_value a, struct asy_cel_value b)
{
    if (a.type == ASY_CEL_UNKNOWN || b.type == ASY_CEL_UNKNOWN)
        return first_unknown((const struct asy_cel_value[]){a, b}, 2);
    return asy_cel_bool(order_of(a, b) == SAME);
}

static struct asy_cel_value ordered(uint8_t op, struct asy_cel_value a, struct asy_cel_value b)
{
    enum order order = order_of(a, b);
    if (order == APART)
        return asy_cel_unknown();
    switch (op) {
    case ASY_CEL_LT:
        return asy_cel_bool(order == LESS);
    case ASY_CEL_LE:
        return asy_cel_bool(order == LESS || order == SAME);
    case ASY_CEL_GT:
        return asy_cel_bool(order == MORE);
    default:
        return asy_cel_bool(order == MORE || order == SAME);
    }
}

/* A list is made before it is searched: an unknown item makes all of it unknown. */
static struct asy_cel_value is_in(const struct asy_cel_value *args, uint32_t n)
{
    bool is_found = false;
    for (uint32_t i = 0; i < n; i++)
        if (args[i].type == ASY_CEL_UNKNOWN)
            return first_unknown(args, n);
    for (uint32_t i = 1; i < n && !is_found; i++)
        is_found = order_of(args[0], args[i]) == SAME;
    return asy_cel_bool(is_found);
}

/* -- arithmetic */

static struct asy_cel_value arithmetic_int(uint8_t op, int64_t a, int64_t b)
{
    int64_t result = 0;
    bool is_bad = false;
    switch (op) {
    case ASY_CEL_ADD:
        is_bad = __builtin_add_overflow(a, b, &result);
        break;
    case ASY_CEL_SUB:
        is_bad = __builtin_sub_overflow(a, b, &result);
        break;
    case ASY_CEL_MUL:
        is_bad = __builtin_mul_overflow(a, b, &result);
        break;
    default: /* DIV, MOD: towards zero */
        is_bad = b == 0 || (a == INT64_MIN && b == -1);
        if (!is_bad)
            result = op == ASY_CEL_DIV ? a / b : a % b;
        break;
    }
    return is_bad ? asy_cel_unknown() : asy_cel_int(result);
}

/* IEEE: 1.0 / 0.0 is infinity. */
static struct asy_cel_value arithmetic_double(uint8_t op, double a, double b)
{
    double d;
    switch (op) {
    case ASY_CEL_ADD:
        d = a + b;
        break;
    case ASY_CEL_SUB:
        d = a - b;
        break;
    case ASY_CEL_MUL:
        d = a * b;
        break;
    case ASY_CEL_DIV:
        d = a / b;
        break;
    default:
        return asy_cel_unknown();
    }
    return (struct asy_cel_value){.type = ASY_CEL_DOUBLE, .d = d};
}

static asy_cel_wide to_ns(struct asy_cel_value v)
{
    return v.type == ASY_CEL_TIME ? (asy_cel_wide)v.i * NS_PER_S + v.nanos : v.i;
}

/* Times and durations: the sum or difference in nanoseconds, as a `type` if it fits one. */
static struct asy_cel_value arithmetic_time(uint8_t op, uint8_t type, struct asy_cel_value a, struct asy_cel_value b)
{
    asy_cel_wide ns = op == ASY_CEL_ADD ? to_ns(a) + to_ns(b) : to_ns(a) - to_ns(b);
    if (type == ASY_CEL_DURATION) {
        if (ns < INT64_MIN || ns > INT64_MAX)
            return asy_cel_unknown();
        return (struct asy_cel_value){.type = ASY_CEL_DURATION, .i = (int64_t)ns};
    }
    asy_cel_wide s = ns / NS_PER_S;
    if (ns % NS_PER_S < 0)
        s--;
    if (s < ASY_TIME_MIN_S || s > ASY_TIME_MAX_S)
        return asy_cel_unknown();
    return (struct asy_cel_value){.type = ASY_CEL_TIME, .i = (int64_t)s, .nanos = (uint32_t)(ns - s * NS_PER_S)};
}

static struct asy_cel_value concatenate(struct asy_str a, struct asy_str b, struct asy_pool *scratch)
{
    uint64_t len = (uint64_t)a.len + b.len;
    if (a.len == 0 || b.len == 0)
        return (struct asy_cel_value){.type = ASY_CEL_STRING, .s = a.len == 0 ? b : a};
    if (len > ASY_CEL_MAX_TEXT_BYTES)
        return asy_cel_unknown();
    char *p = asy_pool_alloc(scratch, (size_t)len);
    if (p == NULL)
        return asy_cel_no_memory();
    memcpy(p, a.p, a.len);
    memcpy(p + a.len, b.p, b.len);
    return (struct asy_cel_value){.type = ASY_CEL_STRING, .s = {p, (uint32_t)len}};
}

static struct asy_cel_value arithmetic(uint8_t op, struct asy_cel_value a, struct asy_cel_value b, struct asy_pool *scratch)
{
    if (a.type == ASY_CEL_INT && b.type == ASY_CEL_INT)
        return arithmetic_int(op, a.i, b.i);
    if (a.type == ASY_CEL_DOUBLE && b.type == ASY_CEL_DOUBLE)
        return arithmetic_double(op, a.d, b.d);
    if (op != ASY_CEL_ADD && op != ASY_CEL_SUB)
        return asy_cel_unknown();
    bool is_add = op == ASY_CEL_ADD;
    if (is_add && a.type == ASY_CEL_STRING && b.type == ASY_CEL_STRING)
        return concatenate(a.s, b.s, scratch);
    bool a_time = a.type == ASY_CEL_TIME, b_time = b.type == ASY_CEL_TIME;
    if ((!a_time && a.type != ASY_CEL_DURATION) || (!b_time && b.type != ASY_CEL_DURATION))
        return asy_cel_unknown();
    if (a_time && b_time)
        return is_add ? asy_cel_unknown() : arithmetic_time(op, ASY_CEL_DURATION, a, b);
    if (!a_time && b_time && !is_add)
        return asy_cel_unknown();
    return arithmetic_time(op, a_time || b_time ? ASY_CEL_TIME : ASY_CEL_DURATION, a, b);
}

static struct asy_cel_value negate(struct asy_cel_value v)
{
    if (v.type == ASY_CEL_DOUBLE)
        v.d = -v.d;
    else if ((v.type != ASY_CEL_INT && v.type != ASY_CEL_DURATION) || v.i == INT64_MIN)
        return asy_cel_unknown();
    else
        v.i = -v.i;
    return v;
}

/* -- conversions */

static struct asy_cel_value to_int(struct asy_cel_value v)
{
    int64_t i;
    switch (v.type) {
    case ASY_CEL_INT:
        return v;
    case ASY_CEL_TIME:
        return asy_cel_int(v.i);
    case ASY_CEL_STRING:
        return asy_parse_i64(v.s, &i) ? asy_cel_int(i) : asy_cel_unknown();
    case ASY_CEL_DOUBLE: /* both ends are excluded (conversions.textproto); NaN fails either test */
        return v.d > -0x1p63 && v.d < 0x1p63 ? asy_cel_int((int64_t)v.d) : asy_cel_unknown();
    default:
        return asy_cel_unknown();
    }
}

static struct asy_cel_value to_double(struct asy_cel_value v)
{
    double d;
    switch (v.type) {
    case ASY_CEL_DOUBLE:
        return v;
    case ASY_CEL_INT:
        d = (double)v.i;
        break;
    case ASY_CEL_STRING: /* what string(double) writes reads back */
        if (asy_str_is(v.s, "NaN"))
            d = NAN;
        else if (asy_str_is(v.s, "Infinity"))
            d = INFINITY;
        else if (asy_str_is(v.s, "-Infinity"))
            d = -INFINITY;
        else if (!asy_parse_f64(v.s, &d))
            return asy_cel_unknown();
        break;
    default:
        return asy_cel_unknown();
    }
    return (struct asy_cel_value){.type = ASY_CEL_DOUBLE, .d = d};
}

static struct asy_cel_value to_string(struct asy_cel_value v, struct asy_pool *scratch)
{
    char text[40];
    uint32_t len = 0;
    switch (v.type) {
    case ASY_CEL_STRING:
        return v;
    case ASY_CEL_BOOL:
        return (struct asy_cel_value){.type = ASY_CEL_STRING, .s = v.b ? ASY_STR("true") : ASY_STR("false")};
    case ASY_CEL_INT:
        len = (uint32_t)snprintf(text, sizeof text, "%lld", (long long)v.i);
        break;
    case ASY_CEL_DOUBLE:
        len = asy_format_f64(v.d, text);
        break;
    case ASY_CEL_TIME:
        len = asy_cel_time_format(v, text);
        break;
    case ASY_CEL_DURATION:
        len = asy_cel_duration_format(v.i, text);
        break;
    default:
        return asy_cel_unknown();
    }
    struct asy_str copy = asy_pool_copy(scratch, (struct asy_str){text, len});
    if (copy.p == NULL)
        return asy_cel_no_memory();
    return (struct asy_cel_value){.type = ASY_CEL_STRING, .s = copy};
}

static struct asy_cel_value to_bool(struct asy_cel_value v)
{
    static const char *const words[2][5] = {{"0", "f", "false", "FALSE", "False"}, {"1", "t", "true", "TRUE", "True"}};
    if (v.type == ASY_CEL_BOOL)
        return v;
    if (v.type == ASY_CEL_STRING)
        for (int b = 0; b < 2; b++)
            for (int i = 0; i < 5; i++)
                if (asy_str_is(v.s, words[b][i]))
                    return asy_cel_bool(b != 0);
    return asy_cel_unknown();
}

static struct asy_cel_value to_time(struct asy_cel_value v)
{
    struct asy_cel_value time;
    switch (v.type) {
    case ASY_CEL_TIME:
        return v;
    case ASY_CEL_INT:
        return asy_cel_time_valid(v.i) ? (struct asy_cel_value){.type = ASY_CEL_TIME, .i = v.i} : asy_cel_unknown();
    case ASY_CEL_STRING:
        return asy_cel_time_parse(v.s, &time) ? time : asy_cel_unknown();
    default:
        return asy_cel_unknown();
    }
}

static struct asy_cel_value to_duration(struct asy_cel_value v)
{
    int64_t ns;
    if (v.type == ASY_CEL_DURATION)
        return v;
    if (v.type != ASY_CEL_STRING || !asy_cel_duration_parse(v.s, &ns))
        return asy_cel_unknown();
    return (struct asy_cel_value){.type = ASY_CEL_DURATION, .i = ns};
}

/* -- functions */

static struct asy_cel_value on_text(const struct asy_cel_node *node, struct asy_cel_value text, struct asy_cel_value other)
{
    if (text.type != ASY_CEL_STRING || other.type != ASY_CEL_STRING)
        return asy_cel_unknown();
    switch (node->op) {
    case ASY_CEL_STARTS_WITH:
        return asy_cel_bool(asy_str_starts(text.s, other.s));
    case ASY_CEL_ENDS_WITH:
        return asy_cel_bool(asy_str_ends(text.s, other.s));
    case ASY_CEL_CONTAINS:
        return asy_cel_bool(asy_str_find(text.s, other.s) >= 0);
    default:
        break;
    }
    if (node->regex != NULL)
        return asy_cel_bool(asy_regex_search(node->regex, text.s));
    char problem[64];
    struct asy_regex *regex = asy_regex_new(other.s, problem, sizeof problem);
    if (regex == NULL)
        return asy_cel_unknown();
    bool is_found = asy_regex_search(regex, text.s);
    asy_regex_free(regex);
    return asy_cel_bool(is_found);
}

static struct asy_cel_value days_since(struct asy_cel_value time, struct asy_cel_value now)
{
    if (time.type != ASY_CEL_TIME || now.type != ASY_CEL_TIME)
        return asy_cel_unknown();
    int64_t s = now.i - time.i - (now.nanos < time.nanos ? 1 : 0);
    return asy_cel_int(s >= 0 ? s / ASY_DAY_S : -((ASY_DAY_S - 1 - s) / ASY_DAY_S));
}

static struct asy_cel_value time_part(const struct asy_cel_node *node, const struct asy_cel_value *args, uint32_t n,
                                      struct asy_pool *scratch)
{
    const struct asy_zone *zone = node->zone;
    if (n > 1 && (args[1].type != ASY_CEL_STRING || args[0].type != ASY_CEL_TIME))
        return asy_cel_unknown();
    if (n > 1 && zone == NULL) {
        const char *problem;
        zone = asy_cel_zone_load(scratch, args[1].s, &problem);
        if (zone == NULL)
            return asy_cel_unknown();
    }
    return asy_cel_time_part(node->op, args[0], zone);
}

/* Operations that have no answer for an empty value. */
static struct asy_cel_value apply_filled(const struct asy_cel_node *node, const struct asy_cel_value *args, uint32_t n,
                                         struct asy_pool *scratch)
{
    switch (node->op) {
    case ASY_CEL_NOT:
        return args[0].type == ASY_CEL_BOOL ? asy_cel_bool(!args[0].b) : asy_cel_unknown();
    case ASY_CEL_LT:
    case ASY_CEL_LE:
    case ASY_CEL_GT:
    case ASY_CEL_GE:
        return ordered(node->op, args[0], args[1]);
    case ASY_CEL_ADD:
    case ASY_CEL_SUB:
    case ASY_CEL_MUL:
    case ASY_CEL_DIV:
    case ASY_CEL_MOD:
        return arithmetic(node->op, args[0], args[1], scratch);
    case ASY_CEL_NEG:
        return negate(args[0]);
    case ASY_CEL_SIZE:
        return args[0].type == ASY_CEL_STRING ? asy_cel_int(asy_utf8_length(args[0].s)) : asy_cel_unknown();
    case ASY_CEL_STARTS_WITH:
    case ASY_CEL_ENDS_WITH:
    case ASY_CEL_CONTAINS:
    case ASY_CEL_MATCHES:
        return on_text(node, args[0], args[1]);
    case ASY_CEL_TO_INT:
        return to_int(args[0]);
    case ASY_CEL_TO_DOUBLE:
        return to_double(args[0]);
    case ASY_CEL_TO_STRING:
        return to_string(args[0], scratch);
    case ASY_CEL_TO_BOOL:
        return to_bool(args[0]);
    case ASY_CEL_TO_TIME:
        return to_time(args[0]);
    case ASY_CEL_TO_DURATION:
        return to_duration(args[0]);
    case ASY_CEL_DAYS_SINCE:
        return days_since(args[0], args[1]);
    default:
        return node->op >= ASY_CEL_GET_FULL_YEAR && node->op <= ASY_CEL_GET_MILLISECONDS ? time_part(node, args, n, scratch)
                                                                                         : asy_cel_unknown();
    }
}

struct asy_cel_value asy_cel_apply(const struct asy_cel_node *node, const struct asy_cel_value *args, uint32_t n,
                                   struct asy_pool *scratch)
{
    struct asy_cel_value result;
    switch (node->op) {
    case ASY_CEL_EQ:
        return asy_cel_equal(args[0], args[1]);
    case ASY_CEL_NE:
        result = asy_cel_equal(args[0], args[1]);
        if (result.type == ASY_CEL_BOOL)
            result.b = !result.b;
        return result;
    case ASY_CEL_IN:
        return is_in(args, n);
    case ASY_CEL_IN_SET:
        if (args[0].type == ASY_CEL_UNKNOWN)
            return args[0];
        return asy_cel_bool(args[0].type == ASY_CEL_STRING && asy_cel_set_has(node->set, args[0].s));
    case ASY_CEL_HAS:
        return args[0].type == ASY_CEL_UNKNOWN ? args[0] : asy_cel_bool(args[0].type != ASY_CEL_NULL);
    case ASY_CEL_TO_DYN:
        return args[0];
    default:
        break;
    }
    for (uint32_t i = 0; i < n; i++)
        if (args[i].type == ASY_CEL_UNKNOWN || args[i].type == ASY_CEL_NULL)
            return first_unknown(args, n);
    return apply_filled(node, args, n, scratch);
}
