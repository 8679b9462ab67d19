/* rule/load: the example loads as it is meant, every planted mistake is found at its place, tables of broken snippets. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "failing_mem.h"
#include "rule/load.h"

/* Files in memory. */
struct file {
    const char *name;
    struct asy_str bytes;
};
struct files {
    uint32_t n;
    struct file items[8];
};

static assay_status read_memory(void *ctx, struct asy_pool *pool, const char *folder, const char *path, size_t max_bytes,
                                struct asy_str *out, struct assay_error *error)
{
    const struct files *files = ctx;
    (void)folder;
    for (uint32_t i = 0; i < files->n; i++) {
        if (strcmp(files->items[i].name, path) != 0)
            continue;
        if (files->items[i].bytes.len > max_bytes)
            return asy_fail(error, ASSAY_E_LIMIT, "%s: too large", path);
        *out = asy_pool_copy(pool, files->items[i].bytes);
        return out->p ? ASSAY_OK : asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    }
    return asy_fail(error, ASSAY_E_IO, "%s: cannot be read: no such file", path);
}

struct loaded {
    struct asy_mem mem;
    struct asy_diags diags;
    struct asy_rules rules;
    struct assay_error error;
    assay_status status;
};

static void load_files(struct loaded *x, struct files *files)
{
    const struct asy_file_reader reader = {files, read_memory};
    memset(x, 0, sizeof(*x));
    asy_mem_init(&x->mem, NULL);
    asy_diags_init(&x->diags, &x->mem);
    x->status = asy_rules_load(&x->rules, &x->mem, files->items[0].name, &reader, &x->diags, &x->error);
    asy_diags_sort(&x->diags);
}

static void load_text(struct loaded *x, struct asy_str text)
{
    struct files files = {3, {{"dir/r.yaml", text},
                              {"accounts.csv", ASY_STR("domain,owner\r\nb.example,nora\r\n\"a,\"\"1\"\"\",omar\r\n")},
                              {"plain.csv", ASY_STR("domain\na\nb\n")}}};
    load_files(x, &files);
}

static void unload(struct loaded *x)
{
    if (x->status == ASSAY_OK)
        asy_rules_fini(&x->rules);
    asy_diags_fini(&x->diags);
    cr_expect_eq(x->mem.live_bytes, 0, "all memory is given back");
}

static void findings(const struct asy_diags *diags, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < diags->n && n < cap; i++)
        n += (size_t)snprintf(out + n, cap - n, "%s%u:%u %s %.*s", i ? "\n" : "", diags->items[i].pos.line, diags->items[i].pos.col,
                              diags->items[i].code, ASY_ARG(diags->items[i].text));
}

static char *read_source(const char *path, size_t *len)
{
    char full[1000];
    snprintf(full, sizeof(full), "%s/%s", ASSAY_SOURCE_DIR, path);
    FILE *file = fopen(full, "rb");
    cr_assert_not_null(file, "%s", full);
    char *bytes = calloc(1, 1 << 20);
    *len = fread(bytes, 1, (1 << 20) - 1, file);
    fclose(file);
    return bytes;
}

/* -- the example ------------------------------------------------------------------------------------------------ */

static const struct asy_field *field(const struct asy_rules *rules, const char *name)
{
    const int64_t i = asy_schema_field(&rules->schema, asy_str_of(name));
    cr_assert_geq(i, 0, "%s", name);
    return &rules->schema.fields[i];
}

Test(rules_load, the_example_loads)
{
    struct loaded x = {0};
    asy_mem_init(&x.mem, NULL);
    asy_diags_init(&x.diags, &x.mem);
    x.status = asy_rules_load(&x.rules, &x.mem, ASSAY_SOURCE_DIR "/rules/b2b-saas.yaml", &asy_file_reader_os, &x.diags, &x.error);
    char text[2000];
    findings(&x.diags, text, sizeof(text));
    cr_assert_eq(x.status, ASSAY_OK, "%s\n%s", x.error.text, text);
    cr_expect_eq(x.diags.n_errors, 0);
    const struct asy_rules *r = &x.rules;
    cr_expect(asy_str_is(r->name, "b2b-saas"));
    cr_expect_neq(r->checksum, 0);
    cr_expect_eq(r->schema.n_fields, 34);
    cr_expect_eq(r->schema.n_events, 19);
    cr_expect(asy_str_is(r->schema.events[0].name, "demo_request") && asy_str_is(r->schema.events[0].group, "high"));
    cr_expect(asy_str_is(r->not_evaluated, "slas, targets, nurture exits, attribution"));

    cr_assert_eq(r->n_lists, 7);
    cr_expect_eq(r->lists[5].set.n, 3 + 16 + 2 + 3, "the union");
    cr_expect(asy_str_is(r->lists[6].set.items[0], "bigbank.example") && asy_str_is(r->lists[6].owners[1], "omar"));

    cr_assert_eq(r->n_scores, 4);
    const struct asy_score *fit = &r->scores[0], *engagement = &r->scores[1], *total = &r->scores[2], *filled = &r->scores[3];
    cr_assert_eq(fit->n_rules, 4);
    cr_expect(fit->has_keep && fit->keep_lo_milli == 0 && fit->keep_hi_milli == 100000);
    const struct asy_rule *size = &fit->rules[0];
    cr_assert_eq(size->n_lines, 6);
    cr_expect(size->lines[2].kind == ASY_LINE_RANGE && size->lines[2].lo_i == 51 && size->lines[2].hi_i == 200);
    cr_expect_eq(size->lines[2].points_milli, 25000);
    cr_expect(asy_str_is(size->lines[2].key, "51-200"));
    cr_expect(size->lines[4].lo_i == 501 && size->lines[4].hi_i == INT64_MAX);
    cr_expect_eq(size->lines[5].kind, ASY_LINE_MISSING);
    cr_expect_eq(fit->rules[1].n_lines, 9, "comma lists are several lines");
    cr_expect(fit->rules[3].lines[0].kind == ASY_LINE_LIST && fit->rules[3].lines[0].list == 1);
    cr_assert_eq(engagement->n_events, 14);
    cr_expect(!engagement->events[0].each && engagement->events[0].points_milli == 50000);
    cr_expect(engagement->events[13].each && engagement->events[13].has_max && engagement->events[13].max_milli == 20000);
    cr_expect(!engagement->is_rules_first && engagement->rules[0].when != NULL);
    cr_expect(engagement->n_steps == 2 && engagement->steps[0].days == 60 && engagement->steps[0].share == 50000);
    cr_expect(total->kind == ASY_SCORE_SUM && total->n_parts == 2 && total->parts[1] == 1);
    cr_expect(filled->kind == ASY_SCORE_FILLED && filled->n_filled == 6 && filled->filled[5].field == ASY_NONE);

    cr_expect(r->grade_by == 2 && r->n_grades == 4 && r->grades[1].from_milli == 60000);
    cr_expect(r->n_disqualify == 6 && r->disqualify[5].test.call == 0);
    cr_expect(r->n_stages == 8 && r->stages[7].n_require == 1);
    cr_expect(r->stages[0].test.is_otherwise && r->stages[1].test.when != NULL && !r->stages[1].test.is_otherwise);
    cr_expect(r->n_segments == 3 && asy_str_is(r->segments[2].name, "right_fit_wrong_time"), "nobody enters `long_term` from outside");
    cr_assert(r->n_territories == 3 && r->n_teams == 4);
    cr_expect(r->territories[2].n_lines == 2 && r->teams[0].rosters[0].n == 2 && r->teams[2].rosters[3].n == 3);
    cr_assert_eq(r->n_routes, 11);
    cr_expect(r->routes[0].assign == ASY_ASSIGN_EXISTING && r->routes[0].n_then == 2);
    cr_expect(r->routes[2].assign == ASY_ASSIGN_LIST_OWNER && r->routes[2].list == 6);
    cr_expect(asy_str_is(r->schema.fields[r->routes[2].list_field].name, "company.domain"));
    cr_expect(r->routes[3].test.when->clause == 2 && r->routes[3].test.when->n_args == 2);
    cr_expect(r->routes[3].test.when->args[1]->clause == 1 && r->routes[3].test.when->args[1]->pos.line == 262);
    cr_expect_eq(r->routes[3].respond_within_s, 4 * 3600);
    cr_expect(r->routes[10].test.is_otherwise);
    cr_expect(r->n_recycle == 4 && r->recycle[2].test.when->clause == 3);
    cr_assert(r->n_plugins == 2 && r->n_calls == 2);
    cr_expect(r->recycle[3].test.call == 1 && r->recycle[3].test.pos.line == 398 && r->recycle[2].test.call == ASY_NONE);
    const struct asy_plugin_call *competitors = &r->calls[0], *renewals = &r->calls[1];
    cr_expect(competitors->plugin == 0 && renewals->plugin == 1 && asy_str_is(competitors->rule, "Works for a competitor"));
    cr_assert_eq(r->plugins[0].n_reads, 2);
    cr_expect(competitors->inputs[1].kind == ASY_IN_FIELD && competitors->inputs[1].index == 0 && competitors->inputs[0].index == 1);
    cr_assert(competitors->n_settings == 2 && renewals->n_settings == 2);
    cr_expect(asy_str_is(renewals->settings[0].name, "days_before") && asy_str_is(renewals->settings[0].texts[0], "120"));
    cr_expect(renewals->settings[1].pos.line == 399 && renewals->settings[1].text_pos[0].col == 37);

    /* what is kept of a field */
    cr_expect_eq(field(r, "company.employees")->need, ASY_NEED_VALUE);
    cr_expect_eq(field(r, "lead.owner")->need, ASY_NEED_VALUE);
    cr_expect_eq(field(r, "company.name")->need, ASY_NEED_VALUE, "a plugin reads it");
    cr_expect_eq(field(r, "contact.name")->need, ASY_NEED_PRESENCE);
    cr_expect_eq(field(r, "contact.email")->need, ASY_NEED_PRESENCE);
    cr_expect_eq(field(r, "bant.budget")->need, ASY_NEED_VALUE, "a stage asks for it");
    cr_expect_eq(field(r, "deal.lost_reason")->need, ASY_NEED_VALUE);
    cr_expect_eq(field(r, "contact.unsubscribed")->need, ASY_NEED_NOTHING, "only asked by who leaves a segment");
    cr_expect_eq(field(r, "contact.unsubscribed")->default_value.i, 1);
    unload(&x);
}

/* The ten mistakes planted in the example when the format was designed. Overlaps and gaps of bands are the lint's. */
Test(rules_load, planted_mistakes_are_found_in_their_place)
{
    static const struct {
        const char *from, *to, *found; /* where it is pointed at, and what is said */
        const char *at;
    } plants[] = {
        {"when: company.employees < 10", "when: company.employes < 10", "E0203 `company.employes` is not a field; did you mean `company.employees`?",
         "company.employes < 10"},
        {"'student', 'intern', 'agency'", "'student', 'intren', 'agency'", "E0205 `contact.seniority` is never 'intren'; did you mean 'intern'?",
         "'intren'"},
        {"enter_when: sales.decision == 'accepted'", "enter_when: !disqualified", "E0101 a value cannot start with `!` here: YAML reads it as a tag; write "
         "`x == false`, or put quotes around the whole expression", "!disqualified"},
        {"{round_robin: smb_sdr}", "{round_robin: smb_sdrs}", "E0401 no team `smb_sdrs`; did you mean `smb_sdr`?", "smb_sdrs"},
        {"lead.source == 'referral'", "lead.source = 'referral'", "E0211 `=` is not an operator here: write `==` to compare", "= 'referral'"},
        {"    flag: Referral\n", "    flag: Referral\n    flag: Again\n", "E0103 `flag` is given twice", "flag: Again"},
        {"first_touch:          {share: 30%", "first_touch:          {share: 40%", "E0501 credit adds up to 110%, not 100%", "first_touch:"},
        {"deal.amount_usd > 0", "deal.amount_usd > 'a lot'", "E0221 cannot compare double with string", "> 'a lot'"},
    };
    enum { N = sizeof(plants) / sizeof(plants[0]) };
    size_t len, accounts_len;
    char *source = read_source("rules/b2b-saas.yaml", &len), *accounts = read_source("rules/target-accounts.csv", &accounts_len);
    for (size_t i = 0; i < N; i++) {
        char *at = strstr(source, plants[i].from);
        cr_assert_not_null(at, "%s", plants[i].from);
        const size_t from = strlen(plants[i].from), to = strlen(plants[i].to);
        memmove(at + to, at + from, strlen(at + from) + 1);
        memcpy(at, plants[i].to, to);
    }
    struct files files = {2, {{"b2b.yaml", asy_str_of(source)}, {"target-accounts.csv", {accounts, (uint32_t)accounts_len}}}};
    struct loaded x;
    load_files(&x, &files);
    cr_expect_eq(x.status, ASSAY_E_RULES);
    cr_expect_str_eq(x.error.text, "b2b.yaml: 8 errors");
    cr_expect_eq(x.diags.n, N, "each mistake is one finding");
    for (size_t i = 0; i < N; i++) {
        struct asy_pos pos = {1, 1};
        const char *at = strstr(source, plants[i].at);
        for (const char *p = source; p < at; p++)
            pos = *p == '\n' ? (struct asy_pos){pos.line + 1, 1} : (struct asy_pos){pos.line, pos.col + 1};
        bool is_found = false;
        for (uint32_t k = 0; k < x.diags.n; k++) {
            const struct asy_diag *d = &x.diags.items[k];
            char text[1200];
            snprintf(text, sizeof(text), "%s %.*s", d->code, ASY_ARG(d->text));
            is_found |= d->pos.line == pos.line && d->pos.col == pos.col && strncmp(text, plants[i].found, strlen(plants[i].found)) == 0;
        }
        cr_expect(is_found, "%u:%u %s", pos.line, pos.col, plants[i].found);
    }
    unload(&x);
    free(source);
    free(accounts);
}

/* -- snippets --------------------------------------------------------------------------------------------------- */

/* Eleven lines; snippets start on line 12. A snippet that brings a section of its own leaves that line out. */
static const char head[] = "assay: 1\n"
                           "fields: {t: text, i: int, n: number, b: bool, w: time, c: country, e: 'one of x, y', lead.owner: text}\n"
                           "events: {g: [ev, click]}\n"
                           "lists:\n"
                           "  l: [p, q]\n"
                           "  acc: {file: accounts.csv, key: domain}\n"
                           "\n"
                           "\n"
                           "scores:\n"
                           "  z: {rules: [{name: Z, when: i > 0, points: 1}]}\n"
                           "\n";

#define RULE "  s:\n    rules:\n      - name: R\n"
#define EV "  s:\n    events:\n"

static const struct {
    const char *snippet, *expected;
} broken[] = {
    /* tables: R is on line 14, its keys start on line 15 */
    {RULE "        by: i\n        points: {1-10: +1, 11: 2.125, -10--1: -3, 501+: 1, missing: 0, otherwise: 0}\n", ""},
    {RULE "        by: i\n        points: {1.5: 1, 9-3: 1, x: 1}\n",
     "16:18 E0304 expected a whole number, a range such as 51-200 or 501+, `otherwise` or `missing`, found `1.5`\n"
     "16:26 E0304 no number is in this range; put the lower end first\n"
     "16:34 E0304 expected a whole number, a range such as 51-200 or 501+, `otherwise` or `missing`, found `x`"},
    {RULE "        by: n\n        points: {0.5-1.5: 1, 1e3: 2, -2--1: 3, 2000+: 4}\n", ""},
    {RULE "        by: n\n        points: {'a': 1}\n",
     "16:19 E0304 expected a number, a range such as 0.5-1.5 or 100+, `otherwise` or `missing`, found `a`"},
    {RULE "        by: t\n        points: {1-10: 1, in l: 2, 'in r': 3, otherwise: 4, 'a, b': 5}\n", ""},
    {RULE "        by: b\n        points: {yes: 1, false: 2}\n", ""},
    {RULE "        by: b\n        points: {yes: 1, true: 2}\n", "16:26 E0305 `true` is in the table twice (first on line 16)"},
    {RULE "        by: e\n        points: {x: 1, z: 2}\n", "16:24 E0205 `e` is never `z`; it is one of: x, y"},
    {RULE "        by: c\n        points: {US: 1, NO: 2, USA: 3, XX: 4}\n",
     "16:32 E0305 `USA` is in the table twice (first on line 16)\n16:40 E0205 `c` is never `XX`; did you mean `AX`?"},
    {RULE "        by: c\n        points: {in l: 1, in nope: 2}\n",
     "16:18 E0205 list `l` has `p`, which `c` never is\n16:30 E0206 `nope` is not a list"},
    {RULE "        by: w\n        points: {x: 1}\n", "15:13 E0304 a table cannot be made by a time; use `when: days_since(w) <= 30` and `points:`"},
    {RULE "        by: u\n        points: {x: 1}\n", "15:13 E0203 `u` is not a field"},
    {RULE "        by: u\n        points: {x: 1, y: ten, in nope: 2000000}\n",
     "15:13 E0203 `u` is not a field\n16:27 E0124 points: expected a number such as +25, -10 or 2.5, found `ten`\n"
     "16:41 E0124 points: expected a number from -1000000 to 1000000, found `2000000`"},
    {RULE "        by: w\n        points: {x: ten}\n",
     "15:13 E0304 a table cannot be made by a time; use `when: days_since(w) <= 30` and `points:`\n"
     "16:21 E0124 points: expected a number such as +25, -10 or 2.5, found `ten`"},
    {RULE "        by: i\n        points: {1-10: 1, 5-20: ten, x: 1, 7: 2, 30: 3, 15+: 1}\n",
     "16:27 E0302 `5-20` overlaps `1-10`\n16:33 E0124 points: expected a number such as +25, -10 or 2.5, found `ten`\n"
     "16:38 E0304 expected a whole number, a range such as 51-200 or 501+, `otherwise` or `missing`, found `x`\n"
     "16:44 E0302 `7` overlaps `5-20`\n16:57 E0302 `15+` overlaps `30`\n16:57 E0302 `15+` overlaps `5-20`"},
    {RULE "        by: i\n        points: {1-10: 1, 1 - 10: 2}\n",
     "16:27 E0305 `1 - 10` is in the table twice (first on line 16)"},
    {RULE "        by: n\n        points: {0-1: 1, 1-2: 2, 2.5: 3, 2-3: 4}\n",
     "16:26 E0302 `1-2` overlaps `0-1`\n16:42 E0302 `2-3` overlaps `1-2`\n16:42 E0302 `2-3` overlaps `2.5`"},
    /* countries under other names */
    {RULE "        when: c == 'UK' || c in ['us', 'Germany', 'FR'] || c != 'Atlantis' || c == 'XX'\n        points: 1\n",
     "15:20 E0205 `c` is never 'UK'; write 'GB'\n15:34 E0205 `c` is never 'us'; write 'US'\n"
     "15:40 E0205 `c` is never 'Germany'; write 'DE'\n"
     "15:65 E0205 `c` is never 'Atlantis'; it has one of 249 values such as 'AD'\n"
     "15:84 E0205 `c` is never 'XX'; did you mean 'AX'?"},
    {RULE "        by: i\n        points: 3\n",
     "16:17 E0121 `points`: with `by:` expected a table (lines of `value: points`), found `3`; one number goes with `when:`"},
    {RULE "        by: i\n        points: {1: 2.0005, 2: x, 3: 2000000}\n",
     "16:21 E0124 points: expected at most three decimals, found `2.0005`\n"
     "16:32 E0124 points: expected a number such as +25, -10 or 2.5, found `x`\n"
     "16:38 E0124 points: expected a number from -1000000 to 1000000, found `2000000`"},
    {RULE "        by: i\n        when: i > 1\n        points: 1\n", "16:15 E0123 a rule: expected only one of `by:`, `when:` and `plugin:`"},
    {RULE "        by: i\n        point: {1: 1}\n", "16:9 E0120 `point` is not a key of a rule; did you mean `points`?"},
    {RULE "        plugin: p\n", "15:17 E0502 no plugin `p`; only plugins listed under `plugins:` can be used"},
    /* conditions */
    {RULE "        when: u == 1\n        points: 1\n", "15:15 E0203 `u` is not a field"},
    {RULE "        when: t == 'a #1'\n        points: 1\n",
     "15:23 E0104 ` #` starts a comment in YAML, so the expression ends before it; put quotes around the whole expression"},
    {RULE "        when: \"t == 'a' &&\n          u == 1\"\n        points: 1\n", "16:11 E0203 `u` is not a field"},
    {RULE "        when: 't == ''a'' && u == 1'\n        points: 1\n", "15:30 E0203 `u` is not a field"},
    {RULE "        when: >\n          t == 'a'\n          && u == 1\n        points: 1\n", "17:14 E0203 `u` is not a field"},
    {RULE "        when:\n          all: [i > 1, u > 1]\n          none: []\n        points: 1\n",
     "16:24 E0203 `u` is not a field\n17:17 E0234 `none`: expected at least one condition, found an empty list"},
    {RULE "        when:\n          al: [i > 1]\n        points: 1\n", "16:11 E0120 `al` is not a key of a condition; did you mean `all`?"},
    {RULE "        when: [i > 1]\n        points: 1\n",
     "15:15 E0234 a list of conditions needs to say how they are joined; put it under `all:`, `any:` or `none:`"},
    {RULE "        when:\n          all:\n            - b ? b : b\n        points: 1\n",
     "17:15 E0105 `: ` ends a key in YAML, so `a ? b : c` cannot stand here as it is; put quotes around the whole expression"},
    {RULE "        when: score.s > 1 && score.later > 1\n        points: 1\n  later: {sum: [z]}\n",
     "15:15 E0235 the score `s` cannot be made from itself\n"
     "15:30 E0235 `score.later` is made later, on line 17; a score can only use scores above it"},
    {RULE "        when: disqualified || grade == 'x' || stage == 'y'\n        points: 1\n",
     "15:15 E0235 `disqualified` comes out of `disqualify:`, which is judged after the scores; it can be used below\n"
     "15:31 E0235 `grade` is made from the scores, after all of them; compare `score.NAME` of a score above\n"
     "15:47 E0235 `stage` comes out of `lifecycle:`, which is judged after scores and disqualifying"},
    {RULE "        when: segment.days > 1\n        points: 1\n",
     "15:15 E0235 `segment.*` is about a lead in a nurture segment; it can only be used in its `leave:`"},
    {RULE "        when: events.ev.count(30d) > 1 && events.any.days_ago < 3 && events.click.first_days_ago > 2\n        points: 1\n", ""},
    {RULE "        when: t in l && now > w && score.z == 1\n        points: 1\n", ""},
    {RULE "        points: 1\n",
     "14:9 E0122 a rule: expected `by: FIELD` with a table of points, `when: CONDITION` with a number of points, or `plugin:`"},
    {"  s:\n    rules:\n      - {name: A, when: i > 1, points: 1}\n      - {name: A, when: i > 2, points: 1}\n",
     "15:16 E0237 rule `A` is there already; names are what explanations and tests call things by, so give each its own"},
    /* event rules: keys start on line 14 */
    {EV "      ev: 3\n      click: {each: 2, max: 10, within: 30d, at_most: 3 per day, half_life: 12h, by: hours, where: page == '/x', name: C}\n", ""},
    {EV "      ev: [{once: 1, name: A}, {each: 2, linear: 90d}]\n", ""},
    {EV "      ev: {each: 2, max: -3}\n", "14:26 E0308 `max`: expected a number on the same side of 0 as the points, found `-3`"},
    {EV "      ev: {each: 2, half_life: 30d, linear: 3d}\n",
     "14:45 E0307 `half_life` and `linear` are two ways for points to fade; expected only one of them"},
    {EV "      ev: {each: 2, half_life: 12h}\n", "14:32 E0307 `half_life`: expected whole days, found `12h`; with `by: hours` whole hours will do"},
    {EV "      ev: {each: 2, by: hours}\n",
     "14:25 E0307 `by` says how the age of an event is counted for `half_life` or `linear`, and there is neither"},
    {EV "      ev: {max: 3}\n",
     "14:11 E0122 an event rule: expected either `each: POINTS` (for every event) or `once: POINTS` (for the latest one)"},
    {EV "      ev: {each: 1, once: 2}\n",
     "14:27 E0123 an event rule: expected either `each: POINTS` (for every event) or `once: POINTS` (for the latest one)"},
    {EV "      ev: {each: 1, at_most: 3 per hour}\n",
     "14:30 E0124 `at_most`: expected a number per day, week or month, as in `3 per day`, found `3 per hour`"},
    {EV "      ev: {each: 1, within: 3 days}\n",
     "14:29 E0124 `within`: expected a length of time such as 30d, 12h, 90m, 45s or 2w, found `3 days`"},
    {EV "      clik: 1\n", "14:7 E0203 `clik` is not an event; events are named under `events:`; did you mean `click`?"},
    {EV "      ev: {each: 1, where: lead.owner == 'x'}\n",
     "14:33 E0203 `lead` is a string and has no part `owner`; in `where:` a name is a property of the event, such as page; no field can be named"},
    /* scores */
    {"  s: {sum: [z, nope, s, z]}\n",
     "12:16 E0203 `nope` is not a score\n12:22 E0235 the score `s` cannot be made from itself\n12:25 E0312 `z` is in the sum twice"},
    {"  s: {filled: [t, events.any, events.ev, u]}\n", "12:42 E0203 `u` is not a field"},
    {"  s: {sum: [z], filled: [t]}\n",
     "12:3 E0301 score `s` is made in two ways: expected `rules:` and `events:` (with `decay:`), or only `sum:`, or only `filled:`"},
    {"  s: {keep_within: 0..100}\n", "12:3 E0301 score `s`: expected `rules:` or `events:`, `sum:`, or `filled:`"},
    {"  s: {sum: [z], keep_within: 0..1000001}\n",
     "12:30 E0124 `keep_within`: expected numbers from -1000000 to 1000000, found `0..1000001`"},
    {"  s: {sum: [z], keep_within: 0.0001..1}\n", "12:30 E0124 `keep_within`: expected at most three decimals, found `0.0001..1`"},
    {"  s: {sum: [z], keep_within: 9..1, decimals: 4}\n",
     "12:30 E0124 `keep_within`: expected two numbers, the lower first, as in 0..100, found `9..1`\n"
     "12:46 E0124 `decimals`: expected a whole number from 0 to 3, found `4`"},
    {EV "      ev: 1\n    decay: {60d: 50%, 30d: 60%, 12h: 70%, 90d: 700%}\n",
     "15:23 E0306 `decay`: expected more days than the 60 of the line above, found `30d`\n"
     "15:33 E0306 `decay`: expected whole days such as 60d, found `12h`\n"
     "15:48 E0124 share taken off: expected a percentage from 0% to 100%, such as 50%, found `700%`"},
    {RULE "        when: i > 1\n        points: 1\n    decay: {60d: 50%}\n", "17:12 W0313 `decay` has no effect: a score without `events:` is never idle"},
    {"  stage: {sum: [z]}\n", "12:3 E0233 a score cannot be called `stage`: the output has a column of that name"},
    {"  route: {sum: [z]}\n", "12:3 E0233 a score cannot be called `route`: the output has a column of that name"},
    {"  s: 3\n", "12:6 E0121 a score: expected a mapping (lines of `key: value`), found `3`"},
    /* grades */
    {"grades: {by: score.z, a: {from: 1}, b: {from: 1}, c: 3, disqualified: {from: 9}}\n",
     "12:47 E0311 grades `a` and `b` start at the same score\n12:54 E0121 a grade: expected `{from: POINTS}`, found `3`\n"
     "12:57 E0233 a grade cannot be called `disqualified`: the output says so of leads that are"},
    {"grades: {by: z, a: {from: 1}}\n", "12:14 E0203 expected `score.z`, found `z`"},
    {"grades: {a: {from: 1}}\n", "12:9 E0122 `grades`: `by:` is missing"},
    /* disqualify */
    {"disqualify:\n  - {name: A, when: grade == 'x'}\n", "13:21 E0235 the file has no `grades:`, so no lead has a grade"},
    {"disqualify:\n  - {when: b, plugin: p}\n",
     "13:5 E0122 a disqualifier: `name:` is missing\n13:23 E0123 a disqualifier: expected only one of `when:` and `plugin:`"},
    {"disqualify:\n  - {name: A, wen: b}\n", "13:15 E0120 `wen` is not a key of a disqualifier; did you mean `when`?"},
    {"disqualify: {name: A}\n", "12:13 E0121 `disqualify`: expected a list (`[a, b]`, or lines that start with `- `), found a mapping"},
    {"disqualify:\n  - {name: A, plugin: p}\nplugins: {p: {library: a.so, kind: recycler}}\n",
     "13:23 E0503 plugin `p` is a recycler (line 14); here a disqualifier is needed"},
    /* teams and routes */
    {"teams: {territories: {by: e, a: x, b: 'y', w: [x]}, t: {a: [m], anywhere: [n]}}\n",
     "12:48 E0305 `x` is in the territories twice (first on line 12)"},
    {"teams: {territories: {by: e, a: x}, t: {aa: [m, m], b: []}, u: [m]}\n",
     "12:41 E0407 `aa` is not a territory; did you mean `a`?\n"
     "12:53 E0407 `b` is not a territory; territories are listed under `territories:`\n"
     "12:64 E0408 a team: expected rosters by territory, or `anywhere: [NAME, NAME]`, found a list"},
    {"teams: {t: {anywhere: [m, m]}}\n", "12:27 E0408 this member is in the roster twice"},
    {"routes:\n  - {name: A, otherwise: true, assign: nobody}\n  - {name: B, when: b, assign: nobody}\n",
     "13:26 E0405 `otherwise: true` takes every lead, so nothing below it is ever reached; put this route last"},
    {"routes:\n  - {name: A, when: b, assign: {round_robin: t}}\n", "13:46 E0401 no team `t`"},
    {"routes:\n  - {name: A, when: b, assign: somebody}\n",
     "13:32 E0404 `assign`: expected `nobody`, `{round_robin: TEAM}`, `{owner_of: LIST}`, `{owner_of: existing_record}` or, with "
     "`plugin:`, `plugin`, found `somebody`"},
    {"routes:\n  - {name: A, when: t in l, assign: {owner_of: l}}\n",
     "13:48 E0406 list `l` names no owners: expected a list file with a column `owner`"},
    {"routes:\n  - {name: A, when: t in l, assign: {owner_of: acc}}\n",
     "13:48 E0406 the owner is looked up by the field that the route tests with `in acc`: expected one such field in its `when:`, found none"},
    {"routes:\n  - {name: A, when: t in acc && lead.owner in acc, assign: {owner_of: acc}}\n",
     "13:71 E0406 the owner is looked up by the field that the route tests with `in acc`: expected one such field in its `when:`, found several"},
    {"routes:\n  - {name: A, when: t in acc && i > 1, assign: {owner_of: acc}, respond_within: 4h, then: tell}\n", ""},
    {"routes:\n  - {name: A, when: b, assign: nobody, respond_within: soon}\n",
     "13:56 E0124 `respond_within`: expected a length of time such as 30d, 12h, 90m, 45s or 2w, found `soon`"},
    {"routes:\n  - {name: A, otherwise: false, assign: nobody}\n", "13:26 E0124 `otherwise`: expected true, found `false`"},
    {"routes:\n  - {name: A, when: b}\n", "13:5 E0122 a route: `assign:` is missing"},
    {"lifecycle: [{stage: q}]\nroutes:\n  - {name: A, when: stage == 'q', assign: nobody}\n", ""},
    {"lifecycle: [{stage: q}]\nroutes:\n  - {name: A, when: stage == 'qq', assign: nobody}\n",
     "14:30 E0205 `stage` is never 'qq'; did you mean 'q'?"},
    {"routes:\n  - {name: A, when: stage == 'q', assign: nobody}\n", "13:21 E0235 the file has no `lifecycle:`, so no lead has a stage"},
    {"lifecycle: [{stage: q}, {stage: p, enter_when: stage == 'q'}]\n",
     "12:48 E0235 `stage` comes out of `lifecycle:`, which is judged after scores and disqualifying"},
    {"lifecycle: [{stage: q}]\nnurture: {s: {enter_when: stage == 'q' && score.z > 1 && segment.days > 1, send: 1 email per day}}\n",
     "13:58 E0235 `segment.*` is about a lead in a nurture segment; it can only be used in its `leave:`"},
    {"lifecycle: [{stage: q, require: [u, t]}]\n", "12:34 E0203 `u` is not a field"},
    /* the rest */
    {"recycle: [{name: A, when: b, to: x, in: 14d}]\n", ""},
    {"recycle: [{name: A, when: b, in: 14}]\n",
     "12:11 E0122 a recycling rule: `to:` is missing\n"
     "12:34 E0124 `in`: expected a length of time such as 30d, 12h, 90m, 45s or 2w, found `14`"},
    {"lifecycle: [{stage: a}, {stage: a, enter_when: b}, {stage: c}]\n",
     "12:33 E0237 stage `a` is there already; names are what explanations and tests call things by, so give each its own\n"
     "12:52 E0122 a stage: `enter_when:` is missing; only the first stage can do without"},
    {"slas: [{name: A, clock: business_hours, from: routed, until: e = z, within: 3}]\n",
     "12:25 E0504 `clock: business_hours` needs a `calendar:` at the top of the file\n12:66 E0205 `e` is never `z`\n"
     "12:77 E0124 `within`: expected a length of time such as 30d, 12h, 90m, 45s or 2w, found `3`"},
    {"slas: [{name: A, from: stage.x, until: stage.changed, within: 3h}]\n", "12:30 E0203 `x` is not a stage; the file has no `lifecycle:`"},
    {"targets: [{name: A, measure: 'share(score.y >= 80)', per: month, at_least: 90%}]\n",
     "12:37 E0203 `score.y` is not a score; did you mean `score.z`?"},
    {"targets: [{name: A, measure: mean(x), at_least: many, alarm: sometimes}]\n",
     "12:30 E0505 `measure`: expected count(stage.NAME), rate(STAGE -> STAGE) or share(CONDITION), found `mean(x)`\n"
     "12:49 E0505 `at_least`: expected a number or a percentage, found `many`\n"
     "12:62 E0505 `alarm`: expected a text such as `below 20% for 2 months`, found `sometimes`"},
    {"nurture: {s: {send: often, leave: [{when: segment.days > 3 && segment.idle_days > 3 && segment.points_gained > 1, to: x}]}}\n",
     "12:21 E0124 `send`: expected a number of emails per day, week or month, as in `3 emails per month`, found `often`"},
    {"attribution: {model: w_shaped, credit: {a: {share: 33.3%}, b: {share: 66.6%}}}\n", "12:40 E0501 credit adds up to 99.9%, not 100%"},
    /* plugins */
    {"plugins: {p: {library: ../a.so, kind: judge, reads: [t, u, score.y, events.nope.count]}}\n",
     "12:24 E0506 `library`: expected a file name without a folder; the folders are given on the command line, not in a rule file\n"
     "12:39 E0124 `kind`: expected one of disqualifier, router, recycler, scorer, found `judge`\n"
     "12:57 E0203 `u` is not a field\n12:60 E0203 `score.y` is not a score; did you mean `score.z`?\n"
     "12:69 E0203 `events.nope.count` is not a figure of an event; did you mean `events.any.count`?"},
    {"plugins: {p: {library: Lib.so, kind: scorer}, q: {library: a.dll, kind: scorer}, r: {library: .so, kind: scorer}, s: {kind: scorer}}\n",
     "12:24 E0506 `library`: expected a file name such as `libexample.so` (a-z, 0-9, `_` and `-`, at most 63 bytes), found `Lib.so`\n"
     "12:60 E0506 `library`: expected a file name such as `libexample.so` (a-z, 0-9, `_` and `-`, at most 63 bytes), found `a.dll`\n"
     "12:95 E0506 `library`: expected a file name such as `libexample.so` (a-z, 0-9, `_` and `-`, at most 63 bytes), found `.so`\n"
     "12:118 E0122 a plugin: `library:` is missing"},
    {"plugins:\n  p: {library: a.so, kind: router, reads: {a: t, b: lead.owner, c: t}, isolation: none, budget: 250us}\n"
     "  q: {library: b_2-c.so, kind: router, reads: [score.z, disqualified, events.ev.count(30d), events.any.days_ago, c],\n"
     "      isolation: worker, budget: {per_lead: 2ms, memory: 1GB}}\n"
     "routes:\n  - {name: A, plugin: p, with: {a: 1, b: [x, '', y], c: ''}, assign: plugin, respond_within: 4h}\n"
     "  - {name: B, plugin: q, assign: nobody}\n  - {name: C, plugin: q, with: {a: []}, assign: plugin}\n", ""},
    {"plugins: {p: {library: a.so, kind: scorer, isolation: thread, budget: 20, reads: t},\n"
     "          q: {library: a.so, kind: scorer, budget: 11s, reads: [t, t, [i], b]},\n"
     "          r: {library: a.so, kind: scorer, budget: {per_lead: 999ns, memory: 8MB, cores: 2}},\n"
     "          s: {library: a.so, kind: scorer, budget: {per_lead: 99999999999999999999s, memory: 9999999999GB}}}\n",
     "12:55 E0124 `isolation`: expected one of worker, none, found `thread`\n"
     "12:71 E0124 `budget`: expected the processor time of one lead, from 1us to 10s, as in 20us; found `20`\n"
     "12:82 E0121 `reads`: expected a list of names, or lines of `column: name`, found `t`\n"
     "13:52 E0124 `budget`: expected the processor time of one lead, from 1us to 10s, as in 20us; found `11s`\n"
     "13:68 E0511 `t` is in `reads` twice\n13:71 E0121 an item of `reads`: expected one value, found a list\n"
     "14:63 E0124 `per_lead`: expected the processor time of one lead, from 1us to 10s, as in 20us; found `999ns`\n"
     "14:78 E0124 `memory`: expected an amount from 16MB to 64GB, as in 512MB; found `8MB`\n"
     "14:83 E0120 `cores` is not a key of `budget`; it has: per_lead, memory\n"
     "15:63 E0124 `per_lead`: expected the processor time of one lead, from 1us to 10s, as in 20us; found `99999999999999999999s`\n"
     "15:94 E0124 `memory`: expected an amount from 16MB to 64GB, as in 512MB; found `9999999999GB`"},
    {"plugins: {p: {library: a.so, kind: scorer, reads: [grade, score.z, disqualified, now, i > 1, l, events.ev.count(0d), ev]}}\n",
     "12:52 E0235 `grade` is made from the scores, after all of them; compare `score.NAME` of a score above\n"
     "12:68 E0235 `disqualified` comes out of `disqualify:`, which is judged after the scores; it can be used below\n"
     "12:82 E0235 a plugin cannot read `now`; one whose verdict depends on the time is told it without\n"
     "12:87 E0208 an item of `reads`: expected one name (a field, score.NAME, grade, disqualified, stage, events.NAME.count, events.NAME.days_ago), "
     "found `i > 1`\n12:94 E0203 `l` is a list; use it as `x in l`\n12:113 E0215 a length of time must be at least 1s and at most 36525d\n"
     "12:118 E0203 `ev` is not a field; did you mean `e`?"},
    {"lifecycle: [{stage: q}]\nplugins: {p: {library: a.so, kind: disqualifier, reads: [disqualified, grade, stage, segment.days, routed]}}\n",
     "13:58 E0235 `disqualified` comes out of `disqualify:`, which is judged after the scores; it can be used below\n"
     "13:72 E0235 the file has no `grades:`, so no lead has a grade\n"
     "13:79 E0235 `stage` comes out of `lifecycle:`, which is judged after scores and disqualifying\n"
     "13:86 E0235 `segment.*` is about a lead in a nurture segment; it can only be used in its `leave:`\n13:100 E0203 `routed` is not a field"},
    {"lifecycle: [{stage: q}]\nplugins: {p: {library: a.so, kind: recycler, reads: [stage]}}\n",
     ""},
    /* a scorer reads scores above it only */
    {RULE "        plugin: p\n  y: {rules: [{name: Y, plugin: p}]}\nplugins: {p: {library: a.so, kind: scorer, reads: [score.z, score.y, u]}}\n",
     "15:17 E0235 plugin `p` reads `score.y` (line 17), and here `score.y` is made later, on line 16; a score can only use scores above it\n"
     "16:33 E0235 plugin `p` reads `score.y` (line 17), and here the score `y` cannot be made from itself\n"
     "17:70 E0203 `u` is not a field"},
    {RULE "        plugin: p\n        points: 1\n        with: [a]\nplugins: {p: {library: a.so, kind: scorer}}\n",
     "16:17 E0123 a rule: a plugin gives the points itself; remove `points:`\n"
     "17:15 E0121 `with`: expected a mapping (lines of `key: value`), found a list"},
    {"disqualify:\n  - {name: A, plugin: p, with: {a: {b: c}, d: , e: [1, [2]], f: 1, f: 2}}\nplugins: {p: {library: a.so, kind: disqualifier}}\n",
     "13:36 E0121 `a`: expected one value, or a list of values, found a mapping\n13:47 E0121 `d`: expected one value, found nothing\n"
     "13:56 E0121 `e`: expected one value, found a list\n13:68 E0103 `f` is given twice (first on line 13)"},
    {"recycle:\n  - {name: A, plugin: p, to: x, in: 14d}\nplugins: {p: {library: a.so, kind: recycler, reads: []}}\n", ""},
    {"routes:\n  - {name: A, when: b, assign: plugin}\n  - {name: B, plugin: nope, assign: plugin}\n",
     "13:32 E0404 `assign: plugin` is for the owner that the route's plugin names, and this route has no `plugin:`\n"
     "14:23 E0502 no plugin `nope`; only plugins listed under `plugins:` can be used"},
    {"calendar: {timezone: UTC, business_hours: 9-5}\n",
     "12:43 E0507 `business_hours`: expected days and hours as in `Mon-Fri 09:00-18:00`, found `9-5`"},
    {"rutes: []\nruleset: [a]\n", "12:1 E0120 `rutes` is not a key of a rule file; did you mean `routes`?\n"
                                  "13:10 E0121 `ruleset`: expected one value, found a list"},
    {"derive: {t: {words_in: lead.owner, a: [x]}, e: {words_in: t, x: [vp, 'vice president'], otherwise: y}}\n", ""},
    {"derive: {e: {words_in: t, z: [a], x: ['-'], otherwise: q}, i: {domain_of: t}, u: {domain_of: t}}\n",
     "12:27 E0205 `e` is never `z`; it is one of: x, y\n12:39 E0236 a word needs a letter, a digit or `_`, found `-`\n"
     "12:56 E0205 `e` is never `q`; it is one of: x, y\n"
     "12:60 E0236 only text, country and `one of` fields can be derived; `i` is none of them\n12:79 E0203 `u` is not a field"},
    {"derive: {e: {words_in: t, x: [a]}, t: {domain_of: lead.owner}}\n",
     "12:24 E0236 `t` is itself derived later, on line 12; put that line above this one"},
    {"derive: {t: {domain_of: t}}\n", "12:25 E0236 a field cannot be derived from itself"},
    {"derive: {t: {words_in: lead.owner, a: ['c++', vice president, co-founder, r&d, 'sales & marketing'], b: [.net, 'x #1 y', "
     "directeur g\xC3\xA9n\xC3\xA9ral, pr\xC3\xA4]}}\n",
     "12:40 W0239 `c++` is read as `c`: a word is made of letters a-z, digits and `_`, and all other signs are left out\n"
     "12:106 W0239 `.net` is read as `net`: a word is made of letters a-z, digits and `_`, and all other signs are left out\n"
     "12:112 W0239 `x #1 y` is read as `x 1 y`: a word is made of letters a-z, digits and `_`, and all other signs are left out\n"
     "12:143 W0239 `pr\xC3\xA4` is read as `pr`: a word is made of letters a-z, digits and `_`, and all other signs are left out"},
    {"derive: {t: {}}\n", "12:13 E0122 `derive`: expected either `domain_of: FIELD` or `words_in: FIELD`"},
};

Test(rules_load, broken_snippets_say_what_is_wrong)
{
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct loaded x;
        char source[4000], text[4000];
        snprintf(source, sizeof(source), "%s%s", head, broken[i].snippet);
        load_text(&x, asy_str_of(source));
        findings(&x.diags, text, sizeof(text));
        cr_expect_str_eq(text, broken[i].expected, "snippet:\n%sexpected:\n%s\nfound:\n%s", broken[i].snippet, broken[i].expected, text);
        cr_expect_eq(x.status, x.diags.n_errors ? ASSAY_E_RULES : ASSAY_OK);
        unload(&x);
    }
}

/* Allocation k fails, for k = 0, 1, 2 ...: out of memory is told as such, and everything is given back. */
Test(rules_load, every_allocation_may_fail)
{
    size_t len, accounts_len;
    char *source = read_source("rules/b2b-saas.yaml", &len), *accounts = read_source("rules/target-accounts.csv", &accounts_len);
    struct files files = {2, {{"b2b.yaml", {source, (uint32_t)len}}, {"target-accounts.csv", {accounts, (uint32_t)accounts_len}}}};
    const struct asy_file_reader reader = {&files, read_memory};
    for (int64_t k = 0;; k++) {
        struct failing failing;
        struct asy_mem mem;
        struct asy_diags diags;
        struct asy_rules rules;
        struct assay_error error = {0};
        failing_init(&mem, &failing, k);
        asy_diags_init(&diags, &mem);
        const assay_status status = asy_rules_load(&rules, &mem, "b2b.yaml", &reader, &diags, &error);
        cr_assert(status == ASSAY_OK || status == ASSAY_E_NOMEM, "allocation %lld: %d %s", (long long)k, status, error.text);
        cr_assert(status == ASSAY_E_NOMEM || failing.n_left > 0 || failing.n_calls <= k, "a failure went unnoticed");
        if (status == ASSAY_OK)
            asy_rules_fini(&rules);
        asy_diags_fini(&diags);
        cr_assert_eq(failing.n_blocks, 0);
        if (status == ASSAY_OK) {
            cr_expect_gt(k, 20);
            break;
        }
    }
    free(source);
    free(accounts);
}

/* Whole files: what is wrong with the sections that the snippets take as given. */
static const struct {
    const char *source, *expected;
} files_broken[] = {
    {"", "1:1 E0122 a rule file: `fields:` is missing\n1:1 E0122 a rule file: `scores:` is missing\n"
         "1:1 E0125 a rule file starts with `assay: 1`, the version of its format; it is missing"},
    {"- a\n", "1:1 E0121 a rule file: expected a mapping (lines of `key: value`), found a list"},
    {"assay: 2\nfields: {a: int}\nscores: {s: {filled: [a]}}\n", "1:8 E0125 `assay`: expected 1, the only version of the format there is, found `2`"},
    /* one mistake does not become many */
    {"assay: 1\nscores: {s: {rules: [{name: A, when: x > 1, points: 1}, {name: B, by: x, points: {1: 1}}]}}\n",
     "1:1 E0122 a rule file: `fields:` is missing"},
    {"assay: 1\nfields: 3\nlists: {l: {file: accounts.csv, key: domain}}\nscores: {s: {filled: [x]}}\n"
     "routes: [{name: A, when: x in l, assign: {owner_of: l}}, {name: B, otherwise: true, assign: {owner_of: existing_record}}]\n",
     "2:9 E0121 `fields`: expected a mapping (lines of `key: value`), found `3`"},
    {"assay: 1\nfields: {a: itn}\nscores: {s: {rules: [{name: A, when: a > 1, points: 1}, {name: B, by: a, points: {1: 1}}]}}\n",
     "2:13 E0230 `itn` is not a type; did you mean `int`?"},
    {"assay: 1\nfields: {a: int}\nscores: {s: {rules: [{name: A, when: a > , points: 1}]}, t: {sum: [s]}}\ngrades: {by: score.t, g: {from: 1}}\n",
     "3:40 E0210 the expression ends too early: expected a value"},
    {"assay: 1\nfields: {a: text}\nlists: 3\nscores: {s: {rules: [{name: A, when: a in l, points: 1}]}}\n",
     "3:8 E0121 `lists`: expected a mapping (lines of `key: value`), found `3`"},
    {"assay: 1\nfields: {a: int}\nscores: []\ngrades: {by: score.s, g: {from: 1}}\nroutes: [{name: A, when: score.s > 1, assign: nobody}]\n",
     "3:9 E0121 `scores`: expected a mapping (lines of `key: value`), found a list"},
    /* fields */
    {"assay: 1\nfields:\n  a.b: one of x, y, x, Y, required\n  a..b: int\n  9: int\n  now: text\n  c: int, default 1.5\n  d: country, default Norway, requird\n"
     "  in: text\n  e: one of\n  f: time, default soon\nscores: {s: {filled: [a.b]}}\n",
     "3:21 E0231 `x` is in the list twice\n"
     "3:24 E0231 `Y` and `y` differ in capitals only, which input files may not keep apart\n"
     "4:3 E0233 `a..b` cannot name a field: expected letters, digits and `_`, with `.` between parts, and no reserved word\n"
     "5:3 E0233 `9` cannot name a field: expected letters, digits and `_`, with `.` between parts, and no reserved word\n"
     "6:3 E0233 a field cannot start with `now`, which conditions use for something else\n"
     "7:19 E0232 `default`: expected a whole number, found `1.5`\n"
     "8:31 E0230 `requird` cannot follow a type; did you mean `required`?\n"
     "9:3 E0233 `in` cannot name a field: expected letters, digits and `_`, with `.` between parts, and no reserved word\n"
     "10:12 E0230 expected a value, as in `one of a, b, c`, found nothing\n"
     "11:20 E0232 `default`: expected a time such as 2026-01-31T00:00:00Z, found `soon`"},
    /* events */
    {"assay: 1\nfields: {a: int}\nevents: {g: [x, any, x, a b], h: y}\nscores: {s: {filled: [a, events.z]}}\n",
     "3:17 E0233 `any` cannot name an event: expected letters, digits and `_`, and neither `any` nor a reserved word; `--map` can rename what an export calls otherwise\n"
     "3:22 E0237 event `x` is there already, on line 3\n"
     "3:25 E0233 `a b` cannot name an event: expected letters, digits and `_`, and neither `any` nor a reserved word; `--map` can rename what an export calls otherwise\n"
     "3:34 E0121 a group of events: expected a list (`[a, b]`, or lines that start with `- `), found `y`"},
    /* lists */
    {"assay: 1\nfields: {a: text}\nlists:\n  l: [a, '']\n  u: {union: [l, v, nope]}\n  v: {union: [u]}\n  f: {file: ../x.csv, key: k}\n  g: {file: /x.csv, key: k}\n"
     "  h: {file: nope.csv, key: k}\n  i: {file: plain.csv, key: dom}\n  j: {file: plain.csv}\n  existing_record: []\n  k: x\nscores: {s: {filled: [a]}}\n",
     "4:10 E0402 an empty value cannot be in a list; `has(x)` asks whether a field is filled\n"
     "5:21 E0206 `nope` is not a list\n"
     "6:15 E0402 list `u` is made from itself\n"
     "7:13 E0403 a list file must be in the rule file's folder or below it: expected a relative path without `..`, found `../x.csv`\n"
     "8:13 E0403 a list file must be in the rule file's folder or below it: expected a relative path without `..`, found `/x.csv`\n"
     "9:13 E0403 nope.csv: cannot be read: no such file\n"
     "10:13 E0403 plain.csv:1: expected a column `dom`, found: domain\n"
     "11:6 E0122 a list file: `key:` is missing\n"
     "12:3 E0233 `existing_record` cannot name a list: expected letters, digits and `_`, and neither `existing_record` nor a reserved word\n"
     "13:6 E0402 a list: expected `[a, b]`, `{union: [list, list]}` or `{file: NAME.csv, key: COLUMN}`, found `x`"},
};

Test(rules_load, broken_files_say_what_is_wrong)
{
    for (size_t i = 0; i < sizeof(files_broken) / sizeof(files_broken[0]); i++) {
        struct loaded x;
        char text[8000];
        load_text(&x, asy_str_of(files_broken[i].source));
        findings(&x.diags, text, sizeof(text));
        cr_expect_str_eq(text, files_broken[i].expected, "source:\n%sexpected:\n%s\nfound:\n%s", files_broken[i].source, files_broken[i].expected, text);
        unload(&x);
    }
}

Test(rules_load, list_files)
{
    static const struct {
        const char *csv, *expected;
    } cases[] = {
        {"k,owner\n1,a\n2,b\n", ""},
        {"\xef\xbb\xbfowner,k\r\na,\"1\"\r\n\r\nb,2", ""},
        {"k,owner\n1,a\n1,b\n", "3:19 E0403 x.csv:3: the key of this line is on line 2 already"},
        {"k,owner\n1\n,b\n", "3:19 E0403 x.csv:2: expected 2 columns as in the header, found 1\n3:19 E0403 x.csv:3: the key column is empty"},
        {"k,owner\n\"1,a\n", "3:19 E0403 x.csv:2: a quote that opens on this line is never closed"},
        {"k,owner\n\"1\"x,a\n", "3:19 E0403 x.csv:2: after a closing quote expected a comma or the end of the line"},
        {"k;owner\n1;a\n", "3:19 E0403 x.csv:1: the header has one column; a list file needs commas between columns"},
        {"k,k\n1,2\n", "3:19 E0403 x.csv:1: two columns have the same name; expected each column of the header once"},
        {"", "3:19 E0403 x.csv:1: the file is empty; expected a header line with column names"},
        {"k\n\xff\n", "3:19 E0403 x.csv:1: the file is not UTF-8 text; save it as CSV in UTF-8"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct files files = {2, {{"r.yaml", ASY_STR("assay: 1\nfields: {a: text}\nlists: {l: {file: x.csv, key: k}}\nscores: {s: {filled: [a]}}\n")},
                                  {"x.csv", asy_str_of(cases[i].csv)}}};
        struct loaded x;
        char text[2000];
        load_files(&x, &files);
        findings(&x.diags, text, sizeof(text));
        cr_expect_str_eq(text, cases[i].expected, "csv:\n%s\nfound:\n%s", cases[i].csv, text);
        if (x.status == ASSAY_OK)
            cr_expect(x.rules.lists[0].set.n == 2 && asy_str_is(x.rules.lists[0].owners[1], "b"));
        unload(&x);
    }
}

Test(rules_load, checksum_covers_list_files)
{
    uint64_t sums[2];
    for (int i = 0; i < 2; i++) {
        struct files files = {2, {{"r.yaml", ASY_STR("assay: 1\nfields: {a: text}\nlists: {l: {file: x.csv, key: k}}\nscores: {s: {filled: [a]}}\n")},
                                  {"x.csv", i ? ASY_STR("k\na\n") : ASY_STR("k\nb\n")}}};
        struct loaded x;
        load_files(&x, &files);
        cr_assert_eq(x.status, ASSAY_OK);
        sums[i] = x.rules.checksum;
        cr_expect(asy_str_is(x.rules.name, "r"));
        cr_expect_null(x.rules.lists[0].owners);
        unload(&x);
    }
    cr_expect_neq(sums[0], sums[1]);
}

Test(rules_load, properties_are_collected_in_order_and_bounded)
{
    struct loaded x;
    load_text(&x, ASY_STR("assay: 1\nfields: {a: text}\nevents: {g: [e, f]}\nscores:\n  s:\n    events:\n"
                          "      e: {each: 1, where: page == 'x' && asset != ''}\n      f: {each: 1, where: \"value > 'b' || page == 'y'\"}\n"));
    cr_assert_eq(x.status, ASSAY_OK, "%s", x.error.text);
    cr_assert_eq(x.rules.schema.n_properties, 3);
    cr_expect(asy_str_is(x.rules.schema.properties[0], "page") && asy_str_is(x.rules.schema.properties[2], "value"));
    unload(&x);

    load_text(&x, ASY_STR("assay: 1\nfields: {a: text}\nevents: {g: [e]}\nscores:\n  s:\n    events:\n      e:\n        each: 1\n"
                          "        where: p1 + p2 + p3 + p4 + p5 + p6 + p7 + p8 + p9 + p10 + p11 + p12 + p13 + p14 + p15 + p16 == p17\n"));
    char text[500];
    findings(&x.diags, text, sizeof(text));
    cr_expect_str_eq(text, "9:104 E0235 this is the 17th event property that the rules read; expected at most 16");
    unload(&x);
}

Test(rules_load, real_files_stay_in_their_folder)
{
    struct asy_mem mem;
    struct asy_pool pool;
    struct asy_str bytes;
    struct assay_error error;
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    const struct asy_file_reader *os = &asy_file_reader_os;
    cr_expect_eq(os->read(NULL, &pool, ASSAY_SOURCE_DIR "/rules/", "target-accounts.csv", 1000, &bytes, &error), ASSAY_OK);
    cr_expect(asy_str_starts(bytes, ASY_STR("domain,owner")));
    cr_expect_eq(os->read(NULL, &pool, ASSAY_SOURCE_DIR "/rules/", "../CMakeLists.txt", 100000, &bytes, &error), ASSAY_E_IO);
    cr_expect_str_eq(error.text, "../CMakeLists.txt: cannot be read: it leads out of the rule file's folder");
    cr_expect_eq(os->read(NULL, &pool, ASSAY_SOURCE_DIR "/rules/", "nope.csv", 1000, &bytes, &error), ASSAY_E_IO);
    cr_expect_str_eq(error.text, "nope.csv: cannot be read: No such file or directory");
    cr_expect_eq(os->read(NULL, &pool, ASSAY_SOURCE_DIR "/", "rules", 1000, &bytes, &error), ASSAY_E_IO);
    cr_expect_str_eq(error.text, "rules: expected a file, found a folder");
    cr_expect_eq(os->read(NULL, &pool, ASSAY_SOURCE_DIR "/rules/", "target-accounts.csv", 10, &bytes, &error), ASSAY_E_LIMIT);
    asy_pool_fini(&pool);
    cr_expect_eq(mem.live_bytes, 0);
}

static double seconds_of(struct asy_str source, assay_status *status)
{
    struct timespec a, b;
    struct loaded x;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    load_text(&x, source);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    *status = x.status;
    unload(&x);
    return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

Test(rules_load, large_files_stay_cheap)
{
    static const struct {
        const char *start, *unit, *end; /* `%u` in the unit counts up */
    } cases[] = {
        {"assay: 1\nfields:\n", "  f%u: int\n", ""},
        {"assay: 1\nfields:\n  a: one of x", ", v%u", "\n"},
        {"assay: 1\nfields: {a: int}\nscores:\n  s:\n    rules:\n", "    - {name: N%u, when: a > 1, points: 1}\n", ""},
        {"assay: 1\nfields: {a: int}\nscores:\n  s:\n    rules:\n", "    - {name: N%u, when: b > 1, points: 1}\n", ""},
        {"assay: 1\nfields: {a: int}\nscores:\n  s:\n    rules:\n    - name: N\n      by: a\n      points:\n", "        %u: 1\n", ""},
        {"assay: 1\nfields: {a: text}\nscores:\n  s: {filled: [a", ", a", "]}\n"},
        {"assay: 1\nfields: {a: text}\nscores:\n", "  s%u: {filled: [a]}\n", ""},
        {"assay: 1\nfields: {a: text}\nscores: {s: {filled: [a]}}\nlists:\n  l: [a", ", a%u", "]\n"},
        {"assay: 1\nfields: {a: text}\nscores: {s: {filled: [a]}}\nlists:\n  l: [a]\n", "  l%u: {union: [l]}\n", ""},
        {"assay: 1\nfields: {a: text}\nscores: {s: {filled: [a]}}\nroutes:\n", "- {name: R%u, when: score.s > 1, assign: {round_robin: t}}\n", ""},
        {"assay: 1\nfields: {a: text}\nscores: {s: {filled: [a]}}\nteams:\n", "  t%u: {anywhere: [m]}\n", ""},
        {"assay: 1\nfields: {a: text}\nscores: {s: {filled: [a]}}\nplugins:\n", "  p%u: {library: l.so, kind: router, reads: [a, score.s]}\n", ""},
        {"assay: 1\nfields: {a: text}\nscores: {s: {filled: [a]}}\nplugins: {p: {library: l.so, kind: router, reads: {x: a, y: b}}}\nroutes:\n",
         "- {name: R%u, plugin: p, assign: plugin}\n", ""},
        {"assay: 1\nfields: {a: text}\nscores: {s: {filled: [a]}}\nplugins:\n  p:\n    library: l.so\n    kind: router\n    reads: [a", ", a%u", "]\n"},
    };
    enum { MAX = 1 << 20 };
    char *source = malloc(MAX + 1000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = (size_t)snprintf(source, MAX, "%s", cases[i].start);
        for (unsigned k = 1; n < MAX - 200; k++) {
            const char *mark = strstr(cases[i].unit, "%u");
            n += mark ? (size_t)snprintf(source + n, 200, "%.*s%u%s", (int)(mark - cases[i].unit), cases[i].unit, k, mark + 2)
                      : (size_t)snprintf(source + n, 200, "%s", cases[i].unit);
        }
        n += (size_t)snprintf(source + n, 100, "%s", cases[i].end);
        assay_status status;
        const double seconds = seconds_of((struct asy_str){source, (uint32_t)n}, &status);
        printf("%-60.60s status %d, %.2f s\n", cases[i].unit, status, seconds);
        cr_expect_lt(seconds, 30.0, "%s: %f s", cases[i].unit, seconds); /* sanitizers and busy machines included */
    }
    free(source);
}
