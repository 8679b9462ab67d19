/* What comes from outside: whole suites of awkward files, and files made to hurt. Never a crash, a hang or a row that is lost
 * without a word: rows kept + rejected = rows of the file, or a message with the file's name. */
#include "cli_fixture.h"
#include "io/rows.h"
#include "tiny_json.h"

#define SUITES ASSAY_SOURCE_DIR "/../shared/suites"

static struct asy_mem mem;
static struct asy_pool pool;

static const char rules[] = "assay: 1\n"
                            "fields:\n"
                            "  name: text\n"
                            "  size: int\n"
                            "  kind: one of a, b\n"
                            "  word: one of ceo, other\n"
                            "  land: country\n"
                            "  share: number\n"
                            "  seen: time\n"
                            "derive:\n"
                            "  word: {words_in: name, ceo: [ceo], otherwise: other}\n"
                            "events:\n"
                            "  all: [visit]\n"
                            "scores:\n"
                            "  s:\n"
                            "    events: {visit: {each: 1, max: 5}}\n"
                            "    rules:\n"
                            "      - {name: Size, by: size, points: {1+: 1, otherwise: 0, missing: 0}}\n"
                            "      - {name: Name, when: \"name.startsWith('a') || name.matches('^(a+)+$')\", points: 1}\n"
                            "      - {name: Kind, by: kind, points: {a: 1, b: 2, missing: 0}}\n"
                            "      - {name: Word, by: word, points: {ceo: 1, other: 0, missing: 0}}\n"
                            "      - {name: Share, when: share > 0.5, points: 1}\n"
                            "      - {name: Seen, when: days_since(seen) < 5, points: 1}\n"
                            "      - {name: Land, when: land == 'US', points: 1}\n";

static void set_up(void)
{
    cli_setup();
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    put_text("r.yaml", rules);
    put_text("by_row.yaml", "leads: {key: row_number}\n");
    put_text("l.csv", "lead_id,name,size\nL1,ann,5\nL2,bob,9\n");
}

static void tear_down(void)
{
    asy_pool_fini(&pool);
    cli_teardown();
}

TestSuite(cli_hostile, .init = set_up, .fini = tear_down);

static bool have_suites(void)
{
    if (access(SUITES "/csv-spectrum", R_OK) == 0) return true;
    fprintf(stderr, "notice: skipped, there is no %s\n", SUITES);
    return false;
}

/* -- what must hold of every run -------------------------------------------------------------------------------------------- */

/* The counts of the summary's first line about `name`. */
static bool read_counts(const char *name, uint64_t *n_rows, uint64_t *n_kept, uint64_t *n_rejected)
{
    char key[256];
    unsigned long long counts[3];
    snprintf(key, sizeof(key), "\n  %s: ", name);
    const char *at = strstr(cli_err, key);
    if (at == NULL) return false;
    at += strlen(key);
    static const char *const words[] = {" row", " kept", " rejected"};
    for (int i = 0; i < 3; i++) {
        counts[i] = 0;
        for (; (*at >= '0' && *at <= '9') || *at == ','; at++)
            if (*at != ',') counts[i] = counts[i] * 10 + (unsigned long long)(*at - '0');
        if (strncmp(at, words[i], strlen(words[i])) != 0) return false;
        at += strcspn(at, ",\n");
        at += strspn(at, ", ");
    }
    *n_rows = counts[0];
    *n_kept = counts[1];
    *n_rejected = counts[2];
    return true;
}

/* Lines with text, where no quote can make two lines one row; -1 otherwise. */
static int64_t plain_rows(const char *bytes, size_t n)
{
    int64_t rows = 0;
    bool has_text = false;
    if (memchr(bytes, '"', n) != NULL || n == 0 || *json_blank(bytes) == '{' || strncmp(bytes, "sep=", 4) == 0) return -1;
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r') {
            rows += has_text;
            has_text = false;
        } else if (bytes[i] != ' ' && bytes[i] != '\t') {
            has_text = true;
        }
    }
    return rows + has_text - 1;
}

/* A message for a person: it names the file, ends with a line end, and holds nothing that moves a cursor. */
static void expect_message(const char *what, const char *name)
{
    const char *text = cli_err[0] != '\0' ? cli_err : cli_out; /* `check` prints its findings as its result */
    cr_expect_not_null(strstr(text, name), "%s: expected `%s` in: %.600s", what, name, text);
    for (const char *p = text; *p != '\0'; p++)
        cr_expect(*p == '\n' || *p == '\t' || (unsigned char)*p >= 0x20, "%s: control character %d in: %.600s", what, *p, text);
    cr_expect(text[0] != '\0' && text[strlen(text) - 1] == '\n', "%s", what);
}

static void feed_leads(const char *name)
{
    uint64_t n_rows, n_kept, n_rejected;
    size_t n;
    const char *bytes = get_bytes(name, &n);
    const int code = cli("score r.yaml --leads %s --map by_row.yaml --out s.ndjson --max-rejects 100%% --rejects rejects.csv" AS_OF, name);
    if (code != 0) {
        cr_expect(code == 1 || code == 2, "%s as leads: exit code %d: %.300s", name, code, cli_err);
        expect_message(name, name);
        cr_expect_not(is_there("s.ndjson"), "%s", name);
        return;
    }
    cr_assert(read_counts(name, &n_rows, &n_kept, &n_rejected), "%s: %s", name, cli_err);
    cr_expect_eq(n_rows, n_kept + n_rejected, "%s: %s", name, cli_err);
    const char *out = get_text("s.ndjson");
    cr_expect_eq((uint64_t)count_lines(out), n_kept, "%s", name);
    cr_expect_geq((uint64_t)count_lines(get_text("rejects.csv")), n_rejected + 1, "%s", name);
    const int64_t n_plain = plain_rows(bytes, n);
    if (n_plain >= 0) cr_expect_eq((int64_t)n_rows, n_plain, "%s: %s", name, cli_err);
    cr_assert_eq(unlink("s.ndjson"), 0);
}

/* As events, rules and map: a result or a message. */
static void feed_others(const char *name)
{
    static const char *const uses[] = {
        "score r.yaml --leads l.csv --events %s --out s.csv --max-rejects 100%%" AS_OF,
        "score %s --leads l.csv --out s.csv" AS_OF,
        "score r.yaml --leads l.csv --map %s --out s.csv" AS_OF,
        "score r.yaml --leads l.csv --changed-from %s --out s.csv" AS_OF,
        "check %s",
    };
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        char arguments[512], what[512];
        /* the only place where the table's texts are formats */
        const char *hole = strstr(uses[i], "%s"), *rest = hole + 2;
        snprintf(arguments, sizeof(arguments), "%.*s%s%s", (int)(hole - uses[i]), uses[i], name, rest);
        for (char *twice = strstr(arguments, "%%"); twice != NULL; twice = strstr(arguments, "%%")) memmove(twice, twice + 1, strlen(twice));
        snprintf(what, sizeof(what), "assay %.400s", arguments);
        const int code = cli("%s", arguments);
        cr_expect(code == 0 || code == 1 || code == 2, "%s: exit code %d: %.300s", what, code, cli_err);
        if (code == 1 || code == 2) expect_message(what, name);
    }
}

static void feed(const char *bytes, size_t n, const char *name, bool is_everything)
{
    put_bytes(name, bytes, n);
    feed_leads(name);
    if (is_everything) feed_others(name);
}

/* -- suites -------------------------------------------------------------------------------------------------------------------- */

/* Every file below a suite's folder, under a short name of its own. */
static void feed_suite(const char *suite)
{
    char command[256], path[1024], name[64];
    int n_files = 0;
    snprintf(command, sizeof(command), "find " SUITES "/%s -type f | LC_ALL=C sort >list", suite);
    shell(command);
    FILE *list = fopen("list", "r");
    cr_assert_not_null(list);
    while (fgets(path, sizeof(path), list) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        size_t n;
        const char *bytes = get_bytes(path, &n);
        snprintf(name, sizeof(name), "f%d.%s", n_files++, strstr(path, ".yaml") != NULL ? "yaml" : "csv");
        feed(bytes, n, name, true);
    }
    fclose(list);
    cr_expect_gt(n_files, 1, "%s", suite);
}

#define SUITE(name, folder)                                                                                             \
    Test(cli_hostile, name)                                                                                             \
    {                                                                                                                   \
        if (have_suites()) feed_suite(folder);                                                                          \
    }
SUITE(suite_csv_spectrum, "csv-spectrum")
SUITE(suite_csvlint, "csvlint")
SUITE(suite_hostile_inputs, "hostile-inputs")
SUITE(suite_utf8tests, "utf8tests")
SUITE(suite_csv_injection, "csv-injection")
SUITE(suite_naughty_strings, "naughty-strings")

Test(cli_hostile, suite_papaparse)
{
    if (!have_suites()) return;
    struct tiny_json tests;
    tiny_parse(&pool, tiny_read_file(&pool, SUITES "/papaparse/core_parser_tests.json").p, &tests);
    cr_assert_gt(tests.n, 20);
    for (uint32_t i = 0; i < tests.n; i++) {
        const struct tiny_json *input = tiny_get(&tests.items[i], "input");
        char name[32];
        if (input == NULL || input->kind != '"') continue;
        snprintf(name, sizeof(name), "p%u.csv", i);
        feed(input->text.p, input->text.len, name, false);
    }
}

static void put_quoted(FILE *file, struct asy_str text)
{
    fputc('"', file);
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.p[i] == '"') fputc('"', file);
        fputc(text.p[i], file);
    }
    fputc('"', file);
}

/* The strings of a list as ids and as values of every type: each comes out as it went in, or is rejected and counted. */
static void feed_strings(const struct asy_str *strings, uint32_t n)
{
    FILE *file = fopen("strings.csv", "w");
    cr_assert_not_null(file);
    fputs("lead_id,name,size,kind,land,share,seen\n", file);
    for (uint32_t i = 0; i < n; i++) {
        put_quoted(file, strings[i]);
        for (int c = 0; c < 5; c++) {
            fputc(',', file);
            put_quoted(file, strings[i]);
        }
        fputs(",\n", file); /* an ambiguous date would rightly stop the run */
    }
    cr_assert_eq(fclose(file), 0);
    uint64_t n_rows, n_kept, n_rejected;
    CLI(0, "score r.yaml --leads strings.csv --out s.ndjson --max-rejects 100%% --rejects rejects.csv" AS_OF);
    cr_assert(read_counts("strings.csv", &n_rows, &n_kept, &n_rejected), "%s", cli_err);
    cr_expect_eq(n_rows, n);
    cr_expect_eq(n_kept + n_rejected, n);
    cr_expect_leq(n_rejected, n / 20, "%s", get_text("rejects.csv"));
    expect_message("summary", "strings.csv");
    uint64_t n_found = 0;
    for (char *line = get_text("s.ndjson"), *end; *line != '\0'; line = end + 1) {
        struct tiny_json lead;
        end = strchr(line, '\n');
        *end = '\0';
        cr_assert(is_json(line), "%s", line);
        tiny_parse(&pool, line, &lead);
        const struct asy_str id = tiny_get(&lead, "lead_id")->text;
        bool is_found = false;
        for (uint32_t i = 0; i < n && !is_found; i++) is_found = asy_str_eq(asy_str_trim(strings[i]), asy_str_trim(id));
        cr_expect(is_found, "%s", line);
        n_found++;
    }
    cr_expect_eq(n_found, n_kept);
    /* In CSV no cell begins with what a spreadsheet would run. */
    CLI(0, "score r.yaml --leads strings.csv --out s.csv --max-rejects 100%% --quiet" AS_OF);
    struct asy_rows *rows;
    struct asy_row row;
    struct assay_error error;
    bool more;
    cr_assert_eq(asy_rows_open(&rows, &mem, "s.csv", NULL, &error), ASSAY_OK, "%s", error.text);
    uint64_t n_out = 0;
    while (asy_rows_next(rows, &row, &more, &error) == ASSAY_OK && more) {
        cr_expect_null(row.problem);
        cr_expect(row.cells[0].len == 0 || memchr("=+-@\t\r", row.cells[0].p[0], 6) == NULL, "%.*s", ASY_ARG(row.cells[0]));
        n_out++;
    }
    asy_rows_close(rows);
    cr_expect_eq(n_out, n_kept);
    /* and an output is known again */
    CLI(0, "score r.yaml --leads strings.csv --changed-from s.csv --out again.csv --max-rejects 100%% --quiet" AS_OF);
    cr_expect_eq(count_lines(get_text("again.csv")), 1, "%.600s", get_text("again.csv"));
}

Test(cli_hostile, naughty_strings_come_out_as_they_went_in)
{
    if (!have_suites()) return;
    struct tiny_json list;
    tiny_parse(&pool, tiny_read_file(&pool, SUITES "/naughty-strings/blns.json").p, &list);
    struct asy_str *strings = asy_pool_alloc_n(&pool, list.n, sizeof(*strings));
    uint32_t n = 0;
    for (uint32_t i = 0; i < list.n; i++)
        if (memchr(list.items[i].text.p, 0, list.items[i].text.len) == NULL) strings[n++] = list.items[i].text;
    cr_assert_gt(n, 400);
    feed_strings(strings, n);
}

Test(cli_hostile, formulas_are_never_written_as_formulas)
{
    if (!have_suites()) return;
    char *text = get_text(SUITES "/csv-injection/payloadbox.txt");
    struct asy_str strings[64];
    uint32_t n = 0;
    for (char *line = strtok(text, "\n"); line != NULL && n < 60; line = strtok(NULL, "\n")) strings[n++] = asy_str_of(line);
    strings[n++] = ASY_STR("@SUM(1)");
    strings[n++] = ASY_STR("-2+3");
    cr_assert_gt(n, 4);
    feed_strings(strings, n);
}

/* -- by hand: files that hurt --------------------------------------------------------------------------------------------------- */

/* `head`, then `n` times `repeat`, then `tail`. */
static void put_repeated(const char *path, const char *head, const char *repeat, size_t n, const char *tail)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(head, file);
    for (size_t i = 0; i < n; i++) fputs(repeat, file);
    fputs(tail, file);
    cr_assert_eq(fclose(file), 0);
}

Test(cli_hostile, cells_and_ids_of_a_megabyte)
{
    put_repeated("id.csv", "lead_id,name\n", "0123456789abcdef", 1 << 16, ",x\n");
    CLI(0, "score r.yaml --leads id.csv --out s.csv --state state.csv --quiet" AS_OF);
    cr_expect_gt(strlen(get_text("s.csv")), (size_t)1 << 20);
    CLI(0, "score r.yaml --leads id.csv --out s2.csv --state state.csv --quiet" AS_OF);
    SAME_FILE("s2.csv", "s.csv");
    put_repeated("name.csv", "lead_id,name\nL1,", "0123456789abcdef", 1 << 16, "x\n");
    CLI(1, "score r.yaml --leads name.csv" AS_OF);
    HAS(cli_err, "name.csv:2: column 2: expected a cell of at most 1048576 bytes, found 1048577; raise the limit with --max-cell\n");
    CLI(0, "score r.yaml --leads name.csv --max-cell 2M --quiet" AS_OF);
    put_repeated("open.csv", "lead_id,name\nL1,\"", "0123456789abcdef,\n", 1 << 17, "");
    CLI(1, "score r.yaml --leads open.csv" AS_OF);
    HAS(cli_err, "open.csv:2: column 2: a quote opens here");
}

Test(cli_hostile, too_many_columns)
{
    put_repeated("wide.csv", "lead_id", ",x", 4999, "\n");
    CLI(1, "score r.yaml --leads wide.csv" AS_OF);
    HAS(cli_err, "wide.csv:1: header: expected at most 4096 columns, found 5000\n");
    put_repeated("row.csv", "lead_id,name\nL1", ",x", 4999, "\nL2,y\n");
    CLI(1, "score r.yaml --leads row.csv" AS_OF);
    HAS(cli_err, "row.csv:2: expected 2 cells, found 5000");
}

Test(cli_hostile, files_that_hold_no_leads)
{
    static const struct { const char *name, *bytes; size_t n; const char *message; } cases[] = {
        {"empty.csv", "", 0, "empty.csv: has no header: expected a first line with the names of the columns, found an empty file\n"},
        {"blank.csv", "\n\r\n \n", 5, "blank.csv: has no header"},
        {"header.csv", "lead_id,name\n", 13, "header.csv: expected leads, found a file that has a header but no data rows\n"},
        {"header2.csv", "lead_id,name", 12, "header2.csv: expected leads, found a file that has a header but no data rows\n"},
        {"bom16.csv", "\xff\xfel\0e\0a\0d\0_\0i\0d\0\n\0", 18, "bom16.csv: expected UTF-8, found UTF-16LE; convert it with `iconv -f UTF-16LE -t UTF-8`"},
        {"be16.csv", "\xfe\xff\0l\0e\0a\0d\0_\0i\0d\0\n", 18, "be16.csv: expected UTF-8, found UTF-16BE"},
        {"no16.csv", "l\0e\0a\0d\0_\0i\0d\0\n\0001\0\n\0", 20, "no16.csv: expected UTF-8, found UTF-16LE"},
        {"nul.csv", "lead_id\nL\0001\n", 12, "nul.csv:2: expected text, found a NUL byte"},
        {"other.csv", "a,b\n1,2\n", 8, "other.csv: expected a column `lead_id` or `id`, found `a`, `b`; name the key column in a map file"},
        {"twice.csv", "id,id\n1,2\n", 10, "twice.csv"},
        {"book.csv", "PK\003\004abcdefgh", 12, "book.csv: expected CSV or NDJSON, found a zip archive or an Excel workbook"},
        {"page.csv", "<!DOCTYPE html><html>", 21, "page.csv: expected CSV or NDJSON, found a web page"},
        {"list.csv", "[{\"lead_id\":1}]\n", 16, "list.csv: expected one JSON object a line, found a JSON array; convert it with `jq -c '.[]'`\n"},
        {"xz.csv", "\xfd" "7zXZ\0\0\0", 8, "xz.csv: expected plain text, gzip or zstd, found xz"},
        {"gz.csv", "\x1f\x8b\x08\0\0\0\0\0\0\3", 10, "gz.csv: gzip: expected more data"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_bytes(cases[i].name, cases[i].bytes, cases[i].n);
        const int code = cli("score r.yaml --leads %s --quiet" AS_OF, cases[i].name);
        cr_expect_eq(code, 1, "%s: exit code %d", cases[i].name, code);
        HAS(cli_err, cases[i].message);
        feed_others(cases[i].name);
    }
    cr_expect_not(is_there("scored.csv"));
}

Test(cli_hostile, line_ends_marks_and_delimiters)
{
    static const char *const texts[] = {"lead_id,name\r\nL1,a\r\nL2,b\r\n", "lead_id,name\rL1,a\rL2,b\r", "\xef\xbb\xbflead_id,name\nL1,a\nL2,b",
                                        "lead_id;name\nL1;a\nL2;b\n", "lead_id\tname\nL1\ta\nL2\tb\n", "lead_id|name\nL1|a\nL2|b\n",
                                        "sep=;\r\nlead_id;name\r\nL1;a\r\nL2;b\r\n", "\n\nlead_id,name\n\nL1,a\n\n\nL2,b\n\n"};
    CLI(0, "score r.yaml --leads l.csv --quiet --out -" AS_OF);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put_text("x.csv", texts[i]);
        CLI(0, "score r.yaml --leads x.csv" AS_OF);
        HAS(cli_err, "x.csv: 2 rows, 2 kept, 0 rejected\n");
        HAS(get_text("scored.csv"), "\nL1,1,");
        HAS(get_text("scored.csv"), "\nL2,0,");
    }
}

Test(cli_hostile, deep_and_recursive_files)
{
    put_repeated("deep.yaml", "a: ", "[", 50000, "\n");
    CLI(2, "check deep.yaml");
    HAS(cli_out, "deep.yaml:1:67: error: E0110 lists and mappings are nested deeper than 64 levels");
    feed_others("deep.yaml");
    put_text("loop.yaml", "assay: 1\nfields: &a {x: *a}\n");
    feed_others("loop.yaml");
    put_text("self.yaml", "leads: &l\n  fields: *l\n");
    CLI(2, "score r.yaml --leads l.csv --map self.yaml" AS_OF);
    HAS(cli_err, "self.yaml:1:8: error: E0102 anchors (`&name`) are not supported");
    put_repeated("big.yaml", "assay: 1\n# ", "0123456789abcdef", 1 << 16, "\n");
    CLI(1, "check big.yaml");
    HAS(cli_err, "big.yaml: expected at most 1048576 bytes, found more\n");
    put_repeated("when.yaml", "assay: 1\nfields: {x: bool}\nscores: {s: {rules: [{name: A, points: 1, when: \"", "!", 20000, "x\"}]}}\n");
    feed_others("when.yaml");
    put_repeated("paren.yaml", "assay: 1\nfields: {x: bool}\nscores: {s: {rules: [{name: A, points: 1, when: \"", "(", 20000, "x\"}]}}\n");
    feed_others("paren.yaml");
    put_repeated("json.csv", "{\"lead_id\":\"L1\",\"x\":", "[", 100000, "\n{\"lead_id\":\"L2\"}\n");
    feed_leads("json.csv");
    put_repeated("only.csv", "{\"lead_id\":\"L1\",\"x\":", "{\"a\":", 100000, "\n");
    feed_leads("only.csv");
    CLI(1, "score r.yaml --leads only.csv" AS_OF);
    HAS(cli_err, "only.csv: 1 of 1 rows were rejected (100.0 %), more than the 1 % that --max-rejects allows; first: only.csv:1: JSON, byte ");
    CLI(1, "score r.yaml --leads l.csv --events only.csv" AS_OF);
    HAS(cli_err, "; first: only.csv:1: JSON, byte ");
}

Test(cli_hostile, list_files_stay_in_their_folder)
{
    static const struct { const char *file, *message; } cases[] = {
        {"link.csv", "E0403 link.csv: cannot be read: it leads out of the rule file's folder"},
        {"up/secret.csv", "E0403 up/secret.csv: cannot be read: it leads out of the rule file's folder"},
        {"../secret.csv", "expected a relative path without `..`, found `../secret.csv`"},
        {"/etc/passwd", "expected a relative path without `..`, found `/etc/passwd`"},
        {"absent.csv", "E0403 absent.csv: cannot be read: No such file or directory"},
        {".", "E0403"},
    };
    char text[512];
    shell("mkdir d && printf 'domain,owner\\nx.com,top-secret\\n' >secret.csv && ln -s ../secret.csv d/link.csv && ln -s .. d/up && mkfifo d/pipe.csv");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "assay: 1\nfields: {d: text}\nlists:\n  x: {file: \"%s\", key: domain}\nscores:\n  s:\n    rules:\n"
                 "      - {name: A, when: d in x, points: 1}\n", cases[i].file);
        put_text("d/r.yaml", text);
        CLI(2, "check d/r.yaml");
        HAS(cli_out, "d/r.yaml:4:");
        HAS(cli_out, cases[i].message);
        HAS_NOT(cli_out, "top-secret");
    }
    put_text("d/r.yaml", "assay: 1\nfields: {d: text}\nlists:\n  x: {file: pipe.csv, key: domain}\nscores: {s: {filled: [d]}}\n");
    CLI(2, "check d/r.yaml"); /* and does not wait for the pipe */
}

Test(cli_hostile, rules_that_are_no_file)
{
    CLI(1, "check .");
    HAS(cli_err, ".: expected a file, found a folder");
    CLI(1, "check /dev/zero");
    HAS(cli_err, "/dev/zero: expected at most 1048576 bytes, found more");
    put_bytes("binary.yaml", "\x7f" "ELF\2\1\1\0\0\0\xff\xfe", 12);
    feed_others("binary.yaml");
    put_text("escape.yaml", "assay: 1\nfields: {\"a\033[31mb\": text}\n");
    feed_others("escape.yaml");
    put_text("bom.yaml", "\xef\xbb\xbf" "assay: 1\nfields: {x: int}\nscores: {s: {filled: [x]}}\n");
    CLI(0, "check bom.yaml");
    /* a pipe that nobody writes to can be left */
    cr_assert_eq(mkfifo("pipe.yaml", 0600), 0);
    const pid_t child = cli_start("check pipe.yaml");
    const struct timespec pause = {.tv_nsec = 200000000};
    nanosleep(&pause, NULL);
    kill(child, SIGTERM);
    const int code = cli_wait(child);
    cr_expect(code == 130 || code == 1, "%d: %s", code, cli_err);
}

Test(cli_hostile, text_from_files_does_not_move_the_cursor)
{
    put_text("x.csv", "lead_id,na\033[31mme,size,\xc2\x9b" "31m\nL1,x,\033]0;title\007,1\nL2,y,\033[2J,2\n");
    put_text("e.csv", "lead_id,event,time\nL1,\033[31mvisit,2026-10-01\n");
    CLI(0, "score r.yaml --leads x.csv --events e.csv" AS_OF);
    expect_message("summary", "x.csv");
    HAS_NOT(cli_err, "\xc2\x9b");
    put_text("x.csv", "lead_id,name\nL1,\033[31mx\nL\033[2J,x\n");
    CLI(0, "explain r.yaml L1 --leads x.csv" AS_OF);
    cr_expect_null(strchr(cli_out, '\033'), "%s", cli_out);
    put_text("x.csv", "\033[31mid,name\nL1,x\n");
    CLI(1, "score r.yaml --leads x.csv" AS_OF);
    expect_message("header", "x.csv");
}

Test(cli_hostile, one_file_in_two_roles)
{
    CLI(1, "score r.yaml --leads l.csv --events l.csv" AS_OF);
    HAS(cli_err, "l.csv: event: expected a column `event`, found `lead_id`, `name`, `size`; name it in the map file (--map): "
                 "`events: {event: COLUMN}`");
    put_text("both.csv", "lead_id,event,time,name\nL1,visit,2026-10-01,a\nL2,visit,2026-10-02,b\n");
    CLI(0, "score r.yaml --leads both.csv --events both.csv --quiet" AS_OF);
    HAS(get_text("scored.csv"), "\nL1,2,");
}

Test(cli_hostile, memory_and_file_size_limits_are_told)
{
    if (ASSAY_IS_SANITIZED) return; /* its shadow memory needs more than any limit */
    put_repeated("many.csv", "name\n", "0123456789\n", 20000, "");
    static const struct { const char *limit; } cases[] = {{"ulimit -f 20"}, {"ulimit -v 200000"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char command[256];
        snprintf(command, sizeof(command), "(%s; exec '" ASSAY_COMMAND "' score r.yaml --leads many.csv --map by_row.yaml --quiet >out 2>err); echo $? >code",
                 cases[i].limit);
        cr_assert_geq(system(command), 0);
        cr_expect_str_eq(get_text("code"), "1\n", "%s: %s", cases[i].limit, get_text("err"));
        HAS(get_text("err"), "assay: ");
        cr_expect_not(is_there("scored.csv"));
        cr_expect_eq(count_files(".assay"), 0);
    }
}
