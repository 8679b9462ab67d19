/* A plugin that gives plain verdicts, but for leads whose `n` is the parameter `at` (or n % every == at): there it does what `mode` says.
 * With "create_..." create() does it; with LOADING a constructor. */
#define _GNU_SOURCE 1
#include <assay/plugin.h>

#include <fcntl.h>
#include <fenv.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

ASSAY_PLUGIN_NOTE;

struct state {
    char mode[32];
    int64_t at, every;
    uint32_t special;
    int32_t asked, matched;
    int32_t targets[3];
};

static void *nothing(void *arg)
{
    return arg;
}

static int deeper(volatile char *above, uint64_t n)
{
    volatile char here[4096];
    here[0] = above[0];
    return n == 0 ? 0 : deeper(here, n - 1) + here[0];
}

static void out_of_memory(void)
{
    volatile char *p = malloc((size_t)1 << 30);
    for (size_t i = 0; i < (size_t)1 << 30; i += 4096) p[i] = 1;
}

/* What can be done anywhere. */
static void act(const char *mode)
{
    static uint32_t never;
    volatile int zero = 0;
    if (strcmp(mode, "segfault") == 0) *(volatile int *)(uintptr_t)zero = 1;
    else if (strcmp(mode, "abort") == 0) abort();
    else if (strcmp(mode, "exit") == 0) exit(0);
    else if (strcmp(mode, "exit3") == 0) _exit(3);
    else if (strcmp(mode, "spin") == 0) for (;;) zero = 0;
    else if (strcmp(mode, "sleep") == 0) for (;;) nanosleep(&(struct timespec){1000, 0}, NULL);
    else if (strcmp(mode, "lock") == 0) for (;;) syscall(SYS_futex, &never, FUTEX_WAIT, 0, NULL, NULL, 0);
    else if (strcmp(mode, "stop") == 0) raise(SIGSTOP);
    else if (strcmp(mode, "usr1") == 0) raise(SIGUSR1);
    else if (strcmp(mode, "fork") == 0) while (fork() >= 0) continue;
    else if (strcmp(mode, "vfork") == 0) syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
    else if (strcmp(mode, "thread") == 0) pthread_create(&(pthread_t){0}, NULL, nothing, NULL);
    else if (strcmp(mode, "kill_parent") == 0) kill(getppid(), SIGKILL);
    else if (strcmp(mode, "tgkill_parent") == 0) syscall(SYS_tgkill, getppid(), getppid(), SIGKILL);
    else if (strcmp(mode, "open") == 0) open("/etc/hostname", O_RDONLY);
    else if (strcmp(mode, "create_file") == 0) open("/tmp/assay_plugin_was_here", O_CREAT | O_WRONLY, 0600);
    else if (strcmp(mode, "socket") == 0) socket(AF_INET, SOCK_STREAM, 0);
    else if (strcmp(mode, "exec") == 0) execl("/bin/true", "true", (char *)NULL);
    else if (strcmp(mode, "close") == 0) for (int fd = 0; fd < 64; fd++) close(fd);
    else if (strcmp(mode, "stack") == 0) deeper((volatile char[1]){0}, UINT64_MAX);
    else if (strcmp(mode, "gigabyte") == 0) out_of_memory();
    else if (strcmp(mode, "reset_limits") == 0) syscall(SYS_prlimit64, 0, 9, (uint64_t[2]){~0ull, ~0ull}, NULL);
    else if (strcmp(mode, "round") == 0) fesetround(FE_UPWARD);
    else if (strcmp(mode, "print") == 0) fprintf(stderr, "nobody reads this\n"), fflush(stderr);
    else if (strcmp(mode, "blocked_segfault") == 0) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        *(volatile int *)(uintptr_t)zero = 1;
    } else if (strcmp(mode, "handled_abort") == 0) {
        signal(SIGABRT, SIG_IGN);
        abort();
    }
}

/* -- as the engine would, or says to itself: numbers from engine/plugin/worker_internal.h */

enum { WIRE_DECL = 2, WIRE_KEEPER = 5, WIRE_NAMES = 10, WIRE_DIED = 14, WIRES_MAX = 64 };
struct head {
    uint32_t type, number;
    int32_t value;
    uint32_t n_bytes;
};

static void say_everywhere(const void *p, size_t n_bytes, int flags)
{
    for (int fd = WIRES_MAX; fd-- > 3;) send(fd, p, n_bytes, flags | MSG_NOSIGNAL); /* the keeper's own last */
}

/* News that never end. */
static void flood(uint32_t type)
{
    const struct head news = {.type = type, .number = 77};
    for (;;) say_everywhere(&news, sizeof(news), MSG_DONTWAIT);
}

/* "create() has returned and has registered nothing." */
static void forge_names(void)
{
    const struct head head = {.type = WIRE_NAMES, .n_bytes = 12};
    const uint32_t none[3] = {0};
    say_everywhere(&head, sizeof(head), 0);
    say_everywhere(none, sizeof(none), 0);
}

/* "This is a disqualifier without parameters, with the reason `a`." */
static void forge_declaration(void)
{
    static const char bytes[] = "ASD1\1\0\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\1\0\0\0x" "\1\0\0\0" "1" "\0\0\0\0" "\0\0\0\0"
                                "\0\0\0\0" "\1\0\0\0" "\1\0\0\0" "\1\0\0\0a" "\1\0\0\0a";
    const struct head head = {.type = WIRE_DECL, .n_bytes = sizeof(bytes) - 1};
    say_everywhere(&head, sizeof(head), 0);
    say_everywhere(bytes, sizeof(bytes) - 1, 0);
}

/* What the engine's own calls carry, see engine/plugin/sandbox_filter.c. */
static long call_with_key(long number, long a, long b, long c, long d)
{
    uint64_t halves[2];
    memcpy(halves, (const void *)(uintptr_t)getauxval(AT_RANDOM), sizeof(halves));
    return syscall(number, a, b, c, d, 0, (halves[0] ^ (halves[1] >> 7) ^ (halves[1] << 57)) | 1);
}

static void send_descriptor(void)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } room = {.align = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
    struct iovec data = {"", 1};
    const struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof(room.bytes)};
    for (int fd = 3; fd < WIRES_MAX; fd++) sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void reach_out(const char *mode)
{
    if (strcmp(mode, "poison") == 0) madvise(NULL, 0, MADV_HWPOISON);
    else if (strcmp(mode, "send_descriptor") == 0) send_descriptor();
    else if (strcmp(mode, "own") == 0) fcntl(0, F_SETOWN, getppid());
    else if (strcmp(mode, "key_limits") == 0) call_with_key(SYS_prlimit64, getppid(), RLIMIT_CPU, (long)(uintptr_t)(uint64_t[2]){0}, 0);
    else if (strcmp(mode, "key_parent") == 0) call_with_key(SYS_pidfd_open, getppid(), 0, 0, 0);
    else if (strcmp(mode, "key_thread") == 0) call_with_key(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0);
    else if (strcmp(mode, "key_dumpable") == 0) call_with_key(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0);
    else if (strcmp(mode, "talk") == 0) forge_names(), flood(WIRE_DIED);
    else if (strcmp(mode, "stand") == 0) forge_names(), raise(SIGSTOP);
    else if (strcmp(mode, "declare") == 0) forge_declaration(), flood(WIRE_KEEPER);
}

/* Forged words of having done it, on whatever wire there is, then nothing. */
static void forge(void)
{
    uint32_t answer[66] = {0};
    for (int fd = 3; fd < 64; fd++)
        for (uint32_t turn = 1; turn < 10; turn++) {
            answer[0] = turn;
            answer[1] = 1;
            if (send(fd, answer, sizeof(answer), MSG_NOSIGNAL) < 0) break;
        }
    for (;;) continue;
}

static void forge_for_ever(void)
{
    uint32_t answer[66] = {0, 1};
    for (;; answer[0] = answer[0] % 10 + 1) say_everywhere(answer, sizeof(answer), 0);
}

/* The same behind packets without content, which are no end of the wire. */
static void forge_behind_nothing(void)
{
    for (int i = 0; i < 3; i++) say_everywhere("", 0, 0);
    forge();
}

/* How engine/plugin/stage.h begins. */
struct stage {
    uint32_t n_rows_max, n_columns, kind;
    void **data;
    void *null, *widths, *keys;
    uint16_t *reason;
};
enum { STACK_WORDS = 4096, BEHIND_WORDS = 64 };

static int is_readable(const void *p)
{
    return syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, p, NULL, sizeof(uint64_t)) == 0;
}

static int is_stage(const struct stage *p)
{
    return (uintptr_t)p % 8 == 0 && is_readable(p) && is_readable(&p->reason) && p->n_rows_max == ASSAY_BATCH_ROWS && p->n_columns == 2 &&
           p->kind == ASSAY_DISQUALIFY && is_readable(p->data) && is_readable(p->reason);
}

/* Where the caller has its verdicts: somewhere on the stack there is a pointer to them. */
static const struct stage *find_stage(void)
{
    const volatile uintptr_t here = 0;
    const volatile uintptr_t *word = &here;
    for (int i = 0; i < STACK_WORDS && is_readable((const void *)(uintptr_t)word); i++, word++)
        if (is_stage((const struct stage *)*word)) return (const struct stage *)*word;
    raise(SIGUSR2); /* then this attack is to be thought over */
    return NULL;
}

/* Lanes stand side by side in the keeper, and so in its workers. */
static void look_for_neighbours(void)
{
    const uint64_t *own = (const uint64_t *)find_stage();
    for (int i = 1; i < BEHIND_WORDS; i++)
        if (is_stage((const struct stage *)(own + i))) abort();
}

#ifdef LOADING
__attribute__((constructor)) static void load(void)
{
    act(LOADING);
    reach_out(LOADING);
}
#endif

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **out, struct assay_plugin_error *error)
{
    const struct assay_dictionary *dictionary = host->service(host, "assay.dictionary/1");
    const struct assay_counters *counters = host->service(host, "assay.counters/1");
    const struct assay_targets *targets = host->service(host, "assay.targets/1");
    const struct assay_log *log = host->service(host, "assay.log/1");
    struct state *state = calloc(1, sizeof(*state));
    if (state == NULL) return -1;
    snprintf(state->mode, sizeof(state->mode), "%.*s", (int)values[0].text.n_bytes, values[0].text.p);
    state->at = values[1].i;
    state->every = values[2].i;
    state->special = dictionary->find(host, 1, "special", 7);
    state->asked = counters->add(host, "asked");
    state->matched = counters->add(host, "matched");
    const char *const names[3] = {"Ada", "Bo", "Cy"};
    for (uint32_t i = 0; targets != NULL && i < 3; i++) state->targets[i] = targets->add(host, names[i], strlen(names[i]));
    log->line(host, "created");
    if (strncmp(state->mode, "create_", 7) == 0) {
        if (strcmp(state->mode, "create_fail") == 0) {
            snprintf(error->text, sizeof(error->text), "at: expected a lucky number, found 13");
            free(state);
            return 1;
        }
        act(state->mode + 7);
        reach_out(state->mode + 7);
    }
    *out = state;
    return 0;
}

static void destroy(void *state)
{
    free(state);
}

static void judge(const struct state *state, const struct assay_batch *batch, const struct assay_verdict *verdict, uint32_t row)
{
    const int64_t n = ((const int64_t *)batch->columns[0].data)[row];
    const int is_null = batch->columns[0].null[row] != 0;
    const uint32_t name = ((const uint32_t *)batch->columns[1].data)[row];
    uint16_t reason = 0;
    if (!is_null && n % 3 == 0) reason = 1 + (uint16_t)((uint64_t)n & 1);
    if (name != 0 && name == state->special) reason = 5;
    verdict->reason[row] = reason;
    verdict->counters[state->asked]++;
    if (reason == 0) return;
    verdict->counters[state->matched]++;
    /* A third, rounded to the nearest, is less than one. */
    volatile double one = 1.0;
    if (verdict->points_milli != NULL) verdict->points_milli[row] = (int32_t)(n % 100) * 1000 + (one / 3.0 > 0x1.5555555555555p-2);
    if (verdict->target != NULL) verdict->target[row] = reason == 5 ? ASSAY_NO_TARGET : state->targets[(uint64_t)n % 3];
    if (verdict->due_s != NULL) verdict->due_s[row] = reason == 5 ? ASSAY_NO_DUE : batch->now_s + (n & 0xffff);
}

/* What only run() can do wrong. Nonzero: run() fails. */
static int misbehave(const struct state *state, const struct assay_batch *batch, const struct assay_verdict *verdict, uint32_t row,
                     struct assay_plugin_error *error)
{
    const char *mode = state->mode;
    act(mode);
    if (strcmp(mode, "error") == 0) {
        snprintf(error->text, sizeof(error->text), "expected\nluck");
        return 7;
    }
    if (strcmp(mode, "unwritten") == 0) verdict->reason[row] = 65535;
    if (strcmp(mode, "reason") == 0) verdict->reason[row] = 4;
    if (strcmp(mode, "points") == 0) verdict->reason[row] = 1, verdict->points_milli[row] = 100001;
    if (strcmp(mode, "target") == 0) verdict->reason[row] = 1, verdict->target[row] = 3;
    if (strcmp(mode, "due") == 0) verdict->reason[row] = 1, verdict->due_s[row] = -1;
    if (strcmp(mode, "before") == 0) verdict->reason[-1] = 1;
    if (strcmp(mode, "behind") == 0) verdict->reason[batch->n_rows] = 1;
    if (strcmp(mode, "input") == 0) ((int64_t *)(uintptr_t)batch->columns[0].data)[row] = 1;
    if (strcmp(mode, "company") == 0 && batch->n_rows > 1) abort();
    if (strcmp(mode, "crowd") == 0 && batch->n_rows > 1000) abort();
    if (strcmp(mode, "beside") == 0 && batch->n_rows > 1000) verdict->reason[row] = 65535;
    if (strcmp(mode, "forge") == 0) forge();
    if (strcmp(mode, "forge_for_ever") == 0) forge_for_ever();
    if (strcmp(mode, "forge_behind_nothing") == 0) forge_behind_nothing();
    if (strcmp(mode, "neighbour") == 0) look_for_neighbours();
    reach_out(mode);
    return 0;
}

static int32_t run(void *p, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    const struct state *state = p;
    const int64_t *n = batch->columns[0].data;
    for (uint32_t row = 0; row < batch->n_rows; row++) judge(state, batch, verdict, row);
    for (uint32_t row = 0; row < batch->n_rows; row++) {
        const int is_hit = state->every > 0 ? n[row] % state->every == state->at : n[row] == state->at;
        const int is_failed = is_hit && batch->columns[0].null[row] == 0 ? misbehave(state, batch, verdict, row, error) : 0;
        if (is_failed) return is_failed;
    }
    return 0;
}

static const struct assay_want wants[] = {
    {"n", ASSAY_INT_COLUMN, 0, "a number"},
    {"name", ASSAY_TEXT_COLUMN, ASSAY_WANT_OPTIONAL, "a name"},
};
static const struct assay_param params[] = {
    {"mode", ASSAY_TEXT_PARAM, 0, "", "what to do", 0, 0},
    {"at", ASSAY_INT_PARAM, 0, "-1", "to which lead", 0, 0},
    {"every", ASSAY_INT_PARAM, 0, "0", "or to which ones", 0, 0},
};
static const struct assay_reason reasons[] = {
    {1, 0, "even", "The number is even"},
    {2, 0, "odd", "The number is odd"},
    {5, 0, "special", "The name is special"},
};

const struct assay_plugin assay_entry_v1 = {
    ASSAY_ABI_HEADER,
    KIND,
    ASSAY_CAP_READS_TIME,
    "test.work",
    "1",
    "judges, and misbehaves on demand",
    2,
    3,
    3,
    0,
    wants,
    params,
    reasons,
    KIND == ASSAY_SCORE ? -100000 : 0,
    KIND == ASSAY_SCORE ? 100000 : 0,
    create,
    run,
    destroy,
    NULL,
};
