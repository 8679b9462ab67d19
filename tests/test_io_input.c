/* Files as bytes: plain, gzip, zstd, and what is said when they cannot be read. */
#include "failing_mem.h"
#include "io/input.h"
#include "io/rows.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

static struct asy_mem mem;
static struct asy_pool pool; /* of the made-up files */
static char folder[64];

static void set_up(void)
{
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    snprintf(folder, sizeof(folder), "/tmp/assay_input_XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void tear_down(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
    asy_pool_fini(&pool);
    cr_assert_eq(mem.live_bytes, 0);
}

TestSuite(io_input, .init = set_up, .fini = tear_down);

static const char *put_file(const char *name, const void *bytes, size_t n)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, n, file), n);
    fclose(file);
    return path;
}

struct bytes {
    char *p;
    size_t n;
};

static char *take(size_t n)
{
    char *p = asy_pool_alloc(&pool, n);
    cr_assert_not_null(p);
    return p;
}

static struct bytes made_up(size_t n)
{
    struct bytes b = {take(n + 1), n};
    uint64_t state = 9;
    for (size_t i = 0; i < n; i++) {
        state = state * UINT64_C(6364136223846793005) + 1;
        b.p[i] = (char)('a' + (state >> 60));
    }
    return b;
}

static struct bytes gzipped(struct bytes from)
{
    z_stream z = {0};
    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    struct bytes to = {NULL, deflateBound(&z, from.n)};
    to.p = take(to.n);
    z.next_in = (Bytef *)from.p, z.avail_in = (uInt)from.n;
    z.next_out = (Bytef *)to.p, z.avail_out = (uInt)to.n;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    to.n = z.total_out;
    deflateEnd(&z);
    return to;
}

static struct bytes zstded(struct bytes from)
{
    struct bytes to = {NULL, ZSTD_compressBound(from.n)};
    to.p = take(to.n);
    to.n = ZSTD_compress(to.p, to.n, from.p, from.n, 3);
    cr_assert_not(ZSTD_isError(to.n));
    return to;
}

static struct bytes joined(struct bytes a, struct bytes b)
{
    struct bytes to = {take(a.n + b.n + 1), a.n + b.n};
    memcpy(to.p, a.p, a.n);
    memcpy(to.p + a.n, b.p, b.n);
    return to;
}

static struct bytes read_all(const char *path, size_t step, assay_status *status, struct assay_error *error)
{
    struct bytes got = {take(1 << 22), 0};
    struct asy_input *input;
    *status = asy_input_open(&input, &mem, path, error);
    size_t n = 1;
    while (*status == ASSAY_OK && n > 0) {
        *status = asy_input_read(input, got.p + got.n, step, &n, error);
        got.n += n;
    }
    if (*status == ASSAY_OK) {
        uint64_t done, total;
        struct stat info;
        asy_input_progress(input, &done, &total);
        cr_assert_eq(stat(path, &info), 0);
        cr_assert_eq(done, total);
        cr_assert_eq(total, (uint64_t)info.st_size);
    }
    if (input) asy_input_close(input);
    return got;
}

static void check_reads(const char *name, struct bytes packed, struct bytes want)
{
    static const size_t steps[] = {1 << 20, 4096, 333};
    const char *path = put_file(name, packed.p, packed.n);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        assay_status status;
        struct assay_error error = {0};
        struct bytes got = read_all(path, steps[i], &status, &error);
        cr_assert_eq(status, ASSAY_OK, "%s: %s", name, error.text);
        cr_assert_eq(got.n, want.n, "%s: expected %zu bytes, found %zu", name, want.n, got.n);
        cr_assert(memcmp(got.p, want.p, want.n) == 0, "%s", name);
    }
}

Test(io_input, plain_gzip_and_zstd_by_content)
{
    const struct bytes a = made_up(700001), b = made_up(12), none = {"", 0};
    const struct bytes both = joined(a, b);
    const struct bytes ga = gzipped(a), gb = gzipped(b), gnone = gzipped(none), za = zstded(a), zb = zstded(b);
    check_reads("plain.gz", a, a); /* the name says nothing */
    check_reads("short", b, b);
    check_reads("empty", none, none);
    check_reads("one.csv", ga, a);
    check_reads("members.csv", joined(ga, gb), both);
    check_reads("empty_member.csv", joined(joined(gnone, ga), gb), both);
    check_reads("only_empty_member.csv", gnone, none);
    check_reads("padded.csv", joined(joined(ga, gb), (struct bytes){"\0\0\0\0\0", 5}), both);
    check_reads("zstd.csv", za, a);
    check_reads("frames.csv", joined(za, zb), both);
    check_reads("skippable.csv", joined((struct bytes){"\x50\x2a\x4d\x18\3\0\0\0abc", 11}, za), a);
}

static void check_fails(const char *name, struct bytes packed, const char *want)
{
    const char *path = put_file(name, packed.p, packed.n);
    assay_status status;
    struct assay_error error = {0};
    read_all(path, 4096, &status, &error);
    cr_assert_eq(status, ASSAY_E_DATA, "%s", name);
    cr_assert_not_null(strstr(error.text, want), "%s: expected %s, found %s", name, want, error.text);
    cr_assert_not_null(strstr(error.text, path));
}

Test(io_input, damaged_archives_are_said)
{
    const struct bytes a = made_up(300000);
    struct bytes ga = gzipped(a), za = zstded(a);
    char want[128];
    snprintf(want, sizeof(want), "gzip: expected more data, found the end of the file after %zu bytes; it was cut off", ga.n - 1);
    check_fails("cut.gz", (struct bytes){ga.p, ga.n - 1}, want);
    check_fails("half.gz", (struct bytes){ga.p, ga.n / 2}, "gzip: expected more data");
    check_fails("header.gz", (struct bytes){ga.p, 5}, "gzip: expected more data");
    snprintf(want, sizeof(want), "zstd: expected more data, found the end of the file after %zu bytes; it was cut off", za.n - 1);
    check_fails("cut.zst", (struct bytes){za.p, za.n - 1}, want);
    check_fails("half.zst", (struct bytes){za.p, za.n / 2}, "zstd: expected more data");
    check_fails("tail.gz", joined(ga, (struct bytes){"plain text", 10}), "gzip: damaged near byte");
    check_fails("tail.zst", joined(za, (struct bytes){"plain text", 10}), "zstd: damaged near byte");
    ga.p[ga.n - 6] ^= 1; /* the checksum */
    check_fails("checksum.gz", ga, "(incorrect data check); copy it again");
}

Test(io_input, what_cannot_be_opened)
{
    struct assay_error error;
    struct asy_input *input;
    char path[256], want[700];
    put_file("leads.csv", "a\n", 2);
    snprintf(path, sizeof(path), "%s/lead.csv", folder);
    cr_assert_eq(asy_input_open(&input, &mem, path, &error), ASSAY_E_IO);
    cr_assert_null(input);
    snprintf(want, sizeof(want), "%s: expected a file, found no `lead.csv` in %s; did you mean `leads.csv`?", path, folder);
    cr_assert_str_eq(error.text, want);
    snprintf(path, sizeof(path), "%s/completely_other", folder);
    cr_assert_eq(asy_input_open(&input, &mem, path, &error), ASSAY_E_IO);
    snprintf(want, sizeof(want), "%s: expected a file, found no `completely_other` in %s", path, folder);
    cr_assert_str_eq(error.text, want);
    snprintf(path, sizeof(path), "%s/sub/x.csv", folder);
    cr_assert_eq(asy_input_open(&input, &mem, path, &error), ASSAY_E_IO);
    snprintf(want, sizeof(want), "%s: expected a file, found no folder `%s/sub`", path, folder);
    cr_assert_str_eq(error.text, want);
    snprintf(path, sizeof(path), "%s/leads.csv/x", folder);
    cr_assert_eq(asy_input_open(&input, &mem, path, &error), ASSAY_E_IO);
    cr_assert_eq(asy_input_open(&input, &mem, folder, &error), ASSAY_E_IO);
    snprintf(want, sizeof(want), "%s: expected a file, found a folder; name the files in it, such as %s/*.csv", folder, folder);
    cr_assert_str_eq(error.text, want);
    cr_assert_eq(asy_input_open(&input, &mem, "", &error), ASSAY_E_PARAM);
    cr_assert_str_eq(error.text, "input file: expected a path or -, found an empty one");
    if (geteuid() != 0) {
        snprintf(path, sizeof(path), "%s/leads.csv", folder);
        cr_assert_eq(chmod(path, 0), 0);
        cr_assert_eq(asy_input_open(&input, &mem, path, &error), ASSAY_E_IO);
        cr_assert_not_null(strstr(error.text, "permission denied"));
    }
}

Test(io_input, other_archives_are_named)
{
    static const struct { const char *bytes; size_t n; const char *want; } cases[] = {
        {"\xfd"
         "7zXZ\0\0\0",
         8, "expected plain text, gzip or zstd, found xz; unpack it with `xz -d`"},
        {"BZh91AY&SY", 10, "found bzip2; unpack it with `bzip2 -d`"},
        {"\x04\x22\x4d\x18....", 8, "found lz4"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct assay_error error;
        struct asy_input *input;
        cr_assert_eq(asy_input_open(&input, &mem, put_file("x", cases[i].bytes, cases[i].n), &error), ASSAY_E_UNSUPPORTED);
        cr_assert_not_null(strstr(error.text, cases[i].want), "%s", error.text);
    }
}

Test(io_input, standard_input_is_a_dash)
{
    struct assay_error error = {0};
    struct asy_rows *rows;
    struct asy_row row;
    bool more;
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], "a,b\n1,2\n", 8), 8);
    close(ends[1]);
    const int kept = dup(STDIN_FILENO);
    cr_assert_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    cr_assert_eq(asy_rows_open(&rows, &mem, "-", NULL, &error), ASSAY_OK, "%s", error.text);
    cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_OK);
    cr_assert(more && asy_str_is(row.cells[1], "2"));
    asy_rows_close(rows);
    cr_assert_eq(fcntl(STDIN_FILENO, F_GETFD) & 0, 0); /* still open */
    cr_assert_neq(fcntl(STDIN_FILENO, F_GETFD), -1);
    cr_assert_eq(dup2(kept >= 0 ? kept : STDIN_FILENO, STDIN_FILENO), STDIN_FILENO);
}

static bool goes_on_twice(void *ctx)
{
    int *n_asked = ctx;
    return ++*n_asked < 3;
}

/* A signal may come to another thread than the one that waits. */
Test(io_input, a_pipe_that_keeps_us_waiting_is_given_up_without_a_signal)
{
    struct assay_error error = {0};
    struct asy_input *input;
    int ends[2], n_asked = 0;
    char path[64], text[64];
    size_t n = 0;
    cr_assert_eq(pipe(ends), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    cr_assert_eq(write(ends[1], "lead_id\n", 8), 8);
    const struct asy_input_wait wait = {goes_on_twice, &n_asked};
    cr_assert_eq(asy_input_open_wait(&input, &mem, path, &wait, &error), ASSAY_OK, "%s", error.text);
    cr_assert_eq(asy_input_read(input, text, sizeof(text), &n, &error), ASSAY_OK);
    cr_expect(n == 8 && n_asked == 0);
    cr_expect_eq(asy_input_read(input, text, sizeof(text), &n, &error), ASSAY_E_CANCELLED);
    cr_expect_eq(n_asked, 3);
    cr_expect_not_null(strstr(error.text, ": interrupted while waiting for it"), "%s", error.text);
    asy_input_close(input);
    close(ends[0]);
    close(ends[1]);
}

Test(io_input, rows_of_a_packed_file_and_its_errors)
{
    const struct bytes text = {"a,b\n1,2\n3,4\n", 12};
    struct assay_error error = {0};
    struct asy_rows *rows;
    struct asy_row row;
    bool more;
    const struct bytes packed = gzipped(text);
    cr_assert_eq(asy_rows_open(&rows, &mem, put_file("x.csv.gz", packed.p, packed.n), NULL, &error), ASSAY_OK, "%s", error.text);
    cr_assert_eq(asy_rows_next(rows, &row, &more, &error), ASSAY_OK);
    cr_assert(more && asy_str_is(row.cells[1], "2"));
    asy_rows_close(rows);
    cr_assert_eq(asy_rows_open(&rows, &mem, put_file("cut.csv.gz", packed.p, packed.n - 3), NULL, &error), ASSAY_E_DATA);
    cr_assert_null(rows);
}

Test(io_input, a_file_that_is_packed_twice_says_so)
{
    const struct bytes text = {"a,b\n1,2\n3,4\n", 12};
    const struct { struct bytes packed; const char *inner; } cases[] = {
        {gzipped(gzipped(text)), "gzip"}, {zstded(gzipped(text)), "gzip"}, {gzipped(zstded(text)), "zstd"}, {zstded(zstded(text)), "zstd"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct assay_error error = {0};
        struct asy_rows *rows;
        char want[400];
        const char *path = put_file("twice.csv.gz", cases[i].packed.p, cases[i].packed.n);
        snprintf(want, sizeof(want), "%s: expected CSV or NDJSON, found %s data after unpacking: the file is packed twice; unpack it once",
                 path, cases[i].inner);
        cr_expect_eq(asy_rows_open(&rows, &mem, path, NULL, &error), ASSAY_E_DATA);
        cr_expect_str_eq(error.text, want, "%s", error.text);
    }
}

Test(io_input, every_allocation_may_fail)
{
    const struct bytes a = made_up(5000);
    const struct bytes packed[] = {a, gzipped(a), zstded(a)};
    char got[6000];
    for (size_t p = 0; p < 3; p++) {
        const char *path = put_file("x", packed[p].p, packed[p].n);
        bool is_through = false;
        for (int64_t k = 0; !is_through && k < 100; k++) {
            struct failing failing;
            struct asy_mem poor;
            struct asy_input *input;
            struct assay_error error;
            failing_init(&poor, &failing, k);
            assay_status status = asy_input_open(&input, &poor, path, &error);
            size_t n = 1;
            while (status == ASSAY_OK && n > 0) status = asy_input_read(input, got, sizeof(got), &n, &error);
            if (input) asy_input_close(input);
            is_through = failing.n_left > 0;
            cr_assert(status == ASSAY_E_NOMEM || (is_through && status == ASSAY_OK) || failing.n_left == 0, "kind %zu allocation %lld", p,
                      (long long)k);
            cr_assert_eq(failing.n_blocks, 0);
        }
        cr_assert(is_through);
    }
}
