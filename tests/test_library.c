/* libassay.so can be loaded by anything: it needs no jemalloc (which cannot be loaded late: "cannot allocate memory in static TLS
 * block") and shows only what the public headers declare. */
#include <criterion/criterion.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Output of a shell command; skips the test where the tool it starts with does not exist. */
static void run(const char *tool, const char *rest, char *out, size_t cap)
{
    char command[1024];
    snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", tool);
    if (system(command) != 0) cr_skip_test("%s is not installed", tool);
    snprintf(command, sizeof(command), "%s %s 2>&1", tool, rest);
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    const size_t n = fread(out, 1, cap - 1, pipe);
    out[n] = '\0';
    cr_assert_lt(n, cap - 1);
    cr_assert_eq(pclose(pipe), 0, "%s\n%s", command, out);
}

Test(library, loads_with_plain_dlopen)
{
    void *library = dlopen(ASSAY_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    cr_assert_not_null(library, "%s", dlerror());
    const char *(*version)(void);
    void *symbol = dlsym(library, "assay_version");
    cr_assert_not_null(symbol, "%s", dlerror());
    memcpy(&version, &symbol, sizeof(version));
    cr_assert_str_eq(version(), ASSAY_VERSION);
    cr_assert_null(dlsym(library, "asy_mem_alloc"), "internal functions stay inside");
}

Test(library, loads_from_python)
{
    if (ASSAY_IS_SANITIZED) cr_skip_test("python would need the sanitizer loaded first");
    char out[4096];
    run("python3",
        "-c 'import ctypes; a = ctypes.CDLL(\"" ASSAY_LIBRARY "\"); a.assay_version.restype = ctypes.c_char_p; "
        "print(a.assay_version().decode())'",
        out, sizeof(out));
    cr_assert_str_eq(out, ASSAY_VERSION "\n");
}

Test(library, needs_no_jemalloc)
{
    char out[1 << 16];
    run("readelf", "-d -W " ASSAY_LIBRARY, out, sizeof(out));
    cr_assert_not_null(strstr(out, "Library soname: [libassay.so.0]"), "%s", out);
    cr_assert_null(strstr(out, "jemalloc"), "%s", out);
}

Test(library, exports_only_what_headers_declare)
{
    static char out[1 << 20];
    run("nm", "-D --defined-only --format=posix " ASSAY_LIBRARY, out, sizeof(out));
    unsigned n = 0;
    for (char *line = strtok(out, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        const bool is_version = strncmp(line, "ASSAY_", 6) == 0;
        const bool is_ours = strncmp(line, "assay_", 6) == 0;
        cr_expect(is_ours || is_version, "expected only assay_* symbols, found %s", line);
        n += is_ours;
    }
    cr_assert_geq(n, 5);
}
