/* Numbers as text, see text.h. Nothing here looks at the locale: strtod and printf are only used in ways in which the
 * decimal point does not take part. */
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool asy_parse_i64(struct asy_str s, int64_t *out)
{
    uint32_t i = 0;
    bool negative = s.len && s.p[0] == '-';
    if (s.len && (s.p[0] == '-' || s.p[0] == '+'))
        i = 1;
    if (i == s.len)
        return false;
    /* Counted downwards: the least number has no positive twin. */
    int64_t value = 0;
    for (; i < s.len; i++) {
        if (!is_digit(s.p[i]) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, s.p[i] - '0', &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow(0, value, &value))
        return false;
    *out = value;
    return true;
}

/* No double lies between two decimals that first differ after this many digits, unless one of them ends there: the
 * longest exact decimal of a midpoint between doubles has 768 significant digits. What follows only matters as "some
 * digit is not 0". */
enum { DIGITS_MAX = 800 };

/* The number 0.d1d2d3... x 10^point, sign apart. */
struct decimal {
    char digits[DIGITS_MAX + 24]; /* room for "e-400" after them */
    uint32_t n;                   /* digits kept, without leading zeros */
    bool has_more;                /* a digit that was not kept is not 0 */
    uint64_t head;                /* the first 19 of them as a number */
    int64_t point;
};

static void take_digit(struct decimal *decimal, char digit)
{
    if (decimal->n == 0 && digit == '0')
        return;
    if (decimal->n == DIGITS_MAX) {
        decimal->has_more |= digit != '0';
        return;
    }
    if (decimal->n < 19)
        decimal->head = decimal->head * 10 + (uint64_t)(digit - '0');
    decimal->digits[decimal->n++] = digit;
}

/* Reads [+-]digits[.digits][e[+-]digits], whole text; digits on one side of the point are enough (".5", "5."). */
static bool read_decimal(struct asy_str s, bool *negative, struct decimal *decimal)
{
    const char *p = s.p, *end = s.p + s.len;
    *negative = false;
    decimal->n = 0;
    decimal->has_more = false;
    decimal->head = 0;
    decimal->point = 0;
    if (p < end && (*p == '+' || *p == '-'))
        *negative = *p++ == '-';

    const char *start = p;
    uint32_t n_digits = 0;
    for (; p < end && is_digit(*p); p++, n_digits++) {
        take_digit(decimal, *p);
        decimal->point += decimal->n > 0;
    }
    if (p < end && *p == '.') {
        for (p++; p < end && is_digit(*p); p++, n_digits++) {
            take_digit(decimal, *p);
            decimal->point -= decimal->n == 0;
        }
    }
    if (n_digits == 0)
        return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        bool down = p < end && *p == '-';
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        start = p;
        int64_t exponent = 0;
        /* Beyond the longest text (4 GiB of digits) more exponent changes nothing. */
        for (; p < end && is_digit(*p); p++)
            if (exponent < 1000000000000)
                exponent = exponent * 10 + (*p - '0');
        if (p == start)
            return false;
        decimal->point += down ? -exponent : exponent;
    }
    return p == end;
}

bool asy_parse_f64(struct asy_str s, double *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct decimal decimal;
    bool negative;
    if (s.len == 0 || !read_decimal(s, &negative, &decimal))
        return false;
    double value;
    int64_t exponent = decimal.point - decimal.n;
    if (decimal.n == 0 || decimal.point < -400) {
        value = 0;
    } else if (decimal.point > 310) {
        return false;
    } else if (decimal.n <= 15 && exponent >= -22 && exponent <= 22) {
        /* Both factors are exact, so one operation rounds once (Clinger, "How to Read Floating Point Numbers
         * Accurately", 1990). */
        value = exponent < 0 ? (double)decimal.head / powers[-exponent] : (double)decimal.head * powers[exponent];
    } else {
        if (decimal.has_more) {
            decimal.digits[decimal.n++] = '1';
            exponent--;
        }
        snprintf(decimal.digits + decimal.n, sizeof decimal.digits - decimal.n, "e%d", (int)exponent);
        value = strtod(decimal.digits, NULL);
        if (isinf(value))
            return false;
    }
    *out = negative ? -value : value;
    return true;
}

/* ---- writing ---- */

/* The significant digits of a positive number and its decimal exponent: d.ddd x 10^exponent. */
struct shortest {
    char digits[20];
    int32_t n;
    int32_t exponent;
};

static void round_to(double value, int32_t n_digits, struct shortest *out)
{
    char text[40];
    snprintf(text, sizeof text, "%.*e", (int)n_digits - 1, value);
    const char *p = text;
    out->n = 0;
    for (; *p != 'e'; p++)
        if (is_digit(*p))
            out->digits[out->n++] = *p;
    out->exponent = (int32_t)strtol(p + 1, NULL, 10);
}

static bool reads_back(const struct shortest *number, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.*se%d", (int)number->n, number->digits, number->exponent - number->n + 1);
    return strtod(text, NULL) == value;
}

static void step_up(struct shortest *number)
{
    int32_t i = number->n - 1;
    while (i >= 0 && number->digits[i] == '9')
        number->digits[i--] = '0';
    if (i >= 0) {
        number->digits[i]++;
    } else {
        number->digits[0] = '1';
        number->exponent++;
    }
}

static struct shortest shortest_digits(double value)
{
    struct shortest number;
    int binary_exponent;
    /* Below a power of two doubles lie twice as dense as above it: the nearest decimal may miss it from below while the
     * next one above still reads back. */
    bool is_power_of_two = frexp(value, &binary_exponent) == 0.5;
    /* Every decimal of 15 digits survives the way through a normal double, so 15 digits show any shorter one. */
    int32_t n_digits = value >= 0x1p-1022 ? 15 : 1;
    for (;; n_digits++) {
        round_to(value, n_digits, &number);
        if (n_digits >= 17 || reads_back(&number, value))
            break;
        if (is_power_of_two) {
            step_up(&number);
            if (reads_back(&number, value))
                break;
        }
    }
    while (number.n > 1 && number.digits[number.n - 1] == '0')
        number.n--;
    return number;
}

static uint32_t write_number(char *out, const struct shortest *number)
{
    char *p = out;
    int32_t exponent = number->exponent, n = number->n;
    if (exponent < -4 || exponent >= 21) {
        *p++ = number->digits[0];
        if (n > 1) {
            *p++ = '.';
            memcpy(p, number->digits + 1, (size_t)n - 1);
            p += n - 1;
        }
        p += snprintf(p, 8, "e%c%02d", exponent < 0 ? '-' : '+', exponent < 0 ? -exponent : exponent);
        return (uint32_t)(p - out);
    }
    if (exponent < 0) {
        *p++ = '0';
        *p++ = '.';
        for (int32_t i = exponent + 1; i < 0; i++)
            *p++ = '0';
        memcpy(p, number->digits, (size_t)n);
        return (uint32_t)(p + n - out);
    }
    for (int32_t i = 0; i <= exponent; i++)
        *p++ = i < n ? number->digits[i] : '0';
    if (n > exponent + 1) {
        *p++ = '.';
        memcpy(p, number->digits + exponent + 1, (size_t)(n - exponent - 1));
        p += n - exponent - 1;
    }
    return (uint32_t)(p - out);
}

uint32_t asy_format_f64(double value, char out[32])
{
    uint32_t len = 0;
    if (isnan(value)) {
        memcpy(out, "NaN", 4);
        return 3;
    }
    if (signbit(value)) {
        out[len++] = '-';
        value = -value;
    }
    if (isinf(value)) {
        memcpy(out + len, "Infinity", 9);
        return len + 8;
    }
    if (value < 0x1p53 && value == (double)(int64_t)value)
        return len + (uint32_t)snprintf(out + len, 32 - len, "%lld", (long long)value);
    struct shortest number = shortest_digits(value);
    len += write_number(out + len, &number);
    out[len] = '\0';
    return len;
}

uint32_t asy_format_milli(int64_t milli, char out[24])
{
    char digits[24]; /* backwards */
    uint32_t n_digits = 0, n = 0;
    uint64_t rest = milli < 0 ? 0 - (uint64_t)milli : (uint64_t)milli;
    uint32_t n_after = 3;
    while (n_after > 0 && rest % 10 == 0) {
        rest /= 10;
        n_after--;
    }
    for (; n_digits < n_after; rest /= 10) digits[n_digits++] = (char)('0' + rest % 10);
    if (n_after > 0) digits[n_digits++] = '.';
    do {
        digits[n_digits++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (milli < 0) out[n++] = '-';
    while (n_digits > 0) out[n++] = digits[--n_digits];
    return n;
}
