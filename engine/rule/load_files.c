/* Reading the rule file and the files beside it from the disk. A list file's path comes from the rule file, which may
 * be somebody else's: it is resolved beneath the rule file's folder by the kernel, so that neither `..` nor a symbolic link
 * leads out of it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/hash.h"
#include "rule/load.h"

/* Without openat2 (Linux before 5.6, or a sandbox that forbids it): step by step, following no link at all. */
static int open_step_by_step(int folder, const char *path)
{
    char part[256];
    int at = dup(folder);
    while (at >= 0) {
        while (*path == '/')
            path++;
        const size_t len = strcspn(path, "/");
        if (len == 0 || len >= sizeof(part)) {
            close(at);
            errno = len ? ENAMETOOLONG : ENOENT;
            return -1;
        }
        memcpy(part, path, len);
        part[len] = '\0';
        path += len;
        const bool is_last = path[strspn(path, "/")] == '\0';
        int next = -1;
        if (strcmp(part, "..") == 0)
            errno = EXDEV;
        else
            next = openat(at, part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (is_last ? 0 : O_DIRECTORY));
        const int failure = errno;
        close(at);
        errno = failure;
        if (next < 0 || is_last)
            return next;
        at = next;
    }
    return -1;
}

static int open_beneath(const char *folder, const char *path)
{
    const int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return -1;
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int file = (int)syscall(SYS_openat2, at, path, &how, sizeof(how));
    if (file < 0 && (errno == ENOSYS || errno == EPERM))
        file = open_step_by_step(at, path);
    const int failure = errno;
    close(at);
    errno = failure;
    return file;
}

static assay_status fail_io(struct assay_error *error, const char *path)
{
    const char *why = errno == EXDEV || errno == ELOOP ? "it leads out of the rule file's folder" : strerrordesc_np(errno);
    return asy_fail(error, ASSAY_E_IO, "%s: cannot be read: %s", path, why ? why : "unknown error");
}

static assay_status read_all(int file, struct asy_pool *pool, const char *path, size_t max_bytes, struct asy_str *out,
                             struct assay_error *error)
{
    struct stat st;
    if (fstat(file, &st) != 0)
        return fail_io(error, path);
    if (S_ISDIR(st.st_mode))
        return asy_fail(error, ASSAY_E_IO, "%s: expected a file, found a folder", path);
    uint32_t cap = 0, n = 0;
    char *bytes = NULL;
    for (;;) {
        const uint32_t hint = st.st_size > 0 && (uint64_t)st.st_size < max_bytes ? (uint32_t)st.st_size : 65535;
        const uint32_t need = n + 1 > hint ? n + 1 : hint;
        if (need >= cap && !asy_pool_grow(pool, (void **)&bytes, &cap, need, 1))
            return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
        const ssize_t got = read(file, bytes + n, cap - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_io(error, path);
        if (got == 0)
            break;
        n += (uint32_t)got;
        if (n > max_bytes)
            return asy_fail(error, ASSAY_E_LIMIT, "%s: expected at most %zu bytes, found more", path, max_bytes);
    }
    *out = (struct asy_str){bytes, n};
    return ASSAY_OK;
}

static assay_status read_file(void *ctx, struct asy_pool *pool, const char *folder, const char *path, size_t max_bytes,
                              struct asy_str *out, struct assay_error *error)
{
    (void)ctx;
    const int file = folder ? open_beneath(folder, path) : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return fail_io(error, path);
    const assay_status status = read_all(file, pool, path, max_bytes, out, error);
    close(file);
    return status;
}

const struct asy_file_reader asy_file_reader_os = {NULL, read_file};

bool asy_rules_path_is_inside(struct asy_str path)
{
    if (path.len == 0 || path.p[0] == '/' || asy_str_find(path, ASY_STR("\\")) >= 0)
        return false;
    uint32_t from = 0;
    for (uint32_t i = 0; i <= path.len; i++) {
        if (i < path.len && path.p[i] != '/')
            continue;
        if (asy_str_is((struct asy_str){path.p + from, i - from}, ".."))
            return false;
        from = i + 1;
    }
    return true;
}

/* Each file is chained to what came before. */
static uint64_t chain(uint64_t before, uint64_t next)
{
    const uint64_t parts[2] = {before, next};
    char chained[16];
    for (uint32_t i = 0; i < 16; i++)
        chained[i] = (char)(parts[i / 8] >> (8 * (i % 8)));
    return asy_checksum((struct asy_str){chained, 16});
}

assay_status asy_rules_read_file(struct asy_rules *rules, const struct asy_file_reader *reader, struct asy_str path, size_t max_bytes,
                                 struct asy_str *out, struct assay_error *error)
{
    const assay_status status = reader->read(reader->ctx, &rules->pool, rules->folder.p, path.p, max_bytes, out, error);
    if (status == ASSAY_OK)
        rules->checksum = chain(rules->checksum, asy_checksum(*out));
    return status;
}
