/* Where the cells of delimited text end: the structural index that CSV is read by.
 *
 *     id,note\n7,"a,b"\n          bytes
 *       ^    ^  ^     ^           positions: delimiters and line ends outside quotes, ascending
 *
 * Text is taken 64 bytes at a time as bit masks (one bit a byte) of quotes, delimiters and line ends; a running XOR over the
 * quote mask says which bytes are inside quotes (the method of Langdale and Lemire, "Parsing Gigabytes of JSON per Second",
 * VLDB Journal 2019). That alone misreads a quote in the middle of an unquoted cell (12" monitor), so every opening quote
 * is checked to stand at the start of a cell or right behind a closing one; a block where one does not is read again by the
 * automaton below, which defines the meaning for all levels:
 *
 *     state    quote                       separator            other byte
 *     fresh    -> inside                   position, -> fresh   -> literal     (start of a cell, or behind a closing quote)
 *     inside   -> fresh                    -> inside            -> inside
 *     literal  -> literal                  position, -> fresh   -> literal     (quotes mean nothing)
 *
 * A separator is the delimiter, LF or CR; the LF of a CRLF gives no position of its own (the next cell then starts with
 * it). Every level gives the same positions and flags for the same bytes however they are cut; a test holds them together.
 *
 * Threads: one owner a struct asy_scan. */
#ifndef ASY_SCAN_H
#define ASY_SCAN_H

#include "base/text.h"

/* Most bytes of one asy_scan_run. */
#define ASY_SCAN_WINDOW 16384u
/* Positions are written in groups: `out` needs this much room beyond the bytes scanned. */
#define ASY_SCAN_SLACK 64u

enum asy_scan_level { ASY_SCAN_AUTO = 0, ASY_SCAN_PLAIN, ASY_SCAN_SSE2, ASY_SCAN_AVX2, ASY_SCAN_AVX512, ASY_SCAN_N_LEVELS };

/* Carried from byte to byte. */
struct asy_scan_state {
    uint64_t inside;      /* all ones inside quotes, else 0 */
    uint64_t fresh;       /* 1: a quote coming next opens (or, behind a closing one, goes on with) a quoted cell */
    uint64_t after_quote; /* 1: fresh because of a closing quote */
    uint64_t after_cr;    /* 1: the last byte was a CR */
};

/* A bit for each 64 bytes of the last run. */
struct asy_scan_marks {
    uint64_t bits[ASY_SCAN_WINDOW / 64 / 64];
    uint64_t any; /* 0: all are 0 */
};

struct asy_scan {
    size_t (*run)(struct asy_scan *scan, const char *p, size_t len, uint32_t base, uint32_t *out);
    struct asy_scan_state state;
    char delimiter;
    enum asy_scan_level level;
    /* About the bytes of the last run. */
    struct asy_scan_marks high;    /* bytes above 127 */
    struct asy_scan_marks escapes; /* doubled quotes (where the second one is), and quotes that mean nothing */
    struct asy_scan_marks lines;   /* line ends inside quotes */
    struct asy_scan_marks quotes;
    size_t n_line_ends;            /* positions that are line ends */
    size_t n_quoted_lines;         /* line ends inside quotes, CRLF counted once */
    bool has_cr;
    bool is_odd;                   /* there is text behind a closing quote, or a quote that means nothing */
    size_t nul_at;                 /* offset of the first NUL byte, SIZE_MAX if there is none */
};

/* The best level this machine has. */
enum asy_scan_level asy_scan_best(void);
/* "avx2" */
const char *asy_scan_level_name(enum asy_scan_level level);
/* At the start of a cell. `delimiter` is an ASCII byte other than quote, LF, CR and NUL. A level above the machine's is lowered. */
void asy_scan_init(struct asy_scan *scan, char delimiter, enum asy_scan_level level);
/* Begin anew at the start of a cell; `after_cr`: the byte before was a CR. */
void asy_scan_restart(struct asy_scan *scan, bool after_cr);
/* Scan the next `len` <= ASY_SCAN_WINDOW bytes. Writes base + offset of every position to `out` (room for len + ASY_SCAN_SLACK)
 * and returns their number. Reads nothing beyond p + len. */
static inline size_t asy_scan_run(struct asy_scan *scan, const char *p, size_t len, uint32_t base, uint32_t *out)
{
    return scan->run(scan, p, len, base, out);
}

#endif
