/* The keeper, which has called create(), and its workers, which call run(). See worker.h; nothing of this runs in the host. */
#include "plugin/sandbox_internal.h"
#include "plugin/worker_internal.h"

#include <errno.h>
#include <fenv.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORK_TRIES = 50, OWN_BYTES = 64 << 20 /* of the engine: pools, arrays at guard pages, scratch, names */ };

struct lane {
    int work, control; /* the far ends; control -1: the host has closed it */
    pid_t pid;         /* of the worker; 0: none */
    int pidfd;
    struct asy_stage stage;
};

struct keeper {
    const struct asy_keeper_task *task;
    struct asy_mem mem;
    struct asy_pool pool;
    struct asy_facts facts;
    struct asy_instance *instance;
    int talk;
    uint32_t n_lanes;
    struct lane *lanes;
    struct pollfd *polled; /* talk; by lane control and worker */
};

static void say(int wire, enum asy_wire_type type, int32_t value, struct asy_str body)
{
    const struct asy_wire_head head = {.type = type, .value = value, .n_bytes = body.len};
    if (!asy_wire_send(wire, &head, body.p)) _exit(1);
}

static _Noreturn void fail(const struct keeper *keeper, assay_status status, const char *text)
{
    say(keeper->talk, ASY_WIRE_ERROR, status, asy_str_of(text));
    _exit(0);
}

/* -- the worker ------------------------------------------------------------------------------------------------------------- */

/* Other lanes' verdicts above all: a wild write must not reach them. */
static void leave_others(const struct keeper *keeper, const struct lane *mine)
{
    close(keeper->talk);
    for (uint32_t i = 0; i < keeper->n_lanes; i++) {
        struct lane *lane = &keeper->lanes[i];
        if (lane->control >= 0) close(lane->control);
        if (lane->pid != 0) close(lane->pidfd);
        if (lane == mine) continue;
        close(lane->work);
        asy_stage_fini(&lane->stage);
    }
}

static _Noreturn void work(const struct keeper *keeper, struct lane *lane, pid_t parent)
{
    if (!asy_sandbox_follow(parent)) _exit(1);
    leave_others(keeper, lane);
    asy_sandbox_narrow();
    for (;;) {
        struct asy_wire_ask ask;
        struct asy_wire_answer answer = {0};
        ssize_t n;
        do n = recv(lane->work, &ask, sizeof(ask), MSG_TRUNC);
        while (n < 0 && errno == EINTR);
        if (n != (ssize_t)sizeof(ask) || ask.n > lane->stage.n_rows_max || ask.first > lane->stage.n_rows_max - ask.n) _exit(n != 0);
        answer.turn = ask.turn;
        fesetenv(FE_DFL_ENV); /* a rounding mode that an earlier call has left must not decide about these leads */
        answer.is_good = asy_instance_run(keeper->instance, &lane->stage, ask.first, ask.n, keeper->task->bind.now_s, &answer.fault);
        do n = send(lane->work, &answer, sizeof(answer), MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n != (ssize_t)sizeof(answer)) _exit(n != 0);
    }
}

/* -- workers ------------------------------------------------------------------------------------------------------------------ */

static int32_t bury(struct lane *lane)
{
    int status = 0;
    asy_sandbox_wait(lane->pid, &status, 0);
    close(lane->pidfd);
    lane->pid = 0;
    lane->pidfd = -1;
    return status;
}

static int32_t stop_worker(struct lane *lane)
{
    asy_sandbox_kill(lane->pidfd, SIGKILL);
    return bury(lane);
}

/* What was asked of the one before, and not read by him, is nothing for a new one. */
static void drain(int fd)
{
    struct asy_wire_ask ask;
    for (ssize_t n; (n = recv(fd, &ask, sizeof(ask), MSG_DONTWAIT | MSG_TRUNC)) > 0 || (n < 0 && errno == EINTR);) continue;
}

static void start_worker(struct keeper *keeper, struct lane *lane)
{
    if (lane->pid != 0) stop_worker(lane);
    drain(lane->work);
    const pid_t self = getpid();
    pid_t pid;
    for (uint32_t t = 0; (pid = asy_sandbox_fork()) < 0 && errno == EAGAIN && t < FORK_TRIES; t++) poll(NULL, 0, ASY_TICK_MS);
    if (pid == 0) work(keeper, lane, self);
    const int32_t told = pid > 0 ? (int32_t)pid : -errno;
    if (pid > 0) {
        lane->pid = pid;
        lane->pidfd = asy_sandbox_pidfd(pid);
        if (lane->pidfd < 0) _exit(1); /* nobody could stop that worker; this way it follows */
    }
    say(lane->control, ASY_WIRE_STARTED, told, ASY_STR(""));
}

static void obey(struct keeper *keeper, struct lane *lane)
{
    struct asy_wire_head head;
    if (!asy_wire_recv(lane->control, &head, NULL, 0)) {
        if (lane->pid != 0) stop_worker(lane);
        close(lane->control);
        lane->control = -1;
    } else if (head.type == ASY_WIRE_START) {
        start_worker(keeper, lane);
    } else if (head.type == ASY_WIRE_KILL && lane->pid != 0) {
        say(lane->control, ASY_WIRE_DIED, stop_worker(lane), ASY_STR(""));
    }
}

static _Noreturn void serve(struct keeper *keeper)
{
    for (;;) {
        struct pollfd *polled = keeper->polled;
        polled[0] = (struct pollfd){.fd = keeper->talk, .events = POLLIN};
        for (uint32_t i = 0; i < keeper->n_lanes; i++) {
            polled[1 + 2 * i] = (struct pollfd){.fd = keeper->lanes[i].control, .events = POLLIN};
            polled[2 + 2 * i] = (struct pollfd){.fd = keeper->lanes[i].pid != 0 ? keeper->lanes[i].pidfd : -1, .events = POLLIN};
        }
        if (poll(polled, 1 + 2 * keeper->n_lanes, -1) < 0) continue;
        if (polled[0].revents != 0) _exit(0); /* nothing is said there any more: it was closed; the workers follow */
        for (uint32_t i = 0; i < keeper->n_lanes; i++) {
            struct lane *lane = &keeper->lanes[i];
            if (polled[2 + 2 * i].revents != 0) say(lane->control, ASY_WIRE_DIED, bury(lane), ASY_STR(""));
            if (polled[1 + 2 * i].revents != 0) obey(keeper, lane);
        }
    }
}

/* -- create() -------------------------------------------------------------------------------------------------------------------- */

static void map_all(struct keeper *keeper)
{
    const struct asy_keeper_task *task = keeper->task;
    const struct asy_wire_bind *bind = &task->bind;
    if (!asy_sandbox_memory(bind->facts_bytes + bind->n_lanes * bind->stage_bytes + OWN_BYTES)) fail(keeper, ASSAY_E_NOMEM, "the memory limit cannot be raised");
    const void *facts = mmap(NULL, bind->facts_bytes, PROT_READ, MAP_SHARED, task->fds[0], 0);
    keeper->lanes = asy_pool_alloc_n(&keeper->pool, bind->n_lanes, sizeof(*keeper->lanes));
    keeper->polled = asy_pool_alloc_n(&keeper->pool, 1 + 2 * bind->n_lanes, sizeof(*keeper->polled));
    if (facts == MAP_FAILED || keeper->lanes == NULL || keeper->polled == NULL) fail(keeper, ASSAY_E_NOMEM, "out of memory");
    keeper->facts = (struct asy_facts){.base = facts, .size_bytes = bind->facts_bytes, .fd = -1, .is_borrowed = true};
    close(task->fds[0]);
    for (uint32_t i = 0; i < bind->n_lanes; i++) {
        const int *fds = task->fds + 2 + 4 * i;
        keeper->lanes[i] = (struct lane){.work = fds[2], .control = fds[3], .pidfd = -1};
        if (!asy_stage_map(&keeper->lanes[i].stage, &keeper->pool, task->decl, bind->n_rows_max, fds[0], fds[1]))
            fail(keeper, ASSAY_E_NOMEM, "the leads cannot be mapped");
        close(fds[0]);
        close(fds[1]);
    }
    keeper->n_lanes = bind->n_lanes;
}

static void create(struct keeper *keeper)
{
    const struct asy_keeper_task *task = keeper->task;
    struct assay_error error = {0};
    struct asy_str names = {0};
    const assay_status status = asy_instance_new(&keeper->instance, &keeper->mem, task->plugin, task->decl, &keeper->facts, task->path, &error);
    if (status != ASSAY_OK) fail(keeper, status, error.text);
    signal(SIGCHLD, SIG_DFL); /* create() may have had other wishes */
    if (!asy_wire_pack_names(asy_instance_names(keeper->instance), &keeper->pool, &names)) fail(keeper, ASSAY_E_NOMEM, "out of memory");
    say(keeper->talk, ASY_WIRE_NAMES, 0, names);
}

void asy_keeper_main(const struct asy_keeper_task *task)
{
    struct keeper keeper = {.task = task, .talk = task->fds[1]};
    if (!asy_sandbox_follow(task->loader)) _exit(1);
    asy_mem_init(&keeper.mem, NULL);
    asy_pool_init(&keeper.pool, &keeper.mem);
    map_all(&keeper);
    asy_sandbox_close(); /* that there is no seccomp has been told */
    create(&keeper);
    serve(&keeper);
}
