/* What the three files of the host's side share: worker.c (loaders), worker_bind.c (keepers), worker_run.c (workers). */
#ifndef ASY_PLUGIN_WORKER_HOST_H
#define ASY_PLUGIN_WORKER_HOST_H

#include "plugin/worker_internal.h"

enum {
    ASY_TICKS_A_SECOND = 1000 / ASY_TICK_MS,
    ASY_TICK_NS = ASY_TICK_MS * 1000 * 1000,
    ASY_ANSWER_TICKS = 10 * ASY_TICKS_A_SECOND, /* for what takes no time */
    ASY_CREATE_ASLEEP_TICKS = 2 * ASY_TICKS_A_SECOND,
};

struct asy_loader_process {
    struct asy_mem *mem;
    pid_t pid;
    int pidfd, wire;
    uint32_t next_number;
    const char *path;
    char missing[32];
};

struct asy_lane {
    int work, control;     /* -1: not there, or given up */
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
    struct asy_lane *lanes;
};

/* How a process ended, from what wait4 told. */
struct asy_fault asy_fault_of(int status);
/* An error that was told from over there: one line, and not every status. */
assay_status asy_fail_told(const struct asy_wire_head *head, struct asy_str told, const char *path, struct assay_error *error);
/* Wait for what the loader says about keeper `number`. */
enum asy_wire_got asy_loader_await(struct asy_loader_process *loader, uint32_t number, enum asy_wire_type type, struct asy_wire_head *head);

#endif
