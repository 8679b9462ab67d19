/* Talking to a person: numbers as they read them, and the progress line. */
#ifndef ASY_CLI_TERM_H
#define ASY_CLI_TERM_H

#include "cli/cli.h"

/* Each writes to `out` and returns it, for use inside printf. */
const char *asy_term_count(uint64_t n, char out[32]);            /* 1,234,567 */
const char *asy_term_bytes(uint64_t n_bytes, char out[32]);      /* 817 B, 24.1 MB (decimal) */
const char *asy_term_duration(int64_t span_ns, char out[32]);    /* 420 ms, 3.2 s, 2 min 05 s, 1 h 02 min */
const char *asy_term_rate(uint64_t n, int64_t span_ns, char out[32]); /* n a second: 812, 1.4 M */

/* Text of a data file as it may be shown: control characters, which could move the cursor or break the line, become `?`. Often
 * `text` itself; {NULL, 0} without memory. */
struct asy_str asy_term_clean(struct asy_pool *pool, struct asy_str text);

/* One line on io.err that is redrawn at most ten times a second: what, rows, rows/s, time left. Silent where io.err is no
 * terminal. */
struct asy_progress {
    struct asy_cli *cli;
    const char *what;
    bool is_on, is_drawn;
    int64_t start_ns, drawn_ns;
};
void asy_progress_start(struct asy_progress *progress, struct asy_cli *cli, const char *what, bool is_quiet);
/* `done` of `total` in any unit (bytes, rows); total 0: not known, no time left is shown. */
void asy_progress_show(struct asy_progress *progress, uint64_t n_rows, uint64_t done, uint64_t total);
/* Take the line away. May be called twice. */
void asy_progress_end(struct asy_progress *progress);

#endif
