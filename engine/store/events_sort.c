/* Sorting the events of one lead: keys, each with a code or without. Short ones by ranking, longer ones by merging; what does
 * not fit into the spare room is divided in place by its leading bits (American flag sort: McIlroy, Bostic, McIlroy,
 * "Engineering Radix Sort", 1993), so that a lead with any number of events needs no memory of its own and never takes
 * quadratic time. */
#include "store/events_internal.h"

enum {
    RUN = 32,        /* this many are ranked, more are merged */
    RANK_STEP = 4,
    DIGIT_BITS = 8,
    N_DIGITS = 1 << DIGIT_BITS,
};

#define SPECIALISED static inline __attribute__((always_inline))

/* A stretch of keys and, with `has_codes` (a constant wherever it is passed), of codes. */
struct stretch {
    uint64_t *keys;
    uint32_t *codes;
};

SPECIALISED bool is_less(uint64_t key, uint32_t code, const struct stretch *s, uint64_t i, bool has_codes)
{
    return (key < s->keys[i]) | (has_codes && (key == s->keys[i]) & (code < s->codes[i]));
}

SPECIALISED void move(const struct stretch *to, uint64_t k, const struct stretch *from, uint64_t i, bool has_codes)
{
    to->keys[k] = from->keys[i];
    if (has_codes)
        to->codes[k] = from->codes[i];
}

/* Sort the items of equal keys by their codes, by insertion. */
static void sort_ties(const struct stretch *s, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        uint32_t code = s->codes[i], k = i;
        for (; k > 0 && s->keys[k - 1] == s->keys[i] && s->codes[k - 1] > code; k--)
            s->codes[k] = s->codes[k - 1];
        s->codes[k] = code;
    }
}

/* At most RUN items. Each one's place is the number of items that come before it: more comparisons than other ways take, but
 * none of them is a branch that the processor could guess wrong. */
SPECIALISED void rank_sort(const struct stretch *s, uint32_t n, bool has_codes)
{
    uint64_t keys[RUN], taken = 0;
    uint32_t codes[RUN];
    memcpy(keys, s->keys, n * sizeof *keys);
    if (has_codes)
        memcpy(codes, s->codes, n * sizeof *codes);
    for (uint32_t i = n; i % RANK_STEP != 0; i++)
        keys[i] = UINT64_MAX; /* comes before none */
    for (uint32_t i = 0; i < n; i++) {
        uint64_t key = keys[i];
        uint32_t rank = 0, rest = 0; /* two sums: neither waits for the other */
        for (uint32_t k = 0; k < n; k += RANK_STEP) {
            rank += keys[k] < key;
            rest += keys[k + 1] < key;
            rank += keys[k + 2] < key;
            rest += keys[k + 3] < key;
        }
        rank += rest;
        while (taken >> rank & 1) /* by an equal key */
            rank++;
        taken |= 1ull << rank;
        s->keys[rank] = key;
        if (has_codes)
            s->codes[rank] = codes[i];
    }
    if (has_codes)
        sort_ties(s, n);
}

SPECIALISED void merge(const struct stretch *to, const struct stretch *from, uint64_t start, uint64_t middle, uint64_t end,
                       bool has_codes)
{
    uint64_t left = start, right = middle, k = start;
    while (left < middle && right < end) {
        bool takes_right = is_less(from->keys[right], has_codes ? from->codes[right] : 0, from, left, has_codes);
        move(to, k++, from, takes_right ? right : left, has_codes);
        right += takes_right;
        left += !takes_right;
    }
    while (left < middle)
        move(to, k++, from, left++, has_codes);
    while (right < end)
        move(to, k++, from, right++, has_codes);
}

SPECIALISED void merge_sort(const struct stretch *s, const struct stretch *spare, uint64_t n, bool has_codes)
{
    for (uint64_t start = 0; start < n; start += RUN)
        rank_sort(&(struct stretch){s->keys + start, has_codes ? s->codes + start : NULL},
                  n - start < RUN ? (uint32_t)(n - start) : RUN, has_codes);
    const struct stretch *from = s, *to = spare;
    for (uint64_t width = RUN; width < n; width *= 2) {
        for (uint64_t start = 0; start < n; start += 2 * width)
            merge(to, from, start, n - start < width ? n : start + width, n - start < 2 * width ? n : start + 2 * width,
                  has_codes);
        const struct stretch *other = from;
        from = to;
        to = other;
    }
    if (from == s)
        return;
    memcpy(s->keys, from->keys, n * sizeof *s->keys);
    if (has_codes)
        memcpy(s->codes, from->codes, n * sizeof *s->codes);
}

/* How far to shift for the leading DIGIT_BITS in which values whose differences are `differing` differ. */
static uint32_t digit_shift(uint64_t differing)
{
    uint32_t top = 64 - (uint32_t)__builtin_clzll(differing);
    return top > DIGIT_BITS ? top - DIGIT_BITS : 0;
}

/* What an item is divided by: its key, or where all keys are equal its code. */
SPECIALISED uint32_t digit_of(uint64_t key, uint32_t code, bool by_code, uint32_t shift)
{
    return (uint32_t)((by_code ? code : key) >> shift) & (N_DIGITS - 1);
}

/* Put each item among those of its digit, by swapping; ends[d] is then where those of digit d end. */
SPECIALISED void divide(const struct stretch *s, uint64_t n, bool by_code, uint32_t shift, uint64_t *ends, bool has_codes)
{
    uint64_t next[N_DIGITS], sum = 0;
    memset(ends, 0, N_DIGITS * sizeof *ends);
    for (uint64_t i = 0; i < n; i++)
        ends[digit_of(s->keys[i], has_codes ? s->codes[i] : 0, by_code, shift)]++;
    for (uint32_t d = 0; d < N_DIGITS; d++) {
        next[d] = sum;
        sum += ends[d];
        ends[d] = sum;
    }
    for (uint32_t d = 0; d < N_DIGITS; d++)
        while (next[d] < ends[d]) {
            uint64_t key = s->keys[next[d]];
            uint32_t code = has_codes ? s->codes[next[d]] : 0;
            for (uint32_t own = digit_of(key, code, by_code, shift); own != d; own = digit_of(key, code, by_code, shift)) {
                uint64_t at = next[own]++, moved_key = s->keys[at];
                uint32_t moved_code = has_codes ? s->codes[at] : 0;
                s->keys[at] = key;
                if (has_codes)
                    s->codes[at] = code;
                key = moved_key;
                code = moved_code;
            }
            uint64_t at = next[d]++;
            s->keys[at] = key;
            if (has_codes)
                s->codes[at] = code;
        }
}

/* At most 8 levels deep for keys and 4 for codes: each takes the leading bits that still differ. */
static void sort(const struct stretch *s, uint64_t n, const struct stretch *spare)
{
    bool has_codes = s->codes != NULL;
    if (n <= ASY_EVENTS_SPARE) {
        if (has_codes)
            merge_sort(s, spare, n, true);
        else
            merge_sort(s, spare, n, false);
        return;
    }
    uint64_t keys_differ = 0;
    uint32_t codes_differ = 0;
    for (uint64_t i = 1; i < n; i++) {
        keys_differ |= s->keys[i] ^ s->keys[0];
        if (has_codes)
            codes_differ |= s->codes[i] ^ s->codes[0];
    }
    bool by_code = keys_differ == 0;
    uint64_t differing = by_code ? codes_differ : keys_differ;
    if (differing == 0)
        return;
    uint64_t ends[N_DIGITS];
    if (has_codes)
        divide(s, n, by_code, digit_shift(differing), ends, true);
    else
        divide(s, n, by_code, digit_shift(differing), ends, false);
    for (uint32_t d = 0; d < N_DIGITS; d++) {
        uint64_t start = d ? ends[d - 1] : 0;
        struct stretch part = {s->keys + start, has_codes ? s->codes + start : NULL};
        if (ends[d] - start > 1)
            sort(&part, ends[d] - start, spare);
    }
}

void asy_events_sort(uint64_t *keys, uint32_t *codes, uint64_t n, uint64_t *spare_keys, uint32_t *spare_codes)
{
    struct stretch s = {keys, codes}, spare = {spare_keys, spare_codes};
    sort(&s, n, &spare);
}
