/* The loader: a process that has loaded one plugin and forks keepers. See worker.h; nothing of this runs in the host. */
#include "plugin/library.h"
#include "plugin/sandbox_internal.h"
#include "plugin/worker_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEEPERS_MAX = 1024, REAPING_TICKS = 10 };

struct kept {
    pid_t pid; /* 0: a free place */
    int pidfd;
    uint32_t number;
};

struct loader {
    struct asy_mem mem;
    struct asy_pool pool;
    int wire;
    const char *path;
    struct assay_plugin plugin;
    struct asy_plugin_decl decl;
    struct kept kept[KEEPERS_MAX];
    struct pollfd polled[KEEPERS_MAX + 1];
    uint32_t reaping_ticks; /* workers of a keeper that was stopped are still to be reaped */
};

static bool tell(const struct loader *loader, enum asy_wire_type type, uint32_t number, int32_t value)
{
    const struct asy_wire_head head = {.type = type, .number = number, .value = value};
    return asy_wire_send(loader->wire, &head, NULL);
}

static bool tell_bytes(int wire, enum asy_wire_type type, int32_t value, struct asy_str bytes)
{
    const struct asy_wire_head head = {.type = type, .value = value, .n_bytes = bytes.len};
    return asy_wire_send(wire, &head, bytes.p);
}

/* -- loading -------------------------------------------------------------------------------------------------------------- */

static void go_under(int wire, int library, uint64_t memory_bytes, pid_t host)
{
    /* While the plugin is loaded the thread that waits for it cannot end, so its end is the host's. Afterwards the wire tells. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != host) _exit(1);
    setsid(); /* a key pressed in the host's terminal is the host's */
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    const int keep[2] = {wire < library ? wire : library, wire < library ? library : wire};
    uint32_t missing;
    const bool is_under = asy_sandbox_enter(keep, 2, memory_bytes, &missing);
    const struct asy_wire_head head = {.type = ASY_WIRE_READY, .value = is_under ? (int32_t)missing : -1};
    if (!asy_wire_send(wire, &head, NULL) || !is_under) _exit(1);
}

static void load(struct loader *loader, int library)
{
    struct assay_error error = {0};
    struct asy_str bytes = {0};
    assay_status status = asy_library_open(&loader->plugin, library, loader->path, &error);
    if (status == ASSAY_OK) status = asy_decl_read(&loader->decl, &loader->pool, &loader->plugin, loader->path, &error);
    if (status == ASSAY_OK) status = asy_decl_pack(&loader->decl, &loader->pool, &bytes, &error);
    if (status != ASSAY_OK) {
        tell_bytes(loader->wire, ASY_WIRE_ERROR, status, asy_str_of(error.text));
        _exit(0);
    }
    close(library);
    signal(SIGCHLD, SIG_DFL); /* a constructor may have had other wishes */
    if (asy_sandbox_call(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0) != 0 || !tell_bytes(loader->wire, ASY_WIRE_DECL, 0, bytes)) _exit(1);
}

/* -- keepers ----------------------------------------------------------------------------------------------------------------- */

static bool receive_fds(const struct loader *loader, int *fds, uint32_t n)
{
    for (uint32_t at = 0; at < n;) {
        const uint32_t n_now = n - at < ASY_WIRE_FDS_MAX ? n - at : ASY_WIRE_FDS_MAX;
        if (!asy_wire_recv_fds(loader->wire, fds + at, n_now)) return false;
        at += n_now;
    }
    return true;
}

static pid_t fork_keeper(const struct loader *loader, struct asy_keeper_task *task)
{
    const pid_t pid = asy_sandbox_fork();
    if (pid != 0) return pid;
    close(loader->wire);
    for (uint32_t k = 0; k < KEEPERS_MAX; k++)
        if (loader->kept[k].pid != 0) close(loader->kept[k].pidfd);
    asy_keeper_main(task);
}

static void bind_one(struct loader *loader, uint32_t number, const struct asy_wire_bind *bind)
{
    if (bind->n_lanes == 0 || bind->n_lanes > ASY_LANES_MAX) _exit(2);
    struct asy_keeper_task task = {.plugin = &loader->plugin, .decl = &loader->decl, .path = loader->path, .bind = *bind, .loader = getpid()};
    const uint32_t n_fds = 2 + 4 * bind->n_lanes;
    task.fds = asy_mem_alloc_n(&loader->mem, n_fds, sizeof(*task.fds));
    if (task.fds == NULL || !receive_fds(loader, task.fds, n_fds)) _exit(2);
    uint32_t k = 0;
    while (k < KEEPERS_MAX && loader->kept[k].pid != 0) k++;
    pid_t pid = -1;
    int why = EAGAIN;
    if (k < KEEPERS_MAX) {
        pid = fork_keeper(loader, &task);
        why = errno;
    }
    if (pid > 0) loader->kept[k] = (struct kept){pid, asy_sandbox_pidfd(pid), number};
    for (uint32_t i = 0; i < n_fds; i++) close(task.fds[i]);
    asy_mem_free(&loader->mem, task.fds, n_fds * sizeof(*task.fds));
    if (!tell(loader, ASY_WIRE_BOUND, number, pid > 0 ? (int32_t)pid : -why)) _exit(1);
}

static void forget(struct kept *kept)
{
    if (kept->pidfd >= 0) close(kept->pidfd);
    *kept = (struct kept){0};
}

static void stop_one(struct loader *loader, uint32_t number)
{
    int status;
    for (uint32_t k = 0; k < KEEPERS_MAX; k++)
        if (loader->kept[k].pid != 0 && loader->kept[k].number == number) {
            asy_sandbox_kill(loader->kept[k].pidfd, SIGKILL);
            asy_sandbox_wait(loader->kept[k].pid, &status, 0);
            forget(&loader->kept[k]);
            loader->reaping_ticks = REAPING_TICKS;
        }
    if (!tell(loader, ASY_WIRE_STOPPED, number, 0)) _exit(1);
}

/* Keepers that ended by themselves are told; workers that outlived theirs for a moment come here too. */
static void reap(struct loader *loader)
{
    int status;
    for (pid_t pid; (pid = asy_sandbox_wait(-1, &status, WNOHANG)) > 0;)
        for (uint32_t k = 0; k < KEEPERS_MAX; k++)
            if (loader->kept[k].pid == pid) {
                tell(loader, ASY_WIRE_KEEPER, loader->kept[k].number, status);
                forget(&loader->kept[k]);
            }
}

static _Noreturn void end(struct loader *loader)
{
    int status;
    for (uint32_t k = 0; k < KEEPERS_MAX; k++)
        if (loader->kept[k].pid != 0) asy_sandbox_kill(loader->kept[k].pidfd, SIGKILL);
    while (asy_sandbox_wait(-1, &status, 0) > 0) continue;
    _exit(0);
}

static void obey(struct loader *loader)
{
    struct asy_wire_head head;
    struct asy_wire_bind bind = {0};
    if (!asy_wire_recv(loader->wire, &head, &bind, sizeof(bind))) end(loader);
    if (head.type == ASY_WIRE_BIND && head.n_bytes == sizeof(bind)) bind_one(loader, head.number, &bind);
    else if (head.type == ASY_WIRE_STOP) stop_one(loader, head.number);
    else end(loader);
}

static void wait_for_something(struct loader *loader)
{
    uint32_t n = 0;
    loader->polled[n++] = (struct pollfd){.fd = loader->wire, .events = POLLIN};
    for (uint32_t k = 0; k < KEEPERS_MAX; k++)
        if (loader->kept[k].pid != 0) loader->polled[n++] = (struct pollfd){.fd = loader->kept[k].pidfd, .events = POLLIN};
    const int n_ready = poll(loader->polled, n, loader->reaping_ticks > 0 ? ASY_TICK_MS : -1);
    if (loader->reaping_ticks > 0) loader->reaping_ticks--;
    if (n_ready <= 0) loader->polled[0].revents = 0;
}

void asy_loader_main(int wire, int library, const char *path, uint64_t memory_bytes, pid_t host)
{
    go_under(wire, library, memory_bytes, host);
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct loader *loader = asy_mem_alloc(&mem, sizeof(*loader));
    if (loader == NULL) {
        tell_bytes(wire, ASY_WIRE_ERROR, ASSAY_E_NOMEM, ASY_STR("out of memory"));
        _exit(0);
    }
    loader->mem = mem;
    loader->wire = wire;
    loader->path = path;
    asy_pool_init(&loader->pool, &loader->mem);
    load(loader, library);
    for (;;) {
        wait_for_something(loader);
        reap(loader);
        if (loader->polled[0].revents != 0) obey(loader);
    }
}
