/* The host's side of a loader, see worker.h: started, listened to, ended. Keepers are in worker_bind.c, workers in worker_run.c. */
#include "plugin/clean.h"
#include "plugin/sandbox.h"
#include "plugin/worker_host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOAD_TICKS = 10 * ASY_TICKS_A_SECOND, LOAD_ASLEEP_TICKS = ASY_TICKS_A_SECOND, STOP_TICKS = 2 * ASY_TICKS_A_SECOND };

/* -- how processes end --------------------------------------------------------------------------------------------------------- */

struct asy_fault asy_fault_of(int status)
{
    if (WIFSIGNALED(status)) return (struct asy_fault){.kind = ASY_FAULT_SIGNAL, .number = WTERMSIG(status)};
    return (struct asy_fault){.kind = ASY_FAULT_EXIT, .number = WEXITSTATUS(status)};
}

static bool is_unreaped(pid_t pid)
{
    siginfo_t info;
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static bool has_ended(int pidfd, uint32_t n_ticks)
{
    struct pollfd item = {.fd = pidfd, .events = POLLIN};
    for (uint32_t t = 0; t < n_ticks; t++)
        if (asy_wire_poll(&item, 1) > 0) return true;
    return false;
}

/* End the loader and everything below it. *is_known: `status` tells how it ended; a host that has its children reaped by somebody else
 * does not learn it. */
static int end_loader(struct asy_loader_process *loader, uint32_t n_ticks, bool *is_known)
{
    int status = 0;
    close(loader->wire);
    if (loader->pidfd >= 0) has_ended(loader->pidfd, n_ticks);
    /* Below it everything is in its process group, which nobody can leave. Its number is nobody else's while it is not reaped. */
    if (is_unreaped(loader->pid)) {
        kill(-loader->pid, SIGKILL);
        kill(loader->pid, SIGKILL);
    }
    pid_t reaped;
    do reaped = waitpid(loader->pid, &status, 0);
    while (reaped < 0 && errno == EINTR);
    if (loader->pidfd >= 0) close(loader->pidfd);
    *is_known = reaped == loader->pid;
    return status;
}

static void free_loader(struct asy_loader_process *loader)
{
    asy_mem_free(loader->mem, loader, sizeof(*loader));
}

void asy_loader_stop(struct asy_loader_process *loader)
{
    bool is_known;
    if (loader == NULL) return;
    end_loader(loader, STOP_TICKS, &is_known);
    free_loader(loader);
}

/* -- loading --------------------------------------------------------------------------------------------------------------------- */

static int open_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* The child has all signals blocked until it has given up this process's handlers. */
static assay_status fork_loader(struct asy_loader_process *loader, int library, uint64_t memory_bytes, struct assay_error *error)
{
    int ends[2];
    sigset_t all, before;
    if (!asy_wire_pair(ends)) return asy_fail(error, ASSAY_E_IO, "%s: cannot start a process for the plugin: socketpair: %s", loader->path, strerrordesc_np(errno));
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    const pid_t host = getpid(), pid = fork();
    if (pid == 0) {
        const int high = library > 2 ? library : fcntl(library, F_DUPFD, 3);
        close(ends[0]);
        asy_loader_main(ends[1], high, loader->path, memory_bytes, host);
    }
    const int why = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return asy_fail(error, ASSAY_E_IO, "%s: cannot start a process for the plugin: fork: %s", loader->path, strerrordesc_np(why));
    }
    loader->pid = pid;
    loader->pidfd = open_pidfd(pid);
    loader->wire = ends[0];
    return ASSAY_OK;
}

static assay_status fail_late(struct asy_loader_process *loader, struct assay_error *error)
{
    bool is_known;
    end_loader(loader, 0, &is_known);
    return asy_fail(error, ASSAY_E_DATA, "%s: expected a plugin that is loaded within a few seconds, found one that was still at it and was ended "
                    "(a constructor of the plugin that loops or waits?)", loader->path);
}

/* It said nothing, or nothing sensible. */
static assay_status fail_ended(struct asy_loader_process *loader, struct assay_error *error)
{
    bool is_known;
    char text[256];
    const struct asy_fault fault = asy_fault_of(end_loader(loader, ASY_ANSWER_TICKS, &is_known));
    asy_fault_text(&fault, text, sizeof(text));
    return asy_fail(error, ASSAY_E_DATA, "%s: expected a plugin that can be loaded, found one that %s while it was loaded (a constructor of the plugin?)",
                    loader->path, is_known ? text : "ended its process");
}

assay_status asy_fail_told(const struct asy_wire_head *head, struct asy_str told, const char *path, struct assay_error *error)
{
    char text[1000];
    asy_clean_line(text, sizeof(text), told.p, told.len);
    const bool is_ours = head->value == ASSAY_E_NOMEM || head->value == ASSAY_E_IO;
    const bool has_path = asy_str_starts(told, asy_str_of(path));
    return asy_fail(error, is_ours ? head->value : ASSAY_E_DATA, "%s%s%s", has_path ? "" : path, has_path ? "" : ": ", text);
}

static assay_status fail_got(enum asy_wire_got got, struct asy_loader_process *loader, struct assay_error *error)
{
    bool is_known;
    switch (got) {
    case ASY_GOT_LATE: return fail_late(loader, error);
    case ASY_GOT_NOMEM: end_loader(loader, 0, &is_known); return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", loader->path);
    default: return fail_ended(loader, error);
    }
}

static void name_missing(struct asy_loader_process *loader, uint32_t missing)
{
    const bool is_both = missing == (ASY_SANDBOX_SECCOMP | ASY_SANDBOX_LANDLOCK);
    snprintf(loader->missing, sizeof(loader->missing), "%s%s%s", (missing & ASY_SANDBOX_SECCOMP) != 0 ? "seccomp" : "", is_both ? ", " : "",
             (missing & ASY_SANDBOX_LANDLOCK) != 0 ? "landlock" : "");
}

static assay_status await_ready(struct asy_loader_process *loader, struct asy_watch *watch, struct assay_error *error)
{
    struct asy_wire_head head;
    const enum asy_wire_got got = asy_wire_await(loader->wire, watch, &head);
    if (got != ASY_GOT) return fail_got(got, loader, error);
    if (head.type != ASY_WIRE_READY || head.n_bytes != 0) return fail_ended(loader, error);
    if (head.value < 0 || loader->pidfd < 0) {
        bool is_known;
        end_loader(loader, 0, &is_known);
        return asy_fail(error, ASSAY_E_UNSUPPORTED, "%s: cannot be isolated: expected limits, /proc and pidfd_open (Linux 5.3 or later), found some of that "
                        "missing; `isolation: none` runs it in this process, if you trust it", loader->path);
    }
    name_missing(loader, (uint32_t)head.value);
    return ASSAY_OK;
}

static assay_status await_decl(struct asy_loader_process *loader, struct asy_watch *watch, struct asy_pool *pool, struct asy_plugin_decl *decl,
                               struct assay_error *error)
{
    bool is_known;
    struct asy_wire_head head;
    struct asy_str body = {0};
    enum asy_wire_got got = asy_wire_await(loader->wire, watch, &head);
    if (got == ASY_GOT) got = asy_wire_await_body(loader->wire, watch, &head, ASY_WIRE_BODY_BYTES_MAX, pool, &body);
    if (got != ASY_GOT) return fail_got(got, loader, error);
    if (head.type == ASY_WIRE_ERROR) {
        end_loader(loader, STOP_TICKS, &is_known);
        return asy_fail_told(&head, body, loader->path, error);
    }
    if (head.type != ASY_WIRE_DECL) return fail_ended(loader, error);
    const assay_status status = asy_decl_unpack(decl, pool, body, loader->path, error);
    if (status != ASSAY_OK) end_loader(loader, 0, &is_known);
    return status;
}

assay_status asy_loader_start(struct asy_loader_process **out, struct asy_mem *mem, const struct asy_plugin_file *file,
                              uint64_t memory_bytes, struct asy_pool *pool, struct asy_plugin_decl *decl, struct assay_error *error)
{
    struct asy_loader_process *loader = asy_mem_alloc(mem, sizeof(*loader));
    const struct asy_str path = asy_pool_copy(pool, file->path);
    assay_status status = loader == NULL || path.p == NULL ? asy_fail(error, ASSAY_E_NOMEM, "%.*s: out of memory", ASY_ARG(file->path)) : ASSAY_OK;
    if (status == ASSAY_OK) {
        *loader = (struct asy_loader_process){.mem = mem, .path = path.p, .pidfd = -1, .wire = -1};
        status = fork_loader(loader, file->fd, memory_bytes, error);
    }
    if (status == ASSAY_OK) {
        struct asy_watch watch;
        asy_watch_init(&watch, loader->pid, LOAD_TICKS / 2 * (int64_t)ASY_TICK_NS, LOAD_TICKS, LOAD_ASLEEP_TICKS);
        status = await_ready(loader, &watch, error);
        if (status == ASSAY_OK) status = await_decl(loader, &watch, pool, decl, error);
    }
    if (status == ASSAY_OK) *out = loader;
    else if (loader != NULL) free_loader(loader);
    return status;
}

const char *asy_loader_missing(const struct asy_loader_process *loader)
{
    return loader->missing;
}

/* News about other keepers are passed over, their lanes have noticed; each of them can end once. */
enum asy_wire_got asy_loader_await(struct asy_loader_process *loader, uint32_t number, enum asy_wire_type type, struct asy_wire_head *head)
{
    struct asy_watch watch;
    asy_watch_init(&watch, loader->pid, ASY_ANSWER_TICKS * (int64_t)ASY_TICK_NS, ASY_ANSWER_TICKS, ASY_ANSWER_TICKS);
    for (uint32_t n = 0; n <= loader->next_number; n++) {
        const enum asy_wire_got got = asy_wire_await(loader->wire, &watch, head);
        if (got != ASY_GOT) return got;
        if (head->n_bytes != 0) return ASY_GOT_NONSENSE;
        if (head->type == type && head->number == number) return ASY_GOT;
        if (head->type != ASY_WIRE_KEEPER) return ASY_GOT_NONSENSE;
    }
    return ASY_GOT_NONSENSE;
}
