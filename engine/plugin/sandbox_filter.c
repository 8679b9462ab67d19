/* The seccomp filter: which system calls a plugin's process may make. Everything that is not listed ends the process with SIGSYS, so
 * that it is noticed and named instead of being an error that a plugin would have to expect. Source: seccomp(2), bpf(2). */
#include "plugin/sandbox_internal.h"

#include "base/check.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#else
#define THIS_ARCH 0
#endif

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

enum { ITEMS_MAX = 512, KEY_ARGUMENT = 5, STANDARD_STREAMS = 3 };

struct filter {
    uint32_t n;
    struct sock_filter items[ITEMS_MAX];
};

/* Harmless for whoever calls them: memory, clocks, own signals, ending. */
static const int plain_calls[] = {
    SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_futex, SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday,
    SYS_clock_nanosleep, SYS_nanosleep, SYS_getrandom, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending,
    SYS_sigaltstack, SYS_gettid, SYS_getpid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_exit, SYS_exit_group,
    SYS_sched_yield, SYS_sched_getaffinity, SYS_getcpu, SYS_set_robust_list, SYS_restart_syscall, SYS_membarrier, SYS_sysinfo, SYS_uname,
    SYS_fstat, SYS_recvfrom, SYS_sendto,
#ifdef SYS_rseq
    SYS_rseq,
#endif
#ifdef SYS_time
    SYS_time,
#endif
};
/* What loading and create() need besides. */
static const int loading_calls[] = {
    SYS_read, SYS_pread64, SYS_lseek, SYS_close, SYS_newfstatat, SYS_recvmsg, SYS_getdents64, SYS_faccessat, SYS_readlinkat, SYS_getcwd,
    SYS_ppoll, SYS_statx,
#ifdef SYS_poll
    SYS_poll,
#endif
#ifdef SYS_access
    SYS_access,
#endif
#ifdef SYS_readlink
    SYS_readlink,
#endif
#ifdef SYS_stat
    SYS_stat, SYS_lstat,
#endif
};
/* What the engine's own part of the loader and the keeper needs besides; with the key, and where a call can do more than is needed also
 * with just this in its first argument: no threads or namespaces, nobody else's limits. */
static const struct {
    int number;
    bool is_fixed;
    uint32_t first;
} keyed_calls[] = {
    {SYS_clone, true, SIGCHLD}, {SYS_prctl, true, PR_SET_PDEATHSIG}, {SYS_prlimit64, true, 0}, {SYS_wait4, false, 0},
    {SYS_pidfd_open, false, 0}, {SYS_pidfd_send_signal, false, 0}, {SYS_seccomp, false, 0},
};

uint64_t asy_sandbox_key(void)
{
    /* Random bytes that the kernel gave this process: the same in its children, and nobody has to keep them. */
    const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM);
    uint64_t halves[2] = {0x9e3779b97f4a7c15u, 1};
    if (random != NULL) memcpy(halves, random, sizeof(halves));
    return (halves[0] ^ (halves[1] >> 7) ^ (halves[1] << 57)) | 1;
}

/* -- writing the program ---------------------------------------------------------------------------------------------- */

static void put(struct filter *f, uint16_t code, uint8_t if_true, uint8_t if_false, uint32_t k)
{
    ASY_CHECK(f->n < ITEMS_MAX, f->n, ITEMS_MAX);
    f->items[f->n++] = (struct sock_filter){code, if_true, if_false, k};
}

static void load_number(struct filter *f)
{
    put(f, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
}

static void load_argument(struct filter *f, uint32_t argument, bool is_upper_half)
{
    put(f, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(offsetof(struct seccomp_data, args) + argument * 8 + (is_upper_half ? 4 : 0)));
}

static void answer(struct filter *f, uint32_t what)
{
    put(f, BPF_RET | BPF_K, 0, 0, what);
}

static void allow(struct filter *f, int number)
{
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)number);
    answer(f, SECCOMP_RET_ALLOW);
}

static void allow_all(struct filter *f, const int *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) allow(f, numbers[i]);
}

/* Each of the following leaves the number of the call loaded, so that a later rule may still allow it. */
static void allow_equal(struct filter *f, int number, uint32_t argument, uint64_t value)
{
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 6, (uint32_t)number);
    load_argument(f, argument, false);
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, (uint32_t)value);
    load_argument(f, argument, true);
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)(value >> 32));
    answer(f, SECCOMP_RET_ALLOW);
    load_number(f);
}

static void allow_without_bits(struct filter *f, int number, uint32_t argument, uint32_t bits)
{
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, (uint32_t)number);
    load_argument(f, argument, false);
    put(f, BPF_ALU | BPF_AND | BPF_K, 0, 0, bits);
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
    answer(f, SECCOMP_RET_ALLOW);
    load_number(f);
}

static void allow_below(struct filter *f, int number, uint32_t argument, uint32_t limit)
{
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, (uint32_t)number);
    load_argument(f, argument, false);
    put(f, BPF_JMP | BPF_JGE | BPF_K, 1, 0, limit);
    answer(f, SECCOMP_RET_ALLOW);
    load_number(f);
}

/* With the key, and the given first argument. */
static void allow_keyed(struct filter *f, int number, bool is_fixed, uint32_t first)
{
    const uint64_t key = asy_sandbox_key();
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, is_fixed ? 8 : 6, (uint32_t)number);
    if (is_fixed) {
        load_argument(f, 0, false);
        put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, first);
    }
    load_argument(f, KEY_ARGUMENT, false);
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, (uint32_t)key);
    load_argument(f, KEY_ARGUMENT, true);
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)(key >> 32));
    answer(f, SECCOMP_RET_ALLOW);
    load_number(f);
}

/* Signals to itself, which abort() and raise() send. A worker's number is known when it narrows itself. The filter of the loader is
 * that of its children too, who have other numbers and shall be able to say how they end: it lets everything pass but what goes to
 * the host. */
static void write_signals(struct filter *f, enum asy_filter filter)
{
    if (filter == ASY_FILTER_CLOSE) allow(f, SYS_tgkill); /* both filters hold */
    if (filter == ASY_FILTER_NARROW) allow_equal(f, SYS_tgkill, 0, (uint64_t)getpid());
    if (filter != ASY_FILTER_ENTER) return;
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, SYS_tgkill);
    load_argument(f, 0, false);
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, (uint32_t)getppid());
    answer(f, SECCOMP_RET_ALLOW);
    load_number(f);
}

/* While the host is the parent its number is known: the key is none to it. */
static void refuse_host(struct filter *f)
{
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, SYS_pidfd_open);
    load_argument(f, 0, false);
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)getppid());
    answer(f, SECCOMP_RET_KILL_PROCESS);
    load_number(f);
}

/* Nobody else gets a signal when something happens to a descriptor: F_SETOWN would be a way to kill. */
static void write_fcntl(struct filter *f)
{
    allow_below(f, SYS_fcntl, 1, F_SETFL);
    allow_equal(f, SYS_fcntl, 1, F_DUPFD_CLOEXEC);
}

static void write_opening(struct filter *f)
{
    allow_without_bits(f, SYS_openat, 2, O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | __O_TMPFILE);
#ifdef SYS_open
    allow_without_bits(f, SYS_open, 1, O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | __O_TMPFILE);
#endif
}

static void write_filter(struct filter *f, enum asy_filter filter)
{
    f->n = 0;
    put(f, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, THIS_ARCH);
    answer(f, SECCOMP_RET_KILL_PROCESS);
    load_number(f);
    allow_all(f, plain_calls, ASY_COUNT_OF(plain_calls));
    /* The standard streams lead to nowhere. stdio in create() asks whether they are a terminal; in run() it has no place. */
    allow_below(f, SYS_write, 0, STANDARD_STREAMS);
    allow_below(f, SYS_writev, 0, STANDARD_STREAMS);
    allow_equal(f, SYS_ioctl, 1, TCGETS);
    /* Root may declare pages damaged, and the host shares some. */
    allow_below(f, SYS_madvise, 2, MADV_HWPOISON);
    /* Some C libraries name their memory. */
    allow_equal(f, SYS_prctl, 0, PR_SET_VMA);
    write_signals(f, filter);
    if (filter == ASY_FILTER_ENTER) refuse_host(f);
    if (filter != ASY_FILTER_NARROW || ASY_SANDBOX_SANITIZED) {
        allow_all(f, loading_calls, ASY_COUNT_OF(loading_calls));
        write_fcntl(f);
    }
    if (filter == ASY_FILTER_ENTER || ASY_SANDBOX_SANITIZED) write_opening(f);
    if (filter != ASY_FILTER_NARROW)
        for (size_t i = 0; i < ASY_COUNT_OF(keyed_calls); i++)
            allow_keyed(f, keyed_calls[i].number, keyed_calls[i].is_fixed, keyed_calls[i].first);
#ifdef SYS_clone3
    /* The C library falls back to clone(), whose arguments a filter can see. */
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_clone3);
    answer(f, SECCOMP_RET_ERRNO | ENOSYS);
#endif
    answer(f, SECCOMP_RET_KILL_PROCESS);
}

bool asy_sandbox_filter(enum asy_filter filter)
{
    if (THIS_ARCH == 0) return false;
    struct filter f;
    write_filter(&f, filter);
    const struct sock_fprog program = {.len = (unsigned short)f.n, .filter = f.items};
    return asy_sandbox_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)(uintptr_t)&program, 0, 0) == 0;
}
