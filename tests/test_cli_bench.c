/* `assay bench` from outside: it says what was scored, every rule is in the list, and made-up data fits any rule file. Times are
 * never looked at. */
#include "cli_fixture.h"

TestSuite(cli_bench, .init = cli_setup, .fini = cli_teardown);

static const char rules[] = "assay: 1\n"
                            "fields:\n"
                            "  name: text, required\n"
                            "  size: int\n"
                            "  revenue: number\n"
                            "  country: country\n"
                            "  kind: one of a, b, c\n"
                            "  open: bool, default false\n"
                            "  lost: time\n"
                            "  domain: text\n"
                            "events:\n"
                            "  all: [visit, demo, call]\n"
                            "lists:\n"
                            "  wanted: [x.com, y.com]\n"
                            "scores:\n"
                            "  fit:\n"
                            "    rules:\n"
                            "      - {name: Size, by: size, points: {1-10: 10, 11-20: 70, 21+: 100, otherwise: 0, missing: 0}}\n"
                            "      - {name: Kind, by: kind, points: {a: 1, b: 2, otherwise: 0, missing: 0}}\n"
                            "      - {name: Rich, when: revenue > 1000.5, points: 3}\n"
                            "      - {name: Wanted, when: domain in wanted || domain == 'z.com', points: 4}\n"
                            "  did:\n"
                            "    events:\n"
                            "      visit: {each: 1, max: 5}\n"
                            "      demo: {each: 10, where: \"page == 'pricing'\"}\n"
                            "      call: {each: 3, half_life: 30d}\n"
                            "grades: {by: score.fit, hot: {from: 80}, cold: {from: 0}}\n"
                            "disqualify:\n"
                            "  - {name: Small, when: size < 5, reason: not_icp}\n"
                            "teams:\n"
                            "  t: {anywhere: [ann, bob]}\n"
                            "routes:\n"
                            "  - {name: Hot, when: score.fit >= 80, assign: {round_robin: t}}\n"
                            "  - {name: Rest, otherwise: true, assign: nobody}\n"
                            "recycle:\n"
                            "  - {name: Again, when: days_since(lost) > 180, to: sales}\n";

Test(cli_bench, made_up_data_fits_the_rules)
{
    put_text("r.yaml", rules);
    CLI(0, "bench r.yaml --rows 3000 --events-per-lead 8 --runs 2 --threads 3");
    HAS(cli_out, "3,000 leads");
    static const char *const names[] = {"Size", "Kind", "Rich", "Wanted", "visit", "demo", "call", "Small", "Hot", "Rest", "Again", "owners", "bytes a lead",
                                        "bytes an event"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) HAS(cli_out, names[i]);
    CLI(0, "bench r.yaml --rows 1 --events-per-lead 0 --runs 1");
    HAS(cli_out, "1 leads, 0 events");
}

Test(cli_bench, json_is_json)
{
    put_text("r.yaml", rules);
    CLI(0, "bench r.yaml --rows 500 --runs 3 --threads 2 --json");
    cr_expect(is_json(cli_out), "%s", cli_out);
    HAS(cli_out, "\"schema_version\": 1");
    HAS(cli_out, "\"leads\": 500");
    HAS(cli_out, "\"threads\": 2");
    HAS(cli_out, "\"name\": \"Wanted\"");
}

Test(cli_bench, given_files)
{
    put_text("r.yaml", rules);
    put_text("l.csv", "lead_id,name,size\nL1,a,7\nL2,b,30\n");
    put_text("e.csv", "lead_id,event,time\nL1,visit,2026-10-01\nL2,demo,2026-10-02\nL2,nothing,2026-10-02\n");
    CLI(0, "bench r.yaml --leads l.csv --events e.csv --runs 1 --threads 1 --quiet --as-of 2026-11-01");
    HAS(cli_out, "2 leads, 2 events");
}

Test(cli_bench, wrong_usage)
{
    put_text("r.yaml", rules);
    CLI(2, "bench r.yaml --events e.csv");
    HAS(cli_err, "--leads");
    CLI(2, "bench r.yaml --runs 0");
    CLI(2, "bench");
    put_text("bad.yaml", "assay: 1\nscors: {}\n");
    CLI(2, "bench bad.yaml --rows 10");
}
