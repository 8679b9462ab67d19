/* Where plugins may come from: names, folders, links, owners and modes, each refusal with its message; and that what was checked is what
 * is loaded. Runs in a folder of its own under /tmp, which is sticky and so no reason to refuse. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "failing_mem.h"
#include "plugin/find.h"

static char folder[64];
static struct asy_mem mem;
static struct asy_pool pool;

static void setup(void)
{
    snprintf(folder, sizeof(folder), "/tmp/assay-find-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    umask(022);
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
}

static void teardown(void)
{
    char command[96];
    asy_pool_fini(&pool);
    cr_expect_eq(mem.live_bytes, 0);
    cr_assert_eq(chdir("/"), 0);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(plugin_find, .init = setup, .fini = teardown, .timeout = 60);

static void copy_good(const char *path)
{
    char command[512];
    snprintf(command, sizeof(command), "cp " ASSAY_TEST_PLUGINS "/good/libminimal.so %s && chmod 644 %s", path, path);
    cr_assert_eq(system(command), 0);
}

static void make_folder(const char *path) { cr_assert_eq(mkdir(path, 0755), 0, "%s: %s", path, strerror(errno)); }

/* The message with the folder's name, which differs from run to run, written as `@`. */
static const char *plain(const char *text, char out[1024])
{
    size_t n = 0;
    const size_t len = strlen(folder);
    while (*text && n < 1023) {
        if (strncmp(text, folder, len) == 0) {
            out[n++] = '@';
            text += len;
        } else {
            out[n++] = *text++;
        }
    }
    out[n] = '\0';
    return out;
}

static assay_status find(const char *library, struct asy_plugin_file *file, struct assay_error *error)
{
    const char *dirs[] = {"missing", "a", "b"};
    char paths[3][96];
    for (int i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, dirs[i]);
        dirs[i] = paths[i];
    }
    return asy_plugin_find(file, &pool, &(struct asy_plugin_dirs){dirs, 3}, asy_str_of(library), error);
}

static void expect_refused(const char *when, const char *library, assay_status wanted, const char *message)
{
    struct asy_plugin_file file;
    struct assay_error error = {0};
    char text[1024];
    const assay_status status = find(library, &file, &error);
    cr_expect_eq(status, wanted, "%s: expected status %d, found %d (%s)", when, wanted, status, error.text);
    cr_expect_str_eq(plain(error.text, text), message, "%s:\n expected: %s\n found:    %s", when, message, text);
    cr_expect_eq(file.fd, -1, "%s: expected no descriptor, found %d", when, file.fd);
}

static void expect_found(const char *when, const char *library, const char *path)
{
    struct asy_plugin_file file;
    struct assay_error error = {0};
    char text[1024];
    cr_assert_eq(find(library, &file, &error), ASSAY_OK, "%s: %s", when, error.text);
    cr_expect_str_eq(plain(file.path.p, text), path, "%s", when);
    cr_expect_gt(file.fd, 2, "%s", when);
    close(file.fd);
}

Test(plugin_find, names)
{
    static const struct {
        const char *name;
        bool is_good;
    } cases[] = {
        {"a.so", true},
        {"libassay_renewals.so", true},
        {"a-b_c9.so", true},
        {"a23456789012345678901234567890123456789012345678901234567890.so", true},
        {"a234567890123456789012345678901234567890123456789012345678901.so", false},
        {"", false},
        {".so", false},
        {"so", false},
        {"A.so", false},
        {"9a.so", false},
        {"-a.so", false},
        {"_a.so", false},
        {"a.so.1", false},
        {"a.b.so", false},
        {"a/b.so", false},
        {"../a.so", false},
        {"/a.so", false},
        {"a b.so", false},
        {"\xc3\xa4.so", false},
        {"a.SO", false},
        {"a.so\n", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_eq(asy_plugin_name_is_good(asy_str_of(cases[i].name)), cases[i].is_good, "`%s`", cases[i].name);
}

#define NAME_RULE "expected a name like `libassay_renewals.so` (a to z, 0 to 9, _ and -, at most 60 of them, then `.so`; no folder), found "

Test(plugin_find, bad_names_are_refused)
{
    char name[300];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    expect_refused("up", "../a/libx.so", ASSAY_E_DATA, "../a/libx.so: plugin: " NAME_RULE "`../a/libx.so`");
    expect_refused("a path", "/tmp/libx.so", ASSAY_E_DATA, "/tmp/libx.so: plugin: " NAME_RULE "`/tmp/libx.so`");
    expect_refused("no end", "libx", ASSAY_E_DATA, "libx: plugin: " NAME_RULE "`libx`");
    expect_refused("nothing", "", ASSAY_E_DATA, ": plugin: " NAME_RULE "``");
    expect_refused("too long", name, ASSAY_E_DATA, "plugin: expected a name of at most 60 bytes and `.so`, found one of 299 bytes");
}

Test(plugin_find, first_folder_decides)
{
    make_folder("a");
    make_folder("b");
    copy_good("b/libx.so");
    expect_found("only in b", "libx.so", "@/b/libx.so");
    copy_good("a/libx.so");
    expect_found("in a and b", "libx.so", "@/a/libx.so");
    cr_assert_eq(truncate("a/libx.so", 0), 0);
    expect_refused("a bad one in a", "libx.so", ASSAY_E_DATA,
                   "@/a/libx.so: plugin: expected a shared object (ELF), found an empty file: build it with `cc -shared -fPIC`");
}

Test(plugin_find, missing)
{
    struct asy_plugin_file file;
    struct assay_error error = {0};
    expect_refused("no folders", "libx.so", ASSAY_E_NOTFOUND,
                   "libx.so: plugin: expected it in @/missing (no such folder), @/a (no such folder) or @/b (no such folder), found no file of that name: "
                   "put it there or name its folder with --plugin-dir");
    make_folder("a");
    make_folder("b");
    copy_good("b/libassay_renewals.so");
    expect_refused("nothing near", "libother.so", ASSAY_E_NOTFOUND,
                   "libother.so: plugin: expected it in @/missing (no such folder), @/a or @/b, found no file of that name: "
                   "put it there or name its folder with --plugin-dir");
    expect_refused("a slip", "libassay_renewal.so", ASSAY_E_NOTFOUND,
                   "libassay_renewal.so: plugin: expected it in @/missing (no such folder), @/a or @/b, found no file of that name; "
                   "did you mean `libassay_renewals.so`?");
    cr_expect_eq(asy_plugin_find(&file, &pool, &(struct asy_plugin_dirs){NULL, 0}, ASY_STR("libx.so"), &error), ASSAY_E_NOTFOUND);
    cr_expect_str_eq(error.text, "libx.so: plugin: expected a folder to look for it, found none: name its folder with --plugin-dir");
}

Test(plugin_find, folder_is_no_folder)
{
    copy_good("a");
    expect_refused("a file", "libx.so", ASSAY_E_IO, "@/a: plugin: the folder cannot be opened: Not a directory");
}

Test(plugin_find, links)
{
    char target[128];
    make_folder("a");
    make_folder("a/sub");
    make_folder("b");
    copy_good("a/libx-1.2.so.9");
    copy_good("a/sub/libx.so");
    copy_good("b/libx.so");
    cr_assert_eq(symlink("libx-1.2.so.9", "a/libwithin.so"), 0);
    cr_assert_eq(symlink("libwithin.so", "a/libtwice.so"), 0);
    cr_assert_eq(symlink("../b/libx.so", "a/libout.so"), 0);
    snprintf(target, sizeof(target), "%s/a/libx-1.2.so.9", folder);
    cr_assert_eq(symlink(target, "a/libabsolute.so"), 0);
    cr_assert_eq(symlink("sub/libx.so", "a/libdown.so"), 0);
    cr_assert_eq(symlink("..", "a/libup.so"), 0);
    cr_assert_eq(symlink("gone.so", "a/libgone.so"), 0);
    cr_assert_eq(symlink("libcircle.so", "a/libcircle.so"), 0);
    cr_assert_eq(symlink("/proc/self/exe", "a/libmagic.so"), 0);
    expect_found("within", "libwithin.so", "@/a/libwithin.so");
    expect_found("twice within", "libtwice.so", "@/a/libtwice.so");
#define LINK_RULE "plugin: expected a file, or a symbolic link to a name in the same folder, found a link to "
    expect_refused("out", "libout.so", ASSAY_E_DATA, "@/a/libout.so: " LINK_RULE "`../b/libx.so`: copy the file here");
    expect_refused("absolute", "libabsolute.so", ASSAY_E_DATA, "@/a/libabsolute.so: " LINK_RULE "`@/a/libx-1.2.so.9`: copy the file here");
    expect_refused("down", "libdown.so", ASSAY_E_DATA, "@/a/libdown.so: " LINK_RULE "`sub/libx.so`: copy the file here");
    expect_refused("up", "libup.so", ASSAY_E_DATA, "@/a/libup.so: " LINK_RULE "`..`: copy the file here");
    expect_refused("magic", "libmagic.so", ASSAY_E_DATA, "@/a/libmagic.so: " LINK_RULE "`/proc/self/exe`: copy the file here");
    expect_refused("to nothing", "libgone.so", ASSAY_E_DATA,
                   "@/a/libgone.so: plugin: expected a file, found a symbolic link to `gone.so`, which is not there: put it there or remove the link");
    expect_refused("circle", "libcircle.so", ASSAY_E_DATA, "@/a/libcircle.so: plugin: expected at most 8 symbolic links, found more: they may lead in a circle");
}

Test(plugin_find, kinds_of_files)
{
    make_folder("a");
    make_folder("a/libfolder.so");
    cr_assert_eq(mkfifo("a/libpipe.so", 0644), 0);
    const int sock = socket(AF_UNIX, SOCK_STREAM, 0);
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "a/libsocket.so"};
    cr_assert_eq(bind(sock, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(sock);
    copy_good("a/liblarge.so");
    cr_assert_eq(truncate("a/liblarge.so", ASY_PLUGIN_BYTES_MAX + 1), 0);
    copy_good("a/liblargest.so");
    cr_assert_eq(truncate("a/liblargest.so", ASY_PLUGIN_BYTES_MAX), 0);
    expect_refused("a folder", "libfolder.so", ASSAY_E_DATA, "@/a/libfolder.so: plugin: expected a file, found a folder: build the library there");
    expect_refused("a pipe", "libpipe.so", ASSAY_E_DATA, "@/a/libpipe.so: plugin: expected a file, found a named pipe: build the library there");
    expect_refused("a socket", "libsocket.so", ASSAY_E_DATA, "@/a/libsocket.so: plugin: expected a file, found a socket: build the library there");
    expect_refused("too large", "liblarge.so", ASSAY_E_DATA,
                   "@/a/liblarge.so: plugin: expected at most 64 MiB, found 67108865 bytes: strip it (`strip -g`), and keep data in files that parameters name");
    expect_found("as large as can be", "liblargest.so", "@/a/liblargest.so");
}

static void set_mode(const char *path, mode_t mode) { cr_assert_eq(chmod(path, mode), 0, "%s", path); }

Test(plugin_find, modes)
{
    static const struct {
        const char *path;
        mode_t mode, usual;
        const char *message; /* NULL: fine */
    } cases[] = {
        {"a/libx.so", 0664, 0644, "the file to be writable by its owner only, found mode 0664: use `chmod go-w`"},
        {"a/libx.so", 0646, 0644, "the file to be writable by its owner only, found mode 0646: use `chmod go-w`"},
        {"a/libx.so", 0600, 0644, NULL},
        {"a/libx.so", 0755, 0644, NULL},
        {"a", 0775, 0755, "the folder @/a to be writable by its owner only, found mode 0775: use `chmod go-w`"},
        {"a", 0757, 0755, "the folder @/a to be writable by its owner only, found mode 0757: use `chmod go-w`"},
        /* Others may put files into a sticky folder: that is enough to be refused. */
        {"a", 01777, 0755, "the folder @/a to be writable by its owner only, found mode 1777: use `chmod go-w`"},
        {"a", 0700, 0755, NULL},
        {".", 0775, 0700, "the folder @ to be writable by its owner only, found mode 0775: use `chmod go-w`"},
        {".", 01777, 0700, NULL},
    };
    make_folder("a");
    copy_good("a/libx.so");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char when[64], message[256];
        snprintf(when, sizeof(when), "%s with mode %o", cases[i].path, (unsigned)cases[i].mode);
        set_mode(cases[i].path, cases[i].mode);
        snprintf(message, sizeof(message), "@/a/libx.so: plugin: expected %s", cases[i].message ? cases[i].message : "");
        if (cases[i].message)
            expect_refused(when, "libx.so", ASSAY_E_DATA, message);
        else
            expect_found(when, "libx.so", "@/a/libx.so");
        set_mode(cases[i].path, cases[i].usual);
    }
}

/* Only root can give files away. */
Test(plugin_find, owners)
{
    static const struct {
        const char *path, *what;
    } cases[] = {{"a/libx.so", "the file"}, {"a", "the folder @/a"}, {".", "the folder @"}};
    if (geteuid() != 0) cr_skip_test("not root");
    make_folder("a");
    copy_good("a/libx.so");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char message[256];
        cr_assert_eq(chown(cases[i].path, 12345, (gid_t)-1), 0);
        snprintf(message, sizeof(message), "@/a/libx.so: plugin: expected %s to belong to root or to user 0, who runs this, found user 12345: copy it or use `chown`", cases[i].what);
        expect_refused(cases[i].path, "libx.so", ASSAY_E_DATA, message);
        cr_assert_eq(chown(cases[i].path, 0, (gid_t)-1), 0);
    }
    expect_found("root's", "libx.so", "@/a/libx.so");
}

/* However the path is written, the folders that count are those that the file is in. */
Test(plugin_find, folder_behind_a_link)
{
    make_folder("real");
    make_folder("real/in");
    copy_good("real/in/libx.so");
    cr_assert_eq(symlink("real/in", "a"), 0);
    expect_found("a link to a folder", "libx.so", "@/a/libx.so");
    set_mode("real", 0777);
    expect_refused("a folder above it that others may change", "libx.so", ASSAY_E_DATA,
                   "@/a/libx.so: plugin: expected the folder @/real to be writable by its owner only, found mode 0777: use `chmod go-w`");
}

/* What was checked cannot be changed any more, neither through the file nor through the descriptor. */
Test(plugin_find, bytes_are_sealed)
{
    struct asy_plugin_file file;
    struct assay_error error = {0};
    char first[4], again[4];
    struct stat on_disk, in_memory;
    make_folder("a");
    copy_good("a/libx.so");
    cr_assert_eq(find("libx.so", &file, &error), ASSAY_OK, "%s", error.text);
    cr_assert_eq(stat("a/libx.so", &on_disk), 0);
    cr_assert_eq(fstat(file.fd, &in_memory), 0);
    cr_expect_eq(on_disk.st_size, in_memory.st_size);
    cr_assert_eq(pread(file.fd, first, 4, 0), 4);
    cr_assert_eq(truncate("a/libx.so", 0), 0);
    cr_assert_eq(pread(file.fd, again, 4, 0), 4);
    cr_expect_arr_eq(first, again, 4);
    cr_expect_eq(write(file.fd, "x", 1), -1);
    cr_expect_eq(errno, EPERM);
    cr_expect_eq(ftruncate(file.fd, 0), -1);
    cr_expect_eq(ftruncate(file.fd, 1 << 20), -1);
    cr_expect_eq(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, file.fd, 0), MAP_FAILED);
    cr_expect_eq(fcntl(file.fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1, "expected the seals to be sealed");
    cr_expect(fcntl(file.fd, F_GETFD) & FD_CLOEXEC);
    close(file.fd);
}

Test(plugin_find, path_of_a_person)
{
    struct asy_plugin_file file;
    struct assay_error error = {0};
    char path[128], text[1024];
    make_folder("a");
    copy_good("a/libx.so");
    copy_good("liby.so");
    cr_assert_eq(asy_plugin_find_path(&file, &pool, "liby.so", &error), ASSAY_OK, "%s", error.text);
    cr_expect_str_eq(file.path.p, "./liby.so");
    close(file.fd);
    cr_assert_eq(asy_plugin_find_path(&file, &pool, "a/libx.so", &error), ASSAY_OK, "%s", error.text);
    cr_expect_str_eq(file.path.p, "a/libx.so");
    close(file.fd);
    snprintf(path, sizeof(path), "%s/a/libx.so", folder);
    cr_assert_eq(asy_plugin_find_path(&file, &pool, path, &error), ASSAY_OK, "%s", error.text);
    cr_expect_str_eq(plain(file.path.p, text), "@/a/libx.so");
    close(file.fd);
    cr_expect_eq(asy_plugin_find_path(&file, &pool, "a/libz.so", &error), ASSAY_E_NOTFOUND);
    cr_expect_str_eq(error.text, "a/libz.so: plugin: expected a file, found none of that name; did you mean `a/libx.so`?");
    cr_expect_eq(asy_plugin_find_path(&file, &pool, "./far_from_any.so", &error), ASSAY_E_NOTFOUND);
    cr_expect_str_eq(error.text, "./far_from_any.so: plugin: expected a file, found none of that name: build it first, or name another");
    cr_expect_eq(asy_plugin_find_path(&file, &pool, "b/libx.so", &error), ASSAY_E_NOTFOUND);
    cr_expect_str_eq(error.text, "b/libx.so: plugin: expected a file, found that there is no folder `b`");
    cr_expect_eq(asy_plugin_find_path(&file, &pool, "/libz.so", &error), ASSAY_E_NOTFOUND);
    cr_expect_eq(asy_plugin_find_path(&file, &pool, "a/\033[2J.so", &error), ASSAY_E_DATA);
    cr_expect_eq(strchr(error.text, '\033'), NULL, "expected that a name does not speak to the terminal");
    cr_expect_eq(asy_plugin_find_path(&file, &pool, "a/", &error), ASSAY_E_DATA);
}

Test(plugin_find, names_in_a_folder)
{
    struct asy_str *names;
    uint32_t n;
    struct assay_error error = {0};
    make_folder("a");
    cr_expect_eq(asy_plugin_names(&pool, "a", &names, &n, &error), ASSAY_OK);
    cr_expect_eq(n, 0);
    copy_good("a/libc.so");
    copy_good("a/liba.so");
    copy_good("a/liba.so.1");
    copy_good("a/README.md");
    copy_good("a/libb.so");
    cr_assert_eq(asy_plugin_names(&pool, "a", &names, &n, &error), ASSAY_OK);
    cr_assert_eq(n, 3);
    cr_expect_str_eq(names[0].p, "liba.so");
    cr_expect_str_eq(names[1].p, "libb.so");
    cr_expect_str_eq(names[2].p, "libc.so");
    cr_expect_eq(asy_plugin_names(&pool, "gone", &names, &n, &error), ASSAY_OK);
    cr_expect_eq(n, 0);
    cr_expect_eq(asy_plugin_names(&pool, "a/libc.so", &names, &n, &error), ASSAY_E_IO);
    cr_expect_str_eq(error.text, "a/libc.so: plugin: the folder cannot be opened: Not a directory");
}

static unsigned n_open(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < 256; fd++) n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Every allocation fails once: a clean error, and nothing left open. */
Test(plugin_find, without_memory)
{
    make_folder("a");
    copy_good("a/libx.so");
    const unsigned before = n_open();
    for (unsigned is_there = 0; is_there < 2; is_there++) {
        const char *dirs[] = {"a", "gone"};
        const struct asy_str library = is_there ? ASY_STR("libx.so") : ASY_STR("liby.so");
        assay_status status = ASSAY_E_NOMEM;
        for (int64_t k = 0; status == ASSAY_E_NOMEM; k++) {
            struct failing failing;
            struct asy_mem small;
            struct asy_pool few;
            struct asy_plugin_file file;
            struct assay_error error = {0};
            failing_init(&small, &failing, k);
            asy_pool_init(&few, &small);
            status = asy_plugin_find(&file, &few, &(struct asy_plugin_dirs){dirs, 2}, library, &error);
            if (status == ASSAY_OK) close(file.fd);
            cr_assert_lt(k, 50);
            cr_expect(status != ASSAY_E_NOMEM || strstr(error.text, "out of memory"), "%s", error.text);
            asy_pool_fini(&few);
            cr_expect_eq(failing.n_blocks, 0);
            cr_expect_eq(n_open(), before);
        }
        cr_expect_eq(status, is_there ? ASSAY_OK : ASSAY_E_NOTFOUND);
    }
}
