#include <criterion/criterion.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/term.h"

static int no_run(struct asy_cli *cli)
{
    (void)cli;
    return 0;
}

static const char *const examples[] = {"assay mix a.yaml --out x.csv", NULL};
static const struct asy_flag flags[] = {
    {.name = "out", .kind = ASY_FLAG_TEXT, .value = "FILE", .is_required = true, .help = "where it goes"},
    {.name = "events", .kind = ASY_FLAG_TEXT, .value = "FILE", .is_repeatable = true, .help = "what happened"},
    {.name = "rows", .kind = ASY_FLAG_COUNT, .value = "N", .fallback = "10k", .min = 5, .max = 2000000, .help = "how many"},
    {.name = "least", .kind = ASY_FLAG_COUNT, .value = "N", .min = 2, .help = "no upper bound"},
    {.name = "max-rejects", .kind = ASY_FLAG_SHARE, .value = "SHARE", .fallback = "1%", .help = "how much may be bad"},
    {.name = "as-of", .kind = ASY_FLAG_TIME, .value = "TIME", .help = "when"},
    {.name = "format", .kind = ASY_FLAG_CHOICE, .value = "text|json|sarif", .fallback = "text",
     .help = "a rather long explanation of what this flag does, so that its help has to be broken over several lines of text"},
    {.name = "quiet", .help = "say nothing"},
};
static const struct asy_verb verb = {.name = "mix", .line = "for tests", .operands = "RULES.yaml [LEAD]", .min_operands = 1, .max_operands = 2,
                                     .examples = examples, .flags = flags, .n_flags = ASY_COUNT_OF(flags), .run = no_run};

static struct asy_mem mem;
static struct asy_pool pool;
static struct asy_args args;
static struct assay_error error;

static void setup(void)
{
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
}
static void teardown(void)
{
    asy_pool_fini(&pool);
    cr_assert_eq(mem.live_bytes, 0);
}

/* Parse words separated by blanks; `_` stands for an empty word. */
static assay_status parse(const char *line)
{
    static char text[512];
    static char *words[32];
    int n = 0;
    snprintf(text, sizeof(text), "%s", line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) words[n++] = strcmp(word, "_") == 0 ? word + 1 : word;
    error.text[0] = '\0';
    return asy_args_parse(&args, &pool, &verb, n, words, &error);
}

TestSuite(args, .init = setup, .fini = teardown);

Test(args, all_ways_to_write_flags)
{
    cr_assert_eq(parse("a.yaml --out x.csv --events e1 --events=e2 --rows 2.5k --quiet L-1 --as-of 2026-11-01 --max-rejects=0.25 --format json"), ASSAY_OK,
                 "%s", error.text);
    cr_assert_eq(args.n_operands, 2);
    cr_assert_str_eq(args.operands[0], "a.yaml");
    cr_assert_str_eq(args.operands[1], "L-1");
    cr_assert_str_eq(asy_args_text(&args, "out"), "x.csv");
    cr_assert_eq(asy_args_times(&args, "events"), 2);
    cr_assert_str_eq(asy_args_nth(&args, "events", 0), "e1");
    cr_assert_str_eq(asy_args_nth(&args, "events", 1), "e2");
    cr_assert_null(asy_args_nth(&args, "events", 2));
    cr_assert_eq(asy_args_count(&args, "rows"), 2500);
    cr_assert(asy_args_has(&args, "quiet"));
    cr_assert_eq(asy_args_choice(&args, "format"), 1);
    cr_assert_eq(asy_args_share(&args, "max-rejects"), 0.25);
    int64_t time_us;
    cr_assert(asy_args_time(&args, "as-of", &time_us));
    cr_assert_eq(time_us, 1793491200000000);
}

Test(args, fallbacks_hold_where_nothing_is_said)
{
    cr_assert_eq(parse("--out - a.yaml"), ASSAY_OK, "%s", error.text);
    cr_assert_str_eq(asy_args_text(&args, "out"), "-");
    cr_assert_eq(asy_args_count(&args, "rows"), 10000);
    cr_assert_not(asy_args_has(&args, "rows"));
    cr_assert_eq(asy_args_share(&args, "max-rejects"), 0.01);
    cr_assert_eq(asy_args_choice(&args, "format"), 0);
    cr_assert_eq(asy_args_times(&args, "events"), 0);
    cr_assert_null(asy_args_text(&args, "events"));
    int64_t time_us;
    cr_assert_not(asy_args_time(&args, "as-of", &time_us));
}

Test(args, two_dashes_end_the_flags)
{
    cr_assert_eq(parse("--out x -- --weird.yaml --help"), ASSAY_OK, "%s", error.text);
    cr_assert_eq(args.n_operands, 2);
    cr_assert_str_eq(args.operands[0], "--weird.yaml");
}

Test(args, help_wins)
{
    cr_assert_eq(parse("--nonsense --help"), ASSAY_OK);
    cr_assert(args.wants_help);
    cr_assert_eq(parse("-h"), ASSAY_OK);
    cr_assert(args.wants_help);
}

Test(args, mistakes_are_told_with_their_cure)
{
    static const struct { const char *line, *message; } cases[] = {
        {"--out x", "assay mix: expected RULES.yaml [LEAD], found nothing; `assay mix --help` shows examples"},
        {"a.yaml", "assay mix: expected --out FILE, found no such flag; `assay mix --help` shows examples"},
        {"a b c --out x", "assay mix: expected only RULES.yaml [LEAD], found `c` as well"},
        {"a --uot x", "assay mix: unknown flag `--uot`; did you mean `--out`?"},
        {"a --max x", "assay mix: unknown flag `--max`; did you mean `--max-rejects`?"},
        {"a --Events=x", "assay mix: unknown flag `--Events=x`; did you mean `--events`?"},
        {"a --zzzzzz", "assay mix: unknown flag `--zzzzzz`; `assay mix --help` lists the flags"},
        {"a -q", "assay mix: unknown flag `-q`; `assay mix --help` lists the flags"},
        {"a --out", "assay mix: --out: expected FILE after it, found the end of the command line"},
        {"a --out --quiet", "assay mix: --out: expected FILE after it, found `--quiet` (a value that starts with -- is written --out=VALUE)"},
        {"a --out= --quiet", "assay mix: --out: expected FILE, found an empty text"},
        {"a --out _", "assay mix: --out: expected FILE, found an empty text"},
        {"a --out x --out y", "assay mix: --out: expected once, found twice"},
        {"a --out x --quiet=1", "assay mix: --quiet: expected no value, found `1`"},
        {"a --out x --rows 1,000", "assay mix: --rows: expected a whole number such as 500, 100k or 2.5M, found `1,000`"},
        {"a --out x --rows 4", "assay mix: --rows: expected 5 to 2000000, found 4"},
        {"a --out x --rows 3M", "assay mix: --rows: expected 5 to 2000000, found 3M"},
        {"a --out x --least 1", "assay mix: --least: expected at least 2, found 1"},
        {"a --out x --max-rejects 2", "assay mix: --max-rejects: expected a share such as 1% or 0.01, at most 100%, found `2`"},
        {"a --out x --format xml", "assay mix: --format: expected text|json|sarif, found `xml`"},
        {"a --out x --format tex", "assay mix: --format: expected text|json|sarif, found `tex`"},
        {"a --out x --as-of 01-02-2018", "assay mix: --as-of: `01-02-2018` can be read day first or month first; write it as 2026-11-01"},
        {"a --out x --as-of 2026-02-30", "assay mix: --as-of: there is no such date as `2026-02-30` (years 0001 to 9999)"},
        {"a --out x --as-of soon", "assay mix: --as-of: expected a time such as 2026-11-01 or 2026-11-01T08:00:00Z, found `soon`"},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        cr_expect_eq(parse(cases[i].line), ASSAY_E_PARAM, "%s", cases[i].line);
        cr_expect_str_eq(error.text, cases[i].message, "%s\nexpected %s\n   found %s", cases[i].line, cases[i].message, error.text);
    }
}

Test(args, counts)
{
    static const struct { const char *text; bool is_good; uint64_t value; } cases[] = {
        {"0", true, 0}, {"17", true, 17}, {"100k", true, 100000}, {"2.5M", true, 2500000}, {"1.2345k", false, 0}, {"1.234k", true, 1234},
        {"1G", true, 1000000000}, {"3.0", true, 3}, {"3.5", false, 0}, {"", false, 0}, {"k", false, 0}, {".5M", false, 0}, {"1.M", false, 0},
        {"1.2.3k", false, 0}, {"-1", false, 0}, {"1e6", false, 0}, {"18446744073709551615", true, UINT64_MAX}, {"18446744073709551616", false, 0},
        {"18446744073709552k", false, 0}, {"1.500000000M", true, 1500000}, {"1.500000k", true, 1500}, {"1.5000001k", false, 0}, {" 1", false, 0},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        uint64_t value = 0;
        const bool is_good = asy_args_read_count(asy_str_of(cases[i].text), &value);
        cr_expect_eq(is_good, cases[i].is_good, "%s", cases[i].text);
        if (is_good && cases[i].is_good) cr_expect_eq(value, cases[i].value, "%s", cases[i].text);
    }
}

Test(args, help_starts_with_examples)
{
    const struct asy_str help = asy_args_help(&pool, &verb);
    cr_assert_not_null(help.p);
    cr_assert_eq(strncmp(help.p, "assay mix: for tests\n\nExamples:\n  assay mix a.yaml --out x.csv\n\nUsage: assay mix RULES.yaml [LEAD] [flags]\n", 100), 0,
                 "%s", help.p);
    cr_assert_not_null(strstr(help.p, "  --out FILE                where it goes (required)\n"), "%s", help.p);
    cr_assert_not_null(strstr(help.p, "  --events FILE ...         what happened\n"), "%s", help.p);
    cr_assert_not_null(strstr(help.p, "  --rows N                  how many (10k unless said)\n"), "%s", help.p);
    for (const char *line = help.p; *line != '\0'; line += strcspn(line, "\n") + 1)
        cr_expect_leq(strcspn(line, "\n"), 100, "%.*s", (int)strcspn(line, "\n"), line);
}

static void expect_sound(const struct asy_verb *one)
{
    cr_expect_not_null(one->line, "%s", one->name);
    for (uint32_t i = 0; i < one->n_verbs; i++) {
        cr_expect(strncmp(one->verbs[i].name, one->name, strlen(one->name)) == 0 && one->verbs[i].name[strlen(one->name)] == ' ', "%s",
                  one->verbs[i].name);
        expect_sound(&one->verbs[i]);
    }
    if (one->n_verbs > 0) return;
    cr_expect(one->examples[0] != NULL && one->run != NULL && one->operands != NULL, "%s", one->name);
    for (uint32_t i = 0; i < one->n_flags; i++) {
        const struct asy_flag *flag = &one->flags[i];
        cr_expect(flag->help != NULL && (flag->kind == ASY_FLAG_SWITCH) == (flag->value == NULL), "%s --%s", one->name, flag->name);
        for (uint32_t k = 0; k < i; k++) cr_expect_str_neq(flag->name, one->flags[k].name, "%s", one->name);
    }
    for (const char *const *example = one->examples; *example != NULL; example++) {
        char start[64];
        snprintf(start, sizeof(start), "assay %s", one->name);
        cr_expect(strncmp(*example, start, strlen(start)) == 0 && strchr(" ", (*example)[strlen(start)]) != NULL, "%s", *example);
    }
}

Test(args, every_table_is_sound)
{
    for (uint32_t v = 0; v < asy_n_verbs; v++) expect_sound(&asy_verbs[v]);
}

/* -- talking ---------------------------------------------------------------------------------------------------- */

Test(term, numbers_as_people_read_them)
{
    char out[32];
    cr_expect_str_eq(asy_term_count(0, out), "0");
    cr_expect_str_eq(asy_term_count(999, out), "999");
    cr_expect_str_eq(asy_term_count(1234567, out), "1,234,567");
    cr_expect_str_eq(asy_term_count(UINT64_MAX, out), "18,446,744,073,709,551,615");
    cr_expect_str_eq(asy_term_bytes(817, out), "817 B");
    cr_expect_str_eq(asy_term_bytes(24123456, out), "24.1 MB");
    cr_expect_str_eq(asy_term_bytes(123456789, out), "123 MB");
    cr_expect_str_eq(asy_term_duration(420000000, out), "420 ms");
    cr_expect_str_eq(asy_term_duration(3290000000, out), "3.2 s");
    cr_expect_str_eq(asy_term_duration(125000000000, out), "2 min 05 s");
    cr_expect_str_eq(asy_term_duration(3725000000000, out), "1 h 02 min");
    cr_expect_str_eq(asy_term_rate(3000000, 2000000000, out), "1.5 M");
    cr_expect_str_eq(asy_term_rate(5, 0, out), "5.0 G");
}

static int64_t fake_now_ns;
static int64_t fake_clock(void)
{
    return fake_now_ns;
}

Test(term, progress_line)
{
    char *text = NULL;
    size_t len = 0;
    FILE *err = open_memstream(&text, &len);
    struct asy_cli cli = {.io = {.err = err, .err_animates = true}, .clock = {.monotonic_ns = fake_clock}};
    struct asy_progress progress;
    asy_progress_start(&progress, &cli, "leads", false);
    asy_progress_show(&progress, 10, 1, 4);
    fflush(err);
    cr_assert_eq(len, 0, "not before a tenth of a second");
    fake_now_ns = 2000000000;
    asy_progress_show(&progress, 3000, 1, 4);
    asy_progress_end(&progress);
    asy_progress_end(&progress);
    fclose(err);
    cr_assert_str_eq(text, "\rleads: 3,000 rows, 1.5 k rows/s, 25 %, 6.0 s left\x1b[K\r\x1b[K");
    free(text);
}

Test(term, progress_is_silent_without_a_terminal)
{
    struct asy_cli cli = {.io = {.err = NULL}}; /* would crash if it wrote */
    struct asy_progress progress;
    asy_progress_start(&progress, &cli, "leads", false);
    asy_progress_show(&progress, 3000, 1, 4);
    asy_progress_end(&progress);
    cli.io.err_animates = true;
    asy_progress_start(&progress, &cli, "leads", true);
    asy_progress_show(&progress, 3000, 1, 4);
}

Test(json, nesting_and_escapes)
{
    struct asy_mem heap;
    asy_mem_init(&heap, NULL);
    struct asy_json json;
    asy_json_init(&json, &heap);
    asy_json_open(&json, NULL, '{');
    asy_json_text(&json, "a\"b", ASY_STR("x\\\n\t\x01 \xc3\xa9 \xff\xc3"));
    asy_json_open(&json, "list", '[');
    asy_json_int(&json, NULL, INT64_MIN);
    asy_json_milli(&json, NULL, -12500);
    asy_json_milli(&json, NULL, 7000);
    asy_json_number(&json, NULL, 0.5);
    asy_json_number(&json, NULL, 1.0 / 0.0);
    asy_json_bool(&json, NULL, true);
    asy_json_close(&json, ']');
    asy_json_open(&json, "none", '{');
    asy_json_close(&json, '}');
    asy_json_null(&json, "n");
    asy_json_close(&json, '}');
    const struct asy_str text = asy_json_finish(&json);
    const struct asy_str wanted = ASY_STR("{\n  \"a\\\"b\": \"x\\\\\\n\\t\\u0001 \xc3\xa9 \\ufffd\\ufffd\",\n  \"list\": [\n    -9223372036854775808,\n    -12.5,\n"
                                          "    7,\n    0.5,\n    null,\n    true\n  ],\n  \"none\": {},\n  \"n\": null\n}\n");
    cr_assert(asy_str_eq(text, wanted), "%.*s", ASY_ARG(text));
    asy_json_fini(&json);
    cr_assert_eq(heap.live_bytes, 0);
}
