/* The host's side of the processes of an isolated plugin, see worker.h. */
#include "plugin/clean.h"
#include "plugin/sandbox.h"
#include "plugin/worker_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TICKS_A_SECOND = 1000 / ASY_TICK_MS,
    LOAD_TICKS = 10 * TICKS_A_SECOND,
    LOAD_ASLEEP_TICKS = TICKS_A_SECOND,
    CREATE_TICKS = 15 * TICKS_A_SECOND, /* and a second for every MiB of texts there is to look at */
    CREATE_ASLEEP_TICKS = 2 * TICKS_A_SECOND,
    ANSWER_TICKS = 10 * TICKS_A_SECOND, /* for what takes no time */
    STOP_TICKS = 2 * TICKS_A_SECOND,
    RUN_TICKS_MIN = 10 * TICKS_A_SECOND,
    RUN_ASLEEP_TICKS = 5,               /* run() has nothing to wait for */
    RUN_TICKS_FACTOR = 20,              /* the wall clock's share of what the processor's clock may take */
};
#define SECOND_NS INT64_C(1000000000)

struct asy_loader_process {
    struct asy_mem *mem;
    pid_t pid;
    int pidfd, wire;
    uint32_t next_number;
    const char *path;
    char missing[32];
};

/* -- how processes end --------------------------------------------------------------------------------------------------------- */

static struct asy_fault fault_of(int status)
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
    for (uint32_t t = 0; t < n_ticks; t++) {
        const int n = poll(&item, 1, ASY_TICK_MS);
        if (n > 0) return true;
        if (n < 0 && errno == EINTR) t--;
    }
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
    const struct asy_fault fault = fault_of(end_loader(loader, ANSWER_TICKS, &is_known));
    asy_fault_text(&fault, text, sizeof(text));
    return asy_fail(error, ASSAY_E_DATA, "%s: expected a plugin that can be loaded, found one that %s while it was loaded (a constructor of the plugin?)",
                    loader->path, is_known ? text : "ended its process");
}

/* An error that was told from over there: one line, and not every status. */
static assay_status fail_told(const struct asy_wire_head *head, struct asy_str told, const char *path, struct assay_error *error)
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
        return fail_told(&head, body, loader->path, error);
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
        asy_watch_init(&watch, loader->pid, LOAD_TICKS / 2 * (SECOND_NS / TICKS_A_SECOND), LOAD_TICKS, LOAD_ASLEEP_TICKS);
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

/* -- keepers ----------------------------------------------------------------------------------------------------------------------- */

struct lane {
    int work; /* -1: not there */
    int control;
    bool is_up;
    pid_t pid;
    uint32_t turn;
    uint16_t *reason;      /* of the stage */
};

struct asy_keeper_process {
    struct asy_loader_process *loader;
    uint32_t number, n_lanes;
    bool is_bound;
    pid_t pid;
    int talk;
    struct lane *lanes;
};

/* Wait for what the loader says about keeper `number`; what it says about others has been noticed by their lanes. */
static enum asy_wire_got await_loader(struct asy_loader_process *loader, uint32_t number, enum asy_wire_type type, struct asy_wire_head *head)
{
    struct asy_watch watch;
    asy_watch_init(&watch, loader->pid, ANSWER_TICKS * (SECOND_NS / TICKS_A_SECOND), ANSWER_TICKS, ANSWER_TICKS);
    for (;;) {
        const enum asy_wire_got got = asy_wire_await(loader->wire, &watch, head);
        if (got != ASY_GOT) return got;
        if (head->n_bytes != 0) return ASY_GOT_NONSENSE;
        if (head->type == type && head->number == number) return ASY_GOT;
        if (head->type != ASY_WIRE_KEEPER) return ASY_GOT_NONSENSE;
    }
}

/* Descriptors of the keeper's side, in the order of BIND. */
struct parcel {
    uint32_t n, n_mine; /* the first and second, and leads and verdicts of lanes, may be the host's own */
    int *fds;
    bool *is_mine;
};

static void pack(struct parcel *parcel, int fd, bool is_mine)
{
    parcel->fds[parcel->n] = fd;
    parcel->is_mine[parcel->n++] = is_mine;
}

static void drop_parcel(const struct parcel *parcel)
{
    for (uint32_t i = 0; i < parcel->n; i++)
        if (parcel->is_mine[i] && parcel->fds[i] >= 0) close(parcel->fds[i]);
}

static int reopen_for_reading(int fd)
{
    char path[48];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static bool pack_lane(struct parcel *parcel, struct lane *lane, const struct asy_stage *stage)
{
    const int leads = reopen_for_reading(stage->leads_fd);
    pack(parcel, leads, true);
    pack(parcel, stage->verdicts_fd, false);
    int work[2] = {-1, -1}, control[2] = {-1, -1};
    const bool is_good = leads >= 0 && asy_wire_pair(work) && asy_wire_pair(control);
    lane->work = work[0];
    lane->control = control[0];
    lane->reason = stage->reason;
    pack(parcel, work[1], true);
    pack(parcel, control[1], true);
    return is_good;
}

static bool pack_all(struct parcel *parcel, struct asy_keeper_process *keeper, const struct asy_facts *facts, const struct asy_stage *stages)
{
    int talk[2];
    if (!asy_wire_pair(talk)) return false;
    keeper->talk = talk[0];
    pack(parcel, facts->fd, false);
    pack(parcel, talk[1], true);
    for (uint32_t i = 0; i < keeper->n_lanes; i++)
        if (!pack_lane(parcel, &keeper->lanes[i], &stages[i])) return false;
    return true;
}

static bool send_parcel(const struct asy_keeper_process *keeper, const struct asy_wire_bind *bind, const struct parcel *parcel)
{
    const struct asy_wire_head head = {.type = ASY_WIRE_BIND, .number = keeper->number, .n_bytes = sizeof(*bind)};
    if (!asy_wire_send(keeper->loader->wire, &head, bind)) return false;
    for (uint32_t at = 0; at < parcel->n;) {
        const uint32_t n = parcel->n - at < ASY_WIRE_FDS_MAX ? parcel->n - at : ASY_WIRE_FDS_MAX;
        if (!asy_wire_send_fds(keeper->loader->wire, parcel->fds + at, n)) return false;
        at += n;
    }
    return true;
}

static assay_status send_bind(struct asy_keeper_process *keeper, const struct asy_facts *facts, const struct asy_stage *stages, int64_t now_s,
                              struct asy_pool *pool, struct assay_error *error)
{
    const char *path = keeper->loader->path;
    const struct asy_wire_bind bind = {.n_lanes = keeper->n_lanes, .n_rows_max = stages[0].n_rows_max, .now_s = now_s, .facts_bytes = facts->size_bytes,
                                       .stage_bytes = stages[0].leads_bytes + stages[0].verdicts_bytes};
    const uint32_t n_fds = 2 + 4 * keeper->n_lanes;
    struct parcel parcel = {.fds = asy_pool_alloc_n(pool, n_fds, sizeof(int)), .is_mine = asy_pool_alloc_n(pool, n_fds, sizeof(bool))};
    if (parcel.fds == NULL || parcel.is_mine == NULL) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    const bool is_packed = pack_all(&parcel, keeper, facts, stages);
    const int why = errno;
    const bool is_sent = is_packed && send_parcel(keeper, &bind, &parcel);
    drop_parcel(&parcel);
    if (!is_packed)
        return asy_fail(error, ASSAY_E_IO, "%s: cannot make wires to the plugin's processes for %u threads: %s (`ulimit -n` raises the number of open "
                        "files; fewer threads need fewer)", path, keeper->n_lanes, strerrordesc_np(why));
    if (!is_sent) return asy_fail(error, ASSAY_E_DATA, "%s: the plugin's process has ended since it was loaded", path);
    keeper->is_bound = true;
    return ASSAY_OK;
}

static assay_status await_bound(struct asy_keeper_process *keeper, struct assay_error *error)
{
    struct asy_wire_head head;
    const char *path = keeper->loader->path;
    if (await_loader(keeper->loader, keeper->number, ASY_WIRE_BOUND, &head) != ASY_GOT)
        return asy_fail(error, ASSAY_E_DATA, "%s: the plugin's process has ended since it was loaded, or does not answer", path);
    if (head.value <= 0)
        return asy_fail(error, ASSAY_E_IO, "%s: cannot start a process for the plugin: fork: %s", path, strerrordesc_np(-head.value));
    keeper->pid = head.value;
    return ASSAY_OK;
}

static assay_status fail_create(struct asy_keeper_process *keeper, enum asy_wire_got got, struct assay_error *error)
{
    struct asy_wire_head head;
    struct asy_fault fault;
    char text[256] = "ended its process";
    const char *path = keeper->loader->path;
    if (got == ASY_GOT_NOMEM) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    if (got == ASY_GOT_LATE)
        return asy_fail(error, ASSAY_E_DATA, "%s: create(): expected an end within a minute, found that it still runs, or waits for something", path);
    if (got == ASY_GOT_END && await_loader(keeper->loader, keeper->number, ASY_WIRE_KEEPER, &head) == ASY_GOT) {
        fault = fault_of(head.value);
        asy_fault_text(&fault, text, sizeof(text));
    }
    return asy_fail(error, ASSAY_E_DATA, "%s: create(): expected it to return, found that the plugin %s", path,
                    got == ASY_GOT_NONSENSE ? "disturbed its process" : text);
}

static assay_status await_names(struct asy_keeper_process *keeper, uint64_t facts_bytes, struct asy_pool *pool, struct asy_plugin_names *names, struct assay_error *error)
{
    struct asy_wire_head head;
    struct asy_watch watch;
    struct asy_str body = {0};
    bool is_nomem = false;
    const uint32_t n_ticks = CREATE_TICKS + (uint32_t)(facts_bytes >> 20) * TICKS_A_SECOND;
    asy_watch_init(&watch, keeper->pid, n_ticks * (SECOND_NS / TICKS_A_SECOND), n_ticks, CREATE_ASLEEP_TICKS);
    enum asy_wire_got got = asy_wire_await(keeper->talk, &watch, &head);
    if (got == ASY_GOT) got = asy_wire_await_body(keeper->talk, &watch, &head, ASY_WIRE_BODY_BYTES_MAX, pool, &body);
    if (got == ASY_GOT && head.type == ASY_WIRE_ERROR) return fail_told(&head, body, keeper->loader->path, error);
    if (got == ASY_GOT && (head.type != ASY_WIRE_NAMES || !asy_wire_unpack_names(names, pool, body, &is_nomem)))
        got = is_nomem ? ASY_GOT_NOMEM : ASY_GOT_NONSENSE;
    return got == ASY_GOT ? ASSAY_OK : fail_create(keeper, got, error);
}

static struct asy_keeper_process *new_keeper(struct asy_loader_process *loader, uint32_t n_lanes)
{
    struct asy_keeper_process *keeper = asy_mem_alloc(loader->mem, sizeof(*keeper));
    if (keeper == NULL) return NULL;
    *keeper = (struct asy_keeper_process){.loader = loader, .number = loader->next_number++, .n_lanes = n_lanes, .talk = -1};
    keeper->lanes = asy_mem_alloc_n(loader->mem, n_lanes, sizeof(*keeper->lanes));
    if (keeper->lanes == NULL) {
        asy_mem_free(loader->mem, keeper, sizeof(*keeper));
        return NULL;
    }
    for (uint32_t i = 0; i < n_lanes; i++) keeper->lanes[i] = (struct lane){.work = -1, .control = -1};
    return keeper;
}

assay_status asy_keeper_start(struct asy_keeper_process **out, struct asy_loader_process *loader, const struct asy_plugin_decl *decl,
                              const struct asy_facts *facts, const struct asy_stage *stages, uint32_t n_lanes, int64_t now_s,
                              struct asy_pool *pool, struct asy_plugin_names *names, struct assay_error *error)
{
    (void)decl; /* the loader has its own */
    if (n_lanes == 0 || n_lanes > ASY_LANES_MAX)
        return asy_fail(error, ASSAY_E_LIMIT, "%s: expected 1 to %d threads, found %u", loader->path, ASY_LANES_MAX, n_lanes);
    struct asy_keeper_process *keeper = new_keeper(loader, n_lanes);
    if (keeper == NULL) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", loader->path);
    assay_status status = send_bind(keeper, facts, stages, now_s, pool, error);
    if (status == ASSAY_OK) status = await_bound(keeper, error);
    if (status == ASSAY_OK) status = await_names(keeper, facts->size_bytes, pool, names, error);
    if (status == ASSAY_OK) *out = keeper;
    else asy_keeper_stop(keeper);
    return status;
}

void asy_keeper_stop(struct asy_keeper_process *keeper)
{
    if (keeper == NULL) return;
    struct asy_loader_process *loader = keeper->loader;
    struct asy_wire_head head = {.type = ASY_WIRE_STOP, .number = keeper->number};
    if (keeper->is_bound && asy_wire_send(loader->wire, &head, NULL)) await_loader(loader, keeper->number, ASY_WIRE_STOPPED, &head);
    if (keeper->talk >= 0) close(keeper->talk);
    for (uint32_t i = 0; i < keeper->n_lanes; i++) {
        if (keeper->lanes[i].work >= 0) close(keeper->lanes[i].work);
        if (keeper->lanes[i].control >= 0) close(keeper->lanes[i].control);
    }
    asy_mem_free(loader->mem, keeper->lanes, keeper->n_lanes * sizeof(*keeper->lanes));
    asy_mem_free(loader->mem, keeper, sizeof(*keeper));
}

/* -- workers -------------------------------------------------------------------------------------------------------------------------- */

static bool is_fault(struct asy_fault *fault, enum asy_fault_kind kind, const char *text)
{
    *fault = (struct asy_fault){.kind = (uint8_t)kind};
    snprintf(fault->text, sizeof(fault->text), "%s", text);
    return false;
}

static void drain(int fd)
{
    struct asy_wire_answer packet;
    for (ssize_t n; (n = recv(fd, &packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC)) > 0 || (n < 0 && errno == EINTR);) continue;
}

static bool order(const struct lane *lane, enum asy_wire_type type)
{
    const struct asy_wire_head head = {.type = type};
    return send(lane->control, &head, sizeof(head), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(head);
}

/* Wait for this of the keeper; earlier news about the worker before are passed over. */
static enum asy_wire_got await_keeper(const struct asy_keeper_process *keeper, const struct lane *lane, enum asy_wire_type type,
                                      struct asy_wire_head *head)
{
    struct asy_watch watch;
    asy_watch_init(&watch, keeper->pid, ANSWER_TICKS * (SECOND_NS / TICKS_A_SECOND), ANSWER_TICKS, CREATE_ASLEEP_TICKS);
    enum asy_wire_got got;
    do got = asy_wire_await(lane->control, &watch, head);
    while (got == ASY_GOT && head->type != type && (head->type == ASY_WIRE_DIED || head->type == ASY_WIRE_STARTED));
    return got == ASY_GOT && head->type != type ? ASY_GOT_NONSENSE : got;
}

static bool start_worker(const struct asy_keeper_process *keeper, struct lane *lane, struct asy_fault *fault)
{
    struct asy_wire_head head;
    drain(lane->control);
    drain(lane->work);
    if (!order(lane, ASY_WIRE_START) || await_keeper(keeper, lane, ASY_WIRE_STARTED, &head) != ASY_GOT)
        return is_fault(fault, ASY_FAULT_ERROR, "its processes have been ended from outside");
    if (head.value <= 0) return is_fault(fault, ASY_FAULT_ERROR, "no process can be started for it: too many, or too little memory");
    lane->pid = head.value;
    lane->is_up = true;
    return true;
}

static void kill_worker(const struct asy_keeper_process *keeper, struct lane *lane)
{
    struct asy_wire_head head;
    if (order(lane, ASY_WIRE_KILL)) await_keeper(keeper, lane, ASY_WIRE_DIED, &head);
    lane->is_up = false;
}

static enum asy_wire_got take_answer(const struct lane *lane, struct asy_wire_answer *answer)
{
    ssize_t n;
    do n = recv(lane->work, answer, sizeof(*answer), MSG_DONTWAIT | MSG_TRUNC);
    while (n < 0 && errno == EINTR);
    if (n < 0) return ASY_GOT_END; /* nothing there */
    const bool is_sensible = n == (ssize_t)sizeof(*answer) && answer->turn == lane->turn &&
                             (answer->is_good == 1 || (answer->is_good == 0 && (answer->fault.kind == ASY_FAULT_ERROR || answer->fault.kind == ASY_FAULT_OVERRUN)));
    return is_sensible ? ASY_GOT : ASY_GOT_NONSENSE;
}

static bool judge_answer(const struct asy_keeper_process *keeper, struct lane *lane, enum asy_wire_got got, const struct asy_wire_answer *answer,
                         struct asy_fault *fault)
{
    if (got != ASY_GOT) {
        kill_worker(keeper, lane);
        return is_fault(fault, ASY_FAULT_ERROR, "it disturbed the process it runs in");
    }
    if (answer->is_good == 1) return true;
    *fault = (struct asy_fault){.kind = answer->fault.kind, .number = answer->fault.number};
    asy_clean_line(fault->text, sizeof(fault->text), answer->fault.text, sizeof(answer->fault.text));
    return false;
}

/* The keeper has news of the worker: it has died. It may have answered just before. */
static bool judge_death(const struct asy_keeper_process *keeper, struct lane *lane, struct asy_fault *fault)
{
    struct asy_wire_head head;
    struct asy_wire_answer answer;
    const enum asy_wire_got got = take_answer(lane, &answer);
    const ssize_t n = recv(lane->control, &head, sizeof(head), MSG_DONTWAIT | MSG_TRUNC);
    lane->is_up = false;
    if (got == ASY_GOT) return judge_answer(keeper, lane, got, &answer, fault);
    if (n != (ssize_t)sizeof(head) || head.type != ASY_WIRE_DIED) return is_fault(fault, ASY_FAULT_ERROR, "its processes have been ended from outside");
    *fault = fault_of(head.value);
    return false;
}

static bool await_answer(const struct asy_keeper_process *keeper, struct lane *lane, int64_t limit_ns, struct asy_fault *fault)
{
    const int64_t ticks = RUN_TICKS_FACTOR * (limit_ns / (SECOND_NS / TICKS_A_SECOND));
    struct asy_watch watch;
    struct asy_wire_answer answer;
    asy_watch_init(&watch, lane->pid, limit_ns, ticks < RUN_TICKS_MIN ? RUN_TICKS_MIN : ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks, RUN_ASLEEP_TICKS);
    for (;;) {
        struct pollfd items[2] = {{.fd = lane->work, .events = POLLIN}, {.fd = lane->control, .events = POLLIN}};
        const int n_ready = poll(items, 2, ASY_TICK_MS);
        if (n_ready == 0 && !asy_watch_tick(&watch)) {
            const bool is_asleep = watch.asleep_ticks > watch.asleep_ticks_max;
            kill_worker(keeper, lane);
            return is_fault(fault, ASY_FAULT_TIME, is_asleep ? "it waits for something" : "");
        }
        if (n_ready <= 0) continue;
        if (items[0].revents != 0) return judge_answer(keeper, lane, take_answer(lane, &answer), &answer, fault);
        return judge_death(keeper, lane, fault);
    }
}

bool asy_keeper_run(struct asy_keeper_process *keeper, uint32_t n_lane, uint32_t first, uint32_t n, int64_t limit_ns, struct asy_fault *fault)
{
    struct lane *lane = &keeper->lanes[n_lane];
    if (!lane->is_up && !start_worker(keeper, lane, fault)) return false;
    const struct asy_wire_ask ask = {.turn = ++lane->turn, .first = first, .n = n};
    /* A worker that says "done" without having judged is found out by this. */
    memset(lane->reason + first, 0xff, n * sizeof(*lane->reason));
    ssize_t sent;
    do sent = send(lane->work, &ask, sizeof(ask), MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent != (ssize_t)sizeof(ask)) {
        lane->is_up = false;
        return is_fault(fault, ASY_FAULT_ERROR, "its processes have been ended from outside");
    }
    return await_answer(keeper, lane, limit_ns, fault);
}

void asy_keeper_renew(struct asy_keeper_process *keeper, uint32_t n_lane)
{
    keeper->lanes[n_lane].is_up = false;
}
