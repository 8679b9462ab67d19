/* The processes of an isolated plugin, and this side of their wires. Nothing they send is believed unchecked.
 *
 *   this process
 *     |  open            socket: declaration
 *     +-- loader         sandboxed, has loaded the plugin; waits
 *           |  bind      socket: names, errors; by SCM_RIGHTS: facts, and per lane stage and wires
 *           +-- keeper   has called create(); forks workers and says how they ended
 *                 +-- worker of lane 0      wire: rows first, n -> done, or the plugin's error
 *                 +-- worker of lane 1 ...
 *
 * A worker that dies is replaced by a fresh fork of the keeper, in the state after create(). Everything ends when this process closes
 * its wires or dies. Time is watched from here: processor time of the worker, whether it sleeps, and a generous wall clock.
 *
 * What is asked of a program that embeds the engine: open plugins before other threads are about that may hold a lock of the dynamic
 * linker just then (the child of a fork would wait for it: the plugin is refused after some seconds), and before it holds secrets that a
 * plugin must not read, since the child has a copy of its private memory. Handlers and masks of signals do not matter; nor does
 * it whether the program reaps all children itself or ignores SIGCHLD, but then it is not told which signal ended a loader. */
#ifndef ASY_PLUGIN_WORKER_H
#define ASY_PLUGIN_WORKER_H

#include "plugin/plugin.h"

struct asy_loader_process;
assay_status asy_loader_start(struct asy_loader_process **out, struct asy_mem *mem, const struct asy_plugin_file *file,
                              uint64_t memory_bytes, struct asy_pool *pool, struct asy_plugin_decl *decl, struct assay_error *error);
void asy_loader_stop(struct asy_loader_process *loader);
const char *asy_loader_missing(const struct asy_loader_process *loader);

struct asy_keeper_process;
/* `stages`: n_lanes shared ones. `names` in `pool`. */
assay_status asy_keeper_start(struct asy_keeper_process **out, struct asy_loader_process *loader, const struct asy_plugin_decl *decl,
                              const struct asy_facts *facts, const struct asy_stage *stages, uint32_t n_lanes, int64_t now_s,
                              struct asy_pool *pool, struct asy_plugin_names *names, struct assay_error *error);
void asy_keeper_stop(struct asy_keeper_process *keeper);
/* Let the lane's worker run rows first .. first + n - 1; at most `limit_ns` of processor time. False: *fault; the next call has a fresh
 * worker. */
bool asy_keeper_run(struct asy_keeper_process *keeper, uint32_t lane, uint32_t first, uint32_t n, int64_t limit_ns, struct asy_fault *fault);
/* The next call shall have a fresh worker. */
void asy_keeper_renew(struct asy_keeper_process *keeper, uint32_t lane);

#endif
