/* Tables and whole files out. Below: a file that appears whole or not at all; above it: cells. */
#include "io/write.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 << 10, NAME_BYTES_MAX = BUFFER_BYTES / 8, TEMP_TRIES = 100 };

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
    }
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
    enum asy_format format;
    char delimiter;
    uint32_t n_columns;
    uint32_t column;       /* of the next cell */
    struct asy_str *keys;  /* NDJSON: `"name":` of each column, with what goes before it */
    size_t used;
    char buffer[BUFFER_BYTES];
};

static void flush(struct asy_writer *w)
{
    file_write(&w->file, w->buffer, w->used);
    w->used = 0;
}

static inline void put_byte(struct asy_writer *w, char c)
{
    if (w->used == BUFFER_BYTES)
        flush(w);
    w->buffer[w->used++] = c;
}

static inline void put(struct asy_writer *w, const char *p, size_t n)
{
    if (n > BUFFER_BYTES - w->used) {
        flush(w);
        if (n > BUFFER_BYTES) {
            file_write(&w->file, p, n);
            return;
        }
    }
    if (n > 0)
        memcpy(w->buffer + w->used, p, n);
    w->used += n;
}

/* What goes before a cell. */
static inline void begin_cell(struct asy_writer *w)
{
    ASY_CHECK(w->column < w->n_columns, w->column, w->n_columns);
    if (w->format == ASY_FORMAT_NDJSON)
        put(w, w->keys[w->column].p, w->keys[w->column].len);
    else if (w->column > 0)
        put_byte(w, w->delimiter);
    w->column++;
}

/* ---- CSV and TSV ---- */

static bool needs_quotes(const struct asy_writer *w, struct asy_str text)
{
    for (uint32_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (c == w->delimiter || c == '"' || c == '\n' || c == '\r')
            return true;
    }
    return false;
}

static bool is_trigger(char c) { return memchr("=+-@\t\r", c, 6) != NULL; }
static bool looks_escaped(struct asy_str text)
{
    return text.len > 1 && text.p[0] == '\'' && (text.p[1] == '\'' || is_trigger(text.p[1]));
}
/* What a spreadsheet would run, and what looks as if it had been escaped: else reading it back would take an apostrophe off that
 * belongs to it. */
static bool needs_escape(struct asy_str text)
{
    return text.len > 0 && (is_trigger(text.p[0]) || looks_escaped(text));
}

struct asy_str asy_writer_unescaped(struct asy_str cell)
{
    return looks_escaped(cell) ? (struct asy_str){cell.p + 1, cell.len - 1} : cell;
}

static void put_delimited(struct asy_writer *w, struct asy_str text, bool is_text)
{
    bool is_escaped = is_text && needs_escape(text);
    /* A row of one empty cell would be a blank line, which readers skip. */
    bool is_quoted = needs_quotes(w, text) || (text.len == 0 && w->n_columns == 1);
    if (is_quoted)
        put_byte(w, '"');
    if (is_escaped)
        put_byte(w, '\'');
    if (!is_quoted) {
        put(w, text.p, text.len);
        return;
    }
    uint32_t from = 0;
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.p[i] != '"')
            continue;
        put(w, text.p + from, i + 1 - from);
        from = i; /* the quote goes out once more with what follows */
    }
    put(w, text.p + from, text.len - from);
    put_byte(w, '"');
}

/* ---- NDJSON ---- */

/* Bytes of the well-formed character at the start of `s`, 0 if there is none. */
static uint32_t character(struct asy_str s)
{
    for (uint32_t n = 1; n <= 4 && n <= s.len; n++)
        if (asy_utf8_valid((struct asy_str){s.p, n}))
            return n;
    return 0;
}

/* Length of the escape of `c` in `out`, 0 if it stands for itself. */
static uint32_t json_escape(uint8_t c, char out[8])
{
    static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof(short_forms); i += 2) {
        if (c != (uint8_t)short_forms[i])
            continue;
        out[0] = '\\';
        out[1] = short_forms[i + 1];
        return 2;
    }
    return c < 0x20 ? (uint32_t)snprintf(out, 8, "\\u%04x", c) : 0;
}

static void put_json(struct asy_writer *w, struct asy_str text)
{
    bool is_valid = asy_utf8_valid(text);
    put_byte(w, '"');
    uint32_t from = 0, i = 0;
    while (i < text.len) {
        uint8_t c = (uint8_t)text.p[i];
        char escape[8];
        uint32_t n = 0, taken = 1;
        if (c < 0x20 || c == '"' || c == '\\') {
            n = json_escape(c, escape);
        } else if (!is_valid && c >= 0x80) {
            taken = character((struct asy_str){text.p + i, text.len - i});
            if (taken == 0) {
                n = 6;
                memcpy(escape, "\\ufffd", 6);
                taken = 1;
            }
        }
        if (n > 0) {
            put(w, text.p + from, i - from);
            put(w, escape, n);
            from = i + taken;
        }
        i += taken;
    }
    put(w, text.p + from, text.len - from);
    put_byte(w, '"');
}

/* ---- cells ---- */

static void put_cell(struct asy_writer *w, struct asy_str text, bool is_text)
{
    begin_cell(w);
    if (w->format != ASY_FORMAT_NDJSON)
        put_delimited(w, text, is_text);
    else if (text.len == 0)
        put(w, "null", 4);
    else
        put_json(w, text);
}

void asy_writer_text(struct asy_writer *writer, struct asy_str text)
{
    put_cell(writer, text, true);
}

void asy_writer_raw(struct asy_writer *writer, struct asy_str text)
{
    put_cell(writer, text, false);
}

void asy_writer_empty(struct asy_writer *writer)
{
    put_cell(writer, (struct asy_str){"", 0}, false);
}

void asy_writer_milli(struct asy_writer *writer, int64_t milli, uint32_t decimals)
{
    ASY_CHECK(decimals <= 3, decimals, milli);
    char text[32];
    uint32_t at = sizeof(text);
    uint64_t rest = milli < 0 ? 0 - (uint64_t)milli : (uint64_t)milli;
    begin_cell(writer);
    for (uint32_t place = 3; place > 0; place--) {
        if (place <= decimals)
            text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    }
    if (decimals > 0)
        text[--at] = '.';
    do {
        text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (milli < 0)
        text[--at] = '-';
    put(writer, text + at, sizeof(text) - at);
}

assay_status asy_writer_row_end(struct asy_writer *writer, struct assay_error *error)
{
    ASY_CHECK(writer->column == writer->n_columns, writer->column, writer->n_columns);
    writer->column = 0;
    put(writer, writer->format == ASY_FORMAT_NDJSON ? "}\n" : "\n", writer->format == ASY_FORMAT_NDJSON ? 2 : 1);
    if (writer->file.problem == 0)
        return ASSAY_OK;
    return io_error(&writer->file, "write", writer->file.problem, error);
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

/* A name goes through the code for cells into the empty buffer, and is taken from there. */
static assay_status make_keys(struct asy_writer *w, const char *path, const struct asy_str *names, struct assay_error *error)
{
    w->keys = asy_pool_alloc_n(&w->pool, w->n_columns, sizeof(*w->keys));
    if (!w->keys)
        return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    for (uint32_t i = 0; i < w->n_columns; i++) {
        if (names[i].len > NAME_BYTES_MAX)
            return asy_fail(error, ASSAY_E_LIMIT, "%s: column %u: expected a name of at most %d bytes, found %u", path, i + 1,
                            NAME_BYTES_MAX, names[i].len);
        put_byte(w, i == 0 ? '{' : ',');
        put_json(w, names[i]);
        put_byte(w, ':');
        w->keys[i] = asy_pool_copy(&w->pool, (struct asy_str){w->buffer, (uint32_t)w->used});
        w->used = 0;
        if (!w->keys[i].p)
            return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    }
    return ASSAY_OK;
}

assay_status asy_writer_check(const char *path, enum asy_format format, struct assay_error *error)
{
    if (format != ASY_FORMAT_AUTO || format_of(path) != ASY_FORMAT_AUTO)
        return ASSAY_OK;
    return asy_fail(error, ASSAY_E_PARAM, "%s: expected a name ending in .csv, .tsv or .ndjson, which says how to write it, "
                    "or - for standard output", path);
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
    w->format = format;
    w->delimiter = format == ASY_FORMAT_TSV ? '\t' : ',';
    w->n_columns = n_columns;
    w->file.fd = w->file.folder_fd = -1;
    asy_pool_init(&w->pool, mem);
    if (format == ASY_FORMAT_NDJSON)
        status = make_keys(w, path, names, error);
    if (status == ASSAY_OK)
        status = file_open(&w->file, mem, path, error);
    if (status != ASSAY_OK) {
        asy_pool_fini(&w->pool);
        asy_mem_free(mem, w, sizeof(*w));
        return status;
    }
    if (format != ASY_FORMAT_NDJSON) {
        for (uint32_t i = 0; i < n_columns; i++)
            put_cell(w, names[i], true);
        w->column = 0;
        put_byte(w, '\n');
    }
    *out = w;
    return ASSAY_OK;
}

static void writer_free(struct asy_writer *w)
{
    struct asy_mem *mem = w->mem;
    asy_pool_fini(&w->pool);
    asy_mem_free(mem, w, sizeof(*w));
}

assay_status asy_writer_commit(struct asy_writer *writer, struct assay_error *error)
{
    ASY_CHECK(writer->column == 0, writer->column, writer->n_columns);
    flush(writer);
    assay_status status = file_commit(&writer->file, error);
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
