/* Every input of tests/corpus, and the rule files that are shipped, through the bodies of the fuzz targets: what was found
 * once is looked at on every build. Each input has a process of its own, so that a crash names its file. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#define LLVMFuzzerTestOneInput fuzz_cel_once
#include "fuzz_cel.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_map_once
#include "fuzz_map.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_plugin_once
#include "fuzz_plugin.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_rows_once
#include "fuzz_rows.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_rules_once
#include "fuzz_rules.c"
#undef LLVMFuzzerTestOneInput

enum { SECONDS_MAX = 30 };

static void replay_file(const char *path, int (*once)(const uint8_t *bytes, size_t n))
{
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    const size_t n = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    cr_assert_lt(n, sizeof(bytes), "%s: expected less than 1 MiB", path);
    fflush(NULL);
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        /* The input in a block of its own size: reading beyond its end is seen. */
        alarm(SECONDS_MAX);
        uint8_t *exact = malloc(n + 1);
        if (exact == NULL) abort();
        memcpy(exact, bytes, n);
        once(exact, n);
        free(exact);
        _exit(0);
    }
    int how = 0;
    cr_assert_eq(waitpid(child, &how, 0), child);
    cr_expect(WIFEXITED(how) && WEXITSTATUS(how) == 0, "%s: expected to end well, found %s %d", path,
              WIFSIGNALED(how) ? "signal" : "exit code", WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how));
}

static void replay_folder(const char *folder, int (*once)(const uint8_t *bytes, size_t n))
{
    char path[1024];
    unsigned n = 0;
    DIR *dir = opendir(folder);
    cr_assert_not_null(dir, "%s", folder);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        const size_t len = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || (len > 3 && strcmp(entry->d_name + len - 3, ".md") == 0)) continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        replay_file(path, once);
        n++;
    }
    closedir(dir);
    cr_expect_gt(n, 0, "%s is empty", folder);
}

TestSuite(fuzz_replay, .timeout = 250);

Test(fuzz_replay, conditions) { replay_folder(ASSAY_SOURCE_DIR "/tests/corpus/cel", fuzz_cel_once); }
Test(fuzz_replay, maps) { replay_folder(ASSAY_SOURCE_DIR "/tests/corpus/map", fuzz_map_once); }
Test(fuzz_replay, plugins) { replay_folder(ASSAY_SOURCE_DIR "/tests/corpus/plugin", fuzz_plugin_once); }
Test(fuzz_replay, rows) { replay_folder(ASSAY_SOURCE_DIR "/tests/corpus/rows", fuzz_rows_once); }
Test(fuzz_replay, rules) { replay_folder(ASSAY_SOURCE_DIR "/tests/corpus/rules", fuzz_rules_once); }
/* Rule files made at random: pass and reference agree on them, and nearly all are accepted. */
Test(fuzz_replay, made_rules)
{
    enum { N_FILES = 400 };
    unsigned n_accepted = 0;
    for (uint32_t seed = 1; seed <= N_FILES; seed++) {
        uint8_t bytes[400];
        uint64_t rng = seed;
        for (size_t i = 0; i < sizeof(bytes); i++) {
            rng = rng * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (uint8_t)(rng >> 40);
        }
        fflush(NULL);
        const pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0) {
            alarm(SECONDS_MAX);
            _exit(fuzz_made_rules(bytes, sizeof(bytes)) ? 0 : 1);
        }
        int how = 0;
        cr_assert_eq(waitpid(child, &how, 0), child);
        cr_expect(WIFEXITED(how) && WEXITSTATUS(how) <= 1, "seed %u: expected to end well, found %s %d", seed,
                  WIFSIGNALED(how) ? "signal" : "exit code", WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how));
        n_accepted += WIFEXITED(how) && WEXITSTATUS(how) == 0;
    }
    printf("%u of %d accepted\n", n_accepted, N_FILES);
    cr_expect_gt(n_accepted, N_FILES * 3 / 4);
}

Test(fuzz_replay, shipped_rules) { replay_folder(ASSAY_SOURCE_DIR "/rules", fuzz_rules_once); }
