/* `assay check` from outside: its four formats, --strict, --ignore and exit codes. What it finds is tested in test_rules_lint.c. */
#include "cli_fixture.h"

TestSuite(cli_check, .init = cli_setup, .fini = cli_teardown);

static const char clean_rules[] = "assay: 1\nfields: {size: int}\nscores:\n  s:\n    rules:\n"
                                  "      - {name: Size, by: size, points: {1+: 1, otherwise: 0, missing: 0}}\n";
/* A hole from 60 to 79, a route nothing reaches, and one that earlier routes rob. */
static const char warned_rules[] = "assay: 1\n"
                                   "fields:\n"
                                   "  size: int\n"
                                   "  source: one of web, referral\n"
                                   "scores:\n"
                                   "  fit:\n"
                                   "    keep_within: 0..100\n"
                                   "    rules:\n"
                                   "      - {name: Size, by: size, points: {1-10: 10, 11-20: 70, 21+: 100, otherwise: 0, missing: 0}}\n"
                                   "teams:\n"
                                   "  t: {anywhere: [a, b]}\n"
                                   "  p: {anywhere: [c]}\n"
                                   "routes:\n"
                                   "  - {name: Big, when: score.fit >= 80, assign: {round_robin: t}}\n"
                                   "  - {name: Same, when: score.fit >= 90, assign: nobody}\n"
                                   "  - {name: Partner, when: source == 'referral', assign: {round_robin: p}}\n"
                                   "  - {name: Low, when: score.fit < 60, assign: nobody}\n";
static const char wrong_rules[] = "assay: 1\n"
                                  "fields: {size: int, name: txt}\n"
                                  "scores:\n"
                                  "  s:\n"
                                  "    rules:\n"
                                  "      - {name: \"<b>&\\\"x\", when: siez > 1, points: 10}\n"
                                  "      - {name: Two, when: \"size > 'a'\", points: ten}\n"
                                  "scors: {}\n";

static void expect_formats(const char *file, int code)
{
    CLI(code, "check %s --format json", file);
    cr_expect(is_json(cli_out), "%s", cli_out);
    HAS(cli_out, "\"schema_version\": 1");
    char *json = strdup(cli_out);
    CLI(code, "check %s --json", file);
    cr_expect_str_eq(cli_out, json);
    free(json);
    CLI(code, "check %s --format=sarif", file);
    cr_expect(is_json(cli_out), "%s", cli_out);
    static const char *const parts[] = {"\"version\": \"2.1.0\"", "\"runs\": [", "\"driver\": {", "\"results\": ["};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) HAS(cli_out, parts[i]);
    CLI(code, "check %s --format github", file);
    for (const char *line = cli_out; *line != '\0'; line = strchr(line, '\n') + 1)
        cr_expect(strncmp(line, "::error file=", 13) == 0 || strncmp(line, "::warning file=", 15) == 0 || strncmp(line, "::notice file=", 14) == 0,
                  "%s", line);
}

Test(cli_check, a_clean_file)
{
    put_text("r.yaml", clean_rules);
    CLI(0, "check r.yaml");
    cr_expect_str_eq(cli_out, "r.yaml: no findings\n");
    CLI(0, "check r.yaml --strict");
    expect_formats("r.yaml", 0);
    CLI(0, "check " ASSAY_SOURCE_DIR "/rules/b2b-saas.yaml");
    HAS(cli_out, "warning: W0352 route `Referral` is partly taken by earlier routes that test other fields");
}

Test(cli_check, warnings_are_told_and_strict_stops)
{
    put_text("r.yaml", warned_rules);
    CLI(0, "check r.yaml");
    static const char *const found[] = {"[route-hole]", "[route-unreachable]", "[route-partly-shadowed]", "no route takes leads with score.fit 60..79",
                                        "example lead: "};
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) HAS(cli_out, found[i]);
    HAS(cli_out, "0 errors, 3 warnings");
    CLI(3, "check r.yaml --strict");
    HAS(cli_out, "0 errors, 3 warnings");
    expect_formats("r.yaml", 0);
    CLI(3, "check r.yaml --strict --format sarif");
    cr_expect(is_json(cli_out));

    CLI(3, "check r.yaml --strict --ignore route-hole --ignore=route-unreachable");
    HAS_NOT(cli_out, "[route-hole]");
    HAS(cli_out, "0 errors, 1 warning");
    CLI(0, "check r.yaml --strict --ignore route-hole --ignore route-unreachable --ignore route-partly-shadowed");
    CLI(3, "check r.yaml --strict --ignore route-whole");
    HAS(cli_err, "--ignore route-whole: there is no such finding in this file");
    /* a file with warnings scores all the same */
    put_text("l.csv", "lead_id,size,source\nL1,20,web\n");
    CLI(0, "score r.yaml --leads l.csv --quiet" AS_OF);
    cr_expect_str_empty(cli_err);
}

Test(cli_check, all_errors_at_once)
{
    put_text("r.yaml", wrong_rules);
    CLI(2, "check r.yaml");
    static const char *const found[] = {"r.yaml:2:27: error: E", "did you mean `text`?", "r.yaml:6:", "did you mean `size`?", "r.yaml:7:", "r.yaml:8:1: error: E",
                                        "did you mean `scores`?"};
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) HAS(cli_out, found[i]);
    cr_expect_null(strchr(cli_out, '\033'), "no colours off a terminal");
    CLI(2, "check r.yaml --strict");
    expect_formats("r.yaml", 2);
    CLI(2, "check r.yaml --ignore unknown-name --ignore unknown-key");
    HAS(cli_out, "did you mean `size`?");
    put_text("l.csv", "lead_id,size\nL1,20\n");
    CLI(2, "score r.yaml --leads l.csv" AS_OF);
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) HAS(cli_err, found[i]);
    cr_expect_not(is_there("scored.csv"));
}

Test(cli_check, wrong_usage)
{
    static const struct { const char *arguments; int code; const char *message; } cases[] = {
        {"check", 2, "assay check: expected RULES.yaml"},
        {"check a.yaml b.yaml", 2, "expected only RULES.yaml, found `b.yaml` as well"},
        {"check a.yaml --format xml", 2, "--format: expected text|json|github|sarif, found `xml`"},
        {"check a.yaml --strikt", 2, "unknown flag `--strikt`; did you mean `--strict`?"},
        {"check a.yaml", 1, "a.yaml: "},
        {"check ''", 2, "assay check: expected RULES.yaml, found an empty text\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const int code = cli("%s", cases[i].arguments);
        cr_expect_eq(code, cases[i].code, "%s: exit code %d", cases[i].arguments, code);
        HAS(cli_err, cases[i].message);
    }
}
