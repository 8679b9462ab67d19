/* base/yaml: trees with places, strictness, traps told by name, outside suites. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/yaml.h"

struct doc {
    struct asy_mem mem;
    struct asy_pool pool;
    struct asy_diags diags;
    struct asy_yaml *root;
};

static void doc_open(struct doc *d, struct asy_str source)
{
    asy_mem_init(&d->mem, NULL);
    asy_pool_init(&d->pool, &d->mem);
    asy_diags_init(&d->diags, &d->mem);
    d->diags.path = ASY_STR("t.yaml");
    d->diags.source = source;
    d->root = asy_yaml_parse_all(&d->pool, &d->diags);
    asy_diags_sort(&d->diags);
}

static void doc_close(struct doc *d)
{
    asy_diags_fini(&d->diags);
    asy_pool_fini(&d->pool);
    cr_assert_eq(d->mem.live_bytes, 0, "all memory is given back");
}

/* All findings, one a line: "line:col CODE text". */
static void findings(const struct asy_diags *diags, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < diags->n && n < cap; i++)
        n += (size_t)snprintf(out + n, cap - n, "%s%u:%u %s %.*s", i ? "\n" : "", diags->items[i].pos.line, diags->items[i].pos.col,
                              diags->items[i].code, ASY_ARG(diags->items[i].text));
}

#define TAG "E0101 a value cannot start with `!` here: YAML reads it as a tag; write `x == false`, or put quotes around the whole expression"
#define COMMA "E0107 inside { } a comma, a bracket or `: ` ends a value; put quotes around the whole expression, or write the mapping in block style (one `key: value` a line)"
#define SPLIT "E0107 inside { } a comma ends a value; put quotes around the whole expression, or write the mapping in block style (one `key: value` a line)"

static const struct {
    const char *source, *expected;
} mistakes[] = {
    {"a: !b\n", "1:4 " TAG},
    {"a: !(b || c)\n", "1:4 " TAG},
    {"a: !b && c\n", "1:4 " TAG},
    {"- x\n- !b\n", "2:3 " TAG},
    {"s: {when: !x, to: y}\n", "1:11 " TAG},
    {"a: !!python/object/apply:os.system [\"id\"]\n", "1:4 " TAG},
    {"a: 'b' == c\n",
     "1:4 E0106 a value that starts with a quote ends at the next one, and here is more text after it; put quotes of the other kind around the whole expression"},
    {"- \"b\" in c\n",
     "1:3 E0106 a value that starts with a quote ends at the next one, and here is more text after it; put quotes of the other kind around the whole expression"},
    {"a: [1, 2] == b\n",
     "1:4 E0106 a value that starts with `[` is a list up to its `]`, and here is more text after it; put quotes around the whole expression"},
    {"a: b ? 1 : 2\n",
     "1:10 E0105 `: ` ends a key in YAML, so `a ? b : c` cannot stand here as it is; put quotes around the whole expression"},
    {"a: b: c\n", "1:5 E0105 `: ` inside a value: YAML takes what is before it for a key; put quotes around the whole value"},
    {"a: {when: f(b, c), to: d}\n", "1:11 " SPLIT},
    {"a: {when: b in ['c', 'd'], to: e}\n", "1:16 " COMMA},
    {"a: {when: b ? c : d, to: e}\n", "1:17 " COMMA},
    {"a: [f(b, c), d]\n", "1:5 E0107 inside [ ] a comma ends an item; put quotes around the whole item, or write the list in block style"},
    {"a: 'b\n", "1:4 E0117 the quote that opens here is never closed"},
    {"a: > 5\n",
     "1:4 E0115 a value cannot start with `>` or `|` here: YAML reads it as the head of a block of text; put quotes around the whole value"},
    {"a: @b\n",
     "1:4 E0115 a value cannot start with `@`, `%` or a back quote: YAML keeps them for itself; put quotes around the whole value"},
    {"a: &b 1\n", "1:4 E0102 anchors (`&name`) are not supported; write the value out, or put quotes around it if it is text"},
    {"a: *b\n", "1:4 E0102 aliases (`*name`) are not supported; write the value out, or put quotes around it if it is text"},
    {"r:\n  <<: *b\n", "2:7 E0102 merge keys (`<<`) are not supported; write the keys out"},
    {"a: 1\nb: 2\na: 3\n", "3:1 E0103 `a` is given twice (first on line 1)"},
    {"a: 1\n---\nb: 2\n", "2:1 E0111 a second document starts here; expected one document in a file"},
    {"%TAG ! x\n---\na: 1\n", "1:1 E0113 a line starting with `%` is a YAML directive; directives are not supported, remove it"},
    {"a: \"x\\0y\"\n", "1:4 E0109 the text has a NUL character in it; remove the escape"},
    {"a: \x01\n", "1:4 E0109 here is a control character; remove it"},
    {"a: 1\rb: 2\r", "1:5 E0109 here is a carriage return without a line feed; save the file with LF line ends"},
    {"a: \xff\n", "1:4 E0109 byte 0xff is not UTF-8; save the file as UTF-8"},
    {"a: \xe2\x80\xa8 b\n", "1:4 E0109 here is a Unicode line separator, which YAML takes for the end of the line; remove it"},
    {"{[a]: b}\n", "1:2 E0112 a key must be plain text; found a list or a mapping where a key is expected"},
    {"? \n: b\n", "1:2 E0112 a key is missing before `:`"},
    {"a:\n\tb: 1\n", "2:1 E0114 a tab cannot indent a line in YAML; use blanks"},
    {"a: 1\n  b: 2\n",
     "2:4 E0116 this line is indented deeper than the one above, whose value is complete already; give both the same indentation, or end the line above with its key and `:`"},
    {"a: 1\nb\nc: 2\n", "2:1 E0118 expected `key: value`, found no `: ` on this line"},
    {"a:\n    b: 1\n  c: 2\n", "3:3 E0116 this does not go on from the lines above: expected the next key or list item at their indentation"},
    {"a: [b\nc: d\n", "1:4 E0117 the `[` that opens here is not closed where its list ends"},
    /* all at once */
    {"a: !b\nc: 'd' == e\nc: 2\n",
     "1:4 " TAG "\n"
     "2:4 E0106 a value that starts with a quote ends at the next one, and here is more text after it; put quotes of the other kind around the whole expression\n"
     "3:1 E0103 `c` is given twice (first on line 2)"},
};

Test(yaml, mistakes_are_told_with_place_and_cure)
{
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct doc d;
        char text[4000];
        doc_open(&d, asy_str_of(mistakes[i].source));
        findings(&d.diags, text, sizeof(text));
        cr_expect_str_eq(text, mistakes[i].expected, "source:\n%sexpected:\n%s\nfound:\n%s", mistakes[i].source, mistakes[i].expected, text);
        doc_close(&d);
    }
}

Test(yaml, utf16_is_refused_by_name)
{
    static const char le[] = "\xff\xfe" "a\0:\0 \0" "1\0\n", plain[] = "a\0:\0 \0" "1\0\n";
    const struct asy_str sources[] = {{le, sizeof(le)}, {plain, sizeof(plain)}};
    for (size_t i = 0; i < 2; i++) {
        struct doc d;
        char text[500];
        doc_open(&d, sources[i]);
        findings(&d.diags, text, sizeof(text));
        cr_expect_str_eq(text, "1:1 E0109 the file is UTF-16 or UTF-32 text, expected UTF-8; save it as UTF-8");
        cr_expect_null(d.root);
        doc_close(&d);
    }
}

Test(yaml, a_mistake_leaves_the_rest_readable)
{
    struct doc d;
    doc_open(&d, asy_str_of("a: !(b)\nc: 'd' == e\nf: {g: h}\n\xc3\xa9: !(\xc3\xa9)\ni: j\n"));
    cr_assert_not_null(d.root);
    cr_expect_eq(d.root->n, 5);
    cr_expect(asy_yaml_get(d.root, "a")->is_bad && asy_yaml_get(d.root, "c")->is_bad);
    cr_expect(!asy_yaml_get(d.root, "f")->is_bad);
    cr_expect(asy_str_is(asy_yaml_get(asy_yaml_get(d.root, "f"), "g")->text, "h"));
    cr_expect(asy_str_is(asy_yaml_get(d.root, "i")->text, "j"));
    cr_expect_eq(asy_yaml_get(d.root, "i")->pos.line, 5);
    cr_expect_eq(d.diags.n_errors, 3);
    doc_close(&d);
}

Test(yaml, parse_gives_no_tree_with_errors_and_an_empty_map_for_nothing)
{
    struct doc d;
    doc_open(&d, ASY_STR("# nothing\n"));
    cr_assert_not_null(d.root);
    cr_expect_eq(d.root->kind, ASY_YAML_MAP);
    cr_expect_eq(d.root->n, 0);
    d.diags.source = ASY_STR("a: !b\n");
    cr_expect_null(asy_yaml_parse(&d.pool, &d.diags));
    doc_close(&d);
}

Test(yaml, scalars_stay_the_text_they_are)
{
    struct doc d;
    doc_open(&d, ASY_STR("\xef\xbb\xbf" "country: NO\r\nport: 22:22\r\nver: 1.10\r\noct: 010\r\nnull: ~\r\nq: '~'\r\nempty:\r\n"));
    static const char *const expected[][2] = {{"country", "NO"}, {"port", "22:22"}, {"ver", "1.10"}, {"oct", "010"},
                                              {"null", "~"},     {"q", "~"},        {"empty", ""}};
    cr_assert_eq(d.diags.n, 0);
    for (size_t i = 0; i < 7; i++)
        cr_expect(asy_str_is(asy_yaml_get(d.root, expected[i][0])->text, expected[i][1]), "%s", expected[i][0]);
    cr_expect_null(asy_yaml_get(d.root, "nope"));
    cr_expect_eq(asy_yaml_get(d.root, "port")->pos.line, 2);
    cr_expect_eq(asy_yaml_get(d.root, "port")->pos.col, 7);
    doc_close(&d);
}

/* In each source the text holds `@` once; its place in the tree must be its place in the source. */
static const char *const places[] = {
    "a: bc @\n",
    "a: 'it''s @'\n",
    "a: \"x\\ty\\u00e9\\x41 @\"\n",
    "\xc3\xa9: \xc3\xa9 @ \xc3\xa9\n",
    "a: b c\n   d\n\n   e @\n",
    "a: 'b  \n   c\n\n\n  d @'\n",
    "a: \"b \\\n   c  \n   d\\n\n\n  e @\"\n",
    "a: |\n  b\n    c\n\n  @\n",
    "a: |\n\n  b\n  @\n",
    "a: >\n  b\n  c\n\n  d @ e\n",
    "a: >-\n  b\n    more\n  c @\n",
    "a: >\n\n  b\n\n    c\n\n  d @\n",
    "a: |2\n    b\n  @\n",
    "a: >\r\n  b\r\n  c\r\n\r\n  d @ e\r\n",
    "a: 'b\r\n  c @'\r\n",
    "- - x\n  - y @\n",
};

static const struct asy_yaml *first_with_at(const struct asy_yaml *node)
{
    if (node->kind == ASY_YAML_SCALAR)
        return asy_str_find(node->text, ASY_STR("@")) >= 0 ? node : NULL;
    for (uint32_t i = 0; i < node->n; i++) {
        const struct asy_yaml *found = first_with_at(node->items[i]);
        if (found)
            return found;
    }
    return NULL;
}

Test(yaml, places_inside_text_are_exact)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct doc d;
        doc_open(&d, asy_str_of(places[i]));
        cr_assert_not_null(d.root, "%s", places[i]);
        const struct asy_yaml *scalar = first_with_at(d.root);
        cr_assert_not_null(scalar, "%s", places[i]);
        struct asy_pos expected = {1, 1};
        for (const char *p = places[i]; *p != '@'; p++) {
            if (*p == '\n')
                expected = (struct asy_pos){expected.line + 1, 1};
            else
                expected.col++;
        }
        const struct asy_pos pos = asy_yaml_place(scalar, d.diags.source, (uint32_t)asy_str_find(scalar->text, ASY_STR("@")));
        cr_expect(pos.line == expected.line && pos.col == expected.col, "source %zu:\n%sexpected %u:%u, found %u:%u", i, places[i],
                  expected.line, expected.col, pos.line, pos.col);
        doc_close(&d);
    }
}

Test(yaml, comments_after_plain_text_are_noticed)
{
    static const struct {
        const char *source;
        uint32_t col;
    } cases[] = {{"a: b == 'c #1'\n", 12}, {"a: b # c\n", 6}, {"a: b\n", 0}, {"a: 'b' # c\n", 0}, {"a: b#c\n", 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct doc d;
        struct asy_pos pos = {0, 0};
        doc_open(&d, asy_str_of(cases[i].source));
        cr_expect_eq(asy_yaml_comment_after(asy_yaml_get(d.root, "a"), d.diags.source, &pos), cases[i].col != 0, "%s", cases[i].source);
        cr_expect(cases[i].col == 0 || pos.col == cases[i].col, "%s", cases[i].source);
        doc_close(&d);
    }
}

static double seconds_of(struct asy_str source, uint32_t *n_findings)
{
    struct timespec a, b;
    struct doc d;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    doc_open(&d, source);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    *n_findings = d.diags.n;
    doc_close(&d);
    return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/* Repeats `unit` up to the size limit. libyaml alone takes from many seconds to minutes for some of these. */
Test(yaml, hostile_repetition_is_cheap)
{
    static const struct {
        const char *head, *unit;
        bool is_refused;
    } cases[] = {
        {"", "[", true},         {"", "{a: ", true},       {"", "- ", true},        {"", "? ", true},          {"", "- &a x\n", true},
        {"", "%TAG !a! b\n", true}, {"a: 1\n...\n", "%TAG !a! b\n", true}, {"", "a: 1\n", true}, {"", "a: !b c\n", true},
        {"", "- a\n", true},     {"a: [", "b,", true},     {"a: \"", "\\u0041", true}, {"", "'a' == b\n", true}, {"", "a: 'b' c\n", true},
        {"a: ", "b ", false},    {"a: >\n", "  b\n", false}, {"", "#\n", false},    {"", "\n", false},         {"", "a:\n ", true},
        {"", "\xc3\xa9", false},
    };
    char *source = malloc(ASY_YAML_BYTES_MAX);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = strlen(cases[i].head), unit = strlen(cases[i].unit);
        memcpy(source, cases[i].head, n);
        for (; n + unit <= ASY_YAML_BYTES_MAX; n += unit)
            memcpy(source + n, cases[i].unit, unit);
        uint32_t n_findings;
        const double seconds = seconds_of((struct asy_str){source, (uint32_t)n}, &n_findings);
        cr_expect_lt(seconds, 20.0, "%s x n: %f s", cases[i].unit, seconds); /* sanitizers and busy machines included */
        cr_expect(!cases[i].is_refused || n_findings > 0, "%s x n is refused", cases[i].unit);
        cr_expect_leq(n_findings, 240, "%s x n: findings are bounded", cases[i].unit);
    }
    free(source);
}

Test(yaml, limits)
{
    char *source = malloc(ASY_YAML_BYTES_MAX + 1);
    char text[500];
    struct doc d;
    memset(source, '#', ASY_YAML_BYTES_MAX + 1);
    doc_open(&d, (struct asy_str){source, ASY_YAML_BYTES_MAX});
    cr_expect_eq(d.diags.n, 0);
    doc_close(&d);
    doc_open(&d, (struct asy_str){source, ASY_YAML_BYTES_MAX + 1});
    findings(&d.diags, text, sizeof(text));
    cr_expect_str_eq(text, "1:1 E0110 the file has 1048577 bytes, expected at most 1048576 (1 MiB)");
    doc_close(&d);
    for (uint32_t depth = 64; depth <= 65; depth++) {
        memset(source, '[', depth);
        memset(source + depth, ']', depth);
        doc_open(&d, (struct asy_str){source, 2 * depth});
        findings(&d.diags, text, sizeof(text));
        cr_expect_str_eq(text, depth == 64 ? "" : "1:65 E0110 lists and mappings are nested deeper than 64 levels");
        doc_close(&d);
    }
    free(source);
}

/* Random bytes out of YAML's alphabet: no crash, places inside the source, and no error without a finding. */
Test(yaml, random_text_never_breaks_it)
{
    static const char alphabet[] = "ab:  -[]{}'\"!&*|>#?,%@`\n\n\n  \t0.\\\xc3\xa9~<";
    uint64_t seed = 20260711;
    printf("yaml random seed %llu\n", (unsigned long long)seed);
    for (int round = 0; round < 3000; round++) {
        char source[200];
        uint32_t n = 0;
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        const uint32_t len = (uint32_t)(seed >> 33) % sizeof(source);
        for (; n < len; n++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            source[n] = alphabet[(seed >> 33) % (sizeof(alphabet) - 1)];
        }
        struct doc d;
        doc_open(&d, (struct asy_str){source, n});
        cr_assert(d.root || d.diags.n_errors, "no tree, no finding");
        for (uint32_t i = 0; i < d.diags.n; i++)
            cr_assert(d.diags.items[i].pos.line >= 1 && d.diags.items[i].pos.line <= n + 1);
        doc_close(&d);
    }
}

/* -- outside suites -------------------------------------------------------------------------------------------- */

static struct asy_str read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    static char bytes[ASY_YAML_BYTES_MAX * 2];
    if (!file)
        return (struct asy_str){NULL, 0};
    const size_t n = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    return (struct asy_str){bytes, (uint32_t)n};
}

Test(yaml, hostile_inputs_suite)
{
    static const struct {
        const char *name, *code; /* of the first finding; NULL: read */
    } cases[] = {{"yaml_alias_cycle", "E0102"},     {"yaml_billion_laughs", "E0102"},   {"yaml_bom16le", "E0109"},
                 {"yaml_dup_keys", "E0103"},        {"yaml_flow_depth_1000", "E0110"},  {"yaml_flow_depth_50000", "E0110"},
                 {"yaml_include_traversal", NULL},  {"yaml_merge_key", "E0102"},        {"yaml_multi_doc", "E0111"},
                 {"yaml_norway", NULL},             {"yaml_nul", "E0109"},              {"yaml_tag_exec", "E0101"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[1000];
        snprintf(path, sizeof(path), "%s/../shared/suites/hostile-inputs/small/%s.yaml", ASSAY_SOURCE_DIR, cases[i].name);
        const struct asy_str source = read_whole(path);
        if (!source.p) {
            printf("skipped: %s is not here\n", path);
            return;
        }
        struct doc d;
        doc_open(&d, source);
        cr_expect_str_eq(d.diags.n ? d.diags.items[0].code : "none", cases[i].code ? cases[i].code : "none", "%s", cases[i].name);
        doc_close(&d);
    }
}

/* What a case uses that rule files do not have, judged by its event list: anchors, aliases, tags, keys that are not
 * text, several documents. */
static bool uses_more(const char *events)
{
    static const char *const heads[] = {"+MAP", "+MAP {}", "+SEQ", "+SEQ []", "=VAL"};
    uint32_t n_documents = 0;
    for (const char *line = events; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        n_documents += strncmp(line, "+DOC", 4) == 0;
        if (strncmp(line, "=ALI", 4) == 0)
            return true;
        for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
            const size_t len = strlen(heads[i]);
            if (strncmp(line, heads[i], len) == 0 && line[len] == ' ' && (line[len + 1] == '&' || line[len + 1] == '<'))
                return true;
        }
    }
    return n_documents > 1;
}

static void visit_case(const char *folder, uint32_t *n, uint32_t *n_read, uint32_t *n_invalid_read)
{
    char path[1200];
    struct stat st;
    static char events[200000];
    snprintf(path, sizeof(path), "%s/test.event", folder);
    struct asy_str text = read_whole(path);
    if (!text.p)
        return;
    const size_t len = text.len < sizeof(events) - 1 ? text.len : sizeof(events) - 1;
    memcpy(events, text.p, len);
    events[len] = '\0';
    snprintf(path, sizeof(path), "%s/error", folder);
    const bool is_invalid = stat(path, &st) == 0;
    snprintf(path, sizeof(path), "%s/in.yaml", folder);
    text = read_whole(path);
    if (!text.p)
        return;
    struct doc d;
    doc_open(&d, text);
    cr_expect(d.root || d.diags.n_errors, "%s: no tree, no finding", folder);
    ++*n;
    *n_read += d.root && d.diags.n_errors == 0;
    *n_invalid_read += is_invalid && d.root && d.diags.n_errors == 0;
    cr_expect(is_invalid || !uses_more(events) || d.diags.n_errors, "%s: should be refused", folder);
    doc_close(&d);
}

Test(yaml, yaml_test_suite)
{
    char root[1000], folder[1300], inner[2000];
    snprintf(root, sizeof(root), "%s/../shared/suites/yaml-test-suite/data", ASSAY_SOURCE_DIR);
    DIR *dir = opendir(root);
    uint32_t n = 0, n_read = 0, n_invalid_read = 0;
    if (!dir) {
        printf("skipped: %s is not here\n", root);
        return;
    }
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(folder, sizeof(folder), "%s/%s", root, e->d_name);
        visit_case(folder, &n, &n_read, &n_invalid_read);
        for (int k = 0; k < 30; k++) {
            snprintf(inner, sizeof(inner), "%s/%02d", folder, k);
            visit_case(inner, &n, &n_read, &n_invalid_read);
        }
    }
    closedir(dir);
    printf("yaml-test-suite: %u cases, %u read, %u of the invalid ones among them\n", n, n_read, n_invalid_read);
    cr_expect_geq(n, 350);
    cr_expect_geq(n_read, 120);
    cr_expect_leq(n_invalid_read, 16, "no more invalid documents are read than libyaml itself lets through");
}
