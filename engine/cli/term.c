#include "cli/term.h"

#include <inttypes.h>

#define SECOND_NS 1000000000LL
#define REDRAW_NS (SECOND_NS / 10)

/* Length of the control character at `at`: ASCII, or U+0080 to U+009F, which terminals obey as well. 0 if there is none. */
static uint32_t control_at(struct asy_str text, uint32_t at)
{
    const unsigned char c = (unsigned char)text.p[at];
    if (c < 0x20 || c == 0x7f) return 1;
    return c == 0xc2 && at + 1 < text.len && (unsigned char)text.p[at + 1] < 0xa0 ? 2 : 0;
}

struct asy_str asy_term_clean(struct asy_pool *pool, struct asy_str text)
{
    uint32_t at = 0;
    while (at < text.len && control_at(text, at) == 0) at++;
    if (at == text.len) return text;
    char *clean = asy_pool_alloc(pool, text.len);
    if (clean == NULL) return (struct asy_str){NULL, 0};
    uint32_t n = 0;
    for (at = 0; at < text.len;) {
        const uint32_t len = control_at(text, at);
        clean[n++] = len > 0 ? '?' : text.p[at];
        at += len > 0 ? len : 1;
    }
    return (struct asy_str){clean, n};
}

const char *asy_term_count(uint64_t n, char out[32])
{
    char digits[24];
    const int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
    char *to = out;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return out;
}

/* 1234567 -> "1.2 M": one digit after the point below 100, none above. */
static const char *scaled(uint64_t n, const char *unit, char out[32])
{
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P"};
    uint64_t scale = 1;
    uint32_t i = 0;
    while (i + 1 < sizeof(prefixes) / sizeof(prefixes[0]) && n / scale >= 1000) {
        scale *= 1000;
        i++;
    }
    const char *gap = prefixes[i][0] != '\0' || unit[0] != '\0' ? " " : "";
    if (i == 0 || n / scale >= 100)
        snprintf(out, 32, "%" PRIu64 "%s%s%s", n / scale, gap, prefixes[i], unit);
    else
        snprintf(out, 32, "%" PRIu64 ".%" PRIu64 "%s%s%s", n / scale, n % scale * 10 / scale, gap, prefixes[i], unit);
    return out;
}

const char *asy_term_bytes(uint64_t n_bytes, char out[32])
{
    return scaled(n_bytes, "B", out);
}

const char *asy_term_duration(int64_t span_ns, char out[32])
{
    const int64_t ms = span_ns / 1000000, s = span_ns / SECOND_NS;
    if (s < 1)
        snprintf(out, 32, "%" PRId64 " ms", ms);
    else if (s < 60)
        snprintf(out, 32, "%" PRId64 ".%" PRId64 " s", s, ms % 1000 / 100);
    else if (s < 3600)
        snprintf(out, 32, "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
    else
        snprintf(out, 32, "%" PRId64 " h %02" PRId64 " min", s / 3600, s / 60 % 60);
    return out;
}

const char *asy_term_rate(uint64_t n, int64_t span_ns, char out[32])
{
    if (span_ns < 1) span_ns = 1;
    const double rate = (double)n * (double)SECOND_NS / (double)span_ns;
    return scaled(rate < 1e18 ? (uint64_t)rate : (uint64_t)1e18, "", out);
}

void asy_progress_start(struct asy_progress *progress, struct asy_cli *cli, const char *what, bool is_quiet)
{
    *progress = (struct asy_progress){.cli = cli, .what = what, .is_on = cli->io.err_animates && !is_quiet};
    if (progress->is_on) progress->start_ns = progress->drawn_ns = cli->clock.monotonic_ns();
}

void asy_progress_show(struct asy_progress *progress, uint64_t n_rows, uint64_t done, uint64_t total)
{
    if (!progress->is_on) return;
    const int64_t now_ns = progress->cli->clock.monotonic_ns();
    if (now_ns - progress->drawn_ns < REDRAW_NS) return;
    progress->drawn_ns = now_ns;
    progress->is_drawn = true;

    char rows[32], rate[32], left[32];
    const int64_t span_ns = now_ns - progress->start_ns;
    FILE *err = progress->cli->io.err;
    fprintf(err, "\r%s: %s rows, %s rows/s", progress->what, asy_term_count(n_rows, rows), asy_term_rate(n_rows, span_ns, rate));
    if (total > 0 && done > 0 && done <= total) {
        const double left_ns = (double)span_ns * (double)(total - done) / (double)done;
        fprintf(err, ", %d %%, %s left", (int)(100.0 * (double)done / (double)total),
                asy_term_duration(left_ns < 9e18 ? (int64_t)left_ns : INT64_MAX, left));
    }
    fputs("\x1b[K", err);
    fflush(err);
}

void asy_progress_end(struct asy_progress *progress)
{
    if (!progress->is_drawn) return;
    fputs("\r\x1b[K", progress->cli->io.err);
    fflush(progress->cli->io.err);
    progress->is_drawn = false;
}
