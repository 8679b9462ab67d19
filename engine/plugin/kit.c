/* The conformance kit, see kit.h: every check in a process of its own, and what came of it. */
#include "plugin/kit_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "plugin/clean.h"
#include "plugin/library.h"
#include "plugin/sandbox_internal.h"

enum {
    CHECK_CPU_S = 120,           /* a check as a whole: a million leads at 20 microseconds take 20 s */
    CHECK_WALL_MS = 600 * 1000,
    DECL_BYTES_MAX = 16 << 20,
    DIRT = 0x5A,                 /* fresh memory of the second process: who reads it unset says other things there */
};
#define DATA_BYTES_MAX (4ull << 30)

/* -- a process of its own ------------------------------------------------------------------------------------------ */

static void limit_to(int resource, uint64_t most)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0) return;
    if (limit.rlim_cur > most) limit.rlim_cur = most;
    if (limit.rlim_max > most + 1) limit.rlim_max = most + 1; /* of time: SIGKILL for who blocks SIGXCPU */
    setrlimit(resource, &limit);
}

/* In the new process: nothing of what the host has set up for itself, and bounds for what a plugin may take. */
static void settle(pid_t parent, int keep_fd)
{
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++) sigaction(s, &by_default, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) _exit(1);
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < (ASY_SANDBOX_SANITIZED ? 2 : 3); fd++) dup2(nowhere, fd);
    if (keep_fd > 3) syscall(SYS_close_range, 3, keep_fd - 1, 0);
    if (keep_fd >= 3) syscall(SYS_close_range, keep_fd + 1, UINT32_MAX, 0);
    limit_to(RLIMIT_CORE, 0);
    limit_to(RLIMIT_FSIZE, 0);
    limit_to(RLIMIT_CPU, CHECK_CPU_S);
    if (!ASY_SANDBOX_SANITIZED) limit_to(RLIMIT_DATA, DATA_BYTES_MAX);
}

struct process {
    pid_t pid;
    bool is_late; /* had to be ended */
    int status;   /* as waitpid gives it */
};

/* Until it has ended, or its time is over. What it may have started itself is ended with it: it is the leader of a group. */
static void await(struct process *process)
{
    const int pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    siginfo_t info;
    if (pidfd >= 0) {
        int n_ready;
        do n_ready = poll(&ended, 1, CHECK_WALL_MS);
        while (n_ready < 0 && errno == EINTR);
        process->is_late = n_ready == 0;
        close(pidfd);
    } else { /* an old kernel: its own timers have to do */
        while (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) continue;
    }
    kill(-process->pid, SIGKILL);
    while (waitpid(process->pid, &process->status, 0) < 0 && errno == EINTR) continue;
}

static bool is_signal(const struct process *process, int number)
{
    return WIFSIGNALED(process->status) && WTERMSIG(process->status) == number;
}
static bool has_hung(const struct process *process)
{
    return process->is_late || is_signal(process, SIGPROF) || is_signal(process, SIGALRM) || is_signal(process, SIGXCPU);
}

/* "was ended by SIGSEGV (bad memory access)" */
static void end_text(const struct process *process, char *out, size_t n_bytes)
{
    struct asy_fault fault = {.kind = ASY_FAULT_EXIT, .number = WEXITSTATUS(process->status)};
    if (WIFSIGNALED(process->status)) fault = (struct asy_fault){.kind = ASY_FAULT_SIGNAL, .number = WTERMSIG(process->status)};
    if (is_signal(process, SIGPROF)) snprintf(out, n_bytes, "did not come back but went on computing");
    else if (has_hung(process)) snprintf(out, n_bytes, "did not come back in time");
    else asy_fault_text(&fault, out, n_bytes);
}

static void *share(size_t n_bytes)
{
    void *p = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* -- what it declares ---------------------------------------------------------------------------------------------- */

struct declaration { /* shared */
    assay_status status;
    struct assay_error error;
    uint32_t n_bytes;
    uint8_t bytes[DECL_BYTES_MAX];
};

static _Noreturn void declare(const struct asy_plugin_file *file, struct declaration *out)
{
    struct asy_mem mem;
    struct asy_pool pool;
    struct assay_plugin plugin;
    struct asy_plugin_decl decl;
    struct asy_str bytes = {"", 0};
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    asy_kit_limit_create(true);
    out->status = asy_library_open(&plugin, file->fd, file->path.p, &out->error);
    if (out->status == ASSAY_OK) out->status = asy_decl_read(&decl, &pool, &plugin, file->path.p, &out->error);
    if (out->status == ASSAY_OK) out->status = asy_decl_pack(&decl, &pool, &bytes, &out->error);
    if (bytes.len <= DECL_BYTES_MAX) {
        memcpy(out->bytes, bytes.p, bytes.len);
        out->n_bytes = bytes.len;
    }
    _exit(0);
}

static assay_status read_declaration(struct asy_plugin_decl *decl, struct asy_pool *pool, const struct asy_plugin_file *file,
                                     const struct process *process, struct declaration *told, struct assay_error *error)
{
    char text[160], line[sizeof(told->error.text)];
    end_text(process, text, sizeof(text));
    if (told->status > 0) return asy_fail(error, ASSAY_E_DATA, "%s: loading it: expected a plugin, found one that %s", file->path.p, text);
    if (told->status != ASSAY_OK) {
        asy_clean_line(line, sizeof(line), told->error.text, sizeof(told->error.text));
        return asy_fail(error, told->status == ASSAY_E_NOMEM ? ASSAY_E_NOMEM : ASSAY_E_DATA, "%s", line);
    }
    const uint32_t n_bytes = told->n_bytes <= DECL_BYTES_MAX ? told->n_bytes : 0;
    const struct asy_str bytes = asy_pool_copy(pool, (struct asy_str){(const char *)told->bytes, n_bytes});
    if (bytes.p == NULL) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", file->path.p);
    return asy_decl_unpack(decl, pool, bytes, file->path.p, error);
}

static assay_status get_declaration(struct asy_plugin_decl *decl, struct asy_pool *pool, const struct asy_plugin_file *file,
                                    struct assay_error *error)
{
    struct declaration *told = share(sizeof(*told));
    if (told == NULL) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", file->path.p);
    told->status = 1; /* nothing yet */
    const pid_t parent = getpid();
    struct process process = {.pid = fork()};
    assay_status status = ASSAY_OK;
    if (process.pid == 0) {
        settle(parent, file->fd);
        declare(file, told);
    }
    if (process.pid < 0) status = asy_fail(error, ASSAY_E_IO, "%s: a process for it cannot be started: %s", file->path.p, strerror(errno));
    if (status == ASSAY_OK) {
        await(&process);
        status = read_declaration(decl, pool, file, &process, told, error);
    }
    munmap(told, sizeof(*told));
    return status;
}

/* -- settings ------------------------------------------------------------------------------------------------------ */

static assay_status unknown_setting(const struct asy_plugin_decl *decl, struct asy_pool *pool, const char *path, struct asy_str name,
                                    struct assay_error *error)
{
    struct asy_str *known = asy_pool_alloc_n(pool, decl->n_params, sizeof(*known));
    for (uint32_t p = 0; p < decl->n_params && known != NULL; p++) known[p] = decl->params[p].name;
    const int64_t nearest = known != NULL ? asy_str_nearest(name, known, decl->n_params) : -1;
    if (nearest >= 0)
        return asy_fail(error, ASSAY_E_DATA, "%s: setting `%.*s`: expected a parameter of the plugin; did you mean `%.*s`?", path, ASY_ARG(name),
                        ASY_ARG(known[nearest]));
    return asy_fail(error, ASSAY_E_DATA, "%s: setting `%.*s`: expected a parameter of the plugin, which has %u and none of this name", path,
                    ASY_ARG(name), decl->n_params);
}

static assay_status read_setting(const struct asy_decl_param *param, struct asy_pool *pool, const char *path,
                                 const struct asy_kit_options *options, struct asy_plugin_setting *out, struct assay_error *error)
{
    struct asy_str *texts = asy_pool_alloc_n(pool, options->n_settings, sizeof(*texts)), expected = {"another value", 13};
    uint32_t n = 0;
    for (uint32_t s = 0; s < options->n_settings && texts != NULL; s++)
        if (asy_str_eq(options->settings[s].name, param->name)) texts[n++] = options->settings[s].text;
    if (n > 1 && param->type != ASSAY_TEXTS_PARAM)
        return asy_fail(error, ASSAY_E_DATA, "%s: setting `%.*s`: expected one value, found %u", path, ASY_ARG(param->name), n);
    if (n == 0 && param->is_required)
        return asy_fail(error, ASSAY_E_DATA, "%s: setting `%.*s`: the plugin requires it, and it was not given: add %.*s=VALUE (%.*s)", path,
                        ASY_ARG(param->name), ASY_ARG(param->name), ASY_ARG(param->help));
    const bool is_good = n > 0 ? asy_decl_value(param, pool, texts, n, out, &expected) : asy_decl_fallback(param, pool, out);
    if (pool->has_failed) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    if (is_good) return ASSAY_OK;
    if (n == 0) return asy_fail(error, ASSAY_E_DATA, "%s: parameter `%.*s`: its default is no value for it", path, ASY_ARG(param->name));
    return asy_fail(error, ASSAY_E_DATA, "%s: setting `%.*s`: expected %.*s, found `%.*s`", path, ASY_ARG(param->name), ASY_ARG(expected),
                    (int)(texts[0].len > 60 ? 60 : texts[0].len), texts[0].p);
}

static assay_status read_settings(const struct asy_plugin_decl *decl, struct asy_pool *pool, const char *path,
                                  const struct asy_kit_options *options, struct asy_plugin_setting **out, struct assay_error *error)
{
    assay_status status = ASSAY_OK;
    for (uint32_t s = 0; s < options->n_settings; s++) {
        uint32_t p = 0;
        while (p < decl->n_params && !asy_str_eq(decl->params[p].name, options->settings[s].name)) p++;
        if (p == decl->n_params) return unknown_setting(decl, pool, path, options->settings[s].name, error);
    }
    *out = asy_pool_alloc_n(pool, decl->n_params, sizeof(**out));
    if (*out == NULL) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    for (uint32_t p = 0; p < decl->n_params && status == ASSAY_OK; p++)
        status = read_setting(&decl->params[p], pool, path, options, &(*out)[p], error);
    return status;
}

/* -- the checks ---------------------------------------------------------------------------------------------------- */

struct run {
    struct asy_pool *pool;
    const struct asy_kit_options *options;
    struct asy_kit_report *report;
    struct asy_kit template;                       /* what every check starts from */
    struct asy_kit_verdict verdicts[ASY_KIT_LEADS]; /* of the first of two processes */
    const char *given_up;                          /* why the rest is skipped, or NULL */
};

/* In its process. */
static _Noreturn void check_there(const struct run *run, const struct asy_kit_check *check, bool is_dirty)
{
    struct asy_kit kit = run->template;
    struct assay_error error = {0};
    if (is_dirty) mallopt(M_PERTURB, DIRT);
    asy_mem_init(&kit.mem, NULL);
    asy_pool_init(&kit.pool, &kit.mem);
    kit.random.state = run->options->seed ^ 0x6B6974;
    kit.expected = asy_kit_alloc(&kit, ASY_KIT_LEADS, sizeof(*kit.expected));
    asy_kit_frame_make(&kit, &kit.frame);
    snprintf(kit.news->doing, sizeof(kit.news->doing), "while it was loaded");
    asy_kit_limit_create(true);
    if (asy_library_open(&kit.plugin, kit.file->fd, kit.file->path.p, &error) != ASSAY_OK) asy_kit_fail(&kit, "%s", error.text);
    asy_kit_limit_create(false);
    kit.news->doing[0] = '\0';
    check->run(&kit);
    kit.news->outcome = ASY_KIT_PASSED;
    _exit(0);
}

/* Texts of a page that the plugin may have written on. */
static struct asy_str told(struct asy_pool *pool, const char *text, size_t n_bytes)
{
    char line[ASY_KIT_WHY_BYTES + 1];
    const uint32_t len = asy_clean_line(line, sizeof(line), text, n_bytes);
    return asy_pool_copy(pool, (struct asy_str){line, len});
}

/* "was ended by SIGSEGV (bad memory access) in a batch of 64 leads, the first of them lead 3 (email="a@b"); inputs were read-only" */
static struct asy_str crash_text(const struct run *run, const struct process *process)
{
    const struct asy_kit_news *news = run->template.news;
    char how[160], where[200] = "", values[240];
    const struct asy_str doing = told(run->pool, news->doing, sizeof(news->doing)), hint = told(run->pool, news->hint, sizeof(news->hint));
    end_text(process, how, sizeof(how));
    if (doing.len == 0 && news->n_rows > 0 && news->first_lead < ASY_KIT_LEADS) {
        asy_kit_lead_text(run->template.leads, run->template.decl, news->first_lead, values, sizeof(values));
        return asy_pool_printf(run->pool, "the plugin %s in run(), in a batch of %u lead%s, the first of them lead %u (%s)%s%.*s", how, news->n_rows,
                               news->n_rows == 1 ? "" : "s", news->first_lead, values, hint.len > 0 ? "; " : "", ASY_ARG(hint));
    }
    if (doing.len > 0) snprintf(where, sizeof(where), " %.*s", ASY_ARG(doing));
    return asy_pool_printf(run->pool, "the plugin %s%s%s%.*s", how, where, hint.len > 0 ? "; " : "", ASY_ARG(hint));
}

/* One process of a check. */
static void run_once(struct run *run, const struct asy_kit_check *check, bool is_dirty, struct asy_kit_result *result)
{
    struct asy_kit_news *news = run->template.news;
    const pid_t parent = getpid();
    memset(news, 0, sizeof(*news));
    struct process process = {.pid = fork()};
    if (process.pid == 0) {
        settle(parent, run->template.file->fd);
        check_there(run, check, is_dirty);
    }
    if (process.pid < 0) {
        result->why = asy_pool_printf(run->pool, "a process for it cannot be started: %s", strerror(errno));
        return;
    }
    await(&process);
    const bool is_told = WIFEXITED(process.status) && WEXITSTATUS(process.status) == 0 && news->outcome != ASY_KIT_NO_OUTCOME;
    result->is_passed = is_told && news->outcome == ASY_KIT_PASSED;
    result->is_skipped = is_told && news->outcome == ASY_KIT_SKIPPED;
    if (!is_told) result->why = crash_text(run, &process);
    else if (!result->is_passed) result->why = told(run->pool, news->why, sizeof(news->why));
    if (has_hung(&process)) run->given_up = asy_pool_printf(run->pool, "the plugin did not come back in `%s`", check->name).p;
    else if (!is_told && check->way == ASY_KIT_BASIS) run->given_up = asy_pool_printf(run->pool, "the plugin fell over in `%s`", check->name).p;
}

/* After a crash on a batch: is there a lead that does it alone? Then that one is told instead. */
static void name_guilty(struct run *run, struct asy_kit_result *result)
{
    static const struct asy_kit_check alone = {.name = "", .meaning = "", .run = asy_kit_find_guilty, .way = ASY_KIT_ONCE};
    struct asy_kit_result found = {.name = ""};
    const char *given_up = run->given_up;
    run_once(run, &alone, false, &found);
    run->given_up = given_up;
    if (!found.is_passed && run->template.news->outcome == ASY_KIT_NO_OUTCOME && run->template.news->n_rows == 1) result->why = found.why;
}

static struct asy_str difference(const struct run *run)
{
    const struct asy_kit_news *news = run->template.news;
    char values[240];
    for (uint32_t lead = 0; lead < ASY_KIT_LEADS; lead++) {
        const struct asy_kit_verdict *a = &run->verdicts[lead], *b = &news->verdicts[lead];
        if (a->reason == b->reason && a->value == b->value) continue;
        asy_kit_lead_text(run->template.leads, run->template.decl, lead, values, sizeof(values));
        return asy_pool_printf(run->pool, "lead %u gets another verdict in another process: reason %u and value %" PRId64 ", then %u and %" PRId64
                               "; fresh memory is filled with other bytes there; the lead: %s",
                               lead, a->reason, a->value, b->reason, b->value, values);
    }
    return (struct asy_str){"", 0};
}

static void run_check(struct run *run, const struct asy_kit_check *check, struct asy_kit_result *result)
{
    *result = (struct asy_kit_result){.name = check->name, .meaning = check->meaning, .why = {"", 0}};
    if (run->given_up != NULL) {
        result->is_skipped = true;
        result->why = asy_str_of(run->given_up);
        return;
    }
    run_once(run, check, false, result);
    if (check->way == ASY_KIT_BASIS && run->given_up != NULL && run->template.news->n_rows > 1) name_guilty(run, result);
    if (check->way != ASY_KIT_TWICE || !result->is_passed) return;
    memcpy(run->verdicts, run->template.news->verdicts, sizeof(run->verdicts));
    run_once(run, check, true, result);
    if (result->is_passed) result->why = difference(run);
    result->is_passed = result->is_passed && result->why.len == 0;
}

static void run_checks(struct run *run)
{
    struct asy_kit_report *report = run->report;
    const struct asy_kit_news *news = run->template.news;
    for (uint32_t i = 0; i < asy_kit_n_checks; i++) {
        struct asy_kit_result *result = &report->results[i];
        run_check(run, &asy_kit_checks[i], result);
        report->n_failed += !result->is_passed && !result->is_skipped;
        if (i == 0 && !result->is_passed) run->given_up = "the plugin cannot be created";
        for (uint32_t r = 0; r < report->decl.n_reasons; r++) report->n_reasons_seen += news->is_reason_seen[r] == 1;
        if (news->ns_per_lead > 0) report->ns_per_lead = news->ns_per_lead;
    }
}

static bool make_leads(struct asy_kit_leads *leads, struct asy_pool *pool, const struct asy_plugin_decl *decl,
                       const struct asy_plugin_setting *settings, const struct asy_plugin_file *file, uint64_t seed)
{
    struct stat stat;
    struct asy_str program = {"", 0};
    if (fstat(file->fd, &stat) == 0 && stat.st_size > 0 && stat.st_size <= ASY_PLUGIN_BYTES_MAX) {
        const char *p = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, file->fd, 0);
        if (p != MAP_FAILED) program = (struct asy_str){p, (uint32_t)stat.st_size};
    }
    const bool is_made = asy_kit_leads_make(leads, pool, decl, settings, program, seed);
    if (program.len > 0) munmap((void *)(uintptr_t)program.p, program.len);
    return is_made;
}

assay_status asy_kit_run(struct asy_kit_report *report, struct asy_pool *pool, const struct asy_plugin_file *file,
                         const struct asy_kit_options *options, struct assay_error *error)
{
    struct asy_kit_leads leads;
    struct asy_facts facts;
    struct asy_plugin_setting *settings = NULL;
    const char *path = file->path.p;
    *report = (struct asy_kit_report){.n = asy_kit_n_checks};
    assay_status status = get_declaration(&report->decl, pool, file, error);
    if (status == ASSAY_OK) status = read_settings(&report->decl, pool, path, options, &settings, error);
    if (status != ASSAY_OK) return status;

    struct run *run = asy_pool_alloc(pool, sizeof(*run));
    report->results = asy_pool_alloc_n(pool, report->n, sizeof(*report->results));
    const bool is_made = make_leads(&leads, pool, &report->decl, settings, file, options->seed);
    struct asy_facts_column *columns = is_made ? asy_kit_facts_columns(&leads, pool) : NULL;
    if (run == NULL || report->results == NULL || columns == NULL) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    status = asy_facts_make(&facts, &report->decl, columns, settings, false, error);
    if (status != ASSAY_OK) return status;
    *run = (struct run){.pool = pool, .options = options, .report = report};
    run->template = (struct asy_kit){.decl = &report->decl, .settings = settings, .facts = &facts, .leads = &leads, .file = file,
                                     .now_ns = options->now_ns, .bytes_in_use = options->bytes_in_use, .news = share(sizeof(struct asy_kit_news))};
    if (run->template.news != NULL) {
        run_checks(run);
        munmap(run->template.news, sizeof(struct asy_kit_news));
    }
    asy_facts_fini(&facts);
    return run->template.news != NULL && !pool->has_failed ? ASSAY_OK : asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
}
