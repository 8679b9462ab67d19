/* Plugins as the command shows them: `assay plugin new|list|check`, where they come from, what score, explain, check and bench say of them,
 * and what a plugin that fails leads to. The plugins are those of tests/plugin/cli: what `plugin new` writes, and two that go wrong. */
#include "cli_fixture.h"

#define PLUGINS ASSAY_TEST_PLUGINS "/cli"
#define FROM_HERE " --plugin-dir " PLUGINS " "
#define DATA " --leads leads.csv" AS_OF

static void setup(void)
{
    cli_setup();
    unsetenv("ASSAY_PLUGIN_PATH");
    put_text("leads.csv", "lead_id,title,country,loss_reason\n"
                          "L1,Head of Sales,DE,\n"
                          "L2,Marketing Manager,US,timing\n"
                          "L3,Student,FR,budget\n"
                          "L4,,DE,went elsewhere\n"
                          "L5,Chief Executive,,\n");
}

TestSuite(cli_plugin, .init = setup, .fini = cli_teardown);

/* -- plugin new ---------------------------------------------------------------------------------------------------------- */

static const char *const kinds[] = {"disqualifier", "router", "recycler", "scorer"};

Test(cli_plugin, new_writes_a_folder_for_every_kind)
{
    for (int k = 0; k < 4; k++) {
        static const char *const files[] = {"mine.c", "rules.yaml", "leads.csv", "CMakeLists.txt", "README.md", "test.c"};
        char path[64];
        CLI(0, "plugin new mine --kind %s", kinds[k]);
        HAS(cli_out, "assay plugin check ./libmine.so --rules rules.yaml");
        for (int f = 0; f < 6; f++) {
            snprintf(path, sizeof(path), "mine/%s", files[f]);
            const char *text = get_text(path);
            HAS_NOT(text, "@NAME@");
            HAS_NOT(text, "@KIND@");
        }
        HAS(get_text("mine/mine.c"), "\"com.example.mine\"");
        HAS(get_text("mine/rules.yaml"), kinds[k]);
        shell("test $(ls -A mine | wc -l) = 6 && rm -r mine");
    }
}

Test(cli_plugin, new_rules_pass_the_checker)
{
    for (int k = 0; k < 4; k++) {
        CLI(0, "plugin new new_%s --kind %s", kinds[k], kinds[k]);
        CLI(0, "check new_%s/rules.yaml" FROM_HERE, kinds[k]);
    }
}

Test(cli_plugin, new_overwrites_nothing_and_says_what_a_name_is)
{
    static const struct {
        const char *arguments, *message;
        int code;
    } cases[] = {
        {"there", "there: expected a name that is free, found a file or folder there; nothing was changed", 2},
        {"Mine", "expected a name of at most 40 small letters, digits and _ that begins with a letter, such as old_titles, found `Mine`", 2},
        {"../mine", "found `../mine`", 2},
        {"a-b", "found `a-b`", 2},
        {"a2345678901234567890123456789012345678901", "expected a name of at most 40", 2},
        {"mine --dir nowhere", "nowhere/mine: cannot make this folder: No such file or directory (the folder above it has to be there)", 1},
        {"mine --kind judge", "--kind: expected disqualifier|router|recycler|scorer, found `judge`", 2},
        {"", "assay plugin new: expected NAME, found nothing", 2},
    };
    shell("mkdir there && echo precious >there/file");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CLI(cases[i].code, "plugin new %s", cases[i].arguments);
        HAS(cli_err, cases[i].message);
    }
    cr_expect_str_eq(get_text("there/file"), "precious\n");
    cr_expect_not(is_there("mine"));
}

Test(cli_plugin, words_after_plugin)
{
    CLI(0, "plugin");
    HAS(cli_out, "assay plugin new");
    HAS(cli_out, "assay plugin check");
    HAS(cli_out, "assay plugin list");
    CLI(2, "plugin lits");
    cr_expect_str_eq(cli_err, "assay plugin: unknown verb `lits`; did you mean `list`?\n");
    CLI(2, "plugin --nope");
    cr_expect_str_eq(cli_err, "assay plugin: unknown flag `--nope`; `assay plugin` alone lists the verbs\n");
    CLI(0, "help plugin check");
    HAS(cli_out, "Usage: assay plugin check FILE.so [flags]");
    CLI(2, "plugin list --leads x");
    HAS(cli_err, "assay plugin list: unknown flag `--leads`");
}

/* -- plugin list --------------------------------------------------------------------------------------------------------- */

Test(cli_plugin, list_tells_what_is_there_and_why_something_is_refused)
{
    shell("mkdir -m 700 own && cp " PLUGINS "/libnew_scorer.so own/ && chmod 700 own/*.so && echo hello >own/libtext.so");
    CLI(0, "plugin list --plugin-dir own" FROM_HERE);
    HAS(cli_out, "libnew_scorer.so   scorer com.example.new_scorer 0.1\n");
    HAS(cli_out, "      reads title: text; the lead's job title\n");
    HAS(cli_out, "      takes points: a whole number from 1 to 100 (20 unless said); for who decides; half of it for who prepares\n");
    HAS(cli_out, "      says decides: The job title is one of somebody who decides\n");
    HAS(cli_out, "libtext.so   refused\n");
    HAS(cli_out, "libnew_scorer.so   scorer com.example.new_scorer 0.1   (not used: an earlier folder has one of this name)\n");
    HAS(cli_out, "libnew_router.so   router com.example.new_router 0.1\n");
    CLI(0, "plugin list --json --plugin-dir own");
    cr_expect(is_json(cli_out), "%s", cli_out);
    HAS(cli_out, "\"schema_version\": 1");
    HAS(cli_out, "\"refused\": ");
    HAS(cli_out, "\"fallback\": \"20\"");
}

/* -- where plugins come from ---------------------------------------------------------------------------------------------- */

static void put_rules(const char *library)
{
    char rules[512];
    snprintf(rules, sizeof(rules),
             "assay: 1\nfields: {contact.title: text}\nplugins:\n  p: {library: %s, kind: scorer, reads: [contact.title]}\n"
             "scores:\n  fit:\n    rules:\n      - {name: Titled, plugin: p}\n"
             "grades: {by: score.fit, good: {from: 10}, poor: {from: 0}}\n", library);
    put_text("r.yaml", rules);
}

Test(cli_plugin, folders_in_their_order)
{
    put_rules("libfragile.so");
    CLI(2, "score r.yaml" DATA);
    HAS(cli_err, "libfragile.so");
    HAS(cli_err, "r.yaml:4:");
    CLI(2, "score r.yaml --plugin-dir nowhere" DATA);
    cr_expect_str_eq(cli_err, "assay score: --plugin-dir: expected a folder with plugins, found none at `nowhere`\n");
    setenv("ASSAY_PLUGIN_PATH", "/nowhere/at/all:" PLUGINS ":", 1);
    CLI(0, "score r.yaml" DATA);
    setenv("ASSAY_PLUGIN_PATH", PLUGINS ":here", 1);
    CLI(2, "score r.yaml" DATA);
    HAS(cli_err, "ASSAY_PLUGIN_PATH: expected absolute folders separated by `:`, found `here`");
    HAS(cli_err, "--plugin-dir takes relative folders");
    unsetenv("ASSAY_PLUGIN_PATH");
    CLI(0, "plugin list");
    HAS(cli_out, "libassay_competitors.so   disqualifier "); /* beside the command */
}

Test(cli_plugin, check_without_the_libraries)
{
    put_rules("libnot_here.so");
    CLI(2, "check r.yaml" FROM_HERE);
    HAS(cli_out, "libnot_here.so");
    CLI(0, "check r.yaml --no-plugins");
}

/* -- verdicts -------------------------------------------------------------------------------------------------------------- */

static void start_with(const char *kind)
{
    char command[256];
    CLI(0, "plugin new new_%s --kind %s", kind, kind);
    snprintf(command, sizeof(command), "cp new_%s/rules.yaml r.yaml", kind);
    shell(command);
}

Test(cli_plugin, a_disqualifier)
{
    start_with("disqualifier");
    CLI(0, "score r.yaml --summary-json s.json" DATA FROM_HERE);
    HAS(get_text("scored.csv"), "L3,10,disqualified,Not a buyer,");
    HAS(get_text("scored.csv"), "L1,10,,,");
    HAS(cli_err, "\nPlugins\n  Not a buyer (new_disqualifier): asked about 5 leads, 1 got a reason\n");
    HAS(cli_err, "    word_in_title                                 1   The job title has a word that is on the list\n");
    const char *json = get_text("s.json");
    cr_expect(is_json(json), "%s", json);
    HAS(json, "\"plugin\": \"new_disqualifier\"");
    HAS(json, "\"asked\": 5");
    HAS(json, "\"plugin_notes\": []");
    CLI(0, "explain r.yaml L3" DATA FROM_HERE);
    HAS(cli_out, "Not a buyer              yes        plugin new_disqualifier: word_in_title (The job title has a word that is on the list)"
                 "   with contact.title = 'Student'\n");
    CLI(0, "explain r.yaml L1" DATA FROM_HERE);
    HAS(cli_out, "Not a buyer              no         plugin new_disqualifier: no reason   with contact.title = 'Head of Sales'\n");
    CLI(0, "explain r.yaml L3 --json" DATA FROM_HERE);
    cr_expect(is_json(cli_out), "%s", cli_out);
    HAS(cli_out, "\"reason\": \"word_in_title\"");
    HAS(cli_out, "\"name\": \"contact.title\"");
}

Test(cli_plugin, a_router)
{
    start_with("router");
    CLI(0, "score r.yaml --quiet" DATA FROM_HERE);
    cr_expect_str_empty(cli_err);
    HAS(get_text("scored.csv"), ",Owner of the country,jo,");
    HAS(get_text("scored.csv"), ",Owner of the country,kim,");
    HAS(get_text("scored.csv"), ",Everybody else,sam,");
    CLI(0, "explain r.yaml L2" DATA FROM_HERE);
    HAS(cli_out, "plugin new_router: owner_of_country (Somebody looks after this country), to kim   with company.country = 'US'\n");
    HAS(cli_out, "    owner: kim, named by plugin new_router\n");
}

Test(cli_plugin, a_recycler)
{
    start_with("recycler");
    CLI(0, "score r.yaml --quiet" DATA FROM_HERE);
    HAS(get_text("scored.csv"), "recycle,recycle_to,recycle_due,reasons");
    HAS(get_text("scored.csv"), ",Lost for now,nurture,2027-01-30T00:00:00Z,");
    CLI(0, "explain r.yaml L2" DATA FROM_HERE);
    HAS(cli_out, "plugin new_recycler: not_the_time (It was lost because it was too early), due 2027-01-30T00:00:00Z");
    HAS(cli_out, "    due: 2027-01-30T00:00:00Z\n");
    CLI(0, "score r.yaml --quiet --out again.csv --changed-from scored.csv" DATA FROM_HERE);
    cr_expect_eq(count_lines(get_text("again.csv")), 1);
}

Test(cli_plugin, a_scorer)
{
    start_with("scorer");
    CLI(0, "score r.yaml --quiet" DATA FROM_HERE);
    HAS(get_text("scored.csv"), "L1,30,");
    HAS(get_text("scored.csv"), "Decides:+20;Has a title:+10");
    HAS(get_text("scored.csv"), "L2,20,");
    CLI(0, "explain r.yaml L1" DATA FROM_HERE);
    HAS(cli_out, "    Decides                        +20   plugin new_scorer: decides (The job title is one of somebody who decides)"
                 "   with contact.title = 'Head of Sales'\n");
    CLI(0, "explain r.yaml L4 --json" DATA FROM_HERE);
    HAS(cli_out, "\"reason\": null");
}

Test(cli_plugin, bench_tells_what_a_plugin_costs)
{
    start_with("scorer");
    CLI(0, "bench r.yaml --rows 1000 --runs 1 --json" FROM_HERE);
    cr_expect(is_json(cli_out), "%s", cli_out);
    HAS(cli_out, "\"kind\": \"plugin\"");
}

/* Every name came with the path of its file. */
Test(cli_plugin, unused_columns_name_their_file_once)
{
    start_with("disqualifier");
    CLI(0, "score r.yaml" DATA FROM_HERE);
    HAS(cli_err, "  columns that are not used: leads.csv: country, loss_reason\n");
    put_text("events.csv", "lead_id,event,time,page,visitor\n");
    put_text("map.yaml", "events: {event: event, time: time}\n");
    CLI(0, "score r.yaml --events events.csv --map map.yaml" DATA FROM_HERE);
    HAS(cli_err, "  columns that are not used: leads.csv: country, loss_reason, events.csv: page, visitor\n");
}

/* A name longer than the column pushed its own numbers out of line. */
Test(cli_plugin, long_names_keep_the_columns_of_the_summary)
{
    start_with("router");
    shell("sed -i 's/name: Owner of the country/name: Renewal date at their current vendor is near/' r.yaml");
    CLI(0, "score r.yaml" DATA FROM_HERE);
    const char *route = strstr(cli_err, "\nRoute\n"), *first = route != NULL ? strstr(route, "  Renewal") : NULL;
    const char *second = route != NULL ? strstr(route, "  Everybody else") : NULL;
    cr_assert(first != NULL && second != NULL, "%s", cli_err);
    cr_expect_eq(strchr(first, '%') - first, strchr(second, '%') - second, "%s", cli_err);
}

/* -- plugins that fail ----------------------------------------------------------------------------------------------------- */

Test(cli_plugin, a_lead_that_a_plugin_crashes_on)
{
    put_rules("libfragile.so");
    put_text("leads.csv", "lead_id,title\nL1,Clerk\nL2,crash\nL3,Boss\n");
    CLI(0, "score r.yaml --quiet --summary-json s.json" DATA FROM_HERE);
    HAS(get_text("scored.csv"), "L1,10,good,");
    HAS(get_text("scored.csv"), "L2,,,");
    HAS(get_text("scored.csv"), "L3,10,good,");
    HAS(cli_err, "L2");
    HAS(cli_err, "SIGSEGV");
    HAS_NOT(cli_err, "ready to judge");
    HAS(get_text("s.json"), "\"kind\": \"quarantined\"");
    HAS(get_text("s.json"), "\"lead_id\": \"L2\"");
    HAS(get_text("s.json"), "\"without_verdict\": 1");
    HAS(get_text("s.json"), "\"name\": \"looked_at\"");
    CLI(0, "score r.yaml" DATA FROM_HERE);
    HAS(cli_err, "plugin p (rule \"Titled\"): ready to judge\n");
    HAS(cli_err, "  Titled (p): asked about 3 leads, no verdict about 1, 2 got a reason\n");
    CLI(0, "explain r.yaml L2" DATA FROM_HERE);
    HAS(cli_out, "score.fit = empty: a plugin's verdict is missing\n");
    HAS(cli_out, "    Titled                       empty   plugin p: no verdict: ");
    HAS(cli_out, "grade: none\n");
    CLI(0, "explain r.yaml L2 --json" DATA FROM_HERE);
    HAS(cli_out, "\"score\": null");
    HAS(cli_out, "\"no_verdict\": ");
    CLI(0, "score r.yaml --quiet --out new.csv --changed-from scored.csv" DATA FROM_HERE);
    cr_expect_eq(count_lines(get_text("new.csv")), 1, "an empty score is read back as one");
    CLI(0, "score r.yaml --quiet --out x.ndjson" DATA FROM_HERE);
    CLI(0, "score r.yaml --quiet --out new.csv --changed-from x.ndjson" DATA FROM_HERE);
    cr_expect_eq(count_lines(get_text("new.csv")), 1);
}

Test(cli_plugin, a_plugin_that_crashes_on_three_leads_is_stopped)
{
    put_rules("libfragile.so");
    put_text("leads.csv", "lead_id,title\nL1,Clerk\nL2,crash\nL3,crash\nL4,crash\nL5,Boss\n");
    CLI(1, "score r.yaml --quiet" DATA FROM_HERE);
    HAS(cli_err, "--allow-plugin-failures");
    cr_expect_not(is_there("scored.csv"));
    CLI(0, "score r.yaml --quiet --allow-plugin-failures --summary-json s.json" DATA FROM_HERE);
    HAS(get_text("scored.csv"), "L1,,,");
    HAS(get_text("scored.csv"), "L5,,,");
    HAS(get_text("s.json"), "\"kind\": \"stopped\"");
    cr_expect_str_neq(cli_err, "");
}

Test(cli_plugin, a_plugin_that_refuses_what_it_is_given)
{
    put_rules("libfragile.so");
    put_text("leads.csv", "lead_id,title\nL1,refuse\n");
    CLI(1, "score r.yaml --quiet" DATA FROM_HERE);
    HAS(cli_err, "expected titles that can be judged, found one that cannot");
    cr_expect_not(is_there("scored.csv"));
}

/* -- plugin check ---------------------------------------------------------------------------------------------------------- */

Test(cli_plugin, check_proves_what_new_writes)
{
    for (int k = 0; k < 4; k++) {
        start_with(kinds[k]);
        CLI(0, "plugin check " PLUGINS "/libnew_%s.so --rules r.yaml", kinds[k]);
        HAS(cli_out, " 0 failed");
        HAS_NOT(cli_out, "FAIL");
        HAS(cli_out, ", as in rule \"");
    }
    CLI(0, "plugin check " PLUGINS "/libnew_disqualifier.so --with words=student --with words=intern --json");
    cr_expect(is_json(cli_out), "%s", cli_out);
    HAS(cli_out, "\"failed\": 0");
}

Test(cli_plugin, check_tells_what_is_broken)
{
    CLI(1, "plugin check " PLUGINS "/libpositional.so");
    HAS(cli_out, "  FAIL  alone-as-in-a-batch");
    CLI(1, "plugin check " PLUGINS "/libpositional.so --json --seed 7");
    cr_expect(is_json(cli_out), "%s", cli_out);
    HAS(cli_out, "\"outcome\": \"failed\"");
    HAS(cli_out, "\"seed\": 7");
}

/* A plugin that cannot be created filled the screen with one line again and again. */
Test(cli_plugin, check_says_one_reason_once)
{
    CLI(1, "plugin check " PLUGINS "/libfragile.so");
    HAS(cli_out, "  FAIL  loads-and-creates        create() takes the settings, destroy() follows\n");
    HAS(cli_out, " more checks: the plugin cannot be created\n");
    cr_expect_eq(count_lines(cli_out), 5, "%s", cli_out);
    CLI(1, "plugin check " PLUGINS "/libpositional.so");
    HAS(cli_out, "\nBegin with the first that failed: the others often follow from it.\n");
}

Test(cli_plugin, check_refuses_what_it_cannot_use)
{
    put_rules("libfragile.so");
    put_text("libtext.so", "hello");
    static const struct {
        const char *arguments, *message;
        int code;
    } cases[] = {
        {"./libtext.so", "libtext.so", 1},
        {"./libnone.so", "libnone.so", 1},
        {PLUGINS "/libpositional.so --with x", "--with: expected NAME=VALUE such as days=30, found `x`", 2},
        {PLUGINS "/libpositional.so --rules r.yaml --with x=1", "--rules: expected no --with beside it", 2},
        {PLUGINS "/libpositional.so --rules r.yaml", "r.yaml: expected a rule that uses libpositional.so, found none", 2},
        {PLUGINS "/libpositional.so --rules none.yaml", "none.yaml", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CLI(cases[i].code, "plugin check %s", cases[i].arguments);
        HAS(cli_err, cases[i].message);
    }
}
