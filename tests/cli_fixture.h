/* A folder of its own for each test, and the built command run in it. For tests of the whole program only. */
#ifndef CLI_FIXTURE_H
#define CLI_FIXTURE_H

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GOLDEN ASSAY_SOURCE_DIR "/tests/golden"
#define AS_OF " --as-of 2026-11-01T00:00:00Z "

enum {
    CLI_HUNG = -1000,                             /* instead of an exit code; a signal is its negative number */
    CLI_LIMIT_MS = 60000,                         /* only something that hangs takes that long, whatever else the machine does */
};

static char cli_folder[64];

/* Texts that were read, freed at the end. */
struct cli_text {
    struct cli_text *next;
    char bytes[];
};
static struct cli_text *cli_texts;

static inline void cli_setup(void)
{
    snprintf(cli_folder, sizeof(cli_folder), "/tmp/assay-e2e-XXXXXX");
    cr_assert_not_null(mkdtemp(cli_folder));
    cr_assert_eq(chdir(cli_folder), 0);
}

static inline void cli_teardown(void)
{
    char command[96];
    cr_assert_eq(chdir("/"), 0);
    for (struct cli_text *next; cli_texts != NULL; cli_texts = next) {
        next = cli_texts->next;
        free(cli_texts);
    }
    snprintf(command, sizeof(command), "rm -rf %s", cli_folder);
    cr_assert_eq(system(command), 0);
}

/* -- files ------------------------------------------------------------------------------------------------------------- */

static inline void put_bytes(const char *path, const char *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fwrite(bytes, 1, n, file), n);
    cr_assert_eq(fclose(file), 0);
}

static inline void put_text(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

/* All of a file, ended with a NUL, until the end of the test; NULL if it is not there. */
static inline char *get_bytes(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    size_t cap = 1 << 12, len = 0;
    struct cli_text *text = malloc(sizeof(*text) + cap);
    for (size_t got; text != NULL && (got = fread(text->bytes + len, 1, cap - len - 1, file)) > 0;) {
        len += got;
        if (cap - len < 2) text = realloc(text, sizeof(*text) + (cap *= 2));
    }
    cr_assert_not_null(text);
    fclose(file);
    text->next = cli_texts;
    cli_texts = text;
    text->bytes[len] = '\0';
    if (n != NULL) *n = len;
    return text->bytes;
}

static inline char *get_text(const char *path)
{
    char *text = get_bytes(path, NULL);
    cr_assert_not_null(text, "%s is not there", path);
    return text;
}

static inline bool is_there(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static inline unsigned mode_of(const char *path)
{
    struct stat info;
    cr_assert_eq(stat(path, &info), 0, "%s", path);
    return info.st_mode & 0777;
}

/* How many files the test's folder holds whose names begin with `start`, dot files counted. */
static inline int count_files(const char *start)
{
    char command[128];
    snprintf(command, sizeof(command), "exit $(ls -A | grep -c '^%s')", start);
    const int status = system(command);
    return WEXITSTATUS(status);
}

static inline void shell(const char *command)
{
    cr_assert_eq(system(command), 0, "%s", command);
}

static inline bool has_tool(const char *name)
{
    char command[96];
    snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", name);
    return system(command) == 0;
}

/* The lines after the first, sorted by bytes. */
static inline char *sorted_rows(const char *path)
{
    char command[256];
    snprintf(command, sizeof(command), "tail -n +2 %s | LC_ALL=C sort >%s.sorted", path, path);
    shell(command);
    snprintf(command, sizeof(command), "%s.sorted", path);
    return get_text(command);
}

static inline int count_lines(const char *text)
{
    int n = 0;
    for (; *text != '\0'; text++) n += *text == '\n';
    return n;
}

/* -- the command ------------------------------------------------------------------------------------------------------- */

/* Standard output and error of the last run; also in the files `out` and `err`. */
static char *cli_out, *cli_err;

static inline int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Start it with words as the shell reads them; `<` and `>` may stand among them. */
static inline pid_t cli_start(const char *arguments)
{
    const size_t cap = strlen(arguments) + sizeof(ASSAY_COMMAND) + 64;
    char *command = malloc(cap);
    cr_assert_not_null(command);
    snprintf(command, cap, "exec '" ASSAY_COMMAND "' >out 2>err </dev/null %s", arguments);
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    free(command);
    return child;
}

static inline int cli_wait(pid_t child)
{
    const int64_t end_ms = now_ms() + CLI_LIMIT_MS;
    const struct timespec pause = {.tv_nsec = 1000000};
    int status;
    pid_t done;
    while ((done = waitpid(child, &status, WNOHANG)) == 0 && now_ms() < end_ms) nanosleep(&pause, NULL);
    if (done == 0) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
    cli_out = get_bytes("out", NULL);
    cli_err = get_bytes("err", NULL);
    if (done == 0) return CLI_HUNG;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

__attribute__((format(printf, 1, 2))) static inline int cli(const char *format, ...)
{
    char arguments[4096];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(arguments, sizeof(arguments), format, args);
    va_end(args);
    cr_assert(n >= 0 && (size_t)n < sizeof(arguments));
    return cli_wait(cli_start(arguments));
}

/* A run that has to end with `code`. */
#define CLI(code, ...)                                                                                                  \
    do {                                                                                                                \
        const int cli_code = cli(__VA_ARGS__);                                                                          \
        cr_assert_eq(cli_code, code, "exit code %d instead of %d: %s\n%.2000s", cli_code, code, cli_err, cli_out);      \
    } while (0)

#define HAS(text, part) cr_expect_not_null(strstr(text, part), "expected `%s` in:\n%.2000s", part, text)
#define HAS_NOT(text, part) cr_expect_null(strstr(text, part), "expected no `%s` in:\n%.2000s", part, text)

/* Files that are to be equal; the difference is what a reader wants to see. */
#define SAME_FILE(path, wanted_path)                                                                                    \
    do {                                                                                                                \
        char same_command[512];                                                                                         \
        snprintf(same_command, sizeof(same_command), "diff -u '%s' '%s' >same.diff", wanted_path, path);                \
        const int same_status = system(same_command);                                                                   \
        cr_expect_eq(same_status, 0, "%s differs from %s:\n%.3000s", path, wanted_path, get_text("same.diff"));         \
    } while (0)

/* -- JSON, strictly ------------------------------------------------------------------------------------------------------ */

static inline const char *json_blank(const char *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r') p++;
    return p;
}

static inline const char *json_digits(const char *p)
{
    if (*p < '0' || *p > '9') return NULL;
    while (*p >= '0' && *p <= '9') p++;
    return p;
}

static inline const char *json_string(const char *p)
{
    if (*p++ != '"') return NULL;
    for (; *p != '"'; p++) {
        if ((unsigned char)*p < 0x20) return NULL;
        if (*p != '\\') continue;
        p++;
        if (*p == 'u') {
            if (strspn(p + 1, "0123456789abcdefABCDEF") < 4) return NULL;
            p += 4;
        } else if (*p == '\0' || strchr("\"\\/bfnrt", *p) == NULL) {
            return NULL;
        }
    }
    return p + 1;
}

static inline const char *json_number(const char *p)
{
    if (*p == '-') p++;
    if (*p == '0') p++;
    else if ((p = json_digits(p)) == NULL) return NULL;
    if (*p == '.' && (p = json_digits(p + 1)) == NULL) return NULL;
    if (*p != 'e' && *p != 'E') return p;
    p++;
    if (*p == '+' || *p == '-') p++;
    return json_digits(p);
}

/* Behind the value that begins at `p`; NULL if it is not JSON. */
static inline const char *json_value(const char *p)
{
    p = json_blank(p);
    if (*p == '"') return json_string(p);
    if (strncmp(p, "true", 4) == 0 || strncmp(p, "null", 4) == 0) return p + 4;
    if (strncmp(p, "false", 5) == 0) return p + 5;
    if (*p != '{' && *p != '[') return json_number(p);
    const bool is_object = *p == '{';
    const char close = is_object ? '}' : ']';
    p = json_blank(p + 1);
    if (*p == close) return p + 1;
    for (;;) {
        if (is_object) {
            if ((p = json_string(json_blank(p))) == NULL) return NULL;
            p = json_blank(p);
            if (*p++ != ':') return NULL;
        }
        if ((p = json_value(p)) == NULL) return NULL;
        p = json_blank(p);
        if (*p == close) return p + 1;
        if (*p++ != ',') return NULL;
    }
}

static inline bool is_json(const char *text)
{
    const char *end = json_value(text);
    return end != NULL && *json_blank(end) == '\0';
}

#endif
