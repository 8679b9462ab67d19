/* Whole files out, and tables: a file that appears whole or not at all; over it rows of cells, whose bytes are made in cell.c. */
#include "io/write.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 << 10, TEMP_TRIES = 100, AHEAD_BYTES = 4 << 20 };

/* ---- a file ---- */

struct out_file {
    struct asy_mem *mem;
    char *path;            /* as the user named it, for messages */
    size_t path_bytes;
    int fd;                /* -1: none */
    int folder_fd;         /* -1: written straight through */
    bool is_borrowed;      /* standard output */
    char base[NAME_MAX + 1]; /* final name in the folder */
    char temp[48];         /* name until then; "" : none */
    int problem;           /* errno of the first write that failed */
    uint64_t written_bytes, ahead_bytes; /* so far; of them those whose way to the disk has begun */
};

static const char *reason_of(int problem)
{
    const char *text = strerrordesc_np(problem);
    return text ? text : "unknown error";
}

static assay_status io_error(const struct out_file *file, const char *what, int problem, struct assay_error *error)
{
    const char *cure = problem == ENOSPC || problem == EDQUOT ? "; free some space or write elsewhere"
                       : problem == EACCES || problem == EPERM || problem == EROFS ? "; choose a folder that you may write to"
                       : problem == ENOENT ? "; does the folder exist?"
                                           : "";
    const char *shown = strcmp(file->path, "-") == 0 ? "standard output" : file->path;
    return asy_fail(error, ASSAY_E_IO, "%s: cannot %s: %s%s", shown, what, reason_of(problem), cure);
}

static void file_forget(struct out_file *file)
{
    if (file->fd >= 0 && !file->is_borrowed)
        close(file->fd);
    if (file->temp[0])
        unlinkat(file->folder_fd, file->temp, 0);
    if (file->folder_fd >= 0)
        close(file->folder_fd);
    asy_mem_free(file->mem, file->path, file->path_bytes);
    *file = (struct out_file){.fd = -1, .folder_fd = -1};
}

/* Not to be replaced by renaming: standard output, devices, pipes. */
static bool is_stream(const char *path, const struct stat *there)
{
    static const char *const always[] = {"-", "/dev/stdout", "/dev/stderr"};
    for (size_t i = 0; i < ASY_COUNT_OF(always); i++)
        if (strcmp(path, always[i]) == 0)
            return true;
    return strncmp(path, "/dev/fd/", 8) == 0 || strncmp(path, "/proc/", 6) == 0 ||
           (there && !S_ISREG(there->st_mode) && !S_ISDIR(there->st_mode));
}

static assay_status open_stream(struct out_file *file, struct assay_error *error)
{
    if (strcmp(file->path, "-") == 0 || strcmp(file->path, "/dev/stdout") == 0) {
        file->fd = STDOUT_FILENO;
        file->is_borrowed = true;
        return ASSAY_OK;
    }
    file->fd = open(file->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return file->fd >= 0 ? ASSAY_OK : io_error(file, "open for writing", errno, error);
}

/* The process id only keeps two runs apart; the name never stays. */
static assay_status open_temp(struct out_file *file, struct assay_error *error)
{
    for (int i = 0; i < TEMP_TRIES; i++) {
        char name[sizeof(file->temp)];
        snprintf(name, sizeof(name), ".assay-%ld-%d.tmp", (long)getpid(), i);
        file->fd = openat(file->folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (file->fd >= 0) {
            memcpy(file->temp, name, sizeof(name));
            return ASSAY_OK;
        }
        if (errno != EEXIST)
            break;
    }
    return io_error(file, "create", errno, error);
}

static assay_status open_beside(struct out_file *file, const char *target, struct assay_error *error)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(target, '/');
    const char *base = slash ? slash + 1 : target;
    size_t folder_len = slash ? (size_t)(slash - target) : 1;
    if (*base == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
        return asy_fail(error, ASSAY_E_IO, "%s: expected the name of a file, found a folder", file->path);
    if (strlen(base) > NAME_MAX || folder_len >= sizeof(folder))
        return io_error(file, "create", ENAMETOOLONG, error);
    memcpy(folder, slash ? target : ".", folder_len);
    folder[folder_len] = '\0';
    strcpy(file->base, base);
    file->folder_fd = open(folder_len > 0 ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->folder_fd < 0)
        return io_error(file, "open its folder", errno, error);
    return open_temp(file, error);
}

static assay_status file_open(struct out_file *file, struct asy_mem *mem, const char *path, struct assay_error *error)
{
    char real[PATH_MAX];
    struct stat there;
    *file = (struct out_file){.mem = mem, .fd = -1, .folder_fd = -1, .path_bytes = strlen(path) + 1};
    file->path = asy_mem_alloc(mem, file->path_bytes);
    if (!file->path)
        return asy_fail(error, ASSAY_E_NOMEM, "output: out of memory");
    memcpy(file->path, path, file->path_bytes);
    bool is_there = stat(path, &there) == 0;
    assay_status status;
    if (is_stream(path, is_there ? &there : NULL))
        status = open_stream(file, error);
    else if (is_there && S_ISDIR(there.st_mode))
        status = asy_fail(error, ASSAY_E_IO, "%s: expected the name of a file, found a folder", path);
    else if (is_there && lstat(path, &there) == 0 && S_ISLNK(there.st_mode) && realpath(path, real))
        status = open_beside(file, real, error); /* the file a link points to is replaced, not the link */
    else
        status = open_beside(file, path, error);
    if (status != ASSAY_OK)
        file_forget(file);
    return status;
}

/* What is on its way to the disk early need not be waited for at the end. A wish: the fsync at the end tells how it went. */
static void start_writeback(struct out_file *file)
{
    const uint64_t n = file->written_bytes - file->ahead_bytes;
    if (file->folder_fd < 0 || file->problem != 0 || n < AHEAD_BYTES)
        return;
    (void)sync_file_range(file->fd, (off64_t)file->ahead_bytes, (off64_t)n, SYNC_FILE_RANGE_WRITE);
    file->ahead_bytes = file->written_bytes;
}

/* A failure is kept and said at the end: `problem`. */
static void file_write(struct out_file *file, const char *bytes, size_t n)
{
    while (n > 0 && file->problem == 0) {
        ssize_t done = write(file->fd, bytes, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            file->problem = done < 0 ? errno : EIO;
            return;
        }
        bytes += done;
        n -= (size_t)done;
        file->written_bytes += (uint64_t)done;
    }
    start_writeback(file);
}

static assay_status file_commit(struct out_file *file, struct assay_error *error)
{
    assay_status status = ASSAY_OK;
    bool is_beside = file->folder_fd >= 0;
    if (file->problem != 0)
        status = io_error(file, "write", file->problem, error);
    else if (is_beside && fsync(file->fd) != 0)
        status = io_error(file, "write to the disk", errno, error);
    if (!file->is_borrowed && close(file->fd) != 0 && status == ASSAY_OK)
        status = io_error(file, "write", errno, error);
    file->fd = -1;
    if (status == ASSAY_OK && is_beside) {
        if (renameat(file->folder_fd, file->temp, file->folder_fd, file->base) != 0)
            status = io_error(file, "rename", errno, error);
        else
            file->temp[0] = '\0';
        /* Some file systems know no fsync of a folder (EINVAL); the file is there all the same. */
        if (status == ASSAY_OK && fsync(file->folder_fd) != 0 && errno != EINVAL)
            status = io_error(file, "write its folder to the disk", errno, error);
    }
    file_forget(file);
    return status;
}

assay_status asy_write_file(struct asy_mem *mem, const char *path, struct asy_str bytes, struct assay_error *error)
{
    struct out_file file;
    assay_status status = file_open(&file, mem, path, error);
    if (status != ASSAY_OK)
        return status;
    file_write(&file, bytes.p, bytes.len);
    return file_commit(&file, error);
}

/* ---- a table ---- */

struct asy_writer {
    struct asy_mem *mem;
    struct asy_pool pool;
    struct out_file file;
    struct asy_layout layout;
    uint32_t column;       /* of the next cell */
    bool is_out_of_memory; /* a cell is missing */
    size_t used, cap;
    char *buffer;
};

static void flush(struct asy_writer *w)
{
    file_write(&w->file, w->buffer, w->used);
    w->used = 0;
}

/* Where the next `n` bytes go; NULL without memory. */
static char *room_for(struct asy_writer *w, size_t n)
{
    if (n <= w->cap - w->used)
        return w->buffer + w->used;
    flush(w);
    if (n > w->cap) {
        asy_mem_free(w->mem, w->buffer, w->cap);
        w->buffer = asy_mem_alloc(w->mem, n);
        w->cap = w->buffer ? n : 0;
        w->is_out_of_memory |= !w->buffer;
    }
    return w->buffer;
}

/* Where the next cell goes, of a text of `len` bytes; NULL without memory. */
static char *begin_cell(struct asy_writer *w, size_t len)
{
    ASY_CHECK(w->column < w->layout.n_columns, w->column, w->layout.n_columns);
    return room_for(w, asy_cell_room(&w->layout, w->column, len));
}
static void end_cell(struct asy_writer *w, const char *end)
{
    w->used = (size_t)(end - w->buffer);
    w->column++;
}

void asy_writer_text(struct asy_writer *writer, struct asy_str text)
{
    char *at = begin_cell(writer, text.len);
    if (at)
        end_cell(writer, asy_cell_text(&writer->layout, writer->column, text, at));
}

void asy_writer_raw(struct asy_writer *writer, struct asy_str text)
{
    char *at = begin_cell(writer, text.len);
    if (at)
        end_cell(writer, asy_cell_raw(&writer->layout, writer->column, text, at));
}

void asy_writer_empty(struct asy_writer *writer)
{
    asy_writer_raw(writer, (struct asy_str){"", 0});
}

void asy_writer_milli(struct asy_writer *writer, int64_t milli, uint32_t decimals)
{
    char *at = begin_cell(writer, ASY_NUMBER_BYTES);
    if (at)
        end_cell(writer, asy_cell_milli(&writer->layout, writer->column, milli, decimals, at));
}

static assay_status problem_of(const struct asy_writer *w, struct assay_error *error)
{
    if (w->file.problem != 0)
        return io_error(&w->file, "write", w->file.problem, error);
    if (w->is_out_of_memory)
        return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", w->file.path);
    return ASSAY_OK;
}

assay_status asy_writer_row_end(struct asy_writer *writer, struct assay_error *error)
{
    ASY_CHECK(writer->column == writer->layout.n_columns || writer->is_out_of_memory, writer->column, writer->layout.n_columns);
    writer->column = 0;
    char *at = room_for(writer, ASY_ROW_END_BYTES);
    if (at)
        writer->used = (size_t)(asy_row_end(&writer->layout, at) - writer->buffer);
    return problem_of(writer, error);
}

assay_status asy_writer_rows(struct asy_writer *writer, const char *bytes, size_t n_bytes, struct assay_error *error)
{
    ASY_CHECK(writer->column == 0, writer->column, writer->layout.n_columns);
    if (n_bytes < BUFFER_BYTES / 4) {
        char *at = room_for(writer, n_bytes);
        if (at && n_bytes > 0) {
            memcpy(at, bytes, n_bytes);
            writer->used += n_bytes;
        }
    } else {
        flush(writer);
        file_write(&writer->file, bytes, n_bytes);
    }
    return problem_of(writer, error);
}

const struct asy_layout *asy_writer_layout(const struct asy_writer *writer)
{
    return &writer->layout;
}

/* ---- opening and closing ---- */

static enum asy_format format_of(const char *path)
{
    static const struct { const char *end; enum asy_format format; } known[] = {
        {".csv", ASY_FORMAT_CSV}, {".tsv", ASY_FORMAT_TSV}, {".tab", ASY_FORMAT_TSV}, {".ndjson", ASY_FORMAT_NDJSON},
        {".jsonl", ASY_FORMAT_NDJSON}};
    struct asy_str name = asy_str_of(path);
    struct stat there;
    for (size_t i = 0; i < ASY_COUNT_OF(known); i++) {
        struct asy_str end = asy_str_of(known[i].end);
        if (name.len > end.len && asy_str_eq_fold((struct asy_str){name.p + name.len - end.len, end.len}, end))
            return known[i].format;
    }
    return is_stream(path, stat(path, &there) == 0 ? &there : NULL) ? ASY_FORMAT_CSV : ASY_FORMAT_AUTO;
}

assay_status asy_writer_check(const char *path, enum asy_format format, struct assay_error *error)
{
    if (format != ASY_FORMAT_AUTO || format_of(path) != ASY_FORMAT_AUTO)
        return ASSAY_OK;
    return asy_fail(error, ASSAY_E_PARAM, "%s: expected a name ending in .csv, .tsv or .ndjson, which says how to write it, "
                    "or - for standard output", path);
}

static void writer_free(struct asy_writer *w)
{
    struct asy_mem *mem = w->mem;
    asy_mem_free(mem, w->buffer, w->cap);
    asy_pool_fini(&w->pool);
    asy_mem_free(mem, w, sizeof(*w));
}

assay_status asy_writer_open(struct asy_writer **out, struct asy_mem *mem, const char *path, enum asy_format format,
                             const struct asy_str *names, uint32_t n_columns, struct assay_error *error)
{
    ASY_CHECK(n_columns > 0, n_columns, 0);
    assay_status status = asy_writer_check(path, format, error);
    if (status != ASSAY_OK)
        return status;
    if (format == ASY_FORMAT_AUTO)
        format = format_of(path);
    struct asy_writer *w = asy_mem_alloc(mem, sizeof(*w));
    if (!w)
        return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    w->mem = mem;
    w->file.fd = w->file.folder_fd = -1;
    asy_pool_init(&w->pool, mem);
    w->buffer = asy_mem_alloc(mem, BUFFER_BYTES);
    w->cap = w->buffer ? BUFFER_BYTES : 0;
    status = w->buffer ? asy_layout_init(&w->layout, &w->pool, path, format, names, n_columns, error)
                       : asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    if (status == ASSAY_OK)
        status = file_open(&w->file, mem, path, error);
    if (status != ASSAY_OK) {
        writer_free(w);
        return status;
    }
    if (format != ASY_FORMAT_NDJSON) {
        for (uint32_t i = 0; i < n_columns; i++)
            asy_writer_text(w, names[i]);
        status = asy_writer_row_end(w, error);
    }
    if (status != ASSAY_OK) {
        asy_writer_abort(w);
        return status;
    }
    *out = w;
    return ASSAY_OK;
}

assay_status asy_writer_commit(struct asy_writer *writer, struct assay_error *error)
{
    ASY_CHECK(writer->column == 0, writer->column, writer->layout.n_columns);
    assay_status status = ASSAY_E_NOMEM;
    if (writer->is_out_of_memory) {
        problem_of(writer, error);
        file_forget(&writer->file);
    } else {
        flush(writer);
        status = file_commit(&writer->file, error);
    }
    writer_free(writer);
    return status;
}

void asy_writer_abort(struct asy_writer *writer)
{
    if (!writer)
        return;
    file_forget(&writer->file);
    writer_free(writer);
}
