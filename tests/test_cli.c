/* The command from outside and inside: overview, suggestions, exit codes, the formats of `check`, whole files or none of `synth`. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/cli.h"

/* -- inside: a run with streams in memory ------------------------------------------------------------------------ */

struct outcome {
    int code;
    char *out, *err;
};

static int64_t no_clock(void)
{
    return 0;
}

static volatile sig_atomic_t interrupted;
static struct asy_cli_places places;

static struct outcome run(const char *const *words)
{
    int argc = 0;
    char *argv[32];
    while (words[argc] != NULL) {
        argv[argc] = (char *)(uintptr_t)words[argc];
        argc++;
    }
    struct outcome outcome = {0};
    size_t out_len, err_len;
    struct asy_mem mem;
    struct asy_pool pool;
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    FILE *out = open_memstream(&outcome.out, &out_len), *err = open_memstream(&outcome.err, &err_len);
    struct asy_cli cli = {.io = {.out = out, .err = err}, .clock = {no_clock, no_clock}, .mem = &mem, .pool = &pool,
                          .interrupted = &interrupted, .n_cpus = 1, .places = places};
    outcome.code = asy_cli_run(&cli, argc, argv);
    asy_pool_fini(&pool);
    cr_expect_eq(mem.live_bytes, 0, "%s leaves memory behind", argc > 1 ? words[1] : "");
    fclose(out);
    fclose(err);
    return outcome;
}
#define RUN(...) run((const char *const[]){"assay", __VA_ARGS__, NULL})

static void drop(struct outcome *outcome)
{
    free(outcome->out);
    free(outcome->err);
}

static char folder[64];

static void setup(void)
{
    snprintf(folder, sizeof(folder), "/tmp/assay-test-cli-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}
static void teardown(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

static const char *in_folder(const char *name)
{
    static char paths[4][160];
    static unsigned at;
    char *path = paths[at++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static const char *write_rules(const char *text)
{
    const char *path = in_folder("r,1.yaml");
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static const char good_rules[] = "assay: 1\nfields:\n  size: int\nscores:\n  fit:\n    rules:\n      - name: Size\n        by: size\n        points:\n"
                                 "          1+: 10\n          otherwise: 0\n          missing: 0\n";
static const char bad_rules[] = "assay: 1\nfields:\n  size: int\nscores:\n  fit:\n    rules:\n      - name: Siz\xc3\xa9\n        when: \"siez > 1\"\n        points: 10\n";

TestSuite(cli, .init = setup, .fini = teardown);

Test(cli, overview_lists_every_verb)
{
    struct outcome o = RUN(NULL);
    cr_assert_eq(o.code, ASY_EXIT_OK);
    cr_assert_str_empty(o.err);
    for (uint32_t i = 0; i < asy_n_verbs; i++) cr_expect_not_null(strstr(o.out, asy_verbs[i].line), "%s", asy_verbs[i].name);
    drop(&o);
}

Test(cli, words_that_are_not_verbs)
{
    static const struct { const char *word, *message; } cases[] = {
        {"scroe", "assay: unknown verb `scroe`; did you mean `score`?\n"},
        {"Check", "assay: unknown verb `Check`; did you mean `check`?\n"},
        {"florble", "assay: unknown verb `florble`; `assay` alone lists the verbs\n"},
        {"--nope", "assay: unknown flag `--nope`; `assay` alone lists the verbs\n"},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        struct outcome o = RUN(cases[i].word);
        cr_expect_eq(o.code, ASY_EXIT_USAGE);
        cr_expect_str_eq(o.err, cases[i].message);
        cr_expect_str_empty(o.out);
        drop(&o);
    }
}

Test(cli, help_and_version)
{
    struct outcome o = RUN("--version");
    cr_expect_str_eq(o.out, "assay " ASSAY_VERSION "\n");
    drop(&o);
    for (uint32_t i = 0; i < asy_n_verbs; i++) {
        struct outcome a = RUN(asy_verbs[i].name, "--help"), b = RUN("help", asy_verbs[i].name);
        cr_expect_eq(a.code, ASY_EXIT_OK);
        cr_expect_str_eq(a.out, b.out);
        cr_expect_not_null(strstr(a.out, asy_verbs[i].n_verbs > 0 ? "`assay plugin VERB --help` shows examples first.\n" : "Examples:\n"));
        drop(&a);
        drop(&b);
    }
}

Test(cli, folders_of_plugins)
{
    const char *beside = in_folder("plugins"), *away = in_folder("away");
    cr_assert_eq(mkdir(beside, 0700) + mkdir(away, 0700), 0);
    char both[512], wanted[512];
    snprintf(both, sizeof(both), ":%s::/nowhere/at/all:%s:", away, beside);
    snprintf(wanted, sizeof(wanted), "%s\n  no plugins\n\n%s\n  no plugins\n", away, beside);
    places = (struct asy_cli_places){.plugin_path = both, .plugins_beside = beside, .installed = {"/nowhere/else", away}};
    struct outcome o = RUN("plugin", "list");
    cr_expect_str_eq(o.out, wanted, "each folder once, in the order in which they are looked at");
    cr_expect_str_empty(o.err);
    drop(&o);
    places = (struct asy_cli_places){.is_path_ignored = true};
    o = RUN("plugin", "list");
    cr_expect_eq(o.code, ASY_EXIT_OK);
    cr_expect_str_eq(o.out, "There are no folders of plugins: --plugin-dir and ASSAY_PLUGIN_PATH name some.\n");
    cr_expect_str_eq(o.err, "assay: ASSAY_PLUGIN_PATH is ignored: it was set by another user than the one whose rights this process has; --plugin-dir "
                            "names folders\n");
    drop(&o);
    places = (struct asy_cli_places){0};
}

Test(cli, check_exit_codes)
{
    struct outcome o = RUN("check", write_rules(good_rules));
    cr_expect_eq(o.code, ASY_EXIT_OK, "%s%s", o.out, o.err);
    drop(&o);
    o = RUN("check", write_rules(bad_rules));
    cr_expect_eq(o.code, ASY_EXIT_USAGE, "%s%s", o.out, o.err);
    cr_expect_not_null(strstr(o.out, "r,1.yaml:8:16: error: E"), "%s", o.out);
    cr_expect_not_null(strstr(o.out, "    when: \"siez > 1\"\n           ^^^^\n"), "%s", o.out);
    cr_expect_not_null(strstr(o.out, "did you mean `size`?"), "%s", o.out);
    cr_expect_not_null(strstr(o.out, "\n1 error, 0 warnings"), "%s", o.out);
    drop(&o);
    o = RUN("check", in_folder("absent.yaml"));
    cr_expect_eq(o.code, ASY_EXIT_FAILED);
    cr_expect_str_empty(o.out);
    cr_expect_not_null(strstr(o.err, "absent.yaml"), "%s", o.err);
    drop(&o);
}

/* The same table without `missing`: a warning. */
static const char warned_rules[] = "assay: 1\nfields:\n  size: int\nscores:\n  fit:\n    rules:\n      - name: Size\n        by: size\n        points:\n"
                                   "          1-10: 10\n          21-30: 5\n";

Test(cli, check_strict_and_ignore)
{
    struct outcome plain = RUN("check", write_rules(warned_rules), "--json");
    cr_assert_eq(plain.code, ASY_EXIT_OK, "%s", plain.out);
    cr_assert_not_null(strstr(plain.out, "\"severity\": \"warning\""), "%s", plain.out);
    struct outcome strict = RUN("check", write_rules(warned_rules), "--strict", "--json");
    cr_expect_eq(strict.code, ASY_EXIT_FINDINGS);
    cr_expect_str_eq(strict.out, plain.out);
    drop(&strict);
    drop(&plain);

    strict = RUN("check", write_rules(warned_rules), "--ignore", "no-such-name");
    cr_expect_not_null(strstr(strict.err, "--ignore no-such-name: there is no such finding in this file"), "%s", strict.err);
    drop(&strict);
}

Test(cli, check_formats)
{
    struct outcome o = RUN("check", write_rules(bad_rules), "--format", "json");
    cr_expect_eq(o.code, ASY_EXIT_USAGE);
    cr_expect_not_null(strstr(o.out, "{\n  \"schema_version\": 1,\n"), "%s", o.out);
    cr_expect_not_null(strstr(o.out, "\"line\": 8,\n      \"column\": 16,\n      \"length\": 4,\n"), "%s", o.out);
    drop(&o);

    o = RUN("check", write_rules(bad_rules), "--format=github");
    cr_expect_eq(strncmp(o.out, "::error file=", 13), 0, "%s", o.out);
    cr_expect_not_null(strstr(o.out, "/r%2C1.yaml,line=8,endLine=8,col=16,endColumn=20,title=E"), "%s", o.out);
    drop(&o);

    o = RUN("check", write_rules(bad_rules), "--format=sarif");
    cr_expect_not_null(strstr(o.out, "\"version\": \"2.1.0\""), "%s", o.out);
    cr_expect_not_null(strstr(o.out, "\"uri\": \"file:///tmp/"), "%s", o.out);
    cr_expect_not_null(strstr(o.out, "/r%2C1.yaml\""), "%s", o.out);
    static const char *const parts[] = {"\"startLine\": 8,", "\"startColumn\": 16,", "\"endColumn\": 20\n"};
    for (size_t i = 0; i < ASY_COUNT_OF(parts); i++) cr_expect_not_null(strstr(o.out, parts[i]), "%s: %s", parts[i], o.out);
    drop(&o);
}

Test(cli, synth_writes_whole_private_files_or_none)
{
    const char *out = in_folder("demo");
    struct outcome o = RUN("synth", "--leads", "50", "--out", out);
    cr_assert_eq(o.code, ASY_EXIT_OK, "%s", o.err);
    cr_expect_str_empty(o.out);
    cr_expect_not_null(strstr(o.err, "/demo/leads.csv: 50 leads, "), "%s", o.err);
    cr_expect_not_null(strstr(o.err, "/demo/events.csv: 1,000 events, "), "%s", o.err);
    drop(&o);
    struct stat info;
    cr_assert_eq(stat(in_folder("demo/leads.csv"), &info), 0);
    cr_expect_eq(info.st_mode & 0777, 0600);
    const off_t size = info.st_size;

    interrupted = 1;
    o = RUN("synth", "--leads", "70", "--out", out, "--quiet");
    interrupted = 0;
    cr_expect_eq(o.code, ASY_EXIT_INTERRUPTED);
    drop(&o);
    cr_assert_eq(stat(in_folder("demo/leads.csv"), &info), 0);
    cr_expect_eq(info.st_size, size, "the old file stays");
    char command[160];
    snprintf(command, sizeof(command), "test \"$(ls -A %s | wc -l)\" = 2", out);
    cr_expect_eq(system(command), 0, "nothing else is left");

    static const struct { const char *as_of, *message; } cases[] = {
        {"1960-01-01", "assay synth: --as-of: expected a time from 1973 to 2104, found `1960-01-01`\n"},
        {"2200-01-01", "assay synth: --as-of: expected a time from 1973 to 2104, found `2200-01-01`\n"},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        o = RUN("synth", "--out", out, "--as-of", cases[i].as_of);
        cr_expect_eq(o.code, ASY_EXIT_USAGE);
        cr_expect_str_eq(o.err, cases[i].message);
        drop(&o);
    }
    o = RUN("synth", "--out", in_folder("no/such"));
    cr_expect_eq(o.code, ASY_EXIT_FAILED);
    cr_expect_not_null(strstr(o.err, "cannot make this folder: No such file or directory (the folder above it has to be there)"), "%s", o.err);
    drop(&o);
}

/* -- outside: the process ---------------------------------------------------------------------------------------- */

static int shell(const char *arguments)
{
    char command[512];
    snprintf(command, sizeof(command), ASSAY_COMMAND " %s", arguments);
    const int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Test(process, exit_codes_reach_the_shell)
{
    cr_expect_eq(shell(">/dev/null"), 0);
    cr_expect_eq(shell("--version >/dev/null"), 0);
    cr_expect_eq(shell("scroe 2>/dev/null"), 2);
    cr_expect_eq(shell("check /nonexistent.yaml 2>/dev/null"), 1);
}

Test(process, a_closed_pipe_is_no_failure_and_a_full_disk_is)
{
    cr_expect_eq(shell("score --help | head -c 1 >/dev/null"), 0);
    if (access("/dev/full", W_OK) == 0) cr_expect_eq(shell("score --help >/dev/full 2>/dev/null"), 1);
}

Test(process, missing_standard_streams_do_no_harm)
{
    cr_expect_eq(shell("--version <&- >&- 2>&-"), 0);
}
