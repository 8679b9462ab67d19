/* What goes over the wires between this process, the loader, the keepers and their workers, and the watch over their time.
 *
 * A wire is a pair of SOCK_SEQPACKET sockets: a packet comes whole or not at all. A message is a head and, if it says so, a body in
 * further packets. Whoever receives checks everything: behind the loader's and the keepers' ends is a plugin's code. */
#ifndef ASY_PLUGIN_WORKER_INTERNAL_H
#define ASY_PLUGIN_WORKER_INTERNAL_H

#include "plugin/worker.h"

#include <poll.h>
#include <sys/types.h>
#include <time.h>

enum asy_wire_type {
    /* loader -> host */
    ASY_WIRE_READY = 1, /* value: parts of the sandbox that are missing, -1: it could not be entered */
    ASY_WIRE_DECL,      /* body: asy_decl_pack */
    ASY_WIRE_ERROR,     /* value: status; body: text */
    ASY_WIRE_BOUND,     /* value: process id of the keeper, or -errno */
    ASY_WIRE_KEEPER,    /* value: how keeper `number` ended, as wait4 tells it */
    ASY_WIRE_STOPPED,
    /* host -> loader; body of BIND: struct asy_wire_bind, then descriptors: facts, talk, and by lane leads, verdicts, work, control */
    ASY_WIRE_BIND,
    ASY_WIRE_FDS,
    ASY_WIRE_STOP,
    /* keeper -> host, over the talk wire; or ERROR */
    ASY_WIRE_NAMES,
    /* host -> keeper, over the control wire of a lane */
    ASY_WIRE_START,     /* a fresh worker, in place of the one there may be */
    ASY_WIRE_KILL,
    /* keeper -> host */
    ASY_WIRE_STARTED,   /* value: process id, or -errno */
    ASY_WIRE_DIED,      /* value: as wait4 tells it */
};
struct asy_wire_head {
    uint32_t type, number;
    int32_t value;
    uint32_t n_bytes; /* of the body */
};
struct asy_wire_bind {
    uint32_t n_lanes, n_rows_max;
    int64_t now_s;
    uint64_t facts_bytes, stage_bytes;
};
/* Over the work wire. */
struct asy_wire_ask {
    uint32_t turn, first, n;
};
struct asy_wire_answer {
    uint32_t turn, is_good;
    struct asy_fault fault;
};

enum {
    ASY_WIRE_CHUNK_BYTES = 32 << 10,
    ASY_WIRE_FDS_MAX = 240,          /* a packet; the kernel's limit is 253 */
    ASY_WIRE_TEXT_BYTES_MAX = 4096,
    ASY_WIRE_BODY_BYTES_MAX = 32 << 20,
    ASY_LANES_MAX = 512,
};

/* Two ends, both close-on-exec and above 2. ends[0] is the host's: what it sends does not wait for ever, since a plugin may not read. */
bool asy_wire_pair(int ends[2]);
/* poll() for one tick. Signals wait so long: one that comes more often than ticks do must not stop the clock. */
int asy_wire_poll(struct pollfd *items, uint32_t n);
/* Blocks while the other side's queue is full. False: the other side is gone, or does not read what the host sends. */
bool asy_wire_send(int fd, const struct asy_wire_head *head, const void *body);
/* Descriptors fds[0 .. n - 1] in one packet; n <= ASY_WIRE_FDS_MAX. */
bool asy_wire_send_fds(int fd, const int *fds, uint32_t n);
/* Block until there is something. For the side that trusts the other one. False: it is gone, or that was no such message. */
bool asy_wire_recv(int fd, struct asy_wire_head *head, void *body, uint32_t n_bytes_max);
bool asy_wire_recv_fds(int fd, int *fds, uint32_t n);

/* Names in a body, and back; what a plugin may not have registered is refused. False without memory (*is_nomem) or for nonsense. */
bool asy_wire_pack_names(const struct asy_plugin_names *names, struct asy_pool *pool, struct asy_str *body);
bool asy_wire_unpack_names(struct asy_plugin_names *names, struct asy_pool *pool, struct asy_str body, bool *is_nomem);

/* -- the watch ---------------------------------------------------------------------------------------------------------------- */

/* Over a process that ought to be busy. Asked after every ASY_TICK_MS of waiting in vain; nobody's time counts while this process does
 * not run itself. Too long is: more processor time than `limit_ns`; `asleep_ticks_max` in a row at which it slept and had used none;
 * or `ticks_max` in all. */
enum { ASY_TICK_MS = 20 };
struct asy_watch {
    pid_t pid;
    clockid_t clock;
    bool has_clock, is_begun;
    int64_t limit_ns, start_ns, seen_ns;
    uint32_t ticks, ticks_max, asleep_ticks, asleep_ticks_max;
};
void asy_watch_init(struct asy_watch *watch, pid_t pid, int64_t limit_ns, uint32_t ticks_max, uint32_t asleep_ticks_max);
/* False: too long. */
bool asy_watch_tick(struct asy_watch *watch);

/* What came when waiting under a watch. */
enum asy_wire_got { ASY_GOT, ASY_GOT_END, ASY_GOT_LATE, ASY_GOT_NONSENSE, ASY_GOT_NOMEM };
/* A head, at the latest when the watch says so. */
enum asy_wire_got asy_wire_await(int fd, struct asy_watch *watch, struct asy_wire_head *head);
/* The body of `head`, at most n_bytes_max, in `pool`. */
enum asy_wire_got asy_wire_await_body(int fd, struct asy_watch *watch, const struct asy_wire_head *head, uint32_t n_bytes_max,
                                      struct asy_pool *pool, struct asy_str *body);

/* -- the other side ----------------------------------------------------------------------------------------------------------- */

/* The loader's whole life, in the forked child: signals are blocked, `wire` and `library` are above 2. */
_Noreturn void asy_loader_main(int wire, int library, const char *path, uint64_t memory_bytes, pid_t host);

/* What a keeper is given. */
struct asy_keeper_task {
    const struct assay_plugin *plugin;
    const struct asy_plugin_decl *decl;
    const char *path;
    struct asy_wire_bind bind;
    int *fds; /* as BIND says */
    pid_t loader;
};
_Noreturn void asy_keeper_main(const struct asy_keeper_task *task);

#endif
