/* The watch over a plugin's processes, see worker_internal.h. The only place below the command that reads a clock: the processor time of
 * another process, which decides whether it is stopped and nothing else. */
#include "plugin/worker_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void asy_watch_init(struct asy_watch *watch, pid_t pid, int64_t limit_ns, uint32_t ticks_max, uint32_t asleep_ticks_max)
{
    *watch = (struct asy_watch){.pid = pid, .limit_ns = limit_ns, .ticks_max = ticks_max, .asleep_ticks_max = asleep_ticks_max};
}

static int64_t used_ns(struct asy_watch *watch)
{
    struct timespec t;
    if (!watch->has_clock) watch->has_clock = clock_getcpuclockid(watch->pid, &watch->clock) == 0;
    if (!watch->has_clock || clock_gettime(watch->clock, &t) != 0) return watch->seen_ns;
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Waiting for something or stopped, and not for the processor, a disk or a debugger. */
static bool is_asleep(pid_t pid)
{
    char path[32], text[512];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0) return false;
    text[n] = '\0';
    const char *state = strrchr(text, ')'); /* behind the program's name, which may have brackets of its own */
    return state != NULL && state[1] == ' ' && (state[2] == 'S' || state[2] == 'T');
}

bool asy_watch_tick(struct asy_watch *watch)
{
    const int64_t now_ns = used_ns(watch);
    if (!watch->is_begun) {
        /* What it did before, for earlier calls, is not this call's. */
        watch->start_ns = watch->seen_ns = now_ns;
        watch->is_begun = true;
    }
    const bool is_idle = now_ns == watch->seen_ns && is_asleep(watch->pid);
    watch->asleep_ticks = is_idle ? watch->asleep_ticks + 1 : 0;
    watch->seen_ns = now_ns;
    watch->ticks++;
    return now_ns - watch->start_ns <= watch->limit_ns && watch->asleep_ticks <= watch->asleep_ticks_max && watch->ticks <= watch->ticks_max;
}
