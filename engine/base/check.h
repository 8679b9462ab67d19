/* Checks. ASY_ASSERT is for programmer errors in hot code and vanishes in release builds; ASY_CHECK always runs,
 * prints both values and aborts: it guards control paths where going on would write wrong results. */
#ifndef ASY_CHECK_H
#define ASY_CHECK_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef NDEBUG
#define ASY_ASSERT(cond) ((void)0)
#else
#define ASY_ASSERT(cond) ASY_CHECK(cond, 0, 0)
#endif

/* `a` and `b` are the two values that disagree (any integers). */
#define ASY_CHECK(cond, a, b) ((cond) ? (void)0 : asy_check_failed(__FILE__, __LINE__, #cond, (int64_t)(a), (int64_t)(b)))

static inline void asy_check_failed(const char *file, int line, const char *what, int64_t a, int64_t b)
{
    fprintf(stderr, "assay: internal error at %s:%d: expected %s (values %" PRId64 " and %" PRId64 ")\n", file, line,
            what, a, b);
    abort();
}

/* 128-bit integers, where a product of two 64-bit ones has to be exact. */
__extension__ typedef __int128 asy_i128;

#define ASY_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
