/* Short texts as 8-byte words: loading them, whole numbers read eight digits at a time, and a small memo of what texts came to,
 * for fields that have few different ones. Threads: one owner. */
#ifndef ASY_INGEST_MEMO_H
#define ASY_INGEST_MEMO_H

#include "base/text.h"

/* 8 bytes can be loaded at each of the first `n_wide` places from `text` on; elsewhere only bytes that are there. */
struct asy_reach {
    const char *text;
    uint64_t n_wide;
};

static inline uint64_t asy_little(uint64_t word)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(word);
#else
    return word;
#endif
}

/* 8 bytes as a number whose lowest byte comes first. */
static inline uint64_t asy_load_8(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return asy_little(word);
}

static inline bool asy_reaches(const struct asy_reach *reach, const char *p)
{
    return (uintptr_t)p - (uintptr_t)reach->text < reach->n_wide;
}

/* n bytes, 1 to 8, the first the lowest; 0 above them. */
static inline uint64_t asy_load_few(const struct asy_reach *reach, const char *p, uint32_t n)
{
    if (n == 8 || asy_reaches(reach, p))
        return asy_load_8(p) & (UINT64_MAX >> (64 - 8 * n));
    uint64_t word = 0;
    memcpy(&word, p, n);
    return asy_little(word);
}

/* The number that n digits, 1 to 8, are; false if they are not. All at once: D. Lemire, "Quickly parsing eight digits". */
static inline bool asy_few_digits(uint64_t word, uint32_t n, uint64_t *out)
{
    word = word << (64 - 8 * n) | UINT64_C(0x3030303030303030) >> (8 * n - 1) >> 1;
    const uint64_t high = UINT64_C(0xF0F0F0F0F0F0F0F0);
    if (((word & high) | ((word + UINT64_C(0x0606060606060606)) & high) >> 4) != UINT64_C(0x3333333333333333))
        return false;
    word = (word & UINT64_C(0x0F0F0F0F0F0F0F0F)) * 2561 >> 8;
    word = (word & UINT64_C(0x00FF00FF00FF00FF)) * 6553601 >> 16;
    *out = (word & UINT64_C(0x0000FFFF0000FFFF)) * UINT64_C(42949672960001) >> 32;
    return true;
}

/* Up to 15 digits and nothing else, as nearly all whole numbers are. */
static inline bool asy_plain_digits(const struct asy_reach *reach, struct asy_str text, uint64_t *out)
{
    if (text.len <= 8)
        return asy_few_digits(asy_load_few(reach, text.p, text.len), text.len, out);
    uint64_t head;
    if (text.len > 15 || !asy_few_digits(asy_load_few(reach, text.p, text.len - 8), text.len - 8, &head) ||
        !asy_few_digits(asy_load_8(text.p + text.len - 8), 8, out))
        return false;
    *out += head * 100000000;
    return true;
}

/* Texts seen lately, with what came of them: a small two-way cache. */
enum { ASY_MEMO_MIDDLE_BYTES = 40, ASY_MEMO_TEXT_BYTES = ASY_MEMO_MIDDLE_BYTES + 16, ASY_MEMO_ENTRIES = 64 };
struct asy_memo_entry {
    uint64_t head, tail; /* the first and the last 8 bytes; all of a shorter text, twice */
    uint32_t len;        /* 0: free */
    uint32_t result;
    char middle[ASY_MEMO_MIDDLE_BYTES]; /* the bytes between them */
};
struct asy_memo {
    struct asy_memo_entry entries[ASY_MEMO_ENTRIES];
};

struct asy_memo_key {
    uint64_t head, tail;
    uint32_t slot;
};

static inline struct asy_memo_key asy_memo_key(const struct asy_reach *reach, struct asy_str text)
{
    struct asy_memo_key key;
    uint32_t n = text.len < 8 ? text.len : 8;
    if (text.len >= 8 || asy_reaches(reach, text.p)) {
        uint64_t mask = UINT64_MAX >> (64 - 8 * n);
        key.head = asy_load_8(text.p) & mask;
        key.tail = asy_load_8(text.p + (text.len - n)) & mask;
    } else {
        key.head = key.tail = asy_load_few(reach, text.p, n);
    }
    uint64_t mixed = (key.head ^ (key.tail << 29 | key.tail >> 35) ^ text.len) * UINT64_C(0x9e3779b97f4a7c15);
    key.slot = (uint32_t)(mixed >> 32) & (ASY_MEMO_ENTRIES - 1);
    return key;
}

/* What came of `text`; false if it is not known. */
static inline bool asy_memo_find(const struct asy_memo *memo, const struct asy_memo_key *key, struct asy_str text, uint32_t *result)
{
    /* Which of the two it may be is no branch: it cannot be predicted. */
    const struct asy_memo_entry *entry = &memo->entries[key->slot];
    bool is_other = ((entry->head ^ key->head) | (entry->tail ^ key->tail) | (entry->len ^ text.len)) != 0;
    entry = &memo->entries[key->slot ^ is_other];
    *result = entry->result;
    return entry->head == key->head && entry->tail == key->tail && entry->len == text.len &&
           (text.len <= 16 || memcmp(entry->middle, text.p + 8, text.len - 16) == 0);
}

static inline void asy_memo_put(struct asy_memo *memo, const struct asy_memo_key *key, struct asy_str text, uint32_t result)
{
    if (text.len > ASY_MEMO_TEXT_BYTES)
        return;
    struct asy_memo_entry *entry = &memo->entries[key->slot];
    memo->entries[key->slot ^ 1] = *entry;
    *entry = (struct asy_memo_entry){.head = key->head, .tail = key->tail, .len = text.len, .result = result};
    if (text.len > 16)
        memcpy(entry->middle, text.p + 8, text.len - 16);
}

#endif
