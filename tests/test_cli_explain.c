/* `assay explain`: the page as it is read, and terms that add up to what `assay score` wrote. */
#include "cli_fixture.h"
#include "tiny_json.h"

#include "base/text.h"

static struct asy_mem mem;
static struct asy_pool pool;

static void set_up(void)
{
    cli_setup();
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
}

static void tear_down(void)
{
    asy_pool_fini(&pool);
    cli_teardown();
}

TestSuite(cli_explain, .init = set_up, .fini = tear_down);

#define GOLD GOLDEN "/score"
#define EXPLAIN_GOLD "explain " GOLD "/rules.yaml --leads " GOLD "/leads.csv --events " GOLD "/events.csv" AS_OF

/* L1: clamp and an owner from a list; L3: idle decay, disqualified; L5: round robin, clauses. */
Test(cli_explain, golden_pages)
{
    static const char *const leads[] = {"L1", "L3", "L5"};
    for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
        char wanted[256];
        CLI(0, EXPLAIN_GOLD "%s", leads[i]);
        snprintf(wanted, sizeof(wanted), GOLD "/explain_%s.txt", leads[i]);
        SAME_FILE("out", wanted);
        cr_expect_str_empty(cli_err);
    }
}

static int64_t milli(const struct tiny_json *object, const char *name)
{
    const struct tiny_json *number = tiny_get(object, name);
    cr_assert_not_null(number, "%s", name);
    double value;
    cr_assert(asy_parse_f64(number->text, &value), "%s: %.*s", name, ASY_ARG(number->text));
    return (int64_t)(value * 1000 + (value < 0 ? -0.5 : 0.5));
}

static struct asy_str text_of(const struct tiny_json *object, const char *name)
{
    const struct tiny_json *text = tiny_get(object, name);
    cr_assert_not_null(text, "%s", name);
    return text->kind == '"' ? text->text : (struct asy_str){"", 0}; /* null */
}

/* What is told of one lead, against its row of the scored file. */
static void compare(const struct tiny_json *told, const struct tiny_json *row)
{
    const struct asy_str id = text_of(row, "lead_id");
    cr_expect(asy_str_eq(text_of(told, "lead_id"), id));
    const struct tiny_json *scores = tiny_get(told, "scores");
    cr_assert_gt(scores->n, 1);
    for (uint32_t s = 0; s < scores->n; s++) {
        const struct tiny_json *score = &scores->items[s], *terms = tiny_get(score, "terms");
        char name[64];
        snprintf(name, sizeof(name), "%.*s", ASY_ARG(text_of(score, "name")));
        int64_t sum = tiny_get(score, "filled_share") != NULL ? milli(score, "filled_share") : 0;
        for (uint32_t t = 0; t < terms->n; t++) sum += milli(&terms->items[t], "points");
        sum += milli(score, "keep_within") + milli(score, "idle_decay") + milli(score, "rounding");
        cr_expect_eq(sum, milli(score, "score"), "%.*s: terms of %s add up to %lld, not %lld", ASY_ARG(id), name, (long long)sum,
                     (long long)milli(score, "score"));
        cr_expect_eq(milli(score, "score"), milli(row, name), "%.*s: %s", ASY_ARG(id), name);
    }
    static const char *const texts[] = {"grade", "disqualified_by", "route", "owner", "recycle", "stage", "nurture"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (tiny_get(row, texts[i]) != NULL) cr_expect(asy_str_eq(text_of(told, texts[i]), text_of(row, texts[i])), "%.*s: %s", ASY_ARG(id), texts[i]);
    /* The route that was taken is the last one told, and the only one that says yes. */
    const struct tiny_json *routes = tiny_get(told, "routes");
    for (uint32_t r = 0; r < routes->n; r++)
        cr_expect_eq(asy_str_is(text_of(&routes->items[r], "verdict"), "yes"), r + 1 == routes->n, "%.*s", ASY_ARG(id));
}

/* Score with `rules`, then explain every `step`th lead alone. Ids stand behind --, so that `=SUM(A1)` and `-5` are none of the flags. */
static uint32_t explain_all(const char *rules, const char *data, uint32_t step)
{
    uint32_t n = 0, n_told = 0;
    CLI(0, "score %s %s --out scored.ndjson --quiet", rules, data);
    for (char *line = get_text("scored.ndjson"), *end; *line != '\0'; line = end + 1) {
        struct tiny_json row, told;
        end = strchr(line, '\n');
        *end = '\0';
        if (n++ % step != 0) continue;
        tiny_parse(&pool, line, &row);
        CLI(0, "explain %s --json -- %s '%.*s'", data, rules, ASY_ARG(text_of(&row, "lead_id")));
        cr_assert(is_json(cli_out), "%s", cli_out);
        tiny_parse(&pool, cli_out, &told);
        cr_expect_eq(milli(&told, "schema_version"), 1000);
        compare(&told, &row);
        n_told++;
    }
    return n_told;
}

Test(cli_explain, terms_add_up_to_what_was_scored)
{
    cr_expect_eq(explain_all(GOLD "/rules.yaml", "--leads " GOLD "/leads.csv --events " GOLD "/events.csv" AS_OF, 1), 10);
}

Test(cli_explain, terms_add_up_for_made_up_leads)
{
    CLI(0, "synth --leads 200 --events-per-lead 12 --seed 11 --out demo --quiet");
    const uint32_t step = ASSAY_IS_SANITIZED ? 20 : 1;
    cr_expect_eq(explain_all(ASSAY_SOURCE_DIR "/rules/b2b-saas.yaml", "--leads demo/leads.csv --events demo/events.csv" AS_OF, step), 200 / step);
}

Test(cli_explain, the_owner_is_that_of_the_run_with_this_state)
{
    put_text("r.yaml", "assay: 1\nfields: {size: int}\nscores: {s: {rules: [{name: Size, by: size, points: {1+: 1, otherwise: 0, missing: 0}}]}}\n"
                       "teams: {t: {anywhere: [ana, ben, eva]}}\nroutes:\n  - {name: All, otherwise: true, assign: {round_robin: t}, respond_within: 1h}\n");
    put_text("a.csv", "lead_id,size\nA,1\n");
    put_text("b.csv", "lead_id,size\nA,1\nB,1\n");
    CLI(0, "score r.yaml --leads a.csv --state state.csv --quiet --as-of 2026-10-01");
    shell("cp state.csv before.csv");
    CLI(0, "explain r.yaml B --leads b.csv --state state.csv" AS_OF);
    HAS(cli_out, "    owner: ben, by round robin in t, anywhere");
    CLI(0, "explain r.yaml A --leads b.csv --state state.csv" AS_OF);
    HAS(cli_out, "    owner: ana, kept: already a member of t\n");
    HAS(cli_out, "    respond by: 2026-10-01T01:00:00Z\n");
    SAME_FILE("state.csv", "before.csv");
    CLI(0, "explain r.yaml B --leads b.csv" AS_OF);
    HAS(cli_out, "    owner: ben, by round robin in t, anywhere");
}

#define STAGES_RULES "assay: 1\nfields: {size: int, phone: text, mail: text}\nscores: {s: {rules: [{name: Size, by: size, points: {1+: 7, otherwise: 0, missing: 0}}]}}\n" \
                     "lifecycle: [{stage: raw}, {stage: mql, enter_when: score.s > 3, require: [phone, size, mail]}, {stage: big, enter_when: size > 50}]\n" \
                     "nurture: {never: {enter_when: \"stage == 'big' && score.s < 7\", send: 1 email per day}, kept: {enter_when: \"stage != 'raw'\", send: 1 email per day}}\n"
Test(cli_explain, stages_and_segments)
{
    put_text("r.yaml", STAGES_RULES);
    put_text("l.csv", "lead_id,size,phone,mail\nA,5,,\nB,60,,\nC,,1,\n");
    CLI(0, "explain r.yaml A --leads l.csv" AS_OF);
    HAS(cli_out, "\nstage: mql\n    big                      no         size > 50   with size = 5\n"
                 "    mql                      yes        score.s > 3   with score.s = 7\n    lacks phone, mail, required in this stage\n");
    HAS(cli_out, "\nnurture: kept\n    never                    no         stage == 'big' && score.s < 7   with stage = 'mql', score.s = 7\n"
                 "    kept                     yes        stage != 'raw'   with stage = 'mql'\n");
    CLI(0, "explain r.yaml C --leads l.csv" AS_OF);
    HAS(cli_out, "\nstage: raw\n    big                      unknown    size > 50   with size = empty\n");
    HAS(cli_out, "\nnurture: no\n");
    HAS_NOT(cli_out, "lacks");
    CLI(0, "explain r.yaml A --json --leads l.csv" AS_OF);
    struct tiny_json told;
    tiny_parse(&pool, cli_out, &told);
    cr_expect(asy_str_is(text_of(&told, "stage"), "mql") && asy_str_is(text_of(&told, "nurture"), "kept"));
    const struct tiny_json *lacks = tiny_get(&told, "lacks"), *stages = tiny_get(&told, "stages"), *segments = tiny_get(&told, "segments");
    cr_assert(lacks->n == 2 && stages->n == 2 && segments->n == 2);
    cr_expect(asy_str_is(lacks->items[0].text, "phone") && asy_str_is(lacks->items[1].text, "mail"));
    cr_expect(asy_str_is(text_of(&stages->items[0], "name"), "big") && asy_str_is(text_of(&stages->items[0], "verdict"), "no"));
}

Test(cli_explain, leads_that_are_not_there_and_wrong_usage)
{
    CLI(1, EXPLAIN_GOLD "L99");
    HAS(cli_err, "leads.csv: no lead has the id \"L99\"; ids are compared byte by byte\n");
    cr_expect_str_empty(cli_out);
    CLI(1, EXPLAIN_GOLD "l1");
    CLI(2, EXPLAIN_GOLD);
    HAS(cli_err, "assay explain: expected RULES.yaml LEAD_ID");
    CLI(2, EXPLAIN_GOLD "L1 --out x");
    HAS(cli_err, "assay explain: unknown flag `--out`");
    CLI(2, "explain " GOLD "/rules.yaml L1");
    HAS(cli_err, "expected --leads FILE");
}
