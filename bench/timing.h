/* What the micro benchmarks share: a clock, and the fastest and the median of some runs. The fastest says what the code can
 * do, the median what one gets; where they are far apart the machine was busy with something else. */
#ifndef ASY_BENCH_TIMING_H
#define ASY_BENCH_TIMING_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct timing {
    double fastest_ns, median_ns;
};

static inline double timing_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline int timing_compare(const void *pa, const void *pb)
{
    const double a = *(const double *)pa, b = *(const double *)pb;
    return (a > b) - (a < b);
}

/* Sorts the n > 0 samples. */
static inline struct timing timing_of(double *samples_ns, uint32_t n)
{
    qsort(samples_ns, n, sizeof(*samples_ns), timing_compare);
    const double upper = samples_ns[n / 2], lower = samples_ns[(n - 1) / 2];
    return (struct timing){samples_ns[0], (lower + upper) / 2};
}

#endif
