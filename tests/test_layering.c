/* ARCHITECTURE in force: which folder may include which, one .c file as the door to each outside library, and no clock, environment,
 * locale or randomness below the command. Every check is shown broken examples it must reject. */
#include <criterion/criterion.h>

#include <ctype.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* -- what may include what -------------------------------------------------------------------------------------- */

/* "" is the files right under engine/: api.c and what it shares with the command. Prefixes; a full name is one file. */
static const struct layer {
    const char *folder;
    const char *may[12];
} layers[] = {
    {"base", {"base/", "assay/base.h"}},
    {"store", {"store/", "base/", "assay/base.h"}},
    {"kern", {"kern/", "base/check.h"}},
    {"rule", {"rule/", "base/", "store/schema.h", "assay/base.h"}},
    {"plugin", {"plugin/", "base/", "assay/base.h", "assay/plugin.h"}},
    {"io", {"io/", "base/", "store/", "assay/base.h"}},
    {"exec", {"exec/", "base/", "store/", "kern/", "rule/", "plugin/", "assay/base.h", "assay/plugin.h"}},
    {"", {"session.h", "base/", "store/", "kern/", "rule/", "plugin/", "io/", "exec/", "assay/"}},
    {"cli", {"cli/", "session.h", "base/", "store/", "kern/", "rule/", "plugin/", "io/", "exec/", "assay/"}},
};

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* May `file` ("rule/load.c") have the line `#include "name"`? */
static bool may_include(const char *file, const char *name)
{
    const char *slash = strchr(file, '/');
    const size_t len = slash != NULL ? (size_t)(slash - file) : 0;
    for (size_t i = 0; i < COUNT_OF(layers); i++) {
        if (strlen(layers[i].folder) != len || strncmp(layers[i].folder, file, len) != 0) continue;
        for (size_t k = 0; k < COUNT_OF(layers[i].may) && layers[i].may[k] != NULL; k++)
            if (starts(name, layers[i].may[k])) return true;
    }
    return false;
}

/* The name in an #include line: its quotes in *bracket. False for other lines. */
static bool read_include(const char *line, char *bracket, char name[256])
{
    while (*line == ' ' || *line == '\t') line++;
    if (*line++ != '#') return false;
    while (*line == ' ' || *line == '\t') line++;
    if (!starts(line, "include")) return false;
    line += strlen("include");
    while (*line == ' ' || *line == '\t') line++;
    if (*line != '"' && *line != '<') return false;
    *bracket = *line++;
    const size_t len = strcspn(line, *bracket == '"' ? "\"" : ">");
    cr_assert_lt(len, 256);
    memcpy(name, line, len);
    name[len] = '\0';
    return true;
}

/* -- outside libraries ------------------------------------------------------------------------------------------ */

static const char *const outside[] = {"yaml.h", "xxhash.h", "re2/", "zlib.h", "zstd.h", "jemalloc/", "pthread.h", "threads.h", "dlfcn.h"};

static int outside_library(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(outside); i++)
        if (starts(name, outside[i])) return (int)i;
    return -1;
}

/* -- the outside world ------------------------------------------------------------------------------------------ */

/* Only cli/main.c may ask for the time, the environment, randomness or a locale: below it they would make runs differ. How long a
 * plugin has run decides whether it is ended, and nothing else: the one file that looks is named too. */
static const char *const worldly[] = {"getenv", "secure_getenv", "setlocale", "localeconv", "clock_gettime", "gettimeofday", "time", "clock",
                                      "localtime", "localtime_r", "getrandom", "getentropy", "rand", "srand", "random", "arc4random"};

/* Blanks out comments and the text of literals, so that only code is left. */
static void keep_code(char *text)
{
    for (char *p = text; *p != '\0'; p++) {
        if (starts(p, "/*") || starts(p, "//")) {
            char *end = p[1] == '*' ? strstr(p + 2, "*/") : strchr(p, '\n');
            end = end == NULL ? p + strlen(p) : p[1] == '*' ? end + 2 : end;
            for (; p < end; p++)
                if (*p != '\n') *p = ' ';
            p--;
        } else if (*p == '"' || *p == '\'') {
            const char quote = *p++;
            for (; *p != '\0' && *p != quote && *p != '\n'; p++) {
                if (*p == '\\' && p[1] != '\0') *p++ = ' ';
                *p = ' ';
            }
            if (*p == '\0') p--;
        }
    }
}

/* The first worldly function that `code` calls, or NULL. A member such as `clock.time(` is not one. */
static const char *worldly_call(const char *code)
{
    for (const char *p = code; *p != '\0';) {
        if (!isalpha((unsigned char)*p) && *p != '_') {
            p++;
            continue;
        }
        size_t len = 0;
        while (isalnum((unsigned char)p[len]) || p[len] == '_') len++;
        const bool is_member = p > code && (p[-1] == '.' || p[-1] == '>');
        const char *after = p + len + strspn(p + len, " ");
        for (size_t i = 0; *after == '(' && !is_member && i < COUNT_OF(worldly); i++)
            if (strlen(worldly[i]) == len && strncmp(worldly[i], p, len) == 0) return worldly[i];
        p += len;
    }
    return NULL;
}

/* -- reading the tree ------------------------------------------------------------------------------------------- */

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s cannot be read", path);
    char *text = calloc(1, 1 << 20);
    const size_t n = fread(text, 1, (1 << 20) - 1, file);
    cr_assert_lt(n, (1 << 20) - 1);
    fclose(file);
    return text;
}

static void (*visit_source)(const char *relative, char *text);
static const char *visit_root;
static unsigned n_visited;

static int visit(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)at;
    const char *dot = strrchr(path, '.');
    if (kind != FTW_F || dot == NULL || (strcmp(dot, ".c") != 0 && strcmp(dot, ".h") != 0 && strcmp(dot, ".cc") != 0)) return 0;
    char *text = read_all(path);
    visit_source(path + strlen(visit_root) + 1, text);
    free(text);
    n_visited++;
    return 0;
}

static unsigned for_each_source(const char *root, void (*source)(const char *relative, char *text))
{
    visit_source = source;
    visit_root = root;
    n_visited = 0;
    cr_assert_eq(nftw(root, visit, 16, FTW_PHYS), 0, "%s cannot be walked", root);
    return n_visited;
}

static void for_each_include(const char *file, const char *text, void (*include)(const char *file, char bracket, const char *name))
{
    for (const char *line = text; line != NULL && *line != '\0';) {
        char bracket, name[256];
        if (read_include(line, &bracket, name)) include(file, bracket, name);
        line = strchr(line, '\n');
        if (line != NULL) line++;
    }
}

/* -- the tests -------------------------------------------------------------------------------------------------- */

static void check_include(const char *file, char bracket, const char *name)
{
    if (bracket == '"') cr_expect(may_include(file, name), "engine/%s: #include \"%s\": expected a layer below, see ARCHITECTURE", file, name);
}
static void check_source_includes(const char *relative, char *text)
{
    for_each_include(relative, text, check_include);
}

Test(layering, includes_go_downward)
{
    cr_assert_gt(for_each_source(ASSAY_SOURCE_DIR "/engine", check_source_includes), 30);
}

Test(layering, upward_includes_are_rejected)
{
    static const struct { const char *file, *name; } broken[] = {
        {"base/mem.c", "store/dict.h"},   {"base/mem.c", "assay/assay.h"}, {"store/dict.c", "rule/rules.h"}, {"kern/ref.c", "base/mem.h"},
        {"rule/load.c", "store/store.h"}, {"rule/load.c", "exec/pass.h"},  {"io/rows.c", "exec/pass.h"},     {"io/rows.c", "rule/rules.h"},
        {"exec/pass.c", "io/rows.h"},     {"exec/pass.c", "cli/cli.h"},    {"exec/pass.c", "session.h"},     {"api.c", "cli/args.h"},
        {"elsewhere/x.c", "base/mem.h"},  {"rule/load.c", "load_internal.h"},
    };
    for (size_t i = 0; i < COUNT_OF(broken); i++)
        cr_expect(!may_include(broken[i].file, broken[i].name), "%s may not include %s", broken[i].file, broken[i].name);
    cr_expect(may_include("exec/pass.c", "kern/kern.h"));
    cr_expect(may_include("api.c", "session.h"));

    char bracket, name[256];
    cr_assert(read_include("  #  include <zlib.h> // x", &bracket, name));
    cr_assert(bracket == '<' && strcmp(name, "zlib.h") == 0);
    cr_assert(!read_include("/* #include <zlib.h> */", &bracket, name));
}

static char doors[COUNT_OF(outside)][256];
static unsigned n_second_doors;

static void note_door(const char *file, char bracket, const char *name)
{
    (void)bracket;
    const int library = outside_library(name);
    if (library < 0) return;
    const char *dot = strrchr(file, '.');
    const bool is_second = doors[library][0] != '\0' && strcmp(doors[library], file) != 0;
    const bool is_header = dot == NULL || strcmp(dot, ".h") == 0;
    if (is_second || is_header) n_second_doors++;
    if (is_second || is_header)
        fprintf(stderr, "%s includes %s: expected one .c file as its only door, found %s\n", file, name,
                is_header ? "a header" : doors[library]);
    if (doors[library][0] == '\0') snprintf(doors[library], sizeof(doors[library]), "%s", file);
}
static void note_source_doors(const char *relative, char *text)
{
    for_each_include(relative, text, note_door);
}

Test(layering, one_door_to_each_library)
{
    for_each_source(ASSAY_SOURCE_DIR "/engine", note_source_doors);
    cr_assert_eq(n_second_doors, 0, "the lines above name them");
    cr_assert_str_eq(doors[outside_library("jemalloc/jemalloc.h")], "cli/main.c");
}

Test(layering, second_doors_are_rejected)
{
    note_door("base/yaml.c", '<', "yaml.h");
    note_door("base/yaml.c", '<', "yaml.h");
    note_door("base/text.c", '<', "string.h");
    cr_assert_eq(n_second_doors, 0);
    note_door("rule/load.c", '<', "yaml.h");
    cr_assert_eq(n_second_doors, 1);
    note_door("base/regex.h", '<', "re2/re2.h");
    cr_assert_eq(n_second_doors, 2);
}

static void check_world(const char *relative, char *text)
{
    if (strcmp(relative, "cli/main.c") == 0 || strcmp(relative, "plugin/worker_watch.c") == 0) return;
    keep_code(text);
    const char *call = worldly_call(text);
    cr_expect(call == NULL, "engine/%s calls %s: expected only cli/main.c to reach for the outside world", relative, call != NULL ? call : "");
}

Test(layering, only_main_reads_clock_and_environment)
{
    for_each_source(ASSAY_SOURCE_DIR "/engine", check_world);
}

Test(layering, worldly_calls_are_rejected)
{
    static const struct { const char *code, *call; } cases[] = {
        {"x = getenv(\"HOME\");", "getenv"},
        {"int64_t now = time (NULL);", "time"},
        {"srand(1)", "srand"},
        {"/* time( */ f(\"time(\", '\\'', \"\\\"getenv(\"); // rand()", NULL},
        {"asy_time_read(s); cli->clock.time(x); e->time(x); runtime(x); int time = 3;", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[128];
        snprintf(text, sizeof(text), "%s", cases[i].code);
        keep_code(text);
        const char *call = worldly_call(text);
        cr_expect(call == NULL ? cases[i].call == NULL : cases[i].call != NULL && strcmp(call, cases[i].call) == 0, "%s: found %s",
                  cases[i].code, call != NULL ? call : "nothing");
    }
}

static void check_public_include(const char *file, char bracket, const char *name)
{
    const bool is_fine = bracket == '"' ? starts(name, "assay/") : strcmp(name, "stdint.h") == 0 || strcmp(name, "stddef.h") == 0;
    cr_expect(is_fine, "include/%s: #include %s: expected only assay/ headers, stdint.h and stddef.h", file, name);
}
static void check_public_header(const char *relative, char *text)
{
    for_each_include(relative, text, check_public_include);
}

Test(layering, public_headers_stand_alone)
{
    cr_assert_geq(for_each_source(ASSAY_SOURCE_DIR "/include", check_public_header), 2);
}
