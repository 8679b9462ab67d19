/* Sandbox, see sandbox.h. Sources: landlock(7), seccomp(2), getrlimit(2), prctl(2). */
#include "plugin/sandbox_internal.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OPEN_FILES_MAX = 4096, STACK_BYTES_MAX = 64 << 20, LANDLOCK_NET_ABI = 4, LANDLOCK_SCOPE_ABI = 6 };

long asy_sandbox_call(long number, long a, long b, long c, long d, long e)
{
    return syscall(number, a, b, c, d, e, (long)asy_sandbox_key());
}

pid_t asy_sandbox_fork(void)
{
    /* Not fork(): the C library's would not carry the key. What it does besides (locks, handlers) matters to processes with several
     * threads, and this one has one. */
    return (pid_t)asy_sandbox_call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

pid_t asy_sandbox_wait(pid_t pid, int *status, int flags)
{
    pid_t ended;
    do ended = (pid_t)asy_sandbox_call(SYS_wait4, pid, (long)(uintptr_t)status, flags, 0, 0);
    while (ended < 0 && errno == EINTR);
    return ended;
}

int asy_sandbox_pidfd(pid_t pid)
{
    return (int)asy_sandbox_call(SYS_pidfd_open, pid, 0, 0, 0, 0);
}

bool asy_sandbox_kill(int pidfd, int signal_number)
{
    return asy_sandbox_call(SYS_pidfd_send_signal, pidfd, signal_number, 0, 0, 0) == 0;
}

bool asy_sandbox_follow(pid_t parent)
{
    return asy_sandbox_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent;
}

/* -- what is inherited ---------------------------------------------------------------------------------------------------- */

static void reset_signals(void)
{
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    for (int s = 1; s < NSIG; s++) sigaction(s, &by_default, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool close_between(uint32_t from, uint32_t to)
{
    if (from > to) return true;
    if (syscall(SYS_close_range, from, to, 0) == 0) return true;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 1 << 20) return false;
    for (uint32_t fd = from; fd <= to && fd < limit.rlim_cur; fd++) close((int)fd);
    return true;
}

static bool keep_only(const int *keep, uint32_t n_keep)
{
    const int nowhere = open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= 2; fd++)
        if (nowhere < 0) close(fd);
        else if (nowhere != fd) dup2(nowhere, fd);
    uint32_t from = 3;
    bool is_closed = true;
    for (uint32_t i = 0; i < n_keep; i++) {
        is_closed = is_closed && close_between(from, (uint32_t)keep[i] - 1);
        from = (uint32_t)keep[i] + 1;
    }
    return is_closed && close_between(from, UINT32_MAX);
}

/* -- limits ------------------------------------------------------------------------------------------------------------------ */

static bool limit_to(int resource, uint64_t most)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0) return false;
    if (limit.rlim_cur > most) limit.rlim_cur = most;
    if (resource != RLIMIT_AS && limit.rlim_max > most) limit.rlim_max = most;
    return setrlimit(resource, &limit) == 0;
}

/* Not fewer than there may be: four a thread are received. */
static bool limit_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
    if (limit.rlim_max > OPEN_FILES_MAX) limit.rlim_max = OPEN_FILES_MAX;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* Address space in use. 0: unknown. */
static uint64_t mapped_bytes(void)
{
    char text[64] = "";
    const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0) close(fd);
    unsigned long long pages = 0;
    if (n <= 0 || sscanf(text, "%llu", &pages) != 1) return 0;
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Limits are by process, and there is one a thread. When all of them together take more than there is, they go first and not the host.
 * Where /proc does not let that be said, they go when they are the largest. */
static void offer_to_killer(void)
{
    const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    const ssize_t n = write(fd, "1000", 4);
    (void)n;
    close(fd);
}

static bool set_limits(uint64_t memory_bytes)
{
    const uint64_t used_bytes = mapped_bytes();
    if (!ASY_SANDBOX_SANITIZED && (used_bytes == 0 || !limit_to(RLIMIT_AS, used_bytes + memory_bytes))) return false;
    return limit_to(RLIMIT_CORE, 0) && limit_to(RLIMIT_FSIZE, 0) && limit_to(RLIMIT_STACK, STACK_BYTES_MAX) && limit_files();
}

bool asy_sandbox_memory(uint64_t more_bytes)
{
    if (ASY_SANDBOX_SANITIZED) return true;
    struct rlimit limit;
    if (asy_sandbox_call(SYS_prlimit64, 0, RLIMIT_AS, 0, (long)(uintptr_t)&limit, 0) != 0) return false;
    if (limit.rlim_cur == RLIM_INFINITY) return true;
    limit.rlim_cur += more_bytes;
    if (limit.rlim_cur > limit.rlim_max) limit.rlim_cur = limit.rlim_max;
    limit.rlim_max = limit.rlim_cur;
    return asy_sandbox_call(SYS_prlimit64, 0, RLIMIT_AS, (long)(uintptr_t)&limit, 0, 0) == 0;
}

/* -- landlock ---------------------------------------------------------------------------------------------------------------- */

/* As of ABI 6; the kernel takes a longer structure than its own if what it does not know is 0. */
struct ruleset_attributes {
    uint64_t fs, net, scoped;
};

/* File rights by the ABI that brought them: 1, 2 (refer), 3 (truncate), 5 (ioctl on devices). */
static uint64_t file_rights(long abi)
{
    uint64_t rights = (1u << 13) - 1;
    if (abi >= 2) rights |= 1u << 13;
    if (abi >= 3) rights |= 1u << 14;
    if (abi >= 5) rights |= 1u << 15;
    return rights;
}

/* Libraries that a plugin stands on (libm, a C++ runtime) are opened by the dynamic loader. */
static bool allow_reading(int ruleset, const char *path)
{
    const int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return true;
    struct landlock_path_beneath_attr beneath = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE, .parent_fd = fd};
    const bool is_added = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
    close(fd);
    return is_added;
}

/* From ABI 6 on signals do not leave the sandbox either. */
static bool enter_landlock(void)
{
    static const char *const readable[] = {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"};
    const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) return false;
    const struct ruleset_attributes attributes = {.fs = file_rights(abi), .net = abi >= LANDLOCK_NET_ABI ? 3 : 0,
                                                  .scoped = abi >= LANDLOCK_SCOPE_ABI ? 3 : 0};
    const int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
    if (ruleset < 0) return false;
    bool is_good = true;
    for (size_t i = 0; i < ASY_COUNT_OF(readable); i++) is_good = allow_reading(ruleset, readable[i]) && is_good;
    is_good = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 && is_good;
    close(ruleset);
    return is_good;
}

/* ------------------------------------------------------------------------------------------------------------------------- */

bool asy_sandbox_enter(const int *keep, uint32_t n_keep, uint64_t memory_bytes, uint32_t *missing)
{
    *missing = 0;
    reset_signals();
    if (!keep_only(keep, n_keep)) return false;
    offer_to_killer();
    if (!set_limits(memory_bytes)) return false;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
    if (!enter_landlock()) *missing |= ASY_SANDBOX_LANDLOCK;
    if (!asy_sandbox_filter(ASY_FILTER_ENTER)) *missing |= ASY_SANDBOX_SECCOMP;
    return true;
}

bool asy_sandbox_close(void)
{
    return asy_sandbox_filter(ASY_FILTER_CLOSE);
}

bool asy_sandbox_narrow(void)
{
    const struct rlimit none = {0, 0};
    asy_sandbox_call(SYS_prlimit64, 0, RLIMIT_NPROC, (long)(uintptr_t)&none, 0, 0);
    return asy_sandbox_filter(ASY_FILTER_NARROW);
}
