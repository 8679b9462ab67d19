/* The host's side of workers, see worker.h: started by their keeper, asked, watched, replaced. What comes over a wire behind which there
 * is a plugin's code is bounded in size, number and time. */
#include "plugin/clean.h"
#include "plugin/worker_host.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RUN_TICKS_MIN = 10 * ASY_TICKS_A_SECOND,
    RUN_ASLEEP_TICKS = 5,     /* run() has nothing to wait for */
    RUN_TICKS_FACTOR = 20,    /* the wall clock's share of what the processor's clock may take */
    STALE_PACKETS_MAX = 4096, /* more than a queue holds */
    NEWS_MAX = 4,             /* of a keeper that are passed over: the end of the worker before is one */
};
#define DISTURBED "it disturbed the process it runs in"
#define GONE "its processes have ended, or do not answer"

static bool is_fault(struct asy_fault *fault, enum asy_fault_kind kind, const char *text)
{
    *fault = (struct asy_fault){.kind = (uint8_t)kind};
    snprintf(fault->text, sizeof(fault->text), "%s", text);
    return false;
}

/* Pass over what was said about or by the worker before; packets may be empty. False: somebody talks without end, or is gone. */
static bool drain(int fd)
{
    struct asy_wire_answer packet;
    for (uint32_t n = 0; n < STALE_PACKETS_MAX; n++)
        if (recv(fd, &packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC) < 0 && errno != EINTR) return true;
    return false;
}

/* A keeper that did not do what it was told will not either the next time, and nobody waits for it twice. It ends the worker when it
 * notices. */
static void lose_keeper(struct asy_lane *lane)
{
    if (lane->control >= 0) close(lane->control);
    lane->control = -1;
}

static bool order(const struct asy_lane *lane, enum asy_wire_type type)
{
    const struct asy_wire_head head = {.type = type};
    return send(lane->control, &head, sizeof(head), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(head);
}

/* Wait for this of the keeper; earlier news about the worker before are passed over. */
static enum asy_wire_got await_keeper(const struct asy_keeper_process *keeper, const struct asy_lane *lane, enum asy_wire_type type,
                                      struct asy_wire_head *head)
{
    struct asy_watch watch;
    asy_watch_init(&watch, keeper->pid, ASY_ANSWER_TICKS * (int64_t)ASY_TICK_NS, ASY_ANSWER_TICKS, ASY_CREATE_ASLEEP_TICKS);
    for (uint32_t n = 0; n <= NEWS_MAX; n++) {
        const enum asy_wire_got got = asy_wire_await(lane->control, &watch, head);
        if (got != ASY_GOT || head->type == type) return got;
        if (head->type != ASY_WIRE_DIED && head->type != ASY_WIRE_STARTED) return ASY_GOT_NONSENSE;
    }
    return ASY_GOT_NONSENSE;
}

static bool start_worker(const struct asy_keeper_process *keeper, struct asy_lane *lane, struct asy_fault *fault)
{
    struct asy_wire_head head;
    if (!drain(lane->control) || !order(lane, ASY_WIRE_START) || await_keeper(keeper, lane, ASY_WIRE_STARTED, &head) != ASY_GOT ||
        !drain(lane->work)) { /* not before the last one is gone, who may still talk */
        lose_keeper(lane);
        return is_fault(fault, ASY_FAULT_ERROR, GONE);
    }
    if (head.value <= 0) return is_fault(fault, ASY_FAULT_ERROR, "no process can be started for it: too many, or too little memory");
    lane->pid = head.value;
    lane->is_up = true;
    return true;
}

static void kill_worker(const struct asy_keeper_process *keeper, struct asy_lane *lane)
{
    struct asy_wire_head head;
    if (!order(lane, ASY_WIRE_KILL) || await_keeper(keeper, lane, ASY_WIRE_DIED, &head) != ASY_GOT) lose_keeper(lane);
    lane->is_up = false;
}

static enum asy_wire_got take_answer(const struct asy_lane *lane, struct asy_wire_answer *answer)
{
    ssize_t n;
    do n = recv(lane->work, answer, sizeof(*answer), MSG_DONTWAIT | MSG_TRUNC);
    while (n < 0 && errno == EINTR);
    if (n < 0) return ASY_GOT_END; /* nothing there */
    const bool is_sensible = n == (ssize_t)sizeof(*answer) && answer->turn == lane->turn &&
                             (answer->is_good == 1 || (answer->is_good == 0 && (answer->fault.kind == ASY_FAULT_ERROR || answer->fault.kind == ASY_FAULT_OVERRUN)));
    return is_sensible ? ASY_GOT : ASY_GOT_NONSENSE;
}

static bool judge_answer(const struct asy_keeper_process *keeper, struct asy_lane *lane, enum asy_wire_got got, const struct asy_wire_answer *answer,
                         struct asy_fault *fault)
{
    if (got != ASY_GOT) {
        kill_worker(keeper, lane);
        return is_fault(fault, ASY_FAULT_ERROR, DISTURBED);
    }
    if (answer->is_good == 1) return true;
    *fault = (struct asy_fault){.kind = answer->fault.kind, .number = answer->fault.number};
    asy_clean_line(fault->text, sizeof(fault->text), answer->fault.text, sizeof(answer->fault.text));
    return false;
}

/* The keeper has news of the worker: it has died. It may have answered just before. */
static bool judge_death(const struct asy_keeper_process *keeper, struct asy_lane *lane, struct asy_fault *fault)
{
    struct asy_wire_head head;
    struct asy_wire_answer answer;
    const enum asy_wire_got got = take_answer(lane, &answer);
    const ssize_t n = recv(lane->control, &head, sizeof(head), MSG_DONTWAIT | MSG_TRUNC);
    lane->is_up = false;
    if (got == ASY_GOT) return judge_answer(keeper, lane, got, &answer, fault);
    if (n != (ssize_t)sizeof(head) || head.type != ASY_WIRE_DIED) return is_fault(fault, ASY_FAULT_ERROR, GONE);
    *fault = asy_fault_of(head.value);
    return false;
}

static bool await_answer(const struct asy_keeper_process *keeper, struct asy_lane *lane, int64_t limit_ns, struct asy_fault *fault)
{
    const int64_t ticks = RUN_TICKS_FACTOR * (limit_ns / ASY_TICK_NS);
    struct asy_watch watch;
    struct asy_wire_answer answer;
    asy_watch_init(&watch, lane->pid, limit_ns, ticks < RUN_TICKS_MIN ? RUN_TICKS_MIN : ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks, RUN_ASLEEP_TICKS);
    for (;;) {
        struct pollfd items[2] = {{.fd = lane->work, .events = POLLIN}, {.fd = lane->control, .events = POLLIN}};
        const int n_ready = asy_wire_poll(items, 2);
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
    struct asy_lane *lane = &keeper->lanes[n_lane];
    if (!lane->is_up && !start_worker(keeper, lane, fault)) return false;
    const struct asy_wire_ask ask = {.turn = ++lane->turn, .first = first, .n = n};
    /* A worker that says "done" without having judged is found out by this. */
    memset(lane->reason + first, 0xff, n * sizeof(*lane->reason));
    ssize_t sent;
    do sent = send(lane->work, &ask, sizeof(ask), MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent == (ssize_t)sizeof(ask)) return await_answer(keeper, lane, limit_ns, fault);
    /* A full queue: it has answered, and not read what it was asked. */
    if (errno == EAGAIN) return judge_answer(keeper, lane, ASY_GOT_NONSENSE, NULL, fault);
    lane->is_up = false;
    return is_fault(fault, ASY_FAULT_ERROR, GONE);
}

void asy_keeper_renew(struct asy_keeper_process *keeper, uint32_t n_lane)
{
    keeper->lanes[n_lane].is_up = false;
}
