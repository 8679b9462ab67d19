/* A plugin that misbehaves as it is told, at the lead whose `number` is `at` (and every `every` ones from there): what tests of
 * isolation keep. All other leads get honest verdicts: reason 1 where the number is divisible by 7. ZOO_KIND makes it of one of the four
 * kinds; further definitions break what is there before run(): see ZOO_... below. */
#define _GNU_SOURCE
#ifdef ZOO_REORDERED
#define n_selected n_chosen, n_selected
#endif
#ifdef ZOO_NO_ENTRY
#define assay_entry_v1 zoo_entry
#endif
#include "assay/plugin.h"
#ifdef ZOO_REORDERED
#undef n_selected
#endif

#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TOUCHED "/tmp/assay-zoo-touched" /* what no plugin can make */

enum { NUMBER_COLUMN, HONEST_REASON = 1, HONEST_DIVISOR = 7, FORKS = 64 };

#ifndef ZOO_NO_NOTE
ASSAY_PLUGIN_NOTE;
#endif

/* -- at work ---------------------------------------------------------------------------------------------------------------- */

struct call {
    const struct assay_batch *batch;
    const struct assay_verdict *verdict;
    struct assay_plugin_error *error;
    struct zoo *zoo;
    uint32_t row;
    int32_t result;
};
struct behaviour {
    const char *name;
    void (*do_it)(struct call *call);
};
struct zoo {
    const struct behaviour *behaviour; /* NULL: good */
    int64_t at, every;
    int32_t target;
    char *heap;
};

static volatile int zero;
static volatile uintptr_t nowhere;
static volatile uint64_t sink;
static uint32_t divisor = HONEST_DIVISOR; /* an own static, which one of them changes */

static void *input(const struct call *call) { return (void *)(uintptr_t)call->batch->columns[NUMBER_COLUMN].data; }
static char *page_of(const void *p) { return (char *)((uintptr_t)p & ~(uintptr_t)4095); }
static void spin(void)
{
    for (;;) sink++;
}

/* A byte of every page, in a way that no compiler leaves out. */
static void touch(void *p, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i += 4096) ((volatile char *)p)[i] = 1;
}

/* -- memory */
static void read_null(struct call *call) { (void)call, sink = *(volatile uint64_t *)nowhere; }
static void write_null(struct call *call) { (void)call, *(volatile uint64_t *)nowhere = 1; }
static void write_wild(struct call *call) { (void)call, *(volatile uint64_t *)(nowhere + 0x12345671) = 1; }
static void write_code(struct call *call) { (void)call, *(volatile char *)(uintptr_t)&spin = 1; }
static void write_before(struct call *call) { ((volatile uint16_t *)call->verdict->reason)[-1 + zero] = 1; }
static void write_behind(struct call *call) { ((volatile uint16_t *)call->verdict->reason)[call->batch->n_rows + (uint32_t)zero] = 1; }
static void write_many_behind(struct call *call)
{
    for (uint32_t i = 0; i < 1u << 20; i++) ((volatile uint16_t *)call->verdict->reason)[call->batch->n_rows + i] = 1;
}
static void write_far(struct call *call) { ((volatile uint16_t *)call->verdict->reason)[(uint64_t)1 << 40] = 1; }
static void write_input(struct call *call) { memset(input(call), 0x55, call->batch->n_rows * sizeof(int64_t)); }
static void write_null_input(struct call *call) { memset((void *)(uintptr_t)call->batch->columns[NUMBER_COLUMN].null, 0xFF, call->batch->n_rows); }
static void write_input_opened(struct call *call)
{
    mprotect(page_of(input(call)), 8192, PROT_READ | PROT_WRITE);
    memset(input(call), 0x55, call->batch->n_rows * sizeof(int64_t));
}
static void unmap_input(struct call *call)
{
    munmap(page_of(input(call)), 4096);
    sink = *(volatile uint64_t *)input(call);
}
static void free_input(struct call *call) { free((char *)input(call) + 8 + zero); }
static void write_batch(struct call *call)
{
    struct assay_batch *batch = (struct assay_batch *)(uintptr_t)call->batch;
    batch->n_rows = UINT32_MAX;
    batch->columns = NULL;
    struct assay_verdict *verdict = (struct assay_verdict *)(uintptr_t)call->verdict;
    verdict->reason = NULL;
    verdict->points_milli = NULL;
}
static void write_columns(struct call *call) { memset((void *)(uintptr_t)call->batch->columns, 0, sizeof(struct assay_column)); }
static void write_no_points(struct call *call) { ((volatile int32_t *)call->verdict->points_milli)[call->row] = 1; }
static void write_no_counter(struct call *call) { ((volatile uint64_t *)call->verdict->counters)[0] = 1; }
static void double_free(struct call *call)
{
    char *volatile p = call->zoo->heap;
    free(p);
    free(p);
}
static void heap_overflow(struct call *call)
{
    volatile char *p = call->zoo->heap;
    for (int i = 0; i < 4096 + zero; i++) p[i] = 0x41;
    free(call->zoo->heap);
    free(malloc(100));
    abort();
}
static void stack_overflow(struct call *call)
{
    volatile char frame[1024];
    frame[zero] = 1;
    if (!zero) stack_overflow(call);
    sink = (uint64_t)frame[zero];
}
static void alloca_bomb(struct call *call)
{
    (void)call;
    volatile char *p = alloca((size_t)(64 << 20) + (size_t)zero);
    p[0] = 1;
}
static void gigabyte(struct call *call)
{
    (void)call;
    touch(malloc((size_t)1 << 30), (size_t)1 << 30);
    abort();
}
static void leak(struct call *call)
{
    (void)call;
    for (;;) touch(malloc(1 << 20), 4096);
}
static void map_bomb(struct call *call)
{
    (void)call;
    while (mmap(NULL, 1 << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) {}
    abort();
}

/* -- ending, hanging, signals */
static void do_exit_0(struct call *call) { (void)call, exit(0); }
static void do__exit_0(struct call *call) { (void)call, _exit(0); }
static void do_exit_3(struct call *call) { (void)call, exit(3); }
static void do_abort(struct call *call) { (void)call, abort(); }
static void raise_term(struct call *call) { (void)call, raise(SIGTERM); }
static void raise_kill(struct call *call) { (void)call, raise(SIGKILL); }
static void raise_stop(struct call *call) { (void)call, raise(SIGSTOP); }
static void raise_pipe(struct call *call) { (void)call, raise(SIGPIPE); }
static void raise_user(struct call *call) { (void)call, raise(SIGUSR1); }
static void kill_parent(struct call *call) { (void)call, kill(getppid(), SIGKILL); }
static void stop_parent(struct call *call) { (void)call, syscall(SYS_tgkill, getppid(), getppid(), SIGSTOP); }
static void loop(struct call *call) { (void)call, spin(); }
static void sleep_on(struct call *call)
{
    (void)call;
    for (;;) nanosleep(&(struct timespec){.tv_sec = 1000}, NULL);
}
static void do_pause(struct call *call)
{
    (void)call;
    for (;;) pause();
}
static void lock_twice(struct call *call)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)call;
    pthread_mutex_lock(&lock);
    pthread_mutex_lock(&lock);
}
static void block_and_loop(struct call *call)
{
    sigset_t all;
    (void)call;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    spin();
}
static void again(int number) { (void)number; }
static void ignore_and_crash(struct call *call)
{
    (void)call;
    struct sigaction action = {.sa_handler = again};
    sigaction(SIGSEGV, &action, NULL);
    *(volatile uint64_t *)nowhere = 1;
}
static void leave(int number) { (void)number, _exit(0); }
static void crash_and_exit(struct call *call)
{
    struct sigaction action = {.sa_handler = leave};
    sigaction(SIGSEGV, &action, NULL);
    write_null(call);
}
static void ignore_signals(struct call *call)
{
    (void)call;
    for (int i = 1; i < 32; i++) signal(i, SIG_IGN);
}
static void set_alarm(struct call *call)
{
    (void)call;
    alarm(1);
    spin();
}
static void divide(struct call *call) { (void)call, sink = (uint64_t)(77 / zero); }
static void illegal(struct call *call) { (void)call, __builtin_trap(); }
static void longjmp_nowhere(struct call *call)
{
    static jmp_buf place;
    (void)call;
    longjmp(place, 1);
}
static void longjmp_within(struct call *call)
{
    static jmp_buf place;
    (void)call;
    if (setjmp(place) == 0) longjmp(place, 1);
}
static void *be_thread(void *nothing) { return nothing; }

/* -- system calls */
static void do_fork(struct call *call)
{
    (void)call;
    if (fork() == 0) _exit(0);
}
static void fork_bomb(struct call *call)
{
    (void)call;
    for (int i = 0; i < FORKS; i++)
        if (fork() == 0) _exit(0);
}
static void do_vfork(struct call *call)
{
    (void)call;
    if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0) _exit(0);
}
static void make_thread(struct call *call)
{
    pthread_t thread;
    (void)call;
    pthread_create(&thread, NULL, be_thread, NULL);
}
static void do_exec(struct call *call) { (void)call, execl("/bin/true", "true", (char *)NULL); }
static void open_to_write(struct call *call) { (void)call, sink = (uint64_t)open(TOUCHED, O_WRONLY | O_CREAT, 0600); }
static void open_to_read(struct call *call) { (void)call, sink = (uint64_t)open("/etc/passwd", O_RDONLY); }
static void do_unlink(struct call *call) { (void)call, unlink(TOUCHED); }
static void do_mkdir(struct call *call) { (void)call, syscall(SYS_mkdirat, AT_FDCWD, TOUCHED, 0700); }
static void make_memory_file(struct call *call) { (void)call, memfd_create("zoo", 0); }
static void do_socket(struct call *call) { (void)call, socket(AF_INET, SOCK_STREAM, 0); }
static void do_connect(struct call *call)
{
    (void)call;
    const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = TOUCHED};
    for (int fd = 0; fd < 64; fd++) connect(fd, (const struct sockaddr *)&to, sizeof(to));
}
static void close_all(struct call *call)
{
    (void)call;
    for (int fd = 0; fd < 256; fd++) close(fd);
}
static void write_all(struct call *call)
{
    static const char text[] = "This is no answer of a worker.";
    (void)call;
    for (int fd = 0; fd < 256; fd++)
        if (write(fd, text, sizeof(text)) < 0 && errno == EPERM) break;
}
static void send_all(struct call *call)
{
    char text[1024];
    (void)call;
    memset(text, 0xA5, sizeof(text));
    for (int fd = 3; fd < 256; fd++) send(fd, text, sizeof(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}
static void receive_all(struct call *call)
{
    char text[1024];
    (void)call;
    for (int fd = 3; fd < 256; fd++) recv(fd, text, sizeof(text), MSG_DONTWAIT);
}
static void trace_parent(struct call *call) { (void)call, ptrace(PTRACE_ATTACH, getppid(), NULL, NULL); }
static void read_parent(struct call *call) { (void)call, syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0); }
static void be_dumpable(struct call *call) { (void)call, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }
static void raise_limits(struct call *call)
{
    const struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    (void)call;
    setrlimit(RLIMIT_AS, &limit);
}
static void set_user(struct call *call) { (void)call, syscall(SYS_setuid, 65534); }
static void change_root(struct call *call) { (void)call, syscall(SYS_chroot, TOUCHED); }
static void new_names(struct call *call) { (void)call, unshare(CLONE_NEWUSER); }
static void be_realtime(struct call *call)
{
    const struct sched_param param = {.sched_priority = 1};
    (void)call;
    sched_setscheduler(0, SCHED_FIFO, &param);
}
static void set_rounding(struct call *call) { (void)call, fesetround(FE_UPWARD), feraiseexcept(FE_ALL_EXCEPT); }
static void set_locale(struct call *call) { (void)call, setlocale(LC_ALL, "tlh_QO.UTF-8"); }
static void print(struct call *call)
{
    (void)call;
    printf("A plugin says something on the standard output.\n");
    fprintf(stderr, "And on the other one.\n");
    fflush(stdout);
}
static void read_clock(struct call *call)
{
    struct timespec now;
    (void)call;
    clock_gettime(CLOCK_REALTIME, &now);
    sink = (uint64_t)now.tv_nsec;
}

/* -- verdicts */
static void leave_unwritten(struct call *call) { memset(&call->verdict->reason[call->row], 0xFF, sizeof(uint16_t)); }
static void unknown_reason(struct call *call) { call->verdict->reason[call->row] = 999; }
static void reason_65534(struct call *call) { call->verdict->reason[call->row] = 65534; }
static void reason_65535(struct call *call) { call->verdict->reason[call->row] = 65535; }
static void say(struct call *call, const char *text)
{
    snprintf(call->error->text, sizeof(call->error->text), "%s", text);
    call->result = -1;
}
static void fail(struct call *call) { say(call, "expected a better day, found this one"); }
static void fail_silently(struct call *call) { call->result = 77; }
static void fail_rudely(struct call *call)
{
    /* No end, and bytes that are no text. */
    memset(call->error->text, 0xC3, sizeof(call->error->text));
    call->result = -1;
}
static void fail_in_colour(struct call *call) { say(call, "\033[31mred\r\n\a and two lines"); }
static void change_static(struct call *call)
{
    (void)call;
    divisor = 1;
    abort();
}
static void change_static_and_loop(struct call *call)
{
    (void)call;
    divisor = 1;
    spin();
}
static void flip_all_then_crash(struct call *call)
{
    for (uint32_t row = 0; row < call->batch->n_rows; row++) call->verdict->reason[row] ^= 1;
    abort();
}
static void destroy(void *state);
static void destroy_twice(struct call *call)
{
    destroy(call->zoo);
    destroy(call->zoo);
    abort();
}
static void run_within_run(struct call *call);

#if ZOO_KIND == 4
static void give(struct call *call, int32_t points) { call->verdict->reason[call->row] = HONEST_REASON, call->verdict->points_milli[call->row] = points; }
static void points_above(struct call *call) { give(call, 10001); }
static void points_below(struct call *call) { give(call, -10001); }
static void points_largest(struct call *call) { give(call, INT32_MAX); }
static void points_smallest(struct call *call) { give(call, INT32_MIN); }
static void points_behind(struct call *call) { ((volatile int32_t *)call->verdict->points_milli)[call->batch->n_rows] = 1; }
#elif ZOO_KIND == 2
static void aim(struct call *call, int32_t target) { call->verdict->reason[call->row] = HONEST_REASON, call->verdict->target[call->row] = target; }
static void target_unknown(struct call *call) { aim(call, 77); }
static void target_below(struct call *call) { aim(call, -2); }
static void target_unwritten(struct call *call) { aim(call, INT32_MIN); }
static void target_before(struct call *call) { ((volatile int32_t *)call->verdict->target)[-1 + zero] = 1; }
#elif ZOO_KIND == 3
static void set_due(struct call *call, int64_t due) { call->verdict->reason[call->row] = HONEST_REASON, call->verdict->due_s[call->row] = due; }
static void due_negative(struct call *call) { set_due(call, -1); }
static void due_late(struct call *call) { set_due(call, (int64_t)UINT32_MAX + 1); }
static void due_unwritten(struct call *call) { set_due(call, INT64_MIN); }
static void due_behind(struct call *call) { ((volatile int64_t *)call->verdict->due_s)[call->batch->n_rows] = 1; }
#endif

static const struct behaviour behaviours[] = {
    {"read_null", read_null}, {"write_null", write_null}, {"write_wild", write_wild}, {"write_code", write_code}, {"write_before", write_before},
    {"write_behind", write_behind}, {"write_many_behind", write_many_behind}, {"write_far", write_far}, {"write_input", write_input},
    {"write_null_input", write_null_input}, {"write_input_opened", write_input_opened}, {"unmap_input", unmap_input},
    {"free_input", free_input}, {"write_batch", write_batch}, {"write_columns", write_columns}, {"write_no_points", write_no_points},
    {"write_no_counter", write_no_counter}, {"double_free", double_free}, {"heap_overflow", heap_overflow},
    {"stack_overflow", stack_overflow}, {"alloca_bomb", alloca_bomb}, {"gigabyte", gigabyte}, {"leak", leak}, {"map_bomb", map_bomb},
    {"exit_0", do_exit_0}, {"_exit_0", do__exit_0}, {"exit_3", do_exit_3}, {"abort", do_abort}, {"raise_term", raise_term},
    {"raise_kill", raise_kill}, {"raise_stop", raise_stop}, {"raise_pipe", raise_pipe}, {"raise_user", raise_user},
    {"kill_parent", kill_parent}, {"stop_parent", stop_parent}, {"loop", loop}, {"sleep", sleep_on}, {"pause", do_pause},
    {"lock_twice", lock_twice}, {"block_and_loop", block_and_loop}, {"ignore_and_crash", ignore_and_crash},
    {"crash_and_exit", crash_and_exit}, {"ignore_signals", ignore_signals}, {"alarm", set_alarm}, {"divide", divide}, {"illegal", illegal},
    {"longjmp_nowhere", longjmp_nowhere}, {"longjmp_within", longjmp_within}, {"fork", do_fork}, {"fork_bomb", fork_bomb},
    {"vfork", do_vfork}, {"thread", make_thread}, {"exec", do_exec}, {"open_to_write", open_to_write}, {"open_to_read", open_to_read},
    {"unlink", do_unlink}, {"mkdir", do_mkdir}, {"memory_file", make_memory_file}, {"socket", do_socket}, {"connect", do_connect},
    {"close_all", close_all}, {"write_all", write_all}, {"send_all", send_all}, {"receive_all", receive_all},
    {"trace_parent", trace_parent}, {"read_parent", read_parent}, {"be_dumpable", be_dumpable}, {"raise_limits", raise_limits},
    {"set_user", set_user}, {"change_root", change_root}, {"new_names", new_names}, {"be_realtime", be_realtime},
    {"set_rounding", set_rounding}, {"set_locale", set_locale}, {"print", print}, {"read_clock", read_clock},
    {"leave_unwritten", leave_unwritten}, {"unknown_reason", unknown_reason}, {"reason_65534", reason_65534},
    {"reason_65535", reason_65535}, {"fail", fail}, {"fail_silently", fail_silently}, {"fail_rudely", fail_rudely},
    {"fail_in_colour", fail_in_colour}, {"change_static", change_static}, {"change_static_and_loop", change_static_and_loop},
    {"flip_all_then_crash", flip_all_then_crash}, {"destroy_twice", destroy_twice}, {"run_within_run", run_within_run},
#if ZOO_KIND == 4
    {"points_above", points_above}, {"points_below", points_below}, {"points_largest", points_largest},
    {"points_smallest", points_smallest}, {"points_behind", points_behind},
#elif ZOO_KIND == 2
    {"target_unknown", target_unknown}, {"target_below", target_below}, {"target_unwritten", target_unwritten},
    {"target_before", target_before},
#elif ZOO_KIND == 3
    {"due_negative", due_negative}, {"due_late", due_late}, {"due_unwritten", due_unwritten}, {"due_behind", due_behind},
#endif
};

/* -- the plugin ------------------------------------------------------------------------------------------------------------ */

static int32_t run(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    struct zoo *zoo = state;
    const int64_t *number = batch->columns[NUMBER_COLUMN].data;
    for (uint32_t row = 0; row < batch->n_rows; row++) {
        const int is_hit = number[row] % divisor == 0;
        verdict->reason[row] = is_hit ? HONEST_REASON : ASSAY_NO_REASON;
        if (verdict->points_milli) verdict->points_milli[row] = is_hit ? (int32_t)(number[row] % 10) * 1000 : 0;
        if (verdict->target) verdict->target[row] = is_hit ? zoo->target : ASSAY_NO_TARGET;
        if (verdict->due_s) verdict->due_s[row] = is_hit ? 1800000000 + number[row] : ASSAY_NO_DUE;
    }
    if (!zoo->behaviour) return 0;
    struct call call = {batch, verdict, error, zoo, 0, 0};
    for (uint32_t row = 0, n_rows = batch->n_rows; row < n_rows; row++) {
        const int64_t behind = number[row] - zoo->at;
        if (behind != 0 && (zoo->every == 0 || behind < 0 || behind % zoo->every != 0)) continue;
        call.row = row;
        zoo->behaviour->do_it(&call);
    }
    return call.result;
}

/* Again, on arrays of its own, and then what it is asked for. */
static void run_within_run(struct call *call)
{
    static uint16_t reason[ASSAY_BATCH_ROWS];
    static int32_t number[ASSAY_BATCH_ROWS];
    struct zoo good = *call->zoo;
    struct assay_verdict own = *call->verdict;
    good.behaviour = NULL;
    own.reason = reason;
    if (own.points_milli) own.points_milli = number;
    if (own.target) own.target = number;
    own.due_s = NULL;
    call->result = run(&good, call->batch, &own, call->error);
}

static int is(const char *name, const char *wanted) { return strcmp(name, wanted) == 0; }

/* What can go wrong earlier. */
static int32_t misbehave_in_create(const char *name, struct assay_plugin_error *error)
{
    if (is(name, "create_crashes")) *(volatile uint64_t *)nowhere = 1;
    else if (is(name, "create_exits")) exit(0);
    else if (is(name, "create_aborts")) abort();
    else if (is(name, "create_loops")) spin();
    else if (is(name, "create_sleeps")) sleep_on(NULL);
    else if (is(name, "create_writes")) sink = (uint64_t)open(TOUCHED, O_WRONLY | O_CREAT, 0600);
    else if (is(name, "create_forks")) sink = (uint64_t)fork();
    else if (is(name, "create_takes_memory")) leak(NULL);
    else if (is(name, "create_fails")) snprintf(error->text, sizeof(error->text), "expected a list of domains, found an empty file");
    return -1;
}

__attribute__((unused)) static int32_t create(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error)
{
    const char *name = values[0].text.p;
    struct zoo *zoo = calloc(1, sizeof(*zoo));
    if (!zoo) return -1;
    zoo->at = values[1].i;
    zoo->every = values[2].i;
    zoo->heap = malloc(32);
#if ZOO_KIND == 2
    const struct assay_targets *targets = host->service(host, "assay.targets/1");
    zoo->target = targets ? targets->add(host, "zoe", 3) : ASSAY_NO_TARGET;
#endif
    (void)host;
    for (size_t i = 0; i < sizeof(behaviours) / sizeof(behaviours[0]); i++)
        if (is(name, behaviours[i].name)) zoo->behaviour = &behaviours[i];
    *state = zoo;
    if (is(name, "create_gives_nothing")) *state = NULL;
    if (zoo->behaviour || is(name, "good") || is(name, "create_gives_nothing")) return 0;
    snprintf(error->text, sizeof(error->text), "no such behaviour: %.100s", name);
    return misbehave_in_create(name, error);
}

static void destroy(void *state)
{
    struct zoo *zoo = state;
    if (zoo) free(zoo->heap);
    free(zoo);
}

#ifdef ZOO_CONSTRUCTOR
__attribute__((constructor)) static void begin(void)
{
    ZOO_CONSTRUCTOR;
}
#endif

static const struct assay_want wants[] = {{"number", ASSAY_INT_COLUMN, 0, "Which lead it is"}};
static const struct assay_param params[] = {
    {"behaviour", ASSAY_TEXT_PARAM, ASSAY_PARAM_REQUIRED, NULL, "What to do", 0, 0},
    {"at", ASSAY_INT_PARAM, 0, "0", "At which number", 0, 1000000},
    {"every", ASSAY_INT_PARAM, 0, "0", "And again after so many", 0, 1000000},
};
static const struct assay_reason reasons[] = {{HONEST_REASON, 0, "divisible", "The number is divisible by seven"}};

#ifndef ZOO_HEADER
#define ZOO_HEADER ASSAY_ABI_HEADER
#endif
#ifndef ZOO_CREATE
#define ZOO_CREATE create
#define ZOO_RUN run
#define ZOO_DESTROY destroy
#endif
const struct assay_plugin assay_entry_v1 = {
    ZOO_HEADER,
    .kind = ZOO_KIND,
    .id = "com.example.zoo",
    .version = "1",
    .help = "Misbehaves as it is told",
    .n_wants = 1,
    .n_params = 3,
    .n_reasons = 1,
    .wants = wants,
    .params = params,
    .reasons = reasons,
#if ZOO_KIND == 4
    .points_min_milli = -10000,
    .points_max_milli = 10000,
#endif
    .create = ZOO_CREATE,
    .run = ZOO_RUN,
    .destroy = ZOO_DESTROY,
};
