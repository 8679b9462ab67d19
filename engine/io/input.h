/* Bytes of an input file, in order: plain, gzip (also concatenated members) or zstd, told apart by content; "-" is
 * standard input. The only door to zlib and zstd. Threads: one owner. */
#ifndef ASY_INPUT_H
#define ASY_INPUT_H

#include "base/diag.h"

struct asy_input;
/* Asked a few times a second, and when a signal comes, while the file keeps us waiting, as a pipe may for ever: false stops
 * (ASSAY_E_CANCELLED). A signal alone would not do: another thread may get it. */
struct asy_input_wait {
    bool (*goes_on)(void *ctx);
    void *ctx;
};
/* Open `path`; a pipe is waited for until somebody writes to it, and signals that this thread gets are all that ends that. */
assay_status asy_input_open(struct asy_input **out, struct asy_mem *mem, const char *path, struct assay_error *error);
/* The same; `wait` is copied. */
assay_status asy_input_open_wait(struct asy_input **out, struct asy_mem *mem, const char *path, const struct asy_input_wait *wait,
                                 struct assay_error *error);
/* Up to `cap` bytes into `buffer`; *n 0 at the end. A truncated or damaged archive is ASSAY_E_DATA, said with the place. */
assay_status asy_input_read(struct asy_input *input, char *buffer, size_t cap, size_t *n, struct assay_error *error);
/* Bytes of the file taken so far and its size on disk (0 if not known), for progress. */
void asy_input_progress(const struct asy_input *input, uint64_t *done_bytes, uint64_t *total_bytes);
void asy_input_close(struct asy_input *input);

#endif
