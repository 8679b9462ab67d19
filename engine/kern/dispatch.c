/* Picks the kernels. Built for the baseline machine: compiled for more it could crash before it can tell. */
#include "kern/kern.h"

#include <string.h>

#ifdef __AVX__
#error "dispatch.c must be built for the baseline machine: remove -march from its flags"
#endif

extern const struct asy_kern asy_kern_ref;
#if defined(__x86_64__)
extern const struct asy_kern asy_kern_v2, asy_kern_v3, asy_kern_v4;
#else
extern const struct asy_kern asy_kern_base;
#endif

struct level {
    const struct asy_kern *kern;
    int is_runnable;
};

const struct asy_kern *asy_kern_select(const char *isa, const char **problem)
{
#if defined(__x86_64__)
    /* __builtin_cpu_supports asks the processor and the operating system (XGETBV) both. Best last. */
    const struct level levels[] = {
        {&asy_kern_ref, 1},
        {&asy_kern_v2, __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt")},
        {&asy_kern_v3, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma")},
        {&asy_kern_v4, __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                           __builtin_cpu_supports("avx512vl")},
    };
#else
    const struct level levels[] = {{&asy_kern_ref, 1}, {&asy_kern_base, 1}};
#endif
    const struct asy_kern *best = NULL;
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (isa != NULL && strcmp(isa, levels[i].kern->isa) != 0) continue;
        if (levels[i].is_runnable)
            best = levels[i].kern;
        else if (isa != NULL)
            *problem = "this processor cannot run it";
    }
    if (best == NULL && isa != NULL && *problem == NULL) *problem = "expected ref, v2, v3 or v4";
    return best;
}
