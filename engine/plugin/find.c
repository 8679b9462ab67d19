/* See find.h. Links are followed by hand: a library may be a link to another name in its folder (libx.so -> libx-1.2.so) and to nothing
 * else, so that the folder that was checked is the one that the file is in. */
#include "plugin/find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/clean.h"
#include "plugin/elf.h"

enum { NAME_BYTES_MAX = 60, LINKS_MAX = 8, FOLDERS_MAX = 256, FOUND_BYTES_MAX = 600 };

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool asy_plugin_name_is_good(struct asy_str library)
{
    if (library.len <= 3 || library.len > NAME_BYTES_MAX + 3 || !asy_str_ends(library, ASY_STR(".so"))) return false;
    if (library.p[0] < 'a' || library.p[0] > 'z') return false;
    for (uint32_t i = 1; i < library.len - 3; i++)
        if (!is_name_byte(library.p[i])) return false;
    return true;
}

static assay_status fail_errno(struct assay_error *error, const char *path, const char *what)
{
    const char *why = strerrordesc_np(errno);
    return asy_fail(error, errno == ENOMEM ? ASSAY_E_NOMEM : ASSAY_E_IO, "%s: plugin: %s: %s", path, what, why ? why : "unknown error");
}

static assay_status fail_memory(struct assay_error *error, const char *path)
{
    return asy_fail(error, ASSAY_E_NOMEM, "%s: plugin: out of memory", path);
}

/* -- trust --------------------------------------------------------------------------------------------------------------- */

/* Could somebody else have changed it? `what`: "the file", "the folder", "the folder above it". */
static assay_status check_trust(const struct stat *st, bool is_sticky_fine, const char *path, const char *what, struct assay_error *error)
{
    const uid_t user = geteuid();
    if (st->st_uid != 0 && st->st_uid != user)
        return asy_fail(error, ASSAY_E_DATA, "%s: plugin: expected %s to belong to root or to user %u, who runs this, found user %u: copy "
                        "it or use `chown`", path, what, (unsigned)user, (unsigned)st->st_uid);
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) && !(is_sticky_fine && (st->st_mode & S_ISVTX)))
        return asy_fail(error, ASSAY_E_DATA, "%s: plugin: expected %s to be writable by its owner only, found mode %04o: use `chmod "
                        "go-w`", path, what, (unsigned)(st->st_mode & 07777));
    return ASSAY_OK;
}

/* The path of an open folder for messages, "" where it is not to be had. */
static void real_path(int dir, char *out, size_t n_bytes)
{
    char link[32];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
    const ssize_t n = readlink(link, out, n_bytes - 1);
    out[n > 0 ? n : 0] = '\0';
}

/* The folders above `dir`, by walking up: whatever links its path has, these are the ones it is in. */
static assay_status check_above(int dir, const char *path, struct assay_error *error)
{
    struct stat here, above;
    char real[512], what[600] = "a folder above it";
    int at = fcntl(dir, F_DUPFD_CLOEXEC, 3);
    if (at < 0 || fstat(at, &here) != 0) {
        const assay_status status = fail_errno(error, path, "its folder cannot be read");
        if (at >= 0) close(at);
        return status;
    }
    real_path(at, real, sizeof(real));
    assay_status status = ASSAY_OK;
    for (int depth = 0; status == ASSAY_OK; depth++) {
        errno = ENAMETOOLONG;
        const int up = depth < FOLDERS_MAX ? openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
        if (up < 0 || fstat(up, &above) != 0) {
            status = fail_errno(error, path, "a folder above it cannot be read");
            if (up >= 0) close(up);
            break;
        }
        close(at);
        at = up;
        if (above.st_dev == here.st_dev && above.st_ino == here.st_ino) break;
        here = above;
        char *slash = strrchr(real, '/');
        if (slash) {
            *slash = '\0';
            snprintf(what, sizeof(what), "the folder %s", slash == real ? "/" : real);
        }
        status = check_trust(&above, true, path, what, error);
    }
    close(at);
    return status;
}

static assay_status check_folder(int dir, const char *folder, const char *path, struct assay_error *error)
{
    struct stat st;
    char what[FOUND_BYTES_MAX];
    snprintf(what, sizeof(what), "the folder %s", folder);
    if (fstat(dir, &st) != 0) return fail_errno(error, path, "its folder cannot be read");
    const assay_status status = check_trust(&st, false, path, what, error);
    return status == ASSAY_OK ? check_above(dir, path, error) : status;
}

/* -- the file ------------------------------------------------------------------------------------------------------------ */

/* Follow links within the folder. False in *is_there: no such name. `name` has room for NAME_MAX + 1. */
static assay_status follow(int dir, char name[256], const char *path, bool *is_there, struct assay_error *error)
{
    struct stat st;
    *is_there = false;
    for (int n = 0; n <= LINKS_MAX; n++) {
        char target[256];
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno != ENOENT) return fail_errno(error, path, "cannot be looked at");
            return n == 0 ? ASSAY_OK
                          : asy_fail(error, ASSAY_E_DATA, "%s: plugin: expected a file, found a symbolic link to `%s`, which is not there: "
                                     "put it there or remove the link", path, name);
        }
        *is_there = true;
        if (!S_ISLNK(st.st_mode)) break;
        if (n == LINKS_MAX)
            return asy_fail(error, ASSAY_E_DATA, "%s: plugin: expected at most %d symbolic links, found more: they may lead in a circle",
                            path, LINKS_MAX);
        const ssize_t len = readlinkat(dir, name, target, sizeof(target));
        if (len < 0) return fail_errno(error, path, "its symbolic link cannot be read");
        if (len == 0 || len == sizeof(target) || memchr(target, '/', (size_t)len) || (len == 2 && memcmp(target, "..", 2) == 0))
            return asy_fail(error, ASSAY_E_DATA, "%s: plugin: expected a file, or a symbolic link to a name in the same folder, found a "
                            "link to `%.*s`: copy the file here", path, (int)len, target);
        memcpy(name, target, (size_t)len);
        name[len] = '\0';
    }
    return ASSAY_OK;
}

static const char *kind_name(mode_t mode)
{
    return S_ISDIR(mode) ? "a folder" : S_ISFIFO(mode) ? "a named pipe" : S_ISSOCK(mode) ? "a socket" : "a device";
}

static assay_status check_kind(const struct stat *st, const char *path, struct assay_error *error)
{
    if (!S_ISREG(st->st_mode)) return asy_fail(error, ASSAY_E_DATA, "%s: plugin: expected a file, found %s: build the library there",
                                               path, kind_name(st->st_mode));
    if (st->st_size > ASY_PLUGIN_BYTES_MAX)
        return asy_fail(error, ASSAY_E_DATA, "%s: plugin: expected at most %d MiB, found %lld bytes: strip it (`strip -g`), and keep data "
                        "in files that parameters name", path, ASY_PLUGIN_BYTES_MAX >> 20, (long long)st->st_size);
    return ASSAY_OK;
}

/* Looked at before it is opened, since opening a device or a pipe does things, and again as what was opened. */
static assay_status open_file(int dir, const char *name, const char *path, int *file, struct assay_error *error)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return fail_errno(error, path, "cannot be looked at");
    assay_status status = check_kind(&st, path, error);
    if (status != ASSAY_OK) return status;
    *file = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (*file < 0 || fstat(*file, &st) != 0) return fail_errno(error, path, "cannot be opened");
    status = check_kind(&st, path, error);
    return status == ASSAY_OK ? check_trust(&st, false, path, "the file", error) : status;
}

static int memory_file(void)
{
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = -1;
#ifdef MFD_EXEC
    fd = memfd_create("assay-plugin", flags | MFD_EXEC);
#endif
    /* Kernels before 6.3 do not know MFD_EXEC, and let memory be executed without it. */
    if (fd < 0) fd = memfd_create("assay-plugin", flags);
    if (fd < 0 || fd > 2) return fd;
    const int higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return higher;
}

static assay_status copy_bytes(int from, int to, const char *path, size_t *n_bytes, struct assay_error *error)
{
    uint8_t buffer[16384];
    *n_bytes = 0;
    for (;;) {
        const ssize_t got = read(from, buffer, sizeof(buffer));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(error, path, "cannot be read");
        if (got == 0) return ASSAY_OK;
        *n_bytes += (size_t)got;
        if (*n_bytes > ASY_PLUGIN_BYTES_MAX) return asy_fail(error, ASSAY_E_DATA, "%s: plugin: expected at most %d MiB, found that it "
                                                             "grows", path, ASY_PLUGIN_BYTES_MAX >> 20);
        for (ssize_t done = 0; done < got;) {
            const ssize_t put = write(to, buffer + done, (size_t)(got - done));
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return fail_errno(error, path, "cannot be copied to memory");
            done += put;
        }
    }
}

/* Writing beyond RLIMIT_FSIZE kills, in memory too; so it is asked for first. */
static bool may_write_plugin(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= ASY_PLUGIN_BYTES_MAX;
}

static assay_status vet(int memory, size_t n_bytes, const char *path, struct assay_error *error)
{
    if (n_bytes == 0) return asy_elf_vet((const uint8_t *)"", 0, path, error);
    const uint8_t *bytes = mmap(NULL, n_bytes, PROT_READ, MAP_SHARED, memory, 0);
    if (bytes == MAP_FAILED) return fail_errno(error, path, "its copy cannot be mapped");
    const assay_status status = asy_elf_vet(bytes, n_bytes, path, error);
    munmap((void *)bytes, n_bytes);
    return status;
}

/* The file's bytes as sealed, vetted memory in *out. */
static assay_status take_bytes(int file, const char *path, int *out, struct assay_error *error)
{
    size_t n_bytes;
    if (!may_write_plugin())
        return asy_fail(error, ASSAY_E_LIMIT, "%s: plugin: expected to be allowed files of %d MiB, found less (`ulimit -f`): raise it",
                        path, ASY_PLUGIN_BYTES_MAX >> 20);
    const int memory = memory_file();
    if (memory < 0) return fail_errno(error, path, "no memory file for its copy");
    assay_status status = copy_bytes(file, memory, path, &n_bytes, error);
    if (status == ASSAY_OK && fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        status = fail_errno(error, path, "its copy cannot be sealed");
    if (status == ASSAY_OK) status = vet(memory, n_bytes, path, error);
    if (status == ASSAY_OK)
        *out = memory;
    else
        close(memory);
    return status;
}

/* -- the folders --------------------------------------------------------------------------------------------------------- */

/* Look into one folder. *is_there: it decides, for good or ill. */
static assay_status find_in(struct asy_plugin_file *file, struct asy_pool *pool, const char *folder, struct asy_str library, bool *is_there,
                            struct assay_error *error)
{
    char name[256];
    int source = -1;
    *is_there = false;
    const struct asy_str path = asy_pool_printf(pool, "%s/%.*s", folder, ASY_ARG(library));
    if (!path.p) return fail_memory(error, folder);
    const int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return errno == ENOENT ? ASSAY_OK : fail_errno(error, folder, "the folder cannot be opened");
    memcpy(name, library.p, library.len);
    name[library.len] = '\0';
    assay_status status = follow(dir, name, path.p, is_there, error);
    if (status == ASSAY_OK && *is_there) {
        status = check_folder(dir, folder, path.p, error);
        if (status == ASSAY_OK) status = open_file(dir, name, path.p, &source, error);
        if (status == ASSAY_OK) status = take_bytes(source, path.p, &file->fd, error);
    }
    if (source >= 0) close(source);
    close(dir);
    file->path = path;
    return status;
}

/* "/a or /b", with what is missing of them said. */
static struct asy_str folders_text(struct asy_pool *pool, const struct asy_plugin_dirs *dirs)
{
    struct asy_str text = ASY_STR("");
    for (uint32_t i = 0; i < dirs->n && text.p; i++) {
        const bool is_missing = access(dirs->items[i], F_OK) != 0;
        text = asy_pool_printf(pool, "%.*s%s%s%s", ASY_ARG(text), i == 0 ? "" : i + 1 == dirs->n ? " or " : ", ", dirs->items[i],
                               is_missing ? " (no such folder)" : "");
    }
    return text;
}

/* The name in these folders that is nearest to one that is not there; {NULL, 0}: none is near. False: no memory. */
static bool find_nearest(struct asy_pool *pool, const struct asy_plugin_dirs *dirs, struct asy_str library, struct asy_str *near)
{
    struct asy_str *known = NULL;
    uint32_t n_known = 0, cap = 0;
    for (uint32_t i = 0; i < dirs->n; i++) {
        struct asy_str *names;
        uint32_t n;
        const assay_status status = asy_plugin_names(pool, dirs->items[i], &names, &n, NULL);
        if (status == ASSAY_E_NOMEM) return false;
        if (status != ASSAY_OK) continue;
        for (uint32_t k = 0; k < n; k++) {
            if (!asy_pool_grow(pool, (void **)&known, &cap, n_known, sizeof(*known))) return false;
            known[n_known++] = names[k];
        }
    }
    const int64_t at = asy_str_nearest(library, known, n_known);
    *near = at >= 0 ? known[at] : (struct asy_str){NULL, 0};
    return true;
}

static assay_status fail_not_found(struct asy_pool *pool, const struct asy_plugin_dirs *dirs, struct asy_str library, struct assay_error *error)
{
    struct asy_str near;
    const bool is_looked_for = find_nearest(pool, dirs, library, &near);
    const struct asy_str folders = folders_text(pool, dirs);
    if (!is_looked_for || !folders.p) return fail_memory(error, library.p);
    if (near.p)
        return asy_fail(error, ASSAY_E_NOTFOUND, "%.*s: plugin: expected it in %.*s, found no file of that name; did you mean `%.*s`?",
                        ASY_ARG(library), ASY_ARG(folders), ASY_ARG(near));
    return asy_fail(error, ASSAY_E_NOTFOUND, "%.*s: plugin: expected it in %.*s, found no file of that name: put it there or name its "
                    "folder with --plugin-dir", ASY_ARG(library), ASY_ARG(folders));
}

static assay_status fail_no_file(struct asy_pool *pool, const char *path, const char *folder, struct asy_str library, struct assay_error *error)
{
    struct asy_str near;
    if (access(folder, F_OK) != 0)
        return asy_fail(error, ASSAY_E_NOTFOUND, "%s: plugin: expected a file, found that there is no folder `%s`", path, folder);
    if (!find_nearest(pool, &(struct asy_plugin_dirs){&folder, 1}, library, &near)) return fail_memory(error, path);
    if (near.p)
        return asy_fail(error, ASSAY_E_NOTFOUND, "%s: plugin: expected a file, found none of that name; did you mean `%s/%.*s`?", path,
                        folder, ASY_ARG(near));
    return asy_fail(error, ASSAY_E_NOTFOUND, "%s: plugin: expected a file, found none of that name: build it first, or name another", path);
}

static assay_status check_name(struct asy_str library, struct assay_error *error)
{
    char found[4 * NAME_BYTES_MAX + 1];
    if (asy_plugin_name_is_good(library)) return ASSAY_OK;
    if (library.len > 4 * NAME_BYTES_MAX)
        return asy_fail(error, ASSAY_E_DATA, "plugin: expected a name of at most %d bytes and `.so`, found one of %u bytes",
                        NAME_BYTES_MAX, library.len);
    asy_clean_line(found, sizeof(found), library.p, library.len);
    return asy_fail(error, ASSAY_E_DATA, "%s: plugin: expected a name like `libassay_renewals.so` (a to z, 0 to 9, _ and -, at most "
                    "%d of them, then `.so`; no folder), found `%s`", found, NAME_BYTES_MAX, found);
}

assay_status asy_plugin_find(struct asy_plugin_file *file, struct asy_pool *pool, const struct asy_plugin_dirs *dirs,
                             struct asy_str library, struct assay_error *error)
{
    *file = (struct asy_plugin_file){.fd = -1};
    assay_status status = check_name(library, error);
    if (status != ASSAY_OK) return status;
    if (dirs->n == 0)
        return asy_fail(error, ASSAY_E_NOTFOUND, "%.*s: plugin: expected a folder to look for it, found none: name its folder with "
                        "--plugin-dir", ASY_ARG(library));
    for (uint32_t i = 0; i < dirs->n; i++) {
        bool is_there;
        status = find_in(file, pool, dirs->items[i], library, &is_there, error);
        if (status != ASSAY_OK || is_there) return status;
    }
    return fail_not_found(pool, dirs, library, error);
}

assay_status asy_plugin_find_path(struct asy_plugin_file *file, struct asy_pool *pool, const char *path, struct assay_error *error)
{
    const char *slash = strrchr(path, '/');
    const struct asy_str above = slash == path ? ASY_STR("/") : slash ? (struct asy_str){path, (uint32_t)(slash - path)} : ASY_STR(".");
    const struct asy_str folder = asy_pool_copy(pool, above), library = asy_str_of(slash ? slash + 1 : path);
    bool is_there;
    *file = (struct asy_plugin_file){.fd = -1};
    if (!folder.p) return fail_memory(error, path);
    assay_status status = check_name(library, error);
    if (status == ASSAY_OK) status = find_in(file, pool, folder.p, library, &is_there, error);
    return status != ASSAY_OK || is_there ? status : fail_no_file(pool, path, folder.p, library, error);
}

static int by_text(const void *a, const void *b)
{
    return asy_str_cmp(*(const struct asy_str *)a, *(const struct asy_str *)b);
}

assay_status asy_plugin_names(struct asy_pool *pool, const char *dir, struct asy_str **names, uint32_t *n, struct assay_error *error)
{
    uint32_t cap = 0;
    *names = NULL;
    *n = 0;
    DIR *folder = opendir(dir);
    if (!folder) return errno == ENOENT ? ASSAY_OK : fail_errno(error, dir, "the folder cannot be opened");
    assay_status status = ASSAY_OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry) {
            if (errno) status = fail_errno(error, dir, "the folder cannot be read");
            break;
        }
        const struct asy_str name = asy_str_of(entry->d_name);
        if (!asy_plugin_name_is_good(name)) continue;
        if (!asy_pool_grow(pool, (void **)names, &cap, *n, sizeof(**names)) || !((*names)[*n] = asy_pool_copy(pool, name)).p) {
            status = fail_memory(error, dir);
            break;
        }
        (*n)++;
    }
    closedir(folder);
    if (*n) qsort(*names, *n, sizeof(**names), by_text);
    return status;
}
