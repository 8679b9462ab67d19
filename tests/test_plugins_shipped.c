/* The plugins that come with assay: their rule files give what is expected, isolated or not; they pass the conformance kit; and what
 * is delicate in each of them, asked directly. */
#include <math.h>

#include "cli_fixture.h"
#include "plugin/find.h"
#include "plugin/instance.h"
#include "plugin/library.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define DAY_S 86400ll

static const char *const names[] = {"competitors", "email_domains", "model", "renewals", "territory"};

/* -- whole runs ---------------------------------------------------------------------------------------------------- */

TestSuite(plugins_shipped_runs, .init = cli_setup, .fini = cli_teardown, .timeout = 300);

/* In a copy of the plugin's folder. */
static void enter_copy(const char *name)
{
    char command[512];
    snprintf(command, sizeof(command), "cp -R '" ASSAY_SOURCE_DIR "/plugins/%s' .", name);
    shell(command);
    cr_assert_eq(chdir(name), 0);
}

static void score(const char *rules, const char *more)
{
    CLI(0, "score %s --leads leads.csv %s --as-of 2026-11-01 --plugin-dir '" ASSAY_PLUGINS "' --out scored.csv %s", rules,
        is_there("events.csv") ? "--events events.csv" : "", more);
}

Test(plugins_shipped_runs, rules_give_what_is_expected_isolated_or_not)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        enter_copy(names[i]);
        score("rules.yaml", "");
        SAME_FILE("scored.csv", "expected.csv");
        score("rules.yaml", "--batch 1 --threads 3");
        SAME_FILE("scored.csv", "expected.csv");
        shell("sed 's/^    kind: .*/&\\n    isolation: none/' rules.yaml >direct.yaml");
        HAS(get_text("direct.yaml"), "isolation: none");
        score("direct.yaml", "");
        SAME_FILE("scored.csv", "expected.csv");
        cr_assert_eq(chdir(".."), 0);
    }
}

Test(plugins_shipped_runs, rule_files_have_no_findings)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        enter_copy(names[i]);
        CLI(0, "check rules.yaml --strict --plugin-dir '" ASSAY_PLUGINS "'");
        cr_assert_eq(chdir(".."), 0);
    }
}

Test(plugins_shipped_runs, conformance_kit_passes)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        enter_copy(names[i]);
        CLI(0, "plugin check '" ASSAY_PLUGINS "/libassay_%s.so' --rules rules.yaml", names[i]);
        cr_assert_eq(chdir(".."), 0);
    }
}

/* The reader learns the interface from these files: they need nothing else of the project. */
Test(plugins_shipped_runs, sources_include_the_plugin_header_only)
{
    shell("grep -hs '^ *# *include *\"' '" ASSAY_SOURCE_DIR "'/plugins/*/*.c | sort -u >includes");
    cr_assert_str_eq(get_text("includes"), "#include \"assay/plugin.h\"\n");
}

/* -- a plugin by itself -------------------------------------------------------------------------------------------- */

enum { TEXTS_MAX = 4096, COLUMNS_MAX = 16, PARAMS_MAX = 8 };

/* A loaded plugin between what it is given and what it says. */
struct bed {
    struct asy_mem mem;
    struct asy_pool pool;
    struct asy_plugin_file file;
    struct assay_plugin plugin;
    struct asy_plugin_decl decl;
    struct asy_plugin_setting settings[PARAMS_MAX];
    struct asy_facts_column columns[COLUMNS_MAX];
    struct asy_str *texts[COLUMNS_MAX];
    struct asy_facts facts;
    struct asy_stage stage;
    struct asy_instance *instance;
    struct assay_error error;
};

static struct asy_str text_of(void *ctx, uint32_t code)
{
    return ((struct asy_str *)ctx)[code];
}

static void bed_open(struct bed *bed, const char *name)
{
    char path[512];
    memset(bed, 0, sizeof(*bed));
    asy_mem_init(&bed->mem, NULL);
    asy_pool_init(&bed->pool, &bed->mem);
    snprintf(path, sizeof(path), ASSAY_PLUGINS "/libassay_%s.so", name);
    cr_assert_eq(asy_plugin_find_path(&bed->file, &bed->pool, path, &bed->error), ASSAY_OK, "%s", bed->error.text);
    cr_assert_eq(asy_library_open(&bed->plugin, bed->file.fd, path, &bed->error), ASSAY_OK, "%s", bed->error.text);
    cr_assert_eq(asy_decl_read(&bed->decl, &bed->pool, &bed->plugin, path, &bed->error), ASSAY_OK, "%s", bed->error.text);
    cr_assert(bed->decl.n_params <= PARAMS_MAX && bed->decl.n_wants <= COLUMNS_MAX);
    for (uint32_t i = 0; i < bed->decl.n_params; i++) cr_assert(asy_decl_fallback(&bed->decl.params[i], &bed->pool, &bed->settings[i]));
    for (uint32_t i = 0; i < bed->decl.n_wants; i++) {
        if (bed->decl.wants[i].type != ASSAY_TEXT_COLUMN) continue;
        bed->texts[i] = asy_pool_alloc_n(&bed->pool, TEXTS_MAX, sizeof(struct asy_str));
        bed->texts[i][0] = ASY_STR("");
        bed->columns[i] = (struct asy_facts_column){.n_codes = 1, .ctx = bed->texts[i], .text = text_of};
    }
}

static uint32_t column_of(const struct bed *bed, const char *name)
{
    uint32_t i = 0;
    while (i < bed->decl.n_wants && !asy_str_is(bed->decl.wants[i].name, name)) i++;
    cr_assert_lt(i, bed->decl.n_wants, "%s", name);
    return i;
}

/* `with:`, of one text; may be called again for TEXTS. */
static void bed_with(struct bed *bed, const char *name, const char *const *texts, uint32_t n)
{
    uint32_t i = 0;
    while (i < bed->decl.n_params && !asy_str_is(bed->decl.params[i].name, name)) i++;
    cr_assert_lt(i, bed->decl.n_params, "%s", name);
    struct asy_str list[16], expected;
    cr_assert(n <= COUNT_OF(list));
    for (uint32_t k = 0; k < n; k++) list[k] = asy_str_of(texts[k]);
    cr_assert(asy_decl_value(&bed->decl.params[i], &bed->pool, list, n, &bed->settings[i], &expected), "%s: %.*s", name, ASY_ARG(expected));
}

static void bed_with_text(struct bed *bed, const char *name, const char *text)
{
    bed_with(bed, name, &text, 1);
}

/* The code of a text, which is new if need be. Before bed_create. */
static uint32_t bed_code(struct bed *bed, const char *column, const char *text)
{
    struct asy_facts_column *facts = &bed->columns[column_of(bed, column)];
    struct asy_str *texts = facts->ctx;
    for (uint32_t code = 0; code < facts->n_codes; code++)
        if (asy_str_is(texts[code], text)) return code;
    cr_assert_lt(facts->n_codes, TEXTS_MAX);
    texts[facts->n_codes] = asy_pool_copy(&bed->pool, asy_str_of(text));
    return facts->n_codes++;
}

static assay_status bed_try(struct bed *bed)
{
    cr_assert_eq(asy_facts_make(&bed->facts, &bed->decl, bed->columns, bed->settings, false, &bed->error), ASSAY_OK, "%s", bed->error.text);
    return asy_instance_new(&bed->instance, &bed->mem, &bed->plugin, &bed->decl, &bed->facts, "x.so", &bed->error);
}

static void bed_create(struct bed *bed)
{
    cr_assert_eq(bed_try(bed), ASSAY_OK, "%s", bed->error.text);
    cr_assert_eq(asy_stage_init(&bed->stage, &bed->pool, &bed->decl, ASSAY_BATCH_ROWS, false, &bed->error), ASSAY_OK, "%s", bed->error.text);
    for (uint32_t i = 0; i < bed->decl.n_wants; i++) memset(bed->stage.null[i], 0xff, ASSAY_BATCH_ROWS);
}

static void bed_put_code(struct bed *bed, const char *column, uint32_t row, uint32_t code)
{
    const uint32_t i = column_of(bed, column);
    ((uint32_t *)bed->stage.data[i])[row] = code;
    bed->stage.null[i][row] = code != 0 ? 0 : 0xff;
}

static void bed_put_int(struct bed *bed, const char *column, uint32_t row, int64_t value)
{
    const uint32_t i = column_of(bed, column);
    ((int64_t *)bed->stage.data[i])[row] = value;
    bed->stage.null[i][row] = 0;
}

static void bed_put_number(struct bed *bed, const char *column, uint32_t row, double value)
{
    const uint32_t i = column_of(bed, column);
    ((double *)bed->stage.data[i])[row] = value;
    bed->stage.null[i][row] = 0;
}

static void bed_run(struct bed *bed, uint32_t n, int64_t now_s)
{
    struct asy_fault fault = {0};
    uint32_t row = 0;
    cr_assert(asy_instance_run(bed->instance, &bed->stage, 0, n, now_s, &fault), "%s", fault.text);
    cr_assert(asy_stage_check(&bed->stage, &bed->decl, asy_instance_names(bed->instance)->n_targets, 0, n, &row, &fault), "row %u: %s", row,
              fault.text);
}

static void bed_close(struct bed *bed)
{
    asy_instance_free(bed->instance);
    asy_stage_fini(&bed->stage);
    asy_facts_fini(&bed->facts);
    close(bed->file.fd);
    asy_pool_fini(&bed->pool);
    cr_expect_eq(bed->mem.live_bytes, 0);
}

/* What create() has to say against a setting. */
static void expect_refusal(const char *plugin, const char *param, const char *text, const char *wanted)
{
    struct bed bed;
    bed_open(&bed, plugin);
    bed_with_text(&bed, param, text);
    const assay_status status = bed_try(&bed);
    cr_expect_eq(status, ASSAY_E_DATA, "%s", wanted);
    HAS(bed.error.text, wanted);
    bed.instance = NULL;
    asy_facts_fini(&bed.facts);
    close(bed.file.fd);
    asy_pool_fini(&bed.pool);
}

TestSuite(plugins_shipped, .timeout = 300);

Test(plugins_shipped, bad_settings_are_refused_with_the_line)
{
    static const struct {
        const char *plugin, *param, *text, *wanted;
    } cases[] = {
        {"email_domains", "disposable", "a.example\nb.example, c.example\n",
         "disposable: line 2: expected one domain such as mail.example, found `b.example, c.example`"},
        {"email_domains", "free", "someone@a.example\n", "free: line 1: expected one domain"},
        {"competitors", "names", "name,kind\nAcme,rival\n",
         "names: line 2, second column: expected competitor, agency or nothing, found `rival`; put names with commas in quotes"},
        {"competitors", "min_similarity", "0.4", "min_similarity: expected a number from 0.5 to 1, found 0.4"},
        {"renewals", "dates", "domain,date\na.example,31.12.2026\n",
         "dates: line 2: expected domain,YYYY-MM-DD (1970 to 2105), found `a.example,31.12.2026`"},
        {"renewals", "dates", "a.example,2026-02-29\n", "dates: line 1"},
        {"renewals", "dates", "a.example,1900-02-28\n", "dates: line 1"},
        {"renewals", "dates", "a.example,2100-02-29\n", "dates: line 1"},
        {"renewals", "dates", "a.example\n", "dates: line 1"},
        {"renewals", "dates", ",2026-01-01\n", "dates: line 1"},
        {"territory", "reps", "# nobody\n", "reps: expected at least one line `name,territories`, found none"},
        {"territory", "reps", "ada,USA\n", "reps: line 1: expected territories such as `US`, `US-CA` or `*`, with blanks between, found `USA`"},
        {"territory", "reps", "ada,US-\n", "found `US-`"},
        {"territory", "reps", "ada\n", "found ``"},
        {"territory", "reps", "ada,US,5,4\n", "reps: line 1: expected whole numbers min_employees <= max_employees, or nothing, found `5` and `4`"},
        {"territory", "reps", "ada,US,-1\n", "found `-1`"},
        {"territory", "reps", "ada,US,,,1000001\n", "reps: line 1: capacity: expected a whole number from 0 to 1000000, found `1000001`"},
        {"territory", "reps", "ada,US\nada,DE\n", "reps: line 2: expected every name once"},
        {"model", "model", "", "model: expected `logistic` or `tree` in the first line, found an empty file"},
        {"model", "model", "# x\n\nlinear\n", "model: line 3: expected `logistic` or `tree`, found `linear`"},
        {"model", "model", "logistic\nintercept x\n", "model: line 2: expected `intercept NUMBER`, found `intercept x`"},
        {"model", "model", "logistic\nn9 1\n", "model: line 2: expected `intercept`, a column (n1 to n8, t1 to t4) or a comment (#), found `n9 1`"},
        {"model", "model", "logistic\nn1 0x10\n", "model: line 2: expected one `COEFFICIENT [mean M] [scale S]`"},
        {"model", "model", "logistic\nn1 inf\n", "model: line 2"},
        {"model", "model", "logistic\nn1 1 scale 0\n", "S above 0, found `1 scale 0`"},
        {"model", "model", "logistic\nn1 1\nn1 2\n", "model: line 3"},
        {"model", "model", "logistic\nt1 some 2\n", "model: line 2: expected `t1=VALUE COEFFICIENT`, `t1 other COEFFICIENT`"},
        {"model", "model", "logistic\nt1=2\n", "model: line 2: expected `t1=VALUE COEFFICIENT`"},
        {"model", "model", "tree\n", "model: expected nodes below the line `tree`, found none"},
        {"model", "model", "tree\n1: 1.5\n", "model: line 2: expected a probability from 0 to 1"},
        {"model", "model", "tree\n1: n1 < 5 ? 2 : 3\n2: 1\n", "model: node 1: expected a way to a node that is there, found 3"},
        {"model", "model", "tree\n2: n1 < 5 ? 1 : 3\n1: 1\n3: 1\n", "model: line 2: expected ways to nodes with greater numbers (no circles)"},
        {"model", "model", "tree\n1: 1\n1: 0\n", "model: line 3: expected each node once"},
        {"model", "model", "tree\n1: n1 = 5 ? 2 : 3\n", "model: line 2: expected `ID: PROBABILITY`"},
        {"model", "model", "tree\n5000: 1\n", "model: line 2: expected a node from 0 to 4095"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) expect_refusal(cases[i].plugin, cases[i].param, cases[i].text, cases[i].wanted);
}

/* -- email_domains --------------------------------------------------------------------------------------------------- */

Test(plugins_shipped, email_domain_of_any_case_below_a_listed_one)
{
    static const struct {
        const char *text;
        uint16_t reason, without_subdomains;
    } cases[] = {
        {"trash.example", 1, 1},    {"TRASH.Example", 1, 1},   {"a.b.trash.example", 1, 0}, {"xtrash.example", 0, 0},
        {"someone@trash.example", 1, 1}, {"trash.example.", 1, 1}, {"free.example", 2, 2},      {"both.example", 1, 1},
        {"fine.free.example", 0, 0}, {"x.fine.free.example", 0, 0}, {"other.free.example", 2, 0}, {"example", 0, 0},
        {"@", 0, 0},                {".", 0, 0},               {"deep.trash.free.example", 1, 0}, {"", 0, 0},
    };
    static const char *const allowed[] = {"Fine.free.example"};
    for (int with_parents = 0; with_parents < 2; with_parents++) {
        struct bed bed;
        bed_open(&bed, "email_domains");
        bed_with_text(&bed, "disposable", "# list\r\n  trash.example  # known\r\nboth.example\n\ntrash.free.example");
        bed_with_text(&bed, "free", "free.example\nboth.example\n");
        bed_with(&bed, "allow", allowed, 1);
        bed_with_text(&bed, "subdomains", with_parents ? "yes" : "no");
        uint32_t codes[COUNT_OF(cases)];
        for (size_t i = 0; i < COUNT_OF(cases); i++) codes[i] = bed_code(&bed, "domain", cases[i].text);
        bed_create(&bed);
        for (uint32_t i = 0; i < COUNT_OF(cases); i++) bed_put_code(&bed, "domain", i, codes[i]);
        bed_run(&bed, COUNT_OF(cases), 0);
        for (size_t i = 0; i < COUNT_OF(cases); i++)
            cr_expect_eq(bed.stage.reason[i], with_parents ? cases[i].reason : cases[i].without_subdomains, "`%s`, %d: %u", cases[i].text,
                         with_parents, bed.stage.reason[i]);
        bed_close(&bed);
    }
}

/* Domains of every length are found whatever their case is, in all three plugins that look them up. */
static void expect_found(const char *plugin, const char *file, const char *line)
{
    enum { LENGTH_MAX = 40 };
    char list[LENGTH_MAX * (LENGTH_MAX + 16)] = "", domain[LENGTH_MAX + 1];
    uint32_t codes[LENGTH_MAX], others[LENGTH_MAX];
    struct bed bed;
    bed_open(&bed, plugin);
    for (uint32_t n = 1; n <= LENGTH_MAX; n++) {
        for (uint32_t i = 0; i < n; i++) domain[i] = (char)("bCdEfGhI"[i % 8]);
        domain[n] = '\0';
        snprintf(list + strlen(list), sizeof(list) - strlen(list), line, domain);
        for (uint32_t i = 0; i < n; i++) domain[i] ^= 0x20;
        codes[n - 1] = bed_code(&bed, "domain", domain);
        domain[n - 1] = '-';
        others[n - 1] = bed_code(&bed, "domain", domain);
    }
    bed_with_text(&bed, file, list);
    bed_create(&bed);
    for (uint32_t i = 0; i < LENGTH_MAX; i++) {
        bed_put_code(&bed, "domain", i, codes[i]);
        bed_put_code(&bed, "domain", LENGTH_MAX + i, others[i]);
    }
    bed_run(&bed, 2 * LENGTH_MAX, 0);
    for (uint32_t i = 0; i < LENGTH_MAX; i++) {
        cr_expect_neq(bed.stage.reason[i], 0, "%s: %u letters", plugin, i + 1);
        cr_expect_eq(bed.stage.reason[LENGTH_MAX + i], 0, "%s: %u letters, another last one", plugin, i + 1);
    }
    bed_close(&bed);
}

Test(plugins_shipped, domains_of_every_length_are_found_in_any_case)
{
    expect_found("email_domains", "free", "%s\n");
    expect_found("competitors", "names", "x,agency,%s\n");
    expect_found("renewals", "dates", "%s,1970-03-01\n");
}

/* -- competitors ------------------------------------------------------------------------------------------------------ */

static uint16_t judge_name(const char *listed, const char *name, const char *min_similarity)
{
    struct bed bed;
    bed_open(&bed, "competitors");
    bed_with(&bed, "also", &listed, 1);
    bed_with_text(&bed, "min_similarity", min_similarity);
    const uint32_t code = bed_code(&bed, "name", name);
    bed_create(&bed);
    bed_put_code(&bed, "name", 0, code);
    bed_run(&bed, 1, 0);
    const uint16_t reason = bed.stage.reason[0];
    bed_close(&bed);
    return reason;
}

Test(plugins_shipped, company_names_are_similar_down_to_a_limit)
{
    static const struct {
        const char *listed, *name, *similarity, *above; /* matches at the one, not at the other; NULL: nothing above, nothing at all */
    } cases[] = {
        {"Leadwright", "Leadwright", "1", NULL},
        {"Leadwright", "LEADWRIGHT, Inc.", "1", NULL},
        {"Leadwright", "Lead-Wright GmbH & Co. KG", "1", NULL},
        {"Leadwright", "The Leadwright Company", "1", NULL},
        {"Müller Søn", "Muller Son", "1", NULL},
        {"Mu\xcc\x88ller", "M\xc3\xbcller", "1", NULL}, /* an accent by itself, and with its letter */
        {"Straße Œuvre Ĳssel", "strasse oeuvre ijssel", "1", NULL},
        {"Łódź Świat", "Lodz Swiat", "1", NULL},
        {"株式会社", "株式会社 K.K.", "1", NULL},
        {"Scoreboard Systems", "Systems Scoreboard Ltd", "1", NULL},
        {"L.L.C.", "Inc", NULL, NULL}, /* nothing but a legal form: is a name */
        {"Inc.", "inc", "1", NULL},
        {"Systems Score", "Score\x7f\tSystems\x01", "1", NULL}, /* control characters part words */
        {"Leadwright", "Leadwrihgt", "0.9", "0.91"},  /* 10 letters, two swapped */
        {"Leadwright", "Leadright", "0.9", "0.91"},   /* one left out */
        {"Leadwright", "Leadwroght", "0.9", "0.91"},  /* one replaced */
        {"Leadwright", "Leadwrightt", "0.9", "0.92"}, /* one of 11 too many */
        {"Leadwright", "Laedwrihgt", "0.8", "0.81"},
        {"ca", "abc", NULL, NULL},                     /* a restricted distance of 3: no letter is moved twice */
        {"abcd", "abdc", "0.75", "0.76"},
        {"Acme", "Acne", "0.75", "0.76"},
        {"Leadwright", "Northwind", NULL, NULL},
        {"...", "...", NULL, NULL},
        {"", "", NULL, NULL},
        {"0123456789012345678901234567890123456789012345678901234567890123",
         "0123456789012345678901234567890123456789012345678901234567890123 and what follows", "1", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *at = cases[i].similarity != NULL ? cases[i].similarity : "0.5";
        cr_expect_eq(judge_name(cases[i].listed, cases[i].name, at), cases[i].similarity != NULL, "%s, %s, %s", cases[i].listed, cases[i].name, at);
        if (cases[i].above != NULL)
            cr_expect_eq(judge_name(cases[i].listed, cases[i].name, cases[i].above), 0, "%s, %s, %s", cases[i].listed, cases[i].name, cases[i].above);
    }
}

Test(plugins_shipped, legal_forms_at_the_end_are_no_part_of_a_name)
{
    static const char *const forms[] = {
        "Inc.", "Incorporated", "L.L.C.", "llp", "LP", "Ltd", "Limited", "plc", "Corp", "Corporation", "Co", "Company", "Pty", "Pte", "GmbH", "mbH",
        "AG",   "KG",           "KGaA",   "UG",  "OHG", "SE",  "S.A.",    "SAS", "SARL", "SASU",       "BV", "N.V.",    "CV",  "AB",  "A.S.", "ASA",
        "ApS",  "Oy",           "Oyj",    "Srl", "SpA", "SL",  "SLU",     "Lda", "Ltda", "s.r.o.",     "doo", "Kft",    "KK",  "Pvt", "Bhd",  "Sdn",
        "and Company", "& the Co", "und",
    };
    char name[64];
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        snprintf(name, sizeof(name), "Leadwright %s", forms[i]);
        cr_expect_eq(judge_name("Leadwright", name, "1"), 1, "%s", name);
        snprintf(name, sizeof(name), "%s Leadwright", forms[i]);
        cr_expect_eq(judge_name("Leadwright", name, "1"), strcmp(forms[i], "und") == 0, "%s", name);
    }
    cr_expect_eq(judge_name("Leadwright", "Leadwright Systems", "1"), 0);
    cr_expect_eq(judge_name("Leadwright", "Leadwright Cob", "1"), 0);
}

/* The restricted Damerau-Levenshtein distance as its definition has it. */
static uint32_t slow_distance(const char *a, const char *b)
{
    const uint32_t n = (uint32_t)strlen(a), m = (uint32_t)strlen(b);
    static uint32_t d[65][65];
    for (uint32_t i = 0; i <= n; i++) d[i][0] = i;
    for (uint32_t k = 0; k <= m; k++) d[0][k] = k;
    for (uint32_t i = 1; i <= n; i++) {
        for (uint32_t k = 1; k <= m; k++) {
            uint32_t least = d[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
            if (d[i - 1][k] + 1 < least) least = d[i - 1][k] + 1;
            if (d[i][k - 1] + 1 < least) least = d[i][k - 1] + 1;
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] && d[i - 2][k - 2] + 1 < least) least = d[i - 2][k - 2] + 1;
            d[i][k] = least;
        }
    }
    return d[n][m];
}

static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* One word of a few letters, so that distances are small. */
static void draw_word(uint64_t *state, char *out)
{
    const uint32_t n = 3 + (uint32_t)(draw(state) % 18);
    for (uint32_t i = 0; i < n; i++) out[i] = (char)('q' + draw(state) % 3);
    out[n] = '\0';
}

Test(plugins_shipped, similarity_is_the_one_of_the_definition)
{
    enum { LISTED = 12, ASKED = 2000 };
    uint64_t state = 20261101;
    char listed[LISTED][32], asked[ASKED][32];
    const char *also[LISTED];
    struct bed bed;
    bed_open(&bed, "competitors");
    for (uint32_t i = 0; i < LISTED; i++) {
        draw_word(&state, listed[i]);
        also[i] = listed[i];
    }
    bed_with(&bed, "also", also, LISTED);
    bed_with_text(&bed, "min_similarity", "0.7");
    uint32_t codes[ASKED];
    for (uint32_t i = 0; i < ASKED; i++) {
        draw_word(&state, asked[i]);
        codes[i] = bed_code(&bed, "name", asked[i]);
    }
    bed_create(&bed);
    for (uint32_t i = 0; i < ASKED; i++) bed_put_code(&bed, "name", i, codes[i]);
    bed_run(&bed, ASKED, 0);
    uint32_t n_matches = 0;
    for (uint32_t i = 0; i < ASKED; i++) {
        bool is_match = false;
        for (uint32_t k = 0; k < LISTED; k++) {
            const uint32_t n_a = (uint32_t)strlen(asked[i]), n_b = (uint32_t)strlen(listed[k]), n_longer = n_a > n_b ? n_a : n_b;
            is_match |= 10 * slow_distance(asked[i], listed[k]) <= 3 * n_longer;
        }
        n_matches += is_match;
        cr_expect_eq(bed.stage.reason[i], is_match, "%s", asked[i]);
    }
    cr_expect(n_matches > ASKED / 20 && n_matches < ASKED * 19 / 20, "%u", n_matches);
    bed_close(&bed);
}

Test(plugins_shipped, first_similar_competitor_counts_and_the_domain_before_the_name)
{
    struct bed bed;
    bed_open(&bed, "competitors");
    bed_with_text(&bed, "min_similarity", "0.8");
    bed_with_text(&bed, "names",
                  "Leadwrights,agency\nLeadwright,competitor,lead.example\n\"Comma, Inc, The\",Agency\nshop.example\n#Hash,agency\n"
                  "Two Domains,agency,LEAD.example");
    static const struct {
        const char *name, *domain;
        uint16_t reason;
    } cases[] = {
        {"Leadwright", "", 2},           {"Leadwrigh", "", 2}, {"Leadwrig", "", 1},    {"Leadwrights", "Lead.Example", 1}, {"Comma", "", 2},
        {"shopexample", "", 1},          {"", "SHOP.example", 1}, {"Hash", "", 0},     {"Nobody", "x.lead.example", 0},    {"Two Domains", "", 2},
    };
    uint32_t by_name[COUNT_OF(cases)], by_domain[COUNT_OF(cases)];
    for (uint32_t i = 0; i < COUNT_OF(cases); i++) {
        by_name[i] = bed_code(&bed, "name", cases[i].name);
        by_domain[i] = bed_code(&bed, "domain", cases[i].domain);
    }
    bed_create(&bed);
    for (uint32_t i = 0; i < COUNT_OF(cases); i++) {
        bed_put_code(&bed, "name", i, by_name[i]);
        bed_put_code(&bed, "domain", i, by_domain[i]);
    }
    bed_run(&bed, COUNT_OF(cases), 0);
    for (uint32_t i = 0; i < COUNT_OF(cases); i++)
        cr_expect_eq(bed.stage.reason[i], cases[i].reason, "%s, %s: %u", cases[i].name, cases[i].domain, bed.stage.reason[i]);
    bed_close(&bed);
}

/* -- renewals ---------------------------------------------------------------------------------------------------------- */

Test(plugins_shipped, due_times_of_renewals_and_losses)
{
    const int64_t now_s = 20000 * DAY_S; /* 2024-10-04 */
    static const struct {
        int64_t renewal_days, lost_days; /* since now; NEVER: empty */
        const char *domain, *loss_reason;
        uint16_t reason;
        int64_t due_days; /* since now */
    } cases[] = {
#define NEVER INT64_MIN
        {200, NEVER, "", "", 1, 110},     {90, NEVER, "", "", 1, 0},          {1, NEVER, "", "", 1, 0},
        {0, NEVER, "", "", 0, 0},         {-1, NEVER, "", "", 0, 0},          {455, NEVER, "", "", 1, 365},
        {456, NEVER, "", "", 0, 0},       {NEVER, -180, "", "timing", 2, 0},  {NEVER, -170, "", "TIMING", 2, 10},
        {NEVER, 0, "", "timing", 2, 180}, {NEVER, 1, "", "timing", 0, 0},     {NEVER, -300, "", "price", 0, 0},
        {NEVER, -300, "", "", 0, 0},      {NEVER, NEVER, "", "timing", 0, 0}, {100, -170, "", "timing", 1, 10},
        {101, -170, "", "timing", 2, 10}, {NEVER, NEVER, "A.example", "", 1, 59}, {NEVER, NEVER, "b.example", "", 0, 0},
        {200, NEVER, "a.example", "", 1, 110}, {-5, NEVER, "a.example", "", 0, 0},
    };
    static const char *const allowed[] = {"timing", "budget"};
    struct bed bed;
    bed_open(&bed, "renewals");
    /* 2025-03-02 is 149 days after; an earlier date of the same domain does not count. */
    bed_with_text(&bed, "dates", "domain,date\n# all of them\na.example,2025-03-02\r\nA.EXAMPLE,2024-12-01\nb.example,2024-02-29\n");
    bed_with(&bed, "reasons", allowed, 2);
    uint32_t domains[COUNT_OF(cases)], loss_reasons[COUNT_OF(cases)];
    for (uint32_t i = 0; i < COUNT_OF(cases); i++) {
        domains[i] = bed_code(&bed, "domain", cases[i].domain);
        loss_reasons[i] = bed_code(&bed, "loss_reason", cases[i].loss_reason);
    }
    bed_create(&bed);
    for (uint32_t i = 0; i < COUNT_OF(cases); i++) {
        bed_put_code(&bed, "domain", i, domains[i]);
        bed_put_code(&bed, "loss_reason", i, loss_reasons[i]);
        if (cases[i].renewal_days != NEVER) bed_put_int(&bed, "renewal", i, now_s + cases[i].renewal_days * DAY_S);
        if (cases[i].lost_days != NEVER) bed_put_int(&bed, "lost_at", i, now_s + cases[i].lost_days * DAY_S);
    }
    bed_run(&bed, COUNT_OF(cases), now_s);
    for (uint32_t i = 0; i < COUNT_OF(cases); i++) {
        cr_expect_eq(bed.stage.reason[i], cases[i].reason, "case %u: reason %u", i, bed.stage.reason[i]);
        if (cases[i].reason != 0) cr_expect_eq(bed.stage.due[i], now_s + cases[i].due_days * DAY_S, "case %u: %lld", i, (long long)bed.stage.due[i]);
    }
    bed_close(&bed);
#undef NEVER
}

Test(plugins_shipped, dates_of_renewal_are_the_days_of_the_calendar)
{
    static const struct {
        const char *date;
        int64_t days; /* since 1970 */
    } cases[] = {{"1970-01-02", 1},      {"1972-02-29", 789},   {"1972-03-01", 790},   {"1999-12-31", 10956}, {"2000-02-29", 11016},
                 {"2000-03-01", 11017},  {"2026-11-01", 20758}, {"2028-12-31", 21549}, {"2100-02-28", 47540}, {"2100-03-01", 47541},
                 {"2105-12-31", 49672}};
    for (uint32_t i = 0; i < COUNT_OF(cases); i++) {
        struct bed bed;
        char file[64];
        bed_open(&bed, "renewals");
        snprintf(file, sizeof(file), "x.example,%s", cases[i].date);
        bed_with_text(&bed, "dates", file);
        bed_with_text(&bed, "days_before", "1");
        const uint32_t code = bed_code(&bed, "domain", "x.example");
        bed_create(&bed);
        bed_put_code(&bed, "domain", 0, code);
        bed_run(&bed, 1, cases[i].days * DAY_S - 3 * DAY_S);
        cr_expect_eq(bed.stage.reason[0], 1, "%s", cases[i].date);
        cr_expect_eq(bed.stage.due[0], (cases[i].days - 1) * DAY_S, "%s: %lld", cases[i].date, (long long)bed.stage.due[0]);
        bed_close(&bed);
    }
}

/* -- territory --------------------------------------------------------------------------------------------------------- */

enum { KEYS = 40000 };

/* Names of who gets leads 0 .. KEYS - 1, all in the United States; "" for nobody. */
static void route_all(const char *reps, struct asy_str *out, struct asy_pool *pool)
{
    struct bed bed;
    bed_open(&bed, "territory");
    bed_with_text(&bed, "reps", reps);
    const uint32_t code = bed_code(&bed, "country", "US");
    bed_create(&bed);
    const struct asy_plugin_names *targets = asy_instance_names(bed.instance);
    for (uint32_t first = 0; first < KEYS; first += ASSAY_BATCH_ROWS) {
        const uint32_t n = KEYS - first < ASSAY_BATCH_ROWS ? KEYS - first : ASSAY_BATCH_ROWS;
        for (uint32_t i = 0; i < n; i++) {
            bed.stage.keys[i] = (first + i + 1) * 0x9e3779b97f4a7c15ull;
            bed_put_code(&bed, "country", i, code);
        }
        bed_run(&bed, n, 0);
        for (uint32_t i = 0; i < n; i++)
            out[first + i] = bed.stage.target[i] >= 0 ? asy_pool_copy(pool, targets->targets[bed.stage.target[i]]) : ASY_STR("");
    }
    bed_close(&bed);
}

static uint32_t count_leads(const struct asy_str *owners, const char *name)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < KEYS; i++) n += asy_str_is(owners[i], name);
    return n;
}

Test(plugins_shipped, shares_follow_capacity_and_a_new_one_takes_only_for_himself)
{
    struct asy_mem mem;
    struct asy_pool pool;
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    struct asy_str *before = asy_pool_alloc_n(&pool, KEYS, sizeof(*before)), *after = asy_pool_alloc_n(&pool, KEYS, sizeof(*after));
    route_all("ada,US,,,100\nben,US,,,300\ncho,US,,,50\n", before, &pool);
    static const struct {
        const char *name;
        double share;
    } shares[] = {{"ada", 100 / 450.0}, {"ben", 300 / 450.0}, {"cho", 50 / 450.0}};
    for (size_t i = 0; i < COUNT_OF(shares); i++)
        cr_expect_float_eq(count_leads(before, shares[i].name) / (double)KEYS, shares[i].share, 0.01, "%s: %u", shares[i].name,
                           count_leads(before, shares[i].name));

    /* Somebody new, in front of all others: the place in the file does not matter. */
    route_all("dov,US,,,150\ncho,US,,,50\nben,US,,,300\nada,US,,,100\n", after, &pool);
    for (uint32_t i = 0; i < KEYS; i++)
        cr_assert(asy_str_eq(before[i], after[i]) || asy_str_is(after[i], "dov"), "lead %u went from %.*s to %.*s", i, ASY_ARG(before[i]),
                  ASY_ARG(after[i]));
    cr_expect_float_eq(count_leads(after, "dov") / (double)KEYS, 150 / 600.0, 0.01);

    /* More capacity for one moves leads to him only; somebody who leaves gives only his own away. */
    route_all("ada,US,,,200\nben,US,,,300\ncho,US,,,50\n", after, &pool);
    for (uint32_t i = 0; i < KEYS; i++) cr_assert(asy_str_eq(before[i], after[i]) || asy_str_is(after[i], "ada"), "lead %u", i);
    route_all("ada,US,,,100\nben,US,,,0\ncho,US,,,50\n", after, &pool);
    for (uint32_t i = 0; i < KEYS; i++) cr_assert(asy_str_eq(before[i], after[i]) || asy_str_is(before[i], "ben"), "lead %u", i);
    cr_expect_eq(count_leads(after, "ben"), 0);
    asy_pool_fini(&pool);
}

Test(plugins_shipped, narrowest_territory_with_somebody_for_the_size)
{
    struct bed bed;
    enum { UNKNOWN = -1 };
    static const struct {
        const char *country, *state;
        int64_t employees;
        const char *owner;
        uint16_t reason;
    } cases[] = {
        {"US", "CA", 10, "west", 1},    {"us", "ca", 10, "west", 1},      {"US", "CA", 600, "big", 1},        {"US", "NY", 600, "big", 1},
        {"US", "NY", 10, "rest", 2},    {"US", "CA", UNKNOWN, "", 0}, {"US", "", 500, "big", 1},          {"US", "", 499, "rest", 2},
        {"DE", "CA", 10, "rest", 2},    {"", "CA", 10, "rest", 2},        {"FR", "", UNKNOWN, "paris", 1},    {"FR", "", 2000000, "paris", 1},
        {"US", "CA", 1000000, "big", 1}, {"US", "CA", 1000001, "", 0},
    };
    bed_open(&bed, "territory");
    bed_with_text(&bed, "reps", "name,territories,min_employees,max_employees,capacity\nwest,US-CA,1,500\n\"big\", US ,500,1000000,7\r\n"
                                "paris,FR,,,1\naway,FR,,,0\nrest,*,,1000000\n");
    uint32_t countries[COUNT_OF(cases)], states[COUNT_OF(cases)];
    for (uint32_t i = 0; i < COUNT_OF(cases); i++) {
        countries[i] = bed_code(&bed, "country", cases[i].country);
        states[i] = bed_code(&bed, "state", cases[i].state);
    }
    bed_create(&bed);
    for (uint32_t i = 0; i < COUNT_OF(cases); i++) {
        bed.stage.keys[i] = i;
        bed_put_code(&bed, "country", i, countries[i]);
        bed_put_code(&bed, "state", i, states[i]);
        if (cases[i].employees != UNKNOWN) bed_put_int(&bed, "employees", i, cases[i].employees);
    }
    bed_run(&bed, COUNT_OF(cases), 0);
    const struct asy_plugin_names *targets = asy_instance_names(bed.instance);
    for (uint32_t i = 0; i < COUNT_OF(cases); i++) {
        const int32_t target = bed.stage.target[i];
        cr_expect_eq(bed.stage.reason[i], cases[i].reason, "case %u: reason %u", i, bed.stage.reason[i]);
        cr_expect(asy_str_is(target >= 0 ? targets->targets[target] : ASY_STR(""), cases[i].owner), "case %u: target %d", i, target);
    }
    bed_close(&bed);
}

/* -- model --------------------------------------------------------------------------------------------------------------- */

Test(plugins_shipped, logistic_function_rises_and_is_near_the_one_of_libm)
{
    struct bed bed;
    int32_t last = -1;
    bed_open(&bed, "model");
    bed_with_text(&bed, "model", "logistic\nn1 1\n");
    bed_with_text(&bed, "points", "1000000");
    bed_create(&bed);
    for (int32_t batch = 0; batch < 40; batch++) {
        for (uint32_t i = 0; i < ASSAY_BATCH_ROWS; i++) bed_put_number(&bed, "n1", i, batch - 20 + i / (double)ASSAY_BATCH_ROWS);
        bed_run(&bed, ASSAY_BATCH_ROWS, 0);
        for (uint32_t i = 0; i < ASSAY_BATCH_ROWS; i++) {
            const double x = batch - 20 + i / (double)ASSAY_BATCH_ROWS, p = bed.stage.points[i] / 1e9;
            cr_assert_float_eq(p, 1 / (1 + exp(-x)), 1e-5, "at %g: %.9f", x, p);
            cr_assert_geq(bed.stage.points[i], last, "at %g", x);
            last = bed.stage.points[i];
        }
    }
    bed_close(&bed);
}

struct model_case {
    double n1, n2; /* NAN: empty */
    const char *t1;
    uint16_t reason;
    double p;
};

static void check_model(const char *model, const char *threshold, const struct model_case *cases, uint32_t n)
{
    struct bed bed;
    uint32_t codes[16];
    bed_open(&bed, "model");
    bed_with_text(&bed, "model", model);
    bed_with_text(&bed, "threshold", threshold);
    bed_with_text(&bed, "points", "1000");
    cr_assert(n <= COUNT_OF(codes));
    for (uint32_t i = 0; i < n; i++) codes[i] = bed_code(&bed, "t1", cases[i].t1);
    bed_create(&bed);
    for (uint32_t i = 0; i < n; i++) {
        if (!isnan(cases[i].n1)) bed_put_number(&bed, "n1", i, cases[i].n1);
        if (!isnan(cases[i].n2)) bed_put_number(&bed, "n2", i, cases[i].n2);
        bed_put_code(&bed, "t1", i, codes[i]);
    }
    bed_run(&bed, n, 0);
    for (uint32_t i = 0; i < n; i++) {
        cr_expect_eq(bed.stage.reason[i], cases[i].reason, "case %u", i);
        if (cases[i].reason != 0)
            cr_expect_float_eq(bed.stage.points[i] / 1e6, cases[i].p, 1e-5, "case %u: %d instead of %g", i, bed.stage.points[i], cases[i].p);
    }
    bed_close(&bed);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

Test(plugins_shipped, logistic_terms_of_numbers_texts_and_what_is_missing)
{
    static const char model[] = "# made up\nlogistic\n  intercept -1.5 # first\nn1 0.8 mean 120 scale 200\nn1 missing -0.3\nn2 -2.5e-1\n"
                                "t1 other 0.1\nt1=b2b saas 1.1\r\nt1= retail\t-0.7\nt1=never seen 50\nt1 missing -0.2\n";
    const struct model_case cases[] = {
        {120, 0, "b2b saas", 1, sigmoid(-0.4)},   {320, 4, "retail", 1, sigmoid(-1.5 + 0.8 - 1 - 0.7)},
        {NAN, NAN, "", 1, sigmoid(-1.5 - 0.3 - 0.2)}, {20, NAN, "B2B saas", 1, sigmoid(-1.5 - 0.4 + 0.1)},
        {1e300, 0, "", 1, 1},                     {-1e300, 0, "", 0, 0},
        {HUGE_VAL, 0, "", 1, 1},                  {120, 1e9, "", 0, 0},
    };
    check_model(model, "0.001", cases, COUNT_OF(cases));
}

Test(plugins_shipped, tree_ways_of_numbers_texts_and_what_is_missing)
{
    static const char model[] = "tree\n10: n1 < 50 ? 20 : 30 missing 20\n20: 0.05\n30: t1 = b2b saas ? 50 : 40 # a text\n40: n2 < 3 ? 60 : 70\n"
                                "50: 0.8\n60: 0.125\n70: 1\n";
    const struct model_case cases[] = {
        {49.999, 0, "b2b saas", 1, 0.05}, {50, 0, "b2b saas", 1, 0.8}, {50, 2, "retail", 1, 0.125}, {50, 3, "retail", 1, 1},
        {50, NAN, "", 1, 1},              {NAN, 0, "b2b saas", 1, 0.05}, {-HUGE_VAL, 0, "", 1, 0.05},
    };
    check_model(model, "0.05", cases, COUNT_OF(cases));
    const struct model_case cut[] = {{0, 0, "", 0, 0}, {50, 0, "b2b saas", 1, 0.8}};
    check_model(model, "0.06", cut, COUNT_OF(cut));
}
