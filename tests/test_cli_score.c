/* `assay score` as its users run it: the built command in a folder of its own, its files compared byte for byte. */
#include "cli_fixture.h"

TestSuite(cli_score, .init = cli_setup, .fini = cli_teardown);

#define GOLD GOLDEN "/score"
#define SCORE_GOLD "score " GOLD "/rules.yaml --leads " GOLD "/leads.csv --events " GOLD "/events.csv" AS_OF

/* Two scores, two in a team: enough for what is not about scoring. */
static const char small_rules[] =
    "assay: 1\n"
    "fields:\n"
    "  contact.email: text\n"
    "  company.employees: int\n"
    "  company.industry: one of saas, tech, other\n"
    "  seen: time\n"
    "events:\n"
    "  high: [demo, visit]\n"
    "scores:\n"
    "  fit:\n"
    "    rules:\n"
    "      - name: Size\n"
    "        by: company.employees\n"
    "        points: {1-10: -5, 11-50: +10, 51+: +60, otherwise: 0, missing: 0}\n"
    "      - name: Industry\n"
    "        by: company.industry\n"
    "        points: {saas: +3, tech: +2, other: +1, missing: 0}\n"
    "      - name: Mail\n"
    "        when: has(contact.email)\n"
    "        points: 0\n"
    "      - name: Seen lately\n"
    "        when: days_since(seen) <= 10\n"
    "        points: 7\n"
    "  acts:\n"
    "    events: {demo: 50, visit: {each: 2, max: 10}}\n"
    "  total:\n"
    "    sum: [fit, acts]\n"
    "    keep_within: 0..100\n"
    "grades:\n"
    "  by: score.total\n"
    "  hot: {from: 50}\n"
    "  cold: {from: 0}\n"
    "teams:\n"
    "  sales: {anywhere: [ana, ben, eva]}\n"
    "routes:\n"
    "  - {name: Hot, when: score.total >= 50, assign: {round_robin: sales}, respond_within: 4h}\n"
    "  - {name: Rest, otherwise: true, assign: nobody}\n";
#define SMALL_HEADER "lead_id,fit,acts,total,grade,disqualified_by,route,owner,flag,respond_by,recycle,recycle_to,reasons\n"

static const char small_leads[] = "lead_id,email,employees,industry\nL1,a@x.com,5,saas\nL2,b@x.com,30,tech\nL3,,900,\n";
static const char small_events[] = "lead_id,event,time\nL1,demo,2026-10-01T00:00:00Z\nL2,visit,2026-10-01\nL1,visit,2026-10-02\n";
static const char small_scored[] = SMALL_HEADER "L1,-2,52,50,hot,,Hot,ben,,2026-11-01T04:00:00Z,,,demo:+50;Size:-5;Industry:+3\n"
                                                "L2,12,2,14,cold,,Rest,,,,,,Size:+10;Industry:+2;visit:+2\n"
                                                "L3,60,0,60,hot,,Hot,ana,,2026-11-01T04:00:00Z,,,Size:+60\n";

static void put_small(void)
{
    put_text("r.yaml", small_rules);
    put_text("l.csv", small_leads);
    put_text("e.csv", small_events);
}

/* What stands in scored.csv after a run over `leads` and `events` with a map. */
static char *score_mapped(const char *leads, const char *events, const char *map)
{
    put_text("r.yaml", small_rules);
    put_text("l.csv", leads);
    put_text("e.csv", events);
    put_text("m.yaml", map);
    CLI(0, "score r.yaml --leads l.csv --events e.csv --map m.yaml" AS_OF);
    return get_text("scored.csv");
}

/* -- results ------------------------------------------------------------------------------------------------------------ */

Test(cli_score, golden_table_worked_out_by_hand)
{
    CLI(0, SCORE_GOLD "--summary-json summary.json");
    SAME_FILE("scored.csv", GOLD "/scored.csv");
    cr_expect_eq(mode_of("scored.csv"), 0600);
    cr_expect_str_empty(cli_out);
    HAS(cli_err, "10 leads scored by golden, as of 2026-11-01T00:00:00Z\n");
    HAS(cli_err, "leads.csv: 10 rows, 10 kept, 0 rejected\n");
    HAS(cli_err, "events.csv: 17 rows, 14 kept, 0 rejected\n");
    HAS(cli_err, "1 event left out: their lead is not in the leads file\n");
    HAS(cli_err, "1 event left out: later than as-of\n");
    HAS(cli_err, "\"webinar\": 1\n");
    HAS(cli_err, "company.employees: 1 value(s) cannot be read and count as empty: \"many\" (1)\n");
    HAS(cli_err, "scored.csv: 10 leads\n");
}

Test(cli_score, golden_table_in_other_formats)
{
    CLI(0, SCORE_GOLD "--quiet --out -");
    cr_expect_str_eq(cli_out, get_text(GOLD "/scored.csv"));
    cr_expect_str_empty(cli_err);
    CLI(0, SCORE_GOLD "--quiet --out scored.tsv");
    shell("tr '\\t' ',' <scored.tsv >as.csv"); /* no cell of it holds a comma */
    SAME_FILE("as.csv", GOLD "/scored.csv");
    CLI(0, SCORE_GOLD "--quiet --out scored.ndjson");
    SAME_FILE("scored.ndjson", GOLD "/scored.ndjson");
    CLI(0, SCORE_GOLD "--quiet --out scored.data --format ndjson");
    SAME_FILE("scored.data", GOLD "/scored.ndjson");
    CLI(0, SCORE_GOLD "--quiet --out - --format tsv");
    cr_expect_str_eq(cli_out, get_text("scored.tsv"));
    for (char *line = get_text("scored.ndjson"), *end; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        *end = '\0';
        cr_expect(is_json(line), "%s", line);
    }
    CLI(2, SCORE_GOLD "--quiet --out scored.xlsx");
    HAS(cli_err, "scored.xlsx: expected a name ending in .csv, .tsv or .ndjson");
    CLI(2, "score " GOLD "/rules.yaml --leads absent.csv --out scored.xlsx"); /* said before anything is read */
}

Test(cli_score, small_table)
{
    put_small();
    CLI(0, "score r.yaml --leads l.csv --events e.csv" AS_OF);
    cr_expect_str_eq(get_text("scored.csv"), small_scored);
}

Test(cli_score, ids_that_a_spreadsheet_would_run)
{
    put_small();
    put_text("f.csv", "lead_id\n=1+1\n+x\n-5\n@x\n\"\tx\"\n\"a,\"\"b\"\n'q\n");
    CLI(0, "score r.yaml --leads f.csv --quiet" AS_OF);
    const char *text = get_text("scored.csv");
    static const char *const starts[] = {"\n'=1+1,0,", "\n'+x,0,", "\n'-5,0,", "\n'@x,0,", "\n'q,0,", "\n\"a,\"\"b\",0,"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) HAS(text, starts[i]);
    HAS_NOT(text, "\n\t");
    CLI(0, "score r.yaml --leads f.csv --quiet --out scored.ndjson" AS_OF);
    HAS(get_text("scored.ndjson"), "{\"lead_id\":\"=1+1\",");
    /* and an output read again as leads gives the same ids */
    CLI(0, "score r.yaml --leads f.csv --changed-from scored.csv --quiet --out changed.csv" AS_OF);
    cr_expect_eq(count_lines(get_text("changed.csv")), 1, "%s", get_text("changed.csv"));
}

/* -- state and what changed --------------------------------------------------------------------------------------------- */

Test(cli_score, round_robin_goes_on_where_the_last_run_ended)
{
    put_text("r.yaml", small_rules);
    put_text("one.csv", "lead_id,employees\nA,90\nB,80\n");
    CLI(0, "score r.yaml --leads one.csv --quiet --state state.csv --out one.out.csv" AS_OF);
    cr_expect_str_eq(get_text("one.out.csv"), SMALL_HEADER "A,60,0,60,hot,,Hot,ana,,2026-11-01T04:00:00Z,,,Size:+60\n"
                                                           "B,60,0,60,hot,,Hot,ben,,2026-11-01T04:00:00Z,,,Size:+60\n");
    cr_expect_eq(mode_of("state.csv"), 0600);
    cr_expect_str_eq(get_text("state.csv"), "kind,key,territory,owner,place,routed_at\n"
                                            "cursor,sales,anywhere,ben,1,\n"
                                            "lead,A,,ana,,2026-11-01T00:00:00Z\n"
                                            "lead,B,,ben,,2026-11-01T00:00:00Z\n");
    /* A day later: C and D are new, B stays with ben and keeps its time. */
    put_text("two.csv", "lead_id,employees\nD,90\nB,80\nC,70\n");
    CLI(0, "score r.yaml --leads two.csv --quiet --state state.csv --out two.out.csv --as-of 2026-11-02");
    cr_expect_str_eq(get_text("two.out.csv"), SMALL_HEADER "D,60,0,60,hot,,Hot,ana,,2026-11-02T04:00:00Z,,,Size:+60\n"
                                                           "B,60,0,60,hot,,Hot,ben,,2026-11-01T04:00:00Z,,,Size:+60\n"
                                                           "C,60,0,60,hot,,Hot,eva,,2026-11-02T04:00:00Z,,,Size:+60\n");
    HAS(get_text("state.csv"), "cursor,sales,anywhere,ana,0,\nlead,A,,ana,,2026-11-01T00:00:00Z\n");
}

Test(cli_score, a_file_that_is_no_state_is_left_alone)
{
    put_small();
    put_text("notes.csv", "a,b\n1,2\n");
    CLI(1, "score r.yaml --leads l.csv --state notes.csv" AS_OF);
    HAS(cli_err, "notes.csv: expected a state file");
    HAS(cli_err, "name another file, or remove it");
    cr_expect_str_eq(get_text("notes.csv"), "a,b\n1,2\n");
    cr_expect_not(is_there("scored.csv"));
    cr_assert_eq(mkdir("folder", 0700), 0);
    CLI(1, "score r.yaml --leads l.csv --state folder" AS_OF);
    HAS(cli_err, "folder: expected the name of a file, found a folder");
}

Test(cli_score, only_what_changed)
{
    put_small();
    CLI(0, "score r.yaml --leads l.csv --events e.csv --quiet --out old.csv" AS_OF);
    CLI(0, "score r.yaml --leads l.csv --events e.csv --changed-from old.csv --out new.csv" AS_OF);
    cr_expect_str_eq(get_text("new.csv"), SMALL_HEADER);
    HAS(cli_err, "new.csv: 0 changed leads\n");
    put_text("l.csv", "lead_id,email,employees,industry\nL1,a@x.com,5,saas\nL2,b@x.com,30,saas\nL3,,900,\nL4,,,\n");
    CLI(0, "score r.yaml --leads l.csv --events e.csv --changed-from old.csv --out new.csv" AS_OF);
    cr_expect_str_eq(get_text("new.csv"), SMALL_HEADER "L2,13,2,15,cold,,Rest,,,,,,Size:+10;Industry:+3;visit:+2\n"
                                                       "L4,0,0,0,cold,,Rest,,,,,,\n");
    CLI(1, "score r.yaml --leads l.csv --changed-from absent.csv" AS_OF);
    HAS(cli_err, "absent.csv: expected a file, found no `absent.csv`");
    put_text("other.csv", "a\n1\n");
    CLI(1, "score r.yaml --leads l.csv --changed-from other.csv" AS_OF);
    HAS(cli_err, "other.csv: expected an earlier output of these rules, found no column lead_id; without --changed-from all leads are written");
}

/* -- stages and segments ----------------------------------------------------------------------------------------------------- */

#define STAGES_RULES "assay: 1\nfields: {size: int, phone: text, mail: text}\n" \
                     "scores: {s: {rules: [{name: Size, by: size, points: {1+: 7, otherwise: 0, missing: 0}}]}}\n"
#define LIFECYCLE "lifecycle: [{stage: raw}, {stage: mql, enter_when: score.s > 3, require: [phone, mail]}, {stage: big, enter_when: size > 50}]\n"
#define NURTURE "nurture:\n  long: {send: 1 email per day}\n  kept: {enter_when: \"stage == 'mql' && size >= 6\", send: 1 email per day}\n" \
                "  all: {enter_when: size < 60, send: 1 email per day}\n"
#define STAGES_HEADER "lead_id,s,grade,disqualified_by,route,owner,flag,respond_by,recycle,recycle_to,stage,nurture,reasons\n"

Test(cli_score, stages_and_segments)
{
    put_text("old.yaml", STAGES_RULES);
    put_text("r.yaml", STAGES_RULES LIFECYCLE NURTURE);
    put_text("l.csv", "lead_id,size,phone,mail\nA,5,,\nB,60,,\nC,,1,\nD,6,1,\nE,51,,\n");
    CLI(0, "score r.yaml --leads l.csv --summary-json s.json" AS_OF);
    cr_expect_str_eq(get_text("scored.csv"), STAGES_HEADER "A,7,,,,,,,,,mql,all,Size:+7\nB,7,,,,,,,,,big,,Size:+7\nC,0,,,,,,,,,raw,,\n"
                                             "D,7,,,,,,,,,mql,kept,Size:+7\nE,7,,,,,,,,,big,all,Size:+7\n");
    HAS_NOT(cli_err, "not evaluated");
    HAS(cli_err, "\nRequired in their stage, and empty\n  mql: 1 lead lacks phone\n  mql: 2 leads lack mail\n");
    HAS(cli_err, "\nStage\n  raw  ");
    HAS(cli_err, "\nNurture segment\n  kept  ");
    HAS(cli_err, "  big                                             1 lead    in lifecycle, reads size\n");
    const char *summary = get_text("s.json");
    HAS(summary, "\"required_in_stage_and_empty\"");
    /* An output from before the rules had stages: every row is another one now, once. */
    CLI(0, "score old.yaml --leads l.csv --out old.csv --quiet" AS_OF);
    HAS_NOT(get_text("old.csv"), "stage");
    CLI(0, "score r.yaml --leads l.csv --changed-from old.csv --out new.csv" AS_OF);
    SAME_FILE("new.csv", "scored.csv");
    CLI(0, "score r.yaml --leads l.csv --changed-from new.csv --out newer.csv" AS_OF);
    cr_expect_str_eq(get_text("newer.csv"), STAGES_HEADER);
    CLI(0, "score old.yaml --leads l.csv --changed-from new.csv --out newer.csv" AS_OF);
    HAS(cli_err, "newer.csv: 0 changed leads\n");
    put_text("r.yaml", STAGES_RULES LIFECYCLE "nurture: {kept: {enter_when: size > 1, send: 1 email per day, stay_at_most: 9d}}\n");
    CLI(0, "score r.yaml --leads l.csv" AS_OF);
    HAS(cli_err, "checked but not evaluated yet: nurture exits\n");
}

/* -- bad rows ------------------------------------------------------------------------------------------------------------- */

static void put_leads_with_two_bad_rows(int n_good)
{
    FILE *file = fopen("bad.csv", "w");
    cr_assert_not_null(file);
    fputs("lead_id,employees\nL1,5\nL1,6\nL2,7,8\n", file);
    for (int i = 0; i < n_good; i++) fprintf(file, "M%d,20\n", i);
    fclose(file);
}

Test(cli_score, rejected_rows_are_told_with_place_and_reason)
{
    put_small();
    put_leads_with_two_bad_rows(300);
    CLI(0, "score r.yaml --leads bad.csv --rejects rejects.csv" AS_OF);
    cr_expect_str_eq(get_text("rejects.csv"), "file,line,column,reason,row\n"
                                              "bad.csv,3,lead_id,\"duplicate lead id (first on line 2); drop one of them, or name another key with --map "
                                              "(leads: {key: COLUMN})\",\"L1,6\"\n"
                                              "bad.csv,4,,\"expected 2 cells, found 3; quote a cell whose text holds `,`\",\"L2,7,8\"\n");
    cr_expect_eq(mode_of("rejects.csv"), 0600);
    HAS(cli_err, "bad.csv: 303 rows, 301 kept, 2 rejected\n");
    cr_expect_eq(count_lines(get_text("scored.csv")), 302);
}

Test(cli_score, too_many_rejected_rows_write_nothing)
{
    put_small();
    put_leads_with_two_bad_rows(10);
    put_text("scored.csv", "old\n");
    CLI(1, "score r.yaml --leads bad.csv --rejects rejects.csv --state state.csv --summary-json s.json" AS_OF);
    HAS(cli_err, "bad.csv: 2 of 13 rows were rejected (15.4 %), more than the 1 % that --max-rejects allows; first: bad.csv:3: "
                 "duplicate lead id (first on line 2); drop one of them, or name another key with --map (leads: {key: COLUMN})");
    cr_expect_str_eq(get_text("scored.csv"), "old\n");
    cr_expect_not(is_there("state.csv"));
    cr_expect_not(is_there("s.json"));
    cr_expect_eq(count_lines(get_text("rejects.csv")), 3, "the rows are wanted most when they stop a run");
    cr_expect_eq(count_files(".assay"), 0);
    CLI(0, "score r.yaml --leads bad.csv --max-rejects 20%% --quiet" AS_OF);
    CLI(0, "score r.yaml --leads bad.csv --max-rejects 0.2 --quiet" AS_OF);
}

Test(cli_score, no_rejected_row_at_all_can_be_asked_for)
{
    put_small();
    put_leads_with_two_bad_rows(1000);
    CLI(0, "score r.yaml --leads bad.csv --quiet" AS_OF);
    CLI(1, "score r.yaml --leads bad.csv --max-rejects 0" AS_OF);
    HAS(cli_err, "more than the 0 % that --max-rejects allows");
    CLI(0, "score r.yaml --leads l.csv --events e.csv --max-rejects 0%% --quiet" AS_OF);
}

/* -- maps ---------------------------------------------------------------------------------------------------------------- */

Test(cli_score, a_map_with_names_values_nulls_and_dates)
{
    const char *text = score_mapped(
        "Nr;Mail;Staff;Branch;Last seen\n1;a@x.com;30;B2B SaaS;05/11/2025 10:30\n2;-;Select;Tech;28/10/2026 00:00\n3;Select;12;;\n",
        "who|what|when|page\n1|Page View|31/10/2026|/p\n2|Asked|30/10/2026|/q\n|Asked|30/10/2026|/q\n",
        "leads:\n"
        "  key: Nr\n"
        "  delimiter: semicolon\n"
        "  dates: \"%d/%m/%Y %H:%M\"\n"
        "  nulls: [\"\", Select, \"-\"]\n"
        "  fields: {contact.email: Mail, company.employees: Staff, company.industry: Branch, seen: Last seen}\n"
        "  values: {company.industry: {B2B SaaS: saas, Tech: tech}}\n"
        "events:\n"
        "  key: who\n"
        "  event: what\n"
        "  time: when\n"
        "  dates: \"%d/%m/%Y\"\n"
        "  names: {Page View: visit, Asked: demo}\n"
        "  skip_when_key_empty: true\n");
    cr_expect_str_eq(text, SMALL_HEADER "1,13,2,15,cold,,Rest,,,,,,Size:+10;Industry:+3;visit:+2\n"
                                        "2,9,50,59,hot,,Hot,ana,,2026-11-01T04:00:00Z,,,demo:+50;Seen lately:+7;Industry:+2\n"
                                        "3,10,0,10,cold,,Rest,,,,,,Size:+10\n");
    HAS(cli_err, "1 event left out: no lead is named (skip_when_key_empty)\n");
}

Test(cli_score, events_joined_by_a_field_of_the_lead)
{
    const char *text = score_mapped("lead_id,email\nL1,ann@x.com\nL2,bob@x.com\n",
                                    "recipient,time\nbob@x.com,2026-10-01\nnobody@x.com,2026-10-02\n",
                                    "events:\n  key: {field: contact.email, column: recipient}\n  event: {const: demo}\n");
    cr_expect_str_eq(text, SMALL_HEADER "L1,0,0,0,cold,,Rest,,,,,,\n"
                                        "L2,0,50,50,hot,,Hot,ana,,2026-11-01T04:00:00Z,,,demo:+50\n");
    HAS(cli_err, "1 event left out: their lead is not in the leads file\n");
}

Test(cli_score, leads_numbered_by_row)
{
    const char *text = score_mapped("employees\n5\n90\n", "lead_id,event,time\n2,visit,2026-10-01\n", "leads: {key: row_number}\n");
    cr_expect_str_eq(text, SMALL_HEADER "1,-5,0,0,cold,,Rest,,,,,,Size:-5\n"
                                        "2,60,2,62,hot,,Hot,ana,,2026-11-01T04:00:00Z,,,Size:+60;visit:+2\n");
}

Test(cli_score, a_map_for_other_columns_is_refused_with_what_is_there)
{
    put_small();
    put_text("m.yaml", "leads: {key: Prospect ID}\n");
    CLI(1, "score r.yaml --leads l.csv --map m.yaml" AS_OF);
    HAS(cli_err, "l.csv: expected the key column `Prospect ID` that the map names, found `lead_id`, `email`");
    put_text("m.yaml", "leads: {fields: {company.employees: Staff}}\n");
    CLI(1, "score r.yaml --leads l.csv --map m.yaml" AS_OF);
    HAS(cli_err, "l.csv: expected the column `Staff` (the map gives it to company.employees), found `lead_id`");
    put_text("m.yaml", "leads: {fields: {company.employes: Staff}}\nevent: {}\n");
    CLI(2, "score r.yaml --leads l.csv --map m.yaml" AS_OF);
    HAS(cli_err, "m.yaml:1:18: error: E0903 `company.employes` is not a field of the rule file; did you mean `company.employees`?");
    HAS(cli_err, "m.yaml:2:1: error: E0902 `event` is not a key of a map file; did you mean `events`?");
    cr_expect_not(is_there("scored.csv"));
}

Test(cli_score, dates_that_read_two_ways_are_refused)
{
    put_small();
    put_text("e.csv", "lead_id,event,time\nL1,demo,01-02-2018\n");
    CLI(1, "score r.yaml --leads l.csv --events e.csv" AS_OF);
    HAS(cli_err, "e.csv:2: column `time`: expected a date that reads one way, found `01-02-2018`");
    HAS(cli_err, "`events: {dates: \"%d-%m-%Y\"}` or `events: {dates: \"%m-%d-%Y\"}`");
}

/* -- other ways in ------------------------------------------------------------------------------------------------------- */

Test(cli_score, several_events_files_are_one)
{
    put_small();
    shell("head -n 2 e.csv >e1.csv; { head -n 1 e.csv; tail -n +3 e.csv; } >e2.csv");
    CLI(0, "score r.yaml --leads l.csv --events e1.csv --events e2.csv" AS_OF);
    cr_expect_str_eq(get_text("scored.csv"), small_scored);
    HAS(cli_err, "e1.csv: 1 rows, 1 kept, 0 rejected\n");
    HAS(cli_err, "e2.csv: 2 rows, 2 kept, 0 rejected\n");
    CLI(0, "score r.yaml --leads l.csv --events=e2.csv --events e1.csv --quiet --out other.csv" AS_OF);
    SAME_FILE("other.csv", "scored.csv");
}

Test(cli_score, packed_and_piped_input)
{
    put_small();
    CLI(0, "score r.yaml --leads - --events e.csv --quiet <l.csv" AS_OF);
    cr_expect_str_eq(get_text("scored.csv"), small_scored);
    static const struct { const char *tool, *end; } tools[] = {{"gzip", "gz"}, {"zstd", "zst"}};
    for (size_t i = 0; i < 2; i++) {
        if (!has_tool(tools[i].tool)) {
            fprintf(stderr, "notice: skipped, no %s here\n", tools[i].tool);
            continue;
        }
        char command[128];
        snprintf(command, sizeof(command), "%s -c <l.csv >l.%s && %s -c <e.csv >e.packed", tools[i].tool, tools[i].end, tools[i].tool);
        shell(command);
        CLI(0, "score r.yaml --leads l.%s --events e.packed --quiet --out packed.csv" AS_OF, tools[i].end);
        cr_expect_str_eq(get_text("packed.csv"), small_scored);
        snprintf(command, sizeof(command), "head -c 40 l.%s >cut", tools[i].end);
        shell(command);
        CLI(1, "score r.yaml --leads cut --quiet --out cut.csv" AS_OF);
        HAS(cli_err, "cut: ");
        HAS(cli_err, "copy it again");
    }
}

Test(cli_score, ndjson_leads_and_events)
{
    put_small();
    put_text("l.ndjson", "{\"lead_id\":\"L1\",\"contact\":{\"email\":\"a@x.com\"},\"company\":{\"employees\":5,\"industry\":\"saas\"}}\n"
                         "{\"company.employees\":30,\"company.industry\":\"tech\",\"lead_id\":\"L2\",\"contact.email\":\"b@x.com\"}\n"
                         "{\"lead_id\":\"L3\",\"company\":{\"employees\":900},\"company.industry\":null}\n");
    put_text("e.ndjson", "{\"lead_id\":\"L1\",\"event\":\"demo\",\"time\":1790812800}\n"
                         "{\"lead_id\":\"L2\",\"event\":\"visit\",\"time\":1790812800000}\n"
                         "{\"lead_id\":\"L1\",\"event\":\"visit\",\"time\":\"2026-10-02T00:00:00.5Z\"}\n");
    CLI(0, "score r.yaml --leads l.ndjson --events e.ndjson" AS_OF);
    cr_expect_str_eq(get_text("scored.csv"), small_scored);
    /* a second name for a field that has one is not used, and said to be so */
    put_text("l.ndjson", "{\"lead_id\":\"L1\",\"company\":{\"employees\":5}}\n{\"lead_id\":\"L2\",\"employees\":30}\n");
    CLI(0, "score r.yaml --leads l.ndjson" AS_OF);
    HAS(cli_err, "columns that are not used: l.ndjson: employees\n");
    put_text("l.ndjson", "{\"lead_id\":\"L1\"}\n{\"lead_id\":\"L2\n[1]\n{\"lead_id\":\"L3\"} x\n{\"lead_id\":\"L4\"}\n");
    CLI(0, "score r.yaml --leads l.ndjson --max-rejects 80%% --rejects rejects.csv" AS_OF);
    HAS(cli_err, "l.ndjson: 5 rows, 2 kept, 3 rejected\n");
    cr_expect_eq(count_lines(get_text("rejects.csv")), 4, "%s", get_text("rejects.csv"));
}

/* -- repeatable ------------------------------------------------------------------------------------------------------------ */

#define B2B "score " ASSAY_SOURCE_DIR "/rules/b2b-saas.yaml --quiet" AS_OF

Test(cli_score, the_same_bytes_whatever_the_machine_does)
{
    CLI(0, "synth --leads 3000 --events-per-lead 6 --seed 5 --out demo --quiet");
    CLI(0, B2B "--leads demo/leads.csv --events demo/events.csv --out wanted.csv --summary-json wanted.json --threads 1 --batch 1024");
    cr_assert_eq(count_lines(get_text("wanted.csv")), 3001);
    cr_expect(is_json(get_text("wanted.json")));
    static const char *const flags[] = {"--threads 2", "--threads 7", "--batch 1", "--batch 64 --threads 2", "--batch 4096", "--batch 65536"};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        CLI(0, B2B "--leads demo/leads.csv --events demo/events.csv --out got.csv %s", flags[i]);
        SAME_FILE("got.csv", "wanted.csv");
    }
    static const char *const levels[] = {"ref", "v2", "v3", "v4"};
    for (size_t i = 0; i < 4; i++) {
        setenv("ASSAY_ISA", levels[i], 1);
        const int code = cli(B2B "--leads demo/leads.csv --events demo/events.csv --out got.csv");
        unsetenv("ASSAY_ISA");
        if (code == 2 && strstr(cli_err, levels[i]) != NULL) {
            fprintf(stderr, "notice: skipped, %s\n", cli_err);
            continue;
        }
        cr_assert_eq(code, 0, "%s: %s", levels[i], cli_err);
        SAME_FILE("got.csv", "wanted.csv");
    }
    /* leads and events backwards: the same rows in the other order */
    shell("for f in leads events; do { head -n 1 demo/$f.csv; tail -n +2 demo/$f.csv | tac; } >$f.back.csv; done");
    CLI(0, B2B "--leads leads.back.csv --events events.back.csv --out got.csv");
    cr_expect_str_eq(sorted_rows("got.csv"), sorted_rows("wanted.csv"));
    /* events in three parts, in another order */
    shell("tail -n +2 demo/events.csv >body && split -n l/3 body part. && for p in part.a?; do { head -n 1 demo/events.csv; cat $p; } >$p.csv; done");
    CLI(0, B2B "--leads demo/leads.csv --events part.ac.csv --events part.aa.csv --events part.ab.csv --out got.csv");
    SAME_FILE("got.csv", "wanted.csv");
}

Test(cli_score, the_summary_for_machines_is_repeatable)
{
    CLI(0, SCORE_GOLD "--quiet --summary-json one.json --threads 1");
    CLI(0, SCORE_GOLD "--quiet --summary-json two.json --threads 2");
    SAME_FILE("two.json", "one.json");
    const char *text = get_text("one.json");
    cr_expect(is_json(text), "%s", text);
    static const char *const parts[] = {"\"schema_version\": 1", "\"as_of\": \"2026-11-01T00:00:00Z\"", "\"leads\": 10",
                                        "\"events_kept\": 14",
                                        "\"events_of_unknown_leads\": 1", "\"events_after_as_of\": 1", "\"events_of_unknown_name\": 1",
                                        "\"name\": \"Hot\",\n      \"leads\": 4\n", "\"name\": \"Free mail\",\n      \"leads\": 1\n",
                                        "\"field\": \"company.employees\",\n        \"leads\": 1,\n"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) HAS(text, parts[i]);
    cr_expect_eq(mode_of("one.json"), 0600);
}

/* -- whole files or none ------------------------------------------------------------------------------------------------- */

Test(cli_score, ctrl_c_leaves_no_partial_file)
{
    put_small();
    put_text("scored.csv", "old\n");
    cr_assert_eq(mkfifo("pipe", 0600), 0);
    /* The command waits for more of the pipe: before anything came, after some rows, and with threads at work, any of which may be the
     * one that waits. */
    static const unsigned n_rows[] = {0, 2, 100000, 100000, 100000};
    for (size_t i = 0; i < sizeof(n_rows) / sizeof(n_rows[0]); i++) {
        const pid_t child = cli_start("score r.yaml --leads pipe --threads 2 --rejects rejects.csv --state state.csv --summary-json s.json");
        FILE *leads = fopen("pipe", "w"); /* returns once the command has opened its end */
        cr_assert_not_null(leads);
        if (n_rows[i] > 0) fputs("lead_id\n", leads);
        for (unsigned row = 0; row < n_rows[i]; row++) fprintf(leads, "L%u\n", row);
        fflush(leads);
        const struct timespec pause = {.tv_nsec = 100000000};
        nanosleep(&pause, NULL);
        kill(child, SIGINT);
        const int code = cli_wait(child);
        cr_expect_eq(code, 130, "%d: %s", code, cli_err);
        HAS(cli_err, "interrupted; nothing was written");
        fclose(leads);
        cr_expect_str_eq(get_text("scored.csv"), "old\n");
        cr_expect_not(is_there("state.csv"));
        cr_expect_not(is_there("rejects.csv"));
        cr_expect_not(is_there("s.json"));
        cr_expect_eq(count_files(".assay"), 0);
    }
}

Test(cli_score, outputs_that_cannot_be_written)
{
    put_small();
    CLI(1, "score r.yaml --leads l.csv --out no/such/scored.csv" AS_OF);
    HAS(cli_err, "no/such/scored.csv: cannot open its folder");
    CLI(1, "score r.yaml --leads l.csv --rejects no/such/rejects.csv" AS_OF);
    HAS(cli_err, "no/such/rejects.csv: cannot open its folder");
    CLI(1, "score r.yaml --leads l.csv --state no/such/state.csv" AS_OF);
    HAS(cli_err, "no/such/state.csv: cannot open its folder");
    CLI(1, "score r.yaml --leads l.csv --summary-json no/such/s.json" AS_OF);
    HAS(cli_err, "no/such/s.json: cannot open its folder");
    cr_expect_not(is_there("scored.csv"), "found out before anything was written");
    cr_assert_eq(mkdir("folder.csv", 0700), 0);
    CLI(1, "score r.yaml --leads l.csv --out folder.csv" AS_OF);
    HAS(cli_err, "folder.csv: expected the name of a file, found a folder");
    if (access("/dev/full", W_OK) == 0) {
        CLI(1, "score r.yaml --leads l.csv --out - >/dev/full" AS_OF);
        HAS(cli_err, "standard output: cannot write: No space left on device");
        CLI(1, "score r.yaml --leads l.csv --out /dev/full" AS_OF);
        HAS(cli_err, "/dev/full: cannot write: No space left on device");
    }
    if (geteuid() != 0) {
        cr_assert_eq(mkdir("closed", 0500), 0);
        CLI(1, "score r.yaml --leads l.csv --out closed/scored.csv" AS_OF);
        HAS(cli_err, "closed/scored.csv: cannot create: Permission denied");
    }
    cr_expect_eq(count_files(".assay"), 0);
}

Test(cli_score, inputs_are_never_overwritten)
{
    static const char *const cases[] = {
        "--out l.csv", "--out ./l.csv", "--out link.csv", "--out e.csv", "--rejects l.csv", "--summary-json e.csv", "--state l.csv",
        "--rejects r.yaml", "--out scored.csv --rejects scored.csv", "--out s.csv --state ./s.csv", "--out s.csv --summary-json s.csv",
        "--rejects x --summary-json x", "--changed-from old.csv --state old.csv", "--out - --rejects -", "--state -",
    };
    put_small();
    put_text("old.csv", small_scored);
    cr_assert_eq(symlink("l.csv", "link.csv"), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const int code = cli("score r.yaml --leads l.csv --events e.csv %s" AS_OF, cases[i]);
        cr_expect_eq(code, 2, "%s: exit code %d", cases[i], code);
        HAS(cli_err, "assay score: --");
        HAS(cli_err, "name another file");
        cr_expect_str_eq(get_text("l.csv"), small_leads, "%s", cases[i]);
        cr_expect_str_eq(get_text("e.csv"), small_events, "%s", cases[i]);
        cr_expect_str_eq(get_text("r.yaml"), small_rules, "%s", cases[i]);
        cr_expect_not(is_there("scored.csv") || is_there("s.csv") || is_there("x"), "%s", cases[i]);
    }
    CLI(2, "score r.yaml --leads - --events - <l.csv" AS_OF);
    HAS(cli_err, "standard input can be read once");
    /* the earlier output may be replaced by the new one: it is read before */
    CLI(0, "score r.yaml --leads l.csv --events e.csv --quiet --changed-from old.csv --out old.csv" AS_OF);
    cr_expect_str_eq(get_text("old.csv"), SMALL_HEADER);
}

/* -- usage ------------------------------------------------------------------------------------------------------------------ */

Test(cli_score, wrong_usage_is_told_with_the_nearest)
{
    put_small();
    static const struct { const char *arguments; int code; const char *message; } cases[] = {
        {"score", 2, "assay score: expected "},
        {"score r.yaml", 2, "assay score: expected --leads FILE, found no such flag; `assay score --help` shows examples\n"},
        {"score r.yaml --leads", 2, "--leads"},
        {"score r.yaml --lead l.csv", 2, "unknown flag `--lead`; did you mean `--leads`?\n"},
        {"score r.yaml --leads l.csv --thread 2", 2, "unknown flag `--thread`; did you mean `--threads`?\n"},
        {"score r.yaml --leads l.csv --leads l.csv", 2, "--leads: expected once, found twice\n"},
        {"score r.yaml b.yaml --leads l.csv", 2, "expected only RULES.yaml, found `b.yaml` as well\n"},
        {"score r.yaml --leads l.csv --threads 0", 2, "--threads: expected 1 to 256, found 0\n"},
        {"score r.yaml --leads l.csv --batch 70000", 2, "--batch: expected 1 to 65536, found 70000\n"},
        {"score r.yaml --leads l.csv --as-of 01/02/2026", 2, "can be read day first or month first; write it as 2026-11-01\n"},
        {"score r.yaml --leads l.csv --as-of 1969-12-31", 2, "as-of: expected a time from 1970-01-01 to 2106-02-07"},
        {"score r.yaml --leads l.csv --as-of 2200-01-01", 2, "as-of: expected a time from 1970-01-01 to 2106-02-07"},
        {"score r.yaml --leads l.csv --max-rejects 200%", 2, "--max-rejects: expected a share such as 1% or 0.01, at most 100%, found `200%`\n"},
        {"score r.yaml --leads l.csv --format xml", 2, "--format: expected auto|csv|tsv|ndjson, found `xml`"},
        {"scoer r.yaml", 2, "assay: unknown verb `scoer`; did you mean `score`?\n"},
        {"score r.yaml --leads ll.csv", 1, "ll.csv: expected a file, found no `ll.csv` in the current folder; did you mean `l.csv`?\n"},
        {"score r.yaml --leads l.csv --events no/e.csv", 1, "no/e.csv: expected a file, found no folder `no`\n"},
        {"score absent.yaml --leads l.csv", 1, "absent.yaml: "},
        {"score r.yaml --leads .", 1, ".: expected a file, found a folder"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const int code = cli("%s", cases[i].arguments);
        cr_expect_eq(code, cases[i].code, "%s: exit code %d", cases[i].arguments, code);
        HAS(cli_err, cases[i].message);
        cr_expect_str_empty(cli_out);
    }
    cr_expect_not(is_there("scored.csv"));
    CLI(2, "score " GOLD "/leads.csv --leads l.csv");
    HAS(cli_err, "leads.csv:1:1: error: ");
    CLI(0, "score --help");
    HAS(cli_out, "--changed-from OLD.csv");
}

/* -- files that must not be mixed up ------------------------------------------------------------------------------------- */

Test(cli_score, a_list_file_of_the_rules_is_no_output)
{
    put_text("accounts.csv", "domain,owner\nbig.example,nora\n");
    put_text("r.yaml", "assay: 1\nfields: {d: text}\nlists: {named: {file: accounts.csv, key: domain}}\n"
                       "scores: {s: {rules: [{name: A, when: d in named, points: 1}]}}\n");
    put_text("l.csv", "lead_id,d\n1,big.example\n");
    CLI(2, "score r.yaml --leads l.csv --out accounts.csv");
    HAS(cli_err, "assay score: --out: `accounts.csv` is a list file of the rules; name another file");
    HAS(get_text("accounts.csv"), "big.example,nora");
}

Test(cli_score, one_file_of_events_does_not_count_twice)
{
    put_text("r.yaml", "assay: 1\nfields: {d: text}\nevents: {web: [visit]}\nscores: {s: {events: {visit: {each: 1}}}}\n");
    put_text("l.csv", "lead_id\n1\n");
    put_text("e.csv", "lead_id,event,time\n1,visit,2026-01-01\n");
    CLI(2, "score r.yaml --leads l.csv --events e.csv --events ./e.csv --out o.csv");
    HAS(cli_err, "`e.csv` and `./e.csv` are one file, whose events would count twice; give it once");
}

/* What begins with an apostrophe is written so that it reads back as it was, and is not "changed" for ever. */
Test(cli_score, apostrophes_survive_changed_from)
{
    put_text("r.yaml", "assay: 1\nfields: {p: int}\nscores: {s: {rules: [{name: \"'=n\", by: p, points: {1: 1, 2: 2, missing: 0}}]}}\n");
    put_text("l.csv", "lead_id,p\n=1,1\n'=1,2\n''=1,1\n'a,1\n");
    CLI(0, "score r.yaml --leads l.csv --as-of 2026-01-01 --out o.csv");
    HAS(get_text("o.csv"), "\n'=1,1,");
    HAS(get_text("o.csv"), "\n''=1,2,");
    HAS(get_text("o.csv"), "\n'''=1,1,");
    HAS(get_text("o.csv"), "\n'a,1,");
    CLI(0, "score r.yaml --leads l.csv --as-of 2026-01-01 --out again.csv --changed-from o.csv");
    cr_expect_null(strchr(strchr(get_text("again.csv"), '\n') + 1, '\n'), "nothing has changed: %s", get_text("again.csv"));
    CLI(0, "score r.yaml --leads l.csv --as-of 2026-01-01 --out o.ndjson");
    CLI(0, "score r.yaml --leads l.csv --as-of 2026-01-01 --out none.ndjson --changed-from o.ndjson");
    cr_expect_str_eq(get_text("none.ndjson"), "");
    CLI(0, "score r.yaml --leads l.csv --as-of 2026-01-01 --out all.ndjson --changed-from none.ndjson");
    cr_expect_str_eq(get_text("all.ndjson"), get_text("o.ndjson"));
}

/* Where the state cannot be put in place, the scored leads do not appear either. */
Test(cli_score, no_output_without_its_state)
{
    put_text("r.yaml", "assay: 1\nfields: {p: int}\nscores: {s: {rules: [{name: A, when: p > 0, points: 1}]}}\n"
                       "teams: {t: {anywhere: [ann, bob]}}\nroutes: [{name: R, otherwise: true, assign: {round_robin: t}}]\n");
    put_text("l.csv", "lead_id,p\n1,1\n");
    CLI(1, "score r.yaml --leads l.csv --out o.csv --state nowhere/state.csv");
    cr_expect(access("o.csv", F_OK) != 0);
    put_text("state.csv", "");
    CLI(1, "score r.yaml --leads l.csv --out o.csv --state state.csv");
    HAS(cli_err, "state.csv: expected a state file, found an empty one; remove it to begin anew");
}
