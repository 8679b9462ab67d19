/* Judging verdicts, and faults in words. */
#include "plugin/clean.h"
#include "plugin/instance.h"

#include <signal.h>
#include <stdio.h>

enum { BLOCK_ROWS = 64, CODES = 1 << 16 };

/* -- faults ------------------------------------------------------------------------------------------------------- */

static const struct {
    int number;
    const char *name, *meaning;
} signals[] = {
    {SIGSEGV, "SIGSEGV", "bad memory access"},
    {SIGBUS, "SIGBUS", "bad memory access"},
    {SIGABRT, "SIGABRT", "it gave up: abort, a failed assertion or a damaged heap"},
    {SIGFPE, "SIGFPE", "impossible arithmetic, such as a division by zero"},
    {SIGILL, "SIGILL", "an instruction that does not exist"},
    {SIGSYS, "SIGSYS", "a system call that plugins may not make"},
    {SIGXCPU, "SIGXCPU", "out of processor time"},
    {SIGXFSZ, "SIGXFSZ", "a file too large; plugins write none"},
    {SIGKILL, "SIGKILL", "killed: out of memory, or from outside"},
    {SIGTERM, "SIGTERM", "asked to end"},
    {SIGTRAP, "SIGTRAP", "a trap in its code"},
    {SIGINT, "SIGINT", "interrupted"},
    {SIGHUP, "SIGHUP", "asked to end"},
    {SIGQUIT, "SIGQUIT", "asked to end"},
    {SIGALRM, "SIGALRM", "a timer of its own"},
    {SIGPIPE, "SIGPIPE", "wrote where nobody reads"},
    {SIGUSR1, "SIGUSR1", "raised by somebody"},
    {SIGUSR2, "SIGUSR2", "raised by somebody"},
};

static void signal_text(int32_t number, char *out, size_t n_bytes)
{
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (signals[i].number != number) continue;
        snprintf(out, n_bytes, "was ended by %s (%s)", signals[i].name, signals[i].meaning);
        return;
    }
    snprintf(out, n_bytes, "was ended by signal %d", number);
}

void asy_fault_text(const struct asy_fault *fault, char *out, size_t n_bytes)
{
    const char *text = fault->text, *open = *text == '\0' ? "" : " (", *close = *text == '\0' ? "" : ")";
    switch (fault->kind) {
    case ASY_FAULT_NONE: snprintf(out, n_bytes, "has no fault"); break;
    case ASY_FAULT_SIGNAL: signal_text(fault->number, out, n_bytes); break;
    case ASY_FAULT_EXIT: snprintf(out, n_bytes, "ended its process with exit code %d", fault->number); break;
    case ASY_FAULT_TIME: snprintf(out, n_bytes, "took longer than its budget%s%s%s", open, text, close); break;
    case ASY_FAULT_ERROR:
        if (*text == '\0') snprintf(out, n_bytes, "failed: run() returned %d and did not say why", fault->number);
        else snprintf(out, n_bytes, "failed: %s", text);
        break;
    case ASY_FAULT_UNWRITTEN: snprintf(out, n_bytes, "left a lead without a verdict%s%s%s", open, text, close); break;
    case ASY_FAULT_RANGE: snprintf(out, n_bytes, "gave an impossible verdict%s%s%s", open, text, close); break;
    case ASY_FAULT_OVERRUN: snprintf(out, n_bytes, "wrote beside its verdicts%s%s%s", open, text, close); break;
    default: snprintf(out, n_bytes, "failed in an unknown way (%u)", fault->kind); break;
    }
}

/* -- one verdict, slowly, to say what is wrong with it -------------------------------------------------------------- */

struct check {
    const struct asy_stage *stage;
    const struct asy_plugin_decl *decl;
    uint32_t n_targets;
    uint32_t code_max;
    bool has_gaps;       /* not every code from 1 to code_max is a reason */
    uint8_t *is_unknown; /* by code up to code_max, if there are gaps */
};

static bool is_fault(struct asy_fault *fault, enum asy_fault_kind kind, int64_t number)
{
    fault->kind = (uint8_t)kind;
    fault->number = (int32_t)(number < INT32_MIN ? INT32_MIN : number > INT32_MAX ? INT32_MAX : number);
    return false;
}
static bool check_points(const struct check *c, uint32_t reason, int32_t points, struct asy_fault *fault)
{
    char found[24], min[24], max[24];
    if (points == ASY_POINTS_UNWRITTEN) {
        snprintf(fault->text, sizeof(fault->text), "reason %u without points", reason);
        return is_fault(fault, ASY_FAULT_UNWRITTEN, 0);
    }
    if (points >= c->decl->points_min_milli && points <= c->decl->points_max_milli) return true;
    asy_format_milli(points, found);
    asy_format_milli(c->decl->points_min_milli, min);
    asy_format_milli(c->decl->points_max_milli, max);
    snprintf(fault->text, sizeof(fault->text), "expected %s to %s points, found %s", min, max, found);
    return is_fault(fault, ASY_FAULT_RANGE, points);
}
static bool check_target(const struct check *c, uint32_t reason, int32_t target, struct asy_fault *fault)
{
    if (target == ASY_TARGET_UNWRITTEN) {
        snprintf(fault->text, sizeof(fault->text), "reason %u without a target", reason);
        return is_fault(fault, ASY_FAULT_UNWRITTEN, 0);
    }
    if (target == ASSAY_NO_TARGET || (target >= 0 && (uint32_t)target < c->n_targets)) return true;
    snprintf(fault->text, sizeof(fault->text), "expected ASSAY_NO_TARGET or one of its %u targets, found %d", c->n_targets, target);
    return is_fault(fault, ASY_FAULT_RANGE, target);
}
static bool check_due(uint32_t reason, int64_t due, struct asy_fault *fault)
{
    if (due == ASY_DUE_UNWRITTEN) {
        snprintf(fault->text, sizeof(fault->text), "reason %u without a due time", reason);
        return is_fault(fault, ASY_FAULT_UNWRITTEN, 0);
    }
    if (due >= 0 && due <= (int64_t)UINT32_MAX) return true;
    snprintf(fault->text, sizeof(fault->text), "expected a due time from 0 to %u seconds since 1970, found %lld", UINT32_MAX, (long long)due);
    return is_fault(fault, ASY_FAULT_RANGE, due);
}
static bool check_row(const struct check *c, uint32_t row, struct asy_fault *fault)
{
    const uint32_t reason = c->stage->reason[row];
    *fault = (struct asy_fault){0};
    if (reason == ASY_REASON_UNWRITTEN) return is_fault(fault, ASY_FAULT_UNWRITTEN, 0);
    if (reason == ASSAY_NO_REASON) return true;
    if (asy_decl_reason(c->decl, reason) == NULL) {
        snprintf(fault->text, sizeof(fault->text), "expected a reason of its table, found code %u", reason);
        return is_fault(fault, ASY_FAULT_RANGE, reason);
    }
    if (c->stage->points != NULL) return check_points(c, reason, c->stage->points[row], fault);
    if (c->stage->target != NULL) return check_target(c, reason, c->stage->target[row], fault);
    return c->stage->due == NULL || check_due(reason, c->stage->due[row], fault);
}

/* -- many verdicts, fast: blocks of a fixed length, without branches, for compilers to vectorise ---------------------- */

static bool has_bad_reasons(const struct check *c, const uint16_t *reason)
{
    uint16_t is_bad = 0;
    const uint16_t code_max = (uint16_t)c->code_max;
    for (uint32_t k = 0; k < BLOCK_ROWS; k++) is_bad |= reason[k] > code_max;
    if (is_bad != 0 || !c->has_gaps) return is_bad != 0;
    for (uint32_t k = 0; k < BLOCK_ROWS; k++) is_bad |= c->is_unknown[reason[k]];
    return is_bad != 0;
}
/* Numbers of rows with a reason, from lo to hi? */
static bool has_bad_numbers(const uint16_t *reason, const int32_t *value, int32_t lo, int32_t hi)
{
    uint32_t is_bad = 0;
    for (uint32_t k = 0; k < BLOCK_ROWS; k++) is_bad |= (uint32_t)(reason[k] != 0) & (uint32_t)((value[k] < lo) | (value[k] > hi));
    return is_bad != 0;
}
static bool has_bad_times(const uint16_t *reason, const int64_t *due)
{
    uint64_t is_bad = 0;
    for (uint32_t k = 0; k < BLOCK_ROWS; k++) is_bad |= (uint64_t)(reason[k] != 0) & (uint64_t)((uint64_t)due[k] > UINT32_MAX);
    return is_bad != 0;
}
static bool is_bad_block(const struct check *c, uint32_t row)
{
    const struct asy_stage *stage = c->stage;
    if (has_bad_reasons(c, stage->reason + row)) return true;
    if (stage->points != NULL)
        return has_bad_numbers(stage->reason + row, stage->points + row, c->decl->points_min_milli, c->decl->points_max_milli);
    if (stage->target != NULL) return has_bad_numbers(stage->reason + row, stage->target + row, ASSAY_NO_TARGET, (int32_t)c->n_targets - 1);
    return stage->due != NULL && has_bad_times(stage->reason + row, stage->due + row);
}

static void know_reasons(struct check *c, uint8_t is_unknown[CODES])
{
    c->code_max = c->decl->n_reasons == 0 ? 0 : c->decl->reasons[c->decl->n_reasons - 1].code;
    c->has_gaps = c->code_max != c->decl->n_reasons;
    c->is_unknown = is_unknown;
    if (!c->has_gaps) return;
    memset(is_unknown + 1, 1, c->code_max);
    is_unknown[ASSAY_NO_REASON] = 0;
    for (uint32_t i = 0; i < c->decl->n_reasons; i++) is_unknown[c->decl->reasons[i].code] = 0;
}

bool asy_stage_check(const struct asy_stage *stage, const struct asy_plugin_decl *decl, uint32_t n_targets, uint32_t first, uint32_t n,
                     uint32_t *row, struct asy_fault *fault)
{
    uint8_t is_unknown[CODES];
    struct check c = {.stage = stage, .decl = decl, .n_targets = n_targets};
    uint32_t at = first;
    know_reasons(&c, is_unknown);
    while (first + n - at >= BLOCK_ROWS && !is_bad_block(&c, at)) at += BLOCK_ROWS;
    for (; at < first + n; at++) {
        if (check_row(&c, at, fault)) continue;
        *row = at;
        return false;
    }
    return true;
}
