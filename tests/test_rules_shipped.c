/* The rule files that ship beside the example: each is without findings, and scores leads that were worked out by hand
 * (tests/golden/rules/README.md) in every way of running to the same bytes. */
#include "cli_fixture.h"

#include <dirent.h>

TestSuite(rules_shipped, .init = cli_setup, .fini = cli_teardown);

#define RULES ASSAY_SOURCE_DIR "/rules"

static const char *const shipped[] = {"minimal", "hubspot-like", "pardot-defaults"};
enum { N_SHIPPED = sizeof(shipped) / sizeof(shipped[0]) };

/* Uses everything, findings and plugins included: test_cli_check.c, test_plugins_shipped.c. */
static const char example[] = "b2b-saas.yaml";

static int score(const char *name, const char *flags)
{
    return cli("score " RULES "/%s.yaml --leads " GOLDEN "/rules/%s/leads.csv --events " GOLDEN "/rules/%s/events.csv" AS_OF "%s", name,
               name, name, flags);
}

static bool is_tested(const char *file)
{
    char path[64];
    for (int i = 0; i < N_SHIPPED; i++) {
        snprintf(path, sizeof(path), "%s.yaml", shipped[i]);
        if (strcmp(file, path) == 0) return true;
    }
    return strcmp(file, example) == 0;
}

Test(rules_shipped, strict_check_finds_nothing)
{
    for (int i = 0; i < N_SHIPPED; i++) {
        CLI(0, "check --strict " RULES "/%s.yaml", shipped[i]);
        HAS(cli_out, "no findings");
    }
}

Test(rules_shipped, scores_worked_out_by_hand)
{
    char wanted[256];
    for (int i = 0; i < N_SHIPPED; i++) {
        snprintf(wanted, sizeof(wanted), GOLDEN "/rules/%s/scored.csv", shipped[i]);
        cr_expect_eq(score(shipped[i], ""), 0, "%s", cli_err);
        SAME_FILE("scored.csv", wanted);
        HAS_NOT(cli_err, "cannot be read");
        HAS_NOT(cli_err, "unknown");
        HAS(cli_err, "1 event left out: later than as-of\n");
        cr_expect_eq(score(shipped[i], "--quiet --threads 2 --batch 1"), 0, "%s", cli_err);
        SAME_FILE("scored.csv", wanted);
    }
}

Test(rules_shipped, every_grade_of_the_grid_is_reached)
{
    cr_assert_eq(score("hubspot-like", ""), 0, "%s", cli_err);
    const char *table = get_text("scored.csv");
    for (const char *letter = "ABC"; *letter != '\0'; letter++) {
        for (const char *digit = "123"; *digit != '\0'; digit++) {
            const char cell[] = {',', *letter, *digit, ',', '\0'};
            HAS(table, cell);
        }
    }
}

/* A file that is added has to be told of and tested. */
Test(rules_shipped, every_file_is_listed_and_tested)
{
    char link[300];
    const char *readme = get_text(RULES "/README.md");
    DIR *folder = opendir(RULES);
    cr_assert_not_null(folder);
    int n = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const char *end = strrchr(entry->d_name, '.');
        if (end == NULL || strcmp(end, ".yaml") != 0 || strstr(entry->d_name, ".test.yaml") != NULL) continue;
        n++;
        snprintf(link, sizeof(link), "(%s)", entry->d_name);
        HAS(readme, link);
        cr_expect(is_tested(entry->d_name), "%s has no leads in tests/golden/rules", entry->d_name);
    }
    closedir(folder);
    cr_expect_eq(n, N_SHIPPED + 1);
}

/* What is shown first has to be short. */
Test(rules_shipped, minimal_is_minimal)
{
    cr_expect_leq(count_lines(get_text(RULES "/minimal.yaml")), 25);
}
