/* exec/plugins_open: what fits is wired and read, what does not fit is told at its place in the rule file, all in one go. The plugins
 * are those of tests/plugin/open: one that declares every type of column and setting, and two of other kinds. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/plugins.h"
#include "failing_mem.h"

struct file {
    const char *name, *bytes;
};
struct files {
    const struct file *items;
    uint32_t n, n_reads;
};

static assay_status read_memory(void *ctx, struct asy_pool *pool, const char *folder, const char *path, size_t max_bytes, struct asy_str *out,
                                struct assay_error *error)
{
    struct files *files = ctx;
    (void)folder;
    files->n_reads++;
    for (uint32_t i = 0; i < files->n; i++) {
        if (strcmp(files->items[i].name, path) != 0)
            continue;
        if (strlen(files->items[i].bytes) > max_bytes)
            return asy_fail(error, ASSAY_E_LIMIT, "%s: too large", path);
        *out = asy_pool_copy(pool, asy_str_of(files->items[i].bytes));
        return out->p ? ASSAY_OK : asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    }
    return asy_fail(error, ASSAY_E_IO, "%s: cannot be read: no such file", path);
}

struct opened {
    struct asy_mem mem;
    struct asy_rules rules;
    struct asy_diags diags;
    struct asy_plugins plugins;
    struct assay_error error;
    assay_status loaded, status;
    uint64_t checksum_before;
    uint32_t n_reads;
    char text[4000]; /* findings */
};

static void tell_findings(struct opened *x)
{
    size_t n = 0;
    x->text[0] = '\0';
    for (uint32_t i = 0; i < x->diags.n && n < sizeof(x->text); i++)
        n += (size_t)snprintf(x->text + n, sizeof(x->text) - n, "%s%u:%u %s %s %.*s", i ? "\n" : "", x->diags.items[i].pos.line,
                              x->diags.items[i].pos.col, x->diags.items[i].code, x->diags.items[i].slug, ASY_ARG(x->diags.items[i].text));
}

static void open_in(struct opened *x, const char *source, const char *const *dirs, uint32_t n_dirs, const struct assay_allocator *allocator)
{
    const struct file items[] = {{"dir/r.yaml", source}, {"names.csv", "acme\nglobex\n"}, {"other.csv", "acme\n"}};
    struct files files = {items, 3, 0};
    const struct asy_file_reader reader = {&files, read_memory};
    const struct asy_plugin_dirs places = {dirs, n_dirs};
    memset(x, 0, sizeof(*x));
    asy_mem_init(&x->mem, allocator);
    asy_diags_init(&x->diags, &x->mem);
    x->status = x->loaded = asy_rules_load(&x->rules, &x->mem, "dir/r.yaml", &reader, &x->diags, &x->error);
    if (x->loaded == ASSAY_OK) {
        x->checksum_before = x->rules.checksum;
        x->status = asy_plugins_open(&x->plugins, &x->mem, &x->rules, &places, &reader, &x->diags, &x->error);
        asy_diags_sort(&x->diags);
        tell_findings(x);
    }
    x->n_reads = files.n_reads;
}

static void open_text(struct opened *x, const char *source)
{
    static const char *const dirs[] = {ASSAY_TEST_PLUGINS "/open"};
    open_in(x, source, dirs, 1, NULL);
    cr_assert_eq(x->loaded, ASSAY_OK, "%s\n%s\n%.*s", x->error.text, source, x->diags.n ? (int)x->diags.items[0].text.len : 0,
                 x->diags.n ? x->diags.items[0].text.p : "");
}

static void shut(struct opened *x)
{
    asy_plugins_close(&x->plugins);
    if (x->loaded == ASSAY_OK)
        asy_rules_fini(&x->rules);
    asy_diags_fini(&x->diags);
    cr_expect_eq(x->mem.live_bytes, 0, "%lu bytes left", (unsigned long)x->mem.live_bytes);
}

/* Nine lines; what a test is about starts on line 10. */
#define HEAD                                                                                                              \
    "assay: 1\n"                                                                                                          \
    "fields:\n"                                                                                                           \
    "  {company.name: text, contact.name: text, name: text, company.size: int, rate: number, live: bool, since: time,\n"  \
    "   country: country, tier: 'one of a, b'}\n"                                                   \
    "events: {g: [visit]}\n"                                                                                              \
    "scores:\n"                                                                                                           \
    "  fit: {rules: [{name: F, when: live, points: 1}]}\n"                                                                \
    "grades: {by: score.fit, hot: {from: 1}}\n"                                                                           \
    "\n"
#define ENTRY(reads) "plugins: {p: {library: libopen_all.so, kind: disqualifier, isolation: none, reads: " reads "}}\n"
#define USE(with) "disqualify: [{name: A, plugin: p, with: {label: x" with "}}]\n"

/* -- what fits -------------------------------------------------------------------------------------------------- */

Test(plugins_open, columns_get_the_reads_that_are_meant)
{
    static const struct {
        const char *reads;
        uint32_t columns[6]; /* name, size, rate, live, since, points */
    } cases[] = {
        {"[name]", {0, ASY_NONE, ASY_NONE, ASY_NONE, ASY_NONE, ASY_NONE}},
        {"[company.name]", {0, ASY_NONE, ASY_NONE, ASY_NONE, ASY_NONE, ASY_NONE}},
        {"[since, live, rate, company.size, company.name]", {4, 3, 2, 1, 0, ASY_NONE}},
        {"{name: tier, points: score.fit}", {0, ASY_NONE, ASY_NONE, ASY_NONE, ASY_NONE, 1}},
        {"{name: country}", {0, ASY_NONE, ASY_NONE, ASY_NONE, ASY_NONE, ASY_NONE}},
        {"{name: grade, size: events.visit.count(30d), rate: events.any.days_ago}", {0, 1, 2, ASY_NONE, ASY_NONE, ASY_NONE}},
        {"{rate: company.size, name: contact.name, size: company.size}", {1, 2, 0, ASY_NONE, ASY_NONE, ASY_NONE}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char source[2000];
        struct opened x;
        snprintf(source, sizeof(source), HEAD ENTRY("%s") USE(""), cases[i].reads);
        open_text(&x, source);
        cr_assert_eq(x.status, ASSAY_OK, "%s: %s\n%s", cases[i].reads, x.error.text, x.text);
        cr_assert_not_null(x.plugins.opened[0]);
        cr_expect_eq(asy_plugin_decl(x.plugins.opened[0])->n_wants, 6);
        for (uint32_t w = 0; w < 6; w++)
            cr_expect_eq(x.plugins.column_of[0][w], cases[i].columns[w], "%s: column %u", cases[i].reads, w);
        shut(&x);
    }
}

enum { LABEL, LIMIT, RATIO, STRICT, WAIT, WORDS, LIST };

Test(plugins_open, settings_are_read_and_defaults_filled_in)
{
    struct opened x;
    open_text(&x, HEAD ENTRY("[name]") "disqualify:\n  - {name: A, plugin: p, with: {label: x}}\n"
                  "  - {name: B, plugin: p, with: {words: [a, 'b c'], label: '', limit: 10, ratio: 1, strict: yes, wait: 12h, list: names.csv}}\n"
                  "  - {name: C, plugin: p, with: {words: one, label: x, list: names.csv}}\n  - {name: D, plugin: p, with: {words: [], label: x}}\n");
    cr_assert_eq(x.status, ASSAY_OK, "%s\n%s", x.error.text, x.text);
    const struct asy_plugin_setting *a = x.plugins.settings[0], *b = x.plugins.settings[1], *c = x.plugins.settings[2];
    cr_expect(asy_str_is(a[LABEL].text, "x") && a[LIMIT].i == 5 && a[RATIO].d == 0.5 && a[STRICT].i == 0 && a[WAIT].i == 30 * 86400);
    cr_expect(a[WORDS].n_texts == 0 && a[LIST].text.len == 0);
    cr_expect(b[LABEL].text.len == 0 && b[LIMIT].i == 10 && b[RATIO].d == 1.0 && b[STRICT].i == 1 && b[WAIT].i == 12 * 3600);
    cr_assert_eq(b[WORDS].n_texts, 2);
    cr_expect(asy_str_is(b[WORDS].texts[1], "b c") && asy_str_is(b[LIST].text, "acme\nglobex\n"));
    cr_assert_eq(c[WORDS].n_texts, 1);
    cr_expect(asy_str_is(c[WORDS].texts[0], "one") && asy_str_is(c[LIST].text, "acme\nglobex\n"));
    cr_expect_eq(x.plugins.settings[3][WORDS].n_texts, 0);
    cr_expect_eq(x.plugins.column_of[3][0], 0);
    cr_expect_eq(x.n_reads, 2, "the rule file, and names.csv once");
    shut(&x);
}

Test(plugins_open, the_checksum_of_the_rules_covers_what_plugins_are_given)
{
    uint64_t sums[3], before[3];
    static const char *const with[] = {"", ", list: names.csv", ", list: other.csv"};
    for (size_t i = 0; i < 3; i++) {
        char source[2000];
        struct opened x;
        snprintf(source, sizeof(source), HEAD ENTRY("[name]") USE("%s"), with[i]);
        open_text(&x, source);
        cr_assert_eq(x.status, ASSAY_OK, "%s\n%s", x.error.text, x.text);
        sums[i] = x.rules.checksum;
        before[i] = x.checksum_before;
        shut(&x);
    }
    cr_expect_eq(sums[0], before[0]);
    cr_expect(sums[1] != before[1] && sums[2] != before[2] && sums[1] != sums[2]);
}

Test(plugins_open, nothing_used_is_nothing_opened)
{
    struct opened x;
    open_in(&x, HEAD "plugins: {p: {library: libnope.so, kind: scorer}}\n", NULL, 0, NULL);
    cr_assert_eq(x.status, ASSAY_OK, "%s", x.error.text);
    cr_expect_null(x.plugins.opened);
    shut(&x);

    open_text(&x, HEAD "plugins: {q: {library: libnope.so, kind: scorer}, p: {library: libopen_bare.so, kind: router, isolation: none}}\n"
                  "routes: [{name: A, plugin: p, assign: nobody}]\n");
    cr_assert_eq(x.status, ASSAY_OK, "%s\n%s", x.error.text, x.text);
    cr_expect(x.plugins.opened[0] == NULL && x.plugins.opened[1] != NULL);
    shut(&x);

    struct asy_plugins zeroed = {0};
    asy_plugins_close(&zeroed);
}

Test(plugins_open, isolated_or_not_is_the_same_declaration)
{
    static const char *const isolations[] = {"worker", "none"};
    for (size_t i = 0; i < 2; i++) {
        char source[2000];
        struct opened x;
        snprintf(source, sizeof(source),
                 HEAD "plugins: {p: {library: libopen_score.so, kind: scorer, isolation: %s, reads: [name]}}\nlists: {l: [a]}\n", isolations[i]);
        const char *at = strstr(source, "points: 1}]}\n");
        cr_assert_not_null(at);
        char whole[2400];
        snprintf(whole, sizeof(whole), "%.*s  s: {rules: [{name: P, plugin: p, with: {label: x}}]}\n%s", (int)(at - source) + 13, source, at + 13);
        open_text(&x, whole);
        cr_assert_eq(x.status, ASSAY_OK, "%s\n%s", x.error.text, x.text);
        const struct asy_plugin_decl *decl = asy_plugin_decl(x.plugins.opened[0]);
        cr_expect(decl->kind == ASSAY_SCORE && decl->n_wants == 6 && decl->n_params == 7 && decl->points_max_milli == 1000);
        cr_expect(x.rules.calls[0].points_lo_milli == 0 && x.rules.calls[0].points_hi_milli == 1000, "the lint can count on it");
        cr_expect(asy_str_is(decl->id, "test.open") && x.plugins.settings[0][LIMIT].i == 5);
        shut(&x);
    }
}

/* The example beside its plugins, as `assay score rules/b2b-saas.yaml` finds them. */
Test(plugins_open, the_example_fits_the_shipped_plugins)
{
    static const char *const dirs[] = {ASSAY_PLUGINS};
    const struct asy_plugin_dirs places = {dirs, 1};
    struct opened x = {0};
    asy_mem_init(&x.mem, NULL);
    asy_diags_init(&x.diags, &x.mem);
    x.loaded = asy_rules_load(&x.rules, &x.mem, ASSAY_SOURCE_DIR "/rules/b2b-saas.yaml", &asy_file_reader_os, &x.diags, &x.error);
    cr_assert_eq(x.loaded, ASSAY_OK, "%s", x.error.text);
    x.status = asy_plugins_open(&x.plugins, &x.mem, &x.rules, &places, &asy_file_reader_os, &x.diags, &x.error);
    tell_findings(&x);
    cr_assert_eq(x.status, ASSAY_OK, "%s\n%s", x.error.text, x.text);
    cr_expect_eq(asy_plugin_decl(x.plugins.opened[0])->kind, ASSAY_DISQUALIFY);
    cr_expect_eq(asy_plugin_decl(x.plugins.opened[1])->kind, ASSAY_RECYCLE);
    shut(&x);
}

/* -- what does not fit ------------------------------------------------------------------------------------------ */

#define WANTS                                                                                                                   \
    "it reads: name (text), size (int, may be left out), rate (number, may be left out), live (bool, may be left out), since (time, may " \
    "be left out), points (points, may be left out)"
#define SETTINGS "it has: label (required), limit, ratio, strict, wait, words, list"

static const struct {
    const char *source, *expected;
} misfits[] = {
    /* kind: libraries of another one than the entry says; entries of another one than the place needs are the loader's */
    {"plugins: {p: {library: libopen_bare.so, kind: disqualifier, isolation: none}}\ndisqualify: [{name: A, plugin: p}]\n",
     "10:47 E0503 plugin-kind plugin `p`: `libopen_bare.so` is a router, not a disqualifier"},
    /* columns */
    {ENTRY("[]") USE(""),
     "10:11 E0511 plugin-reads plugin `p` needs column `name` (text: what the company is called); say in `reads` what it is: {name: NAME}"},
    {ENTRY("[company.name, contact.name]") USE(""),
     "10:99 E0511 plugin-reads plugin `p`: column `name` could be `company.name` or `contact.name`; say which in `reads`: {name: company.name}"},
    {ENTRY("[name, company.name]") USE(""), "10:91 E0511 plugin-reads plugin `p`: column `name` is `name` already, so `company.name` is read for nothing; remove it"},
    {ENTRY("{name: tier, company: name}") USE(""), "10:97 E0511 plugin-reads plugin `p` reads no column `company`; " WANTS},
    {ENTRY("{naem: company.name, name: tier}") USE(""), "10:85 E0511 plugin-reads plugin `p` reads no column `naem`; " WANTS "; did you mean `name`?"},
    {ENTRY("[name, tier]") USE(""), "10:91 E0511 plugin-reads plugin `p` reads no column `tier`; " WANTS},
    {ENTRY("{name: since, size: rate, rate: live, live: name, since: score.fit, points: company.size}") USE(""),
     "10:91 E0511 plugin-reads plugin `p`: column `name` is text: expected a text, country or `one of` field, or grade, found `since`, which is time\n"
     "10:104 E0511 plugin-reads plugin `p`: column `size` is int: expected an int field, or events.NAME.count, .days_ago or .first_days_ago, "
     "found `rate`, which is number\n"
     "10:116 E0511 plugin-reads plugin `p`: column `rate` is number: expected a number or int field, or events.NAME.count, .days_ago or "
     ".first_days_ago, found `live`, which is bool\n"
     "10:128 E0511 plugin-reads plugin `p`: column `live` is bool: expected a bool field, or disqualified, found `name`, which is text\n"
     "10:141 E0511 plugin-reads plugin `p`: column `since` is time: expected a time field, found `score.fit`, which is points\n"
     "10:160 E0511 plugin-reads plugin `p`: column `points` is points: expected score.NAME, found `company.size`, which is int"},
    {"plugins: {p: {library: libopen_bare.so, kind: router, isolation: none, reads: [disqualified]}}\n"
     "routes: [{name: A, plugin: p, with: {size: 1}, assign: plugin}]\n",
     "10:80 E0511 plugin-reads plugin `p` reads no column `disqualified`; it reads: no columns\n"
     "11:38 E0512 plugin-setting `size` is not a setting of plugin `p`; it has: none"},
    /* settings */
    {ENTRY("[name]") "disqualify: [{name: A, plugin: p}]\n",
     "11:32 E0512 plugin-setting plugin `p` needs the setting `label` (what to call it); give it under `with:`"},
    {ENTRY("[name]") USE(", limt: 3, cheese: [brie]"),
     "11:52 E0512 plugin-setting `limt` is not a setting of plugin `p`; " SETTINGS "; did you mean `limit`?\n"
     "11:61 E0512 plugin-setting `cheese` is not a setting of plugin `p`; " SETTINGS},
    {ENTRY("[name]") USE(", limit: 11, ratio: much, strict: perhaps, wait: soon"),
     "11:59 E0512 plugin-setting `limit`: expected a whole number from 1 to 10, found `11`\n"
     "11:70 E0512 plugin-setting `ratio`: expected a number from 0 to 1, found `much`\n"
     "11:84 E0512 plugin-setting `strict`: expected yes, no, true or false, found `perhaps`\n"
     "11:99 E0512 plugin-setting `wait`: expected a length of time (such as 30d, 12h, 90m, 45s or 2w), found `soon`"},
    {ENTRY("[name]") USE(", limit: [1, 2], list: [names.csv]"),
     "11:52 E0512 plugin-setting `limit`: expected one value, found a list of 2\n"
     "11:67 E0512 plugin-setting `list`: expected the path of a file in the rule file's folder or below it, without `..`, found a list of 1"},
    {ENTRY("[name]") USE(", list: ../names.csv"),
     "11:58 E0512 plugin-setting `list`: expected the path of a file in the rule file's folder or below it, without `..`, found `../names.csv`"},
    {ENTRY("[name]") USE(", list: /names.csv"),
     "11:58 E0512 plugin-setting `list`: expected the path of a file in the rule file's folder or below it, without `..`, found `/names.csv`"},
    {ENTRY("[name]") USE(", list: ''"),
     "11:58 E0512 plugin-setting `list`: expected the path of a file in the rule file's folder or below it, without `..`, found an empty text"},
    {ENTRY("[name]") USE(", list: nope.csv"), "11:58 E0512 plugin-setting `list`: nope.csv: cannot be read: no such file"},
    /* everything at once, and each call for itself */
    {"plugins: {p: {library: libopen_all.so, kind: disqualifier, isolation: none, reads: [since]}}\n"
     "disqualify: [{name: A, plugin: p}, {name: B, plugin: p, with: {lable: x}}]\n",
     "10:11 E0511 plugin-reads plugin `p` needs column `name` (text: what the company is called); say in `reads` what it is: {name: NAME}\n"
     "11:32 E0512 plugin-setting plugin `p` needs the setting `label` (what to call it); give it under `with:`\n"
     "11:54 E0512 plugin-setting plugin `p` needs the setting `label` (what to call it); give it under `with:`\n"
     "11:64 E0512 plugin-setting `lable` is not a setting of plugin `p`; " SETTINGS "; did you mean `label`?"},
};

/* Is `text` what `pattern` says, where a `*` stands for any part of a line? */
static bool is_like(const char *text, const char *pattern)
{
    for (; *pattern && *pattern != '*'; text++, pattern++)
        if (*text != *pattern)
            return false;
    if (!*pattern)
        return !*text;
    for (; ; text++) {
        if (is_like(text, pattern + 1))
            return true;
        if (!*text || *text == '\n')
            return false;
    }
}

Test(plugins_open, what_does_not_fit_is_told_at_its_place)
{
    for (size_t i = 0; i < sizeof(misfits) / sizeof(misfits[0]); i++) {
        struct opened x;
        char source[4000];
        snprintf(source, sizeof(source), "%s%s", HEAD, misfits[i].source);
        open_text(&x, source);
        cr_expect_eq(x.status, ASSAY_E_RULES);
        cr_expect(is_like(x.text, misfits[i].expected), "%s\nexpected:\n%s\nfound:\n%s", misfits[i].source, misfits[i].expected, x.text);
        cr_expect_null(x.plugins.opened, "everything is closed");
        char count[100];
        snprintf(count, sizeof(count), "dir/r.yaml: %u error%s", x.diags.n, x.diags.n == 1 ? "" : "s");
        cr_expect_str_eq(x.error.text, count);
        shut(&x);
    }
}

Test(plugins_open, libraries_that_are_missing_or_refused_are_told_at_their_name)
{
    char folder[] = "/tmp/assay-open-XXXXXX", path[100];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/libtext.so", folder);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("not a library\n", file);
    fclose(file);
    cr_assert_eq(chmod(path, 0644), 0);
    const char *const dirs[] = {folder, ASSAY_TEST_PLUGINS "/open"};
    struct opened x;
    open_in(&x, HEAD "plugins:\n  p: {library: libtext.so, kind: router}\n  q: {library: libopen_bear.so, kind: router}\n"
            "  r: {library: libopen_bare.so, kind: router, isolation: none, reads: [name]}\n"
            "routes: [{name: A, plugin: p, assign: nobody}, {name: B, plugin: q, assign: nobody}, {name: C, plugin: r, assign: nobody}]\n",
            dirs, 2, NULL);
    cr_expect_eq(x.status, ASSAY_E_RULES);
    cr_expect_str_eq(x.error.text, "dir/r.yaml: 3 errors");
    cr_expect(is_like(x.text, "11:16 E0510 plugin-refused plugin `p`: *libtext.so*\n12:16 E0508 plugin-not-found plugin `q`: *libopen_bear.so*\n"
                              "13:72 E0511 plugin-reads plugin `r` reads no column `name`; it reads: no columns"), "%s", x.text);
    cr_expect(strstr(x.text, folder) && strstr(x.text, "libopen_bare.so"), "the folders and the nearest name are told: %s", x.text);
    shut(&x);
    unlink(path);
    rmdir(folder);
}

/* Findings are printed with the source beside them when the rules are gone. */
Test(plugins_open, findings_outlive_the_rules)
{
    struct opened x;
    open_text(&x, HEAD ENTRY("[]") USE(""));
    cr_assert_eq(x.status, ASSAY_E_RULES);
    asy_rules_fini(&x.rules);
    struct asy_pool pool;
    asy_pool_init(&pool, &x.mem);
    const struct asy_str text = asy_diags_text(&pool, &x.diags, false);
    cr_expect(text.p && strncmp(text.p, "dir/r.yaml:10:11: error: E0511 plugin `p` needs column `name`", 60) == 0, "%.*s", ASY_ARG(text));
    cr_expect(asy_str_find(text, ASY_STR("library: libopen_all.so")) > 0, "the line is shown");
    asy_pool_fini(&pool);
    shut(&x);
}

/* Allocation k fails, for k = 0, 1, 2 ...: out of memory is told as such, and everything is given back. */
static void fail_every_allocation(const char *source)
{
    static const char *const dirs[] = {ASSAY_TEST_PLUGINS "/open"};
    for (int64_t k = 0;; k++) {
        struct failing failing = {.n_left = k};
        const struct assay_allocator allocator = failing_table(&failing);
        struct opened x;
        open_in(&x, source, dirs, 1, &allocator);
        const assay_status status = x.status;
        cr_expect(status == ASSAY_OK || status == ASSAY_E_NOMEM, "allocation %ld: %d %s\n%s", (long)k, status, x.error.text, x.text);
        shut(&x);
        cr_assert_eq(failing.n_blocks, 0, "allocation %ld: %ld blocks left", (long)k, (long)failing.n_blocks);
        if (status == ASSAY_OK && failing.n_calls <= k)
            break;
        cr_assert_lt(k, 2000);
    }
}

Test(plugins_open, every_allocation_may_fail)
{
    fail_every_allocation(HEAD ENTRY("[company.name]") USE(", words: [a, b], list: names.csv"));
}

Test(plugins_open, every_allocation_may_fail_with_a_worker)
{
    fail_every_allocation(HEAD "plugins: {p: {library: libopen_all.so, kind: disqualifier, reads: [name]}}\n" USE(", words: [a, b], list: names.csv"));
}
