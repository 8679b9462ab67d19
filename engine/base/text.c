/* Text, see text.h: comparing, searching, UTF-8, edit distance. Numbers are in number.c. */
#include "base/text.h"

static inline unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

int asy_str_cmp(struct asy_str a, struct asy_str b)
{
    uint32_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.p, b.p, shorter) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool asy_str_eq_fold(struct asy_str a, struct asy_str b)
{
    if (a.len != b.len)
        return false;
    for (uint32_t i = 0; i < a.len; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct asy_str asy_str_trim(struct asy_str s)
{
    while (s.len && is_blank(s.p[s.len - 1]))
        s.len--;
    while (s.len && is_blank(*s.p)) {
        s.p++;
        s.len--;
    }
    return s;
}

int64_t asy_str_find(struct asy_str hay, struct asy_str needle)
{
    if (needle.len == 0)
        return 0;
    if (needle.len > hay.len)
        return -1;
    const char *at = memmem(hay.p, hay.len, needle.p, needle.len);
    return at ? at - hay.p : -1;
}

/* ---- UTF-8 ---- */

static inline bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* Length of the well-formed sequence at p (n bytes left), 0 if there is none. The Unicode Standard, table 3-7. */
static uint32_t sequence_len(const unsigned char *p, uint32_t n)
{
    unsigned char first = p[0];
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    if (first < 0xE0)
        return n >= 2 && is_continuation(p[1]) ? 2 : 0;
    /* The second byte's bounds shut out overlong forms, surrogates and numbers beyond U+10FFFF. */
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    uint32_t len = first < 0xF0 ? 3 : 4;
    if (n < len || p[1] < low || p[1] > high || !is_continuation(p[2]))
        return 0;
    return len == 3 || is_continuation(p[3]) ? len : 0;
}

bool asy_utf8_valid(struct asy_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    uint32_t left = s.len;
    while (left) {
        while (left >= 8) {
            uint64_t eight;
            memcpy(&eight, p, 8);
            if (eight & 0x8080808080808080u)
                break;
            p += 8;
            left -= 8;
        }
        if (left == 0)
            break;
        uint32_t len = sequence_len(p, left);
        if (len == 0)
            return false;
        p += len;
        left -= len;
    }
    return true;
}

uint32_t asy_utf8_length(struct asy_str s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s.len; i++)
        n += !is_continuation((unsigned char)s.p[i]);
    return n;
}

bool asy_parse_bool(struct asy_str s, bool *out)
{
    static const struct {
        struct asy_str word;
        bool value;
    } words[] = {
        {{"true", 4}, true}, {{"false", 5}, false}, {{"1", 1}, true}, {{"0", 1}, false},
        {{"yes", 3}, true},  {{"no", 2}, false},    {{"t", 1}, true}, {{"f", 1}, false},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (asy_str_eq_fold(s, words[i].word)) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

/* ---- near words ---- */

enum { DISTANCE_LIMIT_MAX = 64, DISTANCE_BAND = 2 * DISTANCE_LIMIT_MAX + 1 };

/* Optimal string alignment. Only the diagonals within `limit` can hold a distance within it, so a row of the table is
 * kept as the band band[k] = distance of a[0..i) and b[0..j), k = j - i + limit. */
uint32_t asy_str_distance(struct asy_str a, struct asy_str b, uint32_t limit)
{
    if (limit > DISTANCE_LIMIT_MAX)
        limit = DISTANCE_LIMIT_MAX;
    uint32_t far = limit + 1;
    if ((a.len > b.len ? a.len - b.len : b.len - a.len) > limit)
        return far;

    uint32_t rows[3][DISTANCE_BAND];
    uint32_t *row = rows[0], *above = rows[1], *above2 = rows[2];
    uint32_t width = 2 * limit + 1;
    for (uint32_t k = 0; k < width; k++) {
        row[k] = k >= limit && k - limit <= b.len ? k - limit : far;
        above[k] = far;
    }
    for (uint32_t i = 1; i <= a.len; i++) {
        uint32_t *oldest = above2;
        above2 = above;
        above = row;
        row = oldest;
        uint32_t least = far;
        for (uint32_t k = 0; k < width; k++) {
            int64_t j = (int64_t)i + k - limit;
            row[k] = far;
            if (j < 0 || j > b.len)
                continue;
            uint32_t best = k + 1 < width ? above[k + 1] + 1 : far;
            if (j == 0)
                best = i;
            if (k > 0 && j > 0 && row[k - 1] + 1 < best)
                best = row[k - 1] + 1;
            if (j > 0) {
                unsigned char ca = lower(a.p[i - 1]), cb = lower(b.p[j - 1]);
                uint32_t replaced = above[k] + (ca != cb);
                if (replaced < best)
                    best = replaced;
                if (i > 1 && j > 1 && ca != cb && ca == lower(b.p[j - 2]) && cb == lower(a.p[i - 2]) &&
                    above2[k] + 1 < best)
                    best = above2[k] + 1;
            }
            row[k] = best < far ? best : far;
            if (row[k] < least)
                least = row[k];
        }
        /* A swap looks two rows up, so one far row alone does not settle it. */
        if (least == far && i > 1) {
            bool above_far = true;
            for (uint32_t k = 0; k < width; k++)
                above_far = above_far && above[k] == far;
            if (above_far)
                return far;
        }
    }
    return row[(int64_t)b.len - a.len + limit];
}

static struct asy_str last_part(struct asy_str name)
{
    for (uint32_t i = name.len; i > 0; i--)
        if (name.p[i - 1] == '.')
            return (struct asy_str){name.p + i, name.len - i};
    return name;
}

static int64_t only_last_part(struct asy_str word, const struct asy_str *candidates, uint32_t n)
{
    int64_t found = -1;
    for (uint32_t i = 0; i < n; i++) {
        if (!asy_str_eq_fold(last_part(candidates[i]), word))
            continue;
        if (found >= 0)
            return -1;
        found = i;
    }
    return found;
}

int64_t asy_str_nearest(struct asy_str word, const struct asy_str *candidates, uint32_t n)
{
    if (word.len == 0)
        return -1;
    uint32_t limit = word.len < 6 ? 1 : word.len < 15 ? word.len / 3 : 4;
    int64_t nearest = -1;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t distance = asy_str_distance(word, candidates[i], limit);
        /* A word of one letter is one edit from every other one. */
        if (distance > limit || (distance >= word.len && distance > 0))
            continue;
        nearest = i;
        if (distance == 0)
            break;
        limit = distance - 1;
    }
    return nearest >= 0 ? nearest : only_last_part(word, candidates, n);
}
