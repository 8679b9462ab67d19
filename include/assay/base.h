/* assay/base.h - what every public header shares: status codes, the error record, the allocator table.
 *
 * Thread rule: everything here is plain data. */
#ifndef ASSAY_BASE_H
#define ASSAY_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ASSAY_EXPORT __attribute__((visibility("default")))
#else
#define ASSAY_EXPORT
#endif

/* Outcome of a call: 0 or a negative code. Values are never reused. */
typedef int32_t assay_status;

#define ASSAY_STATUS_LIST(X)                                                     \
    X(OK, 0, "ok")                                                               \
    X(E_NOMEM, -1, "out of memory")                                              \
    X(E_PARAM, -2, "a parameter is missing or out of range")                     \
    X(E_IO, -3, "a file cannot be read or written")                              \
    X(E_RULES, -4, "the rule file has errors")                                   \
    X(E_DATA, -5, "the input is not what its format says")                       \
    X(E_LIMIT, -6, "a limit was exceeded")                                       \
    X(E_UNSUPPORTED, -7, "understood, and refused")                              \
    X(E_NOTFOUND, -8, "no such thing")                                           \
    X(E_CANCELLED, -9, "interrupted")                                            \
    X(E_PLUGIN, -10, "a plugin failed")

enum {
#define ASSAY_STATUS_ENUM(name, value, text) ASSAY_##name = value,
    ASSAY_STATUS_LIST(ASSAY_STATUS_ENUM)
#undef ASSAY_STATUS_ENUM
};

/* Why a call failed: one line, NUL-terminated, `where: what: expected X, found Y`. The callee fills it in
 * the frame that knows expected and found; it is untouched on success. */
struct assay_error {
    assay_status code;
    char text[1020];
};

/* Bits of assay_allocator.flags. */
enum { ASSAY_ALLOC_ZEROED = 1 };

/* Where all heap memory of the engine comes from (the lead arena aside, which is mapped memory).
 * `alloc` and `resize` return NULL when there is no memory and align to 16 bytes; `release` takes the size that
 * was asked for. They may be called from several threads at once. */
struct assay_allocator {
    uint32_t struct_size;
    uint32_t flags; /* ASSAY_ALLOC_ZEROED: `alloc` gives zeroed memory, so that nobody has to zero fresh pages again */
    void *ctx;
    void *(*alloc)(void *ctx, size_t size_bytes);
    void *(*resize)(void *ctx, void *p, size_t old_bytes, size_t new_bytes);
    void (*release)(void *ctx, void *p, size_t size_bytes);
};

#ifdef __cplusplus
}
#endif
#endif
