/* Between the sandbox and the processes that live in it.
 *
 * The loader and the keeper go on after the plugin's code has run in them: they fork, reap and kill, which the plugin itself may not
 * do. Calls of that sort carry a key in the sixth argument, which the kernel ignores for all of them and the filter demands: a
 * plugin that calls fork() is ended by SIGSYS. It keeps mistakes and bombs out; somebody who reads the key out of this process's
 * memory gets processes that are as confined as this one. Workers cannot make these calls, with or without it. */
#ifndef ASY_PLUGIN_SANDBOX_INTERNAL_H
#define ASY_PLUGIN_SANDBOX_INTERNAL_H

#include "plugin/sandbox.h"

#include <sys/types.h>

/* A system call with the key; at most five arguments of its own. -1 and errno as syscall(). */
long asy_sandbox_call(long number, long a, long b, long c, long d, long e);
/* fork, wait4 (0: nothing to tell, with WNOHANG), a descriptor of a child, a signal through it. */
pid_t asy_sandbox_fork(void);
pid_t asy_sandbox_wait(pid_t pid, int *status, int flags);
int asy_sandbox_pidfd(pid_t pid);
bool asy_sandbox_kill(int pidfd, int signal_number);
/* End this process with its parent. False: the parent is gone already. `parent`: as it was before the fork. */
bool asy_sandbox_follow(pid_t parent);
/* Raise the limit of address space by what the engine itself is about to map, and make it final. */
bool asy_sandbox_memory(uint64_t more_bytes);

enum asy_filter {
    ASY_FILTER_ENTER,
    ASY_FILTER_CLOSE, /* no file can be opened any more: the libraries are loaded */
    ASY_FILTER_NARROW,
};
/* False: the kernel has no seccomp filters, or not for this machine. */
bool asy_sandbox_filter(enum asy_filter filter);

uint64_t asy_sandbox_key(void);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ASY_SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define ASY_SANDBOX_SANITIZED 1
#endif
#endif
#ifndef ASY_SANDBOX_SANITIZED
#define ASY_SANDBOX_SANITIZED 0
#endif

#endif
