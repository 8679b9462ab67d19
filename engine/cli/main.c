/* The process: the only reader of clock, argv and environment, and the only door to jemalloc. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

#if ASSAY_JEMALLOC
#include <jemalloc/jemalloc.h>

enum { HUGE_BYTES = 2 << 20 };

/* The allocator table promises 16-byte alignment, also for blocks of 8 bytes, where jemalloc by itself gives 8. Large blocks begin
 * where a huge page can begin: else the first and the last megabytes of each are spread over hundreds of small ones. */
static int flags_of(size_t size_bytes)
{
    return size_bytes >= HUGE_BYTES ? MALLOCX_ALIGN(HUGE_BYTES) : MALLOCX_ALIGN(16);
}

static void *heap_alloc(void *ctx, size_t size_bytes)
{
    (void)ctx;
    return mallocx(size_bytes, flags_of(size_bytes) | MALLOCX_ZERO);
}

static void *heap_resize(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    (void)ctx;
    (void)old_bytes;
    return rallocx(p, new_bytes, flags_of(new_bytes));
}

static void heap_release(void *ctx, void *p, size_t size_bytes)
{
    (void)ctx;
    sdallocx(p, size_bytes, flags_of(size_bytes)); /* with the size it need not look it up */
}

static const struct assay_allocator heap_table = {
    .struct_size = sizeof(struct assay_allocator),
    .flags = ASSAY_ALLOC_ZEROED,
    .alloc = heap_alloc,
    .resize = heap_resize,
    .release = heap_release};
static const struct assay_allocator *const heap = &heap_table;

/* By this thread; a process of the conformance kit has no other. */
static uint64_t bytes_in_use(void)
{
    uint64_t taken = 0, given = 0;
    size_t size_bytes = sizeof(taken);
    if (mallctl("thread.allocated", &taken, &size_bytes, NULL, 0) != 0 || mallctl("thread.deallocated", &given, &size_bytes, NULL, 0) != 0) return 0;
    return taken - given;
}
#else
static const struct assay_allocator *const heap = NULL; /* malloc, which the sanitizers watch */
static uint64_t (*const bytes_in_use)(void) = NULL;
#endif

/* A signal handler can reach nothing else. */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* The first Ctrl-C asks for an orderly end, a second one ends the process at once. */
static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction old;
    if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, NULL);
    action = (struct sigaction){.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &action, NULL); /* a closed pipe is a failed write, seen where it is written */
    sigaction(SIGXFSZ, &action, NULL); /* and so is a file that may not grow (ulimit -f) */
}

/* Started without one of the three streams, the first file opened would take its place and receive its text. */
static bool open_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
        if (open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd) return false;
    }
    return true;
}

static int64_t utc_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint32_t usable_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) return (uint32_t)CPU_COUNT(&set);
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (uint32_t)n : 1;
}

/* Hash secrets only: a weak seed weakens the guard against chosen keys, never a result. */
static uint64_t random_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed)) return seed;
    return (uint64_t)monotonic_ns() * 0x9e3779b97f4a7c15u ^ (uint64_t)getpid();
}

static const char *env_text(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* A path seen from the folder that the command lies in, or NULL. Each `..` it begins with goes up by one: people read this path. */
static const char *from_command(struct asy_pool *pool, const char *relative)
{
    char path[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
    if (n <= 0 || (size_t)n == sizeof(path) || relative[0] == '\0') return NULL;
    const char *slash = memrchr(path, '/', (size_t)n);
    for (; slash != NULL && slash > path && strncmp(relative, "../", 3) == 0; relative += 3) slash = memrchr(path, '/', (size_t)(slash - path));
    return slash == NULL ? NULL : asy_pool_printf(pool, "%.*s/%s", (int)(slash - path), path, relative).p;
}

/* A command that was built and not installed has no headers beside it. */
static const char *headers_of_command(struct asy_pool *pool)
{
    const char *folder = from_command(pool, "../include");
    const struct asy_str header = folder != NULL ? asy_pool_printf(pool, "%s/assay/plugin.h", folder) : (struct asy_str){NULL, 0};
    return header.p != NULL && access(header.p, R_OK) == 0 ? folder : NULL;
}

/* Who lends this process rights that the caller does not have must not load the caller's code with them. */
static struct asy_cli_places find_places(struct asy_pool *pool)
{
    const char *path = env_text("ASSAY_PLUGIN_PATH");
    const bool is_own = secure_getenv("ASSAY_PLUGIN_PATH") != NULL && getuid() == geteuid() && getgid() == getegid();
    return (struct asy_cli_places){.plugin_path = is_own ? path : NULL,
                                   .is_path_ignored = path != NULL && !is_own,
                                   .plugins_beside = from_command(pool, "plugins"),
                                   .installed = {ASSAY_PLUGIN_INSTALL_DIR, from_command(pool, ASSAY_PLUGIN_RELATIVE_DIR)},
                                   .headers = headers_of_command(pool)};
}

int main(int argc, char **argv)
{
    if (!open_standard_streams()) return ASY_EXIT_FAILED;
    umask(077);
    watch_signals();

    const char *term = env_text("TERM");
    const bool is_dumb = term == NULL || strcmp(term, "dumb") == 0;
    const bool is_plain = is_dumb || env_text("NO_COLOR") != NULL;
    const bool out_is_terminal = isatty(STDOUT_FILENO) == 1, err_is_terminal = isatty(STDERR_FILENO) == 1;

    struct asy_mem mem;
    struct asy_pool pool;
    asy_mem_init(&mem, heap);
    asy_pool_init(&pool, &mem);
    struct asy_cli cli = {
        .io = {.out = stdout, .err = stderr, .out_color = out_is_terminal && !is_plain,
               .err_color = err_is_terminal && !is_plain, .err_animates = err_is_terminal && !is_dumb},
        .clock = {.utc_us = utc_us, .monotonic_ns = monotonic_ns},
        .mem = &mem,
        .pool = &pool,
        .interrupted = &interrupted,
        .isa = env_text("ASSAY_ISA"),
        .n_cpus = usable_cpus(),
        .seed = random_seed(),
        .bytes_in_use = bytes_in_use,
        .places = find_places(&pool),
    };
    int code = asy_cli_run(&cli, argc, argv);
    asy_pool_fini(&pool);

    /* `assay check x | head` closes the pipe on purpose; a full disk is a failure. */
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE) {
        fprintf(stderr, "assay: standard output: cannot be written: %s\n", errno != 0 ? strerror(errno) : "an earlier write failed");
        if (code == ASY_EXIT_OK) code = ASY_EXIT_FAILED;
    }
    return code;
}
