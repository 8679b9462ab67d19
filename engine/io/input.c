/* Bytes of an input file. The only door to zlib and zstd. */
/* For ZSTD_createDCtx_advanced: the decoder's memory must come from our allocator too. */
#define ZSTD_STATIC_LINKING_ONLY
#include "io/input.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* Reads of an archive; large enough that system calls do not matter. */
#define PACKED_BYTES ((size_t)256 << 10)
/* zlib counts in 32 bits, and Linux reads at most 2 GiB at once. */
#define MOST_AT_ONCE ((size_t)1 << 30)
/* How long a file may keep us waiting before `goes_on` is asked. */
#define ASK_EVERY_MS 200

enum kind { KIND_PLAIN, KIND_GZIP, KIND_ZSTD };

struct asy_input {
    struct asy_mem *mem;
    struct asy_str path;     /* NUL-terminated copy, as it stands in messages */
    struct asy_input_wait wait;
    int fd;
    bool owns_fd;
    bool may_wait;           /* it is no regular file */
    enum kind kind;
    uint64_t taken_bytes;    /* read from the descriptor */
    uint64_t total_bytes;
    bool at_eof;             /* of the descriptor */
    char *packed;            /* what was read and not yet used: packed[at, filled) */
    size_t at, filled;
    bool in_frame;           /* inside a gzip member or zstd frame */
    bool has_gzip;
    z_stream gzip;
    ZSTD_DCtx *zstd;
};

/* ---- memory for the libraries: sizes are kept in front of each block ---- */

union block_head {
    size_t size_bytes;
    char aligned[16];
};

static void *library_alloc(void *ctx, size_t size_bytes)
{
    if (size_bytes > SIZE_MAX - sizeof(union block_head)) return NULL;
    union block_head *head = asy_mem_alloc(ctx, sizeof(*head) + size_bytes);
    if (!head) return NULL;
    head->size_bytes = size_bytes;
    return head + 1;
}

static void library_free(void *ctx, void *p)
{
    if (!p) return;
    union block_head *head = (union block_head *)p - 1;
    asy_mem_free(ctx, head, sizeof(*head) + head->size_bytes);
}

static voidpf zlib_alloc(voidpf ctx, uInt n, uInt size_bytes)
{
    return library_alloc(ctx, (size_t)n * size_bytes);
}

static void zlib_free(voidpf ctx, voidpf p)
{
    library_free(ctx, p);
}

/* ---- opening ---- */

/* A file name in `folder` that `name` is a likely slip of; ties by bytes, so that the order of the folder does not matter. */
static bool near_name(const char *folder, const char *name, char out[256])
{
    DIR *dir = opendir(folder);
    if (!dir) return false;
    uint32_t best = UINT32_MAX;
    const struct asy_str wanted = asy_str_of(name);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        const struct asy_str candidate = asy_str_of(entry->d_name);
        if (entry->d_name[0] == '.' || asy_str_nearest(wanted, &candidate, 1) != 0) continue;
        const uint32_t distance = asy_str_distance(wanted, candidate, 8);
        if (distance < best || (distance == best && strcmp(entry->d_name, out) < 0)) {
            best = distance;
            snprintf(out, 256, "%s", entry->d_name);
        }
    }
    closedir(dir);
    return best != UINT32_MAX;
}

static assay_status fail_missing(const char *path, struct assay_error *error)
{
    char folder[4096], near[256];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const size_t n = slash ? (size_t)(slash - path) + (slash == path) : 1;
    if (n >= sizeof(folder)) return asy_fail(error, ASSAY_E_IO, "%s: expected a file, found none", path);
    memcpy(folder, slash ? path : ".", n);
    folder[n] = '\0';
    struct stat info;
    if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode))
        return asy_fail(error, ASSAY_E_IO, "%s: expected a file, found no folder `%s`", path, folder);
    const char *where = slash ? folder : "the current folder";
    if (near_name(folder, name, near))
        return asy_fail(error, ASSAY_E_IO, "%s: expected a file, found no `%s` in %s; did you mean `%s`?", path, name, where, near);
    return asy_fail(error, ASSAY_E_IO, "%s: expected a file, found no `%s` in %s", path, name, where);
}

static assay_status fail_open(const char *path, int code, struct assay_error *error)
{
    if (code == ENOENT || code == ENOTDIR) return fail_missing(path, error);
    if (code == EACCES || code == EPERM)
        return asy_fail(error, ASSAY_E_IO, "%s: expected a file that this user may read, found permission denied", path);
    return asy_fail(error, ASSAY_E_IO, "%s: cannot be opened: %s", path, strerror(code));
}

static bool is_stopped(const struct asy_input *input)
{
    return input->wait.goes_on && !input->wait.goes_on(input->wait.ctx);
}

static assay_status fail_stopped(const struct asy_input *input, struct assay_error *error)
{
    return asy_fail(error, ASSAY_E_CANCELLED, "%s: interrupted while waiting for it", input->path.p);
}

static assay_status open_fd(struct asy_input *input, const char *path, struct assay_error *error)
{
    struct stat info;
    if (strcmp(path, "-") == 0) {
        input->fd = STDIN_FILENO;
    } else {
        do
            input->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        while (input->fd < 0 && errno == EINTR && !is_stopped(input));
        if (input->fd < 0 && errno == EINTR) return fail_stopped(input, error);
        if (input->fd < 0) return fail_open(path, errno, error);
        input->owns_fd = true;
    }
    if (fstat(input->fd, &info) != 0) return asy_fail(error, ASSAY_E_IO, "%s: cannot be read: %s", input->path.p, strerror(errno));
    if (S_ISDIR(info.st_mode))
        return asy_fail(error, ASSAY_E_IO, "%s: expected a file, found a folder; name the files in it, such as %s/*.csv", input->path.p,
                        input->path.p);
    if (S_ISBLK(info.st_mode)) return asy_fail(error, ASSAY_E_IO, "%s: expected a file, found a disk", input->path.p);
    input->may_wait = !S_ISREG(info.st_mode);
    if (!input->may_wait) input->total_bytes = (uint64_t)info.st_size;
    /* A hint only: pipes refuse it. */
    (void)posix_fadvise(input->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return ASSAY_OK;
}

/* Until there is something to read, if only the end or an error. */
static assay_status wait_for_bytes(const struct asy_input *input, struct assay_error *error)
{
    struct pollfd file = {.fd = input->fd, .events = POLLIN};
    for (;;) {
        const int n_ready = poll(&file, 1, ASK_EVERY_MS);
        if (n_ready > 0 || (n_ready < 0 && errno != EINTR)) return ASSAY_OK;
        if (is_stopped(input)) return fail_stopped(input, error);
    }
}

static assay_status read_fd(struct asy_input *input, char *buffer, size_t cap, size_t *n, struct assay_error *error)
{
    ssize_t got;
    bool is_cut_short;
    do {
        const assay_status status = input->may_wait ? wait_for_bytes(input, error) : ASSAY_OK;
        if (status != ASSAY_OK) return status;
        got = read(input->fd, buffer, cap < MOST_AT_ONCE ? cap : MOST_AT_ONCE);
        is_cut_short = got < 0 && errno == EINTR;
        if (is_cut_short && is_stopped(input)) return fail_stopped(input, error);
    } while (is_cut_short);
    if (got < 0)
        return asy_fail(error, ASSAY_E_IO, "%s: cannot be read after %" PRIu64 " bytes: %s", input->path.p, input->taken_bytes,
                        strerror(errno));
    *n = (size_t)got;
    input->taken_bytes += (uint64_t)got;
    input->at_eof = got == 0;
    return ASSAY_OK;
}

/* At least `need` unused bytes in `packed`, fewer only at the end of the file. */
static assay_status need_packed(struct asy_input *input, size_t need, struct assay_error *error)
{
    if (input->filled - input->at >= need) return ASSAY_OK;
    memmove(input->packed, input->packed + input->at, input->filled - input->at);
    input->filled -= input->at;
    input->at = 0;
    while (input->filled < need && !input->at_eof) {
        size_t n = 0;
        const assay_status status = read_fd(input, input->packed + input->filled, PACKED_BYTES - input->filled, &n, error);
        if (status != ASSAY_OK) return status;
        input->filled += n;
    }
    return ASSAY_OK;
}

static bool begins(const struct asy_input *input, const char *magic, size_t n)
{
    return input->filled - input->at >= n && memcmp(input->packed + input->at, magic, n) == 0;
}

/* A zstd frame, or one that holds no data (those begin with 0x50..0x5f). */
static bool begins_zstd(const struct asy_input *input)
{
    if (begins(input, "\x28\xb5\x2f\xfd", 4)) return true;
    return input->filled - input->at >= 4 && (input->packed[input->at] & 0xf0) == 0x50 &&
           memcmp(input->packed + input->at + 1, "\x2a\x4d\x18", 3) == 0;
}

static assay_status start_decoder(struct asy_input *input, struct assay_error *error)
{
    if (begins(input, "\x1f\x8b", 2)) {
        input->kind = KIND_GZIP;
        input->gzip.zalloc = zlib_alloc;
        input->gzip.zfree = zlib_free;
        input->gzip.opaque = input->mem;
        if (inflateInit2(&input->gzip, 16 + MAX_WBITS) != Z_OK) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", input->path.p);
        input->has_gzip = true;
        input->in_frame = true;
    } else if (begins_zstd(input)) {
        input->kind = KIND_ZSTD;
        input->zstd = ZSTD_createDCtx_advanced((ZSTD_customMem){library_alloc, library_free, input->mem});
        if (!input->zstd) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", input->path.p);
    }
    return ASSAY_OK;
}

static assay_status refuse_archives(const struct asy_input *input, struct assay_error *error)
{
    static const struct {
        const char *magic;
        size_t n;
        const char *name, *tool;
    } archives[] = {{"\xfd"
                     "7zXZ\0",
                     6, "xz", "xz -d"},
                    {"BZh91AY&", 8, "bzip2", "bzip2 -d"},
                    {"\x04\x22\x4d\x18", 4, "lz4", "lz4 -d"},
                    {"7z\xbc\xaf\x27\x1c", 6, "7-Zip", "7z x"}};
    for (size_t i = 0; i < sizeof(archives) / sizeof(archives[0]); i++)
        if (begins(input, archives[i].magic, archives[i].n))
            return asy_fail(error, ASSAY_E_UNSUPPORTED, "%s: expected plain text, gzip or zstd, found %s; unpack it with `%s`",
                            input->path.p, archives[i].name, archives[i].tool);
    return ASSAY_OK;
}

assay_status asy_input_open(struct asy_input **out, struct asy_mem *mem, const char *path, struct assay_error *error)
{
    return asy_input_open_wait(out, mem, path, NULL, error);
}

assay_status asy_input_open_wait(struct asy_input **out, struct asy_mem *mem, const char *path, const struct asy_input_wait *wait,
                                 struct assay_error *error)
{
    *out = NULL;
    if (!path || path[0] == '\0') return asy_fail(error, ASSAY_E_PARAM, "input file: expected a path or -, found an empty one");
    struct asy_input *input = asy_mem_alloc(mem, sizeof(*input));
    if (!input) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    input->mem = mem;
    input->fd = -1;
    if (wait) input->wait = *wait;
    const struct asy_str shown = asy_str_of(strcmp(path, "-") == 0 ? "standard input" : path);
    char *copy = asy_mem_alloc(mem, (size_t)shown.len + 1);
    if (copy) memcpy(copy, shown.p, shown.len);
    input->path = (struct asy_str){copy, shown.len};
    input->packed = copy ? asy_mem_alloc(mem, PACKED_BYTES) : NULL;
    assay_status status = input->packed ? ASSAY_OK : asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    if (status == ASSAY_OK) status = open_fd(input, path, error);
    if (status == ASSAY_OK) status = need_packed(input, 8, error);
    if (status == ASSAY_OK) status = refuse_archives(input, error);
    if (status == ASSAY_OK) status = start_decoder(input, error);
    if (status != ASSAY_OK) {
        asy_input_close(input);
        return status;
    }
    *out = input;
    return ASSAY_OK;
}

/* ---- reading ---- */

static uint64_t used_bytes(const struct asy_input *input)
{
    return input->taken_bytes - (input->filled - input->at);
}

static assay_status fail_truncated(const struct asy_input *input, const char *format_name, struct assay_error *error)
{
    return asy_fail(error, ASSAY_E_DATA,
                    "%s: %s: expected more data, found the end of the file after %" PRIu64 " bytes; it was cut off, copy it again",
                    input->path.p, format_name, used_bytes(input));
}

static assay_status fail_damaged(const struct asy_input *input, const char *format_name, const char *why, struct assay_error *error)
{
    return asy_fail(error, ASSAY_E_DATA, "%s: %s: damaged near byte %" PRIu64 " of the file (%s); copy it again", input->path.p,
                    format_name, used_bytes(input), why);
}

/* Between members: the next one begins, or nothing but zero padding is left. */
static assay_status next_member(struct asy_input *input, bool *is_end, struct assay_error *error)
{
    for (;;) {
        const assay_status status = need_packed(input, 2, error);
        if (status != ASSAY_OK) return status;
        *is_end = input->at == input->filled;
        if (*is_end) return ASSAY_OK;
        if (begins(input, "\x1f\x8b", 2)) break;
        if (input->packed[input->at] != 0) return fail_damaged(input, "gzip", "other data follows the archive", error);
        input->at++;
    }
    if (inflateReset(&input->gzip) != Z_OK) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", input->path.p);
    input->in_frame = true;
    return ASSAY_OK;
}

static assay_status read_gzip(struct asy_input *input, char *buffer, size_t cap, size_t *n, struct assay_error *error)
{
    z_stream *gzip = &input->gzip;
    while (*n == 0) {
        bool is_end = false;
        assay_status status = input->in_frame ? ASSAY_OK : next_member(input, &is_end, error);
        if (status != ASSAY_OK || is_end) return status;
        if ((status = need_packed(input, 1, error)) != ASSAY_OK) return status;
        if (input->at == input->filled) return fail_truncated(input, "gzip", error);
        const uInt room = (uInt)(cap < MOST_AT_ONCE ? cap : MOST_AT_ONCE);
        gzip->next_in = (Bytef *)input->packed + input->at;
        gzip->avail_in = (uInt)(input->filled - input->at);
        gzip->next_out = (Bytef *)buffer;
        gzip->avail_out = room;
        const int code = inflate(gzip, Z_NO_FLUSH);
        input->at = input->filled - gzip->avail_in;
        *n = room - gzip->avail_out;
        if (code == Z_MEM_ERROR) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", input->path.p);
        if (code == Z_STREAM_END)
            input->in_frame = false;
        else if (code != Z_OK && code != Z_BUF_ERROR)
            return fail_damaged(input, "gzip", gzip->msg ? gzip->msg : "not gzip data", error);
    }
    return ASSAY_OK;
}

static assay_status read_zstd(struct asy_input *input, char *buffer, size_t cap, size_t *n, struct assay_error *error)
{
    while (*n == 0) {
        const assay_status status = need_packed(input, 1, error);
        if (status != ASSAY_OK) return status;
        const bool no_more = input->at == input->filled;
        if (no_more && !input->in_frame) return ASSAY_OK;
        ZSTD_inBuffer in = {input->packed, input->filled, input->at};
        ZSTD_outBuffer out = {buffer, cap, 0};
        const size_t code = ZSTD_decompressStream(input->zstd, &out, &in);
        input->at = in.pos;
        if (ZSTD_isError(code)) {
            if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
                return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", input->path.p);
            return fail_damaged(input, "zstd", ZSTD_getErrorName(code), error);
        }
        *n = out.pos;
        input->in_frame = code != 0;
        /* With no bytes left, only what the decoder still holds can come. */
        if (no_more && *n == 0) return fail_truncated(input, "zstd", error);
    }
    return ASSAY_OK;
}

assay_status asy_input_read(struct asy_input *input, char *buffer, size_t cap, size_t *n, struct assay_error *error)
{
    *n = 0;
    if (cap == 0) return ASSAY_OK;
    if (input->kind == KIND_GZIP) return read_gzip(input, buffer, cap, n, error);
    if (input->kind == KIND_ZSTD) return read_zstd(input, buffer, cap, n, error);
    if (input->at == input->filled) return input->at_eof ? ASSAY_OK : read_fd(input, buffer, cap, n, error);
    *n = input->filled - input->at < cap ? input->filled - input->at : cap;
    memcpy(buffer, input->packed + input->at, *n);
    input->at += *n;
    return ASSAY_OK;
}

void asy_input_progress(const struct asy_input *input, uint64_t *done_bytes, uint64_t *total_bytes)
{
    *done_bytes = used_bytes(input);
    *total_bytes = input->total_bytes;
}

void asy_input_close(struct asy_input *input)
{
    if (!input) return;
    struct asy_mem *mem = input->mem;
    if (input->has_gzip) inflateEnd(&input->gzip);
    ZSTD_freeDCtx(input->zstd);
    if (input->owns_fd) close(input->fd);
    asy_mem_free(mem, input->packed, PACKED_BYTES);
    asy_mem_free(mem, (void *)(uintptr_t)input->path.p, (size_t)input->path.len + 1);
    asy_mem_free(mem, input, sizeof(*input));
}
