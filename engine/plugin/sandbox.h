/* What an isolated plugin's process may do. Each step is for the calling process and its children and cannot be undone.
 *
 *   asy_sandbox_enter    before the plugin is loaded: default signals, nothing open but `keep`, standard streams to nowhere, limits (no core
 *                        dump, no files, memory), first to go when the machine is short of memory, no new privileges, landlock without any right to write, seccomp: only what loading,
 *                        create() and forking workers need
 *   asy_sandbox_close    before create(): nothing can be opened any more
 *   asy_sandbox_narrow   in a worker: no new processes or threads, no opening, no signals to others
 *
 * What the kernel lacks is left out and told. Under a sanitizer memory is not limited. */
#ifndef ASY_PLUGIN_SANDBOX_H
#define ASY_PLUGIN_SANDBOX_H

#include "base/mem.h"

enum asy_sandbox_part { ASY_SANDBOX_SECCOMP = 1, ASY_SANDBOX_LANDLOCK = 2 };
/* `keep`: descriptors that stay open, ascending, all above 2. Parts that are missing are set in *missing. False: a limit could not be
 * set, and the plugin must not be loaded. */
bool asy_sandbox_enter(const int *keep, uint32_t n_keep, uint64_t memory_bytes, uint32_t *missing);
bool asy_sandbox_close(void);
bool asy_sandbox_narrow(void);

#endif
